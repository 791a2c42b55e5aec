"""What twin miners say to raw requests: codes, refusals, delays and shapes by make and firmware."""

import json
import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twin.lan import HOST, MAC, MAIN, SERIAL, options, rig_of
from twin.units import CASES, cg, get, guarded_xmrig, tree

from mine_controller.core.model.command import ACCEPTED
from mine_controller.devices import nmminer as nmminer_driver
from mine_controller.devices.kind import Reply
from mine_controller.twin.answer import asked
from mine_controller.twin.servers import (
    antminer,
    avalon,
    bitaxe,
    cgminer,
    nerdqaxe,
    nmminer,
    whatsminer,
    whatsminer_v3,
    xmrig,
)
from mine_controller.wire import cgminer as words


def test_the_boards_show_their_page_to_whoever_looks_for_them():
    assert b"AxeOS" in get(bitaxe.Unit(rig_of(bitaxe.FACTS)), "/").body
    assert b"Nerd" in get(nerdqaxe.Unit(rig_of(nerdqaxe.FACTS)), "/").body
    assert get(antminer.Unit(rig_of(antminer.FACTS)), "/").headers["WWW-Authenticate"].startswith("Digest realm=")
    assert get(bitaxe.Unit(rig_of(bitaxe.FACTS)), "/api/none").status == 404


def test_bitaxe_flags_are_numbers_in_old_and_words_in_new_firmware():
    old, new = (
        tree(get(bitaxe.Unit(rig_of(bitaxe.FACTS, firmware=v)), "/api/system/info")) for v in ("v2.4.5", "v2.14.0")
    )
    assert (old["overheat_mode"], old["isUsingFallbackStratum"]) == (0, 0)
    assert "miningPaused" not in old
    assert (new["overheat_mode"], new["miningPaused"]) == (False, False)
    assert type(new["overheat_mode"]) is bool
    assert type(old["bestDiff"]) is str
    assert type(new["bestDiff"]) is int


@pytest.mark.parametrize("body", [{"frequency": "fast"}, {"overheat_mode": 1}, {"manualFanSpeed": 300}])
def test_a_bitaxe_says_400_to_what_it_cant_set(body):
    unit = bitaxe.Unit(rig_of(bitaxe.FACTS))
    answer = get(unit, "/api/system", method="PATCH", body=body)
    assert (answer.status, answer.body) == (400, b"Wrong API input")
    assert get(unit, "/api/system", method="PATCH").body == b"Invalid JSON"
    assert unit.rig.mode == "standard"


def test_a_bitaxe_with_a_list_of_pools_takes_one_by_its_number():
    unit = bitaxe.Unit(rig_of(bitaxe.FACTS, firmware="v2.15.0"))
    body = {"stratumURL": "new.example", "stratumPort": 1234, "stratumUser": "me"}
    assert get(unit, "/api/system/pools/1", method="PUT", body=body).status == 200
    assert unit.rig.pools[1] == ("stratum+tcp://new.example:1234", "me")
    assert tree(get(unit, "/api/system/info"))["pools"][1]["stratumURL"] == "new.example"
    old = bitaxe.Unit(rig_of(bitaxe.FACTS))
    assert get(old, "/api/system/pools/1", method="PUT", body=body).status == 404


def test_a_nerdqaxe_with_one_time_codes_changes_no_setting_without_one():
    unit = nerdqaxe.Unit(rig_of(nerdqaxe.FACTS), otp=True)
    change = {"frequency": 480, "coreVoltage": 1080}
    assert get(unit, "/api/v2/settings", method="PATCH", body=change).status == 401
    assert unit.rig.mode == "standard"
    assert get(unit, "/api/v2/settings", method="PATCH", body=change, X_TOTP="123456").status == 200
    assert unit.rig.mode == "eco"
    assert get(unit, "/api/system/shutdown", method="POST").status == 200
    assert unit.rig.stopped


