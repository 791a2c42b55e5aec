import json
import time

import pytest
from devices.faults import answer
from devices.kinds import CANARY, build
from devices.scripted import Script, apply, order, orders, told, value, verdicts
from wire.serve import serving

from mine_controller.core.model.command import APPLIED, REFUSED, UNKNOWN, UNSUPPORTED
from mine_controller.devices import http_pdu
from mine_controller.devices.kind import Ask, BadReply
from mine_controller.wire import http

SHELLY = {
    "outlets": ("0", "1"),
    "read_url": "/rpc/Switch.GetStatus?id={outlet}",
    "state_path": "output",
    "watts_path": "apower",
    "on_url": "/rpc/Switch.Set?id={outlet}&on=true",
    "off_url": "/rpc/Switch.Set?id={outlet}&on=false",
}
TASMOTA = {
    "on_url": "/cm?cmnd=Power{outlet}%20On",
    "off_url": "/cm?cmnd=Power{outlet}%20Off",
    "success_path": "POWER{outlet}",
    "success_on": ("on",),
    "success_off": ("off",),
}


def options(**more):
    return build("http_pdu", "http://192.0.2.1", **more)


def test_one_call_an_outlet_where_the_address_names_it():
    script = Script(lambda _: told({"output": True, "apower": 1200.5}))
    chosen = options(**SHELLY)
    found = http_pdu.parse(http_pdu.fetch(script.wire, chosen, Ask()), chosen)
    assert script.asked == ["GET /rpc/Switch.GetStatus?id=0", "GET /rpc/Switch.GetStatus?id=1"]
    assert (value(found, "1", "switch"), value(found, "1", "power_w")) == ("on", 1200.5)


def test_a_wrong_password_is_shown_once_a_reading():
    script = Script(lambda _: told({}, 401))
    with pytest.raises(BadReply, match=r"the login was refused \(401\)"):
        http_pdu.parse(http_pdu.fetch(script.wire, options(**SHELLY), Ask()), options(**SHELLY))
    assert script.asked == ["GET /rpc/Switch.GetStatus?id=0"]


def test_shelly_is_switched_by_an_absolute_address_of_which_no_redirect_is_followed():
    """A plug that leads to its page for logging in answers that with 200, and any good status would do."""
    script = Script(lambda _: told({"was_on": False}))
    assert verdicts(apply(http_pdu, script, options(**SHELLY), [order("1", "on")])) == [APPLIED]
    assert script.asked == ["GET /rpc/Switch.Set?id=1&on=true"]
    assert script.requests[0].changes


def test_a_plug_that_leads_to_its_page_for_logging_in_was_not_switched():
    def plug(head):
        led = b"GET /login" in head
        return answer(b"<html>Log in</html>") if led else answer(b"", "302 Found", "Location: /login.htm\r\n")

    with serving(plug) as server:
        chosen = build("http_pdu", server.url, **SHELLY)
        outcomes = []
        http_pdu.apply(http.live(time.monotonic() + 5), chosen, [order("1", "off")], outcomes.append)
    assert (verdicts(outcomes), len(server.heads)) == ([UNKNOWN], 1)


def test_a_unit_with_a_redfish_body_of_its_own_is_switched_as_the_redfish_page_says():
    """HPE G2 and APC; what is read and answered as their public clients read it."""
    there = "/redfish/v1/PowerEquipment/RackPDUs/1/Outlets/OUTLET{outlet}"
    body = (
        '{"OutletNumber":{outlet},"StartupState":"on","Outletname":"OUTLET{outlet}","OnDelay":0,"OffDelay":0,'
        '"RebootDelay":5,"OutletStatus":"%s"}'
    )
    chosen = options(
        outlets=("7",), read_url=there, state_path="PowerState", watts_path="PowerWatts.Reading", method="POST",
        on_url=f"{there}/Outlet.PowerControl", off_url=f"{there}/Outlet.PowerControl", on_body=body % "on",
        off_body=body % "off", success_path="OutletStatus", success_on=("on",), success_off=("off",),
    )  # fmt: skip
    assert http_pdu.faults(chosen) == []
    script = Script(lambda _: told({"Id": "OUTLET7", "PowerState": "On", "PowerWatts": {"Reading": 3310}}))
    found = http_pdu.parse(http_pdu.fetch(script.wire, chosen, Ask()), chosen)
    assert (value(found, "7", "switch"), value(found, "7", "power_w")) == ("on", 3310)
    script = Script(lambda _: told({"OutletNumber": 7, "OutletStatus": "off"}))
    assert verdicts(apply(http_pdu, script, chosen, [order("7", "off")])) == [APPLIED]
    assert script.asked == ["POST /redfish/v1/PowerEquipment/RackPDUs/1/Outlets/OUTLET7/Outlet.PowerControl"]
    sent = json.loads(script.requests[0].body)
    assert (sent["OutletNumber"], sent["Outletname"], sent["OutletStatus"]) == (7, "OUTLET7", "off")


