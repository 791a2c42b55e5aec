"""A person's word: the emergency stop and the outputs somebody set (SEC4, G14, G15). Lowering acts at once."""

from typing import Any

from mine_controller.core.model.reason import PERSON, SAFETY, Advice, Event, Limit, Reason, Wish
from mine_controller.core.model.state import Override
from mine_controller.core.view import View
from mine_controller.record import NamedTuple

LAYER = SAFETY
NEEDS = ()
SOON_S = 1800  # who holds an output is told so long before it is let go (safety.md 4.1, MANUAL)


class Options(NamedTuple):
    """[override] has no numbers."""


def advise(view: View, memory: dict[str, Any], options: Options) -> Advice:
    """The stop file first, then every output override in force."""
    del options
    kept = dict(memory)
    limits: list[Limit] = []
    wishes: list[Wish] = []
    events: list[Event] = []
    if view.role("stop").value == "on":
        if not kept.get("stop_s"):
            kept["stop_s"] = view.now_s
            events.append(Event("emergency_stop", "emergency", "site", _who_stopped(view)))
        reason = Reason("override", "stop", (("since_s", view.now_s - int(kept["stop_s"])),))
        limits.append(Limit(SAFETY, "max_power_w", 0, reason, "cut"))
    elif view.role("stop").value == "off" and kept.get("stop_s"):
        kept["stop_s"] = 0
        events.append(Event("emergency_stop_over", "warning", "site", Reason("override", "resumed")))
    elif kept.get("stop_s"):
        limits.append(Limit(SAFETY, "max_power_w", 0, Reason("override", "stop", (("since_s", 0),)), "cut"))
    for override in view.state.overrides:
        if override.kind == "output":
            _output(view, override, limits, wishes)
        elif override.kind == "setting":
            key, _, name = override.key.partition(".")
            wishes.append(Wish(PERSON, f"{key} {name}", override.value, _why(override)))
    _ends_soon(view, kept, events)
    return Advice(tuple(limits), tuple(wishes), tuple(events), kept)


def _who_stopped(view: View) -> Reason:
    """Who and why, where the audit row of the stop came with it; a switch or a file that was touched has none."""
    asked = next((one for one in view.image.requests if one.verb == "emergency-stop"), None)
    if asked is None:
        return Reason("override", "stop")
    return Reason("override", "stop_by", (("actor", asked.actor), ("text", asked.reason or "no reason given")))


def _ends_soon(view: View, kept: dict[str, Any], events: list[Event]) -> None:
    """Told once of each that was given for longer than that. `later`: key -> its end, of those whose end was far."""
    known = kept.pop("later", {})
    later = {}
    for override in view.state.overrides:
        left_s = override.until_s - view.now_s
        if override.until_s and left_s > SOON_S:
            later[override.key] = override.until_s
        elif override.until_s and known.get(override.key) == override.until_s:
            numbers = (("actor", override.actor), ("key", override.key), ("value", override.value), ("left_s", left_s))
            events.append(Event("override_ends", "warning", override.key, Reason("override", "ends", numbers)))
    if later:
        kept["later"] = later


def _output(view: View, override: Override, limits: list[Limit], wishes: list[Wish]) -> None:
    reason = _why(override)
    key, _, name = override.key.partition(".")
    if key == "miners" and override.value == "stop":
        limits.append(Limit(PERSON, "max_power_w", 0, reason))
    elif key == "miner" and override.value == "stop":
        limits.append(Limit(PERSON, f"off {name}", 0, reason))
        limits.append(Limit(PERSON, f"ban {name}", 0, reason))
    elif key == "max_power_kw":
        limits.append(Limit(PERSON, "max_power_w", round(float(override.value) * 1000), reason))
    elif key == "fans":
        limits.append(Limit(PERSON, "fans_min", min(int(override.value), len(view.wiring.fans)), reason))
    elif key in ("fan", "miner", "miners"):
        wishes.append(Wish(PERSON, f"{key} {name}".strip(), override.value, reason))


def _why(override: Override) -> Reason:
    return Reason(
        "override",
        "set",
        (("key", override.key), ("value", override.value), ("actor", override.actor), ("text", override.reason)),
    )
