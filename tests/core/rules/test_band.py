"""What a band limits and tells, as a rule by itself: who rests for its coin, its champions, and news of the price."""

import pytest
from core.market import BEGIN_S, HALF_S, Market, half_hours, options
from core.plant import WALL
from core.rule_desk import Desk, wired

from mine_controller.core.model.clock import Clock, Local
from mine_controller.core.model.state import MinerBook, Override, State, Unit
from mine_controller.core.money.bands import DEFAULTS, NOTHING, Choice
from mine_controller.core.money.prices import Slot
from mine_controller.core.rules import band as rule

WHY = rule.Reason("band", "price")
FIRST = next(one for one in DEFAULTS if one.section.coin not in ("off", ""))


def shelf(*groups):
    desk = wired(Desk("band", miners=len(groups)), "price")
    desk.roles["price"] = "known"
    specs = (spec._replace(group=group) for spec, group in zip(desk.wiring.miners, groups, strict=True))
    desk.wiring = desk.wiring._replace(miners=tuple(specs))
    return desk


def mining(coin, **more):
    return FIRST._replace(section=FIRST.section._replace(coin=coin, **more))


def limits(desk, band, **more):
    found = rule._limits(desk.view(), Choice(band, 0, "price", 9.0), options(**more), WHY)
    return [(one.what, one.amount, one.how) for one in found]


# -- who rests ------------------------------------------------------------------------------------------------------


def test_whoever_can_not_mine_the_coin_rests_where_its_owner_wants_that():
    desk = shelf("bitaxe shelf", "xmrig pc")
    assert limits(desk, mining("DGB"), others="off") == [("off m001", 0, "gentle"), ("ban m001", 0, "gentle")]
    assert limits(desk, mining("XMR"), others="off") == [("off m000", 0, "gentle"), ("ban m000", 0, "gentle")]
    assert limits(desk, mining("DGB"), others="stay") == []
    assert limits(desk, mining(""), others="off") == []
    assert limits(desk, NOTHING, others="stay") == [("max_miners", 0, "gentle")]


def champions(desk, kept, count=1):
    view = desk.view()
    found = rule._champions(view, kept, mining("DGB", champion=count))
    return [one.what for one in found]


def test_all_but_the_champions_rest_and_who_can_not_start_is_none():
    desk = shelf("bitaxe shelf", "bitaxe shelf", "bitaxe shelf", "xmrig pc")
    desk.state = State(units={f"m00{at}": Unit(dj_th=200 + at) for at in range(3)})
    kept = {}
    assert champions(desk, kept) == ["off m001", "ban m001", "off m002", "ban m002"]
    assert kept["champions"] == ["m000"]
    assert champions(desk, {}, count=2) == ["off m002", "ban m002"]
    desk.state = desk.state._replace(miners={"m000": MinerBook(quarantined="why"), "m001": MinerBook()})
    assert champions(desk, {}) == ["off m000", "ban m000", "off m002", "ban m002"]
    assert champions(desk, kept, count=0) == []
    assert "champions" not in kept
    assert list(rule._champions(desk.view(), {}, NOTHING)) == []


def test_where_nobody_can_be_a_champion_nobody_rests_for_one():
    desk = shelf("bitaxe shelf", "bitaxe shelf")
    desk.state = State(miners={f"m00{at}": MinerBook(quarantined="why") for at in range(2)})
    assert champions(desk, {}) == []


# -- what is told ---------------------------------------------------------------------------------------------------


class Board(Desk):
    """A price board: what is published, the minute it is, and what the rule says of it."""

    def __init__(self, *prices):
        super().__init__("band")
        self.slots, self.kept, self.minute = half_hours(*prices), {"band": "1"}, 720
        self.roles["price"] = "known"
        self.wall_s = BEGIN_S
        self.day = (BEGIN_S, BEGIN_S + 86_400)

    def told(self, wall_s, *, now_s=None):
        view = self.view()
        begin_s, end_s = self.day
        local = Local("2026-07-15", self.minute, 2)
        clock = Clock(now_s or self.now, wall_s, local=local, day_s=begin_s, day_end_s=end_s)
        view = view._replace(image=view.image._replace(clock=clock))
        return [(one.kind, dict(one.reason.numbers)) for one in rule._told(view, self.kept, self.slots)]


