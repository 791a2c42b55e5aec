"""Stops: which rung of its ladder each miner begins on and when the next is due. Pure."""

from mine_controller.core.chase import TRIES, Ladder, at_rung, has_failed, pursue
from mine_controller.core.compare.work import Work, note
from mine_controller.core.forecast import Deadline, gentle_room, last_calls
from mine_controller.core.miners.awake import rests
from mine_controller.core.miners.liars import lied
from mine_controller.core.model.reason import Reason
from mine_controller.core.model.state import Chase
from mine_controller.core.model.wiring import MinerSpec
from mine_controller.core.reach import Rungs, address, answers, rungs_of

PARTIAL_WITHIN_S = 240


def stop_miners(work: Work, deadline: Deadline | None) -> None:
    """Every stop of the plan: its rung, and its command where one is due."""
    view, plan = work.view, work.plan
    if not plan.stops:
        return
    if deadline is None and work.envelope.how != "gentle":
        deadline = _own_deadline(work)
    calls = last_calls(view, plan.stops, deadline)
    room = gentle_room(view, calls)
    reason, watts, rungs = _why_stop(work), view.image.miners.power_w, rungs_of(view.wiring.miners)
    mute = {lane for lane in {rung.outlet for rung in rungs} if not answers(view, lane)}
    specs, tickets, now_s, opening = view.wiring.miners, view.image.tickets, view.now_s, view.image.clock.opening
    for at in plan.stops:
        spec, own = specs[at], rungs[at]
        ladder = _ladder(work, at, own, calls, mute)
        if not spec.paths or ladder.top < 0:
            continue
        chase = work.chases.get(own.target)
        if chase is None or chase.want != "stop" or _is_unbegun(chase):
            began_s = chase.began_s if chase is not None and chase.want == "stop" else now_s
            chase = Chase("stop", _first_rung(work, spec, own, ladder, room, deadline), 0, began_s)
        else:
            chase = _in_turn(work, chase, ladder)
        if chase.rung > ladder.top:
            chase = chase._replace(rung=0, tries=0, sent_s=None, answer="")
        while chase.rung in ladder.shut and chase.sent_s is None and chase.rung < ladder.top:
            chase = chase._replace(rung=chase.rung + 1)
        ticket = tickets.get(f"{spec.paths[chase.rung].lane}/{chase.ticket}", "") if chase.ticket else ""
        step = pursue(chase, ladder, ticket, now_s, opening)
        if step.chase.rung > chase.rung and lied(chase, spec.paths[chase.rung], watts[at], now_s):
            work.lied.append(spec.id)
        note(work, own.target, spec, step, reason, own.shown_by)


def _is_unbegun(chase: Chase) -> bool:
    """Nothing was sent for it, and it is not a word that waits for its lane after a failed outlet."""
    return chase.sent_s is None and chase.rung == 0 and chase.tries < TRIES


def _in_turn(work: Work, chase: Chase, ladder: Ladder) -> Chase:
    """Where the outlet has failed, the miner's own word is tried in turn with it: at once in the tick that began it or
    when everything is cut, later once a tick.

    A word that follows a failed outlet has more tries than a ladder ever gives one: that tells it from a gentle stop
    under way, which the outlet overtakes when everything is cut.
    """
    clock, cut = work.view.image.clock, work.envelope.how == "cut"
    if ladder.paths[chase.rung].gentle:
        overtaken = cut and chase.tries <= TRIES and ladder.top > chase.rung
        return at_rung(chase, ladder.top) if overtaken else chase
    now = cut or clock.opening or chase.began_s >= clock.began_s
    if not now or not has_failed(chase, ladder, work.view.now_s):
        return chase
    gentle = _gentle(ladder)
    return chase if gentle is None else at_rung(chase, gentle)._replace(tries=TRIES)


def _ladder(work: Work, at: int, rungs: Rungs, calls: dict[str, int], mute: set[str]) -> Ladder:
    """The rungs a unit has now; `mute` are the outlets' lanes that answer nothing."""
    spec = work.view.wiring.miners[at]
    softest, outlet = rungs.softest, rungs.outlet
    top = len(spec.paths) - 1
    word_only = (work.envelope.how == "gentle" and not rungs.plug) or rests(work.view, at)
    if word_only or (softest >= 0 and outlet in mute):
        top = softest
    if softest <= 0 and work.view.image.miners.address[at] is not None:
        return Ladder(spec.paths, top, calls.get(outlet))
    shut = tuple(rung for rung, path in enumerate(spec.paths) if path.gentle and not _can_reach(work, spec, rung))
    return Ladder(spec.paths, top, calls.get(outlet), shut=shut)


def _first_rung(
    work: Work, spec: MinerSpec, rungs: Rungs, ladder: Ladder, room: dict[str, int], deadline: Deadline | None
) -> int:
    """The first rung: gentle while its lane can still reach this miner in time and its word is worth something, else
    its outlet at once."""
    outlet = rungs.hard if 0 <= rungs.hard <= ladder.top else None
    if outlet is None:
        return _gentle(ladder) or 0
    if work.envelope.how == "cut" or spec.id in work.liars:
        return outlet
    lane = spec.paths[0].lane
    if deadline is None or room.get(lane, 1) > 0:
        room[lane] = room.get(lane, 1 << 30) - 1
        gentle = _gentle(ladder)
        return gentle if gentle is not None else outlet
    return outlet


def _gentle(ladder: Ladder) -> int | None:
    """The first gentle rung that can be used."""
    return next((rung for rung, path in enumerate(ladder.paths) if path.gentle and rung not in ladder.shut), None)


def _can_reach(work: Work, spec: MinerSpec, rung: int) -> bool:
    """A gentle path needs the unit's identity read in time; a lane that answers nothing at all can't be used."""
    return address(work.view, spec, work.column[spec.id], spec.paths[rung]) is not None


def _own_deadline(work: Work) -> Deadline:
    """A partial stop that safety asks for has the same time as a whole one, from its oldest open command."""
    now_s = work.view.now_s
    began = [chase.began_s for chase in work.chases.values() if chase.want == "stop" and chase.sent_s is not None]
    return Deadline(max(min(began, default=now_s), now_s - PARTIAL_WITHIN_S) + PARTIAL_WITHIN_S)


def _why_stop(work: Work) -> Reason:
    for what in ("max_power_w", "max_miners"):
        for limit in work.envelope.binding:
            if limit.what == what:
                return limit.reason
    return Reason("choose", "over_limit")
