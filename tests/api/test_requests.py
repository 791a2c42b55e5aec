"""POST, PATCH and DELETE: what is filed, what comes of it, what is refused."""

import json
import threading

import pytest
from api.served import Served
from cli.agile import Home
from cli.home import Home as Shelf

from mine_controller.api import asks
from mine_controller.config.load import load
from mine_controller.core.model.command import Outcome
from mine_controller.ops import outcomes, replies
from mine_controller.ops.outcomes import NO_ANSWER
from mine_controller.store import query
from mine_controller.store.db import StoreTrouble
from mine_controller.store.stop import stop_requested

STRATEGY = "/api/settings/agile-solo-strategy"


def served_on(place, monkeypatch):
    def tick(_config):
        place.config = load(place.path)
        place.ticks()
        return replies.Started(0)

    monkeypatch.setattr(replies, "start_tick", tick)
    return Served(place)


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    home = Shelf(tmp_path)
    home.ticks(1, of=3)
    return served_on(home, monkeypatch)


@pytest.fixture
def attic(tmp_path, monkeypatch):
    home = Home(tmp_path)
    home.prices(15, 8, 25, 30, ticks=2)
    home.ticks(2)
    return served_on(home, monkeypatch)


def asked(served):
    return [(one.verb, *one.args) for one in served.place.requests()]


def mode(served):
    return query.ticks(served.place.config.paths, limit=1)[0].mode


def test_a_request_is_answered_with_its_number_and_a_tick_is_started(served):
    done = served.post("/api/debug/power-signal", {"value": "off", "for_s": 1800, "reason": "drill"})
    assert done.status_code == 202
    found = done.json()
    (one,) = served.place.requests()
    assert (found["request_id"], found["tick_started"]) == (one.id, True)
    assert (one.source, one.actor, one.tty, one.reason) == ("api", "token operate", "127.0.0.1", "drill")
    served.settle()
    assert mode(served) == "CURTAILED"


def test_wait_answers_what_came_of_it(served):
    done = served.post("/api/debug/power-signal?wait=1", {"value": "off", "for_s": 1800, "reason": "drill"})
    assert done.status_code == 200
    assert done.json()["outcome"][0]["verdict"] == "done"
    assert done.json()["tick"]["exit"] == 0


def test_what_the_tick_refuses_is_409_when_waited_for(served):
    served.place.ticks(1)
    done = served.post("/api/miners/bulk/disable?wait=1", {"ids": ["m001"], "reason": "hums"})
    assert done.status_code == 200
    again = served.post("/api/miners/bulk/disable", {"ids": ["m001"]})
    assert (again.status_code, again.json()["done"]) == (200, "it is so already")


def test_a_tick_that_could_not_be_had_leaves_the_request_filed(served, monkeypatch):
    monkeypatch.setattr(replies, "start_tick", lambda _config: replies.Started(70, "no config"))
    done = served.post(f"{STRATEGY}/execute?wait=1")
    assert done.status_code == 202
    assert done.json()["tick"] == {"exit": 70, "said": "no config"}
    assert done.json()["outcome"][0]["verdict"] is None


def test_what_the_tick_at_work_has_taken_is_done_and_its_answers_are_waited_for(shelf, monkeypatch):
    """A tick may be at work most of the time: that nothing was done by another one is no word about the request."""

    def busy(_config):
        shelf.place.ticks()
        return replies.Started(replies.BUSY, "minectl: another tick runs; nothing was done")

    late = [{"miner": "b01", "verb": "restart", "why": NO_ANSWER}]
    looks = iter([late, late, [late[0] | {"why": ""}]])
    monkeypatch.setattr(replies, "start_tick", busy)
    monkeypatch.setattr(asks, "outcomes", lambda *_: next(looks))
    monkeypatch.setattr(outcomes.time, "sleep", lambda _s: None)
    done = shelf.post("/api/miners/b01/restart?wait=1")
    found = done.json()
    assert (done.status_code, found["outcome"][0]["verdict"]) == (200, "done")
    assert found["tick"] == {"exit": 75, "said": "the tick that was at work took it"}
    assert found["outcomes"][0]["why"] == ""


def test_a_fault_of_one_tick_does_not_end_the_starting_of_ticks(served, monkeypatch):
    def broken(_config):
        raise RuntimeError("bug")

    with monkeypatch.context() as once:
        once.setattr(replies, "start_tick", broken)
        assert served.post(f"{STRATEGY}/execute?wait=1").json()["tick"]["exit"] == 1
    assert served.post(f"{STRATEGY}/execute?wait=1").json()["tick"]["exit"] == 0


