"""What every kind that tells prices has in common: the checks before a set of slots counts, and how it is told.

A set counts as a whole or not at all (PRC2): a price out of range, prices that look like the major unit, two prices
for one moment, or prices that contradict those already published refuse it with a reason, and what was known stays in
force to its end. Otherwise the new slots are laid over the known ones, what is long over is let go at a midnight (UTC),
and the result is told only when it differs, so that a quiet day writes two texts and not fifty.
"""

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any, Protocol
from urllib.parse import urlsplit

from mine_controller.core.money import prices
from mine_controller.core.money.prices import Slot
from mine_controller.core.option import Secret, option
from mine_controller.devices import _answer
from mine_controller.devices.kind import Ask, BadReply, Found, Reply
from mine_controller.record import NamedTuple

READS = ("slots",)
_LOOPBACK = re.compile(r"127(?:\.[0-9]{1,3}){3}")
FORMER = "former"  # the reply that carries what is known and what time it is
DAY_S = 86_400
BACK_S = DAY_S  # how long before today a price that is over stays known, for the costs of these days
OPEN_S = 7 * DAY_S  # how far ahead a price without an end counts as published
LONG_S = 12 * 3600  # a set that covers so much time can be judged by its size
SMALL = 1.0  # minor units: no tariff's whole day is that cheap, but it is in the major unit
# Euro cents: Europe's day-ahead auction lies between -500 and 4000 EUR/MWh, both were reached (Finland 2023-11-24, the
# Baltics 2022-08-17, notices of the exchanges), and each bound may move a step after that.
AUCTION_LEAST, AUCTION_MOST = -100.0, 500.0
CONTRADICTS_PCT = 10
AT_MOST_OFF_S = 10**11
LONGEST_S = 8.0  # one answer of a service far away

EVERY_S: int = option(1800, unit="s", low=300, high=86_400, help="ask at most this often")
HURRY_S: int = option(600, unit="s", low=300, high=3600, help="and this often while tomorrow's prices are late")
LOWEST: float = option(-50.0, low=prices.LEAST, high=0, unit="minor units/kWh", help="a price below it is an error")
HIGHEST: float = option(
    150.0, low=1, high=prices.MOST, unit="minor units/kWh", help="a price above it is an error: other units?"
)
AUCTION_LOWEST: float = option(
    AUCTION_LEAST, low=prices.LEAST, high=0, unit="minor units/kWh",
    help="a price of the exchange below it is an error; 0 = what no auction comes to",
)  # fmt: skip
AUCTION_HIGHEST: float = option(
    AUCTION_MOST, low=1, high=prices.MOST, unit="minor units/kWh", help="a price of the exchange above it is an error"
)
SHARE_PCT: float = option(0.0, low=-100, high=200, unit="%", help="what the supplier adds to the exchange's price")
ADD: float = option(
    0.0, low=-100, high=1000, unit="minor units/kWh", help="grid fees, taxes and margin on each kWh, before VAT"
)
VAT_PCT: float = option(0.0, low=0, high=50, unit="%", help="VAT on all of it")


class Ranged(Protocol):
    """The options that `tell` uses."""

    @property
    def lowest(self) -> float:
        """The least a price may be."""

    @property
    def highest(self) -> float:
        """The most."""


class Loaded(Protocol):
    """The options that `retail` uses."""

    @property
    def share_pct(self) -> float:
        """Per cent on the exchange's price."""

    @property
    def add(self) -> float:
        """Minor units a kWh."""

    @property
    def vat_pct(self) -> float:
        """Per cent on all."""


class Known(NamedTuple):
    """What the last answers left: the time now by our wall clock (0: not told), the slots in force, as a text too.

    doubted: the last attempt failed, so the text is told again although it did not change. drift_pct: how far a price
    that is published may still move and be the same one.
    """

    wall_s: int = 0
    slots: tuple[Slot, ...] = ()
    text: str = ""
    doubted: bool = False
    drift_pct: float = 0.0
    way: str = ""


