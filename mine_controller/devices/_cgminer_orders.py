"""Commands over the CGMiner API: who is meant, what is said first, what an answer means, and the slots of pools."""

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

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
from mine_controller.devices import _answer, _hosts, _pools, _talks, _turns
from mine_controller.devices._cgminer import Fleet, deadline, exchange, read
from mine_controller.devices.kind import BadReply, Found, Report
from mine_controller.wire import cgminer
from mine_controller.wire.door import Exchange, Wire, WireError

OTHER_UNIT = _talks.OTHER_UNIT
READ_ONLY = "it lets us only read: allow this machine in its API settings"
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
    answers = wire.many([exchange(options, _hosts.wanted(command)[0], send) for command, send in lines], deadline(wire))
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
