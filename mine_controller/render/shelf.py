"""The cards of a small site as texts, for the page. Pure."""

from collections.abc import Mapping
from typing import Any

from mine_controller.core.pools.bests import ROUNDS_UP
from mine_controller.render.given import SiteFacts
from mine_controller.render.links import miner_page
from mine_controller.render.text import NBSP, UNKNOWN, Zone, clean, span, temperature, watts

_STEPS = ((1e18, "EH/s"), (1e15, "PH/s"), (1e12, "TH/s"), (1e9, "GH/s"), (1e6, "MH/s"), (1e3, "kH/s"))
Doc = Mapping[str, Any]


def rate(hashes_per_s: float | None) -> str:
    """1.24 TH/s · 11.8 kH/s · unknown; what rounds to 1000 GH/s is 1.00 TH/s."""
    if hashes_per_s is None:
        return UNKNOWN
    size, unit = next((step for step in _STEPS if hashes_per_s >= step[0] * ROUNDS_UP), (1.0, "H/s"))
    count = hashes_per_s / size
    return f"{count:.{2 if count < 10 else 1 if count < 100 else 0}f}{NBSP}{unit}"


def shelf(made: Doc, site: SiteFacts, zone: Zone, now_s: int) -> dict[str, Any] | None:
    """Everything the cards' section shows; None where the fleet is too large for it."""
    if made["units"] is None:
        return None
    return {
        "totals": _totals(made["totals"], site),
        "cards": [
            _card(card, site, zone, now_s) | {"page": miner_page(clean(spec.id, 40))}  # its id there may be masked
            for card, spec in zip(made["units"], site.wiring.miners, strict=True)
        ],
    }


def unlisted(made: Doc, now_s: int) -> dict[str, Any] | None:
    """Who answers and stands in no line of fleet.csv, at a site of any size; None: nobody. `cut`: not all are here."""
    rows = [
        one | {"seen": _ago(one["seen_at"], now_s), "model": one["model"] or UNKNOWN, "word": one["word"] or UNKNOWN}
        for one in made["unlisted"]
    ]
    count = made.get("unlisted_n", len(rows))  # a document that an older version wrote has none
    return {"rows": rows, "count": f"{count:,}", "cut": count > len(rows)} if rows else None


def _totals(told: Doc, site: SiteFacts) -> list[dict[str, str]]:
    total = told["total"]
    out = [{"name": "Online", "value": f"{told['online']:,} of {total:,}", "note": _offline(told["offline"])}]
    out += [
        {
            "name": f"Hash rate, {one['algorithm']}",
            "value": rate(one["hashes_per_s"]),
            "note": f"{one['known']:,} of {one['of']:,} known",
        }
        for one in told["hashrates"]
    ]
    power = {"name": "Power", "value": watts(told["power_w"]), "note": f"{told['power_known']:,} of {total:,} known"}
    heat = temperature(told["avg_chip_c"], site.temperature_unit)
    note = f"average of the hottest chips, {told['chip_known']:,} of {total:,} known"
    return [*out, power, {"name": "Temperature", "value": heat, "note": note}]


def _offline(count: int) -> str:
    return f"{count:,} offline" if count else "nobody is offline"


def _card(card: Doc, site: SiteFacts, zone: Zone, now_s: int) -> dict[str, Any]:
    there = card["online"]
    return {
        "id": card["id"],
        "address": card["address"] if site.publish == "full" else "",
        "state": card["state"],
        "name": card["name"],
        "online": there,
        "badge": "online" if there else "offline",
        "kind": card["kind"],
        "model": card["model"] or UNKNOWN,
        "word": card["word"] or (UNKNOWN if there else ""),
        "rate": rate(card["hashes_per_s"] if there else None),
        "algorithm": card["algorithm"],
        "power": watts(card["power_w"] if there else None),
        "heat": temperature(card["chip_c"] if there else None, site.temperature_unit),
        "facts": [{"name": name, "value": value} for name, value in _facts(card, site, now_s) if value],
        "seen": _seen(card["seen_at"], zone, now_s),
        "why": card["trouble"] or card["why"],
    }


def told_last(card: Doc, now_s: int) -> str:
    """What it told of its rate before it fell silent, and how long ago; "" where its rate is known, or too old."""
    if card["hashes_per_s"] is not None or card["last_hashes_per_s"] is None:
        return ""
    return f"{rate(card['last_hashes_per_s'])} {_ago(card['rate_at'], now_s)}"


def _facts(card: Doc, site: SiteFacts, now_s: int) -> list[tuple[str, str]]:
    """What else is known of it, in the order people ask."""
    return [
        ("last rate", told_last(card, now_s)),
        ("fan", _fan(card)),
        ("mode", card["mode"]),
        ("pool", card["pool"]),
        ("shares", _shares(card)),
        ("up for", span(card["uptime_s"]) if card["uptime_s"] is not None else ""),
        ("firmware", card["firmware"]),
        ("address", card["address"] if site.publish == "full" else ""),  # in the document it is masked
    ]


def _fan(card: Doc) -> str:
    parts = [f"{card['fan_pct']:g}{NBSP}%"] if card["fan_pct"] is not None else []
    parts += [f"{card['fan_rpm']:,}{NBSP}rpm"] if card["fan_rpm"] is not None else []
    return " ".join(parts) or card["fan"]


def _shares(card: Doc) -> str:
    good, bad = card["accepted_n"], card["rejected_n"]
    return "" if good is None or bad is None else f"{good:,} good, {bad:,} rejected"


def _seen(at: int | None, zone: Zone, now_s: int) -> str:
    return "never heard" if at is None else f"heard {_ago(at, now_s)}, {zone.near(at, now_s)}"


def _ago(at: int | None, now_s: int) -> str:
    return "never" if at is None else f"{span(now_s - at)} ago"
