"""Which program decides: the version and a hash over the source of `core/`.

Two programs of one version number may still decide differently (a patched file, a working copy). Records carry this
name, so that a replay knows what was decided by the very program that runs and what by another.
"""

import os
import zlib
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

from mine_controller import __version__, core

LONG = 8  # digits of the hash: enough to tell two programs apart
NAME = "deciding"  # below run/: what was hashed last, see `deciding`


@cache
def deciding(run: Path | None = None) -> str:
    """For example "1.4.0+3fa9c1d2". A source that can't be read leaves the version alone: it is a name, no proof.

    A hundred files are not read anew for each tick: `run` keeps the hash beside the sizes and times of change of all.
    """
    try:
        files = sorted(_sources(Path(core.__path__[0])))
        seen = f"{zlib.crc32(repr([(name, *stamp) for name, _, stamp in files]).encode()):08x}"
        kept = "" if run is None else _kept(run / NAME)
        if len(kept) == len(seen) + 1 + LONG and kept.startswith(f"{seen} "):
            return f"{__version__}+{kept[-LONG:]}"
        found = _hash([(name, path) for name, path, _ in files])
    except OSError:
        return __version__
    if run is not None:
        with suppress(OSError):  # then the next tick reads them again
            run.mkdir(parents=True, exist_ok=True)
            (run / NAME).write_text(f"{seen} {found}", encoding="ascii")
    return f"{__version__}+{found}"


def by_another(code: str) -> str:
    """Why a tick of another program may not be decided again; "" for this one's."""
    if code in ("", deciding()):
        return ""
    return f"version {code} decided it, which this program ({deciding()}) can't follow step by step"


def _sources(folder: Path, above: str = "") -> Iterator[tuple[str, str, tuple[int, int, int]]]:
    """(name below core/, path, size and times of change) of every source."""
    with os.scandir(folder) as found:
        for one in found:
            if one.name.endswith(".py"):
                info = one.stat()
                yield above + one.name, one.path, (info.st_size, info.st_mtime_ns, info.st_ctime_ns)
            elif one.is_dir() and one.name != "__pycache__":
                yield from _sources(Path(one.path), f"{above}{one.name}/")


def _hash(files: list[tuple[str, str]]) -> str:
    from hashlib import sha256  # noqa: PLC0415 - OpenSSL loads when it is needed

    digest = sha256()
    for name, path in files:
        digest.update(name.encode() + b"\n" + Path(path).read_bytes() + b"\0")
    return digest.hexdigest()[:LONG]


def _kept(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii")
    except (OSError, ValueError):
        return ""
