"""A server on 127.0.0.1 that says what a test tells it, byte for byte."""

import contextlib
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator

Script = Callable[[bytes], bytes | None]  # the head it got -> what to send; None: hang up


def whole(asked: bytes) -> bool:
    """A head, and as much body as it announces: the body may come in a later packet."""
    head, end, body = asked.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
    return bool(end) and len(body) >= (int(length[1]) if length else 0)


class Server:
    """`heads` are the requests so far; `dialled` counts connections."""

    def __init__(self, script: Script, context: ssl.SSLContext | None = None, *, keep: bool = True) -> None:
        self.script, self.context, self.keep = script, context, keep
        self.heads: list[bytes] = []
        self.dialled = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http{'s' if self.context else ''}://127.0.0.1:{self.port}"

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return  # closed: the test is over
            self.dialled += 1
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        with peer, contextlib.suppress(OSError), self._safe(peer) as sock:  # the caller may hang up at any byte
            self._talk(sock)

    def _safe(self, peer: socket.socket) -> socket.socket:
        return self.context.wrap_socket(peer, server_side=True) if self.context else peer

    def _talk(self, sock: socket.socket) -> None:
        while True:
            head = b""
            while not whole(head):
                piece = sock.recv(65_536)
                if not piece:
                    return
                head += piece
            self.heads.append(head)
            said = self.script(head)
            if said is None:
                return
            sock.sendall(said)
            if not self.keep:
                return

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()


@contextlib.contextmanager
def serving(script: Script, context: ssl.SSLContext | None = None, *, keep: bool = True) -> Iterator[Server]:
    server = Server(script, context, keep=keep)
    try:
        yield server
    finally:
        server.close()


def ok(body: bytes = b"{}", head: str = "", status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{head}\r\n".encode() + body
