import json

import pytest
from devices.kinds import CASES, build
from devices.scripted import apply as applied
from devices.scripted import order, verdicts
from devices.shelf import Shelf, http, known

from mine_controller.core.model.command import ACCEPTED, APPLIED, REFUSED, UNKNOWN, UNSUPPORTED
from mine_controller.devices import nerdqaxe
from mine_controller.devices.kind import Ask, BadReply, Guess, Seen
from mine_controller.wire.door import WireError

DASHBOARD = json.loads((CASES / "nerdqaxe" / "v2_of_the_document" / "v2_dashboard.json").read_text())
SYSTEM = json.loads((CASES / "nerdqaxe" / "v2_of_the_document" / "v2_system.json").read_text())
MAC = "aa:bb:cc:dd:ee:ff"
GONE = WireError("timeout", "no answer in 5.0 s")


def options(**more):
    return build("nerdqaxe", "http://192.0.2.1", **{"hosts": ("10.0.0.1",), **more})


def v1(**more):
    told = {"deviceModel": "NerdQAxe++", "macAddr": MAC, "hashRate": 4800, "shutdown": False, "uptimeSeconds": 900}
    return {key: value for key, value in {**told, **more}.items() if value is not ...}


def board(**paths):
    """One board: system, dashboard, info, shutdown, restart by the last word of the path; a 404 for the rest."""
    return Shelf(lambda host, method, path, body: paths.get(path.rpartition("/")[2], http(b"", 404)))


def read(**paths):
    return nerdqaxe.parse(nerdqaxe.fetch(board(**paths).wire, options(), Ask()), options())


def dashboard(**parts):
    return {name: {**part, **parts.get(name, {})} for name, part in DASHBOARD.items()}


def of(found, quantity):
    (one,) = [each for each in found if (each.channel, each.quantity) == (MAC, quantity)]
    return one


def test_the_new_interface_takes_two_reads():
    one = board(system=SYSTEM, dashboard=DASHBOARD)
    nerdqaxe.fetch(one.wire, options(), Ask())
    assert one.asked == ["GET 10.0.0.1 /api/v2/system", "GET 10.0.0.1 /api/v2/dashboard"]


@pytest.mark.parametrize("told", [http(b"", 404), http(b"<html>"), http(b"", 302), {}])
def test_a_board_without_it_is_read_by_the_old_one(told):
    one = board(system=told, info=v1())
    found = nerdqaxe.parse(nerdqaxe.fetch(one.wire, options(), Ask()), options())
    assert one.asked == ["GET 10.0.0.1 /api/v2/system", "GET 10.0.0.1 /api/system/info"]
    assert (of(found, "word").value, of(found, "hashrate_ths").value) == ("hashing", 4.8)


def test_a_silent_board_is_not_asked_again():
    one = Shelf(lambda host, *_: GONE if host == "10.0.0.1" else SYSTEM)
    nerdqaxe.fetch(one.wire, options(hosts=("10.0.0.1-2",)), Ask())
    assert [each for each in one.asked if "10.0.0.1" in each] == ["GET 10.0.0.1 /api/v2/system"]


def test_a_dashboard_that_does_not_come_leaves_the_board_known_and_its_word_unknown():
    found = read(system=SYSTEM, dashboard=GONE)
    assert of(found, "address").value == "10.0.0.1"
    assert of(found, "word").value is None
    assert "no answer" in of(found, "word").why


@pytest.mark.parametrize(
    ("system", "rate", "word"),
    [
        ({"shutdown": True}, 0, "stopped"),
        ({"shutdown": True}, 900, "stopped"),
        ({"boardError": 3}, 900, "error"),
        ({"uptime": 5}, 900, "booting"),
        ({"shutdown": None}, 900, "hashing"),
        ({}, 0, None),
        ({}, -1, None),
    ],
)
def test_the_word_is_the_boards_own(system, rate, word):
    found = read(system=SYSTEM, dashboard=dashboard(system=system, performance={"hashRate": rate}))
    assert of(found, "word").value == word


CUT, MET = {"connected": False}, {"connected": True}


@pytest.mark.parametrize(
    ("pools", "system", "rate", "word"),
    [
        ([CUT], {}, 0, "waiting"),
        ([CUT, CUT], {}, 0, "waiting"),
        ([CUT, MET], {}, 0, None),
        ([CUT, {}], {}, 0, None),
        ([CUT], {}, 900, "hashing"),
        ([CUT], {"shutdown": True}, 0, "stopped"),
        ([CUT], {"boardError": 3}, 0, "error"),
        ([CUT], {"uptime": 5}, 0, "booting"),
        ([], {}, 0, None),
    ],
)
def test_a_board_that_no_pool_answers_waits(pools, system, rate, word):
    tree = dashboard(system=system, performance={"hashRate": rate}, stratum={"pools": pools})
    assert of(read(system=SYSTEM, dashboard=tree), "word").value == word
    up_s = system.get("uptime", 900)
    old = v1(hashRate=rate, uptimeSeconds=up_s, stratum={"pools": pools}, **{**system, "uptime": up_s})
    assert of(read(info=old), "word").value == word


