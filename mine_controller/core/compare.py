"""Wanted minus seen = commands, one batch, largest load first. Pure.

The difference is the queue, so there is no queue: what was not sent is simply still different the next time.
"""

from mine_controller.core.chase import TRIES, Ladder, Step, at_rung, has_failed, pursue
from mine_controller.core.due import ONCE
from mine_controller.core.envelope import severest
from mine_controller.core.fleet import risen_w, wordy
from mine_controller.core.forecast import Deadline, gentle_room, last_calls
from mine_controller.core.looks import at_endpoint, at_fan
from mine_controller.core.miners.awake import rests
from mine_controller.core.miners.liars import liars_of, lied
from mine_controller.core.miners.startless import why_failed
from mine_controller.core.miners.waking import waking
from mine_controller.core.model.command import UNREACHABLE, Command
from mine_controller.core.model.decision import Envelope, Look, Plan
from mine_controller.core.model.reason import Event, Reason
from mine_controller.core.model.state import Chase
from mine_controller.core.model.wiring import MinerSpec, Path
from mine_controller.core.outputs.levels import TARGETS, command_id, levels
from mine_controller.core.pools.poolless import waits
from mine_controller.core.reach import CLOUD_LATE_S, Rungs, address, answers, commandable, rungs_of
from mine_controller.core.view import View
from mine_controller.record import NamedTuple

BOOT_S = 90  # from outlet on to the miner's own start
TICKETS_A_ROUND = 5
RETRY_START_S = 600
RETRY_IDLE_S = 6 * 3600  # to one that says that it waits for its pool: its word may be wrong, its flash memory wears
UNSENT_S = 240  # a start nobody could be told of makes room for others after this
PARTIAL_WITHIN_S = 240
OBEYED_LATE_S = 120


class Compared(NamedTuple):
    """Chases after this round, what to send, when to look again."""

    chases: dict[str, Chase]
    commands: tuple[Command, ...]
    look: Look | None
    events: tuple[Event, ...]
    done: tuple[tuple[str, Chase], ...]  # proven this round: ("miner a017", its chase)
    failed: tuple[str, ...]  # miners whose start failed for good
    mapped_wrong: tuple[str, ...]  # miners that hash on while their outlet is dark
    lied: tuple[str, ...]  # miners that said yes to a stop and drew on until the ladder climbed


class _Work(NamedTuple):
    view: View
    envelope: Envelope
    plan: Plan
    chases: dict[str, Chase]
    commands: list[Command]
    looks: list[tuple[int, str]]
    events: list[Event]
    done: list[tuple[str, Chase]]
    failed: list[str]
    mapped_wrong: list[str]
    lied: list[str]
    column: dict[str, int]  # miner id -> column
    liars: frozenset[str] = frozenset()  # those whose word is not waited for


def compare(view: View, envelope: Envelope, plan: Plan, deadline: Deadline | None) -> Compared:
    """Commands for this round. None relies on another of the same round: order is a guard, not a sequence."""
    envelope = envelope._replace(how=severest(envelope, view)) if plan.stops else envelope
    busy = bool(view.state.chases or plan.stops or plan.starts)
    index = {spec.id: at for at, spec in enumerate(view.wiring.miners)} if busy else {}
    work = _Work(view, envelope, plan, dict(view.state.chases), [], [], [], [], [], [], [], index)
    work = work._replace(liars=liars_of(view)) if plan.stops else work
    _drop_settled(work)
    _check_maps(work)
    _stop_miners(work, deadline)
    _fans(work)
    _start_miners(work)
    work.commands.extend(levels(view, envelope, work.chases, len(work.commands)))
    return Compared(
        work.chases,
        tuple(work.commands),
        _look(work),
        tuple(work.events),
        tuple(work.done),
        tuple(work.failed),
        tuple(work.mapped_wrong),
        tuple(work.lied),
    )


# -- what is over ---------------------------------------------------------------------------------------------------


