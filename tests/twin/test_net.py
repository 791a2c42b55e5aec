"""Real sockets on 127.0.0.1."""

import http.client
import json
import socket
import time

import pytest

from mine_controller.devices import _http
from mine_controller.twin import coop, home, net, story
from mine_controller.twin.config_text import COLUMNS, config_text
from mine_controller.wire.door import Exchange, WireError
from mine_controller.wire.many import many


@pytest.fixture
def servers(small):
    now = [60.0]
    with net.serve(small(), lambda: now[0]) as servers:
        servers.hand = now
        yield servers


def get(servers, section, path, timeout_s=10.0):
    client = http.client.HTTPConnection("127.0.0.1", servers.ports[section], timeout=timeout_s)
    try:
        client.request("GET", path)
        reply = client.getresponse()
        return reply.status, dict(reply.getheaders()), reply.read()
    finally:
        client.close()


def test_every_device_of_the_site_listens_on_a_port_of_its_own(servers):
    assert set(servers.ports) == set(servers.site.served)
    assert len(set(servers.ports.values())) == len(servers.ports)
    status, headers, body = get(servers, "roomalert intake", "/getData.json")
    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert len(json.loads(body)["sensor"]) == 6


def test_commands_reach_the_world_and_time_moves_it(servers):
    get(servers, "controlbyweb fans", "/state.xml?relay1State=0")
    assert not servers.site.world.fans.on[0]
    servers.hand[0] = 120.0
    _, _, body = get(servers, "iotawatt fans", "/status?inputs")
    assert json.loads(body)["inputs"][1]["Watts"] == "0"
    assert servers.site.world.now_s == 120


def test_no_device_tells_the_date_of_this_machine(servers):
    assert "Date" not in get(servers, "iotawatt fans", "/status?inputs")[1]
    assert get(servers, "foreman mine", "/api/ping")[1]["Date"] == "Wed, 15 Jul 2026 05:01:00 GMT"


def test_one_connection_can_carry_several_calls(servers):
    client = http.client.HTTPConnection("127.0.0.1", servers.ports["power_signal coop"], timeout=10)
    client.request("GET", "/power-signal")
    first = client.getresponse()
    first.read()
    client.request("GET", "/power-signal", headers={"If-None-Match": first.getheader("ETag")})
    again = client.getresponse()
    assert (again.status, again.read()) == (304, b"")
    client.close()


def test_an_old_room_alert_sends_no_status_line(servers):
    servers.site.served["roomalert intake"].server.old = True
    with socket.create_connection(("127.0.0.1", servers.ports["roomalert intake"]), timeout=10) as client:
        client.sendall(b"GET /getData.htm HTTP/1.0\r\n\r\n")
        assert client.recv(6) == b"{name:"


def test_a_silent_device_times_out_and_a_refusing_one_hangs_up(servers):
    servers.site.faults.put("iotawatt fans", coop.Fault("silent"))
    with pytest.raises(TimeoutError):
        get(servers, "iotawatt fans", "/status", timeout_s=0.2)
    servers.site.faults.put("iotawatt fans", coop.Fault("refuse"))
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        get(servers, "iotawatt fans", "/status")


def test_cut_html_and_unauthorised_answers(servers):
    faults = servers.site.faults
    faults.put("roomalert intake", coop.Fault("cut"))
    with pytest.raises(http.client.IncompleteRead):
        get(servers, "roomalert intake", "/getData.json")
    faults.put("roomalert intake", coop.Fault("html"))
    assert b"Guest network" in get(servers, "roomalert intake", "/getData.json")[2]
    faults.put("roomalert intake", coop.Fault("unauthorised"))
    assert get(servers, "roomalert intake", "/getData.json")[0] == 401


def test_a_dripping_answer_comes_a_byte_at_a_time(servers):
    servers.site.faults.put("power_signal coop", coop.Fault("drip"))
    client = http.client.HTTPConnection("127.0.0.1", servers.ports["power_signal coop"], timeout=0.3)
    client.request("GET", "/power-signal")
    with pytest.raises(TimeoutError):
        client.getresponse().read()
    client.close()


def test_the_bomb_is_small_on_the_wire_and_the_huge_one_is_not(servers):
    servers.site.faults.put("power_signal coop", coop.Fault("bomb"))
    _, headers, body = get(servers, "power_signal coop", "/power-signal")
    assert headers["Content-Encoding"] == "gzip"
    assert len(body) < 100_000
    servers.site.faults.put("power_signal coop", coop.Fault("huge"))
    assert len(get(servers, "power_signal coop", "/power-signal")[2]) >= 10_000_000


def test_after_close_nobody_listens(small):
    servers = net.serve(small(), lambda: 0.0)
    port = servers.ports["iotawatt fans"]
    servers.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=1)


def test_the_config_points_at_the_ports_and_lists_every_miner_with_its_outlet(servers):
    config, fleet = config_text(servers.site)
    for section, port in servers.ports.items():
        assert f"[{section}]\nurl = http://127.0.0.1:{port}" in config
    assert config.rstrip().endswith("[end]")
    rows = [line.split(",") for line in fleet.splitlines()]
    assert tuple(rows[0]) == COLUMNS
    assert all(len(row) == len(COLUMNS) for row in rows)
    assert rows[1][:5] == ["a001", "02:4d:43:00:00:00", "foreman mine", "", "redfish pdu1/A1"]
    assert rows[13][4] == "redfish pdu2/A1"
    assert len({row[1] for row in rows[1:]}) == 24


