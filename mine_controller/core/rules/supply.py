"""Power is the boss: load stays under what the source can give, down at once, up slowly (SUP, FRQ1, MET1).

What it can give is worked out from its rating or what it says itself, less what frequency, voltage, battery and the
generator's own load take from that; never from volts times amperes, which is what is used. Formula and margins stand in
docs/decisions. What is wired and unknown never raises the figure; after the grace the owner's `unknown_kw` holds.
"""

import itertools
from typing import Any

from mine_controller.core.model.quantity import ROLES, SOURCE_ROLES
from mine_controller.core.model.reason import CONTRACT, Advice, Event, Limit, Reason
from mine_controller.core.money.prices import TEST
from mine_controller.core.option import option
from mine_controller.core.power.feed import is_dead
from mine_controller.core.power.source import WHOLE, BadCurve, Load, at, curve, load, nominal_hz, sag
from mine_controller.core.reach import answers
from mine_controller.core.view import View
from mine_controller.record import NamedTuple

LAYER = CONTRACT
NEEDS = ()
INPUTS = (*SOURCE_ROLES, "ambient_c")
SHORT_S = 240
TELLING = ("supply_kw", "battery_soc_pct")  # without these what the source can give is not known at all


class Options(NamedTuple):
    """Numbers of [supply]."""

    source_kw: float = option(
        0.0, unit="kW", low=0, high=100_000, help="what the source can give at most; 0 = not said"
    )
    source_curve: tuple[str, ...] = option(
        (), help="its rating by outside temperature, °C:kW, instead of source_kw", example="25:450, 40:410, 50:360"
    )
    soc_curve: tuple[str, ...] = option(
        ("20:0", "40:50", "60:100"), help="per cent of the rating by charge of the battery, where one is wired"
    )
    generator_max_pct: float = option(90.0, unit="%", low=30, high=110, help="how far the generator may be loaded")
    sag_hz: float = option(0.5, unit="Hz", low=0.05, high=3, help="this far below nominal the source counts as weaker")
    sag_full_hz: float = option(1.5, unit="Hz", low=0.1, high=5, help="and this far below it as weak as sag_floor_pct")
    sag_pct: float = option(6.0, unit="%", low=1, high=20, help="the same for voltage: per cent below nominal")
    sag_full_pct: float = option(15.0, unit="%", low=2, high=30, help="and where it counts as weak as sag_floor_pct")
    sag_floor_pct: int = option(50, unit="%", low=0, high=95, help="what is left of the rating at a full sag")
    reserve_kw: float = option(0.0, unit="kW", low=0, high=100_000, help="kept for others that no meter here shows")
    margin_pct: float = option(4.0, unit="%", low=2, high=30, help="kept free; load is shed from half of it on")
    up_after_s: int = option(300, unit="s", low=60, high=7200, help="more counts only once it was there for so long")
    grace_s: int = option(600, unit="s", low=60, high=3600, help="how long the last word of a silent source counts")
    unknown_kw: float = option(0.0, unit="kW", low=0, high=100_000, help="and what it counts as giving after that")


def check(options: Options) -> tuple[str, ...]:
    """Curves must be curves, sags must sag."""
    wrong = []
    for name in ("source_curve", "soc_curve"):
        try:
            points = curve(getattr(options, name))
        except BadCurve as bad:
            wrong.append(f"{name}: {bad}")
            continue
        if name == "soc_curve" and (not points or any(y0 > y1 for (_, y0), (_, y1) in itertools.pairwise(points))):
            wrong.append("soc_curve: a fuller battery can't give less; write points like 20:0, 60:100")
    if options.sag_full_hz <= options.sag_hz:
        wrong.append("sag_full_hz: must be more than sag_hz")
    if options.sag_full_pct <= options.sag_pct:
        wrong.append("sag_full_pct: must be more than sag_pct")
    return tuple(wrong)


