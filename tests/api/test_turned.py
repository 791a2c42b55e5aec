"""Disable, and enable before a tick has taken it: the last word counts."""

import pytest
from api.served import Served
from cli.home import Home

from mine_controller.config.load import load
from mine_controller.ops import miners, replies


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    home = Home(tmp_path)
    home.ticks(1, of=3)
    monkeypatch.setattr(replies, "start_tick", lambda _config: replies.Started(0))
    return Served(home)


def ticked(shelf):
    shelf.settle()
    shelf.place.config = load(shelf.place.path)
    shelf.place.ticks()
    return {row["id"]: row["quarantine"] for row in miners.miners(shelf.place.config).rows}


@pytest.mark.parametrize(
    ("method", "off", "on"),
    [
        ("PATCH", ("/api/miners/b01", {"enabled": False}), ("/api/miners/b01", {"enabled": True})),
        ("POST", ("/api/miners/bulk/disable", {"ids": ["b01"]}), ("/api/miners/bulk/enable", {"ids": ["b01"]})),
    ],
)
def test_who_is_enabled_before_the_tick_took_the_disable_runs_on(shelf, method, off, on):
    assert shelf.send(method, *off).status_code == 202
    assert shelf.send(method, *on).status_code == 202
    assert ticked(shelf)["b01"] is None


def test_who_is_enabled_before_the_tick_took_the_stop_runs_on(shelf):
    stop = {"key": "miner.b01", "value": "stop", "for_s": 600, "reason": "hums"}
    assert shelf.post("/api/debug/raw-state", stop).status_code == 202
    assert shelf.post("/api/miners/bulk/enable", {"ids": ["b01"]}).status_code == 202
    ticked(shelf)
    assert miners.miners(shelf.place.config).rows[0]["held"] == {}


def test_who_is_disabled_again_before_the_tick_took_the_enable_stays_off(shelf):
    shelf.post("/api/miners/bulk/disable", {"ids": ["b01"]})
    assert ticked(shelf)["b01"]
    assert shelf.post("/api/miners/bulk/enable", {"ids": ["b01"]}).status_code == 202
    assert shelf.post("/api/miners/bulk/disable", {"ids": ["b01"]}).status_code == 202
    assert ticked(shelf)["b01"]
