"""public-pool (your own or public-pool.io): workers and best difficulty of each wallet. Solo, without balances.

/api/client/<address> answers {bestDifficulty, workersCount, workers: [{sessionId, name, bestDifficulty ("12.34"),
hashRate, startTime, lastSeen}]}; /api/network tells the network's difficulty (its source). Its own port for this is
3334, beside 3333 for miners. A new best difficulty that reaches the network's is a block.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from mine_controller.core.option import option
from mine_controller.devices import _access, _answer, _poolapi
from mine_controller.devices._poolapi import Told
from mine_controller.devices.kind import Ask, BadReply, Can, Found, LaneSpec, Reply
from mine_controller.record import NamedTuple
from mine_controller.wire.door import Request, Wire

WALLET = ("hashrate_hs", "workers_n", "best_n", "share_wall_s")
CAN = Can(reads=(*WALLET, "network_n", "text", "history"))
LANE = LaneSpec()
OUTSIDE = True
NETWORK = "network"


class Options(NamedTuple):
    """One pool."""

    wallets: tuple[str, ...] = _poolapi.WALLETS
    coin: str = option("BTC", choices=("BTC", "BCH", "DGB"), help="what it mines")
    url: str = option(
        "https://public-pool.io:40557/api", kind="url", help="its address; http://HOST:3334/api of your own"
    )
    every_s: int = _poolapi.EVERY_S


def faults(options: Options) -> list[str]:
    """What is wrong with these options."""
    return _poolapi.faults(options.wallets)


def fetch(wire: Wire, options: Options, ask: Ask) -> tuple[Reply, ...]:
    """Replies "client <wallet>" for each, "network", and the past."""

    def wanted(wallet: str) -> Iterable[tuple[str, Request]]:
        yield "client", _poolapi.request(_access.under(options.url, f"/client/{_access.part(wallet)}"))

    network = _poolapi.request(_access.under(options.url, "/network"))
    return (
        *_poolapi.gather(wire, ask, options.wallets, wanted, options.coin, _poolapi.PLACES[options.coin]),
        _access.ask_beside(wire, NETWORK, network),
    )


def parse(replies: Sequence[Reply], options: Options) -> tuple[Found, ...]:
    """Figures of each wallet. Raises BadReply when none can be read."""
    network = _network(next((reply for reply in replies if reply.name == NETWORK), None))

    def tell(mine: Mapping[str, Reply], _wallet: str) -> Told:
        return _tell(mine, network)

    found = _poolapi.read(replies, options.wallets, WALLET, tell)
    of_network = (Found(NETWORK, "network_n", network),) if network is not None else ()
    return (*found, *of_network, *_poolapi.about(options.coin, _poolapi.PLACES[options.coin]))


def _tell(replies: Mapping[str, Reply], network: int | None) -> Told:
    reply = replies["client"]
    if reply.status == 404:
        raise BadReply("the pool does not know this wallet (404)")
    client = _answer.table(reply)
    told = client.get("workers")
    rows = [row for row in told if isinstance(row, dict)] if isinstance(told, list) else []
    bests = [_difficulty(client.get("bestDifficulty")), *(_difficulty(row.get("bestDifficulty")) for row in rows)]
    best = max((one for one in bests if one is not None), default=None)
    rates = [(str(row.get("name", "")), _poolapi.rounded(row.get("hashRate"))) for row in rows]
    whole = isinstance(told, list) and len(rows) == len(told)
    seen = [at for row in rows if (at := _epoch(row.get("lastSeen"))) is not None]
    values: dict[str, int | float | None] = {
        "hashrate_hs": _poolapi.total(rate for _, rate in rates) if whole else None,
        "workers_n": _poolapi.whole(client.get("workersCount")),
        "best_n": best,
    }
    values |= {"share_wall_s": max(seen)} if seen else {}
    return Told(values, _summed(rates), bests=() if best is None else (best,), network=network)


def _summed(rates: Iterable[tuple[str, int | None]]) -> tuple[tuple[str, int | None], ...]:
    """A worker with two connections is one worker."""
    named: dict[str, list[int | None]] = {}
    for name, rate in rates:
        named.setdefault(name, []).append(rate)
    return tuple((name, _poolapi.total(each)) for name, each in named.items())


def _difficulty(value: Any) -> int | None:
    number = _answer.number(value)
    return round(number) if number is not None and number >= 0 else _poolapi.rounded(value)


def _epoch(text: Any) -> int | None:
    try:
        return int(datetime.fromisoformat(text).timestamp()) if isinstance(text, str) and len(text) < 40 else None
    except (ValueError, OverflowError):
        return None


def _network(reply: Reply | None) -> int | None:
    """The difficulty now; None when the answer did not come or can't be read."""
    try:
        found = _answer.table(reply).get("difficulty") if reply is not None else None
    except BadReply:
        return None
    number = _answer.number(found)
    return round(number) if number is not None and number > 0 else None
