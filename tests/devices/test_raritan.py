import json

import pytest
from devices.kinds import build
from devices.scripted import Script, apply, lost, order, orders, told, value, verdicts

from mine_controller.core.model.command import APPLIED, NOT_SENT, REFUSED, UNKNOWN, UNREACHABLE, UNSUPPORTED
from mine_controller.devices import raritan
from mine_controller.devices.kind import Ask, BadReply


def options(**more):
    return build("raritan", "https://192.0.2.1", **{"user": "admin", **more})


def returned(code):
    return {"_ret_": code}


class Unit:
    """Answers every call in a bulk request, or a single one; `codes` by path for what is switched."""

    def __init__(self, codes=None, bulk=True):
        self.codes, self.bulk, self.switched = codes or {}, bulk, []

    def __call__(self, request):
        body, path = json.loads(request.body), request.url.partition("192.0.2.1")[2]
        if path != "/bulk":
            return told(self.one(path, body))
        if not self.bulk:
            return told({"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": 1})
        calls = body["params"]["requests"]
        rows = [{"json": self.one(call["rid"], call["json"]), "statcode": 200} for call in calls]
        return told({"jsonrpc": "2.0", "result": {"responses": rows}, "id": 1})

    def one(self, path, call):
        if call["method"] == "setPowerState":
            self.switched.append((path, call["params"]["pstate"]))
            result = returned(self.codes.get(path, 0))
        elif call["method"] == "getState":
            result = returned({"available": True, "powerState": 1})
        else:
            result = returned({"available": True, "valid": True, "value": 100.0})
        return {"jsonrpc": "2.0", "result": result, "id": call["id"]}


def read(script, chosen, **ask):
    return raritan.parse(raritan.fetch(script.wire, chosen, Ask(**ask)), chosen)


def test_the_label_counts_from_one_and_the_wire_from_zero():
    unit = Unit()
    assert verdicts(apply(raritan, Script(unit), options(), [order("1", "off")])) == [APPLIED]
    assert unit.switched == [("/model/pdu/0/outlet/0", 0)]


def test_thirty_six_outlets_are_read_in_two_calls():
    script = Script(Unit())
    found = read(script, options(outlets=36))
    assert script.asked == ["POST /bulk", "POST /bulk"]
    assert (value(found, "36", "switch"), value(found, "36", "power_w")) == ("on", 100.0)


def test_only_the_outlets_asked_for_are_read():
    found = read(Script(Unit()), options(), channels=("3",))
    assert {each.channel for each in found} == {"", "3"}


def test_two_inlets_make_one_total_only_when_both_are_known():
    assert value(read(Script(Unit()), options(inlets=2)), "", "power_w") == 200.0
    unit = Unit()

    def deaf(request):
        body = json.loads(request.body)
        calls = [call for call in body["params"]["requests"] if "inlet/1" not in call["rid"]]
        return unit(request._replace(body=json.dumps({"params": {"requests": calls}}).encode()))

    assert value(read(Script(deaf), options(inlets=2)), "", "power_w") is None


def test_a_reading_that_is_not_valid_is_unknown():
    def invalid(request):
        answer = Unit()(request)
        return answer._replace(body=answer.body.replace(b'"valid": true', b'"valid": false'))

    found = read(Script(invalid), options(outlets=1))
    assert value(found, "1", "power_w") is None
    assert value(found, "1", "switch") == "on"


def test_the_second_call_lost_leaves_the_first_ones_outlets_known():
    unit, seen = Unit(), []

    def once(request):
        seen.append(request)
        return unit(request) if len(seen) == 1 else lost()

    found = read(Script(once), options(outlets=36))
    assert value(found, "1", "switch") == "on"
    assert "36" not in {each.channel for each in found}


def test_many_go_off_in_one_call_and_each_has_its_own_answer():
    unit = Unit(codes={"/model/pdu/0/outlet/1": 1, "/model/pdu/0/outlet/2": 3})
    script = Script(unit)
    outcomes = apply(raritan, script, options(), orders(["1", "2", "3"], "off"))
    assert verdicts(outcomes) == [APPLIED, UNSUPPORTED, REFUSED]
    assert script.asked == ["POST /bulk"]


