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
METER = "site_power_w"
BESIDE = ("grid_hz", "voltage_v", "generator_load_pct")  # a meter that stands still tells no more of these
STILL_AFTER_S = 3600
STILL_PCT = 5  # of what it shows
STILL_STEPS = 10  # of its last digit that is not nought: one that counts in kilowatts moves seldom
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
    """Bring the marks of the site meter up to date; one that stands still shows what is of the time when it last moved.

    Frequency and voltage may be steady for days: theirs are doubted only with the watts of the same device, and only
    while they stand as well. No import meter is judged that shows nothing: the sun may carry the load.
    """
    role = wiring.roles.get(METER)
    if role is None or not miners.ids:
        return
    least_w = sum(watts for watts in miners.power_w if watts is not None)
    rows = zip(wiring.miners, miners.power_w, strict=True)
    most_w = least_w + sum(spec.nominal_w * 110 // 100 for spec, watts in rows if watts is None)
    still: set[str] = set()
    for keys in (role.keys,) if role.vote == "sum" else tuple((key,) for key in role.keys):
        if _stands(channels, keys, least_w, most_w):
            still |= {_device(key) for key in keys}
    others = (wiring.roles[name] for name in BESIDE if name in wiring.roles)
    for key in dict.fromkeys(key for other in others for key in other.keys if _device(key) in _devices(role)):
        _beside(channels, key, _device(key) in still)


def _device(key: str) -> str:
    return key.partition("/")[0].partition(":")[0]


def _devices(role: Role) -> set[str]:
    return {_device(key) for key in role.keys}


def _stands(channels: dict[str, Value], keys: tuple[str, ...], least_w: int, most_w: int) -> bool:
    """Whether a meter, or phases that are added, stand still; then nobody is to take what they show for news."""
    shown = [channels[key] for key in keys if key in channels]
    watts = [value.value for value in shown if isinstance(value.value, int)]
    mark, total_w, unread = channels.get(keys[0] + STUCK), sum(watts), {value.why for value in shown} - {""}
    if len(watts) < len(keys) or unread:
        return unread == {METER_STILL} and mark is not None and is_stuck(mark)
    mark = channels[keys[0] + STUCK] = _moved(mark, total_w, max(value.at_s for value in shown), (least_w, most_w))
    if not is_stuck(mark):
        return False
    for key, value in zip(keys, shown, strict=True):
        channels[key] = Value(value.value, mark.at_s, key, METER_STILL)
    return True


def _moved(mark: Value | None, total_w: int, at_s: int, load_w: tuple[int, int]) -> Value:
    """The mark of a meter after a reading. `load_w`: least and most; who is not measured proves no movement."""
    least_w, most_w = load_w
    if mark is None or mark.value != total_w:
        return Value(total_w, at_s, "", f"{most_w} {least_w}")
    low_w, high_w = (int(part) for part in mark.why.split()[:2])
    low_w, high_w = min(low_w, most_w), max(high_w, least_w)
    enough_w = max(total_w * STILL_PCT // 100, STILL_STEPS * _digit(total_w))
    stuck = total_w > 0 and at_s - mark.at_s >= STILL_AFTER_S and high_w - low_w > enough_w
    return mark._replace(why=f"{low_w} {high_w}" + (WORD if stuck else ""))


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
