"""What people look back on: a plain row a tick, the miners' telemetry, and each hour rolled up once it is over.

Rows hold None for what was not known; a mean is over the known values alone.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mine_controller.core.miners.hearing import told_now
from mine_controller.core.model.clock import Clock
from mine_controller.core.model.decision import Decision
from mine_controller.core.model.image import Image
from mine_controller.core.model.policy import Policy
from mine_controller.core.model.quantity import QUANTITIES
from mine_controller.core.model.reading import Value
from mine_controller.core.model.reason import CONTRACT
from mine_controller.core.model.state import MinerBook, State
from mine_controller.core.model.wiring import MinerSpec
from mine_controller.core.wording.words import sentence
from mine_controller.record import NamedTuple
from mine_controller.store import money
from mine_controller.store.codec import squeeze, text, unsqueeze
from mine_controller.store.db import iso, number, plain, whole, word
from mine_controller.store.state import ClockFacts

HOUR_S = 3600
CURTAILED = ("CURTAILING", "CURTAILED")
STILL_ON = 0.15  # of nominal power; above this a miner without a word of its own counts as hashing
UNSEEN = ("offline",)
TELEMETRY_EVERY_S = 55  # a site with ten-second ticks keeps one row a minute
RETENTION_S = {"records": 400 * 86_400, "anchors": 400 * 86_400, "commands": 400 * 86_400, "telemetry": 7 * 86_400}
STATS_KEPT_S = 90 * 86_400
TOLD_KEPT_S = 90 * 86_400
UNTOLD_KEPT_S = 14 * 86_400
BITE = 500  # rows of one table pruned in one hour, or twice what that hour brought: no tick pays for a year
BITE_MOST = 5000  # ten-second ticks of six rounds are 2,160 an hour

# The columns of mine_states that show figures, in the order of the table.
FIGURES = (
    "timestamp", "mode", "reason", "signal", "power_w", "cap_w", "inlet_c", "outlet_c", "humidity_pct", "grid_hz",
    "supply_kw", "price_p_kwh", "fan_w", "fans_on", "miners_total", "miners_online", "miners_hashing", "hashrate_ths",
    "curtailed",
)  # fmt: skip
COLUMNS = (*FIGURES, "tick_at", "ended_at", "rounds", "config_sha", "code")
SERIES = (
    "power_w", "cap_w", "inlet_c", "outlet_c", "humidity_pct", "grid_hz", "supply_kw", "price_p_kwh", "fan_w",
    "fans_on", "miners_online", "miners_hashing", "hashrate_ths", "curtailed",
)  # fmt: skip
HOURLY = ("power_w", "inlet_c", "outlet_c", "humidity_pct", "fan_w", "fans_on", "miners_hashing", "hashrate_ths")
MINER_QUANTITIES = ("power_w", "chip_c", "hashrate_ths")
FAN = "fan_rpm"  # a week by the tick and in `stats`; in no roll-up that is kept for ever


class TickFacts(NamedTuple):
    """What the store is told of a tick beside its rounds.

    `at` is wall time of round 0 and names the tick; `facts` are the clocks of its newest round.
    """

    at: int
    config_sha: str
    policy: Policy
    facts: ClockFacts


def mine_row(key: int, image: Image, decision: Decision, policy: Policy) -> tuple[Any, ...]:
    """Give the figures of one tick in the order of FIGURES; `key` is its wall time."""
    site = image.site
    watts = [fan.watts for fan in image.fans if fan.watts is not None]
    power_w = whole(_of(site, "site_power_w"))
    hashing, online = _counts(image, policy)
    return (
        iso(key),
        word(decision.mode),
        plain(sentence(decision.why)),
        word(_of(site, "signal")),
        _site_w(decision, watts) if power_w is None else power_w,
        whole(policy.site.power_cap_w) or None,
        number(_of(site, "inlet_c")),
        number(_of(site, "outlet_c")),
        number(_of(site, "humidity_pct")),
        number(_of(site, "grid_hz")),
        number(_of(site, "supply_kw")),
        number(_of(site, "price_p_kwh")),
        whole(sum(watts)) if watts else None,
        sum(fan.on is True for fan in image.fans) if image.fans else None,
        len(image.miners.ids),
        online,
        hashing,
        _hashrate(image, policy.wiring.miners),
        int(_curtailed(decision)),
    )


def _curtailed(decision: Decision) -> bool:
    """Whether the contract holds everything down, under whatever graver name: a person's stop, a heat stop, a fault."""
    return decision.mode in CURTAILED or any(
        limit.layer == CONTRACT and limit.what == "max_power_w" and limit.amount == 0
        for limit in decision.envelope.reasons
    )


