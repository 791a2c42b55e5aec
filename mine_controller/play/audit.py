"""The guard invariants G1-G15: each decision against the evidence in the same record.

Pure; run on the demo, on tests and on real ticks alike. A violation is a sentence with a number in it; a good record
has none. G8's other half (intent before the first byte) is the store's and is tested there; G11, G12 and G14 decide
again on changed images.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

from mine_controller.core.decide import decide
from mine_controller.core.fleet import Fleet, sum_up, wordy
from mine_controller.core.miners.renamed import follow
from mine_controller.core.model.command import ERRANDS, Command
from mine_controller.core.model.decision import Decision
from mine_controller.core.model.image import Image
from mine_controller.core.model.policy import Policy
from mine_controller.core.model.reading import Value
from mine_controller.core.model.reason import CONTRACT
from mine_controller.core.model.state import State
from mine_controller.core.modes import legal
from mine_controller.core.outputs.levels import TARGETS
from mine_controller.core.reach import ours
from mine_controller.core.rules import air as air_rule
from mine_controller.core.rules import ramp as ramp_rule
from mine_controller.core.view import View
from mine_controller.record import NamedTuple

FRESH_S = 240
LONGEST_OVERRIDE_S = 4 * 3600
HOUR_S = 3600
UNHEARD_S = 600  # a stop that nobody obeys for so long is an emergency already
WARMER_K, VERY_HOT_C = 3.0, 41.0


class Record(NamedTuple):
    """One decided round with what it was decided from."""

    image: Image
    before: State
    decision: Decision
    policy: Policy


class Violation(NamedTuple):
    """Which guard, at which tick (wall seconds), and the sentence."""

    guard: str
    tick_at: int
    sentence: str


def audit(record: Record, *, again: bool = True) -> tuple[Violation, ...]:
    """Every guard on one record. `again`: also decide anew (G11, G12, G14), which costs three decisions."""
    at = record.image.clock.wall_s
    record = record._replace(before=follow(record.before, record.policy.wiring.miners)[0])  # books go by unit
    checks = GUARDS if again else {name: guard for name, guard in GUARDS.items() if name not in ("G11", "G12", "G14")}
    return tuple(Violation(name, at, said) for name, guard in checks.items() for said in guard(record))


def _starts(record: Record) -> list[Command]:
    return [c for c in record.decision.commands if c.target.startswith("miner ") and c.verb in ("run", "on")]


def _fleet(record: Record) -> Fleet:
    return sum_up(record.image, record.before, record.policy.wiring)


def _age_s(record: Record, value: Value) -> int:
    return record.image.clock.plant_s - value.at_s


def _g1(record: Record) -> Iterator[str]:
    """No start without fresh evidence of everything a start needs."""
    starts = _starts(record)
    if not starts:
        return
    image, site = record.image, record.image.site
    if record.decision.mode not in ("RESUMING", "RUNNING", "MANUAL"):
        yield f"{len(starts)} starts in mode {record.decision.mode}"
    if "signal" in record.policy.wiring.roles:
        signal = site["signal"]
        stood_in = any(
            one.key == "signal" and one.kind in ("person", "penalty") for one in record.decision.state.overrides
        )
        if not stood_in and (signal.value not in ("run", "warn") or _age_s(record, signal) > FRESH_S):
            yield f"start with the signal {signal.value!r}, {_age_s(record, signal)} s old"
    yield from _g1_air(record, len(starts))
    metered = any(not wordy(spec, image, at) for at, spec in enumerate(record.policy.wiring.miners))
    if "site_power_w" in site and site["site_power_w"].value is None:
        yield "start with the site meter unknown"
    elif metered and all(watts is None for watts in image.miners.power_w) and "site_power_w" not in site:
        yield "start without any fresh watts"
    if image.clock.stepped:
        yield "start in a tick whose clock was stepped"
    if record.decision.envelope.no_start is not None:
        yield f"start against {record.decision.envelope.no_start.code}"


def _g1_air(record: Record, starts: int) -> Iterator[str]:
    image, wiring = record.image, record.policy.wiring
    cold, options = record.policy.rules.get("cold"), record.policy.rules.get("air")
    inlet = image.site.get("inlet_c")
    if inlet is not None:
        known = isinstance(inlet.value, int | float) and _age_s(record, inlet) <= FRESH_S
        if not known or (cold and not cold.start_min_c <= float(inlet.value or 0) <= cold.start_max_c):
            yield f"start with the inlet at {inlet.value}, {_age_s(record, inlet)} s old"
    dew = image.site.get("dew_c")
    if dew is not None and inlet is not None and cold:
        wet = dew.value is None or inlet.value is None or float(inlet.value) - float(dew.value) < cold.dew_margin_k
        if wet:
            yield f"start with dew point {dew.value} at inlet {inlet.value}"
    if wiring.fans and options is not None:
        fleet = _fleet(record)
        proven = sum(
            fan.watts is not None and fan.on is not False and fan.watts * 10 >= spec.normal_w * 6
            for fan, spec in zip(image.fans, wiring.fans, strict=True)
        )
        new = sum(record.before.chases.get(c.target) is None for c in _starts(record))
        needed = air_rule.need(fleet.on_n + fleet.starting_n + new, options)
        if proven < needed and not record.decision.state.memory.get("air", {}).get("cold_fans"):
            yield f"{starts} starts with {proven} proven fans where {needed} are needed"


def _g2(record: Record) -> Iterator[str]:
    """Off long enough, and no second start too soon."""
    wear, now_s = record.policy.rules.get("wear"), record.image.clock.plant_s
    for command in _starts(record):
        book = record.before.miners.get(command.target[6:])
        if wear is None or book is None or record.before.chases.get(command.target) is not None:
            continue
        if book.last_stop_s and now_s - book.last_stop_s < wear.min_off_s:
            yield f"{command.target} starts {now_s - book.last_stop_s} s after its stop"
        if book.last_start_s and now_s - book.last_start_s < wear.min_off_s + 60:
            yield f"{command.target} starts {now_s - book.last_start_s} s after its last start"


def _g3(record: Record) -> Iterator[str]:
    """New starts stay inside the ramp, in this tick and over an hour."""
    options = record.policy.rules.get("ramp")
    if options is None or not record.decision.plan.starts:
        return
    view = View(record.image, _fleet(record), record.policy.wiring, record.policy.site, record.before, {})
    step = ramp_rule.step(view, options)
    if len(record.decision.plan.starts) > step:
        yield f"{len(record.decision.plan.starts)} starts where a step is {step}"
    hour = [at for at in record.decision.state.last.get("starts", []) if record.image.clock.plant_s - at < HOUR_S]
    if len(hour) > HOUR_S // ramp_rule.WINDOW_S * step:
        yield f"{len(hour)} starts in an hour"
    yield from _g3_day(record)


def _g3_day(record: Record) -> Iterator[str]:
    """Nobody starts more often a day than its budget."""
    wear, today, wiring = record.policy.rules.get("wear"), record.image.clock.local.date, record.policy.wiring
    if wear is None:
        return
    for at in record.decision.plan.starts:
        spec = wiring.miners[at]
        book, board = record.before.miners.get(spec.id), wiring.endpoints.get(spec.group)
        small = board is not None and board.rest_s > 0
        most = max(wear.starts_a_day, wear.small_starts_a_day if small else 0)
        again = record.before.chases.get(f"miner {spec.id}") is not None
        if book is not None and book.day == today and book.day_starts >= most and not again:
            yield f"miner {spec.id} starts though it had {book.day_starts} starts today, {most} are allowed"


def _g4(record: Record) -> Iterator[str]:
    """Planned power stays under the cap less its margin and under every branch's limit, and phases stay level."""
    starts, cap_w, wiring = record.decision.plan.starts, record.policy.site.power_cap_w, record.policy.wiring
    if not starts:
        return
    fleet = _fleet(record)
    planned = _planned_w(record, fleet)
    margin_pct = getattr(record.policy.rules.get("cap"), "margin_pct", 5)
    now_w = max(fleet.miners_w + fleet.other_w, fleet.meter_w or 0)
    planned_w = now_w + sum(planned) - sum(fleet.est_w)
    if cap_w and planned_w > cap_w * (100 - margin_pct) // 100:
        yield f"planned {planned_w} W over {cap_w * (100 - margin_pct) // 100} W"
    for kind, branches in (("breaker", wiring.breakers), ("phase", wiring.phases)):
        for branch in branches:
            ats = [at for at, spec in enumerate(wiring.miners) if getattr(spec, kind) == branch.name]
            load_w = sum(planned[at] for at in ats)
            if load_w > branch.limit_w and set(ats) & set(starts):
                yield f"{kind} {branch.name}: {load_w} W over {branch.limit_w} W"
    yield from _g4_level(record, planned)


