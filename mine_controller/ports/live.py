"""The ports of a real tick: lock, clocks, devices in threads, store, page, log. Shadow mode withholds every command."""

import signal
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from mine_controller.config.model import Config
from mine_controller.core.columns import Readings, joined
from mine_controller.core.due import Asked
from mine_controller.core.freeze import published
from mine_controller.core.model.book import Book
from mine_controller.core.model.clock import Clock
from mine_controller.core.model.command import NOT_SENT, Command, Outcome
from mine_controller.core.model.image import Image
from mine_controller.core.model.reading import Reading
from mine_controller.ports.clock import REAL, Clocks, Sources, pretending
from mine_controller.ports.kept import is_due
from mine_controller.ports.log import Log
from mine_controller.ports.own import own, skips
from mine_controller.tick import Ports
from mine_controller.wire.door import Request, Response, Wire, WireError

if TYPE_CHECKING:
    from mine_controller.devices.kind import Reply
    from mine_controller.ports.journal import Journal as RealJournal
    from mine_controller.wire.names import Names

ASK_S = 20
ACT_S = 25
HARD_S = 88
TOLD_S = 102  # delivery and dead-man are over before the kill at 110 s
TELL_S = 15.0
PING_S = 5.0
LISTEN_S = 5.0
PAGE_EVERY_S = 10
STOP_LOOK_S = 1.0

OWN_FILES = ("machine", "prices_csv")  # kinds that read this machine's files

WireFor = Callable[[str, float], Wire]


