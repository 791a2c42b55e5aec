"""What the names of a CGMiner's fields say, and that a fleet of one firmware is asked for it once."""

import pytest

from mine_controller.devices import _cgminer_fields as fields


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        *((name, "heats_c") for name in ("temp1", "Temp", "TEMP", "Temperature", "Chip Temp Max", "temp2_1")),
        *((name, "fans_rpm") for name in ("fan1", "Fan_12", "Fan Speed In", "fan_speed_out")),
        *((name, "sampled_mhs") for name in ("MHS(Sample)", "0 MHS (Sample)", "12 MHS(Sample)")),
        *((name, None) for name in ("temp_num", "Chip Temp Avg", "Target Temp", "fan_num", "MHS 5s", "Env Temp", "")),
    ],
)
def test_a_name_says_what_its_number_is(name, meaning):
    told = fields.measured([{name: 5.0}], [])
    assert [kind for kind in told._fields if getattr(told, kind)] == ([meaning] if meaning else [])


def test_of_boards_only_their_heat_is_read():
    board = {"Temperature": 61.5, "Fan Speed In": 4200, "MHS(Sample)": 9.0}
    assert fields.measured([], [board]) == ([61.5], [], [])
    assert fields.measured([board], []) == ([61.5], [4200], [9.0])


def test_units_of_one_shape_have_their_own_numbers_and_patterns_are_asked_once():
    fields._marked.cache_clear()
    shape = [{"temp1": 60 + at, "fan1": 4000 + at, "Elapsed": at} for at in range(50)]
    told = [fields.measured([row], [{"Temperature": 50.0 + at}]) for at, row in enumerate(shape)]
    assert [one.heats_c for one in told] == [[50.0 + at, 60.0 + at] for at in range(50)]
    assert [one.fans_rpm for one in told] == [[4000.0 + at] for at in range(50)]
    assert fields._marked.cache_info().misses == 2


def test_a_shape_is_its_names_and_not_how_many_there_are():
    assert fields.measured([{"temp1": 1.0}], []).heats_c == [1.0]
    assert fields.measured([{"fan1": 2.0}], []) == ([], [2.0], [])
    assert fields.measured([{"temp1": "no sensor"}], []).heats_c == []


@pytest.mark.parametrize(
    ("rows", "rate"),
    [
        (({"MHS 5s": 2e6, "GHS 1m": 3e3, "MHS av": 9e6},), 3.0),
        (({"MHS 5s": 2e6}, {"THS 1m": 4.0}), 4.0),
        (({"MHS 1m": "nan", "MHS 5s": 2e6},), 2.0),
        (({"MHS 1m": -1.0, "MHS av": 9e6},), 9.0),
        (({"MHS av": 9e6}, {"GHS av": 1.0}), 9.0),
        (({}, {"GHS 5m": "13500.12"}), 13.50012),
        (({},), None),
    ],
)
def test_a_rate_is_that_of_the_first_window_there_is_whichever_row_tells_it(rows, rate):
    told = fields.rate_ths(rows, [])
    assert told == (pytest.approx(rate) if rate is not None else None)


def test_what_the_chips_counted_is_added_up():
    assert fields.rate_ths(({"MHS 1m": 1e6},), [1e6, 2e6]) == pytest.approx(3.0)


def test_watts_and_time_are_the_first_numbers_of_the_first_row_that_has_one():
    rows = ({"Power": "n/a", "watt": "3200 W", "Elapsed": None}, {"Power": 9, "Elapsed": 70})
    assert fields.watts(rows) == 3200
    assert fields.elapsed_s(rows) == 70
    assert fields.watts(({},)) is None
