import os
import random
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from store import ledger
from store.test_store import SHA, full_book, run_ticks, shell
from store.trouble import LETTER, load_and_make, state_of

from mine_controller.store import copies, putback, query
from mine_controller.store.db import StoreError, StoreTrouble, copy_bytes, iso, journal_of, reading
from mine_controller.store.outbox import Message
from mine_controller.store.store import Extra, open_store


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Nobody waits two seconds for a lock in here."""
    monkeypatch.setattr("mine_controller.store.db.BUSY_MS", 20)


# a full disk


@pytest.mark.parametrize("damage", ["empty", "garbage", "cut", "state"])
def test_a_damaged_database_is_set_aside_and_begun_again_from_the_newest_copy(paths, rules, damage):
    """DB2."""
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


@pytest.mark.parametrize("how", ["damaged", "gone"])
def test_a_way_back_to_an_hourly_copy_says_how_the_history_comes_back(paths, rules, how):
    """Else the mine goes on with an empty past, and a year later the last copy that holds it is rotated away."""
    run_ticks(paths, rules, 20, book=full_book(rules))
    copies.back_up(paths.db, paths.backups / "day-20260301.db", {})
    run_ticks(paths, rules, 1, start=ledger.NOON + 3600)
    paths.db.write_bytes(b"garbage" * 1000) if how == "damaged" else paths.db.unlink()
    with open_store(paths, "1.0") as store:
        (told,) = store.load(ledger.BOOT, SHA).trouble
        made = load_and_make(store, rules, ledger.NOON + 3720)
        store.save(made.tick, made.rounds, made.book, ledger.NOON + 3725)
    assert "hour-13.db" in told
    assert told.endswith("without the history: `minectl restore day-20260301.db` brings that back")
    assert "`minectl restore day-20260301.db` brings that back" in query.events(paths, kind="database")[0].text


def test_a_damaged_database_without_a_copy_begins_anew_and_says_so(paths, rules):
    run_ticks(paths, rules, 2, book=full_book(rules))
    paths.db.write_bytes(b"x" * 9000)
    with open_store(paths, "1.0") as store:
        found = store.load(ledger.BOOT, SHA)
    assert found.lost
    assert "begun anew without a copy" in found.trouble[0]


def test_a_database_that_is_gone_is_noticed_when_there_are_copies(paths, rules):
    """DB2: never run on an empty state as if new."""
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


def broken_while_open(paths):
    with closing(sqlite3.connect(paths.db)) as other, other:
        other.execute("DROP TABLE state")


def test_a_file_that_proves_damaged_when_it_is_read_is_begun_again_with_a_full_copy_of_the_state(paths, rules):
    run_ticks(paths, rules, 33, book=full_book(rules))
    with open_store(paths, "1.0") as store:
        broken_while_open(paths)
        made = load_and_make(store, rules, ledger.NOON + 33 * 120)
        store.save(made.tick, made.rounds, made.book, ledger.NOON + 33 * 120 + 5)
    assert query.anchors(paths)[-1] == ledger.NOON + 33 * 120
    assert "begun again from hour-" in query.events(paths, kind="database")[0].text


def test_a_damaged_file_that_can_not_be_begun_again_is_trouble_and_no_end_of_the_tick(paths, rules, monkeypatch):
    run_ticks(paths, rules, 3, book=full_book(rules))
    with open_store(paths, "1.0") as store:
        broken_while_open(paths)
        monkeypatch.setattr("mine_controller.store.store.begin_again", refused)
        found = store.load(ledger.BOOT, SHA)
        made = ledger.make_tick(rules, found.book, ledger.NOON + 360)
        with pytest.raises(StoreTrouble):
            store.save(made.tick, made.rounds, made.book, ledger.NOON + 365)
    assert found.lost
    assert len(found.trouble) == 2
    assert found.trouble[1].startswith("the disk is full")


def refused(*_given):
    raise OSError(28, "No space left on device")


def test_a_journal_left_by_a_kill_moves_aside_with_its_damaged_database(paths):
    """DB5: a journal belongs to one file and goes with it."""
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
    """DB2, DB3."""
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
    """DB3."""
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
    """DB5: by the backup API, never by copying a file in use."""
    run_ticks(paths, rules, 3, book=full_book(rules))
    copies.back_up(paths.db, paths.backups / "whole.db")
    run_ticks(paths, rules, 2, start=ledger.NOON + 600)
    aside = putback.restore(paths, paths.backups / "whole.db", ledger.NOON).aside
    assert len(query.ticks(paths)) == 3
    assert len(query.ticks(paths._replace(db=aside))) == 5
    run_ticks(paths, rules, 1, start=ledger.NOON + 900)
    assert len(query.ticks(paths)) == 4


def test_what_is_no_copy_is_not_put_back(paths, rules, tmp_path):
    run_ticks(paths, rules, 1)
    (tmp_path / "odd.db").write_text("hello")
    with pytest.raises(StoreError, match="no usable copy"):
        putback.restore(paths, tmp_path / "odd.db", ledger.NOON)
    assert len(query.ticks(paths)) == 1


def test_starting_afresh_puts_everything_aside_and_the_next_tick_is_a_first_one(paths, rules):
    run_ticks(paths, rules, 61, book=full_book(rules))
    aside = putback.begin_anew(paths, ledger.NOON, None, putback.NOBODY)
    assert {"mine_data.db", "hour-13.db"} < {path.name for path in aside.iterdir()}
    with open_store(paths, "1.0") as store:
        found = store.load(ledger.BOOT, SHA)
    assert (found.trouble, found.book.state.miners) == ((), {})


def test_an_hourly_copy_that_fails_is_an_event_and_the_tick_goes_on(paths, rules):
    run_ticks(paths, rules, 1)
    paths.backups.rmdir() if paths.backups.exists() else None
    paths.backups.write_text("a file where the folder should be")
    run_ticks(paths, rules, 1, start=ledger.NOON + 3600)
    (told,) = query.events(paths, kind="backup_failed")
    assert told.severity == "warning"
    assert len(query.ticks(paths)) == 2


def test_a_half_written_file_is_read_from_a_copy_and_left_as_it_is(paths, rules):
    """DB4, DB5."""
    run_ticks(paths, rules, 3, book=full_book(rules))
    expected = state_of(paths)
    leave_half_written(paths)
    before = (paths.db.read_bytes(), journal_of(paths.db).read_bytes())
    assert state_of(paths) == expected
    assert len(query.ticks(paths)) == 3
    assert (paths.db.read_bytes(), journal_of(paths.db).read_bytes()) == before
    run_ticks(paths, rules, 1, start=ledger.NOON + 600)
    assert len(query.ticks(paths)) == 4


def test_db6_a_half_written_file_is_read_in_memory_where_every_disk_refuses_a_folder(paths, rules, monkeypatch):
    """A card that dies in a commit is made read-only with its journal on it, and /tmp lies on the same card."""
    run_ticks(paths, rules, 2, book=full_book(rules))
    expected = state_of(paths)
    leave_half_written(paths)
    monkeypatch.setattr("tempfile.tempdir", str(paths.db / "none"))
    monkeypatch.setattr("mine_controller.store.db.ON_DISK", str(paths.db / "none"))
    assert state_of(paths) == expected
    monkeypatch.setattr("mine_controller.store.db.MEMORY", str(paths.db / "none"))
    with pytest.raises(StoreTrouble), reading(paths.db):
        pass


def test_a_half_written_file_larger_than_the_memory_for_tmp_is_read_on_the_disk(paths, rules, tmp_path, monkeypatch):
    """From Debian 13 on /tmp is memory: years of records found no room there, and the disk was called full."""
    run_ticks(paths, rules, 2, book=full_book(rules))
    expected = state_of(paths)
    leave_half_written(paths)
    small, disk = tmp_path / "small", tmp_path / "disk"
    small.mkdir()
    disk.mkdir()
    room, copied = os.statvfs, []
    none = os.statvfs_result((4096, 4096, 9, 1, 1, 9, 9, 9, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda path: none if str(path) == str(small) else room(path))
    monkeypatch.setattr("tempfile.tempdir", str(small))
    monkeypatch.setattr("mine_controller.store.db.ON_DISK", str(disk))

    def seen(source, target):
        copied.append(target)
        copy_bytes(source, target)

    monkeypatch.setattr("mine_controller.store.db.copy_bytes", seen)
    assert state_of(paths) == expected
    assert copied
    assert all(target.is_relative_to(disk) for target in copied)
    copied.clear()
    monkeypatch.setattr(os, "statvfs", room)
    assert state_of(paths) == expected
    assert all(target.is_relative_to(disk) for target in copied), "the page's service may take 512 MB of memory"
    monkeypatch.setattr(os, "statvfs", lambda path: none if str(path) == str(disk) else room(path))
    copied.clear()
    assert state_of(paths) == expected
    assert all(target.is_relative_to(small) for target in copied)
    monkeypatch.setattr(os, "statvfs", lambda _path: none)
    with pytest.raises(StoreTrouble, match="full"), reading(paths.db):
        pass


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
