"""The page and its files out of a book: facts of the site, the last day from the store, then render."""

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import chain, groupby
from typing import Any

from mine_controller import __version__
from mine_controller.config.model import Config
from mine_controller.core.model.book import Book
from mine_controller.core.money.ledger import Line
from mine_controller.core.wording.spoken import spoken
from mine_controller.core.wording.words import speaker
from mine_controller.ports.clock import fold_of, local_day, midnight_s, utc_offset_s
from mine_controller.ports.untold import untold
from mine_controller.render.given import EVENTS_OF_ONE, Economy, EventLine, History, Hour, Past, Rolled, SiteFacts
from mine_controller.store.db import StoreTrouble
from mine_controller.store.events import EventRow, numbers_of
from mine_controller.store.money import idle_of
from mine_controller.store.query import (
    day_series,
    events,
    events_of,
    lasting,
    letters,
    miner_hours,
    nominal_w,
    rolled,
    segments,
)

QUARTER_S, HALF_S, HOUR_S = 900, 1800, 3600
DAY_S = 86_400
MONTH_DAYS = 30
MONTH_S = MONTH_DAYS * DAY_S
LOG_SHOWN = 401
EVENTS_SHOWN = 40
LETTERS_MOST = 2000


def ready() -> None:
    """Load what `show` will need."""
    import jinja2  # noqa: F401, PLC0415 - start-up is part of every tick

    from mine_controller.render import aged, metrics, others, page, status_json, view, write  # noqa: F401, PLC0415


def show(config: Config, book: Book, *, now_wall_s: int | None = None, slower: bool = True) -> None:
    """index.html, status.json, dashboard_data.json and metrics, each whole or not at all; `slower`: the others too.

    OSError when not possible.
    """
    from mine_controller.render.metrics import each, metrics  # noqa: PLC0415 - start-up is part of every tick
    from mine_controller.render.page import render  # noqa: PLC0415
    from mine_controller.render.status_json import document, text  # noqa: PLC0415
    from mine_controller.render.view import from_document  # noqa: PLC0415
    from mine_controller.render.write import show as write  # noqa: PLC0415

    now_s = now_wall_s or (book.image.clock.wall_s if book.image is not None else int(time.time()))
    site, past = of_tick(config, book, now_s), history(config, now_s)
    say = speaker(config.site.units)
    made = document(book, site, past, say, now_s)

    def drawn() -> Iterator[tuple[str, str]]:
        view = from_document(made, book, site, past, say)
        yield "index.html", render(view, config.paths.templates, config.paths.run / "templates")
        status = text(made)
        yield from (("status.json", status), ("dashboard_data.json", status))
        yield "metrics", metrics(made, each(book, site.wiring))

    write(config.paths.www, drawn())
    if slower:
        _slower(config, made, book, site, past, now_s)


def _slower(config: Config, made: dict[str, Any], book: Book, site: SiteFacts, today: History, now_s: int) -> None:
    """Those of the other pages that are due. OSError when they can't be written."""
    from mine_controller.render import aged  # noqa: PLC0415 - start-up is part of every tick
    from mine_controller.render.others import REPORT_EVERY_S, Given  # noqa: PLC0415
    from mine_controller.render.write import show as write  # noqa: PLC0415

    www, own, kept = config.paths.www, config.paths.templates, config.paths.run / "templates"
    given = Given(made, book, site, Past(), speaker(config.site.units), now_s, today)
    aged.outdate(www, config.paths.run / "pages-made-for", f"{__version__} {config.sha}")
    gone = aged.gone(www, aged.miner_names(given))
    names, miners = aged.without(aged.due(www, now_s), gone), aged.miners_due(www, given)
    if not names and not miners:
        return
    ids = [unit.spec.id for _, unit, _ in miners]
    given = given._replace(past=further(config, site, now_s, report="report.html" in names, miners=ids))
    made_s = now_s if not given.past.lost else now_s - REPORT_EVERY_S  # without a past they are due again at once
    try:
        write(www, chain(aged.drawn(given, names, own, kept), aged.miners_drawn(given, miners, own, kept)), made_s)
    finally:  # also where the others can't be drawn: what it says of a miner that is gone holds no longer
        for page in gone:
            page.unlink(missing_ok=True)


def further(config: Config, site: SiteFacts, now_s: int, *, report: bool, miners: Sequence[str]) -> Past:
    """What lies before the last day; a database that can't be read leaves it empty, never the page.

    `miners`: whose pages are made.
    """
    try:
        found = Past(events=_lines(_log(config, now_s), config))
        if report:
            week, quarter = (_rolled(config, now_s, days, step_s) for days, step_s in ((7, HOUR_S), (90, 12 * HOUR_S)))
            found = found._replace(week=week, quarter=quarter, by_day=_by_day(config, now_s))
            found = found._replace(days=_money_days(config, site, now_s))
        if miners:
            found = found._replace(hours=_miner_hours(config, now_s), by_miner=_by_miner(config, miners, now_s))
        return found  # noqa: TRY300 - all of it or nothing
    except StoreTrouble as trouble:
        return Past(lost=trouble.text)


