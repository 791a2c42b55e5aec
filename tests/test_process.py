"""`minectl tick` as a process: exit codes, the lock, the dry run that touches nothing, signals, a broken config."""

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from mine_controller.config.load import load
from mine_controller.play import demo
from mine_controller.store import query
from mine_controller.store.lock import TickLock
from mine_controller.twin import coop

MINECTL = str(Path(sys.executable).parent / "minectl")


def minectl(*args: str, folder: Path, timeout: float = 60) -> subprocess.CompletedProcess:
    return subprocess.run(
        [MINECTL, *args, "--config", str(folder / "config.txt")],
        capture_output=True, text=True, timeout=timeout, check=False,
    )  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    """A site of eight miners whose devices are all shut ports: every reading fails fast."""
    site = coop.build(1, miners=8, pdus=1, extras=False)
    site.place({name: closed_port() for name in site.served})
    demo.write_config(tmp_path, site)
    return tmp_path


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def fingerprint(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): f"{path.stat().st_mtime_ns} {hashlib.sha256(path.read_bytes()).hexdigest()}"
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_template_of_the_owner_that_fails_costs_the_page_and_nothing_else(folder):
    (folder / "templates").mkdir()
    (folder / "templates" / "index.html").write_text("{{ nonsense.more }}")
    for _ in range(2):
        done = minectl("tick", folder=folder)
        assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    log = (folder / "mine.log").read_text()
    assert "drawing the page failed: UndefinedError" in log
    assert "index.html:1" in log
    assert "died" not in log  # the second tick found the first one closed


def test_a_tick_with_every_device_dead_exits_0_and_says_why_everything_is_unknown(folder):
    done = minectl("tick", "--json", folder=folder)
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)
    assert plan["plan"]["measured_w"] is None
    assert all(one["value"] is None and one["why"] for one in plan["inputs"])
    assert "Traceback" not in done.stderr


