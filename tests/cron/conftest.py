"""A site to serve; a tick that is asked for runs here, on the plant."""

import pytest
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
