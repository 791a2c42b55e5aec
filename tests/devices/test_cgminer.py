"""Generic CGMiner fleets: one joined question each, careful words, and no command a firmware does not have."""

import json
import socket
import threading
import time

import pytest
from devices.farm import DENIED, INVALID, Farm, gone, section, status, words
from devices.scripted import apply, order, orders, value, verdicts

from mine_controller.core.model.pool import Pool
from mine_controller.core.option import fill
from mine_controller.devices import _units, cgminer
from mine_controller.devices.kind import Ask, BadReply
from mine_controller.wire import http
from mine_controller.wire.door import Exchange, WireError

A, B = "10.0.1.1", "10.0.1.2"
MAC_A, MAC_B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"


def options(**more):
    return fill(cgminer.Options, {"hosts": ("10.0.1.1-2",), **more})


CONTROL = {"stop_command": "ascdisable|0", "run_command": "ascenable|0"}


class Miner:
    """A firmware with `tables` by command; `joins` False: it knows single commands only."""

    def __init__(self, mac, joins=True, allowed=True, **tables):
        self.joins, self.allowed, self.done = joins, allowed, []
        version = {"CGMiner": "4.12", "PROD": "Example", **({"MAC": mac} if mac else {})}
        self.tables = {
            "version": section("VERSION", version),
            "summary": section("SUMMARY", {"Elapsed": 9000, "MHS 1m": 95_000_000.0, "Power": 3200}),
            "stats": section("STATS", {"temp_max": 71}),
            "devs": section("DEVS", {"ASC": 0, "Enabled": "Y", "Temperature": 70.5}),
            **{name: section(name.upper(), row) for name, row in tables.items()},
        }

    def __call__(self, command, parameter):
        if "+" in command:
            parts = {name: [self.tables[name]] for name in command.split("+")}
            return {**parts, "id": 1} if self.joins else INVALID
        if command in self.tables:
            return self.tables[command]
        if command == "check":
            return section("CHECK", {"Exists": "Y", "Access": "Y" if self.allowed else "N"})
        self.done.append(command)
        return {"STATUS": status("I", 111, "ASC 0 disabled")} if self.allowed else DENIED


def read(farm, opts=None, memory=None):
    opts = opts or options()
    return cgminer.parse(cgminer.fetch(farm.wire, opts, Ask(memory=memory or {})), opts)


def test_a_fleet_is_read_in_one_round_of_one_question_each():
    farm = Farm({A: Miner(MAC_A), B: Miner(MAC_B)})
    found = read(farm)
    assert farm.rounds == [2]
    for mac, host in ((MAC_A, A), (MAC_B, B)):
        assert value(found, mac, "address") == host
        assert value(found, mac, "word") == "hashing"
        assert value(found, mac, "power_w") == 3200
        assert value(found, mac, "hashrate_ths") == 95
        assert value(found, mac, "chip_c") == 71
        assert value(found, f"{mac} model", "text") == "Example"


@pytest.mark.parametrize("joins", [True, False])
def test_what_is_read_while_others_are_awaited_is_what_is_read_afterwards(joins):
    pair = {A: Miner(MAC_A, joins=joins), B: Miner(MAC_B)}
    later = read(Farm(pair))
    opts = options(macs=(f"{A} {MAC_A}",))
    replies = cgminer.fetch(Farm(pair).wire, opts, Ask(early=True))
    assert cgminer.parse(replies, opts) == later
    assert [reply.name for reply in replies if reply.made is not None] == ([A, B] if joins else [B])
    assert all((reply.body == b"") is (reply.made is not None) for reply in replies)


def test_silence_and_damage_are_told_early_as_late():
    said, wild = [], {A: lambda *_: b"no miner\0", B: lambda *_: b"STATUS=E,Code=14|\0"}
    for ask in (Ask(), Ask(early=True)):
        with pytest.raises(BadReply) as wrong:
            cgminer.parse(cgminer.fetch(Farm(wild).wire, options(), ask), options())
        said.append(str(wrong.value))
    assert said[0] == said[1] != ""


