"""The units of systemd: what they forbid is nothing that the program needs."""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from caged import LIBRARY

from mine_controller.ports.clock import synced

ROOT = Path(__file__).resolve().parents[2]
WITH_TICKS = ("minectl.service", "minectl-serve.service")  # the second starts ticks within itself
MINECTL = "from mine_controller.cli.main import main; main()"
ASKS = "from mine_controller.ports.clock import synced; print(synced())"
SITE = """[site]
name = Caged
profile = home-fleet
timezone = UTC
live = no

[cgminer garage]
hosts = 127.0.0.7
nominal_w = 1320

[asic attic]
hosts = 127.0.0.9

[machine controller]

[wiring]

[end]
"""


def caged(unit: str, code: str, *words: object) -> subprocess.CompletedProcess[str]:
    """A piece of Python with what systemd leaves the processes of this unit."""
    command = [sys.executable, ROOT / "tests/caged.py", ROOT / "cron" / unit, sys.executable, "-c", code, *words]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def cage():
    """There is one on this machine, and it holds."""
    try:
        ctypes.CDLL(LIBRARY)
    except OSError:
        pytest.skip("libseccomp is not installed")
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    done = caged("minectl-collect.service", ASKS)  # it has no business with the clock
    assert done.returncode == -signal.SIGSYS, done.stderr


@pytest.mark.peer
@pytest.mark.parametrize("unit", WITH_TICKS)
def test_a_tick_comes_through_under_the_system_calls_that_its_unit_leaves_it(cage, tmp_path, unit):
    config = tmp_path / "config.txt"
    config.write_text(SITE)
    config.chmod(0o600)
    done = caged(unit, MINECTL, "tick", "--config", config)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "www/index.html").exists()


@pytest.mark.peer
@pytest.mark.parametrize("unit", WITH_TICKS)
def test_a_tick_sees_whether_its_clock_is_kept_right_under_its_unit(cage, unit):
    done = caged(unit, ASKS)
    assert done.stdout == f"{synced()}\n", done.stderr


@pytest.mark.parametrize("unit", WITH_TICKS)
def test_whoever_ticks_may_ask_the_kernel_for_its_clock(unit):
    """ProtectClock and @system-service leave out adjtimex, by which the clock is only read here; none may set it."""
    text = (ROOT / "cron" / unit).read_text()
    assert "\nProtectClock=" not in text
    assert "\nSystemCallFilter=@system-service adjtimex clock_adjtime clock_adjtime64\n" in text
    assert "\nCapabilityBoundingSet=\n" in text
