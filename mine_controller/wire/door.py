"""The door to the world: one method that exchanges bytes, one clock, one pause.

Drivers speak through a `Wire` and know nothing else of the world, so the same driver runs on real sockets
(`wire.http.live`), on the twin's sockets and, for history in seconds, on the twin without sockets.
"""

from collections.abc import Callable, Sequence
from typing import Any

from mine_controller.record import NamedTuple

BODY_CAP = 256 * 1024  # decoded bytes; more is cut off as "too large"


class WireError(Exception):
    """No usable answer: one short reason without secrets.

    kind: refused unreachable dns timeout tls closed too_large redirect bad_http missing (a library is not there).
    """

    def __init__(self, kind: str, why: str) -> None:
        super().__init__(why)
        self.kind = kind
        self.why = why

    @property
    def sent(self) -> bool:
        """False when nothing can have reached the device (refused, dns, connect)."""
        return self.kind not in ("refused", "dns", "unreachable", "missing")


class Request(NamedTuple):
    """One exchange. `url` is absolute. `tolerant`: the answer may lack a status line or headers (old RoomAlert,
    WebRelay): read raw until close. `auth`: ("basic" | "digest", user, password). `pin`: sha256 of the certificate.
    `changes`: a command, also as a GET: of its redirects none is followed but the one to TLS, where it was not done."""

    method: str
    url: str
    headers: dict[str, str] = {}  # noqa: RUF012
    body: bytes = b""
    auth: tuple[str, str, str] | None = None
    tolerant: bool = False
    pin: str = ""
    ca_file: str = ""
    cap: int = BODY_CAP
    changes: bool = False


class Response(NamedTuple):
    """`headers` have lower-case names; a tolerant answer without any has status 200 and none."""

    status: int
    headers: dict[str, str]
    body: bytes


Whole = Callable[[bytes | bytearray], bool]  # given all bytes so far as they grow: True once they are a whole answer


class Exchange(NamedTuple):
    """One of many: connect, send, read until the other side closes, `ends` is seen, or `cap` is reached.

    cap 0: only connect; the answer is how many milliseconds that took, as digits ("12.3")."""

    host: str  # an address, not a name: nothing is looked up
    port: int
    send: bytes
    ends: bytes = b""  # a terminator after which nothing more is waited for (NUL for the CGMiner API)
    cap: int = BODY_CAP
    source: str = ""  # local address to speak from, where a test farm needs one
    whole: "Callable[[], Whole] | None" = None  # makes who says that the answer is whole (a length inside tells)
    longest_s: float = 0.0  # more than the usual seconds for one exchange, where a device is known to take them
    within_s: float = 0.0  # over after this much, where that is less than the batch grants; 0 = as the batch grants
    connect_s: float = 0.0  # so much for the connection alone, less or more than usual; 0 = as the batch grants
    rides: bool = False  # not waited for: over soon after the last of the others in its batch that do not ride
    then: "Callable[[bytes | WireError], Exchange | None] | None" = None  # what is made of the answer; see `many`
    hear: "Callable[[bytes], None] | None" = None  # instead of `then`: given the answer at once, and nothing follows

    def after(self, answer: "bytes | WireError") -> "Exchange | None":
        """Give the answer to whom it is for; what is to be asked next."""
        if self.then is not None:
            return self.then(answer)
        if self.hear is not None and not isinstance(answer, WireError):
            self.hear(answer)
        return None

    def kept(self, answer: "bytes | WireError") -> "bytes | WireError":
        """What stands for it when it is over."""
        return answer if isinstance(answer, WireError) or (self.then is None and self.hear is None) else b""


Many = Callable[[Sequence[Exchange], float], "list[bytes | WireError]"]
STEPS = 64  # so many exchanges one conversation may have


def in_rounds(
    batch: Sequence[Exchange], volley: Callable[[Sequence[Exchange]], "list[bytes | WireError]"]
) -> "list[bytes | WireError]":
    """A `many` out of a door that only asks all at once: conversations take each step together."""
    answers: list[bytes | WireError] = [WireError("too_large", "a conversation without an end")] * len(batch)
    going = list(enumerate(batch))
    for _ in range(STEPS):
        further = []
        for (index, exchange), answer in zip(going, volley([each for _, each in going]) if going else (), strict=True):
            following = exchange.after(answer)
            if following is not None:
                further.append((index, following))
            else:
                answers[index] = exchange.kept(answer)
        going = further
    return answers


def _one_by_one_only(batch: Sequence[Exchange], until: float) -> "list[bytes | WireError]":
    """A wire made without a batch door: every exchange is unreachable, and says so."""
    del until
    return [WireError("unreachable", "this wire has no batch door") for _ in batch]


class Job(NamedTuple):
    """One unit for the library: what to do there ("read" or a verb of commands), with what, and to whom alone.

    `unit`: the mac or serial that must answer first ("" = whoever does). `logins`: (firmware, user, password), the
    names of firmware as asic-rs has them. `pools`: (url, user, password), the first is to be used first.
    """

    host: str
    do: str
    unit: str = ""
    value: str = ""
    logins: tuple[tuple[str, str, str], ...] = ()
    pools: tuple[tuple[str, str, str], ...] = ()


Library = Callable[[Sequence[Job], float], "list[dict[str, Any] | WireError]"]


def _no_library(batch: Sequence[Job], until: float) -> "list[dict[str, Any] | WireError]":
    """A wire made without the library's process: nothing was sent, and it says so."""
    del until
    return [WireError("unreachable", "this wire has no process for asic-rs") for _ in batch]


class Wire(NamedTuple):
    """`call` raises WireError and ends before `until` (in `now()` seconds); `sleep` paces a lane; `many` takes a whole
    fleet through non-blocking sockets in one thread and gives bytes or a WireError for each, in order; `library` has
    asic-rs do a batch of jobs in a process of its own and gives what it told of each, in order.

    An exchange with `then` is given to it as soon as it is over, while others are still awaited. What `then` returns is
    the next exchange of that conversation; None ends it, and b"" stands in the list for its bytes. It raises nothing.
    """

    call: Callable[[Request, float], Response]
    now: Callable[[], float]
    sleep: Callable[[float], None]
    until: float  # this stage's deadline for this endpoint, in now() seconds
    many: Many = _one_by_one_only
    library: Library = _no_library
