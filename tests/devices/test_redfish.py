import json

import pytest
from devices.kinds import build
from devices.scripted import Script, apply, lost, order, orders, told, value, verdicts

from mine_controller.core.model.command import APPLIED, REFUSED, UNKNOWN, UNREACHABLE, UNSUPPORTED
from mine_controller.devices import redfish
from mine_controller.devices.kind import Ask, BadReply

PDU = "/redfish/v1/PowerEquipment/RackPDUs/1"


def outlet(name, **more):
    target = f"{PDU}/Outlets/{name}/Actions/Outlet.PowerControl"
    return {
        "Id": name,
        "PowerState": "On",
        "PowerWatts": {"Reading": 3400},
        "Actions": {"#Outlet.PowerControl": {"target": target}},
    } | more


class Unit:
    """A PDU of a few outlets: what it is asked decides what it says."""

    def __init__(self, names=("A1", "A2"), expands=True, groups=(), rows=None):
        self.rows = rows or {name: outlet(name) for name in names}
        self.expands, self.groups = expands, dict(groups)

    def __call__(self, request):
        path = request.url.partition("192.0.2.1")[2]
        if request.method == "POST":
            return told(b"", 204)
        if path == "/redfish/v1/":
            able = {"Levels": self.expands, "NoLinks": self.expands}
            return told({"ProtocolFeaturesSupported": {"ExpandQuery": able}})
        if path.endswith("/Metrics"):
            return told({"PowerWatts": {"Reading": 6800}})
        if path.startswith(f"{PDU}/OutletGroups/"):
            name = path.rpartition("/")[2]
            return told(self.groups[name]) if name in self.groups else told({}, 404)
        return self._outlets(path)

    def _outlets(self, path):
        if path.startswith(f"{PDU}/Outlets?"):
            return told({"Members": list(self.rows.values())}) if self.expands else told({}, 501)
        if path == f"{PDU}/Outlets":
            return told({"Members": [{"@odata.id": f"{PDU}/Outlets/{name}"} for name in self.rows]})
        return told(self.rows[path.rpartition("/")[2]])


def options(**more):
    return build("redfish", "https://192.0.2.1", **more)


def read(script, chosen, **ask):
    return redfish.parse(redfish.fetch(script.wire, chosen, Ask(**ask)), chosen)


def test_a_unit_that_expands_is_read_in_three_calls_and_in_two_from_then_on():
    script = Script(Unit())
    found = read(script, options())
    assert value(found, "A2", "power_w") == 3400
    assert value(found, "expand", "memory") == "yes"
    assert len(script.asked) == 3
    again = Script(Unit())
    read(again, options(), memory={"expand": "yes"})
    assert again.asked == [f"GET {PDU}/Outlets?$expand=.($levels=1)", f"GET {PDU}/Metrics"]


def test_a_unit_that_can_not_expand_is_read_outlet_by_outlet():
    found = read(Script(Unit(expands=False)), options())
    assert value(found, "A1", "switch") == "on"
    assert value(found, "expand", "memory") == "no"


def test_a_unit_that_refuses_to_expand_after_all_is_remembered_as_one_that_can_not():
    found = read(Script(Unit(expands=False)), options(), memory={"expand": "yes"})
    assert value(found, "A2", "power_w") == 3400
    assert value(found, "expand", "memory") == "no"


def test_a_unit_that_is_only_out_of_order_for_a_while_is_not_remembered_as_one_that_can_not_expand():
    unit = Unit(expands=False)
    script = Script(lambda request: told({}, 503) if "expand" in request.url else unit(request))
    found = read(script, options(), memory={"expand": "yes"})
    assert "memory" not in {each.quantity for each in found}


@pytest.mark.parametrize("root_is_open", [True, False])
@pytest.mark.parametrize("memory", [{}, {"expand": "yes"}, {"expand": "no"}])
def test_a_wrong_password_is_shown_once_a_reading(memory, root_is_open):
    """A PX3 or PRO4X can block a user after some failed logins, and its owner with it."""
    unit = Unit()
    script = Script(lambda each: unit(each) if root_is_open and each.url.endswith("/v1/") else told({}, 401))
    with pytest.raises(BadReply, match=r"the login was refused \(401\)"):
        read(script, options(), memory=memory)
    assert [path.rpartition("/")[2] for path in script.asked].count("") == (not memory)
    assert len(script.asked) == 1 + (root_is_open and not memory)


def test_a_login_refused_at_the_command_alone_is_known_by_whatever_words_the_unit_has_for_it():
    unit, said = Unit(), {"error": {"message": "The session could not be authenticated."}}
    script = Script(lambda request: told(said, 401) if request.method == "POST" else unit(request))
    outcomes = apply(redfish, script, options(), orders([f"A{at}" for at in range(1, 3)], "off"))
    assert verdicts(outcomes) == [REFUSED] * 2
    assert outcomes[0].why == "the login was refused (401): The session could not be authenticated."
    assert sum(one.startswith("POST") for one in script.asked) == 1