def _drop_settled(work: _Work) -> None:
    """Chases that measurement has proven, or that are wanted no longer."""
    view, miners, stops = work.view, work.view.image.miners, set(work.plan.stops)
    specs, on = view.wiring.miners, view.fleet.on
    for target, chase in sorted(work.chases.items()):
        if not target.startswith("miner "):
            # an output has one command after another, until it says so itself
            if not target.startswith(TARGETS) and target[4:] not in view.fans:
                del work.chases[target]
            continue
        at = work.column.get(target[6:])
        if at is None or chase.rung >= len(specs[at].paths):  # the config took it, or its path, away
            del work.chases[target]
        elif chase.want != "stop":
            _settle_start(work, target, chase, at, stopped=at in stops)
        elif on[at]:
            if at not in stops and not _may_still_obey(work, chase, at):
                del work.chases[target]
        else:
            newest_s = miners.power_at[at] if miners.power_w[at] is not None else miners.word_at[at]
            if chase.sent_s is None or newest_s > chase.sent_s:
                work.done.append((target, work.chases.pop(target)))


def _may_still_obey(work: _Work, chase: Chase, at: int) -> bool:
    """A stop that is wanted no longer but was sent: until its proof is overdue the unit may go dark by our word."""
    path = work.view.wiring.miners[at].paths[chase.rung]
    return chase.sent_s is not None and work.view.now_s - chase.sent_s <= path.proof_s + OBEYED_LATE_S


def _check_maps(work: _Work) -> None:
    """PDU3: an outlet is off and dark, and minutes later its miner says that it hashes: the map is wrong, another one
    was cut. Words of a cloud lag by minutes."""
    miners, specs, books = work.view.image.miners, work.view.wiring.miners, work.view.state.miners
    if "off" not in miners.outlet:  # as in nearly every round
        return
    for at, (outlet, word) in enumerate(zip(miners.outlet, miners.word, strict=True)):
        if outlet != "off" or word != "hashing" or work.view.fleet.on[at]:
            continue
        spec = specs[at]
        book = books.get(spec.id)
        if book is None or book.on or book.quarantined or miners.word_at[at] <= book.last_stop_s + CLOUD_LATE_S:
            continue
        work.mapped_wrong.append(spec.id)
        reason = Reason("compare", "outlet_map", (("miner", spec.id), ("outlet", spec.outlet)))
        work.events.append(Event("outlet_map", "warning", spec.id, reason))


def _settle_start(work: _Work, target: str, chase: Chase, at: int, stopped: bool) -> None:
    spec, miners = work.view.wiring.miners[at], work.view.image.miners
    watts, sent_s, waited_s = miners.power_w[at], chase.sent_s, work.view.now_s - chase.began_s
    unmetered = watts is None and wordy(spec, work.view.image, at)
    if stopped or work.envelope.max_power_w == 0:
        del work.chases[target]
    elif (watts is not None and watts >= risen_w(spec, work.view.image, work.view.state)) or (
        (unmetered or _is_slowed(work, at)) and _says_it_hashes(work, at, sent_s)
    ):
        work.done.append((target, work.chases.pop(target)))
    elif sent_s is None and waited_s > UNSENT_S:
        del work.chases[target]  # nobody was told: that is no failure of the miner's
    elif waited_s > RETRY_START_S and waits(work.view.image, at):  # when a pool answers, it has its patience still
        work.chases[target] = chase._replace(began_s=work.view.now_s)
    elif waited_s > 2 * spec.ramp_patience_s + RETRY_START_S:
        del work.chases[target]
        if sent_s is None or chase.answer == UNREACHABLE or (watts is None and not unmetered):
            return
        work.failed.append(spec.id)
        work.events.append(Event("start_failed", "warning", spec.id, why_failed(work.view, spec, watts)))


def _is_slowed(work: _Work, at: int) -> bool:
    """It runs, and in a mode below its highest by its own word: half of nominal is nothing to wait for."""
    spec, view = work.view.wiring.miners[at], work.view
    mode = view.image.channels.get(f"{spec.group}/{spec.mac}:mode")
    return view.fleet.on[at] and mode is not None and mode.value in spec.modes[:-1]


def _says_it_hashes(work: _Work, at: int, sent_s: int | None) -> bool:
    miners = work.view.image.miners
    return sent_s is not None and miners.word[at] == "hashing" and miners.word_at[at] > sent_s


# -- stopping -------------------------------------------------------------------------------------------------------


def _stop_miners(work: _Work, deadline: Deadline | None) -> None:
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
        _note(work, own.target, spec, step, reason, own.shown_by)


def _is_unbegun(chase: Chase) -> bool:
    """Nothing was sent for it, and it is not a word that waits for its lane after a failed outlet."""
    return chase.sent_s is None and chase.rung == 0 and chase.tries < TRIES


def _in_turn(work: _Work, chase: Chase, ladder: Ladder) -> Chase:
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


