"""Ticks that found the lock taken (PRO1): a line each in a small file beside it, for the tick that gets it next.

Whoever skips opens nothing else and waits for nobody. A line is a second of the boot clock, which no step of the wall
clock moves. What counts is told by its time and not by lying there: so a tick that dies before it has saved leaves the
lines to the next one, and none counts twice. The file goes once nothing in it counts any more.
"""

import os
import time
from collections.abc import Iterable
from pathlib import Path

END = ".skipped"
MOST_BYTES = 4096  # some 500 ticks; who can't begin for so long needs no finer figure
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


def note_skip(lock: Path) -> None:
    """Add this second. A disk that takes nothing costs the count and nothing else."""
    try:
        file = os.open(lock.with_name(lock.name + END), _FLAGS, 0o664)
        try:
            if os.fstat(file).st_size < MOST_BYTES:
                os.write(file, f"{int(time.clock_gettime(time.CLOCK_BOOTTIME))}\n".encode("ascii"))
        finally:
            os.close(file)
    except OSError:
        return  # see above


def skipped(lock: Path, since_s: int | None, now_s: int, tick_s: int) -> int:
    """Give how many ticks in a row could not begin, by the boot clock, since the one that began at `since_s`.

    None: no tick began in this boot yet, so what lies there is of the time before. OSError: it can't be read.
    """
    path = lock.with_name(lock.name + END)
    try:
        with path.open("rb") as file:
            lines = file.read(2 * MOST_BYTES).split()
    except FileNotFoundError:
        return 0
    moments = sorted(int(line) for line in lines if line.isdigit() and len(line) <= 10)
    count = _beats([at for at in moments if since_s is None or at <= now_s], since_s, tick_s)
    if not count:
        path.unlink(missing_ok=True)  # nobody skips a beat just now: this tick has the lock and has only begun
    return count


def _beats(moments: Iterable[int], since_s: int | None, tick_s: int) -> int:
    """How many of them are beats of the rhythm: what people start beside a tick at work takes no beat away."""
    count, last_s = 0, since_s
    for at in moments:
        if last_s is None or at - last_s >= tick_s * 3 // 4:
            count, last_s = count + 1, at
    return count
