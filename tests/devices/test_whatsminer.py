"""Whatsminer: three generations of an API, commands sealed with a password, and a reason for every no."""

import hashlib
import json
from pathlib import Path

import pytest
from devices.racks import GONE, INVALID, Api, Rack
from devices.scripted import apply, errand, order, value

from mine_controller.core.model.pool import Pool
from mine_controller.core.option import Secret, fill
from mine_controller.devices import _whatsminer, whatsminer
from mine_controller.devices import _whatsminer_seal as seal
from mine_controller.devices.kind import Ask, BadReply, Seen
from mine_controller.wire.door import WireError

CASES = Path(__file__).resolve().parents[1] / "cases" / "whatsminer"
VECTORS = json.loads((CASES / "crypto" / "vectors.json").read_bytes())
V2, V3 = VECTORS["v2"], VECTORS["v3"]
A, B = "10.0.1.1", "10.0.1.2"
OLD, NEW, OTHER = "02:00:00:00:00:02", "02:00:00:00:00:03", "02:00:00:00:00:99"
NORTH = Pool("north", "stratum+tcp://north.example:3333", "acct.w1", Secret("x"), fallback="south")
SOUTH = Pool("south", "stratum+tcp://south.example:443", "acct.w1", Secret("y"))
OFF = (CASES / "commands" / "14_whatsminer_write_disabled.json").read_bytes()
TOKEN = {"STATUS": "S", "Code": 134, "Msg": {name: V2[name] for name in ("salt", "newsalt")} | {"time": "1234565626"}}
V2["done"] = {"enc": V2["reply_enc_nul"]}


def options(**more):
    return fill(whatsminer.Options, {"hosts": (A,), "pools": (NORTH, SOUTH), **more})


def recorded(name):
    """A file out of a case: of the M20S, of the M60S (.frame), or of the case named."""
    folder = "" if "/" in name else "v3_m60s/" if name.endswith(".frame") else "v1_m20s/"
    return (CASES / (folder + name)).read_bytes()


def old(**more):
    names = ("summary", "status", "pools")
    devdetails = {"STATUS": [{"STATUS": "S"}], "DEVDETAILS": [{"Model": "M20SV10", "Driver": "bitmicro"}]}
    told = {name: recorded(f"{name}.json") for name in names}
    return Api(joins=False, **{**told, "devdetails": devdetails, "get_token": TOKEN, **more})


class Old:
    """An M20S that obeys whoever holds its password; `orders` are the commands it could decipher."""

    def __init__(self, answer=None, password="admin", **tables):
        self.api, self.answer, self.password, self.orders = old(**tables), answer, password, []

    def __call__(self, raw):
        tree = json.loads(raw)
        if "enc" not in tree:
            return self.api(raw)
        key = seal.key_v2(self.password, V2["salt"])
        text = seal.opened(seal.cipher_v2(key), tree["data"])
        try:
            told = json.loads(text)
        except ValueError:
            return {"STATUS": "E", "Code": 23, "Msg": "invalid json"}
        if told.pop("token") != seal.sign_v2(key, V2["time"], V2["newsalt"]):
            return {"STATUS": "E", "Code": 135, "Msg": "check token err"}
        self.orders.append(told)
        if self.answer is not None:
            return self.answer
        done = json.dumps({"STATUS": "S", "Code": 131, "Msg": "API command OK"})
        return {"enc": seal.sealed(seal.cipher_v2(key), done)}


class New:
    """An M60S on its own port; `orders` are (cmd, param) with a good token."""

    def __init__(self, answer=None, password="super", info=None):
        self.told = info or json.loads(recorded("v3info.frame")[4:])
        self.answer, self.password, self.orders = answer, password, []
        self.setting = {"code": 0, "msg": {"power-limit": 3600, "power-mode": "low", "power-percent": 0}}

    def __call__(self, raw):
        tree = json.loads(raw[4:])
        assert int.from_bytes(raw[:4], "little") == len(raw) - 4
        if tree["cmd"] == "get.miner.setting":
            return self.setting if self.setting == GONE else _whatsminer.framed(self.setting)
        name = {"get.device.info": "v3info", "get.miner.status": f"v3{tree.get('param')}"}.get(tree["cmd"])
        if name == "v3info":
            return _whatsminer.framed(self.told)
        if name:
            return recorded(f"{name}.frame")
        salt = self.told["msg"]["salt"]
        digest = hashlib.sha256(f"{tree['cmd']}{self.password}{salt}{tree['ts']}".encode()).digest()
        if seal.token_v3(digest) != tree["token"] or tree["account"] != "super":
            return _whatsminer.framed({"code": -4, "msg": "invalid token"})
        param = tree.get("param")
        self.orders.append((tree["cmd"], seal.opened(digest, param) if tree["cmd"] == "set.miner.pools" else param))
        return self.answer or _whatsminer.framed({"code": 0, "msg": "ok"})


