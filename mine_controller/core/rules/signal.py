"""The utility's power signal, and what its silence means (SIG1-SIG7, O1, O2, O18).

One valid "off" curtails. "Run" counts again after `confirm` equal readings at different times, `release_hold_s` after
the site was proven curtailed, and a delay of 0..jitter_s that is fixed for each event (the whole co-op comes back at
once).
A page that can't be read keeps its last word for `grace_s`; then the site is curtailed as blind.
"""

from typing import Any

from mine_controller.core.model.reading import Value
from mine_controller.core.model.reason import CONTRACT, Advice, Event, Limit, Reason
from mine_controller.core.option import option
from mine_controller.core.view import View
from mine_controller.record import NamedTuple

LAYER = CONTRACT
NEEDS = ("signal",)
WHY = 120  # letters of a reason: at its end stands where a sample of the page lies
STEP_S = 120  # "a tick" of the contract, however fast the site
STAND_IN = "stand-in"
TEST = "test by "  # how core/overrides.py names the source of a value set by hand


class Options(NamedTuple):
    """Numbers of the contract, in [signal]."""

    grace_s: int = option(360, unit="s", low=120, high=3600, help="how long a silent page is believed")
    notice_s: int = option(600, unit="s", low=240, high=86400, help="notice the contract gives; grace_s <= this - 240")
    obey_within_s: int = option(300, unit="s", low=120, high=3600, help="measured power must be down this soon")
    confirm: int = option(2, low=2, high=10, help="equal readings before `run` is believed again")
    release_hold_s: int = option(600, unit="s", low=0, high=86400, help="stay curtailed at least this long")
    jitter_s: int = option(300, unit="s", low=0, high=1800, help="longest extra delay before coming back")
    fail_safe: str = option("off", choices=("off", "hold"), help="after the grace: off, or hold at your own risk")
    warn_after_s: int = option(28_800, unit="s", low=3600, high=604800, help="an event longer than this is told")


def check(options: Options) -> tuple[str, ...]:
    """The grace must leave two ticks to obey in."""
    wrong = []
    if options.grace_s > options.notice_s - 240:
        wrong.append(f"grace_s must be at most notice_s - 240 = {options.notice_s - 240}")
    if options.obey_within_s > options.notice_s:
        wrong.append("obey_within_s must be at most notice_s")
    return tuple(wrong)


def advise(view: View, memory: dict[str, Any], options: Options) -> Advice:
    """Curtail, hold, or leave free."""
    kept: dict[str, Any] = dict(memory)
    events: list[Event] = []
    value = _believed(view)
    if value.value in ("run", "warn", "off"):
        _take(view, kept, value, options, events)
    limits = _blind(view, kept, value, options, events)
    if kept.get("off_s"):
        limits += _curtail(view, kept, value, options, events)
    return Advice(tuple(limits), (), tuple(events), kept)


def _believed(view: View) -> Value:
    """The page's word; a person's stand-in while it is unknown; a person's word against it with the typed phrase."""
    value = view.role("signal")
    for override in view.state.overrides:
        if override.key == "signal" and override.kind == "penalty":
            return Value("run", view.now_s, override.actor, "accepted penalty")
    if value.value is None:
        for override in view.state.overrides:
            if override.key == "signal" and override.kind == "person" and override.value in ("run", "off"):
                return Value(override.value, view.now_s, f"{override.actor}", STAND_IN)
    return value


def _take(view: View, kept: dict[str, Any], value: Value, options: Options, events: list[Event]) -> None:
    if value.at_s <= int(kept.get("at_s") or 0):
        return
    if kept.pop("blind_told", 0):
        numbers = (("value", str(value.value)), ("actor", value.source))
        code = "stood_in" if value.why == STAND_IN else "back"
        events.append(Event("signal_back", "info", "signal", Reason("signal", code, numbers)))
    kept["at_s"] = value.at_s
    word = "off" if value.value == "off" else "run"
    if word == "off":
        kept["runs"] = kept["run_s"] = 0
        if not kept.get("off_s"):
            _begin(view, kept, "off", events)
        kept["cause"] = "off"
        kept.pop("blind", None)
    else:
        kept["runs"] = int(kept.get("runs") or 0) + 1
        if kept["runs"] == options.confirm or (kept["runs"] > options.confirm and not kept.get("run_s")):
            kept["run_s"] = value.at_s
    if value.value != kept.get("word"):
        events.append(_news(kept, str(value.value)))
        kept["word"], kept["word_s"] = value.value, value.at_s


def _news(kept: dict[str, Any], value: str) -> Event:
    """Another word than before. At the very first look there was none before: `run` is then a line in the log only."""
    if "first_s" not in kept:
        reason = Reason("signal", "first", (("value", value),))
        return Event("signal_first", "info", "signal", reason) if value == "run" else _changed(reason)
    return _changed(Reason("signal", "changed", (("was", str(kept.get("word") or "unknown")), ("value", value))))


