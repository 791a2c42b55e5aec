"""An uplink, by trying it: TCP connects to places on the internet, from the address that leads out through this line.

What counts is whether somebody independent answers through it and how long that takes, not what a router says of its
plug. A connection alone proves little: OpenMPTCProuter sends the LAN's TCP through a proxy of its own (ss-redir) and
turns that off only once its tracker sees it fail (Ysurac/openmptcprouter issues 51 and 736), so a connection comes
about with the router itself, in no time and without loss, as with the proxies in satellite modems; and a firewall that
rejects refuses in the place's name. So each place is sent a word too, and what comes back must be of its kind: to a
port of TLS a hello, to any other the first line of a miner.

Places are literal addresses: a dead name server is no dead line. With `source` the machine needs an address on each
line and a route by source ("ip rule"); behind a bonding router one section without `source` watches the bond, and the
router's own kind its lines.
"""

import ipaddress
import re
from collections.abc import Callable, Sequence

from mine_controller.core.option import option
from mine_controller.devices import _answer
from mine_controller.devices.kind import Ask, BadReply, Can, Found, LaneSpec, Reply
from mine_controller.record import NamedTuple
from mine_controller.wire.door import Exchange, Wire, WireError

CAN = Can(reads=("link", "loss_pct", "latency_ms"))
LANE = LaneSpec()
HERE = True
BUDGET_S = 10.5  # the longest connect, and then its answer
PLACES = 2  # independent ones, so that one that is down is not taken for the line
MOST = 20
WORD = "word"  # the header of a reply that is an answer to a word
TLS_PORTS = (443, 465, 636, 853, 989, 990, 993, 995, 5061, 8443, 8883)
MINER_HELLO = b'{"id":1,"method":"mining.subscribe","params":["minectl"]}\n'
# A ClientHello of TLS 1.2 (RFC 5246) with groups, point formats and signatures and no name: a server goes on with it
# or says what it does not like.
_SUITES = bytes.fromhex("c02bc02fc02cc030cca9cca8009c009d002f0035")
_EXTENSIONS = bytes.fromhex("000a00080006001d00170018000b00020100000d00140012040308040401050308050501080606010201")
_PLACE = re.compile(r"([0-9.]{7,15}):([0-9]{1,5})")


def _sized(data: bytes, octets: int) -> bytes:
    return len(data).to_bytes(octets, "big") + data


_HELLO = (
    b"\x03\x03" + b"minectl.minectl.minectl.minectl." + b"\0" + _sized(_SUITES, 2) + b"\1\0" + _sized(_EXTENSIONS, 2)
)
TLS_HELLO = b"\x16\x03\x01" + _sized(b"\1" + _sized(_HELLO, 3), 2)


class Options(NamedTuple):
    """One line."""

    places: tuple[str, ...] = option(
        help="where to connect to: addresses with ports, of two independent operators at least; port 443 proves most",
        example="192.0.2.53:443, 198.51.100.1:443, 203.0.113.7:3333",
    )
    source: str = option("", help="this machine's address on that line; empty = as the routes lead")
    tries: int = option(2, low=1, high=5, help="connects to each place every time")
    timeout_s: float = option(2.0, low=0.3, high=5, unit="s", help="how long one connect may take, and then its answer")
    proof: str = option(
        "answer",
        choices=("answer", "connect"),
        help="connect = a connection counts although nothing is answered: not behind a router or modem with a proxy",
    )


def faults(options: Options) -> list[str]:
    """What is wrong with the places."""
    wrong = [place for place in options.places if not _at(place)]
    found = [f"places: {_shown(place)} is not an address with a port" for place in wrong]
    hosts = {place.partition(":")[0] for place in options.places}
    if not found and len(hosts) < PLACES:
        found.append("places: one host proves nothing when it does not answer; name two or more")
    if len(options.places) * options.tries > MOST:
        found.append(f"places: {MOST} connects each time are the most")
    if options.source and not _is_address(options.source):
        found.append("source: is no address of this machine")
    return found


def _shown(place: str) -> str:
    return "what carries a user or password" if "@" in place else repr(_answer.clean(place))


def _at(place: str) -> tuple[str, int] | None:
    found = _PLACE.fullmatch(place)
    if not found or not _is_address(found[1]) or not 0 < int(found[2]) < 65_536:
        return None
    return found[1], int(found[2])


def _is_address(text: str) -> bool:
    try:
        return bool(ipaddress.IPv4Address(text))
    except ValueError:
        return False


