"""The page and its files out of a book: facts of the site, the last day from the store, then render."""

import json
import time
from typing import Any

from mine_controller import __version__
from mine_controller.config.model import Config
from mine_controller.core.model.book import Book
from mine_controller.core.money import Line
from mine_controller.core.words import sentence
from mine_controller.ports.clock import utc_offset_s
from mine_controller.render.given import Economy, EventLine, History, SiteFacts
from mine_controller.store.db import StoreTrouble
from mine_controller.store.events import EventRow
from mine_controller.store.money import kinds_of
from mine_controller.store.query import day_series, events, segments

DAY_S = 86_400
EVENTS_SHOWN = 40


def show(config: Config, book: Book, *, now_wall_s: int | None = None) -> None:
    """index.html, status.json, dashboard_data.json and metrics, each whole or not at all. OSError when not possible."""
    from mine_controller.render.metrics import metrics  # noqa: PLC0415 - start-up is part of every tick
    from mine_controller.render.page import render  # noqa: PLC0415
    from mine_controller.render.status_json import document, text  # noqa: PLC0415
    from mine_controller.render.view import from_document  # noqa: PLC0415
    from mine_controller.render.write import show as write  # noqa: PLC0415

    now_s = now_wall_s or (book.image.clock.wall_s if book.image is not None else int(time.time()))
    site, past = facts(config, now_s)._replace(economy=economy(config, book, now_s)), history(config, now_s)
    made = document(book, site, past, sentence, now_s)
    page = render(
        from_document(made, book, site, past, sentence), config.paths.templates, config.paths.run / "templates"
    )
    status = text(made)
    documents = {"index.html": page, "status.json": status, "dashboard_data.json": status, "metrics": metrics(made)}
    write(config.paths.www, documents)


def facts(config: Config, now_s: int) -> SiteFacts:
    """What the faces know of the place."""
    temperature = config.policy.rules.get("temperature")
    limits = (
        (temperature.warn_c, temperature.shed_c, temperature.stop_c) if temperature is not None else (35.0, 38.0, 40.0)
    )
    note = f"config.txt has {len(config.broken)} faults; config.last-good is in force" if config.last_good else ""
    return SiteFacts(
        name=config.site.name,
        wiring=config.policy.wiring,
        version=__version__,
        tick_s=config.site.tick_s,
        cap_w=config.policy.site.power_cap_w,
        live=config.site.live,
        utc_offset_s=utc_offset_s(config.site.timezone, now_s),
        zone=zone_name(config.site.timezone, now_s),
        temperature_unit=config.site.temperature_unit,
        require=tuple(config.facts.require) if config.facts is not None else (),
        absent=config.policy.wiring.absent,
        publish=config.site.publish,
        simulated=_simulated(config),
        config_note=note,
        inlet_limits_c=limits,
        pools=config.policy.pools,
    )


def economy(config: Config, book: Book, now_s: int) -> Economy | None:
    """Bands and today's money; None where the site has no bands. Money that can't be read is left out."""
    options = config.policy.rules.get("band")
    if book.image is None or options is None or not options.sections:
        return None
    from mine_controller.core.outlook import outlook  # noqa: PLC0415 - most sites have no bands

    found = outlook(book.image, book.state, config.policy, now_s)
    if found is None:
        return None
    zone = config.site.timezone
    offsets_s = tuple(utc_offset_s(zone, one.start_s) for one in found.planned)
    lines, total = _today(config, now_s)
    return Economy(found, options.sections, offsets_s, lines, total, config.site.currency)


def _today(config: Config, now_s: int) -> tuple[tuple[Line, ...], Line | None]:
    """What today cost, by band in the order of the config, and all of it."""
    from mine_controller.core import money  # noqa: PLC0415

    midnight_s = now_s - (now_s + utc_offset_s(config.site.timezone, now_s)) % DAY_S
    try:
        found = segments(config.paths, midnight_s, now_s + 1, kinds_of(config.policy))
    except (StoreTrouble, ValueError):  # a damaged hour: `minectl doctor` tells, the page goes on
        return (), None
    nominal_w = {spec.id: spec.nominal_w for spec in config.policy.wiring.miners}
    lines = money.by_segment(found, lambda one: one.band or "none", nominal_w)
    order = {band.name: at for at, band in enumerate(config.policy.rules["band"].sections)}
    ordered = tuple(sorted(lines.values(), key=lambda line: (order.get(line.key, -1), line.key)))
    return ordered, money.total(ordered)


def _simulated(config: Config) -> bool:
    """True when every device is a server of this machine: a twin, not a mine."""
    places: list[str] = []
    for one in config.endpoints.values():
        places += getattr(one.options, "hosts", ()) or (str(getattr(one.options, "url", "")).partition("//")[2],)
    return bool(places) and all(place.startswith("127.") for place in places)


def zone_name(timezone: str, wall_s: int) -> str:
    """CDT, or the zone's own name where it has no short one."""
    from datetime import UTC, datetime  # noqa: PLC0415
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    return datetime.fromtimestamp(wall_s, UTC).astimezone(ZoneInfo(timezone)).tzname() or timezone


def history(config: Config, now_s: int) -> History:
    """The last day; a database that can't be read leaves the trends empty, never the page."""
    try:
        series = day_series(config.paths, now_s - DAY_S, now_s)
        rows = events(config.paths, since=now_s - DAY_S, until=now_s, limit=EVENTS_SHOWN)
        reports = events(config.paths, kind="curtail_report", limit=1)
    except StoreTrouble:
        return History()
    columns: dict[str, Any] = series.columns
    return History(
        wall_s=series.at,
        power_w=columns.get("power_w", []),
        cap_w=columns.get("cap_w", []),
        inlet_c=columns.get("inlet_c", []),
        fans_on=columns.get("fans_on", []),
        mode=list(series.modes),
        signal=[None if flag is None else "off" if flag else "run" for flag in columns.get("curtailed", [])],
        events=tuple(_line(row) for row in reversed(rows)),
        report=_report(reports[0]) if reports else None,
    )


def _line(row: EventRow) -> EventLine:
    return EventLine(_epoch(row.timestamp), row.kind, row.severity, row.about, row.text)


def _epoch(timestamp: str) -> int:
    from datetime import datetime  # noqa: PLC0415

    return int(datetime.fromisoformat(timestamp).timestamp())


def _report(row: EventRow) -> dict[str, int | float | str] | None:
    try:
        _rule, _code, numbers = json.loads(row.reason)
    except ValueError:
        return None
    return {**{str(name): value for name, value in numbers}, "ended_at": _epoch(row.timestamp)}
