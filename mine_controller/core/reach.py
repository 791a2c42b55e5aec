"""What can be commanded at all: lanes that are live, endpoints that answer, units whose address was read. Pure."""

from mine_controller.core.model.command import REFUSED, UNREACHABLE
from mine_controller.core.model.quantity import TEXT_MAX_AGE_S
from mine_controller.core.model.state import Chase
from mine_controller.core.model.wiring import MinerSpec, Path, Wiring
from mine_controller.core.once import Once, each
from mine_controller.core.view import View
from mine_controller.record import NamedTuple

LATE_S = 120
CLOUD_LATE_S = 600  # what a cloud says of a miner may be so old


class Rungs(NamedTuple):
    """What a unit's ways say by themselves; -1 and "" = none."""

    softest: int  # its last gentle rung
    outlet: str  # the lane of its first outlet
    plug: bool  # it has no other way, and its owner said that this one is meant for every day
    hard: int  # the rung of its first outlet
    target: str  # how a chase of it is called
    shown_by: str  # the endpoint that proves what it does


def _rungs(spec: MinerSpec) -> Rungs:
    softest = max((rung for rung, path in enumerate(spec.paths) if path.gentle), default=-1)
    hard = next((rung for rung, path in enumerate(spec.paths) if not path.gentle), -1)
    outlet = spec.paths[hard].lane if hard >= 0 else ""
    shown_by = spec.outlet.partition("/")[0] or spec.group
    return Rungs(softest, outlet, "plug" in spec.flags, hard, f"miner {spec.id}", shown_by)


rungs_of = Once(each(_rungs))


def ours(wiring: Wiring) -> Wiring:
    """The wiring less every path whose lane is not live: those things are asked, counted, and never commanded."""
    if all(lane.live for lane in wiring.lanes.values()):
        return wiring
    shut = {name for name, lane in wiring.lanes.items() if not lane.live}
    miners = tuple(
        spec._replace(paths=tuple(path for path in spec.paths if path.lane not in shut)) for spec in wiring.miners
    )
    return wiring._replace(miners=miners)


def answers(view: View, lane: str) -> bool:
    """False while an endpoint answers nothing: a dead PDU can't cut anybody, nor bring anybody back."""
    health = view.image.channels.get(f"{lane}:health")
    return health is None or health.value == "ok"


def commandable(view: View, lane: str) -> bool:
    """True when commands to that lane leave the house."""
    known = view.wiring.lanes.get(lane)
    return known is None or known.live


def address(view: View, spec: MinerSpec, at: int, path: Path) -> str | None:
    """How the path's lane calls the unit now; None when its identity was not read in time."""
    if not path.gentle:
        return spec.outlet.partition("/")[2]
    if path.lane == spec.group:
        return view.image.miners.address[at]
    told = view.image.channels.get(f"{path.lane}/{spec.mac}:address")
    fresh = told is not None and told.value is not None and view.now_s - told.at_s <= TEXT_MAX_AGE_S
    return str(told.value) if told is not None and fresh else None


def stoppable(view: View, spec: MinerSpec, at: int, paths: tuple[Path, ...]) -> bool:
    """True when a stop of a unit that runs can be counted on: it is on its way, or one of these ways can be taken now,
    an outlet whose endpoint answers, or the unit itself where its address was read. A way that came to nothing is none.
    """
    chase = view.state.chases.get(f"miner {spec.id}")
    if chase is not None and chase.want == "stop" and chase.sent_s is not None:
        if not _goes_on(view, spec, at, chase) and chase.answer not in (UNREACHABLE, REFUSED):
            return True
        paths = tuple(path for path in paths if path in spec.paths[chase.rung + 1 :])
    return any(address(view, spec, at, path) is not None if path.gentle else answers(view, path.lane) for path in paths)


def _goes_on(view: View, spec: MinerSpec, at: int, chase: Chase) -> bool:
    """Whether it draws on when its stop should show; where nothing measured it since, by its own word that it hashes.

    What a cloud says lags by many minutes. Who was told and was not heard since counts as gone for a while.
    """
    miners, proof_s = view.image.miners, spec.paths[chase.rung].proof_s if chase.rung < len(spec.paths) else 0
    due_s = (chase.sent_s or 0) + proof_s
    if miners.power_w[at] is not None and miners.power_at[at] >= due_s:
        return True
    if miners.word_at[at] < due_s:
        return view.now_s >= due_s + LATE_S
    lags = view.wiring.is_outside(spec.group) and miners.word_at[at] < chase.began_s + proof_s + CLOUD_LATE_S
    return miners.word[at] == "hashing" and not lags


def startable(view: View, spec: MinerSpec, at: int) -> bool:
    """True when its first step up can be told now: its outlet, or the unit itself."""
    cut = next((rung for rung, path in enumerate(spec.paths) if not path.gentle), None)
    if cut is not None and (cut == 0 or view.image.miners.outlet[at] == "off"):
        return answers(view, spec.paths[cut].lane)
    return bool(spec.paths) and view.image.miners.address[at] is not None


def is_dark(view: View, name: str) -> bool:
    """True while every unit of this section stands on an outlet that is off, or boots since one came on again."""
    if view.wiring.is_outside(name):
        return False
    mine = [at for at, spec in enumerate(view.wiring.miners) if spec.group == name]
    return bool(mine) and all(can_not_answer(view, at) for at in mine)


def can_not_answer(view: View, at: int) -> bool:
    """True of a unit whose outlet is off, or that boots since it came on again."""
    spec, state = view.wiring.miners[at], view.state
    if not spec.outlet or view.image.miners.outlet[at] == "off":
        return bool(spec.outlet)
    chase, book = state.chases.get(f"miner {spec.id}"), state.miners.get(spec.id)
    began_s = chase.began_s if chase is not None and chase.want == "run" else book.last_start_s if book else 0
    return began_s > 0 and view.now_s - began_s < spec.ramp_patience_s
