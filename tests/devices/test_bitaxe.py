import pytest
from devices.kinds import build
from devices.scripted import apply as applied
from devices.scripted import order, verdicts
from devices.shelf import HOSTS, Shelf, http, known

from mine_controller.core.model.command import (
    APPLIED,
    NOT_SENT,
    REFUSED,
    UNKNOWN,
    UNREACHABLE,
    UNSUPPORTED,
)
from mine_controller.devices import bitaxe
from mine_controller.devices.kind import Ask, BadReply, Reply
from mine_controller.wire.door import WireError

MAC = "02:00:00:00:00:0%d"


def options(**more):
    return build("bitaxe", "http://192.0.2.1", **{"hosts": ("10.0.0.1-3",), **more})


def info(at=1, **more):
    told = {
        "macAddr": MAC % at,
        "hashRate": 1100.5,
        "temp": 61.5,
        "power": 17.25,
        "frequency": 525,
        "uptimeSeconds": 900,
        "miningPaused": False,
        "overheat_mode": 0,
    }
    return {key: value for key, value in {**told, **more}.items() if value is not ...}


def shelf(**boards):
    """Boards by the last figure of their address: b1=info(...), or what is to be answered."""

    def answer(host, method, path, body):
        assert body is None
        if (method, path) == ("GET", bitaxe.INFO):
            return boards.get(f"b{host[-1]}", WireError("unreachable", "no connection in 2.0 s"))
        return boards.get(path.rpartition("/")[2], {"message": f"Mining {path.rpartition('/')[2]}d"})

    return Shelf(answer)


def read(**boards):
    return bitaxe.parse(bitaxe.fetch(shelf(**boards).wire, options(), Ask()), options())


def of(found, at, quantity):
    (one,) = [each for each in found if (each.channel, each.quantity) == (MAC % at, quantity)]
    return one


def text(found, at, what):
    (one,) = [each for each in found if each.channel == f"{MAC % at} {what}"]
    return one.value


def test_every_address_is_asked_once_and_all_at_once():
    boards = shelf(b1=info(1), b3=info(3))
    bitaxe.fetch(boards.wire, options(), Ask())
    assert boards.asked == [f"GET {host} /api/system/info" for host in HOSTS]
    assert boards.volleys == [3]


def test_a_board_is_known_by_its_mac_and_its_address_follows_it():
    found = read(b1=info(2), b3=info(1))
    assert (of(found, 1, "address").value, of(found, 2, "address").value) == ("10.0.0.3", "10.0.0.1")
    assert (of(found, 1, "power_w").value, of(found, 1, "hashrate_ths").value) == (17.25, 1.1005)


def test_no_answer_from_any_board_is_the_reason():
    with pytest.raises(WireError, match="no connection"):
        read()


@pytest.mark.parametrize("missing", [-1, 0, None, "", "n/a", ..., True])
def test_a_sensor_that_is_not_there_is_unknown_and_never_a_number(missing):
    found = read(b1=info(temp=missing, temp2=missing, power=missing))
    for quantity in ("chip_c", "power_w"):
        assert of(found, 1, quantity).value is None
        assert of(found, 1, quantity).why


def test_the_hotter_of_two_chips_counts():
    assert of(read(b1=info(temp=51, temp2=63.5)), 1, "chip_c").value == 63.5


@pytest.mark.parametrize("rate", [-1, None, ..., "much"])
def test_a_hash_rate_that_is_not_told_says_nothing_of_the_work(rate):
    found = read(b1=info(hashRate=rate))
    assert (of(found, 1, "hashrate_ths").value, of(found, 1, "word").value) == (None, None)


@pytest.mark.parametrize(
    ("told", "word"),
    [
        ({}, "hashing"),
        ({"miningPaused": True, "hashRate": 0}, "sleeping"),
        ({"miningPaused": 1, "hashRate": 900}, "sleeping"),
        ({"uptimeSeconds": 4}, "booting"),
        ({"overheat_mode": 1}, "error"),
        ({"overheat_mode": True, "miningPaused": True}, "error"),
        ({"power_fault": "VIN_OV"}, "error"),
        ({"hashRate": 0}, None),
        ({"miningPaused": ...}, "hashing"),
        ({"frequency": 50}, "hashing"),
    ],
)
def test_the_word_is_the_boards_own(told, word):
    assert of(read(b1=info(**told)), 1, "word").value == word


