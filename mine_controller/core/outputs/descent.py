"""The way of the fans down over a dark mine: step by step, and back up where the inlet climbs with them (decision 25).

Heat is a witness that no outlet can talk out of it: where every PDU shows 0 W of miners that run on, nobody hears
them and no meter tells, all fans but one went off at once, and the machines tripped within two minutes.
"""

from typing import Any

from mine_controller.core.model.reason import EQUIPMENT, Event, Limit, Reason
from mine_controller.core.shed import SIGNAL
from mine_controller.core.view import View
from mine_controller.record import NamedTuple

STEP_S, STEPS = 115, 5  # a fifth of the fans a step, and one step a tick of two minutes at most
# A running mine with half its air brings some 6 K of its heat back, and probes show it slowly. What else warms a dark
# one in these few minutes (the sun, a wet wall that has just stopped) takes its inlet hardly above outside.
CLIMB_K, ABOVE_K = 3.0, 4.0
WATCH_S = 240  # so long after the last of them an inlet that climbs is laid to the fans
CLIMBED_S = 3600  # so long those that were on run then, before the next attempt


class Way(NamedTuple):
    """What is kept of it, and what it asks for."""

    kept: dict[str, Any]
    limits: tuple[Limit, ...] = ()
    events: tuple[Event, ...] = ()


def go_down(view: View, before: dict[str, Any]) -> Way:
    """One round of it.

    Kept: `of`, how many fans were on when it began, `on` at the last look, since `moved_s`; `from_c`, the inlet before
    they moved; `left`, how many are to stay, since `step_s`; or, where the inlet climbed, `to_c` and `climbed_s`.
    `told`: the owner knows of that, and so many fans were on when it climbed. More fans on than at the last look (a
    start that no outlet shows, a hot hour) begin it anew, and those that something else keeps on wait for their step.
    """
    now_s, inlet_c = view.now_s, view.number("inlet_c")
    if "climbed_s" in before and now_s - int(before["climbed_s"]) < CLIMBED_S:
        return Way(before, _stay(before))
    kept = _looked_at(view, before)
    moving = now_s - int(kept["moved_s"]) < _watch_s(view)
    if moving and _climbs(view, kept["from_c"]):
        told, few = kept.get("told"), max(1, kept["on"])
        kept = {"of": kept["of"], "from_c": kept["from_c"], "to_c": inlet_c, "climbed_s": now_s, "told": few}
        return Way(kept, _stay(kept), () if told else (_event(view, kept),))
    left = max(0, kept["on"] - -(-len(view.wiring.fans) // STEPS))
    seen = inlet_c is not None or not view.wired("inlet_c")
    if seen and left != kept["left"] and now_s - int(kept["step_s"]) >= STEP_S and view.image.clock.opening:
        kept.update(left=left, step_s=now_s)
    events: tuple[Event, ...] = ()
    if inlet_c is not None and not moving and kept["on"] <= kept.get("told", -1):  # idle_fans may keep some for good
        del kept["told"]
        events = (_over("cool"),)
    if not kept["left"]:
        return Way(kept, (), events)
    reason = Reason("run_on", "going_down", (("fans", kept["left"]),))
    return Way(kept, (Limit(EQUIPMENT, "fans_min", kept["left"], reason),), events)


def _watch_s(view: View) -> int:
    """With ticks of ten minutes the next one is the first that can see what the last step did."""
    return max(WATCH_S, 2 * view.image.clock.tick_s)


def _looked_at(view: View, before: dict[str, Any]) -> dict[str, Any]:
    """What is kept, with how many fans are on now. While none moves, the inlet is that of before the next one does.

    A relay that is silent counts as on, but is none that came on: its board's silence would have all of them run.
    """
    now_s, inlet_c, on = view.now_s, view.number("inlet_c"), sum(fan.on is not False for fan in view.image.fans)
    if "left" in before and sum(fan.on is True for fan in view.image.fans) <= before["on"]:
        on = min(on, before["on"])
    if "left" not in before or on > before["on"]:
        told = {"told": before["told"]} if before.get("told") else {}
        return {"of": on, "on": on, "moved_s": now_s, "from_c": inlet_c, "left": on, "step_s": 0, **told}
    moved_s = now_s if on < before["on"] else before["moved_s"]
    fresh = inlet_c is not None and (before["from_c"] is None or now_s - int(moved_s) >= _watch_s(view))
    return {**before, "on": on, "moved_s": moved_s, "from_c": inlet_c if fresh else before["from_c"]}


def halt(before: dict[str, Any], *, lit: bool) -> Way:
    """No way down in this round; `lit`: the outlets show that miners draw, so that there is nothing to doubt."""
    if lit and before.get("told"):
        return Way({}, (), (_over("lit"),))
    return Way({"told": before["told"]} if before.get("told") else {})


def _climbs(view: View, from_c: float | None) -> bool:
    inlet_c, outside_c = view.number("inlet_c"), view.number("ambient_c")
    if inlet_c is None or from_c is None or inlet_c - from_c < CLIMB_K:
        return False
    return outside_c is None or inlet_c - outside_c >= ABOVE_K


def _stay(kept: dict[str, Any]) -> tuple[Limit, ...]:
    return (Limit(EQUIPMENT, "fans_min", int(kept["of"]), _climbed(kept)),)


def _climbed(kept: dict[str, Any]) -> Reason:
    return Reason("run_on", "climbed", (("from_c", kept["from_c"]), ("to_c", kept["to_c"])))


def _event(view: View, kept: dict[str, Any]) -> Event:
    """It is the proof of a curtailment that is in doubt, where there is one."""
    shed = view.state.shed
    curtailed = shed is not None and shed.cause == SIGNAL and shed.ended_s is None
    return Event("dark_but_hot", "emergency" if curtailed else "warning", "site", _climbed(kept))


def _over(code: str) -> Event:
    return Event("dark_and_cool", "info", "site", Reason("run_on", code))
