"""Meters read by a map of registers: what stands where, in which form, and what can't be true.

A row of a map is written `CHANNEL QUANTITY ADDRESS TYPE` and, behind it in any order, `little` (the low word comes
first), `/100` or `x1000` (the factor), `fc4` (input registers), `40..70` (what can be true) and `na 0x7FFF`; channel
`-` is the meter itself. Meters of one make are set up differently (scales, primary or secondary values): a value that
can't be true is refused and the factor that would fit is named, never used. Watts that no volts and amps beside them
can make are refused too: a meter set to kilowatts is a thousand times wrong and looks well by itself.
"""

import json
import math
import re
import struct
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from mine_controller.core.option import option
from mine_controller.devices import _access, _answer
from mine_controller.devices.kind import Ask, BadReply, Can, Found, LaneSpec, Reply, lacks_of
from mine_controller.record import NamedTuple
from mine_controller.wire.door import Request, Wire, WireError

GAP = 8  # registers between two rows that are still read in one go
ANSWER_S = 2.3  # one conversation with a silent meter must not cost more than 2.5 s
MEDIAN_OF = 3
IDENTITY_S = 86_400
SIZES = {"int16": 1, "uint16": 1, "int32": 2, "uint32": 2, "float32": 2}
FORMS = {"int16": ">h", "uint16": ">H", "int32": ">i", "uint32": ">I", "float32": ">f"}
FACTORS = (0.0001, 0.001, 0.01, 0.1, 10.0, 100.0, 1000.0, 10_000.0)
# What can be true of any meter of a mine; a row may narrow it.
WINDOWS: dict[str, tuple[float, float]] = {
    "grid_hz": (40, 70),
    "voltage_v": (20, 100_000),
    "current_a": (-20_000, 20_000),
    "power_w": (-20_000_000, 20_000_000),
    "energy_kwh": (0, 1e12),
}
CAN = Can(reads=tuple(WINDOWS))
LANE = LaneSpec()
PHASES = ("L1", "L2", "L3")
AT_MOST, AT_LEAST = 5.0, 1 / 200  # watts a volt-ampere; delta meters show up to 1.7, an idle filter some hundredths
SURE_VA = 1000.0
DEAD_V = 4.0  # no more is what a dead line picks up
NO_LOAD = 0.02  # of the amps of the phase that has most: a transformer's own error
REGISTERS = 0x1_0000  # what an address of 16 bits can name
EXCEPTIONS = {
    1: "it does not know the function",
    2: "it has no such register",
    3: "it does not take that many registers",
    4: "it failed",
    5: "it needs longer",
    6: "it is busy",
    8: "its memory failed",
    10: "the gateway has no way to it",
    11: "the gateway got no answer from it",
}
_LINES: dict[tuple[str, int], threading.Lock] = {}
_ROW = re.compile(r"(\S{1,20}) ([a-z_]+) (0x[0-9a-fA-F]{1,4}|[0-9]{1,5}) ([a-z]+(?:16|32))((?: \S+)*)")
_FACTOR = re.compile(r"([x/])([0-9]{1,9}(?:\.[0-9]{1,6})?)")
_WINDOW = re.compile(r"(-?[0-9.]{1,12})\.\.(-?[0-9.]{1,12})")

HOST: str = option(kind="host", help="address of the meter or its gateway", example="192.168.1.70")
PORT: int = option(502, low=1, high=65_535, help="its Modbus port")
UNIT: int = option(1, low=0, high=247, help="its unit id")
FRAMER: str = option("tcp", choices=("tcp", "rtu"), help="rtu = serial frames through a plain gateway")
SERIAL: str = option("", help="the serial number that must answer; empty = whichever does (of a SEL-735 alone)")
ROWS: tuple[str, ...] = option(
    (), help="rows of the map that differ or come beside: CHANNEL QUANTITY ADDRESS TYPE [little] [/100] [fc4] [40..70]",
    example="- grid_hz 900 uint32 /1000",
)  # fmt: skip


