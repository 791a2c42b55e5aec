"""Letters put together: what is alike and due at once is one line with a count, so that a storm is one message.

280 miners that fail in one tick are one line: "miner offline: 280 times (a001, a002, a003 and 277 more)".

A letter's body is a JSON object. Every one has site, kind, severity, about, at, text, shadow; one about an alarm also
what, alarm, state, since, times, cause, does, owner, others; and where a letter is no news but has a moment and
addressees of its own (a heartbeat, a test of the channels), `until` says when it is worth nothing any more and `to`
names the sections it goes to ("*" every one).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from mine_controller.notify.local import local_text
from mine_controller.notify.message import EMERGENCY, INFO, LEVELS
from mine_controller.record import NamedTuple

OLD_S = 600  # news this old is told as past: whoever reads it must not act on it as new
NAMED = 3
RUNS_MOST, RUNS_SHOWN = 12, 4
RUN = 3  # this many ids in a row are written as first-last
SINCE_S = 120  # what began longer than this before it was told says since when
LONGEST = 11  # digits of a number in a body
HEARTBEAT = "heartbeat"
_WORDS = ("about", "what", "alarm", "state", "cause", "does", "owner")
_LISTS = ("others", "to")


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
        """A JSON object as told at the head of this file; any other text is told as it stands."""

    @property
    def due_at(self) -> int:
        """Wall time before which nothing is to be done."""

    @property
    def tries(self) -> tuple[dict[str, str | int], ...]:
        """What former deliveries noted, oldest first."""


class Group(NamedTuple):
    """What a template tells. `about`: the first few; `more`: how many others; `ids`: "#12 #14-#17".

    `what`: raise escalate repeat again clear notice chatter heartbeat test, "" where the letter says none. `since`,
    `cause`, `does` and `owner` are "" where nothing is to be said: what it means, what minectl does, what the owner
    should do. `alarms`: what can be acked, as (name, severity).
    """

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
    what: str = ""
    since: str = ""
    cause: str = ""
    does: str = ""
    owner: str = ""
    alarms: tuple[tuple[str, str], ...] = ()

    @property
    def is_news(self) -> bool:
        """False for a heartbeat, which is told beside news and never counted as one."""
        return self.what != HEARTBEAT

    @property
    def word(self) -> str:
        """What it is in one word: its severity, or that it is over."""
        return "over" if self.what == "clear" else self.severity


class Item(NamedTuple):
    """One letter as it is read: whatever is missing or of the wrong sort is "", 0 or empty."""

    id: int
    level: int  # its severity; whom it goes to is the letter's own level
    kind: str
    text: str
    at: int
    shadow: bool = False
    about: str = ""
    what: str = ""
    alarm: str = ""
    state: str = ""
    since: int = 0
    times: int = 1
    cause: str = ""
    does: str = ""
    owner: str = ""
    others: tuple[str, ...] = ()
    to: tuple[str, ...] = ()
    until: int = 0


def ends(items: Iterable[Item]) -> dict[str, int]:
    """Alarms that are over by letters that are not told everywhere yet: their names, and when that was written."""
    return {item.alarm: item.at for item in items if item.what == "clear" and item.alarm}


def groups(
    letters: Iterable[Letter], timezone: str, now_s: int, over: Mapping[str, int] | None = None
) -> tuple[Group, ...]:
    """The gravest first, and of alike ones news before what is past; heartbeats last, and of them only the newest.

    News stands in the order in which it happened, the past with its latest first: after days without a line a short
    message has room for two or three, and the fire of a minute ago must not stand behind what was four days ago.
    What is over meanwhile (`over`: alarm -> wall time) is told as past: nobody is to drive out for it.
    """
    sorts: dict[tuple[int, str, bool, bool], list[Item]] = {}
    for item in sorted(map(read, letters), key=lambda one: (one.what == HEARTBEAT, -one.level, one.at, one.id)):
        sorts.setdefault((item.level, item.kind, item.shadow, item.what == "clear"), []).append(item)
    ended = over or {}
    found = sorted(sorts.values(), key=lambda each: _rank(each, now_s, ended))
    return tuple(_group(items, timezone, now_s, ended) for items in found)


def _over_at(items: Sequence[Item], ended: Mapping[str, int]) -> int:
    """Wall time at which all of it was over; 0: something of it may stand. One letter about many has but one name."""
    times = [0 if one.others or one.what == "clear" else ended.get(one.alarm, 0) for one in items]
    return max(times) if all(times) else 0


def _rank(items: Sequence[Item], now_s: int, ended: Mapping[str, int]) -> tuple[bool, int, bool, int]:
    """Where a group stands; among equals the order in which they are given holds."""
    last = max(one.at for one in items)
    old = now_s - last > OLD_S or bool(_over_at(items, ended))
    return items[0].what == HEARTBEAT, -items[0].level, old, -last if old else 0


def read(letter: Letter) -> Item:
    """A letter's body; one that is no JSON object is told as it stands."""
    level = max(INFO, min(EMERGENCY, letter.level))
    try:
        body = json.loads(letter.body)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        return Item(letter.id, level, "message", _plain(letter.body), letter.due_at)
    more: dict[str, Any] = {name: _plain(str(body.get(name) or "")) for name in _WORDS}
    lists = {name: found if isinstance(found := body.get(name), list) else () for name in _LISTS}
    more |= {name: tuple(_plain(str(one)) for one in found) for name, found in lists.items()}
    severity = str(body.get("severity"))
    return Item(
        id=letter.id,
        level=LEVELS.index(severity) if severity in LEVELS else level,
        kind=_plain(str(body.get("kind") or "message")).replace("_", " "),
        text=_plain(str(body.get("text", "")), lines=more["what"] == HEARTBEAT),
        at=_number(body.get("at")) or letter.due_at,
        shadow=bool(body.get("shadow")),
        since=_number(body.get("since")),
        times=_number(body.get("times")) or 1,
        until=_number(body.get("until")),
        **more,
    )


