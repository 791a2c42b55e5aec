"""The status document as one screen of 80 columns; colours only where a terminal takes them."""

import textwrap
from collections.abc import Iterator
from typing import Any

import click

from mine_controller.cli.output import safe
from mine_controller.config.model import Config
from mine_controller.ports.clock import fold_of, utc_offset_s
from mine_controller.render.lamp import said
from mine_controller.render.panels import is_partial
from mine_controller.render.text import Zone, span, temperature, watts

WIDTH = 80
HEAD = 11
OLD_TICKS = 2
RED = ("EMERGENCY", "FAULT")
YELLOW = ("SHEDDING", "HOLD", "MANUAL", "CURTAILING")
NO_WISH = ("config", "denied")  # rows for the audit alone
MOST_ASKED = 4
ROLE_NAMES = {"inlet_c": "inlet", "outlet_c": "hot aisle", "ambient_c": "outside", "dew_c": "dew point"}
FIGURES = {
    "grid_hz": ("grid", "Hz", 2),
    "voltage_v": ("lowest phase", "V", 0),
    "battery_soc_pct": ("battery", "%", 0),
    "generator_load_pct": ("generator load", "%", 0),
}


def screen(shown: dict[str, Any], config: Config, now_s: int) -> list[str]:
    """Lines of at most 80 columns (colour codes not counted)."""
    where = config.site.timezone
    zone = Zone(utc_offset_s(where, now_s), where, fold_of(where, now_s))
    lines = [*_head(shown, zone, now_s), *_asked(config, now_s), *_age(shown), *_blind(shown["inputs"])]
    lines += _wrapped("Next", f"{zone.clock(shown['next']['at'])} {shown['next']['text']}".replace("unknown ", ""))
    lines += _wrapped("Power", _power(shown))
    lines += _wrapped("Air", _air(shown, config.site.temperature_unit)) if shown["readings"] else []
    lines += _wrapped("Fans", _fans(shown["fans"])) if shown["fans"] else []
    lines += _wrapped("Supply", _supply(shown)) if shown.get("supply") else []
    lines += _wrapped("Price", _price(shown["bands"], zone, now_s)) if shown.get("bands") else []
    lines += _wrapped("Uplinks", _uplinks(shown["uplinks"])) if shown.get("uplinks") else []
    if shown["signal"]["configured"]:
        lines += _wrapped("Signal", _signal(shown["signal"], zone, now_s))
    lines += _wrapped("Miners", _miners(shown["miners"]))
    lines += _wrapped("Hashing", _hashing(shown["totals"])) if shown.get("totals") else []
    if shown["signal"]["configured"] or shown.get("time_to_obey"):
        lines += _wrapped("Obeying", _obeying(shown.get("time_to_obey")))
    lines += [*_alarms(shown, zone, now_s), *_lamp(shown.get("lamp")), *_overrides(shown["overrides"], zone, now_s)]
    lines += _inputs(shown["inputs"])
    return lines


def _head(shown: dict[str, Any], zone: Zone, now_s: int) -> Iterator[str]:
    mode, first, *rest = [safe(shown["mode"]), *textwrap.wrap(f"{shown['mode']}: {safe(shown['why'])}", WIDTH)]
    colour = "red" if mode in RED else "yellow" if mode in YELLOW else "green"
    yield click.style(first, fg=colour, bold=True)
    yield from (click.style(line, fg=colour) for line in rest)
    since = shown.get("mode_since")
    parts = [safe(shown["site"])]
    parts += [f"since {zone.near(since, now_s)}"] if since else []
    parts += [] if shown["live"] else ["shadow mode: nothing is sent"]
    parts += ["simulated"] if shown.get("simulated") else []
    yield from _cut(" · ".join(parts))
    if shown.get("config_note"):
        yield from _wrapped("Config", f"the config is broken, the last good one runs: {safe(shown['config_note'])}")
    if shown.get("untold_note"):
        yield from _wrapped("Messages", safe(shown["untold_note"]))


