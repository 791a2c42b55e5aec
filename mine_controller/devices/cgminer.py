"""Any miner that speaks the CGMiner API (cgminer, bfgminer, bmminer and their kin), read by what its fields say.

Units stand in the names of the fields (MHS, GHS); everything a firmware may leave out is unknown. Control is nothing
these programs agree on: where a firmware has commands for it, `stop_command` and `run_command` name them.
"""

import re
from collections.abc import Generator, Mapping, Sequence
from functools import partial

from mine_controller.core.model.command import (
    ACCEPTED,
    APPLIED,
    REFUSED,
    UNKNOWN,
    UNSUPPORTED,
    Command,
    Outcome,
)
from mine_controller.core.model.pool import Pool
from mine_controller.core.option import option
from mine_controller.devices import _answer, _cgminer, _cgminer_orders, _hosts, _pools, _units
from mine_controller.devices import _cgminer_fields as fields
from mine_controller.devices._cgminer import Line
from mine_controller.devices._talks import Desk, Step
from mine_controller.devices._units import Unit
from mine_controller.devices.kind import (
    Ask,
    BadReply,
    Can,
    Findings,
    Found,
    Guess,
    LaneSpec,
    Reply,
    Report,
    Row,
    Seen,
    Told,
    told_of,
)
from mine_controller.record import NamedTuple
from mine_controller.wire import cgminer
from mine_controller.wire.door import Wire

CAN = Can(
    reads=(
        *("address", "word", "power_w", "chip_c", "hashrate_ths", "fan_rpm", "uptime_s", "accepted_n"),
        *("rejected_n", "stale_n", "best_diff_n", "pool", "text"),
    ),
    verbs=("restart", "pool", "run", "stop"),
    fleet=True,
)
LANE = LaneSpec(width=1, call_s=0.1, batch=True, proof_s=60)
BUDGET_S = 20.0
SETTLE_S = 120

READS = ("version", "summary", "stats", "devs")  # and pools, which may hold passwords, only where pools have names
_ALL_READS = (*READS, "pools")
_HEADS = tuple((command, command.upper()) for command in READS)  # what an answer to a read calls its rows
JOINED = cgminer.request("+".join(READS))
_IS_JOINED = re.compile(rb'"(?:summary|version)"\s*:\s*[\[{]')
_NOTHING: cgminer.Tree = {}
_SHARES = ((":accepted_n", "Accepted"), (":rejected_n", "Rejected"), (":stale_n", "Stale"))
FASTEST_RPM = 30_000
SMALL_THS = 0.01
# The command that stops a BOSminer (Braiins OS): paused, it says this of its boards' details (pyasic asks there, too).
PAUSE, PAUSED_BY, PAUSED = "pause", "devdetails", "unavailable"
NO_BOARD_ON = ({"Enabled": "N"},)
LOWEST_C, HIGHEST_C = 1.0, 150.0


Rows = tuple[cgminer.Tree, ...]  # of one unit, in the order of `fields`


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
    pools: tuple[Pool, ...] = _pools.POOLS


def faults(options: Options) -> list[str]:
    """What is wrong with these options, as sentences."""
    wrong = [f"macs: {entry[:60]!r} is no address and mac" for entry in options.macs if not _given(entry)]
    return [*_hosts.faults(options.hosts), *wrong]


def _given(entry: str) -> tuple[str, str] | None:
    host, _, mac = entry.strip().partition(" ")
    known = _units.mac_of(mac.strip())
    return (host, known) if known and _hosts.expand((host,)) == (host,) else None


def _reads(options: Options) -> tuple[str, ...]:
    more = ((PAUSED_BY, options.stop_command == PAUSE), ("pools", bool(options.pools)))
    return (*READS, *(command for command, wanted in more if wanted))