@pytest.mark.parametrize(
    ("said", "more", "word"),
    [
        ("Not Connected", {}, "waiting"),
        ("SV1: Connection failed", {}, "waiting"),
        ("SV1: Pool unreachable", {}, "waiting"),
        ("SV1: Pool unreachable", {"hashRate": 700, "power": 3.1}, "waiting"),  # the mean of before, without power
        ("SV1: Pool unreachable", {"hashRate": 700}, "hashing"),  # it works on what it had
        ("SV1: Pool unreachable", {"miningPaused": True}, "sleeping"),
        ("SV1: Pool unreachable", {"overheat_mode": 1}, "error"),
        ("SV1: Pool unreachable", {"uptimeSeconds": 5}, "booting"),
        ("SV1: Pool unreachable", {"hashRate": None}, None),
        ("IPv4", {}, None),
        ("IPv6 (TLS)", {}, None),
        (None, {}, None),
        ({"connected": False}, {}, None),
    ],
)
def test_a_board_that_no_pool_answers_waits(said, more, word):
    """It has taken the power from its chip, and gives it back by itself (ESP-Miner, stratum_task.c)."""
    told = {"hashRate": 0, "poolConnectionInfo": said, **more}
    assert of(read(b1=info(**told)), 1, "word").value == word


DARK = {"coreVoltageActual": 3, "power": 5.0}  # after its supply failed; the hash rate stays that of the last nonces


@pytest.mark.parametrize(
    ("more", "word", "rate_ths"),
    [
        (DARK, "error", 0.0),
        ({**DARK, "power_fault": "Power Fault Detected"}, "error", 0.0),
        ({**DARK, "power_fault": "Power Fault Detected", "power": 9.5}, "error", 0.0),  # the fans of a Hex
        ({**DARK, "overheat_mode": 1}, "error", 0.0),
        ({"coreVoltageActual": 996, "power": 4.1, "overheat_mode": 1}, "error", 1.1005),  # goes on at 50 MHz
        ({**DARK, "miningPaused": True, "hashRate": 0}, "sleeping", 0.0),
        ({**DARK, "poolConnectionInfo": "Not Connected"}, "waiting", 1.1005),
        ({**DARK, "uptimeSeconds": 20}, "booting", 1.1005),
        ({**DARK, "power": 14.2}, "hashing", 1.1005),  # its voltage sensor is wrong
        ({**DARK, "power": -1}, "hashing", 1.1005),
        ({**DARK, "coreVoltageActual": -1}, "hashing", 1.1005),
        ({"power": 5.0}, "hashing", 1.1005),
    ],
)
def test_a_board_whose_chips_have_no_voltage_does_not_hash_whatever_rate_it_tells(more, word, rate_ths):
    """Older firmware makes the rate of the nonces it finds and keeps it when none comes any more: boards whose
    regulator had given up stood there with 5 W and their last rate until a restart (ESP-Miner, system.c, and its issues
    752 and 803); those before March 2025 had no word for it either."""
    found = read(b1=info(1, **more))
    assert (of(found, 1, "word").value, of(found, 1, "hashrate_ths").value) == (word, pytest.approx(rate_ths))
    assert (text(found, 1, "trouble") != "none") == (word == "error")
    assert ("no voltage" in text(found, 1, "trouble")) == (more == DARK)


def test_a_clock_lowered_after_overheating_is_told():
    assert text(read(b1=info(frequency=50)), 1, "trouble").startswith("clock lowered to 50 MHz")
    assert text(read(b1=info()), 1, "trouble") == "none"


def test_a_clock_that_newer_firmware_lowered_is_told_until_somebody_changes_the_fan():
    cooled = {"ASICModel": "BM1370", "frequency": 425, "coreVoltage": 1050, "manualFanSpeed": 100}
    found = read(b1=info(**cooled, autofanspeed=0), b2=info(2, **cooled, autofanspeed=1))
    assert text(found, 1, "trouble").startswith("clock lowered to 425 MHz, as the firmware does after overheating")
    assert (of(found, 1, "word").value, text(found, 2, "trouble")) == ("hashing", "none")


def test_a_board_that_fell_silent_is_unknown_with_the_reason():
    memory = {one.channel: one.value for one in read(b1=info(1), b2=info(2)) if one.quantity == "memory"}
    assert memory == {"10.0.0.1": MAC % 1, "10.0.0.2": MAC % 2}
    found = bitaxe.parse(bitaxe.fetch(shelf(b2=info(2)).wire, options(), Ask(memory=memory)), options())
    assert (of(found, 1, "word").value, of(found, 1, "power_w").value) == (None, None)
    assert of(found, 1, "word").why == "no connection in 2.0 s"


