"""Any PDU or smart plug with a JSON answer for reading and one address each for on and off: Tasmota, Shelly and alike.

Shapes seen: Shelly's `Switch.GetStatus` answers `{"output": false, "apower": 47.11, "aenergy": {"total": 5.125}}`
and its `Switch.Set?id=0&on=true` `{"was_on": false}`; Tasmota answers a switching command with the new state,
`{"POWER1": "ON"}`. In every address, body and path `{outlet}` stands for the outlet, `{outlet-1}` for its number less
one, and in addresses `{user}` and `{password}` for units that want them there. Tasmota's relays count from 1 and the
list of their watts from 0 (`"Power":[23.63,67.17]`, arendst/Tasmota issue 6160): `StatusSNS.ENERGY.Power.{outlet-1}`.

Many units say no with status 200: Tasmota `{"WARNING": "Need user=..."}` and `{"Command": "Unknown"}` (its web server's
source), JSON-RPC `{"error": {"message": ...}}`, Geist `{"retCode": 1, "retMsg": ...}`. None of these counts as done.
"""

from collections.abc import Sequence
from typing import Any

from mine_controller.core.model.command import APPLIED, REFUSED, UNKNOWN, UNSUPPORTED, Command, Outcome
from mine_controller.core.option import Secret, option
from mine_controller.devices import _access, _answer, _turns
from mine_controller.devices.kind import Ask, BadReply, Can, Found, LaneSpec, Reply, Report
from mine_controller.record import NamedTuple
from mine_controller.wire.door import Request, Response, Wire

CAN = Can(reads=("switch", "power_w", "energy_kwh"), verbs=("on", "off"), outlets=True)
LANE = LaneSpec(width=1, call_s=0.5, batch=False, proof_s=10)
BUDGET_S = 12.0  # with {outlet} in `read_url` every outlet is a call of its own

METHODS = ("GET", "POST", "PUT", "PATCH")
OUTLET, BEFORE = "{outlet}", "{outlet-1}"  # places to be filled: its name, its number less one
DONE_UNTOLD = "weblog"  # Tasmota's warning, in any language, that it did it and shows nothing of it
HARMLESS = (
    "",
    "0",
    "ok",
    "none",
    "no",
    "no error",
    "noerror",
    "false",
    "success",
)  # what an `error` may say while there is none


class Options(NamedTuple):
    """One unit, or one plug."""

    url: str = _access.URL
    outlets: tuple[str, ...] = option(("1",), help="names of the outlets, as {outlet} is to be filled in")
    read_url: str = option(
        help="path of the readings; with {outlet}, one call an outlet", example="/rpc/Switch.GetStatus?id={outlet}"
    )
    state_url: str = option("", help="path of the outlets' states where it is another one")
    state_path: str = option("", help="where on/off stands in the JSON", example="POWER{outlet}")
    watts_path: str = option("", help="where an outlet's watts stand", example="apower")
    energy_path: str = option("", help="where an outlet's energy counter stands")
    total_path: str = option("", help="where the unit's total watts stand (only without {outlet} in read_url)")
    watts_factor: float = option(1.0, low=0.001, high=1000, help="1000 where the unit counts in kW")
    energy_factor: float = option(1.0, low=0.000001, high=1000, help="0.001 where the unit counts in Wh")
    on_words: tuple[str, ...] = option(("on", "true", "1"), help="words that mean on")
    off_words: tuple[str, ...] = option(("off", "false", "0"), help="words that mean off")
    on_url: str = option(
        "", help="path that switches on; empty = can't be switched", example="/cm?cmnd=Power{outlet}%20On"
    )
    off_url: str = option("", help="path that switches off", example="/cm?cmnd=Power{outlet}%20Off")
    method: str = option("GET", choices=METHODS, help="method of both")
    on_body: str = option("", help="body that goes with on_url", example='{"id": {outlet}, "on": true}')
    off_body: str = option("", help="body that goes with off_url")
    success_path: str = option(
        "", help="where the answer to a command says how it went; empty = any good status will do"
    )
    success_on: tuple[str, ...] = option((), help="what it says after on", example="on")
    success_off: tuple[str, ...] = option((), help="what it says after off", example="off")
    auth: str = option("basic", choices=("basic", "digest", "none"), help="how user and password are shown")
    user: str = _access.USER
    password: Secret = _access.PASSWORD
    pin: str = _access.PIN
    ca_file: str = _access.CA_FILE
    on_pause_s: float = _access.ON_PAUSE_S
    metered: bool = _access.METERED


