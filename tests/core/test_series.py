"""Hours and days as one short text."""

from hypothesis import given
from hypothesis import strategies as st

from mine_controller.core.series import Series, put, read, write

values = st.lists(st.none() | st.integers(0, 10**24), min_size=1, max_size=40).map(tuple)


@given(st.integers(0, 10**7), st.integers(1, 99), values)
def test_what_is_written_is_read_again(slot, samples, kept):
    series = Series(slot, samples, kept)
    assert read(write(series)) == series


@given(st.one_of(st.none(), st.integers(), st.text(), st.text(alphabet="0123456789 -", max_size=40)))
def test_any_text_is_a_series_or_none(text):
    series = read(text)
    assert all(value is None or value >= 0 for value in series.values)
    put(series, 5, 1, 24)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 1000)), max_size=60))
def test_no_more_slots_than_wanted_and_the_newest_last(samples):
    series = Series()
    for slot, value in samples:
        series = put(series, slot, value, 24)
        assert len(series.values) <= 24
        assert series.values[-1] == value


def test_a_mean_of_its_hour_and_a_hole_between():
    series = Series()
    for slot, value in ((7, 10), (7, 20), (7, 30), (10, 5)):
        series = put(series, slot, value, 24, mean=True)
    assert series.values == (20, None, None, 5)
    assert [series.at(slot) for slot in (6, 7, 8, 10, 11)] == [None, 20, None, 5, None]


def test_a_long_absence_begins_anew_and_a_clock_that_ran_back_only_changes_the_newest():
    series = put(put(Series(), 100, 1, 24), 101, 2, 24)
    assert put(series, 90, 7, 24).values == (1, 7)
    assert put(series, 500, 9, 24) == Series(500, 1, (9,))


def test_a_sample_of_the_same_slot_takes_the_place_of_the_last_and_one_of_the_next_stands_alone():
    series = put(put(Series(), 7, 10, 24), 7, 20, 24)
    assert (series.values, series.samples) == ((20,), 1)
    mean = put(put(Series(), 7, 10, 24, mean=True), 7, 20, 24, mean=True)
    assert (mean.values, mean.samples) == ((15,), 2)
    assert put(mean, 8, 5, 24, mean=True) == Series(8, 1, (15, 5))
    assert put(put(mean, 8, 5, 24, mean=True), 8, 9, 24, mean=True).values == (15, 7)
    assert put(Series(7, 3, (None,)), 7, 9, 24, mean=True).values == (9,)
    assert put(Series(7, 1, (1, 2)), 8, 3, 2).values == (2, 3)
    assert put(Series(7, 1, (1,)), 31, 3, 24) == Series(31, 1, (3,))
    assert len(put(Series(7, 1, (1,)), 30, 3, 24).values) == 24