def _asked(config: Config, now_s: int) -> Iterator[str]:
    """What a person asked for and no tick has taken yet: who stopped the mine must not read RUNNING alone."""
    from mine_controller.store.answered import waiting  # noqa: PLC0415 - imported by the command that uses it
    from mine_controller.store.db import StoreTrouble  # noqa: PLC0415 - the same

    try:
        rows = [one for one in waiting(config.paths) if one.verb not in NO_WISH]
    except StoreTrouble as trouble:
        lost = trouble.kind == "corrupt"  # that file alone, which the next request begins anew
        why = f"{trouble.text.rpartition(': ')[2]}; ask for it again" if lost else trouble.text
        told = f"what waits for a tick can't be read: {why}"
        yield from (click.style(row, fg="red") for row in _wrapped("Asked", safe(told)))
        return
    rows.sort(key=lambda one: (one.verb != "emergency-stop", -one.id))
    for one in rows[:MOST_ASKED]:
        words = " ".join((one.verb, *one.args))
        told = f"{words}, {span(max(0, now_s - one.at))} ago by {one.actor}: no tick has taken it yet"
        yield from (click.style(row, fg="yellow", bold=True) for row in _wrapped("Asked", safe(told)))
    if len(rows) > MOST_ASKED:
        yield from _wrapped("", f"and {len(rows) - MOST_ASKED} more")


def _age(shown: dict[str, Any]) -> Iterator[str]:
    age_s, tick_s = shown.get("age_s"), int(shown.get("tick_s") or 120)
    if age_s is None or age_s > OLD_TICKS * tick_s:
        old = f"OLD: the last tick was {span(age_s)} ago; is cron running? `minectl doctor` looks"
        yield from (click.style(line, fg="red", bold=True) for line in _wrapped("Data", safe(old)))
    else:
        yield from _wrapped("Data", f"{safe(span(age_s))} old")


def _blind(inputs: list[dict[str, Any]]) -> Iterator[str]:
    """A mine of which nothing is read looks calm; say so before any figure."""
    if any(one["ok"] is True for one in inputs):
        return
    why = next((safe(one["why"], 60) for one in inputs if one["why"]), "")
    told = (
        f"none of {len(inputs)} inputs answers{f' ({why})' if why else ''}; `minectl doctor --live-probe` asks them now"
    )
    told = told if inputs else "config.txt has no active device section; `minectl config check` tells what is missing"
    yield from (click.style(row, fg="red", bold=True) for row in _wrapped("BLIND", f"NOTHING IS READ: {told}"))


def _power(shown: dict[str, Any]) -> str:
    permitted = shown.get("permitted_w")
    most_w = max(shown["cap_w"] or 0, shown["power_w"] or 0, permitted or 0)  # one unit for all of them
    cap = f" of {watts(shown['cap_w'], most_w)} cap" if shown["cap_w"] else ""
    by = {"meter": "by the meter", "parts": f"{shown['power_known']} of {shown['power_of']} parts known"}
    source = by.get(shown["power_source"] or "", shown.get("power_why") or "")
    room = f"; miners may draw {watts(permitted, most_w)}" if permitted is not None else ""
    return f"{watts(shown['power_w'], most_w)}{cap}" + (f" ({safe(source)})" if source else "") + room


def _air(shown: dict[str, Any], unit: str) -> str:
    parts = []
    for name, reading in shown["readings"].items():
        if name.endswith("_c"):
            parts.append(_reading(ROLE_NAMES.get(name, name), reading, temperature(reading["value"], unit)))
        elif name == "humidity_pct":
            value = reading["value"]
            parts.append(_reading("humidity", reading, "unknown" if value is None else f"{value:g} %"))
        elif name in FIGURES:
            label, of, decimals = FIGURES[name]
            value = reading["value"]
            parts.append(_reading(label, reading, "" if value is None else f"{value:.{decimals}f} {of}"))
        elif name == "supply_kw":
            value = reading["value"]
            parts.append(_reading("source", reading, watts(None if value is None else 1000 * value)))
        elif reading["value"] != "ok":
            parts.append(f"{name.upper()}: {reading['value'] or 'unknown'}")
    return ", ".join(parts)


