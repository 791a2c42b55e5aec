"""A lamp or siren at the site, for whoever no message reaches (NET3, NTF4). Pure.

It is lit while an emergency stands that no person has seen, and while messages reach nobody. Only people and the end of
its cause darken it: no limit, no stop, no mode. Who acks has seen what there is, and what waits to be told; a new
emergency lights it again. It moves no power and nothing waits for it: an aid, the dead-man's service is what tells.
"""

from typing import Any

from mine_controller.core.model.command import Command
from mine_controller.core.model.reason import EQUIPMENT, Reason, Wish
from mine_controller.core.model.state import Chase
from mine_controller.core.outputs.levels import Level, follow
from mine_controller.core.view import View
from mine_controller.record import NamedTuple

NAME = "lamp"  # of its wish, and of what it remembers
TARGET = "lamp relay"
MESSAGES = "messages:health"  # a reading of the shell's own: whether what is to be told reaches somebody
HOLD_S = 115  # lit for a tick longer than its cause: one that comes and goes makes no relay chatter
HUSH_S = 86_400  # so long after an ack messages that reach nobody light nothing, unless an emergency came since

Alarm = dict[str, Any]


class Lit(NamedTuple):
    """What a round leaves: the wish and its command, if any, and the lamp's memory by its name."""

    wishes: tuple[Wish, ...] = ()
    commands: tuple[Command, ...] = ()
    memory: dict[str, dict[str, Any]] = {}  # noqa: RUF012 - replaced, never changed


def light(view: View, alarms: dict[str, Alarm], chases: dict[str, Chase], sent: int) -> Lit:
    """On or off, after this round's alarms; commands in the opening round only, numbered from `sent` on.

    `chases` are brought up to date in place.
    """
    if not view.wiring.lamp:
        chases.pop(TARGET, None)
        return Lit()
    kept = dict(view.state.memory.get(NAME, {}))
    reason = _turn(view, kept, alarms)
    wish = Wish(EQUIPMENT, NAME, wanted(kept), reason)
    command = follow(view, chases, Level(TARGET, view.wiring.lamp, NAME, ""), wish, sent)
    return Lit((wish,), (command,) if command is not None else (), {NAME: kept})


def wanted(kept: dict[str, Any]) -> str:
    """The word that the lamp's memory stands for."""
    return "on" if kept.get("on") else "off"


def _turn(view: View, kept: dict[str, Any], alarms: dict[str, Alarm]) -> Reason:
    """Decide it in `kept`; why it is so."""
    untold = _untold(view)
    grave = [one for one in alarms.values() if one.get("severity") == "emergency"]
    unseen = [one for one in grave if not _seen(one, alarms)]
    hushed_s = view.now_s if view.seen else int(kept.get("hushed_s") or 0)
    kept["relay"] = view.wiring.lamp
    kept["hushed_s"] = 0 if unseen or view.now_s - hushed_s >= HUSH_S else hushed_s
    if unseen or (untold and not kept["hushed_s"]):
        kept["on"], kept["gone_s"] = 1, 0
        return _emergency(unseen) if unseen else Reason(NAME, "untold", (("text", untold),))
    if grave or untold:
        kept["on"] = 0
        return Reason(NAME, "seen")
    if kept.get("on"):
        kept["gone_s"] = int(kept.get("gone_s") or 0) or view.now_s
        kept["on"] = int(view.now_s - kept["gone_s"] < HOLD_S)
    return Reason(NAME, "held" if kept.get("on") else "calm")


def _untold(view: View) -> str:
    """What has reached nobody for long, "" nothing."""
    told = view.image.channels.get(MESSAGES)
    return told.why if told is not None and told.value is None else ""


def _seen(alarm: Alarm, alarms: dict[str, Alarm]) -> bool:
    """By a person, who acked or shelved it; a consequence is told with its cause, and seen with it."""
    return bool(alarm.get("acked_s")) or alarm.get("state") == "shelved" or alarm.get("under") in alarms


def _emergency(unseen: list[Alarm]) -> Reason:
    first = min(unseen, key=lambda one: (int(one.get("since_s") or 0), str(one.get("kind")), str(one.get("about"))))
    numbers = (("count", len(unseen)), ("kind", str(first.get("kind"))), ("about", str(first.get("about"))))
    return Reason(NAME, "emergency" if len(unseen) == 1 else "emergencies", numbers)
