"""Pretended units on 127.x.y.z: each address answers what a test says it does, one thread for all of them."""

import contextlib
import selectors
import socket
import threading
from collections.abc import Callable, Iterator, Mapping

from wire.silence import listener

Script = Callable[[bytes], bytes | None]  # what was asked -> what is sent before hanging up; None: nothing, for ever


def page(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """An HTTP answer."""
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(head).encode() + body


def web(pages: Mapping[str, bytes]) -> Script:
    """A web server that knows these paths."""

    def answer(asked: bytes) -> bytes:
        words = asked.split(b" ")
        path = words[1].decode() if words[0] == b"GET" else ""
        return page(pages[path]) if path in pages else page(b"", "404 Not Found")

    return answer


def api(answers: Mapping[str, bytes]) -> Script:
    """A CGMiner API that knows these commands."""

    def answer(asked: bytes) -> bytes:
        known = [reply for command, reply in answers.items() if f'"{command}"'.encode() in asked]
        return (known or [b'{"STATUS":[{"STATUS":"E","Code":14,"Msg":"Invalid command"}],"id":1}'])[0] + b"\0"

    return answer


@contextlib.contextmanager
def units(scripts: Mapping[tuple[str, int], Script]) -> Iterator[list[tuple[str, bytes]]]:
    """Serve until the block ends; gives the list of (address, what was asked) as it grows."""
    asked: list[tuple[str, bytes]] = []
    watch = selectors.DefaultSelector()
    open_socks: list[socket.socket] = []
    for (host, port), script in scripts.items():
        sock = listener(host, port)
        watch.register(sock, selectors.EVENT_READ, (host, script))
        open_socks.append(sock)
    stop, bell = socket.socketpair()
    watch.register(stop, selectors.EVENT_READ, None)
    thread = threading.Thread(target=_serve, args=(watch, open_socks, asked), daemon=True)
    thread.start()
    try:
        yield asked
    finally:
        bell.send(b".")
        thread.join(5)
        for sock in (*open_socks, stop, bell):
            sock.close()
        watch.close()


def _serve(watch: selectors.BaseSelector, open_socks: list[socket.socket], asked: list[tuple[str, bytes]]) -> None:
    listeners = set(open_socks)
    while True:
        for key, _ in watch.select():
            if key.data is None:
                return
            host, script = key.data
            sock = key.fileobj
            assert isinstance(sock, socket.socket)
            if sock in listeners:
                peer = sock.accept()[0]
                open_socks.append(peer)
                watch.register(peer, selectors.EVENT_READ, key.data)
                continue
            watch.unregister(sock)
            with contextlib.suppress(OSError):  # the asker hung up first
                data = sock.recv(4096)
                if data:
                    asked.append((host, data))
                reply = script(data) if data else b""
                if reply is None:
                    continue
                sock.sendall(reply)
            sock.close()
