"""What a source can give: curves, derating, headroom. Pure arithmetic in whole watts and thousandths.

Not volts times amperes: that is what is used. docs/decisions tells the formula and why it is so.
"""

import itertools
import re
from functools import cache
from typing import Any

from mine_controller.core.fleet import Fleet, rising
from mine_controller.core.power.feed import is_dead
from mine_controller.core.view import View
from mine_controller.record import NamedTuple

WHOLE = 1000  # a factor of one, in thousandths
AGREE_PCT = 5  # site meter and the sum of all else: nearer than this they speak of the same load
FIFTY, SIXTY = 50.0, 60.0
FAR_HZ = 3.0  # further from both than this says nothing of which grid it is
_POINT = re.compile(r"(-?[0-9]{1,4}(?:\.[0-9]+)?):([0-9]{1,6}(?:\.[0-9]+)?)")

Curve = tuple[tuple[float, float], ...]


class BadCurve(ValueError):  # noqa: N818 - what a person wrote, not a fault
    """The points are no curve; the text says what to write."""


@cache
def curve(points: tuple[str, ...]) -> Curve:
    """Points like "25:500" in rising order of what stands before the colon. Raises BadCurve."""
    out: list[tuple[float, float]] = []
    for point in points:
        found = _POINT.fullmatch(point.replace(" ", ""))
        if not found:
            raise BadCurve(f"{point[:20]!r} is not a point like 25:500")
        out.append((float(found[1]), float(found[2])))
    if any(later[0] <= earlier[0] for earlier, later in itertools.pairwise(out)):
        raise BadCurve("the figures before the colons must rise")
    return tuple(out)


def at(points: Curve, where: float) -> float:
    """The curve's value there: straight between two points, level beyond the first and the last."""
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        if where <= x0:
            return y0
        if where < x1:
            return y0 + (y1 - y0) * (where - x0) / (x1 - x0)
    return points[-1][1]


def sag(figure: float, begins: float, ends: float, floor_pct: int) -> int:
    """Thousandths left of the rating while a figure sags: whole down to `begins`, `floor_pct` from `ends` on."""
    if figure >= begins:
        return WHOLE
    if figure <= ends:
        return floor_pct * 10
    return round(floor_pct * 10 + (WHOLE - floor_pct * 10) * (figure - ends) / (begins - ends))


def nominal_hz(view: View, kept: dict[str, Any], grid_hz: float | None) -> float | None:
    """The grid's nominal frequency: as the owner says, else the first that was plainly near 50 or 60, for good."""
    if view.site.nominal_hz:
        return view.site.nominal_hz
    known = kept.get("nominal_hz")
    if known is None and grid_hz is not None:
        nearest = nearer_hz(grid_hz)
        if abs(nearest - grid_hz) <= FAR_HZ:
            known = kept["nominal_hz"] = nearest
    return None if known is None else float(known)


def nearer_hz(grid_hz: float) -> float:
    """50 or 60, whichever is nearer."""
    return min((FIFTY, SIXTY), key=lambda nominal: abs(nominal - grid_hz))


class Load(NamedTuple):
    """What hangs on the source, whole watts. total_w: drawn now; more_w: what was let loose and is not drawn yet."""

    total_w: int
    beside_w: int  # of it, or to be expected: what is no miner we command
    more_w: int


def load(view: View) -> Load:
    """Drawn now by a meter that the sum bears out, else by the larger; miners nobody commands count at nominal."""
    fleet = view.fleet
    if is_dead(view.image):
        return Load(max(0, fleet.meter_w or 0), fleet.other_w, fleet.starting_w)
    foreign_w = sum(
        max(0, spec.nominal_w - drawn_w)
        for spec, drawn_w in zip(view.wiring.miners, fleet.est_w, strict=True)
        if not spec.paths
    )
    most_w = max(fleet.meter_w or 0, fleet.miners_w + fleet.other_w)
    doubt_w = most_w - _metered_w(fleet, most_w)
    beside_w = fleet.other_w + foreign_w - doubt_w
    return Load(most_w - doubt_w + foreign_w, beside_w, fleet.starting_w + rising_w(view))


def _metered_w(fleet: Fleet, most_w: int) -> int:
    """What is drawn by a meter that the sum of everything else bears out: it is the better of two that agree.

    Miners' own words are a few per cent off; whoever tells nothing counts on top. Beyond AGREE_PCT one of the two is
    wrong, nobody knows which, and the larger holds (MET2).
    """
    if fleet.meter_w is None or fleet.measured_w is None:
        return most_w
    agreed = (fleet.measured_w + fleet.other_w) * 100 <= fleet.meter_w * (100 + AGREE_PCT)
    return min(most_w, fleet.meter_w + fleet.miners_w - fleet.measured_w) if agreed else most_w


def rising_w(view: View) -> int:
    """What miners that were seen to come on, and are still on their way up, will draw beyond what they draw."""
    return sum(rising(view.fleet, view.state, view.wiring, view.now_s).values())
