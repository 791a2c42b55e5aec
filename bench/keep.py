"""A year's file: `python bench/keep.py [MINERS] [DAYS] [FOLDER]`. What it weighs, and what is done with it costs.

One hour of ticks is written by the store itself; a year repeats its rows under other times, as a year would leave them
(records 400 days, telemetry a week, stats 90 days, roll-ups and events for ever). Wall time beside a plain copy of the
same bytes with `fsync`, so that a slow disk shows as such. FOLDER: a place on the disk that is to be measured.
"""

import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from figures import say
from store import ledger  # type: ignore[import-not-found]  # the tests have it

from mine_controller.core.model.book import Book
from mine_controller.core.model.reason import Event, Reason
from mine_controller.store import query
from mine_controller.store.copies import back_up, keep_hour
from mine_controller.store.db import Places, connect, copy_bytes, iso, transaction
from mine_controller.store.events import add_events, event_row
from mine_controller.store.history import RETENTION_S, STATS_KEPT_S, prune
from mine_controller.store.putback import judge
from mine_controller.store.records import ROUNDS
from mine_controller.store.store import open_store

HOUR_S, DAY_S, TICK_S = 3600, 86_400, 120
NEWEST = ledger.NOON
EVENTS_A_DAY = 40


def hour_of_ticks(paths: Places, miners: int) -> None:
    """Two hours through the store, so that one is rolled up; an anchor and a copy with it."""
    rules = ledger.policy(miners)
    for number in range(62):
        at = NEWEST - 2 * HOUR_S + number * TICK_S
        with open_store(paths, "bench") as store:
            found = store.load(ledger.BOOT, "c0ffee" * 10)
            book = found.book if found.tick_at else Book(ledger.full_state(rules))
            made = ledger.make_tick(rules, book, at, commands=0)
            store.save(made.tick, made.rounds, made.book, at + 5)


class Hour(NamedTuple):
    """The rows of one hour, as the store wrote them."""

    records: list[tuple[Any, ...]]
    states: list[tuple[Any, ...]]
    told: list[tuple[Any, ...]]
    anchor: bytes
    rolled: bytes
    stats: list[tuple[Any, ...]]


def read_hour(db: sqlite3.Connection) -> Hour:
    """They are what a year is made of."""
    return Hour(
        db.execute("SELECT body FROM records ORDER BY id LIMIT 30").fetchall(),
        db.execute("SELECT * FROM mine_states ORDER BY timestamp LIMIT 30").fetchall(),
        db.execute("SELECT fleet, body FROM telemetry ORDER BY tick_at LIMIT 30").fetchall(),
        db.execute("SELECT body FROM anchors LIMIT 1").fetchone()[0],
        db.execute("SELECT body FROM hours LIMIT 1").fetchone()[0],
        db.execute("SELECT * FROM stats WHERE timestamp = (SELECT min(timestamp) FROM stats)").fetchall(),
    )


