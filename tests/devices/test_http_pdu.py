import pytest
from devices.kinds import CANARY, build
from devices.scripted import Script, apply, order, orders, told, value, verdicts

from mine_controller.core.model.command import APPLIED, REFUSED, UNKNOWN, UNSUPPORTED
from mine_controller.devices import http_pdu
from mine_controller.devices.kind import Ask

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


def test_shelly_is_switched_by_an_absolute_address():
    script = Script(lambda _: told({"was_on": False}))
    assert verdicts(apply(http_pdu, script, options(**SHELLY), [order("1", "on")])) == [APPLIED]
    assert script.asked == ["GET /rpc/Switch.Set?id=1&on=true"]


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
