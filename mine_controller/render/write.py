"""Put documents where a web server shows them: whole or not at all."""

import os
from collections.abc import Iterable
from pathlib import Path

from mine_controller.render.files import fixed, found

MODE = 0o644  # a web server under another user reads them


def show(folder: Path, documents: Iterable[tuple[str, str | bytes]], made_s: int | None = None) -> None:
    """Write each document (name, content) into `folder` by rename, and the fixed files where they differ.

    Each is taken, written and let go before the next: those of a huge fleet are never in memory together. A name may
    have one folder in front ("miner/a017.html"). `made_s`: the time of change they get, wall time.
    OSError when it can't be done; the page of the last tick then still stands, and tells its age.
    """
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)  # as those below it; one that was there is as its owner wants it
    source = found("www")
    if source.resolve() != folder.resolve():
        for name in fixed(source):
            _copy(source / name, folder / name)
    folders = {""}
    for name, content in documents:
        below = name.rpartition("/")[0]
        if below not in folders:
            folders.add(below)
            (folder / below).mkdir(mode=0o755, exist_ok=True)
            (folder / below).chmod(0o755)  # whatever the umask says: a web server under another user looks in
        _replace(folder / name, content.encode() if isinstance(content, str) else content)
        if made_s is not None:
            os.utime(folder / name, (made_s, made_s))


def _copy(source: Path, target: Path) -> None:
    """Once; from then on size and time of change tell that it is the same."""
    ours = source.stat()
    try:
        there = target.stat()
        if (there.st_size, there.st_mtime_ns) == (ours.st_size, ours.st_mtime_ns):
            return
    except FileNotFoundError:
        pass  # the first time
    _replace(target, source.read_bytes())
    os.utime(target, ns=(ours.st_atime_ns, ours.st_mtime_ns))


def _replace(target: Path, content: bytes) -> None:
    """Write beside and rename. No fsync: www/ is made again every tick, and lies on tmpfs in production.

    The name beside is fixed, because only the holder of the tick's lock writes here: a kill leaves one file behind,
    which the next tick writes over, and never a heap of them.
    """
    beside = target.with_name(f".{target.name}.new")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, MODE)
    with os.fdopen(handle, "wb") as file:
        os.fchmod(handle, MODE)  # whatever the umask says
        file.write(content)
    beside.replace(target)
