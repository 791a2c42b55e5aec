"""What a person does with the copies and the history by hand: make a copy, list them, take out what is old.

Writing needs the lock, and a tick that finds it taken is a tick that never ran: so whoever writes here works in the
pauses between ticks, in bites, and lets go before the next tick is due.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

from mine_controller.config.kept import texts
from mine_controller.config.model import Config
from mine_controller.core.model.reason import Event, Reason
from mine_controller.ports.clock import REAL, Clocks
from mine_controller.record import NamedTuple
from mine_controller.store import query
from mine_controller.store.copies import back_up, read_files, stamp
from mine_controller.store.db import Paths, StoreError, StoreTrouble, connect, iso, reading, transaction, trouble_of
from mine_controller.store.history import RETENTION_S, STATS_KEPT_S
from mine_controller.store.loading import at_most_s
from mine_controller.store.lock import DEMO, Busy, TickLock
from mine_controller.store.migrations import STEPS, refuse_newer, schema_of
from mine_controller.store.note import Who, note
from mine_controller.store.putback import Judged, all_copies, judge

DAY_S = 86_400
LEAST_DAYS = 2
BITE = 500
HOURS = 5  # of stats: an hour has a row for each miner
BITE_S = 0.5  # a commit of one bite on a slow card; the lock is free between any two
MARGIN_S = 8.0  # before the next tick is due, the lock is left alone
WAIT_S = 240.0
STICKS = (Path("/media"), Path("/mnt"), Path("/run/media"))  # where sticks and shares are mounted
COPY_BYTES_S = 20_000_000  # what a card manages, for estimates
Progress = Callable[[int, int], None]  # done, in all


# -- copies -------------------------------------------------------------------------------------------------------


def by_hand(config: Config, folder: Path | None, now_s: int, progress: Progress) -> Judged:
    """Make a whole copy in `folder` (backups/ unless given) and open it. Raises StoreTrouble, StoreError."""
    if not config.paths.db.exists():
        raise StoreError("there is no database yet; `minectl tick` makes one")
    if folder is not None:
        _there(folder)
    with reading(config.paths.db) as db:
        schema_of(db)  # one that is empty or another program's is said of this file, not of its copy
    target = (folder or config.paths.backups) / f"by-hand-{stamp(now_s)}.db"
    files = {**read_files(config.paths.beside), **texts(config)}
    _sweep(target.parent, now_s)
    back_up(config.paths.db, target, files, lambda left, total: progress(total - left, total))
    target.chmod(0o640)
    found = judge(target, count=True)
    if found.why:
        target.unlink(missing_ok=True)
        raise StoreTrouble("corrupt", f"the copy could not be trusted and was removed: {found.why}")
    return found


def _sweep(folder: Path, now_s: int) -> None:
    """Copies by hand that were killed in the middle: as large as the database each, and no later one has their name."""
    for draft in folder.glob("by-hand-*.db.draft"):
        with suppress(OSError):  # another user's, or gone meanwhile
            if now_s - draft.stat().st_mtime > DAY_S:
                draft.unlink()


def _there(folder: Path) -> None:
    """A stick that is not plugged in must not become a folder on the card that the copy was to survive."""
    if not folder.is_dir():
        raise StoreError(f"{folder} is not there; plug it in, or make the folder yourself")
    full = folder.resolve()
    if any(full.is_relative_to(place) for place in STICKS) and full.stat().st_dev == Path("/").stat().st_dev:
        raise StoreError(f"nothing is mounted at {folder}: the copy would lie on this machine's own disk; plug it in")


def copies(config: Config) -> tuple[Judged, ...]:
    """Every copy there is, the newest state first; those that can't be trusted last."""
    return all_copies(config.paths.backups)


# -- the pauses between ticks -------------------------------------------------------------------------------------


def waited(
    config: Config, pause: Callable[[float], None] = time.sleep, say: Callable[[], None] = lambda: None
) -> TickLock:
    """The lock, taken as soon as the tick at work ends. Raises Busy after four minutes.

    A demo keeps it between its ticks as well, and shares it then with whoever only writes.
    """
    lock = TickLock(config.paths.lock, shared=(config.paths.config.parent / DEMO).exists())
    ends = time.monotonic() + WAIT_S
    told = False
    while True:
        try:
            return lock.__enter__()
        except Busy:
            if time.monotonic() > ends:
                raise
        if not told:
            say()
            told = True
        pause(0.5)


def pause_left_s(config: Config, now_s: float) -> float:
    """Seconds until the next tick is due, as far as the last ones tell; a site whose timer rests has plenty."""
    rows = query.ticks(config.paths, limit=1)
    tick_s = config.site.tick_s
    if not rows or not 0 <= now_s - rows[0].tick_at < 3 * tick_s:
        return float(tick_s)
    return tick_s - (now_s - rows[0].tick_at) % tick_s


# -- prune --------------------------------------------------------------------------------------------------------


class Old(NamedTuple):
    """What one table holds that is past its time."""

    table: str
    key: str
    before: int | str
    rows: int


class Pruned(NamedTuple):
    """What was (or would be) taken out, and what the file would shrink to by VACUUM."""

    old: tuple[Old, ...]
    size: int
    free: int  # bytes inside the file that hold nothing any more

    @property
    def rows(self) -> int:
        """In all."""
        return sum(one.rows for one in self.old)


