"""Readings become an image: newest, plausible, fresh; else unknown with a reason. The one place that judges age.

A fold: `freeze(last, readings)` keeps every value not asked again, with its age, so a later round asks less and never
knows less. Nothing here decides anything.
"""

import math
import zlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from operator import itemgetter
from typing import Any, TypeVar

from mine_controller.core.columns import BOOKKEEPING, NUMBERS, Column, Readings, Shape, columned, shape_of
from mine_controller.core.fleet import ids_of
from mine_controller.core.model.clock import Clock
from mine_controller.core.model.image import Fan, Image, Miners, Request
from mine_controller.core.model.quantity import QUANTITIES, TEXT_MAX_AGE_S, WORDS
from mine_controller.core.model.reading import LAST_KNOWN, Reading, Scalar, Value
from mine_controller.core.model.wiring import FanSpec, MinerSpec, Role, Wiring
from mine_controller.core.money import prices
from mine_controller.core.once import Once
from mine_controller.core.stuck import HEATED, STUCK, is_stuck, watch_meters, watch_probes
from mine_controller.record import NamedTuple

NEVER = Value(None, 0, "", "never read")
COLD_JUMP_K = 20.0  # a fall by more than this is believed only when repeated (TMP4)
COLD_JUMP_READINGS = 3
SPREAD_K = 8.0  # sensors further apart than this: the hottest counts (TMP5)
TICKETS_KEPT_S = 900
SWEEP_S = 3600
KEPT_S = 86_400
FROZEN = "frozen: the same watts at every loaded outlet, reading after reading"
FROZEN_APART_S = 100  # readings nearer than this prove nothing either way
FROZEN_AFTER = 3
FROZEN_OUTLETS = 4
LOADED_W = 200
LONGEST = 10**300
_VALUE, _AT_S = itemgetter(0), itemgetter(1)  # of a Value
T = TypeVar("T")


def freeze(
    last: Image | None, readings: Iterable[Reading], wiring: Wiring, clock: Clock, requests: tuple[Request, ...] = ()
) -> Image:
    """One round's image. `last` None: nothing is known yet. Readings may come in any order and be any garbage."""
    channels = {} if last is None else published(last.channels) if clock.rebooted else dict(last.channels)
    given = columned(readings)
    shape = shape_of(given.keys)
    frozen = _frozen(channels, given, shape)
    if frozen:
        given = columned(_disbelieved(reading, frozen) for reading in given)
    _take_all(channels, given, shape)
    tickets = _tickets(channels, clock.plant_s) if last is None or last.tickets or shape.tickets else {}
    addresses = shape.addresses
    del shape  # of thousands of miners it is many megabytes, and nothing that follows looks at it
    _oust(channels, given, addresses, wiring)
    miners = _miners(wiring, channels, clock.plant_s)
    watch_probes(channels, miners, wiring)
    watch_meters(channels, miners, wiring)
    if last is not None and clock.plant_s // SWEEP_S != last.clock.plant_s // SWEEP_S:
        _sweep(channels, wiring, clock.plant_s)
    site = {name: _vote(role, channels, clock.plant_s) for name, role in wiring.roles.items()}
    _derive(site, wiring, channels, clock)
    fans = tuple(_fan(spec, channels, clock.plant_s) for spec in wiring.fans)
    return Image(clock, channels, site, fans, miners, tickets, requests)


def published(channels: Mapping[str, Value]) -> dict[str, Value]:
    """What still counts after a boot: prices and rolled-up hours are facts about moments of wall time, and a page that
    said off has said nothing else since."""
    return {
        key: value
        for key, value in channels.items()
        if key.endswith((prices.KEY_END, ":history")) or (key.endswith(":signal") and value.value == "off")
    }


def _sweep(channels: dict[str, Value], wiring: Wiring, now_s: int) -> None:
    """Channels nothing is wired to and nobody has reported for a day (units come and go) are let go, once an hour."""
    wired = {key for role in wiring.roles.values() for key in role.keys}
    sources = {spec.outlet for spec in wiring.miners} | {f"{spec.group}/{spec.mac}" for spec in wiring.miners}
    sources |= {source for spec in wiring.fans for source in (spec.switch, spec.watts)} | set(wiring.endpoints)
    for key in [key for key, value in channels.items() if now_s - value.at_s > KEPT_S]:
        source = key.rpartition(":")[0]
        if key.rstrip("=?") not in wired and source not in sources and source.rpartition(" ")[0] not in sources:
            del channels[key]


