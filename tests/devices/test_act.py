import threading
import time
from types import SimpleNamespace
from typing import NamedTuple

import pytest

from mine_controller.core.model.command import Command, Outcome
from mine_controller.core.model.reason import Reason
from mine_controller.core.option import Secret
from mine_controller.devices import act as room
from mine_controller.devices.kind import LaneSpec
from mine_controller.wire.door import Exchange, Job, Request, Response, Wire, WireError

REQUEST = Request("GET", "http://192.0.2.1/")


class Options(NamedTuple):
    password: Secret = Secret("canary-4711")


class Section(NamedTuple):
    kind: str = "relay"
    options: Options = Options()
    live: bool = True


@pytest.fixture
def kinds(monkeypatch):
    known = {}

    def named(name):
        if name not in known:
            raise ImportError(name)
        return known[name]

    monkeypatch.setattr(room, "kind_named", named)
    return known


def driver(apply, width=1):
    return SimpleNamespace(apply=apply, LANE=LaneSpec(width=width))


def each(verdict="applied", why=""):
    def apply(wire, options, batch, report):
        for command in batch:
            wire.call(REQUEST, wire.until)
            report(Outcome(command.id, verdict, why))

    return apply


def command(n, lane="relay fans"):
    return Command(f"9.0.{n}", f"fan {n}", "on", lane, str(n), 0, Reason("test", "test"))


def act(*commands, endpoints=None, withheld=frozenset(), until_s=5.0, threads=True, calls=None, many=None):
    def wire_for(section, until):
        def call(request, end):
            if calls is not None:
                calls.append(section)
            return Response(200, {}, b"")

        wire = Wire(call, time.monotonic, time.sleep, until)
        return wire._replace(many=many) if many is not None else wire

    sections = endpoints if endpoints is not None else {one.lane: Section(one.lane.split()[0]) for one in commands}
    return room.act(commands, sections, withheld, lambda at: 800, wire_for, time.monotonic() + until_s, threads)


@pytest.mark.parametrize("threads", [True, False])
def test_there_is_one_outcome_a_command_in_their_order(kinds, threads):
    kinds["relay"], kinds["pdu"] = driver(each(), width=3), driver(each("accepted"))
    lanes = ["relay a", "pdu b", "relay a", "relay c", "pdu b"] * 4
    commands = [command(n, lane) for n, lane in enumerate(lanes)]
    outcomes = act(*commands, threads=threads)
    assert [outcome.command for outcome in outcomes] == [one.id for one in commands]
    assert [outcome.verdict for outcome in outcomes] == ["applied" if "relay" in x else "accepted" for x in lanes]
    assert {outcome.at_s for outcome in outcomes} == {800}


def test_a_withheld_lane_is_never_touched(kinds):
    calls = []
    kinds["relay"] = driver(each())
    outcomes = act(command(1), command(2, "relay other"), withheld={"relay fans"}, calls=calls)
    assert [outcome.verdict for outcome in outcomes] == ["withheld", "applied"]
    assert calls == ["relay other"]


def test_in_shadow_everything_is_withheld(kinds):
    calls = []
    assert {o.verdict for o in act(command(1), command(2, "gone x"), withheld=room.EVERY, calls=calls)} == {"withheld"}
    assert calls == []


def test_an_endpoint_with_live_off_is_withheld_whoever_forgets_it(kinds):
    kinds["relay"] = driver(each())
    assert act(command(1), endpoints={"relay fans": Section(live=False)})[0].verdict == "withheld"


def test_what_nobody_can_do_is_unsupported(kinds):
    kinds["reader"] = SimpleNamespace(LANE=LaneSpec())
    outcomes = act(command(1, "reader x"), command(2, "gone x"), command(3, "none y"), endpoints={
        "reader x": Section("reader"), "gone x": Section("gone")})  # fmt: skip
    assert [(o.verdict, o.why) for o in outcomes] == [
        ("unsupported", "reader takes no commands"),
        ("unsupported", "no driver for 'gone'"),
        ("unsupported", "no such endpoint"),
    ]


def test_a_hung_lane_keeps_what_it_told_and_the_rest_is_unknown(kinds):
    release = threading.Event()

    def apply(wire, options, batch, report):
        report(Outcome(batch[0].id, "applied"))
        wire.call(REQUEST, wire.until)
        release.wait(10)
        report(Outcome(batch[1].id, "applied"))

    kinds["relay"] = driver(apply)
    outcomes = act(command(1), command(2), command(3), until_s=0.1)
    release.set()
    assert [outcome.verdict for outcome in outcomes] == ["applied", "unknown", "unknown"]
    assert outcomes[1].why == "no answer before the lane's time was over"


