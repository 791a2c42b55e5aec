import sqlite3
from contextlib import closing

import pytest
from store import ledger
from store.test_store import SHA, full_book, run_ticks, shell

from mine_controller.store import migrations, query
from mine_controller.store.db import StoreError, connect
from mine_controller.store.migrations import STEPS, migrate
from mine_controller.store.store import open_store

NEXT = (*STEPS, ("CREATE TABLE later (x INT) STRICT", "INSERT INTO later VALUES (1)"))


@pytest.fixture
def newer(monkeypatch):
    """A program one step ahead."""

    def install(steps=NEXT):
        for name in ("migrations", "copies"):
            monkeypatch.setattr(f"mine_controller.store.{name}.STEPS", steps)

    return install


def test_the_safe_way_of_writing_is_set_and_read_back_on_every_connection(paths):
    """DB4."""
    with open_store(paths, "1.0") as store:
        ask = store._db.execute
        assert (ask("PRAGMA journal_mode").fetchone(), ask("PRAGMA synchronous").fetchone()) == (("truncate",), (2,))
        assert ask("PRAGMA busy_timeout").fetchone() == (2000,)


def test_a_connection_that_would_write_unsafely_is_refused(paths, monkeypatch):
    monkeypatch.setattr("mine_controller.store.db.FULL", 3)
    with pytest.raises(StoreError, match="refused the safe way"):
        connect(paths.db, create=True)


def test_a_file_left_in_wal_mode_is_taken_out_of_it(paths, rules):
    run_ticks(paths, rules)
    with closing(sqlite3.connect(paths.db)) as db:
        db.execute("PRAGMA journal_mode=WAL")
    run_ticks(paths, rules, start=ledger.NOON + 120)
    assert shell(paths, "PRAGMA journal_mode") == [("delete",)]
    assert len(query.ticks(paths)) == 2


def test_an_existing_file_is_copied_before_it_is_migrated(paths, rules, newer):
    run_ticks(paths, rules, book=full_book(rules))
    newer()
    with open_store(paths, "2.0", wall_s=ledger.NOON) as store:
        assert store.load(ledger.BOOT, SHA).trouble == ()
    assert shell(paths, "SELECT x FROM later") == [(1,)]
    copy = paths._replace(db=paths.backups / "before-schema-2-20260301T120000Z.db")
    assert shell(copy, "SELECT count(*) FROM mine_states") == [(1,)]
    assert shell(copy, "PRAGMA user_version") == [(1,)]


def test_a_migration_that_fails_leaves_the_file_as_it_was(paths, rules, newer):
    run_ticks(paths, rules, book=full_book(rules))
    newer((*STEPS, ("CREATE TABLE later (x INT)", "INSERT INTO nowhere VALUES (1)")))
    with closing(connect(paths.db)) as db:
        with pytest.raises(sqlite3.OperationalError):
            migrate(db, (*STEPS, ("CREATE TABLE later (x INT)", "INSERT INTO nowhere VALUES (1)")))
        assert db.execute("PRAGMA user_version").fetchone() == (1,)
        assert db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'later'").fetchone() == (0,)


def test_a_file_of_a_newer_program_is_refused_with_the_remedy(paths, rules):
    run_ticks(paths, rules)
    with closing(sqlite3.connect(paths.db)) as db:
        db.execute("PRAGMA user_version = 7")
    with pytest.raises(StoreError, match="schema 7, this program knows 1: install the newer program"):
        open_store(paths, "1.0")
    assert shell(paths, "SELECT count(*) FROM mine_states") == [(1,)]


def test_another_programs_database_is_refused_and_left_alone(paths):
    with closing(sqlite3.connect(paths.db)) as db, db:
        db.execute("CREATE TABLE cookies (x)")
    with pytest.raises(StoreError, match="belongs to another program"):
        open_store(paths, "1.0")
    assert shell(paths, "SELECT name FROM sqlite_master") == [("cookies",)]


def test_the_file_says_whose_it_is_by_the_mark_that_every_file_out_there_has(paths, rules):
    run_ticks(paths, rules, 1)
    assert paths.db.read_bytes()[68:72] == b"MINE"


def test_migrating_twice_changes_nothing(paths):
    with closing(connect(paths.db, create=True)) as db:
        assert migrate(db) == 0
        before = db.execute("SELECT sql FROM sqlite_master").fetchall()
        assert migrate(db) == len(migrations.STEPS)
        assert db.execute("SELECT sql FROM sqlite_master").fetchall() == before
