"""Price bands: what is mined, where and how hard, by the price of this half hour. Each [band NAME] is one, dear first.

Towards dearer or off at once, even a little before the dearer slot begins; towards cheaper when the next slot qualifies
too and the band has been held for a slot. A price nobody knows is the default band. It is economics: a band that is off
stops miners by their own word, never at an outlet. `minectl set-state strategy on|off` and `band NAME` go before it
until they are cleared (PRC1-4, O19).
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from mine_controller.core.alarms.catalogue import ways_of
from mine_controller.core.miners.tuning import champions
from mine_controller.core.model.clock import Clock
from mine_controller.core.model.reason import ECONOMICS, Advice, Event, Limit, Reason, Wish
from mine_controller.core.model.state import Override
from mine_controller.core.money.bands import (
    NOTHING,
    OFF,
    Band,
    Choice,
    Held,
    Pace,
    Section,
    can_mine,
    choose,
    mode_of,
    named,
    pool_of,
    split_mode,
)
from mine_controller.core.money.prices import Slot, price_at, slot_at, slots_of
from mine_controller.core.option import option
from mine_controller.core.view import View
from mine_controller.record import NamedTuple

LAYER = ECONOMICS
NEEDS = ("price",)
KEYS = ("strategy", "band")  # of set-state, until changed
MISSING_S = 600  # a price that is unknown for so long is told


class Options(NamedTuple):
    """[band] itself."""

    default_band: str = option(OFF, help="the band that holds while the price is not known; off = nothing is mined")
    dwell_slots: int = option(1, low=0, high=48, help="a band is held over so many slot edges before a cheaper one")
    lead_s: int = option(60, unit="s", low=0, high=600, help="so long before a dearer slot its band must hold already")
    others: str = option("stay", choices=("stay", "off"), help="miners that can't mine a band's coin stay as they are")
    sections: tuple[Band, ...] = option((), kind="sections", help="filled with the [band NAME] sections, dear first")


SECTION = Section


def with_sections(options: Options, sections: Iterable[tuple[str, Section]]) -> Options:
    """The options with every band, in the order of the file."""
    return options._replace(sections=tuple(Band(name, section) for name, section in sections))


def check(options: Options | Section) -> list[str]:
    """What is wrong with one section, as sentences; what is wrong between them `config` tells."""
    if isinstance(options, Options):
        return []
    wrong = [text for text in options.modes if not all(split_mode(text))]
    whose = [split_mode(text)[0] for text in options.modes]
    found = [f"modes: {text[:30]!r} is not understood; write bitaxe eco" for text in wrong]
    return found + [f"modes: names {one} twice" for one in sorted(set(whose)) if one and whose.count(one) > 1]


def pace_of(options: Options, tick_s: int, overrides: Sequence[Override] = ()) -> Pace:
    """How bands change at this site. The last tick that can act before the lead begins has to act."""
    lift = _forced(overrides).get("strategy") == "on"
    return Pace(options.default_band, options.dwell_slots, options.lead_s + tick_s, lift)


def held_of(memory: dict[str, Any]) -> Held | None:
    """The band in force as the rule remembers it; None: there is none yet."""
    name, from_s = memory.get("band"), memory.get("from_s")
    return Held(name, from_s) if isinstance(name, str) and isinstance(from_s, int) else None


def holds(memory: dict[str, Any]) -> bool:
    """True until it was told that bands decide nothing any more: the rule is asked then also where there is none."""
    return bool(memory.get("band"))


def _forced(overrides: Iterable[Override]) -> dict[str, str]:
    return {one.key: one.value for one in overrides if one.key in KEYS}


def advise(view: View, memory: dict[str, Any], options: Options) -> Advice:
    """The band of this moment, its limits and wishes."""
    bands, clock = options.sections, view.image.clock
    if not bands or not view.wired("price"):
        return Advice(events=tuple(_ended(memory)))
    slots, held = slots_of(view.image, view.wiring), held_of(memory)
    choice = _by_person(view, bands, slots) or choose(
        bands, slots, clock.wall_s, held, pace_of(options, clock.tick_s, view.state.overrides)
    )
    kept = dict(memory) | {"band": choice.band.name, "from_s": choice.from_s}
    reason = _reason(view, choice)
    events = [*_changed(view, kept, choice, held, reason), *_told(view, kept, slots)]
    limits = (*_limits(view, choice, options, reason), *_champions(view, kept, choice.band))
    return Advice(limits, tuple(_wishes(view, choice, reason)),
                  tuple(events), kept)  # fmt: skip


def _by_person(view: View, bands: Sequence[Band], slots: Sequence[Slot]) -> Choice | None:
    """What somebody set: off goes before a band by name. Begun at 0: once it is cleared, the price counts at once."""
    forced, slot = _forced(view.state.overrides), slot_at(slots, view.image.clock.wall_s)
    price = None if slot is None else slot.price
    if forced.get("strategy") == OFF:
        return Choice(NOTHING, 0, "set", price)
    if "band" in forced and forced["band"] in (OFF, *(band.name for band in bands)):
        return Choice(named(bands, forced["band"]), 0, "set", price)
    return None


def _reason(view: View, choice: Choice) -> Reason:
    numbers: tuple[tuple[str, int | float | str], ...] = (("band", choice.band.name),)
    numbers += (("coin", choice.band.section.coin or "as before"),)
    if choice.price is not None:
        numbers += (("price", choice.price),)
    code = choice.code if choice.price is not None or choice.code == "set" else "unknown"
    by = [one for one in view.state.overrides if one.key in KEYS]
    if by and (code == "set" or by[-1].key == "strategy"):
        numbers += (("actor", by[-1].actor), ("text", by[-1].reason))
        code = "set"
    return Reason("band", code, numbers)


def _limits(view: View, choice: Choice, options: Options, reason: Reason) -> Iterator[Limit]:
    band = choice.band
    if band.off:
        yield Limit(ECONOMICS, "max_miners", 0, reason, "gentle")
    elif options.others == OFF and band.section.coin:
        for spec in view.wiring.miners:
            if not can_mine(spec.group, band.section.coin):
                yield Limit(ECONOMICS, f"off {spec.id}", 0, reason, "gentle")
                yield Limit(ECONOMICS, f"ban {spec.id}", 0, reason, "gentle")


def _champions(view: View, kept: dict[str, Any], band: Band) -> Iterator[Limit]:
    """Everybody but the most efficient, of those that can mine the band's coin; who can't start now is no champion."""
    count = 0 if band.off else band.section.champion
    if not count:
        kept.pop("champions", None)
        return
    able = [spec for spec in view.wiring.miners if can_mine(spec.group, band.section.coin)]
    books = view.state.miners
    fit = [
        spec.id
        for spec, address in zip(view.wiring.miners, view.image.miners.address, strict=True)
        if spec in able and address is not None and not (spec.id in books and books[spec.id].quarantined)
    ]
    learned = {name: unit.dj_th for name, unit in view.state.units.items()}
    chosen = champions(fit, learned, count, kept.get("champions") or ())
    kept["champions"] = list(chosen)
    reason = Reason("band", "champion", (("band", band.name), ("count", count)))
    for spec in able:
        if spec.id not in chosen and chosen:
            yield Limit(ECONOMICS, f"off {spec.id}", 0, reason, "gentle")
            yield Limit(ECONOMICS, f"ban {spec.id}", 0, reason, "gentle")


def _wishes(view: View, choice: Choice, reason: Reason) -> Iterator[Wish]:
    """A mode and a pool for each section of miners; its miners share both lists."""
    seen: set[str] = set()
    for spec in view.wiring.miners if not choice.band.off else ():
        if spec.group in seen:
            continue
        seen.add(spec.group)
        mode, pool = mode_of(choice.band, spec), pool_of(choice.band, spec, view.pools)
        if mode:
            yield Wish(ECONOMICS, f"mode {spec.group}", mode, reason)
        if pool:
            yield Wish(ECONOMICS, f"pool {spec.group}", pool, reason)


def _ended(memory: dict[str, Any]) -> Iterator[Event]:
    """The config has no band or no price any more: miners stay as they are, for nobody knows a mode to go back to."""
    if memory.get("told"):
        yield Event("price_known", "info", "price", Reason("band", "no_price"))
    if memory.get("band"):
        yield Event("band_change", "info", "site", Reason("band", "gone", (("band", str(memory["band"])),)))


# -- what is told -----------------------------------------------------------------------------------------------------


def _changed(view: View, kept: dict[str, Any], choice: Choice, held: Held | None, reason: Reason) -> Iterator[Event]:
    if held is not None and held.name == choice.band.name:
        return
    kept["since_s"] = view.image.clock.wall_s
    kept["changes"] = int(kept.get("changes") or 0) + (held is not None)
    numbers = (("was", held.name if held is not None else "nothing"), *reason.numbers)
    yield Event("band_change", "info", "site", Reason("band", f"to_{reason.code}", numbers))


def _told(view: View, kept: dict[str, Any], slots: Sequence[Slot]) -> Iterator[Event]:
    clock = view.image.clock
    slot = slot_at(slots, clock.wall_s)
    if slot is None:
        yield from _missing(view, kept)
        return
    kept["blind_s"] = 0
    if kept.pop("told", 0):
        yield Event("price_known", "info", "price", Reason("band", "known", (("price", slot.price),)))
    begins = kept.get("slot_s") != slot.start_s
    if not begins and kept.get("slot_price", slot.price) == slot.price:
        return
    was = price_at(slots, slot.start_s - 1) if begins else None
    was = kept.get("slot_price") if was is None else was  # a contract's slot is told from yesterday on
    kept |= {"slot_s": slot.start_s, "slot_price": slot.price}
    high, low = (ways_of(view.alarms, kind).threshold for kind in ("price_high", "price_low"))
    if slot.price > high and (was is None or was <= high):
        yield _price_event("price_high", slot.price, high)
    if slot.price < low and (was is None or was >= low):
        yield _price_event("price_low", slot.price, low)
    if begins and slot == _best(slots, clock):
        yield _price_event("optimal_price", slot.price, slot.price)


def _price_event(kind: str, price: float, limit: float) -> Event:
    return Event(kind, "info", "price", Reason("band", kind, (("price", price), ("limit", limit))))


def _missing(view: View, kept: dict[str, Any]) -> Iterator[Event]:
    """Told once, when it has lasted."""
    kept["blind_s"] = int(kept.get("blind_s") or 0) or view.now_s
    if view.now_s - int(kept["blind_s"]) >= MISSING_S and not kept.get("told"):
        kept["told"] = 1
        numbers = (("band", str(kept["band"])), ("why", view.role("price").brief(100)))
        yield Event("price_missing", "warning", "price", Reason("band", "missing", numbers))


def _best(slots: Sequence[Slot], clock: Clock) -> Slot | None:
    """The cheapest slot of the local day, the first of equals; None while less than half of the day is known."""
    today = [one for one in slots if clock.day_s <= one.start_s < clock.day_end_s]
    if sum(one.end_s - one.start_s for one in today) * 2 < clock.day_end_s - clock.day_s:
        return None
    return min(today, key=lambda one: (one.price, one.start_s), default=None)
