"""Alarms about what is no longer there: nothing of a rule, a fan, a line, a pool or a miner that was taken out of the
config or of fleet.csv goes on waking its owner."""

import pytest
from core.plant import WALL, Plant, policy, wiring

from mine_controller.core import rules
from mine_controller.core.alarms.catalogue import KINDS, default_ways
from mine_controller.core.model.alarm import AlarmPolicy
from mine_controller.core.wording.words import sentence

BARE = ("stop",)  # the roles of a site that reads nothing


def bare(**more):
    """A plant without fans and inputs, with the rules that such a config has."""
    wires = wiring(4, 0)
    wires = wires._replace(roles={name: role for name, role in wires.roles.items() if name in BARE}, **more)
    whole = policy(wires)
    return Plant(wires, whole._replace(rules={name: whole.rules[name] for name in whole.rules if _lives(name, wires)}))


def _lives(name, wires):
    needs = rules.load(name).NEEDS
    return not needs or any(role in wires.roles for role in needs)


def with_alarm(plant, kind, about, rule):
    alarm = {
        "kind": kind, "about": about, "severity": KINDS[kind].severity, "since_s": plant.now - 900, "id": "abcde",
        "reason": [rule, "x", []], "at": WALL, "state": "active", "times": 1, "level": 0, "raised_s": plant.now - 900,
        "seen_s": plant.now - 900, "told_s": plant.now - 900,
    }  # fmt: skip
    plant.state = plant.state._replace(alarms={f"{kind} {about}": alarm})
    return plant


@pytest.mark.parametrize(
    ("kind", "about", "rule"),
    [
        ("inlet_blind", "inlet", "temperature"),
        ("heat_stop", "inlet", "temperature"),
        ("heat_shed", "inlet", "temperature"),
        ("inlet_doubted", "inlet", "air"),
        ("smoke", "site", "hazard"),
        ("water", "site", "hazard"),
        ("signal_blind", "signal", "signal"),
        ("frequency_shed", "grid", "grid"),
        ("voltage_shed", "supply", "voltage"),
        ("supply_short", "supply", "supply"),
        ("supply_blind", "supply", "supply"),
        ("air_lost", "fans", "air"),
        ("fan_meter_blind", "fans", "air"),
        ("fan_fault", "fan 3", "watch"),
        ("fan_welded", "fan 3", "watch"),
        ("sensor_stuck", "roomalert intake/1", "watch"),
        ("branch_tripped", "b1", "branch"),
        ("wall_dry", "wall", "wall"),
        ("price_missing", "price", "band"),
        ("offline", "internet", "uplinks"),
        ("dummy_pool_dead", "dummy_pool local", "uplinks"),
        ("uplink_down", "wan", "uplinks"),
        ("pool_down", "old", "failover"),
        ("start_failed", "m999", "compare"),
        ("stranger", "m999", "units"),
        ("meters_disagree", "site", "cap"),
        ("rule_failed", "temperature", "decide"),
    ],
)
def test_an_alarm_about_what_the_config_no_longer_has_is_over(kind, about, rule):
    plant = with_alarm(bare(), kind, about, rule)
    plant.tick()
    assert f"{kind} {about}" not in plant.state.alarms
    [over] = [event for event in plant.decisions[-1].events if event.kind == f"{kind}_over" and event.about == about]
    assert sentence(over.reason) == f"{kind} is over: the config no longer has what it was about"


@pytest.mark.parametrize(
    ("kind", "about", "rule"),
    [
        ("fan_fault", "fan 3", "watch"),
        ("fan_meter_blind", "fans", "air"),
        ("start_failed", "m001", "compare"),
        ("inlet_doubted", "inlet", "air"),
        ("backup_failed", "store", "store"),
        ("rule_failed", "alarms", "decide"),
        ("curtail_unproven", "site", "shed"),
    ],
)
def test_an_alarm_about_what_is_still_there_waits_for_its_own_end(kind, about, rule):
    wires = wiring(4)
    plant = with_alarm(Plant(wires, policy(wires)), kind, about, rule)
    plant.tick()
    assert not [event for event in plant.decisions[-1].events if event.reason.code == "moot"]


def test_an_inlet_that_is_taken_out_of_the_config_ends_the_emergency_that_it_went_blind():
    plant = Plant(wiring(24))
    plant.ticks(3)
    plant.inlets = [None, None, None]
    plant.ticks(6)
    assert "inlet_blind inlet" in plant.state.alarms
    after = bare()
    plant.wiring, plant.policy = after.wiring, after.policy
    plant.tick()
    assert "inlet_blind inlet" not in plant.state.alarms


def test_what_is_switched_off_and_about_what_the_config_no_longer_has_is_forgotten():
    plant = with_alarm(bare(), "uplink_down", "wan", "uplinks")
    row = plant.state.alarms["uplink_down wan"]
    plant.state = plant.state._replace(alarms={}, last={"alarm_book": {"pending": {"uplink_down wan": row}}})
    off = default_ways("uplink_down")._replace(on=False)
    plant.policy = plant.policy._replace(alarms=AlarmPolicy(kinds={"uplink_down": off}))
    plant.tick()
    assert "pending" not in (plant.state.last.get("alarm_book") or {})
    assert not [event for event in plant.decisions[-1].events if event.about == "wan"]
