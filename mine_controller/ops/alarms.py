"""Alarms for people: what is open, how each kind is treated, and how well they served. Reads the database alone."""

import json
from collections.abc import Iterable
from typing import Any

from mine_controller.config.model import Config
from mine_controller.core.alarms.advice import ADVICE, advice_of
from mine_controller.core.alarms.catalogue import KINDS, LOG_ONLY, clears, kind_of, ways_of
from mine_controller.core.alarms.chatter import now_and_then
from mine_controller.core.alarms.machine import reason_of
from mine_controller.core.model.state import State
from mine_controller.core.wording.words import sentence
from mine_controller.ops.recall import kept_book
from mine_controller.store import query
from mine_controller.store.db import iso
from mine_controller.store.events import EventRow, numbers_of

DAY_S = 86_400
MOST_ROWS = 200_000


def open_alarms(config: Config) -> list[dict[str, Any]]:
    """Every open alarm, the worst and then the oldest first. Raises StoreTrouble."""
    state = kept_book(config.paths).state
    found = [_row(key, alarm, state) for key, alarm in state.alarms.items()]
    return sorted(found, key=lambda one: (one["severity"] != "emergency", one["since"], one["id"]))


def _row(key: str, alarm: dict[str, Any], state: State) -> dict[str, Any]:
    ahead_s, now_s = _ahead_s(state), int(state.last.get("plant_s") or 0)
    reason = reason_of(alarm["reason"])
    cause, does, owner = advice_of(alarm["kind"], reason.code)
    shelved = ((state.last.get("alarm_book") or {}).get("shelved") or {}).get(key)
    return {
        "id": alarm.get("id", ""),
        "kind": alarm["kind"],
        "about": alarm["about"],
        "severity": alarm["severity"],
        "state": alarm.get("state", "active"),
        "since": iso(alarm["since_s"] + ahead_s),
        "for_s": max(0, now_s - int(alarm["since_s"])),
        "text": now_and_then(alarm) + sentence(reason),
        "cause": cause,
        "does": does,
        "owner": owner,
        "acked_by": alarm.get("acked_by", ""),
        "times": int(alarm.get("times") or 0),
        "chattering": bool(alarm.get("chatter")),
        "under": alarm.get("under", ""),
        "folded": alarm.get("folded") or {},
        "shelved_until": iso(shelved + ahead_s) if shelved else None,
    }


def _ahead_s(state: State) -> int:
    """From plant time to wall time."""
    return int(state.last.get("wall_s") or 0) - int(state.last.get("plant_s") or 0)


def kinds(config: Config) -> list[dict[str, Any]]:
    """The catalogue as it counts at this site."""
    policy = config.policy.alarms
    out = []
    for name, row in KINDS.items():
        ways, (cause, does, owner) = ways_of(policy, name), ADVICE[name]
        figures = {"threshold": ways.threshold, "clear": ways.clear, "unit": row.unit}
        out.append(
            {"kind": name, "severity": ways.level or row.severity, "own": name in policy.kinds}
            | {"on": ways.on, "delay_s": ways.delay_s, "off_delay_s": ways.off_delay_s, "cool_s": ways.cool_s}
            | {
                "route": ways.route or ways.level or row.severity,
                "safety": row.safety,
                "stands": not row.once,
                "under": list(row.under),
            }
            | (figures if row.threshold is not None else dict.fromkeys(figures))
            | {"cause": cause, "does": does, "owner": owner}
        )
    return out


def stats(config: Config, now_s: int, days: int) -> list[dict[str, Any]]:
    """By kind, over the last days: raised, told, chattering, seconds to the ack, open now. Raises StoreTrouble.

    raised counts beginnings in the log, told the letters of the outbox that were made for it (each once).
    """
    since = now_s - days * DAY_S
    rows = query.events(config.paths, since=since, limit=MOST_ROWS)
    tallies: dict[str, dict[str, Any]] = {}
    _count_raised(reversed(rows), tallies)
    for row in rows:
        numbers = numbers_of(row.reason)
        if row.kind == "alarm_acked":
            _tally(tallies, str(numbers.get("kind", "")))["acks"].append(int(numbers.get("for_s") or 0))
        elif row.kind == "alarm_chatters":
            _tally(tallies, str(numbers.get("kind", "")))["chattering"] += 1
    for letter in query.letters(config.paths, MOST_ROWS):
        kind, at = _letter(letter.body)
        if kind and at >= since:
            _tally(tallies, kind)["told"] += 1
    for alarm in kept_book(config.paths).state.alarms.values():
        _tally(tallies, alarm["kind"])["standing"] += 1
    return [_shown(kind, tallies[kind]) for kind in sorted(tallies)]


def _tally(tallies: dict[str, dict[str, Any]], kind: str) -> dict[str, Any]:
    return tallies.setdefault(kind, {"raised": 0, "told": 0, "chattering": 0, "standing": 0, "acks": []})


def _count_raised(rows: Iterable[EventRow], tallies: dict[str, dict[str, Any]]) -> None:
    """Each beginning once: an alarm that grows graver while it is open is no new one."""
    standing: set[tuple[str, str]] = set()
    for row in rows:
        ends = (*clears().get(row.kind, ()), row.kind.removesuffix("_over") if row.kind.endswith("_over") else "")
        standing = {one for one in standing if one[0] not in ends or (kind_of(one[0]).single and one[1] != row.about)}
        once = row.kind in KINDS and KINDS[row.kind].once
        if row.kind in LOG_ONLY or (row.severity == "info" and not once):
            continue
        if once or (row.kind, row.about) not in standing:
            _tally(tallies, row.kind)["raised"] += 1
            standing.add((row.kind, row.about))


def _letter(body: str) -> tuple[str, int]:
    """Kind and wall time of a letter that is about an alarm; ("", 0) for any other."""
    try:
        found = json.loads(body)
        if found.get("what") in ("raise", "escalate", "again", "notice", "chatter", "repeat"):
            return str(found.get("kind", "")), int(found.get("at") or 0)
    except (ValueError, AttributeError, TypeError):
        pass  # another sort of message, or a damaged one
    return "", 0


def _shown(kind: str, tally: dict[str, Any]) -> dict[str, Any]:
    acks = tally.pop("acks")
    mean_s = sum(acks) // len(acks) if acks else None
    return {"kind": kind, **tally, "acked": len(acks), "ack_mean_s": mean_s}
