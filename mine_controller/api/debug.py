"""/api/debug: set-state over HTTP. Whatever a live site's rules of set-state forbid is forbidden here too."""

import json
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from fastapi import APIRouter, Request

from mine_controller.api.asks import Ascii, Problem, until
from mine_controller.api.bodies import Because, Clear, Keyed, One, Raw, Signal, Try, told
from mine_controller.api.changes import desk_of
from mine_controller.api.guard import caller_of
from mine_controller.api.preview import board, previewed
from mine_controller.api.reads import config_of, document, shown
from mine_controller.api.writes import WHY, Wait
from mine_controller.core.refusal import Refused
from mine_controller.ops.replies import Wanted, cautions, give_to_owner, precheck
from mine_controller.store.db import StoreTrouble, plain
from mine_controller.store.stop import raise_stop

TEMPERATURES = ("inlet_c", "outlet_c", "ambient_c")
REASON_MOST = 200
router = APIRouter(prefix="/api/debug", tags=["debug"])


def put(request: Request, wanted: Sequence[Wanted], *, wait: bool) -> Ascii:
    """Check each at once as far as the config tells, then file them all. Problem 409: refused, and nothing is filed."""
    config, now_s = config_of(request), int(time.time())
    for one in wanted:
        try:
            precheck(config, one, now_s)
        except Refused as refused:
            raise Problem(409, str(refused)) from None
    notes = list(dict.fromkeys(note for one in wanted for note in cautions(config, one, now_s)))
    return desk_of(request).put(caller_of(request), wanted, wait=wait, more={"notes": notes} if notes else None)


def _set(body: Keyed, usual: str, allowed: Sequence[str]) -> list[Wanted]:
    """A request for each key in a body: `value` means the usual one. Problem 422."""
    given = dict(body.__pydantic_extra__ or {})
    if body.value is not None:
        given.setdefault(usual, body.value)
    wrong = [key for key in given if not key.startswith(tuple(allowed))]
    if wrong or not given:
        names = " or ".join(f"{one}ID" if one.endswith(".") else one for one in allowed)
        text = f"{wrong[0][:40]!r} can't be set here" if wrong else "nothing is to be set"
        raise Problem(422, f"{text}: give value, {names}")
    return [
        Wanted("set-state", (key, told(value)), body.reason, until(body.for_s or 0)) for key, value in given.items()
    ]


@router.post("/power-signal", summary="set-state signal", status_code=202)
def power_signal(request: Request, body: Signal, wait: Wait = False) -> Ascii:
    """run, off or unknown. On a live site it makes things stricter; looser only with the site's name."""
    wanted = Wanted("set-state", ("signal", body.value), body.reason, until(body.for_s or 0), _flags(body))
    return put(request, [wanted], wait=wait)


def _flags(body: Signal | One) -> tuple[str, ...]:
    given = (("stand-in", body.stand_in), ("accept-penalty", body.accept_penalty), (f"site={body.site}", body.site))
    return tuple(flag for flag, set_ in given if set_)


@router.post("/miners", summary="set-state miners, miner.ID", status_code=202)
def set_miners(request: Request, body: Keyed, wait: Wait = False) -> Ascii:
    """`{"value": "stop", ...}` for all, `{"miner.b01": "stop", ...}` for one."""
    return put(request, _set(body, "miners", ("miners", "miner.")), wait=wait)


@router.post("/fans", summary="set-state fans, fan.N", status_code=202)
def set_fans(request: Request, body: Keyed, wait: Wait = False) -> Ascii:
    """`{"value": 5, ...}` for how many, `{"fan.3": "on", ...}` for one."""
    return put(request, _set(body, "fans", ("fans", "fan.")), wait=wait)


@router.post("/temperature", summary="set-state inlet_c", status_code=202)
def set_temperature(request: Request, body: Keyed, wait: Wait = False) -> Ascii:
    """No value frees what a real sensor forbids."""
    return put(request, _set(body, "inlet_c", TEMPERATURES), wait=wait)