def test_a_fleet_is_read_over_real_sockets_too():
    def serve(listener, said):
        for _ in range(2):
            peer, _ = listener.accept()
            with peer:
                said.append(peer.recv(4096))
                peer.sendall(json.dumps(Miner(MAC_A)(*words(said[-1]))).encode() + b"\0")

    said = []
    with socket.create_server(("127.0.0.7", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener, said), daemon=True)
        thread.start()
        opts = options(hosts=("127.0.0.7",), port=listener.getsockname()[1], **CONTROL)
        wire = http.live(time.monotonic() + 20)
        found = cgminer.parse(cgminer.fetch(wire, opts, Ask()), opts)
        many = wire.many([Exchange("127.0.0.7", opts.port, cgminer.JOINED, b"\0")], wire.until)
        thread.join()
    assert value(found, MAC_A, "word") == "hashing"
    assert said == [cgminer.JOINED] * 2
    assert many[0].endswith(b"\0")


@pytest.mark.parametrize("refusal", [INVALID, WireError("closed", "hung up without an answer"), b"what?\0"])
def test_a_firmware_that_can_not_join_is_asked_one_by_one_and_remembered(refusal):
    miner = Miner(MAC_B)
    farm = Farm({A: Miner(MAC_A), B: lambda c, p: refusal if "+" in c else miner(c, p)})
    found = read(farm)
    assert farm.sent(B)[1:] == list(cgminer.READS)
    assert value(found, MAC_B, "word") == "hashing"
    kept = {each.channel: each.value for each in found if each.quantity == "memory"}
    again = Farm({A: Miner(MAC_A), B: miner})
    assert value(read(again, memory=kept), MAC_B, "power_w") == 3200
    assert again.sent(B) == list(cgminer.READS)
    assert len(again.sent(A)) == 1


def test_a_silent_miner_is_unknown_with_a_reason_and_the_others_are_read():
    found = read(Farm({A: Miner(MAC_A), B: gone}), memory={B: f"{MAC_B} joined"})
    (word,) = [each for each in found if (each.channel, each.quantity) == (MAC_B, "word")]
    assert (word.value, "no connection in 2.0 s" in word.why) == (None, True)
    assert value(found, MAC_A, "word") == "hashing"


def test_a_miner_that_moved_is_read_where_it_is_now():
    found = read(Farm({A: gone, B: Miner(MAC_A)}), memory={A: f"{MAC_A} joined"})
    assert value(found, MAC_A, "address") == B
    assert value(found, MAC_A, "word") == "hashing"


def test_one_mac_at_two_addresses_is_at_neither():
    found = read(Farm({A: Miner(MAC_A), B: Miner(MAC_A)}))
    assert value(found, MAC_A, "address") is None
    assert value(found, MAC_A, "word") is None
    assert value(found, f"{MAC_A} addresses", "text") == f"{A} and {B}", "a person is told where to look"


def test_a_whole_fleet_nobody_ever_heard_of_is_a_failure_with_a_reason():
    with pytest.raises(BadReply, match="no connection"):
        read(Farm({}))


def test_a_miner_without_identity_is_named_by_its_owner_or_not_at_all():
    farm = {A: Miner(""), B: Miner(MAC_B)}
    assert {each.channel for each in read(Farm(farm)) if each.quantity == "address"} == {MAC_B}
    named = options(macs=("10.0.1.1 02-00-00-00-00-0A",))
    assert cgminer.faults(named) == []
    assert value(read(Farm(farm), named), MAC_A, "address") == A


def test_an_entry_of_macs_that_says_nothing_is_told():
    assert len(cgminer.faults(options(macs=("10.0.1.1", "10.0.1.1 xx", "10.0.1.1-2 020000000001")))) == 3


def test_a_serial_serves_where_there_is_no_mac_and_a_blank_one_does_not():
    serial = read(Farm({A: Miner("", stats={"miner_id": "80208A4C0311"}), B: gone}))
    assert value(serial, "80208A4C0311", "address") == A
    with pytest.raises(BadReply, match="neither mac nor serial"):
        read(Farm({A: Miner("", stats={"miner_id": "0000000000"}), B: gone}))