def _log(config: Config, now_s: int) -> tuple[EventRow, ...]:
    return events(config.paths, since=now_s - MONTH_S, until=now_s, limit=LOG_SHOWN)


def _rolled(config: Config, now_s: int, days: int, step_s: int) -> Rolled:
    return _columns(step_s, rolled(config.paths, now_s - days * DAY_S, now_s + 1, step_s))


def _columns(step_s: int, rows: Sequence[tuple[Any, ...]]) -> Rolled:
    return Rolled(step_s, *(tuple(column) for column in zip(*rows, strict=True)))


def _by_day(config: Config, now_s: int) -> dict[str, Rolled]:
    """The last ninety days by the half hour, each with what belongs to it by the site's wall clock.

    By the quarter where a day may begin at one, as in Nepal.
    """
    begin_s, day_of = midnight_s(config.site.timezone, now_s - 90 * DAY_S), local_day(config.site.timezone)
    step_s = QUARTER_S if utc_offset_s(config.site.timezone, now_s) % HALF_S else HALF_S
    rows = rolled(config.paths, begin_s, now_s + 1, step_s)
    sums = {at: both for at, *both in lasting(config.paths, begin_s, now_s + 1, step_s, config.site.tick_s)}
    rows = tuple((*row, *sums.get(row[0], (0.0, 0.0))) for row in rows)
    return {day: _columns(step_s, tuple(some)) for day, some in groupby(rows, lambda row: day_of(row[0]))}


def _by_miner(config: Config, ids: Sequence[str], now_s: int) -> dict[str, tuple[EventLine, ...]]:
    """The newest events of a month about each of them, and one more than its page shows."""
    found: dict[str, list[EventLine]] = {}
    for line in _lines(events_of(config.paths, ids, now_s - MONTH_S, now_s, EVENTS_OF_ONE + 1), config):
        found.setdefault(line.about, []).append(line)
    return {miner: tuple(lines) for miner, lines in found.items()}


def _miner_hours(config: Config, now_s: int) -> dict[str, tuple[Hour, ...]]:
    found: dict[str, list[Hour]] = {}
    for miner, timestamp, power_w, chip_c, hashrate_ths in miner_hours(config.paths, now_s - 2 * DAY_S):
        found.setdefault(miner, []).append(Hour(_epoch(timestamp), power_w, chip_c, hashrate_ths))
    return {miner: tuple(hours) for miner, hours in found.items()}


def _money_days(config: Config, site: SiteFacts, now_s: int) -> tuple[Line, ...]:
    """What each of the last thirty local days cost, today among them, where the site has prices.

    Money that can't be read is left out.
    """
    if site.economy is None:
        return ()
    from mine_controller.core.money import ledger  # noqa: PLC0415

    begin_s, day_of = midnight_s(config.site.timezone, now_s, MONTH_DAYS - 1), local_day(config.site.timezone)
    try:
        found = segments(config.paths, begin_s, now_s + 1, idle_of(config.policy))
        watts = nominal_w(config.paths, config.policy.wiring.miners, found)
    except ValueError:  # a damaged hour: `minectl doctor` tells, the page goes on
        return ()
    lines = ledger.by_segment(found, lambda one: day_of(one.at_s), watts)
    return tuple(lines[day] for day in sorted(lines))


def of_tick(config: Config, book: Book, now_s: int) -> SiteFacts:
    """The same with what is known by the tick alone: money, and whom a public page must not name."""
    known = people(config, book, now_s) if config.site.publish == "public" else ()
    return facts(config, now_s)._replace(economy=economy(config, book, now_s), people=known)


def people(config: Config, book: Book, now_s: int) -> tuple[str, ...]:
    """Whoever holds something, has acknowledged or put aside, or stands in the log; the longest name first."""
    from mine_controller.core.rules.wear import BY_PERSON  # noqa: PLC0415 - most pages are not public

    found = {one.actor for one in book.state.overrides}
    found |= {str(alarm.get("acked_by", "")) for alarm in book.state.alarms.values()}
    held = [one.quarantined for one in book.state.miners.values() if (one.quarantined or "").startswith(BY_PERSON)]
    found |= {text.removeprefix(BY_PERSON).partition(":")[0] for text in held}
    with suppress(StoreTrouble):  # then no log is shown either
        found |= {row.actor for row in _log(config, now_s)}
    return tuple(sorted(found - {""}, key=len, reverse=True))


