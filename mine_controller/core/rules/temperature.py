"""The inlet heat ladder: warn, shed, stop; and what blindness means (O6, O7, TMP1, TMP2).

35 warns and runs every fan until 34, 38 sheds 5 % of the load every tick (10 % when more than 1 K above), 40 (two
readings) or 45 (one) stops all and latches. That ends after half an hour below 33; or, where outside is no cooler,
after an hour below the warning with every miner dark, in which the air has become that of outside. The rungs above and
the start window stand as before. Unknown for 5 ticks sheds to half, for 10 ticks stops. The inlet is the second highest
of three or more sensors, the highest of two, or the highest when they differ by more than 8 K.
"""

from typing import Any

from mine_controller.core.fleet import floor_w
from mine_controller.core.model.reason import PART_W, SAFETY, Advice, Event, Limit, Reason
from mine_controller.core.option import option
from mine_controller.core.view import View
from mine_controller.record import NamedTuple

LAYER = SAFETY
NEEDS = ("inlet_c",)
NOISE_K = 0.5
WARM_K = 1.0  # every fan runs until this much below warn_c; more would keep them on through a whole hot event
STEP_S = 120  # "a tick" of the heat ladder, whatever the timer


class Options(NamedTuple):
    """Numbers of [temperature]. The code's own limits can't be configured away."""

    warn_c: float = option(
        35.0, unit="°C", low=20, high=38, help="inlet above this runs every fan; [alarm temperature_warning] tells it"
    )
    shed_c: float = option(38.0, unit="°C", low=25, high=40, help="inlet above this sheds load step by step")
    stop_c: float = option(40.0, unit="°C", low=28, high=42, help="inlet above this, twice, stops everything")
    hardware_c: float = option(45.0, unit="°C", low=30, high=45, help="inlet above this, once, stops everything")
    reset_c: float = option(33.0, unit="°C", low=10, high=36, help="a heat stop ends below this, held for reset_s")
    reset_s: int = option(1800, unit="s", low=300, high=86400, help="how long it must stay below reset_c")
    rest_s: int = option(
        3600, unit="s", low=1800, high=86400, help="or so long below warn_c with everything dark: outside is no cooler"
    )
    resets_a_day: int = option(2, low=0, high=4, help="automatic ends of a heat stop in 24 h; then a person's `resume`")
    blind_shed_s: int = option(600, unit="s", low=120, high=600, help="inlet unknown this long: half the load")
    blind_stop_s: int = option(1200, unit="s", low=240, high=1200, help="inlet unknown this long: everything off")


def check(options: Options) -> tuple[str, ...]:
    """The rungs in order: warn, shed, stop, hardware; and the blind steps."""
    ladder = (options.warn_c, options.shed_c, options.stop_c, options.hardware_c)
    wrong = []
    if list(ladder) != sorted(set(ladder)):
        wrong.append("warn_c < shed_c < stop_c < hardware_c must hold")
    if options.reset_c >= options.warn_c:
        wrong.append("reset_c must be below warn_c")
    if options.blind_shed_s >= options.blind_stop_s:
        wrong.append("blind_shed_s must be below blind_stop_s")
    return tuple(wrong)


class _Now(NamedTuple):
    """The rule's working set: memory in, memory and advice out."""

    kept: dict[str, Any]
    limits: list[Limit]
    events: list[Event]


def advise(view: View, memory: dict[str, Any], options: Options) -> Advice:
    """The ladder's limits for this image."""
    work = _Now(dict(memory), [], [])
    inlet = view.role("inlet_c")
    if isinstance(inlet.value, int | float):
        work.kept["seen_s"] = inlet.at_s
        _latch(view, float(inlet.value), inlet.at_s, options, work)
        _shed(view, float(inlet.value), options, work)
        _unlatch(view, float(inlet.value), options, work)
        if work.kept.pop("blind_told", 0):
            work.events.append(Event("inlet_back", "info", "inlet", Reason("temperature", "seen_again")))
    else:
        _blind(view, inlet.at_s, options, work)
    _limits(view, options, work)
    return Advice(tuple(work.limits), (), tuple(work.events), work.kept)


