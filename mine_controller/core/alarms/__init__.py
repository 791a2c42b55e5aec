"""Alarms: what is wrong, since when, who knows of it, what is to be told. Pure.

`keep` is the one way in for a round; `ask` for what people want of alarms; `known` for whoever must not tell twice,
`stands` for whoever tells ends too.
"""

from typing import Any

from mine_controller.core.alarms.asked import VERBS, ask
from mine_controller.core.alarms.causes import POOL
from mine_controller.core.alarms.harvest import harvest_book
from mine_controller.core.alarms.learn import learned_book, share_book
from mine_controller.core.alarms.machine import Given, Kept, step
from mine_controller.core.alarms.subjects import without
from mine_controller.core.alarms.watches import Seen, look_round
from mine_controller.core.model.alarm import AlarmPolicy, Telling
from mine_controller.core.model.reason import Event, Limit, Reason
from mine_controller.core.model.state import State
from mine_controller.core.pools.health import pool_of
from mine_controller.core.view import View
from mine_controller.record import NamedTuple

__all__ = ["VERBS", "Round", "ask", "keep", "known", "stands"]

AFRESH_S = 600  # failing for so long, the alarms begin anew
NOTHING = Seen((), frozenset())
BOOKS = ("alarm_book", "shares", "harvest", "learned")  # what alarms remember in `State.last`


class Round(NamedTuple):
    """What a round leaves: open alarms, the parts of `State.last` that are theirs, letters, lines for the log."""

    alarms: dict[str, dict[str, Any]]
    last: dict[str, Any]
    tellings: tuple[Telling, ...] = ()
    events: tuple[Event, ...] = ()


def keep(
    view: View,
    events: tuple[Event, ...],
    policy: AlarmPolicy,
    limits: tuple[Limit, ...] = (),
    standing: tuple[Event, ...] = (),
    memory: dict[str, dict[str, Any]] | None = None,
) -> Round:
    """The alarms after this round's events and limits. `view.state` is as the round found it (requests taken).

    `standing`: what was told in an earlier round and is so still, with the figures of now. `memory`: what each rule
    keeps after this round.
    """
    last = view.state.last
    try:
        moot = without(view, memory) if memory is not None and view.image.clock.opening else frozenset()
        kept, changed = _kept(view, events, policy, limits, standing, moot)
    except Exception as error:  # noqa: BLE001 - PRO4: a fault in here must not take control away; it is told
        reason = Reason("decide", "rule_failed", (("rule", "alarms"), ("error", type(error).__name__)))
        told = () if last.get("alarms_failed_s") else (Event("rule_failed", "emergency", "alarms", reason),)
        failed_s = int(last.get("alarms_failed_s") or view.now_s)
        if view.now_s - failed_s >= AFRESH_S:  # what is remembered may be what breaks it
            return Round({}, {"alarms_failed_s": failed_s, **{name: {} for name in BOOKS}})
        return Round(view.state.alarms, {"alarms_failed_s": failed_s}, _cry(view, told), told)
    if last.get("alarms_failed_s") and view.image.clock.opening:
        changed["alarms_failed_s"] = 0
    return Round(kept.alarms, changed, kept.tellings, kept.events)


def _kept(
    view: View,
    events: tuple[Event, ...],
    policy: AlarmPolicy,
    limits: tuple[Limit, ...],
    standing: tuple[Event, ...],
    moot: frozenset[str],
) -> tuple[Kept, dict[str, Any]]:
    last, opening = view.state.last, view.image.clock.opening
    changed: dict[str, Any] = {}
    if opening:
        books = (share_book(view, policy), harvest_book(view), learned_book(view, policy))
        changed = {name: book for name, book in zip(BOOKS[1:], books, strict=True) if book is not None}
        if changed:
            view = view._replace(state=view.state._replace(last={**last, **changed}))
    seen = look_round(view, events, policy) if opening else NOTHING
    clock = view.image.clock
    why = tuple(limit.reason for limit in limits)
    works = _works(view, events)
    given = Given(clock.plant_s, clock.wall_s, events, seen.wrong, seen.unknown, opening, why, standing, moot, works)
    kept = step(view.state.alarms, last.get("alarm_book") or {}, given, policy, view.wiring)
    if kept.book != (last.get("alarm_book") or {}):
        changed["alarm_book"] = kept.book
    return kept, changed


def _works(view: View, events: tuple[Event, ...]) -> dict[str, str]:
    """The pool each miner names, while one is told as down: what it explains."""
    kinds = (*(alarm.get("kind") for alarm in view.state.alarms.values()), *(event.kind for event in events))
    return {spec.id: pool_of(view.image, spec) for spec in view.wiring.miners} if POOL in kinds else {}


def _cry(view: View, events: tuple[Event, ...]) -> tuple[Telling, ...]:
    """The letter of a machine that can't make letters."""
    wall_s = view.image.clock.wall_s
    return tuple(
        Telling(f"alarms-{wall_s}", "raise", 2, one.kind, one.about, one.severity, one.reason, view.now_s, 0)
        for one in events
    )


def known(state: State, key: str) -> bool:
    """True while this alarm ("kind about") is open, pending or switched off: its event is then no news."""
    return key in state.alarms or key in ((state.last.get("alarm_book") or {}).get("pending") or {})


def stands(state: State, key: str) -> bool:
    """True while this alarm is open, pending or switched off and its end was not told yet: that is news then."""
    alarm = state.alarms.get(key)
    return known(state, key) if alarm is None else "clear_s" not in alarm
