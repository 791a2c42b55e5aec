"""What `config check` notes of a change and did not note before it: told beside the change's answer.

A change may check and yet leave something behind that decides nothing any more, like a band whose last pool is gone.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from mine_controller.config.load import load
from mine_controller.config.model import ConfigError, Problem

_PLACE = re.compile(r" \(line [0-9]+\)")  # lines move with what is written above them: that is no news


def notes(path: Path) -> tuple[Problem, ...]:
    """What the check notes of config.txt now; nothing of one that does not check."""
    try:
        return load(path).notes
    except ConfigError:
        return ()


def fresh(before: Iterable[Problem], after: Iterable[Problem]) -> tuple[Problem, ...]:
    """The notes of `after` that say something `before` did not; of one about the whole file only its new items."""
    known = {key for note in before for key, _ in _parts(note)}
    found: dict[Problem, None] = {}
    for note in after:
        new = [item for key, item in _parts(note) if key not in known]
        if new:
            head, colon, _ = _split(note)
            found[note._replace(text=f"{head}{colon}{', '.join(new)}")] = None
    return tuple(found)


def _parts(note: Problem) -> Iterator[tuple[tuple[str, ...], str]]:
    """What makes each of its items the same note as another's, and the item."""
    head, _, items = _split(note)
    for item in items:
        yield (note.file, note.section, note.option, head, _PLACE.sub("", item)), item


def _split(note: Problem) -> tuple[str, str, list[str]]:
    """("absent, so their rules don't exist", ": ", ["inlet", "smoke"]); a section's note is one item."""
    head, colon, items = note.text.partition(": ")
    return (head, colon, items.split(", ")) if colon and not note.section else ("", "", [note.text])
