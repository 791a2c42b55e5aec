"""MicroBT Whatsminer of every generation, by its own API: reads in the open, commands sealed with its password.

API 1 and 2 answer on the CGMiner port, one command a connection; API 3 answers frames on 4433, and there the newest
firmware answers alone. Commands are sent by our own hand and never by asic-rs: version 0.8.6 of that sends
`open_write_api` with another maker's key whenever a unit answers no, even to a read, and so would switch on what the
owner has switched off. A no is told with what helps: the write API is a switch in MicroBT's WhatsMinerTool.
A unit may be set to stop late: API 3 has a random delay of up to 120 s (`set.system.time_randomized`, shown by
`get.system.setting`; MicroBT's manual of API 3). Give `proof_s` that time and 20 s more, or it is cut while it waits.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from mine_controller.core.model.command import Command
from mine_controller.core.model.pool import Pool
from mine_controller.core.option import Secret, option
from mine_controller.devices import (
    _asic,
    _asic_rs,
    _cgminer,
    _cgminer_orders,
    _hosts,
    _pools,
    _units,
    _whatsminer,
    _whatsminer_orders,
)
from mine_controller.devices._cgminer import Line
from mine_controller.devices._units import Unit
from mine_controller.devices.kind import Ask, BadReply, Can, Found, Guess, LaneSpec, Reply, Report, Seen
from mine_controller.record import NamedTuple
from mine_controller.wire import cgminer
from mine_controller.wire.door import Exchange, Wire, WireError

VERBS = tuple(verb for verb in _asic_rs.VERBS if verb != "fan")  # its fans are its own
CAN = Can(reads=_asic.READS, verbs=VERBS, fleet=True, gentle=True)
LANE = LaneSpec(width=1, call_s=2.0, batch=True, proof_s=20)
BUDGET_S = 20.0
MODES = _asic_rs.MODES
SETTLE_S = 300
READ_S = 6.0
NEW = {
    "v3info": {"cmd": "get.device.info"},
    "v3summary": {"cmd": "get.miner.status", "param": "summary"},
    "v3pools": {"cmd": "get.miner.status", "param": "pools"},
    "v3setting": {"cmd": "get.miner.setting"},  # last: firmware that hangs up on it has told the rest by then
}


class Options(NamedTuple):
    """One fleet of Whatsminers."""

    hosts: tuple[str, ...] = _hosts.HOSTS
    port: int = _cgminer.PORT
    v3_port: int = option(4433, low=_hosts.PORT_LOW, high=_hosts.PORT_HIGH, help="port of API 3")
    password: Secret = option(Secret(""), help="password of the account admin (API 2); empty = admin, as delivered")
    v3_account: str = option("super", help="account of API 3")
    v3_password: Secret = option(Secret(""), help="its password; empty = super, as delivered")
    nominal_w: int = option(3400, unit="W", low=1, high=20_000, help="what one miner draws, unless fleet.csv says")
    standby_w: int = option(15, unit="W", low=0, high=2000, help="what a stopped miner draws")
    ramp_patience_s: int = option(600, low=60, high=3600, unit="s", help="how long a start may take before it failed")
    settle_s: int = option(SETTLE_S, low=0, high=900, unit="s", help="how long a word counts little after a restart")
    proof_s: int = option(
        20, low=10, high=600, unit="s", help="how long a stop may take to show; more where units are set to stop late"
    )
    pools: tuple[Pool, ...] = _pools.POOLS


def faults(options: Options) -> list[str]:
    """What is wrong with these options, as sentences."""
    return _hosts.faults(options.hosts)


def recognise(seen: Seen) -> Guess | None:
    """By its frames on 4433, by the makers' names or a STATUS that is a bare letter on the CGMiner port, by its web."""
    try:
        info = _whatsminer.unframed(seen.answers.get("get.device.info", b""))
        trees: dict[str, Any] = {"v3info": info}
        told = _whatsminer.told_v3(trees, 0)
        if _whatsminer.message(info):
            return Guess("whatsminer", 3, told.model, told.firmware, _whatsminer.identity(trees))
    except BadReply:
        pass  # not API 3: the other answers tell
    for name in ("version", "devdetails"):
        try:
            tree = cgminer.read(seen.answers.get(name, b""))
        except cgminer.UnreadableError:
            continue
        if _whatsminer.is_whatsminer(tree):
            told = _whatsminer.told_v2({"devdetails": _tree_of(seen, "devdetails")}, 0)
            return Guess("whatsminer", 3, told.model)
    page = seen.answers.get("GET /", b"").lower()
    return Guess("whatsminer", 2) if b" 307 " in page[:20] and b"/cgi-bin/luci" in page else None


