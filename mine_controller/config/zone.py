"""Is there such a time zone? Asked at every load, so the system's own file is looked at before Python's library."""

import re

ZONES = "/usr/share/zoneinfo"
_ZONE = re.compile(r"[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+)*")


def known_zone(name: str) -> bool:
    """True when the zone exists. The system's file is looked at first: importing zoneinfo costs more than the load."""
    if not _ZONE.fullmatch(name):
        return False
    try:
        with open(f"{ZONES}/{name}", "rb") as file:  # noqa: PTH123 - a plain open is what the start-up budget allows
            return file.read(4) == b"TZif"
    except OSError:
        return _packaged_zone(name)


def _packaged_zone(name: str) -> bool:
    """True when Python knows the zone from its tzdata package."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # noqa: PLC0415 - only where the system has no zone files

    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
