"""Boards that only shout, on real sockets: each sends its datagram from its own address, and hears settings there.

A real one broadcasts on its network. On this machine that is 127.255.255.255, which everybody hears who listens on all
addresses, as `minectl collect` and `minectl discover --listen` do.
"""

import selectors
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Event, Thread
from typing import Final, Protocol, runtime_checkable

from mine_controller.record import NamedTuple
from mine_controller.twin.servers.nmminer import EVERY_S, PORT_UDP, PORT_UDP_SETTINGS

BROADCAST: Final = "127.255.255.255"
LOOK_S: Final = 0.05  # real seconds between two looks at the plant's clock
LONGEST: Final = 2048  # bytes of a settings datagram
Said = Callable[[], tuple[float, dict[str, bytes]]]
Hear = Callable[[str, bytes], None]


@runtime_checkable
class Shouter(Protocol):
    """A unit with datagrams."""

    def datagram(self, at_s: float) -> bytes:
        """What it sends at that plant second, b"" for nothing."""

    def hear(self, raw: bytes, at_s: float) -> None:
        """Settings; nothing answers."""


class Air(NamedTuple):
    """Where they shout to, and the port on which they hear settings (0: any free one, for tests side by side)."""

    host: str = BROADCAST
    port: int = PORT_UDP
    settings: int = PORT_UDP_SETTINGS


class Shouts:
    """A thread for all of them. `said` gives the plant second and each one's words by address; `hear` takes settings.

    `ports`: where each address hears settings; one whose port somebody else has shouts and is deaf.
    """

    def __init__(self, hosts: Sequence[str], air: Air, said: Said, hear: Hear) -> None:
        self._air, self._said, self._hear, self._closing = air, said, hear, Event()
        self._socks: dict[str, socket.socket] = {}
        self._due_s: dict[str, float] = {}
        try:
            for host in hosts:
                self._socks[host] = _sock(host, air.settings)
        except OSError:
            self._shut()
            raise
        self.ports = {host: int(sock.getsockname()[1]) for host, sock in self._socks.items()}
        self._thread = Thread(target=self._run, name="twin shouts", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Not one more."""
        self._closing.set()
        self._thread.join(5)
        self._shut()

    def _shut(self) -> None:
        for sock in self._socks.values():
            sock.close()

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            for host, sock in self._socks.items():
                selector.register(sock, selectors.EVENT_READ, host)
            while not self._closing.is_set():
                for key, _ in selector.select(LOOK_S):
                    self._take(str(key.data))
                self._shout()

    def _take(self, host: str) -> None:
        with suppress(OSError):  # gone between the look and the reading
            self._hear(host, self._socks[host].recv(LONGEST))

    def _shout(self) -> None:
        at_s, words = self._said()
        for host, raw in words.items():
            if raw and host in self._socks and at_s >= self._due_s.get(host, at_s):
                self._due_s[host] = at_s + EVERY_S
                with suppress(OSError):  # nobody hears a network that is not there
                    self._socks[host].sendto(raw, (self._air.host, self._air.port))


def _sock(host: str, port: int) -> socket.socket:
    """Bound to its address, so that the sender is the board; on any port where that one is taken. OSError."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock.setblocking(False)
        try:
            sock.bind((host, port))
        except OSError:
            sock.bind((host, 0))
    except OSError:
        sock.close()
        raise
    return sock
