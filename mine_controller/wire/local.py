"""The machine itself behind the door of a wire: files of /proc and /sys and the room on a disk, read like answers.

    local:/proc/meminfo        the file; nothing outside /proc and /sys is ever opened
    local-csv:/etc/prices.csv  a table of the owner's; no other ending is opened, so no secret can be
    local-disk:/var/lib        {"bytes", "bytes_free", "files", "files_free", "read_only"} of that file system

So a kind that watches the controller is a driver like any other: recorded, replayed and tested by its answers.
"""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

from mine_controller.wire.door import Request, Response, Wire, WireError
from mine_controller.wire.mounts import stopped

FILE, DISK, TABLE = "local:", "local-disk:", "local-csv:"
ROOTS = ("/proc/", "/sys/")
CAP = 64 * 1024
TABLE_CAP = 2 * 1024 * 1024  # a year of half hours is half a MiB
NOT_THERE, NOT_NOW = 404, 503
PAUSE_MOST_S = 1.0


def live(until: float, root: Path = Path("/")) -> Wire:
    """A wire on this machine; `until` and its clock are `time.monotonic` seconds. `root`: a machine made of files."""
    return Wire(_caller(root), time.monotonic, lambda s: time.sleep(max(0.0, min(s, PAUSE_MOST_S))), until)


def _caller(root: Path) -> Callable[[Request, float], Response]:
    def call(request: Request, until: float) -> Response:
        if until <= time.monotonic():
            raise WireError("unreachable", "no time left to ask")
        if request.url.startswith(DISK):
            return _disk(root, request.url.removeprefix(DISK))
        if request.url.startswith(TABLE) and request.url.endswith(".csv"):
            return _file(root / request.url.removeprefix(TABLE).lstrip("/"), TABLE_CAP)
        path = request.url.removeprefix(FILE)
        if not request.url.startswith(FILE) or not path.startswith(ROOTS) or ".." in path:
            raise WireError("bad_http", "not a place of this machine that may be read")
        return _file(root / path.lstrip("/"))

    return call


def _file(path: Path, cap: int = CAP) -> Response:
    """What a file says; 404 where there is none, 503 where it says nothing now (a sensor that is asleep)."""
    try:
        with path.open("rb") as file:
            return Response(200, {}, file.read(cap))
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return Response(NOT_THERE, {}, b"")
    except OSError:
        return Response(NOT_NOW, {}, b"")


def _disk(root: Path, name: str) -> Response:
    try:
        there = os.path.realpath(root / name.lstrip("/"))
        disk = os.statvfs(there)
    except OSError:
        return Response(NOT_THERE, {}, b"")
    taken = stopped(Path("/", os.path.relpath(there, os.path.realpath(root))), root)
    told = {
        "bytes": disk.f_blocks * disk.f_frsize,
        "bytes_free": disk.f_bavail * disk.f_frsize,
        "files": disk.f_files,
        "files_free": disk.f_favail,
        "read_only": bool(disk.f_flag & os.ST_RDONLY) if taken is None else taken,
    }
    return Response(200, {}, json.dumps(told).encode())