def test_a_lane_that_hung_before_any_call_sent_nothing(kinds):
    release = threading.Event()

    def apply(wire, options, batch, report):
        wire.call(REQUEST, wire.until)
        report(Outcome(batch[0].id, "refused", "no"))
        release.wait(10)

    kinds["relay"] = driver(apply)
    outcomes = act(command(1), command(2), until_s=0.1)
    release.set()
    assert [outcome.verdict for outcome in outcomes] == ["refused", "not_sent"]


def test_a_lane_left_behind_clicks_no_relay_afterwards(kinds):
    release, late, calls = threading.Event(), [], []

    def apply(wire, options, batch, report):
        release.wait(10)
        try:
            wire.call(REQUEST, wire.until)
        except WireError as error:
            late.append(error.kind)

    kinds["relay"] = driver(apply)
    act(command(1), until_s=0.1, calls=calls)
    release.set()
    for thread in [one for one in threading.enumerate() if one.name == "act"]:
        thread.join(5)
    assert (late, calls) == (["timeout"], [])


def test_one_hung_lane_does_not_delay_another(kinds):
    release = threading.Event()
    kinds["relay"] = driver(lambda wire, options, batch, report: release.wait(10))
    kinds["pdu"] = driver(each())
    outcomes = act(command(1), command(2, "pdu x"), until_s=0.1)
    release.set()
    assert [outcome.verdict for outcome in outcomes] == ["not_sent", "applied"]


@pytest.mark.parametrize(("call", "verdict"), [(True, "unknown"), (False, "not_sent")])
def test_a_bug_of_a_driver_is_an_outcome(kinds, call, verdict):
    def apply(wire, options, batch, report):
        if call:
            wire.call(REQUEST, wire.until)
        raise ZeroDivisionError("canary-4711")

    kinds["relay"], kinds["pdu"] = driver(apply), driver(each())
    outcomes = act(command(1), command(2, "pdu x"))
    assert (outcomes[0].verdict, outcomes[0].why) == (verdict, "driver error: ZeroDivisionError")
    assert outcomes[1].verdict == "applied"


def test_a_driver_that_forgets_a_command_does_not_lose_it(kinds):
    kinds["relay"] = driver(lambda wire, options, batch, report: None)
    assert act(command(1))[0][1:3] == ("not_sent", "its driver said nothing")


def test_the_first_report_counts_and_only_known_verdicts_and_commands(kinds):
    def apply(wire, options, batch, report):
        report(Outcome("stranger", "applied"))
        report(Outcome(batch[0].id, "unknown", "canary-4711 said\nno", "ticket\n7"))
        report(Outcome(batch[0].id, "applied"))
        report(Outcome(batch[1].id, "splendid"))

    kinds["relay"] = driver(apply)
    assert act(command(1), command(2)) == (
        Outcome("9.0.1", "unknown", "*** said no", "ticket 7", 800),
        Outcome("9.0.2", "unknown", "driver error: no such verdict", None, 800),
    )


def test_a_wide_lane_takes_several_at_once(kinds):
    together = threading.Barrier(3, timeout=5)

    def apply(wire, options, batch, report):
        together.wait()
        for one in batch:
            report(Outcome(one.id, "applied"))

    kinds["relay"] = driver(apply, width=3)
    assert {outcome.verdict for outcome in act(*(command(n) for n in range(7)))} == {"applied"}


def test_no_commands_are_no_outcomes():
    assert act() == ()


def test_while_conversations_go_on_a_report_of_one_says_nothing_of_the_others(kinds):
    release = threading.Event()

    def many(batch, until):
        batch[0].then(b"done")
        release.wait(10)
        return [b"" for _ in batch]

    def apply(wire, options, batch, report):
        def told(_answer):
            report(Outcome(batch[0].id, "applied"))

        wire.many([Exchange("127.0.0.1", 1, b"x", then=told)] * 2, wire.until)

    kinds["relay"] = driver(apply)
    outcomes = act(command(1), command(2), until_s=0.1, many=many)
    release.set()
    assert [outcome.verdict for outcome in outcomes] == ["applied", "unknown"]


def recording(ends, release=None):
    """A wire whose three doors note until when they were let; `release`: they are held there."""

    def held(told, until):
        ends.append(until)
        if release is not None:
            release.wait(10)
        return told

    return Wire(
        lambda _request, until: held(Response(200, {}, b""), until),
        time.monotonic,
        time.sleep,
        0.0,
        lambda batch, until: held([b"" for _ in batch], until),
        lambda batch, until: held([{} for _ in batch], until),
    )


