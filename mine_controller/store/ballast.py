"""A file that holds nothing but room: given up when the disk is full, so that the tick's last words fit."""

import os
from pathlib import Path

BALLAST_BYTES = 2 * 1024 * 1024
SPARE = 8  # made again only where this many times its size is free


def ballast_of(db: Path) -> Path:
    """Where it lies: beside the database, on the same disk."""
    return db.with_suffix(".ballast")


def free(db: Path) -> bool:
    """Give the room up. False: there was none to give, or it can't be removed."""
    try:
        ballast_of(db).unlink()
    except OSError:
        return False
    return True


def ensure(db: Path) -> bool:
    """Make it where it is missing and the disk has plenty. False: not now."""
    path = ballast_of(db)
    try:
        if path.exists():
            return True
        disk = os.statvfs(db.parent)
        if disk.f_bavail * disk.f_frsize < SPARE * BALLAST_BYTES:
            return False
        with path.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, BALLAST_BYTES)
    except OSError:
        return False  # a disk without room to reserve is no reason to stop; the next hour tries again
    return True
