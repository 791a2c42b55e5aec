"""A disk without room at the worst moment: nothing is moved that can't be replaced, and nothing is lost for it."""

import errno
import resource
import sqlite3
from contextlib import closing, contextmanager, suppress

import pytest
from store import ledger
from store.test_store import SHA, full_book, run_ticks
from store.trouble import state_of

from mine_controller.store import ballast, copies, putback, query
from mine_controller.store.db import StoreTrouble, journal_of, reading
from mine_controller.store.loading import Loaded
from mine_controller.store.spill import NAME, Spilled, StateRow, write_spill
from mine_controller.store.store import open_store

LATER = ledger.NOON + 600


def no_room(*_given, **_named):
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL
    raise error


def fill_up(monkeypatch):
    """From here on no file grows: neither a new database nor a copy put in its place."""

    def refused(_source, target):
        target.write_bytes(b"")
        raise OSError(errno.ENOSPC, "No space left on device")

    for room in ("opening", "putback", "copies"):
        monkeypatch.setattr(f"mine_controller.store.{room}.migrate", no_room, raising=False)
    monkeypatch.setattr(copies, "copy_bytes", refused)


def names_in(paths):
    return sorted(path.relative_to(paths.db.parent).as_posix() for path in paths.db.parent.rglob("*"))


def test_db6_a_reset_on_a_full_disk_leaves_the_history_its_copies_and_the_wear(paths, rules, monkeypatch):
    run_ticks(paths, rules, 61, book=full_book(rules))
    fill_up(monkeypatch)
    kept, before = query.last_book(paths, ledger.BOOT, SHA), names_in(paths)
    with pytest.raises(StoreTrouble, match="the disk is full"):
        putback.begin_anew(paths, LATER, Loaded(kept.book, tick_at=kept.tick_at), putback.NOBODY)
    assert names_in(paths) == before
    assert state_of(paths).miners == kept.book.state.miners != {}


def test_a_reset_that_can_not_move_everything_moves_it_back(paths, rules, monkeypatch):
    run_ticks(paths, rules, 61, book=full_book(rules))
    before, book = names_in(paths), query.last_book(paths, ledger.BOOT, SHA).book

    def refused(_draft, _path):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(copies, "settle", refused)
    with pytest.raises(StoreTrouble):
        putback.begin_anew(paths, LATER, None, putback.NOBODY)
    assert (names_in(paths), state_of(paths)) == (before, book.state)


def unsynced(_folder):
    raise OSError(errno.EIO, "Input/output error")


def test_a_reset_that_is_refused_behind_its_last_move_has_changed_nothing(paths, rules, monkeypatch):
    """It said so, and the new database was in force."""
    run_ticks(paths, rules, 61, book=full_book(rules))
    before, book = names_in(paths), query.last_book(paths, ledger.BOOT, SHA).book
    monkeypatch.setattr(copies, "sync_folder", unsynced)
    with pytest.raises(StoreTrouble):
        putback.begin_anew(paths, LATER, None, putback.NOBODY)
    assert (names_in(paths), state_of(paths)) == (before, book.state)


def test_a_reset_killed_at_any_step_leaves_the_old_database_or_the_new(paths, rules, monkeypatch):
    run_ticks(paths, rules, 61, book=full_book(rules))
    monkeypatch.setattr(copies, "_move_back", lambda *_given: None)  # nothing tidies up behind a SIGKILL
    monkeypatch.setattr(copies, "settle", killed)
    with suppress(KeyboardInterrupt):
        putback.begin_anew(paths, LATER, None, putback.NOBODY)
    assert len(query.ticks(paths)) == 61


def killed(*_given):
    raise KeyboardInterrupt


def test_db6_a_damaged_database_stays_where_it_is_until_there_is_room_for_another(paths, rules, monkeypatch):
    """Empty files were set aside in its place at each tick, and the fourth deleted the damaged one, history and all."""
    run_ticks(paths, rules, 3, book=full_book(rules))
    damaged = b"x" * 100 + paths.db.read_bytes()[100:]
    paths.db.write_bytes(damaged)
    fill_up(monkeypatch)
    for number in range(5):
        with open_store(paths, "1.0", wall_s=LATER + 120 * number) as store:
            found = store.load(ledger.BOOT, SHA)
            made = ledger.make_tick(rules, found.book, LATER + 120 * number)
            with pytest.raises(StoreTrouble):
                store.save(made.tick, made.rounds, made.book, LATER + 120 * number)
        assert (found.lost, found.trouble[1].startswith("the disk is full")) == (True, True)
        assert paths.db.read_bytes() == damaged
    monkeypatch.undo()
    run_ticks(paths, rules, 1, start=LATER + 600)
    (aside,) = paths.db.parent.glob("*.bad-*Z")
    assert aside.read_bytes() == damaged
    assert len(query.ticks(paths)) == 1


def test_db6_the_ballast_makes_room_for_the_database_that_is_begun_again(paths, rules, monkeypatch):
    run_ticks(paths, rules, 3)
    paths.db.write_bytes(b"x" * 9000)
    assert ballast.ballast_of(paths.db).exists()
    really = copies.migrate
    monkeypatch.setattr(
        copies, "migrate", lambda db: no_room() if ballast.ballast_of(paths.db).exists() else really(db)
    )
    with open_store(paths, "1.0", wall_s=LATER) as store:
        assert "begun anew" in store.load(ledger.BOOT, SHA).trouble[0]