def test_prc1_a_price_that_is_missing_is_told_after_ten_minutes_and_its_return_once():
    desk = Board(9.0, None, 9.0)
    gap_s = BEGIN_S + 1800
    assert desk.told(gap_s, now_s=20_000) == []
    assert desk.told(gap_s, now_s=20_599) == []
    [(kind, numbers)] = desk.told(gap_s, now_s=20_600)
    assert (kind, numbers["band"]) == ("price_missing", "1")
    assert desk.told(gap_s, now_s=21_800) == []
    assert desk.told(gap_s + 1800, now_s=22_000) == [("price_known", {"price": 9.0})]
    assert desk.told(gap_s + 1800, now_s=22_100) == []


def test_prc1_two_short_gaps_are_not_one_long_one():
    desk = Board(9.0, None, 9.0)
    assert desk.told(BEGIN_S + 1800, now_s=20_000) == []
    assert desk.told(BEGIN_S, now_s=20_300) == []
    assert desk.told(BEGIN_S + 1800, now_s=20_600) == []
    assert desk.told(BEGIN_S + 1800, now_s=21_199) == []
    assert desk.told(BEGIN_S + 1800, now_s=21_200) != []


@pytest.mark.parametrize(
    ("before", "price", "told"),
    [
        (20.0, 30.0, []), (20.0, 30.1, ["price_high"]), (30.1, 31.0, []), (30.0, 31.0, ["price_high"]),
        (20.0, 5.0, []), (20.0, 4.9, ["price_low"]), (4.9, 4.0, []), (5.0, 4.0, ["price_low"]),
        (None, 31.0, ["price_high"]), (None, 4.0, ["price_low"]), (20.0, 20.0, []),
    ],
)  # fmt: skip
def test_a_slot_beyond_a_mark_is_told_when_the_one_before_was_not(before, price, told):
    desk = Board(before, price)
    assert [kind for kind, _ in desk.told(BEGIN_S + 1800)] == told
    assert desk.told(BEGIN_S + 1801) == [], "once a slot"


def best_of(prices, minute):
    begin_s = BEGIN_S - minute * 60
    found = rule._best(half_hours(*prices), Clock(1, BEGIN_S, day_s=begin_s, day_end_s=begin_s + 86_400))
    return None if found is None else (found.start_s - BEGIN_S) // 1800


def test_the_best_slot_of_the_day_is_the_first_of_the_cheapest_where_half_of_it_is_known():
    day = [9.0, 8.0, 8.0, *[10.0] * 21]
    assert best_of(day, 0) == 1
    assert best_of(day[:23], 0) is None
    assert best_of([*[10.0] * 30, 1.0, *[10.0] * 16], 0) == 30
    assert best_of([*[10.0] * 48, 1.0], 0) == 0, "the cheap one is tomorrow's"
    late = [*[10.0] * 24, 3.0]
    assert best_of(late, 12 * 60) == 0, "and so it is where the day began at noon"


def test_a_price_that_never_changes_is_told_as_high_once_and_not_every_day():
    """A contract's slot is told from yesterday on: every midnight it begins elsewhere, with nothing known before."""
    desk = Board()
    told = []
    for day in range(4):
        begin_s = BEGIN_S + day * 86_400
        desk.slots = (Slot(begin_s - 86_400, begin_s + 8 * 86_400, 35.0),)
        told += [kind for kind, _ in desk.told(begin_s) if kind == "price_high"]
    assert told == ["price_high"]


