"""Fleets that speak the CGMiner API: every address asked at once, identities, what an answer means for a command."""

import re
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Any, Protocol

from mine_controller.core.model.command import (
    ACCEPTED,
    APPLIED,
    NOT_SENT,
    REFUSED,
    UNKNOWN,
    UNREACHABLE,
    UNSUPPORTED,
    Command,
    Outcome,
)
from mine_controller.core.model.pool import Pool
from mine_controller.core.option import option
from mine_controller.devices import _answer, _blame, _hosts, _pools, _talks, _turns
from mine_controller.devices.kind import Ask, BadReply, Findings, Found, Reply, Report, Row, Seen, Told, told_of
from mine_controller.record import NamedTuple
from mine_controller.wire import cgminer
from mine_controller.wire.door import Exchange, Wire, WireError

PORT = option(cgminer.PORT, low=_hosts.PORT_LOW, high=_hosts.PORT_HIGH, help="port of the miners' API")
MAC_DIGITS = 12
LONGEST_NAME = 240  # characters of a model or version that are looked at
STEP_S = 6.0  # the slowest boards take 5 s for a read; a hung one must not use up the time of the next step
OTHER_UNIT = _talks.OTHER_UNIT
READ_ONLY = "it lets us only read: allow this machine in its API settings"

_NO_HEX = re.compile(r"[^0-9a-f]")
_GROUP = "13579bdf"  # the second digit of a mac that stands for a group
_SERIAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{3,39}")  # what fleet.csv takes for a miner without a mac
_MACS = ("MAC", "Mac", "mac", "MACAddr", "macaddr", "MAC Address")
_SERIALS = ("SerialNo", "Serial Number", "serial", "Serial", "SN", "DNA", "miner_id")


class Fleet(Protocol):
    """What the options of such a fleet have."""

    @property
    def hosts(self) -> tuple[str, ...]:
        """Addresses, ranges and networks."""

    @property
    def port(self) -> int:
        """The port of all of them."""


_NO_HEADERS: Mapping[str, str] = MappingProxyType({})  # of all answers: such an API has none
Early = Callable[[Reply], Reply]  # an answer with what could be made of it


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
    answers = wire.many(batch, _by(wire)) if batch else []
    return [made.get(line.name) or _reply(line.name, answer) for line, answer in zip(lines, answers, strict=True)]


Questions = Generator[tuple[str, bytes], Reply, None]  # yields what an answer is called and what asks for it
Whole = Callable[[str, dict[str, Reply]], Any]  # address and answers by name, and what is made of them


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


def _by(wire: Wire) -> float:
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


def identity(*rows: Mapping[str, Any]) -> str:
    """The mac (lower case, colons) that a unit tells, else its serial; "" when it tells neither."""
    for keys, read in ((_MACS, mac_of), (_SERIALS, serial_of)):
        for row in rows:
            for key in keys:
                if key in row and (found := read(row[key])):
                    return found
    return ""


def mac_of(value: Any) -> str:
    """A mac with colons; "" when it is none, or stands for none (all zeros, a group of units)."""
    digits = _NO_HEX.sub("", value.lower()) if isinstance(value, str) and len(value) < 40 else ""
    if len(digits) != MAC_DIGITS or digits == digits[0] * MAC_DIGITS or digits[1] in _GROUP:
        return ""
    return bytes.fromhex(digits).hex(":")


def serial_of(value: Any) -> str:
    """A serial as a channel's name, in capitals as fleet.csv keeps it; "" when it can't be one or is a blank (all the
    same character)."""
    text = value.strip().upper() if isinstance(value, str) else ""
    return text if len(set(text)) > 1 and _SERIAL.fullmatch(text) else ""


def told(quantity: str, channel: str, value: float | str | None, why: str) -> Found:
    """A value, or unknown and why."""
    return Found(channel, quantity, value, "" if value is not None else why)


class Unit(NamedTuple):
    """What was read at one address. `unit` "" and no `found`: only `why` is known of it. `nameless`: one of the kind
    answers there and does not tell who it is (another login): a remembered `unit` gives way to who tells it."""

    host: str
    unit: str
    found: tuple[Found | Told, ...] = ()
    why: str = ""
    memory: str = ""
    nameless: bool = False


def unit_of(host: str, read: Callable[[], Unit]) -> Unit:
    """What `read` makes of the answers of one address, whatever they set off."""
    return _blame.alone(read, lambda why: Unit(host, "", (), f"{host}: {why}", nameless=True))


def fleet(units: Sequence[Unit]) -> tuple[Found, ...]:
    """All units together: an identity at two addresses is neither, a silent one is unknown unless it answers elsewhere.

    Raises BadReply when nobody can be read, with the first reason, one of who answers before that of an empty address:
    a group that is silent as a whole is an endpoint that fails, for these fleets as for boards with a web interface.
    """
    return findings(units).all()


