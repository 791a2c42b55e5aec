"""inbox.db: what people and services ask for. Any process may write it; the tick reads it and answers elsewhere."""

import json
import os
import sqlite3
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

from mine_controller.core.model.image import Request
from mine_controller.store.db import Paths, StoreTrouble, connect, plain, reading, transaction, trouble_of

MODE = 0o660
_TABLE = """CREATE TABLE IF NOT EXISTS requests (id INTEGER PRIMARY KEY AUTOINCREMENT, at INT NOT NULL,
    source TEXT NOT NULL, actor TEXT NOT NULL, uid INT NOT NULL, tty TEXT NOT NULL, verb TEXT NOT NULL,
    args TEXT NOT NULL, reason TEXT NOT NULL, until_at INT NOT NULL, flags TEXT NOT NULL, key TEXT NOT NULL UNIQUE)
    STRICT"""
_COLUMNS = "id, at, source, actor, verb, args, reason, until_at, flags, uid, tty"
_FIRST_YEAR = 1_577_836_800  # 2020-01-01
KEPT_S = 7 * 86_400  # an answered request lies on so long: whoever restores a copy of this week loses no override
BITE = 1000  # requests let go in one hour at most
_HIGHEST = 2**63 - 1
_ASIDE = ".bad-"  # and when it was put there
Who = tuple[str, str, int, str]  # source, actor, uid, tty
Ask = tuple[str, Sequence[str], str, int, Sequence[str]]  # verb, args, reason, until, flags


def file_request(  # noqa: PLR0913, PLR0917 - the columns of a request
    paths: Paths,
    source: str,
    actor: str,
    uid: int,
    tty: str,
    verb: str,
    args: Sequence[str],
    reason: str = "",
    until: int = 0,
    flags: Sequence[str] = (),
    key: str = "",
    *,
    at: int | None = None,
) -> int:
    """Ask for something; gives the request's id. The same `key` again gives the id of the first time.

    `until` is wall time, 0 = until changed. `at` is now unless given. Raises StoreTrouble.
    """
    now_s = int(time.time()) if at is None else at
    return _file(paths, [_row(now_s, (source, actor, uid, tty), (verb, args, reason, until, flags), key)], now_s)[0]


def file_requests(paths: Paths, who: Who, asked: Iterable[Ask]) -> list[int]:
    """Ask for several things as one: all of them are filed, or none; gives their ids. Raises StoreTrouble."""
    now_s = int(time.time())
    return _file(paths, [_row(now_s, who, one, f"{_unlike()}-{at}") for at, one in enumerate(asked)], now_s)


def _row(now_s: int, who: Who, asked: Ask, key: str) -> tuple[Any, ...]:
    (source, actor, uid, tty), (verb, args, reason, until, flags) = who, asked
    return (
        now_s,
        plain(source, 40),
        plain(actor, 80),
        uid,
        plain(tty, 40),
        plain(verb, 40),
        json.dumps([plain(arg, 200) for arg in args]),
        plain(reason),
        until,
        json.dumps([plain(flag, 40) for flag in flags]),
        plain(key, 120) or _unlike(),
    )


def _unlike() -> str:
    return f"{os.getpid()}-{time.time_ns()}"


def _file(paths: Paths, rows: Sequence[tuple[Any, ...]], now_s: int) -> list[int]:
    try:
        return _insert(paths, rows, now_s)
    except (sqlite3.Error, OSError) as error:
        trouble = trouble_of(error)
        if trouble.kind != "corrupt":
            raise trouble from error
    _set_aside(paths.inbox, now_s)
    try:
        return _insert(paths, rows, now_s)
    except (sqlite3.Error, OSError) as error:
        raise trouble_of(error) from error


def _insert(paths: Paths, rows: Sequence[tuple[Any, ...]], now_s: int) -> list[int]:
    make_inbox(paths.inbox)
    with closing(connect(paths.inbox)) as db, transaction(db):
        db.execute(_TABLE)
        _seed(db, paths, now_s)
        db.executemany(
            "INSERT OR IGNORE INTO requests (at, source, actor, uid, tty, verb, args, reason, until_at, flags, key)"
            " VALUES (?,?,?,?,?,?,?,?,?,?,?)",
            rows,
        )
        return [int(db.execute("SELECT id FROM requests WHERE key = ?", (row[-1],)).fetchone()[0]) for row in rows]


def make_inbox(path: Path) -> None:
    """Make the file so that the group may write it too, whatever the umask; an existing one stays as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
    except FileExistsError:
        return
    try:
        os.fchmod(handle, MODE)
    finally:
        os.close(handle)


def _seed(db: sqlite3.Connection, paths: Paths, now_s: int) -> None:
    """Begin the ids of a new file past those of any file before it: at the seconds since 2020, and past every answer.

    The tick keeps its answers by id in another file; an id that came a second time would look answered, and what is
    asked under it would be dropped without a word. Who may not read that file has the seconds alone: nobody asks for
    more than one thing a second for long.
    """
    if db.execute("SELECT 1 FROM sqlite_sequence WHERE name = 'requests'").fetchone() is None:
        first = max(0, now_s - _FIRST_YEAR, _last_answered(paths))
        db.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('requests', ?)", (first,))


def _last_answered(paths: Paths) -> int:
    """The highest number that has an answer; 0 where that can't be told."""
    if paths.db.exists():
        with suppress(StoreTrouble), reading(paths.db) as db:
            (last,) = db.execute("SELECT max(request) FROM verdicts").fetchone()
            return int(last or 0)
    return 0


