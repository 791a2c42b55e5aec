"""The one lock: a permanent file, locked without waiting, telling who holds it and for how long."""

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self


class Busy(Exception):  # noqa: N818 - another tick at work is no error
    """Another process holds the lock. `holder_age_s` None: its note can't be read."""

    def __init__(self, holder_age_s: int | None, holder: int | None) -> None:
        who = "another process" if holder is None else f"process {holder}"
        since = "" if holder_age_s is None else f" for {holder_age_s} s"
        super().__init__(f"{who} has been at work{since}")
        self.holder_age_s = holder_age_s
        self.holder = holder


def _boot_s() -> int:
    return int(time.clock_gettime(time.CLOCK_BOOTTIME))


class TickLock:
    """`with TickLock(path):` holds the lock or raises Busy at once. OSError: the file can't be made or opened.

    The kernel frees it however the process ends. The file is never deleted: two processes that lock two files of one
    name would both be right. The note inside is the holder's pid, its wall clock and its boot clock at the start; the
    age is taken from the boot clock, which no step of the wall clock moves.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = -1

    def __enter__(self) -> Self:
        self._file = _open(self._path)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            busy = _holder(self._file)
            self._close()
            raise busy from None
        except BaseException:  # whatever it was goes on up; the file must not stay locked
            self._close()
            raise
        self._sign()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _sign(self) -> None:
        note = f"{os.getpid()} {int(time.time())} {_boot_s()}".ljust(47) + "\n"
        try:
            os.pwrite(self._file, note.encode("ascii"), 0)
        except OSError:
            return  # a full or read-only disk: the lock holds all the same, only its age stays untold


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o664)
    except OSError:
        if not path.exists():
            raise
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)  # a read-only disk: the lock needs no writing


def _holder(file: int) -> Busy:
    try:
        pid, _wall_s, boot_s = map(int, os.pread(file, 64, 0).decode("ascii").split())
    except (OSError, ValueError):
        return Busy(None, None)
    return Busy(max(0, _boot_s() - boot_s), pid)


def holder(path: Path) -> Busy | None:
    """Give who signed last and how long ago, for show; None when nobody ever did. Does not touch the lock."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        found = _holder(file)
    finally:
        os.close(file)
    return found if found.holder is not None else None
