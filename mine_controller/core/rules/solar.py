"""Mining on what the roof gives away: the miners may draw what they draw plus what goes to the grid, smoothed.

What is left over depends on what the miners draw already, so it is not the export that is smoothed but the two
together: a miner that starts lowers the one and raises the other, and the sum stays. Above `start_w` for `dwell_s`
mining may begin, below `stop_w` for as long it ends; in between, and while it runs, the power follows the sun. A meter
that can't be read permits no start, and after `grace_s` the miners rest. One that was never seen to count what is
bought (many have a figure of its own for it) proves no sun by a 0.
"""

from typing import Any

from mine_controller.core.model.reason import ECONOMICS, Advice, Event, Limit, Reason
from mine_controller.core.option import option
from mine_controller.core.view import View
from mine_controller.record import NamedTuple

LAYER = ECONOMICS
NEEDS = ("export_w",)
READINGS_MOST = 64


class Options(NamedTuple):
    """Numbers of [solar]."""

    positive: str = option("export", choices=("export", "import"), help="what a positive number of the meter means")
    window_s: int = option(600, unit="s", low=60, high=3600, help="the surplus is its mean over so long")
    start_w: int = option(300, unit="W", low=0, high=10_000_000, help="mining begins with at least this much to spare")
    stop_w: int = option(100, unit="W", low=0, high=10_000_000, help="and ends with less")
    dwell_s: int = option(300, unit="s", low=0, high=7200, help="when that was so for this long")
    import_w: int = option(0, unit="W", low=0, high=10_000_000, help="so much may be bought beside")
    follow: bool = option(True, help="the power follows the surplus; no = it only decides whether")
    grace_s: int = option(600, unit="s", low=120, high=7200, help="how long a silent meter is believed")


def check(options: Options) -> list[str]:
    """What is wrong with these options taken together, as sentences."""
    return ["stop_w: must lie below start_w"] if options.stop_w >= options.start_w else []


def advise(view: View, memory: dict[str, Any], options: Options) -> Advice:
    """Whether there is sun enough, and how much power it bears."""
    role = view.role("export_w")
    if not view.wired("export_w"):
        return Advice(memory=memory)  # absent is not unknown
    if not isinstance(role.value, int | float):
        return _blind(view, memory, options)
    export_w = round(role.value) if options.positive == "export" else -round(role.value)
    both = export_w < 0 or bool(memory.get("both"))
    sun_w = export_w + view.fleet.miners_w if export_w or both else 0
    seen = _seen(view, memory, options, role.at_s, sun_w)
    spare_w = sum(watts for _, watts in seen) // len(seen) + options.import_w
    kept = {"seen": seen, "known_s": view.now_s, "open": bool(memory.get("open")), "since_s": memory.get("since_s", 0)}
    kept["both"] = both
    sure_w = spare_w - _unseen_w(view, memory, kept, options)
    events = _turn(view, kept, sure_w, options)
    return Advice(tuple(_limits(kept, spare_w if kept["open"] else sure_w, options)), (), events, kept)


def _unseen_w(view: View, memory: dict[str, Any], kept: dict[str, Any], options: Options) -> int:
    """What miners count that tell nothing: one that stands unplugged draws no sun. Nothing begins on it, and what has
    begun ends without it after the grace."""
    if not view.fleet.unknown:
        return 0
    kept["unseen_s"] = memory.get("unseen_s") or view.now_s
    if kept["open"] and view.now_s - int(kept["unseen_s"]) < options.grace_s:
        return 0
    return view.fleet.miners_w - (view.fleet.measured_w or 0)


def _seen(view: View, memory: dict[str, Any], options: Options, at_s: int, watts: int) -> list[list[int]]:
    """The readings of the window, one for each moment the meter was read at; so far apart that it holds them all."""
    before = [[at, was] for at, was in memory.get("seen") or () if view.now_s - at <= options.window_s and at != at_s]
    if len(before) > 1 and before[-1][0] - before[-2][0] < options.window_s // (READINGS_MOST - 1):
        before.pop()
    return [*before, [at_s, watts]][-READINGS_MOST:]


def _turn(view: View, kept: dict[str, Any], spare_w: int, options: Options) -> tuple[Event, ...]:
    """Open or closed: it turns when what speaks for it has lasted. `since_s` 0: nothing speaks for a turn."""
    wants = spare_w < options.stop_w if kept["open"] else spare_w >= options.start_w
    if not wants:
        kept["since_s"] = 0
        return ()
    kept["since_s"] = kept["since_s"] or view.now_s
    if view.now_s - kept["since_s"] < options.dwell_s:
        return ()
    kept["open"], kept["since_s"] = not kept["open"], 0
    code = "enough" if kept["open"] else "short"
    return (Event(f"solar_{code}", "info", "site", Reason("solar", code, (("spare_w", spare_w),))),)


def _limits(kept: dict[str, Any], spare_w: int, options: Options) -> list[Limit]:
    numbers = (("spare_w", spare_w),)
    if not kept["open"]:
        return [Limit(ECONOMICS, "max_miners", 0, Reason("solar", "short", numbers), "gentle")]
    if not options.follow:
        return []
    reason = Reason("solar", "follow", numbers)
    return [
        Limit(ECONOMICS, "max_power_w", max(0, spare_w), reason, "gentle"),
        Limit(ECONOMICS, "start_max_w", max(0, spare_w), reason, "gentle"),
    ]


def _blind(view: View, memory: dict[str, Any], options: Options) -> Advice:
    """No reading: nothing starts; after the grace the miners rest. What was seen before counts for nothing after it."""
    blind_s = view.now_s - int(memory.get("known_s") or 0)
    kept = dict(memory)
    numbers = (("blind_s", blind_s), ("why", view.role("export_w").why))
    if not kept.get("open"):
        kept["since_s"] = 0  # nobody knows that there was no cloud
    if memory.get("known_s") and blind_s < options.grace_s:
        return Advice((Limit(ECONOMICS, "no_start", 0, Reason("solar", "unknown", numbers)),), memory=kept)
    events: tuple[Event, ...] = ()
    if kept.get("open"):
        events = (Event("solar_short", "info", "site", Reason("solar", "blind", numbers)),)
    kept |= {"seen": [], "open": False, "since_s": 0}
    return Advice((Limit(ECONOMICS, "max_miners", 0, Reason("solar", "blind", numbers), "gentle"),), (), events, kept)
