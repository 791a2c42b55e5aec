"""The door to the world: one method that exchanges bytes, one clock, one pause.

Drivers speak through a `Wire` and know nothing else of the world, so the same driver runs on real sockets
(`wire.http.live`), on the twin's sockets and, for history in seconds, on the twin without sockets.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

BODY_CAP = 256 * 1024  # decoded bytes; more is cut off as "too large"


class WireError(Exception):
    """No usable answer: one short reason without secrets.

    kind: refused unreachable dns timeout tls closed too_large redirect bad_http.
    """

    def __init__(self, kind: str, why: str) -> None:
        super().__init__(why)
        self.kind = kind
        self.why = why

    @property
    def sent(self) -> bool:
        """False when nothing can have reached the device (refused, dns, connect)."""
        return self.kind not in ("refused", "dns", "unreachable")


class Request(NamedTuple):
    """One exchange. `url` is absolute. `tolerant`: the answer may lack a status line or headers (old RoomAlert,
    WebRelay): read raw until close. `auth`: ("basic" | "digest", user, password). `pin`: sha256 of the certificate."""

    method: str
    url: str
    headers: dict[str, str] = {}  # noqa: RUF012
    body: bytes = b""
    auth: tuple[str, str, str] | None = None
    tolerant: bool = False
    pin: str = ""
    ca_file: str = ""
    cap: int = BODY_CAP


class Response(NamedTuple):
    """`headers` have lower-case names; a tolerant answer without any has status 200 and none."""

    status: int
    headers: dict[str, str]
    body: bytes


class Exchange(NamedTuple):
    """One of many: connect, send, read until the other side closes, `ends` is seen, or `cap` is reached."""

    host: str  # an address, not a name: nothing is looked up
    port: int
    send: bytes
    ends: bytes = b""  # a terminator after which nothing more is waited for (NUL for the CGMiner API)
    cap: int = BODY_CAP
    source: str = ""  # local address to speak from, where a test farm needs one
    whole: "Callable[[bytes], bool] | None" = None  # True once the bytes are a whole answer (a length inside tells)


Many = Callable[[Sequence[Exchange], float], "list[bytes | WireError]"]


def _one_by_one_only(batch: Sequence[Exchange], until: float) -> "list[bytes | WireError]":
    """A wire made without a batch door: every exchange is unreachable, and says so."""
    del until
    return [WireError("unreachable", "this wire has no batch door") for _ in batch]


class Wire(NamedTuple):
    """`call` raises WireError and ends before `until` (in `now()` seconds); `sleep` paces a lane; `many` takes a whole
    fleet through non-blocking sockets in one thread and gives bytes or a WireError for each, in order."""

    call: Callable[[Request, float], Response]
    now: Callable[[], float]
    sleep: Callable[[float], None]
    until: float  # this stage's deadline for this endpoint, in now() seconds
    many: Many = _one_by_one_only
