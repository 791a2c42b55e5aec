"""Each miner's hardest share: kept for ever, and told when it is beaten. Pure.

A kind tells `best_diff_n`: AxeOS boards and NMMiner of all times, cgminer's family and XMRig of this start, so the
highest ever seen counts and a restart beats nothing. What is seen first of a miner is history, not news. A lucky hour
is told once: a miner at most once an hour, all of them once in ten minutes, each time the highest by then.

The book: {"of": {miner: [best, told, told_s]}, "told_s": when the last one of all was told}.
"""

from collections.abc import Mapping
from typing import Any

from mine_controller.core.model.image import Image
from mine_controller.core.model.quantity import QUANTITIES
from mine_controller.core.model.reason import Event, Reason
from mine_controller.core.model.wiring import MinerSpec, Wiring
from mine_controller.core.once import Once, each

QUANTITY = "best_diff_n"
MINER_S = 3600
SITE_S = 600
LETTERS = ((1e21, "Z"), (1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
ROUNDS_UP = 0.9995  # from this share of the next letter on three figures say 1000 of the one before

Row = list[Any]  # best, the one told (or seen first), plant second at which it was told (0: never)


def found(image: Image, wiring: Wiring, known: Any) -> tuple[dict[str, Any], tuple[Event, ...]]:
    """The book after this round, and the event of a record that is to be told. `known` may be any garbage."""
    was, told_s = _read(known)
    keys = _keys_of(wiring.miners)
    if not was and not any(map(image.channels.get, keys)):
        return {}, ()
    rows: dict[str, Row] = {}
    for spec, key in zip(wiring.miners, keys, strict=True):
        best, row = _told(image, key), was.get(spec.id)
        if best is not None:
            row = [best, best, 0] if row is None else [max(best, row[0]), *row[1:]]
        if row is not None:
            rows[spec.id] = row
    now_s = image.clock.plant_s
    news = [name for name, (best, said, at_s) in rows.items() if best > said and not _lately(at_s, now_s, MINER_S)]
    if not news or _lately(told_s, now_s, SITE_S):
        return ({"of": rows, "told_s": told_s} if rows else {}), ()
    name = max(news, key=lambda one: rows[one][0])
    best, said, _at_s = rows[name]
    rows[name] = [best, best, now_s]
    numbers = (("miner", name), ("best", short(best)), ("was", short(said)))
    return {"of": rows, "told_s": now_s}, (Event("best_share", "info", name, Reason("units", "best", numbers)),)


def told_now(image: Image, spec: MinerSpec) -> float | None:
    """The hardest share a miner tells of now, by difficulty; None: it tells none."""
    return _told(image, _key(spec))


def short(value: float) -> str:
    """4.83 M · 0.0421: three figures and the letter pools use; what rounds to 1000 k is 1 M."""
    size, letter = next((step for step in LETTERS if value >= step[0] * ROUNDS_UP), (1.0, ""))
    return f"{value / size:.3g} {letter}".rstrip()


def _lately(at_s: int, now_s: int, apart_s: int) -> bool:
    return at_s > 0 and 0 <= now_s - at_s < apart_s


def _key(spec: MinerSpec) -> str:
    return f"{spec.group}/{spec.mac}:{QUANTITY}"


_keys_of = Once(each(_key))


def _told(image: Image, key: str) -> float | None:
    one = image.channels.get(key)
    if one is None or one.why or not isinstance(one.value, int | float) or one.value <= 0:
        return None
    return float(one.value) if image.clock.plant_s - one.at_s <= QUANTITIES[QUANTITY].max_age_s else None


def _read(known: Any) -> tuple[dict[str, Row], int]:
    """The rows that are whole, and when the last was told."""
    if not isinstance(known, Mapping) or not isinstance(known.get("of"), Mapping):
        return {}, 0
    rows = {str(name): list(row) for name, row in known["of"].items() if _is_row(row)}
    told_s = known.get("told_s")
    return rows, told_s if isinstance(told_s, int) else 0


def _is_row(row: Any) -> bool:
    return isinstance(row, list | tuple) and len(row) == 3 and all(isinstance(one, int | float) for one in row)
