"""Alarm conditions that are levels: judged from the image at each opening round, with the figure that shows it. Pure.

Each watch gives what is wrong now, as events, and names what it can't judge (unknown): that neither raises nor ends an
alarm. What has a dead-band looks at whether its alarm stands already: it then ends at `clear`, not at `threshold`.
"""

from collections.abc import Callable

from mine_controller.core.alarms import of_miners
from mine_controller.core.alarms.catalogue import KINDS, ways_of
from mine_controller.core.alarms.look import Found, Look, event, hot, number
from mine_controller.core.alarms.needs import lost, still
from mine_controller.core.model.alarm import AlarmPolicy
from mine_controller.core.model.reading import cut
from mine_controller.core.model.reason import Event, Reason
from mine_controller.core.once import OnceEach
from mine_controller.core.outputs.lamp import NAME as LAMP
from mine_controller.core.outputs.lamp import wanted
from mine_controller.core.outputs.left import NAME as LEFT
from mine_controller.core.outputs.left import STUCK, shown
from mine_controller.core.power.feed import dead_by
from mine_controller.core.power.source import nearer_hz, nominal_hz
from mine_controller.core.reach import answers, commandable, is_dark
from mine_controller.core.view import ABSENT, View
from mine_controller.record import NamedTuple

# What the shell says of itself: endpoints that are no devices. Their health is a reading like any.
OWN = {"store": "database", "disk": "disk", "config": "config_broken", "backup": "backup_failed"}
SKIPPED, SKIPPED_ROW = "lock:skipped_n", "lock/row:skipped_n"  # ticks that found the lock taken: all, and in a row
WALL = "wall"  # the rule that remembers whether its pump is wanted on
SILENT_N = 3  # so many silent devices, and no other, are a site that is gone
ROUND_S = 30  # what is asked in one round has answered, or was given up, within so many seconds
FIGURE_S = 600  # how old what a controller or a UPS says may be


class Seen(NamedTuple):
    """What the watches found. `unknown` holds keys ("kind about") that can't be judged now."""

    wrong: tuple[Event, ...]
    unknown: frozenset[str]


def look_round(view: View, events: tuple[Event, ...], policy: AlarmPolicy) -> Seen:
    """Every watch of the table, but for those that are switched off."""
    look = Look(view, policy, events)
    wrong: list[Event] = []
    unknown: list[str] = []
    for watch in _watches_of(policy):
        for found in watch(look):
            if isinstance(found, str):
                unknown.append(found)
            else:
                wrong.append(found)
    return Seen(tuple(wrong), frozenset(unknown))


def _inlet(look: Look) -> Found:
    if not look.view.wired("inlet_c"):
        return
    inlet_c = look.view.number("inlet_c")
    for kind in ("temperature_warning", "temperature_danger"):
        if inlet_c is None:
            yield f"{kind} inlet"
        elif look.off_limits(kind, "inlet", inlet_c):
            ways = ways_of(look.policy, kind)
            yield hot(kind, "inlet", inlet_c, (ways.threshold, ways.clear), ("inlet_c", inlet_c))


def _spread(look: Look) -> Found:
    """TMP5: how far the inlet's probes are apart."""
    low_c, high_c = look.view.number("inlet_min_c"), look.view.number("inlet_max_c")
    if not look.view.wired("inlet_c"):
        return
    if low_c is None or high_c is None:
        yield "probes_apart inlet"
    elif look.off_limits("probes_apart", "inlet", high_c - low_c):
        yield event("probes_apart", "inlet", ("low_c", low_c), ("high_c", high_c))


def _humidity(look: Look) -> Found:
    if not look.view.wired("humidity_pct"):
        return
    humidity_pct = look.view.number("humidity_pct")
    if humidity_pct is None:
        yield "humidity_high air"
    elif look.off_limits("humidity_high", "air", humidity_pct):
        yield event("humidity_high", "air", ("humidity_pct", humidity_pct))


def _grid(look: Look) -> Found:
    if not look.view.wired("grid_hz"):
        return
    grid_hz = look.view.number("grid_hz")
    if grid_hz is None:
        yield from ("frequency_low grid", "frequency_high grid")
        return
    usual_hz = nominal_hz(look.view, {**look.view.state.memory.get("grid", {})}, grid_hz) or nearer_hz(grid_hz)
    for kind, off_hz in (("frequency_low", usual_hz - grid_hz), ("frequency_high", grid_hz - usual_hz)):
        if look.off_limits(kind, "grid", round(off_hz, 3)):
            yield event(kind, "grid", ("grid_hz", grid_hz), ("nominal_hz", usual_hz))


