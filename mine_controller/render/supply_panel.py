"""The sections on source, uplinks and holding pool as texts, for the page. Pure."""

from collections.abc import Mapping
from typing import Any

from mine_controller.render.panels import is_partial, known_of
from mine_controller.render.text import UNKNOWN, Zone, span, watts

NBSP = "\u00a0"
Doc = Mapping[str, Any]
_ROWS = {
    "supply_kw": ("It says", "kW", 1),
    "grid_hz": ("Frequency", "Hz", 2),
    "voltage_v": ("Voltage, lowest phase", "V", 1),
    "battery_soc_pct": ("Battery", "%", 0),
    "generator_load_pct": ("Generator load", "%", 0),
}


def supply(made: Doc) -> dict[str, Any] | None:
    """The source: what it can give, what is used, and what it says of itself."""
    told = made["supply"]
    if told is None:
        return None
    share = told["used_pct"]
    used = f"{watts(told['used_w'])} used" + (f", {share:.0f} %" if share is not None else "")
    return {
        "value": watts(told["held_w"]),
        "known": told["held_w"] is not None,
        "against": f"at least {used}" if is_partial(made) else used,
        "over": bool(told["over"]),
        "x": min(1000, round(10 * share)) if share is not None else None,
        "now": _now(told),
        "rows": [_row(name, made["readings"].get(name)) for name in told["inputs"]],
    }


def _now(told: Doc) -> str:
    """Why less counts than there is: more only counts once it has lasted."""
    held_w, now_w = told["held_w"], told["available_w"]
    if held_w is None or now_w is None or now_w <= held_w:
        return ""
    return f"{watts(now_w)} now; more counts once it has lasted"


def _row(name: str, reading: Doc | None) -> dict[str, str]:
    label, unit, decimals = _ROWS[name]
    value = reading["value"] if reading else None
    shown = f"{value:,.{decimals}f}{NBSP}{unit}" if isinstance(value, int | float) else UNKNOWN
    why = reading["why"] if reading and value is None else ""
    age = span(reading["age_s"]) if reading and reading["age_s"] is not None else "never"
    return {"name": label, "value": shown, "note": why or f"{age} ago" if age != "never" else why or "never read"}


def network(made: Doc, zone: Zone, now_s: int) -> dict[str, Any] | None:
    """Uplinks and holding pool; None where the site has neither."""
    if not made["uplinks"] and made["holding_pool"] is None:
        return None
    links = [_link(one, zone, now_s) for one in made["uplinks"]]
    words = [one["link"] for one in made["uplinks"] if one["link"] is not None]
    return {
        "value": f"{known_of(words.count('up'), len(words), len(links))} up" if words else UNKNOWN,
        "none_up": bool(links) and all(one["link"] == "down" for one in made["uplinks"]),
        "links": links,
        "pool": _pool(made["holding_pool"]),
    }


def _link(one: Doc, zone: Zone, now_s: int) -> dict[str, str]:
    figures = []
    if one["latency_ms"] is not None:
        figures.append(f"{one['latency_ms']:,.0f}{NBSP}ms")
    if one["loss_pct"] is not None:
        figures.append(f"{one['loss_pct']:.1f}{NBSP}% lost")
    since = f"bad since {zone.near(one['down_since'], now_s)}" if one["down_since"] is not None else ""
    if one["link"] == "up" and one["counts"] == "down":
        since = "back, and counts again after some minutes"
    return {
        "name": one["name"],
        "word": one["link"] or UNKNOWN,
        "state": one["link"] or "unknown",
        "note": one["why"] or ", ".join([*figures, *([since] if since else [])]),
    }


def _pool(one: Doc | None) -> dict[str, Any] | None:
    if one is None:
        return None
    if one["lives"] is False:
        word, note = "not running", one["why"]
    elif one["open"] is None:
        word, note = UNKNOWN, one["why"]
    elif one["open"] and one["gives_work"] is False:
        word, note = "gives no work", "a miner that came now would idle"
    else:
        word = "open" if one["open"] else "closed"
        count = one["clients"]
        note = f"{count:,} miner{'' if count == 1 else 's'} on it" if count is not None else ""
    return {"word": word, "note": note, "good": one["lives"] is not False and one["gives_work"] is not False}