def test_a_nerdqaxe_takes_the_lists_of_its_newer_interface():
    unit = nerdqaxe.Unit(rig_of(nerdqaxe.FACTS))
    body = {"pools": [{"url": "new.example", "port": 1, "user": "me"}], "fans": [{"mode": 0, "manualSpeed": 55}]}
    assert get(unit, "/api/v2/settings", method="PATCH", body=body).status == 200
    assert unit.rig.pools[0] == ("stratum+tcp://new.example:1", "me")
    assert unit.rig.fan_set == 55
    assert tree(get(unit, "/api/v2/settings"))["pools"][0]["url"] == "new.example"


@pytest.mark.parametrize("name", ["avalon Q", "avalon Nano3s"])
def test_avalon_work_modes_go_by_number(name):
    unit = CASES[name].lan().unit
    assert words.status(cg(unit, "ascset", "0,workmode,set,0")).text == "ASC 0 set OK"
    assert unit.rig.mode == next(iter(unit.rig.modes))
    assert words.status(cg(unit, "ascset", "0,workmode,get")).text.endswith("workmode 0")
    refused = words.status(cg(unit, "ascset", "0,workmode,set,7"))
    assert (refused.letter, refused.code) == ("E", 120)
    assert "not support set workmode" in refused.text
    unit.calibrating = True
    assert "permit" in words.status(cg(unit, "ascset", "0,workmode,set,1")).text


def test_an_avalon_obeys_at_a_moment_of_its_own_clock():
    unit = CASES["avalon Q"].lan().unit
    when = words.status(cg(unit, "version")).when
    told = words.status(cg(unit, "ascset", f"0,softoff,1:{when + 5}"))
    assert (told.letter, told.code, told.text) == ("I", 118, f"ASC 0 set info: success softoff:{when + 5}")
    unit.rig.advance(4.9)
    assert not unit.rig.stopped
    unit.rig.advance(5)
    assert unit.rig.stopped
    text = cg(unit, "litestats", at_s=60.0)["STATS"][0]["MM ID0:Summary"]
    assert "Work: In Idle" in text
    assert "SoftOFF[4]" in text
    assert "GHSspd[0.00]" in text
    assert "TMax[0]" in text


@pytest.mark.parametrize(
    ("name", "request_", "code"),
    [
        ("avalon Nano3s", "0,softoff,1:1", 120),
        ("avalon Nano3s", "0,led,1-1", 120),
        ("avalon Q", "0,hashpower,0", 120),
        ("avalon Q", "1,softoff,1:1", 107),
        ("avalon Q", "0,fan-spd,5", 120),
        ("avalon 1346", "0,workmode,9", 120),
    ],
)
def test_an_avalon_says_no_to_what_its_model_does_not_know(name, request_, code):
    unit = CASES[name].lan().unit
    status = words.status(cg(unit, "ascset", request_))
    assert (status.letter, status.code) == ("E", code)
    assert not unit.rig.stopped


def test_an_avalons_fan_light_and_reboot():
    unit = CASES["avalon 15-194"].lan().unit
    assert words.status(cg(unit, "ascset", "0,fan-spd,80")).code == 119
    assert unit.rig.fan_set == 80
    assert words.status(cg(unit, "ascset", "0,fan-spd,-1")).code == 119
    assert unit.rig.fan_set is None
    assert words.status(cg(unit, "ascset", "0,led,1-1")).text.endswith("LED[1]")
    assert unit.rig.light
    assert unit.talk(b"ascset|0,reboot,0", 1.0) == b""
    assert unit.talk(b"version", 2.0) == b""
    assert unit.rig.restarts == 1


def test_a_nano_3_names_itself_by_its_hash_board_alone():
    unit = avalon.Unit(rig_of(avalon.MODELS["Nano3"]))
    version = words.row(cg(unit, "version"), "VERSION")
    assert version["PROD"] == "Avalonnano"
    assert not {"MAC", "DNA"} & version.keys()
    assert f"DNA[0000000000000000] HDNA[{SERIAL}]" in words.row(cg(unit, "estats"), "STATS")["MM ID0"]