def fetch(wire: Wire, options: Options, ask: Ask) -> tuple[Reply, ...]:
    """A reply "<host>" each with all reads joined; "<host> version" ... from firmware that takes one at a time."""
    hosts = _hosts.expand(options.hosts)
    single = {host for host in hosts if ask.memory.get(host, "").endswith(" single")}
    commands = _reads(options)
    question = JOINED if commands == READS else cgminer.request("+".join(commands))
    lines = [Line(host, host, question) for host in hosts if host not in single]
    joined = _cgminer.asked(wire, options, lines, _early(options) if ask.early else None)
    single |= {reply.name for reply in joined if _can_not_join(reply)}
    replies = [reply for reply in joined if reply.name not in single]
    left = [host for host in hosts if host in single]
    for command in commands:  # one after the other: such boards serve one connection at a time
        send = cgminer.request(command)
        answers = _cgminer.asked(wire, options, [Line(host, f"{host} {command}", send) for host in left])
        left = [host for host, reply in zip(left, answers, strict=True) if reply.status]
        replies += answers
    return tuple(_cgminer.remembered(replies, ask))


def _early(options: Options) -> _cgminer.Early:
    """Reads a joined answer at once and lets its bytes go: a fleet's are many megabytes."""
    macs = dict(filter(None, map(_given, options.macs)))

    def made(reply: Reply) -> Reply:
        if _can_not_join(reply):
            return reply
        unit = _read(reply.name, {"": reply}, macs.get(reply.name, ""), options)
        return Reply(reply.name, 200, reply.headers, b"", unit)

    return made


def _can_not_join(reply: Reply) -> bool:
    """Whether to ask one by one: it answered something else, or hung up on a question it does not know."""
    if reply.made is not None:
        return False
    if reply.status == 0:
        return reply.headers.get("why", "").startswith("hung up")
    return not _IS_JOINED.search(reply.body) and not reply.body.startswith(b"Socket connect")


def parse(replies: Sequence[Reply], options: Options) -> Findings:
    """Per miner `address`, `word`, `power_w`, `chip_c`, `hashrate_ths`, and the texts "<mac> model", "... firmware"."""
    by_host: dict[str, dict[str, Reply]] = {}
    for reply in replies:
        host, _, command = reply.name.partition(" ")
        by_host.setdefault(host, {})[command] = reply
    macs = dict(filter(None, map(_given, options.macs)))
    return _units.findings(
        [_made(own) or _read(host, own, macs.get(host, ""), options) for host, own in by_host.items()]
    )


def _made(own: dict[str, Reply]) -> Unit | None:
    """What fetch has made of its one joined answer already."""
    return own[""].made if "" in own else None


def _read(host: str, own: dict[str, Reply], mac: str, options: Options) -> Unit:
    return _units.unit_of(host, partial(_unit, host, own, mac, options))


def _unit(host: str, own: dict[str, Reply], mac: str, options: Options) -> Unit:
    try:
        trees = _trees(host, own)
    except cgminer.DownError as error:
        return _units.down(host, mac or _last_known(own), str(error))
    except BadReply as error:
        return Unit(host, mac or _last_known(own), (), str(error))
    version, summary = cgminer.row(trees["version"], "VERSION"), cgminer.row(trees["summary"], "SUMMARY")
    stats, boards = cgminer.rows(trees["stats"], "STATS"), cgminer.rows(trees["devs"], "DEVS")
    unit = _units.identity(version, *stats) or mac
    if not unit:
        return Unit(host, "", (), f"{host} tells neither mac nor serial: write it into macs", nameless=True)
    rows = (version, summary, *stats, *boards)
    where = fields.places(rows, len(stats))
    told = _facts(host, rows, where)
    pools = cgminer.rows(trees["pools"], "POOLS") if "pools" in trees else []
    told += _values(rows, where, NO_BOARD_ON if _is_paused(own, options) else boards, pools, options)
    found: tuple[Found | Told, ...] = (told_of(unit, told),)
    if pools:
        found += tuple(_cgminer_orders.pool_found(unit, pools, options.pools))
    return Unit(host, unit, found, memory=f"{unit} {'joined' if '' in own else 'single'}")


def _is_paused(own: dict[str, Reply], options: Options) -> bool:
    """Whether its owner has it paused, and it says so."""
    reply = own.get(PAUSED_BY, own.get("")) if options.stop_command == PAUSE else None
    if reply is None:
        return False
    try:
        tree = _cgminer.tree(reply)
    except (BadReply, cgminer.DownError):
        return False
    answer = tree if PAUSED_BY in own else cgminer.sections(tree).get(PAUSED_BY, _NOTHING)
    return cgminer.status(answer).text.lower() == PAUSED