def test_tasmota_says_the_new_state_and_is_taken_at_its_word():
    answers = {"POWER1": "OFF"}
    script = Script(lambda _: told(answers))
    assert verdicts(apply(http_pdu, script, options(**TASMOTA), [order("1", "off")])) == [APPLIED]
    assert verdicts(apply(http_pdu, script, options(**TASMOTA), [order("1", "on")])) == [REFUSED]
    assert script.asked == ["GET /cm?cmnd=Power1%20Off", "GET /cm?cmnd=Power1%20On"]


@pytest.mark.parametrize("body", [b"{}", b"OK", b"", b'{"POWER1": null}', b"[1]"])
def test_an_answer_that_does_not_say_how_it_went_is_unknown(body):
    assert verdicts(apply(http_pdu, Script(lambda _: told(body)), options(**TASMOTA), [order("1", "off")])) == [UNKNOWN]


def test_a_body_is_filled_in_and_its_braces_stay():
    chosen = options(off_url="/switch", method="POST", off_body='{"id": {outlet}, "on": false}')
    script = Script(lambda _: told({}))
    apply(http_pdu, script, chosen, [order("1", "off")])
    assert (script.requests[0].method, script.requests[0].body) == ("POST", b'{"id": 1, "on": false}')


def test_a_password_in_an_address_is_filled_in_where_it_is_sent():
    chosen = options(outlets=("1",), user="me&you", read_url="/cm?user={user}&password={password}&cmnd=Status")
    script = Script(lambda _: told({}))
    http_pdu.fetch(script.wire, chosen, Ask())
    assert script.asked == [f"GET /cm?user=me%26you&password={CANARY}&cmnd=Status"]


def test_a_unit_that_can_only_be_read_and_an_outlet_it_does_not_have():
    script = Script(lambda _: told({}))
    outcomes = apply(http_pdu, script, options(off_url="/off/{outlet}"), [order("1", "on"), order("7", "off", 2)])
    assert verdicts(outcomes) == [UNSUPPORTED, REFUSED]
    assert script.requests == []


def test_digest_is_used_where_asked_for():
    chosen = options(read_url="/status", watts_path="w", user="admin", auth="digest")
    script = Script(lambda _: told({"w": 5}))
    http_pdu.fetch(script.wire, chosen, Ask())
    assert script.requests[0].auth == ("digest", "admin", CANARY)


@pytest.mark.parametrize("word", ["blinking", "", None, [], {}, 2])
def test_a_word_of_neither_list_is_no_state(word):
    chosen = options(read_url="/status", state_path="state")
    found = http_pdu.parse(http_pdu.fetch(Script(lambda _: told({"state": word})).wire, chosen, Ask()), chosen)
    assert value(found, "1", "switch") is None


def test_the_outlets_are_switched_in_order():
    script = Script(lambda _: told({}))
    apply(http_pdu, script, options(**SHELLY), orders(["1", "0"], "off"))
    assert script.asked == ["GET /rpc/Switch.Set?id=1&on=false", "GET /rpc/Switch.Set?id=0&on=false"]


def test_options_that_make_no_sense_together_are_told():
    assert http_pdu.faults(options(**SHELLY)) == []
    assert len(http_pdu.faults(options(outlets=("a/b",), on_url="/on", success_path="x"))) == 3


LISTED = {
    "outlets": ("1", "2"),
    "read_url": "/cm?cmnd=Status%208",
    "watts_path": "StatusSNS.ENERGY.Power.{outlet-1}",
    "off_url": "/relay/{outlet-1}?turn=off",
    "on_url": "/relay/{outlet-1}?turn=on",
}


def listed(watts, **more):
    chosen = options(**{**LISTED, **more})
    script = Script(lambda _: told({"StatusSNS": {"ENERGY": {"Power": watts}}}))
    return http_pdu.parse(http_pdu.fetch(script.wire, chosen, Ask()), chosen)


def test_a_list_counts_from_zero_and_relays_from_one():
    """Tasmota's own of a Shelly 2.5 with POWER1 and POWER2 (arendst/Tasmota issue 6160): "Power":[23.63,67.17]."""
    found = listed([23.63, 67.17])
    assert (value(found, "1", "power_w"), value(found, "2", "power_w")) == (23.63, 67.17)
    script = Script(lambda _: told({}))
    apply(http_pdu, script, options(**LISTED), [order("2", "off")])
    assert script.asked == ["GET /relay/1?turn=off"]


