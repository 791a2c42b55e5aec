"""The ladder, rung by rung and second by second: when a command is sent again, and when the next rung is due."""

import pytest

from mine_controller.core.chase import POLL_S, TRIES, Ladder, answered, has_failed, pursue
from mine_controller.core.model.command import ACCEPTED, NOT_SENT, REFUSED, UNKNOWN, UNREACHABLE, UNSUPPORTED
from mine_controller.core.model.state import Chase
from mine_controller.core.model.wiring import Path

GENTLE, FLEET, OUTLET = Path("miner", 30, gentle=True), Path("fleet", 40, gentle=True), Path("pdu", 10, gentle=False)
NOW = 1000


def ladder(*paths, **changes):
    paths = paths or (GENTLE, OUTLET)
    return Ladder(paths, len(paths) - 1, None)._replace(**changes)


def chase(rung=0, tries=1, sent_s=NOW - 60, answer=""):
    return Chase("stop", rung, tries, NOW - 100, sent_s, answer)


def after(given, steps=None, ticket="", opening=True):
    step = pursue(given, steps or ladder(), ticket, NOW, opening)
    return step.send, step.chase.rung, step.chase.tries


def test_what_was_never_sent_is_sent_and_looked_at_soon():
    step = pursue(chase(tries=0, sent_s=None), ladder(), "", NOW, True)
    assert (step.send, step.chase.sent_s, step.chase.tries, step.look_s) == (True, NOW, 1, NOW + POLL_S)


def test_what_may_not_be_sent_now_waits_and_asks_for_no_look():
    step = pursue(chase(tries=0, sent_s=None), ladder(may_send=False), "", NOW, True)
    assert step == (chase(tries=0, sent_s=None), False, None)


def test_a_path_that_proves_quickly_is_looked_at_when_it_can_prove():
    steps = ladder(Path("board", 3, gentle=True), OUTLET)
    assert pursue(chase(tries=0, sent_s=None), steps, "", NOW, True).look_s == NOW + 3


@pytest.mark.parametrize(("last_call_s", "cut"), [(NOW + 1, False), (NOW, True), (NOW - 1, True)])
def test_the_outlets_last_call_is_the_very_second_from_which_it_is_used(last_call_s, cut):
    given = chase(sent_s=NOW - 1)
    assert after(given, ladder(last_call_s=last_call_s)) == ((True, 1, 1) if cut else (False, 0, 1))


def test_the_last_call_does_not_send_an_outlet_twice():
    assert after(chase(rung=1, sent_s=NOW - 1), ladder(last_call_s=NOW - 50)) == (False, 1, 1)


def test_the_last_call_of_a_forbidden_outlet_is_none():
    assert after(chase(sent_s=NOW - 1), ladder(top=0, last_call_s=NOW - 50)) == (False, 0, 1)


def test_a_proof_is_waited_for_until_its_second_and_looked_for_on_the_way():
    steps = ladder()
    early = pursue(chase(sent_s=NOW - 29), steps, "", NOW, True)
    assert (early.send, early.look_s) == (False, NOW + 1)
    fresh = pursue(chase(sent_s=NOW - 10), steps, "", NOW, True)
    assert (fresh.send, fresh.look_s) == (False, NOW + POLL_S)
    assert after(chase(sent_s=NOW - 30)) == (True, 0, 2)


@pytest.mark.parametrize("answer", [REFUSED, UNSUPPORTED])
def test_a_no_climbs_at_once(answer):
    assert after(chase(sent_s=NOW - 1, answer=answer)) == (True, 1, 1)


def test_a_job_that_failed_climbs_at_once_and_one_that_runs_is_waited_for():
    assert after(chase(sent_s=NOW - 1, answer=ACCEPTED), ticket="failed") == (True, 1, 1)
    assert after(chase(sent_s=NOW - 1, answer=ACCEPTED), ticket="in-progress") == (False, 0, 1)


def test_the_unreachable_is_tried_twice_and_then_left():
    assert after(chase(sent_s=NOW - 1, answer=UNREACHABLE)) == (True, 0, 2)
    assert after(chase(sent_s=NOW - 1, tries=TRIES, answer=UNREACHABLE)) == (True, 1, 1)


