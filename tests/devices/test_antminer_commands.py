"""Commands to Antminers: stock firmware through its web interface, LuxOS in a session, the others through asic-rs."""

import json

import pytest
from devices.antminers import (
    CONF,
    LUX,
    MAC,
    NO,
    NORTH,
    OTHER,
    SOUTH,
    A,
    B,
    Board,
    LuxOs,
    bos_api,
    options,
    stock_api,
    summary,
)
from devices.racks import GONE, Api, Rack
from devices.scripted import apply, order

from mine_controller.core.model.pool import Pool
from mine_controller.core.option import Secret
from mine_controller.devices import _antminer_stock, antminer
from mine_controller.wire.door import WireError


def command(ports, verb, told="", unit=MAC, rack=None, **more):
    rack = rack or Rack({A: ports})
    (outcome,) = apply(antminer, rack, options(**more), [order(A, verb)._replace(value=told, unit=unit)])
    return outcome, rack


def test_stock_sleeps_by_the_body_of_the_vendors_page_with_both_keys_and_its_own_pools():
    board = Board()
    outcome, _ = command(board.ports, "stop")
    assert outcome.verdict == "accepted"
    assert board.bodies == [
        {
            "bitmain-fan-ctrl": False,
            "bitmain-fan-pwm": "100",
            "miner-mode": 1,
            "bitmain-work-mode": 1,
            "freq-level": "100",
            "pools": CONF["pools"],
        }
    ]
    (headers,) = [headers for method, _, headers, _ in board.web.calls if method == "POST"]
    assert headers["content-type"] == "text/plain;charset=UTF-8"


def test_a_change_of_stock_firmware_may_take_its_21_seconds():
    rack = Rack({A: Board().ports})
    seen = []
    many = rack.wire.many
    rack.wire = rack.wire._replace(many=lambda batch, until: seen.extend(batch) or many(batch, until))
    command(None, "stop", rack=rack)
    assert max(each.longest_s for each in seen) == _antminer_stock.SET_S


def board(model, **more):
    return Board(get_system_info={"macaddr": MAC, "minertype": model}, **more)


@pytest.mark.parametrize(
    ("told", "awake", "model", "mode"),
    [
        ("", "normal", "Antminer S19 Pro", 0),
        ("", "low", "Antminer S19 Pro", 3),
        ("high", "normal", "Antminer T21", 2),
        ("junk", "low", "Antminer S19 Pro", 3),
        ("high", "normal", "Antminer X9", 2),
    ],
)
def test_a_unit_wakes_in_the_mode_of_the_command_or_else_of_the_section(told, awake, model, mode):
    asleep = board(model, conf={**CONF, "bitmain-work-mode": "1"})
    assert command(asleep.ports, "run", told, awake=awake)[0].verdict == "accepted"
    assert asleep.bodies[0]["bitmain-work-mode"] == mode


@pytest.mark.parametrize(
    ("model", "awake", "known"),
    [
        ("Antminer S19 Pro+ Hyd.", "high", (0, 1, 3)),
        ("Antminer S21 Hyd.", "low", (0, 1, 2)),
        ("Antminer L9", "low", (0, 1)),
        ("Antminer S21 Pro", "high", (0, 1)),
    ],
)
def test_a_unit_without_the_mode_of_its_section_wakes_all_the_same(model, awake, known):
    """Its script keeps the old mode for a number it does not know: the unit would sleep on, told as woken."""
    asleep = board(model, conf={**CONF, "bitmain-work-mode": "1"}, keeps=lambda body: body["miner-mode"] in known)
    assert command(asleep.ports, "run", awake=awake)[0].verdict == "accepted"
    assert asleep.conf["bitmain-work-mode"] == 0


