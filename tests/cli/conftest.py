"""A site to type commands at; a tick that a command starts runs here, on the plant."""

import pytest
from cli.place import Place

from mine_controller.ops import replies


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.delenv("MINECTL_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    found = Place(tmp_path)
    monkeypatch.setattr(replies, "start_tick", lambda _config: tick_of(found))
    return found


def tick_of(place):
    place.ticks()
    return replies.Started(0)