def _reading(name: str, reading: dict[str, Any], value: str) -> str:
    if reading["value"] is not None and not reading["why"]:
        return f"{name} {value}"
    return f"{name} unknown ({safe(reading['why'], 60) or 'never read'})"


def _fans(fans: list[dict[str, Any]]) -> str:
    if not fans:
        return "none wired"
    on, unknown = (sum(fan["on"] is state for fan in fans) for state in (True, None))
    by_state: dict[str, list[str]] = {}
    for fan in fans:
        starting = fan["state"] == "starting" and not fan.get("metered", True)  # nothing could ever prove its air
        by_state.setdefault("no meter" if starting else fan["state"], []).append(fan["name"])
    proven, bare = by_state.pop("proven", []), not any(fan.get("metered", True) for fan in fans)
    parts = ["no meter" if bare else f"{len(proven)} proven"]
    by_state.pop("no meter" if bare else "off", None)
    by_state.pop("off", None)
    parts += [
        f"{len(names)} {state}" + (f" ({', '.join(names)})" if len(names) < len(fans) else "")
        for state, names in sorted(by_state.items())
    ]
    relays = f"{on} of {len(fans)} on" if unknown < len(fans) else "relays unknown"
    if 0 < unknown < len(fans):
        relays += f", {unknown} relays unknown"
    return safe(f"{relays}, {', '.join(parts)}", 200)


def _signal(signal: dict[str, Any], zone: Zone, now_s: int) -> str:
    if not signal["configured"]:
        return "none configured"
    since = f", since {zone.near(signal['since'], now_s)}" if signal.get("since") else ""
    if signal["value"] is None:
        return f"unknown: {safe(signal['why']) or 'never read'}"
    return f"{safe(signal['value'])}{since}, read {span(signal['age_s'])} ago"


def _miners(miners: dict[str, Any]) -> str:
    states = ("running", "starting", "stopping", "stopped", "quarantined", "unknown")
    parts = [f"{miners[name]} {name}" for name in states if name != "running" and miners.get(name)]
    return ", ".join([f"{miners['running'] or 0} of {miners['total']} running", *parts])


def _obeying(forecast: dict[str, Any] | None) -> str:
    if not forecast:
        return "not known yet"
    beside = f", {forecast['unreachable']} can't be reached" if forecast.get("unreachable") else ""
    return f"a stop of all that runs takes {forecast['seconds']} s of {forecast['within_s']} s{beside}"


def _supply(shown: dict[str, Any]) -> str:
    supply, least = shown["supply"], "at least " if is_partial(shown) else ""
    used = f", {least}{supply['used_pct']:.0f} % of it used" if supply["used_pct"] is not None else ""
    return f"{watts(supply['held_w'])} counts{used}" + (": MORE THAN THERE IS" if supply["over"] else "")


def _price(bands: dict[str, Any], zone: Zone, now_s: int) -> str:
    """The price, its band, and what comes next."""
    price = "unknown" if bands["price"] is None else f"{bands['price']:.2f} {bands['unit']}"
    band = f", band {bands['band']} ({bands['coin'] or 'as it was'})" if bands["band"] is not None else ""
    coming = [one for one in bands["coming"] if one["start"] > now_s][:1]
    then = [f"; band {one['band']} at {zone.near(one['start'], now_s)}, {one['price']:.2f}" for one in coming]
    return safe(f"{price}{band}{''.join(then)}", 200)


