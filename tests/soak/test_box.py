"""A soak keeps to its minutes, and says which seed repeats it."""

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
ENDLESS = """
import os, time, pytest

@pytest.mark.soak
@pytest.mark.parametrize("at", range(6))
def test_endless(at):
    while True:
        time.sleep(0.01)

@pytest.mark.soak
def test_broken():
    assert os.environ["MINECTL_SOAK_SEED"] == "nothing"

def test_usual():
    assert True
"""


def soak(folder, *flags, **env):
    (folder / "test_endless.py").write_text(ENDLESS, "utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "conftest",
        "-p",
        "no:cacheprovider",
        "-o",
        "markers=soak",
        "-q",
        "-rs",
    ]
    told = {**os.environ, "PYTHONPATH": str(TESTS), **env}
    told.pop("PYTEST_XDIST_WORKER", None)
    done = subprocess.run(
        [*command, *flags, str(folder)], cwd=folder, env=told, capture_output=True, text=True, check=False, timeout=60
    )
    return done.stdout


def test_what_would_last_for_ever_ends_with_its_share_and_what_breaks_still_breaks(tmp_path):
    said = soak(tmp_path, MINECTL_SOAK_MINUTES="0.02")
    assert "soak of 0.02 minutes; MINECTL_SOAK_SEED=" in said
    assert "unbroken for 0 s, then time was up" in said
    assert "the 0.02 minutes are over" in said
    assert "1 failed, 1 passed, 6 skipped" in said or "1 passed, 7 skipped" in said


def test_a_named_seed_is_the_one_that_is_used(tmp_path):
    said = soak(tmp_path, "-k", "broken", MINECTL_SOAK_MINUTES="5", MINECTL_SOAK_SEED="nothing")
    assert "MINECTL_SOAK_SEED=nothing repeats it" in said
    assert "1 passed" in said
