"""Moments as they are told: the site's own time, and its short name in the hour that comes twice a year."""

from datetime import datetime


def local_text(there: datetime, form: str) -> str:
    """A moment of the site's own time in that form of strftime; in the hour that comes twice as "02:30 CET"."""
    twice = there.replace(fold=0).utcoffset() != there.replace(fold=1).utcoffset()
    return there.strftime(form) + (f" {there.tzname()}" if twice else "")
