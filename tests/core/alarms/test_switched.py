"""A kind of alarm that is switched off and on again while what it is about goes on."""

import pytest
from core.alarm_desk import FAN, HEAT, Desk, event, over, said
from core.plant import Plant, wiring

from mine_controller.core.alarms import known
from mine_controller.core.alarms.catalogue import DAY_S, default_ways
from mine_controller.core.model.alarm import AlarmPolicy
from mine_controller.core.model.state import State

LINE = event("uplink_down", "lte")


def switch(desk, kind, *, on):
    desk.policy = AlarmPolicy(kinds={kind: default_ways(kind)._replace(on=on)})


@pytest.mark.parametrize("at_first", [True, False])
@pytest.mark.parametrize("off_s", [600, 3 * DAY_S])
def test_what_stands_when_its_kind_is_switched_on_again_is_told(at_first, off_s):
    """Whoever raised it says so once: a line that was down for weeks was told to nobody."""
    desk = Desk(uplink_down={"on": at_first})
    desk.tick(LINE)
    switch(desk, "uplink_down", on=False)
    told = len(desk.told)
    desk.ticks(2)
    desk.tick(passed_s=off_s)
    assert len(desk.told) == told
    assert desk.alarms == {}
    assert known(State(alarms=desk.alarms, last={"alarm_book": desk.book}), "uplink_down lte"), "it is no news"
    switch(desk, "uplink_down", on=True)
    (one,) = desk.tick()
    assert (one.what, one.kind, one.for_s >= off_s) == ("raise", "uplink_down", True)
    assert said(desk.tick(over("uplink_up", "lte"), passed_s=400)) == [("clear", "uplink_down")]
    assert desk.alarms == {}


def test_what_ends_while_its_kind_is_switched_off_is_over_without_a_word():
    desk = Desk()
    desk.tick(LINE)
    switch(desk, "uplink_down", on=False)
    desk.ticks(2)
    desk.tick(over("uplink_up", "lte"))
    switch(desk, "uplink_down", on=True)
    assert desk.ticks(5) == []
    assert desk.alarms == {}
    assert "pending" not in desk.book


def test_what_is_ending_when_its_kind_is_switched_off_does_not_come_back():
    desk = Desk(fan_fault={"off_delay_s": 3600})
    desk.tick(FAN)
    desk.tick(over("fan_back", "fan 3"))
    switch(desk, "fan_fault", on=False)
    desk.tick()
    switch(desk, "fan_fault", on=True)
    assert desk.ticks(5) == []
    assert desk.alarms == {}


def test_what_is_watched_is_looked_at_again_when_its_kind_is_switched_on():
    desk = Desk()
    desk.ticks(3, levels=[HEAT])
    switch(desk, "temperature_warning", on=False)
    desk.tick()
    assert (desk.alarms, desk.book.get("pending")) == ({}, None)
    switch(desk, "temperature_warning", on=True)
    assert said(desk.ticks(8, levels=[HEAT])) == [("raise", "temperature_warning")]


@pytest.mark.parametrize("ways", [{"delay_s": 1800}, {"on": False}])
def test_a_fan_that_is_back_before_its_fault_was_told_is_no_alarm(ways):
    """Nobody said that it was over as long as no alarm was open: it was told half an hour later, of a fan that ran."""
    plant = Plant(wiring(24))
    plant.ticks(3)
    changed = {"fan_fault": default_ways("fan_fault")._replace(**ways)}
    plant.policy = plant.policy._replace(alarms=AlarmPolicy(kinds=changed))
    plant.broken = {"3"}
    plant.ticks(8)
    assert "fan_fault fan 3" in plant.state.last["alarm_book"]["pending"]
    plant.broken = set()
    plant.ticks(8)
    assert len(plant.events("fan_back")) == 1
    assert not plant.state.last["alarm_book"].get("pending")
    plant.policy = plant.policy._replace(alarms=AlarmPolicy())
    plant.ticks(16)
    assert not [one for made in plant.decisions for one in made.tellings if one.kind == "fan_fault"]
