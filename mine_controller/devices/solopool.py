"""solopool.org: a wallet's workers, balances and blocks on a solo pool of BTC, BCH, DGB, BC2 or XMR; no key is needed.

/api/accounts/<address> answers currentHashrate and hashrate (H/s), workersOnline, workers {name: {hr, offline}},
stats {lastShare, immature, balance, paid}, earnings [{period, blocks, amount}] and rewards [{height, timestamp,
amount}], null while there are none (a page that shows such accounts). Its amounts are counted in 1e-9 of the coin
there, as in the pool software it grew from; `digits` says otherwise where it is otherwise. The answers for XMR have no
workersOnline.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mine_controller.core.option import option
from mine_controller.devices import _access, _answer, _poolapi
from mine_controller.devices._poolapi import Told
from mine_controller.devices.kind import Ask, BadReply, Can, Found, LaneSpec, Reply
from mine_controller.record import NamedTuple
from mine_controller.wire.door import Request, Wire

WALLET = ("hashrate_hs", "workers_n", "workers_all_n", "best_n", "immature_n", "unpaid_n", "paid_n", "earned_day_n")
CAN = Can(reads=(*WALLET, "blocks_n", "share_wall_s", "text", "history"))
LANE = LaneSpec()
OUTSIDE = True
HOSTS = {"BTC": "btc", "BCH": "bch", "DGB": "dgb-sha", "BC2": "bc2", "XMR": "xmr"}
URL = "https://solopool.org/api"
DAY_S = 86_400


class Options(NamedTuple):
    """One coin's pool."""

    wallets: tuple[str, ...] = _poolapi.WALLETS
    coin: str = option("DGB", choices=tuple(HOSTS), help="whose pool")
    url: str = option(URL, kind="url", help="its address; as it stands, the coin's own host is asked")
    digits: int = option(9, low=0, high=18, help="digits of its amounts that lie behind the point")
    every_s: int = _poolapi.EVERY_S


def faults(options: Options) -> list[str]:
    """What is wrong with these options."""
    return _poolapi.faults(options.wallets)


def fetch(wire: Wire, options: Options, ask: Ask) -> tuple[Reply, ...]:
    """A reply "account <wallet>" for each, and the past."""
    base = options.url if options.url != URL else f"https://{HOSTS[options.coin]}.solopool.org/api"

    def wanted(wallet: str) -> Iterable[tuple[str, Request]]:
        yield "account", _poolapi.request(_access.under(base, f"/accounts/{_access.part(wallet)}"))

    return tuple(_poolapi.gather(wire, ask, options.wallets, wanted, options.coin, options.digits))


def parse(replies: Sequence[Reply], options: Options) -> tuple[Found, ...]:
    """Figures of each wallet. Raises BadReply when none can be read."""
    found = _poolapi.read(replies, options.wallets, WALLET, _tell)
    return (*found, *_poolapi.about(options.coin, options.digits))


def _tell(replies: Mapping[str, Reply], _wallet: str) -> Told:
    account = _answer.table(replies["account"])
    if not account:
        raise BadReply("the pool does not know this wallet")
    stats, workers = _table(account, "stats"), _table(account, "workers")
    rewards = account["rewards"] or [] if "rewards" in account else None
    blocks = _blocks(rewards) if isinstance(rewards, list) else None
    online = _poolapi.whole(account.get("workersOnline"))
    if "workersOnline" not in account and "workers" in account:
        online = _online(account["workers"] or {})
    values: dict[str, int | float | None] = {
        "hashrate_hs": _poolapi.rounded(account.get("currentHashrate")),
        "workers_n": online,
        "workers_all_n": _poolapi.whole(account.get("workersTotal")),
        "immature_n": _poolapi.whole(stats.get("immature")),
        "unpaid_n": _poolapi.whole(stats.get("balance")),
        "paid_n": _poolapi.whole(stats.get("paid")),
        "share_wall_s": _poolapi.moment(stats.get("lastShare")),
        "earned_day_n": _day(account.get("earnings")),
        "blocks_n": _poolapi.whole(stats.get("blocksFound", None if blocks is None else len(blocks))),
    }
    best = _poolapi.rounded(stats.get("bestShare", account.get("bestShare")))
    values |= {"best_n": best} if best is not None else {}
    rates = tuple((name, _poolapi.rounded(one.get("hr"))) for name, one in workers.items() if isinstance(one, dict))
    return Told(values, rates, blocks)


def _online(workers: Any) -> int | None:
    """How many are; None when one of them does not say."""
    rows = list(workers.values()) if isinstance(workers, dict) else [None]
    said = [one.get("offline") if isinstance(one, dict) else None for one in rows]
    return said.count(False) if all(isinstance(one, bool) for one in said) else None


def _table(tree: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = tree.get(name)
    return found if isinstance(found, dict) else {}


def _day(earnings: Any) -> int | None:
    rows = earnings if isinstance(earnings, list) else []
    day = next((row for row in rows if isinstance(row, dict) and row.get("period") == DAY_S), {})
    return _poolapi.whole(day.get("amount"))


def _blocks(rewards: list[Any]) -> tuple[tuple[str, int | None], ...] | None:
    """Height and moment of each, newest first; None when one of them has no height."""
    rows = [row for row in rewards if isinstance(row, dict)]
    heights = [height for row in rows if (height := _poolapi.whole(row.get("height"))) is not None]
    if len(heights) < len(rewards):
        return None
    found = sorted(zip(heights, rows, strict=True), key=lambda one: -one[0])
    return tuple((str(height), _poolapi.moment(row.get("timestamp"))) for height, row in found)
