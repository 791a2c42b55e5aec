"""`minectl history`, `minectl events` and the forms in which rows leave."""

import csv
import io
import json
import time

import click
import pytest

from mine_controller.cli.options import seconds
from mine_controller.cli.output import csv_text, moment, safe, table


def test_history_shows_the_newest_tick_first(place):
    place.ticks(2, of=3)
    place.plant.signal = "off"
    place.ticks()
    lines = place.run("history").stdout.splitlines()
    assert lines[0].split()[:2] == ["timestamp", "mode"]
    assert [line.split()[1] for line in lines[1:]] == ["CURTAILED", "RUNNING", "INIT"]


def test_history_as_csv_has_every_column_people_query(place):
    rows = list(csv.DictReader(io.StringIO(place.ticks(3).run("history", "--csv", "--limit", "2").stdout)))
    assert len(rows) == 2
    assert rows[0]["mode"] == "RUNNING"
    assert rows[0]["supply_kw"] == ""
    assert len(rows[0]) == 19


def test_history_as_json_says_null_for_unknown(place):
    row = json.loads(place.ticks(1).run("history", "--json").stdout)[0]
    assert row["grid_hz"] is None
    assert row["inlet_c"] == 25.0


def test_history_is_narrowed_by_time(place):
    place.ticks(10)
    assert len(json.loads(place.run("history", "--since", "5m", "--json").stdout)) == 2
    assert place.run("history", "--until", "2020-01-01").stdout == "No tick in that time.\n"


def test_events_are_narrowed_by_kind_actor_and_what_they_are_about(place, monkeypatch):
    monkeypatch.setenv("SUDO_USER", "eve")
    place.ticks(1, of=2)
    place.run("set-state", "signal", "off", "--reason", "drill")
    kinds = [row["kind"] for row in json.loads(place.run("events", "--json").stdout)]
    assert {"request", "mode"} <= set(kinds)
    asked = json.loads(place.run("events", "--actor", "eve", "--kind", "request", "--json").stdout)
    assert [row["kind"] for row in asked] == ["request"]
    assert asked[0]["reason"][:2] == ["override", "request"]
    assert json.loads(place.run("events", "--about", "fan 3", "--json").stdout) == []
    assert "Nothing of that sort happened." in place.run("events", "--kind", "nonsense").stdout


def test_events_as_csv_carry_the_actor(place):
    assert (
        place.ticks(1)
        .run("events", "--csv")
        .stdout.startswith("timestamp,kind,severity,about,actor,text,source,uid,tty\n")
    )


@pytest.mark.parametrize("text", ["=1+1", "+1", "-2+3", "@SUM(A1)", "\t=1"])
def test_a_text_that_a_spreadsheet_would_run_gets_an_apostrophe(text):
    cell = next(csv.reader(io.StringIO(csv_text(["a"], [[text]]).partition("\n")[2])))[0]
    assert cell.startswith("'")


def test_negative_numbers_stay_numbers_in_csv():
    assert csv_text(["a", "b"], [[-12.5, None]]) == "a,b\n-12.5,"


def test_control_and_bidi_characters_never_reach_a_terminal():
    assert safe("a\x1b[2Jb\u202ec\nd") == "a [2Jb c d"
    assert table(["x"], [["\x07bell"]]).splitlines()[1] == " bell"


def test_a_table_lines_numbers_up_and_says_dash_for_unknown():
    assert table(["n", "w"], [["a", 5], ["bb", None], ["c", 100]]).splitlines() == [
        "n     w", "a     5", "bb    -", "c   100",
    ]  # fmt: skip


def test_a_moment_is_an_iso_time_in_utc_or_so_long_ago():
    context, parameter = click.Context(click.Command("x")), click.Option(["--since"])
    assert (
        moment(context, parameter, "2026-07-15T14:00:00Z")
        == moment(context, parameter, "2026-07-15T14:00")
        == 1784124000
    )
    assert abs(moment(context, parameter, "2h") - (time.time() - 7200)) < 60
    with pytest.raises(click.BadParameter, match="how long ago"):
        moment(context, parameter, "soon")


@pytest.mark.parametrize("name", ["alarms", "fans"])
def test_a_list_without_its_verb_takes_json_too(place, name):
    place.ticks(2)
    assert json.loads(place.run(name, "--json").stdout) == json.loads(place.run(name, "list", "--json").stdout)


@pytest.mark.parametrize("text", ["99999999999999999999", "9" * 5000, "101000d", "9" * 5000 + "d1h"])
def test_a_time_beyond_a_century_is_refused_in_a_sentence(text):
    """What no file can hold as a number, and no page can show as a date."""
    with pytest.raises(click.BadParameter, match="is longer than a hundred years"):
        seconds(text)
    assert seconds("36500d") == 36500 * 86_400
