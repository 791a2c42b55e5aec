"""From the row `state` to a Book: judged by its own hash, field by field, never taken on trust."""

import sqlite3
from collections.abc import Collection
from typing import Any

from mine_controller.core.freeze import published
from mine_controller.core.model.book import Book
from mine_controller.core.model.image import Image
from mine_controller.core.model.state import State
from mine_controller.record import NamedTuple
from mine_controller.store.codec import squeeze, unsqueeze
from mine_controller.store.db import Paths, StoreTrouble, iso
from mine_controller.store.history import COLUMNS
from mine_controller.store.inbox import answered_in, pending
from mine_controller.store.spill import Rows, Spilled, StateRow, read_spill
from mine_controller.store.state import clock_facts, of_fields, pack_image, pack_state, unpack_image, unpack_state

_CODE, _ENDED, _TIMESTAMP = COLUMNS.index("code"), COLUMNS.index("ended_at"), COLUMNS.index("timestamp")
_OF_ITS_STATE = ("records", "anchors", "names")  # what means nothing beside another state


class Loaded(NamedTuple):
    """Where the last tick left off, and what was wrong with it.

    trouble: sentences, empty when all is well · lost: the state is empty or from a copy, so this tick must adopt what
    it measures as after a boot · config_changed: the last tick ran on another config.
    """

    book: Book
    trouble: tuple[str, ...] = ()
    lost: bool = False
    config_changed: bool = False
    tick_at: int = 0


class Kept(NamedTuple):
    """The state row in force and what waits beside it. row None: nothing was ever saved.

    left: what the next commit takes out of a spill whose state is not the one in force; None: there is no such file ·
    code: the program that wrote the row, "" where nothing tells.
    """

    row: StateRow | None
    spilled: Spilled | None = None
    trouble: tuple[str, ...] = ()
    lost: bool = False
    ended: bool = True
    answered: frozenset[int] = frozenset()
    left: Rows | None = None
    code: str = ""


def pack_body(state: State, image: Image | None, config_sha: str) -> bytes:
    """Give the body of a state row; an anchor has the same."""
    tree = {"state": pack_state(state), "image": None if image is None else pack_image(image), "config": config_sha}
    return squeeze(tree, 0 if image is None else len(image.channels))


def unpack_body(body: bytes) -> tuple[State, Image | None, str, tuple[str, ...]]:
    """Give state, image, config hash and notes. Raises ValueError when it is no body."""
    tree = unsqueeze(body)
    if not isinstance(tree, dict):
        raise ValueError("unreadable state")  # noqa: TRY004 - the content is wrong, not the caller
    state, notes = unpack_state(tree.pop("state", None))  # what is read is let go: of thousands of miners it is much
    try:
        image = None if tree.get("image") is None else unpack_image(tree.pop("image"))
    except ValueError as error:
        return state, None, str(tree.get("config")), (*notes, f"{error}: nothing counts as seen")
    return state, image, str(tree.get("config")), notes


def at_most_s(db: sqlite3.Connection, plant_s: int) -> int:
    """Give the latest wall time it can be by the boot clock: that of the oldest anchor, and the plant time since; 0
    without one. No wall clock that is wrong, or kept by nobody, moves it."""
    found = db.execute("SELECT tick_at, body FROM anchors ORDER BY tick_at LIMIT 1").fetchone()
    if found is None:
        return 0
    try:
        facts = clock_facts(unpack_body(found[1])[0])
    except ValueError:
        return 0
    return 0 if facts is None else int(found[0]) + max(0, plant_s - facts.plant_s)


def read_row(db: sqlite3.Connection) -> StateRow | None:
    """Give the state row; None in a file that never had one. StoreTrouble("corrupt"): its hash does not fit it."""
    found = db.execute("SELECT version, seq, tick_at, round, hour_at, body, sha256 FROM state WHERE id = 1").fetchone()
    if found is None:
        if db.execute("SELECT 1 FROM mine_states LIMIT 1").fetchone() is not None:
            raise StoreTrouble("corrupt", "the database holds ticks and no state")
        return None
    row = _state_row(found[:-1])
    if row is None or row.digest() != found[-1]:
        raise StoreTrouble("corrupt", "the state in the database does not fit its own checksum")
    return row


def _state_row(found: tuple[Any, ...]) -> StateRow | None:
    numbers, body = found[:-1], found[-1]
    if not isinstance(body, bytes) or not all(type(value) is int for value in numbers):
        return None
    version, seq, tick_at, number, hour_at = numbers
    return StateRow(version, seq, tick_at, number, hour_at, body)


