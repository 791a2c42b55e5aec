"""The one document of numbers: status.json and dashboard_data.json. docs/status-json.md tells what each field means.

The page and the metrics are made from it too, so no two faces can disagree. Pure.
"""

import json
from typing import Any

from mine_controller.core.alarms.advice import advice_of
from mine_controller.core.alarms.chatter import now_and_then
from mine_controller.core.model.book import Book
from mine_controller.core.model.reason import Limit, Reason
from mine_controller.render import bands, contract, cooling, lamp, plant, supply
from mine_controller.render.cards import SMALL, cards, strangers, totals
from mine_controller.render.fleet import Unit, counts, units
from mine_controller.render.given import History, SiteFacts, Words
from mine_controller.render.schedule import coming
from mine_controller.render.text import clean, masked
from mine_controller.render.times import Moments, moments

SCHEMA = 1
EVENTS_TOLD = 20
SENTENCE = 300  # characters of one of our own sentences


def document(book: Book, site: SiteFacts, history: History, words: Words, now_wall_s: int) -> dict[str, Any]:
    """Everything the faces show, as JSON-native values. Unknown is null, never 0; `_at` are epoch seconds."""
    when = moments(book, now_wall_s)
    fleet = units(book, site.wiring)
    miners = counts(fleet)
    readings = plant.readings(book, site.wiring, when)
    power = plant.power(book, site, miners)
    made = {
        "schema": SCHEMA,
        "site": clean(site.name),
        "version": site.version,
        "live": site.live,
        "simulated": site.simulated,
        **_mode(book, words, when),
        **coming(book, words, when),
        **power,
        "supply": supply.supply(book, site.wiring, power["power_w"]),
        "uplinks": supply.uplinks(book, site.wiring, when),
        "holding_pool": supply.holding_pool(book, site.wiring, when),
        "share_loss_pct": supply.share_loss_pct(book),
        "temperatures": {name: readings[name]["value"] for name in readings if name.endswith("_c")},
        "humidity_pct": readings.get("humidity_pct", {}).get("value"),
        "grid_hz": readings.get("grid_hz", {}).get("value"),
        "readings": readings,
        "fans": plant.fans(book, site.wiring, when),
        "wall": cooling.wall(book, site.wiring, words, when),
        "signal": contract.signal(book, site.wiring, history, when),
        "price": bands.price(book, site, now_wall_s),
        "miners": miners,
        **_each(book, site, fleet, when),
        **_alarms(book, site, words, when),
        "lamp": lamp.lamp(book, site.wiring, words, when),
        "limits": _limits(book, words),
        "last_event": contract.last_event(book, history, when),
        "time_to_obey": contract.time_to_obey(book),
        "overrides": _overrides(book, site, when),
        "emergency_stop": _stopped(book),
        "inputs": plant.inputs(book, site.wiring, when),
        "machines": supply.machines(book, site.wiring),
        "bands": bands.document(site.economy, now_wall_s),
        "events": [
            {"at": line.at, "kind": line.kind, "severity": line.severity, "about": clean(line.about, 60)}
            | {"text": clean(line.text, SENTENCE)}
            for line in reversed(history.events[-EVENTS_TOLD:])
        ],
        "require": [clean(name, 60) for name in site.require],
        "absent": [clean(name, 60) for name in site.absent],
        "config_note": clean(site.config_note, SENTENCE),
        "untold_note": clean(site.untold_note, SENTENCE),
        "past_note": clean(history.lost, SENTENCE),
        "tick_s": site.tick_s,
        "ticks_skipped": plant.ticks_skipped(book),
        "tick_at": when.tick_at,
        "written_at": now_wall_s,
        "age_s": None if when.tick_at is None else max(0, now_wall_s - when.tick_at),
    }
    return _hidden(made, site.people) if site.publish == "public" else made


def _each(book: Book, site: SiteFacts, fleet: tuple[Unit, ...], when: Moments) -> dict[str, Any]:
    """Every miner by itself where they are few: a document of thousands would be none to read."""
    found = strangers(book, site.wiring, when)
    seen = found[:SMALL]
    few = len(fleet) <= SMALL and bool(site.wiring.endpoints)
    made = cards(book, fleet, when) if few else None
    sums = totals(made) if made is not None else None
    if site.publish == "public":  # names of people's rooms, and identities that are no mac
        seen = [one | {"unit": "", "address": ""} for one in seen]
        made = [one | {"name": ""} for one in made] if made is not None else None
    return {"units": made, "totals": sums, "unlisted": seen, "unlisted_n": len(found)}


def text(made: dict[str, Any]) -> str:
    """The document as a file: one line a top-level field, so that people can read and grep it."""
    fields = (f" {json.dumps(name)}: {json.dumps(value, allow_nan=False)}" for name, value in made.items())
    return "{\n" + ",\n".join(fields) + "\n}\n"


