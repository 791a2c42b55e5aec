"""A Raritan or Xerus PDU by JSON-RPC: PX2, PX3, PX4 and Server Technology PRO3X.

Outlets are numbered from 0 on the wire and from 1 on the label; channels and addresses here are the label's numbers.
Many calls travel in one `/bulk` request. Three things can say no: the HTTP status, a JSON-RPC `error`, and a `_ret_`
code that is not 0 (1 not switchable, 3 disabled). As in Raritan's JSON-RPC SDK. An outlet's `powerState` is what the
last command set its relay to (the SDK's Outlet.idl), not what was measured: that a contact is not stuck its watts tell.

A meter lies at `<outlet>/activePower`: so the SDK's own example reads an inlet. Other clients ask each outlet's
`getSensors` for names like `/tfwopaque/sensors.NumericSensor:4.0.3/O7ActivePower` (a 36-outlet PX3, recorded in 2022),
whose version changes with the firmware. Where the path is not served the names are asked for, and kept; an outlet
without a meter has null there and is not asked for watts again for an hour (a unit that starts has null everywhere).
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from mine_controller.core.model.command import (
    APPLIED,
    NOT_SENT,
    REFUSED,
    UNKNOWN,
    UNSUPPORTED,
    Command,
    Outcome,
)
from mine_controller.core.option import Secret, option
from mine_controller.devices import _access, _answer, _turns
from mine_controller.devices.kind import Ask, BadReply, Can, Found, LaneSpec, Reply, Report
from mine_controller.record import NamedTuple
from mine_controller.wire.door import BODY_CAP, Request, Wire, WireError

CAN = Can(reads=("switch", "power_w", "energy_kwh"), verbs=("on", "off"), outlets=True)
LANE = LaneSpec(width=1, call_s=1.0, batch=True, proof_s=10)

STATE, WATTS, ENERGY, METERS = range(4)
METHODS = ("getState", "getReading", "getReading", "getSensors")
SENSORS = ("", "activePower", "activeEnergy", "")
KNOWN = "known"  # the reply that holds what was remembered, and the memory's name
PDU = "pdu"  # in it: of which of several linked units the names are
AT, AGAIN_S = "at", 3600  # when the names were asked for, and when those that were null are asked for anew
PER_OUTLET = 4  # ids of one outlet's calls: outlet x 4 + which
INLETS = 100_000  # ids of the inlets' calls begin here
BULK = 60  # calls in one bulk request
_RID = re.compile(r"/[A-Za-z0-9_.:/-]{1,120}")
RETURNED = {1: "the outlet is not switchable", 2: "load shedding is active", 3: "the outlet is disabled"}


class Options(NamedTuple):
    """One PDU."""

    url: str = _access.URL
    user: str = _access.USER
    password: Secret = _access.PASSWORD
    pin: str = _access.PIN
    ca_file: str = _access.CA_FILE
    pdu: int = option(0, low=0, high=31, help="number of the unit; linked units count from 1")
    outlets: int = option(24, low=1, high=64, help="how many outlets it has")
    inlets: int = option(1, low=1, high=4, help="how many inlets; their watts make the total")
    bulk: bool = option(True, help="ask and switch many outlets in one call")
    on_pause_s: float = _access.ON_PAUSE_S
    metered: bool = _access.METERED


class Call(NamedTuple):
    """One JSON-RPC call: where, which, and the id that tells its answer from the others."""

    rid: str
    method: str
    id: int
    params: dict[str, int] | None = None

    @property
    def json(self) -> dict[str, Any]:
        """As it travels."""
        body: dict[str, Any] = {"jsonrpc": "2.0", "method": self.method, "id": self.id}
        return body if self.params is None else {**body, "params": self.params}


class Asked(NamedTuple):
    """One request and the calls in it."""

    name: str
    request: Request
    calls: list[Call]


def fetch(wire: Wire, options: Options, ask: Ask) -> tuple[Reply, ...]:
    """Replies "bulk0", "bulk1" ... or, with `bulk = no`, "call<id>"; raises WireError when the first one fails."""
    memory = _of(options, ask.memory.get(KNOWN, ""))
    known = Reply(KNOWN, 200, {AT: str(ask.at_s)}, memory.encode())
    wanted = _packed(options, list(_reads(options, ask.channels, _meant(memory, ask.at_s))), 0)
    if not wanted:
        return (known,)
    first = _access.ask(wire, wanted[0].name, wanted[0].request)
    if first.status in (401, 403):
        return (first,)
    replies = [first, *(_access.ask_beside(wire, each.name, each.request) for each in wanted[1:])]
    unnamed = [call for asked, reply in zip(wanted, replies, strict=True) for call in _unnamed(options, asked, reply)]
    replies += [_access.ask_beside(wire, each.name, each.request) for each in _packed(options, unnamed, len(wanted))]
    return (*replies, known)


def _packed(options: Options, calls: list[Call], number: int) -> list[Asked]:
    if not options.bulk:
        return [Asked(f"call{call.id}", _single(options, call), [call]) for call in calls]
    parts = [calls[at : at + BULK] for at in range(0, len(calls), BULK)]
    return [Asked(f"bulk{number + at}", _bulk(options, part), part) for at, part in enumerate(parts)]


def _reads(options: Options, channels: Sequence[str], rids: dict[int, str]) -> Iterator[Call]:
    for inlet in range(options.inlets):
        yield from _meters(options, INLETS + inlet * PER_OUTLET, rids)
    for outlet in range(options.outlets):
        if not channels or str(outlet + 1) in channels:
            yield Call(_outlet(options, outlet), METHODS[STATE], outlet * PER_OUTLET)
            yield from _meters(options, outlet * PER_OUTLET, rids)


def _meters(options: Options, first: int, rids: dict[int, str]) -> Iterator[Call]:
    for what in (WATTS, ENERGY):
        rid = rids.get(first + what, f"{_place(options, first)}/{SENSORS[what]}")
        if rid:
            yield Call(rid, METHODS[what], first + what)


def _unnamed(options: Options, asked: Asked, reply: Reply) -> Iterator[Call]:
    """What to ask where a meter's path was not served: the names of the meters."""
    try:
        answers = _answers(reply)
    except BadReply:
        return
    for call in asked.calls:
        if call.id % PER_OUTLET == WATTS and not isinstance(answers.get(call.id), dict):
            first = call.id - WATTS
            yield Call(_place(options, first), METHODS[METERS], first + METERS)


