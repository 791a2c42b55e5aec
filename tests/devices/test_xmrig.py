import json

import pytest
from devices.kinds import CANARY, CASES, build
from devices.scripted import apply as applied
from devices.scripted import order, verdicts
from devices.shelf import Shelf, http, known

from mine_controller.core.model.command import ACCEPTED, APPLIED, REFUSED, UNKNOWN, UNREACHABLE, UNSUPPORTED
from mine_controller.core.option import Secret
from mine_controller.devices import xmrig
from mine_controller.devices.kind import Ask, BadReply
from mine_controller.wire.door import WireError

SUMMARY = json.loads((CASES / "xmrig" / "summary_of_6" / "summary_6.json").read_text())
OK = {"id": 1, "jsonrpc": "2.0", "error": None, "result": {"status": "OK"}}
ID = "92f3104f9a2ee78c"
GONE = WireError("timeout", "no answer in 5.0 s")


def options(**more):
    return build("xmrig", "http://192.0.2.1", **{"hosts": ("10.0.0.1",), **more})


def summary(**more):
    return {key: value for key, value in {**SUMMARY, **more}.items() if value is not ...}


IDLE = {"total": [0.0, None, None]}


class Program:
    """One running program that obeys, unless told what to answer to a call."""

    def __init__(self, call=None, after=None, **more):
        self.told, self.call, self.after, self.reads = summary(**more), call, after, 0
        self.methods = []

    def __call__(self, host, method, path, body):
        if method == "GET":
            self.reads += 1
            return self.after if self.after is not None and self.reads > 1 else dict(self.told)
        assert path == "/json_rpc"
        self.methods.append(body["method"])
        if self.call is None:
            self.told["paused"] = body["method"] == "pause"
        return OK if self.call is None else self.call


def read(**more):
    return xmrig.parse(xmrig.fetch(Shelf(Program(**more)).wire, options(), Ask()), options())


def word(found):
    (one,) = [each for each in found if each.quantity == "word"]
    return one


def test_every_request_carries_the_token_and_no_text_does():
    shelf = Shelf(Program())
    found = xmrig.parse(xmrig.fetch(shelf.wire, options(), Ask()), options())
    outcomes = applied(xmrig, shelf, options(), [order("10.0.0.1", "stop")])
    assert all(f"Authorization: Bearer {CANARY}\r\n".encode() in raw for raw in shelf.raw)
    assert CANARY not in repr((found, outcomes))


def test_without_a_token_no_login_is_sent():
    shelf = Shelf(Program())
    xmrig.fetch(shelf.wire, options(token=Secret("")), Ask())
    assert b"Authorization" not in shelf.raw[0]


def test_a_token_that_no_header_may_carry_is_told_and_not_sent():
    odd = options(token=Secret("a\r\nX-Y: z"))
    shelf = Shelf(Program())
    xmrig.fetch(shelf.wire, odd, Ask())
    assert b"X-Y" not in shelf.raw[0]
    (fault,) = xmrig.faults(odd)
    assert "X-Y" not in fault


@pytest.mark.parametrize(("identity", "name"), [("id", ID.upper()), ("worker_id", "HOST1")])
def test_who_it_is_is_its_own_id_or_its_workers_name(identity, name):
    chosen = options(identity=identity)
    found = xmrig.parse(xmrig.fetch(Shelf(Program()).wire, chosen, Ask()), chosen)
    assert found[0][:3] == (name, "address", "10.0.0.1")


@pytest.mark.parametrize("name", ["", None, "a/b:c", 7, "x" * 60, ...])
def test_a_program_without_a_usable_id_is_nobody(name):
    with pytest.raises(BadReply, match="tells no id"):
        read(id=name)


def test_a_proxy_is_no_miner_and_is_told_nothing():
    """It tells the same words, its hash rates in kH/s (xmrig-proxy 6, version.h and Hashrate.cpp)."""
    proxy = Program(kind="proxy", ua="xmrig-proxy/6.24.0", hashrate={"total": [2.96, 2.9, 2.8, 0.0, 0.0, 2.9]})
    with pytest.raises(BadReply, match="is an xmrig-proxy, which does not mine"):
        xmrig.parse(xmrig.fetch(Shelf(proxy).wire, options(), Ask()), options())
    applied(xmrig, Shelf(proxy), options(), [order("10.0.0.1", "stop")])
    assert proxy.methods == []


def test_a_processors_hash_rate_is_never_a_number_to_be_added_to_that_of_others():
    found = read()
    assert {each.quantity for each in found} <= {
        *("address", "word", "text", "memory", "pool", "uptime_s", "accepted_n", "rejected_n"),
        *("rate_hs", "best_diff_n"),
    }


