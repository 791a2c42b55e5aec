"""The outside service that hears the dead-man, as a twin: silence longer than its period and grace is an alarm.

A controller that is off can tell nobody; this is who tells in its stead. Only silence counts here: that a bad tick is
heard as `/fail`, which such services tell at once, is more than any figure needs.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

PERIOD_S: Final = 120  # both as docs/messages.md has the owner set them
GRACE_S: Final = 300


def alarms(pings: Sequence[float], now_s: float) -> tuple[tuple[float, float], ...]:
    """(raised, over) in the seconds of `pings`; one that still stands ends now. A check never pinged is not armed."""
    late_s = PERIOD_S + GRACE_S
    return tuple((was + late_s, then) for was, then in pairwise((*pings, now_s)) if then - was > late_s)


def raised(away: Sequence[tuple[float, float]], since_s: float, until_s: float) -> float | None:
    """When the first alarm of these stood between the two moments was raised; None: there was none."""
    return next((begin for begin, end in away if begin <= until_s and end > since_s), None)
