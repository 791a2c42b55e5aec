"""A fixed tariff by time of use: prices by the clock on the wall, weekdays and season, from the config alone.

Nothing is asked of anybody. `rates` are windows in local time, the first that fits counts, `price` is for all the rest:

    price = 28.4
    rates = 00:30-05:30 8.5, 16:00-19:00 mon-fri winter 38.2

A window may go over midnight (its weekday and season are those of the day on which it began). Summer is from
`summer_from` to `summer_to`, both included; the rest of the year is winter. When the clocks change, a window is as long
as it truly lasts: 01:00-02:00 is no time at all on the day that hour is left out and two hours on the day it is twice.
"""

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo

from mine_controller.core.money import prices
from mine_controller.core.money.prices import Slot
from mine_controller.core.money.windows import DAYS_WORD, Window, days_of, is_open, minute_of
from mine_controller.core.option import option
from mine_controller.devices import _prices
from mine_controller.devices.kind import Ask, BadReply, Can, Found, LaneSpec, Reply
from mine_controller.record import NamedTuple
from mine_controller.wire.door import Wire, WireError

CAN = Can(reads=_prices.READS)
LANE = LaneSpec()
HERE = True

STEP_S = 300  # edges lie on multiples of it
AHEAD_S = 8 * _prices.DAY_S
_RATE = re.compile(
    rf"([0-9]{{2}}:[0-9]{{2}})-([0-9]{{2}}:[0-9]{{2}})(?: ({DAYS_WORD}))?(?: (summer|winter))?"
    r" (-?[0-9]{1,4}(?:\.[0-9]{1,4})?)"
)
_DATE = re.compile(r"(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")


class Options(NamedTuple):
    """The tariff as it stands in the contract."""

    price: float = option(low=prices.LEAST, high=prices.MOST, unit="minor units/kWh", help="price outside every window")
    rates: tuple[str, ...] = option(
        (), help="windows with prices: HH:MM-HH:MM, weekdays, season, price", example="00:30-05:30 8.5"
    )
    timezone: str = option(help="whose clock the windows mean, like Europe/London")
    summer_from: str = option("04-01", help="first day of summer, month-day")
    summer_to: str = option("09-30", help="last day of summer, month-day")
    every_s: int = _prices.EVERY_S
    lowest: float = _prices.LOWEST
    highest: float = _prices.HIGHEST


class _Rate(NamedTuple):
    window: Window
    season: str  # summer, winter or "" = all year
    price: float


def faults(options: Options) -> list[str]:
    """What is wrong with these options taken together, as sentences."""
    found = [f"rates: {text[:60]!r} is not understood; write `16:00-19:00 mon-fri winter 38.2`"
             for text in options.rates if _rate(text) is None]  # fmt: skip
    found += [f"{name}: {text[:20]!r} is no month-day like 04-01"
              for name, text in (("summer_from", options.summer_from), ("summer_to", options.summer_to))
              if not _DATE.fullmatch(text)]  # fmt: skip
    if _zone(options.timezone) is None:
        found.append(f"timezone: {options.timezone[:40]!r} is no time zone like Europe/London")
    told = [options.price, *(rate.price for text in options.rates if (rate := _rate(text)))]
    if not all(options.lowest <= price <= options.highest for price in told):
        found.append(f"price: all lie between lowest ({options.lowest:g}) and highest ({options.highest:g})")
    elif 0 < max(abs(price) for price in told) < _prices.SMALL:  # 0 all day is a contract, 0.25 is a euro's quarter
        found.append(f"price: all are below {_prices.SMALL:g}; they are written in pence or cents, like 28.4")
    return found


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        return None  # ZoneInfoNotFoundError is a LookupError


def _rate(text: str) -> _Rate | None:
    found = _RATE.fullmatch(" ".join(text.split()))
    begin, end = (minute_of(found[1]), minute_of(found[2])) if found else (None, None)
    days = days_of(found[3] or "") if found else None
    if found is None or begin is None or end is None or days is None or (begin * 60) % STEP_S or (end * 60) % STEP_S:
        return None
    return _Rate(Window(begin, end, days), found[4] or "", round(float(found[5]), prices.DECIMALS))


def fetch(wire: Wire, options: Options, ask: Ask) -> tuple[Reply, ...]:
    """Asks nobody; only the time counts."""
    del wire
    if not ask.wall_s:
        raise WireError("unreachable", "the time is not known, so no price is")
    return (_prices.former(ask, options),)


def parse(replies: Sequence[Reply], options: Options) -> tuple[Found, ...]:
    """`slots` of today and the week to come, and `until`. Raises BadReply."""
    was = _prices.known(replies)
    zone, rates = _zone(options.timezone), [_rate(text) for text in options.rates]
    if not was.wall_s or zone is None or None in rates:
        raise BadReply("no time, no time zone, or a window that is none")
    seasonal = _Seasons(options.summer_from, options.summer_to)
    begin_s = _prices.since_s(was.wall_s)
    slots = tuple(_slots(begin_s, zone, [rate for rate in rates if rate], seasonal, options.price))
    return tuple(_prices.said(slots, was, options))


def _slots(begin_s: int, zone: ZoneInfo, rates: list[_Rate], seasons: "_Seasons", price: float) -> Iterator[Slot]:
    """The longest stretches of one price, found step by step on the wall's own clock."""
    end_s = begin_s + _prices.BACK_S + AHEAD_S
    since_s, holds = begin_s, None
    for at_s in range(begin_s, end_s, STEP_S):
        now = _price(dt.datetime.fromtimestamp(at_s, zone), rates, seasons, price)
        if holds is not None and now != holds:
            yield Slot(since_s, at_s, holds)
            since_s = at_s
        holds = now
    if holds is not None:
        yield Slot(since_s, end_s, holds)


def _price(here: dt.datetime, rates: list[_Rate], seasons: "_Seasons", price: float) -> float:
    minute, weekday = here.hour * 60 + here.minute, here.weekday()
    for window, season, told in rates:
        if not is_open(window, minute, weekday):
            continue
        began = here.date() if window.begin <= minute or window.begin == window.end else _eve(here)
        if not season or seasons.season(began) == season:
            return told
    return price


def _eve(here: dt.datetime) -> dt.date:
    return here.date() - dt.timedelta(days=1)


class _Seasons(NamedTuple):
    first: str  # month-day
    last: str

    def season(self, date: dt.date) -> str:
        """Summer or winter; a summer that goes over New Year is one, too (south of the equator)."""
        day = f"{date.month:02d}-{date.day:02d}"
        over = self.first > self.last
        inside = day >= self.first or day <= self.last if over else self.first <= day <= self.last
        return "summer" if inside else "winter"
