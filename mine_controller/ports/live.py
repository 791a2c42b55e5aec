"""The ports of a real tick: lock, clocks, devices in threads, store, page, log. Shadow mode withholds every command."""

import signal
import time
from collections.abc import Callable
from types import FrameType

from mine_controller.config.model import Config
from mine_controller.core.due import Asked
from mine_controller.core.model.book import Book
from mine_controller.core.model.clock import Clock
from mine_controller.core.model.command import NOT_SENT, Command, Outcome
from mine_controller.core.model.image import Image
from mine_controller.core.model.reading import Reading
from mine_controller.ports.clock import REAL, Clocks, Sources, pretending
from mine_controller.ports.log import Log
from mine_controller.tick import Journal, Ports
from mine_controller.wire.door import Wire

ASK_S = 20
ACT_S = 25
HARD_S = 88
PAGE_EVERY_S = 10

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
        self.wire_for = wire_for or live_wire
        self.shown_s = 0.0

    # -- ask and act --------------------------------------------------------------------------------------------

    def ask(self, asked: tuple[Asked, ...], image: Image | None, clock: Clock) -> tuple[Reading, ...]:
        """Every endpoint asked, side by side, and the stop file."""
        from mine_controller.devices.ask import ask  # noqa: PLC0415 - imports requests with it

        channels = image.channels if image is not None and not clock.rebooted else {}
        until = time.monotonic() + self._left_s(clock, ASK_S)
        read = ask(asked, self.config.endpoints, channels, self.clocks.plant_at, self.wire_for, until) if asked else ()
        return (self.stop_reading(), *read)

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
        return act(commands, self.config.endpoints, withheld, self.clocks.plant_at, self.wire_for, until)

    # -- waiting ------------------------------------------------------------------------------------------------

    def wait(self, book: Book, until_s: int) -> None:
        """Sleep until plant time, with the page shown meanwhile; an emergency stop or a termination ends it."""
        if time.monotonic() - self.shown_s >= PAGE_EVERY_S and until_s - self.clocks.plant_now_s() > 1:
            self.show(book)
        stop_was = book.image is not None and book.image.site["stop"].value == "on"
        while not self.clocks.ended and self.clocks.plant_now_s() < until_s:
            if (self.stop_reading().value == "on") != stop_was:
                return
            time.sleep(min(1.0, max(0.05, until_s - self.clocks.plant_now_s())))

    # -- showing and telling ------------------------------------------------------------------------------------

    def show(self, book: Book) -> None:
        """The page. A page that can't be written never stops control; the log says so."""
        from mine_controller.ports.show import show  # noqa: PLC0415

        self.shown_s = time.monotonic()
        try:
            show(self.config, book)
        except OSError as error:
            self.log.say(
                int(time.time()), "ERROR", "page", text=f"the page can't be written: {error.strerror or error}"
            )

    def tell(self, book: Book) -> None:
        """Nothing to deliver yet beyond the log: messages lie in the outbox, committed with the state."""

    def ping(self, book: Book) -> None:
        """The config that ran to a good end is the last good one; a broken one is told every half hour."""
        if self.config.last_good:
            if book.image is not None and book.image.clock.wall_s % 1800 < self.config.site.tick_s:
                first = self.config.broken[0].text if self.config.broken else ""
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


def live_wire(section: str, until: float) -> Wire:
    """A wire on real sockets."""
    from mine_controller.wire.http import live  # noqa: PLC0415

    del section
    return live(until)


def ports_of(live: Live, journal: Journal | None = None) -> Ports:
    """The ports of a live or shadow tick."""
    from mine_controller.ports.journal import Journal as RealJournal  # noqa: PLC0415
    from mine_controller.store.lock import TickLock  # noqa: PLC0415

    journal = journal or RealJournal(live.config, live.clocks, live.log)
    return Ports(
        lock=lambda: TickLock(live.config.paths.lock),
        clock=live.clocks,
        ask=live.ask,
        act=live.act,
        store=journal,
        wait=live.wait,
        show=live.show,
        tell=live.tell,
        ping=live.ping,
    )


def end_on_signal(live: Live) -> None:
    """From now on SIGTERM ends the tick after what is under way: no new command, save, exit 70."""
    signal.signal(signal.SIGTERM, _ender(live.clocks))


def _ender(clocks: Clocks) -> Callable[[int, FrameType | None], None]:
    def end(number: int, frame: FrameType | None) -> None:
        del number, frame
        clocks.ended = True

    return end
