"""One miner with a physics of its own: power, heat, fans, shares, and what can be wrong with it. Pure and seeded.

Its clock is plant seconds. `advance(to_s)` moves it; `do(verb, value, at_s)` tells it something, at once or at its
second. Who speaks for it on the wire is a server's business: the rig knows no protocol, only whether its firmware
listens. Small boards after hobby units: chips warm with tau 40 s, stop at 75 degC, go on below 45 degC after half a
minute, 100 MHz slower. Large ones take a minute to boot, ramp up, and keep a trip until they are told to run.
"""

import heapq
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from random import Random
from typing import Final

from mine_controller.record import NamedTuple
from mine_controller.twin.boards import factor
from mine_controller.twin.noise import key_of, normal
from mine_controller.twin.settings import SET, Mode, Settings

__all__ = ["Habits", "Heat", "Mode", "Rig"]

QUIET_S: Final = 30.0
FINE_S: Final = 2.0
SLOW_BOOT: Final = 8.4  # times the usual boot
INIT: Final = 0.25  # share of the ramp in which nothing is hashed yet
STOPPED_BELOW: Final = 0.004
SHARE_S: Final = 12.0  # one share in so many seconds at full rate
COOL_S: Final = 30.0  # a hot board waits at least this long
LOWER_MHZ: Final = 100.0  # and goes on so much slower
SLOWEST_MHZ: Final = 50.0
LOWER_MV: Final = 100.0
LEAST_MV: Final = 1000.0
CALM_PCT: Final = 60.0  # the fan speed at which `Heat.rise_k` was measured
START_WALL_S: Final = 1_784_091_600

OFF, BOOTING, STARTING, RUNNING = "off", "booting", "starting", "running"
STOPPING, IDLE, HOT = "stopping", "idle", "hot"


class Heat(NamedTuple):
    """How chips warm: `rise_k` above the air at nominal power and 60 % fan, tau, the trip, and its way back."""

    rise_k: float = 33.0
    tau_s: float = 40.0
    trip_c: float = 75.0
    cool_c: float = 45.0
    recovers: bool = True  # goes on by itself, slower; else it waits for a word
    pins_fan: bool = False  # takes off voltage too, and leaves its fan at 100 % by hand


class Habits(NamedTuple):
    """What firmware does of its own accord."""

    stop_word: str = "sleeping"  # what a stopped one says
    sleep_lasts: bool = False  # stopped is kept over a restart and a power cut
    needs_pool: bool = False  # hashes nothing while no pool is reached
    reloads: bool = False  # waking starts its miner program anew: its clock and counters too