def faults(options: Options) -> list[str]:
    """What is wrong with these options taken together, as sentences."""
    found = [
        f"outlets: {name!r} can't be the name of an outlet" for name in options.outlets if not _turns.is_outlet(name)
    ]
    if bool(options.on_url) != bool(options.off_url):
        found.append("on_url and off_url go together")
    if options.success_path and not (options.success_on and options.success_off):
        found.append("success_path needs success_on and success_off")
    return found + _unnumbered(options)


def _unnumbered(options: Options) -> list[str]:
    odd = [repr(name) for name in _names(options) if not _before(name)]
    used = any(isinstance(value, str) and BEFORE in value for value in options)
    return [f"outlets: {BEFORE} needs outlets that are numbers from 1 on, not {', '.join(odd)}"] if used and odd else []


def _before(outlet: str) -> str:
    """Its number less one; "" where that is none."""
    return str(int(outlet) - 1) if outlet.isascii() and outlet.isdigit() and int(outlet) > 0 else ""


def _placed(template: str, outlet: str) -> str:
    return template.replace(BEFORE, _before(outlet)).replace(OUTLET, outlet)


def fetch(wire: Wire, options: Options, ask: Ask) -> tuple[Reply, ...]:
    """Replies "read" and "state", or "read:<outlet>" and "state:<outlet>"; the first one has to come."""
    wanted: dict[str, str] = {}
    for name, template in (("read", options.read_url), ("state", options.state_url)):
        if OUTLET in template or BEFORE in template:
            asked = [outlet for outlet in _names(options) if not ask.channels or outlet in ask.channels]
            wanted |= {f"{name}:{outlet}": _filled(template, options, outlet) for outlet in asked}
        elif template:
            wanted[name] = _filled(template, options, "")
    replies: list[Reply] = []
    for name, path in wanted.items():
        sent = _request(options, "GET", path, "")
        replies.append(_access.ask_beside(wire, name, sent) if replies else _access.ask(wire, name, sent))
        if replies[0].status == _access.NO_LOGIN:
            break
    return tuple(replies)


def _names(options: Options) -> tuple[str, ...]:
    return tuple(outlet for outlet in options.outlets if _turns.is_outlet(outlet))


def _filled(template: str, options: Options, outlet: str) -> str:
    """A path with its places filled in, each as one part of an address."""
    filled = _placed(template, _access.part(outlet))
    filled = filled.replace("{user}", _access.part(options.user))
    return filled.replace("{password}", _access.part(options.password.reveal()))


def _request(options: Options, method: str, path: str, body: str) -> Request:
    auth = (options.auth, options.user, options.password.reveal()) if options.user and options.auth != "none" else None
    headers = {"accept": "application/json"} | ({"content-type": "application/json"} if body else {})
    url = _access.under(options.url, path)
    return Request(method, url, headers, body.encode(), auth, pin=options.pin, ca_file=options.ca_file)


def parse(replies: Sequence[Reply], options: Options) -> tuple[Found, ...]:
    """Per outlet `switch`, `power_w`, `energy_kwh`, as far as a path is configured; the total without channel."""
    named = {reply.name: _read(reply) for reply in replies}
    if not named:
        raise BadReply("neither read_url nor state_url is configured")
    if all(isinstance(found, BadReply) for found in named.values()):
        raise BadReply(str(next(iter(named.values()))))
    found: list[Found] = []
    for outlet in _names(options):
        found += _outlet(outlet, named, options)
    if options.total_path and "read" in named:
        found.append(_watts("", named["read"], options.total_path, options))
    return tuple(found)


def _read(reply: Reply) -> Any:
    """The JSON of an answer, or the BadReply it is."""
    try:
        return _answer.tree(reply)
    except BadReply as error:
        return error


def _outlet(outlet: str, named: dict[str, Any], options: Options) -> list[Found]:
    read = named.get(f"read:{outlet}", named.get("read"))
    state = named.get(f"state:{outlet}", named.get("state", None if options.state_url else read))
    found = []
    if options.state_path and state is not None:
        found.append(_switch(outlet, state, options))
    if options.watts_path and read is not None:
        found.append(_watts(outlet, read, options.watts_path, options))
    if options.energy_path and read is not None:
        energy = _answer.number(_at(read, options.energy_path, outlet, options))
        found += [] if energy is None else [Found(outlet, "energy_kwh", energy * options.energy_factor)]
    return found


def _at(read: Any, path: str, outlet: str, options: Options) -> Any:
    """What stands there; nothing of a list that is counted otherwise than the outlets are."""
    return None if _miscounted(read, path, options) else _answer.dig(read, _placed(path, outlet))


