"""Recorded ticks decided again: is what was written what this program decides?

A record holds what its round was decided from and the hash of what was decided. From an hourly anchor on, `freeze`,
`decide` and `settle` are folded over the records; stretches between anchors go side by side. Within one version every
hash must be equal. Where one is not, the first difference is named, and until the next anchor the fold goes on with
its own state, so that what another version decides otherwise is seen as it would have gone on.
"""

import gc
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mine_controller.core.decide import decide
from mine_controller.core.freeze import freeze
from mine_controller.core.model.command import Command, Outcome
from mine_controller.core.model.decision import Decision
from mine_controller.core.model.policy import Policy
from mine_controller.core.model.reason import Reason
from mine_controller.core.model.state import State, Unit
from mine_controller.core.settle import settle
from mine_controller.ports.code import by_another, deciding
from mine_controller.record import NamedTuple
from mine_controller.store import query
from mine_controller.store.codec import canonical, sha, text
from mine_controller.store.db import Paths, Places
from mine_controller.store.ran_on import Policies
from mine_controller.store.records import Recorded, unpack_reason
from mine_controller.store.state import with_clock_facts

if TYPE_CHECKING:
    from mine_controller.core.model.image import Image

PART_S = 6 * 3600  # a stretch for one process: long enough for its start, short enough for a progress bar
MOST_TICKS = 4_000_000
MOST_TOLD = 100  # differences kept of one stretch; all are counted
SWEPT_AFTER = 100_000  # objects made and not let go
ONLY_HASH = "state"  # nothing that is written in words differs, only the hash of the whole


class Part(NamedTuple):
    """A stretch: the ticks `since` <= tick_at <= `until`. `each_hour`: begin anew at every anchor in it."""

    db: str
    since: int
    until: int
    each_hour: bool = False


class Difference(NamedTuple):
    """A round that this program decides otherwise. `rule`: whose reason it is, "" = nobody's in particular."""

    tick_at: int
    round: int
    field: str
    was: str
    now: str
    rule: str
    code: str  # the program that decided it then: version and hash of core/


class Gap(NamedTuple):
    """A tick that can't be decided again, and why."""

    tick_at: int
    why: str


class Replayed(NamedTuple):
    """What came of a stretch, or of all. `differ` counts rounds; of these only what this very program decided
    (`ports.code`) is a fault."""

    ticks: int = 0
    rounds: int = 0
    differ: int = 0
    faults: int = 0
    differences: tuple[Difference, ...] = ()
    gaps: tuple[Gap, ...] = ()
    codes: tuple[str, ...] = ()

    def plus(self, other: "Replayed") -> "Replayed":
        """Both together, in the order of time."""
        told = sorted({*self.differences, *other.differences})
        return Replayed(
            self.ticks + other.ticks,
            self.rounds + other.rounds,
            self.differ + other.differ,
            self.faults + other.faults,
            tuple(told[: 10 * MOST_TOLD]),
            tuple(sorted((*self.gaps, *other.gaps))),
            tuple(sorted({*self.codes, *other.codes})),
        )

    @property
    def first(self) -> Difference | None:
        """The first difference that is a fault, else the first of all."""
        ours = [one for one in self.differences if one.code == deciding()]
        return min(ours or self.differences, default=None)


def parts(paths: Paths, since: int, until: int, *, each_hour: bool = False) -> tuple[Part, ...]:
    """The stretches of that time, each beginning after an anchor. Raises StoreTrouble."""
    newest = query.ticks(paths, since, until, 1)
    if not newest:
        return ()
    cuts, db = [since - 1], str(paths.db)
    for at in query.anchors(paths, since, newest[0].tick_at):
        if at - cuts[-1] >= PART_S and at < newest[0].tick_at:
            cuts.append(at)
    ends = [*cuts[1:], newest[0].tick_at]
    return tuple(Part(db, begin + 1, end, each_hour) for begin, end in zip(cuts, ends, strict=True))


def paths_to(db: str) -> Paths:
    """The paths of a database alone, as a process is handed it."""
    return Places.under(Path(db).parent / "none")._replace(db=Path(db))


def replay(part: Part) -> Replayed:
    """Decide a stretch again. Raises StoreTrouble, and ValueError for a damaged record."""
    paths = paths_to(part.db)
    with _seldom_swept():
        fold = _Fold(paths, part)
        for tick_at, rounds in groupby(query.records(paths, fold.begins_at, part.until), key=lambda one: one.tick_at):
            fold.tick(tick_at, tuple(rounds), counts=tick_at >= part.since)
    found = fold.found
    return found._replace(differences=tuple(fold.differences), gaps=tuple(fold.gaps), codes=tuple(sorted(fold.codes)))