def former(ask: Ask, options: Any) -> Reply:
    """What `parse` needs of the past, as a reply: it stays pure. Other options than last time: nothing is known."""
    same = ask.memory.get("rules") in (None, rules(options))
    slots, why = (ask.memory.get(name, "") if same else "" for name in ("slots", "slots_why"))
    headers = {"wall_s": str(ask.wall_s), "slots": slots, "why": why}
    return Reply(FORMER, 200, headers, b"")


def known(replies: Sequence[Reply]) -> Known:
    """The past out of the replies."""
    headers = next((reply.headers for reply in replies if reply.name == FORMER), {})
    wall_s, text = headers.get("wall_s", "0"), headers.get("slots", "")
    try:
        slots = prices.read(text)
    except ValueError:
        slots, text = (), ""
    return Known(int(wall_s) if wall_s.isdecimal() else 0, slots, text, bool(headers.get("why")))


def rules(options: Any) -> str:
    """A short digest of the options that a price depends on."""
    fields = [(name, value) for name, value in options._asdict().items()
              if not isinstance(value, Secret) and name not in ("every_s", "hurry_s")]  # fmt: skip
    return sha256(repr(fields).encode()).hexdigest()[:16]


def since_s(wall_s: int) -> int:
    """From which moment on prices are kept: a midnight (UTC), so that the text changes once a day for it."""
    return day_s(wall_s) - BACK_S


def day_s(wall_s: int) -> int:
    """The midnight (UTC) before."""
    return wall_s // DAY_S * DAY_S


class News(NamedTuple):
    """When a provider publishes: after `hour` by its own clock the whole of tomorrow should be known."""

    zone: str
    hour: int


def tell(
    rows: Iterable[Slot],
    was: Known,
    options: Ranged,
    *,
    news: News | None = None,
    hurry_s: int = 600,
    sized: bool = True,
) -> list[Found]:
    """The readings of a set: `slots` where they changed, `until` as a text, when to ask again. Raises BadReply.

    sized: judge the prices by their size; an exchange tells its unit and currency, and `traded` knows its range.
    """
    try:
        fresh = prices.tidy(rows)
    except ValueError as error:
        raise BadReply(f"{error}: nothing of this answer counts") from None
    if not fresh:
        raise BadReply("no price in the answer")
    if sized:
        check_size(fresh, options)
    check_same(was, fresh)
    merged = prices.merge(was.slots, fresh)
    if was.wall_s:
        merged = prices.clip(merged, since_s(was.wall_s), was.wall_s + 400 * DAY_S)
    return said(_nearest(merged, was.wall_s), was, options, news=news, hurry_s=hurry_s)


