"""How long obeying takes: lanes, last calls, and who can still be reached gently. Pure arithmetic on seconds."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import compress
from typing import Any

from mine_controller.core.miners.stopless import left, said
from mine_controller.core.model.wiring import Lane, MinerSpec
from mine_controller.core.once import Once
from mine_controller.core.view import View
from mine_controller.record import NamedTuple

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


def _outlet_lane(spec: MinerSpec) -> str:
    """The outlet is the last path, if it is one."""
    last = spec.paths[-1] if spec.paths else None
    return last.lane if last is not None and not last.gentle else ""


class _Way(NamedTuple):
    """How a miner is told: its gentle lane and that one's proof, and its outlet's lane; "" = none."""

    lane: str
    proof_s: int
    outlet: str


def _way(spec: MinerSpec) -> _Way:
    first = spec.paths[0] if spec.paths and spec.paths[0].gentle else None
    return _Way(first.lane if first else "", first.proof_s if first else 0, _outlet_lane(spec))


class _Ways(NamedTuple):
    """The different ways of a fleet, and by place the number of each miner's."""

    ways: tuple[_Way, ...]
    of: tuple[int, ...]


def _ways(miners: tuple[MinerSpec, ...]) -> _Ways:
    numbers: dict[_Way, int] = {}
    of = tuple([numbers.setdefault(_way(spec), len(numbers)) for spec in miners])
    return _Ways(tuple(numbers), of)


_ways_of = Once(_ways)


def _counted(view: View, ats: Iterable[int]) -> dict[_Way, int]:
    """How many of these miners are told in each way."""
    ways, of = _ways_of(view.wiring.miners)
    return {ways[number]: count for number, count in Counter(map(of.__getitem__, ats)).items()}


def _first_proofs(miners: tuple[MinerSpec, ...]) -> dict[str, int]:
    """By gentle lane: how long the proof of the first miner on it takes."""
    return {way.lane: way.proof_s for way in reversed(_ways_of(miners).ways) if way.lane}


_proof_s_of = Once(_first_proofs)


def last_calls(view: View, stops: Iterable[int], deadline: Deadline | None) -> dict[str, int]:
    """By outlet lane: the plant time at which everybody still open on it must be cut, or it is too late."""
    return {} if deadline is None else _calls(view, _counted(view, stops), deadline)


def _calls(view: View, groups: Mapping[_Way, int], deadline: Deadline) -> dict[str, int]:
    behind: dict[str, int] = {}
    for way, count in groups.items():
        behind[way.outlet] = behind.get(way.outlet, 0) + count
    lanes, p90 = view.wiring.lanes, view.state.lanes
    return {
        name: deadline.by_s - SPARE_S - SETTLE_S - seconds_for(lanes[name], count, p90.get(name))
        for name, count in behind.items()
        if name and name in lanes
    }


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
    groups = _counted(view, compress(range(len(view.fleet.on)), view.fleet.on))
    deadline = Deadline(view.now_s + obey_within_s - view.image.clock.tick_s)
    calls = _calls(view, groups, deadline)
    room = gentle_room(view, calls)
    for way, now in _fewer(view):
        groups[way] -= 1
        groups[now] = groups.get(now, 0) + 1
    gentle: dict[str, int] = {}
    hard: dict[str, int] = {}
    proof_s = unreachable = 0
    for (lane, its_proof_s, outlet), count in sorted(groups.items()):
        soft = min(count, max(0, room.get(lane, 0) - gentle.get(lane, 0))) if outlet and calls else count
        soft = soft if lane else 0
        if soft:
            gentle[lane] = gentle.get(lane, 0) + soft
            proof_s = max(proof_s, its_proof_s)
        if outlet:
            hard[outlet] = hard.get(outlet, 0) + count - soft
        elif not lane:
            unreachable += count
    lanes, p90 = view.wiring.lanes, view.state.lanes
    soft_s = [seconds_for(lanes[name], n, p90.get(name)) + proof_s for name, n in gentle.items() if name in lanes]
    hard_s = [seconds_for(lanes[name], n, p90.get(name)) + SETTLE_S for name, n in hard.items() if n and name in lanes]
    return {
        "seconds": max([0, *soft_s, *hard_s]),
        "within_s": obey_within_s,
        "gentle": sum(gentle.values()),
        "hard": sum(hard.values()),
        "unreachable": unreachable,
        "lanes": {**gentle, **{name: count for name, count in hard.items() if count}},
    }


def _fewer(view: View) -> Iterator[tuple[_Way, _Way]]:
    """As wired and as they are, the ways of each running unit that has said of one of them that it knows no stop."""
    known = said(view.state.last)
    for spec, on in zip(view.wiring.miners, view.fleet.on, strict=True) if known else ():
        paths = left(spec, known) if on else spec.paths
        if paths != spec.paths:
            yield _way(spec), _way(spec._replace(paths=paths))


def gentle_room(view: View, calls: Mapping[str, int]) -> dict[str, int]:
    """By gentle lane: how many it reaches before the earliest last call, less its proof time."""
    room: dict[str, int] = {}
    if not calls:
        return room
    earliest = min(calls.values())
    for name, proof_s in _proof_s_of(view.wiring.miners).items():
        lane = view.wiring.lanes.get(name)
        if lane is None:
            continue
        active_s = _active_s(view, view.now_s, earliest - proof_s)
        call_s = max(lane.call_s, view.state.lanes.get(name, 0))
        room[name] = 1 << 30 if lane.batch else int(active_s * max(lane.width, 1) / call_s)
    return room
