"""Readings taken by the column are the readings taken one by one."""

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
