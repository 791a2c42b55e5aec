"""The outcome invariants O12 to O20: what shows only over a longer stretch, after kills, or beside another tick."""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from mine_controller.play.homes import HOMES
from mine_controller.play.outcomes import (
    COLD_C,
    EMERGENCY,
    GRACE_S,
    MOMENTARY,
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
from mine_controller.play.priced import PRICED, dear
from mine_controller.play.weak import WEAK

BACK_S = 45 * 60
LATCHED_S = 75 * 60  # a heat stop ends by itself half an hour after it has cooled
HOLD_S = 600
READ_S = 15  # within it a tick has read what it reads
HOUR_S = 3600
DAY_S = 86_400
MODES_AN_HOUR = 6
SOAKED_K = 10.0  # so much warmer outside than when all became well, or not long before
SOAKS_S = 2 * HOUR_S
LETTERS_A_DAY = 10
LETTERS_AN_EVENT = 4  # of a third one and more: the word, dark, the word again, the report
BUSY = 75


def o12(history: History) -> Iterator[str]:
    """No deadlock: with nothing wrong, the site is never for 45 minutes below 90 % of what it may draw, neither at the
    beginning nor later. When it becomes warm quickly it has as long again: cold metal waits until it is surely above
    the dew point (HUM2)."""
    latched = any(one.mode in ("EMERGENCY", "FAULT") for one in history.ticks)
    for stretch in stretches(history.samples, lambda one: _all_well(one) and one.miners_w < 0.9 * one.permitted_w):
        limit_s = BACK_S + (LATCHED_S if latched else 0) + history.slack_s(stretch[0].at_s, stretch[-1].at_s)
        cold_c = min(one.ambient_c for one in history.samples if -SOAKS_S <= one.at_s - stretch[0].at_s <= 0)
        if max(one.ambient_c for one in stretch) - cold_c > SOAKED_K:
            limit_s += BACK_S
        if length_s(stretch) > limit_s:
            share = 100 * stretch[-1].miners_w / max(stretch[-1].permitted_w, 1)
            yield f"{share:.0f} % of what is permitted, for {length_s(stretch) / 60:.0f} minutes in which all was well"


def _all_well(one: Sample) -> bool:
    free = one.clear and one.signal != "off" and one.permitted_w > 0
    return free and not one.damp and COLD_C + 1 < one.ambient_c < 34


def o13(history: History) -> Iterator[str]:
    """Bounded chatter, while nothing is wrong: modes, letters, and no emergency at all."""
    calm = all(one.clear and COLD_C + 1 < one.ambient_c < 33 for one in history.samples) and not history.missed
    if not calm:
        return
    changes = (
        []
        if history.samples and history.samples[0].weak
        else [now.at_s for was, now in pairwise(history.ticks) if was.mode not in (now.mode, "INIT")]
    )
    for at in changes:
        many = sum(0 <= other - at < HOUR_S for other in changes)
        if many > MODES_AN_HOUR:
            yield f"{many} changes of mode within an hour"
            break
    letters = sum(len(tick.told) for tick in history.ticks)
    asked = len(stretches(history.samples, lambda one: one.signal == "off"))
    if letters > LETTERS_A_DAY * max(1.0, history.lasted_s / DAY_S) + LETTERS_AN_EVENT * max(0, asked - 2):
        yield f"{letters} letters in {history.lasted_s / HOUR_S:.0f} calm hours"
    if any(tick.emergencies for tick in history.ticks):
        yield "an emergency where nothing was wrong"


def o14(history: History) -> Iterator[str]:
    """Every emergency is told, and every occasion once."""
    for tick in history.ticks:
        if tick.emergencies and not tick.killed and not _said(history, tick):
            yield f"an emergency ({tick.emergencies[0]}) without a letter"
    keys = Counter(told.key for tick in history.ticks if not tick.killed for told in tick.told)
    twice = [key for key, count in keys.items() if count > 1]
    if twice:
        yield f"the same occasion was told {keys[twice[0]]} times: {twice[0]}"


def _said(history: History, tick: Ticked) -> bool:
    """A letter of that level in the same tick, or one that stands since before: a consequence is folded into its cause.
    One that was told to be over stands no more."""
    standing: dict[str, int] = {}
    for one in history.ticks:
        if one.at_s < tick.at_s:
            standing |= {told.key.partition(".")[0]: 0 if told.what == "clear" else told.level for told in one.told}
    raised = (told.level for told in tick.told if told.what != "clear")
    return max((*standing.values(), *raised), default=0) >= EMERGENCY


def o15(history: History) -> Iterator[str]:
    """Wear: starts stay even over healthy miners of one kind."""
    last = history.samples[-1] if history.samples else None
    starts = last.starts if last is not None and last.weak is None else ()  # on a weak source O26 counts them
    if starts and not history.touched and max(starts) - min(starts) > SPREAD:
        yield f"{max(starts)} starts of one miner and {min(starts)} of another"


def o16(history: History) -> Iterator[str]:
    """Kill anywhere: with ticks that died, O1 to O11 hold with each deadline one tick longer."""
    if any(tick.killed for tick in history.ticks):
        for name, check in MOMENTARY.items():
            yield from (f"{name} after a kill: {said}" for said in check(history))


def o17(history: History) -> Iterator[str]:
    """Clock: with a stepped wall clock O1 to O10 hold, and no miner starts within its time off by true time."""
    if any(tick.stepped for tick in history.ticks):
        for name, check in MOMENTARY.items():
            if name != "O11":
                yield from (f"{name} after a clock step: {said}" for said in check(history))


def o18(history: History) -> Iterator[str]:
    """Release: nothing rises before two readings of `run` and ten minutes of proven darkness, nor in one leap."""
    for event in stretches(history.samples, lambda one: one.signal == "off" and one.readable):
        begin, end = event[0].at_s, event[-1].at_s
        down = _dark_since_s(history, event)
        seen = length_s(event) > OBEY_S / 2 + history.slack_s(begin, end)
        if down is None or not seen:
            continue
        free_s = max(_confirmed_s(history, end), down + HOLD_S)
        for was, now in pairwise([one for one in history.samples if down < one.at_s < free_s]):
            if sum(now.starts) > sum(was.starts) and not history.was_touched(now.at_s, GRACE_S):
                yield f"{sum(now.starts) - sum(was.starts)} starts {now.at_s - end:.0f} s after the signal's end"
                break


def _confirmed_s(history: History, end_s: float) -> float:
    """When the second tick began that can have read `run`; two ticks later where fewer came."""
    read = [tick.at_s for tick in history.ticks if tick.at_s > end_s - READ_S]
    return read[1] if len(read) > 1 else end_s + 2 * history.tick_s


def _dark_since_s(history: History, event: Stretch) -> float | None:
    """When it became dark for this event; where it was already, from its first order on. None: it never did."""
    first = next((one.at_s for one in event if one.miners_w < history.floor_w), None)
    if first != event[0].at_s:
        return first
    dark = stretches(history.samples, lambda one: one.miners_w < history.floor_w)
    [same] = [one for one in dark if one[0].at_s <= first <= one[-1].at_s]
    return next(one.at_s for one in same if one.signal == "off" and one.readable)


def o19(history: History) -> Iterator[str]:
    """Price: nothing is used in a slot that was known to be too dear, but for the minute of stopping."""
    if history.samples and history.samples[0].priced is not None:
        yield from dear(history)
        return
    for stretch in stretches(history.samples, lambda one: one.price_off and one.price_known):
        limit_s = 60 + history.tick_s + history.slack_s(stretch[0].at_s, stretch[-1].at_s)
        late = [one for one in stretch if one.at_s - stretch[0].at_s > limit_s and one.miners_w >= history.floor_w]
        if late:
            yield f"{late[0].miners_w:.0f} W {late[0].at_s - stretch[0].at_s:.0f} s into a slot that is too dear"


def o20(history: History) -> Iterator[str]:
    """Two controllers: a second tick reaches nothing and says that it is busy."""
    for one in history.seconds:
        if one.exit_code != BUSY or one.reached:
            yield f"a second tick ended with {one.exit_code} and reached {one.reached} devices"


OUTCOMES: dict[str, Checker] = {
    **MOMENTARY,
    "O12": o12, "O13": o13, "O14": o14, "O15": o15, "O16": o16, "O17": o17, "O18": o18, "O19": o19, "O20": o20,
    **WEAK, **HOMES, **PRICED,
}  # fmt: skip


def judge(history: History) -> tuple[tuple[str, str], ...]:
    """Every violation of the history: which invariant, and the sentence."""
    return tuple((name, said) for name, check in OUTCOMES.items() for said in check(history))
