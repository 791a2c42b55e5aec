"""What the fields of a CGMiner's rows tell, by their names.

Rates, watts and the time since the start have a few names each. Heat, fans and rates counted by the chips have a name
of each maker's own, which only a pattern knows. A fleet gives rows of the same few shapes (the names in them)
thousands of times, so where each thing stands is found once a shape; of an answer only the numbers are taken.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from mine_controller.record import NamedTuple
from mine_controller.wire.cgminer import Tree, number

Place = tuple[int, str]  # which row, which name in it
Shape = tuple[tuple[str, ...], ...]  # the names in each row

PROGRAMS = ("LUXminer", "BOSer", "BOSminer+", "BOSminer", "BMMiner", "BFGMiner", "CGMiner", "Miner")
MODELS = ("PROD", "Type", "MODEL", "Model")
_WATTS = ("Power", "power", "watt", "total_power", "PSU Input Power")
_SPANS = ("1m", "5s", "20s", "30s", "5m", "av")
_SCALE = {"MHS": 1e-6, "GHS": 1e-3, "THS": 1.0}
_RATES = tuple((f"{unit} {span}", scale) for span in _SPANS for unit, scale in _SCALE.items())  # the preferred first
_ELAPSED = ("Elapsed",)
_SAMPLED = re.compile(r"(?:[0-9]{1,2} )?MHS ?\(Sample\)")
_TEMPERATURE = re.compile(r"(?:[Tt]emp|TEMP|[Tt]emperature|Chip Temp)[A-Za-z0-9_ ]*")
_NO_HEAT = re.compile(r"num|target|limit|hot|danger|cut|count|mode|avg|min", re.IGNORECASE)
_FAN = re.compile(r"[Ff]an_?[0-9]{1,2}|Fan Speed (?:In|Out)|fan_speed_(?:in|out)")
VERSION, SUMMARY, STATS = 0, 1, 2  # of the rows: who it is, its summary, its statistics, and its boards behind them
SHAPES, LARGEST = 64, 1024  # kept, and names in each at most: garbage may not fill the memory


class Places(NamedTuple):
    """Where in the rows of one shape something stands; of several places of one thing the preferred first."""

    programs: tuple[Place, ...]
    models: tuple[Place, ...]
    watts: tuple[Place, ...]  # of the whole unit
    elapsed: tuple[Place, ...]  # seconds since its program started
    rates: tuple[tuple[float, tuple[Place, ...]], ...]  # by window: TH/s in its unit, and where it stands
    heats: tuple[Place, ...]
    fans: tuple[Place, ...]
    sampled: tuple[Place, ...]  # MH/s counted by the chips; a unit's rate is the sum


_known: dict[tuple[int, Shape], Places] = {}


def places(rows: Sequence[Tree], stats: int) -> Places:
    """Where it stands in these rows: a version, a summary, so many statistics, the boards."""
    shape = (stats, tuple(map(tuple, rows)))
    found = _known.get(shape)
    if found is None:
        found = _places(*shape)
        if len(_known) >= SHAPES:
            _known.clear()
        if sum(map(len, rows)) <= LARGEST:
            _known[shape] = found
    return found


def _places(stats: int, shape: Shape) -> Places:
    """Heat is told of boards and in statistics, fans and what the chips count in statistics alone."""
    numbered = list(enumerate(shape))
    boards_at = STATS + stats
    version, told, boards = numbered[VERSION:SUMMARY], numbered[SUMMARY:boards_at], numbered[boards_at:]
    statistics = numbered[STATS:boards_at]
    rates = ((scale, tuple(_named(told, (name,)))) for name, scale in _RATES)
    return Places(
        tuple(_named(version, PROGRAMS)),
        tuple(_named([*version, *statistics], MODELS)),
        tuple(_named(told, _WATTS)),
        tuple(_named(told, _ELAPSED)),
        tuple((scale, among) for scale, among in rates if among),
        tuple((at, name) for at, row in (*boards, *statistics) for name in row if _is_heat(name)),
        tuple((at, name) for at, row in statistics for name in row if _FAN.fullmatch(name)),
        tuple((at, name) for at, row in statistics for name in row if _SAMPLED.fullmatch(name)),
    )


def _named(rows: Iterable[tuple[int, tuple[str, ...]]], among: Iterable[str]) -> Iterator[Place]:
    return ((at, name) for at, row in rows for name in among if name in row)


def _is_heat(name: str) -> bool:
    return _TEMPERATURE.fullmatch(name) is not None and not _NO_HEAT.search(name)


def first(rows: Sequence[Tree], among: Iterable[Place]) -> float | None:
    """The first number at these places."""
    for at, name in among:
        if (found := number(rows[at][name])) is not None:
            return found
    return None


def every(rows: Sequence[Tree], among: Iterable[Place]) -> list[float]:
    """All numbers at these places."""
    return [found for at, name in among if (found := number(rows[at][name])) is not None]


def said(rows: Sequence[Tree], among: Iterable[Place]) -> tuple[str, Any]:
    """The first of these names that says something, and what; two empty texts when none does."""
    for at, name in among:
        if rows[at][name]:
            return name, rows[at][name]
    return "", ""


def rate_ths(rows: Sequence[Tree], where: Places) -> float | None:
    """TH/s now: sampled from the chips where the firmware has that, else the first short window there is.

    `av` counts from the start and goes on after the unit stopped; only where there is nothing else is it read.
    """
    if where.sampled and (sampled := every(rows, where.sampled)):
        return sum(sampled) * _SCALE["MHS"]
    for scale, among in where.rates:
        rate = first(rows, among)
        if rate is not None and rate >= 0:
            return rate * scale
    return None
