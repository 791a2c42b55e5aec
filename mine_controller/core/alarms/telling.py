"""What is told of alarms, and when: raise, escalation, repeats of emergencies, end; grouped, cooled down, once. Pure.

A raise is told in the round it became active, unless its kind was told of within the cool-down: then it waits, and goes
out with whatever joined it. Emergencies don't wait, unless they come in floods. What ended before it was told is not
told at all.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from mine_controller.core.alarms.catalogue import kind_of
from mine_controller.core.alarms.chatter import BY_WORD
from mine_controller.core.alarms.machine import (
    FLOOD_COOL_S,
    FLOOD_N,
    FLOOD_S,
    JITTER_S,
    REPEATS,
    Alarm,
    Machine,
    graver,
    reason_of,
)
from mine_controller.core.model.alarm import SEVERITIES, Telling

NAMED = 24  # abouts kept of what waits
NOTICE = "notice "  # how the gate of a notice begins
WAITING = ("raise", "again")  # what may have waited until it is not so any more


def tell(work: Machine) -> tuple[Telling, ...]:
    """This round's letters; the alarms learn that they were told."""
    out = [*_emergencies(work), *_raises(work)]
    _end(work)
    out += _held(work)
    work.told = {gate: times for gate, times in work.told.items() if work.now_s - times[-1] < _counts_s(work, gate)}
    return tuple(out)


def _counts_s(work: Machine, gate: str) -> int:
    """How long the messages of a gate matter: the cool-down of its kind, or what makes a flood."""
    kind = gate.removeprefix(NOTICE).partition(" ")[0]
    return max(FLOOD_S, work.ways(kind).cool_s)


def _gate(kind: str, about: str, end: str = "") -> str:
    """Where the cool-down counts: per kind for what comes in numbers, else per alarm."""
    return f"{kind}{end}" if kind_of(kind).many else f"{kind} {about}{end}"


def _open(work: Machine, gate: str, cool_s: int) -> bool:
    times = work.told.get(gate) or []
    lately = [at for at in times if work.now_s - at < FLOOD_S]
    if len(lately) >= FLOOD_N:
        cool_s = max(cool_s, FLOOD_COOL_S)
    return not times or work.now_s - times[-1] >= cool_s - JITTER_S


def _pass(work: Machine, gate: str) -> None:
    work.told[gate] = [*(work.told.get(gate) or []), work.now_s][-FLOOD_N:]


def _active(work: Machine) -> list[tuple[str, Alarm]]:
    return [(key, alarm) for key, alarm in work.alarms.items() if alarm["state"] == "active"]


def _by_kind(found: Iterable[tuple[str, Alarm]]) -> list[list[tuple[str, Alarm]]]:
    """Together what goes into one letter: the same kind, severity and occasion where there are many; else alone."""
    groups: dict[tuple[str, ...], list[tuple[str, Alarm]]] = {}
    for key, alarm in found:
        together = "" if kind_of(alarm["kind"]).many else str(alarm["about"])
        occasion = str(alarm.get("due") or "repeat")
        groups.setdefault((alarm["kind"], alarm["severity"], occasion, together), []).append((key, alarm))
    return list(groups.values())


def _emergencies(work: Machine) -> list[Telling]:
    """Repeats: three quick ones, then slow ones, until somebody acks it."""
    due = []
    for key, alarm in _active(work):
        if alarm["severity"] == "emergency" and alarm["told_s"] and not alarm.get("due") and "clear_s" not in alarm:
            quick = int(alarm["times"]) <= REPEATS
            wait_s = work.policy.repeat_s if quick else work.policy.repeat_then_s
            if work.now_s - int(alarm["told_s"]) >= wait_s - JITTER_S:
                due.append((key, alarm))
    return [_letter(work, group, "repeat") for group in _by_kind(due)]


def _raises(work: Machine) -> list[Telling]:
    """Whatever has something due, unless its cool-down is not over. What is about to end is not told any more."""
    out = []
    due = [(key, alarm) for key, alarm in _active(work) if alarm.get("due")]
    for group in _by_kind((key, one) for key, one in due if "clear_s" not in one or one["due"] not in WAITING):
        alarm = group[0][1]
        grave = alarm["severity"] == "emergency"
        gate, cool_s = _gate(alarm["kind"], alarm["about"]), 0 if grave else work.ways(alarm["kind"]).cool_s
        alone = grave and not kind_of(alarm["kind"]).many
        if alone or alarm["due"] in ("escalate", "chatter") or _open(work, gate, cool_s):
            _pass(work, gate)
            out.append(_letter(work, group, str(alarm["due"])))
    return out


