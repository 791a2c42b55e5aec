"""Every kind of alarm as one table: how grave, how slow, what ends it, what it follows from, what is done about it.

A kind is the kind of the event that raises it, or the name of a watch (`watches.py`). Figures after the owners' list:
inlet 35 / 40 °C, 97 % of the cap, 5 % rejects in an hour, 20 % drift for a day; the same event 5 min apart,
temperatures 15, on/offline at once after its delay.
"""

from functools import cache

from mine_controller.core.model.alarm import AlarmPolicy, Ways
from mine_controller.record import NamedTuple

DAY_S = 86_400
HOT_S = 900
TICKS_3_S = 360


class Kind(NamedTuple):
    """One row. `over`: the event kinds that end it (() with `watched`: its own watch does).

    under: kinds it may be a consequence of. safety: can't be shelved, switched off or lowered. many: one a unit, told
    together. single: ended only by an event about the same thing. once: told, and does not stand. watched: judged
    from the image each tick. threshold None: it has no figure of its own.
    """

    name: str
    severity: str
    over: tuple[str, ...] = ()
    under: tuple[str, ...] = ()
    safety: bool = False
    many: bool = False
    single: bool = False
    once: bool = False
    watched: bool = False
    on: bool = True
    delay_s: int = 0
    off_delay_s: int = 0
    cool_s: int = 300
    threshold: float | None = None
    clear: float = 0.0
    unit: str = ""
    low: bool = False  # the threshold is undercut, not exceeded
    lasts_s: int = DAY_S  # what nothing ends leaves the list after this
    grows: bool = False  # an event about a standing one means that it got worse: it is told anew, also who has seen it


