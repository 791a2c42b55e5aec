"""Who is dark and was not told to be: an idle unit (no pool, a boot, a start that came to nothing) may go on by itself.

While everything must stop it is told too, once, by its own word and never at an outlet: else it draws from the moment
its pool is back until the next tick has seen it. `State.last["awake"]` holds the names. Pure.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from mine_controller.core.fleet import ASLEEP
from mine_controller.core.model.command import UNREACHABLE
from mine_controller.core.model.state import Chase, MinerBook, State
from mine_controller.core.reach import address
from mine_controller.core.view import View

KEY = "awake"


def watched(state: State, miners: Mapping[str, MinerBook], now_s: int) -> State:
    """The state with who went dark in this round by no word of ours, less who is on or is being started."""
    chases, known = state.chases, state.last.get(KEY) or ()

    def wants(name: str) -> str:
        chase = chases.get(f"miner {name}")
        return "" if chase is None else chase.want

    names = {name for name in known if name in miners and not miners[name].on and wants(name) != "run"}
    names.update(
        name
        for name, book in miners.items()
        if book.last_stop_s == now_s and not book.on and wants(name) not in ("run", "stop")
    )
    return _with(state, names)


def judged(last: dict[str, Any], done: Iterable[tuple[str, Chase]], failed: Iterable[str]) -> dict[str, Any]:
    """`State.last` after the commands: a word that reached one ends it, a start that came to nothing begins it."""
    known = last.get(KEY) or ()
    told = {
        target[6:]
        for target, chase in done
        if chase.want == "stop" and chase.sent_s is not None and chase.answer != UNREACHABLE
    }
    names = sorted({*known, *failed} - told)
    return last if names == list(known) else {**last, KEY: names}


def _with(state: State, names: set[str]) -> State:
    ordered = sorted(names)
    return state if ordered == list(state.last.get(KEY) or ()) else state._replace(last={**state.last, KEY: ordered})


def rests(view: View, at: int) -> bool:
    """True for a dark unit that may go on by itself, by measurement and by its own word."""
    if view.fleet.on[at]:  # first: it is asked of every miner that is told to stop
        return False
    spec, miners = view.wiring.miners[at], view.image.miners
    known = spec.id in (view.state.last.get(KEY) or ()) and miners.power_w[at] is not None
    return known and miners.word[at] not in ASLEEP


def to_tell(view: View) -> list[int]:
    """Those that are to be told to stay dark now: they hear us, and no word of this tick has reached them yet."""
    names = set(view.state.last.get(KEY) or ())
    return [at for at, spec in enumerate(view.wiring.miners) if spec.id in names and _hears(view, at)] if names else []


def _hears(view: View, at: int) -> bool:
    spec, chase = view.wiring.miners[at], view.state.chases.get(f"miner {view.wiring.miners[at].id}")
    if not rests(view, at) or not spec.paths or not spec.paths[0].gentle:
        return False
    if chase is not None and chase.want == "stop" and chase.sent_s is not None:
        return view.image.miners.power_at[at] <= chase.sent_s  # else it has been seen dark since: that is done
    return view.image.clock.opening and address(view, spec, at, spec.paths[0]) is not None