def test_both_doors_use_one_config(small):
    site = small()
    config, _ = config_text(site)
    assert all(served.netloc in config for served in site.served.values())


def test_a_clock_passes_at_its_speed(monkeypatch):
    real_s = iter((7.0, 7.0, 7.5))
    monkeypatch.setattr(net.time, "monotonic", lambda: next(real_s))
    fast = net.clock(100, speed=1000)
    assert (fast(), fast()) == (100.0, 600.0)


def test_the_real_size_has_seven_pdus_of_forty_and_spoils_a_few_units():
    site = coop.build(1)
    assert [pdu.count for pdu in site.pdus] == [40] * 7
    fleet = site.world.fleet
    assert 0 < sum(fleet.mute) + sum(fleet.liar) + sum(fleet.slow_boot) < 30
    assert site.world.miners_w() == pytest.approx(952_000, rel=0.03)
    assert sum(site.world.fans.on) == 9
    assert coop.build(1).world.fleet.mute == fleet.mute
    assert coop.build(2).world.fleet.mute != fleet.mute


# -- a house: many addresses, bare connections -----------------------------------------------------------------------

HEAD = "title test\ndate 2026-07-15\nweather july\n"


@pytest.fixture
def street():
    """Two makes of a house, listening on free ports; its hand moves the time."""
    opened = []

    def open_(text="", only=("bitaxe", "cgminer")):
        now = [1.0]
        servers = net.serve(home.build(1, story=story.parse(HEAD + text), only=only), lambda: now[0])
        servers.hand = now
        opened.append(servers)
        return servers

    yield open_
    for servers in opened:
        servers.close()


def info(servers, last):
    return Exchange(f"127.0.1.{last}", servers.ports["bitaxe shelf"], _http.pack("GET", "x", "/api/system/info"))


def ask(servers, *exchanges, within_s=1.0):
    del servers
    batch = [each._replace(whole=_http.Watch) if not each.ends else each for each in exchanges]
    return many(batch, time.monotonic() + within_s)


def version(servers):
    return Exchange("127.0.1.46", servers.ports["cgminer garage"], b'{"command":"version"}', b"\0")


def test_units_of_a_section_listen_on_one_port_at_addresses_of_their_own(street):
    servers = street()
    answers = ask(servers, info(servers, 11), info(servers, 12), version(servers))
    macs = [json.loads(answer.partition(b"\r\n\r\n")[2])["macAddr"] for answer in answers[:2]]
    assert len(set(macs)) == 2
    assert answers[2].endswith(b"\0")
    assert json.loads(answers[2][:-1])["STATUS"][0]["STATUS"] == "S"


def test_two_houses_listen_side_by_side(street):
    first, second = street(only=("bitaxe",)), street(only=("bitaxe",))
    assert first.ports != second.ports


def test_an_address_of_the_section_where_nobody_lives_hangs_up(street):
    servers = street()
    [answer] = ask(servers, info(servers, 18))
    assert isinstance(answer, WireError)


def test_a_unit_that_moves_is_found_at_its_new_address(street):
    servers = street("00:10 swap a01 127.0.1.18\n")
    mac = b"62:0B"
    assert mac in ask(servers, info(servers, 11))[0]
    servers.hand[0] = 700
    gone, there = ask(servers, info(servers, 11), info(servers, 18))
    assert isinstance(gone, WireError)
    assert mac in there


def test_a_tarpit_and_a_silent_unit_take_the_connection_and_say_nothing_in_time(street):
    servers = street("00:00 miner a01 tarpit\n00:00 miner a02 silent\n00:00 miner a09 tarpit\n")
    answers = ask(servers, info(servers, 11), info(servers, 12), version(servers), info(servers, 13), within_s=0.5)
    assert [getattr(answer, "kind", "") for answer in answers] == ["timeout", "timeout", "timeout", ""]


def test_a_dead_unit_is_not_there(street):
    servers = street("00:00 miner a01 dead\n00:00 miner a09 dead\n")
    answers = ask(servers, info(servers, 11), version(servers))
    assert all(isinstance(answer, WireError) for answer in answers)


def test_what_a_person_of_the_story_asks_for_is_handed_on_while_time_passes(street):
    servers = street("00:10 person miners stop\n")
    asked_for = []
    servers.wish = asked_for.append
    ask(servers, info(servers, 11))
    assert asked_for == []
    servers.hand[0] = 700
    ask(servers, info(servers, 11))
    assert [(wish.key, wish.value) for wish in asked_for] == [("miners", "stop")]


def test_ports_of_real_devices_are_used_where_they_are_free(street, monkeypatch):
    """Port 80 needs root; a device whose port is taken gets another, and all addresses of a section the same."""
    first = street(only=("bitaxe",))
    taken = first.ports["bitaxe shelf"]
    site = home.build(1, story=story.parse(HEAD), only=("bitaxe",))
    doors = [door._replace(usual=taken) for door in site.doors()]
    monkeypatch.setattr(site, "doors", lambda: doors)
    with net.serve(site, lambda: 1.0, usual=True) as second:
        assert second.ports["bitaxe shelf"] != taken
    first.close()
    with net.serve(site, lambda: 1.0, usual=True) as third:
        assert third.ports["bitaxe shelf"] == taken
        assert {served.port for served in site.served.values()} == {taken}


def test_closing_twice_is_closing_once(street):
    servers = street(only=("cgminer",))
    servers.close()
    servers.close()