def _site_w(decision: Decision, fan_watts: list[int]) -> int | None:
    """What is measured of the site where no meter is: miners and fans."""
    miners_w = whole(decision.plan.measured_w)
    return None if miners_w is None else miners_w + sum(fan_watts)


def _of(site: dict[str, Value], role: str) -> Any:
    held = site.get(role)
    return None if held is None else held.value


def _counts(image: Image, policy: Policy) -> tuple[int, int]:
    """Give how many miners hash and how many answer at all: by their own word, else by watts."""
    hashing = online = 0
    nominal = {spec.id: spec.nominal_w for spec in policy.wiring.miners}
    miners = image.miners
    for miner, power_w, said in zip(miners.ids, miners.power_w, miners.word, strict=True):
        lit = power_w is not None and power_w > STILL_ON * nominal.get(miner, 0)
        hashing += lit if said is None else said == "hashing"
        online += lit if said is None else said not in UNSEEN
    return hashing, online


def _hashrate(image: Image, miners: Sequence[MinerSpec]) -> float | None:
    known = [held for spec in miners if (held := _miner_value(image, spec, "hashrate_ths")) is not None]
    return shortened(sum(known), 2) if known else None


def shortened(value: float, decimals: int) -> float:
    """Rounded; of what so many decimals leave nothing of, three figures: the rate of a small board is not 0 TH/s."""
    found = round(value, decimals or None)
    return found if found or not value else float(f"{value:.3g}")


def _miner_value(image: Image, spec: MinerSpec, quantity: str) -> float | None:
    """Give a miner's value as its own group reports it, if it was known in this image's tick."""
    unit = f"{spec.group}/{spec.mac}"
    held = image.channels.get(f"{unit}:{quantity}")
    if held is None or image.clock.plant_s - held.at_s > QUANTITIES[quantity].max_age_s:
        return None
    if not told_now(image.channels, unit, f":{quantity}"):
        return None
    small_hs = money.rate_hs(image, unit) if quantity == "hashrate_ths" and held.value is not None else None
    return number(held.value) if small_hs is None else small_hs / money.TERA


def telemetry(image: Image, policy: Policy, state: State) -> tuple[str, str]:
    """Give (miner ids, columns) as JSON: power_w, chip_c, hashrate_ths, fan_rpm, word by a legend, what money needs."""
    specs = policy.wiring.miners
    words = list(dict.fromkeys(said for said in image.miners.word if said is not None))
    places = {said: place for place, said in enumerate(words)}
    columns: dict[str, Any] = {"power_w": image.miners.power_w}
    for quantity in (*MINER_QUANTITIES[1:], FAN):
        column = [_miner_value(image, spec, quantity) for spec in specs]
        if any(value is not None for value in column):
            columns[quantity] = column
    columns["word"] = [None if said is None else places[said] for said in image.miners.word]
    columns["words"] = words
    columns |= money.columns(image, policy, state)
    return text(image.miners.ids), text(columns)


def add_telemetry(db: sqlite3.Connection, rows: Iterable[tuple[int, str, str]]) -> None:
    """Keep (tick_at, ids, columns), inside the caller's transaction; the list of ids is kept once."""
    for tick_at, ids, body in rows:
        newest = db.execute("SELECT max(tick_at) FROM telemetry").fetchone()[0]
        if newest is not None and 0 <= tick_at - newest < TELEMETRY_EVERY_S:
            continue
        db.execute("INSERT OR IGNORE INTO fleets (ids) VALUES (?)", (ids,))
        db.execute(
            "INSERT OR REPLACE INTO telemetry (tick_at, fleet, body) SELECT ?, id, ? FROM fleets WHERE ids = ?",
            (tick_at, body, ids),
        )


def roll_hours(db: sqlite3.Connection, left_at: int, now_s: int, policy: Policy) -> None:
    """Roll up the hour that was left; after a disk that refused for long, also those since that are not yet."""
    known = {at for (at,) in db.execute("SELECT hour_at FROM hours WHERE hour_at > ?", (left_at,))}
    ended_s = min(now_s - HOUR_S, left_at + RETENTION_S["telemetry"])
    for hour_at in (left_at, *(at for at in range(left_at + HOUR_S, ended_s + 1, HOUR_S) if at not in known)):
        roll_hour(db, hour_at, policy)


