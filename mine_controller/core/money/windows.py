"""Windows of the week on the wall's own clock: minutes of a local day and weekdays. Pure; whoever asks knows the time.

A window that ends at or before the minute it begins goes over midnight and belongs to the day on which it began.
Nothing here counts hours, so summer time can't break it: what the clock on the wall shows decides.
"""

import re

from mine_controller.record import NamedTuple

NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MIN = 1440
WEEK_MIN = 7 * DAY_MIN
DAYS_WORD = r"(?:mon|tue|wed|thu|fri|sat|sun)(?:[-+](?:mon|tue|wed|thu|fri|sat|sun)){0,6}"  # mon-fri, sat+sun
_MINUTE = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])")


class Window(NamedTuple):
    """`begin` and `end` are minutes of the day (0..1440); begin == end is the whole day. `days`: 0 = Monday."""

    begin: int
    end: int
    days: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)


def is_open(window: Window, minute: int, weekday: int) -> bool:
    """True while the window is open at that minute of that weekday."""
    begin, end, days = window
    if begin < end:
        return weekday in days and begin <= minute < end
    if minute >= begin:
        return weekday in days
    return minute < end and (weekday - 1) % 7 in days


def next_edge(windows: tuple[Window, ...], minute: int, weekday: int) -> int | None:
    """Minutes on the wall's clock until the first of them opens or the last one closes; None: neither ever happens.

    Where one goes on where another ends there is no edge. Clock changes are not seen.
    """
    now = weekday * DAY_MIN + minute
    edges = {
        (day * DAY_MIN + at - now) % WEEK_MIN or WEEK_MIN
        for window in windows
        for day in window.days
        for at in _edges(window)
    }
    is_now = _any_open(windows, now)
    return next((edge for edge in sorted(edges) if _any_open(windows, now + edge) != is_now), None)


def _any_open(windows: tuple[Window, ...], at: int) -> bool:
    day, minute = divmod(at, DAY_MIN)
    return any(is_open(window, minute, day % 7) for window in windows)


def _edges(window: Window) -> tuple[int, int]:
    over = DAY_MIN if window.end <= window.begin else 0
    return window.begin, window.end + over


def minute_of(text: str) -> int | None:
    """The minute of the day of "16:30"; 24:00 is the end of a day; None: no time."""
    found = _MINUTE.fullmatch(text)
    minute = int(found[1]) * 60 + int(found[2]) if found else DAY_MIN + 1
    return minute if minute <= DAY_MIN else None


def hours_of(text: str) -> tuple[int, int] | None:
    """Begin and end of "22:00-07:00"; None: not understood."""
    first, dash, last = text.replace(" ", "").partition("-")
    begin, end = minute_of(first), minute_of(last)
    if not dash or begin is None or end is None or begin == DAY_MIN:
        return None
    return begin, end


def days_of(text: str) -> tuple[int, ...] | None:
    """The weekdays of "mon-fri", "sat+sun", "sat-mon"; "" is every day; None: not understood."""
    if not text:
        return tuple(range(7))
    if not re.fullmatch(DAYS_WORD, text):
        return None
    days: list[int] = []
    for part in text.split("+"):
        names = [NAMES.index(name) for name in part.split("-")]
        if len(names) > 2:
            return None
        span = (names[-1] - names[0]) % 7
        days += [(names[0] + n) % 7 for n in range(span + 1)]
    return tuple(sorted(set(days)))