def read(units, memory=None):
    rack, told = Rack(units), options(hosts=tuple(units))
    found = whatsminer.parse(whatsminer.fetch(rack.wire, told, Ask(memory=memory or {})), told)
    return found, rack, {each.channel: each.value for each in found if each.quantity == "memory"}


def test_the_first_and_second_api_are_read_one_command_a_connection_and_the_model_is_asked_once():
    found, rack, memory = read({A: {4028: old()}})
    assert rack.commands(A) == ["summary", "status", "pools", "devdetails"]
    assert value(found, f"{OLD} model", "text") == "M20SV10"
    found, rack, _ = read({A: {4028: old()}}, memory)
    assert rack.commands(A) == ["summary", "status", "pools"]
    assert value(found, f"{OLD} model", "text") == "M20SV10"


def test_a_model_of_another_unit_that_was_here_before_is_not_believed():
    found, _, _ = read({A: {4028: old()}}, {A: f"{OTHER} v2 M50"})
    assert value(found, f"{OLD} model", "text") == "Whatsminer"


def test_a_unit_that_answers_only_in_frames_is_read_there_and_asked_there_first_next_time():
    found, _, memory = read({A: {4433: New()}})
    assert value(found, NEW, "power_w") == 3156
    _, rack, _ = read({A: {4433: New()}}, memory)
    assert {port for _, port, _ in rack.sent} == {4433}


HUNG_UP, MUTE = WireError("closed", "hung up without an answer"), WireError("timeout", "no answer in 6.0 s")
STOPPED = {"STATUS": "S", "When": 1, "Code": 131, "Msg": {"btmineroff": "true"}, "Description": "whatsminer v1.3"}
DOWN = b"Socket connect failed: Connection refused"
SAYS_ITS_MAC = {"STATUS": "S", "Code": 131, "Msg": {"mac": OLD}}


@pytest.mark.parametrize("summary", [INVALID, HUNG_UP, MUTE, DOWN])
@pytest.mark.parametrize("told", [{"get_miner_info": SAYS_ITS_MAC}, {}])
def test_a_stopped_unit_whose_summary_fails_is_known_by_its_status(summary, told):
    """An M31S with API 1.3, as Foreman's agent knows it: stopped by `power_off`, it answers `status` alone."""
    found, _, memory = read({A: {4028: old(summary=summary, status=STOPPED, **told)}}, {A: f"{OLD} v2 M31S"})
    assert (value(found, OLD, "word"), value(found, OLD, "address")) == ("stopped", A)
    assert memory == {A: f"{OLD} v2 M31S"}
    refusing = {4028: old(summary=summary, status={**STOPPED, "Msg": {"btmineroff": "false"}}, **told)}
    found, _, _ = read({A: refusing, B: {4028: old()}}, {A: f"{OTHER} v2 M31S"})
    assert value(found, OTHER, "word") in (None, "error")


@pytest.mark.parametrize(("summary", "status"), [(HUNG_UP, STOPPED), (DOWN, DOWN)])
def test_a_name_that_is_only_remembered_gives_way_to_who_tells_it(summary, status):
    """Addresses were given anew: else the one that hashes had no address, and could not be stopped."""
    nameless = {4028: old(summary=summary, status=status)}
    found, _, _ = read({A: nameless, B: {4028: old()}}, {A: f"{OLD} v2 M31S"})
    assert (value(found, OLD, "word"), value(found, OLD, "address")) == ("hashing", B)


