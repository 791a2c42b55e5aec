"""A tick that asks a real Mosquitto: what lies there from yesterday, and a broker that goes away, hangs or refuses."""

import datetime as dt
import json
import signal
import threading
import time
from contextlib import contextmanager

import pytest
from collect.peers import eventually, mosquitto, needs_mosquitto
from collect.runs import collecting
from collect.test_tick import SECTION, readings, site

from mine_controller.devices import mqtt
from mine_controller.wire import mqtt as line

DAY_S = 86_400
ASKED = "- power_w stat/plug/STATUS10 json StatusSNS.ENERGY.Power ask cmnd/plug/Status 10"


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    with mosquitto(tmp_path_factory.mktemp("broker")) as found:
        yield found


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    monkeypatch.setattr(line, "LOOK_S", 1.0)


def stored(broker, topic, watts, age_s):
    """A message as Tasmota stores it, of so long ago; gives its text."""
    when = dt.datetime.fromtimestamp(time.time() - age_s, dt.UTC).isoformat(timespec="seconds")
    said = json.dumps({"Time": when, "w": watts})
    broker.publish(topic, said, retain=True)
    return said


@needs_mosquitto
@pytest.mark.parametrize("through", ["ask", "collect"])
def test_mqt1_a_stored_value_of_yesterday_is_unknown_and_a_fresh_one_by_its_own_time_counts(broker, tmp_path, through):
    topic = f"y/{through}"
    config = site(tmp_path, broker.port, f"- power_w {topic} json w time Time", through)

    def read():
        hears = {} if through == "ask" else {"mqtt_supply": mqtt.pushed(config.endpoints[SECTION].options)}
        with collecting(config.paths.run, **hears) as run:
            if hears:
                eventually(run.is_heard)
                eventually(lambda: said in run.bodies().values())
            return readings(config)[":power_w"]

    said = stored(broker, topic, 1432, DAY_S)
    old = read()
    assert (old.value, old.why.startswith("the time in its message is not now (86")) == (None, True)
    said = stored(broker, topic, 1433, -DAY_S)
    assert read().value is None, "nor one of tomorrow"
    said = stored(broker, topic, 1434, 2)
    assert read().value == 1434


@needs_mosquitto
def test_mqt1_a_stored_value_without_a_time_is_never_asked_for_and_says_why(broker, tmp_path):
    broker.publish("z/kept", "1432", retain=True)
    read = readings(site(tmp_path, broker.port, "- power_w z/kept", "ask"))
    assert (read[":power_w"].value, read[":power_w"].why) == (None, "only a retained message, which has no date")


@needs_mosquitto
def test_mqt1_what_a_broker_has_stored_is_no_news_to_a_tick_nor_when_it_comes_again_after_a_restart(tmp_path):
    (tmp_path / "broker").mkdir()
    with mosquitto(tmp_path / "broker") as own:
        own.publish("t", "7", retain=True)
        config = site(tmp_path, own.port)
        with collecting(config.paths.run, mqtt_supply=mqtt.pushed(config.endpoints[SECTION].options)) as run:
            eventually(run.bodies)
            assert readings(config)[":power_w"].why == "only a retained message, which has no date"
            own.stop()
            eventually(run.line)
            own.start()
            eventually(run.is_heard)
            assert readings(config)[":power_w"].why == "only a retained message, which has no date"
            own.publish("t", "8")
            eventually(lambda: ("t", False) in run.bodies())
            assert readings(config)[":power_w"].value == 8


@contextmanager
def silent_sensor(broker, then):
    """Somebody who hears the question; `then` happens, and nobody answers."""
    from paho.mqtt import client as paho  # noqa: PLC0415

    ready = threading.Event()
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.on_connect = lambda *_: client.subscribe("cmnd/#")
    client.on_subscribe = lambda *_: ready.set()
    client.on_message = lambda *_: then()
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    try:
        assert ready.wait(10)
        yield
    finally:
        client.disconnect()
        client.loop_stop()


@needs_mosquitto
@pytest.mark.parametrize(
    ("number", "why"),
    [
        (signal.SIGKILL, "the broker refuses the connection"),  # said of the second attempt
        (signal.SIGTERM, "the broker refuses the connection"),
        (signal.SIGSTOP, "no message while it was asked"),
    ],
)
def test_a_broker_that_ends_or_hangs_between_question_and_answer_is_unknown_with_its_reason(tmp_path, number, why):
    (tmp_path / "broker").mkdir()
    with mosquitto(tmp_path / "broker") as own:
        config = site(tmp_path, own.port, ASKED, "ask")
        with silent_sensor(own, lambda: own.process.send_signal(number)):
            read = readings(config)
        own.process.send_signal(signal.SIGCONT)
    told = read.get(":power_w", read[":health"])
    assert told.value is None
    assert told.why == why


@needs_mosquitto
def test_a_broker_that_hangs_before_it_greets_is_told_as_that(tmp_path):
    (tmp_path / "broker").mkdir()
    with mosquitto(tmp_path / "broker") as own:
        config = site(tmp_path, own.port, ASKED, "ask")
        own.process.send_signal(signal.SIGSTOP)
        read = readings(config)
        own.process.send_signal(signal.SIGCONT)
    assert read[":health"].why == "the broker does not answer in time"


@needs_mosquitto
def test_a_wrong_password_is_the_endpoints_reason_and_stands_nowhere(tmp_path):
    (tmp_path / "broker").mkdir()
    words = tmp_path / "broker" / "passwords"
    words.write_text("")
    words.chmod(0o600)
    with mosquitto(tmp_path / "broker", f"password_file {words}", anonymous="false") as own:
        read = readings(site(tmp_path, own.port, ASKED, "ask\nuser = ha\npassword = canary-ha"))
    assert "refuses the login" in read[":health"].why
    assert "canary" not in str(read)


@needs_mosquitto
@pytest.mark.parametrize("topic", ["küche/zähler", "a/'b c', d", "日本/電力", "a//b", "/a/b/", "x/%41/{y}", "$dev/w"])
def test_a_topic_with_odd_letters_is_heard(broker, tmp_path, topic):
    """As mqtt's page says how to write it: %20, %2C and %25."""
    written = topic.replace("%", "%25").replace(" ", "%20").replace(",", "%2C")
    config = site(tmp_path, broker.port, f"- power_w {written} json w time Time", "ask")
    stored(broker, topic, 7, 1)
    assert readings(config)[":power_w"].value == 7
