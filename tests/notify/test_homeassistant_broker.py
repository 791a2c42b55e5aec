"""A tick that tells Home Assistant, with a real Mosquitto: what it keeps, what goes stale, and what trouble costs."""

import json
import signal
import socket
import threading
import time
from pathlib import Path

import pytest
from collect.peers import eventually, far_away, free_port, mosquitto, needs_mosquitto, pretender
from notify import hass
from notify.mine import Mine
from paho.mqtt import client as paho

from mine_controller.ports import homeassistant as after
from mine_controller.wire import publish as wire
from mine_controller.wire.collected import Broker
from mine_controller.wire.door import WireError
from mine_controller.wire.publish import Batch, Post, Will

SECTION = """\
[homeassistant]
host = 127.0.0.1
port = {port}
user = ha
password = canary-ha
commands = run
"""
BASE = "minectl/coop_test"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    with mosquitto(tmp_path_factory.mktemp("broker")) as found:
        yield found


class Ear:
    """Somebody who hears everything; the newest of each topic, as Home Assistant would have it."""

    def __init__(self, broker):
        self.heard, ready = {}, threading.Event()
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self.client.on_connect = lambda *_: self.client.subscribe("#", qos=1)
        self.client.on_subscribe = lambda *_: ready.set()
        self.client.on_message = self._take
        self.client.connect("127.0.0.1", broker.port)
        self.client.loop_start()
        assert ready.wait(10)

    def _take(self, _client, _data, message):
        self.heard[message.topic] = message.payload.decode(errors="replace")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.disconnect()
        self.client.loop_stop()

    def documents(self):
        return {topic: text for topic, text in self.heard.copy().items() if topic.startswith("homeassistant/")}

    def values(self, topic=f"{BASE}/state"):
        return json.loads(self.heard.get(topic) or "{}")


@needs_mosquitto
def test_a_tick_tells_a_broker_everything_home_assistant_needs(broker, tmp_path):
    mine = Mine(tmp_path, SECTION.format(port=broker.port))
    mine.tick()
    with Ear(broker) as ear:
        eventually(lambda: f"{BASE}/available" in ear.heard)
        eventually(ear.values)
        eventually(lambda: len(ear.documents()) > 100)
        for topic, text in ear.documents().items():
            hass.check(topic, text)
        assert ear.heard[f"{BASE}/available"] == "online"
        assert ear.values()["inlet_c"] == mine.plant.inlet
        assert ear.values()["live"] == "ON"
    assert not mine.notes("could not be told")


@needs_mosquitto
def test_discovery_is_told_when_it_changed_and_what_is_gone_is_deleted(tmp_path):
    with mosquitto(tmp_path) as broker:
        mine = Mine(tmp_path, SECTION.format(port=broker.port))
        mine.tick()
        with Ear(broker) as ear:
            eventually(ear.values)
            switch = "homeassistant/switch/minectl_coop_test/set_run_m003/config"
            eventually(lambda: ear.heard.get(switch))
            foreign = "homeassistant/switch/somebody/lamp/config"
            broker.publish(foreign, "{}", retain=True)
            ear.heard.clear()
            mine.tick()
            eventually(ear.values)
            assert not [topic for topic in ear.heard if topic.startswith("homeassistant/") and topic != foreign]
            mine.path.write_text(mine.path.read_text().replace("commands = run", "miners = no"))
            again = Mine.__new__(Mine)
            again.__dict__.update(mine.__dict__)
            again.config = after_load(mine)
            again.tick()
            eventually(lambda: ear.heard.get(switch) == "")
            assert ear.heard.get(foreign, "{}") == "{}"


def after_load(mine):
    from mine_controller.config.load import load  # noqa: PLC0415

    return load(mine.path)


@needs_mosquitto
def test_behind_a_slow_line_values_are_told_at_once_and_discovery_goes_on_from_tick_to_tick(tmp_path, monkeypatch):
    """A broker takes twenty at a time: the hundreds of a site with many miners don't fit into the time of one tick."""
    monkeypatch.setattr(after, "PUBLISH_S", 1.5)
    (tmp_path / "broker").mkdir()
    with mosquitto(tmp_path / "broker") as broker, far_away(broker.port, 0.1) as port, Ear(broker) as ear:
        mine, told = Mine(tmp_path, SECTION.format(port=port)), []
        for _ in range(15):
            ear.heard.clear()
            mine.tick()
            eventually(ear.values)
            told.append(set(ear.documents()))
            if not told[-1]:
                break
        assert not told[-1], "all of it is told by now"
        assert len(told[0]) < len(set().union(*told))
        assert len(set().union(*told)) > 100
        assert ear.heard[f"{BASE}/available"] == "online"