class Paged(Unit):
    """Gives its outlets two at a time, as DSP0266 lets a unit do; `further` is where it says that the next ones are."""

    def __init__(self, *names, further=f"{PDU}/Outlets?$skip={{}}", **more):
        super().__init__(names, **more)
        self.further = further

    def __call__(self, request):
        path, _, query = request.url.partition("192.0.2.1")[2].partition("?")
        skips = "skip=" in query and "expand=" not in query  # a part of the list that only names them
        answer = super().__call__(request._replace(url=request.url.partition("?")[0]) if skips else request)
        if not path.endswith("/Outlets") or answer.status != 200:
            return answer
        rows, at = json.loads(answer.body)["Members"], int(query.partition("skip=")[2] or 0)
        more = {"Members@odata.nextLink": self.further.format(at + 2)} if rows[at + 2 :] else {}
        return told({"Members": rows[at : at + 2], **more})


@pytest.mark.parametrize("expands", [True, False])
def test_pdu1_the_outlets_of_every_page_are_read(expands):
    script = Script(Paged("A1", "A2", "A3", "A4", "A5", expands=expands))
    found = read(script, options())
    assert [value(found, f"A{at}", "power_w") for at in range(1, 6)] == [3400] * 5
    assert sum("skip=" in path for path in script.asked) == 2


def test_a_page_that_does_not_come_leaves_the_outlets_before_it_known():
    unit = Paged("A1", "A2", "A3")
    found = read(Script(lambda request: lost() if "skip=" in request.url else unit(request)), options())
    assert {each.channel for each in found if each.quantity == "switch"} == {"A1", "A2"}


@pytest.mark.parametrize(
    "further", [f"{PDU}/Outlets?$expand=.&$skip=0", "//192.0.2.9/more", "https://192.0.2.9/more", ""]
)
def test_pages_that_go_in_a_circle_or_elsewhere_come_to_an_end(further):
    script = Script(Paged("A1", "A2", "A3", further=further))
    read(script, options())
    assert len(script.asked) <= 4  # the root, two pages at most, the totals


def test_only_the_outlets_asked_for_are_read_one_by_one():
    script = Script(Unit(expands=False))
    read(script, options(expand="no"), channels=("A2",))
    assert script.asked[2:] == [f"GET {PDU}/Outlets/A2"]


def test_an_outlet_that_does_not_answer_leaves_the_others_known():
    unit = Unit(expands=False)
    script = Script(lambda request: lost() if request.url.endswith("/A1") else unit(request))
    found = read(script, options(expand="no"))
    assert value(found, "A1", "power_w") is None
    assert value(found, "A2", "power_w") == 3400


def test_pdu1_an_outlet_without_meter_is_unknown_and_never_zero():
    rows = {"A1": outlet("A1", PowerWatts=None), "A2": outlet("A2", PowerWatts={"Reading": None})}
    found = read(Script(Unit(rows=rows)), options(expand="yes"))
    assert [each.value for each in found if each.quantity == "power_w" and each.channel] == [None, None]
    assert all(each.why for each in found if each.value is None)


def test_the_address_for_switching_is_the_one_the_outlet_names():
    script = Script(Unit())
    (outcome,) = apply(redfish, script, options(), [order("A1", "off")])
    assert outcome.verdict == APPLIED
    assert script.asked == [f"GET {PDU}/Outlets/A1", f"POST {PDU}/Outlets/A1/Actions/Outlet.PowerControl"]
    assert json.loads(script.requests[-1].body) == {"PowerState": "Off"}


@pytest.mark.parametrize("target", ["https://198.51.100.7/x", "//198.51.100.7/x", "/a b", "x", "/a\r\nHost: b"])
def test_a_target_elsewhere_is_never_posted_to(target):
    rows = {"A1": outlet("A1", Actions={"#Outlet.PowerControl": {"target": target}})}
    script = Script(Unit(rows=rows))
    assert verdicts(apply(redfish, script, options(), [order("A1", "on")])) == [REFUSED]
    assert [each.method for each in script.requests] == ["GET"]


def test_a_locked_outlet_and_one_that_can_not_be_switched_are_told_apart():
    rows = {"A1": outlet("A1", PowerControlLocked=True), "A2": outlet("A2", Actions={})}
    outcomes = apply(redfish, Script(Unit(rows=rows)), options(), orders(["A1", "A2"], "off"))
    assert verdicts(outcomes) == [REFUSED, UNSUPPORTED]
    assert "locked" in outcomes[0].why


def test_an_answer_for_another_outlet_switches_nothing():
    script = Script(Unit(rows={"A1": outlet("A7")}))
    assert verdicts(apply(redfish, script, options(), [order("A1", "off")])) == [REFUSED]
    assert "POST" not in [each.method for each in script.requests]


def test_an_answer_lost_before_switching_means_that_nothing_was_sent():
    outcomes = apply(redfish, Script(lambda _: lost()), options(), [order("A1", "off")])
    assert verdicts(outcomes) == [UNREACHABLE]


def test_an_answer_lost_after_switching_is_unknown_and_not_repeated():
    unit = Unit()
    script = Script(lambda request: lost() if request.method == "POST" else unit(request))
    assert verdicts(apply(redfish, script, options(), [order("A1", "off")])) == [UNKNOWN]
    assert [each.method for each in script.requests].count("POST") == 1


