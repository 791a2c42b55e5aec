"""SEL-735 power quality meter over Modbus TCP: frequency, voltages, currents, power.

Addresses as in SEL's published master and field maps for the 735 (function 3, no offset, high word first). The scale of
several rows follows the meter's own settings (VOLT_SCA, POWR_SCA: unity, kilo or mega): compare with its display once
and write `rows` where they differ. PRI_SCA must be Y ("Present Analog Quantities in Primary", its settings sheets of
2016): with N volts, amps and watts are those behind the transformers, a fraction of the site's, and fit each other, so
that nothing here can see it. Some of its registers reset counters or move contacts and need no password, so
nothing in this program can write over Modbus. For an SEL-734 the map is another one: use `modbus_meter`.
"""

from mine_controller.devices import _modbus

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

Options, CAN, LANE = _modbus.Options, _modbus.CAN, _modbus.LANE
faults, lacks, fetch, parse = MAP.faults, MAP.lacks, MAP.fetch, MAP.parse