def test_a_first_start_cut_off_is_a_first_start_again(paths, monkeypatch):
    fill_up(monkeypatch)
    with open_store(paths, "1.0", wall_s=ledger.NOON) as store:
        assert store.load(ledger.BOOT, SHA).trouble[0].startswith("the disk is full")
    assert not paths.db.exists()
    monkeypatch.undo()
    with open_store(paths, "1.0", wall_s=ledger.NOON) as store:
        assert store.load(ledger.BOOT, SHA).trouble == ()


def test_clk1_a_file_set_aside_in_1970_is_not_the_oldest_and_an_empty_one_goes_first(paths):
    for number in range(3):
        paths.db.write_bytes(b"" if number == 1 else b"x" * 9000)
        copies.set_bad_aside(paths.db, LATER + number)
    paths.db.write_bytes(b"the newest")
    aside = copies.set_bad_aside(paths.db, 120)
    assert aside.read_bytes() == b"the newest"
    assert [path.stat().st_size for path in sorted(paths.db.parent.glob("*.bad-*"))] == [10, 9000, 9000]


# a restore


def spilled(paths, rules, seq):
    """What a tick left in memory on a full disk, far ahead of any copy."""
    row = query.last_book(paths, ledger.BOOT, SHA)
    with closing(sqlite3.connect(paths.db)) as db, db:
        found = db.execute("SELECT version, seq, tick_at, round, hour_at, body FROM state").fetchone()
    db.close()
    state = StateRow(*found)._replace(seq=seq, tick_at=row.tick_at + 120)
    paths.run.mkdir(exist_ok=True)
    write_spill(paths.run, Spilled(state, found[1], {"outbox": [("of the spill", 1, "{}", ledger.NOON)]}))


@pytest.mark.parametrize("removed", [True, False])
def test_db2_a_restore_killed_at_its_end_is_not_overwritten_by_what_waited_in_memory(
    paths, rules, monkeypatch, removed
):
    run_ticks(paths, rules, 2, book=full_book(rules))
    copies.back_up(paths.db, paths.backups / "whole.db")
    spilled(paths, rules, 900)
    if not removed:
        monkeypatch.setattr(putback, "clear_spill", lambda _run: None)
    else:
        settled = putback.settle
        monkeypatch.setattr(putback, "settle", lambda draft, path: (settled(draft, path), killed()))
    with suppress(KeyboardInterrupt):
        putback.restore(paths, paths.backups / "whole.db", LATER)
    found = query.last_book(paths, ledger.BOOT, SHA)
    assert found.book.state.mode == "INIT"
    with open_store(paths, "1.0") as store:
        store.load(ledger.BOOT, SHA)
        made = ledger.make_tick(rules, found.book, LATER)
        store.save(made.tick, made.rounds, made.book, LATER)
    assert query.letters(paths, waiting=True) == ()
    assert not (paths.run / NAME).exists()


def test_a_restore_whose_last_step_is_refused_puts_the_old_database_back(paths, rules, monkeypatch):
    """It said that nothing was restored, and there was no database any more."""
    run_ticks(paths, rules, 2, book=full_book(rules))
    copies.back_up(paths.db, paths.backups / "whole.db")
    before = paths.db.read_bytes()

    def refused(_draft, _path):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(putback, "settle", refused)
    with pytest.raises(StoreTrouble):
        putback.restore(paths, paths.backups / "whole.db", LATER)
    assert paths.db.read_bytes() == before
    assert list(paths.db.parent.glob("*before-restore*")) == []


def test_a_restore_that_is_refused_behind_its_last_move_has_changed_nothing(paths, rules, monkeypatch):
    run_ticks(paths, rules, 2, book=full_book(rules))
    copies.back_up(paths.db, paths.backups / "whole.db")
    before = paths.db.read_bytes()
    monkeypatch.setattr(copies, "sync_folder", unsynced)
    with pytest.raises(StoreTrouble):
        putback.restore(paths, paths.backups / "whole.db", LATER)
    assert paths.db.read_bytes() == before
    assert list(paths.db.parent.glob("*before-restore*")) == []


@contextmanager
def nothing_grows():
    """No write of this process finds room, wherever the file lies."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize("half_written", [False, True])
def test_db6_the_past_is_read_while_the_disk_is_full(paths, rules, half_written):
    """SQLite puts ninety days in order in a file of its own, past 2 MB: report and page had no past."""
    run_ticks(paths, rules, 2, book=full_book(rules))
    if half_written:
        journal_of(paths.db).write_bytes(bytes.fromhex("d9d505f920a163d7") + bytes(504))
    large = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) SELECT count(*) FROM"
    large += " (SELECT hex(randomblob(40)) AS one FROM n ORDER BY one LIMIT -1 OFFSET 1)"
    with reading(paths.db) as db, nothing_grows():
        assert db.execute(large).fetchone() == (59_999,)
