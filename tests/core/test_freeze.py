"""`freeze` takes any garbage a device can put into a reading."""

import math

import pytest
from core.plant import Plant, wiring

from mine_controller.core.freeze import freeze
from mine_controller.core.model.reading import Reading

METER = "redfish pdu1/A{n}:power_w"


def frozen(*readings):
    plant = Plant(wiring(4))
    plant.ticks(1)
    image = plant.image
    return freeze(image, readings, plant.wiring, image.clock), image.clock.plant_s


@pytest.mark.parametrize("value", [10**400, -(10**400), math.inf, -math.inf, math.nan, True, "on", "", None, 1e300])
@pytest.mark.parametrize("key", [METER.format(n=1), "roomalert intake/1:temp_c", "sel735 meter:grid_hz"])
def test_a_number_that_is_none_is_unknown_and_no_crash(key, value):
    """JSON allows integers of any length, and Python's reader takes Infinity and NaN."""
    image, now_s = frozen(Reading(key, value, 10**9))
    held = image.channels[key]
    assert held.why
    assert held.at_s <= now_s


def test_loads_without_end_on_every_outlet_are_no_frozen_meter_and_no_crash():
    readings = [Reading(METER.format(n=n), math.inf, 10**9) for n in range(1, 5)]
    image, _ = frozen(*readings)
    assert {image.channels[one.key].why for one in readings} == {"not a finite number"}


def test_an_answer_overtaken_by_a_newer_one_changes_nothing():
    key = METER.format(n=1)
    image, _ = frozen(Reading(key, 3000, 10**9), Reading(key, 2000, 10**9 - 1), Reading("x y:word", "hashing", 5))
    assert image.channels[key].value == 3000
    assert image.channels["x y:word"].value == "hashing"


def test_words_that_are_not_of_the_quantity_are_unknown():
    image, _ = frozen(Reading("foreman mine/aa:word", "<script>", 10**9), Reading("x y:switch", "maybe", 10**9))
    assert image.channels["foreman mine/aa:word"].value is None
    assert image.channels["x y:switch"].why.startswith("not a word of switch")


def test_our_own_marks_are_nobodys_to_write():
    image, _ = frozen(Reading("roomalert intake/1:temp_c?", "2", 10**9), Reading("x y:nonsense?", "a", 10**9))
    assert "x y:nonsense?" not in image.channels
    assert "roomalert intake/1:temp_c?" not in image.channels


def test_what_is_told_of_a_listed_unit_is_kept_and_of_a_stranger_let_go_after_a_day():
    plant = Plant(wiring(4))
    plant.ticks(1)
    own = f"foreman mine/{plant.wiring.miners[0].mac}"
    told = [f"{own} firmware:text", f"{own}:chip_c", "foreman mine/aa:bb firmware:text", "foreman mine/aa:bb:chip_c"]
    image = freeze(plant.image, [Reading(key, 40 if key.endswith("_c") else "v1", plant.now) for key in told],
                   plant.wiring, plant.image.clock)  # fmt: skip

    def later(passed_s):
        clock = plant.image.clock._replace(plant_s=plant.now + passed_s)
        return [key for key in told if key in freeze(image, (), plant.wiring, clock).channels]

    assert later(86_400) == told
    assert later(86_401) == told[:2]
