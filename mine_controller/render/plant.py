"""Power, air and inputs in figures, straight from the book. Pure; unknown is None with its reason."""

from typing import Any

from mine_controller.core.alarms.watches import SKIPPED, SKIPPED_ROW
from mine_controller.core.model.book import Book
from mine_controller.core.model.image import Fan
from mine_controller.core.model.reading import Value
from mine_controller.core.model.state import FanBook
from mine_controller.core.model.wiring import FanSpec, Wiring
from mine_controller.render.given import SiteFacts
from mine_controller.render.text import clean
from mine_controller.render.times import Moments

SHOWN_ROLES = (
    *("inlet_c", "outlet_c", "ambient_c", "humidity_pct", "dew_c", "grid_hz"),
    *("voltage_v", "supply_kw", "battery_soc_pct", "generator_load_pct"),
)
CONTACTS = ("smoke", "water", "door", "mains")
NEVER = Value(None, 0, "", "never read")
_BOOKKEEPING = frozenset({"health", "fails", "memory", "tried"})


def power(book: Book, site: SiteFacts, fleet: dict[str, Any]) -> dict[str, Any]:
    """The site's power: by its meter, else what is measured of miners and fans, said to be "n of m"."""
    meter = book.image.site.get("site_power_w", NEVER) if book.image is not None else NEVER
    fans = book.image.fans if book.image is not None else ()
    fan_known = [fan.watts for fan in fans if fan.watts is not None]
    decided = book.decision
    metered = [spec for spec in site.wiring.fans if spec.watts]
    parts = (fleet["power_known"] + len(fan_known), fleet["total"] + len(metered))
    out: dict[str, Any] = {"power_w": None, "power_source": None, "power_known": parts[0], "power_of": parts[1]}
    if isinstance(meter.value, int | float):
        out |= {"power_w": round(meter.value), "power_source": "meter"}
    elif parts[0]:
        out |= {"power_w": (fleet["power_w"] or 0) + sum(fan_known), "power_source": "parts"}
    return out | {
        "power_why": _meter_why(site.wiring, meter),
        "cap_w": site.cap_w or None,
        "permitted_w": decided.plan.permitted_w if decided is not None else None,
        "miners_w": fleet["power_w"],
        "fans_w": sum(fan_known) if fan_known else None,
        "fans_known": len(fan_known),
    }


def _meter_why(wiring: Wiring, meter: Value) -> str:
    if "site_power_w" not in wiring.roles:
        return "no site meter is configured"
    return clean(meter.why) if meter.value is None else ""


def readings(book: Book, wiring: Wiring, moments: Moments) -> dict[str, Any]:
    """By role: value, age, reason, source. A role that nothing provides is not in it: absent is not unknown."""
    site = book.image.site if book.image is not None else {}
    names = [name for name in (*SHOWN_ROLES, *CONTACTS) if name in wiring.roles or name in site]
    return {name: _reading(site.get(name, NEVER), moments) for name in names}


def _reading(value: Value, moments: Moments) -> dict[str, Any]:
    shown = clean(value.value, 20) if isinstance(value.value, str) else value.value
    return {
        "value": shown,
        "age_s": moments.age_s(value.at_s),
        "why": clean(value.why),
        "source": clean(value.source) or None,
    }


def sensors(book: Book, wiring: Wiring, role: str, moments: Moments) -> list[dict[str, Any]]:
    """Each channel behind a role, for the owner who wants to know which probe says so."""
    configured = wiring.roles.get(role)
    if configured is None:
        return []
    channels = book.image.channels if book.image is not None else {}
    out = []
    for key in configured.keys:
        one = _reading(channels.get(key, NEVER), moments)
        stale = one["age_s"] is None or one["age_s"] > configured.max_age_s or bool(one["why"])
        out.append(one | {"source": clean(key.rpartition(":")[0]), "known": one["value"] is not None and not stale})
    return out


def fans(book: Book, wiring: Wiring, moments: Moments) -> list[dict[str, Any]]:
    """Each fan: wanted, on by its relay, watts, and what that proves."""
    seen = {fan.name: fan for fan in book.image.fans} if book.image is not None else {}
    wanted = book.decision.plan.fans_on if book.decision is not None else None
    return [
        _fan(
            spec,
            seen.get(spec.name, Fan(spec.name, None, 0, None, 0)),
            book.state.fans.get(spec.name),
            None if wanted is None else spec.name in wanted,
            moments,
        )
        for spec in wiring.fans
    ]


def _fan(spec: FanSpec, fan: Fan, worn: FanBook | None, wanted: bool | None, moments: Moments) -> dict[str, Any]:
    nothing_known = worn is None or (fan.on is None and not fan.on_at)
    return {
        "name": clean(spec.name, 20),
        "wanted": wanted,
        "on": fan.on,
        "watts": fan.watts,
        "normal_w": spec.normal_w,
        "metered": bool(spec.watts),
        "state": "unknown" if nothing_known or worn is None else clean(worn.state, 20),
        "since": moments.wall(worn.since_s) if worn is not None and worn.since_s else None,
        "on_age_s": moments.age_s(fan.on_at),
        "watts_age_s": moments.age_s(fan.watts_at),
        "run_s": worn.run_s if worn is not None else 0,
    }


def inputs(book: Book, wiring: Wiring, moments: Moments) -> list[dict[str, Any]]:
    """Each endpoint: does it answer, why not, how old its newest value is, failures in a row."""
    channels = book.image.channels if book.image is not None else {}
    newest = _newest(channels)
    out = []
    for name in wiring.endpoints:
        health, fails = channels.get(name + ":health"), channels.get(name + ":fails")
        in_a_row = fails.value if fails is not None and isinstance(fails.value, int) else None
        out.append(
            {
                "endpoint": clean(name, 60),
                "ok": None if health is None else health.value == "ok",
                "why": "not asked yet" if health is None else clean(health.why),
                "age_s": moments.age_s(newest.get(name)),
                "asked_s": moments.age_s(health.at_s) if health is not None else None,
                "fails": in_a_row,
            }
        )
    return out


def _newest(channels: dict[str, Value]) -> dict[str, int]:
    """By endpoint, when anything of it was last known."""
    newest: dict[str, int] = {}
    for key, value in channels.items():
        source, _, quantity = key.rpartition(":")
        if quantity not in _BOOKKEEPING and value.value is not None:
            name = source.partition("/")[0]
            if value.at_s > newest.get(name, 0):
                newest[name] = value.at_s
    return newest


def ticks_skipped(book: Book) -> dict[str, int | None]:
    """How many ticks found the lock taken: in a row before the last one, and all since the controller started."""
    held = book.image.channels if book.image is not None else {}
    found = {"in_a_row": held.get(SKIPPED_ROW), "since_start": held.get(SKIPPED)}
    return {
        name: one.value if one is not None and not one.why and isinstance(one.value, int) else None
        for name, one in found.items()
    }
