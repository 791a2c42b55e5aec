"""A unit that knows no start shows nothing of the supply: the others go on starting, and it is put aside alone."""

import pytest
from core.shelf import Shelf, boards


class Shop(Shelf):
    """Four boards; some lie still by themselves and answer a start with a word of their own."""

    def __init__(self, *still, says="unsupported"):
        super().__init__(boards(4))
        self.audited, self.says, self.still = False, says, still
        self.ticks(3)
        for name in still:
            self.power[name], self.word[name] = 3, "error"

    def _do(self, name, command):
        return self.says if command.verb == "run" and name in self.still else super()._do(name, command)

    def modes(self, ticks):
        return {self.tick() and self.state.mode for _ in range(ticks)}

    def aside(self):
        return [name for name, book in self.state.miners.items() if book.quarantined]


@pytest.mark.parametrize("still", [("b0",), ("b0", "b1")])
def test_units_that_know_no_start_hold_nobody_else_back(still):
    shop = Shop(*still)
    assert "HOLD" not in shop.modes(90)
    assert {event.about for event in shop.events("start_failed")} == set(still)
    assert not shop.events("ramp_failed")


def test_one_unit_that_knows_no_start_is_put_aside():
    shop = Shop("b0")
    shop.modes(90)
    assert shop.aside() == ["b0"]


def test_a_start_that_was_taken_and_came_to_nothing_still_pauses_the_climb():
    shop = Shop("b0", says="accepted")
    assert "HOLD" in shop.modes(90)
    assert shop.events("ramp_failed")


def test_when_no_unit_knows_a_start_it_is_no_units_fault():
    shop = Shop("b0", "b1", "b2", "b3")
    shop.modes(90)
    assert shop.aside() == []


def test_a_start_that_succeeds_ends_the_count_of_those_that_know_none():
    shop = Shop("b0")
    shop.modes(40)
    assert shop.state.last["unable_starts"] > 0
    shop.signal = "off"
    shop.ticks(2)
    shop.signal = "run"
    shop.ticks(14)
    assert shop.state.last["unable_starts"] == 0
