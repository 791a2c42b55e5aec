"""What proves a start: half of what the miner is to draw, which may be far less than fleet.csv says."""

import pytest
from core.shelf import SHELF, Shelf, boards

from mine_controller.core.wording.words import sentence

MINERS, DAYS = 6, 4


class Throttled(Shelf):
    """One board, b0, that comes back with the few watts it was told to take."""

    draws = 12  # of 30

    def _grow(self) -> None:
        started = set(self.starting)
        super()._grow()
        if "b0" in started - set(self.starting):
            self.power["b0"] = self.draws


def lived(shelf, days=DAYS):
    """Some curtailments, an hour and a half apart."""
    shelf.mode["b0"] = None
    for _ in range(days):
        shelf.signal = "off"
        shelf.ticks(10)
        shelf.signal = "run"
        shelf.ticks(45)
    return [event for event in shelf.events("start_failed") if event.about == "b0"]


def test_a_miner_under_a_power_limit_has_started_when_it_draws_half_of_that():
    shelf = Throttled(boards(MINERS))
    shelf.more = [("02:00:00:00:00:00:limit_w", 13)]
    assert lived(shelf) == []
    book = shelf.state.miners["b0"]
    assert (book.starts, book.fails, book.quarantined) == (DAYS, (), "")


def test_a_miner_tuned_down_has_started_when_it_draws_half_of_what_was_learned():
    shelf = Throttled(boards(MINERS))
    shelf.power["b0"], shelf.mode["b0"] = 12, None
    shelf.ticks(20)  # it runs so for a while
    assert lived(shelf) == []


@pytest.mark.parametrize("limit", [0, None, 4000, "full"])
def test_cmd4_one_that_never_gets_going_has_failed_whatever_its_limit_says(limit):
    """CMD4: an answer and no ramp; three in a day are quarantine."""
    shelf = Throttled(boards(MINERS))
    shelf.draws = 7
    shelf.more = [("02:00:00:00:00:00:limit_w", limit)]
    assert len(lived(shelf)) == 3
    assert shelf.state.miners["b0"].quarantined == "did not start"


def test_cmd4_a_limit_next_to_nothing_makes_no_sleeper_a_runner():
    """CMD4: what counts as off never proves a start."""
    shelf = Throttled(boards(MINERS))
    shelf.draws = 5
    shelf.more = [("02:00:00:00:00:00:limit_w", 6)]
    lived(shelf, 1)
    assert shelf.state.miners["b0"].on is False
    assert SHELF in shelf.wiring.lanes


@pytest.mark.parametrize(
    ("limit", "more"), [(6, ": its own power limit is 6 W"), (7, ""), (0, ""), (None, ""), ("full", "")]
)
def test_a_start_that_its_own_limit_holds_back_is_told_with_that_limit(limit, more):
    """Before, the owner looked for a fault of the unit; it was another tool, or a word of his own, that held it."""
    shelf = Throttled(boards(MINERS))
    shelf.draws = 5
    shelf.more = [("02:00:00:00:00:00:limit_w", limit)]
    assert sentence(lived(shelf, 1)[0].reason) == f"b0 was told to run and draws 5 W{more}"


def stands(shelf):
    return "start_failed b0" in shelf.state.alarms


def test_a_start_that_failed_is_over_when_the_miner_runs_after_all_and_not_before():
    """Before, it stood for a day, whatever the miner did since."""
    shelf = Throttled(boards(MINERS))
    shelf.draws = 7
    assert lived(shelf, 1)
    assert stands(shelf), "more than off is not yet a start"
    shelf.power["b0"] = 18
    shelf.ticks(2)
    assert not stands(shelf)
    assert len(shelf.events("start_worked")) == 1
    assert [(one.what, one.kind) for d in shelf.decisions[-2:] for one in d.tellings] == [("clear", "start_failed")]


def test_a_start_that_failed_is_over_also_where_only_the_word_of_the_miner_tells():
    shelf = Throttled(boards(MINERS))
    shelf.metered, shelf.draws = False, 5
    assert lived(shelf, 1)
    assert stands(shelf)
    shelf.power["b0"] = 18
    shelf.ticks(2)
    assert not stands(shelf)
