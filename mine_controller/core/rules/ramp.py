"""Coming back in steps: at most 10 % of the fleet and 100 kW per 120 s, while the last steps did what they should.

How many that are is reckoned by the mean of the fleet. Where miners are of different sizes their own power counts, too,
so that a step of the large ones is no more than what was written; one that is larger than it starts by itself.
"""

from typing import Any

from mine_controller.core.model.reason import EQUIPMENT, Advice, Event, Limit, Reason
from mine_controller.core.once import Once
from mine_controller.core.option import option
from mine_controller.core.view import View
from mine_controller.record import NamedTuple

LAYER = EQUIPMENT
NEEDS = ()
WINDOW_S = 120


class Options(NamedTuple):
    """Numbers of [ramp]."""

    step_pct: int = option(10, unit="%", low=1, high=10, help="share of the fleet that may start per 120 s")
    step_kw: int = option(100, unit="kW", low=1, high=1000, help="power that may start per 120 s")
    failed_steps: int = option(2, low=1, high=5, help="steps in a row without the expected rise that end the climb")
    hold_s: int = option(1800, unit="s", low=300, high=86400, help="pause after a failed climb")


def step(view: View, options: Options) -> int:
    """Miners one step may start: at least one."""
    fleet_n = view.fleet.size
    nominal_w = view.fleet.nominal_w // fleet_n if fleet_n else 1
    return max(1, min(fleet_n * options.step_pct // 100, options.step_kw * 1000 // max(nominal_w, 1)))


_largest_of = Once(lambda miners: max((spec.nominal_w for spec in miners), default=0))


def advise(view: View, memory: dict[str, Any], options: Options) -> Advice:
    """How many may start now, after what was told to run in the last 120 s."""
    kept = dict(memory)
    events: list[Event] = []
    now_s = view.now_s
    recent = [at for at in view.state.last.get("starts") or [] if now_s - at < WINDOW_S]
    allowed = step(view, options)
    room = max(0, allowed - len(recent))
    numbers = (("step", allowed), ("recent", len(recent)))
    limits = [
        Limit(EQUIPMENT, "start_miners", room, Reason("ramp", "step", numbers)),
        *_by_power(view, allowed, options),
    ]
    # A unit that knows no start shows nothing of what the others may do.
    total = int(view.state.last.get("failed_starts", 0)) - int(view.state.last.get("unable_starts", 0))
    kept["paid"] = min(int(kept.get("paid") or 0), total)  # a proven start ends the row
    failed = total - int(kept["paid"])
    if failed >= options.failed_steps * allowed and not kept.get("hold_s"):
        kept["hold_s"] = now_s
        events.append(Event("ramp_failed", "warning", "fleet", Reason("ramp", "failed", (("failed", failed),))))
    if kept.get("hold_s"):
        if now_s - int(kept["hold_s"]) < options.hold_s:
            limits.append(Limit(EQUIPMENT, "no_start", 0, Reason("ramp", "hold", (("failed", failed),))))
        else:
            kept["hold_s"], kept["paid"] = 0, total
            events.append(Event("ramp_again", "info", "fleet", Reason("ramp", "again")))
    return Advice(tuple(limits), (), tuple(events), kept)


def _by_power(view: View, allowed: int, options: Options) -> tuple[Limit, ...]:
    """What may start in watts, where so many of the largest would be more than a step."""
    largest_w, step_w = _largest_of(view.wiring.miners), options.step_kw * 1000
    if allowed == 1 or allowed * largest_w <= step_w:
        return ()
    begun_w = sum(watts for at, watts in view.state.last.get("started_w") or [] if view.now_s - at < WINDOW_S)
    room_w = max(0, step_w - begun_w) if begun_w else max(step_w, largest_w)
    return (
        Limit(EQUIPMENT, "start_step_w", room_w, Reason("ramp", "step_w", (("step_w", step_w), ("begun_w", begun_w)))),
    )
