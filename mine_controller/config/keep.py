"""[keep]: how many copies of the database are kept, how much writing they may cost, and who is told of a new one."""

from typing import Any

from mine_controller.core.option import fill, option
from mine_controller.record import NamedTuple

TITLE = "keep"


class Options(NamedTuple):
    """Numbers of [keep]; a site without the section has the defaults."""

    hourly: int = option(24, low=1, high=24, help="copies of what control needs, one an hour")
    daily: int = option(14, low=1, high=400, help="whole copies, one a day")
    weekly: int = option(8, low=0, high=520, help="of the whole copies, one a week is kept this many weeks")
    monthly: int = option(12, low=0, high=240, help="and one a month this many months")
    write_mb_a_day: int = option(
        200, unit="MB", low=1, high=100_000, help="a larger database is copied whole every few days: cards wear out"
    )
    room_gb: int = option(0, unit="GB", low=0, high=100_000, help="all copies together; 0 = a quarter of the disk")
    after_backup: str = option(
        "", kind="path", help="a program run with the path of each new copy, for a place elsewhere"
    )
    after_backup_s: int = option(
        60, unit="s", low=1, high=90, help="it is ended after this, or when the next tick is due"
    )


def defaults() -> Any:
    """The options of a site without the section."""
    return fill(Options)
