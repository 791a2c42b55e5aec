"""An event report for people: rows for a table or a spreadsheet, and a page that stands by itself."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from mine_controller.config.model import Config
from mine_controller.core.wording.spoken import Units, spoken
from mine_controller.notify.local import local_text
from mine_controller.ops.event_report import STEPS, Curtailment, Point, Report
from mine_controller.record import NamedTuple
from mine_controller.render.text import clean, span, watts

HEADER = (
    "signal_at", "seen_at", "ended_at", "cause", "by", *STEPS, "obey_within_s", "obeyed", "before_w", "confirmed_w",
    "floor_w", "gentle", "hard", "stragglers", "emergency", "blind", "shadow", "doubts",
)  # fmt: skip
POINTS = ("signal_at", "at", "since_signal_s", "site_w", "miners_w", "mode")
TOLD = ("signal_at", "at", "severity", "channel", "result", "text")
SHORT = ("signal", "lasted", "cause", "first command", "50 %", "90 %", "proven", "before", "after", "in time")
WIDE, HIGH, LEFT = 900, 220, 70
TEMPLATE = "reports/events.html"
BLIND = "the signal could not be read: curtailed to be safe, nobody had called"
SHADOWS = {
    "all": "Shadow mode: it was decided and nothing was sent, so what the power did was none of its doing.",
    "part": "Shadow mode for a part of it: what was decided then was not sent.",
}
DOUBTED = {
    "dark_but_hot": "Its proof is in doubt: with fewer fans the inlet climbed as it does over miners that run.",
    "meters_disagree": "Its proof is in doubt: the meter and the outlets did not agree.",
}
VERDICTS = {True: "in time", False: "NOT in time", None: "still open"}


def rows(report: Report) -> list[tuple[object, ...]]:
    """One row an event, in the order of HEADER; moments are ISO 8601 UTC."""
    return [
        (
            _utc(one.signal_at),
            _utc(one.seen_at),
            _utc(one.ended_at),
            one.cause,
            one.by,
            *(one.steps[name] for name in STEPS),
            one.obey_within_s,
            None if one.obeyed is None else int(one.obeyed),
            one.before_w,
            one.confirmed_w,
            one.floor_w,
            one.gentle,
            one.hard,
            " ".join(f"{name}:{rung}" for name, rung in one.stragglers),
            one.emergency,
            int(one.blind),
            one.shadow,
            " ".join(one.doubts),
        )
        for one in report.events
    ]


def point_rows(report: Report) -> list[tuple[object, ...]]:
    """One row a measurement, in the order of POINTS."""
    return [
        (_utc(one.signal_at), _utc(point.at), point.at - one.signal_at, point.site_w, point.miners_w, point.mode)
        for one in report.events
        for point in one.points
    ]


def told_rows(report: Report) -> list[tuple[object, ...]]:
    """One row a message and channel, in the order of TOLD; one nobody was told yet has no channel."""
    return [
        (_utc(one.signal_at), _utc(told.at), told.severity, channel, result, told.text)
        for one in report.events
        for told in one.told
        for channel, result in told.ways or (("", "not told yet"),)
    ]


def tree(report: Report) -> dict[str, Any]:
    """The whole report as one JSON object."""
    return {
        "site": report.site,
        "made_at": _utc(report.made_at),
        "config_sha": report.config_sha,
        "evidence": report.evidence._asdict(),
        "events": [_event(one) for one in report.events],
    }


def _event(one: Curtailment) -> dict[str, Any]:
    return one._asdict() | {
        "signal_at": _utc(one.signal_at),
        "seen_at": _utc(one.seen_at),
        "ended_at": _utc(one.ended_at),
        "obeyed": one.obeyed,
        "stragglers": [{"miner": name, "rung": rung} for name, rung in one.stragglers],
        "points": [point._asdict() | {"at": _utc(point.at)} for point in one.points],
        "lines": [line._asdict() | {"at": _utc(line.at)} for line in one.lines],
        "told": [
            told._asdict() | {"at": _utc(told.at), "told_at": _utc(told.told_at), "ways": dict(told.ways)}
            for told in one.told
        ],
    }


def short_rows(report: Report) -> list[tuple[object, ...]]:
    """One row an event for a terminal, in the order of SHORT."""
    zone = ZoneInfo(report.timezone)
    return [
        (
            _local(one.signal_at, zone),
            span((one.ended_at or report.made_at) - one.signal_at),
            one.cause + (" unreadable" if one.blind else f" by {one.by}" if one.by else ""),
            *(_after(one.steps[name]) for name in STEPS),
            watts(one.before_w),
            watts(one.confirmed_w),
            VERDICTS[one.obeyed] + (", shadow mode" if one.shadow else "") + (", in doubt" if one.doubts else ""),
        )
        for one in report.events
    ]


def _after(seconds: int | None) -> str:
    return "never" if seconds is None else f"+{seconds} s"


def _utc(at: int | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, ZoneInfo("UTC")).strftime("%Y-%m-%dT%H:%M:%SZ")


def _local(at: int | None, zone: ZoneInfo) -> str:
    return "still on" if at is None else local_text(datetime.fromtimestamp(at, zone), "%Y-%m-%d %H:%M:%S")


# -- the page -----------------------------------------------------------------------------------------------------


def page(report: Report, config: Config) -> str:
    """One HTML file without anything from elsewhere. The owner's own templates go first."""
    from mine_controller.render.page import render  # noqa: PLC0415 - jinja2, where a page is asked for

    return render(view(report, config.site.units), config.paths.templates, None, TEMPLATE)