def test_outlets_go_on_one_by_one_with_a_pause():
    unit = Unit()
    script = Script(unit)
    assert verdicts(apply(raritan, script, options(on_pause_s=1.5), orders(["1", "2"], "on"))) == [APPLIED, APPLIED]
    assert unit.switched == [("/model/pdu/0/outlet/0", 1), ("/model/pdu/0/outlet/1", 1)]
    assert script.pauses == [1.5]


def test_a_refused_bulk_call_is_told_and_not_taken_for_done():
    outcomes = apply(raritan, Script(Unit(bulk=False)), options(), orders(["1", "2"], "off"))
    assert verdicts(outcomes) == [REFUSED, REFUSED]
    assert "Method not found" in outcomes[0].why


def test_without_bulk_each_outlet_is_one_call():
    unit = Unit(bulk=False)
    assert verdicts(apply(raritan, Script(unit), options(bulk=False), orders(["1", "2"], "off"))) == [APPLIED, APPLIED]
    assert len(unit.switched) == 2


def test_an_answer_that_leaves_an_outlet_out_is_unknown_for_it():
    def short(request):
        answer = json.loads(Unit()(request).body)
        answer["result"]["responses"].pop()
        return told(answer)

    assert verdicts(apply(raritan, Script(short), options(), orders(["1", "2"], "off"))) == [APPLIED, UNKNOWN]


def test_an_outlet_the_unit_does_not_have_is_refused_without_a_call():
    script = Script(Unit())
    outcomes = apply(raritan, script, options(outlets=8), orders(["0", "9", "01", "A1", "²"], "off"))
    assert verdicts(outcomes) == [REFUSED] * 5
    assert script.requests == []


def test_a_bulk_call_that_never_left_is_unreachable_and_one_without_time_not_sent():
    refused = Script(lambda _: lost("refused", "connection refused"))
    assert verdicts(apply(raritan, refused, options(), [order("1", "off")])) == [UNREACHABLE]
    late = Script(Unit(), budget_s=0)
    assert verdicts(apply(raritan, late, options(), orders(["1", "2"], "off"))) == [NOT_SENT, NOT_SENT]


def test_the_login_goes_with_every_call():
    script = Script(Unit())
    read(script, options())
    assert all(each.auth is not None and each.auth[:2] == ("basic", "admin") for each in script.requests)


class Opaque(Unit):
    """A unit that knows its sensors only by the names it gives them, as those of a 36-outlet PX3 that the public
    Prometheus exporter of psyinfra recorded in 2022; `metered` outlets alone have some."""

    def __init__(self, version="4.0.3", metered=99, **more):
        super().__init__(**more)
        self.version, self.metered, self.methods = version, metered, []

    def __call__(self, request):
        path = request.url.partition("192.0.2.1")[2]
        if path == "/bulk" or not path.endswith(("/activePower", "/activeEnergy")):
            return super().__call__(request)
        return told(b"no such object", status=404)

    def one(self, path, call):
        self.methods.append(call["method"])
        head = {"jsonrpc": "2.0", "id": call["id"]}
        if call["method"] == "getSensors":
            where, at = path.split("/")[-2:]
            has = where == "inlet" or int(at) < self.metered
            letter = where[0].upper()
            return {**head, "result": returned({"activePower": self.ref(f"{letter}{at}ActivePower", has),
                                                "activeEnergy": self.ref(f"{letter}{at}ActiveEnergy", has),
                                                "apparentEnergy": None})}  # fmt: skip
        if call["method"] == "getReading" and f":{self.version}/" not in path:
            return {**head, "error": {"code": -32601, "message": "Method not found"}}
        return super().one(path, call)

    def ref(self, name, has):
        kind = f"sensors.NumericSensor:{self.version}"
        return {"rid": f"/tfwopaque/{kind}/{name}", "type": kind} if has else None


def kept(found):
    return {each.channel: each.value for each in found if each.quantity == "memory"}


@pytest.mark.parametrize("bulk", [True, False])
def test_sensors_without_the_usual_path_are_asked_for_once_and_remembered(bulk):
    unit, chosen = Opaque(), options(outlets=2, bulk=bulk)
    first = read(Script(unit), chosen)
    assert (value(first, "2", "switch"), value(first, "2", "power_w"), value(first, "", "power_w")) == (
        "on",
        None,
        None,
    )
    unit.methods.clear()
    then = read(Script(unit), chosen, memory=kept(first))
    assert [value(then, channel, "power_w") for channel in ("1", "2", "")] == [100.0] * 3
    assert value(then, "1", "energy_kwh") == 0.1
    assert "getSensors" not in unit.methods
    assert kept(then) == {}