def _contacts(look: Look) -> Found:
    for role, kind in (("door", "door_open"), ("mains", "mains_lost")):
        if look.view.wired(role):
            value = look.view.role(role).value
            if value is None:
                yield f"{kind} {role}"
            elif value == "alarm":
                yield event(kind, role)
    by = dead_by(look.view.image)
    if by and look.view.role("mains").value != "alarm":
        yield _dead_feed(look.view, by)


def _dead_feed(view: View, by: str) -> Event:
    """The mains are gone by the meter on the feed. Less grave where the source itself says that it gives nothing."""
    stopped = view.number("supply_kw") == 0
    code = "feed_silent" if by == "silence" else "feed_stopped" if stopped else "feed_dead"
    severity = "warning" if code == "feed_stopped" else KINDS["mains_lost"].severity
    numbers = (("power_w", round(view.number("site_power_w") or 0)),)
    return Event("mains_lost", severity, "mains", Reason("alarm", code, numbers))


def _devices(look: Look) -> Found:
    """Endpoints that don't answer, and what the shell says of its own files."""
    channels = look.view.image.channels
    for name in look.view.wiring.endpoints:
        health = channels.get(f"{name}:health")
        silent = health is not None and health.value is None
        if silent and not is_dark(look.view, name) and not _is_told_as_price(look.view, name):
            yield event("device_unreachable", name, ("device", name), ("why", health.brief(120) if health else ""))
    for name, kind in OWN.items():
        health = channels.get(f"{name}:health")
        if health is not None and health.value is None:
            yield event(kind, name, ("why", health.brief(160)))


def _silence(look: Look) -> Found:
    """NTF3: of all that stands at the site nothing answers: its power, its switch or the controller's own line is gone.

    What is asked seldom may lie behind: it is a sign of life while it answers when the silent are asked. Where nobody
    is in danger without air it is less grave.
    """
    view, channels = look.view, look.view.image.channels
    there, silent, heard_s = 0, list[str](), 0
    for name, spec in view.wiring.endpoints.items():
        if spec.outside or spec.here:
            continue
        there += 1
        health = channels.get(f"{name}:health")
        if health is not None and health.value is None:
            silent.append(name)
        elif not spec.every_s:
            return
        elif health is not None:
            heard_s = max(heard_s, health.at_s)
    silent = [name for name in silent if not is_dark(view, name)]
    if len(silent) < SILENT_N or heard_s > min(channels[f"{name}:health"].at_s for name in silent) - ROUND_S:
        return
    severity = KINDS["site_silent"].severity if view.wiring.fans else "warning"
    numbers = (("devices", len(silent)), ("of", there))
    yield Event("site_silent", severity, "site", Reason("alarm", "site_silent", numbers))


def _frozen(look: Look) -> Found:
    """Endpoints that answer and stand still: nobody would look at them, as they are not silent."""
    for name, why in still(look.view).items():
        if answers(look.view, name):
            yield event("device_frozen", name, ("device", name), ("why", cut(why, 120)))
        else:
            yield f"device_frozen {name}"


def _is_told_as_price(view: View, name: str) -> bool:
    """The only source of prices: what is published still counts, and when it is over `price_missing` tells why (PRC1).

    Only where bands follow the price: nobody else tells that it is missing.
    """
    role = view.wiring.roles.get("price")
    alone = role is not None and len(role.keys) == 1 and role.keys[0].rpartition(":")[0].partition("/")[0] == name
    return alone and "band" in view.state.memory.get("band", {})


def _required(look: Look) -> Found:
    """What the site requires and nobody can tell now."""
    for what, why in lost(look.view):
        yield event("required_lost", what, ("what", what.replace("_", " ")), ("why", why))


def _lamp(look: Look) -> Found:
    """A lamp that does not do as it is told: nobody would see it in the emergency."""
    yield from _output(look, "lamp_stuck", LAMP, look.view.wiring.lamp)


