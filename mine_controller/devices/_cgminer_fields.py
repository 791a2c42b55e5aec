"""What the fields of a CGMiner's rows tell, by their names.

Rates, watts and the time since the start have a few names, which are looked up. Heat, fans and rates counted by the
chips have a name of each maker's own, which only a pattern knows; that is asked once for a shape of row (the names in
it), because a fleet gives the same few shapes of rows thousands of times.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from mine_controller.record import NamedTuple
from mine_controller.wire.cgminer import Tree, number

_WATTS = ("Power", "power", "watt", "total_power", "PSU Input Power")
_SPANS = ("1m", "5s", "20s", "30s", "5m", "av")
_SCALE = {"MHS": 1e-6, "GHS": 1e-3, "THS": 1.0}
_RATES = tuple((f"{unit} {span}", scale) for span in _SPANS for unit, scale in _SCALE.items())  # the preferred first
_ELAPSED = ("Elapsed",)
_SAMPLED = re.compile(r"(?:[0-9]{1,2} )?MHS ?\(Sample\)")
_TEMPERATURE = re.compile(r"(?:[Tt]emp|TEMP|[Tt]emperature|Chip Temp)[A-Za-z0-9_ ]*")
_NO_HEAT = re.compile(r"num|target|limit|hot|danger|cut|count|mode|avg|min", re.IGNORECASE)
_FAN = re.compile(r"[Ff]an_?[0-9]{1,2}|Fan Speed (?:In|Out)|fan_speed_(?:in|out)")


class Measured(NamedTuple):
    """What stands under names that say what it is."""

    heats_c: list[float]
    fans_rpm: list[float]
    sampled_mhs: list[float]  # counted by the chips; a unit's rate is the sum


_HEAT, _FANS, _SAMPLES = range(len(Measured._fields))
_ALL = (_HEAT, _FANS, _SAMPLES)


def measured(stats: Iterable[Tree], boards: Iterable[Tree]) -> Measured:
    """Heat is told of boards and in statistics, fans and what the chips count in statistics alone."""
    found = Measured([], [], [])
    for row in boards:
        _read(row, _marked(tuple(row), (_HEAT,)), found)
    for row in stats:
        _read(row, _marked(tuple(row), _ALL), found)
    return found


def _read(row: Tree, marked: tuple[tuple[str, int], ...], found: Measured) -> None:
    for name, meaning in marked:
        value = number(row[name])
        if value is not None:
            found[meaning].append(value)


@lru_cache(maxsize=256)
def _marked(row: tuple[str, ...], among: tuple[int, ...]) -> tuple[tuple[str, int], ...]:
    return tuple((name, meaning) for name in row if (meaning := _meaning(name)) in among)


def _meaning(name: str) -> int | None:
    if _TEMPERATURE.fullmatch(name) and not _NO_HEAT.search(name):
        return _HEAT
    return _SAMPLES if _SAMPLED.fullmatch(name) else _FANS if _FAN.fullmatch(name) else None


def watts(rows: Iterable[Tree]) -> float | None:
    """Watts of the whole unit."""
    return _first(rows, _WATTS)


def elapsed_s(rows: Iterable[Tree]) -> float | None:
    """Seconds since its program started."""
    return _first(rows, _ELAPSED)


def rate_ths(rows: Sequence[Tree], sampled_mhs: Sequence[float]) -> float | None:
    """TH/s now: sampled from the chips where the firmware has that, else the first short window there is.

    `av` counts from the start and goes on after the unit stopped; only where there is nothing else is it read.
    """
    if sampled_mhs:
        return sum(sampled_mhs) * _SCALE["MHS"]
    for name, scale in _RATES:
        rate = _first(rows, (name,))
        if rate is not None and rate >= 0:
            return rate * scale
    return None


def _first(rows: Iterable[Tree], among: Iterable[str]) -> float | None:
    for row in rows:
        for name in among:
            if name in row and (found := number(row[name])) is not None:
                return found
    return None