def _set_aside(path: Path, now_s: int) -> None:
    with suppress(OSError):  # what can't be moved is met again by the caller's second try
        path.rename(path.with_name(f"{path.name}{_ASIDE}{now_s}"))
        path.with_name(path.name + "-journal").unlink(missing_ok=True)


def was_set_aside(path: Path, since_s: int) -> bool:
    """Whether a damaged inbox was put aside since then (wall time). Raises OSError for a folder that can't be read."""
    moments = (one.name.removeprefix(f"{path.name}{_ASIDE}") for one in path.parent.glob(f"{path.name}{_ASIDE}*"))
    return any(moment.isdecimal() and int(moment) >= since_s for moment in moments)


def pending(paths: Paths, answered_ids: Collection[int] = frozenset()) -> tuple[Request, ...]:
    """Give the requests without an answer, oldest first. Raises StoreTrouble when the file can't be read.

    Only the gaps between answered numbers are read, so what is done costs nothing however much of it there is.
    """
    with _requests(paths) as db:
        if db is None:
            return ()
        select = f"SELECT {_COLUMNS} FROM requests WHERE id > ? AND id < ? ORDER BY id"  # noqa: S608 - a constant
        return tuple(_request(row) for gap in _gaps(answered_ids) for row in db.execute(select, gap))


def _gaps(answered_ids: Collection[int]) -> Iterator[tuple[int, int]]:
    """The open ranges of numbers that hold none of these."""
    bounds = (-1, *sorted(answered_ids), _HIGHEST)
    return ((low, high) for low, high in pairwise(bounds) if high - low > 1)


@contextmanager
def _requests(paths: Paths) -> Iterator[sqlite3.Connection | None]:
    """Open the file for reading; None where nobody ever asked for anything. Raises StoreTrouble."""
    if not paths.inbox.exists() or paths.inbox.stat().st_size == 0:
        yield None
        return
    with reading(paths.inbox) as db:
        there = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'requests'").fetchone() is not None
        yield db if there else None


def answered_in(db: sqlite3.Connection, paths: Paths) -> frozenset[int]:
    """Give the numbers a database has answers to, as far as their requests are still there."""
    found = db.execute("SELECT request FROM verdicts WHERE request >= ?", (_lowest(paths),))
    return frozenset(number for (number,) in found)


def _lowest(paths: Paths) -> int:
    """The lowest number that is there, past every one while there is none; 0 where that can't be told."""
    with suppress(StoreTrouble), _requests(paths) as db:
        if db is not None:
            (first,) = db.execute("SELECT min(id) FROM requests").fetchone()
            return _HIGHEST if first is None else int(first)
    return 0


def let_go(paths: Paths, wall_s: int) -> int:
    """Take out what was answered more than a week ago, the oldest first, a bite of it; give how many. StoreTrouble.

    What waits stays, however old it is. Numbers go on from the highest there ever was, so none comes a second time,
    and the answers stay in the database. The caller makes sure the wall clock is to be believed.
    """
    with _requests(paths) as db:
        there = set() if db is None else {number for (number,) in db.execute("SELECT id FROM requests")}
    if not there or not paths.db.exists():
        return 0
    with reading(paths.db) as db:
        select = "SELECT request FROM verdicts WHERE request >= ? AND tick_at < ? ORDER BY request"
        rows = db.execute(select, (min(there), wall_s - KEPT_S))
        gone = [number for (number,) in rows if number in there][:BITE]
    if gone:
        _take_out(paths.inbox, gone)
    return len(gone)


def _take_out(path: Path, numbers: Sequence[int]) -> None:
    try:
        with closing(connect(path)) as db, transaction(db):
            db.executemany("DELETE FROM requests WHERE id = ?", [(number,) for number in numbers])
    except (sqlite3.Error, OSError) as error:
        raise trouble_of(error) from error


def _request(row: tuple[Any, ...]) -> Request:
    number, at, source, actor, verb, args, reason, until, flags, uid, tty = row
    return Request(number, at, source, actor, verb, _words(args), reason, until, _words(flags), uid, tty)


def _words(written: str) -> tuple[str, ...]:
    try:
        words = json.loads(written)
    except ValueError:
        return ()  # damaged arguments: the verb alone reaches `decide`, which refuses it with a reason
    return tuple(str(word) for word in words) if isinstance(words, list) else ()


def verdict_of(paths: Paths, request: int) -> tuple[str, str] | None:
    """Give (verdict, why) of a request, or None while it waits. Raises StoreTrouble."""
    if not paths.db.exists():
        return None
    with reading(paths.db) as db:
        row = db.execute("SELECT verdict, why FROM verdicts WHERE request = ?", (request,)).fetchone()
    return (str(row[0]), str(row[1])) if row else None