OFF = {"coreVoltageActual": 3, "power": 4.1}


@pytest.mark.parametrize(
    ("more", "word", "rate_ths"),
    [
        (OFF, "error", 0.0),
        ({**OFF, "shutdown": True, "hashRate": 0}, "stopped", 0.0),
        ({**OFF, "uptimeSeconds": 20}, "booting", 4.8),
        ({**OFF, "power": 71.0}, "hashing", 4.8),  # its voltage sensor is wrong
        ({**OFF, "coreVoltageActual": -1}, "hashing", 4.8),
        ({**OFF, "coreVoltageActual": 1140}, "hashing", 4.8),
        ({"power": 4.1}, "hashing", 4.8),
    ],
)
def test_a_board_of_old_firmware_that_took_the_voltage_from_its_chips_does_not_hash(more, word, rate_ths):
    """After overheating, and when its supply failed; the mean it then goes on telling is of the shares before
    (NerdQAxePlus, power_management_task.cpp and history.cpp), and the old interface has no word for it."""
    found = read(info=v1(**more))
    assert (of(found, "word").value, of(found, "hashrate_ths").value) == (word, rate_ths)
    trouble = next(each.value for each in found if each.channel == f"{MAC} trouble")
    assert ("no voltage" in trouble) == (word == "error")


DEAD = {"coreVoltageActual": 0, "watts": 5.1}


@pytest.mark.parametrize(
    ("power", "system", "rate", "word", "rate_ths"),
    [
        (DEAD, {}, 0, "error", 0.0),
        (DEAD, {}, 1150.0, "error", 0.0),
        ({**DEAD, "coreVoltageActual": 0.003}, {}, 0, "error", 0.0),
        (DEAD, {"shutdown": True}, 0, "stopped", 0.0),
        (DEAD, {"uptime": 5}, 900, "booting", 0.9),
        (DEAD, {"boardError": 3}, 0, "error", 0.0),
        ({**DEAD, "watts": 36.0}, {}, 900, "hashing", 0.9),  # its voltage sensor is wrong
        ({**DEAD, "coreVoltageActual": None}, {}, 0, None, 0.0),
        ({"watts": 5.1}, {}, 0, None, 0.0),
    ],
)
def test_a_board_whose_regulator_gave_up_without_a_fault_is_broken_by_the_new_interface_too(
    power, system, rate, word, rate_ths
):
    """A NerdAxe Gaia of September 2026, after a step up of its clock: 0 V at its chip, 5 W, no board error, not shut
    down; its settings written anew did not bring it back, a restart did (NerdQAxePlus, issue 709)."""
    found = read(system=SYSTEM, dashboard=dashboard(power=power, system=system, performance={"hashRate": rate}))
    assert (of(found, "word").value, of(found, "hashrate_ths").value) == (word, rate_ths)
    trouble = next(each.value for each in found if each.channel == f"{MAC} trouble")
    assert ("no voltage" in trouble) == (word == "error" and "boardError" not in system)


@pytest.mark.parametrize("missing", [-1, 0, None, "x", {}])
def test_a_sensor_that_is_not_there_is_unknown_and_never_a_number(missing):
    parts = dashboard(thermal={"asicTemp": missing, "asicTemps": [missing], "fans": missing}, power={"watts": missing})
    found = read(system=SYSTEM, dashboard=parts)
    assert (of(found, "chip_c").value, of(found, "power_w").value) == (None, None)


def test_the_pool_is_the_one_it_is_connected_to():
    pools = [{"host": "a.example", "port": 1, "connected": False}, {"host": "b.example", "port": 2, "connected": True}]
    found = read(system=SYSTEM, dashboard=dashboard(stratum={"pools": pools}))
    assert [each.value for each in found if each.channel.endswith(" pool")] == ["b.example:2"]


FIRST = {"stratumURL": "a.example", "stratumPort": 1, "stratumUser": "u"}
SECOND = {"fallbackStratumURL": "b.example", "fallbackStratumPort": 2, "fallbackStratumUser": "u"}
UP, DOWN = {"connected": True}, {"connected": False}


def pool_text(found):
    return [each.value for each in found if each.channel.endswith(" pool") and each.quantity == "text"]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({}, "a.example:1"),
        ({"isUsingFallbackStratum": 1}, "b.example:2"),
        ({"isUsingFallbackStratum": 0}, "a.example:1"),
        ({"stratum": {"usingFallback": False, "pools": [UP]}}, "a.example:1"),
        ({"stratum": {"usingFallback": True, "pools": [UP]}}, "b.example:2"),
        ({"stratum": {"usingFallback": True, "pools": [DOWN]}}, "b.example:2"),
        ({"stratum": {"pools": [UP, UP]}}, "a.example:1"),  # it works for both
        ({"stratum": {"pools": [DOWN, UP]}}, "b.example:2"),
        ({"stratum": {"pools": [DOWN, DOWN]}}, "a.example:1"),
        ({"stratum": "x"}, "a.example:1"),
    ],
)
def test_the_old_interface_tells_the_pool_it_works_for_too(more, told):
    """Its first fields are what is set; which of the two it uses it says beside (NerdQAxePlus, handler_system.cpp and
    stratum_manager_fallback.cpp)."""
    assert pool_text(read(info=v1(**FIRST, **SECOND, **more))) == [told]