@contextmanager
def _seldom_swept() -> Iterator[None]:
    """A round makes thousands of tuples and no circle: the usual sweeps would look at all that is kept, every time."""
    usual = gc.get_threshold()
    gc.set_threshold(SWEPT_AFTER)
    try:
        yield
    finally:
        gc.set_threshold(*usual)


class _Fold:
    """Where the fold stands. `state` None: lost, until the next anchor; `drifted`: no longer what was recorded."""

    def __init__(self, paths: Paths, part: Part) -> None:
        self.paths, self.part = paths, part
        self.policies = Policies(paths)
        self.state: State | None = State()
        self.image: Image | None = None
        self.drifted = False
        self.found = Replayed()
        self.differences: list[Difference] = []
        self.gaps: list[Gap] = []
        self.codes: set[str] = set()
        self.begins_at = 0
        self.hidden: Difference | None = None
        self.hash = _Hash()
        start = query.anchor(paths, part.since - 1)
        if start is not None:
            self.state, self.image, self.begins_at = start.state, start.image, start.tick_at + 1
        rows = query.ticks(paths, self.begins_at, part.until, MOST_TICKS)
        self.about = {row.tick_at: (row.config_sha, row.code) for row in rows}
        self.anchors = set(query.anchors(paths, self.begins_at, part.until))

    def tick(self, tick_at: int, rounds: tuple[Recorded, ...], *, counts: bool) -> None:
        """One tick's rounds, or the gap it is; what lies before the stretch is only gone through."""
        config_sha, code = self.about.get(tick_at, ("", ""))
        policy = self.policies.of(config_sha, code) if config_sha else None
        why = self._trouble(rounds[0], policy, code)
        if self.state is None or policy is None or why:
            self.state = None
            if counts:
                self.gaps.append(Gap(tick_at, why))
        elif self._rounds(rounds, policy, code, self.state) and counts:
            self.codes.add(code)
            self.found = self.found._replace(ticks=self.found.ticks + 1, rounds=self.found.rounds + len(rounds))
        elif counts:
            why = by_another(code) or "its first state is not the one the tick before it left"
            self.gaps.append(Gap(tick_at, why))
        if tick_at in self.anchors and (self.state is None or self.drifted or self.part.each_hour):
            self._step_in(tick_at)

    def _trouble(self, first: Recorded, policy: Policy | None, code: str) -> str:
        if self.state is None:
            return by_another(code) or "no full copy of the state before it is kept (one is made every hour)"
        if policy is None:
            return "the config it ran on is not kept"
        return "" if first.round == 0 else "its opening round is missing"

    def _rounds(self, rounds: Sequence[Recorded], policy: Policy, code: str, state: State) -> bool:
        """Decide a tick; False: what it began with is not what the one before left, so nothing can be compared."""
        before = state
        for recorded in rounds:
            self.image = freeze(self.image, recorded.readings, policy.wiring, recorded.clock, recorded.requests)
            decision = decide(self.image, state, policy)
            same = not self.drifted and self.hash.of(decision) == recorded.decision_sha
            if not same and not self.drifted and _is_elsewhere(rounds[0], before):
                self.state = None
                return False
            if not same:
                self._differ(recorded, decision, code)
            outcomes = recorded.outcomes if same else _answers(recorded, decision.commands)
            state = settle(decision.state, decision.commands, outcomes, recorded.clock.plant_s)
        self.state = with_clock_facts(state, rounds[-1].facts)
        return True

    def _differ(self, recorded: Recorded, decision: Decision, code: str) -> None:
        """Note what differs; of what follows from an earlier difference only what is decided visibly otherwise."""
        seen = next(_visible(recorded, decision), None)
        if seen is None and self.drifted:
            return
        field, was, now, rule = seen or (ONLY_HASH, recorded.decision_sha[:12], sha(decision)[:12], "")
        told = Difference(recorded.tick_at, recorded.round, field, was, now, rule, code)
        if seen is None:
            self.hidden = told
        self.drifted = True
        self.found = self.found._replace(differ=self.found.differ + 1, faults=self.found.faults + (code == deciding()))
        if len(self.differences) < MOST_TOLD:
            self.differences.append(told)

    def _step_in(self, tick_at: int) -> None:
        """Go on from the anchor this tick left, which also tells what only a hash told of until now."""
        kept = query.anchor(self.paths, tick_at)
        if kept is None or kept.tick_at != tick_at:
            return
        if self.hidden is not None and self.state is not None and self.hidden in self.differences:
            found = next(unlike(kept.state, self.state, ONLY_HASH), None)
            if found is not None:
                path, was, now = found
                rule = path.split(".")[2] if path.startswith("state.memory.") else ""
                at = self.differences.index(self.hidden)
                self.differences[at] = self.hidden._replace(field=path, was=was, now=now, rule=rule)
        self.state, self.image, self.drifted, self.hidden = kept.state, kept.image, False, None


