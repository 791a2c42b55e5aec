import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from store import ledger
from store.test_store import SHA, shell

from mine_controller.store import query

WORKER = str(Path(__file__).with_name("worker.py"))


def start(paths, miners, ticks, how, *, around=()):
    command = [*around, sys.executable, WORKER, str(paths.db.parent), str(miners), str(ticks), how]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def read_until(child, lines):
    """The next `lines` lines of the child, as (word, tick_at) pairs."""
    said = [child.stdout.readline().split() for _ in range(lines)]
    return [(words[0], int(words[1])) for words in said if words]


def test_twenty_kills_lose_no_committed_event_and_leave_no_damage(paths):
    """DB4."""
    dice = random.Random(11)
    promised: set[int] = set()
    saved: set[int] = set()
    for _ in range(20):
        with start(paths, 12, 40, "act") as child:
            said = read_until(child, dice.randrange(1, 13))
            for _ in range(dice.randrange(4000)):  # a little later, somewhere between two lines
                pass
            child.kill()
            said += [(words[0], int(words[1])) for words in map(str.split, child.stdout.readlines()) if len(words) > 1]
        promised |= {at for word, at in said if word == "sent"}
        saved |= {at for word, at in said if word == "end"}
        assert query.last_book(paths, ledger.BOOT, SHA).trouble == ()
    assert saved
    assert shell(paths, "PRAGMA integrity_check") == [("ok",)]
    assert query.broken_event(paths) is None
    kept = {row.reason for row in query.events(paths, kind="test", limit=10_000)}
    for at in promised:
        assert {f'["test","told",[["at",{at}],["n",{n}]]]' for n in (0, 1)} <= kept
    assert len(kept) == len(query.events(paths, kind="test", limit=10_000))
    ended = {row.tick_at for row in query.ticks(paths, limit=10_000) if row.ended_at}
    assert saved <= ended
    for one in query.records(paths, 0, ledger.NOON * 2):
        assert len(one.commands) == 12


def test_a_quiet_tick_is_one_commit_and_stays_under_sixty_kilobytes_at_160_miners(paths):
    """DB7."""
    commits, kilobytes = measure(paths, 160, "quiet")
    assert commits == {1}
    assert max(kilobytes) <= 60


def test_a_quiet_tick_stays_under_eighty_kilobytes_at_280_miners(paths):
    commits, kilobytes = measure(paths, 280, "quiet")
    assert commits == {1}
    assert max(kilobytes) <= 80


def test_a_tick_that_stops_160_miners_is_two_commits_and_stays_well_under_300_kilobytes(paths):
    commits, kilobytes = measure(paths, 160, "act")
    assert commits == {2}
    assert max(kilobytes) <= 150


def measure(paths, miners, how):
    """Commits and kilobytes of ticks 8 to 20, when the file has its names and no hour ends."""
    with start(paths, miners, 20, how) as child:
        lines = [line.split() for line in child.stdout if line.startswith("end")]
    assert len(lines) == 20
    return {int(line[2]) for line in lines[8:]}, [int(line[3]) / 1000 for line in lines[8:]]


def test_a_quiet_tick_syncs_at_most_six_times(paths, tmp_path):
    """DB4, DB7."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    log = tmp_path / "calls.log"
    try:
        with start(
            paths, 20, 10, "quiet", around=("strace", "-e", "trace=fsync,fdatasync,sync_file_range", "-o", str(log))
        ) as child:
            if not [line for line in child.stdout if line.startswith("end")]:
                pytest.skip("strace may not trace here")
    finally:
        calls = len(re.findall("sync", log.read_text())) if log.exists() else 0
    # Ten ticks, the first of which also makes the file.
    assert 9 * 3 < calls <= 9 * 6 + 40