def through(wire, until_s, *commands):
    until = wire.now() + until_s
    section = {"relay fans": Section()}
    return until, room.act(commands, section, (), lambda _: 800, lambda *_: wire._replace(until=until), until)


DOORS = {
    "call": lambda wire, until: wire.call(REQUEST, until),
    "many": lambda wire, until: wire.many([Exchange("127.0.0.1", 1, b"x")], until),
    "library": lambda wire, until: wire.library([Job("127.0.0.1", "stop")], until),
}


@pytest.mark.parametrize(("lane_s", "slack_s"), [(5.0, 0.1), (0.5, 0.05)])
def test_no_door_is_open_longer_than_the_lane_and_a_driver_is_told_to_end_a_little_earlier(kinds, lane_s, slack_s):
    ends, told, answers = [], [], []

    def apply(wire, options, batch, report):
        told.append(wire.until)
        for door in DOORS.values():
            answers.append(door(wire, wire.until + 1000))
            door(wire, wire.until - 1)

    kinds["relay"] = driver(apply)
    until, _ = through(recording(ends)._replace(now=lambda: 100.0), lane_s, command(1))
    assert ends == [until, told[0] - 1] * 3
    assert until - told[0] == pytest.approx(slack_s)
    assert answers == [Response(200, {}, b""), [b""], [{}]]


@pytest.mark.parametrize("door", DOORS)
def test_what_is_out_by_any_door_at_the_end_may_have_been_done(kinds, door):
    release = threading.Event()
    kinds["relay"] = driver(lambda wire, options, batch, report: DOORS[door](wire, wire.until))
    _, (outcome,) = through(recording([], release), 0.1, command(1))
    release.set()
    assert (outcome.verdict, outcome.why) == ("unknown", "no answer before the lane's time was over")


@pytest.mark.parametrize("held", DOORS)
@pytest.mark.parametrize("door", DOORS)
def test_what_is_out_in_a_thread_of_the_drivers_own_is_unknown_whatever_another_one_has_done(kinds, held, door):
    """Stock Antminers are told while asic-rs works on the others of their section: a hung one is not "not sent"."""
    release, out = threading.Event(), threading.Event()

    def slow(*_asked):
        if not out.is_set():
            out.set()
            release.wait(10)
        return Response(200, {}, b"")

    def apply(wire, options, batch, report):
        threading.Thread(target=DOORS[held], args=(wire, wire.until), daemon=True).start()
        out.wait(10)
        DOORS[door](wire, wire.until)
        report(Outcome(batch[0].id, "applied"))

    kinds["relay"] = driver(apply)
    wire = Wire(slow, time.monotonic, time.sleep, 0.0, slow, slow)
    _, outcomes = through(wire, 5.0, command(1), command(2))
    release.set()
    assert [one.verdict for one in outcomes] == ["applied", "unknown"]


@pytest.mark.parametrize("door", ["many", "library"])
def test_a_lane_left_behind_begins_no_conversation_and_no_job_afterwards(kinds, door):
    release, ends, late = threading.Event(), [], []

    def apply(wire, options, batch, report):
        release.wait(10)
        late.extend(DOORS[door](wire, wire.until))

    kinds["relay"] = driver(apply)
    _, (outcome,) = through(recording(ends), 0.1, command(1))
    release.set()
    for thread in [one for one in threading.enumerate() if one.name == "act"]:
        thread.join(5)
    assert outcome.verdict == "not_sent"
    assert [error.kind for error in late] == ["timeout"]
    assert ends == []


def test_when_conversations_are_over_a_report_leaves_nothing_of_the_others_open(kinds):
    def apply(wire, options, batch, report):
        DOORS["many"](wire, wire.until)
        report(Outcome(batch[0].id, "applied"))

    kinds["relay"] = driver(apply)
    _, outcomes = through(recording([]), 5.0, command(1), command(2))
    assert [one.verdict for one in outcomes] == ["applied", "not_sent"]


def test_where_no_thread_is_left_nothing_was_sent_and_it_says_so(kinds, monkeypatch):
    class NoThread:
        def __init__(self, **_about):
            pass

        def start(self):
            raise RuntimeError("can't start new thread")

    monkeypatch.setattr(room.threading, "Thread", NoThread)
    kinds["relay"] = driver(each())
    (outcome,) = act(command(1))
    assert (outcome.verdict, outcome.why) == ("not_sent", "no thread left to send in")
