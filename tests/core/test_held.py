"""A mine that may run and is held back for an hour is told of, and told free again."""

import pytest
from core.offgrid_plant import Offgrid
from core.offgrid_plant import wiring as offgrid_wiring
from core.plant import Plant, wiring

from mine_controller.core.wording.words import sentence

HOUR_TICKS = 30


def cold_plant():
    plant = Plant(wiring(miners=6, fans=3), running=False)
    plant.inlet = plant.ambient = -20.0
    return plant


def runs(plant):
    return any(book.on for book in plant.state.miners.values())


def test_a_cold_night_in_which_nothing_may_start_is_told_once_with_its_cause_and_when_it_is_over():
    plant = cold_plant()
    plant.ticks(HOUR_TICKS - 2)
    assert (plant.state.mode, plant.events("starts_held")) == ("HOLD", [])
    plant.ticks(2 * HOUR_TICKS)
    told = plant.events("starts_held")[0]
    assert (told.severity, sentence(told.reason)) == ("warning", "inlet -20.0 °C is below 5.0 °C: too cold to start")
    assert "starts_held site" in plant.state.alarms
    plant.inlet = plant.ambient = 20.0
    plant.ticks(2 * HOUR_TICKS)
    [over] = plant.events("starts_freed")
    assert (sentence(over.reason), runs(plant)) == ("starts are not held back any more", True)
    assert "starts_held site" not in plant.state.alarms


def test_a_curtailment_neither_counts_as_being_held_back_nor_ends_it():
    plant = cold_plant()
    plant.signal = "off"
    plant.ticks(2 * HOUR_TICKS)
    assert plant.events("starts_held") == []
    plant.signal = "run"
    plant.ticks(2 * HOUR_TICKS)
    assert len(plant.events("starts_held")) == 1
    plant.signal = "off"
    plant.ticks(10)
    assert plant.events("starts_freed") == []
    plant.signal = "run"
    plant.ticks(2 * HOUR_TICKS)
    assert (len(plant.events("starts_held")), plant.events("starts_freed")) == (1, [])


def test_what_holds_the_mine_is_told_as_long_as_it_does_also_when_its_rule_has_nothing_to_remember():
    """A meter that never told a frequency: the rule of the grid knows not even its nominal one."""
    plant = Offgrid(offgrid_wiring(6, roles=("grid_hz",)), running=False)
    plant.policy = plant.policy._replace(site=plant.policy.site._replace(nominal_hz=0))
    plant.hz = None
    plant.ticks(2 * HOUR_TICKS)
    assert (plant.state.mode, plant.state.memory["grid"]) == ("HOLD", {})
    assert [event.reason.rule for event in plant.events("starts_held")] == ["grid"]
    assert "starts_held site" in plant.state.alarms
    plant.hz = 60.0
    plant.ticks(HOUR_TICKS)
    assert len(plant.events("starts_freed")) == 1
    assert "starts_held site" not in plant.state.alarms


def test_something_else_that_holds_it_then_is_told_in_its_place():
    plant = cold_plant()
    plant.ticks(2 * HOUR_TICKS)
    plant.inlet = plant.ambient = 20.0
    plant.humidity = 95.0
    plant.ticks(10)
    assert [event.reason.code for event in plant.events("starts_held")] == ["too_cold", "humid"]
    assert plant.state.alarms["starts_held site"]["reason"][:2] == ["cold", "humid"]


def test_a_mine_in_which_somebody_runs_is_not_called_held_back():
    plant = Plant(wiring(miners=6, fans=3), running=False)
    plant.ticks(1)
    plant.inlet = -20.0  # which nobody believes while it is 22 °C outside: the first step runs, and no other follows
    plant.ticks(3 * HOUR_TICKS)
    assert (plant.state.mode, runs(plant), plant.events("starts_held")) == ("HOLD", True, [])


@pytest.mark.parametrize("ticks", [HOUR_TICKS - 1, 2 * HOUR_TICKS])
def test_fans_that_have_yet_to_turn_after_a_long_hold_are_not_what_held_it(ticks):
    """ "Over after 3 h: 1 of 3 fans prove air", of a mine whose air came within a minute of being asked for; and told
    as held back for the first time in the round in which it began to climb."""
    plant = cold_plant()
    plant.ticks(ticks)
    plant.inlet = plant.ambient = 20.0
    plant.ticks(HOUR_TICKS)
    assert runs(plant)
    assert "no_room" not in [event.reason.code for event in plant.events("starts_held")]


@pytest.mark.parametrize(("fans", "broken"), [(1, ()), (4, ("1", "2", "3"))])
def test_a_mine_whose_fans_never_carry_the_first_miner_is_held_back(fans, broken):
    """It stood as RESUMING for ever, and nobody was told: one fan wired, or one left that turns."""
    plant = Plant(wiring(miners=6, fans=fans), running=False)
    plant.broken = set(broken)
    plant.ticks(HOUR_TICKS - 2)
    assert plant.events("starts_held") == []
    plant.ticks(2 * HOUR_TICKS)
    [told] = plant.events("starts_held")
    why = f"1 of {fans} fans prove air: 2 must, one of them the spare, before a miner starts"
    assert sentence(told.reason) == why
    plant.broken = set()
    plant.ticks(2 * HOUR_TICKS)
    assert (runs(plant), "starts_held site" in plant.state.alarms) == ((True, False) if fans > 1 else (False, True))
