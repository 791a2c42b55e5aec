"""The way back from a copy by a person's order: the old database set aside, the copy in force, the next tick in INIT.

What the newest whole copy lacks of what control needs (starts of miners, verdicts, open messages, the state itself) is
taken from the newest copy of all: history is then as old as the whole copy, wear books at most an hour.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from mine_controller.core.model.reason import Event, Reason
from mine_controller.core.model.state import VERSION, State
from mine_controller.record import NamedTuple
from mine_controller.store.answered import answer_all, answer_lost
from mine_controller.store.ballast import ensure as ensure_ballast
from mine_controller.store.copies import (
    copies_in,
    draft_anew,
    free_name,
    kept_files,
    seq_of,
    settle,
    stamp,
    start_afresh,
)
from mine_controller.store.db import (
    Paths,
    StoreError,
    StoreTrouble,
    connect,
    copy_bytes,
    journal_of,
    plain,
    reading,
    transaction,
    trouble_of,
)
from mine_controller.store.events import add_events, event_row
from mine_controller.store.loading import Loaded, pack_body, read_row, unpack_body
from mine_controller.store.migrations import STEPS, migrate, refuse_newer, schema_of
from mine_controller.store.note import NOBODY, Who
from mine_controller.store.spill import StateRow, clear_spill, read_spill
from mine_controller.store.writing import write_state

COUNTED = ("mine_states", "events", "hours", "stats", "records", "anchors", "telemetry", "miners", "outbox")
_KEYS = {"mine_states": "timestamp", "stats": "timestamp, miner_id", "miners": "id"}  # of those without a rowid
PIECE = 5000  # rows counted at a time
_NEWER = ("miners", "configs", "fleets", "names", "outbox", "verdicts")
WHOLE_TICKS = 2  # a copy with more rows of ticks than an hourly one ever has holds the history
INSTRUCTIONS = 200_000  # of SQLite's, between two looks at whether a long check is to end


class Judged(NamedTuple):
    """One copy, opened. `why` "": it can be trusted. `whole`: it holds the history; `names`: files that lie in it."""

    path: Path
    size: int = 0
    seq: int = 0
    tick_at: int = 0
    whole: bool = False
    names: tuple[str, ...] = ()
    counts: tuple[tuple[str, int], ...] = ()
    why: str = ""


class PutBack(NamedTuple):
    """What a restore did. `aside`: where the old database lies now; `files`: what lay in the copy beside it."""

    copy: Judged
    aside: Path | None
    newer: Path | None
    files: dict[str, bytes]


def judge(path: Path, *, check: bool = True, count: bool = False, ended: Callable[[], bool] = lambda: False) -> Judged:
    """Open a copy and look at all of it: `quick_check` (unless `check` is off), schema, the state's checksum, files.

    `ended` is asked now and then during a long check; True gives up. Raises nothing: `why` says what is wrong.
    """
    try:
        size = path.stat().st_size
        with reading(path) as db:
            refuse_newer(schema_of(db), STEPS)
            if check:
                _check(db, ended)
            row = read_row(db)
            if row is None:
                return Judged(path, size, why="it holds no state")
            unpack_body(row.body)
            ticks = len(db.execute("SELECT 1 FROM mine_states LIMIT ?", (WHOLE_TICKS,)).fetchall())
            counts = tuple((name, _count(db, name)) for name in COUNTED) if count else ()
        names = tuple(sorted(kept_files(path)))
        return Judged(path, size, row.seq, row.tick_at, ticks >= WHOLE_TICKS, names, counts)
    except (StoreTrouble, StoreError, ValueError, OSError, sqlite3.Error) as trouble:
        return Judged(path, why=plain(getattr(trouble, "text", "") or str(trouble) or "unreadable", 200))


def _check(db: sqlite3.Connection, ended: Callable[[], bool]) -> None:
    db.set_progress_handler(lambda: int(ended()), INSTRUCTIONS)
    try:
        said = str(db.execute("PRAGMA quick_check(1)").fetchone()[0])
    finally:
        db.set_progress_handler(None, 0)
    if said != "ok":
        raise StoreTrouble("corrupt", f"quick_check says: {said[:120]}")


def _count(db: sqlite3.Connection, name: str) -> int:
    """In pieces, between any two of which a tick can save: one count of a year's records would read 300 MB."""
    key = _KEYS.get(name, "rowid")
    count, after = 0, tuple[Any, ...]()
    while True:
        rest = f"FROM {name}" + (f" WHERE ({key}) > ({','.join('?' * len(after))})" if after else "")
        last = db.execute(f"SELECT {key} {rest} ORDER BY {key} LIMIT 1 OFFSET {PIECE - 1}", after).fetchone()
        if last is None:
            left = db.execute(f"SELECT count(*) FROM (SELECT 1 {rest} LIMIT {PIECE})", after)  # noqa: S608 - the same
            return count + int(left.fetchone()[0])
        count, after = count + PIECE, tuple(last)


