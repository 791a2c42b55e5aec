"""`minectl events`, its search and its chain."""

import json
import os
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import mine_controller
from mine_controller.cli.events import command, misspelt
from mine_controller.store import query


def rows(place, *words):
    return json.loads(place.run("events", "--json", *words).stdout)


def test_a_persons_command_is_found_by_who_asked_with_uid_and_terminal(place, monkeypatch):
    monkeypatch.setenv("SUDO_USER", "eve")
    place.ticks(2, of=4)
    place.run("set-state", "inlet_c", "31", "--for", "10m", "--reason", "a trial")
    found = rows(place, "--actor", "eve")
    assert found
    (asked,) = [row for row in found if row["kind"] == "request"]
    assert (asked["actor"], asked["source"], asked["uid"], asked["tty"]) == ("eve", "cli", os.getuid(), "")
    assert dict(asked["reason"][2])["what"] == "set-state inlet_c 31"
    assert rows(place, "--actor", "mallory") == []


def test_search_narrows_by_kind_about_and_time(place):
    place.ticks(3)
    everything = rows(place, "--limit", "999")
    kinds = {row["kind"] for row in everything}
    kind = min(kinds)
    assert {row["kind"] for row in rows(place, "--kind", kind)} == {kind}
    about = everything[0]["about"]
    assert {row["about"] for row in rows(place, "--about", about)} == {about}
    assert rows(place, "--until", "2020-01-01") == []
    assert len(rows(place, "--since", "2020-01-01", "--limit", "999")) == len(everything)


def test_the_chain_holds_and_its_last_hash_can_be_noted_elsewhere(place):
    place.ticks(2)
    done = place.run("events", "--verify")
    assert (done.exit_code, query.chain(place.config.paths).last in done.stdout) == (0, True)


def test_a_changed_row_is_named(place):
    place.ticks(3)
    with closing(sqlite3.connect(place.config.paths.db)) as db, db:
        db.execute("UPDATE events SET actor = 'nobody' WHERE id = 2")
    done = place.run("events", "--verify")
    assert (done.exit_code, "event 2" in done.stdout) == (1, True)
    assert json.loads(place.run("events", "--verify", "--json").stdout)["broken"] == 2


def test_a_row_whose_reason_is_damaged_is_shown_with_the_others(place):
    """A row that was changed by hand ended the very commands that would have shown it, in a traceback."""
    place.ticks(3)
    rows_of = [("nobody knows", 1), ("[1, 2, 3]", 2), ('{"a": 1}', 3)]
    with closing(sqlite3.connect(place.config.paths.db)) as db, db:
        db.executemany("UPDATE events SET reason = ?, kind = 'drill' WHERE id = ?", rows_of)
    for words in (("--csv",), ()):
        assert place.run("events", *words).exit_code == 0
    damaged = [row for row in rows(place) if row["kind"] == "drill"]
    assert [row["uid"] for row in damaged] == [None] * 3
    drills = place.run("drill", "list", "--json")
    assert (drills.exit_code, len(json.loads(drills.stdout))) == (0, 3)


def test_a_log_that_is_not_there_is_not_called_as_it_was_written(place):
    """Who took the whole database away was told a good chain of 0 events, with exit code 0."""
    place.ticks(2)
    place.config.paths.db.unlink()
    for words in (("events", "--verify"), ("events", "--verify", "--json")):
        done = place.run(*words)
        assert (done.exit_code, done.stdout) == (1, "")
        assert "there is no database, so nothing can be verified; `minectl tick` makes one" in done.stderr


def test_the_examples_of_help_name_things_as_events_do():
    """`--about "miner a017"`, as help had it, found nothing of a017."""
    [about] = [one.help for one in command.params if one.name == "about"]
    assert '"miner ' not in about
    assert "a017" in about


@pytest.mark.parametrize(
    ("typed", "meant"), [("curtial", "curtail"), ("fan_falut", "fan_fault"), ("Signal_changed", "signal_changed")]
)
def test_a_misspelt_kind_is_no_quiet_mine(place, typed, meant):
    """It was told as "Nothing of that sort happened", with exit code 0."""
    place.ticks(2)
    for words in ((), ("--json",), ("--csv",)):
        done = place.run("events", "--kind", typed, *words)
        assert (done.exit_code, done.stdout) == (2, "")
        assert f"there is no kind {typed!r} of events; did you mean {meant}" in done.stderr


def test_a_kind_that_nothing_is_like_is_said_to_stand_nowhere(place):
    place.ticks(2)
    done = place.run("events", "--kind", "nope")
    assert (done.exit_code, done.stdout) == (0, "Nothing of that sort happened.\n")
    assert "no event of a kind 'nope' was ever written" in done.stderr


@pytest.mark.parametrize(
    "kind", ["request", "curtail_over", "restored", "smoke_cleared", "tuning_step", "fan_fault_over"]
)
def test_a_kind_that_has_not_happened_yet_is_one_all_the_same(place, kind):
    place.ticks(2)
    done = place.run("events", "--kind", kind, "--json")
    assert (done.exit_code, json.loads(done.stdout)) == (0, [])


def test_a_kind_of_an_older_release_stays_readable_also_for_a_time_without_one(place):
    place.ticks(3)
    with closing(sqlite3.connect(place.config.paths.db)) as db, db:
        db.execute("UPDATE events SET kind = 'curtial' WHERE id = 2")
    assert len(rows(place, "--kind", "curtial")) == 1
    assert rows(place, "--kind", "curtial", "--until", "2020-01-01") == []


def test_every_kind_written_into_the_program_is_known():
    """Or `events --kind` might take one for a misspelling before it has happened for the first time."""
    sources = "\n".join(path.read_text("utf-8") for path in Path(mine_controller.__file__).parent.rglob("*.py"))
    named = set(re.findall(r"\bEvent\(\s*\"([a-z_]+)\"", sources))
    assert len(named) > 60
    assert [kind for kind in sorted(named) if misspelt(kind)] == []
