"""Stock Antminers whose script reads a body of one type alone."""

import json

from devices.antminers import MAC, A, B, Board, options
from devices.racks import Rack
from devices.scripted import apply, order

from mine_controller.devices import antminer
from mine_controller.wire.door import WireError


class JsonOnly(Board):
    """As the script of an S21 XP Imm. (FR-1.38 of October 2025) is: it takes a body of one type alone, and writes two
    lines of its own before its answer."""

    def _set(self, body):
        if self.web.calls[-1][2]["content-type"] != "application/json":
            return {"stats": "error", "code": "M001", "msg": "Illegal request!"}
        return b"Received JSON data.\nfree power from web is null\n" + json.dumps(super()._set(body)).encode() + b"\n"


def board():
    return JsonOnly(answer={"stats": "success", "code": "M000", "msg": "OK!"})


def test_firmware_that_reads_one_type_of_body_alone_is_stopped_by_that():
    one = board()
    (outcome,) = apply(antminer, Rack({A: one.ports}), options(), [order(A, "stop")._replace(unit=MAC)])
    assert (outcome.verdict, one.conf["bitmain-work-mode"]) == ("accepted", 1)
    assert len(one.bodies) == 2
    assert one.bodies[0] == one.bodies[1]


def test_who_reads_one_type_of_body_alone_does_not_wait_for_a_unit_that_hangs():
    """Else its second sending finds no time left, and an outlet goes off under a unit that would obey."""
    obeys, hangs = board(), Board(answer=WireError("timeout", "no answer in 20.0 s"))
    rack = Rack({A: obeys.ports, B: hangs.ports})
    many = rack.wire.many

    def until_the_last(batch, until):
        if rack.clock >= until:
            return [WireError("unreachable", "no time left to ask")] * len(batch)
        answers = many(batch, until)
        if any(each.host == B and b"/set_miner_conf" in each.send for each in batch):
            rack.clock = until
        return answers

    rack.wire = rack.wire._replace(many=until_the_last)
    outcomes = apply(antminer, rack, options(hosts=(A, B)), [order(A, "stop", 1), order(B, "stop", 2)])
    assert sorted(each.verdict for each in outcomes) == ["accepted", "unknown"]
    assert obeys.conf["bitmain-work-mode"] == 1
