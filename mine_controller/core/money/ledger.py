"""Energy and money out of what the ticks saw, in whole numbers, so that sums are exact. Pure.

Between two ticks a miner drew what the end of the first one saw of it. That stretch is cut where a price slot ends, and
each part costs that slot's price: the very slots that decided. Energy is in watt seconds, prices in millionths of a
minor unit (pence, cents) per kWh, and money in the product of both; `pence` divides once, at the end.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from mine_controller.record import NamedTuple

GAP_S = 600  # ticks further apart than this, and than two turns, say nothing of the time between them
WS_A_KWH = 3_600_000
MICRO = 1_000_000
TERA = 10**12
DAY_S = 86_400


class Sample(NamedTuple):
    """What the end of a tick saw. Columns go by `ids`; None = not known.

    power_w: measured watts · guess_w: what such a miner draws, where its watts are not known · hash_hs: whole H/s ·
    slot_s, slot_end_s: the slot that held (0, 0: none) · micro: its price · band: the band in force, "" = none ·
    gap_s: a sample that comes later than this says nothing of the time between · day_s: when its local day began, where
    that is inside an hour of UTC (0: a whole hour, at which everything is cut anyway).
    """

    at_s: int
    ids: tuple[str, ...]
    power_w: tuple[int | None, ...]
    guess_w: tuple[int | None, ...] = ()
    hash_hs: tuple[int | None, ...] = ()
    slot_s: int = 0
    slot_end_s: int = 0
    micro: int | None = None
    band: str = ""
    gap_s: int = GAP_S
    day_s: int = 0


class Segment(NamedTuple):
    """Sums over a part of one slot in one band and local day, from `at_s` (wall seconds) on; `seconds` of it were seen.

    By miner: measured watt seconds, guessed ones, seconds of which nothing is known; made_h: hashes, mute_s: seconds in
    which it drew more than standby, or who knows what, and told no rate. Those two are (): nobody counted.
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
    made_h: tuple[int, ...] = ()
    mute_s: tuple[int, ...] = ()


class _Part(NamedTuple):
    sample: Sample
    begin_s: int
    end_s: int
    slot_s: int
    micro: int | None
    day_s: int


def _parts(samples: Sequence[Sample], from_s: int, to_s: int) -> Iterator[_Part]:
    """The stretches between samples, cut at the slots' edges, at a midnight and at both ends."""
    for one, after in pairwise(samples):
        if not 0 < after.at_s - one.at_s <= one.gap_s:
            continue
        edges = (from_s, to_s, one.slot_end_s, after.slot_s, after.day_s)
        cuts = sorted({one.at_s, after.at_s, *(at for at in edges if one.at_s < at < after.at_s)})
        for begin_s, end_s in pairwise(cuts):
            if from_s <= begin_s and end_s <= to_s:
                holds = next((held for held in (one, after) if held.slot_s <= begin_s < held.slot_end_s), None)
                slot_s, micro = (0, None) if holds is None else (holds.slot_s, holds.micro)
                day_s = after.day_s if after.day_s <= begin_s else one.day_s
                yield _Part(one, begin_s, end_s, slot_s, micro, day_s)


class _Sum:
    """One segment in the making."""

    def __init__(self, at_s: int) -> None:
        self.at_s, self.seconds = at_s, 0
        self.energy: dict[str, int] = {}
        self.guess: dict[str, int] = {}
        self.blind: dict[str, int] = {}
        self.made: dict[str, int] = {}
        self.mute: dict[str, int] = {}

    def add(self, part: _Part, idle_w: Mapping[str, int]) -> None:
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
            rate, idle = sample.hash_hs[at] if sample.hash_hs else None, idle_w.get(name, -1)
            if watts is not None and watts <= idle:
                continue  # measured dark: what it told last does not count
            if rate is not None:
                self.made[name] = self.made.get(name, 0) + rate * seconds
            elif watts is not None or guess is None or guess > idle:
                self.mute[name] = self.mute.get(name, 0) + seconds


def integrate(
    samples: Sequence[Sample], from_s: int, to_s: int, idle_w: Mapping[str, int] | None = None
) -> tuple[Segment, ...]:
    """Segments of from_s..to_s out of samples in the order of time; those around the ends belong to it.

    `idle_w` gives by miner the watts up to which it hashes nothing, whatever rate it told last.
    """
    sums: dict[tuple[int, int | None, str, int], _Sum] = {}
    for part in _parts(samples, from_s, to_s):
        key = (part.slot_s, part.micro, part.sample.band, part.day_s)
        sums.setdefault(key, _Sum(part.begin_s)).add(part, idle_w or {})
    out = []
    for (slot_s, micro, band, _day_s), one in sums.items():
        ids = tuple(one.energy)
        by_miner = (one.energy, one.guess, one.blind, one.made, one.mute)
        columns = [tuple(by.get(name, 0) for name in ids) for by in by_miner]
        out.append(Segment(one.at_s, slot_s, micro, band, one.seconds, ids, *columns))
    return tuple(sorted(out, key=lambda one: (one.at_s, one.slot_s, one.band)))