def _pump(look: Look) -> Found:
    """HUM3: the wall's pump. One that stays on runs dry, or floods: no interlock of the rule reaches it."""
    yield from _output(look, "pump_stuck", WALL, look.view.wiring.wall)


def _output(look: Look, kind: str, name: str, relay: str) -> Found:
    """An output whose relay shows something else than what is wanted. A silent board is told as such."""
    yield from _left(look, kind)
    view, lane = look.view, relay.partition("/")[0]
    kept = view.state.memory.get(name)
    if not relay or kept is None or not view.site.live or not commandable(view, lane):
        return
    now = shown(view, relay)
    if not answers(view, lane):
        yield f"{kind} {name}"
    elif now != wanted(kept):
        yield event(kind, name, ("relay", relay), ("now", now), ("want", wanted(kept)))


def _left(look: Look, kind: str) -> Found:
    """One that was on when [wiring] lost it."""
    for relay, what in look.view.state.memory.get(LEFT, {}).items():
        if STUCK[what] == kind:
            reason = Reason("alarm", f"{what}_left", (("relay", relay), ("now", shown(look.view, relay))))
            yield Event(kind, KINDS[kind].severity, relay, reason)


def _channels(look: Look) -> Found:
    """NTF4: one that takes nothing any more while others do; the shell looks at what they said of letters. Of whom
    nothing is heard any more has taken nothing either: its messages lie far back, or the machine was booted."""
    for name in look.policy.channels:
        health = look.view.image.channels.get(f"{name}:health")
        if health is None:
            yield f"channel_dead {name}"
        elif health.value is None:
            yield event("channel_dead", name, ("channel", name), ("why", health.brief(160)))


def _forced(look: Look) -> Found:
    """A person's word against the utility's, with the penalty accepted: told as gravely as it is, for as long."""
    for override in look.view.state.overrides:
        if override.key == "signal" and override.kind == "penalty":
            numbers = (("actor", override.actor), ("left_s", override.until_s - look.view.now_s))
            yield event("signal_forced", "signal", *numbers, ("text", override.reason))


def _clock(look: Look) -> Found:
    if not look.view.image.clock.synced:
        yield event("clock_unsynced", "controller")


def _lock(look: Look) -> Found:
    """PRO1: beats of the rhythm in which no tick could begin. The one that looks has the lock, so it is over by now."""
    row = look.view.image.channels.get(SKIPPED_ROW)
    if row is None:
        return
    if row.why or not isinstance(row.value, int):
        yield "ticks_skipped controller"
    elif look.off_limits("ticks_skipped", "controller", row.value):
        yield event("ticks_skipped", "controller", ("ticks", row.value))


def _machine(look: Look) -> Found:
    """What the controller says of itself where [machine] is configured. A Raspberry Pi slows down from 80 °C on."""
    for name in _of_kind(look.view, "machine"):
        heat_c = _figure(look.view, name, f"{name}:board_c")
        free_pct = _figure(look.view, name, f"{name}/memory:free_pct")
        slowed = look.view.image.channels.get(f"{name}/throttling:contact")
        if heat_c is not None and look.off_limits("controller_hot", name, heat_c):
            yield event("controller_hot", name, ("board_c", heat_c))
        elif slowed is not None and slowed.value == "alarm":
            reason = Reason("alarm", "controller_slowed", (("device", name),))
            yield Event("controller_hot", KINDS["controller_hot"].severity, name, reason)
        elif heat_c is None:
            yield f"controller_hot {name}"
        if free_pct is None:
            yield f"memory_low {name}"
        elif look.off_limits("memory_low", name, free_pct):
            yield event("memory_low", name, ("free_pct", free_pct))


