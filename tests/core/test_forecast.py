"""How long obeying takes, second by second: lanes, last calls, and who can still be reached gently."""

import pytest
from core.plant import Plant, wiring
from core.shelf import boards

from mine_controller.core.decide import _view
from mine_controller.core.forecast import Deadline, _active_s, gentle_room, last_calls, seconds_for, time_to_obey
from mine_controller.core.model.clock import Clock
from mine_controller.core.model.wiring import Lane, Path


def view(wires, *, running=True, lanes=None, now_s=None, soft_s=90, tick_s=120):
    plant = Plant(wires, running=running)
    plant.frozen = True
    plant.tick()
    seen, _ = _view(plant.image, plant.state, plant.policy)
    now_s = seen.now_s if now_s is None else now_s
    clock = Clock(now_s, now_s, began_s=now_s, soft_end_s=now_s + soft_s, tick_s=tick_s)
    return seen._replace(image=seen.image._replace(clock=clock), state=seen.state._replace(lanes=lanes or {}))


def test_a_lane_takes_its_calls_one_after_another_or_so_many_at_a_time():
    lane = Lane("pdu", call_s=0.5)
    assert [seconds_for(lane, calls) for calls in (0, -1, 1, 2, 3, 4)] == [0, 0, 1, 1, 2, 2]
    assert seconds_for(lane._replace(width=4), 40) == 5
    assert seconds_for(lane._replace(width=0), 4) == 2
    assert seconds_for(lane, 10, 2.0) == 20
    assert seconds_for(lane, 10, 0.1) == 5


def test_a_batch_takes_one_call_however_many():
    lane = Lane("shelf", call_s=5.0, batch=True)
    assert (seconds_for(lane, 1), seconds_for(lane, 500), seconds_for(lane, 0)) == (6, 6, 0)
    assert seconds_for(lane, 9, 7.2) == 8


def test_the_last_call_leaves_time_for_every_outlet_its_proof_and_some_spare():
    seen = view(wiring(50))
    calls = last_calls(seen, range(50), Deadline(20_000))
    assert calls == {"redfish pdu1": 20_000 - 30 - 10 - 20, "redfish pdu2": 20_000 - 30 - 10 - 5}
    assert last_calls(seen, range(50), None) == {}
    slow = view(wiring(50), lanes={"redfish pdu1": 1.0})
    assert last_calls(slow, range(50), Deadline(20_000))["redfish pdu1"] == 20_000 - 40 - 40
    assert last_calls(view(wiring(4, outlets=False)), range(4), Deadline(20_000)) == {}


@pytest.mark.parametrize(
    ("from_s", "to_s", "active_s"),
    [(1000, 1000, 0), (1000, 1090, 90), (1000, 1120, 90), (1000, 1121, 91), (1050, 1240, 130), (1100, 1120, 0),
     (1000, 1330, 270)],
)  # fmt: skip
def test_a_tick_sends_until_its_soft_end_and_the_next_ones_too(from_s, to_s, active_s):
    assert _active_s(view(wiring(2), now_s=1000), from_s, to_s) == active_s


def test_a_tick_that_is_shorter_than_its_work_has_no_pause():
    assert _active_s(view(wiring(2), now_s=1000, soft_s=90, tick_s=60), 1000, 1300) == 300
    assert _active_s(view(wiring(2), now_s=1000, soft_s=0, tick_s=60), 1000, 1121) == 3


def test_how_many_are_reached_gently_before_the_last_call():
    seen = view(wiring(4), now_s=1000)
    assert gentle_room(seen, {}) == {}
    assert gentle_room(seen, {"redfish pdu1": 1090 + 30}) == {"foreman mine": 90}
    assert gentle_room(seen, {"redfish pdu1": 1060, "redfish pdu2": 1100}) == {"foreman mine": 30}
    assert gentle_room(view(wiring(4), now_s=1000, lanes={"foreman mine": 4.0}), {"x": 1120}) == {"foreman mine": 22}
    wide = wiring(4)
    wide = wide._replace(lanes={**wide.lanes, "foreman mine": Lane("foreman mine", width=3)})
    assert gentle_room(view(wide, now_s=1000), {"x": 1120}) == {"foreman mine": 270}
    assert gentle_room(view(boards(2), now_s=1000), {"x": 1120}) == {"bitaxe shelf": 1 << 30}


def test_a_stop_of_everything_is_told_by_lane_with_its_longest():
    seen = view(wiring(24))
    found = time_to_obey(seen, 300)
    assert found == {
        "seconds": 54, "within_s": 300, "gentle": 24, "hard": 0, "unreachable": 0, "lanes": {"foreman mine": 24},
    }  # fmt: skip


def test_who_can_not_be_reached_gently_in_time_goes_by_the_outlet():
    slow = view(wiring(24), lanes={"foreman mine": 10.0}, now_s=10_000)
    found = time_to_obey(slow, 300)
    # last call 10,000 + 180 - 40 - 12 (24 outlets of 0.5 s); less 30 s of proof, and sending pauses at 90 s
    assert (found["gentle"], found["hard"]) == (9, 15)
    assert found["lanes"] == {"foreman mine": 9, "redfish pdu1": 15}
    assert found["seconds"] == 90 + 30


def test_outlets_alone_take_their_calls_and_their_proof():
    wires = wiring(24)
    hard = wires._replace(miners=tuple(spec._replace(paths=spec.paths[1:]) for spec in wires.miners))
    found = time_to_obey(view(hard), 300)
    assert (found["seconds"], found["gentle"], found["hard"], found["unreachable"]) == (12 + 10, 0, 24, 0)


def test_units_without_any_way_are_counted_and_those_without_outlets_are_gentle():
    wires = wiring(24)
    lost = wires._replace(miners=tuple(spec._replace(paths=()) for spec in wires.miners))
    found = time_to_obey(view(lost), 300)
    assert (found["unreachable"], found["seconds"], found["lanes"]) == (24, 0, {})
    soft = time_to_obey(view(wiring(24, outlets=False)), 300)
    assert (soft["gentle"], soft["hard"], soft["seconds"]) == (24, 0, 54)


def test_nobody_who_runs_takes_no_time_and_the_slowest_proof_counts():
    assert time_to_obey(view(wiring(24), running=False), 300)["seconds"] == 0
    wires = wiring(4)
    specs = list(wires.miners)
    specs[3] = specs[3]._replace(paths=(Path("foreman mine", 70, gentle=True), specs[3].paths[1]))
    found = time_to_obey(view(wires._replace(miners=tuple(specs))), 300)
    assert (found["gentle"], found["seconds"]) == (4, 4 + 70)


def test_a_lane_without_time_for_one_reaches_none():
    slow = view(wiring(4), lanes={"foreman mine": 100.0}, now_s=10_000)
    found = time_to_obey(slow, 300)
    assert (found["gentle"], found["hard"], found["lanes"]) == (0, 4, {"redfish pdu1": 4})