def _place(options: Options, first: int) -> str:
    """The path of the outlet or inlet whose calls' ids begin there."""
    at, is_inlet = first % INLETS // PER_OUTLET, first >= INLETS
    return f"/model/pdu/{options.pdu}/inlet/{at}" if is_inlet else _outlet(options, at)


def _outlet(options: Options, outlet: int) -> str:
    return f"/model/pdu/{options.pdu}/outlet/{outlet}"


def _of(options: Options, text: str) -> str:
    """What was remembered of this unit, "" of another one: a linked unit's meters have names that this one answers."""
    return text if _memory(text).get(PDU) == options.pdu else ""


def _meant(text: str, at_s: int) -> dict[int, str]:
    """What is asked by: the names that are remembered, and that there is no meter while that is no hour old."""
    told = _answer.number(_memory(text).get(AT))
    fresh = told is not None and 0 <= at_s - told < AGAIN_S
    return {at: rid for at, rid in _rids(text).items() if rid or fresh}


def _rids(text: str) -> dict[int, str]:
    """Names of meters by the id of their call, "" where there is no meter; nothing of what can't be a name."""
    rows = _memory(text).items()
    return {int(key): rid for key, rid in rows if key.isascii() and key.isdigit() and len(key) < 8 and _is_rid(rid)}


def _memory(text: str) -> dict[str, Any]:
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return tree if isinstance(tree, dict) else {}


def _is_rid(rid: Any) -> bool:
    return isinstance(rid, str) and (not rid or _RID.fullmatch(rid) is not None)


def _bulk(options: Options, calls: Iterable[Call]) -> Request:
    requests = [{"rid": call.rid, "json": call.json} for call in calls]
    body = {"jsonrpc": "2.0", "method": "performBulk", "params": {"requests": requests}, "id": 1}
    return _access.request(options, "POST", _access.under(options.url, "bulk"), body, cap=BODY_CAP)


def _single(options: Options, call: Call) -> Request:
    return _access.request(options, "POST", _access.under(options.url, call.rid), call.json)


def parse(replies: Sequence[Reply], options: Options) -> tuple[Found, ...]:
    """Per outlet `switch`, `power_w`, `energy_kwh`; the inlets' sum without channel."""
    asked = [reply for reply in replies if reply.name != KNOWN]
    if not asked:
        raise BadReply(f"nothing was asked: does it have more than {options.outlets} outlets?")
    answers, fault = _gathered(asked)
    if not answers:
        raise fault or BadReply("no answer to any of the calls")
    found = [*_total(answers, options), *_remembered(answers, replies, options)]
    for outlet in range(options.outlets):
        if outlet * PER_OUTLET + STATE in answers:
            found += _found(str(outlet + 1), answers, outlet * PER_OUTLET)
    return tuple(found)


