"""The store as a tick uses it: load, journal before anything is sent, save at the end. One connection, under the lock.

A commit that fails is tried once more after what can be done about it: the ballast is given up on a full disk, a
damaged file is set aside and begun again from the newest copy with the state at hand. If it fails again the tick gets
StoreTrouble, calls `spill` and goes on; the next commit that works carries everything along.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from mine_controller.core.model.book import Book
from mine_controller.core.model.image import Image, Request
from mine_controller.core.model.reason import Event, Reason
from mine_controller.core.model.round import Round
from mine_controller.core.model.state import VERSION, State
from mine_controller.record import NamedTuple
from mine_controller.store import ballast
from mine_controller.store.answered import done_once
from mine_controller.store.codec import sha
from mine_controller.store.copies import highest, keep_hour, read_files
from mine_controller.store.db import Paths, StoreTrouble, connect, plain, reading, transaction, trouble_of
from mine_controller.store.events import event_row
from mine_controller.store.history import HOUR_S, TickFacts, mine_row, prune, roll_hours, telemetry, update_miners
from mine_controller.store.inbox import pending
from mine_controller.store.loading import Kept, Loaded, at_most_s, inherited, loaded, pack_body, read_kept
from mine_controller.store.opening import Opened, begin_again, open_file
from mine_controller.store.outbox import Letter, Mark, Message, all_letters, due_letters, mark_letters
from mine_controller.store.policies import pack_policy, policy_key
from mine_controller.store.records import pack_answers, pack_commands, pack_record, record_id, unread
from mine_controller.store.spill import Rows, Spilled, StateRow, clear_spill, merge, write_spill
from mine_controller.store.state import with_clock_facts
from mine_controller.store.writing import Names, free_key, write_rows, write_state

Texts = Callable[[], Mapping[str, bytes]]  # files by name; raises nothing


class Extra(NamedTuple):
    """What the shell adds to a transaction: its own events, and messages for the outbox."""

    events: tuple[Event, ...] = ()
    messages: tuple[Message, ...] = ()


class _Tick:
    """What of the tick at work is written already."""

    def __init__(self, at: int, key: int) -> None:
        self.at = at
        self.key = key
        self.written: set[int] = set()
        self.answered: set[int] = set()


def open_store(
    paths: Paths, code_version: str, *, wall_s: int | None = None, beside: tuple[Path, ...] = (), more: Texts = dict
) -> "Store":
    """Open for writing; the caller holds the lock. `wall_s` names files set aside (now unless given).

    `beside`: files that go into each hourly copy, and `more` gives others by name (config.txt without its secrets).

    A missing, empty or damaged file is replaced by the newest good copy, else begun anew, and `load` says so. A disk
    that can't be written gives a store whose commits raise StoreTrouble. StoreError: the file is of a newer program or
    of another one.
    """
    return Store(paths, code_version, open_file(paths, wall_s), beside, more, wall_s)


_FAILURES = (sqlite3.Error, OSError, OverflowError, UnicodeError, StoreTrouble)


def _trouble(text: str) -> Reason:
    return Reason("store", "trouble", (("text", plain(text, 300)),))


class Store:
    """See the module. Not for threads; readers have functions of their own in `query`."""

    def __init__(
        self,
        paths: Paths,
        code_version: str,
        opened: Opened,
        beside: tuple[Path, ...] = (),
        more: Texts = dict,
        wall_s: int | None = None,
    ) -> None:
        self._paths, self._beside, self._more, self._wall_s = paths, beside, more, wall_s
        self._code = code_version
        self._db = opened.db
        self._opened = opened
        self._row: StateRow | None = None
        self._base = 0
        self._state: State | None = None
        self._config_sha = ""
        self._carry: Rows = dict(opened.rows)
        self._waiting: list[Event] = []
        self._unwritten: Spilled | None = None
        self._spilled = False
        self._answered: set[int] = set()
        self._tick: _Tick | None = None
        self._names = Names()
        self._anchor = opened.lost
        self._taken_over: Rows = {}  # the anchor that the first tick after another program's is decided again from
        self._blind = ""  # why the file could not be read: nothing is written over it then

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; what is not committed is not kept."""
        if self._db is not None:
            self._db.close()
            self._db = None

    # load

    def load(self, boot_id: str, config_sha: str) -> Loaded:
        """Give the book of the last tick, what people ask for, and what was wrong. Never raises for damaged files."""
        kept = self._kept()
        found = loaded(kept, self._paths, boot_id, config_sha)
        self._row, self._state = kept.row, found.book.state
        self._base = self._row.seq if self._row and kept.spilled is None else 0
        self._answered = set(kept.answered)
        self._config_sha = "" if found.config_changed or kept.row is None else config_sha
        if kept.row is not None and not found.lost and kept.code not in ("", self._code):
            self._config_sha = ""  # another program may make another policy of the same text
            self._taken_over = {"anchors": [(kept.row.tick_at, kept.row.body)]}
            found, text = inherited(found, kept.code)
            self._waiting += [Event("database", "info", "store", _trouble(text))] if text else []
        if kept.spilled is not None:
            self._carry = self._carry if self._spilled else merge(self._carry, kept.spilled.rows)
            self._base, self._spilled = kept.spilled.base, True
        elif kept.left is not None:
            self._carry = self._carry if self._spilled else merge(self._carry, kept.left)
            self._spilled = True
        self._anchor = self._anchor or found.lost
        self._tell_later(found)
        self._opened = Opened(self._db)
        return found

    def _kept(self) -> Kept:
        self._blind = ""
        try:
            kept = self._read_kept()
        except (sqlite3.Error, StoreTrouble) as error:
            kept = self._kept_again(trouble_of(error))
        trouble, lost = self._opened.trouble, self._opened.lost and kept.spilled is None
        # A copy is made in the middle of a tick: that its tick stands open there says nothing of how it ended.
        told = tuple(dict.fromkeys((*trouble, *kept.trouble)))  # who is locked out hears it at every door
        return kept._replace(trouble=told, lost=lost, ended=kept.ended or lost)

    def _kept_again(self, reason: StoreTrouble) -> Kept:
        """Give what is left when the file can't be read, or proved damaged while it was.

        What can't be read now may be read later: nothing is then written over it by this process.
        """
        if reason.kind != "corrupt" or self._db is None:
            self._blind = reason.text or reason.kind
            self._opened = Opened(self._db, (*self._opened.trouble, reason.text), lost=True)
            return self._without()
        self.close()
        try:
            self._opened = begin_again(self._paths, reason, None)
        except (sqlite3.Error, OSError, StoreTrouble) as error:
            self._blind, self._opened = reason.text, Opened(None, (reason.text, trouble_of(error).text), lost=True)
            return self._without()
        self._db, self._carry = self._opened.db, dict(self._opened.rows)
        return read_kept(self._db, self._paths)

    def _read_kept(self) -> Kept:
        if self._db is not None:
            return read_kept(self._db, self._paths)
        if not self._paths.db.exists():
            return self._without()
        with reading(self._paths.db) as db:
            return read_kept(db, self._paths)

    def _without(self) -> Kept:
        """What is left without a database: the answers in it are unknown, and nothing is done twice for that."""
        kept = read_kept(None, self._paths)
        once = done_once(self._paths, kept.answered, int(time.time()) if self._wall_s is None else self._wall_s)
        return kept._replace(answered=kept.answered | {one.id for one in once})

    def _tell_later(self, found: Loaded) -> None:
        severity = "emergency" if found.lost else "warning"
        self._waiting += [Event("database", severity, "store", _trouble(text)) for text in found.trouble]
        if found.book.died:
            died = Reason("store", "died", (("text", found.book.died),))
            self._waiting.append(Event("died", "warning", "tick", died))

    def requests(self) -> tuple[Request, ...]:
        """Give what people ask for and no decision of this tick has answered yet. Raises StoreTrouble."""
        return pending(self._paths, self._answered)

    # write

    def journal(self, tick: TickFacts, rounds: Sequence[Round], extra: Extra | None = None) -> None:
        """Commit the newest round's intent before anything is sent; `rounds` are this tick's so far.

        Raises StoreTrouble; `spill` is then the second best place.
        """
        newest = rounds[-1]
        self._unwritten = None
        with _packing():
            rows = self._rows(tick, rounds, extra or Extra(), None)
        self._put(tick, newest.number, newest.decision.state, newest.image, rows)

    def save(
        self, tick: TickFacts, rounds: Sequence[Round], book: Book, ended_wall_s: int, extra: Extra | None = None
    ) -> None:
        """Close the tick in one commit: state, rounds and answers not written yet, telemetry, the row of the tick.

        Raises StoreTrouble; `spill` is then the second best place.
        """
        newest = rounds[-1]
        image = book.image or newest.image
        self._unwritten = None
        with _packing():
            rows = self._rows(tick, rounds, extra or Extra(), ended_wall_s)
            if image.miners.ids:
                rows["telemetry"] = [(self._at(tick).key, *telemetry(image, tick.policy, book.state))]
        self._put(tick, newest.number, book.state, image, rows, closing_tick=book)
        self._tick = None

    def waiting(self) -> tuple[Message, ...]:
        """Give the messages of the commit that failed last, and of those before it that nothing has taken along."""
        rows = self._unwritten.rows if self._unwritten is not None else {}
        return tuple(Message(*row) for row in rows.get("outbox", ()))

    def spill(self) -> Path:
        """Write what could not be committed to the folder in memory. StoreTrouble: not even that worked."""
        if self._unwritten is None:
            raise StoreTrouble("rejected", "there is nothing that could be spilled")
        path = write_spill(self._paths.run, self._unwritten)
        self._spilled = True
        return path

    def _at(self, tick: TickFacts) -> _Tick:
        if self._tick is None or self._tick.at != tick.at:
            self._tick = _Tick(tick.at, free_key(self._db, tick.at))
        return self._tick

    def _rows(self, tick: TickFacts, rounds: Sequence[Round], extra: Extra, ended: int | None) -> Rows:
        """Give everything but the state that this commit adds."""
        at = self._at(tick)
        newest = rounds[-1]
        rows: Rows = {"events": [event_row(event, tick.at) for event in self._waiting]}
        for this in rounds:
            if this.number not in at.written:
                self._add_round(tick, at, this, rows)
            if this.outcomes and this.number not in at.answered:
                at.answered.add(this.number)
                answers = pack_answers(this.decision.commands, this.outcomes)
                rows.setdefault("answers", []).append((answers, record_id(at.key, this.number)))
        wall_s = newest.clock.wall_s if ended is None else ended
        rows["events"] += [event_row(event, wall_s) for event in extra.events]
        rows["outbox"] = [(one.key, one.level, plain_body(one.body), one.due_at) for one in extra.messages]
        figures = mine_row(at.key, newest.image, newest.decision, tick.policy)
        rows["mine_states"] = [(*figures, at.key, ended, newest.number + 1, tick.config_sha[:16], self._code)]
        rows |= self._taken_over
        if tick.config_sha != self._config_sha:
            policy, waits = pack_policy(tick.policy), "configs" in self._carry
            key = policy_key(None if waits else self._db, tick.config_sha, self._code, policy)
            rows["configs"] = [(key, tick.at, policy)]
            self._config_sha = tick.config_sha
        self._taken_over, self._waiting = {}, []
        return rows

    def _add_round(self, tick: TickFacts, at: _Tick, this: Round, rows: Rows) -> None:
        key = record_id(at.key, this.number)
        state_sha = sha(self._state) if this.number == 0 and self._state is not None else ""
        code = self._names.coder(self._db, rows)
        left_out = unread(tick.policy)
        rows.setdefault("records", []).append((key, pack_record(this, tick.facts, state_sha, code, left_out)))
        if this.decision.commands:
            rows.setdefault("commands", []).append((key, pack_commands(this.decision.commands)))
        rows["events"] += [event_row(event, this.clock.wall_s) for event in this.decision.events]
        verdicts = [(one.request, at.key, plain(one.verdict, 40), plain(one.why)) for one in this.decision.verdicts]
        rows.setdefault("verdicts", []).extend(verdicts)
        self._answered |= {one.request for one in this.decision.verdicts}
        at.written.add(this.number)

    def _put(
        self, tick: TickFacts, number: int, state: State, image: Image, rows: Rows, closing_tick: Book | None = None
    ) -> None:
        at = self._at(tick)
        kept = with_clock_facts(state, tick.facts)
        before = self._row
        hour_at = before.hour_at if before else 0
        left_hour = hour_at
        if closing_tick is not None:
            hour_at = at.key - at.key % HOUR_S
        new_hour = closing_tick is not None and hour_at != left_hour
        with _packing():
            body = pack_body(kept, image, tick.config_sha)
        row = StateRow(VERSION, (before.seq if before else self._first()) + 1, at.key, number, hour_at, body)
        waits = any(key - key % HOUR_S == hour_at for key, _ in self._carry.get("anchors", ()))  # by a tick before
        if closing_tick is not None and ((new_hour and not waits) or self._anchor):
            rows.setdefault("anchors", []).append((at.key, body))
        if new_hour and not waits:
            self._keep_hour(tick, rows)
        self._row, self._state = row, kept
        work = _Hour(left_hour, tick, closing_tick) if new_hour and closing_tick is not None else None
        self._commit(row, rows, work)
        if closing_tick is not None:
            self._anchor = False

    def _first(self) -> int:
        """What a database without a state counts on from: no copy that lies there may ever seem newer than its own."""
        return highest(self._paths.backups) if self._db is not None and not self._blind else 0

    def _keep_hour(self, tick: TickFacts, rows: Rows) -> None:
        """Copy the last committed state away, and see to the ballast; a failure is an event, never a stop."""
        ballast.ensure(self._paths.db)
        if self._db is None or self._base == 0:
            return
        try:
            keep_hour(self._db, self._paths.backups, tick.at, {**read_files(self._beside), **self._more()})
        except (sqlite3.Error, OSError) as error:
            reason = Reason("store", "backup_failed", (("text", trouble_of(error).text),))
            rows["events"].append(event_row(Event("backup_failed", "warning", "store", reason), tick.at))

    # commit

    def _commit(self, row: StateRow, rows: Rows, hour: "_Hour | None") -> None:
        rows = merge(self._carry, rows)
        try:
            if self._blind:
                raise StoreTrouble("locked", f"nothing is written over what could not be read: {self._blind}")
            self._write(row, rows, hour)
        except _FAILURES as error:
            trouble = trouble_of(error)
            try:
                rows = self._mended(trouble, row, rows)
                self._write(row, rows, hour, careful=trouble.kind == "rejected")
            except _FAILURES as second:
                left = row if hour is None else row._replace(hour_at=hour.left_at)  # the next commit rolls it up
                self._carry, self._unwritten = rows, Spilled(left, self._base, rows)
                raise trouble_of(second) from error
        self._carry, self._unwritten, self._base = {}, None, row.seq
        if rows.get("names"):
            self._names.forget()
        if self._spilled:
            clear_spill(self._paths.run)
            self._spilled = False

    def _write(self, row: StateRow, rows: Rows, hour: "_Hour | None", *, careful: bool = False) -> None:
        if self._db is None:
            self._db = connect(self._paths.db)
        with transaction(self._db):
            write_state(self._db, row)
            write_rows(self._db, rows, careful=careful)
            if hour is not None:
                hour.work(self._db)

    def _mended(self, trouble: StoreTrouble, row: StateRow, rows: Rows) -> Rows:
        """Do what can be done before another try, and give the rows for it. Raises what can't be mended."""
        if trouble.kind == "locked":
            raise trouble  # two seconds were waited already
        if trouble.kind in ("full", "io"):
            ballast.free(self._paths.db)
        self.close()
        return self._begin_again(trouble, row, rows) if trouble.kind == "corrupt" else rows

    def _begin_again(self, trouble: StoreTrouble, row: StateRow | None, rows: Rows) -> Rows:
        """Set the damaged file aside and go on with the newest copy; gives the rows the new file is to hold."""
        self.close()
        self._names.forget()
        self._opened = begin_again(self._paths, trouble, None)
        self._db, self._base, self._anchor = self._opened.db, 0, True
        told = [Event("database", "emergency", "store", _trouble(text)) for text in self._opened.trouble]
        at = row.tick_at if row else 0
        # Records count channels by the numbers of the old file, which the new one may not know.
        kept = {name: some for name, some in rows.items() if name not in ("records", "anchors")}
        return merge(merge(self._opened.rows, kept), {"events": [event_row(event, at) for event in told]})

    # outbox

    def letters_newest(self, most: int) -> tuple[Letter, ...]:
        """Give the newest messages, told and open, newest first. Raises StoreTrouble."""
        return self._letters(lambda db: all_letters(db, most))

    def letters_due(self, wall_s: int, most: int = 100) -> tuple[Letter, ...]:
        """Give the open messages whose time has come, the gravest first. Raises StoreTrouble."""
        return self._letters(lambda db: due_letters(db, wall_s, most))

    def _letters(self, found: Callable[[sqlite3.Connection], tuple[Letter, ...]]) -> tuple[Letter, ...]:
        try:
            if self._db is not None:
                return found(self._db)
            with reading(self._paths.db) as db:
                return found(db)
        except sqlite3.Error as error:
            raise trouble_of(error) from error

    def mark(self, marks: Sequence[Mark]) -> None:
        """Note what came of deliveries, in one commit. Raises StoreTrouble: they may then be told twice."""
        if not marks:
            return
        try:
            if self._db is None:
                self._db = connect(self._paths.db)
            with transaction(self._db):
                mark_letters(self._db, marks)
        except (sqlite3.Error, OSError) as error:
            raise trouble_of(error) from error


@contextmanager
def _packing() -> Iterator[None]:
    """Turn a value that JSON can't hold, a fault of the rule that made it, into trouble: the load can still go down."""
    try:
        yield
    except (TypeError, ValueError, RecursionError) as error:
        raise StoreTrouble("rejected", f"this tick can't be written down: {plain(str(error), 120)}") from error


def plain_body(body: str) -> str:
    """Give a message's text with its lines kept and no broken code points."""
    return body.encode("utf-8", "replace").decode().replace("\0", " ")


class _Hour(NamedTuple):
    """What the last tick of an hour leaves to the first of the next."""

    left_at: int
    tick: TickFacts
    book: Book

    def work(self, db: sqlite3.Connection) -> None:
        """Roll the hour up, bring `miners` up to date, drop what is past its time; inside the caller's transaction."""
        image = self.book.image
        if self.left_at:
            roll_hours(db, self.left_at, self.tick.at, self.tick.policy)
        if image is None:
            return
        update_miners(db, image.clock, self.book.state, image, self.tick.policy)
        clock = image.clock
        believed = clock.synced and not clock.stepped
        prune(db, clock.wall_s if believed else min(clock.wall_s, at_most_s(db, clock.plant_s)))
