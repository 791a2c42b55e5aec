"""A Bitaxe whose firmware lowered its clock after overheating and went on: nothing raises it without a person."""

import pytest
from devices.axe import A, Board, one

from mine_controller.core.model.command import APPLIED, REFUSED

# The newest firmware goes on by itself, 100 MHz and 100 mV lower each time (1000 mV at least, later), its fan at 100 %.
COOLED = {"version": "v2.14.1", "autofanspeed": 0, "fanspeed": 100, "manualFanSpeed": 100}


@pytest.mark.parametrize(
    ("mhz", "mv"),
    [
        *((425, 1050), (325, 1000), (525, 1100)),  # of standard, twice, of overclock
        *((325, 950), (300, 900)),  # of standard twice and of eco, by firmware to 2.14, which has no least voltage
    ],
)
@pytest.mark.parametrize(("verb", "value"), [("mode", "overclock"), ("tune", "frequency_mhz=550 core_voltage_mv=1100")])
def test_a_board_that_lowered_its_clock_after_overheating_is_not_raised_again(mhz, mv, verb, value):
    """A wanted mode would make it overheat again about every hour, for ever."""
    outcome, shelf = one(Board(frequency=mhz, coreVoltage=mv, **COOLED), verb, value)
    assert (outcome.verdict, shelf.sent()) == (REFUSED, [])
    assert outcome.why == "lowered its clock after overheating: cool it, then set its fan to auto"


@pytest.mark.parametrize(
    ("told", "verb", "value"),
    [
        ({"frequency": 425, "coreVoltage": 1050}, "mode", "eco"),  # that is cooler still
        ({"frequency": 425, "coreVoltage": 1050}, "tune", "frequency_mhz=410"),
        ({"frequency": 425, "coreVoltage": 1050, "autofanspeed": 1}, "mode", "standard"),  # a person has seen to it
        ({"frequency": 425, "coreVoltage": 1050, "manualFanSpeed": 80}, "mode", "standard"),
        ({"frequency": 525, "coreVoltage": 1150}, "mode", "overclock"),  # one of its modes, its fan set by a person
        ({"frequency": 440, "coreVoltage": 1050}, "mode", "standard"),  # a clock of a person's own
        ({"frequency": 425, "coreVoltage": 1210}, "mode", "standard"),
        ({"frequency": 525, "coreVoltage": 1130}, "mode", "overclock"),  # tuned, and its fan a person's own wish
    ],
)
def test_only_what_the_firmware_left_is_taken_for_it_and_only_a_rise_refused(told, verb, value):
    outcome, shelf = one(Board(**COOLED | told), verb, value)
    assert (outcome.verdict, shelf.sent()) == (APPLIED, [f"PATCH {A} /api/system"])
