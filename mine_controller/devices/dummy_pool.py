"""The holding pool of `minectl dummy-pool`, as the tick sees it: does it live, who is on it, and is it to take miners?

Two doors of the same process are asked: the one on the LAN as a miner would (subscribe, authorize, and a job has to
come), the control door on loopback for the figures. Opened and closed by the control door; closed, it sends every miner
home and turns newcomers away.
"""

from collections.abc import Sequence
from typing import Any

from mine_controller.core.model.command import APPLIED, NOT_SENT, REFUSED, UNKNOWN, UNREACHABLE, Command, Outcome
from mine_controller.core.option import option
from mine_controller.devices import _answer, _hosts
from mine_controller.devices.kind import Ask, BadReply, Can, Found, LaneSpec, Reply, Report
from mine_controller.record import NamedTuple
from mine_controller.wire.door import Exchange, Wire, WireError

LOOPBACK = "127.0.0.1"
RESTART = "systemctl restart minectl-dummy-pool"
ANYWHERE = ("0.0.0.0", "::")  # noqa: S104 - what another one may have been told to listen on
WORDS = {"on": b"open\n", "off": b"close\n"}
GREETING = (
    b'{"id":1,"method":"mining.subscribe","params":["minectl/watch"]}\n'
    b'{"id":2,"method":"mining.authorize","params":["minectl.watch","x"]}\n'
)
ANSWER_S = 2.0  # a pool that takes longer is none
CAP = 16 * 1024


class Options(NamedTuple):
    """Where it listens. `minectl dummy-pool` reads the same section."""

    host: str = option(
        kind="host", help="address of this machine on the miners' LAN: the pool listens there and nowhere else",
        example="10.0.1.5",
    )  # fmt: skip
    port: int = option(3333, low=1, high=65_535, help="port for the miners")
    control_port: int = option(3334, low=1, high=65_535, help="port on loopback where the tick opens and closes it")
    most: int = option(10_000, low=1, high=100_000, help="connections it takes at most")
    miner_ths: float = option(
        0.0, unit="TH/s", low=0, high=2000, help="hash rate of one miner, which sets the difficulty; 0 = by its make"
    )
    start_open: bool = option(False, help="yes = it takes miners from its start; no = once the tick opens it")


CAN = Can(reads=("switch", "link", "clients_n", "accepted_n", "rejected_n"), verbs=("on", "off"))
LANE = LaneSpec(width=1, call_s=0.1, proof_s=10)
HERE = True


def faults(options: Options) -> list[str]:
    """What can't be right."""
    if ":" in options.host:
        return ["port: is an option of its own, not part of host"]
    if not _hosts.is_address(options.host):
        return ["host: is a name, which is not looked up when the pool is asked: write the address of this machine"]
    if options.port == options.control_port and options.host == LOOPBACK:
        return ["control_port: is the port of the miners; give it another"]
    return []


def fetch(wire: Wire, options: Options, ask: Ask) -> tuple[Reply, ...]:
    """Replies "status" and "pool". Raises WireError, with what helps, when neither door answers."""
    del ask
    answers = wire.many(
        [
            Exchange(LOOPBACK, options.control_port, b"status\n", b"\n", CAP),
            Exchange(options.host, options.port, GREETING, b"", CAP, whole=lambda: _has_job),
        ],
        min(wire.until, wire.now() + ANSWER_S),
    )
    dead = [answer for answer in answers if isinstance(answer, WireError)]
    if len(dead) == len(answers):
        raise WireError(dead[0].kind, f"{dead[0].why}: {RESTART}")
    return tuple(_reply(name, answer) for name, answer in zip(("status", "pool"), answers, strict=True))


def _has_job(raw: bytes | bytearray) -> bool:
    return b'"mining.notify","params"' in raw and raw.endswith(b"\n")


def _reply(name: str, answer: bytes | WireError) -> Reply:
    if isinstance(answer, WireError):
        return Reply(name, 0, {"why": answer.why}, b"")
    return Reply(name, 200, {}, answer)


def parse(replies: Sequence[Reply], options: Options) -> tuple[Found, ...]:
    """`switch` on while it takes miners, `link` up when a job came, and counts.

    Raises BadReply without a status, and where the process still listens where an older config said.
    """
    by_name = {reply.name: reply for reply in replies}
    if "status" not in by_name:
        raise BadReply("no status: is `minectl dummy-pool` running?")
    try:
        status = _answer.table(by_name["status"])
    except BadReply as error:
        raise BadReply(f"{error}: is `minectl dummy-pool` running?") from None
    taking = status.get("open")
    if not isinstance(taking, bool):
        raise BadReply("status: does not say whether it is open")
    where = (status.get("host", options.host), status.get("port", options.port))
    if where[0] not in (options.host, *ANYWHERE) or where[1] != options.port:
        place = _answer.clean(f"{where[0]}:{where[1]}", 40)
        raise BadReply(f"it listens on {place}, not where this section says: {RESTART}")
    found = [Found("", "switch", "on" if taking else "off"), _link(by_name.get("pool"), taking, _is_full(status))]
    for quantity, name in (("clients_n", "working"), ("accepted_n", "accepted"), ("rejected_n", "rejected")):
        value = status.get(name)
        known = isinstance(value, int) and not isinstance(value, bool)
        found.append(Found("", quantity, value if known else None, "" if known else "the status does not say"))
    return tuple(found)


def _is_full(status: dict[str, Any]) -> bool:
    """Every place is taken and most of them by miners at work: nobody else gets in, our own look neither."""
    most, clients, working = (_answer.number(status.get(name)) for name in ("most", "clients", "working"))
    return most is not None and clients is not None and working is not None and clients >= most <= 2 * working


def _link(pool: Reply | None, taking: bool, full: bool) -> Found:
    """Whether miners are given work. Closed it turns everybody away, which says nothing; full it works for those it
    has."""
    if pool is not None and pool.status and _has_job(pool.body):
        return Found("", "link", "up")
    if taking and full:
        return Found("", "link", "up")
    if not taking:
        return Found("", "link", None, "closed, so nobody is given work")
    return Found("", "link", "down")


def apply(wire: Wire, options: Options, batch: Sequence[Command], report: Report) -> None:
    """Open (`on`) or close (`off`)."""
    for command in batch:
        if wire.now() >= wire.until:
            report(Outcome(command.id, NOT_SENT, "the lane's time was over"))
            continue
        wanted = Exchange(LOOPBACK, options.control_port, WORDS[command.verb], b"\n", CAP)
        report(_outcome(command, wire.many([wanted], min(wire.until, wire.now() + ANSWER_S))[0]))


def _outcome(command: Command, answer: bytes | WireError) -> Outcome:
    if isinstance(answer, WireError):
        return Outcome(command.id, UNKNOWN if answer.sent else UNREACHABLE, answer.why)
    try:
        taking = _answer.table(Reply("control", 200, {}, answer)).get("open")
    except BadReply as error:
        return Outcome(command.id, UNKNOWN, str(error))
    if taking is (command.verb == "on"):
        return Outcome(command.id, APPLIED)
    return Outcome(command.id, REFUSED, "it says it is not what was asked")