def roll_hour(db: sqlite3.Connection, hour_at: int, policy: Policy) -> None:
    """Roll one past hour up, inside the caller's transaction: `hours` for ever, `stats` a row a miner."""
    figures = db.execute(
        f"SELECT {', '.join(HOURLY)} FROM mine_states WHERE timestamp >= ? AND timestamp < ?",  # noqa: S608 - constants
        (iso(hour_at), iso(hour_at + HOUR_S)),
    ).fetchall()
    if not figures:
        return
    site = {name: spread(column) for name, column in zip(HOURLY, zip(*figures, strict=True), strict=True)}
    miners = _roll_miners(db, hour_at)
    ids = list(miners)
    columns = {name: _in_three([miners[miner][name] for miner in ids]) for name in MINER_QUANTITIES}
    fleet = _fleet(db, text(ids)) if ids else 0
    tree: dict[str, Any] = {"ticks": len(figures), "site": site, "fleet": fleet, "miners": columns}
    paid = money.roll(db, hour_at, money.idle_of(policy))
    if paid:
        tree["money"] = money.pack(paid, hour_at, lambda ids: _fleet(db, ids))
    body = squeeze(tree, len(ids) * len(columns))
    db.execute("INSERT OR REPLACE INTO hours VALUES (?,?)", (hour_at, body))
    db.executemany(
        "INSERT OR REPLACE INTO stats (miner_id, timestamp, hashrate, temperature, power, fan_speed, status)"
        " VALUES (?,?,?,?,?,?,?)",
        (_stat(miner, iso(hour_at), miners[miner]) for miner in sorted(ids)),
    )


def _fleet(db: sqlite3.Connection, ids: str) -> int:
    """Give the number of a list of ids; it is kept once."""
    db.execute("INSERT OR IGNORE INTO fleets (ids) VALUES (?)", (ids,))
    return int(db.execute("SELECT id FROM fleets WHERE ids = ?", (ids,)).fetchone()[0])


def _in_three(spreads: list[list[float] | None]) -> list[list[float | None]]:
    """Give lowest, mean and highest as three columns: neighbours are alike, and two hours fit a page of the file."""
    return [[None if one is None else one[at] for one in spreads] for at in range(3)]


def _stat(miner: str, timestamp: str, rolled: dict[str, Any]) -> tuple[Any, ...]:
    power, chip, rate = (rolled[name] for name in MINER_QUANTITIES)
    mean_w, rpm = (whole(found[1]) if found else None for found in (power, rolled[FAN]))
    head = (plain(miner, 80), timestamp, rate[1] if rate else None, chip[1] if chip else None)
    return *head, mean_w, rpm, rolled["word"]


def spread(column: Iterable[object], decimals: int = 2) -> list[float] | None:
    """Give [lowest, mean, highest] of what is known, or None; the mean with so many decimals (0: a whole number)."""
    known = [value for value in column if isinstance(value, int | float)]
    if not known:
        return None
    return [min(known), shortened(sum(known) / len(known), decimals), max(known)]


_Heard = dict[str, dict[str, list[Any]]]  # by miner, by quantity or "word": what was known, oldest first


def _roll_miners(db: sqlite3.Connection, hour_at: int) -> dict[str, dict[str, Any]]:
    """Give [lowest, mean, highest] by miner and quantity, and the word last heard."""
    heard: _Heard = {}
    rows = db.execute(
        "SELECT f.ids, y.body FROM telemetry y JOIN fleets f ON f.id = y.fleet"
        " WHERE y.tick_at >= ? AND y.tick_at < ? ORDER BY y.tick_at",
        (hour_at, hour_at + HOUR_S),
    )
    for ids, body in rows:
        try:
            _hear(heard, json.loads(ids), json.loads(body))
        except (ValueError, KeyError, IndexError, TypeError):
            continue  # a damaged row is missing from a mean; it must not keep the tick from being saved
    return {
        miner: {"word": held["word"][-1] if held["word"] else None}
        | {name: spread(held[name], QUANTITIES[name].decimals) for name in (*MINER_QUANTITIES, FAN)}
        for miner, held in heard.items()
    }


def _hear(heard: _Heard, ids: list[str], body: dict[str, Any]) -> None:
    for place, miner in enumerate(ids):
        held = heard.setdefault(miner, {name: [] for name in (*MINER_QUANTITIES, FAN, "word")})
        for name in (*MINER_QUANTITIES, FAN):
            if body.get(name) and body[name][place] is not None:
                held[name].append(body[name][place])
        if body["word"][place] is not None:
            held["word"].append(body["words"][body["word"][place]])


def fleets(db: sqlite3.Connection) -> dict[int, list[str]]:
    """Give every list of miners' ids by its number."""
    return {int(number): json.loads(ids) for number, ids in db.execute("SELECT id, ids FROM fleets")}


def read_hour(body: bytes, by_number: Mapping[int, list[str]]) -> dict[str, Any]:
    """Give a rolled hour: ticks, site {name: [low, mean, high]}, ids, miners {name: [[low, mean, high], ...]}.

    `by_number` are the `fleets`. Raises ValueError for a damaged one.
    """
    tree: dict[str, Any] = unsqueeze(body)
    try:
        fleet = tree.pop("fleet")
        ids = by_number[fleet] if fleet else []
        return {**tree, "ids": ids, "miners": {name: _spreads(three) for name, three in tree["miners"].items()}}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"unreadable hour: {error!r}") from error


