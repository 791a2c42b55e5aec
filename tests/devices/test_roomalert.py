import json

import pytest
from devices.kinds import CASES, build
from devices.virtual import Scripted, ok

from mine_controller.devices import roomalert
from mine_controller.devices.kind import Ask, BadReply, Reply
from mine_controller.wire.door import Response, WireError

NEW = (CASES / "roomalert/12e_v3.2.5/getData.json").read_bytes()
OLD = (CASES / "roomalert/old_htm/getData.htm").read_bytes()
OPTIONS = build("roomalert", "http://192.0.2.10")


def values(replies, options=OPTIONS):
    return {(each.channel, each.quantity): each.value for each in roomalert.parse(replies, options)}


def test_new_firmware_is_asked_once():
    unit = Scripted(lambda request: ok(NEW))
    assert values(roomalert.fetch(unit.wire, OPTIONS, Ask()))["1", "temp_c"] == 19.25
    assert unit.paths == ["/getData.json"]


@pytest.mark.parametrize("said", [Response(404, {}, b"<html>"), WireError("bad_http", "x"), WireError("closed", "x")])
def test_old_firmware_is_found_by_its_refusal_of_the_new_page(said):
    unit = Scripted(lambda request: ok(OLD) if request.tolerant else said)
    found = values(roomalert.fetch(unit.wire, OPTIONS, Ask()))
    assert (unit.paths, found["1", "temp_c"]) == (["/getData.json", "/getData.htm"], 24.5)
    assert found["form", "memory"] == "getData.htm"


def test_old_firmware_is_remembered():
    unit = Scripted(lambda request: ok(OLD))
    roomalert.fetch(unit.wire, OPTIONS, Ask(memory={"form": "getData.htm"}))
    assert unit.paths == ["/getData.htm"]


def test_a_unit_that_got_new_firmware_is_found_again():
    unit = Scripted(lambda request: WireError("closed", "x") if request.tolerant else ok(NEW))
    found = values(roomalert.fetch(unit.wire, OPTIONS, Ask(memory={"form": "getData.htm"})))
    assert found["form", "memory"] == "getData.json"


def test_a_silent_unit_is_not_asked_for_another_page():
    unit = Scripted(lambda request: WireError("timeout", "no answer in 3.0 s"))
    with pytest.raises(WireError, match="no answer"):
        roomalert.fetch(unit.wire, OPTIONS, Ask())
    assert unit.paths == ["/getData.json"]


def remembering(unit, memory, options=OPTIONS):
    found = roomalert.parse(roomalert.fetch(unit.wire, options, Ask(memory=memory)), options)
    return found, {each.channel: each.value for each in found if each.quantity == "memory"}


def test_a_unit_whose_uptime_stands_still_is_not_believed_and_an_empty_slot_is_never_zero():
    unit = Scripted(lambda request: ok(NEW), lasts_s=1e6)
    found, memory = remembering(unit, {})
    assert any(each.value == 19.25 for each in found)
    unit.now += 20
    found, memory = remembering(unit, memory)
    assert any(each.value == 19.25 for each in found)  # asked again within the same tick: no proof of anything
    unit.now += 100
    found, memory = remembering(unit, memory)
    assert {each.value for each in found if each.quantity != "memory"} == {None}
    assert "its uptime has stood still for 120 s" in found[0].why
    unit.says = lambda request: ok(NEW.replace(b"89d 02:04:53", b"89d 02:06:53"))
    found, memory = remembering(unit, memory)
    assert any(each.value == 19.25 for each in found)


def test_a_rebooted_machine_does_not_call_a_unit_frozen():
    unit = Scripted(lambda request: ok(NEW), began=10.0)
    found, memory = remembering(unit, {"uptime": "89d 02:04:53", "since": "99999"})
    assert any(each.value == 19.25 for each in found)
    assert memory["since"] == "10"


def unit_of(**about):
    entry = {"lab": "x", "t": 16, "en": 1, **about}
    return (Reply("getData.json", 200, {}, json.dumps({"sensor": [entry]}).encode()),)


@pytest.mark.parametrize(
    ("about", "temp_c"),
    [
        ({"tc": "21.5", "tf": "70.70"}, 21.5),
        ({"tc": 21.5}, 21.5),
        ({"tf": "70.70"}, 21.5),
        ({"tc": "95.0", "tf": "95.0"}, None),  # TMP4: °F where °C should stand
        ({"tc": "nan", "tf": "nan"}, None),
        ({"tc": "1e999"}, None),
        ({"tc": "85.00", "tf": "185.00"}, None),
        ({"tc": "-127.00", "tf": "-196.60"}, None),
        ({"tc": "0.00", "tf": "32.00"}, None),
        ({"tc": "-1.00", "tf": "30.20"}, None),
        ({"tc": True}, None),
        ({"tc": [1]}, None),
        ({"tc": "21.5", "en": 0}, None),
        ({"tc": "21.5", "t": 0}, None),
        ({"tc": "21.5", "t": "0"}, None),
    ],
)
def test_a_temperature_is_believed_only_when_it_can_be_one(about, temp_c):
    # TMP3: sentinels and garbage
    assert values(unit_of(**about))["1", "temp_c"] == temp_c


def test_a_switch_that_is_neither_open_nor_closed_is_unknown():
    body = b'{"s_sen":[{"lab":"smoke","en":1,"stat":2},{"en":1}]}'
    found = values((Reply("getData.json", 200, {}, body),))
    assert found == {("switch 1", "contact"): None, ("smoke", "contact"): None, ("switch 2", "contact"): None}


def test_a_label_cannot_take_the_name_of_another_channel():
    body = b'{"sensor":[{"lab":"switch 1","tc":"20","en":1,"t":16},{"lab":"1","tc":"21","en":1,"t":16}],"s_sen":[]}'
    assert set(values((Reply("getData.json", 200, {}, body),))) == {("1", "temp_c"), ("2", "temp_c")}


@pytest.mark.parametrize("letter", [b"a", b'"', b"\\", b"a ", b'"\\', b"a:"])
def test_a_quarter_megabyte_of_nonsense_in_the_old_form_is_refused_at_once(letter):
    with pytest.raises(BadReply):
        roomalert.parse((Reply("getData.htm", 200, {}, letter * (250_000 // len(letter))),), OPTIONS)
