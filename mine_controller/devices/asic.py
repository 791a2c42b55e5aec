"""Whatever asic-rs knows and no kind of our own does: Auradine, ePIC, MARA, Proto, Goldshell and more, read and
commanded in a process of its own.

What it makes up is not passed on: `is_mining` is false or true where nothing was read, so a unit works only by a state
that its firmware names or by a hash rate (an Auradine also sleeps by its `false`, which asic-rs has from its mode
alone); watts of 0 and -1 are none. An address where a Whatsminer answers is left
out, because asic-rs would switch its write API on (see `whatsminer`); a look on its ports comes first. Stock Antminers,
LuxOS and Avalons are read and not commanded here: their own kinds do that, `antminer` and `avalon`.
"""

import json
from collections.abc import Sequence
from functools import partial
from typing import Any

from mine_controller.core.model.command import REFUSED, Command, Outcome
from mine_controller.core.model.pool import Pool
from mine_controller.core.option import Secret, option
from mine_controller.devices import (
    _answer,
    _asic,
    _asic_rs,
    _cgminer,
    _cgminer_orders,
    _hosts,
    _pools,
    _units,
    _whatsminer,
)
from mine_controller.devices._asic import Told
from mine_controller.devices._units import Unit
from mine_controller.devices.kind import Ask, BadReply, Can, Found, Guess, LaneSpec, Reply, Report, Seen
from mine_controller.record import NamedTuple
from mine_controller.wire import cgminer
from mine_controller.wire.door import Exchange, Job, Wire, WireError

CAN = Can(reads=_asic.READS, verbs=_asic_rs.VERBS, fleet=True, gentle=True)
LANE = LaneSpec(width=1, call_s=5.0, batch=True, proof_s=60)
BUDGET_S = 20.0
MODES = _asic_rs.MODES
SETTLE_S = 180
LOOK_S, LOOK_SHARE = 2.0, 0.3  # a port that hangs must leave the library its time
READ_S = 14.0  # it gives a unit 10 s to be recognised
V3_PORT = 4433
# The names under which asic-rs 0.8.6 takes a login before it looks at a unit.
FIRMWARES = (
    *("Auradine Stock", "Braiins", "Elphapex Stock", "ForgeOS Stock", "Goldshell Stock", "Marathon"),
    *("SealMiner Stock", "UMC OS", "VNish", "VolcMiner Stock"),
)
STATES = {
    **dict.fromkeys(("Initializing", "Starting", "Restarting"), "booting"),
    **dict.fromkeys(("Idling", "Paused", "Suspended", "Sleep", "Sleeping"), "sleeping"),  # Sleep: MARA's own word
    **dict.fromkeys(("Stopped", "Stopping", "CoolingDown"), "stopped"),
    "Error": "error",
}
SLEEPS_BY_FALSE = "Auradine Stock"  # read in 0.8.6: false only where `Mode/0/Sleep` is on, true where it was not read
AT_WORK = ("Mining", "Stable", "Tuning", "Restricted", "DegradedMining")
MARKS = (
    *((b'"gcminer"', "Auradine"), (b"fluxos", "Auradine"), (b"miner web dashboard", "ePIC"), (b"marafw", "MARA")),
    *((mark, "Goldshell") for mark in (b"goldshell", b"intchains_qomo", b"kdaminer")),  # as asic-rs tells them
)
NO_WHATSMINER = "a Whatsminer answers: put it into a section [whatsminer]"


