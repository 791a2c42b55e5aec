"""Units whose last start came to nothing because they know none: remembered until they run. Pure.

Such a word is the unit's own and shows nothing of the supply: it pauses nobody's climb, is counted against that unit
alone, and others are started first, so that no room is kept for it that another could use. Where so many say so that
it is what carries the commands (a log-in, a library), it is nobody's fault. `State.last["no_start"]` has their names.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from mine_controller.core.fleet import on_above_w
from mine_controller.core.model.command import UNSUPPORTED
from mine_controller.core.model.reason import Reason
from mine_controller.core.model.state import Chase, MinerBook
from mine_controller.core.model.wiring import MinerSpec
from mine_controller.core.view import View

KEY = "no_start"
PAIR = 2  # one unit alone is never a common cause


def said(last: Mapping[str, Any]) -> frozenset[str]:
    """Who said so, out of `State.last`."""
    names = last.get(KEY)
    return frozenset(map(str, names)) if isinstance(names, list) else frozenset()


def unable(chases: Mapping[str, Chase], failed: Iterable[str]) -> list[str]:
    """Of the miners whose start came to nothing, those that said that they know none. `chases`: before this round."""
    told = {name: chases.get(f"miner {name}") for name in failed}
    return [name for name, chase in told.items() if chase is not None and chase.answer == UNSUPPORTED]


def heard(last: dict[str, Any], view: View, failed: Iterable[str], names: Iterable[str]) -> dict[str, Any]:
    """`State.last` with these `names` of the `failed`, without those that failed otherwise, run or are not listed."""
    was = said(last)
    known = was.difference(failed).union(names)
    if not known | was:
        return last
    off = {spec.id for spec, on in zip(view.wiring.miners, view.fleet.on, strict=True) if not on}
    if (stay := known & off) == was:
        return last
    rest = {name: value for name, value in last.items() if name != KEY}
    return {**rest, KEY: sorted(stay)} if stay else rest


def lately(known: frozenset[str], books: Mapping[str, MinerBook], oldest_s: int) -> frozenset[str]:
    """Without those that were put aside before then: they are asked no more, and show nothing of what is now."""

    def rests(name: str) -> bool:
        book = books.get(name)
        return book is not None and book.quarantined != "" and not any(at >= oldest_s for at in book.fails)

    return frozenset(name for name in known if not rests(name))


def are_many(known: frozenset[str], miners: int, crowd: int) -> bool:
    """Whether it is no unit's fault: `crowd` of them say so, or every one of a small site."""
    return len(known) >= max(PAIR, min(crowd, miners))


def why_failed(view: View, spec: MinerSpec, watts: int | None) -> Reason:
    """A unit that its own power limit keeps under what counts as on has no fault: whoever set the limit has to know."""
    numbers = (("miner", spec.id), ("watts", watts if watts is not None else "unknown"))
    limit = view.image.channels.get(f"{spec.group}/{spec.mac}:limit_w")
    limit_w = limit.value if limit is not None and not limit.why else None
    if not isinstance(limit_w, int | float) or not 0 < limit_w <= on_above_w(spec):  # 0: no limit
        return Reason("compare", "start_failed", numbers)
    return Reason("compare", "start_limited", (*numbers, ("limit_w", round(limit_w))))
