"""Death at every call through Ports and at random ones: nothing is lost or told under two ids (PRO3)."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

MORTAL = str(Path(__file__).with_name("mortal.py"))
PARTS = 2
TOLD = ("curtailed", "curtail_report", "signal_changed", "died")  # one event, one letter, in one transaction
CORRIDOR = {
    "lock", "load", "clock", "ask", "requests", "journal", "act", "wait", "save", "show", "tell", "post", "posted",
    "mark", "ping", "unlock",
}  # fmt: skip


def trials(folder, *what):
    command = [sys.executable, MORTAL, str(folder), *map(str, what)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def whole(trial):
    """The files are sound, everything that happened was told, and under one id."""
    assert (trial["sound"], trial["trouble"], trial["broken"]) == ("ok", [], None), trial
    assert (trial["open"], trial["lost"], trial["strange"]) == ([], [], []), trial
    letters = Counter(text.split()[1] for text in trial["letters"])
    events = Counter(text.split()[0] for text in trial["events"])
    assert {kind: letters[kind] for kind in TOLD} == {kind: events[kind] for kind in TOLD}, trial
    return Counter(trial["letters"])


@pytest.mark.parametrize("part", range(PARTS))
def test_a_kill_at_every_call_through_ports_loses_no_message_and_tells_none_under_two_ids(tmp_path, part):
    """DB4, PRO3."""
    reference, *killed = trials(tmp_path, "boundaries", part, PARTS)
    assert set(reference["calls"]) == CORRIDOR
    assert len(killed) == len(range(1 + part, len(reference["calls"]) + 1, PARTS))
    expected = whole(reference)
    assert reference["twice"] == 0
    for trial in killed:
        assert trial["died"]
        assert whole(trial) - Counter({"notice died tick": 1}) == expected, trial
        # Between the going out of a message and the note of it lies the one place where it goes out twice.
        assert bool(trial["twice"]) == (trial["name"] in ("posted", "mark")), trial
        assert trial["mode"] == reference["mode"]
        # A tick that died with commands on their way is told; one that died before or after them is no news.
        at, first = trial["at"], reference["calls"].index("act") + 1
        saved = reference["calls"].index("save") + 1
        assert ("notice died tick" in trial["letters"]) == (first <= at <= saved), trial


def test_sixty_kills_at_random_calls_of_a_life_leave_it_whole(tmp_path):
    """DB4, PRO3."""
    at_random(tmp_path, 60, 1)


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", range(2, 12))
def test_a_thousand_kills_in_ten_lives(tmp_path, seed):
    at_random(tmp_path, 100, seed)


def at_random(folder, kills, seed):
    (trial,) = trials(folder, "random", kills, seed)
    assert trial["kills"] == kills
    letters = whole(trial)
    assert letters["raise fan_fault fan 4"] == 1, "an alarm that stands is raised once, however often one dies"
    assert letters["notice curtailed site"] >= 1
    assert letters["notice signal_changed signal"] >= 2