_GONE = ("device_unreachable", "site_silent", "mains_lost")
_NO_WORK = ("pool_down", "uplink_down", "offline", "dummy_pool")
# What leads to a hold and is told by itself.
_HOLDING = (
    *("mains_lost", "site_silent", "device_unreachable", "device_frozen"),
    *("required_lost", "inputs_missing", "inlet_blind"),
    *("signal_blind", "supply_blind", "fan_meter_blind", "air_lost", "air_short", "heat_stop", "recirculating"),
    *("ramp_failed", "clock_step", "meters_disagree", "watts_implausible", "offline", "dummy_pool_dead"),
)
_ROWS = (
    # -- people and fire
    Kind("smoke", "emergency", over=("smoke_cleared",), safety=True),
    Kind("water", "emergency", over=("water_cleared",), safety=True),
    Kind("emergency_stop", "emergency", over=("emergency_stop_over",), safety=True),
    # -- power from outside
    Kind("mains_lost", "emergency", watched=True, off_delay_s=TICKS_3_S),
    Kind("site_silent", "emergency", under=("mains_lost",), watched=True, delay_s=240, off_delay_s=TICKS_3_S),
    Kind("ups_low", "emergency", watched=True, off_delay_s=TICKS_3_S),
    Kind("ups_on_battery", "warning", under=("mains_lost", "ups_low"), watched=True, off_delay_s=TICKS_3_S),
    Kind("ups_worn", "warning", watched=True, delay_s=3600, off_delay_s=TICKS_3_S),  # an empty one charges meanwhile
    Kind("supply_short", "warning", over=("supply_enough",), under=("supply_blind", "mains_lost", "meters_disagree")),
    Kind("supply_blind", "warning", over=("supply_known",), under=(*_GONE, "device_frozen")),
    Kind("frequency_shed", "warning", over=("frequency_back",), under=("frequency_low", "mains_lost")),
    Kind("voltage_shed", "warning", over=("voltage_back",), under=("mains_lost",)),
    Kind("voltage_high", "warning", over=("voltage_high_over",)),
    Kind(
        "frequency_low",
        "warning",
        watched=True,
        delay_s=120,
        off_delay_s=TICKS_3_S,
        threshold=0.5,
        clear=0.3,
        unit="Hz off nominal",
    ),
    Kind(
        "frequency_high",
        "warning",
        watched=True,
        delay_s=120,
        off_delay_s=TICKS_3_S,
        threshold=0.5,
        clear=0.3,
        unit="Hz off nominal",
    ),
    # -- air and heat
    Kind("air_lost", "emergency", over=("air_back",), under=("smoke",), safety=True),  # smoke stops the fans
    Kind("heat_stop", "emergency", over=("heat_stop_over",), under=("air_lost",), safety=True, cool_s=HOT_S),
    Kind(
        "temperature_danger",
        "emergency",
        under=("heat_stop", "air_lost"),
        safety=True,
        watched=True,
        off_delay_s=TICKS_3_S,
        cool_s=HOT_S,
        threshold=40.0,
        clear=38.0,
        unit="°C",
    ),
    Kind(
        "heat_shed",
        "warning",
        over=("heat_shed_over",),
        under=("heat_stop", "temperature_danger", "air_lost", "air_short"),
        cool_s=HOT_S,
    ),
    Kind(
        "temperature_warning",
        "warning",
        under=("heat_shed", "heat_stop", "temperature_danger", "air_lost", "air_short", "recirculating", "mains_lost"),
        watched=True,
        delay_s=120,
        off_delay_s=TICKS_3_S,
        cool_s=HOT_S,
        threshold=35.0,
        clear=33.0,
        unit="°C",
    ),
    Kind("air_short", "warning", over=("air_back",), under=("air_lost",)),
    Kind("recirculating", "warning", over=("recirculating_over",), under=("air_lost",)),
    Kind("fan_fault", "warning", over=("fan_back",), under=("air_lost", "fan_meter_blind"), many=True, single=True),
    Kind("fan_welded", "warning", over=("fan_freed",), many=True, single=True),
    Kind(
        "filter_clogged",
        "warning",
        many=True,
        single=True,
        watched=True,
        off_delay_s=7200,
        cool_s=DAY_S,
        threshold=20.0,
        clear=15.0,
        unit="%",
    ),
    # -- the contract
    Kind("signal_blind", "warning", over=("signal_back",), under=("device_unreachable", "uplink_down")),
    Kind("curtail_unproven", "emergency", over=("curtailed", "curtail_report"), grows=True),
    Kind("signal_forced", "emergency", watched=True),
    Kind("signal_changed", "warning", once=True),
    Kind("override_ends", "warning", once=True),
    Kind("curtail", "warning", under=("signal_changed", "signal_blind"), once=True),
    Kind("curtail_long", "warning", once=True),
    Kind("curtailed", "info", once=True),
    Kind("curtail_report", "info", once=True),
    # -- power inside
    Kind(
        "over_breaker",
        "emergency",
        watched=True,
        delay_s=120,
        off_delay_s=TICKS_3_S,
        threshold=100.0,
        clear=97.0,
        unit="% of the limit",
    ),
    Kind("branch_tripped", "warning", over=("branch_back",), single=True),
    Kind("over_cap", "warning", over=("over_cap_cleared",)),
    Kind("meters_disagree", "warning", over=("meters_agree",), under=("curtail_unproven",)),
    Kind("watts_implausible", "warning", over=("watts_plausible",)),
    Kind("dark_but_hot", "warning", over=("dark_and_cool",)),
    # -- inputs
    Kind(
        "inlet_blind", "emergency", over=("inlet_back",), under=("mains_lost", "site_silent"), safety=True, cool_s=HOT_S
    ),
    Kind("inlet_doubted", "warning", over=("inlet_believed",), cool_s=HOT_S),
    Kind(
        "probes_apart",
        "warning",
        under=("inlet_doubted", "device_unreachable"),
        watched=True,
        delay_s=600,
        off_delay_s=TICKS_3_S,
        cool_s=HOT_S,
        threshold=8.0,
        clear=6.0,
        unit="K",
    ),
    Kind(
        "fan_meter_blind",
        "warning",
        over=("fan_meter_back",),
        under=("device_unreachable", "device_frozen", "air_lost", "site_silent", "mains_lost"),
    ),
    Kind("uplink_down", "warning", over=("uplink_up",), many=True, single=True),
    Kind(
        "device_unreachable",
        "warning",
        under=("inlet_blind", "fan_meter_blind", "signal_blind", "uplink_down", "site_silent", "mains_lost", "ups_low"),
        many=True,
        single=True,
        watched=True,
        delay_s=120,
    ),
    Kind("device_frozen", "warning", under=("fan_meter_blind",), many=True, single=True, watched=True, delay_s=120),
    Kind("sensor_stuck", "warning", over=("sensor_moves",), many=True, single=True),
    Kind(
        "inputs_missing",
        "warning",
        over=("inputs_back",),
        under=("device_unreachable", "inlet_blind", "signal_blind", "fan_meter_blind"),
    ),
    Kind(
        "required_lost",
        "emergency",
        under=("mains_lost", "site_silent"),
        many=True,
        single=True,
        watched=True,
        delay_s=TICKS_3_S,
    ),
    Kind("door_open", "warning", watched=True, delay_s=600, off_delay_s=120),
    Kind(
        "humidity_high",
        "warning",
        watched=True,
        on=False,
        delay_s=600,
        off_delay_s=TICKS_3_S,
        threshold=85.0,
        clear=80.0,
        unit="%",
    ),
    # -- miners
    Kind(
        "chip_danger",
        "emergency",
        under=("heat_stop", "temperature_danger", "air_lost"),
        many=True,
        single=True,
        watched=True,
        off_delay_s=TICKS_3_S,
        cool_s=HOT_S,
        threshold=0.0,
        unit="°C, 0 = by the kind of miner",
    ),
    Kind(
        "chip_warning",
        "warning",
        under=(
            "chip_danger",
            "heat_stop",
            "heat_shed",
            "temperature_danger",
            "temperature_warning",
            "air_lost",
            "air_short",
        ),
        many=True,
        single=True,
        watched=True,
        delay_s=240,
        off_delay_s=TICKS_3_S,
        cool_s=HOT_S,
        threshold=0.0,
        unit="°C, 0 = by the kind of miner",
    ),
    Kind("ramp_failed", "warning", over=("ramp_again",)),
    Kind("starts_held", "warning", over=("starts_freed",), under=_HOLDING),
    Kind(
        "miner_offline",
        "warning",
        under=(
            *(*_GONE, "smoke", "water", "emergency_stop", "heat_stop", "air_lost"),
            *("branch_tripped", "ramp_failed", "doubled", "stranger"),
        ),
        many=True,
        single=True,
        watched=True,
        delay_s=120,
        cool_s=0,
    ),
    Kind(
        "miner_unseen",
        "warning",
        under=(*_GONE, "branch_tripped", "doubled"),
        many=True,
        single=True,
        watched=True,
        delay_s=3600,
        cool_s=0,
    ),
    Kind(
        "start_failed",
        "warning",
        over=("start_worked",),
        under=("ramp_failed", "miner_offline", "quarantined", *_GONE),
        many=True,
        single=True,
        cool_s=900,
    ),
    Kind(
        "miner_waits",
        "warning",
        under=_NO_WORK,
        many=True,
        single=True,
        watched=True,
        delay_s=600,
        off_delay_s=TICKS_3_S,
        cool_s=3600,
    ),
    Kind(
        "miner_idle",
        "warning",
        under=(*_NO_WORK, "device_unreachable", "two_writers"),
        many=True,
        single=True,
        watched=True,
        delay_s=1800,
        off_delay_s=TICKS_3_S,
        cool_s=3600,
    ),
    Kind(
        "quarantined", "warning", under=("two_writers", "outlet_map"), many=True, single=True, watched=True, cool_s=900
    ),
    Kind("outlet_map", "warning", many=True, single=True),
    Kind("liar", "warning", many=True, single=True, once=True),
    Kind("stranger", "warning", over=("stranger_left", "moved"), many=True, single=True),
    Kind("doubled", "warning", many=True, single=True, watched=True, delay_s=120, off_delay_s=TICKS_3_S),
    Kind("two_writers", "warning", over=("one_writer",), many=True, single=True),
    Kind(
        "high_reject",
        "warning",
        under=("uplink_down", "pool_down"),
        many=True,
        single=True,
        watched=True,
        cool_s=3600,
        threshold=5.0,
        clear=3.0,
        unit="% in an hour",
    ),
    Kind("no_shares", "warning", under=_NO_WORK, many=True, single=True, watched=True, cool_s=3600),
    Kind("firmware_changed", "warning", many=True, single=True),
    Kind("tuning_left", "warning", many=True, single=True, once=True),
    # -- pools, prices, plans
    Kind("pool_down", "warning", over=("pool_up",), under=("uplink_down",), many=True, single=True),
    Kind("wall_dry", "warning", over=("wall_wet",)),
    Kind("pump_stuck", "warning", under=("device_unreachable", "site_silent"), watched=True, delay_s=600),
    Kind("offline", "warning", over=("online",)),  # each line says that another one is used
    Kind("dummy_pool", "warning", over=("dummy_pool_over",), under=("offline", "uplink_down", "pool_down")),
    Kind("dummy_pool_dead", "warning", over=("dummy_pool_alive",)),
    Kind("pool_stuck", "warning", over=("pool_returned",)),
    Kind("share_loss", "warning", over=("share_loss_over",), under=("uplink_down", "pool_down")),
    Kind("profit_low", "warning", over=("profit_back",), on=False),
    Kind("price_missing", "warning", over=("price_known",), under=("uplink_down",), cool_s=3600),
    Kind("price_high", "info", once=True, on=False, threshold=30.0, unit="p/kWh"),
    Kind("price_low", "info", once=True, on=False, threshold=5.0, unit="p/kWh", low=True),
    Kind("optimal_price", "info", once=True),
    Kind("band_change", "info", under=("price_high", "price_low", "optimal_price"), once=True, cool_s=0),
    Kind("block_found", "info", once=True, cool_s=0),
    Kind("best_share", "info", once=True, cool_s=0),
    # -- the controller itself
    Kind("lamp_stuck", "warning", under=("device_unreachable", "site_silent"), watched=True, delay_s=600),
    Kind("channel_dead", "warning", watched=True, delay_s=7200, lasts_s=400 * DAY_S),  # it is tried again by the hour
    Kind("rule_failed", "emergency", over=("rule_back",), many=True, single=True),
    Kind("database", "emergency", under=("disk",), watched=True),
    Kind("disk", "warning", watched=True, off_delay_s=TICKS_3_S, cool_s=3600),
    Kind("config_broken", "warning", watched=True, cool_s=1800),
    Kind("list_shrunk", "warning", once=True),
    Kind("backup_failed", "warning", over=("backup_done",), under=("disk", "database"), watched=True, cool_s=3600),
    Kind("clock_step", "warning", once=True, cool_s=3600),
    Kind("clock_unsynced", "warning", under=("uplink_down",), watched=True, delay_s=3600, off_delay_s=TICKS_3_S),
    Kind(
        "controller_hot",
        "warning",
        watched=True,
        delay_s=240,
        off_delay_s=TICKS_3_S,
        cool_s=3600,
        threshold=80.0,
        clear=75.0,
        unit="°C",
    ),
    Kind(
        "memory_low",
        "warning",
        watched=True,
        delay_s=240,
        off_delay_s=TICKS_3_S,
        cool_s=3600,
        threshold=10.0,
        clear=15.0,
        unit="% free",
        low=True,
    ),
    Kind("died", "warning", once=True, cool_s=3600),
    Kind(
        "ticks_skipped",
        "warning",
        under=("database",),
        watched=True,
        off_delay_s=1800,
        cool_s=3600,
        threshold=2.0,
        unit="ticks in a row",
    ),
    Kind("restarted", "info", once=True, cool_s=3600),
)