def _uplinks(links: list[dict[str, Any]]) -> str:
    """Each line's word now, and what rules take it for where that is another: back, but for too short a time."""
    said = []
    for one in links:
        word, counts = one["link"] or "unknown", one.get("counts")
        said.append(f"{one['name']} {word}" + (f" (counts as {counts})" if counts and counts != word else ""))
    return safe(", ".join(said), 200)


def _hashing(totals: dict[str, Any]) -> str:
    from mine_controller.render.shelf import rate  # noqa: PLC0415 - only small sites have it

    return safe(
        ", ".join(
            f"{rate(one['hashes_per_s'])} {one['algorithm']} ({one['known']} of {one['of']})"
            for one in totals["hashrates"]
        ),
        200,
    )


def _alarms(shown: dict[str, Any], zone: Zone, now_s: int) -> Iterator[str]:
    """Each that stands, with what a person does about it; how many are set aside."""
    alarms, aside = shown["alarms"], len(shown.get("alarms_aside") or ())
    seen = sum(one.get("state") == "acked" for one in alarms)
    parts = [f"{len(alarms) - seen} open"] if len(alarms) > seen else []
    parts += [f"{seen} seen"] if seen else []
    parts += [f"{aside} set aside (minectl alarms list --all)"] if aside else []
    yield from _wrapped("Alarms", ", ".join(parts) or "none")
    for one in alarms:
        colour = "red" if one["severity"] == "emergency" else "yellow"
        since = zone.near(one["since"], now_s) if one["since"] else "?"
        name = f"{one['id']} " if one.get("id") else ""
        told = f"{name}{one['severity']} since {since}: {one['about']}: {one['text']}"
        known = one.get("state") == "acked"
        yield from (click.style(line, fg=None if known else colour) for line in _wrapped("", safe(told)))
        if one.get("remedy") and not known:
            yield from _wrapped("", safe(f"-> {one['remedy']}"))


def _lamp(told: dict[str, Any] | None) -> Iterator[str]:
    """The lamp at the site, where one is wired: as its relay says, and why."""
    shown = said(told)
    if shown is not None:
        text = safe(f"{shown['text']}; {shown['why']}" if shown["why"] else shown["text"])
        yield from (click.style(row, fg="yellow" if shown["bad"] else None) for row in _wrapped("Lamp", text))


def _overrides(overrides: list[dict[str, Any]], zone: Zone, now_s: int) -> Iterator[str]:
    if not overrides:
        return
    yield from _wrapped("Overrides", f"{len(overrides)} in force")
    for one in overrides:
        until = f"until {zone.near(one['until'], now_s)}" if one["until"] else "until cleared"
        told = f"{one['key']} = {one['value']} ({one['kind']}) {until}, {one['actor']}: {one['reason']}"
        yield from (click.style(line, fg="yellow") for line in _wrapped("", safe(told)))


def _inputs(inputs: list[dict[str, Any]]) -> Iterator[str]:
    answering = sum(one["ok"] is True for one in inputs)
    yield from _wrapped("Inputs", f"{answering} of {len(inputs)} answer")
    for one in inputs:
        health = "ok" if one["ok"] else safe(one["why"], 80) or "no answer"
        age = "never" if one["age_s"] is None else f"{span(one['age_s'])} ago"
        line = f"{safe(one['endpoint'], 40):22} {safe(age):>10}  {health}"
        yield from (click.style(row, fg=None if one["ok"] else "red") for row in _wrapped("", line))


def _wrapped(head: str, text: str) -> list[str]:
    """`text` behind a short heading, wrapped under itself; only a new line, not the spaces of a table, is folded."""
    clean = text.replace("\u00a0", " ")
    wide = WIDTH - HEAD
    rows = [clean] if len(clean) <= wide else textwrap.wrap(clean, wide) or [""]
    return [f"{head if at == 0 else '':{HEAD}}{row}".rstrip() for at, row in enumerate(rows)]


def _cut(text: str) -> list[str]:
    return textwrap.wrap(text.replace("\u00a0", " "), WIDTH)
