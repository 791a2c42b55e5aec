"""A miner's hardest share: what its kind reads, what is kept of it over time, and when it is news."""

import json
from importlib import import_module

import pytest
from core.shelf import Shelf
from hypothesis import given
from hypothesis import strategies as st

from mine_controller.core.alarms.catalogue import KINDS
from mine_controller.core.pools import bests
from mine_controller.core.wording.words import sentence
from mine_controller.devices import _boards

FIRST, SECOND = "02:00:00:00:00:00", "02:00:00:00:00:01"


def told(shelf):
    return [sentence(event.reason) for event in shelf.events("best_share")]


def shows(shelf, **by_mac):
    macs = {"b0": FIRST, "b1": SECOND}
    shelf.more = [(f"{macs[name]}:best_diff_n", value) for name, value in by_mac.items()]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("483k", 483_000), ("2.417K", 2417), ("1.84M", 1_840_000), ("88.221", 88.221), ("1.78330", 1.7833),
        ("3.1 G", 3.1e9), (1_234_567.89, 1_234_567.89), (12, 12), ("0", None), (0, None), ("", None), (None, None),
        ("12 bananas", None), ("-4", None), (True, None), ("9" * 60, None), (float("nan"), None), ("4e400", None),
    ],
)  # fmt: skip
def test_a_difficulty_is_read_however_a_board_writes_it(text, value):
    assert _boards.difficulty(text) == (None if value is None else pytest.approx(value))


@pytest.mark.parametrize("kind", ["bitaxe", "nerdqaxe", "nmminer", "avalon", "cgminer", "xmrig"])
def test_every_kind_that_shows_a_best_share_reads_it_as_a_number(kind):
    assert "best_diff_n" in import_module(f"mine_controller.devices.{kind}").CAN.reads


def test_what_is_seen_first_is_no_news_and_a_record_is_told_once():
    shelf = Shelf()
    shows(shelf, b0=483_000.0)
    shelf.ticks(5)
    assert told(shelf) == []
    shows(shelf, b0=4_830_122.5)
    shelf.ticks(40)
    assert told(shelf) == ["b0: best share yet, difficulty 4.83 M (483 k before)"]
    assert shelf.events("best_share")[0].severity == "info"


def test_a_restart_that_begins_its_count_anew_beats_nothing_and_a_boot_of_ours_tells_nothing_again():
    shelf = Shelf()
    for value in (5e6, 9e6, 1.0, 8e6):
        shows(shelf, b0=value)
        shelf.ticks(35)
    shelf.now += 7200
    shelf.tick(rebooted=True)
    shelf.ticks(35)
    assert len(told(shelf)) == 1
    assert shelf.state.last["bests"]["of"]["b0"][0] == 9e6


def test_a_lucky_hour_is_told_in_one_piece():
    shelf = Shelf()
    for at in range(1, 41):
        shows(shelf, b0=at * 1000.0)
        shelf.tick()
    first, second = told(shelf)
    assert first == "b0: best share yet, difficulty 2 k (1 k before)"
    assert second.startswith("b0: best share yet, difficulty 3")  # an hour later, the highest by then
    assert second.endswith("(2 k before)")


def test_records_of_many_come_ten_minutes_apart_the_hardest_first():
    shelf = Shelf()
    shows(shelf, b0=10.0, b1=10.0)
    shelf.ticks(2)
    shows(shelf, b0=20.0, b1=30.0)
    shelf.ticks(5)
    assert [event.about for event in shelf.events("best_share")] == ["b1"]
    shelf.ticks(6)
    assert [event.about for event in shelf.events("best_share")] == ["b1", "b0"]


def test_a_record_is_one_letter_of_the_lowest_level_and_stands_nowhere():
    shelf = Shelf()
    shows(shelf, b0=10.0)
    shelf.ticks(2)
    shows(shelf, b0=20.0)
    shelf.ticks(10)
    letters = [one for decision in shelf.decisions for one in decision.tellings if one.kind == "best_share"]
    assert [(one.level, one.what, one.about) for one in letters] == [(0, "notice", "b0")]
    assert not any(key.startswith("best_share") for key in shelf.state.alarms)
    assert KINDS["best_share"].once


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -1.0, 0.0, "9e9", None, 1e40])
def test_no_nonsense_of_a_board_is_ever_a_record(bad):
    shelf = Shelf()
    shows(shelf, b0=10.0)
    shelf.ticks(2)
    shows(shelf, b0=bad)
    shelf.ticks(4)
    assert told(shelf) == []


GARBAGE = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda of: st.lists(of) | st.dictionaries(st.text(max_size=6), of),
)


@given(GARBAGE)
def test_a_damaged_book_is_begun_anew(garbage):
    shelf = Shelf()
    shows(shelf, b0=10.0)
    decision = shelf.tick()
    for known in (garbage, {"of": garbage}, {"of": {"b0": garbage}, "told_s": garbage}):
        book, events = bests.found(shelf.image, shelf.policy.wiring, known)
        assert json.loads(json.dumps(book))["of"]["b0"][0] >= 10.0
        assert len(events) <= 1
    assert decision.mode
