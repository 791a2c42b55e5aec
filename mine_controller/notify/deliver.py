"""One delivery: what is due goes out, one message a channel, and every letter is noted.

At least once: a letter counts as told on a channel only after the channel took it; killed between the two, it is told
again with the same `#id`. A channel that fails is left alone for 1, 2, 4 .. 60 minutes, or as long as it asks for; one
that refuses for good for an hour. A letter ends when every channel of its route took it or refused it for good and at
least one took it, or after a day with one. Until then it stays open; an emergency for as long as that takes.
In quiet hours all but emergencies wait for their end. A letter with a time of its own (a heartbeat) ends with it.

What the channels said is kept in the letter's last note, by the title of the section:
"telegram" = "told" or "no: why" · "telegram fails" · "telegram next" (wall time) · "telegram held" (what it asked for)
· "telegram gone" (refused for good). "began" is when its time first came; "config" is the sum of the config: a new one
clears every back-off, and so does a clock that was set back to before "at", the time of the note. "ended" is when
what it tells of was over; "bare" since when no section takes it.
"""

import importlib
from collections.abc import Sequence
from typing import Any

from mine_controller.core.option import Secret
from mine_controller.notify.message import DAY_S, EMERGENCY, INFO, LEVELS, Channel, Sent, is_called, is_current, is_due
from mine_controller.notify.news import Item, Letter, ends, groups, read
from mine_controller.notify.post import Call, post
from mine_controller.notify.words import Place, write
from mine_controller.record import NamedTuple

STALE_INFO_S = 4 * DAY_S  # information that reached nobody is no longer news; the store drops and counts it before
HURRY_S = 60  # between two tries to tell an emergency that has reached nobody
LONGEST_WAIT_S = 3600
BARE_S = 3600  # what nobody takes waits so long for another config
WHY_KEPT = 80
TOLD, ENDED = "told", "ended"
EVERY = "*"  # in a letter's `to`: by every section
QUICK = 3  # repeats of an emergency that come fast
Note = dict[str, str | int]


class Way(NamedTuple):
    """One section that tells. `repeat_s`: how far apart the repeats of an emergency are here at least."""

    title: str
    channel: Channel
    options: Any
    least: int
    repeat_s: int = 0


class Noted(NamedTuple):
    """What the store is to keep of a letter: `due_at` when to look at it again, `told_at` when it ended."""

    id: int
    note: Note
    due_at: int
    told_at: int | None


class Said(NamedTuple):
    """One line for the log."""

    channel: str
    ok: bool
    text: str


class Delivered(NamedTuple):
    """What came of a delivery."""

    notes: tuple[Noted, ...]
    lines: tuple[Said, ...]


class Desk(NamedTuple):
    """Who is told and how. `sum` names the config, so that a repaired one is tried at once.

    `quiet_until` is wall time, 0 while it is not quiet; `repeats` are the seconds between the repeats of an emergency:
    of the first three, and of all later ones.
    """

    ways: tuple[Way, ...]
    place: Place
    sum: str
    secrets: tuple[Secret, ...] = ()  # whatever else must not stand in a note
    quiet_until: int = 0
    repeats: tuple[int, int] = (600, 3600)


def ways(channels: dict[str, Any]) -> tuple[Way, ...]:
    """The sections that tell, out of title -> options; the dead-man is none of them."""
    found = []
    for title, options in channels.items():
        if hasattr(options, "least"):
            channel: Any = importlib.import_module(f"mine_controller.notify.{title.partition(' ')[0]}")
            repeat_s = getattr(options, "repeat_s", 0)
            found.append(Way(title, channel, options, LEVELS.index(options.least), repeat_s))
    return tuple(found)


def deliver(letters: Sequence[Letter], desk: Desk, now_s: int, until: float) -> Delivered:
    """Tell what is due among the open `letters` until `until` (monotonic). Never raises for a channel's fault."""
    if not any(_called(letter, desk.sum, now_s) for letter in letters):
        return Delivered((), ())
    items = {letter.id: read(letter) for letter in letters}
    aside = _aside(letters, items, desk, now_s)
    routes = {letter.id: _route(letter, items[letter.id], desk) for letter in letters if letter.id not in aside}
    over = _over(letters, items)
    calls, batches, lines = [], {}, []
    for way in desk.ways:
        batch = _batch([letter for letter in letters if way.title in routes.get(letter.id, ())], way, desk.sum, now_s)
        if batch:
            written = write(way.channel, groups(batch, desk.place.timezone, now_s, over), desk.place)
            if written.trouble:
                lines.append(Said(way.title, ok=False, text=f"plain text was sent: {written.trouble}"))
            calls.append(Call(way.title, way.channel, way.options, written.message))
            batches[way.title] = batch
    sent = post(calls, until, desk.secrets) if calls else {}
    lines += [_line(title, answer, batches[title]) for title, answer in sent.items()]
    fails = {title: _fails(letters, title, desk.sum, now_s) + 1 for title in sent}
    tried = {title: frozenset(letter.id for letter in batch) for title, batch in batches.items()}
    waits = {way.title: _until(letters, f"{way.title} next", desk.sum, now_s) for way in desk.ways}
    news = _News(sent, tried, fails, waits, now_s)
    told = (_noted(letter, routes[letter.id], desk.sum, news) for letter in letters if letter.id in routes)
    notes = {note.id: note for note in (*aside.values(), *told) if note is not None}
    return Delivered(_stamped(letters, items, over, notes), tuple(lines))


