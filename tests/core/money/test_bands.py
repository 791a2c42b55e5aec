"""Price bands: which one holds, when it changes, what it makes miners do, and that no dear slot is mined in (O19)."""

import pytest
from core.market import BEGIN_S, HALF_S, POOLS, Market, coins, half_hours, options
from core.plant import Plant, policy, wiring
from core.shelf import SHELF

from mine_controller.core.model.image import Request
from mine_controller.core.model.state import Unit
from mine_controller.core.model.wiring import MinerSpec
from mine_controller.core.money.bands import (
    ALGORITHM,
    DEFAULTS,
    Band,
    Held,
    Pace,
    Section,
    _section,
    band_of,
    can_mine,
    changes,
    choose,
    mode_of,
    named,
    plan,
    pool_of,
    rank,
)
from mine_controller.core.money.outlook import outlook
from mine_controller.core.money.prices import Slot
from mine_controller.core.rules import profit
from mine_controller.devices._poolapi import PLACES

SHARP = Pace(lead_s=0)
TICK_S = 120
PACE = Pace(lead_s=60 + TICK_S)


def name_at(slots, wall_s, held=None, pace=SHARP):
    return choose(DEFAULTS, slots, wall_s, held, pace).band.name


# -- which band -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("price", "name"),
    [(100, "1"), (20, "1"), (19.9999, "2"), (12, "2"), (11.99, "3"), (7, "3"), (6.99, "4"), (4, "4"), (3.9999, "5"),
     (0, "5"), (-9.5, "5"), (5000, "1"), (-5000, "5")],
)  # fmt: skip
def test_a_price_on_an_edge_belongs_to_the_dearer_band(price, name):
    assert band_of(DEFAULTS, float(price)).name == name


def test_without_a_memory_the_dearer_of_this_slot_and_the_next_counts():
    assert name_at(half_hours(5, 13), BEGIN_S) == "2"
    assert name_at(half_hours(13, 5), BEGIN_S) == "2"


def test_a_dearer_slot_counts_at_once_and_is_never_refused():
    held = Held("5", BEGIN_S)  # begun in this very slot
    for price, name in ((4, "4"), (8, "3"), (15, "2"), (25, "1")):
        found = choose(DEFAULTS, half_hours(price, price), BEGIN_S, held, Pace(dwell_slots=48, lead_s=0))
        assert (found.band.name, found.code) == (name, "price")


def test_a_cheaper_slot_counts_when_the_one_after_it_is_as_cheap():
    held = Held("2", BEGIN_S - HALF_S)
    assert name_at(half_hours(5, 5), BEGIN_S, held) == "4"
    assert name_at(half_hours(5, 15), BEGIN_S, held) == "2"
    assert name_at(half_hours(5, 8), BEGIN_S, held) == "3"  # as far as both qualify
    assert name_at(half_hours(5), BEGIN_S, held) == "2"  # nobody knows what comes


def test_a_cheaper_band_waits_until_the_one_in_force_was_held_over_its_edges():
    slots = half_hours(5, 5, 5, 5)
    found = choose(DEFAULTS, slots, BEGIN_S + 60, Held("2", BEGIN_S), SHARP)
    assert (found.band.name, found.code) == ("2", "dwell")
    assert name_at(slots, BEGIN_S + HALF_S, Held("2", BEGIN_S)) == "4"
    assert name_at(slots, BEGIN_S + HALF_S, Held("2", BEGIN_S), Pace(dwell_slots=2, lead_s=0)) == "2"
    assert name_at(slots, BEGIN_S + 2 * HALF_S, Held("2", BEGIN_S), Pace(dwell_slots=2, lead_s=0)) == "4"