def _nearest(slots: tuple[Slot, ...], wall_s: int) -> tuple[Slot, ...]:
    """So many as a text holds. A table of a month in quarters of an hour has more: its farthest days come in later."""
    over = sum(slot.end_s <= wall_s for slot in slots)
    first = max(0, min(len(slots) - prices.SLOTS_MOST, over - prices.SLOTS_MOST // 2))
    return slots[first : first + prices.SLOTS_MOST]


def said(
    slots: tuple[Slot, ...], was: Known, options: Any, *, news: News | None = None, hurry_s: int = 600
) -> list[Found]:
    """Slots as readings, checked already."""
    text = prices.write(slots)
    end_s = prices.coverage_end(slots, was.wall_s)
    found: list[Found] = [Found("", "slots", text)] if text != was.text or was.doubted else []
    found.append(Found("until", "text", iso(end_s) if end_s > was.wall_s else "nothing is known now"))
    late = news is not None and was.wall_s > 0 and is_late(was.wall_s, end_s, news)
    found.append(Found("", "again", hurry_s if late else DAY_S))
    return [*found, Found("rules", "memory", rules(options))]


def check_size(slots: Sequence[Slot], options: Ranged) -> None:
    """PRC2: prices of another unit, tax or currency are a factor off. Raises BadReply."""
    for slot in slots:
        _check_range(slot.price, slot.start_s, options.lowest, options.highest)
    covered_s = slots[-1].end_s - slots[0].start_s
    if covered_s >= LONG_S and max(abs(slot.price) for slot in slots) < SMALL:
        raise BadReply(f"no price above {SMALL:g} in {covered_s // 3600} h: the major unit in place of the minor one?")


def _check_range(price: float, start_s: int, low: float, high: float) -> None:
    if not low <= price <= high:
        raise BadReply(
            f"{price:g} at {iso(start_s)} is outside {low:g} to {high:g} per kWh (`lowest`, `highest`): nothing of this"
            " answer counts"
        )


def check_same(was: Known, fresh: Sequence[Slot]) -> None:
    """PRC2: what was published for the time to come does not change. Raises BadReply."""
    both, differ = prices.differences(was.slots, [_steadied(slot, was) for slot in fresh], was.wall_s)
    if differ > 1 and differ * 100 > both * CONTRADICTS_PCT:
        what = f"{differ} of {both} prices known already are others now: the known ones count to their end"
        raise BadReply(f"{what}; {was.way}" if was.way else what)


def _steadied(slot: Slot, was: Known) -> Slot:
    """With the price known for it, where that is the same but for the drift."""
    told = prices.price_at(was.slots, slot.start_s) if was.drift_pct else None
    near = told is not None and abs(slot.price - told) <= abs(told) * was.drift_pct / 100
    return slot._replace(price=told) if told is not None and near else slot


def is_late(wall_s: int, end_s: int, news: News) -> bool:
    """True while today (but for its last two hours) is not known, and after the hour of publication while tomorrow is
    not: what did not come in the evening is asked for as often after midnight, when it is wanted most."""
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - only sites with prices pay for zones

    zone = ZoneInfo(news.zone)
    here = dt.datetime.fromtimestamp(wall_s, zone)
    last = here.date() + dt.timedelta(days=here.hour >= news.hour)
    return end_s < dt.datetime(last.year, last.month, last.day, 22, tzinfo=zone).timestamp()


def retail(market: float, options: Loaded) -> float:
    """A price of the exchange (minor units a kWh) as the owner pays it. ValueError: no price at all."""
    loaded = (market * (1 + options.share_pct / 100) + options.add) * (1 + options.vat_pct / 100)
    return prices.price_of(loaded)


def traded(market: float, start_s: int, options: Loaded, low: float, high: float) -> float:
    """As `retail`, of a price that an auction can have come to. BadReply."""
    _check_range(market, start_s, low, high)
    try:
        return retail(market, options)
    except ValueError as error:
        raise BadReply(str(error)) from None


def moment_s(text: Any) -> int | None:
    """Epoch seconds of an ISO time with a zone, or None."""
    try:
        when = dt.datetime.fromisoformat(text) if isinstance(text, str) and len(text) < 40 else None
    except ValueError:
        return None
    return int(when.timestamp()) if when is not None and when.tzinfo is not None else None


def iso(wall_s: int) -> str:
    """A moment as people read it, in UTC; "" beyond the calendar."""
    try:
        return dt.datetime.fromtimestamp(wall_s, dt.UTC).strftime("%Y-%m-%dT%H:%MZ")
    except (ValueError, OverflowError, OSError):
        return ""


def clock_off(replies: Sequence[Reply], was: Known) -> list[Found]:
    """How far our wall clock is ahead of the server's, in seconds; nothing where one of them does not tell."""
    dates = (_answer.moment(reply.headers.get("date", "")) for reply in replies if reply.name != FORMER)
    theirs = next((date for date in dates if date is not None), None)
    if theirs is None or not was.wall_s:
        return []
    off_s = round(was.wall_s - theirs)
    return [Found("", "clock_off_s", off_s)] if abs(off_s) < AT_MOST_OFF_S else []


def address_faults(url: str, *hosts: str) -> list[str]:
    """Prices come from their publisher over TLS, or from this very machine: anybody else could set them."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host == "localhost" or _LOOPBACK.fullmatch(host) or (parts.scheme == "https" and host in hosts):
        return []
    return [f"url: prices are read from https://{hosts[0]} (or from this machine), not from {host[:60] or 'nowhere'}"]
