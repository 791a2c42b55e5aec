"""Canaan Avalon: A10 to A15, Q and Nano 3, through the CGMiner API on port 4028, in JSON or as text.

The vendor asks for one command a connection and none side by side to one unit, so a unit is asked in steps, and each
unit takes them at its own pace. What a unit does stands in one long text of `KEY[value]` pairs ("MM ID0"). What it can
be told differs by family: see `_avalon`. Modes are low, medium and high here; a Q's own words for them are eco,
standard and super, which its commands take as well. Keys, supply layouts and answers as in Canaan's A10 manual, the
Nano 3S source and captures of a Q.
"""

import re
from collections.abc import Generator, Sequence
from functools import lru_cache, partial

from mine_controller.core.model.command import Command
from mine_controller.core.model.pool import Pool
from mine_controller.core.option import Secret, option
from mine_controller.devices import _answer, _avalon, _cgminer, _cgminer_orders, _hosts, _pools, _units
from mine_controller.devices._talks import Desk, Step
from mine_controller.devices._units import Unit
from mine_controller.devices.kind import Ask, BadReply, Can, Found, Guess, LaneSpec, Reply, Report, Seen
from mine_controller.record import NamedTuple
from mine_controller.wire import cgminer
from mine_controller.wire.door import Wire

CAN = Can(
    reads=(
        *("address", "word", "power_w", "chip_c", "hashrate_ths", "fan_rpm", "fan_pct", "frequency_mhz", "uptime_s"),
        *("accepted_n", "rejected_n", "stale_n", "best_diff_n", "mode", "pool", "text"),
    ),
    verbs=("restart", "mode", "pool", "fan", "locate", "run", "stop"),
    fleet=True,
    gentle=True,
)
LANE = LaneSpec(width=1, call_s=0.3, batch=True, proof_s=60)
BUDGET_S = 30.0  # up to five steps, which take 0.1 to 3 s each; units that hang are known after the first
MODES = _avalon.MODES
SETTLE_S = 180

NAME_LENGTH = 41
_NAME = re.compile(r"\w[\w ]*\Z")  # what stands right before a bracket
_PAIR = re.compile(rb"\w {0,40}\[[^\[\]]*\]")
STATES = {"0": "booting", "1": "work", "2": "idle", "3": "error"}
WALL_VALUES = 7  # PS has a seventh value, watts at the wall, from A11 on; the A10's six tell the hash boards only
WALL_AT, NANO3_WALL_AT = 6, 5
FRESH_S = 60  # a 1346 was at work 23 s after its start
FAR_OFF = 3.0  # watts this many times beyond the setpoint are another value read as watts
_SPANS = ("MHS 1m", "MHS 30s", "MHS 5s")
_FAN = re.compile(r"Fan[0-9]{1,2}")
_WORK = re.compile(r"Work:\s*In (\w+)")


class Options(NamedTuple):
    """One fleet of Avalon units."""

    hosts: tuple[str, ...] = _hosts.HOSTS
    port: int = _cgminer.PORT
    nominal_w: int = option(3300, unit="W", low=1, high=20_000, help="what one miner draws, unless fleet.csv says")
    standby_w: int = option(150, unit="W", low=0, high=2000, help="what a sleeping miner draws; a Q was seen at 146 W")
    ramp_patience_s: int = option(600, low=60, high=3600, unit="s", help="how long a start may take before it failed")
    settle_s: int = option(180, low=0, high=900, unit="s", help="how long a word counts little after a restart")
    dialect: str = option("json", choices=("json", "text"), help="how units are asked; answers are read in both")
    status: str = option(
        "auto", choices=("auto", "estats", "stats", "litestats"), help="the command for the long status text"
    )
    stop: str = option(
        "auto",
        choices=("auto", "softoff_at", "softoff", "hashpower", "none"),
        help="how a unit is stopped; auto goes by its model and its own list of commands",
    )
    pools: tuple[Pool, ...] = _pools.POOLS
    pool_slot: int = option(
        0, low=0, high=2, help="which of its three places a pool is written to that it has in none; 0 is its first"
    )
    user: str = option(
        "root", help="login of its web page, which a change of pools needs; a Q, Mini 3, Nano 3S is asked as admin, too"
    )
    password: Secret = option(Secret(""), help="its password; empty: as the maker delivers it (root or admin)")
    login: str = option(
        "auto",
        choices=("auto", "plain", "hashed"),
        help="how the password is sent; old Nano 3 firmware wants it hashed",
    )