@needs_mosquitto
def test_the_broker_says_offline_by_itself_when_ticks_stay_away(broker):
    """DEA: no process of ours is needed for the values to be seen as dead."""
    place = Broker("127.0.0.1", broker.port)
    batch = Batch("minectl-a", (Post("a/x/available", "online"),), Will("a/x/available", "offline", 1))
    with Ear(broker) as ear:
        wire.publish(place, batch, time.monotonic() + 5)
        eventually(lambda: ear.heard.get("a/x/available") == "online")
        eventually(lambda: ear.heard.get("a/x/available") == "offline")
        wire.publish(place, batch, time.monotonic() + 5)
        eventually(lambda: ear.heard.get("a/x/available") == "online")
        again = batch._replace(will=Will("a/x/available", "offline", 60))
        wire.publish(place, again, time.monotonic() + 5)  # in time: the first will is taken back
        threading.Event().wait(1.3)
        assert ear.heard["a/x/available"] == "online"


@needs_mosquitto
def test_by_the_bridge_as_the_page_changes_it_the_devices_are_there_at_the_centre_with_their_values(tmp_path):
    """The documents of discovery name topics; a bridge that renames those leaves every device unavailable."""
    page = (ROOT / "docs" / "home-assistant.md").read_text("utf-8").partition("## Many sites")[2].partition("\n## ")[0]
    instead = [line.strip() for line in page.splitlines() if line.startswith("    ") and "topic " in line]
    shipped = (ROOT / "cron" / "mosquitto" / "bridge.conf").read_text("utf-8").splitlines()
    (tmp_path / "centre").mkdir()
    (tmp_path / "mine").mkdir()
    with mosquitto(tmp_path / "centre") as centre:
        left_out = ("#", "remote_username", "remote_password", "bridge_cafile", "topic # out 1 minectl/")
        bridge = [line for line in shipped if not line.startswith(left_out)] + instead
        bridge = [line.replace("broker.example:8883", f"127.0.0.1:{centre.port}") for line in bridge]
        with mosquitto(tmp_path / "mine", *bridge) as here, Ear(centre) as ear:
            mine = Mine(tmp_path, SECTION.format(port=here.port).replace("commands = run\n", ""))
            mine.tick()
            eventually(lambda: len(ear.documents()) > 90)
            found = [json.loads(text) for text in ear.documents().values()]
            wanted = {one["state_topic"] for one in found} | {a["topic"] for one in found for a in one["availability"]}
            eventually(lambda: wanted <= set(ear.heard))


@needs_mosquitto
def test_what_is_stale_is_forgotten_by_the_broker(broker):
    batch = Batch("minectl-b", (Post("b/x/state", "1", 1), Post("b/x/kept", "1")), Will("b/x/up", "offline", 60))
    wire.publish(Broker("127.0.0.1", broker.port), batch, time.monotonic() + 5)
    threading.Event().wait(2.2)
    with Ear(broker) as ear:
        eventually(lambda: "b/x/kept" in ear.heard)
        assert "b/x/state" not in ear.heard


@needs_mosquitto
def test_a_broker_of_the_older_version_is_told_as_well(broker, monkeypatch):
    opened, asked = wire._Batch.open, []

    def only_old(self, left_s):
        asked.append(self.version)
        if self.version == wire.V5:
            raise wire._OldBrokerError("closed", "it does not know version 5")
        opened(self, left_s)

    monkeypatch.setattr(wire._Batch, "open", only_old)
    batch = Batch("minectl-c", (Post("c/x/state", "1", 60),), Will("c/x/up", "offline", 60), "c/+/old")
    broker.publish("c/x/old", "{}", retain=True)
    assert wire.publish(Broker("127.0.0.1", broker.port), batch, time.monotonic() + 5) == 1
    with Ear(broker) as ear:
        eventually(lambda: ear.heard.get("c/x/state") == "1")
        assert "c/x/old" not in ear.heard
    assert asked == [wire.V5, wire.V311]


@pytest.mark.parametrize("answer", [b"", None], ids=["hangs up", "is silent"])
def test_a_broker_that_does_not_know_the_newer_version_is_told_in_the_older(answer):
    told = []

    def greet(raw):
        version = raw[raw.index(b"MQTT") + 4]
        return answer if version == wire.V5 else b"\x20\x02\x00\x00"

    def take(raw):
        told.append(raw)
        at = raw.index(b"d/x/state") + len(b"d/x/state")
        return b"\x40\x02" + raw[at : at + 2]

    batch = Batch("minectl-d", (Post("d/x/state", "1", 60),), Will("d/x/up", "offline", 60))
    with pretender(greet, take) as port:
        assert wire.publish(Broker("127.0.0.1", port), batch, time.monotonic() + 3) == 0
    assert [raw.endswith(b"1") for raw in told] == [True]


