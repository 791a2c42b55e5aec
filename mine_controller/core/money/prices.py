"""Electricity prices as facts: published slots, what holds now, what comes next, and how far anything is known. Pure.

A slot is `start_s <= wall time < end_s` in epoch seconds (UTC) with one price in the currency's minor unit (pence,
cents) per kWh, so summer time can't shift one: a local day has 46, 48 or 50 half hours and nobody counts them. Slots
never overlap. A gap is unknown, and so is everything while the wall clock can't be trusted.

A price endpoint reports its slots as one text (quantity `slots`): JSON [[start_s, step_s, [price, price, ...]], ...],
the longest runs of equal steps in the order of time, prices rounded to 4 decimals. The same slots are the same text.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from mine_controller.core.model.clock import Clock
from mine_controller.core.model.image import Image
from mine_controller.core.model.reading import Value
from mine_controller.core.model.wiring import Wiring
from mine_controller.record import NamedTuple

Price = float  # minor units per kWh, 4 decimals; may be negative

QUANTITY, KEY_END = "slots", ":slots"
ROLE = "price"  # in [wiring]: which endpoints tell prices
NOW = "price_p_kwh"  # what `freeze` derives of it: the price of this moment
DECIMALS, TENTHS_OF_MILLI = 4, 10_000
LEAST, MOST = -5000.0, 5000.0  # minor units per kWh; beyond it no tariff of any currency lies
SLOTS_MOST = 2000
STEP_LEAST_S, STEP_MOST_S = 60, 400 * 86_400
FIRST_S, LAST_S = 1_000_000_000, 20_000_000_000  # moments a price can be for
UNSYNCED_S = 86_400  # never set by anybody for so long after a boot: the wall clock may be in another slot (CLK3)
UNTRUSTED = "the clock was not set since the boot a day ago: which slot holds is not known"
CLOCK_OFF_S = 300  # a clock nobody keeps that is so far off a price server's may be in another slot
LONGEST_S = 3600  # the longest slot of an exchange; a longer one is a contract's price, which counts by half hours
HALF_S = 1800
TEST = "test by "  # how the source of a value begins that a person set to try something
DAY_S = 86_400


class Slot(NamedTuple):
    """One price and the wall time it holds for, `start_s` included, `end_s` not."""

    start_s: int
    end_s: int
    price: Price


def slots_of(image: Image, wiring: Wiring) -> tuple[Slot, ...]:
    """What is published and known, in the order of time, from every channel of the role `price`.

    The first channel wired counts first; another one only fills what it leaves open. Empty while the wall clock can't
    be trusted, so that whatever looks a price up finds it unknown. A price set for a test holds before and after, too:
    who looks ahead, or back to how long a band was held, finds nothing else.
    """
    role = wiring.roles.get(ROLE)
    if role is None:
        return ()
    tested = image.site.get(NOW)
    if tested is not None and tested.source.startswith(TEST):
        return _tested(tested, image.clock.wall_s)
    if _doubt_of_clock(image.channels, role.keys, image.clock):
        return ()
    return _known(tuple(_text(image.channels.get(key)) for key in role.keys))


def _tested(value: Value, wall_s: int) -> tuple[Slot, ...]:
    if not isinstance(value.value, int | float):
        return ()
    day_s = wall_s // DAY_S * DAY_S
    return (Slot(day_s - DAY_S, day_s + 2 * DAY_S, float(value.value)),)


def price_at(slots: Sequence[Slot], wall_s: int) -> Price | None:
    """The price that holds at that moment; None: unknown."""
    slot = slot_at(slots, wall_s)
    return None if slot is None else slot.price


def slot_at(slots: Sequence[Slot], wall_s: int) -> Slot | None:
    """The slot that holds at that moment; None: unknown."""
    at = _place(slots, wall_s)
    return None if at is None else slots[at]


def part_at(slots: Sequence[Slot], wall_s: int) -> Slot | None:
    """As `slot_at`, but of a slot of many hours only the half hour that holds at that moment."""
    slot = slot_at(slots, wall_s)
    if slot is None:
        return None
    step_s = _step_s(slot)
    start_s = slot.start_s + (wall_s - slot.start_s) // step_s * step_s
    return Slot(start_s, min(start_s + step_s, slot.end_s), slot.price)


def edges(slots: Sequence[Slot], from_s: int, to_s: int) -> int:
    """How many slots begin after `from_s` up to `to_s`, parts of long ones among them."""
    found = 0
    for slot in slots:
        if slot.end_s <= from_s or slot.start_s > to_s:
            continue
        step_s = _step_s(slot)
        last, first = (
            (at_s - slot.start_s) // step_s for at_s in (min(to_s, slot.end_s - 1), max(from_s, slot.start_s - 1))
        )
        found += max(0, last - first)
    return found


def _step_s(slot: Slot) -> int:
    lasts_s = slot.end_s - slot.start_s
    return lasts_s if lasts_s <= LONGEST_S else HALF_S


def coverage_end(slots: Sequence[Slot], wall_s: int) -> int:
    """Until when every moment from `wall_s` on has a price; `wall_s` itself when it has none."""
    at = _place(slots, wall_s)
    if at is None:
        return wall_s
    while at + 1 < len(slots) and slots[at + 1].start_s == slots[at].end_s:
        at += 1
    return slots[at].end_s


def micro(price: Price) -> int:
    """A price as a whole number of millionths of a minor unit per kWh, so that sums of money stay exact."""
    return round(price * TENTHS_OF_MILLI) * 100


def is_trusted(clock: Clock) -> bool:
    """False when nobody has set the wall clock for a day after a boot: a clock without a battery may be anywhere."""
    return clock.synced or clock.boot_s < UNSYNCED_S


def _doubt_of_clock(channels: Mapping[str, Value], keys: Sequence[str], clock: Clock) -> str:
    """Why the wall clock can't be trusted, "" when it can: a price server's own time counts against an unkept clock."""
    if not is_trusted(clock):
        return UNTRUSTED
    for key in () if clock.synced else keys:
        told = channels.get(key.removesuffix(KEY_END) + ":clock_off_s")
        if told is not None and isinstance(told.value, int) and abs(told.value) > CLOCK_OFF_S:
            return f"the clock is {abs(told.value) // 60} min off that of {key.partition(':')[0]}"
    return ""


def now(channels: Mapping[str, Value], wiring: Wiring, clock: Clock) -> Value:
    """The price of this moment as `freeze` derives it: the value with the time it was learned, or None and why."""
    keys = wiring.roles[ROLE].keys
    at_s = max((value.at_s for key in keys if (value := channels.get(key)) is not None), default=0)
    doubt = _doubt_of_clock(channels, keys, clock)
    if doubt:
        return Value(None, at_s, keys[0], doubt)
    for key in keys:
        held = channels.get(key)
        price = price_at(_read(_text(held)), clock.wall_s)
        if held is not None and price is not None:
            return Value(price, held.at_s, key, "")
    return Value(None, at_s, keys[0], _why_none(keys, channels, clock.wall_s))


def _why_none(keys: Sequence[str], channels: Mapping[str, Value], wall_s: int) -> str:
    """Nothing was ever read, the last slot is over, or there is a gap; and what the last attempt came to."""
    healths = [channels.get(key.removesuffix(KEY_END) + ":health") for key in keys]
    doubt = next((one.why for one in healths if one is not None and one.why), "")
    slots = _known(tuple(_text(channels.get(key)) for key in keys))
    if not slots:
        return doubt or "no price was read yet"
    if wall_s < slots[-1].end_s:
        return "no published slot holds now"
    ended = f"the last published slot ended {(wall_s - slots[-1].end_s) // 60} min ago"
    return f"{ended}: {doubt}" if doubt else ended


def _text(value: Value | None) -> str:
    return value.value if value is not None and isinstance(value.value, str) else ""


@lru_cache(maxsize=16)
def _known(texts: tuple[str, ...]) -> tuple[Slot, ...]:
    """Every channel's slots together; the first one counts where two know a price."""
    found: tuple[Slot, ...] = ()
    for text in texts:
        found = merge(_read(text), found)
    return found


