"""Messages waiting to be told. A message is written in the transaction of its cause and stays until it is told.

What nobody could be told for three days, or more than 5 MB of it, is dropped: information first, then the oldest
warnings, never an emergency; and a line that says how many were dropped is told in their place.
"""

import json
import sqlite3
from collections.abc import Iterable

from mine_controller.record import NamedTuple

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
OLDEST_S = 72 * 3600
MOST_BYTES = 5_000_000
FIRST_YEAR = 1_577_836_800  # a clock before 2020 is not set: nothing is too old by it


# When the oldest open information happened, or earlier: due_at moves on with every try, and `at` may be damaged.
_OLDEST_INFO = """SELECT min(CASE WHEN json_valid(body) THEN coalesce(CAST(json_extract(body, '$.at') AS INT), due_at)
    ELSE due_at END) FROM outbox WHERE told_at IS NULL AND level = ?"""
_INSERT = "INSERT OR IGNORE INTO outbox (key, level, body, due_at) VALUES (?,?,?,?)"


def add_messages(db: sqlite3.Connection, messages: Iterable[tuple[str, int, str, int]]) -> None:
    """Put messages in, inside the caller's transaction; a key that is there already is told already or waits."""
    rows = list(messages)
    db.executemany(_INSERT, rows)
    if rows:
        cap(db, max(row[3] for row in rows))


def cap(db: sqlite3.Connection, now_s: int, oldest_s: int = OLDEST_S, most: int = MOST_BYTES) -> int:
    """Drop what is too old or too much, inside the caller's transaction; gives how many, and leaves a line saying so.

    `now_s` is wall time. The order: information, then warnings, each the oldest first; emergencies stay.
    """
    total, count = db.execute("SELECT total(length(body)), count(*) FROM outbox WHERE told_at IS NULL").fetchone()
    old_s = now_s - oldest_s if now_s > FIRST_YEAR else 0
    first = db.execute(_OLDEST_INFO, (INFO,)).fetchone()[0]
    if not count or (total <= most and (first is None or first >= old_s)):
        return 0
    rows = db.execute(
        "SELECT id, level, length(body), due_at, body FROM outbox WHERE told_at IS NULL AND level < ?"
        " AND key NOT LIKE 'dropped.%' ORDER BY level, id",
        (EMERGENCY,),
    ).fetchall()
    dropped: dict[int, list[int]] = {INFO: [], WARNING: []}
    for number, level, size, due_at, body in rows:
        if total > most or (level == INFO and _said_at(body, due_at) < old_s):
            dropped[level].append(number)
            total -= size
    gone = dropped[INFO] + dropped[WARNING]
    db.executemany("DELETE FROM outbox WHERE id = ?", ((number,) for number in gone))
    if gone:
        _tell_dropped(db, now_s, len(dropped[INFO]), len(dropped[WARNING]))
    return len(gone)


def _said_at(body: str, due_at: int) -> int:
    """When it happened: due_at moves on with every try."""
    try:
        at = json.loads(body).get("at", "")
    except (ValueError, AttributeError):
        return due_at
    return int(at) if isinstance(at, str) and at.isascii() and at.isdecimal() and len(at) <= 11 else due_at


def _tell_dropped(db: sqlite3.Connection, now_s: int, infos: int, warnings: int) -> None:
    """One line that grows while it waits: how many were dropped in all."""
    found = db.execute("SELECT id, body FROM outbox WHERE told_at IS NULL AND key LIKE 'dropped.%'").fetchone()
    was = json.loads(found[1]) if found else {}
    infos, warnings = infos + int(was.get("infos", 0)), warnings + int(was.get("warnings", 0))
    body = {
        "kind": "dropped",
        "severity": "warning",
        "about": "messages",
        "at": str(now_s),
        "text": f"while nobody could be told, {infos} pieces of information and {warnings} warnings were dropped; "
        "`minectl events` has them all",
        "infos": infos,
        "warnings": warnings,
    }
    if found:
        db.execute("UPDATE outbox SET body = ? WHERE id = ?", (json.dumps(body), found[0]))
    else:
        db.execute(_INSERT, (f"dropped.{now_s}", WARNING, json.dumps(body), now_s))


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
