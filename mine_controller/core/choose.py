"""Which miners run and which fans, inside what the envelope leaves open. Pure.

Strategy wear: the fewest starts and the longest off are started first, the fewest starts and the longest on are stopped
first, so that starts stay even. Every miner left out has a reason.
"""

from collections.abc import Callable

from mine_controller.core.fleet import wordy
from mine_controller.core.model.decision import Envelope, Plan
from mine_controller.core.model.reason import Reason
from mine_controller.core.model.state import MinerBook
from mine_controller.core.model.wiring import MinerSpec
from mine_controller.core.reach import startable
from mine_controller.core.view import View

NEW = MinerBook()
START_SHARE_PCT = 105


def choose(view: View, envelope: Envelope) -> Plan:
    """The plan of this round. Starts only in the opening round; stops in any."""
    stops = _stops(view, envelope)
    starts = _starts(view, envelope, stops)
    stopping, starting = set(stops), set(starts)
    told = {
        target[6:] for target, chase in view.state.chases.items() if chase.want == "run" and target.startswith("miner ")
    }
    run = tuple(
        at not in stopping and (on or at in starting or spec.id in told)
        for at, (spec, on) in enumerate(zip(view.wiring.miners, view.fleet.on, strict=True))
    )
    permitted = (
        view.fleet.nominal_w if envelope.max_power_w is None else min(envelope.max_power_w, view.fleet.nominal_w)
    )
    return Plan(
        run=run,
        starts=starts,
        stops=stops,
        skip=_skips(view, envelope, run, stopping),
        fans_on=_fans(view, envelope, bool(starts) or _start_pending(view, envelope)),
        miners_w=view.fleet.miners_w,
        measured_w=view.fleet.measured_w,
        permitted_w=permitted,
    )


def _book(view: View, at: int) -> MinerBook:
    return view.state.miners.get(view.wiring.miners[at].id, NEW)


def _stops(view: View, envelope: Envelope) -> tuple[int, ...]:
    """Miners that must go, largest load first (nobody waits behind a small one)."""
    fleet, specs = view.fleet, view.wiring.miners
    running = [at for at, on in enumerate(fleet.on) if on]
    if envelope.max_power_w == 0 or envelope.max_miners == 0:
        told = _told_to_run(view)
        gone = set(running) | {at for at in told if not fleet.on[at]}
    else:
        gone = {at for at in running if specs[at].id in envelope.offs}
        gone |= _over_limits(view, envelope, [at for at in running if at not in gone])
    return tuple(sorted(gone, key=lambda at: (-fleet.est_w[at], at)))


def _told_to_run(view: View) -> list[int]:
    return [
        at
        for at, spec in enumerate(view.wiring.miners)
        if (c := view.state.chases.get(f"miner {spec.id}")) and c.want == "run"
    ]


def _over_limits(view: View, envelope: Envelope, running: list[int]) -> set[int]:
    """As many as the power, count and breaker limits ask for; those already told to stop go first."""
    if envelope.max_power_w is None and envelope.max_miners is None and not envelope.breakers:
        return set()
    fleet = view.fleet
    gone: set[int] = set()
    order = sorted((at for at in running if view.wiring.miners[at].paths), key=_stop_order(view))
    power_w, count = sum(fleet.est_w[at] for at in running) + fleet.starting_w, len(running)
    for at in order:
        power_ok = envelope.max_power_w is None or power_w <= envelope.max_power_w
        if power_ok and (envelope.max_miners is None or count <= envelope.max_miners):
            break
        gone.add(at)
        power_w -= fleet.est_w[at]
        count -= 1
    for name, limit_w in envelope.breakers.items():
        branch = [at for at in order if view.wiring.miners[at].breaker == name and at not in gone]
        load_w = sum(fleet.est_w[at] for at in branch)
        for at in branch:
            if load_w <= limit_w:
                break
            gone.add(at)
            load_w -= fleet.est_w[at]
    return gone


def _stop_order(view: View) -> Callable[[int], tuple[int, bool, int, int, int]]:
    chases, specs = view.state.chases, view.wiring.miners

    def order(at: int) -> tuple[int, bool, int, int, int]:
        chase, book = chases.get(f"miner {specs[at].id}"), _book(view, at)
        stopping = chase is not None and chase.want == "stop"
        return (0 if stopping else 1, "protected" in specs[at].flags, book.starts, book.last_start_s, at)

    return order


