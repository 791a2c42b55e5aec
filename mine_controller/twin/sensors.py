"""What instruments make of the truth: offsets, noise, resolution.

Room monitor 0.2 K and 3 % RH with a fixed offset within 0.5 K; outlet meters 1 % + 2 W, new every 5 s; fan meter
1 % + 3 W, new every 5 s. All noise comes from (seed, sensor, moment).
"""

from typing import Final

from mine_controller.twin.noise import key_of, normal, uniform
from mine_controller.twin.world import REFRESH_S, World

METER_S: Final = 5


class Sensors:
    """The instruments of one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        seed = world.seed
        self._outlet = [key_of(seed, f"outlet {i}") for i in range(len(world.boards.sizes))]
        self._fan = [key_of(seed, f"fan watts {i}") for i in range(len(world.fans.on))]
        self._outlet_gain = [1 + 0.005 * (2 * uniform(k, 0) - 1) for k in self._outlet]
        self._fan_gain = [1 + 0.005 * (2 * uniform(k, 0) - 1) for k in self._fan]

    def temp_c(self, where: str, probe: int, at_s: float) -> float:
        """where: inlet_c, hot_aisle_c or ambient_c; `probe` tells equal ones apart."""
        key = key_of(self.world.seed, f"{where} {probe}")
        offset = uniform(key, 0) - 0.5
        value: float = getattr(self.world.shown, where)
        return value + offset + 0.2 * normal(key, int(at_s // REFRESH_S) + 1)

    def humidity_pct(self, probe: int, at_s: float) -> float:
        """Relative humidity at the inlet, 1 to 100."""
        noise = 1.2 * normal(key_of(self.world.seed, f"humidity {probe}"), int(at_s // REFRESH_S))
        return min(100.0, max(1.0, self.world.shown.humidity_pct + noise))

    def outlet_w(self, outlet: int, at_s: float) -> float:
        """Watts of one outlet, never below 0; exactly 0 without power."""
        true = self.world.miner_w(outlet)
        if true == 0:
            return 0.0
        noise = normal(self._outlet[outlet], int(at_s // METER_S))
        return max(0.0, true * (self._outlet_gain[outlet] + 0.003 * noise) + 0.7 * noise)

    def fan_w(self, fan: int, at_s: float) -> float:
        """Watts of one fan; a clamp meter without current shows a watt or none."""
        noise = normal(self._fan[fan], int(at_s // METER_S))
        return max(0.0, self.world.fans.fan_w(fan) * (self._fan_gain[fan] + 0.003 * noise) + noise)
