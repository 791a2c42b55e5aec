"""The values of errands: what a command's text means. Pure. What can't be read is a ValueError with the sentence."""

import re

AUTO = "auto"
_NUMBER = re.compile(r"[0-9]{1,5}")
TUNED = ("frequency_mhz", "core_voltage_mv")


def fan(value: str, low: int = 0) -> int | None:
    """Percent, or None for auto. ValueError."""
    text = value.strip().lower().removesuffix("%").strip()
    if text == AUTO:
        return None
    if not _NUMBER.fullmatch(text) or not low <= int(text) <= 100:
        raise ValueError(f"a fan takes auto or {low} to 100 percent, not {value[:20]!r}")
    return int(text)


def watts(value: str, low: int, high: int) -> int:
    """A power limit. ValueError."""
    if not _NUMBER.fullmatch(value) or not low <= int(value) <= high:
        raise ValueError(f"a limit is {low} to {high} watts, not {value[:20]!r}")
    return int(value)


def switch(value: str) -> bool:
    """True for on, False for off. ValueError."""
    if value not in ("on", "off"):
        raise ValueError(f"its light takes on or off, not {value[:20]!r}")
    return value == "on"


def tuning(value: str) -> dict[str, int]:
    """{"frequency_mhz": 525, "core_voltage_mv": 1150}, one of them or both. ValueError."""
    found: dict[str, int] = {}
    for word in value.split():
        name, _, number = word.partition("=")
        if name not in TUNED or name in found or not _NUMBER.fullmatch(number):
            raise ValueError(f"tuning is frequency_mhz=525 core_voltage_mv=1150, not {value[:60]!r}")
        found[name] = int(number)
    if not found:
        raise ValueError("tuning needs frequency_mhz=, core_voltage_mv= or both")
    return found