def test_a_clock_that_goes_back_makes_no_band_wait_for_the_time_it_had_shown():
    slots, held = half_hours(*[5] * 6), Held("off", BEGIN_S + 365 * 86_400)
    found = choose(DEFAULTS, slots, BEGIN_S + 60, held, PACE)
    assert (found.band.name, found.code, found.from_s) == ("off", "dwell", BEGIN_S)
    assert name_at(slots, BEGIN_S + HALF_S, Held("off", found.from_s), PACE) == "4"
    ahead = Held("1", BEGIN_S + HALF_S)  # of the dearer slot to come, and no mistake
    assert choose(DEFAULTS, half_hours(5, 25), BEGIN_S + HALF_S - 60, ahead, PACE).from_s == BEGIN_S + HALF_S


def test_a_dearer_slot_known_in_advance_counts_a_minute_and_a_tick_before_it_begins():
    slots, held = half_hours(5, 25), Held("4", BEGIN_S - HALF_S)
    edge_s = BEGIN_S + HALF_S
    assert name_at(slots, edge_s - 181, held, PACE) == "4"
    found = choose(DEFAULTS, slots, edge_s - 179, held, PACE)
    assert (found.band.name, found.code, found.from_s) == ("1", "ahead", edge_s)


def test_it_is_not_gone_back_to_the_cheap_band_in_the_rest_of_the_cheap_slot():
    slots, edge_s = half_hours(5, 25), BEGIN_S + HALF_S
    assert name_at(slots, edge_s - 60, Held("1", edge_s), PACE) == "1"


def test_an_unknown_price_is_the_default_band():
    gap = half_hours(5, None, 5)
    assert name_at(gap, BEGIN_S + HALF_S, Held("4", BEGIN_S)) == "off"
    assert name_at(gap, BEGIN_S + HALF_S, Held("4", BEGIN_S), Pace("2", lead_s=0)) == "2"
    assert choose(DEFAULTS, (), BEGIN_S, None, SHARP).code == "unknown"


def test_the_last_published_slot_is_mined_to_its_end_but_for_the_lead():
    slots, edge_s, held = half_hours(5), BEGIN_S + HALF_S, Held("4", BEGIN_S - HALF_S)
    assert name_at(slots, edge_s - 200, held, PACE) == "4"
    assert name_at(slots, edge_s - 100, held, PACE) == "off"


def stretches(*parts):
    """Slots of a contract: (hours, price) in a row, from the first slot of a market on."""
    found, at_s = [], BEGIN_S
    for hours, price in parts:
        found.append(Slot(at_s, at_s + hours * 3600, price))
        at_s = found[-1].end_s
    return tuple(found)


