"""In which mode a miner is woken: the one that is wanted of it, else the one it was in before it slept. Pure.

Some firmware keeps sleep and mode in one setting, so that its unit forgets the one for the other: told to run and no
more, a board that its owner runs in low power would come back at full power after every curtailment.
"""

from collections.abc import Iterable, Mapping

from mine_controller.core.model.reading import Value
from mine_controller.core.model.reason import Wish
from mine_controller.core.model.wiring import MinerSpec


def waking(channels: Mapping[str, Value], wishes: Iterable[Wish], spec: MinerSpec) -> str:
    """The word for `run`, "" where none is known. `wishes`: the strongest layer first. What it told last counts however
    old it is: it can't change while it sleeps.
    """
    if not spec.modes:
        return ""
    named = (f"mode {spec.id}", f"mode {spec.group}")
    told = channels.get(f"{spec.group}/{spec.mac}:mode")
    able = (wish.value for wish in wishes if wish.what in named and wish.value in spec.modes)
    wanted = next(able, told.value if told is not None else None)
    return str(wanted) if wanted in spec.modes else ""
