"""A test by every channel once a week, so that a dead one is found before it is needed. It says that it is a test.

Only with the section in the config. What a channel answers stands in the log, and on `minectl doctor --live` any time.
"""

from mine_controller.core.option import option
from mine_controller.notify.quiet import minute_of
from mine_controller.record import NamedTuple

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
LATE_S = 3600  # a tick this long after the moment still makes it


class Options(NamedTuple):
    """When [channel_test] tells."""

    day: str = option("monday", choices=DAYS, help="the day of the week")
    at: str = option("10:00", help="the time, by the site's clock")


def check(options: Options) -> tuple[str, ...]:
    """A time of day."""
    return () if minute_of(options.at) is not None else (f"at: {options.at[:20]} is not a time like 10:00",)


def moment(options: Options, weekday: int, minute: int, wall_s: int) -> int:
    """Wall time of the test this tick belongs to, 0 for none. `weekday` 0 is Monday, at the site and at `wall_s`."""
    planned = minute_of(options.at)
    if planned is None or weekday != DAYS.index(options.day) or minute < planned:
        return 0
    late_s = (minute - planned) * 60 + wall_s % 60
    return wall_s - late_s if late_s < LATE_S else 0
