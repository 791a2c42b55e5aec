"""Energy and money: exact sums, cut at the edges of slots, the same as counting every second by itself."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mine_controller.core.money.ledger import (
    GAP_S,
    Line,
    Sample,
    added,
    by_miner,
    by_segment,
    earns_by,
    integrate,
    kwh,
    mean_price,
    pence,
    total,
)

HALF_S = 1800
PENNY = 1_000_000  # a p/kWh in micro


def sample(at_s, watts, micro=20 * PENNY, band="2", **more):
    slot_s = at_s // HALF_S * HALF_S
    slot = {"slot_s": slot_s, "slot_end_s": slot_s + HALF_S, "micro": micro} if micro is not None else {}
    ids = tuple(f"m{n}" for n in range(len(watts)))
    return Sample(at_s, ids, tuple(watts), band=band, **(slot | more))


def only(segments):
    (one,) = segments
    return one


def test_a_kilowatt_for_half_an_hour_at_20_pence_costs_ten():
    samples = [sample(at, (1000,)) for at in range(0, HALF_S + 1, 120)]
    line = by_segment(integrate(samples, 0, HALF_S), lambda one: one.band, {"m0": 2000})["2"]
    assert (kwh(line.energy_ws), pence(line.cost)) == (0.5, 10.0)
    assert (pence(line.always_cost), pence(line.saved), mean_price(line)) == (20.0, 10.0, 20.0)
    assert line.seconds == HALF_S


def test_the_stretch_between_two_ticks_is_cut_where_the_slot_ends():
    samples = [sample(1740, (1000,), 10 * PENNY), sample(1860, (1000,), 30 * PENNY)]
    found = integrate(samples, 0, 3600)
    assert [(one.slot_s, one.micro, one.energy_ws) for one in found] == [
        (0, 10 * PENNY, (60_000,)),
        (1800, 30 * PENNY, (60_000,)),
    ]


def test_the_band_of_a_stretch_is_the_one_its_first_tick_decided():
    samples = [sample(1740, (100,), band="1"), sample(1860, (100,), band="4"), sample(1980, (100,), band="4")]
    assert [(one.band, one.slot_s, one.seconds) for one in integrate(samples, 0, 3600)] == [
        ("1", 0, 60), ("1", 1800, 60), ("4", 1800, 120),
    ]  # fmt: skip


def test_a_slot_nobody_saw_between_two_ticks_has_no_price():
    first = Sample(0, ("m0",), (100,), slot_s=0, slot_end_s=60, micro=5 * PENNY, band="4")
    last = Sample(300, ("m0",), (100,), slot_s=240, slot_end_s=300, micro=9 * PENNY, band="4")
    found = {one.micro: one.seconds for one in integrate([first, last], 0, 3600)}
    assert found == {5 * PENNY: 60, None: 180, 9 * PENNY: 60}


def test_what_is_not_known_is_guessed_apart_or_counted_as_time():
    known = sample(0, (None, None), guess_w=(100, None))
    one = only(integrate([known, sample(120, (5, 5))], 0, 3600))
    assert (one.energy_ws, one.guess_ws, one.blind_s) == ((0, 0), (12_000, 0), (0, 120))
    lines = by_miner([one], {"m0": 100, "m1": 100})
    assert (lines["m0"].cost, pence(lines["m0"].guess_cost)) == (0, round(12_000 * 20 / 3.6e6, 4))
    assert (lines["m1"].paid, lines["m1"].blind_s) == (0, 120)


def test_time_of_which_nothing_is_known_saves_nothing():
    blind = sample(0, (None, 50), guess_w=(None, None))
    found = integrate([blind, sample(120, (100, 50)), sample(240, (100, 50))], 0, 3600)
    lines = by_miner(found, {"m0": 100, "m1": 100})
    assert (lines["m0"].always_ws, lines["m0"].saved) == (12_000, 0)
    assert (lines["m1"].always_ws, lines["m1"].saved) == (24_000, 12_000 * 20 * PENNY)


def test_ticks_far_apart_say_nothing_of_the_time_between_them():
    assert integrate([sample(0, (100,)), sample(GAP_S + 1, (100,))], 0, 3600) == ()
    assert only(integrate([sample(0, (100,)), sample(GAP_S, (100,))], 0, 3600)).seconds == GAP_S


def test_two_ticks_of_one_second_are_a_second_of_energy_and_of_the_same_second_none():
    pair = [sample(100, (1000,)), sample(101, (1000,))]
    assert only(integrate(pair, 0, 3600)).energy_ws == (1000,)
    assert only(integrate([pair[0], *pair], 0, 3600)).energy_ws == (1000,)


def test_energy_without_a_price_is_in_no_cost_and_told_apart():
    found = integrate([sample(0, (1000,), None), sample(360, (1000,), None)], 0, 3600)
    line = by_segment(found, lambda _: "all", {"m0": 1000})["all"]
    assert (only(found).slot_s, only(found).micro) == (0, None)
    assert (line.energy_ws, line.unpriced_ws, line.cost, line.always_cost) == (360_000, 360_000, 0, 0)
    assert mean_price(line) is None


def test_a_negative_price_is_money_earned():
    line = by_segment(integrate([sample(0, (1000,), -5 * PENNY), sample(600, (0,))], 0, 600), lambda _: "x", {})["x"]
    assert pence(line.cost) == -0.8333
    assert mean_price(line) == -5.0


@pytest.mark.parametrize(
    ("money", "told"),
    [(18_000_000, 0.0), (180_000_000, 0.0), (180_000_001, 0.0001), (540_000_000, 0.0002), (-180_000_001, -0.0001)],
)
def test_money_is_rounded_once_and_half_to_even(money, told):
    # 3.6e8 watt seconds x micro are a ten-thousandth of a penny
    assert pence(money) == told


def test_hashes_earn_what_their_coin_pays_and_nothing_is_said_of_an_unknown_one():
    samples = [sample(0, (100, 40, 3, 90), hash_hs=(15 * 10**11, 2961, 10**12, None)), sample(600, (100, 40, 3, 90))]
    one = only(integrate(samples, 0, 600, {"m2": 6, "m3": 6}))
    assert one.made_h == (9 * 10**14, 1_776_600, 0, 0)  # 1.5 TH/s and 2961 H/s for ten minutes, to the hash
    assert one.mute_s == (0, 0, 0, 600)  # the third was dark whatever it told last, the fourth drew and told no rate
    coins = {("2", "m0"): "btc", ("2", "m1"): "xmr"}
    earns = earns_by({"BTC": 4.32, "XMR": 2e9}, lambda band, miner: coins[band, miner])
    assert earns(one, 0) == (round(1.5 * 600 / 86_400 * 4.32 * 1_000_000), 0)
    assert earns(one, 1) == (round(2961 / 1e12 * 600 / 86_400 * 2e9 * 1_000_000), 0)
    assert [earns(one, at) for at in (2, 3)] == [(0, 0), (None, 600)]
    unknown = earns_by({}, lambda _band, _miner: "BTC")
    assert [unknown(one, at) for at in range(4)] == [(None, 600), (None, 600), (0, 0), (None, 600)]
    uncounted = one._replace(made_h=(), mute_s=())
    assert earns(uncounted, 0) == (None, 600)
    assert sum(line.unearned_s for line in by_miner([one], {}, earns).values()) == 600
    assert by_segment([one], lambda _: "x", {}, earns)["x"].earned_micro == earns(one, 0)[0] + earns(one, 1)[0]


def test_lines_are_added_column_by_column_and_an_unknown_earning_stays_unknown():
    both = added(Line("a", 1, 2, 3, 4, 5, 6, 7, 8, 9, None), Line("b", 10, 20, 30, 40, 50, 60, 70, 80, 90, None))
    assert both == Line("a", 11, 22, 33, 44, 55, 66, 77, 88, 99, None)
    assert total([both._replace(earned_micro=5), both]).earned_micro == 5


STRETCH = st.tuples(st.integers(1, 700), st.one_of(st.none(), st.integers(0, 4000)), st.sampled_from(["1", "2", "4"]))


@given(st.integers(0, 3600), st.lists(STRETCH, min_size=2, max_size=40), st.lists(st.integers(-900_000, 9_000_000)))
def test_the_sums_equal_counting_every_second_by_itself(begin_s, stretches, prices):
    """An independent recomputation, second by second, in fractions: to the last millionth."""
    slot_prices = [price * 100 for price in prices] or [20 * PENNY]
    samples, at = [], begin_s
    for seconds, watts, band in stretches:
        samples.append(sample(at, (watts,), slot_prices[at // HALF_S % len(slot_prices)], band))
        at += seconds
    from_s, to_s = 3600, 7200
    energy: dict[str, int] = {}
    cost: dict[str, Fraction] = {}
    for one, after in pairwise(samples):
        for second in range(max(one.at_s, from_s), min(after.at_s, to_s)):
            if after.at_s - one.at_s <= GAP_S:
                micro = slot_prices[second // HALF_S % len(slot_prices)]
                energy[one.band] = energy.get(one.band, 0) + (one.power_w[0] or 0)
                cost[one.band] = cost.get(one.band, Fraction(0)) + Fraction((one.power_w[0] or 0) * micro, 3_600_000)
    lines = by_segment(integrate(samples, from_s, to_s), lambda one: one.band, {})
    assert {name: line.energy_ws for name, line in lines.items()} == energy
    assert {name: Fraction(line.cost, 3_600_000) for name, line in lines.items()} == cost


@given(st.lists(STRETCH, min_size=2, max_size=30), st.integers(0, 7200))
def test_hours_added_up_are_the_whole(stretches, cut_s):
    samples, at = [], 0
    for seconds, watts, band in stretches:
        samples.append(sample(at, (watts, 7), 20 * PENNY, band))
        at += seconds
    parts = (*integrate(samples, 0, cut_s), *integrate(samples, cut_s, 30_000))
    assert total(by_miner(parts, {}).values())._replace(seconds=0) == total(
        by_miner(integrate(samples, 0, 30_000), {}).values()
    )._replace(seconds=0)
