"""The evaporative wall (O36, HUM3): its band, its interlocks, and a wall that cools nothing."""

from itertools import pairwise

import pytest
from core.plant import Plant, policy, request, wiring
from core.rule_desk import Desk
from hypothesis import given
from hypothesis import strategies as st

from mine_controller.core.model.quantity import ROLES
from mine_controller.core.model.reading import Reading
from mine_controller.core.model.wiring import Role
from mine_controller.core.option import fill
from mine_controller.core.rules import wall
from mine_controller.core.wording.words import sentence

RELAY = "controlbyweb fans/10"


class Walled(Plant):
    """A plant whose next relay is the pump of a wall, with a float switch in its tank."""

    def __init__(self, **more):
        wires = wiring(24)
        tank = Role("tank", ("roomalert intake/switch 4:contact",), ROLES["tank"].vote, 240)
        wires = wires._replace(wall=RELAY, roles={**wires.roles, "tank": tank})
        super().__init__(wires, policy(wires, **more))
        self.pump, self.tank, self.follows = "off", "ok", True
        self.ambient = 25.0

    def readings(self, asked):
        out = super().readings(asked)
        if "controlbyweb fans" in asked and "controlbyweb fans" not in self.dead:
            out.append(Reading(f"{RELAY}:switch", self.pump, self.now))
        out.append(Reading("roomalert intake/switch 4:contact", self.tank, self.now, "" if self.tank else "no answer"))
        return out

    def _do(self, name, command):
        if command.target == "wall pump":
            self.pump = command.verb if self.follows else self.pump
            return "applied"
        return super()._do(name, command)


def warm(**more):
    plant = Walled(**more)
    plant.ticks(4)
    plant.inlet = plant.ambient = 33.0
    plant.humidity = 40.0
    plant.ticks(3)
    assert plant.pump == "on"
    return plant


def told(plant):
    return [one for one in plant.sent if one[1] == "wall pump"]


def test_o36_a_warm_inlet_in_dry_air_starts_the_pump_once_and_a_cool_one_stops_it():
    plant = warm()
    plant.inlet = 28.0
    plant.ticks(5)
    assert plant.pump == "on", "between the marks it stays as it is"
    plant.inlet = 25.5
    plant.ticks(2)
    assert plant.pump == "off"
    assert [verb for _, _, verb, _ in told(plant)] == ["on", "off"]
    assert plant.violations == []


def test_o36_a_pump_that_stands_says_why_by_what_is_measured_now_and_not_by_what_once_stopped_it():
    def why(plant):
        return next(sentence(one.reason) for one in plant.decisions[-1].envelope.wishes if one.what == "wall")

    plant = warm()
    plant.humidity = 90.0
    plant.tick()
    assert why(plant) == "air of 90 % takes no more water: the wall's pump stands"
    plant.inlet, plant.humidity = 22.0, 54.9
    plant.tick()
    assert why(plant) == "inlet 22.0 °C: cool enough without the wall"
    plant.inlet, plant.humidity = 33.0, 80.0
    plant.tick()
    assert why(plant) == "air of 80 % is not dry enough to begin with: the wall's pump stands"


def test_hum3_air_that_is_nearly_full_stops_the_pump_and_it_starts_only_in_dry_air_again():
    plant = warm()
    plant.humidity = 86.0
    plant.tick()
    assert plant.pump == "off"
    plant.humidity = 75.0
    plant.ticks(10)
    assert plant.pump == "off"
    plant.humidity = 65.0
    plant.ticks(2)
    assert plant.pump == "on"


@pytest.mark.parametrize(
    ("what", "value", "word"),
    [
        ("tank", "alarm", "tank"),
        ("tank", None, "tank"),
        ("smoke", "alarm", "water or smoke"),
        ("inlet", None, "unknown"),
        ("humidity", None, "unknown"),
    ],
)
def test_o36_an_interlock_stops_the_pump_in_the_tick_that_knows_of_it(what, value, word):
    plant = warm()
    setattr(plant, what, value)
    plant.ticks(1 if value else 4)  # what nobody tells any more counts for its age
    assert plant.pump == "off"
    (wish,) = [one for one in plant.decisions[-1].envelope.wishes if one.what == "wall"]
    assert word in sentence(wish.reason)


def test_o36_without_proven_air_or_miners_the_pump_stands():
    plant = warm()
    plant.broken = set(plant.fan_on)
    plant.ticks(3)
    assert plant.pump == "off"
    dark = Walled()
    dark.stop = "on"
    dark.inlet = dark.ambient = 33.0
    dark.ticks(6)
    assert dark.pump == "off"