@pytest.mark.parametrize(
    ("name", "command", "parameter"),
    [
        ("avalon 1066", "ascset", "0,setpool,root,root,{},{},x"),
        ("avalon 15-194", "ascset", "0,setpool,root,root,0,{},{},x"),
        ("avalon Q", "setpool", "admin,admin,0,{},{},x"),
        ("avalon Nano3s", "setpool", "admin,admin,0,{},{},x"),
    ],
)
def test_an_avalons_new_pool_waits_for_its_reboot_and_repeats_the_password(name, command, parameter):
    unit = CASES[name].lan().unit
    status = words.status(cg(unit, command, parameter.format("stratum+tcp://new.example:1", "me")))
    assert status.good
    assert "workerpassword is x" in status.text
    assert "reboot" in status.text
    assert unit.rig.pools[0] == MAIN
    unit.talk(words.request("ascset", "0,reboot,0"), 1.0)
    unit.rig.advance(200)
    assert unit.rig.pools[0] == ("stratum+tcp://new.example:1", "me")
    guess = re.sub("(root|admin),(root|admin)", r"\1,guess", parameter.format("a", "b"))
    wrong = words.status(cg(unit, command, guess, 200.0))
    own = command == "setpool"
    assert (wrong.letter, wrong.text) == (
        "E",
        "Pool set error: userpass err" if own else "Auth Failed! password invalid!",
    )


def test_the_cgminer_api_knows_its_codes():
    unit = cgminer.Unit(rig_of(cgminer.FACTS))
    codes = [
        words.status(cg(unit, *request)).code
        for request in [("dance",), ("switchpool", "9"), ("switchpool", "1"), ("ascdisable", "4"), ("addpool", "x")]
    ]
    assert codes == [14, 26, 27, 107, 53]
    assert unit.rig.first_pool == 1
    assert words.status(words.read(unit.talk(b"{nonsense", 0.0))).code == 23
    assert words.sections(cg(unit, "summary+pools")).keys() == {"summary", "pools"}
    assert cg(unit, "check", "ascdisable")["CHECK"] == [{"Exists": "Y", "Access": "Y"}]
    assert words.status(cg(unit, "restart")).text == "RESTART"


def test_a_pool_with_a_comma_in_its_user_is_added_and_switched_to():
    unit = cgminer.Unit(rig_of(cgminer.FACTS))
    parameter = ",".join(map(words.escaped, ("stratum+tcp://new.example:1", "me,too", "x")))
    assert words.status(cg(unit, "addpool", parameter)).code == 55
    assert unit.rig.pools[2] == ("stratum+tcp://new.example:1", "me,too")
    assert words.status(cg(unit, "switchpool", "2")).code == 27
    active = [row["POOL"] for row in cg(unit, "pools")["POOLS"] if row["Stratum Active"]]
    assert active == [2]


def test_text_and_json_tell_the_same():
    unit = cgminer.Unit(rig_of(cgminer.FACTS))
    text = words.row(words.read(unit.talk(words.text_request("summary"), 0.0)), "SUMMARY")
    plain = words.row(cg(unit, "summary"), "SUMMARY")
    assert text.keys() == plain.keys()
    assert words.number(text["MHS 5s"]) == pytest.approx(plain["MHS 5s"])


def test_an_antminers_api_only_reads_and_its_meter_is_a_matter_of_the_model():
    unit = antminer.Unit(rig_of(antminer.FACTS))
    assert words.status(cg(unit, "devdetails")).text == "Access denied to 'devdetails' command"
    assert words.status(cg(unit, "restart")).code == 45
    new = words.read(unit.talk(b'{"command":"stats","new_api":true}', 0.0))
    assert new["STATS"][0]["miner-mode"] == 0
    assert unit.power(asked("GET", "/miner_power", {}), 0.0).body == b"error 6060 cmd"
    metered = antminer.Unit(rig_of(antminer.FACTS), meter=True)
    assert metered.power(asked("GET", "/miner_power", {}), 0.0).body == b"miner power:3050"


def test_a_whatsminers_token_is_good_for_half_an_hour():
    case = CASES["whatsminer"]
    lan = case.lan()
    sent = []
    talk = lan.unit.talk
    lan.unit.talk = lambda request, at_s: sent.append(request) or talk(request, at_s)
    assert lan.tell(case.driver, case.options, "locate", "on").verdict == ACCEPTED
    again = next(request for request in sent if b'"enc"' in request)
    lan.unit.rig.light = False
    assert b'"enc"' in talk(again, lan.clock + 60)
    assert words.status(words.read(talk(again, lan.clock + 1900))).code == 135
    assert words.status(words.read(talk(b'{"enc":1,"data":"AAAA"}', lan.clock))).code == 23