def fill(paths: Places, days: int) -> None:
    """The same rows under every hour of the year before."""
    first = NEWEST - 2 * HOUR_S - days * DAY_S
    with closing(sqlite3.connect(paths.db, isolation_level=None)) as db:
        db.execute("PRAGMA synchronous=OFF")
        hour = read_hour(db)
        for day in range(days):
            with transaction(db):
                for number in range(24):
                    put(db, hour, first + day * DAY_S + number * HOUR_S)
                reason = Reason("decide", "mode", (("was", "RUNNING"), ("mode", "CURTAILING")))
                told = (first + day * DAY_S + n * DAY_S // EVENTS_A_DAY for n in range(EVENTS_A_DAY))
                add_events(db, [event_row(Event("mode", "info", "site", reason), at) for at in told])


def put(db: sqlite3.Connection, hour: Hour, at: int) -> None:
    """One hour of it, as far as it would still be there."""
    ticks = [at + number * TICK_S for number in range(30)]
    rows = [(iso(t), *row[1:19], t, t + 5, *row[21:]) for t, row in zip(ticks, hour.states, strict=True)]
    insert(db, "mine_states", rows)
    insert(db, "hours", [(at, hour.rolled)])
    if NEWEST - at < RETENTION_S["records"]:
        insert(db, "records", [(t * ROUNDS, *row) for t, row in zip(ticks, hour.records, strict=True)])
        insert(db, "anchors", [(at, hour.anchor)])
    if NEWEST - at < RETENTION_S["telemetry"]:
        insert(db, "telemetry", [(t, *row) for t, row in zip(ticks, hour.told, strict=True)])
    if NEWEST - at < STATS_KEPT_S:
        insert(db, "stats", [(row[0], iso(at), *row[2:]) for row in hour.stats])


def insert(db: sqlite3.Connection, table: str, rows: list[tuple[Any, ...]]) -> None:
    """Rows of all columns."""
    marks = ",".join("?" * len(rows[0]))
    db.executemany(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", rows)  # noqa: S608 - names of this file


def ms(work: Callable[[], object], times: int = 5) -> float:
    """The median of some runs, wall milliseconds."""
    spent = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        spent.append(1000 * (time.perf_counter() - began))
    return statistics.median(spent)


def synced_copy(source: Path, target: Path) -> None:
    """The floor: the same bytes, on the disk."""
    copy_bytes(source, target)
    with target.open("rb") as file:
        os.fsync(file.fileno())


def prune_one_hour(paths: Places, later_s: int) -> None:
    """What the first tick of an hour takes out."""
    with closing(connect(paths.db)) as db, transaction(db):
        prune(db, NEWEST + later_s)


def prune_days(paths: Places, days: int) -> tuple[int, float, float]:
    """As many days taken out at once, bite after bite: (bites, seconds, the longest bite in milliseconds)."""
    spent = []
    with closing(connect(paths.db)) as db:
        while db.execute(
            "SELECT 1 FROM records WHERE id < ?", ((NEWEST - RETENTION_S["records"] + days * DAY_S) * ROUNDS,)
        ).fetchone():
            began = time.perf_counter()
            with transaction(db):
                prune(db, NEWEST + days * DAY_S)
            spent.append(time.perf_counter() - began)
    return len(spent), sum(spent), 1000 * max(spent, default=0)


def main() -> None:
    """Print size and figures."""
    miners = int(sys.argv[1]) if len(sys.argv) > 1 else 160
    days = int(sys.argv[2]) if len(sys.argv) > 2 else 400
    with tempfile.TemporaryDirectory(prefix="minectl-year-", dir=sys.argv[3] if len(sys.argv) > 3 else None) as name:
        paths = Places.under(Path(name))
        hour_of_ticks(paths, miners)
        fill(paths, days)
        tell(paths, miners, days)


def tell(paths: Places, miners: int, days: int) -> None:
    """Each figure on a line."""
    size, folder = paths.db.stat().st_size, paths.backups
    print(f"{miners} miners, {days} days: {size / 1e6:.0f} MB ({size / 1e6 / days:.2f} MB a day)")
    with closing(sqlite3.connect(paths.db)) as db:
        for table, held in db.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY 1 ORDER BY 2 DESC LIMIT 7"):
            print(f"  {table:14} {held / 1e6:8.1f} MB")
    day_ms = ms(lambda: query.day_series(paths, NEWEST - DAY_S))
    say(f"24 h page query on {days} days' file", day_ms, "ms", goal=15.0, note=f"{size / 1e6:.0f} MB")
    print(f"newest 100 events                     {ms(lambda: query.events(paths)):8.1f} ms")
    folder.mkdir(exist_ok=True)
    with closing(connect(paths.db)) as db:
        print(f"hourly copy of what control needs     {ms(lambda: keep_hour(db, folder, NEWEST)):8.1f} ms")
    hour = next(folder.glob("hour-*.db"))
    print(f"  and opening it ({hour.stat().st_size / 1e3:.0f} kB)              {ms(lambda: judge(hour)):8.1f} ms")
    floor = ms(lambda: synced_copy(paths.db, folder / "floor"), 1)
    whole = ms(lambda: back_up(paths.db, folder / "whole.db"), 1)
    print(f"floor: the bytes copied, with fsync   {floor:8.0f} ms  1.0 x")
    print(f"whole copy by the backup API          {whole:8.0f} ms  {whole / floor:.1f} x")
    print(f"  and opening it, quick_check         {ms(lambda: judge(folder / 'whole.db'), 1):8.0f} ms")
    hours = iter(range(1, 50))
    print(f"an hour's prune in a tick             {ms(lambda: prune_one_hour(paths, next(hours) * HOUR_S)):8.1f} ms")
    bites, took_s, longest_ms = prune_days(paths, 100)
    print(f"100 days taken out, {bites} bites        {1000 * took_s:8.0f} ms  the longest {longest_ms:.0f} ms")
    print(f"following the hashes of all events    {ms(lambda: query.chain(paths), 1):8.0f} ms")


if __name__ == "__main__":
    main()