def test_o36_the_pump_is_told_again_until_its_relay_says_so():
    plant = warm()
    plant.follows, plant.inlet = False, 25.0
    plant.ticks(4)
    assert len(told(plant)) >= 3
    plant.follows = True
    plant.ticks(2)
    assert plant.pump == "off"
    assert "wall pump" not in plant.state.chases


def test_hum3_a_pump_that_runs_and_cools_nothing_is_told_once_and_every_fan_runs():
    plant = warm()
    plant.ticks(8)
    assert len(plant.events("wall_dry")) == 1
    assert plant.fans_up == len(plant.fan_on)
    plant.inlet, plant.humidity = 26.5, 82.0
    plant.ticks(2)
    assert len(plant.events("wall_wet")) == 1
    assert plant.violations == []


def test_a_wet_wall_is_not_called_dry():
    plant = warm()
    plant.inlet, plant.humidity = 27.0, 80.0
    plant.ticks(20)
    assert plant.events("wall_dry") == []


@given(st.lists(st.tuples(st.integers(20, 38), st.integers(30, 95)), min_size=4, max_size=12))
def test_the_pump_is_never_on_above_its_humidity_and_rests_between_words(story):
    plant = Walled()
    plant.audited = False
    plant.ticks(2)
    for inlet_c, humidity_pct in story:
        plant.inlet, plant.ambient, plant.humidity = float(inlet_c), float(inlet_c), float(humidity_pct)
        plant.tick()
        assert plant.pump == "off" or humidity_pct <= 85
    starts = [at for at, _, verb, _ in told(plant) if verb == "on"]
    assert all(later - earlier >= 300 for earlier, later in pairwise(starts))


def test_bands_that_are_shut_are_told():
    assert wall.check(fill(wall.Options, {"on_c": 27.0, "off_c": 27.0}))[0].startswith("off_c")
    assert wall.check(fill(wall.Options, {"humidity_on_pct": 80.0, "humidity_off_pct": 75.0}))
    assert wall.check(fill(wall.Options, {})) == ()


def test_the_bands_of_the_pump_may_not_touch():
    touching = {"humidity_on_pct": 80.0, "humidity_off_pct": 80.0}
    assert wall.check(fill(wall.Options, touching)) == ("humidity_on_pct: must be below humidity_off_pct",)
    assert wall.check(fill(wall.Options, touching | {"humidity_on_pct": 79.9})) == ()
    assert wall.check(fill(wall.Options, {"on_c": 28.0, "off_c": 27.0})) == ()
    assert len(wall.check(fill(wall.Options, {"on_c": 28.0, "off_c": 27.1}))) == 1


def wetted(ran_s=900, inlet_c=28.5, outside_c=30.0, humidity_pct=50.0):
    """The rule by itself, its pump having run so long."""
    desk = Desk("wall")
    desk.wiring = desk.wiring._replace(wall=RELAY)
    desk.memory = {"on": 1, "since_s": desk.now + 120 - ran_s}
    desk.see(inlet_c=inlet_c, ambient_c=outside_c, humidity_pct=humidity_pct)
    return desk


@pytest.mark.parametrize(
    ("changes", "dry"),
    [
        ({"inlet_c": 28.6}, True),
        ({}, False),  # a degree and a half below outside is the least that water makes
        ({"inlet_c": 28.6, "humidity_pct": 64.9}, True),
        ({"inlet_c": 28.6, "humidity_pct": 65.0}, False),
        ({"inlet_c": 28.6, "ran_s": 899}, False),
    ],
)
def test_hum3_dry_is_air_nearly_as_warm_as_outside_behind_a_pump_that_ran_for_a_quarter_of_an_hour(changes, dry):
    desk = wetted(**changes)
    assert desk.events() == ["wall_dry"] * dry
    assert desk.limit("fans_min") == (4 if dry else None)


def test_hum3_what_nobody_measures_neither_dries_the_wall_nor_wets_it():
    assert wetted(inlet_c=28.6, outside_c=None).events() == []
    desk = wetted(inlet_c=28.6)
    desk.see(ambient_c=None)
    assert (desk.events(), desk.limit("fans_min")) == ([], 4)
    desk.see(ambient_c=30.0, inlet_c=28.5)
    assert (desk.events(), desk.limit("fans_min")) == (["wall_wet"], None)


