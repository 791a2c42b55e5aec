"""Where no request can be filed (a full disk): what is done all the same says so, and what is not done is not begun."""

import sqlite3
from contextlib import closing

import pytest
from api.served import Served
from cli.home import Home as Shelf

from mine_controller.ops import replies
from mine_controller.store.db import StoreTrouble


@pytest.fixture
def full(tmp_path, monkeypatch):
    home = Shelf(tmp_path)
    home.ticks(1, of=3)
    monkeypatch.setattr(replies, "start_tick", lambda _config: replies.Started(0))

    def no_room(*_args, **_more):
        raise StoreTrouble("full", "the disk is full")

    monkeypatch.setattr("mine_controller.api.asks.file_requests", no_room)
    return Served(home)


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    home = Shelf(tmp_path)
    home.ticks(1, of=3)
    monkeypatch.setattr(replies, "start_tick", lambda _config: replies.Started(0))
    return Served(home)


def noted(done):
    return [note for note in done.json()["notes"] if "the audit log could not be told: " in note]


def test_a_change_that_the_audit_log_lacks_is_no_failure(full):
    done = full.send("PATCH", "/api/miners/b01", {"name": "attic"}, "admin")
    assert (done.status_code, done.json()["request_id"], len(noted(done))) == (202, None, 1)
    assert "attic" in full.place.fleet.read_text()
    done = full.send("DELETE", "/api/miners/b02", role="admin")
    assert (done.status_code, done.json()["changed"][0]["what"], len(noted(done))) == (202, "fleet.csv b02", 1)
    done = full.post("/api/profiles", {"name": "quiet", "from_id": "b01"}, "admin")
    assert (done.status_code, len(noted(done))) == (201, 1)
    full.settle()


def test_of_a_line_and_a_wish_the_answer_says_which_was_done(full):
    done = full.send("PATCH", "/api/miners/b01", {"name": "attic", "enabled": False}, "admin")
    assert (done.status_code, "fleet.csv is changed" in done.json()["error"]) == (503, True)
    assert "attic" in full.place.fleet.read_text()
    done = full.send("PATCH", "/api/miners/b01", {"enabled": False}, "admin")
    assert (done.status_code, "fleet.csv" in done.json()["error"]) == (503, False)


def test_of_many_all_are_filed_or_none(shelf):
    """The disk was full after the first of them: 503 said that nothing was filed, and some miners were stopped."""
    assert shelf.post("/api/miners/b01/restart").status_code == 202
    shelf.settle()
    before = len(shelf.place.requests())
    with closing(sqlite3.connect(shelf.place.config.paths.inbox)) as db:
        db.execute(
            f"CREATE TRIGGER full BEFORE INSERT ON requests WHEN (SELECT count(*) FROM requests) > {before}"
            " BEGIN SELECT RAISE (ABORT, 'full'); END"
        )
    assert shelf.post("/api/miners/bulk/disable", {"ids": ["b01", "b02", "b03"]}).status_code == 503
    assert len(shelf.place.requests()) == before


def test_a_search_that_nobody_could_ask_after_is_not_begun(full):
    begun = []
    full.state.jobs._start = lambda _config, words: begun.append(words)
    assert (full.post("/api/discover", {"subnet": "127.0.0.0/29"}).status_code, begun) == (503, [])


def test_what_is_filed_is_not_called_unfiled_because_its_answer_can_not_be_read(shelf, monkeypatch):
    """Who waited was told that the audit log lacked his change, or 503: asked again it would have been done twice."""

    def locked(*_about):
        raise StoreTrouble("locked", "another program held the database for more than 2 s")

    monkeypatch.setattr("mine_controller.ops.replies.verdict_of", locked)
    done = shelf.post("/api/miners/b02/restart?wait=1")
    assert (done.status_code, done.json()["request_id"] is not None) == (202, True)
    assert [note for note in done.json()["notes"] if note.startswith("what came of it can't be read: another program")]
    done = shelf.send("PATCH", "/api/miners/b01?wait=1", {"name": "attic"}, "admin")
    assert (done.status_code, done.json()["request_id"] is not None, noted(done)) == (202, True, [])
    shelf.settle()


def test_a_thread_that_can_not_be_had_once_is_not_the_end_of_all_ticks(shelf, monkeypatch):
    """Whoever asked after that heard that a tick had been started, and none ever was."""

    def none_left(_thread):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr("mine_controller.api.asks.threading.Thread.start", none_left)
        assert shelf.state.desk.start().result(0).code != 0
    assert shelf.state.desk.start().result(30).code == 0
