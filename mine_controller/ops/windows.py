"""The [schedule NAME] windows of a site as rows: what each holds, whether it is open, when that changes."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from mine_controller.config.model import Config
from mine_controller.core.model.clock import Local
from mine_controller.core.rules.schedule import Section, is_away, stands, until_edge
from mine_controller.ops.recall import kept_book


def rows(config: Config, now_s: int) -> list[dict[str, Any]]:
    """Every window: name, hours, days, when, holds, open, edge ("in 2 h 10 min", None: never). Raises StoreTrouble."""
    options = config.policy.rules.get("schedule")
    if options is None:
        return []
    at = datetime.fromtimestamp(now_s, ZoneInfo(config.site.timezone))
    local = Local(at.date().isoformat(), at.hour * 60 + at.minute, at.weekday())
    away = is_away(options, kept_book(config.paths).state.overrides)
    return [
        {
            "name": one.name,
            "hours": list(one.section.hours),
            "days": list(one.section.days),
            "when": one.section.when,
            "holds": _holds(one.section),
            "open": stands(one.section, local, away),
            "edge": _edge(_lasting(at, until_edge(one.section, local))),
        }
        for one in options.sections
    ]


def _holds(section: Section) -> str:
    whom = f" ({', '.join(section.of)})" if section.of else ""
    parts = [
        "off" if section.stop else "",
        f"at most {section.max_miners} miners" if section.max_miners >= 0 else "",
        f"at most {section.max_kw:g} kW" if section.max_kw >= 0 else "",
        f"modes {', '.join(section.modes)}" if section.modes else "",
        f"pool {section.pool}" if section.pool else "",
    ]
    return ", ".join(part for part in parts if part) + whom


def _lasting(at: datetime, minutes: int | None) -> int | None:
    """How long so many minutes of the wall's clock last from that moment on, over a change of the clocks."""
    if minutes is None:
        return None
    at = at.replace(second=0, microsecond=0)
    wall = at.replace(tzinfo=None) + timedelta(minutes=minutes)
    then_s = wall.replace(tzinfo=at.tzinfo, fold=at.fold).timestamp()
    while datetime.fromtimestamp(then_s - 60, at.tzinfo).replace(tzinfo=None) >= wall:
        then_s -= 60  # in the hour that is left out: the clock goes past it where that begins
    return int(then_s - at.timestamp()) // 60


def _edge(minutes: int | None) -> str | None:
    if minutes is None:
        return None
    return f"in {minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"in {minutes} min"
