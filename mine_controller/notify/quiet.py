"""Quiet hours: warnings and information wait until they end, and are then one message; emergencies never wait.

The hours are those of the site's clock and may run over midnight. Several sections are several times: [quiet night],
[quiet siesta]. Heartbeats are left out meanwhile.
"""

import re
from collections.abc import Iterable

from mine_controller.core.option import option
from mine_controller.record import NamedTuple

DAY_MIN = 1440
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")


class Options(NamedTuple):
    """When [quiet] is."""

    begin: str = option("22:00", help="first minute of the quiet, by the site's clock")
    end: str = option("07:00", help="its end: what has waited is told then")


def check(options: Options) -> tuple[str, ...]:
    """Two different times of day."""
    times = {"begin": options.begin, "end": options.end}
    wrong = [f"{name}: {text[:20]} is not a time like 22:00" for name, text in times.items() if minute_of(text) is None]
    if not wrong and options.begin == options.end:
        wrong.append("end: is the same as begin; without any quiet, take the section out")
    return tuple(wrong)


def minute_of(text: str) -> int | None:
    """Minute of the day of "22:00"; None when it is no time."""
    found = _TIME.fullmatch(text)
    return int(found[1]) * 60 + int(found[2]) if found else None


def left_s(options: Options, minute: int) -> int:
    """Seconds from the beginning of this minute of the day until the quiet ends; 0: it is not quiet."""
    begin, end = minute_of(options.begin), minute_of(options.end)
    if begin is None or end is None:
        return 0
    inside = (minute - begin) % DAY_MIN < (end - begin) % DAY_MIN
    return (end - minute) % DAY_MIN * 60 if inside else 0


def ends_at(sections: Iterable[Options], minute: int, now_s: int) -> int:
    """Wall time at which the quiet of this minute ends, the last one of several; 0: it is not quiet."""
    longest_s = max((left_s(options, minute) for options in sections), default=0)
    return now_s - now_s % 60 + longest_s if longest_s else 0
