"""The bands of a site as rows for people and programs, and what a change of them is called in the audit log."""

from typing import Any

from mine_controller.config.model import Config
from mine_controller.core.money.prices import MOST
from mine_controller.core.rules.band import KEYS
from mine_controller.ops.prices import clock, now
from mine_controller.ops.recall import kept_book


def rows(config: Config, now_s: int) -> list[dict[str, Any]]:
    """Every band, dear first: name, from and below (None: no edge), coin, pool, modes, now. Raises StoreTrouble."""
    options = config.policy.rules.get("band")
    found = now(config, now_s)
    held = found.band.name if found is not None and found.band is not None else ""
    bands = options.sections if options is not None else ()
    edges = [band.section.max_price for band in bands]
    return [
        {
            "name": band.name,
            "from": edges[at + 1] if at + 1 < len(bands) else None,
            "below": None if band.section.max_price >= MOST else band.section.max_price,
            "coin": band.section.coin,
            "pool": band.section.pool,
            "modes": list(band.section.modes),
            "now": band.name == held,
        }
        for at, band in enumerate(bands)
    ]


def state(config: Config, now_s: int) -> dict[str, Any] | None:
    """What the bands do now: band, coin, price, since, forced, next, known_to; None: no bands, or no tick yet."""
    found = now(config, now_s)
    if found is None:
        return None
    after = found.coming[0] if found.coming else None
    forced = found.forced
    return {
        "band": found.band.name if found.band is not None else None,
        "off": found.band.off if found.band is not None else None,
        "coin": (found.band.section.coin or None) if found.band is not None else None,
        "price": found.price,
        "since": clock(config, found.since_s) if found.since_s else None,
        "forced": f"{forced.key} {forced.value} by {forced.actor}: {forced.reason}" if forced is not None else None,
        "next": {"at": clock(config, after.start_s), "band": after.band.name, "price": after.price} if after else None,
        "known_to": clock(config, found.known_to_s) if found.known_to_s > now_s else None,
        "groups": [one._asdict() for one in found.groups],
    }


def held(config: Config) -> tuple[str, ...]:
    """The keys (strategy, band) that a person holds now. Raises StoreTrouble."""
    return tuple(one.key for one in kept_book(config.paths).state.overrides if one.key in KEYS)
