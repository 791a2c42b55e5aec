"""The debug page: every input and output with its value, why it is so, and the line that sets it. Pure.

It only shows. Each line is for a terminal beside the mine, where `minectl set-state` asks for a reason and, on a live
site, refuses whatever would free what a real sensor forbids.
"""

import shlex
from typing import Any

from mine_controller.core.model.book import Book
from mine_controller.core.model.quantity import QUANTITIES, ROLES, WORDS
from mine_controller.core.model.reading import Value
from mine_controller.core.model.reason import Limit
from mine_controller.core.model.wiring import Wiring
from mine_controller.core.overrides import INPUTS, ROLE_OF
from mine_controller.render.given import SiteFacts, Words
from mine_controller.render.panels import LAYERS
from mine_controller.render.text import UNKNOWN, Zone, clean, masked, span
from mine_controller.render.times import Moments

CHANNELS_SHOWN = 160
REASONS_SHOWN = 60
FOR = "30m"
WHY = "say why"
_BOOKKEEPING = ("tried", "memory")


def line(key: str, value: str, *, lasts: bool = True) -> str:
    """The command as it is typed, quoted for a shell."""
    timed = f" --for {FOR}" if lasts else ""
    return f"minectl set-state {shlex.quote(key)} {shlex.quote(value)}{timed} --reason {shlex.quote(WHY)}"


def debug(book: Book, site: SiteFacts, words: Words, zone: Zone, when: Moments) -> dict[str, Any]:
    """Everything the page shows; on a public page texts are masked."""
    tree = {
        "inputs": _inputs(book, site, when),
        "outputs": _outputs(book, site),
        "channels": _channels(book, site.wiring, when),
        "reasons": _reasons(book, words),
        "overrides": [_override(one, zone, when) for one in book.state.overrides],
        "live": site.live,
        "site": clean(site.name),
    }
    return _public(tree, site.people) if site.publish == "public" else tree


def _public(tree: Any, people: tuple[str, ...]) -> Any:
    if isinstance(tree, str):
        return masked(tree, people)
    if isinstance(tree, dict):
        return {name: _public(one, people) for name, one in tree.items()}
    return [_public(one, people) for one in tree] if isinstance(tree, list) else tree


def _shown(value: Value) -> str:
    return UNKNOWN if value.value is None else clean(value.value, 40)


def _age(value: Value, when: Moments) -> str:
    age_s = when.age_s(value.at_s)
    return "never read" if age_s is None else f"{span(age_s)} ago"


def _inputs(book: Book, site: SiteFacts, when: Moments) -> list[dict[str, Any]]:
    """The roles a person can put a value in place of, as far as the site has them."""
    image, wiring = book.image, site.wiring
    out = []
    for key in INPUTS:
        role = ROLE_OF.get(key, key)
        if role not in wiring.roles:
            continue
        value = image.site.get(role, Value(None, 0)) if image is not None else Value(None, 0)
        shown = _shown(value) if role != "price" else _price(site)
        about = {"key": key, "value": shown, "age": _age(value, when), "why": clean(value.why)}
        out.append(about | {"source": clean(value.source, 60), "lines": _tries(key)})
    for link in wiring.uplinks:
        channels = image.channels if image is not None else {}
        value = channels.get(f"{link.channel}:link", Value(None, 0))
        about = {"key": f"uplink.{clean(link.name, 40)}", "value": _shown(value), "age": _age(value, when)}
        about |= {"why": clean(value.why), "source": clean(link.channel, 60)}
        out.append(about | {"lines": [line(f"uplink.{link.name}", "down")]})
    return out


def _price(site: SiteFacts) -> str:
    """The price of this slot; what the role holds are all slots in one text."""
    price = site.economy.outlook.price if site.economy is not None else None
    return UNKNOWN if price is None else f"{price:.2f}"


def _tries(key: str) -> list[str]:
    """What is worth trying: each word there is; for a number one that does something, and not knowing it."""
    quantity = ROLES[key].quantity if key in ROLES else key
    words = WORDS.get(quantity)
    if words is not None:
        return [line(key, word) for word in (*words, "unknown")]
    row = QUANTITIES.get(quantity)
    telling = {"inlet_c": "39", "ambient_c": "-12", "humidity_pct": "97", "grid_hz": "59.3", "price_p_kwh": "25"}
    middle = f"{(row.low + row.high) / 2:.12g}" if row is not None else "1"
    return [line(key, telling.get(key, middle)), line(key, "unknown")]


