"""The search for a miner's best setting: one number game against a made-up board, and whole rounds on a shelf."""

from itertools import pairwise
from typing import Any

import pytest
from core.plant import policy
from core.shelf import SHELF, Shelf, boards

from mine_controller.core.miners.tuning import DEAF_S, OVERHEAT_K, Limits, Look, champions, same, step, undo
from mine_controller.core.miners.units import exact_w
from mine_controller.core.money.bands import Band, Section
from mine_controller.core.option import fill
from mine_controller.core.rules import tuning as rule

LIMITS = Limits(moves=((-25, 0), (0, -20)), low=(400, 1060), high=(600, 1150), cooler=(-25, 0), window_s=600)
HOME = (525, 1150)


class Board:
    """A board that obeys after two looks. Its chips fall out below `least_mv` for its clock; `rise_k` warms them."""

    def __init__(self, at=HOME, *, least_mv=lambda _mhz: 0.0, fixed_w=6.0, rise_k=2.2, deaf=False, rejects=0):
        self.at, self.least_mv, self.fixed_w, self.rise_k = at, least_mv, fixed_w, rise_k
        self.deaf, self.rejects, self.steady, self.now = deaf, rejects, True, 1000
        self.accepted = self.rejected = 0
        self.set: list[tuple[int, int]] = []

    def look(self) -> Look:
        mhz, mv = self.at
        watts = self.fixed_w + 11.0 * mhz / 525 * (mv / 1150) ** 2
        share = 0.8 if mv < self.least_mv(mhz) else 1.0
        self.accepted += 10
        self.rejected += self.rejects
        heat = 25 + self.rise_k * watts
        return Look(self.now, self.at, self.steady, watts, 1.2 * mhz / 525 * share, heat, self.accepted, self.rejected)

    def run(self, limits=LIMITS, looks=400, book=None):
        """(book, codes) after so many looks, two minutes apart."""
        book, codes = book or {}, []
        for _ in range(looks):
            taken = step(book, self.look(), limits)
            book, self.now = taken.book, self.now + 120
            codes += [(taken.code, taken.why)] if taken.code else []
            if taken.want is not None and not self.deaf and self.at != taken.want:
                self.at = taken.want
                self.set.append(self.at)
        return book, codes


def test_voltage_goes_down_until_chips_fall_out_and_one_step_back_again():
    board = Board(least_mv=lambda _mhz: 1100.0)
    book, codes = board.run()
    assert book["phase"] == "done"
    assert board.at == (525, 1110)
    assert tuple(book["best"]) == (525, 1110)
    assert book["dj"] < book["dj0"]
    assert ("back", "short") in codes


def test_a_slower_clock_is_kept_where_the_board_has_no_fixed_watts_and_voltage_may_sink_further():
    board = Board(fixed_w=0.0, least_mv=lambda mhz: 1100.0 if mhz > 450 else 1060.0)
    board.run()
    assert board.at[1] <= 1110


def test_no_setting_ever_leaves_the_limits_and_voltage_is_never_raised():
    board = Board()
    board.run()
    assert board.at == (525, 1070)
    assert all(400 <= mhz <= 600 and 1060 <= mv <= 1150 for mhz, mv in board.set)


def test_most_hashes_are_sought_upwards_until_the_chips_are_warm():
    warm = Limits(((25, 0), (0, -20)), (400, 1060), (700, 1150), (-25, 0), goal="rate", chip_c=64.0, window_s=600)
    board = Board(least_mv=lambda _mhz: 1140.0)
    book, codes = board.run(warm)
    assert board.at[0] > 525
    assert board.at[0] == max(mhz for mhz, _ in board.set) - 25
    assert any(why == "hot" for _, why in codes)
    assert book["phase"] == "done"


def test_a_board_that_comes_too_hot_is_cooled_first():
    board = Board(rise_k=2.5)
    book, codes = board.run()
    assert codes[1] == ("tries", "hot")
    assert board.set[0] == (500, 1150)
    assert book["phase"] == "done"
    assert board.look().chip_c <= LIMITS.chip_c


