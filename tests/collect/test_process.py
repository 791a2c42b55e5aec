"""The process with a real broker: what it hears, what it survives, and how its absence is seen."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading

import pytest
from collect.peers import eventually, free_port, mosquitto, needs_mosquitto
from collect.runs import SECTION, Run, collecting

from mine_controller.collect import process, shelf, ways
from mine_controller.wire import collected
from mine_controller.wire.collected import Broker, Hear


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    with mosquitto(tmp_path_factory.mktemp("broker")) as found:
        yield found


def hear(port, *topics):
    return Hear(Broker("127.0.0.1", port), topics)


@needs_mosquitto
def test_what_is_published_is_on_the_shelf_and_a_retained_message_is_marked(broker, tmp_path):
    broker.publish("a/kept", "1", retain=True)
    with collecting(tmp_path, mqtt_supply=hear(broker.port, "a/kept", "a/new")) as run:
        eventually(run.is_heard)
        broker.publish("a/new", b"2")
        eventually(lambda: len(run.bodies()) == 2)
        assert run.bodies() == {("a/kept", True): "1", ("a/new", False): "2"}
        broker.publish("a/kept", "3", retain=True)
        eventually(lambda: run.bodies().get(("a/kept", False)) == "3")
    assert run.over == [process.ENDED]
    assert run.said == [f"[{SECTION}] is heard"]


@needs_mosquitto
def test_mqt1_after_a_restart_of_the_broker_its_store_is_told_apart_from_news(tmp_path):
    """MQT1."""
    (tmp_path / "broker").mkdir()
    with mosquitto(tmp_path / "broker") as own, collecting(tmp_path, mqtt_supply=hear(own.port, "t")) as run:
        eventually(run.is_heard)
        own.publish("t", "7", retain=True)
        eventually(lambda: run.bodies() == {("t", False): "7"})
        own.stop()
        eventually(run.line)
        own.start()
        eventually(run.is_heard)
        eventually(lambda: run.bodies() == {("t", False): "7", ("t", True): "7"})
        own.publish("t", "8")
        eventually(lambda: run.bodies()[("t", False)] == "8")


@needs_mosquitto
def test_mqt2_a_flood_is_not_listened_to_for_a_while_and_another_section_goes_on(broker, tmp_path):
    """MQT2."""
    topics = {"mqtt_supply": hear(broker.port, "flood"), "mqtt_other": hear(broker.port, "calm")}
    with collecting(tmp_path, **topics) as run:
        eventually(run.is_heard)
        stop = threading.Event()
        shouting = threading.Thread(target=shout, args=(broker.port, stop))
        shouting.start()
        try:
            eventually(lambda: any("messages in a second" in line for line in run.said))
        finally:
            stop.set()
            shouting.join()
        broker.publish("calm", "1")
        eventually(lambda: json.loads(collected.exchange(run.file, "mqtt other").body)["pushed"])


def shout(port, stop):
    from paho.mqtt import client as paho  # noqa: PLC0415

    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", port)
    client.loop_start()
    while not stop.is_set():
        for _ in range(100):
            client.publish("flood", "x")
        stop.wait(0.01)
    client.disconnect()
    client.loop_stop()


@needs_mosquitto
def test_hostile_messages_are_bounded(broker, tmp_path):
    with collecting(tmp_path, mqtt_supply=hear(broker.port, "b", "c", "d")) as run:
        eventually(run.is_heard)
        broker.publish("b", bytes(range(256)))
        broker.publish("c", b"9" * 9000)
        broker.publish("d", b"9" * 2_000_000)
        broker.publish("b", b"\xff\xfe")
        eventually(lambda: run.bodies().get(("b", False)) == "\ufffd\ufffd" and len(run.bodies()) == 2)
        assert run.bodies()["c", False] == ""


def test_a_broker_that_is_not_there_is_told_once_and_tried_again(tmp_path):
    with collecting(tmp_path, mqtt_supply=hear(free_port(), "t")) as run:
        eventually(lambda: run.line() == "the broker refuses the connection")
        threading.Event().wait(0.3)
    assert run.said == [f"[{SECTION}] the broker refuses the connection"]


def test_datagrams_of_boards_are_kept_with_the_mac_and_strangers_are_not(tmp_path, monkeypatch):
    port = free_port()
    board = Hear(udp_port=port, hosts=("127.0.0.1", "127.0.0.9"))
    monkeypatch.setattr(ways.udp.Macs, "of", lambda self, sender: f"mac of {sender}")
    with collecting(tmp_path, address="127.0.0.1", mqtt_supply=board) as run:
        eventually(run.is_heard)
        shouted("127.0.0.7", port, b"a stranger")
        shouted("127.0.0.9", port, b"x" * 1025)
        shouted("127.0.0.9", port, b'{"ip": "127.0.0.9"}')
        (row,) = eventually(lambda: run.told()["pushed"])
    assert (row["source"], row["body"], row["note"]) == ("127.0.0.9", '{"ip": "127.0.0.9"}', "mac of 127.0.0.9")


def shouted(sender, port, body):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((sender, 0))
        sock.sendto(body, ("127.0.0.1", port))


def test_a_port_that_is_taken_is_told(tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with collecting(tmp_path, address="127.0.0.1", mqtt_supply=Hear(udp_port=port, hosts=("127.0.0.9",))) as run:
            eventually(lambda: run.line() == f"UDP port {port} can't be listened to: Address already in use")


def test_a_changed_config_ends_the_run(tmp_path):
    with collecting(tmp_path, stirred=lambda: True, mqtt_supply=hear(free_port(), "t")) as run:
        eventually(lambda: run.over == [process.CHANGED])


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_dies_ends_the_process_with_a_reason(tmp_path, monkeypatch):
    monkeypatch.setattr(ways.BrokerWay, "attempt", lambda self: sys.exit(1))
    with collecting(tmp_path, mqtt_supply=hear(free_port(), "t")) as run:
        eventually(lambda: run.over == [process.BROKEN])
    assert run.said == [f"the thread 'hear {SECTION}' has died"]


def test_trouble_with_the_file_is_told_once_and_when_it_is_over(tmp_path, monkeypatch):
    monkeypatch.setattr(shelf, "PULSE_S", 0.02)
    with collecting(tmp_path, mqtt_supply=hear(free_port(), "t")) as run:
        eventually(run.file.exists)
        run.file.unlink()
        run.file.mkdir()
        eventually(lambda: any("can't be written" in line for line in run.said))
        run.file.rmdir()
        eventually(lambda: "collect.db is written again" in run.said)
    assert sum("can't be written" in line for line in run.said) == 1


CONFIG = """\
[site]
name = Shed
run_dir = {folder}/run

