"""Laws of the price bands: no known dear slot is mined in (O19), and they do not flap, over clock changes and years."""

import datetime as dt
import random
from itertools import pairwise
from zoneinfo import ZoneInfo

from core.market import BEGIN_S, HALF_S, Market, half_hours
from hypothesis import given, settings
from hypothesis import strategies as st

from mine_controller.core.money.bands import DEFAULTS, Held, Pace, band_of, choose, named, plan, rank
from mine_controller.core.money.prices import Slot, merge, slot_at, tidy

TICK_S = 120
PACE = Pace(lead_s=60 + TICK_S)


def market_day(date, prices, gaps, moved):
    """The half hours of one local day in London, with gaps, and rows told again as their neighbours overlap them."""
    zone = ZoneInfo("Europe/London")
    begin_s = int(dt.datetime(date.year, date.month, date.day, tzinfo=zone).timestamp())
    after = date + dt.timedelta(days=1)
    end_s = int(dt.datetime(after.year, after.month, after.day, tzinfo=zone).timestamp())
    count = (end_s - begin_s) // HALF_S
    rows = [Slot(begin_s + at * HALF_S, begin_s + (at + 1) * HALF_S, prices[at % len(prices)])
            for at in range(count) if at not in gaps]  # fmt: skip
    longer = tuple(Slot(one.start_s, one.end_s + moved, one.price) for one in rows[::7])  # an earlier, rougher set
    return merge(longer if not moved else tuple(tidy(longer)), tuple(tidy(rows))), begin_s, end_s


def change_days():
    zone = ZoneInfo("Europe/London")
    days = [dt.date(2020, 1, 1) + dt.timedelta(days=n) for n in range(16 * 366)]
    offset = {one: dt.datetime(one.year, one.month, one.day, 12, tzinfo=zone).utcoffset() for one in days}
    return [one for before, one in pairwise(days) if offset[before] != offset[one] and one.year < 2036]


CHANGES = change_days()


def test_there_are_two_clock_changes_a_year():
    assert len(CHANGES) == 32


@settings(max_examples=150, deadline=None)
@given(
    date=st.sampled_from(CHANGES),
    prices=st.lists(
        st.sampled_from([-8.0, 0.0, 3.99, 4.0, 7.0, 12.0, 19.99, 20.0, 35.0, 99.0]), min_size=5, max_size=50
    ),
    gaps=st.sets(st.integers(0, 49), max_size=6),
    moved=st.sampled_from([0, 600]),
    offset=st.integers(0, TICK_S - 1),
)
def test_no_known_dear_slot_is_mined_in_on_any_day_the_clocks_change(date, prices, gaps, moved, offset):
    """O19, PRC3: with ticks at any second, gaps, overlaps and negative prices."""
    slots, begin_s, end_s = market_day(date, prices, gaps, moved)
    held, cheaper = None, {}
    for at in range(begin_s - TICK_S + offset, end_s, TICK_S):
        found = choose(DEFAULTS, slots, at, held, PACE)
        if held is not None and rank(DEFAULTS, found.band) > rank(DEFAULTS, named(DEFAULTS, held.name)):
            slot = slot_at(slots, at)
            assert slot is not None
            cheaper[slot.start_s] = cheaper.get(slot.start_s, 0) + 1
        held = Held(found.band.name, found.from_s)
        mined = () if found.band.off else range(at, at + TICK_S, 10)
        known = (slot_at(slots, second) for second in mined)
        assert all(slot is not None and not band_of(DEFAULTS, slot.price).off for slot in known)
    assert all(count == 1 for count in cheaper.values())


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from([19.99, 20.0, 20.01]), min_size=30, max_size=60), st.integers(0, TICK_S - 1))
def test_a_price_that_oscillates_at_an_edge_switches_at_most_once_a_slot(prices, offset):
    slots, held = half_hours(*prices), None
    switched: dict[int, int] = {}
    for at in range(BEGIN_S + offset, slots[-1].end_s, TICK_S):
        found = choose(DEFAULTS, slots, at, held, PACE)
        if held is not None and held.name != found.band.name:
            switched[found.from_s] = switched.get(found.from_s, 0) + 1
        held = Held(found.band.name, found.from_s)
    assert all(count == 1 for count in switched.values())


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.floats(-20, 60)), min_size=4, max_size=30),
    st.sets(st.integers(0, 29)),
    st.sampled_from(["off", "1", "2"]),
)
def test_not_knowing_a_price_never_gives_a_cheaper_band_than_knowing_it_as_dear(prices, hidden, default):
    """Law 4: what is hidden counts no better than the default band."""
    slots = half_hours(*[None if price is None else round(price, 4) for price in prices])
    fewer = tuple(one for at, one in enumerate(slots) if at not in hidden)
    for at in range(BEGIN_S, BEGIN_S + len(prices) * HALF_S, 600):
        found = choose(DEFAULTS, fewer, at, None, Pace(default, lead_s=0))
        if slot_at(fewer, at) is None:
            assert rank(DEFAULTS, found.band) <= max(-1, rank(DEFAULTS, named(DEFAULTS, default)))


