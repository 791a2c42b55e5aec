"""Many exchanges at once in one thread: non-blocking sockets behind one epoll, a whole fleet in one round.

Each exchange is connect, send, read until the terminator, the end of the stream or the cap. Sockets are watched edge by
edge, so that an exchange costs one registration and no change of it. Nothing is looked up and nothing is retried.
What has arrived is handed to its `then` whenever no socket has news, so that reading what the devices say costs no time
while others are still thinking. A system without epoll (it is Linux's) answers "unreachable" for everything.
"""

import contextlib
import errno
import os
import resource
import select
import socket
import time
from collections import deque
from collections.abc import Iterator, Sequence

from mine_controller.wire.door import STEPS, Exchange, WireError, in_rounds

Answer = bytes | WireError

CONNECT_S = 2.0  # a LAN answers in milliseconds; this leaves room for one lost SYN, which is repeated after 1 s
EXCHANGE_S = 8.0  # slow control boards take up to 5 s for a read
QUIET_S = 2.0  # some firmware keeps the line open and sends no terminator: so long without a byte is the end
RIDE_S = 0.01  # how long at least those that ride get after the last of the others
SWEEP_S = 0.25  # how often limits of single exchanges are looked at
WINDOW = 4000  # sockets open at a time
BURST = 32  # connects between two looks at the answers: so few sockets stay in the cache until they are heard
SPARE = 64  # descriptors left to everyone else
CHUNK = 8_192  # the longest usual answer has 7 kB, and twice as much at a time costs 3 % more
HANDFUL = 8  # answers handed on between two looks at sockets that have no news
BACKLOG = 256  # answers kept for later while sockets have news: each is some kB
_BIND_NO_PORT = 24  # Linux: bind an address and leave the port to connect, so that ports do not run out

_STREAM = socket.SOCK_STREAM | socket.SOCK_NONBLOCK
_NEWS = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET
_ONLY_ROOM = ~select.EPOLLOUT
_LOST = select.EPOLLERR | select.EPOLLHUP
_ON_ITS_WAY = {0, errno.EINPROGRESS, errno.EAGAIN}
_REFUSED = {errno.ECONNREFUSED}
_NO_ROOM = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


def many(batch: Sequence[Exchange], until: float) -> list[Answer]:
    """The bytes of each exchange or why there are none, in the order given; over by `until` (`time.monotonic`).

    A terminator is part of the bytes and nothing behind it is. The kinds of error are those of `WireError`: refused,
    unreachable and dns mean that nothing was sent.
    """
    if not hasattr(select, "epoll"):
        none = WireError("unreachable", "this system has no epoll")
        return in_rounds(batch, lambda exchanges: [none for _ in exchanges])
    return _Round(batch, until).run()


class _Talk:
    """One exchange on its way."""

    __slots__ = ("began", "data", "exchange", "fd", "heard", "index", "left", "sock", "up", "whole")

    def __init__(self, index: int, exchange: Exchange, sock: socket.SocketType, began: float) -> None:
        self.index = index
        self.exchange = exchange
        self.sock, self.fd = sock, sock.fileno()
        self.began = began
        self.heard = began
        self.left: bytes | memoryview = exchange.send
        self.data: bytearray = bytearray()
        self.up = False  # connected
        self.whole = exchange.whole() if exchange.whole is not None else None