class Live:
    """What the ports share during one tick."""

    def __init__(
        self,
        config: Config,
        *,
        wall_s: int | None = None,
        wire_for: WireFor | None = None,
        sources: Sources | None = None,
    ) -> None:
        self.config = config
        sources = sources or (REAL if wall_s is None else pretending(wall_s))
        self.clocks = Clocks(config.site.timezone, config.site.tick_s, sources)
        self.log = Log(config.paths.log, config.site.log_level)
        self.wire_for = wire_for or partial(live_wire, collect=config.paths.collect, names=self._names)
        self.known: dict[str, Names] = {}  # one, from when the first host is asked by its name
        self.shown_s = 0.0
        self.told_of = True  # a dry run shows nothing and tells nobody
        self.blamed: set[str] = set()

    # -- ask and act --------------------------------------------------------------------------------------------

    def ask(self, asked: tuple[Asked, ...], image: Image | None, clock: Clock) -> Readings:
        """Every endpoint asked, side by side, and the stop file."""
        from mine_controller.devices.ask import ask  # noqa: PLC0415 - imports requests with it

        mine = self._own(image, clock) if clock.opening else ()
        if clock.opening:
            self._begin()
        channels = {} if image is None else published(image.channels) if clock.rebooted else image.channels
        until = time.monotonic() + self._left_s(clock, ASK_S)
        ends, at = self.config.endpoints, self.clocks.plant_at
        ready = self._ready if self.told_of and clock.opening else None
        wires, odd = self.wire_for, self.strange if self.told_of else None
        read = (
            ask(
                asked, ends, channels, at, wires, until,
                wall_s=clock.wall_s, faults=self.blame, strange=odd, meanwhile=ready, counts=clock.opening,
            )
            if asked
            else ()
        )  # fmt: skip
        # The stop file last: somebody may have raised it while devices were thinking.
        return joined(mine, read, (self.stop_reading(),))

    def _own(self, image: Image | None, clock: Clock) -> tuple[Reading, ...]:
        """What the shell says of itself; who holds no lock leaves the count of skipped ticks to the next who does."""
        return (*own(self.config, clock.plant_s), *(skips(self.config, image, clock) if self.told_of else ()))

    def _ready(self) -> None:
        """What only the page needs is loaded while devices are thinking."""
        from mine_controller.ports.show import ready  # noqa: PLC0415 - see above

        self._harmless(ready, "loading the page's parts")

    def _begin(self) -> None:
        """The dead-man's start, beside the asking: control doesn't wait for it."""
        if self.told_of and self._has("deadman"):
            from mine_controller.ports.pulse import begin  # noqa: PLC0415 - only where there is a dead-man

            begin(self.config, time.monotonic() + PING_S)

    def _has(self, kind: str) -> bool:
        return any(title.partition(" ")[0] == kind for title in self.config.channels)

    def _left_s(self, clock: Clock, most_s: float) -> float:
        """No stage runs into the hard kill of the tick (110 s)."""
        return max(1.0, min(most_s, clock.began_s + HARD_S - self.clocks.plant_now_s()))

    def stop_reading(self) -> Reading:
        """The stop file as a reading: a level, seen at every round."""
        from mine_controller.store.stop import stop_requested  # noqa: PLC0415

        why = stop_requested(self.config.paths)
        return Reading("stop:switch", "on" if why is not None else "off", self.clocks.plant_now_s(), "")

    def act(self, commands: tuple[Command, ...], clock: Clock) -> tuple[Outcome, ...]:
        """Every command, a lane an endpoint. After a termination signal nothing new is sent."""
        if self.clocks.ended:
            return tuple(
                Outcome(command.id, NOT_SENT, "the tick is being ended", None, clock.plant_s) for command in commands
            )
        from mine_controller.devices.act import EVERY, act  # noqa: PLC0415

        withheld = () if self.config.site.live else EVERY
        until = time.monotonic() + self._left_s(clock, ACT_S)
        wire_for = self.wire_for if self.stop_reading().value == "on" else self._stoppable
        return act(commands, self.config.endpoints, withheld, self.clocks.plant_at, wire_for, until, faults=self.blame)

    def blame(self, section: str, where: str) -> None:
        """A fault of a driver's own, in the log, once a tick and device."""
        if section not in self.blamed:
            self.blamed.add(section)
            self.log.say(int(self.clocks.sources.wall_s()), "ERROR", "driver", device=section, where=where)

    def strange(self, section: str, replies: "Sequence[Reply]", why: str) -> str:
        """What came and could not be read, kept for the owner: where, for the end of the reason."""
        from mine_controller.ports.samples import sample  # noqa: PLC0415 - only where there is one

        kept: list[str] = []
        wall_s = int(self.clocks.sources.wall_s())
        self._harmless(
            lambda: kept.append(sample(self.config, section, replies, why, self.log, wall_s)), "keeping a sample"
        )
        return "".join(kept)

    def _names(self) -> "Names":
        """Where hosts answered last, by name (DNS1). Asked by several threads."""
        from mine_controller.wire.names import NAME, Names  # noqa: PLC0415 - plants have addresses, not names

        return self.known.get("") or self.known.setdefault(
            "", Names(self.config.paths.run / NAME, self.clocks.sources.wall_s)
        )

    def keep_names(self) -> None:
        """What is known of them, kept for the day nothing can be looked up."""
        for names in self.known.values():
            for line in names.keep():
                self.log.say(int(self.clocks.sources.wall_s()), "WARN", "names", text=line)

    def _stoppable(self, section: str, until: float) -> Wire:
        """A wire that sends nothing more once an emergency stop is asked for: the next round cuts at the outlets."""
        inner = self.wire_for(section, until)
        looked = [0.0]

        def call(request: Request, call_until: float) -> Response:
            if inner.now() - looked[0] >= STOP_LOOK_S:
                looked[0] = inner.now()
                if self.stop_reading().value == "on":
                    looked[0] = 0.0
                    raise WireError("unreachable", "an emergency stop was asked for")
            return inner.call(request, call_until)

        return inner._replace(call=call)

    # -- waiting ------------------------------------------------------------------------------------------------

    def wait(self, book: Book, until_s: int) -> None:
        """Sleep until plant time, with the page shown meanwhile; an emergency stop or a termination ends it."""
        if time.monotonic() - self.shown_s >= PAGE_EVERY_S:  # also without time to spare: CURTAILING must be seen
            self.show(book)
        stop_was = book.image is not None and book.image.site["stop"].value == "on"
        while not self.clocks.ended and self.clocks.plant_now_s() < until_s:
            if (self.stop_reading().value == "on") != stop_was:
                return
            time.sleep(min(1.0, max(0.05, until_s - self.clocks.plant_now_s())))

    # -- showing and telling ------------------------------------------------------------------------------------

    def show(self, book: Book) -> None:
        """The page. One that can't be drawn (the owner may have templates of his own) or written never stops control,
        and a tick that is late leaves it out (PRO6)."""
        self.shown_s = time.monotonic()
        late_s = self.clocks.plant_now_s() - book.image.clock.began_s if book.image is not None else 0
        if late_s > TOLD_S:
            self.log.say(int(time.time()), "WARN", "page", text=f"left out: this tick has taken {late_s} s already")
            return
        self._harmless(lambda: self._draw(book, slower=late_s <= HARD_S), "drawing the page")

    def _draw(self, book: Book, *, slower: bool) -> None:
        from mine_controller.ports.show import show  # noqa: PLC0415 - start-up is part of every tick

        try:
            show(self.config, book, slower=slower)
        except OSError as error:
            self.log.say(
                int(time.time()), "ERROR", "page", text=f"the page can't be written: {error.strerror or error}"
            )

    def tell(self, book: Book, journal: "RealJournal") -> None:
        """Deliver what is due in the outbox. Control is done: whatever goes wrong here is a line in the log."""
        if self.clocks.ended or book.image is None or not (journal.letters or journal.unsaved):
            return
        from mine_controller.ports.tell import tell  # noqa: PLC0415 - most ticks have nothing to tell

        now_s, until = int(self.clocks.sources.wall_s()), self._until(book.image.clock, TELL_S)
        self._reaching(lambda: tell(self.config, journal, self.log, now_s, until))

    def _harmless(self, work: Callable[[], None], what: str = "telling") -> None:
        """The tick is done and saved: not even a fault of ours in telling of it may change how it ends."""
        try:
            work()
        except Exception as error:  # noqa: BLE001 - see above; its text could hold a secret, its kind can't
            from mine_controller.devices._blame import where  # noqa: PLC0415 - only where something failed

            text = f"{what} failed: {type(error).__name__}"
            self.log.say(int(time.time()), "ERROR", "notify", text=text, where=where(error))

    def _reaching(self, work: Callable[[], None], what: str = "telling") -> None:
        """The same for what goes out through libraries that look names up themselves: also while that can't be done."""

        def reach() -> None:
            if not (hosts := self._judged()):
                return work()
            from mine_controller.wire.names import lent  # noqa: PLC0415 - only where somebody is told

            with lent(self._names(), hosts):
                return work()

        self._harmless(reach, what)

    def _judged(self) -> frozenset[str]:
        from mine_controller.notify.judged import hosts  # noqa: PLC0415 - only where somebody is told

        return hosts(self.config.channels)

    def _until(self, clock: Clock, most_s: float) -> float:
        """The end (monotonic) of what comes after control: never near the hard kill, a quarter of a fast tick."""
        left_s = clock.began_s + TOLD_S - self.clocks.plant_now_s()
        return time.monotonic() + max(1.0, min(most_s, max(3.0, clock.tick_s / 4), left_s))

    def ping(self, book: Book, journal: "RealJournal") -> None:
        """The dead-man, the permissive relay, Home Assistant, the chat; and the config that ran to a good end."""
        if book.image is not None and not self.clocks.ended:
            clock, now_s = book.image.clock, int(self.clocks.sources.wall_s())
            if self._has("deadman"):
                from mine_controller.ports.pulse import pulse  # noqa: PLC0415 - only where there is a dead-man

                until = self._until(clock, PING_S)
                self._reaching(lambda: pulse(self.config, book, journal, self.log, now_s, until))
            self._permit(book, journal)
            self._publish(book, clock, now_s)
            self._listen(book, clock, now_s)
        self.keep_config(book)
        self.keep_copies(book, journal)
        self._harmless(self.keep_names, "keeping names")

    def _permit(self, book: Book, journal: "RealJournal") -> None:
        """The relay that falls when good ticks stay away."""
        if self._has("permissive") and book.image is not None:
            from mine_controller.ports.permissive import permit  # noqa: PLC0415 - only where such a relay is wired

            until = self._until(book.image.clock, PING_S)
            self._harmless(
                lambda: permit(self.config, book, journal.unsaved, self.wire_for, self.log, until),
                "the permissive relay",
            )

    def _publish(self, book: Book, clock: Clock, now_s: int) -> None:
        """States for Home Assistant."""
        if self._has("homeassistant"):
            from mine_controller.ports.homeassistant import PUBLISH_S, tell_states  # noqa: PLC0415 - few sites have it

            until = self._until(clock, PUBLISH_S)
            self._harmless(lambda: tell_states(self.config, book, self.log, now_s, until), "telling Home Assistant")

    def _listen(self, book: Book, clock: Clock, now_s: int) -> None:
        """What people wrote to the bot; not in a tick that is late. Control is done by then: commands that are open (a
        climb has some for half an hour) are no reason to let a /stop wait."""
        if not self._has("telegram") or clock.began_s + TOLD_S - self.clocks.plant_now_s() < LISTEN_S:
            return
        from mine_controller.ports.listen import listen  # noqa: PLC0415 - only where there is a bot

        until = self._until(clock, LISTEN_S)
        self._reaching(lambda: listen(self.config, book, self.log, now_s, until), "listening")

    def keep_copies(self, book: Book, journal: "RealJournal") -> None:
        """Backups, once an hour, in what is left of the tick; a person, a stop or a signal ends it at once."""
        if book.image is None or journal.unsaved or self.clocks.ended:
            return
        clock = book.image.clock
        now_s = clock.wall_s - (clock.plant_s - clock.began_s)  # the tick's hour: by its beginning the store copies
        if not is_due(self.config.paths, now_s):
            return
        from mine_controller.ports.keeping import clear_inbox, keep, spare_until, watch  # noqa: PLC0415 - once an hour

        until = spare_until(clock.began_s + min(TOLD_S, clock.tick_s - 5) - self.clocks.plant_now_s())
        hurried = watch(self.config.paths, lambda: self.clocks.ended)
        self._harmless(lambda: keep(self.config, self.log, now_s, until, hurried), "keeping")
        if hosts := self._judged():
            from mine_controller.wire.names import renew  # noqa: PLC0415 - once an hour

            self._harmless(lambda: renew(self._names(), hosts, until, hurried), "looking names up")
        if clock.synced and not clock.stepped:
            self._harmless(lambda: clear_inbox(self.config, self.log, now_s), "letting old requests go")

    def keep_config(self, book: Book) -> None:
        """The config that ran to a good end is the last good one; a broken one is told every half hour."""
        if self.config.last_good:
            if book.image is not None and book.image.clock.wall_s % 1800 < self.config.site.tick_s:
                first = self.config.broken[0].told if self.config.broken else ""
                many = len(self.config.broken)
                self.log.say(book.image.clock.wall_s, "WARN", "config_broken", problems=many, first=first)
            return
        from mine_controller.config.lastgood import remember  # noqa: PLC0415

        try:
            remember(self.config)
        except OSError as error:
            self.log.say(
                int(time.time()), "WARN", "config", text=f"the last good config can't be kept: {error.strerror}"
            )


