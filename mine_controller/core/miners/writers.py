"""Somebody else's hand on a miner (CMD12): changes that no command of ours explains. Pure; run before the rules.

Two within an hour: half an hour in which we don't raise that miner (lowering goes on), and it is told. The third
unexplained darkness in a day is quarantine. What hits many at once (a brown-out, a dead branch) is no second writer.
"""

from typing import Any

from mine_controller.core.alarms import stands
from mine_controller.core.model.image import Image
from mine_controller.core.model.reason import Event, Reason
from mine_controller.core.model.state import MinerBook, State
from mine_controller.record import NamedTuple

DAY_S = 86_400
WITHIN_S = 3600
HANDS_OFF_S = 1800
CHANGES = 2
DARK = 3
MANY = 3  # and more than a fifth of the fleet: a common cause
GAP_S = 600
TOLD = "two_writers "  # how the keys of its alarms begin
KINDS = {"miner_on_unasked": "on", "miner_off_unasked": "off"}


class Written(NamedTuple):
    """The state with the books of foreign changes, and what is told."""

    state: State
    events: tuple[Event, ...]


def watch_writers(image: Image, seen: tuple[Event, ...], state: State) -> Written:
    """`seen`: this round's events, the unasked changes among them."""
    now_s, last = image.clock.plant_s, state.last
    changed = [event for event in seen if event.kind in KINDS] if _trusted(image, last) else []
    if len(changed) > MANY and len(changed) * 5 > len(image.miners.ids):
        changed = []
    known = (*state.alarms, *((last.get("alarm_book") or {}).get("pending") or {}))
    told = [key.partition(" ")[2] for key in known if key.startswith(TOLD) and stands(state, key)]
    if not (changed or told or last.get("writers") or last.get("unasked")):
        return Written(state, ())
    book = {
        name: kept
        for name, changes in (last.get("unasked") or {}).items()
        if (kept := [list(one) for one in changes if now_s - one[0] < DAY_S])
    }
    holds = dict(last.get("writers") or {})
    miners, events = dict(state.miners), []
    over = [name for name, until_s in holds.items() if until_s <= now_s]
    over += [name for name in told if name not in holds]  # released by a person, or it has another name now
    for name in over:
        holds.pop(name, None)
        events.append(Event("one_writer", "info", name, Reason("writers", "over", (("miner", name),))))
    for event in changed:
        changes = book.setdefault(event.about, [])
        changes.append([now_s, KINDS[event.kind]])
        del changes[: -2 * DARK]
        events += _judge(event.about, changes, holds, miners, now_s)
    return Written(state._replace(miners=miners, last={**last, "unasked": book, "writers": holds}), tuple(events))


def _trusted(image: Image, last: dict[str, Any]) -> bool:
    """Not the first look after a boot or a gap: what changed meanwhile is adopted."""
    now_s = image.clock.plant_s
    return not image.clock.rebooted and now_s - int(last.get("watched_s", now_s)) <= max(GAP_S, 2 * image.clock.tick_s)


def _judge(
    name: str, changes: list[list[Any]], holds: dict[str, int], miners: dict[str, MinerBook], now_s: int
) -> list[Event]:
    events = []
    lately = sum(now_s - at < WITHIN_S for at, _ in changes)
    if lately >= CHANGES:
        if name not in holds:
            numbers = (("miner", name), ("changes", lately), ("hold_s", HANDS_OFF_S))
            events.append(Event("two_writers", "warning", name, Reason("writers", "two", numbers)))
        holds[name] = now_s + HANDS_OFF_S
    dark = sum(word == "off" for _, word in changes)
    book = miners.get(name, MinerBook())
    if dark >= DARK and changes[-1][1] == "off" and not book.quarantined:
        miners[name] = book._replace(quarantined="went dark by itself three times in a day")
    return events


def release(state: State, names: tuple[str, ...]) -> State:
    """A person lifts quarantine: the miners' failures and foreign changes are forgotten with it."""
    miners = dict(state.miners)
    for name in names:
        miners[name] = miners[name]._replace(quarantined="", fails=())
    last = dict(state.last)
    for key in ("unasked", "writers"):
        if last.get(key):
            last[key] = {name: kept for name, kept in last[key].items() if name not in names}
    return state._replace(miners=miners, last=last)
