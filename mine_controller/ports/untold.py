"""What has reached nobody although it was to be told: the dead-man's service and the page are what is left (NTF4)."""

from collections.abc import Sequence

from mine_controller.store.outbox import EMERGENCY, WARNING, Letter

HOUR_S = 3600
WAITED_S = {EMERGENCY: 900, WARNING: 6 * HOUR_S}  # channels are tried again for so long before that is a trouble itself
TOLD = "told"  # how a letter's note says that a channel took it
BARE = "bare"  # and that the config has no channel for it: a site may be without any, and none is dead then


def untold(letters: Sequence[Letter], now_s: int) -> str:
    """One sentence about the open letters that no channel has taken for long; "" when there is none.

    `now_s` is wall time. Information is no reason, nor is the end of an alarm, nor a warning that quiet hours hold
    back.
    """
    waits = {level: [_since(one) for one in letters if one.level == level and _waits(one, now_s) and not _ends(one)]
             for level in WAITED_S}  # fmt: skip
    for level, word in ((EMERGENCY, "an emergency"), (WARNING, "a warning")):
        longest_s = now_s - min(waits[level], default=now_s)
        if longest_s >= WAITED_S[level]:
            many = sum(map(len, waits.values()))
            waited = f"{longest_s // 60} min" if longest_s < 2 * HOUR_S else f"{longest_s // HOUR_S} h"
            return f"{word} has reached nobody for {waited}; {many} such wait: look at the channels of messages"
    return ""


def _waits(letter: Letter, now_s: int) -> bool:
    """Open, taken by nobody, and not held back on purpose."""
    note = letter.tries[-1] if letter.tries else {}
    quiet = note.get("quiet")
    held = isinstance(quiet, int) and quiet > now_s
    return letter.told_at is None and TOLD not in note.values() and not held and BARE not in note


def _ends(letter: Letter) -> bool:
    """It says that an alarm is over, and goes to whoever was told of that alarm."""
    from mine_controller.notify.news import read  # noqa: PLC0415 - only where a letter waits for long

    return read(letter).what == "clear"


def _since(letter: Letter) -> int:
    """When its time first came; `due_at` moves on with every try."""
    began = letter.tries[-1].get("began") if letter.tries else None
    return began if isinstance(began, int) else letter.due_at