class _Round:
    def __init__(self, batch: Sequence[Exchange], until: float) -> None:
        self.until = until
        self.answers: list[Answer | None] = [None] * len(batch)
        self.steps = [1] * len(batch)  # exchanges of each conversation
        self.waiting: Iterator[tuple[int, Exchange]] = iter(enumerate(batch))
        self.next: tuple[int, Exchange] | None = next(self.waiting, None)
        self.following: deque[tuple[int, Exchange]] = deque()  # next exchanges of conversations: before new ones
        self.heard: deque[tuple[int, Answer, Exchange]] = deque()  # over, and not yet handed to their `then`
        self.open: dict[int, _Talk] = {}
        self.window = _window(len(batch))
        rounds = -(-len(batch) // self.window) if batch else 1
        self.each_s = min(EXCHANGE_S, max(0.0, until - time.monotonic()) / rounds)
        self.connect_s = min(CONNECT_S, self.each_s)
        self.began = time.monotonic()
        self.firm = sum(not exchange.rides for exchange in batch)  # those that are waited for and not over yet
        self.last_call = until if self.firm else None  # from when on nobody waits for those that ride; None: all do

    def run(self) -> list[Answer]:
        self.poll = select.epoll()
        try:
            self._talk()
        finally:
            for talk in self.open.values():
                talk.sock.close()
            self.poll.close()
        self._hand_out()
        return [_no_time() if answer is None else answer for answer in self.answers]

    def _talk(self) -> None:
        sweep_at = time.monotonic() + SWEEP_S
        while (now := time.monotonic()) < self._until() and (self.next or self.following or self.open or self.heard):
            more = self._fill(now)
            wait_s = 0.0 if more or self.heard else max(0.0, min(self._until(), sweep_at) - now)
            news = self.poll.poll(wait_s)
            for fd, mask in news:
                talk = self.open.get(fd)
                if talk is not None:
                    self._step(talk, mask)
            if self.heard and not news:
                for _ in range(min(HANDFUL, len(self.heard))):
                    self._listen()
            while len(self.heard) > BACKLOG:
                self._listen()
            if (now := time.monotonic()) >= sweep_at:
                self._sweep(now)
                sweep_at = now + SWEEP_S
        self._sweep(time.monotonic())
        for talk in list(self.open.values()):
            self._end(talk, _late(talk, time.monotonic()))

    def _listen(self) -> None:
        """Hand the oldest answer to its `then`, and take what is to be said next."""
        index, answer, exchange = self.heard.popleft()
        following = exchange.after(answer)
        if following is None:
            self._settle(index, exchange.kept(answer), exchange)
            return
        self.steps[index] += 1
        if self.steps[index] > STEPS:
            self._settle(index, WireError("too_large", "a conversation without an end"), exchange)
        elif following.rides == exchange.rides:
            self.following.append((index, following))
        else:
            self.following.append((index, following._replace(rides=exchange.rides)))

    def _hand_out(self) -> None:
        """Time is over: whoever waits for an answer is told, and nothing goes out any more."""
        while self.heard or self.following or self.next is not None:
            while self.heard:
                self._listen()
            pending, self.following = list(self.following), deque()
            if self.next is not None:
                pending += [self.next, *self.waiting]
                self.next = None
            for index, exchange in pending:
                self._over(index, _no_time(), exchange)

    def _until(self) -> float:
        return self.until if self.last_call is None else min(self.until, self.last_call)

    def _over(self, index: int, answer: Answer, exchange: Exchange) -> None:
        if exchange.then is None and exchange.hear is None:
            self._settle(index, answer, exchange)
        else:
            self.heard.append((index, answer, exchange))

    def _settle(self, index: int, answer: Answer, exchange: Exchange) -> None:
        """One has ended. After the last that is waited for, those that ride get a tenth of the time it all took."""
        self.answers[index] = answer
        self.firm -= not exchange.rides
        if self.firm == 0 and not exchange.rides:
            now = time.monotonic()
            self.last_call = now + max(RIDE_S, (now - self.began) / 10)

    def _fill(self, now: float) -> bool:
        """Open the next exchanges; True when there is room for more at once."""
        for _ in range(BURST):
            upcoming = self.following[0] if self.following else self.next
            if upcoming is None or len(self.open) >= self.window:
                return False
            index, exchange = upcoming
            try:
                self._start(index, exchange, now)
            except OSError as error:
                if error.errno in _NO_ROOM and self.open:
                    self.window = len(self.open)  # whoever ends makes room for the next
                    return False
                self._over(index, _lost(error), exchange)
            except WireError as error:
                self._over(index, error, exchange)
            if self.following:
                self.following.popleft()
            else:
                self.next = next(self.waiting, None)
        return True

    def _start(self, index: int, exchange: Exchange, now: float) -> None:
        # The type below socket.socket: a fleet opens thousands, and needs none of what that lays over it.
        sock = socket.SocketType(_family(exchange.host), _STREAM)
        try:
            _connect(sock, exchange)
            talk = _Talk(index, exchange, sock, now)
            self.poll.register(talk.fd, _NEWS)
        except OverflowError:
            sock.close()
            raise WireError("dns", f"{exchange.port} is no port") from None
        except OSError:
            sock.close()
            raise
        self.open[talk.fd] = talk

    def _step(self, talk: _Talk, mask: int) -> None:
        try:
            if not talk.up:
                _connected(talk, mask)
                if talk.exchange.cap == 0:
                    self._end(talk, f"{(time.monotonic() - talk.began) * 1000:.1f}".encode())
                    return
            if talk.left:
                _send(talk)
            answer = _read(talk) if mask & _ONLY_ROOM else None
        except OSError as error:
            self._end(talk, bytes(talk.data) if talk.data else _lost(error, up=talk.up))
        else:
            if answer is not None:
                self._end(talk, answer)

    def _sweep(self, now: float) -> None:
        for talk in list(self.open.values()):
            if talk.data and talk.exchange.ends and now - talk.heard >= QUIET_S:
                self._end(talk, bytes(talk.data))
            elif now - talk.began >= self._granted_s(talk):
                self._end(talk, _late(talk, now))

    def _granted_s(self, talk: _Talk) -> float:
        usual_s = max(self.each_s, talk.exchange.longest_s)
        granted_s = min(usual_s, talk.exchange.within_s or usual_s)
        return granted_s if talk.up else min(granted_s, talk.exchange.connect_s or self.connect_s)

    def _end(self, talk: _Talk, answer: Answer) -> None:
        del self.open[talk.fd]
        talk.sock.close()  # also takes it out of the epoll
        self._over(talk.index, answer, talk.exchange)


def _connect(sock: socket.SocketType, exchange: Exchange) -> None:
    """Begin to; the epoll says when it is there. OSError when it can't be, OverflowError for what is no port."""
    if exchange.source:
        with contextlib.suppress(OSError):  # a kernel without it spends a port more
            sock.setsockopt(socket.IPPROTO_IP, _BIND_NO_PORT, 1)
        sock.bind((exchange.source, 0))
    wrong = sock.connect_ex((exchange.host, exchange.port))
    if wrong not in _ON_ITS_WAY:
        raise OSError(wrong, "")


def _connected(talk: _Talk, mask: int) -> None:
    """OSError when the connection did not come about."""
    if mask & _LOST:
        raise OSError(talk.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) or errno.ECONNRESET, "")
    talk.up = True


