"""aWATTar's public day-ahead prices of Germany and Austria, hour by hour; no key is needed.

/v1/marketdata?start=MS&end=MS answers {"data": [{"start_timestamp": ms, "end_timestamp": ms, "marketprice": EUR/MWh,
"unit": "Eur/MWh"}]}. Tomorrow appears after the auction, at about 14:00. The exchange's price is not what a household
pays: `share_pct`, `add` and `vat_pct` make it so. (The supplier's description of its API; asked hourly is fair use.)
The exchange has traded quarters of an hour since October 2025; a client that keeps both takes this API's for hours, and
the quarters from elsewhere. Slots count here as long as they say they are; where quarters are billed, use `nordpool`.
"""

from collections.abc import Iterator, Sequence

from mine_controller.core.money.prices import Slot
from mine_controller.core.option import option
from mine_controller.devices import _access, _answer, _prices
from mine_controller.devices._prices import DAY_S, News
from mine_controller.devices.kind import Ask, BadReply, Can, Found, LaneSpec, Reply
from mine_controller.record import NamedTuple
from mine_controller.wire.door import Request, Wire

CAN = Can(reads=_prices.READS)
LANE = LaneSpec()
OUTSIDE = True
CURRENCY = "EUR"
BUDGET_S = 12.0

HOSTS = ("api.awattar.de", "api.awattar.at")
NEWS = News("Europe/Berlin", 14)
AHEAD_S = 3 * DAY_S
UNIT = "eur/mwh"
PER_MWH = 10.0  # EUR/MWh in ct/kWh
LONGEST_SLOT_S = DAY_S


class Options(NamedTuple):
    """One country's prices."""

    url: str = option(f"https://{HOSTS[0]}", kind="url", help="base address; https://api.awattar.at for Austria")
    share_pct: float = _prices.SHARE_PCT
    add: float = _prices.ADD
    vat_pct: float = _prices.VAT_PCT
    every_s: int = _prices.EVERY_S
    hurry_s: int = _prices.HURRY_S
    lowest: float = _prices.AUCTION_LOWEST
    highest: float = _prices.AUCTION_HIGHEST


def faults(options: Options) -> list[str]:
    """What is wrong with these options taken together, as sentences."""
    return _prices.address_faults(options.url, *HOSTS)


def fetch(wire: Wire, options: Options, ask: Ask) -> tuple[Reply, ...]:
    """Replies "former" and "market"."""
    url = _access.under(options.url, "/v1/marketdata")
    if ask.wall_s:
        url += f"?start={_prices.since_s(ask.wall_s) * 1000}&end={(_prices.day_s(ask.wall_s) + AHEAD_S) * 1000}"
    answer = wire.call(
        Request("GET", url, {"accept": "application/json"}), min(wire.until, wire.now() + _prices.LONGEST_S)
    )
    return _prices.former(ask, options), Reply("market", answer.status, dict(answer.headers), answer.body)


def parse(replies: Sequence[Reply], options: Options) -> tuple[Found, ...]:
    """`slots`, `until` and when to ask again, in cents per kWh. Raises BadReply."""
    market = next((reply for reply in replies if reply.name == "market"), None)
    if market is None:
        raise BadReply("the prices were not asked")
    was = _prices.known(replies)
    found = _prices.tell(_slots(market, options), was, options, news=NEWS, hurry_s=options.hurry_s, sized=False)
    return (*found, *_prices.clock_off(replies, was))


def _slots(market: Reply, options: Options) -> Iterator[Slot]:
    rows = _answer.table(market).get("data")
    for row in rows if isinstance(rows, list) else ():
        told = [_answer.number(row.get(name)) if isinstance(row, dict) else None
                for name in ("start_timestamp", "end_timestamp", "marketprice")]  # fmt: skip
        start_ms, end_ms, price = told
        if start_ms is None or end_ms is None or price is None:
            raise BadReply("a row without a time or a price")
        if str(row.get("unit", UNIT)).lower() != UNIT:
            raise BadReply(f"prices in {_answer.clean(row['unit'], 20)} are not understood")
        start_s, end_s = round(start_ms / 1000), round(end_ms / 1000)
        if not 0 < end_s - start_s <= LONGEST_SLOT_S:
            raise BadReply("a slot that ends before it begins, or lasts longer than a day")
        least = options.lowest or _prices.AUCTION_LEAST
        paid = _prices.traded(price / PER_MWH, start_s, options, least, options.highest)
        yield Slot(start_s, end_s, paid)
