"""Going down by steps and coming back, reading by reading: what frequency and voltage have in common."""

import pytest

from mine_controller.core.model.reading import Value
from mine_controller.core.power.steps import APART_S, Marks, Pace, step

MARKS = Marks(block=49.8, shed=49.5, off=49.0)
PACE = Pace(step_pct=25, apart_s=60, confirm=2, hold_s=300)


class Source:
    def __init__(self, drawn_w=1000):
        self.kept, self.now, self.drawn_w = {}, 10_000, drawn_w

    def see(self, figure, *, passed_s=20, at_s=None, drawn_w=None):
        self.now += passed_s
        value = Value(figure, self.now if at_s is None else at_s)
        return step(self.kept, value, MARKS, PACE, self.drawn_w if drawn_w is None else drawn_w, self.now)


def test_a_figure_on_its_mark_is_still_good():
    source = Source()
    for figure in (49.8, 49.8, 49.8):
        assert source.see(figure) == (None, False, False, False, False)
    assert source.see(49.79).blocked is True
    assert [source.see(49.5).shed for _ in range(5)] == [False] * 5


def test_a_low_figure_is_looked_at_twice_and_then_load_goes_by_a_share_of_what_was_drawn():
    source = Source()
    assert source.see(49.4) == (None, True, False, False, True)
    assert source.see(49.4) == (750, True, True, False, False)


def test_the_next_step_waits_for_its_time_and_goes_from_the_ceiling():
    source = Source()
    source.see(49.4)
    source.see(49.4)
    assert source.see(49.4, passed_s=59).cap_w == 750
    assert source.see(49.4, passed_s=1).cap_w == 562
    assert source.see(49.4, passed_s=60, drawn_w=400).cap_w == 300


def test_a_share_is_taken_of_the_load_at_the_first_low_reading():
    source = Source()
    source.see(49.4, drawn_w=1000)
    assert source.see(49.4, drawn_w=800).cap_w == 750


def test_one_good_reading_ends_the_row():
    source = Source()
    source.see(49.4)
    source.see(49.5)
    assert source.see(49.4) == (None, True, False, False, True)


def test_readings_nearer_than_one_look_are_one():
    source = Source()
    source.see(49.4)
    assert source.see(49.4, passed_s=APART_S - 1).shed is False
    assert source.see(49.4, passed_s=1).shed is True


def test_far_too_low_everything_goes_once_it_is_proven_and_is_told_once():
    source = Source()
    assert source.see(48.9).cap_w is None
    assert source.see(48.9) == (0, True, True, False, False)
    assert source.see(48.9) == (0, True, False, False, False)


def test_far_too_low_while_load_is_going_already_takes_one_more_look():
    source = Source()
    source.see(48.9, drawn_w=1000)
    second = source.see(48.9, drawn_w=899)
    assert (second.cap_w, second.look) == (750, True)
    assert source.see(48.9, drawn_w=600).cap_w == 0
    calm = Source()
    calm.see(48.9, drawn_w=1000)
    assert calm.see(48.9, drawn_w=900).cap_w == 0


def test_load_comes_back_when_the_figure_was_good_for_the_whole_hold():
    source = Source()
    source.see(49.4)
    source.see(49.4)
    assert source.see(49.9) == (750, True, False, False, False)
    assert source.see(49.9, passed_s=299) == (750, True, False, False, False)
    assert source.see(49.9, passed_s=1) == (None, False, False, True, False)
    assert source.see(49.9).back is False


def test_a_block_alone_ends_without_a_word():
    source = Source()
    source.see(49.7)
    source.see(49.9)
    assert source.see(49.9, passed_s=300) == (None, False, False, False, False)


def test_unknown_takes_no_step_lifts_nothing_and_ends_the_row_of_good_ones():
    source = Source()
    source.see(49.4)
    source.see(49.4)
    source.see(49.9)
    assert source.see(None, passed_s=200) == (750, True, False, False, False)
    assert source.see(49.9, passed_s=200).cap_w == 750
    assert source.see(49.9, passed_s=299).cap_w == 750
    assert source.see(49.9, passed_s=1).cap_w is None


def test_unknown_at_first_blocks_nothing_by_itself():
    assert Source().see(None) == (None, False, False, False, False)


def test_where_nothing_is_left_to_take_off_no_further_step_is_told():
    """A mine that rests through a night of low voltage was told every two minutes that load goes down a step."""
    source = Source(drawn_w=65)
    told = [source.see(49.4, passed_s=120).shed for _ in range(60)]
    assert told[1]
    assert not any(told[20:])


@pytest.mark.parametrize("drawn_w", [0, 500, 90_000])
def test_a_share_of_however_little_is_left_is_no_stop_of_all(drawn_w):
    """Forty minutes of low frequency were a curtailment of a mine that rested: told as proven, and in the report."""
    source = Source(drawn_w=drawn_w)
    caps = [source.see(49.4, passed_s=120).cap_w for _ in range(150)]
    assert caps[0] is None
    assert caps[-1] == 1
    assert 0 not in caps
    assert [source.see(48.9).cap_w for _ in range(2)] == [1, 0], "far too low it is"
    assert {source.see(49.4, passed_s=120).cap_w for _ in range(9)} == {0}, "and a little better ends no stop"