def test_one_that_is_hot_even_at_the_least_is_given_up_and_said():
    book, codes = Board(rise_k=9.0).run()
    assert book["phase"] == "left"
    assert codes[-1] == ("left", "hot even at the least that may be set")


def test_chips_far_too_hot_do_not_wait_for_the_end_of_the_window():
    board = Board()
    book = step({}, board.look(), LIMITS).book
    hot = board.look()._replace(chip_c=LIMITS.chip_c + 5)
    assert step(book, hot, LIMITS).want == (500, 1150)


def test_rejected_shares_are_a_reason_against_a_setting():
    board = Board(rejects=0)
    book, _ = board.run(looks=8)
    board.rejects = 5
    _, codes = board.run(book=book, looks=40)
    assert any(why == "rejects" for _, why in codes)


def test_what_disturbs_the_miner_begins_its_window_anew():
    board = Board()
    book, _ = board.run(looks=4)
    assert book["seen_s"] == 360
    board.steady = False
    book, _ = board.run(book=book, looks=1)
    assert book["seen_s"] == 0


@pytest.mark.parametrize("unknown", ["watts", "ths", "chip_c"])
def test_what_is_not_known_counts_for_nothing(unknown):
    board = Board()
    book, _ = board.run(looks=4)
    taken = step(book, board.look()._replace(**{unknown: None}), LIMITS)
    assert (taken.book["seen_s"], taken.want) == (0, None)


def test_a_window_is_ten_minutes_of_looks_and_not_two_looks_far_apart():
    board = Board()
    book = step({}, board.look(), LIMITS).book
    board.now += 5000
    taken = step(book, board.look(), LIMITS)
    assert taken.book["seen_s"] == 0
    assert taken.want is None


