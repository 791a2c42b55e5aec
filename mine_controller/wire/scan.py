"""Who is there: connects to many doors at once in one thread, and an ear for datagrams.

A scan costs one connect time-out however many addresses are silent, as long as all sockets fit into the window; beyond
that the next ones begin as places fall free. Nothing is looked up, nothing is sent, nothing is retried: the system
repeats a lost SYN after 1 s by itself. A system without epoll (it is Linux's) finds every door failed.
"""

import contextlib
import errno
import os
import resource
import select
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from mine_controller.record import NamedTuple

CONNECT_S = 1.2  # a LAN answers in milliseconds; this leaves room for one lost SYN
WINDOW = 2048  # sockets open at a time: with three doors an address, fewer addresses than the 1,024 neighbours of Linux
BURST = 256  # connects between two looks at the answers
SPARE = 512  # descriptors left to whoever talks to the doors that open
LEAST = 32  # sockets at a time on a system that has hardly any
BATCH_S = 0.05  # how often the doors found so far are handed on
DATAGRAM = 2048  # bytes; the rest of a longer one is cut off
_CLOSED = (errno.ECONNREFUSED, errno.ECONNRESET)
_NO_ROOM = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_ARP = Path("/proc/net/arp")  # Linux: address, type, flags (0x2: complete), mac ... a line
_COMPLETE = 0x2


class Door(NamedTuple):
    """One port of one IPv4 address."""

    host: str
    port: int


class Tally:
    """How a scan stands: doors knocked at and done with, those nobody opened, and what failed on this side."""

    def __init__(self) -> None:
        self.done = 0
        self.refused = 0  # somebody is there and said no
        self.silent = 0
        self.failed: Counter[str] = Counter()  # "network is unreachable" -> doors


class _Knock(NamedTuple):
    sock: socket.socket
    door: Door
    until: float


def knock(doors: Sequence[Door], tally: Tally, wait_s: float = CONNECT_S) -> Iterator[list[Door]]:
    """Doors that take a connection, in batches as they are found, each closed again at once.

    A batch comes at least every 50 ms and may be empty, so that the asker can show how far it is. `tally` is kept up.
    """
    if not hasattr(select, "epoll"):
        tally.failed["this system has no epoll"] = tally.done = len(doors)
        return
    scan = _Scan(doors, tally, wait_s)
    try:
        yield from scan.run()
    finally:
        scan.close()


class _Scan:
    """One scan on its way. `open` is in the order of `until`, because all wait equally long."""

    def __init__(self, doors: Sequence[Door], tally: Tally, wait_s: float) -> None:
        self.doors, self.tally, self.wait_s = doors, tally, wait_s
        self.next = 0
        self.open: dict[int, _Knock] = {}
        self.window = _room()
        self.found: list[Door] = []
        self.poll = select.epoll()

    def run(self) -> Iterator[list[Door]]:
        hand_at = time.monotonic() + BATCH_S
        while self.next < len(self.doors) or self.open:
            now = time.monotonic()
            more = self._fill(now)
            for fd, _ in self.poll.poll(0 if more else max(0.0, hand_at - now)):
                self._answer(fd)
            if (now := time.monotonic()) >= hand_at:
                self._expire(now)
                hand_at = now + BATCH_S
                yield self._hand_on()
        yield self._hand_on()

    def close(self) -> None:
        """Every socket; a scan may be left half-way."""
        for knocked in self.open.values():
            knocked.sock.close()
        self.poll.close()

    def _hand_on(self) -> list[Door]:
        found, self.found = self.found, []
        return found

    def _fill(self, now: float) -> bool:
        """Knock at the next doors; True when there is room for more at once."""
        for _ in range(BURST):
            if self.next >= len(self.doors) or len(self.open) >= self.window:
                return False
            door = self.doors[self.next]
            try:
                self._start(door, now)
            except OSError as error:
                if error.errno in _NO_ROOM and self.open:
                    self.window = len(self.open)  # whoever is done makes room for the next
                    return False
                self._done(door, error.errno or errno.EIO)
            self.next += 1
        return True

    def _start(self, door: Door, now: float) -> None:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            with contextlib.suppress(BlockingIOError):  # on its way: the epoll says when it is there
                sock.connect(door)
            self.poll.register(sock, select.EPOLLOUT)
        except OSError:
            sock.close()
            raise
        self.open[sock.fileno()] = _Knock(sock, door, now + self.wait_s)

    def _answer(self, fd: int) -> None:
        knocked = self.open.pop(fd)
        code = knocked.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        knocked.sock.close()
        self._done(knocked.door, code)

    def _done(self, door: Door, code: int) -> None:
        self.tally.done += 1
        if code == 0:
            self.found.append(door)
        elif code in _CLOSED:
            self.tally.refused += 1
        elif code in (errno.ETIMEDOUT, errno.EHOSTUNREACH):  # nobody answers for the address on its own network
            self.tally.silent += 1
        else:
            self.tally.failed[os.strerror(code).lower()] += 1

    def _expire(self, now: float) -> None:
        for fd, knocked in list(self.open.items()):
            if knocked.until > now:
                return
            del self.open[fd]
            knocked.sock.close()
            self.tally.done += 1
            self.tally.silent += 1


def _room() -> int:
    """How many sockets may be open at a time; the soft limit of descriptors is raised as far as the hard one lets."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WINDOW + SPARE
    if soft != resource.RLIM_INFINITY and soft < wanted:
        raised = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
        with contextlib.suppress(OSError, ValueError):  # else the limit stays as it is and is kept to
            resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
            soft = raised
    return WINDOW if soft == resource.RLIM_INFINITY else max(LEAST, min(WINDOW, soft - SPARE))


def ear(port: int, address: str = "") -> socket.socket:
    """A socket on which broadcasts to `port` are heard, also beside another program that listens. OSError."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address, port))
    except OSError:
        sock.close()
        raise
    return sock


def hear(sock: socket.socket, until: float, wanted: Callable[[str], bool]) -> dict[str, bytes]:
    """The newest datagram of each sender whose address is `wanted`; over at `until` (`time.monotonic`), closes `sock`.

    Whoever shouts more is heard no longer: what can be kept is one datagram an address.
    """
    heard: dict[str, bytes] = {}
    with sock:
        while (left := until - time.monotonic()) > 0:
            sock.settimeout(left)
            try:
                data, (sender, _) = sock.recvfrom(DATAGRAM)
            except TimeoutError:
                break
            if wanted(sender):
                heard[sender] = data
    return heard


def neighbours() -> dict[str, str]:
    """Address -> mac of whom this machine has just spoken to on its own network; {} where the system does not tell."""
    try:
        lines = _ARP.read_text(encoding="ascii", errors="replace").splitlines()[1:]
    except OSError:
        return {}  # no Linux, or a container without it: a unit then has only what it says itself
    found = {}
    for line in lines:
        cells = line.split()
        if len(cells) >= 4 and int(cells[2], 16) & _COMPLETE:
            found[cells[0]] = cells[3].lower()
    return found
