"""Smoke or water: everything off at the outlets, at once; on smoke the fans too (HW3).

Latched until the contact is good again and a person resumes. A contact that is taken out of the config meanwhile can
show nothing any more: then it is the person's word alone.
"""

from typing import Any

from mine_controller.core.model.reason import SAFETY, Advice, Event, Limit, Reason
from mine_controller.core.option import option
from mine_controller.core.view import View
from mine_controller.record import NamedTuple

LAYER = SAFETY
NEEDS = ("smoke", "water")


class Options(NamedTuple):
    """Numbers of [hazard]."""

    fans_off_on_smoke: bool = option(True, help="smoke stops the container fans too: air feeds a fire")


def holds(memory: dict[str, Any]) -> bool:
    """True while a person has to free something: the rule is asked then also where the config has neither contact."""
    return any(memory.get(what) for what in NEEDS)


def advise(view: View, memory: dict[str, Any], options: Options) -> Advice:
    """Latch on the first reading that says alarm; unknown neither latches nor releases."""
    limits: list[Limit] = []
    events: list[Event] = []
    kept = dict(memory)
    airless = options.fans_off_on_smoke and bool(view.wiring.fans)
    told = {"smoke": "smoke" if airless else "smoke_only", "water": "water"}  # of fans that stay nothing is said
    for what in NEEDS:
        value = view.role(what).value
        if value == "alarm" and not kept.get(what):
            kept[what] = view.now_s
            events.append(Event(what, "emergency", "site", Reason("hazard", told[what])))
        elif value == "ok" and kept.get(what) and view.lets_go(what, "site"):
            kept[what] = 0
            events.append(Event(f"{what}_cleared", "info", "site", Reason("hazard", f"{what}_cleared")))
        elif kept.get(what) and not view.wired(what) and view.lets_go(what, "site"):
            kept[what] = 0
            events.append(Event(f"{what}_cleared", "info", "site", Reason("hazard", f"{what}_absent")))
        if kept.get(what) and value == "ok":
            kept.setdefault(f"{what}_good_s", view.now_s)
        else:
            kept.pop(f"{what}_good_s", None)
        if kept.get(what):
            how = "_held" if value == "ok" else "" if view.wired(what) else "_gone"
            since = (("since_s", view.now_s - int(kept[what])),)
            good = (("good_s", view.now_s - int(kept[f"{what}_good_s"])),) if how == "_held" else ()
            reason = Reason("hazard", told[what] + how, (*since, *good))
            limits.append(Limit(SAFETY, "max_power_w", 0, reason, "cut"))
            if what == "smoke" and options.fans_off_on_smoke:
                limits.append(Limit(SAFETY, "fans_max", 0, reason, "cut"))
    return Advice(tuple(limits), (), tuple(events), kept)
