"""Twin units of every kind of miner: what real drivers read there is the rig's truth, and what they tell it happens."""

import json

import pytest
from twin.lan import HOST, MAC, SPARE, options
from twin.units import CASES, NO_CHIP, NO_RATE, NO_WATTS, STOPPABLE

from mine_controller.core.model.command import ACCEPTED, APPLIED, REFUSED, UNKNOWN, UNREACHABLE, UNSUPPORTED
from mine_controller.core.option import Secret
from mine_controller.devices import antminer as antminer_driver
from mine_controller.devices import bitaxe as bitaxe_driver
from mine_controller.devices.kind import BadReply
from mine_controller.twin.servers import (
    antminer,
)
from mine_controller.wire import cgminer as words
from mine_controller.wire.door import WireError


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]


# ---------------------------------------------------------------- the round trip


@pytest.mark.parametrize("name", CASES)
def test_a_driver_reads_the_rigs_truth(name):
    case = CASES[name]
    lan = case.lan()
    found, rig = lan.read(case.driver, case.options), lan.unit.rig
    assert found[case.name, "address"] == HOST
    assert found[case.name, "word"] == rig.word() == "hashing"
    if name not in NO_WATTS:
        assert found[case.name, "power_w"] == pytest.approx(rig.power_w(), rel=0.01)
    if name not in NO_CHIP:
        assert found[case.name, "chip_c"] == pytest.approx(rig.chip_c(), abs=1)
    if name not in NO_RATE:
        assert found[case.name, "hashrate_ths"] == pytest.approx(rig.rate_ths(), rel=0.06)
    model = found[f"{case.name} model", "text"]
    assert rig.model.rpartition(" ")[2].replace("_", "") in model.replace("_", "")
    assert rig.firmware in found[f"{case.name} firmware", "text"]


@pytest.mark.parametrize("name", ["bitaxe", "nerdqaxe", "cgminer", "whatsminer", "antminer"])
def test_a_driver_reads_counters_fan_mode_and_pool_too(name):
    case = CASES[name]
    lan = case.lan()
    found, rig = lan.read(case.driver, case.options), lan.unit.rig
    assert found[case.name, "uptime_s"] == pytest.approx(rig.uptime_s(), abs=3)
    assert (found[case.name, "accepted_n"], found[case.name, "rejected_n"]) == rig.shares()[:2]
    assert found[case.name, "fan_rpm"] == pytest.approx(rig.fan_rpm(), rel=0.04)
    assert found[case.name, "pool"] == "main"
    rig.reachable = frozenset({SPARE[0]})
    lan.wait(60)
    found = lan.read(case.driver, case.options)
    assert found[case.name, "pool"] == "spare"
    if name != "cgminer":
        assert found[case.name, "mode"] == rig.mode


@pytest.mark.parametrize("name", STOPPABLE)
def test_a_driver_stops_and_wakes_it_and_reads_so(name):
    case = CASES[name]
    lan = case.lan()
    rig = lan.unit.rig
    assert lan.tell(case.driver, case.options, "stop", unit=case.name).verdict in (ACCEPTED, APPLIED)
    lan.wait(60)
    assert rig.stopped
    assert rig.power_w() == pytest.approx(rig.standby_w, abs=1)
    assert lan.read(case.driver, case.options)[case.name, "word"] in ("sleeping", "stopped")
    assert lan.tell(case.driver, case.options, "run", unit=case.name).verdict in (ACCEPTED, APPLIED, UNKNOWN)
    lan.wait(600)
    assert rig.power_w() == pytest.approx(rig.nominal_w * rig.tuned.power, rel=0.01)
    assert lan.read(case.driver, case.options)[case.name, "word"] == "hashing"
    assert rig.starts == 1


@pytest.mark.parametrize("name", ["whatsminer", "whatsminer v3", "antminer"])
def test_a_large_one_on_its_way_up_is_booting_and_not_broken(name):
    """They take minutes, and count from the start of their program, not of the board."""
    case = CASES[name]
    lan = case.lan()
    lan.wait(10_000)
    lan.tell(case.driver, case.options, "stop")
    lan.wait(300)
    lan.tell(case.driver, case.options, "run")
    lan.wait(20)
    found = lan.read(case.driver, case.options)
    assert (found[MAC, "word"], lan.unit.rig.word()) == ("booting", "booting")
    assert found[MAC, "uptime_s"] < 60


