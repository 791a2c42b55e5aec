"""The life of an alarm after ISA-18.2: pending, active, acked, cleared; shelved, suppressed, chattering. Pure.

Open alarms lie in `State.alarms` by key ("kind about"), what else the machine remembers in `last["alarm_book"]`:

pending   seen, and not yet for as long as its delay asks; also what is switched off: it is no news, and is told when
          it still is so once its kind is switched on again
raises    when each key was raised lately: what comes and goes is told once and held open (`chatter.py`)
told      when messages of each gate went out lately: the cool-down counts from there
shelved   key -> until when nothing is told of it
held      what is over or was noticed and waits for its cool-down

An alarm's fields: kind about severity since_s reason · id at (wall time) state (active acked shelved suppressed)
raised_s seen_s told_s times due (what is to be told next) · clear_s (gone since) acked_s by under chatter folded.
"""

import zlib
from typing import Any

from mine_controller.core.alarms.catalogue import LOG_ONLY, RANK, Kind, clears, kind_of, ways_of
from mine_controller.core.alarms.causes import LINE, POOL, explained, is_cut_off, related
from mine_controller.core.alarms.chatter import BY_WORD, holds, lately, now_and_then, word_of
from mine_controller.core.model.alarm import SEVERITIES, AlarmPolicy, Telling, Ways
from mine_controller.core.model.reason import Event, Reason
from mine_controller.core.model.wiring import Wiring
from mine_controller.record import NamedTuple

JITTER_S = 5  # ticks are not to the second
REPEATS = 3  # quick repeats of an emergency; then repeat_then_s
ORPHAN_S = 240  # a consequence that outlives its cause by this much is told itself
CAUSES_MOST = 40  # endpoints and uplinks of a site; a storm of units is not searched for causes one by one
FLOOD_N, FLOOD_S, FLOOD_COOL_S = 3, 1800, 600
LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"

Alarm = dict[str, Any]


class Given(NamedTuple):
    """What one round says. `judged`: the watches were asked, so what they don't name is gone, unless it is unknown.

    `limits`: why what holds now holds. An alarm that stands for one of them has its figures brought up to date, as
    one that `standing` is about. `moot`: keys of alarms about what is no longer in the config. `works`: the pool that
    each miner names, while one is down.
    """

    now_s: int
    wall_s: int
    events: tuple[Event, ...]
    levels: tuple[Event, ...] = ()
    unknown: frozenset[str] = frozenset()
    judged: bool = False
    limits: tuple[Reason, ...] = ()
    standing: tuple[Event, ...] = ()
    moot: frozenset[str] = frozenset()
    works: dict[str, str] = {}  # noqa: RUF012 - replaced, never changed


class Kept(NamedTuple):
    """Open alarms and the book as they are now, what is to be told, and lines for the log."""

    alarms: dict[str, Alarm]
    book: dict[str, Any]
    tellings: tuple[Telling, ...] = ()
    events: tuple[Event, ...] = ()


def step(alarms: dict[str, Alarm], book: dict[str, Any], given: Given, policy: AlarmPolicy, wiring: Wiring) -> Kept:
    """One round of every alarm. What is handed in is never changed."""
    if not (alarms or book or given.levels or any(event.kind not in LOG_ONLY for event in given.events)):
        return Kept(alarms, book)
    work = Machine(alarms, book, given, policy, wiring)
    work.take()
    work.ripen()
    work.end_what_is_over()
    work.shelve()
    work.follow()
    return work.kept()


def graver(one: str, other: str) -> bool:
    """True when `one` is a graver severity."""
    return SEVERITIES.index(one) > SEVERITIES.index(other)


def name_of(key: str, wall_s: int, taken: set[str]) -> str:
    """Five letters to ack it by; the same for the same alarm, and no other open one has it."""
    number = zlib.crc32(f"{key} {wall_s}".encode("utf-8", "replace"))
    while True:
        rest, out = number, ""
        for _ in range(5):
            rest, digit = divmod(rest, len(LETTERS))
            out += LETTERS[digit]
        if out not in taken:
            return out
        number += 7919


