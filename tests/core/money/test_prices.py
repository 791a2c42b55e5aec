"""Slots as facts: their text, what holds now, what comes next, and what freeze makes of them."""

import datetime as dt
import json
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mine_controller.core.due import due
from mine_controller.core.freeze import freeze, published
from mine_controller.core.model.clock import Clock
from mine_controller.core.model.image import Image, Miners
from mine_controller.core.model.reading import Reading, Value
from mine_controller.core.model.wiring import EndpointSpec, Role, Wiring
from mine_controller.core.money import prices
from mine_controller.core.money.prices import Slot

KEY, OTHER = "octopus agile:slots", "tariff night:slots"
HALF = 1800
T0 = 1_768_435_200  # 2026-01-15T00:00Z
ZONES = ("Europe/London", "America/Chicago", "Australia/Lord_Howe")


def wiring(*keys):
    roles = {"price": Role("price", keys or (KEY,), "first", 10**7)}
    return Wiring(roles, (), (), (), {}, {"octopus agile": EndpointSpec("octopus agile", 1800)})


def halves(start_s, *told):
    return tuple(Slot(start_s + n * HALF, start_s + (n + 1) * HALF, price) for n, price in enumerate(told))


def clock(wall_s=T0, plant_s=1000, **more):
    return Clock(plant_s, wall_s, **more)


def image(slots=(), wall_s=T0, **more):
    readings = [Reading(KEY, prices.write(slots), 1000)] if slots else []
    return freeze(None, readings, wiring(), clock(wall_s, **more))


numbers = st.integers(-500_000, 1_500_000).map(lambda n: n / 10_000)


@st.composite
def timetables(draw, most=80):
    """Slots of any length with gaps between them, in the order of time."""
    at, out = T0 + draw(st.integers(-10, 10)) * 900, []
    for _ in range(draw(st.integers(0, most))):
        at += draw(st.sampled_from([0, 0, 0, 0, 900, 5400]))
        end = at + draw(st.sampled_from([900, 1800, 1800, 1800, 3600, 18_000]))
        out.append(Slot(at, end, draw(numbers)))
        at = end
    return tuple(out)


@given(timetables())
def test_the_text_of_slots_reads_back_as_the_same_slots(slots):
    text = prices.write(slots)
    assert prices.read(text) == slots
    assert prices.write(prices.read(text)) == text


def test_two_days_of_half_hours_are_one_short_run():
    text = prices.write(halves(T0, *(round(7 + n * 0.25, 2) for n in range(96))))
    assert text.startswith("[[1768435200,1800,[7,7.25,7.5,")
    assert len(text) < 600


@given(timetables(), st.integers(-20_000, 200_000))
def test_the_price_of_a_moment_is_that_of_the_slot_around_it_and_of_no_other(slots, after_s):
    wall_s = T0 + after_s
    around = [slot for slot in slots if slot.start_s <= wall_s < slot.end_s]
    assert prices.price_at(slots, wall_s) == (around[0].price if around else None)


@given(timetables(), st.integers(-20_000, 200_000))
def test_a_slot_of_many_hours_counts_by_half_hours_and_any_other_as_a_whole(slots, after_s):
    wall_s = T0 + after_s
    slot, part = prices.slot_at(slots, wall_s), prices.part_at(slots, wall_s)
    if slot is None or slot.end_s - slot.start_s <= 3600:
        assert part == slot
        return
    assert part.start_s <= wall_s < part.end_s <= slot.end_s
    assert part.price == slot.price
    assert (part.start_s - slot.start_s) % 1800 == 0
    assert part.end_s == min(part.start_s + 1800, slot.end_s)


