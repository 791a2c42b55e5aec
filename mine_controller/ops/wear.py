"""How worn each miner and fan is: starts, hours, hard stops, as the books of the last tick have it. Reads the store."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from mine_controller.config.model import Config
from mine_controller.core.miners.liars import WEEK_S
from mine_controller.core.model.state import FanBook, MinerBook, State
from mine_controller.ops.recall import kept_book
from mine_controller.record import NamedTuple
from mine_controller.store.db import iso

MINERS = (
    "miner", "group", "row", "on", "starts", "starts_today", "hours", "hours_a_start", "hard_stops", "fails_24h",
    "lies_7d", "last_start", "last_stop", "quarantine", "listed",
)  # fmt: skip
FANS = ("fan", "state", "starts", "hours")
HOUR_S, DAY_S = 3600, 86_400


class Report(NamedTuple):
    """`miners` as dicts of MINERS, the most starts first; `fans` as dicts of FANS, as they are wired.

    Times are UTC, None = never. `listed` False: it is in the book and no longer in fleet.csv.
    """

    miners: tuple[dict[str, Any], ...]
    fans: tuple[dict[str, Any], ...]


def report(config: Config) -> Report:
    """The books as the last tick left them; empty before the first. Raises StoreTrouble."""
    state, wiring = kept_book(config.paths).state, config.policy.wiring
    listed = {spec.id: (spec.group, spec.row) for spec in wiring.miners}
    names = [*listed, *sorted(set(state.miners) - set(listed))]
    zone = ZoneInfo(config.site.timezone)
    rows = [_miner(name, listed.get(name), state.miners.get(name, MinerBook()), state, zone) for name in names]
    rows.sort(key=lambda row: (not row["listed"], -row["starts"], -row["hours"], row["miner"]))
    return Report(tuple(rows), tuple(_fan(spec.name, state.fans.get(spec.name, FanBook())) for spec in wiring.fans))


def _miner(name: str, place: tuple[str, str] | None, book: MinerBook, state: State, zone: ZoneInfo) -> dict[str, Any]:
    now_s, wall_s = int(state.last.get("plant_s") or 0), int(state.last.get("wall_s") or 0)
    group, row = place or ("", "")
    today = datetime.fromtimestamp(wall_s, zone).date().isoformat()
    return {
        "miner": name,
        "group": group or None,
        "row": row or None,
        "on": book.on,
        "starts": book.starts,
        "starts_today": book.day_starts if book.day == today else 0,
        "hours": round(book.run_s / HOUR_S, 1),
        "hours_a_start": round(book.run_s / HOUR_S / book.starts, 1) if book.starts else None,
        "hard_stops": book.hard_stops,
        "fails_24h": sum(now_s - at <= DAY_S for at in book.fails),
        "lies_7d": sum(now_s - at < WEEK_S for at in book.lies),
        "last_start": iso(wall_s - (now_s - book.last_start_s)) if book.last_start_s else None,
        "last_stop": iso(wall_s - (now_s - book.last_stop_s)) if book.last_stop_s else None,
        "quarantine": book.quarantined or None,
        "listed": place is not None,
    }


def _fan(name: str, book: FanBook) -> dict[str, Any]:
    return {"fan": name, "state": book.state, "starts": book.starts, "hours": round(book.run_s / HOUR_S, 1)}


def spread(found: Report) -> str:
    """One line: how evenly it is shared; "" where nobody is listed."""
    starts = [row["starts"] for row in found.miners if row["listed"]]
    if not starts:
        return ""
    hard = sum(row["hard_stops"] for row in found.miners if row["listed"])
    mean = sum(starts) / len(starts)
    return f"{len(starts)} miners: {min(starts)} to {max(starts)} starts, {mean:.1f} in the mean; {hard} hard stops"