def test_a_stopped_unit_whose_summary_fails_can_be_started_again():
    unit = Old(summary=HUNG_UP, status=STOPPED, get_miner_info=SAYS_ITS_MAC)
    outcome, _ = command({4028: unit}, "run", unit=OLD)
    assert (outcome.verdict, [told["cmd"] for told in unit.orders]) == ("accepted", ["power_on"])
    other = Old(summary=HUNG_UP, status=STOPPED, get_miner_info=SAYS_ITS_MAC)
    assert command({4028: other}, "run", unit=OTHER)[0].verdict == "refused"
    assert other.orders == []


def test_a_silent_unit_costs_the_others_no_second_wait():
    """Who answers nothing at all is asked again where a stopped unit tells who it is: after everybody else."""
    silent, good = Api(joins=False, summary=MUTE, get_miner_info=MUTE), Old()
    rack, told = Rack({A: {4028: silent}, B: {4028: good}}), options(hosts=(A, B))
    batch = [errand(A, "stop", unit=OTHER), errand(B, "stop", at=2, unit=OLD)]
    outcomes = apply(whatsminer, rack, told, batch)
    assert {each.command: each.verdict for each in outcomes} == {"1.0.1": "unreachable", "1.0.2": "accepted"}
    assert (rack.sent[-1][0], rack.commands(A)[-1]) == (A, "get_miner_info")
    whatsminer.fetch(rack.wire, told, Ask())
    assert (rack.sent[-1][0], rack.commands(A)[-1]) == (A, "status")


def modes(setting):
    """The mode and the pool of an M60S that answers this when it is asked for its settings."""
    unit = New()
    unit.setting = setting
    found, _, _ = read({A: {4433: unit}})
    return [each.value for each in found if (each.channel, each.quantity) == (NEW, "mode")], value(found, NEW, "pool")


def test_the_mode_of_api_3_is_read_where_it_stands():
    """Unread, a mode that is wanted would be sent again each hour, and every time the unit starts anew."""
    assert modes({"code": 0, "msg": {"power-mode": "low"}}) == (["low"], "other")


@pytest.mark.parametrize(
    "setting", [{"code": -2, "msg": "invalid command"}, {"code": 0, "msg": {"power-mode": "1"}}, {"code": 0}, GONE]
)
def test_firmware_of_api_3_that_tells_no_mode_is_read_without_it(setting):
    assert modes(setting) == ([], "other")


def test_an_older_unit_where_one_of_api_3_answered_before_is_found_by_its_old_port():
    """Two of them swapped addresses, or the firmware went back: what was learned of an address is no law."""
    _, _, memory = read({A: {4433: New()}})
    found, _, after = read({A: {4028: old()}}, memory)
    assert value(found, OLD, "word") == "hashing"
    assert after == {A: f"{OLD} v2"}  # its model is asked next time
    both = {A: {4028: old()}, B: {4433: New()}}
    found, _, after = read(both, {B: f"{OLD} v2 M20SV10", **memory})
    assert (value(found, OLD, "address"), value(found, NEW, "address")) == (A, B)


def test_a_unit_whose_old_port_only_refuses_is_read_in_frames():
    found, _, _ = read({A: {4028: Api(joins=False), 4433: New()}})
    assert value(found, NEW, "word") == "hashing"


def test_minus_one_watt_is_no_measurement_and_what_it_switched_off_is_stopped():
    said = recorded("stopped_watts_unknown/summary.json")
    found, _, _ = read({A: {4028: old(summary=said, status=recorded("stopped_watts_unknown/status.json"))}})
    assert value(found, OLD, "power_w") is None
    assert value(found, OLD, "word") == "stopped"


def test_a_unit_without_its_mac_in_the_summary_is_asked_for_it():
    bare = recorded("v2_msg_envelope/20_whatsminer_v2_msg_envelope.json")
    about = {"STATUS": "S", "Code": 131, "Msg": {"mac": OTHER}}
    found, rack, _ = read({A: {4028: old(summary=bare, get_miner_info=about)}})
    assert "get_miner_info" in rack.commands(A)
    assert value(found, OTHER, "power_w") == 6199.66


def test_a_silent_one_is_unknown_with_the_reason():
    with pytest.raises(BadReply, match="no connection"):
        read({A: {4028: lambda _: GONE, 4433: lambda _: GONE}})


