"""A meter on the feed lags behind a stop: what it still shows of those who just went down is drawn by nobody."""

import pytest
from core.test_fleet import NOW, SPEC, summed

from mine_controller.core.model.state import Chase, MinerBook, State

TOLD = Chase("stop", 0, 1, NOW - 15, NOW - 15)
FANS_W = 3000


def after(*, chase=None, dark_s=0, on=False):
    chases = {} if chase is None else {f"miner {SPEC.id}": chase}
    return State(chases=chases, miners={SPEC.id: MinerBook(on=on, last_stop_s=dark_s)})


@pytest.mark.parametrize(
    ("state", "falling_w"),
    [
        (after(chase=TOLD), 3380),
        (after(dark_s=NOW - 30), 3380),
        (after(dark_s=NOW - 60), 0),  # by now it would show it
        (after(chase=TOLD._replace(began_s=NOW - 60)), 0),  # an outlet that shows 0 W of one that runs is found out
        (after(chase=TOLD._replace(sent_s=0)), 0),
        (after(chase=TOLD._replace(want="run")), 0),
        (after(dark_s=NOW - 30, on=True), 0),
        (after(), 0),
    ],
)
def test_what_has_just_gone_down_is_no_load_of_others(state, falling_w):
    fleet = summed([20, 3400, 3400], state, meter=6820 + FANS_W + 3400)
    assert fleet.falling_w == falling_w
    assert fleet.other_w == FANS_W + 3400 - falling_w


def test_no_more_is_falling_than_the_meter_shows_beyond_the_sum():
    assert summed([20, 3400, 3400], after(chase=TOLD), meter=6820 + FANS_W + 500).falling_w == 500
    assert summed([20, 3400, 3400], after(chase=TOLD), meter=6820).falling_w == 0
    assert summed([20, 3400, 3400], after(chase=TOLD)).falling_w == 0


def test_one_that_goes_on_drawing_is_not_falling():
    fleet = summed([3400, 3400, 3400], after(chase=TOLD), meter=10_200 + FANS_W + 2000)
    assert (fleet.falling_w, fleet.other_w) == (0, FANS_W + 2000)
