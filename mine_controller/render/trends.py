"""The last 24 hours as three charts and the tables beside them. Pure."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from mine_controller.record import NamedTuple
from mine_controller.render import svg
from mine_controller.render.given import History, SiteFacts
from mine_controller.render.text import Zone, degrees, watts

DAY_S = 86_400
BUCKET_MIN = 5
GHOST_MIN = 30
LABEL_H = 3
LABEL_ROOM = 12  # a label nearer to an edge would be cut
SHADES = {
    "CURTAILING": "curtail",
    "CURTAILED": "curtail",
    "SHEDDING": "heat",
    "EMERGENCY": "stop",
    "FAULT": "stop",
}
Number = float | int | None


class Frame(NamedTuple):
    """The day that the charts show: x counts minutes from `from_s`."""

    from_s: int
    to_s: int
    gap: int  # minutes without a point that break a line

    def x(self, at: int) -> int:
        """Minutes into the frame."""
        return (at - self.from_s) // 60


def charts(history: History, site: SiteFacts, zone: Zone, now_s: int) -> dict[str, Any]:
    """Geometry and tables; an empty history gives charts that say so."""
    history = whole(history)
    frame = Frame(now_s - DAY_S, now_s, max(2 * BUCKET_MIN + 1, site.tick_s * 3 // 60 + BUCKET_MIN))
    kept = [at for at, wall_s in enumerate(history.wall_s) if frame.from_s < wall_s <= now_s]
    xs = [frame.x(history.wall_s[at]) for at in kept]
    shades = [SHADES.get(history.mode[at] or "") for at in kept]
    signals = [history.signal[at] for at in kept]
    return {
        "empty": not kept,
        "points": len(kept),
        "hours": _hours(frame, zone),
        "shades": [
            {"kind": span.word, "x": span.x, "width": max(span.width, 2)} for span in svg.spans(xs, shades, frame.gap)
        ],
        "signal_off": [
            {"x": span.x, "width": max(span.width, 2)}
            for span in svg.spans(xs, signals, frame.gap)
            if span.word == "off"
        ],
        "power": _power(xs, _of(history.power_w, kept), _of(history.cap_w, kept), site, frame),
        "inlet": _inlet(xs, _of(history.inlet_c, kept), site, frame),
        "fans": _fans(xs, _of(history.fans_on, kept), site, frame),
        "rows": _rows(history, kept, site, zone, now_s),
        "heated": "inlet_c" in site.wiring.roles or any(one is not None for one in history.inlet_c),
        "fanned": bool(site.wiring.fans),
        "shaded": sorted({shade for shade in shades if shade}),
    }


def whole(history: History) -> History:
    """The same with every column as long as the times: one that was never recorded is unknown, not shorter."""
    count = len(history.wall_s)
    short: dict[str, Any] = {name: (None,) * count for name in _COLUMNS if len(getattr(history, name)) != count}
    return history._replace(**short) if short else history


_COLUMNS = ("power_w", "cap_w", "inlet_c", "fans_on", "mode", "signal")


def _of(column: Sequence[Number], kept: Sequence[int]) -> list[Number]:
    return [column[at] for at in kept]


def _hours(frame: Frame, zone: Zone) -> list[dict[str, Any]]:
    """Full hours of local time, each third one labelled; `minor` ones go on narrow screens."""
    first = -(-(frame.from_s + zone.offset_s) // 3600) * 3600 - zone.offset_s
    out = []
    for at in range(first, frame.to_s + 1, 3600):
        hour = (at + zone.offset_at(at)) // 3600 % 24
        if hour % LABEL_H:
            continue
        x = frame.x(at)
        if not LABEL_ROOM <= x <= svg.WIDE - LABEL_ROOM:
            continue
        out.append(
            {"x": x, "pct": f"{100 * x / svg.WIDE:.2f}%", "text": f"{hour:02}", "minor": hour % (2 * LABEL_H) != 0}
        )
    return out


def _buckets(
    xs: Sequence[int], ys: Sequence[Number], pick: Callable[[list[float]], float], wide: int = BUCKET_MIN
) -> tuple[list[int], list[Number]]:
    """One point for each five minutes: what a screen can show, and a quarter of the bytes."""
    grouped: dict[int, list[Number]] = {}
    for x, y in zip(xs, ys, strict=True):
        grouped.setdefault(x // wide * wide, []).append(y)
    out: list[Number] = []
    for group in grouped.values():
        known = [float(y) for y in group if y is not None]
        out.append(pick(known) if known else None)
    return list(grouped), out


def _mean(known: list[float]) -> float:
    return sum(known) / len(known)


def _last(known: list[float]) -> float:
    return known[-1]


def _ghost(xs: Sequence[int], ys: Sequence[Number], scale: svg.Scale) -> str:
    """The day as a shade behind a figure: a point for each half hour."""
    at, mean = _buckets(xs, ys, _mean, GHOST_MIN)
    return svg.area(at, mean, scale, 2 * GHOST_MIN)


def _ticks(values: Iterable[float], scale: svg.Scale, text: Callable[[float], str]) -> list[dict[str, Any]]:
    return [
        {"y": scale.at(value), "pct": f"{100 * scale.at(value) / scale.size:.1f}%", "text": text(value)}
        for value in values
    ]


def _most(*columns: Iterable[Number]) -> float:
    return max((float(y) for column in columns for y in column if y is not None), default=0.0)


def _power(xs: list[int], power_w: list[Number], cap_w: list[Number], site: SiteFacts, frame: Frame) -> dict[str, Any]:
    ticks = svg.nice(max(_most(power_w, cap_w), float(site.cap_w), 1000.0) / 1000, 4)
    scale = svg.Scale(0, ticks[-1] * 1000 * 1.02, svg.HIGH, flip=True)
    at, mean = _buckets(xs, power_w, _mean)
    cap_at, cap = _buckets(xs, [one or None for one in cap_w], _last)
    return {
        "area": svg.area(at, mean, scale, frame.gap),
        "line": svg.line(at, mean, scale, frame.gap),
        "cap": svg.line(cap_at, cap, scale, frame.gap),
        "ghost": _ghost(xs, power_w, svg.Scale(0, max(_most(power_w), 1.0) * 1.1, svg.HIGH, flip=True)),
        "ticks": _ticks([tick * 1000 for tick in ticks], scale, lambda value: f"{value / 1000:g}"),
        "known": sum(one is not None for one in power_w),
    }


def _inlet(xs: list[int], inlet_c: list[Number], site: SiteFacts, frame: Frame) -> dict[str, Any]:
    known = [float(one) for one in inlet_c if one is not None]
    low = min([10.0, *known]) // 10 * 10
    high = -(-max([45.0, *known]) // 5) * 5
    scale = svg.Scale(low, high, svg.HIGH, flip=True)
    at, hottest = _buckets(xs, inlet_c, max)
    names = ("warn", "shed", "stop")
    narrow = svg.Scale(min(known, default=0) - 2, max(known, default=1) + 2, svg.HIGH, flip=True)
    return {
        "ghost": _ghost(xs, inlet_c, narrow),
        "line": svg.line(at, hottest, scale, frame.gap),
        "ticks": _ticks(
            range(int(low), int(high) + 1, 10),
            scale,
            lambda value: f"{degrees(value, site.temperature_unit):.0f}",
        ),
        "limits": [
            {"y": scale.at(limit), "name": name, "text": f"{degrees(limit, site.temperature_unit):g}"}
            for name, limit in zip(names, site.inlet_limits_c, strict=True)
        ],
        "known": len(known),
    }


def _fans(xs: list[int], fans_on: list[Number], site: SiteFacts, frame: Frame) -> dict[str, Any]:
    most = max(len(site.wiring.fans), int(_most(fans_on)), 1)
    scale = svg.Scale(0, most * 1.08, svg.HIGH, flip=True)
    at, last = _buckets(xs, fans_on, _last)
    return {
        "area": svg.stairs(at, last, scale, frame.gap),
        "ticks": _ticks(sorted({0, most // 2, most}), scale, lambda value: f"{value:g}"),
        "known": sum(one is not None for one in fans_on),
    }


def _rows(history: History, kept: list[int], site: SiteFacts, zone: Zone, now_s: int) -> list[dict[str, str]]:
    """One row an hour, newest first: what the charts show, for those who read rather than look."""
    by_hour: dict[int, list[int]] = {}
    for at in kept:
        by_hour.setdefault((history.wall_s[at] + zone.offset_s) // 3600, []).append(at)
    return [_row(hour, ats, history, site, zone, now_s) for hour, ats in sorted(by_hour.items(), reverse=True)]


def _row(hour: int, ats: list[int], history: History, site: SiteFacts, zone: Zone, now_s: int) -> dict[str, str]:
    def known(column: Sequence[Number]) -> list[float]:
        return [float(y) for at in ats if (y := column[at]) is not None]

    def temperature(temp_c: float) -> str:
        return f"{degrees(temp_c, site.temperature_unit):z.1f}"

    power_w, inlet_c, fans_on = known(history.power_w), known(history.inlet_c), known(history.fans_on)
    modes = list(dict.fromkeys(mode for at in ats if (mode := history.mode[at])))
    began_s = hour * 3600 - zone.offset_s
    day = "" if zone.day(began_s) == zone.day(now_s) else f"{zone.day(began_s)} "  # the same hour was yesterday, too
    return {
        "hour": f"{day}{zone.minute(began_s)}",
        "power": watts(_mean(power_w)) if power_w else "unknown",
        "power_max": watts(max(power_w)) if power_w else "unknown",
        "power_n": f"{len(power_w)} of {len(ats)}",
        "inlet_min": temperature(min(inlet_c)) if inlet_c else "unknown",
        "inlet_max": temperature(max(inlet_c)) if inlet_c else "unknown",
        "fans": _range(fans_on),
        "modes": ", ".join(modes) or "unknown",
    }


def _range(known: list[float]) -> str:
    if not known:
        return "unknown"
    low, high = min(known), max(known)
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"
