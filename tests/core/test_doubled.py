"""Two units that tell one mac: neither is known, and a person is told where both answer, once."""

from core.shelf import SHELF, Shelf

from mine_controller.core.model.reading import Reading
from mine_controller.core.wording.words import sentence

FIRST = "02:00:00:00:00:00"
WHY = "10.0.0.1 and 10.0.0.9 tell the same identity"


class Twins(Shelf):
    """A shelf on which another unit tells the mac of b0."""

    def __init__(self) -> None:
        self.doubled = self.gone = self.dead_shelf = False
        super().__init__()
        self.ticks(3)
        self.doubled = True

    def readings(self, asked):
        self.silent = {"b0"} if self.doubled or self.gone else set()
        self.more = [(f"{FIRST} addresses:text", "10.0.0.1 and 10.0.0.9")] if self.doubled else []
        if self.dead_shelf:
            keys = [key for key in self.image.channels if key.startswith(f"{SHELF}/{FIRST}")]
            lost = [Reading(key, None, self.now, "no answer") for key in (*keys, f"{SHELF}:health")]
            return [one for one in super().readings(asked - {SHELF}) if not one.key.startswith(SHELF)] + lost
        unknown = [Reading(f"{SHELF}/{FIRST}:{what}", None, self.now, WHY) for what in ("address", "word", "power_w")]
        return [*super().readings(asked), *(unknown if self.doubled else [])]

    def letters(self, kind="doubled"):
        return [(one.what, one.about) for decision in self.decisions for one in decision.tellings if one.kind == kind]

    def open(self):
        return [alarm for alarm in self.state.alarms.values() if alarm["kind"] == "doubled"]


def test_two_units_with_one_mac_are_told_once_by_both_addresses():
    shelf = Twins()
    shelf.ticks(12)
    assert shelf.letters() == [("raise", "b0")]
    reasons = [one.reason for decision in shelf.decisions for one in decision.tellings if one.kind == "doubled"]
    assert sentence(reasons[0]) == ("10.0.0.1 and 10.0.0.9 say that they are b0: what it does is unknown while they do")
    assert shelf.letters("miner_offline") == [], "that it is not heard follows from it"


def test_it_is_over_when_one_of_the_two_is_gone():
    shelf = Twins()
    shelf.ticks(3)
    assert len(shelf.open()) == 1
    shelf.doubled = False
    shelf.ticks(6)
    assert shelf.open() == []
    assert shelf.letters() == [("raise", "b0"), ("clear", "b0")]


def test_it_is_over_too_when_both_are_silent():
    shelf = Twins()
    shelf.ticks(3)
    shelf.doubled, shelf.gone = False, True
    shelf.ticks(6)
    assert shelf.open() == []


def test_one_look_at_a_unit_that_is_moving_is_no_alarm():
    shelf = Twins()
    shelf.ticks(1)
    shelf.doubled = False
    shelf.ticks(3)
    assert shelf.letters() == []


def test_a_section_that_answers_nothing_ends_it_neither_nor_raises_it():
    shelf = Twins()
    shelf.ticks(3)
    shelf.dead_shelf = True
    shelf.ticks(12)
    assert len(shelf.open()) == 1
    shelf.dead_shelf = shelf.doubled = False
    shelf.ticks(6)
    assert shelf.open() == []
