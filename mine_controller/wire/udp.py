"""Datagrams that boards shout into the network, as a process hears them that does nothing else; one sent to a board.

A datagram can be forged by anybody on the network: what is heard here is read, never believed to set anything free.
"""

import socket
import time
from collections.abc import Callable
from contextlib import suppress

from mine_controller.wire.door import Request, Response, WireError
from mine_controller.wire.scan import DATAGRAM, neighbours

WAIT_S = 0.5
A_SECOND = 2000  # datagrams; beyond them the rest of the second is not listened to
TABLE_S = 10.0
NUDGE_S = 60.0
DISCARD = 9  # the port where nobody listens: what is sent there means nothing
MACS_MOST = 4096


def listen(sock: socket.socket, take: Callable[[str, bytes], None], ended: Callable[[], bool]) -> None:
    """Hand on every datagram with its sender's address until `ended`; closes `sock`. OSError."""
    second, count = 0, 0
    with sock:
        sock.settimeout(WAIT_S)
        while not ended():
            try:
                data, (sender, _) = sock.recvfrom(DATAGRAM)
            except TimeoutError:
                continue
            take(sender, data)
            now = int(time.monotonic())
            second, count = (second, count + 1) if now == second else (now, 1)
            if count > A_SECOND:
                time.sleep(max(0.0, second + 1 - time.monotonic()))


def send(request: Request) -> Response:
    """One datagram to the one address of "udp://10.0.1.7:12347"; nothing answers, so the answer is an empty 204.

    Never a broadcast: the system refuses those on a socket that did not ask for them. Raises WireError.
    """
    host, _, port = request.url.removeprefix("udp://").rpartition(":")
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(request.body, (host, int(port)))
    except OSError as error:
        raise WireError("unreachable", f"the datagram was not sent: {error.strerror or 'no way there'}") from None
    return Response(204, {}, b"")


class Macs:
    """The hardware address of senders on this network, as the kernel learns them."""

    def __init__(
        self,
        table: Callable[[], dict[str, str]] = neighbours,
        nudge: Callable[[str], None] | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._table, self._nudge, self._now = table, nudge or _nudge, now
        self._known: dict[str, str] = {}
        self._read_at = -TABLE_S
        self._nudged: dict[str, float] = {}

    def of(self, sender: str) -> str:
        """Its mac, "" while it is not known: then it is soon, because the kernel is made to look for it.

        A shout alone teaches the kernel nothing, and a mac is read anew every 10 s: addresses move.
        """
        now = self._now()
        if now - self._read_at >= TABLE_S:
            self._known, self._read_at = self._table(), now
        if sender not in self._known and now - self._nudged.get(sender, -NUDGE_S) >= NUDGE_S:
            if len(self._nudged) >= MACS_MOST:
                self._nudged.clear()
            self._nudged[sender] = now
            self._nudge(sender)
        return self._known.get(sender, "")


def _nudge(host: str) -> None:
    """An empty datagram to the discard port: before it leaves, the kernel has to find out the address behind it."""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:  # no way there: no mac either
        sock.setblocking(False)
        sock.sendto(b"", (host, DISCARD))