def test_an_outlet_without_a_meter_is_not_asked_for_its_watts_again():
    unit, chosen = Opaque(metered=1), options(outlets=2)
    memory = kept(read(Script(unit), chosen))
    unit.methods.clear()
    then = read(Script(unit), chosen, memory=memory)
    assert (value(then, "1", "power_w"), value(then, "2", "power_w"), value(then, "2", "switch")) == (100.0, None, "on")
    assert (unit.methods.count("getReading"), unit.methods.count("getSensors")) == (4, 0)


def test_meters_that_were_not_there_while_the_unit_started_are_asked_for_an_hour_later():
    chosen, started = options(outlets=2), Opaque()
    memory = kept(read(Script(Opaque(metered=0)), chosen, memory={}, at_s=50_000))
    soon = read(Script(started), chosen, memory=memory, at_s=50_120)
    assert [value(soon, channel, "power_w") for channel in ("1", "2")] == [None, None]
    memory |= kept(read(Script(started), chosen, memory=memory, at_s=53_600))
    started.methods.clear()
    then = read(Script(started), chosen, memory=memory, at_s=53_720)
    assert [value(then, channel, "power_w") for channel in ("1", "2")] == [100.0] * 2
    assert "getSensors" not in started.methods


def test_an_update_that_renames_the_sensors_is_followed():
    chosen = options(outlets=1)
    memory = kept(read(Script(Opaque()), chosen))
    newer = Opaque(version="4.0.7")
    memory = kept(read(Script(newer), chosen, memory=memory))
    assert value(read(Script(newer), chosen, memory=memory), "1", "power_w") == 100.0


def test_what_is_asked_for_one_outlet_keeps_what_is_known_of_the_others():
    unit, chosen = Opaque(), options(outlets=2)
    memory = kept(read(Script(unit), chosen, channels=("1",)))
    memory = kept(read(Script(unit), chosen, channels=("2",), memory=memory))
    then = read(Script(unit), chosen, memory=memory)
    assert [value(then, channel, "power_w") for channel in ("1", "2", "")] == [100.0] * 3


def test_the_names_of_one_linked_units_meters_are_not_those_of_another():
    """Else its outlets' states stood beside the other one's watts: "off" by a PDU that feeds somebody else."""
    unit = Opaque()
    memory = kept(read(Script(unit), options(outlets=1)))
    script = Script(unit)
    read(script, options(outlets=1, pdu=1), memory=memory)
    asked = [each["rid"] for each in json.loads(script.requests[0].body)["params"]["requests"]]
    assert asked == [rid for rid in asked if rid.startswith("/model/pdu/1/")]


@pytest.mark.parametrize("bulk", [True, False])
def test_outlets_beyond_the_last_one_leave_nothing_to_ask_where_the_inlet_has_no_meter(bulk):
    known = {"at": "50000", "pdu": 0, str(raritan.INLETS + raritan.WATTS): "", str(raritan.INLETS + raritan.ENERGY): ""}
    ask = {"channels": ("30",), "memory": {"known": json.dumps(known)}, "at_s": 50_120}
    with pytest.raises(BadReply, match="more than 1 outlets"):
        read(Script(Unit()), options(outlets=1, bulk=bulk), **ask)


@pytest.mark.parametrize("memory", ["", "[]", "{", '{"a": "/x"}', '{"1": 5}', '{"1": "http://elsewhere/"}', "[[[["])
def test_a_memory_that_is_none_is_forgotten(memory):
    assert value(read(Script(Unit()), options(outlets=1), memory={"known": memory}), "1", "power_w") == 100.0


def test_a_usual_path_is_never_asked_twice():
    unit = Opaque(version="usual")
    unit.one = Unit.one.__get__(unit)
    script = Script(unit)
    read(script, options(outlets=2))
    assert script.asked == ["POST /bulk"]


def test_without_bulk_a_first_call_that_is_refused_leaves_the_others_known():
    def no_inlet(request):
        return told(b"not found", status=404) if "/inlet/" in request.url else Unit(bulk=False)(request)

    found = read(Script(no_inlet), options(outlets=1, bulk=False))
    assert (value(found, "1", "switch"), value(found, "1", "power_w"), value(found, "", "power_w")) == (
        "on",
        100.0,
        None,
    )