class _Hash:
    """`sha` of one decision after the other. A third of it is the book of units, mostly the very one of the round
    before: what was written of that is kept."""

    def __init__(self) -> None:
        self._units: dict[str, Unit] | None = None
        self._written = b""

    def of(self, decision: Decision) -> str:
        """The same as `sha(decision)`."""
        state = decision.state
        try:
            if state.units is not self._units:
                self._units, self._written = state.units, canonical(state.units)
            before, behind = canonical(state[:_UNITS])[1:-1], canonical(state[_UNITS + 1 :])[1:-1]
            rest = canonical(decision[1:])[1:]
        except ValueError:  # an infinite number in it
            return sha(decision)
        inner = b",".join(part for part in (before, self._written, behind) if part)
        return hashlib.sha256(b"[[" + inner + b"]," + rest).hexdigest()


_UNITS = State._fields.index("units")


def _is_elsewhere(first: Recorded, state: State) -> bool:
    return bool(first.state_sha) and first.state_sha != sha(state)


def _answers(recorded: Recorded, commands: Iterable[Command]) -> tuple[Outcome, ...]:
    """The recorded answers, as answers to what is told now: by unit, verb and lane, since numbers may have moved."""
    then = {command.id: (command.target, command.verb, command.lane) for command in recorded.commands}
    now = {(command.target, command.verb, command.lane): command.id for command in commands}
    pairs = ((outcome, now.get(then.get(outcome.command, ("", "", "")))) for outcome in recorded.outcomes)
    return tuple(outcome._replace(command=name) for outcome, name in pairs if name is not None)


# -- naming a difference --------------------------------------------------------------------------------------------


def _visible(recorded: Recorded, decision: Decision) -> Iterator[tuple[str, str, str, str]]:
    """(field, then, now, rule) of what is recorded in words: mode, why, binding limits, commands."""
    if recorded.mode != decision.mode:
        yield "mode", recorded.mode, decision.mode, decision.why.rule
    if recorded.why != _plain_reason(decision.why):
        yield "why", _said(recorded.why), _said(decision.why), decision.why.rule
    binding = json.loads(text(decision.envelope.binding))
    for was, now in zip([*recorded.binding, *[None] * 64], [*binding, *[None] * 64], strict=False):
        if was != now:
            limit = now or was
            yield "envelope.binding", _limit(was), _limit(now), limit[3][0]
    then = {command.target: command for command in recorded.commands}
    told = {command.target: command for command in decision.commands}
    for target in dict.fromkeys((*then, *told)):
        before, after = then.get(target), told.get(target)
        if before != after:
            rules_of = [command.reason.rule for command in (after, before) if command is not None]
            yield f"commands {target}", _command(before), _command(after), rules_of[0]


def _plain_reason(reason: Reason) -> Reason:
    return unpack_reason(json.loads(text(reason)))


def _said(reason: Reason) -> str:
    numbers = " ".join(f"{name}={value}" for name, value in reason.numbers)
    return f"{reason.rule}.{reason.code} {numbers}".rstrip()


def _limit(limit: Sequence[Any] | None) -> str:
    return "none" if limit is None else f"{limit[1]} {limit[2]} ({limit[3][0]}.{limit[3][1]})"


def _command(command: Command | None) -> str:
    if command is None:
        return "none"
    value = f" {command.value}" if command.value else ""
    return f"{command.verb}{value} by {command.lane}, rung {command.rung} ({_said(command.reason)})"


def unlike(was: Any, now: Any, path: str) -> Iterator[tuple[str, str, str]]:
    """(path, then, now) of every leaf in which two values differ; numbers and texts as JSON would keep them."""
    if hasattr(was, "_fields") and type(was) is type(now):
        for name in was._fields:
            yield from unlike(getattr(was, name), getattr(now, name), f"{path}.{name}")
    elif isinstance(was, dict) and isinstance(now, dict):
        for name in sorted({*was, *now}, key=str):
            yield from unlike(was.get(name), now.get(name), f"{path}.{name}")
    elif was is not now and text(was) != text(now):
        yield path, text(was)[:120], text(now)[:120]
