"""A mine that may run and is held back for long: that is told, whatever holds it. Pure."""

from typing import Any

from mine_controller.core.model.reason import Event, Reason
from mine_controller.core.view import View
from mine_controller.record import NamedTuple

NAME = "held"  # its memory
HELD_S = 3600
AIR_S = 600  # fans are only asked for once nothing else holds; so long they may take to turn
AIRLESS = ("air", "no_room")
FREE = ("RESUMING", "RUNNING", "IDLE")  # modes in which nothing is held back any more


class Held(NamedTuple):
    """Its memory, where it has one, and news."""

    memory: dict[str, dict[str, Any]]
    events: tuple[Event, ...] = ()


def watch_hold(view: View, mode: str, why: Reason) -> Held:
    """`starts_held`, with what holds it, after an hour in which nobody ran, and again when something else holds it;
    `starts_freed` when that is over.

    A climb whose first step has no air, once its fans had the time to turn, holds as well, and no rule bars it. While
    something else keeps the mine off (a curtailment, a person), what was told stands: nobody knows that it ended.
    """
    kept = dict(view.state.memory.get(NAME, {}))
    runs = view.fleet.on_n + view.fleet.starting_n > 0
    airless = mode == "RESUMING" and (why.rule, why.code) == AIRLESS
    if (mode == "HOLD" or airless) and not runs:
        kept["since_s"] = int(kept.get("since_s") or 0) or view.now_s
        kept["airless_s"] = (int(kept.get("airless_s") or 0) or view.now_s) if airless else 0
        turning = airless and view.now_s - kept["airless_s"] < AIR_S
        holds = f"{why.rule} {why.code.partition('_')[0]}"  # of the same sort as for the alarm that stands
        if turning or kept.get("told") == holds or view.now_s - kept["since_s"] < HELD_S:
            return Held({NAME: kept})
        return Held({NAME: {**kept, "told": holds}}, (Event("starts_held", "warning", "site", why),))
    if kept.get("told") and not (runs or mode in FREE):
        return Held({NAME: kept})
    over = (Event("starts_freed", "info", "site", Reason("held", "freed")),) if kept.get("told") else ()
    return Held({NAME: {}} if kept else {}, over)
