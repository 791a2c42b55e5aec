"""The fixed files of the page, and where templates and files lie."""

from pathlib import Path

from mine_controller.packaged import packaged

KINDS = (".css", ".js", ".svg", ".png", ".ico", ".webmanifest")

found = packaged


def fixed(folder: Path) -> tuple[str, ...]:
    """Names of the files of www/ that are copied as they are; what ticks make there (html, json) is none of them."""
    return tuple(sorted(one.name for one in folder.iterdir() if one.suffix in KINDS and not one.name.startswith(".")))
