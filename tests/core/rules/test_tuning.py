"""Whose turn it is to be tuned and what is seen of it: the rule `tuning` by itself."""

import pytest
from core.rule_desk import Desk

from mine_controller.core.miners.errands import COOLS
from mine_controller.core.miners.tuning import Step
from mine_controller.core.model.reading import Value
from mine_controller.core.model.state import Chase, MinerBook, State
from mine_controller.core.option import fill
from mine_controller.core.rules import tuning as rule

DAY_S = 86_400


def section(**values):
    return fill(rule.Section, values)


class Bench(Desk):
    """Two boards with a clock that hash undisturbed."""

    def __init__(self, group="bitaxe shelf", **spec):
        super().__init__("tuning", miners=2)
        given = {"group": group, "verbs": ("tune",), "modes": ("eco", "standard"), **spec}
        specs = tuple(one._replace(**given) for one in self.wiring.miners)
        self.wiring = self.wiring._replace(miners=specs)
        self.words = ("hashing", "hashing")
        self.state = State(miners={one.id: MinerBook(on=True) for one in specs})
        self.now = 100_000

    @property
    def first(self):
        return self.wiring.miners[0]

    def shows(self, age_s=0, why="", **quantities):
        for name, value in quantities.items():
            key = f"{self.first.group}/{self.first.mac}:{name}"
            self.channels[key] = Value(value, self.now - age_s, "", why)
        return self

    def steady(self):
        return rule._steady(self.view(), self.first)

    def setting(self):
        return rule._setting(self.view(), self.first)


# -- who may be looked at -------------------------------------------------------------------------------------------


def test_a_miner_is_looked_at_while_it_runs_and_hashes_by_its_own_word():
    desk = Bench()
    assert desk.steady()
    desk.words = ("error", "hashing")
    assert not desk.steady()
    desk.words = ("hashing", "hashing")
    desk.fleet["on_n"] = 0
    assert not desk.steady()
    del desk.fleet["on_n"]
    desk.state = State()
    assert not desk.steady()
    assert not rule._steady(desk.view(), desk.first._replace(id="gone"))


@pytest.mark.parametrize(("ago_s", "steady"), [(1199, False), (1200, True), (None, True)])
def test_one_that_was_just_started_warms_up_first(ago_s, steady):
    desk = Bench()
    started_s = 0 if ago_s is None else desk.now - ago_s
    desk.state = State(miners={"m000": MinerBook(on=True, last_start_s=started_s)})
    assert desk.steady() is steady


def test_one_that_is_told_something_or_settles_is_let_be():
    desk = Bench()
    calm = desk.state
    desk.state = calm._replace(chases={"miner m000": Chase("run", 0, 1, 5)})
    assert not desk.steady()
    desk.state = calm._replace(chases={"miner m001": Chase("run", 0, 1, 5)})
    assert desk.steady()
    for until_s, steady in ((desk.now + 1, False), (desk.now, True)):
        desk.state = calm._replace(settling={"m000": until_s})
        assert desk.steady() is steady


# -- what is seen of it ---------------------------------------------------------------------------------------------


def test_a_setting_is_clock_and_voltage_as_the_board_tells_them():
    desk = Bench()
    assert desk.setting() is None
    assert desk.shows(frequency_mhz=525).setting() == (525, 0)
    assert desk.shows(core_voltage_mv=1150).setting() == (525, 1150)
    assert desk.shows(core_voltage_mv=None).setting() == (525, 0)
    assert desk.shows(core_voltage_mv=1150, why="gone").setting() == (525, 0)
    measured = Bench(group="nerdqaxe shelf").shows(frequency_mhz=525, core_voltage_mv=1148)
    assert measured.setting() == (525, 0), "what is measured is not what is set"


@pytest.mark.parametrize(("age_s", "seen"), [(400, (525, 0)), (401, None)])
def test_what_was_read_too_long_ago_is_not_seen(age_s, seen):
    assert Bench().shows(age_s=age_s, frequency_mhz=525).setting() == seen


def test_a_mode_is_a_setting_by_its_number():
    desk = Bench(verbs=("mode",))
    assert desk.setting() is None
    assert desk.shows(mode="standard").setting() == (1, 0)
    assert desk.shows(mode="eco").setting() == (0, 0)
    assert desk.shows(mode="overdrive").setting() is None