def followed(slots, from_s, to_s, held=None):
    """(half hours after the first slot began, band) at each change, ticks in a row."""
    found = []
    for at in range(from_s, to_s, TICK_S):
        choice = choose(DEFAULTS, slots, at, held, PACE)
        if held is None or choice.band.name != held.name:
            found.append(((at - BEGIN_S) // HALF_S, choice.band.name))
        held = Held(choice.band.name, choice.from_s)
    return found


def test_a_night_rate_of_hours_is_mined_in_though_a_dear_day_follows_it():
    """A contract's price is one slot of hours: the half hour after this one is in it."""
    night = stretches((2, 28.4), (5, 8.5), (17, 28.4), (5, 8.5), (17, 28.4))
    assert followed(night, BEGIN_S, night[-1].start_s) == [(0, "1"), (4, "3"), (13, "1"), (48, "3"), (57, "1")]


def test_a_price_that_never_changes_is_mined_at():
    flat = stretches((9 * 24, 10.0))
    assert followed(flat, BEGIN_S + 40 * HALF_S, BEGIN_S + 44 * HALF_S) == [(40, "3")]
    blind = Held("off", BEGIN_S + 40 * HALF_S + 600)  # the price was not known until just now
    assert followed(flat, BEGIN_S + 40 * HALF_S + 720, BEGIN_S + 44 * HALF_S, blind) == [(41, "3")]


def test_the_last_half_hour_of_a_night_rate_is_no_reason_to_begin():
    night = stretches((5, 8.5), (17, 28.4))
    assert name_at(night, BEGIN_S + 9 * HALF_S, Held("1", BEGIN_S - HALF_S)) == "1"
    assert name_at(night, BEGIN_S + 8 * HALF_S, Held("1", BEGIN_S - HALF_S)) == "3"


def test_a_person_who_wants_it_on_gets_the_dearest_band_that_mines():
    lifted = SHARP._replace(lift=True)
    assert name_at(half_hours(90, 90), BEGIN_S, Held("1", BEGIN_S), lifted) == "2"
    assert name_at((), BEGIN_S, Held("off", BEGIN_S), lifted) == "2"
    assert name_at(half_hours(5, 5), BEGIN_S + HALF_S, Held("4", BEGIN_S), lifted) != "1"


def test_a_band_that_was_taken_out_of_the_config_counts_as_off():
    assert rank(DEFAULTS, named(DEFAULTS, "gone")) == -1
    assert name_at(half_hours(5, 5), BEGIN_S, Held("gone", BEGIN_S - HALF_S)) == "4"


# -- what will be -----------------------------------------------------------------------------------------------------


def test_the_plan_shows_what_will_hold_and_not_only_what_the_price_asks_for():
    planned = plan(DEFAULTS, half_hours(15, 5, 15, 5, 5), BEGIN_S, Held("2", BEGIN_S - HALF_S), PACE)
    assert [one.band.name for one in planned] == ["2", "2", "2", "4", "4"]
    assert [one.asked.name for one in planned] == ["2", "4", "2", "4", "4"]


def test_the_changes_are_the_slots_with_which_another_band_begins():
    planned = plan(DEFAULTS, half_hours(15, 15, 25, 25, 5, 5, 5), BEGIN_S, Held("2", BEGIN_S - HALF_S), PACE)
    found = [((one.start_s - BEGIN_S) // HALF_S, one.band.name) for one in changes(planned, "2")]
    assert found == [(2, "1"), (4, "4")]


# -- who mines what ---------------------------------------------------------------------------------------------------


def spec(group, modes=(), pools=("dgb", "bch", "btc", "xmr")):
    return MinerSpec("x", "mac", group, 100, 5, modes=modes, pools=pools)


@pytest.mark.parametrize("coin", [coin for coin, algorithm in ALGORITHM.items() if algorithm == "sha256"])
def test_xmrig_never_gets_a_sha_coin(coin):
    assert not can_mine("xmrig pc", coin)
    assert pool_of(Band("x", Section(20.0, coin, "", ())), spec("xmrig pc"), POOLS) == ""
    assert pool_of(Band("x", Section(20.0, coin, "btc", ())), spec("xmrig pc"), POOLS) == ""
    assert can_mine("bitaxe shelf", coin)


def test_every_coin_of_a_pools_service_is_known_to_be_for_boards_or_for_the_pc():
    assert set(PLACES) <= set(ALGORITHM)


def test_a_pool_by_name_tells_its_coin_where_the_band_says_none():
    band = Band("x", Section(20.0, "", "btc", ()))
    assert pool_of(band, spec("xmrig pc"), POOLS) == ""
    assert pool_of(band, spec("bitaxe shelf"), POOLS) == "btc"


def test_no_board_gets_monero_and_the_pc_does():
    band = Band("x", Section(20.0, "XMR", "", ()))
    assert pool_of(band, spec("xmrig pc"), POOLS) == "xmr"
    assert pool_of(band, spec("avalon nano"), POOLS) == ""


def test_a_pool_its_section_may_not_use_is_nobodys():
    assert pool_of(DEFAULTS[4], spec("bitaxe shelf", pools=("dgb",)), POOLS) == ""


def test_a_section_by_name_goes_before_its_kind_and_a_mode_it_lacks_is_left_alone():
    band = Band("x", Section(20.0, "BTC", "", ("bitaxe eco", "bitaxe attic turbo")))
    modes = ("eco", "standard", "turbo")
    assert mode_of(band, spec("bitaxe shelf", modes)) == "eco"
    assert mode_of(band, spec("bitaxe attic", modes)) == "turbo"
    assert mode_of(band, spec("bitaxe attic", ("eco",))) == ""


# -- the rule on a shelf ----------------------------------------------------------------------------------------------


def test_a_dear_slot_stops_every_board_before_it_begins_and_a_cheap_one_starts_them():
    market = Market(half_hours(5, 5, 25, 25, 5, 5, 5, 5))
    market.until(BEGIN_S + 2 * HALF_S - 200)
    assert (market.band, market.hashing()) == ("4", 2)
    market.until(BEGIN_S + 2 * HALF_S)
    assert (market.band, market.hashing()) == ("1", 0)
    market.until(BEGIN_S + 4 * HALF_S - 120)
    assert (market.state.mode, market.last().why.rule) == ("IDLE", "band")
    market.until(BEGIN_S + 5 * HALF_S)
    assert (market.band, market.hashing()) == ("4", 2)
    assert not market.violations


def test_each_band_puts_the_boards_into_its_mode_and_on_its_pool():
    market = Market(half_hours(*[15] * 4, *[8] * 4, *[5] * 4, 5, 5))
    market.until(BEGIN_S + 4 * HALF_S - 200)
    assert (set(market.mode.values()), set(market.pool.values())) == ({"eco"}, {"dgb"})
    market.until(BEGIN_S + 8 * HALF_S - 200)
    assert (set(market.mode.values()), set(market.pool.values())) == ({"standard"}, {"dgb"})
    market.until(BEGIN_S + 12 * HALF_S - 200)
    assert (set(market.mode.values()), set(market.pool.values())) == ({"overclock"}, {"bch"})


def test_a_band_change_is_told_once_with_its_price_and_its_reason():
    market = Market(half_hours(15, 15, 25, 25, 25))
    market.until(BEGIN_S + 4 * HALF_S)
    told = [(dict(one.reason.numbers)["was"], dict(one.reason.numbers)["band"]) for one in market.events("band_change")]
    assert told == [("nothing", "off"), ("off", "2"), ("2", "1")]
    assert market.events("band_change")[-1].reason.code == "to_ahead"


def test_an_outlet_is_never_cut_because_power_is_dear():
    wires = wiring(4, 2)
    rules = policy(wires, cap_kw=0)
    plant = Plant(wires, rules)
    plant.liars = {"m001"}
    market = Market(half_hours(25, 25))
    priced = wires._replace(roles={**wires.roles, "price": market.wiring.roles["price"]})
    plant.wiring, plant.policy = priced, rules._replace(wiring=priced, rules={**rules.rules, "band": options()})
    plant.ticks(12)  # no price is ever read: the default band is off
    assert {verb for _, _, verb, _ in plant.sent} == {"stop"}
    assert plant.power["m001"] == 3400
    assert [power for name, power in plant.power.items() if name != "m001"] == [25, 25, 25]


def test_an_outage_of_days_uses_the_published_slots_and_is_told_once():
    """PRC1: the slots to the last, then the default band."""
    market = Market(half_hours(*[15] * 8))
    market.until(BEGIN_S + 2 * HALF_S)
    market.dead = {"octopus agile"}
    market.until(BEGIN_S + 8 * HALF_S - 200)
    assert (market.band, market.hashing()) == ("2", 2)
    market.until(BEGIN_S + 60 * HALF_S)
    assert (market.band, market.hashing()) == ("off", 0)
    assert len(market.events("price_missing")) == 1
    assert not market.events("price_known")
    market.dead, market.slots = set(), half_hours(*[15] * 8, begin_s=BEGIN_S + 60 * HALF_S)
    market.until(BEGIN_S + 62 * HALF_S)
    assert (market.band, len(market.events("price_known"))) == ("2", 1)


def test_the_best_slot_of_the_day_and_thresholds_are_told_when_they_begin():
    market = Market(half_hours(*[15] * 20, 31, 31, 15, 2, 1, 3, *[15] * 20, begin_s=BEGIN_S - 24 * HALF_S))
    market.now -= 6 * HALF_S
    market.until(BEGIN_S + 4 * HALF_S)
    low = [dict(one.reason.numbers)["price"] for one in market.events("price_low")]
    high = [dict(one.reason.numbers)["price"] for one in market.events("price_high")]
    assert (high, low) == ([31.0], [2.0])
    assert [dict(one.reason.numbers)["price"] for one in market.events("optimal_price")] == [1.0]


# -- a person's word --------------------------------------------------------------------------------------------------


def request(market, verb, *args, until=0):
    market.requests = (Request(len(market.decisions) + 1, 0, "cli", "eve", verb, args, "holiday", until),)
    before = len(market.decisions)
    market.tick()
    return next(one.verdicts[0] for one in market.decisions[before:] if one.verdicts)


def test_strategy_off_stops_all_until_it_is_cleared_also_on_a_live_site():
    market = Market(half_hours(*[5] * 40))
    market.until(BEGIN_S + HALF_S)
    assert request(market, "set-state", "strategy", "off").verdict == "done"
    market.until(BEGIN_S + 20 * HALF_S)  # far more than 4 h later
    assert (market.band, market.hashing()) == ("off", 0)
    assert not market.violations
    request(market, "clear-state", "strategy")
    market.until(BEGIN_S + 22 * HALF_S)
    assert (market.band, market.hashing()) == ("4", 2)


@pytest.mark.parametrize(("key", "value"), [("strategy", "off"), ("band", "2"), ("band", "off")])
@pytest.mark.parametrize("dwell", [1, 2])
def test_what_a_person_set_is_over_as_soon_as_it_is_cleared_and_not_at_the_next_slot(key, value, dwell):
    market = Market(half_hours(*[5] * 40), dwell_slots=dwell)
    market.until(BEGIN_S + 3 * HALF_S)
    assert market.band == "4"
    request(market, "set-state", key, value)
    market.until(BEGIN_S + 5 * HALF_S + 600)  # within a slot
    assert market.band == {"strategy": "off"}.get(key, value)
    request(market, "clear-state", key)
    assert market.band == "4"


def test_forced_on_after_off_it_is_the_band_of_the_price_at_once():
    market = Market(half_hours(*[5] * 10))
    market.until(BEGIN_S + HALF_S + 600)
    request(market, "set-state", "strategy", "off")
    request(market, "set-state", "strategy", "on")
    assert market.band == "4"


def test_strategy_on_mines_in_a_slot_that_is_too_dear():
    market = Market(half_hours(*[90] * 10))
    market.until(BEGIN_S + HALF_S)
    assert market.hashing() == 0
    request(market, "set-state", "strategy", "on")
    market.until(BEGIN_S + 2 * HALF_S)
    assert (market.band, market.hashing(), set(market.mode.values())) == ("2", 2, {"eco"})


def test_a_band_by_name_holds_for_its_time_and_ends_by_itself():
    market = Market(half_hours(*[15] * 20))
    market.until(BEGIN_S + HALF_S)
    assert request(market, "set-state", "band", "5", until=market.wall_s + 3600).verdict == "done"
    assert market.band == "5"
    market.until(BEGIN_S + 5 * HALF_S)
    assert market.band == "2"


def test_a_band_nobody_knows_is_refused_with_those_there_are():
    market = Market(half_hours(15, 15))
    verdict = request(market, "set-state", "band", "cheap")
    assert (verdict.verdict, "bands are 1, 2, 3, 4, 5, off" in verdict.why) == ("refused", True)


def test_what_the_bands_will_do_is_told_without_a_word():
    market = Market(half_hours(15, 15, 15, 25, 25))
    market.until(BEGIN_S + HALF_S)
    found = outlook(market.image, market.state, market.policy)
    assert (found.band.name, found.price, found.rank) == ("2", 15.0, 1)
    assert [(one.start_s, one.band.name) for one in found.coming] == [(BEGIN_S + 3 * HALF_S, "1")]
    assert found.groups == ((SHELF, "eco", "dgb"),)
    assert found.known_to_s == BEGIN_S + 5 * HALF_S


# -- others, and profit -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("others", "hashing"), [("stay", 2), ("off", 1)])
def test_a_miner_that_can_not_mine_the_coin_stays_or_rests_as_its_owner_says(others, hashing):
    def with_pc(wires):
        pc = wires.miners[1]._replace(group="xmrig pc", id="pc")
        return wires._replace(
            miners=(wires.miners[0], pc),
            lanes={**wires.lanes, "xmrig pc": wires.lanes[SHELF]._replace(name="xmrig pc")},
            endpoints={**wires.endpoints, "xmrig pc": wires.endpoints[SHELF]._replace(name="xmrig pc")},
        )

    market = Market(half_hours(*[15] * 6), change=with_pc, others=others)
    market.until(BEGIN_S + HALF_S)
    wanted = {wish.what: wish.value for wish in market.last().envelope.wishes}
    assert wanted == {f"mode {SHELF}": "eco", f"pool {SHELF}": "dgb"}
    offs = set(market.last().envelope.offs)
    assert 2 - len(offs) == hashing


def test_a_miner_that_costs_more_than_it_earns_rests_until_it_pays_with_a_margin():
    market = Market(half_hours(*[15] * 4, *[9.0] * 4), coins=coins(DGB=5.0))  # 5 p a TH/s and day
    market.until(BEGIN_S + 2 * HALF_S)
    name = market.wiring.miners[0].id  # 20 J/TH at 15 p: 0.3 p an hour; it earns 0.208
    units = dict(market.state.units)
    market.state = market.state._replace(units={**units, name: units.get(name, Unit())._replace(dj_th=200)})
    market.until(BEGIN_S + 4 * HALF_S - 240)
    assert name in market.last().envelope.offs
    assert len(market.last().envelope.offs) == 1  # of the other one nothing was learned
    assert [one.kind for one in market.events("profit_low")] == ["profit_low"]
    market.until(BEGIN_S + 6 * HALF_S)
    assert name not in market.last().envelope.offs
    assert len(market.events("profit_back")) == 1


def test_what_a_coin_earns_follows_from_difficulty_reward_and_price():
    section = profit.Section(0.0, 126_000_000_000_000.0, "", 3.125, 80_000.0, "", 2.0)
    # a day of 1 TH/s finds 86400e12 / (126e12 x 2^32) blocks of 3.125 coins at 80000, less 2 %
    assert profit.value_of(section, {}, 0) == pytest.approx(3.9115, abs=0.001)
    assert profit.value_of(section._replace(difficulty_from="pool x:difficulty"), {}, 0) is None


def test_a_next_slot_of_the_same_band_is_no_change_ahead_of_time():
    late = BEGIN_S + HALF_S - 60
    found = choose(DEFAULTS, half_hours(13, 14), late, None, PACE)
    assert (found.band.name, found.from_s, found.code, found.price) == ("2", BEGIN_S, "price", 13)
    dearer = choose(DEFAULTS, half_hours(13, 25), late, None, PACE)
    assert (dearer.band.name, dearer.from_s, dearer.code, dearer.price) == ("1", BEGIN_S + HALF_S, "ahead", 25)


def test_the_bands_of_whom_has_none_give_every_kind_that_takes_a_mode_its_own():
    """The dearest band mines nothing: there is no mode to be set in it."""
    assert [band.section.modes for band in DEFAULTS] == [
        (),
        ("bitaxe eco", "nerdqaxe eco", "avalon low"),
        ("bitaxe standard", "nerdqaxe standard", "avalon medium"),
        ("bitaxe overclock", "nerdqaxe overclock", "avalon high"),
        ("bitaxe overclock", "nerdqaxe overclock", "avalon high"),
    ]
    assert _section(20.0, "DGB").modes == ()
    assert _section(20.0, "DGB", "eco", "low").modes == DEFAULTS[1].section.modes