def test_a_list_that_does_not_hold_every_outlet_is_not_read_one_beside():
    found = listed([23.63, 67.17], watts_path="StatusSNS.ENERGY.Power.{outlet}")
    assert [each.value for each in found] == [None, None]
    assert {each.why for each in found} == {"the list has 2 places from 0 on: write {outlet-1} for {outlet}?"}


def test_a_bare_list_is_counted_likewise():
    script = Script(lambda _: told([5, 6]))
    for names, watts in ((("0", "1"), [5, 6]), (("1", "2"), [None, None]), (("A", "1"), [None, None])):
        chosen = options(outlets=names, read_url="/watts", watts_path="{outlet}")
        assert [each.value for each in http_pdu.parse(http_pdu.fetch(script.wire, chosen, Ask()), chosen)] == watts


def test_a_unit_whose_own_outlets_count_from_zero_is_read_as_before():
    found = listed([5, 6], outlets=("0", "1"), watts_path="StatusSNS.ENERGY.Power.{outlet}")
    assert [each.value for each in found] == [5, 6]


def test_one_less_than_a_name_or_than_nothing_is_told():
    told_of = http_pdu.faults(options(**{**LISTED, "outlets": ("0", "A1", "2")}))
    assert told_of == ["outlets: {outlet-1} needs outlets that are numbers from 1 on, not '0', 'A1'"]


REFUSALS = [
    ({"WARNING": "Need user=<username>&password=<password>"}, "Need user=<username>&password=<password>"),
    ({"Command": "Unknown"}, "Unknown"),
    ({"Command": "Error"}, "Error"),
    ({"id": 1, "error": {"code": -103, "message": "Invalid argument 'id'!"}}, "Invalid argument 'id'!"),
    ({"retCode": 1003, "retMsg": "Not authorized", "data": {}}, "Not authorized"),
    ({"error": "login first"}, "login first"),
]


@pytest.mark.parametrize(("body", "why"), REFUSALS)
@pytest.mark.parametrize("more", [SHELLY, {**TASMOTA, "outlets": ("1",)}])
def test_a_refusal_with_status_200_is_no_success(body, why, more):
    """Tasmota's web server of a wrong password, and of a command it does not know; JSON-RPC; Geist's API."""
    (outcome,) = apply(http_pdu, Script(lambda _: told(body)), options(**more), [order("1", "off")])
    assert (outcome.verdict, outcome.why) == (REFUSED, f"the unit answered {why!r}")


WEBLOG = {"WARNING": "Enable weblog 2 if response expected"}  # Tasmota did it, and shows nothing of it


@pytest.mark.parametrize(
    "body",
    [
        *({"retCode": 0, "retMsg": "OK"}, {"error": None}, {"error": 0}, {"error": ""}, {"error": "OK"}, [], WEBLOG),
        *({"error": "No error"}, {"error": {"code": 0}}, {"error": {"code": 0, "message": "ok"}}),
    ],
)
def test_an_answer_that_names_no_fault_is_taken_as_before(body):
    assert verdicts(apply(http_pdu, Script(lambda _: told(body)), options(**SHELLY), [order("1", "off")])) == [APPLIED]


def test_the_owners_own_word_for_success_goes_before_what_looks_like_a_fault():
    body = {"result": "done", "error": "nothing in the log"}
    chosen = options(
        outlets=("1",), on_url="/on", off_url="/off", success_path="result", success_on=("done",), success_off=("done",)
    )
    assert verdicts(apply(http_pdu, Script(lambda _: told(body)), chosen, [order("1", "off")])) == [APPLIED]
    body["result"] = "no"
    assert verdicts(apply(http_pdu, Script(lambda _: told(body)), chosen, [order("1", "off")])) == [REFUSED]


def test_a_reading_refused_with_status_200_says_so_in_its_own_words():
    body = {"WARNING": "Need user=<username>&password=<password>"}
    chosen = options(
        outlets=("1",), read_url="/cm?cmnd=Status%208", watts_path="StatusSNS.ENERGY.Power", state_path="P"
    )
    found = http_pdu.parse(http_pdu.fetch(Script(lambda _: told(body)).wire, chosen, Ask()), chosen)
    assert [each.value for each in found] == [None, None]
    assert {each.why for each in found} == {"the unit answered 'Need user=<username>&password=<password>'"}
