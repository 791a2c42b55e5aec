"""IotaWatt energy monitors: watts of each current clamp, by name and by input number, and the grid frequency.

Seen in the firmware's source: `/status` lists active inputs only, by `channel` and without names, `Watts` as a text;
names and their values come from `/query`, which stops the sampling while it runs, so the window is short; `begin`,
`end` and `group` are all required; an error is HTTP 400 with JSON in a text/plain body; authentication is digest.

It measures against a voltage reference. Without one (its adapter unplugged, or the mains gone under a unit that has
another supply) it says 0 V, 0 W for every input measured against it, and the frequency of the last cycle it saw
(samplePower.cpp); before the first one it says 55 Hz. Which input has which reference it does not tell: with one of
several lost, what flows is measured still, 0 W may be either, and a sum of inputs lacks some. However many digits it
shows, the frequency resolves some 0.2 %, a tenth of a hertz (its author, boblemaire/IoTaWatt issue 121): good for the
page, too coarse to shed by.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from mine_controller.core.option import Secret, option
from mine_controller.devices import _access
from mine_controller.devices._answer import clean, moment, number, table, tree
from mine_controller.devices.kind import Ask, BadReply, Can, Found, LaneSpec, Reply
from mine_controller.record import NamedTuple
from mine_controller.wire.door import Request, Wire, WireError

SET_AFTER = 1_577_836_800  # 2020: an earlier clock was never set
WINDOW_S = 15  # records are 5 s: short enough that a fan just started is not averaged with its standstill
ROW_OLD_S = 90
MOST_NAMES = 40
NO_REFERENCE_V = 50  # less counts as no voltage in its own firmware (webServer.cpp)
NO_REFERENCE = "a voltage reference of the unit says 0 V: is its adapter plugged in?"
STALE_HZ = "no voltage: its frequency is that of the last cycle it saw"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,31}")


class Options(NamedTuple):
    """What the owner says about the unit."""

    url: str = option(help="address of the unit", kind="url", example="http://192.168.1.30")
    user: str = option("admin", help="user, where the unit asks for one: admin or user")
    password: Secret = option(Secret(""), help="its password; empty = the unit asks for none")
    timeout_s: float = option(5.0, low=1, high=6, unit="s", help="how long one request may take")
    names: bool = option(True, help="ask for the values by name too (two more requests); no: input numbers only")
    clock_off_s: int = option(
        300,
        low=60,
        high=86_400,
        unit="s",
        help="how far its clock may be from the Date it sends",
    )


CAN = Can(reads=("power_w", "voltage_v", "grid_hz"))
LANE = LaneSpec()


def lacks(options: Options, channel: str, quantity: str) -> str:
    """Watts stand under input numbers, and under names where those are asked for."""
    if quantity != "power_w" or channel.startswith("input ") or (options.names and _NAME.fullmatch(channel)):
        return ""
    return "watts of `input 1` and so on" + (", and those of its names" if options.names else ", for names = no")


def fetch(wire: Wire, options: Options, ask: Ask) -> tuple[Reply, ...]:
    """Status; then the names and one query for all of them, unless only input numbers are asked for."""
    status = _get(wire, options, "status", "status?state&stats&inputs&outputs")
    if not options.names or (ask.channels and all(name.startswith("input ") for name in ask.channels)):
        return (status,)
    series = _beside(wire, options, "series", "query?show=series")
    known = _names(series) or [name for name in ask.memory.get("names", "").split(",") if name]
    names = [name for name in known if not ask.channels or name in ask.channels]
    if not names:
        return (status, series)
    columns = ",".join(f"{name}.watts.d0" for name in names)
    path = f"query?select=[time.utc.unix,{columns}]&begin=s-{WINDOW_S}s&end=s&group=all&header=yes"
    return (status, series, _beside(wire, options, "query", path))


def _get(wire: Wire, options: Options, name: str, path: str) -> Reply:
    secret = options.password.reveal()
    auth = ("digest", options.user, secret) if secret else None
    wanted = Request("GET", _access.under(options.url, path), auth=auth)
    answer = wire.call(wanted, min(wire.until, wire.now() + options.timeout_s))
    return Reply(name, *answer)


def _beside(wire: Wire, options: Options, name: str, path: str) -> Reply:
    """An answer the others do without: when it does not come it says so itself."""
    try:
        return _get(wire, options, name, path)
    except WireError as error:
        return Reply(name, _access.SILENT, {"why": error.why}, b"")


def _names(series: Reply) -> list[str]:
    """The names of all power series, in the unit's order; () when the list can't be read."""
    try:
        rows = table(series).get("series")
    except BadReply:
        return []  # `parse` reads the same reply and says why
    rows = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    names = [row.get("name") for row in rows if row.get("unit") == "Watts"]
    return [name for name in names if isinstance(name, str) and _NAME.fullmatch(name)][:MOST_NAMES]


def parse(replies: Sequence[Reply], options: Options) -> tuple[Found, ...]:
    """Channels "input 1" ... and names. The endpoint itself has `grid_hz`."""
    by_name = {reply.name: reply for reply in replies}
    if "status" not in by_name:
        raise BadReply("no status")
    status = table(by_name["status"])
    inputs = status.get("inputs")
    if not isinstance(inputs, list):
        raise BadReply("no inputs in the status: is this an IotaWatt?")
    clock_s = _clock(status, by_name["status"], options)
    found = [each for one in inputs if isinstance(one, dict) for each in _input(one)]
    found += _frequency(status, found)
    if "series" in by_name:
        found += _by_name(by_name["series"], by_name.get("query"), clock_s)
    return tuple(_measured(found, status))


def _measured(found: list[Found], status: dict[str, Any]) -> list[Found]:
    """Watts that no reference stands behind are unknown: a site that draws nothing may be one that nobody measures."""
    volts = [each.value for each in found if each.quantity == "voltage_v"]
    lost = [value for value in volts if _is_lost(value)]
    if not lost:
        return found
    outputs = status.get("outputs")
    names = [one.get("name") for one in outputs if isinstance(one, dict)] if isinstance(outputs, list) else []
    doubted = [
        each.quantity == "power_w" and (len(lost) == len(volts) or not each.value or each.channel in names)
        for each in found
    ]
    return [
        each._replace(value=None, why=each.why or NO_REFERENCE) if doubt else each
        for each, doubt in zip(found, doubted, strict=True)
    ]


def _is_lost(volts: Any) -> bool:
    return isinstance(volts, float) and abs(volts) < NO_REFERENCE_V


def _clock(status: dict[str, Any], reply: Reply, options: Options) -> float:
    stats = status.get("stats")
    clock_s = number(stats.get("currenttime")) if isinstance(stats, dict) else None
    if clock_s is None or clock_s < SET_AFTER:
        raise BadReply("its clock is not set")
    date_s = moment(reply.headers.get("date", ""))
    if date_s is not None and abs(date_s - clock_s) > options.clock_off_s:
        raise BadReply(f"its clock is off by {abs(date_s - clock_s):.0f} s")
    return clock_s


def _input(one: dict[str, Any]) -> Iterator[Found]:
    channel = number(one.get("channel"))
    if channel is None or not 0 <= channel < 100:
        return
    name = f"input {channel:.0f}"
    if "Watts" in one:
        yield _found(name, "power_w", one["Watts"])
    if "Vrms" in one:
        yield _found(name, "voltage_v", one["Vrms"])
        lost = _is_lost(number(one["Vrms"]))
        yield Found(name, "grid_hz", None, STALE_HZ) if lost else _found(name, "grid_hz", one.get("Hz"))


def _found(channel: str, quantity: str, raw: Any) -> Found:
    value = number(raw)
    return Found(channel, quantity, value, "" if value is not None else "no number")


def _frequency(status: dict[str, Any], found: list[Found]) -> list[Found]:
    """The endpoint's frequency: of the first voltage input, else what the statistics say while one has a voltage."""
    first = next((each.value for each in found if each.quantity == "grid_hz" and each.value is not None), None)
    stats = status.get("stats")
    raw = first if first is not None else stats.get("frequency") if isinstance(stats, dict) else None
    if raw is None:
        return []
    volts = [each.value for each in found if each.quantity == "voltage_v"]
    sees = any(value is not None and not _is_lost(value) for value in volts)
    return [_found("", "grid_hz", raw) if sees else Found("", "grid_hz", None, STALE_HZ)]


