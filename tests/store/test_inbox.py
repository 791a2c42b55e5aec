import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing

import pytest
from store import ledger

from mine_controller.core.model.book import Book
from mine_controller.core.model.image import Request
from mine_controller.store.db import StoreTrouble
from mine_controller.store.inbox import file_request, pending, verdict_of
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