@pytest.mark.parametrize("mac", ["000000000000", "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01", "0200000000", 17, None])
def test_a_mac_that_is_nobodys_is_none(mac):
    assert _units.mac_of(mac) == ""


@pytest.mark.parametrize("mac", ["02000000000A", "02:00:00:00:00:0a", "02-00-00-00-00-0A", "0200.0000.000a"])
def test_a_mac_is_read_however_it_is_written(mac):
    assert _units.mac_of(mac) == MAC_A


def test_a_model_of_any_length_is_told_short_and_clean():
    (_, model) = _units.facts(MAC_A, A, "M\x07" * 100_000, "")
    assert model.value == "M " * 30
    assert [each.value for each in _units.facts(MAC_A, A, ["list"], 4)[1:]] == ["['list']", "4"]


def test_a_serial_is_compared_without_regard_to_case():
    miner = Miner("", stats={"miner_id": "80208A4C0311"})
    farm = Farm({A: miner})
    assert verdicts(apply(cgminer, farm, options(**CONTROL), [order(f"{A} 80208A4C0311", "stop")])) == ["accepted"]


@pytest.mark.parametrize(
    ("summary", "rate", "word"),
    [
        ({"Elapsed": 9000, "GHS 5s": "95010.5", "GHS av": 1.0}, 95.0105, "hashing"),
        ({"Elapsed": 9000, "MHS 5s": 0.0, "MHS av": 44_000_000.0}, 0, "error"),
        ({"Elapsed": 60, "MHS 5s": 0.0}, 0, "booting"),
        ({"Elapsed": 9000, "MHS av": 44_000_000.0}, 44, "hashing"),
        ({"Elapsed": 9000, "MHS 1m": None}, None, None),
        ({"Elapsed": 9000, "MHS 1m": -1}, None, None),
    ],
)
def test_the_word_comes_from_a_short_window_and_never_from_the_average_beside_it(summary, rate, word):
    found = read(Farm({A: Miner(MAC_A, summary=summary), B: gone}))
    assert value(found, MAC_A, "word") == word
    rates = [each.value for each in found if each.quantity == "hashrate_ths"]
    assert rates == ([] if rate is None else [rate])


@pytest.mark.parametrize(
    ("summary", "state", "word"),
    [
        ({"Elapsed": 9000, "MHS 5s": 0.0}, "Dead", "waiting"),
        ({"Elapsed": 9000, "MHS 5s": 0.0}, "Alive", "error"),
        ({"Elapsed": 60, "MHS 5s": 0.0}, "Dead", "booting"),
        ({"Elapsed": 9000, "MHS 5s": 5e6}, "Dead", "hashing"),
    ],
)
def test_one_whose_pools_are_all_dead_waits_for_them(summary, state, word):
    """It is no fault of the unit's: nobody puts it aside, and its pool is found to be down."""
    pools = Miner(MAC_A, summary=summary, pools={"POOL": 0, "URL": "stratum+tcp://a.example:1", "Status": state})
    found = read(Farm({A: pools, B: gone}), options(pools=(Pool("a", "stratum+tcp://a.example:1", "w"),)))
    assert value(found, MAC_A, "word") == word


def test_a_rate_that_two_decimals_of_ths_would_hide_is_told_in_its_own_unit():
    found = read(Farm({A: Miner(MAC_A, summary={"Elapsed": 9000, "GHS 5s": 2.5}), B: gone}))
    assert value(found, f"{MAC_A} hashrate", "text") == "2.500 GH/s"
    assert value(found, MAC_A, "hashrate_ths") == 0.0025


def test_a_group_that_is_silent_as_a_whole_fails_with_the_first_reason_as_boards_do():
    with pytest.raises(BadReply, match=r"10\.0\.1\.1.*no connection"):
        read(Farm({}), memory={A: f"{MAC_A} joined", B: f"{MAC_B} joined"})