def test_a_frame_that_claims_a_gigabyte_is_not_waited_for():
    assert _whatsminer.whole(b"\xff\xff\xff\x3f{")
    with pytest.raises(BadReply, match="refused the connection"):
        read({A: {4433: lambda _: b"\xff\xff\xff\x3f{"}})


def test_the_token_and_the_cipher_are_those_of_the_maker():
    key = seal.key_v2(V2["password"], V2["salt"])
    cipher = seal.cipher_v2(key)
    assert (key, cipher.hex()) == (V2["key_md5crypt"], V2["aes_key_hex"])
    assert seal.sign_v2(key, V2["time"], V2["newsalt"]) == V2["sign"]
    assert seal.sealed(cipher, V2["power_off_plain"]) == V2["power_off_data_pkcs7"]
    assert seal.opened(cipher, V2["power_off_data_nul"]) == V2["power_off_plain"]
    assert seal.opened(cipher, V2["reply_enc_nul"]) == V2["reply_plain"]
    assert seal.opened(cipher, "no base64!") is None
    digest = seal.digest_v3(V3["cmd"], V3["password"], V3["salt"], V3["ts"])
    assert (seal.token_v3(digest), digest.hex()) == (V3["token"], V3["aes_key_hex"])
    assert seal.sealed(digest, V3["param_plain"]) == V3["param_enc"]
    for command, token in V3["other_tokens"].items():
        assert seal.token_v3(seal.digest_v3(command, V3["password"], V3["salt"], V3["ts"])) == token


def test_a_long_password_is_hashed_as_the_rest_of_the_world_does():
    """Known from `openssl passwd -1 -salt abcdefgh`."""
    assert seal.md5_crypt("a password longer than sixteen letters", "abcdefghij") == "CFBI2BtJsqNRIdJEZlPKU/"
    assert seal.md5_crypt("password", "abcdefgh") == "G//4keteveJp0qb8z2DxG/"


def command(ports, verb, told="", unit="", **more):
    rack = Rack({A: ports})
    (outcome,) = apply(whatsminer, rack, options(**more), [order(A, verb)._replace(value=told, unit=unit)])
    return outcome, rack


@pytest.mark.parametrize(
    ("verb", "told", "sent"),
    [
        ("stop", "", {"cmd": "power_off", "respbefore": "true"}),
        ("run", "", {"cmd": "power_on"}),
        ("restart", "", {"cmd": "reboot"}),
        ("mode", "low", {"cmd": "set_low_power"}),
        ("limit", "3300", {"cmd": "adjust_power_limit", "power_limit": "3300"}),
        ("locate", "off", {"cmd": "set_led", "param": "auto"}),
    ],
)
def test_api_2_is_told_sealed(verb, told, sent):
    unit = Old()
    assert command({4028: unit}, verb, told, OLD)[0].verdict == "accepted"
    assert unit.orders == [sent]


@pytest.mark.parametrize(
    ("verb", "told", "sent"),
    [
        ("stop", "", ("set.miner.service", "stop")),
        ("run", "", ("set.miner.service", "start")),
        ("restart", "", ("set.system.reboot", None)),
        ("mode", "high", ("set.miner.power_mode", "high")),
        ("limit", "3300", ("set.miner.power_limit", 3300)),
        ("locate", "off", ("set.system.led", "auto")),
    ],
)
def test_api_3_is_told_with_a_token(verb, told, sent):
    unit = New()
    assert command({4433: unit, 4028: old()}, verb, told, NEW)[0].verdict == "accepted"
    assert unit.orders == [sent]


def test_both_get_a_pool_with_its_stand_in():
    one, two = Old(), New()
    assert command({4028: one}, "pool", "north")[0].verdict == "accepted"
    assert [one.orders[0][f"pool{at}"] for at in (1, 2, 3)] == [NORTH.url, SOUTH.url, ""]
    assert command({4433: two}, "pool", "north")[0].verdict == "accepted"
    assert [row["pool"] for row in json.loads(two.orders[0][1])] == [NORTH.url, SOUTH.url]