def _tree_of(seen: Seen, name: str) -> cgminer.Tree:
    try:
        return cgminer.read(seen.answers.get(name, b""))
    except cgminer.UnreadableError:
        return {}


def fetch(wire: Wire, options: Options, ask: Ask) -> tuple[Reply, ...]:
    """Replies "<host> summary", "<host> status", "<host> pools"; "<host> v3info" ... from units without the old API."""
    hosts = _hosts.expand(options.hosts)
    kept = {host: ask.memory.get(host, "").split(" ") for host in hosts}
    new = {host for host, words in kept.items() if words[1:2] == ["v3"]}
    sums = _old(wire, options, [host for host in hosts if host not in new], "summary")
    good = [host for host, reply in sums.items() if _summarised(reply)]
    framed = _new(wire, options, [host for host in hosts if host not in good])
    framing = _answering(framed)
    gone = new.difference(framing)
    late = _old(wire, options, [host for host in hosts if host in gone], "summary")  # another unit, other firmware
    sums |= late
    good += [host for host, reply in late.items() if _summarised(reply)]
    old = [*sums.values()]
    for part in ("status", "pools"):
        old += _old(wire, options, good, part).values()
    nameless = [host for host in good if b'"MAC"' not in sums[host].body]
    old += _old(wire, options, nameless, "get_miner_info").values()
    modelless = [host for host in good if len(kept[host]) < 3]
    old += _old(wire, options, modelless, "devdetails").values()
    done = framing.union(good)
    silent = [host for host, reply in sums.items() if host not in done and _heard(reply)]
    off = {host: reply for host, reply in _old(wire, options, silent, "status").items() if _off(reply)}
    old += [*off.values(), *_old(wire, options, [*off], "get_miner_info").values()]
    known = [Reply(f"{host} known", 200, {}, " ".join(words).encode()) for host, words in kept.items() if words[0]]
    return tuple(_cgminer.remembered([*old, *framed, *known], ask))


def _summarised(reply: Reply) -> bool:
    return reply.status != 0 and b'"STATUS":"E"' not in reply.body.replace(b" ", b"")


def _answering(replies: Sequence[Reply]) -> set[str]:
    return {reply.name.partition(" ")[0] for reply in replies if reply.status}


def _heard(reply: Reply) -> bool:
    """Whether somebody is there: one that was stopped answers `status` and may leave its summary without an answer (an
    M31S with API 1.3: Foreman's agent looks there when the rest fails)."""
    return reply.status != 0 or reply.headers.get("why", "").startswith(("no answer", "hung up", "broke off"))


def _off(reply: Reply) -> bool:
    try:
        return _whatsminer.is_off({"status": _cgminer.tree(reply)})
    except (BadReply, cgminer.DownError):
        return False


def _old(wire: Wire, options: Options, hosts: Sequence[str], part: str) -> dict[str, Reply]:
    lines = [Line(host, f"{host} {part}", cgminer.request(part)) for host in hosts]
    return dict(zip(hosts, _cgminer.asked(wire, options, lines), strict=True))


def _new(wire: Wire, options: Options, hosts: Sequence[str]) -> list[Reply]:
    """Who they are first, the rest from those that answer."""
    told: list[Reply] = []
    for part, request in NEW.items():
        answers = frames(wire, options, [(host, _whatsminer.framed(request)) for host in hosts])
        replies = [_reply(f"{host} {part}", answer) for host, answer in zip(hosts, answers, strict=True)]
        hosts = [host for host, reply in zip(hosts, replies, strict=True) if reply.status]
        told += replies
    return told


