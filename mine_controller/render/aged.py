"""Which of the slower pages are due, and their text. A page that nothing asks for costs a tick nothing.

A page's time of change is set to the wall time of its making, so that its age is counted on the mine's clock.
"""

import os
from collections.abc import Callable, Container, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from mine_controller.render import others
from mine_controller.render.links import FOLDER, miner_page
from mine_controller.render.others import EVERY_S, MINERS_A_TICK, REPORT_EVERY_S, Given
from mine_controller.render.page import render
from mine_controller.render.text import clean

MISSING_A_TICK = 1000  # made for the first time: on a small computer ten thousand would take the better part of a tick
_PAGES: dict[str, tuple[int, Callable[[Given], dict[str, Any]]]] = {
    "fleet.html": (EVERY_S, others.fleet),
    "events.html": (EVERY_S, others.log),
    "report.html": (REPORT_EVERY_S, others.report),
    "debug.html": (EVERY_S, others.debug),
}


def age_s(file: Path, now_s: int) -> int | None:
    """How long ago it was made; None where there is none. A time ahead (the clock was set back) counts as long ago."""
    try:
        made_s = int(file.stat().st_mtime)
    except OSError:
        return None
    return _age(made_s, now_s)


def _age(made_s: int, now_s: int) -> int:
    return now_s - made_s if made_s <= now_s else REPORT_EVERY_S


def outdate(folder: Path, mark: Path, made_for: str) -> None:
    """Have every page due that was made for another config or by another version: it may show what is no more.

    What they were made for is kept in `mark`; where that can't be written they are due at every tick.
    """
    try:
        if mark.read_text(encoding="ascii") == made_for:
            return
    except (OSError, ValueError):
        pass  # the first time
    for page in (*(folder / name for name in _PAGES), *(folder / FOLDER).glob("*.html")):
        with suppress(OSError):
            os.utime(page, (0, 0))
    with suppress(OSError):
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch(0o600)
        mark.write_text(made_for, encoding="ascii")


def due(folder: Path, now_s: int, names: tuple[str, ...] = tuple(_PAGES)) -> tuple[str, ...]:
    """Names of those pages that are missing or older than they may be."""
    ages = {name: age_s(folder / name, now_s) for name in names}
    return tuple(name for name, age in ages.items() if age is None or age >= _PAGES[name][0])


def drawn(given: Given, names: tuple[str, ...], own: Path | None, kept: Path | None) -> Iterator[tuple[str, str]]:
    """(name, text) of each of these pages."""
    for name in names:
        yield name, render(_PAGES[name][1](given), own, kept, name)


def miners_due(folder: Path, given: Given) -> list[tuple[str, Any, dict[str, Any]]]:
    """Miners whose page is missing, and the oldest of the others, so many a tick. Who is not due costs no card."""
    named = {miner_page(clean(spec.id, 40)): spec.id for spec in given.site.wiring.miners}
    ages = _ages(folder, given.now_s)
    old = sorted((-ages[page], page) for page in named if ages.get(page, 0) >= EVERY_S)
    missing = [page for page in named if page not in ages]
    chosen = [*(page for _, page in old[:MINERS_A_TICK]), *missing[:MISSING_A_TICK]]
    return list(others.miners(given, {named[page] for page in chosen})) if chosen else []


def _ages(folder: Path, now_s: int) -> dict[str, int]:
    """How old each miner's page is; one that can't be looked at counts as missing."""
    try:
        with os.scandir(folder / FOLDER) as found:
            return {f"{FOLDER}/{one.name}": _age(int(one.stat().st_mtime), now_s) for one in found}
    except OSError:
        return {}


def miners_drawn(
    given: Given, wanted: list[tuple[str, Any, dict[str, Any]]], own: Path | None, kept: Path | None
) -> Iterator[tuple[str, str]]:
    """(name, text) of each."""
    for page, unit, card in wanted:
        yield page, render(others.miner(given, unit, card), own, kept, "miner.html")


def miner_names(given: Given) -> set[str]:
    """The pages of all miners there are."""
    return {miner_page(clean(spec.id, 40)) for spec in given.site.wiring.miners}


def gone(folder: Path, wanted: Container[str]) -> list[Path]:
    """The pages of miners that are no more, as long as they stand there. OSError."""
    try:
        with os.scandir(folder / FOLDER) as found:
            return [
                Path(one.path) for one in found if one.name.endswith(".html") and f"{FOLDER}/{one.name}" not in wanted
            ]
    except FileNotFoundError:
        return []


def without(names: tuple[str, ...], left: list[Path]) -> tuple[str, ...]:
    """The pages that are due, and with miners gone the list that still names them."""
    return ("fleet.html", *names) if left and "fleet.html" not in names else names
