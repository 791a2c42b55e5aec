"""The fleet on the page: counts, the wall of cells, a row for each miner, and why some don't run. Pure."""

from collections.abc import Mapping
from typing import Any

from mine_controller.core.model.book import Book
from mine_controller.core.model.quantity import QUANTITIES
from mine_controller.core.model.reason import Reason
from mine_controller.render import svg
from mine_controller.render.fleet import STATES, Unit, heard_s, silent_since_s
from mine_controller.render.given import SiteFacts, Words
from mine_controller.render.links import miner_page
from mine_controller.render.text import UNKNOWN, clean, degrees, masked, span, watts
from mine_controller.render.times import Moments

COLUMNS = 20
PITCH = 12
RACKS_MOST = 14  # more groups than this are drawn as one block
TABLE_MOST = 200  # a larger fleet has its table on its own page alone
HEATS = 5  # shades, from cool to hot
CHIP_C = (50.0, 60.0, 70.0, 80.0)  # edges of the shades by chip temperature
SHARE_PCT = (70, 90, 106, 115)  # and, where nobody tells of chips, by watts against the nominal ones

_TOLD = {
    "running": "draws power",
    "starting": "told to run, not seen on yet",
    "stopping": "told to stop, still draws power",
    "stopped": "dark, measured",
    "quarantined": "dark and kept off",
    "unknown": "power not known",
}
# The same of units that nothing measures: no meter, no outlet's watts, none of their own (decision 11).
_SAID = {
    "running": "hashing, by its own word",
    "stopping": "told to stop, still hashing by its own word",
    "stopped": "dark, by its own word",
}


def wall(
    book: Book, fleet: tuple[Unit, ...], made: Mapping[str, Any], site: SiteFacts, words: Words, when: Moments
) -> dict[str, Any]:
    """Everything the fleet panel shows."""
    miners, chips = made["miners"], chip_temperatures(book, fleet)
    skip = book.decision.plan.skip if book.decision is not None else {}
    return {
        "total": f"{miners['total']:,}",
        "states": [
            {
                "state": state,
                "count": UNKNOWN if miners[state] is None else f"{miners[state]:,}",
                "told": _meant(state, fleet),
            }
            for state in STATES
        ],
        "online": UNKNOWN if miners["online"] is None else f"{miners['online']:,} of {miners['total']:,}",
        "hashing": _hashing(miners),
        "racks": _racks(fleet, chips, site.temperature_unit),
        "heat": _legend(chips, site.temperature_unit) if fleet else None,
        "why": _why(skip, words, site),
        "rows": rows(book, fleet, site, words, when) if len(fleet) <= TABLE_MOST else [],
        "addresses": addresses(fleet, site),
    }


def _meant(state: str, fleet: tuple[Unit, ...]) -> str:
    """What a state says; where some of its units are known by nothing but their own word, that too."""
    found = [unit.by_word for unit in fleet if unit.state == state]
    if state not in _SAID or not any(found):
        return _TOLD[state]
    return _SAID[state] if all(found) else f"{_TOLD[state]}; {sum(found):,} {_SAID[state]}"


def rows(book: Book, fleet: tuple[Unit, ...], site: SiteFacts, words: Words, when: Moments) -> list[dict[str, Any]]:
    """A line of the table for each miner."""
    skip = book.decision.plan.skip if book.decision is not None else {}
    return [_row(unit, _note(unit, skip.get(unit.spec.id), book, words, when), site) for unit in fleet]


def addresses(fleet: tuple[Unit, ...], site: SiteFacts) -> bool:
    """True where the page may say under which addresses the units answer."""
    return site.publish == "full" and any(unit.address for unit in fleet)


def chip_temperatures(book: Book, fleet: tuple[Unit, ...]) -> dict[str, float]:
    """By id, the hottest chip of each miner that tells it and was heard lately."""
    if book.image is None:
        return {}
    channels, oldest_s = book.image.channels, book.image.clock.plant_s - QUANTITIES["chip_c"].max_age_s
    found = ((unit.spec.id, channels.get(f"{unit.spec.group}/{unit.spec.mac}:chip_c")) for unit in fleet)
    return {
        name: float(value.value)
        for name, value in found
        if value is not None and isinstance(value.value, int | float) and value.at_s >= oldest_s
    }


def _hashing(miners: Mapping[str, Any]) -> str:
    if miners["hashing"] is None:
        return f"{UNKNOWN}, 0 of {miners['total']:,} answer"
    return f"{miners['hashing']:,} of {miners['words_known']:,} that answer"


def _racks(fleet: tuple[Unit, ...], chips: Mapping[str, float], scale: str) -> list[dict[str, Any]]:
    """Rows as the owner named them, else one block."""
    named: dict[str, list[Unit]] = {}
    for unit in fleet:
        named.setdefault(unit.spec.row, []).append(unit)
    if len(named) > RACKS_MOST:
        named = {"": list(fleet)}
    return [_rack(clean(name, 16), group, chips, scale) for name, group in named.items()]


