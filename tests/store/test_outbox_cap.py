"""The outbox under its cap: what is dropped, in which order, and that it is said (NET3)."""

import json
import sqlite3

import pytest

from mine_controller.store.migrations import STEPS
from mine_controller.store.outbox import EMERGENCY, INFO, WARNING, add_messages, all_letters, cap

NOW = 1_789_000_000
DAY_S = 86_400


@pytest.fixture
def db():
    made = sqlite3.connect(":memory:")
    for step in STEPS:
        for statement in step:
            made.execute(statement)
    yield made
    made.close()


def put(db, key, level, at=NOW, size=0):
    body = json.dumps({"kind": "x", "at": str(at), "text": "x" * size})
    add_messages(db, [(key, level, body, at)])


def open_keys(db):
    return sorted(one.key for one in all_letters(db, 1000, waiting=True))


def dropped(db):
    return next(json.loads(one.body) for one in all_letters(db, 1000, waiting=True) if one.key.startswith("dropped."))


def test_a_few_messages_are_left_alone(db):
    for at in range(5):
        put(db, f"m{at}", at % 3)
    assert cap(db, NOW) == 0
    assert len(open_keys(db)) == 5


def test_net3_information_older_than_three_days_goes_and_the_number_is_told(db):
    put(db, "old info", INFO, NOW - 4 * DAY_S)
    put(db, "old warning", WARNING, NOW - 4 * DAY_S)
    put(db, "old emergency", EMERGENCY, NOW - 9 * DAY_S)
    put(db, "new info", INFO)
    assert open_keys(db) == [f"dropped.{NOW}", "new info", "old emergency", "old warning"]
    assert (dropped(db)["infos"], dropped(db)["warnings"]) == (1, 0)
    assert "1 pieces of information" in dropped(db)["text"]


def test_a_try_that_was_put_off_does_not_make_a_message_young(db):
    put(db, "old info", INFO, NOW - 4 * DAY_S)
    put(db, "older warning", WARNING, NOW - 5 * DAY_S)
    db.execute("UPDATE outbox SET due_at = ? WHERE key = 'old info'", (NOW,))
    put(db, "new", INFO)
    assert "old info" not in open_keys(db)


def test_too_much_drops_information_first_then_the_oldest_warnings_and_never_an_emergency(db):
    for at in range(10):
        put(db, f"e{at}", EMERGENCY, size=1000)
        put(db, f"w{at}", WARNING, size=1000)
        put(db, f"i{at}", INFO, size=1000)
    assert cap(db, NOW, most=15_500) > 0
    kept = [key for key in open_keys(db) if not key.startswith("dropped.")]
    assert [key for key in kept if key[0] == "e"] == [f"e{at}" for at in range(10)]
    assert [key for key in kept if key[0] == "i"] == []
    assert [key for key in kept if key[0] == "w"] == ["w6", "w7", "w8", "w9"]


def test_what_was_dropped_is_one_line_that_counts_on(db):
    for at in range(4):
        put(db, f"i{at}", INFO, NOW - 4 * DAY_S)
        put(db, f"n{at}", INFO, NOW + at)
    assert dropped(db)["infos"] == 4
    assert len([key for key in open_keys(db) if key.startswith("dropped.")]) == 1


def test_what_is_told_already_is_never_dropped_again(db):
    put(db, "told", INFO, NOW - 4 * DAY_S)
    db.execute("UPDATE outbox SET told_at = ?", (NOW,))
    put(db, "new", INFO)
    assert open_keys(db) == ["new"]
    assert len(all_letters(db)) == 2


def test_clk1_by_a_clock_before_2020_nothing_is_too_old(db):
    put(db, "info", INFO, 1000)
    put(db, "later", INFO, 1000 + 9 * DAY_S)
    assert open_keys(db) == ["info", "later"]


def test_bodies_that_are_no_json_are_counted_by_their_due_time(db):
    db.execute("INSERT INTO outbox (key, level, body, due_at) VALUES ('odd', 0, 'no json', ?)", (NOW - 4 * DAY_S,))
    put(db, "new", INFO)
    assert "odd" not in open_keys(db)
