"""A Raritan or Xerus PDU by JSON-RPC: PX2, PX3, PX4 and Server Technology PRO3X.

Outlets are numbered from 0 on the wire and from 1 on the label; channels and addresses here are the label's numbers.
Many calls travel in one `/bulk` request. Three things can say no: the HTTP status, a JSON-RPC `error`, and a `_ret_`
code that is not 0 (1 not switchable, 3 disabled). As in Raritan's JSON-RPC SDK.
"""

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

STATE, WATTS, ENERGY = range(3)
METHODS = ("getState", "getReading", "getReading")
SENSORS = ("", "/activePower", "/activeEnergy")
PER_OUTLET = 4  # ids of one outlet's calls: outlet x 4 + which
INLETS = 100_000  # ids of the inlets' calls begin here
BULK = 60  # calls in one bulk request
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


def fetch(wire: Wire, options: Options, ask: Ask) -> tuple[Reply, ...]:
    """Replies "bulk0", "bulk1" ... or, with `bulk = no`, "call<id>"; raises WireError when the first one fails."""
    calls = list(_reads(options, ask.channels))
    if options.bulk:
        wanted = [
            (f"bulk{at}", _bulk(options, calls[at * BULK : (at + 1) * BULK])) for at in range(-(-len(calls) // BULK))
        ]
    else:
        wanted = [(f"call{call.id}", _single(options, call)) for call in calls]
    first = _access.ask(wire, *wanted[0])
    if first.status in (401, 403):
        return (first,)
    return (first, *(_access.ask_beside(wire, *each) for each in wanted[1:]))


def _reads(options: Options, channels: Sequence[str]) -> Iterator[Call]:
    for inlet in range(options.inlets):
        for what in (WATTS, ENERGY):
            rid = f"/model/pdu/{options.pdu}/inlet/{inlet}{SENSORS[what]}"
            yield Call(rid, METHODS[what], INLETS + inlet * PER_OUTLET + what)
    for outlet in range(options.outlets):
        if not channels or str(outlet + 1) in channels:
            for what in (STATE, WATTS, ENERGY):
                yield Call(_outlet(options, outlet) + SENSORS[what], METHODS[what], outlet * PER_OUTLET + what)


def _outlet(options: Options, outlet: int) -> str:
    return f"/model/pdu/{options.pdu}/outlet/{outlet}"


def _bulk(options: Options, calls: Iterable[Call]) -> Request:
    requests = [{"rid": call.rid, "json": call.json} for call in calls]
    body = {"jsonrpc": "2.0", "method": "performBulk", "params": {"requests": requests}, "id": 1}
    return _access.request(options, "POST", _access.under(options.url, "bulk"), body, cap=BODY_CAP)


def _single(options: Options, call: Call) -> Request:
    return _access.request(options, "POST", _access.under(options.url, call.rid), call.json)


def parse(replies: Sequence[Reply], options: Options) -> tuple[Found, ...]:
    """Per outlet `switch`, `power_w`, `energy_kwh`; the inlets' sum without channel."""
    if not replies:
        raise BadReply("nothing was asked")
    answers: dict[int, Any] = {}
    for at, reply in enumerate(replies):
        try:
            answers.update(_answers(reply))
        except BadReply:
            if at == 0:
                raise
    if not answers:
        raise BadReply("no answer to any of the calls")
    found = _total(answers, options)
    for outlet in range(options.outlets):
        if outlet * PER_OUTLET + STATE in answers:
            found += _found(str(outlet + 1), answers, outlet * PER_OUTLET)
    return tuple(found)


def _answers(reply: Reply) -> dict[int, Any]:
    """Call id -> its answer, a dict or why there is none (a text)."""
    if not reply.name.startswith("bulk"):
        return _filed([(_answer.table(reply), 200)])
    body = _answer.table(reply)
    responses = _answer.dig(body, "result.responses")
    if not isinstance(responses, list):
        raise BadReply(f"{reply.name}: {_error(body) or 'no list of responses in it'}")
    return _filed((row.get("json"), row.get("statcode", 200)) for row in responses if isinstance(row, dict))


def _filed(responses: Iterable[tuple[Any, Any]]) -> dict[int, Any]:
    filed: dict[int, Any] = {}
    for body, status in responses:
        if isinstance(body, dict) and isinstance(body.get("id"), int):
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
        return [Outcome(command.id, UNKNOWN, str(error)) for command in commands]
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
