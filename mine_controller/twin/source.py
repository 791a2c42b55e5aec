"""A weak source far from any grid: engines, sun, a battery, neighbours that come first. Pure and seeded.

What it can give the mine is `available_w`. Taking more pulls frequency and voltage down and, when it lasts, trips it;
the crew then starts it again after ten minutes. Figures: a governor holds +-0.1 Hz from idle to full load and loses
4 Hz per whole load above that; a set is derated 1 % for each 5.5 K above 40 degC and burns 0.27 l/kWh; lead times and
limits are those of small industrial sets.
"""

import math
from typing import Final

from mine_controller.record import NamedTuple
from mine_controller.twin.noise import key_of, normal, uniform
from mine_controller.twin.weather import DAY_S, utc_offset_s

SLOT_S: Final = 3300.0  # the neighbours change what they take about every 55 minutes: 26 steps a day
TAKE_MOST: Final = 0.25  # and take this share of the source at most
GOVERNOR_HZ: Final = 0.2
OVER_HZ: Final = 4.0
OVER_V: Final = 0.25
LAG_S: Final = 4.0
HEAT_TRIP_S: Final = 90.0  # seconds at twice the load until the breaker opens
SLOW_TRIP_HZ: Final = 47.0  # of 50; below it for so long, the under-frequency relay opens
SLOW_TRIP_S: Final = 10.0
RESTART_S: Final = 600.0
LITRES_KWH: Final = 0.27
CLOUD_S: Final = 900.0
RESERVE_PCT: Final = 20.0


class Plant(NamedTuple):
    """What stands there: watts, litres, kWh. `battery_w` is what the battery gives and takes at most."""

    engines_w: float = 0.0
    sun_w: float = 0.0
    battery_w: float = 0.0
    battery_kwh: float = 0.0
    tank_l: float = 0.0


PLANTS: Final[dict[str, Plant]] = {
    "diesel": Plant(engines_w=450_000, tank_l=6000),
    "solar": Plant(sun_w=600_000, battery_w=250_000, battery_kwh=1200),
    "hybrid": Plant(engines_w=250_000, sun_w=300_000, battery_w=150_000, battery_kwh=400, tank_l=4000),
}


