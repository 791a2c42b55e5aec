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
CLIMBED_S = 3600  # so long those that were on run then, before the next attempt


class Way(NamedTuple):
    """What is kept of it, and what it asks for."""

    kept: dict[str, Any]
    limits: tuple[Limit, ...] = ()
    events: tuple[Event, ...] = ()


def go_down(view: View, before: dict[str, Any]) -> Way:
    """One round of it.

    Kept: `of`, how many fans were on, and `from_c`, the inlet, when it began; `left`, how many stay, since `step_s`;
    or, where the inlet climbed, `to_c` and `climbed_s`. `told`: the owner knows of that.
    """
    now_s, inlet_c = view.now_s, view.number("inlet_c")
    if "climbed_s" in before and now_s - int(before["climbed_s"]) < CLIMBED_S:
        return Way(before, _stay(before))
    told = {"told": 1} if before.get("told") else {}
    kept: dict[str, Any] = {"of": _on(view), "left": _on(view), "step_s": 0, **told}
    if "left" in before:
        kept = dict(before)
    kept["from_c"] = inlet_c if kept.get("from_c") is None else kept["from_c"]
    rests = now_s - int(kept["step_s"]) < STEP_S
    if (kept["left"] or rests) and _climbs(view, kept["from_c"]):
        kept = {"of": kept["of"], "from_c": kept["from_c"], "to_c": inlet_c, "climbed_s": now_s, "told": 1}
        return Way(kept, _stay(kept), () if told else (_event(view, kept),))
    if kept["left"] and not rests and view.image.clock.opening and (inlet_c is not None or not view.wired("inlet_c")):
        kept.update(left=max(0, kept["left"] - -(-len(view.wiring.fans) // STEPS)), step_s=now_s)
    elif told and not kept["left"] and not rests:
        del kept["told"]
        return Way(kept, (), (_over("cool"),))
    step = Limit(EQUIPMENT, "fans_min", kept["left"], Reason("run_on", "going_down", (("fans", kept["left"]),)))
    return Way(kept, (step,) if kept["left"] else ())


def halt(before: dict[str, Any], *, lit: bool) -> Way:
    """No way down in this round; `lit`: the outlets show that miners draw, so that there is nothing to doubt."""
    if lit and before.get("told"):
        return Way({}, (), (_over("lit"),))
    return Way({"told": 1} if before.get("told") else {})


def _on(view: View) -> int:
    return sum(fan.on is not False for fan in view.image.fans)


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