def faults(options: Options) -> list[str]:
    """What is wrong with these options, as sentences."""
    wrong = _hosts.faults(options.hosts)
    if "," in options.user or "," in options.password.reveal():
        wrong.append("user, password: its API can't take a comma in them")
    return wrong


def _request(options: Options, command: str, parameter: str = "") -> bytes:
    make = cgminer.text_request if options.dialect == "text" else cgminer.request
    return make(command, parameter)


def fetch(wire: Wire, options: Options, ask: Ask) -> tuple[Reply, ...]:
    """Replies "<host> version", "<host> stats", "<host> summary" and, where pools have names, "<host> pools"; where
    bodies may be read early, one reply "<host>" of each unit that answered all of them."""

    def made(host: str, own: dict[str, Reply]) -> Unit:
        return _read(host, own, options)

    replies = _cgminer.visited(wire, options, lambda: _questions(options), made if ask.early else None)
    return tuple(_cgminer.remembered(replies, ask))


def _questions(options: Options) -> _cgminer.Questions:
    """What one unit is asked, one command after the other; silence ends it."""
    version = yield "version", _request(options, "version")
    if not version.status:
        return
    stats = yield "stats", _request(options, _status(options, version))
    if stats.status and not _PAIR.search(stats.body):  # firmware without estats says so
        stats = yield "stats", _request(options, "stats")
    if not stats.status:
        return
    summary = yield "summary", _request(options, "summary")
    if summary.status and options.pools:
        yield "pools", _request(options, "pools")


def _status(options: Options, version: Reply) -> str:
    if options.status != "auto":
        return options.status
    lite = b'"Avalon Q"' in version.body or b"PROD=Avalon Q," in version.body
    return "litestats" if lite else "estats"


def parse(replies: Sequence[Reply], options: Options) -> tuple[Found, ...]:
    """Each `address`, `word`, what CAN names, and texts ("<mac> model", "... firmware")."""
    by_host: dict[str, dict[str, Reply]] = {}
    for reply in replies:
        host, _, name = reply.name.partition(" ")
        by_host.setdefault(host, {})[name] = reply
    return _units.fleet([own[""].made if "" in own else _read(host, own, options) for host, own in by_host.items()])


def _read(host: str, own: dict[str, Reply], options: Options) -> Unit:
    return _units.unit_of(host, partial(_unit, host, own, options))


def _unit(host: str, own: dict[str, Reply], options: Options) -> Unit:
    known = next((reply.headers["unit"] for reply in own.values() if reply.headers.get("unit")), "")
    try:
        version = cgminer.row(_tree(own, "version", host), "VERSION")
    except cgminer.DownError as error:
        return _units.down(host, known, str(error))
    except BadReply as error:
        return Unit(host, known, (), str(error))
    try:
        told, why = pairs(_tree(own, "stats", host)), ""
    except (BadReply, cgminer.DownError) as error:
        told, why = {}, str(error)
    unit = _who(version, told)
    if not unit and known:  # a Nano 3 whose status text, which names it, is lost this time
        return Unit(host, known, (), why or f"{host}: tells neither mac nor serial")
    if not unit:
        why = "tells neither mac nor serial" if version else "not a miner"
        return Unit(host, "", (), f"{host}: {why}", nameless=bool(version))
    found = _units.facts(unit, host, _model(version, told), version.get("LVERSION") or version.get("VERSION"))
    pools = cgminer.rows(_asked(own, host, "pools"), "POOLS")
    found += _values(unit, told, _section(own, host, "summary"), pools, why, options.ramp_patience_s)
    found += _cgminer_orders.pool_found(unit, pools, options.pools)
    return Unit(host, unit, tuple(found), memory=unit)


def _who(version: cgminer.Tree, told: dict[str, str]) -> str:
    """Its mac or serial, "" when it tells neither. The `version` of a Nano 3 with firmware of July 2024 has none, and
    its status text an empty DNA: two of them differ by HDNA only, the serial of the hash board (recorded by owners in
    Schnitzel/hass-miner issue 458, UpstreamData/pyasic 199, dcbert/miner-sentinel 16)."""
    return _units.identity(version, *({"DNA": told.get(name)} for name in ("DNA", "HDNA")))


def _tree(own: dict[str, Reply], name: str, host: str) -> cgminer.Tree:
    if name not in own:
        raise BadReply(f"{host}: {name} was not asked")
    return _cgminer.part(_cgminer.tree(own[name]), name, host)


def _asked(own: dict[str, Reply], host: str, name: str) -> cgminer.Tree:
    """An answer without which the unit is still known; {} when it can't be used."""
    try:
        return _tree(own, name, host)
    except (BadReply, cgminer.DownError):
        return {}  # what it would have told stays unknown


