"""Which whole copies stay: one a day, one a week, one a month, by hard links of the same copy; and no more than fits.

    hour-14.db  day-20260301.db  week-2026W09.db  month-202603.db  by-hand-20260301T120000Z.db

What a person copied is the person's to remove. Which is older is told by the state in it, never by its name or its
time of change: after a clock that was ahead for weeks every new copy would be the oldest, and gone at once.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from mine_controller.store.copies import order_of
from mine_controller.store.stop import sync_folder

CLASSES = ("day", "week", "month")
HOUR_S, DAY_S = 3600, 86_400


def names_of(wall_s: int) -> dict[str, str]:
    """Give the file's name by class for a copy of that moment (UTC)."""
    at = datetime.fromtimestamp(wall_s, UTC)
    year, week, _ = at.isocalendar()
    return {"day": f"day-{at:%Y%m%d}.db", "week": f"week-{year}W{week:02}.db", "month": f"month-{at:%Y%m}.db"}


def stands_for(copy: Path, counts: Mapping[str, int], wall_s: int) -> None:
    """Let the first whole copy of a week and of a month stand for it, without writing it again. Raises OSError."""
    names = names_of(wall_s)
    for name in ("week", "month"):
        target = copy.with_name(names[name])
        if counts.get(name, 0) and not target.exists():
            try:
                os.link(copy, target)
            except OSError:
                continue  # a file system without hard links (a USB stick): the daily ones are what there is


def rotate(folder: Path, counts: Mapping[str, int], most_bytes: int) -> tuple[str, ...]:
    """Remove what is past its count, then the oldest until all fit into `most_bytes`; the newest whole copy stays.

    Gives the names removed. Raises OSError.
    """
    gone: list[Path] = []
    for name in CLASSES:
        found = sorted(folder.glob(f"{name}-*.db"), key=_age)
        gone += found[: max(0, len(found) - counts.get(name, 0))]
    gone += _hours_over(folder, counts.get("hour", 24))
    for path in (*gone, *_left_behind(folder)):
        path.unlink(missing_ok=True)
    gone += _until_it_fits(folder, most_bytes)
    if gone:
        sync_folder(folder)
    return tuple(path.name for path in gone)


def _hours_over(folder: Path, count: int) -> list[Path]:
    found = sorted(folder.glob("hour-*.db"), key=_age)
    return found[: max(0, len(found) - count)]


def _left_behind(folder: Path) -> list[Path]:
    """What ticks that were killed had copied by then. Only ticks make such names, and none is at work now."""
    return [path for name in ("day-*.db.draft", "hour-*.draft") for path in folder.glob(name)]


def _until_it_fits(folder: Path, most_bytes: int) -> list[Path]:
    """The oldest by what they hold; a file with several names counts once and goes with its last name."""
    gone: list[Path] = []
    whole = sorted(_whole(folder), key=_age)
    newest = whole[-1].stat().st_ino if whole else 0
    for path in whole:
        if used(folder) <= most_bytes:
            break
        if path.stat().st_ino != newest:
            path.unlink()
            gone.append(path)
    return gone


def _whole(folder: Path) -> list[Path]:
    return [path for name in CLASSES for path in folder.glob(f"{name}-*.db")]


def _age(path: Path) -> tuple[int, float, str]:
    """The oldest first; what holds no state is of no use to anybody, and older than all."""
    return order_of(path), path.stat().st_mtime, path.name


def used(folder: Path) -> int:
    """Give the bytes all copies take, a file with several names once."""
    sizes: dict[int, int] = {}
    for path in folder.glob("*.db"):
        with suppress(OSError):  # removed meanwhile
            about = path.stat()
            sizes[about.st_ino] = about.st_size
    return sum(sizes.values())


def interval_s(size: int, write_bytes_a_day: int) -> int:
    """Give how far apart whole copies of that size are, so that they write no more than that a day."""
    return max(1, -(-size // max(1, write_bytes_a_day))) * DAY_S