def advise(view: View, memory: dict[str, Any], options: Options) -> Advice:
    """Ceilings for running and for starting."""
    if not _has_source(view, options):
        return Advice()
    kept = dict(memory)
    events: list[Event] = []
    known = _inputs(view, kept)
    gone = kept["gone"]
    blind = [name for name in INPUTS if view.wired(name) and _matters(name, options)]
    blind = [name for name in blind if name in gone or view.number(name) is None]
    late = [name for name in blind if view.now_s - int(kept["seen_s"][name]) >= options.grace_s]
    burden, silent = load(view), [name for name in TELLING if name in gone or name in late]
    now_w = available_w(known, view, kept, options, burden)
    if silent:
        now_w = min(round(options.unknown_kw * 1000), 1 << 40 if now_w is None else now_w)
    held_w = _held(view, kept, now_w, blind, options)
    limits = _unknown(view, kept, blind, options, events)
    if held_w is not None:
        limits += _limits(view, kept, (held_w, burden, silent), options, events)
    return Advice(tuple(limits), (), tuple(events), kept)


def _has_source(view: View, options: Options) -> bool:
    return (
        bool(options.source_kw or options.source_curve) or view.wired("supply_kw") or view.wired("generator_load_pct")
    )


def _matters(name: str, options: Options) -> bool:
    return name != "ambient_c" or bool(options.source_curve)


def _inputs(view: View, kept: dict[str, Any]) -> dict[str, float]:
    """What each input says, or said last: an unknown one may only be held against, never freed by.

    Whoever says nothing while nothing feeds the site is unknown at once, and has no grace (`gone`): what it said before
    a black-out is no word of what it can give after it.
    """
    was, out = kept.get("inputs") or {}, {}
    heard_s = kept.get("seen_s") or {}
    seen_s = {name: heard_s[name] for name in heard_s if view.wired(name)}  # who is wired again has its grace anew
    known, dead = kept.get("gone") or (), is_dead(view.image)
    gone = [name for name in TELLING if view.wired(name) and (dead or name in known) and not _is_heard(view, name)]
    kept["gone"] = gone
    for name in INPUTS:
        figure = None if name in gone else view.number(name)
        if figure is not None:
            out[name] = figure
            seen_s[name] = view.role(name).at_s  # not now: a word of minutes ago may still count
        elif view.wired(name) and name in was:
            out[name] = was[name]
        if view.wired(name):
            seen_s.setdefault(name, view.now_s)
    kept["inputs"], kept["seen_s"] = out, seen_s
    return out


def _is_heard(view: View, name: str) -> bool:
    """Whether it answered when it was last asked: a word may count for minutes, and explains only what it has seen.

    A sum needs all of its channels; of others one is enough, and so is what a person set to try something.
    """
    if view.number(name) is None:
        return False
    role = view.wiring.roles[name]
    silent = sum(_is_silent(view, key) for key in role.keys)
    return view.role(name).source.startswith(TEST) or not silent or (role.vote != "sum" and silent < len(role.keys))


def _is_silent(view: View, key: str) -> bool:
    told = view.image.channels.get(key)
    return (told is not None and told.why != "") or not answers(view, key.rpartition(":")[0].partition("/")[0])


def available_w(
    known: dict[str, float], view: View, kept: dict[str, Any], options: Options, burden: Load
) -> int | None:
    """Watts the source can give now, before any margin; None: nothing has told yet."""
    limits = []
    rating_w = _rating_w(known, options)
    if rating_w is not None:
        if "battery_soc_pct" in known:
            rating_w = rating_w * round(at(curve(options.soc_curve), known["battery_soc_pct"]) * 10) // WHOLE
        whole_w = rating_w * _sag(known, view, kept, options) // WHOLE
        if "supply_kw" in known and _is_heard(view, "supply_kw"):
            whole_w = max(whole_w, min(rating_w, burden.total_w))  # a sag under more load than it names is that load's
        limits.append(whole_w)
    if "generator_load_pct" in known:
        limits.append(_headroom_w(known["generator_load_pct"], options, burden))
    return max(0, min(limits) - round(options.reserve_kw * 1000)) if limits else None