def fetch(wire: Wire, options: Options, ask: Ask) -> tuple[Reply, ...]:
    """One reply a try, named by its place: the milliseconds, or status 0 and why; and one to the word each is sent,
    with the milliseconds since the start. Raises nothing of its own."""
    del ask
    places = [(place, at) for place in options.places if (at := _at(place))]
    tries = [each for each in places for _ in range(options.tries)]
    worded = places if options.proof == "answer" else []
    words: dict[str, Reply] = {}
    began = wire.now()

    def then(place: str, port: int) -> Callable[[bytes | WireError], None]:
        return lambda answer: words.__setitem__(place, _word(place, port, answer, (wire.now() - began) * 1000))

    to = [Exchange(host, port, b"", source=options.source, connect_s=options.timeout_s) for _, (host, port) in places]
    batch = [each._replace(cap=0) for each in to for _ in range(options.tries)]
    most_s = options.timeout_s * (2 if worded else 1)  # a line that is slow to connect is as slow to answer
    for (place, (_, port)), each in zip(worded, to, strict=False):
        hello = TLS_HELLO if port in TLS_PORTS else MINER_HELLO
        batch.append(each._replace(send=hello, whole=lambda: bool, then=then(place, port), longest_s=most_s))
    answers = wire.many(batch, min(wire.until, wire.now() + most_s))
    connects = [_reply(place, answer) for (place, _), answer in zip(tries, answers, strict=False)]
    return (*connects, *words.values())


def _reply(place: str, answer: bytes | WireError) -> Reply:
    if isinstance(answer, WireError):
        # Who refuses says that the question came somewhere: through the line, or to a firewall before it.
        status = 204 if answer.kind == "refused" else 0
        return Reply(place, status, {"why": answer.why}, b"")
    return Reply(place, 200, {}, answer)


def _word(place: str, port: int, answer: bytes | WireError, took_ms: float) -> Reply:
    if isinstance(answer, WireError):
        return Reply(place, 0, {WORD: "1", "why": answer.why}, b"")
    fits = answer[:1] in (b"\x15", b"\x16") if port in TLS_PORTS else answer.lstrip().startswith(b"{")
    why = "" if fits else "answered something else"
    return Reply(place, 200 if fits else 0, {WORD: "1", "why": why}, f"{took_ms:.1f}".encode())


def parse(replies: Sequence[Reply], options: Options) -> tuple[Found, ...]:
    """`link` up when any place answered (`proof = connect`: was reached), `loss_pct` of all tries, `latency_ms` the
    median of those that came back.

    A place of which no try came back counts as down itself, not as loss, while another answers. Raises BadReply
    without a try, and where connections came about but nobody's answer proves anything: the owner is to hear of that.
    """
    tried = [reply for reply in replies if reply.name in options.places and WORD not in reply.headers]
    words = {reply.name: reply for reply in replies if reply.name in options.places and WORD in reply.headers}
    if not tried:
        raise BadReply("no place was tried")
    reached = {reply.name for reply in tried if reply.status}
    if not reached:
        why = _answer.clean(tried[0].headers.get("why", "no answer"))
        return (Found("", "link", "down"), Found("", "loss_pct", 100), Found("", "latency_ms", None, why))
    if words and not any(reply.status for reply in words.values()):
        return _unproven({reply.name for reply in tried if reply.status == 200})
    counted = [reply for reply in tried if reply.name in reached]
    lost = sum(not reply.status for reply in counted)
    took = sorted(ms for reply in counted if (ms := _took(reply, words.get(reply.name))) is not None)
    found = [Found("", "link", "up"), Found("", "loss_pct", 100 * lost / len(counted))]
    middle = took[len(took) // 2] if took else None
    return (*found, Found("", "latency_ms", middle, "" if took else "every place refused at once"))


def _unproven(open_: set[str]) -> tuple[Found, ...]:
    """Nobody answered a word: down when places that always answer took connections. Raises BadReply: nobody knows."""
    hosts = {at[0] for place in open_ if (at := _at(place)) and at[1] in TLS_PORTS}
    if len(hosts) >= PLACES:
        why = "connections come about and nothing comes back"
        return (Found("", "link", "down"), Found("", "loss_pct", 100), Found("", "latency_ms", None, why))
    raise BadReply("nobody answered through it: name places on port 443, or write `proof = connect`")


def _took(reply: Reply, word: Reply | None) -> float | None:
    """Milliseconds to the place and back. Behind a proxy the connection takes none and the answer all of them."""
    connected = _ms(reply)
    answered = _ms(word) if word is not None else None
    if connected is None or answered is None:
        return connected
    return round(max(connected, answered - connected), 1)


def _ms(reply: Reply) -> float | None:
    return _answer.number(reply.body[:40].decode("ascii", "replace")) if reply.status == 200 else None
