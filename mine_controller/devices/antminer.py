"""Antminer, whatever firmware it runs: stock, LuxOS, Braiins OS or VNish; each is told by its own answers.

All are read at once over the CGMiner API; what that lacks comes from their web side: who a stock unit is (by digest,
once, and again whenever it has restarted), watts and state of Braiins OS and VNish. Stock firmware is commanded
through its web interface, LuxOS through its API, Braiins OS and VNish through asic-rs in a process of its own.
A stock unit that was asleep wakes in the mode it was in, or that is wanted of it, else in the section's `awake`, where
its model has that mode: most of the 19 series and the S21 have low, the S19k Pro and T21 have high, and the S21 Pro,
S21 XP, S21+, S21 Hyd., L9 and KS5 have neither (`_antminer_modes`); of a model that nothing is known of, each is tried.
The 9 to 17 series take their settings another way (`_antminer_form`), and only with `old_sleep` are they put to sleep.
"""

import json
import threading
from collections.abc import Sequence
from functools import partial
from typing import Any

from mine_controller.core.model.command import REFUSED, UNKNOWN, UNREACHABLE, Command, Outcome
from mine_controller.core.model.pool import Pool
from mine_controller.core.option import Secret, option
from mine_controller.devices import (
    _answer,
    _antminer,
    _antminer_fetch,
    _antminer_lux,
    _antminer_stock,
    _asic,
    _asic_rs,
    _cgminer,
    _cgminer_orders,
    _hosts,
    _pools,
    _units,
)
from mine_controller.devices._antminer import BRAIINS, LUXOS, STOCK, VNISH
from mine_controller.devices._antminer_fetch import FIRST, Known
from mine_controller.devices._antminer_web import DELIVERED, READ_S, Digest, packed, volley
from mine_controller.devices._units import Unit
from mine_controller.devices.kind import Ask, BadReply, Can, Found, Guess, LaneSpec, Reply, Report, Seen
from mine_controller.record import NamedTuple
from mine_controller.wire import cgminer
from mine_controller.wire.door import Wire, WireError

CAN = Can(reads=_asic.READS, verbs=_asic_rs.VERBS, fleet=True, gentle=True)
LANE = LaneSpec(width=1, call_s=22.0, batch=True, proof_s=150)  # stock: 21 s for the call, minutes until it sleeps
BUDGET_S = 20.0
MODES = ("low", "normal", "high")
SETTLE_S = 300
CUSTOM_PATIENCE_S = 300  # LuxOS, Braiins OS and VNish are up sooner than stock firmware
VNISH_DELIVERED = "admin"  # the password it comes with
MINI_DRAWS = (40, 2)  # a Braiins Mini Miner (BMM 100, BMM 101): with the watts of an Antminer it would count as off
# Braiins OS before 24 or so: only the CGMiner API, whose answers hold neither mac nor serial (recorded in 2020).
NO_REST_WHY = (
    "its Braiins OS has no REST interface to say who it is: update it, or put it into a section [cgminer] with macs, "
    "stop_command = pause and run_command = resume"
)
_PAGES = ((b"braiins os", BRAIINS), (b"luxor firmware", LUXOS), (b"anthillos", VNISH))
API_PARTS = {*FIRST, *(part for parts in _antminer_fetch.PARTS.values() for part in parts)}


class Options(NamedTuple):
    """One fleet of Antminers."""

    hosts: tuple[str, ...] = _hosts.HOSTS
    port: int = _cgminer.PORT
    web_port: int = option(80, low=_hosts.PORT_LOW, high=_hosts.PORT_HIGH, help="port of their web interface")
    user: str = option("root", help="user of their web interface")
    password: Secret = option(Secret(""), help="its password; empty = root, VNish's admin, as delivered")
    nominal_w: int = option(3400, unit="W", low=1, high=20_000, help="what one miner draws, unless fleet.csv says")
    standby_w: int = option(25, unit="W", low=0, high=2000, help="what a sleeping miner draws")
    ramp_patience_s: int = option(600, low=60, high=3600, unit="s", help="how long a start may take before it failed")
    settle_s: int = option(SETTLE_S, low=0, high=900, unit="s", help="how long a word counts little after a restart")
    proof_s: int = option(
        150, low=10, high=600, unit="s", help="how long a stop may take to show; LuxOS 15, Braiins OS and VNish 30"
    )
    old_sleep: bool = option(
        False, help="yes = 17 series stop by work mode 254, where their settings page has work modes; no = by outlet"
    )
    awake: str = option("normal", choices=MODES, help="the mode a stock unit wakes in, where its own was not seen")
    pools: tuple[Pool, ...] = _pools.POOLS


def faults(options: Options) -> list[str]:
    """What is wrong with these options, as sentences."""
    return _hosts.faults(options.hosts)


