"""Copies of the database: small ones each hour, whole ones on request, and the way back from them.

An hourly copy holds what control needs (state, open messages, verdicts, names, the last event) and not the history:
24 of them, each written over the one of a day ago, cost a card less than one whole copy.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from mine_controller.store.db import (
    Paths,
    StoreError,
    StoreTrouble,
    connect,
    copy_bytes,
    iso,
    journal_of,
    reading,
    transaction,
    trouble_of,
)
from mine_controller.store.loading import read_row
from mine_controller.store.migrations import STEPS, migrate, refuse_newer, schema_of
from mine_controller.store.spill import clear_spill
from mine_controller.store.stop import sync_folder

STEP_PAGES = 500  # a whole copy lets the writer in between pieces of 2 MB
CHECKED_MOST = 64 * 1024 * 1024  # a larger copy is judged by its state alone: a full check would take minutes
BAD_KEPT = 3
_WHOLE = ("state", "names", "verdicts", "miners", "configs", "fleets")
_PARTS = {
    "outbox": "WHERE told_at IS NULL",
    "events": "ORDER BY id DESC LIMIT 1",
    "mine_states": "ORDER BY timestamp DESC LIMIT 1",
}


def keep_hour(db: sqlite3.Connection, folder: Path, wall_s: int) -> Path:
    """Copy what control needs into the slot of this hour of the day. Raises sqlite3.Error, OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"hour-{wall_s // 3600 % 24:02d}.db"
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    with closing(sqlite3.connect(draft, isolation_level=None)) as copy:
        copy.execute("PRAGMA journal_mode=OFF")
        copy.execute("PRAGMA synchronous=OFF")
        migrate(copy)
        with transaction(copy):
            for name in (*_WHOLE, *_PARTS):
                _copy_table(db, copy, name, _PARTS.get(name, ""))
    _settle(draft, path)
    return path


def _copy_table(db: sqlite3.Connection, copy: sqlite3.Connection, name: str, part: str) -> None:
    rows = db.execute(f"SELECT * FROM {name} {part}")  # noqa: S608 - names of this file
    marks = ",".join("?" * len(rows.description))
    copy.executemany(f"INSERT INTO {name} VALUES ({marks})", rows)  # noqa: S608 - names of this file


def _settle(draft: Path, path: Path) -> None:
    """Bring a finished draft to the disk under its name."""
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(path)
    sync_folder(path.parent)


def back_up(source: Path, target: Path) -> None:
    """Copy a whole database by SQLite's own backup, in pieces, while others use it. Raises StoreTrouble."""
    draft = target.with_name(target.name + ".draft")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft.unlink(missing_ok=True)
        with reading(source) as db, closing(sqlite3.connect(draft)) as copy:
            db.backup(copy, pages=STEP_PAGES, sleep=0.005)
        _settle(draft, target)
    except (sqlite3.Error, OSError) as error:
        raise trouble_of(error) from error


def seq_of(path: Path) -> int | None:
    """Give how new a copy is (its state's `seq`), or None when it can't be trusted or holds no state."""
    try:
        with reading(path) as db:
            refuse_newer(schema_of(db), STEPS)
            row = read_row(db)
            sound = path.stat().st_size > CHECKED_MOST or db.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok"
    except (StoreTrouble, StoreError, OSError):
        return None
    return row.seq if row is not None and sound else None


def newest_good(folder: Path) -> Path | None:
    """Give the newest copy that can be trusted, whatever its name."""
    judged = [(seq, path) for path in _copies(folder) if (seq := seq_of(path)) is not None]
    return max(judged)[1] if judged else None


def _copies(folder: Path) -> Iterator[Path]:
    with suppress(OSError):  # a folder that can't be listed offers no copy
        yield from sorted(folder.glob("*.db"))


def set_bad_aside(path: Path, wall_s: int) -> Path:
    """Move a damaged database out of the way, its journal with it. Raises OSError."""
    aside = _free_name(path, f"bad-{_stamp(wall_s)}")
    path.rename(aside)
    # A journal left behind would be played into the next database of this name.
    if journal_of(path).exists():
        journal_of(path).rename(journal_of(aside))
    _forget_oldest(path)
    return aside


def _stamp(wall_s: int) -> str:
    return iso(wall_s).replace("-", "").replace(":", "")


def _free_name(path: Path, suffix: str) -> Path:
    for number in range(1000):
        aside = path.with_name(f"{path.name}.{suffix}" + (f"-{number}" if number else ""))
        if not aside.exists():
            return aside
    raise OSError(f"no free name for {path} beside it")


def _forget_oldest(path: Path) -> None:
    bad = sorted(found for found in path.parent.glob(path.name + ".bad-*") if not found.name.endswith("-journal"))
    for old in bad[:-BAD_KEPT]:
        old.unlink(missing_ok=True)
        journal_of(old).unlink(missing_ok=True)


def put_back(copy: Path, path: Path) -> None:
    """Make a copy the database. The caller holds the lock and has moved the old one aside. Raises OSError."""
    draft = path.with_name(path.name + ".draft")
    copy_bytes(copy, draft)
    journal_of(path).unlink(missing_ok=True)
    _settle(draft, path)


def restore(paths: Paths, copy: Path, wall_s: int) -> Path | None:
    """Put a copy in force by a person's order, under the lock. Gives where the old database lies now.

    StoreError: the copy can't be trusted. OSError: a file can't be moved.
    """
    if seq_of(copy) is None:
        raise StoreError(f"{copy} is no usable copy of a minectl database")
    aside = None
    if paths.db.exists():
        aside = _free_name(paths.db, f"before-restore-{_stamp(wall_s)}")
        paths.db.rename(aside)
        if journal_of(paths.db).exists():
            journal_of(paths.db).rename(journal_of(aside))
    put_back(copy, paths.db)
    clear_spill(paths.run)
    return aside


def start_afresh(paths: Paths, wall_s: int) -> Path:
    """Put the whole history aside by a person's order, under the lock: database, copies and spill. Raises OSError."""
    aside = paths.db.with_name(f"aside-{_stamp(wall_s)}")
    aside.mkdir(parents=True)
    for path in (paths.db, journal_of(paths.db)):
        if path.exists():
            path.rename(aside / path.name)
    for path in _copies(paths.backups):
        path.rename(aside / path.name)
    clear_spill(paths.run)
    return aside


def before_migration(db_path: Path, folder: Path, wall_s: int) -> Path | None:
    """Copy an existing file before its schema changes; None where there is nothing to change. Raises StoreTrouble."""
    with closing(connect(db_path)) as db:
        number = schema_of(db)
    refuse_newer(number, STEPS)
    if number in (0, len(STEPS)):
        return None
    target = folder / f"before-schema-{len(STEPS)}-{_stamp(wall_s)}.db"
    back_up(db_path, target)
    return target