def is_alarm(alarm: Alarm) -> bool:
    """True for what can be an alarm at all: a damaged entry is let go, its condition raises it anew."""
    words = all(isinstance(alarm.get(name), str) for name in ("kind", "about"))
    reason = alarm.get("reason")
    return (
        words
        and alarm.get("severity") in SEVERITIES
        and isinstance(alarm.get("since_s"), int)
        and isinstance(reason, list | tuple)
        and len(reason) == 3
    )


def whole(alarm: Alarm, given: Given) -> Alarm:
    """A copy with every field; one of an older program, which told of it in its own way, counts as told."""
    if "id" in alarm and "told_s" in alarm:
        return dict(alarm)
    key = f"{alarm['kind']} {alarm['about']}"
    old = {
        "id": name_of(key, given.wall_s, set()), "at": given.wall_s, "state": "active", "times": 1, "level": 0,
        "raised_s": alarm["since_s"], "seen_s": given.now_s, "told_s": given.now_s,
    }  # fmt: skip
    return old | alarm


def reason_of(packed: Any) -> Reason:
    """The reason of an alarm, as it lies in the state."""
    rule, code, numbers = packed
    return Reason(str(rule), str(code), tuple((name, value) for name, value in numbers))


def _packed(reason: Reason) -> list[Any]:
    return [reason.rule, reason.code, [list(pair) for pair in reason.numbers]]


