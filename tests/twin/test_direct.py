import json

import pytest

from mine_controller.twin import coop, home, story
from mine_controller.twin.direct import Direct
from mine_controller.wire.door import Exchange, Request, WireError

PDU = ("basic", coop.PDU_USER, coop.PDU_PASSWORD)
OUTLETS = "/redfish/v1/PowerEquipment/RackPDUs/1/Outlets"


@pytest.fixture
def door(small):
    return Direct(small())


def ask(wire, what, within_s=6):
    return wire.call(what, wire.now() + within_s)


def request(door, section, path, method="GET", **about):
    return Request(method, f"http://{door.site.served[section].netloc}{path}", **about)


def test_a_call_costs_time_that_nobody_waits_for(door):
    wire = door.lane(100, 190)
    reply = ask(wire, request(door, "roomalert intake", "/getData.json"))
    assert reply.status == 200
    assert reply.headers["content-type"] == "application/json"
    assert 100 < wire.now() < 103
    assert door.end_of_lanes == wire.now()
    assert door.site.world.now_s == 100


def test_lanes_of_one_stage_run_side_by_side(door):
    one, two = door.lane(100, 190), door.lane(100, 190)
    one.sleep(30)
    assert (one.now(), two.now()) == (130, 100)
    two.sleep(5)
    assert door.end_of_lanes == 130


def test_a_command_becomes_true_at_the_second_it_was_sent(door):
    wire = door.lane(100, 190)
    wire.sleep(20)
    order = request(
        door, "redfish pdu1", f"{OUTLETS}/A1/Outlet.PowerControl", "POST", body=b'{"PowerState":"Off"}', auth=PDU
    )
    assert ask(wire, order).status == 204
    door.lane(119, 190)
    assert door.site.world.miner_w(0) > 3000
    door.lane(125, 190)
    assert door.site.world.miner_w(0) == 0


def test_reads_see_the_world_as_the_stage_began(door):
    wire = door.lane(0, 90)
    read = request(door, "redfish pdu1", f"{OUTLETS}/A1", auth=PDU)
    first = json.loads(ask(wire, read).body)
    ask(
        wire,
        request(
            door, "redfish pdu1", f"{OUTLETS}/A1/Outlet.PowerControl", "POST", body=b'{"PowerState":"Off"}', auth=PDU
        ),
    )
    assert json.loads(ask(wire, read).body)["PowerState"] == first["PowerState"] == "On"
    later = door.lane(door.end_of_lanes + 1, 90)
    assert json.loads(ask(later, read).body)["PowerState"] == "Off"


@pytest.mark.parametrize(
    ("fault", "kind", "sent", "cost_s"),
    [
        ("silent", "timeout", True, 6),
        ("drip", "timeout", True, 6),
        ("refuse", "refused", False, 0),
        ("cut", "closed", True, None),
        ("huge", "too_large", True, None),
        ("bomb", "too_large", True, None),
    ],
)
def test_a_fault_of_the_connection_raises_as_the_live_wire_does(door, fault, kind, sent, cost_s):
    door.site.faults.put("iotawatt fans", coop.Fault(fault))
    wire = door.lane(0, 90)
    with pytest.raises(WireError) as caught:
        ask(wire, request(door, "iotawatt fans", "/status?inputs"))
    assert (caught.value.kind, caught.value.sent) == (kind, sent)
    if cost_s is not None:
        assert wire.now() == pytest.approx(cost_s, abs=0.01)


def test_a_silent_unit_costs_no_more_than_the_stage_has_left(door):
    door.site.faults.put("iotawatt fans", coop.Fault("silent"))
    wire = door.lane(0, 2)
    with pytest.raises(WireError):
        ask(wire, request(door, "iotawatt fans", "/status"))
    assert wire.now() == 2
    with pytest.raises(WireError, match="no time was left"):
        ask(wire, request(door, "iotawatt fans", "/status"))


def test_slow_units_answer_late_or_time_out(door):
    door.site.faults.put("iotawatt fans", coop.Fault("slow", 2))
    wire = door.lane(0, 90)
    ask(wire, request(door, "iotawatt fans", "/status"))
    assert wire.now() > 2
    door.site.faults.put("iotawatt fans", coop.Fault("slow", 8))
    with pytest.raises(WireError) as caught:
        ask(wire, request(door, "iotawatt fans", "/status"))
    assert caught.value.kind == "timeout"


def test_faults_of_the_body_arrive_as_a_body(door):
    faults, wire = door.site.faults, door.lane(0, 900)
    dump = request(door, "roomalert intake", "/getData.json")
    faults.put("roomalert intake", coop.Fault("html"))
    assert b"Guest network" in ask(wire, dump).body
    faults.put("roomalert intake", coop.Fault("unauthorised"))
    assert ask(wire, dump).status == 401
    faults.put("roomalert intake", coop.Fault("garbage"))
    with pytest.raises(ValueError, match=r".*"):
        json.loads(ask(wire, dump).body)
    faults.put("roomalert intake", coop.Fault("frozen"))
    first = ask(wire, dump).body
    later = door.lane(600, 900)
    assert ask(later, dump).body == first
    faults.put("roomalert intake", coop.Fault("ok"))
    assert ask(door.lane(700, 900), dump).body != first


def test_an_address_nobody_has_refuses(door):
    with pytest.raises(WireError) as caught:
        ask(door.lane(0, 90), Request("GET", "http://127.0.0.1:1/"))
    assert caught.value.kind == "refused"


