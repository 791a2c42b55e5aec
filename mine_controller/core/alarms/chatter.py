"""An alarm that comes and goes: told once as that, and held open until it has been quiet for long enough. Pure.

Three raises in half an hour are chattering by safety.md (section 9, after ISA-18.2). A line that fails every three
quarters of an hour never has three, and made 62 letters a day: five in six hours count as well (decision 24). What is
grave is told each time it comes so slowly.
"""

from collections.abc import Mapping
from typing import Any

from mine_controller.record import NamedTuple


class Pace(NamedTuple):
    """So many raises within so long; it is over when nothing was seen of it for `quiet_s`. `code`: of its sentence."""

    code: str
    raises_n: int
    within_s: int
    quiet_s: int


QUICK, SLOW = Pace("chatters", 3, 1800, 1800), Pace("comes_and_goes", 5, 21_600, 7200)
BY_WORD = {1: QUICK, 2: SLOW}  # what stands in an alarm as "chatter"


def lately(times: list[int], now_s: int) -> list[int]:
    """The raises that may still count."""
    return [at for at in times if now_s - at < SLOW.within_s][-SLOW.raises_n :]


def word_of(times: list[int], now_s: int, *, grave: bool) -> int:
    """What these raises amount to: a key of BY_WORD, 0: nothing."""
    for word, pace in BY_WORD.items():
        if sum(now_s - at < pace.within_s for at in times) >= pace.raises_n and not (grave and pace is SLOW):
            return word
    return 0


def holds(alarm: Mapping[str, Any], times: list[int], now_s: int) -> bool:
    """Whether it stays open although what it is about is gone. Coming back is no raise of a level that is held; what
    became grave meanwhile is held by the quick pace alone, or nobody would hear of the next time."""
    pace = BY_WORD.get(alarm.get("chatter", 0))
    if pace is None or (pace is SLOW and alarm.get("severity") == "emergency"):
        return False
    seen_s, clear_s = int(alarm.get("seen_s") or 0), int(alarm.get("clear_s") or 0)  # an event is seen but once
    last_s = max(seen_s, clear_s) if pace is SLOW else max(times, default=0)
    return now_s - last_s < pace.quiet_s


def now_and_then(alarm: Mapping[str, Any]) -> str:
    """What stands before the sentence of an alarm that is held open while what it is about is gone; else ""."""
    return "comes and goes, not there now: " if alarm.get("chatter") and "clear_s" in alarm else ""


def pace_of(raises_n: int) -> Pace:
    """The pace that so many raises were counted by."""
    return SLOW if raises_n >= SLOW.raises_n else QUICK
