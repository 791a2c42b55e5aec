"""Curtailments as a bill dispute needs them, out of a site's own database."""

import csv
import io
import json
import re
import sqlite3
from contextlib import closing
from zoneinfo import ZoneInfo

import pytest
from cli.place import Place

from mine_controller.config.load import load
from mine_controller.core.model.command import WITHHELD, Outcome
from mine_controller.ops import event_page, event_report
from mine_controller.ops.event_report import Curtailment, Point
from mine_controller.store.outbox import Mark, mark_letters


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.delenv("MINECTL_CONFIG", raising=False)
    return Place(tmp_path)


def event(place, off=6, run=12):
    """A curtailment of so many ticks, and its end; the last tick ends just now."""
    place.ticks(4, of=4 + off + run)
    place.plant.signal = "off"
    place.ticks(off)
    place.plant.signal = "run"
    return place.ticks(run) if run else place


def told(place, *words):
    done = place.run("report", "events", *words)
    assert done.exit_code == 0
    return done.stdout


def rows(place, *words):
    return list(csv.DictReader(io.StringIO(told(place, "--csv", *words))))


def tree(place):
    return json.loads(told(place, "--json"))


def test_an_event_that_is_over_has_every_step_in_seconds_since_the_signal(place):
    (row,) = rows(event(place))
    assert (row["cause"], row["obeyed"], row["stragglers"], row["emergency"]) == ("signal", "1", "", "")
    assert row["first_command_s"] == "120"
    assert 120 < int(row["shed_50_s"]) <= int(row["shed_90_s"]) <= int(row["shed_100_s"]) <= 300
    assert (int(row["before_w"]) > 27_000, int(row["confirmed_w"])) == (True, 200)
    assert int(row["gentle"]) + int(row["hard"]) == 8


def test_the_page_of_an_event_tells_its_log_in_the_units_of_the_site_and_the_data_as_it_was_written(place):
    place.path.write_text(place.path.read_text().replace("[site]\n", "[site]\ntemperature_unit = F\n", 1))
    place.config = load(place.path)
    place.ticks(4, of=24)
    place.plant.signal = "off"
    place.ticks(2)
    place.plant.inlet = 36.0
    place.ticks(6)
    place.plant.signal = "run"
    place.ticks(12)
    page = told(place, "--html")
    assert "inlet 96.8 °F is over 95.0 °F" in page
    assert "°C" not in page
    assert any("°C" in line["text"] for line in tree(place)["events"][0]["lines"])


@pytest.mark.parametrize("over", [True, False])
def test_an_event_is_judged_by_the_time_it_had_and_not_by_what_is_configured_today(place, over):
    event(place, run=12 if over else 0)
    assert rows(place)[0]["obey_within_s"] == "300"
    place.path.write_text(place.path.read_text().replace("[end]", "[signal]\nobey_within_s = 150\n\n[end]"))
    (row,) = rows(place)
    assert (row["obey_within_s"], row["obeyed"]) == ("300", "1")


def test_the_hour_that_comes_twice_a_year_is_told_apart():
    chicago, back = ZoneInfo("America/Chicago"), 1_793_516_400  # 2026-11-01 07:00 UTC
    told = [event_page._local(back + side, chicago) for side in (-1800, 1800, 3600)]
    assert told == ["2026-11-01 01:30:00 CDT", "2026-11-01 01:30:00 CST", "2026-11-01 02:00:00"]


@pytest.mark.parametrize("over", [True, False])
def test_a_curtailment_for_a_signal_nobody_could_read_is_told_as_that_and_not_as_a_call(place, over):
    place.ticks(4, of=14 + 14 * over)
    place.plant.signal = None
    place.ticks(10)
    place.plant.signal = "run"
    place.ticks(14 if over else 0)
    (row,) = rows(place)
    assert (row["cause"], row["blind"], row["seen_at"], bool(row["ended_at"])) == ("signal", "1", "", over)
    (one,) = tree(place)["events"]
    assert (one["cause"], one["blind"], one["seen_at"]) == ("signal", True, None)
    page = told(place, "--html")
    assert "Cause: the signal could not be read: curtailed to be safe, nobody had called." in page
    assert "none: it could not be read" in page
    assert "Signal, at the earliest" not in page
    assert "signal unreadable" in told(place)
    letters = {text for point in (one["lines"], one["told"]) for text in [line["text"] for line in point]}
    assert any("because the signal could not be read" in text for text in letters) is over
    event = json.loads(place.run("status", "--json").stdout)["last_event"]
    assert (event["cause"], event["blind"], event["in_progress"]) == ("signal", True, not over)


def test_a_real_call_is_told_as_one(place):
    (row,) = rows(event(place))
    assert (row["cause"], row["blind"], bool(row["seen_at"])) == ("signal", "0", True)
    assert "Cause: signal." in told(place, "--html")
    assert json.loads(place.run("status", "--json").stdout)["last_event"]["blind"] is False