@router.post("/raw-state", summary="Any key of set-state, nothing else", status_code=202)
def set_raw(request: Request, body: Raw, wait: Wait = False) -> Ascii:
    """The keys that `minectl set-state --help` tells."""
    wanted = Wanted("set-state", (body.key, told(body.value)), body.reason, until(body.for_s or 0))
    return put(request, [wanted], wait=wait)


@router.post("/clear", summary="clear-state: give a key back", status_code=202)
def clear(request: Request, body: Clear | None = None, wait: Wait = False) -> Ascii:
    """What a person has set counts no more."""
    body = body or Clear()
    wanted = Wanted("clear-state", (body.key,), body.reason or WHY)
    return desk_of(request).put(caller_of(request), [wanted], wait=wait)


@router.get("/board", summary="What can be set, what is set, and every limit of the last decision")
def get_board(request: Request) -> Ascii:
    """Each key with its choices or bounds and its present value."""
    config = config_of(request)
    return Ascii(shown(config, board(config)))


@router.post("/preview", summary="The decision before it is taken")
def preview(request: Request, body: Try) -> Ascii:
    """What the next tick would decide on the last readings, with and without; nothing is filed, stored or sent."""
    config, why = config_of(request), body.reason or WHY
    wanted = [Wanted("clear-state", (key,), why) for key in body.clears]
    wanted += [
        Wanted("set-state", (one.key, told(one.value)), why, until(one.for_s or 0), _flags(one)) for one in body.sets
    ]
    return Ascii(shown(config, previewed(config, wanted, f"token {caller_of(request).name}")))


@router.post("/step", summary="One tick of a twin", status_code=202)
def step(request: Request, body: Because | None = None, wait: Wait = False) -> Ascii:
    """Where every device is a server of this machine; a real mine keeps its own time, and answers 409."""
    config, now_s = config_of(request), int(time.time())
    if not document(config, now_s)["simulated"]:
        raise Problem(409, "this is no twin: its ticks come by the clock; POST .../execute starts one now")
    wanted = Wanted("tick", ("step",), (body.reason if body is not None else "") or WHY)
    return desk_of(request).put(caller_of(request), [wanted], wait=wait)


@router.post(
    "/emergency-shutdown", summary="Everything off, at outlets where there are any, now, until resumed", status_code=202
)
def emergency(request: Request, body: Because | None = None, wait: Wait = False) -> Ascii:
    """The same as `minectl emergency-stop`; it works with a damaged database, too. `minectl resume` ends it."""
    return stopped(request, body.reason if body is not None else "", wait=wait)


def said_with(body: Any) -> str:
    """The reason in a body that is none of ours, as far as there is one: whatever is sent with a stop, it stops."""
    if isinstance(body, bytes):
        try:
            body = json.loads(body)
        except (ValueError, RecursionError):
            return ""
    said = body.get("reason") if isinstance(body, dict) else None
    return said if isinstance(said, str) else ""


def stopped(request: Request, reason: str, *, wait: bool = False) -> Ascii:
    """Put the stop file, have the tick that obeys it started. StoreTrouble: neither copy could be written."""
    config, caller = config_of(request), caller_of(request)
    reason = plain(reason, REASON_MOST).strip() or "emergency stop over HTTP"
    fresh = not config.paths.run.exists()
    raise_stop(config.paths, f"token {caller.name} ({caller.address})", reason)
    if fresh and config.paths.run.exists():
        give_to_owner(config.paths.run)
    desk = desk_of(request)
    with suppress(StoreTrouble):  # only the audit row is lost: the stop stands, and a tick is started all the same
        return desk.put(caller, [Wanted("emergency-stop", (), reason)], wait=wait, more={"stop": True})
    desk.start()
    return Ascii({"request_id": None, "tick_started": True, "stop": True}, 202)
