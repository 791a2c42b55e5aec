"""The door to the world: one method that exchanges bytes, one clock, one pause.

Drivers speak through a `Wire` and know nothing else of the world, so the same driver runs on real sockets
(`wire.http.live`), on the twin's sockets and, for history in seconds, on the twin without sockets.
"""

from collections.abc import Callable
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


class Wire(NamedTuple):
    """`call` raises WireError and ends before `until` (in `now()` seconds); `sleep` paces a lane."""

    call: Callable[[Request, float], Response]
    now: Callable[[], float]
    sleep: Callable[[float], None]
    until: float  # this stage's deadline for this endpoint, in now() seconds
