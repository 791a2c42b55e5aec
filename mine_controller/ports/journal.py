"""The store as the tick's journal: what can't be committed goes to tmpfs; failing that too, the tick may only lower.

Messages are made here from events that are warnings or worse, in the same transaction as the state they tell of.
"""

import json
import time
from collections.abc import Iterable, Sequence

from mine_controller import __version__
from mine_controller.config.model import Config
from mine_controller.core.model.book import Book
from mine_controller.core.model.image import Request
from mine_controller.core.model.reason import Event, Reason
from mine_controller.core.model.round import Round
from mine_controller.core.words import sentence
from mine_controller.notify.message import is_due
from mine_controller.ports.clock import Clocks
from mine_controller.ports.log import Log
from mine_controller.store.db import StoreTrouble
from mine_controller.store.history import TickFacts
from mine_controller.store.outbox import EMERGENCY, INFO, WARNING, Letter, Mark, Message
from mine_controller.store.state import ClockFacts
from mine_controller.store.store import Extra, Store, open_store

LEVEL = {"info": INFO, "warning": WARNING, "emergency": EMERGENCY}
QUIET = frozenset({"request", "miner_on_unasked", "miner_off_unasked", "mode", "restarted", "curtail_long"})
OVERLAP_S = 110
LETTERS_MOST = 2000
EVER_S = 10**10


class Journal:
    """The tick's store. Raises nothing for a disk that can't be written: control goes on and says so."""

    def __init__(self, config: Config, clocks: Clocks, log: Log) -> None:
        self.config, self.clocks, self.log = config, clocks, log
        self.store: Store | None = None
        self.rounds: tuple[Round, ...] = ()
        self.told: set[int] = set()
        self.trouble: list[str] = []
        self.unsaved = ""  # why the last tick is not in the database
        self.letters: tuple[Letter, ...] = ()  # what is not told yet, when the last save found some of it due

    def load(self) -> Book:
        """The last book; after a loss what is measured is adopted as after a boot."""
        self.store = open_store(self.config.paths, __version__)
        found = self.store.load(self.clocks.sources.boot_id(), self.config.sha)
        for text in found.trouble:
            self.log.say(int(time.time()), "ERROR", "database", text=text)
        book = found.book
        if found.lost:
            memory = {name: kept for name, kept in book.state.memory.items() if name != "boot"}
            book = book._replace(state=book.state._replace(memory=memory))
        return book._replace(requests=())

    def requests(self) -> tuple[Request, ...]:
        """What people asked for since; an unreadable inbox is told and asks nothing."""
        if self.store is None:
            return ()
        try:
            return self.store.requests()
        except StoreTrouble as trouble:
            self._say(trouble)
            return ()

    def journal(self, rounds: tuple[Round, ...]) -> bool:
        """Commit the intent; on tmpfs if need be. False: nowhere."""
        self.rounds = rounds
        if self.store is None:
            return False
        try:
            self.store.journal(self._facts(rounds[-1]), rounds, self._extra())
        except StoreTrouble as trouble:
            return self._second_best(trouble)
        return True

    def save(self, book: Book, rounds: tuple[Round, ...]) -> None:
        """Close the tick, write the log, close the file."""
        self.rounds, self.unsaved, self.letters = rounds, "", ()
        for this in rounds:
            self.log.events(this.clock.wall_s, rounds[0].clock.wall_s, this.decision.events)
        if self.store is None:
            return
        try:
            self.store.save(self._facts(rounds[-1]), rounds, book, int(self.clocks.sources.wall_s()), self._extra())
            if self.config.channels:
                self.letters = self._letters()
        except StoreTrouble as trouble:
            self.unsaved = str(trouble)
            self._second_best(trouble)
        finally:
            self.store.close()

    def _letters(self) -> tuple[Letter, ...]:
        """Every message not told yet when one of them is due, else none."""
        if self.store is None:
            return ()
        letters, now_s = self.store.letters_due(EVER_S, LETTERS_MOST), int(self.clocks.sources.wall_s())
        return letters if any(is_due(letter.due_at, now_s) for letter in letters) else ()

    def mark(self, marks: Sequence[Mark]) -> None:
        """Keep what came of a delivery; what can't be kept is told again."""
        if self.store is None or not marks:
            return
        try:
            self.store.mark(marks)
        except StoreTrouble as trouble:
            self._say(trouble)
        finally:
            self.store.close()

    def _second_best(self, trouble: StoreTrouble) -> bool:
        self._say(trouble)
        if self.store is None:
            return False
        try:
            self.store.spill()
        except StoreTrouble as worse:
            self._say(worse)
            return False
        return True

    def _say(self, trouble: StoreTrouble) -> None:
        text = str(trouble)
        if text not in self.trouble:
            self.trouble.append(text)
            self.log.say(int(time.time()), "ERROR", "database", trouble=trouble.kind, text=text)

    def _facts(self, this: Round) -> TickFacts:
        clock = this.clock
        clocks = ClockFacts(clock.plant_s, clock.boot_id, clock.boot_s, clock.wall_s)
        return TickFacts(self.rounds[0].clock.wall_s, self.config.sha, self.config.policy, clocks)

    def _extra(self) -> Extra:
        """Messages of the rounds not told yet, the trouble of this tick among them."""
        messages: list[Message] = []
        for this in self.rounds:
            if this.number not in self.told:
                self.told.add(this.number)
                messages += self._messages(this, this.decision.events)
        own = tuple(
            Event("database", "emergency", "store", Reason("store", "trouble", (("text", text),)))
            for text in self.trouble
        )
        self.trouble = [] if self.trouble else self.trouble
        if own and self.rounds:
            messages += self._messages(self.rounds[-1], own)
        return Extra(own, tuple(messages))

    def _messages(self, this: Round, events: Iterable[Event]) -> list[Message]:
        out = []
        for at, event in enumerate(events):
            if event.severity == "info" or event.kind in QUIET:
                continue
            key = f"{this.clock.wall_s}.{this.number}.{event.kind}.{at}"
            if event.kind == "database":  # lasting trouble would be new in every tick: once an hour is enough
                key = f"{event.kind}.{this.clock.wall_s // 3600}.{sentence(event.reason)[:60]}"
            body = {"site": self.config.site.name, "kind": event.kind, "severity": event.severity, "about": event.about}
            body |= {
                "at": str(this.clock.wall_s),
                "text": sentence(event.reason),
                "shadow": "" if self.config.site.live else "yes",
            }
            out.append(Message(key, LEVEL[event.severity], json.dumps(body, ensure_ascii=False), this.clock.wall_s))
        return out
