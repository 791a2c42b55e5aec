"""The store as the tick's journal: what can't be committed goes to tmpfs; failing that too, the tick may only lower.

Letters are made here from what each decision wants told, in the same transaction as the state that knows of it. What
is wrong with the database goes the other way: as a reading, so that `decide` raises it (of its disk: `ports/own.py`).
"""

import time
from collections.abc import Sequence

from mine_controller.config.kept import texts
from mine_controller.config.model import Config
from mine_controller.core.alarms.catalogue import ways_of
from mine_controller.core.model.book import Book
from mine_controller.core.model.clock import Clock
from mine_controller.core.model.image import Image, Request
from mine_controller.core.model.reading import Reading
from mine_controller.core.model.reason import Event, Reason
from mine_controller.core.model.round import Round
from mine_controller.notify.message import is_called
from mine_controller.ports.clock import Clocks
from mine_controller.ports.code import deciding
from mine_controller.ports.letters import letter, of_event, sum_of
from mine_controller.ports.log import Log
from mine_controller.ports.unsaved import forget, marks
from mine_controller.ports.untold import TOLD, untold
from mine_controller.store.db import StoreTrouble
from mine_controller.store.history import TickFacts
from mine_controller.store.outbox import EMERGENCY, Letter, Mark, Message
from mine_controller.store.spill import NAME as SPILL
from mine_controller.store.state import ClockFacts
from mine_controller.store.store import Extra, Store, open_store

LETTERS_MOST = 2000
LETTERS_LOOKED = 60  # the newest, of two days and more with an hourly word
EVER_S = 10**10
CHANNEL_DEAD = "channel_dead"


