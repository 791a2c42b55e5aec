"""What energy cost, kept small: each tick's row says which slot and band held, and a past hour is a few sums a miner.

Only a site whose prices are wired keeps any of it. The sums of an hour are whole watt seconds by slot and band, so that
whoever adds them up gets to the penny what was paid (`core/money/ledger.py`).
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from math import gcd
from typing import Any

from mine_controller.core.fleet import ASLEEP, drawn, on_above_w
from mine_controller.core.miners.hearing import told_now
from mine_controller.core.model.image import Image
from mine_controller.core.model.policy import Policy
from mine_controller.core.model.quantity import QUANTITIES
from mine_controller.core.model.state import State
from mine_controller.core.money.ledger import GAP_S, Sample, Segment, integrate
from mine_controller.core.money.prices import ROLE, micro, slot_at, slots_of
from mine_controller.store.codec import text

HOUR_S, MINUTE_S, HOUR_MIN = 3600, 60, 60
TURNS = 2  # ticks that are planned far apart may come so much later than planned, and there is no gap
SLOWEST_S = 600  # what a site may plan at most
AROUND_S = max(GAP_S, TURNS * SLOWEST_S) + 120  # a tick is called by its beginning and seen at its end
EVERY = "tick_s"
DAY = "day_s"
RATE = "rate_hs"
TERA = 10**12
BAND = "band"  # the rule that remembers which one holds


def columns(image: Image, policy: Policy, state: State) -> dict[str, Any]:
    """Give what a tick's telemetry adds where prices are wired: its slot, and guesses where watts are not known."""
    if ROLE not in policy.wiring.roles:
        return {}
    at_s = image.clock.wall_s
    slot = slot_at(slots_of(image, policy.wiring), at_s)
    band = str(state.memory.get(BAND, {}).get("band") or "")
    held = (0, 0, None) if slot is None else (slot.start_s, slot.end_s, micro(slot.price))
    found: dict[str, Any] = {"slot": [at_s, *held, band]}
    if TURNS * image.clock.tick_s > GAP_S:
        found[EVERY] = image.clock.tick_s
    if (at_s // MINUTE_S - image.clock.local.minute) % HOUR_MIN:
        found[DAY] = at_s - at_s % MINUTE_S - image.clock.local.minute * MINUTE_S
    if any(watts is None for watts in image.miners.power_w):
        found["guess_w"] = _guesses(image, policy, state)
    rates = [rate_hs(image, f"{spec.group}/{spec.mac}") for spec in policy.wiring.miners]
    if any(rate is not None for rate in rates):
        found[RATE] = rates
    return found


def rate_hs(image: Image, unit: str) -> int | None:
    """Give the whole H/s of a miner whose rate is lost in hundredths of TH/s."""
    held = image.channels.get(f"{unit}:{RATE}")
    if held is None or image.clock.plant_s - held.at_s > QUANTITIES[RATE].max_age_s:
        return None
    known = isinstance(held.value, int | float) and told_now(image.channels, unit, f":{RATE}")
    return round(held.value) if known and isinstance(held.value, int | float) else None


def _guesses(image: Image, policy: Policy, state: State) -> list[int | None]:
    """Give by miner what it draws by its own word, None where its watts are known or it says nothing."""
    found: list[int | None] = []
    for at, one in enumerate(drawn(image, state, policy.wiring)):
        said = image.miners.word[at]
        unknown = image.miners.power_w[at] is None and said is not None
        asleep = said in ASLEEP or said == "offline"
        found.append((policy.wiring.miners[at].standby_w if asleep else one.power_w) if unknown else None)
    return found


def idle_of(policy: Policy) -> dict[str, int]:
    """Give by miner the watts up to which it is off; 0 for what draws as much asleep as at work."""
    marks = {spec.id: (on_above_w(spec), spec.nominal_w) for spec in policy.wiring.miners}
    return {miner: idle_w if idle_w < nominal_w else 0 for miner, (idle_w, nominal_w) in marks.items()}


def roll(db: sqlite3.Connection, hour_at: int, idle_w: Mapping[str, int]) -> list[Segment]:
    """Give the segments of one hour out of the telemetry in and around it."""
    return list(integrate(_samples(db, hour_at, hour_at + HOUR_S), hour_at, hour_at + HOUR_S, idle_w))


def _samples(db: sqlite3.Connection, from_s: int, to_s: int) -> list[Sample]:
    rows = db.execute(
        "SELECT f.ids, y.body FROM telemetry y JOIN fleets f ON f.id = y.fleet"
        " WHERE y.tick_at >= ? AND y.tick_at < ? ORDER BY y.tick_at",
        (from_s - AROUND_S, to_s + AROUND_S),
    )
    found = (_sample(ids, body) for ids, body in rows)
    return sorted((one for one in found if one is not None), key=lambda one: one.at_s)


def _sample(ids: str, body: str) -> Sample | None:
    """Give one tick's sample; None: it knew of no prices, or its row is damaged."""
    try:
        tree = json.loads(body)
        if "slot" not in tree:
            return None
        at_s, slot_s, slot_end_s, price, band = tree["slot"]
        names = tuple(json.loads(ids))
        rates = _rates(tree, len(names))
        guesses = tuple(tree.get("guess_w") or ())
        gap_s = max(GAP_S, TURNS * int(tree.get(EVERY) or 0))
        held = (slot_s, slot_end_s, price, band, gap_s, int(tree.get(DAY) or 0))
        sample = Sample(at_s, names, tuple(tree["power_w"]), guesses, rates, *held)
    except (ValueError, KeyError, TypeError):
        return None  # what can't be read is a gap; it must not keep the tick from being saved
    whole = all(len(column) == len(names) for column in (sample.power_w, guesses or names, rates or names))
    return sample if whole and isinstance(at_s, int) else None


def _rates(tree: Mapping[str, Any], count: int) -> tuple[int | None, ...]:
    """Give whole H/s: as told in them, else out of TH/s."""
    if "hashrate_ths" not in tree and RATE not in tree:
        return ()
    small, large = tree.get(RATE) or (None,) * count, tree.get("hashrate_ths") or (None,) * count
    pairs = zip(small, large, strict=True)
    return tuple(_whole(hs if hs is not None or ths is None else ths * TERA) for hs, ths in pairs)


def _whole(rate: float | None) -> int | None:
    return None if rate is None else round(rate)


# at_s in the hour, slot_s, micro, band, seconds, ids, energy, guess or 0, blind or 0, [hashes, mute or 0] or 0
Row = list[Any]


def pack(segments: Iterable[Segment], hour_at: int, number: Any) -> list[Row]:
    """Give segments as rows of JSON; `number` keeps a list of ids and gives its number."""
    return [
        [
            one.at_s - hour_at,
            one.slot_s,
            one.micro,
            one.band,
            one.seconds,
            number(text(one.ids)),
            one.energy_ws,
            one.guess_ws if any(one.guess_ws) else 0,
            one.blind_s if any(one.blind_s) else 0,
            [_shared(one.made_h), one.mute_s if any(one.mute_s) else 0] if one.made_h else 0,
        ]
        for one in segments
    ]


def _shared(counts: Iterable[int]) -> list[Any]:
    """Give [what divides them all, the quotients]: hashes are rates in steps of 10 GH/s times seconds, and exact."""
    counts = tuple(counts)
    unit = gcd(*counts) or 1
    return [unit, [count // unit for count in counts]]


def unpack(rows: Iterable[Row], hour_at: int, by_number: Mapping[int, list[str]]) -> tuple[Segment, ...]:
    """Undo `pack`. Raises ValueError for what is no such thing."""
    try:
        return tuple(_segment(row, hour_at, by_number) for row in rows)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"unreadable money of an hour: {error!r}") from error


def _segment(row: Row, hour_at: int, by_number: Mapping[int, list[str]]) -> Segment:
    at_s, slot_s, price, band, seconds, fleet, energy, guess, blind, told = row
    ids = tuple(by_number[fleet])
    none = (0,) * len(ids)
    guessed, unseen = tuple(guess) if guess else none, tuple(blind) if blind else none
    known = (hour_at + at_s, slot_s, price, band, seconds, ids, tuple(energy), guessed, unseen)
    if not isinstance(told, list):  # nobody counted hashes by miner
        return Segment(*known)
    (unit, counts), mute = told
    made = tuple(unit * count for count in counts)
    return Segment(*known, made, tuple(mute) if mute else none)
