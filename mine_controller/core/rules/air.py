"""Fans by need and by proof (FAN1-FAN5): no start without air that watts have proven, no load that air can't carry.

need(n) = ceil(1.15 x miner air x n / fan air) + 1, at least 2 while anything hashes; recirculation begins when the
miners pull more air than the container fans move. What proven fans can carry leaves out the spare fan. In the cold
(inlet below 5 °C) fewer fans are the heater: one fan less at a time, never below 2 while anything hashes.
"""

from typing import Any

from mine_controller.core.model.reason import CONTRACT, EQUIPMENT, SAFETY, Advice, Event, Limit, Reason, Wish
from mine_controller.core.option import option
from mine_controller.core.power.feed import is_dead
from mine_controller.core.view import View
from mine_controller.record import NamedTuple

LAYER = SAFETY
NEEDS = ()
STEP_S = 120  # one step of shedding, whatever the timer
BLIND_S = 600  # air nobody can prove for so long is an emergency where the site requires its proof
RISE_OVER_K = 2.0  # and by this much less, for RISE_OVER_S, it is over
RISE_OVER_S = 900
RISE_K = 5.0  # inlet above outside by more than this is hot air coming back in
# How far a wet wall can cool outside air: an inlet further below it is not believed. The driest air there is loses, by
# 75 to 85 % of the way to its wet bulb, less than half of its °C, and never as much as 15 K below 30 °C.
DOUBT_K, DOUBT_SHARE = 15.0, 0.5


class Options(NamedTuple):
    """Numbers of [air]."""

    miner_air_m3s: float = option(0.13, unit="m³/s", low=0.01, high=1, help="air one miner pulls at full speed")
    fan_air_m3s: float = option(5.5, unit="m³/s", low=0.1, high=50, help="air one container fan moves as installed")
    easy_c: float = option(26.0, unit="°C", low=5, high=35, help="inlet up to which only the needed fans run")
    full_c: float = option(33.0, unit="°C", low=10, high=36, help="inlet at which every fan runs")
    cold_c: float = option(5.0, unit="°C", low=-10, high=5, help="inlet below which fans are taken off to keep warm")
    cold_step_s: int = option(300, unit="s", low=120, high=3600, help="one fan fewer at most this often in the cold")
    idle_fans: int = option(1, low=0, high=4, help="fans that stay on when the miners are dark and cool")
    spin_up_s: int = option(40, unit="s", low=20, high=120, help="time another fan gets before load is shed for it")


def check(options: Options) -> tuple[str, ...]:
    """The two temperatures in order."""
    return ("easy_c must be below full_c",) if options.easy_c >= options.full_c else ()