def _gentle(ladder: Ladder) -> int | None:
    """The first gentle rung that can be used."""
    return next((rung for rung, path in enumerate(ladder.paths) if path.gentle and rung not in ladder.shut), None)


def _own_deadline(work: _Work) -> Deadline:
    """A partial stop that safety asks for has the same time as a whole one, from its oldest open command."""
    now_s = work.view.now_s
    began = [chase.began_s for chase in work.chases.values() if chase.want == "stop" and chase.sent_s is not None]
    return Deadline(max(min(began, default=now_s), now_s - PARTIAL_WITHIN_S) + PARTIAL_WITHIN_S)


def _ladder(work: _Work, at: int, rungs: Rungs, calls: dict[str, int], mute: set[str]) -> Ladder:
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
    work: _Work, spec: MinerSpec, rungs: Rungs, ladder: Ladder, room: dict[str, int], deadline: Deadline | None
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


def _can_reach(work: _Work, spec: MinerSpec, rung: int) -> bool:
    """A gentle path needs the unit's identity read in time; a lane that answers nothing at all can't be used."""
    return address(work.view, spec, work.column[spec.id], spec.paths[rung]) is not None


def _why_stop(work: _Work) -> Reason:
    for what in ("max_power_w", "max_miners"):
        for limit in work.envelope.binding:
            if limit.what == what:
                return limit.reason
    return Reason("choose", "over_limit")


# -- starting -------------------------------------------------------------------------------------------------------


def _start_miners(work: _Work) -> None:
    """New starts, and the second half of a start: first the outlet, then the miner's own word."""
    view = work.view
    if work.envelope.no_start is not None or not view.image.clock.opening:
        return
    for at in work.plan.starts:
        work.chases.setdefault(f"miner {view.wiring.miners[at].id}", Chase("run", 0, 0, view.now_s))
    reason = Reason("choose", "start", (("starts", len(work.plan.starts)),))
    for target in sorted(work.chases):
        chase = work.chases[target]
        column = work.column.get(target[6:]) if target.startswith("miner ") else None
        if chase.want != "run" or column is None or view.fleet.on[column]:
            continue
        known = view.image.miners.power_w[column] is not None
        if known or wordy(view.wiring.miners[column], view.image, column):  # not knowing never frees
            _start(work, target, chase, column, reason)


def _start(work: _Work, target: str, chase: Chase, at: int, reason: Reason) -> None:
    """An outlet that is off comes first; a miner that sleeps or stays dark is told to run once it has booted."""
    view = work.view
    spec, outlet = view.wiring.miners[at], view.image.miners.outlet[at]
    cut = next((rung for rung, path in enumerate(spec.paths) if not path.gentle), None)
    patience_s = RETRY_START_S + spec.ramp_patience_s
    if outlet == "off" and cut is not None:
        rung = cut
        fresh = chase.sent_s is None or chase.rung != cut or view.now_s - chase.sent_s >= spec.ramp_patience_s
    else:
        rung = 0
        if cut == 0 or view.image.miners.address[at] is None:
            return  # nobody to tell: the outlet's power must do, or patience ends
        booted = chase.rung != cut or chase.sent_s is None or view.now_s - chase.sent_s >= BOOT_S
        idle = waits(view.image, at)  # it is awake: a start would only write its settings once more
        again = chase.rung == 0 and (
            chase.sent_s is None
            or chase.answer == UNREACHABLE
            or ((idle or chase.tries < 2) and view.now_s - chase.sent_s >= (RETRY_IDLE_S if idle else patience_s))
        )
        fresh = booted and (again or chase.rung != 0)
    if fresh:
        tries = chase.tries + 1 if chase.rung == rung else 1
        sent = chase._replace(rung=rung, tries=tries, sent_s=view.now_s, answer="", ticket=None)
        _command(work, target, spec, sent, reason, "run" if spec.paths[rung].gentle else "on")


# -- fans -----------------------------------------------------------------------------------------------------------


def _fans(work: _Work) -> None:
    """Fan-ups in any round; fan-downs only in the opening one and only when nothing forbids them (smoke excepted)."""
    view, wanted = work.view, set(work.plan.fans_on)
    smoke = work.envelope.fans_max == 0
    for fan, spec in zip(view.image.fans, view.wiring.fans, strict=True):
        want = "on" if spec.name in wanted else "off"
        target, chase = f"fan {spec.name}", work.chases.get(f"fan {spec.name}")
        if fan.on is (want == "on"):
            if chase is not None:
                work.chases.pop(target)
            if want == "on" and view.fans[spec.name].state == "starting":
                work.looks.extend(at_fan(view, spec.watts, view.fans[spec.name].since_s))
            continue
        if want == "off" and not smoke and (work.envelope.no_fan_down is not None or not view.image.clock.opening):
            continue
        if want == "off" and fan.on is None:
            continue
        _send_fan(work, target, spec.switch, spec.active_low, want, chase)


