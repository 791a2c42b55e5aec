import random
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from store import ledger
from store.test_store import SHA, full_book, run_ticks, shell

from mine_controller.store import ballast, copies, query, spill
from mine_controller.store.db import Places, StoreError, StoreTrouble, iso, journal_of
from mine_controller.store.outbox import EMERGENCY, INFO, Message
from mine_controller.store.store import Extra, open_store

LETTER = Extra((), (Message("alarm 1", EMERGENCY, "the disk is full", ledger.NOON),))


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Nobody waits two seconds for a lock in here."""
    monkeypatch.setattr("mine_controller.store.db.BUSY_MS", 20)


def fill_up(store):
    """From here on this file may not grow."""
    pages = store._db.execute("PRAGMA page_count").fetchone()[0]
    store._db.execute(f"PRAGMA max_page_count = {pages}")


def load_and_make(store, rules, at, **what):
    found = store.load(ledger.BOOT, SHA)
    return ledger.make_tick(rules, found.book, at, **what)


def state_of(paths):
    return query.last_book(paths, ledger.BOOT, SHA).book.state


# a full disk


def test_a_full_disk_costs_the_ballast_and_then_the_tick_is_told(paths, rules, monkeypatch):
    run_ticks(paths, rules, 2, book=full_book(rules))
    assert ballast.ballast_of(paths.db).stat().st_size == ballast.BALLAST_BYTES
    monkeypatch.setattr("mine_controller.store.store.connect", lambda _path: (_ for _ in ()).throw(full()))
    with open_store(paths, "1.0") as store:
        made = load_and_make(store, rules, ledger.NOON + 240, commands=4, events=40)
        fill_up(store)
        with pytest.raises(StoreTrouble, match="the disk is full") as caught:
            store.journal(made.tick, [made.rounds[0]._replace(outcomes=())], LETTER)
    assert caught.value.kind == "full"
    assert not ballast.ballast_of(paths.db).exists()


def full():
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL
    return error


def test_giving_up_the_ballast_is_enough_when_it_makes_room(paths, rules):
    run_ticks(paths, rules, 2, book=full_book(rules))
    with open_store(paths, "1.0") as store:
        made = load_and_make(store, rules, ledger.NOON + 240, events=40)
        fill_up(store)  # the second try opens the file anew, and there is room
        store.save(made.tick, made.rounds, made.book, ledger.NOON + 245)
    assert len(query.events(paths, kind="test")) == 40
    assert not ballast.ballast_of(paths.db).exists()


def test_the_ballast_comes_back_with_the_next_hour(paths, rules):
    run_ticks(paths, rules, 1)
    ballast.free(paths.db)
    run_ticks(paths, rules, 1, start=ledger.NOON + 3600)
    assert ballast.ballast_of(paths.db).exists()


def test_no_ballast_is_made_on_a_disk_without_plenty_of_room(paths, monkeypatch):
    paths.db.parent.mkdir(exist_ok=True)
    monkeypatch.setattr(ballast, "SPARE", 10**12)
    assert not ballast.ensure(paths.db)
    assert not ballast.free(paths.db)


def failing(store, monkeypatch, kind="full"):
    def refuse(*_, **__):
        raise StoreTrouble(kind, "the disk is full: made up")

    monkeypatch.setattr(store, "_write", refuse)


def test_what_could_not_be_committed_waits_in_memory_and_nothing_is_lost(paths, rules, monkeypatch):
    run_ticks(paths, rules, 2, book=full_book(rules))
    for number in (2, 3):
        with open_store(paths, "1.0") as store:
            made = load_and_make(store, rules, ledger.NOON + number * 120, commands=1, events=2)
            failing(store, monkeypatch)
            for write in ("journal", "save"):
                with pytest.raises(StoreTrouble):
                    write_tick(store, write, made)
                assert store.spill() == paths.run / spill.NAME
    assert len(query.ticks(paths)) == 2
    found = query.last_book(paths, ledger.BOOT, SHA)
    assert found.book.state.miners["a000"].run_s == made.book.state.miners["a000"].run_s
    assert found.book.died == ""
    run_ticks(paths, rules, 1, start=ledger.NOON + 480)
    assert len(query.ticks(paths)) == 5
    assert len(query.events(paths, kind="test")) == 4
    assert [one.round for one in query.record(paths, ledger.NOON + 360)] == [0]
    assert len(query.record(paths, ledger.NOON + 240)[0].outcomes) == 1
    assert not (paths.run / spill.NAME).exists()
    assert query.broken_event(paths) is None


def write_tick(store, write, made):
    if write == "journal":
        store.journal(
            made.tick, [made.rounds[0]._replace(outcomes=())], Extra((), (Message(f"m{made.tick.at}", INFO, "x", 0),))
        )
    else:
        store.save(made.tick, made.rounds, made.book, made.tick.at + 5)


def test_a_tick_that_died_after_spilling_its_intent_is_named(paths, rules, monkeypatch):
    run_ticks(paths, rules, 1, book=full_book(rules))
    with open_store(paths, "1.0") as store:
        made = load_and_make(store, rules, ledger.NOON + 120, commands=1)
        failing(store, monkeypatch)
        with pytest.raises(StoreTrouble):
            write_tick(store, "journal", made)
        store.spill()
    found = query.last_book(paths, ledger.BOOT, SHA)
    assert found.book.died == "tick of 12:02 UTC died in round 0"
    assert found.book.state.chases


def test_a_commit_that_works_later_in_the_same_tick_carries_everything_along(paths, rules, monkeypatch):
    with open_store(paths, "1.0") as store:
        made = load_and_make(store, rules, ledger.NOON, commands=1, events=3)
        with monkeypatch.context() as patched:
            failing(store, patched)
            with pytest.raises(StoreTrouble):
                write_tick(store, "journal", made)
        store.spill()
        store.save(made.tick, made.rounds, made.book, ledger.NOON + 5)
        with pytest.raises(StoreTrouble, match="nothing that could be spilled"):
            store.spill()
    assert len(query.events(paths, kind="test")) == 3
    assert [letter.key for letter in query.letters(paths)] == [f"m{ledger.NOON}"]
    assert not (paths.run / spill.NAME).exists()


def test_loading_twice_in_one_process_carries_a_spill_once(paths, rules, monkeypatch):
    with open_store(paths, "1.0") as store:
        made = load_and_make(store, rules, ledger.NOON, events=3)
        with monkeypatch.context() as patched:
            failing(store, patched)
            with pytest.raises(StoreTrouble):
                write_tick(store, "save", made)
        store.spill()
        again = load_and_make(store, rules, ledger.NOON + 120)
        store.save(again.tick, again.rounds, again.book, ledger.NOON + 125)
    assert len(query.events(paths, kind="test")) == 3


def test_a_spill_older_than_the_database_is_ignored(paths, rules, monkeypatch):
    with open_store(paths, "1.0") as store:
        made = load_and_make(store, rules, ledger.NOON, events=1)
        with monkeypatch.context() as patched:
            failing(store, patched)
            with pytest.raises(StoreTrouble):
                write_tick(store, "save", made)
        body = store.spill().read_bytes()
        store.save(made.tick._replace(at=ledger.NOON + 1), made.rounds, made.book, ledger.NOON + 5)
    (paths.run / spill.NAME).write_bytes(body)
    run_ticks(paths, rules, 1, start=ledger.NOON + 120)
    assert len(query.events(paths, kind="test")) == 2
    assert query.events(paths, kind="database") == ()


@pytest.mark.parametrize("damage", [b"", b"{}", b"[1]", b'{"sha256": "x", "state": [1]}', b"\xff\xfe"])
def test_a_damaged_spill_is_told_and_the_database_is_used(paths, rules, damage):
    run_ticks(paths, rules, 1, book=full_book(rules))
    paths.run.mkdir(exist_ok=True)
    (paths.run / spill.NAME).write_bytes(damage)
    found = query.last_book(paths, ledger.BOOT, SHA)
    assert len(found.book.state.miners) == 4
    assert "intents.json" in found.trouble[0]


def test_a_spill_that_can_not_be_written_is_trouble(paths, rules, monkeypatch):
    paths.run.write_text("a file where the folder should be")
    with open_store(paths, "1.0") as store:
        made = load_and_make(store, rules, ledger.NOON)
        failing(store, monkeypatch)
        with pytest.raises(StoreTrouble):
            write_tick(store, "save", made)
        with pytest.raises(StoreTrouble, match=r"intents\.json can't be written"):
            store.spill()


# a disk that refuses, a lock that is held


def read_only(paths, monkeypatch):
    """What a disk remounted read-only does to every opening for writing."""
    real = sqlite3.connect

    def connect(name, *args, **options):
        return real(str(name).replace("mode=rwc", "mode=ro").replace("mode=rw", "mode=ro"), *args, **options)

    monkeypatch.setattr("mine_controller.store.db.sqlite3.connect", connect)


def test_a_read_only_disk_still_gives_the_state_and_each_commit_is_trouble(paths, rules, monkeypatch):
    run_ticks(paths, rules, 2, book=full_book(rules))
    read_only(paths, monkeypatch)
    with open_store(paths, "1.0") as store:
        made = load_and_make(store, rules, ledger.NOON + 240, events=1)
        assert len(made.book.state.miners) == 4
        with pytest.raises(StoreTrouble) as caught:
            write_tick(store, "save", made)
        assert caught.value.kind == "readonly"
        store.spill()
    monkeypatch.undo()
    run_ticks(paths, rules, 1, start=ledger.NOON + 360)
    assert len(query.ticks(paths)) == 4
    assert len(query.events(paths, kind="test")) == 1


def test_a_folder_that_can_not_be_made_gives_a_store_whose_commits_are_trouble(tmp_path, rules):
    blocked = tmp_path / "file"
    blocked.write_text("x")
    paths = Places.under(tmp_path)._replace(db=blocked / "mine_data.db")
    with open_store(paths, "1.0") as store:
        found = store.load(ledger.BOOT, SHA)
        made = ledger.make_tick(rules, found.book, ledger.NOON)
        with pytest.raises(StoreTrouble):
            write_tick(store, "save", made)


def test_a_reader_that_holds_the_file_is_waited_for_and_then_the_tick_goes_on(paths, rules):
    run_ticks(paths, rules, 1, book=full_book(rules))
    with closing(sqlite3.connect(paths.db, isolation_level=None)) as reader, open_store(paths, "1.0") as store:
        made = load_and_make(store, rules, ledger.NOON + 120, events=1)
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM state").fetchone()
        with pytest.raises(StoreTrouble, match="another program held the database") as caught:
            write_tick(store, "save", made)
        assert caught.value.kind == "locked"
        reader.execute("ROLLBACK")
        store.spill()
    run_ticks(paths, rules, 1, start=ledger.NOON + 240)
    assert len(query.ticks(paths)) == 3
    assert len(query.events(paths, kind="test")) == 1


def test_a_state_that_can_not_be_read_for_a_lock_is_never_written_over(paths, rules):
    made = run_ticks(paths, rules, 1, book=full_book(rules))
    with closing(sqlite3.connect(paths.db, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with open_store(paths, "1.0") as store:
            found = store.load(ledger.BOOT, SHA)
            assert found.lost
            assert found.trouble
            other.execute("ROLLBACK")
            empty = ledger.make_tick(rules, found.book, ledger.NOON + 120)
            with pytest.raises(StoreTrouble, match="nothing is written over it"):
                write_tick(store, "save", empty)
    assert state_of(paths).miners == made.book.state.miners


# damage


@pytest.mark.parametrize("damage", ["empty", "garbage", "cut", "state"])
def test_a_damaged_database_is_set_aside_and_begun_again_from_the_newest_copy(paths, rules, damage):
    run_ticks(paths, rules, 61, book=full_book(rules))
    before = state_of(paths)
    size = paths.db.stat().st_size
    if damage == "state":
        with closing(sqlite3.connect(paths.db)) as db, db:
            db.execute("UPDATE state SET round = 3")
    else:
        paths.db.write_bytes(
            {"empty": b"", "garbage": b"\0garbage" * 4096, "cut": paths.db.read_bytes()[: size // 3]}[damage]
        )
    with open_store(paths, "1.0", wall_s=ledger.NOON) as store:
        found = store.load(ledger.BOOT, SHA)
        assert found.lost
        assert "begun again from hour-14.db" in found.trouble[0]
        assert found.book.state.mode == "INIT"
        assert found.book.image is None
        assert set(found.book.state.miners) == set(before.miners)
        made = ledger.make_tick(rules, found.book, ledger.NOON + 9000)
        store.save(made.tick, made.rounds, made.book, ledger.NOON + 9005)
    assert (paths.db.parent / "mine_data.db.bad-20260301T120000Z").exists()
    (told,) = query.events(paths, kind="database")
    assert (told.severity, told.about) == ("emergency", "store")
    assert state_of(paths).miners == made.book.state.miners
    assert query.anchor(paths, ledger.NOON + 9000).tick_at == ledger.NOON + 9000


def test_a_damaged_database_without_a_copy_begins_anew_and_says_so(paths, rules):
    run_ticks(paths, rules, 2, book=full_book(rules))
    paths.db.write_bytes(b"x" * 9000)
    with open_store(paths, "1.0") as store:
        found = store.load(ledger.BOOT, SHA)
    assert found.lost
    assert "begun anew without a copy" in found.trouble[0]


def test_a_database_that_is_gone_is_noticed_when_there_are_copies(paths, rules):
    run_ticks(paths, rules, 61, book=full_book(rules))
    paths.db.unlink()
    with open_store(paths, "1.0") as store:
        found = store.load(ledger.BOOT, SHA)
    assert found.lost
    assert "the database was gone" in found.trouble[0]
    assert len(found.book.state.miners) == 4


def test_a_damaged_copy_is_passed_over_for_an_older_good_one(paths, rules):
    run_ticks(paths, rules, 62, book=full_book(rules))
    newest = copies.newest_good(paths.backups)
    assert newest.name == "hour-14.db"
    newest.write_bytes(newest.read_bytes()[:5000] + b"\0" * 3000)
    assert copies.newest_good(paths.backups).name == "hour-13.db"
    (paths.backups / "hour-13.db").write_bytes(b"")
    assert copies.newest_good(paths.backups) is None


def test_open_messages_are_saved_out_of_a_damaged_file(paths, rules):
    made = ledger.make_tick(rules, full_book(rules), ledger.NOON)
    with open_store(paths, "1.0") as store:
        store.load(ledger.BOOT, SHA)
        store.save(made.tick, made.rounds, made.book, ledger.NOON + 5, LETTER)
        store._db.execute("UPDATE state SET seq = 99")
    run_ticks(paths, rules, 1, start=ledger.NOON + 120)
    assert [letter.key for letter in query.letters(paths, waiting=True)] == ["alarm 1"]


def test_a_file_that_proves_damaged_in_mid_tick_is_replaced_and_the_state_at_hand_is_kept(paths, rules):
    run_ticks(paths, rules, 3, book=full_book(rules))
    with open_store(paths, "1.0") as store:
        made = load_and_make(store, rules, ledger.NOON + 360, commands=2, events=2)
        with closing(sqlite3.connect(paths.db)) as other, other:
            other.execute("DROP TABLE records")
        store.journal(made.tick, [made.rounds[0]._replace(outcomes=())], LETTER)
        store.save(made.tick, made.rounds, made.book, ledger.NOON + 365)
    assert state_of(paths)._replace(last={}) == made.book.state._replace(last={})
    assert len(query.events(paths, kind="test")) == 2
    assert len(query.events(paths, kind="database")) == 1
    assert [letter.key for letter in query.letters(paths, waiting=True)] == ["alarm 1"]
    assert query.anchors(paths) == (ledger.NOON + 360,)


def test_a_journal_left_by_a_kill_moves_aside_with_its_damaged_database(paths):
    paths.db.write_bytes(b"damaged")
    journal_of(paths.db).write_bytes(b"left behind")
    aside = copies.set_bad_aside(paths.db, ledger.NOON)
    assert journal_of(aside).read_bytes() == b"left behind"
    assert not journal_of(paths.db).exists()


def test_no_more_than_three_damaged_files_are_kept(paths):
    for number in range(5):
        paths.db.write_bytes(b"x" * 9000)
        open_store(paths, "1.0", wall_s=ledger.NOON + number).close()
    kept = sorted(path.name for path in paths.db.parent.glob("*.bad-*Z"))
    assert kept == [f"mine_data.db.bad-20260301T12000{n}Z" for n in (2, 3, 4)]


def test_sixty_flipped_bits_never_give_a_silently_wrong_state(paths, rules, tmp_path):
    run_ticks(paths, rules, 34, book=full_book(rules), events=1)
    good = query.last_book(paths, ledger.BOOT, SHA).book
    whole = paths.db.read_bytes()
    dice = random.Random(5)
    seen = {"same": 0, "told": 0, "refused": 0}
    for trial in range(60):
        folder = tmp_path / f"trial{trial}"
        shutil.copytree(paths.backups, folder / "backups")
        there = paths.under(folder)
        spot = dice.randrange(len(whole) * 8)
        flipped = bytearray(whole)
        flipped[spot // 8] ^= 1 << spot % 8
        there.db.write_bytes(flipped)
        seen[judged(there, rules, good)] += 1
    assert seen["same"] > 30
    assert sum(seen.values()) == 60


def judged(paths, rules, good):
    """What one flip led to; fails when the state is another one and nobody says so, or when the tick can't go on."""
    try:
        store = open_store(paths, "1.0", wall_s=ledger.NOON)
    except StoreError:
        return "refused"
    with store:
        found = store.load(ledger.BOOT, SHA)
        if not found.trouble:
            assert found.book.state == good.state
            assert found.book.image == good.image
        made = ledger.make_tick(rules, found.book, ledger.NOON + 9000, commands=1, events=1)
        try:
            store.journal(made.tick, [made.rounds[0]._replace(outcomes=())])
            store.save(made.tick, made.rounds, made.book, ledger.NOON + 9005)
        except StoreTrouble:
            store.spill()
            return "told"
    assert state_of(paths)._replace(last={}) == made.book.state._replace(last={})
    return "told" if found.trouble else "same"


