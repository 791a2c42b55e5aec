"""What `decide` does around its rules: one that fails takes its safe side; what a round leaves in `State.last`."""

from types import SimpleNamespace

import pytest
from core.round_desk import compared, plan, view

from mine_controller.core import decide as room
from mine_controller.core.model.reason import CONTRACT, ECONOMICS, EQUIPMENT, SAFETY, Reason


def failed(layer, memory=None):
    seen = view()
    return seen.now_s, room._failed("cap", layer, memory or {}, "KeyError", seen)


def whats(advice):
    return {limit.what: (limit.layer, limit.amount) for limit in advice.limits}


@pytest.mark.parametrize("layer", [CONTRACT, EQUIPMENT, ECONOMICS])
def test_pro4_a_rule_that_fails_lets_nothing_rise(layer):
    now_s, advice = failed(layer)
    assert whats(advice) == {"no_start": (layer, 0), "no_fan_down": (layer, 0)}
    assert advice.memory == {"failed_s": now_s}
    assert [event.severity for event in advice.events] == ["emergency" if layer == CONTRACT else "warning"]


def test_pro4_a_failing_rule_of_safety_wants_every_fan():
    assert whats(failed(SAFETY)[1]) == {"no_start": (SAFETY, 0), "no_fan_down": (SAFETY, 0), "fans_min": (SAFETY, 9)}


@pytest.mark.parametrize(("ago_s", "off"), [(359, False), (360, True)])
def test_pro4_a_failing_rule_of_the_contract_curtails_after_the_grace(ago_s, off):
    now_s, _ = failed(CONTRACT)
    _, advice = failed(CONTRACT, {"failed_s": now_s - ago_s, "own": 1})
    assert ("max_power_w" in whats(advice)) is off
    assert advice.memory == {"failed_s": now_s - ago_s, "own": 1}
    assert advice.events == ()
    assert dict(advice.limits[0].reason.numbers)["for_s"] == ago_s


def test_a_new_mode_is_an_event_and_the_same_one_is_none():
    seen = view()
    running = seen._replace(state=seen.state._replace(mode="RUNNING"))
    assert room._mode_event(running, "RUNNING", Reason("a", "b")) == ()
    [event] = room._mode_event(running, "HOLD", Reason("a", "b"))
    assert dict(event.reason.numbers) == {"was": "RUNNING", "mode": "HOLD", "rule": "a"}


def test_how_long_it_has_been_in_its_mode_and_what_started_in_the_last_hour():
    seen = view()
    now_s = seen.now_s
    kept = seen.state._replace(mode="RUNNING", mode_s=5, last={"starts": [now_s - 3600, now_s - 3599]})
    seen = seen._replace(state=kept)
    policy = SimpleNamespace(rules={})
    same = room._next_state(seen, {}, compared(failed=["m000"]), plan(seen, starts=(1, 2)), None, "RUNNING", policy)
    assert (same.mode, same.mode_s) == ("RUNNING", 5)
    assert same.last["starts"] == [now_s - 3599, now_s, now_s]
    assert (same.last["failed_starts"], same.last["plant_s"], same.last["watched_s"]) == (1, now_s, now_s)
    other = room._next_state(seen, {}, compared(), plan(seen), None, "HOLD", policy)
    assert (other.mode, other.mode_s) == ("HOLD", now_s)


def test_what_began_in_this_step_is_kept_in_watts_and_what_began_before_it_is_let_go():
    """[ramp] counts a step by it; kept for good, it would grow in the database by a pair with each start."""
    seen = view()
    now_s, one_w = seen.now_s, seen.wiring.miners[1].nominal_w
    kept = {"started_w": [[now_s - room.STEP_S, 7000], [now_s - room.STEP_S + 1, 900]]}
    seen = seen._replace(state=seen.state._replace(last=kept))
    policy = SimpleNamespace(rules={})
    state = room._next_state(seen, {}, compared(), plan(seen, starts=(1, 2)), None, "RUNNING", policy)
    assert state.last["started_w"] == [[now_s - room.STEP_S + 1, 900], [now_s, 2 * one_w]]
    state = room._next_state(seen, {}, compared(), plan(seen), None, "RUNNING", policy)
    assert state.last["started_w"] == [[now_s - room.STEP_S + 1, 900]]