def _gathered(replies: Sequence[Reply]) -> tuple[dict[int, Any], BadReply | None]:
    """All answers by the id of their call, and what was wrong with the first reply that can't be read."""
    answers: dict[int, Any] = {}
    fault: BadReply | None = None
    for reply in replies:
        try:
            answers.update(_answers(reply))
        except BadReply as error:
            fault = fault or error
    return answers, fault


def _remembered(answers: dict[int, Any], replies: Sequence[Reply], options: Options) -> list[Found]:
    """The names of meters, where some were asked for, beside those that were known."""
    told = {at - METERS: _answer.dig(row, "_ret_") for at, row in answers.items() if at % PER_OUTLET == METERS}
    ours = {*range(0, options.outlets * PER_OUTLET, PER_OUTLET)}
    ours |= {INLETS + inlet * PER_OUTLET for inlet in range(options.inlets)}
    sensors = {first: row for first, row in told.items() if isinstance(row, dict) and first in ours}
    if not sensors:
        return []
    before = next((reply for reply in replies if reply.name == KNOWN), Reply(KNOWN, 200, {}, b""))
    rids = _rids(before.body.decode("utf-8", "replace"))
    for first, row in sensors.items():
        for what in (WATTS, ENERGY):
            rid = _answer.dig(row, f"{SENSORS[what]}.rid")
            rids[first + what] = rid if _is_rid(rid) else ""
    kept = {AT: before.headers.get(AT, ""), PDU: options.pdu} | {str(at): rid for at, rid in sorted(rids.items())}
    return [Found(KNOWN, "memory", json.dumps(kept, separators=(",", ":")))]


def _answers(reply: Reply) -> dict[int, Any]:
    """Call id -> its answer, a dict or why there is none (a text)."""
    if not reply.name.startswith("bulk"):
        if reply.status == 404 and reply.name[4:].isdecimal():  # of this one object: the others may be there
            return {int(reply.name[4:]): _answer.status_words(reply.status)}
        return _filed([(_answer.table(reply), 200)])
    body = _answer.table(reply)
    responses = _answer.dig(body, "result.responses")
    if not isinstance(responses, list):
        raise BadReply(f"{reply.name}: {_error(body) or 'no list of responses in it'}")
    return _filed((row.get("json"), row.get("statcode", 200)) for row in responses if isinstance(row, dict))


def _filed(responses: Iterable[tuple[Any, Any]]) -> dict[int, Any]:
    filed: dict[int, Any] = {}
    for body, status in responses:
        if isinstance(body, dict) and type(body.get("id")) is int:
            why = _error(body) if status == 200 else _answer.status_words(status if isinstance(status, int) else 0)
            result = body.get("result")
            filed[body["id"]] = why or (result if isinstance(result, dict) else None)
    return filed


def _error(body: dict[str, Any]) -> str:
    error = body.get("error")
    if error is None:
        return ""
    return _answer.clean(_answer.dig(error, "message") or "an error without a message")


def _found(channel: str, answers: dict[int, Any], first: int) -> list[Found]:
    watts, why = _sensor(answers.get(first + WATTS))
    energy_wh, _ = _sensor(answers.get(first + ENERGY))
    found = [_switch(channel, answers.get(first + STATE)), Found(channel, "power_w", watts, why)]
    return found if energy_wh is None else [*found, Found(channel, "energy_kwh", energy_wh / 1000)]


def _sensor(answer: Any) -> tuple[float | None, str]:
    """A reading counts only while the sensor is available and says that its value is valid."""
    row = _answer.dig(answer, "_ret_")
    if not isinstance(row, dict):
        return None, answer if isinstance(answer, str) else "no meter reading at this outlet"
    if row.get("available") is not True or row.get("valid") is not True:
        return None, "the meter says that its reading is not valid"
    value = _answer.number(row.get("value"))
    return value, "" if value is not None else "the reading is no number"


