"""ubus over HTTP: log in, ask, log out; OpenWrt and OpenMPTCProuter."""

import json

import pytest
from devices.kinds import CANARY, build
from devices.scripted import Script, lost, told

from mine_controller.devices import openmptcprouter, openwrt
from mine_controller.devices.kind import Ask, BadReply

SID = "c1ed6c7b025d0caca723a816fa61b668"
DUMP = {"interface": [{"interface": "wan", "up": True}]}
WANS = {"wans": [{"label": "LTE", "status": "OK", "latency": "42"}]}


def result(*parts):
    return told({"jsonrpc": "2.0", "id": 1, "result": list(parts)})


def params(request):
    return json.loads(request.body)["params"]


class Router:
    """A router that knows one user; `answers` by "object method"."""

    def __init__(self, password=CANARY, **answers):
        self.password, self.answers, self.called = password, answers, []

    def __call__(self, request):
        sid, thing, method, arguments = params(request)
        self.called.append(f"{thing} {method}")
        if method == "login":
            good = arguments["password"] == self.password
            return result(0, {"ubus_rpc_session": SID, "timeout": 300}) if good else result(6)
        if sid != SID:
            return told({"jsonrpc": "2.0", "id": 1, "error": {"code": -32002, "message": "Access denied"}})
        return self.answers.get(method, result(4))


def ask(module, router, memory=None, at_s=1000):
    options = build(module.__name__.rpartition(".")[2], "http://192.0.2.1")
    script = Script(router)
    replies = module.fetch(script.wire, options, Ask(memory=memory or {}, at_s=at_s))
    return module.parse(replies, options)


def test_one_login_before_and_one_logout_after():
    router = Router(dump=result(0, DUMP))
    (found,) = ask(openwrt, router)
    assert found.why == "the router only says that it is configured; add mwan3 or a kind `uplink`"
    assert router.called == ["session login", "network.interface dump", "mwan3 status", "session destroy"]


def test_a_wrong_password_is_told_in_words_and_not_by_name():
    with pytest.raises(BadReply, match="rpcd ACL") as refused:
        ask(openwrt, Router(password="another", dump=result(0, DUMP)))
    assert CANARY not in str(refused.value)


def test_a_router_that_falls_silent_half_way_still_is_logged_out_of():
    def silent(request):
        return router(request) if params(request)[2] != "dump" else lost()

    router = Router()
    with pytest.raises(openwrt._access.WireError):
        ask(openwrt, silent)
    assert router.called[-1] == "session destroy"


def test_the_heavy_status_is_asked_every_ten_minutes_and_the_light_one_between():
    router = Router(status=result(0, WANS), statusinterfaces=result(0, WANS))
    found = ask(openmptcprouter, router)
    memory = {each.channel: each.value for each in found if each.quantity == "memory"}
    assert memory == {"full": "1000"}
    ask(openmptcprouter, router, memory, 1599)
    assert router.called[-2] == "openmptcprouter statusinterfaces"
    ask(openmptcprouter, router, memory, 1600)
    assert router.called[-2] == "openmptcprouter status"


@pytest.mark.parametrize("heavy", [lost, lambda: result(7), lambda: told(b"<html>", status=504)])
def test_a_status_that_does_not_come_is_not_asked_again_at_once_and_the_light_one_stands_in(heavy):
    """Each tick would load the router for nothing, and its lines would be unknown for good."""

    def slow(request):
        return heavy() if params(request)[2] == "status" else router(request)

    router = Router(statusinterfaces=result(0, WANS))
    found = ask(openmptcprouter, slow)
    assert [each.value for each in found if (each.channel, each.quantity) == ("LTE", "link")] == ["up"]
    assert {each.channel: each.value for each in found if each.quantity == "memory"} == {"full": "1000"}
    assert router.called == ["session login", "openmptcprouter statusinterfaces", "session destroy"]


def test_the_heavy_status_has_the_time_it_takes_but_for_what_the_light_one_needs():
    limits = []

    def router_of(wire):
        def call(request, until):
            limits.append((params(request)[2], round(until - wire.now(), 1)))
            return wire.call(request, until)

        return wire._replace(call=call)

    router = Router(status=result(0, WANS))
    script = Script(router, budget_s=openmptcprouter.BUDGET_S)
    openmptcprouter.fetch(router_of(script.wire), build("openmptcprouter", "http://192.0.2.1"), Ask(at_s=1000))
    assert dict(limits)["status"] == pytest.approx(10.9, abs=0.2)


def test_an_uplink_may_not_name_another_channel():
    wans = {"wans": [{"label": "a/b:power_w", "status": "OK"}]}
    (found,) = ask(openmptcprouter, Router(status=result(0, wans)))[:1]
    assert "/" not in found.channel


