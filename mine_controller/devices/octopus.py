"""Octopus Energy's public prices (Great Britain), half-hourly Agile first of all; no key is needed.

Rates of product P in region R lie under /v1/products/P/electricity-tariffs/E-1R-P-R/standard-unit-rates/, newest first,
in pages (100 rows unless `page_size` asks for up to 1500). `period_from` and `period_to` must carry a Z, or they count
as UK local time. Prices are pence per kWh, `value_inc_vat` with a household's VAT of that time (5 %; 0 % from October
2026 to March 2027, say one client's notes); a negative one is a price like any other. Rows may come once for each
payment method, and a row's `valid_to` may be null: it holds until something else does. Tomorrow appears at about 16:00
UK time and ends at 23:00, so a day on which the clocks change has 46 or 50 half hours; slots here are moments of UTC
and know nothing of it. (Public API documentation of Octopus Energy, and answers.)

Nobody's product is written in the API: pin `product` as it stands on your bill. Left empty, the newest import product
called `family` and a date is taken, where there is none the newest that begins with it, and kept while it has prices:
AGILE-BB-24-10-01, for customers taken over, stands in the list beside AGILE-24-10-01 with the same date, and has had
none since October 2025 (notes of a client that asked in October 2026; the list, of another).
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from mine_controller.core.money import prices
from mine_controller.core.money.prices import Slot
from mine_controller.core.option import option
from mine_controller.devices import _access, _answer, _prices
from mine_controller.devices._prices import DAY_S, Known, News
from mine_controller.devices.kind import Ask, BadReply, Can, Found, LaneSpec, Reply
from mine_controller.record import NamedTuple
from mine_controller.wire.door import Request, Wire, WireError

CAN = Can(reads=_prices.READS)
LANE = LaneSpec()
OUTSIDE = True
CURRENCY = "GBP"
BUDGET_S = 15.0

HOST = "api.octopus.energy"
NEWS = News("Europe/London", 16)
REGIONS = tuple("ABCDEFGHJKLMNP")
PAGE_SIZE = 500
PAGES = 4  # 48 h of half hours by two payment methods are 200 rows
AHEAD_S = 5 * DAY_S
GONE = (400, 404)
_DATED = re.compile(r"-[0-9]{2}-[0-9]{2}-[0-9]{2}")  # what follows the family in a product's code


class Options(NamedTuple):
    """One meter's tariff."""

    region: str = option(
        help="the letter at the end of the tariff code on the bill: A Eastern, B East Midlands, C London, D Merseyside"
        " and North Wales, E West Midlands, F North Eastern, G North Western, H Southern, J South Eastern, K South"
        " Wales, L South Western, M Yorkshire, N South Scotland, P North Scotland",
        choices=REGIONS,
    )
    product: str = option("", help="product code as on the bill; empty = the newest", example="AGILE-24-10-01")
    family: str = option("AGILE", help="how the code of a product begins that may be taken where none is pinned")
    vat: str = option(
        "included", choices=("included", "without", "own"), help="household, none, or vat_pct of your own"
    )
    vat_pct: float = option(20.0, low=0, high=50, unit="%", help="with vat = own: what a business pays")
    payment: str = option(
        "DIRECT_DEBIT",
        choices=("DIRECT_DEBIT", "NON_DIRECT_DEBIT"),
        help="which of two prices counts, where there are two",
    )
    url: str = option(f"https://{HOST}", kind="url", help="base address")
    every_s: int = _prices.EVERY_S
    hurry_s: int = _prices.HURRY_S
    lowest: float = _prices.LOWEST
    highest: float = _prices.HIGHEST


def faults(options: Options) -> list[str]:
    """What is wrong with these options taken together, as sentences."""
    return _prices.address_faults(options.url, HOST)


def fetch(wire: Wire, options: Options, ask: Ask) -> tuple[Reply, ...]:
    """Replies "former", "products" (where the product has to be found) and "rates0", "rates1" ... as far as needed."""
    replies = [_prices.former(ask, options)]
    product = options.product or _kept(ask, options)
    if not product:
        replies.append(_ask(wire, "products", _products(options)))
        product = _newest(replies[-1], options.family)
    replies += _rates(wire, options, product, ask.wall_s)
    if _has_none(replies[-1]) and not options.product and _kept(ask, options):
        return fetch(wire, options, ask._replace(memory={**ask.memory, "product": ""}))
    first = replies[0]._replace(headers={**replies[0].headers, "product": product})
    return (first, *replies[1:])


def _kept(ask: Ask, options: Options) -> str:
    """The product that was found before; "" where another family is wanted now."""
    return ask.memory.get("product", "") if ask.memory.get("family") == options.family else ""


def _products(options: Options) -> str:
    return _access.under(options.url, "/v1/products/?brand=OCTOPUS_ENERGY&is_variable=true&page_size=100")


def _rates(wire: Wire, options: Options, product: str, wall_s: int) -> list[Reply]:
    """Page by page. Pages are counted here: `next` names the public host, whatever was asked."""
    code = f"E-1R-{product}-{options.region}"
    path = f"/v1/products/{_access.part(product)}/electricity-tariffs/{_access.part(code)}/standard-unit-rates/"
    url = f"{_access.under(options.url, path)}?{_period(wall_s)}page_size={PAGE_SIZE}"
    replies: list[Reply] = []
    for page in range(1, PAGES + 1):
        replies.append(_ask(wire, f"rates{page - 1}", url if page == 1 else f"{url}&page={page}"))
        if not wall_s or not _has_more(replies[-1]):
            break
    return replies