def test_the_signal_is_where_the_ticks_saw_it_less_one_tick(place):
    (one,) = tree(event(place))["events"]
    first = next(point for point in one["points"] if point["mode"] == "CURTAILING")
    seen_s, signal_s = (event_report.epoch(text) for text in (first["at"], one["signal_at"]))
    assert seen_s - signal_s == 120
    assert one["seen_at"] == first["at"]


def test_an_event_that_stands_comes_first_and_has_no_end(place):
    event(place, off=5, run=14)
    place.plant.signal = "off"
    place.ticks(2)
    newest, older = tree(place)["events"]
    assert (newest["ended_at"], newest["obeyed"]) == (None, True)
    assert older["ended_at"] < newest["signal_at"]
    assert "still on" in told(place, "--html")


def test_power_is_told_of_every_round_before_during_and_after(place):
    points = rows(event(place), "--points")
    since = [int(row["since_signal_s"]) for row in points]
    assert (min(since) < -100, max(since) > 900, since == sorted(since)) == (True, True, True)
    assert {row["mode"] for row in points} >= {"RUNNING", "CURTAILING", "CURTAILED"}
    assert [row["site_w"] for row in points] == [""] * len(points)  # no site meter is wired: not known, never 0


def test_where_rounds_are_gone_the_row_of_each_tick_stands_in_and_says_so(place):
    event(place)
    with closing(sqlite3.connect(place.config.paths.db)) as db, db:
        db.execute("DELETE FROM records")
    (one,) = tree(place)["events"]
    assert (one["source"], len(one["points"]) > 10) == ("ticks", True)
    assert "one a tick" in told(place, "--html")


def test_a_damaged_record_costs_the_rounds_and_not_the_report(place):
    event(place)
    with closing(sqlite3.connect(place.config.paths.db)) as db, db:
        db.execute("UPDATE records SET body = x'00ff' WHERE id = (SELECT id FROM records ORDER BY id LIMIT 1 OFFSET 8)")
    (one,) = tree(place)["events"]
    assert one["source"] == "ticks"


def test_miners_that_could_not_be_stopped_are_named_and_the_verdict_is_no(place):
    place.plant.mute = place.plant.welded = {"m003"}
    place.ticks(4, of=24)
    place.plant.signal = "off"
    place.ticks(6)
    (one,) = tree(place)["events"]
    assert ({each["miner"] for each in one["stragglers"]}, one["emergency"]) == ({"m003"}, "unproven")
    place.plant.signal = "run"
    place.ticks(10)
    (row,) = rows(place)
    assert (row["obeyed"], row["shed_100_s"]) == ("0", "")
    assert "NOT in time" in told(place)


def test_who_was_told_stands_with_what_each_channel_said(place):
    event(place)
    with closing(sqlite3.connect(place.config.paths.db)) as db, db:
        ids = [row[0] for row in db.execute("SELECT id FROM outbox ORDER BY id")]
        note = {"telegram": "told", "email owner": "no: 550", "telegram fails": 0, "began": 1, "config": "c0ffee"}
        mark_letters(db, [Mark(ids[-1], note, 0, 1_700_000_000)])
    found = {(row["channel"], row["result"]) for row in rows(place, "--told")}
    assert {("telegram", "told"), ("email owner", "no: 550")} < found
    assert ("", "not told yet") in found
    assert not {"config", "began", "telegram fails"} & {channel for channel, _ in found}


def test_a_curtailment_by_hand_says_whose_hand(place, monkeypatch):
    from mine_controller.ops import replies  # noqa: PLC0415 - only here a tick is started

    monkeypatch.setenv("SUDO_USER", "eve")
    monkeypatch.setattr(replies, "start_tick", lambda _config: place.ticks() and replies.Started(0))
    place.ticks(4, of=8).run("set-state", "signal", "off", "--reason", "drill")
    (one,) = tree(place)["events"]
    assert one["by"] == "eve"


def test_the_utilitys_own_word_is_nobodys_hand(place):
    assert tree(event(place))["events"][0]["by"] == ""


def test_the_page_stands_by_itself(place):
    page = told(event(place), "--html")
    assert not re.search(r"(?:src|href)=|url\(|<script|https?://", page)
    assert page.count("<polyline") >= 1
    assert "All " in page
    assert "rows of the event log are as they were written" in page


def test_a_text_of_a_stranger_is_text_on_the_page(place):
    hostile = "<script>alert(1)</script>"
    steps: dict = dict.fromkeys(event_report.STEPS)
    late = ((hostile, 1),)
    points = (Point(1_700_000_000, None, None, "RUNNING"),)
    one = Curtailment("signal", hostile, 1_700_000_000, 1_700_000_900, steps, None, None, None, 0, 0, late, "", 300)
    one = one._replace(points=points)
    evidence = event_report.Evidence(1, "00", intact=True)
    made = event_report.Report(hostile, "UTC", 1_700_001_000, "c0ffee", evidence, (one,))
    page = event_page.page(made, place.config)
    assert hostile not in page
    assert "&lt;script&gt;" in page


