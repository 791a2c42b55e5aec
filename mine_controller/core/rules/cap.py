"""The site cap and the breakers (G4, MET1, MET2, PDU1): starts end at 95 % of the cap, running load is shed at 97 %.

Planned power is the larger of the meter and the sum of best estimates; an unmeasured miner counts nominal x 1.10, one
on its way up its full power. A breaker's limit (80 % of its rating, continuous) is already in the wiring.
"""

from typing import Any

from mine_controller.core.fleet import dark_but
from mine_controller.core.model.reason import PART_W, SAFETY, Advice, Event, Limit, Reason
from mine_controller.core.once import Once
from mine_controller.core.option import option
from mine_controller.core.power.feed import is_dead
from mine_controller.core.power.source import rising_w
from mine_controller.core.stuck import METER_STILL
from mine_controller.core.view import View
from mine_controller.record import NamedTuple

LAYER = SAFETY
NEEDS = ()
STEP_S = 120
WORDS_APART_S = 600  # a fleet's own words lag; longer than this is no lag
NOUGHT_S = 86_400
OWN_POWER = ("export_w", "battery_soc_pct", "supply_kw")  # by these a site says that it has power of its own
_Numbers = tuple[tuple[str, int], ...]
WARNED, GRAVE = 1, 2  # what was told of a meter and outlets that disagree


class Options(NamedTuple):
    """Numbers of [cap]."""

    margin_pct: int = option(5, unit="%", low=3, high=30, help="kept free below the site cap")
    shed_pct: int = option(97, unit="%", low=80, high=98, help="share of the cap above which load is shed")
    imbalance_pct: int = option(
        10, unit="%", low=1, high=100, help="how far a start may put a phase above the least loaded one, of its limit"
    )
    disagree_pct: int = option(
        10, unit="%", low=3, high=50, help="meter against outlets: told when they differ by more"
    )


def check(options: Options) -> tuple[str, ...]:
    """Load that may start must not be load that has to go, and is never taken below where starts end."""
    ends = 100 - options.margin_pct
    low = f"shed_pct: must be at least 100 - margin_pct = {ends}, up to which miners start"
    return (low,) if options.shed_pct < ends else ()