class Options(NamedTuple):
    """One fleet of miners that asic-rs knows."""

    hosts: tuple[str, ...] = _hosts.HOSTS
    port: int = option(
        cgminer.PORT, low=_hosts.PORT_LOW, high=_hosts.PORT_HIGH, help="where a Whatsminer is looked for first"
    )
    user: str = option("root", help="user of their interface, where a password is given")
    password: Secret = option(Secret(""), help="its password; empty = the maker's own")
    nominal_w: int = option(3400, unit="W", low=1, high=20_000, help="what one miner draws, unless fleet.csv says")
    standby_w: int = option(25, unit="W", low=0, high=2000, help="what a stopped miner draws")
    ramp_patience_s: int = option(600, low=60, high=3600, unit="s", help="how long a start may take before it failed")
    settle_s: int = option(SETTLE_S, low=0, high=900, unit="s", help="how long a word counts little after a restart")
    pools: tuple[Pool, ...] = _pools.POOLS


def faults(options: Options) -> list[str]:
    """What is wrong with these options, as sentences."""
    return _hosts.faults(options.hosts)


def recognise(seen: Seen) -> Guess | None:
    """By the names that makers put into their answers and no other kind here reads."""
    told = b"\n".join(seen.answers.values()).lower()
    make = next((name for mark, name in MARKS if mark in told), "")
    return Guess("asic", 2, make) if make else None


def _logins(options: Options) -> tuple[tuple[str, str, str], ...]:
    secret = options.password.reveal()
    return tuple((firmware, options.user, secret) for firmware in FIRMWARES) if secret else ()


def fetch(wire: Wire, options: Options, ask: Ask) -> tuple[Reply, ...]:
    """A reply "<host>" each, in the child's words; status 0 where it told nothing."""
    hosts = _hosts.expand(options.hosts)
    left_out = _whatsminers(wire, options, hosts)
    asked = [host for host in hosts if host not in left_out]
    jobs = [Job(host, "read", logins=_logins(options)) for host in asked]
    answers = wire.library(jobs, min(wire.until, wire.now() + READ_S)) if jobs else []
    told = dict(zip(asked, answers, strict=True))
    if told and all(isinstance(answer, WireError) and answer.kind == "missing" for answer in told.values()):
        raise next(answer for answer in told.values() if isinstance(answer, WireError))
    replies = [_reply(host, told.get(host, WireError("unreachable", NO_WHATSMINER))) for host in hosts]
    return tuple(_cgminer.remembered(replies, ask))


def _reply(host: str, told: dict[str, Any] | WireError) -> Reply:
    if isinstance(told, WireError):
        return Reply(host, 0, {"why": told.why}, b"")
    return Reply(host, 200, {}, json.dumps(told).encode())


def _whatsminers(wire: Wire, options: Options, hosts: Sequence[str]) -> set[str]:
    """The addresses where one answers, on either of its ports."""
    ask = cgminer.request("version")
    looks = [(host, Exchange(host, options.port, ask, cgminer.ENDS)) for host in hosts]
    frame = _whatsminer.framed({"cmd": "get.device.info"})
    looks += [(host, Exchange(host, V3_PORT, frame, whole=lambda: _whatsminer.whole)) for host in hosts]
    left_s = max(0.0, wire.until - wire.now())
    until = wire.now() + min(LOOK_S, left_s * LOOK_SHARE)
    answers = wire.many([exchange for _, exchange in looks], until) if looks else []
    return {host for (host, _), answer in zip(looks, answers, strict=True) if _is_whatsminer(answer)}


def _is_whatsminer(answer: bytes | WireError) -> bool:
    if isinstance(answer, WireError):
        return False
    try:
        return bool(_whatsminer.message(_whatsminer.unframed(answer)))
    except BadReply:
        pass  # no frame: the other port's answer, or another make's
    try:
        return _whatsminer.is_whatsminer(cgminer.read(answer))
    except cgminer.UnreadableError:
        return False


def parse(replies: Sequence[Reply], options: Options) -> tuple[Found, ...]:
    """Each unit's `address`, `word` and the rest of `CAN.reads`, and the texts "<mac> model", "<mac> firmware"."""
    return _units.fleet([_units.unit_of(reply.name, partial(_unit, reply, options)) for reply in replies])