def _planned_w(record: Record, fleet: Fleet) -> list[int]:
    """By miner, in watts: a start of this plan or of one before at 1.05 x its full power, who came on lately at that.

    Full power is the configured one, or what it was seen to draw where that is more."""
    units, books, chases, now_s = (
        record.before.units,
        record.decision.state.miners,
        record.before.chases,
        record.image.clock.plant_s,
    )
    planned = []
    for at, (spec, on, drawn_w) in enumerate(zip(record.policy.wiring.miners, fleet.on, fleet.est_w, strict=True)):
        book = books.get(spec.id)
        young = on and book is not None and 0 < book.last_start_s > now_s - spec.ramp_patience_s
        told = at in record.decision.plan.starts or getattr(chases.get(f"miner {spec.id}"), "want", "") == "run"
        full_w = max(spec.nominal_w, units[spec.id].run_dw // 10 if spec.id in units else 0)
        planned.append(max(drawn_w, full_w * 105 // 100 if told else full_w if young else 0))
    return planned


def _g4_level(record: Record, planned: list[int]) -> Iterator[str]:
    """No phase that starts somebody is a tenth of a limit above the least loaded one, or more than one miner."""
    wiring, starts = record.policy.wiring, record.decision.plan.starts
    fed = {spec.phase for spec in wiring.miners if spec.paths}
    phases = [phase for phase in wiring.phases if phase.name in fed]
    if len(wiring.phases) < 2 or not phases:
        return
    part_pct = getattr(record.policy.rules.get("cap"), "imbalance_pct", 10)
    apart_w = min(phase.limit_w for phase in wiring.phases) * part_pct // 100
    rows = list(zip(wiring.miners, planned, strict=True))
    loads = {phase.name: sum(watts for spec, watts in rows if spec.phase == phase.name) for phase in phases}
    for name in sorted({wiring.miners[at].phase for at in starts} & set(loads)):
        largest_w = max(planned[at] for at in starts if wiring.miners[at].phase == name)
        ahead_w = loads[name] - min(loads.values())
        if ahead_w > max(apart_w, largest_w):
            yield f"phase {name}: {ahead_w} W above the least loaded one, {apart_w} W are allowed"


def _g5(record: Record) -> Iterator[str]:
    """A decrease asked for by safety or contract: everybody affected is in this plan, no timer delays it."""
    asked = [one for one in record.decision.envelope.reasons if one.what == "max_power_w" and one.layer <= CONTRACT]
    if not asked:
        return
    most_w, fleet, chases = min(one.amount for one in asked), _fleet(record), record.decision.state.chases
    staying = [
        at
        for at, (on, spec) in enumerate(zip(fleet.on, ours(record.policy.wiring).miners, strict=True))
        if on and spec.paths and getattr(chases.get(f"miner {spec.id}"), "want", "") != "stop"
    ]
    left_w = sum(fleet.est_w[at] for at in staying)
    if most_w == 0 and staying:
        first = record.policy.wiring.miners[staying[0]].id
        yield f"{len(staying)} running miners are not in the plan, first {first}"
    elif left_w > most_w > 0:
        yield f"{left_w} W are left to run where {most_w} W are allowed"


def _g6(record: Record) -> Iterator[str]:
    """Fans go down only over dark miners, or in the cold; smoke excepted."""
    downs = [c for c in record.decision.commands if c.target.startswith("fan ") and c.reason.code == "fan_down"]
    if not downs or record.decision.envelope.fans_max == 0:
        return
    fleet, options = _fleet(record), record.policy.rules.get("air")
    run_on = record.policy.rules.get("run_on")
    dark_s = record.image.clock.plant_s - int(record.decision.state.memory.get("run_on", {}).get("dark_s") or 1 << 40)
    coldest, inlet = record.image.site.get("inlet_min_c"), record.image.site.get("inlet_c")
    cold = coldest is not None and isinstance(coldest.value, int | float) and coldest.value < 5
    frost = inlet is not None and isinstance(inlet.value, int | float) and inlet.value < 5
    lit = fleet.unknown or fleet.miners_w >= max(fleet.nominal_w // 20, fleet.standby_w * 11 // 10)
    if not frost and run_on is not None and (lit or dark_s < run_on.run_on_s):
        yield f"{len(downs)} fans down with {fleet.miners_w} W, dark for {max(dark_s, 0)} s"
    left = len(record.decision.plan.fans_on)
    if fleet.on_n and left < 2:
        yield f"{left} fans left while {fleet.on_n} miners may hash"
    if (
        options is not None
        and not cold
        and left < min(air_rule.need(fleet.on_n, options), len(record.policy.wiring.fans))
    ):
        yield f"{left} fans left where {air_rule.need(fleet.on_n, options)} are needed"


def _g7(record: Record) -> Iterator[str]:
    """Order inside a round: stops, then fan-ups, then starts; errands behind stops that nobody has obeyed for long."""
    rank = {"stop": 0, "fan": 1, "start": 2}
    kinds = [
        "fan" if c.target.startswith("fan ") else "stop" if c.verb in ("stop", "off") else "start"
        for c in record.decision.commands
        if not c.target.startswith(TARGETS)  # what moves no power
    ]
    order = [rank[kind] for kind in kinds]
    if order != sorted(order):
        yield "commands out of order: " + " ".join(kinds[:20])
    errands = sum(c.verb in ERRANDS for c in record.decision.commands)
    chases, now_s = record.before.chases, record.image.clock.plant_s
    names = {f"miner {record.policy.wiring.miners[at].id}" for at in record.decision.plan.stops}
    names |= {c.target for c in record.decision.commands if c.verb in ("stop", "off") and c.target.startswith("miner ")}
    young = [name for name in names if name not in chases or now_s - chases[name].began_s < UNHEARD_S]
    if errands and (young or not record.image.clock.opening):
        yield f"{errands} errands in a round that stops, or that is not the opening one"


def _g8(record: Record) -> Iterator[str]:
    """Every command is an intent in the state that is committed before it is sent; ids are unique."""
    ids = [command.id for command in record.decision.commands]
    if len(set(ids)) != len(ids):
        yield "two commands share an id"
    for command in record.decision.commands:
        if command.verb in ERRANDS:
            if all(errand.command != command.id for errand in record.decision.state.errands):
                yield f"{command.target}: an errand without its intent"
            continue
        chase = record.decision.state.chases.get(command.target)
        if chase is None or chase.command != command.id or chase.sent_s is None:
            yield f"{command.target}: a command without its intent"


def _g9(record: Record) -> Iterator[str]:
    """No value older than its role allows counts as known; no NaN or infinity anywhere."""
    for name, value in record.image.site.items():
        role = record.policy.wiring.roles.get(name)
        if value.value is not None and role is not None and _age_s(record, value) > role.max_age_s:
            yield f"{name} counts as known after {_age_s(record, value)} s"
    if not _finite((record.decision.state, record.decision.commands, record.decision.envelope)):
        yield "a number that is not finite"


def _finite(tree: Any) -> bool:
    """Whether JSON could hold it: what walks fastest over ten thousand leaves is the encoder."""
    try:
        json.dumps(tree, allow_nan=False)
    except ValueError:
        return False
    return True


def _g10(record: Record) -> Iterator[str]:
    """Modes change along their edges, with a reason; what binds is the tightest, of the strongest layer that asks."""
    if not legal(record.before.mode, record.decision.mode):
        yield f"mode {record.before.mode} -> {record.decision.mode}"
    if not record.decision.why.code:
        yield f"mode {record.decision.mode} without a reason"
    envelope = record.decision.envelope
    layers = [limit.layer for limit in envelope.binding]
    if layers != sorted(layers):
        yield f"binding limits out of the order of their layers: {layers}"
    for bound in envelope.binding:
        sign = -1 if bound.what == "fans_min" else 1
        for other in envelope.reasons:
            if other.what == bound.what and (sign * other.amount, other.layer) < (sign * bound.amount, bound.layer):
                yield f"{bound.what} {bound.amount} of layer {bound.layer} binds before {other.amount} of {other.layer}"
                break


def _g11(record: Record) -> Iterator[str]:
    """Pure: deciding again gives the same decision."""
    if decide(record.image, record.before, record.policy) != record.decision:
        yield "deciding again gives another decision"


def _g12(record: Record) -> Iterator[str]:
    """Making an input worse never plans more miners nor fewer fans; an inlet that is not believed is no known one."""
    doubted = any(limit.reason.code == "doubted" for limit in record.decision.envelope.reasons)
    for said, image in _worse(record.image):
        decision = decide(image, record.before, record.policy)
        if sum(decision.plan.run) > sum(record.decision.plan.run):
            yield f"{said} runs {sum(decision.plan.run)} miners instead of {sum(record.decision.plan.run)}"
        fewer = len(decision.plan.fans_on) < len(record.decision.plan.fans_on)
        if said.startswith("inlet_c") and fewer and not doubted:
            yield f"{said} takes fans away"


def _worse(image: Image) -> Iterator[tuple[str, Image]]:
    """The image with one known input worse; from unknown to known is no worsening: law 4 speaks of that."""
    if "signal" in image.site and image.site["signal"].value is not None:
        yield "signal = off", _with(image, "signal", "off")
    inlet_c = image.site["inlet_c"].value if "inlet_c" in image.site else None
    if isinstance(inlet_c, int | float):
        yield from (
            (f"inlet_c = {hot_c}", _with(image, "inlet_c", hot_c))
            for hot_c in (round(inlet_c + WARMER_K, 1), VERY_HOT_C)
            if hot_c > inlet_c
        )
    turning = next((at for at, fan in enumerate(image.fans) if fan.on and fan.watts), None)
    if turning is not None:
        lost = image.fans[turning]._replace(watts=0, watts_at=image.clock.plant_s)
        yield f"fan {lost.name} lost", image._replace(fans=(*image.fans[:turning], lost, *image.fans[turning + 1 :]))


def _with(image: Image, name: str, value: float | str) -> Image:
    changed = Value(value, image.clock.plant_s, "worse")
    site = {**image.site, name: changed}
    if name == "inlet_c":
        site |= {"inlet_max_c": changed}
    return image._replace(site=site)


def _g13(record: Record) -> Iterator[str]:
    """What is seen dark is not cut, what is seen running is not started."""
    fleet = _fleet(record)
    index = {spec.id: at for at, spec in enumerate(record.policy.wiring.miners)}
    for command in record.decision.commands:
        at = index.get(command.target[6:]) if command.target.startswith("miner ") else None
        if at is None:
            continue
        if command.verb in ("run", "on") and fleet.on[at]:
            yield f"{command.target} runs and is started"
        if command.verb == "off" and not fleet.on[at] and record.before.chases.get(command.target) is None:
            yield f"{command.target} is dark and its outlet is cut"


def _g14(record: Record) -> Iterator[str]:
    """A test value on a live site never plans more than the real image alone."""
    tests = [one for one in record.decision.state.overrides if one.kind == "test"]
    if not tests or not record.policy.site.live:
        return
    without = record.before._replace(overrides=tuple(one for one in record.before.overrides if one.kind != "test"))
    image = record.image._replace(requests=())
    real = decide(image, without, record.policy)
    if sum(record.decision.plan.run) > sum(real.plan.run):
        yield f"with test values {sum(record.decision.plan.run)} miners run instead of {sum(real.plan.run)}"


def _g15(record: Record) -> Iterator[str]:
    """On a live site a person's override ends within four hours."""
    now_s = record.image.clock.plant_s
    for one in record.decision.state.overrides if record.policy.site.live else ():
        if one.kind in ("setting", "economy"):
            continue  # a mode, a pool, a band stands until changed
        if not one.until_s or one.until_s - now_s > LONGEST_OVERRIDE_S:
            yield f"override of {one.key} has no end within 4 h"


GUARDS: dict[str, Callable[[Record], Iterator[str]]] = {
    "G1": _g1,
    "G2": _g2,
    "G3": _g3,
    "G4": _g4,
    "G5": _g5,
    "G6": _g6,
    "G7": _g7,
    "G8": _g8,
    "G9": _g9,
    "G10": _g10,
    "G11": _g11,
    "G12": _g12,
    "G13": _g13,
    "G14": _g14,
    "G15": _g15,
}