def _facts(host: str, rows: Rows, where: fields.Places) -> list[Row]:
    program, release = fields.said(rows, where.programs)
    _, model = fields.said(rows, where.models)
    return _units.about(host, model, program and f"{program} {release}")


def _last_known(own: Mapping[str, Reply]) -> str:
    """Who answered at this address last time."""
    return next((reply.headers["unit"] for reply in own.values() if reply.headers.get("unit")), "")


def _trees(host: str, own: dict[str, Reply]) -> dict[str, cgminer.Tree]:
    """The answer to each read, {} where it can't be used. Raises BadReply when none can."""
    whole = _cgminer.tree(own[""]) if "" in own else None
    parts = cgminer.sections(whole) if whole is not None else {}
    trees, why = dict.fromkeys(READS, _NOTHING), ""
    for command in _ALL_READS:
        try:
            if command in parts:
                trees[command] = _cgminer.granted(parts[command], command, host)
            elif whole is None and command in own:
                trees[command] = _cgminer.part(_cgminer.tree(own[command]), command, host)
            elif whole is not None and command in READS:  # pools were not asked: this is not an answer to them
                trees[command] = _cgminer.granted(whole, command, host)
        except BadReply as error:
            why = why or str(error)
    for command, head in _HEADS:
        if head in trees[command]:
            return trees
    raise BadReply(why or f"{host}: not a miner's answer")


def _values(
    rows: Rows, where: fields.Places, boards: Sequence[cgminer.Tree], pools: Sequence[cgminer.Tree], options: Options
) -> list[Row]:
    summary = rows[fields.SUMMARY]
    rate, elapsed_s = fields.rate_ths(rows, where), fields.first(rows, where.elapsed)
    watts, heats = fields.first(rows, where.watts), fields.every(rows, where.heats)
    word, why = _word(rate, elapsed_s, boards, pools, options)
    told: list[Row] = [(":word", word, why)]
    told.append((":power_w", watts, "") if watts and watts > 0 else (":power_w", None, "this firmware tells no watts"))
    if rate is not None:
        told.append((":hashrate_ths", round(rate, 9), ""))
    turning = [turn for turn in fields.every(rows, where.fans) if 0 < turn < FASTEST_RPM]  # 0: often just no fan
    if turning:
        told.append((":fan_rpm", min(turning), ""))
    if elapsed_s is not None and elapsed_s >= 0:
        told.append((":uptime_s", elapsed_s, ""))
    for tail, name in _SHARES:
        count = cgminer.number(summary.get(name))
        if count is not None and count >= 0:
            told.append((tail, count, ""))
    if heats:
        real = [heat for heat in heats if LOWEST_C <= heat <= HIGHEST_C]
        told.append((":chip_c", max(real), "") if real else (":chip_c", None, "no sensor answers"))
    best = cgminer.number(summary.get("Best Share"))  # of this start
    if best and best > 0:
        told.append((":best_diff_n", best, ""))
    if rate is not None and 0 < rate < SMALL_THS:  # two decimals of TH/s show nothing of it
        told.append((" hashrate:text", f"{rate * 1e3:.3f} GH/s", ""))
    return told


def _word(
    rate: float | None,
    elapsed_s: float | None,
    boards: Sequence[cgminer.Tree],
    pools: Sequence[cgminer.Tree],
    options: Options,
) -> tuple[str | None, str]:
    if boards and not any(map(_is_on, boards)):
        return "stopped", ""
    if rate is None:
        return None, "it gives no hash rate"
    if rate > 0:
        return "hashing", ""
    if elapsed_s is not None and elapsed_s < options.ramp_patience_s:
        return "booting", ""
    return ("waiting", "") if _pools.are_dead(pools) else ("error", "")


def _is_on(board: cgminer.Tree) -> bool:
    return board.get("Enabled") not in ("N", False)


