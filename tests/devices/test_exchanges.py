"""Prices of the exchange: what an auction can come to, in every currency it is told in, is believed."""

import datetime as dt
import json
from zoneinfo import ZoneInfo

import pytest
from devices.kinds import build
from devices.virtual import Scripted, ok

from mine_controller.core.money import prices
from mine_controller.devices import _prices, awattar, nordpool
from mine_controller.devices.kind import Ask, BadReply
from mine_controller.wire.door import Response, WireError

NOON = 1_784_113_200  # 2026-07-15T11:00Z
URL = "http://127.0.0.1:1"
# SE4 on 2024-11-05, SEK a MWh: an answer recorded in Home Assistant's tests (nordpool, delivery_period_today).
SE4 = (283.79, 81.36, 79.15, 65.19, 68.44, 516.71, 1240.85, 1648.25, 1570.5, 1345.37, 1206.51, 1085.8, 1081.72, 1130.38,
       1256.91, 1765.82, 2522.55, 3533.03, 2524.06, 1112.57, 1112.57, 1051.69, 662.44, 349.21)  # fmt: skip


def steadily(day, at_s):
    del day
    return 400 + at_s // 900 % 96


class Exchange(Scripted):
    """A Nord Pool that answers each day in quarters; a quarter's price a MWh is what `price` says times `rate`."""

    def __init__(self, currency, rate=1.0, price=steadily, **more):
        self.rate, self.price = rate, price
        self.options = build("nordpool", URL, area="NO1", currency=currency, **more)
        super().__init__(self._said)

    def _said(self, request):
        day = dt.datetime.fromisoformat(request.url.partition("date=")[2][:10]).replace(tzinfo=ZoneInfo("Europe/Oslo"))
        begin_s = int(day.timestamp())
        rows = [
            {"deliveryStart": _prices.iso(at_s), "deliveryEnd": _prices.iso(at_s + 900),
             "entryPerArea": {"NO1": round(self.price(begin_s, at_s) * self.rate, 2)}}
            for at_s in range(begin_s, begin_s + 86_400, 900)
        ]  # fmt: skip
        return ok(json.dumps({"currency": self.options.currency, "multiAreaEntries": rows}).encode())

    def read(self, memory=None):
        self.now = 1000.0
        asked = nordpool.fetch(self.wire, self.options, Ask(memory=memory or {}, wall_s=NOON))
        found = nordpool.parse(asked, self.options)
        return next((each.value for each in found if each.quantity == "slots"), "")

    def paid(self):
        """The owner's prices, cheapest first."""
        return sorted(slot.price for slot in prices.read(self.read()))


