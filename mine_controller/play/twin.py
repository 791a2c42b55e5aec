"""Ports of a tick on the twin without sockets: the same drivers, the same store, virtual time."""

from mine_controller.config.model import Config
from mine_controller.core.columns import Readings, joined
from mine_controller.core.due import Asked
from mine_controller.core.freeze import published
from mine_controller.core.model.book import Book
from mine_controller.core.model.clock import Clock
from mine_controller.core.model.command import Command, Outcome
from mine_controller.core.model.image import Image, Request
from mine_controller.core.model.round import Round
from mine_controller.core.model.state import State
from mine_controller.core.settle import settle
from mine_controller.devices.act import act
from mine_controller.devices.ask import ask
from mine_controller.play.audit import Record, Violation, audit
from mine_controller.ports.clock import Sources
from mine_controller.ports.journal import Journal
from mine_controller.ports.live import ACT_S, ASK_S, Live
from mine_controller.store.inbox import file_request
from mine_controller.twin.direct import Direct
from mine_controller.twin.site import Person, Site
from mine_controller.wire.door import Wire

BOOT_ID = "twin"


class Virtual(Live):
    """A tick's ports whose time is the world's: lanes run side by side in virtual seconds, nothing waits."""

    def __init__(self, config: Config, site: Site) -> None:
        self.site, self.direct = site, Direct(site)
        self.now_s = float(site.plant.now_s)
        start_s = site.plant.start_wall_s
        sources = Sources(lambda: self.now_s, lambda: start_s + self.now_s, lambda: BOOT_ID, lambda: True)
        super().__init__(config, sources=sources)

    def plant_at(self, lane_s: float) -> int:
        """Plant time at a moment of a lane's clock."""
        return int(lane_s) + self.clocks.offset_s

    def _wire(self, section: str, until: float) -> Wire:
        del section
        return self.direct.lane(self.now_s, until)

    def ask(self, asked: tuple[Asked, ...], image: Image | None, clock: Clock) -> Readings:
        """Every lane begins now; the stage ends when the slowest has."""
        channels = {} if image is None else published(image.channels) if clock.rebooted else image.channels
        until = self.now_s + self._left_s(clock, ASK_S)
        ends = self.config.endpoints
        read = ask(
            asked, ends, channels, self.plant_at, self._wire, until,
            threads=False, wall_s=clock.wall_s, counts=clock.opening,
        )  # fmt: skip
        self._pass()
        return joined((self.stop_reading(),), read)

    def act(self, commands: tuple[Command, ...], clock: Clock) -> tuple[Outcome, ...]:
        """Commands take effect at the second their lane sent them."""
        until = self.now_s + self._left_s(clock, ACT_S)
        outcomes = act(commands, self.config.endpoints, (), self.plant_at, self._wire, until, threads=False)
        self._pass()
        return outcomes

    def _pass(self) -> None:
        self.now_s = max(self.now_s, self.direct.end_of_lanes)

    def wait(self, book: Book, until_s: int) -> None:
        """Time passes at once."""
        del book
        self.now_s = max(self.now_s, float(until_s - self.clocks.offset_s))

    def until_next(self, began_s: float) -> None:
        """To the beginning of the next tick."""
        self.now_s = max(self.now_s, began_s + self.config.site.tick_s)
        self.site.advance(self.now_s)

    def show(self, book: Book) -> None:
        """History draws no page; the live part does."""

    def tell(self, book: Book, journal: Journal) -> None:
        """History is told to nobody."""

    def ping(self, book: Book, journal: Journal) -> None:
        """The dead-man is for real time."""
        del journal
        self.keep_config(book)


class Audited(Journal):
    """The journal of a demo: keeps the rounds of the tick and what the guards say of them."""

    def __init__(self, live: Virtual, *, guard: bool = True) -> None:
        super().__init__(live.config, live.clocks, live.log)
        self.guard, self.site = guard, live.site
        self.violations: list[Violation] = []
        self.ticks: list[tuple[Round, ...]] = []
        self.before = State()

    def load(self) -> Book:
        """The last book, remembered as what this tick's first decision is judged against."""
        book = super().load()
        self.before = book.state
        self.told.clear()
        return book

    def requests(self) -> tuple[Request, ...]:
        """What people asked for, those of the story among them."""
        for person in self.site.fetch_wishes():
            file_wish(self.config, self.site, person)
        return super().requests()

    def save(self, book: Book, rounds: tuple[Round, ...]) -> None:
        """Check, then close the tick."""
        state = self.before
        for this in rounds:
            if self.guard:
                self.violations += audit(Record(this.image, state, this.decision, self.config.policy))
            state = settle(this.decision.state, this.decision.commands, this.outcomes, this.clock.plant_s)
        self.ticks.append(rounds)
        super().save(book, rounds)


class Remembered(Audited):
    """Its book stays in memory, and the guards that decide anew see a tick in ten: for weeks, a third of the time."""

    def __init__(self, live: Virtual, book: Book | None = None) -> None:
        super().__init__(live)
        self.book = book or Book(State())

    def load(self) -> Book:
        """The last book, as it is."""
        self.before = self.book.state
        return self.book

    def requests(self) -> tuple[Request, ...]:
        """Nobody asks for anything."""
        return ()

    def journal(self, rounds: tuple[Round, ...]) -> bool:
        """No file."""
        self.rounds = rounds
        return True

    def save(self, book: Book, rounds: tuple[Round, ...]) -> None:
        """Check, and keep the book."""
        state, again = self.before, rounds[0].clock.plant_s // self.config.site.tick_s % 10 == 0
        for this in rounds:
            record = Record(this.image, state, this.decision, self.config.policy)
            self.violations += audit(record, again=again)
            state = settle(this.decision.state, this.decision.commands, this.outcomes, this.clock.plant_s)
        self.ticks.append(rounds)
        self.book = book._replace(requests=())


def file_wish(config: Config, site: Site, person: Person) -> None:
    """What somebody in the story typed, where it goes when a real person types it."""
    at = site.plant.start_wall_s + int(person.at_s)
    clear = person.value == "clear"
    verb, args = ("clear-state", (person.key,)) if clear else ("set-state", (person.key, person.value))
    key = f"story {at} {person.key} {person.value}"
    file_request(config.paths, "cli", "household", -1, "", verb, args, "as the story tells", key=key, at=at)
