"""What feeds the mine and what joins it to the world: source, uplinks, holding pool, straight from the book. Pure.

Each is None or empty where no section configures it: absent is not unknown.
"""

from typing import Any

from mine_controller.core.model.book import Book
from mine_controller.core.model.quantity import QUANTITIES, TEXT_MAX_AGE_S
from mine_controller.core.model.reading import Value
from mine_controller.core.model.wiring import UplinkSpec, Wiring
from mine_controller.render.text import clean
from mine_controller.render.times import Moments

NEVER = Value(None, 0, "", "never read")
TOLD = ("supply_kw", "grid_hz", "voltage_v", "battery_soc_pct", "generator_load_pct")
HOLDING = "dummy_pool "
MACHINES = ("machine", "nut")
FIGURES = ("board_c", "temp_c", "free_pct", "load_pct", "charge_pct", "runtime_s", "contact")


def supply(book: Book, wiring: Wiring, power_w: int | None) -> dict[str, Any] | None:
    """What the source can give as the decision reckons it (`held_w`, watts) and now, and the share of it in use."""
    kept = book.state.memory.get("supply", {})
    told = [name for name in TOLD if name in wiring.roles]
    if not kept and not {"supply_kw", "generator_load_pct"} & set(told):
        return None
    held_w, now_w = _whole(kept.get("held_w")), _whole(kept.get("available_w"))
    return {
        "held_w": held_w,
        "available_w": now_w,
        "used_w": power_w,
        "used_pct": round(100 * power_w / held_w, 1) if power_w is not None and held_w else None,
        "over": power_w > held_w if power_w is not None and held_w is not None and not _is_silent(book) else None,
        "inputs": [clean(name, 40) for name in told],
    }


def _is_silent(book: Book) -> bool:
    """Nobody knows what the source gives: what counts is the owner's own figure, and no load proves to be over it."""
    site = book.image.site if book.image is not None else {}
    return any(name in site and site[name].value is None for name in ("supply_kw", "battery_soc_pct"))


def _whole(value: object) -> int | None:
    return round(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _now(book: Book, wiring: Wiring, key: str) -> Value:
    """What a channel says; unknown, with the reason, once it has said nothing for longer than such a word holds."""
    channels = book.image.channels if book.image is not None else {}
    told, (channel, _, quantity) = channels.get(key, NEVER), key.rpartition(":")
    source = channel.partition("/")[0]
    end, row = wiring.endpoints.get(source), QUANTITIES.get(quantity)
    holds_s = max(row.max_age_s if row is not None else TEXT_MAX_AGE_S, 2 * end.every_s if end is not None else 0)
    if told.value is None or book.image is None or book.image.clock.plant_s - told.at_s <= holds_s:
        return told
    why = told.why or channels.get(f"{source}:health", NEVER).why or "it has not been told of late"
    return told._replace(value=None, why=why)


def uplinks(book: Book, wiring: Wiring, moments: Moments) -> list[dict[str, Any]]:
    """Each way to the internet: its word now, what it counts as (up again only after minutes), latency and loss."""
    channels = book.image.channels if book.image is not None else {}
    specs = wiring.uplinks or _seen(channels)
    kept = book.state.memory.get("uplinks", {}).get("links", {})
    return [_uplink(spec, book, wiring, kept.get(spec.name), moments) for spec in specs]


def _seen(channels: dict[str, Value]) -> tuple[UplinkSpec, ...]:
    """Where [wiring] names none: every link that is watched, but for the holding pool's."""
    found = sorted(key.rpartition(":")[0] for key in channels if key.endswith(":link") and not key.startswith(HOLDING))
    return tuple(UplinkSpec(channel.rpartition("/")[2] if "/" in channel else channel, channel) for channel in found)


def _uplink(spec: UplinkSpec, book: Book, wiring: Wiring, kept: Any, moments: Moments) -> dict[str, Any]:
    channels = book.image.channels if book.image is not None else {}
    link, loss, latency = _now(book, wiring, f"{spec.channel}:link"), None, None
    if link.value is not None:  # some routers measure these more seldom than they tell that
        loss, latency = (channels.get(f"{spec.channel}:{what}", NEVER).value for what in ("loss_pct", "latency_ms"))
    counts = {"1": "up", "0": "down"}.get(str(kept.get("up"))) if isinstance(kept, dict) else None
    down_s = kept.get("bad_s") if isinstance(kept, dict) else None
    return {
        "name": clean(spec.name, 40),
        "channel": clean(spec.channel, 60),
        "link": clean(link.value, 10) if isinstance(link.value, str) else None,
        "why": clean(link.why),
        "age_s": moments.age_s(link.at_s),
        "counts": counts,
        "down_since": moments.wall(down_s) if isinstance(down_s, int) and down_s else None,
        "loss_pct": loss if isinstance(loss, int | float) else None,
        "latency_ms": latency if isinstance(latency, int | float) else None,
    }


def share_loss_pct(book: Book) -> float | None:
    """Rejected and stale shares of the fleet over the last half hour, in per cent, as the uplinks rule has it."""
    told = book.state.memory.get("uplinks", {}).get("share_loss_pct")
    return told if isinstance(told, int | float) and not isinstance(told, bool) else None


def holding_pool(book: Book, wiring: Wiring, moments: Moments) -> dict[str, Any] | None:
    """The local pool for outages: does it live, does it take miners, how many are on it."""
    section = wiring.dummy_pool or next((name for name in wiring.endpoints if name.startswith(HOLDING)), "")
    if not section:
        return None
    channels = book.image.channels if book.image is not None else {}

    def told(quantity: str) -> Any:
        return _now(book, wiring, f"{section}:{quantity}").value

    health = channels.get(f"{section}:health", NEVER)
    switch = told("switch")
    return {
        "section": clean(section, 60),
        "lives": None if health is NEVER else health.value == "ok",
        "why": clean(health.why),
        "open": None if switch is None else switch == "on",
        "gives_work": {"up": True, "down": False}.get(str(told("link"))),
        "clients": _whole(told("clients_n")),
        "accepted": _whole(told("accepted_n")),
        "rejected": _whole(told("rejected_n")),
        "age_s": moments.age_s(health.at_s),
    }


def machines(book: Book, wiring: Wiring) -> list[dict[str, Any]]:
    """What the controller and its UPS say of themselves; unknown ones with the reason."""
    channels = book.image.channels if book.image is not None else {}
    found = []
    for key in channels:
        channel, _, quantity = key.rpartition(":")
        section, _, part = channel.partition("/")
        if section in wiring.endpoints and section.partition(" ")[0] in MACHINES and quantity in FIGURES:
            value = _now(book, wiring, key)
            shown = clean(value.value, 20) if isinstance(value.value, str) else value.value
            one = {"section": clean(section, 60), "part": clean(part, 40), "quantity": quantity, "value": shown}
            found.append(one | {"why": clean(value.why)})
    return sorted(found, key=lambda one: (one["section"], one["part"], one["quantity"]))
