"""A limit of LuxOS and its thermal management (ATM), which keeps a board from overheating: it is on again after it."""

import json

import pytest
from devices.antminers import LUX, A, LuxOs, options
from devices.racks import GONE, INVALID, Rack
from devices.scripted import apply, order

from mine_controller.devices import antminer
from mine_controller.wire.door import WireError

LOST = WireError("timeout", "no answer in 6 s")
NO = {"STATUS": [{"STATUS": "E", "Code": 399, "Msg": "invalid profile"}], "id": 1}


class Thermal(LuxOs):
    """LuxOS with ATM as its documents have it: `atm` tells, `atmset` changes the keys it names, and while it is on no
    profile is taken. `fails` answers in place of it by the beginning of an order."""

    def __init__(self, on=True, fails=None):
        super().__init__()
        self.atm, self.fails = {"Enabled": on, "MaxProfile": "default", "MinProfile": ""}, fails or {}

    def __call__(self, raw):
        tree = json.loads(raw)
        name, told = tree["command"], tree.get("parameter", "")
        if name == "atm":
            return {"STATUS": [{"STATUS": "S", "Code": 339}], "ATM": [self.atm], "id": 1}
        answer = super().__call__(raw)
        for order_, failure in self.fails.items():
            if f"{name}|{told}".startswith(order_):
                return failure
        if name == "atmset":
            keys = dict(pair.split("=") for pair in told.split(",")[1:])
            self.atm |= {"Enabled": keys["enabled"] == "true", "MaxProfile": keys.get("max_profile", "default")}
        return NO if name == "profileset" and self.atm["Enabled"] else answer


def limited(api, watts="1100", budget_s=25.0):
    rack = Rack({A: {4028: api}}, budget_s=budget_s)
    (outcome,) = apply(antminer, rack, options(), [order(A, "limit")._replace(value=watts, unit=LUX)])
    return outcome


def test_the_thermal_management_of_a_board_is_on_again_after_a_limit_and_goes_no_higher():
    api = Thermal()
    outcome = limited(api)
    assert (outcome.verdict, api.atm) == ("accepted", {"Enabled": True, "MaxProfile": "265MHz", "MinProfile": ""})
    assert api.orders == [
        "atmset|abcdEFGH,enabled=false",
        "profileset|abcdEFGH,265MHz",
        "atmset|abcdEFGH,enabled=true,max_profile=265MHz",
        "logoff|abcdEFGH",
    ]


def test_a_board_whose_thermal_management_is_off_keeps_it_off():
    api = Thermal(on=False)
    assert limited(api).verdict == "accepted"
    assert api.orders == ["profileset|abcdEFGH,265MHz", "logoff|abcdEFGH"]


def test_a_limit_that_fails_leaves_the_thermal_management_as_it_was():
    api = Thermal(fails={"profileset": NO})
    assert limited(api).verdict == "refused"
    assert (api.atm["Enabled"], api.atm["MaxProfile"]) == (True, "default")


def test_a_switch_off_that_may_have_arrived_is_taken_back():
    api = Thermal(fails={"atmset|abcdEFGH,enabled=false": LOST})
    assert limited(api).verdict == "unreachable"
    assert api.orders[:2] == ["atmset|abcdEFGH,enabled=false", "atmset|abcdEFGH,enabled=true"]


def test_a_board_that_is_gone_before_anything_was_sent_is_no_alarm():
    assert limited(Thermal(fails={"atmset": GONE})).verdict == "unreachable"


def test_a_highest_profile_that_is_not_taken_does_not_leave_the_board_without_protection():
    api = Thermal(fails={"atmset|abcdEFGH,enabled=true,max": NO})
    outcome = limited(api)
    assert (outcome.verdict, api.atm["Enabled"]) == ("accepted", True)
    assert "above" in outcome.why


def test_a_board_that_stays_without_its_protection_is_told_of():
    outcome = limited(Thermal(fails={"atmset|abcdEFGH,enabled=true": NO}))
    assert outcome.verdict == "unknown"
    assert "ATM" in outcome.why
    assert "switch it on" in outcome.why


@pytest.mark.parametrize("answer", [{"STATUS": [{"STATUS": "S"}]}, {"STATUS": [{"STATUS": "S"}], "ATM": [{}]}, GONE])
def test_where_it_does_not_tell_of_its_protection_nothing_is_changed(answer):
    class Mute(Thermal):
        def __call__(self, raw):
            return answer if json.loads(raw)["command"] == "atm" else super().__call__(raw)

    api = Mute()
    assert limited(api).verdict in ("refused", "unreachable")
    assert api.orders == ["logoff|abcdEFGH"]


def test_firmware_older_than_the_thermal_management_has_none_to_switch():
    class Old(Thermal):
        def __call__(self, raw):
            return INVALID if json.loads(raw)["command"] == "atm" else super().__call__(raw)

    api = Old(on=False)
    assert limited(api).verdict == "accepted"
    assert api.orders == ["profileset|abcdEFGH,265MHz", "logoff|abcdEFGH"]


def test_with_too_little_time_to_switch_it_on_again_it_is_not_switched_off():
    api = Thermal()
    assert limited(api, budget_s=8.0).verdict == "not_sent"
    assert api.orders == ["logoff|abcdEFGH"]
    assert api.atm["Enabled"] is True


def test_a_stop_does_not_wait_for_a_limit():
    api, other = Thermal(), LuxOs()
    rack = Rack({A: {4028: api}, "10.0.1.2": {4028: other}})
    batch = [
        order(A, "limit", 1)._replace(value="1100", unit=LUX),
        order("10.0.1.2", "stop", 2)._replace(unit=LUX),
    ]
    apply(antminer, rack, options(hosts=(A, "10.0.1.2")), batch)
    sends = [raw for _, _, raw in rack.sent]
    first = next(at for at, raw in enumerate(sends) if b"curtail" in raw)
    assert first < next(at for at, raw in enumerate(sends) if b'"profiles"' in raw)
