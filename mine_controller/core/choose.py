"""Which miners run and which fans, inside what the envelope leaves open. Pure.

Strategy wear: the fewest starts and the longest off are started first, the fewest starts and the longest on are stopped
first, so that starts stay even. Strategy efficiency: the fewest joules per terahash start first, the most stop first.
Mixed: efficiency decides among those within three starts of the fewest. A strategy orders; it never changes how much
may run. Every miner left out has a reason.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import chain

from mine_controller.core.envelope import is_full
from mine_controller.core.fleet import branch_w, wordy
from mine_controller.core.fleet import starting as on_their_way
from mine_controller.core.miners.awake import to_tell
from mine_controller.core.miners.startless import said as unable
from mine_controller.core.miners.stopless import left, said
from mine_controller.core.model.decision import Envelope, Plan
from mine_controller.core.model.reason import Reason
from mine_controller.core.model.state import MinerBook
from mine_controller.core.model.wiring import MinerSpec
from mine_controller.core.power.room import Room, free_w
from mine_controller.core.reach import startable, stoppable
from mine_controller.core.view import View

NEW = MinerBook()
BAND = 3  # starts apart within which `mixed` looks at efficiency
STUCK_S = 600  # a stop that nobody obeys is an emergency by then, and holds up nobody else any more


def choose(view: View, envelope: Envelope) -> Plan:
    """The plan of this round. Starts only in the opening round; stops in any."""
    stops = _stops(view, envelope)
    left: dict[str, Reason] = {}
    starts = _starts(view, envelope, stops, left)
    stopping, starting = set(stops), set(starts)
    told = {
        target[6:] for target, chase in view.state.chases.items() if chase.want == "run" and target.startswith("miner ")
    }
    run = view.fleet.on
    if stopping or starting or told:
        run = tuple(
            at not in stopping and (on or at in starting or spec.id in told)
            for at, (spec, on) in enumerate(zip(view.wiring.miners, view.fleet.on, strict=True))
        )
    return Plan(
        run=run,
        starts=starts,
        stops=stops,
        skip=_skips(view, envelope, run, stopping, left),
        fans_on=_fans(view, envelope, bool(starts) or _start_pending(view, envelope)),
        miners_w=view.fleet.miners_w,
        measured_w=view.fleet.measured_w,
        permitted_w=_permitted_w(view, envelope),
    )


def _permitted_w(view: View, envelope: Envelope) -> int:
    """What miners may draw: no more than the ceiling, and above where starts end only what they draw already."""
    ceilings = [view.fleet.nominal_w]
    ceilings += [] if envelope.max_power_w is None else [envelope.max_power_w]
    ceilings += [] if envelope.start_max_w is None else [max(envelope.start_max_w, view.fleet.miners_w)]
    return min(ceilings)


def _book(view: View, at: int) -> MinerBook:
    return view.state.miners.get(view.wiring.miners[at].id, NEW)


def _stops(view: View, envelope: Envelope) -> tuple[int, ...]:
    """Miners that must go, largest load first (nobody waits behind a small one)."""
    fleet, specs = view.fleet, view.wiring.miners
    running = [at for at, on in enumerate(fleet.on) if on]
    if envelope.max_power_w == 0 or envelope.max_miners == 0:
        gone = {*running, *_called(view), *to_tell(view)}
    else:
        offs = envelope.offs
        gone = {at for at in (*running, *_called(view)) if specs[at].id in offs} if offs else set()
        gone |= _over_limits(view, envelope, [at for at in running if at not in gone], gone)
    return tuple(sorted(gone, key=lambda at: (-fleet.est_w[at], at)))


def _called(view: View) -> list[int]:
    """Who was told to run and is dark still."""
    return [at for at in on_their_way(view.fleet.est_w, view.state, view.wiring) if not view.fleet.on[at]]


def may_obey(view: View, stops: Iterable[int]) -> bool:
    """Whether somebody of these is being stopped who may still obey."""
    chases = (view.state.chases.get(f"miner {view.wiring.miners[at].id}") for at in stops)
    return any(chase is None or chase.want != "stop" or view.now_s - chase.began_s < STUCK_S for chase in chases)


def _over_limits(view: View, envelope: Envelope, running: list[int], going: Collection[int]) -> set[int]:
    """As many as the power, count and breaker limits ask for, beside who goes anyway; those already told to stop first.

    Who was told to run and is dark still takes a place, and its power: of too many the last told are called off first,
    for too much power they go when all that runs is not enough (what runs is the load that has to go now).
    """
    if envelope.max_power_w is None and envelope.max_miners is None and not (envelope.breakers or envelope.phases):
        return set()
    fleet = view.fleet
    ways = on_their_way(fleet.est_w, view.state, view.wiring)
    climbing = {at: more_w for at, more_w in ways.items() if at not in going}
    called = [at for at in _last_told(view, climbing) if not fleet.on[at]]
    count = len(running) + len(called)
    spare = 0 if envelope.max_miners is None else max(0, count - envelope.max_miners)
    gone = set(called[:spare])
    power_w = sum(fleet.est_w[at] for at in running) + sum(more_w for at, more_w in climbing.items() if at not in gone)
    count -= len(gone)
    ordered_by = _stop_order(view, running)
    order = sorted((at for at in running if view.wiring.miners[at].paths), key=ordered_by)
    for at in chain(_level(view, envelope, order, ordered_by), called[spare:]):
        power_ok = envelope.max_power_w is None or power_w <= envelope.max_power_w
        if power_ok and (envelope.max_miners is None or count <= envelope.max_miners):
            break
        gone.add(at)
        power_w -= (fleet.est_w[at] if fleet.on[at] else 0) + climbing.get(at, 0)
        count -= 1
    return gone | _over_branches(view, envelope, order, gone, going)


def _over_branches(
    view: View, envelope: Envelope, order: list[int], gone: Collection[int], going: Collection[int]
) -> set[int]:
    """As many more as breakers and phases ask for; `gone` and `going` go anyway.

    A branch carries all that hangs on it (G4), also who sleeps and what nobody here may command: others go for it.
    """
    more: set[int] = set()
    for word, limits in (("breaker", envelope.breakers), ("phase", envelope.phases)):
        for name, limit_w in limits.items():
            branch = [at for at, spec in enumerate(view.wiring.miners) if getattr(spec, word) == name]
            left = {at for at in branch if at not in gone and at not in more and at not in going}
            load_w = sum(branch_w(at, view.image, view.fleet, view.wiring) for at in left)
            for at in order:
                if load_w <= limit_w:
                    break
                if at in left:
                    more.add(at)
                    load_w -= view.fleet.est_w[at]
    return more


_Order = Callable[[int], tuple[int, ...]]


def _last_told(view: View, climbing: Iterable[int]) -> list[int]:
    """Those on their way up, the last told first, the protected behind all others."""
    specs, chases = view.wiring.miners, view.state.chases

    def order(at: int) -> tuple[int, int, int]:
        return (int("protected" in specs[at].flags), -chases[f"miner {specs[at].id}"].began_s, -at)

    return sorted(climbing, key=order)


def _level(view: View, envelope: Envelope, order: list[int], ordered_by: _Order) -> Iterator[int]:
    """Who stops one after the other: by the order, and such that the phases stay as near each other as they may be.

    Those on their way down and the unprotected go first whatever their phase.
    """
    apart_w, loads = envelope.phases_apart_w, Room(view, envelope).loads
    if apart_w is None or not loads:
        yield from order
        return
    specs, est_w = view.wiring.miners, view.fleet.est_w
    queues: dict[str, deque[int]] = {}
    for at in order:
        queues.setdefault(specs[at].phase if specs[at].phase in loads else "", deque()).append(at)

    def keeps_level(at: int) -> bool:
        phase = specs[at].phase
        return phase not in loads or max(loads.values()) - loads[phase] + est_w[at] <= max(apart_w, est_w[at])

    while heads := sorted((queue[0] for queue in queues.values() if queue), key=ordered_by):
        first = [at for at in heads if ordered_by(at)[:2] == ordered_by(heads[0])[:2]]
        fullest = max(first, key=lambda at: loads.get(specs[at].phase, 0))
        at = next(filter(keeps_level, first), fullest)
        phase = specs[at].phase if specs[at].phase in loads else ""
        queues[phase].popleft()
        if phase:
            loads[phase] -= est_w[at]
        yield at


def _stop_order(view: View, running: list[int]) -> _Order:
    chases, specs, known = view.state.chases, view.wiring.miners, said(view.state.last)
    efficient = _efficient(view, running)

    def order(at: int) -> tuple[int, ...]:
        chase, book = chases.get(f"miner {specs[at].id}"), _book(view, at)
        stopping = chase is not None and chase.want == "stop"
        band, dj_th = efficient(at)
        rank = (band, -dj_th, book.starts, book.last_start_s, at)
        paths = left(specs[at], known) if known else specs[at].paths
        last = not (paths and stoppable(view, specs[at], at, paths))  # it takes nobody's place
        return (2 if last else 0 if stopping else 1, int("protected" in specs[at].flags), *rank)

    return order


def _start_order(view: View, candidates: list[int]) -> _Order:
    efficient, last = _efficient(view, candidates), unable(view.state.last)

    def order(at: int) -> tuple[int, ...]:
        book = _book(view, at)
        return (int(view.wiring.miners[at].id in last), *efficient(at), book.starts, book.last_stop_s, at)

    return order


def _efficient(view: View, ats: list[int]) -> Callable[[int], tuple[int, int]]:
    """(band, tenths of J/TH) of each; a miner of which nothing was learned counts as the mean of the others.

    So does one of another algorithm than SHA-256: its hashes are other hashes.
    """
    strategy, units, specs = view.site.strategy, view.state.units, view.wiring.miners
    if strategy not in ("efficiency", "mixed") or not ats:
        return lambda _at: (0, 0)
    from mine_controller.core.money.bands import MINES  # noqa: PLC0415 - most sites ask for no efficiency

    able = [at for at in ats if specs[at].group.partition(" ")[0] not in MINES]
    known = {at: unit.dj_th for at in able if (unit := units.get(specs[at].id)) is not None and unit.dj_th}
    mean = sum(known.values()) // len(known) if known else 0
    fewest = min(_book(view, at).starts for at in ats)

    def rank(at: int) -> tuple[int, int]:
        worn = strategy == "mixed" and _book(view, at).starts > fewest + BAND
        return (1, 0) if worn else (0, known.get(at, mean))

    return rank


def _starts(view: View, envelope: Envelope, stops: tuple[int, ...], left: dict[str, Reason]) -> tuple[int, ...]:
    """The next step up: within ramp, fans, power, branches, bans; only while nobody is being stopped who may obey.

    Who does not (a miner without a stop, on a branch that is too weak for it) has the room of its limit, and keeps
    nobody dark who stands under another one. `left` gets the reason of every candidate that has to wait: in the later
    rounds of a tick too, which start nobody (a page that shows the last one would say that it is only not its turn).
    """
    if envelope.no_start is not None:
        return ()
    if may_obey(view, (at for at in stops if view.wiring.miners[at].id not in envelope.offs)):
        return ()
    step = _step(view, envelope)
    if step <= 0:
        return ()
    specs, chases = view.wiring.miners, view.state.chases
    room, step_w = Room(view, envelope), envelope.start_step_w
    chosen: list[int] = []
    candidates = _candidates(view, envelope)
    for at in sorted(candidates, key=_start_order(view, candidates)):
        if len(chosen) >= step:
            break
        if f"miner {specs[at].id}" in chases:
            continue
        lacks = room.lacks(at)
        if lacks is not None:
            left[specs[at].id] = lacks
            continue
        if step_w is not None and sum(specs[one].nominal_w for one in (*chosen, at)) > step_w:
            break  # it is the first of the next step: smaller ones behind it take nothing from it
        chosen.append(at)
        room.take(at)
    return tuple(chosen) if view.image.clock.opening else ()


def _candidates(view: View, envelope: Envelope) -> list[int]:
    specs, watts = view.wiring.miners, view.image.miners.power_w
    return [
        at
        for at, on in enumerate(view.fleet.on)
        if not on
        and specs[at].id not in envelope.bans
        and (watts[at] is not None or wordy(specs[at], view.image, at))
        and startable(view, specs[at], at)
    ]


def _step(view: View, envelope: Envelope) -> int:
    """How many more may start now."""
    rooms = [envelope.start_miners] if envelope.start_miners is not None else []
    if envelope.max_miners is not None:
        rooms.append(envelope.max_miners - view.fleet.on_n - view.fleet.starting_n)
    return min(rooms, default=len(view.wiring.miners))


def _start_pending(view: View, envelope: Envelope) -> bool:
    """True when only air (or this round) keeps the next step from starting: then the fans go first."""
    if envelope.no_start is not None or envelope.max_power_w == 0:
        return False
    left_w = free_w(view, envelope)
    return (left_w is None or left_w > 0) and bool(_candidates(view, envelope))


def _fans(view: View, envelope: Envelope, starting: bool) -> tuple[str, ...]:
    """Names of the fans wanted on: proven first, then the least run; down only when nothing forbids it."""
    names = [spec.name for spec in view.wiring.fans]
    if not names:
        return ()
    on = [fan.name for fan in view.image.fans if fan.on is not False]
    count = envelope.fans_min
    if starting:
        count = max([count, *(int(wish.value) for wish in envelope.wishes if wish.what == "fans_for_start")])
    if envelope.fans_max is not None:
        count = min(count, envelope.fans_max)
    smoke = envelope.fans_max == 0
    if not smoke and (envelope.no_fan_down is not None or not view.image.clock.opening):
        # Those known to be on stay. A silent relay is not told off either, but none is told on for its silence.
        count = max(count, sum(bool(fan.on) and view.fans[fan.name].state != "failed" for fan in view.image.fans))
    forced = {wish.what[4:]: wish.value for wish in envelope.wishes if wish.what.startswith("fan ")}
    ranked = sorted(names, key=lambda name: _fan_order(view, name, name in on, forced))
    working = sum(view.fans[name].state == "failed" for name in ranked[:count])
    wanted = set(ranked[: min(len(names), count + working)]) if count else set()
    wanted |= {name for name, value in forced.items() if value == "on" and not smoke}
    return tuple(name for name in names if name in wanted)


def _fan_order(view: View, name: str, on: bool, forced: dict[str, int | str]) -> tuple[int, int, int, int]:
    book = view.fans[name]
    rank = {"proven": 0, "starting": 1, "suspect": 2, "failed": 4}.get(book.state, 3)
    person = {"on": -1, "off": 1}.get(str(forced.get(name)), 0)
    return (person, rank, 0 if on else 1, book.run_s)


def _skips(
    view: View, envelope: Envelope, run: tuple[bool, ...], stopping: set[int], left: dict[str, Reason]
) -> dict[str, Reason]:
    """Why each miner that does not run does not."""
    whole = ("max_power_w", "max_miners")
    general = next((limit.reason for limit in envelope.binding if limit.what in whole and limit.amount == 0), None)
    closed = general or envelope.no_start
    few = next((limit.reason for limit in envelope.binding if limit.what == "max_miners"), None)
    few = few if is_full(view, envelope) else None
    out: dict[str, Reason] = {}
    for at, spec in enumerate(view.wiring.miners):
        if run[at]:
            continue
        if at in stopping:
            out[spec.id] = general or envelope.offs.get(spec.id) or Reason("choose", "over_limit")
        else:
            out[spec.id] = envelope.bans.get(spec.id) or closed or left.get(spec.id) or _waits(view, spec, at, few)
    return out


def _waits(view: View, spec: MinerSpec, at: int, few: Reason | None) -> Reason:
    """Off, allowed, and not started: out of reach, one more than may run by `few`, or waiting for its turn."""
    if not spec.paths:
        return Reason("choose", "not_ours")
    if view.image.miners.power_w[at] is None and not wordy(spec, view.image, at):
        return Reason("choose", "unmeasured")
    waits = few or Reason("choose", "waiting")
    return waits if startable(view, spec, at) else Reason("choose", "unreachable")