def test_a_second_pool_that_is_told_by_no_name_is_not_the_first_one():
    assert pool_text(read(info=v1(**FIRST, isUsingFallbackStratum=1))) == []


@pytest.mark.parametrize(
    ("pools", "fallback", "told"),
    [
        ([{"host": "a.example", "port": 1, **UP}], False, ["a.example:1"]),
        ([{"host": "a.example", "port": 1, **UP}], True, []),
        ([{"host": "a.example", "port": 1, **DOWN}, {"host": "b.example", "port": 2, **UP}], True, ["b.example:2"]),
    ],
)
def test_firmware_that_names_its_first_pool_while_it_works_for_the_second_names_none(pools, fallback, told):
    """Where one pool stands in for the other, firmware of spring 2026 lists the one in use alone, and under the name
    of the first whichever that is (NerdQAxePlus, handler_v2_dashboard.cpp and pull request 563)."""
    stratum = {"pools": pools, "usingFallback": fallback}
    assert pool_text(read(system=SYSTEM, dashboard=dashboard(stratum=stratum))) == told


@pytest.mark.parametrize("model", [..., "Antminer S19 XP"])
def test_another_make_is_not_taken_for_one(model):
    """A Bitaxe, and TNA-OS on an Antminer, whose `shutdown` means nothing."""
    with pytest.raises(BadReply, match="is no NerdQaxe but 'BM1368'"):
        read(info=v1(deviceModel=model, ASICModel="BM1368"))


def do(one, *batch):
    return applied(nerdqaxe, one, options(), batch)


@pytest.mark.parametrize(("verb", "path"), [("stop", "shutdown"), ("run", "restart")])
def test_a_command_is_taken_and_the_next_read_proves_it(verb, path):
    one = board(info=v1(shutdown=verb == "run"), **{path: http(b"System will restart shortly.")})
    assert verdicts(do(one, order("10.0.0.1", verb))) == [ACCEPTED]
    assert one.sent() == [f"POST 10.0.0.1 /api/system/{path}"]


@pytest.mark.parametrize("verb", ["stop", "run"])
def test_a_board_that_is_not_named_after_its_firmware_is_commanded_as_the_others(verb):
    """Q1370 and Q1373 (ESP-Miner-NerdQAxePlus, boards/q1370.cpp)."""
    one = board(info=v1(deviceModel="Q1370", asicTemps=[55, 54], shutdown=verb == "run"))
    do(one, order("10.0.0.1", verb))
    assert one.sent() == [f"POST 10.0.0.1 /api/system/{'shutdown' if verb == 'stop' else 'restart'}"]


def test_such_a_board_is_recognised():
    told = v1(deviceModel="Q1373", asicTemps=[55, 54], version="v1.1.0")
    seen = Seen("10.0.0.1", (80,), {"GET /api/system/info": http(json.dumps(told).encode())})
    assert nerdqaxe.recognise(seen) == Guess("nerdqaxe", 3, "Q1373", "v1.1.0", MAC)


@pytest.mark.parametrize("verb", ["stop", "run"])
def test_a_board_that_is_so_already_is_left_alone(verb):
    one = board(info=v1(shutdown=verb == "stop"))
    assert verdicts(do(one, order("10.0.0.1", verb))) == [APPLIED]
    assert one.sent() == []


def test_a_board_that_may_be_hashing_is_not_restarted():
    one = board(info=v1(shutdown=...))
    assert verdicts(do(one, order("10.0.0.1", "run"))) == [REFUSED]
    assert one.sent() == []


def test_another_unit_at_the_address_is_sent_nothing():
    one = board(info=v1())
    (outcome,) = do(one, known("10.0.0.1", "stop", "02:00:00:00:00:01"))
    assert (outcome.verdict, outcome.why) == (REFUSED, "another unit answers at this address")
    assert one.sent() == []


@pytest.mark.parametrize(
    ("answer", "verdict", "helps"),
    [
        (http(b"", 401), REFUSED, "one-time codes"),
        (http(b"", 404), UNSUPPORTED, "outlet"),
        (http(b"", 500), UNKNOWN, "500"),
        (GONE, UNKNOWN, "no answer"),
    ],
)
def test_what_a_board_refuses_says_what_helps(answer, verdict, helps):
    (outcome,) = do(board(info=v1(), shutdown=answer), order("10.0.0.1", "stop"))
    assert outcome.verdict == verdict
    assert helps in outcome.why
