"""CKPool's solo pools (solo.ckpool.org and your own): workers and best share of each wallet, news of the pool's blocks.

/users/<address> answers hash rates as texts with an SI letter ("4.57G", "0"), lastshare, workers, shares, bestshare,
bestever and worker [{workername, ...}]; 404 for whom it does not know. /pool/pool.status is three JSON objects, one a
line; `diff` in the third is the work since the last block in per cent of the network's difficulty, `accepted` that work
itself, so both together tell the difficulty. (Answers of the public pool.) A solo pool of this kind pays in the block
and keeps no balances. There is no list of blocks: a new best share that reaches the network's difficulty is one.

All of it are files that CKPool writes anew each minute (`lastupdate` in pool.status is when) and any web server hands
out: they stay where they are when it ends. The server's own Date tells how old they are.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
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
POOL = "pool"
ROUND = "round"  # the pool's own channel
OLD_S = 1800  # so long without a new pool.status, and nobody writes the files any more
_USER = re.compile(r"[^._]*[._]?")  # stratifier.c ends the address at the first point or underscore


class Options(NamedTuple):
    """One pool."""

    wallets: tuple[str, ...] = _poolapi.WALLETS
    coin: str = option("BTC", choices=("BTC", "BCH", "DGB"), help="what it mines")
    url: str = option("https://solo.ckpool.org", kind="url", help="its address")
    every_s: int = _poolapi.EVERY_S


def faults(options: Options) -> list[str]:
    """What is wrong with these options."""
    return _poolapi.faults(options.wallets)


def fetch(wire: Wire, options: Options, ask: Ask) -> tuple[Reply, ...]:
    """Replies "user <wallet>" for each, "pool", and the past."""

    def wanted(wallet: str) -> Iterable[tuple[str, Request]]:
        yield "user", _poolapi.request(_access.under(options.url, f"/users/{_access.part(wallet)}"))

    status = _poolapi.request(_access.under(options.url, "/pool/pool.status"))
    return (
        *_poolapi.gather(wire, ask, options.wallets, wanted, options.coin, _poolapi.PLACES[options.coin]),
        _access.ask_beside(wire, POOL, status),
    )


def parse(replies: Sequence[Reply], options: Options) -> tuple[Found, ...]:
    """Figures of each wallet and of the pool. Raises BadReply when no wallet can be read."""
    status = next((reply for reply in replies if reply.name == POOL), None)
    pool = _status(status)
    _check_age(pool, status)
    network = _network(pool)

    def tell(mine: Mapping[str, Reply], _wallet: str) -> Told:
        return _tell(mine, network)

    found = _poolapi.read(replies, options.wallets, WALLET, tell)
    return (*found, *_of_pool(pool, network), *_poolapi.about(options.coin, _poolapi.PLACES[options.coin]))


def _tell(replies: Mapping[str, Reply], network: int | None) -> Told:
    reply = replies["user"]
    if reply.status == 404:
        raise BadReply("the pool does not know this wallet (404)")
    user = _answer.table(reply)
    best = [one for name in ("bestever", "bestshare") if (one := _poolapi.rounded(user.get(name))) is not None]
    values: dict[str, int | float | None] = {
        "hashrate_hs": _poolapi.rounded(user.get("hashrate1hr")),
        "workers_n": _poolapi.whole(user.get("workers")),
        "best_n": max(best, default=None),
        "share_wall_s": _poolapi.moment(user.get("lastshare")),
    }
    rows = user.get("worker")
    rates = [
        (_USER.sub("", str(row.get("workername", ""))[:200], count=1), _poolapi.rounded(row.get("hashrate1hr")))
        for row in (rows if isinstance(rows, list) else [])
        if isinstance(row, dict)
    ]
    return Told(values, tuple(rates), bests=tuple(best), network=network)


def _status(reply: Reply | None) -> dict[str, Any]:
    """The three objects as one; {} when the answer did not come or can't be read: the wallets are still told."""
    if reply is None or reply.status != 200:
        return {}
    merged: dict[str, Any] = {}
    for line in reply.body.decode("utf-8", "replace").splitlines()[:8]:
        try:
            part = json.loads(line)
        except (ValueError, RecursionError):
            continue
        merged |= part if isinstance(part, dict) else {}
    return merged


def _check_age(pool: Mapping[str, Any], reply: Reply | None) -> None:
    """Raises BadReply for files that a pool left behind; where one of the two times is not told nothing is known."""
    now_s = _answer.moment(reply.headers.get("date", "")) if reply is not None else None
    written_s = _poolapi.moment(pool.get("lastupdate"))
    if now_s is not None and written_s is not None and now_s - written_s > OLD_S:
        age_s = int(now_s - written_s)
        ago = f"{age_s // 3600} h" if age_s >= 2 * 3600 else f"{age_s // 60} min"
        raise BadReply(f"its files were written {ago} ago: does CKPool run?")


def _network(pool: Mapping[str, Any]) -> int | None:
    accepted, percent = _answer.number(pool.get("accepted")), _answer.number(pool.get("diff"))
    if accepted is None or not percent or accepted <= 0 or percent < 0.1:
        return None  # right after a block the per cent are too few digits
    return round(accepted * 100 / percent)


def _of_pool(pool: Mapping[str, Any], network: int | None) -> list[Found]:
    values = (
        ("hashrate_hs", _poolapi.rounded(pool.get("hashrate1hr"))),
        ("workers_n", _poolapi.whole(pool.get("Workers"))),
        ("best_n", _poolapi.rounded(pool.get("bestshare"))),
        ("network_n", network),
    )
    return [Found(ROUND, quantity, value) for quantity, value in values if value is not None]
