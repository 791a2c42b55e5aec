"""The 1 MW container: miners, boards, air, fans, outlets. Pure and seeded; its clock is plant seconds from 0.

`advance(to_s)` moves it, `schedule(at_s, action)` puts an action at its exact second. Between actions it goes in
10 s steps, for a minute after each action in 2 s steps, so that a proof after 10 s sees what a meter would see.
"""

import heapq
import math
from random import Random
from typing import Final

from mine_controller.record import NamedTuple
from mine_controller.twin import air, boards
from mine_controller.twin.fans import Fans
from mine_controller.twin.weather import Weather, humidity_pct

QUIET_S: Final = 10.0
FINE_S: Final = 2.0
FINE_FOR_S: Final = 60.0
TRIP_C: Final = 72.0
RESTART_BELOW_C: Final = 50.0
PROBE_TAU_S: Final = 60.0
REFRESH_S: Final = 60  # how often the room monitor shows new values


class Action(NamedTuple):
    """What is done to one unit, 0-based. kind and verb: miner run|stop, outlet on|off, fan on|off."""

    kind: str
    unit: int
    verb: str


class Fleet:
    """What is wrong or remembered in each miner and outlet. Outlet i feeds miner i."""

    def __init__(self, count: int) -> None:
        self.outlet_on = [False] * count  # the contact as the PDU drives it
        self.welded = [False] * count  # contact stuck: stays closed
        self.asleep = [False] * count  # kept by the firmware, also without power
        self.tripped = [False] * count
        self.mute = [False] * count  # takes commands, does nothing
        self.liar = [False] * count  # says it sleeps, hashes on
        self.says_asleep = [False] * count
        self.slow_boot = [False] * count
        self.api_dies = [False] * count  # stops answering when it stops hashing
        self.dead = [False] * count  # power supply gone

    def powered(self, i: int) -> bool:
        """True when mains reach miner i."""
        return self.outlet_on[i] or self.welded[i]


class Shown(NamedTuple):
    """What slow probes have reached: degC, % RH."""

    inlet_c: float
    hot_aisle_c: float
    ambient_c: float
    humidity_pct: float


