"""Any miner that speaks the CGMiner API (cgminer, bfgminer, bmminer and their kin), read by what its fields say.

Units stand in the names of the fields (MHS, GHS); everything a firmware may leave out is unknown. Control is nothing
these programs agree on: where a firmware has commands for it, `stop_command` and `run_command` name them.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from mine_controller.core.model.command import REFUSED, UNSUPPORTED, Command, Outcome
from mine_controller.core.option import option
from mine_controller.devices import _answer, _cgminer, _hosts
from mine_controller.devices._cgminer import Line, Unit
from mine_controller.devices.kind import Ask, BadReply, Can, Found, LaneSpec, Reply, Report
from mine_controller.wire import cgminer
from mine_controller.wire.door import Wire

CAN = Can(reads=("address", "word", "power_w", "chip_c", "hashrate_ths", "text"), verbs=("run", "stop"), fleet=True)
LANE = LaneSpec(width=1, call_s=0.1, batch=True, proof_s=60)
BUDGET_S = 20.0

READS = ("version", "summary", "stats", "devs")  # not pools: nobody reads it here, and it may hold passwords
JOINED = cgminer.request("+".join(READS))
_IS_JOINED = re.compile(rb'"(?:summary|version)"\s*:\s*[\[{]')
_PROGRAMS = ("LUXminer", "BOSer", "BOSminer+", "BOSminer", "BMMiner", "BFGMiner", "CGMiner", "Miner")
_MODELS = ("PROD", "Type", "MODEL", "Model")
_WATTS = ("Power", "power", "watt", "total_power", "PSU Input Power")
_SPANS = ("1m", "5s", "20s", "30s", "5m")
_SCALE = {"MHS": 1e-6, "GHS": 1e-3, "THS": 1.0}
_SAMPLED = re.compile(r"(?:[0-9]{1,2} )?MHS ?\(Sample\)")
_TEMPERATURE = re.compile(r"(?:[Tt]emp|TEMP|[Tt]emperature|Chip Temp)[A-Za-z0-9_ ]*")
_NO_HEAT = re.compile(r"num|target|limit|hot|danger|cut|count|mode|avg|min", re.IGNORECASE)
LOWEST_C, HIGHEST_C = 1.0, 150.0


class Options(NamedTuple):
    """One fleet of miners of whatever make on the LAN."""

    hosts: tuple[str, ...] = _hosts.HOSTS
    port: int = _cgminer.PORT
    nominal_w: int = option(3400, unit="W", low=1, high=20_000, help="what one miner draws, unless fleet.csv says")
    standby_w: int = option(25, unit="W", low=0, high=2000, help="what a stopped miner draws")
    ramp_patience_s: int = option(600, low=60, high=3600, unit="s", help="how long a start may take before it failed")
    settle_s: int = option(120, low=0, high=900, unit="s", help="how long a word counts little after a restart")
    macs: tuple[str, ...] = option(
        (), help="address and mac of miners that tell neither mac nor serial", example="10.0.1.7 00:aa:bb:cc:dd:ee"
    )
    stop_command: str = option("", help="the firmware's command that stops it, if any", example="ascdisable|0")
    run_command: str = option("", help="the firmware's command that starts it again", example="ascenable|0")


def faults(options: Options) -> list[str]:
    """What is wrong with these options, as sentences."""
    wrong = [f"macs: {entry[:60]!r} is no address and mac" for entry in options.macs if not _given(entry)]
    return [*_hosts.faults(options.hosts), *wrong]


def _given(entry: str) -> tuple[str, str] | None:
    host, _, mac = entry.strip().partition(" ")
    known = _cgminer.mac_of(mac.strip())
    return (host, known) if known and _hosts.expand((host,)) == (host,) else None


def fetch(wire: Wire, options: Options, ask: Ask) -> tuple[Reply, ...]:
    """A reply "<host>" each with all reads joined; "<host> version" ... from firmware that takes one at a time."""
    hosts = _hosts.expand(options.hosts)
    single = {host for host in hosts if ask.memory.get(host, "").endswith(" single")}
    joined = _cgminer.asked(wire, options, [Line(host, host, JOINED) for host in hosts if host not in single])
    single |= {reply.name for reply in joined if _can_not_join(reply)}
    replies = [reply for reply in joined if reply.name not in single]
    left = [host for host in hosts if host in single]
    for command in READS:  # one after the other: such boards serve one connection at a time
        send = cgminer.request(command)
        answers = _cgminer.asked(wire, options, [Line(host, f"{host} {command}", send) for host in left])
        left = [host for host, reply in zip(left, answers, strict=True) if reply.status]
        replies += answers
    return tuple(_cgminer.remembered(replies, ask))


def _can_not_join(reply: Reply) -> bool:
    """Whether to ask one by one: it answered something else, or hung up on a question it does not know."""
    if reply.status == 0:
        return reply.headers.get("why", "").startswith("hung up")
    return not _IS_JOINED.search(reply.body) and not reply.body.startswith(b"Socket connect")


def parse(replies: Sequence[Reply], options: Options) -> tuple[Found, ...]:
    """Per miner `address`, `word`, `power_w`, `chip_c`, `hashrate_ths`, and the texts "<mac> model", "... firmware"."""
    by_host: dict[str, dict[str, Reply]] = {}
    for reply in replies:
        host, _, command = reply.name.partition(" ")
        by_host.setdefault(host, {})[command] = reply
    macs = dict(filter(None, map(_given, options.macs)))
    return _cgminer.fleet([_unit(host, own, macs.get(host, ""), options) for host, own in by_host.items()])


def _unit(host: str, own: dict[str, Reply], mac: str, options: Options) -> Unit:
    known = mac or next((reply.headers["unit"] for reply in own.values() if reply.headers.get("unit")), "")
    try:
        trees = _trees(host, own)
    except cgminer.DownError as error:
        return _cgminer.down(host, known, str(error))
    except BadReply as error:
        return Unit(host, known, (), str(error))
    version = cgminer.row(trees.get("version", {}), "VERSION")
    stats = cgminer.rows(trees.get("stats", {}), "STATS")
    unit = _cgminer.identity(version, *stats) or mac
    if not unit:
        return Unit(host, "", (), f"{host} tells neither mac nor serial: write it into macs")
    firmware = next((f"{name} {version[name]}" for name in _PROGRAMS if version.get(name)), "")
    model = next((row[name] for row in (version, *stats) for name in _MODELS if row.get(name)), "")
    found = (*_cgminer.facts(unit, host, model, firmware), *_values(unit, trees, options))
    return Unit(host, unit, found, memory=f"{unit} {'joined' if '' in own else 'single'}")


def _trees(host: str, own: dict[str, Reply]) -> dict[str, cgminer.Tree]:
    """The answer to each read. Raises BadReply when none can be used."""
    whole = _cgminer.tree(own[""]) if "" in own else None
    trees, why = {}, ""
    for command in READS:
        try:
            if whole is not None or command in own:
                found = whole if whole is not None else _cgminer.tree(own[command])
                trees[command] = _cgminer.part(found, command, host)
        except BadReply as error:
            why = why or str(error)
    if not any(name in trees.get(command, {}) for command, name in zip(READS, map(str.upper, READS), strict=True)):
        raise BadReply(why or f"{host}: not a miner's answer")
    return trees


def _values(unit: str, trees: dict[str, cgminer.Tree], options: Options) -> list[Found]:
    summary = cgminer.row(trees.get("summary", {}), "SUMMARY")
    stats = cgminer.rows(trees.get("stats", {}), "STATS")
    boards = cgminer.rows(trees.get("devs", {}), "DEVS")
    rate = _rate(summary, stats)
    word, why = _word(rate, _elapsed(summary, stats), boards, options)
    watts = _first([summary, *stats], _WATTS)
    found = [
        Found(unit, "word", word, why),
        _cgminer.told("power_w", unit, watts if watts and watts > 0 else None, "this firmware tells no watts"),
    ]
    if rate is not None:
        found.append(Found(unit, "hashrate_ths", round(rate, 6)))
    heats = [heat for row in (*boards, *stats) for heat in _heats(row)]
    if heats:
        real = [heat for heat in heats if LOWEST_C <= heat <= HIGHEST_C]
        found.append(_cgminer.told("chip_c", unit, max(real, default=None), "no sensor answers"))
    return found


def _heats(row: dict[str, Any]) -> Iterable[float]:
    for name, value in row.items():
        if _TEMPERATURE.fullmatch(name) and not _NO_HEAT.search(name):
            heat = cgminer.number(value)
            if heat is not None:
                yield heat


def _first(rows: Iterable[dict[str, Any]], names: Sequence[str]) -> float | None:
    return next((found for row in rows for name in names if (found := cgminer.number(row.get(name))) is not None), None)


def _rate(summary: dict[str, Any], stats: list[dict[str, Any]]) -> float | None:
    """TH/s now: sampled from the chips where the firmware has that, else the first short window there is.

    `av` counts from the start and goes on after the unit stopped; only where there is nothing else is it read.
    """
    sampled = [cgminer.number(value) for row in stats for name, value in row.items() if _SAMPLED.fullmatch(name)]
    if rates := [rate for rate in sampled if rate is not None]:
        return sum(rates) * _SCALE["MHS"]
    for span in (*_SPANS, "av"):
        for unit, scale in _SCALE.items():
            rate = _first([summary, *stats], (f"{unit} {span}",))
            if rate is not None and rate >= 0:
                return rate * scale
    return None


def _elapsed(summary: dict[str, Any], stats: list[dict[str, Any]]) -> float | None:
    return _first([summary, *stats], ("Elapsed",))


def _word(
    rate: float | None, elapsed_s: float | None, boards: list[dict[str, Any]], options: Options
) -> tuple[str | None, str]:
    if boards and all(board.get("Enabled") in ("N", False) for board in boards):
        return "stopped", ""
    if rate is None:
        return None, "it gives no hash rate"
    if rate > 0:
        return "hashing", ""
    return ("booting", "") if elapsed_s is not None and elapsed_s < options.ramp_patience_s else ("error", "")


def apply(wire: Wire, options: Options, batch: Sequence[Command], report: Report) -> None:
    """Who it is, whether the firmware lets us, then the command: one step after the other, each with all at once."""
    commands = []
    for command in _cgminer.addressed(options, batch, report, CAN.verbs):
        if _command(options, command):
            commands.append(command)
        else:
            why = f"no command for {command.verb} is known of this firmware ({command.verb}_command names one)"
            report(Outcome(command.id, UNSUPPORTED, why))
    first = [(command, cgminer.request("version")) for command in commands]
    versions: dict[str, cgminer.Tree] = {}
    second = _cgminer.before(
        _cgminer.step(wire, options, first), report, lambda command, tree: _version(command, tree, versions)
    )
    macs = dict(filter(None, map(_given, options.macs)))
    checks = _cgminer.before(
        _cgminer.step(wire, options, second),
        report,
        lambda command, tree: _check(options, command, [versions[command.id], *cgminer.rows(tree, "STATS")], macs),
    )
    allowed = _cgminer.before(
        _cgminer.step(wire, options, checks), report, lambda command, tree: _send(options, command, tree)
    )
    for command, answer in _cgminer.step(wire, options, allowed):
        report(_cgminer.judged(command, answer))


def _command(options: Options, command: Command) -> str:
    return options.stop_command if command.verb == "stop" else options.run_command


def _version(command: Command, tree: cgminer.Tree, versions: dict[str, cgminer.Tree]) -> bytes | Outcome:
    versions[command.id] = cgminer.row(tree, "VERSION")
    if not versions[command.id]:
        return Outcome(command.id, REFUSED, "before the command: not a miner's answer")
    return cgminer.request("stats")  # some tell their serial only there


def _check(options: Options, command: Command, rows: list[cgminer.Tree], macs: dict[str, str]) -> bytes | Outcome:
    unit = _cgminer.identity(*rows) or macs.get(_hosts.wanted(command)[0], "")
    refusal = _cgminer.stranger(command, unit)
    return refusal or cgminer.request("check", _command(options, command).partition("|")[0])


def _send(options: Options, command: Command, tree: cgminer.Tree) -> bytes | Outcome:
    """`check` tells whether the command exists and whether this machine may use it."""
    told = cgminer.row(tree, "CHECK")
    if told.get("Exists") == "N":
        return Outcome(command.id, UNSUPPORTED, "this firmware does not know the command")
    if told.get("Access") == "N":
        return Outcome(command.id, REFUSED, "it lets us only read: allow this machine in its API settings")
    if not told:
        return Outcome(
            command.id, REFUSED, f"before the command: {_answer.clean(cgminer.status(tree).text) or 'no word'}"
        )
    name, _, parameter = _command(options, command).partition("|")
    return cgminer.request(name, parameter)
