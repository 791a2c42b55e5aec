"""Fans run on after a stop: one probe that shows frost takes no air away."""

import pytest
from core.plant import Plant, wiring
from core.rule_desk import Desk

from mine_controller.core.wording.words import sentence


def test_cmd10_one_probe_stuck_in_frost_ends_no_run_on():
    """CMD10, TMP1: found by a story of the twin, where the coldest probe alone let the fans go down over hot boards."""
    plant = Plant(wiring())
    plant.ticks(4)
    plant.inlets = (25.0, 25.0, -10.0)
    plant.ticks(4)
    plant.signal = "off"
    plant.ticks(3)
    assert plant.fans_up >= 2
    assert plant.violations == []


def test_real_frost_lets_fans_go_down_earlier():
    plant = Plant(wiring())
    plant.inlet, plant.ambient = 1.0, -5.0
    plant.ticks(6)
    plant.signal = "off"
    plant.ticks(4)
    assert plant.fans_up <= 2
    assert plant.violations == []


def _in_kilowatts(plant):
    plant.garbage = {f"{spec.outlet}:power_w": 3 for spec in plant.wiring.miners}


def test_pdu4_no_air_is_taken_from_miners_that_say_they_hash_whatever_their_outlets_show():
    """PDU4, G6: found by a story of the twin, where every PDU showed 0 W of miners that ran on, and they tripped."""
    plant = Plant(wiring())
    plant.ticks(4)
    air = plant.fans_up
    _in_kilowatts(plant)
    plant.ticks(12)
    assert plant.fans_up == air
    plant.signal = "off"  # and it takes the word of a stop to end it
    plant.ticks(8)
    assert plant.total < 24 * 50
    assert plant.fans_up < air
    assert plant.violations == []


def test_pdu4_air_that_stayed_for_their_word_stays_until_nearly_all_of_them_have_said_otherwise():
    plant = Plant(wiring())
    plant.ticks(4)
    air, names = plant.fans_up, list(plant.power)
    _in_kilowatts(plant)
    plant.ticks(8)
    plant.signal, plant.mute = "off", set(names)  # what they do is told below
    plant.power |= dict.fromkeys(names[4:], 25)  # a sixth is left
    plant.ticks(8)
    assert plant.fans_up == air
    plant.power |= dict.fromkeys(names[1:], 25)
    plant.ticks(4)
    assert plant.fans_up == air  # they run on from now
    plant.ticks(4)
    assert plant.fans_up < air


def test_pdu4_air_that_stayed_for_their_word_stays_when_nobody_hears_them_any_more():
    plant = Plant(wiring())
    plant.ticks(4)
    air = plant.fans_up
    _in_kilowatts(plant)
    plant.ticks(8)
    plant.dead = {"foreman mine"}
    plant.ticks(20)
    assert plant.fans_up == air


def test_met2_no_air_is_taken_from_miners_that_only_the_site_meter_shows():
    """Found by a story of the twin: PDUs that said 0 W, a silent Foreman, and a meter that showed the whole mine."""
    plant = Plant(wiring(meter=True))
    plant.dead, plant.meter = {"foreman mine"}, 24 * 3400 + 9 * 1500
    plant.ticks(4)
    air = plant.fans_up
    plant.garbage = {f"{spec.outlet}:power_w": 0 for spec in plant.wiring.miners}
    plant.ticks(12)
    assert plant.fans_up == air
    assert "the site meter shows" in " ".join(sentence(one.reason) for one in plant.decisions[-1].envelope.reasons)
    plant.meter = 9 * 1500 + 600  # dark in truth
    plant.ticks(8)
    assert plant.fans_up < air


def test_a_few_words_that_were_left_behind_hold_no_air():
    plant = Plant(wiring())
    plant.ticks(4)
    plant.power |= dict.fromkeys(list(plant.power)[:4], 3400)
    plant.garbage = {f"{spec.outlet}:power_w": 3 for spec in plant.wiring.miners[:4]}
    plant.liars = set(list(plant.power)[:4])
    plant.signal = "off"
    plant.ticks(12)
    assert plant.fans_up <= 2


@pytest.mark.parametrize(("away", "doubted"), [(0, False), (5, True)])
def test_pdu4_a_fifth_that_says_it_hashes_is_one_of_the_miners_that_are_there(away, doubted):
    """Four of nineteen said so, and five more on a shelf had them lose their air."""
    desk = Desk("run_on", miners=24, fans=9)
    desk.words = ("hashing",) * 4 + ("sleeping",) * 20
    desk.fleet = {"on_n": 0, "away_n": away}
    for _ in range(8):
        desk.see()
    assert ("doubted" in desk.codes("no_fan_down")) is doubted