def _period(wall_s: int) -> str:
    """Without a clock: the newest page, whatever day it is."""
    if not wall_s:
        return ""
    begin, end = (_prices.iso(at).replace(":", "%3A") for at in (_prices.since_s(wall_s), wall_s + AHEAD_S))
    return f"period_from={begin}&period_to={end}&"


def _ask(wire: Wire, name: str, url: str) -> Reply:
    request = Request("GET", url, {"accept": "application/json"})
    answer = wire.call(request, min(wire.until, wire.now() + _prices.LONGEST_S))
    return Reply(name, answer.status, dict(answer.headers), answer.body)


def _has_more(reply: Reply) -> bool:
    try:
        return _answer.table(reply).get("next") is not None
    except BadReply:
        return False


def _has_none(reply: Reply) -> bool:
    """No such product any more, or one that publishes no more."""
    try:
        return reply.status in GONE or _answer.table(reply).get("results") == []
    except BadReply:
        return False


def _newest(reply: Reply, family: str) -> str:
    """The code of the newest import product of the family. Raises WireError: nothing more can be asked."""
    try:
        rows = _answer.table(reply).get("results")
    except BadReply as error:
        raise WireError("bad_http", str(error)) from None
    rows = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    found = [(str(row.get("available_from")), str(row.get("code"))) for row in rows if _is_of(row, family)]
    if not found:
        raise WireError("bad_http", f"no product called {family}...: pin the one on your bill with `product`")
    dated = [each for each in found if _DATED.fullmatch(each[1].removeprefix(family))]
    return max(dated or found)[1]


def _is_of(row: dict[str, Any], family: str) -> bool:
    code = row.get("code")
    mine = (
        isinstance(code, str) and len(code) < 60 and code.startswith(family) and code.isascii() and code.isprintable()
    )
    ended = row.get("available_to") is not None
    return mine and not ended and row.get("direction", "IMPORT") == "IMPORT" and "OUTGOING" not in str(code)


def parse(replies: Sequence[Reply], options: Options) -> tuple[Found, ...]:
    """`slots`, `until`, `product` and when to ask again. Raises BadReply."""
    pages = [reply for reply in replies if reply.name.startswith("rates")]
    if not pages:
        raise BadReply("the prices were not asked")
    was, product = _prices.known(replies), _product(replies)
    if pages[0].status in GONE:
        raise BadReply(f"no tariff E-1R-{product}-{options.region}: check product and region ({pages[0].status})")
    rows = [row for page in pages for row in _rows(page, options)]
    found = _prices.tell(_closed(rows, options, was), was, options, news=NEWS, hurry_s=options.hurry_s)
    found_here = "" if options.product else product  # a pinned one is not what "empty = the newest" means later on
    kept = [Found("product", "memory", found_here), Found("family", "memory", options.family)]
    remembered = [Found("product", "text", product), *kept] if product else []
    return (*found, *remembered, *_prices.clock_off(replies, was))


def _product(replies: Sequence[Reply]) -> str:
    return next((reply.headers.get("product", "") for reply in replies if reply.name == _prices.FORMER), "")


class _Row(NamedTuple):
    start_s: int
    end_s: int | None  # None: open
    price: float
    method: str  # "" = for everybody


def _rows(page: Reply, options: Options) -> Iterator[_Row]:
    results = _answer.table(page).get("results")
    if not isinstance(results, list):
        raise BadReply(f"{page.name}: no list of prices")
    for row in results:
        if not isinstance(row, dict):
            raise BadReply(f"{page.name}: a row that is no row")
        yield _row(row, options)


def _row(row: dict[str, Any], options: Options) -> _Row:
    start_s, end_s = _prices.moment_s(row.get("valid_from")), _prices.moment_s(row.get("valid_to"))
    if start_s is None or (end_s is None and row.get("valid_to") is not None):
        raise BadReply(f"a time that is none: {_answer.clean(row.get('valid_from'), 30)!r}")
    if end_s is not None and end_s <= start_s:
        raise BadReply(f"a slot that ends before it begins: {_answer.clean(row.get('valid_from'), 30)!r}")
    value = row.get("value_inc_vat" if options.vat == "included" else "value_exc_vat")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadReply(f"no price at {_answer.clean(row.get('valid_from'), 30)!r}")
    try:
        price = prices.price_of(value * (1 + options.vat_pct / 100) if options.vat == "own" else value)
    except (ValueError, OverflowError):
        raise BadReply(f"{_answer.clean(value, 20)} is no price") from None
    method = row.get("payment_method")
    return _Row(start_s, end_s, price, method if isinstance(method, str) else "")


def _closed(rows: list[_Row], options: Options, was: Known) -> Iterator[Slot]:
    """One price a moment: the payment method's own before everybody's; an open end closes where the next row begins."""
    own = [row for row in rows if row.method == options.payment]
    starts = {row.start_s for row in own}
    mine = sorted(
        {*own, *(row for row in rows if not row.method and row.start_s not in starts)}, key=lambda row: row[0]
    )
    newest_s = max((row.end_s or row.start_s for row in mine), default=0)
    horizon_s = _prices.day_s(was.wall_s or newest_s) + _prices.OPEN_S
    floor_s = _prices.since_s(was.wall_s or newest_s)
    for at, row in enumerate(mine):
        next_s = mine[at + 1].start_s if at + 1 < len(mine) else horizon_s
        start_s, end_s = max(row.start_s, floor_s), row.end_s if row.end_s is not None else min(next_s, horizon_s)
        if end_s > start_s:
            yield Slot(start_s, end_s, row.price)
