"""The owner changes his config while things are going on: what it no longer has holds nothing and stands for nothing,
and what was under way is brought to its end.
"""

import pytest
from core.plant import Plant, wiring


def rewired(plant, **change):
    """From the next tick on the config wires it so."""
    plant.wiring = plant.wiring._replace(**change)
    plant.policy = plant.policy._replace(wiring=plant.wiring)


def without(plant, *roles):
    """From the next tick on nothing is wired as these roles, and the rules that need them are gone."""
    rewired(plant, roles={name: role for name, role in plant.wiring.roles.items() if name not in roles})
    gone = ("temperature", "cold", "wall") if "inlet_c" in roles else ()
    kept = {name: options for name, options in plant.policy.rules.items() if name not in gone}
    plant.policy = plant.policy._replace(rules=kept)


def held(plant):
    return plant.decisions[-1].envelope.no_start


@pytest.mark.parametrize("gone", ["ambient_c", "inlet_c"])
def test_a_probe_that_was_doubted_and_is_taken_out_of_the_config_holds_nothing(gone):
    """An outside probe that shows °F for °C makes every inlet look impossible; its owner takes it out."""
    plant = Plant(wiring(24))
    plant.ticks(4)
    plant.ambient = 60.0
    plant.ticks(3)
    assert held(plant).code == "doubted"
    without(plant, gone)
    plant.ticks(2)
    assert held(plant) is None
    assert plant.state.alarms == {}
    assert [event.reason.code for event in plant.events("inlet_believed")] == ["undoubted"]
