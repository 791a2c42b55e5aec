"""The slower pages as trees for the templates: every miner, one miner, events, report, debug. Pure.

They are made at most every ten minutes (`aged.py`), so each says when it was made; how old the *mine* is, the
script reads off status.json.
"""

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

from mine_controller.core.miners.stopless import left, said
from mine_controller.core.model.book import Book
from mine_controller.record import NamedTuple
from mine_controller.render import levers, past, svg
from mine_controller.render.cards import cards
from mine_controller.render.fleet import Unit, units
from mine_controller.render.given import EVENTS_OF_ONE, History, Hour, Past, SiteFacts, Words
from mine_controller.render.links import miner_page
from mine_controller.render.shelf import rate as fitting
from mine_controller.render.shelf import shelf, told_last
from mine_controller.render.text import NBSP, UNKNOWN, Zone, clean, masked, span, temperature, watts
from mine_controller.render.times import Moments, moments
from mine_controller.render.view import events, frame, lost
from mine_controller.render.wall import addresses, rows, wall

Doc = Mapping[str, Any]
EVENTS_SHOWN = 400
WIDE, HIGH = 960, 160
EVERY_S = 600
REPORT_EVERY_S = 3600  # what it shows is rolled by the hour
MINERS_A_TICK = 80  # renewed