def test_a_command_for_another_unit_is_not_sent(case):
    """DHCP gave the address to another miner: the twin would obey, the driver must not ask."""
    if "stop" not in case.driver.CAN.verbs:
        return
    lan = case.lan()
    outcome = lan.tell(case.driver, case.options, "stop", unit="02:00:00:00:00:99")
    lan.wait(60)
    assert outcome.verdict == REFUSED
    assert not lan.unit.rig.stopped


def test_a_miner_that_moved_answers_at_its_new_address_only(case):
    lan = case.lan()
    lan.unit.rig.host = "127.0.1.40"
    with pytest.raises((BadReply, WireError)):
        lan.read(case.driver, case.options)
    moved = options(case.driver, **case.section, hosts=("127.0.1.40",))
    assert lan.read(case.driver, moved)[case.name, "address"] == "127.0.1.40"


# ---------------------------------------------------------------- faults


def test_a_silent_one_says_nothing_and_is_unknown(case):
    lan = case.lan()
    lan.unit.rig.silent = True
    with pytest.raises((BadReply, WireError)):
        lan.read(case.driver, case.options)


def test_garbage_is_never_a_value(case):
    lan = case.lan()
    lan.unit.rig.garbage = True
    with pytest.raises(BadReply):
        lan.read(case.driver, case.options)


@pytest.mark.parametrize("name", ["cgminer", "avalon Q", "avalon 15-194", "whatsminer", "whatsminer v3", "antminer"])
def test_careless_json_is_read_all_the_same(name):
    case = CASES[name]
    lan = case.lan()
    lan.unit.rig.quirky = True
    raw = lan.unit.talk(words.request("pools"), 0.0) if lan.unit.PORT == 4028 else b"},]"
    with pytest.raises(ValueError):
        json.loads(raw.strip(b"\0"))
    if name == "whatsminer v3":
        return  # its frames are strict: that they are refused is the driver's own test
    assert lan.read(case.driver, case.options)[case.name, "word"] == "hashing"


@pytest.mark.parametrize("name", STOPPABLE)
def test_a_liar_takes_the_stop_and_draws_on(name):
    """CMD2: "success", and nothing happens."""
    case = CASES[name]
    lan = case.lan()
    rig = lan.unit.rig
    rig.liar = True
    lan.tell(case.driver, case.options, "stop", unit=case.name)
    lan.wait(60)
    assert rig.power_w() == pytest.approx(rig.nominal_w * rig.tuned.power, rel=0.01)
    found = lan.read(case.driver, case.options)
    assert found[case.name, "word"] in ("sleeping", "stopped")
    if name not in NO_WATTS:
        assert found[case.name, "power_w"] == pytest.approx(rig.power_w(), rel=0.01)


@pytest.mark.parametrize("name", STOPPABLE)
def test_a_mute_one_takes_the_stop_and_says_that_it_hashes(name):
    case = CASES[name]
    lan = case.lan()
    lan.unit.rig.mute = True
    lan.tell(case.driver, case.options, "stop", unit=case.name)
    lan.wait(60)
    assert lan.read(case.driver, case.options)[case.name, "word"] == "hashing"


@pytest.mark.parametrize("name", STOPPABLE)
def test_one_that_refuses_says_so_and_can_still_be_read(name):
    case = CASES[name]
    lan = case.lan()
    lan.unit.rig.refuses = True
    outcome = lan.tell(case.driver, case.options, "stop", unit=case.name)
    lan.wait(60)
    assert outcome.verdict == REFUSED
    assert outcome.why
    assert not lan.unit.rig.stopped
    if not name.startswith("antminer"):  # that one needs its web side to say who it is
        assert lan.read(case.driver, case.options)[case.name, "word"] == "hashing"


@pytest.mark.parametrize("name", STOPPABLE)
def test_one_whose_api_dies_when_it_stops_is_silent_then(name):
    case = CASES[name]
    lan = case.lan()
    lan.unit.rig.api_dies = True
    lan.tell(case.driver, case.options, "stop", unit=case.name)
    lan.wait(60)
    with pytest.raises((BadReply, WireError)):
        lan.read(case.driver, case.options)
    assert lan.tell(case.driver, case.options, "run", unit=case.name).verdict in (UNREACHABLE, REFUSED)


def test_after_a_restart_there_is_a_window_without_an_answer(case):
    lan = case.lan()
    lan.wait(10)
    lan.unit.rig.do("restart")
    with pytest.raises((BadReply, WireError)):
        lan.read(case.driver, case.options)
    lan.wait(lan.unit.rig.boot_s + lan.unit.rig.ramp_s + 600)
    assert lan.read(case.driver, case.options)[case.name, "word"] == "hashing"


# ---------------------------------------------------------------- errands by driver

SETTLED_S = 240


