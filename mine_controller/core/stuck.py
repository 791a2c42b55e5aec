"""What shows the very same while the load moves: a probe is stuck (TMP2), a site meter stands still (MET1, PDU2). Pure.

Bookkeeping of `freeze`. One mark each lies among the channels: its value, since when, the lowest and highest load
meanwhile.
"""

from collections.abc import Iterable

from mine_controller.core.model.image import Miners
from mine_controller.core.model.reading import Value
from mine_controller.core.model.wiring import MinerSpec, Role, Wiring

STUCK = "=?"  # the mark's key is the channel's with this behind it
STUCK_AFTER_S = 3600
MOVED_PCT = 20  # of nominal
HEATED = ("inlet_c", "outlet_c")  # roles whose air the load warms
WORD = " stuck"
METER, EXPORT = "site_power_w", "export_w"
BESIDE = ("grid_hz", "voltage_v", "generator_load_pct")  # a meter that stands still tells no more of these
STILL_AFTER_S = 3600
STILL_PCT = 5  # of what it shows
STILL_STEPS = 10  # of its last digit that is not nought: one that counts in kilowatts moves seldom
LATE_S = 240  # so much older or younger than the meter's word, watts are surely not of the same moment
ROUND_S = 30  # and so much apart they were read in the same round
METER_STILL = "frozen: the same watts for an hour and more while the load moved"


def probes(wiring: Wiring) -> tuple[str, ...]:
    """The channels that must move with the load."""
    roles = [wiring.roles[name] for name in HEATED if name in wiring.roles]
    return tuple(dict.fromkeys(key for role in roles for key in role.keys))


def is_stuck(mark: Value) -> bool:
    """True for a mark that has spoken."""
    return mark.why.endswith(WORD)


def watch_probes(channels: dict[str, Value], miners: Miners, wiring: Wiring) -> None:
    """Bring the marks up to date. A load that is not wholly known proves no movement."""
    keys = probes(wiring)
    if not keys or not miners.ids:
        return
    known = [watts for watts in miners.power_w if watts is not None]
    load_w = sum(known) if len(known) == len(miners.ids) else None
    for key in keys:
        shown = channels.get(key)
        if shown is not None and shown.value is not None and not shown.why:
            channels[key + STUCK] = _mark(key, shown, channels.get(key + STUCK), load_w, wiring.miners)


def _mark(key: str, shown: Value, mark: Value | None, load_w: int | None, miners: Iterable[MinerSpec]) -> Value:
    if mark is None or mark.value != shown.value:
        return Value(shown.value, shown.at_s, key, f"{load_w} {load_w}" if load_w is not None else "")
    if is_stuck(mark) or load_w is None:
        return mark
    low_w, high_w = (int(part) for part in mark.why.split()) if mark.why else (load_w, load_w)
    low_w, high_w = min(low_w, load_w), max(high_w, load_w)
    why = f"{low_w} {high_w}"
    still = shown.at_s - mark.at_s >= STUCK_AFTER_S
    if still and (high_w - low_w) * 100 > sum(spec.nominal_w for spec in miners) * MOVED_PCT:
        why += WORD
    return mark if why == mark.why else mark._replace(why=why)


def watch_meters(channels: dict[str, Value], miners: Miners, wiring: Wiring) -> None:
    """Bring the marks of the site's meters up to date; one that stands still shows what is of the time when it last
    moved.

    Frequency and voltage may be steady for days: theirs are doubted only with the watts of the same device, and only
    while they stand as well. No import meter is judged that shows nothing or less: the sun may carry the load. One that
    shows what goes to the grid is, whichever way it goes: miners that start on a surplus must take from it.
    """
    roles = [wiring.roles[name] for name in (METER, EXPORT) if name in wiring.roles]
    if not roles or not miners.ids:
        return
    exports = {key for role in roles if role.name == EXPORT for key in role.keys}
    groups: dict[str, tuple[str, ...]] = {}
    for keys in (keys for role in roles for keys in _groups(role)):
        groups.setdefault(keys[0], keys)
    still = {
        _device(key)
        for keys in groups.values()
        if _stands(channels, keys, (miners, wiring.miners), either=keys[0] in exports)
        for key in keys
    }
    devices = {_device(key) for role in roles for key in role.keys}
    others = (wiring.roles[name] for name in BESIDE if name in wiring.roles)
    for key in dict.fromkeys(key for other in others for key in other.keys if _device(key) in devices):
        _beside(channels, key, _device(key) in still)


