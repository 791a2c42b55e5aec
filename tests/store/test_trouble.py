import errno
import os
import resource
import sqlite3
from contextlib import closing

import pytest
from store import ledger
from store.test_damage import leave_half_written
from store.test_store import SHA, full_book, run_ticks, shell
from store.trouble import LETTER, fill_up, load_and_make, state_of

from mine_controller.core.model.command import APPLIED
from mine_controller.store import ballast, query, spill
from mine_controller.store.db import Places, StoreTrouble, trouble_of
from mine_controller.store.outbox import INFO, Message
from mine_controller.store.store import Extra, open_store


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Nobody waits two seconds for a lock in here."""
    monkeypatch.setattr("mine_controller.store.db.BUSY_MS", 20)


# a full disk


def test_a_full_disk_costs_the_ballast_and_then_the_tick_is_told(paths, rules, monkeypatch):
    """DB1."""
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


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, "full"),
        (errno.EDQUOT, "full"),
        (errno.EROFS, "readonly"),
        (errno.EACCES, "readonly"),
        (errno.EPERM, "readonly"),
        (errno.EIO, "io"),
    ],
)
def test_what_a_file_refuses_is_called_what_it_is_as_when_the_database_does(number, kind):
    trouble = trouble_of(OSError(number, os.strerror(number)))
    assert trouble.kind == kind
    assert trouble.text.startswith("the disk reports an error") is (kind == "io")


def test_giving_up_the_ballast_is_enough_when_it_makes_room(paths, rules):
    """DB1."""
    run_ticks(paths, rules, 2, book=full_book(rules))
    with open_store(paths, "1.0") as store:
        made = load_and_make(store, rules, ledger.NOON + 240, events=40)
        fill_up(store)  # the second try opens the file anew, and there is room
        store.save(made.tick, made.rounds, made.book, ledger.NOON + 245)
    assert len(query.events(paths, kind="test")) == 40
    assert not ballast.ballast_of(paths.db).exists()


def test_files_that_may_not_grow_cost_the_tick_its_history_and_never_its_state(paths, rules):
    """DB1, with the kernel's own refusal of every write past a size, for database, spill and ballast alike."""
    run_ticks(paths, rules, 2, book=full_book(rules))
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    with open_store(paths, "1.0") as store:
        made = load_and_make(store, rules, ledger.NOON + 240, commands=4, events=300)
        resource.setrlimit(resource.RLIMIT_FSIZE, (paths.db.stat().st_size, usual[1]))
        try:
            with pytest.raises(StoreTrouble):
                store.journal(made.tick, [made.rounds[0]._replace(outcomes=())], LETTER)
            store.spill()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, usual)
        store.save(made.tick, made.rounds, made.book, ledger.NOON + 245)
    assert len(query.events(paths, kind="test", limit=999)) == 300
    assert [letter.key for letter in query.letters(paths, waiting=True)] == ["alarm 1"]
    assert state_of(paths).miners == made.book.state.miners
    assert shell(paths, "PRAGMA integrity_check") == [("ok",)]


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


def test_answers_that_waited_lie_beside_their_commands_whatever_waited_before_them(paths, rules, monkeypatch):
    """A save that failed leaves answers without commands; those of the next tick were then written before its own."""
    run_ticks(paths, rules, 2, book=full_book(rules))
    with open_store(paths, "1.0") as store:
        made = load_and_make(store, rules, ledger.NOON + 240, commands=2)
        write_tick(store, "journal", made)
        failing(store, monkeypatch)
        with pytest.raises(StoreTrouble):
            write_tick(store, "save", made)
        store.spill()
    with open_store(paths, "1.0") as store:
        made = load_and_make(store, rules, ledger.NOON + 360, commands=2)
        failing(store, monkeypatch)
        for write in ("journal", "save"):
            with pytest.raises(StoreTrouble):
                write_tick(store, write, made)
            store.spill()
    run_ticks(paths, rules, 1, start=ledger.NOON + 480)
    told = [[one.verdict for one in query.record(paths, ledger.NOON + at)[0].outcomes] for at in (240, 360)]
    assert told == [[APPLIED, APPLIED]] * 2


def test_what_could_not_be_committed_waits_in_memory_and_nothing_is_lost(paths, rules, monkeypatch):
    """DB1, DB6."""
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