def _rating_w(known: dict[str, float], options: Options) -> int | None:
    """The lesser of what is written and what the source says of itself; without a temperature the curve's lowest."""
    ratings = [round(known["supply_kw"] * 1000)] if "supply_kw" in known else []
    points = curve(options.source_curve)
    if points:
        lowest = min(kw for _, kw in points)
        ratings.append(round((at(points, known["ambient_c"]) if "ambient_c" in known else lowest) * 1000))
    elif options.source_kw:
        ratings.append(round(options.source_kw * 1000))
    return min(ratings, default=None)


def _sag(known: dict[str, float], view: View, kept: dict[str, Any], options: Options) -> int:
    """Thousandths left by the worse of frequency and voltage: both show the same overload."""
    left = [WHOLE]
    nominal = nominal_hz(view, kept, known.get("grid_hz"))
    if "grid_hz" in known and nominal is not None:
        begins, ends = nominal - options.sag_hz, nominal - options.sag_full_hz
        left.append(sag(known["grid_hz"], begins, ends, options.sag_floor_pct))
    nominal_v = view.site.nominal_v
    if "voltage_v" in known and nominal_v:
        begins, ends = nominal_v * (100 - options.sag_pct) / 100, nominal_v * (100 - options.sag_full_pct) / 100
        left.append(sag(known["voltage_v"], begins, ends, options.sag_floor_pct))
    return min(left)


def _headroom_w(load_pct: float, options: Options, burden: Load) -> int:
    """The load now and what the generator's own figure leaves above it; its rating is what the load is a share of."""
    points = curve(options.source_curve)
    rated_w = round((max(kw for _, kw in points) if points else options.source_kw) * 1000)
    if not rated_w:
        return round(burden.total_w * options.generator_max_pct / load_pct) if load_pct > 1 else burden.total_w
    return max(0, burden.total_w + round(rated_w * (options.generator_max_pct - load_pct) / 100))