def _send_fan(work: _Work, target: str, switch: str, active_low: bool, want: str, chase: Chase | None) -> None:
    view, now_s = work.view, work.view.now_s
    lane, _, address = switch.partition("/")
    if not commandable(view, lane):
        return
    if chase is not None and chase.want == want and chase.sent_s is not None and now_s - chase.sent_s < 10:
        return
    tries = chase.tries + 1 if chase is not None and chase.want == want else 1
    if tries > 2 and not view.image.clock.opening:
        return
    sent = Chase(want, 0, tries, chase.began_s if chase is not None and chase.want == want else now_s, now_s)
    verb = ("off" if want == "on" else "on") if active_low else want
    reason = _why_fan(work, want)
    command = Command(_id(work), target, verb, lane, address, 0, reason)
    work.chases[target] = sent._replace(command=command.id)
    work.commands.append(command)
    work.looks.append((now_s + 3, lane))


def _why_fan(work: _Work, want: str) -> Reason:
    if want == "off":
        return Reason("choose", "fan_down", (("fans", len(work.plan.fans_on)),))
    for limit in work.envelope.binding:
        if limit.what == "fans_min":
            return limit.reason
    return Reason("choose", "fans_first", (("fans", len(work.plan.fans_on)),))


# -- commands and looks ---------------------------------------------------------------------------------------------


def _id(work: _Work) -> str:
    return command_id(work.view, len(work.commands))


def _note(work: _Work, target: str, spec: MinerSpec, step: Step, reason: Reason, endpoint: str) -> None:
    work.chases[target] = step.chase
    if step.look_s is not None:
        work.looks.append(at_endpoint(work.view, endpoint, step.look_s, step.chase.sent_s or work.view.now_s))
    if step.send:
        _command(work, target, spec, step.chase, reason, "stop" if spec.paths[step.chase.rung].gentle else "off")


def _command(work: _Work, target: str, spec: MinerSpec, chase: Chase, reason: Reason, verb: str) -> None:
    path: Path = spec.paths[chase.rung]
    called = address(work.view, spec, work.column[spec.id], path)
    unit = spec.mac if path.gentle else ""
    own = verb == "run" and path.lane == spec.group
    mode = waking(work.view.image.channels, work.envelope.wishes, spec) if own else ""
    command = Command(_id(work), target, verb, path.lane, called or "", chase.rung, reason, unit, mode)
    work.chases[target] = chase._replace(command=command.id)
    work.commands.append(command)


def _look(work: _Work) -> Look | None:
    """The earliest of all wishes to look, at every endpoint that has something open; a few overdue tickets beside."""
    view = work.view
    for wish in work.envelope.wishes:
        if wish.what.startswith("look "):
            work.looks.append((view.now_s + int(wish.value), wish.what.removeprefix("look ")))
    if not work.looks or not view.site.live:  # withheld commands change nothing that a second look could see
        return None
    at_s = max(view.now_s + 1, min(at for at, _ in work.looks))
    what = {endpoint for at, endpoint in work.looks if endpoint and (at <= at_s or not endpoint.startswith(ONCE))}
    meter = view.wiring.roles.get("site_power_w")
    if meter is not None and work.plan.stops:
        what |= {key.rpartition(":")[0].partition("/")[0] for key in meter.keys}
    return Look(at_s, (*sorted(what), *_tickets(work)))


def _tickets(work: _Work) -> list[str]:
    """Jobs half-way through their proof time, oldest first: they explain, they never prove."""
    now_s = work.view.now_s
    asked = []
    for target, chase in sorted(work.chases.items(), key=lambda item: (item[1].sent_s or 0, item[0])):
        if chase.ticket and chase.sent_s is not None and now_s - chase.sent_s >= 15 and target.startswith("miner "):
            spec = work.view.wiring.miners[work.column[target[6:]]]
            asked.append(f"ticket:{spec.paths[chase.rung].lane}/{chase.ticket}")
    return asked[:TICKETS_A_ROUND]
