"""Price bands on the page: the one in force, the changes known to come, prices ahead, and what today cost. Pure.

`document` is the JSON tree for status.json; `bands` words it for the template. Moments are wall seconds, prices minor
units (pence, cents) per kWh.
"""

from collections.abc import Mapping
from typing import Any, Final

from mine_controller.core.model.book import Book
from mine_controller.core.money import ledger
from mine_controller.core.money.bands import Band, Planned, rank
from mine_controller.core.money.ledger import Line
from mine_controller.core.money.outlook import Outlook
from mine_controller.core.money.prices import slot_at, slots_of
from mine_controller.core.wording.spoken import MINORS, price_unit
from mine_controller.render.given import Economy, SiteFacts
from mine_controller.render.svg import Scale, nice
from mine_controller.render.text import NBSP, UNKNOWN, Zone, clean, span

Doc = Mapping[str, Any]
AHEAD_S: Final = 48 * 3600
COMING_SHOWN: Final = 6
HIGH: Final = 100
MINUTE_S: Final = 60
SIX_H_S: Final = 6 * 3600
DAY_S: Final = 86_400
LONG_S: Final = 72 * 3600  # a chart of more time than this has days below it
LABELS_MOST: Final = 8  # of days, which are wider than hours
TONES: Final = 4  # colours for bands that mine, from dear to cheap


def document(given: Economy | None, now_s: int) -> dict[str, Any] | None:
    """None where the site has no bands."""
    if given is None:
        return None
    outlook = given.outlook
    return {
        "band": clean(outlook.band.name, 40) if outlook.band is not None else None,
        "coin": clean(outlook.band.section.coin, 12) if outlook.band is not None else None,
        "off": outlook.band.off if outlook.band is not None else None,
        "since": outlook.since_s or None,
        "price": outlook.price,
        "unit": price_unit(given.currency),
        "known_to": outlook.known_to_s if outlook.price is not None else None,
        "forced": _forced(outlook),
        "groups": [{"name": clean(one.name, 60), "mode": one.mode, "pool": clean(one.pool, 40)}
                   for one in outlook.groups],
        "changes": outlook.changes,
        "coming": [_slot(one, given, outlook.planned.index(one)) for one in outlook.coming[:COMING_SHOWN]],
        "ahead": [_slot(one, given, at) for at, one in enumerate(outlook.planned) if one.start_s < now_s + AHEAD_S],
        "today": _today(given),
    }  # fmt: skip


def price(book: Book, site: SiteFacts, now_s: int) -> dict[str, Any] | None:
    """The price that holds at `now_s` and the band in force; None: it is not known, or no source of prices is wired."""
    slot = slot_at(slots_of(book.image, site.wiring), now_s) if book.image is not None else None
    if slot is None:
        return None
    band = site.economy.outlook.band if site.economy is not None else None
    name = clean(band.name, 40) if band is not None else None
    return {"p_kwh": slot.price, "band": name, "start_s": slot.start_s, "end_s": slot.end_s}


def _forced(outlook: Outlook) -> dict[str, str] | None:
    one = outlook.forced
    if one is None:
        return None
    return {"key": one.key, "value": clean(one.value, 40), "actor": clean(one.actor, 40), "why": clean(one.reason, 120)}


def _slot(one: Planned, given: Economy, at: int) -> dict[str, Any]:
    """One slot; `tone` is its place from dear (1) to cheap (4), 0 = off. `offset_s`: local time then."""
    offset_s = given.offsets_s[at] if at < len(given.offsets_s) else None
    return {
        "start": one.start_s, "end": one.end_s, "price": one.price, "band": clean(one.band.name, 40),
        "coin": clean(one.band.section.coin, 12), "tone": tone(given.bands, one.band), "offset_s": offset_s,
    }  # fmt: skip


