"""A meter with Modbus TCP: frames in, frames out, the register map of an SEL-735. It has no function that writes.

`talk` is the socket's side: every whole request in the bytes is answered, a piece of one waits for the rest. `answer`
is the same for the door without sockets, which asks for a list of reads and is answered the registers of each.
"""

import json
import struct
from collections.abc import Callable
from typing import Final

from mine_controller.record import NamedTuple
from mine_controller.twin.answer import Answer, Asked

MOST: Final = 125
NO_FUNCTION, NO_ADDRESS, NO_VALUE, BUSY = 1, 2, 3, 6
NAME: Final = "SEL-735-R113-V1-Z100100-D20200101"
SERIAL: Final = "3230010001"
LAST: Final = 1000


class Supply(NamedTuple):
    """What the meter sees at one moment: Hz, volts and amperes of each phase, watts of each phase."""

    grid_hz: float
    volts: tuple[float, ...]
    amps: tuple[float, ...]
    watts: tuple[float, ...]
    energy_kwh: float = 0.0


class Unit:
    """One meter. `supply` tells what it measures at a plant second; `busy` makes it answer exception 6."""

    def __init__(self, supply: Callable[[float], Supply], unit: int = 1, hertz_scale: int = 100) -> None:
        self.supply, self.unit, self.hertz_scale = supply, unit, hertz_scale
        self.busy = False

    def talk(self, raw: bytes, at_s: float) -> bytes:
        """The answers to all whole requests in `raw`."""
        out = b""
        while len(raw) >= 7:
            number, protocol, length, unit = struct.unpack(">HHHB", raw[:7])
            body, raw = raw[7 : 6 + length], raw[6 + length :]
            if protocol or len(body) < length - 1:
                break
            reply = self._reply(body, at_s) if unit == self.unit else bytes([body[0] | 0x80, 11])
            out += struct.pack(">HHHB", number, 0, len(reply) + 1, unit) + reply
        return out

    def _reply(self, body: bytes, at_s: float) -> bytes:
        function = body[0] if body else 0
        if function not in (3, 4) or len(body) != 5:
            return bytes([function | 0x80, NO_FUNCTION])
        address, count = struct.unpack(">HH", body[1:])
        code, data = self.read(address, count, at_s)
        return bytes([function | 0x80, code]) if code else bytes([function, len(data)]) + data

    def read(self, address: int, count: int, at_s: float) -> tuple[int, bytes]:
        """Exception code or 0, and the registers."""
        if self.busy:
            return BUSY, b""
        if not 1 <= count <= MOST:
            return NO_VALUE, b""
        if address + count > LAST:
            return NO_ADDRESS, b""
        held = self.registers(at_s)
        return 0, b"".join(struct.pack(">H", held.get(at, 0)) for at in range(address, address + count))

    def registers(self, at_s: float) -> dict[int, int]:
        """All that is not zero, by address."""
        now = self.supply(at_s)
        held = _text(0, NAME) | _text(20, SERIAL)
        for first, values in ((350, now.amps), (358, now.volts), (376, now.watts)):
            for number, value in enumerate(values):
                held |= _long(first + 2 * number, value * 100)
        held |= _long(370, sum(now.watts) * 100)
        held |= _long(900, now.grid_hz * self.hertz_scale)
        return held | _long(600, now.energy_kwh)

    def answer(self, asked: Asked, at_s: float) -> Answer:
        """The list of reads of the door without sockets."""
        told = []
        for function, address, count in asked.tree():
            code, data = self.read(address, count, at_s) if function in (3, 4) else (NO_FUNCTION, b"")
            told.append([code, data.hex()])
        return Answer(200, {}, json.dumps(told).encode())


def _long(address: int, value: float) -> dict[int, int]:
    high, low = divmod(round(value) & 0xFFFFFFFF, 65_536)
    return {address: high, address + 1: low}


def _text(address: int, text: str) -> dict[int, int]:
    raw = text.encode("ascii") + b"\0"
    raw += b"\0" * (len(raw) % 2)
    return {address + at // 2: raw[at] * 256 + raw[at + 1] for at in range(0, len(raw), 2)}
