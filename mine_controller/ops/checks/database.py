"""Whether the database is whole, looked at without keeping a tick out of it.

Who reads lets nobody commit, and a tick waits for two seconds: gigabytes on a card are looked at for as long as no tick
is due, and no longer.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from mine_controller.config.model import Config
from mine_controller.ops.checks.check import FAIL, OK, WARN, Check
from mine_controller.ops.keep import pause_left_s
from mine_controller.store import query
from mine_controller.store.db import StoreError, StoreTrouble, reading
from mine_controller.store.migrations import STEPS, schema_of

SHORT_S = 1.5  # beside a tick at work: less than it waits for the file
INSTRUCTIONS = 20_000  # of SQLite's, between two looks at the time
RESTORE = "the next tick sets it aside and goes on from the newest hourly copy in backups/"
KEEP = "no tick writes over it: look whose file it is (chown minectl:), and at its disk (dmesg)"


def database(config: Config, now_s: int) -> Iterator[Check]:
    """Its pages, its schema, the chain of its events. `now_s` is wall time."""
    path = config.paths.db
    if not path.exists():
        yield Check("database", OK, f"{path.name} is not there yet; the first tick makes it")
        return
    try:
        spare_s = _spare_s(config, now_s)
        until = time.monotonic() + spare_s
        said, schema = _looked(path, lambda: time.monotonic() >= until)
        broken = query.broken_event(config.paths)
    except (StoreTrouble, StoreError) as trouble:
        yield Check("database", FAIL, str(trouble), RESTORE if getattr(trouble, "kind", "") == "corrupt" else KEEP)
        return
    size = f"{path.stat().st_size / 1e6:.1f} MB, schema {schema}"
    if said not in ("ok", ""):
        yield Check("database", FAIL, f"quick_check says: {said[:120]}", RESTORE)
    elif schema > len(STEPS):
        yield Check("database", FAIL, f"{size} is of a newer program", "install the newer program again")
    elif broken is not None:
        yield Check("database", WARN, f"event {broken} was changed after it was written", "ask who had access to it")
    else:
        part = f"nothing wrong in {max(0.0, spare_s):.0f} s, more no tick leaves: `minectl backup` looks at all of it"
        old = "" if schema == len(STEPS) else f"; the next tick takes it to schema {len(STEPS)}"
        yield Check("database", OK, f"{'quick_check ok' if said else part}, {size}{old}")


def _spare_s(config: Config, now_s: int) -> float:
    """How long the file may be read in one go: until the next tick is due; beside one at work next to nothing."""
    newest = query.ticks(config.paths, limit=1)
    at_work = bool(newest) and newest[0].ended_at is None and 0 <= now_s - newest[0].tick_at < config.site.tick_s
    return SHORT_S if at_work else max(SHORT_S, pause_left_s(config, now_s))


def _looked(path: Path, ended: Callable[[], bool]) -> tuple[str, int]:
    """What quick_check says, "" where it was ended before its end, and the number of the schema. StoreTrouble."""
    with reading(path) as db:
        db.set_progress_handler(lambda: int(ended()), INSTRUCTIONS)
        try:
            said = str(db.execute("PRAGMA quick_check(1)").fetchone()[0])
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                raise
            said = ""
        finally:
            db.set_progress_handler(None, 0)
        return said, schema_of(db)
