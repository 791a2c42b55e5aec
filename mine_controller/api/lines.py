"""How long a line may be kept by somebody who asks nothing, or does not take what was answered.

The service has room for so many lines at a time; without these bounds a few dozen that say nothing would keep everybody
else out for as long as they like, and an emergency stop with them.
"""

import asyncio
import fcntl
import struct
import termios
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

ASKED_S = 10.0  # from the line's beginning, or the last answer, to the end of a request's head
TAKEN_S = 30.0  # during which nothing of an answer is taken
LOOK_S = 2.5


class Line(H11Protocol):
    """One line: cut when no request comes in time, or when nothing of its answer is taken."""

    asked_s, taken_s, look_s = ASKED_S, TAKEN_S, LOOK_S

    def __init__(self, *about: Any, **more: Any) -> None:
        super().__init__(*about, **more)
        self._lively_s, self._left = self.loop.time(), 0
        self._looks: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as its own class has it
        """A new line: its first request is awaited."""
        super().connection_made(transport)
        self._socket = transport.get_extra_info("socket")
        self._lively_s = self.loop.time()
        self._looks = self.loop.call_later(self.look_s, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """The end of it."""
        if self._looks is not None:
            self._looks.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """An answer is out: the next request is awaited."""
        self._lively_s = self.loop.time()
        super().on_response_complete()

    def resume_writing(self) -> None:
        """What was sent is being taken."""
        self._lively_s = self.loop.time()
        super().resume_writing()

    def _look(self) -> None:
        """Whether something has come or gone since; who waits for an answer may wait."""
        now_s, left = self.loop.time(), self._on_its_way()
        at_work = self.cycle is not None and not self.cycle.response_complete
        if left != self._left or (at_work and not left):
            self._lively_s = now_s
        self._left = left
        if now_s - self._lively_s >= (self.taken_s if left else self.asked_s):
            self.transport.abort()
        else:
            self._looks = self.loop.call_later(self.look_s, self._look)

    def _on_its_way(self) -> int:
        """Bytes that the system has not brought over yet. Over TLS the transport can't tell what waits in this program;
        while anything does, the system's own room is full.
        """
        try:
            (left,) = struct.unpack("i", fcntl.ioctl(self._socket.fileno(), termios.TIOCOUTQ, bytes(4)))
        except (OSError, ValueError):
            return 0  # closed already: its number is -1
        return int(left)
