"""What every kind owes the rest, whatever its device does: no exception, no delay, no zero, no secret (MIN1, MIN2)."""

import base64
import json
import time
import tracemalloc

import pytest
from devices import faults
from devices.kinds import CANARY, CASES, KINDS, SUBJECTS, WHOLE, address, build, variant
from hypothesis import given
from hypothesis import strategies as st

from mine_controller.core.due import Asked
from mine_controller.core.model.command import APPLIED, NOT_SENT, VERBS, VERDICTS, Command
from mine_controller.core.model.reading import Value
from mine_controller.core.model.reason import Reason
from mine_controller.core.option import declarations
from mine_controller.devices import _turns
from mine_controller.devices.act import act
from mine_controller.devices.ask import BOOKKEEPING, ask
from mine_controller.devices.kind import Ask, BadReply, Found, Reply
from mine_controller.wire import http, retry
from mine_controller.wire import session as _warm  # noqa: F401 - its import is start-up, not part of any deadline
from mine_controller.wire.door import Response, Wire, WireError, in_rounds

BUDGET_S = 0.3
SLACK_S = 2.0  # the machine is noisy; a wait without an end still fails
MEMORY = 6_000_000
HIDDEN = (CANARY, base64.b64encode(f"admin:{CANARY}".encode()).decode()[8:-4])
COMMANDING = [subject for subject in SUBJECTS if hasattr(KINDS[subject.partition(" ")[0]], "apply")]

# The unit confirms a command by any 2xx, also an empty one: nothing tells a strange 200 from a good one.
BY_STATUS = {"jaws"}
# Asks nothing: that a connection comes about is the whole answer, whoever is there.
BY_CONNECTION = {"uplink"}
ASKING = [subject for subject in SUBJECTS if subject not in BY_CONNECTION]
GOOD_STATUS = {"echo", "garbage", "html", "empty", "deep", "nested", "other", "null", "number", "list"}


class Section:
    live = True

    def __init__(self, kind, options):
        self.kind, self.options = kind, options


@pytest.fixture(scope="session")
def broken():
    servers = {name: faults.Fault(name) for name in faults.NAMES}
    yield servers
    for server in servers.values():
        server.close()


@pytest.fixture(autouse=True)
def _hasty(monkeypatch):
    monkeypatch.setattr(_turns, "LEAST_S", 0.0)  # else no lane would send anything in a budget this small
    retry.set_active(False)
    yield
    retry.set_active(True)


def read(subject, url, until_s=BUDGET_S):
    kind, more = variant(subject)
    section = f"{kind} x"
    known = {f"{section}/1:temp_c": Value(20.0, 100, "", "")}
    ends = time.monotonic() + until_s
    return ask(
        [Asked(section)],
        {section: Section(kind, build(kind, url, **{**WHOLE.get(kind, {}), **more}))},
        known,
        int,
        lambda _, u: http.live(u),
        ends,
    )


def command(subject, url, until_s=BUDGET_S):
    kind, more = variant(subject)
    section, verb = f"{kind} x", KINDS[kind].CAN.verbs[-1]
    one = Command("1.0.1", "miner a001", verb, section, address(kind), 0, Reason("test", "test"))
    ends = time.monotonic() + until_s
    sections = {section: Section(kind, build(kind, url, **{**WHOLE.get(kind, {}), **more}))}
    return act([one], sections, frozenset(), int, lambda _, u: http.live(u), ends)


@pytest.mark.parametrize("fault", faults.NAMES)
@pytest.mark.parametrize("subject", ASKING)
def test_a_broken_device_is_unknown_with_a_reason_and_in_time(subject, fault, broken):
    began = time.monotonic()
    readings = read(subject, broken[fault].url)
    assert time.monotonic() - began < BUDGET_S + SLACK_S
    health = [reading for reading in readings if reading.quantity == "health"]
    values = [reading for reading in readings if reading.quantity not in BOOKKEEPING]
    assert len(health) == 1
    assert values or health[0].value is None
    assert [reading for reading in values if reading.value is not None] == []
    assert all(reading.why for reading in (*values, *health) if reading.value is None)
    assert not spilled(repr(readings))


@pytest.mark.parametrize("fault", faults.NAMES)
@pytest.mark.parametrize("subject", COMMANDING)
def test_a_command_to_a_broken_device_is_never_applied(subject, fault, broken):
    kind = subject.partition(" ")[0]
    began = time.monotonic()
    (outcome,) = command(subject, broken[fault].url)
    assert time.monotonic() - began < BUDGET_S + SLACK_S
    assert outcome.verdict in VERDICTS
    assert outcome.verdict != NOT_SENT
    assert outcome.verdict != APPLIED or (kind in BY_STATUS and fault in GOOD_STATUS)
    assert outcome.why or outcome.verdict == APPLIED
    assert not spilled(repr(outcome))


def spilled(text):
    return [secret for secret in HIDDEN if secret in text]


