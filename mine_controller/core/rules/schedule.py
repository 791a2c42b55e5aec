"""Time windows of a site: quiet hours, seasons, nobody at home. Each [schedule NAME] is one, and says what holds then.

A window is open by the clock on the wall, so the days on which it is changed need no care: a window from 22:00 to 07:00
ends when the wall says seven. While it is open it narrows (fewer miners, less power, none) and wishes (a mode, a pool);
several open ones count together. A mode or pool that a miner told before is gone back to afterwards, where nothing else
wishes one. It is economics: it never cuts at an outlet, and safety and contract stand above it.
`minectl set-state away yes` opens the windows with `when = away` until it is cleared.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from mine_controller.core.miners.errands import seen
from mine_controller.core.model.clock import Local
from mine_controller.core.model.reason import ECONOMICS, Advice, Event, Limit, Reason, Wish
from mine_controller.core.model.state import Override
from mine_controller.core.model.wiring import MinerSpec
from mine_controller.core.money.windows import Window, days_of, hours_of, is_open, next_edge
from mine_controller.core.option import option
from mine_controller.core.pools.health import along
from mine_controller.core.pools.homes import own_pool
from mine_controller.core.view import View
from mine_controller.record import NamedTuple

LAYER = ECONOMICS
NEEDS = ()
AWAY = "away"  # the key of set-state
WHOLE_DAY = "00:00-24:00"
BACK = {"mode": "back", "pool": "home"}  # how what it was before is wished, which gives way to every other wish
FORGET_S = 86_400  # so long after the window, what somebody else has set since is how it is
_DATE = re.compile(r"(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")


class Section(NamedTuple):
    """One [schedule NAME]."""

    hours: tuple[str, ...] = option(
        (WHOLE_DAY,), help="when it is open, by the clock on the wall", example="22:00-07:00"
    )
    days: tuple[str, ...] = option((), help="on which weekdays it begins; empty = all", example="mon-fri, sun")
    first_date: str = option("", help="first day of its season, month-day; empty = all year", example="10-01")
    last_date: str = option("", help="last day of its season, month-day", example="03-31")
    when: str = option("always", choices=("always", "home", "away"), help="only while people are at home, or away")
    of: tuple[str, ...] = option((), help="miners or groups `stop`, `modes` and `pool` are for; empty = all")
    stop: bool = option(False, help="they are off")
    max_miners: int = option(-1, low=-1, high=100_000, help="no more miners than this run; -1 = no limit")
    max_kw: float = option(-1.0, low=-1, high=100_000, unit="kW", help="the miners draw no more; -1 = no limit")
    modes: tuple[str, ...] = option(
        (), help="each runs in the first of these modes it has, and afterwards as before", example="eco, low"
    )
    pool: str = option("", help="the [pool] they work for, where they can; afterwards the one before")


class Named(NamedTuple):
    """A section with its name."""

    name: str
    section: Section


class Options(NamedTuple):
    """[schedule] itself."""

    away: bool = option(False, help="yes = nobody is at home, until this is changed")
    sections: tuple[Named, ...] = option((), kind="sections", help="filled with the [schedule NAME] sections")


SECTION = Section


def with_sections(options: Options, sections: Iterable[tuple[str, Section]]) -> Options:
    """The options with every named section, in the order of the file."""
    return options._replace(sections=tuple(Named(name, section) for name, section in sections))


def check(options: Options | Section) -> list[str]:
    """What is wrong with a section, as sentences."""
    if isinstance(options, Options):
        return []
    found = [f"hours: {text[:30]!r} is not understood; write 22:00-07:00"
             for text in options.hours if hours_of(text) is None]  # fmt: skip
    found += [f"days: {text[:30]!r} is not understood; write mon-fri or sat"
              for text in options.days if not text or days_of(text) is None]  # fmt: skip
    dates = {"first_date": options.first_date, "last_date": options.last_date}
    found += [f"{name}: {text[:20]!r} is no month-day like 10-01"
              for name, text in dates.items() if text and not _DATE.fullmatch(text)]  # fmt: skip
    if bool(options.first_date) != bool(options.last_date):
        found.append("first_date and last_date go together")
    if not (options.stop or options.modes or options.pool or options.max_miners >= 0 or options.max_kw >= 0):
        found.append("nothing holds while it is open: write stop, max_miners, max_kw, modes or pool")
    return found


def windows_of(section: Section) -> tuple[Window, ...]:
    """The windows of a section."""
    days: set[int] = set() if section.days else set(range(7))
    for text in section.days:
        days |= set(days_of(text) or ())
    spans = [span for text in section.hours if (span := hours_of(text))]
    return tuple(Window(begin, end, tuple(sorted(days))) for begin, end in spans)


def stands(section: Section, local: Local, away: bool) -> bool:
    """True while the section holds. Its season is that of today's date, also for a window that began yesterday."""
    if section.when != "always" and (section.when == "away") != away:
        return False
    if section.first_date and not _in_season(section, local.date[5:]):
        return False
    return any(is_open(window, local.minute, local.weekday) for window in windows_of(section))


