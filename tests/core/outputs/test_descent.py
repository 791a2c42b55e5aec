"""The way of the fans down over a dark mine (CMD10, O6, decision 25): step by step, and back where the inlet climbs."""

import pytest
from core.plant import Plant, wiring
from core.rule_desk import Desk, wired

from mine_controller.core.alarms.advice import advice_of
from mine_controller.core.model.reading import Value
from mine_controller.core.model.state import Shed
from mine_controller.core.wording.words import sentence

DARK = {"on_n": 0}
LIT = {"on_n": 10}


class Fans(Desk):
    """Nine fans, of which so many are on as the last round has left."""

    held = 1  # so many stay on for somebody else

    def __init__(self):
        super().__init__("run_on", fans=9)

    def see(self, passed_s=120, **roles):
        if self.last.limits:
            down = self.fans_on if self.limit("no_fan_down") is not None else 0
            self.fans_on = max(self.held, self.limit("fans_min") or 0, down)
        elif self.last.memory.get("dark_s"):
            self.fans_on = self.held
        return super().see(passed_s, **roles)


def ran_on(inlet_c=20.0, outside_c=18.0):
    """A mine that has been dark for its run-on: the first step has been taken."""
    desk = wired(Fans(), "inlet_c", "ambient_c")
    desk.see(inlet_c=inlet_c, ambient_c=outside_c)
    desk.fleet = DARK
    desk.see()
    desk.see(600)
    return desk


def climbed():
    desk = ran_on()
    desk.see(120)
    desk.see(120, inlet_c=25.0)
    return desk


def test_a_fifth_of_the_fans_goes_down_every_two_minutes_whatever_the_timer():
    desk = ran_on()
    left = [desk.limit("fans_min")]
    for _ in range(4):
        for _ in range(7):
            desk.see(15)
            assert desk.limit("fans_min") == left[-1]
        desk.see(15)
        left.append(desk.limit("fans_min"))
    assert left == [7, 5, 3, 1, None]
    desk.see(86_400, inlet_c=35.0)  # another day, and a warm one
    assert (desk.limit("fans_min"), desk.events()) == (None, [])


def test_a_second_round_of_a_tick_takes_no_step():
    desk = ran_on()
    desk.clock = {"opening": False}
    desk.see(120)
    assert desk.limit("fans_min") == 7


def test_o6_fans_come_back_for_an_hour_where_the_inlet_climbs_with_their_way_down():
    desk = climbed()
    assert (desk.limit("fans_min"), desk.events()) == (9, ["dark_but_hot"])
    assert desk.last.events[0].severity == "warning"
    assert sentence(desk.last.events[0].reason) == (
        "with fewer fans the inlet climbed from 20.0 °C to 25.0 °C, as over running miners; no outlet shows them "
        "drawing: the fans stay"
    )
    desk.see(3480, inlet_c=20.0)
    assert (desk.limit("fans_min"), desk.events()) == (9, [])
    desk.see(120)
    assert (desk.limit("fans_min"), desk.events()) == (7, [])  # another attempt
    desk.see(120)
    desk.see(120, inlet_c=25.0)
    assert (desk.limit("fans_min"), desk.events()) == (9, [])  # which its owner knows already


def test_the_letter_promises_no_more_fans_than_come_back():
    """Beside four fans of nine on the page it said that all of them ran."""
    desk = wired(Fans(), "inlet_c", "ambient_c")
    desk.fans_on = 4
    desk.see(inlet_c=20.0, ambient_c=18.0)
    desk.fleet = DARK
    desk.see()
    desk.see(600)
    desk.see(120)
    desk.see(120, inlet_c=25.0)
    assert (desk.limit("fans_min"), desk.events()) == (4, ["dark_but_hot"])
    does = advice_of("dark_but_hot", "climbed")[1]
    assert does == "the fans that were on come back for an hour, then it tries again"