def apply(wire: Wire, options: Options, batch: Sequence[Command], report: Report) -> None:
    """Who it is, whether the firmware lets us, then the command: one step after the other, each with all at once."""
    macs = dict(filter(None, map(_given, options.macs)))
    ready = [command for command in batch if not _unknown(options, command, report)]
    _cgminer_orders.talk(wire, options, ready, report, CAN.verbs, lambda desk: _talk(desk, options, macs))


def _unknown(options: Options, command: Command, report: Report) -> bool:
    """True, and told, for a stop or run that no option names a command for."""
    if command.verb not in ("run", "stop") or _command(options, command):
        return False
    why = f"no command for {command.verb} is known of this firmware ({command.verb}_command names one)"
    report(Outcome(command.id, UNSUPPORTED, why))
    return True


def _command(options: Options, command: Command) -> str:
    if command.verb == "restart":
        return "restart"
    return options.stop_command if command.verb == "stop" else options.run_command


def _talk(desk: Desk, options: Options, macs: dict[str, str]) -> Generator[Step, cgminer.Tree, None]:
    version = cgminer.row((yield Step(cgminer.request("version"))), "VERSION")
    if not version:
        raise BadReply("not a miner's answer")
    stats = cgminer.rows((yield Step(cgminer.request("stats"))), "STATS")  # some tell their serial only there
    if desk.is_stranger(_units.identity(version, *stats) or macs.get(desk.host, "")):
        return
    for command in desk.of("pool"):
        desk.say((yield from _pool(command, options)))
    for command in desk.of("stop", "run", "restart"):
        name, _, parameter = _command(options, command).partition("|")
        refusal = _cgminer_orders.permitted(command, (yield Step(cgminer.request("check", name))))
        if refusal is not None:
            desk.say(refusal)
            continue
        answer = yield Step(cgminer.request(name, parameter), changes=True)
        desk.say(_cgminer_orders.judged(command, answer))


def _pool(command: Command, options: Options) -> _cgminer_orders.Asking:
    """Switch to the pool, which is added before where the unit has it not; each only when `check` permits it."""
    pool = _pools.named(options.pools, command.value)
    if pool is None:
        return Outcome(command.id, REFUSED, f"{command.value[:40]!r} is no pool of this section")
    rows = cgminer.rows((yield Step(cgminer.request("pools"))), "POOLS")
    if _cgminer_orders.is_pool(_cgminer_orders.pool_in_use(rows), pool):
        return Outcome(command.id, APPLIED, "was so already")
    refusal = _cgminer_orders.permitted(command, (yield Step(cgminer.request("check", "switchpool"))))
    if refusal is not None:
        return refusal
    slot = _cgminer_orders.slot_of(rows, pool)
    if slot is None:
        refusal = _cgminer_orders.permitted(command, (yield Step(cgminer.request("check", "addpool"))))
        if refusal is not None:
            return refusal
        fields = (pool.url, pool.user, pool.password.reveal())
        answer = yield Step(cgminer.request("addpool", ",".join(map(cgminer.escaped, fields))), changes=True)
        outcome = _cgminer_orders.judged(command, answer)
        if outcome.verdict != ACCEPTED:
            return outcome._replace(why="it does not take the pool")  # its own words may hold what was sent
        rows = cgminer.rows((yield Step(cgminer.request("pools"))), "POOLS")
        slot = _cgminer_orders.slot_of(rows, pool)
    if slot is None:
        return Outcome(command.id, UNKNOWN, "took the pool, and does not list it")
    return (yield from _cgminer_orders.switched(command, pool, slot, cgminer.request))


def recognise(seen: Seen) -> Guess | None:
    """By elimination: whatever speaks the API and names a program; makes that are known outrank it."""
    version = cgminer.row(_cgminer.seen_tree(seen, "version"), "VERSION")
    program = next((name for name in fields.PROGRAMS if version.get(name)), "")
    if not program:
        return None
    model = next((str(version[name]) for name in fields.MODELS if version.get(name)), "")
    firmware = _answer.clean(f"{program} {version[program]}", 40)
    return Guess("cgminer", 1, _answer.clean(model, 40), firmware, _units.identity(version))