def test_a_clock_is_written_with_its_voltage_where_that_is_known():
    assert rule.clock_text((525, 1150)) == "frequency_mhz=525 core_voltage_mv=1150"
    assert rule.clock_text((525, 0)) == "frequency_mhz=525"


# -- whose turn it is -----------------------------------------------------------------------------------------------


def test_a_search_that_is_through_begins_anew_after_its_days_and_one_given_up_never():
    made = section(again_d=30)
    through = {"phase": "done", "done_s": 1000}
    assert not rule._is_open(through, made, 1000 + 30 * DAY_S - 1)
    assert rule._is_open(through, made, 1000 + 30 * DAY_S)
    assert rule._is_open({"phase": "look"}, made, 1000)
    assert not rule._is_open({"phase": "left"}, made, 1000 + 90 * DAY_S)
    assert rule._is_open({}, made, 0)
    assert rule._is_open(None, made, 0)


def test_one_that_begins_anew_keeps_its_home_and_forgets_what_it_found():
    made = section(again_d=30)
    through = {"phase": "done", "done_s": 1000, "home": [525, 1150], "now": [500, 1100], "best": [500, 1100], "dj": 5}
    assert rule._anew(through, made, 2000) is through
    anew = rule._anew(through, made, 1000 + 30 * DAY_S)
    assert (anew["home"], anew["now"], anew["phase"]) == ([525, 1150], [500, 1100], "look")
    assert {anew[name] for name in ("move", "seen_s", "sum_ws", "sum_mth", "chip_c", "at_s", "away")} == {0}
    assert "best" not in anew
    assert (anew["acc"], anew["rej"]) == (None, None)
    assert rule._anew({"phase": "look"}, made, 10**9) == {"phase": "look"}


def turn_of(desk, books=None, turns=None, listed=("m000", "m001")):
    turns = {} if turns is None else turns
    tasks = {name: section(again_d=30) for name in listed}
    rule._turn(desk.view(), list(desk.wiring.miners), tasks, books or {}, turns)
    return turns


def test_a_turn_is_kept_until_it_is_through_or_can_not_be_looked_at_for_an_hour():
    desk = Bench()
    group = desk.first.group
    assert turn_of(desk) == {group: {"id": "m000", "seen_s": 100_000}}
    held = {group: {"id": "m001", "seen_s": 99_000}}
    assert turn_of(desk, turns=dict(held))[group] == {"id": "m001", "seen_s": 100_000}
    desk.words = ("hashing", "error")
    assert turn_of(desk, turns=dict(held))[group] == held[group]
    for seen_s, whose in ((96_400, "m001"), (96_399, "m000")):
        assert turn_of(desk, turns={group: {"id": "m001", "seen_s": seen_s}})[group]["id"] == whose
    through = {"m001": {"phase": "done", "done_s": 99_000}}
    assert turn_of(desk, books=through, turns=dict(held))[group]["id"] == "m000"
    assert turn_of(desk, turns=dict(held), listed=("m000",))[group]["id"] == "m000"
    assert turn_of(desk, turns=dict(held), listed=()) == {}
    desk.words = ("error", "error")
    assert turn_of(desk) == {}


def test_who_is_listed_by_its_own_name_goes_before_its_section_and_needs_a_verb():
    desk = Bench()
    made = rule.with_sections(
        desk.options,
        [("all", section(miners=("bitaxe shelf",), window_s=700)), ("one", section(miners=("m001",), window_s=800))],
    )
    assert {name: one.window_s for name, one in rule._tasks(desk.view(), made).items()} == {"m000": 700, "m001": 800}
    assert rule._tasks(Bench(verbs=("run", "stop")).view(), made) == {}
    assert len(rule._tasks(Bench(verbs=("mode",)).view(), made)) == 2


# -- what may be tried ----------------------------------------------------------------------------------------------


def test_the_clock_and_voltage_that_may_be_tried_stay_within_the_sections_and_home():
    desk = Bench()
    made = section(lowest_mhz=400, highest_mhz=600, lowest_mv=1060, step_mhz=25, step_mv=20)
    found = rule._limits(desk.first, made, {"home": [525, 1150]})
    assert (found.moves, found.low, found.high) == (((-25, 0), (0, -20)), (400, 1060), (600, 1150))
    assert found.cooler == (-25, 0)
    fast = rule._limits(desk.first, made._replace(goal="rate"), {"home": [650, 1050]})
    assert (fast.moves, fast.low, fast.high) == (((25, 0), (0, -20)), (400, 1050), (650, 1050))
    blind = rule._limits(desk.first, made, {"home": [525, 0]})
    assert (blind.moves, blind.low) == (((-25, 0),), (400, 0))


