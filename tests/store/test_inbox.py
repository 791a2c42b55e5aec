import errno
import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing, contextmanager

import pytest
from store import ledger

from mine_controller.core.model.book import Book
from mine_controller.core.model.image import Request
from mine_controller.store import inbox
from mine_controller.store.answered import waiting
from mine_controller.store.db import StoreTrouble, reading
from mine_controller.store.inbox import BITE, KEPT_S, answered_in, file_request, let_go, pending, verdict_of
from mine_controller.store.store import open_store


def ask(paths, verb="set-state", key="", at=ledger.NOON):
    return file_request(
        paths, "cli", "ann", 1000, "pts/0", verb, ("signal", "off"), "a drill", 99, ("stand-in",), key, at=at
    )


def test_a_request_arrives_as_it_was_filed(paths):
    number = ask(paths)
    assert pending(paths, ()) == (
        Request(
            number,
            ledger.NOON,
            "cli",
            "ann",
            "set-state",
            ("signal", "off"),
            "a drill",
            99,
            ("stand-in",),
            1000,
            "pts/0",
        ),
    )


def test_nothing_filed_is_nothing_pending_and_makes_no_file(paths):
    assert pending(paths, ()) == ()
    assert not paths.inbox.exists()


def test_the_group_may_write_the_file_whatever_the_umask(paths):
    old = os.umask(0o077)
    try:
        ask(paths)
    finally:
        os.umask(old)
    assert stat.S_IMODE(paths.inbox.stat().st_mode) == 0o660


def test_the_same_key_is_the_same_request(paths):
    assert ask(paths, key="button 7") == ask(paths, key="button 7")
    assert ask(paths) != ask(paths)
    assert len(pending(paths, ())) == 3


def test_answered_requests_are_not_pending(paths):
    first, second = ask(paths), ask(paths)
    assert [request.id for request in pending(paths, {first})] == [second]


def test_a_new_file_does_not_begin_with_numbers_already_answered(paths):
    before = ask(paths)
    paths.inbox.unlink()
    assert ask(paths, at=ledger.NOON + 600) > before


def test_what_is_asked_right_after_a_lost_file_is_no_number_already_answered(paths, rules):
    """Many things at once (every miner of a row), the file damaged a minute later, and a stop: it must be heard."""
    numbers = [ask(paths) for _ in range(90)]
    answered(paths, rules, *numbers)
    paths.inbox.unlink()
    number = ask(paths, at=ledger.NOON + 60)
    assert number > max(numbers)
    assert verdict_of(paths, number) is None
    with open_store(paths, "1") as store:
        assert [one.id for one in store.load(ledger.BOOT, "").book.requests] == [number]


def test_who_may_not_read_the_answers_begins_at_the_second_of_the_day(paths):
    before = [ask(paths) for _ in range(50)]
    paths.inbox.unlink()
    paths.db.write_bytes(b"no database, or one that is closed to us")
    assert ask(paths, at=ledger.NOON + 60) > max(before)


def test_a_damaged_inbox_is_set_aside_by_the_next_request(paths):
    ask(paths)
    paths.inbox.write_bytes(b"no database at all, but long enough to look like one" * 40)
    with pytest.raises(StoreTrouble):
        pending(paths, ())
    number = ask(paths, at=ledger.NOON + 600)
    assert [request.id for request in pending(paths, ())] == [number]
    assert list(paths.inbox.parent.glob("inbox.db.bad-*"))


def test_hostile_words_are_kept_out_of_the_log(paths):
    file_request(paths, "serve", "an\x1b[31mn", -1, "", "set-state", ("a\nb",), "\ud800" * 3)
    request = pending(paths, ())[0]
    assert (request.actor, request.args, request.reason) == ("an [31mn", ("a b",), "???")


def test_damaged_arguments_leave_the_verb_to_be_refused(paths):
    ask(paths)
    with closing(sqlite3.connect(paths.inbox)) as db, db:
        db.execute("UPDATE requests SET args = '{'")
    assert pending(paths, ())[0].args == ()