@pytest.mark.parametrize(
    ("model", "low", "high"),
    [
        ("Antminer S19j Pro", "accepted", "unsupported"),
        ("Antminer S19 XP", "accepted", "unsupported"),
        ("Antminer S19 XP Hyd.", "accepted", "accepted"),
        ("Antminer S19k Pro", "unsupported", "accepted"),
        ("Antminer T21", "unsupported", "accepted"),
        ("Antminer S21", "accepted", "unsupported"),
        ("Antminer S21 XP Imm.", "unsupported", "unsupported"),
        ("Antminer S21+ Hyd.", "unsupported", "unsupported"),
        ("Antminer S21e Hyd.", "accepted", "accepted"),
        ("Antminer L7", "accepted", "accepted"),
    ],
)
def test_a_mode_that_a_models_own_page_does_not_list_is_not_sent(model, low, high):
    for word, verdict in (("low", low), ("high", high), ("normal", "accepted")):
        unit = board(model)
        outcome, _ = command(unit.ports, "mode", word)
        assert (outcome.verdict, bool(unit.bodies)) == (verdict, verdict == "accepted")
    assert (
        command(board("Antminer S21").ports, "mode", "high")[0].why == "this model has the modes low, normal, no high"
    )


def test_a_unit_that_hashes_in_dry_keep_mode_is_given_another():
    """An S19 XP has it as mode 5, and goes to and fro between that and normal without a restart."""
    unit = board("Antminer S19 XP", conf={**CONF, "bitmain-work-mode": "5"})
    assert command(unit.ports, "mode", "low")[0].verdict == "accepted"
    still = board("Antminer S19 XP", conf=unit.conf | {"bitmain-work-mode": "5"}, api=stock_api(summary=summary(0.0)))
    assert command(still.ports, "mode", "low")[0].verdict == "refused"


def test_firmware_that_compares_texts_gets_the_mode_as_one():
    """In the 25 s that a tick has for its commands."""
    board = Board(keeps=lambda body: isinstance(body["miner-mode"], str))
    assert command(board.ports, "stop")[0].verdict == "accepted"
    assert [body["miner-mode"] for body in board.bodies] == [1, "1"]
    assert board.conf["bitmain-work-mode"] == "1"


def test_a_second_change_is_not_begun_when_there_is_no_time_to_see_it_through():
    board = Board(keeps=lambda body: False)
    rack = Rack({A: board.ports}, volley_s=3.0)
    assert command(None, "stop", rack=rack)[0].verdict == "accepted"
    assert len(board.bodies) == 1


# As the pages of an S21 and of a hydro model tell them: nothing of frequencies, and two settings of their own.
S21 = {name: CONF[name] for name in ("pools", "bitmain-fan-ctrl", "bitmain-fan-pwm", "bitmain-work-mode")} | {
    "bitmain-hashrate-percent": "85",
    "bitmain-user-ip-cat": "1",
}


@pytest.mark.parametrize("minertype", ["Antminer S21 Hyd.", "Antminer U3S21EXPH"])
@pytest.mark.parametrize("verb", ["stop", "fan"])
def test_a_limited_share_and_the_address_behind_the_worker_go_back_as_they_were_read(minertype, verb):
    board = Board(conf=S21, get_system_info={"macaddr": MAC, "minertype": minertype})
    outcome, _ = command(board.ports, verb, "60" if verb == "fan" else "")
    assert outcome.verdict == "accepted"
    assert board.bodies[0]["bitmain-hashrate-percent"] == "85"
    assert board.bodies[0]["bitmain-user-ip-cat"] == "1"
    assert "freq-level" not in board.bodies[0]


@pytest.mark.parametrize(("told", "sent"), [("60", 60), ("auto", 100)])
def test_a_fan_goes_out_as_a_number_where_the_settings_tell_it_as_one(told, sent):
    """As an S21+ of March 2025 does, whose page sends it back as it came."""
    board = Board(conf={**S21, "bitmain-fan-pwm": 80})
    assert command(board.ports, "fan", told)[0].verdict == "accepted"
    assert board.bodies[0]["bitmain-fan-pwm"] == sent
    assert type(board.bodies[0]["bitmain-fan-pwm"]) is int


def test_a_limit_in_watts_that_the_page_keeps_goes_back_as_it_was_read():
    """The page of FR-1.29(251029-U2L9H) sends bitmain-power-target wherever the settings hold one."""
    board = Board(conf={**CONF, "bitmain-power-target": "3600"})
    assert command(board.ports, "stop")[0].verdict == "accepted"
    assert board.bodies[0]["bitmain-power-target"] == "3600"


