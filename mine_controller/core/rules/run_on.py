"""Fans run on after the miners stop (CMD10, O10, G6): air goes down only when the miners are measured dark long enough,
and not where a fifth of them said then that they hash, until nearly all have said otherwise (PDU4); nor while the site
meter shows a fifth of the mine more than outlets and fans account for (MET2). Then it goes down step by step
(outputs/descent.py).

With the container fans off and the miners' own fans still turning, hot air recirculates and the inlet climbs to 57 °C.
"""

from typing import Any

from mine_controller.core.fleet import dark_but
from mine_controller.core.model.reason import EQUIPMENT, Advice, Limit, Reason
from mine_controller.core.option import option
from mine_controller.core.outputs import descent
from mine_controller.core.view import View
from mine_controller.record import NamedTuple

LAYER = EQUIPMENT
NEEDS = ()
HIDDEN_SHARE = 5


class Options(NamedTuple):
    """Numbers of [run_on]."""

    run_on_s: int = option(600, unit="s", low=300, high=7200, help="fans stay on this long after the miners are dark")
    fans: int = option(2, low=2, high=32, help="how many at least")
    cold_c: float = option(5.0, unit="°C", low=-10, high=5, help="inlet below which fans may go down earlier")


def advise(view: View, memory: dict[str, Any], options: Options) -> Advice:
    """No fan down until dark for run_on_s, or cold; nor while watts and words contradict. Then step by step."""
    if not view.wiring.fans:
        return Advice()
    fleet, now_s = view.fleet, view.now_s
    idle = fleet.miners_w < max(fleet.nominal_w // 20, fleet.standby_w * 11 // 10)
    dark = fleet.unknown == 0 and idle
    doubt, shown = dark and _doubted(view, memory, options), dark and _is_shown(view)
    dark = dark and not doubt and not shown
    since = (int(memory.get("dark_s") or 0) or now_s) if dark else 0
    dark_s = now_s - since if dark else 0
    kept: dict[str, Any] = {
        "dark_s": since,
        "lit": 1 if not dark or (memory.get("lit") and dark_s < options.run_on_s) else 0,
    }
    if doubt:
        kept["doubt"] = 1
    limits = []
    inlet_c = view.number("inlet_c")  # the voted one: a single probe that shows frost takes no air away
    cold = inlet_c is not None and inlet_c < options.cold_c
    if doubt or shown or (not cold and (not dark or dark_s < options.run_on_s)):
        reason = Reason("run_on", "lit" if not dark else "running_on", (("left_s", options.run_on_s - dark_s),))
        if shown:
            apart = (("meter_w", fleet.meter_w or 0), ("sum_w", fleet.miners_w + fleet.fans_most_w))
            reason = Reason("run_on", "shown", apart)
        elif doubt:
            said = (("miners", dark_but(view.image, fleet, "hashing", None)), ("of", fleet.size))
            reason = Reason("run_on", "doubted", said)
        if not cold:  # there fewer are the heater
            limits.append(Limit(EQUIPMENT, "no_fan_down", 0, reason))
        if kept["lit"]:
            floor = min(options.fans, len(view.wiring.fans))
            limits.append(Limit(EQUIPMENT, "fans_min", floor, reason))
    before = memory.get("way") or {}
    down = dark and not limits
    way = descent.go_down(view, before) if down else descent.halt(before, lit=fleet.unknown == 0 and not idle)
    if way.kept:
        kept["way"] = way.kept
    return Advice((*limits, *way.limits), (), way.events, kept)


def _is_shown(view: View) -> bool:
    """Whether the site meter has so much that no outlet shows: PDUs that lie may feed miners that say nothing."""
    fleet = view.fleet
    if fleet.meter_w is None or not fleet.nominal_w:
        return False
    return (fleet.meter_w - fleet.fans_most_w - fleet.miners_w) * HIDDEN_SHARE >= fleet.nominal_w


def _doubted(view: View, memory: dict[str, Any], options: Options) -> bool:
    """Whether a fifth still said that they hash when the outlets had shown nothing for run_on_s, and more than a
    twentieth says so now, or nothing."""
    count, dark_s = view.fleet.size, int(memory.get("dark_s") or 0)
    if memory.get("doubt"):
        return dark_but(view.image, view.fleet, "hashing", None) * 20 > count
    long = bool(dark_s) and view.now_s - dark_s >= options.run_on_s
    return long and dark_but(view.image, view.fleet, "hashing") * 5 > count
