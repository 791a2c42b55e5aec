"""Who answers on the networks of the mine: knock at every door at once, ask the open ones, let the kinds recognise.

Questions go out as soon as a door opens, while the silent addresses still have their time: a network costs one connect
time-out. Everything asked is a read that any of these devices serves without a password; a door that does not answer
one question is not asked the next.
"""

import ipaddress
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from mine_controller.config import catalogue
from mine_controller.config.model import Config
from mine_controller.devices import _hosts, _http, _whatsminer
from mine_controller.devices.kind import Guess, Seen
from mine_controller.record import NamedTuple
from mine_controller.wire import cgminer
from mine_controller.wire.door import Exchange, WireError
from mine_controller.wire.many import many
from mine_controller.wire.scan import CONNECT_S, Door, Tally, ear, hear, knock

DEFAULT = "10.0.0.0/24"  # where nothing is configured: the network of the older fleet managers
LARGEST = 1 << 16  # addresses of one run: a /16
ASK_S = 4.0  # one question: a small board that is busy with shares takes up to 3 s
ASKERS = 4  # threads; each takes a batch through non-blocking sockets
NET_BITS = 24  # what a section's hosts are widened to: a unit moves within its network
UDP_PORT = 12_345  # where NMMiner boards up to firmware 1.8 shout to
INFO = {"cmd": "get.device.info"}
_CHUNKS_END = b"\r\n0\r\n\r\n"  # `many` gives up on a silent line only where an end is named

Recognise = Callable[[Seen], Guess | None]
Shown = Callable[[int, int], None]  # doors done with, doors in all


class BadTargetError(ValueError):
    """What was asked to be searched can't be; the text is one sentence with the remedy."""


class Span(NamedTuple):
    """Addresses from `first` to `last` as numbers, and how they were written."""

    text: str
    first: int
    last: int

    @property
    def public(self) -> bool:
        """True when any of it belongs to the internet rather than to a site."""
        ends = (ipaddress.IPv4Address(self.first), ipaddress.IPv4Address(self.last))
        return any(net.is_global for net in ipaddress.summarize_address_range(*ends))

    def hosts(self) -> Iterable[str]:
        """Every address."""
        return (str(ipaddress.IPv4Address(number)) for number in range(self.first, self.last + 1))


class Ports(NamedTuple):
    """Which port is asked what. `more` are asked as a miner's API and as a web page."""

    cgminer: tuple[int, ...] = (cgminer.PORT,)
    web: tuple[int, ...] = (80,)
    whatsminer: tuple[int, ...] = (4433,)
    xmrig: tuple[int, ...] = ()
    more: tuple[int, ...] = ()

    def every(self) -> tuple[int, ...]:
        """All of them, each once."""
        return tuple(dict.fromkeys(port for some in self for port in some))


class Plan(NamedTuple):
    """One search."""

    hosts: tuple[str, ...]
    ports: Ports = Ports()
    wait_s: float = CONNECT_S
    listen_s: float = 0.0
    udp_port: int = UDP_PORT


class Looked(NamedTuple):
    """What a search saw. `deaf`: why no datagrams could be heard, "" when they were or nobody asked."""

    seen: tuple[Seen, ...]
    tally: Tally
    kinds: dict[str, Recognise]
    deaf: str = ""


# -- where to look --------------------------------------------------------------------------------------------------


def spans(given: Sequence[str], config: Config | None) -> tuple[Span, ...]:
    """The networks and ranges to search: as given, else around the hosts of every fleet section. BadTargetError."""
    found = tuple(_span(text) for text in given) or _around(config) or (_span(DEFAULT),)
    total = sum(one.last - one.first + 1 for one in found)
    if total > LARGEST:
        raise BadTargetError(f"{total} addresses are too many for one search: ask for a /16 or less at a time")
    return found


def _span(text: str) -> Span:
    if "/" not in text:
        hosts, wrong = _hosts.expand((text,)), _hosts.faults((text,))
        if wrong:
            raise BadTargetError(wrong[0].removeprefix("hosts: "))
        return Span(text, int(ipaddress.IPv4Address(hosts[0])), int(ipaddress.IPv4Address(hosts[-1])))
    try:
        net = ipaddress.IPv4Network(text.strip(), strict=False)
    except ValueError:
        raise BadTargetError(f"{text[:40]!r} is no IPv4 network like {DEFAULT}") from None
    if net.num_addresses > LARGEST:
        raise BadTargetError(f"{net} holds {net.num_addresses} addresses: ask for a /16 or less at a time")
    skip = 1 if net.prefixlen < net.max_prefixlen - 1 else 0  # its own name and its broadcast are nobody
    return Span(str(net), int(net.network_address) + skip, int(net.broadcast_address) - skip)


def _around(config: Config | None) -> tuple[Span, ...]:
    """The /24 of every address that a fleet section names."""
    options = [] if config is None else [one.options for one in config.endpoints.values()]
    named = [host for one in options for host in _hosts.expand(tuple(getattr(one, "hosts", ())))]
    nets = {ipaddress.IPv4Network((host, NET_BITS), strict=False) for host in named}
    return tuple(_span(str(net)) for net in sorted(nets))


def addresses(found: Sequence[Span]) -> tuple[str, ...]:
    """Every address once, in the order of the spans."""
    return tuple(dict.fromkeys(host for one in found for host in one.hosts()))