class World:
    """One container. `signal` is the utility's true word (a story sets it) and counts only for `permitted_kwh`."""

    def __init__(  # noqa: PLR0913 - the facts of a site, all with defaults
        self,
        seed: int,
        start_wall_s: int = 1_784_091_600,
        *,
        miners: int = 280,
        fans: int = 9,
        weather: str = "july",
        zone: str = "UTC",
        nominal_w: float = 3400.0,
        cap_w: float = 1_000_000.0,
        trips: bool = True,
    ) -> None:
        self.seed, self.start_wall_s = seed, start_wall_s
        self.nominal_w, self.cap_w, self.trips = nominal_w, cap_w, trips
        self.random = Random(seed)  # noqa: S311 - a model, not a secret
        self.weather = Weather(seed, start_wall_s, weather, zone)
        self.now_s = 0.0
        self.signal = "run"
        self.smoke = self.water = self.door_open = False
        self.mains = True
        self.fans = Fans(fans, seed)
        self.fleet = Fleet(miners)
        sizes = [1 + self.random.uniform(-0.05, 0.05) for _ in range(miners)]
        self.inlet_c = self.wall_c = self.weather.ambient_c(0)
        self.boards = boards.Boards(sizes, nominal_w, self.inlet_c)
        self.stop_tau_s = [self.random.uniform(3, 10) / 3 for _ in range(miners)]  # 3..10 s until 95 % is shed
        self._pending: list[tuple[float, int, Action]] = []
        self._count = 0
        self._fine_until_s = 0.0
        self._kj = self._fan_kj = self._permitted_kj = 0.0
        self._probe = self._shown = self._truth(self.inlet_c, self.inlet_c)
        self._healthy_w = -1.0

    def _truth(self, ambient_c: float, hot_c: float) -> Shown:
        return Shown(self.inlet_c, hot_c, ambient_c, humidity_pct(self.inlet_c, self.weather.dew_c(self.now_s)))

    # ---------------------------------------------------------------- time

    def schedule(self, at_s: float, action: Action) -> None:
        """Do `action` at plant second `at_s`; a moment already past means now."""
        self._count += 1
        heapq.heappush(self._pending, (max(at_s, self.now_s), self._count, action))

    def advance(self, to_s: float) -> None:
        """Move to plant second `to_s`, doing what is due on the way. Going back does nothing."""
        while True:
            self._do_due()
            if self.now_s >= to_s:
                return
            until = min(to_s, self._pending[0][0]) if self._pending else to_s
            self._step(min(until - self.now_s, self._stride_s()))

    def _stride_s(self) -> float:
        return FINE_S if self.now_s < self._fine_until_s else QUIET_S

    def _do_due(self) -> None:
        while self._pending and self._pending[0][0] <= self.now_s:
            self.do(heapq.heappop(self._pending)[2])

    def touch(self) -> None:
        """Something was changed from outside: look finely for a minute."""
        self._fine_until_s = self.now_s + FINE_FOR_S
        self._healthy_w = -1.0

    def _step(self, dt_s: float, ambient_c: float | None = None) -> None:
        if ambient_c is None:
            ambient_c = self.weather.ambient_c(self.now_s + dt_s / 2)
        self.fans.step(dt_s)
        drawn_kw = self.boards.step(self.now_s, dt_s, self.inlet_c)
        load, air_m3s = self._load(), self.fans.air_m3s()
        target_c = air.inlet_target_c(load, air_m3s, ambient_c, self.wall_c)
        self.inlet_c = target_c + (self.inlet_c - target_c) * math.exp(-dt_s / air.LAG_S)
        hot_c = air.hot_aisle_c(self.inlet_c, load.heat_kw(self.inlet_c), load.miners_m3s, air_m3s)
        into_wall_kw = air.WALL_KW_K * ((self.inlet_c + hot_c) / 2 - self.wall_c)
        self.wall_c += (into_wall_kw - air.SHELL_KW_K * (self.wall_c - ambient_c)) * dt_s / air.WALL_KJ_K
        self.now_s += dt_s
        self._count_energy(drawn_kw, dt_s, ambient_c)
        self._probes(dt_s, self._truth(ambient_c, hot_c))
        if self.trips:
            self._trip()
        self.boards.settle(self.now_s)

    def _load(self) -> air.Load:
        blown = dark = blown_sum = dark_sum = 0.0
        for lot in self.boards.lots:
            heat = len(lot.members) * lot.a_c + lot.size_sum * lot.b_k
            if lot.mode == boards.OFF:
                dark, dark_sum = dark + len(lot.members), dark_sum + heat
            else:
                blown, blown_sum = blown + len(lot.members), blown_sum + heat
        return air.Load(
            blown / boards.BLOWN_K_KW,
            dark / boards.DARK_K_KW,
            blown_sum / blown if blown else 0.0,
            dark_sum / dark if dark else 0.0,
            blown * air.MINER_M3S,
        )

    def _trip(self) -> None:
        hot = self.boards.hotter_than(TRIP_C)
        if hot:
            self.boards.move(hot, boards.STANDBY, self.now_s)
            for i in hot:
                self.fleet.tripped[i] = True

    def _probes(self, dt_s: float, true: Shown) -> None:
        keep, old = math.exp(-dt_s / PROBE_TAU_S), self._probe
        self._probe = Shown(*[t + (o - t) * keep for t, o in zip(true, old, strict=True)])
        if self.now_s // REFRESH_S != (self.now_s - dt_s) // REFRESH_S:
            self._shown = self._probe

    # ---------------------------------------------------------------- actions

    def do(self, action: Action) -> None:
        """Do it now."""
        kind, unit, verb = action
        self.touch()
        if kind == "fan":
            self.fans.on[unit] = verb == "on"
        elif kind == "outlet":
            self._outlet(unit, verb == "on")
        elif kind == "miner":
            self._miner(unit, verb)
        else:
            raise ValueError(f"no action on a {kind}")

    def spare(self, relay: int, on: bool, at_s: float) -> None:
        """A relay beyond the fans was switched: nothing hangs on it here."""

    def _outlet(self, i: int, on: bool) -> None:
        before = self.fleet.powered(i)
        self.fleet.outlet_on[i] = on
        after = self.fleet.powered(i)
        if before and not after:
            self.boards.move([i], boards.OFF, self.now_s)
        elif after and not before:
            self.fleet.tripped[i] = self.fleet.says_asleep[i] = False
            self._boot(i)

    def _boot(self, i: int) -> None:
        if self.fleet.dead[i]:
            return
        lead = boards.SLOW_BOOT_S if self.fleet.slow_boot[i] else boards.BOOT_S
        if self.fleet.api_dies[i]:
            self.fleet.asleep[i] = False  # nobody could wake it, so this firmware starts afresh
        asleep = self.fleet.asleep[i]  # else sleep outlives a power cut; only a wake-up ends it
        self.boards.move([i], boards.STANDBY if asleep else boards.STARTING, self.now_s, lead)

    def _miner(self, i: int, verb: str) -> None:
        fleet, mode = self.fleet, self.boards.mode(i)
        if mode == boards.OFF or fleet.mute[i]:
            return
        if fleet.liar[i]:
            fleet.says_asleep[i] = verb == "stop"
            return
        if verb == "stop":
            fleet.asleep[i] = True
            if mode in (boards.STARTING, boards.RUNNING):
                self.boards.move([i], boards.STOPPING, self.now_s, tau_s=self.stop_tau_s[i])
        elif mode in (boards.STANDBY, boards.STOPPING):
            self._wake(i)

    def _wake(self, i: int) -> None:
        if self.fleet.tripped[i] and self.boards.board_c(i) >= RESTART_BELOW_C:
            return
        self.fleet.asleep[i] = self.fleet.tripped[i] = False
        self.boards.move([i], boards.STARTING, self.now_s)

    def weld(self, i: int, stuck: bool) -> None:
        """Weld the contact of outlet i, or free it."""
        before = self.fleet.powered(i)
        self.fleet.welded[i] = stuck
        if before and not self.fleet.powered(i):
            self.boards.move([i], boards.OFF, self.now_s)
        elif self.fleet.powered(i) and not before:
            self._boot(i)

    def check(self, i: int) -> None:
        """Make a supply just broken or mended show: dead ones go dark, mended ones boot."""
        mode = self.boards.mode(i)
        if self.fleet.dead[i] and mode != boards.OFF:
            self.boards.move([i], boards.OFF, self.now_s)
        elif not self.fleet.dead[i] and mode == boards.OFF and self.fleet.powered(i):
            self._boot(i)

    def run_all(self, fans_on: int | None = None) -> None:
        """Begin in full swing: `fans_on` fans at speed (None: all), every miner running, boards and air settled."""
        count = len(self.fans.on) if fans_on is None else fans_on
        self.fans.on = [i < count for i in range(len(self.fans.on))]
        self.fans.speed = [float(on) for on in self.fans.on]
        alive = [i for i, dead in enumerate(self.fleet.dead) if not dead]
        self.fleet.outlet_on = [True] * len(self.boards.sizes)
        self.boards.move(alive, boards.RUNNING, self.now_s)
        self.settle()

    def settle(self, for_s: float = 3_000.0) -> None:
        """Let boards, air and walls come to rest under the weather of now; no time passes, nothing is counted."""
        keep = self.now_s, self._kj, self._fan_kj, self._permitted_kj, self.trips
        self.trips = False
        ambient_c = self.weather.ambient_c(self.now_s)
        while self.now_s < keep[0] + for_s:
            self._step(QUIET_S, ambient_c)
        self.now_s, self._kj, self._fan_kj, self._permitted_kj, self.trips = keep
        self.boards.forget_energy()
        self._probe = self._shown = self._truth(ambient_c, self.hot_aisle_c)

    # ---------------------------------------------------------------- truth

    @property
    def hot_aisle_c(self) -> float:
        """Air behind the miners."""
        load = self._load()
        return air.hot_aisle_c(self.inlet_c, load.heat_kw(self.inlet_c), load.miners_m3s, self.fans.air_m3s())

    @property
    def shown(self) -> Shown:
        """What the room monitor's probes show: 60 s slow, new each minute."""
        return self._shown

    def miner_w(self, i: int) -> float:
        """True watts of miner i."""
        return self.boards.miner_w(i, self.now_s, self.inlet_c)

    def miners_w(self) -> float:
        """True watts of all miners."""
        return self.boards.total_w(self.now_s, self.inlet_c)

    def power_w(self) -> float:
        """True watts of the site: miners and fans."""
        return self.miners_w() + self.fans.total_w()

    def board_c(self, i: int) -> float:
        """True board temperature of miner i."""
        return self.boards.board_c(i)

    def word(self, i: int) -> str:
        """What miner i says of itself: hashing, sleeping, booting, error or offline."""
        mode = self.boards.mode(i)
        if mode == boards.OFF:
            return "offline"
        if self.fleet.tripped[i]:
            return "error"
        if mode == boards.STARTING:
            lot = self.boards.lot(i)
            return "booting" if self.now_s - lot.since_s < lot.lead_s + boards.INIT_S else "hashing"
        asleep = mode != boards.RUNNING or self.fleet.says_asleep[i]
        if asleep:
            return "offline" if self.fleet.api_dies[i] else "sleeping"
        return "hashing"

    def starts(self, i: int) -> int:
        """How often miner i truly began to start."""
        return self.boards.starts[i]

    def energy_kwh(self) -> float:
        """What the miners used since second 0."""
        return self._kj / 3600

    def fans_kwh(self) -> float:
        """What the fans used since second 0."""
        return self._fan_kj / 3600

    def permitted_kwh(self) -> float:
        """Nominal energy of the healthy miners while the signal said run and the inlet could be held in its window."""
        return self._permitted_kj / 3600

    def _count_energy(self, drawn_kw: float, dt_s: float, ambient_c: float) -> None:
        self._kj += drawn_kw * dt_s
        self._fan_kj += self.fans.total_w() / 1000 * dt_s
        if self._healthy_w < 0:
            pairs = zip(self.boards.sizes, self.fleet.dead, strict=True)
            self._healthy_w = self.nominal_w * math.fsum(size for size, dead in pairs if not dead)
        if self.signal == "run" and not (self.smoke or self.water) and self._could_run(ambient_c):
            self._permitted_kj += min(self._healthy_w, self.cap_w) / 1000 * dt_s

    def _could_run(self, ambient_c: float) -> bool:
        pull = self.fleet.dead.count(False) * air.MINER_M3S
        best_c = air.steady_inlet_c(self._healthy_w / 1000, pull, self.fans.most_m3s(), ambient_c)
        return best_c <= air.INLET_MOST_C