def _switch(channel: str, answer: Any) -> Found:
    row = _answer.dig(answer, "_ret_")
    if not isinstance(row, dict):
        return Found(channel, "switch", None, answer if isinstance(answer, str) else "no state in the answer")
    if row.get("available") is not True:
        return Found(channel, "switch", None, "the outlet says that its state is not available")
    if row.get("switchOnInProgress") is True or row.get("cycleInProgress") is True:
        return Found(channel, "switch", None, "is switching")
    state = row.get("powerState")
    if type(state) is not int or state not in (0, 1):
        return Found(channel, "switch", None, f"unknown power state {_answer.clean(state, 20)!r}")
    return Found(channel, "switch", "on" if state else "off")


def _total(answers: dict[int, Any], options: Options) -> list[Found]:
    """The inlets' sum, only when every one of them is known."""
    readings = [_sensor(answers.get(INLETS + inlet * PER_OUTLET + WATTS)) for inlet in range(options.inlets)]
    missing = [why for value, why in readings if value is None]
    if missing:
        return [Found("", "power_w", None, f"inlet: {missing[0]}")]
    return [Found("", "power_w", sum(value for value, _ in readings if value is not None))]


def apply(wire: Wire, options: Options, batch: Sequence[Command], report: Report) -> None:
    """Off goes in bulk requests; on goes outlet by outlet with a pause, against the inrush of many at once."""
    wire = _turns.one_login(wire)
    commands = [command for command in _turns.switchable(batch, report) if _has(options, command, report)]
    off = [command for command in commands if options.bulk and command.verb == "off"]
    for start in range(0, len(off), BULK):
        _bulk_off(wire, options, off[start : start + BULK], report)
    rest = [command for command in commands if command not in off]
    _turns.in_turn(wire, rest, report, lambda command: _one(wire, options, command), options.on_pause_s)


def _has(options: Options, command: Command, report: Report) -> bool:
    text = command.address
    if (
        text.isascii()
        and text.isdigit()
        and not text.startswith("0")
        and len(text) < 4
        and int(text) <= options.outlets
    ):
        return True
    report(
        Outcome(command.id, REFUSED, f"outlets are numbered 1 to {options.outlets}, not {_answer.clean(text, 20)!r}")
    )
    return False


def _set(options: Options, command: Command, call_id: int) -> Call:
    state = {"pstate": 1 if command.verb == "on" else 0}
    return Call(_outlet(options, int(command.address) - 1), "setPowerState", call_id, state)


def _bulk_off(wire: Wire, options: Options, commands: list[Command], report: Report) -> None:
    for outcome in _bulk_outcomes(wire, options, commands):
        report(outcome)


def _bulk_outcomes(wire: Wire, options: Options, commands: list[Command]) -> list[Outcome]:
    if wire.now() + _turns.LEAST_S >= wire.until:
        return [Outcome(command.id, NOT_SENT, "the lane's time was over") for command in commands]
    calls = [_set(options, command, at) for at, command in enumerate(commands)]
    try:
        answer = wire.call(_bulk(options, calls), min(wire.until, wire.now() + _access.COMMAND_S))
        if not 200 <= answer.status < 300:
            return [_turns.judged(command, answer) for command in commands]
        reply = Reply("bulk", 200, {}, answer.body)
        why = _error(_answer.table(reply))
        if why:  # an error of the whole call: none of its parts was carried out
            return [Outcome(command.id, REFUSED, why) for command in commands]
        answers = _answers(reply)
    except WireError as error:
        return [_turns.lost(command, error) for command in commands]
    except BadReply as error:
        return [_turns.unreadable(command, error) for command in commands]
    return [_judged(command, answers.get(at)) for at, command in enumerate(commands)]


def _one(wire: Wire, options: Options, command: Command) -> Outcome:
    call = _set(options, command, 0)
    answer = wire.call(_single(options, call), min(wire.until, wire.now() + _access.COMMAND_S))
    if not 200 <= answer.status < 300:
        return _turns.judged(command, answer)
    return _judged(command, _answers(Reply("call", 200, {}, answer.body)).get(0))


def _judged(command: Command, answer: Any) -> Outcome:
    """What one JSON-RPC answer says: a text is an error's, else `_ret_` decides."""
    if isinstance(answer, str):
        return Outcome(command.id, REFUSED, answer)
    code = _answer.dig(answer, "_ret_")
    if type(code) is not int:
        return Outcome(command.id, UNKNOWN, "no answer for this outlet")
    if code == 0:
        return Outcome(command.id, APPLIED)
    return Outcome(command.id, UNSUPPORTED if code == 1 else REFUSED, RETURNED.get(code, f"returned {code}"))