def test_a_board_that_moved_is_not_missed_at_its_old_address():
    memory = {"10.0.0.1": MAC % 1}
    found = bitaxe.parse(bitaxe.fetch(shelf(b3=info(1)).wire, options(), Ask(memory=memory)), options())
    assert of(found, 1, "address").value == "10.0.0.3"
    assert of(found, 1, "word").value == "hashing"


def test_a_device_can_not_speak_for_a_silent_one():
    lying = http(info(1)).replace(b"Content-Type", b"Unit: 02:00:00:00:00:09\r\nContent-Type")
    assert {one.channel.partition(" ")[0] for one in read(b1=lying)} == {MAC % 1, "10.0.0.1"}


def test_two_addresses_with_one_mac_are_nobody():
    found = read(b1=info(1), b2=info(1), b3=info(3))
    assert [of(found, 1, what).value for what in ("address", "word", "power_w")] == [None, None, None]
    assert of(found, 3, "address").value == "10.0.0.3"
    assert text(found, 1, "addresses") == "10.0.0.1 and 10.0.0.2", "a person is told where to look"
    assert not [one for one in found if one.channel == f"{MAC % 3} addresses"]


@pytest.mark.parametrize("mac", ["", "00:00:00:00:00:00", "FF:FF:FF:FF:FF:FF", None, 7, "10.0.0.1"])
def test_a_board_without_a_mac_is_nobody(mac):
    with pytest.raises(BadReply, match=r"10\.0\.0\.1: tells no mac"):
        read(b1=info(macAddr=mac))


def test_a_mac_is_written_in_one_way():
    found = read(b1=info(macAddr="02-00-00-AA-BB-CC"))
    assert found[0].channel == "02:00:00:aa:bb:cc"


@pytest.mark.parametrize(
    "told", [{"deviceModel": "NerdQAxe++"}, {"deviceModel": "Q1370", "shutdown": False, "asicTemps": [55, 56.5]}]
)
def test_a_nerdqaxe_on_the_shelf_is_sent_to_its_own_section(told):
    with pytest.raises(BadReply, match="is a NerdQaxe"):
        read(b1=info(**told))


def test_another_make_that_answers_in_the_same_words_is_told_and_not_taken_for_one():
    """TNA-OS on an Antminer: its core voltage is the 13 V of its supply, its `shutdown` means nothing."""
    with pytest.raises(BadReply, match="is 'Antminer S19 XP', no Bitaxe"):
        read(b1=info(deviceModel="Antminer S19 XP", ASICModel="BM1366", coreVoltage=13300, shutdown=False))


def test_one_board_that_answers_something_else_does_not_hide_the_others():
    found = read(b1=http(b"<html>", 200), b2=info(2))
    assert of(found, 2, "word").value == "hashing"
    (told,) = [each.value for each in found if each.channel == ""]
    assert "10.0.0.1" in told


def test_a_refusal_of_the_askers_address_says_what_helps():
    with pytest.raises(BadReply, match="private addresses only"):
        read(b1=http(b"Unauthorized", 401))


def test_hostile_texts_are_cut_and_cleaned():
    found = read(b1=info(version="v1\x1b[2J\n" + "x" * 500, ASICModel=["BM1368"]))
    assert text(found, 1, "firmware").isprintable()
    assert len(text(found, 1, "firmware")) <= 80
    assert not [each for each in found if each.channel.endswith(" model")]


def test_a_pool_is_told_without_a_login():
    assert text(read(b1=info(stratumURL="stratum+tcp://me:pw@pool.example", stratumPort=3333)), 1, "pool") == (
        "pool.example:3333"
    )


def test_pause_is_one_post_after_one_read():
    boards = shelf(b1=info(1), b2=info(2))
    assert verdicts(do(boards, order("10.0.0.1", "stop"), order("10.0.0.2", "stop", 2))) == [APPLIED] * 2
    assert boards.sent() == ["POST 10.0.0.1 /api/system/pause", "POST 10.0.0.2 /api/system/pause"]
    assert boards.volleys == [2, 2]


def do(boards, *batch, **more):
    return applied(bitaxe, boards, options(**more), batch)


