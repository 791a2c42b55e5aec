"""`minectl replay` and `minectl backtest` as typed."""

import json
import sqlite3
from contextlib import closing
from xml.etree import ElementTree as ET

import pytest
from cli.agile import Attic, Home
from cli.conftest import seated
from click.testing import CliRunner

from mine_controller.cli.main import group
from mine_controller.core.model.reading import Reading
from mine_controller.ops.recall import kept_book
from mine_controller.ports.code import deciding
from mine_controller.store.policies import pack_policy


class Slow(Attic):
    """Boards as processors are: what they tell is hashes a second, of which no hundredth of a terahash shows any."""

    def readings(self, asked):
        told = [one for one in super().readings(asked) if not one.key.endswith(":hashrate_ths")]
        hashing = [one.key for one in told if one.key.endswith(":word") and one.value == "hashing"]
        return told + [Reading(key.replace(":word", ":rate_hs"), 8104, self.now) for key in hashing]


def typed(place, *words):
    """In the folder of the site: --config is another config's here."""
    del place
    return CliRunner().invoke(group, list(words))


def spoil(place, sql, *values):
    with closing(sqlite3.connect(place.config.paths.db)) as db, db:
        db.execute(sql, values)
    db.close()


def with_cap(place, watts):
    """The records say that they ran on another cap than they did."""
    tighter = place.config.policy._replace(site=place.config.policy.site._replace(power_cap_w=watts))
    spoil(place, "UPDATE configs SET policy = ?", pack_policy(tighter))


# -- replay ---------------------------------------------------------------------------------------------------------


def test_recorded_ticks_are_decided_again_and_all_the_same(place):
    place.ticks(3, of=6)
    place.plant.signal = "off"
    done = place.ticks(3).run("replay", "--jobs", "1", "--json")
    told = json.loads(done.stdout)
    assert done.exit_code == 0
    assert (told["ticks"], told["differ"], told["faults"], told["first"], told["skipped"]) == (6, 0, 0, None, [])
    assert told["same"] == told["rounds"] > 6
    assert told["versions"] == [deciding()]


@pytest.mark.parametrize("rate", ["hashrate_ths", "rate_hs"])
def test_ticks_of_a_site_of_bands_that_shares_its_wear_are_decided_again_too(tmp_path, monkeypatch, rate):
    """Its boards are judged by their joules whatever the strategy, so the rates these are learned of are recorded."""
    home = seated(Home(tmp_path), tmp_path, monkeypatch)
    assert home.config.policy.site.strategy == "wear"
    if rate == "rate_hs":
        home.plant = Slow(home.config)
    home.prices(*[15.0] * 12, ticks=50).ticks(50)
    learned = kept_book(home.config.paths).state.units
    assert all(learned[name].dj_th > 0 for name in ("b0", "b1")), learned
    told = json.loads(home.run("replay", "--jobs", "1", "--json").stdout)
    assert (told["ticks"], told["differ"], told["skipped"]) == (50, 0, [])


def test_the_text_ends_with_how_many_are_the_same(place):
    done = place.ticks(2).run("replay", "--jobs", "1")
    assert done.stdout.startswith(f"2 ticks by version {deciding()}: ")
    assert "rounds the same (100.00 %)" in done.stdout


def test_a_difference_ends_with_one_and_names_tick_field_values_and_rule(place):
    place.ticks(3)
    with_cap(place, 5_000)
    done = place.run("replay", "--jobs", "1")
    first = done.stdout.splitlines()[0]
    assert done.exit_code == 1
    assert first.startswith("First difference: 2")
    assert " round 0: " in first
    assert " was " in first
    assert ", now " in first
    assert ", rule " in first


def test_another_versions_difference_is_told_and_is_no_fault(place):
    place.ticks(3)
    with_cap(place, 5_000)
    spoil(place, "UPDATE mine_states SET code = '0.0.1'")
    done = place.run("replay", "--jobs", "1")
    assert done.exit_code == 0
    assert done.stdout.startswith("Decided otherwise since 0.0.1: ")


def test_a_database_out_of_a_bundle_needs_no_config(place, tmp_path):
    place.ticks(2)
    there = tmp_path / "out.db"
    there.write_bytes(place.config.paths.db.read_bytes())
    place.path.unlink()
    told = json.loads(place.run("replay", "--db", str(there), "--from-anchor", "--jobs", "1", "--json").stdout)
    assert (told["ticks"], told["differ"]) == (2, 0)


