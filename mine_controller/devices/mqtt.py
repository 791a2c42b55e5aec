"""MQTT topics of a broker: Tasmota, ESPHome, or anything that publishes numbers, plain or in JSON.

`through = collect` reads what `minectl collect` has heard between ticks, `ask` connects for up to 4 s in each tick and
needs no other process: right for values that are retained with a time, or that a Tasmota gives when it is asked. In a
topic %20 stands for a blank, %2C for a comma and %25 for the sign % itself.

Where a message tells only a part of what its topic holds (a Tasmota its energy alone, when the power jumps), the other
rows keep what they were told, with its own age, as long as `max_age_s` lets them. Several DS18B20 on one Tasmota are
numbered anew when one of them is missing at its start (its issues 1292 and 16649): `DS18B20-1` is then another one, and
nothing here can see it. What must not be mistaken, the inlet above all, hangs alone on a Tasmota, or is named by its
address in the firmware.

A retained message carries no date: a sensor that died a month ago still reads fine. It counts only where its JSON holds
a time (with its zone; Tasmota's has one after `SetOption52 1`) that is fresh. A new message counts while it is younger
than `max_age_s`, and only while the availability topic, where one is named, says online. zigbee2mqtt, when it starts,
sends what it remembers of every device as new messages (`cache_state_send_on_startup`): switch its `last_seen` on, and
one that is old is not believed. A bridge between two brokers, when its line is back, hands on what its far end has in
store, and that arrives here as new (Mosquitto 2.0 does it): of such a sensor name the `alive` topic, which comes along
and says that it is gone, or a `time`. A Victron GX stops telling its values after a minute unless something goes on
asking it (`R/PORTAL/keepalive`, the description of its dbus-flashmq), which nothing here does: read it by Modbus.
Anybody on the network may be able to publish: nothing read here should be all that a start depends on.
"""

import json
import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from mine_controller.core.option import Secret, option
from mine_controller.devices import _access, _answer, _mqtt_rows, _pushed
from mine_controller.devices._mqtt_rows import Row
from mine_controller.devices._pushed import Arrival, Told
from mine_controller.devices.kind import Ask, BadReply, Can, Found, LaneSpec, Reply, lacks_of
from mine_controller.record import NamedTuple
from mine_controller.wire.collected import Broker, Hear
from mine_controller.wire.door import Request, Wire

COLLECT, ASK = "collect", "ask"
PORT, TLS_PORT = 1883, 8883
MILLISECONDS = 1e11  # a time beyond is told in them
SHOWN = 30


class Options(NamedTuple):
    """One broker and what to read there."""

    host: str = option(kind="host", help="address of the broker", example="192.168.1.20")
    port: int = option(0, low=0, high=65_535, help="its port; 0 = 1883, with tls 8883")
    user: str = option("", help="user name, where the broker asks for one")
    password: Secret = option(Secret(""), help="its password")
    tls: bool = option(False, help="yes = with TLS; without it the password can be read on the network")
    ca_file: str = option("", kind="path", help="certificate file to trust instead of the public ones")
    through: str = option(
        COLLECT, choices=(COLLECT, ASK), help="collect = by the process `minectl collect`; ask = a short look each tick"
    )
    topics: tuple[str, ...] = option(
        help="the values: CHANNEL QUANTITY TOPIC [json PATH] [x1000] [/10] [40..70] [age 300] [time PATH] "
        "[alive TOPIC] [ask cmnd/.../Status 10], or for contact, switch, link: OFF=ok ON=alarm",
        example="solar power_w tele/ina1/SENSOR json INA219.Power",
    )
    max_age_s: int = option(
        60, unit="s", low=_mqtt_rows.AGE_LOW_S, high=_mqtt_rows.AGE_HIGH_S,
        help="an older message counts as unknown; set the sender's own interval (TelePeriod) below it",
    )  # fmt: skip
    online: tuple[str, ...] = option(
        ("online", "on", "1", "true", "connected"), help="what an availability topic says while the sender is there"
    )


CAN = Can(reads=_mqtt_rows.QUANTITIES_READ)
LANE = LaneSpec()


