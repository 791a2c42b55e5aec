"""Everything the page says, in words and whole numbers, so that templates only place it. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from mine_controller.core.model.book import Book
from mine_controller.render import bands, lamp, panels, plant, status_json, supply_panel
from mine_controller.render.fleet import units
from mine_controller.render.given import EventLine, History, SiteFacts, Words
from mine_controller.render.links import PAGES
from mine_controller.render.pools import document as pools_document
from mine_controller.render.pools import pools
from mine_controller.render.shelf import rate, shelf, unlisted
from mine_controller.render.text import UNKNOWN, Zone, clean, masked, span, temperature, watts
from mine_controller.render.times import moments
from mine_controller.render.trends import charts
from mine_controller.render.wall import wall

Doc = Mapping[str, Any]
EVENTS_SHOWN = 40
ACTIONS_SHOWN = 12
ALARMS_SHOWN = 20  # with all there is to say; more are a line each, and folded
SCHEDULE_SHOWN = 6
HOME_OF = {"miner": "fleet.html"}  # pages that stand in no menu, and the one they belong to

# mode -> tone, icon, what it means in a few words
MODES = {
    "RUNNING": ("good", "run", "at the power that is permitted"),
    "RESUMING": ("move", "up", "climbing in steps"),
    "CURTAILING": ("contract", "down", "going down, not proven yet"),
    "CURTAILED": ("contract", "off", "down, proven by measurement"),
    "SHEDDING": ("warn", "down", "giving up part of the load"),
    "HOLD": ("warn", "hold", "nothing may increase"),
    "IDLE": ("quiet", "idle", "nothing to run"),
    "EMERGENCY": ("bad", "alert", "everything"),
    "MANUAL": ("warn", "hand", "a person holds an output"),
    "INIT": ("move", "init", "looking before acting"),
    "FAULT": ("bad", "alert", "does not trust itself: only down"),
}


def view(book: Book, site_facts: SiteFacts, history: History, words: Words, now_wall_s: int) -> dict[str, Any]:
    """The page as a tree of texts, counts and coordinates; `render.page.render` fills the templates with it."""
    made = status_json.document(book, site_facts, history, words, now_wall_s)
    return from_document(made, book, site_facts, history, words)


def from_document(made: Doc, book: Book, site: SiteFacts, history: History, words: Words) -> dict[str, Any]:
    """The same from a status document that is made already: a tick needs both."""
    now_s = made["written_at"]
    when, zone = moments(book, now_s), Zone(site.utc_offset_s, clean(site.zone, 12), site.fold)
    probes = {"inlet_c": plant.sensors(book, site.wiring, "inlet_c", when)}
    power, contract, air = panels.power(made, site), panels.contract(made, zone, now_s), panels.air(made)
    trends = charts(history, site, zone, now_s)
    return frame(made, zone) | {
        "next": _coming(made["next"], zone, now_s),
        "schedule": [_coming(one, zone, now_s) for one in made["schedule"][:SCHEDULE_SHOWN]],
        "banners": _banners(made, zone),
        "figures": _figures(made, power, contract, site, trends),
        "power": power,
        "supply": supply_panel.supply(made),
        "network": supply_panel.network(made, zone, now_s),
        "contract": contract,
        "temperatures": panels.temperatures(made, site, probes),
        "air": air,
        "shelf": shelf(made, site, zone, now_s),
        "unlisted": unlisted(made, now_s),
        "bands": bands.bands(made["bands"], zone, now_s, site.economy.currency if site.economy is not None else ""),
        "pools": pools(pools_document(book, site, when), zone, now_s),
        "fleet": wall(book, units(book, site.wiring), made, site, words, when),
        "trends": trends,
        "alarms": _alarms(made, zone),
        "events": events(history.events[-EVENTS_SHOWN:], site, zone, now_s),
        "live": made["live"],
        "actions": _actions(book, site, words),
        "inputs": [_input(one) for one in made["inputs"]],
        "absent": made["absent"],
        "lost": lost(history.lost, site),
        "missing": _missing(contract, air, made),
    }


def frame(made: Doc, zone: Zone, page: str = "index.html", root: str = "", every_s: int = 0) -> dict[str, Any]:
    """What every page has: whose it is, how it stands, how old that is, and the way to the others.

    `root` leads from the page's folder to www/: "" or "../". `every_s`: how often it is made, 0: at every tick.
    """
    return {
        "site": made["site"],
        "version": made["version"],
        "schema": made["schema"],
        "root": root,
        "page": page,
        "every_s": every_s,
        "nav": [
            {"href": root + name, "name": said, "here": name == HOME_OF.get(page, page), "same": name == page}
            for name, said in PAGES
        ],
        "now": _now(made, zone),
        "mode": _mode(made, zone),
    }


def _missing(contract: Doc, air: Doc, made: Doc) -> str:
    """Which panels are left out because no section configures what they show."""
    left = [
        name
        for name, there in (
            ("power signal", contract["configured"] or contract["event"]),
            ("fans", air["total"]),
            ("temperature sensors", any(name.endswith("_c") for name in made["readings"])),
        )
        if not there
    ]
    return f"No {', no '.join(left)} configured here." if left else ""


_ALARM_TOLD = {"acked": "seen", "shelved": "put off", "suppressed": "follows"}


def _alarms(made: Doc, zone: Zone) -> dict[str, Any]:
    """Who has to do what: open ones with their remedies; what is set aside by itself, and the counts."""
    counts = made["alarm_counts"]
    aside = [f"{counts['shelved']:,} put off by a person"] if counts["shelved"] else []
    aside += [f"{counts['suppressed']:,} that follow from these"] if counts["suppressed"] else []
    rows = [_alarm(one, zone, made["written_at"]) for one in made["alarms"]]
    return {
        "rows": rows[:ALARMS_SHOWN],
        "more": rows[ALARMS_SHOWN:],
        "aside": [_alarm(one, zone, made["written_at"]) for one in made["alarms_aside"]],
        "open": f"{counts['active']:,}",
        "acked": f"{counts['acked']:,}" if counts["acked"] else "",
        "set_aside": " and ".join(aside),
        "lamp": lamp.said(made.get("lamp")),  # a document that an older version wrote has none
    }


def _alarm(one: Doc, zone: Zone, now_s: int) -> dict[str, str]:
    since = one["since"]
    by = f" by {one['acked_by']}" if one["acked_by"] and one["state"] == "acked" else ""
    until = f" until {zone.near(one['shelved_until'], now_s)}" if one["shelved_until"] is not None else ""
    return {
        "id": one["id"],
        "severity": one["severity"] if one["severity"] in ("warning", "emergency") else "info",
        "kind": one["kind"].replace("_", " "),
        "about": one["about"],
        "text": one["text"],
        "since": f"{zone.near(since, now_s)}, {span(now_s - since)}" if since is not None else UNKNOWN,
        "does": one["does"],
        "remedy": one["remedy"],
        "state": one["state"],
        "told": _ALARM_TOLD.get(one["state"], "") + by + until,
    }


def _now(made: Doc, zone: Zone) -> dict[str, Any]:
    """When the mine was read, and when that is called late and old. Old is three ticks: by then something is wrong."""
    at, tick_s = made["tick_at"], made["tick_s"]
    return {
        "at": at if at is not None else 0,
        "known": at is not None,
        "iso": zone.iso(at) if at is not None else "",
        "text": f"{zone.day(at)} {zone.clock_named(at)}" if at is not None else "never",
        "age": f"{span(made['age_s'])} old" if made["age_s"] is not None else "nothing read yet",
        "tick": span(tick_s),
        "late_s": max(60, 2 * tick_s + 30),
        "old_s": max(90, 3 * tick_s + 30),
        "refresh_s": min(60, max(10, tick_s // 2)),
        "written_at": made["written_at"],
        "written": zone.clock_named(made["written_at"]),
        "old_text": zone.minute_named(at + max(90, 3 * tick_s + 30)) if at is not None else "",
    }


def _mode(made: Doc, zone: Zone) -> dict[str, Any]:
    tone, icon, told = MODES.get(made["mode"], ("warn", "init", ""))
    by_word = made["miners"].get("by_word")  # a document that an older version wrote has none
    if made["mode"] == "CURTAILED" and by_word and made["power_source"] != "meter":
        told = f"down, {by_word:,} of {made['miners']['total']:,} by their own word alone"
    if made["mode"] == "EMERGENCY":
        told += _not_off(made["miners"])
    since = made["mode_since"]
    return {
        "word": made["mode"],
        "tone": tone,
        "icon": icon,
        "told": told,
        "why": made["why"],
        "code": made["why_code"],
        "since": zone.near(since, made["written_at"]) if since is not None else "",
        "for": span(made["written_at"] - since) if since is not None else "",
    }


def _not_off(miners: Doc) -> str:
    """Sent is not done: off is said of everything only where nothing is on or unknown."""
    on, total = (miners["running"] or 0) + (miners["stopping"] or 0), miners["total"]
    for count, what in ((on, "still on"), (miners["unknown"], "not known")):
        if count:
            return f" is to go off: {count:,} of {total:,} {'is' if count == 1 else 'are'} {what}"
    return " off"


def _coming(item: Doc, zone: Zone, now_s: int) -> dict[str, str]:
    at = item["at"]
    return {
        "what": item["what"],
        "text": item["text"],
        "at": zone.near(at, now_s) if at is not None else "soon",
        "in": "" if at is None else f"in {span(at - now_s)}" if at > now_s else "due",
    }


def _banners(made: Doc, zone: Zone) -> list[dict[str, str]]:
    """What an owner must not overlook, the gravest first."""
    out = []
    if made["emergency_stop"]:
        out.append(_banner("bad", "alert", "EMERGENCY STOP", "A person stopped everything. Back with: minectl resume"))
    if made["config_note"]:
        out.append(_banner("warn", "warn", "LAST GOOD CONFIG", f"the config can't be used: {made['config_note']}"))
    if made["untold_note"]:
        out.append(_banner("bad", "alert", "NOBODY IS TOLD", f"Messages don't get out: {made['untold_note']}."))
    for one in made["overrides"]:
        until = f"until {zone.near(one['until'], made['written_at'])}" if one["until"] is not None else "until cleared"
        tone, name = ("bad", "AGAINST THE SIGNAL") if one["kind"] == "penalty" else ("warn", "OVERRIDE")
        told = f"{one['key']} = {one['value']} ({one['kind']}) {until}, set by {one['actor']}: {one['reason']}"
        out.append(_banner(tone, "hand", name, told))
    if made["simulated"]:
        out.append(_banner("move", "init", "SIMULATED", "A twin answers here. No real mine is behind this page."))
    if not made["live"]:
        out.append(_banner("move", "hold", "SHADOW MODE", "Reads and decides everything, sends nothing (live = no)."))
    if made["absent"]:
        names = ", ".join(name.replace("_", " ") for name in made["absent"])
        out.append(_banner("quiet", "idle", "NOT PROTECTED", f"No section configures: {names}."))
    return out


def _banner(tone: str, icon: str, title: str, text: str) -> dict[str, str]:
    return {"tone": tone, "icon": icon, "title": title, "text": text}


def _figures(made: Doc, power: Doc, contract: Doc, site: SiteFacts, trends: Doc) -> list[dict[str, Any]]:
    """The figures that answer "is it fine" before anything else is read, each with a bar or its last day behind."""
    miners, fans, inlet = made["miners"], made["fans"], made["readings"].get("inlet_c")
    used = _part(made["power_w"], made["cap_w"])
    out = [
        _figure("Power", power["value"], power["against"], used, "bad" if power["over"] else "miners")
        | {"spark": "" if trends["empty"] else trends["power"]["ghost"]},
        _miners_figure(miners),
    ]
    if contract["configured"]:
        out.append(_figure("Power signal", contract["word"], contract["since"] or contract["why"] or contract["age"]))
    if inlet is not None:
        note = f"limits {' / '.join(_limits(site))}" if inlet["value"] is not None else inlet["why"] or "never read"
        shown = _figure("Inlet", temperature(inlet["value"], site.temperature_unit), note)
        out.append(shown | {"spark": "" if trends["empty"] else trends["inlet"]["ghost"]})
    if made["bands"] is not None:
        out.append(_price_figure(made["bands"]))
    if made["supply"] is not None:
        told = made["supply"]
        tone, share = "bad" if told["over"] else "miners", told["used_pct"]
        value = watts(told["used_w"]) if told["held_w"] == 0 else _percent(share)  # nothing has no per cent
        value = f"at least {value}" if panels.is_partial(made) and value != UNKNOWN else value
        out.append(_figure("Supply used", value, f"of {watts(told['held_w'])} that counts", share, tone))
    if made["totals"] is not None and not fans:
        out += [
            _figure(f"Hash rate, {one['algorithm']}", rate(one["hashes_per_s"]), f"{one['known']} of {one['of']} known")
            for one in made["totals"]["hashrates"]
        ]
    return [*out, *([_fans_figure(fans)] if fans else [])]


def _miners_figure(miners: Doc) -> dict[str, Any]:
    more = f", {miners['stopping']:,} still on" if miners["stopping"] else ""
    more += f", {miners['unknown']:,} unknown" if miners["unknown"] else ""
    if miners["running"] is None:
        return _figure("Miners running", UNKNOWN, f"0 of {miners['total']:,} known")
    part = _part(miners["running"], miners["total"])
    return _figure("Miners running", f"{miners['running']:,}", f"of {miners['total']:,}{more}", part, "miners")


def _fans_figure(fans: Sequence[Doc]) -> dict[str, Any]:
    known = sum(fan["on"] is not None for fan in fans)
    if known and not any(fan["metered"] for fan in fans):
        on = sum(bool(fan["on"]) for fan in fans)
        told = f"of {len(fans)} {panels.BY_RELAY}, no meter"
        return _figure("Fans", f"{on}", told + (f", {len(fans) - known} unknown" if known < len(fans) else ""))
    proven = sum(fan["state"] == "proven" for fan in fans)
    if all(fan["state"] == "unknown" for fan in fans):
        return _figure("Fans", UNKNOWN, f"0 of {len(fans)} known")
    return _figure("Fans", f"{proven}", f"of {len(fans)} prove air", _part(proven, len(fans)), "good")


def _price_figure(bands_made: Doc) -> dict[str, Any]:
    price, name = bands_made["price"], bands_made["band"]
    told = f"band {name}" if name is not None else ""
    told += f", {bands_made['coin']}" if bands_made["coin"] and not bands_made["off"] else ""
    minor, _, per = bands_made["unit"].partition("/")
    shown = UNKNOWN if price is None else f"{price:.2f}\u00a0{minor}"
    return _figure("Price now", shown, f"a {per}" + (f", {told}" if told else ""))


def _percent(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.0f}\u00a0%"


def _part(value: float | None, whole: float | None) -> float | None:
    return 100 * value / whole if value is not None and whole else None


def _figure(name: str, value: str, note: str, part: float | None = None, tone: str = "miners") -> dict[str, Any]:
    """`part`: percent that its bar is full, None = it has no bar."""
    bar = None if part is None else round(min(100.0, max(0.0, part)))
    shown = {"name": name, "value": value, "note": note, "unknown": value == UNKNOWN}
    return shown | {"bar": bar, "tone": tone, "spark": ""}


def _limits(site: SiteFacts) -> list[str]:
    return [
        temperature(limit, site.temperature_unit).split("\u00a0")[0].removesuffix(".0") for limit in site.inlet_limits_c
    ]


def events(lines: Sequence[EventLine], site: SiteFacts, zone: Zone, now_s: int) -> list[dict[str, str]]:
    """Lines of the log, newest first."""
    out = []
    for line in reversed(lines):
        text, about = clean(line.text, status_json.SENTENCE), clean(line.about, 40)
        text = text if _names(text, about) else f"{about}: {text}"
        out.append(
            {
                "at": zone.near(line.at, now_s),
                "iso": zone.iso(line.at),
                "severity": line.severity if line.severity in ("warning", "emergency") else "info",
                "kind": clean(line.kind, 40).replace("_", " "),
                "about": masked(about, site.people) if site.publish == "public" else about,
                "text": masked(text, site.people) if site.publish == "public" else text,
            }
        )
    return out


def lost(why: str, site: SiteFacts) -> str:
    """What stands where the past would, when it can't be read: it is not that there is none."""
    told = f"What was recorded can't be read now: {clean(why, status_json.SENTENCE)}." if why else ""
    return masked(told, site.people) if site.publish == "public" else told


