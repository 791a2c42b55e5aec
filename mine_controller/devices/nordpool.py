"""Nord Pool's public day-ahead prices (Nordics, Baltics, and most of western Europe), a quarter of an hour each.

/api/DayAheadPrices?market=DayAhead&date=YYYY-MM-DD&deliveryArea=SE3&currency=EUR answers {"multiAreaEntries":
[{"deliveryStart": ISO, "deliveryEnd": ISO, "entryPerArea": {"SE3": price per MWh}}]}; 204 before that day is published
(about 13:00 Central European time). A date is a day of that time. The auction is in euros: its rates for other
currencies are those of noon at first, and official once the prices are complete, so a price in another currency may
still move by the rate (the exchange's page on preliminary prices and exchange rates). `share_pct`, `add` and `vat_pct`
make the exchange's price the owner's. (Answers of the data portal's own page.)

The answer says its currency, and prices are per MWh: they are not judged by their size, as the north of Norway and
Sweden has days below a cent, but by what the auction can come to (-500 to 4000 EUR/MWh, in whatever currency: 353 öre
a kWh in SE4 on 2024-11-05).
"""

import datetime as dt
from collections.abc import Iterator, Sequence

from mine_controller.core.money import prices
from mine_controller.core.money.prices import Slot
from mine_controller.core.option import option
from mine_controller.devices import _access, _answer, _prices
from mine_controller.devices._prices import Known, News
from mine_controller.devices.kind import Ask, BadReply, Can, Found, LaneSpec, Reply
from mine_controller.record import NamedTuple
from mine_controller.wire.door import Request, Wire, WireError

CAN = Can(reads=_prices.READS)
LANE = LaneSpec()
OUTSIDE = True
BUDGET_S = 15.0

HOST = "dataportal-api.nordpoolgroup.com"
ZONE = "Europe/Oslo"
NEWS = News(ZONE, 13)
GOOD, NOT_YET = 200, 204
TODAY = "day1"
PER_MWH = 10.0  # per MWh of the major unit in minor units per kWh
LONGEST_SLOT_S = 3 * 3600
DAYS = (-1, 0, 1)
OWN_CURRENCY = "EUR"
# Minor units a euro cent is worth, rather more than less.
CENT_IN = {"EUR": 1.0, "SEK": 12.0, "NOK": 12.0, "DKK": 8.0, "PLN": 5.0, "RON": 6.0}
RATE_DRIFT_PCT = 1.0  # more than the rate of a day moves from noon to the official one


class Options(NamedTuple):
    """One bidding zone."""

    area: str = option(
        help="bidding zone as the exchange writes it: SE3, NO1, FI, DK2, NL, GER (Germany), TEL (Romania)"
    )
    currency: str = option("EUR", choices=tuple(CENT_IN), help="of the prices")
    url: str = option(f"https://{HOST}", kind="url", help="base address")
    share_pct: float = _prices.SHARE_PCT
    add: float = _prices.ADD
    vat_pct: float = _prices.VAT_PCT
    every_s: int = _prices.EVERY_S
    hurry_s: int = _prices.HURRY_S
    lowest: float = option(
        0.0, low=prices.LEAST, high=0, unit="minor units/kWh",
        help="a price of the exchange below it is an error; 0 = what no auction comes to, in any currency",
    )  # fmt: skip
    highest: float = option(
        0.0, low=0, high=prices.MOST, unit="minor units/kWh",
        help="a price of the exchange above it is an error; 0 = what no auction comes to, in any currency",
    )  # fmt: skip


def faults(options: Options) -> list[str]:
    """What is wrong with these options taken together, as sentences."""
    return _prices.address_faults(options.url, HOST)


def fetch(wire: Wire, options: Options, ask: Ask) -> tuple[Reply, ...]:
    """Replies "former" and "day0", "day1", "day2": yesterday, today, tomorrow. Without a clock nothing is asked."""
    if not ask.wall_s:
        raise WireError("unreachable", "the date is not known: which day to ask for?")
    return (_prices.former(ask, options), *_days(wire, options, ask))