def findings(units: Sequence[Unit]) -> Findings:
    """The same, of which a `Found` is made when somebody looks at it."""
    answered: dict[str, list[Unit]] = {}
    for each in units:
        if each.found:
            answered.setdefault(each.unit, []).append(each)
    nameless = [each for each in units if each.nameless]
    if units and not answered:
        raise BadReply(next((each.why for each in (*nameless, *units) if each.why), "nobody answered"))
    silent = {each.unit: each for each in units if each.unit and not each.found and each.unit not in answered}
    found = [one for group in answered.values() for one in _group([it for it in group if not it.nameless] or group)]
    found += [Found(unit, what, None, each.why) for unit, each in silent.items() for what in ("word", "power_w")]
    found += _hosts.unread([each.why for each in nameless if not each.unit])
    found += [Found(each.host, "memory", each.memory) for each in units if each.found and each.memory]
    return Findings(found)


def _group(group: list[Unit]) -> Iterable[Found | Told]:
    if len(group) == 1:
        return group[0].found
    return _hosts.doubled(group[0].unit, [each.host for each in group], ("word", "power_w"))


def down(host: str, unit: str, why: str) -> Unit:
    """A board whose miner process does not run: it hashes nothing, and who it is is only remembered."""
    found = (Found(unit, "word", "error"), Found(unit, "power_w", None, why)) if unit else ()
    return Unit(host, unit, found, f"{host}: {why}", nameless=bool(unit))


def facts(unit: str, host: str, model: Any, firmware: Any) -> list[Found]:
    """Where a unit is and what it says it is."""
    return list(told_of(unit, about(host, model, firmware)).found())


def about(host: str, model: Any, firmware: Any) -> list[Row]:
    """The same as rows for `told_of`."""
    rows: list[Row] = [(":address", host, "")]
    if model:
        rows.append((" model:text", _cleaned(str(model)[:LONGEST_NAME]), ""))
    if firmware:
        rows.append((" firmware:text", _cleaned(str(firmware)[:LONGEST_NAME]), ""))
    return rows


_cleaned = lru_cache(maxsize=256)(_answer.clean)  # a fleet has a few models and versions thousands of times


Make = Callable[[str, str], bytes]  # a request of a command and its parameter
Begin = Callable[["_talks.Desk"], "_talks.Talk[cgminer.Tree]"]  # a conversation with one unit
Asking = Generator["_talks.Step", cgminer.Tree, Outcome]
Next = Callable[[Command, cgminer.Tree], "bytes | Outcome"]


def step(wire: Wire, options: Fleet, lines: Sequence[tuple[Command, bytes]]) -> list[tuple[Command, Any]]:
    """Send one request for each command, all at once: with its Tree, or with the Outcome where that ends it."""
    if not lines:
        return []
    if wire.now() + _turns.LEAST_S >= wire.until:
        return [(command, Outcome(command.id, NOT_SENT, "the lane's time was over")) for command, _ in lines]
    answers = wire.many([exchange(options, _hosts.wanted(command)[0], send) for command, send in lines], _by(wire))
    return [(command, _heard(command, answer)) for (command, _), answer in zip(lines, answers, strict=True)]


def _heard(command: Command, answer: bytes | WireError) -> cgminer.Tree | Outcome:
    if isinstance(answer, WireError):
        return _turns.lost(command, answer)
    try:
        return cgminer.read(answer)
    except cgminer.UnreadableError as error:
        return Outcome(command.id, UNKNOWN, str(error))


def before(heard: Sequence[tuple[Command, Any]], report: Report, then: Next) -> list[tuple[Command, bytes]]:
    """After a read that only prepares: who goes on with what. Nothing was changed yet, so a lost answer says so."""
    going = []
    for command, answer in heard:
        said = _unread(answer) if isinstance(answer, Outcome) else then(command, answer)
        if isinstance(said, Outcome):
            report(said)
        else:
            going.append((command, said))
    return going


def _unread(outcome: Outcome) -> Outcome:
    lost = outcome._replace(verdict=UNREACHABLE, why=f"before the command: {outcome.why}")
    return lost if outcome.verdict == UNKNOWN else outcome


def addressed(options: Fleet, batch: Sequence[Command], report: Report, verbs: tuple[str, ...]) -> list[Command]:
    """The commands that may go out; the others are reported at once."""
    known, good = frozenset(_hosts.expand(options.hosts)), []
    for command in batch:
        if command.verb not in verbs:
            report(Outcome(command.id, UNSUPPORTED, f"miners take {' and '.join(verbs)} only"))
        elif _hosts.wanted(command)[0] not in known:
            why = f"{_answer.clean(command.address)!r} is not among this section's hosts"
            report(Outcome(command.id, REFUSED, why))
        else:
            good.append(command)
    return good


def stranger(command: Command, unit: str) -> Outcome | None:
    """The refusal when `unit` is not the one the command is meant for; None when it is, or nobody said which."""
    wanted = _hosts.wanted(command)[1]
    return Outcome(command.id, REFUSED, OTHER_UNIT) if wanted and wanted != unit.lower() else None