def live_wire(
    section: str, until: float, collect: Path | None = None, names: "Callable[[], Names] | None" = None
) -> Wire:
    """A wire on real sockets; for the controller itself, one on its own files. `collect`: where collect.db lies."""
    if section.partition(" ")[0] in OWN_FILES:
        from mine_controller.wire.local import live as own_files  # noqa: PLC0415 - few sites have that section

        return own_files(until)
    from mine_controller.wire.http import live  # noqa: PLC0415

    return live(until, section, collect, names)


def ports_of(live: Live, journal: "RealJournal | None" = None) -> Ports:
    """The ports of a live or shadow tick."""
    from mine_controller.ports.journal import Journal as RealJournal  # noqa: PLC0415
    from mine_controller.store.lock import TickLock  # noqa: PLC0415

    journal = journal or RealJournal(live.config, live.clocks, live.log)
    return Ports(
        lock=lambda: TickLock(live.config.paths.lock, anyhow=True),
        clock=live.clocks,
        ask=lambda asked, image, clock: joined(live.ask(asked, image, clock), journal.readings(image, clock)),
        act=live.act,
        store=journal,
        wait=live.wait,
        show=live.show,
        tell=lambda book: live.tell(book, journal),
        ping=lambda book: live.ping(book, journal),
    )


def end_on_signal(live: Live) -> None:
    """From now on SIGTERM ends the tick after what is under way: no new command, save, exit 70."""
    signal.signal(signal.SIGTERM, _ender(live.clocks))


def _ender(clocks: Clocks) -> Callable[[int, FrameType | None], None]:
    def end(number: int, frame: FrameType | None) -> None:
        del number, frame
        clocks.ended = True

    return end
