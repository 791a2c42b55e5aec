"""The first scans after a boot, a restore or a long gap: adopt what is measured, start nothing (INIT, PRO8, HW2)."""

from typing import Any

from mine_controller.core.fleet import wordy
from mine_controller.core.model.reason import EQUIPMENT, Advice, Event, Limit, Reason
from mine_controller.core.option import option
from mine_controller.core.view import View
from mine_controller.record import NamedTuple

LAYER = EQUIPMENT
NEEDS = ()
GAP_S = 600


class Options(NamedTuple):
    """Numbers of [boot]."""

    scans: int = option(2, low=2, high=10, help="ticks in a row with good inputs before anything may start")
    hold_after_s: int = option(1200, unit="s", low=240, high=7200, help="still no good inputs after this: told")
    boots_per_hour: int = option(3, low=2, high=10, help="this many boots in an hour: nothing starts for half an hour")


def advise(view: View, memory: dict[str, Any], options: Options) -> Advice:
    """No start until two ticks in a row saw every needed input."""
    kept: dict[str, Any] = dict(memory)
    events: list[Event] = []
    clock, now_s = view.image.clock, view.now_s
    gap = now_s - int(kept.get("tick_s") or 0) > max(GAP_S, 2 * clock.tick_s) if kept.get("tick_s") else True
    if clock.rebooted or gap:
        boots = [at for at in kept.get("boots") or [] if now_s - at < 3600]
        told = {"told": 1} if kept.get("told") and not kept.get("done") else {}  # its end is still to be told
        kept = {"boots": [*boots, now_s], "init_s": now_s, "good": 0, "good_s": 0} | told
        events.append(Event("restarted", "info", "controller", Reason("boot", "restarted")))
    kept["tick_s"] = now_s
    if clock.stepped:
        events.append(Event("clock_step", "warning", "controller", Reason("boot", "clock_step")))
    limits = _limits(view, kept, options, events)
    if clock.stepped:
        limits.append(Limit(EQUIPMENT, "no_start", 0, Reason("boot", "clock_step")))
    return Advice(tuple(limits), (), tuple(events), kept)


def _limits(view: View, kept: dict[str, Any], options: Options, events: list[Event]) -> list[Limit]:
    now_s = view.now_s
    if kept.get("done"):
        return []
    missing = _missing(view)
    if view.image.clock.opening:
        kept["good"] = 0 if missing else int(kept.get("good") or 0) + 1
    storm = len(kept.get("boots") or []) >= options.boots_per_hour and now_s - int(kept["init_s"]) < 1800
    if int(kept.get("good") or 0) >= options.scans and not storm:
        kept["done"] = 1
        if kept.get("told"):
            events.append(Event("inputs_back", "info", "controller", Reason("boot", "inputs_back")))
        return []
    since_s = now_s - int(kept.get("init_s") or now_s)
    if since_s >= options.hold_after_s and missing and not kept.get("told"):
        kept["told"] = 1
        events.append(Event("inputs_missing", "warning", "controller", Reason("boot", "missing", (("what", missing),))))
    code = "storm" if storm else "first_scan"
    reason = Reason(
        "boot", code, (("good", int(kept.get("good") or 0)), ("scans", options.scans), ("missing", missing))
    )
    return [Limit(EQUIPMENT, "no_start", 0, reason)]


def _missing(view: View) -> str:
    """The inputs a start needs and that are not known now, as a comma list."""
    missing = [name for name in ("signal", "inlet_c") if view.wired(name) and view.role(name).value is None]
    if view.wiring.fans and all(fan.watts is None for fan in view.image.fans):
        missing.append("fan watts")
    metered = [not wordy(spec, view.image, at) for at, spec in enumerate(view.wiring.miners)]
    if view.fleet.measured_w is None and any(metered):
        missing.append("miner watts")
    return ", ".join(missing)
