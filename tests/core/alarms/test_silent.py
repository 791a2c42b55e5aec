"""Miners that fall silent: also those that were off when they did."""

import pytest
from core.shelf import Shelf

from mine_controller.core.model.state import Override


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


def test_a_board_that_came_and_went_and_sleeps_by_a_persons_word_is_no_dead_one():
    """Its alarm was held open, so its silence in sleep counted as one more time that it was gone."""
    shelf = Shelf()
    shelf.ticks(10)
    for _ in range(6):
        shelf.silent = {"b1"}
        shelf.ticks(15)
        shelf.silent = set()
        shelf.ticks(8)
    assert shelf.state.alarms["miner_offline b1"]["chatter"]
    shelf.state = shelf.state._replace(overrides=(Override("miner.b1", "stop", "output", 0, "owner", "hums", 1),))
    shelf.ticks(3)
    shelf.silent = {"b1"}
    shelf.ticks(15)
    assert "clear_s" in shelf.state.alarms["miner_offline b1"], "it is not there"