def test_two_lines_with_one_label_are_no_line_and_each_is_told_by_its_name():
    rows = [
        {"label": "LTE", "name": "wan1", "status": "OK", "latency": "42"},
        {"label": "LTE", "name": "wan2", "status": "ERROR"},
        {"label": "Starlink", "name": "wan3", "status": "OK"},
    ]
    for wans in (rows, rows[::-1]):
        found = ask(openmptcprouter, Router(status=result(0, {"wans": wans})))
        told = {(one.channel, one.quantity): one.value for one in found if one.quantity != "memory"}
        assert told == {
            ("LTE", "link"): None,
            ("wan1", "link"): "up",
            ("wan1", "latency_ms"): 42.0,
            ("wan2", "link"): "down",
            ("Starlink", "link"): "up",
        }
        (why,) = (one.why for one in found if one.channel == "LTE")
        assert why == "two lines of the router are called so: give each a label of its own"


def test_a_line_that_is_called_like_the_bond_is_not_taken_for_it():
    said = {"wans": [{"label": "tunnel", "name": "wan1", "status": "OK"}], "openmptcprouter": {"tun_state": "DOWN"}}
    found = ask(openmptcprouter, Router(status=result(0, said)))
    assert [(one.channel, one.value) for one in found if one.quantity == "link"] == [("wan1", "up"), ("tunnel", "down")]


def watched(**more):
    seen = {"status": "online", "track_ip": [{"ip": "192.0.2.53", "status": "up", "latency": 41, "packetloss": 0}]}
    router = Router(dump=result(0, DUMP), status=result(0, {"interfaces": {"wan": seen | more}}))
    return [(one.quantity, one.value, one.why) for one in ask(openwrt, router)]


@pytest.mark.parametrize("more", [{}, {"running": True}, {"running": True, "tracking": "active"}])
def test_a_link_that_mwan3_watches_is_as_it_says(more):
    assert watched(**more) == [("link", "up", ""), ("latency_ms", 41, ""), ("loss_pct", 0, "")]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"running": False}, "mwan3 does not watch it now: what it says of it is old"),
        ({"running": False, "tracking": "down"}, "mwan3 does not watch it now: what it says of it is old"),
        (
            {"running": False, "tracking": "down", "status": "offline"},
            "mwan3 does not watch it now: what it says of it is old",
        ),
        (
            {"running": False, "tracking": "disabled", "track_ip": []},
            "mwan3 calls it online and has no track_ip to try",
        ),
    ],
)
def test_a_link_that_mwan3_does_not_watch_is_not_up_because_it_was(more, why):
    assert watched(**more) == [("link", None, why)]


DOWN = [{"ip": "192.0.2.53", "status": "down"}, {"ip": "192.0.2.54", "status": "skipped"}]


@pytest.mark.parametrize("status", ["online", "connecting"])
@pytest.mark.parametrize("score", [0, "0"])
def test_a_link_that_mwan3_calls_online_while_all_it_pings_fail_is_down(status, score):
    """Its word sticks after an ifup at score 0 (openwrt/packages issue 18087); the pings go on and are told."""
    assert watched(running=True, tracking="active", status=status, score=score, track_ip=DOWN) == [("link", "down", "")]


@pytest.mark.parametrize(
    ("score", "track_ip"),
    [
        (7, DOWN),  # a look or two missed: it goes by its own count
        (0, [*DOWN, {"ip": "192.0.2.55", "status": "up"}]),  # on its way back
        (0, [{"ip": "192.0.2.53", "status": "skipped"}]),
        (0, []),
        (None, DOWN),
    ],
)
def test_a_link_of_which_a_ping_may_come_back_is_as_mwan3_says(score, track_ip):
    told = watched(running=True, tracking="active", score=score, track_ip=track_ip)
    assert ("link", "up", "") in told


def test_a_link_whose_tracker_rests_because_it_is_offline_is_down():
    assert watched(running=False, tracking="paused", status="offline", track_ip=[]) == [("link", "down", "")]


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"gw_ping": "DOWN", "server_ping": ""}, None),
        ({"gw_ping": "DOWN", "server_ping": "", "state": ""}, None),
        ({"gw_ping": "DOWN", "server_ping": "", "state": "up"}, "up"),
        ({"gw_ping": "DOWN", "server_ping": "", "state": "down"}, "down"),
        ({"gw_ping": "UP", "server_ping": "DOWN", "state": "down"}, "down"),
        ({"gw_ping": "UP", "server_ping": "UP"}, "up"),
    ],
)
def test_a_warning_of_omr_is_up_only_where_somebody_answered_or_its_tracker_says_so(more, word):
    wans = {"wans": [{"label": "LTE", "status": "WARNING", "latency": "", **more}]}
    assert (
        next(one.value for one in ask(openmptcprouter, Router(statusinterfaces=result(0, wans), status=result(7))))
        == word
    )
