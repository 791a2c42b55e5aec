"""What can't wait for the database: that a tick could not be saved, and the emergencies it had to tell.

Their letters stand in no outbox: they lie with the state in `run/intents.json`, if that, until a commit works. Told now
they are all the same, each by every channel, or smoke under a full disk would be nobody's to hear of. What the channels
said is kept in `run/unsaved-told.json`; the outbox is told of it once it has the letters, so nobody hears them again.
"""

import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mine_controller.config.model import Config
from mine_controller.core.alarms.advice import ADVICE
from mine_controller.store.outbox import EMERGENCY, Letter, Mark, Message
from mine_controller.store.stop import write_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mine_controller.notify.deliver import Noted

NAME = "unsaved-told.json"
KEPT_MOST = 500
KIND = "database"  # its own alarm says no more than the letter made here

Told = dict[str, list[Any]]  # key of a letter -> note, due_at, told_at


def of_trouble(config: Config, trouble: str, now_s: int) -> Letter:
    """That the tick could not be saved, and what helps."""
    cause, does, owner = ADVICE[KIND]
    body = {
        "kind": KIND,
        "about": "store",
        "text": f"the tick could not be saved: {trouble}",
        "at": str(now_s),
        "shadow": "" if config.site.live else "yes",
        "cause": cause,
        "does": does,
        "owner": owner,
    }
    return Letter(0, "unsaved", EMERGENCY, json.dumps(body), now_s, (), None)


def of_grave(run: Path, grave: "Sequence[Message]") -> tuple[Letter, ...]:
    """The emergencies not told past the outbox yet. Numbers below 1 are none that a person could ask for."""
    known = _read(run)
    out = []
    for number, message in enumerate(grave, 1):
        note, due_at, told_at = known.get(message.key) or ({}, message.due_at, None)
        if told_at is None and not _is_of(message, KIND):
            out.append(Letter(-number, message.key, EMERGENCY, message.body, due_at, (note,) if note else (), None))
    return tuple(out)


def _is_of(message: Message, kind: str) -> bool:
    try:
        body = json.loads(message.body)
    except ValueError:
        return False
    return isinstance(body, dict) and body.get("kind") == kind


def note(run: Path, told: "Sequence[Letter]", noted: "Sequence[Noted]") -> None:
    """Keep what the channels said of these letters. What can't be kept may be told twice."""
    keys = {letter.id: letter.key for letter in told if letter.id}
    fresh: Told = {keys[one.id]: [one.note, one.due_at, one.told_at] for one in noted if one.id in keys}
    if fresh:
        every = list((_read(run) | fresh).items())[-KEPT_MOST:]
        with suppress(OSError):
            write_whole(run / NAME, json.dumps(dict(every)).encode())


def marks(run: Path, waiting: "Sequence[Letter]") -> tuple[Mark, ...] | None:
    """What was said of letters that have come into the outbox since; None: nothing was told past it."""
    if not (run / NAME).exists():
        return None
    known = _read(run)
    return tuple(Mark(letter.id, *known[letter.key]) for letter in waiting if letter.key in known)


def forget(run: Path) -> None:
    """The outbox knows it now."""
    with suppress(OSError):
        (run / NAME).unlink(missing_ok=True)


def _read(run: Path) -> Told:
    try:
        told = json.loads((run / NAME).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    good = isinstance(told, dict) and all(_fits(one) for one in told.values())
    return told if good else {}


def _fits(one: object) -> bool:
    match one:
        case [dict(), int(), int() | None]:
            return True
    return False
