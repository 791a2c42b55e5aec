"""Whether what an alarm is about is still there. Pure.

Most alarms of rules and outputs end by an event of whoever raised them. When its section, fan, line, pool or miner is
taken out of the config or of fleet.csv, nobody is left to send that event, and the alarm would stand for ever.
"""

from collections.abc import Callable, Container, Mapping
from typing import Any

from mine_controller.core.alarms.catalogue import kind_of
from mine_controller.core.rules import NAMES
from mine_controller.core.stuck import probes
from mine_controller.core.view import View

Things = Callable[[View], Container[str]]


def _fans(view: View) -> Container[str]:
    return {f"fan {spec.name}" for spec in view.wiring.fans}


def _miners(view: View) -> Container[str]:
    return {spec.id for spec in view.wiring.miners}


def _compares(view: View) -> bool:
    return bool(view.wiring.fans or view.state.memory.get("cap", {}).get("nought_s"))


# What alarms of one kind can be about, where those who raise them look at each thing by itself.
_THINGS: dict[str, Things] = {
    "fan_fault": _fans,
    "fan_welded": _fans,
    "sensor_stuck": lambda view: {key.rpartition(":")[0] for key in probes(view.wiring)},
    "uplink_down": lambda view: {spec.name for spec in view.wiring.uplinks},
    "pool_down": lambda view: {pool.name for pool in view.pools},
    "start_failed": _miners,
    "stranger": _miners,
    "starts_held": lambda _: ("site",),  # told with the reason of whoever holds; core/held.py tells its end
    "meters_disagree": lambda view: {"site"} if view.wired("site_power_w") and _compares(view) else (),
}


def without(view: View, memory: Mapping[str, dict[str, Any]]) -> frozenset[str]:
    """Keys of alarms, open or pending, that nobody could end any more. `memory`: what each rule of this config keeps
    after this round; a rule that keeps nothing does not know that it raised anything."""
    pending = (view.state.last.get("alarm_book") or {}).get("pending") or {}
    known = (*pending.items(), *view.state.alarms.items())
    return frozenset(key for key, alarm in known if _is_moot(alarm, view, memory))


def _is_moot(alarm: Mapping[str, Any], view: View, memory: Mapping[str, dict[str, Any]]) -> bool:
    kind, about = str(alarm.get("kind")), str(alarm.get("about"))
    if alarm.get("level") or not kind_of(kind).over:
        return False
    if kind in _THINGS:
        return about not in _THINGS[kind](view)
    if kind == "rule_failed":
        return about in NAMES and about not in memory
    rule = next(iter(alarm.get("reason") or ()), "")
    return rule in NAMES and not memory.get(rule)
