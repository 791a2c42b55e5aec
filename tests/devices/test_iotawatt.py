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


def reads(inputs, **more):
    """What is read of a unit that says this of its inputs; the query's window lies behind."""
    says = {"stats": {"currenttime": 1763003600, "frequency": 59.98}, "inputs": inputs}
    says |= {"outputs": [{"name": "total", "units": "Watts", "value": 0}, {"name": []}], **more}
    row = {"labels": ["Time", "fan1", "fan2", "total"], "data": [[1763003590, 0, 412, 412]]}
    series = {"series": [{"name": name, "unit": "Watts"} for name in ("fan1", "fan2", "total")]}

    def unit(request):
        told = says if "/status" in request.url else series if "show=series" in request.url else row
        return ok(json.dumps(told).encode())

    return read(unit)[1]


def volts(channel, vrms):
    return {"channel": channel, "Vrms": vrms, "Hz": 59.98}


def test_without_its_voltage_reference_nothing_is_measured_and_the_frequency_is_an_old_one():
    found = reads([volts(0, 0), {"channel": 1, "Watts": "0"}, {"channel": 2, "Watts": "412"}])
    assert found["input 0", "voltage_v"] == 0
    assert [found[name, "grid_hz"] for name in ("input 0", "")] == [None, None]
    assert [found[f"input {at}", "power_w"] for at in (1, 2)] == [None, None]
    assert [found[name, "power_w"] for name in ("fan1", "fan2", "total")] == [None, None, None]


def test_with_one_reference_of_several_lost_what_flows_is_still_measured_and_a_sum_is_not():
    found = reads([volts(0, 121.7), volts(1, 0.0), {"channel": 2, "Watts": "0"}, {"channel": 3, "Watts": "412"}])
    assert [found[name, "grid_hz"] for name in ("input 0", "input 1", "")] == [59.98, None, 59.98]
    assert [found[f"input {at}", "power_w"] for at in (2, 3)] == [None, 412]
    assert [found[name, "power_w"] for name in ("fan1", "fan2", "total")] == [None, 412, None]


def test_the_frequency_it_starts_with_is_not_the_grids():
    assert (
        reads([{"channel": 1, "Watts": "0"}], stats={"currenttime": 1763003600, "frequency": 55})["", "grid_hz"] is None
    )


def test_an_input_that_tells_volts_and_no_hertz_leaves_the_frequency_to_the_statistics():
    assert reads([{"channel": 0, "Vrms": 121.7}])["", "grid_hz"] == 59.98