class Options(NamedTuple):
    """One meter of a make whose map is known."""

    host: str = HOST
    port: int = PORT
    unit: int = UNIT
    framer: str = FRAMER
    serial: str = SERIAL
    rows: tuple[str, ...] = ROWS


class Row(NamedTuple):
    """One value of the map."""

    channel: str
    quantity: str
    address: int
    type: str
    factor: float = 1.0
    little: bool = False
    function: int = 3
    low: float = 0.0
    high: float = 0.0
    na: int | None = None


class BadRowError(ValueError):
    """A row that can't be read; the text is for the owner."""


def row(text: str) -> Row:
    """One row of a map. BadRowError."""
    found = _ROW.fullmatch(" ".join(text.split()))
    if not found or found[4] not in SIZES:
        raise BadRowError(
            f"rows: {_answer.clean(text)!r} is not CHANNEL QUANTITY ADDRESS TYPE, like - grid_hz 900 uint32 /100"
        )
    channel, quantity, address, kind, rest = found.groups()
    if quantity not in WINDOWS:
        raise BadRowError(f"rows: {quantity} is none of {', '.join(WINDOWS)}")
    at = int(address, 16 if address.startswith("0x") else 10)  # a manual's 0012 is twelve
    if at + SIZES[kind] > REGISTERS:
        raise BadRowError(f"rows: {address} lies behind the last register there can be, {REGISTERS - 1}")
    low, high = WINDOWS[quantity]
    made = Row("" if channel == "-" else channel, quantity, at, kind, low=low, high=high)
    words = iter(rest.split())
    for word in words:
        made = _with(made, word, next(words, "") if word == "na" else "")
    if made.low >= made.high:
        raise BadRowError(f"rows: {channel} {quantity}: {made.low:g}..{made.high:g} runs backwards, and fits nothing")
    return made


def _with(made: Row, word: str, behind: str) -> Row:
    if factor := _FACTOR.fullmatch(word):
        number = float(factor[2])
        if number:
            return made._replace(factor=number if factor[1] == "x" else 1 / number)
    if window := _WINDOW.fullmatch(word):
        return made._replace(low=_float(window[1]), high=_float(window[2]))
    if word in ("little", "big"):
        return made._replace(little=word == "little")
    if word in ("fc3", "fc4"):
        return made._replace(function=int(word[2]))
    if word == "na" and re.fullmatch(r"0x[0-9a-fA-F]{1,8}", behind):
        return made._replace(na=int(behind, 0))
    raise BadRowError(f"rows: {_answer.clean(word, 20)!r} is none of little, /100, x10, fc4, 40..70, na 0x7FFF")


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise BadRowError(f"rows: {_answer.clean(text, 20)!r} is not a number") from None


class Block(NamedTuple):
    """One read."""

    function: int
    address: int
    size: int  # registers


def plan(rows: Iterable[Row], most: int) -> tuple[Block, ...]:
    """The fewest reads that cover the rows, small gaps read over."""
    blocks: list[Block] = []
    for function, address, size in sorted({(one.function, one.address, SIZES[one.type]) for one in rows}):
        last = blocks[-1] if blocks else None
        count = address + size - last.address if last else 0
        if last and last.function == function and address - last.address - last.size <= GAP and count <= most:
            blocks[-1] = last._replace(size=max(last.size, count))
        else:
            blocks.append(Block(function, address, size))
    return tuple(blocks)