def test_a_board_that_does_not_take_the_setting_is_left_alone_and_named():
    board = Board(deaf=True)
    book, codes = board.run(looks=20 + DEAF_S // 120)
    assert book["phase"] == "left"
    assert codes[-1] == ("left", "it does not take the setting")


def test_who_changes_its_settings_by_hand_ends_the_search():
    board = Board()
    book, _ = board.run(looks=3)
    board.at = (575, 1150)
    book, codes = board.run(book=book, looks=5)
    assert book["phase"] == "left"
    assert board.at == (575, 1150)
    assert codes[-1][0] == "left"


def test_a_change_is_all_taken_back_when_it_is_taken_off_the_list():
    board = Board()
    book, _ = board.run()
    assert board.at != HOME
    taken = undo(book, board.look())
    assert taken.want == HOME
    board.at = HOME
    assert undo(taken.book, board.look()) == ({}, None, "", "")


def test_the_same_setting_is_the_same_to_the_rounding_of_a_board():
    assert same((525, 1150), (523, 1150))
    assert not same((525, 1150), (500, 1150))
    assert not same((525, 1130), (525, 1150))
    assert not same((1, 0), (2, 0))
    assert not same(None, (1, 0))


# -- who is the most efficient ----------------------------------------------------------------------------------------


def test_the_most_efficient_are_champions_and_unknown_ones_come_last():
    joules = {"a": 180, "b": 150, "c": 0}
    assert champions(("a", "b", "c"), joules, 1, ()) == ("b",)
    assert champions(("a", "b", "c"), joules, 2, ()) == ("a", "b")
    assert champions(("c",), joules, 1, ()) == ("c",)


def test_a_champion_stays_one_until_another_is_clearly_better():
    assert champions(("a", "b"), {"a": 153, "b": 150}, 1, ("a",)) == ("a",)
    assert champions(("a", "b"), {"a": 170, "b": 150}, 1, ("a",)) == ("b",)


# -- the rule ---------------------------------------------------------------------------------------------------------


class Tuned(Shelf):
    """Boards with a clock; `fixed_w` of each is its own."""

    def __init__(self, *miners: str, count: int = 2, nominal_w: int = 200, **section: Any):
        super().__init__(boards(count, nominal_w=nominal_w))
        made = fill(rule.Section, {"miners": miners or (SHELF,), "window_s": 600, **section})
        options = rule.with_sections(fill(rule.Options, {}), [("shelf", made)] if miners != ("",) else [])
        self.policy = self.policy._replace(rules={**self.policy.rules, "tuning": options})
        self.clock = dict.fromkeys(self.power, HOME)
        self.warm_c = lambda _mhz: 55.0
        self.mode = dict.fromkeys(self.mode, None)

    def _of(self, name):
        mhz, mv = self.clock[name]
        lit = self.power[name] > 6
        self.power[name] = round(60 + 120 * mhz / 525 * (mv / 1150) ** 2) if lit else 3
        own = [(":frequency_mhz", mhz), (":core_voltage_mv", mv), (":chip_c", self.warm_c(mhz))]
        own += [(":hashrate_ths", round(12 * mhz / 525, 3))] if lit else []
        return [*super()._of(name), *own]

    def _do(self, name, command):
        found = super()._do(name, command)
        if command.verb == "tune" and "tune" not in self.verdicts:
            pairs = dict(word.split("=") for word in command.value.split())
            self.clock[name] = (int(pairs["frequency_mhz"]), int(pairs["core_voltage_mv"]))
        return found

    def on(self, count):
        self.ticks(count)
        return self

    def tuned(self, name=""):
        return [value for _, who, verb, value in self.told if verb == "tune" and name in ("", who)]

    def events_of(self, kind):
        return [event for one in self.decisions for event in one.events if event.kind == kind]


def test_without_a_section_nothing_is_ever_tuned():
    assert Tuned("").on(30).tuned() == []
    assert policy(boards()).rules["tuning"].sections == ()


def test_one_miner_at_a_time_is_in_motion_in_a_section():
    shelf = Tuned().on(40)
    assert shelf.tuned("b0")
    assert shelf.tuned("b1") == []
    assert shelf.state.memory["tuning"]["turns"][SHELF]["id"] == "b0"


def test_the_next_one_has_its_turn_when_the_first_is_through():
    shelf = Tuned().on(320)
    books = shelf.state.memory["tuning"]["books"]
    assert books["b0"]["phase"] == "done"
    assert shelf.tuned("b1")
    assert shelf.clock["b0"][1] < HOME[1]
    assert [event.about for event in shelf.events_of("tuning_done")][:1] == ["b0"]
    assert shelf.violations == []


@pytest.mark.parametrize("tick_s", [330, 600])
def test_a_site_whose_ticks_come_seldom_finds_a_best_setting_too(tick_s):
    shelf = Tuned(count=1)
    shelf.tick_s = tick_s
    shelf.on(120)
    assert shelf.state.memory["tuning"]["books"]["b0"]["phase"] == "done"
    assert shelf.clock["b0"][1] < HOME[1]
    assert shelf.violations == []


def test_writes_keep_to_the_budget_of_its_flash_memory():
    shelf = Tuned(count=1).on(200)
    at = [second for second, _, verb, _ in shelf.told if verb == "tune"]
    assert len(at) >= 3
    assert all(after - before >= 1500 for before, after in pairwise(at))


def test_a_miner_that_is_off_is_not_looked_at_and_nothing_is_sent_to_it():
    shelf = Tuned(count=1).on(5)
    shelf.power["b0"] = 3
    shelf.word["b0"] = "sleeping"
    shelf.ticks(40)
    assert shelf.tuned() == []


def test_only_the_listed_ones_are_tuned():
    shelf = Tuned("b1").on(60)
    assert {who for _, who, verb, _ in shelf.told if verb == "tune"} == {"b1"}


def test_one_taken_off_the_list_goes_back_to_where_it_was():
    shelf = Tuned(count=1).on(220)
    assert shelf.clock["b0"] != HOME
    empty = shelf.policy.rules["tuning"]._replace(sections=())
    shelf.policy = shelf.policy._replace(rules={**shelf.policy.rules, "tuning": empty})
    shelf.ticks(60)
    assert shelf.clock["b0"] == HOME
    assert shelf.state.memory["tuning"]["books"] == {}


def test_when_the_last_section_is_taken_out_of_the_config_everybody_goes_back_to_where_he_was():
    """Without a section there is no such rule in the policy: nobody was left to take a trial setting back."""
    shelf = Tuned(count=1).on(220)
    assert shelf.clock["b0"] != HOME
    others = {name: options for name, options in shelf.policy.rules.items() if name != "tuning"}
    shelf.policy = shelf.policy._replace(rules=others)
    shelf.ticks(60)
    assert shelf.clock["b0"] == HOME
    assert "tuning" not in shelf.state.memory
    assert shelf.violations == []


def test_one_that_is_off_when_its_section_goes_is_put_back_when_it_runs_again():
    """Hours of rest counted as hours of not obeying: whoever edits in the evening had the trial setting for good."""
    shelf = Tuned(count=1).on(220)
    assert shelf.clock["b0"] != HOME
    shelf.signal = "off"
    others = {name: options for name, options in shelf.policy.rules.items() if name != "tuning"}
    shelf.policy = shelf.policy._replace(rules=others)
    shelf.ticks(DEAF_S // 120 + 30)
    assert shelf.clock["b0"] != HOME, "nobody writes to one that sleeps"
    shelf.signal = "run"
    shelf.ticks(60)
    assert shelf.clock["b0"] == HOME
    assert "tuning" not in shelf.state.memory


def limited(shelf, **section):
    """The same section with other numbers, as after an edit."""
    options = shelf.policy.rules["tuning"]
    (task,) = options.sections
    options = options._replace(sections=(task._replace(section=task.section._replace(**section)),))
    shelf.policy = shelf.policy._replace(rules={**shelf.policy.rules, "tuning": options})


@pytest.mark.parametrize("ticks", [120, 320])
def test_a_limit_that_is_made_stricter_holds_for_what_was_found_before_too(ticks):
    """What was through kept its clock for a month, and what was looked at just then became the best of all."""
    shelf = Tuned(count=1, goal="rate", highest_mhz=700).on(ticks)
    assert shelf.clock["b0"][0] > 560
    limited(shelf, highest_mhz=560)
    shelf.ticks(200)
    assert shelf.clock["b0"][0] <= 560
    assert shelf.state.memory["tuning"]["books"]["b0"]["home"] == list(HOME)
    assert [mhz for mhz in _clocks(shelf)[-3:] if mhz > 560] == []
    assert shelf.events_of("tuning_left") == []


def test_one_that_does_not_go_back_within_stricter_limits_is_named_and_left():
    shelf = Tuned(count=1, goal="rate", highest_mhz=700).on(320)
    shelf.verdicts["tune"] = "refused"
    limited(shelf, highest_mhz=560)
    shelf.ticks(DEAF_S // 120 + 5)
    assert [event.reason.code for event in shelf.events_of("tuning_left")] == ["left"]
    assert shelf.state.memory["tuning"]["books"]["b0"]["phase"] == "left"


def test_a_best_setting_that_comes_far_too_hot_later_is_not_kept_either():
    """Found in winter, or before chip_max_c was lowered: it stayed for a month."""
    shelf = Tuned(count=1, goal="rate", highest_mhz=600).on(320)
    assert shelf.state.memory["tuning"]["books"]["b0"]["phase"] == "done"
    shelf.warm_c = lambda mhz: 55.0 + (mhz - 525) / 5  # 70 °C at 600 MHz
    shelf.ticks(300)
    assert shelf.warm_c(shelf.clock["b0"][0]) <= 65
    assert shelf.state.memory["tuning"]["books"]["b0"]["home"] == list(HOME)


def test_a_heat_wave_leaves_a_miner_that_was_through_at_the_least_and_gives_it_up_to_nobody():
    """Given up, one that is tuned by its modes was a band's again, which raised it, and no other day was it tuned."""
    shelf = Tuned(count=1, goal="rate", highest_mhz=600).on(320)
    shelf.warm_c = lambda _mhz: 75.0
    told = [len(shelf.on(ticks).tuned()) for ticks in (400, 200)]
    assert (shelf.clock["b0"][0], shelf.events_of("tuning_left"), told[1] - told[0]) == (400, [], 0)
    shelf.warm_c, shelf.now = (lambda _mhz: 55.0), shelf.now + 31 * 86_400
    assert shelf.on(300).clock["b0"][0] > 400


def _clocks(shelf):
    return [int(value.split()[0].partition("=")[2]) for value in shelf.tuned()]


class Small(Tuned):
    """Boards of some 15 W: a step is worth a third of a watt. They tell fractions, or whole watts only."""

    def __init__(self, *, fractions: bool):
        self.fractions = fractions
        super().__init__(count=1, nominal_w=17, step_mv=10)

    def _of(self, name):
        mhz, mv = self.clock[name]
        found = [one for one in super()._of(name) if one[0] != ":power_w"]
        exact = 8.2 + 6.5 * mhz / 525 * (mv / 1150) ** 2 if self.power[name] > 6 else 3.0
        self.power[name] = round(exact)
        return [*found, (":power_w", round(exact)), *([(":draw_w", round(exact, 2))] if self.fractions else [])]


@pytest.mark.parametrize("fractions", [True, False])
def test_a_slower_clock_that_only_whole_watts_make_look_better_is_not_kept_where_a_board_tells_fractions(fractions):
    """14.7 W at 525 MHz and 14.39 at 500: more joules a hash, but 15 and 14 W are fewer."""
    shelf = Small(fractions=fractions).on(60)
    best = shelf.state.memory["tuning"]["books"]["b0"]["best"]
    assert (best[0] == 525) is fractions


def test_fractions_of_another_meter_than_the_one_that_counts_are_not_taken():
    shelf = Small(fractions=True).on(3)
    spec = shelf.wiring.miners[0]
    assert exact_w(shelf.image, spec, 0) == 14.7
    elsewhere = shelf.image._replace(miners=shelf.image.miners._replace(power_w=(17,)))
    assert exact_w(elsewhere, spec, 0) == 17


def test_a_clock_above_the_highest_is_refused_by_the_config():
    wrong = fill(rule.Section, {"miners": ("b0",), "lowest_mhz": 600, "highest_mhz": 500})
    assert rule.check(wrong) == ["highest_mhz: must be above lowest_mhz"]


def test_a_band_with_champions_lets_only_the_most_efficient_run():
    from core.market import Market, half_hours  # noqa: PLC0415 - a market is dear to make

    band = Band("only", Section(5000.0, "BTC", "", (), 1))
    market = Market(half_hours(*[10.0] * 8), bands=(band,), count=3)
    learned = {name: unit._replace(dj_th=200 - 10 * at) for at, (name, unit) in enumerate(_units(market).items())}
    market.state = market.state._replace(units=learned)
    market.ticks(12)
    assert [name for name, watts in market.power.items() if watts > 6] == ["b2"]
    assert market.violations == []


def _units(market):
    market.ticks(2)
    return {spec.id: market.state.units[spec.id] for spec in market.wiring.miners}


@pytest.mark.parametrize("name", ["watts", "ths"])
@pytest.mark.parametrize(("value", "seen_s"), [(0.0, 0), (-1.0, 0), (0.5, 480), (1.0, 480)])
def test_nought_is_no_measure_of_a_miner_and_however_little_more_is_one(name, value, seen_s):
    board = Board()
    book, _ = board.run(looks=4)
    assert step(book, board.look()._replace(**{name: value}), LIMITS).book["seen_s"] == seen_s


@pytest.mark.parametrize(("apart_s", "seen_s"), [(300, 660), (301, 0)])
def test_looks_count_together_when_they_are_five_minutes_apart_and_not_a_second_more(apart_s, seen_s):
    board = Board()
    book, _ = board.run(looks=4)
    board.now += apart_s - 120
    assert step(book, board.look(), LIMITS._replace(window_s=900)).book["seen_s"] == seen_s


@pytest.mark.parametrize(("over_k", "begun"), [(0.0, False), (0.1, True)])
def test_chips_are_far_too_hot_from_above_their_margin_on(over_k, begun):
    board = Board()
    book, _ = board.run(looks=2)
    taken = step(book, board.look()._replace(chip_c=LIMITS.chip_c + OVERHEAT_K + over_k), LIMITS)
    assert (taken.want == (500, 1150)) is begun
