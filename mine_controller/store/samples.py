"""Answers that nobody could read, kept for the owner and for replay: a folder each, for his eyes only.

One for each distinct answer, the newest ones only. A page that is another one at every look (it shows a clock) neither
washes away the rest nor wears out the card: there are so many an hour and no more.
"""

import errno
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from mine_controller.record import NamedTuple
from mine_controller.store.stop import sync_folder

MOST = 20
AN_HOUR = 4
HOUR_S = 3600
LEAST_FREE = 64_000_000  # bytes of the disk: the tick's own commits need the last of it more than a sample does
DIGEST = 8  # letters of an answer's SHA-256 in the name of its sample
_OURS = re.compile(rf"[^.].*-[0-9a-f]{{{DIGEST}}}")  # a sample given another name is its owner's, and stays


class Kept(NamedTuple):
    """Where it lies: the name of its folder. `fresh`: it was written just now.

    `own` False: nothing was written, this hour has had its samples; `name` is then the newest there is ("" none).
    """

    name: str
    fresh: bool = False
    own: bool = True


def keep_sample(folder: Path, stem: str, digest: str, files: Callable[[], Mapping[str, bytes]], wall_s: int) -> Kept:
    """Keep the answer with this `digest`; `files` makes its files where they are to be written. Raises OSError."""
    name = f"{stem}-{digest[:DIGEST]}"
    if (folder / name).is_dir():
        return Kept(name)
    before = _samples(folder)
    newest = [path.name for at, path in before if path.name.startswith(f"{stem}-")][-1:]
    if sum(0 <= wall_s - at < HOUR_S for at, _ in before) >= AN_HOUR:
        return Kept("".join(newest), own=False)
    folder.mkdir(mode=0o700, exist_ok=True)
    _room_in(folder)
    _clear_drafts(folder)
    draft = folder / f".{name}"
    try:
        _fill(draft, files(), wall_s)
        draft.rename(folder / name)
    except OSError:
        _remove(draft)
        raise
    sync_folder(folder)
    for _, path in before[: max(0, len(before) + 1 - MOST)]:
        _remove(path)
    return Kept(name, fresh=True)


def newest(folder: Path, most: int) -> tuple[dict[str, bytes], int]:
    """The newest samples that fit whole into `most` bytes, as NAME/file -> content, and how many more there are.

    Only what is kept here: no folder of another name, nothing behind a link. Raises OSError.
    """
    found: dict[str, bytes] = {}
    left = 0
    for _, path in reversed(_samples(folder)):
        try:
            files = _contents(path, most)
        except FileNotFoundError:
            continue  # a tick has made room meanwhile
        if files is None:
            left += 1
            continue
        found |= files
        most -= sum(map(len, files.values()))
    return found, left


def _contents(path: Path, most: int) -> dict[str, bytes] | None:
    """The files of one sample, none behind a link; None when they are more than `most` bytes. Raises OSError."""
    if path.is_symlink():
        return {}
    files = [one for one in sorted(path.iterdir()) if one.is_file() and not one.is_symlink()]
    if sum(one.stat().st_size for one in files) > most:
        return None
    return {f"{path.name}/{one.name}": one.read_bytes() for one in files}


def _samples(folder: Path) -> list[tuple[float, Path]]:
    """(when it was kept, where), the oldest first; none where there is no folder."""
    try:
        found = [path for path in folder.iterdir() if _OURS.fullmatch(path.name) and path.is_dir()]
    except FileNotFoundError:
        return []
    return sorted((path.stat().st_mtime, path) for path in found)


def _room_in(folder: Path) -> None:
    disk = os.statvfs(folder)
    if disk.f_bavail * disk.f_frsize < LEAST_FREE:
        raise OSError(errno.ENOSPC, f"less than {LEAST_FREE // 1_000_000} MB are free")


def _clear_drafts(folder: Path) -> None:
    """What a tick that died on the way has left."""
    for path in folder.glob(".*"):
        if _OURS.fullmatch(path.name[1:]):
            _remove(path)


def _fill(draft: Path, files: Mapping[str, bytes], wall_s: int) -> None:
    draft.mkdir(mode=0o700)
    for name, content in files.items():
        handle = os.open(draft / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    os.utime(draft, (wall_s, wall_s))  # the tick's clock, as in everything else that is written down
    sync_folder(draft)


def _remove(path: Path) -> None:
    from shutil import rmtree  # noqa: PLC0415 - only where there is something to remove

    rmtree(path, ignore_errors=True)
