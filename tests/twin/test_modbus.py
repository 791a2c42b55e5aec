"""The twin's meter, read by the real driver, on sockets and without."""

import socketserver
import threading
import time

import pytest
from devices.kinds import build
from hypothesis import given
from hypothesis import strategies as st

from mine_controller.devices import sel735
from mine_controller.devices.kind import Ask, BadReply
from mine_controller.twin.answer import asked
from mine_controller.twin.servers.modbus import Supply, Unit
from mine_controller.wire import http
from mine_controller.wire.door import Response, Wire

SUPPLY = Supply(49.87, (231.2, 230.1, 229.9), (410.0, 400.5, 399.0), (94_000.0, 92_000.0, 91_500.0))


def meter(**more):
    return Unit(lambda _at_s: SUPPLY, **more)


def direct(unit):
    def call(request, until):
        del until
        answer = unit.answer(asked(request.method, request.url, request.headers, request.body), 0.0)
        return Response(answer.status, answer.headers, answer.body)

    return Wire(call, lambda: 0.0, lambda _s: None, 10.0)


def read(wire, **more):
    options = build("sel735", "http://127.0.0.1", **more)
    found = sel735.parse(sel735.fetch(wire, options, Ask()), options)
    return {(each.channel, each.quantity): each.value for each in found}


def test_what_the_meter_sees_is_what_the_driver_reads():
    found = read(direct(meter()))
    assert found["", "grid_hz"] == 49.87
    assert found["", "power_w"] == 277_500
    assert [found[phase, "voltage_v"] for phase in ("L1", "L2", "L3")] == list(SUPPLY.volts)
    assert [found[phase, "current_a"] for phase in ("L1", "L2", "L3")] == list(SUPPLY.amps)


def test_power_that_flows_back_is_negative():
    unit = Unit(lambda _at_s: SUPPLY._replace(watts=(-100_000.0, -200_500.0, 50_000.0)))
    assert read(direct(unit))["", "power_w"] == pytest.approx(-250_500)


def test_another_scale_of_the_firmware_is_refused_for_the_frequency_alone():
    found = read(direct(meter(hertz_scale=1000)))
    assert found["", "grid_hz"] is None
    assert found["", "power_w"] == 277_500


def test_a_busy_meter_says_so():
    unit = meter()
    unit.busy = True
    with pytest.raises(BadReply, match="busy"):
        read(direct(unit))


def test_the_same_over_a_socket():
    unit = meter()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            while data := self.request.recv(1024):
                self.request.sendall(unit.talk(data, 0.0))

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        found = read(http.live(time.monotonic() + 5), port=server.server_address[1], serial="3230010001")
        server.shutdown()
    assert found["", "grid_hz"] == 49.87


@given(st.binary(max_size=40))
def test_garbage_is_answered_with_an_exception_or_nothing(raw):
    out = meter().talk(raw, 0.0)
    assert out == b"" or len(out) >= 9
