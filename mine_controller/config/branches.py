"""`breaker NAME` and `phase NAME` of [wiring]: what each carries for hours."""

import re
from collections.abc import Callable
from math import sqrt

from mine_controller.config.lines import Entry
from mine_controller.core.model.wiring import BreakerSpec

CONTINUOUS = 0.8  # a branch carries 80 % of its breaker for hours
_RATING = re.compile(
    r"([0-9]{1,4}(?:\.[0-9]+)?) A ([0-9]{2,5}(?:\.[0-9]+)?) V(?: (3ph))?(?: phase ([A-Za-z0-9_.-]{1,20}))?"
)


def line(entry: Entry, word: str, name: str, tell: Callable[[Entry, str], None]) -> list[BreakerSpec]:
    """The branch of one line, none when something is wrong with it, which is told."""
    found = _RATING.fullmatch(" ".join(entry.value.split()))
    amps, volts = (float(found[1]), float(found[2])) if found else (0.0, 0.0)
    if not found or not (1 <= amps <= 6300 and 10 <= volts <= 36_000) or (word == "phase" and (found[3] or found[4])):
        breaker = "`40 A 240 V phase L1`, or `400 A 480 V 3ph`"
        form = breaker if word == "breaker" else "`60 A 230 V`, volts from the phase to neutral"
        tell(entry, f"is not understood; write {form}")
        return []
    if found[3] and found[4]:  # all it feeds would count on one phase, three times what that may carry
        tell(entry, f"is on all three phases (3ph) and on phase {found[4]}: write one of the two")
        return []
    watts = CONTINUOUS * amps * volts * (sqrt(3) if found[3] else 1)
    return [BreakerSpec(name, int(watts), name if word == "phase" else found[4] or "")]