class Map(NamedTuple):
    """What a make's meters hold, and how they are read. `identity`: (address, count) of a text that must begin so.

    Its `faults`, `fetch` and `parse` are a kind's; `options` are `Options`, or a kind's own with the same names.
    """

    rows: tuple[str, ...]
    most: int = 125  # registers of one read
    identity: tuple[int, int] | None = None
    begins: str = ""
    serial: tuple[int, int] | None = None

    def faults(self, options: Any) -> list[str]:
        """What is wrong with the options' rows."""
        found, named = [], set[tuple[str, str]]()
        for text in options.rows:
            try:
                made = row(text)
            except BadRowError as error:
                found.append(str(error))
                continue
            if (made.channel, made.quantity) in named:
                found.append(f"rows: {made.channel or '-'} {made.quantity} stands twice")
            named.add((made.channel, made.quantity))
        if not found and not self.rows_for(options):
            found.append("rows: name at least one value of the meter")
        if options.serial and self.serial is None:
            found.append(
                "serial: where such a meter keeps its number is not known, so it can't be checked: leave it out"
            )
        _, port = _access.place(options.host)
        if port and port != str(options.port):
            found.append(
                f"port: is {options.port}, and the one behind host is not looked at: write port = {port} if meant"
            )
        return found

    def rows_for(self, options: Any) -> tuple[Row, ...]:
        """The map in force: the make's rows, replaced by those of the options with the same channel and quantity."""
        made: dict[tuple[str, str], Row] = {}
        for text in (*self.rows, *options.rows):
            try:
                one = row(text)
            except BadRowError:
                continue  # told by `faults` when the config was read
            made[one.channel, one.quantity] = one
        return tuple(made.values())

    def lacks(self, options: Any, channel: str, quantity: str) -> str:
        """What its map holds."""
        return lacks_of(((one.channel, one.quantity) for one in self.rows_for(options)), channel, quantity)

    def fetch(self, wire: Wire, options: Any, ask: Ask) -> tuple[Reply, ...]:
        """Reply "registers": JSON of [function, address, count, code, hex] a read. Raises WireError."""
        rows = self.rows_for(options)
        blocks = list(plan(rows, self.most))
        hertz = plan((one for one in rows if one.quantity == "grid_hz"), self.most)
        blocks += [block for block in hertz for _ in range(MEDIAN_OF - 1)]
        asked_s, _, who = ask.memory.get("identity", "").partition(" ")
        known = asked_s.isdecimal() and 0 <= ask.at_s - int(asked_s) < IDENTITY_S and who == _who(options)
        texts = [] if known else [Block(3, *place) for place in (self.identity, self.serial) if place]
        body = json.dumps([*texts, *blocks]).encode()
        address, _ = _access.place(options.host)
        named = f"[{address}]" if ":" in address else address
        asked_for = Request("READ", f"modbus://{named}:{options.port}/{options.unit}", {"framer": options.framer}, body)
        with _turn(wire, address, options.port):
            answer = wire.call(asked_for, min(wire.until, wire.now() + ANSWER_S))
        told = _answer.tree(Reply("registers", answer.status, {}, answer.body))
        reads = zip([*texts, *blocks], told if isinstance(told, list) else [], strict=False)
        kept = json.dumps([[*block, *one] for block, one in reads if isinstance(one, list)]).encode()
        asked = f"{ask.at_s} {_who(options)}".encode()
        return (Reply("registers", 200, {}, kept), Reply("asked", 200, {}, asked))

    def parse(self, replies: Sequence[Reply], options: Any) -> tuple[Found, ...]:
        """Every row's value. Raises BadReply when it is another meter, or nothing could be read."""
        by_name = {reply.name: reply for reply in replies}
        if "registers" not in by_name:
            raise BadReply("no registers were read")
        reads = [read for one in _list(_answer.tree(by_name["registers"])) if (read := _read(one))]
        if not reads:
            raise BadReply("no registers in the answer")
        rows = self.rows_for(options)
        found = _doubted(_lost([_found(one, reads) for one in rows], rows, reads))
        if all(one.value is None for one in found):
            raise BadReply(found[0].why)
        asked = by_name.get("asked")
        if _is_ours(reads, options, self) and asked is not None:
            found.append(Found("identity", "memory", asked.body.decode("ascii", "replace")))
        return tuple(found)