def _miscounted(read: Any, path: str, options: Options) -> str:
    """Why no outlet of a list is believed: with a place for every outlet but the last, each is read one beside."""
    keys = path.split(".")
    depth = keys.index(OUTLET) if OUTLET in keys else 0
    places = _answer.dig(read, ".".join(keys[:depth])) if depth else read
    if OUTLET not in keys or not isinstance(places, list):
        return ""
    if all(name.isdigit() and int(name) < len(places) for name in _names(options)):
        return ""
    return f"the list has {len(places)} places from 0 on: write {BEFORE} for {OUTLET}?"


def _watts(outlet: str, read: Any, path: str, options: Options) -> Found:
    if isinstance(read, BadReply):
        return Found(outlet, "power_w", None, str(read))
    watts = _answer.number(_at(read, path, outlet, options))
    if watts is None:
        why = _miscounted(read, path, options) or _refusal(read) or f"no number at {_placed(path, outlet)}"
        return Found(outlet, "power_w", None, why)
    return Found(outlet, "power_w", watts * options.watts_factor)


def _switch(outlet: str, state: Any, options: Options) -> Found:
    if isinstance(state, BadReply):
        return Found(outlet, "switch", None, str(state))
    word = _word(_at(state, options.state_path, outlet, options))
    on, off = word in _lower(options.on_words), word in _lower(options.off_words)
    if on == off:
        why = _miscounted(state, options.state_path, options) or ("" if word else _refusal(state))
        return Found(outlet, "switch", None, why or f"{_answer.clean(word, 20)!r} means neither on nor off")
    return Found(outlet, "switch", "on" if on else "off")


def _refusal(read: Any) -> str:
    """What a unit says that answers "no" with a good status, "" where it says nothing of the kind."""
    said = _no(read) if isinstance(read, dict) else ""
    return f"the unit answered {_answer.clean(said, 60)!r}" if said else ""


def _no(read: dict[str, Any]) -> Any:
    warning, error = read.get("WARNING"), read.get("error")
    if isinstance(error, dict) and error and error.get("code") != 0:
        return _answer.dig(error, "message") or "an error"
    if _word(error) not in HARMLESS:
        return error
    if _answer.number(read.get("retCode")):
        return read.get("retMsg") or f"retCode {read['retCode']}"
    if read.get("Command") in ("Unknown", "Error"):
        return read["Command"]
    return warning if isinstance(warning, str) and DONE_UNTOLD not in warning.lower() else ""


def _word(value: Any) -> str:
    """A JSON leaf as a word: true, 1, "ON"; anything else is none."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).strip().lower()[:40] if isinstance(value, str | int) else ""


def _lower(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word.lower() for word in words)


def apply(wire: Wire, options: Options, batch: Sequence[Command], report: Report) -> None:
    """Outlet by outlet, each command sent once."""
    wire, commands = _turns.one_login(wire), _turns.switchable(batch, report)
    _turns.in_turn(wire, commands, report, lambda command: _one(wire, options, command), options.on_pause_s)


def _one(wire: Wire, options: Options, command: Command) -> Outcome:
    on = command.verb == "on"
    template, body = (options.on_url, options.on_body) if on else (options.off_url, options.off_body)
    if not template:
        return Outcome(command.id, UNSUPPORTED, f"no {command.verb}_url is configured")
    if command.address not in options.outlets:
        return Outcome(
            command.id, REFUSED, f"{_answer.clean(command.address, 40)!r} is not among the configured outlets"
        )
    path = _filled(template, options, command.address)
    wanted = _request(options, options.method, path, _placed(body, command.address))._replace(changes=True)
    answer = wire.call(wanted, min(wire.until, wire.now() + _access.COMMAND_S))
    outcome = _turns.judged(command, answer)
    return _told(options, command, answer) if outcome.verdict == APPLIED else outcome


def _told(options: Options, command: Command, answer: Response) -> Outcome:
    """What the answer's own word says; units that answer every request with 200 need this rule."""
    read = _read(Reply("answer", answer.status, answer.headers, answer.body))
    named = bool(options.success_path)
    value = (
        _at(read, options.success_path, command.address, options) if named and not isinstance(read, BadReply) else None
    )
    good = options.success_on if command.verb == "on" else options.success_off
    if value is not None and _word(value) in _lower(good):  # what the owner named goes before what looks like a fault
        return Outcome(command.id, APPLIED)
    if refused := _refusal(read):
        return Outcome(command.id, REFUSED, refused)
    if not named:
        return Outcome(command.id, APPLIED)
    if isinstance(read, BadReply):
        raise read
    if value is None:
        return Outcome(command.id, UNKNOWN, "the answer does not say how it went")
    return Outcome(command.id, REFUSED, f"the unit answered {_answer.clean(_word(value), 40)!r}")
