"""What a device kind is: the words every driver shares.

A kind is one file, devices/<kind>.py, named like the first word of its config section. It declares

    Options             NamedTuple of option(...)
    CAN                 what the kind can do at most
    LANE                how it takes commands
    fetch(wire, options, ask) -> tuple[Reply, ...]              I/O; raises WireError only
    parse(replies, options) -> Sequence[Found]                  pure and total; raises BadReply(why) only
    apply(wire, options, batch, report) -> None                 this round's commands for this endpoint, at its pace

and, for miners, where they apply,

    MODES               the words its `mode` takes, from least to most power; () = none
    EVERY_S             its boards are read at most this often (a microcontroller that mines); `due` keeps it
    SETTLE_S            after a restart, mode or pool change its word counts for little this long, unless an option says
    recognise(seen) -> Guess | None                             pure and total: is the unit that answered one of ours?

and, where its options say what it tells, or what it takes,

    lacks(options, channel, quantity) -> str                    pure: what it tells instead; "" = this it may tell
    never(options, address, verb) -> str                        pure: why this never takes the verb; "" = it may

and nothing else is called from outside. A kind that only reads has no `apply`. One with `OUTSIDE = True` lies beyond
the uplinks: their silence explains its own, and no outlet of the site feeds it. One with `HERE = True` is a part of the
controller itself and answers when nothing of the site does. One with `SAMPLES = True` reads what
somebody else may change at any time: an answer of it that can't be read is kept for the owner (`ports/samples.py`).
`CURRENCY` is what a publisher's prices are in, where no option says it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, overload

from mine_controller.core.model.command import Command, Outcome
from mine_controller.core.model.reading import Scalar
from mine_controller.record import NamedTuple
from mine_controller.wire.door import Wire


class BadReply(Exception):  # noqa: N818 - what the device did, not a fault of ours
    """The device answered something this driver can't read. The text is the reason, without secrets, <= 120 chars."""


class Reply(NamedTuple):
    """One raw answer as fetched; what `record` stores and test cases replay."""

    name: str  # which request: "outlets", "state", "page"
    status: int
    headers: Mapping[str, str]  # lower-case names
    body: bytes
    made: Any = None  # what fetch made of the body already, in whose place it then stands (see Ask.early)


class Found(NamedTuple):
    """One value of one channel. channel "" = the endpoint itself. value None needs a `why`."""

    channel: str
    quantity: str  # a key of core.model.quantity QUANTITIES or WORDS
    value: Scalar
    why: str = ""


Row = tuple[str, Scalar, str]  # what stands behind the unit in a reading's key, value, why


class Told(NamedTuple):
    """What one unit of a fleet told: what its dozen of `Found` say, as columns without an object for each.

    `unit` is a mac or a serial as `fleet.csv` takes it. Of the tails ":power_w" is of the channel "<unit>",
    " model:text" of "<unit> model".
    """

    unit: str
    tails: tuple[str, ...]
    values: tuple[Scalar, ...]
    whys: tuple[str, ...]

    def found(self) -> Iterator[Found]:
        """The same as `Found`."""
        for tail, value, why in zip(self.tails, self.values, self.whys, strict=True):
            behind, _, quantity = tail.partition(":")
            yield Found(self.unit + behind, quantity, value, why)


def told_of(unit: str, rows: Sequence[Row]) -> Told:
    """The rows of a unit as columns; there is at least one."""
    tails, values, whys = zip(*rows, strict=True)
    return Told(unit, tails, values, whys)


class Findings(Sequence[Found]):
    """What a fleet told, in its order. `ask` takes the `parts` as they are; a `Found` is made when somebody looks."""

    __slots__ = ("_all", "parts")

    def __init__(self, parts: Iterable[Found | Told]) -> None:
        self.parts = tuple(parts)
        self._all: tuple[Found, ...] | None = None

    def all(self) -> tuple[Found, ...]:
        """All of them, made."""
        if self._all is None:
            self._all = tuple(
                found for part in self.parts for found in (part.found() if isinstance(part, Told) else (part,))
            )
        return self._all

    def __len__(self) -> int:
        return len(self.all())

    @overload
    def __getitem__(self, at: int) -> Found: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Found]: ...
    def __getitem__(self, at: int | slice) -> Found | Sequence[Found]:
        return self.all()[at]

    def __iter__(self) -> Iterator[Found]:
        return iter(self.all())

    def __eq__(self, other: object) -> bool:
        return self.all() == tuple(other) if isinstance(other, Sequence) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # as a list

    def __repr__(self) -> str:
        return repr(self.all())


class Ask(NamedTuple):
    """What to ask this time. channels empty = everything; tickets = asynchronous jobs to look up."""

    channels: tuple[str, ...] = ()
    tickets: tuple[str, ...] = ()
    memory: dict[str, str] = {}  # noqa: RUF012 - what the kind kept from its last fetch (an ETag); read-only
    at_s: int = 0  # plant time at which the asking begins: what a kept back-off is measured by
    wall_s: int = 0  # the same moment by the wall clock, for kinds that ask for dates; 0 = not told
    early: bool = False  # only readings are wanted: bodies may be read, and dropped, while others are still awaited


class Can(NamedTuple):
    """What the kind can do at most; what a unit can do is found out."""

    reads: tuple[str, ...]  # quantities
    verbs: tuple[str, ...] = ()  # of core.model.command VERBS
    fleet: bool = False  # its channels are miners, known by mac
    outlets: bool = False  # its channels are outlets that feed miners
    gentle: bool = False  # its `stop` lets the miner finish


class LaneSpec(NamedTuple):
    """How the endpoint takes commands: how many at a time, seconds a call, one call for a whole batch, proof time."""

    width: int = 1
    call_s: float = 1.0
    batch: bool = False
    proof_s: int = 20


class Kind(Protocol):
    """The shape of a driver module."""

    Options: Any
    CAN: Can
    LANE: LaneSpec

    def fetch(self, wire: Wire, options: Any, ask: Ask) -> tuple[Reply, ...]:
        """Ask the device."""

    def parse(self, replies: Sequence[Reply], options: Any) -> Sequence[Found]:
        """Read the answers."""


class Seen(NamedTuple):
    """What one address answered while it was looked at by `discover`.

    `open`: ports that take a connection. `answers`: raw bytes by what was sent: "version", "devdetails" and "stats"
    on the CGMiner port, "GET /", "GET /api/system/info", "GET /probe" on port 80 and "GET /2/summary" on an XMRig port
    (status line and headers included), "get.device.info" on port 4433, "udp" for a datagram. Silent ones are left out.
    """

    host: str
    open: tuple[int, ...]
    answers: dict[str, bytes]


class Guess(NamedTuple):
    """What a kind makes of it. `rank`: 3 the unit names its make · 2 the shape of its answer · 1 nothing speaks against
    it; of several guesses the highest rank counts. `unit`: mac or serial, "" when it does not tell. `draws`: nominal
    and standby watts of its model where those of its kind's defaults are of another size."""

    kind: str
    rank: int
    model: str = ""
    firmware: str = ""
    unit: str = ""
    draws: tuple[int, int] = (0, 0)


def lacks_of(known: Iterable[tuple[str, str]], channel: str, quantity: str) -> str:
    """`lacks` of a kind whose options name every channel and quantity."""
    named = tuple(known)
    if (channel, quantity) in named:
        return ""
    return ", ".join(f"{what} of {name or 'the section itself'}" for name, what in named)


Report = Callable[[Outcome], None]
Batch = Sequence[Command]
