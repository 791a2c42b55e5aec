"""What the twin's devices say on the wire, by kind."""

import json
from base64 import b64encode

import pytest

from mine_controller.twin import coop
from mine_controller.twin.answer import asked
from mine_controller.twin.pdu import Pdu
from mine_controller.twin.sensors import Sensors
from mine_controller.twin.servers import controlbyweb, emoncms, http_pdu, iotawatt, jaws, raritan, roomalert
from mine_controller.twin.world import Action, World

TOKEN = {"Authorization": f"Token {coop.FOREMAN_KEY}"}
OUTLETS = "/redfish/v1/PowerEquipment/RackPDUs/1/Outlets"
BASIC = {"Authorization": "Basic " + b64encode(b"u:p").decode()}
MINECTL = {"Authorization": "Basic " + b64encode(f"{coop.PDU_USER}:{coop.PDU_PASSWORD}".encode()).decode()}


@pytest.fixture
def world():
    world = World(7, miners=8)
    world.run_all()
    world.advance(60)
    return world


@pytest.fixture
def sensors(world):
    return Sensors(world)


def call(server, target, headers=None, *, method="GET", body=None, at_s=60.0):
    data = b"" if body is None else json.dumps(body).encode()
    return server.answer(asked(method, target, headers or {}, data), at_s)


def tree(answer):
    return json.loads(answer.body)