def tone(bands: tuple[Band, ...], band: Band) -> int:
    """Its colour: 0 for off, else 1 (the dearest that mines) to 4 (the cheapest)."""
    place = rank(bands, band)
    mining = [rank(bands, one) for one in bands if not one.off]
    if place < 0 or not mining:
        return 0
    least, most = min(mining), max(mining)
    return TONES if least == most else 1 + round((place - least) * (TONES - 1) / (most - least))


def _today(given: Economy) -> dict[str, Any] | None:
    if given.total is None:
        return None
    return _line(given.total) | {"bands": [_line(line) | {"band": clean(line.key, 40)} for line in given.lines]}


def _line(line: Line) -> dict[str, Any]:
    return {
        "hours": round(line.seconds / 3600, 2),
        "kwh": ledger.kwh(line.energy_ws + line.guess_ws),
        "guessed_kwh": ledger.kwh(line.guess_ws),
        "unpriced_kwh": ledger.kwh(line.unpriced_ws),
        "cost": ledger.pence(line.paid),
        "always_on_cost": ledger.pence(line.always_cost),
        "saved": ledger.pence(line.saved),
    }


# -- for the template -------------------------------------------------------------------------------------------------


def bands(made: Doc | None, zone: Zone, now_s: int, currency: str) -> dict[str, Any] | None:
    """The section in texts and whole numbers; None where the site has no bands."""
    if made is None:
        return None
    ahead = made["ahead"]
    return {
        "name": f"Band {made['band']}" if made["band"] is not None else UNKNOWN,
        "coin": _coin(made["coin"]) if made["band"] is not None else "",
        "price": f"{made['price']:.2f}{NBSP}{made['unit']}" if made["price"] is not None else UNKNOWN,
        "known": made["price"] is not None,
        "since": zone.near(made["since"], now_s) if made["since"] else "",
        "note": _note(made, zone, now_s),
        "groups": [one | {"mode": one["mode"] or "as it is", "pool": one["pool"] or "as it is"}
                   for one in made["groups"]],
        "coming": [_coming(one, zone, now_s, made["unit"]) for one in made["coming"]],
        "chart": _chart(ahead, zone, made["unit"]) if ahead else None,
        "today": _money(made["today"], currency) if made["today"] is not None else None,
    }  # fmt: skip


def _coin(coin: str) -> str:
    return {"off": "nothing is mined", "": "what was mined before"}.get(coin.lower(), f"mines {coin}")


def _note(made: Doc, zone: Zone, now_s: int) -> str:
    if made["forced"] is not None:
        one = made["forced"]
        return f"{one['key']} {one['value']}, set by {one['actor']}: {one['why']}"
    if made["price"] is None:
        return "the price that counts now is not known: the default band holds"
    left_s = made["known_to"] - now_s
    return f"prices are known until {zone.near(made['known_to'], now_s)}, for {span(max(0, left_s))}"


def _local(one: Doc, zone: Zone) -> Zone:
    return zone if one["offset_s"] is None else zone._replace(offset_s=one["offset_s"])


def _coming(one: Doc, zone: Zone, now_s: int, unit: str) -> dict[str, str]:
    return {
        "at": _local(one, zone).near(one["start"], now_s),
        "in": f"in {span(one['start'] - now_s)}" if one["start"] > now_s else "now",
        "band": f"band {one['band']}, {_coin(one['coin'])}",
        "price": f"{one['price']:.2f}{NBSP}{unit}",
    }