class Given(NamedTuple):
    """What all of them are made from."""

    made: Doc  # the status document
    book: Book
    site: SiteFacts
    past: Past
    words: Words
    now_s: int
    history: History = History()

    @property
    def zone(self) -> Zone:
        """Where the mine stands."""
        return Zone(self.site.utc_offset_s, clean(self.site.zone, 12), self.site.fold)

    @property
    def when(self) -> Moments:
        """Plant time to wall time."""
        return moments(self.book, self.now_s)

    def frame(self, page: str, root: str = "") -> dict[str, Any]:
        """Head and foot of a page."""
        every_s = {"report.html": REPORT_EVERY_S, "miner": self.round_s}.get(page, EVERY_S)
        return frame(self.made, self.zone, page, root, every_s)

    @property
    def round_s(self) -> int:
        """How often the page of each miner is made: so many a tick, the oldest first."""
        ticks = -(-len(self.site.wiring.miners) // MINERS_A_TICK)
        return max(EVERY_S, ticks * self.site.tick_s)


def fleet(given: Given) -> dict[str, Any]:
    """Every miner in one table, and the cards of a small site."""
    book, site, words, when = given.book, given.site, given.words, given.when
    known = units(book, site.wiring)
    shown = wall(book, known, given.made, site, words, when)
    each = {card["id"]: card for card in cards(book, known, when)}
    lines = [
        row | _more(each[row["id"]], unit, site)
        for row, unit in zip(rows(book, known, site, words, when), known, strict=True)
    ]
    shown |= {"rows": lines, "addresses": addresses(known, site)}
    return given.frame("fleet.html") | {
        "fleet": shown,
        "shelf": shelf(given.made, site, given.zone, given.now_s),
        "words": sorted({row["state"] for row in lines}),
        "rowed": any(row["row"] for row in lines),
        "rated": any(row["rate_n"] >= 0 for row in lines),
        "heated": any(row["chip_n"] >= 0 for row in lines),
    }


def _more(card: Doc, unit: Unit, site: SiteFacts) -> dict[str, Any]:
    """Figures beside their bare numbers, by which the script sorts."""
    rate, chip_c = card["hashes_per_s"], card["chip_c"]
    public = site.publish == "public"
    return {
        "power_n": unit.power_w if unit.power_w is not None else -1,
        "rate": f"{rate / 1e12:,.1f}{NBSP}TH/s" if rate is not None and rate >= 1e11 else _small(rate),
        "rate_n": round(rate) if rate is not None else -1,
        "chip": temperature(chip_c, site.temperature_unit),
        "chip_n": chip_c if chip_c is not None else -1,
        "starts_n": unit.book.starts,
        "row": clean(unit.spec.row, 16),
        "model": "" if public else card["model"],
    }


def _small(rate: float | None) -> str:
    return (
        UNKNOWN if rate is None else f"{rate / 1e9:,.1f}{NBSP}GH/s" if rate >= 1e8 else f"{rate / 1e3:,.1f}{NBSP}kH/s"
    )


def miner(given: Given, unit: Unit, card: Doc) -> dict[str, Any]:
    """One miner: what it does and why, what it is, its last two days, and the lines that command it."""
    site, zone = given.site, given.zone
    public = site.publish == "public"
    was = told_last(card, given.now_s)
    [row] = rows(given.book, (unit,), site, given.words, given.when)
    name = row["id"]
    lines = given.past.by_miner.get(unit.spec.id, ())
    return given.frame("miner", "../") | {
        "name": name,
        "own_name": row["name"],
        "address": row["address"] if site.publish == "full" else "",
        "state": row["state"],
        "why": row["why"] or (masked(card["trouble"]) if public else card["trouble"]),
        "figures": [
            {"name": "Power", "value": row["power"], "note": f"nominal {watts(unit.spec.nominal_w)}"},
            {
                "name": "Hash rate",
                "value": _more(card, unit, site)["rate"],
                "note": f"last {was}" if was else card["algorithm"],
            },
            {"name": "Chip", "value": temperature(card["chip_c"], site.temperature_unit), "note": "the hottest"},
            {"name": "Starts", "value": row["starts"], "note": f"{_hours(unit.book.run_s)} run"},
        ],
        "facts": [one for one in _facts(given, unit, card, row) if one["value"]],
        "course": _course(given.past.hours.get(unit.spec.id, ()), unit, site, zone),
        "events": events(lines[-EVENTS_OF_ONE:], site, zone, given.now_s),
        "cut": len(lines) > EVENTS_OF_ONE,
        "commands": _commands(name, unit),
        "every": span(given.round_s),
        "lost": lost(given.past.lost, site),
    }


def _hours(run_s: int) -> str:
    return f"{round(run_s / 3600):,}{NBSP}h"


def _facts(given: Given, unit: Unit, card: Doc, row: Doc) -> list[dict[str, str]]:
    spec, worn, when, zone = unit.spec, unit.book, given.when, given.zone
    full = given.site.publish == "full"

    def at(plant_s: int) -> str:
        wall_s = when.wall(plant_s) if plant_s else None
        return zone.near(wall_s, given.now_s) if wall_s is not None else ""

    able = left(spec, said(given.book.state.last))
    ways = ", then ".join(
        f"{clean(path.lane, 40)}{'' if path in able else ' (says it has no stop)'}" for path in spec.paths
    )
    told = (
        ("Its word", row["word"]), ("Model", card["model"] if full else ""), ("Firmware", card["firmware"]),
        ("Section", clean(spec.group, 60)), ("Address", row["address"] if full else ""),
        ("Mac or serial", clean(spec.mac, 60) if full else ""), ("Row", clean(spec.row, 16)),
        ("Outlet", f"{clean(spec.outlet, 60)}, {row['outlet']}" if spec.outlet else "none"),
        ("Breaker", clean(spec.breaker, 20)), ("Phase", clean(spec.phase, 10)), ("Mode", card["mode"]),
        ("Pool", card["pool"] if full else ""), ("Flags", clean(" ".join(spec.flags), 60)),
        ("Stopped by", ways), ("Up for", span(card["uptime_s"]) if card["uptime_s"] is not None else ""),
        ("Last start", at(worn.last_start_s)), ("Last stop", at(worn.last_stop_s)),
        ("Starts today", f"{worn.day_starts:,}" if worn.day_starts else ""),
        ("Stopped at the outlet", f"{worn.hard_stops:,} times" if worn.hard_stops else ""),
        ("In quarantine", clean(worn.quarantined, 80)),
    )  # fmt: skip
    people = given.site.people
    return [{"name": name, "value": value if full else masked(value, people)} for name, value in told]


def _course(hours: Sequence[Hour], unit: Unit, site: SiteFacts, zone: Zone) -> dict[str, Any] | None:
    """Power and chip temperature by the hour; None with fewer than two hours."""
    if len(hours) < 2:
        return None
    first, count = hours[0].at, (hours[-1].at - hours[0].at) // 3600 + 1
    step = WIDE // max(1, count)
    xs = [(hour.at - first) // 3600 * step + step // 2 for hour in hours]
    top_w = max([float(unit.spec.nominal_w or 1), *(hour.power_w for hour in hours if hour.power_w is not None)])
    chips = [hour.chip_c for hour in hours]
    return {
        "wide": WIDE,
        "high": HIGH,
        "power": svg.area(xs, [hour.power_w for hour in hours], svg.Scale(0, top_w * 1.05, HIGH, flip=True), step),
        "chip": svg.line(xs, chips, svg.Scale(20, 100, HIGH, flip=True), step),
        "from": f"{zone.day(first)} {zone.minute(first)}",
        "to": f"{zone.day(hours[-1].at)} {zone.minute(hours[-1].at)}",
        "rows": [
            {
                "at": f"{zone.day(hour.at)} {zone.minute(hour.at)}",
                "power": watts(hour.power_w),
                "chip": temperature(hour.chip_c, site.temperature_unit),
                "rate": _hourly(hour.hashrate_ths),
            }
            for hour in reversed(hours)
        ],
    }


def _hourly(rate_ths: float | None) -> str:
    """In TH/s, that hours can be compared; too little for hundredths of that in the unit that fits."""
    if rate_ths is None or not 0 < rate_ths < 0.1:
        return UNKNOWN if rate_ths is None else f"{rate_ths:,.2f}{NBSP}TH/s"
    return fitting(rate_ths * 1e12)


def _commands(name: str, unit: Unit) -> list[str]:
    held = levers.line(f"miner.{unit.spec.id}", "stop")
    lines = [f"minectl miners show {name}", clean(held, 200), f"minectl miners restart {name}"]
    return [*lines, *([f"minectl release {name}"] if unit.book.quarantined else [])]


def every_miner(given: Given) -> Iterator[tuple[str, Unit, dict[str, Any]]]:
    """(page, unit, card) of each miner; the page is drawn by whoever finds it due."""
    return miners(given, {spec.id for spec in given.site.wiring.miners})


def miners(given: Given, ids: Container[str]) -> Iterator[tuple[str, Unit, dict[str, Any]]]:
    """The same of these miners alone."""
    known = tuple(unit for unit in units(given.book, given.site.wiring) if unit.spec.id in ids)
    for unit, card in zip(known, cards(given.book, known, given.when), strict=True):
        yield miner_page(clean(unit.spec.id, 40)), unit, card


def log(given: Given) -> dict[str, Any]:
    """The events of the last month."""
    lines = given.past.events[-EVENTS_SHOWN:]
    shown = events(lines, given.site, given.zone, given.now_s)
    return given.frame("events.html") | {
        "events": shown,
        "kinds": sorted({one["kind"] for one in shown}),
        "cut": len(given.past.events) > EVENTS_SHOWN,
        "lost": lost(given.past.lost, given.site),
    }


def report(given: Given) -> dict[str, Any]:
    """Seven and ninety days, day by day, and what was saved."""
    made = given.made
    return given.frame("report.html") | {
        "spans": past.charts(given.past, given.site, given.zone, given.now_s),
        "days": past.days(given.past, given.site),
        "savings": past.savings(given.past, given.site),
        "unit": f"°{given.site.temperature_unit}",
        "fenced": any(name == "signal" for name in given.site.wiring.roles) or made["signal"]["configured"],
        "heated": "inlet_c" in given.site.wiring.roles,
        "lost": lost(given.past.lost, given.site),
    }


def debug(given: Given) -> dict[str, Any]:
    """Values, reasons, and the lines that set them."""
    shown = levers.debug(given.book, given.site, given.words, given.zone, given.when)
    return given.frame("debug.html") | {"debug": shown, "why": given.made["why"], "code": given.made["why_code"]}