def frames(wire: Wire, options: Options, wanted: Sequence[tuple[str, bytes]]) -> list[bytes | WireError]:
    """One frame to each address, all at once."""
    batch = [Exchange(host, options.v3_port, send, whole=lambda: _whatsminer.whole) for host, send in wanted]
    return wire.many(batch, min(wire.until, wire.now() + READ_S)) if batch else []


def _reply(name: str, answer: bytes | WireError) -> Reply:
    return Reply(name, 0, {"why": answer.why}, b"") if isinstance(answer, WireError) else Reply(name, 200, {}, answer)


def parse(replies: Sequence[Reply], options: Options) -> tuple[Found, ...]:
    """Each unit's `address`, `word` and the rest of `CAN.reads`, and the texts "<mac> model", "<mac> firmware"."""
    by_host: dict[str, dict[str, Reply]] = {}
    for reply in replies:
        host, _, part = reply.name.partition(" ")
        by_host.setdefault(host, {})[part] = reply
    return _units.fleet([_units.unit_of(host, partial(_unit, host, own, options)) for host, own in by_host.items()])


def _unit(host: str, own: dict[str, Reply], options: Options) -> Unit:
    known = own["known"].body.decode("latin-1").split(" ") if "known" in own else []
    name = _units.identity({"mac": known[0], "serial": known[0]}) if known else ""
    trees: dict[str, Any] = {}
    why, down = "", ""
    for part, reply in own.items():
        try:
            if part in NEW:
                trees[part] = _frame(host, reply)
            elif part != "known":
                trees[part] = _cgminer.part(_cgminer.tree(reply), part, host)
        except BadReply as error:
            why = why or str(error)
        except cgminer.DownError as error:
            down = str(error)
    if not _told(trees):
        return _units.down(host, name, down) if down else Unit(host, name, (), why or f"{host}: not a Whatsminer")
    says = _whatsminer.identity(trees)
    unit = says or (name if _whatsminer.is_off(trees) else "")
    if not unit:
        return Unit(host, name, (), f"{host} tells neither mac nor serial", nameless=True)
    new = "v3info" in trees
    read = _whatsminer.told_v3 if new else _whatsminer.told_v2
    told = read(trees, options.ramp_patience_s)
    if not new and "devdetails" not in trees and known[:1] == [unit] and len(known) > 2:
        told = told._replace(model=" ".join(known[2:]))
    model = [told.model] if told.model != "Whatsminer" else []
    memory = " ".join([unit, "v3" if new else "v2", *model])
    return Unit(host, unit, _asic.found(unit, host, told, options.pools), memory=memory, nameless=not says)


def _told(trees: dict[str, Any]) -> bool:
    """Whether it said anything of itself: a summary with values, its description, or that it is off."""
    sums = _whatsminer.summary(trees.get("summary", {}))
    about = bool(_whatsminer.message(trees.get("v3info", {}))) or _whatsminer.is_off(trees)
    return "Elapsed" in sums or "Power" in sums or about


def _frame(host: str, reply: Reply) -> dict[str, Any]:
    if reply.status == 0:
        raise BadReply(f"{host}: {reply.headers.get('why', 'no answer')}")
    try:
        return _whatsminer.unframed(reply.body)
    except BadReply as error:
        raise BadReply(f"{host}: {error}") from None


def apply(wire: Wire, options: Options, batch: Sequence[Command], report: Report) -> None:
    """Who it is and which API it takes commands by, then the command, sealed; each step with all units at once."""
    good = []
    for command in _cgminer_orders.addressed(options, batch, report, VERBS):
        refusal = _asic_rs.checked(command, options.pools).refusal
        if refusal:
            report(_whatsminer_orders.refused(command, refusal))
        else:
            good.append(command)
    _whatsminer_orders.apply(wire, options, frames, good, report)