@pytest.mark.parametrize(
    ("more", "rate_hs"),
    [
        ({}, 2961.1),  # a minute: ten seconds jump, a quarter of an hour is long after a start
        ({"hashrate": {"total": [900.5, None, None]}}, 900.5),
        ({"hashrate": {"total": [0.0, 800.0, 900.0]}}, 0.0),
        ({"paused": True, "hashrate": {"total": [0, 100, 900]}}, 0.0),
        ({"hashrate": {"total": [None, None, None]}}, None),
        # a minute after "no active pools, stop mining" (xmrig/xmrig, issues 1138 and 2745)
        ({"hashrate": {"total": [None, 5907.0, 5914.3]}, "connection": {"uptime": 0, "uptime_ms": 0}}, 0.0),
        ({"hashrate": {"total": [5915.1, 5902.0, 5914.4]}, "connection": {"uptime": 0, "uptime_ms": 0}}, 5902.0),
        ({"hashrate": {"total": [None, 0.4, 0.4]}}, 0.4),  # one hash takes longer than ten seconds
        ({"hashrate": "x"}, None),
    ],
)
def test_its_rate_in_hashes_is_what_it_does_now(more, rate_hs):
    assert next((each.value for each in read(**more) if each.quantity == "rate_hs"), None) == rate_hs


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({}, "hashing"),
        ({"paused": True}, "sleeping"),
        ({"paused": True, "hashrate": {"total": [0, 100, 900]}}, "sleeping"),
        ({"paused": ...}, "hashing"),
        ({"hashrate": {"total": [None, None, None]}, "uptime": 3}, "booting"),
        ({"hashrate": {"total": [None, None, None]}}, None),
        ({"hashrate": {"total": [0.0, 800.0, 900.0]}}, None),
        ({"hashrate": "x"}, None),
        ({"hashrate": IDLE, "connection": {"uptime": 0, "uptime_ms": 0}}, "waiting"),
        ({"hashrate": IDLE, "connection": {"uptime": 0}}, "waiting"),
        ({"hashrate": IDLE, "connection": {"uptime": 0, "uptime_ms": 900}}, None),
        ({"hashrate": IDLE, "connection": {}}, None),
        ({"hashrate": IDLE, "connection": {"uptime": 0}, "paused": True}, "sleeping"),
        ({"connection": {"uptime": 0, "uptime_ms": 0}}, "hashing"),
    ],
)
def test_the_word_is_the_programs_own(more, told):
    one = word(read(**more))
    assert one.value == told
    assert one.why or told


def do(program, *batch, **more):
    shelf = Shelf(program)
    return applied(xmrig, shelf, options(**more), batch), shelf


@pytest.mark.parametrize(("verb", "method"), [("stop", "pause"), ("run", "resume")])
def test_a_command_is_applied_when_the_program_says_so_afterwards(verb, method):
    program = Program(paused=verb == "run")
    outcomes, shelf = do(program, order("10.0.0.1", verb))
    assert (verdicts(outcomes), program.methods) == ([APPLIED], [method])
    assert shelf.asked == ["GET 10.0.0.1 /2/summary", "POST 10.0.0.1 /json_rpc", "GET 10.0.0.1 /2/summary"]


@pytest.mark.parametrize("after", [GONE, http(b"junk"), summary(), summary(paused=...), summary(id="another1")])
def test_an_ok_that_nothing_confirms_is_only_accepted(after):
    outcomes, _ = do(Program(after=after), order("10.0.0.1", "stop"))
    assert verdicts(outcomes) == [ACCEPTED]


def test_a_pause_of_another_program_proves_nothing():
    outcomes, _ = do(Program(after=summary(id="another1", paused=True)), known("10.0.0.1", "stop", ID))
    assert verdicts(outcomes) == [ACCEPTED]


@pytest.mark.parametrize(("verb", "paused"), [("stop", True), ("run", False)])
def test_a_program_that_is_so_already_is_left_alone(verb, paused):
    rates = {"hashrate": IDLE} if paused else {}
    outcomes, shelf = do(Program(paused=paused, **rates), order("10.0.0.1", verb))
    assert (verdicts(outcomes), shelf.sent()) == ([APPLIED], [])


def test_a_restricted_program_says_what_helps_and_is_sent_nothing():
    (outcome,), shelf = do(Program(restricted=True), order("10.0.0.1", "stop"))
    assert (outcome.verdict, shelf.sent()) == (REFUSED, [])
    assert "http.restricted" in outcome.why


def test_another_program_at_the_address_is_sent_nothing():
    (outcome,), shelf = do(Program(), known("10.0.0.1", "stop", "another1"))
    assert (outcome.verdict, outcome.why, shelf.sent()) == (REFUSED, "another unit answers at this address", [])


@pytest.mark.parametrize(
    ("call", "verdict", "helps"),
    [
        (http(b"", 401), REFUSED, "access-token"),
        (http(b"", 403), REFUSED, "restricted"),
        (http(b"", 415), REFUSED, "415"),
        (http(b"", 500), UNKNOWN, "500"),
        ({"error": {"code": -32601, "message": "Method not found"}}, UNSUPPORTED, "can't pause"),
        ({"error": {"code": 1, "message": "no"}}, REFUSED, "'no'"),
        ({"result": {"status": "BUSY"}}, UNKNOWN, "does not say"),
        (http(b"<html>"), UNKNOWN, "no JSON"),
        (GONE, UNKNOWN, "no answer"),
        (WireError("refused", "refused the connection"), UNREACHABLE, "refused"),
    ],
)
def test_what_the_program_does_not_take_says_why(call, verdict, helps):
    (outcome,), shelf = do(Program(call=call), order("10.0.0.1", "stop"))
    assert outcome.verdict == verdict
    assert helps in outcome.why
    assert len(shelf.sent()) == 1
