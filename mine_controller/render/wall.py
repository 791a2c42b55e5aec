"""The fleet on the page: counts, the wall of cells, a row for each miner, and why some don't run. Pure."""

from collections.abc import Mapping
from typing import Any

from mine_controller.core.model.book import Book
from mine_controller.core.model.reason import Reason
from mine_controller.render import svg
from mine_controller.render.fleet import STATES, Unit
from mine_controller.render.given import SiteFacts, Words
from mine_controller.render.text import UNKNOWN, clean, masked, span, watts
from mine_controller.render.times import Moments

COLUMNS = 20
PITCH = 12
RACKS_MOST = 14  # more groups than this are drawn as one block

_TOLD = {
    "running": "draws power",
    "starting": "told to run, not seen on yet",
    "stopping": "told to stop, still draws power",
    "stopped": "dark, measured",
    "quarantined": "dark and kept off",
    "unknown": "power not known",
}


def wall(
    book: Book, fleet: tuple[Unit, ...], made: Mapping[str, Any], site: SiteFacts, words: Words, when: Moments
) -> dict[str, Any]:
    """Everything the fleet panel shows."""
    miners = made["miners"]
    skip = book.decision.plan.skip if book.decision is not None else {}
    return {
        "total": f"{miners['total']:,}",
        "states": [
            {"state": state, "count": UNKNOWN if miners[state] is None else f"{miners[state]:,}", "told": _TOLD[state]}
            for state in STATES
        ],
        "online": UNKNOWN if miners["online"] is None else f"{miners['online']:,} of {miners['total']:,}",
        "hashing": _hashing(miners),
        "racks": _racks(fleet),
        "why": _why(skip, words),
        "rows": [_row(unit, skip.get(unit.spec.id), site, words, when) for unit in fleet],
        "addresses": site.publish == "full" and any(unit.address for unit in fleet),
    }


def _hashing(miners: Mapping[str, Any]) -> str:
    if miners["hashing"] is None:
        return f"{UNKNOWN}, 0 of {miners['total']:,} answer"
    return f"{miners['hashing']:,} of {miners['words_known']:,} that answer"


def _racks(fleet: tuple[Unit, ...]) -> list[dict[str, Any]]:
    """Rows as the owner named them, else one block."""
    named: dict[str, list[Unit]] = {}
    for unit in fleet:
        named.setdefault(unit.spec.row, []).append(unit)
    if len(named) > RACKS_MOST:
        named = {"": list(fleet)}
    return [_rack(clean(name, 16), group) for name, group in named.items()]


def _rack(name: str, group: list[Unit]) -> dict[str, Any]:
    columns = min(COLUMNS, max(len(group), 1))
    lines = -(-len(group) // columns)
    places = svg.cells(len(group), columns, PITCH)
    return {
        "name": name,
        "width": columns * PITCH - 2,
        "height": lines * PITCH - 2,
        "narrow": columns < COLUMNS,
        "running": _running(group),
        "cells": [
            {"x": place.x, "y": place.y, "state": unit.state, "title": _title(unit)}
            for place, unit in zip(places, group, strict=True)
        ],
    }


def _running(group: list[Unit]) -> str:
    """N of m, and never "0" of what nobody knows."""
    if group and all(unit.state == "unknown" for unit in group):
        return f"{UNKNOWN} of {len(group)}"
    return f"{sum(unit.state == 'running' for unit in group)} of {len(group)}"


def _title(unit: Unit) -> str:
    shown = clean(unit.spec.id, 40)
    return f"{shown} {unit.state}" if unit.power_w is None else f"{shown} {unit.state} {unit.power_w:,} W"


def _why(skip: Mapping[str, Reason], words: Words) -> list[dict[str, str]]:
    """Why miners are off, grouped by the kind of reason, the commonest first; one sentence stands for each."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for name, reason in skip.items():
        grouped.setdefault((reason.rule, reason.code), []).append(name)
    out = []
    for names in sorted(grouped.values(), key=lambda names: (-len(names), names[0])):
        shown = ", ".join(clean(name, 40) for name in names[:6])
        more = f" and {len(names) - 6:,} more" if len(names) > 6 else ""
        sentence = clean(words(skip[names[0]]), 200)
        out.append({"count": f"{len(names):,}", "sentence": sentence, "names": shown + more})
    return out


def _row(unit: Unit, skip: Reason | None, site: SiteFacts, words: Words, when: Moments) -> dict[str, str]:
    if unit.power_w is None:
        age_s = when.age_s(unit.seen_s)
        why = "never seen" if age_s is None else f"last known {span(age_s)} ago"
    elif unit.chase:
        why = clean(unit.chase)
    elif unit.state in ("stopped", "quarantined"):
        why = clean(unit.book.quarantined, 80) or (clean(words(skip), 160) if skip is not None else "")
    else:
        why = ""
    public = site.publish == "public"
    name = clean(unit.spec.name, 40)
    return {
        "id": clean(unit.spec.id, 40),
        "name": "" if public else name,
        "state": unit.state,
        "power": watts(unit.power_w),
        "word": clean(unit.word, 20) if unit.word is not None else UNKNOWN,
        "outlet": clean(unit.outlet or (UNKNOWN if unit.spec.outlet else "none"), 20),
        "address": clean(unit.address or "", 40),
        "starts": f"{unit.book.starts:,}",
        "why": masked(why) if public else why,
    }
