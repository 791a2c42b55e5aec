"""Alarm conditions that are levels: judged from the image at each opening round, with the figure that shows it. Pure.

Each watch gives what is wrong now, as events, and names what it can't judge (unknown): that neither raises nor ends an
alarm. What has a dead-band looks at whether its alarm stands already: it then ends at `clear`, not at `threshold`.
"""

from collections.abc import Callable, Iterator

from mine_controller.core.alarms.catalogue import KINDS, ways_of
from mine_controller.core.alarms.needs import lost, still
from mine_controller.core.feed import dead_by
from mine_controller.core.fleet import marks_of
from mine_controller.core.hearing import APART_S
from mine_controller.core.lamp import NAME as LAMP
from mine_controller.core.lamp import wanted
from mine_controller.core.model.alarm import AlarmPolicy
from mine_controller.core.model.quantity import TEXT_MAX_AGE_S
from mine_controller.core.model.reading import Value
from mine_controller.core.model.reason import Event, Reason
from mine_controller.core.once import Once, each
from mine_controller.core.reach import answers, commandable, is_dark
from mine_controller.core.source import nearer_hz, nominal_hz
from mine_controller.core.view import View
from mine_controller.record import NamedTuple

# Chip temperatures that warn and that are a danger, by kind of section. Bitaxe firmware throttles at 75; Avalon's TMax
# and the container machines' highest chip run hotter by design. What is not named counts as a container machine.
CHIP_C = {
    "bitaxe": (68.0, 75.0),
    "nerdqaxe": (68.0, 75.0),
    "nmminer": (70.0, 80.0),
    "xmrig": (85.0, 95.0),
    "avalon": (95.0, 105.0),
}
CHIP_ELSE_C = (95.0, 105.0)
# What the shell says of itself: endpoints that are no devices. Their health is a reading like any.
OWN = {"store": "database", "disk": "disk", "config": "config_broken", "backup": "backup_failed"}
SKIPPED, SKIPPED_ROW = "lock:skipped_n", "lock/row:skipped_n"  # ticks that found the lock taken: all, and in a row
FIGURE_S = 600  # how old what a controller or a UPS says may be
AWAY = ("maintenance", "spare")


class Seen(NamedTuple):
    """What the watches found. `unknown` holds keys ("kind about") that can't be judged now."""

    wrong: tuple[Event, ...]
    unknown: frozenset[str]


class Look(NamedTuple):
    """What a watch may see."""

    view: View
    policy: AlarmPolicy
    events: tuple[Event, ...]  # this round's

    def stands(self, kind: str, about: str) -> bool:
        """True while this alarm is open: its dead-band counts."""
        return f"{kind} {about}" in self.view.state.alarms

    def off_limits(self, kind: str, about: str, value: float, limit: tuple[float, float] | None = None) -> bool:
        """True when a figure is past its mark; a standing alarm ends at the other one."""
        ways = ways_of(self.policy, kind)
        threshold, clear = limit or (ways.threshold, ways.clear)
        mark = clear if self.stands(kind, about) else threshold
        return value < mark if KINDS[kind].low else value > mark


Found = Iterator[Event | str]  # an event, or the key of what is unknown


def look_round(view: View, events: tuple[Event, ...], policy: AlarmPolicy) -> Seen:
    """Every watch of the table, but for those that are switched off."""
    look = Look(view, policy, events)
    wrong: list[Event] = []
    unknown: list[str] = []
    for kinds, watch in _WATCHES:
        if any(ways_of(policy, kind).on for kind in kinds):
            for found in watch(look):
                if isinstance(found, str):
                    unknown.append(found)
                else:
                    wrong.append(found)
    return Seen(tuple(wrong), frozenset(unknown))


def _event(kind: str, about: str, *numbers: tuple[str, float | int | str]) -> Event:
    return Event(kind, KINDS[kind].severity, about, Reason("alarm", kind, tuple(numbers)))


def _hot(
    kind: str, about: str, heat_c: float, marks_c: tuple[float, float], *numbers: tuple[str, float | str]
) -> Event:
    """A heat over its mark; or no longer, where the alarm stands on until the lower one. `marks_c`: (from, until)."""
    from_c, until_c = marks_c
    if heat_c > from_c:
        return _event(kind, about, *numbers, ("limit_c", from_c))
    reason = Reason("alarm", f"{kind.partition('_')[0]}_eased", (*numbers, ("limit_c", from_c), ("clear_c", until_c)))
    return Event(kind, KINDS[kind].severity, about, reason)