def _starts(view: View, envelope: Envelope, stops: tuple[int, ...]) -> tuple[int, ...]:
    """The next step up: within ramp, fans, power, breakers, bans; only while nothing is being stopped."""
    if not view.image.clock.opening or envelope.no_start is not None:
        return ()
    if any(view.wiring.miners[at].id not in envelope.offs for at in stops):
        return ()
    room = _room(view, envelope)
    if room <= 0:
        return ()
    fleet, specs, chases = view.fleet, view.wiring.miners, view.state.chases
    free_w = _free_w(view, envelope)
    branches = _branch_room(view, envelope)
    chosen: list[int] = []
    for at in sorted(
        _candidates(view, envelope), key=lambda at: (_book(view, at).starts, _book(view, at).last_stop_s, at)
    ):
        if len(chosen) >= room:
            break
        draw_w = specs[at].nominal_w * START_SHARE_PCT // 100 - fleet.est_w[at]
        branch = specs[at].breaker
        if (
            f"miner {specs[at].id}" in chases
            or (free_w is not None and draw_w > free_w)
            or branches.get(branch, draw_w) < draw_w
        ):
            continue
        chosen.append(at)
        free_w = free_w - draw_w if free_w is not None else None
        if branch in branches:
            branches[branch] -= draw_w
    return tuple(chosen)


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


def _room(view: View, envelope: Envelope) -> int:
    rooms = [envelope.start_miners] if envelope.start_miners is not None else []
    if envelope.max_miners is not None:
        rooms.append(envelope.max_miners - view.fleet.on_n - view.fleet.starting_n)
    return min(rooms, default=len(view.wiring.miners))


def _free_w(view: View, envelope: Envelope) -> int | None:
    ceilings = [limit for limit in (envelope.max_power_w, envelope.start_max_w) if limit is not None]
    if not ceilings:
        return None
    fleet = view.fleet
    drawn = max(fleet.miners_w, (fleet.meter_w or 0) - fleet.other_w)
    return min(ceilings) - drawn - fleet.starting_w


def _branch_room(view: View, envelope: Envelope) -> dict[str, int]:
    room = dict(envelope.breakers)
    for at, spec in enumerate(view.wiring.miners):
        if spec.breaker in room:
            room[spec.breaker] -= view.fleet.est_w[at]
    return room


def _start_pending(view: View, envelope: Envelope) -> bool:
    """True when only air (or this round) keeps the next step from starting: then the fans go first."""
    if envelope.no_start is not None or envelope.max_power_w == 0:
        return False
    free_w = _free_w(view, envelope)
    return (free_w is None or free_w > 0) and bool(_candidates(view, envelope))


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
    if not smoke and count < len(on) and (envelope.no_fan_down is not None or not view.image.clock.opening):
        count = max(count, sum(view.fans[name].state != "failed" for name in on))
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


def _skips(view: View, envelope: Envelope, run: tuple[bool, ...], stopping: set[int]) -> dict[str, Reason]:
    """Why each miner that does not run does not."""
    general = next(
        (limit.reason for limit in envelope.binding if limit.what == "max_power_w" and limit.amount == 0), None
    )
    closed = general or envelope.no_start
    out: dict[str, Reason] = {}
    for at, spec in enumerate(view.wiring.miners):
        if run[at]:
            continue
        if at in stopping:
            out[spec.id] = general or envelope.offs.get(spec.id) or Reason("choose", "over_limit")
        else:
            out[spec.id] = envelope.bans.get(spec.id) or closed or _waits(view, spec, at)
    return out


def _waits(view: View, spec: MinerSpec, at: int) -> Reason:
    """Off, allowed, and not started: out of reach, or waiting for its turn."""
    if not spec.paths:
        return Reason("choose", "not_ours")
    if view.image.miners.power_w[at] is None and not wordy(spec, view.image, at):
        return Reason("choose", "unmeasured")
    return Reason("choose", "waiting") if startable(view, spec, at) else Reason("choose", "unreachable")