@lru_cache(maxsize=32)
def _read(text: str) -> tuple[Slot, ...]:
    """The slots of a text, none where it is none: what `freeze` took has been judged already."""
    try:
        return read(text)
    except ValueError:
        return ()


def _place(slots: Sequence[Slot], wall_s: int) -> int | None:
    """The index of the slot that holds at that moment, by halving."""
    low, high = 0, len(slots)
    while low < high:
        middle = (low + high) // 2
        if slots[middle].start_s <= wall_s:
            low = middle + 1
        else:
            high = middle
    return low - 1 if low and wall_s < slots[low - 1].end_s else None


# -- text and slots ---------------------------------------------------------------------------------------------------


def write(slots: Iterable[Slot]) -> str:
    """The slots as their one text. They are sorted and don't overlap (`tidy` and `merge` give such)."""
    runs: list[tuple[int, int, list[int | float]]] = []
    end_s = None
    for start_s, until_s, price in slots:
        if end_s != start_s or runs[-1][1] != until_s - start_s:
            runs.append((start_s, until_s - start_s, []))
        runs[-1][2].append(_short(price))
        end_s = until_s
    return json.dumps(runs, separators=(",", ":"))


def _short(price: Price) -> int | float:
    rounded = round(price, DECIMALS)
    return int(rounded) if rounded == int(rounded) else rounded


