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


# The form of a hub and of the power sensor, as in the dump of a 32E (v2.5.1) that roomalertd's simulator holds.
HUB = {
    "lab": "Row C", "ala": 0, "ser": "0013A2004089", "en": 1, "in": 0, "tstamp": "08/04/15 17:26:26", "upd": "60",
    "rssi": "80", "bat": "2.98", "t": 16, "tf": "75.20", "tc": "24.00",
    "digi_sen": [{"lab": "Outlet C", "en": 1, "ala": 0, "t": 38, "tf": "95.00", "tc": "35.00", "h": "31.00"},
                 {"lab": "No WiSH 3", "en": 0, "ala": 0, "t": 0}],
    "s_sen": [{"lab": "Door C", "en": 1, "ala": 0, "stat": 0}],
}  # fmt: skip
NO_HUB = HUB | {"lab": "No WiSH 1", "ser": "000000000000", "en": 0, "in": -1, "t": 0, "tf": "32.00", "tc": "0.00"}
WIRED = {"lab": "Intake", "t": 16, "en": 1, "tc": "21.00", "tf": "69.80"}


def wireless(*hubs, date="08/04/15 17:27:26", options=OPTIONS, **unit):
    body = json.dumps({"date": date, "sensor": [WIRED], "wireless_sen": hubs, **unit}).encode()
    return values((Reply("getData.json", 200, {}, body),), options)


def test_a_wireless_hub_has_a_thermometer_two_ports_and_a_switch():
    found = wireless(HUB, NO_HUB)
    assert found["wireless 1", "temp_c"] == found["Row C", "temp_c"] == 24.0
    assert found["wireless 1 port 1", "temp_c"] == found["Outlet C", "temp_c"] == 35.0
    assert found["wireless 1 port 1", "humidity_pct"] == 31.0
    assert found["wireless 1 port 2", "temp_c"] is None
    assert found["wireless 1 switch 1", "contact"] == found["Door C", "contact"] == "ok"
    assert not any(channel.startswith("wireless 2") for channel, _ in found)  # nobody lives there
    closed = OPTIONS._replace(normal_closed=("wireless 1 switch 1",))
    assert wireless(HUB, options=closed)["wireless 1 switch 1", "contact"] == "alarm"


@pytest.mark.parametrize(
    ("heard", "date", "temp_c"),
    [
        ("08/04/15 17:26:26", "08/04/15 17:31:26", None),  # five minutes ago: its battery is empty
        ("08/04/15 17:30:00", "08/04/15 17:27:26", 24.0),
        ("08/04/15 23:59:30", "09/04/15 00:00:10", 24.0),  # day before month
        ("13/04/15 17:26:26", "13/04/15 17:27:26", 24.0),
        ("", "08/04/15 17:27:26", None),
        (None, None, None),
    ],
)
def test_a_hub_that_was_not_heard_of_lately_is_not_believed(heard, date, temp_c):
    found = wireless(HUB | {"tstamp": heard}, date=date)
    assert (found["wireless 1", "temp_c"], found["Outlet C", "temp_c"]) == (temp_c, temp_c and 35.0)
    assert (found["Door C", "contact"], found["Intake", "temp_c"]) == (temp_c and "ok", 21.0)


def test_a_hub_with_the_label_of_a_wired_sensor_takes_it_from_nobody():
    found = wireless(HUB | {"lab": "Intake"})  # which sites have wired by that label since before hubs were read
    assert (found["1", "temp_c"], found["wireless 1", "temp_c"], found["Intake", "temp_c"]) == (21.0, 24.0, 21.0)
    twice = wireless(HUB, HUB)
    assert ("Row C", "temp_c") not in twice


def test_a_hub_in_the_cold_makes_no_empty_slot_of_the_unit_believable():
    found = wireless(HUB | {"tc": "-8.00", "tf": "17.60"}, sensor=[WIRED | {"tc": "0.00", "tf": "32.00"}])
    assert (found["Intake", "temp_c"], found["wireless 1", "temp_c"]) == (None, -8.0)


@pytest.mark.parametrize(("stat", "power"), [(1, "ok"), ("0", "alarm"), (7, None), (None, None)])
def test_the_units_own_supply_is_a_contact(stat, power):
    sensor = {"lab": "Power Sensor", "t": "power", "stat": stat, "ala": 1}
    assert wireless(internal_sen=[WIRED | {"lab": "Unit"}, sensor])["power", "contact"] == power


@pytest.mark.parametrize(
    "hub", [{}, [], 7, None, {"ser": 5, "digi_sen": 3, "s_sen": [None]}, {"ser": "1", "tstamp": []}]
)
def test_a_hub_of_nonsense_is_no_reason_to_lose_the_wired_ones(hub):
    assert wireless(hub)["Intake", "temp_c"] == 21.0


@pytest.mark.parametrize("name", ["1", "switch 1"])
def test_a_switch_that_rests_closed_is_known_by_its_number_and_by_its_channel(name):
    """`switch 1`, as [wiring] calls it, counted for nothing: a smoke contact at rest read alarm."""
    options = OPTIONS._replace(normal_closed=(name,))
    assert roomalert.faults(options) == []
    body = json.dumps({"sensor": [WIRED], "s_sen": [{"lab": "Smoke", "en": 1, "stat": 1}]}).encode()
    assert values((Reply("getData.json", 200, {}, body),), options)["switch 1", "contact"] == "ok"


@pytest.mark.parametrize("name", ["Smoke", "l", "0", "wireless 1", "wireless 1 switch", "switch one"])
def test_a_name_that_is_no_switch_is_told(name):
    (found,) = roomalert.faults(OPTIONS._replace(normal_closed=("2", "wireless 1 switch 1", name)))
    assert found == f"normal_closed: {name!r} is no switch: write its number, or wireless 1 switch 1"