def test_every_bit_of_the_state_row_is_under_its_checksum(paths, rules):
    run_ticks(paths, rules, 1, book=full_book(rules))
    for column in ("version", "seq", "tick_at", "round", "hour_at"):
        with closing(sqlite3.connect(paths.db)) as db, db:
            db.execute(f"UPDATE state SET {column} = {column} + 1")
        assert "checksum" in query.last_book(paths).trouble[0]
        with closing(sqlite3.connect(paths.db)) as db, db:
            db.execute(f"UPDATE state SET {column} = {column} - 1")
        assert query.last_book(paths).trouble == ()


# copies by a person's order


def test_a_whole_copy_can_be_made_and_put_back(paths, rules):
    run_ticks(paths, rules, 3, book=full_book(rules))
    copies.back_up(paths.db, paths.backups / "whole.db")
    run_ticks(paths, rules, 2, start=ledger.NOON + 600)
    aside = copies.restore(paths, paths.backups / "whole.db", ledger.NOON)
    assert len(query.ticks(paths)) == 3
    assert len(query.ticks(paths._replace(db=aside))) == 5
    run_ticks(paths, rules, 1, start=ledger.NOON + 900)
    assert len(query.ticks(paths)) == 4


def test_what_is_no_copy_is_not_put_back(paths, rules, tmp_path):
    run_ticks(paths, rules, 1)
    (tmp_path / "odd.db").write_text("hello")
    with pytest.raises(StoreError, match="no usable copy"):
        copies.restore(paths, tmp_path / "odd.db", ledger.NOON)
    assert len(query.ticks(paths)) == 1


