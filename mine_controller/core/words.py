"""Sentences for reasons, made where they are read. One table: (rule, code) -> a template over the numbers. Pure.

Numbers whose name ends in _w are shown in kW from 10 kW up, _s as minutes and seconds, _c with one decimal.
"""

from collections.abc import Callable

from mine_controller.core.model.reason import Reason
from mine_controller.core.spoken import Units, spoken

SENTENCES: dict[tuple[str, str], str] = {
    ("signal", "begin_off"): "the utility says off: curtailing",
    ("signal", "begin_blind"): "the power signal can't be read any longer: curtailing to be safe",
    ("signal", "curtail_set"): "{by} set the signal to off (for {since_s})",
    ("signal", "curtail_off"): "the utility says off (for {since_s})",
    ("signal", "curtail_blind"): "the power signal can't be read; curtailed to be safe (for {since_s})",
    ("signal", "curtail_last"): "the utility's last word is off (for {since_s}), and it can't be read now",
    (
        "signal",
        "confirming",
    ): "the utility says run: curtailed (for {since_s}) until it has said so {confirm} times in a row, {runs} so far",
    ("signal", "blind"): "power signal not readable for {silent_s} (grace {grace_s}): {why}",
    ("signal", "missed"): "the last reading of the power signal failed ({why}): nothing starts on an older one",
    ("signal", "releasing"): "the utility says run again; coming back in {left_s}",
    ("signal", "released"): "released after {held_s} curtailed",
    ("signal", "changed"): "power signal changed from {was} to {value}",
    ("signal", "first"): "the power signal says {value} at the first look",
    ("signal", "back"): "power signal readable again: {value}",
    ("signal", "stood_in"): "{actor} answers for the power signal, which can't be read: {value}",
    ("signal", "long"): "curtailed for {hours} h: longer than any usual event",
    ("temperature", "stop"): "inlet {inlet_c} °C is over {limit_c} °C: everything off until it is below {reset_c} °C",
    (
        "temperature",
        "stop_held",
    ): "inlet {inlet_c} °C after a heat stop: everything off until it has been below {reset_c} °C for {for_s}",
    ("temperature", "stop_cooling"): "inlet {inlet_c} °C after a heat stop: everything off for {left_s} more at most",
    (
        "temperature",
        "stop_latched",
    ): "inlet {inlet_c} °C after one heat stop too many in a day: everything off until `minectl resume`",
    (
        "temperature",
        "stop_rationed",
    ): "inlet {inlet_c} °C after one heat stop too many in a day: everything off until `minectl resume`, "
    "or for {left_s} more at least",
    (
        "temperature",
        "stop_unseen",
    ): "a heat stop, and the inlet is unknown: everything off until it is below {reset_c} °C",
    ("temperature", "shed"): "inlet {inlet_c} °C is over {limit_c} °C: shedding load step by step",
    (
        "temperature",
        "shed_held",
    ): "inlet {inlet_c} °C, no longer over {limit_c} °C: load stays down until it is below {below_c} °C for {for_s}",
    ("temperature", "shed_unseen"): "heat shedding, and the inlet is unknown: load stays down until that is cool",
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
    ("air", "dead"): "nothing feeds the site, its fans neither: everything off until it is fed again",
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
    ("cold", "too_cold_held"): "inlet {inlet_c} °C was below {limit_c} °C: too cold to start for {left_s} more at most",
    ("cold", "too_hot_held"): "inlet {inlet_c} °C was above {limit_c} °C: too hot to start for {left_s} more at most",
    (
        "cold",
        "humid_held",
    ): "humidity {humidity_pct} % was above {limit_pct} %: too wet to start for {left_s} more at most",
    (
        "cold",
        "dew_held",
    ): "surfaces at {surface_c} °C were too near the dew point {dew_c} °C: nothing starts for {left_s} more at most",
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
    ("air", "doubted"): "inlet {inlet_c} °C with {outside_c} °C outside: not believed, every fan on",
    ("air", "believed"): "the inlet shows air that can be",
    ("alarm", "probes_apart"): "inlet probes show {low_c} to {high_c} °C",
    ("branch", "tripped"): "{branch} went dark with {miners} miners: not started until a person acks it",
    ("branch", "back"): "{branch} is on again, or a person has seen it",
    ("cap", "phase"): "phase limit {limit_w}",
    ("cap", "apart"): "phases at most {apart_w} apart",
    ("choose", "no_power"): "{free_w} free under the limits: too little for it",
    ("choose", "no_breaker"): "branch {breaker} is full",
    ("choose", "no_phase"): "phase {phase} is full",
    ("choose", "phases_apart"): "phase {phase} would carry {ahead_w} more than the least loaded one",
    ("errands", "asked"): "{miner}: a person asked for {what}",
    ("errands", "done"): "{miner} took {what} ({verdict})",
    ("errands", "failed"): "{miner} did not take {what}: {verdict} {why}",
    ("units", "best"): "{miner}: best share yet, difficulty {best} ({was} before)",
    ("units", "list_shrunk"): "{gone} of {known} known miners are in fleet.csv no longer: nobody stops them now",
    ("units", "firmware"): "the firmware of {miner} changed from {was} to {firmware}",
    ("units", "renamed"): "{miner} was called {was}: its wear, and what people hold of it, stay with it",
    ("units", "moved"): "{miner} moved from {was} to {address}",
    ("units", "stranger"): "{address}, where {miner} answered, is now {unit}, which fleet.csv does not list",
    ("units", "stranger_left"): "{miner} answers at {address} again",
    ("wear", "spacing"): "started too recently: {left_s} more",
    ("ramp", "step"): "at most {step} starts per 120 s; {recent} just began",
    ("held", "freed"): "starts are not held back any more",
    ("ramp", "failed"): "{failed} starts in a row came to nothing",
    ("ramp", "hold"): "the climb is paused after {failed} failed starts",
    ("run_on", "lit"): "fans stay while miners draw power",
    ("run_on", "running_on"): "fans run on {left_s} more",
    ("hazard", "smoke"): "SMOKE: outlets off, fans off",
    ("hazard", "water"): "WATER: outlets off",
    (
        "hazard",
        "smoke_held",
    ): "SMOKE was seen {since_s} ago; its contact is good again: outlets, fans stay off until an ack",
    ("hazard", "water_held"): "WATER was seen {since_s} ago; its contact is good again: outlets stay off until an ack",
    ("hazard", "smoke_cleared"): "smoke contact good and resumed",
    ("hazard", "water_cleared"): "water contact good and resumed",
    ("override", "stop"): "EMERGENCY STOP by a person: everything off until resumed",
    ("override", "resumed"): "emergency stop resumed",
    ("override", "set"): "{actor} set {key} to {value}: {text}",
    ("override", "manual"): "a person holds an output",
    ("override", "request"): "{actor}: {what} ({reason}) -> {verdict}: {why}",
    ("override", "expired"): "override of {key} is over",
    ("watch", "miner_on"): "{miner} came on by itself",
    ("watch", "miner_off"): "{miner} went dark by itself",
    ("watch", "start_worked"): "{miner} runs after all",
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
    ("liars", "known"): "{miner} said yes to a stop and drew on, {times} times in a week: its outlet goes first",
    ("compare", "outlet_map"): "{outlet} is dark and {miner} says it hashes: the outlet map is wrong",
    ("air", "recirculating"): "inlet {inlet_c} °C, outside {outside_c} °C: hot air comes back in; load goes down",
    (
        "air",
        "recirculating_held",
    ): "inlet {inlet_c} °C, outside {outside_c} °C after hot air came back in: load stays down {left_s} more at least",
    (
        "air",
        "recirculating_unseen",
    ): "hot air came back in, and the temperature {where} is unknown: load stays down, every fan runs",
    ("compare", "start_failed"): "{miner} was told to run and draws {watts} W",
    ("schedule", "begins"): "schedule {name} begins",
    ("schedule", "ends"): "schedule {name} ends",
    ("schedule", "stop"): "schedule {name}: off",
    ("schedule", "miners"): "schedule {name}: at most {miners} miners",
    ("schedule", "power"): "schedule {name}: at most {power_w}",
    ("schedule", "wish"): "schedule {name}",
    ("band", "price"): "band {band} at {price} p/kWh: {coin}",
    ("band", "ahead"): "band {band}, because the next slot costs {price} p/kWh: {coin}",
    ("band", "next"): "band {band} at {price} p/kWh: the slot after this one is dearer",
    ("band", "blind"): "band {band} at {price} p/kWh: the slot after this one is not published",
    ("band", "dwell"): "band {band} at {price} p/kWh: it is held for a slot first",
    ("band", "unknown"): "band {band}, because the price is not known: {coin}",
    ("band", "set"): "{actor} set it: band {band}, {coin} ({text})",
    ("band", "to_price"): "band {was} -> {band} at {price} p/kWh: {coin}",
    ("band", "to_ahead"): "band {was} -> {band}, the next slot costs {price} p/kWh: {coin}",
    ("band", "to_next"): "band {was} -> {band} at {price} p/kWh, no further: the slot after it is dearer",
    ("band", "to_blind"): "band {was} -> {band} at {price} p/kWh: the slot after it is not published",
    ("band", "to_dwell"): "band {was} -> {band} at {price} p/kWh",
    ("band", "to_unknown"): "band {was} -> {band}, because the price is not known: {coin}",
    ("band", "to_set"): "band {was} -> {band}, set by {actor} ({text}): {coin}",
    ("band", "missing"): "the price is not known ({why}): band {band} holds until it is",
    ("band", "known"): "the price is known again: {price} p/kWh",
    ("band", "price_high"): "the price is {price} p/kWh, above {limit}",
    ("band", "price_low"): "the price is {price} p/kWh, below {limit}",
    ("band", "optimal_price"): "the cheapest slot of the day begins: {price} p/kWh",
    ("profit", "low"): "{miner} earns {earns} p and costs {costs} p an hour: it rests",
    ("profit", "all_low"): "{miners} miners cost more than they earn at {price} p/kWh and rest",
    ("profit", "all_back"): "mining pays again at {price} p/kWh",
    ("profit", "coin"): "{coin} pays best: {value} p per TH/s and day",
    ("band", "champion"): "only the {count} most efficient run in band {band}",
    ("tuning", "begun"): "{miner}: the search for its best setting begins at {to}",
    ("tuning", "tries"): "{miner}: {now} J/TH so far, tries {to}",
    ("tuning", "tries_after"): "{miner}: {why}; tries {to}",
    ("tuning", "back"): "{miner}: {why}; back to {to}",
    ("tuning", "done"): "{miner}: {was} -> {now} J/TH at {to}",
    ("tuning", "left"): "{miner} is no longer tuned: {why}",
    ("tuning", "holds"): "{miner} is being tuned: its mode is its own",
    ("tuning", "wants"): "{miner} is tuned to {to}",
    ("tuning", "cools"): "{miner} is too hot: tuned to {to}",
    ("solar", "enough"): "{spare_w} to spare: mining on the sun",
    ("solar", "short"): "{spare_w} to spare: too little sun",
    ("solar", "follow"): "{spare_w} to spare",
    ("solar", "unknown"): "the meter is silent for {blind_s} ({why}): nothing starts",
    ("solar", "blind"): "the meter is silent for {blind_s} ({why}): the miners rest",
    ("shed", "proven"): "{power_w} measured, below {floor_w}: proven down {took_s} after it was asked for",
    ("shed", "said"): "{power_w}, below {floor_w}: down {took_s} after it was asked for, {by_word} by their word alone",
    ("shed", "unproven"): "still {power_w}, over {floor_w}; open: {stragglers}{more}. Open their breakers",
    (
        "shed",
        "unverified",
    ): "no meter proves that {unknown} miners are off; look at {stragglers}{more}",
    ("shed", "report"): (
        "curtailed by {cause}, {lasted_s} until it was released: first command +{first_command_s}, "
        "50 % +{shed_50_s}, 90 % +{shed_90_s}, proven +{shed_100_s}; {before_w} -> {confirmed_w} (floor {floor_w}); "
        "gentle {gentle}, outlet {hard}"
    ),
    ("shed", "report_blind"): (
        "curtailed to be safe for {lasted_s}, because the signal could not be read: first command +{first_command_s}, "
        "50 % +{shed_50_s}, 90 % +{shed_90_s}, proven +{shed_100_s}; {before_w} -> {confirmed_w} (floor {floor_w}); "
        "gentle {gentle}, outlet {hard}"
    ),
    ("drill", "done"): "drill {name} {result}, held by {actor}: {text}",
    ("store", "trouble"): "database: {text}",
    ("store", "died"): "{text}; its commands are judged by measurement",
    ("store", "backup_failed"): "the backup failed: {text}",
    ("store", "restored"): "{copy} was put in force by {actor}; what was before lies in {aside}",
    ("store", "reset"): "history was set aside in {aside} by {actor}; wear {wear}",
    ("store", "pruned"): "{rows} old rows of {tables} were taken out by {actor}",
    ("store", "refused"): "{rows} rows could not be stored",
    ("alarm", "temperature_warning"): "inlet {inlet_c} °C is over {limit_c} °C",
    ("alarm", "temperature_danger"): "inlet {inlet_c} °C is over {limit_c} °C: dangerous",
    ("alarm", "temperature_eased"): "inlet {inlet_c} °C, no longer over {limit_c} °C: ends at {clear_c} °C",
    ("alarm", "humidity_high"): "humidity {humidity_pct} %",
    ("alarm", "frequency_low"): "{grid_hz} Hz where {nominal_hz} Hz belong",
    ("alarm", "frequency_high"): "{grid_hz} Hz where {nominal_hz} Hz belong",
    ("alarm", "door_open"): "the door is open",
    ("alarm", "mains_lost"): "the mains are gone",
    ("alarm", "feed_dead"): "nothing feeds the site: its meter shows {power_w}, and nothing that hangs on it draws",
    ("alarm", "feed_silent"): "the source says it gives nothing, and nothing that hangs on it answers",
    ("alarm", "feed_stopped"): "the source says it gives nothing, and nothing feeds the site: all is dark",
    ("alarm", "device_unreachable"): "{device} does not answer: {why}",
    ("alarm", "device_frozen"): "{device} answers, and what it tells is not believed: {why}",
    ("alarm", "doubled"): "{addresses} say that they are {miner}: what it does is unknown while they do",
    ("alarm", "required_lost"): "{what} is unknown, and this site requires it: {why}",
    ("alarm", "database"): "the database is in trouble: {why}",
    ("alarm", "disk"): "the disk of the database: {why}",
    ("alarm", "config_broken"): "the config is broken, the last good one runs: {why}",
    ("alarm", "backup_failed"): "the last backup failed: {why}",
    ("alarm", "ticks_skipped"): "{ticks} ticks in a row could not begin: another process held the lock",
    ("alarm", "clock_unsynced"): "nothing keeps the clock of the controller right",
    ("alarm", "controller_hot"): "the controller is {board_c} °C hot",
    ("alarm", "controller_slowed"): "the controller runs slower: it is too hot, or its supply is weak",
    ("alarm", "memory_low"): "the controller has {free_pct} % of its memory free",
    ("alarm", "ups_on_battery"): "{device} lives on its battery, {charge_pct} % of it left",
    ("alarm", "ups_low"): "the battery of {device} is low or worn out, {charge_pct} % of it left",
    ("alarm", "over_breaker"): "{total_w} on a branch that stands {limit_w} for long",
    ("alarm", "miner_unseen"): "{miner} is listed and was never found",
    ("alarm", "miner_offline"): "{miner} is dark and silent for {silent_s}",
    ("alarm", "miner_silent"): "{miner} has not answered for {silent_s}, and whether it draws power is not known",
    ("alarm", "chip_warning"): "{miner} has chips of {chip_c} °C, over {limit_c} °C",
    ("alarm", "chip_danger"): "{miner} has chips of {chip_c} °C, over {limit_c} °C: dangerous",
    ("alarm", "chip_eased"): "{miner} has chips of {chip_c} °C, no longer over {limit_c} °C: ends at {clear_c} °C",
    ("alarm", "filter_clogged"): "{what} shows {now} where {learned} was learned, for a day",
    ("alarm", "high_reject"): "{miner}: {reject_pct} % of {shares} shares in an hour were refused",
    ("alarm", "signal_forced"): "{actor} runs the mine against the utility's word for {left_s} more: {text}",
    ("alarm", "over"): "{kind} is over after {for_s}",
    ("alarm", "acked"): "{actor} has seen {kind}, {for_s} after it was raised",
    ("alarm", "chatters"): "{kind} of {about} was raised {times} times in half an hour: held open",
    ("grid", "unknown"): "frequency unknown ({why}): nothing starts",
    ("grid", "low"): "{grid_hz} Hz; nothing starts until it has stayed over {block_hz} Hz for a while",
    ("grid", "shed"): "{grid_hz} Hz after falling below {shed_hz} Hz: held at {cap_w}",
    ("grid", "off"): "{grid_hz} Hz after falling far below {shed_hz} Hz: everything off",
    ("grid", "step"): "{grid_hz} Hz, below {shed_hz} Hz: down to {cap_w}",
    ("grid", "back"): "{grid_hz} Hz: good for long enough, load may come back",
    ("grid", "look_again"): "a low frequency is looked at twice",
    ("voltage", "unknown"): "voltage unknown ({why}): nothing starts",
    ("voltage", "no_nominal"): "nominal_v in [site] is not set, so no voltage can be judged: nothing starts",
    ("voltage", "low"): "{voltage_v} V of {nominal_v} V; nothing starts until it has been good for a while",
    ("voltage", "shed"): "{voltage_v} V of {nominal_v} V: held at {cap_w}",
    ("voltage", "off"): "{voltage_v} V of {nominal_v} V was far too low: everything off",
    ("voltage", "step"): "{voltage_v} V of {nominal_v} V: load goes down a step",
    ("voltage", "back"): "{voltage_v} V of {nominal_v} V: good for long enough, load may come back",
    ("voltage", "too_high"): "{high_v} V is above {most_v} V: nothing starts",
    ("voltage", "high"): "{high_v} V: too high",
    ("voltage", "high_over"): "{high_v} V: no longer too high",
    ("supply", "room"): "{total_w} of the {available_w} the source can give in use",
    ("supply", "over"): "held under the margin of the {available_w} the source can give ({total_w} in use)",
    ("supply", "none"): "the source counts as giving nothing",
    ("supply", "silent"): "{what} unknown for {silent_s}: the source counts as giving {unknown_w}",
    ("supply", "short"): "still {total_w} on a source that can give {available_w}",
    ("supply", "enough"): "{total_w} fits into the {available_w} the source can give again",
    ("supply", "beside"): (
        "no miner runs, and {total_w} of the {available_w} the source can give is in use: "
        "by others, or the meter is wrong"
    ),
    ("supply", "dry"): "the source can give {available_w}, too little for any miner: all are off ({total_w} in use)",
    ("supply", "unknown"): "{what} unknown for {silent_s}: nothing starts on a source that can't be judged",
    ("supply", "blind"): "{what} unknown ({why}): the source counts as giving {unknown_w}",
    ("supply", "unseen"): "{what} unknown ({why}): nothing starts meanwhile",
    ("supply", "known"): "everything the source tells is known again",
    ("demand", "room"): "{average_w} on average over {window_s}, {limit_w} agreed",
    ("demand", "near"): "the average over {window_s} would come to {average_w} of the {limit_w} agreed",
    ("wall", "warm"): "inlet {inlet_c} °C in air of {humidity_pct} %: the wall is kept wet",
    ("wall", "cool"): "inlet {inlet_c} °C: cool enough without the wall",
    ("wall", "humid"): "air of {humidity_pct} % takes no more water: the wall's pump stands",
    ("wall", "unknown"): "inlet {inlet_c} °C, humidity {humidity_pct} %: the wall's pump stands while one is unknown",
    ("wall", "tank"): "no word that the wall's tank holds water: its pump stands",
    ("wall", "hazard"): "water or smoke where none should be: the wall's pump stands",
    ("wall", "idle"): "nobody mines: the wall's pump stands",
    ("wall", "no_air"): "no fan is proven: the wall's pump stands",
    (
        "wall",
        "dry",
    ): "the wall's pump runs and air comes in at {inlet_c} °C, {outside_c} °C outside: no water, or no pump",
    ("wall", "wet"): "the wall cools again, or its pump stands: {inlet_c} °C inside, {outside_c} °C outside",
    ("lamp", "emergency"): "nobody has acked an emergency: {kind} of {about}",
    ("lamp", "emergencies"): "nobody has acked {count} emergencies, the oldest {kind} of {about}",
    ("lamp", "untold"): "{text}",
    ("lamp", "held"): "what lit the lamp is over: it goes out in a moment",
    ("lamp", "seen"): "a person has seen what there is",
    ("lamp", "calm"): "nothing calls for people",
    ("alarm", "lamp_stuck"): "{relay} shows {now} where {want} is wanted: the lamp can't be relied on",
    ("uplinks", "down"): "uplink {link} is down: {why}",
    ("uplinks", "up"): "uplink {link} is good again, after {for_s}",
    ("uplinks", "offline"): "no way to the internet for {for_s}",
    ("uplinks", "online"): "the internet is back after {for_s}",
    ("uplinks", "look_again"): "no uplink answers: looked at twice",
    ("uplinks", "gone"): "no way to the internet: the local pool is open for whoever looks for it",
    ("uplinks", "no_work"): "no way to the internet for {for_s} and no local pool that works: nothing starts",
    ("uplinks", "held"): "no internet for {for_s}: miners are kept busy by {pool}",
    ("uplinks", "sleep"): "no internet for {for_s} and no local pool: miners sleep",
    ("uplinks", "dummy"): "the local pool {pool} is open and gives work",
    ("uplinks", "dead"): "the local pool {pool} is needed and gives no work",
    ("uplinks", "alive"): "the local pool {pool} gives work",
    ("uplinks", "unneeded"): "the local pool is not needed any more",
    ("uplinks", "return"): "the internet is back: {miners} miners go back to their own pool",
    ("uplinks", "closed"): "the local pool is closed; {miners} miners are still to go back",
    ("uplinks", "stuck"): "{miners} miners did not come back from the local pool: {names}{more}",
    ("uplinks", "restart"): "{miners} miners did not come back from the local pool: started anew, once",
    ("uplinks", "returned"): "every miner is back from the local pool",
    ("uplinks", "share_loss"): "{loss_pct} % of {shares} shares got lost in half an hour; the goal is {goal_pct} %",
    ("uplinks", "share_loss_over"): "{loss_pct} % of {shares} shares got lost in half an hour",
    ("failover", "down"): "pool {pool} is down ({why}); {miners} miners are on it and nothing stands in",
    ("failover", "down_instead"): "pool {pool} is down ({why}); {instead} stands in for {miners} miners",
    ("failover", "up"): "pool {pool} works again ({why})",
    ("failover", "instead"): "{instead} stands in for pool {pool} ({why})",
    ("failover", "home"): "back to pool {pool}",
    ("failover", "block"): "{pool}: block {block} found {at}",
    ("decide", "running"): "{on} of {miners} miners run",
    ("decide", "running_unseen"): "{on} of {miners} miners run, {unseen} of them unmeasured",
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
    if "more" in shown:  # of a list that is cut short
        shown["more"] = f" and {shown['more']} more" if shown["more"] != "0" else ""
    return template.format_map(_Shown(shown))


def speaker(units: Units) -> Callable[[Reason], str]:
    """`sentence` in these units."""
    return sentence if units == Units() else lambda reason: spoken(sentence(reason), units)


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