class Machine:
    """One round's working set: copies of what was handed in."""

    def __init__(
        self, alarms: dict[str, Alarm], book: dict[str, Any], given: Given, policy: AlarmPolicy, wiring: Wiring
    ) -> None:
        self.given, self.policy, self.wiring, self.now_s = given, policy, wiring, given.now_s
        self.alarms = {key: whole(alarm, given) for key, alarm in alarms.items() if is_alarm(alarm)}
        self.pending: dict[str, Alarm] = {key: dict(one) for key, one in (book.get("pending") or {}).items()}
        raises = book.get("raises") or {}
        self.raises: dict[str, list[int]] = {key: lately(times, self.now_s) for key, times in raises.items()}
        self.told: dict[str, list[int]] = {key: list(times) for key, times in (book.get("told") or {}).items()}
        self.shelved: dict[str, int] = dict(book.get("shelved") or {})
        self.held: dict[str, Any] = dict(book.get("held") or {})
        self.fresh: list[tuple[str, str]] = []  # notices of this round, by kind and about
        self.ended: list[Alarm] = []
        self.events: list[Event] = []
        self.new: list[str] = []
        self.taken = {str(alarm["id"]) for alarm in self.alarms.values()}

    def kept(self) -> Kept:
        """Everything, told as letters; empty parts of the book are left out."""
        from mine_controller.core.alarms.telling import tell  # noqa: PLC0415 - they know each other

        tellings = tell(self)
        parts = {
            "pending": self.pending,
            "raises": {key: times for key, times in self.raises.items() if times},
            "told": self.told,
            "shelved": self.shelved,
            "held": self.held,
        }
        book = {name: part for name, part in parts.items() if part}
        return Kept(self.alarms, book, tellings, tuple(self.events))

    def ways(self, kind: str) -> Ways:
        """How this kind is treated here."""
        return ways_of(self.policy, kind)

    # -- what the round says ---------------------------------------------------------------------------------------

    def take(self) -> None:
        """Events in their order, then levels; levels that are gone begin to clear."""
        for event in self.given.events:
            for kind in clears().get(event.kind, ()):
                self._cleared(kind, event)
            self._raised(event, level=False)
        for level in self.given.levels:
            self._raised(level, level=True)
        if self.given.judged:
            self._gone({f"{level.kind} {level.about}" for level in self.given.levels})
        for key in self.given.moot & self.pending.keys():
            del self.pending[key]
        for key in sorted(self.given.moot & self.alarms.keys()):
            alarm = self.alarms[key]
            if alarm.setdefault("clear_s", self.now_s) == self.now_s:
                reason = Reason("alarm", "moot", (("kind", alarm["kind"]),))
                self.events.append(Event(f"{alarm['kind']}_over", "info", alarm["about"], reason))
        self._bring_up_to_date()

    def _bring_up_to_date(self) -> None:
        """What an event raised stands on with the figures of its limit: of the same rule, and of the same sort (a heat
        stop that cools is one still). Its end is told with those it was raised with.
        """
        now = {(reason.rule, reason.code.partition("_")[0]): reason for reason in reversed(self.given.limits)}
        for alarm in self.alarms.values():
            rule, code, _ = alarm["reason"]
            found = now.get((rule, str(code).partition("_")[0]))
            if found is not None and not alarm.get("level") and not kind_of(alarm["kind"]).many:
                self._told_by(alarm, found)
        for event in self.given.standing:
            if (stands := self.alarms.get(f"{event.kind} {event.about}")) is not None:
                self._told_by(stands, event.reason)

    def _told_by(self, alarm: Alarm, reason: Reason) -> None:
        alarm.setdefault("first", alarm["reason"])
        alarm["reason"] = _packed(reason)

    def _cleared(self, kind: str, event: Event) -> None:
        single = kind_of(kind).single
        for alarm in self.alarms.values():
            if alarm["kind"] == kind and (not single or alarm["about"] == event.about):
                alarm.setdefault("clear_s", self.now_s)
        for key in [key for key, one in self.pending.items() if one["kind"] == kind]:
            if not single or self.pending[key]["about"] == event.about:
                del self.pending[key]

    def _raised(self, event: Event, *, level: bool) -> None:
        if event.kind in LOG_ONLY:
            return
        row, ways = kind_of(event.kind), self.ways(event.kind)
        severity = ways.level or event.severity
        if row.once:
            if ways.on:
                self._notice(event, row.severity if severity == "info" and not ways.level else severity)
            return
        if event.severity == "info":
            return  # an event that ends something, or news that nobody need be told
        key = f"{event.kind} {event.about}"
        found = self.alarms.get(key)
        if found is not None:
            self._again(found, severity, event, level=level)
            return
        found = self.pending.setdefault(
            key, {"kind": event.kind, "about": event.about, "severity": severity, "since_s": self.now_s}
        )
        found |= {"reason": _packed(event.reason), "level": int(level)}
        if graver(severity, found["severity"]):
            found["severity"] = severity

    def _notice(self, event: Event, severity: str) -> None:
        self.fresh.append((event.kind, event.about))
        gate = f"{event.kind} {event.about}"
        self.held[f"notice {gate}"] = {
            "what": "notice", "kind": event.kind, "abouts": [event.about], "n": 1, "severity": severity,
            "reason": _packed(event.reason), "since_s": self.now_s, "for_s": 0, "id": "", "at": self.given.wall_s,
        }  # fmt: skip

    def _again(self, alarm: Alarm, severity: str, event: Event, *, level: bool) -> None:
        """It is there still, or there again: the figure is brought up to date, and it may have become graver."""
        alarm["seen_s"], alarm["reason"] = self.now_s, _packed(event.reason)
        if level:
            alarm["level"] = 1  # an older program may have raised it by an event, and its watch ends it now
        alarm.pop("first", None)
        if alarm.pop("clear_s", None) is not None and not level:
            self._count(f"{alarm['kind']} {alarm['about']}", alarm)
        worse = graver(severity, alarm["severity"])
        if worse:  # what was put off was the lesser one
            self.shelved.pop(f"{alarm['kind']} {alarm['about']}", None)
        if worse or (kind_of(alarm["kind"]).grows and not level):
            alarm["severity"] = severity if worse else alarm["severity"]
            alarm["due"] = "escalate" if alarm.get("told_s") else "raise"
            for word in ("acked_s", "ack_logged", "under"):
                alarm.pop(word, None)
            if worse:  # a cause that is as grave explains it still
                self.new.append(f"{alarm['kind']} {alarm['about']}")

    def _gone(self, there: set[str]) -> None:
        """Levels nobody names any more. What is unknown stays; after a day of not knowing it is let go."""
        for key in [key for key, one in self.pending.items() if one.get("level") and key not in there]:
            if key not in self.given.unknown:
                del self.pending[key]
        for key, alarm in self.alarms.items():
            judged = key not in self.given.unknown or not self.ways(alarm["kind"]).on
            if judged and alarm.get("level") and key not in there:
                alarm.setdefault("clear_s", self.now_s)

    # -- pending becomes active ------------------------------------------------------------------------------------

    def ripen(self) -> None:
        """Whatever has lasted for its delay; the gravest first, then causes before consequences."""
        ripe = [
            key
            for key, one in self.pending.items()
            if (ways := self.ways(one["kind"])).on and self.now_s - one["since_s"] >= ways.delay_s - JITTER_S
        ]
        old = [
            key
            for key, one in self.pending.items()
            if not (row := kind_of(one["kind"])).over and self.now_s - one["since_s"] > row.lasts_s
        ]
        for key in ripe:
            self._activate(key, self.pending.pop(key))
        for key in old:
            if not (self.pending.get(key) or {"level": 1}).get("level"):
                del self.pending[key]
        self.new.sort(key=lambda key: _order(self.alarms[key]))
        standing = self._by_kind() if self.new else {}
        later = set(self.new)
        for key in self.new:  # of two that explain each other the one earlier in the table stays: it says more
            later.discard(key)
            self._fold(key, standing, later)
        for told, cause in explained(self.new, self.alarms, self.wiring, self.given.works):
            self.alarms[told]["under"] = cause

    def _by_kind(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for key, alarm in self.alarms.items():
            found.setdefault(alarm["kind"], []).append(key)
        return found

    def _activate(self, key: str, one: Alarm) -> None:
        alarm = {name: one[name] for name in ("kind", "about", "severity", "since_s", "reason", "level")}
        alarm |= {
            "id": name_of(key, self.given.wall_s, self.taken), "at": self.given.wall_s, "state": "active", "times": 0,
            "raised_s": self.now_s, "seen_s": self.now_s, "told_s": 0, "due": "raise",
        }  # fmt: skip
        self.alarms[key] = alarm
        self.taken.add(alarm["id"])
        self.new.append(key)
        self._count(key, alarm)
        if one.get("level"):
            self.events.append(Event(one["kind"], one["severity"], one["about"], reason_of(one["reason"])))

    def _count(self, key: str, alarm: Alarm) -> None:
        """One more raise of this key, which may be one too many."""
        times = self.raises[key] = lately([*self.raises.get(key, []), self.now_s], self.now_s)
        word = word_of(times, self.now_s, grave=alarm["severity"] == "emergency")
        if word and not alarm.get("chatter"):
            alarm["chatter"], alarm["due"] = word, "chatter"
            pace = BY_WORD[word]
            about = (("alarm", alarm["id"]), ("kind", alarm["kind"]), ("about", alarm["about"]))
            reason = Reason("alarm", pace.code, (*about, ("times", pace.raises_n)))
            self.events.append(Event("alarm_chatters", "info", alarm["about"], reason))

    def _fold(self, key: str, standing: dict[str, list[str]], later: set[str]) -> None:
        """Under the first alarm it may be a consequence of, unless it is graver than that. `standing`: keys by kind."""
        alarm = self.alarms[key]
        for kind in kind_of(alarm["kind"]).under:
            same = f"{kind} {alarm['about']}"  # of many of a kind, the one about the same unit is the likely one
            for cause in (same, *standing.get(kind, ())[:CAUSES_MOST]):
                first = self._cause(cause)
                if first is None or cause == key or cause in later or first.get("under") or "clear_s" in first:
                    continue
                if graver(alarm["severity"], first["severity"]):
                    continue
                if related(cause, alarm, self.wiring, self.given.works):
                    alarm["under"] = cause
                    return

    def _cause(self, key: str) -> Alarm | None:
        """An alarm that explains others while it is there and not only held; a down line while no other one is left."""
        first = self.alarms.get(key)
        other = first is not None and first["kind"] == LINE and not is_cut_off(self.alarms, self.wiring)
        return None if first is None or other or now_and_then(first) else first

    # -- what ends ------------------------------------------------------------------------------------------------

    def end_what_is_over(self) -> None:
        """Gone for its off-delay; held while it chatters; forgotten after a day where nothing ends it. What an event
        raised is said once: it is remembered while its kind is switched off."""
        for key, alarm in list(self.alarms.items()):
            row, ways = kind_of(alarm["kind"]), self.ways(alarm["kind"])
            if not ways.on:
                del self.alarms[key]
                if not alarm.get("level") and "clear_s" not in alarm:
                    names = ("kind", "about", "severity", "since_s", "reason", "level")
                    self.pending[key] = {name: alarm.get(name, 0) for name in names}
            elif "clear_s" in alarm:
                held = holds(alarm, self.raises.get(key) or [], self.now_s)
                least_s = ways.off_delay_s - JITTER_S if ways.off_delay_s else 0
                if not held and self.now_s - alarm["clear_s"] >= least_s:
                    self._end(key, alarm)
            elif self._forgotten(row, alarm):
                del self.alarms[key]

    def _forgotten(self, row: Kind, alarm: Alarm) -> bool:
        """What no event ends, after a day; what is only watched, after a day in which nothing could be known."""
        endless = bool(row.over) and not alarm.get("level")
        return not endless and self.now_s - int(alarm.get("seen_s") or alarm["since_s"]) >= row.lasts_s

    def _end(self, key: str, alarm: Alarm) -> None:
        del self.alarms[key]
        self.ended.append(alarm)
        if alarm.get("level"):
            numbers = (("kind", alarm["kind"]), ("for_s", int(alarm.get("clear_s", self.now_s)) - alarm["since_s"]))
            over = Event(f"{alarm['kind']}_over", "info", alarm["about"], Reason("alarm", "over", numbers))
            self.events.append(over)

    def shelve(self) -> None:
        """Shelves end at their time; an emergency of safety leaves its shelf at once."""
        for key, until_s in list(self.shelved.items()):
            found = self.alarms.get(key)
            grave = found is not None and found["severity"] == "emergency" and kind_of(found["kind"]).safety
            if until_s > self.now_s and not grave:
                continue
            del self.shelved[key]
            if found is not None and not found.get("acked_s"):
                found["due"] = "again" if found.get("told_s") else "raise"

    def follow(self) -> None:
        """Consequences whose cause is gone stand for themselves after a while, unless another one explains them; then
        each alarm's state."""
        standing: dict[str, list[str]] = {}
        for key, alarm in self.alarms.items():
            first = None if self._works_elsewhere(alarm) else self._cause(alarm.get("under", ""))
            if first is not None and graver(alarm["severity"], first["severity"]):
                del alarm["under"]  # it came back as a lesser one
            if first is not None or not alarm.get("under"):
                alarm.pop("orphan_s", None)  # its cause is back: the next time it is gone counts from then
            elif self.now_s - int(alarm.setdefault("orphan_s", self.now_s)) >= ORPHAN_S:
                del alarm["under"], alarm["orphan_s"]
                self._fold(key, standing := standing or self._by_kind(), set())
            self._log_ack(alarm)
        folded: dict[str, dict[str, int]] = {}
        for key, alarm in self.alarms.items():
            if alarm.get("under"):
                count = folded.setdefault(alarm["under"], {})
                count[alarm["kind"]] = count.get(alarm["kind"], 0) + 1
            alarm["state"] = _state(alarm, shelved=key in self.shelved)
        for key, alarm in self.alarms.items():
            if key in folded:
                alarm["folded"] = folded[key]
            else:
                alarm.pop("folded", None)

    def _works_elsewhere(self, alarm: Alarm) -> bool:
        """Whether a pool that is down explained it, and it names another one since. Who names none waits on."""
        kind, _, pool = str(alarm.get("under", "")).partition(" ")
        return kind == POOL and self.given.works.get(alarm["about"], "") not in ("", pool)

    def _log_ack(self, alarm: Alarm) -> None:
        """A line for the log, once: what the statistics count as the time to ack."""
        if alarm.get("acked_s") and not alarm.get("ack_logged"):
            alarm["ack_logged"] = 1
            after_s = int(alarm["acked_s"]) - int(alarm.get("raised_s") or alarm["since_s"])
            numbers = (("alarm", str(alarm["id"])), ("kind", alarm["kind"]), ("for_s", after_s))
            by = ("actor", str(alarm.get("acked_by", "")))
            self.events.append(Event("alarm_acked", "info", alarm["about"], Reason("alarm", "acked", (*numbers, by))))


def _order(alarm: Alarm) -> tuple[int, int, str]:
    return -SEVERITIES.index(alarm["severity"]), RANK.get(alarm["kind"], len(RANK)), str(alarm["about"])


def _state(alarm: Alarm, *, shelved: bool) -> str:
    if shelved:
        return "shelved"
    return "suppressed" if alarm.get("under") else "acked" if alarm.get("acked_s") else "active"
