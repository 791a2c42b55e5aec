"""The outcome invariants O21 to O26: what a weak source, its miners and the lines out truly went through.

Figures are those of a site with ticks of 120 s and the options of the profile's own template.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from mine_controller.play.outcomes import (
    EMERGENCY,
    EVERY_S,
    GRACE_S,
    OBEY_S,
    SPREAD,
    Checker,
    History,
    Sample,
    Stretch,
    Ticked,
    length_s,
    stretches,
)
from mine_controller.play.places import Weak

SOURCE_GRACE_S = 600  # how long the last word of a silent source counts
STEP_S = 60  # beyond a tick: read, told, and down
OVER = 1.005  # what meters and the whole kilowatts of the source's word may be off by
SOME_SHARE = 0.02  # of what all draw
LOW_HZ, WEAK_HZ = 49.4, 49.7  # surely below what sheds, and below what holds starts back
FALLEN = 0.8  # of the load that was: a step is a quarter of it
GOOD_S = 600
READ_S = 20
HOME_S = 1800  # the return, the errands in steps, a restart of who did not come
BLIND_KINDS = ("supply_blind", "site_silent", "device_unreachable", "mains_lost", "required_lost")


def touches(samples: Sequence[Sample]) -> Iterator[float]:
    """When miners started by themselves: fed again, or with work again. And when they went dark with the source."""
    for was, now in pairwise(samples):
        if was.weak is None or now.weak is None:
            return
        fed = was.weak.fed != now.weak.fed or was.weak.phases != now.weak.phases or was.weak.lost != now.weak.lost
        if fed or now.weak.idle_n < was.weak.idle_n:
            yield now.at_s


def _of(one: Sample) -> Weak:
    return one.weak or Weak(one.total_w)


def _over(history: History, one: Sample) -> bool:
    """More than there is, and somebody who obeys runs. A word that stands still is nobody's fault but its own."""
    weak = _of(one)
    able = weak.heard and weak.could_w > history.nominal_w * SOME_SHARE
    return weak.fed and able and not weak.lies and one.total_w > weak.given_w * OVER


def o21(history: History) -> Iterator[str]:
    """Source: the load is above what it can give for a tick and a minute at most; without its word the grace longer."""
    for stretch in stretches(history.samples, lambda one: one.weak is not None and _over(history, one)):
        begin, limit_s = stretch[0].at_s, float(history.tick_s + STEP_S)
        if not all(_of(one).said for one in _since(history, stretch, SOURCE_GRACE_S)):
            limit_s += SOURCE_GRACE_S
        limit_s += history.slack_s(begin, begin + limit_s)
        if length_s(stretch) > limit_s:
            last = stretch[-1]
            yield f"{last.total_w:.0f} W of {_of(last).given_w:.0f} for {length_s(stretch):.0f} s"


def _since(history: History, stretch: Stretch, before_s: float) -> list[Sample]:
    """The stretch, and so many seconds before it."""
    return [one for one in history.samples if stretch[0].at_s - before_s <= one.at_s <= stretch[-1].at_s]


def o22(history: History) -> Iterator[str]:
    """Frequency: where the meter shows it too low for a tick and a minute, a fifth of the load has gone at least."""

    def low(one: Sample) -> bool:
        weak = one.weak
        able = weak is not None and weak.heard and weak.measured and weak.could_w > history.nominal_w * SOME_SHARE
        return able and _of(one).fed and _of(one).hz < LOW_HZ

    for stretch in stretches(history.samples, low):
        begin, limit_s = stretch[0], float(history.tick_s + STEP_S)
        limit_s += history.slack_s(begin.at_s, begin.at_s + limit_s)
        late = [one for one in stretch if one.at_s - begin.at_s > limit_s]
        if late and late[0].miners_w > begin.miners_w * FALLEN:
            yield f"{late[0].miners_w:.0f} W of {begin.miners_w:.0f} after {limit_s:.0f} s at {_of(late[0]).hz:.1f} Hz"


