"""The newest of everything that was pushed, in memory, and its mirror collect.db.

Memory is the truth and the file a copy of it: whatever befalls the file (deleted, damaged, disk full) the next write
makes it anew. It is a cache: nothing waits for the disk (`synchronous=OFF`), and after a reboot it is empty again. A
kill -9 costs the last second; a power cut what was pushed at all, which a boot invalidates anyway.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path

from mine_controller.record import NamedTuple
from mine_controller.wire.collected import SCHEMA, boot_id, boot_s

PULSE_S = 10.0
BUSY_S = 2.0
MOST = 4096  # rows of one section
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_PUT = "INSERT OR REPLACE INTO pushed VALUES (?,?,?,?,?,?,?,?,?)"


class _Key(NamedTuple):
    section: str
    source: str
    path: str
    retained: int


class _Row(NamedTuple):
    body: bytes
    cut: int
    note: str
    arrived_at: int
    arrived_boot_s: float


class Shelf:
    """`put` and `line` from any thread, `write` from one."""

    def __init__(self, file: Path, wanted: Mapping[str, frozenset[str]]) -> None:
        """`wanted`: the sources (topics, senders) of each section; nothing else is kept."""
        self._file, self._wanted = file, wanted
        self._lock = threading.Lock()
        self._boot_id, self._began_boot_s = boot_id(), boot_s()
        self._rows: dict[_Key, _Row] = self._kept()
        self._lines = dict.fromkeys(wanted, "not connected yet")
        self._dirty: set[_Key] = set()
        self._anew, self._lines_dirty = True, True
        self._pulse_s = -PULSE_S

    def put(
        self, section: str, source: str, body: bytes, *, retained: bool = False, cut: bool = False, note: str = "",
        paths: Sequence[str] = (),
    ) -> None:  # fmt: skip
        """One message that has just arrived. `paths`: the places in its JSON of which it is the newest word."""
        if source not in self._wanted.get(section, ()):
            return
        row = _Row(body, int(cut), note, int(time.time()), boot_s())
        with self._lock:
            for key in (_Key(section, source, path, int(retained)) for path in ("", *paths)):
                if key in self._rows or sum(one.section == section for one in self._rows) < MOST:
                    self._rows[key] = row
                    self._dirty.add(key)

    def line(self, section: str, why: str) -> bool:
        """How the way to the section's source stands, "" = it is heard; True when that is news."""
        with self._lock:
            news = self._lines.get(section) != why
            self._lines[section] = why
            self._lines_dirty = self._lines_dirty or news
        return news

    def write(self) -> bool:
        """What is new, and the pulse, in one transaction; False when there was nothing to write.

        Raises sqlite3.Error or OSError; then everything is written anew at the next call.
        """
        with self._lock:
            due = boot_s() - self._pulse_s >= PULSE_S
            if not (self._dirty or self._lines_dirty or self._anew or due):
                return False
            anew, self._anew, self._lines_dirty = self._anew, False, False
            rows = self._rows.copy() if anew else {key: self._rows[key] for key in self._dirty}
            lines = self._lines.copy()
            self._dirty.clear()
        try:
            self._commit(rows, lines, anew=anew)
        except BaseException as error:  # whatever it was goes on up; what was half written is written anew
            self._anew = True
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED:
                self._throw_away()
            raise
        return True

    def _commit(self, rows: Mapping[_Key, _Row], lines: Mapping[str, str], *, anew: bool) -> None:
        now_s = boot_s()
        with closing(sqlite3.connect(self._file, isolation_level=None, timeout=BUSY_S)) as db:
            db.execute("PRAGMA journal_mode = TRUNCATE")
            db.execute("PRAGMA synchronous = OFF")
            db.execute("BEGIN IMMEDIATE")
            if anew:
                _make(db)
            db.executemany(_PUT, [(*key, *row) for key, row in rows.items()])
            db.executemany("INSERT OR REPLACE INTO line VALUES (?,?)", lines.items())
            pulse = (1, self._boot_id, now_s, self._began_boot_s, int(time.time()), os.getpid())
            db.execute("INSERT OR REPLACE INTO pulse VALUES (?,?,?,?,?,?)", pulse)
            db.execute("COMMIT")
        self._pulse_s = now_s

    def _throw_away(self) -> None:
        for path in (self._file, self._file.with_name(f"{self._file.name}-journal")):
            with suppress(OSError):  # what can't be deleted fails again at the next write, which is told
                path.unlink()

    def _kept(self) -> dict[_Key, _Row]:
        """What an earlier process of this boot left and is still wanted: its ages are as true as they were."""
        if not self._file.exists():
            return {}
        try:
            with closing(sqlite3.connect(self._file, timeout=BUSY_S)) as db:
                pulse = db.execute("SELECT boot_id FROM pulse").fetchone()
                if pulse is None or pulse[0] != self._boot_id:
                    return {}
                rows = db.execute(
                    "SELECT section, source, path, retained, body, cut, note, arrived_at, arrived_boot_s FROM pushed"
                ).fetchall()
        except sqlite3.Error:
            return {}  # as good as none: it is made anew
        kept = {_Key(*row[:4]): _Row(*row[4:]) for row in rows}
        return {key: row for key, row in kept.items() if key.source in self._wanted.get(key.section, ())}


def _make(db: sqlite3.Connection) -> None:
    for table in ("pushed", "line", "pulse"):
        db.execute(f"DROP TABLE IF EXISTS {table}")
    for statement in SCHEMA:
        db.execute(statement)
