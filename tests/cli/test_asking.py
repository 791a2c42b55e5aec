"""set-state, clear-state, fans, alarms, resume and emergency-stop as typed."""

import errno
import json
import os
import re
import sqlite3
from contextlib import closing

import pytest
from cli.place import Place

from mine_controller.config.load import load
from mine_controller.ops import outcomes, replies
from mine_controller.ops.recall import kept_book
from mine_controller.ops.replies import Started
from mine_controller.ports.show import show
from mine_controller.store import query
from mine_controller.store.db import StoreTrouble
from mine_controller.store.inbox import pending
from mine_controller.store.stop import stop_requested


def mode(place):
    return query.ticks(place.config.paths, limit=1)[0].mode


def test_set_state_starts_a_tick_and_prints_its_verdict(place):
    place.ticks(2, of=3)
    done = place.run("set-state", "signal", "off", "--for", "30m", "--reason", "drill")
    assert done.exit_code == 0
    assert "set-state signal off: done, in force for 1" in done.stdout
    assert re.search(r"Now CURTAILED: \S+ set the signal to off", done.stdout)
    assert mode(place) == "CURTAILED"


def test_the_request_carries_who_asked_why_and_until_when(place, monkeypatch):
    monkeypatch.setenv("SUDO_USER", "eve")
    assert place.run("set-state", "fan.2", "on", "--for", "1h", "--reason", "hot", "--no-tick").exit_code == 0
    asked = place.requests()[0]
    assert (asked.actor, asked.args, asked.reason, asked.source) == ("eve", ("fan.2", "on"), "hot", "cli")
    assert asked.uid >= 0
    assert 3500 < asked.until - asked.at <= 3600


def test_without_a_tick_it_says_that_the_next_one_takes_it(place):
    done = place.run("set-state", "fan.2", "on", "--reason", "hot", "--no-tick")
    assert f"filed as request {place.requests()[0].id}; the next tick takes it" in done.stdout
    assert query.ticks(place.config.paths) == ()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("signl", "off"), "did you mean signal?"),
        (("fan3", "on"), "did you mean fan.3"),
        (("bogus", "1"), "keys are signal, inlet_c"),
        (("fans.3", "5"), "can't be set"),
        (("fan.12", "on"), "there is no fan '12'; fans are 1, 2"),
        (("miner.zz", "run"), "there is no miner 'zz'"),
        (("signal", "maybe"), "signal is one of run, off, warn, unknown"),
        (("inlet_c", "900"), "inlet_c is between -40 and 80"),
        (("max_power_kw", "lots"), "max_power_kw is a number of kW"),
        (("grid_hz", "50"), "nothing in [wiring] provides grid_hz"),
    ],
)
def test_a_wrong_key_or_value_is_told_at_once_and_files_nothing(place, words, said):
    done = place.run("set-state", *words, "--reason", "x")
    assert done.exit_code == 1
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert not place.config.paths.inbox.exists()


def test_a_negative_value_is_a_value_and_no_option(place):
    assert place.run("set-state", "ambient_c", "-12", "--reason", "frost drill", "--no-tick").exit_code == 0
    assert place.requests()[0].args == ("ambient_c", "-12")


def test_no_reason_no_override(place):
    done = place.run("set-state", "signal", "off")
    assert (done.exit_code, "--reason" in done.stderr) == (2, True)


def test_on_a_live_site_a_test_value_is_said_to_free_nothing(place):
    done = place.run("set-state", "signal", "run", "--reason", "x", "--no-tick")
    assert "it can only make things stricter" in done.stderr
    assert "add --stand-in and --site NAME" in done.stderr
    assert "it ends after 4 h" in done.stderr


def test_in_shadow_mode_a_value_is_said_to_be_decided_with_while_readings_are_shown_as_measured(tmp_path):
    done = Place(tmp_path, live=False).run("set-state", "signal", "off", "--reason", "x", "--no-tick")
    assert done.stderr == (
        "Note: shadow mode: decisions are made with this value; readings are shown as measured, and nothing is sent.\n"
    )


def test_a_stand_in_needs_the_name_of_the_site_typed(place):
    words = ("set-state", "signal", "run", "--stand-in", "--reason", "phoned", "--no-tick")
    assert 'typed: --site "Coop test"' in place.run(*words).stderr
    assert place.run(*words, "--site", "Coop tset").exit_code == 1
    assert place.run(*words, "--site", "Coop test").exit_code == 0
    assert place.requests()[0].flags == ("stand-in", "site=Coop test")


