"""Opening the database whatever state it is in: missing, empty, damaged, older, newer, or on a disk that refuses."""

import sqlite3
import time
from pathlib import Path

from mine_controller.record import NamedTuple
from mine_controller.store import ballast
from mine_controller.store.answered import answer_lost
from mine_controller.store.copies import (
    before_migration,
    draft_anew,
    draft_from,
    newest_good,
    put_in_place,
    set_bad_aside,
)
from mine_controller.store.db import EMPTY, Paths, StoreTrouble, connect, plain, reading, transaction, trouble_of
from mine_controller.store.loading import read_row
from mine_controller.store.migrations import migrate
from mine_controller.store.outbox import all_letters
from mine_controller.store.spill import Rows


class Opened(NamedTuple):
    """What came of it.

    db None: the disk refuses, commits will raise · lost: begun from a copy or from nothing · rows: what was saved out
    of a damaged file for the first commit of the new one.
    """

    db: sqlite3.Connection | None
    trouble: tuple[str, ...] = ()
    lost: bool = False
    rows: Rows = {}  # noqa: RUF012 - never mutated: the store copies it


def open_file(paths: Paths, wall_s: int | None) -> Opened:
    """Open, migrate and judge the database; replace it where it can't be trusted. Raises StoreError."""
    try:
        paths.db.parent.mkdir(parents=True, exist_ok=True)
        if not paths.db.exists():
            return _first(paths, _now(wall_s))
        return Opened(_sound(paths, wall_s))
    except (sqlite3.Error, OSError, StoreTrouble) as error:
        trouble = trouble_of(error)
    if trouble.kind != "corrupt":
        return Opened(None, (trouble.text,))
    try:
        return begin_again(paths, trouble, wall_s)
    except (sqlite3.Error, OSError, StoreTrouble) as error:
        return Opened(None, (trouble.text, trouble_of(error).text), lost=True)


def _now(wall_s: int | None) -> int:
    return int(time.time()) if wall_s is None else wall_s


def _sound(paths: Paths, wall_s: int | None) -> sqlite3.Connection:
    """Give the connection to a file whose schema is ours and whose state fits its checksum."""
    if paths.db.stat().st_size == 0:
        raise StoreTrouble("corrupt", EMPTY)
    before_migration(paths.db, paths.backups, _now(wall_s))
    db = connect(paths.db)
    try:
        migrate(db)
        read_row(db)
    except BaseException:  # whatever it was goes on up; an open database holds its lock
        db.close()
        raise
    return db


def _first(paths: Paths, wall_s: int) -> Opened:
    """A file that is not there: a first start, unless copies tell that there was one."""
    copy = newest_good(paths.backups)
    put_in_place(_draft(paths, copy), paths.db)
    if copy is None:
        ballast.ensure(paths.db)
        return Opened(_lossy(_sound(paths, wall_s), paths, wall_s))
    trouble = f"the database was gone; begun again from {copy.name}, which may be up to an hour old"
    trouble += _without_history(paths, copy)
    return Opened(_lossy(_sound(paths, wall_s), paths, wall_s), (trouble,), lost=True)


def _lossy(db: sqlite3.Connection, paths: Paths, wall_s: int) -> sqlite3.Connection:
    """The same, with an answer for what must not be done a second time because the first answer is lost."""
    try:
        with transaction(db):
            answer_lost(db, paths, wall_s)
    except BaseException:  # the same
        db.close()
        raise
    return db


def _draft(paths: Paths, copy: Path | None) -> Path:
    """The database to begin with, whole beside the place of it before anything is moved: an empty file is no database.

    Where the disk has no room left the ballast is given up for it.
    """
    try:
        return draft_anew(paths.db) if copy is None else draft_from(copy, paths.db)
    except (sqlite3.Error, OSError, StoreTrouble) as error:
        if trouble_of(error).kind not in {"full", "io"} or not ballast.free(paths.db):
            raise
    return draft_anew(paths.db) if copy is None else draft_from(copy, paths.db)


def begin_again(paths: Paths, trouble: StoreTrouble, wall_s: int | None) -> Opened:
    """Set a damaged database aside and begin from the newest good copy, else from nothing.

    Without room for the new one the damaged file stays where it is: it may be all that is left of the history.
    Messages nobody was told yet are read out of the damaged file where that still works. Raises sqlite3.Error, OSError.
    """
    copy = newest_good(paths.backups)
    draft = _draft(paths, copy)
    aside = set_bad_aside(paths.db, _now(wall_s))
    put_in_place(draft, paths.db)
    begun = "begun anew without a copy"
    if copy is not None:
        begun = f"begun again from {copy.name}, up to an hour old{_without_history(paths, copy)}"
    said = f"{trouble.text}; set aside as {aside.name}; {begun}"
    db = _sound(paths, wall_s)
    if copy is None:
        ballast.ensure(paths.db)
    return Opened(_lossy(db, paths, _now(wall_s)), (said,), lost=True, rows={"outbox": _untold(aside)})


def _without_history(paths: Paths, copy: Path) -> str:
    """What a person has to do about the history, where the copy in force is one of control alone; "" nothing."""
    from mine_controller.store.putback import all_copies  # noqa: PLC0415 - on the worst day only

    whole = [one.path for one in all_copies(paths.backups) if one.whole and not one.why]
    if not whole or copy in whole:
        return ""
    return f", without the history: `minectl restore {whole[0].name}` brings that back"


def _untold(aside: Path) -> list[tuple[str, int, str, int]]:
    """Give the open messages of a damaged file, as far as they can be read. A key told twice is told once anyway."""
    try:
        with reading(aside) as db:
            letters = all_letters(db, 500, waiting=True)
    except (StoreTrouble, ValueError, TypeError):
        return []  # the damage was told already; what can't be read can't be told
    return [
        (plain(str(letter.key), 200), letter.level, str(letter.body), letter.due_at)
        for letter in reversed(letters)
        if type(letter.level) is int and type(letter.due_at) is int
    ]
