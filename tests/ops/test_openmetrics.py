"""The years in SQLite under the names of the metrics: what promtool puts into Prometheus, and Grafana then shows."""

import re
import shlex
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest
from store import ledger
from store.test_store import full_book, run_ticks

from mine_controller.ops import export, openmetrics
from mine_controller.store.db import Places

EVER = 253_402_300_799
GUIDE = Path(__file__).resolve().parents[2] / "docs" / "monitoring.md"
NEEDS_PROMTOOL = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (apt-get install prometheus)"
)


@pytest.fixture
def paths(tmp_path, monkeypatch):
    monkeypatch.setattr(export, "PIECE", 3)
    paths = Places.under(tmp_path)
    rules = ledger.policy(4)
    run_ticks(paths, rules, 8, book=full_book(rules))
    return paths


def made(paths, site='North "1"', since=0, until=EVER):
    return "".join(text for text, _rows in openmetrics.text(paths, site, since, until))


def test_each_family_stands_together_oldest_first_with_its_mine_and_ends_as_it_must(paths):
    text = made(paths)
    assert text.endswith("# EOF\n")
    power = [line for line in text.splitlines() if line.startswith("minectl_miners_configured{")]
    assert power[0] == f'minectl_miners_configured{{mine="North \\"1\\""}} 4 {ledger.NOON}'
    assert len(power) == 8
    assert [int(line.split()[-1]) for line in power] == [ledger.NOON + 120 * at for at in range(8)]
    families = [re.split(r"[{ ]", line)[0] for line in text.splitlines() if not line.startswith("#")]
    begun = [name for at, name in enumerate(families) if at == 0 or families[at - 1] != name]
    assert len(begun) == len(set(begun))


def test_what_was_unknown_has_no_sample(paths):
    assert "None" not in made(paths)
    assert "minectl_grid_frequency_hertz{" not in made(paths)


def test_a_span_is_kept_to(paths):
    text = made(paths, since=ledger.NOON + 120, until=ledger.NOON + 360)
    assert len([line for line in text.splitlines() if line.startswith("minectl_mode{")]) == 3


def test_a_mode_that_is_over_ends_with_the_tick_that_says_so(paths):
    """A series that only stops goes on for five minutes in Prometheus: two modes at once after every change."""
    with sqlite3.connect(paths.db) as db:
        at = "timestamp = strftime('%Y-%m-%dT%H:%M:%SZ', ?, 'unixepoch')"
        for tick, mode in ((4, "CURTAILING"), (5, "CURTAILED"), (6, "CURTAILED")):
            db.execute(f"UPDATE mine_states SET mode = ? WHERE {at}", (mode, ledger.NOON + 120 * tick))
    lines = [line for line in made(paths).splitlines() if line.startswith("minectl_mode{")]
    told = [(re.search('mode="(.*?)"', line)[1], *map(int, line.split()[-2:])) for line in lines]
    ended = [(mode, (at_s - ledger.NOON) // 120) for mode, value, at_s in told if not value]
    first = told[0][0]
    assert ended == [(first, 4), ("CURTAILING", 5), ("CURTAILED", 7)]
    assert [mode for mode, value, _ in told if value] == [first] * 4 + ["CURTAILING", "CURTAILED", "CURTAILED", first]


@pytest.mark.peer
@NEEDS_PROMTOOL
def test_the_command_that_the_guide_gives_makes_few_blocks_of_years(tmp_path):
    """By itself promtool makes a block of every two hours, and reads the whole file for each: hours for one year."""
    (told,) = re.findall(r"^    (promtool tsdb create-blocks-from .*)$", GUIDE.read_text("utf-8"), re.MULTILINE)
    samples = [f"minectl_live 1 {ledger.NOON + 3600 * at}" for at in range(90 * 24)]
    (tmp_path / "years.om").write_text("\n".join(["# TYPE minectl_live gauge", *samples, "# EOF", ""]))
    command = [*shlex.split(told)[:-1], str(tmp_path / "blocks")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    assert 2 <= len([one for one in (tmp_path / "blocks").iterdir() if one.is_dir()]) <= 10


@pytest.mark.peer
@NEEDS_PROMTOOL
def test_prometheus_takes_the_history_and_gives_it_back(paths, tmp_path):
    (tmp_path / "years.om").write_text(made(paths))
    blocks = tmp_path / "blocks"
    make = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(tmp_path / "years.om"), str(blocks)]
    done = subprocess.run(make, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    (blocks / "wal").mkdir()  # a running Prometheus has one; dump wants it
    back = subprocess.run(["promtool", "tsdb", "dump", str(blocks)], capture_output=True, text=True, check=False)
    assert back.returncode == 0, back.stderr
    found = [line for line in back.stdout.splitlines() if '__name__="minectl_miners_configured"' in line]
    assert len(found) == 8
    assert found[0].endswith(f" 4 {ledger.NOON * 1000}")


def test_it_uses_the_names_the_metrics_have():
    """So the same panels show both; docs/monitoring.md lists them, and tests hold that list."""
    names = {family.name for family in openmetrics.FAMILIES}
    assert {"site_power_watts", "power_cap_watts", "temperature_celsius", "miners_hashing", "mode"} <= names