def all_copies(folder: Path) -> tuple[Judged, ...]:
    """Give every copy, the newest state first; those that can't be trusted last."""
    found = [judge(path, check=False) for path in copies_in(folder)]
    return tuple(sorted(found, key=lambda one: (not one.why, one.seq, one.whole, one.path.name), reverse=True))


def choose(folder: Path) -> tuple[Path, Path | None]:
    """Give the newest whole copy and, where there is a newer one, the copy whose control goes over it. StoreError."""
    good = [one for one in all_copies(folder) if not one.why]
    if not good:
        raise StoreError(f"there is no usable copy in {folder}; `minectl backup` makes one")
    whole = next((one for one in good if one.whole), good[0])
    return whole.path, good[0].path if good[0].seq > whole.seq else None


def restore(paths: Paths, copy: Path, wall_s: int, *, newer: Path | None = None, who: Who = NOBODY) -> PutBack:
    """Put a copy in force by a person's order, under the lock. `newer`: a copy whose control part goes over it.

    StoreError: the copy can't be trusted. StoreTrouble: a file can't be written or moved; nothing was changed then.
    """
    found = judge(copy)
    if found.why:
        raise StoreError(f"{copy} is no usable copy of a minectl database: {found.why}")
    files = kept_files(copy) | (kept_files(newer) if newer is not None else {})
    seq = 1 + max([found.seq, _waits(paths), *(_seq(path) for path in (paths.db, *copies_in(paths.backups)))])
    aside = free_name(paths.db, f"before-restore-{stamp(wall_s)}") if paths.db.exists() else None
    draft = paths.db.with_name(paths.db.name + ".restoring")
    try:
        # Made whole beside it first: a kill at any moment leaves the old database, or none and the copies.
        paths.db.parent.mkdir(parents=True, exist_ok=True)
        copy_bytes(copy, draft)
        _begin(draft, paths, newer, seq, _told(found, aside, who), wall_s)
        journal_of(draft).unlink(missing_ok=True)
        if aside is not None:
            _set_aside(paths.db, aside)
        clear_spill(paths.run)  # of the database that was: a kill behind the next line must not carry it into this one
        settle(draft, paths.db)
    except (sqlite3.Error, OSError, StoreTrouble, ValueError) as error:
        draft.unlink(missing_ok=True)
        journal_of(draft).unlink(missing_ok=True)
        if aside is not None and aside.exists():
            _set_aside(aside, paths.db)
        raise trouble_of(error) from error
    return PutBack(found, aside, newer, files)


def _seq(path: Path) -> int:
    return seq_of(path) or 0


def _waits(paths: Paths) -> int:
    """The `seq` of a state that waits in memory since a disk was full: one that can't be removed must be the older."""
    with suppress(StoreTrouble):  # damaged, it is ignored by every tick
        spilled = read_spill(paths.run)
        return spilled.state.seq if spilled is not None else 0
    return 0


def _set_aside(path: Path, aside: Path) -> None:
    path.rename(aside)
    # A journal left behind would be played into the next database of this name.
    if journal_of(path).exists():
        journal_of(path).rename(journal_of(aside))


