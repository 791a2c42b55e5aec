"""Carlo Gavazzi EM/ET330, EM/ET340, EM530, EM540 and EM24_E1: input registers, 32 bits with the low word first.

Addresses as in mbmd. The frequency has steps of 0.1 Hz: too coarse to shed by. An EM24-DIN has another map and takes 11
registers a read: use `modbus_meter`.
"""

from mine_controller.devices import _modbus

MAP = _modbus.Map(
    rows=(
        "- grid_hz 0x33 int16 /10 fc4",
        "- power_w 0x28 int32 /10 little fc4 na 0x7FFF",
        "- energy_kwh 0x34 int32 /10 little fc4 na 0x7FFF",
        "L1 voltage_v 0x00 int32 /10 little fc4 na 0x7FFF",
        "L2 voltage_v 0x02 int32 /10 little fc4 na 0x7FFF",
        "L3 voltage_v 0x04 int32 /10 little fc4 na 0x7FFF",
        "L1 current_a 0x0C int32 /1000 little fc4 na 0x7FFF",
        "L2 current_a 0x0E int32 /1000 little fc4 na 0x7FFF",
        "L3 current_a 0x10 int32 /1000 little fc4 na 0x7FFF",
        "L1 power_w 0x12 int32 /10 little fc4 na 0x7FFF",
        "L2 power_w 0x14 int32 /10 little fc4 na 0x7FFF",
        "L3 power_w 0x16 int32 /10 little fc4 na 0x7FFF",
    ),
    most=50,
)

Options, CAN, LANE = _modbus.Options, _modbus.CAN, _modbus.LANE
faults, lacks, fetch, parse = MAP.faults, MAP.lacks, MAP.fetch, MAP.parse