def test_requests_that_come_while_a_tick_is_at_work_share_the_next(served, monkeypatch):
    began, may_end, ticks = threading.Event(), threading.Event(), []

    def slow(_config):
        ticks.append(1)
        began.set()
        assert may_end.wait(30)
        return replies.Started(0)

    monkeypatch.setattr(replies, "start_tick", slow)
    served.post(f"{STRATEGY}/execute")
    assert began.wait(30)
    for _ in range(5):
        served.post(f"{STRATEGY}/execute")
    may_end.set()
    served.settle()
    assert len(ticks) <= 3


def test_true_is_no_number_and_a_filter_without_words_names_nobody(served):
    body = {"key": "max_power_kw", "value": True, "reason": "x"}
    assert served.post("/api/debug/raw-state", body).status_code == 422
    assert served.post("/api/debug/fans", {"value": True, "reason": "x"}).status_code == 422
    nobody = served.post("/api/miners/bulk/disable", {"filter": {}, "reason": "x"})
    assert (nobody.status_code, nobody.json()["error"][:7]) == (422, "say who")
    assert served.place.requests() == ()


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("power-signal", {"value": "maybe", "reason": "x"}, "signal is one of"),
        ("power-signal", {"value": "run", "stand_in": True, "site": "other", "reason": "x"}, "needs the site's name"),
        ("fans", {"fan.12": "on", "reason": "x"}, "there is no fan '12'"),
        ("miners", {"miner.zz": "stop", "reason": "x"}, "there is no miner 'zz'"),
        ("temperature", {"value": 900, "reason": "x"}, "between -40 and 80"),
        ("raw-state", {"key": "bogus", "value": "1", "reason": "x"}, "can't be set"),
        ("raw-state", {"key": "grid_hz", "value": 50, "reason": "x"}, "nothing in [wiring] provides grid_hz"),
    ],
)
def test_what_can_not_be_is_told_at_once_and_files_nothing(served, path, body, said):
    done = served.post(f"/api/debug/{path}", body)
    assert done.status_code == 409
    assert said in done.json()["error"]
    assert served.place.requests() == ()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/debug/power-signal", {"value": "off"}),
        ("/api/debug/power-signal", {"value": "off", "reason": ""}),
        ("/api/debug/power-signal", {"value": "off", "reason": "a\nb"}),
        ("/api/debug/power-signal", {"value": "off", "reason": "x", "for_s": -1}),
        ("/api/debug/power-signal", {"value": "off", "reason": "x", "what": 1}),
        ("/api/debug/fans", {"reason": "x"}),
        ("/api/debug/fans", {"miners": "stop", "reason": "x"}),
        ("/api/debug/temperature", {"signal": "run", "reason": "x"}),
        ("/api/debug/raw-state", {"key": "signal", "value": {"a": 1}, "reason": "x"}),
        ("/api/miners/bulk/restart", {}),
        ("/api/miners/bulk/restart", {"ids": ["m001"], "filter": {"all": True}}),
        ("/api/miners/bulk/mode", {"ids": ["m001"], "mode": "eco\nx"}),
        ("/api/discover", {"subnet": "8.8.8.0/24"}),
        ("/api/discover", {"subnet": "10.0.0.0/8"}),
        ("/api/discover", {"subnet": "--add"}),
        ("/api/pools", {"name": "a]\n[site", "url": "stratum+tcp://a:1", "wallet": "w"}),
        ("/api/pools", {"name": "a", "url": "stratum+tcp://a:1\n[site]", "wallet": "w"}),
        ("/api/pools", {"name": "a", "url": "stratum+tcp://a:1", "wallet": "w\ud800"}),
    ],
)
def test_what_is_not_understood_is_422_and_touches_nothing(served, path, body):
    before = served.place.path.read_bytes()
    sent = json.dumps(body)  # a lone surrogate goes over the line as an escape
    done = served.post(path, role="admin", content=sent, headers={"Content-Type": "application/json"})
    assert done.status_code == 422
    assert done.json()["error"]
    assert served.place.requests() == ()
    assert served.place.path.read_bytes() == before


def test_sec4_a_temperature_set_over_http_frees_nothing(served):
    """SEC4, C42"""
    done = served.post("/api/debug/temperature?wait=1", {"value": 10, "for_s": 600, "reason": "try"})
    assert done.status_code == 200
    assert any("frees" in note for note in done.json()["notes"])


def test_for_whom_and_how_long(served):
    served.post("/api/debug/miners?wait=1", {"miner.m001": "stop", "miner.m002": "stop", "for_s": 60, "reason": "x"})
    assert asked(served) == [("set-state", "miner.m001", "stop"), ("set-state", "miner.m002", "stop")]
    assert all(0 < one.until - one.at <= 60 for one in served.place.requests())


