"""Outputs that were on by our word when [wiring] lost them: a pump that no interlock reaches, a siren nobody darkens.

They are not commanded: by now that relay may drive something else. People are told, until it shows off, is wired again
or one of them has seen to it. Pure.
"""

from typing import Any

from mine_controller.core.model.quantity import TEXT_MAX_AGE_S
from mine_controller.core.reach import commandable
from mine_controller.core.view import View

NAME = "left"  # of what it remembers: relay -> the output that it was
STUCK = {"wall": "pump_stuck", "lamp": "lamp_stuck"}  # rules' memory and the alarm of its output


def left(view: View) -> dict[str, dict[str, Any]]:
    """The memory of them by its name, nothing where there is none. Those who switch them remember `on` and `relay`."""
    if not view.site.live:
        return {}
    rows: dict[str, Any] = dict(view.state.memory.get(NAME, {}))
    for what in STUCK:
        kept = view.state.memory.get(what, {})
        if kept.get("on") and kept.get("relay"):
            rows[kept["relay"]] = what
    if not rows:
        return {}
    wiring = view.wiring
    wired = {wiring.wall, wiring.lamp, *(fan.switch for fan in wiring.fans), *(miner.outlet for miner in wiring.miners)}
    still = {relay: what for relay, what in rows.items() if relay not in wired and _may_run(view, relay, what)}
    return {NAME: still} if still else {}


def shown(view: View, relay: str) -> str:
    """What a relay says of itself: on, off or unknown."""
    seen = view.image.channels.get(f"{relay}:switch")
    known = seen is not None and not seen.why and view.now_s - seen.at_s <= TEXT_MAX_AGE_S
    return str(seen.value) if seen is not None and known else "unknown"


def _may_run(view: View, relay: str, what: str) -> bool:
    ours = commandable(view, relay.partition("/")[0])
    return ours and shown(view, relay) != "off" and not view.lets_go(STUCK[what], relay)
