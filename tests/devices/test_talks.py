"""Conversations with many units at once: exactly one outcome a command, whatever the units say or leave unsaid."""

import pytest
from devices.kinds import CANARY, build
from devices.scripted import errand, order
from hypothesis import given
from hypothesis import strategies as st

from mine_controller.core.model.command import APPLIED, NOT_SENT, REFUSED, UNKNOWN, UNREACHABLE, VERDICTS
from mine_controller.core.model.pool import Pool
from mine_controller.core.option import Secret
from mine_controller.devices import _errands, _talks, avalon, bitaxe, cgminer, nerdqaxe, nmminer, xmrig
from mine_controller.devices._talks import Step
from mine_controller.devices.kind import BadReply
from mine_controller.wire.door import Exchange, Wire, WireError, in_rounds

A, B = "10.0.0.1", "10.0.0.2"
LOST = WireError("timeout", "no answer in 8.0 s")
NEVER = WireError("refused", "refused the connection")


def talk(begin, answers, *batch, budget_s=30.0, opened=bytes):
    """What was told, and what was sent in each round."""
    told, rounds, clock = [], [], [1000.0]

    def many(exchanges, until):
        return in_rounds(exchanges, volley)

    def volley(exchanges):
        rounds.append([one.send for one in exchanges])
        clock[0] += 0.5
        return [answers.pop(0) for _ in exchanges]

    wire = Wire(None, lambda: clock[0], None, 1000.0 + budget_s, many)
    desks = _talks.desks((A, B), batch or [order(A, "stop")], told.append, ("stop", "run"))
    _talks.converse(wire, desks, begin, lambda host, send: Exchange(host, 80, send), opened)
    return told, rounds


def asks_then_tells(desk):
    yield Step(b"who")
    yield Step(b"do", changes=True)
    desk.end(APPLIED, "")


def test_units_take_each_step_together_however_long_their_talks_are():
    def begin(desk):
        for at in range(1 if desk.host == A else 3):
            yield Step(b"%d" % at)
        desk.end(APPLIED, "")

    told, rounds = talk(begin, [b"x"] * 4, order(A, "stop", 1), order(B, "stop", 2))
    assert rounds == [[b"0", b"0"], [b"1"], [b"2"]]
    assert [one.command for one in told] == ["1.0.1", "1.0.2"]


@pytest.mark.parametrize(
    ("answers", "verdict", "why"),
    [
        ([LOST], UNREACHABLE, "before the command: no answer in 8.0 s"),
        ([NEVER], UNREACHABLE, "before the command: refused the connection"),
        ([b"x", LOST], UNKNOWN, "no answer in 8.0 s"),
        ([b"x", NEVER], UNREACHABLE, "refused the connection"),
        ([b"x", b"x"], APPLIED, ""),
    ],
)
def test_what_a_lost_answer_means_depends_on_what_was_sent(answers, verdict, why):
    ((outcome,), _) = talk(asks_then_tells, answers)
    assert (outcome.verdict, outcome.why) == (verdict, why)


def test_an_answer_that_can_not_be_read_refuses_before_and_leaves_open_after():
    def opened(raw):
        if raw == b"junk":
            raise BadReply("no JSON")
        return raw

    assert talk(asks_then_tells, [b"junk"], opened=opened)[0][0][1:3] == (REFUSED, "before the command: no JSON")
    assert talk(asks_then_tells, [b"x", b"junk"], opened=opened)[0][0][1:3] == (UNKNOWN, "no JSON")


def test_a_talk_that_ends_without_a_word_is_told_as_unknown():
    def silent(desk):
        yield Step(b"who")

    assert talk(silent, [b"x"])[0][0].verdict == UNKNOWN


def test_a_bug_that_one_unit_sets_off_costs_no_other_unit_its_command():
    def begin(desk):
        yield Step(b"who")
        if desk.host == A:
            {}[[]]
        yield Step(b"do", changes=True)
        desk.end(APPLIED, "")

    told, rounds = talk(begin, [b"x"] * 3, order(A, "stop", 1), order(B, "stop", 2))
    assert [(one.command, one.verdict) for one in told] == [("1.0.1", REFUSED), ("1.0.2", APPLIED)]
    assert told[0].why.startswith("before the command: driver error: TypeError")
    assert rounds[1] == [b"do"]


def test_after_the_change_such_a_bug_leaves_it_open():
    def begin(_desk):
        yield Step(b"do", changes=True)
        {}[[]]

    ((outcome,), _) = talk(begin, [b"x"])
    assert (outcome.verdict, outcome.why[:23]) == (UNKNOWN, "driver error: TypeError")


def test_without_time_for_the_change_it_was_not_sent():
    told, rounds = talk(asks_then_tells, [b"x"], budget_s=0.9)
    assert (told[0].verdict, rounds) == (NOT_SENT, [[b"who"]])