def o23(history: History) -> Iterator[str]:
    """Weak: for ten minutes after a tick could see a low frequency or a lost phase nobody is started."""
    seen = [tick for tick in history.ticks if not tick.killed and _is_weak(history, tick)]
    for was, now in pairwise(history.samples if seen else ()):
        more = sum(now.starts) - sum(was.starts)
        if more <= 0 or history.was_touched(now.at_s, GRACE_S):
            continue
        held = [tick for tick in seen if tick.end_s + STEP_S / 2 < now.at_s < tick.at_s + GOOD_S]
        if held:
            yield f"{more} starts {now.at_s - held[-1].at_s:.0f} s after the source was seen to be weak"


def _is_weak(history: History, tick: Ticked) -> bool:
    """It could see it: it had been so for a while when the tick began, and was not mended at that very second."""
    near = [one for one in history.samples if tick.at_s - READ_S <= one.at_s <= tick.at_s + EVERY_S]
    return bool(near) and all(_shows_weak(one) for one in near)


def _shows_weak(one: Sample) -> bool:
    weak = one.weak
    return weak is not None and weak.measured and weak.fed and (weak.hz < WEAK_HZ or weak.phases < 3)


def o24(history: History) -> Iterator[str]:
    """Lines: with every one down whoever is awake has work at the holding pool, and goes home when one is back."""

    def idle(one: Sample) -> bool:
        weak = _of(one)
        ready = weak.fed and weak.linked and weak.lends and weak.heard
        return one.weak is not None and ready and not weak.online and weak.idle_n > 0

    for stretch in stretches(history.samples, idle):
        limit_s = OBEY_S + history.slack_s(stretch[0].at_s, stretch[0].at_s + OBEY_S)
        if length_s(stretch) > limit_s:
            yield f"{_of(stretch[-1]).idle_n} miners without work for {length_s(stretch):.0f} s of an outage"

    def away(one: Sample) -> bool:
        weak = _of(one)
        return one.weak is not None and weak.fed and weak.linked and weak.heard and weak.online and weak.lent_n > 0

    for stretch in stretches(history.samples, away):
        limit_s = HOME_S + history.slack_s(stretch[0].at_s, stretch[0].at_s + HOME_S)
        if length_s(stretch) > limit_s:
            yield f"{_of(stretch[-1]).lent_n} miners at the holding pool {length_s(stretch):.0f} s after the return"


def o25(history: History) -> Iterator[str]:
    """Silence: nobody can read what the source gives for its grace and a tick, and that is told as an emergency."""
    for stretch in stretches(
        history.samples, lambda one: one.weak is not None and not _of(one).said and not _of(one).lies
    ):
        begin, limit_s = stretch[0].at_s, float(SOURCE_GRACE_S + history.tick_s + STEP_S)
        limit_s += history.slack_s(begin, begin + limit_s)
        if length_s(stretch) <= limit_s:
            continue
        told = (one for tick in history.ticks if tick.at_s <= begin + limit_s for one in tick.told)
        if not any(one.kind in BLIND_KINDS and one.level == EMERGENCY for one in told):
            yield f"nobody was told in {length_s(stretch):.0f} s without a word of the source"


def o26(history: History) -> Iterator[str]:
    """Wear: what the program starts is spread evenly over healthy miners, whatever the source does."""
    if not history.samples or history.samples[0].weak is None or history.unkept:
        return
    ill = frozenset[int]().union(*(_of(one).ill for one in history.samples))
    begun = [0] * len(history.samples[0].starts)
    for was, now in pairwise(history.samples):
        if now.starts != was.starts and not history.was_touched(now.at_s, GRACE_S):
            for at, (before, after) in enumerate(zip(was.starts, now.starts, strict=True)):
                begun[at] += after - before
    well = [count for at, count in enumerate(begun) if at not in ill]
    if well and max(well) - min(well) > SPREAD:
        yield f"{max(well)} starts of one healthy miner and {min(well)} of another"


WEAK: dict[str, Checker] = {"O21": o21, "O22": o22, "O23": o23, "O24": o24, "O25": o25, "O26": o26}