class Journal:
    """The tick's store. Raises nothing for a disk that can't be written: control goes on and says so."""

    def __init__(self, config: Config, clocks: Clocks, log: Log) -> None:
        self.config, self.clocks, self.log = config, clocks, log
        self.store: Store | None = None
        self.rounds: tuple[Round, ...] = ()
        self.told: set[int] = set()
        self.trouble: list[str] = []
        self.unsaved = ""  # why the last tick is not in the database
        self.grave: tuple[Message, ...] = ()  # the emergencies that are in no database then, of this tick and before
        self.letters: tuple[Letter, ...] = ()  # what is not told yet, when the last save found some of it due
        self.untold: tuple[Letter, ...] = ()  # every message of the outbox that no channel has taken yet
        self.sore = ""  # what is wrong with the database
        self.died = ""  # a tick before that did not end
        self.dead: frozenset[str] = frozenset()  # channels whose alarm stands: a boot may have taken their readings

    def load(self) -> Book:
        """The last book; after a loss what is measured is adopted as after a boot."""
        spilled = (self.config.paths.run / SPILL).exists()
        self.store = open_store(
            self.config.paths,
            deciding(self.config.paths.run),
            beside=self.config.paths.beside,
            more=lambda: texts(self.config),
        )
        found = self.store.load(self.clocks.sources.boot_id(), self.config.sha)
        for text in found.trouble:
            self.log.say(int(time.time()), "ERROR", "database", text=text)
        book = found.book
        self.died = book.died
        alarms = book.state.alarms.values()
        self.dead = frozenset(str(alarm.get("about")) for alarm in alarms if alarm.get("kind") == CHANNEL_DEAD)
        if (found.lost and found.trouble) or spilled:
            self.sore = "; ".join(found.trouble) or "the last tick could not be written down"
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

    def readings(self, image: Image | None, clock: Clock) -> tuple[Reading, ...]:
        """The store's and the outbox's health, like that of any endpoint; nothing while all is as it was: well."""
        found = {"store": self.sore, "messages": self._untold(clock), **self._channels(clock)}
        out = []
        for name, wrong in found.items():
            was = image.channels.get(f"{name}:health") if image is not None else None
            was_wrong = name in self.dead if was is None else was.value is None
            if wrong or (wrong is not None and was_wrong):
                out.append(Reading(f"{name}:health", None if wrong else "ok", clock.plant_s, wrong))
        return tuple(out)

    def _untold(self, clock: Clock) -> str | None:
        """What has reached nobody for long, for the lamp at the site; None: there is none, or it can't be told now."""
        if not self.config.policy.wiring.lamp or not clock.opening or self.store is None:
            return None
        if not self.config.channels:
            return ""
        try:
            return untold(self.store.letters_due(EVER_S, LETTERS_MOST), clock.wall_s)
        except StoreTrouble:
            return None  # an emergency of its own

    def _channels(self, clock: Clock) -> dict[str, str]:
        """Why each channel that was tried of late is taken for dead, "" where it is not."""
        titles = self.config.policy.alarms.channels
        if not titles or not clock.opening or self.store is None:
            return {}
        from mine_controller.ports.channels import health, tried  # noqa: PLC0415 - only where somebody is told

        try:
            letters = (*tried(self.config.paths.run), *self.store.letters_newest(LETTERS_LOOKED))
        except StoreTrouble:
            return {}  # an emergency of its own
        return health(letters, titles, sum_of(self.config), clock.wall_s) if letters else {}

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
        self.rounds, self.unsaved, self.grave, self.letters, self.untold = rounds, "", (), (), ()
        for this in rounds:
            self.log.events(this.clock.wall_s, rounds[0].clock.wall_s, this.decision.events)
            self.log.details(this.clock.wall_s, rounds[0].clock.wall_s, this)
        if self.store is None:
            return
        try:
            extra = self._extra()
            extra = extra._replace(messages=(*extra.messages, *self._regular(book)))
            self.store.save(self._facts(rounds[-1]), rounds, book, int(self.clocks.sources.wall_s()), extra)
            if self.config.channels:
                self.letters = self._letters()
        except StoreTrouble as trouble:
            self.unsaved, self.grave = str(trouble), self._grave(self.store.waiting())
            self._second_best(trouble)
        finally:
            self.rounds = ()
            self.store.close()

    def _regular(self, book: Book) -> tuple[Message, ...]:
        """Letters that the clock asks for. A fault in making one must not cost the tick its record."""
        if not self.config.channels:
            return ()
        from mine_controller.ports.heartbeat import regular  # noqa: PLC0415 - only where somebody is told

        try:
            return regular(self.config, book, self.rounds[0].clock)
        except Exception as error:  # noqa: BLE001 - see above; the dead-man's silence is not at stake, only a message
            self.log.say(int(time.time()), "ERROR", "notify", text=f"no heartbeat: {type(error).__name__}")
            return ()

    def _letters(self) -> tuple[Letter, ...]:
        """Every message not told yet when one of them is due or waits for nothing any more, else none."""
        if self.store is None:
            return ()
        letters, now_s = self.store.letters_due(EVER_S, LETTERS_MOST), int(self.clocks.sources.wall_s())
        if (past := marks(self.config.paths.run, letters)) is not None:
            self.store.mark(past)
            forget(self.config.paths.run)
            letters = self.store.letters_due(EVER_S, LETTERS_MOST)
        self.untold = letters
        known = sum_of(self.config) if letters else ""
        called = any(is_called(one.due_at, one.tries[-1] if one.tries else {}, known, now_s) for one in letters)
        return letters if called else ()

    def _grave(self, waiting: tuple[Message, ...]) -> tuple[Message, ...]:
        """The emergencies among what no commit has taken; those of this tick also where nothing could be packed."""
        own = [letter(told, self.config, this.clock) for this in self.rounds for told in this.decision.tellings]
        every = {message.key: message for message in (*waiting, *own)}
        return tuple(message for message in every.values() if message.level >= EMERGENCY)

    def mark(self, noted: Sequence[Mark]) -> None:
        """Keep what came of a delivery; what can't be kept is told again."""
        if self.store is None or not noted:
            return
        done = {mark.id for mark in noted if mark.told_at is not None or TOLD in mark.note.values()}
        self.untold = tuple(letter for letter in self.untold if letter.id not in done)
        try:
            self.store.mark(noted)
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
        text = self.sore = str(trouble)
        if text not in self.trouble:
            self.trouble.append(text)
            self.log.say(int(time.time()), "ERROR", "database", trouble=trouble.kind, text=text)

    def _facts(self, this: Round) -> TickFacts:
        clock = this.clock
        clocks = ClockFacts(clock.plant_s, clock.boot_id, clock.boot_s, clock.wall_s)
        return TickFacts(self.rounds[0].clock.wall_s, self.config.sha, self.config.policy, clocks)

    def _extra(self) -> Extra:
        """Letters of the rounds not told yet; this tick's trouble as lines of the log: its alarm is `decide`'s."""
        messages: list[Message] = []
        for this in self.rounds:
            if this.number not in self.told:
                self.told.add(this.number)
                messages += [letter(telling, self.config, this.clock) for telling in this.decision.tellings]
        if self.died and self.rounds and ways_of(self.config.policy.alarms, "died").on:
            event = Event("died", "warning", "tick", Reason("store", "died", (("text", self.died),)))
            messages.append(of_event(event, f"died.{self.died}", self.config, self.rounds[0].clock))
        own = tuple(
            Event("database", "emergency", "store", Reason("store", "trouble", (("text", text),)))
            for text in self.trouble
        )
        self.trouble, self.died = [], ""
        return Extra(own, tuple(messages))