@pytest.mark.parametrize("name", ["bitaxe", "bitaxe 2.4", "bitaxe 2.15"])
def test_bitaxe_modes_tunings_fans_and_lights(name):
    case = CASES[name]
    lan = case.lan()
    rig = lan.unit.rig
    assert lan.tell(case.driver, case.options, "mode", "eco").verdict in (APPLIED, ACCEPTED)
    lan.wait(SETTLED_S)
    assert rig.mode == "eco"
    assert lan.read(case.driver, case.options)[MAC, "mode"] == "eco"
    assert lan.tell(case.driver, case.options, "tune", "frequency_mhz=500 core_voltage_mv=1100").verdict != REFUSED
    lan.wait(SETTLED_S)
    assert (rig.tuned.frequency_mhz, rig.tuned.core_voltage_mv, rig.mode) == (500, 1100, "")
    assert lan.tell(case.driver, case.options, "fan", "70").verdict == APPLIED
    assert rig.fan_set == 70
    assert lan.tell(case.driver, case.options, "fan", "auto").verdict == APPLIED
    assert rig.fan_set is None
    restarts = rig.restarts
    assert lan.tell(case.driver, case.options, "restart").verdict == ACCEPTED
    lan.wait(SETTLED_S)
    assert rig.restarts == restarts + 1


@pytest.mark.parametrize("name", ["nerdqaxe", "nerdqaxe v1"])
def test_nerdqaxe_fans_are_set_and_let_go_and_the_read_back_proves_it(name):
    case = CASES[name]
    lan = case.lan()
    for value, held in (("80", 80), ("auto", None)):
        assert lan.tell(case.driver, case.options, "fan", value).verdict == APPLIED
        assert lan.unit.rig.fan_set == held


@pytest.mark.parametrize("name", ["bitaxe", "bitaxe 2.4", "bitaxe 2.15", "nerdqaxe", "nerdqaxe v1"])
def test_boards_are_put_on_another_pool(name):
    case = CASES[name]
    lan = case.lan()
    outcome = lan.tell(case.driver, case.options, "pool", "spare")
    assert outcome.verdict in (APPLIED, ACCEPTED), outcome.why
    lan.wait(SETTLED_S)
    rig = lan.unit.rig
    assert rig.pools[rig.pool_in_use()] == SPARE
    assert lan.read(case.driver, case.options)[MAC, "pool"] == "spare"


@pytest.mark.parametrize(("value", "lit"), [("on", True), ("off", False)])
def test_a_bitaxe_says_hi_for_half_a_minute(value, lit):
    lan = CASES["bitaxe"].lan()
    outcome = lan.tell(bitaxe_driver, CASES["bitaxe"].options, "locate", value)
    assert (outcome.verdict, lan.unit.rig.light) == (APPLIED, lit)
    lan.wait(60)
    assert not lan.unit.rig.light


def test_a_bitaxe_before_2_14_cant_pause():
    case = CASES["bitaxe 2.4"]
    lan = case.lan()
    assert lan.tell(case.driver, case.options, "stop").verdict == UNSUPPORTED
    assert not lan.unit.rig.stopped


@pytest.mark.parametrize(("name", "word"), [("bitaxe", "waiting"), ("bitaxe 2.4", None)])
def test_a_bitaxe_without_any_pool_hashes_nothing_and_is_not_called_broken(name, word):
    case = CASES[name]
    lan = case.lan()
    lan.unit.rig.reachable = frozenset()
    lan.wait(60)
    found = lan.read(case.driver, case.options)
    assert found[MAC, "word"] == word
    assert found[MAC, "hashrate_ths"] == 0


def test_an_overheated_bitaxe_says_error_and_then_comes_back_slower():
    case = CASES["bitaxe"]
    lan = case.lan()
    rig = lan.unit.rig
    rig.do("fan", "0")
    while rig.word() != "error":
        lan.wait(2)
    found = lan.read(case.driver, case.options)
    assert found[MAC, "word"] == "error"
    assert lan.tell(case.driver, case.options, "run").verdict == REFUSED
    lan.wait(600)
    found = lan.read(case.driver, case.options)
    assert (found[MAC, "word"], found[MAC, "frequency_mhz"], found[MAC, "fan_pct"]) == ("hashing", 425, 100)
    # the fan still stands as the firmware left it
    assert lan.tell(case.driver, case.options, "mode", "standard").verdict == REFUSED
    assert lan.tell(case.driver, case.options, "fan", "auto").verdict == APPLIED
    assert lan.tell(case.driver, case.options, "mode", "standard").verdict == APPLIED


