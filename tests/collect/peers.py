"""A real Mosquitto on a port of its own, a sensor that answers when asked, and brokers that are none."""

import queue
import shutil
import socket
import subprocess
import threading
import time
from contextlib import closing, contextmanager, suppress

import pytest
from paho.mqtt import client as paho
from paho.mqtt import publish

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
needs_mosquitto = pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed (apt-get install mosquitto)")
SOON_S = 10.0


def eventually(what, until_s=SOON_S):
    """The first answer of `what` that is not empty."""
    ends = time.monotonic() + until_s
    while time.monotonic() < ends:
        found = what()
        if found:
            return found
        threading.Event().wait(0.01)
    raise AssertionError(f"not within {until_s} s")


def free_port():
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Mosquitto:
    """`port` stays the same over `stop` and `start`; retained messages outlive both."""

    def __init__(self, folder, *more, anonymous="true"):
        self.folder, self.port, self.process = folder, free_port(), None
        lines = [
            f"listener {self.port} 127.0.0.1", f"allow_anonymous {anonymous}", "user root", "persistence true",
            f"persistence_location {folder}/", *more,
        ]  # fmt: skip
        (folder / "mosquitto.conf").write_text("\n".join(lines) + "\n")

    def start(self):
        command = [MOSQUITTO, "-c", str(self.folder / "mosquitto.conf")]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        eventually(self._listens)
        return self

    def _listens(self):
        with closing(socket.socket()) as one:
            return one.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        self.process.terminate()
        self.process.wait(10)

    def publish(self, topic, payload, retain=False):
        """Over when the broker has it."""
        publish.single(topic, payload, qos=1, retain=retain, hostname="127.0.0.1", port=self.port)


@contextmanager
def mosquitto(folder, *more, **about):
    broker = Mosquitto(folder, *more, **about).start()
    try:
        yield broker
    finally:
        broker.stop()


@contextmanager
def tasmota(broker, topic, answer):
    """A sensor that publishes `answer` on stat/<topic>/STATUS10 when it is asked; gives what it was asked."""
    asked, ready = [], threading.Event()
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.on_connect = lambda *_: client.subscribe(f"cmnd/{topic}/#")
    client.on_subscribe = lambda *_: ready.set()

    def told(_client, _data, message):
        asked.append((message.topic, message.payload))
        client.publish(f"stat/{topic}/STATUS10", answer)

    client.on_message = told
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    try:
        assert ready.wait(SOON_S)
        yield asked
    finally:
        client.disconnect()
        client.loop_stop()


@contextmanager
def far_away(port, seconds):
    """A way to `port` on which everything takes so long, each way. Gives its own port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def carry(source, target):
            under_way = queue.Queue()

            def arrive():
                with target:
                    while (piece := under_way.get())[1]:
                        threading.Event().wait(max(0.0, piece[0] - time.monotonic()))
                        with suppress(OSError):
                            target.sendall(piece[1])

            threading.Thread(target=arrive, daemon=True).start()
            with suppress(OSError):
                while data := source.recv(65_536):
                    under_way.put((time.monotonic() + seconds, data))
            under_way.put((0.0, b""))

        def serve():
            with suppress(OSError):
                while True:
                    ends = server.accept()[0], socket.create_connection(("127.0.0.1", port))
                    for pair in (ends, ends[::-1]):
                        threading.Thread(target=carry, args=pair, daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


@contextmanager
def pretender(*answers):
    """Takes connections; `answers` map what came to what is sent back: b"" closes, None is silence. Gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        open_ = [True]

        def serve():
            while open_[0]:
                try:
                    sock, _ = server.accept()
                except OSError:
                    return
                with sock:
                    sock.settimeout(SOON_S)
                    _talk(sock, answers)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        open_[0] = False
        server.shutdown(socket.SHUT_RDWR)
    thread.join(SOON_S)


def _talk(sock, answers):
    for answer in answers:
        try:
            raw = sock.recv(4096)
            told = answer(raw) if raw else b""
            if told is None:
                break
            if not told:
                return
            sock.sendall(told)
        except OSError:
            return
    while True:
        try:
            if not sock.recv(4096):
                return
        except OSError:
            return