def test_the_emergency_stop_is_a_file_with_who_and_why(served):
    done = served.post("/api/debug/emergency-shutdown?wait=1", {"reason": "smoke"})
    assert done.json()["stop"] is True
    assert stop_requested(served.place.config.paths) == "token operate (127.0.0.1): smoke"
    assert mode(served) == "EMERGENCY"


def test_the_emergency_stop_needs_no_database(served, monkeypatch):
    def full(*_args, **_more):
        raise StoreTrouble("full", "the disk is full")

    monkeypatch.setattr("mine_controller.api.asks.file_requests", full)
    assert served.post("/api/debug/emergency-shutdown").status_code == 202
    assert stop_requested(served.place.config.paths) is not None
    assert served.post("/api/debug/fans", {"fan.3": "on", "reason": "x"}).status_code == 503
    served.settle()


# -- miners ---------------------------------------------------------------------------------------------------------


def test_restart_reaches_the_unit_through_a_tick(shelf):
    done = shelf.post("/api/miner/127.77.1.2/restart?wait=1", {"reason": "hangs"})
    assert done.status_code == 200
    assert shelf.place.plant.sent == [("b02", "restart", "")]
    assert shelf.post("/api/miners/n01/restart").status_code in (202, 409)


def test_who_waits_hears_what_the_miner_was_told_and_not_only_that_it_was_asked_for(shelf):
    first = shelf.post("/api/miners/b02/restart?wait=1").json()
    assert [(one["miner"], one["verb"], one["verdict"]) for one in first["outcomes"]] == [("b02", "restart", "applied")]
    shelf.post("/api/miners/bulk/mode?wait=1", {"ids": ["b01"], "mode": "eco"})
    shelf.place.ticks(3)
    second = shelf.send("PATCH", "/api/miners/b01?wait=1", {"mode": "turbo"}).json()
    assert second["outcome"][0]["verdict"] == "done"
    (told,) = second["outcomes"]
    assert (told["miner"], told["verdict"]) == ("b01", "waits")
    assert told["why"].startswith("its flash memory is written at most every 25 min")
    line = shelf.send("PATCH", "/api/miners/b01?wait=1", {"name": "Attic"}, "admin").json()
    assert "outcomes" not in line, "of a line of fleet.csv no miner is told"


def test_a_mode_for_many_is_wanted_until_changed(shelf):
    done = shelf.post("/api/miners/bulk/mode?wait=1", {"filter": {"row": "a"}, "mode": "eco", "reason": "quiet"})
    assert done.status_code == 200
    assert asked(shelf) == [("set-state", "mode.b01", "eco"), ("set-state", "mode.b02", "eco")]


def test_a_mode_that_some_do_not_have_is_told_of_them_and_filed_for_the_others(shelf):
    done = shelf.post("/api/miners/bulk/mode?wait=1", {"filter": {"row": "b"}, "mode": "eco"})
    assert done.status_code == 200
    assert "takes no mode" in done.json()["cannot"]["n01"]
    assert asked(shelf) == [("set-state", "mode.b03", "eco")]
    before = shelf.place.fleet.read_bytes()
    done = shelf.send("PATCH", "/api/miners/b01", {"name": "x", "pool": "nope"}, "admin")
    assert (done.status_code, shelf.place.fleet.read_bytes()) == (409, before)


def test_disable_and_enable(shelf):
    shelf.post("/api/miners/bulk/disable?wait=1", {"ids": ["b01", "127.77.1.3"], "reason": "dust"})
    held = {one["id"] for one in shelf.get("/api/miners").json()["miners"] if one["quarantine"]}
    assert held == {"b01", "b03"}
    shelf.post("/api/miners/bulk/enable?wait=1", {"filter": {"all": True}})
    assert not [one for one in shelf.get("/api/miners").json()["miners"] if one["quarantine"]]


def test_on_for_one_who_is_held_with_everybody_says_what_ends_it(shelf):
    shelf.post("/api/debug/miners?wait=1", {"miners": "stop", "for_s": 600, "reason": "visit"})
    for done in (
        shelf.send("PATCH", "/api/miners/b01", {"enabled": True}),
        shelf.post("/api/miners/bulk/enable", {"ids": ["b01"]}),
    ):
        body = done.json()
        assert "done" not in body
        assert body["notes"] == [
            'still held by miners: b01; `minectl clear-state "miners"` ends it for all that it holds'
        ]


