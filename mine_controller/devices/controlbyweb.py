"""ControlByWeb relay boards: read and switch relays by HTTP, in the dialect of the unit's generation.

    state_json   400 series (X-400, X-401, X-405, X-410): /state.json, relay2, /state.json?relay2=0
    state_xml    WebRelay-Quad, WebRelay-10, X-301, X-310: /state.xml, relay2state, /state.xml?relay2State=0
    single       WebRelay: /stateFull.xml, relaystate, /stateFull.xml?relayState=0 (its /state.xml is no HTTP)
    x332         X-332: /state.xml, relaystates = relay 16 ... relay 1 in one text, /state.xml?relay2State=0 (its
                 inputs likewise)
    x401_old     X-401 with old firmware: /state.xml?digitalIO2=0

Seen in the vendor's manuals and in a traffic authority's drivers: values are texts, an input that failed reads "x.x",
an I/O without a number in the unit's set-up is missing from the answer, the answer to a command is the new state. A
sensor is sensor1, oneWireSensor1 (400 series) or sensor1temp (manual of WebRelay-10 Plus, page 57, and of WebSwitch;
there "H24.9" is a humidity). Fans get absolute states only. State 2 is a pulse, for as long as pulseTime says (0.1 to
86,400 s, for this pulse alone); another one before its end begins the time anew. The 400 series is told the time before
the pulse, the older boards after it, as their manuals write it. Only the permissive relay is pulsed.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from mine_controller.core.model.command import APPLIED, REFUSED, UNKNOWN, UNREACHABLE, UNSUPPORTED, Command, Outcome
from mine_controller.core.option import Secret, option
from mine_controller.devices import _access
from mine_controller.devices._answer import clean, number, table
from mine_controller.devices._turns import in_turn, judged, one_login
from mine_controller.devices.kind import Ask, BadReply, Batch, Can, Found, LaneSpec, Reply, Report
from mine_controller.record import NamedTuple
from mine_controller.wire.door import Request, Response, Wire, WireError

JSON, XML, SINGLE, X332, OLD_401 = "state_json", "state_xml", "single", "x332", "x401_old"
PATHS = {JSON: "state.json", XML: "state.xml", SINGLE: "stateFull.xml", X332: "state.xml", OLD_401: "state.xml"}
SWITCH = {JSON: "relay{n}", XML: "relay{n}State", SINGLE: "relayState", X332: "relay{n}State", OLD_401: "digitalIO{n}"}
LONGEST_PULSE_S = 86_400
TRIED = (JSON, XML, SINGLE)  # what `auto` asks for, in this order
NO_SENSOR = "x.x"  # a place without one, or one that does not answer
WORDS = {"0": "off", "1": "on", 0: "off", 1: "on"}
_ELEMENT = re.compile(r"<([A-Za-z]\w{0,39})>([^<>]{0,80})</", re.ASCII)
_RELAY = re.compile(r"(?:relay|digitalio)(\d{1,2})(?:state)?", re.ASCII)
_INPUT = re.compile(r"(?:digitalinput(\d{1,2})|input(\d{1,2})?state)", re.ASCII)  # with one input: inputstate
_SENSOR = re.compile(r"(?:onewire)?sensor(\d{1,2})(?:temp)?", re.ASCII)


class Options(NamedTuple):
    """What the owner says about the board."""

    url: str = option(help="address of the board", kind="url", example="http://192.168.1.40")
    relays: int = option(4, low=0, high=64, help="how many relays it has; 0 for a board with sensors only")
    dialect: str = option(
        "auto",
        choices=("auto", JSON, XML, SINGLE, X332, OLD_401),
        help="how it speaks; auto finds out each time, which costs a request before the first command",
    )
    user: str = option("", help="user; empty = the maker's default (admin, on older boards none)")
    password: Secret = option(Secret(""), help="its password; empty = none, on older boards the maker's default")
    sensor_unit: str = option("", choices=("", "C", "F"), help="the unit of its temperature sensors, if it names none")
    timeout_s: float = option(3.0, low=1, high=6, unit="s", help="how long one request may take")
    pause_s: float = option(0.2, low=0, high=5, unit="s", help="pause between two commands")
    pin: str = _access.PIN
    ca_file: str = _access.CA_FILE


CAN = Can(reads=("switch", "temp_c"), verbs=("pulse", "on", "off"))
LANE = LaneSpec(call_s=0.5, proof_s=20)


def fetch(wire: Wire, options: Options, ask: Ask) -> tuple[Reply, ...]:
    """The state of the board, in the dialect configured, remembered or found."""
    known = ask.memory.get("dialect", "")
    dialect, answer = _found_out(wire, options, known if known in TRIED else "")
    return (Reply(dialect, *answer),)


def parse(replies: Sequence[Reply], options: Options) -> tuple[Found, ...]:
    """Channels "1" ... for relays, "input 1" ... and "sensor 1" ... for what else it has."""
    if not replies:
        raise BadReply("no answer")
    state = _state(replies[0])
    relays = _relays(state)
    found = [_relay(n, relays.get(n)) for n in range(1, options.relays + 1)]
    others = [*_inputs(state), *_sensors(state, options.sensor_unit)]
    if not any(each.value is not None for each in (*found, *others)):
        raise BadReply("no relay in the answer: another device or another dialect")
    memory = [Found("dialect", "memory", replies[0].name)] if options.dialect == "auto" else []
    return (*found, *others, *memory)


def apply(wire: Wire, options: Options, batch: Batch, report: Report) -> None:
    """One request a relay; the answer is the read-back."""
    wire = one_login(wire)
    dialects: list[str] = [] if options.dialect == "auto" else [options.dialect]
    sent: list[str] = []

    def send(command: Command) -> Outcome:
        if not dialects:
            found, why = _certain(wire, options)
            if not found:
                return Outcome(command.id, UNREACHABLE, why)
            dialects.append(found)
        wrong = _unfit(command, 1 if dialects[0] == SINGLE else options.relays)
        if wrong is not None:
            return wrong
        if sent:
            wire.sleep(options.pause_s)
        sent.append(command.id)
        return _switch(wire, options, dialects[0], command)

    in_turn(wire, batch, report, send)


def never(options: Options, address: str, verb: str) -> str:
    """As far as a dialect that is written tells; `auto` is found out."""
    if options.dialect == SINGLE and address.lstrip("0") != "1":
        return f"a board of dialect = {SINGLE} has one relay, 1"
    if options.dialect == OLD_401 and verb == "pulse":
        known = f"take another, or its newer firmware and dialect = {JSON}"
        return f"a board of dialect = {OLD_401} is not known to pulse for a given time: {known}"
    return ""


def _certain(wire: Wire, options: Options) -> tuple[str, str]:
    """The dialect that reads as relays, or "" and why: a relay is never switched on a guess."""
    try:
        dialect, answer = _found_out(wire, options, "")
        return (dialect, "") if _relays(_state(Reply(dialect, *answer))) else ("", "its dialect is none of those known")
    except (WireError, BadReply) as error:
        return "", f"not sent, its dialect is not known: {error}"


def _unfit(command: Command, relays: int) -> Outcome | None:
    if command.verb not in CAN.verbs:
        return Outcome(command.id, UNSUPPORTED, "relays take on, off and pulse only")
    address = command.address
    good = address.isascii() and address.isdigit() and len(address) <= 2 and 1 <= int(address) <= relays
    return None if good else Outcome(command.id, REFUSED, f"no relay {clean(address, 20)!r} on this board")


def _switch(wire: Wire, options: Options, dialect: str, command: Command) -> Outcome:
    n = int(command.address)
    query = _query(dialect, n, command)
    if not query:
        return Outcome(command.id, UNSUPPORTED, "this board is not known to pulse for a given time")
    answer = _get(wire, options, dialect, query)
    if answer.status != 200:
        return judged(command, answer)
    state = _relay(n, _relays(_state(Reply(dialect, *answer))).get(n)).value  # BadReply: taken, not known to be done
    if state == ("on" if command.verb == "pulse" else command.verb):
        return Outcome(command.id, APPLIED)
    return Outcome(command.id, UNKNOWN, f"reads back {state or 'nothing'}")


def _query(dialect: str, n: int, command: Command) -> str:
    """What is asked for; "" where this board can't. A pulse and its length stand as in the manual of its series."""
    what = SWITCH[dialect].format(n=n)
    if command.verb != "pulse":
        return f"?{what}={1 if command.verb == 'on' else 0}"
    seconds = command.value if command.value.isascii() and command.value.isdigit() and len(command.value) <= 5 else ""
    if not seconds or not 1 <= int(seconds) <= LONGEST_PULSE_S or dialect == OLD_401:
        return ""
    length = f"pulseTime{'' if dialect == SINGLE else n}={int(seconds)}"
    # In another order a board may take its preset time, 1.5 s as it comes, and the permissive relay would chatter.
    return f"?{length}&{what}=2" if dialect == JSON else f"?{what}=2&{length}"