def test_fans_shares_and_the_time_it_runs_are_read():
    summary = {"Elapsed": 9000, "MHS 1m": 1.0, "Accepted": 5, "Rejected": "2", "Stale": 1, "Best Share": 99}
    found = read(Farm({A: Miner(MAC_A, summary=summary, stats={"fan1": 4200, "fan2": 0, "fan3": 3900}), B: gone}))
    told = {name: value(found, MAC_A, name) for name in ("fan_rpm", "uptime_s", "accepted_n", "rejected_n", "stale_n")}
    assert told == {"fan_rpm": 3900, "uptime_s": 9000, "accepted_n": 5, "rejected_n": 2, "stale_n": 1}
    assert value(found, MAC_A, "best_diff_n") == 99


def test_a_rate_sampled_from_the_chips_goes_before_one_made_of_shares():
    stats = {"0 MHS(Sample)": 1_000_000.0, "1 MHS(Sample)": "2000000", "temp_max": 71}
    assert value(read(Farm({A: Miner(MAC_A, stats=stats), B: gone})), MAC_A, "hashrate_ths") == 3


@pytest.mark.parametrize("watts", [0, -1, "", None, "N/A"])
def test_no_watts_are_unknown_and_not_zero(watts):
    found = read(Farm({A: Miner(MAC_A, summary={"MHS 1m": 1.0, "Power": watts}), B: gone}))
    assert value(found, MAC_A, "power_w") is None


def test_boards_without_sensors_and_counts_are_no_temperatures():
    stats = {"temp_num": 12, "temp1": 0, "temp2": -273.0, "temp3": 64, "temp_target": 75}
    miner = Miner(MAC_A, stats=stats, devs={"Temperature": 0.0})
    assert value(read(Farm({A: miner, B: gone})), MAC_A, "chip_c") == 64


def test_a_miner_whose_boards_are_all_disabled_says_it_is_stopped():
    found = read(Farm({A: Miner(MAC_A, devs={"ASC": 0, "Enabled": "N"}), B: gone}))
    assert value(found, MAC_A, "word") == "stopped"


def test_without_a_command_of_its_firmware_nothing_is_sent():
    farm = Farm({A: Miner(MAC_A), B: Miner(MAC_B)})
    assert verdicts(apply(cgminer, farm, options(), orders([A, B], "stop"))) == ["unsupported"] * 2
    assert farm.asked == []


def test_a_stop_goes_out_once_after_identity_and_permission():
    farm = Farm({A: Miner(MAC_A), B: Miner(MAC_B, allowed=False)})
    batch = [order(f"{A} {MAC_A}", "stop", 1), order(B, "stop", 2)]
    outcomes = {each.command: each for each in apply(cgminer, farm, options(**CONTROL), batch)}
    assert outcomes["1.0.1"].verdict == "accepted"
    assert outcomes["1.0.2"].verdict == "refused"
    assert "only read" in outcomes["1.0.2"].why
    assert farm.sent(A) == ["version", "stats", "check|ascdisable", "ascdisable|0"]
    assert farm.sent(B) == ["version", "stats", "check|ascdisable"]


def test_a_braiins_os_without_a_rest_interface_is_read_and_paused_under_the_mac_its_owner_gives():
    """As `antminer` advises: BOSminer tells neither mac nor serial, knows `check`, and answers pause with S 204."""
    given = {"macs": (f"{A} {MAC_A}",), "stop_command": "pause", "run_command": "resume"}
    bos = Miner("", version={"API": "3.7", "BOSminer+": "0.2.0-36c56a9363"}, pause={}, devdetails={})
    bos.tables["pause"] = {"STATUS": status("S", 204, "Pause"), "PAUSE": [True], "id": 1}
    farm = Farm({A: bos, B: gone})
    assert value(read(farm, options(**given)), MAC_A, "hashrate_ths") == 95
    (outcome,) = apply(cgminer, farm, options(**given), [order(f"{A} {MAC_A}", "stop")])
    assert (outcome.verdict, farm.sent(A)[-2:]) == ("accepted", ["check|pause", "pause"])


