"""Rows of the history for other programs, a piece at a time: no reader holds the file while a tick wants to commit."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from mine_controller.record import NamedTuple
from mine_controller.store.db import Paths, iso, reading
from mine_controller.store.history import COLUMNS, HOUR_S, fleets, read_hour

PIECE = 2000
Rows = list[tuple[Any, ...]]


class Sort(NamedTuple):
    """One sort of rows: its columns and how to read on after a key. `first` turns wall seconds into a key."""

    columns: tuple[str, ...]
    read: Callable[[Any, Any, Any], tuple[Rows, Any]]  # (db, after, until) -> rows, the key to go on after
    first: Callable[[int], Any]


EVENTS = ("id", "timestamp", "kind", "severity", "about", "actor", "text", "reason", "chain")
STATS = ("timestamp", "miner_id", "hashrate", "temperature", "power", "fan_speed", "status")
TICKS = ("tick_at", "ended_at", "rounds", "mode", "reason", "config_sha", "code")
MINERS = (
    "id", "ip", "miner_type", "model", "mac", "firmware", "discovered_at", "last_seen", "starts", "last_start",
    "last_stop", "outlet",
)  # fmt: skip
TELEMETRY = ("timestamp", "miner_id", "power_w", "chip_c", "hashrate_ths", "word")
HOURS = ("timestamp", "what", "lowest", "mean", "highest")


def _events(db: Any, after: Any, until: Any) -> tuple[Rows, Any]:
    since, number = after
    sql = f"SELECT {', '.join(EVENTS)} FROM events WHERE id > ? AND timestamp BETWEEN ? AND ? ORDER BY id LIMIT ?"  # noqa: S608 - constants
    rows = db.execute(sql, (number, iso(since), until, PIECE)).fetchall()
    return rows, (since, rows[-1][0] if rows else number)


def _of_ticks(columns: Sequence[str]) -> Callable[[Any, Any, Any], tuple[Rows, Any]]:
    sql = (
        f"SELECT timestamp, {', '.join(columns)} FROM mine_states WHERE timestamp > ? AND timestamp <= ?"  # noqa: S608 - constants
        " ORDER BY timestamp LIMIT ?"
    )

    def read(db: Any, after: Any, until: Any) -> tuple[Rows, Any]:
        rows = db.execute(sql, (after, until, PIECE)).fetchall()
        return [row[1:] for row in rows], rows[-1][0] if rows else after

    return read


def _stats(db: Any, after: Any, until: Any) -> tuple[Rows, Any]:
    """By whole hours: the key is the time, and an hour has a row for each miner."""
    hours = db.execute(
        "SELECT DISTINCT timestamp FROM stats WHERE timestamp > ? AND timestamp <= ? ORDER BY timestamp LIMIT 24",
        (after, until),
    ).fetchall()
    if not hours:
        return [], after
    sql = f"SELECT {', '.join(STATS)} FROM stats WHERE timestamp > ? AND timestamp <= ? ORDER BY timestamp, miner_id"  # noqa: S608 - constants
    return db.execute(sql, (after, hours[-1][0])).fetchall(), hours[-1][0]


def _miners(db: Any, after: Any, until: Any) -> tuple[Rows, Any]:
    del until
    if after:
        return [], after
    return db.execute(f"SELECT {', '.join(MINERS)} FROM miners ORDER BY id").fetchall(), "all"  # noqa: S608 - constants


def _telemetry(db: Any, after: Any, until: Any) -> tuple[Rows, Any]:
    found = db.execute(
        "SELECT y.tick_at, f.ids, y.body FROM telemetry y JOIN fleets f ON f.id = y.fleet"
        " WHERE y.tick_at > ? AND y.tick_at <= ? ORDER BY y.tick_at LIMIT 30",
        (after, until),
    ).fetchall()
    rows: Rows = []
    for tick_at, ids, body in found:
        try:
            rows += _of_miners(iso(tick_at), ids, body)
        except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
            raise ValueError(f"telemetry of {iso(tick_at)}") from error
    return rows, found[-1][0] if found else after


def _of_miners(timestamp: str, ids: str, body: str) -> Rows:
    columns, miners = json.loads(body), json.loads(ids)
    empty = [None] * len(miners)
    words = [None if place is None else columns["words"][place] for place in columns["word"]]
    figures = (columns.get(name) or empty for name in TELEMETRY[2:5])
    return [(timestamp, *row) for row in zip(miners, *figures, words, strict=True)]


def _hours(db: Any, after: Any, until: Any) -> tuple[Rows, Any]:
    found = db.execute(
        "SELECT hour_at, body FROM hours WHERE hour_at > ? AND hour_at <= ? ORDER BY hour_at LIMIT 24", (after, until)
    ).fetchall()
    rows: Rows = []
    by_number = fleets(db) if found else {}
    for hour_at, body in found:
        try:
            rows += _of_hour(iso(hour_at), read_hour(body, by_number))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"the hour of {iso(hour_at)}") from error
    return rows, found[-1][0] if found else after


def _of_hour(timestamp: str, told: dict[str, Any]) -> Rows:
    spreads = list(told["site"].items())
    for name, column in told["miners"].items():
        miners = (f"miner {miner}:{name}" for miner in told["ids"])
        spreads += zip(miners, column, strict=True)
    rows: Rows = []
    for name, spread in spreads:
        low, mean, high = spread or (None,) * 3
        rows.append((timestamp, name, low, mean, high))
    return rows


def _before(since: int) -> str:
    return iso(since - 1) if since else ""


SORTS: dict[str, Sort] = {
    "events": Sort(EVENTS, _events, lambda since: (since, 0)),
    "states": Sort(COLUMNS, _of_ticks(COLUMNS), _before),
    "ticks": Sort(TICKS, _of_ticks(TICKS), _before),
    "stats": Sort(STATS, _stats, _before),
    "miners": Sort(MINERS, _miners, lambda _since: ""),
    "telemetry": Sort(TELEMETRY, _telemetry, lambda since: since - 1),
    "hours": Sort(HOURS, _hours, lambda since: since - HOUR_S),
}
_BY_SECONDS = ("telemetry", "hours")


def pieces(paths: Paths, sort: str, since: int, until: int) -> Iterator[Rows]:
    """Rows oldest first, some thousand at a time, each read by its own opening. Raises StoreTrouble, ValueError."""
    about = SORTS[sort]
    after, last = about.first(since), until if sort in _BY_SECONDS else iso(until)
    while True:
        with reading(paths.db) as db:
            rows, after = about.read(db, after, last)
        if not rows:
            return
        yield rows


def how_many(paths: Paths, sort: str, since: int, until: int) -> int:
    """About how many rows there will be, for a progress bar. Raises StoreTrouble."""
    name = {"states": "mine_states", "ticks": "mine_states"}.get(sort, sort)
    if sort == "miners":
        sql, values = "SELECT count(*) FROM miners", ()
    else:
        key = {"telemetry": "tick_at", "hours": "hour_at"}.get(sort, "timestamp")
        bounds: tuple[Any, Any] = (since, until) if sort in _BY_SECONDS else (iso(since), iso(until))
        sql, values = f"SELECT count(*) FROM {name} WHERE {key} BETWEEN ? AND ?", bounds  # type: ignore[assignment]  # noqa: S608 - constants
    with reading(paths.db) as db:
        return int(db.execute(sql, values).fetchone()[0])