def _in_season(section: Section, day: str) -> bool:
    first, last = section.first_date, section.last_date
    return first <= day <= last if first <= last else day >= first or day <= last


def is_away(options: Options, overrides: Sequence[Override]) -> bool:
    """A person's word first, else the option."""
    said = [override.value for override in overrides if override.key == AWAY]
    return said[-1] == "yes" if said else options.away


def until_edge(section: Section, local: Local) -> int | None:
    """Minutes on the wall's clock until it opens or closes next, whatever its season; None: it never does."""
    return next_edge(windows_of(section), local.minute, local.weekday)


def advise(view: View, memory: dict[str, Any], options: Options) -> Advice:
    """Limits and wishes of every section that holds now."""
    local, away = view.image.clock.local, is_away(options, view.state.overrides)
    held = [one for one in options.sections if stands(one.section, local, away)]
    limits = [limit for one in held for limit in _limits(view, one)]
    wishes = [wish for one in held for wish in _wishes(view, one)]
    names, were = [one.name for one in held], list(memory.get("open") or ())
    events = [_event("schedule_begins", "begins", name) for name in names if name not in were]
    events += [_event("schedule_ends", "ends", name) for name in were if name not in names]
    kept = {**memory, "open": names, "before": _before(view, memory.get("before") or {}, wishes)}
    wishes += _back(view, kept["before"])
    if not kept["before"]:
        del kept["before"]
    return Advice(tuple(limits), tuple(wishes), tuple(events), kept)


def holds(memory: dict[str, Any]) -> bool:
    """True while a window is open or a miner not back from one: the rule is asked then also without a section."""
    return bool(memory.get("open") or memory.get("before"))


def _event(kind: str, code: str, name: str) -> Event:
    return Event(kind, "info", name, Reason("schedule", code, (("name", name),)))


def _limits(view: View, one: Named) -> Iterator[Limit]:
    section, name = one.section, ("name", one.name)
    if section.stop and section.of:
        for spec in _meant(view, section):
            reason = Reason("schedule", "stop", (name,))
            yield Limit(ECONOMICS, f"off {spec.id}", 0, reason, "gentle")
            yield Limit(ECONOMICS, f"ban {spec.id}", 0, reason, "gentle")
    elif section.stop:
        yield Limit(ECONOMICS, "max_miners", 0, Reason("schedule", "stop", (name,)), "gentle")
    if section.max_miners >= 0:
        reason = Reason("schedule", "miners", (name, ("miners", section.max_miners)))
        yield Limit(ECONOMICS, "max_miners", section.max_miners, reason, "gentle")
    if section.max_kw >= 0:
        power_w = round(section.max_kw * 1000)
        reason = Reason("schedule", "power", (name, ("power_w", power_w)))
        yield Limit(ECONOMICS, "max_power_w", power_w, reason, "gentle")
        yield Limit(ECONOMICS, "start_max_w", power_w, reason, "gentle")


