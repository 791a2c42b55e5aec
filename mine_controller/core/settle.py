"""Answers into State, nothing else. An answer is never proof; what was not sent leaves no trace. Pure."""

from collections.abc import Iterable

from mine_controller.core.chase import answered
from mine_controller.core.miners import stopless
from mine_controller.core.model.command import (
    ACCEPTED,
    APPLIED,
    ERRANDS,
    NOT_SENT,
    REFUSED,
    UNREACHABLE,
    UNSUPPORTED,
    WITHHELD,
    Command,
    Outcome,
)
from mine_controller.core.model.state import Errand, State

SHARE_NEW = 0.2
LEAST = 8  # fewer calls than this measure the tick, not the lane
NOTHING_DONE = (REFUSED, UNREACHABLE, UNSUPPORTED, WITHHELD, NOT_SENT)


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
    state = _errands(state, by_id, outcomes)
    last = stopless.heard(state.last, by_id, outcomes)
    return state._replace(chases=chases, lanes=_lanes(state.lanes, by_id, outcomes, began_s), last=last)


def _errands(state: State, by_id: dict[str, Command], outcomes: tuple[Outcome, ...]) -> State:
    """Answers into the errands they belong to; a miner that was told nothing has nothing to settle."""
    if not state.errands and not state.settling:
        return state
    answers = {outcome.command: outcome for outcome in outcomes if outcome.command in by_id}
    errands = tuple(
        _told(errand, answers[errand.command]) if errand.command in answers else errand for errand in state.errands
    )
    idle = {
        by_id[name].target[6:]
        for name, outcome in answers.items()
        if outcome.verdict in NOTHING_DONE and by_id[name].verb in ("run", *ERRANDS)
    }
    settling = {name: until_s for name, until_s in state.settling.items() if name not in idle}
    return state._replace(errands=errands, settling=settling)


def _told(errand: Errand, outcome: Outcome) -> Errand:
    """What was not sent was no try."""
    tries = errand.tries - 1 if outcome.verdict == NOT_SENT else errand.tries
    return errand._replace(answer=outcome.verdict, why=outcome.why[:120], tries=max(0, tries))


def _lanes(
    known: dict[str, float], by_id: dict[str, Command], outcomes: tuple[Outcome, ...], began_s: int
) -> dict[str, float]:
    """Seconds a call by lane, from the answers' times; too few calls, or none that left, say nothing.

    Reading is in it, as it is in the time that `forecast` gives a lane: taken out of one alone, gentle stops would be
    planned for seconds in which a round still reads, and be late.
    """
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
