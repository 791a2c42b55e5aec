"""The twin on real sockets: one small HTTP server per device on 127.0.0.1, faults included.

Plant time comes from a callable, so a demo may run at any speed. Threads are daemons and `close` waits for no client.
"""

import socketserver
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from threading import Event, Lock, Thread
from typing import Any, Final, Self

from mine_controller.twin.answer import Answer, asked
from mine_controller.twin.coop import Site
from mine_controller.twin.faults import Fault

_BODY_MOST: Final = 1_000_000


class Servers:
    """All devices of a site, listening. `ports` by section; close it, or use it in a `with`."""

    def __init__(self, site: Site, now_s: Callable[[], float], ports: dict[str, int]) -> None:
        self.site, self.now_s = site, now_s
        self.lock, self.closing = Lock(), Event()
        self._servers = [_Device(("127.0.0.1", ports.get(name, 0)), self, name) for name in site.served]
        self.ports = {server.section: int(server.server_address[1]) for server in self._servers}
        site.place(self.ports)
        for server in self._servers:
            Thread(target=server.serve_forever, args=(0.05,), name=f"twin {server.section}", daemon=True).start()

    def close(self) -> None:
        """Stop listening; calls still open are dropped."""
        self.closing.set()
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def fault(self, section: str) -> Fault:
        """The device's fault at this moment of the story."""
        with self.lock:
            self.site.advance(self.now_s())
            return self.site.faults.of(section)

    def answer(self, section: str, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        """Move the world to now and ask it."""
        with self.lock:
            at_s = self.now_s()
            self.site.advance(at_s)
            answer = self.site.answer(self.site.served[section], asked(method, target, headers, body), at_s)
            self.site.world.advance(at_s)
            return answer


def serve(site: Site, now_s: Callable[[], float], ports: dict[str, int] | None = None) -> Servers:
    """Listen for every device of `site` on free ports, or on the given ones; `site.place` is told."""
    return Servers(site, now_s, ports or {})


def clock(from_s: float = 0.0, speed: float = 1.0) -> Callable[[], float]:
    """Plant seconds that pass `speed` times as fast as real ones, beginning now at `from_s`."""
    began = time.monotonic()
    return lambda: from_s + (time.monotonic() - began) * speed


class _Device(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], servers: Servers, section: str) -> None:
        self.servers, self.section = servers, section
        super().__init__(address, _Handler)

    def handle_error(self, _request: Any, _client: Any) -> None:
        """A client that went away is no event."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Device

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the library's
        """Say nothing: the twin's own words are on the page."""

    def do_GET(self) -> None:
        """Answer any method alike; the device decides."""
        length = self.headers.get("Content-Length", "0")
        body = self.rfile.read(min(int(length), _BODY_MOST)) if length.isdigit() else b""
        servers, section = self.server.servers, self.server.section
        fault = servers.fault(section)
        if self._leave(fault):
            return
        answer = servers.answer(section, self.command, self.path, dict(self.headers.items()), body)
        self._send(answer, fault)

    do_POST = do_PATCH = do_PUT = do_HEAD = do_DELETE = do_GET  # noqa: N815

    def _leave(self, fault: Fault) -> bool:
        """Faults of the connection: True when there is nothing more to say."""
        closing = self.server.servers.closing
        if fault.kind == "slow":
            closing.wait(fault.seconds)
        if fault.kind == "silent":
            closing.wait(120)
        if fault.kind in ("silent", "refuse"):
            self.close_connection = True
            return True
        return False

    def _send(self, answer: Answer, fault: Fault) -> None:
        if answer.raw:
            self.close_connection = True
            self.wfile.write(answer.body)
            return
        self.send_response_only(answer.status)  # no Date of this machine: the twin may live in another year
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status not in (204, 304):
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self._body(answer.body, fault)

    def _body(self, body: bytes, fault: Fault) -> None:
        if fault.kind == "cut":
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
        elif fault.kind == "drip":
            self._drip(body)
        else:
            self.wfile.write(body)

    def _drip(self, body: bytes) -> None:
        for n in range(len(body)):
            self.wfile.write(body[n : n + 1])
            self.wfile.flush()
            if self.server.servers.closing.wait(1.0):
                break
        self.close_connection = True
