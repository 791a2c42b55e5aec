"""NTF3: when nothing at the site answers, that is one emergency, and what follows from it is counted under it."""

import pytest
from core.alarm_desk import Desk, event
from core.plant import Plant, wiring

from mine_controller.core.model.wiring import EndpointSpec
from mine_controller.core.wording.words import sentence

SENSORS = ("roomalert intake", "iotawatt fans", "controlbyweb fans")


def dark(plant, minutes, *but):
    """Everything at the site falls silent, but for these."""
    plant.dead = {name for name, spec in plant.wiring.endpoints.items() if not spec.outside and name not in but}
    plant.ticks(minutes // 2)
    return plant


def raised(plant):
    return [(one.kind, one.level) for decision in plant.decisions for one in decision.tellings if one.what == "raise"]


def running(**kwargs):
    plant = Plant(wiring(12, **kwargs))
    plant.ticks(4)
    return plant


def test_ntf3_a_site_without_power_or_switch_is_one_emergency_and_not_one_an_input():
    plant = dark(running(), 40)
    emergencies = [kind for kind, level in raised(plant) if level == 2]
    assert emergencies == ["site_silent", "curtail_unproven"], "whether it is off is nobody's to know: that is told too"
    [alarm] = [one for one in plant.state.alarms.values() if one["kind"] == "site_silent"]
    assert alarm["since_s"] <= plant.now - 34 * 60
    told = next(one for decision in plant.decisions for one in decision.tellings if one.kind == "site_silent")
    assert sentence(told.reason) == "nothing at the site answers: 4 of 4 devices are silent"


def test_ntf3_one_device_that_answers_is_a_sign_of_life_and_the_blind_inlet_is_told():
    plant = dark(running(), 40, "controlbyweb fans")
    kinds = {kind for kind, _ in raised(plant)}
    assert "site_silent" not in kinds
    assert "inlet_blind" in kinds


def test_ntf3_what_is_blind_still_when_the_site_is_back_is_told_then():
    plant = dark(running(), 40)
    assert "inlet_blind" not in {kind for kind, _ in raised(plant)}
    plant.dead = {"roomalert intake"}
    plant.ticks(6)
    assert "inlet_blind" in {kind for kind, _ in raised(plant)}
    assert "site_silent site" not in plant.state.alarms


def test_what_is_asked_seldom_or_is_the_controller_itself_is_no_sign_of_life():
    plant = running()
    more = {
        "machine self": EndpointSpec("machine self", here=True),
        "shelly garden": EndpointSpec("shelly garden", every_s=36_000),
    }
    plant.wiring = plant.wiring._replace(endpoints=plant.wiring.endpoints | more)
    plant.policy = plant.policy._replace(wiring=plant.wiring)
    plant.ticks(2)
    dark(plant, 10, *more)
    assert "site_silent" in {kind for kind, _ in raised(plant)}


@pytest.mark.parametrize("every_s", [60, 240])
def test_boards_that_are_asked_once_a_minute_and_answer_are_a_sign_of_life(every_s):
    plant = running()
    plant.wiring.endpoints["bitaxe shelf"] = EndpointSpec("bitaxe shelf", every_s=every_s, fleet=True)
    plant.ticks(2)
    dark(plant, 60, "bitaxe shelf")
    assert "site_silent" not in {kind for kind, _ in raised(plant)}
    dark(plant, 12)
    assert "site_silent" in {kind for kind, _ in raised(plant)}


@pytest.mark.parametrize(("fans", "level"), [(9, 2), (0, 1)])
def test_a_site_without_fans_is_warned_of(fans, level):
    plant = Plant(wiring(12, fans=fans))
    plant.ticks(4)
    assert ("site_silent", level) in raised(dark(plant, 20))


def test_two_devices_are_no_site():
    plant = running()
    ends = {name: spec for name, spec in plant.wiring.endpoints.items() if spec.outside or name in SENSORS[:2]}
    plant.wiring = plant.wiring._replace(endpoints=ends)
    plant.policy = plant.policy._replace(wiring=plant.wiring)
    assert "site_silent" not in {kind for kind, _ in raised(dark(plant, 20))}


def test_where_the_mains_are_known_to_be_gone_they_are_the_cause():
    desk = Desk()
    gone = [event("mains_lost", "site"), event("site_silent", "site")]
    told = [*desk.tick(levels=gone), *desk.ticks(6, levels=gone)]
    assert [one.kind for one in told if one.what == "raise"] == ["mains_lost"]
