"""An Agile-like tariff: half-hour prices that repeat from the seed, published in the afternoon for the next day.

Nights are cheap, 16 to 19 h local time costs twice as much, about 2 % of all slots are negative, nothing is dearer than
100. A block reaches from 23:00 to 23:00 local time and appears at 16:00; one day in sixty it does not appear before the
evening of the next. Days on which the clocks change have 46 or 50 slots by themselves: slots are moments of UTC.
"""

import datetime as dt
from typing import Final
from zoneinfo import ZoneInfo

from mine_controller.core.money.prices import Slot
from mine_controller.record import NamedTuple
from mine_controller.twin.noise import key_of, normal, uniform

ZONE: Final = "Europe/London"
SLOT_S: Final = 1800
DAY_S: Final = 86_400
PUBLISHED_HOUR: Final = 16
BLOCK_END_HOUR: Final = 23
LATE_S: Final = 27 * 3600  # a publication that is missed comes at 19:00 on the next day
MISSED_ONE_IN: Final = 60
NEGATIVE_SHARE: Final = 0.02
CAP_P: Final = 100.0
PEAK: Final = range(16, 19)
PEAK_TIMES: Final = 2.0
VAT: Final = 1.05


class Day(NamedTuple):
    """One block of prices: the UTC moments of its slots, and when it appears."""

    begin_s: int
    end_s: int
    appears_s: int


class Tariff:
    """`missed`: dates (of the day before the block) whose publication is late, beside those the seed draws."""

    def __init__(self, seed: int, missed: frozenset[dt.date] = frozenset(), zone: str = ZONE) -> None:
        self.seed, self.missed, self.zone = seed, missed, ZoneInfo(zone)
        self._price, self._day, self._gone = (key_of(seed, f"tariff {what}") for what in ("slot", "day", "missed"))

    def price(self, start_s: int) -> float:
        """Pence per kWh before VAT of the half hour that begins then, 2 decimals."""
        number = start_s // SLOT_S
        if uniform(self._price, number) < NEGATIVE_SHARE:
            return round(-12 * uniform(self._price, number + 1), 2)
        here = dt.datetime.fromtimestamp(start_s, self.zone)
        level = 14 + 5 * normal(self._day, here.toordinal())
        shape = 0.55 if here.hour < 6 else 1.0
        peak = PEAK_TIMES if here.hour in PEAK else 1.0
        return round(min(CAP_P, max(0.5, (level + normal(self._price, number)) * shape * peak)), 2)

    def block(self, date: dt.date) -> Day:
        """What appears on that date: from 23:00 of it to 23:00 of the next one, local time."""
        begin_s, end_s = (self._moment_s(date + dt.timedelta(days=n), BLOCK_END_HOUR) for n in (0, 1))
        late = LATE_S if self.is_missed(date) else 0
        return Day(begin_s, end_s, self._moment_s(date, PUBLISHED_HOUR) + late)

    def is_missed(self, date: dt.date) -> bool:
        """Whether that afternoon's publication is missed."""
        return date in self.missed or uniform(self._gone, date.toordinal()) < 1 / MISSED_ONE_IN

    def _moment_s(self, date: dt.date, hour: int) -> int:
        return int(dt.datetime(date.year, date.month, date.day, hour, tzinfo=self.zone).timestamp())

    def published_until(self, wall_s: int) -> int:
        """The end of the last slot that has appeared by then."""
        today = dt.datetime.fromtimestamp(wall_s, self.zone).date()
        days = (self.block(today + dt.timedelta(days=n)) for n in (0, -1, -2, -3))
        return next(day.end_s for day in days if day.appears_s <= wall_s)

    def slots(self, from_s: int, to_s: int, wall_s: int) -> tuple[Slot, ...]:
        """The slots that begin in from_s..to_s and have appeared by `wall_s`, in the order of time, before VAT."""
        end_s = min(to_s, self.published_until(wall_s))
        first_s = -(-from_s // SLOT_S) * SLOT_S
        return tuple(Slot(at_s, at_s + SLOT_S, self.price(at_s)) for at_s in range(first_s, end_s, SLOT_S))
