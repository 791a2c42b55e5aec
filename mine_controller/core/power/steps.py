"""Going down by steps while a figure is too low, and coming back when it has been good for long enough. Pure.

What frequency and voltage have in common: below `block` nothing starts, below `shed` load goes down step by step, below
`off` everything goes, and only a figure that was known to be good for the whole hold lets load come back. Seconds to
minutes: this follows a weak source, it is no frequency response, which needs a relay that acts within a second.
"""

from typing import Any

from mine_controller.core.model.reading import Value
from mine_controller.core.model.reason import PART_W
from mine_controller.record import NamedTuple

GOING_PCT = 90  # less than this of the load at the first low reading: it is being shed
APART_S = 8  # readings nearer than this are one look at the thing


class Marks(NamedTuple):
    """Below which figure what happens; block > shed > off, in the figure's own unit."""

    block: float
    shed: float
    off: float


class Pace(NamedTuple):
    """How fast: share of the load a step, seconds between, readings that prove it, seconds of good before more.

    The first step is a share of the load at the first low reading.
    """

    step_pct: int
    apart_s: int
    confirm: int
    hold_s: int


class Stepped(NamedTuple):
    """What is to be. cap_w None: no ceiling. `shed`, `back`: a step was taken, or the ceiling was lifted, just now."""

    cap_w: int | None
    blocked: bool
    shed: bool
    back: bool
    look: bool  # below `shed` and not yet proven: a second look is wanted soon


def step(kept: dict[str, Any], value: Value, marks: Marks, pace: Pace, drawn_w: int, now_s: int) -> Stepped:
    """One round. `kept` is the rule's memory (low, deep: readings in a row; low_w, cap_w; moments), changed in place.

    Unknown takes no step and lifts nothing: it only breaks the row of good readings.
    """
    figure = value.value if isinstance(value.value, int | float) else None
    if figure is None or figure < marks.block:
        kept["good_s"] = 0
        kept["wary"] = 1 if figure is not None else kept.get("wary", 0)
    elif not kept.get("good_s"):
        kept["good_s"] = now_s
    if figure is not None:
        _count(kept, figure, value.at_s, marks)
        if not kept.get("low"):
            kept.pop("low_w", None)
        else:
            kept.setdefault("low_w", drawn_w)
    shed = figure is not None and _shed(kept, figure, marks, pace, drawn_w, now_s)
    good_s = int(kept.get("good_s") or 0)
    over = bool(good_s and kept.get("wary") and now_s - good_s >= pace.hold_s)
    back = over and "cap_w" in kept
    if over:
        kept["wary"] = 0
        kept.pop("cap_w", None)
    cap_w = kept.get("cap_w")
    alone = kept.get("low") == 1 or (kept.get("deep") == pace.confirm and cap_w != 0)
    unproven = alone and figure is not None and figure < marks.shed
    return Stepped(None if cap_w is None else int(cap_w), bool(kept.get("wary")), shed, back, unproven)


def _count(kept: dict[str, Any], figure: float, at_s: int, marks: Marks) -> None:
    """Readings in a row below the marks; a good one ends the row at once."""
    fresh = at_s - int(kept.get("at_s") or 0) >= APART_S
    for name, mark in (("low", marks.shed), ("deep", marks.off)):
        if figure >= mark:
            kept[name] = 0
        elif fresh or not kept.get(name):
            kept[name] = int(kept.get(name) or 0) + 1
    if fresh:
        kept["at_s"] = at_s


def _is_going(kept: dict[str, Any], drawn_w: int) -> bool:
    """Load is on its way down since the row began: what that does to the figure shows at the next look."""
    return drawn_w * 100 < int(kept.get("low_w") or 0) * GOING_PCT


def _shed(kept: dict[str, Any], figure: float, marks: Marks, pace: Pace, drawn_w: int, now_s: int) -> bool:
    """One more step down where it is proven and the last one is long enough ago."""
    if int(kept.get("deep") or 0) >= pace.confirm + _is_going(kept, drawn_w) and figure < marks.off:
        first = kept.get("cap_w") != 0
        kept["cap_w"] = 0
        return first
    if figure >= marks.shed or int(kept.get("low") or 0) < pace.confirm:
        return False
    if kept.get("cap_w") == 0 or ("cap_w" in kept and now_s - int(kept.get("shed_s") or 0) < pace.apart_s):
        return False
    # What was shed for another reason since the row began is part of the first step, and not to be taken off twice.
    held_w = min(int(kept["cap_w"]), drawn_w) if "cap_w" in kept else int(kept["low_w"])
    kept["cap_w"], kept["shed_s"] = max(PART_W, held_w * (100 - pace.step_pct) // 100), now_s
    return int(kept["cap_w"]) < held_w  # where nothing is left to take off nothing goes down
