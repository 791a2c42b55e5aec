"""Eastron SDM630 three-phase meter: input registers, floats with the high word first, mostly behind a gateway.

Addresses as in the maker's list and in mbmd. On a plain serial gateway set `framer = rtu`.
"""

from collections.abc import Sequence
from typing import NamedTuple

from mine_controller.devices import _modbus
from mine_controller.devices.kind import Ask, Can, Found, LaneSpec, Reply
from mine_controller.wire.door import Wire

MAP = _modbus.Map(
    rows=(
        "- grid_hz 0x46 float32 fc4",
        "- power_w 0x34 float32 fc4",
        "- energy_kwh 0x156 float32 fc4",
        "L1 voltage_v 0x00 float32 fc4",
        "L2 voltage_v 0x02 float32 fc4",
        "L3 voltage_v 0x04 float32 fc4",
        "L1 current_a 0x06 float32 fc4",
        "L2 current_a 0x08 float32 fc4",
        "L3 current_a 0x0A float32 fc4",
        "L1 power_w 0x0C float32 fc4",
        "L2 power_w 0x0E float32 fc4",
        "L3 power_w 0x10 float32 fc4",
    ),
    most=80,
)


class Options(NamedTuple):
    """One meter."""

    host: str = _modbus.HOST
    port: int = _modbus.PORT
    unit: int = _modbus.UNIT
    framer: str = _modbus.FRAMER
    serial: str = _modbus.SERIAL
    rows: tuple[str, ...] = _modbus.ROWS


CAN = Can(reads=_modbus.QUANTITIES)
LANE = LaneSpec()


def faults(options: Options) -> list[str]:
    """What is wrong with the rows."""
    return _modbus.faults(options, MAP)


def fetch(wire: Wire, options: Options, ask: Ask) -> tuple[Reply, ...]:
    """All registers over one connection. Raises WireError."""
    return _modbus.fetch(wire, options, ask, MAP)


def parse(replies: Sequence[Reply], options: Options) -> tuple[Found, ...]:
    """The meter's values, and "L1" "L2" "L3" for each phase. Raises BadReply."""
    return _modbus.parse(replies, options, MAP)