def _mode(book: Book, words: Words, when: Moments) -> dict[str, Any]:
    if book.decision is None or book.image is None:
        return {
            "mode": "INIT",
            "mode_since": None,
            "why": "no tick has finished yet: nothing is known",
            "why_code": "render/no_tick",
            "why_numbers": {},
        }
    reason = book.decision.why
    return {
        "mode": book.decision.mode,
        "mode_since": when.wall(book.state.mode_s) if book.state.mode_s else None,
        "why": clean(words(reason), SENTENCE),
        "why_code": f"{reason.rule}/{reason.code}",
        "why_numbers": {name: clean(value) if isinstance(value, str) else value for name, value in reason.numbers},
    }


_SEVERITIES = {"emergency": 0, "warning": 1}
_ASIDE = ("shelved", "suppressed")  # a person put it off; it follows from another one that is open


def _alarms(book: Book, site: SiteFacts, words: Words, when: Moments) -> dict[str, Any]:
    """What stands, the worst and then the oldest first; what is set aside by itself; how many are in each state.

    The oldest of the gravest is usually the cause of the others.
    """
    found = [_alarm(key, alarm, book, site, words, when) for key, alarm in book.state.alarms.items()]
    found.sort(key=lambda one: (_SEVERITIES.get(one["severity"], 2), one["since"] or 0, one["key"]))
    aside = [one for one in found if one["state"] in _ASIDE]
    stand = [one for one in found if one["state"] not in _ASIDE]
    states = [one["state"] for one in found]
    counts = {state: states.count(state) for state in ("active", "acked", *_ASIDE)}
    return {"alarms": stand, "alarms_aside": aside, "alarm_counts": counts}


def _alarm(key: str, alarm: dict[str, Any], book: Book, site: SiteFacts, words: Words, when: Moments) -> dict[str, Any]:
    rule, code, numbers = alarm.get("reason") or ("alarm", key, ())
    kind = str(alarm.get("kind", key))
    cause, does, owner = advice_of(kind, str(code))
    shelved = ((book.state.last.get("alarm_book") or {}).get("shelved") or {}).get(key)
    state = alarm.get("state", "active")
    by = clean(alarm.get("acked_by", ""), 60)
    said = now_and_then(alarm) + words(Reason(rule, code, tuple((name, value) for name, value in numbers)))
    return {
        "key": clean(key, 80),
        "id": clean(alarm.get("id", ""), 10),
        "kind": clean(kind, 60),
        "about": clean(alarm.get("about", ""), 60),
        "severity": clean(alarm.get("severity", "warning"), 20),
        "state": state if state in ("active", "acked", *_ASIDE) else "active",
        "since": when.wall(alarm.get("since_s")),
        "text": clean(said, SENTENCE),
        "cause": cause,
        "does": does,
        "remedy": owner,
        "acked_by": by if site.publish == "full" or not by else "a person",
        "under": clean(alarm.get("under", ""), 80),
        "shelved_until": when.wall(shelved) if isinstance(shelved, int) else None,
    }


def _limits(book: Book, words: Words) -> list[dict[str, Any]]:
    """What narrows the mine now, strongest layer first."""
    binding: tuple[Limit, ...] = book.decision.envelope.binding if book.decision is not None else ()
    return [
        {
            "layer": one.layer,
            "what": clean(one.what, 60),
            "amount": one.amount,
            "why": clean(words(one.reason), SENTENCE),
        }
        for one in binding
    ]


def _overrides(book: Book, site: SiteFacts, when: Moments) -> list[dict[str, Any]]:
    return [
        {
            "key": clean(one.key, 60),
            "value": clean(one.value, 60),
            "kind": clean(one.kind, 20),
            "until": when.wall(one.until_s) if one.until_s else None,
            "actor": clean(one.actor, 60) if site.publish == "full" else "a person",
            "reason": clean(one.reason, 200),
        }
        for one in book.state.overrides
    ]


def _stopped(book: Book) -> bool:
    """True while a person's emergency stop is in force or not yet resumed."""
    if book.decision is None:
        return False
    reasons = (limit.reason for limit in book.decision.envelope.reasons)
    return any((reason.rule, reason.code) == ("override", "stop") for reason in (book.decision.why, *reasons))


def _hidden(tree: Any, people: tuple[str, ...]) -> Any:
    """The same tree with every text masked."""
    if isinstance(tree, str):
        return masked(tree, people)
    if isinstance(tree, dict):
        return {masked(name): _hidden(value, people) for name, value in tree.items()}
    return [_hidden(one, people) for one in tree] if isinstance(tree, list) else tree
