"""The statements of a commit: which rows go where, and how a channel's name becomes a number."""

import sqlite3
from collections.abc import Callable
from typing import Any

from mine_controller.core.model.reason import Event, Reason
from mine_controller.store.codec import Code
from mine_controller.store.db import iso
from mine_controller.store.events import EventRow, add_events, event_row
from mine_controller.store.history import COLUMNS, add_telemetry
from mine_controller.store.outbox import add_messages
from mine_controller.store.spill import Rows, StateRow

NAMES_MOST = 50_000  # a device that invents channels does not fill the table; its names then stand in the records
NAME_LONGEST = 80

_INSERTS = {
    "configs": "INSERT OR IGNORE INTO configs (sha, at, policy) VALUES (?,?,?)",
    "names": "INSERT OR IGNORE INTO names (name) VALUES (?)",
    "records": "INSERT OR REPLACE INTO records (id, body) VALUES (?,?)",
    "commands": "INSERT OR REPLACE INTO commands (id, body, answers) VALUES (?,?,'{}')",
    "answers": "UPDATE commands SET answers = ? WHERE id = ?",
    "anchors": "INSERT OR REPLACE INTO anchors (tick_at, body) VALUES (?,?)",
    "mine_states": f"INSERT OR REPLACE INTO mine_states VALUES ({','.join('?' * len(COLUMNS))})",  # noqa: S608 - marks
    "verdicts": "INSERT OR IGNORE INTO verdicts (request, tick_at, verdict, why) VALUES (?,?,?,?)",
}
_WRITERS: dict[str, Callable[[sqlite3.Connection, list[tuple[Any, ...]]], None]] = {
    "telemetry": add_telemetry,
    "outbox": add_messages,
    "events": lambda db, rows: add_events(db, [EventRow(*row) for row in rows]),
}
_MISFITS = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError, OverflowError, UnicodeError)


def write_state(db: sqlite3.Connection, row: StateRow) -> None:
    """Write the state row with the hash over it, inside the caller's transaction."""
    db.execute("INSERT OR REPLACE INTO state VALUES (1,?,?,?,?,?,?,?)", (*row, row.digest()))


def write_rows(db: sqlite3.Connection, rows: Rows, *, careful: bool = False) -> None:
    """Write rows by table, inside the caller's transaction; `careful`: leave out what does not fit, and say so."""
    refused = 0
    for name, some in sorted(rows.items(), key=lambda one: one[0] == "answers"):  # behind the commands they belong to
        for part in [[row] for row in some] if careful else [some]:
            try:
                _write(db, name, part)
            except _MISFITS:
                if not careful:
                    raise
                refused += 1
    if refused:
        reason = Reason("store", "refused", (("rows", refused),))
        at = max((row[COLUMNS.index("tick_at")] for row in rows.get("mine_states", [])), default=0)
        add_events(db, [event_row(Event("database", "warning", "store", reason), at)])


def _write(db: sqlite3.Connection, name: str, rows: list[tuple[Any, ...]]) -> None:
    if not rows:
        return
    if name in _WRITERS:
        _WRITERS[name](db, rows)
    else:
        db.executemany(_INSERTS[name], rows)


def free_key(db: sqlite3.Connection | None, at: int) -> int:
    """Give the second that names a tick: its own, or the next free one when the wall clock has run over it before."""
    if db is None:
        return at
    try:
        while db.execute("SELECT 1 FROM mine_states WHERE timestamp = ?", (iso(at),)).fetchone():
            at += 1
    except sqlite3.Error:
        return at  # the commit that follows meets the same error and is the place that deals with it
    return at


class Names:
    """Channel names as numbers. A name counts once it is committed; until then records spell it out."""

    def __init__(self) -> None:
        self._known: dict[str, int] | None = None

    def forget(self) -> None:
        """Read them anew next time: names were added, or the database is another one."""
        self._known = None

    def coder(self, db: sqlite3.Connection | None, rows: Rows) -> Code:
        """Give the function that shortens; new names are put into `rows` to be committed beside the record."""
        known = self._read(db)
        fresh: set[str] = set()

        def code(name: str) -> int | str:
            if name in known:
                return known[name]
            if name not in fresh and len(name) <= NAME_LONGEST and name.isascii() and len(known) < NAMES_MOST:
                fresh.add(name)
                rows.setdefault("names", []).append((name,))
            return name

        return code

    def _read(self, db: sqlite3.Connection | None) -> dict[str, int]:
        if self._known is None:
            try:
                self._known = {} if db is None else {name: number for number, name in db.execute("SELECT * FROM names")}
            except sqlite3.Error:
                return {}  # names are spelled out; the commit that follows deals with the error
        return self._known
