"""The voltage band: below it nothing starts and load goes down by steps, above it nothing starts.

Every phase that is wired counts: the lowest sags, the highest swells; while one is unknown nothing starts, and another
one that sags still sheds. The nominal voltage stands in [site].
"""

from typing import Any

from mine_controller.core.model.reason import CONTRACT, Advice, Event, Limit, Reason
from mine_controller.core.option import option
from mine_controller.core.power.steps import Marks, Pace, step
from mine_controller.core.view import View
from mine_controller.record import NamedTuple

LAYER = CONTRACT
NEEDS = ("voltage_v",)
_Numbers = tuple[tuple[str, float | str], ...]


class Options(NamedTuple):
    """Numbers of [voltage], in per cent of the nominal voltage."""

    block_pct: float = option(94.0, unit="%", low=80, high=100, help="nothing starts below")
    shed_pct: float = option(90.0, unit="%", low=75, high=99, help="a step down below")
    off_pct: float = option(85.0, unit="%", low=70, high=98, help="everything off below")
    high_pct: float = option(110.0, unit="%", low=101, high=120, help="nothing starts above")
    step_pct: int = option(25, unit="%", low=5, high=100, help="share of the load that a step takes off")
    apart_s: int = option(60, unit="s", low=10, high=900, help="a next step down comes no sooner")
    confirm: int = option(2, low=2, high=10, help="low readings in a row, 10 s apart or more, before load goes down")
    hold_s: int = option(600, unit="s", low=60, high=7200, help="it must be good so long before anything starts again")


def check(options: Options) -> tuple[str, ...]:
    """The marks must be in order."""
    if not options.off_pct < options.shed_pct < options.block_pct:
        return ("off_pct: must be below shed_pct, and that below block_pct",)
    return ()


def advise(view: View, memory: dict[str, Any], options: Options) -> Advice:
    """Block, shed, hold, release."""
    if not view.wired("voltage_v"):
        return Advice()
    kept, nominal_v = dict(memory), view.site.nominal_v
    if not nominal_v:
        return Advice((_no_start("no_nominal", ()),), (), (), kept)
    value, low_v, high_v = view.role("voltage_v"), view.number("voltage_v"), view.number("voltage_max_v")
    known, lowest_v = low_v is not None, view.number("voltage_min_v")  # the latter of the phases that are known
    block_v, shed_v, off_v, most_v = (
        round(nominal_v * pct / 100, 1)
        for pct in (options.block_pct, options.shed_pct, options.off_pct, options.high_pct)
    )
    pace = Pace(options.step_pct, options.apart_s, options.confirm, options.hold_s)
    if not known and lowest_v is not None and lowest_v < shed_v:  # what one phase shows sheds, and frees nobody
        value, low_v = view.role("voltage_min_v"), lowest_v
    done = step(kept, value, Marks(block_v, shed_v, off_v), pace, view.fleet.miners_w, view.now_s)
    numbers: _Numbers = (("voltage_v", low_v if low_v is not None else "unknown"), ("nominal_v", nominal_v))
    limits: list[Limit] = []
    events: list[Event] = []
    if done.cap_w is not None:
        held = Reason("voltage", "off" if done.cap_w == 0 else "shed", (*numbers, ("cap_w", done.cap_w)))
        limits.append(Limit(CONTRACT, "max_power_w", done.cap_w, held))
    if not known:
        limits.append(_no_start("unknown", (("why", value.brief(80)),)))
    elif done.blocked or done.cap_w is not None:
        limits.append(_no_start("low", numbers))
    if done.shed:
        events.append(Event("voltage_shed", "warning", "supply", Reason("voltage", "step", numbers)))
    if done.back:
        events.append(Event("voltage_back", "info", "supply", Reason("voltage", "back", numbers)))
    _swell(view, kept, high_v, (most_v, options.hold_s), limits, events)
    return Advice(tuple(limits), (), tuple(events), kept)


def _swell(
    view: View,
    kept: dict[str, Any],
    high_v: float | None,
    marks: tuple[float, int],
    limits: list[Limit],
    events: list[Event],
) -> None:
    """Too high: less load would only raise it further, so what runs stays and nothing is added."""
    most_v, hold_s = marks
    if high_v is not None and high_v > most_v:
        if not kept.get("high_s"):
            events.append(Event("voltage_high", "warning", "supply", Reason("voltage", "high", (("high_v", high_v),))))
        kept["high_s"] = view.now_s
    elif kept.get("high_s") and high_v is None:
        kept["high_s"] = view.now_s
    elif kept.get("high_s") and high_v is not None and view.now_s - int(kept["high_s"]) >= hold_s:
        kept["high_s"] = 0
        events.append(
            Event("voltage_high_over", "info", "supply", Reason("voltage", "high_over", (("high_v", high_v),)))
        )
    if kept.get("high_s"):
        numbers: _Numbers = (("high_v", high_v if high_v is not None else "unknown"), ("most_v", most_v))
        limits.append(_no_start("too_high", numbers))


def _no_start(code: str, numbers: _Numbers) -> Limit:
    return Limit(CONTRACT, "no_start", 0, Reason("voltage", code, numbers))