@contextmanager
def _turn(wire: Wire, address: str, port: int) -> Iterator[None]:
    """Meters at one address are behind one gateway: many of those take one connection, and a plain one sends every
    answer to all (thiagoralves/OpenPLC_v3, issue 195). Raises WireError."""
    line = _LINES.setdefault((address, port), threading.Lock())
    if not line.acquire(timeout=max(0.0, wire.until - wire.now())):
        raise WireError("unreachable", "other meters behind the same address took all the time")
    try:
        yield
    finally:
        line.release()


def _who(options: Any) -> str:
    """Who must answer and where: a meter at another address, or another one wanted there, has not said who it is."""
    return f"{options.host}:{options.port}/{options.unit} {options.serial}".strip()


def _list(tree: Any) -> list[Any]:
    return tree if isinstance(tree, list) else []


class _Read(NamedTuple):
    block: Block
    code: int
    data: bytes


def _read(one: Any) -> _Read | None:
    if not isinstance(one, list) or len(one) != 5 or not all(type(part) is int for part in one[:4]):
        return None
    try:
        data = bytes.fromhex(one[4])
    except (TypeError, ValueError):
        return None
    good = one[3] != 0 or len(data) == 2 * one[2]
    return _Read(Block(*one[:3]), one[3], data) if good else None


def _is_ours(reads: Sequence[_Read], options: Any, own: Map) -> bool:
    """True when the texts were read this time and are right. Raises BadReply when they are not, or are not told."""
    for place, what in ((own.identity, "who it is"), (own.serial if options.serial else None, "its serial number")):
        code = next((read.code for read in reads if place and read.block == Block(3, *place)), 0)
        if code:
            raise BadReply(f"does not tell {what}: the meter says {EXCEPTIONS.get(code, f'exception {code}')}")
    make, serial = (_text(reads, place) for place in (own.identity, own.serial))
    if make is not None and not make.startswith(own.begins):
        raise BadReply(f"another device answers: it calls itself {make!r}")
    if options.serial and serial is not None and serial != options.serial:
        raise BadReply(f"another meter answers: its serial number is {serial!r}")
    return make is not None or serial is not None


def _text(reads: Sequence[_Read], place: tuple[int, int] | None) -> str | None:
    for read in reads:
        if place and read.block == Block(3, *place) and read.code == 0:
            return _answer.clean(read.data.partition(b"\0")[0].decode("latin-1").strip(), 40)
    return None


