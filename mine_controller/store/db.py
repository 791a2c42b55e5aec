"""Connections to the files of the store: how they are opened, and what their failures mean.

`journal_mode=TRUNCATE` with `synchronous=FULL`: the journal file stays, so a commit never hangs on an unlink that the
folder's own sync would have to follow, and a process that opens, commits once and closes writes the fewest pages.
"""

import errno
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from mine_controller.record import NamedTuple

BUSY_MS = 2000
PIECE = 1024 * 1024
ON_DISK = "/var/tmp"  # noqa: S108 - a folder of its own is made in it
MEMORY = "/dev/shm"  # noqa: S108 - on any Linux, however read-only its disks are
APPLICATION_ID = 0x4D494E45  # "MINE" in the file's header: this database is ours
EMPTY = "the database is an empty file"  # never one of ours: a new one is whole before it has its name
FULL = 2  # what `PRAGMA synchronous` answers for FULL
WHOLE_MAX = 2**53  # larger whole numbers are no measurement and would not survive JSON elsewhere


class Paths(Protocol):
    """Where the store's files lie; `config.model.Paths` fits."""

    @property
    def db(self) -> Path:
        """The database of the mine, written only under the lock."""

    @property
    def inbox(self) -> Path:
        """Requests of people and services."""

    @property
    def lock(self) -> Path:
        """The permanent file that a tick locks."""

    @property
    def stop(self) -> Path:
        """The level file of emergency-stop."""

    @property
    def stop_kept(self) -> Path:
        """The same beside the config: a site whose data is moved elsewhere stays stopped."""

    @property
    def run(self) -> Path:
        """A folder in memory where there is one."""

    @property
    def backups(self) -> Path:
        """The folder of copies."""


class Places(NamedTuple):
    """The smallest thing that is `Paths`; for tests and for work on a copied folder."""

    db: Path
    inbox: Path
    lock: Path
    stop: Path
    stop_kept: Path
    run: Path
    backups: Path

    @classmethod
    def under(cls, folder: Path) -> "Places":
        """All files in one folder, by their usual names."""
        return cls(
            folder / "mine_data.db",
            folder / "inbox.db",
            folder / "lock",
            folder / "stop",
            folder / "config.stop",
            folder / "run",
            folder / "backups",
        )


class StoreError(Exception):
    """The store can't be used at all and a person has to act; the text is one sentence with the remedy."""


class StoreTrouble(Exception):  # noqa: N818 - a condition the tick lives with, not an error that ends it
    """A commit or a read failed. kind: full readonly locked corrupt io rejected. The tick goes on without it."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind
        self.text = text


_KINDS = {
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_READONLY: "readonly",
    sqlite3.SQLITE_PERM: "readonly",
    sqlite3.SQLITE_CANTOPEN: "readonly",
    sqlite3.SQLITE_AUTH: "readonly",
    sqlite3.SQLITE_BUSY: "locked",
    sqlite3.SQLITE_LOCKED: "locked",
    sqlite3.SQLITE_CORRUPT: "corrupt",
    sqlite3.SQLITE_NOTADB: "corrupt",
    sqlite3.SQLITE_ERROR: "corrupt",  # "no such table": our statements are right, so the schema is not
    sqlite3.SQLITE_CONSTRAINT: "rejected",
    sqlite3.SQLITE_MISMATCH: "rejected",
}
_FILE_KINDS = {
    errno.ENOSPC: "full",
    errno.EDQUOT: "full",
    errno.EROFS: "readonly",
    errno.EACCES: "readonly",
    errno.EPERM: "readonly",
}
_SAID = {
    "full": "the disk is full",
    "readonly": "the database can't be written (read-only or not permitted)",
    "locked": "another program held the database for more than 2 s",
    "corrupt": "the database is damaged",
    "io": "the disk reports an error",
    "rejected": "a value did not fit the database",
}


def trouble_of(error: Exception) -> StoreTrouble:
    """Say what an SQLite or file error means for the tick."""
    if isinstance(error, StoreTrouble):
        return error
    code = getattr(error, "sqlite_errorcode", None)
    kind = "io" if code is None else _KINDS.get(code & 0xFF, "io")
    if isinstance(error, OSError):
        kind = _FILE_KINDS.get(error.errno or 0, "io")
    elif isinstance(error, UnicodeError | OverflowError | sqlite3.ProgrammingError | sqlite3.InterfaceError):
        kind = "rejected"
    return StoreTrouble(kind, f"{_SAID[kind]}: {plain(str(error), 120)}")


def connect(path: Path, *, create: bool = False) -> sqlite3.Connection:
    """Open for writing with the store's pragmas, and read them back (StoreError when one did not take)."""
    db = sqlite3.connect(_uri(path, "rwc" if create else "rw"), uri=True, isolation_level=None, timeout=BUSY_MS / 1000)
    try:
        with _spoken():
            _pragmas(db)
    except BaseException:  # whatever it was goes on up; an open database holds its lock
        db.close()
        raise
    return db


@contextmanager
def _spoken() -> Iterator[None]:
    """Around the first statement, at which SQLite reads the schema: a damaged one is an error like any other.

    SQLite quotes the damaged name in its message; bytes that are no UTF-8 in it make Python raise UnicodeDecodeError
    instead of sqlite3.DatabaseError, which nobody who asks for the latter would catch.
    """
    try:
        yield
    except UnicodeDecodeError as error:
        told = sqlite3.DatabaseError("malformed database schema: a name in it is no text")
        told.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise told from error


