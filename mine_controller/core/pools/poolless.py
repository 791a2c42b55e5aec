"""Units that hash nothing because no pool answers them, by their own word "waiting". Pure.

Newer small boards take the power from their chips meanwhile and give it back by themselves. Going dark and coming back
is nobody's hand then, and a start that comes to nothing no fault of the board's. `State.last["poolless"]` has the names
of those that are dark for it, until they run or say something else.
"""

from mine_controller.core.fleet import ASLEEP
from mine_controller.core.miners.hearing import APART_S
from mine_controller.core.model.image import Image
from mine_controller.core.model.state import State
from mine_controller.core.model.wiring import MinerSpec, Wiring

KEY = "poolless"
WAITS = "waiting"
_OVER = ASLEEP | {"error"}  # words of another matter; none, or one of hashing, may come while its pool is coming back


def waits(image: Image, at: int) -> bool:
    """Whether it says now that no pool answers it."""
    return image.miners.word[at] == WAITS


def is_own(image: Image, state: State, spec: MinerSpec, at: int, *, on: bool) -> bool:
    """Whether a change that nobody asked for is its own: dark for want of a pool, or back from that."""
    return spec.id in (state.last.get(KEY) or ()) if on else waits(image, at) and _answers(image, spec)


def _answers(image: Image, spec: MinerSpec) -> bool:
    """Whether it gave its word when it was last asked: who has lost its supply gives none any more."""
    told, tried = image.channels.get(f"{spec.group}/{spec.mac}:word"), image.channels.get(f"{spec.group}:tried")
    return told is not None and not told.why and (tried is None or told.at_s >= tried.at_s - APART_S)


def remembered(state: State, image: Image, wiring: Wiring) -> State:
    """The state with the names of those that are dark and wait; those that waited stay while they say nothing else."""
    known, words = state.last.get(KEY) or (), image.miners.word
    if not known and WAITS not in words:
        return state
    names = []
    for at, spec in enumerate(wiring.miners):
        book, word = state.miners.get(spec.id), words[at]
        if book is not None and not book.on and (word == WAITS or (spec.id in known and word not in _OVER)):
            names.append(spec.id)
    if names == list(known):
        return state
    last = {key: value for key, value in state.last.items() if key != KEY}
    return state._replace(last={**last, KEY: names} if names else last)


def told(state: State) -> int:
    """How many of them were told to run: no climb, they go on by themselves."""
    return sum(f"miner {name}" in state.chases for name in state.last.get(KEY) or ())