def _spreads(three: list[list[float | None]]) -> list[list[float | None] | None]:
    return [None if low is None else [low, mean, high] for low, mean, high in zip(*three, strict=True)]


def prune(db: sqlite3.Connection, wall_s: int) -> None:
    """Drop what is past its time, oldest first and little by little, inside the caller's transaction.

    The caller makes sure that `wall_s` is to be believed: a clock a year ahead must not eat the year.
    """
    for name, kept_s in RETENTION_S.items():
        key = "tick_at" if name in ("anchors", "telemetry") else "id"
        a_second = 64 if key == "id" else 1
        ((came,),) = db.execute(
            f"SELECT count(*) FROM (SELECT 1 FROM {name} WHERE {key} >= ? LIMIT ?)",  # noqa: S608 - constants
            ((wall_s - HOUR_S) * a_second, BITE_MOST // 2),
        )
        db.execute(
            f"DELETE FROM {name} WHERE {key} IN (SELECT {key} FROM {name} WHERE {key} < ? ORDER BY {key} LIMIT ?)",  # noqa: S608 - the same
            ((wall_s - kept_s) * a_second, max(BITE, 2 * came)),
        )
    db.execute(
        "DELETE FROM stats WHERE timestamp IN (SELECT DISTINCT timestamp FROM stats WHERE timestamp < ?"
        " ORDER BY timestamp LIMIT 3)",
        (iso(wall_s - STATS_KEPT_S),),
    )
    db.execute(
        "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE told_at < ? ORDER BY id LIMIT ?)",
        (wall_s - TOLD_KEPT_S, BITE),
    )
    db.execute(  # with no channel nobody is ever told; what is no emergency does not wait for ever
        "DELETE FROM outbox WHERE id IN"
        " (SELECT id FROM outbox WHERE told_at IS NULL AND level < 2 AND due_at BETWEEN 1000000000 AND ?"
        " ORDER BY id LIMIT ?)",
        (wall_s - UNTOLD_KEPT_S, BITE),
    )


def update_miners(db: sqlite3.Connection, clock: Clock, state: State, image: Image, policy: Policy) -> None:
    """Bring `miners` up to the hour, inside the caller's transaction: one row a wired miner, seen or not."""
    columns = image.miners
    seen = {
        miner: (at_s, address)
        for miner, at_s, address in zip(
            columns.ids, map(max, columns.power_at, columns.word_at), columns.address, strict=True
        )
    }
    for spec in policy.wiring.miners:
        at_s, address = seen.get(spec.id, (0, None))
        book = state.miners.get(spec.id, MinerBook())
        known = (_told(image, spec, "model"), _told(image, spec, "firmware"))
        db.execute(_MINER_UPSERT, (*_miner_row(spec, book, clock, at_s, address), *known))


_MINER_UPSERT = """INSERT INTO miners (id, ip, miner_type, mac, discovered_at, last_seen, starts, last_start, last_stop,
    outlet, model, firmware) VALUES (?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (id) DO UPDATE SET
    ip = coalesce(excluded.ip, ip), miner_type = excluded.miner_type, mac = excluded.mac,
    discovered_at = coalesce(discovered_at, excluded.discovered_at),
    last_seen = coalesce(excluded.last_seen, last_seen), starts = excluded.starts, last_start = excluded.last_start,
    last_stop = excluded.last_stop, outlet = excluded.outlet,
    model = coalesce(excluded.model, model), firmware = coalesce(excluded.firmware, firmware)"""


def _told(image: Image, spec: MinerSpec, what: str) -> str | None:
    """Give what the unit calls itself; None keeps what it told before."""
    held = image.channels.get(f"{spec.group}/{spec.mac} {what}:text")
    return None if held is None or not isinstance(held.value, str) else word(held.value)


def _miner_row(spec: MinerSpec, book: MinerBook, clock: Clock, at_s: int, address: str | None) -> tuple[Any, ...]:
    seen = _wall(clock, at_s)  # discovered then, unless it was before
    return (
        plain(spec.id, 80),
        word(address) if address is not None and _is_ip(address) else None,
        plain(spec.group.partition(" ")[0], 40),
        plain(spec.mac, 40),
        seen,
        seen,
        book.starts,
        _wall(clock, book.last_start_s),
        _wall(clock, book.last_stop_s),
        plain(spec.outlet, 80) or None,
    )


def _is_ip(address: str) -> bool:
    """Tell an address on the network from the number a fleet service gives a unit."""
    return address.count(".") == 3 or ":" in address


def _wall(clock: Clock, plant_s: int) -> str | None:
    """Give a moment of plant time as people read it; None for never."""
    return iso(clock.wall_s - (clock.plant_s - plant_s)) if plant_s else None