def test_a_change_after_which_time_is_over_is_left_open_unless_the_talk_knows_more():
    def begin(desk):
        yield Step(b"do", changes=True)
        yield Step(b"look")

    def knows(desk):
        yield Step(b"do", changes=True)
        try:
            yield Step(b"look")
        except WireError:
            desk.end(APPLIED, "said so itself")
            yield Step(b"more")

    assert talk(begin, [b"x"], budget_s=0.9)[0][0].verdict == UNKNOWN
    told, rounds = talk(knows, [b"x"], budget_s=0.9)
    assert (told[0].verdict, rounds) == (APPLIED, [[b"do"]])


def test_all_commands_of_one_unit_are_one_talk_and_a_twice_told_one_is_told_once():
    seen = []

    def begin(desk):
        seen.append([command.verb for command in desk.open()])
        yield Step(b"who")
        desk.end(APPLIED, "")
        desk.end(UNKNOWN, "again")

    told, _ = talk(
        begin, [b"x"], order(A, "stop", 1), order(A, "run", 2), order("9.9.9.9", "run", 3), order(A, "on", 4)
    )
    assert seen == [["stop", "run"]]
    assert [(one.command, one.verdict) for one in told] == [
        ("1.0.3", REFUSED),
        ("1.0.4", "unsupported"),
        ("1.0.1", APPLIED),
        ("1.0.2", APPLIED),
    ]


KINDS = {
    "avalon": avalon,
    "bitaxe": bitaxe,
    "cgminer": cgminer,
    "nerdqaxe": nerdqaxe,
    "nmminer": nmminer,
    "xmrig": xmrig,
}
POOL = (Pool("btc", "stratum+tcp://btc.example:3333", "acct.w1", Secret(CANARY)),)
VALUES = {"mode": "eco", "pool": "btc", "fan": "50", "locate": "on", "tune": "frequency_mhz=500"}
STATES = [
    b'{"macAddr":"02:00:00:00:00:01","ASICModel":"BM1370","frequency":1,"coreVoltage":1,"pools":[],"primaryPoolIndex":0}',
    b'{"macAddr":"02:00:00:00:00:01","deviceModel":"NerdQAxe++","shutdown":false,"stratum":[1]}',
    b'{"id":"92f3104f9a2ee78c","pools":[1,{"url":3}],"paused":0}',
    b'{"identity":{"hostName":"nm-1"},"miner":{},"PrimaryPool":7}',
    b'{"STATUS":[{"STATUS":"I","Msg":"a: help|led|"}],"VERSION":[{"MAC":"020000000001","PROD":"Q"}],"POOLS":[{}]}',
    b'{"macAddr":"02:00:00:00:00:01","pools":[{"id":0}],"primaryPoolIndex":0,"secondaryPoolIndex":[],"uptimeSeconds":9}',
    b'{"CHECK":[{"Exists":"Y","Access":"Y"}],"POOLS":[{"URL":5,"POOL":"x","Priority":null}]}',
]
said = st.sampled_from(STATES) | st.binary(max_size=60) | st.sampled_from([LOST, NEVER])
heads = st.sampled_from([b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 404 No\r\n\r\n", b""])


@pytest.mark.parametrize("kind", sorted(KINDS))
@given(bodies=st.lists(st.tuples(heads, said), min_size=1, max_size=6))
def test_whatever_a_unit_says_every_command_has_one_outcome_and_no_secret_is_in_it(kind, bodies):
    module, clock, turn, told = KINDS[kind], [1000.0], iter(range(10_000)), []

    def many(batch, until):
        return in_rounds(batch, volley)

    def volley(batch):
        clock[0] += 0.1
        return [answer(*bodies[next(turn) % len(bodies)]) for _ in batch]

    def answer(head, body):
        return body if isinstance(body, WireError) else head + body

    wire = Wire(None, lambda: clock[0], None, 1030.0, many)
    batch = [errand(A, verb, VALUES.get(verb, ""), at) for at, verb in enumerate(module.CAN.verbs)]
    module.apply(wire, build(kind, "http://192.0.2.1", hosts=(A,), pools=POOL), batch, told.append)
    assert sorted(one.command for one in told) == sorted(one.id for one in batch)
    assert all(one.verdict in VERDICTS for one in told)
    assert CANARY not in repr(told)


@pytest.mark.parametrize(
    "read",
    [
        lambda: _errands.fan("19", 20),
        lambda: _errands.fan("auto 5"),
        lambda: _errands.switch("blink"),
        lambda: _errands.tuning("frequency_mhz=500 frequency_mhz=600"),
    ],
)
def test_a_value_that_says_nothing_is_a_sentence(read):
    with pytest.raises(ValueError, match="not '"):
        read()


def test_values_are_read():
    assert (_errands.fan(" Auto "), _errands.fan("20 %", 20), _errands.switch("on")) == (None, 20, True)
    assert _errands.tuning("core_voltage_mv=1100") == {"core_voltage_mv": 1100}
