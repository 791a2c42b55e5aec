"""Costs: what the store keeps of a site's ticks, added up, against a recomputation that knows only the ticks."""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise

import pytest
from cli.agile import BANDS, Attic, Home

from mine_controller.config.load import load
from mine_controller.core.model.reading import Reading
from mine_controller.core.money.ledger import Segment, pence
from mine_controller.core.money.prices import Slot
from mine_controller.ops.costs import BY, HEADER, coin_of, report, reported, since
from mine_controller.ops.recall import kept_book
from mine_controller.ports.show import economy
from mine_controller.store import query
from mine_controller.store.money import pack, unpack
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


def test_an_hour_of_a_clock_that_was_ahead_hides_none_of_now(home):
    """Nothing of the hour that runs counted until it was over, for as many days as the clock had been ahead."""
    before = query.segments(home.config.paths, 0, home.wall + 1)
    rolled = max(at for at, _ in query.hours(home.config.paths))
    assert any(one.at_s >= rolled + 3600 for one in before)
    with closing(sqlite3.connect(home.config.paths.db)) as db:
        db.execute("INSERT INTO hours SELECT hour_at + 7 * 86400, body FROM hours WHERE hour_at = ?", (rolled,))
        db.commit()
        try:
            assert query.segments(home.config.paths, 0, home.wall + 1) == before
        finally:
            db.execute("DELETE FROM hours WHERE hour_at > ?", (rolled,))
            db.commit()


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


def test_changes_of_band_are_those_from_one_band_to_another(home):
    """The first tick's band follows none: it is no change."""
    bands = [band for _, _, band in home.seen]
    changes = sum(one != other for one, other in pairwise(bands))
    assert changes >= 3
    assert report(home.config, 2, "day", home.wall).transitions == changes


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


def test_what_a_miner_earned_is_told_for_it_alone_and_adds_up(home):
    by_miner, by_band = (report(home.config, 2, by, home.wall) for by in ("miner", "band"))
    rows = {row["key"]: row for row in by_miner.rows}
    assert set(rows) == {"b0", "b1"}
    assert all(row["earned"] > 0 and row["unearned_hours"] == 0 for row in rows.values())
    assert sum(row["earned"] for row in rows.values()) == pytest.approx(by_band.total["earned"], abs=0.0002)
    assert by_miner.total["earned"] == by_band.total["earned"]
    for row in rows.values():
        assert row["left"] == pytest.approx(row["earned"] - row["cost"] - row["guessed_cost"], abs=0.0002)


XMRIG = """\
[xmrig desk]
hosts = 127.0.0.2
nominal_w = 90
standby_w = 20

[pool xmr]
url = stratum+tcp://xmr.example:3333
user = walletcanary
coin = XMR

[profit XMR]
difficulty = 600000000000
reward = 0.6
price = 250

"""
SERIAL = "92F3104F9A2EE78C"


class Desk(Attic):
    """The two boards and a processor whose rate no hundredth of a terahash shows."""

    def readings(self, asked):
        out = super().readings(asked)
        if "xmrig desk" in asked:
            told = {"address": "127.0.0.2", "word": "hashing", "pool": "xmr", "rate_hs": 2961.0}
            out += [Reading(f"xmrig desk/{SERIAL}:{name}", value, self.now) for name, value in told.items()]
        return out


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("desk")
    found = Home(folder, XMRIG + BANDS)
    with (folder / "fleet.csv").open("a") as fleet:
        fleet.write(f"cpu,{SERIAL},xmrig desk,,,,,,,,\n")
    found.config = load(found.path)
    found.plant = Desk(found.config)
    found.prices(*[9.0] * 12, ticks=TICKS)
    found.ticks(TICKS, of=TICKS)
    return found


def test_a_processors_few_thousand_hashes_earn_what_monero_pays(desk):
    """A difficulty of RandomX counts single hashes; hours that are rolled up keep each of them."""
    rows = {row["key"]: row for row in report(desk.config, 2, "miner", desk.wall).rows}
    seconds = rows["cpu"]["hours"] * 3600
    assert seconds > 4 * 3600
    expected = 2961 * seconds / 600e9 * 0.6 * 250 * 100
    assert rows["cpu"]["earned"] == pytest.approx(expected, rel=0.01)
    made = sum(one.made_h[one.ids.index("cpu")] for one in query.segments(desk.config.paths, 0, desk.wall))
    assert made == 2961 * sum(one.seconds for one in query.segments(desk.config.paths, 0, desk.wall))
    assert rows["b0"]["earned"] > 0


