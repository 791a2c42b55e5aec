"""Any meter with Modbus TCP, by the rows of its map that the owner writes: see the `rows` option."""

from mine_controller.core.option import option
from mine_controller.devices import _modbus
from mine_controller.record import NamedTuple

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


CAN, LANE = _modbus.CAN, _modbus.LANE
faults, lacks, fetch, parse = MAP.faults, MAP.lacks, MAP.fetch, MAP.parse
