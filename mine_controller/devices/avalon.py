"""Canaan Avalon: A10 to A15, Q and Nano 3, through the CGMiner API on port 4028, in JSON or as text.

The vendor asks for one command a connection and none side by side to one unit, so a unit is asked in steps while all
units take each step together. What a unit does stands in one long text of `KEY[value]` pairs ("MM ID0"). Stopping
differs by family: A11 and later sleep by `softoff` at a moment of their own clock, A10 only cuts its hash boards and
comes back by a reboot, Nanos have no stop at all. Keys, supply layouts and answers as in Canaan's A10 manual, the
Nano 3S source and captures of a Q.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from mine_controller.core.model.command import REFUSED, UNSUPPORTED, Command, Outcome
from mine_controller.core.option import option
from mine_controller.devices import _answer, _cgminer, _hosts
from mine_controller.devices._cgminer import Line, Unit
from mine_controller.devices.kind import Ask, BadReply, Can, Found, LaneSpec, Reply, Report
from mine_controller.wire import cgminer
from mine_controller.wire.door import Wire

CAN = Can(
    reads=("address", "word", "power_w", "chip_c", "hashrate_ths", "text"),
    verbs=("run", "stop"),
    fleet=True,
    gentle=True,
)
LANE = LaneSpec(width=1, call_s=0.3, batch=True, proof_s=60)
BUDGET_S = 25.0  # three steps of up to 5 s each, and one more for units that answer none

PAIR = re.compile(r"(\w[\w ]{0,40}?)\[([^\[\]]*)\]")
MODES_Q = {"0": "eco", "1": "standard", "2": "super"}
STATES = {"0": "booting", "1": "work", "2": "idle", "3": "error"}
WALL_VALUES = 7  # PS has a seventh value, watts at the wall, from A11 on; the A10's six tell the hash boards only
WALL_AT, NANO3_WALL_AT = 6, 5
FAR_OFF = 3.0  # watts this many times beyond the setpoint are another value read as watts
DELAY_S = 5  # softoff and softon name a moment; this much ahead it is not past when it arrives
_SPANS = ("MHS 1m", "MHS 30s", "MHS 5s")
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


def faults(options: Options) -> list[str]:
    """What is wrong with these options, as sentences."""
    return _hosts.faults(options.hosts)


def _request(options: Options, command: str, parameter: str = "") -> bytes:
    make = cgminer.text_request if options.dialect == "text" else cgminer.request
    return make(command, parameter)


def fetch(wire: Wire, options: Options, ask: Ask) -> tuple[Reply, ...]:
    """Replies "<host> version", "<host> stats" and, where that tells no current hash rate, "<host> summary"."""
    hosts = _hosts.expand(options.hosts)
    versions = _step(wire, options, [(host, "version", "version") for host in hosts])
    up = {reply.name.partition(" ")[0]: reply for reply in versions if reply.status}
    stats = _step(wire, options, [(host, "stats", _status(options, reply)) for host, reply in up.items()])
    late = [_host(reply) for reply in stats if reply.status and not PAIR.search(reply.body.decode("latin-1"))]
    again = _step(wire, options, [(host, "stats", "stats") for host in late])  # firmware without estats says so
    stats = [reply for reply in stats if _host(reply) not in set(late)] + again
    bare = [_host(reply) for reply in stats if reply.status and b"GHSspd[" not in reply.body]
    summaries = _step(wire, options, [(host, "summary", "summary") for host in bare])
    return tuple(_cgminer.remembered((*versions, *stats, *summaries), ask))


def _step(wire: Wire, options: Options, wanted: Sequence[tuple[str, str, str]]) -> list[Reply]:
    lines = [Line(host, f"{host} {name}", _request(options, command)) for host, name, command in wanted]
    return _cgminer.asked(wire, options, lines)


def _host(reply: Reply) -> str:
    return reply.name.partition(" ")[0]


def _status(options: Options, version: Reply) -> str:
    if options.status != "auto":
        return options.status
    lite = b'"Avalon Q"' in version.body or b"PROD=Avalon Q," in version.body
    return "litestats" if lite else "estats"


def parse(replies: Sequence[Reply], options: Options) -> tuple[Found, ...]:
    """Each `address`, `word`, `power_w`, `chip_c`, `hashrate_ths`; texts "<mac> model", "... firmware", "... mode"."""
    del options
    by_host: dict[str, dict[str, Reply]] = {}
    for reply in replies:
        host, _, name = reply.name.partition(" ")
        by_host.setdefault(host, {})[name] = reply
    return _cgminer.fleet([_unit(host, own) for host, own in by_host.items()])


def _unit(host: str, own: dict[str, Reply]) -> Unit:
    known = next((reply.headers["unit"] for reply in own.values() if reply.headers.get("unit")), "")
    try:
        version = cgminer.row(_tree(own, "version", host), "VERSION")
    except cgminer.DownError as error:
        return _cgminer.down(host, known, str(error))
    except BadReply as error:
        return Unit(host, known, (), str(error))
    unit = _cgminer.identity(version)
    if not unit:
        return Unit(host, "", (), f"{host}: {'tells neither mac nor serial' if version else 'not a miner'}")
    try:
        told, why = pairs(_tree(own, "stats", host)), ""
    except (BadReply, cgminer.DownError) as error:
        told, why = {}, str(error)
    found = _cgminer.facts(unit, host, _model(version, told), version.get("LVERSION") or version.get("VERSION"))
    return Unit(host, unit, (*found, *_values(unit, told, _summary(own, host), why)), memory=unit)


def _tree(own: dict[str, Reply], name: str, host: str) -> cgminer.Tree:
    if name not in own:
        raise BadReply(f"{host}: {name} was not asked")
    return _cgminer.part(_cgminer.tree(own[name]), name, host)


def _summary(own: dict[str, Reply], host: str) -> cgminer.Tree:
    try:
        return cgminer.row(_tree(own, "summary", host), "SUMMARY")
    except (BadReply, cgminer.DownError):
        return {}  # it only stands in for a hash rate; without it that one stays unknown


def pairs(tree: cgminer.Tree) -> dict[str, str]:
    """The pairs of the status text of the first module; of a key that occurs twice the first counts."""
    found: dict[str, str] = {}
    for row in cgminer.rows(tree, "STATS"):
        for name, value in row.items():
            if name.startswith("MM ID") and isinstance(value, str):
                for key, inner in PAIR.findall(value):
                    found.setdefault(key.strip(), inner.strip())
                if found:
                    return found
    return found


def _model(version: cgminer.Tree, told: dict[str, str]) -> str:
    """After the version of its firmware where that names the model, which is finer ("1066" of "10xx")."""
    named = told.get("Ver", "").rpartition("-")[0]
    if named[:1].isdigit() or named.startswith("nano"):
        return f"Avalon {named.partition('_')[0]}"
    product = version.get("PROD") or version.get("MODEL")
    return product if isinstance(product, str) else "Avalon"


def _values(unit: str, told: dict[str, str], summary: cgminer.Tree, why: str) -> list[Found]:
    if not told:
        why = why or "its status text is empty"
        return [Found(unit, "word", None, why), Found(unit, "power_w", None, why)]
    working = _work(told) == "work"
    rate = _rate(told, summary, working=working)
    word, doubt = _word(told, rate)
    watts, no_watts = _watts(told)
    chip = cgminer.number(told.get("TMax"))
    found = [
        Found(unit, "word", word, doubt),
        _cgminer.told("power_w", unit, watts, no_watts),
        _cgminer.told("chip_c", unit, chip if chip and chip > 0 else None, "no reading of the chips"),
        _cgminer.told("hashrate_ths", unit, rate, "no current hash rate"),
    ]
    mode = _mode(told)
    return [*found, Found(f"{unit} mode", "text", mode)] if mode else found


def _work(told: dict[str, str]) -> str:
    """work, idle, booting, error, or "" where the unit says nothing known of it."""
    said = _WORK.search(told.get("SYSTEMSTATU", ""))
    if said:
        return {"Work": "work", "Idle": "idle", "Init": "booting", "Fault": "error"}.get(said[1], "")
    return STATES.get(told.get("STATE", ""), "")


def _word(told: dict[str, str], rate: float | None) -> tuple[str | None, str]:
    """Idle by softoff is sleep. A unit at work with a rate of 0 is on its way up."""
    work = _work(told)
    if work == "work":
        return ("booting" if rate == 0 else "hashing"), ""
    if work == "idle":
        asleep = cgminer.number(told.get("SoftOFF"))
        return ("sleeping" if asleep else "stopped"), ""
    if work:
        return work, ""
    if "HashStatus" in told:
        return ("hashing", "") if told["HashStatus"] == "1" else ("stopped", "")
    return None, f"unknown state {_answer.clean(told.get('SYSTEMSTATU', ''), 30)!r}"


def _rate(told: dict[str, str], summary: cgminer.Tree, *, working: bool) -> float | None:
    """TH/s now. The average since the start goes on after a stop, so it stands in only while the unit works."""
    now = cgminer.number(told.get("GHSspd"))
    if now is not None:
        return round(now / 1e3, 6)
    for span in _SPANS:
        short = cgminer.number(summary.get(span))
        if short is not None:
            return round(short / 1e6, 6)
    average = cgminer.number(told.get("GHSavg")) if working else None
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


def _mode(told: dict[str, str]) -> str:
    """The word for the work mode where the vendor has one, else its number."""
    number = told.get("WORKMODE") or told.get("WORKLEVEL") or ""
    if not number.isdigit():
        return ""
    word = MODES_Q.get(number) if told.get("Ver", "").startswith("Q-") else None
    return word or f"mode {number}"


class _Way(NamedTuple):
    """How one unit is commanded. `when` is its own clock."""

    model: str
    when: int | None


def apply(wire: Wire, options: Options, batch: Sequence[Command], report: Report) -> None:
    """Who it is and its clock, which commands it has, then the command: each step with all units at once."""
    ways: dict[str, _Way] = {}
    commands = _cgminer.addressed(options, batch, report, CAN.verbs)
    first = [(command, _request(options, "version")) for command in commands]
    second = _cgminer.before(
        _cgminer.step(wire, options, first), report, lambda command, tree: _who(options, command, tree, ways)
    )
    third = _cgminer.before(
        _cgminer.step(wire, options, second),
        report,
        lambda command, tree: _order(options, command, tree, ways[command.id]),
    )
    for command, answer in _cgminer.step(wire, options, third):
        report(_judged(command, answer))


def _who(options: Options, command: Command, tree: cgminer.Tree, ways: dict[str, _Way]) -> bytes | Outcome:
    version = cgminer.row(tree, "VERSION")
    unit = _cgminer.identity(version)
    if not unit:
        return Outcome(command.id, REFUSED, "before the command: not the answer of an Avalon")
    if refusal := _cgminer.stranger(command, unit):
        return refusal
    model = f"{version.get('PROD', '')} {version.get('MODEL', '')}".lower()
    ways[command.id] = _Way(model, cgminer.status(tree).when)
    return _request(options, "ascset", "0,help")


def _order(options: Options, command: Command, tree: cgminer.Tree, way: _Way) -> bytes | Outcome:
    """The request that does it. Its list of commands may lack softoff (Nano 3S); a unit without a list is believed."""
    status = cgminer.status(tree)
    listed = {word.strip() for word in status.text.rpartition(":")[2].split("|")} if "|" in status.text else None
    how = _how(options, way, listed)
    when = status.when if status.when is not None else way.when
    if how == "none":
        return Outcome(command.id, UNSUPPORTED, "this model has no command for it")
    if how == "hashpower":
        return _request(options, "ascset", "0,hashpower,0" if command.verb == "stop" else "0,reboot,0")
    word = "softoff" if command.verb == "stop" else "softon"
    if how == "softoff" and command.verb == "stop":
        return _request(options, "ascset", f"0,{word}")
    if when is None:
        return Outcome(command.id, REFUSED, "before the command: the unit does not tell its clock")
    return _request(options, "ascset", f"0,{word},1:{when + DELAY_S}")


def _how(options: Options, way: _Way, listed: set[str] | None) -> str:
    if options.stop != "auto":
        return options.stop
    if listed is not None and "softoff" not in listed:
        return "hashpower" if "hashpower" in listed else "none"
    if "10xx" in way.model or re.search(r"\b10[0-9]{2}\b", way.model):
        return "hashpower"
    if listed is None and ("nano" in way.model or "avalon0o" in way.model):
        return "none"
    return "softoff" if re.search(r"\b13[0-9x]{2}\b", way.model) else "softoff_at"


def _judged(command: Command, answer: cgminer.Tree | Outcome) -> Outcome:
    if isinstance(answer, Outcome):
        hung_up = answer.why.startswith("hung up")
        return answer._replace(why="hung up without a word, as some do when they obey") if hung_up else answer
    outcome = _cgminer.judged(command, answer)
    if outcome.verdict == REFUSED and "permit" in outcome.why.lower():
        return outcome._replace(why=f"busy, again later: {outcome.why}"[:120])
    return outcome
