"""`minectl health` as a monitoring plugin sees it."""

import errno
import json
import os
import re

import pytest
from cli.conftest import seated
from cli.place import Place
from click.testing import CliRunner

from mine_controller.cli.main import group
from mine_controller.ops.health import Health


def test_a_good_site_is_one_line_with_figures_and_zero(place):
    done = place.ticks(3).run("health")
    assert done.exit_code == 0
    assert re.fullmatch(
        r"MINECTL OK - Coop test: last good tick 1\d\d s ago; RUNNING: 8 of 8 miners run"
        r" \| age=1\d\ds;240;600 power_w=40\d\d\d;;;0;1000000 inlet_c=25.0 outlet_c=U miners=8;;;0;8 fans=\d"
        r" hashrate_ths=\S+ db=\d+B\n",
        done.stdout,
    )


@pytest.mark.parametrize(("ths", "written"), [(9.81e-07, "0.000000981"), (3.4e-08, "0.000000034"), (330.02, "330.02")])
def test_a_rate_of_small_boards_has_no_exponent_for_a_plugins_reader_knows_digits_a_point_and_a_minus(ths, written):
    line = Health(0, ("good",), (("hashrate_ths", ths), ("fans", "U"))).line("home")
    assert line.endswith(f"| hashrate_ths={written} fans=U")


@pytest.mark.parametrize(("ticks_ago", "code", "word"), [(2, 1, "WARNING"), (5, 2, "CRITICAL")])
def test_silence_is_judged_in_ticks(place, ticks_ago, code, word):
    done = place.ticks(2, of=3 + ticks_ago).run("health")
    assert (done.exit_code, done.stdout.split()[1]) == (code, word)


def test_before_the_first_tick_nothing_is_known(place):
    done = place.run("health")
    assert (done.exit_code, done.stdout) == (3, "MINECTL UNKNOWN - Coop test: no tick has run yet\n")


def test_without_a_good_config_nothing_is_known(tmp_path):
    done = CliRunner().invoke(group, ["health", "--config", str(tmp_path / "none.txt")])
    assert done.exit_code == 3
    assert done.stdout.startswith("MINECTL UNKNOWN - ")
    assert "can't be used, a problem: is missing" in done.stdout


@pytest.mark.parametrize(("why", "helps"), [(errno.EACCES, "put sudo in front"), (errno.EISDIR, "name the file in it")])
def test_a_config_that_cant_be_read_is_unknown_with_what_helps_and_not_critical(place, monkeypatch, why, helps):
    """Exit 2 is critical to who monitors; and what was said was that of the command line, without a remedy."""

    def closed(*_given):
        raise OSError(why, os.strerror(why))

    place.ticks(1)
    monkeypatch.setattr("mine_controller.config.source.read_file", closed)
    monkeypatch.setattr("mine_controller.config.lastgood.read_file", closed)
    (place.path.parent / "config.last-good").unlink(missing_ok=True)
    monkeypatch.setattr(os, "access", lambda *_given, **_named: False)
    done = place.run("health")
    assert done.exit_code == 3
    assert done.stdout.startswith("MINECTL UNKNOWN - ")
    assert helps in done.stdout


def test_an_open_warning_is_a_warning_and_names_it(place):
    place.ticks(2, of=6)
    place.plant.broken = {"3"}
    done = place.ticks(4).run("health", "--json")
    told = json.loads(done.stdout)
    assert (done.exit_code, told["state"]) == (1, "WARNING")
    assert "fan_fault fan 3" in told["says"][0]


def test_an_emergency_is_critical(place):
    place.ticks(1, of=3)
    place.run("emergency-stop", "--yes")
    done = place.run("health")
    assert done.exit_code == 2
    assert "EMERGENCY" in done.stdout


def test_a_database_that_is_none_is_critical(place):
    place.config.paths.db.write_bytes(b"no database at all" * 100)
    done = place.run("health")
    assert (done.exit_code, "damaged" in done.stdout) == (2, True)


def test_shadow_mode_is_told_and_changes_no_code(tmp_path, monkeypatch):
    shadow = seated(Place(tmp_path, live=False), tmp_path, monkeypatch)
    before = shadow.run("health")
    assert (before.exit_code, "no tick has run yet; shadow mode: nothing is sent" in before.stdout) == (3, True)
    done = shadow.ticks(3).run("health")
    assert done.exit_code == 0, done.stdout
    assert re.match(r"MINECTL OK - Coop test: shadow mode: nothing is sent; last good tick ", done.stdout)
    told = json.loads(shadow.run("health", "--json").stdout)
    assert (told["shadow"], told["code"], told["says"][0]) == (True, 0, "shadow mode: nothing is sent")


def test_what_is_wrong_comes_before_shadow_mode(tmp_path, monkeypatch):
    shadow = seated(Place(tmp_path, live=False), tmp_path, monkeypatch)
    done = shadow.ticks(2, of=8).run("health")
    assert (done.exit_code, done.stdout.index("last good tick") < done.stdout.index("shadow mode")) == (2, True)


def test_a_live_site_and_one_nobody_can_read_say_nothing_of_it(place):
    done = place.ticks(3).run("health")
    assert "shadow" not in done.stdout
    assert json.loads(place.run("health", "--json").stdout)["shadow"] is False
    none = CliRunner().invoke(group, ["health", "--json", "--config", str(place.path.with_name("none.txt"))])
    assert (none.exit_code, json.loads(none.stdout)["shadow"]) == (3, None)
