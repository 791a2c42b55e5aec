"""Weeks on a source that steps twenty times a day: never over it for long, most of it used, starts even (O8, O15)."""

import random
from typing import NamedTuple

import pytest
from core.offgrid_plant import DAY_S, SOURCE, Offgrid, wiring

LEVELS = (1, 1, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.6, 0.4)


class Weeks(NamedTuple):
    """What became of it: steps a day, ticks over the source in a row at most, share used, starts."""

    steps: float
    over: int
    used: float
    starts: tuple[int, ...]


def live_through(days, miners, full_kw, *, seed=7, blind=0.0):
    plant = Offgrid(wiring(miners), running=False, supply={"unknown_kw": full_kw * 0.4})
    plant.audited, plant.possible_kw = False, full_kw
    plant.ticks(30)
    chance, left_s, steps, over, worst, used, had = random.Random(seed), 0, 0, 0, 0, 0, 0
    end = plant.now + days * DAY_S
    while plant.now < end:
        if left_s <= 0:
            plant.possible_kw, left_s = round(full_kw * chance.choice(LEVELS), 1), chance.randrange(1500, 6500)
            steps += 1
        plant.dead = {SOURCE} if chance.random() < blind else set()
        began = plant.now
        plant.tick()
        passed_s = plant.now - began
        left_s, had, used = (
            left_s - passed_s,
            had + round(plant.possible_kw * 1000) * passed_s,
            used + plant.all_w * passed_s,
        )
        over = over + 1 if plant.all_w > plant.possible_kw * 1000 and not plant.dead else 0
        worst = max(worst, over)
        plant.decisions, plant.asked, plant.sent = plant.decisions[-1:], [], []
    starts = tuple(book.starts for book in plant.state.miners.values())
    return Weeks(steps / days, worst, used / had, starts)


def judge(weeks):
    assert weeks.steps >= 20
    assert weeks.over <= 1
    assert weeks.used >= 0.93
    assert max(weeks.starts) - min(weeks.starts) <= 3
    assert min(weeks.starts) > 0


def test_o8_o15_days_of_steps_are_followed_used_and_shared_by_wear():
    judge(live_through(4, 48, 135.0))


def test_a_source_that_is_sometimes_silent_is_never_overloaded_either():
    weeks = live_through(2, 24, 68.0, blind=0.02)
    assert weeks.over <= 1
    assert weeks.used > 0.85


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_o8_o15_thirty_days_of_a_whole_container():
    judge(live_through(30, 160, 450.0))