def _ups(look: Look) -> Found:
    """What the UPS says where [nut] is configured; a UPS that does not answer ends no alarm.

    A bad battery is an emergency where the mains do not carry the load. While they do it is a warning of its own: one
    that waits for a new battery for weeks, acked, must not be what the next loss of the mains is a consequence of.
    """
    for name in _of_kind(look.view, "nut"):
        charge_pct = _figure(look.view, name, f"{name}:charge_pct")
        figures = (("device", name), ("charge_pct", charge_pct if charge_pct is not None else "unknown"))
        mains, battery, status = (
            look.view.image.channels.get(f"{name}/{channel}", ABSENT)
            for channel in ("mains:contact", "battery:contact", "status:text")
        )
        if mains.at_s < battery.at_s:  # its newest answer does not say where its power comes from
            mains = ABSENT
        if mains.value is None:
            yield f"ups_on_battery {name}"
        elif mains.value == "alarm":
            yield event("ups_on_battery", name, *figures)
        if battery.value is None:
            yield f"ups_low {name}"
            yield f"ups_worn {name}"
        elif battery.value == "alarm":
            if mains.value != "ok":
                yield event("ups_low", name, *figures)
            if mains.value == "ok" or look.stands("ups_worn", name):
                yield event("ups_worn", name, *figures, ("status", status.value or "status unknown"))


def _of_kind(view: View, kind: str) -> list[str]:
    """The sections of this kind."""
    return [name for name in view.wiring.endpoints if name.partition(" ")[0] == kind]


def _figure(view: View, section: str, key: str) -> float | None:
    """A figure of a section that may be read seldom."""
    every_s = view.wiring.endpoints[section].every_s
    return number(view.image.channels.get(key), view.now_s - max(FIGURE_S, 2 * every_s))


def _breakers(look: Look) -> Found:
    """Known watts of each branch against its continuous limit; an unknown miner adds nothing here."""
    if not look.view.wiring.breakers:
        return
    drawn: dict[str, int] = {}
    blind: set[str] = set()
    for spec, watts in zip(look.view.wiring.miners, look.view.image.miners.power_w, strict=True):
        drawn[spec.breaker] = drawn.get(spec.breaker, 0) + (watts or 0)
        if watts is None:
            blind.add(spec.breaker)
    for breaker in look.view.wiring.breakers:
        total_w = drawn.get(breaker.name, 0)
        about = f"breaker {breaker.name}"
        if breaker.limit_w and look.off_limits("over_breaker", about, total_w * 100 / breaker.limit_w):
            figures = (("total_w", total_w), ("limit_w", breaker.limit_w))
            yield event("over_breaker", about, ("branch", breaker.name), *figures)
        elif breaker.name in blind:
            yield f"over_breaker {about}"


def _drift(look: Look) -> Found:
    """What `learn` found off its learned value for a day."""
    learned = (look.view.state.last.get("learned") or {}).get("of") or {}
    for about, row in learned.items():
        if row.get("off_s") and look.view.now_s - int(row["off_s"]) >= 86_400:
            numbers = (("what", about), ("now", row["now"]), ("learned", row["is"]), ("days", 1))
            yield event("filter_clogged", about, *numbers)


_WATCHES: tuple[tuple[tuple[str, ...], Callable[[Look], Found]], ...] = (
    (("temperature_warning", "temperature_danger"), _inlet),
    (("probes_apart",), _spread),
    (("humidity_high",), _humidity),
    (("frequency_low", "frequency_high"), _grid),
    (("door_open", "mains_lost"), _contacts),
    (("device_unreachable", *OWN.values()), _devices),
    (("site_silent",), _silence),
    (("device_frozen",), _frozen),
    (("required_lost",), _required),
    (("lamp_stuck",), _lamp),
    (("pump_stuck",), _pump),
    (("channel_dead",), _channels),
    (("signal_forced",), _forced),
    (("clock_unsynced",), _clock),
    (("ticks_skipped",), _lock),
    (("controller_hot", "memory_low"), _machine),
    (("ups_on_battery", "ups_low", "ups_worn"), _ups),
    (("over_breaker",), _breakers),
    (("miner_offline",), of_miners.silent),
    (("miner_unseen",), of_miners.unseen),
    (("doubled",), of_miners.doubled),
    (("miner_idle",), of_miners.idle),
    (("miner_waits",), of_miners.waiting),
    (("quarantined",), of_miners.put_aside),
    (("chip_warning", "chip_danger"), of_miners.chips),
    (("filter_clogged",), _drift),
    (("high_reject",), of_miners.shares),
    (("no_shares",), of_miners.mute),
)


def _watches(policy: AlarmPolicy) -> tuple[Callable[[Look], Found], ...]:
    """Those of which one kind at least is not switched off."""
    return tuple(watch for kinds, watch in _WATCHES if any(ways_of(policy, kind).on for kind in kinds))


_watches_of = OnceEach(_watches)
