"""What the big miners (antminer, whatsminer, asic) tell, in one shape, and the readings made of it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mine_controller.core.model.pool import Pool
from mine_controller.devices import _answer, _pools, _units
from mine_controller.devices.kind import Found
from mine_controller.record import NamedTuple
from mine_controller.wire.cgminer import number

LOWEST_C, HIGHEST_C = 1.0, 150.0  # 0 and -273 stand for "no sensor"; what is hotter than this is no chip
READS = (
    *("address", "word", "power_w", "limit_w", "chip_c", "board_c", "fan_rpm", "hashrate_ths", "uptime_s"),
    *("accepted_n", "rejected_n", "stale_n", "mode", "pool", "text"),
)


class Told(NamedTuple):
    """One unit as it describes itself; None is unknown, and `why_*` says why where that is worth a sentence."""

    word: str | None = None
    why_word: str = "it does not say what it does"
    power_w: float | None = None
    why_power: str = "this firmware tells no watts"
    limit_w: float | None = None
    rate_ths: float | None = None
    why_rate: str = "it gives no current hash rate"
    chip_c: float | None = None
    board_c: float | None = None
    fan_rpm: float | None = None
    uptime_s: float | None = None
    accepted: float | None = None
    rejected: float | None = None
    stale: float | None = None
    mode: str | None = None
    pool: tuple[Any, Any, Any] | None = None  # url or host, user, port (None where the url has it)
    model: Any = ""
    firmware: Any = ""


def found(unit: str, host: str, told: Told, pools: Sequence[Pool]) -> tuple[Found, ...]:
    """The readings of one unit. What no unit of its firmware tells is left out; what this one should tell is None."""
    rows = [
        *_units.facts(unit, host, told.model, told.firmware),
        Found(unit, "word", told.word, "" if told.word else told.why_word),
        _units.told("power_w", unit, told.power_w, told.why_power),
        _units.told("hashrate_ths", unit, _rounded(told.rate_ths), told.why_rate),
        _units.told("chip_c", unit, told.chip_c, "no chip sensor answers"),
    ]
    more = (
        ("limit_w", told.limit_w),
        ("board_c", told.board_c),
        ("fan_rpm", told.fan_rpm),
        ("uptime_s", told.uptime_s),
        ("accepted_n", told.accepted),
        ("rejected_n", told.rejected),
        ("stale_n", told.stale),
        ("mode", told.mode),
        ("pool", _pools.name_of(pools, *told.pool) if told.pool else None),
    )
    return (*rows, *(Found(unit, what, value) for what, value in more if value is not None))


def _rounded(rate_ths: float | None) -> float | None:
    return round(rate_ths, 6) if rate_ths is not None else None


def hottest(values: Iterable[Any]) -> float | None:
    """The highest of the sensors that answer."""
    heats = [heat for value in values if (heat := number(value)) is not None and LOWEST_C <= heat <= HIGHEST_C]
    return max(heats, default=None)


def slowest(turns: Iterable[Any], fans: float | None = None) -> float | None:
    """The slowest fan in rpm; 0 when fewer turn than there are `fans`. A connector without a fan also tells 0."""
    told = [rpm for value in turns if (rpm := number(value)) is not None and rpm >= 0]
    turning = [rpm for rpm in told if rpm > 0]
    if told and fans is not None and len(turning) < fans <= len(told):
        return 0.0
    return min(turning, default=None)


def above_zero(value: Any) -> float | None:
    """A number above 0: 0 and -1 stand for "not measured" in watts and limits."""
    found_ = number(value)
    return found_ if found_ is not None and found_ > 0 else None


def counted(value: Any) -> float | None:
    """A counter or duration, from 0 on."""
    found_ = number(value)
    return found_ if found_ is not None and found_ >= 0 else None


def summed(rows: Iterable[Mapping[str, Any]], name: str) -> float | None:
    """A counter over all rows (pools); None where one of them does not tell it: a part of a sum is none."""
    counts = [counted(row.get(name)) for row in rows]
    known = [count for count in counts if count is not None]
    return sum(known) if known and len(known) == len(counts) else None


def working(
    rate_ths: float | None, uptime_s: float | None, patience_s: float, pools: Sequence[Mapping[str, Any]] = ()
) -> tuple[str | None, str]:
    """The word of a unit that is meant to hash, by its current rate; `pools`: its rows of POOLS, where it has such."""
    if rate_ths is None:
        return None, "it gives no hash rate"
    if rate_ths > 0:
        return "hashing", ""
    if uptime_s is None:
        return None, "no hash rate, and it does not say since when it runs"
    if uptime_s < patience_s:
        return "booting", ""
    return ("waiting", "") if _pools.are_dead(pools) else ("error", "")


def shown(value: Any) -> str:
    """A device's text or number as it may be shown."""
    return _answer.clean(value) if isinstance(value, str | int | float) else ""