def _oust(
    channels: dict[str, Value], given: Readings, addresses: Sequence[tuple[int, str, str]], wiring: Wiring
) -> None:
    """MIN3: where another unit answers now, the one that answered there before is not reachable any more."""
    if not addresses:
        return
    claims: dict[tuple[str, Scalar], tuple[str, int]] = {}
    for at, group, unit in addresses:
        if isinstance(given.values[at], str):
            claims[group, given.values[at]] = (unit, given.ats[at])
    owners = {where: unit for where, (unit, _) in claims.items()}
    keys = _keys_of(wiring.miners)
    held = tuple(map(channels.get, keys.address, repeat(NEVER)))
    where = tuple(zip(keys.group, map(_VALUE, held), strict=True))
    if tuple(map(owners.get, where, keys.mac)) == keys.mac:
        return  # as nearly always: everybody is alone
    for key, mac, was, claim in zip(keys.address, keys.mac, held, map(claims.get, where), strict=True):
        if claim is not None and claim[0] != mac and claim[1] > was.at_s:
            channels[key] = Value(None, was.at_s, key, f"{claim[0]} answers there now")


def _frozen(channels: dict[str, Value], given: Readings, shape: Shape) -> set[str]:
    """PDU2: endpoints whose loaded outlets all show the very watts they showed in the last three ticks."""
    frozen = set()
    for endpoint, of in shape.watts:
        shown, at_s = _loaded(of(given.values), of(given.ats))
        if len(shown) < FROZEN_OUTLETS:
            continue
        key, mark = f"{endpoint}:frozen", str(zlib.crc32(repr(shown).encode()))
        was = channels.get(key)
        if was is None or was.why != mark:
            channels[key] = Value(0, at_s, key, mark)
            continue
        count = int(was.value or 0) + (at_s - was.at_s >= FROZEN_APART_S)
        if count != was.value:
            channels[key] = Value(count, at_s, key, mark)
        if count >= FROZEN_AFTER:
            frozen.add(endpoint)
    return frozen


def _loaded(values: Sequence[Scalar], ats: Sequence[int]) -> tuple[list[int], int]:
    """The watts of the loaded outlets, and when the last of them was read."""
    most_w = QUANTITIES["power_w"].high  # beyond it nothing is believed, infinities among it; nor is what is no number
    loaded = [
        (round(value), read_s)
        for value, read_s in zip(values, ats, strict=True)
        if isinstance(value, (int, float)) and LOADED_W < value <= most_w
    ]
    return [watts for watts, _ in loaded], loaded[-1][1] if loaded else 0


def _disbelieved(reading: Reading, frozen: set[str]) -> Reading:
    """The same reading, unknown if it is of a frozen endpoint's watts."""
    if reading.key.endswith(":power_w") and reading.key.partition("/")[0] in frozen:
        return reading._replace(value=None, why=FROZEN)
    return reading


def _take_all(channels: dict[str, Value], given: Sequence[Reading], shape: Shape) -> None:
    """Every reading by `_take`; of the hundreds a round nearly all are plain, and taken here by the column."""
    told = columned(given)
    for column in shape.columns:
        if not _take_column(channels, column, column.of(told.values), column.of(told.ats)):
            for at in column.places:
                _take(channels, told[at], column.quantity)
    for at in shape.closer:
        _take(channels, told[at], told.keys[at].rpartition(":")[2])


def _take_column(channels: dict[str, Value], column: Column, values: Sequence[Any], ats: Sequence[int]) -> bool:
    """Take it whole; False, and nothing is taken, if any of it is out of the ordinary."""
    keys, kinds, plain = column.keys, set(map(type, values)), column.plain
    if plain is None:
        if kinds != {str} or (column.words and not set(values).issubset(column.words)):
            return False
    elif not _is_within(values, kinds, plain[0], plain[1]):
        return False
    elif plain[2]:
        values = tuple(map(round, map(float, values), repeat(plain[2])))
    elif kinds != {int}:
        values = tuple(map(round, values))
    if max(map(_AT_S, filter(None, map(channels.get, keys))), default=0) > min(ats):
        return False
    channels.update(zip(keys, map(tuple.__new__, repeat(Value), zip(values, ats, keys, repeat(""))), strict=True))
    return True


