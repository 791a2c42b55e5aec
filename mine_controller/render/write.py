"""Put documents where a web server shows them: whole or not at all."""

import os
from collections.abc import Mapping
from pathlib import Path

from mine_controller.render.files import FIXED, found

MODE = 0o644  # a web server under another user reads them


def show(folder: Path, documents: Mapping[str, str | bytes]) -> None:
    """Write each document (name -> content) into `folder` by rename, and the fixed files where they differ.

    OSError when it can't be done; the page of the last tick then still stands, and tells its age.
    """
    folder.mkdir(parents=True, exist_ok=True)
    source = found("www")
    if source.resolve() != folder.resolve():
        for name in FIXED:
            _copy(source / name, folder / name)
    for name, content in documents.items():
        _replace(folder / name, content.encode() if isinstance(content, str) else content)


def _copy(source: Path, target: Path) -> None:
    content = source.read_bytes()
    try:
        if target.read_bytes() == content:
            return
    except FileNotFoundError:
        pass  # the first time
    _replace(target, content)


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