def test_many_outlets_cost_one_read_before_they_are_switched():
    names = [f"A{at}" for at in range(1, 9)]
    script = Script(Unit(names))
    assert verdicts(apply(redfish, script, options(), orders(names, "off"))) == [APPLIED] * 8
    assert [each.method for each in script.requests].count("GET") == 1


def group(*names):
    return {
        "Links": {"Outlets": [{"@odata.id": f"{PDU}/Outlets/{name}"} for name in names]},
        "Actions": {"#OutletGroup.PowerControl": {"target": f"{PDU}/OutletGroups/all/OutletGroup.PowerControl"}},
    }


def test_a_whole_group_goes_off_in_one_call():
    script = Script(Unit(groups={"all": group("A1", "A2")}))
    outcomes = apply(redfish, script, options(groups=("all: A1-A2",)), orders(["A1", "A2"], "off"))
    assert verdicts(outcomes) == [APPLIED, APPLIED]
    assert sorted(each.command for each in outcomes) == ["1.0.1", "1.0.2"]
    assert script.asked[1:] == [f"POST {PDU}/OutletGroups/all/OutletGroup.PowerControl"]


@pytest.mark.parametrize(
    "nested",
    [{"OutletGroups": [{"@odata.id": f"{PDU}/OutletGroups/network"}]}, {"OutletGroups@odata.count": 1}],
)
def test_pdu3_a_group_that_holds_other_groups_is_not_used(nested):
    whole = group("A1", "A2")
    script = Script(Unit(groups={"all": {**whole, "Links": {**whole["Links"], **nested}}}))
    outcomes = apply(redfish, script, options(groups=("all: A1-A2",)), orders(["A1", "A2"], "off"))
    assert [each for each in script.asked if "POST" in each and "Group" in each] == []
    assert len(outcomes) == 2


def test_pdu3_a_group_that_holds_one_outlet_too_many_is_not_used():
    script = Script(Unit(groups={"all": group("A1", "A2", "A3")}))
    apply(redfish, script, options(groups=("all: A1-A2",)), orders(["A1", "A2"], "off"))
    assert [each for each in script.asked if "POST" in each and "Group" in each] == []
    assert [each.method for each in script.requests].count("POST") == 2


@pytest.mark.parametrize(("addresses", "verb"), [(["A1"], "off"), (["A1", "A2"], "on")])
def test_a_group_is_not_used_for_a_part_of_it_nor_for_switching_on(addresses, verb):
    script = Script(Unit(groups={"all": group("A1", "A2")}))
    apply(redfish, script, options(groups=("all: A1-A2",)), orders(addresses, verb))
    assert [each for each in script.asked if "OutletGroups" in each] == []


def test_a_group_call_without_answer_is_unknown_for_all_and_nothing_is_sent_twice():
    unit = Unit(groups={"all": group("A1", "A2")})
    script = Script(lambda request: lost() if request.method == "POST" else unit(request))
    outcomes = apply(redfish, script, options(groups=("all: A1-A2",)), orders(["A1", "A2"], "off"))
    assert verdicts(outcomes) == [UNKNOWN, UNKNOWN]
    assert [each.method for each in script.requests].count("POST") == 1


def test_a_group_the_unit_does_not_know_leaves_each_outlet_its_own_turn():
    outcomes = apply(redfish, Script(Unit()), options(groups=("all: A1-A2",)), orders(["A1", "A2"], "off"))
    assert verdicts(outcomes) == [APPLIED, APPLIED]


def test_a_refusal_carries_the_units_own_words():
    error = {
        "error": {"code": "Base.1.13.ActionNotSupported", "message": "The action is not supported by the resource."}
    }
    unit = Unit()
    script = Script(lambda request: told(error, 400) if request.method == "POST" else unit(request))
    (outcome,) = apply(redfish, script, options(), [order("A1", "off")])
    assert (outcome.verdict, outcome.why) == (REFUSED, "The action is not supported by the resource.")


def test_outlets_switched_on_leave_each_other_time_for_the_inrush():
    script = Script(Unit())
    apply(redfish, script, options(on_pause_s=2.0), orders(["A1", "A2"], "on"))
    assert script.pauses == [2.0]


def test_other_verbs_and_names_that_are_none_are_not_sent():
    script = Script(Unit())
    outcomes = apply(redfish, script, options(), [order("A1", "stop"), order("../x", "off", 2)])
    assert verdicts(outcomes) == [UNSUPPORTED, REFUSED]
    assert script.requests == []


def test_pdu2_an_outlet_that_counts_energy_shows_that_its_meter_lives():
    rows = {"A1": outlet("A1", EnergykWh={"Reading": 36166.5}), "A2": outlet("A2", EnergykWh={"Reading": None})}
    found = read(Script(Unit(rows=rows)), options(expand="yes"))
    assert [(each.channel, each.value) for each in found if each.quantity == "energy_kwh"] == [("A1", 36166.5)]