@given(timetables(), st.integers(-20_000, 200_000), st.integers(0, 100_000))
def test_edges_are_the_moments_at_which_a_part_begins(slots, from_s, lasts_s):
    begin_s, end_s = T0 + from_s, T0 + from_s + lasts_s
    parts = [start_s for slot in slots
             for start_s in range(slot.start_s, slot.end_s,
                                  1800 if slot.end_s - slot.start_s > 3600 else slot.end_s - slot.start_s)]  # fmt: skip
    assert prices.edges(slots, begin_s, end_s) == sum(begin_s < start_s <= end_s for start_s in parts)


@given(timetables(), st.integers(-20_000, 200_000))
def test_coverage_ends_where_the_first_moment_without_a_price_is(slots, after_s):
    wall_s = T0 + after_s
    end_s = prices.coverage_end(slots, wall_s)
    assert prices.price_at(slots, end_s) is None
    assert all(prices.price_at(slots, at) is not None for at in range(wall_s, end_s, 900))


@given(timetables(30), timetables(30))
def test_what_is_laid_over_the_known_wins_and_nothing_else_is_lost(known, fresh):
    merged = prices.merge(known, fresh)
    assert all(one.end_s <= other.start_s for one, other in pairwise(merged))
    for at in {slot.start_s for slot in (*known, *fresh)} | {slot.end_s - 1 for slot in (*known, *fresh)}:
        newer = prices.price_at(fresh, at)
        assert prices.price_at(merged, at) == (newer if newer is not None else prices.price_at(known, at))


@given(timetables(), st.randoms(use_true_random=False))
def test_rows_in_any_order_and_twice_are_the_same_slots(slots, chance):
    rows = [*slots, *slots[::3]]
    chance.shuffle(rows)
    assert prices.tidy(rows) == slots


def test_two_prices_for_one_moment_are_no_slots():
    """PRC3: overlaps are refused."""
    with pytest.raises(ValueError, match="00:30 UTC"):
        prices.tidy((Slot(T0, T0 + 3600, 12.0), Slot(T0 + HALF, T0 + 3600, 13.0)))


@pytest.mark.parametrize("text", [
    "no", "{}", "[1]", "[[1,2]]", '[[1768435200,1800,["12"]]]', "[[1768435200,0,[1]]]", "[[17,1800,[1]]]",
    "[[1768435200,1800,[NaN]]]", "[[1768435200,1800,[1e9]]]", "[[1768435200,1800,[true]]]", "[[1768435200.5,1800,[1]]]",
    "[[1768435200,1800,[1,2]],[1768437000,1800,[3]]]", "[" * 5000,
])  # fmt: skip
def test_a_text_that_is_none_of_ours_is_refused_and_the_known_slots_stay(text):
    with pytest.raises(ValueError):
        prices.read(text)
    was = image(halves(T0, 12.0, 13.0))
    now = freeze(was, [Reading(KEY, text, 1100)], wiring(), clock(T0 + 60, 1100))
    assert now.site["price_p_kwh"].value == 12.0


def reads(*runs):
    """Whether a text of these runs (start, step, prices) is taken."""
    try:
        return len(prices.read(json.dumps(runs)))
    except ValueError:
        return None


def test_a_price_is_taken_from_the_first_moment_it_can_be_for_to_the_last_and_not_beyond():
    first, last = prices.FIRST_S, prices.LAST_S
    assert (reads((first, HALF, [1.0])), reads((first - 1, HALF, [1.0]))) == (1, None)
    assert (reads((last - HALF, HALF, [1.0])), reads((last - HALF + 1, HALF, [1.0]))) == (1, None)
    assert (reads((last, HALF, [])), reads((last + 1, HALF, []))) == (0, None)


def test_a_slot_lasts_from_a_minute_to_four_hundred_days():
    least, most = prices.STEP_LEAST_S, prices.STEP_MOST_S
    assert (reads((T0, least, [1.0])), reads((T0, least - 1, [1.0]))) == (1, None)
    assert (reads((T0, most, [1.0])), reads((T0, most + 1, [1.0]))) == (1, None)


def test_a_price_is_taken_up_to_the_ends_of_what_any_tariff_has():
    assert [reads((T0, HALF, [price])) for price in (-5000, 5000, -5000.1, 5000.1)] == [1, 1, None, None]


