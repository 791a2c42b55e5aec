"""What every drill has in common: where it plays, what it may ask for, and that it is taken back however it ends.

A drill asks for what it tries the way a person does, by requests that ticks arbitrate and audit, and only in the
direction that is safe: a test value can make things stricter, never looser. Each request ends by itself after a bounded
time, and is taken back when the drill ends, however it ends. What counts is what was measured, never an answer.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from mine_controller.config.model import Config
from mine_controller.core.model.book import Book
from mine_controller.core.model.reason import Event, Reason
from mine_controller.core.overrides import Refused
from mine_controller.ops import replies
from mine_controller.ops.keep import waited
from mine_controller.ops.recall import kept_book
from mine_controller.ops.replies import Answer, Person, Wanted
from mine_controller.record import NamedTuple
from mine_controller.store import query
from mine_controller.store.answered import waiting
from mine_controller.store.db import StoreError, StoreTrouble
from mine_controller.store.lock import Busy
from mine_controller.store.note import Who, note

LOOK_S = 2.0
UNENDED = 5  # so many ticks at most are looked back for one that has ended: one is at work, others were killed
LATE_S = 15  # so much after its time a tick of the timer is not waited for any longer
UNSAFE = ("EMERGENCY", "FAULT", "MANUAL", "INIT")  # modes in which nothing is to be tried
ASIDE = (*UNSAFE, "CURTAILING", "CURTAILED")  # and no curtailment


class Step(NamedTuple):
    """One thing that was seen. `good` None: neither here nor there."""

    at: int
    text: str
    good: bool | None = None


class Result(NamedTuple):
    """What came of a drill. `passed` None: it could not be tried, and the last step says why."""

    name: str
    began_at: int
    ended_at: int
    passed: bool | None
    steps: tuple[Step, ...]
    figures: dict[str, Any]

    @property
    def word(self) -> str:
        """passed, failed or not tried."""
        return {True: "passed", False: "failed", None: "not tried"}[self.passed]


class NotTried(Exception):  # noqa: N818 - nothing went wrong: now is not the time
    """The drill can't be tried now; the text says why and what helps."""


