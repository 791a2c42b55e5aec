"""What people ask of alarms: ack, shelve, unshelve. Pure; called where requests are judged.

`ack` without a name, or with --all, acks everything and is what latched rules wait for (safety: a person has looked);
with a name it is that for this alarm and what follows from it, and for no other. From a chat it only ends the repeats:
whoever holds a telephone stops a mine and never starts one. `shelve NAME SECONDS` silences one alarm for at most a
day, never an emergency of safety. Names are the five letters of `minectl alarms`.
"""

from mine_controller.core.alarms.catalogue import kind_of
from mine_controller.core.alarms.learn import forget
from mine_controller.core.model.image import Image, Request
from mine_controller.core.model.state import State
from mine_controller.core.refusal import Refused

VERBS = ("ack", "shelve", "unshelve")
LONGEST_S = 86_400
ALL = "--all"
DRILL = "drill"  # what the drill of the page is acked by; no alarm is ever called so
CHAT = "telegram"  # the source of what was asked in a chat
LATCHED = ("smoke", "water", "heat_stop", "branch_tripped")  # what these hold off waits for a person's word


def ask(request: Request, image: Image, state: State) -> tuple[State, str]:
    """One request of `VERBS`: the state after it and the sentence of its verdict. Raises Refused."""
    name = request.args[0] if request.args else ALL
    if (request.verb, name) == ("ack", DRILL):
        return state, "taken for the drill; no alarm is touched"
    keys = tuple(key for key, alarm in state.alarms.items() if name in (ALL, alarm.get("id")))
    if not keys and (name != ALL or request.verb != "ack"):
        raise Refused(_nothing(state, name))
    if request.verb == "ack":
        return _ack(request, state, image, name, keys)
    return _shelve(request, state, image, keys) if request.verb == "shelve" else _unshelve(state, keys)


def _nothing(state: State, name: str) -> str:
    names = ", ".join(str(alarm.get("id")) for alarm in state.alarms.values())
    return f"no open alarm is called {name[:20]!r}; open: {names[:200] or 'none'}"


def _ack(request: Request, state: State, image: Image, name: str, keys: tuple[str, ...]) -> tuple[State, str]:
    """The lines for the log are the machine's, later in this round."""
    now_s, alarms, last = image.clock.plant_s, dict(state.alarms), dict(state.last)
    for key in keys:
        alarm = alarms[key]
        if not alarm.get("acked_s"):
            alarms[key] = {word: value for word, value in alarm.items() if word != "due"} | {
                "acked_s": now_s,
                "acked_by": request.actor[:60],
            }
        if alarm["kind"] == "filter_clogged":
            last = forget(last, str(alarm["about"]))
    if name == ALL or any(alarms[key]["severity"] == "emergency" for key in keys):
        last["seen_s"] = now_s
    told = f"{len(keys)} acked" if keys else "taken; no alarm is open"
    if request.source == CHAT:
        held = sorted({alarms[key]["kind"] for key in keys} & set(LATCHED))
        told += f"; what {', '.join(held)} holds off is let go on the controller alone: minectl resume" if held else ""
    elif name == ALL:
        last["acked_s"] = now_s
    elif latched := _latched(keys, state, now_s):
        last["acked_one"] = {"at_s": now_s, "keys": latched}
    return state._replace(alarms=alarms, last=last), told


def _latched(keys: tuple[str, ...], state: State, now_s: int) -> list[str]:
    """What latched of these and of what follows from them (it is seen with its cause), and was acked in this round.

    The others let nothing go, and there may be thousands of them: this is in the state that each tick writes.
    """
    before = state.last.get("acked_one") or {}
    known = before["keys"] if before.get("at_s") == now_s else []
    found = {key for key, alarm in state.alarms.items() if alarm["kind"] in LATCHED}
    return sorted({*known, *(key for key in found if key in keys or state.alarms[key].get("under") in keys)})


def _shelve(request: Request, state: State, image: Image, keys: tuple[str, ...]) -> tuple[State, str]:
    text = request.args[1] if len(request.args) > 1 else ""
    for_s = int(text) if text.isascii() and text.isdecimal() and len(text) <= 9 else 0
    if not 0 < for_s <= LONGEST_S or len(keys) > 1:
        raise Refused("one alarm is shelved for 1 s to 24 h, for example: alarms shelve a2b3c --for 1h")
    if not request.reason:
        raise Refused('a reason is needed: --reason "why"')
    alarm = state.alarms[keys[0]]
    if alarm["severity"] == "emergency" and kind_of(alarm["kind"]).safety:
        raise Refused(f"{alarm['kind']} is an emergency of safety: it can be acked, not shelved")
    shelved = {**_shelved(state), keys[0]: image.clock.plant_s + for_s}
    return _with_shelved(state, shelved), f"{alarm['kind']} {alarm['about']} is silent for {for_s} s"


def _unshelve(state: State, keys: tuple[str, ...]) -> tuple[State, str]:
    shelved = _shelved(state)
    found = [key for key in keys if key in shelved]
    if not found:
        raise Refused("it is not shelved")
    return _with_shelved(state, {key: 0 if key in found else until_s for key, until_s in shelved.items()}), (
        f"{len(found)} back from the shelf"
    )


def _shelved(state: State) -> dict[str, int]:
    found: dict[str, int] = (state.last.get("alarm_book") or {}).get("shelved") or {}
    return found


def _with_shelved(state: State, shelved: dict[str, int]) -> State:
    book = {**(state.last.get("alarm_book") or {}), "shelved": shelved}
    return state._replace(last={**state.last, "alarm_book": book})
