"""How a bench says what it measured: one line a figure, and the same as JSON for whoever collects them.

A figure is a ratio to a floor measured in the same run wherever there is a floor, because the machine is shared and
noisy. `minectl`'s goals are numbers of the same kind; a goal missed is said, not failed.
"""

import json
import os
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

COLLECT = "MINECTL_FIGURES"  # a file to which each figure is appended


class Figure(NamedTuple):
    """`value` in `unit`, `goal` of the same unit (0: none; `least`: it is to be no less); `floor` in words."""

    what: str
    value: float
    unit: str
    goal: float = 0.0
    floor: str = ""
    note: str = ""
    least: bool = False

    @property
    def holds(self) -> bool | None:
        """Whether the goal is reached; None without one."""
        if not self.goal:
            return None
        return self.value >= self.goal if self.least else self.value <= self.goal


def say(what: str, value: float, unit: str, **about: float | str | bool) -> Figure:
    """Print one figure and keep it for the collector."""
    figure = Figure(what, value, unit, **about)  # type: ignore[arg-type]
    print(line(figure), flush=True)
    if path := os.environ.get(COLLECT):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps(figure._asdict()) + "\n")
    return figure


def line(figure: Figure) -> str:
    """As a person reads it."""
    word = {True: "holds", False: "MISSED", None: ""}[figure.holds]
    goal = f"{'>=' if figure.least else '<='} {number(figure.goal)} {figure.unit}" if figure.goal else ""
    floor = f" [{figure.floor}]" if figure.floor else ""
    note = f" ({figure.note})" if figure.note else ""
    return f"{figure.what:58} {number(figure.value):>8} {figure.unit:4} {goal:12} {word}{floor}{note}"


def number(value: float) -> str:
    """Three digits of it."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def ratio(ours: Sequence[float], floor: Sequence[float]) -> float:
    """The median of the ratios of rounds that ran side by side."""
    return statistics.median(one / other for one, other in zip(ours, floor, strict=True))
