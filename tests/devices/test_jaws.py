import json

import pytest
from devices.kinds import build
from devices.scripted import Script, apply, lost, order, orders, told, value, verdicts

from mine_controller.core.model.command import APPLIED, REFUSED, UNKNOWN, UNREACHABLE, UNSUPPORTED
from mine_controller.devices import jaws
from mine_controller.devices.kind import Ask, BadReply


def options(**more):
    return build("jaws", "https://192.0.2.1", **more)


def taken(_request):
    return told(b"", 204)


def test_outlets_and_cords_are_two_calls():
    def unit(request):
        cord = {"id": "AA", "active_power": 616, "energy": 87.2}
        return told([cord] if request.url.endswith("cords") else [{"id": "AA1", "state": "On", "active_power": 300}])

    script = Script(unit)
    found = jaws.parse(jaws.fetch(script.wire, options(), Ask()), options())
    assert script.asked == ["GET /jaws/monitor/outlets", "GET /jaws/monitor/cords"]
    assert (value(found, "AA1", "power_w"), value(found, "", "power_w")) == (300, 616)


@pytest.mark.parametrize(("unit", "kwh"), [("unknown", None), ("Wh", 0.0125), ("kWh", 12.5)])
def test_an_outlets_energy_is_told_in_the_unit_that_the_owner_has_seen(unit, kwh):
    """One public client calls it kWh, two hold it to be a whole number, and the maker's SNMP tells it in watt-hours."""
    chosen = options(outlet_energy=unit)
    row = [{"id": "AA1", "state": "On", "active_power": 300, "energy": 12.5}]
    script = Script(lambda request: told(row if request.url.endswith("outlets") else []))
    found = jaws.parse(jaws.fetch(script.wire, chosen, Ask()), chosen)
    assert [each.value for each in found if (each.channel, each.quantity) == ("AA1", "energy_kwh")] == [kwh] * (
        kwh is not None
    )


def test_cords_that_do_not_answer_leave_the_outlets_known():
    script = Script(lambda request: lost() if request.url.endswith("cords") else told([{"id": "AA1", "state": "On"}]))
    found = jaws.parse(jaws.fetch(script.wire, options(), Ask()), options())
    assert value(found, "AA1", "switch") == "on"
    assert value(found, "", "power_w") is None


def test_cmd13_a_command_is_one_patch_with_the_absolute_word():
    script = Script(taken)
    assert verdicts(apply(jaws, script, options(), [order("AA1", "off")])) == [APPLIED]
    assert script.asked == ["PATCH /jaws/control/outlets/AA1"]
    assert json.loads(script.requests[0].body) == {"control_action": "off"}


def test_a_whole_group_goes_off_in_one_call_and_the_rest_alone():
    script = Script(taken)
    outcomes = apply(jaws, script, options(groups=("left: AA1-AA2",)), orders(["AA1", "AA2", "AA3"], "off"))
    assert verdicts(outcomes) == [APPLIED] * 3
    assert script.asked == ["PATCH /jaws/control/groups/left", "PATCH /jaws/control/outlets/AA3"]


def test_the_largest_whole_group_is_chosen_and_no_outlet_is_switched_twice():
    script = Script(taken)
    groups = ("left: AA1-AA2", "all: AA1-AA3", "right: AA3-AA4")
    apply(jaws, script, options(groups=groups), orders(["AA1", "AA2", "AA3", "AA4"], "off"))
    assert script.asked == ["PATCH /jaws/control/groups/all", "PATCH /jaws/control/outlets/AA4"]


def test_a_group_that_is_refused_leaves_each_outlet_its_own_turn():
    script = Script(lambda request: told({}, 404) if "groups" in request.url else told(b"", 200))
    outcomes = apply(jaws, script, options(groups=("left: AA1-AA2",)), orders(["AA1", "AA2"], "off"))
    assert verdicts(outcomes) == [APPLIED, APPLIED]


def test_an_unknown_outlet_is_refused_by_name():
    (outcome,) = apply(jaws, Script(lambda _: told({}, 404)), options(), [order("AA9", "off")])
    assert (outcome.verdict, outcome.why) == (REFUSED, "the unit has no outlet AA9")


def test_answers_mean_what_they_say():
    wanted = {401: REFUSED, 405: UNSUPPORTED, 408: UNKNOWN, 409: REFUSED, 500: UNKNOWN, 503: UNKNOWN, 200: APPLIED}
    for status, verdict in wanted.items():
        (outcome,) = apply(jaws, Script(lambda _, status=status: told({}, status)), options(), [order("AA1", "off")])
        assert outcome.verdict == verdict, status


def test_a_wrong_password_is_shown_once():
    script = Script(lambda _: told({}, 401))
    with pytest.raises(BadReply, match=r"outlets: the login was refused \(401\)"):
        jaws.parse(jaws.fetch(script.wire, options(), Ask()), options())
    outcomes = apply(jaws, script, options(), orders(["AA1", "AA2", "AA3"], "off"))
    assert verdicts(outcomes) == [REFUSED] * 3
    assert script.asked == ["GET /jaws/monitor/outlets", "PATCH /jaws/control/outlets/AA1"]


def test_after_three_times_unreachable_the_rest_is_not_waited_for():
    script = Script(lambda _: lost("refused", "connection refused"), call_s=3)
    outcomes = apply(jaws, script, options(), orders([f"AA{at}" for at in range(1, 9)], "off"))
    assert verdicts(outcomes) == [UNREACHABLE] * 8
    assert len(script.requests) == 3


def test_what_the_time_does_not_reach_is_not_sent():
    script = Script(taken, budget_s=2.7, call_s=1)
    outcomes = apply(jaws, script, options(), orders(["AA1", "AA2", "AA3", "AA4"], "off"))
    assert verdicts(outcomes) == [APPLIED, APPLIED, APPLIED, "not_sent"]


def test_a_group_that_can_not_be_read_is_told():
    assert jaws.faults(options(groups=("all: AA1-AA24", "left: AA1 AA3"))) == []
    assert len(jaws.faults(options(groups=("all", "left: AA9-AA1", ": AA1")))) == 3
