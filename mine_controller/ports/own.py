"""What the shell says of its own files, as readings like any: `disk:health`, `backup:health`, `config:health`.

Value "ok", or None with the reason: an alarm stands on it as long as it does.
"""

import os
from pathlib import Path

from mine_controller.config.model import Config
from mine_controller.core.model.reading import Reading
from mine_controller.ports.kept import read_kept

MB = 1_000_000
LEAST_BYTES, LEAST_SHARE = 100 * MB, 10  # less than this and less than a tenth of the disk (it may be a small one)
LEAST_FILES = 1000


def own(config: Config, at_s: int) -> tuple[Reading, ...]:
    """All three, at `at_s` plant time; nothing is written and nothing raises."""
    told = {"disk": _disk(config.paths.db.parent), "backup": _backup(config), "config": _config(config)}
    return tuple(Reading(f"{name}:health", None if why else "ok", at_s, why) for name, why in told.items())


def _disk(folder: Path) -> str:
    try:
        disk = os.statvfs(folder)
    except OSError as error:
        return f"{folder} can't be read: {error.strerror}"
    free = disk.f_bavail * disk.f_frsize
    if free < min(LEAST_BYTES, disk.f_blocks * disk.f_frsize // LEAST_SHARE):
        return f"{free // MB} MB are free at {folder}"
    if disk.f_files and disk.f_favail < min(LEAST_FILES, disk.f_files // LEAST_SHARE):
        return f"{disk.f_favail} files more can be made at {folder}"
    return f"{folder} is read-only" if disk.f_flag & os.ST_RDONLY else ""


def _backup(config: Config) -> str:
    return read_kept(config.paths).trouble


def _config(config: Config) -> str:
    if not config.last_good:
        return ""
    return f"config.txt has {len(config.broken)} problems; the last good one runs"
