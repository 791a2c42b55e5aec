"""Open alarms, kept by key from the events that raise and clear them. Pure. (Delivery is not decided here.)"""

from typing import Any

from mine_controller.core.model.reason import Event

# raising kind -> the kinds that clear it. A kind that nothing clears leaves the list after a day.
CLEARED_BY: dict[str, tuple[str, ...]] = {
    "signal_blind": ("signal_back",),
    "curtail_unproven": ("curtailed", "curtail_report"),
    "heat_shed": ("heat_shed_over",),
    "heat_stop": ("heat_stop_over",),
    "inlet_blind": ("inlet_back",),
    "air_lost": ("air_back",),
    "air_short": ("air_back",),
    "fan_fault": ("fan_back",),
    "fan_welded": ("fan_freed",),
    "sensor_stuck": ("sensor_moves",),
    "two_writers": ("one_writer",),
    "over_cap": ("over_cap_cleared",),
    "smoke": ("smoke_cleared",),
    "water": ("water_cleared",),
    "emergency_stop": ("emergency_stop_over",),
    "rule_failed": ("rule_back",),
    "fan_meter_blind": ("fan_meter_back",),
    "recirculating": ("recirculating_over",),
    "meters_disagree": ("meters_agree",),
    "inputs_missing": ("inputs_back",),
    "ramp_failed": ("ramp_again",),
    "watts_implausible": ("watts_plausible",),
}
NO_ALARM = frozenset({"signal_changed", "curtail", "curtail_long", "clock_step", "emergency_stop_over"})
ONE_BY_ONE = frozenset({"sensor_stuck", "two_writers", "rule_failed"})
LONGEST_S = 86_400


def keep(alarms: dict[str, dict[str, Any]], events: tuple[Event, ...], now_s: int) -> dict[str, dict[str, Any]]:
    """The open alarms after these events. Severity only rises while one is open."""
    if not events and not alarms:
        return alarms
    out = {
        key: alarm
        for key, alarm in alarms.items()
        if key.split(" ")[0] in CLEARED_BY or now_s - alarm["since_s"] < LONGEST_S
    }
    for event in events:
        cleared = [
            key for key, alarm in out.items() if event.kind in CLEARED_BY.get(alarm["kind"], ()) and _same(event, alarm)
        ]
        for key in cleared:
            del out[key]
        if event.severity == "info" or event.kind in NO_ALARM:
            continue
        key = f"{event.kind} {event.about}"
        was = out.get(key)
        out[key] = {
            "kind": event.kind,
            "about": event.about,
            "severity": "emergency" if was and was["severity"] == "emergency" else event.severity,
            "since_s": was["since_s"] if was else now_s,
            "reason": [event.reason.rule, event.reason.code, [list(pair) for pair in event.reason.numbers]],
        }
    return out


def _same(event: Event, alarm: dict[str, Any]) -> bool:
    """What has a name of its own clears one by one; everything else clears by kind."""
    single = alarm["kind"] in ONE_BY_ONE or str(alarm["about"]).startswith("fan ")
    return not single or event.about == alarm["about"]
