"""From the sensor through the broker and collect to the readings of a tick."""

import time

import pytest
from collect.peers import eventually, mosquitto, needs_mosquitto, tasmota
from collect.runs import SECTION, collecting

from mine_controller.config.load import load
from mine_controller.core.due import Asked
from mine_controller.devices import mqtt
from mine_controller.devices.ask import ask
from mine_controller.ports.live import Live
from mine_controller.wire import collected
from mine_controller.wire import mqtt as line

SITE = """\
[site]
name = Shed
run_dir = run

[mqtt supply]
host = 127.0.0.1
port = {port}
topics = {topics}
through = {through}

[wiring]
site_power_w = mqtt supply

[end]
"""


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    with mosquitto(tmp_path_factory.mktemp("broker")) as found:
        yield found


def site(folder, port, topics="- power_w t", through="collect"):
    path = folder / "config.txt"
    path.write_text(SITE.format(port=port, topics=topics, through=through))
    path.chmod(0o600)
    return load(path)


def readings(config):
    wire_for = Live(config).wire_for
    read = ask([Asked(SECTION)], config.endpoints, {}, int, wire_for, time.monotonic() + 5)
    return {reading.key.removeprefix(SECTION): reading for reading in read}


@needs_mosquitto
def test_a_tick_reads_what_was_pushed_between_ticks(broker, tmp_path):
    config = site(tmp_path, broker.port)
    with collecting(config.paths.run, mqtt_supply=mqtt.pushed(config.endpoints[SECTION].options)) as run:
        eventually(run.is_heard)
        broker.publish("t", "1432")
        eventually(run.bodies)
        read = readings(config)
    assert (read[":power_w"].value, read[":health"].value) == (1432, "ok")
    assert 0 <= read["/collect:uptime_s"].value < 60


@needs_mosquitto
def test_sup_a_collector_that_fell_silent_is_noticed_as_the_endpoints_health(broker, tmp_path, monkeypatch):
    config = site(tmp_path, broker.port)
    assert readings(config)[":health"].why == collected.NOT_RUNNING
    with collecting(config.paths.run, mqtt_supply=mqtt.pushed(config.endpoints[SECTION].options)) as run:
        eventually(run.is_heard)
    late_s = collected.boot_s() + 75
    monkeypatch.setattr(collected, "boot_s", lambda: late_s)
    read = readings(config)
    assert read[":health"].value is None
    assert read[":health"].why.startswith("collect does not run: no sign of life for 7")
    assert ":power_w" not in read


@needs_mosquitto
def test_a_tasmota_is_asked_in_the_tick_where_nothing_collects(broker, tmp_path, monkeypatch):
    monkeypatch.setattr(line, "LOOK_S", 0.5)
    row = "- power_w stat/plug/STATUS10 json StatusSNS.ENERGY.Power ask cmnd/plug/Status 10"
    config = site(tmp_path, broker.port, row, "ask")
    assert readings(config)[":power_w"].value is None
    with tasmota(broker, "plug", '{"StatusSNS":{"ENERGY":{"Power":1432}}}'):
        assert readings(config)[":power_w"].value == 1432


@needs_mosquitto
def test_a_message_that_tells_a_part_takes_nothing_from_the_rest(broker, tmp_path):
    """A Tasmota tells its energy alone when the power jumps, and its thermometer with the next full message."""
    topic = "tele/part/SENSOR"
    rows = f"- power_w {topic} json ENERGY.Power, room temp_c {topic} json AM2301.Temperature"
    config = site(tmp_path, broker.port, rows)
    with collecting(config.paths.run, mqtt_supply=mqtt.pushed(config.endpoints[SECTION].options)) as run:
        eventually(run.is_heard)
        broker.publish(topic, '{"ENERGY":{"Power":100},"AM2301":{"Temperature":19.4},"TempUnit":"C"}')
        eventually(run.bodies)
        broker.publish(topic, '{"ENERGY":{"Power":900}}')
        eventually(lambda: any(one["body"] == '{"ENERGY":{"Power":900}}' for one in run.told()["pushed"]))
        told = readings(config)
        assert (told[":power_w"].value, told["/room:temp_c"].value) == (900, 19.4)
        broker.publish(topic, '{"ENERGY":{"Power":900},"AM2301":{"Temperature":null},"TempUnit":"C"}')
        eventually(lambda: all("null" in one["body"] for one in run.told()["pushed"]))
        assert readings(config)["/room:temp_c"].value is None