def test_resume_is_one_post():
    boards = shelf(b1=info(miningPaused=True))
    assert verdicts(do(boards, order("10.0.0.1", "run"))) == [APPLIED]
    assert boards.sent() == ["POST 10.0.0.1 /api/system/resume"]


@pytest.mark.parametrize(("verb", "paused"), [("stop", True), ("run", False)])
def test_a_board_that_is_so_already_is_left_alone(verb, paused):
    boards = shelf(b1=info(miningPaused=paused, **({"power": 2.5} if paused else {})))
    (outcome,) = do(boards, order("10.0.0.1", verb))
    assert (outcome.verdict, boards.sent()) == (APPLIED, [])


def test_another_unit_at_the_address_is_sent_nothing():
    boards = shelf(b1=info(1), b2=info(2))
    outcomes = do(boards, known("10.0.0.1", "stop", MAC % 7), known("10.0.0.2", "stop", MAC % 2, 2))
    assert sorted(verdicts(outcomes)) == [APPLIED, REFUSED]
    assert boards.sent() == ["POST 10.0.0.2 /api/system/pause"]
    assert "another unit answers at this address" in [each.why for each in outcomes]


def test_an_overheated_board_is_not_resumed():
    boards = shelf(b1=info(overheat_mode=1, miningPaused=True))
    (outcome,) = do(boards, order("10.0.0.1", "run"))
    assert (outcome.verdict, boards.sent()) == (REFUSED, [])
    assert "overheat" in outcome.why


@pytest.mark.parametrize("status", [404, 405, 501])
def test_firmware_without_pause_is_unsupported_with_what_helps(status):
    (outcome,) = do(shelf(b1=info(miningPaused=...), pause=http(b"", status)), order("10.0.0.1", "stop"))
    assert outcome.verdict == UNSUPPORTED
    assert "2.14.0" in outcome.why


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (http({"message": "no"}), UNKNOWN),
        (http(b"<html>"), UNKNOWN),
        (http(b""), UNKNOWN),
        (http(b"Unauthorized", 401), REFUSED),
        (http(b"", 500), UNKNOWN),
        (WireError("timeout", "no answer in 8.0 s"), UNKNOWN),
        (WireError("refused", "refused the connection"), UNREACHABLE),
        (b"HTTP/1.1 200 OK\r\nContent-Le", UNKNOWN),
    ],
)
def test_only_the_boards_own_word_makes_it_applied(answer, verdict):
    (outcome,) = do(shelf(b1=info(), pause=answer), order("10.0.0.1", "stop"))
    assert outcome.verdict == verdict
    assert outcome.why


def test_a_board_that_can_not_be_read_is_not_commanded():
    boards = shelf(b2=http(b"junk"))
    outcomes = do(boards, order("10.0.0.1", "stop"), order("10.0.0.2", "stop", 2))
    assert verdicts(outcomes) == [UNREACHABLE, REFUSED]
    assert boards.sent() == []


@pytest.mark.parametrize("address", ["10.0.0.9", "", "evil.example"])
def test_an_address_outside_the_section_is_refused(address):
    boards = shelf(b1=info())
    assert verdicts(do(boards, order(address, "stop"))) == [REFUSED]
    assert boards.asked == []


def test_a_board_takes_no_outlet_verbs():
    assert verdicts(do(shelf(b1=info()), order("10.0.0.1", "off"))) == [UNSUPPORTED]


def test_without_time_nothing_is_sent():
    boards = shelf(b1=info())
    boards.clock = boards.wire.until - 0.1
    assert verdicts(do(boards, order("10.0.0.1", "stop"))) == [NOT_SENT]
    assert boards.asked == []


def test_a_read_that_takes_all_the_time_leaves_the_command_unsent():
    boards = shelf(b1=info())
    boards.clock = boards.wire.until - 0.8
    assert verdicts(do(boards, order("10.0.0.1", "stop"))) == [NOT_SENT]
    assert boards.sent() == []


def test_what_hosts_can_not_mean_is_told():
    assert bitaxe.faults(options(hosts=("10.0.0.1-3", "shelf.local")))
    assert bitaxe.faults(options()) == []


def test_replies_without_any_unit_are_refused():
    with pytest.raises(BadReply, match="no address answers"):
        bitaxe.parse((Reply("10.0.0.1", 0, {"why": "x"}, b""),), options())
