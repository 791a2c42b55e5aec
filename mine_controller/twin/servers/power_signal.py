"""A utility's power-signal page: a heading, a word and a number, with an ETag.

The page of the named co-op is not public in any copy known to us; this one has the form most such pages share.
"""

from email.utils import formatdate
from hashlib import sha256
from typing import Final

from mine_controller.twin.answer import Answer, Asked, not_found, text_answer

PATH: Final = "/power-signal"
RUN_WORD: Final = "NORMAL OPERATION"
OFF_WORD: Final = "CONTROL IN EFFECT"
WARN_WORD: Final = "CONTROL LIKELY TODAY"
_PAGE: Final = """<!DOCTYPE html>
<html><head><title>Power Signal | Twin River Power Cooperative</title>
<script>var signal = "loading";</script></head><body>
<nav><a href="/">Home</a> <a href="/programs">Load Control Programs</a></nav>
<div class="entry-content"><h2>Power&nbsp;Signal</h2>
<div class="signal"><span id="value">{number}</span></div>
<p>Current status: <strong id="status">{word}</strong></p>
<p>Last changed: <span id="changed">{changed}</span></p></div>
</body></html>
"""


class Page:
    """`signal`: run, off, warn (a forecast), blank (empty fields) or garbage (no known word). `changed` is shown."""

    def __init__(self, start_wall_s: int = 0) -> None:
        self.start_wall_s = start_wall_s
        self.signal = "run"
        self.changed = "July 15, 2026 12:00 AM"

    def answer(self, asked: Asked, at_s: float) -> Answer:
        """The page, or 304 when the caller has it."""
        if asked.path != PATH:
            return not_found()
        text = _page(self.signal, self.changed)
        date = formatdate(self.start_wall_s + int(at_s), usegmt=True)
        tag = '"' + sha256(text.encode()).hexdigest()[:16] + '"'
        if asked.headers.get("if-none-match") == tag:
            return Answer(304, {"ETag": tag, "Date": date}, b"")
        return text_answer(text, ETag=tag, Date=date, Cache_Control="max-age=30")


def _page(signal: str, changed: str) -> str:
    number, word = {
        "run": ("0", RUN_WORD),
        "off": ("1", OFF_WORD),
        "warn": ("0", WARN_WORD),
        "blank": ("", ""),
    }.get(signal, ("--", "\u2014 \u00fc\u0000 see notice 4711 \u2014"))
    return _PAGE.format(number=number, word=word, changed=changed)
