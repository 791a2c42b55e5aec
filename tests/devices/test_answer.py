"""What devices write for numbers, as every driver reads them (MIN1)."""

import json

import pytest

from mine_controller.devices._answer import HUGE, number, status_words, table, tree
from mine_controller.devices.kind import BadReply, Reply


@pytest.mark.parametrize(
    "written",
    [
        "1e999", "-1e999", "1e400", "NaN", "Infinity", "-Infinity", "true", "false", "null", "[]", "{}", '"nan"',
        '"inf"', '"-inf"', '"1_000"', '"0x10"', '"\\uff11\\uff12"', '""', '" "', '"12 W"', '"1,5"', '"--"', '"x.x"',
        '"1e999"', '"' + "9" * 40 + '"', "9" * 400,
    ],
)  # fmt: skip
def test_min1_a_number_that_is_none_is_unknown_and_never_zero(written):
    """MIN1: "nan", an infinity or a number of hundreds of digits is no measurement, and 0 would be one."""
    told = table(Reply("state", 200, {}, f'{{"value": {written}}}'.encode()))
    assert number(told["value"]) is None


@pytest.mark.parametrize(
    ("written", "value"), [("0", 0.0), ("-1", -1.0), ("3.5", 3.5), ('"24.10"', 24.1), ('" -7 "', -7.0), ('"0"', 0.0)]
)
def test_a_number_is_one_also_where_it_is_written_as_a_text(written, value):
    assert number(json.loads(written)) == value


@pytest.mark.parametrize(
    "value", [0.1 + 0.2, 3.3000000000000003, 0.7260000000000001, -0.30000000000000004, 5e-324 + 0.012345678901234567]
)
def test_a_text_may_have_every_digit_that_a_float_is_written_with(value):
    """Scripts publish what their language prints: up to 17 digits, of which zeros behind the point are none."""
    assert number(str(value)) == value
    assert number(f"{value:.20f}") == pytest.approx(value)


@pytest.mark.parametrize("rate_hs", [1_160_000_000_000_000, 31_000_000_000_000_000])
def test_a_rate_in_hashes_a_second_is_one_also_of_a_petahash_and_more(rate_hs):
    """One miner of 1.16 PH/s, as Foreman tells it (a text), and a container of them."""
    assert number(rate_hs) == rate_hs
    assert number(str(rate_hs)) == rate_hs


def test_min1_the_largest_number_that_counts_is_below_the_mark():
    """MIN1"""
    assert number(HUGE / 2) == HUGE / 2
    assert number(HUGE) is None
    assert number(-HUGE) is None


@pytest.mark.parametrize("body", [b"", b"\x00", b"<html>", b'{"a": 1', b'{"a": 1} tail', b"[" * 100_000, b"\xff\xfe"])
def test_min1_what_is_no_json_is_refused_with_its_first_letters(body):
    """MIN1: a strict tree; what repairs there are belong to the one dialect that needs them."""
    with pytest.raises(BadReply, match="state: no JSON"):
        tree(Reply("state", 200, {}, body))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_unit_that_answers_elsewhere_says_what_may_help(status):
    """No redirect is followed. A Raritan PDU sends every request over HTTP to HTTPS (its SDK's client follows one)."""
    assert status_words(status) == f"points to another address: is `url` to be https? ({status})"
    with pytest.raises(BadReply, match="is `url` to be https"):
        tree(Reply("bulk0", status, {"location": "https://192.0.2.1/bulk"}, b""))
