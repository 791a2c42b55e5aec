"""Replace a file in one step: readers see the old text or the new one, whole, also after a power cut."""

import os
from pathlib import Path


def replace_file(path: Path, content: bytes, mode: int, owner: tuple[int, int] | None = None) -> None:
    """Write beside, sync, rename. `owner` (uid, gid) is kept where we may; OSError when anything fails."""
    path = path.resolve()
    from tempfile import mkstemp  # noqa: PLC0415 - ticks seldom write a config

    handle, name = mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
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


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
