"""Letters put together: what is alike and due at once is one line with a count, so that a storm is one message.

280 miners that fail in one tick are one line: "miner offline: 280 times (a001, a002, a003 and 277 more)".
"""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from mine_controller.notify.message import EMERGENCY, INFO, LEVELS

OLD_S = 600  # news this old is told as past: whoever reads it must not act on it as new
NAMED = 3
RUN = 3  # this many ids in a row are written as first-last


class Letter(Protocol):
    """A message in the outbox, as the store keeps it."""

    @property
    def id(self) -> int:
        """Its number: what tells two copies from two messages."""

    @property
    def level(self) -> int:
        """0 information, 1 warning, 2 emergency."""

    @property
    def body(self) -> str:
        """JSON object with site, kind, about, at, text, shadow; any other text is told as it stands."""

    @property
    def due_at(self) -> int:
        """Wall time before which nothing is to be done."""

    @property
    def tries(self) -> tuple[dict[str, str | int], ...]:
        """What former deliveries noted, oldest first."""


class Group(NamedTuple):
    """What a template tells. `about`: the first few; `more`: how many others; `ids`: "#12 #14-#17"."""

    level: int
    severity: str
    kind: str
    times: int
    about: tuple[str, ...]
    more: int
    text: str
    when: str
    old: bool
    shadow: bool
    ids: str


class _Item(NamedTuple):
    id: int
    level: int
    kind: str
    about: str
    text: str
    at: int
    shadow: bool


def groups(letters: Iterable[Letter], timezone: str, now_s: int) -> tuple[Group, ...]:
    """The gravest first, then in the order of what happened."""
    sorts: dict[tuple[int, str, bool], list[_Item]] = {}
    for item in sorted(map(_read, letters), key=lambda one: (-one.level, one.at, one.id)):
        sorts.setdefault((item.level, item.kind, item.shadow), []).append(item)
    return tuple(_group(items, timezone, now_s) for items in sorts.values())


def _read(letter: Letter) -> _Item:
    level = max(INFO, min(EMERGENCY, letter.level))
    try:
        body = json.loads(letter.body)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        return _Item(letter.id, level, "message", "", letter.body, letter.due_at, shadow=False)
    kind, about, text = (str(body.get(name, "")) for name in ("kind", "about", "text"))
    at = str(body.get("at", ""))
    moment = int(at) if at.isascii() and at.isdigit() and len(at) <= 11 else letter.due_at
    return _Item(letter.id, level, kind.replace("_", " ") or "message", about, text, moment, bool(body.get("shadow")))


def _group(items: list[_Item], timezone: str, now_s: int) -> Group:
    first, last = min(one.at for one in items), max(one.at for one in items)
    about = tuple(dict.fromkeys(one.about for one in items if one.about))
    one, old = items[0], now_s - last > OLD_S
    return Group(
        level=one.level,
        severity=LEVELS[one.level],
        kind=one.kind,
        times=len(items),
        about=about[:NAMED],
        more=len(about[NAMED:]),
        text=one.text,
        when=_when(first, last, timezone, now_s, old=old),
        old=old,
        shadow=one.shadow,
        ids=ids(item.id for item in items),
    )


def _when(first: int, last: int, timezone: str, now_s: int, *, old: bool) -> str:
    """As "at 14:02", or "was, from 14:02 to 15:10" once it is old; with the day where it was another one."""
    zone = ZoneInfo(timezone)
    today, begun, ended = (datetime.fromtimestamp(at, UTC).astimezone(zone) for at in (now_s, first, last))
    form = "%H:%M" if today.date() == begun.date() == ended.date() else "%Y-%m-%d %H:%M"
    since, until = begun.strftime(form), ended.strftime(form)
    told = f"at {since}" if since == until else f"from {since} to {until}"
    return f"was, {told}" if old else told


def ids(numbers: Iterable[int]) -> str:
    """The numbers as "#12 #14-#17"."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return " ".join(_run(run) for run in runs)


def _run(run: Sequence[int]) -> str:
    return f"#{run[0]}-#{run[-1]}" if len(run) >= RUN else " ".join(f"#{number}" for number in run)