def _plain(text: str, *, lines: bool = False) -> str:
    """Without control characters: a device's text writes on no terminal and forges no line. `lines`: it has some."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or (lines and char == "\n") else " " for char in text)


def _number(told: object) -> int:
    """Whole seconds or a count; 0 for anything else."""
    text = str(told)
    return int(text) if text.isascii() and text.isdigit() and len(text) <= LONGEST else 0


def _group(items: list[Item], timezone: str, now_s: int, ended: Mapping[str, int]) -> Group:
    if items[0].what == HEARTBEAT:
        items = items[-1:]
    first, last = min(one.at for one in items), max(one.at for one in items)
    every = [about for one in items for about in (one.about, *(one.others if len(items) > 1 else ()))]
    about = tuple(dict.fromkeys(filter(None, every)))
    over_at = _over_at(items, ended)
    left = [each for each in items if each.what == "clear" or not _over_at([each], ended)] or items
    # Of one thing what was told of it last holds, unless that is over; of many, the first that may stand.
    one = left[-1] if len(about) == 1 and not over_at else left[0]
    old = now_s - last > OLD_S or bool(over_at)
    stands = [each for each in left if each.state == "active" and each.alarm and not over_at]
    when = _when(first, last, timezone, now_s, old=old)
    return Group(
        level=one.level,
        severity=LEVELS[one.level],
        kind=one.kind,
        times=len(items),
        about=about[:NAMED],
        more=len(about[NAMED:]),
        text=one.text,
        when=f"{when}, over at {_moment(over_at, timezone, now_s)}" if over_at else when,
        old=old,
        shadow=one.shadow,
        ids=ids(item.id for item in items),
        what=one.what,
        since=_moment(one.since, timezone, now_s) if one.since and one.at - one.since >= SINCE_S else "",
        cause=one.cause if one.owner and not over_at else "",
        does="" if over_at else one.does,
        owner="" if over_at else one.owner,
        alarms=tuple(dict.fromkeys((each.alarm, LEVELS[each.level]) for each in stands)),
    )


def _moment(at: int, timezone: str, now_s: int) -> str:
    """The time of day; with the day where it was another one."""
    zone = ZoneInfo(timezone)
    today, then = (datetime.fromtimestamp(each, UTC).astimezone(zone) for each in (now_s, at))
    return local_text(then, "%H:%M" if today.date() == then.date() else "%Y-%m-%d %H:%M")


def _when(first: int, last: int, timezone: str, now_s: int, *, old: bool) -> str:
    """As "at 14:02", or "was, from 14:02 to 15:10" once it is old; with the day where it was another one."""
    zone = ZoneInfo(timezone)
    today, begun, ended = (datetime.fromtimestamp(at, UTC).astimezone(zone) for at in (now_s, first, last))
    form = "%H:%M" if today.date() == begun.date() == ended.date() else "%Y-%m-%d %H:%M"
    since, until = local_text(begun, form), local_text(ended, form)
    when = f"at {since}" if since == until else f"from {since} to {until}"
    return f"was, {when}" if old else when


def ids(every: Iterable[int]) -> str:
    """The numbers as "#12 #14-#17"; of very many the first and the last, and how many there are.

    What is in no outbox yet has no number (below 1).
    """
    numbers, runs = tuple(number for number in every if number > 0), list[list[int]]()
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    if len(runs) > RUNS_MOST:
        return f"{' '.join(_run(run) for run in runs[:RUNS_SHOWN])} .. {_run(runs[-1])} ({len(set(numbers))} messages)"
    return " ".join(_run(run) for run in runs)


def _run(run: Sequence[int]) -> str:
    return f"#{run[0]}-#{run[-1]}" if len(run) >= RUN else " ".join(f"#{number}" for number in run)
