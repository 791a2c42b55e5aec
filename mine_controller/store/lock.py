"""The one lock: a permanent file, locked without waiting, telling who holds it and for how long."""

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

DEMO = ".minectl-demo"  # in the folder of a demo, which keeps the lock between its ticks, shared


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

    `anyhow`: where the file is not there and can't be made (its disk is not mounted), or is closed to this user, the
    nearest folder that is there is locked in its place: a tick that can write nothing down still lowers the load.

    `shared`: together with others that share it, while no tick can run: a demo between its ticks, and who writes then.

    The kernel frees it however the process ends. The file is never deleted: two processes that lock two files of one
    name would both be right. The note inside is the holder's pid, its wall clock and its boot clock at the start; the
    age is taken from the boot clock, which no step of the wall clock moves.
    """

    def __init__(self, path: Path, *, anyhow: bool = False, shared: bool = False) -> None:
        self._path, self._anyhow = path, anyhow
        self._way = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        self._file = -1

    def __enter__(self) -> Self:
        self._file = _open(self._path, anyhow=self._anyhow)
        try:
            fcntl.flock(self._file, self._way | fcntl.LOCK_NB)
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


def _open(path: Path, *, anyhow: bool) -> int:
    try:
        if anyhow:
            path.parent.mkdir(parents=True, exist_ok=True)  # first: the tick after this one would find it made
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o664)
    except OSError:
        try:
            return os.open(path, os.O_RDONLY | os.O_CLOEXEC)  # a read-only disk: the lock needs no writing
        except OSError:
            if not anyhow:
                raise
        return _folder_of(path)


def _folder_of(path: Path) -> int:
    """Give the nearest folder that is there and may be opened. Raises OSError."""
    for folder in path.parents[:-1]:
        try:
            return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            continue
    return os.open("/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def _holder(file: int) -> Busy:
    try:
        pid, _wall_s, boot_s = map(int, os.pread(file, 64, 0).decode("ascii").split())
    except (OSError, ValueError):
        return Busy(None, None)
    return Busy(max(0, _boot_s() - boot_s), pid)


def holder(path: Path) -> Busy | None:
    """Give who signed last and how long ago, for show; None when nobody ever did, or the file is closed to who asks.

    Does not touch the lock.
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, PermissionError):
        return None
    try:
        found = _holder(file)
    finally:
        os.close(file)
    return found if found.holder is not None else None