def test_modes_are_tried_one_by_one_from_the_first_to_the_last():
    desk = Bench(verbs=("mode",))
    found = rule._limits(desk.first, section(), {})
    assert (found.moves, found.low, found.high, found.cooler) == (((-1, 0),), (0, 0), (1, 0), (-1, 0))
    assert found.short_pct == 0.0
    assert rule._limits(desk.first, section(goal="rate"), {}).moves == ((1, 0),)


@pytest.mark.parametrize(("lowest", "highest", "wrong"), [(400, 401, 0), (400, 400, 1), (500, 400, 1)])
def test_a_range_of_clocks_must_be_open(lowest, highest, wrong):
    assert len(rule.check(section(lowest_mhz=lowest, highest_mhz=highest))) == wrong
    assert rule.check(Bench().options) == []


# -- what is wanted ---------------------------------------------------------------------------------------------------


def wished(desk, want=None, **book):
    taken = Step(book, want)
    return [(one.what, one.value, one.reason.code) for one in rule._wishes(desk.first, taken)]


def test_a_miner_that_is_tuned_by_its_modes_is_held_in_the_one_of_its_book():
    desk = Bench(verbs=("mode",))
    assert wished(desk, phase="look", now=[1, 0]) == [("mode m000", "standard", "holds")]
    assert wished(desk, phase="done", now=[0, 0]) == [("mode m000", "eco", "holds")]
    assert wished(desk, (0, 0), phase="set", now=[0, 0], why="no better") == [("mode m000", "eco", "wants")]
    assert wished(desk, (0, 0), phase="set", now=[0, 0], why="hot") == [("mode m000", "eco", COOLS)]


def test_a_mode_is_wanted_only_of_one_in_its_search_and_only_where_it_has_it():
    desk = Bench(verbs=("mode",))
    assert wished(desk) == []
    assert wished(desk, phase="left", now=[1, 0]) == []
    assert wished(desk, phase="look", now=[2, 0]) == [], "its list of modes is shorter than it was"
    assert wished(desk, phase="look", now=[-1, 0]) == []


def test_a_clock_is_wanted_once_and_otherwise_left_as_it_is():
    desk = Bench()
    assert wished(desk, (500, 1100), phase="set", now=[500, 1100]) == [
        ("tune m000", "frequency_mhz=500 core_voltage_mv=1100", "wants")
    ]
    assert wished(desk, phase="look", now=[525, 1150]) == [("tune m000", "", "holds")]
    assert wished(desk) == [("tune m000", "", "holds")], "no band sets the mode of one that is listed"


def test_the_whole_rule_holds_a_listed_miner_in_the_mode_it_was_found_in():
    desk = Bench(verbs=("mode",))
    desk.options = rule.with_sections(desk.options, [("all", section(miners=("m000",)))])
    desk.now += 120
    desk.shows(mode="standard").see(0)
    assert [(one.what, one.value) for one in desk.last.wishes] == [("mode m000", "standard")]
    assert [dict(event.reason.numbers)["to"] for event in desk.last.events] == ["standard"]
    assert desk.memory["turns"] == {"bitaxe shelf": {"id": "m000", "seen_s": desk.now}}
    desk.options = desk.options._replace(sections=())
    desk.shows(mode="standard").see()
    assert desk.last.wishes == ()
    assert desk.memory == {"books": {}, "turns": {}}


def test_a_band_may_set_the_mode_of_every_miner_that_is_not_listed():
    desk = Bench()
    desk.options = rule.with_sections(desk.options, [("all", section(miners=("m000",)))])
    desk.shows(frequency_mhz=525, core_voltage_mv=1150).see(0)
    assert [one.what for one in desk.last.wishes] == ["tune m000"]
    assert Bench().see().wishes == ()
    gone = Bench()
    gone.memory = {"books": {"m000": {"phase": "look", "home": [525, 1150], "now": [525, 1150], "move": 0}}}
    gone.now += 120
    gone.shows(frequency_mhz=525, core_voltage_mv=1150).see(0)
    assert gone.last.wishes == (), "nor of one that was taken off the list and is at home again"
    assert gone.memory["books"] == {}
