"""Miners that fall silent: also those that were off when they did."""

import pytest
from core.shelf import Shelf


def told(shelf):
    return [(one.what, one.about) for d in shelf.decisions for one in d.tellings if one.kind == "miner_offline"]


@pytest.mark.parametrize("metered", [True, False])
def test_a_board_that_dies_while_it_is_stopped_is_told_once_it_should_run(metered):
    """It said that it slept, so its silence is news: it was counted as one that runs, unmeasured, for good."""
    shelf = Shelf()
    shelf.metered = metered
    shelf.ticks(10)
    shelf.signal = "off"
    shelf.ticks(15)
    shelf.silent = {"b1"}
    shelf.ticks(15)
    assert not told(shelf), "while all is to be off silence is no news"
    shelf.signal = "run"
    shelf.ticks(15)
    assert told(shelf) == [("raise", "b1")]
    shelf.silent = set()
    shelf.ticks(5)
    assert told(shelf) == [("raise", "b1"), ("clear", "b1")]


def test_a_board_that_sleeps_without_a_word_is_no_dead_one():
    shelf = Shelf()
    shelf.ticks(10)
    shelf.signal = "off"
    shelf.ticks(3)
    shelf.silent = {"b1"}
    shelf.ticks(15)
    shelf.signal = "run"
    shelf.ticks(15)
    assert not told(shelf)