def test_o6_the_last_step_is_looked_at_too():
    desk = ran_on()
    for _ in range(4):
        desk.see(120)
    assert desk.limit("fans_min") is None
    desk.see(60, inlet_c=24.0)
    assert (desk.limit("fans_min"), desk.events()) == (9, ["dark_but_hot"])


@pytest.mark.parametrize(
    ("inlet_c", "outside_c", "hot"),
    [(22.9, 18.0, False), (23.0, 18.0, True), (23.0, 19.1, False), (23.0, 19.0, True), (23.0, None, True)],
)
def test_o6_what_climbs_no_higher_than_outside_is_not_the_heat_of_miners(inlet_c, outside_c, hot):
    """A wet wall that stops with the miners lets its inlet climb to what is outside."""
    desk = ran_on()
    desk.see(120, inlet_c=inlet_c, ambient_c=outside_c)
    assert (desk.events() == ["dark_but_hot"]) is hot


def test_o6_it_is_an_emergency_while_a_curtailment_rests_on_that_darkness():
    begun = Shed(0, 0, "signal", 34_000, 1_000)
    other, ended = begun._replace(cause="heat"), begun._replace(ended_s=1)
    for shed, severity in ((begun, "emergency"), (other, "warning"), (ended, "warning")):
        desk = ran_on()
        desk.state = desk.state._replace(shed=shed)
        desk.see(120, inlet_c=24.0)
        assert [event.severity for event in desk.last.events] == [severity]


def test_it_is_over_when_the_fans_went_down_and_it_stayed_cool_or_an_outlet_shows_power():
    desk = climbed()
    desk.see(3600, inlet_c=20.0)
    told = []
    for _ in range(8):
        desk.see(120)
        told += desk.events()
    assert told == ["dark_and_cool"]
    desk = climbed()
    desk.fleet = DARK | {"unknown": 1}  # nobody knows: nothing is over
    desk.see(120)
    assert (desk.events(), desk.limit("no_fan_down")) == ([], 0)
    desk.fleet = LIT
    desk.see(120)
    assert desk.events() == ["dark_and_cool"]
    desk.see(120)
    assert desk.events() == []


def test_an_inlet_that_nobody_knows_takes_no_step():
    desk = ran_on()
    desk.see(1200, inlet_c=None)
    assert desk.limit("fans_min") == 7
    desk.see(120, inlet_c=20.0)
    assert desk.limit("fans_min") == 5
    blind = Fans()  # no probe at all: nothing to wait for
    blind.wiring = blind.wiring._replace(roles={})
    blind.see()
    blind.fleet = DARK
    blind.see()
    blind.see(600)
    blind.see(120)
    assert blind.limit("fans_min") == 5


def test_an_inlet_that_was_unknown_when_it_began_is_held_against_the_first_that_is_known():
    desk = wired(Fans(), "inlet_c")
    desk.fleet = DARK
    desk.see(inlet_c=Value(None, 0, "inlet_c", "silent"))
    desk.see(600)
    desk.see(120, inlet_c=20.0)
    desk.see(120, inlet_c=23.0)
    assert desk.events() == ["dark_but_hot"]


def test_in_the_frost_the_way_is_the_same_without_a_run_on_before_it():
    desk = wired(Fans(), "inlet_c", "ambient_c")
    desk.see(inlet_c=-5.0, ambient_c=-10.0)
    desk.fleet = DARK
    desk.see()
    assert (desk.limit("no_fan_down"), desk.limit("fans_min")) == (None, 7)


def test_fans_that_something_else_keeps_on_wait_for_their_step_and_no_warm_day_is_laid_to_them():
    desk = ran_on()
    desk.held = 9
    for at in range(40):
        desk.see(120, inlet_c=20.0 + at / 2, ambient_c=10.0)
        assert (desk.limit("fans_min"), desk.events()) == (7, [])
    desk.held, left = 1, []
    for _ in range(5):
        desk.see(120)
        left.append(desk.limit("fans_min"))
    assert left == [5, 3, 1, None, None]


