"""Many small miners with a web API behind one section: all asked at once, each known by what it says it is.

A reply is named after its address ("10.0.1.7") or, where one miner takes several, after address and part
("10.0.1.7 system"). A board that answered something else is told in one text of the endpoint and never guessed at.
"""

import re
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from mine_controller.core.model.command import REFUSED, Command
from mine_controller.core.model.pool import Pool
from mine_controller.core.option import option
from mine_controller.devices import _access, _answer, _blame, _errands, _hosts, _http, _pools, _talks
from mine_controller.devices._talks import Desk
from mine_controller.devices.kind import BadReply, Found, Reply, Report, Seen
from mine_controller.record import NamedTuple
from mine_controller.wire.door import Exchange, Response, Wire, WireError

READ_S = 5.0  # one read; a board that is busy with shares takes up to 3 s
# Ends an answer in chunks. The SDK's web server keeps the line open whatever is asked (espressif/esp-idf issue 15162):
# an answer with a length ends at `many`'s silence after some bytes, which it grants to exchanges that name an end.
ENDS = b"\r\n0\r\n\r\n"
MAC_DIGITS = 12
PAGE_CAP = 1 << 16  # bytes that are unpacked: a page names its maker at its top
NO_METER = "no power sensor answers"
_PACKED = re.compile(rb"\r\ncontent-encoding: *gzip(?=\r\n)", re.IGNORECASE)
_SERIAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{3,39}")  # what fleet.csv takes for a miner without a mac

HOSTS: tuple[str, ...] = option(
    help="addresses of the boards: single ones, ranges and networks; a board takes one read a minute, so with ticks "
    "shorter than that set every_s = 60",
    example="10.0.1.1-80",
)
PORT: int = option(80, low=_hosts.PORT_LOW, high=_hosts.PORT_HIGH, help="port of their web interface")
PATIENCE_S: int = option(60, low=30, high=3600, unit="s", help="how long a start may take before it failed")
BOOT_S: int = option(
    60, low=0, high=600, unit="s", help="so long after its start a unit counts as booting: its hash rate is a guess"
)


class Shelf(Protocol):
    """The options that every such kind has."""

    @property
    def hosts(self) -> tuple[str, ...]:
        """Addresses, ranges and networks."""

    @property
    def port(self) -> int:
        """The port of all of them."""


class Unit(NamedTuple):
    """What one address told: who it is and what it knows, without its address."""

    name: str  # mac, or a serial where it tells none
    found: tuple[Found, ...]


_DIFFICULTY = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?) ?([kKMGTPE]?)")
_SIZES = {letter: 1000.0**at for at, letter in enumerate(("", "K", "M", "G", "T", "P", "E"))}

Read = Callable[[Mapping[str, Reply]], Unit]  # the replies of one address by part; raises BadReply
Begin = Callable[["_talks.Desk"], "_talks.Talk[Response]"]  # a conversation with one unit


def volley(wire: Wire, port: int, wanted: Sequence[tuple[str, bytes]], longest_s: float) -> list[Response | WireError]:
    """One request to each address, all at once; an answer or the reason for none, in order. Raises nothing."""
    if not wanted:
        return []
    until = min(wire.until, wire.now() + longest_s)
    raws = wire.many([Exchange(host, port, request, ENDS, whole=_http.Watch) for host, request in wanted], until)
    return [_opened(raw) for raw in raws]


def _opened(raw: bytes | WireError) -> Response | WireError:
    if isinstance(raw, WireError):
        return raw
    try:
        return _http.unpack(raw)
    except WireError as error:
        return error


def ask(
    wire: Wire, options: Shelf, path: str, memory: Mapping[str, str], part: str = "", **headers: str
) -> tuple[Reply, ...]:
    """One reply an address. A silent one carries who answered there last (header "unit"), as `memory` has it.

    Raises the first WireError when no address answers at all.
    """
    hosts = _hosts.expand(options.hosts)
    answers = _get(wire, options.port, hosts, path, headers)
    lost = [answer for answer in answers if isinstance(answer, WireError)]
    if lost and len(lost) == len(answers):
        raise lost[0]
    return tuple(_remembered(one, memory) for one in _named(hosts, answers, part))


def _remembered(one: Reply, memory: Mapping[str, str]) -> Reply:
    if one.status != _access.SILENT:
        return one
    return one._replace(headers={**one.headers, "unit": memory.get(one.name.partition(" ")[0], "")})


def ask_more(wire: Wire, port: int, hosts: Sequence[str], path: str, part: str) -> tuple[Reply, ...]:
    """Another part of addresses that have answered already. Raises nothing: what does not come says why."""
    return _named(hosts, _get(wire, port, hosts, path, {}), part)


def _get(
    wire: Wire, port: int, hosts: Sequence[str], path: str, headers: Mapping[str, str]
) -> list[Response | WireError]:
    return volley(wire, port, [(host, _http.pack("GET", host, path, **headers)) for host in hosts], READ_S)


