"""What was asked and done before the database was lost is not done again; what sets a level comes back."""

import pytest
from store import ledger
from store.test_store import SHA, full_book, run_ticks

from mine_controller.store import putback
from mine_controller.store.answered import FRESH_S, LOST
from mine_controller.store.copies import back_up
from mine_controller.store.db import StoreTrouble, reading
from mine_controller.store.inbox import KEPT_S, file_request, let_go, verdict_of
from mine_controller.store.loading import read_kept
from mine_controller.store.store import open_store

LATER = ledger.NOON + 7 * 86_400
VERBS = ("set-state", "errand", "resume", "ack", "release", "clear-state", "quarantine", "config")
LEVELS = ["set-state", "clear-state", "quarantine", "config"]


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Nobody waits two seconds for a lock in here."""
    monkeypatch.setattr("mine_controller.store.db.BUSY_MS", 20)


def ask(paths, *verbs, at=ledger.NOON):
    return [file_request(paths, "cli", "eve", 1000, "", verb, ("a001",), "test", at=at) for verb in verbs]


def verbs_taken(paths, at=LATER):
    """What a tick of that moment is asked for."""
    with open_store(paths, "1.0", wall_s=at) as store:
        store.load(ledger.BOOT, SHA)
        return [one.verb for one in store.requests()]


def test_a_damaged_database_repeats_no_restart_and_no_resume_and_brings_overrides_back(paths, rules):
    """DB2."""
    run_ticks(paths, rules, 61, book=full_book(rules))
    numbers = ask(paths, *VERBS)
    paths.db.write_bytes(b"\0garbage" * 4096)
    assert verbs_taken(paths) == LEVELS
    assert verdict_of(paths, numbers[1]) == ("refused", LOST)


@pytest.mark.parametrize("copies", [True, False])
def test_a_database_that_is_gone_repeats_no_restart(paths, rules, copies):
    run_ticks(paths, rules, 61, book=full_book(rules))
    ask(paths, *VERBS)
    paths.db.unlink()
    if not copies:
        for path in paths.backups.iterdir():
            path.unlink()
    assert verbs_taken(paths) == LEVELS


def test_a_request_that_brought_the_tick_about_is_taken_whatever_became_of_the_database(paths, rules):
    run_ticks(paths, rules, 2, book=full_book(rules))
    ask(paths, "errand", at=LATER - FRESH_S)
    ask(paths, "resume", at=LATER - FRESH_S - 1)
    paths.db.write_bytes(b"\0garbage" * 4096)
    assert verbs_taken(paths) == ["errand"]


def test_a_database_that_can_not_be_read_now_repeats_no_restart(paths, rules, monkeypatch):
    """DB1: a disk that answers nothing must not make each tick begin with all that was ever asked for."""
    run_ticks(paths, rules, 2, book=full_book(rules))
    ask(paths, *VERBS)

    def refuse(_db, given):
        if given is paths and _db is not None:
            raise StoreTrouble("io", "disk I/O error")
        return unread(_db, given)

    from mine_controller.store import store as room  # noqa: PLC0415 - the name that is patched

    unread = room.read_kept
    monkeypatch.setattr(room, "read_kept", refuse)
    assert verbs_taken(paths) == LEVELS


def test_a_restored_copy_repeats_no_restart(paths, rules):
    run_ticks(paths, rules, 2, book=full_book(rules))
    copy = paths.backups / "by-hand.db"
    back_up(paths.db, copy)
    ask(paths, *VERBS)
    putback.restore(paths, copy, LATER)
    assert verbs_taken(paths) == LEVELS


def test_after_a_reset_nothing_that_was_ever_asked_is_taken(paths, rules):
    run_ticks(paths, rules, 2, book=full_book(rules))
    ask(paths, *VERBS)
    putback.begin_anew(paths, LATER, None, putback.NOBODY)
    assert verbs_taken(paths, LATER + 60) == []
    ask(paths, "errand", at=LATER + 60)
    assert verbs_taken(paths, LATER + 60) == ["errand"]


@pytest.mark.parametrize("lost", ["damaged", "gone", "unreadable", "restored", "reset"])
def test_what_was_done_and_let_go_is_not_done_again_whatever_becomes_of_the_database(paths, rules, monkeypatch, lost):
    run_ticks(paths, rules, 2, book=full_book(rules))
    copy = paths.backups / "by-hand.db"
    back_up(paths.db, copy)  # knows nothing of what follows
    numbers = ask(paths, *VERBS)
    with open_store(paths, "1.0", wall_s=ledger.NOON) as store:
        store.load(ledger.BOOT, SHA)
        made = ledger.make_tick(rules, full_book(rules), ledger.NOON + 600, requests=store.requests())
        store.save(made.tick, made.rounds, made.book, ledger.NOON + 605)
    later = ledger.NOON + 700 + KEPT_S
    assert let_go(paths, later) == len(VERBS)
    if lost == "damaged":
        paths.db.write_bytes(b"\0garbage" * 4096)
    elif lost == "gone":
        paths.db.unlink()
    elif lost == "unreadable":
        monkeypatch.setattr("mine_controller.store.store.read_kept", only_without_a_database)
    elif lost == "restored":
        putback.restore(paths, copy, later)
    else:
        putback.begin_anew(paths, later, None, putback.NOBODY)
    assert verbs_taken(paths, later) == []
    assert ask(paths, "errand", at=later)[0] > max(numbers)
    assert verbs_taken(paths, later) == ["errand"]


def only_without_a_database(db, paths):
    if db is not None:
        raise StoreTrouble("io", "disk I/O error")
    return read_kept(db, paths)


def test_a_sound_database_leaves_every_unanswered_request_to_the_tick(paths, rules):
    run_ticks(paths, rules, 2, book=full_book(rules))
    ask(paths, *VERBS)
    assert verbs_taken(paths) == [*VERBS]
    with reading(paths.db) as db:
        assert db.execute("SELECT count(*) FROM verdicts").fetchone() == (0,)