class Rig(Settings):
    """One miner. Faults are attributes that whoever tells the story sets and unsets.

    `ambient_c` is the air it draws. `host` may change (DHCP). Verbs are those of a command, and "on" and "off" of the
    plug that feeds it.
    """

    def __init__(  # noqa: PLR0913 - the facts of a unit, all by name
        self,
        *,
        kind: str,
        name: str,
        mac: str = "",
        serial: str = "",
        host: str = "127.0.1.1",
        model: str = "",
        firmware: str = "",
        nominal_w: float = 17.0,
        standby_w: float = 2.0,
        rate_ths: float = 0.0,
        rate_hs: float = 0.0,
        modes: Mapping[str, Mode] | None = None,
        mode: str = "",
        pools: Iterable[tuple[str, str]] = (),
        fans: int = 1,
        fan_rpm: float = 6000.0,
        boot_s: float = 10.0,
        ramp_s: float = 20.0,
        seed: int = 1,
        heat: Heat | None = None,
        habits: Habits | None = None,
        bias: float = 0.0,
        ambient_c: float = 25.0,
        start_wall_s: int = START_WALL_S,
        running: bool = True,
    ) -> None:
        super().__init__(modes, mode, pools)
        self.kind, self.name, self.mac, self.serial, self.host = kind, name, mac, serial, host
        self.model, self.firmware = model, firmware
        self.nominal_w, self.standby_w, self.full_hs = nominal_w, standby_w, rate_hs or rate_ths * 1e12
        self.fans, self.top_rpm, self.boot_s, self.ramp_s = fans, fan_rpm, boot_s, ramp_s
        self.heat, self.habits = heat or Heat(), habits or Habits()
        self.bias = bias  # of its own watt meter
        self.ambient_c, self.start_wall_s = ambient_c, start_wall_s
        self._key = key_of(seed, f"rig {name}")
        self._tau_s = Random(self._key).uniform(3, 10) / 3  # noqa: S311 - a model, not a secret
        # faults
        self.silent = self.liar = self.slow_boot = self.api_dies = self.mute = False
        self.garbage = self.quirky = self.tarpit = self.refuses = False
        # state
        self.now_s = 0.0
        self.phase = OFF
        self.powered = self.says_stopped = self._wants_stop = False
        self.starts = 0
        self.restarts = 0
        self.commands: Counter[str] = Counter()  # that reached it, whatever became of them
        self._since_s = self._lead_s = self._booted_s = 0.0
        self._share_0 = 1.0
        self._work_s = self._kj = 0.0
        self._chip_c = ambient_c
        self._pending: list[tuple[float, int, str, str]] = []
        self._stored: list[tuple[str, str]] = []
        self._count = 0
        if running:
            self._begin()

    def _begin(self) -> None:
        """In full swing, warm, and up for an hour."""
        self.powered, self.phase, self._since_s, self._booted_s = True, RUNNING, -self.ramp_s, -3600.0
        self._work_s = 3600.0
        for _ in range(60):
            self._warm(self.heat.tau_s)

    # ---------------------------------------------------------------- time

    def advance(self, to_s: float) -> None:
        """Move to plant second `to_s`, doing what is due on the way. Going back does nothing."""
        while True:
            self._do_due()
            self._mature()
            if self.now_s >= to_s:
                return
            ends_s = min(to_s, self._edge_s(), self._pending[0][0] if self._pending else to_s)
            self._step(min(ends_s - self.now_s, self._stride_s()))

    def _do_due(self) -> None:
        while self._pending and self._pending[0][0] <= self.now_s:
            _, _, verb, value = heapq.heappop(self._pending)
            self._act(verb, value)

    def _edge_s(self) -> float:
        """When the phase ends by itself."""
        lasts_s = {BOOTING: self._lead_s, STARTING: self.ramp_s}.get(self.phase)
        return math.inf if lasts_s is None else self._since_s + lasts_s

    def _stride_s(self) -> float:
        if self.phase in (STARTING, STOPPING, HOT) or abs(self._target_c() - self._chip_c) > 1:
            return FINE_S
        return QUIET_S

    def _step(self, dt_s: float) -> None:
        before_w = self.power_w()
        self._warm(dt_s)
        self.now_s += dt_s
        self._kj += (before_w + self.power_w()) / 2 * dt_s / 1000
        if self.pool_in_use() is not None and self.full_hs:
            self._work_s += dt_s * self.rate_hs() / self.full_hs

    def _warm(self, dt_s: float) -> None:
        target_c = self._target_c()
        self._chip_c = target_c + (self._chip_c - target_c) * math.exp(-dt_s / self.heat.tau_s)

    def _target_c(self) -> float:
        """Where the chips go: more speed of the fan, less rise; none at all is 2.8 times the calm one's."""
        calm = 0.35 + 0.65 * math.sqrt(CALM_PCT / max(5.0, self.fan_pct())) if self.powered else 1.0
        share = max(0.0, self.power_w() - self.standby_w) / self.nominal_w
        return self.ambient_c + self.heat.rise_k * calm * share + (2.0 if self.powered else 0.0)

    def _mature(self) -> None:
        """End a phase that is over."""
        if self.now_s >= self._edge_s():
            if self.phase == STARTING:
                self._enter(RUNNING)
            else:
                self._booted()
        elif self.phase == STOPPING and self._share() < STOPPED_BELOW:
            self._enter(IDLE)
        elif self.phase in (RUNNING, STARTING) and self._chip_c > self.heat.trip_c:
            self._enter(HOT)
            self.fan_set = 100.0 if self.heat.pins_fan else self.fan_set
        elif self.phase == HOT and self.heat.recovers and self.now_s - self._since_s >= COOL_S:
            self._go_on()

    def _enter(self, phase: str, lead_s: float = 0.0) -> None:
        self._share_0 = self._share()
        self.phase, self._since_s, self._lead_s = phase, self.now_s, lead_s

    def _booted(self) -> None:
        self._booted_s, self._work_s = self.now_s, 0.0
        for verb, value in self._stored:
            self.change(verb, value)
        self._stored.clear()
        self._enter(IDLE if self._wants_stop else STARTING)

    def _go_on(self) -> None:
        if self._chip_c < self.heat.cool_c:
            slower = max(SLOWEST_MHZ, self.tuned.frequency_mhz - LOWER_MHZ)
            millivolts = self.tuned.core_voltage_mv
            if self.tuned.frequency_mhz:
                self.tune(slower, max(LEAST_MV, millivolts - LOWER_MV) if self.heat.pins_fan else millivolts)
            self._start()

    # ---------------------------------------------------------------- commands

    def do(self, verb: str, value: str = "", at_s: float | None = None) -> bool:
        """Do it at plant second `at_s` (None or past: now). False: no such verb or value; nothing happens then.

        Values as in a command, but for pool: see `change`.
        """
        if not self.takes(verb, value):
            return False
        self.commands[verb] += verb not in ("on", "off")  # that is its plug
        if at_s is None or at_s <= self.now_s:
            self._act(verb, value)
        else:
            self._count += 1
            heapq.heappush(self._pending, (at_s, self._count, verb, value))
        return True

    def store(self, verb: str, value: str) -> bool:
        """Take a setting (mode pool limit tune fan) that counts from the next start of the firmware on."""
        if verb not in SET or not self.takes(verb, value):
            return False
        self.commands[verb] += 1
        if not self.mute:
            self._stored.append((verb, value))
        return True

    def kept(self) -> Settings:
        """The settings as they lie in its memory: what holds now, and what will after its next start."""
        seen = Settings(self.modes, self.mode, self.pools)
        seen.mode, seen.tuned, seen.limit_w = self.mode, self.tuned, self.limit_w
        seen.fan_set, seen.first_pool, seen.reachable = self.fan_set, self.first_pool, self.reachable
        for verb, value in self._stored:
            seen.change(verb, value)
        return seen

    def _act(self, verb: str, value: str) -> None:
        if verb in ("on", "off"):
            self._plug(on=verb == "on")
        elif not self.mute and self.phase not in (OFF, BOOTING):
            if verb in ("run", "stop"):
                self._told(stop=verb == "stop")
            elif verb == "restart":
                self._restart()
            elif verb == "locate":
                self.light = value == "on"
            else:
                self.change(verb, value)

    def _told(self, *, stop: bool) -> None:
        if self.liar:
            self.says_stopped = stop
            return
        self.says_stopped = False
        if stop:
            self._wants_stop = True
            if self.phase in (STARTING, RUNNING, HOT):
                self._enter(STOPPING if self.phase != HOT else IDLE)
        elif self.phase in (STOPPING, IDLE) or (self.phase == HOT and self._chip_c < self.heat.cool_c):
            self._wants_stop = False
            self._start()

    def _start(self) -> None:
        self._enter(STARTING)
        self.starts += 1
        if self.habits.reloads:
            self._booted_s, self._work_s = self.now_s, 0.0

    def _restart(self) -> None:
        self.restarts += 1
        self._boot()

    def _boot(self) -> None:
        if not self.habits.sleep_lasts or self.api_dies:  # nobody could wake one whose API is dead
            self._wants_stop = False
        self.says_stopped = False
        self.starts += not self._wants_stop
        self._enter(BOOTING, self.boot_s * (SLOW_BOOT if self.slow_boot else 1.0))

    def _plug(self, *, on: bool) -> None:
        if on == self.powered:
            return
        self.powered = on
        if on:
            self._boot()
        else:
            self._enter(OFF)

    # ---------------------------------------------------------------- truth

    def _share(self) -> float:
        """The share of its power above standby that flows now."""
        age_s = self.now_s - self._since_s
        if self.phase == RUNNING:
            return 1.0
        if self.phase == STARTING:
            init_s = INIT * self.ramp_s
            return min(1.0, max(0.0, age_s - init_s) / max(1e-9, self.ramp_s - init_s))
        return self._share_0 * math.exp(-age_s / self._tau_s) if self.phase == STOPPING else 0.0

    def _strength(self) -> tuple[float, float]:
        """Watts above standby and hashes a second if nothing held it back but its settings."""
        extra_w = max(0.0, self.nominal_w * self.tuned.power * factor(self.ambient_c) - self.standby_w)
        room_w = math.inf if self.limit_w is None else max(0.0, self.limit_w - self.standby_w)
        held = min(1.0, room_w / extra_w) if extra_w else 1.0
        return extra_w * held, self.full_hs * self.tuned.rate * held

    def _works(self) -> float:
        """The share that hashes now: none without a pool where the firmware wants one."""
        return 0.0 if self.habits.needs_pool and self.pool_in_use() is None else self._share()

    @property
    def hashing(self) -> bool:
        """Whether it truly hashes, whatever it says."""
        return self.rate_hs() > 0

    @property
    def stopped(self) -> bool:
        """Whether it says that it was stopped."""
        return self.says_stopped or self.phase in (STOPPING, IDLE)

    def api(self) -> str:
        """Whether its firmware answers: "up", "silent" (takes no connection), "tarpit" (takes it and drips)."""
        dead = self.api_dies and self.phase in (STOPPING, IDLE)
        if self.silent or dead or self.phase in (OFF, BOOTING):
            return "silent"
        return "tarpit" if self.tarpit else "up"

    def word(self) -> str:
        """What it says of itself: hashing, booting, error, stopped or sleeping; offline when nobody hears it."""
        if self.api() != "up":
            return "offline"
        if self.phase == HOT:
            return "error"
        if self.stopped:
            return self.habits.stop_word
        if self._share() == 0:
            return "booting"
        return "hashing" if self._works() else "stopped"

    def power_w(self) -> float:
        """True watts, as a plug would measure them."""
        return self.standby_w + self._strength()[0] * self._works() if self.powered else 0.0

    def told_w(self) -> float:
        """Watts by its own meter."""
        return self.power_w() * (1 + self.bias)

    def rate_hs(self) -> float:
        """True hashes a second."""
        return self._strength()[1] * self._works()

    def rate_ths(self) -> float:
        """True TH/s."""
        return self.rate_hs() / 1e12

    def told_hs(self) -> float:
        """Hashes a second as it shows them: a few percent up and down, nothing while it says it is stopped."""
        shown = 0.0 if self.stopped else self.rate_hs()
        return shown * (1 + 0.015 * normal(self._key, int(self.now_s // 10)))

    def mean_hs(self) -> float:
        """Hashes a second on average since its firmware came up; a stop leaves it high, as real ones do."""
        return self.full_hs * self._work_s / max(1.0, self.uptime_s())

    def chip_c(self) -> float:
        """Temperature of its chips."""
        return self._chip_c

    def board_c(self) -> float:
        """Temperature of its boards, between air and chips."""
        return self.ambient_c + 0.65 * (self._chip_c - self.ambient_c)

    def fan_pct(self) -> float:
        """Speed of its fans: as set, or after the chips."""
        if not self.powered:
            return 0.0
        if self.fan_set is not None:
            return self.fan_set
        return min(100.0, max(25.0, 35.0 + 2.5 * (self._chip_c - 50.0)))

    def fan_rpm(self) -> float:
        """Revolutions a minute of one fan."""
        return self.top_rpm * self.fan_pct() / 100

    def fan_rpms(self) -> list[int]:
        """Each fan for itself; no two turn alike."""
        return [round(self.fan_rpm() * (1 + 0.01 * normal(self._key, -1 - at))) for at in range(self.fans)]

    def uptime_s(self) -> float:
        """Seconds since its firmware came up; 0 while it does not run."""
        return 0.0 if self.phase in (OFF, BOOTING) else self.now_s - self._booted_s

    def shares(self) -> tuple[int, int, int]:
        """Accepted, rejected and stale ones since its firmware came up."""
        found = int(self._work_s / SHARE_S)
        return found - found // 300 - found // 1000, found // 300, found // 1000

    def energy_kwh(self) -> float:
        """What it used since second 0."""
        return self._kj / 3600

    def wall_s(self) -> int:
        """Its own clock: epoch seconds."""
        return self.start_wall_s + int(self.now_s)
