"""Sentences for reasons, made where they are read. One table: (rule, code) -> a template over the numbers. Pure.

Numbers whose name ends in _w are shown in kW from 10 kW up, _s as minutes and seconds, _c with one decimal.
"""

from mine_controller.core.model.reason import Reason

SENTENCES: dict[tuple[str, str], str] = {
    ("signal", "begin_off"): "the utility says off: curtailing",
    ("signal", "begin_blind"): "the power signal can't be read any longer: curtailing to be safe",
    ("signal", "curtail_set"): "{by} set the signal to off (for {since_s})",
    ("signal", "curtail_off"): "the utility says off (for {since_s})",
    ("signal", "curtail_blind"): "the power signal can't be read; curtailed to be safe (for {since_s})",
    ("signal", "blind"): "power signal not readable for {silent_s} (grace {grace_s}): {why}",
    ("signal", "missed"): "the last reading of the power signal failed ({why}): nothing starts on an older one",
    ("signal", "releasing"): "the utility says run again; coming back in {left_s}",
    ("signal", "released"): "released after {held_s} curtailed",
    ("signal", "changed"): "power signal changed from {was} to {value}",
    ("signal", "back"): "power signal readable again: {value}",
    ("signal", "long"): "curtailed for {hours} h: longer than any usual event",
    ("temperature", "stop"): "inlet {inlet_c} °C is over {limit_c} °C: everything off until it is below {reset_c} °C",
    ("temperature", "shed"): "inlet {inlet_c} °C is over {limit_c} °C: shedding load step by step",
    ("temperature", "shed_over"): "inlet {inlet_c} °C: heat shedding ends",
    ("temperature", "stop_over"): "inlet {inlet_c} °C: heat stop ends",
    ("temperature", "warm"): "inlet {inlet_c} °C is over {limit_c} °C: every fan runs",
    ("temperature", "unknown"): "inlet temperature unknown for {blind_s}: no starts, fans full",
    ("temperature", "blind"): "inlet temperature unknown for {blind_s}: load is taken down",
    ("temperature", "seen_again"): "inlet temperature readable again",
    ("air", "need"): "fans wanted: {wanted} for {miners} miners; {proven} proven",
    ("air", "room"): "{proven} fans proven: room for no more miners than their air",
    ("air", "ahead"): "{wanted} fans first, for the next step",
    ("air", "cold"): "inlet {inlet_c} °C: {fans} fans keep the warmth in",
    ("air", "short"): "{proven} proven fans can't carry {miners} miners: load goes down to what they can",
    ("air", "lost"): "no fan proves any air: everything off",
    ("air", "back"): "air is proven again by {proven} fans",
    ("air", "seen"): "fan watts readable again",
    ("air", "no_rise"): "no hot air comes back in any more",
    ("cap", "agree"): "meter and outlets agree again",
    ("boot", "inputs_back"): "every needed input is readable again",
    ("ramp", "again"): "the climb goes on",
    ("air", "blind"): "fan watts unknown: air can't be proven",
    ("cap", "room"): "{total_w} of the {cap_w} cap in use",
    ("cap", "over"): "{total_w} is over the margin of the {cap_w} cap: shedding",
    ("cap", "over_cleared"): "{total_w} is inside the {cap_w} cap again",
    ("cap", "breaker"): "branch limit {limit_w}",
    ("cap", "meter_unknown"): "site meter unknown: nothing may increase",
    ("cap", "disagree"): "meter says {meter_w}, outlets and fans say {sum_w}",
    (
        "cap",
        "words_disagree",
    ): "{miners} of {of} miners say they hash and draw nothing: watts in kW, or a wrong outlet map",
    ("cap", "words_agree"): "watts and words agree again",
    ("boot", "first_scan"): "first scans after a start: {good} of {scans} good{missing}",
    ("boot", "storm"): "restarted too often: nothing starts for half an hour",
    ("boot", "restarted"): "the controller has started; what is measured is adopted",
    ("boot", "missing"): "inputs still missing: {what}",
    ("boot", "clock_step"): "the wall clock was stepped; timers follow the boot clock",
    ("cold", "too_cold"): "inlet {inlet_c} °C is below {limit_c} °C: too cold to start",
    ("cold", "too_hot"): "inlet {inlet_c} °C is above {limit_c} °C: too hot to start",
    ("cold", "humidity_unknown"): "humidity unknown: nothing starts",
    ("cold", "humid"): "humidity {humidity_pct} % is above {limit_pct} %: too wet to start",
    ("cold", "dew"): "surfaces at {surface_c} °C are too near the dew point {dew_c} °C",
    ("wear", "maintenance"): "in maintenance",
    ("wear", "spare"): "a spare",
    ("wear", "quarantined"): "in quarantine: {why}",
    ("wear", "min_off"): "must stay off {left_s} more",
    ("wear", "two_writers"): "somebody else switches it; not raised for {left_s} more",
    ("writers", "two"): "{miner} changed {changes} times in an hour without us: not raised for {hold_s}",
    ("writers", "over"): "{miner} is ours alone again",
    ("writers", "dark"): "{miner} went dark by itself {times} times in a day: in quarantine until a person releases it",
    ("watch", "sensor_stuck"): "{sensor} shows {value_c} °C for {for_s} while the load moved by {moved_w}: stuck",
    ("watch", "sensor_moves"): "{sensor} moves again",
    ("wear", "budget"): "{starts} starts today: enough",
    ("wear", "settling"): "told something a moment ago: settling for {left_s} more",
    ("wear", "hot"): "its boards are at {board_c} °C: it starts below {limit_c} °C",
    ("cap", "phase"): "phase limit {limit_w}",
    ("choose", "no_power"): "{free_w} free under the limits: too little for it",
    ("choose", "no_breaker"): "branch {breaker} is full",
    ("choose", "no_phase"): "phase {phase} is full",
    ("errands", "asked"): "{miner}: a person asked for {what}",
    ("errands", "done"): "{miner} took {what} ({verdict})",
    ("errands", "failed"): "{miner} did not take {what}: {verdict} {why}",
    ("units", "firmware"): "the firmware of {miner} changed from {was} to {firmware}",
    ("units", "moved"): "{miner} moved from {was} to {address}",
    ("units", "stranger"): "{address}, where {miner} answered, is now {unit}, which fleet.csv does not list",
    ("wear", "spacing"): "started too recently: {left_s} more",
    ("ramp", "step"): "at most {step} starts per 120 s; {recent} just began",
    ("ramp", "failed"): "{failed} starts in a row came to nothing",
    ("ramp", "hold"): "the climb is paused after {failed} failed starts",
    ("run_on", "lit"): "fans stay while miners draw power",
    ("run_on", "running_on"): "fans run on {left_s} more",
    ("hazard", "smoke"): "SMOKE: outlets off, fans off",
    ("hazard", "water"): "WATER: outlets off",
    ("hazard", "smoke_cleared"): "smoke contact good and resumed",
    ("hazard", "water_cleared"): "water contact good and resumed",
    ("override", "stop"): "EMERGENCY STOP by a person: everything off at the outlets until resumed",
    ("override", "resumed"): "emergency stop resumed",
    ("override", "set"): "{actor} set {key} to {value}: {text}",
    ("override", "manual"): "a person holds an output",
    ("override", "request"): "{actor}: {what} ({reason}) -> {verdict}: {why}",
    ("override", "expired"): "override of {key} is over",
    ("watch", "miner_on"): "{miner} came on by itself",
    ("watch", "miner_off"): "{miner} went dark by itself",
    ("watch", "fan_failed"): "fan {fan} is told on and draws {watts} W of {normal_w}: failed",
    ("watch", "fan_welded"): "fan {fan} is told off and still draws {watts} W: relay welded?",
    ("watch", "fan_freed"): "fan {fan} is told off and stands still again",
    ("watch", "fan_back"): "fan {fan} moves air again",
    ("choose", "not_ours"): "no live section commands it",
    ("choose", "unmeasured"): "its watts are unknown: nothing starts on a guess",
    ("choose", "unreachable"): "nobody can be told to start it now",
    ("choose", "waiting"): "waiting for its turn",
    ("choose", "start"): "{starts} to start",
    ("choose", "over_limit"): "over a limit",
    ("choose", "fan_down"): "{fans} fans are enough",
    ("choose", "fans_first"): "{fans} fans first",
    ("compare", "outlet_map"): "{outlet} is dark and {miner} says it hashes: the outlet map is wrong",
    ("air", "recirculating"): "inlet {inlet_c} °C, outside {outside_c} °C: hot air comes back in; load goes down",
    ("compare", "start_failed"): "{miner} was told to run and draws {watts} W",
    ("schedule", "begins"): "schedule {name} begins",
    ("schedule", "ends"): "schedule {name} ends",
    ("schedule", "stop"): "schedule {name}: off",
    ("schedule", "miners"): "schedule {name}: at most {miners} miners",
    ("schedule", "power"): "schedule {name}: at most {power_w}",
    ("schedule", "wish"): "schedule {name}",
    ("solar", "enough"): "{spare_w} to spare: mining on the sun",
    ("solar", "short"): "{spare_w} to spare: too little sun",
    ("solar", "follow"): "{spare_w} to spare",
    ("solar", "unknown"): "the meter is silent for {blind_s} ({why}): nothing starts",
    ("solar", "blind"): "the meter is silent for {blind_s} ({why}): the miners rest",
    ("shed", "proven"): "{power_w} measured, below {floor_w}: curtailed {took_s} after the signal",
    ("shed", "unproven"): "still {power_w}, over {floor_w}; open: {stragglers} and {more} more. Open their breakers",
    (
        "shed",
        "unverified",
    ): "no meter proves that the miners are off; {unknown} unknown; open: {stragglers}, {more} more",
    ("shed", "report"): (
        "{cause} lasted {lasted_s}: first command +{first_command_s}, 50 % +{shed_50_s}, 90 % +{shed_90_s}, "
        "proven +{shed_100_s}; {before_w} -> {confirmed_w} (floor {floor_w}); gentle {gentle}, outlet {hard}"
    ),
    ("store", "trouble"): "database: {text}",
    ("store", "died"): "{text}; its commands are judged by measurement",
    ("store", "backup_failed"): "the backup failed: {text}",
    ("store", "restored"): "{copy} was put in force by {actor}; what was before lies in {aside}",
    ("store", "reset"): "history was set aside in {aside} by {actor}; wear {wear}",
    ("store", "pruned"): "{rows} old rows of {tables} were taken out by {actor}",
    ("store", "refused"): "{rows} rows could not be stored",
    ("alarm", "temperature_warning"): "inlet {inlet_c} °C is over {limit_c} °C",
    ("alarm", "temperature_danger"): "inlet {inlet_c} °C is over {limit_c} °C: dangerous",
    ("alarm", "humidity_high"): "humidity {humidity_pct} %",
    ("alarm", "frequency_low"): "{grid_hz} Hz where {nominal_hz} Hz belong",
    ("alarm", "frequency_high"): "{grid_hz} Hz where {nominal_hz} Hz belong",
    ("alarm", "door_open"): "the door is open",
    ("alarm", "mains_lost"): "the mains are gone",
    ("alarm", "device_unreachable"): "{device} does not answer: {why}",
    ("alarm", "database"): "the database is in trouble: {why}",
    ("alarm", "disk"): "the disk is nearly full: {why}",
    ("alarm", "config_broken"): "config.txt is broken, the last good one runs: {why}",
    ("alarm", "backup_failed"): "the last backup failed: {why}",
    ("alarm", "clock_unsynced"): "nothing keeps the clock of the controller right",
    ("alarm", "over_breaker"): "{total_w} on a branch that stands {limit_w} for long",
    ("alarm", "miner_offline"): "{miner} is dark and silent for {silent_s}",
    ("alarm", "chip_warning"): "{miner} has chips of {chip_c} °C, over {limit_c} °C",
    ("alarm", "chip_danger"): "{miner} has chips of {chip_c} °C, over {limit_c} °C: dangerous",
    ("alarm", "filter_clogged"): "{what} shows {now} where {learned} was learned, for a day",
    ("alarm", "high_reject"): "{miner}: {reject_pct} % of {shares} shares in an hour were refused",
    ("alarm", "signal_forced"): "{actor} runs the mine against the utility's word for {left_s} more: {text}",
    ("alarm", "over"): "{kind} is over after {for_s}",
    ("alarm", "acked"): "{actor} has seen {kind}, {for_s} after it was raised",
    ("alarm", "chatters"): "{kind} of {about} was raised {times} times in half an hour: held open",
    ("decide", "running"): "{on} of {miners} miners run",
    ("decide", "climbing"): "starting {starts}; {on} of {miners} run",
    ("decide", "mode"): "{was} -> {mode}",
    ("decide", "no_miners"): "no miner is configured",
    ("decide", "fault"): "the controller does not trust itself",
    ("decide", "rule_failed"): "rule {rule} failed ({error}): its layer takes the safe side",
    ("decide", "rule_back"): "rule {rule} works again",
}


def sentence(reason: Reason) -> str:
    """The sentence for a reason; an unknown code shows its data rather than nothing."""
    template = SENTENCES.get((reason.rule, reason.code))
    shown = {name: show(name, value) for name, value in reason.numbers}
    if template is None:
        return f"{reason.rule}: {reason.code}" + "".join(f" {name}={value}" for name, value in shown.items())
    if reason.code == "first_scan" and shown.get("missing"):
        shown["missing"] = "; missing: " + shown["missing"]
    return template.format_map(_Shown(shown))


class _Shown(dict[str, str]):
    """A number the reason does not carry shows as a question mark."""

    def __missing__(self, key: str) -> str:
        return "?"


def show(name: str, value: float | str) -> str:
    """One number the way people read it."""
    if isinstance(value, str):
        return value
    if name.endswith("_w"):
        return f"{value / 1000:.0f} kW" if abs(value) >= 10_000 else f"{value:.0f} W"
    if name.endswith("_s"):
        return show_seconds(int(value))
    if name.endswith(("_c", "_k")):
        return f"{value:.1f}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def show_seconds(seconds: int) -> str:
    """12 s · 4 min · 1 h 20 min."""
    if seconds < 120:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60} h"
