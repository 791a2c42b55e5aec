"""A knock at the doors of your pools: does each take a connection, and does it answer as a pool would?

The check is `mining.subscribe` without a login, so no wallet and no worker appears anywhere. A door that answers is up.
One that can't be reached is down. One that takes the connection and says nothing proves neither. A port behind TLS or a
web socket, and one of Stratum V2 (which begins with a handshake of bytes), is only opened. So is a Monero pool, by its
`coin` or by a wallet as its user: P2Pool shuts out for ten minutes the address from which it hears a word it does not
know, and every miner behind that address with it (P2Pool 4, stratum_server.cpp). A name that can't be looked up says
more of the name server than of the pool.
"""

import re
from collections.abc import Sequence

from mine_controller.core.model.pool import Pool
from mine_controller.core.money.bands import ALGORITHM
from mine_controller.core.option import option
from mine_controller.devices import _answer, _pools
from mine_controller.devices.kind import Ask, BadReply, Can, Found, LaneSpec, Reply
from mine_controller.record import NamedTuple
from mine_controller.wire.door import Request, Wire, WireError

CAN = Can(reads=("link", "latency_ms"))
LANE = LaneSpec()
OUTSIDE = True
HELLO = b'{"id":1,"method":"mining.subscribe","params":["minectl"]}\n'
LATE = "not asked: out of time"
CAP = 16 * 1024
DOWN = "down"
TURN_S = 120
_MONERO = re.compile(r"[48][1-9A-HJ-NP-Za-km-z]{94}(?![0-9A-Za-z]).*")  # a wallet, and what may follow one in a user


class Options(NamedTuple):
    """Which pools, and how long one may take."""

    pools: tuple[Pool, ...] = _pools.POOLS
    timeout_s: float = option(2.0, low=0.5, high=5, unit="s", help="how long one pool may take")
    every_s: int = option(120, low=60, high=3600, unit="s", help="asked at most this often")


def fetch(wire: Wire, options: Options, ask: Ask) -> tuple[Reply, ...]:
    """A reply by the pool's name. Raises nothing: silence is a reply. Who comes last is another one each time."""
    turn = ask.at_s // TURN_S % max(1, len(options.pools))
    return tuple(_knock(wire, pool, options.timeout_s) for pool in (*options.pools[turn:], *options.pools[:turn]))


def _knock(wire: Wire, pool: Pool, timeout_s: float) -> Reply:
    if wire.now() >= wire.until:
        return Reply(pool.name, 0, {"why": LATE}, b"")
    hidden = pool.url.partition("://")[0] != "stratum+tcp" or _is_monero(pool)
    wanted = Request("LINE", pool.url, body=b"" if hidden else HELLO, cap=CAP)
    try:
        answer = wire.call(wanted, min(wire.until, wire.now() + timeout_s))
    except WireError as error:
        down = DOWN if error.kind in ("refused", "unreachable") else ""
        return Reply(pool.name, 0, {"why": error.why, "link": down}, b"")
    return Reply(
        pool.name, 204 if hidden else answer.status, dict(answer.headers) | {"hidden": "1" * hidden}, answer.body
    )


def _is_monero(pool: Pool) -> bool:
    """True for a pool of XMRig's words, which begin with a login."""
    return ALGORITHM.get(pool.coin.upper()) == "randomx" or (not pool.coin and _MONERO.fullmatch(pool.user) is not None)


def parse(replies: Sequence[Reply], options: Options) -> tuple[Found, ...]:
    """`<pool>:link` up or down, `<pool>:latency_ms`. Raises BadReply where no pool is there to be asked."""
    names = {pool.name for pool in options.pools}
    known = [reply for reply in replies if reply.name in names and reply.headers.get("why") != LATE]
    if not known:
        raise BadReply("no pool was asked: is there a [pool]?")
    return tuple(found for reply in known for found in _pool(reply))


def _pool(reply: Reply) -> tuple[Found, ...]:
    if reply.status == 0:
        why = _answer.clean(reply.headers.get("why", "no answer"))
        link = DOWN if reply.headers.get("link") == DOWN else None
        return Found(reply.name, "link", link, "" if link else why), Found(reply.name, "latency_ms", None, why)
    took = _answer.number(reply.headers.get("took_ms"))
    latency = Found(reply.name, "latency_ms", took, "" if took is not None else "not measured")
    up = reply.body.lstrip().startswith(b"{") or reply.headers.get("hidden") == "1"
    return Found(
        reply.name, "link", "up" if up else None, "" if up else "takes connections and answers nothing"
    ), latency