def _held(view: View, kept: dict[str, Any], now_w: int | None, blind: list[str], options: Options) -> int | None:
    """Down at once; up only to what was there all through the last `up_after_s`, not while anything is unknown."""
    now_s, held_w = view.now_s, kept.get("held_w")
    if now_w is None:
        return None
    marks = [list(mark) for mark in kept.get("marks") or []]
    span_s = max(options.up_after_s, view.image.clock.tick_s * 3 // 2)  # two looks at least: the next one is no gap
    gap = bool(marks) and now_s - int(marks[-1][0]) > span_s
    if held_w is not None and (blind or gap):
        now_w = min(now_w, int(held_w))
    while marks and int(marks[-1][1]) >= now_w:  # what was higher before can't be the least any more
        marks.pop()
    marks.append([now_s, now_w])
    while now_s - int(marks[0][0]) > span_s:
        marks.pop(0)
    kept["marks"], kept["available_w"], kept["held_w"] = marks, now_w, int(marks[0][1])
    return int(marks[0][1])


def _limits(
    view: View, kept: dict[str, Any], held: tuple[int, Load, list[str]], options: Options, events: list[Event]
) -> list[Limit]:
    """Starts end at the margin; above half of it load is shed to the margin, and stays so for a while.

    `held`: watts that count, the load, and which of TELLING have been silent for longer than their grace.
    """
    held_w, burden, silent = held
    numbers = (("available_w", held_w), ("total_w", burden.total_w))
    target_w = int(held_w * (100 - options.margin_pct) / 100) - burden.beside_w
    rising_w = burden.more_w - view.fleet.starting_w
    limits = [Limit(CONTRACT, "start_max_w", max(0, target_w - rising_w), Reason("supply", "room", numbers))]
    over = burden.total_w + burden.more_w > held_w * (100 - options.margin_pct / 2) / 100
    reason = _why_down(view, kept, held_w, silent, numbers)
    if over:
        if not kept.get("over_s"):
            events.append(Event("supply_step", "info", "supply", reason))
        kept["over_s"] = view.now_s
    elif kept.get("over_s") and view.now_s - int(kept["over_s"]) >= options.up_after_s:
        kept["over_s"] = 0
    if not (silent and not _runs(view)):  # what is told then is the silence
        _tell(view, kept, burden, options, events)
    if kept.get("over_s") or target_w <= 0:
        limits.append(Limit(CONTRACT, "max_power_w", max(0, target_w - rising_w), reason))
        limits.append(Limit(CONTRACT, "no_start", 0, reason))
    return limits


def _why_down(
    view: View, kept: dict[str, Any], held_w: int, silent: list[str], numbers: tuple[tuple[str, int], ...]
) -> Reason:
    """Why load has to go: there is less, there is nothing, or nobody has heard of the source for too long."""
    if not silent:
        return Reason("supply", "over" if held_w else "none", numbers)
    silent_s = view.now_s - min(int(kept["seen_s"][name]) for name in silent)
    said = (("what", ", ".join(silent)), ("silent_s", silent_s), ("unknown_w", held_w))
    return Reason("supply", "silent", said)


def _runs(view: View) -> bool:
    return view.fleet.on_n + view.fleet.starting_n > 0


def _tell(view: View, kept: dict[str, Any], burden: Load, options: Options, events: list[Event]) -> None:
    """A step down that a tick or two carry out is daily bread; load that stays over what there is, is not.

    What there is is what the source gives now: that more of it counts only later is no shortage. Nor is a source that
    has left no miner running: while none runs, what fans and standby draw beyond a source that gives nothing (a night
    without sun) is nobody's. Nothing at all on the feed is an alarm of its own (`mains_lost`).
    """
    if is_dead(view.image):
        kept["short_s"] = 0
        return
    given_w, runs = int(kept["available_w"]), _runs(view)
    numbers = (("available_w", given_w), ("total_w", burden.total_w))
    if burden.total_w + burden.more_w <= given_w * (100 - options.margin_pct / 2) / 100:
        kept["short_s"] = 0
        if kept.pop("short_told", 0):
            events.append(Event("supply_enough", "info", "supply", Reason("supply", "enough", numbers)))
        return
    kept["short_s"] = int(kept.get("short_s") or 0) or (view.now_s if runs else 0)
    if kept["short_s"] and view.now_s - int(kept["short_s"]) >= SHORT_S and not kept.get("short_told"):
        kept["short_told"] = 1
        own_w = view.fleet.miners_w + (view.fleet.fans_w or 0)
        code = "short" if runs else "dry" if own_w > given_w else "beside"
        reason = Reason("supply", code, numbers)
        if code == "short" and view.fleet.unknown:
            reason = Reason("supply", "short_guess", (*numbers, ("miners", view.fleet.unknown)))
        events.append(Event("supply_short", "warning", "supply", reason))


def _unknown(view: View, kept: dict[str, Any], blind: list[str], options: Options, events: list[Event]) -> list[Limit]:
    """What is wired and not known: nothing more starts, and it is told once its grace is over."""
    silent_s = max((view.now_s - int(kept["seen_s"][name]) for name in blind), default=0)
    told = [name for name in kept.get("told") or [] if name in blind]
    if kept.get("told") and not blind:
        events.append(Event("supply_known", "info", "supply", Reason("supply", "known")))
    late = [name for name in blind if view.now_s - int(kept["seen_s"][name]) >= options.grace_s and name not in told]
    for name in late:
        numbers = (("what", name), ("unknown_w", round(options.unknown_kw * 1000)), ("why", view.role(name).brief(80)))
        code = "blind" if name in TELLING else "unseen"
        events.append(Event("supply_blind", _grave(view, name, options), "supply", Reason("supply", code, numbers)))
    kept["told"] = [*told, *late] or (kept.get("told") if blind else [])  # over when all is known, not one by one
    if not blind:
        return []
    reason = Reason("supply", "unknown", (("what", ", ".join(blind)), ("silent_s", silent_s)))
    return [Limit(CONTRACT, "no_start", 0, reason)]


def _grave(view: View, name: str, options: Options) -> str:
    """Where the silence stops the mine, or the site requires that input, it is told as a blind signal is."""
    stops = name in TELLING and not options.unknown_kw
    return "emergency" if stops or ROLES[name].word in view.site.require else "warning"