def test_a_header_less_answer_needs_a_tolerant_request(door):
    door.site.served["roomalert intake"].server.old = True
    wire = door.lane(0, 90)
    with pytest.raises(WireError) as caught:
        ask(wire, request(door, "roomalert intake", "/getData.htm"))
    assert caught.value.kind == "bad_http"
    reply = ask(wire, request(door, "roomalert intake", "/getData.htm", tolerant=True))
    assert (reply.status, reply.headers) == (200, {})


def test_latencies_have_their_median_and_their_tail(door):
    drawn = sorted(door.latency_s() for _ in range(4000))
    assert drawn[2000] == pytest.approx(0.15, rel=0.1)
    assert drawn[3960] == pytest.approx(2.0, rel=0.3)


def test_two_runs_with_one_seed_are_the_same(small):
    def run():
        door = Direct(small())
        bodies = []
        for k in range(5):
            wire = door.lane(k * 120.0, k * 120 + 90.0)
            bodies.append(ask(wire, request(door, "redfish pdu1", OUTLETS + "?$expand=.", auth=PDU)).body)
        return bodies, door.end_of_lanes, door.site.world.energy_kwh()

    assert run() == run()


# -- many: a fleet on a LAN ------------------------------------------------------------------------------------------

HEAD = "title test\ndate 2026-07-15\nweather july\n"
INFO = b"GET /api/system/info HTTP/1.1\r\nHost: x\r\n\r\n"


def lan(text="", only=("bitaxe", "cgminer")):
    """A lane of 20 s on a house of some makes."""
    site = home.build(1, story=story.parse(HEAD + text), only=only)
    door = Direct(site)
    site.advance(1)
    return door, door.lane(10, 30)


def axe(last, send=INFO, **about):
    return Exchange(f"127.0.1.{last}", 80, send, **about)


def test_many_miners_are_asked_in_the_time_of_the_slowest():
    _, lane = lan()
    answers = lane.many([axe(11), axe(12), axe(13), Exchange("127.0.1.46", 4028, b'{"command":"summary"}', b"\0")], 30)
    assert [answer[:15] for answer in answers[:3]] == [b"HTTP/1.1 200 OK"] * 3
    assert json.loads(answers[0].partition(b"\r\n\r\n")[2])["macAddr"].endswith("62:0B")
    assert answers[3].endswith(b"\0")
    assert 10 < lane.now() < 14


@pytest.mark.parametrize(
    ("word", "kind", "cost_s"),
    [("silent", "timeout", 8), ("tarpit", "timeout", 8), ("dead", "unreachable", 2)],
)
def test_one_bad_unit_is_an_error_of_its_own_and_the_others_answer(word, kind, cost_s):
    _, lane = lan(f"00:00 miner a02 {word}\n")
    good, bad = lane.many([axe(11), axe(12)], 30)
    assert isinstance(good, bytes)
    assert isinstance(bad, WireError)
    assert bad.kind == kind
    assert lane.now() == 10 + cost_s


def test_an_address_where_nobody_lives_is_unreachable_and_a_closed_port_refuses():
    _, lane = lan()
    empty, port = lane.many([axe(16), Exchange("127.0.1.11", 4028, INFO)], 30)
    assert (empty.kind, port.kind) == ("unreachable", "refused")
    assert not empty.sent


@pytest.mark.parametrize(("fault", "kind"), [("refuse", "refused"), ("slow 9", "timeout"), ("huge", "too_large")])
def test_faults_of_a_section_reach_every_unit_of_it(fault, kind):
    _, lane = lan(f"00:00 device cgminer garage {fault}\n")
    ask_it = Exchange("127.0.1.46", 4028, b'{"command":"version"}', b"\0")
    assert lane.many([ask_it], 30)[0].kind == kind
    assert isinstance(lane.many([axe(11)], 30)[0], bytes)


def test_garbage_and_a_cut_answer_arrive_as_bytes():
    _, lane = lan("00:00 miner a01 garbage\n00:00 device cgminer garage cut\n")
    noise, half = lane.many([axe(11), Exchange("127.0.1.46", 4028, b'{"command":"version"}', b"\0")], 30)
    with pytest.raises(ValueError, match=r".*"):
        json.loads(noise.partition(b"\r\n\r\n")[2])
    assert not half.endswith(b"\0")


def test_what_is_no_http_is_hung_up_on():
    _, lane = lan()
    [answer] = lane.many([axe(11, b"hello\n")], 30)
    assert answer.kind == "closed"


def test_a_unit_told_something_shows_it_to_the_same_lane():
    """A LAN driver reads, tells and reads again in one go; its unit goes along."""
    door, lane = lan()
    pause = b"POST /api/system/pause HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
    assert b"200 OK" in lane.many([axe(11, pause)], 30)[0]
    lane.sleep(8)
    shown = json.loads(lane.many([axe(11)], 30)[0].partition(b"\r\n\r\n")[2])
    assert shown["miningPaused"] is True
    assert shown["power"] < 10
    assert door.site.house.now_s == 10


def test_a_lane_without_time_asks_nobody():
    _, lane = lan()
    lane.sleep(20)
    assert lane.many([axe(11)], 30)[0].kind == "unreachable"
    assert lane.many([], 30) == []


def test_a_swapped_unit_answers_at_its_new_address():
    _, lane = lan("00:00 swap a01 127.0.1.13\n")
    here, there = lane.many([axe(11), axe(13)], 30)
    assert b"62:0D" in here
    assert b"62:0B" in there
