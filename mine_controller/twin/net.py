"""The twin on real sockets: a small server per device on 127.x.y.z, faults included.

Plant time comes from a callable, so a demo may run at any speed. One thread waits for connections, each connection has
one of its own; threads are daemons and `close` waits for no client. Who answers at an address is looked up at each
request, because units move.
"""

import selectors
import socket
import socketserver
import struct
import time
from collections.abc import Callable, Mapping, Sequence
from http.server import BaseHTTPRequestHandler
from threading import Event, Lock, Thread
from typing import Any, Final, Self

from mine_controller.twin.answer import Answer, asked
from mine_controller.twin.faults import OK, Fault
from mine_controller.twin.shouts import Air, Shouter, Shouts
from mine_controller.twin.site import Door, Person, Served, Site

_BODY_MOST: Final = 1_000_000
_REQUEST_MOST: Final = 65_536
_REST_S: Final = 0.03  # a request comes in one piece, or its rest within this
_PATIENCE_S: Final = 10.0
_TRIES: Final = 20
MUTE: Final = ("gone", "silent", "refuse")  # faults in which a board does not shout either
_HANG_UP: Final = struct.pack("ii", 1, 0)  # close with a reset


class Servers:
    """All devices of a site, listening. `ports` by lot (a section, mostly); close it, or use it in a `with`."""

    def __init__(
        self,
        site: Site,
        now_s: Callable[[], float],
        ports: Mapping[str, int],
        *,
        usual: bool = False,
        air: Air | None = None,
    ) -> None:
        self.site, self.now_s = site, now_s
        self.wish: Callable[[Person], None] = lambda _person: None  # what persons of the story ask for
        self.lock, self.closing = Lock(), Event()
        self._servers: list[_Device] = []
        try:
            for lot, doors in _by_lot(site.doors()).items():
                self._servers += self._open(doors, ports.get(lot), usual=usual)
        except OSError:
            self._shut()
            raise
        self.ports = {server.door.lot: server.port for server in self._servers}
        site.place(self.ports)
        try:
            self.shouts = self._shouting(air or Air())
        except OSError:
            self._shut()
            raise
        self._wake, self._woken = socket.socketpair()
        self._thread = Thread(target=self._wait, name="twin", daemon=True)
        self._thread.start()

    def _open(self, doors: Sequence[Door], port: int | None, *, usual: bool) -> "list[_Device]":
        """Every door of one lot on the same port: the given one, else its usual or any free one. OSError."""
        wanted = [port] if port else [*([doors[0].usual] if usual and doors[0].usual else []), *[0] * _TRIES]
        trouble: OSError | None = None
        for number in wanted:
            opened: list[_Device] = []
            try:
                for door in doors:
                    opened.append(_Device(door, opened[0].port if opened else number, self))
            except OSError as error:
                trouble = error
                for one in opened:
                    one.server_close()
            else:
                return opened
        raise trouble or OSError("no port")

    def _shouting(self, air: Air) -> Shouts | None:
        """For the boards that say of themselves nothing but datagrams; None where there is none."""
        boards = [one for one in self.site.served.values() if isinstance(one.server, Shouter)]
        lots = {one.section for one in boards if getattr(one.server, "old", False)}
        hosts = tuple(dict.fromkeys(door.host for door in self.site.doors() if door.lot in lots))
        return Shouts(hosts, air, self.said, self.hear) if hosts else None

    def said(self) -> tuple[float, dict[str, bytes]]:
        """The plant second, and what each board that shouts says at it, by its address."""
        with self.lock:
            at_s = self.now_s()
            self._advance(at_s)
            words = {}
            for served in self.site.served.values():
                unit = served.server
                if isinstance(unit, Shouter) and self.site.fault_of(served).kind not in MUTE:
                    words[served.host] = unit.datagram(at_s)
            return at_s, words

    def hear(self, host: str, raw: bytes) -> None:
        """A datagram of settings came to an address."""
        with self.lock:
            at_s = self.now_s()
            self._advance(at_s)
            for served in self.site.served.values():
                if served.host == host and isinstance(served.server, Shouter):
                    served.server.hear(raw, at_s)

    def _wait(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._woken, selectors.EVENT_READ)
            for server in self._servers:
                selector.register(server, selectors.EVENT_READ, server)
            while not self.closing.is_set():
                for key, _ in selector.select():
                    if isinstance(key.data, _Device):
                        key.data.handle_request()

    def close(self) -> None:
        """Stop listening; calls still open are dropped."""
        if self.closing.is_set():
            return
        self.closing.set()
        if self.shouts is not None:
            self.shouts.close()
        self._wake.send(b"x")
        self._thread.join(5)
        self._wake.close()
        self._woken.close()
        self._shut()

    def _shut(self) -> None:
        for server in self._servers:
            server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _advance(self, to_s: float) -> None:
        self.site.advance(to_s)
        for person in self.site.fetch_wishes():
            self.wish(person)

    def meet(self, netloc: str) -> tuple[Served | None, Fault]:
        """Who stands at an address at this moment of the story, and what is wrong with it."""
        with self.lock:
            self._advance(self.now_s())
            served = self.site.by_netloc.get(netloc)
            return served, self.site.fault_of(served) if served is not None else OK

    def answer(self, section: str, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        """Move the world to now and ask the device of that name."""
        with self.lock:
            at_s = self.now_s()
            self._advance(at_s)
            answer = self.site.answer(self.site.served[section], asked(method, target, headers, body), at_s)
            self.site.plant.advance(at_s)
            return answer

    def talk(self, name: str, request: bytes) -> bytes:
        """The same for a device behind a bare connection."""
        with self.lock:
            at_s = self.now_s()
            self._advance(at_s)
            said = self.site.talk(self.site.served[name], request, at_s)
            self.site.plant.advance(at_s)
            return said


def _by_lot(doors: Sequence[Door]) -> dict[str, list[Door]]:
    found: dict[str, list[Door]] = {}
    for door in doors:
        found.setdefault(door.lot, []).append(door)
    return found


def serve(
    site: Site,
    now_s: Callable[[], float],
    ports: Mapping[str, int] | None = None,
    *,
    usual: bool = False,
    air: Air | None = None,
) -> Servers:
    """Listen for every device of `site` on free ports, or on the given ones; `site.place` is told.

    `usual`: on the ports the real devices have, where this machine lets us (80 needs root) and nobody has them.
    `air`: where boards that only shout are heard; as real ones do it unless given.
    """
    return Servers(site, now_s, ports or {}, usual=usual, air=air)


def clock(from_s: float = 0.0, speed: float = 1.0) -> Callable[[], float]:
    """Plant seconds that pass `speed` times as fast as real ones, beginning now at `from_s`."""
    began = time.monotonic()
    return lambda: from_s + (time.monotonic() - began) * speed


class _Device(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    timeout = 0

    def __init__(self, door: Door, port: int, servers: Servers) -> None:
        self.servers, self.door = servers, door
        super().__init__((door.host, port), _Bare if door.bare else _Handler)
        self.port = int(self.server_address[1])
        self.netloc = f"{door.host}:{self.port}"

    def handle_error(self, _request: Any, _client: Any) -> None:
        """A client that went away is no event."""


def _hang_up(line: socket.socket) -> None:
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _HANG_UP)


class _Bare(socketserver.BaseRequestHandler):
    """One request, one answer, and the line is closed; where a device keeps its lines, until the other side ends."""

    server: _Device
    request: socket.socket

    def handle(self) -> None:
        """Answer, or do what its fault does."""
        if not self.server.door.stays:
            self._once(self._read())
            return
        while (request := self._piece()) and self._once(request):
            pass

    def _piece(self) -> bytes:
        """The next request of a line that stays: such protocols send each in one piece."""
        self.request.settimeout(_PATIENCE_S)
        try:
            return self.request.recv(_REQUEST_MOST)
        except OSError:  # silent for too long, or gone
            return b""

    def _once(self, request: bytes) -> bool:
        """Answer one request; True where the line may go on."""
        servers = self.server.servers
        served, fault = servers.meet(self.server.netloc)
        if served is None or fault.kind in ("refuse", "gone"):
            _hang_up(self.request)
            return False
        if fault.kind == "silent":
            servers.closing.wait(120)
            return False
        if fault.kind == "slow":
            servers.closing.wait(fault.seconds)
        self._send(servers.talk(served.name, request), fault)
        return fault.kind != "cut"

    def _read(self) -> bytes:
        self.request.settimeout(_PATIENCE_S)
        data = b""
        try:
            while len(data) < _REQUEST_MOST and (piece := self.request.recv(4096)):
                data += piece
                self.request.settimeout(_REST_S)
        except TimeoutError:
            pass  # that was all of it
        self.request.settimeout(_PATIENCE_S)
        return data

    def _send(self, said: bytes, fault: Fault) -> None:
        if fault.kind == "drip":
            for n in range(len(said)):
                self.request.sendall(said[n : n + 1])
                if self.server.servers.closing.wait(1.0):
                    return
        else:
            self.request.sendall(said[: len(said) // 2] if fault.kind == "cut" else said)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Device

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the library's
        """Say nothing: the twin's own words are on the page."""

    def do_GET(self) -> None:
        """Answer any method alike; the device decides."""
        length = self.headers.get("Content-Length", "0")
        body = self.rfile.read(min(int(length), _BODY_MOST)) if length.isdigit() else b""
        servers = self.server.servers
        served, fault = servers.meet(self.server.netloc)
        if served is None or self._leave(fault):
            self.close_connection = True
            return
        answer = servers.answer(served.name, self.command, self.path, dict(self.headers.items()), body)
        servers.closing.wait(answer.took_s)
        self._send(answer, fault)

    do_POST = do_PATCH = do_PUT = do_HEAD = do_DELETE = do_GET  # noqa: N815

    def _leave(self, fault: Fault) -> bool:
        """Faults of the connection: True when there is nothing more to say."""
        closing = self.server.servers.closing
        if fault.kind == "slow":
            closing.wait(fault.seconds)
        if fault.kind == "silent":
            closing.wait(120)
        if fault.kind == "gone":
            _hang_up(self.connection)
        return fault.kind in ("silent", "refuse", "gone")

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