def test_places_for_pools_that_are_empty_objects_are_no_reason_to_leave_a_unit_on():
    """As a T21 of January 2025 tells them: one pool without a password, and two places with nothing in them."""
    pools = [{"url": "stratum+tcp://pool.example:3333", "user": "acct.w1"}, {}, {}]
    board = Board(conf={**CONF, "pools": pools}, get_system_info={"macaddr": MAC, "minertype": "Antminer T21"})
    assert command(board.ports, "stop")[0].verdict == "accepted"
    assert board.bodies[0]["pools"] == [{"url": "", "user": "", "pass": "", **row} for row in pools]


def test_a_setting_that_reads_as_null_is_not_sent():
    board = Board(conf={**S21, "bitmain-user-ip-cat": None}, get_system_info={"macaddr": MAC, "minertype": "x"})
    assert command(board.ports, "stop")[0].verdict == "accepted"
    assert "bitmain-user-ip-cat" not in board.bodies[0]


def test_frequency_and_voltage_go_back_where_they_are_numbers_and_not_as_texts():
    tuned = {"bitmain-freq": 650, "bitmain-voltage": 14.0, "bitmain-freq-level": 100, "bitmain-user-ip-cat": False}
    board = Board(conf={**S21, **tuned})
    assert command(board.ports, "stop")[0].verdict == "accepted"
    assert tuned.items() <= board.bodies[0].items()
    texts = Board()
    assert command(texts.ports, "stop")[0].verdict == "accepted"
    assert not {"bitmain-freq", "bitmain-voltage", "bitmain-freq-level"} & texts.bodies[0].keys()


@pytest.mark.parametrize("secret", ["two words", 'quo"te', "back\\slash", "ümlaut"])
@pytest.mark.parametrize("verb", ["stop", "mode"])
def test_a_body_over_which_the_script_would_lose_every_setting_is_not_sent(secret, verb):
    pools = [CONF["pools"][0], {**CONF["pools"][1], "pass": secret}]
    board = Board(conf={**CONF, "pools": pools})
    outcome, _ = command(board.ports, verb, "low" if verb == "mode" else "")
    assert (outcome.verdict, board.bodies) == ("refused", [])
    assert outcome.why.startswith("pool 2 on it has a blank, quote")
    assert secret not in outcome.why


def test_a_new_pool_with_such_a_letter_is_not_sent_and_one_in_the_way_may_be_replaced():
    spaced = Pool("spaced", "stratum+tcp://spaced.example:3333", "acct w1", Secret("x"))
    board = Board()
    assert command(board.ports, "pool", "spaced", pools=(spaced,))[0].verdict == "refused"
    assert board.bodies == []
    stuck = Board(conf={**CONF, "pools": [{**CONF["pools"][0], "pass": "two words"}]})
    assert command(stuck.ports, "pool", "north")[0].verdict == "accepted"


def test_what_is_asleep_already_is_not_written_again():
    board = Board(conf={**CONF, "bitmain-work-mode": "1"}, api=stock_api(summary=summary(rate=0.0)))
    assert command(board.ports, "stop")[0].verdict == "accepted"
    assert board.bodies == []


def test_a_unit_that_stored_sleep_and_hashes_on_for_minutes_is_rebooted():
    board = Board(conf={**CONF, "bitmain-work-mode": "1"}, reboot={})
    assert command(board.ports, "stop")[0].why == "rebooting"
    assert board.web.calls[-1][1] == "/cgi-bin/reboot.cgi"


@pytest.mark.parametrize("conf", [{"bitmain-work-mode": "0"}, {**CONF, "pools": "none"}, {"pools": CONF["pools"]}])
def test_pools_that_can_not_be_sent_back_or_a_model_without_modes_are_left_alone(conf):
    """A body without pools may wipe them."""
    board = Board(conf=conf)
    assert command(board.ports, "stop")[0].verdict == "unsupported"
    assert board.bodies == []


@pytest.mark.parametrize(
    ("answer", "verdict", "why"),
    [
        (NO, "refused", "Invalid pool!"),
        (WireError("timeout", "no answer in 24 s"), "unknown", "no answer"),
        ({"hello": 1}, "unknown", "does not say"),
        (b"<html>", "unknown", "no JSON"),
    ],
)
def test_only_its_word_of_success_is_taken_for_one(answer, verdict, why):
    outcome, _ = command(Board(answer=answer).ports, "stop")
    assert (outcome.verdict, why in outcome.why) == (verdict, True)