def test_another_price_in_the_same_slot_is_told_once():
    """A test that is set anew is one slot from yesterday to tomorrow, and an exchange may correct itself."""
    desk, told = Board(), []
    for price in (20.0, 35.0, 36.0, 36.0, 4.0, 35.0):
        desk.slots = (Slot(BEGIN_S - 86_400, BEGIN_S + 2 * 86_400, price),)
        told += [(kind, dict(numbers)["price"]) for kind, numbers in desk.told(BEGIN_S)]
    assert told == [("price_high", 35.0), ("price_low", 4.0), ("price_high", 35.0)]


@pytest.mark.parametrize(("hours", "last"), [(23, 45), (24, 47), (25, 49)])
@pytest.mark.parametrize("cheap", [0, 1, 5, "last"])
def test_the_best_slot_is_told_once_on_the_days_the_clocks_change_too(hours, last, cheap):
    """PRC3: at 01:00 the wall's clock loses an hour or shows it twice; nothing of the days around counts."""
    cheap = last if cheap == "last" else cheap
    day = [10.0] * (2 * hours)
    day[cheap] = 5.0
    desk = Board(*[1.0] * 48, *day, *[1.0] * 48)
    begin_s = BEGIN_S + 48 * 1800
    told = []
    for at in range(begin_s, begin_s + hours * 3600, 300):
        passed = (at - begin_s) // 60
        desk.minute = passed if passed < 60 else passed + (24 - hours) * 60
        desk.day = (begin_s, begin_s + hours * 3600)
        told += [(at - begin_s) // 1800 for kind, _ in desk.told(at) if kind == "optimal_price"]
    assert told == [cheap]


def test_a_change_is_told_from_what_to_what_and_counted():
    desk = Board(9.0)
    kept = {}
    named = FIRST._replace(name="2")
    [first] = rule._changed(desk.view(), kept, Choice(named, 5, "price", 9.0), None, WHY)
    assert (first.reason.code, dict(first.reason.numbers)["was"], kept["changes"]) == ("to_price", "nothing", 0)
    assert kept["since_s"] == WALL + desk.now
    [other] = rule._changed(desk.view(), kept, Choice(named, 5, "price", 9.0), rule.Held("1", 0), WHY)
    assert (dict(other.reason.numbers)["was"], kept["changes"]) == ("1", 1)
    assert list(rule._changed(desk.view(), kept, Choice(named, 5, "price", 9.0), rule.Held("2", 0), WHY)) == []


def test_each_section_has_its_wishes_once_wherever_its_miners_stand_in_the_list():
    desk = shelf("bitaxe a", "bitaxe a", "bitaxe b", "bitaxe a")
    specs = (spec._replace(modes=("eco", "standard")) for spec in desk.wiring.miners)
    desk.wiring = desk.wiring._replace(miners=tuple(specs))
    found = rule._wishes(desk.view(), Choice(mining("DGB", modes=("bitaxe eco",)), 0, "price", 9.0), WHY)
    assert [(one.what, one.value) for one in found] == [("mode bitaxe a", "eco"), ("mode bitaxe b", "eco")]
    assert list(rule._wishes(desk.view(), Choice(NOTHING, 0, "price", 9.0), WHY)) == []


@pytest.mark.parametrize("dwell", [1, 2])
def test_a_price_that_is_set_for_a_test_is_followed_for_as_long_as_it_is_set(dwell):
    market = Market(half_hours(*[30] * 12), live=False, dwell_slots=dwell).until(BEGIN_S + (dwell + 1) * HALF_S)
    assert market.band == "1"
    seen = len(market.decisions)
    market.state = market.state._replace(overrides=(Override("price_p_kwh", "4.5", "test", 0, "eve", "what if", 1),))
    market.tick()
    assert market.band == "4"
    while market.wall_s < BEGIN_S + 8 * HALF_S:
        market.tick()
        assert market.band == "4"
    told = [event.kind for one in market.decisions[seen:] for event in one.events]
    assert (told.count("price_low"), told.count("band_change")) == (1, 1)
    market.state = market.state._replace(overrides=())
    market.tick()
    assert market.band == "1"