def view(report: Report, units: Units) -> dict[str, Any]:
    """What the template fills in: texts in these units and geometry, nothing to compute."""
    zone = ZoneInfo(report.timezone)
    return {
        "site": clean(report.site),
        "zone": report.timezone,
        "made": _local(report.made_at, zone),
        "config_sha": report.config_sha[:16],
        "evidence": report.evidence._asdict(),
        "events": [_shown(one, zone, report.made_at, units) for one in report.events],
    }


def _shown(one: Curtailment, zone: ZoneInfo, now_s: int, units: Units) -> dict[str, Any]:
    first = "First command, not sent" if one.shadow == "all" else "First command"
    names = (first, "Half of the load shed", "90 % shed", "Proven below the limit")
    steps = [
        (name, _after(one.steps[key]), _local(one.signal_at + step, zone) if step is not None else "never")
        for name, key in zip(names, STEPS, strict=True)
        for step in (one.steps[key],)
    ]
    return {
        "signal": _local(one.signal_at, zone),
        **_seen(one, zone),
        "ended": _local(one.ended_at, zone),
        "lasted": span((one.ended_at or now_s) - one.signal_at),
        "cause": BLIND if one.blind else one.cause,
        "by": clean(one.by),
        "verdict": VERDICTS[one.obeyed],
        "good": one.obeyed,
        "notes": [text for text in (SHADOWS.get(one.shadow), *map(DOUBTED.get, one.doubts)) if text],
        "within_s": one.obey_within_s,
        "steps": steps,
        "before": watts(one.before_w),
        "confirmed": watts(one.confirmed_w),
        "floor": watts(one.floor_w),
        "gentle": one.gentle,
        "hard": one.hard,
        "stragglers": [(clean(name), rung) for name, rung in one.stragglers],
        "emergency": clean(one.emergency),
        "chart": chart(one) if len(one.points) > 1 else None,
        "source": one.source,
        "points": [
            (_local(at, zone), f"{at - one.signal_at:+d} s", watts(site_w), watts(miners_w), mode)
            for at, site_w, miners_w, mode in one.points
        ],
        "lines": [
            (_local(line.at, zone), line.severity, clean(line.about), clean(spoken(line.text, units), 300))
            for line in one.lines
        ],
        "told": [
            (_local(told.at, zone), told.severity, clean(told.text, 300),
             ", ".join(f"{clean(name)}: {clean(result)}" for name, result in told.ways) or "nobody yet")
            for told in one.told
        ],
    }  # fmt: skip


def _seen(one: Curtailment, zone: ZoneInfo) -> dict[str, str]:
    """What stands at the head of its course: from when the seconds count, and when a tick saw why."""
    begins = "Signal, at the earliest (the tick before it was seen)"
    seen, after = "no signal was the cause", ""
    if one.blind:
        begins, seen = "Curtailed to be safe, at the earliest", "none: it could not be read"
    elif one.seen_at is not None:
        seen, after = _local(one.seen_at, zone), _after(one.seen_at - one.signal_at)
    return {"begins": begins, "seen": seen, "seen_after": after}


class Frame(NamedTuple):
    """The chart's scale: x is seconds from `from_s`, y is watts up to `most_w`."""

    from_s: int
    to_s: int
    most_w: int

    def x(self, at: int) -> float:
        """Where a moment stands."""
        wide = max(1, self.to_s - self.from_s)
        return round(LEFT + (WIDE - LEFT) * min(max(at - self.from_s, 0), wide) / wide, 1)

    def y(self, power_w: int) -> float:
        """Where a power stands."""
        return round(HIGH - HIGH * min(max(power_w, 0), self.most_w) / self.most_w, 1)


def chart(one: Curtailment) -> dict[str, Any]:
    """Geometry: lines broken where nothing is known, the limit, and a mark for each step."""
    known = [power for point in one.points for power in (point.site_w, point.miners_w) if power is not None]
    top = max([*known, one.before_w or 0, one.floor_w or 0, 1])
    frame = Frame(one.points[0].at, one.points[-1].at, top * 11 // 10 + 1)
    marks = [(frame.x(one.signal_at), "signal")]
    named = zip(STEPS, ("command", "50 %", "90 %", "proven"), strict=True)
    marks += [(frame.x(one.signal_at + step), name) for key, name in named if (step := one.steps[key]) is not None]
    return {
        "wide": WIDE,
        "high": HIGH,
        "left": LEFT,
        "site": _lines(one.points, frame, "site_w"),
        "miners": _lines(one.points, frame, "miners_w"),
        "floor_y": None if one.floor_w is None else frame.y(one.floor_w),
        "marks": [{"x": x, "name": name, "y": 14 + 14 * at} for at, (x, name) in enumerate(marks)],
        "axis": [{"y": frame.y(top * part // 2), "text": watts(top * part // 2)} for part in (0, 1, 2)],
    }


def _lines(points: Sequence[Point], frame: Frame, name: str) -> list[str]:
    """Polylines; a moment without a value ends one."""
    lines: list[list[str]] = [[]]
    for point in points:
        power_w = getattr(point, name)
        if power_w is None:
            lines.append([])
        else:
            lines[-1].append(f"{frame.x(point.at)},{frame.y(power_w)}")
    return [" ".join(line) for line in lines if len(line) > 1]
