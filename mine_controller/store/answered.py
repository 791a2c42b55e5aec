"""Requests whose answers are lost: inbox.db outlives mine_data.db, and the answers stand in the latter.

After a reset, a restore, a damaged or unreadable database nobody would seem to have been answered since the copy, or
ever. What sets a level (an override, a quarantine) is taken again in the order it was asked: so it comes back. What is
done once (a restart, a resume after smoke, an ack) is not done a second time weeks later: who still wants it asks anew.
"""

import sqlite3
from collections.abc import Collection
from contextlib import suppress

from mine_controller.core.model.image import Request
from mine_controller.store.db import Paths, StoreTrouble, reading
from mine_controller.store.inbox import answered_in, pending

# Levels, and rows that are in the log alone. Every other verb counts as done once.
AGAIN = frozenset({"set-state", "clear-state", "quarantine", "config", "emergency-stop", "tick", "denied"})
FRESH_S = 300  # asked so short ago that it is what brought this tick about
LOST = "whether it was done is not known, because the database with the answer is gone: ask again if it is still wanted"
SET_ASIDE = "the history was set aside since: ask again if it is still wanted"


def waiting(paths: Paths) -> tuple[Request, ...]:
    """Give what no tick has answered yet, oldest first, for show. Raises StoreTrouble."""
    if not paths.db.exists():
        return pending(paths)
    with reading(paths.db) as db:
        known = answered_in(db, paths)
    return pending(paths, known)


def asked_before(paths: Paths) -> tuple[Request, ...]:
    """Give the same for whoever means to ask for more: nothing of a damaged file, from which no tick takes anything and
    which the next request puts aside. Raises StoreTrouble for one that can't be read now.
    """
    try:
        return waiting(paths)
    except StoreTrouble as trouble:
        if trouble.kind != "corrupt":
            raise
        return ()


def done_once(paths: Paths, answered: Collection[int], wall_s: int) -> tuple[Request, ...]:
    """Give the requests without a known answer that are not to be taken any more. Nothing is raised."""
    return tuple(one for one in _waiting(paths, answered) if one.verb not in AGAIN and not _fresh(one, wall_s))


def answer_lost(db: sqlite3.Connection, paths: Paths, wall_s: int) -> None:
    """Refuse those in a database that was begun from a copy or from nothing, inside the caller's transaction."""
    _refuse(db, done_once(paths, answered_in(db, paths), wall_s), wall_s, LOST)


def answer_all(db: sqlite3.Connection, paths: Paths, wall_s: int) -> None:
    """Refuse every request that was ever filed, inside the caller's transaction: for a history begun on purpose."""
    _refuse(db, _waiting(paths, ()), wall_s, SET_ASIDE)


def _waiting(paths: Paths, answered: Collection[int]) -> tuple[Request, ...]:
    with suppress(StoreTrouble):  # an inbox that can't be read gives no request to the tick either
        return pending(paths, answered)
    return ()


def _fresh(request: Request, wall_s: int) -> bool:
    return wall_s - request.at <= FRESH_S


def _refuse(db: sqlite3.Connection, requests: Collection[Request], wall_s: int, why: str) -> None:
    db.executemany(
        "INSERT OR IGNORE INTO verdicts (request, tick_at, verdict, why) VALUES (?,?,?,?)",
        [(one.id, wall_s, "refused", why) for one in requests],
    )
