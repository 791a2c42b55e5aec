"""A unit that knows no start shows nothing of the supply: the others go on starting, and it is put aside alone."""

import pytest
from core.shelf import Shelf, boards

from mine_controller.core.choose import _start_order
from mine_controller.core.decide import _view
from mine_controller.core.miners.startless import KEY, are_many, said
from mine_controller.core.model.state import State


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


@pytest.mark.parametrize("still", [("b0",), ("b0", "b1"), ("b0", "b1", "b2")])
def test_units_that_know_no_start_are_put_aside_each_for_itself_and_asked_no_more(still):
    shop = Shop(*still)
    shop.modes(90)
    assert shop.aside() == list(still)
    told = len(shop.sent)
    assert shop.modes(90) == {"RUNNING"}
    assert len(shop.sent) == told


def test_dead_units_beside_them_are_no_excuse_for_those_that_know_no_start_nor_the_other_way_round():
    shop = Shop("b0", "b1", "b2")
    shop._do = lambda name, command: "accepted" if name == "b2" else Shop._do(shop, name, command)
    shop.modes(120)
    assert shop.aside() == ["b0", "b1", "b2"]


def test_others_start_before_them():
    shop = Shop("b0")
    shop.modes(16)
    assert said(shop.state.last) == {"b0"}
    view, _ = _view(shop.image, shop.state, shop.policy)
    assert sorted((1, 0), key=_start_order(view, [0, 1])) == [1, 0]
    assert sorted((1, 0), key=_start_order(view._replace(state=State()), [0, 1])) == [0, 1]


def test_what_a_unit_said_of_starts_is_over_when_it_runs_or_fails_otherwise():
    shop = Shop("b0", "b1")
    shop.modes(16)
    assert said(shop.state.last) == {"b0", "b1"}
    shop.power["b0"], shop.word["b0"], shop.says = 18, "hashing", "accepted"
    shop.tick()
    assert said(shop.state.last) == {"b1"}
    shop.modes(20)
    assert KEY not in shop.state.last


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


@pytest.mark.parametrize(
    ("known", "miners", "many"),
    [(1, 1, False), (1, 2, False), (2, 2, True), (3, 4, False), (4, 4, True), (4, 20, True), (55, 280, False)],
)
def test_so_many_that_know_no_start_are_nobodys_fault(known, miners, many):
    assert are_many(frozenset(map(str, range(known))), miners, max(4, miners // 5)) is many


def test_units_that_were_put_aside_long_ago_are_no_excuse_for_another_one():
    shop = Shop("b0", "b1", "b2")
    shop.modes(90)
    assert shop.aside() == ["b0", "b1", "b2"]
    shop.now += 2 * 86_400
    shop.ticks(3)
    shop.still += ("b3",)
    shop.power["b3"], shop.word["b3"] = 3, "error"
    shop.modes(90)
    assert shop.aside() == ["b0", "b1", "b2", "b3"]
