"""collect.db as it is written and as the tick reads it."""

import json
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from mine_controller.collect import shelf as room
from mine_controller.collect.shelf import Shelf
from mine_controller.wire import collected, http
from mine_controller.wire.door import Request, WireError

SECTION = "mqtt supply"
WANTED = {SECTION: frozenset({"a", "b"})}


@pytest.fixture
def file(tmp_path):
    return tmp_path / "collect.db"


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    for module in (room, collected):
        monkeypatch.setattr(module, "boot_s", lambda: now[0])
        monkeypatch.setattr(module, "boot_id", lambda: "boot-a")
    return now


def told(file, section=SECTION):
    return json.loads(collected.exchange(file, section).body)


def bodies(file, section=SECTION):
    return {one["source"]: one["body"] for one in told(file, section)["pushed"]}


def refused(file, section=SECTION):
    with pytest.raises(WireError) as error:
        collected.exchange(file, section)
    return error.value


def test_the_newest_of_each_topic_is_read_back_with_its_age(file, clock):
    shelf = Shelf(file, WANTED)
    shelf.put(SECTION, "a", b"1")
    shelf.put(SECTION, "a", b"2")
    clock[0] += 7
    shelf.put(SECTION, "b", b"3", retained=True, note="02:00:00:00:00:01")
    shelf.line(SECTION, "")
    shelf.write()
    clock[0] += 2
    answer = told(file)
    assert answer["pushed"] == [
        {"source": "a", "body": "2", "retained": False, "age_s": 9.0, "cut": False, "note": "", "path": ""},
        {
            "source": "b",
            "body": "3",
            "retained": True,
            "age_s": 2.0,
            "cut": False,
            "note": "02:00:00:00:00:01",
            "path": "",
        },
    ]
    assert (answer["pulse_age_s"], answer["up_s"], answer["line"]) == (2.0, 9.0, "")


def test_mqt1_a_retained_message_takes_no_newer_ones_place(file, clock):
    """MQT1."""
    shelf = Shelf(file, WANTED)
    shelf.put(SECTION, "a", b"new")
    shelf.put(SECTION, "a", b"old", retained=True)
    shelf.write()
    assert {one["body"]: one["retained"] for one in told(file)["pushed"]} == {"new": False, "old": True}


def test_each_part_of_a_topic_keeps_the_newest_message_that_speaks_of_it(file, clock):
    shelf = Shelf(file, WANTED)
    shelf.put(SECTION, "a", b"all", paths=("x", "y"))
    clock[0] += 5
    shelf.put(SECTION, "a", b"part", paths=("x",))
    shelf.write()
    kept = {one["path"]: (one["body"], one["age_s"]) for one in told(file)["pushed"]}
    assert kept == {"": ("part", 0.0), "x": ("part", 0.0), "y": ("all", 5.0)}
    Shelf(file, WANTED).write()
    assert {one["path"]: (one["body"], one["age_s"]) for one in told(file)["pushed"]} == kept


def test_a_file_that_an_older_version_left_is_made_anew(file, clock):
    Shelf(file, WANTED).write()
    with closing(sqlite3.connect(file)) as db:
        db.executescript("DROP TABLE pushed; CREATE TABLE pushed (section TEXT, source TEXT, retained INT, body BLOB)")
    assert "can't be read" in refused(file).why
    shelf = Shelf(file, WANTED)
    shelf.put(SECTION, "a", b"1")
    shelf.write()
    assert bodies(file) == {"a": "1"}


def test_a_section_is_told_its_own_values_only(file, clock):
    shelf = Shelf(file, {**WANTED, "mqtt other": frozenset({"a"})})
    shelf.put(SECTION, "a", b"mine")
    shelf.put("mqtt other", "a", b"theirs")
    shelf.write()
    wire = http.live(1e12, SECTION, file)
    assert [one["body"] for one in json.loads(wire.call(Request("GET", "collect:///"), 1e12).body)["pushed"]] == [
        "mine"
    ]


def test_what_nobody_wants_is_not_kept(file, clock):
    shelf = Shelf(file, WANTED)
    shelf.put(SECTION, "c", b"1")
    shelf.put("mqtt none", "a", b"1")
    shelf.write()
    assert bodies(file) == {}


def test_rows_have_an_end(file, clock, monkeypatch):
    monkeypatch.setattr(room, "MOST", 1)
    shelf = Shelf(file, WANTED)
    for source in ("a", "b", "a"):
        shelf.put(SECTION, source, source.encode())
    shelf.write()
    assert bodies(file) == {"a": "a"}