# -- trouble -----------------------------------------------------------------------------------------------------------


def test_a_broker_that_is_down_is_a_line_in_the_log_an_hour_and_costs_nothing(tmp_path):
    mine = Mine(tmp_path, SECTION.format(port=free_port()))
    began = time.monotonic()
    books = [mine.tick() for _ in range(3)]
    assert time.monotonic() - began < 3 * after.PUBLISH_S
    assert [book.decision.mode for book in books] == ["INIT", "RUNNING", "RUNNING"]
    lines = mine.notes("could not be told")
    assert len(lines) == 1
    assert "refuses the connection" in lines[0]
    assert "canary-ha" not in mine.log()


@needs_mosquitto
def test_what_the_brokers_list_of_rights_forbids_is_said_with_its_topic_and_told_again(tmp_path):
    """The values get through, and no device ever appears: nothing else would say why."""
    (tmp_path / "rights").write_text("user ha\ntopic write minectl/#\n")
    (tmp_path / "broker").mkdir()
    with mosquitto(tmp_path / "broker", f"acl_file {tmp_path}/rights") as broker:
        mine = Mine(tmp_path, SECTION.format(port=broker.port))
        mine.tick()
        (line,) = mine.notes("could not be told")
        assert "does not let us publish on homeassistant/" in line
        assert "Not authorized" in line
        (tmp_path / "rights").write_text("topic readwrite #\nuser ha\ntopic readwrite #\n")
        broker.process.send_signal(signal.SIGHUP)
        mine.tick()
        with Ear(broker) as ear:
            eventually(lambda: len(ear.documents()) > 100)


def test_a_broker_that_never_answers_costs_its_bound_and_not_more(tmp_path, monkeypatch):
    monkeypatch.setattr(after, "PUBLISH_S", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mine = Mine(tmp_path, SECTION.format(port=silent.getsockname()[1]))
        mine.tick()
        began = time.monotonic()
        mine.tick()
        assert time.monotonic() - began < 1.0 + 4.0  # the bound, and a whole tick on a busy machine
    assert len(mine.notes("could not be told")) == 1


def test_a_name_that_is_looked_up_for_ever_costs_its_bound_too(tmp_path, monkeypatch):
    hangs = threading.Event()
    monkeypatch.setattr(after, "PUBLISH_S", 1.0)
    monkeypatch.setattr(after, "publish", lambda *_: hangs.wait(20))
    mine = Mine(tmp_path, SECTION.format(port=1))
    began = time.monotonic()
    mine.tick()
    took_s = time.monotonic() - began
    hangs.set()
    assert took_s < 2.5
    assert mine.notes("does not answer in time")


@needs_mosquitto
def test_a_wrong_password_is_told_without_it(tmp_path):
    (tmp_path / "broker").mkdir()
    words = tmp_path / "broker" / "passwords"
    words.write_text("")
    words.chmod(0o600)
    with mosquitto(tmp_path / "broker", f"password_file {words}", anonymous="false") as broker:
        mine = Mine(tmp_path, SECTION.format(port=broker.port))
        mine.tick()
    assert mine.notes("refuses the login")
    assert "canary-ha" not in mine.log()


def test_nothing_that_is_no_broker_gets_further_than_a_reason():
    batch = Batch("x", (Post("a/b", "1"),), Will("a/c", "offline", 60))
    for answer in (b"HTTP/1.1 400 Bad\r\n\r\n", b"\x20\x02\x00\x05", b"\xff" * 40):
        with pretender(lambda _raw, answer=answer: answer) as port, pytest.raises(WireError):
            wire.publish(Broker("127.0.0.1", port), batch, time.monotonic() + 0.3)


@pytest.mark.parametrize("topic", ["#", "a/+/b", "$SYS/x", "a", "a//b", "a/b\0", "a/b c", "/a/b", ""])
def test_no_topic_with_a_wildcard_ever_leaves(topic):
    batch = Batch("x", (Post(topic, "1"),), Will("a/c", "offline", 60))
    with pytest.raises(ValueError, match=r".*"):
        wire.publish(Broker("127.0.0.1", 9), batch, time.monotonic() + 1)