def recognise(seen: Seen) -> Guess | None:
    """Any firmware on an Antminer: by what its API or its web interface says of itself."""
    told = b"\n".join(seen.answers.get(name, b"") for name in ("version", "stats", "devdetails"))
    family = _antminer.family(told)
    page = seen.answers.get("GET /", b"")
    lower = page.lower()
    family = family or _by_page(page)
    if not family and b'realm="antminer configuration"' in lower:
        family = STOCK
    if not family:
        return None
    trees = {"version": _quietly(seen.answers.get("version", b"")), "stats": _quietly(seen.answers.get("stats", b""))}
    told_ = _antminer.told(family, trees, 0)
    details = cgminer.row(_quietly(seen.answers.get("devdetails", b"")), "DEVDETAILS") if family == BRAIINS else {}
    model = _asic.shown(told_.model) or _asic.shown(details.get("Model"))
    draws = MINI_DRAWS if "mini miner" in model.lower() else (0, 0)
    return Guess("antminer", 3, model, _asic.shown(told_.firmware), draws=draws)


def _by_page(page: bytes) -> str:
    """Whose firmware a web interface's first page names, "" when it names none."""
    return next((name for mark, name in _PAGES if mark in page.lower()), "")


def _quietly(raw: bytes) -> cgminer.Tree:
    """An answer as a tree; {} when it can't be read, which `recognise` has to live with."""
    try:
        return cgminer.read(raw)
    except cgminer.UnreadableError:
        return {}


def fetch(wire: Wire, options: Options, ask: Ask) -> tuple[Reply, ...]:
    """Per unit "<host>" (joined) or "<host> <part>" of its API and web side, "<host> known" out of memory, and TURN."""
    return _antminer_fetch.Asking(wire, options, ask).replies()


def parse(replies: Sequence[Reply], options: Options) -> tuple[Found, ...]:
    """Each unit's `address`, `word` and the rest of `CAN.reads`, and the texts "<mac> model", "<mac> firmware"."""
    by_host: dict[str, dict[str, Reply]] = {}
    for reply in replies:
        host, _, part = reply.name.partition(" ")
        by_host.setdefault(host, {})[part] = reply
    turn = by_host.pop(_antminer_fetch.TURN, {}).get("")
    units = [_units.unit_of(host, partial(_unit, host, own, options)) for host, own in by_host.items()]
    kept = [Found(turn.name, "memory", turn.body.decode("ascii", "replace"))] if turn else []
    return (*_units.fleet(units), *kept)


def _unit(host: str, own: dict[str, Reply], options: Options) -> Unit:
    known = _known(own)
    try:
        trees, why = _trees(host, own)
    except cgminer.DownError as error:
        return _units.down(host, known.unit, str(error))
    if not trees:
        return Unit(host, known.unit, (), why or f"{host}: no answer")
    family = known.family or _antminer.family(b"\n".join(reply.body for reply in own.values()))
    unit, doubt = _identity(host, own, trees, known)
    if not unit:
        return Unit(host, known.unit, (), doubt, nameless=True)
    patience_s = options.ramp_patience_s if family == STOCK else min(options.ramp_patience_s, CUSTOM_PATIENCE_S)
    found = _asic.found(unit, host, _antminer.told(family, trees, patience_s), options.pools)
    return Unit(host, unit, found, memory=known._replace(unit=unit).text() if "known" in own else "")


def _known(own: dict[str, Reply]) -> Known:
    try:
        text = json.loads(own["known"].body) if "known" in own else ""
    except (ValueError, RecursionError):
        text = ""
    return Known.of(text) if isinstance(text, str) else Known()


def _trees(host: str, own: dict[str, Reply]) -> tuple[dict[str, Any], str]:
    """Every answer that can be read, by part, and the first reason for one that can't. cgminer.DownError."""
    trees: dict[str, Any] = {}
    why = ""
    down: cgminer.DownError | None = None
    for part, reply in own.items():
        try:
            trees |= _tree(host, part, reply)
        except BadReply as error:
            why = why or str(error)
        except cgminer.DownError as error:
            down = error
    if down is not None and not trees:
        raise down
    return trees, why


def _tree(host: str, part: str, reply: Reply) -> dict[str, Any]:
    if part in ("", "more"):
        whole = _cgminer.tree(reply)
        sections = cgminer.sections(whole)
        good = {name: tree for name, tree in sections.items() if cgminer.status(tree).good}
        if not good:
            raise BadReply(f"{host}: not a miner's answer")
        return good
    if part in API_PARTS:
        tree = _cgminer.part(_cgminer.tree(reply), part, f"{host} {part}")
        if part.upper() not in tree:
            raise BadReply(f"{host}: not a miner's answer")
        return {part: tree}
    if part == "watts":
        return {part: cgminer.port_6060_power_w(reply.body)}
    if part in ("known", "login"):
        return {}
    return {part: _answer.rows(reply) if part == "pools_web" else _answer.table(reply)}


