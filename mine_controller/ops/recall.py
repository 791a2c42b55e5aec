"""Recorded ticks decided again: from the nearest anchor through freeze, decide and settle, as they happened.

The book of the last tick has a decision in it only while that tick runs; everybody who wants to see it later (status,
explain, audit) gets it back by this fold. Nothing is written, asked or sent.
"""

from collections.abc import Iterator
from itertools import groupby

from mine_controller.core.decide import decide
from mine_controller.core.freeze import freeze
from mine_controller.core.model.book import Book
from mine_controller.core.model.decision import Decision
from mine_controller.core.model.image import Image
from mine_controller.core.model.policy import Policy
from mine_controller.core.model.state import State
from mine_controller.core.settle import settle
from mine_controller.ports.code import by_another
from mine_controller.record import NamedTuple
from mine_controller.store import query
from mine_controller.store.answered import asked_before
from mine_controller.store.codec import sha
from mine_controller.store.db import Paths, StoreTrouble
from mine_controller.store.ran_on import Policies
from mine_controller.store.records import UNREAD, Recorded
from mine_controller.store.state import clock_facts, with_clock_facts

MOST_TICKS = 400_000  # more than the store keeps of the fastest site
ENDS_MOST = 6  # where the wall clock ran over hours again, anchors of both runs lie side by side


class Recalled(NamedTuple):
    """One recorded round, decided again. `before` is the state it was decided from, `after` with its answers in."""

    recorded: Recorded
    image: Image
    before: State
    decision: Decision
    after: State
    policy: Policy

    @property
    def same(self) -> bool:
        """True when this program decides what was decided then, byte for byte."""
        return sha(self.decision) == self.recorded.decision_sha

    @property
    def book(self) -> Book:
        """The book as this round left it."""
        return Book(self.after, self.image, (), self.decision)


class Gap(NamedTuple):
    """A tick that can't be decided again, and why."""

    tick_at: int
    why: str


class Seen(NamedTuple):
    """The newest tick. `decided_again`: its record was not at hand, so its inputs were decided afresh."""

    tick_at: int
    book: Book
    decided_again: bool = False


def recall(paths: Paths, since: int, until: int, anchors: int = 1) -> Iterator[Recalled | Gap]:
    """Every recorded round of the ticks `since` <= tick_at <= `until`, by their names; begins so many anchors before.

    Raises StoreTrouble when the database can't be read and ValueError for a damaged record.
    """
    fold = _Fold(paths, since, anchors)
    for tick_at, rounds in groupby(query.records(paths, fold.begins_at, until), key=lambda one: one.tick_at):
        for found in fold.tick(tick_at, tuple(rounds)):
            if tick_at >= since:
                yield found


def recall_tick(paths: Paths, tick_at: int) -> tuple[Recalled | Gap, ...]:
    """The rounds of one tick. Where the anchor before it is of another run over the same hours, from earlier ones."""
    found = tuple(recall(paths, tick_at, tick_at))
    if any(isinstance(one, Gap) for one in found):
        found = tuple(recall(paths, tick_at, tick_at, ENDS_MOST))
    return found


class Named(NamedTuple):
    """The newest tick of a time. `older`: the wall clock ran over that time before, with this tick; 0 = it did not."""

    tick_at: int
    older: int = 0


def of_time(paths: Paths, until: int) -> Named | None:
    """The last tick not after that wall time; None when there is none. Which of two is newer says plant time."""
    rows = query.ticks(paths, until=until, limit=1)
    if not rows:
        return None
    last_at = rows[0].tick_at
    opening = query.record(paths, last_at)[:1]
    span_s = 2 * opening[0].clock.tick_s if opening else 0
    near = query.records(paths, last_at - span_s, last_at) if opening else ()
    plant_s = {one.tick_at: one.clock.plant_s for one in near if one.round == 0}
    newest = max(plant_s, key=plant_s.__getitem__, default=last_at)
    return Named(newest, max((at for at in plant_s if plant_s[newest] - plant_s[at] > span_s), default=0))


class _End(NamedTuple):
    """What a tick left, for the one that goes on from it."""

    state: State
    image: Image | None