def _unit(reply: Reply, options: Options) -> Unit:
    host, known = reply.name, reply.headers.get("unit", "")
    try:
        tree = _answer.table(reply)
    except BadReply as error:
        return Unit(host, known, (), str(error))
    if "make" not in tree:
        return Unit(host, known, (), f"{host}: asic-rs finds no miner: {_answer.clean(tree.get('error', ''), 40)}")
    unit = _units.identity({"mac": tree.get("mac")}, {"serial": tree.get("serial")})
    if not unit:
        return Unit(host, known, (), f"{host} tells neither mac nor serial")
    return Unit(host, unit, _asic.found(unit, host, _told(tree, options), options.pools), memory=unit)


def _told(tree: dict[str, Any], options: Options) -> Told:
    rate, uptime = _asic.counted(tree.get("rate")), _asic.counted(tree.get("uptime"))
    word, why = _word(_state(tree), rate, uptime, options)
    boards = [board for board in _list(tree, "boards") if isinstance(board, dict)]
    pools = [pool for pool in _list(tree, "pools") if isinstance(pool, dict)]
    active = next((pool for pool in pools if pool.get("active") is True), None)
    return Told(
        word=word,
        why_word=why,
        power_w=_asic.above_zero(tree.get("watts")),
        limit_w=_asic.above_zero(tree.get("limit")),
        rate_ths=rate,
        chip_c=_asic.hottest(chip for board in boards for chip in _list(board, "chips")),
        board_c=_asic.hottest(board.get("board") for board in boards),
        fan_rpm=_asic.slowest(_list(tree, "fans")),
        uptime_s=uptime,
        accepted=_sum(pools, "accepted"),
        rejected=_sum(pools, "rejected"),
        mode=tree["mode"] if tree.get("mode") in MODES else None,
        pool=(active.get("host"), active.get("user"), active.get("port")) if active else None,
        model=" ".join(filter(None, (_asic.shown(tree.get("make")), _asic.shown(tree.get("model"))))),
        firmware=" ".join(filter(None, (_asic.shown(tree.get("firmware")), _asic.shown(tree.get("version"))))),
    )


def _list(tree: dict[str, Any], name: str) -> list[Any]:
    found = tree.get(name)
    return found if isinstance(found, list) else []


def _state(tree: dict[str, Any]) -> Any:
    """As its firmware names it, or as asic-rs knows it without a name."""
    state = tree.get("state")
    if state is None and tree.get("firmware") == SLEEPS_BY_FALSE and tree.get("mining") is False:
        return None if (_asic.counted(tree.get("rate")) or 0) > 0 else "Sleep"
    return state


def _word(state: Any, rate: float | None, uptime_s: float | None, options: Options) -> tuple[str | None, str]:
    """By the state its firmware names; without one a rate proves work, and no rate proves nothing."""
    if isinstance(state, str) and state in STATES:
        return STATES[state], ""
    if rate is not None and rate > 0:
        return "hashing", ""
    if isinstance(state, str) and (state in AT_WORK or state.startswith("Adjusting")):
        return _asic.working(rate, uptime_s, options.ramp_patience_s)
    return None, "no hash rate, and its firmware names no state"


def _sum(pools: Sequence[dict[str, Any]], name: str) -> float | None:
    counts = [count for pool in pools if (count := _asic.counted(pool.get(name))) is not None]
    return sum(counts) if counts else None


def apply(wire: Wire, options: Options, batch: Sequence[Command], report: Report) -> None:
    """The whole batch in one process; a Whatsminer gets nothing."""
    commands = _cgminer_orders.addressed(options, batch, report, CAN.verbs)
    left_out = _whatsminers(wire, options, [_hosts.wanted(command)[0] for command in commands])
    for command in commands:
        if _hosts.wanted(command)[0] in left_out:
            report(Outcome(command.id, REFUSED, NO_WHATSMINER))
    going = [command for command in commands if _hosts.wanted(command)[0] not in left_out]
    _asic_rs.apply(wire, options.pools, _logins(options), going, report)
