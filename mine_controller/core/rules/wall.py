"""The evaporative wall: its pump by temperature, humidity and what must never be run without (HUM3).

It goes on when the inlet is warm and the air can still take water, off when the inlet is cool or the air is nearly
full: the band between keeps it from cycling. Its interlocks don't wait: an empty tank, water on the floor, smoke, no
proven air, nobody mining, an inlet or a humidity nobody knows. Wet cloth cools for minutes after the pump has stopped.
A pump that runs and cools nothing is told, and every fan runs meanwhile; what the heat then asks for is the ladder's.
"""

from typing import Any

from mine_controller.core.model.reason import EQUIPMENT, Advice, Event, Limit, Reason, Wish
from mine_controller.core.option import option
from mine_controller.core.outputs.left import shown
from mine_controller.core.view import View
from mine_controller.record import NamedTuple

LAYER = EQUIPMENT
NEEDS = ("inlet_c", "humidity_pct")
DRY_PCT = 65.0  # drier than this behind a wet wall it is none: good ones leave 80 to 92 %
DRY_K = 1.5  # and this much below outside is the least that a wet one makes of such air


class Options(NamedTuple):
    """Numbers of [wall]; the relay of its pump stands in [wiring]."""

    on_c: float = option(30.0, unit="°C", low=20, high=36, help="the pump starts at this inlet")
    off_c: float = option(26.0, unit="°C", low=10, high=34, help="and stops at this one")
    humidity_on_pct: float = option(70.0, unit="%", low=30, high=80, help="it starts only in air drier than this")
    humidity_off_pct: float = option(85.0, unit="%", low=50, high=85, help="and stops above this")
    least_s: int = option(300, unit="s", low=60, high=3600, help="on or off at least so long; interlocks don't wait")
    soak_s: int = option(900, unit="s", low=300, high=3600, help="running so long without cooling: dry, or the pump")


def check(options: Options) -> tuple[str, ...]:
    """Both bands must be open."""
    wrong = ["off_c: must be at least 1 K below on_c"] if options.off_c > options.on_c - 1 else []
    if options.humidity_on_pct >= options.humidity_off_pct:
        wrong.append("humidity_on_pct: must be below humidity_off_pct")
    return tuple(wrong)


def holds(memory: dict[str, Any]) -> bool:
    """True while the pump may run: the rule is asked then also where the config has lost what it judges by."""
    return bool(memory.get("relay"))


def advise(view: View, memory: dict[str, Any], options: Options) -> Advice:
    """The pump on or off, and whether it does anything."""
    if not view.wiring.wall:
        return Advice()
    kept, events = dict(memory), list[Event]()
    kept["relay"] = view.wiring.wall
    if not any(map(view.wired, NEEDS)) and not kept.get("on") and shown(view, view.wiring.wall) == "off":
        return Advice()
    reason = _turn(view, kept, options)
    limits = _watch(view, kept, options, events)
    wish = Wish(EQUIPMENT, "wall", "on" if kept.get("on") else "off", reason)
    return Advice(tuple(limits), (wish,), tuple(events), kept)


def _turn(view: View, kept: dict[str, Any], options: Options) -> Reason:
    """Decide the pump; why it is as it is."""
    was, held_s = bool(kept.get("on")), view.now_s - int(kept.get("since_s") or 0)
    locked = _locked(view)
    if locked:
        return _set(view, kept, locked, on=False)
    inlet_c, humidity_pct = view.number("inlet_c") or 0.0, view.number("humidity_pct") or 0.0
    if was and humidity_pct > options.humidity_off_pct:
        return _set(view, kept, "humid", on=False)
    if held_s >= options.least_s or not kept.get("since_s"):
        if was and inlet_c <= options.off_c:
            return _set(view, kept, "cool", on=False)
        if not was and inlet_c >= options.on_c and humidity_pct <= options.humidity_on_pct:
            return _set(view, kept, "warm", on=True)
    return _set(view, kept, _staying(was, inlet_c, humidity_pct, kept, options), on=was)


def _staying(was: bool, inlet_c: float, humidity_pct: float, kept: dict[str, Any], options: Options) -> str:
    """Why it stays as it is, by what is measured now: what once stopped it may be long over."""
    if was:
        return "warm"
    if inlet_c < options.on_c:
        return "cool"
    return "damp" if humidity_pct > options.humidity_on_pct else str(kept.get("why") or "cool")


def _locked(view: View) -> str:
    """What forbids the pump, by the code of its sentence; "" nothing. Not knowing forbids."""
    if view.number("inlet_c") is None or view.number("humidity_pct") is None:
        return "unknown"
    if view.wired("tank") and view.role("tank").value != "ok":
        return "tank"
    if "alarm" in (view.role("water").value, view.role("smoke").value):
        return "hazard"
    if not view.fleet.on_n and not view.fleet.starting_n:
        return "idle"
    return "" if view.proven_fans else "no_air"


def _set(view: View, kept: dict[str, Any], code: str, *, on: bool) -> Reason:
    if on != bool(kept.get("on")) or not kept.get("since_s"):
        kept["on"], kept["since_s"] = int(on), view.now_s
    kept["why"] = code
    inlet_c, humidity_pct = view.number("inlet_c"), view.number("humidity_pct")
    numbers = (
        ("inlet_c", inlet_c if inlet_c is not None else "unknown"),
        ("humidity_pct", humidity_pct if humidity_pct is not None else "unknown"),
    )
    return Reason("wall", code, numbers)


def _watch(view: View, kept: dict[str, Any], options: Options, events: list[Event]) -> list[Limit]:
    """HUM3: the pump has run for long enough, and dry air comes in as warm as it is outside."""
    inlet_c, outside_c = view.number("inlet_c"), view.number("ambient_c")
    humidity_pct = view.number("humidity_pct")
    known = inlet_c is not None and outside_c is not None and humidity_pct is not None
    dry = known and (inlet_c or 0.0) > (outside_c or 0.0) - DRY_K and (humidity_pct or 0.0) < DRY_PCT
    soaked = bool(kept.get("on")) and view.now_s - int(kept["since_s"]) >= options.soak_s
    numbers = (("inlet_c", inlet_c or 0.0), ("outside_c", outside_c or 0.0))
    if dry and soaked and not kept.get("dry_told"):
        kept["dry_told"] = 1
        events.append(Event("wall_dry", "warning", "wall", Reason("wall", "dry", numbers)))
    elif kept.get("dry_told") and known and (not dry or not kept.get("on")):
        kept["dry_told"] = 0
        events.append(Event("wall_wet", "info", "wall", Reason("wall", "wet", numbers)))
    if not kept.get("dry_told"):
        return []
    return [Limit(EQUIPMENT, "fans_min", len(view.wiring.fans), Reason("wall", "dry", numbers))]