def test_starting_afresh_puts_everything_aside_and_the_next_tick_is_a_first_one(paths, rules):
    run_ticks(paths, rules, 61, book=full_book(rules))
    aside = copies.start_afresh(paths, ledger.NOON)
    assert {"mine_data.db", "hour-13.db"} < {path.name for path in aside.iterdir()}
    with open_store(paths, "1.0") as store:
        found = store.load(ledger.BOOT, SHA)
    assert (found.trouble, found.book.state.miners) == ((), {})


def test_an_hourly_copy_that_fails_is_an_event_and_the_tick_goes_on(paths, rules):
    run_ticks(paths, rules, 1)
    paths.backups.rmdir() if paths.backups.exists() else None
    paths.backups.write_text("a file where the folder should be")
    run_ticks(paths, rules, 1, start=ledger.NOON + 3600)
    (told,) = query.events(paths, kind="backup")
    assert told.severity == "warning"
    assert len(query.ticks(paths)) == 2


def test_a_half_written_file_is_read_from_a_copy_and_left_as_it_is(paths, rules):
    run_ticks(paths, rules, 3, book=full_book(rules))
    expected = state_of(paths)
    leave_half_written(paths)
    before = (paths.db.read_bytes(), journal_of(paths.db).read_bytes())
    assert state_of(paths) == expected
    assert len(query.ticks(paths)) == 3
    assert (paths.db.read_bytes(), journal_of(paths.db).read_bytes()) == before
    run_ticks(paths, rules, 1, start=ledger.NOON + 600)
    assert len(query.ticks(paths)) == 4