def read(text: str) -> tuple[Slot, ...]:
    """The slots of a text. ValueError says what is wrong with it."""
    try:
        runs = json.loads(text) if text else []
    except (ValueError, RecursionError):
        raise ValueError("no slots but something else") from None
    found: list[Slot] = []
    for run in _list(runs):
        start_s, step_s, prices = _run(run)
        if found and start_s < found[-1].end_s:
            raise ValueError("slots overlap or are out of order")
        found += [Slot(start_s + n * step_s, start_s + (n + 1) * step_s, one) for n, one in enumerate(prices)]
        if len(found) > SLOTS_MOST:
            raise ValueError(f"more than {SLOTS_MOST} slots")
    if found and found[-1].end_s > LAST_S:
        raise ValueError("a slot that lies beyond all time")
    return tuple(found)


def _list(found: object) -> list[object]:
    if not isinstance(found, list):
        raise ValueError("no list of slots")  # noqa: TRY004 - the content is wrong, not the caller
    return found


def _run(run: object) -> tuple[int, int, list[Price]]:
    parts = _list(run)
    if len(parts) != 3 or type(parts[0]) is not int or type(parts[1]) is not int:
        raise ValueError("a run of slots is start, step and prices")
    start_s, step_s = parts[0], parts[1]
    if not (FIRST_S <= start_s <= LAST_S and STEP_LEAST_S <= step_s <= STEP_MOST_S):
        raise ValueError("a slot that lies beyond all time")
    return start_s, step_s, [price_of(one) for one in _list(parts[2])[: SLOTS_MOST + 1]]


def price_of(value: object) -> Price:
    """A price as it is kept. ValueError: no number, not finite, or out of all range."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not LEAST <= value <= MOST:
        raise ValueError(f"{str(value)[:20]} is no price")
    return round(float(value), DECIMALS) + 0.0  # no minus before a nought


def tidy(rows: Iterable[Slot]) -> tuple[Slot, ...]:
    """Rows of any order as slots: sorted, the same row twice once. ValueError: two prices for one moment."""
    found: list[Slot] = []
    for row in sorted(set(rows)):
        if found and row.start_s < found[-1].end_s:
            minute = row.start_s % 86_400 // 60
            raise ValueError(f"two prices for one moment ({minute // 60:02d}:{minute % 60:02d} UTC)")
        found.append(row)
    return tuple(found)


def merge(known: Sequence[Slot], fresh: Sequence[Slot]) -> tuple[Slot, ...]:
    """What is known after `fresh` came: it counts wherever it says something, the rest of `known` stays."""
    if not fresh:
        return tuple(known)
    out = list(fresh)
    for slot in known:
        at_s = slot.start_s
        for start_s, end_s, _price in fresh:
            if end_s <= at_s:
                continue
            if start_s >= slot.end_s:
                break
            if start_s > at_s:
                out.append(Slot(at_s, start_s, slot.price))
            at_s = end_s
        if at_s < slot.end_s:
            out.append(Slot(at_s, slot.end_s, slot.price))
    return tuple(sorted(out))


def clip(slots: Iterable[Slot], from_s: int, to_s: int) -> tuple[Slot, ...]:
    """The slots that hold at some moment of from_s..to_s, whole ones."""
    return tuple(slot for slot in slots if slot.end_s > from_s and slot.start_s < to_s)


def differences(known: Sequence[Slot], fresh: Sequence[Slot], from_s: int) -> tuple[int, int]:
    """(how many of `fresh` begin after `from_s` where a price is known already, how many of them say another one)."""
    both = [(slot.price, was) for slot in fresh if slot.start_s >= from_s
            and (was := price_at(known, slot.start_s)) is not None]  # fmt: skip
    return len(both), sum(price != was for price, was in both)