def _chart(ahead: list[dict[str, Any]], zone: Zone, unit: str) -> dict[str, Any]:
    """Bars a minute to a unit, from the first slot on; below the line what pays you."""
    begin_s, end_s = ahead[0]["start"], ahead[-1]["end"]
    prices = [one["price"] for one in ahead]
    scale = Scale(min(0.0, *prices), max(1.0, *prices), HIGH, flip=True)
    floor = scale.at(0.0)
    bars = []
    wide = (end_s - begin_s) // MINUTE_S
    for one in ahead:
        y = scale.at(one["price"])
        top, x = min(y, floor), (one["start"] - begin_s) // MINUTE_S
        bars.append({"x": x, "width": max(1, (one["end"] - one["start"]) // MINUTE_S - 2), "y": top,
                     "height": max(1, abs(floor - y)), "tone": one["tone"]})  # fmt: skip
    rows = [
        {"at": f"{_local(one, zone).day(one['start'])} {_local(one, zone).minute(one['start'])}",
         "price": f"{one['price']:.2f}", "band": one["band"], "coin": one["coin"] or UNKNOWN}
        for one in ahead
    ]  # fmt: skip
    named = {one["tone"]: f"{one['band']} {one['coin']}".strip() for one in ahead}
    return {
        "wide": wide, "high": HIGH, "floor": floor, "ticks": _ticks(prices, scale),
        "bars": bars, "hours": _hours(ahead, zone), "rows": rows, "unit": unit,
        "colours": [{"tone": number, "text": named[number]} for number in sorted(named)],
        "text": f"{min(prices):.1f} to {max(prices):.1f} {unit} over {span(end_s - begin_s)}",
    }  # fmt: skip


def _hours(ahead: list[dict[str, Any]], zone: Zone) -> list[dict[str, str]]:
    """What stands below the bars: each sixth hour of local time, of a long chart the days, wherever slots begin."""
    begin_s, end_s = ahead[0]["start"], ahead[-1]["end"]
    step_s = SIX_H_S if end_s - begin_s <= LONG_S else DAY_S
    marks = []
    for one in ahead:
        local = _local(one, zone)
        offset_s = local.offset_at(one["start"])
        first = -(-(one["start"] + offset_s) // step_s) * step_s - offset_s
        told = (at + offset_s - local.offset_at(at) for at in range(first, one["end"], step_s))
        marks += [(at, local) for at in told if at < one["end"]]  # behind a change of the clocks it is another moment
    thin = -(-len(marks) // LABELS_MOST) or 1
    return [
        {"pct": f"{100 * ((at - begin_s) // MINUTE_S) / ((end_s - begin_s) // MINUTE_S):.1f}%",
         "text": local.minute(at)[:2] if step_s == SIX_H_S else local.day(at).partition(" ")[2]}
        for at, local in (marks if step_s == SIX_H_S else marks[::thin])
    ]  # fmt: skip


def _ticks(prices: list[float], scale: Scale) -> list[dict[str, Any]]:
    """Round prices beside the bars; below nothing only where there is room."""
    values = [*nice(max(1.0, *prices), 3)]
    values += [-values[1]] if min(prices) <= -values[1] else []
    return [
        {"y": scale.at(value), "pct": f"{100 * scale.at(value) / HIGH:.1f}%", "text": f"{value:g}"}
        for value in values
        if value <= scale.high
    ]


def _money(today: Doc, currency: str) -> dict[str, Any]:
    guessed = today["guessed_kwh"]
    return {
        "cost": amount(today["cost"], currency),
        "kwh": f"{today['kwh']:.2f}{NBSP}kWh",
        "saved": amount(today["saved"], currency),
        "always": amount(today["always_on_cost"], currency),
        "guessed": f"{guessed:.2f}{NBSP}kWh of it by what such miners draw" if guessed else "",
        "rows": [
            {"band": one["band"], "time": span(round(one["hours"] * 3600)), "kwh": f"{one['kwh']:.2f}",
             "cost": amount(one["cost"], currency)}
            for one in today["bands"]
        ],
    }  # fmt: skip


def amount(minor: float, currency: str) -> str:
    """£1.23 of 123.4 pence; a credit has its minus in front."""
    sign, _ = MINORS.get(currency.upper(), (f"{currency} ", ""))
    return f"{'-' if round(minor) < 0 else ''}{sign}{abs(minor) / 100:,.2f}"