class Scene:
    """Where a drill takes place: the site, who asks, and how it waits. `steps` grow as they are told."""

    def __init__(
        self,
        config: Config,
        person: Person,
        say: Callable[[Step], None] = lambda _step: None,
        pause: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.config, self.person = config, person
        self._say, self.pause, self._now = say, pause, now
        self.steps: list[Step] = []

    @property
    def now_s(self) -> int:
        """Wall seconds."""
        return int(self._now())

    def tell(self, text: str, *, good: bool | None = None) -> None:
        """One more step."""
        step = Step(self.now_s, text, good)
        self.steps.append(step)
        self._say(step)

    def ask(self, wanted: Wanted) -> Answer:
        """File a request, have a tick take it, give the verdict. Raises StoreTrouble, NotTried."""
        number = replies.file(self.config, self.person, wanted)
        started, found = replies.take(self.config, [number], pause=self.pause)
        if not found[0].verdict:
            said = f": {started.said}" if started.said else ""
            raise NotTried(f"no tick took the request (exit {started.code}{said}); `minectl doctor` tells what helps")
        return found[0]

    def book(self) -> Book:
        """What the last tick left."""
        return kept_book(self.config.paths)

    def next_tick(self) -> int:
        """Wait for the timer's next tick; where none comes in its time, run one. A tick at work is waited for.

        Gives the seconds that have gone by for the mine.
        """
        before, plant_s = self._newest(), plant_of(self.book())
        tick_s = self.config.site.tick_s
        left_s = max(0, min(tick_s, before + tick_s - self.now_s)) + LATE_S
        for _ in range(round(left_s / LOOK_S)):
            self.pause(LOOK_S)
            if self._newest() > before:
                break
        else:
            replies.start_behind(self.config, lambda: None, lambda: self._newest() > before, self.pause)
        return max(0, plant_of(self.book()) - plant_s) or tick_s

    def _newest(self) -> int:
        """The newest tick that has ended."""
        rows = query.ticks(self.config.paths, limit=UNENDED)
        return next((row.tick_at for row in rows if row.ended_at is not None), 0)


Work = Callable[[Scene, dict[str, Any]], bool]


def run(name: str, scene: Scene, work: Work) -> Result:
    """Do it, and write into the event log what came of it. Raises StoreTrouble and whatever ends the drill."""
    began_at, figures = scene.now_s, dict[str, Any]()
    passed: bool | None = None
    try:
        passed = work(scene, figures)
    except NotTried as why:
        scene.tell(str(why), good=False)
    except BaseException:  # Ctrl-C, a lost line, a database in trouble: all are in the log, and go on up
        scene.tell("the drill was ended before its end", good=False)
        _log(scene, name, "ended")
        raise
    result = Result(name, began_at, scene.now_s, passed, tuple(scene.steps), figures)
    _log(scene, name, result.word)
    return result


def _log(scene: Scene, name: str, word: str) -> None:
    """A row in the event log; a drill whose row can't be written says so itself."""
    who = Who(scene.person.actor, scene.person.uid, scene.person.tty)
    text = scene.steps[-1].text if scene.steps else ""
    numbers = (("name", name), ("result", word), ("text", text[:200]), *who.numbers)
    if not scene.config.paths.db.exists():
        return
    try:
        lock = waited(scene.config, scene.pause, lambda: scene.tell("waits for the tick at work, to write this down"))
    except Busy as busy:
        scene.tell(f"the event log does not have it: {busy}", good=False)
        return
    try:
        note(scene.config.paths, [Event("drill", "info", name, Reason("drill", "done", numbers))], scene.now_s)
    except (StoreTrouble, StoreError) as trouble:
        scene.tell(f"the event log does not have it: {trouble}", good=False)
    finally:
        lock.__exit__(None, None, None)


@contextmanager
def held(scene: Scene, key: str, value: str, for_s: int, why: str) -> Iterator[None]:
    """A value set for the time of the block, and taken back whatever happens. Raises NotTried when it is refused."""
    wanted = Wanted("set-state", (key, value), why, scene.now_s + for_s)
    try:
        replies.precheck(scene.config, wanted, scene.now_s)
    except Refused as refused:
        raise NotTried(str(refused)) from None
    try:
        answer = scene.ask(wanted)
        if answer.verdict != "done":
            raise NotTried(f"{key} {value} was refused: {answer.why}")
        scene.tell(f"{key} is set to {value}, {answer.why}")
        yield
    finally:
        clear(scene, key, why)


def clear(scene: Scene, key: str, why: str) -> None:
    """Take back what was set, where it stands or still waits for a tick."""
    if not any(one.key == key for one in scene.book().state.overrides) and not _waiting(scene, key):
        return
    answer = scene.ask(Wanted("clear-state", (key,), why))
    scene.tell(f"{key} is given back: {answer.why}" if answer.verdict == "done" else f"{key}: {answer.why}")


def _waiting(scene: Scene, key: str) -> bool:
    """A request of this key that no tick has taken yet."""
    return any(one.args[:1] == (key,) for one in waiting(scene.config.paths))


def may_begin(scene: Scene, role: str = "", aside: tuple[str, ...] = ASIDE) -> None:
    """Raises NotTried where a drill would prove nothing, or harm."""
    config = scene.config
    if not config.site.live:
        raise NotTried("shadow mode sends nothing, so nothing can be proven; `live = yes` in [site] first")
    if role and role not in config.policy.wiring.roles:
        raise NotTried(f"nothing in [wiring] provides {role}")
    book = scene.book()
    if book.image is None:
        raise NotTried("no tick has run yet: `minectl tick`")
    if book.state.mode in aside:
        raise NotTried(f"the mine is in {book.state.mode}: a drill begins from a mine that runs")


def plant_of(book: Book) -> int:
    """Plant time of the last tick; 0: there was none."""
    return book.image.clock.plant_s if book.image is not None else 0
