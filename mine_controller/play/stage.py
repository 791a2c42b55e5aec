"""A twin site under its controller, tick by tick: everything that can go wrong at hand, and the truth written down.

A `Stage` runs real drivers and the real tick in virtual time. Its journal lives in memory and keeps what a disk would
have kept; kills, reboots, power cuts, clock steps and disks that take nothing are a word away: `do("kill 7")`,
`do("clock -7200")`, `do("power_cut 300")`, `do("ask set-state miners stop")`, or any word of a story.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, NoReturn, TypeVar

from mine_controller.config.model import Config
from mine_controller.core.columns import Readings
from mine_controller.core.model.book import Book
from mine_controller.core.model.clock import Clock
from mine_controller.core.model.command import Command, Outcome
from mine_controller.core.model.image import Request
from mine_controller.core.model.reading import Reading
from mine_controller.core.model.round import Round
from mine_controller.core.model.state import State
from mine_controller.core.settle import settle
from mine_controller.play.audit import Record, audit
from mine_controller.play.deadman import alarms
from mine_controller.play.lasting import BUSY, judge
from mine_controller.play.outcomes import History, Sample, Second, Ticked, Told
from mine_controller.play.places import Wish
from mine_controller.play.truth import Sampler, facts
from mine_controller.play.twin import Virtual
from mine_controller.play.weak import touches
from mine_controller.ports.clock import Clocks, Sources
from mine_controller.store import lock
from mine_controller.tick import Ports, tick
from mine_controller.twin import agile, coop
from mine_controller.twin.site import Site
from mine_controller.twin.story import GRAMMAR, Step
from mine_controller.twin.world import Action

TOUCHING: Final = ("miner", "outlet", "mains", "phase")  # words that may start miners by themselves
MOST_KEPT: Final = 100  # violations; a story that goes wrong goes wrong every tick
T = TypeVar("T")


class Killed(BaseException):
    """The process dies here; nothing may catch it."""


class Stage(Virtual):
    """`history` is the truth so far, `found` what guards and outcomes say of it. `again`: guards decide anew too."""

    rounds: tuple[Round, ...]  # of the tick under way, or of the last one

    def __init__(self, config: Config, site: Site, *, again: bool = False) -> None:
        self.sampler = Sampler(site)
        site.plant = self.sampler
        super().__init__(config, site)
        if isinstance(site, coop.Site):
            site.world.cap_w = float(config.policy.site.power_cap_w)
        self.again = again
        self.book = Book(State())
        self.requests_: list[Request] = []
        self.taken: tuple[Request, ...] = ()  # by a tick that has not written them down yet
        self.asked = 0
        self.wishes: list[Wish] = []
        self.booted_s, self.boots, self.wall_ahead_s = 0.0, 1, 0
        self.disk = "ok"
        self.stop = self.upset = False
        self.vouched_s = 1e12  # from when on a person answers for the signal, against the page or in its place
        self.second_begins = False
        self.seconds: list[Second] = []
        self.calls = 0
        self.kill_at = -1
        self.ticks: list[Ticked] = []
        self.touched: list[float] = []
        self.missed: list[float] = []
        self.unkept: list[float] = []
        self.pings: list[float] = []
        self.guarded: list[tuple[str, str]] = []
        self.before, self.judged = State(), 0
        self._clocks()

    # -- the ports ------------------------------------------------------------------------------------------------

    def _clocks(self) -> None:
        """A process of its own for each tick reads its boot anew."""
        start_s, boot = self.site.plant.start_wall_s, f"twin {self.boots}"
        sources = Sources(
            lambda: self.now_s - self.booted_s,
            lambda: start_s + self.now_s + self.wall_ahead_s,
            lambda: boot,
            lambda: True,
        )
        self.clocks = Clocks(self.config.site.timezone, self.config.site.tick_s, sources)
        self.calls, self.rounds = 0, ()

    def plant_at(self, lane_s: float) -> int:
        """Plant time at a moment of a lane's clock."""
        return int(lane_s - self.booted_s) + self.clocks.offset_s

    def wait(self, book: Book, until_s: int) -> None:
        """Time passes at once."""
        del book
        self.now_s = max(self.now_s, float(until_s - self.clocks.offset_s) + self.booted_s)

    def stop_reading(self) -> Reading:
        """The level of an emergency stop."""
        return Reading("stop:switch", "on" if self.stop else "off", self.clocks.plant_now_s(), "")

    def act(self, commands: tuple[Command, ...], clock: Clock) -> tuple[Outcome, ...]:
        """Send; what is sent without its intent written down is a violation of G8."""
        kept = {chase.command for chase in self.book.state.chases.values()}
        kept |= {errand.command for errand in self.book.state.errands}
        if self.disk != "dead" and any(command.id not in kept for command in commands):
            self._blame("G8", "a command is sent before its intent is written down")
        return super().act(commands, clock)

    def _dies(self) -> None:
        self.calls += 1
        if self.calls == self.kill_at:
            raise Killed

    def _both(self, port: Callable[..., T]) -> Callable[..., T]:
        """The port with a place to die before and after it."""

        def call(*given: Any) -> T:
            self._dies()
            found = port(*given)
            self._dies()
            return found

        return call

    @contextmanager
    def _lock(self) -> Iterator[None]:
        self._dies()
        if not self.second_begins:
            yield
            return
        with lock.TickLock(self.config.paths.lock):
            yield

    def _asked(self, *given: Any) -> Readings:
        """While one tick reads, another may be begun beside it: it must find the door shut."""
        if self.second_begins:
            self.second_begins = False
            try:
                with lock.TickLock(self.config.paths.lock):
                    self.seconds.append(Second(self.now_s, 0, len(self.site.served)))
            except lock.Busy:
                self.seconds.append(Second(self.now_s, BUSY, 0))
        return self.ask(*given)

    def _ports(self) -> Ports:
        return Ports(
            lock=self._lock,
            clock=self._both(self.clocks),
            ask=self._both(self._asked),
            act=self._both(self.act),
            store=self,
            wait=self._both(self.wait),
            show=self._both(lambda _: None),
            tell=self._both(lambda _: None),
            ping=self._both(lambda _: self._pulse()),
        )

    def _pulse(self) -> None:
        """The dead-man's service hears of a tick that came to its end, good or bad."""
        if self._has("deadman"):
            self.pings.append(self.now_s)

    # -- the journal ----------------------------------------------------------------------------------------------

    def load(self) -> Book:
        """Where the last commit left off."""
        self._dies()
        self.before, self.judged = self.book.state, 0
        return self.book

    def requests(self) -> tuple[Request, ...]:
        """What people asked for; the story's persons too."""
        for person in self.site.fetch_wishes():
            verb = "clear-state" if person.value == "clear" else "set-state"
            self._ask([verb, person.key, *([] if person.value == "clear" else [person.value])])
        taken, self.requests_ = tuple(self.requests_), []
        self.taken += taken
        return taken

    def journal(self, rounds: tuple[Round, ...]) -> bool:
        """Commit the newest round's intent."""
        self._dies()
        self.rounds = rounds
        if self.disk == "dead":
            return False
        self.book, self.taken = Book(rounds[-1].decision.state, rounds[-1].image), ()
        self._dies()
        return True

    def save(self, book: Book, rounds: tuple[Round, ...]) -> None:
        """Close the tick."""
        self._dies()
        self.rounds = rounds
        if self.disk != "dead":
            self.book = book._replace(decision=None)
        self._dies()

    def _audit(self, rounds: tuple[Round, ...]) -> None:
        """The guards on every round of the tick that has just ended, or died."""
        state = self.before
        for this in rounds:
            record = Record(this.image, state, this.decision, self.config.policy)
            for one in audit(record, again=self.again):
                self._blame(one.guard, one.sentence)
            state = settle(this.decision.state, this.decision.commands, this.outcomes, this.clock.plant_s)

    def _blame(self, name: str, sentence: str) -> None:
        if len(self.guarded) < MOST_KEPT:
            self.guarded.append((name, sentence))

    # -- running --------------------------------------------------------------------------------------------------

    def tick(self) -> Ticked:
        """One tick, dead or alive, and the time until the next one."""
        began, killed = self.now_s, False
        self._clocks()
        ahead_s = self.wall_ahead_s
        try:
            tick(self._ports(), self.config.policy)
        except Killed:
            killed = True
            self.missed.append(began)
            self.requests_[:0] = self.taken  # the inbox has them still
        self.kill_at, self.taken = -1, ()
        rounds = self.rounds
        self._audit(rounds)
        lost = killed or self.disk == "dead"
        stepped = any(this.clock.stepped for this in rounds)
        self.ticks.append(_ticked(began, self.now_s, rounds, killed=lost, stepped=stepped))
        if self.disk == "dead":
            self.unkept.append(began)
        astray = bool(ahead_s) and isinstance(self.site, agile.Site)  # prices go by the wall clock
        if stepped or astray or ahead_s != self.wall_ahead_s or self.disk == "dead":
            self.missed.append(began)
        self.until_next(began)
        return self.ticks[-1]

    def run(self, count: int) -> "Stage":
        """So many ticks."""
        for _ in range(count):
            self.tick()
        return self

    def play(self, deeds: Sequence[tuple[int, str]], count: int) -> "Stage":
        """So many ticks; each deed comes half a minute before the tick of its number."""
        for number in range(count):
            for at, text in deeds:
                if at == number:
                    self.do(text)
            self.tick()
        return self

    # -- what can go wrong ----------------------------------------------------------------------------------------

    def do(self, text: str) -> None:
        """One word of trouble, or of a story. ValueError: nothing is called so."""
        verb, _, rest = text.partition(" ")
        own = {
            "kill": self._kill,
            "clock": self._step_clock,
            "reboot": self._reboot,
            "power_cut": self._power_cut,
            "disk": self._disk,
            "ask": lambda words: self._ask(words.split()),
            "stop": self._stop,
            "wake": self._wake,
            "second": self._second,
            "within": self._within,
        }.get(verb)
        if own is not None:
            own(rest)
        elif self.knows(text):
            self._story(verb, rest)
        else:
            _unknown(text)

    def _kill(self, words: str) -> None:
        self.kill_at = int(words)

    def _step_clock(self, words: str) -> None:
        self.wall_ahead_s += int(words)
        self.missed.append(self.now_s)

    def _reboot(self, words: str) -> None:
        """The controller was away for a while."""
        began, away_s = self.now_s, float(words or 60)
        self.now_s += away_s
        self.site.advance(self.now_s)
        self.booted_s, self.boots = self.now_s - 30, self.boots + 1
        tick_s = self.config.site.tick_s
        self.missed += [began + tick_s * n for n in range(int(away_s // tick_s) + 1)] + [self.now_s]

    def _power_cut(self, words: str) -> None:
        """Everything is dark, and comes back as contacts and firmware have it; the controller boots with it."""
        assert isinstance(self.site, coop.Site)
        world, fans = self.site.world, list(self.site.world.fans.on)
        outlets, welded = list(world.fleet.outlet_on), list(world.fleet.welded)
        for at in range(len(welded)):
            world.weld(at, stuck=False)
        self._switch([False] * len(fans), [False] * len(outlets))
        self.missed.append(self.now_s)
        self.touched.append(self.now_s)
        self._reboot(words)
        self._switch([True] * len(fans), outlets)  # fans hang on the closed contact
        for at, stuck in enumerate(welded):
            world.weld(at, stuck)
        self.touched.append(self.now_s)

    def _switch(self, fans: Sequence[bool], outlets: Sequence[bool]) -> None:
        assert isinstance(self.site, coop.Site)
        for kind, ons in (("fan", fans), ("outlet", outlets)):
            for at, on in enumerate(ons):
                self.site.world.do(Action(kind, at, "on" if on else "off"))

    def _disk(self, words: str) -> None:
        self.disk = words

    def _ask(self, words: list[str]) -> None:
        self.asked += 1
        self.wishes.append(Wish(self.now_s, tuple(words)))
        verb, *args = words
        flags = tuple(word[2:] for word in args if word.startswith("--") and word != "--all")
        if flags:
            self.vouched_s = min(self.vouched_s, self.now_s)
        typed = (f"site={self.config.policy.site.name}",) if flags else ()
        plain = tuple(word for word in args if not word.startswith("--") or word == "--all")
        wall_s = int(self.site.plant.start_wall_s + self.now_s + self.wall_ahead_s)
        self.requests_.append(
            Request(self.asked, wall_s, "cli", "owner", verb, plain, "as told", 0, (*flags, *typed), -1, "")
        )

    def _stop(self, words: str) -> None:
        self.stop = words == "on"
        self.upset |= self.stop  # what it was told of stays told when the file is gone

    def _wake(self, words: str) -> None:
        """A miner starts by itself, as a watchdog's reboot makes it."""
        assert isinstance(self.site, coop.Site)
        at, self.upset = int(words) - 1, True
        self.site.world.fleet.asleep[at] = False
        self.touched.append(self.now_s)
        if self.site.world.fleet.powered(at):
            self.site.world.do(Action("miner", at, "run"))

    def _second(self, words: str) -> None:
        del words
        self.second_begins = True

    def _within(self, words: str) -> None:
        """A word of a story so many seconds into the next tick."""
        seconds, _, text = words.partition(" ")
        self.later(self.now_s + float(seconds), text)

    @staticmethod
    def knows(text: str) -> bool:
        """Whether these are words of a story, which can come at any second; the rest comes between ticks."""
        verb, _, rest = text.partition(" ")
        return verb in GRAMMAR and re.fullmatch(GRAMMAR[verb][0], rest) is not None

    def later(self, at_s: float, text: str) -> None:
        """A word of a story, at that second. ValueError: it is none."""
        verb, _, rest = text.partition(" ")
        if not self.knows(text):
            _unknown(text)
        if verb in TOUCHING:
            self.touched.append(at_s)
        self.site.expect(Step(at_s, verb, rest))

    def _story(self, verb: str, words: str) -> None:
        if verb in TOUCHING:
            self.touched.append(self.now_s)
        self.site.advance(self.now_s)
        self.site.play(Step(self.now_s, verb, words))

    @property
    def away(self) -> tuple[tuple[float, float], ...]:
        """(from, until) of every alarm of the dead-man's service; none where the config has no dead-man."""
        return alarms(self.pings, self.now_s)

    # -- the truth ------------------------------------------------------------------------------------------------

    @property
    def history(self) -> History:
        """Everything that truly happened so far."""
        busy = self._busy_s()
        samples: tuple[Sample, ...] = tuple(
            one._replace(
                clear=one.clear and not any(a <= one.at_s <= b for a, b in busy),
                blind=one.blind and one.at_s < self.vouched_s,
                still=one.still and one.at_s < self.vouched_s,
                readable=one.readable and one.at_s < self.vouched_s,
            )
            for one in self.sampler.samples
        )
        return facts(self.site, self.config)._replace(
            samples=samples,
            ticks=tuple(self.ticks),
            touched=tuple(sorted((*self.touched, *touches(samples)))),
            missed=tuple(self.missed),
            unkept=tuple(self.unkept),
            seconds=tuple(self.seconds),
            wishes=tuple(self.wishes),
        )

    def _busy_s(self) -> list[tuple[float, float]]:
        """When people or this machine itself were in the way: then nothing is clear."""
        if self.asked or self.stop or self.upset or self.disk != "ok":
            return [(0.0, 1e12)]
        return [(at - 1, at + self.config.site.tick_s) for at in self.missed]

    @property
    def found(self) -> tuple[tuple[str, str], ...]:
        """What guards and outcomes say: (name, sentence)."""
        return (*self.guarded, *judge(self.history))


def _unknown(text: str) -> NoReturn:
    raise ValueError(f"{text!r} is nothing a stage can do")


def _ticked(began_s: float, end_s: float, rounds: Sequence[Round], *, killed: bool, stepped: bool) -> Ticked:
    """The tick as a line of the history."""
    events = [event for this in rounds for event in this.decision.events]
    told = [one for this in rounds for one in this.decision.tellings]
    return Ticked(
        began_s,
        end_s,
        rounds[-1].decision.mode if rounds else "",
        tuple(event.reason.code for event in events if event.severity == "emergency"),
        tuple(Told(one.key, one.kind, one.what, one.level) for one in told),
        killed,
        stepped,
    )