def faults(options: Options) -> list[str]:
    """What is wrong with these options, as sentences."""
    found = _mqtt_rows.faults(options.topics)
    if _access.place(options.host)[1]:
        found.append("port: is an option of its own, not part of host")
    if options.through == COLLECT and any(one.ask for one in _mqtt_rows.rows(options.topics)):
        found.append("topics: ask needs through = ask: collect only listens")
    if options.user and not options.password.reveal_length():
        found.append("password: is missing beside user")
    if options.ca_file and not options.tls:
        found.append("ca_file: means nothing without tls = yes")
    return found


def lacks(options: Options, channel: str, quantity: str) -> str:
    """What its topics name."""
    return lacks_of(((one.channel, one.quantity) for one in _mqtt_rows.rows(options.topics)), channel, quantity)


def pushed(options: Options) -> Hear | None:
    """What `minectl collect` is to hear for such a section."""
    if options.through != COLLECT:
        return None
    password = options.password.reveal()
    broker = Broker(
        _access.place(options.host)[0], _port(options), options.user, password, options.tls, options.ca_file
    )
    rows = _mqtt_rows.rows(options.topics)
    return Hear(broker, _mqtt_rows.heard(rows), paths=_mqtt_rows.parts(rows))


def _port(options: Options) -> int:
    return options.port or (TLS_PORT if options.tls else PORT)


def fetch(wire: Wire, options: Options, ask: Ask) -> tuple[Reply, ...]:
    """What was pushed, or a short look. Raises WireError."""
    del ask  # one answer holds all topics
    if options.through == COLLECT:
        return (_pushed.collected(wire),)
    rows = _mqtt_rows.rows(options.topics)
    look = {
        "topics": _mqtt_rows.heard(rows),
        "live": list(dict.fromkeys(one.topic for one in rows if one.ask or not one.time)),
        "ask": list(dict.fromkeys(one.ask for one in rows if one.ask)),
    }
    url = f"{'mqtts' if options.tls else 'mqtt'}://{options.host}:{_port(options)}"
    auth = ("basic", options.user, options.password.reveal()) if options.user else None
    request = Request("READ", url, body=json.dumps(look).encode(), auth=auth, ca_file=options.ca_file)
    answer = wire.call(request, wire.until)
    return (Reply(_pushed.ASKED, answer.status, {}, answer.body),)


def parse(replies: Sequence[Reply], options: Options) -> tuple[Found, ...]:
    """The rows' values; by way of collect also how long that has been running. Raises BadReply.

    With the broker out of reach and nothing fresh left, that is what is wrong with the endpoint.
    """
    reply = next((one for one in replies if one.name in (_pushed.COLLECTED, _pushed.ASKED)), None)
    if reply is None:
        raise BadReply("no answer")
    told = _pushed.told(reply)
    found = [_found(one, told, options) for one in _mqtt_rows.rows(options.topics)]
    if told.line and all(one.value is None for one in found):
        raise BadReply(told.line)
    if told.up_s is not None:
        found.append(Found(_mqtt_rows.OWN, "uptime_s", told.up_s))
    return tuple(found)


def _found(row: Row, told: Told, options: Options) -> Found:
    max_age_s = row.age_s or options.max_age_s
    why = _away(row, told, options)
    if not why:
        message, why = _message(row, told, max_age_s)
        if message is not None:
            try:
                return Found(row.channel, row.quantity, _value(row, message, told.at_s, max_age_s))
            except BadReply as error:
                why = str(error)
    return Found(row.channel, row.quantity, None, why)


def _away(row: Row, told: Told, options: Options) -> str:
    """Why its sender counts as gone, "" while it is there."""
    if not row.alive:
        return ""
    said = told.last(row.alive)
    if said is None:
        return f"nothing was heard of its availability topic{_line(told)}"
    word = said.body.strip()
    if word.startswith("{"):
        word = str(_answer.dig(_tree(said), "state") or "")  # zigbee2mqtt
    if word.lower() not in {each.lower() for each in options.online}:
        return f"its availability topic says {_answer.clean(word, SHOWN)!r}"
    return ""


