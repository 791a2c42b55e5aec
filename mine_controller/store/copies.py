"""Copies of the database: small ones each hour, whole ones on request, and the way back from them.

An hourly copy holds what control needs (state, open messages, verdicts, names, the last event) and not the history:
24 of them, each written over the one of a day ago, cost a card less than one whole copy. What a person wrote (the list
of miners, and config.txt with stars for its secrets) lies in every copy, in the table `kept_files`.
"""

import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
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
SYNC_STEPS = 8  # and is brought to the disk every 16 MB: no flood of unwritten pages stands before the next tick
CHECKED_MOST = 64 * 1024 * 1024  # a larger copy is judged by its state alone: a full check would take minutes
BAD_KEPT = 3
LEFT_FREE = 32_000_000  # what a whole copy leaves on its disk
_WHOLE = ("state", "names", "verdicts", "miners", "configs", "fleets")
_PARTS = {
    "outbox": "WHERE told_at IS NULL",
    "events": "ORDER BY id DESC LIMIT 1",
    "mine_states": "ORDER BY timestamp DESC LIMIT 1",
}


Step = Callable[[int, int], None]  # pages still to copy, pages in all; may raise StoreTrouble to give up


def keep_hour(db: sqlite3.Connection, folder: Path, wall_s: int, beside: Mapping[str, bytes] | None = None) -> Path:
    """Copy what control needs, and the files `beside`, into the slot of this hour. Raises sqlite3.Error, OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"hour-{wall_s // 3600 % 24:02d}.db"
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(draft, isolation_level=None)) as copy:
            copy.execute("PRAGMA journal_mode=OFF")
            copy.execute("PRAGMA synchronous=OFF")
            migrate(copy)
            with transaction(copy):
                for name in (*_WHOLE, *_PARTS):
                    _copy_table(db, copy, name, _PARTS.get(name, ""))
                _put_files(copy, beside or {})
        settle(draft, path)
    except BaseException:  # whatever it was goes on up; half a copy would hold the room that is missing
        _gone(draft)
        raise
    return path


def _put_files(copy: sqlite3.Connection, files: Mapping[str, bytes]) -> None:
    copy.execute("DROP TABLE IF EXISTS kept_files")
    copy.execute("CREATE TABLE kept_files (name TEXT PRIMARY KEY, body BLOB NOT NULL, sha256 TEXT NOT NULL) STRICT")
    rows = [(name, body, hashlib.sha256(body).hexdigest()) for name, body in files.items()]
    copy.executemany("INSERT INTO kept_files VALUES (?,?,?)", rows)


def read_files(paths: tuple[Path, ...]) -> dict[str, bytes]:
    """Give what a person wrote beside config.txt, as it is now; what is not there or can't be read is left out."""
    found: dict[str, bytes] = {}
    for path in paths:
        with suppress(OSError):  # a list that can't be read stops every command of a person; a copy can do without
            found[path.name] = path.read_bytes()
    return found


def kept_files(copy: Path) -> dict[str, bytes]:
    """Give the files that lie in a copy and fit their hashes; none in a copy of before there were any.

    Raises StoreTrouble.
    """
    with reading(copy) as db:
        if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'kept_files'").fetchone() is None:
            return {}
        rows = db.execute("SELECT name, body, sha256 FROM kept_files").fetchall()
    return {Path(name).name: body for name, body, held in rows if hashlib.sha256(body).hexdigest() == held}


def _copy_table(db: sqlite3.Connection, copy: sqlite3.Connection, name: str, part: str) -> None:
    rows = db.execute(f"SELECT * FROM {name} {part}")  # noqa: S608 - names of this file
    marks = ",".join("?" * len(rows.description))
    copy.executemany(f"INSERT INTO {name} VALUES ({marks})", rows)  # noqa: S608 - names of this file


def settle(draft: Path, path: Path) -> None:
    """Bring a finished draft to the disk under its name."""
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(path)
    sync_folder(path.parent)


