"""The fixed files of the page, and where templates and files lie."""

from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from mine_controller.packaged import packaged

OWN = ("style.css", "script.js")  # of every page; browsers keep them for an hour (cron/minectl.nginx)
KINDS = (".css", ".js", ".svg", ".png", ".ico", ".webmanifest")

found = packaged


def fixed(folder: Path) -> tuple[str, ...]:
    """Names of the files of www/ that are copied as they are; what ticks make there (html, json) is none of them."""
    return tuple(sorted(one.name for one in folder.iterdir() if one.suffix in KINDS and not one.name.startswith(".")))


def mark(folder: Path) -> str:
    """Another one when style or script has changed: it stands in their address, so that no page has those of before."""
    digest = sha256()
    for name in OWN:
        with suppress(OSError):  # an installation without them shows its pages bare
            digest.update((folder / name).read_bytes())
    return digest.hexdigest()[:8]