def test_a_request_waits_until_a_decision_answers_it(paths, rules):
    number = ask(paths)
    with open_store(paths, "1") as store:
        found = store.load(ledger.BOOT, "c0ffee" * 10)
        assert [request.id for request in found.book.requests] == [number]
        assert verdict_of(paths, number) is None
        made = ledger.make_tick(rules, Book(ledger.full_state(rules)), ledger.NOON, requests=store.requests())
        store.save(made.tick, made.rounds, made.book, ledger.NOON + 5)
        assert store.requests() == ()
    assert verdict_of(paths, number) == ("done", "as asked")
    with open_store(paths, "1") as store:
        assert store.load(ledger.BOOT, "").book.requests == ()


def test_many_processes_may_file_at_once(paths):
    script = (
        "import sys; from pathlib import Path; from mine_controller.store.db import Places\n"
        "from mine_controller.store.inbox import file_request\n"
        "for n in range(5):\n"
        "    key = f'{sys.argv[2]}-{n}'\n"
        "    file_request(Places.under(Path(sys.argv[1])), 'cli', 'ann', 1, '', 'ack', (), key=key)"
    )
    folder = str(paths.db.parent)
    children = [subprocess.Popen([sys.executable, "-c", script, folder, str(n)]) for n in range(4)]
    assert [child.wait() for child in children] == [0] * 4
    assert len(pending(paths, ())) == 20


def test_an_inbox_that_can_not_be_read_does_not_stop_the_tick(paths):
    paths.inbox.write_bytes(b"x" * 4096)
    with open_store(paths, "1") as store:
        found = store.load(ledger.BOOT, "")
    assert found.book.requests == ()
    assert "requests can't be read" in found.trouble[0]
    assert not found.lost


# -- what is answered, and old ---------------------------------------------------------------------------------------


def answered(paths, rules, *numbers, at=ledger.NOON):
    """One tick that answers these."""
    with open_store(paths, "1", wall_s=at) as store:
        store.load(ledger.BOOT, "")
        asked = [one for one in store.requests() if one.id in numbers]
        made = ledger.make_tick(rules, Book(ledger.full_state(rules)), at, requests=tuple(asked))
        store.save(made.tick, made.rounds, made.book, at + 5)


def numbers_in(paths):
    with reading(paths.inbox) as db:
        return [number for (number,) in db.execute("SELECT id FROM requests ORDER BY id")]


def test_a_request_is_let_go_a_week_after_its_answer_and_one_that_waits_never(paths, rules):
    old, waits, asked_late = ask(paths), ask(paths), ask(paths, at=ledger.NOON + 60)
    answered(paths, rules, old, asked_late, at=ledger.NOON + 60)
    assert let_go(paths, ledger.NOON + KEPT_S) == 0
    assert let_go(paths, ledger.NOON + 60 + KEPT_S) == 0, "answered within the week"
    assert let_go(paths, ledger.NOON + 61 + KEPT_S) == 2
    assert let_go(paths, ledger.NOON + 10 * KEPT_S) == 0
    assert numbers_in(paths) == [waits]
    assert verdict_of(paths, old) == ("done", "as asked"), "the answer stays"


def test_a_request_answered_only_now_lies_for_a_week_however_old_it_is(paths, rules):
    late = ask(paths)
    answered(paths, rules, late, at=ledger.NOON + 3 * KEPT_S)
    assert let_go(paths, ledger.NOON + 4 * KEPT_S) == 0
    assert let_go(paths, ledger.NOON + 4 * KEPT_S + 1) == 1


def test_what_is_let_go_is_not_asked_again_and_no_number_comes_back(paths, rules):
    numbers = [ask(paths) for _ in range(3)]
    answered(paths, rules, *numbers)
    let_go(paths, ledger.NOON + 2 * KEPT_S)
    assert numbers_in(paths) == []
    with open_store(paths, "1") as store:
        assert store.load(ledger.BOOT, "").book.requests == ()
        assert (fresh := ask(paths, at=ledger.NOON + 2 * KEPT_S)) > max(numbers)
        assert [one.id for one in store.requests()] == [fresh]
    assert [one.id for one in waiting(paths)] == [fresh]