def _changed(reason: Reason) -> Event:
    return Event("signal_changed", "warning", "signal", reason)


def _begin(view: View, kept: dict[str, Any], cause: str, events: list[Event]) -> None:
    """An event begins when the signal became readable as off: one tick before the first reading that shows it."""
    back_s = view.image.clock.tick_s if view.site.live and kept.get("runs") is not None and kept.get("word") else 0
    kept["off_s"], kept["signal_s"], kept["cause"], kept["long_s"] = view.now_s, view.now_s - back_s, cause, view.now_s
    if cause == "blind":  # until somebody says off: the report of this event, which is made after its end, tells
        kept["blind"] = 1
    events.append(Event("curtail", "warning", "signal", Reason("signal", f"begin_{cause}")))


def _blind(view: View, kept: dict[str, Any], value: Value, options: Options, events: list[Event]) -> list[Limit]:
    """Age of the last valid word: nothing may start after one miss; after the grace the written direction."""
    first_s = int(kept.setdefault("first_s", view.now_s))
    silent_s = view.now_s - (int(kept.get("at_s") or 0) or first_s)
    never = not kept.get("at_s")
    tick_s = view.image.clock.tick_s
    read_s = tick_s + 30 if value.why else max(tick_s + 30, 2 * STEP_S)  # what answered may be asked seldom
    if not never and value.value is not None and silent_s <= read_s:
        if not value.why or silent_s <= 0:
            return []
        missed = Reason("signal", "missed", (("silent_s", silent_s), ("why", value.brief(WHY))))
        return [Limit(CONTRACT, "no_start", 0, missed)]
    why = value.brief(WHY)
    reason = Reason("signal", "blind", (("silent_s", silent_s), ("grace_s", options.grace_s), ("why", why)))
    told = int(kept.get("blind_told") or 0)
    if silent_s >= 2 * max(tick_s, STEP_S) and told < 1:
        kept["blind_told"] = 1
        events.append(Event("signal_blind", "warning", "signal", reason))
    late, off = silent_s >= options.grace_s, options.fail_safe == "off"
    if late and told < 2 and (off or "signal" in view.site.require):
        kept["blind_told"] = 2
        events.append(Event("signal_blind", "emergency", "signal", reason))
    if late and off:
        if not kept.get("off_s"):
            _begin(view, kept, "blind", events)
        kept["runs"] = kept["run_s"] = 0
    return [Limit(CONTRACT, "no_start", 0, reason)]


def _curtail(view: View, kept: dict[str, Any], value: Value, options: Options, events: list[Event]) -> list[Limit]:
    off_s, now_s = int(kept["off_s"]), view.now_s
    confirmed = int(kept.get("runs") or 0) >= options.confirm
    # What can't be proven (a dead PDU) is told as such; it does not keep everybody off once the utility says run.
    proven_s = _proven_s(view, off_s) or (int(kept.get("run_s") or 0) if confirmed else 0)
    held_s = now_s - proven_s if proven_s else 0
    jitter_s = off_s * 7919 % (options.jitter_s + 1)
    wait_s = options.release_hold_s + jitter_s
    if confirmed and proven_s and held_s >= wait_s:
        for key in ("off_s", "signal_s", "cause"):
            kept[key] = 0
        events.append(Event("curtail_over", "info", "signal", Reason("signal", "released", (("held_s", held_s),))))
        return []
    if now_s - int(kept.get("long_s") or off_s) >= options.warn_after_s:
        kept["long_s"] = now_s - options.warn_after_s // 2
        numbers = (("hours", (now_s - off_s) // 3600),)
        events.append(Event("curtail_long", "warning", "signal", Reason("signal", "long", numbers)))
    if confirmed:
        reason = Reason("signal", "releasing", (("left_s", max(0, wait_s - held_s)), ("held_s", held_s)))
    elif view.role("signal").source.startswith(TEST):
        by = view.role("signal").source.removeprefix(TEST)
        reason = Reason("signal", "curtail_set", (("by", by), ("since_s", now_s - off_s)))
    else:
        reason = _why_off(kept, value, options, now_s - off_s)
    return [Limit(CONTRACT, "max_power_w", 0, reason)]


def _why_off(kept: dict[str, Any], value: Value, options: Options, since_s: int) -> Reason:
    """By what the page says now: off; run, and not often enough yet; or nothing, after it said off."""
    since = ("since_s", since_s)
    if value.value in ("run", "warn") and kept.get("runs"):
        return Reason("signal", "confirming", (("runs", int(kept["runs"])), ("confirm", options.confirm), since))
    if value.value is None and kept.get("cause") == "off":
        return Reason("signal", "curtail_last", (since,))
    return Reason("signal", f"curtail_{kept.get('cause') or 'off'}", (since,))


def _proven_s(view: View, off_s: int) -> int:
    """When this curtailment was proven by measurement (0: not yet), but not before the signal asked for it."""
    shed = view.state.shed
    if shed is None or shed.shed_100_s is None:
        return 0
    return max(shed.shed_100_s, off_s)