def read_kept(db: sqlite3.Connection | None, paths: Paths) -> Kept:
    """Give the newest state of database and spill. Raises sqlite3.Error and StoreTrouble for a damaged database."""
    row = None if db is None else read_row(db)
    answered: frozenset[int] = frozenset()
    if db is not None:
        answered = answered_in(db, paths)
    try:
        spilled = read_spill(paths.run)
    except StoreTrouble as trouble:
        return Kept(row, None, (trouble.text,), ended=_ended(db, row), answered=answered, left={}, code=_code(db, row))
    if spilled is None:
        return Kept(row, None, (), ended=_ended(db, row), answered=answered, code=_code(db, row))
    if db is not None and row is not None and spilled.state.seq <= row.seq:
        left = _left(db, spilled)
        answered |= {number for number, *_ in left.get("verdicts", [])}
        return Kept(row, None, (), ended=_ended(db, row), answered=answered, left=left, code=_code(db, row))
    if spilled.base > (row.seq if row else 0):  # channel names in its records are those of a database that is gone
        spilled = spilled._replace(rows={name: rows for name, rows in spilled.rows.items() if name != "records"})
    rows = spilled.rows.get("mine_states", [])
    answered |= {number for number, *_ in spilled.rows.get("verdicts", [])}
    ended, code = not rows or rows[-1][_ENDED] is not None, str(rows[-1][_CODE] or "") if rows else ""
    return Kept(spilled.state, spilled, (), ended=ended, answered=answered, code=code)


def _left(db: sqlite3.Connection, spilled: Spilled) -> Rows:
    """What a spill holds that no commit ever took along, though the database is ahead of it.

    A tick that could not read the database (another program held it) counted its commits from nothing, so its state is
    not the one to go on with; its letters, answers to people and events are nowhere else.
    """
    keys = [(row[_TIMESTAMP],) for row in spilled.rows.get("mine_states", [])]
    if all(db.execute("SELECT 1 FROM mine_states WHERE timestamp = ?", key).fetchone() for key in keys):
        return {}  # committed long ago: the file could not be removed then
    return {name: rows for name, rows in spilled.rows.items() if name not in _OF_ITS_STATE}


def _ended(db: sqlite3.Connection | None, row: StateRow | None) -> bool:
    """Whether the newest tick was closed."""
    if db is None or row is None:
        return True
    found = db.execute("SELECT ended_at FROM mine_states WHERE timestamp = ?", (iso(row.tick_at),)).fetchone()
    return found is None or found[0] is not None


def _code(db: sqlite3.Connection | None, row: StateRow | None) -> str:
    """Which program wrote the state."""
    if db is None or row is None:
        return ""
    found = db.execute("SELECT code FROM mine_states WHERE timestamp = ?", (iso(row.tick_at),)).fetchone()
    return str(found[0] or "") if found is not None else ""


def loaded(kept: Kept, paths: Paths, boot_id: str, config_sha: str) -> Loaded:
    """Make the Book. `boot_id` other than the state's: nothing counts as seen."""
    trouble, lost = list(kept.trouble), kept.lost
    state, image, config = State(), None, config_sha
    if kept.row is not None:
        try:
            state, image, config, notes = unpack_body(kept.row.body)
            trouble += notes
        except ValueError as error:
            trouble.append(f"{error}: begun anew")
            lost = True
    facts = clock_facts(state)
    if lost:
        state = state._replace(mode="INIT")
    if lost or facts is None:
        image = None
    elif facts.boot_id != boot_id and image is not None:
        kept_prices = published(image.channels)
        image = image._replace(channels=kept_prices, tickets={}) if kept_prices else None
    requests = _requests(paths, kept.answered, trouble)
    book = Book(state, image, requests, None, _died(kept))
    return Loaded(book, tuple(trouble), lost, config != config_sha, kept.row.tick_at if kept.row else 0)


def inherited(found: Loaded, code: str) -> tuple[Loaded, str]:
    """That the state of another program has other fields is no damage: a sentence of it, "" none, and no trouble."""
    fields = [text for text in found.trouble if of_fields(text)]
    if not fields:
        return found, ""
    left = found._replace(trouble=tuple(text for text in found.trouble if text not in fields))
    return left, f"taken over from version {code}, whose state has other fields: {'; '.join(fields)}"


def _requests(paths: Paths, answered: Collection[int], trouble: list[str]) -> tuple[Any, ...]:
    try:
        return pending(paths, answered)
    except StoreTrouble as error:
        trouble.append(f"requests can't be read: {error.text}")
        return ()


def _died(kept: Kept) -> str:
    if kept.ended or kept.row is None:
        return ""
    return f"tick of {iso(kept.row.tick_at)[11:16]} UTC died in round {kept.row.round}"