def test_what_has_its_row_is_brought_up_to_date_also_where_no_other_finds_one(file, clock, monkeypatch):
    """A topic would stand at an old value for as long as the file is full."""
    monkeypatch.setattr(room, "MOST", 1)
    shelf = Shelf(file, WANTED)
    for topic, body in (("a", b"1"), ("b", b"2"), ("a", b"3")):
        shelf.put(SECTION, topic, body)
    shelf.write()
    assert bodies(file) == {"a": "3"}


def test_nothing_new_is_nothing_written_but_a_sign_of_life_every_ten_seconds(file, clock):
    shelf = Shelf(file, WANTED)
    assert shelf.write()
    assert not shelf.write()
    clock[0] += 9.9
    assert not shelf.write()
    clock[0] += 0.2
    assert shelf.write()
    assert told(file)["pulse_age_s"] == 0


def test_a_file_that_was_never_made_says_that_collect_does_not_run(file):
    assert refused(file).why == refused(None).why == collected.NOT_RUNNING
    assert collected.NOT_RUNNING.startswith("collect does not run")


def test_a_file_of_an_earlier_boot_counts_for_nothing(file, clock, monkeypatch):
    shelf = Shelf(file, WANTED)
    shelf.put(SECTION, "a", b"1")
    shelf.write()
    for module in (room, collected):
        monkeypatch.setattr(module, "boot_id", lambda: "boot-b")
    assert refused(file).why == collected.NOT_RUNNING
    Shelf(file, WANTED).write()
    assert bodies(file) == {}


def test_a_new_process_keeps_what_the_last_one_heard_and_how_old_it_is(file, clock):
    shelf = Shelf(file, WANTED)
    shelf.put(SECTION, "a", b"1")
    shelf.put(SECTION, "b", b"2")
    shelf.write()
    clock[0] += 20
    Shelf(file, {SECTION: frozenset({"a"})}).write()
    answer = told(file)
    assert [(one["source"], one["age_s"]) for one in answer["pushed"]] == [("a", 20.0)]
    assert answer["up_s"] == 0


def test_a_deleted_file_is_made_anew_with_everything(file, clock):
    shelf = Shelf(file, WANTED)
    shelf.put(SECTION, "a", b"1")
    shelf.write()
    file.unlink()
    shelf.put(SECTION, "b", b"2")
    with pytest.raises(sqlite3.Error):
        shelf.write()
    assert shelf.write()
    assert bodies(file) == {"a": "1", "b": "2"}


def test_a_damaged_file_is_told_and_made_anew(file, clock):
    shelf = Shelf(file, WANTED)
    shelf.put(SECTION, "a", b"1")
    shelf.write()
    file.write_bytes(b"no database at all, and long enough to be looked at" * 100)
    assert "damaged" in refused(file).why
    shelf.put(SECTION, "a", b"2")
    with pytest.raises(sqlite3.Error):
        shelf.write()
    shelf.write()
    assert bodies(file) == {"a": "2"}


def test_a_folder_that_can_not_be_written_loses_nothing_once_it_can(tmp_path, clock):
    folder = tmp_path / "run"
    shelf = Shelf(folder / "collect.db", WANTED)
    shelf.put(SECTION, "a", b"1")
    with pytest.raises(sqlite3.Error):
        shelf.write()
    folder.mkdir()
    shelf.write()
    assert bodies(folder / "collect.db") == {"a": "1"}


KILLED = """
import os, signal, sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA journal_mode = TRUNCATE")
db.execute("PRAGMA synchronous = OFF")
db.execute("PRAGMA cache_size = 2")
db.execute("BEGIN IMMEDIATE")
db.execute("UPDATE pushed SET body = zeroblob(8000)")
for n in range(50):
    db.execute("INSERT INTO pushed VALUES ('mqtt supply', ?, '', 0, zeroblob(8000), 0, '', 0, 0)", (str(n),))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_killed_in_the_middle_of_a_commit_the_values_before_it_stand(file):
    """SUP: a kill at any byte."""
    shelf = Shelf(file, WANTED)
    shelf.put(SECTION, "a", b"1")
    shelf.write()
    done = subprocess.run([sys.executable, "-c", KILLED, file], check=False)
    assert done.returncode == -signal.SIGKILL
    journal = file.with_name("collect.db-journal")
    assert journal.stat().st_size > 0
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as db, pytest.raises(sqlite3.OperationalError):
        db.execute("SELECT 1 FROM pulse").fetchone()
    assert bodies(file) == {"a": "1"}


def test_a_reader_writes_nothing(file, clock):
    Shelf(file, WANTED).write()
    before = file.read_bytes(), file.stat().st_mtime_ns
    told(file)
    assert (file.read_bytes(), file.stat().st_mtime_ns) == before
