"""Answers into State, nothing else. An answer is never proof; what was not sent leaves no trace. Pure."""

from collections.abc import Iterable

from mine_controller.core.chase import answered
from mine_controller.core.model.command import WITHHELD, Command, Outcome
from mine_controller.core.model.state import State

SHARE_NEW = 0.2


def settle(state: State, commands: Iterable[Command], outcomes: Iterable[Outcome]) -> State:
    """The state after this round's answers."""
    by_id = {command.id: command for command in commands}
    chases = dict(state.chases)
    for outcome in outcomes:
        command = by_id.get(outcome.command)
        chase = chases.get(command.target) if command is not None else None
        if command is None or chase is None or chase.command != command.id:
            continue
        if outcome.verdict == WITHHELD:
            del chases[command.target]  # a withheld command opens no chase: shadow never climbs
        else:
            chases[command.target] = answered(chase, outcome.verdict, outcome.why, outcome.ticket, outcome.at_s)
    return state._replace(chases=chases)


def measured_lane(old_s: float | None, spent_s: float, calls: int) -> float:
    """A slow moving upper estimate of seconds a call: up at once, down slowly."""
    new_s = round(spent_s / max(calls, 1), 2)
    if old_s is None or new_s > old_s:
        return new_s
    return round(old_s + (new_s - old_s) * SHARE_NEW, 2)