def _is_within(values: Sequence[Any], kinds: set[type], low: float, high: float) -> bool:
    """Whether all are numbers between the two. No NaN is: where there is one, the sum is one."""
    if kinds == {int} or (kinds == {float} and math.isfinite(sum(values))):
        return bool(low <= min(values) and max(values) <= high)
    return kinds <= NUMBERS and all(low <= value <= high for value in values)


def _take(channels: dict[str, Value], reading: Reading, quantity: str) -> None:
    key, value, at_s, why, _trust = reading
    if quantity[-1:] == "?":
        return  # our own marks are nobody's to write
    old = channels.get(key)
    if quantity in BOOKKEEPING:
        channels[key] = Value(value, at_s, key, why)
        if quantity == "health":
            tried = key[:-6] + "tried"
            channels[tried] = Value(1, at_s, tried, why)
        return
    if old is not None and old.at_s > at_s:
        return  # an answer overtaken by a newer one
    known, doubt = _judge(quantity, value)
    if known is not None and quantity == "temp_c" and old is not None:
        known, doubt = _doubt_cold_jump(channels, key, float(known), at_s, old)
    if known is None:
        channels[key] = Value(old.value, old.at_s, key, why or doubt) if old else Value(None, 0, key, why or doubt)
    else:
        channels[key] = Value(known, at_s, key, "")