def test_off_for_a_unit_that_nothing_can_stop_is_409_with_what_helps(shelf):
    for done in (
        shelf.send("PATCH", "/api/miners/n01?wait=1", {"enabled": False}),
        shelf.post("/api/miners/bulk/disable", {"ids": ["n01"]}),
    ):
        assert (done.status_code, "n01 (nmminer top) has no stop" in done.json()["error"]) == (409, True)
    assert asked(shelf) == []
    done = shelf.post("/api/miners/bulk/disable?wait=1", {"filter": {"row": "b"}})
    assert (done.status_code, list(done.json()["cannot"])) == (200, ["n01"])


def test_off_for_a_unit_that_nobody_answers_as_is_filed_with_a_note(shelf):
    shelf.place.plant.silent.add("b02")
    shelf.place.ticks(10)
    note = "b02: nobody answers as this unit; it is stopped when it does"
    done = shelf.send("PATCH", "/api/miners/b02?wait=1", {"enabled": False})
    assert (done.status_code, done.json()["notes"]) == (200, [note])
    assert shelf.send("PATCH", "/api/miners/b02?wait=1", {"enabled": True}).json().get("notes") is None
    assert shelf.post("/api/miners/bulk/disable", {"ids": ["b01", "b02"]}).json()["notes"] == [note]


def test_off_for_a_unit_that_has_said_that_it_knows_no_stop_is_filed_with_a_note(shelf, monkeypatch):
    place, real = shelf.place, shelf.place._told

    def told(command):
        none = command.verb == "stop" and command.target == "miner b02"
        return Outcome(command.id, "unsupported", "", None, place.plant.now) if none else real(command)

    monkeypatch.setattr(place, "_told", told)
    first = shelf.send("PATCH", "/api/miners/b02?wait=1", {"enabled": False})
    assert (first.status_code, first.json().get("notes")) == (200, None)
    for off in (
        lambda: shelf.send("PATCH", "/api/miners/b02?wait=1", {"enabled": False}),
        lambda: shelf.post("/api/miners/bulk/disable", {"ids": ["b01", "b02"]}),
    ):
        shelf.send("PATCH", "/api/miners/b02?wait=1", {"enabled": True})
        [note] = off().json()["notes"]
        assert note.startswith("b02 (bitaxe shelf) has said that it knows no stop over the network")


def test_nobody_meant_is_404(shelf):
    assert shelf.post("/api/miners/bulk/restart", {"ids": ["zz"]}).status_code == 404
    assert shelf.post("/api/miners/bulk/restart", {"filter": {"model": "S19"}}).status_code == 404


def test_a_line_of_the_fleet_is_changed_and_the_rest_stays_byte_for_byte(shelf):
    before = shelf.place.fleet.read_text()
    done = shelf.send("PATCH", "/api/miners/b02?wait=1", {"name": "Right, top", "row": "c", "mode": "eco"}, "admin")
    assert done.status_code == 200
    after = shelf.place.fleet.read_text()
    assert after == before.replace("bitaxe shelf,,a,", 'bitaxe shelf,"Right, top",c,', 1)
    assert ("set-state", "mode.b02", "eco") in asked(shelf)
    assert ("config", "fleet.csv b02 row", "a", "c") in asked(shelf)


def test_changing_the_list_takes_an_admin_and_wishes_do_not(shelf):
    before = shelf.place.fleet.read_bytes()
    assert shelf.send("PATCH", "/api/miners/b02", {"name": "x"}).status_code == 403
    assert shelf.send("DELETE", "/api/miners/b02").status_code == 403
    assert shelf.place.fleet.read_bytes() == before
    assert shelf.send("PATCH", "/api/miners/b02?wait=1", {"enabled": False, "reason": "x"}).status_code == 200
    assert asked(shelf) == [("quarantine", "b02")]


def test_a_change_that_does_not_check_is_told_and_not_made(shelf):
    before = shelf.place.fleet.read_bytes()
    done = shelf.send("PATCH", "/api/miners/b02", {"outlet": "redfish nope/A1"}, "admin")
    assert done.status_code in (409, 422)
    assert shelf.place.fleet.read_bytes() == before


def test_a_miner_is_taken_out_by_its_address(shelf):
    done = shelf.send("DELETE", "/api/miner/127.77.1.3", role="admin")
    assert done.status_code == 202
    assert "b03" not in shelf.place.fleet.read_text()
    assert asked(shelf)[0] == ("config", "fleet.csv b03", "02:77:00:00:00:03 in bitaxe shelf", "")
    shelf.settle()