def _told(found: Judged, aside: Path | None, who: Who) -> Event:
    numbers = (("copy", found.path.name), ("aside", aside.name if aside else "nothing"), *who.numbers)
    return Event("restored", "warning", "store", Reason("store", "restored", numbers))


def _begin(path: Path, paths: Paths, newer: Path | None, seq: int, event: Event, wall_s: int) -> None:
    """Make the copy a database to begin from: control of `newer`, nothing counts as seen, mode INIT, one event."""
    with closing(connect(path)) as db:
        migrate(db)
        if newer is not None:
            db.execute("ATTACH ? AS newer", (f"{newer.absolute().as_uri()}?mode=ro",))
        with transaction(db):
            if newer is not None:
                _overlay(db)
            row = read_row(db)
            if row is None:
                raise StoreTrouble("corrupt", "the copy holds no state")
            kept = _unseen(row, seq)
            write_state(db, kept)
            db.execute("INSERT OR REPLACE INTO anchors VALUES (?,?)", (kept.tick_at, kept.body))
            answer_lost(db, paths, wall_s)
            add_events(db, [event_row(event, wall_s)])


def _overlay(db: sqlite3.Connection) -> None:
    # What waited in the whole copy and no longer waits in the newer one was told since.
    db.execute("DELETE FROM main.outbox WHERE told_at IS NULL AND key NOT IN (SELECT key FROM newer.outbox)")
    for name in (*_NEWER, "state"):
        columns = ", ".join(_columns(db, "newer", name) & _columns(db, "main", name))
        db.execute(f"INSERT OR REPLACE INTO main.{name} ({columns}) SELECT {columns} FROM newer.{name}")  # noqa: S608 - columns of our own tables


def _columns(db: sqlite3.Connection, schema: str, table: str) -> set[str]:
    """Columns by name: one of both may be of an earlier program."""
    rows = db.execute("SELECT name FROM pragma_table_info(?, ?)", (table, schema)).fetchall()
    return {str(name) for (name,) in rows if str(name).isidentifier()}


def _unseen(row: StateRow, seq: int) -> StateRow:
    """The state as after a boot: what is measured next is adopted, timers go on from where they stood."""
    state, _image, config_sha, _notes = unpack_body(row.body)
    memory = {name: kept for name, kept in state.memory.items() if name != "boot"}
    state = state._replace(mode="INIT", memory=memory, last={**state.last, "boot_id": ""})
    return row._replace(seq=seq, body=pack_body(state, None, config_sha))


def begin_anew(paths: Paths, wall_s: int, kept: Loaded | None, who: Who) -> Path:
    """Put the whole history aside by a person's order, under the lock, and begin a database that says who did it.

    `kept`: the book whose wear (starts, hours, fans) is carried over; None: nothing is. Gives the folder in which the
    old files lie. The new one is whole before anything is moved: a full disk leaves all as it was.
    Raises StoreTrouble.
    """
    aside = paths.db.with_name(f"aside-{stamp(wall_s)}")
    numbers = (("aside", aside.name), ("wear", "kept" if kept is not None else "begun anew"), *who.numbers)
    event = Event("reset", "warning", "store", Reason("store", "reset", numbers))

    def begun(db: sqlite3.Connection) -> None:
        if kept is not None:
            write_state(db, _worn(kept, wall_s))
        answer_all(db, paths, wall_s)
        add_events(db, [event_row(event, wall_s)])

    try:
        start_afresh(paths, aside, draft_anew(paths.db, begun))
    except (sqlite3.Error, OSError) as error:
        raise trouble_of(error) from error
    ensure_ballast(paths.db)
    return aside


def _worn(kept: Loaded, wall_s: int) -> StateRow:
    """A state that knows nothing but how worn everything is, and the clocks that its moments count by."""
    was = kept.book.state
    last = {**was.last, "boot_id": ""}
    state = State(miners=was.miners, fans=was.fans, mode="INIT", last=last)
    return StateRow(VERSION, 1, kept.tick_at or wall_s, 0, 0, pack_body(state, None, ""))