def test_db6_a_data_folder_that_can_not_be_had_leaves_control(folder):
    """Its partition is not mounted: nothing there can be made, not even the lock."""
    config = folder / "config.txt"
    config.write_text(config.read_text().replace("[site]\n", "[site]\ndata_dir = blocked/data\nrun_dir = run\n", 1))
    (folder / "blocked").write_text("a file where a folder should be")
    done = minectl("tick", "--json", folder=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["plan"]
    assert "database" in (folder / "mine.log").read_text()


def test_a_dry_run_changes_no_byte_and_makes_no_file(folder):
    minectl("tick", folder=folder)
    before = fingerprint(folder)
    done = minectl("tick", "--dry-run", "--all", folder=folder)
    assert done.returncode == 0, done.stderr
    assert "Inputs:" in done.stdout
    assert fingerprint(folder) == before


def test_a_dry_run_before_any_tick_makes_nothing_either(folder):
    before = fingerprint(folder)
    assert minectl("tick", "--dry-run", "--json", folder=folder).returncode == 0
    assert fingerprint(folder) == before


def test_pro1_a_second_tick_exits_75_at_once_and_adds_one_line_to_the_count(folder):
    minectl("tick", folder=folder)
    count = folder / "minectl.lock.skipped"
    with TickLock(folder / "minectl.lock"):
        before = fingerprint(folder)
        for lines in (1, 2):
            began = time.monotonic()
            done = minectl("tick", folder=folder)
            assert done.returncode == 75
            assert time.monotonic() - began < 5
            assert "another tick" in done.stderr
            assert len(count.read_bytes().splitlines()) == lines
        count.unlink()
        assert fingerprint(folder) == before


def test_pro1_a_skipped_tick_that_can_not_be_counted_exits_75_all_the_same(folder):
    minectl("tick", folder=folder)
    (folder / "minectl.lock.skipped").mkdir()  # as good as a disk that takes nothing, also for root
    with TickLock(folder / "minectl.lock"):
        done = minectl("tick", folder=folder)
    assert (done.returncode, "Traceback" in done.stderr) == (75, False)
    assert minectl("tick", folder=folder).returncode == 0
    assert json.loads((folder / "www/status.json").read_text())["ticks_skipped"]["in_a_row"] is None


def test_pro1_three_ticks_in_a_row_that_found_the_lock_taken_are_an_alarm_a_letter_and_a_figure(folder):
    """As a watchdog leaves it that booted a controller whose tick hung: the record replays to the same alarm."""
    lines = "".join(f"{9_000_000 + 120 * n}\n" for n in range(3))
    (folder / "minectl.lock.skipped").write_text(lines)
    assert minectl("tick", folder=folder).returncode == 0
    made = json.loads((folder / "www/status.json").read_text())
    assert made["ticks_skipped"] == {"in_a_row": 3, "since_start": 3}
    [alarm] = [one for one in made["alarms"] if one["kind"] == "ticks_skipped"]
    assert (alarm["severity"], alarm["text"]) == (
        "warning",
        "3 ticks in a row could not begin: another process held the lock",
    )
    assert "minectl_ticks_skipped 3\n" in (folder / "www/metrics").read_text()
    bodies = [json.loads(one.body) for one in query.letters(load(folder / "config.txt").paths)]
    assert "ticks_skipped" in [body["kind"] for body in bodies]
    replayed = json.loads(minectl("replay", "--json", folder=folder).stdout)
    assert replayed["rounds"] >= 1
    assert (replayed["differ"], replayed["skipped"]) == (0, [])
    assert minectl("tick", folder=folder).returncode == 0
    made = json.loads((folder / "www/status.json").read_text())
    assert made["ticks_skipped"] == {"in_a_row": 0, "since_start": 3}, "and none is counted twice"
    assert not (folder / "minectl.lock.skipped").exists()


def test_cfg1_a_config_with_ten_faults_lists_ten_faults_and_exits_2(tmp_path):
    (tmp_path / "config.txt").write_text(
        "[site]\nname = x\ntick_s = fast\npower_cap_kw = 1_000\nlive = maybe\ntimezone = Mars/Base\ncolour = red\n"
        "[temperature]\nwarn_c = 95\nwarn_c = 30\n[roomalart intake]\nurl = http://127.0.0.1\n[signal]\ngrace_s = nan\n"
        "[wiring]\ninlet_c = nothing here/1\n",
        encoding="utf-8",
    )
    done = minectl("tick", folder=tmp_path)
    assert done.returncode == 2
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(lines) >= 10
    assert all("config.txt" in line for line in lines)
    assert not (tmp_path / "mine_data.db").exists()


def test_cfg1_a_config_broken_later_runs_on_the_last_good_one(folder):
    assert minectl("tick", folder=folder).returncode == 0
    with (folder / "config.txt").open("a", encoding="utf-8") as file:
        file.write("nonsense = 1\n")
    done = minectl("tick", "--json", folder=folder)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["inputs"]


def test_cfg1_a_folder_in_place_of_the_config_is_a_broken_config_and_no_mistyped_word(folder):
    """What a copy by hand can leave there. A config.txt that was gone was minded, and this ended every tick."""
    assert minectl("tick", folder=folder).returncode == 0
    (folder / "config.txt").unlink()
    (folder / "config.txt").mkdir()
    done = minectl("tick", folder=folder)
    assert done.returncode == 0, done.stderr
    assert "config_broken" in (folder / "mine.log").read_text()


def test_now_is_refused_on_a_live_site(folder):
    done = minectl("tick", "--now", "2026-07-15T14:00:00Z", folder=folder)
    assert done.returncode == 2
    assert "live" in done.stderr


def test_pro2_a_silent_device_does_not_hang_the_tick_and_sigterm_ends_it_with_70(folder):
    text = (folder / "config.txt").read_text(encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        lines = [f"url = http://127.0.0.1:{port}" if line.startswith("url = ") else line for line in text.splitlines()]
        (folder / "config.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
        process = subprocess.Popen([MINECTL, "tick", "--config", str(folder / "config.txt")])
        threading.Timer(1.5, lambda: os.kill(process.pid, signal.SIGTERM)).start()
        assert process.wait(timeout=40) == 70
    done = minectl("tick", "--dry-run", folder=folder)
    assert done.returncode == 0


def test_o20_of_many_ticks_started_at_once_one_acts_and_the_others_exit_75(folder):
    started = [
        subprocess.Popen([MINECTL, "tick", "--config", str(folder / "config.txt")], stderr=subprocess.DEVNULL)
        for _ in range(8)
    ]
    codes = [process.wait(timeout=60) for process in started]
    assert set(codes) <= {0, 75}
    assert 0 in codes


def test_version_and_help_name_every_command():
    done = subprocess.run([MINECTL, "--version"], capture_output=True, text=True, check=True)
    assert "minectl" in done.stdout
    helped = subprocess.run([MINECTL, "--help"], capture_output=True, text=True, check=True)
    for name in ("tick", "status", "explain", "set-state", "emergency-stop", "demo", "config"):
        assert name in helped.stdout