def test_a_year_of_prices_is_mined_with_no_energy_in_slots_above_off():
    """O19 over a year of ticks: a day is known at its midnight, and one in 60 is never published."""
    chance, known, held, on_s, dear_s, missed_s = random.Random(7), (), None, 0, 0, 0
    for day in range(366):
        date = dt.date(2026, 1, 1) + dt.timedelta(days=day)
        shape = [chance.gauss(14, 6) * (2 if 32 <= at < 38 else 1) for at in range(50)]
        shape = [-1.0 if chance.random() < 0.02 else round(min(100.0, one), 4) for one in shape]
        today, begin_s, end_s = market_day(date, shape, (), 0)
        late = chance.random() < 1 / 60
        known = tuple(one for one in known if one.end_s > begin_s - 86_400) if late else merge(known[-60:], today)
        missed_s += late * (end_s - begin_s)
        for at in range(begin_s + day % TICK_S, end_s, TICK_S):
            found = choose(DEFAULTS, known, at, held, PACE)
            held = Held(found.band.name, found.from_s)
            if found.band.off:
                continue
            on_s += TICK_S
            slots = {slot_at(today, second) for second in (at, at + TICK_S - 1)} - {None}
            dear_s += TICK_S * any(band_of(DEFAULTS, slot.price).off for slot in slots)
    assert on_s > 90 * 86_400
    assert missed_s > 0
    assert dear_s == 0


def test_boards_draw_nothing_but_standby_in_dear_slots_over_two_days_of_ticks():
    """O19 by watts: what the boards draw in slots above off, through the whole of `decide`."""
    chance = random.Random(3)
    market = Market(half_hours(*[round(chance.gauss(18, 8), 4) for _ in range(97)]))
    drawn = {True: 0, False: 0}
    while market.wall_s < BEGIN_S + 96 * HALF_S:
        slot = slot_at(market.slots, market.wall_s)
        market.tick()
        if slot is not None:
            drawn[band_of(DEFAULTS, slot.price).off] += sum(watts - 3 for watts in market.power.values() if watts > 3)
    assert drawn[False] > 0
    assert drawn[True] == 0
    assert not market.violations


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([0.5, 1, 2, 5, 19]), st.sampled_from([3.0, 8.5, 10.0, 28.4])), min_size=1, max_size=6
    ),
    st.integers(0, 7200),
    st.sampled_from(["off", "1", "3", "5"]),
    st.integers(0, 10),
    st.integers(0, 48),
)
def test_the_plan_is_what_will_hold_in_slots_of_many_hours_too(parts, passed_s, name, held_for, dwell):
    slots, at_s = list[Slot](), BEGIN_S
    for hours, price in parts:
        slots.append(Slot(at_s, at_s + int(hours * 3600), price))
        at_s = slots[-1].end_s
    wall_s, pace = BEGIN_S + passed_s, Pace(dwell_slots=dwell, lead_s=0)
    held = Held(name, BEGIN_S - held_for * HALF_S)
    planned = plan(DEFAULTS, slots, wall_s, held, pace)
    for at in range(wall_s, slots[-1].end_s, 300):
        found = choose(DEFAULTS, slots, at, held, pace)
        held = Held(found.band.name, found.from_s)
        assert [one.band.name for one in planned if one.start_s <= at < one.end_s] == [found.band.name]
