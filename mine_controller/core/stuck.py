"""A probe that shows the same tenth of a degree while the load moves is stuck (TMP2). Bookkeeping of `freeze`. Pure.

One mark a probe lies among the channels: its value, since when, and the lowest and highest load meanwhile.
"""

from collections.abc import Iterable

from mine_controller.core.model.image import Miners
from mine_controller.core.model.reading import Value
from mine_controller.core.model.wiring import MinerSpec, Wiring

STUCK = "=?"  # the mark's key is the channel's with this behind it
STUCK_AFTER_S = 3600
MOVED_PCT = 20  # of nominal
HEATED = ("inlet_c", "outlet_c")  # roles whose air the load warms
WORD = " stuck"


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
