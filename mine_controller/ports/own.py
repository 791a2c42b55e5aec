"""What the shell says of its own files, as readings like any: `disk:health`, `backup:health`, `config:health`.

Value "ok", or None with the reason: an alarm stands on it as long as it does. And how many ticks found the lock taken:
`lock/row:skipped_n` in a row before this one, `lock:skipped_n` since the controller started.
"""

import os
from pathlib import Path

from mine_controller.config.model import Config
from mine_controller.core.alarms.watches import SKIPPED, SKIPPED_ROW
from mine_controller.core.model.clock import Clock
from mine_controller.core.model.image import Image
from mine_controller.core.model.reading import Reading
from mine_controller.ports.kept import read_kept
from mine_controller.store.skipped import skipped
from mine_controller.wire.mounts import read_only

MB = 1_000_000
ROOM_LEAST, ROOM_MOST = 200 * MB, 1000 * MB  # less free than 5 % of the disk is nearly full, within these bounds
SMALL_SHARE = 10  # and of a small disk less than a tenth
LEAST_FILES = 1000


def own(config: Config, at_s: int) -> tuple[Reading, ...]:
    """All three, at `at_s` plant time; nothing is written and nothing raises."""
    told = {"disk": _disk(config.paths.db.parent), "backup": _backup(config), "config": config.fault}
    return tuple(Reading(f"{name}:health", None if why else "ok", at_s, why) for name, why in told.items())


def skips(config: Config, image: Image | None, clock: Clock) -> tuple[Reading, ...]:
    """Ticks that could not begin since the last one did, for the tick that holds the lock now. Nothing raises."""
    last = image if image is not None and image.clock.boot_id == clock.boot_id else None
    began_s = last.clock.boot_s - (last.clock.plant_s - last.clock.began_s) if last is not None else None
    try:
        row = skipped(config.paths.lock, began_s, clock.boot_s, clock.tick_s)
    except OSError as error:
        return (Reading(SKIPPED_ROW, None, clock.plant_s, f"can't be counted: {error.strerror}"),)
    was = last.channels.get(SKIPPED) if last is not None else None
    before = was.value if was is not None and isinstance(was.value, int) else 0
    return (Reading(SKIPPED_ROW, row, clock.plant_s), Reading(SKIPPED, before + row, clock.plant_s))


def _disk(folder: Path) -> str:
    try:
        disk = os.statvfs(folder)
    except OSError as error:
        return f"{folder} can't be read: {error.strerror}"
    free, of = disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize
    if free < min(max(ROOM_LEAST, min(of // 20, ROOM_MOST)), of // SMALL_SHARE):
        return f"{free // MB} MB of {of // MB} MB are free"
    if disk.f_files and disk.f_favail < min(LEAST_FILES, disk.f_files // SMALL_SHARE):
        return f"{disk.f_favail} files more can be made at {folder}"
    return f"{folder} is read-only" if read_only(folder) else ""


def _backup(config: Config) -> str:
    return read_kept(config.paths).trouble
