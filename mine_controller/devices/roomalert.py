"""AVTECH Room Alert monitors (3E, 12E, 26W, 32E, 12S, 32S, MAX): temperatures, humidity, switch inputs.

New firmware answers `/getData.json`; the old one answers `/getData.htm` without status line or headers and with
unquoted keys. Seen in dumps of a 12E (firmware v3.2.5) and of older units: numbers are texts, flags are numbers and
sometimes the other way round; a slot without a sensor says 0.00 °C; the unit's own clock may be years wrong, so its
`uptime` is what shows that it is alive.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from mine_controller.core.option import Secret, option
from mine_controller.devices import _access
from mine_controller.devices._answer import clean, number, table
from mine_controller.devices.kind import Ask, BadReply, Can, Found, LaneSpec, Reply
from mine_controller.record import NamedTuple
from mine_controller.wire.door import Request, Response, Wire, WireError

NEW, OLD, BEFORE = "getData.json", "getData.htm", "before"
DISPUTED_C = 1.0  # °C and °F of one sensor are two roundings of one value
COLD_SITE_C = 5.0  # a neighbour below this makes an exact 0 or -1 °C believable
NEVER_C = (85.0, -127.0)  # what a digital probe says after a power glitch or without a bus
DOUBTED_C = (0.0, -1.0)  # what an empty slot says
_LABEL = re.compile(r"[A-Za-z][A-Za-z0-9_. -]{0,39}")
_RESERVED = re.compile(r"switch \d+")
# Strings are passed over whole, so a label may hold anything; a bare word before a colon is a key. A string without an
# end is passed over too: looked for again at each quote, it would take minutes for an answer of quotes.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"?|\b[A-Za-z_]\w*+(?=\s*+:)', re.ASCII | re.DOTALL)


class Options(NamedTuple):
    """What the owner says about the unit."""

    url: str = option(help="address of the unit", kind="url", example="http://192.168.1.20")
    user: str = _access.USER
    password: Secret = _access.PASSWORD
    timeout_s: float = option(3.0, low=1, high=6, unit="s", help="how long one request may take")
    normal_closed: tuple[str, ...] = option(
        (), help="switch inputs whose state is 1 while all is well, by number; the others are 0 then", example="1, 3"
    )
    frozen_after_s: int = option(
        100, low=10, high=600, unit="s", help="a unit whose uptime stands still this long is not believed any more"
    )


CAN = Can(reads=("temp_c", "humidity_pct", "contact"))
LANE = LaneSpec()


def fetch(wire: Wire, options: Options, ask: Ask) -> tuple[Reply, ...]:
    """The state of the unit, by the form it answered last time first, and what was remembered of its uptime."""
    old_first = ask.memory.get("form") == OLD
    for form in (OLD, NEW) if old_first else (NEW, OLD):
        try:
            answer = _get(wire, options, form)
        except WireError as error:
            if form == (NEW if old_first else OLD) or error.kind not in ("bad_http", "closed"):
                raise
            continue
        if answer.status != 404:
            break
    # No answer of the unit: what `parse`, which remembers nothing, needs to see that a unit is frozen.
    before = {"uptime": ask.memory.get("uptime", ""), "since": ask.memory.get("since", ""), "now": int(wire.now())}
    return (Reply(form, *answer), Reply(BEFORE, 200, {}, json.dumps(before).encode()))


def _get(wire: Wire, options: Options, form: str) -> Response:
    auth = ("basic", options.user, options.password.reveal()) if options.user else None
    wanted = Request("GET", _access.under(options.url, form), auth=auth, tolerant=form == OLD)
    return wire.call(wanted, min(wire.until, wire.now() + options.timeout_s))


def parse(replies: Sequence[Reply], options: Options) -> tuple[Found, ...]:
    """Sensors by number ("1" = the first) and by label, switches as "switch 1" and by label."""
    unit = next((_unit(reply) for reply in replies if reply.name in (NEW, OLD)), None)
    if unit is None:
        raise BadReply("no answer of the unit")
    sensors = [*_entries(unit, "internal_sen"), *_entries(unit, "sensor")]
    switches = _entries(unit, "s_sen") or _entries(unit, "switch_sen")
    if not sensors and not switches:
        raise BadReply("no sensors in the answer: is this a Room Alert?")
    found = [*_sensors(sensors), *_switches(switches, options)]
    before = next((table(reply) for reply in replies if reply.name == BEFORE), None)
    if before is None:
        return tuple(found)
    form = next(reply.name for reply in replies if reply.name in (NEW, OLD))
    memory, frozen = _alive(str(unit.get("uptime", "")), before, options)
    if frozen:
        found = [each._replace(value=None, why=frozen) for each in found]
    return (*found, *memory, Found("form", "memory", form))


def _unit(reply: Reply) -> dict[str, Any]:
    if reply.name != OLD:
        return table(reply)
    text = reply.body.decode("utf-8", "replace").strip().strip("\x00")
    quoted = _TOKEN.sub(lambda word: word[0] if word[0][0] == '"' else f'"{word[0]}"', text)
    printable = "".join(max(letter, " ") for letter in quoted)
    return table(reply._replace(body=printable.encode("utf-8", "replace")))


def _entries(unit: dict[str, Any], name: str) -> list[dict[str, Any]]:
    entries = unit.get(name)
    return [entry if isinstance(entry, dict) else {} for entry in entries] if isinstance(entries, list) else []


def _sensors(sensors: list[dict[str, Any]]) -> Iterator[Found]:
    values = [_value(sensor) for sensor in sensors]
    cold = any(-40 < value < COLD_SITE_C and value not in DOUBTED_C for value, _ in values if value is not None)
    labels = _labels(sensors)
    for at, (sensor, (value, why), label) in enumerate(zip(sensors, values, labels, strict=True), 1):
        if not _is_thermometer(sensor):
            continue
        empty = value in DOUBTED_C and not cold
        doubt = f"exactly {value:g} °C is what an empty slot says" if empty else why
        for channel in (str(at), *label):
            yield Found(channel, "temp_c", None if empty else value, doubt)
            if _humid(sensor) is not None:
                yield _humidity(channel, sensor, doubt)


def _is_thermometer(sensor: dict[str, Any]) -> bool:
    return sensor.get("t") in (0, "0", 16, "16", 38, "38") or "tc" in sensor or "tempc" in sensor


def _value(sensor: dict[str, Any]) -> tuple[float | None, str]:
    """Its °C; None with the reason when the slot is empty or the value can't be one."""
    if number(sensor.get("en", 1)) != 1 or number(sensor.get("t", 16)) == 0:
        return None, "no sensor in this slot"
    celsius = number(sensor.get("tc", sensor.get("tempc")))
    fahrenheit = number(sensor.get("tf", sensor.get("tempf")))
    if celsius is None and fahrenheit is None:
        return None, "no number"
    if celsius is None or fahrenheit is None:
        value = celsius if celsius is not None else round(((fahrenheit or 0.0) - 32) / 1.8, 2)
    elif abs(celsius * 1.8 + 32 - fahrenheit) > DISPUTED_C * 1.8:
        return None, f"says {celsius:g} °C and {fahrenheit:g} °F at once"
    else:
        value = celsius
    if value in NEVER_C:
        return None, f"{value:g} °C is what a lost probe says"
    return value, ""


