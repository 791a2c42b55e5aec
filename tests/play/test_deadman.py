"""The outside service that hears the dead-man: silence beyond period and grace, and nothing else, is an alarm."""

import pytest

from mine_controller.play.deadman import GRACE_S, PERIOD_S, alarms, raised

LATE_S = PERIOD_S + GRACE_S


def test_a_ping_every_tick_raises_nothing_and_one_tick_lost_neither():
    assert alarms(range(0, 2000, 120), 2000) == ()
    assert alarms([0, 120, 360], 480) == ()


def test_silence_is_an_alarm_when_period_and_grace_are_over_until_the_next_ping():
    assert alarms([0, 120, 120 + LATE_S], 900) == ()
    assert alarms([0, 120, 121 + LATE_S], 900) == ((120 + LATE_S, 121 + LATE_S),)
    assert alarms([0, 120], 2000) == ((120 + LATE_S, 2000),)


def test_a_check_that_was_never_pinged_is_not_armed():
    assert alarms([], 10_000) == ()


@pytest.mark.parametrize(
    ("since_s", "until_s", "expected"), [(0, 499, None), (0, 500, 500), (899, 950, 500), (900, 950, None)]
)
def test_an_alarm_counts_while_it_stands(since_s, until_s, expected):
    assert raised(((500.0, 900.0),), since_s, until_s) == expected