def hourly(*table):
    """A day of these prices, hour by hour, over and over."""
    return lambda day, at_s: table[(at_s - day) // 3600 % len(table)]


def test_prices_in_another_currency_may_follow_the_official_rate_and_no_further():
    exchange = Exchange("NOK")
    first = exchange.read()
    exchange.rate = 1.004
    official = exchange.read({"slots": first})
    assert prices.price_at(prices.read(official), NOON) == pytest.approx(
        prices.price_at(prices.read(first), NOON) * 1.004, rel=1e-3
    )
    exchange.rate = 1.02
    with pytest.raises(BadReply, match="prices known already are others now"):
        exchange.read({"slots": first})


def test_prices_in_euros_do_not_move_at_all():
    exchange = Exchange("EUR")
    first = exchange.read()
    exchange.rate = 1.004
    with pytest.raises(BadReply, match="prices known already are others now"):
        exchange.read({"slots": first})


def test_a_dear_evening_in_kronor_does_not_refuse_the_day():
    """3.53 SEK a kWh is 30 euro cents: with one range for all currencies such a day was unknown, its night too."""
    paid = Exchange("SEK", price=hourly(*SE4)).paid()
    assert (paid[0], paid[-1]) == (6.519, 353.303)


@pytest.mark.parametrize("currency", ["EUR", "SEK"])
def test_a_day_below_a_cent_is_a_cheap_day_and_no_wrong_unit(currency):
    """The north of Norway and Sweden has weeks of it; the publisher says currency and unit itself."""
    paid = Exchange(currency, price=hourly(1.13, 0.4, -0.02, 7.9)).paid()
    assert (paid[0], paid[-1]) == (-0.002, 0.79)


@pytest.mark.parametrize(("currency", "times"), [("EUR", 1), ("DKK", 7.46), ("SEK", 11.6), ("NOK", 11.8), ("PLN", 4.3),
                                                 ("RON", 5.1)])  # fmt: skip
def test_the_least_and_the_most_an_auction_gave_are_prices_whatever_the_owner_adds(currency, times):
    """-500 (Finland, 2023-11-24) and 4000 EUR/MWh (Baltics, 2022-08-17), from the exchanges' own notices."""
    paid = Exchange(currency, price=hourly(-500 * times, 4000 * times, 60 * times)).paid()
    assert (paid[0], paid[-1]) == (pytest.approx(-50 * times), pytest.approx(400 * times))
    loaded = Exchange(currency, price=hourly(-500 * times, 1500 * times), add=20.0, vat_pct=25.0).paid()
    assert (loaded[0], loaded[-1]) == (
        pytest.approx((-50 * times + 20) * 1.25),
        pytest.approx((150 * times + 20) * 1.25),
    )


@pytest.mark.parametrize("currency", ["EUR", "DKK", "PLN"])
def test_prices_a_hundred_times_too_dear_refuse_the_answer_in_any_currency(currency):
    with pytest.raises(BadReply, match=r"is outside .* per kWh \(`lowest`, `highest`\)"):
        Exchange(currency, rate=100, price=hourly(900.0, 400.0)).read()


def test_a_range_of_the_owners_counts_as_written():
    with pytest.raises(BadReply, match=r"353.303 at \S+ is outside -1200 to 300 per kWh"):
        Exchange("SEK", price=hourly(*SE4), highest=300.0).read()
    with pytest.raises(BadReply, match=r"-0.002 at \S+ is outside -0.001 to 500 per kWh"):
        Exchange("EUR", price=hourly(-0.02), lowest=-0.001).read()


def market(*rows):
    """An answer of aWATTar: these EUR/MWh, hour by hour from midnight on."""
    day_s = _prices.day_s(NOON)
    data = [{"start_timestamp": (day_s + n * 3600) * 1000, "end_timestamp": (day_s + n * 3600 + 3600) * 1000,
             "marketprice": price, "unit": "Eur/MWh"} for n, price in enumerate(rows)]  # fmt: skip
    return Scripted(lambda _: ok(json.dumps({"object": "list", "data": data}).encode())).wire


def hours(options, *rows):
    found = awattar.parse(awattar.fetch(market(*rows), options, Ask(wall_s=NOON)), options)
    (text,) = [each.value for each in found if each.quantity == "slots"]
    return sorted(slot.price for slot in prices.read(text))


def test_awattar_tells_what_the_auction_came_to_and_no_more():
    german = build("awattar", URL, vat_pct=19.0)
    assert hours(german, *[-500.0, 2000.0] * 12)[::23] == [-59.5, 238.0]
    assert hours(german, *[4.2, 0.0, -3.1] * 8)[-1] == pytest.approx(0.4998)
    with pytest.raises(BadReply, match=r"600 at \S+ is outside -100 to 500 per kWh"):
        hours(german, 6000.0, 42.0)


def test_a_lowest_of_0_that_was_meant_for_the_owners_price_refuses_no_sunny_day():
    """Until it was about the exchange's own price, fees kept that of `lowest = 0` above it on every day."""
    loaded = build("awattar", URL, add=15.0, lowest=0.0)
    assert hours(loaded, *[42.0, -31.0] * 12)[::23] == [pytest.approx(11.9), pytest.approx(19.2)]


class Halting(Exchange):
    """One that fails for one day, counted from today."""

    def __init__(self, ahead, how):
        self.halts, self.how = (dt.date(2026, 7, 15) + dt.timedelta(days=ahead)).isoformat(), how
        super().__init__("EUR")

    def _said(self, request):
        if self.halts not in request.url:
            return super()._said(request)
        if isinstance(self.how, WireError):
            raise self.how
        return Response(self.how, {}, b"<html>")


@pytest.mark.parametrize("how", [500, 429, WireError("timeout", "no answer in 8.0 s")])
@pytest.mark.parametrize("ahead", [-1, 1])
def test_where_another_day_can_not_be_had_today_counts(ahead, how):
    """On a first start nothing else is known, and a mine stood still for tomorrow's prices."""
    told = prices.read(Halting(ahead, how).read())
    assert any(slot.start_s <= NOON < slot.end_s for slot in told)


class Priceless(Exchange):
    """One whose tomorrow stands in rows without prices; what it knew before it remembers."""

    def _said(self, request):
        told = super()._said(request)
        return told if "date=2026-07-16" not in request.url else told._replace(
            body=told.body.replace(b'"NO1":', b'"NO2":'))  # fmt: skip


def test_where_tomorrow_stands_without_prices_today_counts_and_the_fault_is_told_once_it_is_known():
    exchange = Priceless("EUR")
    told = exchange.read()
    assert prices.price_at(prices.read(told), NOON) is not None
    with pytest.raises(BadReply, match="without a price of NO1"):
        exchange.read({"slots": told, "rules": _prices.rules(exchange.options)})


@pytest.mark.parametrize("how", [500, WireError("timeout", "no answer in 8.0 s")])
def test_without_today_nothing_counts(how):
    with pytest.raises((BadReply, WireError)):
        Halting(0, how).read()