def test_json_is_the_verdict_alone_on_stdout(place):
    done = place.run("set-state", "fans", "9", "--reason", "hot", "--json")
    told = json.loads(done.stdout)
    assert told["tick"] == 0
    assert told["requests"][0]["verdict"] == "done"


def test_what_the_tick_refuses_ends_with_one_and_its_reason(place):
    done = place.ticks(1, of=2).run("clear-state", "signal")
    assert done.exit_code == 1
    assert "clear-state signal: refused, no override of signal is in force" in done.stderr


def test_clear_state_ends_an_override(place):
    place.ticks(2, of=4)
    place.run("set-state", "signal", "off", "--reason", "drill")
    done = place.run("clear-state", "--all")
    assert (done.exit_code, "done, 1 cleared" in done.stdout) == (0, True)


def test_clear_state_wants_one_key_or_all(place):
    assert place.run("clear-state").exit_code == 2
    assert place.run("clear-state", "signal", "--all").exit_code == 2


def test_a_tick_that_could_not_run_leaves_the_request_filed_and_ends_with_75(place, monkeypatch):
    monkeypatch.setattr(replies, "start_tick", lambda _config: Started(2, "config.txt:3: bad"))
    done = place.run("set-state", "fans", "9", "--reason", "hot")
    assert done.exit_code == 75
    assert "The tick ended with 2: config.txt:3: bad." in done.stderr
    assert len(place.requests()) == 1


def test_an_inbox_that_cannot_be_written_is_one_sentence(place):
    place.config.paths.inbox.mkdir()
    done = place.run("set-state", "fans", "9", "--reason", "hot")
    assert done.exit_code == 1
    assert "`minectl doctor` tells what helps" in done.stderr


# -- fans -------------------------------------------------------------------------------------------------------


def test_fans_are_listed_with_wanted_on_watts_state_and_hours(place):
    place.ticks(2)
    rows = json.loads(place.run("fans", "list", "--json").stdout)
    assert [row["fan"] for row in rows] == [str(n) for n in range(1, 10)]
    assert 1500 <= rows[0].pop("watts") < 1510
    known = {"fan": "1", "wanted": True, "on": True, "state": "proven", "normal_w": 1500}
    assert rows[0] == {**known, "hours": 0.0, "held": None}
    assert place.run("fans").stdout.splitlines()[0].split() == [
        "fan",
        "wanted",
        "on",
        "watts",
        "state",
        "hours",
        "held",
    ]


def test_before_the_first_tick_nothing_is_known_of_a_fan(place):
    row = json.loads(place.run("fans", "list", "--json").stdout)[0]
    assert (row["on"], row["watts"], row["state"]) == (None, None, "unknown")


def test_several_fans_are_held_by_one_tick_and_given_back(place):
    place.ticks(2, of=5)
    assert place.run("fans", "on", "3", "4", "--for", "1h").exit_code == 0
    assert len(query.ticks(place.config.paths)) == 3
    held = {row["fan"]: row["held"] for row in json.loads(place.run("fans", "list", "--json").stdout)}
    assert held["3"].startswith("on by ")
    assert held["5"] is None
    assert place.run("fans", "auto", "3").exit_code == 0
    assert place.run("fans", "auto", "3").stdout == "Nobody holds these fans: they are automatic already.\n"
    assert place.run("fans", "auto").exit_code == 0
    assert place.run("fans", "auto").stdout == "Nobody holds a fan: they are automatic already.\n"


def test_all_on_asks_for_every_fan(place):
    place.run("fans", "all-on", "--no-tick")
    assert place.requests()[0].args == ("fans", "9")


def test_a_fan_held_with_all_others_is_not_called_automatic(place):
    place.run("fans", "all-on")
    done = place.run("fans", "auto", "3")
    assert (done.exit_code, "automatic" in done.stdout) == (1, False)
    assert "a person holds all fans together: `minectl clear-state fans` ends that" in done.stderr
    place.run("fans", "on", "3")
    done = place.run("fans", "auto", "3")
    assert (done.exit_code, "Note: a person holds all fans together" in done.stderr) == (0, True)
    assert place.run("fans", "auto").exit_code == 0
    assert json.loads(place.run("fans", "auto", "--json").stdout) == {"requests": [], "tick": None}