@pytest.mark.parametrize("name", ["nerdqaxe", "nerdqaxe v1"])
def test_an_overheated_nerdqaxe_says_error_by_whichever_interface(name):
    case = CASES[name]
    lan = case.lan()
    rig = lan.unit.rig
    lan.wait(90)  # so long it is booting
    rig.do("fan", "0")
    while rig.word() != "error":
        lan.wait(2)
    assert lan.read(case.driver, case.options)[MAC, "word"] == "error"


@pytest.mark.parametrize("name", ["whatsminer", "whatsminer v3"])
def test_whatsminer_modes_limits_pools_and_light(name):
    case = CASES[name]
    lan = case.lan()
    rig = lan.unit.rig
    for verb, value in [("mode", "low"), ("limit", "2000"), ("pool", "spare"), ("locate", "on")]:
        assert lan.tell(case.driver, case.options, verb, value).verdict == ACCEPTED
        lan.wait(500)
    assert (rig.mode, rig.limit_w, rig.light, rig.word()) == ("low", 2000, True, "hashing")
    assert rig.pools[rig.pool_in_use()] == SPARE
    found = lan.read(case.driver, case.options)
    assert (found[MAC, "limit_w"], found[MAC, "pool"]) == (2000, "spare")
    assert found[MAC, "power_w"] == pytest.approx(2000, rel=0.01)
    assert rig.starts == 2  # a mode and a limit start it anew


@pytest.mark.parametrize(("name", "option"), [("whatsminer", "password"), ("whatsminer v3", "v3_password")])
def test_a_whatsminer_understands_nobody_with_a_wrong_password(name, option):
    case = CASES[name]
    lan = case.lan()
    section = options(case.driver, **{option: Secret("guess")})
    assert lan.tell(case.driver, section, "stop").verdict == REFUSED
    assert not lan.unit.rig.stopped


def test_antminer_modes_pools_fan_and_light():
    case = CASES["antminer"]
    lan = case.lan()
    rig = lan.unit.rig
    for verb, value in [("mode", "low"), ("pool", "spare"), ("fan", "40"), ("locate", "on")]:
        assert lan.tell(case.driver, case.options, verb, value).verdict == ACCEPTED
        lan.wait(60)
    assert (rig.mode, rig.fan_set, rig.light) == ("low", 40, True)
    assert rig.pools[rig.pool_in_use()] == SPARE
    assert lan.tell(case.driver, case.options, "restart").verdict == ACCEPTED
    assert rig.restarts == 1


def test_an_antminer_takes_21_seconds_to_sleep_and_sleeps_through_a_reboot():
    case = CASES["antminer"]
    lan = case.lan()
    rig = lan.unit.rig
    begun = lan.clock
    lan.tell(case.driver, case.options, "stop")
    assert lan.clock - begun > antminer.SETS_S
    lan.wait(60)
    assert lan.read(case.driver, case.options)[MAC, "word"] == "sleeping"
    rig.do("restart")
    lan.wait(300)
    assert lan.read(case.driver, case.options)[MAC, "word"] == "sleeping"
    assert rig.starts == 0


def test_a_lazy_antminer_hashes_on_until_its_reboot():
    case = CASES["antminer"]
    lan = case.lan()
    lan.unit.lazy = True
    assert lan.tell(case.driver, case.options, "stop").verdict == ACCEPTED
    lan.wait(300)
    assert lan.unit.rig.hashing
    assert tree_of_conf(lan)["bitmain-work-mode"] == "1"
    assert lan.tell(case.driver, case.options, "stop").verdict == ACCEPTED  # asleep by its word: rebooted
    lan.wait(300)
    assert lan.unit.rig.stopped


def tree_of_conf(lan):
    return lan.unit._conf()


def test_an_antminer_of_2022_wants_both_keys_of_the_mode():
    lan = CASES["antminer"].lan()
    lan.unit.both = True
    assert lan.tell(antminer_driver, CASES["antminer"].options, "stop").verdict == ACCEPTED
    lan.wait(60)
    assert lan.unit.rig.stopped


def test_an_antminer_with_another_password_refuses():
    case = CASES["antminer"]
    lan = case.lan()
    section = options(case.driver, password=Secret("guess"))
    assert lan.tell(case.driver, section, "stop").verdict == REFUSED
    assert not lan.unit.rig.stopped


def test_what_was_asked_while_it_drips_is_answered_when_it_is_asked(case):
    """A tarpit is the door's: the unit itself would answer."""
    lan = case.lan()
    lan.unit.rig.tarpit = True
    assert lan.unit.rig.api() == "tarpit"
    assert lan.read(case.driver, case.options)[case.name, "address"] == HOST
