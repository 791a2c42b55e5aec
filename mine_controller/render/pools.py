"""Pools on the page: how each one does by its miners' own counters, and what pools' services tell of wallets. Pure.

`document` is the JSON tree, for `/api/pools` and the page alike; `pools` words it for the template. On public pages
wallets and workers have numbers in place of names.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mine_controller.core import series
from mine_controller.core.model.book import Book
from mine_controller.core.model.image import Image
from mine_controller.core.model.reading import Value
from mine_controller.core.model.wiring import EndpointSpec
from mine_controller.core.pools import bests, blocks
from mine_controller.core.pools.health import Health, healths
from mine_controller.render import svg
from mine_controller.render.given import SiteFacts
from mine_controller.render.shelf import rate
from mine_controller.render.text import NBSP, UNKNOWN, Zone, clean, span
from mine_controller.render.times import Moments

Doc = Mapping[str, Any]
ABOUT = ("coin", "digits", "round", "network")  # channels of a service that are no wallets
FIGURES = (
    "hashrate_hs", "workers_n", "workers_all_n", "best_n", "immature_n", "unpaid_n", "paid_n", "earned_day_n",
    "blocks_n", "share_wall_s", "accepted_n", "rejected_n",
)  # fmt: skip
# What is true of a moment: no longer told beside newer figures, it is unknown.
OF_NOW = ("hashrate_hs", "workers_n", "workers_all_n", "immature_n", "unpaid_n", "earned_day_n")
MISSED = 3  # so many answers in a row may leave a figure or a worker out: some services tell half of it at a time
MONEY = (("earned_day_n", "24 h"), ("immature_n", "immature"), ("unpaid_n", "unpaid"), ("paid_n", "paid"))
STALE_S = 3600  # figures older than this are said to be old
NO_COIN_DIGITS = 8
DECIMALS = 8
WIDE, HIGH = 240, 40
HOURS, DAYS = 24, 30
TONES = {"good": "good", "bad": "warn", "down": "bad", "unknown": "quiet"}


def document(book: Book, site: SiteFacts, when: Moments) -> dict[str, Any]:
    """`pools` by the miners, `services` by section. Amounts are whole numbers, `digits` of them behind the point."""
    image = book.image
    if image is None:
        return {"pools": [], "services": []}
    lit = (True,) * len(site.wiring.miners)
    told = healths(image, site.wiring, site.pools, book.state.memory.get("failover") or {}, lit)
    sections = [name for name in site.wiring.endpoints if name.partition(" ")[0] in blocks.KINDS]
    public = site.publish == "public"
    return {
        "pools": [_health(one) for one in told],
        "services": [_service(image, site.wiring.endpoints[name], when, public=public) for name in sections],
    }


def _health(one: Health) -> dict[str, Any]:
    return one._asdict() | {"name": clean(one.name, 40), "coin": clean(one.coin, 12), "why": clean(one.why, 80)}


def _service(image: Image, end: EndpointSpec, when: Moments, *, public: bool) -> dict[str, Any]:
    section, late_s = end.name, MISSED * max(end.every_s, image.clock.tick_s)
    channels = _of(image, section)
    health = image.channels.get(f"{section}:health")
    digits = _text(channels.get("digits:text"))
    labels = sorted({key.rpartition(":")[0].partition(" ")[0] for key in channels} - {*ABOUT, ""})
    told = [label for label in labels if any(_is_figure(key, label) for key in channels)]
    wallets = [_wallet(channels, label, late_s, when) for label in told]
    return {
        "section": section,
        "coin": clean(_text(channels.get("coin:text")), 12),
        "digits": int(digits) if digits.isdecimal() and len(digits) < 3 else NO_COIN_DIGITS,
        "ok": health is not None and health.value == "ok",
        "why": clean(health.why if health is not None else "not asked yet", 120),
        "network": _number(channels.get("network:network_n") or channels.get("round:network_n")),
        "pool_hashrate_hs": _number(channels.get("round:hashrate_hs")),
        "wallets": [_hidden(one, at) for at, one in enumerate(wallets, 1)] if public else wallets,
    }


def _of(image: Image, section: str) -> dict[str, Value]:
    begin = section + "/"
    return {key[len(begin) :]: value for key, value in image.channels.items() if key.startswith(begin)}


def _is_figure(key: str, label: str) -> bool:
    channel, _, quantity = key.rpartition(":")
    return channel == label and quantity in FIGURES


def _wallet(channels: Mapping[str, Value], label: str, late_s: int, when: Moments) -> dict[str, Any]:
    """One wallet's figures. Who or what is no longer told while others are is left out, or unknown."""
    figures = {name: told for name in FIGURES if (told := channels.get(f"{label}:{name}")) is not None}
    newest_s = max((told.at_s for told in figures.values()), default=0)
    whys = [told.why for told in figures.values() if told.why]
    begin = f"{label} worker "
    return {
        "wallet": clean(label, 40),
        "at": when.wall(newest_s) if newest_s else None,
        "why": clean(whys[0], 120) if len(whys) == len(figures) and whys else "",
        **{
            name: _number(told) if name not in OF_NOW or told.at_s >= newest_s - late_s else None
            for name, told in figures.items()
        },
        "block": clean(_text(channels.get(f"{label} block:text")), 120),
        "rates": _series(channels.get(f"{label} rate:history"), HOURS),
        "held": _series(channels.get(f"{label} held:history"), DAYS),
        "workers": [
            {"name": clean(key[len(begin) :].rpartition(":")[0], 24), "hashrate_hs": _number(told)}
            for key, told in sorted(channels.items())
            if key.startswith(begin) and key.endswith(":hashrate_hs") and told.at_s >= newest_s - late_s
        ],
    }


