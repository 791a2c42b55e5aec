"""The machine's files: rights, the lock, room on its disks."""

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from mine_controller.config.model import Config, Paths
from mine_controller.ops.checks.check import FAIL, MB, OK, WARN, Check, Machine
from mine_controller.store.lock import holder
from mine_controller.wire.mounts import overlaid, read_only

ROOM_WARN, ROOM_FAIL = 200 * MB, 100 * MB
SMALL_SHARE = 5  # a file system in memory may be smaller than that: a fifth of it is enough, a tenth is not
HELD_S = 110
FILES_FAIL = 1000


def rights(config: Config) -> Iterator[Check]:
    """Every file and folder of the site can be written by who runs this."""
    paths = config.paths
    shut = [path for path in _written(paths) if not _writable(path) or _read_only(path)]
    who = _name(os.geteuid())
    owner = paths.db.parent.stat().st_uid if paths.db.parent.exists() else os.geteuid()
    if shut:
        remedy = f"run this as the user of the ticks (sudo -u {_name(owner)} minectl doctor), or chown them"
        if all(map(_read_only, shut)):
            remedy = "their disk is read-only, which no chown mends: see the line `disk` below"
        yield Check("rights", FAIL, f"{who} can't write {', '.join(map(str, shut))}", remedy)
    elif os.geteuid() == 0 and owner != 0:
        text = f"this is root, the data belongs to {_name(owner)}"
        yield Check("rights", WARN, text, f"use sudo -u {_name(owner)} minectl ..., so that no file becomes root's")
    else:
        yield Check("rights", OK, f"{who} can write all files of the site")
    yield from _private(paths)


def _read_only(path: Path) -> bool:
    """Whether its file system is; where it is not there, that of the folder it would be made in."""
    there = next((one for one in (path, *path.parents) if one.exists()), path)
    return read_only(there)


def _private(paths: Paths) -> Iterator[Check]:
    """What may hold secrets is read by its owner alone; nothing of the site is written by everybody."""
    for path in (paths.config, paths.db.parent / "config.last-good"):
        mode = path.stat().st_mode if path.exists() else 0
        if mode & 0o077:
            text = f"{path.name} can be read by others (mode {stat.S_IMODE(mode):03o})"
            yield Check("rights", WARN, text, f"chmod 600 {path}, unless every secret in it is a file: or env:")
    loose = [str(path) for path in (*_written(paths), paths.fleet) if path.exists() and path.stat().st_mode & 0o002]
    if loose:
        yield Check("rights", FAIL, f"anybody can write {', '.join(loose)}", f"chmod o-w {' '.join(loose)}")


def _written(paths: Paths) -> tuple[Path, ...]:
    return (paths.db, paths.inbox, paths.lock, paths.stop, paths.log, paths.www, paths.run, paths.backups)


def _writable(path: Path) -> bool:
    """It can be written, or be made in the nearest folder that exists."""
    while not path.exists():
        if path.parent == path:
            return False
        path = path.parent
        if path.exists():
            return path.is_dir() and os.access(path, os.W_OK | os.X_OK)
    return os.access(path, os.W_OK)


def _name(uid: int) -> str:
    import pwd  # noqa: PLC0415 - only doctor names users

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def lock(config: Config, machine: Machine) -> Iterator[Check]:
    """Nobody has held the lock for longer than a tick may last. The lock itself is not touched."""
    last = holder(config.paths.lock)
    if not _held(config.paths.lock, machine.root):
        yield Check("lock", OK, "free")
        return
    age_s = last.holder_age_s if last else None
    who = f"process {last.holder}" if last else "a process"
    if age_s is not None and age_s > HELD_S:
        remedy = f"it hangs; cron's `timeout` would have ended it: kill {last.holder if last else ''}".rstrip()
        yield Check("lock", FAIL, f"held by {who} for {age_s} s", remedy)
    else:
        yield Check("lock", OK, f"a tick is at work ({who}, {age_s if age_s is not None else '?'} s)")


def _held(path: Path, root: Path) -> bool:
    """Look into the kernel's list of locks; trying it would make a tick that begins just now go away."""
    try:
        inode = path.stat().st_ino
        listed = (root / "proc/locks").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False  # no lock file yet, or no such list here: nothing says that it is held
    rows = (line.split() for line in listed.splitlines())
    return any("FLOCK" in row and any(cell.endswith(f":{inode}") for cell in row) for row in rows)


def disks(config: Config, root: Path = Path("/")) -> Iterator[Check]:
    """Room on every file system that is written, and whether what is learnt outlasts this boot."""
    kept_in = Path(os.path.realpath(config.paths.db.parent))
    if overlaid(kept_in, root):
        text = f"memory is laid over {kept_in}: a restart of this machine takes back all that was written there"
        remedy = "a partition of its own; with an overlay file system overlayroot=tmpfs:recurse=0 (docs/machine.md)"
        yield Check("disk", FAIL, text, remedy)
    seen: dict[int, str] = {}
    for path in _written(config.paths):
        while not path.exists() and path != path.parent:
            path = path.parent  # noqa: PLW2901 - the folder it would be made in
        seen.setdefault(path.stat().st_dev, str(path if path.is_dir() else path.parent))
    for name in seen.values():
        yield _room(name)


def _room(name: str) -> Check:
    total, _used, free = shutil.disk_usage(name)
    disk = os.statvfs(name)
    text = f"{free // MB} MB free at {name}"
    if read_only(Path(name)):
        remedy = "look at dmesg: a card that fails is made read-only; then replace it and `minectl restore`"
        return Check("disk", FAIL, f"{name} is mounted read-only", remedy)
    if disk.f_files and disk.f_favail < min(FILES_FAIL, disk.f_files // SMALL_SHARE):
        return Check(
            "disk", FAIL, f"{text}, and room for {disk.f_favail} files only", "remove what makes many small files"
        )
    remedy = "make room: old backups, logs and packages first (`journalctl --vacuum-size=50M`)"
    if free < min(ROOM_FAIL, total // (2 * SMALL_SHARE)):
        return Check("disk", FAIL, text, remedy)
    return Check("disk", WARN, text, remedy) if free < min(ROOM_WARN, total // SMALL_SHARE) else Check("disk", OK, text)