def talk(
    wire: Wire, options: Fleet, batch: Sequence[Command], report: Report, verbs: tuple[str, ...], begin: Begin
) -> None:
    """Lead a conversation with every unit of the batch, all at once; see `_talks`."""

    def packed(host: str, request: bytes) -> Exchange:
        return exchange(options, host, request)

    calls = _talks.desks(_hosts.expand(options.hosts), batch, report, verbs)
    _talks.converse(wire, calls, begin, packed, read)


def read(raw: bytes) -> cgminer.Tree:
    """The answer as a tree. Raises BadReply."""
    try:
        return cgminer.read(raw)
    except cgminer.UnreadableError as error:
        raise BadReply(str(error)) from None


def pool_in_use(rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The row of POOLS that it works for: the one whose stratum is active, else the first by priority that is alive."""
    for row in rows:
        if row.get("Stratum Active") in (True, "true"):
            return row
    alive = [row for row in rows if row.get("Status") == "Alive" and cgminer.number(row.get("Priority")) is not None]
    return min(alive, key=lambda row: cgminer.number(row.get("Priority")) or 0.0, default=None)


def pool_found(unit: str, rows: Sequence[Mapping[str, Any]], pools: Sequence[Pool]) -> list[Found]:
    """The reading `pool` and its text, by the rows of POOLS; nothing where they tell none."""
    row = pool_in_use(rows)
    name = _pools.name_of(pools, row.get("URL"), row.get("User")) if row is not None else None
    if row is None or name is None:
        return []
    host, port = _pools.where(row.get("URL")) or ("", 0)
    return [Found(unit, "pool", name), Found(f"{unit} pool", "text", _answer.clean(f"{host}:{port}", 80))]


def is_pool(row: Mapping[str, Any] | None, pool: Pool) -> bool:
    """Whether a row of POOLS is this pool, by where it connects and as whom."""
    there = _pools.where(row.get("URL")) if row is not None else None
    return row is not None and there is not None and there == _pools.where(pool.url) and row.get("User") == pool.user


def slot_of(rows: Sequence[Mapping[str, Any]], pool: Pool) -> int | None:
    """The number under which a unit has this pool, None when it has not."""
    slots = [cgminer.number(row.get("POOL")) for row in rows if is_pool(row, pool)]
    return next((int(slot) for slot in slots if slot is not None), None)


def switched(command: Command, pool: Pool, slot: int, make: Make) -> Asking:
    """Work for the pool in this slot, read back. It lasts until the program restarts, which goes by priority."""
    answer = yield _talks.Step(make("switchpool", str(slot)), changes=True)
    outcome = judged(command, answer)
    if outcome.verdict != ACCEPTED:
        return outcome
    try:
        rows = cgminer.rows((yield _talks.Step(make("pools", ""))), "POOLS")
    except (WireError, BadReply) as error:
        return outcome._replace(why=f"took it, and could not be read again: {error}"[:120])
    if is_pool(pool_in_use(rows), pool):
        return Outcome(command.id, APPLIED, "until it restarts")
    return outcome._replace(why="took it, and is not working for it yet")


def permitted(command: Command, tree: cgminer.Tree) -> Outcome | None:
    """What `check` tells of a command when it may not be sent; None: it may."""
    told = cgminer.row(tree, "CHECK")
    if told.get("Exists") == "N":
        return Outcome(command.id, UNSUPPORTED, "this firmware does not know the command")
    if told.get("Access") == "N":
        return Outcome(command.id, REFUSED, READ_ONLY)
    if told.get("Access") != "Y":
        why = _answer.clean(cgminer.status(tree).text) or "no word"
        return Outcome(command.id, REFUSED, f"before the command: {why}")
    return None


def judged(command: Command, answer: Any, good: str = "") -> Outcome:
    """What the answer to a mutation says. `accepted` is the most: a CGMiner only says that it took the request."""
    if isinstance(answer, Outcome):
        return answer
    status = cgminer.status(answer)
    said = _answer.clean(status.text, 80)
    if status.code in cgminer.CAN_NOT and status.letter not in ("S", "I"):
        return Outcome(command.id, UNSUPPORTED, "this firmware does not know the command")
    if status.code == cgminer.ACCESS_DENIED and not status.good:
        return Outcome(command.id, REFUSED, READ_ONLY)
    if status.good:
        return Outcome(command.id, ACCEPTED, good or said)
    if status.letter in ("E", "F"):
        return Outcome(command.id, REFUSED, said or "refused without a reason")
    return Outcome(command.id, UNKNOWN, "the answer does not say how it went")


def seen_tree(seen: Seen, asked: str) -> cgminer.Tree:
    """The answer an address gave to this request while it was looked at, {} for anything else."""
    try:
        return cgminer.read(seen.answers.get(asked, b""))
    except cgminer.UnreadableError:
        return {}