KINDS: dict[str, Kind] = {kind.name: kind for kind in _ROWS}
RANK: dict[str, int] = {name: at for at, name in enumerate(KINDS)}
# Events of these kinds stand in the log and nowhere else.
LOG_ONLY = frozenset(
    {"schedule_begins", "schedule_ends", "solar_enough", "solar_short"}
    | {"supply_step", "demand_near", "request", "miner_on_unasked", "miner_off_unasked", "mode", "emergency_stop_over"}
)


@cache
def kind_of(name: str) -> Kind:
    """The row of a kind; what the table does not know is a plain warning that leaves the list after a day."""
    found = KINDS.get(name)
    return found if found is not None else Kind(name, "warning")


@cache
def default_ways(name: str) -> Ways:
    """How a kind is treated where the owner says nothing."""
    row = kind_of(name)
    figure = row.threshold if row.threshold is not None else 0.0
    return Ways(row.on, "", row.delay_s, row.off_delay_s, row.cool_s, figure, row.clear)


def ways_of(policy: AlarmPolicy, name: str) -> Ways:
    """How a kind is treated at this site."""
    own = policy.kinds.get(name)
    return own if own is not None else default_ways(name)


@cache
def clears() -> dict[str, tuple[str, ...]]:
    """Event kind -> the kinds of alarm it ends."""
    out: dict[str, tuple[str, ...]] = {}
    for kind in _ROWS:
        for ended_by in kind.over:
            out[ended_by] = (*out.get(ended_by, ()), kind.name)
    return out