def need(powered: int, options: Options) -> int:
    """Fans that must be proven before `powered` miners may run (one spare included)."""
    if powered == 0:
        return 0
    air = round(115 * options.miner_air_m3s * powered * 10_000)
    one = round(100 * options.fan_air_m3s * 10_000)
    return max(2, -(-air // one) + 1)


def carry(proven: int, options: Options) -> int:
    """Miners that `proven` fans can carry, without a spare."""
    return round(100 * options.fan_air_m3s * 10_000) * proven // round(115 * options.miner_air_m3s * 10_000)


def startable(proven: int, options: Options) -> int:
    """The most miners for which `proven` fans are the need."""
    return carry(proven - 1, options) if proven >= 2 else 0


def advise(view: View, memory: dict[str, Any], options: Options) -> Advice:
    """Fan floor, start room and, when air fails, what must stop."""
    if not view.wiring.fans:
        return Advice()
    kept = dict(memory)
    limits: list[Limit] = []
    events: list[Event] = []
    fleet, all_fans, all_miners = view.fleet, len(view.wiring.fans), len(view.wiring.miners)
    powered = fleet.on_n + fleet.starting_n
    floor = min(need(powered, options), all_fans)
    floor = _cold_floor(view, kept, floor, options, limits)
    if _doubted(view, kept, limits, events) and fleet.on_n:
        floor = all_fans
    wanted = max(floor, _by_temperature(view, floor, all_fans, options), options.idle_fans)
    limits.append(Limit(SAFETY, "fans_min", min(wanted, all_fans), _reason("need", view, wanted)))
    room = startable(view.proven_fans, options) - powered
    if kept.get("cold_fans") and view.proven_fans >= int(kept["cold_fans"]):
        room = all_miners - powered  # the few fans are the heater; a warm inlet ends that
    limits.append(Limit(SAFETY, "start_miners", max(0, room), _room(view, room, wanted, options)))
    if room < 0:  # air was lost since: not even the second half of a start under way
        limits.append(Limit(SAFETY, "no_start", 0, _reason("room", view, wanted)))
    blind = all(fan.watts is None for fan in view.image.fans)
    if blind and powered and is_dead(view.image):
        limits.append(Limit(CONTRACT, "max_power_w", 0, _reason("dead", view, 2)))
        kept["blind_s"] = view.now_s if kept.get("blind_s") else 0  # its time begins when there is something to blame
    elif blind and powered:
        _blind(view, kept, limits, events)
    else:
        if not blind:
            if kept.get("blind_s"):
                events.append(Event("fan_meter_back", "info", "fans", Reason("air", "seen")))
            kept["blind_s"] = 0
            kept.pop("blind_told", None)
        kept["blind_w"] = 0
        _lost_air(view, kept, powered, options, limits, events)
        _recirculating(view, kept, options, limits, events)
    ahead = min(need(min(powered + max(1, all_miners // 10), all_miners), options), all_fans)
    wish = Wish(EQUIPMENT, "fans_for_start", max(ahead, wanted), _reason("ahead", view, ahead))
    return Advice(tuple(limits), (wish,), tuple(events), kept)


def _reason(code: str, view: View, wanted: int) -> Reason:
    numbers = (("proven", view.proven_fans), ("wanted", wanted), ("miners", view.fleet.on_n + view.fleet.starting_n))
    return Reason("air", code, numbers)


def _room(view: View, room: int, wanted: int, options: Options) -> Reason:
    """How many may start by the air; of a dark mine where nobody may, what is missing for the first."""
    if room > 0 or view.fleet.on_n + view.fleet.starting_n:
        return _reason("room", view, wanted)
    numbers = (("proven", view.proven_fans), ("fans", len(view.wiring.fans)), ("least", need(1, options)))
    return Reason("air", "no_room", numbers)


def _by_temperature(view: View, floor: int, all_fans: int, options: Options) -> int:
    """More fans as the inlet climbs from easy_c to full_c; unknown is the temperature rule's business."""
    inlet_c = view.number("inlet_c")
    if inlet_c is None or inlet_c <= options.easy_c or view.fleet.on_n == 0:
        return floor
    share = min(1.0, (inlet_c - options.easy_c) / (options.full_c - options.easy_c))
    return floor + -int(-(all_fans - floor) * share // 1)


def _cold_floor(view: View, kept: dict[str, Any], floor: int, options: Options, limits: list[Limit]) -> int:
    """In the cold the floor goes down one fan per step, back up at once when the inlet has warmed past easy_c."""
    coldest = view.number("inlet_min_c")
    target = int(kept.get("cold_fans") or 0)
    if coldest is None or coldest > options.easy_c or floor <= 2 or _is_doubted(view, coldest):
        kept["cold_fans"] = kept["cold_s"] = 0
        return floor
    if coldest < options.cold_c:
        running = sum(fan.on is True for fan in view.image.fans)
        if not target:
            target, kept["cold_s"] = min(floor, max(running, 2)), view.now_s
        elif view.now_s - int(kept["cold_s"]) >= options.cold_step_s and target > 2:
            target, kept["cold_s"] = target - 1, view.now_s
    if not target:
        return floor
    kept["cold_fans"] = target
    limits.append(Limit(EQUIPMENT, "fans_max", target, Reason("air", "cold", (("inlet_c", coldest), ("fans", target)))))
    return min(floor, target)


def _is_doubted(view: View, inlet_c: float) -> bool:
    """True of air that is colder than any air from outside can be, and where nobody knows what there is outside."""
    outside_c = view.number("ambient_c")
    far = outside_c is None or outside_c - inlet_c > max(DOUBT_K, outside_c * DOUBT_SHARE)
    return view.wired("ambient_c") and far


def _doubted(view: View, kept: dict[str, Any], limits: list[Limit], events: list[Event]) -> bool:
    """TMP4: all probes show such air (another unit, a dead cable). Heat would not be seen: every fan, and no start."""
    warmest, judged = view.number("inlet_max_c"), view.wired("inlet_c") and view.wired("ambient_c")
    if not judged:  # one of the two was taken out of the config: nobody could ever end it
        doubted = False
    elif warmest is None or view.number("ambient_c") is None:
        doubted = bool(kept.get("doubt_s"))  # not knowing ends no doubt, and begins none
    else:
        doubted = _is_doubted(view, warmest)
    if not doubted and not kept.get("doubt_s"):
        return False
    reason = Reason("air", "doubted", (("inlet_c", warmest or 0.0), ("outside_c", view.number("ambient_c") or 0.0)))
    if doubted:
        limits.append(Limit(SAFETY, "no_start", 0, reason))
        if not kept.get("doubt_s"):
            events.append(Event("inlet_doubted", "warning", "inlet", reason))
        kept["doubt_s"] = int(kept.get("doubt_s") or 0) or view.now_s
    else:
        events.append(Event("inlet_believed", "info", "inlet", Reason("air", "believed" if judged else "undoubted")))
        kept["doubt_s"] = 0
    return doubted


def _lost_air(
    view: View, kept: dict[str, Any], powered: int, options: Options, limits: list[Limit], events: list[Event]
) -> None:
    """Known fan watts say that air is missing: another fan gets spin_up_s, then load goes to what the rest carries.

    Nothing is waited for where those that may still come could not carry it either (G12: a fan that is lost, and may
    only be spinning up, must not keep more running than one that turns).
    """
    carried = _carried(view, kept, options, view.proven_fans)
    if powered == 0 or carried >= powered:
        kept["short_s"] = 0
        if kept.get("short_told") and (powered or view.proven_fans):  # a dark mine needs no air; that proves none
            events.append(Event("air_back", "info", "fans", _reason("back", view, need(powered, options))))
            kept["short_told"] = 0
        if kept.get("short_told") == "lost":  # dark, and still no air: nothing is over, and every fan is tried
            limits.append(Limit(SAFETY, "max_power_w", 0, _reason("lost", view, 2)))
            limits.append(Limit(SAFETY, "fans_min", len(view.wiring.fans), _reason("lost", view, 2)))
        return
    if is_dead(view.image):  # no fan is to blame, and no air is wanted; who wakes with the feed is stopped all the same
        limits.append(Limit(CONTRACT, "max_power_w", 0, _reason("dead", view, 2)))
        kept["short_s"] = 0
        return
    kept["short_s"] = int(kept.get("short_s") or 0) or view.now_s
    waited_s = view.now_s - int(kept["short_s"])
    spare = sum(book.state in ("off", "starting", "suspect") for book in view.fans.values())
    if waited_s < options.spin_up_s:
        carried = _carried(view, kept, options, view.proven_fans + spare)
    if view.proven_fans == 0 and not _spinning_up(view):
        limits.append(Limit(SAFETY, "max_power_w", 0, _reason("lost", view, 2)))
        severity, code = "emergency", "lost"
    elif carried < powered:
        limits.append(Limit(SAFETY, "max_miners", carried, _reason("short", view, need(powered, options))))
        severity, code = "warning", "short"
    else:
        return
    if kept.get("short_told") != code:
        kept["short_told"] = code
        events.append(Event(f"air_{code}", severity, "fans", _reason(code, view, need(powered, options))))


def _carried(view: View, kept: dict[str, Any], options: Options, fans: int) -> int:
    """Miners for which so many fans are enough; in the cold the few that keep it warm are enough for all."""
    enough = kept.get("cold_fans") and fans >= int(kept["cold_fans"])
    return len(view.wiring.miners) if enough else carry(fans, options)


def _spinning_up(view: View) -> bool:
    """True while fans that were just told to run have not had time to prove it."""
    return any(book.state == "starting" for book in view.fans.values())


def _recirculating(
    view: View, kept: dict[str, Any], options: Options, limits: list[Limit], events: list[Event]
) -> None:
    """FAN2: fan watts are fine, yet the inlet is far above outside (belt, louvre): air is unproven, 10 % off a tick."""
    inlet_c, outside_c = view.number("inlet_c"), view.number("ambient_c")
    known = inlet_c is not None and outside_c is not None
    hot = known and (inlet_c or 0.0) > options.easy_c and (inlet_c or 0.0) - (outside_c or 0.0) > RISE_K
    if not hot or kept.get("cold_fans") or view.fleet.on_n == 0:
        wired = view.wired("inlet_c") and view.wired("ambient_c")
        held = kept.get("rise_w") and wired and not kept.get("cold_fans")
        if held and not _rise_over(view, kept, options):
            reason = _held(view, kept)
            limits.append(Limit(SAFETY, "max_power_w", int(kept["rise_w"]), reason))
            limits.append(Limit(SAFETY, "no_start", 0, reason))
            if not known:
                limits.append(Limit(SAFETY, "fans_min", len(view.wiring.fans), reason))
            return
        if kept.get("rise_w"):
            events.append(Event("recirculating_over", "info", "fans", Reason("air", "no_rise")))
        kept["rise_s"] = kept["rise_w"] = kept["rise_over_s"] = 0
        return
    kept["rise_over_s"] = 0
    kept["rise_s"] = int(kept.get("rise_s") or 0) or view.now_s
    if view.now_s - int(kept["rise_s"]) < 2 * STEP_S:
        return
    reason = Reason("air", "recirculating", (("inlet_c", inlet_c or 0.0), ("outside_c", outside_c or 0.0)))
    if not kept.get("rise_w"):
        events.append(Event("recirculating", "warning", "fans", reason))
    if not kept.get("rise_w") or view.now_s - int(kept.get("rise_step_s") or 0) >= STEP_S - 5:
        kept["rise_step_s"] = view.now_s
        kept["rise_w"] = min(int(kept.get("rise_w") or 0) or view.fleet.miners_w, view.fleet.miners_w) * 90 // 100
    limits.append(Limit(SAFETY, "max_power_w", int(kept["rise_w"]), reason))
    limits.append(Limit(SAFETY, "no_start", 0, reason))
    limits.append(Limit(SAFETY, "fans_min", len(view.wiring.fans), reason))


def _held(view: View, kept: dict[str, Any]) -> Reason:
    """Why load stays down while hot air is not seen to come back in."""
    inlet_c, outside_c = view.number("inlet_c"), view.number("ambient_c")
    if inlet_c is None or outside_c is None:
        return Reason("air", "recirculating_unseen", (("where", "at the inlet" if inlet_c is None else "outside"),))
    calm_s = int(kept.get("rise_over_s") or 0) or view.now_s
    numbers = (("inlet_c", inlet_c), ("outside_c", outside_c), ("left_s", calm_s + RISE_OVER_S - view.now_s))
    return Reason("air", "recirculating_held", numbers)


def _rise_over(view: View, kept: dict[str, Any], options: Options) -> bool:
    """True when the inlet has been near enough to outside for long enough: shedding must not swing with the climb.

    While nobody knows how warm it is outside, only a cool inlet is near enough.
    """
    inlet_c, outside_c = view.number("inlet_c"), view.number("ambient_c")
    if inlet_c is None or outside_c is None:
        near = inlet_c is not None and inlet_c <= options.easy_c
    else:
        near = inlet_c - outside_c <= RISE_K - RISE_OVER_K
    calm = near or view.fleet.on_n == 0
    kept["rise_over_s"] = (int(kept.get("rise_over_s") or 0) or view.now_s) if calm else 0
    return calm and view.now_s - int(kept["rise_over_s"]) >= RISE_OVER_S


def _blind(view: View, kept: dict[str, Any], limits: list[Limit], events: list[Event]) -> None:
    """FAN4: no fan watts at all. Running load may stay while the inlet stays cool; else 10 % less each tick."""
    reason = Reason("air", "blind", (("inlet_c", view.number("inlet_c") or "unknown"),))
    limits.append(Limit(SAFETY, "no_start", 0, reason))
    limits.append(Limit(SAFETY, "no_fan_down", 0, reason))
    since = int(kept.get("blind_s") or 0)
    if not since:
        kept["blind_s"] = view.now_s
        events.append(Event("fan_meter_blind", "warning", "fans", reason))
    elif view.now_s - since >= BLIND_S and "fan_proof" in view.site.require and not kept.get("blind_told"):
        kept["blind_told"] = 1
        events.append(Event("fan_meter_blind", "emergency", "fans", reason))
    inlet_c, outside_c = view.number("inlet_c"), view.number("ambient_c")
    cool = inlet_c is not None and inlet_c < 35 and (outside_c is None or inlet_c - outside_c < 5)
    if cool or inlet_c is None:
        return  # unknown inlet: the temperature rule has its own clock for that
    stepped = int(kept.get("blind_step_s") or 0)
    if not kept.get("blind_w") or view.now_s - stepped >= STEP_S - 5:
        kept["blind_step_s"] = view.now_s
        kept["blind_w"] = (int(kept.get("blind_w") or 0) or view.fleet.miners_w) * 90 // 100
    limits.append(Limit(SAFETY, "max_power_w", int(kept["blind_w"]), reason))
