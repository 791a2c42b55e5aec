"""Air of a container as algebra: what the miners pull, what the fans move, what goes round again.

Figures: own fans of a miner move 0.13 m3/s (275 cfm), a container fan 5.5 m3/s installed (11,650 cfm), 1.5 m3/s
leaks; air holds 1.156 kJ/m3K at 35 degC and 500 m height. When miners pull more than the fans move, the rest is
hot-aisle air coming back, so the inlet climbs.
"""

from typing import Final

from mine_controller.record import NamedTuple

MINER_M3S: Final = 0.13
FAN_M3S: Final = 5.5
LEAK_M3S: Final = 1.5
LEAK_SHUT_M3S: Final = 0.3
AIR_KJ_M3K: Final = 1.156
WALL_KJ_K: Final = 250.0
WALL_KW_K: Final = 0.35  # 350 W/K between the air and walls and racks
SHELL_KW_K: Final = 0.3  # room and walls to outside
LAG_S: Final = 3.0  # the air itself holds little; boards and walls carry the slowness
INLET_MOST_C: Final = 38.0  # above this the fleet may not run at full size


class Load(NamedTuple):
    """What stands in the air. kW/K: heat passed per kelvin between boards and air."""

    blown_kw_k: float  # miners whose own fans turn
    dark_kw_k: float  # miners without power
    blown_c: float  # mean board temperature of each lot
    dark_c: float
    miners_m3s: float

    def heat_kw(self, inlet_c: float) -> float:
        """What all boards give off to air of `inlet_c`."""
        return self.blown_kw_k * (self.blown_c - inlet_c) + self.dark_kw_k * (self.dark_c - inlet_c)


def inlet_target_c(load: Load, fans_m3s: float, ambient_c: float, wall_c: float) -> float:
    """Where the inlet would settle with boards as warm as they are now."""
    dark = load.dark_kw_k / ((load.dark_kw_k + load.blown_kw_k) or 1.0)
    out = AIR_KJ_M3K * fans_m3s + dark * SHELL_KW_K
    exchange = out + WALL_KW_K
    room_c = (out * ambient_c + WALL_KW_K * wall_c) / exchange
    base_c, weight, warm = ambient_c + dark * (room_c - ambient_c), 0.0, 0.0
    if load.miners_m3s > fans_m3s:  # part of the hot aisle comes back
        weight = max(0.0, 1 / exchange - 1 / (AIR_KJ_M3K * load.miners_m3s)) * load.blown_kw_k
        base_c, warm = room_c, weight * load.blown_c
    if load.dark_kw_k:  # nothing directs their heat: it mixes into the room
        pull = dark * load.dark_kw_k / exchange
        weight, warm = weight + pull, warm + pull * load.dark_c
    return (base_c + warm) / (1 + weight)


def hot_aisle_c(inlet_c: float, heat_kw: float, miners_m3s: float, fans_m3s: float) -> float:
    """Air behind the miners: `heat_kw` is what boards give off."""
    return inlet_c + heat_kw / (AIR_KJ_M3K * max(miners_m3s, fans_m3s))


def steady_inlet_c(heat_kw: float, miners_m3s: float, fans_m3s: float, ambient_c: float) -> float:
    """Inlet once everything has settled, walls left out: the yardstick for "could the fleet run now"."""
    if miners_m3s <= fans_m3s:
        return ambient_c
    return ambient_c + heat_kw / AIR_KJ_M3K * (1 / fans_m3s - 1 / miners_m3s)
