"""Faults of a device's web server, told once and played by both doors.

silent       takes the connection and says nothing      refuse   nobody listens (on sockets: dropped at once)
slow N       answers N seconds late                      cut      closes in the middle of the body
garbage      random bytes for a body                     html     a captive portal's page, 200
frozen       the first answer for ever                   huge     10 MB
bomb         a small gzip body that unpacks to 64 MB     drip     one byte a second
unauthorised 401                                         gone     nothing at that address
ok           none
"""

import gzip
from random import Random
from typing import Final

from mine_controller.record import NamedTuple
from mine_controller.twin.answer import Answer, text_answer

KINDS: Final = (
    "ok", "silent", "slow", "refuse", "cut", "garbage", "html", "frozen", "huge", "bomb", "drip", "unauthorised",
    "gone",
)  # fmt: skip
HUGE_BYTES: Final = 10_000_000
BOMB_BYTES: Final = 64_000_000
_PORTAL: Final = (
    "<html><head><title>Welcome</title></head><body><h1>Guest network</h1>"
    "<form action=/login><input name=room><input type=password name=code></form></body></html>"
)


class Fault(NamedTuple):
    """One of KINDS; `seconds` of a slow one."""

    kind: str
    seconds: float = 0.0


OK: Final = Fault("ok")


class Faults:
    """Which endpoint has which fault now, by section name ("redfish pdu1")."""

    def __init__(self) -> None:
        self._now: dict[str, Fault] = {}
        self._frozen: dict[tuple[str, str], Answer] = {}

    def put(self, section: str, fault: Fault) -> None:
        """Give `section` this fault in place of any other; OK ends it. ValueError: no such kind."""
        if fault.kind not in KINDS:
            raise ValueError(f"no fault is called {fault.kind}")
        self._now[section] = fault
        self._frozen = {key: value for key, value in self._frozen.items() if key[0].partition("/")[0] != section}

    def of(self, section: str) -> Fault:
        """The fault of this section; OK if it has none."""
        return self._now.get(section, OK)

    def bend(self, section: str, target: str, answer: Answer, fault: Fault | None = None) -> Answer:
        """What becomes of a good answer. Faults of timing and of the connection leave it alone.

        `fault`: where the caller knows better than `of(section)`.
        """
        kind = (fault or self.of(section)).kind
        if kind == "frozen":
            return self._frozen.setdefault((section, target), answer)
        if kind == "garbage":
            return answer._replace(body=_noise(section, len(answer.body)))
        if kind == "html":
            return text_answer(_PORTAL)
        if kind == "unauthorised":
            return text_answer("Unauthorized", 401, "text/plain")
        if kind == "huge":
            return answer._replace(body=(answer.body or b" ") * (HUGE_BYTES // max(1, len(answer.body)) + 1), raw=False)
        if kind == "bomb":
            headers = {**answer.headers, "Content-Encoding": "gzip"}
            return answer._replace(headers=headers, body=gzip.compress(bytes(BOMB_BYTES)), raw=False)
        return answer

    def twist(self, name: str, request: bytes, said: bytes, fault: Fault) -> bytes:
        """The same for the bytes of a bare connection; what only HTTP has leaves them alone."""
        if fault.kind == "frozen":
            target, answer = request.decode("latin-1"), Answer(200, {}, said, raw=True)
            return self._frozen.setdefault((name, target), answer).body
        if fault.kind == "garbage":
            return _noise(name, len(said))
        if fault.kind == "html":
            return text_answer(_PORTAL).body
        if fault.kind in ("huge", "bomb"):
            return (said.rstrip(b"\0") or b" ") * (HUGE_BYTES // max(1, len(said)) + 1)
        return said


def _noise(name: str, length: int) -> bytes:
    return Random(name).randbytes(max(64, min(4096, length)))  # noqa: S311 - a fault, not a key