def test_one_wrong_fan_among_several_files_none(place):
    done = place.run("fans", "off", "3", "33")
    assert (done.exit_code, place.config.paths.inbox.exists()) == (1, False)
    assert "there is no fan '33'" in place.run("fans", "auto", "33").stderr


# -- alarms, emergency stop ---------------------------------------------------------------------------------------


def test_open_alarms_are_listed_with_since_when_and_why(place):
    place.ticks(2, of=6)
    place.plant.broken = {"3"}
    place.ticks(4)
    rows = json.loads(place.run("alarms", "list", "--json").stdout)
    assert ("fan_fault", "fan 3") in {(row["kind"], row["about"]) for row in rows}
    assert all(row["since"].endswith("Z") for row in rows)
    assert "fan 3 is told on and draws 0 W" in place.run("alarms").stdout


def test_who_reads_fahrenheit_reads_it_on_every_face(place):
    place.path.write_text(place.path.read_text().replace("[site]\n", "[site]\ntemperature_unit = F\n", 1))
    place.ticks(2)
    place.plant.inlet = 36.5
    place.ticks(4)
    faces = [place.run("alarms").stdout, place.run("events").stdout, place.run("status").stdout]
    loaded = load(place.path)
    show(loaded, kept_book(loaded.paths))
    faces.append((loaded.paths.www / "index.html").read_text(encoding="utf-8").replace("\u00a0", " "))
    for face in faces:
        assert "97.7 °F is over 95.0 °F" in " ".join(face.split())
        assert "36.5 °C" not in face
    for of_machines in (("events", "--json"), ("alarms", "list", "--json")):
        told = [row["text"] for row in json.loads(place.run(*of_machines).stdout)]
        assert any("36.5 °C is over 35.0 °C" in text for text in told), of_machines


def test_no_alarm_is_said_in_words(place):
    assert place.run("alarms").stdout == "No alarm is open.\n"


def test_an_ack_is_a_request_like_any_other(place):
    assert place.run("alarms", "ack", "--reason", "seen", "--no-tick").exit_code == 0
    assert (place.requests()[0].verb, place.requests()[0].reason) == ("ack", "seen")


def test_emergency_stop_writes_the_level_first_and_then_starts_a_tick(place, monkeypatch):
    place.ticks(2, of=3)
    seen = []

    def start(_config):
        seen.append(stop_requested(place.config.paths))
        place.ticks()
        return Started(0)

    monkeypatch.setattr(replies, "start_tick", start)
    done = place.run("emergency-stop", "--yes", "--reason", "smell")
    assert done.exit_code == 0
    assert "smell" in seen[0]
    assert "Now EMERGENCY: EMERGENCY STOP by a person" in done.stdout
    assert all(watts == 0 for watts in place.plant.power.values())


def test_emergency_stop_asks_for_the_name_of_the_site(place):
    wrong = place.run("emergency-stop", input="coop\n")
    assert (wrong.exit_code, stop_requested(place.config.paths)) == (1, None)
    assert "nothing was done" in wrong.stderr
    assert place.run("emergency-stop", "--no-tick", input="Coop test\n").exit_code == 0
    assert stop_requested(place.config.paths) is not None


@pytest.mark.parametrize("code", [75, 2])
def test_a_stop_stands_whatever_becomes_of_the_tick(place, monkeypatch, code):
    monkeypatch.setattr(replies, "start_tick", lambda _config: Started(code, "why"))
    monkeypatch.setattr(replies.time, "sleep", lambda _s: None)
    done = place.run("emergency-stop", "--yes")
    assert done.exit_code == 75
    assert "the next tick obeys it" in done.stderr
    assert stop_requested(place.config.paths) is not None


def test_emergency_stop_beside_a_tick_that_commands_no_more_is_obeyed_right_behind_it(place, monkeypatch):
    """It may be telling, or copying the database: nothing it does then looks at the stop."""
    place.ticks(2, of=3)
    tries = []

    def start(_config):
        tries.append(1)
        if len(tries) < 3:
            return Started(replies.BUSY)
        place.ticks()
        return Started(0)

    monkeypatch.setattr(replies, "start_tick", start)
    monkeypatch.setattr(replies.time, "sleep", lambda _s: None)
    done = place.run("emergency-stop", "--yes", "--reason", "smell")
    assert (done.exit_code, len(tries)) == (0, 3)
    assert done.stdout.count("A tick is at work") == 1
    assert "Now EMERGENCY" in done.stdout
    assert all(watts == 0 for watts in place.plant.power.values())


