"""How long obeying takes: lanes, last calls, and who can still be reached gently. Pure arithmetic on seconds."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from mine_controller.core.model.wiring import Lane
from mine_controller.core.view import View

SPARE_S = 30  # between the last outlet call and the deadline
ACT_LANE_S = 25  # a lane's time in one round
SETTLE_S = 10  # an outlet's proof


class Deadline(NamedTuple):
    """By when measured power must be down: plant seconds."""

    by_s: int


def seconds_for(lane: Lane, calls: int, p90: float | None = None) -> int:
    """Seconds a lane needs for so many commands, by the measured p90 where there is one."""
    if calls <= 0:
        return 0
    call_s = max(lane.call_s, p90 or 0)
    return round(call_s + 0.5) if lane.batch else int(-(-calls * call_s // max(lane.width, 1)))


def _outlet_lane(view: View, at: int) -> str:
    return next((path.lane for path in view.wiring.miners[at].paths if not path.gentle), "")


def last_calls(view: View, stops: Iterable[int], deadline: Deadline | None) -> dict[str, int]:
    """By outlet lane: the plant time at which everybody still open on it must be cut, or it is too late."""
    behind: dict[str, int] = {}
    for at in stops:
        lane = _outlet_lane(view, at)
        if lane:
            behind[lane] = behind.get(lane, 0) + 1
    if deadline is None:
        return {}
    lanes, p90 = view.wiring.lanes, view.state.lanes
    return {
        name: deadline.by_s - SPARE_S - SETTLE_S - seconds_for(lanes[name], count, p90.get(name))
        for name, count in behind.items()
        if name in lanes
    }


def gentle_room(
    view: View,
    stops: Iterable[int],
    deadline: Deadline | None,
    calls: Mapping[str, int],
) -> dict[str, int]:
    """By gentle lane: how many it can reach before the last call less its proof time, while ticks are at work."""
    if deadline is None or not calls:
        return {}
    now_s, room = view.now_s, {}
    earliest = min(calls.values())
    for at in stops:
        spec = view.wiring.miners[at]
        path = spec.paths[0] if spec.paths and spec.paths[0].gentle else None
        if path is None or path.lane not in view.wiring.lanes:
            continue
        if path.lane not in room:
            active_s = _active_s(view, now_s, earliest - path.proof_s)
            lane = view.wiring.lanes[path.lane]
            call_s = max(lane.call_s, view.state.lanes.get(path.lane, 0))
            room[path.lane] = 1 << 30 if lane.batch else int(active_s * max(lane.width, 1) / call_s)
    return room


def _active_s(view: View, from_s: int, to_s: int) -> int:
    """Seconds between the two in which a tick is sending: this tick until its soft end, the next ones likewise."""
    clock, total, begin = view.image.clock, 0, view.image.clock.began_s
    work_s = max(1, clock.soft_end_s - clock.began_s)
    while begin < to_s:
        total += max(0, min(to_s, begin + work_s) - max(from_s, begin))
        begin += max(clock.tick_s, work_s)
    return total


def time_to_obey(view: View, obey_within_s: int) -> dict[str, Any]:
    """What a stop of everything now running would take, by the same arithmetic that commands use."""
    running = [at for at, on in enumerate(view.fleet.on) if on]
    deadline = Deadline(view.now_s + obey_within_s - view.image.clock.tick_s)
    calls = last_calls(view, running, deadline)
    room = gentle_room(view, running, deadline, calls)
    gentle: dict[str, int] = {}
    hard: dict[str, int] = {}
    unreachable = slowest_s = 0
    for at in running:
        paths = view.wiring.miners[at].paths
        outlet = _outlet_lane(view, at)
        lane = paths[0].lane if paths and paths[0].gentle else ""
        if lane and (not outlet or room.get(lane, 0) > gentle.get(lane, 0)):
            gentle[lane] = gentle.get(lane, 0) + 1
            slowest_s = max(slowest_s, seconds_for(view.wiring.lanes[lane], gentle[lane]) + paths[0].proof_s)
        elif outlet:
            hard[outlet] = hard.get(outlet, 0) + 1
            slowest_s = max(slowest_s, seconds_for(view.wiring.lanes[outlet], hard[outlet]) + SETTLE_S)
        else:
            unreachable += 1
    return {
        "seconds": slowest_s,
        "within_s": obey_within_s,
        "gentle": sum(gentle.values()),
        "hard": sum(hard.values()),
        "unreachable": unreachable,
        "lanes": {**gentle, **hard},
    }