def believed_s(config: Config, now_s: int) -> int:
    """The wall time as far as it is to be believed, as the ticks do before they take anything out: a clock that nobody
    keeps, or that was stepped, may be years ahead, and a year of records is gone at once. Raises StoreTrouble."""
    state = query.last_book(config.paths).book.state
    clock = Clocks(config.site.timezone, config.site.tick_s, REAL)(state, None)
    if clock.synced and not clock.stepped:
        return now_s
    with reading(config.paths.db) as db:
        return min(now_s, at_most_s(db, clock.plant_s))


def look(config: Config, days: int | None, now_s: int) -> Pruned:
    """What is past its time: records 400 days, telemetry 7, stats 90; with `days`, ticks and all of these sooner.

    Events and the roll-ups of each hour are never taken out. Raises StoreTrouble; StoreError for a file of a newer
    program, which alone knows what it keeps there.
    """
    with reading(config.paths.db) as db:
        refuse_newer(schema_of(db), STEPS)
        old = tuple(one for one in (_old(db, *about) for about in _limits(days, now_s)) if one.rows)
        return Pruned(old, *_sizes(db))


def _limits(days: int | None, now_s: int) -> Iterator[tuple[str, str, int | str]]:
    kept_s = None if days is None else max(LEAST_DAYS, days) * DAY_S
    for table, usual_s in RETENTION_S.items():
        before = now_s - (usual_s if kept_s is None else min(usual_s, kept_s))
        yield (table, "tick_at", before) if table in ("anchors", "telemetry") else (table, "id", before * 64)
    yield "stats", "timestamp", iso(now_s - min(STATS_KEPT_S, kept_s or STATS_KEPT_S))
    if kept_s is not None:
        yield "mine_states", "timestamp", iso(now_s - kept_s)


def _old(db: sqlite3.Connection, table: str, key: str, before: int | str) -> Old:
    rows = db.execute(f"SELECT count(*) FROM {table} WHERE {key} < ?", (before,)).fetchone()[0]  # noqa: S608 - our own names
    return Old(table, key, before, int(rows))


def _sizes(db: sqlite3.Connection) -> tuple[int, int]:
    page, pages, free = (
        int(db.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("page_size", "page_count", "freelist_count")
    )
    return page * pages, page * free


def prune(
    config: Config,
    found: Pruned,
    who: Who,
    progress: Progress,
    *,
    clock: Callable[[], float] = time.time,
    pause: Callable[[float], None] = time.sleep,
) -> int:
    """Take it out in the pauses between ticks; gives the rows. Raises StoreTrouble, Busy; what is out stays out."""
    done = 0
    for one in found.old:
        gone = 1
        while gone:
            left_s = pause_left_s(config, clock()) - MARGIN_S
            if left_s < BITE_S:
                pause(max(BITE_S, left_s + MARGIN_S))  # over the start of the next tick; `waited` then sits it out
            with _locked(config, pause):
                gone = _bites(config.paths, one, left_s)
            done += gone
            progress(done, found.rows)
            pause(0.01)
    _told(config, done, found, who, int(clock()), pause)
    return done


def _locked(config: Config, pause: Callable[[float], None]) -> "_Held":
    return _Held(waited(config, pause))


class _Held:
    """A lock that is taken already, as a context."""

    def __init__(self, lock: TickLock) -> None:
        self.lock = lock

    def __enter__(self) -> None:
        """It is taken already."""

    def __exit__(self, *about: object) -> None:
        self.lock.__exit__(None, None, None)


def _bites(paths: Paths, one: Old, left_s: float) -> int:
    """Bites until the pause is over (one at least), each a commit of its own."""
    gone, ends = 0, time.monotonic() + min(left_s, 5.0)
    try:
        with closing(connect(paths.db)) as db:
            while True:
                bite = _bite(db, one)
                gone += bite
                if not bite or time.monotonic() + BITE_S > ends:
                    return gone
    except (sqlite3.Error, OSError) as error:
        raise trouble_of(error) from error


def _bite(db: sqlite3.Connection, one: Old) -> int:
    with transaction(db):
        sql = (
            f"DELETE FROM {one.table} WHERE {one.key} IN"  # noqa: S608 - our own names
            f" (SELECT DISTINCT {one.key} FROM {one.table} WHERE {one.key} < ? ORDER BY {one.key} LIMIT ?)"
        )
        return db.execute(sql, (one.before, HOURS if one.table == "stats" else BITE)).rowcount


def _told(config: Config, done: int, found: Pruned, who: Who, now_s: int, pause: Callable[[float], None]) -> None:
    if not done:
        return
    tables = ", ".join(one.table for one in found.old)
    numbers: tuple[tuple[str, str | int], ...] = (("rows", done), ("tables", tables), *who.numbers)
    event = Event("pruned", "info", "store", Reason("store", "pruned", numbers))
    with _locked(config, pause):
        note(config.paths, (event,), now_s)


def vacuum(config: Config, pause: Callable[[float], None] = time.sleep) -> tuple[int, int]:
    """Write the file anew without its holes, under the lock: (bytes before, after). Raises StoreTrouble, Busy."""
    path = config.paths.db
    before = path.stat().st_size
    with _locked(config, pause):
        try:
            with closing(connect(path)) as db:
                db.execute("PRAGMA temp_store=FILE")  # else all of it stands in memory first, which a small board lacks
                db.execute("VACUUM")
        except (sqlite3.Error, OSError) as error:
            raise trouble_of(error) from error
    return before, path.stat().st_size


def vacuum_s(found: Pruned) -> int:
    """About how long VACUUM takes on a card: it writes what is kept twice."""
    return 1 + 2 * (found.size - found.free) // COPY_BYTES_S
