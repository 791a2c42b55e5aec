"""What the names of a CGMiner's fields say, and that a fleet of one firmware is asked for it once."""

import pytest

from mine_controller.devices import _cgminer_fields as fields

KINDS = ("heats", "fans", "sampled")


def found(stats, boards=(), version=None, summary=None):
    """The rows of a unit and where in them things stand."""
    rows = ({} if version is None else version, {} if summary is None else summary, *stats, *boards)
    return rows, fields.places(rows, len(stats))


def measured(stats, boards=()):
    rows, where = found(stats, boards)
    return tuple(fields.every(rows, getattr(where, kind)) for kind in KINDS)


def rate_ths(summary, *stats):
    rows, where = found(stats, summary=summary)
    return fields.rate_ths(rows, where)


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        *((name, "heats") for name in ("temp1", "Temp", "TEMP", "Temperature", "Chip Temp Max", "temp2_1")),
        *((name, "fans") for name in ("fan1", "Fan_12", "Fan Speed In", "fan_speed_out")),
        *((name, "sampled") for name in ("MHS(Sample)", "0 MHS (Sample)", "12 MHS(Sample)")),
        *((name, None) for name in ("temp_num", "Chip Temp Avg", "Target Temp", "fan_num", "MHS 5s", "Env Temp", "")),
    ],
)
def test_a_name_says_what_its_number_is(name, meaning):
    told = measured([{name: 5.0}])
    assert [kind for kind, numbers in zip(KINDS, told, strict=True) if numbers] == ([meaning] if meaning else [])


def test_of_boards_only_their_heat_is_read():
    board = {"Temperature": 61.5, "Fan Speed In": 4200, "MHS(Sample)": 9.0}
    assert measured([], [board]) == ([61.5], [], [])
    assert measured([board]) == ([61.5], [4200], [9.0])


def test_units_of_one_shape_have_their_own_numbers_and_names_are_looked_at_once():
    fields._known.clear()
    rows = [{"temp1": 60 + at, "fan1": 4000 + at, "Elapsed": at} for at in range(50)]
    told = [measured([row], [{"Temperature": 50.0 + at}]) for at, row in enumerate(rows)]
    assert told == [([50.0 + at, 60.0 + at], [4000.0 + at], []) for at in range(50)]
    assert len(fields._known) == 1


def test_a_shape_is_its_names_and_which_of_its_rows_are_boards():
    assert measured([{"temp1": 1.0}])[0] == [1.0]
    assert measured([{"fan1": 2.0}]) == ([], [2.0], [])
    assert measured([], [{"fan1": 2.0}]) == ([], [], [])
    assert measured([{"temp1": "no sensor"}])[0] == []


def test_shapes_nobody_has_do_not_fill_the_memory():
    fields._known.clear()
    huge = [{f"temp{at}": at for at in range(fields.LARGEST + 1)}]
    assert len(measured(huge)[0]) == fields.LARGEST + 1
    assert not fields._known
    for at in range(3 * fields.SHAPES):
        assert measured([{f"fan{at % 100}": 1, f"a{at}": 2}])[1] == [1.0]
    assert 0 < len(fields._known) <= fields.SHAPES


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
    assert rate_ths(*rows) == (pytest.approx(rate) if rate is not None else None)


def test_what_the_chips_counted_is_added_up():
    assert rate_ths({"MHS 1m": 1e6}, {"MHS(Sample)": 1e6}, {"0 MHS (Sample)": 2e6}) == pytest.approx(3.0)


def test_watts_and_time_are_the_first_numbers_of_the_first_row_that_has_one():
    summary = {"Power": "n/a", "watt": "3200 W", "Elapsed": None}
    rows, where = found([{"Power": 9, "Elapsed": 70}], summary=summary)
    assert fields.first(rows, where.watts) == 3200
    assert fields.first(rows, where.elapsed) == 70
    rows, where = found([{}])
    assert fields.first(rows, where.watts) is None


def test_the_first_name_that_says_something_counts():
    rows, where = found([{"Type": "S19"}], version={"BOSer": "", "CGMiner": "4.12", "PROD": None})
    assert fields.said(rows, where.programs) == ("CGMiner", "4.12")
    assert fields.said(rows, where.models) == ("Type", "S19")
    assert fields.said(rows, ()) == ("", "")
