"""Reading for everyone else: pages, command line, replay. Nothing here writes a byte or keeps the writer waiting.

Each function opens the file read-only, asks once and closes. A missing file is an empty answer; StoreTrouble means the
file could not be read. Moments are epoch seconds in, ISO 8601 UTC out where a row says `timestamp`.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from sqlite3 import Connection
from typing import Any

from mine_controller.core.model.image import Image
from mine_controller.core.model.state import State
from mine_controller.core.model.wiring import MinerSpec
from mine_controller.core.money.ledger import GAP_S, Segment
from mine_controller.record import NamedTuple
from mine_controller.store import money
from mine_controller.store.codec import Keys
from mine_controller.store.db import Paths, StoreTrouble, iso, reading
from mine_controller.store.events import Chain, EventRow, first_broken, follow
from mine_controller.store.history import COLUMNS, HOUR_S, SERIES, fleets, read_hour
from mine_controller.store.loading import Kept, Loaded, loaded, read_kept, unpack_body
from mine_controller.store.outbox import Letter, all_letters
from mine_controller.store.records import ROUNDS, Recorded, unpack_answers, unpack_commands, unpack_record

POINTS_MOST = 1440  # a day in minutes; more points than a chart has pixels are thinned

_FOR_EVER_S = 253_402_300_799
_HEAD = "(SELECT strftime('%Y-%m-%dT%H:%M:%SZ', tick_at, 'unixepoch') FROM state WHERE id = 1)"


class Series(NamedTuple):
    """Columns of equal length: `at` wall seconds, `columns` by the names of mine_states, None where unknown.

    `signals`: the power signal's word.
    """

    at: list[int]
    modes: list[str]
    columns: dict[str, list[float | None]]
    signals: list[str | None]


class TickRow(NamedTuple):
    """One tick. ended_at None: at work, or it died."""

    tick_at: int
    ended_at: int | None
    rounds: int
    mode: str
    reason: str
    config_sha: str
    code: str


# Each miner of one kept config: what it draws at work, its section and its pools; nobody of one that is damaged.
_LISTED = (
    "SELECT json_extract(m.value, '$.id'), json_extract(m.value, '$.nominal_w'), json_extract(m.value, '$.group'),"
    " coalesce(json_extract(m.value, '$.pools'), '[]') FROM configs c,"
    " json_each(CASE WHEN json_valid(c.policy) THEN c.policy ELSE '{}' END, '$.wiring.miners') m WHERE c.sha = ?"
)


@contextmanager
def _asked(paths: Paths) -> Iterator[Connection | None]:
    """Give the database, or None where there is none yet."""
    if not paths.db.exists():
        yield None
        return
    with reading(paths.db) as db:
        yield db


def last_book(paths: Paths, boot_id: str = "", config_sha: str = "") -> Loaded:
    """Give what `Store.load` would, without a lock and without putting anything right: for dry runs and pages.

    While a tick is at work `book.died` names it; who holds the lock is the lock's to say.
    """
    try:
        with _asked(paths) as db:
            kept = read_kept(db, paths)
    except StoreTrouble as trouble:
        kept = Kept(None, trouble=(trouble.text,), lost=True)
    return loaded(kept, paths, boot_id, config_sha)


def history(
    paths: Paths, since: int = 0, until: int | None = None, columns: Sequence[str] = COLUMNS, most: int = 100_000
) -> tuple[tuple[Any, ...], ...]:
    """Give rows of mine_states, newest first, the columns as asked. ValueError names one that does not exist.

    `until` None: up to the tick whose state is in force. What lies behind it was written by a clock that was ahead and
    has been set back: the newest name, and not the newest tick.
    """
    for name in columns:
        if name not in COLUMNS:
            raise ValueError(f"mine_states has no column {name!r}; it has {', '.join(COLUMNS)}")
    chosen = ", ".join(columns)
    return _rows(
        paths,
        f"SELECT {chosen} FROM mine_states WHERE timestamp BETWEEN ? AND coalesce(?, {_HEAD}, ?)"  # noqa: S608 - checked
        " ORDER BY timestamp DESC LIMIT ?",
        (iso(since), None if until is None else iso(until), iso(_FOR_EVER_S), most),
    )


def _rows(paths: Paths, sql: str, values: tuple[Any, ...]) -> tuple[tuple[Any, ...], ...]:
    with _asked(paths) as db:
        return () if db is None else tuple(db.execute(sql, values).fetchall())


def events(
    paths: Paths,
    kind: str = "",
    since: int = 0,
    until: int = _FOR_EVER_S,
    actor: str = "",
    about: str = "",
    limit: int = 100,
) -> tuple[EventRow, ...]:
    """Give events, newest first; an empty word narrows nothing.

    Newest is what was written last: a wall clock that was ahead has later times in older rows.
    """
    sql = (
        "SELECT timestamp, kind, severity, about, text, actor, reason FROM events WHERE timestamp BETWEEN ? AND ?"
        " AND (? = '' OR kind = ?) AND (? = '' OR actor = ?) AND (? = '' OR about = ?) ORDER BY id DESC LIMIT ?"
    )
    rows = _rows(
        paths,
        sql if since else sql.replace("WHERE timestamp", "WHERE +timestamp"),  # by id all the way: nothing to sort
        (iso(since), iso(until), kind, kind, actor, actor, about, about, limit),
    )
    return tuple(EventRow(*row) for row in rows)


def events_of(paths: Paths, abouts: Sequence[str], since: int, until: int, most: int) -> tuple[EventRow, ...]:
    """Give the newest `most` events about each of these, newest first."""
    marks = ",".join("?" * len(abouts))
    rows = _rows(
        paths,
        "SELECT timestamp, kind, severity, about, text, actor, reason FROM (SELECT *, row_number()"  # noqa: S608 - marks
        " OVER (PARTITION BY about ORDER BY id DESC) AS nth FROM events"
        f" WHERE timestamp BETWEEN ? AND ? AND about IN ({marks})) WHERE nth <= ? ORDER BY id DESC",
        (iso(since), iso(until), *abouts, most),
    )
    return tuple(EventRow(*row) for row in rows)


def ticks(paths: Paths, since: int = 0, until: int | None = None, limit: int = 100) -> tuple[TickRow, ...]:
    """Give ticks, newest first, as `history` does."""
    columns = ("tick_at", "ended_at", "rounds", "mode", "reason", "config_sha", "code")
    return tuple(TickRow(*row) for row in history(paths, since, until, columns, limit))


def day_series(paths: Paths, since_wall_s: int, until_wall_s: int = _FOR_EVER_S) -> Series:
    """Give the trends since then, oldest first; at most POINTS_MOST points, each the newest of its stretch."""
    rows = _rows(
        paths,
        f"SELECT tick_at, mode, signal, {', '.join(SERIES)} FROM mine_states"  # noqa: S608 - constants
        " WHERE timestamp BETWEEN ? AND ? ORDER BY timestamp",
        (iso(since_wall_s), iso(until_wall_s)),
    )
    step = -(-len(rows) // POINTS_MOST) or 1
    kept = rows[(len(rows) - 1) % step :: step]
    if not kept:
        return Series([], [], {name: [] for name in SERIES}, [])
    at, modes, signals, *columns = map(list, zip(*kept, strict=True))
    return Series(at, modes, dict(zip(SERIES, columns, strict=True)), signals)


def rolled(paths: Paths, since: int, until: int, step_s: int) -> tuple[tuple[Any, ...], ...]:
    """Give mine_states in stretches of `step_s`, oldest first.

    Each (at, ticks, known, mean power_w, most power_w, least inlet_c, most inlet_c, mean fans_on, mean miners_hashing,
    share curtailed): `known` of its `ticks` have a power; the rest is over what is known, or None.
    """
    return _rows(
        paths,
        "SELECT tick_at / ? * ?, count(*), count(power_w), avg(power_w), max(power_w), min(inlet_c), max(inlet_c),"
        " avg(fans_on), avg(miners_hashing), avg(curtailed) FROM mine_states"
        " WHERE timestamp >= ? AND timestamp < ? GROUP BY 1 ORDER BY 1",
        (step_s, step_s, iso(since), iso(until)),
    )


def lasting(paths: Paths, since: int, until: int, step_s: int, tick_s: int) -> tuple[tuple[Any, ...], ...]:
    """Give (at, watt seconds, seconds curtailed) of the same stretches, oldest first.

    A tick counts until the next one, however far apart ticks were then; before a gap, and the last one, for `tick_s`.
    """
    return _rows(
        paths,
        "SELECT tick_at / ? * ?, total(power_w * lasts_s), total(curtailed * lasts_s)"
        " FROM (SELECT *, CASE WHEN next_at - tick_at BETWEEN 1 AND ? THEN next_at - tick_at ELSE ? END AS lasts_s"
        " FROM (SELECT tick_at, power_w, curtailed, lead(tick_at) OVER (ORDER BY timestamp) AS next_at"
        " FROM mine_states WHERE timestamp >= ? AND timestamp < ?)) GROUP BY 1 ORDER BY 1",
        (step_s, step_s, max(GAP_S, 2 * tick_s), tick_s, iso(since), iso(until)),
    )


def miner_hours(paths: Paths, since: int) -> tuple[tuple[str, str, float | None, float | None, float | None], ...]:
    """Give (miner, timestamp, mean power_w, chip_c, hashrate_ths) of each rolled hour since then, oldest first."""
    return _rows(
        paths,
        "SELECT miner_id, timestamp, power, temperature, hashrate FROM stats WHERE timestamp >= ? ORDER BY timestamp",
        (iso(since),),
    )


def hours(paths: Paths, since: int = 0, until: int = _FOR_EVER_S) -> tuple[tuple[int, dict[str, Any]], ...]:
    """Give (hour_at, roll-up) of past hours, oldest first; see `history.read_hour` for the roll-up's shape."""
    with _asked(paths) as db:
        if db is None:
            return ()
        sql = "SELECT hour_at, body FROM hours WHERE hour_at BETWEEN ? AND ? ORDER BY hour_at"
        rows, by_number = db.execute(sql, (since - HOUR_S, until)).fetchall(), fleets(db)
    return tuple((hour_at, read_hour(body, by_number)) for hour_at, body in rows)


