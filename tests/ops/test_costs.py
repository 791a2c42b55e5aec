"""Costs: what the store keeps of a site's ticks, added up, against a recomputation that knows only the ticks."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from cli.agile import Home

from mine_controller.core.prices import Slot
from mine_controller.ops.costs import BY, HEADER, coin_of, report, reported, since
from mine_controller.ops.recall import kept_book
from mine_controller.store import query
from mine_controller.store.money import unpack
from mine_controller.store.policies import pack_policy, unpack_policy

PRICES = (13.37, 19.99, 25.01, 31.5, 8.123, 8.5, 10.0001, -3.3, -2.0, 15.0, 15.0, 15.0)
TICKS = 150  # five hours: past hours are rolled up, the newest one is not


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    found = Home(tmp_path_factory.mktemp("attic"))
    found.prices(*PRICES, ticks=TICKS)
    found.seen = []
    for _ in range(TICKS):
        found.ticks(1, of=TICKS)
        found.seen.append(_last(found))
    return found


def _last(home):
    """The end of the tick: its wall time, each board's watts, and the band."""
    book = kept_book(home.config.paths)
    return book.image.clock.wall_s, dict(home.plant.asked), book.state.memory["band"]["band"]


def price_of(slots: tuple[Slot, ...], second: int) -> Decimal:
    return next(Decimal(str(one.price)) for one in slots if one.start_s <= second < one.end_s)


def recomputed(home) -> dict[tuple[str, str], Decimal]:
    """Pence by board and band: every second between two ticks by itself, in decimals."""
    out: dict[tuple[str, str], Decimal] = {}
    for (at_s, watts, band), (after_s, _, _) in zip(home.seen, home.seen[1:], strict=False):
        for second in range(at_s, after_s):
            price = price_of(home.plant.slots, second)
            for name, power_w in watts.items():
                out[name, band] = out.get((name, band), Decimal(0)) + price * power_w / Decimal(3_600_000)
    return out


def test_costs_by_miner_and_band_equal_a_recomputation_to_the_penny(home):
    expected = recomputed(home)
    found = {by: report(home.config, 2, by, home.wall) for by in BY}
    for by, place in (("miner", 0), ("band", 1)):
        for row in found[by].rows:
            paid = sum(value for key, value in expected.items() if key[place] == row["key"])
            assert abs(Decimal(str(row["cost"])) - paid) < Decimal("0.001"), (by, row["key"])
    whole = sum(expected.values())
    assert all(abs(Decimal(str(one.total["cost"])) - whole) < Decimal("0.001") for one in found.values())
    assert {row["key"] for row in found["band"].rows} == {"1", "2", "3"}


def test_an_hour_that_is_rolled_up_sums_to_the_same_as_its_telemetry(home):
    rolled = query.hours(home.config.paths)
    assert len(rolled) >= 4
    assert all("money" in tree for _, tree in rolled)
    segments = query.segments(home.config.paths, 0, home.wall)
    seconds = home.seen[-1][0] - home.seen[0][0]
    assert sum(one.seconds for one in segments) == seconds


def test_nothing_was_mined_in_a_slot_above_off(home):
    """O19 by the costs themselves: standby at most."""
    dear = {one.start_s for one in home.plant.slots if one.price >= 20}
    drawn = [sum(one.energy_ws) / one.seconds for one in query.segments(home.config.paths, 0, home.wall)
             if one.slot_s in dear]  # fmt: skip
    assert drawn
    assert max(drawn) <= 2 * 3


def test_saved_is_what_all_on_at_nominal_power_would_have_cost_more(home):
    total = report(home.config, 2, "day", home.wall).total
    always = Decimal(0)
    for (at_s, _, _), (after_s, _, _) in zip(home.seen, home.seen[1:], strict=False):
        always += sum(price_of(home.plant.slots, second) * 40 / Decimal(3_600_000) for second in range(at_s, after_s))
    assert abs(Decimal(str(total["always_on_cost"])) - always) < Decimal("0.001")
    assert total["saved"] == pytest.approx(total["always_on_cost"] - total["cost"], abs=0.0002)
    assert total["saved_pct"] > 0


def test_what_was_earned_follows_the_coin_each_band_mines(home):
    found = report(home.config, 2, "band", home.wall)
    earned = {row["key"]: row["earned"] for row in found.rows}
    assert earned["2"] > 0
    assert earned["3"] > 0
    assert coin_of(home.config.policy, "2", "bitaxe") == "DGB"
    assert coin_of(home.config.policy, "3", "bitaxe") == "BTC"
    assert coin_of(home.config.policy, "1", "bitaxe") == ""
    assert found.transitions >= 3


def test_days_begin_at_the_local_midnight_also_when_the_clocks_change(home):
    moved = int(datetime(2026, 10, 25, 12, tzinfo=UTC).timestamp())  # the day with 25 hours
    assert since(home.config, 1, moved) == int(datetime(2026, 10, 24, 23, tzinfo=UTC).timestamp())
    assert since(home.config, 2, moved + 86_400) == since(home.config, 1, moved)


def test_the_policy_a_tick_ran_on_comes_back_with_its_bands(home):
    rules = home.config.policy.rules
    kinds = {name: type(options) for name, options in rules.items()}
    assert unpack_policy(pack_policy(home.config.policy), kinds).rules["band"] == rules["band"]


def test_a_report_of_nothing_has_a_total_of_nothing(home):
    found = reported(home.config, (), 1, "day")
    assert found.rows == ()
    assert set(found.total) == set(HEADER)
    assert (found.total["cost"], found.total["earned"], found.total["saved_pct"]) == (0.0, None, None)


def test_a_damaged_hour_is_told_and_not_taken_for_nothing(home):
    with pytest.raises(ValueError, match="unreadable money"):
        unpack([[0, 0, 1]], 0, {})
    with pytest.raises(ValueError, match="unreadable money"):
        unpack([[0, 0, 1, "2", 60, 99, [1], 0, 0, {}]], 0, {})