# -- what goes where ---------------------------------------------------------------------------------------------------


def _aside(letters: Sequence[Letter], items: dict[int, Item], desk: Desk, now_s: int) -> dict[int, Noted | None]:
    """What is not told now, by id, and what is to be noted of it: the quiet holds it, or its own time is over."""
    out: dict[int, Noted | None] = {}
    for letter in letters:
        item, due = items[letter.id], _called(letter, desk.sum, now_s)
        if item.until and not item.at <= now_s < item.until:
            out[letter.id] = Noted(
                letter.id, _kept(letter, desk.sum, now_s) | {"over": "its time is over"}, now_s, now_s
            )
        elif desk.quiet_until and letter.level < EMERGENCY and not item.to:
            note = _kept(letter, desk.sum, now_s) | {"quiet": desk.quiet_until, "at": now_s, "config": desk.sum}
            out[letter.id] = Noted(letter.id, note, desk.quiet_until, None) if due else None
    return out


def _route(letter: Letter, item: Item, desk: Desk) -> tuple[str, ...]:
    """The sections this letter goes to: those it names, else by its level."""
    if item.to:
        return tuple(way.title for way in desk.ways if {EVERY, way.title, way.title.partition(" ")[0]} & set(item.to))
    return tuple(way.title for way in desk.ways if letter.level >= way.least and not _spaced(item, way, desk.repeats))


