"""Price bands on the page and in status.json: the one in force, what comes, prices ahead, money."""

import re
from itertools import pairwise

import pytest
import sample

from mine_controller.core.model.state import Override
from mine_controller.core.money.bands import DEFAULTS, Band, Planned, Section
from mine_controller.core.money.ledger import MICRO, WS_A_KWH, Line
from mine_controller.core.money.outlook import Group, Outlook
from mine_controller.core.wording.words import sentence
from mine_controller.render import bands, status_json, view
from mine_controller.render.given import Economy
from mine_controller.render.page import render

HALF_S = 1800
START = sample.NOW // HALF_S * HALF_S
PRICES = (13.0, 25.0, -4.0, 6.5, 8.0)
OFF, DGB_ECO, DGB, BCH, BTC = DEFAULTS
HELD = (DGB_ECO, OFF, BTC, BCH, DGB)


def planned(prices=PRICES, held=HELD):
    slots = zip(range(START, START + HALF_S * len(prices), HALF_S), prices, held, strict=True)
    return tuple(Planned(at, at + HALF_S, price, band, band) for at, price, band in slots)


def line(key="2", kwh=2, pence_a_kwh=15, always_kwh=3):
    ws = kwh * WS_A_KWH
    cost, always = ws * pence_a_kwh * MICRO, always_kwh * WS_A_KWH * pence_a_kwh * MICRO
    return Line(key, ws, cost, seconds=7200, always_ws=always_kwh * WS_A_KWH, always_cost=always)


def economy(price=13.0, forced=None, total=True, ahead=None, **other):
    ahead = planned() if ahead is None else ahead
    outlook = Outlook(
        DGB_ECO, 1, START - 600, price, forced, (Group("bitaxe shelf", "eco", "dgb"), Group("xmrig office", "", "")),
        ahead, ahead[1:], START + HALF_S * len(ahead), 7,
    )  # fmt: skip
    lines = (line(),) if total else ()
    return Economy(outlook, DEFAULTS, (3600,) * len(ahead), lines, line("total") if total else None, **other)


def facts(given):
    return sample.facts()._replace(economy=given)


def document(given):
    return status_json.document(sample.book("RUNNING"), facts(given), sample.history("RUNNING"), sentence, sample.NOW)[
        "bands"
    ]


def page(given):
    shown = view.view(sample.book("RUNNING"), facts(given), sample.history("RUNNING"), sentence, sample.NOW)
    return render(shown)


def section(given):
    text = page(given)
    begin = text.index('id="bands"')
    return text[begin : text.index("</section>", begin)]


def test_a_site_without_bands_has_no_section_and_null_in_its_document():
    assert document(None) is None
    assert 'id="bands"' not in page(None)


def test_the_band_in_force_its_price_and_the_next_changes_are_told():
    told = document(economy())
    assert (told["band"], told["coin"], told["price"], told["off"]) == ("2", "DGB", 13.0, False)
    assert [one["band"] for one in told["coming"]] == ["1", "5", "4", "3"]
    shown = section(economy())
    assert "Band 2" in shown
    assert "mines DGB" in shown
    assert "13.00\u00a0p/kWh" in shown
    assert "band 1, nothing is mined" in shown


def test_every_slot_ahead_is_a_bar_and_a_row_of_the_table():
    shown = section(economy())
    assert len(re.findall(r'<rect class="b-\d" x="\d+" y', shown)) == len(PRICES)
    rows = shown[shown.index('aria-label="Prices ahead, slot by slot"') :]
    rows = rows[: rows.index("</table>")]
    assert rows.count('<th scope="row">') == len(PRICES)
    assert "-4.00" in rows


def test_colours_go_from_off_over_dear_to_cheap_and_stand_beside_a_name():
    tones = {one["band"]: one["tone"] for one in document(economy())["ahead"]}
    assert tones == {"1": 0, "2": 1, "3": 2, "4": 3, "5": 4}
    legend = section(economy()).partition('class="legend"')[2].partition("</p>")[0]
    assert "1 off" in legend
    assert "5 BTC" in legend


def test_a_negative_price_hangs_below_the_line():
    chart = bands.bands(document(economy()), view.Zone(0, "UTC"), sample.NOW, "GBP")["chart"]
    by_price = dict(zip(PRICES, chart["bars"], strict=True))
    assert by_price[-4.0]["y"] == chart["floor"]
    assert by_price[25.0]["y"] == 0
    assert by_price[25.0]["y"] + by_price[25.0]["height"] == chart["floor"]
    assert all(bar["y"] + bar["height"] <= chart["high"] for bar in chart["bars"])


