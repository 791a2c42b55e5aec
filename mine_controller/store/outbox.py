"""Messages waiting to be told. A message is written in the transaction of its cause and stays until it is told."""

import json
import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

INFO, WARNING, EMERGENCY = 0, 1, 2


class Message(NamedTuple):
    """To be told once. `key` names the occasion: a second message with the same key is dropped. `due_at` wall time."""

    key: str
    level: int
    body: str
    due_at: int


class Letter(NamedTuple):
    """A message in the outbox. `tries` is what the channels noted, oldest first; `told_at` None: still open."""

    id: int
    key: str
    level: int
    body: str
    due_at: int
    tries: tuple[dict[str, str | int], ...]
    told_at: int | None


class Mark(NamedTuple):
    """What came of a delivery: `note` is kept with the letter, `due_at` says when to try again, `told_at` ends it."""

    id: int
    note: dict[str, str | int]
    due_at: int
    told_at: int | None = None


_COLUMNS = "id, key, level, body, due_at, tries, told_at"
TRIES_KEPT = 40


def add_messages(db: sqlite3.Connection, messages: Iterable[tuple[str, int, str, int]]) -> None:
    """Put messages in, inside the caller's transaction; a key that is there already is told already or waits."""
    db.executemany("INSERT OR IGNORE INTO outbox (key, level, body, due_at) VALUES (?,?,?,?)", messages)


def due_letters(db: sqlite3.Connection, wall_s: int, most: int = 100) -> tuple[Letter, ...]:
    """Give the open letters whose time has come, the gravest first, then the oldest."""
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM outbox WHERE told_at IS NULL AND due_at <= ? ORDER BY level DESC, id LIMIT ?",  # noqa: S608 - a constant
        (wall_s, most),
    )
    return tuple(_letter(row) for row in rows.fetchall())


def all_letters(db: sqlite3.Connection, most: int = 100, *, waiting: bool = False) -> tuple[Letter, ...]:
    """Give the newest letters, newest first; `waiting`: only those not told yet."""
    where = "WHERE told_at IS NULL" if waiting else ""
    rows = db.execute(f"SELECT {_COLUMNS} FROM outbox {where} ORDER BY id DESC LIMIT ?", (most,))  # noqa: S608 - constants
    return tuple(_letter(row) for row in rows.fetchall())


def _letter(row: tuple[int, str, int, str, int, str, int | None]) -> Letter:
    number, key, level, body, due_at, tries, told_at = row
    return Letter(number, key, level, body, due_at, _tries(tries), told_at)


def _tries(written: str) -> tuple[dict[str, str | int], ...]:
    try:
        tries = json.loads(written)
    except ValueError:
        return ()  # a damaged note loses the note, not the message
    return tuple(tried for tried in tries if isinstance(tried, dict)) if isinstance(tries, list) else ()


def mark_letters(db: sqlite3.Connection, marks: Iterable[Mark]) -> None:
    """Note what came of deliveries, inside the caller's transaction."""
    for mark in marks:
        row = db.execute("SELECT tries FROM outbox WHERE id = ?", (mark.id,)).fetchone()
        if row is None:
            continue
        tries = json.dumps([*_tries(row[0]), mark.note][-TRIES_KEPT:], separators=(",", ":"))
        db.execute(
            "UPDATE outbox SET tries = ?, due_at = ?, told_at = coalesce(told_at, ?) WHERE id = ?",
            (tries, mark.due_at, mark.told_at, mark.id),
        )
