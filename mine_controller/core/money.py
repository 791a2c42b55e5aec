"""Energy and money out of what the ticks saw, in whole numbers, so that sums are exact. Pure.

Between two ticks a miner drew what the end of the first one saw of it. That stretch is cut where a price slot ends, and
each part costs that slot's price: the very slots that decided. Energy is in watt seconds, prices in millionths of a
minor unit (pence, cents) per kWh, and money in the product of both; `pence` divides once, at the end.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

GAP_S = 600  # ticks further apart than this say nothing of the time between them
WS_A_KWH = 3_600_000
MICRO = 1_000_000
DAY_S = 86_400


class Sample(NamedTuple):
    """What the end of a tick saw. Columns go by `ids`; None = not known.

    power_w: measured watts · guess_w: what such a miner draws, where its watts are not known · hash_cth: hundredths of
    TH/s · slot_s, slot_end_s: the slot that held (0, 0: none) · micro: its price · band: the band in force, "" = none.
    """

    at_s: int
    ids: tuple[str, ...]
    power_w: tuple[int | None, ...]
    guess_w: tuple[int | None, ...] = ()
    hash_cth: tuple[int | None, ...] = ()
    slot_s: int = 0
    slot_end_s: int = 0
    micro: int | None = None
    band: str = ""


class Segment(NamedTuple):
    """Sums over a part of one slot in one band, from `at_s` (wall seconds) on; `seconds` of it were seen.

    By miner: measured watt seconds, guessed ones, seconds of which nothing is known. hashes: hundredths of TH by kind.
    """

    at_s: int
    slot_s: int
    micro: int | None
    band: str
    seconds: int
    ids: tuple[str, ...]
    energy_ws: tuple[int, ...]
    guess_ws: tuple[int, ...]
    blind_s: tuple[int, ...]
    hashes: tuple[tuple[str, int], ...] = ()


class _Part(NamedTuple):
    sample: Sample
    begin_s: int
    end_s: int
    slot_s: int
    micro: int | None


def _parts(samples: Sequence[Sample], from_s: int, to_s: int) -> Iterator[_Part]:
    """The stretches between samples, cut at the slots' edges and at both ends."""
    for one, after in pairwise(samples):
        if not 0 < after.at_s - one.at_s <= GAP_S:
            continue
        cuts = sorted({one.at_s, after.at_s, *(at for at in (from_s, to_s, one.slot_end_s, after.slot_s)
                                               if one.at_s < at < after.at_s)})  # fmt: skip
        for begin_s, end_s in pairwise(cuts):
            if from_s <= begin_s and end_s <= to_s:
                holds = next((held for held in (one, after) if held.slot_s <= begin_s < held.slot_end_s), None)
                slot_s, micro = (0, None) if holds is None else (holds.slot_s, holds.micro)
                yield _Part(one, begin_s, end_s, slot_s, micro)


class _Sum:
    """One segment in the making."""

    def __init__(self, at_s: int) -> None:
        self.at_s, self.seconds = at_s, 0
        self.energy: dict[str, int] = {}
        self.guess: dict[str, int] = {}
        self.blind: dict[str, int] = {}
        self.hashes: dict[str, int] = {}

    def add(self, part: _Part, kinds: Mapping[str, str]) -> None:
        seconds, sample = part.end_s - part.begin_s, part.sample
        self.seconds += seconds
        for at, name in enumerate(sample.ids):
            watts = sample.power_w[at]
            guess = sample.guess_w[at] if sample.guess_w else None
            self.energy[name] = self.energy.get(name, 0) + (watts or 0) * seconds
            if watts is None and guess is not None:
                self.guess[name] = self.guess.get(name, 0) + guess * seconds
            elif watts is None:
                self.blind[name] = self.blind.get(name, 0) + seconds
            rate = sample.hash_cth[at] if sample.hash_cth else None
            if rate:
                kind = kinds.get(name, "")
                self.hashes[kind] = self.hashes.get(kind, 0) + rate * seconds


def integrate(
    samples: Sequence[Sample], from_s: int, to_s: int, kinds: Mapping[str, str] | None = None
) -> tuple[Segment, ...]:
    """Segments of from_s..to_s out of samples in the order of time; those around the ends belong to it.

    `kinds` gives each miner's kind for the hashes.
    """
    sums: dict[tuple[int, int | None, str], _Sum] = {}
    for part in _parts(samples, from_s, to_s):
        key = (part.slot_s, part.micro, part.sample.band)
        sums.setdefault(key, _Sum(part.begin_s)).add(part, kinds or {})
    out = []
    for (slot_s, micro, band), one in sums.items():
        ids = tuple(one.energy)
        columns = (tuple(by.get(name, 0) for name in ids) for by in (one.energy, one.guess, one.blind))
        energy_ws, guess_ws, blind_s = columns
        hashes = tuple(sorted(one.hashes.items()))
        out.append(Segment(one.at_s, slot_s, micro, band, one.seconds, ids, energy_ws, guess_ws, blind_s, hashes))
    return tuple(sorted(out, key=lambda one: (one.at_s, one.slot_s, one.band)))


