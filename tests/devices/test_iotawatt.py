import json

import pytest
from devices.kinds import CASES, build
from devices.virtual import Scripted, ok

from mine_controller.core.option import Secret
from mine_controller.devices import iotawatt
from mine_controller.devices.kind import Ask
from mine_controller.wire.door import Response, WireError

FOLDER = CASES / "iotawatt/status_and_names"
STATUS, SERIES = (FOLDER / "status.json").read_bytes(), (FOLDER / "series.json").read_bytes()
ROW = {"labels": ["time", "mains1", "fan1"], "data": [[1763003590, 412, 0]]}


def unit(request):
    if "/status" in request.url:
        return ok(STATUS)
    return ok(SERIES) if "show=series" in request.url else ok(json.dumps(ROW).encode())


def read(says, ask=None, **more):
    wire = Scripted(says)
    options = build("iotawatt", "http://192.0.2.11", **more)
    found = iotawatt.parse(iotawatt.fetch(wire.wire, options, ask or Ask()), options)
    return wire, {(each.channel, each.quantity): each.value for each in found}


def test_names_come_from_one_query_over_a_short_window():
    wire, found = read(unit)
    assert (found["mains1", "power_w"], found["fan1", "power_w"], found["input 1", "power_w"]) == (412, 0, 423)
    assert wire.paths == [
        "/status?state&stats&inputs&outputs",
        "/query?show=series",
        "/query?select=[time.utc.unix,mains1.watts.d0,fan1.watts.d0]&begin=s-15s&end=s&group=all&header=yes",
    ]


def test_input_numbers_alone_take_one_request():
    wire, found = read(unit, Ask(channels=("input 1", "input 2")))
    assert len(wire.asked) == 1
    assert found["input 2", "power_w"] == 0


def test_only_the_names_asked_for_are_queried():
    wire, _ = read(unit, Ask(channels=("fan1",)))
    assert "select=[time.utc.unix,fan1.watts.d0]" in wire.paths[2]


@pytest.mark.parametrize("said", [WireError("timeout", "no answer in 5.0 s"), Response(500, {}, b"")])
def test_a_query_that_fails_costs_the_names_and_not_the_inputs(said):
    _, found = read(lambda request: said if "select" in request.url else unit(request))
    assert found["fan1", "power_w"] is None
    assert found["input 1", "power_w"] == 423


def test_names_are_remembered_for_the_day_the_list_fails():
    says = lambda request: WireError("closed", "x") if "series" in request.url else unit(request)  # noqa: E731
    _, found = read(says, Ask(memory={"names": "mains1,fan1"}))
    assert found["mains1", "power_w"] == 412


def test_the_digest_login_is_used_when_there_is_a_password():
    assert read(unit)[0].asked[0].auth == ("digest", "admin", "canary-4711-of-the-mine")
    assert read(unit, password=Secret(""))[0].asked[0].auth is None


def test_a_hostile_name_is_never_put_into_a_query():
    series = {"series": [{"name": name, "unit": "Watts"} for name in ("a]&x=[", "fan1", 7, None)]}
    wire, _ = read(lambda request: ok(json.dumps(series).encode()) if "show=series" in request.url else unit(request))
    assert "select=[time.utc.unix,fan1.watts.d0]" in wire.paths[2]