def _groups(role: Role) -> tuple[tuple[str, ...], ...]:
    """Channels that are one meter together: phases that are added are."""
    return (role.keys,) if role.vote == "sum" else tuple((key,) for key in role.keys)


def _device(key: str) -> str:
    return key.partition("/")[0].partition(":")[0]


def _stands(
    channels: dict[str, Value], keys: tuple[str, ...], fleet: tuple[Miners, tuple[MinerSpec, ...]], *, either: bool
) -> bool:
    """Whether a meter, or phases that are added, stand still; then nobody is to take what they show for news.

    `either`: also one that shows less than nothing.
    """
    miners, specs = fleet
    shown = [channels[key] for key in keys if key in channels]
    watts = [value.value for value in shown if isinstance(value.value, int)]
    mark, total_w, unread = channels.get(keys[0] + STUCK), sum(watts), {value.why for value in shown} - {""}
    if len(watts) < len(keys) or unread:
        return unread == {METER_STILL} and mark is not None and is_stuck(mark)
    at_s = max(value.at_s for value in shown)
    if mark is None or mark.value != total_w:
        mark = Value(total_w, at_s, "", "")
    else:
        load_w = _load_w(miners, specs, mark.at_s + LATE_S, at_s + ROUND_S)
        mark = _moved(mark, abs(total_w) if either else total_w, at_s, load_w)
    channels[keys[0] + STUCK] = mark
    if not is_stuck(mark):
        return False
    for key, value in zip(keys, shown, strict=True):
        channels[key] = Value(value.value, mark.at_s, key, METER_STILL)
    return True


def _load_w(miners: Miners, specs: tuple[MinerSpec, ...], from_s: int, to_s: int) -> tuple[int, int]:
    """The least and the most that was drawn between the two; who was not read then proves no movement."""
    rows = zip(specs, miners.power_w, miners.power_at, strict=True)
    least_w = unread_w = 0
    for spec, watts, read_s in rows:
        if watts is not None and from_s <= read_s <= to_s:
            least_w += watts
        else:
            unread_w += spec.nominal_w * 110 // 100
    return least_w, least_w + unread_w


def _moved(mark: Value, shown_w: int, at_s: int, load_w: tuple[int, int]) -> Value:
    """The mark of a meter that shows the same as before: the lowest load, the highest, since when that is enough.

    Outlets miss a tick, miners and meters tell late: what was read before it showed this, or without it, is no load
    under which it stood; and after a move it is given the time to show it.
    """
    least_w, most_w = load_w
    kept = [int(part) for part in mark.why.removesuffix(WORD).split()] or [most_w, least_w]
    low_w, high_w, moved_s = (*kept, 0)[:3]
    low_w, high_w = min(low_w, most_w), max(high_w, least_w)
    enough_w = max(shown_w * STILL_PCT // 100, STILL_STEPS * _digit(shown_w))
    moved_s = moved_s or (at_s if high_w - low_w > enough_w else 0)
    late = moved_s == 0 or at_s - moved_s < LATE_S or at_s - mark.at_s < STILL_AFTER_S
    return mark._replace(why=f"{low_w} {high_w} {moved_s}" + (WORD if shown_w > 0 and not late else ""))


def _digit(watts: int) -> int:
    """The worth of its last digit that is not nought."""
    digit = 1
    while watts and watts % (10 * digit) == 0:
        digit *= 10
    return digit


def _beside(channels: dict[str, Value], key: str, still: bool) -> None:
    """A figure that has not changed for as long, of a device whose watts stand still."""
    shown = channels.get(key)
    if shown is None or shown.value is None or shown.why:
        return
    mark = channels.get(key + STUCK)
    if mark is None or mark.value != shown.value:
        mark = channels[key + STUCK] = Value(shown.value, shown.at_s, key, "")
    if still and shown.at_s - mark.at_s >= STILL_AFTER_S:
        channels[key] = Value(shown.value, mark.at_s, key, METER_STILL)
