import math
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mine_controller.store.codec import (
    LONG,
    Rows,
    canonical,
    fold,
    join_key,
    sha,
    split_key,
    squeeze,
    text,
    unfold,
    unsqueeze,
)

SCALARS = (
    st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8) | st.booleans()
)
KEYS = st.text(alphabet="ab/: 1", max_size=10) | st.sampled_from(
    ["roomalert intake/1:temp_c", "foreman mine/00:aa:01:word", "power_signal coop:signal", "odd/:x", ":", ""]
)
SHARED = st.tuples(st.integers(0, 2), st.sampled_from(["", "why"]))
ROWS = st.lists(st.tuples(KEYS, SHARED, SCALARS, SCALARS))


def rows_of(rows):
    """Rows as (key, shared, own, own) by the column."""
    keys, shared, *own = map(list, zip(*rows, strict=True)) if rows else ([], [], [], [])
    return Rows(keys, shared, own)


def listed(rows):
    """Unfolded rows as they went in."""
    return [(key, shared, *own) for key, shared, own in rows]


def exact(value):
    return repr(value)


@given(KEYS)
def test_a_key_taken_apart_is_put_together_again(key):
    endpoint, quantity, channel = split_key(key)
    assert join_key(endpoint, quantity, channel) == key


@given(ROWS)
def test_folded_rows_come_back_exactly_in_their_first_order(rows):
    assert exact(listed(unfold(unsqueeze(squeeze(fold(rows_of(rows))))))) == exact(rows)


def test_more_rows_than_a_memory_is_kept_of_come_back_all_the_same():
    rows = [(f"rack a/{at // 3}:{'xyz'[at % 3]}", (0, ""), at, None) for at in range(3 * 4000)]
    assert listed(unfold(unsqueeze(squeeze(fold(rows_of(rows)))))) == rows


@given(st.lists(st.integers(-3, 40), min_size=1))
def test_a_column_of_whole_numbers_survives_being_written_as_steps(numbers):
    rows = rows_of([(f"a b/{n}:x", (), value) for n, value in enumerate(numbers)])
    assert [own for *_, (own,) in unfold(fold(rows))] == numbers


def test_one_and_true_and_one_point_zero_stay_what_they_were():
    rows = unfold(unsqueeze(squeeze(fold(rows_of([("a b/1:x", (one,), one) for one in (1, True, 1.0)])))))
    assert [(type(shared[0]), type(own)) for _, shared, (own,) in rows] == [
        (int, int),
        (bool, bool),
        (float, float),
    ]


def test_the_canonical_form_does_not_depend_on_the_order_of_keys():
    assert canonical({"b": 1, "a": (2, None)}) == b'{"a":[2,null],"b":1}' == canonical({"a": [2, None], "b": 1})


def test_the_canonical_form_refuses_what_is_no_number_and_the_hash_still_exists():
    with pytest.raises(ValueError, match="JSON"):
        canonical(math.nan)
    assert sha({"x": math.inf}) == sha({"x": None})


def test_half_a_surrogate_from_a_device_survives():
    assert unsqueeze(squeeze({"why": "\ud800"})) == {"why": "\ud800"}


TREES = st.recursive(
    SCALARS | st.floats(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner) | st.tuples(inner, inner),
)


@given(TREES)
def test_what_is_squeezed_bit_by_bit_is_the_text_of_the_whole(tree):
    assert zlib.decompress(squeeze(tree, LONG + 1)).decode() == text(tree)
    assert squeeze(tree) == zlib.compress(text(tree).encode(), 6)


def test_infinities_are_written_as_nothing_known():
    assert text([math.inf, {"a": math.nan}]) == '[null,{"a":null}]'


@given(st.binary(max_size=40))
def test_garbage_is_refused_with_a_value_error(body):
    with pytest.raises(ValueError, match=r"unreadable|JSON|Expecting|decode"):
        unsqueeze(body)


@given(st.dictionaries(st.sampled_from(["g", "n", "c", "v", "o"]), st.recursive(SCALARS, st.lists, max_leaves=6)))
def test_columns_that_were_never_folded_are_refused_or_read_and_never_raise_anything_else(body):
    with suppress(ValueError):
        list(unfold(body))
