"""supportxmr.com and other pools of its software (nodejs-pool): hash rate, shares and balances of Monero wallets.

/api/miner/<address>/stats answers {hash, lastHash, totalHashes, validShares, invalidShares, amtPaid, amtDue} with hash
in H/s and amounts in 1e-12 XMR; .../stats/allWorkers the same by worker beside "global". An address nobody mined for
answers zeros. (Answers of the public pool.) What was earned in a day is worked out from our own hours.
"""

from collections.abc import Iterable, Mapping, Sequence

from mine_controller.core.option import option
from mine_controller.devices import _access, _answer, _poolapi
from mine_controller.devices._poolapi import Told
from mine_controller.devices.kind import Ask, BadReply, Can, Found, LaneSpec, Reply
from mine_controller.record import NamedTuple
from mine_controller.wire.door import Request, Wire

WALLET = ("hashrate_hs", "workers_n", "workers_all_n", "unpaid_n", "paid_n", "share_wall_s", "accepted_n", "rejected_n")
CAN = Can(reads=(*WALLET, "earned_day_n", "text", "history"))
LANE = LaneSpec()
OUTSIDE = True


class Options(NamedTuple):
    """One pool."""

    wallets: tuple[str, ...] = _poolapi.WALLETS
    url: str = option("https://supportxmr.com/api", kind="url", help="its address")
    every_s: int = _poolapi.EVERY_S


def faults(options: Options) -> list[str]:
    """What is wrong with these options."""
    return _poolapi.faults(options.wallets)


def fetch(wire: Wire, options: Options, ask: Ask) -> tuple[Reply, ...]:
    """Replies "stats <wallet>" and "workers <wallet>" for each, and the past."""

    def wanted(wallet: str) -> Iterable[tuple[str, Request]]:
        base = _access.under(options.url, f"/miner/{_access.part(wallet)}/stats")
        yield "stats", _poolapi.request(base)
        yield "workers", _poolapi.request(f"{base}/allWorkers")

    return tuple(_poolapi.gather(wire, ask, options.wallets, wanted, "XMR", _poolapi.PLACES["XMR"]))


def parse(replies: Sequence[Reply], options: Options) -> tuple[Found, ...]:
    """Figures of each wallet. Raises BadReply when none can be read."""
    found = _poolapi.read(replies, options.wallets, WALLET, _tell)
    return (*found, *_poolapi.about("XMR", _poolapi.PLACES["XMR"]))


def _tell(replies: Mapping[str, Reply], _wallet: str) -> Told:
    if "stats" not in replies:
        raise BadReply("no stats of this wallet")
    stats = _answer.table(replies["stats"])
    rates = _rates(replies.get("workers"))
    values: dict[str, int | float | None] = {
        "hashrate_hs": _poolapi.rounded(stats.get("hash")),
        "unpaid_n": _poolapi.whole(stats.get("amtDue")),
        "paid_n": _poolapi.whole(stats.get("amtPaid")),
        "accepted_n": _poolapi.whole(stats.get("validShares")),
        "rejected_n": _poolapi.whole(stats.get("invalidShares") or 0) if "invalidShares" in stats else None,
    }
    if all(value is None for value in values.values()):
        raise BadReply("nothing of a wallet in the answer")
    last = _poolapi.moment(stats.get("lastHash"))
    values |= {"share_wall_s": last} if last is not None else {}
    if rates is not None:
        known = all(rate is not None for _, rate in rates)
        values |= {"workers_n": sum(bool(rate) for _, rate in rates) if known else None, "workers_all_n": len(rates)}
    return Told(values, rates or ())


def _rates(reply: Reply | None) -> tuple[tuple[str, int | None], ...] | None:
    """Each worker's rate; None when that answer did not come."""
    try:
        told = _answer.table(reply) if reply is not None else None
    except BadReply:
        return None  # the balances are what matters: they are still told
    if told is None:
        return None
    rows = [(name, row if isinstance(row, dict) else {}) for name, row in told.items() if name != "global"]
    return tuple((name, _poolapi.rounded(row.get("hash"))) for name, row in rows)