def _hidden(wallet: dict[str, Any], at: int) -> dict[str, Any]:
    workers = [one | {"name": f"worker {number}"} for number, one in enumerate(wallet["workers"], 1)]
    return wallet | {"wallet": f"wallet {at}", "workers": workers}


def _text(told: Value | None) -> str:
    return str(told.value) if told is not None and told.value is not None else ""


def _number(told: Value | None) -> int | float | None:
    return told.value if told is not None and isinstance(told.value, int | float) else None


def _series(told: Value | None, most: int) -> list[int | None]:
    return list(series.read(_text(told)).values[-most:])


# -- the page ---------------------------------------------------------------------------------------------------------


def pools(made: Doc, zone: Zone, now_s: int) -> dict[str, Any] | None:
    """Rows, cards and drawings; None where there is neither a pool nor a service."""
    if not made["pools"] and not made["services"]:
        return None
    return {
        "rows": [_row(one) for one in made["pools"]],
        "services": [_card(one, zone, now_s) for one in made["services"]],
    }


def _row(one: Doc) -> dict[str, Any]:
    share = one["share_age_s"]
    return {
        "name": one["name"],
        "coin": one["coin"] or "not said",
        "state": one["state"],
        "tone": TONES[one["state"]],
        "why": one["why"],
        "miners": f"{one['connected']:,} of {one['miners']:,}",
        "accepted": f"{one['accept_pct']:g}{NBSP}%" if one["accept_pct"] is not None else UNKNOWN,
        "share": f"{span(share)} ago" if share is not None else UNKNOWN,
        "best": difficulty(one["best"]),
        "link": one["link"] or "not checked",
        "instead": one["instead"],
    }


def difficulty(value: float | None) -> str:
    """8.13 G · unknown."""
    return UNKNOWN if value is None else bests.short(value).replace(" ", NBSP)


def amount(value: int | None, digits: int, coin: str) -> str:
    """0.00012345 BTC; more digits than eight are cut, not rounded up."""
    if value is None:
        return UNKNOWN
    whole, part = divmod(int(value), 10**digits)
    behind = f"{part:0{digits}d}"[:DECIMALS].rstrip("0") if digits else ""
    return f"{whole:,}{'.' if behind else ''}{behind}{NBSP}{coin}".rstrip(NBSP)


def _card(one: Doc, zone: Zone, now_s: int) -> dict[str, Any]:
    more = [("network difficulty", one["network"], difficulty), ("the pool's rate", one["pool_hashrate_hs"], rate)]
    return {
        "section": one["section"],
        "coin": one["coin"],
        "why": "" if one["ok"] else one["why"] or "no answer",
        "facts": [{"name": name, "value": worded(value)} for name, value, worded in more if value is not None],
        "wallets": [_shown(wallet, one, zone, now_s) for wallet in one["wallets"]],
    }


def _shown(wallet: Doc, service: Doc, zone: Zone, now_s: int) -> dict[str, Any]:
    digits, coin, at = service["digits"], service["coin"], wallet["at"]
    money = [{"name": name, "value": amount(wallet[key], digits, coin)} for key, name in MONEY if key in wallet]
    share = wallet.get("share_wall_s")
    facts = [("workers", _workers(wallet)), ("last share", zone.near(int(share), now_s) if share else "")]
    if "best_n" in wallet:
        facts.append(("best share", difficulty(wallet["best_n"])))
    if wallet.get("blocks_n") is not None:
        facts.append(("blocks", f"{wallet['blocks_n']:,}"))
    if wallet["block"]:
        facts.append(("newest block", wallet["block"].partition(",")[0]))
    return {
        "name": wallet["wallet"],
        "rate": rate(wallet.get("hashrate_hs")),
        "old": "" if at is None or now_s - at < STALE_S else f"{span(now_s - at)} old",
        "why": wallet["why"],
        "money": money,
        "facts": [{"name": name, "value": value} for name, value in facts if value],
        "spark": spark(wallet["rates"], HOURS, rate),
        "held": spark(wallet["held"], DAYS, lambda value: amount(int(value), digits, coin)),
        "workers": [{"name": each["name"], "rate": rate(each["hashrate_hs"])} for each in wallet["workers"]],
    }


def _workers(wallet: Doc) -> str:
    online, total = wallet.get("workers_n"), wallet.get("workers_all_n")
    if online is None:
        return UNKNOWN if "workers_n" in wallet else ""
    return f"{online:,} online" if total is None else f"{online:,} of {total:,} online"


def spark(values: Sequence[int | None], slots: int, worded: Any) -> dict[str, Any] | None:
    """A line over so many slots, the newest at the right, and in words; None with fewer than two points."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return None
    step = WIDE // slots
    xs = _places(len(values), slots, step)
    scale = svg.Scale(0, max(*known, 1), HIGH - 2, flip=True)
    return {
        "line": svg.line(xs, list(values), scale, step),
        "wide": WIDE,
        "high": HIGH,
        "text": f"from {worded(min(known))} to {worded(max(known))}, now {worded(known[-1])}",
    }


def _places(count: int, slots: int, step: int) -> list[int]:
    first: Iterable[int] = range(slots - count, slots)
    return [at * step + step // 2 for at in first]
