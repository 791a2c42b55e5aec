"""The process: threads hear, this one writes once a second, gives a sign of life, and sees when the config changes.

It sends no command to any device, and nothing it hears sets anything free by itself: what asks for something (`orders`)
becomes a request that a tick judges. One thread that dies ends the process with a reason, so that whoever started it
starts all of it again.
"""

import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from mine_controller.collect.orders import Orders, OrderWay
from mine_controller.collect.shelf import Shelf
from mine_controller.collect.ways import Desk, Say, wanted, ways_of
from mine_controller.wire.collected import Hear

WRITE_S = 1.0
LOOK_S = 10.0
LAST_S = 2.0  # how long the threads have to say goodbye

ENDED, CHANGED, BROKEN = "ended", "changed", "broken"


def run(
    hears: Mapping[str, Hear],
    file: Path,
    ended: threading.Event,
    stirred: Callable[[], bool],
    say: Say,
    address: str = "",
    orders: Mapping[str, Orders] | None = None,
) -> str:
    """Collect until `ended` is set (ENDED), `stirred` says the config is another one (CHANGED), or a thread dies
    (BROKEN). `orders`: sections whose commands are taken. OSError: the folder of `file` can't be made."""
    file.parent.mkdir(parents=True, exist_ok=True)
    desk = Desk(Shelf(file, wanted(hears)), say)
    taken = [OrderWay(section, one, desk) for section, one in (orders or {}).items()]
    threads = [desk.start(way) for way in (*ways_of(hears, desk, address), *taken)]
    writer = _Writer(desk.shelf, say)
    try:
        return _watch(threads, writer, ended, stirred)
    finally:
        desk.ended.set()
        until = time.monotonic() + LAST_S
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))
        writer.write()


def _watch(
    threads: list[threading.Thread], writer: "_Writer", ended: threading.Event, stirred: Callable[[], bool]
) -> str:
    look_at = time.monotonic() + LOOK_S
    while not ended.wait(WRITE_S):
        writer.write()
        dead = next((thread for thread in threads if not thread.is_alive()), None)
        if dead is not None:
            writer.say(f"the thread {dead.name!r} has died")
            return BROKEN
        if time.monotonic() >= look_at:
            look_at = time.monotonic() + LOOK_S
            if stirred():
                return CHANGED
    return ENDED


class _Writer:
    """Writes, and tells trouble once until it is over: a full disk must not fill the log too."""

    def __init__(self, shelf: Shelf, say: Say) -> None:
        self.shelf, self.say = shelf, say
        self.trouble = ""

    def write(self) -> None:
        try:
            self.shelf.write()
        except (sqlite3.Error, OSError) as error:
            why = f"collect.db can't be written: {error}"
        else:
            why = ""
        if why != self.trouble:
            self.say(why or "collect.db is written again")
            self.trouble = why


class Marked:
    """Whether a file is another one than at the first look."""

    def __init__(self, *files: Path) -> None:
        self._files = files
        self._was = self._now()

    def _now(self) -> list[tuple[int, int, int]]:
        return [_mark(file) for file in self._files]

    def __call__(self) -> bool:
        """True once after each change."""
        was, self._was = self._was, self._now()
        return was != self._was


def _mark(file: Path) -> tuple[int, int, int]:
    try:
        told = file.stat()
    except OSError:
        return (0, 0, 0)
    return (told.st_ino, told.st_size, told.st_mtime_ns)