def test_a_no_that_has_another_reason_is_not_asked_for_once_more():
    busy = {"stats": "error", "code": "M001", "msg": "request busy"}
    board = Board(answer=busy)
    assert command(board.ports, "stop")[0].why == "its web interface says 'request busy'"
    assert len(board.bodies) == 1


def test_a_stranger_at_the_address_gets_nothing():
    """MIN3."""
    board = Board()
    outcome, _ = command(board.ports, "stop", unit=OTHER)
    assert (outcome.verdict, outcome.why) == ("refused", "another unit answers at this address")
    assert not [call for call in board.web.calls if call[0] == "POST"]


def test_a_wrong_password_is_refused_with_the_remedy():
    outcome, _ = command(Board().ports, "stop", password=Secret("wrong"))
    assert outcome.verdict == "refused"
    assert "set user and password" in outcome.why


def test_a_sleeping_board_whose_api_is_down_can_still_be_woken():
    board = Board(conf={**CONF, "bitmain-work-mode": "1"})
    assert command({**board.ports, 4028: lambda _: GONE}, "run")[0].verdict == "accepted"
    assert len(board.bodies) == 1


def test_a_pool_goes_first_with_its_stand_in_behind_and_the_mode_stays():
    board = Board(conf={**CONF, "bitmain-work-mode": "3"})
    assert command(board.ports, "pool", "north")[0].verdict == "accepted"
    (body,) = board.bodies
    assert [pool["url"] for pool in body["pools"]] == [NORTH.url, SOUTH.url, ""]
    assert body["bitmain-work-mode"] == 3


@pytest.mark.parametrize(
    ("verb", "told", "verdict"),
    [
        ("pool", "nowhere", "refused"),
        ("mode", "low", "accepted"),
        ("mode", "turbo", "refused"),
        ("limit", "3000", "unsupported"),
        ("fan", "70", "accepted"),
        ("fan", "auto", "accepted"),
        ("fan", "700", "refused"),
        ("locate", "on", "accepted"),
        ("locate", "maybe", "refused"),
        ("restart", "", "accepted"),
        ("off", "", "unsupported"),
    ],
)
def test_every_errand_of_a_stock_unit_has_its_answer(verb, told, verdict):
    board = Board(reboot={}, blink=lambda body: {"code": "B000" if body["blink"] else "B100"})
    assert command(board.ports, verb, told)[0].verdict == verdict


def test_a_mode_does_not_wake_a_sleeping_unit():
    board = Board(conf={**CONF, "bitmain-work-mode": "1"})
    assert command(board.ports, "mode", "low")[0].verdict == "refused"


def test_a_whole_stock_fleet_is_told_in_one_thread_with_one_change_each():
    boards = {f"10.0.1.{at}": Board() for at in range(1, 81)}
    rack = Rack({host: board.ports for host, board in boards.items()})
    batch = [order(host, "stop", at) for at, host in enumerate(boards)]
    outcomes = apply(antminer, rack, options(hosts=("10.0.1.1-80",)), batch)
    assert {each.verdict for each in outcomes} == {"accepted"}
    assert {len(board.bodies) for board in boards.values()} == {1}
    assert len(rack.volleys) <= 7  # the last looks whether all of them have kept it


@pytest.mark.parametrize(
    ("verb", "told", "sent"),
    [
        ("stop", "", ["curtail|abcdEFGH,sleep"]),
        ("run", "", ["curtail|abcdEFGH,wakeup"]),
        ("restart", "", ["rebootdevice|abcdEFGH"]),
        ("fan", "60", ["fanset|abcdEFGH,speed=60"]),
        ("fan", "auto", ["fanset|abcdEFGH,speed=-1"]),
        ("limit", "1100", ["profileset|abcdEFGH,265MHz"]),
    ],
)
def test_luxos_is_commanded_inside_a_session_that_is_given_back(verb, told, sent):
    api = LuxOs()
    assert command({4028: api}, verb, told, LUX)[0].verdict == "accepted"
    assert api.orders == [*sent, "logoff|abcdEFGH"]


def test_a_luxos_session_of_another_client_is_left_to_it():
    api = LuxOs(busy=True)
    outcome, _ = command({4028: api}, "stop", unit=LUX)
    assert (outcome.verdict, "again later" in outcome.why) == ("refused", True)
    assert api.orders == []