def _latch(view: View, inlet_c: float, at_s: int, options: Options, work: _Now) -> None:
    kept = work.kept
    if inlet_c > options.stop_c:
        first = int(kept.get("over_at") or 0)
        twice = first and at_s > first
        if (inlet_c > options.hardware_c or twice) and not kept.get("stop_s"):
            kept["stop_s"] = view.now_s
            numbers = (("inlet_c", inlet_c), ("limit_c", options.stop_c), ("reset_c", options.reset_c))
            reason = Reason("temperature", "stop", numbers)
            work.events.append(Event("heat_stop", "emergency", "inlet", reason))
        kept["over_at"] = first or at_s
        return
    lasts_s = max(3 * STEP_S, 2 * view.image.clock.tick_s)  # a slow timer has two readings, too
    if inlet_c <= options.stop_c - NOISE_K or at_s - int(kept.get("over_at") or 0) > lasts_s:
        kept["over_at"] = 0  # a probe's noise at the limit does not begin the count anew


def _shed(view: View, inlet_c: float, options: Options, work: _Now) -> None:
    """Each tick above shed_c takes 5 % (10 % more than 1 K above) off; below shed_c - 2 K for 3 ticks it ends."""
    kept, now_s = work.kept, view.now_s
    if inlet_c > options.shed_c:
        share = 90 if inlet_c > options.shed_c + 1 else 95
        if not kept.get("shed_s"):
            kept["shed_s"], kept["step_s"] = now_s, now_s
            kept["shed_w"] = max(PART_W, view.fleet.miners_w * share // 100)
            reason = Reason("temperature", "shed", (("inlet_c", inlet_c), ("limit_c", options.shed_c)))
            work.events.append(Event("heat_shed", "warning", "inlet", reason))
        elif now_s - int(kept["step_s"]) >= STEP_S - 5:
            kept["step_s"] = now_s
            kept["shed_w"] = max(PART_W, min(int(kept["shed_w"]), view.fleet.miners_w) * share // 100)
        kept["cool_s"] = 0
    elif kept.get("shed_s"):
        cool = inlet_c <= options.shed_c - 2
        kept["cool_s"] = (int(kept.get("cool_s") or 0) or now_s) if cool else 0
        if cool and now_s - int(kept["cool_s"]) >= 3 * STEP_S:
            kept["shed_s"] = kept["shed_w"] = kept["cool_s"] = 0
            reason = Reason("temperature", "shed_over", (("inlet_c", inlet_c),))
            work.events.append(Event("heat_shed_over", "info", "inlet", reason))


def _unlatch(view: View, inlet_c: float, options: Options, work: _Now) -> None:
    kept, now_s = work.kept, view.now_s
    if not kept.get("stop_s"):
        return
    kept["reset_s"] = (int(kept.get("reset_s") or 0) or now_s) if inlet_c < options.reset_c else 0
    resting = inlet_c < options.warn_c and view.fleet.proof_w <= floor_w(0, view.fleet)
    kept["rest_s"] = (int(kept.get("rest_s") or 0) or now_s) if resting else 0
    resets = [at for at in kept.get("resets") or [] if now_s - at < 86_400]
    acked = view.lets_go("heat_stop", "inlet") and inlet_c < options.shed_c
    cooled = kept["reset_s"] and now_s - int(kept["reset_s"]) >= options.reset_s
    rested = kept["rest_s"] and now_s - int(kept["rest_s"]) >= options.rest_s
    if acked or ((cooled or rested) and len(resets) < options.resets_a_day):
        kept["stop_s"] = kept["reset_s"] = kept["rest_s"] = kept["over_at"] = 0
        resets.append(now_s)
        reason = Reason("temperature", "stop_over", (("inlet_c", inlet_c),))
        work.events.append(Event("heat_stop_over", "info", "inlet", reason))
    kept["resets"] = resets


def _blind(view: View, known_at_s: int, options: Options, work: _Now) -> None:
    kept = work.kept
    kept["reset_s"] = kept["rest_s"] = kept["cool_s"] = 0  # what was not seen was not cool
    # After a reboot the image knows of no reading; the rule does.
    since = known_at_s or int(kept.get("seen_s") or 0) or int(kept.setdefault("blind_from_s", view.now_s))
    blind_s = view.now_s - since
    numbers = (("blind_s", blind_s),)
    if blind_s >= options.blind_shed_s:
        if not kept.get("blind_told"):
            kept["blind_told"] = 1
            kept["blind_w"] = max(PART_W, view.fleet.miners_w // 2)
            work.events.append(Event("inlet_blind", "emergency", "inlet", Reason("temperature", "blind", numbers)))
        amount = 0 if blind_s >= options.blind_stop_s else int(kept.get("blind_w") or 0)
        work.limits.append(Limit(SAFETY, "max_power_w", amount, Reason("temperature", "blind", numbers)))
    work.limits.append(Limit(SAFETY, "no_start", 0, Reason("temperature", "unknown", numbers)))
    work.limits.append(Limit(SAFETY, "no_fan_down", 0, Reason("temperature", "unknown", numbers)))
    if view.fleet.on_n:
        work.limits.append(Limit(SAFETY, "fans_min", len(view.wiring.fans), Reason("temperature", "unknown", numbers)))


def _limits(view: View, options: Options, work: _Now) -> None:
    kept, inlet_c = work.kept, view.number("inlet_c")
    numbers = (("inlet_c", inlet_c),) if inlet_c is not None else ()
    everything = len(view.wiring.fans)
    if kept.get("stop_s"):
        reason = _stopped(view, inlet_c, options, kept)
        work.limits.append(Limit(SAFETY, "max_power_w", 0, reason))
        work.limits.append(Limit(SAFETY, "fans_min", everything, reason))
    if kept.get("shed_s"):
        cooler = inlet_c is not None and inlet_c <= options.shed_c
        over = (("below_c", options.shed_c - 2), ("for_s", 3 * STEP_S)) if cooler else ()
        code = "shed_unseen" if inlet_c is None else "shed_held" if cooler else "shed"
        reason = Reason("temperature", code, (*numbers, ("limit_c", options.shed_c), *over))
        work.limits.append(Limit(SAFETY, "max_power_w", int(kept["shed_w"]), reason))
        work.limits.append(Limit(SAFETY, "no_start", 0, reason))
        work.limits.append(Limit(SAFETY, "fans_min", everything, reason))
    if _is_warm(inlet_c, options, kept):
        reason = Reason("temperature", "warm", (*numbers, ("limit_c", options.warn_c)))
        if inlet_c is None or inlet_c <= options.warn_c:
            marks = (("limit_c", options.warn_c), ("below_c", options.warn_c - WARM_K))
            reason = Reason("temperature", "warm_held", marks)
        work.limits.append(Limit(SAFETY, "fans_min", everything, reason))


def _is_warm(inlet_c: float | None, options: Options, kept: dict[str, Any]) -> bool:
    """Above warn_c, and until WARM_K below it: fans of a dark mine would follow the noise of a probe, on and off."""
    if inlet_c is not None and inlet_c > options.warn_c:
        kept["warm"] = 1
    elif inlet_c is not None and inlet_c <= options.warn_c - WARM_K:
        kept.pop("warm", None)
    return bool(kept.get("warm"))


def _stopped(view: View, inlet_c: float | None, options: Options, kept: dict[str, Any]) -> Reason:
    """Why all is off in a heat stop: it is too hot; or it was, and what its end waits for."""
    marks: tuple[tuple[str, float], ...] = (("limit_c", options.stop_c), ("reset_c", options.reset_c))
    if inlet_c is None:
        return Reason("temperature", "stop_unseen", marks)
    marks = (("inlet_c", inlet_c), *marks)
    if inlet_c > options.stop_c:
        return Reason("temperature", "stop", marks)
    resets = kept.get("resets") or ()
    if len(resets) >= options.resets_a_day:
        if not options.resets_a_day:
            return Reason("temperature", "stop_latched", marks)
        left_s = int(resets[-options.resets_a_day]) + 86_400 - view.now_s  # its 24 h are over: one more counts again
        return Reason("temperature", "stop_rationed", (*marks, ("left_s", max(0, left_s))))
    waits = ((kept.get("reset_s"), options.reset_s), (kept.get("rest_s"), options.rest_s))
    left = [int(began_s) + for_s - view.now_s for began_s, for_s in waits if began_s]
    if left:
        return Reason("temperature", "stop_cooling", (*marks, ("left_s", max(0, min(left)))))
    return Reason("temperature", "stop_held", (*marks, ("for_s", options.reset_s)))
