"""Price servers in the formats of their publishers: Octopus Energy's rates and products, aWATTar's market data.

Octopus answers newest first, in pages of 100 unless `page_size` (up to 1500) says otherwise; a time without a Z would
be UK local time; a wrong product or tariff is 404, a date that is none 400.
"""

import datetime as dt
from collections.abc import Sequence
from email.utils import formatdate
from typing import Any, Final

from mine_controller.core.money.prices import Slot
from mine_controller.twin.answer import Answer, Asked, json_answer, not_found
from mine_controller.twin.tariff import DAY_S, VAT, Tariff

HOST: Final = "https://api.octopus.energy"
PRODUCT: Final = "AGILE-24-10-01"
OLDER: Final = "AGILE-FLEX-22-11-25"
SILENT: Final = "AGILE-BB-24-10-01"  # for customers taken over; listed beside the other, without prices since 2025-10
REGION: Final = "H"
PAGE: Final = 100
PAGE_MOST: Final = 1500
KEPT_S: Final = 60 * DAY_S


class Octopus:
    """The public API. `two_methods`: every slot comes once for each payment method, the other one 1 p dearer."""

    def __init__(
        self,
        tariff: Tariff,
        start_wall_s: int,
        *,
        product: str = PRODUCT,
        region: str = REGION,
        two_methods: bool = False,
    ) -> None:
        self.tariff, self.start_wall_s = tariff, start_wall_s
        self.product, self.region, self.two_methods = product, region, two_methods

    def answer(self, asked: Asked, at_s: float) -> Answer:
        """The products, or the rates of one tariff."""
        wall_s = self.start_wall_s + int(at_s)
        date = formatdate(wall_s, usegmt=True)
        if asked.path == "/v1/products/":
            return json_answer(self._products(), Date=date)
        if asked.path.startswith(f"/v1/products/{SILENT}/"):
            return json_answer({"count": 0, "next": None, "previous": None, "results": []}, Date=date)
        code = f"E-1R-{self.product}-{self.region}"
        if asked.path != f"/v1/products/{self.product}/electricity-tariffs/{code}/standard-unit-rates/":
            return json_answer({"detail": "Not found."}, 404, Date=date)
        try:
            return json_answer(self._rates(asked, wall_s), Date=date)
        except ValueError:
            return json_answer({"period_from": ["Enter a valid date/time."]}, 400, Date=date)

    def _products(self) -> dict[str, Any]:
        rows = [
            _product(self.product, "2024-10-01T00:00:00+01:00", None),
            _product(SILENT, "2024-10-01T00:00:00+01:00", None),
            _product(OLDER, "2022-11-25T00:00:00Z", "2024-10-01T00:00:00+01:00"),
            _product("AGILE-OUTGOING-19-05-13", "2019-05-13T00:00:00+01:00", None) | {"direction": "EXPORT"},
            _product("VAR-22-11-01", "2023-03-28T10:35:00+01:00", None),
        ]
        return {"count": len(rows), "next": None, "previous": None, "results": rows}

    def _rates(self, asked: Asked, wall_s: int) -> dict[str, Any]:
        query = asked.query
        from_s = _moment_s(query.get("period_from"), wall_s - KEPT_S)
        to_s = _moment_s(query.get("period_to"), wall_s + KEPT_S)
        rows = [row for slot in reversed(self.tariff.slots(from_s, to_s, wall_s)) for row in self._rows(slot)]
        size = min(int(query.get("page_size", PAGE)), PAGE_MOST)
        page = int(query.get("page", "1"))
        more = page * size < len(rows)
        there = f"{HOST}{asked.path}?page={page + 1}&page_size={size}"
        return {
            "count": len(rows),
            "next": there if more else None,
            "previous": None if page == 1 else f"{HOST}{asked.path}?page={page - 1}&page_size={size}",
            "results": rows[(page - 1) * size : page * size],
        }

    def _rows(self, slot: Slot) -> Sequence[dict[str, Any]]:
        if not self.two_methods:
            return (_row(slot, slot.price, None),)
        return _row(slot, slot.price, "DIRECT_DEBIT"), _row(slot, slot.price + 1, "NON_DIRECT_DEBIT")


def _product(code: str, first: str, last: str | None) -> dict[str, Any]:
    return {
        "code": code,
        "direction": "IMPORT",
        "full_name": code.title(),
        "is_variable": True,
        "is_business": False,
        "available_from": first,
        "available_to": last,
        "brand": "OCTOPUS_ENERGY",
    }


def _row(slot: Slot, price: float, method: str | None) -> dict[str, Any]:
    return {
        "value_exc_vat": round(price, 4),
        "value_inc_vat": round(price * VAT, 4),
        "valid_from": _iso(slot.start_s),
        "valid_to": _iso(slot.end_s),
        "payment_method": method,
    }


def _iso(wall_s: int) -> str:
    return dt.datetime.fromtimestamp(wall_s, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _moment_s(text: str | None, otherwise_s: int) -> int:
    """A date as the API takes it; without a zone it means UK local time. ValueError: no date."""
    if text is None:
        return otherwise_s
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - only dates without a zone need it

    when = dt.datetime.fromisoformat(text)
    return int((when if when.tzinfo else when.replace(tzinfo=ZoneInfo("Europe/London"))).timestamp())


class Awattar:
    """Market data by the hour, in EUR/MWh: the mean of the tariff's two half hours, ten times as many."""

    def __init__(self, tariff: Tariff, start_wall_s: int) -> None:
        self.tariff, self.start_wall_s = tariff, start_wall_s

    def answer(self, asked: Asked, at_s: float) -> Answer:
        """The hours between `start` and `end` (milliseconds), oldest first."""
        if asked.path != "/v1/marketdata":
            return not_found()
        wall_s = self.start_wall_s + int(at_s)
        begin, end = asked.query.get("start", ""), asked.query.get("end", "")
        from_s = int(begin) // 1000 if begin.isdecimal() else wall_s // 3600 * 3600
        to_s = int(end) // 1000 if end.isdecimal() else from_s + DAY_S
        halves = self.tariff.slots(-(-from_s // 3600) * 3600, to_s, wall_s)
        rows = [
            {
                "start_timestamp": one.start_s * 1000,
                "end_timestamp": other.end_s * 1000,
                "marketprice": round((one.price + other.price) * 5, 2),
                "unit": "Eur/MWh",
            }
            for one, other in zip(halves[::2], halves[1::2], strict=False)
        ]
        return json_answer({"object": "list", "data": rows, "url": "/at/v1/marketdata"})