def segments(
    paths: Paths, since: int, until: int = _FOR_EVER_S, idle_w: Mapping[str, int] | None = None
) -> tuple[Segment, ...]:
    """Give what was drawn and what it cost since then, oldest first: past hours as rolled, the rest out of telemetry.

    Whatever begins in since..until counts. `idle_w`: see `core.money.integrate`, for what is not rolled yet.
    ValueError: a damaged hour.
    """
    rolled = hours(paths, since, until)
    with _asked(paths) as db:
        if db is None:
            return ()
        by_number = fleets(db)
        # None of days to come, which a clock that was ahead has left.
        newest = db.execute("SELECT max(hour_at) FROM hours WHERE hour_at <= ?", (until,)).fetchone()[0]
        last = db.execute("SELECT max(tick_at) FROM telemetry").fetchone()[0]
        found = [one for hour_at, tree in rolled for one in money.unpack(tree.get("money") or (), hour_at, by_number)]
        first = db.execute("SELECT min(tick_at) FROM telemetry").fetchone()[0] if newest is None else newest + HOUR_S
        if first is not None and last is not None:
            for hour_at in range(max(first, since) // HOUR_S * HOUR_S, min(last, until) + money.AROUND_S, HOUR_S):
                found += money.roll(db, hour_at, idle_w or {})
    return tuple(one for one in found if since <= one.at_s < until)


def nominal_w(paths: Paths, miners: Iterable[MinerSpec], found: Iterable[Segment]) -> dict[str, int]:
    """Give by miner what it draws at work, of `ever_listed`."""
    return {name: spec.nominal_w for name, spec in ever_listed(paths, miners, found).items()}


def ever_listed(paths: Paths, miners: Iterable[MinerSpec], found: Iterable[Segment]) -> dict[str, MinerSpec]:
    """Give the miners listed, and of these segments those that have left the fleet, by the newest config that listed
    them: what they draw, their section, their pools. Without theirs the past would cost more, and have earned less,
    with every miner that is sold.
    """
    known = {spec.id: spec for spec in miners}
    gone = {name for ids in {one.ids for one in found} for name in ids} - known.keys()
    if not gone:
        return known
    with _asked(paths) as db:
        if db is None:
            return known
        for (sha,) in db.execute("SELECT sha FROM configs ORDER BY at DESC").fetchall():
            for name, watts, group, pools in db.execute(_LISTED, (sha,)):
                if name in gone:
                    known[name] = MinerSpec(name, "", str(group), int(watts), 0, pools=tuple(json.loads(pools)))
            gone -= known.keys()
            if not gone:
                break
    return known


def miners(paths: Paths) -> tuple[dict[str, Any], ...]:
    """Give the rows of `miners` by column name."""
    with _asked(paths) as db:
        if db is None:
            return ()
        found = db.execute("SELECT * FROM miners ORDER BY id")
        names = [column[0] for column in found.description]
        return tuple(dict(zip(names, row, strict=True)) for row in found)


def letters(paths: Paths, most: int = 100, *, waiting: bool = False) -> tuple[Letter, ...]:
    """Give messages of the outbox, newest first; `waiting`: only those not told yet."""
    with _asked(paths) as db:
        return () if db is None else all_letters(db, most, waiting=waiting)


def record(paths: Paths, tick_at: int) -> tuple[Recorded, ...]:
    """Give the rounds of one tick, in order; empty when it has no record (any more). ValueError: a damaged one."""
    return tuple(records(paths, tick_at, tick_at))


def records(paths: Paths, since: int, until: int) -> Iterator[Recorded]:
    """Give the recorded rounds of the ticks `since` <= tick_at <= `until`, oldest first, a thousand at a time."""
    names = _Names()
    after = since * ROUNDS - 1
    while True:
        with _asked(paths) as db:
            if db is None:
                return
            names.read(db)
            rows = db.execute(
                "SELECT r.id, r.body, c.body, c.answers FROM records r LEFT JOIN commands c ON c.id = r.id"
                " WHERE r.id > ? AND r.id < ? ORDER BY r.id LIMIT 1000",
                (after, (until + 1) * ROUNDS),
            ).fetchall()
        for key, body, commands, answers in rows:
            yield _recorded(key, body, commands, answers, names)
        if not rows:
            return
        after = rows[-1][0]


class _Names:
    """The channels' names by their numbers, and the keys already spelled with them."""

    def __init__(self) -> None:
        self._by_number: dict[int, str] = {}
        self.keys = Keys(self)

    def read(self, db: Connection) -> None:
        """Learn the names that came since; a number never changes its name."""
        newest = max(self._by_number, default=0)
        self._by_number.update(db.execute("SELECT id, name FROM names WHERE id > ?", (newest,)))

    def __call__(self, code: int | str) -> str:
        if isinstance(code, str):
            return code
        if code not in self._by_number:
            raise ValueError(f"a record names channel {code}, which is not known")
        return self._by_number[code]


def _recorded(key: int, body: bytes, commands: str | None, answers: str | None, names: _Names) -> Recorded:
    found = unpack_record(key, body, names, names.keys)
    if commands is None:
        return found
    sent = unpack_commands(commands)
    return found._replace(commands=sent, outcomes=unpack_answers(answers or "{}", sent))


class Anchor(NamedTuple):
    """State and image as one tick left them; replay begins with the tick after it."""

    tick_at: int
    state: State
    image: Image | None
    config_sha: str


def anchor(paths: Paths, tick_at: int) -> Anchor | None:
    """Give the newest anchor not after `tick_at`. ValueError: a damaged one."""
    rows = _rows(
        paths, "SELECT tick_at, body FROM anchors WHERE tick_at <= ? ORDER BY tick_at DESC LIMIT 1", (tick_at,)
    )
    if not rows:
        return None
    state, image, config_sha, _notes = unpack_body(rows[0][1])
    return Anchor(rows[0][0], state, image, config_sha)


def anchors(paths: Paths, since: int = 0, until: int = _FOR_EVER_S) -> tuple[int, ...]:
    """Give the ticks that have an anchor, oldest first."""
    rows = _rows(paths, "SELECT tick_at FROM anchors WHERE tick_at BETWEEN ? AND ? ORDER BY tick_at", (since, until))
    return tuple(at for (at,) in rows)


def policy_text(paths: Paths, config_sha: str, code: str = "") -> str | None:
    """Give the policy a tick ran on, for `policies.unpack_policy`; `config_sha` may be its first 16 letters.

    `code`: the program that ran it, where several made something of the same config.
    """
    from mine_controller.store.policies import coded  # noqa: PLC0415 - who asks for a policy unpacks it too

    for key in (coded(config_sha, code), config_sha) if config_sha else ():
        rows = _rows(paths, "SELECT policy FROM configs WHERE substr(sha, 1, ?) = ?", (len(key), key))
        if rows:
            return str(rows[0][0])
    return None


def chain(paths: Paths) -> Chain:
    """Follow the hashes of all events. Raises StoreTrouble."""
    with _asked(paths) as db:
        return Chain(0, "") if db is None else follow(db)


def broken_event(paths: Paths) -> int | None:
    """Give the id of the first event that was changed after it was written; None: the chain holds."""
    with _asked(paths) as db:
        return None if db is None else first_broken(db)