@pytest.mark.parametrize(
    ("unit", "verdict", "why"),
    [
        (lambda: Old(get_token=OFF), "refused", "WhatsMinerTool"),
        (lambda: Old(answer=OFF), "refused", "WhatsMinerTool"),
        (lambda: Old(password="else"), "refused", "wrong password"),
        (lambda: Old(answer={"STATUS": "E", "Code": 135, "Msg": "check token err"}), "refused", "wrong password"),
        (lambda: Old(get_token={"STATUS": "E", "Code": 136, "Msg": "token over max times"}), "refused", "again later"),
        (lambda: Old(answer={"STATUS": "E", "Code": 132, "Msg": "btminer is starting"}), "refused", "booting, again"),
        (lambda: Old(answer={"STATUS": "E", "Code": 132, "Msg": "bad limit"}), "refused", "bad limit"),
        (lambda: Old(answer={"STATUS": "E", "Msg": "no such thing"}), "refused", "no such thing"),
        (lambda: Old(answer={"STATUS": "E", "Msg": ""}), "refused", "without a reason"),
        (lambda: Old(answer={"STATUS": "E", "Code": 14, "Msg": "invalid cmd"}), "unsupported", "does not know"),
        (lambda: Old(get_token={"STATUS": "E", "Code": 14, "Msg": "invalid cmd"}), "unsupported", "no commands"),
        (lambda: Old(answer=WireError("timeout", "no answer in 6.0 s")), "unknown", "no answer"),
        (lambda: Old(answer=b"\x00garbage"), "unknown", "no CGMiner answer"),
        (lambda: Old(answer={"enc": "AAAA"}), "unknown", "does not say"),
        (lambda: Old(get_token=GONE), "unreachable", "no connection"),
    ],
)
def test_every_no_of_api_2_has_its_remedy(unit, verdict, why):
    outcome, _ = command({4028: unit()}, "stop", unit=OLD)
    assert (outcome.verdict, why in outcome.why) == (verdict, True), outcome


@pytest.mark.parametrize(
    ("unit", "verdict", "why"),
    [
        (lambda: New(password="else"), "refused", "check account and password"),
        (lambda: New(answer=_whatsminer.framed({"code": -2, "msg": "x"})), "unsupported", "does not know"),
        (lambda: New(answer=_whatsminer.framed({"code": -1, "msg": "btminer process is down err"})), "refused", "boot"),
        (lambda: New(answer=_whatsminer.framed({"code": -1, "msg": "no"})), "refused", "'no'"),
        (lambda: New(answer=b"\x01\x00\x00\x00x"), "unknown", "frame"),
        (lambda: New(answer=WireError("timeout", "no answer in 6.0 s")), "unknown", "no answer"),
    ],
)
def test_every_no_of_api_3_has_its_remedy(unit, verdict, why):
    outcome, _ = command({4433: unit()}, "stop", unit=NEW)
    assert (outcome.verdict, why in outcome.why) == (verdict, True), outcome


@pytest.mark.parametrize("salt", ["\ud800", "salz\u00e9\udfff"])
@pytest.mark.parametrize("port", [4028, 4433])
def test_a_salt_that_no_unit_gives_refuses_its_own_command_and_nobody_elses(port, salt):
    info = json.loads(recorded("v3info.frame")[4:])
    info["msg"]["salt"] = salt
    strange = New(info=info) if port == 4433 else Old(get_token={**TOKEN, "Msg": {**TOKEN["Msg"], "salt": salt}})
    rack = Rack({A: {port: strange}, B: {4028: Old()}})
    batch = [order(A, "stop", 1), order(B, "stop", 2)]
    outcomes = apply(whatsminer, rack, options(hosts=("10.0.1.1-2",)), batch)
    assert [outcome.verdict for outcome in outcomes] == ["refused", "accepted"]


def test_an_api_3_that_is_switched_off_is_not_even_tried():
    info = json.loads(recorded("v3info.frame")[4:])
    info["msg"]["system"]["apiswitch"] = "0"
    unit = New(info=info)
    assert "WhatsMinerTool" in command({4433: unit}, "stop", unit=NEW)[0].why
    assert unit.orders == []


