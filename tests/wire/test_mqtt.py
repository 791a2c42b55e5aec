"""MQTT as it is spoken: a real broker where there is one, and bytes by hand where no real broker is that bad."""

import json
import time
import tracemalloc
from pathlib import Path

import pytest
from collect.peers import mosquitto, needs_mosquitto, pretender, tasmota

from mine_controller.wire import http, mqtt
from mine_controller.wire.door import Request, WireError

HERE = Path(__file__).resolve().parent
CANARY = "canary-4711"


def look(port, *topics, live=(), ask=(), until_s=5.0, scheme="mqtt", **about):
    body = json.dumps({"topics": topics, "live": live, "ask": ask}).encode()
    until = time.monotonic() + until_s
    request = Request("READ", f"{scheme}://127.0.0.1:{port}", body=body, **about)
    return json.loads(http.live(until).call(request, until).body)


def refused(port, *topics, **about):
    with pytest.raises(WireError) as error:
        look(port, *(topics or ("t",)), **about)
    assert CANARY not in str(error.value)
    return error.value


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    with mosquitto(tmp_path_factory.mktemp("broker")) as found:
        yield found


@needs_mosquitto
def test_a_retained_message_is_told_as_one(broker):
    broker.publish("a/kept", "21.5", retain=True)
    began = time.monotonic()
    told = look(broker.port, "a/kept")
    assert [(one["source"], one["body"], one["retained"]) for one in told["pushed"]] == [("a/kept", "21.5", True)]
    assert told["line"] == ""
    assert time.monotonic() - began < mqtt.LOOK_S / 2


@needs_mosquitto
def test_a_sensor_is_asked_once_and_its_answer_is_new(broker):
    with tasmota(broker, "plug", '{"StatusSNS":{}}') as asked:
        told = look(broker.port, "stat/plug/STATUS10", live=["stat/plug/STATUS10"], ask=[["cmnd/plug/Status", "10"]])
    assert asked == [("cmnd/plug/Status", b"10")]
    assert [(one["body"], one["retained"]) for one in told["pushed"]] == [('{"StatusSNS":{}}', False)]


@needs_mosquitto
def test_a_look_for_something_new_ends_with_its_time(broker):
    broker.publish("b/kept", "1", retain=True)
    began = time.monotonic()
    told = look(broker.port, "b/kept", live=["b/kept"], until_s=0.5)
    assert [one["retained"] for one in told["pushed"]] == [True]
    assert time.monotonic() - began < 3


@needs_mosquitto
def test_a_message_of_any_bytes_is_a_text_and_a_long_one_is_only_told_of(broker):
    broker.publish("c/bytes", bytes(range(256)), retain=True)
    broker.publish("c/long", b"1" * (mqtt.BODY_MOST + 1), retain=True)
    told = {one["source"]: one for one in look(broker.port, "c/bytes", "c/long")["pushed"]}
    assert (told["c/bytes"]["cut"], len(told["c/bytes"]["body"])) == (False, 256)
    assert (told["c/long"]["cut"], told["c/long"]["body"]) == (True, "")


@needs_mosquitto
def test_the_broker_keeps_a_huge_message_to_itself_and_the_others_come(broker):
    broker.publish("d/huge", b"1" * 1_000_000, retain=True)
    broker.publish("d/small", "2", retain=True)
    told = look(broker.port, "d/huge", "d/small", until_s=0.5)
    assert [one["source"] for one in told["pushed"]] == ["d/small"]


@needs_mosquitto
def test_a_wrong_password_is_told_without_it(tmp_path):
    with mosquitto(tmp_path, anonymous="false") as strict:
        error = refused(strict.port, auth=("basic", "minectl", CANARY))
    assert error.kind == "closed"
    assert "refuses the login" in error.why


@needs_mosquitto
def test_tls_with_the_owners_certificate_and_never_without_one(tmp_path):
    for name in ("unit.pem", "unit.crt"):
        (tmp_path / name).write_bytes((HERE / name).read_bytes())
    pem = tmp_path / "unit.pem"
    with mosquitto(tmp_path, f"certfile {pem}", f"keyfile {pem}", f"cafile {tmp_path / 'unit.crt'}") as safe:
        told = look(safe.port, "t", scheme="mqtts", ca_file=str(HERE / "unit.crt"), until_s=0.7)
        assert told["pushed"] == []
        assert refused(safe.port, scheme="mqtts").kind == "tls"
        assert refused(safe.port, scheme="mqtts", ca_file="/nowhere/ca.crt").kind == "tls"


@needs_mosquitto
def test_a_certificate_for_another_name_is_told_as_that_and_not_as_a_wrong_ca_file(tmp_path):
    """A broker's certificate is often made out for its name, and `host` its address."""
    own = tmp_path / "named.pem"
    own.write_bytes((HERE / "named.pem").read_bytes())
    with mosquitto(tmp_path, f"certfile {own}", f"keyfile {own}", f"cafile {own}") as safe:
        error = refused(safe.port, scheme="mqtts", ca_file=str(HERE / "named.pem"))
    assert (error.kind, error.why) == ("tls", "the broker's certificate is made out for another name than is asked for")