def _wishes(view: View, one: Named) -> Iterator[Wish]:
    section, reason = one.section, Reason("schedule", "wish", (("name", one.name),))
    for spec in _meant(view, section) if section.modes or section.pool else ():
        mode = next((mode for mode in section.modes if mode in spec.modes), "")
        if mode:
            yield Wish(ECONOMICS, f"mode {spec.id}", mode, reason)
        if section.pool in spec.pools:
            yield Wish(ECONOMICS, f"pool {spec.id}", section.pool, reason)


def _before(view: View, were: Mapping[str, Any], wishes: Sequence[Wish]) -> dict[str, Any]:
    """By mode and pool, then by miner: what it `was`, what it was `put` to, since when no window asks for that."""
    ranked = sorted(wishes, key=lambda wish: wish.reason, reverse=True)  # the last counts, as in the envelope the first
    asked = {wish.what: str(wish.value) for wish in ranked}
    found: dict[str, Any] = {}
    for verb in BACK if asked or were else ():
        rows = were.get(verb) or {}
        kept = {spec.id: _row(view, spec, verb, rows.get(spec.id), asked) for spec in view.wiring.miners}
        if any(kept.values()):
            found[verb] = {name: row for name, row in kept.items() if row}
    return found


def _row(view: View, spec: MinerSpec, verb: str, row: Any, asked: Mapping[str, str]) -> dict[str, Any] | None:
    """What is remembered of one miner, None: nothing has to be, or is known to be changed back."""
    told, wanted = _own(view, spec, verb), asked.get(f"{verb} {spec.id}")
    if wanted is not None:
        if row is None:
            return {"was": told, "put": [wanted], "shut_s": 0} if _takes(spec, verb, told) and told != wanted else None
        was = told if row["shut_s"] and _is_chosen(view, spec, verb, row) else row["was"]
        return {"was": was, "put": list(dict.fromkeys((*row["put"], wanted))), "shut_s": 0}
    if row is None or told == row["was"]:
        return None
    shut_s = int(row["shut_s"]) or view.now_s
    other = told is not None and told not in row["put"]
    return None if other and view.now_s - shut_s >= FORGET_S else {**row, "shut_s": shut_s}


def _own(view: View, spec: MinerSpec, verb: str) -> Any:
    """What it is set to: not the pool that stands in for its own now, or that is lent to it for want of a line."""
    told = seen(view, spec, verb)
    return own_pool(view.state.memory, spec, str(told)) if verb == "pool" and told is not None else told


def _takes(spec: MinerSpec, verb: str, told: Any) -> bool:
    return told in (spec.modes if verb == "mode" else spec.pools)


def _is_chosen(view: View, spec: MinerSpec, verb: str, row: Mapping[str, Any]) -> bool:
    """Whether it tells what somebody set between two windows: not what one put it to, nor a pool that may stand in."""
    told = _own(view, spec, verb)
    stands_in = verb == "pool" and told in along(str(row["was"]), view.pools)
    return _takes(spec, verb, told) and told not in row["put"] and not stands_in


def _back(view: View, before: Mapping[str, Any]) -> Iterator[Wish]:
    """For who still shows what a window put it to; one that was set otherwise since is left alone."""
    for spec in view.wiring.miners if before else ():
        for verb, word in BACK.items():
            row = before.get(verb, {}).get(spec.id)
            if row is not None and row["shut_s"] and _own(view, spec, verb) in row["put"]:
                reason = Reason("schedule", "back", (("was", row["was"]),))
                yield Wish(ECONOMICS, f"{word} {spec.id}", row["was"], reason)


def _meant(view: View, section: Section) -> Iterator[MinerSpec]:
    return (spec for spec in view.wiring.miners if not section.of or spec.id in section.of or spec.group in section.of)