@pytest.mark.parametrize(
    "lost",
    [
        WireError("timeout", "no answer in 6.0 s"),
        WireError("unreachable", "no connection in 2.0 s"),
        b"\x40\x00\x00\x00{",
        _whatsminer.framed({"code": -1, "msg": "btminer process is down err"}),
    ],
)
@pytest.mark.parametrize("port", [Api(joins=False), Old(get_token={"STATUS": "E", "Code": 14, "Msg": "invalid cmd"})])
def test_api_3_that_misses_one_answer_does_not_make_a_unit_one_that_takes_no_commands(port, lost):
    """Its old port still answers reads, or refuses them all: neither says that nothing can stop it."""
    outcome, _ = command({4028: port, 4433: lambda raw: lost}, "stop", unit=OLD)
    assert (outcome.verdict, "before the command: API 3" in outcome.why) == ("unreachable", True), outcome


@pytest.mark.parametrize("verb", ["restart", "mode"])
def test_commands_that_are_obeyed_without_a_word_are_taken_for_accepted(verb):
    unit = Old(answer=WireError("timeout", "no answer in 6.0 s"))
    assert command({4028: unit}, verb, "low", OLD)[0].verdict == "accepted"
    assert len(unit.orders) == 1


@pytest.mark.parametrize("ports", [{4028: Old()}, {4433: New()}])
def test_a_stranger_at_the_address_gets_nothing(ports):
    """MIN3."""
    outcome, _ = command(ports, "stop", unit=OTHER)
    assert (outcome.verdict, outcome.why) == ("refused", "another unit answers at this address")
    assert [unit.orders for unit in ports.values()] == [[]]


def test_nobody_but_the_owner_switches_a_write_api_on():
    """The maker's switch is a person's: a refusal ends there, whatever other programs know."""
    _, rack = command({4028: Old(answer=OFF)}, "stop", unit=OLD)
    assert not [raw for _, _, raw in rack.sent if b"open_write" in raw]
    assert rack.jobs == []


def test_a_fan_is_not_for_others_to_set_and_a_strange_value_goes_nowhere():
    assert command({4028: Old()}, "fan", "50")[0].verdict == "unsupported"
    assert command({4028: Old()}, "limit", "a lot")[0].verdict == "refused"


def test_a_mixed_fleet_is_stopped_in_a_few_rounds_with_one_command_each():
    units = {f"10.0.1.{at}": {4433: New()} if at % 2 else {4028: Old()} for at in range(1, 41)}
    rack = Rack(units)
    batch = [order(host, "stop", at) for at, host in enumerate(units)]
    outcomes = apply(whatsminer, rack, options(hosts=("10.0.1.1-40",)), batch)
    assert {each.verdict for each in outcomes} == {"accepted"}
    assert {len(unit.orders) for ports in units.values() for unit in ports.values()} == {1}
    assert len(rack.volleys) == 5


@pytest.mark.parametrize(
    ("answers", "model", "rank"),
    [
        ({"get.device.info": recorded("v3info.frame")}, "M60S_VK40", 3),
        ({"version": b'{"STATUS":"E","When":1,"Code":14,"Msg":"invalid cmd"}'}, "Whatsminer", 3),
        ({"devdetails": b'{"STATUS":[{"STATUS":"S"}],"DEVDETAILS":[{"Driver":"bitmicro","Model":"M30S"}]}'}, "M30S", 3),
        ({"GET /": b"HTTP/1.1 307 X\r\nLocation: https://10.0.1.1/cgi-bin/luci\r\n\r\n"}, "", 2),
    ],
)
def test_it_is_recognised_by_either_port_or_its_web_page(answers, model, rank):
    guess = whatsminer.recognise(Seen(A, (4028,), answers))
    assert (guess.kind, guess.model, guess.rank) == ("whatsminer", model, rank)


def test_another_make_is_not_recognised():
    stock = b'{"STATUS":[{"STATUS":"E","Code":14,"Msg":"Invalid command"}]}'
    assert whatsminer.recognise(Seen(A, (4028,), {"devdetails": stock})) is None
    assert whatsminer.recognise(Seen(A, (), {})) is None


@pytest.mark.parametrize("name", ["Firmware Version", "FirmwareVersion"])
def test_the_firmware_is_told_under_either_spelling(name):
    """Both are recorded of the answer to `status`, the second of firmware of 2021 to 2024."""
    trees = {"summary": {"SUMMARY": [{"Elapsed": 9}]}, "status": {"STATUS": "S", "Msg": {name: "20240924.14.Rel"}}}
    assert _whatsminer.told_v2(trees, 600).firmware == "20240924.14.Rel"