def test_until_leaves_the_newer_ticks_out(place):
    place.ticks(4)
    assert json.loads(place.run("replay", "--until", "1h", "--jobs", "1", "--json").stdout)["ticks"] == 0


def test_no_ticks_are_no_difference(place):
    done = place.run("replay")
    assert done.exit_code == 0
    assert done.stdout.startswith("0 ticks")
    assert "nothing was compared" in done.stdout
    assert "100.00 %" not in done.stdout


def test_a_damaged_record_is_a_sentence_and_one(place):
    place.ticks(2)
    spoil(place, "UPDATE records SET body = x'00'")
    done = place.run("replay", "--jobs", "1")
    assert done.exit_code == 1
    assert "a record is damaged" in done.stderr
    assert "Traceback" not in done.stderr


# -- backtest -------------------------------------------------------------------------------------------------------


def test_the_twins_own_error_stands_beside_every_figure(place):
    done = typed(place.ticks(6), "backtest", "--jobs", "1", "--json")
    told = json.loads(done.stdout)
    assert done.exit_code == 0, done.stderr
    assert told["ticks"] == 6
    assert told["configs"] == []
    energy = next(row for row in told["figures"] if row["figure"] == "energy_kwh")
    assert energy["error"] == round(energy["same"] - energy["recorded"], 1)


def test_a_sweep_is_a_column_a_value_and_a_drawing_holds_them_all(place, tmp_path):
    drawn = tmp_path / "runs.svg"
    done = typed(place.ticks(4), "backtest", "--sweep", "cap.margin_pct=3,20", "--jobs", "1", "--svg", str(drawn))
    assert done.exit_code == 0, done.stderr
    header = done.stdout.splitlines()[2]
    assert "recorded  " in header
    assert "its error" in header
    assert "cap.margin_pct=3 " in header
    assert "cap.margin_pct=20" in header
    texts = [one.text for one in ET.parse(drawn).iter("{http://www.w3.org/2000/svg}text")]
    assert "twin: cap.margin_pct=20" in texts


def test_a_drawing_that_can_not_be_written_takes_no_figure_away(place):
    done = typed(place.ticks(4), "backtest", "--jobs", "1", "--json", "--svg", "/nowhere/runs.svg")
    assert (done.exit_code, "/nowhere/runs.svg can't be written" in done.stderr) == (1, True)
    assert json.loads(done.stdout)["ticks"] == 4


def test_another_config_file_is_what_is_tried(place, tmp_path):
    place.ticks(4)
    other = tmp_path / "tomorrow.txt"
    other.write_text(place.path.read_text().replace("power_cap_kw = 1000", "power_cap_kw = 15"))
    other.chmod(0o600)
    done = typed(place, "backtest", "-c", str(other), "--of", str(place.path), "--jobs", "1", "--json")
    told = json.loads(done.stdout)
    assert told["configs"] == ["tomorrow.txt"]
    [change] = next(row["others"] for row in told["figures"] if row["figure"] == "energy_kwh")
    assert change["difference"] < 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--sweep", "cap.margin_pct"), "is no sweep"),
        (("--sweep", "cap.margin_pct=99"), "margin_pct"),
        (("--config", "nowhere.txt"), "is missing"),
    ],
)
def test_a_config_that_can_not_be_tried_is_a_sentence_and_two(place, words, said):
    done = typed(place.ticks(2), "backtest", *words)
    assert done.exit_code == 2
    assert said in done.stderr


def test_without_records_there_is_nothing_to_try(place):
    done = typed(place, "backtest")
    assert done.exit_code == 1
    assert "fewer than two ticks" in done.stderr


def test_a_config_without_its_fleet_beside_it_is_refused_and_not_compared_as_a_mine_of_nobody(place, tmp_path):
    alone = tmp_path / "elsewhere"
    alone.mkdir()
    other = alone / "tomorrow.txt"
    other.write_text(place.path.read_text())
    other.chmod(0o600)
    done = typed(place.ticks(4), "backtest", "-c", str(other), "--of", str(place.path), "--jobs", "1")
    assert done.exit_code == 2
    assert "tomorrow.txt knows no miner" in done.stderr
    assert "put fleet.csv beside it" in done.stderr


def test_a_backtest_that_finds_no_site_says_how_to_name_one(place, monkeypatch, tmp_path):
    monkeypatch.setattr("mine_controller.cli.backtest.config_path", lambda _given: tmp_path / "nowhere.txt")
    done = typed(place, "backtest")
    assert done.exit_code == 2
    assert "--of config.txt" in done.stderr
