"""A dead-man that can't be reached holds up nobody: not the tick, not the relay after it, not a second dead-man."""

import socket
import threading
import time
from types import SimpleNamespace

import pytest
from notify.mine import NOON, Mine

from mine_controller.config.load import load
from mine_controller.core.model.book import Book
from mine_controller.core.model.state import State
from mine_controller.ports.log import Log
from mine_controller.ports.pulse import pulse


@pytest.fixture
def over():
    event = threading.Event()
    yield event
    event.set()


def test_pro6_a_dead_man_whose_name_is_looked_up_for_long_is_left_behind(tmp_path, http, monkeypatch, over):
    """The resolver has no end of its own: each tick of an outage took up to a minute more, near its kill at 110 s."""
    real = socket.getaddrinfo

    def look(host, *rest, **more):
        if host != "far.example":
            return real(host, *rest, **more)
        over.wait(3)
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    monkeypatch.setattr(socket, "getaddrinfo", look)
    sections = f"[deadman far]\nurl = http://far.example/canary\n\n[deadman near]\nurl = {http.url}/near\n"
    config = load(Mine(tmp_path, sections).path)
    log = Log(config.paths.log)
    journal = SimpleNamespace(unsaved="", untold=())
    pulse(config, Book(State()), journal, log, NOON, time.monotonic() + 0.5)
    assert [asked.path for asked in http.asked] == ["/near/fail"]
    [line] = [one for one in config.paths.log.read_text().splitlines() if "no ping" in one]
    assert 'channel="deadman far" text="no ping: no answer in time"' in line