@pytest.mark.parametrize("joins", [True, False])
@pytest.mark.parametrize(("told", "word"), [("Unavailable", "stopped"), ("1 details", "error")])
def test_a_braiins_os_that_was_paused_is_stopped_by_what_it_says_of_its_boards(joins, told, word):
    """As pyasic reads it: paused, BOSminer's `devdetails` is refused as unavailable. A rate of 0 alone may be
    a fault that draws on, and nothing else tells: it names no watts."""
    given = {"macs": (f"{A} {MAC_A}",), "stop_command": "pause", "run_command": "resume"}
    summary = {"Elapsed": 9000, "MHS 1m": 0.0}
    bos = Miner("", joins=joins, version={"API": "3.7", "BOSminer+": "0.2.0-36c56a9363"}, summary=summary)
    letter = "E" if told == "Unavailable" else "S"
    bos.tables["devdetails"] = {"STATUS": status(letter, 302, told), "id": 1}
    assert value(read(Farm({A: bos, B: gone}), options(**given)), MAC_A, "word") == word


def test_a_braiins_os_that_does_not_answer_for_its_boards_is_not_thought_to_be_paused():
    """Its rate is 0 and nobody knows what it draws: silence is no word of rest."""

    class Cut(Miner):
        def __call__(self, command, parameter):
            return gone(command, parameter) if command == "devdetails" else super().__call__(command, parameter)

    given = {"macs": (f"{A} {MAC_A}",), "stop_command": "pause", "run_command": "resume"}
    rows = {"version": {"BOSminer+": "0.2.0"}, "summary": {"Elapsed": 9000, "MHS 1m": 0.0}, "devdetails": {}}
    bos = Cut("", joins=False, **rows)
    assert value(read(Farm({A: bos, B: gone}), options(**given)), MAC_A, "word") == "error"


def test_a_warning_that_the_unit_can_not_is_no_yes():
    """cgminer's api.c tells what a driver has no function for with the letter of a warning: code 117 for ascset."""
    miner = Miner(MAC_A, ascset={})
    miner.tables["ascset"] = {"STATUS": status("W", 117, "ASC 0 does not support ascset"), "id": 1}
    given = {"stop_command": "ascset|0,sleep", "run_command": "ascset|0,wake"}
    (outcome,) = apply(cgminer, Farm({A: miner}), options(**given), [order(f"{A} {MAC_A}", "stop")])
    assert outcome.verdict == "unsupported"


def test_a_stranger_at_the_address_gets_no_command():
    farm = Farm({A: Miner(MAC_B)})
    (outcome,) = apply(cgminer, farm, options(**CONTROL), [order(f"{A} {MAC_A}", "run")])
    assert (outcome.verdict, outcome.why) == ("refused", "another unit answers at this address")
    assert farm.sent(A) == ["version", "stats"]


def test_a_host_that_is_not_of_this_section_gets_no_command():
    farm = Farm({})
    (outcome,) = apply(cgminer, farm, options(**CONTROL), [order("192.168.7.7", "stop")])
    assert (outcome.verdict, farm.asked) == ("refused", [])


@pytest.mark.parametrize(
    ("lost", "verdict"),
    [(WireError("timeout", "no answer in 5 s"), "unknown"), (WireError("refused", "refused"), "unreachable")],
)
def test_a_lost_answer_to_the_command_is_unknown_once_it_may_have_arrived(lost, verdict):
    miner = Miner(MAC_A)
    farm = Farm({A: lambda c, p: lost if c == "ascdisable" else miner(c, p)})
    assert verdicts(apply(cgminer, farm, options(**CONTROL), [order(A, "stop")])) == [verdict]


def test_a_lost_answer_before_the_command_means_nothing_was_changed():
    farm = Farm({A: lambda *_: WireError("timeout", "no answer in 5 s")})
    (outcome,) = apply(cgminer, farm, options(**CONTROL), [order(A, "stop")])
    assert (outcome.verdict, outcome.why) == ("unreachable", "before the command: no answer in 5 s")


def test_when_time_is_over_what_was_not_sent_says_so():
    farm = Farm({A: Miner(MAC_A)}, budget_s=1.2)
    (outcome,) = apply(cgminer, farm, options(**CONTROL), [order(A, "stop")])
    assert outcome.verdict == "not_sent"
    assert "ascdisable|0" not in farm.sent(A)