def _outputs(book: Book, site: SiteFacts) -> list[dict[str, Any]]:
    """What a person can hold: fans, miners, the power, bands."""
    wiring = site.wiring
    out = []
    if wiring.fans:
        half = str(max(1, len(wiring.fans) // 2))
        out.append(_output("fans N", f"{_wanted_fans(book)} wanted of {len(wiring.fans)}", [line("fans", half)]))
        seen = {fan.name: fan.on for fan in book.image.fans} if book.image is not None else {}
        for fan in wiring.fans:
            now = {True: "on", False: "off", None: UNKNOWN}[seen.get(fan.name)]
            key = f"fan.{fan.name}"
            out.append(_output(clean(key, 40), now, [line(key, "on"), line(key, "off")]))
    if wiring.miners:
        out.append(_output("miners", _running(book), [line("miners", "stop"), line("miners", "run")]))
        first = f"miner.{wiring.miners[0].id}"
        out.append(_output("miner.ID", f"for example {clean(first, 40)}", [line(first, "stop"), line(first, "run")]))
        kw = f"{max(1, site.cap_w // 2000)}" if site.cap_w else "1"
        out.append(_output("max_power_kw", _permitted(book), [line("max_power_kw", kw)]))
    return out + _economics(site)


def _economics(site: SiteFacts) -> list[dict[str, Any]]:
    if site.economy is None:
        return []
    band = site.economy.outlook.band
    now = clean(band.name, 40) if band is not None else UNKNOWN
    names = [line("band", one.name, lasts=False) for one in site.economy.bands[:6]]
    switch = [line("strategy", word, lasts=False) for word in ("off", "on")]
    return [_output("band NAME", now, names), _output("strategy", "", switch)]


def _output(key: str, now: str, lines: list[str]) -> dict[str, Any]:
    return {"key": key, "value": now, "lines": [clean(one, 200) for one in lines]}


def _wanted_fans(book: Book) -> str:
    return UNKNOWN if book.decision is None else str(len(book.decision.plan.fans_on))


def _running(book: Book) -> str:
    plan = book.decision.plan if book.decision is not None else None
    return UNKNOWN if plan is None else f"{sum(plan.run)} of {len(plan.run)} are to run"


def _permitted(book: Book) -> str:
    permitted_w = book.decision.plan.permitted_w if book.decision is not None else None
    return UNKNOWN if permitted_w is None else f"{permitted_w / 1000:g} kW permitted"


def _channels(book: Book, wiring: Wiring, when: Moments) -> dict[str, Any]:
    """What the devices said, but for the miners, who have pages of their own."""
    found = book.image.channels if book.image is not None else {}
    fleet = {name for name, spec in wiring.endpoints.items() if spec.fleet}
    kept = [
        (key, value)
        for key, value in sorted(found.items())
        if key.rpartition(":")[2] not in _BOOKKEEPING and key.rpartition(":")[0].partition("/")[0] not in fleet
    ]
    rows = [
        {"key": clean(key, 80), "value": _shown(value), "age": _age(value, when), "why": clean(value.why)}
        for key, value in kept[:CHANNELS_SHOWN]
    ]
    return {"rows": rows, "more": f"{len(kept) - CHANNELS_SHOWN:,}" if len(kept) > CHANNELS_SHOWN else ""}


def _reasons(book: Book, words: Words) -> list[dict[str, str]]:
    """Every limit the rules set in the last round, the strongest layer first; `binds`: nothing else is tighter."""
    if book.decision is None:
        return []
    envelope = book.decision.envelope
    found = sorted(envelope.reasons, key=lambda one: one.layer)[:REASONS_SHOWN]
    return [_reason(one, words, binds=one in envelope.binding) for one in found]


def _reason(one: Limit, words: Words, *, binds: bool) -> dict[str, str]:
    return {
        "layer": LAYERS[one.layer] if 0 <= one.layer < len(LAYERS) else "?",
        "rule": clean(f"{one.reason.rule}/{one.reason.code}", 60),
        "what": clean(one.what, 40),
        "amount": f"{one.amount:,}" if isinstance(one.amount, int) else clean(one.amount, 20),
        "why": clean(words(one.reason), 300),
        "binds": "binds" if binds else "",
    }


def _override(one: Any, zone: Zone, when: Moments) -> dict[str, str]:
    until = when.wall(one.until_s) if one.until_s else None
    return {
        "key": clean(one.key, 60),
        "value": clean(one.value, 60),
        "kind": clean(one.kind, 20),
        "until": "until cleared" if until is None else f"until {zone.near(until, when.now_s)}",
        "reason": clean(one.reason, 200),
        "line": clean(f"minectl clear-state {shlex.quote(one.key)}", 200),
    }