# -- sums -------------------------------------------------------------------------------------------------------------


class Line(NamedTuple):
    """Sums of one miner, band or day. Energies in watt seconds, money in watt seconds x micro (see `pence`).

    unpriced_ws: energy (measured and guessed) in slots without a known price: it is in no money · blind_s: miner
    seconds of which nothing is known · seconds: of the mine, seen · always_*: had everybody run at nominal power in the
    same slots, but for what is blind · earned_micro: millionths of a minor unit, None where nothing says what is earned
    · unearned_s: miner seconds whose earnings are not known (no rate was told, or nothing says what the coin pays): in
    no earnings.
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
    unearned_s: int = 0

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
    sums = [mine + its for mine, its in zip(one[1:-2], other[1:-2], strict=True)]
    return Line._make((one.key, *sums, sum(earned) if earned else None, one.unearned_s + other.unearned_s))


# What the miner in that column of a segment earned, in millionths of a minor unit (None: nothing is known of it), and
# of how many of its seconds that is not known.
Earns = Callable[[Segment, int], tuple[int | None, int]]


def nothing(segment: Segment, at: int) -> tuple[None, int]:
    """Nobody asks what is earned."""
    del segment, at
    return None, 0


def by_segment(
    segments: Iterable[Segment], key: Callable[[Segment], str], nominal_w: Mapping[str, int], earns: Earns = nothing
) -> dict[str, Line]:
    """Lines by what `key` says of each segment: its band, its day."""
    out: dict[str, Line] = {}
    for one in segments:
        line = Line(key(one), seconds=one.seconds)
        for at in range(len(one.ids)):
            line = added(line, _line(one, at, line.key, nominal_w, earns)._replace(seconds=0))
        out[line.key] = added(out.get(line.key, Line(line.key)), line)
    return out


def by_miner(segments: Iterable[Segment], nominal_w: Mapping[str, int], earns: Earns = nothing) -> dict[str, Line]:
    """Lines by miner."""
    out: dict[str, Line] = {}
    for one in segments:
        for at, name in enumerate(one.ids):
            out[name] = added(out.get(name, Line(name)), _line(one, at, name, nominal_w, earns))
    return out


def _line(one: Segment, at: int, key: str, nominal_w: Mapping[str, int], earns: Earns) -> Line:
    micro, energy_ws, guess_ws = one.micro, one.energy_ws[at], one.guess_ws[at]
    always_ws = nominal_w.get(one.ids[at], 0) * (one.seconds - one.blind_s[at])  # what nobody saw saved nothing
    earned = earns(one, at)
    if micro is None:
        unpriced = (energy_ws, 0, guess_ws, 0, energy_ws + guess_ws, one.blind_s[at], one.seconds, 0, 0)
        return Line(key, *unpriced, *earned)
    costs = (energy_ws * micro, guess_ws * micro, always_ws * micro)
    paid = (energy_ws, costs[0], guess_ws, costs[1], 0, one.blind_s[at], one.seconds, always_ws, costs[2])
    return Line(key, *paid, *earned)


def total(lines: Iterable[Line]) -> Line:
    """All of them together."""
    out = Line("total")
    for line in lines:
        out = added(out, line)
    return out


def earns_by(values: Mapping[str, float], coin_of: Callable[[str, str], str]) -> Earns:
    """What hashes earned: `values` are minor units per TH/s and day by coin, `coin_of(band, miner)` the coin mined.

    Who hashed nothing earned nothing, whatever coin it was. Where nothing says what the coin pays, nothing is known.
    """

    def earned(segment: Segment, at: int) -> tuple[int | None, int]:
        if not segment.made_h:
            return None, segment.seconds
        made_h, mute_s = segment.made_h[at], segment.mute_s[at]
        if not made_h:
            return (None if mute_s else 0), mute_s
        value = values.get(coin_of(segment.band, segment.ids[at]).upper())
        if value is None:
            return None, segment.seconds
        return round(made_h * value * MICRO / (TERA * DAY_S)), mute_s

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
