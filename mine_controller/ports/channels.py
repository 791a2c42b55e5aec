"""How each channel does by what it said of the letters: one that is dead is told by the others (NTF4)."""

from collections.abc import Iterable, Sequence

from mine_controller.ports.untold import TOLD
from mine_controller.store.outbox import Letter

REFUSED = "no: "  # how a letter's note begins what a channel said against it
WHY_CHARS = 160
Note = dict[str, str | int]


def health(letters: Sequence[Letter], titles: Iterable[str], config: str) -> dict[str, str]:
    """Of each section that `letters` know: why it is taken for dead, "" while it is not. Others are left out.

    Dead is who refused one for good, or did not take one for a day in which another channel took it, and has taken
    none that was tried later. What was noted under another `config` (its sum) tells nothing against the one of now.
    """
    words = {title: [word for letter in letters if (word := _word(letter, title, config))] for title in titles}
    return {title: _newest(found) for title, found in words.items() if found}


def _word(letter: Letter, title: str, config: str) -> tuple[int, str] | None:
    """What one letter says of the channel and since when; None: nothing yet."""
    notes = [note for note in letter.tries if title in note]
    if not notes:
        return None
    last = notes[-1]
    taken = last[title] == TOLD
    given_up = f"{title} gone" in last or (letter.told_at is not None and TOLD in letter.tries[-1].values())
    if not taken and not given_up:
        return None
    first = next(note for note in notes if (note[title] == TOLD) == taken)
    against = not taken and last.get("config") == config
    return _at(first), str(last[title]).removeprefix(REFUSED)[:WHY_CHARS] if against else ""


def _newest(words: Sequence[tuple[int, str]]) -> str:
    """Of several at one time that which is good: another letter was taken, so the channel lives."""
    return min(words, key=lambda word: (-word[0], bool(word[1])))[1]


def _at(note: Note) -> int:
    at = note.get("at")
    return at if isinstance(at, int) else 0
