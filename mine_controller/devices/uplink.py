"""An uplink, by trying it: TCP connects to places on the internet, from the address that leads out through this line.

What counts is whether a connection to somewhere independent comes about and how long that takes, not what a router
says of its plug. Places are literal addresses: a dead name server is no dead line. With `source` the machine needs an
address on each line and a route by source ("ip rule"); behind a bonding router one section without `source` watches
the bond, and the router's own kind its lines.
"""

import ipaddress
import re
from collections.abc import Sequence

from mine_controller.core.option import option
from mine_controller.devices import _answer
from mine_controller.devices.kind import Ask, BadReply, Can, Found, LaneSpec, Reply
from mine_controller.record import NamedTuple
from mine_controller.wire.door import Exchange, Wire, WireError

CAN = Can(reads=("link", "loss_pct", "latency_ms"))
LANE = LaneSpec()
PLACES = 2  # independent ones, so that one that is down is not taken for the line
MOST = 20
_PLACE = re.compile(r"([0-9.]{7,15}):([0-9]{1,5})")


class Options(NamedTuple):
    """One line."""

    places: tuple[str, ...] = option(
        help="where to connect to: addresses with ports, of two independent operators at least",
        example="192.0.2.53:443, 198.51.100.1:443, 203.0.113.7:3333",
    )
    source: str = option("", help="this machine's address on that line; empty = as the routes lead")
    tries: int = option(2, low=1, high=5, help="connects to each place every time")
    timeout_s: float = option(2.0, low=0.3, high=5, unit="s", help="how long one connect may take")


def faults(options: Options) -> list[str]:
    """What is wrong with the places."""
    found = [
        f"places: {_answer.clean(place)!r} is not an address with a port" for place in options.places if not _at(place)
    ]
    hosts = {place.partition(":")[0] for place in options.places}
    if not found and len(hosts) < PLACES:
        found.append("places: one place proves nothing when it does not answer; name two or more")
    if len(options.places) * options.tries > MOST:
        found.append(f"places: {MOST} connects each time are the most")
    if options.source and not _is_address(options.source):
        found.append("source: is no address of this machine")
    return found


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
    """One reply a try, named by its place: the milliseconds, or status 0 and why. Raises nothing of its own."""
    del ask
    tries = [(place, at) for place in options.places if (at := _at(place)) for _ in range(options.tries)]
    batch = [Exchange(host, port, b"", cap=0, source=options.source) for _, (host, port) in tries]
    answers = wire.many(batch, min(wire.until, wire.now() + options.timeout_s))
    return tuple(_reply(place, answer) for (place, _), answer in zip(tries, answers, strict=True))


def _reply(place: str, answer: bytes | WireError) -> Reply:
    if isinstance(answer, WireError):
        # A place that refuses has been reached: the line carried the question there and the answer back.
        status = 204 if answer.kind == "refused" else 0
        return Reply(place, status, {"why": answer.why}, b"")
    return Reply(place, 200, {}, answer)


def parse(replies: Sequence[Reply], options: Options) -> tuple[Found, ...]:
    """`link` up when any place was reached, `loss_pct` of all tries, `latency_ms` the median of those that came back.

    A place of which no try came back counts as down itself, not as loss, while another answers. Raises BadReply
    without a try.
    """
    tried = [reply for reply in replies if reply.name in options.places]
    if not tried:
        raise BadReply("no place was tried")
    reached = {reply.name for reply in tried if reply.status}
    if not reached:
        why = _answer.clean(tried[0].headers.get("why", "no answer"))
        return (Found("", "link", "down"), Found("", "loss_pct", 100), Found("", "latency_ms", None, why))
    counted = [reply for reply in tried if reply.name in reached]
    lost = sum(not reply.status for reply in counted)
    took = sorted(ms for reply in counted if (ms := _ms(reply)) is not None)
    found = [Found("", "link", "up"), Found("", "loss_pct", 100 * lost / len(counted))]
    middle = took[len(took) // 2] if took else None
    return (*found, Found("", "latency_ms", middle, "" if took else "every place refused at once"))


def _ms(reply: Reply) -> float | None:
    return _answer.number(reply.body[:40].decode("ascii", "replace")) if reply.status == 200 else None