# -- sums -------------------------------------------------------------------------------------------------------------


class Line(NamedTuple):
    """Sums of one miner, band or day. Energies in watt seconds, money in watt seconds x micro (see `pence`).

    unpriced_ws: energy (measured and guessed) in slots without a known price: it is in no money · blind_s: miner
    seconds of which nothing is known · seconds: of the mine, seen · always_*: had everybody run at nominal power in the
    same slots · earned_micro: millionths of a minor unit, None where nothing says what is earned.
    """

    key: str
    energy_ws: int = 0
    cost: int = 0
    guess_ws: int = 0
    guess_cost: int = 0
    unpriced_ws: int = 0
    blind_s: int = 0
    seconds: int = 0
    always_ws: int = 0
    always_cost: int = 0
    earned_micro: int | None = None

    @property
    def paid(self) -> int:
        """What it cost, measured and guessed together."""
        return self.cost + self.guess_cost

    @property
    def saved(self) -> int:
        """What always on would have cost more."""
        return self.always_cost - self.paid


def added(one: Line, other: Line) -> Line:
    """Both together, under the first one's key."""
    earned = [line.earned_micro for line in (one, other) if line.earned_micro is not None]
    sums = [mine + its for mine, its in zip(one[1:-1], other[1:-1], strict=True)]
    return Line._make((one.key, *sums, sum(earned) if earned else None))


Earns = Callable[[Segment], int | None]  # what its hashes earned, millionths of a minor unit; None: not known


def _nothing(segment: Segment) -> None:
    del segment


def by_segment(
    segments: Iterable[Segment], key: Callable[[Segment], str], nominal_w: Mapping[str, int], earns: Earns = _nothing
) -> dict[str, Line]:
    """Lines by what `key` says of each segment: its band, its day."""
    out: dict[str, Line] = {}
    for one in segments:
        name = key(one)
        parts = [_line(one, at, name, nominal_w) for at in range(len(one.ids))]
        line = Line(name, seconds=one.seconds, earned_micro=earns(one))
        for part in parts:
            line = added(line, part._replace(seconds=0))
        out[name] = added(out.get(name, Line(name)), line)
    return out


def by_miner(segments: Iterable[Segment], nominal_w: Mapping[str, int]) -> dict[str, Line]:
    """Lines by miner; what it earned is known for all together only."""
    out: dict[str, Line] = {}
    for one in segments:
        for at, name in enumerate(one.ids):
            out[name] = added(out.get(name, Line(name)), _line(one, at, name, nominal_w))
    return out


def _line(one: Segment, at: int, key: str, nominal_w: Mapping[str, int]) -> Line:
    micro, energy_ws, guess_ws = one.micro, one.energy_ws[at], one.guess_ws[at]
    always_ws = nominal_w.get(one.ids[at], 0) * one.seconds
    if micro is None:
        return Line(key, energy_ws, 0, guess_ws, 0, energy_ws + guess_ws, one.blind_s[at], one.seconds)
    costs = (energy_ws * micro, guess_ws * micro, always_ws * micro)
    return Line(key, energy_ws, costs[0], guess_ws, costs[1], 0, one.blind_s[at], one.seconds, always_ws, costs[2])


def total(lines: Iterable[Line]) -> Line:
    """All of them together."""
    out = Line("total")
    for line in lines:
        out = added(out, line)
    return out


def earns_by(values: Mapping[str, float], coin_of: Callable[[str, str], str]) -> Earns:
    """What a segment earned: `values` are minor units per TH/s and day by coin, `coin_of(band, kind)` the coin mined.

    None where the coin of somebody who hashed, or what it earns, is not known.
    """

    def earned(segment: Segment) -> int | None:
        found = 0
        for kind, hashes in segment.hashes:
            value = values.get(coin_of(segment.band, kind).upper())
            if value is None:
                return None
            found += round(hashes * value * MICRO / (100 * DAY_S))
        return found if segment.hashes else None

    return earned


def pence(money: int) -> float:
    """Minor units, rounded half to even at four decimals, of money as sums hold it."""
    return _rounded(money, WS_A_KWH * MICRO // 10_000) / 10_000


def _rounded(amount: int, unit: int) -> int:
    whole, rest = divmod(amount, unit)
    return whole + (2 * rest > unit or (2 * rest == unit and whole % 2 == 1))


def kwh(energy_ws: int) -> float:
    """Kilowatt hours with three decimals."""
    return _rounded(energy_ws, WS_A_KWH // 1000) / 1000


def mean_price(line: Line) -> float | None:
    """Minor units per kWh paid on average, two decimals; None where nothing was paid for."""
    priced_ws = line.energy_ws + line.guess_ws - line.unpriced_ws
    return round(line.paid / priced_ws / MICRO, 2) if priced_ws > 0 else None