def ports(config: Config | None, xmrig: Sequence[int] = (), more: Sequence[int] = ()) -> Ports:
    """The usual ports, those the fleet sections name, and those asked for."""
    usual = Ports()
    sections = [one for one in config.endpoints.values() if hasattr(one.options, "hosts")] if config is not None else []
    named = [(one.kind, int(getattr(one.options, "port", 0))) for one in sections]
    programs = tuple(xmrig) or tuple(dict.fromkeys(port for kind, port in named if kind == "xmrig" and port))
    known = {0, *usual.every(), *programs}
    others = dict.fromkeys((*(port for _, port in named), *more))
    return usual._replace(xmrig=programs, more=tuple(port for port in others if port not in known))


# -- looking --------------------------------------------------------------------------------------------------------


def look(plan: Plan, shown: Shown) -> Looked:
    """Knock, ask and listen; over when the last address had its time and the last open door was asked."""
    tally, every = Tally(), plan.ports.every()
    doors = [Door(host, port) for host in plan.hosts for port in every]
    with ThreadPoolExecutor(ASKERS + 2) as pool:
        kinds = pool.submit(recognisers)
        heard, deaf = _listening(plan, pool)
        asked: list[Future[dict[Door, dict[str, bytes]]]] = []
        for batch in knock(doors, tally, plan.wait_s):
            if batch:
                asked.append(pool.submit(ask, batch, plan.ports))
            shown(tally.done, len(doors))
        answers = {door: told for one in asked for door, told in one.result().items()}
        datagrams = heard.result() if heard is not None else {}
        return Looked(_seen(plan, answers, datagrams), tally, kinds.result(), deaf)


def _listening(plan: Plan, pool: ThreadPoolExecutor) -> tuple[Future[dict[str, bytes]] | None, str]:
    if plan.listen_s <= 0:
        return None, ""
    try:
        sock = ear(plan.udp_port)
    except OSError as error:
        return None, f"UDP port {plan.udp_port} can't be listened to: {error.strerror}"
    return pool.submit(hear, sock, time.monotonic() + plan.listen_s, frozenset(plan.hosts).__contains__), ""


def ask(doors: Sequence[Door], named: Ports) -> dict[Door, dict[str, bytes]]:
    """What each door answers by question; one connection a door at a time. Silent doors have an empty table."""
    told: dict[Door, dict[str, bytes]] = {door: {} for door in doors}
    waiting = {door: list(_questions(door, named)) for door in doors}
    while waiting:
        turn = {door: questions.pop(0) for door, questions in waiting.items() if questions}
        answers = many([exchange for _, exchange in turn.values()], time.monotonic() + ASK_S)
        for (door, (name, _)), answer in zip(turn.items(), answers, strict=True):
            if isinstance(answer, bytes):
                told[door].setdefault(name, answer)
            elif _gone(answer):
                waiting[door].clear()
        waiting = {door: questions for door, questions in waiting.items() if questions}
    return told


def _gone(error: WireError) -> bool:
    """Whether the next question would only wait again; a door that hung up on one question may take another."""
    return error.kind in ("timeout", "unreachable", "refused")


def _questions(door: Door, named: Ports) -> Iterable[tuple[str, Exchange]]:
    if door.port in named.cgminer or door.port in named.more:
        for command in ("version", "devdetails", "stats"):
            yield command, Exchange(*door, cgminer.request(command), cgminer.ENDS)
    if door.port in named.whatsminer:
        yield "get.device.info", Exchange(*door, _whatsminer.framed(INFO), whole=lambda: _whatsminer.whole)
    if door.port in named.xmrig:
        yield _get(door, "/2/summary")
    if door.port in named.web or door.port in named.more:
        yield from (_get(door, path) for path in ("/", "/api/system/info", "/probe"))


def _get(door: Door, path: str) -> tuple[str, Exchange]:
    request = _http.pack("GET", door.host, path)
    return f"GET {path}", Exchange(*door, request, _CHUNKS_END, whole=_http.Watch)


def _seen(plan: Plan, answers: Mapping[Door, Mapping[str, bytes]], heard: Mapping[str, bytes]) -> tuple[Seen, ...]:
    """By address, in the order of the plan; of two doors that answer one question the first of `Ports` counts."""
    order = {port: at for at, port in enumerate(plan.ports.every())}
    by_host: dict[str, list[Door]] = {}
    for door in sorted(answers, key=lambda door: order[door.port]):
        by_host.setdefault(door.host, []).append(door)
    found = []
    for host in plan.hosts:
        told: dict[str, bytes] = {"udp": heard[host]} if host in heard else {}
        for door in reversed(by_host.get(host, ())):
            told |= answers[door]
        if host in by_host or told:
            found.append(Seen(host, tuple(sorted(door.port for door in by_host.get(host, ()))), told))
    return tuple(found)


# -- what it is -----------------------------------------------------------------------------------------------------


def recognisers() -> dict[str, Recognise]:
    """`recognise` of every kind that has one."""
    modules = {name: catalogue.find("device", name) for name in catalogue.known("device")}
    found = {name: getattr(module, "recognise", None) for name, module in modules.items()}
    return {name: recognise for name, recognise in found.items() if recognise is not None}


def guess(seen: Seen, kinds: Mapping[str, Recognise]) -> tuple[Guess | None, str]:
    """What the kinds make of it: the guess of the highest rank (None: nobody knows it), and which kind stumbled."""
    found, stumbled = [], []
    for name, recognise in kinds.items():
        try:
            one = recognise(seen)
        except Exception as error:  # noqa: BLE001 - bytes of strangers: one kind that stumbles must not hide 253 others
            stumbled.append(f"{name} could not read its answers ({type(error).__name__})")
        else:
            found += [one] if one is not None else []
    return max(found, key=lambda one: one.rank, default=None), ", ".join(stumbled)