def test_a_frame_that_is_none_ends_the_connection():
    unit = whatsminer_v3.Unit(rig_of(whatsminer.FACTS))
    assert [unit.talk(raw, 0.0) for raw in (b"", b"\xff\xff\xff\xff{}", b"\x02\0\0\0[", b"GET / HTTP/1.1\r\n\r\n")] == [
        b""
    ] * 4
    answer = unit.talk(whatsminer_v3.framed(b'{"cmd":"get.miner.dance"}'), 0.0)
    assert json.loads(answer[4:])["code"] == -2


def test_an_old_nmminer_sends_datagrams_and_hears_settings():
    unit = nmminer.Unit(rig_of(nmminer.FACTS, firmware="v1.6.03"))
    rig = unit.rig
    reply = Reply(f"{HOST} udp", 200, {"mac": MAC}, unit.datagram(5.0))
    found = {
        (each.channel, each.quantity): each.value for each in nmminer_driver.parse((reply,), options(nmminer_driver))
    }
    assert found[MAC, "word"] == "hashing"
    assert found[MAC, "hashrate_ths"] == pytest.approx(rig.rate_ths(), rel=0.06)
    assert found[MAC, "chip_c"] is None  # its board has no sensor
    unit.hear(json.dumps({"IP": "127.0.1.99", "PrimaryPool": "x:1"}).encode(), 6.0)
    unit.hear(b"\xff", 6.0)
    unit.hear(json.dumps({"IP": HOST, "PrimaryPool": "stratum+tcp://new.example:1"}).encode(), 6.0)
    rig.do("restart")
    assert unit.datagram(7.0) == b""
    assert json.loads(unit.datagram(60.0))["PoolInUse"] == "new.example:1"
    assert get(unit, "/api/system/info", 60.0).status == 404
    assert tree(get(unit, "/data", 60.0))["pool"] == "new.example:1"


def test_a_new_nmminer_stores_part_of_its_pools_and_restarts_after_its_answer():
    unit = nmminer.Unit(rig_of(nmminer.FACTS))
    answer = get(unit, "/api/setting/mining", method="POST", body={"PrimaryAddress": "someone"})
    assert (answer.status, answer.body) == (200, b"OK")
    assert get(unit, "/api/setting/mining", method="POST").status == 400
    assert tree(get(unit, "/api/system/restart", method="POST")) == {"status": "ok"}
    unit.rig.advance(0.5)
    assert unit.rig.api() == "up"
    unit.rig.advance(30)
    assert unit.rig.pools[0] == (MAIN[0], "someone")
    assert tree(get(unit, "/probe", 30.0))["hostname"] == SERIAL
    assert unit.datagram(30.0) == b""


def test_an_xmrig_tells_apart_no_token_a_wrong_one_and_restriction():
    unit = guarded_xmrig(rig_of(xmrig.FACTS))
    call = {"jsonrpc": "2.0", "id": 1, "method": "pause"}
    good = {"authorization": "Bearer word"}
    json_ = {"content_type": "application/json"}
    assert get(unit, "/2/summary").status == 401
    assert get(unit, "/2/summary", authorization="Bearer guess").status == 403
    assert get(unit, "/json_rpc", method="POST", body=call, **good).status == 415
    unknown = get(unit, "/json_rpc", method="POST", body={**call, "method": "dance"}, **good, **json_)
    assert tree(unknown)["error"]["code"] == -32601
    unit.rig.refuses = True
    assert get(unit, "/json_rpc", method="POST", body=call, **good, **json_).status == 403
    assert tree(get(unit, "/2/summary", **good))["restricted"] is True
    assert not unit.rig.stopped