def _rack(name: str, group: list[Unit], chips: Mapping[str, float], scale: str) -> dict[str, Any]:
    columns = min(COLUMNS, max(len(group), 1))
    lines = -(-len(group) // columns)
    places = svg.cells(len(group), columns, PITCH)
    return {
        "name": name,
        "width": columns * PITCH - 2,
        "height": lines * PITCH - 2,
        "narrow": columns < COLUMNS,
        "running": _running(group),
        "cells": [_cell(place, unit, chips, scale) for place, unit in zip(places, group, strict=True)],
    }


def _cell(place: svg.Cell, unit: Unit, chips: Mapping[str, float], scale: str) -> dict[str, Any]:
    chip_c = chips.get(unit.spec.id)
    return {
        "x": place.x,
        "y": place.y,
        "state": unit.state,
        "heat": _heat(unit, chip_c, by_chip=bool(chips)) if unit.state == "running" else "",
        "page": miner_page(clean(unit.spec.id, 40)),
        "title": _title(unit, chip_c, scale),
    }


def _heat(unit: Unit, chip_c: float | None, *, by_chip: bool) -> str:
    """Its shade: "1" (cool) to "5" (hot); "0" for a unit of which that is not known."""
    if by_chip:
        return "0" if chip_c is None else str(1 + sum(chip_c >= edge for edge in CHIP_C))
    if unit.power_w is None or not unit.spec.nominal_w:
        return "0"
    return str(1 + sum(100 * unit.power_w >= edge * unit.spec.nominal_w for edge in SHARE_PCT))


def _legend(chips: Mapping[str, float], unit: str) -> dict[str, str]:
    """What the shades of running miners say."""
    if chips:
        low, high = (f"{degrees(edge, unit):g}" for edge in (CHIP_C[0], CHIP_C[-1]))
        return {"name": f"chip temperature, °{unit}", "low": f"under {low}", "high": f"{high} and more"}
    return {"name": "watts, of nominal", "low": f"under {SHARE_PCT[0]} %", "high": f"over {SHARE_PCT[-1]} %"}


def _running(group: list[Unit]) -> str:
    """N of m, and never "0" of what nobody knows."""
    if group and all(unit.state == "unknown" for unit in group):
        return f"{UNKNOWN} of {len(group)}"
    return f"{sum(unit.state == 'running' for unit in group)} of {len(group)}"


def _title(unit: Unit, chip_c: float | None, scale: str) -> str:
    told = [clean(unit.spec.id, 40), unit.state]
    told += [f"{unit.power_w:,} W"] if unit.power_w is not None else []
    told += [f"{degrees(chip_c, scale):.0f} °{scale}"] if chip_c is not None else []
    return " ".join(told)


def _why(skip: Mapping[str, Reason], words: Words, site: SiteFacts) -> list[dict[str, str]]:
    """Why miners are off, grouped by the kind of reason, the commonest first; one sentence stands for each."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for name, reason in skip.items():
        grouped.setdefault((reason.rule, reason.code), []).append(name)
    out = []
    for names in sorted(grouped.values(), key=lambda names: (-len(names), names[0])):
        shown = ", ".join(clean(name, 40) for name in names[:6])
        more = f" and {len(names) - 6:,} more" if len(names) > 6 else ""
        sentence = clean(words(skip[names[0]]), 200)
        sentence = masked(sentence, site.people) if site.publish == "public" else sentence
        out.append({"count": f"{len(names):,}", "sentence": sentence, "names": shown + more})
    return out


def _note(unit: Unit, skip: Reason | None, book: Book, words: Words, when: Moments) -> str:
    """What there is to say of it. One without a meter has no watts, and is no less seen for that."""
    if unit.state == "unknown":
        return _unknown(unit, heard_s(book, unit.spec), when)
    if unit.chase:
        return clean(unit.chase)
    if unit.state in ("stopped", "quarantined"):
        return clean(unit.book.quarantined, 80) or (clean(words(skip), 160) if skip is not None else "")
    silent_s = when.age_s(silent_since_s(book, unit.spec)) if unit.state == "running" else None
    return f"not heard for {span(silent_s)}" if silent_s is not None else ""


def _unknown(unit: Unit, heard: int | None, when: Moments) -> str:
    age_s = when.age_s(unit.seen_s or (heard if unit.lost else None))
    if age_s is not None:
        return f"last known {span(age_s)} ago"
    if heard is None:
        return "never seen"
    return "its watts were never read" if unit.spec.outlet or unit.word is None else f"says {clean(unit.word, 20)}"


def _row(unit: Unit, why: str, site: SiteFacts) -> dict[str, Any]:
    public = site.publish == "public"
    name = clean(unit.spec.name, 40)
    return {
        "id": clean(unit.spec.id, 40),
        "page": miner_page(clean(unit.spec.id, 40)),
        "name": "" if public else name,
        "state": unit.state,
        "power": watts(unit.power_w),
        "word": clean(unit.word, 20) if unit.word is not None else UNKNOWN,
        "outlet": clean(unit.outlet or (UNKNOWN if unit.spec.outlet else "none"), 20),
        "address": clean(unit.address or "", 40),
        "starts": f"{unit.book.starts:,}",
        "why": masked(why, site.people) if public else why,
    }