def _names(text: str, about: str) -> bool:
    """The sentence says of whom it is; of the whole site it need not."""
    return about in ("", "site") or re.search(rf"(?<!\w){re.escape(about)}(?!\w)", text) is not None


def _actions(book: Book, site: SiteFacts, words: Words) -> list[dict[str, str]]:
    """The commands of the last round, equal ones together."""
    grouped: dict[tuple[Any, ...], list[str]] = {}
    for command in book.decision.commands if book.decision is not None else ():
        kind, _, name = command.target.partition(" ")
        grouped.setdefault((command.verb, kind, command.lane, command.reason), []).append(name)
    out = []
    for (verb, kind, lane, reason), names in list(grouped.items())[:ACTIONS_SHOWN]:
        shown = ", ".join(clean(name, 40) for name in names[:8]) + (
            f" and {len(names) - 8} more" if len(names) > 8 else ""
        )
        why = clean(words(reason), 200)
        out.append(
            {
                "verb": verb,
                "count": f"{len(names):,} {kind}{'' if len(names) == 1 else 's'}",
                "names": shown,
                "lane": clean(lane, 60),
                "why": masked(why, site.people) if site.publish == "public" else why,
            }
        )
    return out


def _input(one: Doc) -> dict[str, Any]:
    state = {True: "ok", False: "failing", None: "not asked"}[one["ok"]]
    return {
        "name": one["endpoint"],
        "state": state,
        "age": span(one["age_s"]) if one["age_s"] is not None else "never",
        "why": one["why"] or "no reason given" if one["ok"] is False else "",
        "fails": f"{one['fails']:,} in a row" if one["fails"] else "",
    }
