"""Which program decides: the version and a hash over the source of `core/`.

Two programs of one version number may still decide differently (a patched file, a working copy). Records carry this
name, so that a replay knows what was decided by the very program that runs and what by another.
"""

import hashlib
from functools import cache
from pathlib import Path

from mine_controller import __version__, core

LONG = 8  # digits of the hash: enough to tell two programs apart


@cache
def deciding() -> str:
    """For example "1.4.0+3fa9c1d2". A source that can't be read leaves the version alone: it is a name, no proof."""
    digest = hashlib.sha256()
    try:
        folder = Path(core.__path__[0])
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.relative_to(folder).as_posix().encode() + b"\n" + path.read_bytes() + b"\0")
    except OSError:
        return __version__
    return f"{__version__}+{digest.hexdigest()[:LONG]}"