def _send(talk: _Talk) -> None:
    try:
        sent = talk.sock.send(talk.left)
    except BlockingIOError:
        return
    except (BrokenPipeError, ConnectionResetError):
        talk.left = b""  # it may have answered before it hung up: reading tells
        return
    talk.left = memoryview(talk.left)[sent:] if sent < len(talk.left) else b""


def _read(talk: _Talk) -> Answer | None:
    """Everything there is; the answer once it is whole. OSError when the connection broke."""
    ends, cap = talk.exchange.ends, talk.exchange.cap
    while True:
        try:
            piece = talk.sock.recv(CHUNK)
        except BlockingIOError:
            return None
        if not piece:
            return bytes(talk.data) if talk.data else WireError("closed", "hung up without an answer")
        if ends and not talk.data and 0 <= piece.find(ends) == len(piece) - len(ends) and len(piece) <= cap:
            return piece  # as nearly always: all of it at once
        before = len(talk.data)
        talk.data += piece
        talk.heard = time.monotonic()
        if ends and (at := talk.data.find(ends, max(0, before - len(ends) + 1))) >= 0:
            return bytes(talk.data[: at + len(ends)]) if at + len(ends) <= cap else _too_large(cap)
        if len(talk.data) > cap:
            return _too_large(cap)
        if talk.whole is not None and talk.whole(talk.data):
            return bytes(talk.data)


def _no_time() -> WireError:
    return WireError("unreachable", "no time left to ask")


def _too_large(cap: int) -> WireError:
    return WireError("too_large", f"more than {cap // 1024} KiB")


def _late(talk: _Talk, now: float) -> WireError:
    took = f"{now - talk.began:.1f} s"
    if not talk.up:
        return WireError("unreachable", f"no connection in {took}")
    return WireError("timeout", f"still sending after {took}" if talk.data else f"no answer in {took}")


def _lost(error: OSError, *, up: bool = False) -> WireError:
    if up:
        return WireError("closed", "broke off the connection")
    if error.errno in _REFUSED:
        return WireError("refused", "refused the connection")
    if error.errno in _NO_ROOM:
        return WireError("unreachable", "no socket left")
    return WireError("unreachable", f"can't be reached: {os.strerror(error.errno or errno.EIO).lower()}")


def _family(host: str) -> socket.AddressFamily:
    """WireError for anything but an address: a name would be looked up, and that can't be bounded."""
    try:
        socket.inet_pton(socket.AF_INET, host)
    except (OSError, ValueError):
        from ipaddress import IPv6Address  # noqa: PLC0415 - few fleets have such addresses

        try:
            IPv6Address(host)
        except ValueError:
            raise WireError("dns", f"{host[:40]!r} is no address") from None
        return socket.AF_INET6
    return socket.AF_INET


def _window(wanted: int) -> int:
    """How many sockets may be open at a time; the soft limit of descriptors is raised as far as the hard one lets."""
    needed = min(wanted, WINDOW) + SPARE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed + SPARE:
        raised = needed + SPARE if hard == resource.RLIM_INFINITY else min(hard, needed + SPARE)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
            soft = raised
        except (OSError, ValueError):
            pass  # the limit stays as it is and is kept to
    room = WINDOW if soft == resource.RLIM_INFINITY else soft - 2 * SPARE
    return max(1, min(WINDOW, room, wanted or 1))
