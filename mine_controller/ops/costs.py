"""What the mine drew, what that cost and what was saved, by miner, band or day: out of the sums each hour keeps."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from mine_controller.config.model import Config
from mine_controller.core.model.policy import Policy
from mine_controller.core.model.wiring import MinerSpec
from mine_controller.core.money import ledger
from mine_controller.core.money.bands import can_mine, named, pool_of
from mine_controller.core.money.ledger import Line, Segment
from mine_controller.core.rules.profit import values
from mine_controller.ops.recall import kept_book
from mine_controller.ports.clock import local_day
from mine_controller.record import NamedTuple
from mine_controller.store import query
from mine_controller.store.events import numbers_of
from mine_controller.store.money import idle_of

BY = ("day", "band", "miner")
NO_BAND = "none"
HEADER = (
    "key", "hours", "kwh", "cost", "mean_price", "guessed_kwh", "guessed_cost", "unpriced_kwh", "unknown_hours",
    "always_on_cost", "saved", "saved_pct", "earned", "left", "unearned_hours",
)  # fmt: skip


class Report(NamedTuple):
    """`rows` by key, then the total, as dicts of HEADER. Money in the minor unit (pence), energy in kWh.

    transitions: changes of band in that time. days: how many days were asked for, today among them.
    """

    by: str
    days: int
    rows: tuple[dict[str, Any], ...]
    total: dict[str, Any]
    transitions: int


def since(config: Config, days: int, now_s: int) -> int:
    """Where the first of so many local days begins, the last of which is today."""
    zone = ZoneInfo(config.site.timezone)
    today = datetime.fromtimestamp(now_s, zone).date()
    first = today - timedelta(days=days - 1)
    return int(datetime(first.year, first.month, first.day, tzinfo=zone).timestamp())


def report(config: Config, days: int, by: str, now_s: int) -> Report:
    """The costs of so many local days. Raises StoreTrouble, or ValueError for a damaged hour."""
    from_s = since(config, days, now_s)
    found = query.segments(config.paths, from_s, now_s + 1, idle_of(config.policy))
    moves = query.events(config.paths, kind="band_change", since=from_s, until=now_s, limit=100_000)
    return reported(config, found, days, by, sum(not _is_first(one.reason) for one in moves))


def _is_first(reason: str) -> bool:
    """True for a band that followed none: the first tick's is no change."""
    return numbers_of(reason).get("was") == "nothing"


def reported(config: Config, segments: Iterable[Segment], days: int, by: str, transitions: int = 0) -> Report:
    """The same out of segments at hand."""
    segments = tuple(segments)
    specs = query.ever_listed(config.paths, config.policy.wiring.miners, segments)
    nominal_w = {name: spec.nominal_w for name, spec in specs.items()}
    earns = _earns(config, specs)
    total = ledger.by_segment(segments, lambda _: "total", nominal_w, earns).get("total", Line("total"))
    if by == "miner":
        lines = ledger.by_miner(segments, nominal_w, earns)
    elif by == "band":
        lines = ledger.by_segment(segments, lambda one: one.band or NO_BAND, nominal_w, earns)
    else:
        day_of = local_day(config.site.timezone)
        lines = ledger.by_segment(segments, lambda one: day_of(one.at_s), nominal_w, earns)
    order = _order(config, by)
    rows = tuple(row(line) for line in sorted(lines.values(), key=lambda line: (order.get(line.key, -1), line.key)))
    return Report(by, days, rows, row(total), transitions)


def _order(config: Config, by: str) -> Mapping[str, int]:
    """Bands from dear to cheap, miners as in fleet.csv, days by date."""
    options = config.policy.rules.get("band")
    names = [band.name for band in options.sections] if by == "band" and options is not None else []
    names = [spec.id for spec in config.policy.wiring.miners] if by == "miner" else names
    return {name: at for at, name in enumerate(names)}


def row(line: Line) -> dict[str, Any]:
    """A line as people read it."""
    earned = None if line.earned_micro is None else round(line.earned_micro / ledger.MICRO, 4)
    paid = ledger.pence(line.paid)
    return {
        "key": line.key,
        "hours": round(line.seconds / 3600, 2),
        "kwh": ledger.kwh(line.energy_ws),
        "cost": ledger.pence(line.cost),
        "mean_price": ledger.mean_price(line),
        "guessed_kwh": ledger.kwh(line.guess_ws),
        "guessed_cost": ledger.pence(line.guess_cost),
        "unpriced_kwh": ledger.kwh(line.unpriced_ws),
        "unknown_hours": round(line.blind_s / 3600, 2),
        "always_on_cost": ledger.pence(line.always_cost),
        "saved": ledger.pence(line.saved),
        "saved_pct": round(100 * line.saved / line.always_cost, 1) if line.always_cost > 0 else None,
        "earned": earned,
        "left": None if earned is None else round(earned - paid, 4),
        "unearned_hours": round(line.unearned_s / 3600, 2),
    }


def _earns(config: Config, specs: Mapping[str, MinerSpec]) -> ledger.Earns:
    """What hashes earn by what [profit] says now; the coin is the one the band has that miner (of `specs`) mine."""
    policy = config.policy
    options = policy.rules.get("profit")
    if options is None or not options.sections:
        return ledger.nothing
    book = kept_book(config.paths)
    channels = book.image.channels if book.image is not None else {}
    now_s = book.image.clock.plant_s if book.image is not None else 0
    known: dict[tuple[str, str], str] = {}  # a year has thousands of segments of few bands

    def coin(band: str, miner: str) -> str:
        if (band, miner) not in known:
            known[band, miner] = coin_for(policy, band, specs[miner]) if miner in specs else ""
        return known[band, miner]

    return ledger.earns_by(values(options, channels, now_s), coin)


def coin_of(policy: Policy, band: str, kind: str) -> str:
    """The coin miners of a kind mine in a band, by the first one of them."""
    spec = next((one for one in policy.wiring.miners if one.group.partition(" ")[0] == kind), None)
    return "" if spec is None else coin_for(policy, band, spec)


def coin_for(policy: Policy, band: str, spec: MinerSpec) -> str:
    """The coin a miner mines in a band; where the band says none for it, the only one of its pools that it can mine."""
    options = policy.rules.get("band")
    coins = {pool.name: pool.coin for pool in policy.pools}
    pool = pool_of(named(options.sections, band), spec, policy.pools) if options is not None and band else ""
    only = {coin for name in spec.pools if can_mine(spec.group, coin := coins.get(name, ""))}
    return coins.get(pool, "") or (only.pop() if len(only) == 1 else "")