def facts(config: Config, now_s: int) -> SiteFacts:
    """What the faces know of the place."""
    temperature = config.policy.rules.get("temperature")
    limits = (
        (temperature.warn_c, temperature.shed_c, temperature.stop_c) if temperature is not None else (35.0, 38.0, 40.0)
    )
    note = f"{config.fault}; config.last-good is in force" if config.last_good else ""
    return SiteFacts(
        name=config.site.name,
        wiring=config.policy.wiring,
        version=__version__,
        tick_s=config.site.tick_s,
        cap_w=config.policy.site.power_cap_w,
        live=config.site.live,
        utc_offset_s=utc_offset_s(config.site.timezone, now_s),
        zone=zone_name(config.site.timezone, now_s),
        fold=fold_of(config.site.timezone, now_s),
        temperature_unit=config.site.temperature_unit,
        require=tuple(config.facts.require) if config.facts is not None else (),
        absent=config.policy.wiring.absent,
        publish=config.site.publish,
        simulated=_simulated(config),
        config_note=note,
        untold_note=_untold(config, now_s),
        inlet_limits_c=limits,
        pools=config.policy.pools,
    )


def _untold(config: Config, now_s: int) -> str:
    """What has reached nobody for long, "" nothing; a database that can't be read has alarms of its own."""
    if not config.channels:
        return ""
    try:
        return untold(letters(config.paths, LETTERS_MOST, waiting=True), now_s)
    except StoreTrouble:
        return ""


def economy(config: Config, book: Book, now_s: int) -> Economy | None:
    """Bands and today's money; None where the site has no bands. Money that can't be read is left out."""
    options = config.policy.rules.get("band")
    if book.image is None or options is None or not options.sections:
        return None
    from mine_controller.core.money.outlook import outlook  # noqa: PLC0415 - most sites have no bands

    found = outlook(book.image, book.state, config.policy, now_s)
    if found is None:
        return None
    zone = config.site.timezone
    offsets_s = tuple(utc_offset_s(zone, one.start_s) for one in found.planned)
    lines, total = _today(config, now_s)
    return Economy(found, options.sections, offsets_s, lines, total, config.site.currency)


def _today(config: Config, now_s: int) -> tuple[tuple[Line, ...], Line | None]:
    """What today cost, by band in the order of the config, and all of it."""
    from mine_controller.core.money import ledger  # noqa: PLC0415

    begin_s = midnight_s(config.site.timezone, now_s)
    try:
        found = segments(config.paths, begin_s, now_s + 1, idle_of(config.policy))
        watts = nominal_w(config.paths, config.policy.wiring.miners, found)
    except (StoreTrouble, ValueError):  # a damaged hour: `minectl doctor` tells, the page goes on
        return (), None
    lines = ledger.by_segment(found, lambda one: one.band or "none", watts)
    order = {band.name: at for at, band in enumerate(config.policy.rules["band"].sections)}
    ordered = tuple(sorted(lines.values(), key=lambda line: (order.get(line.key, -1), line.key)))
    return ordered, ledger.total(ordered)


def _simulated(config: Config) -> bool:
    """True when every device is a server of this machine: a twin, not a mine."""
    places: list[str] = []
    for one in config.endpoints.values():
        url = str(getattr(one.options, "url", "")).partition("//")[2]
        places += getattr(one.options, "hosts", ()) or (url or str(getattr(one.options, "host", "")),)
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
    except StoreTrouble as trouble:
        return History(lost=trouble.text)
    columns: dict[str, Any] = series.columns
    return History(
        wall_s=series.at,
        power_w=columns.get("power_w", []),
        cap_w=columns.get("cap_w", []),
        inlet_c=columns.get("inlet_c", []),
        fans_on=columns.get("fans_on", []),
        mode=list(series.modes),
        signal=series.signals,
        events=_lines(rows, config),
        report=_report(reports[0]) if reports else None,
    )


def _lines(rows: Sequence[EventRow], config: Config) -> tuple[EventLine, ...]:
    """The oldest first."""
    units = config.site.units
    return tuple(
        EventLine(_epoch(row.timestamp), row.kind, row.severity, row.about, spoken(row.text, units))
        for row in reversed(rows)
    )


def _epoch(timestamp: str) -> int:
    from datetime import datetime  # noqa: PLC0415

    return int(datetime.fromisoformat(timestamp).timestamp())


def _report(row: EventRow) -> dict[str, int | float | str] | None:
    told = numbers_of(row.reason)
    if not told:
        return None  # somebody changed the row by hand
    return {**told, "blind": int('"report_blind"' in row.reason), "ended_at": _epoch(row.timestamp)}
