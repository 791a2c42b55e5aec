"""In what file system a path lies, by the kernel's table (proc(5), mountinfo): can it be written, and does it last?

`statvfs` misleads twice. A process that systemd fences in (ProtectSystem=strict) finds the whole machine read-only but
for its own folders. And ext4 that takes nothing more after an error is no longer marked as read-only (Linux 6.12,
fs/ext4/super.c): since 6.15 its options say `emergency_ro`, or `shutdown` where nothing can be read either.

Raspberry Pi OS (raspi-config, `overlayroot=tmpfs`) lays a file system in memory over the root, and unless told
`recurse=0` over all that /etc/fstab mounts.
"""

import os
from pathlib import Path

TABLE = "proc/self/mountinfo"
STOPPED = {"ro", "emergency_ro", "shutdown"}
MEMORY = {"tmpfs", "ramfs"}
UPPER = "upperdir="


def stopped(path: Path, root: Path = Path("/")) -> bool | None:
    """Whether its file system itself takes nothing; None where nobody tells. `root`: a machine of files."""
    found = _mount_of(os.fspath(path), _table(root))
    return None if found is None else not STOPPED.isdisjoint(found[1].split(","))


def read_only(path: Path) -> bool:
    """Whether nothing can be written there, be it so for this process alone."""
    return bool(os.statvfs(path).f_flag & os.ST_RDONLY) or bool(stopped(Path(os.path.realpath(path))))


def overlaid(path: Path, root: Path = Path("/")) -> bool:
    """Whether it seems to lie on a disk, and memory laid over that takes what is written: gone at a restart."""
    table = _table(root)
    found = _mount_of(os.fspath(path), table)
    if found is None or found[0] != "overlay":
        return False
    upper = [one.removeprefix(UPPER) for one in found[1].split(",") if one.startswith(UPPER)]
    above = _mount_of(upper[0], table) if upper else None
    return above is not None and above[0] in MEMORY


def _table(root: Path) -> list[str]:
    try:
        return (root / TABLE).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _mount_of(path: str, table: list[str]) -> tuple[str, str] | None:
    """Kind and own options of the file system; of mounts on one folder the last lies on top."""
    best, found = -1, None
    for line in table:
        left, _, right = line.partition(" - ")
        place, own = left.split(), right.split()
        if len(place) < 5 or len(own) < 3:  # mountinfo has six and three
            continue
        point = place[4].replace("\\040", " ").rstrip("/")
        if len(point) >= best and (path == point or path.startswith(f"{point}/")):
            best, found = len(point), (own[0], own[2])
    return found
