"""What asic-rs tells is passed on where it was read, unknown where it was made up; no Whatsminer is handed to it."""

import json
from pathlib import Path

import pytest
from devices.racks import GONE, Api, Rack
from devices.scripted import apply, order, value

from mine_controller.core.model.pool import Pool
from mine_controller.core.option import Secret, fill
from mine_controller.devices import _whatsminer, asic
from mine_controller.devices.kind import Ask, BadReply, Seen
from mine_controller.wire.asic_rs import MISSING
from mine_controller.wire.door import WireError

CASES = Path(__file__).resolve().parents[1] / "cases" / "asic"
TOLD = json.loads((CASES / "at_work" / "told.json").read_text())
A, B = "10.0.1.1", "10.0.1.2"
MAC = "02:00:00:00:00:0d"
NORTH = Pool("north", "stratum+tcp://north.example:3333", "acct.w1", Secret("p"), fallback="south")
SOUTH = Pool("south", "stratum+tcp://south.example:443", "acct.w1", Secret("q"))
WHATSMINER = {"STATUS": "E", "When": 1, "Code": 14, "Msg": "invalid cmd", "Description": "whatsminer v2"}


def options(**more):
    return fill(asic.Options, {"hosts": (A,), "pools": (NORTH, SOUTH), **more})


def read(rack, memory=None, **more):
    told = options(**more)
    return asic.parse(asic.fetch(rack.wire, told, Ask(memory=memory or {})), told)


def test_a_unit_is_read_in_one_round_of_the_library():
    rack = Rack({}, library=lambda job: {**TOLD, "mac": f"02:00:00:00:00:0{job.host[-1]}"})
    found = read(rack, hosts=(A, B))
    assert [job.do for job in rack.jobs] == ["read", "read"]
    assert value(found, "02:00:00:00:00:01", "power_w") == 5200
    assert value(found, "02:00:00:00:00:02", "address") == B


@pytest.mark.parametrize(
    ("state", "rate", "uptime", "word"),
    [
        ("Mining", 200.0, 900, "hashing"),
        ("Stable", 0.0, 100, "booting"),
        ("AdjustingFrequency", 0.0, 5000, "error"),
        ("Paused", 0.0, 900, "sleeping"),
        ("Stopped", 0.0, 900, "stopped"),
        ("Sleep", 0.0, 264, "sleeping"),  # as MARA's firmware 3.14 calls it
        ("Starting", 0.0, 20, "booting"),
        ("Error", 0.0, 900, "error"),
        ("Unknown", 0.0, 900, None),
        (None, 200.0, 900, "hashing"),
        (None, 0.0, 900, None),
        (None, None, None, None),
    ],
)
def test_the_word_is_what_the_firmware_names_and_never_is_mining(state, rate, uptime, word):
    """`is_mining` is true here all the time: asic-rs says so where it read nothing."""
    told = {**TOLD, "mining": True, "state": state, "rate": rate, "uptime": uptime}
    assert value(read(Rack({}, library=lambda _: told)), MAC, "word") == word


@pytest.mark.parametrize(
    ("told", "word"),
    [
        ({"mining": False}, "sleeping"),
        ({"mining": True}, None),
        ({"mining": False, "rate": 200.0}, "hashing"),
        ({"mining": False, "rate": None}, "sleeping"),
        ({"mining": False, "firmware": "UMC OS"}, None),
    ],
)
def test_an_auradine_names_no_state_but_is_not_mining_only_where_its_mode_says_sleep(told, word):
    told = {**TOLD, "state": None, "rate": 0.0, "watts": 0.0, "firmware": "Auradine Stock", **told}
    assert value(read(Rack({}, library=lambda _: told)), MAC, "word") == word


@pytest.mark.parametrize(("watts", "known"), [(5200.0, 5200), (0.0, None), (-1.0, None), (None, None), ("x", None)])
def test_watts_that_were_not_measured_are_unknown(watts, known):
    assert value(read(Rack({}, library=lambda _: {**TOLD, "watts": watts})), MAC, "power_w") == known


def test_without_the_wheel_the_section_says_so():
    rack = Rack({}, library=lambda _: WireError("missing", MISSING))
    with pytest.raises(WireError, match="not installed"):
        read(rack)


def test_a_job_that_was_lost_is_a_silent_unit():
    def told(job):
        return TOLD if job.host == A else WireError("closed", "asic-rs died of SIGABRT")

    found = read(Rack({}, library=told), {B: "02:00:00:00:00:99"}, hosts=(A, B))
    assert value(found, "02:00:00:00:00:99", "word") is None
    assert value(found, MAC, "word") == "hashing"


FRAME = _whatsminer.framed({"code": 0, "msg": {"salt": "x"}})


@pytest.mark.parametrize("ports", [{4028: Api(joins=False, version=WHATSMINER)}, {4433: lambda _: FRAME}])
def test_a_whatsminer_is_never_handed_to_the_library(ports):
    """It would switch on a write API that the owner has switched off, by a read alone."""
    rack = Rack({A: ports}, library=lambda _: TOLD)
    with pytest.raises(BadReply, match=r"section \[whatsminer\]"):
        read(rack)
    (outcome,) = apply(asic, rack, options(), [order(A, "stop")])
    assert (outcome.verdict, rack.jobs) == ("refused", [])