def _message(row: Row, told: Told, max_age_s: int) -> tuple[Arrival | None, str]:
    """The message that may count, or why none does."""
    live, kept = (told.of(row.topic, retained=retained, path=row.path) for retained in (False, True))
    if live is not None and live.age_s is not None and live.age_s <= max_age_s:
        return live, ""
    if kept is not None and row.time and not row.ask:
        return kept, ""
    if live is not None:
        age = "of unknown age" if live.age_s is None else f"{live.age_s:.0f} s old"
        which = f"last message that speaks of {row.path}" if live.path else "last message"
        return None, f"its {which} is {age}{_line(told)}"
    if kept is not None:
        return None, f"only a retained message, which has no date{_line(told)}"
    return None, f"no message yet{_line(told)}" if told.up_s is not None else "no message while it was asked"


def _line(told: Told) -> str:
    return f"; {told.line}" if told.line else ""


def _tree(message: Arrival) -> Any:
    try:
        return json.loads(message.body, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return None


def _value(row: Row, message: Arrival, now_s: float | None, max_age_s: int) -> float | str:
    """What the message says. Raises BadReply with the reason why that is nothing."""
    if message.cut:
        raise BadReply("its message is too long")
    raw: Any = message.body.strip()
    if row.path:
        tree = _tree(message)
        raw = _answer.dig(tree, row.path)
        if raw is None:
            what = "is no JSON" if tree is None else f"has no value at {row.path}"
            raise BadReply(f"its message {what}")
        if row.quantity.endswith("_c") and _is_fahrenheit(tree, row.path):
            raise BadReply("the sensor is set to °F: `SetOption8 0` makes it °C")
        if row.time:
            _check_time(_answer.dig(tree, row.time), now_s, max_age_s)
        else:
            _check_seen(_answer.dig(tree, "last_seen"), now_s, max_age_s)
    return _word(row, raw) if row.is_text else _number(row, raw)


def _is_fahrenheit(tree: Any, path: str) -> bool:
    """Tasmota's `TempUnit` stands beside its sensors: at the top of SENSOR, within `StatusSNS` of STATUS8 and 10."""
    keys = path.split(".")
    return any(_answer.dig(tree, ".".join([*keys[:depth], "TempUnit"])) == "F" for depth in range(len(keys)))


def _word(row: Row, raw: Any) -> str:
    said = str(raw).lower() if isinstance(raw, bool) else str(raw)
    for text, word in row.words:
        if said == text:
            return word
    raise BadReply(f"it says {_answer.clean(said, SHOWN)!r}, which means nothing here")


def _number(row: Row, raw: Any) -> float:
    number = _answer.number(raw)
    if number is None:
        raise BadReply(f"not a number: {_answer.clean(raw, SHOWN)!r}")
    value = number * row.factor
    if not row.low <= value <= row.high or not math.isfinite(value):
        raise BadReply(f"{value:g} is outside {row.low:g}..{row.high:g}: is its unit another one?")
    return round(value, 6)


def _check_time(told: Any, now_s: float | None, max_age_s: int) -> None:
    """Refuse a message whose own time is old, ahead, or can't be told."""
    then_s = _epoch_s(told)
    if now_s is None or abs(now_s - then_s) > max_age_s:
        age = "" if now_s is None else f" ({now_s - then_s:.0f} s)"
        raise BadReply(f"the time in its message is not now{age}")


def _check_seen(told: Any, now_s: float | None, max_age_s: int) -> None:
    """Refuse what zigbee2mqtt has only remembered; one that tells no time is none of its, and nothing is made of it."""
    try:
        since_s = 0.0 if told is None or now_s is None else now_s - _epoch_s(told)
    except BadReply:
        return
    if since_s > max_age_s:
        raise BadReply(f"its last_seen is {since_s:.0f} s ago: sent anew from memory")


def _epoch_s(told: Any) -> float:
    number = _answer.number(told)
    if number is not None:
        return number / 1000 if number > MILLISECONDS else number
    try:
        moment = datetime.fromisoformat(told) if isinstance(told, str) and len(told) < 40 else None
    except ValueError:
        moment = None
    if moment is None:
        raise BadReply("its message tells no time")
    if moment.tzinfo is None:
        raise BadReply("the time in its message has no zone (Tasmota: `SetOption52 1`)")
    try:
        return moment.timestamp()
    except (OverflowError, ValueError):
        raise BadReply("its message tells no time") from None