def _identity(host: str, own: dict[str, Reply], trees: dict[str, Any], known: Known) -> tuple[str, str]:
    """The unit's mac or serial as it tells it now, else as it was told since its miner process started; or why not."""
    info, details = trees.get("info", {}), trees.get("details", {})
    config = cgminer.row(trees.get("config", {}), "CONFIG")
    network = _answer.dig(info, "system.network_status.mac")
    told = {"mac": info.get("macaddr") or details.get("mac_address") or config.get("MACAddr") or network}
    unit = _units.identity(told, {"serial": info.get("serinum")}, {"serial": config.get("SerialNumber")})
    if unit:
        return unit, ""
    asked = next((own[part] for part in ("info", "login", "details") if part in own), None)
    lacking = asked is not None and asked is own.get("login") and asked.status == 404
    if lacking or _antminer_fetch.NO_REST in known.flags:
        return known.unit if asked is None else "", f"{host}: {NO_REST_WHY}"
    if asked is None:
        return known.unit, f"{host} does not tell its mac"
    if asked.status == 401:
        return "", f"{host}: {_asic_rs.PASSWORD}"
    return "", f"{host} does not tell its mac: {_answer.clean(asked.headers.get('why', '')) or 'web interface'}"


def apply(wire: Wire, options: Options, batch: Sequence[Command], report: Report) -> None:
    """Whose firmware, then that firmware's way; who the unit is, is read again before anything is sent."""
    commands = _cgminer_orders.addressed(options, batch, report, CAN.verbs)
    web = Digest(wire, options)
    families = _families(wire, options, web, commands, report)
    of = {name: [command for command in commands if families.get(command.id) == name] for name in (STOCK, LUXOS)}
    others = [command for command in commands if families.get(command.id) in (BRAIINS, VNISH)]
    secret = options.password.reveal()
    logins = (("Braiins", options.user, secret or DELIVERED), ("VNish", options.user, secret or VNISH_DELIVERED))
    if of[LUXOS]:
        _antminer_lux.apply(wire, options, options.pools, _lux_identified(wire, options, of[LUXOS], report), report)
    beside = threading.Thread(
        target=_asic_rs.apply, args=(wire, options.pools, logins, others, report), name="act asic-rs", daemon=True
    )
    if others:  # both take most of a lane's time: neither waits for the other
        beside.start()
    if of[STOCK]:
        _antminer_stock.apply(wire, options, web, of[STOCK], report)
    if others:
        beside.join(max(0.0, wire.until - wire.now()))


def _families(wire: Wire, options: Options, web: Digest, commands: list[Command], report: Report) -> dict[str, str]:
    """By command whose firmware answers. Where the API is down, as of some that were stopped, a stock board still has
    its login, Braiins OS and VNish their page."""
    heard = _cgminer_orders.step(wire, options, [(command, cgminer.request("version")) for command in commands])
    families = {
        command.id: _antminer.family(json.dumps(told).encode())
        for command, told in heard
        if not isinstance(told, Outcome)
    }
    quiet = [(command, told) for command, told in heard if not families.get(command.id)]
    unmet = web.meet([_hosts.wanted(command)[0] for command, _ in quiet])
    hosts = [host for command, _ in quiet if (host := _hosts.wanted(command)[0]) not in unmet]
    pages = _paged(wire, options, [host for host in hosts if not web.is_stock(host)])
    for command, told in quiet:
        host = _hosts.wanted(command)[0]
        if web.is_stock(host):
            families[command.id] = STOCK
        elif pages.get(host):
            families[command.id] = pages[host]
        elif isinstance(told, Outcome):
            lost = UNREACHABLE if told.verdict == UNKNOWN else told.verdict  # a read: nothing was changed yet
            report(told._replace(verdict=lost, why=f"before the command: {told.why}"))
        else:
            report(Outcome(command.id, REFUSED, "before the command: not the answer of an Antminer"))
    return families


def _paged(wire: Wire, options: Options, hosts: list[str]) -> dict[str, str]:
    """Whose firmware the first page of each of these boards names, "" or nothing where it names none."""
    answers = volley(wire, options.web_port, [(host, packed(host, "/", None, "")) for host in hosts], READ_S)
    told = zip(hosts, answers, strict=True)
    return {host: _by_page(answer.body) for host, answer in told if not isinstance(answer, WireError)}


def _lux_identified(wire: Wire, options: Options, commands: list[Command], report: Report) -> list[Command]:
    def same(command: Command, tree: cgminer.Tree) -> bytes | Outcome:
        config = cgminer.row(tree, "CONFIG")
        return _cgminer_orders.stranger(command, _units.identity(config, {"serial": config.get("SerialNumber")})) or b""

    heard = _cgminer_orders.step(wire, options, [(command, cgminer.request("config")) for command in commands])
    return [command for command, _ in _cgminer_orders.before(heard, report, same)]