@pytest.mark.parametrize("fault", ["huge", "bomb"])
def test_ten_megabytes_from_every_kind_at_once_take_little_memory(fault, broken):
    ends = time.monotonic() + 2
    sections = {f"{kind} x": Section(kind, build(kind, broken[fault].url, **WHOLE.get(kind, {}))) for kind in KINDS}
    ask([Asked(name) for name in sections], sections, {}, int, lambda _, u: http.live(u), ends - 1)  # imports are paid
    tracemalloc.start()
    ask([Asked(name) for name in sections], sections, {}, int, lambda _, u: http.live(u), ends)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < MEMORY + len(KINDS) * 800_000


def fake(responses):
    """A wire that answers one response after the other, round and round, in no time."""
    clock = [1000.0]
    turn = iter(range(10_000))

    def call(request, until):
        clock[0] += 0.1
        if clock[0] >= until:
            raise WireError("timeout", "no answer")
        return responses[next(turn) % len(responses)]

    def many(batch, until):
        return in_rounds(batch, lambda exchanges: [said(each, until) for each in exchanges])

    def said(exchange, until):
        try:
            return raw(exchange, call(exchange, until))
        except WireError as error:
            return error

    return Wire(call, lambda: clock[0], lambda s: clock.__setitem__(0, clock[0] + s), clock[0] + 30, many)


def raw(exchange, response):
    """An answer as a socket carries it: with a head for who asks in HTTP."""
    if not faults.is_http(exchange.send):
        return response.body
    return f"HTTP/1.1 {response.status} Said\r\nConnection: close\r\n\r\n".encode() + response.body


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
WORDS = """sensor internal_sen s_sen uptime tc tf en t h lab stat inputs stats currenttime channel Watts series labels
data relay1 relaystates id name unit time value Outlets Members Id PowerState results mac status result error _ret_ 1
STATUS VERSION SUMMARY STATS DEVS MAC version summary macAddr hashRate"""
keys = st.sampled_from(WORDS.split()) | st.text(max_size=5)
trees = st.recursive(scalars, lambda t: st.lists(t, max_size=4) | st.dictionaries(keys, t, max_size=6), max_leaves=25)


def dumped(tree):
    return json.dumps(tree).encode()


bodies = st.binary(max_size=200) | trees.map(dumped)
statuses = st.sampled_from([200, 200, 200, 204, 302, 401, 404, 500])
responses = st.lists(st.builds(Response, statuses, st.just({}), bodies), min_size=1, max_size=4)


@pytest.mark.parametrize("kind", sorted(KINDS))
@given(responses=responses)
def test_no_answer_makes_a_driver_raise_anything_else(kind, responses):
    found = survive(kind, fake(responses))
    assert all(isinstance(each, Found) for each in found)


def survive(kind, wire):
    options = build(kind, "http://192.0.2.1")
    return judged(lambda: KINDS[kind].parse(KINDS[kind].fetch(wire, options, Ask()), options))


def judged(reading):
    """What was found; nothing when it was refused with a reason. Any other exception is the test's failure."""
    try:
        return reading()
    except (BadReply, WireError) as error:
        why = str(error)
    assert 0 < len(why) <= 200
    return ()


BESIDE = ("options.json", "expected.json", "replies.json")


def recorded(kind):
    return sorted(path for path in (CASES / kind).glob("*/*") if path.name not in BESIDE)


@pytest.mark.parametrize("kind", sorted(KINDS))
@given(data=st.data())
def test_a_damaged_real_answer_is_read_or_refused(kind, data):
    files = recorded(kind)
    if not files:
        pytest.skip("no recorded answers of this kind")
    body = bytearray(data.draw(st.sampled_from(files)).read_bytes() or b" ")
    places = st.tuples(st.integers(0, len(body) - 1), st.integers(0, 255))
    for at, value in data.draw(st.lists(places, max_size=6)):
        body[at] = value
    body = body[: data.draw(st.integers(0, len(body)))] if data.draw(st.booleans()) else body
    survive(kind, fake([Response(200, {"date": "Thu, 13 Nov 2025 03:13:20 GMT"}, bytes(body))]))


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_kind_declares_what_it_is(kind):
    module = KINDS[kind]
    assert module.CAN.reads
    assert module.LANE.width >= 1
    assert bool(module.CAN.verbs) == hasattr(module, "apply")
    assert set(module.CAN.verbs) <= set(VERBS)


def test_whoever_is_asked_on_the_internet_as_delivered_lies_beyond_the_uplinks():
    """Else a line that is down would make a letter of each of them, and dark outlets would excuse their silence."""
    public = {
        name
        for name, module in KINDS.items()
        for _, row in declarations(module.Options)
        if str(row.default).startswith("https://")
    }
    outside = {name for name, module in KINDS.items() if getattr(module, "OUTSIDE", False)}
    assert public | {"power_signal", "stratum"} == outside


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_no_replies_are_no_readings(kind):
    assert judged(lambda: KINDS[kind].parse((), build(kind, "http://192.0.2.1"))) == ()


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_reply_under_a_strange_name_is_refused_or_ignored(kind):
    strange = Reply("no such request", 200, {}, b"{}")
    found = judged(lambda: KINDS[kind].parse((strange,), build(kind, "http://192.0.2.1")))
    assert [each for each in found if each.value is not None] == []