def test_luxos_without_a_profile_that_low_is_refused_and_logged_off():
    api = LuxOs()
    assert command({4028: api}, "limit", "100", LUX)[0].verdict == "refused"
    assert api.orders == ["logoff|abcdEFGH"]


def test_luxos_keeps_its_pools_when_it_is_switched():
    api = LuxOs()
    there = Pool("there", "stratum+tcp://ca.stratum.braiins.com:3333", "asic-rs.user2")
    assert command({4028: api}, "pool", "there", LUX, pools=(there,))[0].verdict == "accepted"
    assert api.orders == ["switchpool|2"]
    assert command({4028: api}, "pool", "north", LUX)[0].verdict == "refused"
    assert api.orders[1:] == ["addpool|stratum+tcp://north.example:3333,acct.w1,x"]


def test_a_pool_that_luxos_does_not_take_is_told_without_a_word_of_what_was_sent():
    """A CGMiner's no repeats the whole line; cut short or with its comma escaped, nobody knows the password in it."""

    def no(raw):
        sent = json.loads(raw)
        told = {"STATUS": "E", "Code": 53, "Msg": f"Invalid addpool details '{sent.get('parameter')}'"}
        return {"STATUS": [told]} if sent["command"] == "addpool" else api(raw)

    api, odd = LuxOs(), Pool("odd", NORTH.url, "acct.w1", Secret("canary,4711" * 9))
    outcome, _ = command({4028: no}, "pool", "odd", LUX, pools=(odd,))
    assert (outcome.verdict, outcome.why) == ("refused", "it does not take the pool")


def test_braiins_and_vnish_go_to_the_library_in_one_process_with_their_unit_and_logins():
    rack = Rack({A: {4028: bos_api()}, B: {4028: bos_api()}}, library=lambda job: {"said": True})
    batch = [order(host, "stop", at)._replace(unit=MAC) for at, host in enumerate((A, B))]
    outcomes = apply(antminer, rack, options(hosts=(A, B)), batch)
    assert [each.verdict for each in outcomes] == ["accepted", "accepted"]
    assert [(job.host, job.do, job.unit) for job in rack.jobs] == [(A, "stop", MAC), (B, "stop", MAC)]
    assert rack.jobs[0].logins == (("Braiins", "root", "root"), ("VNish", "root", "admin"))  # as they are delivered


@pytest.mark.parametrize("api", [lambda _: GONE, lambda _: b"Socket connect failed: Connection refused\0"])
def test_a_braiins_unit_whose_api_is_down_since_its_stop_can_be_started(api):
    """By its older interface asic-rs ends the process behind the API: its page tells whose it is."""
    page = b"HTTP/1.1 200 OK\r\nContent-Length: 23\r\n\r\n<title>Braiins OS</title"
    rack = Rack({A: {4028: api, 80: lambda raw: page}}, library=lambda job: {"said": True})
    outcome, _ = command(None, "run", rack=rack)
    assert (outcome.verdict, [(job.do, job.unit) for job in rack.jobs]) == ("accepted", [("run", MAC)])


def test_a_page_that_names_nobody_leaves_a_silent_unit_alone():
    page = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
    rack = Rack({A: {4028: lambda _: GONE, 80: lambda raw: page}}, library=lambda job: {"said": True})
    outcome, _ = command(None, "run", rack=rack)
    assert (outcome.verdict, rack.jobs) == ("unreachable", [])


def test_stock_units_do_not_wait_for_the_library_nor_it_for_them():
    board = Board()
    rack = Rack({A: board.ports, B: {4028: bos_api()}}, library=lambda job: {"said": True})
    batch = [order(host, "stop", at)._replace(unit=MAC) for at, host in enumerate((A, B))]
    outcomes = apply(antminer, rack, options(hosts=(A, B)), batch)
    assert {each.verdict for each in outcomes} == {"accepted"}
    assert (len(board.bodies), len(rack.jobs)) == (1, 1)


def test_what_is_no_antminer_gets_nothing():
    version = {"STATUS": [{"STATUS": "S"}], "VERSION": [{"PROD": "AvalonMiner 15-194"}]}
    assert command({4028: Api(version=version)}, "stop")[0].verdict == "refused"
    assert command({4028: lambda _: GONE}, "stop")[0].verdict == "unreachable"
