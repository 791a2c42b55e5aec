"""The start window: temperature, humidity, dew point (HUM1, HUM2, O11). Stopping never waits for it."""

from typing import Any

from mine_controller.core.model.reason import EQUIPMENT, Advice, Limit, Reason
from mine_controller.core.option import option
from mine_controller.core.view import View
from mine_controller.record import NamedTuple

LAYER = EQUIPMENT
NEEDS = ("inlet_c",)
CALM_S = 600
SURFACE_TAU_S = 1800  # boards and racks follow the air about this slowly when dark


class Options(NamedTuple):
    """Numbers of [cold]."""

    start_min_c: float = option(5.0, unit="°C", low=-20, high=20, help="inlet below which nothing starts")
    start_max_c: float = option(36.0, unit="°C", low=20, high=38, help="inlet above which nothing starts")
    humidity_max_pct: float = option(80.0, unit="%", low=40, high=95, help="humidity above which nothing starts")
    dew_margin_k: float = option(3.0, unit="K", low=1, high=10, help="surfaces must be this much above the dew point")


def check(options: Options) -> tuple[str, ...]:
    """The window must be open."""
    return ("start_min_c must be below start_max_c",) if options.start_min_c >= options.start_max_c else ()


def advise(view: View, memory: dict[str, Any], options: Options) -> Advice:
    """No start outside the window, or on surfaces that may be wet."""
    kept = dict(memory)
    coldest, hottest = view.number("inlet_min_c"), view.number("inlet_max_c")
    surface = _surface(view, kept, coldest)
    limits = []
    if coldest is not None and _shut(view, kept, "too_cold", (over := options.start_min_c - coldest), 1.0):
        limits.append(_no_start(view, kept, "too_cold", over, (("inlet_c", coldest), ("limit_c", options.start_min_c))))
    if hottest is not None and _shut(view, kept, "too_hot", (over := hottest - options.start_max_c), 2.0):
        limits.append(_no_start(view, kept, "too_hot", over, (("inlet_c", hottest), ("limit_c", options.start_max_c))))
    if view.wired("humidity_pct"):
        limits += _damp(view, kept, surface, options)
    return Advice(tuple(limits), (), (), kept)


def _shut(view: View, kept: dict[str, Any], code: str, over: float, band: float) -> bool:
    """Shut beyond the limit; open again well inside it, or after CALM_S inside: an edge must not make it swing."""
    if over > 0:
        kept[code] = view.now_s
    elif kept.get(code) and (over <= -band or view.now_s - int(kept[code]) >= CALM_S):
        kept[code] = 0
    return bool(kept.get(code))


def _damp(view: View, kept: dict[str, Any], surface: float | None, options: Options) -> list[Limit]:
    """No start in wet air, nor near the dew point."""
    humidity, dew_c = view.number("humidity_pct"), view.number("dew_c")
    if humidity is None or dew_c is None:
        return [Limit(EQUIPMENT, "no_start", 0, Reason("cold", "humidity_unknown"))]
    over = humidity - options.humidity_max_pct
    if _shut(view, kept, "humid", over, 5.0):
        numbers = (("humidity_pct", humidity), ("limit_pct", options.humidity_max_pct))
        return [_no_start(view, kept, "humid", over, numbers)]
    if surface is None:
        return []
    over = options.dew_margin_k - surface + dew_c
    if _shut(view, kept, "dew", over, 1.0):
        return [_no_start(view, kept, "dew", over, (("surface_c", surface), ("dew_c", dew_c)))]
    return []


def _no_start(
    view: View, kept: dict[str, Any], code: str, over: float, numbers: tuple[tuple[str, float], ...]
) -> Limit:
    """`over` at most 0: inside the limit again, and shut for a while longer, which the sentence says."""
    if over > 0:
        return Limit(EQUIPMENT, "no_start", 0, Reason("cold", code, numbers))
    left = ("left_s", max(0, int(kept[code]) + CALM_S - view.now_s))
    return Limit(EQUIPMENT, "no_start", 0, Reason("cold", f"{code}_held", (*numbers, left)))


def _surface(view: View, kept: dict[str, Any], coldest: float | None) -> float | None:
    """The coldest surface: follows the coldest air down slowly up, at once down. Rounded, so that replay is exact."""
    if coldest is None:
        return kept.get("surface_c")
    was, at_s = kept.get("surface_c"), int(kept.get("surface_s") or view.now_s)
    share = min(1.0, (view.now_s - at_s) / SURFACE_TAU_S)
    kept["surface_c"] = coldest if was is None or coldest < was else round(was + (coldest - was) * share, 2)
    kept["surface_s"] = view.now_s
    return float(kept["surface_c"])
