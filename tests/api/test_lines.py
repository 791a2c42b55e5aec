"""Lines of the service at a real port: who keeps one without asking, or without taking the answer, loses it."""

import http.client
import socket
import ssl
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from api.live import listening
from cli.place import closed_port

from mine_controller.api.lines import ASKED_S, TAKEN_S, Line
from mine_controller.cli.serve import LINES

LONG_S = 20
WIRE = Path(__file__).resolve().parents[1] / "wire"


class Quick(Line):
    asked_s, taken_s, look_s = 0.3, 0.3, 0.05


class Patient(Line):
    asked_s, taken_s, look_s = 60.0, 0.3, 0.05


class Narrow(Line):
    """An end of little room, so that an answer waits in this program."""

    asked_s, taken_s, look_s = 0.3, LONG_S, 0.05

    def connection_made(self, transport):
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
        super().connection_made(transport)


@contextmanager
def line(live):
    with socket.create_connection(("127.0.0.1", live.port), LONG_S) as one:
        yield one


def is_cut(one):
    """Read until the other end has gone; hangs up to LONG_S where it never goes."""
    try:
        while one.recv(1 << 16):
            pass
    except ConnectionError:
        pass
    return True


def asked(live):
    one = http.client.HTTPConnection("127.0.0.1", live.port, timeout=LONG_S)
    one.request("GET", "/healthz")
    found = one.getresponse()
    found.read()
    one.close()
    return found.status


@pytest.mark.parametrize("begun", [b"", b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n"])
def test_a_line_on_which_nobody_asks_is_cut(place, begun):
    with listening(place, http=Quick) as live, line(live) as one:
        one.sendall(begun)
        assert is_cut(one)


def test_a_second_request_that_never_ends_is_cut_as_a_first_one(place):
    place.ticks(1)
    with listening(place, http=Quick) as live, line(live) as one:
        one.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET /heal")
        assert is_cut(one)


def test_silent_lines_keep_nobody_out_for_long(place):
    place.ticks(1)
    with listening(place, http=Quick, limit_concurrency=4) as live:
        silent = [socket.create_connection(("127.0.0.1", live.port), LONG_S) for _ in range(4)]
        assert all(is_cut(one) for one in silent)
        assert asked(live) == 200
        for one in silent:
            one.close()


def test_who_takes_nothing_of_an_answer_is_cut(place):
    place.ticks(1)
    large = place.config.paths.www / "large.bin"
    large.parent.mkdir(exist_ok=True)
    large.write_bytes(b"x" * 30_000_000)  # more than a machine's buffers take
    with listening(place, http=Patient) as live, line(live) as one:
        one.sendall(b"GET /large.bin HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        got = len(one.recv(1 << 16))
        live.wait_for(lambda: not live.server.server_state.connections)
        assert 0 < got < 30_000_000


@pytest.mark.parametrize("safe", [True, False])
def test_who_takes_an_answer_slowly_gets_all_of_it(place, safe):
    """Over TLS too, where what waits to be sent is out of this program's sight."""
    place.ticks(1)
    large = place.config.paths.www / "large.bin"
    large.parent.mkdir(exist_ok=True)
    large.write_bytes(b"x" * 300_000)
    about = {"ssl_certfile": str(WIRE / "unit.pem"), "timeout_keep_alive": LONG_S} if safe else {}
    with listening(place, http=Narrow, **about) as live, socket.socket() as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.settimeout(LONG_S)
        plain.connect(("127.0.0.1", live.port))
        trust = ssl.create_default_context(cafile=str(WIRE / "unit.crt"))
        one = trust.wrap_socket(plain, server_hostname="127.0.0.1") if safe else plain
        one.sendall(b"GET /large.bin HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        got, began = 0, time.monotonic()
        while got < 300_000:
            piece = one.recv(4096)
            assert piece, f"cut after {got} bytes and {time.monotonic() - began:.1f} s"
            got += len(piece)
            time.sleep(0.02)
        assert time.monotonic() - began > 3 * Narrow.asked_s
        if safe:
            one.close()


def test_the_real_service_bounds_its_lines(place, monkeypatch):
    made = []
    monkeypatch.setattr("uvicorn.Server.run", lambda self, sockets: made.append((self.config, sockets)))
    place.run("serve", "--port", str(closed_port()))
    (settings, sockets), *_ = made
    for one in sockets:
        one.close()
    assert (settings.http, settings.limit_concurrency) == (Line, LINES)
    assert 0 < ASKED_S < TAKEN_S < 60
