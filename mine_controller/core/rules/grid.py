"""Frequency of a weak grid (FRQ1, FRQ2): no starts while it is low, load down by steps while it stays low.

This is no frequency response: a tick looks every minute or two, a grid falls within a second. What must act then is an
under-frequency relay; this rule keeps a tired generator from being loaded further and lets it recover.
"""

from typing import Any

from mine_controller.core.model.reason import CONTRACT, Advice, Event, Limit, Reason, Wish
from mine_controller.core.option import option
from mine_controller.core.power.source import nominal_hz
from mine_controller.core.power.steps import Marks, Pace, Stepped, step
from mine_controller.core.view import View
from mine_controller.record import NamedTuple

LAYER = CONTRACT
NEEDS = ("grid_hz",)
USUAL = {50.0: Marks(49.8, 49.5, 49.0), 60.0: Marks(59.9, 59.7, 59.3)}
LOOK_S = 10  # a second reading within the tick


class Options(NamedTuple):
    """Numbers of [grid]. The nominal frequency stands in [site]."""

    block_hz: float = option(0.0, unit="Hz", low=0, high=62, help="nothing starts below; 0 = 49.8, or 59.9 at 60 Hz")
    shed_hz: float = option(0.0, unit="Hz", low=0, high=62, help="a step down below; 0 = 49.5, or 59.7 at 60 Hz")
    off_hz: float = option(0.0, unit="Hz", low=0, high=62, help="everything off below; 0 = 49.0, or 59.3 at 60 Hz")
    step_pct: int = option(25, unit="%", low=5, high=100, help="share of the load that a step takes off")
    apart_s: int = option(60, unit="s", low=10, high=900, help="a next step down comes no sooner")
    confirm: int = option(2, low=2, high=10, help="low readings in a row, 10 s apart or more, before load goes down")
    hold_s: int = option(600, unit="s", low=60, high=7200, help="it must be good so long before anything starts again")


def check(options: Options) -> tuple[str, ...]:
    """All three or none, in order."""
    given = (options.off_hz, options.shed_hz, options.block_hz)
    if not any(given):
        return ()
    if not all(given) or not options.off_hz < options.shed_hz < options.block_hz:
        return ("off_hz: must be below shed_hz, and that below block_hz; write all three or none",)
    return ()


def advise(view: View, memory: dict[str, Any], options: Options) -> Advice:
    """Block, shed, hold, release."""
    if not view.wired("grid_hz"):
        return Advice()
    kept = dict(memory)
    value, grid_hz = view.role("grid_hz"), view.number("grid_hz")
    nominal = nominal_hz(view, kept, grid_hz)
    if nominal is None:
        unknown = Reason("grid", "unknown", (("why", value.brief(80) or "neither near 50 Hz nor near 60 Hz"),))
        return Advice((Limit(CONTRACT, "no_start", 0, unknown),), (), (), kept)
    marks = _marks(options, nominal)
    pace = Pace(options.step_pct, options.apart_s, options.confirm, options.hold_s)
    drawn_w = view.fleet.miners_w
    done = step(kept, value, marks, pace, drawn_w, view.now_s)
    numbers = (("grid_hz", grid_hz if grid_hz is not None else "unknown"), ("block_hz", marks.block),
               ("shed_hz", marks.shed))  # fmt: skip
    limits = []
    if done.cap_w is not None:
        held = Reason("grid", "off" if done.cap_w == 0 else "shed", (*numbers, ("cap_w", done.cap_w)))
        limits.append(Limit(CONTRACT, "max_power_w", done.cap_w, held))
    if grid_hz is None:
        limits.append(Limit(CONTRACT, "no_start", 0, Reason("grid", "unknown", (("why", value.brief(80)),))))
    elif done.blocked or done.cap_w is not None:
        limits.append(Limit(CONTRACT, "no_start", 0, Reason("grid", "low", numbers)))
    return Advice(tuple(limits), _look(view, done), tuple(_events(done, numbers)), kept)


def _marks(options: Options, nominal: float) -> Marks:
    if options.shed_hz:
        return Marks(options.block_hz, options.shed_hz, options.off_hz)
    return USUAL.get(nominal) or Marks(nominal * 0.996, nominal * 0.99, nominal * 0.98)


def _look(view: View, done: Stepped) -> tuple[Wish, ...]:
    """A first low reading is looked at once more in this tick."""
    if not done.look:
        return ()
    ends = dict.fromkeys(key.rpartition(":")[0].partition("/")[0] for key in view.wiring.roles["grid_hz"].keys)
    reason = Reason("grid", "look_again")
    return tuple(Wish(CONTRACT, f"look {end}", LOOK_S, reason) for end in ends)


def _events(done: Stepped, numbers: tuple[tuple[str, float | str], ...]) -> list[Event]:
    if done.shed:
        reason = Reason("grid", "step", (*numbers, ("cap_w", done.cap_w or 0)))
        return [Event("frequency_shed", "warning", "grid", reason)]
    if done.back:
        return [Event("frequency_back", "info", "grid", Reason("grid", "back", numbers))]
    return []
