"""A breaker that tripped, a phase that was lost: a branch at 0 W, by nobody's word, while others run (HW1).

Whoever goes to the box and closes it is there and knows why; until then nothing on that branch is started, so that no
program loads a branch with a fault. It ends with a person's `ack` or `resume`, or when the miners are seen on again. A
site that is dark as a whole is a black-out and no branch; miners that idle draw their standby. A meter that went with
its branch tells nothing, and what is unmeasured is not started anyway. The fans are for the rule of air to see.
A breaker by another name in the config, or another one beside a miner's name, closes nothing: who fell waits all the
same, and so does whoever hangs on one breaker with them now.
"""

from collections.abc import Iterator
from typing import Any

from mine_controller.core.miners import awake
from mine_controller.core.model.reason import EQUIPMENT, Advice, Event, Limit, Reason
from mine_controller.core.model.wiring import MinerSpec
from mine_controller.core.once import Once
from mine_controller.core.option import option
from mine_controller.core.view import View
from mine_controller.record import NamedTuple

LAYER = EQUIPMENT
NEEDS = ()
TOGETHER_S = 150  # a branch may hang on several meters, and those are read in turns
NOTHING_W = 3  # idle boards and supplies draw 5 W and more
BACK_PCT = 50  # so many of those that fell are on again: somebody has closed it


class Options(NamedTuple):
    """Numbers of [branch]."""

    least: int = option(3, low=2, high=100, help="so many miners of one breaker or phase, dark at once, are a trip")


def advise(view: View, memory: dict[str, Any], options: Options) -> Advice:
    """A ban for every miner on a branch that tripped."""
    branches, was = _branches_of(view.wiring.miners), memory.get("tripped", {})
    if not branches and not was:
        return Advice()
    kept = {name: dict(told) for name, told in was.items()}
    over = {name for name, told in kept.items() if _is_back(view, told) or view.lets_go("branch_tripped", name)}
    events = [_over(name, kept[name]) for name in kept if name in over]
    kept = {name: told for name, told in kept.items() if name not in over}
    for name, fallen in _tripped(view, branches, options):
        if not any(set(fallen) <= set(told["miners"]) for told in kept.values()):
            kept[name] = {"miners": fallen, "since_s": view.now_s}
            events.append(Event("branch_tripped", "warning", name, _reason("tripped", name, fallen)))
    held = {
        view.wiring.miners[at].id: (name, told)
        for name, told in kept.items()
        for at in _beside(view, branches, name, told)
    }
    limits = tuple(
        Limit(EQUIPMENT, f"ban {miner}", 0, _reason("tripped", name, told["miners"]))
        for miner, (name, told) in held.items()
    )
    return Advice(limits, (), tuple(events), {"tripped": kept} if kept else {})


def _branches(miners: tuple[MinerSpec, ...]) -> dict[str, tuple[int, ...]]:
    """The columns of each phase and breaker that feeds miners, phases first: the wider one is what is told."""
    found: dict[str, list[int]] = {}
    for word in ("phase", "breaker"):
        for at, spec in enumerate(miners):
            if name := getattr(spec, word):
                found.setdefault(f"{word} {name}", []).append(at)
    return {name: tuple(ats) for name, ats in found.items()}


_branches_of = Once(_branches)


def _tripped(view: View, branches: dict[str, tuple[int, ...]], options: Options) -> Iterator[tuple[str, list[str]]]:
    """(branch, who fell) of every branch that carries nothing at all while something else still runs."""
    specs, watts, on = view.wiring.miners, view.image.miners.power_w, view.fleet.on
    if view.state.shed is not None and view.state.shed.ended_s is None:
        return
    for name, ats in branches.items():
        if not all((drawn_w := watts[at]) is not None and drawn_w <= NOTHING_W for at in ats):
            continue
        fallen = [specs[at].id for at in ats if _fell(view, specs[at])]
        others = set(range(len(specs))) - set(ats)
        if len(fallen) >= options.least and any(on[at] and watts[at] is not None for at in others):
            yield name, fallen


def _fell(view: View, spec: MinerSpec) -> bool:
    """It went dark just now, and by no word of ours."""
    book = view.state.miners.get(spec.id)
    lately = book is not None and not book.on and 0 < book.last_stop_s >= view.now_s - TOGETHER_S
    return lately and spec.id in (view.state.last.get(awake.KEY) or ())


def _is_back(view: View, told: dict[str, Any]) -> bool:
    """Half of those that fell and are still listed are on again; or nobody of them is listed any more."""
    fallen = [view.fleet.on[at] for at in _columns(view, told)]
    return sum(fallen) * 100 >= len(fallen) * BACK_PCT


def _columns(view: View, told: dict[str, Any]) -> list[int]:
    """Those that fell, as far as fleet.csv still lists them."""
    fallen = set(told["miners"])
    return [at for at, spec in enumerate(view.wiring.miners) if spec.id in fallen]


def _beside(view: View, branches: dict[str, tuple[int, ...]], name: str, told: dict[str, Any]) -> list[int]:
    """Those that fell, and whoever hangs on one branch with them now, whatever it is called."""
    fallen, word = set(_columns(view, told)), name.partition(" ")[0]
    ways = [ats for other, ats in branches.items() if other.startswith(f"{word} ") and not fallen.isdisjoint(ats)]
    return sorted(fallen.union(*ways))


def _over(name: str, told: dict[str, Any]) -> Event:
    return Event("branch_back", "info", name, _reason("back", name, told["miners"]))


def _reason(code: str, name: str, fallen: list[str]) -> Reason:
    return Reason("branch", code, (("branch", name), ("miners", len(fallen))))