def _inlet(look: Look) -> Found:
    if not look.view.wired("inlet_c"):
        return
    inlet_c = look.view.number("inlet_c")
    for kind in ("temperature_warning", "temperature_danger"):
        if inlet_c is None:
            yield f"{kind} inlet"
        elif look.off_limits(kind, "inlet", inlet_c):
            ways = ways_of(look.policy, kind)
            yield _hot(kind, "inlet", inlet_c, (ways.threshold, ways.clear), ("inlet_c", inlet_c))


def _spread(look: Look) -> Found:
    """TMP5: how far the inlet's probes are apart."""
    low_c, high_c = look.view.number("inlet_min_c"), look.view.number("inlet_max_c")
    if not look.view.wired("inlet_c"):
        return
    if low_c is None or high_c is None:
        yield "probes_apart inlet"
    elif look.off_limits("probes_apart", "inlet", high_c - low_c):
        yield _event("probes_apart", "inlet", ("low_c", low_c), ("high_c", high_c))


def _humidity(look: Look) -> Found:
    if not look.view.wired("humidity_pct"):
        return
    humidity_pct = look.view.number("humidity_pct")
    if humidity_pct is None:
        yield "humidity_high air"
    elif look.off_limits("humidity_high", "air", humidity_pct):
        yield _event("humidity_high", "air", ("humidity_pct", humidity_pct))


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
            yield _event(kind, "grid", ("grid_hz", grid_hz), ("nominal_hz", usual_hz))


def _contacts(look: Look) -> Found:
    for role, kind in (("door", "door_open"), ("mains", "mains_lost")):
        if look.view.wired(role):
            value = look.view.role(role).value
            if value is None:
                yield f"{kind} {role}"
            elif value == "alarm":
                yield _event(kind, role)
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
            yield _event("device_unreachable", name, ("device", name), ("why", health.why[:120] if health else ""))
    for name, kind in OWN.items():
        health = channels.get(f"{name}:health")
        if health is not None and health.value is None:
            yield _event(kind, name, ("why", health.why[:160]))


def _frozen(look: Look) -> Found:
    """Endpoints that answer and stand still: nobody would look at them, as they are not silent."""
    for name, why in still(look.view).items():
        if answers(look.view, name):
            yield _event("device_frozen", name, ("device", name), ("why", why[:120]))
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
        yield _event("required_lost", what, ("what", what.replace("_", " ")), ("why", why))


def _lamp(look: Look) -> Found:
    """A lamp that does not do as it is told: nobody would see it in the emergency. A silent board is told as such."""
    view, relay = look.view, look.view.wiring.lamp
    kept, lane = view.state.memory.get(LAMP), relay.partition("/")[0]
    if not relay or kept is None or not view.site.live or not commandable(view, lane):
        return
    seen = view.image.channels.get(f"{relay}:switch")
    known = seen is not None and not seen.why and view.now_s - seen.at_s <= TEXT_MAX_AGE_S
    now = str(seen.value) if seen is not None and known else "unknown"
    if not answers(view, lane):
        yield f"lamp_stuck {LAMP}"
    elif now != wanted(kept):
        yield _event("lamp_stuck", LAMP, ("relay", relay), ("now", now), ("want", wanted(kept)))


def _forced(look: Look) -> Found:
    """A person's word against the utility's, with the penalty accepted: told as gravely as it is, for as long."""
    for override in look.view.state.overrides:
        if override.key == "signal" and override.kind == "penalty":
            numbers = (("actor", override.actor), ("left_s", override.until_s - look.view.now_s))
            yield _event("signal_forced", "signal", *numbers, ("text", override.reason))


def _clock(look: Look) -> Found:
    if not look.view.image.clock.synced:
        yield _event("clock_unsynced", "controller")


def _lock(look: Look) -> Found:
    """PRO1: beats of the rhythm in which no tick could begin. The one that looks has the lock, so it is over by now."""
    row = look.view.image.channels.get(SKIPPED_ROW)
    if row is None:
        return
    if row.why or not isinstance(row.value, int):
        yield "ticks_skipped controller"
    elif look.off_limits("ticks_skipped", "controller", row.value):
        yield _event("ticks_skipped", "controller", ("ticks", row.value))


