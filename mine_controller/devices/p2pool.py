"""P2Pool (Monero): your own node by the files of its --data-api folder, and an observer for what wallets were paid.

The node writes JSON files without endings: local/stratum {hashrate_15m, hashrate_1h, shares_found, shares_failed,
last_share_found_time, connections, workers ["address:port,uptime,difficulty,hashrate,name"]}, pool/stats
{pool_statistics {hashRate, totalBlocksFound, lastBlockFoundTime}} and network/stats {difficulty, timestamp} (files of a
running node). They stay where they are when it ends, so the time of Monero's newest block in network/stats tells
whether they count; zeros stand there until the node knows one (P2Pool 4, p2pool.cpp). Any web server may hand them out;
`url` is where. P2Pool writes local/ with --local-api alone, since 2025 for its own group alone (p2pool_api.cpp). An
observer (p2pool.observer, mini.p2pool.observer) answers /api/payouts/<address> with [{main_height, timestamp,
coinbase_reward}], amounts in 1e-12 XMR. Blocks of the pool are everybody's; each that paid one of the wallets is told.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mine_controller.core.option import option
from mine_controller.devices import _access, _answer, _poolapi
from mine_controller.devices._poolapi import Told
from mine_controller.devices.kind import Ask, BadReply, Can, Found, LaneSpec, Reply
from mine_controller.record import NamedTuple
from mine_controller.wire.door import Request, Wire

NODE = ("hashrate_hs", "workers_n", "share_wall_s", "accepted_n", "rejected_n")
CAN = Can(reads=(*NODE, "earned_day_n", "blocks_n", "network_n", "text", "history"))
LANE = LaneSpec()
WHO = "node"
FILES = (("stratum", "/local/stratum"), ("pool", "/pool/stats"), ("network", "/network/stats"))
NO_LOCAL = {  # of a folder that has the other files
    403: "its web server may not read local/ (403): P2Pool writes it for its own group alone",
    404: "tells nothing of its miners (404): start P2Pool with --local-api, too",
}
DAY_S = 86_400
LAST = 100  # payouts looked at
OLD_S = 2 * 3600  # Monero finds a block in two minutes: so long without one, nobody writes the files any more


class Options(NamedTuple):
    """One node."""

    url: str = option(
        help="where its --data-api folder is handed out; it needs --local-api, too",
        kind="url",
        example="http://192.168.1.40:8090",
    )
    wallets: tuple[str, ...] = option((), help="addresses it pays to, for an observer", example=_poolapi.EXAMPLE)
    observer: str = option("", kind="url", help="who is asked about payouts, https://p2pool.observer; empty = nobody")
    every_s: int = _poolapi.EVERY_S


def faults(options: Options) -> list[str]:
    """What is wrong with these options."""
    found = _poolapi.faults(options.wallets)
    if options.wallets and not options.observer:
        found.append("observer: nobody to ask about the wallets; name one, or take the wallets out")
    return found


def fetch(wire: Wire, options: Options, ask: Ask) -> tuple[Reply, ...]:
    """The node's files as "stratum node" and so on, "payouts <wallet>" for each, and the past."""
    node = [
        _access.ask_beside(wire, f"{name} {WHO}", _poolapi.request(_access.under(options.url, path)))
        for name, path in FILES
    ]

    def wanted(wallet: str) -> Iterable[tuple[str, Request]]:
        path = f"/api/payouts/{_access.part(wallet)}?search_limit={LAST}"
        yield "payouts", _poolapi.request(_access.under(options.observer, path))

    wallets = options.wallets if options.observer else ()
    past, *payouts = _poolapi.gather(wire, ask, wallets, wanted, "XMR", _poolapi.PLACES["XMR"])
    clock = Reply("clock", 200, {"wall_s": str(ask.wall_s)}, b"")
    return (past, clock, *node, *payouts)