class Source:
    """One source. `share` of its power is left where a story says so; `load_w` is what the mine takes now."""

    def __init__(
        self,
        seed: int,
        start_wall_s: int,
        zone: str = "UTC",
        *,
        plant: str = "diesel",
        nominal_hz: float = 50.0,
        nominal_v: float = 230.0,
        scale: float = 1.0,
    ) -> None:
        self.name, self.nominal_hz, self.nominal_v, self.scale = plant, nominal_hz, nominal_v, scale
        self._seed = seed
        self._local_s = start_wall_s + utc_offset_s(zone, start_wall_s)
        self.share = 1.0
        self.engines_fail = False
        self.fuel_l = PLANTS[plant].tank_l * scale
        self.soc_pct = 80.0
        self.load_w = 0.0
        self.available_w = 0.0
        self.grid_hz, self.phase_v = nominal_hz, nominal_v
        self.energy_kwh = 0.0
        self.trips = 0
        self._dark_until_s = -1.0
        self._heat_s = self._slow_s = 0.0
        self.look(0.0, 25.0)

    @property
    def plant(self) -> Plant:
        """What stands there, at this site's size."""
        return Plant(*(value * self.scale for value in PLANTS[self.name]))

    # ---------------------------------------------------------------- what it can give

    def neighbours(self, at_s: float) -> float:
        """The share of the source that others take at plant second `at_s`: a step in each slot, at no fixed minute."""
        local = self._local_s + at_s
        slot, into_s = divmod(local, SLOT_S)
        key = key_of(self._seed, "neighbours")
        if into_s < 0.6 * SLOT_S * uniform(key, 2 * int(slot)):
            slot -= 1
        evening = 0.5 + 0.5 * math.cos(2 * math.pi * ((slot * SLOT_S) % DAY_S - 19 * 3600) / DAY_S)
        return TAKE_MOST * (0.3 * evening + 0.7 * uniform(key, 2 * int(slot) + 1))

    def sun(self, at_s: float) -> float:
        """Share of the panels' power: a clear day's curve under clouds that come and go."""
        local = self._local_s + at_s
        height = math.sin(math.pi * ((local % DAY_S) / 3600 - 6) / 12)
        cloud = uniform(key_of(self._seed, "cloud"), int(local // CLOUD_S))
        return float(max(0.0, height) ** 1.2) * (1.0 if cloud > 0.3 else 0.45 + cloud)

    def look(self, at_s: float, ambient_c: float) -> None:
        """Work out what the mine may take at plant second `at_s`: `available_w`, in whole kilowatts."""
        plant = self.plant
        engines_w = 0.0
        if not self.engines_fail and (self.fuel_l > 0 or not plant.tank_l):
            engines_w = plant.engines_w * (1 - max(0.0, ambient_c - 40) / 550)
        full = max(0.0, min(1.0, (self.soc_pct - RESERVE_PCT) / 30))
        whole_w = engines_w + plant.sun_w * self.sun(at_s) + plant.battery_w * full
        left_w = whole_w * self.share * (1 - self.neighbours(at_s))
        self.available_w = 0.0 if self.is_dark(at_s) else math.floor(left_w / 1000) * 1000.0

    def is_dark(self, at_s: float) -> bool:
        """True after a trip, until the crew has started it again."""
        return at_s < self._dark_until_s

    # ---------------------------------------------------------------- what is taken

    def trip(self, at_s: float) -> None:
        """The breaker opens, now."""
        self.trips += 1
        self._dark_until_s = at_s + RESTART_S
        self._heat_s = self._slow_s = 0.0
        self.look(at_s, 25.0)

    def step(self, at_s: float, dt_s: float, load_w: float, ambient_c: float) -> None:
        """`load_w` was taken during the `dt_s` before `at_s`."""
        self.load_w = load_w
        self.energy_kwh += load_w * dt_s / 3.6e6
        self.look(at_s, ambient_c)
        self._burn(load_w, dt_s, at_s)
        if self.is_dark(at_s):
            self.grid_hz = self.phase_v = 0.0
            return
        load = load_w / self.available_w if self.available_w else (2.0 if load_w > 0 else 0.0)
        over = max(0.0, load - 1)
        wanted_hz = self.nominal_hz + GOVERNOR_HZ * (0.5 - min(load, 1.0)) - OVER_HZ * min(over, 1.0)
        wanted_v = self.nominal_v * (1 + 0.02 * (0.5 - min(load, 1.0)) - OVER_V * min(over, 1.0))
        keep = math.exp(-dt_s / LAG_S)
        before_hz = self.grid_hz or self.nominal_hz
        self.grid_hz = wanted_hz + (before_hz - wanted_hz) * keep
        self.phase_v = wanted_v + ((self.phase_v or self.nominal_v) - wanted_v) * keep
        self._protect(at_s, dt_s, over)

    def _protect(self, at_s: float, dt_s: float, over: float) -> None:
        self._heat_s = self._heat_s + over * dt_s if over else max(0.0, self._heat_s - 0.2 * dt_s)
        slow = self.grid_hz < SLOW_TRIP_HZ * self.nominal_hz / 50
        self._slow_s = self._slow_s + dt_s if slow else 0.0
        if self._heat_s >= HEAT_TRIP_S or self._slow_s >= SLOW_TRIP_S:
            self.trip(at_s)

    def _burn(self, load_w: float, dt_s: float, at_s: float) -> None:
        """Sun first, then the battery's share, then fuel. A truck fills the tank at five in the morning."""
        plant = self.plant
        sun_w = plant.sun_w * self.sun(at_s) * self.share
        rest_w = load_w - sun_w
        if plant.battery_kwh:
            engines_w = plant.engines_w if self.fuel_l > 0 and not self.engines_fail else 0.0
            flow_w = max(-plant.battery_w, min(plant.battery_w, rest_w - 0.9 * engines_w))
            self.soc_pct -= flow_w * dt_s / 36_000 / plant.battery_kwh
            self.soc_pct = min(100.0, max(0.0, self.soc_pct))
            rest_w -= flow_w
        if plant.engines_w:
            self.fuel_l = max(0.0, self.fuel_l - max(0.0, rest_w) * LITRES_KWH * dt_s / 3.6e6)
            local = self._local_s + at_s
            if (local - 5 * 3600) // DAY_S != (local - dt_s - 5 * 3600) // DAY_S:
                self.fuel_l = plant.tank_l

    # ---------------------------------------------------------------- what instruments make of it

    def shown_hz(self, at_s: float) -> float:
        """With the flicker of a small set; 0 when it stands."""
        flicker = 0.015 * normal(key_of(self._seed, "hertz"), int(at_s // 5))
        return self.grid_hz + flicker if self.grid_hz else 0.0

    def engines_pct(self) -> float:
        """Load of the engines, percent of what they may carry."""
        plant = self.plant
        return min(200.0, 100 * self.load_w / plant.engines_w) if plant.engines_w else 0.0
