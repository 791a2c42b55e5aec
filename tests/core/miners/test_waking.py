"""A miner comes back in the mode it was in before it slept, or in the one that is wanted of it."""

import pytest
from core.plant import request
from core.shelf import SHELF, Shelf

from mine_controller.core.miners.waking import waking
from mine_controller.core.model.reading import Value
from mine_controller.core.model.reason import Reason, Wish


def runs(shelf):
    return {one.target: one.value for made in shelf.decisions for one in made.commands if one.verb == "run"}


def slept(shelf):
    """A curtailment; a board that sleeps tells no mode."""
    shelf.ticks(12)
    modes, shelf.signal = dict(shelf.mode), "off"
    shelf.ticks(2)
    shelf.mode = dict.fromkeys(modes)
    shelf.ticks(8)
    shelf.signal = "run"
    shelf.ticks(12)
    return runs(shelf)


def test_after_a_curtailment_each_is_told_to_run_in_the_mode_it_was_in():
    shelf = Shelf()
    shelf.mode["b1"] = "eco"
    assert slept(shelf) == {f"miner b{at}": "eco" if at == 1 else "standard" for at in range(4)}


def test_one_that_never_told_a_mode_is_told_none():
    shelf = Shelf()
    shelf.mode["b1"] = None
    assert slept(shelf)["miner b1"] == ""


def test_a_mode_that_a_person_holds_goes_before_the_one_it_was_in():
    shelf = Shelf()
    shelf.ticks(12)
    shelf.signal = "off"
    shelf.ticks(3)
    shelf.requests = (request("set-state", "mode.b1", "eco"),)
    shelf.ticks(6)
    shelf.signal = "run"
    shelf.ticks(12)
    assert runs(shelf)["miner b1"] == "eco"


@pytest.mark.parametrize(
    ("wishes", "told", "mode"),
    [
        ((), "eco", "eco"),
        ((), None, ""),
        ((), "custom", ""),
        ((f"mode {SHELF}", "mode b0"), "standard", "turbo"),
        (("mode b1", "pool b0"), "eco", "eco"),
    ],
)
def test_wishes_for_it_or_its_section_count_and_only_words_it_has(wishes, told, mode):
    spec = Shelf().wiring.miners[0]
    channels = {f"{SHELF}/{spec.mac}:mode": Value(told, 5)}
    made = [Wish(4, what, "turbo", Reason("band", "mode")) for what in wishes]
    assert waking(channels, made, spec) == mode
    assert waking(channels, made, spec._replace(modes=())) == ""
