"""Miners that say they hash and bring no share: told by what each brought before, and never by chance."""

import random
from types import SimpleNamespace

import pytest
from core.plant import wiring

from mine_controller.core.alarms import of_miners
from mine_controller.core.alarms.harvest import KEY, harvest_book
from mine_controller.core.model.reading import Value
from mine_controller.core.model.state import State

WIRES = wiring(2)
OWN = [f"{spec.group}/{spec.mac}" for spec in WIRES.miners]
BEGIN, HALF_S = 100_000, 1800


class Shelf:
    """Two miners and their counters, half an hour at a time."""

    def __init__(self):
        self.now_s, self.state = BEGIN, State()
        self.accepted, self.word, self.on, self.pool = [0, 0], ["hashing", "hashing"], [True, True], ["ocean", "ocean"]

    def view(self):
        channels = {}
        for own, accepted, pool in zip(OWN, self.accepted, self.pool, strict=True):
            if accepted is not None:
                channels[f"{own}:accepted_n"] = Value(accepted, self.now_s, "", "")
            channels[f"{own}:pool"] = Value(pool, self.now_s, "", "")
        clock = SimpleNamespace(plant_s=self.now_s)
        image = SimpleNamespace(channels=channels, miners=SimpleNamespace(word=self.word), clock=clock)
        return SimpleNamespace(
            now_s=self.now_s, state=self.state, image=image, wiring=WIRES, fleet=SimpleNamespace(on=self.on)
        )

    def looks(self, count, *came):
        """So many looks, and what each miner brought before each of them. Who is mute at the end."""
        for _ in range(count):
            self.now_s += HALF_S
            pairs = zip(self.accepted, came or (0, 0), strict=True)
            self.accepted = [None if was is None else was + more for was, more in pairs]
            self.look()
        return sorted(self.state.last[KEY]["mute"])

    def look(self):
        book = harvest_book(self.view())
        if book is not None:
            self.state = self.state._replace(last={KEY: book})
        return book


def taught(looks=13):
    shelf = Shelf()
    assert shelf.looks(looks, 40, 40) == []
    return shelf


def test_who_brings_nothing_for_six_times_its_longest_while_is_mute_until_it_brings_one():
    shelf = taught()
    assert shelf.looks(5, 0, 40) == []
    assert shelf.looks(1, 0, 40) == ["m000"]
    [found] = list(of_miners.mute(SimpleNamespace(view=shelf.view())))
    assert (found.kind, found.about, dict(found.reason.numbers)["for_s"]) == ("no_shares", "m000", 6 * HALF_S)
    assert shelf.looks(20, 0, 40) == ["m000"]
    assert shelf.looks(1, 1, 40) == []
    assert shelf.looks(6, 0, 40) == ["m000"], "a fault is not learned as its custom"


def test_twelve_looks_with_shares_are_needed_before_any_are_missed():
    assert taught(12).looks(40, 0, 40) == []
    assert taught(13).looks(40, 0, 40) == ["m000"]


def test_a_board_that_brings_one_a_day_is_given_six_days():
    shelf = Shelf()
    for _ in range(13):
        shelf.looks(47, 0, 40)
        shelf.looks(1, 1, 40)
    assert shelf.looks(6 * 48 - 1, 0, 40) == []
    assert shelf.looks(1, 0, 40) == ["m000"]


def test_hard_shares_after_easy_ones_are_no_fault_while_it_learns():
    shelf = Shelf()
    shelf.looks(1, 5000, 40)
    for _ in range(12):
        assert shelf.looks(10, 0, 40) == []
        assert shelf.looks(1, 1, 40) == []
    assert shelf.looks(60, 0, 40) == []


@pytest.mark.parametrize("what", ["sleeps", "waits", "off", "unknown", "began anew", "another pool"])
def test_time_in_which_no_share_could_come_is_not_counted(what):
    shelf = taught()
    shelf.looks(5, 0, 40)
    if what == "another pool":
        shelf.pool[0] = "kano"
        assert shelf.looks(40, 0, 40) == [], "of that one nothing is learned yet"
        return
    if what in ("sleeps", "waits"):
        shelf.word[0] = {"sleeps": "sleeping", "waits": "waiting"}[what]
    elif what == "off":
        shelf.on[0] = False
    elif what == "unknown":
        shelf.accepted[0] = None
    else:
        shelf.accepted[0] = 0
    assert shelf.looks(1, 0, 40) == []
    shelf.word[0], shelf.on[0] = "hashing", True
    shelf.accepted[0] = shelf.accepted[0] or (0 if what == "began anew" else 40 * 13)
    assert shelf.looks(5, 0, 40) == []
    assert shelf.looks(1, 0, 40) == ["m000"]


def test_it_is_looked_at_each_half_hour_and_after_a_clock_that_ran_back():
    shelf = taught()
    shelf.now_s += HALF_S - 6
    assert shelf.look() is None
    shelf.now_s += 1
    assert shelf.look() is not None
    shelf.now_s -= 50_000
    assert shelf.look() is not None


def test_where_nobody_counts_shares_nobody_is_looked_at_more_often():
    shelf = Shelf()
    shelf.accepted = [None, None]
    assert shelf.look() == {"at_s": BEGIN, "of": {}, "mute": {}}
    assert shelf.look() is None


def test_while_everything_is_meant_to_be_off_nobody_is_mute():
    shelf = taught()
    shelf.looks(9, 0, 40)
    shelf.state = shelf.state._replace(shed=SimpleNamespace(ended_s=None))
    assert list(of_miners.mute(SimpleNamespace(view=shelf.view()))) == []


@pytest.mark.parametrize("an_hour", [0.1, 1.0, 6.0, 60.0])
def test_by_chance_alone_hardly_anybody_is_ever_mute(an_hour):
    """Shares come as they come: a board's whole year of looks, and not one false word."""
    luck, shelf, false = random.Random(7), Shelf(), 0
    none = (1 - an_hour / 120) ** 60  # a half hour without any
    for _ in range(17_520):
        false += len(shelf.looks(1, *(int(luck.random() > none) for _ in OWN)))
    assert false == 0


def test_hours_in_which_nobody_looked_are_no_custom_and_no_fault():
    """A machine that was away for some hours taught each miner a while as long: one that brings nothing was told of
    half a day later, and after the next time days later."""
    shelf = taught()
    for away_s in (9000, 50_000):
        shelf.now_s += away_s
        shelf.accepted = [was + 40 for was in shelf.accepted]
        shelf.look()
    assert {row[2] for row in shelf.state.last[KEY]["of"].values()} == {HALF_S}
    shelf.now_s += 50_000
    shelf.look()
    assert shelf.state.last[KEY]["mute"] == {}, "what came meanwhile nobody has counted"
    assert shelf.looks(5, 0, 40) == []
    assert shelf.looks(1, 0, 40) == ["m000"]