def _machine(look: Look) -> Found:
    """What the controller says of itself where [machine] is configured. A Raspberry Pi slows down from 80 °C on."""
    for name in _of_kind(look.view, "machine"):
        heat_c = _figure(look.view, name, f"{name}:board_c")
        free_pct = _figure(look.view, name, f"{name}/memory:free_pct")
        slowed = look.view.image.channels.get(f"{name}/throttling:contact")
        if heat_c is not None and look.off_limits("controller_hot", name, heat_c):
            yield _event("controller_hot", name, ("board_c", heat_c))
        elif slowed is not None and slowed.value == "alarm":
            reason = Reason("alarm", "controller_slowed", (("device", name),))
            yield Event("controller_hot", KINDS["controller_hot"].severity, name, reason)
        elif heat_c is None:
            yield f"controller_hot {name}"
        if free_pct is None:
            yield f"memory_low {name}"
        elif look.off_limits("memory_low", name, free_pct):
            yield _event("memory_low", name, ("free_pct", free_pct))


def _ups(look: Look) -> Found:
    """What the UPS says where [nut] is configured; a UPS that does not answer ends no alarm."""
    for name in _of_kind(look.view, "nut"):
        charge_pct = _figure(look.view, name, f"{name}:charge_pct")
        for channel, kind in (("mains", "ups_on_battery"), ("battery", "ups_low")):
            told = look.view.image.channels.get(f"{name}/{channel}:contact")
            if told is None or told.value is None:
                yield f"{kind} {name}"
            elif told.value == "alarm":
                charge = charge_pct if charge_pct is not None else "unknown"
                yield _event(kind, name, ("device", name), ("charge_pct", charge))


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
            yield _event("over_breaker", about, ("total_w", total_w), ("limit_w", breaker.limit_w))
        elif breaker.name in blind:
            yield f"over_breaker {about}"


def _miners(look: Look) -> Found:
    """Miners that drew power and neither draw nor answer, though nobody here told them to stop."""
    view = look.view
    miners, books, chases = view.image.miners, view.state.miners, view.state.chases
    dark = {event.about for event in look.events if event.kind == "miner_off_unasked"}
    known = _known(view, "miner_offline")
    rows = zip(
        view.wiring.miners, miners.power_w, miners.word, miners.outlet, marks_of(view.wiring.miners), strict=True
    )
    for at, (spec, watts, word, outlet, mark_w) in enumerate(rows):
        if watts is not None and watts > mark_w:
            continue
        book, chase = books.get(spec.id), chases.get(f"miner {spec.id}")
        dark_s = book.last_stop_s if book is not None and not book.on else 0
        if word is not None and word != "offline" and miners.word_at[at] >= dark_s:
            continue  # it has answered since
        if spec.id not in known and spec.id not in dark and not (watts is None and book is not None and book.on):
            continue  # stopped by us, never seen, or it sleeps without a word
        if outlet == "off" or not spec.paths or any(flag in spec.flags for flag in AWAY):
            continue
        if (book is not None and book.quarantined) or (chase is not None and chase.want == "stop") or _down(view):
            yield f"miner_offline {spec.id}"
            continue
        heard_s = miners.word_at[at]
        if word == "offline":  # whoever speaks for it says so anew each time
            heard_s = dark_s or miners.power_at[at]
        silent_s = view.now_s - max(heard_s, miners.power_at[at] if watts is None else 0)
        event = _event("miner_offline", spec.id, ("miner", spec.id), ("silent_s", silent_s))
        yield event if watts is not None else event._replace(reason=event.reason._replace(code="miner_silent"))


def _unseen(look: Look) -> Found:
    """Miners that fleet.csv lists and nobody has ever heard or measured: an alarm about silence needs a word before."""
    view, miners = look.view, look.view.image.miners
    rows = zip(view.wiring.miners, miners.word_at, miners.power_at, miners.outlet, miners.address, strict=True)
    for spec, word_at, power_at, outlet, address in rows:
        if word_at or power_at or outlet is not None or address is not None:
            continue
        if spec.paths and not any(flag in spec.flags for flag in AWAY):
            yield _event("miner_unseen", spec.id, ("miner", spec.id))


