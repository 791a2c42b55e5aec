"""What the price bands do now and will do next, for pages and the command line: figures, no words. Pure."""

from typing import Any

from mine_controller.core.model.image import Image
from mine_controller.core.model.policy import Policy
from mine_controller.core.model.state import Override, State
from mine_controller.core.money.bands import Band, Planned, changes, mode_of, named, plan, pool_of, rank
from mine_controller.core.money.prices import Price, coverage_end, price_at, slots_of
from mine_controller.core.rules.band import KEYS, held_of, pace_of
from mine_controller.record import NamedTuple

RULE = "band"


class Group(NamedTuple):
    """A section of miners in the band in force: its mode and pool ("" = as they are)."""

    name: str
    mode: str
    pool: str


class Outlook(NamedTuple):
    """Moments are wall seconds. band None: none was decided yet. ranks: -1 is off, 0 the dearest band written.

    planned: every published slot from now on, with the band that will hold in it · coming: those of them with which
    another band begins (empty while a person holds one) · known_to_s: until when prices are known without a gap.
    """

    band: Band | None
    rank: int
    since_s: int
    price: Price | None
    forced: Override | None
    groups: tuple[Group, ...]
    planned: tuple[Planned, ...]
    coming: tuple[Planned, ...]
    known_to_s: int
    changes: int  # since the state was begun


def outlook(image: Image, state: State, policy: Policy, wall_s: int = 0) -> Outlook | None:
    """As of the image's moment, or of `wall_s`; None: this site has no bands."""
    options, wiring = policy.rules.get(RULE), policy.wiring
    if options is None or not options.sections or "price" not in wiring.roles:
        return None
    wall_s = wall_s or image.clock.wall_s
    bands, memory = options.sections, state.memory.get(RULE, {})
    slots, held = slots_of(image, wiring), held_of(memory)
    forced = [one for one in state.overrides if one.key in KEYS]
    planned = plan(bands, slots, wall_s, held, pace_of(options, image.clock.tick_s, state.overrides))
    fixed = any(one.key == "band" or one.value == "off" for one in forced)
    band = None if held is None else named(bands, held.name)
    return Outlook(
        band,
        -1 if band is None else rank(bands, band),
        int(memory.get("since_s") or 0),
        price_at(slots, wall_s),
        forced[-1] if forced else None,
        _groups(band, policy),
        planned,
        () if fixed else changes(planned, held.name if held is not None else ""),
        coverage_end(slots, wall_s),
        int(memory.get("changes") or 0),
    )


def _groups(band: Band | None, policy: Policy) -> tuple[Group, ...]:
    if band is None or band.off:
        return ()
    first: dict[str, Any] = {spec.group: spec for spec in reversed(policy.wiring.miners)}
    return tuple(Group(name, mode_of(band, spec), pool_of(band, spec, policy.pools))
                 for name, spec in sorted(first.items()))  # fmt: skip