def test_a_years_requests_are_let_go_bite_by_bite_the_oldest_first(paths, rules, monkeypatch):
    monkeypatch.setattr(inbox, "BITE", 2)
    numbers = [ask(paths) for _ in range(5)]
    answered(paths, rules, *numbers)
    gone = [let_go(paths, ledger.NOON + 2 * KEPT_S) for _ in range(2)]
    assert (gone, numbers_in(paths)) == ([2, 2], numbers[4:])
    assert BITE >= 500, "an hour lets go what an hour can bring"


def test_nothing_is_let_go_while_nobody_knows_what_was_answered(paths, rules):
    ask(paths)
    assert let_go(paths, ledger.NOON + 2 * KEPT_S) == 0
    answered(paths, rules, *numbers_in(paths))
    paths.db.write_bytes(b"x" * 4096)
    with pytest.raises(StoreTrouble):
        let_go(paths, ledger.NOON + 2 * KEPT_S)
    assert len(numbers_in(paths)) == 1
    paths.inbox.unlink()
    assert let_go(paths, ledger.NOON + 2 * KEPT_S) == 0
    assert not paths.inbox.exists()


def test_on_a_full_disk_nothing_is_let_go_and_it_is_told(paths, rules, monkeypatch):
    answered(paths, rules, ask(paths))

    def full(_path):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(inbox, "connect", full)
    with pytest.raises(StoreTrouble):
        let_go(paths, ledger.NOON + 2 * KEPT_S)


def steps_of(work, monkeypatch):
    """How many thousand steps SQLite takes for it."""
    steps = []

    @contextmanager
    def counted(path):
        with reading(path) as db:
            db.set_progress_handler(lambda: steps.append(1), 1000)
            yield db

    with monkeypatch.context() as patch:
        patch.setattr(inbox, "reading", counted)
        found = work()
    return len(steps), found


def test_a_tick_reads_what_waits_and_not_the_thousands_that_are_done(paths, monkeypatch):
    first = ask(paths)
    with closing(sqlite3.connect(paths.inbox)) as db, db:
        db.executemany(
            "INSERT INTO requests SELECT ?, at, source, actor, uid, tty, verb, args, reason, until_at, flags, ?"
            " FROM requests WHERE id = ?",
            [(first + n, f"copy {n}", first) for n in range(1, 20_001)],
        )
    done = set(range(first, first + 20_001)) - {first + 7000}
    assert steps_of(lambda: [one.id for one in pending(paths, done)], monkeypatch) == (0, [first + 7000])
    assert steps_of(lambda: len(pending(paths, ())), monkeypatch)[0] > 100, "that is what it would cost"


def test_answers_to_requests_that_are_gone_are_not_read_any_more(paths, rules):
    old, new = ask(paths), ask(paths, at=ledger.NOON + KEPT_S)
    answered(paths, rules, old, new, at=ledger.NOON + KEPT_S)
    with reading(paths.db) as db:
        assert answered_in(db, paths) == {old, new}
        let_go(paths, ledger.NOON + 2 * KEPT_S + 1)
        assert answered_in(db, paths) == frozenset()
    kept = ask(paths, at=ledger.NOON + 2 * KEPT_S)
    answered(paths, rules, kept, at=ledger.NOON + 2 * KEPT_S)
    with reading(paths.db) as db:
        assert answered_in(db, paths) == {kept}
        paths.inbox.rename(paths.inbox.with_name("away"))
        assert answered_in(db, paths) == {old, new, kept}, "nobody knows which numbers come back with it"
        paths.inbox.write_bytes(b"x" * 4096)
        assert answered_in(db, paths) == {old, new, kept}, "what can't be told is not left out"


def test_what_waits_is_shown_without_what_is_answered(paths, rules):
    assert waiting(paths) == ()
    done, waits = ask(paths), ask(paths)
    assert [one.id for one in waiting(paths)] == [done, waits], "before the first tick nothing is answered"
    answered(paths, rules, done)
    assert [one.id for one in waiting(paths)] == [waits]
