"""A site served in this process: its clock stands still, and its ticks run on numbers."""

import pytest
from api.served import Served
from cli.place import Place

from mine_controller.ops import replies


@pytest.fixture
def place(tmp_path, monkeypatch):
    found = Place(tmp_path)

    def tick(_config):
        found.ticks()
        return replies.Started(0)

    monkeypatch.setattr(replies, "start_tick", tick)
    return found


@pytest.fixture
def served(place):
    return Served(place)