def _found_out(wire: Wire, options: Options, known: str) -> tuple[str, Response]:
    """The dialect and the state it answered; the last one's complaint when none fits."""
    if options.dialect != "auto":
        return options.dialect, _get(wire, options, options.dialect)
    order = sorted(TRIED, key=lambda dialect: dialect != known)
    for dialect in order[:-1]:
        try:
            answer = _get(wire, options, dialect)
        except WireError as error:
            if error.kind not in ("bad_http", "closed"):
                raise  # nobody there: another path would not help
            continue
        if answer.status != 404 and _relays(_readable(dialect, answer)):
            return dialect, answer
        if answer.status in (401, 403):
            return dialect, answer
    return order[-1], _get(wire, options, order[-1])


def _readable(dialect: str, answer: Response) -> dict[str, Any]:
    try:
        return _state(Reply(dialect, *answer))
    except BadReply:
        return {}  # then the next dialect is tried; the last one's complaint is the one told


def _get(wire: Wire, options: Options, dialect: str, query: str = "") -> Response:
    new = dialect in (JSON, OLD_401)
    user = options.user or ("admin" if new else "none")
    password = options.password.reveal() or ("" if new else "webrelay")
    wanted = Request(
        "GET",
        _access.under(options.url, PATHS[dialect] + query),
        auth=("basic", user, password) if password else None,
        tolerant=not new,
        pin=options.pin,
        ca_file=options.ca_file,
        changes=bool(query),
    )
    return wire.call(wanted, min(wire.until, wire.now() + options.timeout_s))


