"""What is remembered from tick to tick. Written only through `decide` and `settle`; one row in the store."""

from typing import Any

from mine_controller.record import NamedTuple

VERSION = 1


class Chase(NamedTuple):
    """A command not proven yet. `sent_s` None: never left. `answer` is the last verdict ("" none yet)."""

    want: str  # run stop on off
    rung: int
    tries: int
    began_s: int
    sent_s: int | None = None
    answer: str = ""
    ticket: str | None = None
    why: str = ""
    command: str = ""  # id of the last command sent for it


class MinerBook(NamedTuple):
    """The wear book of one miner; counted on confirmed transitions only. Times are plant seconds, 0 = never."""

    on: bool = False  # last confirmed
    starts: int = 0
    last_start_s: int = 0
    last_stop_s: int = 0
    day: str = ""  # the day `day_starts` counts
    day_starts: int = 0
    fails: tuple[int, ...] = ()  # plant times of failed starts or stops, 24 h
    quarantined: str = ""  # why, or ""
    hard_stops: int = 0
    lies: tuple[int, ...] = ()  # plant times at which it said yes to a stop and drew on, a week
    run_s: int = 0  # the last: `watch` replaces it each tick


class FanBook(NamedTuple):
    """One fan: state off starting proven suspect failed; since when; hours run."""

    state: str = "off"
    since_s: int = 0
    proven_s: int = 0
    bad_at: tuple[int, ...] = ()
    run_s: int = 0
    starts: int = 0


class Override(NamedTuple):
    """A person's value in force. kind: test (input), person (stand-in for an unknown), output."""

    key: str
    value: str
    kind: str
    until_s: int  # plant time, 0 = until changed
    actor: str
    reason: str
    request: int


class Shed(NamedTuple):
    """A curtailment in progress or just ended; what the event report is made of. Plant seconds, None = not yet."""

    signal_s: int  # when the signal became readable as off (one tick before the first reading that shows it, live)
    seen_s: int
    cause: str  # signal blind stop heat ...
    before_w: int
    floor_w: int
    first_command_s: int | None = None
    shed_50_s: int | None = None
    shed_90_s: int | None = None
    shed_100_s: int | None = None
    confirmed_w: int | None = None
    gentle: int = 0
    hard: int = 0
    emergency: str = ""
    ended_s: int | None = None
    dark_s: int | None = None  # when it was last measured under its floor
    told_w: int = 0  # what it drew when an emergency was last made of it
    within_s: int = 0  # how long it had when it began; 0: begun by a version that did not note it
    beside_w: int = 0  # what the site meter showed beyond miners and fans when it began
    outlets_s: int | None = None  # since when the outlets alone show it dark
    since_s: int = 0  # since when a stop before it asks for the same and is not proven; 0: there was none


class Errand(NamedTuple):
    """One thing a miner is told beside run and stop. `request` 0: a wanted setting, not a person's one-time wish.

    `sent_s` None: not sent yet. `answer` is the last verdict; a setting the unit refused stays with it, so that it is
    not asked for again at once.
    """

    miner: str
    verb: str
    value: str
    request: int
    since_s: int
    tries: int = 0
    sent_s: int | None = None
    answer: str = ""
    why: str = ""
    command: str = ""  # id of the last command sent for it


class Unit(NamedTuple):
    """What software found out about one miner. Times are plant seconds, 0 = never; numbers 0 = not known."""

    run_dw: int = 0  # learned running power in tenths of a watt
    dj_th: int = 0  # learned efficiency in tenths of a joule per terahash
    firmware: str = ""
    address: str = ""  # where it answered last, in the words of its own section
    stranger: str = ""  # the unit that answered there instead, once told
    pool_s: int = 0  # last pool change sent
    flash_s: int = 0  # last write to its flash sent
    wrote: str = ""  # and what: "mode eco"
    mac: str = ""  # or serial: who it was when these were found; by it a renamed miner is known again


class State(NamedTuple):
    """All of it. Dicts are never mutated in place."""

    version: int = VERSION
    memory: dict[str, dict[str, Any]] = {}  # noqa: RUF012 - a rule's own memory by rule name
    miners: dict[str, MinerBook] = {}  # noqa: RUF012
    fans: dict[str, FanBook] = {}  # noqa: RUF012
    chases: dict[str, Chase] = {}  # noqa: RUF012 - by target: "miner a017", "fan 3"
    overrides: tuple[Override, ...] = ()
    shed: Shed | None = None
    mode: str = "INIT"
    mode_s: int = 0
    alarms: dict[str, dict[str, Any]] = {}  # noqa: RUF012 - open alarms by key: severity, since_s, told_s, reason
    lanes: dict[str, float] = {}  # noqa: RUF012 - measured p90 seconds a call
    last: dict[str, Any] = {}  # noqa: RUF012 - plant_s of the last tick and a few totals
    errands: tuple[Errand, ...] = ()
    settling: dict[str, int] = {}  # noqa: RUF012 - by miner: plant second until which its word counts for little
    units: dict[str, Unit] = {}  # noqa: RUF012 - by miner
