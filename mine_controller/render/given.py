"""What the faces are given beside the book: the site's facts, the last 24 hours, and how to word a reason."""

from collections.abc import Callable

from mine_controller.core.model.policy import PoolFacts
from mine_controller.core.model.reason import Reason
from mine_controller.core.model.wiring import Wiring
from mine_controller.core.money.bands import Band
from mine_controller.core.money.ledger import Line
from mine_controller.core.money.outlook import Outlook
from mine_controller.record import NamedTuple
from mine_controller.render.text import Fold

Words = Callable[[Reason], str]
EVENTS_OF_ONE = 20  # that the page of a miner shows


class Economy(NamedTuple):
    """Price bands and money. `offsets_s`: local time's offset at each planned slot, which a clock change alters.

    `lines` by band from dear to cheap and `total` are today's; total None: nothing of it can be read.
    """

    outlook: Outlook
    bands: tuple[Band, ...]
    offsets_s: tuple[int, ...] = ()
    lines: tuple[Line, ...] = ()
    total: Line | None = None
    currency: str = "GBP"


class SiteFacts(NamedTuple):
    """Facts of the place. Time zones are files, so the shell hands in the offset that holds now."""

    name: str
    wiring: Wiring
    version: str
    tick_s: int = 120
    cap_w: int = 0  # 0 = none configured
    live: bool = False  # False: shadow mode
    utc_offset_s: int = 0
    zone: str = "UTC"  # what stands behind a time of day: "CDT"
    fold: Fold | None = None  # the clocks change within what a page tells
    temperature_unit: str = "C"  # C or F, for display only
    require: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()  # protections that no section configures
    publish: str = "full"  # full, or public: no addresses, wallets or names of people
    people: tuple[str, ...] = ()  # whom no text of a public page may name, the longest first
    simulated: bool = False  # a twin answers, not a mine
    config_note: str = ""  # why config.last-good is in force; "" = config.txt is
    untold_note: str = ""  # which messages have reached nobody for long; "" = none
    inlet_limits_c: tuple[float, float, float] = (35.0, 38.0, 40.0)  # warn, shed, stop
    pools: tuple[PoolFacts, ...] = ()
    economy: Economy | None = None  # None: the site has no price bands


class EventLine(NamedTuple):
    """One line of the log. `at` is wall time."""

    at: int
    kind: str
    severity: str  # info warning emergency
    about: str
    text: str


Numbers = list[float | None] | list[int | None] | tuple[float | None, ...]
Texts = list[str | None] | tuple[str | None, ...]


class History(NamedTuple):
    """Columns of equal length, oldest first, over the last 24 hours; None = not known at that tick.

    `report` holds the numbers of the newest finished curtailment, as its event told them, with `ended_at` (wall time).
    `lost`: why none of it can be read; "" = what is not here is not recorded.
    """

    wall_s: list[int] | tuple[int, ...] = ()
    power_w: Numbers = ()
    cap_w: Numbers = ()
    inlet_c: Numbers = ()
    fans_on: Numbers = ()
    mode: Texts = ()
    signal: Texts = ()
    events: tuple[EventLine, ...] = ()  # newest last
    report: dict[str, int | float | str] | None = None
    lost: str = ""


class Rolled(NamedTuple):
    """Stretches of equal length, oldest first; one without any tick is not in it. None = not known in the whole of it.

    `ticks` were recorded, `known` of them with the site's power; `curtailed` is the share of ticks (0..1). `energy_ws`
    (watt seconds) and `off_s` (curtailed) count each tick until the next one.
    """

    step_s: int
    at: tuple[int, ...] = ()  # wall time at which each stretch begins
    ticks: tuple[int, ...] = ()
    known: tuple[int, ...] = ()
    power_w: tuple[float | None, ...] = ()  # mean
    power_most_w: tuple[float | None, ...] = ()
    inlet_low_c: tuple[float | None, ...] = ()
    inlet_most_c: tuple[float | None, ...] = ()
    fans_on: tuple[float | None, ...] = ()
    hashing: tuple[float | None, ...] = ()
    curtailed: tuple[float | None, ...] = ()
    energy_ws: tuple[float, ...] = ()
    off_s: tuple[float, ...] = ()


class Hour(NamedTuple):
    """One hour of one miner, as rolled up: means; None = not known."""

    at: int
    power_w: float | None
    chip_c: float | None
    hashrate_ths: float | None


class Past(NamedTuple):
    """What the slower pages show beside the last day. `days` are local days of money, oldest first, by ISO date, and
    `by_day` what was seen on each. `lost`: why none of it can be read."""

    week: Rolled = Rolled(3600)
    quarter: Rolled = Rolled(43_200)
    events: tuple[EventLine, ...] = ()  # newest last
    days: tuple[Line, ...] = ()
    hours: dict[str, tuple[Hour, ...]] = {}  # noqa: RUF012 - by miner, oldest first; replaced, never changed
    by_day: dict[str, Rolled] = {}  # noqa: RUF012 - the same
    by_miner: dict[str, tuple[EventLine, ...]] = {}  # noqa: RUF012 - the newest of each, newest last
    lost: str = ""