HALF = """
import os, sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA journal_mode=TRUNCATE")
db.execute("PRAGMA cache_size=1")
db.execute("BEGIN")
db.execute("UPDATE mine_states SET mode = 'WRONG'")
for _ in range(30):
    db.execute("INSERT INTO records (body) VALUES (randomblob(9000))")
os._exit(0)
"""


def leave_half_written(paths):
    """A writer that dies between its pages."""
    subprocess.run([sys.executable, "-c", HALF, str(paths.db)], check=True)
    assert journal_of(paths.db).stat().st_size > 0


def test_moments_beyond_the_calendar_are_shown_at_its_end():
    assert iso(10**15) == "9999-12-31T23:59:59Z"
    assert iso(-5) == "1970-01-01T00:00:00Z"


def test_a_row_that_does_not_fit_is_left_out_and_told_and_the_rest_is_kept(paths, rules):
    made = ledger.make_tick(rules, full_book(rules), ledger.NOON, events=2)
    letter = Message("a", 0, "x", 2**70)
    with open_store(paths, "1.0") as store:
        store.load(ledger.BOOT, SHA)
        store.save(
            made.tick, made.rounds, made.book, ledger.NOON + 5, Extra((), (letter, letter._replace(key="b", due_at=1)))
        )
    assert [one.key for one in query.letters(paths)] == ["b"]
    assert len(query.events(paths, kind="test")) == 2
    assert len(query.events(paths, kind="database")) == 1
    assert shell(paths, "SELECT count(*) FROM state") == [(1,)]
