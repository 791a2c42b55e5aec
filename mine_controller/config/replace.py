"""Replace a file in one step: readers see the old text or the new one, whole, also after a power cut."""

import fcntl
import os
import re
import time
from contextlib import suppress
from pathlib import Path

LEFT_S = 3600  # nobody writes a draft for so long
DRAFT = "minectl-draft-"  # what no file of a person's is called


def replace_file(path: Path, content: bytes, mode: int, owner: tuple[int, int] | None = None) -> None:
    """Write beside, sync, rename. `owner` (uid, gid) is kept where we may; OSError when anything fails.

    Drafts of the same file that a kill or a power cut left go then.
    """
    path = Path(os.path.realpath(path))  # not `resolve`, which gives up on links in a ring
    from tempfile import mkstemp  # noqa: PLC0415 - ticks seldom write a config

    handle, name = mkstemp(prefix=f".{path.name}.{DRAFT}", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            _held(handle)
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            if owner is not None and owner != (os.geteuid(), os.getegid()):
                os.fchown(file.fileno(), *owner)
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:  # whatever it was goes on up; half a file must not stay
        Path(name).unlink(missing_ok=True)
        raise
    _sync(path.parent)
    _sweep(path)


def _held(handle: int) -> bool:
    """Lock a draft, which ends with its writer. False: somebody writes it, or the disk knows no locks."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _sweep(path: Path) -> None:
    """Remove drafts of this file that nobody writes any more: by their name, an hour old, and not held."""
    name = re.compile(rf"\.{re.escape(path.name)}\.{DRAFT}[a-z0-9_]{{8}}")
    with suppress(OSError):  # what can't be removed now goes another time
        for found in [one for one in path.parent.iterdir() if name.fullmatch(one.name)]:
            _remove(found)


def _remove(draft: Path) -> None:
    with suppress(OSError):  # no file, or gone meanwhile
        handle = os.open(draft, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            if time.time() - os.fstat(handle).st_mtime > LEFT_S and _held(handle):
                draft.unlink()
        finally:
            os.close(handle)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
