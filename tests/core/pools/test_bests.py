"""How often a hardest share is told: a miner once an hour, all of them once in ten minutes, to the second."""

import pytest
from core.shelf import SHELF, Shelf

from mine_controller.core.model.reading import Value
from mine_controller.core.pools import bests


@pytest.mark.parametrize(
    ("ago_s", "lately"), [(-1, False), (0, True), (1, True), (599, True), (600, False), (601, False)]
)
def test_what_was_told_in_this_very_second_was_told_lately_and_ten_minutes_later_no_more(ago_s, lately):
    assert bests._lately(10_000, 10_000 + ago_s, 600) is lately


def test_what_was_never_told_was_not_told_lately_even_in_the_first_seconds_of_a_boot():
    assert not bests._lately(0, 0, 600)
    assert not bests._lately(0, 599, 600)
    assert bests._lately(1, 1, 600)


def news(*, site_ago_s=9999, own_ago_s=9999, shows=9e6):
    """Of whom a record is told: the best of b0 was 4 M by now."""
    shelf = Shelf()
    shelf.tick()
    spec, now_s = shelf.wiring.miners[0], shelf.image.clock.plant_s
    told = {f"{SHELF}/{spec.mac}:best_diff_n": Value(shows, now_s)}
    known = {"of": {spec.id: [4e6, 4e6, now_s - own_ago_s]}, "told_s": now_s - site_ago_s}
    book, events = bests.found(shelf.image._replace(channels=told), shelf.wiring, known)
    assert book["of"][spec.id][0] == shows, "kept, told or not"
    return [event.about for event in events]


def test_a_record_is_told_when_its_own_hour_and_the_ten_minutes_of_all_are_over():
    assert news() == ["b0"]
    assert news(site_ago_s=600, own_ago_s=3600) == ["b0"]
    assert news(site_ago_s=599) == []
    assert news(site_ago_s=0) == []
    assert news(own_ago_s=3599) == []
    assert news(own_ago_s=0) == []


def test_as_much_again_is_no_record():
    assert news(shows=4e6) == []


def test_a_counter_that_began_anew_beats_nothing_and_loses_nothing():
    shelf = Shelf()
    shelf.tick()
    spec, now_s = shelf.wiring.miners[0], shelf.image.clock.plant_s
    told = {f"{SHELF}/{spec.mac}:best_diff_n": Value(12.0, now_s)}
    known = {"of": {spec.id: [4e6, 4e6, 0]}, "told_s": 0}
    assert bests.found(shelf.image._replace(channels=told), shelf.wiring, known) == (known, ())


def test_boards_that_are_silent_lose_nothing():
    shelf = Shelf()
    shelf.tick()
    known = {"of": {shelf.wiring.miners[0].id: [4e6, 4e6, 5]}, "told_s": 5}
    assert bests.found(shelf.image._replace(channels={}), shelf.wiring, known) == (known, ())
    assert bests.found(shelf.image._replace(channels={}), shelf.wiring, None) == ({}, ())
