"""Fleets that speak the CGMiner API: every address asked at once, and again where an answer leads to a question."""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, Protocol

from mine_controller.core.option import option
from mine_controller.devices import _answer, _hosts
from mine_controller.devices.kind import Ask, BadReply, Reply, Seen
from mine_controller.record import NamedTuple
from mine_controller.wire import cgminer
from mine_controller.wire.door import Exchange, Wire, WireError

PORT = option(cgminer.PORT, low=_hosts.PORT_LOW, high=_hosts.PORT_HIGH, help="port of the miners' API")
STEP_S = 6.0  # the slowest boards take 5 s for a read; a hung one must not use up the time of the next step
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})  # of all answers: such an API has none
Early = Callable[[Reply], Reply]  # an answer with what could be made of it
Questions = Generator[tuple[str, bytes], Reply, None]  # yields what an answer is called and what asks for it
Whole = Callable[[str, dict[str, Reply]], Any]  # address and answers by name, and what is made of them


class Fleet(Protocol):
    """What the options of such a fleet have."""

    @property
    def hosts(self) -> tuple[str, ...]:
        """Addresses, ranges and networks."""

    @property
    def port(self) -> int:
        """The port of all of them."""


class Line(NamedTuple):
    """One question: `name` is what the reply is called."""

    host: str
    name: str
    send: bytes


def asked(wire: Wire, options: Fleet, lines: Sequence[Line], make: "Early | None" = None) -> list[Reply]:
    """The answers in order, all asked at once; status 0 and the header "why" stand for no answer.

    `make` is given each answer as soon as it is there, while others are awaited; the reply it returns stands for it.
    """
    made: dict[str, Reply] = {}

    def heard(make: Early, name: str, answer: bytes) -> None:
        made[name] = make(Reply(name, 200, _NO_HEADERS, answer))

    port, ends = options.port, cgminer.ENDS
    if make is None:
        batch = [Exchange(line.host, port, line.send, ends) for line in lines]
    else:
        batch = [Exchange(line.host, port, line.send, ends, hear=partial(heard, make, line.name)) for line in lines]
    answers = wire.many(batch, deadline(wire)) if batch else []
    return [made.get(line.name) or _reply(line.name, answer) for line, answer in zip(lines, answers, strict=True)]


class _Visit:
    """One unit that is asked question after question; `own` are its answers by name."""

    __slots__ = ("_host", "_make", "_name", "_port", "_questions", "own")

    def __init__(self, host: str, port: int, questions: Questions, make: Whole | None) -> None:
        self._host, self._port, self._questions, self._make = host, port, questions, make
        self._name = ""
        self.own: dict[str, Reply] = {}

    def begun(self) -> Exchange:
        """Its first question."""
        return self._asked(next(self._questions))

    def _asked(self, question: tuple[str, bytes]) -> Exchange:
        self._name, send = question
        return Exchange(self._host, self._port, send, cgminer.ENDS, within_s=STEP_S, then=self._heard)

    def _heard(self, answer: bytes | WireError) -> Exchange | None:
        reply = self.own[self._name] = _reply(f"{self._host} {self._name}", answer)
        try:
            return self._asked(self._questions.send(reply))
        except StopIteration:
            if self._make is not None and all(each.status for each in self.own.values()):
                self.own = {"": Reply(self._host, 200, {}, b"", self._make(self._host, self.own))}
            return None


def visited(wire: Wire, options: Fleet, begin: Callable[[], Questions], make: Whole | None = None) -> list[Reply]:
    """The answers of all units, "<host> <name>" each; status 0 and the header "why" stand for none.

    Each unit is asked at its own pace: whoever has answered gets its next question while others are still thinking.
    Where a unit answered everything, `make` is given that at once, and one reply "<host>" with what it made is left.
    """
    return in_turn(wire, options, {host: begin() for host in _hosts.expand(options.hosts)}, make)


def in_turn(wire: Wire, options: Fleet, asked: Mapping[str, Questions], make: Whole | None = None) -> list[Reply]:
    """The same for some units, each with questions of its own."""
    visits = [_Visit(host, options.port, questions, make) for host, questions in asked.items()]
    if visits:
        wire.many([visit.begun() for visit in visits], wire.until)
    return [reply for visit in visits for reply in visit.own.values()]


def deadline(wire: Wire) -> float:
    """When a step that begins now has to end."""
    return min(wire.until, wire.now() + STEP_S)


def _reply(name: str, answer: bytes | WireError) -> Reply:
    if isinstance(answer, WireError):
        return Reply(name, 0, {"why": answer.why}, b"")
    return Reply(name, 200, _NO_HEADERS, answer)


def exchange(options: Fleet, host: str, send: bytes) -> Exchange:
    """One request to one miner."""
    return Exchange(host, options.port, send, cgminer.ENDS)


def remembered(replies: Iterable[Reply], ask: Ask) -> list[Reply]:
    """The replies, where silent ones carry the identity that answered at their address last time (header "unit")."""
    return [
        reply._replace(headers={**reply.headers, "unit": unit})
        if reply.status == 0 and (unit := ask.memory.get(reply.name.partition(" ")[0], "").partition(" ")[0])
        else reply
        for reply in replies
    ]


def tree(reply: Reply) -> cgminer.Tree:
    """The answer as a tree. Raises BadReply with the address in it, and cgminer.DownError as it is."""
    if reply.status == 0:
        raise BadReply(f"{reply.name}: {_answer.clean(reply.headers.get('why', 'no answer'))}")
    try:
        return cgminer.read(reply.body)
    except cgminer.DownError:
        raise
    except cgminer.UnreadableError as error:
        raise BadReply(f"{reply.name}: {error}") from None


def part(found: cgminer.Tree, command: str, name: str) -> cgminer.Tree:
    """One answer out of a joined one, or the answer itself where only it was asked. Raises BadReply when refused."""
    return granted(cgminer.sections(found).get(command) or found, command, name)


def granted(answer: cgminer.Tree, command: str, name: str) -> cgminer.Tree:
    """The answer itself. Raises BadReply when it is a refusal."""
    refusal = cgminer.refused(answer)
    if refusal is not None:
        raise BadReply(f"{name}: {command} was refused: {_answer.clean(refusal.text, 50)!r}")
    return answer


def read(raw: bytes) -> cgminer.Tree:
    """The answer as a tree. Raises BadReply."""
    try:
        return cgminer.read(raw)
    except cgminer.UnreadableError as error:
        raise BadReply(str(error)) from None


def seen_tree(seen: Seen, asked: str) -> cgminer.Tree:
    """The answer an address gave to this request while it was looked at, {} for anything else."""
    try:
        return cgminer.read(seen.answers.get(asked, b""))
    except cgminer.UnreadableError:
        return {}