def parse(replies: Sequence[Reply], options: Options) -> tuple[Found, ...]:
    """The node's figures and each wallet's payouts. Raises BadReply without the node's."""
    now_s = int(next((reply.headers.get("wall_s", "0") for reply in replies if reply.name == "clock"), "0"))

    def tell(mine: Mapping[str, Reply], _wallet: str) -> Told:
        return _payouts(mine["payouts"], now_s)

    def node(mine: Mapping[str, Reply], _who: str) -> Told:
        return _node(mine, now_s)

    found = _poolapi.read(replies, (WHO,), NODE, node)
    if options.wallets and any(reply.name.startswith("payouts ") for reply in replies):
        found += _beside(replies, options.wallets, tell)
    return (*found, *_poolapi.about("XMR", _poolapi.PLACES["XMR"]))


def _beside(replies: Sequence[Reply], wallets: Sequence[str], tell: _poolapi.Tell) -> list[Found]:
    """An observer that does not answer leaves the node's own figures readable."""
    try:
        return _poolapi.read(replies, wallets, ("earned_day_n",), tell)
    except BadReply as error:
        return [Found(_poolapi.short(wallet), "earned_day_n", None, str(error)) for wallet in wallets]


def _node(replies: Mapping[str, Reply], now_s: int) -> Told:
    pool, network = (_beside_table(replies.get(name)) for name in ("pool", "network"))
    if "stratum" in replies and network and (why := NO_LOCAL.get(replies["stratum"].status)):
        raise BadReply(why)
    stratum = _answer.table(replies["stratum"]) if "stratum" in replies else {}
    statistics = pool.get("pool_statistics")
    statistics = statistics if isinstance(statistics, dict) else {}
    rows = stratum.get("workers")
    workers = tuple(_worker(row) for row in rows if isinstance(row, str)) if isinstance(rows, list) else ()
    values: dict[str, int | float | None] = {
        "hashrate_hs": _poolapi.rounded(stratum.get("hashrate_1h")),
        "workers_n": _poolapi.whole(stratum.get("connections")),
        "accepted_n": _poolapi.whole(stratum.get("shares_found")),
        "rejected_n": _poolapi.whole(stratum.get("shares_failed")),
    }
    if all(value is None for value in values.values()):
        raise BadReply("no figures of a node: does `url` lead to its data-api folder?")
    block_s = _poolapi.moment(network.get("timestamp"))
    if now_s and block_s is not None and now_s - block_s > OLD_S:
        ago = f"{(now_s - block_s) // 3600} h ago"
        raise BadReply(f"its files tell of a chain {ago}: does P2Pool run, and does its Monero node follow?")
    last = _poolapi.moment(stratum.get("last_share_found_time"))
    values |= {"share_wall_s": last} if last is not None else {}
    blocks, difficulty = _poolapi.whole(statistics.get("totalBlocksFound")), _poolapi.whole(network.get("difficulty"))
    values |= {"blocks_n": blocks} if blocks is not None else {}
    values |= {"network_n": difficulty} if difficulty else {}
    return Told(values, workers)


def _beside_table(reply: Reply | None) -> dict[str, Any]:
    """A file of lesser weight; {} when it did not come."""
    try:
        return _answer.table(reply) if reply is not None else {}
    except BadReply:
        return {}


def _worker(row: str) -> tuple[str, int | None]:
    """Name and rate of "address:port,uptime,difficulty,hashrate,name"; the address is nobody's business."""
    parts = row[:200].split(",", 4)
    return (parts[4], _poolapi.whole(parts[3])) if len(parts) == 5 else ("", None)


def _payouts(reply: Reply, now_s: int) -> Told:
    listed = _answer.rows(reply, all_of_them=True)
    rows = [row for row in listed if _poolapi.whole(row.get("main_height")) is not None]
    paid = [(_poolapi.moment(row.get("timestamp")), _poolapi.whole(row.get("coinbase_reward"))) for row in rows]
    day = _poolapi.total(amount for at, amount in paid if at is None or at > now_s - DAY_S)
    whole = bool(now_s) and len(rows) == len(listed) and all(at is not None for at, _ in paid)
    heights = [(_poolapi.whole(row["main_height"]) or 0, at) for row, (at, _) in zip(rows, paid, strict=True)]
    blocks = tuple((str(height), at) for height, at in sorted(heights, key=lambda one: -one[0]))
    return Told({"earned_day_n": day if whole else None}, (), blocks)
