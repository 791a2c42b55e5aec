"""mine.log: one line an event, key=value, readable with grep and kept by logrotate.

    2026-07-15T19:02:31Z WARN  signal_changed about=signal tick=1784142151 text="power signal changed from run to off"

A full or read-only disk never stops a tick: the line goes to standard error instead, where cron mails it.
"""

import sys
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from mine_controller.core.model.reason import Event
from mine_controller.core.model.round import Round
from mine_controller.core.wording.words import sentence

LEVELS = {"debug": 0, "info": 1, "warning": 2, "error": 3}
SEVERITY = {"info": ("INFO", 1), "warning": ("WARN", 2), "emergency": ("ERROR", 3)}
LONGEST = 400


class Log:
    """Appends lines to one file; each write is one system call, so that two writers never mix within a line."""

    def __init__(self, path: Path, level: str = "info") -> None:
        self.path, self.least = path, LEVELS.get(level.lower(), 1)

    def events(self, wall_s: int, tick_at: int, events: Iterable[Event]) -> None:
        """One line each, those below the level left out."""
        lines = []
        for event in events:
            word, weight = SEVERITY.get(event.severity, ("INFO", 1))
            if weight >= self.least:
                lines.append(
                    line(wall_s, word, event.kind, about=event.about, tick=tick_at, text=sentence(event.reason))
                )
        self._write(lines)

    def details(self, wall_s: int, tick_at: int, this: Round) -> None:
        """What only `debug` tells: each reading that is unknown with its reason, each command with what came back."""
        if self.least > LEVELS["debug"]:
            return
        lines = [
            line(wall_s, "DEBUG", "unknown", tick=tick_at, key=one.key, why=one.why)
            for one in this.readings
            if one.value is None
        ]
        came = {outcome.command: outcome for outcome in this.outcomes}
        for command in this.decision.commands:
            back = came.get(command.id)
            facts: dict[str, float | str] = {
                "about": command.target,
                "tick": tick_at,
                "verb": command.verb,
                "lane": command.lane,
            }
            facts |= {"verdict": back.verdict if back else "none", "why": back.why if back else ""}
            lines.append(line(wall_s, "DEBUG", "command", **facts))
        self._write(lines)

    def say(self, wall_s: int, word: str, what: str, **facts: float | str) -> None:
        """One line of the program's own."""
        weight = {"DEBUG": 0, "INFO": 1, "WARN": 2, "ERROR": 3}.get(word, 1)
        if weight >= self.least:
            self._write([line(wall_s, word, what, **facts)])

    def _write(self, lines: list[str]) -> None:
        if not lines:
            return
        text = "\n".join(lines) + "\n"
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            # A full disk may hold the other end too, or nobody reads on: a tick never ends over what it has to say.
            with suppress(OSError, ValueError):
                sys.stderr.write(f"minectl: {self.path} can't be written ({error.strerror}):\n{text}")
                sys.stderr.flush()


def line(wall_s: int, word: str, what: str, **facts: float | str) -> str:
    """One line; control characters and quotes of device texts can't forge another."""
    at = datetime.fromtimestamp(wall_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return " ".join([at, f"{word:5}", what, *(f"{name}={_value(value)}" for name, value in facts.items())])


def _value(value: float | str) -> str:
    text = str(value)
    if 0 < len(text) <= LONGEST and all(char.isalnum() or char in "._-:/" for char in text):
        return text
    clean = "".join(char if char.isprintable() and char != '"' else " " for char in text)
    return f'"{clean[:LONGEST]}"'
