"""The process in a hurry: what takes seconds in a mine takes hundredths here."""

import pytest

from mine_controller.collect import process, ways
from mine_controller.wire import udp


@pytest.fixture(autouse=True)
def _hasty(monkeypatch):
    monkeypatch.setattr(process, "WRITE_S", 0.02)
    monkeypatch.setattr(process, "LOOK_S", 0.02)
    monkeypatch.setattr(ways, "FIRST_S", 0.02)
    monkeypatch.setattr(ways, "LONGEST_S", 0.1)
    monkeypatch.setattr(ways, "TURN_S", 0.05)
    monkeypatch.setattr(udp, "WAIT_S", 0.05)