def back_up(source: Path, target: Path, beside: Mapping[str, bytes] | None = None, step: Step | None = None) -> None:
    """Copy a whole database by SQLite's own backup, in pieces, while others use it; `beside` goes with it.

    Raises StoreTrouble, also what `step` raises to give up; the target is then as it was.
    """
    draft = target.with_name(target.name + ".draft")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft.unlink(missing_ok=True)
        _room_for(source, target.parent)
        with reading(source) as db, closing(sqlite3.connect(draft, isolation_level=None)) as copy:
            copy.execute("PRAGMA journal_mode=OFF")
            copy.execute("PRAGMA synchronous=OFF")
            _in_pieces(db, copy, draft, step)
            _put_files(copy, beside or {})
        settle(draft, target)
    except (sqlite3.Error, OSError) as error:
        draft.unlink(missing_ok=True)
        raise trouble_of(error) from error
    except BaseException:  # a person's Ctrl-C too; whatever it was goes on up
        draft.unlink(missing_ok=True)
        raise


def _in_pieces(db: sqlite3.Connection, copy: sqlite3.Connection, draft: Path, step: Step | None) -> None:
    told: list[StoreTrouble] = []
    with draft.open("rb") as file:
        done = 0

        def after(status: int, remaining: int, total: int) -> None:
            nonlocal done
            del status
            done += 1
            if done % SYNC_STEPS == 0:
                os.fsync(file.fileno())
            if step is not None:
                try:
                    step(remaining, total)
                except StoreTrouble as given_up:
                    told.append(given_up)
                    raise

        try:
            db.backup(copy, pages=STEP_PAGES, progress=after, sleep=0.005)
        except sqlite3.Error:
            if told:  # what ended it is ours to say, whatever the library makes of an end by its caller
                raise told[0] from None
            raise


def _room_for(source: Path, folder: Path) -> None:
    """Refuse before the disk is full: the tick's own commits need the room more than a copy does."""
    disk, need = os.statvfs(folder), source.stat().st_size
    free = disk.f_bavail * disk.f_frsize
    if free < need + need // 10 + LEFT_FREE:
        text = f"a whole copy needs {need / 1e6:.0f} MB and leaves {LEFT_FREE // 1_000_000} MB free, {folder} has "
        raise StoreTrouble("full", f"{text}{free / 1e6:.0f} MB")


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


def order_of(path: Path) -> int:
    """Give the same without judging the whole copy, for putting many of them in order; -1 where it holds no state.

    It counts on whatever the wall clock does: names and times of change follow a clock that was wrong.
    """
    try:
        with reading(path) as db:
            row = db.execute("SELECT seq FROM state WHERE id = 1").fetchone()
    except (StoreTrouble, sqlite3.Error, OSError):
        return -1
    return row[0] if row is not None and type(row[0]) is int else -1


def highest(folder: Path) -> int:
    """Give the highest `seq` of all copies, good or not; 0 without one. A database begun anew counts on from there."""
    return max([0, *map(order_of, copies_in(folder))])


def newest_good(folder: Path) -> Path | None:
    """Give the newest copy that can be trusted, whatever its name.

    A large one only where there is no other: a tick that has lost its database can't wait for gigabytes, and the
    history is put back later, by `restore`.
    """
    found = sorted((_size(path) > CHECKED_MOST, path) for path in copies_in(folder))
    for large in (False, True):
        judged = [(seq, path) for is_large, path in found if is_large is large and (seq := seq_of(path)) is not None]
        if judged:
            return max(judged)[1]
    return None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # gone or unreadable: `seq_of` judges it


def copies_in(folder: Path) -> Iterator[Path]:
    """Give every file that may be a copy, by name."""
    with suppress(OSError):  # a folder that can't be listed offers no copy
        yield from sorted(folder.glob("*.db"))


def set_bad_aside(path: Path, wall_s: int) -> Path:
    """Move a damaged database out of the way, its journal with it. Raises OSError."""
    aside = free_name(path, f"bad-{stamp(wall_s)}")
    path.rename(aside)
    # A journal left behind would be played into the next database of this name.
    if journal_of(path).exists():
        journal_of(path).rename(journal_of(aside))
    _forget_oldest(path, aside)
    return aside


def stamp(wall_s: int) -> str:
    """Give a moment as a part of a file's name."""
    return iso(wall_s).replace("-", "").replace(":", "")


def free_name(path: Path, suffix: str) -> Path:
    """Give a name beside a file that nothing has yet. Raises OSError."""
    for number in range(1000):
        aside = path.with_name(f"{path.name}.{suffix}" + (f"-{number}" if number else ""))
        if not aside.exists():
            return aside
    raise OSError(f"no free name for {path} beside it")


