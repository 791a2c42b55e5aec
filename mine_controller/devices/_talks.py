"""Commands that take several exchanges with a unit: what is said next depends on what it said, for all units at once.

A driver writes one conversation as a generator that yields a `Step` and gets the answer. `converse` leads them all
side by side: whoever has answered is asked its next step while others are still thinking. A conversation
ends by itself, by WireError or by BadReply; what it has not told of its commands then, is told here, by what was sent.

All commands of one unit in one batch are one conversation: settings are one write, because boards keep them in flash.
"""

from collections.abc import Callable, Generator, Iterable, Sequence
from functools import partial
from typing import Any, TypeVar

from mine_controller.core.model.command import (
    NOT_SENT,
    REFUSED,
    UNKNOWN,
    UNREACHABLE,
    UNSUPPORTED,
    Command,
    Outcome,
)
from mine_controller.devices import _answer, _blame, _hosts, _turns
from mine_controller.devices.kind import BadReply, Report
from mine_controller.record import NamedTuple
from mine_controller.wire.door import Exchange, Wire, WireError

READ_S = 6.0  # the slowest boards take 5 s for a read
CHANGE_S = 8.0  # one command
LATE = "the lane's time was over"
OTHER_UNIT = "another unit answers at this address"
Answer = TypeVar("Answer")


class Step(NamedTuple):
    """One exchange. `changes`: it may change the unit, so a lost answer leaves open whether it did."""

    request: bytes
    changes: bool = False


class Desk:
    """The commands of one unit, and what has been told of them."""

    def __init__(self, host: str, unit: str, report: Report) -> None:
        self.host = host
        self.unit = unit
        self.commands: list[Command] = []
        self.changed = False  # a step that changes the unit may have reached it
        self._report = report
        self._told: set[str] = set()

    def of(self, *verbs: str) -> list[Command]:
        """The commands with one of these verbs of which nothing has been told."""
        return [command for command in self.commands if command.verb in verbs and command.id not in self._told]

    def open(self) -> list[Command]:
        """The commands of which nothing has been told."""
        return [command for command in self.commands if command.id not in self._told]

    def tell(self, command: Command, verdict: str, why: str = "") -> None:
        """The outcome of a command; only the first counts."""
        self.say(Outcome(command.id, verdict, why))

    def say(self, outcome: Outcome) -> None:
        """An outcome as it is; of two of one command the first counts."""
        if outcome.command not in self._told:
            self._told.add(outcome.command)
            self._report(outcome)

    def is_stranger(self, name: str) -> bool:
        """True, and everything refused, when another unit answers than the one the commands are for."""
        if not self.unit or self.unit == name.lower():
            return False
        self.end(REFUSED, OTHER_UNIT)
        return True

    def end(self, verdict: str, why: str) -> None:
        """The same for everything of which nothing has been told."""
        for command in self.open():
            self.tell(command, verdict, why)


Talk = Generator[Step, Answer, None]


def desks(hosts: Iterable[str], batch: Sequence[Command], report: Report, verbs: tuple[str, ...]) -> list[Desk]:
    """The commands that may be tried, by unit, in the order of the batch; the others are told at once."""
    known, found = frozenset(hosts), dict[tuple[str, str], Desk]()
    for command in batch:
        host, unit = _hosts.wanted(command)
        if command.verb not in verbs:
            report(Outcome(command.id, UNSUPPORTED, f"these miners take {', '.join(verbs)}, not {command.verb[:20]}"))
        elif host not in known:
            why = f"{_answer.clean(command.address)!r} is not among this section's hosts"
            report(Outcome(command.id, REFUSED, why))
        else:
            found.setdefault((host, unit), Desk(host, unit, report)).commands.append(command)
    return list(found.values())


class _Visit:
    """A conversation with one unit; `step` is the one that it waits for."""

    __slots__ = ("desk", "step", "talk")

    def __init__(self, desk: Desk, talk: "Generator[Step, Any, None]") -> None:
        self.desk = desk
        self.talk = talk
        self.step = Step(b"")


def converse(
    wire: Wire,
    calls: Sequence[Desk],
    begin: "Callable[[Desk], Talk[Answer]]",
    packed: Callable[[str, bytes], Exchange],
    opened: Callable[[bytes], Answer],
) -> None:
    """Lead the conversations until all have ended. `packed` makes the exchange of a step at an address, `opened` reads
    its bytes (raises WireError or BadReply). Raises nothing that a device could cause."""

    def asked(visit: _Visit) -> Exchange | None:
        if wire.now() + _turns.LEAST_S >= wire.until:
            _break_off(visit)
            return None
        within_s = CHANGE_S if visit.step.changes else READ_S
        exchange = packed(visit.desk.host, visit.step.request)
        return exchange._replace(within_s=within_s, then=partial(heard, visit))

    def heard(visit: _Visit, answer: bytes | WireError) -> Exchange | None:
        return asked(visit) if _answered(visit, answer, opened) else None

    visits = [_Visit(desk, begin(desk)) for desk in calls]
    first = [exchange for visit in visits if _begun(visit) and (exchange := asked(visit)) is not None]
    if first:
        wire.many(first, wire.until)


def _begun(visit: _Visit) -> bool:
    return _moved(visit, lambda: next(visit.talk))


def _break_off(visit: _Visit) -> None:
    """There is no time for its next step. It may tell what it knows; the step was not sent."""
    late = WireError("unreachable", LATE)
    visit.step = Step(b"")
    _moved(visit, lambda: visit.talk.throw(late))
    visit.talk.close()
    visit.desk.end(*_lost(visit, late))


def _answered(visit: _Visit, answer: bytes | WireError, opened: Callable[[bytes], object]) -> bool:
    if visit.step.changes and not (isinstance(answer, WireError) and not answer.sent):
        visit.desk.changed = True

    def move() -> Step:
        if isinstance(answer, WireError):
            return visit.talk.throw(answer)
        try:
            said = opened(answer)
        except (WireError, BadReply) as error:
            return visit.talk.throw(error)
        return visit.talk.send(said)

    return _moved(visit, move)


def _moved(visit: _Visit, move: Callable[[], Step]) -> bool:
    """Go on to the next step; False when the conversation is over, and then everything is told."""
    try:
        visit.step = move()
    except StopIteration:
        visit.desk.end(UNKNOWN, "nothing was told of it")
    except WireError as error:
        visit.desk.end(*_lost(visit, error))
    except BadReply as error:
        changed = visit.desk.changed
        visit.desk.end(UNKNOWN if changed else REFUSED, str(error) if changed else f"before the command: {error}")
    except Exception as error:  # noqa: BLE001 - a bug that one unit's answer sets off costs no other unit its command
        changed, told = visit.desk.changed, f"driver error: {_blame.where(error)}"
        visit.desk.end(UNKNOWN if changed else REFUSED, told if changed else f"before the command: {told}")
    else:
        return True
    return False


def _lost(visit: _Visit, error: WireError) -> tuple[str, str]:
    """The verdict and why when no answer came: unknown when the unit may have been changed."""
    if visit.desk.changed:
        return UNKNOWN, error.why
    if error.why == LATE:
        return NOT_SENT, LATE
    return UNREACHABLE, error.why if visit.step.changes else f"before the command: {error.why}"
