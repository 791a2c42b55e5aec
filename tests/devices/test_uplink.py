"""An uplink by trying it, on loopback."""

import socket
import time

import pytest
from devices.kinds import build

from mine_controller.devices import uplink
from mine_controller.devices.kind import Ask
from mine_controller.wire import http


@pytest.fixture
def place():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def options(*places, **more):
    return build("uplink", "http://192.0.2.1", places=places, **more)


def read(chosen):
    replies = uplink.fetch(http.live(time.monotonic() + 5), chosen, Ask())
    return {each.quantity: each.value for each in uplink.parse(replies, chosen)}


def test_a_line_that_carries_connections_is_up_with_its_latency(place):
    found = read(options(place, "127.0.0.2:9"))
    assert found["link"] == "up"
    assert 0 <= found["latency_ms"] < 1000


def test_the_connects_come_from_the_address_of_that_line():
    with socket.create_server(("127.0.0.1", 0)) as server:
        chosen = options(f"127.0.0.1:{server.getsockname()[1]}", "127.0.0.2:9", source="127.0.0.77", tries=1)
        assert read(chosen)["link"] == "up"
        server.settimeout(5)
        client, (host, _) = server.accept()
        client.close()
    assert host == "127.0.0.77"


def test_a_source_that_is_not_there_is_a_line_that_is_down(place):
    found = read(options(place, place.replace("127.0.0.1", "127.0.0.2"), source="192.0.2.200"))
    assert (found["link"], found["loss_pct"]) == ("down", 100)


@pytest.mark.parametrize(
    ("places", "more", "word"),
    [
        (("pool.example:3333", "192.0.2.1:80"), {}, "is not an address"),
        (("192.0.2.1:80", "192.0.2.1:443"), {}, "name two or more"),
        (("192.0.2.1:80", "192.0.2.2:0"), {}, "is not an address"),
        (("192.0.2.1:80", "192.0.2.2:80"), {"source": "eth0"}, "source"),
    ],
)
def test_places_that_prove_nothing_are_refused(places, more, word):
    assert any(word in fault for fault in uplink.faults(options(*places, **more)))


def test_two_independent_places_are_fine():
    assert uplink.faults(options("192.0.2.1:80", "192.0.2.2:80")) == []