def command(told, verb="stop", value="", **more):
    rack = Rack({}, library=lambda _: told)
    (outcome,) = apply(asic, rack, options(**more), [order(A, verb)._replace(value=value, unit=MAC)])
    return outcome, rack


@pytest.mark.parametrize(
    ("told", "verdict", "why"),
    [
        ({"said": True}, "accepted", "asic-rs can tell"),
        ({"said": False}, "unknown", "only says"),
        ({"said": None}, "unknown", "only says"),
        ({"none": True}, "unreachable", "no miner"),
        ({"stranger": True}, "refused", "another unit"),
        ({"stranger": False}, "refused", "does not tell who it is"),
        ({"unsupported": True}, "unsupported", "no such command"),
        ({"elsewhere": "antminer"}, "unsupported", "[antminer]"),
        ({"refused": "it has no tuned preset of 1900 W or less"}, "refused", "no tuned preset"),
        ({"error": "RuntimeError: Authentication failed"}, "refused", "set user and password"),
        ({"error": "RuntimeError: 401 Unauthorized"}, "refused", "set user and password"),
        ({"error": "RuntimeError: Pausing mining is not supported on this platform"}, "unsupported", "not supported"),
        ({"error": "PanicException: called unwrap on a None"}, "unknown", "PanicException"),
        ({"error": "Connection refused (os error 111)"}, "unreachable", "refused"),
        (WireError("closed", "asic-rs died of SIGABRT"), "unknown", "SIGABRT"),
        (WireError("timeout", "asic-rs was not done in time"), "unknown", "not done"),
        (WireError("bad_http", "unreadable"), "unknown", "unreadable"),
        (WireError("unreachable", "not begun"), "unreachable", "not begun"),
        (WireError("missing", MISSING), "unsupported", "install.sh"),
    ],
)
def test_only_a_plain_yes_is_taken_for_one(told, verdict, why):
    outcome, _ = command(told)
    assert (outcome.verdict, why in outcome.why) == (verdict, True), outcome


@pytest.mark.parametrize(
    ("verb", "told", "value"),
    [("limit", "3000", "3000"), ("fan", "60 %", "60"), ("mode", "low", "low"), ("locate", "on", "on")],
)
def test_values_are_looked_at_before_they_go(verb, told, value):
    outcome, rack = command({"said": True}, verb, told)
    assert (outcome.verdict, rack.jobs[0].do, rack.jobs[0].value, rack.jobs[0].unit) == ("accepted", verb, value, MAC)


@pytest.mark.parametrize(
    ("verb", "told"), [("limit", "much"), ("fan", "-1"), ("mode", "eco"), ("locate", ""), ("pool", "west")]
)
def test_a_value_that_is_none_is_refused_and_goes_nowhere(verb, told):
    outcome, rack = command({"said": True}, verb, told)
    assert (outcome.verdict, rack.jobs) == ("refused", [])


def test_a_pool_goes_with_its_stand_in_and_the_password_in_the_job_alone():
    outcome, rack = command({"said": True}, "pool", "north", password=Secret("hush"))
    assert [pool[0] for pool in rack.jobs[0].pools] == [NORTH.url, SOUTH.url]
    assert {login[1:] for login in rack.jobs[0].logins} == {("root", "hush")}
    assert "hush" not in repr(outcome)


def test_no_password_is_the_makers_own():
    assert command({"said": True})[1].jobs[0].logins == ()


def test_makes_that_nobody_else_reads_are_recognised():
    seen = Seen(A, (4028,), {"version": b'{"VERSION":[{"GCMiner":"1.0"}]}'})
    assert (asic.recognise(seen).kind, asic.recognise(seen).rank) == ("asic", 2)
    assert asic.recognise(Seen(A, (80,), {"GET /": b"HTTP/1.1 200 OK\r\n\r\nAxeOS"})) is None


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("GET /", b"HTTP/1.1 200 OK\r\n\r\n<!DOCTYPE html><title>Goldshell</title>"),
        ("devdetails", b'{"DEVDETAILS":[{"Name":"INTCHAINS_QOMO"}]}'),
        ("version", b'{"VERSION":[{"CGMiner":"4.11.1","API":"3.1","PROD":"kdaminer"}]}'),
    ],
)
def test_a_goldshell_is_no_plain_cgminer(asked, answer):
    """As asic-rs itself tells one."""
    guess = asic.recognise(Seen(A, (80, 4028), {asked: answer}))
    assert (guess.kind, guess.rank, guess.model) == ("asic", 2, "Goldshell")


def test_a_silent_rack_costs_one_look_and_one_round():
    rack = Rack({A: {4028: lambda _: GONE}}, library=lambda _: {"none": True})
    with pytest.raises(BadReply, match="finds no miner"):
        read(rack)
    assert rack.volleys == [2]