def _humid(sensor: dict[str, Any]) -> Any:
    return sensor.get("h", sensor.get("humid"))


def _humidity(channel: str, sensor: dict[str, Any], why: str) -> Found:
    value = None if why else number(_humid(sensor))
    return Found(channel, "humidity_pct", value, "" if value is not None else why or "no number")


def _switches(switches: list[dict[str, Any]], options: Options) -> Iterator[Found]:
    for at, (switch, label) in enumerate(zip(switches, _labels(switches), strict=True), 1):
        normal = 1 if str(at) in options.normal_closed else 0
        value, why = _contact(switch, normal)
        for channel in (f"switch {at}", *label):
            yield Found(channel, "contact", value, why)


def _contact(switch: dict[str, Any], normal: int) -> tuple[str | None, str]:
    """By its state against the normal one; `ala` was 1 on idle inputs of every unit seen and says nothing."""
    state = number(switch.get("stat", switch.get("status")))
    if number(switch.get("en", 1)) != 1:
        return None, "input is not enabled"
    if state not in (0, 1):
        return None, "neither open nor closed"
    return ("ok" if state == normal else "alarm"), ""


def _labels(entries: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """The label of each entry as a channel name, () where it can't be one or where two have the same."""
    texts = [clean(entry.get("lab", ""), 40) for entry in entries]
    usable = [_LABEL.fullmatch(text) and not _RESERVED.fullmatch(text) and texts.count(text) == 1 for text in texts]
    return [(text,) if good else () for text, good in zip(texts, usable, strict=True)]


def _alive(uptime: str, before: dict[str, Any], options: Options) -> tuple[list[Found], str]:
    """What to remember, and why nothing is believed ("" = all is well)."""
    now_s, since_s = number(before.get("now")), number(before.get("since"))
    if not uptime or now_s is None:
        return [], ""
    same = before.get("uptime") == uptime and since_s is not None and since_s <= now_s
    first_s = since_s if same and since_s is not None else now_s
    memory = [Found("uptime", "memory", clean(uptime, 40)), Found("since", "memory", str(int(first_s)))]
    still_s = now_s - first_s
    if still_s < options.frozen_after_s:
        return memory, ""
    return memory, f"frozen: its uptime has stood still for {still_s:.0f} s"
