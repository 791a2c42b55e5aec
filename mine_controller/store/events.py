"""Events as rows that can't be changed unnoticed: each carries a hash over itself and the one before it."""

import hashlib
import json
import sqlite3
from collections.abc import Iterable
from typing import Any

from mine_controller.core.model.reason import Event
from mine_controller.core.wording.words import sentence
from mine_controller.record import NamedTuple
from mine_controller.store.codec import canonical, text
from mine_controller.store.db import iso, plain

ROOT = "0" * 64
_BY_ID = (
    "SELECT id, timestamp, kind, severity, about, text, actor, reason, chain FROM events WHERE id > ?"
    " ORDER BY id LIMIT ?"
)
_BEFORE_ALL = -(2**63)
PIECE = 2000  # rows read in one go: between two of them a tick can commit, however many years there are


class EventRow(NamedTuple):
    """An event as kept. `timestamp` is UTC; `reason` is JSON [rule, code, [[name, value], ...]]."""

    timestamp: str
    kind: str
    severity: str
    about: str
    text: str
    actor: str
    reason: str


def event_row(event: Event, at: int) -> EventRow:
    """Give an event as a row. The actor is the number "actor" of its reason, where a person stands behind it."""
    said = dict(event.reason.numbers).get("actor", "")
    return EventRow(
        iso(at),
        plain(event.kind, 40),
        plain(event.severity, 20),
        plain(event.about, 80),
        plain(sentence(event.reason)),
        plain(str(said), 60),
        text(event.reason),
    )


def numbers_of(reason: str) -> dict[str, Any]:
    """Give the numbers of a reason as kept by their names; none of a row that somebody changed by hand."""
    try:
        return {str(name): value for name, value in json.loads(reason)[2]}
    except (ValueError, TypeError, LookupError, RecursionError):
        return {}


def unpacked(reason: str) -> Any:
    """Give a reason as kept as data; one that somebody changed by hand as it stands, for whoever looks into that."""
    try:
        return json.loads(reason)
    except (ValueError, RecursionError):
        return reason


def link(chain: str, row: EventRow) -> str:
    """Give the hash of a row that follows a row with the hash `chain`."""
    return hashlib.sha256(chain.encode("ascii", "replace") + canonical(row)).hexdigest()


def add_events(db: sqlite3.Connection, rows: Iterable[EventRow]) -> None:
    """Append, inside the caller's transaction."""
    last = db.execute("SELECT chain FROM events ORDER BY id DESC LIMIT 1").fetchone()
    chain = str(last[0]) if last else ROOT
    for row in rows:
        chain = link(chain, row)
        db.execute(
            "INSERT INTO events (timestamp, kind, severity, about, text, actor, reason, chain)"
            " VALUES (?,?,?,?,?,?,?,?)",
            (*row, chain),
        )


class Chain(NamedTuple):
    """What following the hashes gave. `broken` None: it holds; `at` is the timestamp of the first row that does not."""

    rows: int
    last: str
    broken: int | None = None
    at: str = ""


def follow(db: sqlite3.Connection) -> Chain:
    """Follow the hashes from the oldest row to the newest."""
    broken = first_broken(db)
    rows = int(db.execute("SELECT count(*) FROM events").fetchone()[0])
    last = db.execute("SELECT chain FROM events ORDER BY id DESC LIMIT 1").fetchone()
    at = db.execute("SELECT timestamp FROM events WHERE id = ?", (broken,)).fetchone()
    return Chain(rows, str(last[0]) if last else "", broken, str(at[0]) if at else "")


def first_broken(db: sqlite3.Connection) -> int | None:
    """Give the id of the first event whose hash does not follow from the one before it; None: the chain holds.

    The oldest row has nothing before it to follow from (a restored copy begins with its last event).
    """
    chain, after = None, _BEFORE_ALL
    while rows := db.execute(_BY_ID, (after, PIECE)).fetchall():
        for number, *columns, held in rows:
            if chain is not None and link(chain, EventRow(*columns)) != held:
                return int(number)
            chain, after = str(held), int(number)
    return None