def _spaced(item: Item, way: Way, repeats: tuple[int, int]) -> bool:
    """True for a repeat that comes too soon after the former one for this way, by how often it was told before."""
    if item.what != "repeat" or not way.repeat_s:
        return False
    now_s, before_s = (_told_for_s(times, repeats) // way.repeat_s for times in (item.times, item.times - 1))
    return now_s == before_s


def _told_for_s(times: int, repeats: tuple[int, int]) -> int:
    """Seconds from the first telling to this one, as alarms are repeated."""
    quick = min(times - 1, QUICK)
    return quick * repeats[0] + (times - 1 - quick) * repeats[1]


def _line(title: str, answer: Sent, batch: Sequence[Letter]) -> Said:
    remark = f": {answer.why}" if answer.why else ""
    return Said(title, answer.ok, f"{'told' if answer.ok else 'could not tell'} {len(batch)} messages{remark}")


# -- which letters a channel gets now ---------------------------------------------------------------------------------


def _batch(letters: Sequence[Letter], way: Way, config: str, now_s: int) -> list[Letter]:
    """Of the `letters` of this way every open one, unless the channel is to be left alone.

    An emergency it was never tried for, or that nobody has been told of, doesn't wait for a back-off that others
    have earned, only for what the service asked for and for its own minute.
    """
    open_here = [letter for letter in letters if not _told(letter, way.title)]
    held = _until(letters, f"{way.title} held", config, now_s)
    wait = _until(letters, f"{way.title} next", config, now_s)
    fresh = any(_presses(letter, way.title, config, now_s) for letter in open_here)
    return [] if held or (wait and not fresh) else open_here


def _presses(letter: Letter, title: str, config: str, now_s: int) -> bool:
    """Whether this channel is to be tried for it whatever it did before."""
    if letter.level < EMERGENCY:
        return False
    last = _last(letter)
    return title not in last or (
        TOLD not in last.values() and is_due(_number(_current(letter, config, now_s), f"{title} next"), now_s)
    )


def _until(letters: Sequence[Letter], key: str, config: str, now_s: int) -> int:
    """The latest such time in any letter that is still to come; 0 none."""
    times = [_number(_current(letter, config, now_s), key) for letter in letters]
    return max((at for at in times if not is_due(at, now_s)), default=0)


def _fails(letters: Sequence[Letter], title: str, config: str, now_s: int) -> int:
    return max((_number(_current(letter, config, now_s), f"{title} fails") for letter in letters), default=0)


def _number(note: Note, key: str) -> int:
    """The number under this key; 0 where there is none, as in a note that was damaged."""
    value = note.get(key)
    return value if isinstance(value, int) else 0


def _last(letter: Letter) -> Note:
    return letter.tries[-1] if letter.tries else {}


def _current(letter: Letter, config: str, now_s: int) -> Note:
    """The last note as far as it is about back-offs that count."""
    last = _last(letter)
    return last if is_current(last, config, now_s) else {}


def _called(letter: Letter, config: str, now_s: int) -> bool:
    return is_called(letter.due_at, _last(letter), config, now_s)


def _told(letter: Letter, title: str) -> bool:
    return _last(letter).get(title) == TOLD


# -- what is over ------------------------------------------------------------------------------------------------------


def _over(letters: Sequence[Letter], items: dict[int, Item]) -> dict[str, int]:
    """Alarms that are over, and since when: by what was noted beside their letters, and by letters that say so."""
    noted = {items[letter.id].alarm: _number(_last(letter), ENDED) for letter in letters}
    return {name: at for name, at in noted.items() if at} | ends(items.values())


def _stamped(
    letters: Sequence[Letter], items: dict[int, Item], over: dict[str, int], notes: dict[int, Noted]
) -> tuple[Noted, ...]:
    """The notes; beside a letter whose alarm is over it is noted, for the letter that says so may be told and gone
    while a way of this one is still shut."""
    made = dict(notes)
    for letter in letters:
        at = over.get(items[letter.id].alarm, 0)
        if at and items[letter.id].what != "clear":
            known = _number(_last(letter), ENDED) == at
            note = made.get(letter.id) or (None if known else Noted(letter.id, _last(letter), letter.due_at, None))
            if note is not None:
                made[letter.id] = note._replace(note=note.note | {ENDED: at})
    return tuple(made.values())


# -- what is noted ----------------------------------------------------------------------------------------------------


class _News(NamedTuple):
    """What one delivery came to."""

    sent: dict[str, Sent]
    tried: dict[str, frozenset[int]]
    fails: dict[str, int]
    waits: dict[str, int]  # until when a channel is left alone after earlier failures
    now_s: int


def _noted(letter: Letter, route: Sequence[str], config: str, news: _News) -> Noted | None:
    """The letter's note, None where nothing has changed for it."""
    tried = [title for title in route if letter.id in news.tried.get(title, ())]
    if not tried and not _called(letter, config, news.now_s):
        return None
    note: Note = {**_kept(letter, config, news.now_s), "at": news.now_s, "config": config}
    for title in tried:
        _put(note, title, news.sent[title], news.fails[title], news.now_s)
    if letter.level >= EMERGENCY and TOLD not in note.values():
        _hurry(note, tried, news)
    if not route:
        note["route"] = "no channel takes this"
        if letter.level > INFO and TOLD not in note.values() and (until := _bare_until(note, news.now_s)):
            return Noted(letter.id, note, until, None)
    left = [title for title in route if note.get(title) != TOLD]
    ended = not left or _given_up(letter, note, route, left, news.now_s)
    nexts = [_number(note, f"{title} next") or news.waits.get(title, 0) for title in left]
    waits = [at for at in nexts if at > news.now_s] or [news.now_s + 60]
    return Noted(letter.id, note, min(waits), news.now_s if ended else None)


def _bare_until(note: Note, now_s: int) -> int:
    """Until when it waits for a channel that its owner may be writing anew; 0: for none any more. `note` is changed."""
    note["bare"] = since = _number(note, "bare") or now_s
    note["route next"] = until = since + BARE_S
    return until if now_s < until else 0


def _kept(letter: Letter, config: str, now_s: int) -> Note:
    """The last note; where it doesn't count any more only what was told."""
    last, current = _last(letter), _current(letter, config, now_s)
    begun: Note = {"began": letter.due_at}
    return begun | {key: some for key, some in last.items() if current or _lasting(key, some)}


def _lasting(key: str, some: str | int) -> bool:
    return some == TOLD or key == "began"


def _put(note: Note, title: str, sent: Sent, fails: int, now_s: int) -> None:
    for word in ("fails", "next", "held", "gone"):
        note.pop(f"{title} {word}", None)
    if sent.ok:
        note[title] = TOLD
        return
    note[title], note[f"{title} fails"] = f"no: {sent.why[:WHY_KEPT]}", fails
    if sent.retry_after_s is not None:
        note[f"{title} held"] = note[f"{title} next"] = now_s + max(1, round(sent.retry_after_s + 0.5))
    else:
        wait_s = LONGEST_WAIT_S if sent.permanent else min(LONGEST_WAIT_S, 60 << min(fails - 1, 10))
        note[f"{title} next"] = now_s + wait_s
    if sent.permanent:
        note[f"{title} gone"] = 1


def _hurry(note: Note, tried: Sequence[str], news: _News) -> None:
    """O14: of an emergency nobody has been told of somebody is, a minute after any channel is there again."""
    for title in tried:
        if f"{title} gone" not in note and f"{title} held" not in note:
            note[f"{title} next"] = min(_number(note, f"{title} next"), news.now_s + HURRY_S)


def _given_up(letter: Letter, note: Note, route: Sequence[str], left: Sequence[str], now_s: int) -> bool:
    """True when somebody was told and the others never will be; or for information that has gone stale."""
    since = _number(note, "began")
    if len(left) < len(route):
        return now_s - since > DAY_S or all(f"{title} gone" in note for title in left)
    return letter.level == INFO and now_s - since > STALE_INFO_S