@needs_mosquitto
def test_a_port_without_tls_is_told_as_that(broker):
    """Mosquitto cuts the connection there, which is no lack of a way."""
    error = refused(broker.port, scheme="mqtts")
    assert (error.kind, "is it a port with TLS" in error.why) == ("tls", True)


@pytest.mark.parametrize(
    ("topic", "payload"),
    [("cmnd/plug/Power", "OFF"), ("cmnd/plug/Status", "0"), ("cmnd/plug/Status", "10;Power"), ("Status", "10"),
     ("cmnd/+/Status", "10"), ("cmnd/plug/Status/x", "10"), ("", "10")],
)  # fmt: skip
def test_nothing_but_a_request_for_a_reading_is_ever_published(topic, payload):
    assert not mqtt.is_reading(topic, payload)
    assert "only a request for a reading" in refused(9, ask=[[topic, payload]]).why


def test_a_line_refuses_to_publish_a_command_even_when_it_is_told_to():
    line = mqtt.Line(mqtt.Broker("127.0.0.1", 9), ("t",), lambda _: None, mqtt.V311)
    with pytest.raises(ValueError, match="Power"):
        line.ask("cmnd/plug/Power", "OFF")


def test_nobody_there_is_a_refused_connection():
    with pretender() as port:
        pass
    assert refused(port).kind == "refused"


def old(raw):
    """A broker of 2014: the level of the protocol stands in the tenth byte or so, behind its name."""
    at = raw.index(b"MQTT") + 4
    return b"\x20\x02\x00\x01" if raw[at] == mqtt.V5 else b"\x20\x02\x00\x00"


def publish(topic, payload, first=0x31):
    body = len(topic).to_bytes(2, "big") + topic + payload
    return bytes([first, len(body)]) + body


def test_a_broker_that_knows_only_the_old_protocol_is_spoken_to_in_it():
    def take(raw):
        return b"\x90\x03" + raw[2:4] + b"\x00" + publish(b"t", b"7")

    with pretender(old, take) as port:
        told = look(port, "t")
    assert [(one["source"], one["body"], one["retained"]) for one in told["pushed"]] == [("t", "7", True)]


def test_a_broker_that_is_silent_to_the_new_protocol_is_spoken_to_in_the_old_one_while_there_is_time():
    asked = []

    def greet(raw):  # amqtt 0.12 neither answers a greeting of version 5 nor hangs up
        asked.append(raw[raw.index(b"MQTT") + 4])
        return old(raw) if asked[-1] == mqtt.V311 else None

    def take(raw):
        return b"\x90\x03" + raw[2:4] + b"\x00" + publish(b"b", b"7")

    with pretender(greet, take) as port:
        assert [one["body"] for one in look(port, "b", until_s=3.0)["pushed"]] == ["7"]
    assert asked == [mqtt.V5, mqtt.V311]


def test_a_broker_that_says_goodbye_is_quoted():
    with pretender(lambda _: b"\x20\x03\x00\x00\x00", lambda _: b"\xe0\x01\x8e") as port:
        error = refused(port)
    assert (error.kind, error.why) == ("closed", "the broker says goodbye: Session taken over")


def test_a_topic_that_may_not_be_heard_is_named():
    with pretender(old, lambda raw: b"\x90\x04" + raw[2:4] + b"\x80\x00" + publish(b"b", b"7")) as port:
        told = look(port, "a", "b", until_s=0.5)
    assert told["line"] == "the broker refuses to let it hear a"
    assert [one["source"] for one in told["pushed"]] == ["b"]


def test_a_packet_of_200_megabytes_ends_the_line_before_it_is_read():
    def take(raw):
        return b"\x90\x03" + raw[2:4] + b"\x00" + b"\x30\x80\x84\xaf\x5f" + bytes(100_000)

    with pretender(old, take) as port:
        refused(port)  # the imports are paid
        tracemalloc.start()
        error = refused(port)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert "more than 64 KiB" in error.why
    assert peak < 3_000_000


@pytest.mark.parametrize(
    "raw",
    [b"\x30\x00", b"\x30\x01\x00", b"\x90\x00", b"\x30\xff\xff\xff\xff\xff", b"HTTP/1.1 400 Bad\r\n\r\n", b"\x00"],
)
def test_what_is_no_mqtt_ends_the_line_with_a_reason(raw):
    with pretender(old, lambda _: raw) as port:
        assert refused(port, until_s=0.4).why


def test_a_delivery_in_two_steps_was_not_asked_for():
    with pretender(old, lambda raw: b"\x90\x03" + raw[2:4] + b"\x00" + b"\x34\x06\x00\x01t\x00\x01x" * 50) as port:
        assert refused(port).kind == "closed"


def test_a_broker_that_says_nothing_costs_no_more_than_the_time_given():
    with pretender() as port:
        began = time.monotonic()
        assert refused(port, until_s=0.3).kind == "timeout"
        assert time.monotonic() - began < 3


def test_every_look_has_a_name_of_its_own():
    names = set()
    with pretender(lambda raw: names.add(raw[-20:]) or b"") as port:
        for _ in range(3):
            refused(port)
    assert len(names) >= 3