def _doubled(look: Look) -> Found:
    """Two units that tell one identity: a driver then knows neither, and says under which addresses they answer."""
    view, channels = look.view, look.view.image.channels
    specs = view.wiring.miners
    for spec, found in zip(specs, map(channels.get, _addresses_of(specs)), strict=True):
        if found is None or found.value is None:
            continue
        tried = channels.get(f"{spec.group}:tried")
        if not answers(view, spec.group):
            yield f"doubled {spec.id}"
        elif tried is not None and found.at_s >= tried.at_s - APART_S:
            yield _event("doubled", spec.id, ("miner", spec.id), ("addresses", str(found.value)))


_addresses_of = Once(each(lambda spec: f"{spec.group}/{spec.mac} addresses:text"))


def _down(view: View) -> bool:
    """True while everything is meant to be off: silence is then no news."""
    return view.state.shed is not None and view.state.shed.ended_s is None


def _known(view: View, kind: str) -> frozenset[str]:
    """What this kind of alarm is open or pending about."""
    pending = (view.state.last.get("alarm_book") or {}).get("pending") or {}
    begin = kind + " "
    return frozenset(key[len(begin) :] for key in (*view.state.alarms, *pending) if key.startswith(begin))


def _chips(look: Look) -> Found:
    """The hottest chip of each miner against the marks of its kind, or the owner's."""
    channels, oldest = look.view.image.channels, look.view.now_s - 240
    own = tuple(ways_of(look.policy, kind) for kind in ("chip_warning", "chip_danger"))
    specs = look.view.wiring.miners
    for spec, found in zip(specs, map(channels.get, _chip_keys_of(specs)), strict=True):
        if found is None:
            continue
        if not isinstance(found.value, int | float) or found.at_s < oldest:
            yield from (f"chip_warning {spec.id}", f"chip_danger {spec.id}")
            continue
        marks = CHIP_C.get(spec.group.partition(" ")[0], CHIP_ELSE_C)
        for kind, ways, usual_c in zip(("chip_warning", "chip_danger"), own, marks, strict=True):
            threshold_c = ways.threshold or usual_c
            clear_c = ways.clear or threshold_c - 3
            if found.value <= min(threshold_c, clear_c):
                continue
            if look.off_limits(kind, spec.id, found.value, (threshold_c, clear_c)):
                heat_c = float(found.value)
                yield _hot(kind, spec.id, heat_c, (threshold_c, clear_c), ("miner", spec.id), ("chip_c", heat_c))


_chip_keys_of = Once(each(lambda spec: f"{spec.group}/{spec.mac}:chip_c"))


def _drift(look: Look) -> Found:
    """What `learn` found off its learned value for a day."""
    learned = (look.view.state.last.get("learned") or {}).get("of") or {}
    for about, row in learned.items():
        if row.get("off_s") and look.view.now_s - int(row["off_s"]) >= 86_400:
            numbers = (("what", about), ("now", row["now"]), ("learned", row["is"]), ("days", 1))
            yield _event("filter_clogged", about, *numbers)


def _shares(look: Look) -> Found:
    """What the share book holds against a miner: rejected of all in the last hour."""
    for name, row in ((look.view.state.last.get("shares") or {}).get("bad") or {}).items():
        yield _event("high_reject", name, ("miner", name), ("reject_pct", row[0]), ("shares", row[1]))


_WATCHES: tuple[tuple[tuple[str, ...], Callable[[Look], Found]], ...] = (
    (("temperature_warning", "temperature_danger"), _inlet),
    (("probes_apart",), _spread),
    (("humidity_high",), _humidity),
    (("frequency_low", "frequency_high"), _grid),
    (("door_open", "mains_lost"), _contacts),
    (("device_unreachable", *OWN.values()), _devices),
    (("device_frozen",), _frozen),
    (("required_lost",), _required),
    (("lamp_stuck",), _lamp),
    (("signal_forced",), _forced),
    (("clock_unsynced",), _clock),
    (("ticks_skipped",), _lock),
    (("controller_hot", "memory_low"), _machine),
    (("ups_on_battery", "ups_low"), _ups),
    (("over_breaker",), _breakers),
    (("miner_offline",), _miners),
    (("miner_unseen",), _unseen),
    (("doubled",), _doubled),
    (("chip_warning", "chip_danger"), _chips),
    (("filter_clogged",), _drift),
    (("high_reject",), _shares),
)


def number(value: Value | None, oldest_s: int) -> float | None:
    """A channel's number when it is known and not older than that."""
    if value is None or not isinstance(value.value, int | float) or value.at_s < oldest_s:
        return None
    return float(value.value)
