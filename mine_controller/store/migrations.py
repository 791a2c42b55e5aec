"""The schema, as numbered steps. A step that was ever released is never changed; a change is a new step.

Every table that grows with each tick is ordered by time, so that a commit touches its last page only. `mine_states`,
`events`, `miners` and `stats` are what people query with the sqlite3 shell; their first columns are fixed.
"""

import sqlite3
from collections.abc import Sequence

from mine_controller.store.db import APPLICATION_ID, StoreError, transaction


def _cell(column: str, name: str, place: str) -> str:
    """Give the SQL for one cell of packed columns: a column that is the same all the way is one value."""
    listed = f"json_extract({column}, '$.{name}[' || {place} || ']')"
    return (
        f"CASE json_type({column}, '$.{name}') WHEN 'array' THEN {listed} ELSE json_extract({column}, '$.{name}') END"
    )


_COMMAND_LIST = f"""CREATE VIEW command_list AS
    SELECT strftime('%Y-%m-%dT%H:%M:%SZ', c.id / 64, 'unixepoch') AS timestamp, c.id % 64 AS round,
    t.value AS target, {_cell("c.body", "verb", "t.key")} AS verb,
    {_cell("c.body", "lane", "t.key")} AS lane, {_cell("c.body", "rung", "t.key")} AS rung,
    {_cell("c.answers", "verdict", "a.key")} AS verdict, {_cell("c.answers", "why", "a.key")} AS why
    FROM commands c JOIN json_each(c.body, '$.target') t
    LEFT JOIN json_each(c.answers, '$.command') a ON a.value = t.key"""  # noqa: S608 - constants of this file

_FIRST = (
    # The one row a tick starts from. sha256 is over all of it, so a damaged row is never taken for a state.
    """CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 1), version INT NOT NULL, seq INT NOT NULL,
        tick_at INT NOT NULL, round INT NOT NULL, hour_at INT NOT NULL, body BLOB NOT NULL, sha256 BLOB NOT NULL)
        STRICT""",
    # A row a tick. ended_at NULL: the tick is at work or died.
    """CREATE TABLE mine_states (timestamp TEXT PRIMARY KEY, mode TEXT, reason TEXT, signal TEXT, power_w INT,
        cap_w INT, inlet_c REAL, outlet_c REAL, humidity_pct REAL, grid_hz REAL, supply_kw REAL, price_p_kwh REAL,
        fan_w INT, fans_on INT, miners_total INT, miners_online INT, miners_hashing INT, hashrate_ths REAL,
        curtailed INT, tick_at INT NOT NULL, ended_at INT, rounds INT NOT NULL, config_sha TEXT, code TEXT)
        STRICT, WITHOUT ROWID""",
    """CREATE VIEW ticks AS SELECT tick_at, ended_at, rounds, mode, power_w, cap_w, inlet_c, fans_on, miners_hashing,
        miners_total, config_sha, code, timestamp FROM mine_states""",
    # id = tick_at * 64 + round: what `decide` read and the hash of what it answered.
    "CREATE TABLE records (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT",
    "CREATE TABLE anchors (tick_at INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT",
    "CREATE TABLE commands (id INTEGER PRIMARY KEY, body TEXT NOT NULL, answers TEXT NOT NULL) STRICT",
    _COMMAND_LIST,
    "CREATE TABLE fleets (id INTEGER PRIMARY KEY, ids TEXT NOT NULL UNIQUE) STRICT",
    "CREATE TABLE telemetry (tick_at INTEGER PRIMARY KEY, fleet INT NOT NULL, body TEXT NOT NULL) STRICT",
    """CREATE VIEW miner_history AS SELECT strftime('%Y-%m-%dT%H:%M:%SZ', y.tick_at, 'unixepoch') AS timestamp,
        m.value AS miner_id, json_extract(y.body, '$.power_w[' || m.key || ']') AS power_w,
        json_extract(y.body, '$.chip_c[' || m.key || ']') AS chip_c,
        json_extract(y.body, '$.hashrate_ths[' || m.key || ']') AS hashrate_ths
        FROM telemetry y JOIN fleets f ON f.id = y.fleet, json_each(f.ids) m""",
    "CREATE TABLE hours (hour_at INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT",
    """CREATE TABLE miners (id TEXT PRIMARY KEY, ip TEXT, miner_type TEXT, model TEXT, mac TEXT, firmware TEXT,
        discovered_at TEXT, last_seen TEXT, starts INT, last_start TEXT, last_stop TEXT, outlet TEXT)
        STRICT, WITHOUT ROWID""",
    """CREATE TABLE stats (miner_id TEXT NOT NULL, timestamp TEXT NOT NULL, hashrate REAL, temperature REAL, power INT,
        fan_speed INT, status TEXT, PRIMARY KEY (timestamp, miner_id)) STRICT, WITHOUT ROWID""",
    """CREATE TABLE events (timestamp TEXT NOT NULL, kind TEXT NOT NULL, severity TEXT NOT NULL, about TEXT NOT NULL,
        text TEXT NOT NULL, id INTEGER PRIMARY KEY, actor TEXT NOT NULL, reason TEXT NOT NULL, chain TEXT NOT NULL)
        STRICT""",
    "CREATE INDEX events_by_time ON events (timestamp)",
    """CREATE TABLE outbox (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, level INT NOT NULL, body TEXT NOT NULL,
        due_at INT NOT NULL, tries TEXT NOT NULL DEFAULT '[]', told_at INT) STRICT""",
    "CREATE INDEX outbox_open ON outbox (due_at) WHERE told_at IS NULL",
    """CREATE TABLE verdicts (request INTEGER PRIMARY KEY, tick_at INT NOT NULL, verdict TEXT NOT NULL,
        why TEXT NOT NULL) STRICT""",
    "CREATE TABLE names (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT",
    "CREATE TABLE configs (sha TEXT PRIMARY KEY, at INT NOT NULL, policy TEXT NOT NULL) STRICT, WITHOUT ROWID",
    f"PRAGMA application_id = {APPLICATION_ID}",
)

STEPS: tuple[tuple[str, ...], ...] = (_FIRST,)


def schema_of(db: sqlite3.Connection) -> int:
    """Give the number of the last step this file went through; 0: a new file. Raises StoreError for a foreign one."""
    number = int(db.execute("PRAGMA user_version").fetchone()[0])
    ours = db.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
    tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if not ours and number == 0 and tables:
        raise StoreError("this database belongs to another program; give minectl a path of its own")
    return number


def refuse_newer(number: int, steps: Sequence[Sequence[str]]) -> None:
    """Raise StoreError for a file that a newer program has already changed."""
    if number > len(steps):
        raise StoreError(
            f"the database has schema {number}, this program knows {len(steps)}: "
            "install the newer program again, or restore the copy made before its first start"
        )


def migrate(db: sqlite3.Connection, steps: Sequence[Sequence[str]] | None = None) -> int:
    """Take the file to the newest schema in one transaction; nothing happens when it is there. Gives the old number."""
    todo = STEPS if steps is None else steps
    number = schema_of(db)
    refuse_newer(number, todo)
    if number < len(todo):
        with transaction(db):
            for step in todo[number:]:
                for statement in step:
                    db.execute(statement)
            db.execute(f"PRAGMA user_version = {len(todo)}")
    return number
