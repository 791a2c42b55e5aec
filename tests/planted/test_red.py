"""A law broken on purpose turns the suite red: three of them, each against the usual tests of its own room."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
THREE = {"signal_ignored": "test_signal.py", "fans_off_at_stop": "test_run_on.py", "heat_ignored": "test_heat.py"}


@pytest.mark.parametrize("bug", THREE)
def test_the_suite_turns_red(bug):
    """`MINECTL_PLANT=NAME pytest tests` does it by hand, with any of the planted bugs."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", f"core/{THREE[bug]}"]
    told = {**os.environ, "MINECTL_PLANT": bug}
    told.pop("PYTEST_XDIST_WORKER", None)
    done = subprocess.run(command, cwd=TESTS, env=told, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 1, done.stdout[-2000:] + done.stderr[-2000:]
    assert "stopping after 1 failures" in done.stdout
