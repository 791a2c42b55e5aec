"""What `[site] require` names is an emergency when nobody can tell it any longer; what it does not name is none.
And what is told still, and believed by nobody."""

import pytest
from core.offgrid_plant import METER, SOURCE, Offgrid, wiring
from core.order_desk import view
from core.plant import Plant
from core.plant import wiring as container

from mine_controller.core.alarms.watches import look_round
from mine_controller.core.model.alarm import AlarmPolicy
from mine_controller.core.model.reading import Value
from mine_controller.core.wording.words import sentence

KIND = "required_lost"


def needing(plant, *needs):
    plant.policy = plant.policy._replace(site=plant.policy.site._replace(require=needs))
    plant.ticks(4)
    return plant


def told(plant, kind=KIND):
    return [
        (one.what, one.level, one.about)
        for decision in plant.decisions
        for one in decision.tellings
        if one.kind == kind and one.what in ("raise", "escalate", "clear")
    ]


def test_a_required_frequency_is_an_emergency_when_its_last_word_is_old_for_six_minutes_and_its_return_is_told():
    plant = needing(Offgrid(wiring(4, roles=("grid_hz",))), "grid_frequency")
    plant.dead = {METER}
    plant.ticks(5)
    assert told(plant) == [], "a word of up to four minutes counts, and six are the delay"
    plant.tick()
    assert told(plant) == [("raise", 2, "grid_frequency")]
    [letter] = [one for one in plant.decisions[-1].tellings if one.kind == KIND]
    text = "grid frequency is unknown, and this site requires it: no new reading, last known 12 min ago"
    assert sentence(letter.reason) == text
    plant.dead = set()
    plant.ticks(2)
    assert [(what, about) for what, _, about in told(plant)[1:]] == [("clear", "grid_frequency")]


def test_what_the_site_does_not_require_is_no_emergency():
    plant = needing(Offgrid(wiring(4, roles=("grid_hz",))), "power")
    plant.dead = {METER}
    plant.ticks(12)
    assert told(plant) == []


def test_a_source_that_is_required_is_told_once_by_the_rule_that_knows_what_follows():
    plant = needing(Offgrid(wiring(4)), "supply", "grid_frequency")
    plant.dead = {SOURCE, METER}
    plant.ticks(12)
    assert told(plant) == []
    assert [level for _, level, _ in told(plant, "supply_blind")] == [2]


def test_what_a_blind_source_leaves_too_little_for_is_told_in_one_message():
    plant = Offgrid(wiring(4, roles=("supply_kw",)))
    plant.beside_w = 6_000
    plant.ticks(4)
    plant.dead = {SOURCE}
    plant.ticks(16)
    assert [level for _, level, _ in told(plant, "supply_blind")] == [2]
    assert plant.events("supply_short") == [], "what others use is no shortage of a source that nobody hears"


@pytest.mark.parametrize(("dead", "lost"), [({METER}, 0), ({"redfish pdu1"}, 0), ({METER, "redfish pdu1"}, 1)])
def test_power_is_lost_when_neither_meter_nor_outlets_tell_it(dead, lost):
    plant = Plant(container(4, meter=True))
    plant.audited, plant.meter = False, 30_000
    needing(plant, "power")
    plant.dead = dead
    plant.ticks(8)
    assert told(plant) == [("raise", 2, "power")] * lost


def test_a_site_meter_is_lost_by_itself():
    plant = Plant(container(4, meter=True))
    plant.audited, plant.meter = False, 30_000
    needing(plant, "site_meter")
    plant.dead = {METER}
    plant.ticks(8)
    assert told(plant) == [("raise", 2, "site_meter")]


def test_units_whose_outlets_are_off_owe_no_watts():
    plant = Plant(container(4))
    plant.audited = False
    needing(plant, "power")
    plant.garbage = {f"redfish pdu1/A{n}:power_w": None for n in range(1, 5)}
    plant.signal = "off"
    plant.ticks(2)
    for name in plant.outlet:
        plant.outlet[name], plant.power[name] = False, 0
    plant.ticks(12)
    assert told(plant) == []


def test_a_required_contact_nobody_reads_is_an_emergency():
    plant = Plant(container(4))
    plant.audited = False
    needing(plant, "smoke")
    plant.dead = {"roomalert intake"}
    plant.ticks(8)
    assert told(plant) == [("raise", 2, "smoke")]


# -- what stands still ----------------------------------------------------------------------------------------------


def test_pdu2_a_meter_that_answers_and_stands_still_is_told_and_its_moving_again_too():
    plant = Plant(container(24), running=True)
    plant.ticks(4)
    plant.frozen = True
    plant.ticks(8)
    meters = ["iotawatt fans", "redfish pdu1"]  # whatever has four outlets under load or more
    [letter] = [one for decision in plant.decisions for one in decision.tellings if one.kind == "device_frozen"]
    assert ([letter.about, *letter.others], letter.level) == (meters, 1)
    assert "the same watts at every loaded outlet" in sentence(letter.reason)
    plant.frozen = False
    plant.ticks(3)
    assert [what for what, _, _ in told(plant, "device_frozen")] == ["raise", "clear"]


def test_a_sensor_that_stands_still_is_told_by_its_device_unless_that_is_silent():
    stuck = Value(None, 1, "", "frozen: its uptime has stood still for 240 s")
    channels = {"roomalert intake/1:temp_c": stuck, "roomalert intake/2:temp_c": stuck}
    found = look_round(view(channels=channels), (), AlarmPolicy())
    assert [one.about for one in found.wrong if one.kind == "device_frozen"] == ["roomalert intake"]
    silent = {**channels, "roomalert intake:health": Value(None, 1, "", "no answer")}
    found = look_round(view(channels=silent), (), AlarmPolicy())
    assert "device_frozen roomalert intake" in found.unknown
    assert [one.about for one in found.wrong if one.kind == "device_frozen"] == []
