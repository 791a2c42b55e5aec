"""Names of the pages: what a miner's page is called, whatever its id holds. Pure."""

import re
import zlib

PAGES = (
    ("index.html", "Overview"),
    ("fleet.html", "Miners"),
    ("events.html", "Events"),
    ("report.html", "Report"),
    ("debug.html", "Debug"),
)
FOLDER = "miner"
_PLAIN = re.compile(r"[a-z0-9][a-z0-9_-]{0,47}")


def miner_page(name: str) -> str:
    """The path of a miner's page below www/: "miner/a017.html". Other ids than plain ones get a number behind them.

    Capitals count as not plain: on some disks two names that differ in them alone are one file.
    """
    if _PLAIN.fullmatch(name):
        return f"{FOLDER}/{name}.html"
    told = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40]
    return f"{FOLDER}/{told or 'x'}.{zlib.crc32(name.encode('utf-8', 'replace')):08x}.html"