def _named(hosts: Sequence[str], answers: Sequence[Response | WireError], part: str) -> tuple[Reply, ...]:
    pairs = zip(hosts, answers, strict=True)
    return tuple(reply(f"{host} {part}" if part else host, answer) for host, answer in pairs)


def reply(name: str, answer: Response | WireError) -> Reply:
    """An answer under its name; one that never came has status 0 and says why."""
    if isinstance(answer, WireError):
        return Reply(name, _access.SILENT, {"why": answer.why}, b"")
    return Reply(name, answer.status, dict(answer.headers), answer.body)


def answered(replies: Iterable[Reply]) -> list[Reply]:
    """Those that came."""
    return [each for each in replies if each.status != _access.SILENT]


def fleet(replies: Sequence[Reply], read: Read, gone: Sequence[str] = ("word", "power_w")) -> tuple[Found, ...]:
    """Every unit's `address` and what `read` finds of it; of a unit that fell silent, `gone` is unknown.

    Two addresses that claim one identity are nobody: neither is known, and neither can be commanded. Raises BadReply
    when no address gives a unit.
    """
    units: dict[str, list[tuple[str, Unit]]] = {}
    silent: dict[str, str] = {}
    strange: list[str] = []
    for host, parts in _by_host(replies).items():
        if not answered(parts.values()):
            silent |= {each.headers.get("unit", ""): each.headers.get("why", "") for each in parts.values()}
            continue
        unit = _blame.alone(partial(_read_or_why, read, host, parts), f"{host}: {{}}".format)
        if isinstance(unit, str):
            strange.append(unit)
        else:
            units.setdefault(unit.name, []).append((host, unit))
    if not units and replies:
        raise BadReply((strange or ["no address answers"])[0])
    found = [each for name, claims in units.items() for each in _claimed(name, claims, gone)]
    lost = [(name, why or "no answer") for name, why in silent.items() if name and name not in units]
    return (*found, *(Found(name, what, None, why) for name, why in lost for what in gone), *_hosts.unread(strange))


def _read_or_why(read: Read, host: str, parts: Mapping[str, Reply]) -> Unit | str:
    try:
        return read(parts)
    except BadReply as error:
        return f"{host}: {error}" if host not in str(error) else str(error)


def _by_host(replies: Sequence[Reply]) -> dict[str, dict[str, Reply]]:
    hosts: dict[str, dict[str, Reply]] = {}
    for one in replies:
        host, _, part = one.name.partition(" ")
        hosts.setdefault(host, {})[part] = one
    return hosts


def _claimed(name: str, claims: list[tuple[str, Unit]], gone: Sequence[str]) -> list[Found]:
    if len(claims) > 1:
        return _hosts.doubled(name, [host for host, _ in claims], gone)
    host, unit = claims[0]
    return [Found(name, "address", host), *unit.found, Found(host, "memory", name)]


def only(parts: Mapping[str, Reply], part: str = "") -> dict[str, Any]:
    """The JSON object of one part. Raises BadReply, in words that help where the board refuses the asker."""
    one = parts.get(part)
    if one is None:
        raise BadReply("not asked")
    if one.status == 401:
        raise BadReply(REFUSES)
    return _answer.table(one)


def seen_table(seen: Seen, asked: str) -> dict[str, Any]:
    """The JSON object an address gave to this request while it was looked at, {} for anything else."""
    try:
        return _answer.table(reply("seen", _http.unpack(seen.answers.get(asked, b""))))
    except (WireError, BadReply):
        return {}


def seen_page(seen: Seen) -> bytes:
    """The first page of an address as it is read by people: these boards keep it packed, and send it so whoever asks
    (ESP-Miner, http_server.c). What can't be unpacked stays as it came."""
    raw = seen.answers.get("GET /", b"")
    if not _PACKED.search(raw):
        return raw
    try:
        body = _http.unpack(_PACKED.sub(b"", raw, count=1)).body
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(body, PAGE_CAP)
    except (WireError, zlib.error):
        return raw


def switched(desk: Desk, command: Command) -> bool | None:
    """Whether its light is to be on; None: that can't be understood, and the command was told so."""
    try:
        return _errands.switch(command.value)
    except ValueError as error:
        desk.tell(command, REFUSED, str(error))
        return None


REFUSES = "refuses this machine's address (401): boards answer private addresses only, like 192.168.1.5"


def mac(value: Any) -> str:
    """aa:bb:cc:dd:ee:ff, or "" for what is no unit's mac (empty, all zeros, a group address)."""
    digits = re.sub(r"[:.-]", "", value.lower()) if isinstance(value, str) and len(value) < 40 else ""
    if not re.fullmatch(r"[0-9a-f]{12}", digits) or digits == "0" * MAC_DIGITS or int(digits[:2], 16) & 1:
        return ""
    return ":".join(digits[at : at + 2] for at in range(0, MAC_DIGITS, 2))


def named(value: Any) -> str:
    """Its mac as the unit tells it. Raises BadReply."""
    found = mac(value)
    if not found:
        raise BadReply("tells no mac")
    return found