def test_fans_that_came_on_for_a_start_that_nobody_saw_go_down_the_same_way():
    """Where every outlet shows nothing, a start comes to nothing by the outlets, and its miners run."""
    plant = Plant(wiring())
    plant.ticks(4)
    plant.signal = "off"
    plant.ticks(14)
    assert plant.fans_up == 1
    plant.inlet = 36.0  # every fan runs
    plant.ticks(2)
    assert plant.fans_up == 9
    plant.inlet = 25.0
    seen = []
    for _ in range(9):
        plant.tick()
        seen.append(plant.fans_up)
    assert seen[:5] == [7, 5, 3, 1, 1]


def test_smoke_still_takes_all_of_them_at_once():
    plant = Plant(wiring())
    plant.ticks(4)
    plant.signal = "off"
    plant.ticks(7)
    assert 1 < plant.fans_up < 9
    plant.smoke = "alarm"
    plant.ticks(2)
    assert plant.fans_up == 0


@pytest.mark.parametrize("tick_s", [240, 300, 600])
def test_o6_with_seldom_ticks_the_next_one_still_lays_the_heat_to_the_last_step(tick_s):
    """With ticks of ten minutes it was over before anything could be seen, and every step was taken."""
    desk = ran_on()
    desk.clock = {"tick_s": tick_s, "opening": False}
    desk.see(10)  # the relays obeyed in the same tick
    desk.clock = {"tick_s": tick_s}
    desk.see(tick_s - 10, inlet_c=40.0)
    assert (desk.limit("fans_min"), desk.events()) == (9, ["dark_but_hot"])


def test_it_is_over_where_a_few_stay_on_for_good_too():
    """With idle_fans = 3 its letter, an emergency in a curtailment, came again until the miners ran."""
    desk = climbed()
    desk.held = 3
    desk.see(3600, inlet_c=20.0)
    told = []
    for _ in range(20):
        desk.see(120)
        told += desk.events()
    assert (desk.limit("fans_min"), told) == (1, ["dark_and_cool"])


def test_an_inlet_that_nobody_sees_ends_no_heat():
    desk = climbed()
    desk.see(3600, inlet_c=20.0)
    for _ in range(4):
        desk.see(120)
    told = []
    for _ in range(4):
        desk.see(120, inlet_c=None)
        told += desk.events()
    assert told == []
    desk.see(120, inlet_c=20.0)
    assert desk.events() == ["dark_and_cool"]


def test_relays_that_fall_silent_over_a_dark_mine_bring_no_fan_back():
    """The board's silence looked like all fans on, and they were told on, in the frost as well."""
    plant = Plant(wiring())
    plant.ticks(4)
    plant.signal = "off"
    plant.ticks(14)
    assert plant.fans_up == 1
    told, seen = plant.readings, []
    plant.readings = lambda asked: [one for one in told(asked) if not one.key.startswith("controlbyweb fans/")]
    for _ in range(8):
        plant.tick()
        seen.append(plant.fans_up)
    plant.readings = told
    plant.ticks(2)
    assert (max(seen), plant.fans_up) == (1, 1)


def test_where_no_fan_stays_on_all_of_it_ends_all_the_same():
    desk = ran_on()
    desk.held = 0
    for _ in range(12):
        desk.see(120)
        assert desk.events() == []
    assert (desk.fans_on, desk.limit("fans_min")) == (0, None)


def test_outlets_that_show_nothing_end_no_heat_while_the_meter_shows_the_mine():
    """Nothing went down and nothing drew by its outlet: what was told is still so."""
    desk = climbed()
    desk.fleet = DARK | {"meter_w": 60_000}
    desk.see(120)
    assert (desk.codes("no_fan_down"), desk.events()) == (["shown"], [])
