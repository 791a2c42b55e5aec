"""Answers into State, nothing else. An answer is never proof; what was not sent leaves no trace. Pure."""

from collections.abc import Iterable

from mine_controller.core.chase import answered
from mine_controller.core.model.command import ACCEPTED, APPLIED, WITHHELD, Command, Outcome
from mine_controller.core.model.state import State

SHARE_NEW = 0.2
LEAST = 8  # fewer calls than this measure the tick, not the lane


def settle(state: State, commands: Iterable[Command], outcomes: Iterable[Outcome], began_s: int = 0) -> State:
    """The state after this round's answers. `began_s`: plant time at which the round began, for the lanes' speed."""
    commands, outcomes = tuple(commands), tuple(outcomes)
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
    return state._replace(chases=chases, lanes=_lanes(state.lanes, by_id, outcomes, began_s))


def _lanes(
    known: dict[str, float], by_id: dict[str, Command], outcomes: tuple[Outcome, ...], began_s: int
) -> dict[str, float]:
    """Seconds a call by lane, from the answers' times; too few calls, or none that left, say nothing."""
    sent: dict[str, list[int]] = {}
    for outcome in outcomes:
        command = by_id.get(outcome.command)
        if command is not None and outcome.verdict in (ACCEPTED, APPLIED) and outcome.at_s > began_s > 0:
            sent.setdefault(command.lane, []).append(outcome.at_s)
    measured = {
        lane: measured_lane(known.get(lane), max(at) - began_s, len(at))
        for lane, at in sent.items()
        if len(at) >= LEAST
    }
    return {**known, **measured} if measured else known


def measured_lane(old_s: float | None, spent_s: float, calls: int) -> float:
    """A slow moving upper estimate of seconds a call: up at once, down slowly."""
    new_s = round(spent_s / max(calls, 1), 2)
    if old_s is None or new_s > old_s:
        return new_s
    return round(old_s + (new_s - old_s) * SHARE_NEW, 2)