def _state(reply: Reply) -> dict[str, Any]:
    """The state by lower-case element name, from JSON or from XML with whatever stands before it."""
    if reply.status == 200 and b"<" in reply.body[:4096] and not reply.body.lstrip().startswith(b"{"):
        text = reply.body[reply.body.index(b"<") :].decode("latin-1")
        return {name.lower(): value.strip() for name, value in _ELEMENT.findall(text)}
    return {clean(name, 40).lower(): value for name, value in table(reply).items()}


def _relays(state: dict[str, Any]) -> dict[int, Any]:
    # Digital I/O are numbered beside the relays: where both have a number, it is the relay's, whichever stands first.
    names = sorted((name for key in state if (name := _RELAY.fullmatch(key))), key=lambda name: name[0][0] == "r")
    relays = {int(name[1]): state[name[0]] for name in names}
    if "relaystate" in state:
        relays.setdefault(1, state["relaystate"])
    row = state.get("relaystates")
    if isinstance(row, str):  # relay 16 stands first
        relays |= dict(enumerate(reversed(row[:64]), 1))
    return relays


def _relay(n: int, value: Any) -> Found:
    if value is None:
        return Found(str(n), "switch", None, "not in the answer: has this relay a number in the board's set-up?")
    return _switch_found(str(n), value)


def _switch_found(channel: str, value: Any) -> Found:
    word = WORDS.get(value) if isinstance(value, str | int) and not isinstance(value, bool) else None
    return Found(channel, "switch", word, "" if word else f"reads {clean(value, 20)!r}")


def _inputs(state: dict[str, Any]) -> Iterator[Found]:
    for key, value in state.items():
        name = _INPUT.fullmatch(key)
        if name:
            yield _switch_found(f"input {int(name[1] or name[2] or 1)}", value)
    row = state.get("inputstates")
    if isinstance(row, str):  # input 18 stands first
        for n, value in enumerate(reversed(row[:64]), 1):
            yield _switch_found(f"input {n}", value)


def _sensors(state: dict[str, Any], unit: str) -> Iterator[Found]:
    unit = str(state.get("units", unit)).upper()
    for key, value in state.items():
        name = _SENSOR.fullmatch(key)
        if name and unit in ("C", "F"):
            yield _sensor(f"sensor {int(name[1])}", value, unit)


def _sensor(channel: str, told: Any, unit: str) -> Found:
    value = number(told)
    if value is None:
        gone = str(told).strip().lower() == NO_SENSOR
        return Found(channel, "temp_c", None, "no sensor" if gone else f"reads {clean(told, 20)!r}: no temperature")
    return Found(channel, "temp_c", value if unit == "C" else round((value - 32) / 1.8, 2))
