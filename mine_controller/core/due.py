"""What to ask this round: everything that is due, or just what `look` names. Pure.

Boards that mine rest between two reads (`rest_s`); once after a command decide may ask for one more ("once:...").
An endpoint that failed three times in a row is asked less often (back-off 2, 4, 5 ticks) and only probed each second
time: one dead device hardly delays the rest, and a page that takes two seconds, as it did before it was away, is heard
again. What is asked seldom is not asked sooner than in steps of 120 s. A section with a unit whose stop is open is
probed each tick, and each fifth time asked with all its time: after a black-out miners go on by themselves, and nobody
can be told who is not read first.
"""

from collections.abc import Mapping

from mine_controller.core.model.clock import Clock
from mine_controller.core.model.decision import Look
from mine_controller.core.model.image import Image
from mine_controller.core.model.reading import Value
from mine_controller.core.model.state import Chase
from mine_controller.core.model.wiring import EndpointSpec, Wiring
from mine_controller.record import NamedTuple

BROKEN_AFTER = 3
LONGEST_BACKOFF_TICKS = 5
STEP_S = 120  # of what is asked seldom, however fast the site: a service that is asked too often refuses longer
PLUG = "plug"  # the flag of a unit whose outlet is how it is stopped
ONCE = "once:"  # before an endpoint in a look: ask it although it rests


class Asked(NamedTuple):
    """One endpoint to ask. channels empty = all; probe = it is broken, one second must do."""

    endpoint: str
    channels: tuple[str, ...] = ()
    tickets: tuple[str, ...] = ()
    probe: bool = False


def due(
    image: Image | None, look: Look | None, wiring: Wiring, clock: Clock, chases: Mapping[str, Chase] | None = None
) -> tuple[Asked, ...]:
    """The opening round (look None) asks what is due by its `every_s`; a later round what `look` names.

    `chases`: what is open in the state, by its target ("miner a017").
    """
    channels = image.channels if image else {}
    if look is not None:
        return _named(look, wiring, channels, clock)
    lit = (_lit(image, wiring) if image else frozenset()) | _hunted(chases or {}, wiring)
    found = (_asked(spec, channels, clock, lit=spec.name in lit) for spec in wiring.endpoints.values())
    return tuple(asked for asked in found if asked is not None)


def _lit(image: Image, wiring: Wiring) -> frozenset[str]:
    """Sections with a unit that a price may cut, whose plug shows that it draws power: it answers soon, or should."""
    watts = dict(zip(image.miners.ids, image.miners.power_w, strict=True))
    plugged = (spec for spec in wiring.miners if PLUG in spec.flags)
    return frozenset(spec.group for spec in plugged if (watts.get(spec.id) or 0) > spec.standby_w)


def _hunted(chases: Mapping[str, Chase], wiring: Wiring) -> frozenset[str]:
    """Sections with a unit whose stop is open."""
    stops = {target for target, chase in chases.items() if chase.want == "stop"}
    return frozenset(spec.group for spec in wiring.miners if f"miner {spec.id}" in stops) if stops else frozenset()


def _asked(spec: EndpointSpec, channels: Mapping[str, Value], clock: Clock, *, lit: bool) -> Asked | None:
    if _rests(spec, channels, clock):
        return None
    tried = channels.get(f"{spec.name}:tried")
    fails = channels.get(f"{spec.name}:fails")
    failed = int(fails.value) if fails is not None and isinstance(fails.value, int) else 0
    age_s = clock.plant_s - tried.at_s if tried is not None else 1 << 30
    broken = failed >= BROKEN_AFTER
    wait_s = _every_s(spec, channels)
    step_s = max(clock.tick_s, STEP_S if wait_s >= STEP_S else 0)
    if broken and lit:
        wait_s = clock.tick_s  # its silence had a reason that is over, or may be over at any moment
    elif broken:
        wait_s = min(failed - BROKEN_AFTER + 1, LONGEST_BACKOFF_TICKS) * step_s
    elif failed:
        wait_s = min(wait_s, step_s)  # what is asked seldom is not left unknown that long for one lost answer
    if age_s + clock.tick_s // 4 < wait_s:  # a tick that begins a little early still asks
        return None
    return Asked(spec.name, probe=broken and _probes(failed - BROKEN_AFTER, lit=lit))


def _probes(failed: int, *, lit: bool) -> bool:
    """Whether a second must do this time, by how often it failed since it counts as broken: each second time; of what
    is asked each tick all but each fifth time, so that it costs no more than the others."""
    return failed % LONGEST_BACKOFF_TICKS != LONGEST_BACKOFF_TICKS - 1 if lit else failed % 2 == 0


def _every_s(spec: EndpointSpec, channels: Mapping[str, Value]) -> int:
    """As the section says, or sooner where its driver waits for something (`again`: tomorrow's prices)."""
    again = channels.get(f"{spec.name}:again")
    return min(spec.every_s, again.value) if again is not None and isinstance(again.value, int) else spec.every_s


def _rests(spec: EndpointSpec, channels: Mapping[str, Value], clock: Clock) -> bool:
    tried = channels.get(f"{spec.name}:tried") if spec.rest_s else None
    return tried is not None and 0 <= clock.plant_s - tried.at_s < spec.rest_s


def _named(look: Look, wiring: Wiring, channels: Mapping[str, Value], clock: Clock) -> tuple[Asked, ...]:
    tickets: dict[str, list[str]] = {}
    ends: list[str] = []
    for what in look.what:
        if what.startswith("ticket:"):
            lane, _, ticket = what[7:].rpartition("/")
            tickets.setdefault(lane, []).append(ticket)
        elif what.startswith(ONCE) and what[len(ONCE) :] in wiring.endpoints:
            ends.append(what[len(ONCE) :])
        elif what in wiring.endpoints and what not in ends and not _rests(wiring.endpoints[what], channels, clock):
            ends.append(what)
    only = [Asked(lane, channels=("-",), tickets=tuple(names)) for lane, names in tickets.items() if lane not in ends]
    return tuple(Asked(end, tickets=tuple(tickets.get(end, ()))) for end in dict.fromkeys(ends)) + tuple(only)