def test_the_signal_page_has_word_number_and_a_tag_that_confirms_it(small):
    site = small()
    first = call(site.page, "/power-signal")
    assert b'<strong id="status">NORMAL OPERATION</strong>' in first.body
    again = call(site.page, "/power-signal", {"If-None-Match": first.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")
    site.page.signal = "off"
    changed = call(site.page, "/power-signal", {"If-None-Match": first.headers["ETag"]})
    assert changed.status == 200
    assert b"CONTROL IN EFFECT" in changed.body
    assert b'<span id="value">1</span>' in changed.body
    assert call(site.page, "/other").status == 404


@pytest.mark.parametrize("signal", ["blank", "garbage", "warn"])
def test_a_page_without_an_order_shows_neither_order(small, signal):
    page = small().page
    page.signal = signal
    body = call(page, "/power-signal").body
    assert b"NORMAL OPERATION" not in body
    assert b"CONTROL IN EFFECT" not in body


def test_a_room_alert_writes_numbers_as_texts_and_an_empty_slot_as_zero(sensors):
    reply = tree(call(roomalert.Unit(sensors), "/getData.json"))
    first, spare = reply["sensor"][0], reply["sensor"][5]
    assert float(first["tc"]) == pytest.approx(sensors.world.inlet_c, abs=1.5)
    assert float(first["tf"]) == pytest.approx(float(first["tc"]) * 1.8 + 32, abs=0.01)
    assert first["t"] == 38
    assert 1 < float(first["h"]) <= 100
    assert float(first["dpc"]) < float(first["tc"])
    assert (spare["tc"], spare["tf"], spare["en"]) == ("0.00", "32.00", 0)
    assert [switch["stat"] for switch in reply["s_sen"]] == [0, 0, 0, 0]


def test_a_room_alert_lives_by_its_uptime_not_by_its_date(sensors):
    unit = roomalert.Unit(sensors)
    one, two = (tree(call(unit, "/getData.json", at_s=t)) for t in (60, 180))
    assert one["date"] == two["date"] == "03/31/00 02:04:53"
    assert one["uptime"] != two["uptime"]


def test_smoke_closes_its_contact_and_a_stuck_probe_repeats_itself(sensors):
    unit = roomalert.Unit(sensors)
    sensors.world.smoke = True
    unit.stuck[2] = 21.5
    unit.unplugged.add(3)
    reply = tree(call(unit, "/getData.json"))
    assert reply["s_sen"][0]["stat"] == 1
    assert reply["sensor"][1]["tc"] == "21.50"
    assert reply["sensor"][2]["en"] == 0


def test_an_old_room_alert_answers_without_any_header_and_with_bare_keys(sensors):
    unit = roomalert.Unit(sensors, old=True)
    answer = call(unit, "/getData.htm")
    assert answer.raw
    assert answer.body.startswith(b'{name:"RA12-000001",')
    assert call(unit, "/getData.json").status == 404


def test_probes_are_slow_and_show_new_values_once_a_minute(container):
    world = container(20)
    unit = roomalert.Unit(Sensors(world))
    for fan in range(9):
        world.do(Action("fan", fan, "off"))
    world.advance(50)
    early = float(tree(call(unit, "/getData.json", at_s=50))["sensor"][0]["tc"])
    assert world.inlet_c > early + 20
    world.advance(300)
    late = float(tree(call(unit, "/getData.json", at_s=300))["sensor"][0]["tc"])
    assert late > early + 20


def test_iotawatt_writes_watts_as_text_and_a_dead_fan_as_text_zero(sensors):
    sensors.world.fans.broken[3] = True
    reply = tree(call(iotawatt.Unit(sensors), "/status?inputs&stats"))
    assert "Vrms" in reply["inputs"][0]
    assert reply["inputs"][4] == {"channel": 4, "Watts": "0", "Pf": 0.0, "phase": 2.1, "lastphase": 0.4}
    assert float(reply["inputs"][1]["Watts"]) == pytest.approx(1500, rel=0.1)
    assert reply["stats"]["currenttime"] == sensors.world.start_wall_s + 60
    assert "wifi" not in reply


def test_an_iotawatt_query_answers_rows_and_refuses_what_it_does_not_know(sensors):
    unit = iotawatt.Unit(sensors)
    names = [row["name"] for row in tree(call(unit, "/query?show=series"))["series"]]
    assert "Fan_9" in names
    query = "/query?select=[time.utc.unix,Fan_1.watts.d0,Fan_2.watts.d0]&begin=s-30s&end=s"
    rows = tree(call(unit, query + "&group=all"))
    assert len(rows) == 1
    assert rows[0][0] == sensors.world.start_wall_s + 30
    assert rows[0][1] == pytest.approx(1500, rel=0.1)
    headed = tree(call(unit, query + "&group=all&header=yes"))
    assert headed["labels"] == ["time", "Fan_1", "Fan_2"]
    refused = call(unit, query)
    assert (refused.status, refused.headers["Content-Type"]) == (400, "text/plain")
    assert "Invalid series" in tree(call(unit, "/query?select=[fan_1.watts]&begin=s-30s&end=s&group=all"))["error"]


def test_emoncms_writes_values_as_texts_and_keeps_the_last_one_for_ever(sensors):
    unit = emoncms.Unit(sensors, "key", prefix="/emoncms")
    feeds = tree(call(unit, "/emoncms/feed/list.json?apikey=key"))
    assert float(feeds[0]["value"]) == pytest.approx(1500, rel=0.1)
    assert tree(call(unit, "/emoncms/feed/fetch.json?apikey=key&ids=1,99"))[1] is False
    assert tree(call(unit, "/emoncms/feed/value.json?id=1", {"Authorization": "Bearer key"})) > 0
    unit.stopped_at_s = 60
    stopped = tree(call(unit, "/emoncms/feed/list.json?apikey=key", at_s=6000))
    assert stopped[0]["time"] == feeds[0]["time"]
    assert call(unit, "/emoncms/feed/list.json?apikey=no").status == 401
    assert tree(call(unit, "/emoncms/feed/list.json")) is False
    assert tree(call(unit, "/emoncms/input/get/mine/fan2?apikey=key"))["processList"] == "1:2"


@pytest.mark.parametrize(
    ("dialect", "path", "command", "off"),
    [
        ("webrelay10", "/state.xml", "relay2State=0", b"<relay2state>0</relay2state>"),
        ("x400", "/state.json", "relay2=0", b'"relay2":"0"'),
        ("x332", "/state.xml", "relay2State=0", b"<relaystates>0000000111111101</relaystates>"),
    ],
)
def test_a_relay_board_answers_a_command_with_its_new_state(world, dialect, path, command, off):
    unit = controlbyweb.Unit(world, dialect)
    assert off not in call(unit, path).body
    assert off in call(unit, f"{path}?{command}").body
    world.advance(61)
    assert not world.fans.on[1]
    assert world.fans.on[2]


def test_a_single_relay_board_and_a_password(world):
    unit = controlbyweb.Unit(world, "single", password="webrelay")
    assert call(unit, "/stateFull.xml").status == 401
    good = {"Authorization": "Basic bm9uZTp3ZWJyZWxheQ=="}
    assert b"<relaystate>0</relaystate>" in call(unit, "/stateFull.xml?relayState=0", good).body


def test_an_inverted_board_starts_a_fan_by_opening_its_relay(world):
    unit = controlbyweb.Unit(world, active_low=True)
    call(unit, "/state.xml?relay3State=1")
    world.advance(61)
    assert not world.fans.on[2]


def test_foreman_lists_miners_by_mac_and_wants_its_key(small):
    site = small()
    server = site.served["foreman mine"].server
    rows = tree(call(server, "/api/miners/1234/7", TOKEN))
    assert len(rows) == 24
    assert (rows[0]["id"], rows[0]["mac"], rows[0]["status"]) == (1001, "02:4D:43:00:00:00", "hashing")
    assert call(server, "/api/miners/1234/7").status == 401
    assert call(server, "/api/ping").body == b"pong"


def test_foreman_throttles_one_pattern_to_a_call_a_second(small):
    server = small().served["foreman mine"].server
    assert call(server, "/api/actions/status/1", TOKEN, at_s=10).status == 404
    late = call(server, "/api/actions/status/2", TOKEN, at_s=10.5)
    assert (late.status, late.headers["Retry-After"]) == (429, "1")
    assert call(server, "/api/miners/1234/7", TOKEN, at_s=10.5).status == 200
    assert call(server, "/api/actions/status/2", TOKEN, at_s=11.1).status == 404


def test_a_foreman_command_is_a_job_that_ends_in_two_to_eight_seconds(small):
    site = small()
    server = site.served["foreman mine"].server
    server.loses = 0
    order = {"powerMode": "sleeping"}
    job = tree(call(server, "/api/actions/power-mode/1003", TOKEN, method="POST", body=order, at_s=100))["command"]
    words = [tree(call(server, f"/api/actions/status/{job}", TOKEN, at_s=t))["status"] for t in (100.5, 101.6, 109)]
    assert words == ["pending", "in-progress", "complete"]
    site.advance(140)
    assert site.world.word(2) == "sleeping"
    assert site.world.miner_w(2) == 25


def test_a_lost_foreman_command_fails_and_bad_ones_are_refused(small):
    site = small()
    server = site.served["foreman mine"].server
    server.loses = 1
    post = {"method": "POST", "body": {"powerMode": "sleeping"}}
    job = tree(call(server, "/api/actions/power-mode/1001", TOKEN, at_s=10, **post))["command"]
    assert tree(call(server, f"/api/actions/status/{job}", TOKEN, at_s=60))["status"] == "failed"
    site.advance(100)
    assert site.world.word(0) == "hashing"
    assert call(server, "/api/actions/power-mode/9999", TOKEN, at_s=12, **post).status == 404
    bad = {"method": "POST", "body": {"powerMode": "off"}}
    assert call(server, "/api/actions/power-mode/1001", TOKEN, at_s=14, **bad).status == 400


def test_foreman_v2_pages_by_limit_and_offset(small):
    server = small().served["foreman mine"].server
    rows = tree(call(server, "/api/v2/clients/1234/miners?limit=10&offset=20", TOKEN))["results"]
    assert [row["id"] for row in rows] == [1021, 1022, 1023, 1024]
    assert tree(call(server, "/api/v2/clients/1234", TOKEN))[0]["miners"]["total"] == 24


def test_a_redfish_pdu_expands_its_outlets_and_switches_where_the_outlet_says(small):
    site = small()
    server = site.served["redfish pdu2"].server
    assert call(server, OUTLETS).status == 401
    rows = tree(call(server, OUTLETS + "?$expand=.($levels=1)", MINECTL))["Members"]
    assert len(rows) == 12
    assert rows[4]["PowerWatts"]["Reading"] == pytest.approx(site.world.miner_w(16), rel=0.03)
    target = rows[4]["Actions"]["#Outlet.PowerControl"]["target"]
    done = call(server, target, MINECTL, method="POST", body={"PowerState": "Off"}, at_s=5)
    assert done.status == 204
    site.advance(6)
    outlet = tree(call(server, rows[4]["@odata.id"], MINECTL, at_s=6))
    assert (outlet["PowerState"], outlet["PowerWatts"]["Reading"]) == ("Off", 0)
    assert (
        tree(call(server, f"{OUTLETS}/../Metrics".replace("Outlets/../", ""), MINECTL))["PowerWatts"]["Reading"]
        > 30_000
    )


def test_a_redfish_pdu_says_what_it_can_not_do(small):
    site = small()
    server = site.served["redfish pdu1"].server
    server.expands = False
    assert tree(call(server, OUTLETS + "?$expand=.", MINECTL))["Members"][0] == {"@odata.id": f"{OUTLETS}/A1"}
    assert call(server, f"{OUTLETS}/A99", MINECTL).status == 404
    site.pdus[0].jams.add(0)
    order = {"method": "POST", "body": {"PowerState": "Off"}}
    assert call(server, f"{OUTLETS}/A1/Outlet.PowerControl", MINECTL, **order).status == 503
    wrong = {"method": "POST", "body": {"PowerState": "Toggle"}}
    refused = call(server, f"{OUTLETS}/A2/Outlet.PowerControl", MINECTL, **wrong)
    assert refused.status == 400
    assert tree(refused)["error"]["code"].startswith("Base.")


def test_a_redfish_group_switches_every_outlet_in_one_call(small):
    site = small()
    server = site.served["redfish pdu1"].server
    group = tree(call(server, OUTLETS.replace("Outlets", "OutletGroups/all"), MINECTL))
    assert len(group["Links"]["Outlets"]) == 12
    target = group["Actions"]["#OutletGroup.PowerControl"]["target"]
    site.pdus[0].jams.add(3)
    assert call(server, target, MINECTL, method="POST", body={"PowerState": "Off"}, at_s=5).status == 204
    site.advance(6)
    assert [site.world.fleet.outlet_on[i] for i in range(13)] == [False] * 3 + [True] + [False] * 8 + [True]


def test_a_raritan_counts_outlets_from_zero_and_takes_many_calls_at_once(world, sensors):
    unit = raritan.Unit(Pdu(sensors, 0, 8), "u", "p")
    off = {"jsonrpc": "2.0", "method": "setPowerState", "params": {"pstate": 0}, "id": 23}
    reply = tree(call(unit, "/model/pdu/0/outlet/0", BASIC, method="POST", body=off))
    assert reply == {"jsonrpc": "2.0", "id": 23, "result": {"_ret_": 0}}
    world.advance(61)
    state, watts = {"method": "getState", "id": 1}, {"method": "getReading", "id": 2}
    rows = [
        {"rid": "/model/pdu/0/outlet/0", "json": state},
        {"rid": "/model/pdu/0/outlet/1/activePower", "json": watts},
    ]
    bulk = {"jsonrpc": "2.0", "method": "performBulk", "params": {"requests": rows}, "id": 3}
    parts = tree(call(unit, "/bulk", BASIC, method="POST", body=bulk))["result"]["responses"]
    assert parts[0]["json"]["result"]["_ret_"]["powerState"] == 0
    assert parts[1]["json"]["result"]["_ret_"]["value"] == pytest.approx(world.miner_w(1), rel=0.03)
    wrong = tree(call(unit, "/model/pdu/0/outlet/99", BASIC, method="POST", body=state))
    assert wrong["error"]["code"] == -32601
    assert call(unit, "/bulk", method="POST", body=bulk).status == 401


def test_a_jaws_pdu_switches_by_patch_and_has_no_probe(world, sensors):
    unit = jaws.Unit(Pdu(sensors, 0, 8), "u", "p")
    order = {"method": "PATCH", "body": {"control_action": "off"}}
    assert call(unit, "/jaws/control/outlets/AA2", BASIC, **order).status == 204
    world.advance(61)
    outlets = tree(call(unit, "/jaws/monitor/outlets", BASIC))
    assert (outlets[1]["id"], outlets[1]["state"], outlets[1]["active_power"]) == ("AA2", "Off", 0)
    assert tree(call(unit, "/jaws/monitor/cords", BASIC))[0]["active_power"] > 20_000
    assert tree(call(unit, "/jaws/monitor/sensors/temp", BASIC))[0]["status"] == "Not Found"
    assert call(unit, "/jaws/monitor/outlets/AA9", BASIC).status == 404


def test_a_box_of_sockets_speaks_as_its_console(world, sensors):
    unit = http_pdu.Unit(Pdu(sensors, 0, 2), "admin", "pw")
    signed = "&user=admin&password=pw"
    assert "WARNING" in tree(call(unit, "/cm?cmnd=Power1"))
    assert tree(call(unit, f"/cm?cmnd=Power2%20Off{signed}")) == {"POWER2": "OFF"}
    world.advance(61)
    assert tree(call(unit, f"/cm?cmnd=State{signed}")) == {"POWER1": "ON", "POWER2": "OFF"}
    assert tree(call(unit, f"/cm?cmnd=Status%208{signed}"))["StatusSNS"]["ENERGY"]["Power"][1] == 0


def test_an_unmetered_pdu_says_nothing_about_watts(sensors):
    bare = Pdu(sensors, 0, 8, metered=False)
    assert "active_power" not in tree(call(jaws.Unit(bare, "u", "p"), "/jaws/monitor/outlets/AA1", BASIC))
    reading = {"method": "getReading", "id": 1}
    unit = raritan.Unit(bare, "u", "p")
    value = tree(call(unit, "/model/pdu/0/outlet/0/activePower", BASIC, method="POST", body=reading))["result"]["_ret_"]
    assert (value["available"], value["valid"]) == (False, False)


def test_reading_twice_in_one_second_gives_the_same_and_changes_nothing(small):
    site = small()
    site.advance(600)
    power_w = site.world.power_w()
    for section, path in (("roomalert intake", "/getData.json"), ("iotawatt fans", "/status?inputs")):
        server = site.served[section].server
        assert call(server, path, at_s=600.2).body == call(server, path, at_s=600.7).body
    assert site.world.power_w() == power_w