def test_an_xmrig_that_was_ended_resumes_only_after_its_program_starts_again():
    unit = xmrig.Unit(rig_of(xmrig.FACTS))
    json_ = {"content_type": "application/json"}
    for method in ("stop", "resume"):
        get(unit, "/json_rpc", method="POST", body={"id": 1, "method": method}, **json_)
    unit.rig.advance(60)
    assert unit.rig.stopped
    unit.rig.do("restart")
    unit.rig.advance(120)
    assert not unit.rig.stopped
    assert tree(get(unit, "/2/summary", 120.0))["hashrate"]["total"][2] is None


def test_an_xmrigs_pools_are_one_document():
    unit = xmrig.Unit(rig_of(xmrig.FACTS))
    json_ = {"content_type": "application/json"}
    config = tree(get(unit, "/1/config"))
    config["pools"] = [{"url": "new.example:1", "user": "me"}]
    assert get(unit, "/1/config", method="PUT", body=config, **json_).status == 204
    assert unit.rig.pools == [("stratum+tcp://new.example:1", "me")]
    assert tree(get(unit, "/2/summary"))["connection"]["pool"] == "new.example:1"
    assert get(unit, "/1/config", method="PUT", body={"pools": [{}]}, **json_).status == 400


TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)
KEYS = (
    *("pools", "fans", "frequency", "coreVoltage", "autofanspeed", "manualFanSpeed", "stratumURL", "primaryPoolIndex"),
    *("overheat_mode", "blink", "miner-mode", "bitmain-fan-ctrl", "bitmain-fan-pwm", "method", "PrimaryPool"),
    *("cmd", "command", "param", "parameter", "data", "token"),
)
BODIES = st.dictionaries(st.sampled_from(KEYS), TREES, max_size=4) | TREES
WEB = [
    (bitaxe, "PATCH", "/api/system"),
    (bitaxe, "PUT", "/api/system/pools/1"),
    (nerdqaxe, "PATCH", "/api/v2/settings"),
    (nmminer, "POST", "/api/setting/mining"),
    (xmrig, "POST", "/json_rpc"),
    (xmrig, "PUT", "/1/config"),
]


@given(BODIES)
def test_no_body_of_a_request_breaks_a_unit(body):
    for server, method, path in WEB:
        unit = server.Unit(rig_of(server.FACTS, firmware="v2.15.0"))
        answer = get(unit, path, method=method, body=body, content_type="application/json")
        assert 200 <= answer.status < 500
    web = antminer.Unit(rig_of(antminer.FACTS))
    request = asked("POST", "/cgi-bin/set_miner_conf.cgi", {}, json.dumps(body).encode())
    assert web._set(request).status == web._blink(request).status == 200


@given(st.binary(max_size=60) | BODIES.map(lambda tree: json.dumps(tree).encode()))
def test_no_bytes_break_a_unit_behind_a_bare_connection(raw):
    units = [
        cgminer.Unit(rig_of(cgminer.FACTS)),
        antminer.Unit(rig_of(antminer.FACTS)),
        whatsminer.Unit(rig_of(whatsminer.FACTS)),
        *(avalon.Unit(rig_of(facts)) for facts in avalon.MODELS.values()),
    ]
    for unit in units:
        said = unit.talk(raw, 0.0)
        with suppress(words.UnreadableError):
            words.read(said)
    framed = whatsminer_v3.Unit(rig_of(whatsminer.FACTS))
    assert isinstance(framed.talk(whatsminer_v3.framed(raw), 0.0), bytes)
    assert isinstance(framed.talk(raw, 0.0), bytes)
    nmminer.Unit(rig_of(nmminer.FACTS, firmware="v1.6.03")).hear(raw, 0.0)


@pytest.mark.parametrize("option", ["softoff", "workmode", "fan-spd", "led", "setpool", "hashpower", "reboot", ""])
@given(rest=st.lists(st.text(alphabet="0159-:sxet|", max_size=6), max_size=6))
def test_no_parameter_of_ascset_breaks_an_avalon(option, rest):
    for facts in avalon.MODELS.values():
        unit = avalon.Unit(rig_of(facts))
        said = unit.talk(words.request("ascset", ",".join(["0", option, *rest])), 0.0)
        assert said == b"" or words.status(words.read(said)).letter in ("S", "I", "E")
