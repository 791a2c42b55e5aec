"""A miner is its mac or serial: what is remembered of it follows it to the name that fleet.csv has for it now. Pure.

A name changes in an editor, or a spreadsheet takes the zeros away from 001. The wear book, the quarantine, what a
person holds and what is under way belong to the machine, not to the word: otherwise a miner that somebody put aside
would start under its new name. A name whose unit is another one now, and none that is known (a new control board),
keeps its books: the machine around the board is the same.
"""

from collections.abc import Mapping
from itertools import repeat
from operator import attrgetter
from typing import Any

from mine_controller.core.fleet import ids_of, macs_of
from mine_controller.core.miners.errands import gone
from mine_controller.core.model.reason import Event, Reason
from mine_controller.core.model.state import Override, State, Unit
from mine_controller.core.model.wiring import MinerSpec

HELD = ("miner", "mode", "pool")  # what a person holds of one miner, as `miner.a017`
# Keys of `State.last` that go by miner.
FACTS = ("unasked", "writers", "awake", "poolless", "no_stop", "no_start", "bests", "shares", "harvest")
RULES = ("tuning", "failover", "uplinks", "profit", "band", "branch", "schedule")  # whose memory names miners
PREFIX = "miner "
NOBODY = Unit()
_MAC = attrgetter("mac")


def follow(state: State, miners: tuple[MinerSpec, ...]) -> tuple[State, tuple[Event, ...]]:
    """The state under today's names, and what is told of each miner that has another one; mostly the very same."""
    units = state.units
    if not units or tuple(map(_MAC, map(units.get, ids_of(miners), repeat(NOBODY)))) == macs_of(miners):
        return state, ()
    other = [spec for spec in miners if units.get(spec.id, NOBODY).mac != spec.mac]
    known = {unit.mac: name for name, unit in units.items() if unit.mac}
    now = {known[spec.mac]: spec.id for spec in other if spec.mac in known}  # old name -> new one
    if not now:
        return state, ()
    events = tuple(
        Event("renamed", "info", new, Reason("units", "renamed", (("miner", new), ("was", old))))
        for old, new in now.items()
    )
    left = tuple(event for errand in state.errands if _left(errand.miner, now) for event in gone(errand))
    return _renamed(state, now), (*events, *left)


def _left(name: str, now: Mapping[str, str]) -> bool:
    """Whether its unit has no name any more, and another one is called so."""
    return name not in now and name in now.values()


def _renamed(state: State, now: Mapping[str, str]) -> State:
    chased = {PREFIX + old: PREFIX + new for old, new in now.items()}
    memory = {rule: _named(rows, now) if rule in RULES else rows for rule, rows in state.memory.items()}
    last = {key: _named(rows, now) if key in FACTS else rows for key, rows in state.last.items()}
    kept = (errand for errand in state.errands if not _left(errand.miner, now))
    errands = tuple(errand._replace(miner=now.get(errand.miner, errand.miner)) for errand in kept)
    return state._replace(
        memory=memory,
        last=last,
        errands=errands,
        miners=_moved(state.miners, now),
        units=_moved(state.units, now),
        chases=_moved(state.chases, chased),
        settling=_moved(state.settling, now),
        overrides=_held(state.overrides, now),
    )


def _moved(book: Mapping[str, Any], now: Mapping[str, str]) -> dict[str, Any]:
    """The book with its rows under the new names; what stood there of a unit that has no name any more is gone."""
    kept = {name: row for name, row in book.items() if name not in now and not _left(name, now)}
    return {**kept, **{new: book[old] for old, new in now.items() if old in book}}


def _held(overrides: tuple[Override, ...], now: Mapping[str, str]) -> tuple[Override, ...]:
    keys = {f"{what}.{old}": f"{what}.{new}" for old, new in now.items() for what in HELD}
    gone = set(keys.values()) - keys.keys()
    return tuple(one._replace(key=keys.get(one.key, one.key)) for one in overrides if one.key not in gone)


def _named(tree: Any, now: Mapping[str, str]) -> Any:
    """The same tree with the new names where the old ones are keys, or stand in lists of names."""
    if isinstance(tree, dict):
        rows = {name: _named(row, now) for name, row in tree.items()}
        return _moved(rows, now) if now.keys() & rows.keys() else rows
    if isinstance(tree, list) and all(isinstance(row, str) for row in tree):
        return [now.get(row, row) for row in tree if not _left(row, now)]
    if isinstance(tree, list):
        return [_named(row, now) for row in tree]
    return tree