def test_a_stop_no_longer_waited_for_stands(place, monkeypatch):
    def interrupted(_config):
        raise KeyboardInterrupt

    monkeypatch.setattr(replies, "start_tick", interrupted)
    done = place.run("emergency-stop", "--yes")
    assert (done.exit_code, "the stop stands" in done.stderr) == (130, True)
    assert stop_requested(place.config.paths) is not None


def test_resume_takes_the_level_away_and_files_the_resume(place):
    place.ticks(2, of=4)
    place.run("emergency-stop", "--yes", "--reason", "smell")
    done = place.run("resume", "--reason", "toast")
    assert done.exit_code == 0
    assert "smell" in done.stdout
    assert "resume: done" in done.stdout
    assert stop_requested(place.config.paths) is None
    filed = [(one.verb, one.reason) for one in pending(place.config.paths)]
    assert filed == [("emergency-stop", "smell"), ("resume", "toast")]


def read_only(*_given, **_more):
    """What a disk that takes no change answers, to the removal of a name that is not there as well."""
    raise OSError(errno.EROFS, os.strerror(errno.EROFS))


def no_room(*_given, **_more):
    raise StoreTrouble("full", "the disk is full")


def test_db1_a_resume_on_a_read_only_disk_speaks_of_no_stop_that_is_not_there(place, monkeypatch):
    monkeypatch.setattr("pathlib.Path.unlink", read_only)
    monkeypatch.setattr(replies, "file_requests", no_room)
    done = place.run("resume", "--reason", "x")
    assert done.exit_code == 1
    assert done.stdout == "No emergency stop is in force; what an alarm has latched is asked to end.\n"
    assert done.stderr == "minectl: nothing was filed: the disk is full; `minectl doctor` tells what helps\n"


def test_db1_a_stop_that_a_read_only_disk_keeps_still_stands(place, monkeypatch):
    place.run("emergency-stop", "--yes", "--no-tick")
    monkeypatch.setattr("pathlib.Path.unlink", read_only)
    done = place.run("resume", "--reason", "x")
    assert (done.exit_code, done.stdout, len(place.requests())) == (1, "", 1)
    assert done.stderr.endswith("stop can't be removed: Read-only file system; the stop still stands\n")


def test_db1_a_stop_withdrawn_on_a_full_disk_is_told_apart_from_what_could_not_be_filed(place, monkeypatch):
    place.run("emergency-stop", "--yes", "--reason", "smell", "--no-tick")
    monkeypatch.setattr(replies, "file_requests", no_room)
    done = place.run("resume", "--reason", "x")
    assert (done.exit_code, stop_requested(place.config.paths)) == (1, None)
    assert "The emergency stop is withdrawn (" in done.stdout
    assert done.stderr.startswith("minectl: nothing was filed: the disk is full")


def test_the_answers_of_another_ticks_round_are_waited_for():
    waits, looks = [], iter([[{"why": outcomes.NO_ANSWER}], [{"why": outcomes.NO_ANSWER}], [{"why": ""}]])
    assert outcomes.answered(lambda: next(looks), waits.append) == [{"why": ""}]
    assert waits == [1, 1]


def test_an_answer_that_never_comes_is_not_waited_for_without_end():
    waits = []
    assert outcomes.answered(lambda: [{"why": outcomes.NO_ANSWER}], waits.append) == [{"why": outcomes.NO_ANSWER}]
    assert len(waits) == outcomes.ANSWERS_S


def test_where_nobody_tells_watts_the_line_after_an_order_says_what_is_unknown(place):
    """It ended in "(unknown)", which might have been the reason as well."""
    place.ticks(2, of=3)
    with closing(sqlite3.connect(place.config.paths.db)) as db, db:
        db.execute("CREATE TRIGGER dumb AFTER INSERT ON mine_states BEGIN UPDATE mine_states SET power_w = NULL; END")
    assert place.run("fans", "on", "3", "--for", "1h").stdout.endswith(" (power unknown)\n")
