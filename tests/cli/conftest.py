"""A site to type commands at; a tick that a command starts runs here, on the plant."""

import pytest
from cli.home import Home
from cli.place import Place

from mine_controller.ops import replies


@pytest.fixture
def place(tmp_path, monkeypatch):
    return seated(Place(tmp_path), tmp_path, monkeypatch)


@pytest.fixture
def home(tmp_path, monkeypatch):
    return seated(Home(tmp_path), tmp_path, monkeypatch)


@pytest.fixture
def seen(home):
    """After the ticks in which every board was seen running; a few more may follow."""
    return home.ticks(3, of=8)


def seated(found, folder, monkeypatch):
    """Somebody types in the folder of this site; a tick that a command starts is one of its own."""
    monkeypatch.delenv("MINECTL_CONFIG", raising=False)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(replies, "start_tick", lambda _config: tick_of(found))
    return found


def tick_of(place):
    place.ticks()
    return replies.Started(0)
