"""Outside air: a day curve with its top at 16:00, slow noise, and a dew point that hardly moves in a day.

Temperatures are made from the wall clock and the seed alone, so any moment can be asked in any order.
"""

import math
from typing import Final
from zoneinfo import ZoneInfo

from mine_controller.record import NamedTuple
from mine_controller.twin.noise import key_of, normal

DAY_S: Final = 86_400
_KNOT_S: Final = 1_800  # the noise has one value each half hour, straight lines between
_NOISE_K: Final = 0.5
_WARMEST_S: Final = 16 * 3_600
_BLEND_S: Final = 1_800  # how long one kind of weather takes to turn into the next


class Climate(NamedTuple):
    """mean + swing x sin(day); dew point in degC."""

    mean_c: float
    swing_k: float
    dew_c: float


PRESETS: Final[dict[str, Climate]] = {
    "july": Climate(24, 7, 13),
    "hot": Climate(28, 7, 15),
    "heat_wave": Climate(34, 7, 19),
    "harvest": Climate(12, 8, 2),
    "january": Climate(-10, 6, -17),
    "cold_spell": Climate(-27, 4, -34),
    "tropical": Climate(28, 5, 22),
    "savanna": Climate(27, 7, 13),
}


def utc_offset_s(zone: str, wall_s: int) -> int:
    """How far `zone` is ahead of UTC at that moment. Needs the zone's file only if it is not UTC."""
    from datetime import UTC, datetime  # noqa: PLC0415 - the tick imports this room for its demo only

    if zone == "UTC":
        return 0
    offset = datetime.fromtimestamp(wall_s, UTC).astimezone(ZoneInfo(zone)).utcoffset()
    return int(offset.total_seconds()) if offset else 0


def saturation_hpa(temp_c: float) -> float:
    """Vapour pressure of saturated air (Magnus formula over water)."""
    return 6.112 * math.exp(17.62 * temp_c / (243.12 + temp_c))


def humidity_pct(temp_c: float, dew_c: float) -> float:
    """Relative humidity of air at `temp_c` holding the moisture of `dew_c`; 1 to 100."""
    return min(100.0, max(1.0, 100 * saturation_hpa(dew_c) / saturation_hpa(temp_c)))


class Weather:
    """The outside air of one site. `turn` changes the climate from a moment on."""

    def __init__(self, seed: int, start_wall_s: int, preset: str = "july", zone: str = "UTC") -> None:
        self._key = key_of(seed, "ambient")
        self._local_s = start_wall_s + utc_offset_s(zone, start_wall_s)
        self._from = self._to = PRESETS[preset]
        self._turned_s = -float(_BLEND_S)

    def turn(self, at_s: float, preset: str) -> None:
        """From plant second `at_s` the climate becomes `preset` within half an hour. KeyError names an unknown one."""
        self._from, self._to, self._turned_s = self._now(at_s), PRESETS[preset], at_s

    def _now(self, at_s: float) -> Climate:
        share = (at_s - self._turned_s) / _BLEND_S
        if share >= 1:
            return self._to
        share = max(0.0, share)
        return Climate(*(a + (b - a) * share for a, b in zip(self._from, self._to, strict=True)))

    def ambient_c(self, at_s: float) -> float:
        """Temperature outside at plant second `at_s`."""
        mean, swing, _ = self._now(at_s)
        local = self._local_s + at_s
        day = math.cos(2 * math.pi * (local - _WARMEST_S) / DAY_S)
        knot, part = divmod(local, _KNOT_S)
        noise = normal(self._key, int(knot)) * (1 - part / _KNOT_S) + normal(self._key, int(knot) + 1) * part / _KNOT_S
        return mean + swing * day + _NOISE_K * noise

    def dew_c(self, at_s: float) -> float:
        """Dew point outside; never above the air itself."""
        return min(self._now(at_s).dew_c, self.ambient_c(at_s))
