"""Eastron SDM630 three-phase meter: input registers, floats with the high word first, mostly behind a gateway.

Addresses as in the maker's list and in mbmd. On a plain serial gateway set `framer = rtu`. Meters that
share an address are asked one after the other, because many gateways take one connection at a time.
"""

from mine_controller.devices import _modbus

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

Options, CAN, LANE = _modbus.Options, _modbus.CAN, _modbus.LANE
faults, lacks, fetch, parse = MAP.faults, MAP.lacks, MAP.fetch, MAP.parse
