"""Readings taken by the column are the readings taken one by one."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mine_controller.core import columns, freeze
from mine_controller.core.model.reading import Reading, Value

KEYS = [
    *(f"redfish pdu1/A{n}:{what}" for n in range(1, 5) for what in ("power_w", "switch")),
    *(f"foreman mine/02:{n}:{what}" for n in range(3) for what in ("word", "address", "chip_c")),
    "roomalert intake/1:temp_c", "roomalert intake/1:humidity_pct", "page:signal", "page:text", "page:health",
    "page:memory", "nonsense", "page:signal?", "a/b:c:frozen", "meter:energy_kwh", "meter:shares_n", "meter:slots",
]  # fmt: skip
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-10, 5000), st.floats(), st.just(10**400),
    st.sampled_from(["on", "off", "run", "hashing", "", "10.0.0.1", "on "]),
)  # fmt: skip
ROWS = st.tuples(st.sampled_from(KEYS), VALUES, st.integers(90, 110), st.sampled_from(["", "no answer"]))


@given(st.lists(ROWS, max_size=30), st.lists(ROWS, max_size=30))
@example([("redfish pdu1/A1:power_w", 9, 101, "")], [("redfish pdu1/A1:power_w", 7, 100, "")])
@example([], [("redfish pdu1/A1:power_w", 7, 100, ""), ("redfish pdu1/A1:power_w", 8, 99, "")])
def test_the_same_channels_come_out_whatever_is_told(known, told):
    one, other = ({row[0]: Value(row[1], row[2], row[0], row[3]) for row in known} for _ in range(2))
    given_ = tuple(Reading(*row) for row in told)
    freeze._take_all(one, given_, columns.shape_of(tuple(row[0] for row in told)))
    shape = columns.shape_of(tuple(row[0] for row in told))
    order = [at for column in shape.columns for at in column.places]
    for at in (*order, *shape.closer):
        freeze._take(other, given_[at], given_[at].key.rpartition(":")[2])
    assert repr(one) == repr(other)
    assert sorted((*order, *shape.closer)) == list(range(len(told)))


def test_shapes_of_garbage_do_not_fill_the_memory():
    for number in range(4 * columns.SHAPES):
        columns.shape_of((f"x:{number}",))
        assert len(columns._shapes) <= columns.SHAPES


def test_two_questions_in_turns_are_each_taken_apart_once(monkeypatch):
    monkeypatch.setattr(columns, "_shapes", {})  # other tests may have filled it to the brim
    one = columns.shape_of(("a/1:power_w", "a/2:power_w"))
    columns.shape_of(("b/1:power_w",))
    assert columns.shape_of(("a/1:power_w", "a/2:power_w")) is one


@pytest.mark.parametrize(
    ("told", "counts"),
    [
        ([(7, 100), (8, 100)], (8, 100)),
        ([(7, 100), (9, 102), (8, 101)], (9, 102)),
        ([(7, 101), (8, 100)], (7, 101)),
        ([(6, 100), (7, 101), (8, 102), (9, 103)], (9, 103)),
    ],
)
def test_of_watts_told_several_times_in_one_round_the_newest_count_and_of_one_second_the_last(told, counts):
    key = "redfish pdu1/A1:power_w"
    channels = {}
    given_ = tuple(Reading(key, value, at_s) for value, at_s in told)
    freeze._take_all(channels, given_, columns.shape_of((key,) * len(told)))
    assert channels == {key: Value(*counts, key)}


def test_what_the_keys_of_a_round_say():
    keys = (
        "redfish pdu1/A1:power_w", "redfish pdu1:power_w", "redfish pdu1/A2:power_w", "redfish pdu1/A2:power_w",
        "foreman mine/02:1:address", "foreman mine/02:1:word", "roomalert intake/1:temp_c", "page:signal?",
        "page:health", "meter:slots", "meter:nonsense", "address", "x/power_w",
    )  # fmt: skip
    shape = columns.shape_of(keys)
    assert {column.quantity: column.places for column in shape.columns} == {
        "power_w": (0, 1, 2), "address": (4, 11), "word": (5,), "nonsense": (10,), "x/power_w": (12,),
    }  # fmt: skip
    for column in shape.columns:
        assert tuple(column.of(keys)) == column.keys == tuple(keys[at] for at in column.places)
    assert sorted(shape.closer) == [3, 6, 7, 8, 9]
    assert [(endpoint, tuple(of(range(len(keys))))) for endpoint, of in shape.watts] == [("redfish pdu1", (0, 2, 3))]
    assert shape.addresses == ((4, "foreman mine", "02:1"),)
    assert shape.tickets is False
    assert columns.shape_of((*keys, "foreman mine/7:ticket")).tickets is True


TOLD = st.lists(st.builds(Reading, st.sampled_from(KEYS), VALUES, st.integers(90, 110), st.sampled_from(["", "cut"]),
                          st.sampled_from(["measured", "test"])))  # fmt: skip


@given(st.lists(TOLD, max_size=4))
def test_readings_gathered_are_the_same_ones_in_the_order_they_came(parts):
    given_ = [one for part in parts for one in part]
    once = columns.joined(*parts)
    assert repr(list(once)) == repr(given_)
    assert repr(list(columns.joined(once, ()))) == repr(given_)  # columns that were joined are joined again
    assert list(once.marks()) == list(columns.columned(given_).marks())


def test_neither_a_huge_fleet_nor_its_shape_is_kept(monkeypatch):
    monkeypatch.setattr(columns, "_shapes", {})
    keys = tuple(f"rack a/{at}:power_w" for at in range(columns.LONGEST + 1))
    assert len(columns.shape_of(keys).columns[0].keys) == len(keys)
    assert columns._shapes == {}