def _by_name(series: Reply, query: Reply | None, clock_s: float) -> list[Found]:
    names = _names(series)
    memory = [Found("names", "memory", ",".join(names))] if names else []
    if query is None:
        return memory
    values, why = _row(query, clock_s)
    told = [name for name in names or filter(_NAME.fullmatch, values) if name in values or why]
    return [*memory, *(_named(name, values.get(name), why) for name in told)]


def _named(name: str, value: float | None, why: str) -> Found:
    return Found(name, "power_w", value, "" if value is not None else why or f"no data in the last {WINDOW_S} s")


def _row(query: Reply, clock_s: float) -> tuple[dict[str, float | None], str]:
    """The newest row by column name, or why there is none."""
    try:
        answer = tree(query._replace(status=200)) if query.status == 400 else table(query)
    except BadReply as error:
        return {}, str(error)
    answer = answer if isinstance(answer, dict) else {}
    if "error" in answer:
        return {}, clean(answer["error"], 80)
    labels, data = answer.get("labels"), answer.get("data")
    rows = [row for row in data if isinstance(row, list)] if isinstance(data, list) else []
    if not isinstance(labels, list) or not rows or len(rows[-1]) != len(labels):
        return {}, "no rows in the answer to the query"
    at_s = number(rows[-1][0])
    if at_s is None or abs(clock_s - at_s) > ROW_OLD_S:
        return {}, "the newest record is old: is it logging?"
    return {str(label): number(value) for label, value in zip(labels[1:], rows[-1][1:], strict=True)}, ""
