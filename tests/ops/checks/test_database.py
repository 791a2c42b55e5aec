"""The database looked at, and no tick kept out of it."""

import sqlite3
from contextlib import closing

import pytest
from cli.place import Place

from mine_controller.ops.checks import database
from mine_controller.store import query


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path).ticks(3)


def test_a_whole_database_is_called_so(place):
    (check,) = database.database(place.config, place.wall)
    assert (check.verdict, check.text[:14]) == ("ok", "quick_check ok")


def test_what_takes_longer_than_there_is_until_the_next_tick_is_left_and_said(place, monkeypatch):
    """It read for minutes what is large: every tick of that time could start nothing and write nothing down."""
    with closing(sqlite3.connect(place.config.paths.db)) as db, db:
        db.executemany("INSERT INTO records VALUES (?, zeroblob(3000))", [(at,) for at in range(2000)])
    monkeypatch.setattr(database, "INSTRUCTIONS", 10)
    monkeypatch.setattr(database, "SHORT_S", 0.0)
    monkeypatch.setattr(database, "pause_left_s", lambda _config, _now_s: 0.0)
    (check,) = database.database(place.config, place.wall)
    assert check.verdict == "ok"
    assert check.text.startswith("nothing wrong in 0 s, more no tick leaves: `minectl backup` looks at all of it, ")


def test_until_a_tick_is_due_there_is_time_and_beside_one_at_work_next_to_none(place):
    tick_s, now_s = place.config.site.tick_s, query.ticks(place.config.paths, limit=1)[0].tick_at + 5
    assert database._spare_s(place.config, now_s) == tick_s - 5
    with closing(sqlite3.connect(place.config.paths.db)) as db, db:
        db.execute("UPDATE mine_states SET ended_at = NULL")
    assert database._spare_s(place.config, now_s) == database.SHORT_S


def test_a_page_that_is_damaged_is_told(place):
    with closing(sqlite3.connect(place.config.paths.db)) as db, db:
        db.execute("PRAGMA writable_schema = ON")
        db.execute("UPDATE sqlite_master SET rootpage = 3 WHERE name = 'events_by_time'")
    (check,) = database.database(place.config, place.wall)
    assert check.verdict == "fail"
