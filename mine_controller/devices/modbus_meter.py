"""Any meter with Modbus TCP, by the rows of its map that the owner writes: see the `rows` option."""

from collections.abc import Sequence
from typing import NamedTuple

from mine_controller.core.option import option
from mine_controller.devices import _modbus
from mine_controller.devices.kind import Ask, Can, Found, LaneSpec, Reply
from mine_controller.wire.door import Wire

MAP = _modbus.Map(rows=())


class Options(NamedTuple):
    """One meter."""

    host: str = _modbus.HOST
    port: int = _modbus.PORT
    unit: int = _modbus.UNIT
    framer: str = _modbus.FRAMER
    serial: str = _modbus.SERIAL
    rows: tuple[str, ...] = option(
        help="rows of its map: CHANNEL QUANTITY ADDRESS TYPE [little] [/100] [fc4] [40..70]; channel - is the meter",
        example="- grid_hz 900 uint32 /100, L1 voltage_v 358 int32 /100",
    )


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