def test_times_ahead_are_those_of_the_clock_that_holds_then():
    given = economy()._replace(offsets_s=(3600, 3600, 0, 0, 0))
    rows = bands.bands(document(given), view.Zone(3600, "BST"), sample.NOW, "GBP")["chart"]["rows"]
    minutes = [int(at[-5:-3]) * 60 + int(at[-2:]) for at in (row["at"] for row in rows)]
    assert [(after - before) % 1440 for before, after in pairwise(minutes)] == [30, 1440 - 30, 30, 30]


@pytest.mark.parametrize(("offset_s", "slot_s"), [(0, 3600), (19_800, 3600), (20_700, 1800), (-12_600, 900), (0, 9000)])
def test_the_hours_of_the_chart_are_those_of_the_wall_clock_wherever_slots_begin(offset_s, slot_s):
    """Hours of UTC begin at half past where it is Kolkata, and a tariff's windows begin when they like."""
    begin_s = sample.NOW // 3600 * 3600
    slots = [Planned(at, at + slot_s, 9.0, BTC, BTC) for at in range(begin_s, begin_s + 36_000, slot_s)]
    given = economy(ahead=tuple(slots))._replace(offsets_s=(offset_s,) * len(slots))
    chart = bands.bands(document(given), view.Zone(offset_s, "X"), sample.NOW, "INR")["chart"]
    expected = [(at - begin_s) // 60 for at in range(begin_s, begin_s + 36_000, 900) if (at + offset_s) % 21_600 == 0]
    wide = chart["wide"]
    assert [one["pct"] for one in chart["hours"]] == [f"{100 * x / wide:.1f}%" for x in expected]
    assert [one["text"] for one in chart["hours"]] == [
        f"{(begin_s + 60 * x + offset_s) // 3600 % 24:02}" for x in expected
    ]


def test_a_price_that_holds_for_days_has_days_below_it_and_not_more_than_there_is_room_for():
    begin_s = sample.NOW // 86_400 * 86_400
    for days, most in ((9, 9), (380, 8)):
        given = economy(ahead=(Planned(begin_s, begin_s + days * 86_400, 9.0, BTC, BTC),))._replace(offsets_s=(0,))
        hours = bands.bands(document(given), view.Zone(0, "UTC"), sample.NOW, "GBP")["chart"]["hours"]
        assert 4 < len(hours) <= min(most, 8)
        assert hours[0]["text"] == view.Zone(0, "UTC").day(begin_s).split(" ", 1)[1]


def test_a_bar_of_a_minute_is_a_bar():
    slots = tuple(Planned(at, at + 60, 9.0, BTC, BTC) for at in range(START, START + 300, 60))
    bars = bands.bands(document(economy(ahead=slots)), view.Zone(0, "UTC"), sample.NOW, "GBP")["chart"]["bars"]
    assert all(bar["width"] > 0 for bar in bars)


def test_an_unknown_price_is_said_and_no_number_stands_for_it():
    told = document(economy(price=None))
    assert (told["price"], told["known_to"]) == (None, None)
    shown = section(economy(price=None))
    assert "the price that counts now is not known" in shown
    assert "0.00\u00a0p/kWh" not in shown.partition("</p>")[0]


def test_what_a_person_set_is_named_with_their_words():
    forced = Override("strategy", "off", "setting", 0, "anna", "guests <b>here</b>", 3)
    shown = section(economy(forced=forced))
    assert "strategy off, set by anna" in shown
    assert "<b>here</b>" not in shown


def test_today_in_pounds_with_what_was_saved_and_the_time_in_each_band():
    told = document(economy())["today"]
    assert (told["cost"], told["saved"], told["kwh"]) == (30.0, 15.0, 2.0)
    shown = section(economy())
    assert "£0.30" in shown
    assert "£0.15" in shown
    assert "2\u00a0h" in shown


def test_money_that_cannot_be_read_is_left_out():
    assert document(economy(total=False))["today"] is None
    assert "Always on" not in section(economy(total=False))


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (123.4, "GBP", "£1.23"),
        (-123.4, "EUR", "-€1.23"),
        (5, "CHF", "CHF 0.05"),
        (-0.2, "GBP", "£0.00"),
        (-5, "eur", "-€0.05"),
    ],
)
def test_amounts_have_their_sign_in_front(minor, currency, text):
    assert bands.amount(minor, currency) == text


def test_without_published_prices_there_is_no_chart():
    assert "Prices ahead" not in section(economy(price=None, ahead=()))


def test_one_band_that_mines_has_the_cheapest_colour():
    only = (Band("off", Section(5000.0, "off", "", (), 0)), Band("on", Section(9.0, "BTC", "", (), 0)))
    assert [bands.tone(only, band) for band in only] == [0, 4]