def _days(wire: Wire, options: Options, ask: Ask) -> Iterator[Reply]:
    """Yesterday only once, where today is not known yet. Another day that can't be had takes nothing from today."""
    today = _today(ask.wall_s)
    for ahead in DAYS if not ask.memory.get("slots") else DAYS[1:]:
        date = (today + dt.timedelta(days=ahead)).isoformat()
        query = f"market=DayAhead&date={date}&deliveryArea={_access.part(options.area)}&currency={options.currency}"
        request = Request(
            "GET", _access.under(options.url, f"/api/DayAheadPrices?{query}"), {"accept": "application/json"}
        )
        try:
            answer = wire.call(request, min(wire.until, wire.now() + _prices.LONGEST_S))
        except WireError:
            if not ahead:
                raise
            continue
        yield Reply(f"day{ahead + 1}", answer.status, dict(answer.headers), answer.body)


def _today(wall_s: int) -> dt.date:
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - only sites with prices pay for zones

    return dt.datetime.fromtimestamp(wall_s, ZoneInfo(ZONE)).date()


def parse(replies: Sequence[Reply], options: Options) -> tuple[Found, ...]:
    """`slots`, `until` and when to ask again. Raises BadReply."""
    days = [reply for reply in replies if reply.name.startswith("day")]
    if not days:
        raise BadReply("the prices were not asked")
    was = _prices.known(replies)._replace(drift_pct=0.0 if options.currency == OWN_CURRENCY else RATE_DRIFT_PCT)
    sure = any(day.name == TODAY and day.status == GOOD for day in days)
    told = [day for day in days if day.status != NOT_YET and (day.status == GOOD or not sure)]
    slots = [slot for day in told for slot in _slots_beside(day, options, was, sure=sure)]
    found = _prices.tell(slots, was, options, news=NEWS, hurry_s=options.hurry_s, sized=False)
    return (*found, *_prices.clock_off(replies, was))


def _slots_beside(day: Reply, options: Options, was: Known, *, sure: bool) -> tuple[Slot, ...]:
    """Another day that can't be understood takes nothing from today either, while nothing is known of now."""
    try:
        return tuple(_slots(day, options))
    except BadReply:
        if day.name == TODAY or not sure or prices.price_at(was.slots, was.wall_s) is not None:
            raise
        return ()


def _slots(day: Reply, options: Options) -> Iterator[Slot]:
    table = _answer.table(day)
    told = table.get("currency", options.currency)
    if told != options.currency:
        raise BadReply(f"prices in {_answer.clean(told, 10)}, asked for {options.currency}")
    rows = table.get("multiAreaEntries")
    for row in rows if isinstance(rows, list) else ():
        area = row.get("entryPerArea") if isinstance(row, dict) else None
        price = _answer.number(area.get(options.area)) if isinstance(area, dict) else None
        start_s, end_s = (_prices.moment_s(row.get(name)) if isinstance(row, dict) else None
                          for name in ("deliveryStart", "deliveryEnd"))  # fmt: skip
        if price is None or start_s is None or end_s is None:
            raise BadReply(f"{day.name}: a row without a time, or without a price of {_answer.clean(options.area, 10)}")
        if not 0 < end_s - start_s <= LONGEST_SLOT_S:
            raise BadReply(f"{day.name}: a slot that ends before it begins, or lasts too long")
        yield Slot(start_s, end_s, _prices.traded(price / PER_MWH, start_s, options, *_range(options)))


def _range(options: Options) -> tuple[float, float]:
    """What the auction may come to in this currency, where the owner does not say it."""
    cent = CENT_IN[options.currency]
    most = min(_prices.AUCTION_MOST * cent, prices.MOST)
    return options.lowest or _prices.AUCTION_LEAST * cent, options.highest or most