def serial(value: Any) -> str:
    """A name the maker or owner gave it, in capitals as fleet.csv keeps it, or ""."""
    return value.upper() if isinstance(value, str) and _SERIAL.fullmatch(value) else ""


def above_zero(value: Any) -> float | None:
    """A number above 0: these boards write 0 or -1 where nothing is measured."""
    found = _answer.number(value)
    return found if found is not None and found > 0 else None


def not_negative(value: Any) -> float | None:
    """A number from 0 on: a hash rate of 0 is a fact, one of -1 is none."""
    found = _answer.number(value)
    return found if found is not None and found >= 0 else None


def flag(value: Any) -> bool | None:
    """Yes or no, as true/false or 1/0; None for anything else."""
    return bool(value) if value in (0, 1) and isinstance(value, bool | int | float) else None


def known(name: str, quantity: str, value: float | None, why: str) -> Found:
    """A number, or None with the reason."""
    return Found(name, quantity, value, "" if value is not None else why)


def watts(name: str, value: Any) -> list[Found]:
    """What it draws; beside it with its fractions, which count where a whole watt is some percent of all."""
    told = above_zero(value)
    return [known(name, "power_w", told, NO_METER), *numbers(name, draw_w=told)]


def hottest(name: str, values: Iterable[Any]) -> Found:
    """The hottest chip that has a sensor."""
    degrees = [found for value in values if (found := above_zero(value)) is not None]
    return known(name, "chip_c", max(degrees, default=None), "no chip sensor answers")


def texts(name: str, **about: Any) -> list[Found]:
    """One text a word ("model", "firmware"), on a channel of its own; what is missing is left out."""
    return [Found(f"{name} {word}", "text", shown) for word, value in about.items() if (shown := shown_text(value, 80))]


def shown_text(value: Any, length: int = 40) -> str:
    """A device's text or number as it may be shown, "" for anything else."""
    return _answer.clean(value, length) if isinstance(value, str | int | float) else ""


def numbers(name: str, **told: float | None) -> list[Found]:
    """One reading a quantity that the unit tells; what it does not tell is left out."""
    return [Found(name, quantity, value) for quantity, value in told.items() if value is not None]


def difficulty(value: Any) -> float | None:
    """The difficulty of a share, a number or a text with a letter behind it ("483k", "2.417K", "1.84M"); 0 is none."""
    found = _DIFFICULTY.fullmatch(value.strip()) if isinstance(value, str) and len(value) < 40 else None
    return above_zero(float(found[1]) * _SIZES[found[2].upper()] if found else value)


def slowest(turns: Iterable[Any]) -> float | None:
    """The slowest of several fans; one that stands still beside others that turn may be a socket without a fan."""
    told = [found for value in turns if (found := not_negative(value)) is not None]
    return min([turn for turn in told if turn > 0] or told, default=None)


def percent(values: Iterable[Any]) -> float | None:
    """The strongest of several fans, 0 to 100."""
    return max((found for value in values if (found := not_negative(value)) is not None and found <= 100), default=None)


def pool_found(name: str, pools: Sequence[Pool], url: Any, user: Any = None, port: Any = None) -> list[Found]:
    """The reading `pool`: the owner's name of it, "other", or nothing where the unit tells none."""
    told = _pools.name_of(pools, url, user, port)
    return [] if told is None else [Found(name, "pool", told)]


def heat(name: str, part: str, value: Any) -> list[Found]:
    """The temperature of another part ("regulator"), on a channel of its own; nothing where there is no sensor."""
    degrees = above_zero(value)
    return [] if degrees is None else [Found(f"{name} {part}", "chip_c", degrees)]


def working(rate: Any, uptime_s: Any, boot_s: int) -> tuple[str | None, str]:
    """The word of a unit that has no fault and is not paused, from its hash rate; or None and why."""
    up_s = not_negative(uptime_s)
    if up_s is not None and up_s < boot_s:
        return "booting", ""
    rate = not_negative(rate)
    if rate is None:
        return None, "gives no hash rate"
    return ("hashing", "") if rate > 0 else (None, "no hash rate, and it does not say why (no pool?)")


def pool(host: Any, port: Any = None) -> str | None:
    """host:port as a text, without anything a URL may hide a login in."""
    if not isinstance(host, str) or not host.strip():
        return None
    number = _answer.number(port)
    place = host.rpartition("://")[2].rpartition("@")[2]
    return place if number is None else f"{place}:{number:.0f}"


def talk(
    wire: Wire, options: Shelf, batch: Sequence[Command], report: Report, verbs: tuple[str, ...], begin: Begin
) -> None:
    """Lead a conversation with every unit of the batch, all at once; see `_talks`."""

    def packed(host: str, request: bytes) -> Exchange:
        return Exchange(host, options.port, request, ENDS, whole=_http.Watch)

    calls = _talks.desks(_hosts.expand(options.hosts), batch, report, verbs)
    _talks.converse(wire, calls, begin, packed, _http.unpack)