def _section(own: dict[str, Reply], host: str, name: str) -> cgminer.Tree:
    return cgminer.row(_asked(own, host, name), name.upper())


def pairs(tree: cgminer.Tree) -> dict[str, str]:
    """The pairs of the status text of the first module; of a key that occurs twice the first counts."""
    found: dict[str, str] = {}
    for row in cgminer.rows(tree, "STATS"):
        for name, value in row.items():
            if name.startswith("MM ID") and isinstance(value, str):
                for piece in value.split("]")[:-1]:
                    before, _, inner = piece.rpartition("[")
                    if before and (key := _name(before[-NAME_LENGTH:])):
                        found.setdefault(key, inner.strip())
                if found:
                    return found
    return found


@lru_cache(maxsize=1024)  # units of a fleet tell the same names thousands of times
def _name(before: str) -> str:
    found = _NAME.search(before)
    return found[0].strip() if found else ""


def _model(version: cgminer.Tree, told: dict[str, str]) -> str:
    """After the version of its firmware where that names the model, which is finer ("1066" of "10xx")."""
    named = told.get("Ver", "").rpartition("-")[0]
    if named[:1].isdigit() or named.startswith("nano"):
        return f"Avalon {named.partition('_')[0]}"
    product = version.get("PROD") or version.get("MODEL")
    return product if isinstance(product, str) else "Avalon"


def _values(
    unit: str, told: dict[str, str], summary: cgminer.Tree, pools: Sequence[cgminer.Tree], why: str, patience_s: float
) -> list[Found]:
    if not told:
        why = why or "its status text is empty"
        return [Found(unit, "word", None, why), Found(unit, "power_w", None, why)]
    working = _work(told) == "work"
    rate = _rate(told, summary, patience_s, working=working)
    word, doubt = _word(told, rate, pools)
    watts, no_watts = _watts(told)
    chip = cgminer.number(told.get("TMax"))
    found = [
        Found(unit, "word", word, doubt),
        _units.told("power_w", unit, watts, no_watts),
        _units.told("chip_c", unit, chip if chip and chip > 0 else None, "no reading of the chips"),
        _units.told("hashrate_ths", unit, rate, "no current hash rate"),
    ]
    return [*found, *_more(unit, told, summary, working=working), *_mode(unit, told)]


def _more(unit: str, told: dict[str, str], summary: cgminer.Tree, *, working: bool) -> list[Found]:
    """What else it tells. Its frequency keeps its last value when it stops, so it counts only while it works."""
    turns = [turn for key in _fans(tuple(told)) if (turn := cgminer.number(told[key])) is not None]
    more = {
        "fan_rpm": min(turns, default=None),
        "fan_pct": cgminer.number(told.get("FanR")),
        "frequency_mhz": cgminer.number(told.get("Freq")) if working else None,
        "uptime_s": cgminer.number(told.get("Elapsed")),
        "accepted_n": cgminer.number(summary.get("Accepted")),
        "rejected_n": cgminer.number(summary.get("Rejected")),
        "stale_n": cgminer.number(summary.get("Stale")),
    }
    found = [Found(unit, what, value) for what, value in more.items() if value is not None and value >= 0]
    best = cgminer.number(summary.get("Best Share"))  # of this start
    if best and best > 0:
        found.append(Found(unit, "best_diff_n", best))
    return found


