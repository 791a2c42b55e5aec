import json

from devices.kinds import build
from devices.scripted import Script, apply, lost, order, orders, told, value, verdicts

from mine_controller.core.model.command import APPLIED, NOT_SENT, REFUSED, UNKNOWN, UNREACHABLE, UNSUPPORTED
from mine_controller.devices import raritan
from mine_controller.devices.kind import Ask


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