def test_a_coin_without_a_price_leaves_what_it_earned_unknown(desk):
    text = desk.path.read_text().replace("[profit XMR]\ndifficulty = 600000000000\nreward = 0.6\nprice = 250\n", "")
    rows = {row["key"]: row for row in report(_with(desk, text), 2, "miner", desk.wall).rows}
    assert (rows["cpu"]["earned"], rows["cpu"]["left"]) == (None, None)
    assert rows["cpu"]["unearned_hours"] == pytest.approx(rows["cpu"]["hours"], abs=0.01)
    assert rows["b0"]["earned"] > 0


def _with(desk, text):
    other = desk.path.with_name("other.txt")
    other.write_text(text)
    other.chmod(0o600)
    return load(other)._replace(paths=desk.config.paths)


def test_an_hour_of_before_hashes_were_kept_by_miner_is_of_unknown_earnings(home):
    (old,) = unpack([[0, 0, 1, "2", 60, 1, [1], 0, 0, {"bitaxe": 90_000}]], 0, {1: ["b0"]})
    assert (old.made_h, old.mute_s) == ((), ())
    found = reported(home.config, [old], 1, "miner")
    assert (found.total["earned"], found.total["unearned_hours"]) == (None, 0.02)


def test_hashes_come_back_from_the_store_to_the_last_one():
    one = Segment(7, 0, 5, "2", 60, ("a", "b", "c"), (1, 2, 3), (0, 0, 0), (0, 0, 0), (2961 * 60, 10**14 * 60, 0))
    for mute_s in ((0, 0, 0), (0, 4, 60)):
        segment = one._replace(mute_s=mute_s)
        rows = json.loads(json.dumps(pack([segment], 0, lambda _ids: 3)))
        assert unpack(rows, 0, {3: ["a", "b", "c"]}) == (segment,)


# -- a miner that has left the fleet -----------------------------------------------------------------------------------


def _sold(tmp_path):
    """A home that has sold b1: itself, the row of b1 before, and every row after."""
    found = Home(tmp_path)
    found.prices(15.0, 15.0, 15.0, 15.0, ticks=70).ticks(65)
    was = {row["key"]: row for row in report(found.config, 1, "miner", found.wall).rows}["b1"]
    _sell(found, "b1")
    rows = {row["key"]: row for row in report(found.config, 1, "miner", found.wall).rows}
    return found, was, rows


def test_what_a_miner_saved_stays_saved_when_it_leaves_the_fleet(tmp_path):
    """Sold, its past is what it was: at 0 W "always on" each kWh it ever drew was a loss, and last week another sum."""
    found, was, rows = _sold(tmp_path)
    assert was["always_on_cost"] > 0
    money = ("always_on_cost", "saved")
    assert [rows["b1"][name] for name in money] == pytest.approx([was[name] for name in money], abs=0.02)
    assert rows["b0"]["hours"] > was["hours"]
    total = report(found.config, 1, "day", found.wall).total
    shown = economy(found.config, kept_book(found.config.paths), found.wall).total
    assert pence(shown.always_cost) == total["always_on_cost"] > rows["b0"]["always_on_cost"]


def test_what_a_miner_earned_stays_earned_when_it_leaves_the_fleet(tmp_path):
    """Sold, it earned what it earned: every past day had less in it, and its own row was a loss."""
    found, was, rows = _sold(tmp_path)
    assert was["earned"] > 0
    assert rows["b1"]["earned"] == pytest.approx(was["earned"], rel=0.05)
    assert rows["b1"]["unearned_hours"] < 1, "of the hour it left in, its standby is not known any more"
    total = report(found.config, 1, "day", found.wall).total
    assert total["earned"] == pytest.approx(rows["b0"]["earned"] + rows["b1"]["earned"], abs=0.001)


def _sell(home, name):
    fleet = home.path.with_name("fleet.csv")
    lines = fleet.read_text().splitlines(keepends=True)
    fleet.write_text("".join(line for line in lines if not line.startswith(name)))
    home.config = load(home.path)
    home.ticks(3)


def test_of_a_miner_that_no_kept_config_names_nothing_is_made_up(home):
    (one,) = unpack([[0, 0, 1, "2", 60, 1, [60], 0, 0, 0]], 0, {1: ["gone"]})
    assert query.nominal_w(home.config.paths, home.config.policy.wiring.miners, [one]) == {"b0": 20, "b1": 20}
    with closing(sqlite3.connect(home.config.paths.db)) as db, db:
        db.execute("INSERT INTO configs VALUES ('torn', 9999999999, '{\"wiring\": {')")
    assert query.nominal_w(home.config.paths, home.config.policy.wiring.miners, [one]) == {"b0": 20, "b1": 20}