@pytest.mark.parametrize("refused", [1, 31], ids=["a tick", "an hour"])
def test_an_hour_that_ended_while_nothing_could_be_written_is_rolled_up_afterwards(paths, rules, monkeypatch, refused):
    """What the page, the reports and the money of that hour are made of is there for ever, not for a week."""
    run_ticks(paths, rules, 30, book=full_book(rules))
    hour, first = ledger.NOON, ledger.NOON + 3600
    for number in range(refused):
        with open_store(paths, "1.0") as store:
            made = load_and_make(store, rules, first + number * 120)
            failing(store, monkeypatch, "locked")
            with pytest.raises(StoreTrouble):
                write_tick(store, "save", made)
            store.spill()
    run_ticks(paths, rules, 1, start=first + refused * 120)
    rolled = query.hours(paths)
    assert [at for at, _ in rolled] == [hour, first][: 1 if refused == 1 else 2]
    assert [tree["ticks"] for _, tree in rolled] == [30, 30][: len(rolled)]
    assert len(query.anchors(paths)) == 1 + len({at // 3600 for at in range(first, first + refused * 120, 120)})


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
    assert not (paths.run / spill.NAME).exists()


@pytest.mark.parametrize("damage", [b"", b"{}", b"[1]", b'{"sha256": "x", "state": [1]}', b"\xff\xfe"])
def test_a_damaged_spill_is_told_and_the_database_is_used(paths, rules, damage):
    run_ticks(paths, rules, 1, book=full_book(rules))
    paths.run.mkdir(exist_ok=True)
    (paths.run / spill.NAME).write_bytes(damage)
    found = query.last_book(paths, ledger.BOOT, SHA)
    assert len(found.book.state.miners) == 4
    assert "intents.json" in found.trouble[0]
    run_ticks(paths, rules, 2, start=ledger.NOON + 240)
    assert len(query.events(paths, kind="database")) == 1


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
    """DB6."""
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


def test_a_half_written_file_that_can_be_read_nowhere_is_trouble_and_no_end_of_the_tick(paths, rules, monkeypatch):
    """DB6: the card was made read-only in the middle of a commit, and no folder takes a copy."""
    run_ticks(paths, rules, 2, book=full_book(rules))
    leave_half_written(paths)
    read_only(paths, monkeypatch)
    monkeypatch.setattr("tempfile.tempdir", str(paths.db / "none"))
    monkeypatch.setattr("mine_controller.store.db.ON_DISK", str(paths.db / "none"))
    monkeypatch.setattr("mine_controller.store.db.MEMORY", str(paths.db / "none"))
    with open_store(paths, "1.0") as store:
        found = store.load(ledger.BOOT, SHA)
    assert found.trouble
    assert found.lost


def test_a_folder_that_can_not_be_made_gives_a_store_whose_commits_are_trouble(tmp_path, rules):
    """DB6."""
    blocked = tmp_path / "file"
    blocked.write_text("x")
    paths = Places.under(tmp_path)._replace(db=blocked / "mine_data.db")
    with open_store(paths, "1.0") as store:
        found = store.load(ledger.BOOT, SHA)
        made = ledger.make_tick(rules, found.book, ledger.NOON)
        with pytest.raises(StoreTrouble):
            write_tick(store, "save", made)


def test_a_reader_that_holds_the_file_is_waited_for_and_then_the_tick_goes_on(paths, rules):
    """DB8."""
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
    """DB8."""
    made = run_ticks(paths, rules, 1, book=full_book(rules))
    with closing(sqlite3.connect(paths.db, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with open_store(paths, "1.0") as store:
            found = store.load(ledger.BOOT, SHA)
            assert found.lost
            assert len(found.trouble) == 1
            other.execute("ROLLBACK")
            empty = ledger.make_tick(rules, found.book, ledger.NOON + 120)
            with pytest.raises(StoreTrouble, match=r"nothing is written over .* another program held the database"):
                write_tick(store, "save", empty)
    assert state_of(paths).miners == made.book.state.miners


def test_db8_what_a_tick_without_the_database_has_left_is_taken_along_and_its_file_goes(paths, rules):
    """Its state began from nothing; its letters, events and answers are nowhere else."""
    made = run_ticks(paths, rules, 3, book=full_book(rules))
    with closing(sqlite3.connect(paths.db, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with open_store(paths, "1.0") as store:
            blind = load_and_make(store, rules, ledger.NOON + 3600, commands=1, events=1)
            with pytest.raises(StoreTrouble):
                write_tick(store, "journal", blind)
            store.spill()
            with pytest.raises(StoreTrouble):
                write_tick(store, "save", blind)
            store.spill()
        other.execute("ROLLBACK")
    assert state_of(paths).miners == made.book.state.miners
    run_ticks(paths, rules, 1, start=ledger.NOON + 3720)
    assert not (paths.run / spill.NAME).exists()
    assert state_of(paths).miners.keys() == made.book.state.miners.keys()
    assert [letter.key for letter in query.letters(paths, waiting=True)] == [f"m{ledger.NOON + 3600}"]
    assert len(query.events(paths, kind="test")) == 1
    assert len(query.ticks(paths)) == 5


def test_a_copy_made_in_the_middle_of_a_tick_tells_of_no_tick_that_died(paths, rules):
    """The copy of an hour is made while its first tick saves; a tick that commanded stands open in it."""
    run_ticks(paths, rules, 1, book=full_book(rules))
    with open_store(paths, "1.0") as store:
        made = load_and_make(store, rules, ledger.NOON + 3600, commands=1)
        write_tick(store, "journal", made)
        write_tick(store, "save", made)
    paths.db.unlink()
    with open_store(paths, "1.0") as store:
        found = store.load(ledger.BOOT, SHA)
    assert found.lost
    assert found.book.died == ""


# damage
