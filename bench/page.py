"""The index page: `python bench/page.py`. CPU of making view and page for 160 and 1,000 miners, on the tests' sample.

The floor is one `json.dumps` of the same view, so that a noisy machine shows as such.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "render"))

import sample  # type: ignore[import-not-found]  # the tests have it
from figures import say

from mine_controller.core.words import sentence
from mine_controller.render import page, view

CALLS = 25
GOALS_MS = {160: 20.0, 1000: 120.0}


def median_ms(call: Callable[[], object]) -> float:
    """Median milliseconds of CPU a call."""
    spent = []
    for _ in range(CALLS):
        began = time.process_time_ns()
        call()
        spent.append(time.process_time_ns() - began)
    return statistics.median(spent) / 1e6


def main() -> None:
    """Print each figure."""
    for miners, goal in GOALS_MS.items():
        past, book, facts = sample.history("RUNNING"), sample.book("RUNNING", miners), sample.facts(miners)

        def viewed(book: object = book, facts: object = facts, past: object = past) -> dict[str, object]:
            made: dict[str, object] = view.view(book, facts, past, sentence, sample.NOW + 3)  # type: ignore[arg-type]
            return made

        shown = viewed()
        text = page.render(shown)
        floor = median_ms(lambda shown=shown: json.dumps(shown, default=str))  # type: ignore[misc]
        ours = median_ms(lambda viewed=viewed: page.render(viewed()))  # type: ignore[misc]
        note = f"{ours / floor:.1f} x json.dumps of its view, {len(text) / 1e3:.0f} kB"
        say(f"index page, {miners:,} miners: view and render", ours, "ms", goal=goal, note=note)


if __name__ == "__main__":
    main()
