"""Seven and ninety days as charts, and the days as a table: power, air, curtailment, and what was saved. Pure."""

import time
from collections.abc import Sequence
from typing import Any

from mine_controller.core.money import ledger
from mine_controller.core.money.ledger import Line
from mine_controller.render import svg
from mine_controller.render.bands import amount
from mine_controller.render.given import Past, Rolled, SiteFacts
from mine_controller.render.text import UNKNOWN, Zone, degrees, share, temperature, watts

DAY_S = 86_400
LABELS_MOST = 8
LABEL_ROOM = 40  # a label nearer to an edge would be cut
Number = float | int | None


def charts(past: Past, site: SiteFacts, zone: Zone, now_s: int) -> list[dict[str, Any]]:
    """Two spans, each with power, inlet and curtailment."""
    spans = (("week", "7 days", past.week, 7), ("quarter", "90 days", past.quarter, 90))
    return [_span(key, name, rolled, days, site, zone, now_s) for key, name, rolled, days in spans]


def _span(key: str, name: str, rolled: Rolled, days: int, site: SiteFacts, zone: Zone, now_s: int) -> dict[str, Any]:
    from_s = now_s - days * DAY_S
    kept = [at for at, began in enumerate(rolled.at) if began + rolled.step_s > from_s and began <= now_s]
    minutes = days * 1440
    xs = [
        min(svg.WIDE, max(0, (rolled.at[at] + rolled.step_s // 2 - from_s) // 60 * svg.WIDE // minutes)) for at in kept
    ]
    gap = 2 * max(1, rolled.step_s // 60 * svg.WIDE // minutes) + 2
    return {
        "key": key,
        "name": name,
        "empty": len(kept) < 2,
        "step": "hour" if rolled.step_s <= 3600 else f"{rolled.step_s // 3600} hours",
        "days": _day_labels(from_s, now_s, zone),
        "power": _power([rolled.power_w[at] for at in kept], [rolled.power_most_w[at] for at in kept], xs, gap, site),
        "inlet": _inlet([rolled.inlet_low_c[at] for at in kept], [rolled.inlet_most_c[at] for at in kept], xs, gap,
                        site),
        "off": _off([rolled.curtailed[at] for at in kept], xs, gap),
        "known": f"{sum(rolled.known[at] for at in kept):,} of {sum(rolled.ticks[at] for at in kept):,}",
    }  # fmt: skip


def _day_labels(from_s: int, now_s: int, zone: Zone) -> list[dict[str, Any]]:
    """Local midnights, never more labels than fit side by side."""
    first = -(-(from_s + zone.offset_s) // DAY_S) * DAY_S - zone.offset_s
    days = list(range(first, now_s + 1, DAY_S))
    step = -(-len(days) // LABELS_MOST) or 1
    out: list[dict[str, Any]] = []
    for day_s in days[::step]:
        at = day_s + zone.offset_s - zone.offset_at(day_s)  # on the other side of a change midnight was another moment
        x = (at - from_s) * svg.WIDE // (now_s - from_s)
        if LABEL_ROOM <= x <= svg.WIDE - LABEL_ROOM:
            parts = zone.day(at).split(" ")
            pct = f"{100 * x / svg.WIDE:.2f}%"
            out.append({"x": x, "pct": pct, "text": " ".join(parts[1:]), "minor": len(out) % 2 == 1})
    return out


def _ticks(values: Sequence[float], scale: svg.Scale, words: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {"y": scale.at(value), "pct": f"{100 * scale.at(value) / scale.size:.1f}%", "text": text}
        for value, text in zip(values, words, strict=True)
    ]


def _power(mean: list[Number], most: list[Number], xs: list[int], gap: int, site: SiteFacts) -> dict[str, Any]:
    top_w = max([float(one) for one in most if one is not None] + [float(site.cap_w), 10.0])
    small = top_w < 20_000
    ticks = svg.nice(top_w / (1 if small else 1000), 4)
    size = 1 if small else 1000
    scale = svg.Scale(0, ticks[-1] * size * 1.02, svg.HIGH, flip=True)
    return {
        "unit": "W" if small else "kW",
        "area": svg.area(xs, mean, scale, gap),
        "line": svg.line(xs, mean, scale, gap),
        "cap_y": scale.at(site.cap_w) if site.cap_w else None,
        "ticks": _ticks([tick * size for tick in ticks], scale, [f"{tick:g}" for tick in ticks]),
    }


def _inlet(low: list[Number], most: list[Number], xs: list[int], gap: int, site: SiteFacts) -> dict[str, Any] | None:
    known = [float(one) for one in (*low, *most) if one is not None]
    if not known:
        return None
    bottom, top = min([10.0, *known]) // 10 * 10, -(-max([45.0, *known]) // 5) * 5
    scale = svg.Scale(bottom, top, svg.HIGH, flip=True)
    values = [float(at) for at in range(int(bottom), int(top) + 1, 10)]
    return {
        "low": svg.line(xs, low, scale, gap),
        "most": svg.line(xs, most, scale, gap),
        "ticks": _ticks(values, scale, [f"{degrees(value, site.temperature_unit):.0f}" for value in values]),
        "limits": [
            {"y": scale.at(limit), "name": name, "text": f"{degrees(limit, site.temperature_unit):g}"}
            for name, limit in zip(("warn", "shed", "stop"), site.inlet_limits_c, strict=True)
        ],
    }


def _off(curtailed: list[Number], xs: list[int], gap: int) -> list[dict[str, int]]:
    """Bars along the top, where at least a third of a stretch was curtailed."""
    words = ["off" if one is not None and one >= 1 / 3 else None for one in curtailed]
    return [{"x": one.x, "width": max(one.width, 2)} for one in svg.spans(xs, words, gap)]


def days(past: Past, site: SiteFacts) -> list[dict[str, str]]:
    """One row a local day, newest first: what was used and how it went."""
    paid = {line.key: line for line in past.days}
    return [_day(day, rolled, site, paid.get(day)) for day, rolled in sorted(past.by_day.items(), reverse=True)]


def _day(day: str, rolled: Rolled, site: SiteFacts, paid: Line | None) -> dict[str, str]:
    def known(column: Sequence[Number]) -> list[float]:
        return [float(one) for one in column if one is not None]

    ticks, seen = sum(rolled.ticks), sum(rolled.known)
    joules, off_s = sum(rolled.energy_ws), sum(rolled.off_s)
    mean_w = sum((one or 0) * count for one, count in zip(rolled.power_w, rolled.known, strict=True)) / max(1, seen)
    if paid is not None:  # with what no meter tells, as it is in the cost
        joules = max(joules, paid.energy_ws + paid.guess_ws)
    most_w, hot = known(rolled.power_most_w), known(rolled.inlet_most_c)
    return {
        "day": _named(day),
        "kwh": f"{joules / 3.6e6:,.{1 if joules < 3.6e8 else 0}f}" if seen else UNKNOWN,
        "mean": watts(mean_w) if seen else UNKNOWN,  # of what is measured, as the highest is
        "most": watts(max(most_w)) if most_w else UNKNOWN,
        "hot": temperature(max(hot), site.temperature_unit) if hot else "",
        "off": f"{off_s / 3600:.1f} h" if off_s else "",
        "known": f"{share(seen, ticks)} %",
    } | _money(paid, site)


def _named(day: str) -> str:
    """Sun 25 Oct of 2026-10-25."""
    parts = time.strptime(day, "%Y-%m-%d")
    return f"{time.strftime('%a', parts)} {parts.tm_mday} {time.strftime('%b', parts)}"


def _money(line: Line | None, site: SiteFacts) -> dict[str, str]:
    if line is None or site.economy is None:
        return {"cost": "", "always": "", "saved": ""}
    currency = site.economy.currency
    told = (("cost", line.paid), ("always", line.always_cost), ("saved", line.saved))
    return {name: amount(ledger.pence(value), currency) for name, value in told}


def savings(past: Past, site: SiteFacts) -> dict[str, str] | None:
    """All days of money together; None where there are none."""
    if not past.days or site.economy is None:
        return None
    whole, currency = ledger.total(past.days), site.economy.currency
    part = f"{share(whole.saved, whole.always_cost)} %" if whole.always_cost > 0 else ""
    priced = whole.energy_ws + whole.guess_ws
    return {
        "days": f"{len(past.days)}",
        "cost": amount(ledger.pence(whole.paid), currency),
        "always": amount(ledger.pence(whole.always_cost), currency),
        "saved": amount(ledger.pence(whole.saved), currency),
        "part": part,
        "kwh": f"{ledger.kwh(priced):,.1f}",
        "unpriced": f"{ledger.kwh(whole.unpriced_ws):,.1f}" if whole.unpriced_ws else "",
        "guessed": f"{ledger.kwh(whole.guess_ws):,.1f}" if whole.guess_ws else "",
    }