def _judge(quantity: str, value: Scalar) -> tuple[Scalar, str]:
    """The value as the core keeps it, or (None, why). Bools, NaN, infinities and texts for numbers are unknown."""
    row = QUANTITIES.get(quantity)
    if row is None:
        words = WORDS.get(quantity)
        if not isinstance(value, str):
            return None, "no text"
        if words and value not in words:
            return None, f"not a word of {quantity}: {value[:20]!r}"
        return (value, "") if quantity != prices.QUANTITY else _judge_slots(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None, "no number"
    if isinstance(value, float) and not math.isfinite(value):
        return None, "not a finite number"
    if not row.low <= value <= row.high:
        short = isinstance(value, float) or abs(value) <= LONGEST  # JSON allows integers that no float can hold
        shown = f"{value:g}" if short else "a number of hundreds of digits:"
        return None, f"{shown} {row.unit} is outside {row.low:g}..{row.high:g}"
    return (round(value) if row.decimals == 0 else round(float(value), row.decimals)), ""


def _judge_slots(text: str) -> tuple[Scalar, str]:
    try:
        prices.read(text)
    except ValueError as error:
        return None, str(error)
    return text, ""


def _doubt_cold_jump(channels: dict[str, Value], key: str, value: float, at_s: int, old: Value) -> tuple[Scalar, str]:
    """A sudden fall may be a unit flip or a dead probe; it counts after three readings. A rise counts at once."""
    was, doubt_key = old.value, key + "?"
    if not isinstance(was, int | float) or was - value <= COLD_JUMP_K:
        channels.pop(doubt_key, None)
        return value, ""
    doubt = channels.get(doubt_key)
    told = int(doubt.why) if doubt is not None and doubt.why.isdecimal() else 0
    seen = told + 1 if doubt is not None and doubt.at_s < at_s else max(told, 1)
    if seen >= COLD_JUMP_READINGS:
        channels.pop(doubt_key, None)
        return value, ""
    channels[doubt_key] = Value(value, at_s, key, str(seen))
    return None, f"fell {was - value:.0f} K at once; believed after {COLD_JUMP_READINGS} readings"


def _fresh(value: Value | None, now_s: int, max_age_s: int) -> bool:
    return value is not None and value.value is not None and now_s - value.at_s <= max_age_s


def _why_not(value: Value | None, now_s: int) -> str:
    if value is None or value.at_s == 0:
        return value.why if value is not None and value.why else "never read"
    return f"{value.why or 'no new reading'}{LAST_KNOWN}{now_s - value.at_s} s ago"


def _endpoint_of(key: str) -> str:
    return key.rpartition(":")[0].partition("/")[0]


def _vote(role: Role, channels: Mapping[str, Value], now_s: int) -> Value:
    """The role's value out of its channels; unknown when none is fresh."""
    values = [channels.get(key) for key in role.keys]
    fresh = [value for value in values if value is not None and _fresh(value, now_s, role.max_age_s)]
    if len(fresh) > 1 and role.name in HEATED:  # a stuck probe has no vote beside one that moves
        moving = [one for one in fresh if not ((mark := channels.get(one.source + STUCK)) and is_stuck(mark))]
        fresh = moving or fresh
    # What one of them gives is not nought; a phase that a meter no longer measures is the lowest of all.
    if role.vote in ("sum", "phases") and len(fresh) < len(role.keys):
        fresh, values = [], [value for value in values if value not in fresh] or values
    if fresh:
        return _elect(role.vote, fresh) if role.name != "signal" else _of_signals(values, fresh, now_s)
    newest = max((value for value in values if value is not None), key=lambda value: value.at_s, default=NEVER)
    why = _why_not(newest, now_s)
    if role.keys and newest.at_s == 0:
        health = channels.get(_endpoint_of(role.keys[0]) + ":health")
        why = health.why if health is not None and health.why else why
    return Value(None, newest.at_s, newest.source or (role.keys[0] if role.keys else ""), why)


def _of_signals(values: Sequence[Value | None], fresh: list[Value], now_s: int) -> Value:
    """SIG1 and SIG6: a page that said off and can't be read since is not outvoted by another one that says run."""
    elected = _elect("worst", fresh)
    silent = [value for value in values if value is not None and value.value == "off" and value not in fresh]
    if not silent or elected.value == "off":
        return elected
    last = max(silent, key=lambda value: (value.at_s, value.source))
    return Value(None, last.at_s, last.source, f"{_endpoint_of(last.source)} said off: {_why_not(last, now_s)}")


_BAD_FIRST = {"off": 0, "alarm": 0, "on": 0, "warn": 1, "run": 2, "ok": 2}


def _elect(vote: str, fresh: list[Value]) -> Value:
    if vote == "worst":  # off beats run, alarm beats ok; two sources that disagree curtail (SIG6)
        return min(fresh, key=lambda value: (_bad(value), -value.at_s, value.source))
    ordered = sorted(fresh, key=lambda value: (_number(value), value.source))
    if vote in ("cold", "phases"):
        return ordered[0]
    if vote == "sum":
        total = round(math.fsum(_number(value) for value in fresh), 1)
        return ordered[0]._replace(value=total, at_s=min(value.at_s for value in fresh))
    spread = _number(ordered[-1]) - _number(ordered[0])
    if vote == "heat" and len(ordered) >= 3 and spread <= SPREAD_K:
        return ordered[-2]
    return ordered[-1]


def _bad(value: Value) -> int:
    # The stop file's "off" means "no stop": it is the only switch role, and "on" must win there.
    if value.source.startswith("stop"):
        return 0 if value.value == "on" else 1
    return _BAD_FIRST.get(str(value.value), 1)


def _number(value: Value) -> float:
    return float(value.value) if isinstance(value.value, int | float) else 0.0


def _derive(site: dict[str, Value], wiring: Wiring, channels: Mapping[str, Value], clock: Clock) -> None:
    """Derived values, made here so that they are recorded and nothing after needs exp or log."""
    if prices.ROLE in wiring.roles:
        site[prices.ROLE] = site[prices.NOW] = prices.now(channels, wiring, clock)
    now_s, role = clock.plant_s, wiring.roles.get("inlet_c")
    if "voltage_v" in wiring.roles:  # the lowest phase sags, be another one unknown or not, the highest swells
        site["voltage_min_v"] = _vote(wiring.roles["voltage_v"]._replace(vote="cold"), channels, now_s)
        site["voltage_max_v"] = _vote(wiring.roles["voltage_v"]._replace(vote="high"), channels, now_s)
    if role is None:
        return
    site["inlet_min_c"] = _vote(role._replace(vote="cold"), channels, now_s)
    site["inlet_max_c"] = _vote(role._replace(vote="high"), channels, now_s)
    humidity, inlet = site.get("humidity_pct"), site["inlet_c"]
    if humidity is None:
        return
    if humidity.value is None or inlet.value is None:
        site["dew_c"] = Value(None, min(humidity.at_s, inlet.at_s), "", humidity.why or inlet.why)
    else:
        dew_c = dew_point_c(_number(inlet), _number(humidity))
        site["dew_c"] = Value(dew_c, min(humidity.at_s, inlet.at_s), humidity.source, "")


def dew_point_c(temp_c: float, humidity_pct: float) -> float:
    """Dew point after Magnus (b = 17.62, c = 243.12 °C over water), rounded to 0.1 °C."""
    gamma = math.log(max(humidity_pct, 1.0) / 100) + 17.62 * temp_c / (243.12 + temp_c)
    return round(243.12 * gamma / (17.62 - gamma), 1)


def _fan(spec: FanSpec, channels: Mapping[str, Value], now_s: int) -> Fan:
    switch, watts = channels.get(spec.switch + ":switch"), channels.get(spec.watts + ":power_w") if spec.watts else None
    on = (switch.value == "on") != spec.active_low if switch and _fresh(switch, now_s, TEXT_MAX_AGE_S) else None
    power = watts.value if watts and _fresh(watts, now_s, QUANTITIES["power_w"].max_age_s) else None
    return Fan(
        spec.name,
        on,
        switch.at_s if switch else 0,
        power if isinstance(power, int) else None,
        watts.at_s if watts else 0,
    )


class _Keys(NamedTuple):
    """Where the miners' columns come from, a column of keys for each; "" = from nowhere."""

    group: tuple[str, ...]
    mac: tuple[str, ...]
    outlet_w: tuple[str, ...]
    power_w: tuple[str, ...]
    word: tuple[str, ...]
    switch: tuple[str, ...]
    address: tuple[str, ...]


def _keys(specs: tuple[MinerSpec, ...]) -> _Keys:
    own = [f"{spec.group}/{spec.mac}" for spec in specs]
    return _Keys(
        tuple(spec.group for spec in specs),
        tuple(spec.mac for spec in specs),
        tuple(spec.outlet + ":power_w" if spec.outlet and spec.outlet_metered else "" for spec in specs),
        tuple(key + ":power_w" for key in own),
        tuple(key + ":word" for key in own),
        tuple(spec.outlet + ":switch" if spec.outlet else "" for spec in specs),
        tuple(key + ":address" for key in own),
    )


_keys_of = Once(_keys)


def _miners(wiring: Wiring, channels: Mapping[str, Value], now_s: int) -> Miners:
    """The columns, from the outlet's meter first, the miner's own word second. No outlet meter: its own watts."""
    if not wiring.miners:
        return Miners()
    keys, oldest = _keys_of(wiring.miners), now_s - TEXT_MAX_AGE_S
    own_w = map(channels.get, keys.power_w, repeat(NEVER))
    watts = [outlet or own for outlet, own in zip(map(channels.get, keys.outlet_w), own_w, strict=True)]
    power_w, power_at = _column_of(watts, now_s - QUANTITIES["power_w"].max_age_s, int)
    word, word_at = _column_of(map(channels.get, keys.word, repeat(NEVER)), oldest, str)
    outlet, _ = _column_of(map(channels.get, keys.switch, repeat(NEVER)), oldest, str)
    address, _ = _column_of(map(channels.get, keys.address, repeat(NEVER)), oldest, str)
    return Miners(ids_of(wiring.miners), power_w, power_at, word, word_at, outlet, address)


def _column_of(values: Iterable[Value], oldest_s: int, kind: type[T]) -> tuple[tuple[T | None, ...], tuple[int, ...]]:
    """What is not older and of that kind, else None; and when each was read."""
    known, ats, _, _ = zip(*values, strict=True)
    if set(map(type, known)) == {kind} and min(ats) >= oldest_s:
        return known, ats
    rows = zip(known, ats, strict=True)
    return tuple(one if at >= oldest_s and type(one) is kind else None for one, at in rows), ats


def _tickets(channels: dict[str, Value], now_s: int) -> dict[str, str]:
    found = [key for key in channels if key[-1:] == "t" and key.endswith(":ticket")]
    for key in found:
        if now_s - channels[key].at_s > TICKETS_KEPT_S:
            del channels[key]
    return {key[:-7]: str(channels[key].value) for key in found if key in channels and channels[key].value is not None}
