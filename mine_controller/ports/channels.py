"""How each channel does by what it said of the letters: one that is dead is told by the others (NTF4).

What `minectl notify test` found counts as one letter more: `run/channels-tried.json` holds {section: when}, for those
that took the test.
"""

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from mine_controller.ports.untold import TOLD
from mine_controller.store.outbox import INFO, Letter
from mine_controller.store.stop import write_whole

TRIED = "channels-tried.json"
REFUSED = "no: "  # how a letter's note begins what a channel said against it
WHY_CHARS = 160
Note = dict[str, str | int]


def health(letters: Sequence[Letter], titles: Iterable[str], config: str, now_s: int) -> dict[str, str]:
    """Of each section that `letters` know: why it is taken for dead, "" while it is not. Others are left out.

    Dead is who refused one for good, or did not take one for a day in which another channel took it, and has taken
    none that was tried later. What it refused under another `config` (its sum) tells nothing of the one of now: it may
    have been repaired, and something else may have been changed; who takes the next one shows it. What is noted ahead
    of `now_s` (wall time) is of a clock that was set back since, and older than all else.
    """
    words = {title: [word for letter in letters if (word := _word(letter, title, config))] for title in titles}
    dated = {title: [(at if at <= now_s else 0, why) for at, why in found] for title, found in words.items()}
    newest = {title: _newest(found) for title, found in dated.items() if found}
    return {title: why for title, why in newest.items() if why is not None}


def _word(letter: Letter, title: str, config: str) -> tuple[int, str | None] | None:
    """When, and what is wrong with the channel by one letter, None where that counts no more. None: nothing yet."""
    notes = [note for note in letter.tries if title in note]
    if not notes:
        return None
    last = notes[-1]
    taken = last[title] == TOLD
    given_up = f"{title} gone" in last or (letter.told_at is not None and TOLD in letter.tries[-1].values())
    if not taken and not given_up:
        return None
    first = next(note for note in notes if (note[title] == TOLD) == taken)
    if taken:
        return _at(first), ""
    return _at(first), str(last[title]).removeprefix(REFUSED)[:WHY_CHARS] if last.get("config") == config else None


def _newest(words: Sequence[tuple[int, str | None]]) -> str | None:
    """Of several at one time that which is good: another letter was taken, so the channel lives."""
    return min(words, key=lambda word: (-word[0], word[1] != ""))[1]


def _at(note: Note) -> int:
    at = note.get("at")
    return at if isinstance(at, int) else 0


def note_tried(run: Path, took: Iterable[str], now_s: int) -> None:
    """Keep that these took a test at `now_s` wall time. Where nothing can be kept, the next message tells it: the
    folder is the tick's, and nobody else makes it."""
    kept = _tried(run) | dict.fromkeys(took, now_s)
    if kept and run.is_dir():
        with suppress(OSError):
            write_whole(run / TRIED, json.dumps(kept).encode())


def tried(run: Path) -> tuple[Letter, ...]:
    """The tests that were taken, as letters that were told."""
    return tuple(Letter(0, TRIED, INFO, "", at, ({name: TOLD, "at": at},), at) for name, at in _tried(run).items())


def _tried(run: Path) -> dict[str, int]:
    try:
        told = json.loads((run / TRIED).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return {name: at for name, at in told.items() if isinstance(at, int)} if isinstance(told, dict) else {}