def test_a_rung_where_nobody_is_known_is_not_tried_again():
    assert after(chase(sent_s=NOW - 1, answer=UNREACHABLE), ladder(shut=(0,))) == (True, 1, 1)
    assert after(chase(), ladder(shut=(0,))) == (True, 1, 1)
    assert after(chase(tries=0, sent_s=None), ladder(shut=(0,))) == (False, 0, 0)


def test_without_proof_the_miner_is_told_once_more_before_its_outlet_is_cut():
    assert after(chase(answer=UNKNOWN)) == (True, 0, 2)
    assert after(chase(tries=TRIES, answer=UNKNOWN)) == (True, 1, 1)


def test_an_accepted_job_that_proves_nothing_is_not_repeated():
    assert after(chase(answer=ACCEPTED)) == (True, 1, 1)


def test_with_a_second_gentle_rung_above_the_first_is_not_repeated():
    steps = ladder(GENTLE, FLEET, OUTLET)
    assert after(chase(), steps) == (True, 1, 1)
    assert after(chase(rung=1), steps) == (True, 2, 1)


def test_with_a_second_gentle_rung_that_is_shut_the_first_is_repeated_and_then_skips_it():
    steps = ladder(GENTLE, FLEET, OUTLET, shut=(1,))
    assert after(chase(), steps) == (True, 0, 2)
    assert after(chase(tries=TRIES), steps) == (True, 2, 1)


def test_the_top_is_tried_twice_and_then_rests_until_the_next_tick():
    assert after(chase(rung=1), opening=False) == (True, 1, 2)
    assert after(chase(rung=1, tries=TRIES), opening=False) == (False, 1, TRIES)
    assert after(chase(rung=1, tries=TRIES), opening=True) == (True, 1, 2)


def test_a_no_at_the_top_in_the_second_it_was_sent_rests():
    assert after(chase(rung=1, sent_s=NOW, answer=REFUSED)) == (False, 1, 1)
    assert after(chase(rung=1, sent_s=NOW - 1, answer=REFUSED)) == (True, 1, 2)


def test_climbing_begins_anew_on_its_rung():
    given = chase(sent_s=NOW - 1, answer=REFUSED)._replace(ticket="77", tries=2)
    climbed = pursue(given, ladder(), "", NOW, True).chase
    assert climbed == Chase("stop", 1, 1, NOW - 100, NOW, "")


def test_an_answer_is_written_down_and_proof_runs_from_its_turn_in_the_lane():
    given = chase(sent_s=NOW)
    told = answered(given, ACCEPTED, "w" * 200, "77", NOW + 9)
    assert (told.answer, told.why, told.ticket, told.sent_s) == (ACCEPTED, "w" * 120, "77", NOW + 9)
    assert answered(given, ACCEPTED, "", None, NOW - 9).sent_s == NOW


def test_what_was_not_sent_leaves_no_trace():
    given = chase(tries=2, sent_s=NOW)._replace(command="c1")
    told = answered(given, NOT_SENT, "", None, NOW)
    assert (told.sent_s, told.tries, told.answer, told.command) == (None, 1, "", "")
    assert answered(chase(tries=0), NOT_SENT, "", None, NOW).tries == 0


def test_a_rung_has_failed_when_it_was_tried_for_all_it_is_worth():
    assert not has_failed(chase(tries=TRIES, sent_s=None), ladder(), NOW)
    assert not has_failed(chase(tries=TRIES, sent_s=NOW - 29), ladder(), NOW)
    assert has_failed(chase(tries=TRIES, sent_s=NOW - 30), ladder(), NOW)
    assert not has_failed(chase(tries=1, sent_s=NOW - 900), ladder(), NOW)
    assert has_failed(chase(rung=1, tries=TRIES, sent_s=NOW - 10), ladder(), NOW)
    assert not has_failed(chase(rung=1, tries=TRIES, sent_s=NOW - 9), ladder(), NOW)
    assert has_failed(chase(tries=TRIES, sent_s=NOW, answer=UNREACHABLE), ladder(), NOW)
    assert not has_failed(chase(tries=1, sent_s=NOW, answer=UNREACHABLE), ladder(), NOW)
    for answer in (REFUSED, UNSUPPORTED):
        assert has_failed(chase(tries=1, sent_s=NOW, answer=answer), ladder(), NOW)
