"""Answers into the state: chases, errands, and how fast a lane is."""

import pytest

from mine_controller.core.model.command import (
    ACCEPTED,
    APPLIED,
    NOT_SENT,
    REFUSED,
    UNKNOWN,
    UNREACHABLE,
    UNSUPPORTED,
    WITHHELD,
    Command,
    Outcome,
)
from mine_controller.core.model.reason import Reason
from mine_controller.core.model.state import Chase, Errand, State
from mine_controller.core.settle import LEAST, measured_lane, settle

WHY = Reason("test", "test")


def command(name, target="miner a1", verb="stop", lane="foreman mine"):
    return Command(name, target, verb, lane, "1", 0, WHY)


def open_chase(name):
    return Chase("stop", 0, 1, 100, 110, command=name)


def test_every_answer_finds_its_own_chase_and_a_strange_one_none():
    state = State(chases={"miner a1": open_chase("c1"), "miner a2": open_chase("old"), "miner a3": open_chase("c3")})
    commands = [command("c1"), command("c2", "miner a2"), command("c3", "miner a3"), command("c4", "miner a4")]
    answers = [Outcome(name, REFUSED, "no", None, 120) for name in ("nobody's", "c4", "c2", "c1", "c3")]
    found = settle(state, commands, answers).chases
    assert {name: chase.answer for name, chase in found.items()} == {
        "miner a1": REFUSED, "miner a2": "", "miner a3": REFUSED,
    }  # fmt: skip


def test_what_was_withheld_opens_no_chase():
    state = State(chases={"miner a1": open_chase("c1")})
    assert settle(state, [command("c1")], [Outcome("c1", WITHHELD)]).chases == {}


# -- errands --------------------------------------------------------------------------------------------------------


def told(verdict, verb="restart", tries=1, why=""):
    errand = Errand("a1", verb, "", 7, 100, tries=tries, sent_s=110, command="c1")
    other = Errand("a2", verb, "", 8, 100, tries=1, sent_s=110, command="c2")
    state = State(errands=(errand, other), settling={"a1": 500, "a2": 500})
    return settle(state, [command("c1", verb=verb), command("c2", "miner a2")], [Outcome("c1", verdict, why)])


def test_an_errand_learns_its_answer_and_no_other_does():
    state = told(APPLIED, why="y" * 200)
    assert [(one.answer, one.why, one.tries) for one in state.errands] == [(APPLIED, "y" * 120, 1), ("", "", 1)]
    assert state.settling == {"a1": 500, "a2": 500}


@pytest.mark.parametrize("verdict", [REFUSED, UNREACHABLE, UNSUPPORTED, WITHHELD, NOT_SENT])
def test_a_miner_that_was_told_nothing_has_nothing_to_settle(verdict):
    assert told(verdict).settling == {"a2": 500}


@pytest.mark.parametrize("verdict", [APPLIED, ACCEPTED, UNKNOWN])
def test_a_miner_that_may_have_been_told_settles(verdict):
    assert told(verdict).settling == {"a1": 500, "a2": 500}


def test_a_stop_that_was_refused_ends_no_settling_and_a_run_does():
    assert told(REFUSED, verb="stop").settling == {"a1": 500, "a2": 500}
    assert told(REFUSED, verb="run").settling == {"a2": 500}


def test_what_was_not_sent_was_no_try():
    assert told(NOT_SENT, tries=2).errands[0].tries == 1
    assert told(NOT_SENT, tries=0).errands[0].tries == 0
    assert told(REFUSED, tries=2).errands[0].tries == 2


def test_settling_alone_is_looked_after_as_well():
    state = settle(State(settling={"a1": 500}), [command("c1", verb="run")], [Outcome("c1", REFUSED)])
    assert state.settling == {}


# -- how fast a lane is ---------------------------------------------------------------------------------------------


def lanes(calls, verdict=APPLIED, known=None, began_s=100, spent_s=20):
    commands = [command(f"c{n}") for n in range(calls)]
    outcomes = [
        Outcome(f"c{n}", verdict, "", None, began_s + 1 + n * (spent_s - 1) // (calls - 1)) for n in range(calls)
    ]
    return settle(State(lanes=known or {}), commands, outcomes, began_s).lanes


def test_a_lane_is_as_slow_as_the_time_from_the_rounds_begin_to_its_last_answer():
    assert lanes(LEAST) == {"foreman mine": 2.5}
    assert lanes(10) == {"foreman mine": 2.0}
    assert lanes(10, ACCEPTED) == {"foreman mine": 2.0}


def test_too_few_calls_or_none_that_were_taken_measure_nothing():
    assert lanes(LEAST - 1) == {}
    assert lanes(10, REFUSED) == {}
    assert lanes(10, began_s=0) == {}
    assert lanes(10, REFUSED, {"redfish pdu1": 0.4}) == {"redfish pdu1": 0.4}


def test_what_was_learned_of_other_lanes_stays():
    assert lanes(10, known={"redfish pdu1": 0.4}) == {"redfish pdu1": 0.4, "foreman mine": 2.0}


def test_an_estimate_goes_up_at_once_and_down_slowly():
    assert measured_lane(None, 20, 10) == 2.0
    assert measured_lane(1.0, 20, 10) == 2.0
    assert measured_lane(2.0, 10, 10) == 1.8
    assert measured_lane(2.0, 20, 10) == 2.0
    assert measured_lane(None, 5, 0) == 5