def advise(view: View, memory: dict[str, Any], options: Options) -> Advice:
    """Ceilings for running and for starting."""
    kept = dict(memory)
    limits: list[Limit] = []
    events: list[Event] = []
    fleet, cap_w = view.fleet, view.site.power_cap_w
    if cap_w:
        foreign_w = _foreign_w(view)
        meter_w = (fleet.meter_w or 0) - fleet.falling_w
        total_w = max(meter_w, fleet.miners_w + fleet.other_w) + foreign_w
        numbers: _Numbers = (("total_w", total_w), ("cap_w", cap_w))
        target_w = max(0, cap_w * (100 - options.margin_pct) // 100 - fleet.other_w - foreign_w)
        room_w = max(0, target_w - rising_w(view))  # seen to come on, and not yet at its power
        room = _with_foreign("room", numbers, foreign_w, view)
        limits.append(Limit(SAFETY, "start_max_w", room_w, room))
        over = total_w * 100 > cap_w * options.shed_pct
        seen = fleet.meter_w is not None and (meter_w + foreign_w) * 100 > cap_w * options.shed_pct
        reason = _with_foreign("over", numbers, foreign_w, view)
        if fleet.unknown and not seen:
            reason = Reason("cap", "over_guess", (*numbers, ("miners", fleet.unknown)))
        _shed(view, kept, over, target_w, reason, limits, events)
    elif kept.pop("over_s", 0):  # the config has no cap any more
        events.append(Event("over_cap_cleared", "info", "site", Reason("cap", "no_cap")))
    limits += [
        Limit(
            SAFETY,
            f"breaker {breaker.name}",
            breaker.limit_w,
            Reason("cap", "breaker", (("limit_w", breaker.limit_w),)),
        )
        for breaker in view.wiring.breakers
    ]
    limits += [
        Limit(SAFETY, f"phase {phase.name}", phase.limit_w, Reason("cap", "phase", (("limit_w", phase.limit_w),)))
        for phase in view.wiring.phases
    ]
    if len(view.wiring.phases) > 1:
        apart_w = min(phase.limit_w for phase in view.wiring.phases) * options.imbalance_pct // 100
        limits.append(Limit(SAFETY, "phases_apart_w", apart_w, Reason("cap", "apart", (("apart_w", apart_w),))))
    if view.wired("site_power_w") and fleet.meter_w is None:
        limits.append(Limit(SAFETY, "no_start", 0, Reason("cap", "meter_unknown")))
    _compare_meters(view, kept, options, events)
    _compare_words(view, kept, limits, events)
    return Advice(tuple(limits), (), tuple(events), kept)


def _foreign_w(view: View) -> int:
    """What miners nobody here may command could draw beyond what they draw: they count at nominal."""
    specs, est_w = view.wiring.miners, view.fleet.est_w
    return sum(max(0, specs[at].nominal_w - est_w[at]) for at in _foreign_of(specs))


_foreign_of = Once(lambda miners: tuple(at for at, spec in enumerate(miners) if not spec.paths))


def _with_foreign(code: str, numbers: _Numbers, foreign_w: int, view: View) -> Reason:
    """The reason, in other words where watts count that nobody draws now."""
    if not foreign_w:
        return Reason("cap", code, numbers)
    more = (("foreign_w", foreign_w), ("miners", len(_foreign_of(view.wiring.miners))))
    return Reason("cap", f"{code}_foreign", (*numbers, *more))


def _shed(
    view: View,
    kept: dict[str, Any],
    over: bool,
    target_w: int,
    reason: Reason,
    limits: list[Limit],
    events: list[Event],
) -> None:
    """Above shed_pct the miners go down to the target; it ends 3 % below for three ticks."""
    if over:
        if not kept.get("over_s"):
            events.append(Event("over_cap", "warning", "site", reason))
        kept["over_s"] = view.now_s
    if kept.get("over_s"):
        if view.now_s - int(kept["over_s"]) >= 3 * STEP_S:
            kept["over_s"] = 0
            events.append(Event("over_cap_cleared", "info", "site", Reason("cap", "over_cleared", reason.numbers[:2])))
            return
        if not over:
            left_s = 3 * STEP_S - view.now_s + int(kept["over_s"])
            reason = Reason("cap", "over_held", (*reason.numbers[:2], ("left_s", left_s)))
        most_w = max(min(target_w, PART_W), target_w - _asleep_w(view))
        limits.append(Limit(SAFETY, "max_power_w", most_w, reason))
        limits.append(Limit(SAFETY, "no_start", 0, reason))


def _asleep_w(view: View) -> int:
    """What those draw that no stop takes off any more: under a small cap the load stayed over it for good."""
    return sum(est_w for est_w, on in zip(view.fleet.est_w, view.fleet.on, strict=True) if not on)


def _compare_meters(view: View, kept: dict[str, Any], options: Options, events: list[Event]) -> None:
    """MET2: the meter and the outlets must agree; the larger counts either way, and it is told."""
    fleet = view.fleet
    whole = fleet.measured_w is not None and not fleet.unknown and fleet.fans_w is not None
    parts_w, shed = (fleet.measured_w or 0) + (fleet.fans_w or 0), view.state.shed
    grave = shed is not None and shed.ended_s is None
    if fleet.meter_w is None or not (whole or _shows_too_little(view, kept, parts_w, options)):
        if kept.get("short") and fleet.meter_w is not None and not is_dead(view.image):
            _agree(kept, events)
        elif kept.get("apart_told") and not (view.wired("site_power_w") and (view.wiring.fans or kept.get("nought_s"))):
            kept["apart_s"] = kept["apart_told"] = 0  # its alarm is over (core/alarms/subjects.py)
        elif fleet.meter_w is None and not grave and METER_STILL in view.role("site_power_w").why:
            _agree(kept, events, "meter_unknown")  # what it showed was of another time: it is told as frozen
        return
    apart_w = abs(fleet.meter_w - parts_w)
    apart = apart_w * 100 > max(fleet.meter_w, parts_w, 1) * options.disagree_pct
    little = max(fleet.meter_w, parts_w) < fleet.nominal_w // 10
    if grave and shed is not None:  # lamps are much of what a dark mine draws, and no doubt that it is dark
        little = little or apart_w < shed.floor_w + shed.beside_w
    if not apart or little:
        _agree(kept, events)
        return
    kept["short"] = int(not whole)  # all that shows it: it ends with that, also while never all is known
    kept["apart_s"] = int(kept.get("apart_s") or 0) or view.now_s
    told = int(kept.get("apart_told") or 0)
    since_s = int(kept["apart_s"])
    if grave and told and shed is not None:  # known before: it is graver once it outlasts what had to go dark
        since_s = max(since_s, shed.seen_s)
    if view.now_s - since_s >= 2 * STEP_S and told < (GRAVE if grave else WARNED):
        kept["apart_told"] = GRAVE if grave else WARNED
        numbers = (("meter_w", fleet.meter_w), ("sum_w", parts_w))
        severity = "emergency" if grave else "warning"  # what proves darkness is in doubt when it has to be proven
        events.append(Event("meters_disagree", severity, "site", Reason("cap", "disagree", numbers)))


def _agree(kept: dict[str, Any], events: list[Event], code: str = "agree") -> None:
    if kept.get("apart_told"):
        events.append(Event("meters_agree", "info", "site", Reason("cap", code)))
    kept["apart_s"] = kept["apart_told"] = kept["short"] = 0


def _shows_too_little(view: View, kept: dict[str, Any], parts_w: int, options: Options) -> bool:
    """A meter under what alone is known to be drawn contradicts it, whatever else draws. A home may have a roof behind
    its meter of which nobody told: it must show nothing at all for longer than the sun shines."""
    meter_w = view.fleet.meter_w or 0
    if is_dead(view.image):
        return False  # a cloud tells for minutes what was drawn before a black-out
    if view.wiring.fans:
        return (parts_w - meter_w) * 100 > parts_w * options.disagree_pct
    if meter_w or parts_w < view.fleet.nominal_w // 10 or any(map(view.wired, OWN_POWER)):
        kept.pop("nought_s", None)
        return False
    kept["nought_s"] = kept.get("nought_s") or view.now_s
    return view.now_s - int(kept["nought_s"]) >= NOUGHT_S


def _compare_words(view: View, kept: dict[str, Any], limits: list[Limit], events: list[Event]) -> None:
    """PDU4: a fifth of the fleet says it hashes and is dark by watts: the watts are in kW, or the map is wrong."""
    apart = dark_but(view.image, view.fleet, "hashing")
    if apart * 5 <= view.fleet.size or view.state.shed is not None:
        if kept.pop("words_told", 0):
            events.append(Event("watts_plausible", "info", "site", Reason("cap", "words_agree")))
        kept["words_s"] = 0
        return
    kept["words_s"] = int(kept.get("words_s") or 0) or view.now_s
    reason = Reason("cap", "words_disagree", (("miners", apart), ("of", view.fleet.size)))
    limits.append(Limit(SAFETY, "no_start", 0, reason))
    if view.now_s - int(kept["words_s"]) >= WORDS_APART_S and not kept.get("words_told"):
        kept["words_told"] = 1
        events.append(Event("watts_implausible", "warning", "site", reason))