def _found(one: Row, reads: Sequence[_Read]) -> Found:
    """The median where it was read more than once."""
    values: list[float] = []
    why = "it was not read"
    for read in reads:
        if read.block.function != one.function or not 0 <= one.address - read.block.address < read.block.size:
            continue
        value, doubt = _value(one, read)
        if value is None:
            why = doubt
        else:
            values.append(value)
    if not values:
        return Found(one.channel, one.quantity, None, why)
    return Found(one.channel, one.quantity, sorted(values)[len(values) // 2])


def _lost(found: list[Found], rows: Sequence[Row], reads: Sequence[_Read]) -> list[Found]:
    """A phase without volts and amps beside one that has volts is lost, and has none: that is no word out of range.

    Volts missing where amps flow are a fuse of the meter's own, and all of them missing may be its wiring.
    """
    known = {(one.channel, one.quantity): one.value for one in found if isinstance(one.value, float)}
    amps = {phase: abs(known[phase, "current_a"]) for phase in PHASES if (phase, "current_a") in known}
    if not any((phase, "voltage_v") in known for phase in PHASES):
        return found
    out = []
    for one, row in zip(found, rows, strict=True):
        idle = one.channel in amps and amps[one.channel] <= max(1.0, NO_LOAD * max(amps.values()))
        if one.quantity == "voltage_v" and one.value is None and one.channel in PHASES and idle:
            open_row = row._replace(low=0.0, high=DEAD_V)
            out.append(again if (again := _found(open_row, reads)).value is not None else one)
        else:
            out.append(one)
    return out


def _doubted(found: list[Found]) -> list[Found]:
    """Watts of a phase, and of all three, that do not go with volts and amps are unknown."""
    known = {(one.channel, one.quantity): one.value for one in found if isinstance(one.value, float)}
    apparent = {
        phase: volts * abs(known[phase, "current_a"])
        for phase in PHASES
        if (volts := known.get((phase, "voltage_v"))) is not None and (phase, "current_a") in known
    }
    if len(apparent) == len(PHASES):
        apparent[""] = sum(apparent.values())
    power = {one.channel: one for one in found if one.quantity == "power_w"}
    phases = [_beside(power[phase], apparent.get(phase)) for phase in PHASES if phase in power]
    flows = [one.value for one in phases if isinstance(one.value, float)]
    net = sum(flows) if len(flows) == len(PHASES) and min(flows) < 0 < max(flows) else None
    judged = {name: _beside(one, apparent.get(name), None if name else net) for name, one in power.items()}
    return [judged[one.channel] if one.quantity == "power_w" else one for one in found]


def _beside(one: Found, va: float | None, net: float | None = None) -> Found:
    """These watts, or why they can't be true beside so many volt-amperes.

    `net`: what the phases come to where one buys and another sells; next to nothing may be true then.
    """
    if va is None or not isinstance(one.value, float):
        return one
    watts = abs(one.value)
    least = AT_LEAST * va if va >= SURE_VA else 0.0
    if watts <= AT_MOST * max(va, SURE_VA) and (watts >= least or (net is not None and abs(one.value - net) <= least)):
        return one
    why = (
        f"{one.value:g} W beside {va:.0f} VA of volts and amps: one of their scales is wrong, compare with its display"
    )
    return one._replace(value=None, why=why)


def _value(one: Row, read: _Read) -> tuple[float | None, str]:
    if read.code:
        return None, f"the meter says {EXCEPTIONS.get(read.code, f'exception {read.code}')}"
    at = 2 * (one.address - read.block.address)
    raw = read.data[at : at + 2 * SIZES[one.type]]
    if len(raw) < 2 * SIZES[one.type]:
        return None, "the registers end before it"
    number = _number(one, raw)
    if number is None or _is_mark(one, raw):
        return None, "the meter marks it as not available"
    value = number * one.factor
    if one.low <= value <= one.high:
        return round(value, 6), ""
    return None, f"read {number:g}: {value:g} is outside {one.low:g}..{one.high:g}{_would_fit(one, raw, number)}"


def _number(one: Row, raw: bytes) -> float | None:
    ordered = raw[2:] + raw[:2] if one.little and len(raw) == 4 else raw
    (number,) = struct.unpack(FORMS[one.type], ordered)
    return float(number) if math.isfinite(number) else None


def _is_mark(one: Row, raw: bytes) -> bool:
    """A register that says "no value": the row's own mark, in the whole value or in its high word."""
    if one.na is None:
        return False
    high = raw[2:] if one.little and len(raw) == 4 else raw[:2]
    return one.na in (int.from_bytes(raw, "big"), int.from_bytes(high, "big"))


def _would_fit(one: Row, raw: bytes, number: float) -> str:
    """Which factor, or the other word order, would make it believable: for the owner to write, never used by itself."""
    fits = [factor for factor in FACTORS if one.low <= number * factor <= one.high and factor != one.factor]
    if number and one.quantity == "grid_hz" and fits:
        return f"; would fit with x{fits[0]:g}"
    other = _number(one._replace(little=not one.little), raw)
    if len(raw) == 4 and other is not None and one.low <= other * one.factor <= one.high and other:
        return f"; would fit with the words the other way round ({'big' if one.little else 'little'})"
    return f"; would fit with x{fits[-1]:g}" if number and fits else ""
