"""A unit that says it was stopped and draws on is told again: its word alone kept every later stop from it."""

import pytest
from devices.axe import Board
from devices.axe import do as to_bitaxe
from devices.kinds import build
from devices.nerd import Nerd
from devices.scripted import apply as applied
from devices.scripted import errand, order
from devices.shelf import Shelf
from devices.test_xmrig import IDLE, Program

from mine_controller.core.model.command import ACCEPTED, APPLIED
from mine_controller.devices import nerdqaxe, xmrig

A = "10.0.0.1"


def bitaxe_of(watts):
    return to_bitaxe(Board(miningPaused=True, power=watts), errand(A, "stop"), standby_w=3)


def nerdqaxe_of(watts):
    shelf = Shelf(Nerd(shutdown=True, power=watts))
    options = build("nerdqaxe", "http://192.0.2.1", hosts=(A,), standby_w=5)
    return applied(nerdqaxe, shelf, options, [errand(A, "stop")]), shelf


def xmrig_of(rate):
    shelf = Shelf(Program(paused=True, hashrate={"total": [rate, 100, 900]} if rate else IDLE))
    return applied(xmrig, shelf, build("xmrig", "http://192.0.2.1", hosts=(A,)), [order(A, "stop")]), shelf


@pytest.mark.parametrize(
    ("stop", "draws", "sent"),
    [
        (bitaxe_of, 10.0, ["POST 10.0.0.1 /api/system/pause"]),
        (bitaxe_of, 2.8, []),
        (bitaxe_of, None, []),
        (nerdqaxe_of, 62.0, ["POST 10.0.0.1 /api/system/shutdown"]),
        (nerdqaxe_of, 4.0, []),
        (nerdqaxe_of, None, []),
        (xmrig_of, 2900.0, ["POST 10.0.0.1 /json_rpc"]),
        (xmrig_of, 0, []),
    ],
)
def test_who_says_that_it_rests_and_draws_is_told_again(stop, draws, sent):
    (outcome,), shelf = stop(draws)
    assert shelf.sent() == sent
    assert outcome.verdict in (ACCEPTED, APPLIED)
    assert (outcome.why == "was so already") is (not sent)