def _forget_oldest(path: Path, newest: Path) -> None:
    """Keep three: `newest` whatever its name says (a clock at 1970), and of the others empty ones go first."""
    bad = [found for found in path.parent.glob(path.name + ".bad-*") if not found.name.endswith("-journal")]
    bad = sorted((found for found in bad if found != newest), key=lambda found: (_size(found) > 0, found))
    for old in bad[: 1 - BAD_KEPT]:
        old.unlink(missing_ok=True)
        journal_of(old).unlink(missing_ok=True)


def draft_from(copy: Path, path: Path) -> Path:
    """Write a copy beside a database, to be settled in its place; a refusal leaves nothing. Raises OSError."""
    draft = path.with_name(path.name + ".draft")
    try:
        _gone(draft)
        copy_bytes(copy, draft)
    except BaseException:  # whatever it was goes on up; half a copy would hold the room that is missing
        _gone(draft)
        raise
    return draft


def draft_anew(path: Path, fill: Callable[[sqlite3.Connection], None] = lambda _db: None) -> Path:
    """Make a database without a history beside `path`, to be settled in its place once whole; `fill` writes in it.

    A disk that refuses leaves nothing. Raises OSError, sqlite3.Error, StoreTrouble.
    """
    draft = path.with_name(path.name + ".draft")
    try:
        _gone(draft)
        with closing(connect(draft, create=True)) as db:
            migrate(db)
            with transaction(db):
                fill(db)
        journal_of(draft).unlink(missing_ok=True)
    except BaseException:  # the same
        _gone(draft)
        raise
    return draft


def _gone(draft: Path) -> None:
    with suppress(OSError):  # on a disk that is read-only nothing goes, and what was refused is told
        draft.unlink(missing_ok=True)
        journal_of(draft).unlink(missing_ok=True)


def put_in_place(draft: Path, path: Path) -> None:
    """Settle a draft where no database is any more. The caller holds the lock. Raises OSError."""
    journal_of(path).unlink(missing_ok=True)
    settle(draft, path)


def start_afresh(paths: Paths, aside: Path, draft: Path) -> None:
    """Put the whole history into the folder `aside` by a person's order, under the lock; `draft` takes its place.

    Database, copies and spill. What can't be moved moves all of it back. Raises OSError.
    """
    moved: list[tuple[Path, Path]] = []
    try:
        aside.mkdir(parents=True)
        for path in copies_in(paths.backups):
            _move(path, aside / path.name, moved)
        _leave(paths.db, aside, moved)
        clear_spill(paths.run)
        settle(draft, paths.db)
    except BaseException:  # a person's Ctrl-C too; whatever it was goes on up
        _move_back(moved, aside)
        _gone(draft)
        raise


def _leave(path: Path, aside: Path, moved: list[tuple[Path, Path]]) -> None:
    """A second name for the old database, so that a kill finds it or the new one; moved where a disk has none."""
    if path.exists() and not _half_written(path):
        with suppress(OSError):
            os.link(path, aside / path.name)
            moved.append((path, aside / path.name))
            return
    for one in (path, journal_of(path)):  # a journal left behind would be played into the next database of this name
        if one.exists():
            _move(one, aside / one.name, moved)


def _half_written(path: Path) -> bool:
    return _size(journal_of(path)) > 0


def _move(path: Path, aside: Path, moved: list[tuple[Path, Path]]) -> None:
    path.rename(aside)
    moved.append((path, aside))


def _move_back(moved: list[tuple[Path, Path]], aside: Path) -> None:
    with suppress(OSError):  # what refused the way there may refuse the way back; it lies where its folder says
        for path, there in reversed(moved):
            if path.exists() and path.samefile(there):
                there.unlink()
            else:
                there.replace(path)  # over a new database too: the disk refused behind the last move
        aside.rmdir()


def before_migration(db_path: Path, folder: Path, wall_s: int) -> Path | None:
    """Copy an existing file before its schema changes; None where there is nothing to change. Raises StoreTrouble."""
    with closing(connect(db_path)) as db:
        number = schema_of(db)
    refuse_newer(number, STEPS)
    if number in (0, len(STEPS)):
        return None
    target = folder / f"before-schema-{len(STEPS)}-{stamp(wall_s)}.db"
    back_up(db_path, target)
    return target
