"""The heartbeat: on the hour, also while nothing happens, so that silence means something.

Without the section it goes each hour to every channel that takes information. It is no news: it makes no sound, stands
in no digest, and one that could not be told in time is not told later. The dead-man is what notices its absence.
"""

from mine_controller.core.option import option
from mine_controller.record import NamedTuple

LATE_S = 300  # a tick this long after the moment still makes it


class Options(NamedTuple):
    """When and by what [heartbeat] tells."""

    every_min: int = option(60, unit="min", low=0, high=1440, help="how often, counted from midnight; 0 = never")
    channels: tuple[str, ...] = option(
        (), help="by these sections alone; empty = all that take information", example="telegram, discord"
    )


def check(options: Options) -> tuple[str, ...]:
    """A beat that falls on the same times each day, and not more often than people can bear."""
    every = options.every_min
    if every and (every < 5 or 1440 % every):
        return (f"every_min: {every} does not divide a day; take 0, 15, 30, 60, 120, 240, 480, 720 or 1440",)
    return ()


def moment(every_min: int, minute: int, wall_s: int, tick_s: int) -> int:
    """Wall time of the beat this tick belongs to, 0 for none. `minute` is the site's minute of the day at `wall_s`."""
    if every_min <= 0:
        return 0
    late_s = minute % every_min * 60 + wall_s % 60
    return wall_s - late_s if late_s < min(max(LATE_S, 2 * tick_s), every_min * 30) else 0