def test_a_formula_of_a_stranger_is_text_in_the_spreadsheet(place):
    event(place)
    at = event_report.epoch(tree(place)["events"][0]["signal_at"]) + 9
    body = json.dumps({"severity": "info", "text": "=cmd()", "at": str(at)})
    with closing(sqlite3.connect(place.config.paths.db)) as db, db:
        db.execute("UPDATE outbox SET body = ? WHERE id = (SELECT min(id) FROM outbox)", (body,))
    assert "'=cmd()" in [row["text"] for row in rows(place, "--told")]


def test_a_log_that_was_changed_is_no_evidence_and_the_page_says_so(place):
    event(place)
    with closing(sqlite3.connect(place.config.paths.db)) as db, db:
        db.execute("UPDATE events SET text = 'nothing happened' WHERE id = 3")
    assert tree(place)["evidence"]["intact"] is False
    assert "was changed after it was written" in told(place, "--html")


def test_a_report_row_that_cannot_be_read_is_left_out(place):
    event(place)
    with closing(sqlite3.connect(place.config.paths.db)) as db, db:
        db.execute("UPDATE events SET reason = '[1' WHERE kind = 'curtail_report'")
    assert tree(place)["events"] == []


def test_only_what_ended_in_the_time_asked_for_is_told(place):
    event(place)
    assert rows(place, "--until", "2020-01-01") == []
    assert len(rows(place, "--since", "2020-01-01")) == 1


def test_without_a_curtailment_it_says_so(place):
    assert told(place.ticks(2, of=2)) == "No curtailment in that time.\n"
    assert "No curtailment in that time." in told(place, "--html")


@pytest.mark.parametrize("words", [("--points",), ("--told", "--html"), ("--csv", "--points", "--told")])
def test_points_and_told_are_sheets_of_their_own(place, words):
    assert place.run("report", "events", *words).exit_code == 2


def shadowed(place):
    """In shadow mode from here on: nothing is sent, as real ports have it."""
    place.path.write_text(place.path.read_text().replace("live = yes", "live = no"))
    place.config = load(place.path)
    place.plant.policy = place.config.policy
    place._act = lambda commands, _clock: tuple(Outcome(one.id, WITHHELD, "not live", None, 0) for one in commands)


def test_an_event_that_was_lived_through_in_shadow_mode_says_that_nothing_was_sent(place):
    """It was told as a live one: a first command after 0 s, and the mine not down in time."""
    shadowed(place)
    event(place)
    place.path.write_text(place.path.read_text().replace("live = no", "live = yes"))  # what counts is what it ran on
    place.config = load(place.path)
    (one,) = tree(place)["events"]
    (row,) = rows(place)
    assert (one["shadow"], row["shadow"]) == ("all", "all")
    assert "shadow mode" in told(place)
    page = told(place, "--html")
    assert "Shadow mode: it was decided and nothing was sent" in page
    assert "First command, not sent" in page


def test_an_event_that_began_live_says_that_only_a_part_of_it_was_commanded(place):
    place.ticks(4, of=22)
    place.plant.signal = "off"
    place.ticks(3)
    shadowed(place)
    place.ticks(3)
    place.plant.signal = "run"
    place.ticks(12)
    (one,) = tree(place)["events"]
    assert one["shadow"] == "part"
    assert "Shadow mode for a part of it" in told(place, "--html")


def test_a_live_event_says_nothing_of_shadow_mode(place):
    (one,) = tree(event(place))["events"]
    assert one["shadow"] == ""
    assert "hadow" not in told(place, "--html") + told(place)


def test_an_event_that_stands_in_shadow_mode_says_so_too(place):
    shadowed(place)
    event(place, run=0)
    assert tree(place)["events"][0]["shadow"] == "all"


def test_a_damaged_policy_costs_what_is_said_of_shadow_mode_and_not_the_report(place):
    event(place)
    for written in ("{", "[]", "{}"):
        with closing(sqlite3.connect(place.config.paths.db)) as db, db:
            db.execute("UPDATE configs SET policy = ?", (written,))
        assert [row["shadow"] for row in rows(place)] == [""]


def test_a_proof_that_the_heat_contradicts_is_in_doubt_in_the_report(place):
    """It said "in time" and nothing else where the inlet climbed, when the fans went down, as it does over miners."""
    place.ticks(4, of=32)
    place.plant.signal = "off"
    place.ticks(9)  # ten minutes at full air, and the first steps down
    place.plant.inlet += 6.0
    place.ticks(7)
    (standing,) = tree(place)["events"]
    place.plant.signal = "run"
    place.ticks(12)
    (row,) = rows(place)
    (one,) = tree(place)["events"]
    assert (row["obeyed"], row["doubts"]) == ("1", "dark_but_hot")
    assert standing["doubts"] == one["doubts"] == ["dark_but_hot"]
    assert "in time, in doubt" in told(place)
    assert "the inlet climbed as it does over miners that run" in told(place, "--html")


def test_a_proof_that_nothing_contradicts_is_in_no_doubt(place):
    (one,) = tree(event(place))["events"]
    assert one["doubts"] == []
    assert "doubt" not in told(place, "--html") + told(place)
