"""A demand contract: the average over a quarter of an hour stays under what was agreed.

Starts always end at the limit less its margin. Running load goes down only when the average over the window, with the
load held until the next tick, would pass the limit: a short peak after quiet minutes costs nothing and is no reason to
stop anybody. The window slides, so it holds wherever the utility's own quarter begins.
"""

from typing import Any

from mine_controller.core.model.reason import CONTRACT, Advice, Event, Limit, Reason
from mine_controller.core.option import option
from mine_controller.core.power.source import load
from mine_controller.core.view import View
from mine_controller.record import NamedTuple

LAYER = CONTRACT
NEEDS = ()
PARTS = 15  # the window is kept in so many parts


class Options(NamedTuple):
    """Numbers of [demand]."""

    limit_kw: float = option(0.0, unit="kW", low=0, high=100_000, help="agreed average; 0 = no such contract")
    window_s: int = option(900, unit="s", low=300, high=3600, help="over which it is taken")
    margin_pct: float = option(3.0, unit="%", low=1, high=30, help="kept free below it")


def advise(view: View, memory: dict[str, Any], options: Options) -> Advice:
    """The ceiling for starts, and for running load when the average asks for it."""
    if not options.limit_kw:
        return Advice()
    kept, events = dict(memory), list[Event]()
    burden, limit_w, now_s = load(view), round(options.limit_kw * 1000), view.now_s
    parts = _with(kept, burden.total_w, now_s, options)
    ahead_s = max(view.image.clock.tick_s, 60)
    average_w = _average_w(parts, burden.total_w, ahead_s, options)
    target_w = int(limit_w * (100 - options.margin_pct) / 100) - burden.beside_w
    rising_w = burden.more_w - view.fleet.starting_w
    numbers = (("average_w", average_w), ("limit_w", limit_w), ("window_s", options.window_s))
    room = Reason("demand", "room", numbers)
    limits = [Limit(CONTRACT, "start_max_w", max(0, target_w - rising_w), room)]
    if average_w > limit_w * (100 - options.margin_pct / 2) / 100:
        if not kept.get("over_s"):
            events.append(Event("demand_near", "info", "site", Reason("demand", "near", numbers)))
        kept["over_s"] = now_s
    elif kept.get("over_s") and now_s - int(kept["over_s"]) >= options.window_s // 3:
        kept["over_s"] = 0
    if kept.get("over_s"):
        near = Reason("demand", "near", numbers)
        limits.append(Limit(CONTRACT, "max_power_w", max(0, target_w - rising_w), near))
        limits.append(Limit(CONTRACT, "no_start", 0, near))
    return Advice(tuple(limits), (), tuple(events), kept)


def _with(kept: dict[str, Any], total_w: int, now_s: int, options: Options) -> list[list[int]]:
    """The window's parts with this round in it: [part, watt seconds, seconds] each, oldest first.

    The load seen now counts for the time since the last look, which is never less than it was: the larger of the two.
    """
    part_s, was = options.window_s // PARTS, kept.get("parts") or []
    oldest, newest = (now_s - options.window_s) // part_s, now_s // part_s  # another length of window counts otherwise
    parts = [list(part) for part in was if oldest <= int(part[0]) <= newest]
    last_s, last_w = int(kept.get("last_s") or 0), int(kept.get("last_w") or 0)
    passed_s = now_s - last_s if last_s else 0
    if 0 < passed_s <= options.window_s:
        which = now_s // part_s
        if not parts or parts[-1][0] != which:
            parts.append([which, 0, 0])
        parts[-1][1] += max(total_w, last_w) * passed_s
        parts[-1][2] += passed_s
    kept["parts"], kept["last_s"], kept["last_w"] = parts, now_s, total_w
    return parts


def _average_w(parts: list[list[int]], total_w: int, ahead_s: int, options: Options) -> int:
    """The window's average at the next tick if the load stays; time nobody watched counts as the load now."""
    window_s = options.window_s
    left_s, energy_ws = window_s - ahead_s, total_w * ahead_s
    for _, part_ws, seconds in reversed(parts):
        taken_s = min(left_s, seconds)
        if taken_s <= 0:
            break
        energy_ws += part_ws * taken_s // seconds
        left_s -= taken_s
    return (energy_ws + total_w * max(0, left_s)) // window_s
