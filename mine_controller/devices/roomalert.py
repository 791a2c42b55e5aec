"""AVTECH Room Alert monitors (3E, 12E, 26W, 32E, 12S, 32S, MAX): temperatures, humidity, switch inputs.

New firmware answers `/getData.json`; the old one answers `/getData.htm` without status line or headers and with
unquoted keys. Seen in dumps of a 12E (firmware v3.2.5) and of older units: numbers are texts, flags are numbers and
sometimes the other way round; a slot without a sensor says 0.00 °C; the unit's own clock may be years wrong, so its
`uptime` is what shows that it is alive.

Wireless hubs (`wireless_sen`) have a thermometer, two ports and a switch each: "wireless 1", "wireless 1 port 2",
"wireless 1 switch 1". Their form is known from one dump of a 32E (v2.5.1) without a hub, as is that of the "power"
sensor, whose `stat` is 1 on the mains. A hub keeps its last values when it is gone, so `tstamp` must be near the unit's
own `date`.
"""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
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
_RESERVED = re.compile(r"power|(?:switch|wireless) \d+.*")
_SWITCH = re.compile(r"(?:(?:wireless [1-9][0-9]? )?switch )?[1-9][0-9]?")
_MOMENTS = ("%m/%d/%y %H:%M:%S", "%d/%m/%y %H:%M:%S")  # how the unit may write `date` and `tstamp`
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
        (),
        help="switch inputs whose state is 1 while all is well, by number, or by name like wireless 1 switch 1; the "
        "others are 0 then",
        example="1, 3",
    )
    wireless_after_s: int = option(
        180, low=30, high=3600, unit="s", help="a wireless hub that was not heard of for so long is not believed"
    )
    frozen_after_s: int = option(
        100, low=10, high=600, unit="s", help="a unit whose uptime stands still this long is not believed any more"
    )


class Slot(NamedTuple):
    """A sensor or switch: its channel, what is told of it, and why its hub is not believed ("" = no doubt)."""

    name: str
    told: dict[str, Any]
    doubt: str = ""

    @property
    def is_wired(self) -> bool:
        """No hub's, but the unit's own."""
        return not self.name.startswith("wireless ")


CAN = Can(reads=("temp_c", "humidity_pct", "contact"))
LANE = LaneSpec()


def faults(options: Options) -> list[str]:
    """What names no switch counts for nothing, and the contact that was meant reads the wrong way round."""
    wrong = [name for name in options.normal_closed if not _SWITCH.fullmatch(name)]
    return [f"normal_closed: {clean(name)!r} is no switch: write its number, or wireless 1 switch 1" for name in wrong]


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
    if not isinstance(unit.get("internal_sen", []), list):  # the sensors behind would take the numbers of its own
        raise BadReply("its internal_sen is no list")
    wired = [*_entries(unit, "internal_sen"), *_entries(unit, "sensor")]
    dry = _entries(unit, "s_sen") or _entries(unit, "switch_sen")
    hubs = _hubs(unit, options)
    sensors = [Slot(str(at), one) for at, one in enumerate(wired, 1)] + hubs + _within(hubs, "digi_sen", "port")
    switches = [Slot(f"switch {at}", one) for at, one in enumerate(dry, 1)] + _within(hubs, "s_sen", "switch")
    if not sensors and not switches:
        raise BadReply("no sensors in the answer: is this a Room Alert?")
    found = [*_sensors(sensors), *_switches(switches, options), *_power(wired)]
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


def _hubs(unit: dict[str, Any], options: Options) -> list[Slot]:
    """The wireless hubs there are: one without a serial number is an empty place."""
    hubs = enumerate(_entries(unit, "wireless_sen"), 1)
    there = [(at, hub) for at, hub in hubs if str(hub.get("ser", "")).strip("0: ")]
    return [Slot(f"wireless {at}", hub, _unheard(hub.get("tstamp"), unit.get("date"), options)) for at, hub in there]


