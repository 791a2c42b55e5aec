"""`minectl report wear` as typed."""

import csv
import io
import json

from mine_controller.config.load import load
from mine_controller.ops import wear
from mine_controller.store import query


def test_the_report_counts_what_the_books_count(place):
    place.ticks(3, of=46)
    place.plant.signal = "off"
    place.ticks(4)
    place.plant.signal = "run"
    place.ticks(35).ticks(4)
    kept = query.last_book(place.config.paths, "").book.state.miners
    found = json.loads(place.run("report", "wear", "--json").stdout)
    assert {row["miner"]: row["starts"] for row in found["miners"]} == {name: one.starts for name, one in kept.items()}
    assert sum(row["starts"] for row in found["miners"]) > 0
    assert {row["fan"] for row in found["fans"]} == {str(number) for number in range(1, 10)}
    starts = [row["starts"] for row in found["miners"]]
    assert starts == sorted(starts, reverse=True)
    assert [row["hours_a_start"] for row in found["miners"]] == [
        round(kept[row["miner"]].run_s / 3600 / row["starts"], 1) for row in found["miners"]
    ]


def test_people_read_how_even_it_is_and_a_spreadsheet_gets_a_row_a_miner(place):
    place.ticks(3)
    done = place.run("report", "wear")
    assert done.exit_code == 0
    assert "8 miners: 0 to 0 starts, 0.0 in the mean; 0 hard stops" in done.stdout
    assert done.stdout.splitlines()[0].split() == [
        "miner", "on", "starts", "today", "hours", "h", "a", "start", "hard", "stops", "fails", "24h", "lies", "7d",
        "last", "start", "quarantine",
    ]  # fmt: skip
    rows = list(csv.DictReader(io.StringIO(place.run("report", "wear", "--csv").stdout)))
    assert (len(rows), rows[0]["listed"], rows[0]["last_start"], rows[0]["hours_a_start"]) == (8, "True", "", "")
    assert len(place.run("report", "wear", "--csv", "--fans").stdout.splitlines()) == 10
    assert place.run("report", "wear", "--fans").exit_code == 2


def test_a_miner_that_was_taken_out_keeps_its_wear_in_the_report(place):
    place.ticks(2)
    name = place.config.policy.wiring.miners[0].id
    assert place.run("miners", "remove", name, "--yes").exit_code == 0
    (gone,) = [row for row in wear.report(load(place.config.paths.config)).miners if not row["listed"]]
    assert gone["miner"] == name
    assert f"{name} (no longer listed)" in place.run("report", "wear").stdout


def test_before_the_first_tick_nothing_is_worn_and_a_damaged_database_is_1(place):
    assert "8 miners: 0 to 0 starts" in place.run("report", "wear").stdout
    place.ticks(2).config.paths.db.write_bytes(b"\0garbage" * 999)
    done = place.run("report", "wear")
    assert (done.exit_code, done.stdout) == (1, "")
