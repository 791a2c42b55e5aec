"""SEL-735 power quality meter over Modbus TCP: frequency, voltages, currents, power.

Addresses as in SEL's published master and field maps for the 735 (function 3, no offset, high word first). The scale of
several rows follows the meter's own settings (PRI_SCA, VOLT_SCA, POWR_SCA): compare with its display once and write
`rows` where they differ. Some of its registers reset counters or move contacts and need no password, so nothing in this
program can write over Modbus. For an SEL-734 the map is another one: use `modbus_meter`.
"""

from collections.abc import Sequence
from typing import NamedTuple

from mine_controller.devices import _modbus
from mine_controller.devices.kind import Ask, Can, Found, LaneSpec, Reply
from mine_controller.wire.door import Wire

# Frequency at /100 resolves 10 mHz: enough to shed by, not to regulate with.
MAP = _modbus.Map(
    rows=(
        "- grid_hz 900 uint32 /100",
        "- power_w 370 int32 /100",
        "L1 voltage_v 358 int32 /100",
        "L2 voltage_v 360 int32 /100",
        "L3 voltage_v 362 int32 /100",
        "L1 current_a 350 int32 /100",
        "L2 current_a 352 int32 /100",
        "L3 current_a 354 int32 /100",
        "L1 power_w 376 int32 /100",
        "L2 power_w 378 int32 /100",
        "L3 power_w 380 int32 /100",
    ),
    identity=(0, 20),
    begins="SEL-735",
    serial=(20, 20),
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