def _unheard(heard: Any, now: Any, options: Options) -> str:
    """Why a hub is not believed, by the unit's own clock, right or wrong; "" when it was heard of lately."""
    ages_s = [age_s for form in _MOMENTS if (age_s := _between(heard, now, form)) is not None]
    if not ages_s:
        return "does not say when its hub was heard of"
    age_s = min(ages_s, key=abs)
    return "" if abs(age_s) <= options.wireless_after_s else f"its hub was not heard of for {age_s:.0f} s"


def _between(then: Any, now: Any, form: str) -> float | None:
    try:
        gone = datetime.strptime(str(now), form) - datetime.strptime(str(then), form)  # noqa: DTZ007 - of one clock
    except ValueError:
        return None
    return gone.total_seconds()


def _within(hubs: list[Slot], name: str, word: str) -> list[Slot]:
    """What is plugged into the hubs."""
    return [
        Slot(f"{hub.name} {word} {at}", one, hub.doubt)
        for hub in hubs
        for at, one in enumerate(_entries(hub.told, name), 1)
    ]


def _sensors(sensors: list[Slot]) -> Iterator[Found]:
    values = [_value(sensor.told) for sensor in sensors]
    wired = [value for sensor, (value, _) in zip(sensors, values, strict=True) if value is not None and sensor.is_wired]
    cold = any(-40 < value < COLD_SITE_C and value not in DOUBTED_C for value in wired)  # a hub may be far away
    for sensor, (value, why), label in zip(sensors, values, _labels(sensors), strict=True):
        if not _is_thermometer(sensor.told):
            continue
        empty = f"exactly {value:g} °C is what an empty slot says" if value in DOUBTED_C and not cold else ""
        doubt = why or empty or sensor.doubt
        for channel in (sensor.name, *label):
            yield Found(channel, "temp_c", None if doubt else value, doubt)
            if _humid(sensor.told) is not None:
                yield _humidity(channel, sensor.told, doubt)


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


def _switches(switches: list[Slot], options: Options) -> Iterator[Found]:
    for switch, label in zip(switches, _labels(switches), strict=True):
        normal = 1 if {switch.name, switch.name.removeprefix("switch ")} & set(options.normal_closed) else 0
        value, why = _contact(switch.told, normal)
        doubt = why or switch.doubt
        for channel in (switch.name, *label):
            yield Found(channel, "contact", None if doubt else value, doubt)


def _power(sensors: list[dict[str, Any]]) -> Iterator[Found]:
    """The unit's own supply, where it watches that."""
    for sensor in sensors:
        if sensor.get("t") == "power" and "stat" in sensor:
            state = number(sensor.get("stat"))
            value = ("alarm", "ok")[int(state)] if state in (0, 1) else None
            yield Found("power", "contact", value, "" if value else "neither on the mains nor off them")
            return


def _contact(switch: dict[str, Any], normal: int) -> tuple[str | None, str]:
    """By its state against the normal one; `ala` was 1 on idle inputs of every unit seen and says nothing."""
    state = number(switch.get("stat", switch.get("status")))
    if number(switch.get("en", 1)) != 1:
        return None, "input is not enabled"
    if state not in (0, 1):
        return None, "neither open nor closed"
    return ("ok" if state == normal else "alarm"), ""


def _labels(slots: list[Slot]) -> list[tuple[str, ...]]:
    """The label of each entry as a channel name, () where it can't be one or where two have the same.

    A wired one keeps its label whatever a hub calls its own: sites have named it in [wiring].
    """
    texts = [clean(slot.told.get("lab", ""), 40) for slot in slots]
    wired = [text for slot, text in zip(slots, texts, strict=True) if slot.is_wired]
    single = [(wired if slot.is_wired else texts).count(text) == 1 for slot, text in zip(slots, texts, strict=True)]
    usable = [_LABEL.fullmatch(text) and not _RESERVED.fullmatch(text) for text in texts]
    return [(text,) if good and one else () for text, good, one in zip(texts, usable, single, strict=True)]


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
