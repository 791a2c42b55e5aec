"""The pages: `python bench/page.py`. CPU of making view and page for 160 and 1,000 miners, on the tests' sample.

The floor is one `json.dumps` of the same view, so that a noisy machine shows as such.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "render"))

import drawn  # type: ignore[import-not-found]  # the tests have both
import sample  # type: ignore[import-not-found]
from figures import say

from mine_controller.core.wording.words import sentence
from mine_controller.render import others, page, view

CALLS = 25
GOALS_MS = {160: 30.0, 1000: 150.0}
LIGHT_KB = 150  # the index page at 160 miners


def median_ms(call: Callable[[], object]) -> float:
    """Median milliseconds of CPU a call."""
    spent = []
    for _ in range(CALLS):
        began = time.process_time_ns()
        call()
        spent.append(time.process_time_ns() - began)
    return statistics.median(spent) / 1e6


def index() -> None:
    """The page of every tick."""
    for miners, goal in GOALS_MS.items():
        past, book, facts = sample.history("RUNNING"), sample.book("RUNNING", miners), sample.facts(miners)

        def viewed(book: object = book, facts: object = facts, past: object = past) -> dict[str, object]:
            made: dict[str, object] = view.view(book, facts, past, sentence, sample.NOW + 3)  # type: ignore[arg-type]
            return made

        shown = viewed()
        text = page.render(shown)
        floor = median_ms(lambda shown=shown: json.dumps(shown, default=str))  # type: ignore[misc]
        ours = median_ms(lambda viewed=viewed: page.render(viewed()))  # type: ignore[misc]
        note = f"{ours / floor:.1f} x json.dumps of its view, {len(text.encode()) / 1e3:.0f} kB"
        say(f"index page, {miners:,} miners: view and render", ours, "ms", goal=goal, note=note)
        if miners == min(GOALS_MS):
            say(f"index page, {miners:,} miners: size", len(text.encode()) / 1e3, "kB", goal=LIGHT_KB)


def slower() -> None:
    """The pages of every ten minutes; of the miners' own pages a tick makes eighty at most."""
    made = drawn.given(count=160)
    pages = {"fleet": others.fleet, "events": others.log, "report": others.report, "debug": others.debug}
    for name, viewed in pages.items():
        spent = median_ms(lambda name=name, viewed=viewed: page.render(viewed(made), name=f"{name}.html"))  # type: ignore[misc]
        say(f"{name} page, 160 miners", spent, "ms")
    _, unit, card = next(others.every_miner(made))
    say("page of one miner", median_ms(lambda: page.render(others.miner(made, unit, card), name="miner.html")), "ms")


if __name__ == "__main__":
    index()
    slower()