def _pragmas(db: sqlite3.Connection) -> None:
    db.text_factory = _text
    mode = db.execute("PRAGMA journal_mode=TRUNCATE").fetchone()[0]
    db.execute("PRAGMA synchronous=FULL")
    db.execute(f"PRAGMA busy_timeout={BUSY_MS}")
    db.execute("PRAGMA temp_store=MEMORY")
    db.execute("PRAGMA trusted_schema=OFF")
    read_back = (mode, db.execute("PRAGMA synchronous").fetchone()[0], db.execute("PRAGMA busy_timeout").fetchone()[0])
    if read_back != ("truncate", FULL, BUSY_MS):
        raise StoreError(f"SQLite refused the safe way of writing ({read_back}); is the database on a network disk?")


def _text(raw: bytes) -> str:
    """Damaged text is shown damaged, never raised."""
    return raw.decode("utf-8", "replace")


def _uri(path: Path, mode: str) -> str:
    return f"{path.absolute().as_uri()}?mode={mode}"


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open for reading: no file is made or touched, and the writer waits at most for one query.

    After a kill in mid-commit the file lies there half written beside its journal, and only a writer may put it right.
    A reader then looks at a copy of both in a private folder that is gone afterwards. Raises StoreTrouble.
    """
    try:
        with closing(_open_reader(path)) as db:
            yield db
            return
    except _HalfWrittenError:
        pass
    except (sqlite3.Error, OSError) as error:
        raise trouble_of(error) from error
    with _copied(path) as db:
        yield db


@contextmanager
def _copied(path: Path) -> Iterator[sqlite3.Connection]:
    """Give a private copy of a half-written file, put right by SQLite itself. Raises StoreTrouble."""
    with _private(path) as folder:
        copy = folder / path.name
        try:
            for source, target in ((path, copy), (journal_of(path), journal_of(copy))):
                copy_bytes(source, target)
            with closing(sqlite3.connect(copy, isolation_level=None)) as db:
                _to_read(db)
                with _spoken():
                    db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
                yield db
        except (sqlite3.Error, OSError) as error:
            raise trouble_of(error) from error


@contextmanager
def _private(path: Path) -> Iterator[Path]:
    """A folder with room for a copy of it, that is gone afterwards.

    The one for temporary files is memory itself on newer systems (Debian 13). What it calls free is only its bound, and
    years of records in it end the page's service, or take what the ticks need: the disk goes first. But every disk
    refuses one when a card dies in a commit.
    """
    from tempfile import TemporaryDirectory, gettempdir  # noqa: PLC0415 - needed after a kill only, slow to import

    need, why = 0, OSError(errno.ENOSPC, "no folder has room for a copy")
    folders: tuple[Callable[[], str], ...] = (lambda: ON_DISK, gettempdir, lambda: MEMORY)
    for folder in folders:
        try:
            need = need or path.stat().st_size + journal_of(path).stat().st_size
            disk = os.statvfs(folder())
            if disk.f_bavail * disk.f_frsize < need:
                continue
            made = TemporaryDirectory(prefix="minectl-", dir=folder())
        except OSError as error:
            why = error
        else:
            break
    else:
        raise trouble_of(why)
    with made as name:
        yield Path(name)


def copy_bytes(source: Path, target: Path) -> None:
    """Copy a file that nobody writes, piece by piece. Raises OSError."""
    with source.open("rb") as one, target.open("wb") as other:
        while piece := one.read(PIECE):
            other.write(piece)


class _HalfWrittenError(Exception):
    """A killed writer left its journal behind."""


def _open_reader(path: Path) -> sqlite3.Connection:
    if path.stat().st_size == 0 and not _journal_left(path):
        raise StoreTrouble("corrupt", EMPTY)
    db = sqlite3.connect(_uri(path, "ro"), uri=True, isolation_level=None, timeout=BUSY_MS / 1000)
    try:
        _to_read(db)
        with _spoken():
            db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
    except sqlite3.OperationalError as error:
        db.close()
        if _journal_left(path) and error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
            raise _HalfWrittenError from error
        raise
    except BaseException:  # the same
        db.close()
        raise
    return db


def _to_read(db: sqlite3.Connection) -> None:
    """For a reader: what has to be put in order is so in memory, for the disk may be full or read-only."""
    db.text_factory = _text
    db.execute("PRAGMA temp_store=MEMORY")


def _journal_left(path: Path) -> bool:
    journal = journal_of(path)
    return journal.exists() and journal.stat().st_size > 0


def journal_of(path: Path) -> Path:
    """The rollback journal beside a database: belongs to it, moves with it."""
    return path.with_name(path.name + "-journal")


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """One transaction that takes the write lock at once; rolled back on any way out but the end."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:  # whatever it was goes on up; nothing half done is kept
        roll_back(db)
        raise


def roll_back(db: sqlite3.Connection) -> None:
    """Undo what is open. A failure here is no news: SQLite undoes it at the next opening."""
    if db.in_transaction:
        try:
            db.execute("ROLLBACK")
        except sqlite3.Error:
            return


def iso(wall_s: int) -> str:
    """Epoch seconds as people read them and as they sort: 2026-03-01T14:02:00Z."""
    return datetime.fromtimestamp(max(0, min(wall_s, 253402300799)), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def plain(text: str, most: int = 400) -> str:
    """A text as a table may hold it: no control characters, no broken code points, at most `most` characters."""
    if text.isascii() and text.isprintable():
        return text[:most]
    clean = text[:most].encode("utf-8", "replace").decode()
    return "".join(letter if letter.isprintable() else " " for letter in clean)


def whole(value: object) -> int | None:
    """A number as a whole number, or None for anything that is none or is beyond reason."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < WHOLE_MAX:
        return None
    return round(value)


def number(value: object) -> float | None:
    """A finite number as a float, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < WHOLE_MAX:
        return None
    return float(value)


def word(value: object) -> str | None:
    """A text, short and clean, or None."""
    return plain(value, 40) if isinstance(value, str) else None
