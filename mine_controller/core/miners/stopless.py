"""Units that have said that they know no stop: remembered by the lane they said it on. Pure.

It holds nothing back: a stop goes to them as to everybody, for what they said may hold no longer. What changes is what
is counted on: the forecast says that nothing can stop them, and a stop in part is asked of others first. A stop that is
taken ends it, and so does another firmware. `State.last["no_stop"]` has the miners' names by lane.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from mine_controller.core.model.command import ACCEPTED, APPLIED, UNSUPPORTED, Command, Outcome
from mine_controller.core.model.reason import Event
from mine_controller.core.model.state import State
from mine_controller.core.model.wiring import MinerSpec, Path

KEY = "no_stop"
Said = Mapping[str, frozenset[str]]  # by lane, who said so


def said(last: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """Who said so, by lane, out of `State.last`."""
    kept = last.get(KEY)
    rows = kept.items() if isinstance(kept, dict) else ()
    return {lane: frozenset(map(str, names)) for lane, names in rows if isinstance(names, list) and names}


def left(spec: MinerSpec, known: Said) -> tuple[Path, ...]:
    """The ways to stop it that are left; () = nothing can."""
    return tuple(path for path in spec.paths if not path.gentle or spec.id not in known.get(path.lane, ()))


def heard(last: dict[str, Any], commands: Mapping[str, Command], outcomes: Iterable[Outcome]) -> dict[str, Any]:
    """`State.last` after these answers; the very same where nothing new was said. `commands` are by id."""
    known, changed = said(last), False
    for outcome in outcomes:
        command = commands.get(outcome.command)
        if command is None or command.verb != "stop" or not command.target.startswith("miner "):
            continue
        names, name = known.get(command.lane, frozenset()), command.target[6:]
        if outcome.verdict == UNSUPPORTED and name not in names:
            known[command.lane], changed = names | {name}, True
        elif outcome.verdict in (ACCEPTED, APPLIED) and name in names:
            known[command.lane], changed = names - {name}, True
    return _with(last, known) if changed else last


def forgotten(state: State, events: Iterable[Event], miners: Iterable[MinerSpec]) -> State:
    """The state without those whose firmware changed in this round, and without those that are listed no more."""
    if not state.last.get(KEY):
        return state
    known = said(state.last)
    anew = {event.about for event in events if event.kind == "firmware_changed"}
    stay = {spec.id for spec in miners} - anew
    if all(names <= stay for names in known.values()):
        return state
    return state._replace(last=_with(state.last, {lane: names & stay for lane, names in known.items()}))


def _with(last: Mapping[str, Any], known: Said) -> dict[str, Any]:
    kept = {lane: sorted(names) for lane, names in sorted(known.items()) if names}
    rest = {name: value for name, value in last.items() if name != KEY}
    return {**rest, KEY: kept} if kept else rest