@pytest.mark.parametrize(("stays", "want"), [("on", "off"), ("off", "on")])
def test_hum3_a_pump_whose_relay_does_not_follow_for_ten_minutes_is_told_once_and_over_when_it_does(stays, want):
    """Above all one that stays on: neither an empty tank nor water on the floor stops it, and nobody knew."""
    plant = warm()
    plant.ticks(8)
    plant.pump, plant.follows = stays, False
    plant.tank = "alarm" if want == "off" else "ok"
    plant.ticks(5)
    assert plant.events("pump_stuck") == []
    plant.ticks(8)
    (told,) = plant.events("pump_stuck")
    assert (told.severity, sentence(told.reason)) == (
        "warning",
        f"{RELAY} shows {stays} where {want} is wanted: the wall's pump does not do as it is told",
    )
    plant.follows = True
    plant.ticks(3)
    assert not [key for key in plant.state.alarms if key.startswith("pump_stuck")]


def rewired(plant, **change):
    """From the next tick on the config wires it so."""
    plant.wiring = plant.wiring._replace(**change)
    plant.policy = plant.policy._replace(wiring=plant.wiring)


def test_hum3_a_pump_that_runs_when_the_config_loses_it_is_told_once_until_its_relay_shows_off():
    """It ran on without an interlock and nobody knew; what the config does not name is not commanded."""
    plant = warm()
    before = len(told(plant))
    rewired(plant, wall="")
    plant.ticks(4)
    assert plant.events("pump_stuck") == []
    plant.ticks(4)
    (event,) = plant.events("pump_stuck")
    assert (event.severity, event.about, sentence(event.reason)) == (
        "warning",
        RELAY,
        f"{RELAY} shows on: the wall's pump was on when [wiring] lost it, and nobody switches it any more",
    )
    assert (plant.pump, len(told(plant))) == ("on", before)
    plant.pump = "off"  # by hand
    plant.ticks(6)
    assert not [key for key in plant.state.alarms if key.startswith("pump_stuck")]
    assert "left" not in plant.state.memory
    assert plant.violations == []


def test_hum3_a_pump_nobody_can_see_any_more_is_told_until_a_person_has_seen_to_it():
    plant = warm()
    plant.dead.add("controlbyweb fans")
    rewired(plant, wall="", fans=())
    plant.ticks(8)
    (event,) = plant.events("pump_stuck")
    assert sentence(event.reason).startswith(f"{RELAY} shows unknown: the wall's pump was on when [wiring] lost it")
    plant.requests = (request("ack"),)
    plant.ticks(6)
    assert not [key for key in plant.state.alarms if key.startswith("pump_stuck")]


def test_a_pump_whose_line_is_put_back_or_moved_or_that_stood_is_not_told():
    plant = warm()
    rewired(plant, wall="")
    plant.ticks(3)
    rewired(plant, wall=RELAY)
    plant.ticks(12)
    standing = Walled()
    standing.ticks(4)
    rewired(standing, wall="")
    standing.pump = "on"  # whatever hangs there now
    standing.ticks(12)
    shadow = Walled(live=False)
    shadow.inlet = shadow.ambient = 33.0
    shadow.humidity = 40.0
    shadow.ticks(6)
    rewired(shadow, wall="")
    shadow.ticks(12)
    assert [one.events("pump_stuck") for one in (plant, standing, shadow)] == [[], [], []]


def test_what_an_older_program_remembers_of_a_pump_without_its_relay_ends_no_round():
    plant = warm()
    del plant.state.memory["wall"]["relay"]
    rewired(plant, wall="")
    plant.ticks(8)
    assert "left" not in plant.state.memory
    assert not plant.events("rule_failed")
    assert plant.violations == []


def test_hum3_a_pump_stops_when_the_config_has_neither_inlet_nor_humidity_any_more():
    """The rule was gone with its inputs, and the pump ran on: not knowing forbids it."""
    plant = warm()
    roles = {name: role for name, role in plant.wiring.roles.items() if name not in wall.NEEDS}
    rewired(plant, roles=roles)
    kept = {name: own for name, own in plant.policy.rules.items() if name not in ("temperature", "cold", "wall")}
    plant.policy = plant.policy._replace(rules=kept)
    plant.follows = False
    plant.ticks(3)
    plant.follows = True
    plant.ticks(3)
    assert plant.pump == "off"
    assert "wall" not in plant.state.memory