@lru_cache(maxsize=256)
def _fans(keys: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(key for key in keys if _FAN.fullmatch(key))


def _work(told: dict[str, str]) -> str:
    """work, idle, booting, error, or "" where the unit says nothing known of it."""
    said = _WORK.search(told.get("SYSTEMSTATU", ""))
    if said:
        return {"Work": "work", "Idle": "idle", "Init": "booting", "Fault": "error"}.get(said[1], "")
    return STATES.get(told.get("STATE", ""), "")


def _word(told: dict[str, str], rate: float | None, pools: Sequence[cgminer.Tree]) -> tuple[str | None, str]:
    """Idle by softoff is sleep, but right after its start any unit is idle, and SoftOFF is not 0 then (a 1346: notes of
    AgentScanner of October 2026; power that comes back wakes also a Q that slept: UpstreamData/pyasic issue 350). A
    unit at work with a rate of 0 is on its way up."""
    work = _work(told) or ("idle" if told.get("HashStatus") == "0" else "")  # all that a Nano 3 says of it
    if work == "work":
        return ("booting" if rate == 0 else "hashing"), ""
    if work == "idle":
        asleep, up_s = cgminer.number(told.get("SoftOFF")), cgminer.number(told.get("Elapsed"))
        fresh = up_s is not None and up_s < FRESH_S
        idle = "waiting" if _pools.are_dead(pools) else "stopped"
        return ("booting" if fresh else "sleeping" if asleep else idle), ""
    if work:
        return work, ""
    if told.get("HashStatus") == "1":
        return "hashing", ""
    return None, f"unknown state {_answer.clean(told.get('SYSTEMSTATU', ''), 30)!r}"


def _rate(told: dict[str, str], summary: cgminer.Tree, patience_s: float, *, working: bool) -> float | None:
    """TH/s now. The average since the start goes on after a stop, so it stands in only while the unit works. A current
    rate of 0 long after the start may be one that the firmware does not count: the summary's last minute tells."""
    now, up_s = cgminer.number(told.get("GHSspd")), cgminer.number(told.get("Elapsed"))
    doubted = now == 0 and working and up_s is not None and up_s > patience_s
    if now is not None and not doubted:
        return round(now / 1e3, 6)
    for span in _SPANS:
        short = cgminer.number(summary.get(span))
        if short is not None:
            return round(short / 1e6, 6)
    average = cgminer.number(told.get("GHSavg")) if working and not doubted else now
    return round(average / 1e3, 6) if average is not None else None


def _watts(told: dict[str, str]) -> tuple[float | None, str]:
    """Watts at the wall, or None and why."""
    wall = cgminer.number(told.get("WALLPOWER"))
    if wall is not None and wall > 0:
        return wall, ""
    supply = [cgminer.number(value) for value in told.get("PS", "").split()]
    if len(supply) < WALL_VALUES:
        return (
            None,
            "its supply tells the watts of the hash boards only" if supply else "it tells nothing of its supply",
        )
    nano3 = told.get("Ver", "").startswith("nano3-")
    watts = supply[NANO3_WALL_AT if nano3 else WALL_AT]
    setpoint = cgminer.number(told.get("MPO"))
    if watts is None or watts <= 0:
        return None, "its supply gives no watts"
    if setpoint and watts > FAR_OFF * setpoint:
        return None, f"its supply gives {watts:.0f} W against a setpoint of {setpoint:.0f} W"
    return watts, ""


def _mode(unit: str, told: dict[str, str]) -> list[Found]:
    """Its mode in the words of MODES; nothing where it tells none."""
    number = told.get("WORKMODE") or told.get("WORKLEVEL") or ""
    if not number.isdecimal():
        return []
    word = _avalon.word_of(_avalon.family_of(told.get("Ver", "")), int(number[:4]))
    return [Found(unit, "mode", word, "" if word else f"its mode {number[:4]} has no word")]


def apply(wire: Wire, options: Options, batch: Sequence[Command], report: Report) -> None:
    """Who it is and its clock, which commands it has, then the commands: each step with all units at once."""
    _cgminer_orders.talk(wire, options, batch, report, CAN.verbs, lambda desk: _talk(desk, options))


def _talk(desk: Desk, options: Options) -> Generator[Step, cgminer.Tree, None]:
    def make(command: str, parameter: str = "") -> bytes:
        return _request(options, command, parameter)

    tree = yield Step(make("version"))
    version = cgminer.row(tree, "VERSION")
    unit = _who(version, {})
    if version and not unit:
        status = "estats" if options.status == "auto" else options.status
        unit = _who(version, pairs((yield Step(make(status)))))
    if not unit:
        raise BadReply("not the answer of an Avalon")
    if desk.is_stranger(unit):
        return
    help_ = yield Step(make("ascset", "0,help"))
    way = _avalon.Way(_avalon.family(version), _avalon.listed(help_), _avalon.clock(help_, tree), make, options)
    yield from _avalon.orders(desk, way)


def recognise(seen: Seen) -> Guess | None:
    """By the make's name in its answers; a Nano 3 calls itself "Avalon0o", so only the beginning counts."""
    version = cgminer.row(_cgminer.seen_tree(seen, "version"), "VERSION")
    said = b" ".join(seen.answers.get(asked, b"") for asked in ("version", "devdetails", "stats"))
    if version and b"AVALON" in said.upper():
        told = pairs(_cgminer.seen_tree(seen, "stats"))
        firmware = _answer.clean(version.get("LVERSION") or version.get("VERSION") or "", 40)
        model, draws = _answer.clean(_model(version, told), 40), _avalon.DRAWS.get(_avalon.family(version), (0, 0))
        return Guess("avalon", 3, model, firmware, _who(version, told), draws)
    return Guess("avalon", 2) if b"Avalon" in seen.answers.get("GET /", b"") else None
