"""What a sample says of the twin: an excuse is there only where the trouble is."""

import pytest
from laws.stages import stage


def last(*words):
    here = stage().run(1)
    for text in words:
        here.do(text)
    return here.run(1).history.samples[-1]


@pytest.mark.parametrize(
    ("words", "sensed"),
    [
        ((), True),
        (("sensor 2 stick 21.5",), True),
        (("sensor 1 unplug", "sensor 4 unplug"), True),
        (("sensor 1 unplug", "sensor 3 stick 85"), False),
        (("device roomalert intake frozen",), False),
    ],
)
def test_one_probe_of_the_inlet_that_is_ill_is_outvoted_and_excuses_nothing(words, sensed):
    assert last(*words).sensed is sensed
    assert not last(*words).unfelt


@pytest.mark.parametrize("how", ["silent", "gone", "garbage", "slow 9"])
def test_a_monitor_that_nobody_can_use_leaves_the_inlet_to_its_ladder(how):
    assert last(f"device roomalert intake {how}").unfelt


@pytest.mark.parametrize(
    ("how", "blind", "still"), [("ok", False, False), ("slow 5", False, False), ("slow 6", True, False),
                                ("blank", True, False), ("frozen", False, True)],
)  # fmt: skip
def test_a_page_is_blind_or_stands_still_or_can_be_read(how, blind, still):
    seen = last(f"page {how}")
    assert (seen.blind, seen.still) == (blind, still)