def _letter(work: Machine, group: list[tuple[str, Alarm]], what: str) -> Telling:
    first = group[0][1]
    folded: dict[str, int] = {}
    for _, alarm in group:
        alarm["times"], alarm["told_s"] = int(alarm["times"]) + 1, work.now_s
        alarm.pop("due", None)
        for kind, count in (alarm.get("folded") or {}).items():
            folded[kind] = folded.get(kind, 0) + count
    since_s = min(int(alarm["since_s"]) for _, alarm in group)
    return Telling(
        key=f"{_occasion(first)}.{what}{first['times']}",
        what=what,
        level=_alarm_level(work, first),
        kind=first["kind"],
        about=str(first["about"]),
        severity=first["severity"],
        reason=reason_of(first["reason"]),
        since_s=since_s,
        for_s=work.now_s - since_s,
        alarm=str(first["id"]),
        state=str(first["state"]),
        times=BY_WORD[first["chatter"]].raises_n if what == "chatter" else int(first["times"]),
        others=tuple(str(alarm["about"]) for _, alarm in group[1:]),
        folded=tuple(sorted(folded.items())),
    )


def _occasion(one: Mapping[str, Any]) -> str:
    """Which one it was, by both clocks: the wall's may be set back, and plant time begins anew with a lost database."""
    return f"{one['id'] or one['kind']}-{one['at']}-{one.get('raised_s') or one['since_s']}"


def _alarm_level(work: Machine, alarm: Alarm) -> int:
    return _level(work, alarm["kind"], alarm["severity"])


def _level(work: Machine, kind: str, severity: str) -> int:
    route = work.ways(kind).route
    return SEVERITIES.index(route if route and graver(route, severity) else severity)


# -- what is over, and what was noticed ------------------------------------------------------------------------------


def _end(work: Machine) -> None:
    """What ended this round waits to be told as over, if it was told as there: to whoever was told that it began."""
    for alarm in work.ended:
        key = f"{alarm['kind']} {alarm['about']}"
        if not alarm["told_s"] or key in work.shelved:
            continue
        gate = _gate(alarm["kind"], alarm["about"], " over")
        was, about, reason = work.held.get(gate) or {}, str(alarm["about"]), alarm.get("first") or alarm["reason"]
        abouts = list(dict.fromkeys((*was.get("abouts", ()), about)))[:NAMED]
        reasons = {**(was.get("reasons") or {}), about: reason}
        work.held[gate] = {
            "what": "clear", "kind": alarm["kind"], "abouts": abouts,
            "n": was.get("n", 0) + (about not in was.get("abouts", ())),
            "severity": "info", "level": max(was.get("level", 0), _alarm_level(work, alarm)),
            "reason": reason, "reasons": {name: reasons[name] for name in abouts if name in reasons},
            "since_s": alarm["since_s"],
            "for_s": max(was.get("for_s", 0), int(alarm.get("clear_s", work.now_s)) - int(alarm["since_s"])),
            "id": alarm["id"], "at": alarm["at"], "raised_s": alarm.get("raised_s", 0),
        }  # fmt: skip


def _held(work: Machine) -> list[Telling]:
    """Ends and notices whose cool-down is over. A notice that follows from what is told already is only counted."""
    out: list[Telling] = []
    for gate, one in list(work.held.items()):
        folds = one["what"] == "notice" and _follows(work, one["kind"])
        if not folds and not _open(work, gate, work.ways(one["kind"]).cool_s):
            continue
        over, again = _apart(work, one)
        if again:
            work.held[gate] = again
        else:
            del work.held[gate]
        if folds or not over:
            continue
        _pass(work, gate)
        out.append(_told(work, over))
    return out


def _apart(work: Machine, one: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What may be told, and what waits on: nobody hears that an alarm is over while it stands again."""
    again = [about for about in one["abouts"] if f"{one['kind']} {about}" in work.alarms]
    over = [about for about in one["abouts"] if about not in again]
    if one["what"] == "notice" or not again:
        return one, {}
    if not over:
        return {}, one
    return one | {"abouts": over, "n": int(one["n"]) - len(again)}, one | {"abouts": again, "n": len(again)}


def _follows(work: Machine, kind: str) -> bool:
    """True when a cause of this notice stands, or is noticed in this very round."""
    causes = kind_of(kind).under
    stands = any(alarm["kind"] in causes and "clear_s" not in alarm for alarm in work.alarms.values())
    return stands or any(other in causes for other, _ in work.fresh)


def _told(work: Machine, one: dict[str, Any]) -> Telling:
    abouts = [str(about) for about in one["abouts"]]
    unnamed = int(one["n"]) - len(abouts)
    folded = [other for other, _ in work.fresh if one["what"] == "notice" and one["kind"] in kind_of(other).under]
    return Telling(
        key=f"{_occasion(one)}.{one['what']}{'' if one['id'] else one['since_s']}.{abouts[0]}",
        what=str(one["what"]),
        level=int(one.get("level") or _level(work, one["kind"], one["severity"])),
        kind=str(one["kind"]),
        about=abouts[0],
        severity=str(one["severity"]),
        reason=reason_of((one.get("reasons") or {}).get(abouts[0], one["reason"])),
        since_s=int(one["since_s"]),
        for_s=int(one["for_s"]),
        alarm=str(one["id"]),
        state="cleared" if one["what"] == "clear" else "",
        others=(*abouts[1:], *([f"and {unnamed} more"] if unnamed > 0 else [])),
        folded=tuple((other, 1) for other in folded),
    )
