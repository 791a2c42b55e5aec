"""Copies by hand and prune: in the pauses between ticks, in bites, and never an event."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from cli.place import Place

from mine_controller.ops import keep
from mine_controller.ports.clock import Sources
from mine_controller.store import query
from mine_controller.store.db import StoreError, iso
from mine_controller.store.lock import Busy, TickLock
from mine_controller.store.note import Who

DAY_S = 86_400


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def no_progress(_done, _total):
    """Nobody looks."""


def old_rows(place, days, count):
    """Rows as a year would have left them."""
    first = place.wall - days * DAY_S
    with closing(sqlite3.connect(place.config.paths.db)) as db, db:
        for n in range(count):
            at = first + n * 120
            db.execute("INSERT INTO records VALUES (?, zeroblob(900))", (at * 64,))
            db.execute("INSERT INTO anchors VALUES (?, x'00')", (at,))
            db.execute("INSERT INTO stats (miner_id, timestamp) VALUES ('m001', ?)", (iso(at),))
            db.execute("INSERT INTO mine_states (timestamp, tick_at, rounds) VALUES (?,?,1)", (iso(at), at))


def look(place, days=None):
    return {one.table: one.rows for one in keep.look(place.config, days, place.wall).old}


def test_a_copy_by_hand_is_opened_and_has_the_lists_of_the_owner(place, tmp_path):
    seen = []
    (tmp_path / "usb").mkdir()
    made = keep.by_hand(place.ticks(2).config, tmp_path / "usb", place.wall, lambda *at: seen.append(at))
    assert (made.why, made.whole, made.names) == ("", True, ("config.txt", "fleet.csv"))
    assert dict(made.counts)["mine_states"] == 2
    assert seen[-1][0] == seen[-1][1]
    assert made.path.stat().st_mode & 0o007 == 0


def test_what_a_killed_copy_left_goes_with_a_later_one_and_what_is_copied_now_stays(place):
    """By the time in its name no later copy overwrote it: it held the room of a whole database for ever."""
    folder = place.config.paths.backups
    place.ticks(2)
    folder.mkdir(exist_ok=True)
    for name, age_s in (("by-hand-20260301T120000Z.db.draft", 90_000), ("by-hand-20260302T120000Z.db.draft", 3600)):
        (folder / name).write_bytes(b"half")
        os.utime(folder / name, (place.wall - age_s, place.wall - age_s))
    keep.by_hand(place.config, None, place.wall, no_progress)
    assert [path.name for path in folder.glob("*.draft")] == ["by-hand-20260302T120000Z.db.draft"]


def test_before_the_first_tick_there_is_nothing_to_copy(place):
    with pytest.raises(StoreError, match="no database yet"):
        keep.by_hand(place.config, None, 5, no_progress)


def test_what_is_past_its_time_is_found_table_by_table(place):
    place.ticks(2)
    assert look(place) == {}
    old_rows(place, 401, 30)
    assert look(place) == {"records": 30, "anchors": 30, "stats": 30}
    assert look(place, 30) == {"records": 30, "anchors": 30, "stats": 30, "mine_states": 30}


def test_days_can_only_shorten_what_is_kept(place):
    place.ticks(1)
    old_rows(place, 95, 10)
    assert look(place, 4000) == {"stats": 10}


def test_a_clock_that_is_kept_is_believed_and_no_other(place, monkeypatch):
    place.ticks(3)
    last = query.last_book(place.config.paths).book.state.last
    kept = Sources(lambda: last["boot_s"] + 120.0, lambda: place.wall, lambda: last["boot_id"], lambda: True)
    for synced, ahead_s, least, most in ((True, 0, 0, 0), (False, 0, -3600, 0), (False, 3650 * DAY_S, -3600, 3600)):
        monkeypatch.setattr(keep, "REAL", kept._replace(synced=lambda told=synced: told))
        assert least <= keep.believed_s(place.config, place.wall + ahead_s) - place.wall <= most


def test_prune_takes_it_out_and_says_who_did(place):
    place.ticks(3)
    old_rows(place, 401, 1200)
    before = len(query.events(place.config.paths, limit=999))
    seen = []
    found = keep.look(place.config, 30, place.wall)
    done = keep.prune(
        place.config, found, Who("eve"), lambda *at: seen.append(at), clock=lambda: place.wall, pause=_no_wait
    )
    assert done == found.rows == 4 * 1200
    assert seen[-1] == (done, done)
    assert look(place, 30) == {}
    assert len(query.ticks(place.config.paths)) == 3
    (told, *rest) = query.events(place.config.paths, limit=999)
    assert (told.kind, told.actor, len(rest)) == ("pruned", "eve", before)
    assert query.broken_event(place.config.paths) is None


def _no_wait(_seconds):
    """Time stands still."""


def test_prune_keeps_clear_of_the_next_tick(place):
    """A tick that finds the lock taken never runs."""
    place.ticks(1)
    old_rows(place, 401, 10)
    waits, now = [], [query.ticks(place.config.paths)[0].tick_at + 115.0]

    def pause(seconds):
        waits.append(seconds)
        now[0] += seconds

    found = keep.look(place.config, None, place.wall)
    keep.prune(place.config, found, Who("eve"), no_progress, clock=lambda: now[0], pause=pause)
    assert waits[0] == pytest.approx(5.0)


def test_the_pause_left_is_counted_from_the_last_tick(place):
    at = query.ticks(place.ticks(1).config.paths)[0].tick_at
    assert keep.pause_left_s(place.config, at + 30) == 90
    assert keep.pause_left_s(place.config, at + 150) == 90
    assert keep.pause_left_s(place.config, at + 5000) == 120  # the timer rests


def test_a_lock_that_is_never_free_ends_the_waiting(place, monkeypatch):
    monkeypatch.setattr(keep, "WAIT_S", -1.0)
    with TickLock(place.config.paths.lock), pytest.raises(Busy):
        keep.waited(place.config, _no_wait)


def test_a_lock_that_gets_free_is_taken_and_the_waiting_is_told_once(place):
    told = []
    held = TickLock(place.config.paths.lock)
    held.__enter__()
    waits = []

    def pause(seconds):
        waits.append(seconds)
        if len(waits) == 3:
            held.__exit__(None, None, None)

    keep.waited(place.config, pause, lambda: told.append(1)).__exit__(None, None, None)
    assert (len(waits), told) == (3, [1])


def test_vacuum_gives_the_room_back(place):
    place.ticks(1)
    old_rows(place, 401, 900)
    found = keep.look(place.config, 30, place.wall)
    keep.prune(place.config, found, Who("eve"), no_progress, clock=lambda: place.wall, pause=_no_wait)
    assert keep.look(place.config, None, place.wall).free > 500_000
    before, after = keep.vacuum(place.config, _no_wait)
    assert after < before - 500_000
    assert query.broken_event(place.config.paths) is None


def test_vacuum_needs_disk_and_no_memory(place):
    """The whole file stood in memory: of gigabytes a small board has none, and the kernel ends what it likes."""
    place.ticks(1)
    with closing(sqlite3.connect(place.config.paths.db)) as db, db:
        db.executemany("INSERT INTO records VALUES (?, zeroblob(1000000))", [(at,) for at in range(64)])
    lines = (
        "import re, sys; from pathlib import Path; from mine_controller.config.load import load",
        "from mine_controller.ops import keep; config = load(Path(sys.argv[1]))",
        "most = lambda: int(re.search('VmHWM:\\\\s*([0-9]+) kB', Path('/proc/self/status').read_text())[1]) // 1000",
        "before = most(); keep.vacuum(config); print(most() - before)",
    )
    line = [sys.executable, "-c", "\n".join(lines), str(place.path)]
    grown_mb = int(subprocess.run(line, capture_output=True, check=True, timeout=60).stdout)
    assert grown_mb < 32