def test_profiles_are_saved_listed_and_put_on_miners(shelf):
    done = shelf.post("/api/profiles", {"name": "quiet", "from_id": "b01", "fan": "auto"}, "admin")
    assert (done.status_code, done.json()["frequency_mhz"]) == (201, 525)
    assert shelf.get("/api/profiles").json()["profiles"][0]["name"] == "quiet"
    assert shelf.post("/api/profiles", {"name": "quiet", "from_id": "b01"}, "admin").status_code == 409
    done = shelf.post("/api/profiles/quiet/apply?wait=1", {"ids": ["b02", "n01"]})
    assert done.status_code == 200
    assert "n01" in done.json()["cannot"]
    assert shelf.post("/api/profiles/nope/apply", {"ids": ["b02"]}).status_code == 404


# -- bands and pools ------------------------------------------------------------------------------------------------


def test_the_strategy_is_forced_on_and_off(attic):
    assert attic.post(f"{STRATEGY}/disable?wait=1", {"reason": "holiday"}).status_code == 200
    found = attic.get(STRATEGY).json()
    assert found["enabled"] is False
    assert "holiday" in found["reason"]
    assert attic.post(f"{STRATEGY}/enable?wait=1").status_code == 200
    assert attic.get(STRATEGY).json()["enabled"] is True


def test_a_band_is_changed_by_the_names_scripts_know(attic):
    body = {"max_price": 18.5, "target_coin": "BTC", "bitaxe_mode": "standard", "avalon_nano_mode": ""}
    done = attic.send("PATCH", f"{STRATEGY}/bands/2?wait=1", body, "admin")
    assert done.status_code == 200
    text = attic.place.path.read_text()
    assert "[band 2]\nmax_price = 18.5\ncoin = BTC\nmodes = bitaxe standard, nerdqaxe eco\n" in text
    assert "# nights and other half-price hours" in text
    assert ("config", "band 2.max_price", "20", "18.5") in asked(attic)


def test_a_band_that_would_not_check_stays(attic):
    before = attic.place.path.read_bytes()
    done = attic.send("PATCH", f"{STRATEGY}/bands/2", {"max_price": 5}, "admin")
    assert (done.status_code, attic.place.path.read_bytes()) == (422, before)
    assert "[band" in done.json()["problems"][0]
    assert attic.send("PATCH", f"{STRATEGY}/bands/9", {"max_price": 5}, "admin").status_code == 404
    assert attic.send("PATCH", f"{STRATEGY}/bands/2", {"max_price": 5}).status_code == 403
    assert attic.post(f"{STRATEGY}/bands/reset").status_code == 403


def test_the_five_bands_of_the_start_come_back(attic):
    assert attic.post(f"{STRATEGY}/bands/reset?wait=1", role="admin").status_code == 200
    assert len(attic.get(f"{STRATEGY}/bands").json()["bands"]) == 5


def test_prices_are_asked_for_by_a_tick(attic):
    assert attic.post("/api/energy/update-prices?wait=1").status_code == 200
    assert asked(attic) == [("tick", "prices")]


def test_a_pool_comes_changes_and_goes_and_its_password_is_never_told(attic):
    new = {"name": "solo", "url": "stratum+tcp://solo.example", "port": 3333, "wallet": "w1", "password": "pwcanary"}
    done = attic.post("/api/pools?wait=1", new | {"coin": "BCH"}, "admin")
    assert done.status_code == 200
    assert "pwcanary" not in done.text
    text = attic.place.path.read_text()
    assert "[pool solo]\nurl = stratum+tcp://solo.example:3333\nuser = w1\npassword = pwcanary\ncoin = BCH\n" in text
    assert attic.post("/api/pools", new, "admin").status_code == 409
    assert attic.send("PATCH", "/api/pools/solo?wait=1", {"port": 4444, "coin": ""}, "admin").status_code == 200
    assert "url = stratum+tcp://solo.example:4444\nuser = w1\npassword = pwcanary\n" in attic.place.path.read_text()
    assert attic.send("DELETE", "/api/pools/solo?wait=1", role="admin").status_code == 200
    assert "solo" not in attic.place.path.read_text()
    assert "pwcanary" not in str(attic.place.requests())
    told = [one.args for one in attic.place.requests() if one.args[0] == "pool solo.user"]
    assert told in ([], [("pool solo.user", "", "***"), ("pool solo.user", "***", "")]), "nobody reads a wallet back"
    assert "w1" not in attic.get("/api/audit").text


def test_a_pool_that_others_name_can_not_go(attic):
    done = attic.send("DELETE", "/api/pools/btc", role="admin")
    assert done.status_code == 422
    assert "btc" in done.json()["problems"][0]
    assert attic.send("DELETE", "/api/pools/nope", role="admin").status_code == 409