def test_a_price_a_hair_below_nothing_is_nothing_and_its_text_the_same():
    assert str(prices.price_of(-0.00004)) == "0.0"
    assert prices.write(halves(T0, prices.price_of(-0.00004))) == prices.write(halves(T0, 0.0))


def test_so_many_slots_are_taken_and_not_one_more_in_one_run_or_in_two():
    most = prices.SLOTS_MOST
    assert (reads((T0, HALF, [1.0] * most)), reads((T0, HALF, [1.0] * (most + 1)))) == (most, None)
    assert reads((T0, HALF, [1.0] * most), (T0 + most * HALF, HALF, [1.0])) is None


@pytest.mark.parametrize("zone", ZONES)
def test_every_moment_around_every_change_of_the_clocks_has_the_price_of_its_own_slot(zone):
    """PRC3 on every change 2020 to 2035: a local day of 46, 48 or 50 half hours, and none of them shifts."""
    counts = set()
    for date in changes(zone):
        begin, end = (midnight(zone, date + dt.timedelta(days=n)) for n in (0, 1))
        slots = prices.tidy(Slot(at, at + HALF, float(at // HALF % 97)) for at in range(begin, end, HALF))
        counts.add(len(slots))
        assert prices.coverage_end(prices.read(prices.write(slots)), begin) == end
        for at in range(begin, end, 600):
            assert prices.price_at(slots, at) == float(at // HALF % 97)
    assert counts == ({46, 50} if zone != "Australia/Lord_Howe" else {47, 49})


def changes(zone):
    days = [dt.date(2020, 1, 1) + dt.timedelta(days=n) for n in range(16 * 366)]
    return [day for day in days if midnight(zone, day + dt.timedelta(days=1)) - midnight(zone, day) != 86_400]


def midnight(zone, date):
    return int(dt.datetime(date.year, date.month, date.day, tzinfo=ZoneInfo(zone)).timestamp())


# -- freeze -----------------------------------------------------------------------------------------------------------


def test_the_price_of_now_stands_beside_the_slots():
    now = image(halves(T0, 12.0, -3.5))
    assert now.site["price_p_kwh"] == now.site["price"] == Value(12.0, 1000, KEY, "")
    later = freeze(now, (), wiring(), clock(T0 + HALF, 2800))
    assert later.site["price_p_kwh"].value == -3.5  # PRC4: a negative price is a price


def test_an_edge_belongs_to_the_slot_that_begins():
    now = image(halves(T0, 12.0, 20.0), T0 + HALF - 1)
    assert now.site["price_p_kwh"].value == 12.0
    assert freeze(now, (), wiring(), clock(T0 + HALF, 1001)).site["price_p_kwh"].value == 20.0


def test_three_days_without_internet_use_the_published_slots_to_the_last_and_then_none():
    """PRC1, NET3: every attempt fails, no slot is lost, and afterwards the price is unknown with a reason."""
    told = halves(T0, *range(10, 58))
    now = image(told)
    for n in range(1, 6 * 48):
        failed = [Reading(KEY, None, 1000 + n * 600, "no route"), Reading("octopus agile:health", None, 1, "no route")]
        now = freeze(now, failed, wiring(), clock(T0 + n * 600, 1000 + n * 600))
        slot = prices.slot_at(told, T0 + n * 600)
        assert now.site["price_p_kwh"].value == (slot.price if slot else None)
    assert now.site["price_p_kwh"].why == "the last published slot ended 1430 min ago: no route"
    assert prices.slots_of(now, wiring()) == told


def test_prices_outlive_a_boot_and_measurements_do_not():
    now = image(halves(T0, 12.0, 13.0))
    now = freeze(now, [Reading("iotawatt fans:power_w", 40, 1000)], wiring(), clock())
    booted = freeze(now, (), wiring(), clock(T0 + HALF, 2800, rebooted=True))
    assert booted.site["price_p_kwh"].value == 13.0
    assert set(booted.channels) == set(published(now.channels)) == {KEY}


def test_a_clock_that_nobody_set_for_a_day_makes_every_price_unknown():
    """CLK3: without a battery the clock may be in another slot."""
    now = image(halves(T0, 12.0), synced=False, boot_s=90_000)
    assert (now.site["price_p_kwh"].value, now.site["price_p_kwh"].why) == (None, prices.UNTRUSTED)
    assert prices.slots_of(now, wiring()) == ()
    assert image(halves(T0, 12.0), synced=False, boot_s=80_000).site["price_p_kwh"].value == 12.0


@pytest.mark.parametrize(("off_s", "synced", "known"), [(3600, False, False), (-301, False, False), (299, False, True),
                                                        (3600, True, True)])  # fmt: skip
def test_an_unkept_clock_that_is_off_the_servers_makes_every_price_unknown(off_s, synced, known):
    """CLK3: an hour off is another slot."""
    told = [Reading(KEY, prices.write(halves(T0, 12.0)), 1000), Reading("octopus agile:clock_off_s", off_s, 1000)]
    now = freeze(None, told, wiring(), clock(synced=synced))
    assert (now.site["price_p_kwh"].value is not None) == known
    assert bool(prices.slots_of(now, wiring())) == known


def test_a_second_endpoint_only_fills_what_the_first_leaves_open():
    wires = wiring(KEY, OTHER)
    told = [Reading(KEY, prices.write(halves(T0, 12.0)), 1000),
            Reading(OTHER, prices.write((Slot(T0, T0 + 7200, 30.0),)), 1000)]  # fmt: skip
    now = freeze(None, told, wires, clock())
    assert [slot.price for slot in prices.slots_of(now, wires)] == [12.0, 30.0]
    assert now.site["price_p_kwh"].source == KEY
    later = freeze(now, (), wires, clock(T0 + HALF, 2800)).site["price_p_kwh"]
    assert (later.value, later.source) == (30.0, OTHER)


def test_a_price_set_for_a_test_holds_wherever_prices_are_looked_up():
    now = image(halves(T0, 12.0))
    site = now.site | {"price_p_kwh": Value(45.0, 1000, "test by ann", "set for a test")}
    assert prices.price_at(prices.slots_of(now._replace(site=site), wiring()), T0) == 45.0
    site = now.site | {"price_p_kwh": Value(None, 1000, "test by ann", "set for a test")}
    assert prices.slots_of(now._replace(site=site), wiring()) == ()


def test_without_a_wired_price_there_is_no_price_and_none_is_missed():
    bare = wiring()._replace(roles={})
    now = freeze(None, [Reading(KEY, prices.write(halves(T0, 12.0)), 1000)], bare, clock())
    assert "price_p_kwh" not in now.site
    assert prices.slots_of(now, bare) == ()


def test_a_micro_price_is_exact_for_every_price_a_tariff_has():
    assert all(prices.micro(n / 10_000) == n * 100 for n in range(-500_000, 1_500_000, 7))


# -- due --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("told", "age_s", "is_asked"), [
    ({}, 1000, False), ({}, 1800, True), ({"again": 600}, 600, True), ({"again": 600}, 400, False),
    ({"again": 86_400}, 1800, True), ({"fails": 1}, 120, True), ({"fails": 1}, 60, False),
])  # fmt: skip
def test_what_is_asked_seldom_is_asked_sooner_while_it_waits_or_after_a_failure(told, age_s, is_asked):
    channels = {f"octopus agile:{name}": Value(value, 1000, "", "") for name, value in told.items()}
    channels["octopus agile:tried"] = Value(1, 1000, "", "")
    seen = Image(clock(), channels, {}, (), Miners(), {})
    assert bool(due(seen, None, wiring(), clock(plant_s=1000 + age_s))) == is_asked
