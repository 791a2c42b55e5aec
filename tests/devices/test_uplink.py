"""An uplink by trying it, on loopback."""

import socket
import ssl
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from devices.kinds import build

from mine_controller.core.option import declarations
from mine_controller.devices import uplink
from mine_controller.devices.ask import SLACK_S
from mine_controller.devices.kind import Ask, BadReply, Reply
from mine_controller.wire import http

CERTIFICATE = Path(__file__).parents[1] / "wire/unit.crt", Path(__file__).parents[1] / "wire/unit.pem"


@pytest.fixture
def place():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@contextmanager
def answering(says, host="127.0.0.1", delay_s=0.0):
    """A place where `says(line)` answers who has sent something."""
    with socket.create_server((host, 0)) as server:

        def one(line):
            with line, suppress(OSError):
                if line.recv(1000):
                    time.sleep(delay_s)
                    says(line)

        def serve():
            with suppress(OSError):
                while True:
                    threading.Thread(target=one, args=(server.accept()[0],), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield f"{host}:{server.getsockname()[1]}"


def pool(line):
    line.sendall(b'{"id":1,"result":[[],"00",4]}\n')


def options(*places, **more):
    return build("uplink", "http://192.0.2.1", places=places, **more)


def read(chosen):
    replies = uplink.fetch(http.live(time.monotonic() + 5), chosen, Ask())
    return {each.quantity: each.value for each in uplink.parse(replies, chosen)}


def test_a_line_that_carries_answers_is_up_with_its_latency():
    with answering(pool) as place:
        found = read(options(place, "127.0.0.2:9"))
    assert found["link"] == "up"
    assert 0 <= found["latency_ms"] < 1000


def test_a_connection_counts_alone_only_where_the_owner_says_so(place):
    with pytest.raises(BadReply, match="places on port 443"):  # an endpoint without health: the owner is told of it
        read(options(place, "127.0.0.2:9", timeout_s=0.4))
    found = read(options(place, "127.0.0.2:9", proof="connect"))
    assert (found["link"], found["loss_pct"]) == ("up", 0)


def test_connections_that_a_proxy_takes_and_lets_go_are_no_line(monkeypatch):
    # ss-redir takes the connection, tries its own, and hangs up: the same place of two operators that always answer
    with answering(lambda line: None) as here, answering(lambda line: None, "127.0.0.2") as there:
        monkeypatch.setattr(uplink, "TLS_PORTS", tuple(int(place.partition(":")[2]) for place in (here, there)))
        found = read(options(here, there))
    assert found == {"link": "down", "loss_pct": 100, "latency_ms": None}


def test_the_delay_behind_a_proxy_is_that_of_the_answer():
    with answering(pool, delay_s=0.2) as place:
        assert 150 < read(options(place, "127.0.0.2:9"))["latency_ms"] < 1500


def test_a_slow_line_has_as_long_for_the_answer_as_for_the_connection():
    # from a line of 400 ms the connection is there after 400 ms and the answer after 800
    with answering(pool, delay_s=0.6) as place:
        assert read(options(place, "127.0.0.2:9", timeout_s=0.4))["link"] == "up"


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_server_of_tls_answers_the_hello(monkeypatch, newest):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*CERTIFICATE)
    context.minimum_version = newest  # one that knows 1.3 alone says so in an alert
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            with suppress(OSError):
                while True:
                    line = server.accept()[0]
                    with suppress(OSError):
                        context.wrap_socket(line, server_side=True)

        threading.Thread(target=serve, daemon=True).start()
        port = server.getsockname()[1]
        monkeypatch.setattr(uplink, "TLS_PORTS", (port,))
        assert read(options(f"127.0.0.1:{port}", "127.0.0.2:9"))["link"] == "up"


@pytest.mark.parametrize("says", [b"HTTP/1.1 302 Found\r\nLocation: http://192.168.8.1/\r\n\r\n", b"", b"\x15\x03"])
def test_a_modems_own_page_is_no_answer(says):
    with answering(lambda line: line.sendall(says)) as place, pytest.raises(BadReply, match="nobody answered"):
        read(options(place, "127.0.0.2:9"))


def test_refusals_alone_may_be_a_firewalls():
    refused = Reply("192.0.2.53:443", 204, {"why": "refused"}, b"")
    word = Reply("192.0.2.53:443", 0, {"word": "1", "why": "refused"}, b"")
    chosen = options("192.0.2.53:443", "198.51.100.1:443")
    with pytest.raises(BadReply, match="nobody answered"):
        uplink.parse((refused, word), chosen)


def test_the_connects_come_from_the_address_of_that_line():
    with socket.create_server(("127.0.0.1", 0)) as server:
        chosen = options(f"127.0.0.1:{server.getsockname()[1]}", "127.0.0.2:9", source="127.0.0.77", tries=1)
        chosen = chosen._replace(proof="connect")
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


def test_a_password_in_a_place_is_refused_without_repeating_it():
    (said,) = uplink.faults(options("root:canary@192.0.2.1:80", "192.0.2.2:80"))
    assert "canary" not in said
    assert "a user or password" in said


def test_two_independent_places_are_fine():
    assert uplink.faults(options("192.0.2.1:80", "192.0.2.2:80")) == []


def test_the_time_of_the_option_is_granted_to_its_end_and_then_that_of_the_answer():
    """`timeout_s = 5` was six seconds for both, of which two were for the connection: no more than 2 ever counted."""
    asked = []

    def many(batch, until):
        asked.extend((each.connect_s, each.longest_s, until) for each in batch)
        return [b"12.0"] * len(batch)

    wire = http.live(time.monotonic() + 30)._replace(now=lambda: 100.0, many=many, until=200.0)
    uplink.fetch(wire, options("127.0.0.1:443", "127.0.0.2:443", tries=1, timeout_s=5.0), Ask())
    assert asked == [(5.0, 0.0, 110.0)] * 2 + [(5.0, 10.0, 110.0)] * 2
    most_s = dict(declarations(uplink.Options))["timeout_s"].high
    assert most_s * 2 <= uplink.BUDGET_S - SLACK_S