[mqtt supply]
host = 127.0.0.1
port = {port}
topics = - power_w t

[wiring]
site_power_w = mqtt supply

[end]
"""


def started(folder):
    command = [sys.executable, "-c", "from mine_controller.cli.main import main; main()", "collect"]
    run = Run(folder / "run" / "collect.db")
    environment = {**os.environ, "MINECTL_CONFIG": str(folder / "config.txt")}
    run.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment)
    return run


@needs_mosquitto
def test_a_kill_loses_no_value_and_the_new_start_is_seen(broker, tmp_path):
    (tmp_path / "config.txt").write_text(CONFIG.format(folder=tmp_path, port=broker.port))
    (tmp_path / "config.txt").chmod(0o600)
    run = started(tmp_path)
    eventually(run.is_heard)
    broker.publish("t", "5")
    eventually(run.bodies)
    run.process.kill()
    run.process.communicate()
    assert run.bodies() == {("t", False): "5"}
    old = run.told()
    run = started(tmp_path)
    eventually(lambda: run.told()["up_s"] < old["up_s"])
    assert run.bodies() == {("t", False): "5"}
    second = started(tmp_path)
    assert b"another collect runs" in second.process.communicate(timeout=10)[0]
    assert second.process.returncode == 75
    run.process.send_signal(signal.SIGTERM)
    out, _ = run.process.communicate(timeout=10)
    assert run.process.returncode == 0
    assert out.decode().splitlines()[0] == f"collecting for [{SECTION}]"
