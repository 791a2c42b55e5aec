"""Servers on 127.0.0.1 that go wrong, each in its own way and on its own free port.

They speak HTTP to who asks in HTTP, else bare TCP as the CGMiner API does: the same bodies, no head, a NUL at the end.
"""

import gzip
import socket
import struct
import threading
from collections.abc import Callable
from functools import cache

PAGE = b"<!DOCTYPE html><html><head><title>Log in</title></head><body><form action='/login'></form></body></html>"
OTHER = b'{"hello":"world","list":[1,2,3],"nested":{"a":null,"b":true}}'
PIECE = b'{"a":"' + b"x" * 65_536
Send = Callable[[bytes], None]


def answer(body: bytes, status: str = "200 OK", head: str = "", length: int | None = None) -> bytes:
    kind = "text/html" if body.startswith(b"<") else "application/json"
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {size}\r\n{head}\r\n".encode() + body


def is_http(head: bytes) -> bool:
    """A method is in capitals; a request to a miner's API starts with a brace or a small letter."""
    return head[:1].isupper()


@cache
def _bomb() -> bytes:
    packed = gzip.compress(b"[" + b" " * 30_000_000 + b"]")
    return answer(packed, head="Content-Encoding: gzip\r\n")


class Fault:
    """One server. `requests` are the heads it was sent; `sent` counts the bytes it got rid of."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.requests: list[bytes] = []
        self.sent = 0
        self.closing = threading.Event()
        self.bare: set[socket.socket] = set()  # peers that do not speak HTTP
        if name == "bomb":
            _bomb()  # packed before anybody measures
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        if name != "refusing":
            self.listener.listen(64)
            self.thread = threading.Thread(target=self._accept, daemon=True)
            self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        self.closing.set()
        if self.name != "refusing":
            self.listener.shutdown(socket.SHUT_RDWR)
            self.thread.join()
        self.listener.close()

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return  # closed: the test session is over
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        with peer:
            try:
                while head := self._head(peer):
                    self.requests.append(head)
                    if not is_http(head):
                        self.bare.add(peer)
                    if not self._answer(peer, head) or peer in self.bare:
                        return
            except OSError:
                return  # the caller hung up, which is what most of these faults drive it to
            finally:
                self.bare.discard(peer)

    def _head(self, peer: socket.socket) -> bytes:
        head = b""
        while b"\r\n\r\n" not in head and (not head or is_http(head)):
            piece = peer.recv(65_536)
            if not piece:
                return b""
            head += piece
        return head

    def _send(self, peer: socket.socket, data: bytes) -> None:
        if peer in self.bare and data.startswith(b"HTTP/"):
            data = data.partition(b"\r\n\r\n")[2] + (b"\0" if self.name in PLAIN else b"")
        peer.sendall(data)
        self.sent += len(data)

    def _answer(self, peer: socket.socket, head: bytes) -> bool:
        """True when the connection stays open for another request."""
        special = getattr(self, f"_{self.name}", None)
        if special is not None:
            special(peer, head)
            return False
        self._send(peer, PLAIN[self.name]())
        return True

    def _silent(self, peer: socket.socket, head: bytes) -> None:
        while peer.recv(1024):
            pass

    def _cut(self, peer: socket.socket, head: bytes) -> None:
        self._send(peer, answer(b'{"relay1":"1","sensor":[{"tc":"20.00"', length=900))

    def _headless(self, peer: socket.socket, head: bytes) -> None:
        self._send(peer, b"\x00\xff\xfe garbage \x80\x81 not http at all\r\n\r\n" * 20)

    def _nothing(self, peer: socket.socket, head: bytes) -> None:
        pass

    def _huge(self, peer: socket.socket, head: bytes) -> None:
        self._send(peer, b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
        for _ in range(160):  # 10 MB
            self._send(peer, PIECE)

    def _drip(self, peer: socket.socket, head: bytes) -> None:
        self._send(peer, b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{")
        self._drops(peer)

    def _drip_head(self, peer: socket.socket, head: bytes) -> None:
        self._send(peer, b"HTTP/1.1 200 OK\r\nX-Slow: ")
        self._drops(peer)

    def _drops(self, peer: socket.socket) -> None:
        while not self.closing.wait(0.02):  # the shrunken form of a byte a second
            self._send(peer, b" ")

    def _reset(self, peer: socket.socket, head: bytes) -> None:
        self._send(peer, answer(b'{"relay1":', length=500))
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _echo(self, peer: socket.socket, head: bytes) -> None:
        shown = head.decode("latin-1").replace("\\", "/").replace('"', "'").replace("\r\n", " ")
        self._send(peer, answer(f'{{"error":"{shown}","message":"{shown}","success":false}}'.encode("latin-1")))


PLAIN: dict[str, Callable[[], bytes]] = {
    "garbage": lambda: answer(bytes(range(256)) * 8),
    "html": lambda: answer(PAGE),
    "empty": lambda: answer(b""),
    "bomb": _bomb,
    "fault_500": lambda: answer(b'{"error":"database is locked"}', "500 Internal Server Error"),
    "denied_401": lambda: answer(
        b"denied", "401 Unauthorized", 'WWW-Authenticate: Digest realm="x", nonce="abc", qop="auth"\r\n'
    ),
    "basic_401": lambda: answer(b"denied", "401 Unauthorized", 'WWW-Authenticate: Basic realm="x"\r\n'),
    "away": lambda: answer(b"moved", "302 Found", "Location: http://127.0.0.2:9/elsewhere?key=1\r\n"),
    "circle": lambda: answer(b"moved", "302 Found", "Location: /again\r\n"),
    "deep": lambda: answer(b"[" * 100_000),
    "nested": lambda: answer(b'{"a":' * 400 + b"1" + b"}" * 400),
    "other": lambda: answer(OTHER),
    "null": lambda: answer(b"null"),
    "number": lambda: answer(b"1e999"),
    "list": lambda: answer(b"[[[]], {}, 1, null, [1,2]]"),
}
OWN = ("silent", "refusing", "cut", "headless", "nothing", "huge", "drip", "drip_head", "reset", "echo")
NAMES = (*OWN, *PLAIN)