class _Fold:
    """Where the fold stands: what ticks go on from, by the hash of its state. Out of step it waits for an anchor.

    That is one end, and two where the wall clock ran over the same hours twice: their ticks lie in between each other.
    """

    def __init__(self, paths: Paths, since: int, anchors: int) -> None:
        self.paths = paths
        self.ends: dict[str, _End] = {}
        self.in_step = True
        self.begins_at = 0
        self.policies = Policies(paths)
        found: list[query.Anchor] = []
        while len(found) < anchors:
            start = query.anchor(paths, (found[-1].tick_at if found else since) - 1)
            if start is None:
                break
            found.append(start)
        if len(found) == anchors:
            self.begins_at = found[-1].tick_at + 1
        else:
            self._keep(_End(State(), None))
        for start in reversed(found):
            self._keep(_End(start.state, start.image))

    def tick(self, tick_at: int, rounds: tuple[Recorded, ...]) -> Iterator[Recalled | Gap]:
        """One tick's rounds, or the gap it is."""
        end = self._end(rounds[0])
        policy = self._policy(tick_at) if end is not None else None
        if end is None or policy is None:
            yield Gap(tick_at, self._trouble(rounds[0]) if end is None else "the config it ran on is not kept")
            self._step_in(tick_at)
            return
        self.in_step = True
        for recorded in rounds:
            found = self._round(recorded, end, policy)
            end = _End(found.after, found.image)
            yield found
        self._keep(_End(with_clock_facts(end.state, rounds[-1].facts), end.image))

    def _policy(self, tick_at: int) -> Policy | None:
        """The policy it ran on; None when it is not kept."""
        rows = query.ticks(self.paths, tick_at, tick_at, 1)
        return self.policies.of(rows[0].config_sha, rows[0].code) if rows else None

    def _round(self, recorded: Recorded, end: _End, policy: Policy) -> Recalled:
        image = freeze(end.image, recorded.readings, policy.wiring, recorded.clock, recorded.requests)
        decision = decide(image, end.state, policy)
        after = settle(decision.state, decision.commands, recorded.outcomes, recorded.clock.plant_s)
        return Recalled(recorded, image, end.state, decision, after, policy)

    def _end(self, first: Recorded) -> _End | None:
        """What this tick went on from."""
        if first.round != 0 or not self.ends:
            return None
        return self.ends.pop(first.state_sha or list(self.ends)[-1], None)

    def _keep(self, end: _End) -> None:
        self.ends[sha(end.state)] = end
        if len(self.ends) > ENDS_MOST + 1:
            del self.ends[next(iter(self.ends))]

    def _trouble(self, first: Recorded) -> str:
        rows = query.ticks(self.paths, first.tick_at, first.tick_at, 1)
        if rows and (why := by_another(rows[0].code)):
            return why
        if not self.in_step:
            return "no full copy of the state before it is kept (one is made every hour)"
        if first.round != 0:
            return "its opening round is missing"
        return "its first state is not the one the tick before it left"

    def _step_in(self, tick_at: int) -> None:
        """Go on from the anchor this tick left, if it left one."""
        kept = query.anchor(self.paths, tick_at)
        self.in_step = kept is not None and kept.tick_at == tick_at
        if kept is not None and self.in_step:
            self._keep(_End(kept.state, kept.image))


def last_seen(paths: Paths, policy: Policy) -> Seen | None:
    """The newest tick with its decision; None when no tick has run. Raises StoreTrouble."""
    newest = query.ticks(paths, limit=1)
    if not newest:
        return None
    tick_at = newest[0].tick_at
    try:
        for found in reversed(recall_tick(paths, tick_at)):
            if isinstance(found, Recalled):
                return Seen(tick_at, _whole(paths, found.book))
    except ValueError:
        pass  # a damaged record: what it was decided from is still in the state
    return _afresh(paths, policy, tick_at)


def _whole(paths: Paths, book: Book) -> Book:
    """The book with what no decision reads and records leave out (hash rates), as the tick itself left it."""
    try:
        kept = kept_book(paths).image
    except StoreTrouble:
        return book  # the state is damaged, the records are not
    if book.image is None or kept is None or kept.clock.plant_s != book.image.clock.plant_s:
        return book  # a newer tick has ended meanwhile, or the machine was booted: what is there is true as it is
    left_out = {key: value for key, value in kept.channels.items() if key.rpartition(":")[2] in UNREAD}
    return book._replace(image=book.image._replace(channels=book.image.channels | left_out))


def _afresh(paths: Paths, policy: Policy, tick_at: int) -> Seen:
    book = kept_book(paths)
    if book.image is None:
        return Seen(tick_at, book, decided_again=True)
    image = freeze(book.image, (), policy.wiring, book.image.clock._replace(rebooted=False))
    decision = decide(image, book.state, policy)
    return Seen(tick_at, Book(book.state, image, (), decision), decided_again=True)


def kept_book(paths: Paths) -> Book:
    """What the store keeps, also from before the last boot: for looking at, never for acting on.

    Raises StoreTrouble when it can't be read: an empty book would say that no alarm is open and nobody is held.
    """
    found = query.last_book(paths)
    if found.lost:
        raise StoreTrouble("corrupt", "; ".join(found.trouble) or "the state can't be read")
    facts = clock_facts(found.book.state)
    return query.last_book(paths, facts.boot_id).book if facts is not None else found.book


def held_keys(paths: Paths) -> set[str]:
    """Every key that a person holds, or has asked to hold in a request that no tick has taken yet: a tick may need
    minutes until it does, and who thinks again meanwhile must not hear that there is nothing to end. StoreTrouble.
    """
    asked = asked_before(paths)  # first: what is taken while this looks stands in the book
    held = {one.key for one in kept_book(paths).state.overrides}
    return held.union(one.args[0] for one in asked if one.verb == "set-state" and one.args)
