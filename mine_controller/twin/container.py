"""A container on a weak source: the air and boards of `World`, fed by a `Source`, mining over uplinks that come and go.

A miner whose pools are all out of reach stops hashing by itself: its firmware idles, which to the source is load gone.
With the holding pool open it goes on. After a black-out everything that was not asleep starts by itself.
"""

import math
from typing import Final

from mine_controller.twin import boards
from mine_controller.twin.fans import Fans
from mine_controller.twin.noise import key_of, normal, uniform
from mine_controller.twin.settings import Settings
from mine_controller.twin.source import Source
from mine_controller.twin.weather import saturation_hpa
from mine_controller.twin.world import Action, Shown, World

RATE_HS: Final = 110e12
SHARE_KWH: Final = 0.011  # one share in about 12 s at full rate
FIRMWARE: Final = "4.12.0"
MODEL: Final = "SHA-256 3400"
WALL_EFFECT: Final = 0.75  # how far an evaporative wall brings the air towards its wet bulb
SOAK_TAU_S: Final = 60.0  # wet through after three minutes
DAMP: Final = 0.02  # less is dry
DRY_TAU_S: Final = 300.0  # and dry after fifteen
COAST_S: Final = 150.0  # a line that died in silence is noticed, and the last work used up
HOLDING: Final = "holding"
PUBLIC: Final = "public"
LINKS: Final = {"Starlink": 42.0, "LTE": 95.0}  # name and usual latency, ms


class MainsFans(Fans):
    """Container fans that stand while the source is dark, whatever their relays say."""

    dark = False

    def turning(self, fan: int) -> bool:
        """True when the motor has power and works."""
        return not self.dark and super().turning(fan)


class Seat(Settings):
    """One miner of the container as a firmware sees itself: what the servers of LAN miners ask of a unit.

    `sticky`: once on the holding pool it stays there, whatever it is told, until it is restarted.
    """

    kind = "cgminer"
    fans = 4
    model, firmware = MODEL, FIRMWARE
    silent = garbage = quirky = tarpit = refuses = False

    def __init__(self, world: "Container", number: int, pools: list[tuple[str, str]]) -> None:
        super().__init__(None, "", pools)
        self.world, self.number = world, number
        self.name = f"a{number + 1:03}"
        self.mac = f"02:4d:48:01:{number >> 8:02x}:{number & 255:02x}"
        self.serial = f"TWINOG{number + 1:04}"
        self.host = f"127.0.2.{number + 1}"
        self._key = key_of(world.seed, f"seat {number}")
        self.bias = 0.07 * uniform(self._key, 0) - 0.02  # of its own watt meter
        self.sticky = self.stuck = self.idle = False
        self.booted_s = -3600.0

    def advance(self, to_s: float) -> None:
        """Time is the container's."""

    def do(self, verb: str, value: str = "", at_s: float | None = None) -> bool:
        """Tell it something, to be done at plant second `at_s`. False: no such verb or value."""
        if not self.takes(verb, value):
            return False
        if verb in ("run", "stop", "restart"):
            self.world.tell(self.number, verb, at_s)
        elif not self.world.fleet.mute[self.number] and not self.stuck:
            self.change(verb, value)
            if verb == "pool":
                self.world.route(self)
        return True

    def url_in_use(self) -> str:
        """The pool it works for, "" for none."""
        used = self.pool_in_use()
        return "" if used is None else self.pools[used][0]

    # ---------------------------------------------------------------- what it says of itself

    @property
    def phase(self) -> str:
        """The mode of its boards, "hot" after a trip."""
        return "hot" if self.world.fleet.tripped[self.number] else self.world.boards.mode(self.number)

    def api(self) -> str:
        """Whether its firmware answers."""
        world, i = self.world, self.number
        mode = world.boards.mode(i)
        dead = world.fleet.api_dies[i] and mode in (boards.STANDBY, boards.STOPPING)
        return "silent" if self.silent or dead or mode == boards.OFF or world.booting(i) else "up"

    @property
    def stopped(self) -> bool:
        """Whether it says that it was stopped."""
        fleet = self.world.fleet
        return fleet.says_asleep[self.number] or fleet.asleep[self.number]

    def _share(self) -> float:
        lot = self.world.boards.lot(self.number)
        return lot.level(self.world.now_s).share

    def told_w(self) -> float:
        """Watts by its own meter."""
        noise = normal(self._key, 1_000_000 + int(self.world.now_s // 10))
        return self.world.miner_w(self.number) * (1 + self.bias + 0.004 * noise)

    def told_hs(self) -> float:
        """Hashes a second as it shows them."""
        shown = 0.0 if self.stopped else RATE_HS * self._share()
        return shown * (1 + 0.015 * normal(self._key, int(self.world.now_s // 10)))

    def mean_hs(self) -> float:
        """On average since it came up; near enough."""
        return 0.97 * RATE_HS

    def chip_c(self) -> float:
        """Temperature of its chips: 15 K above its boards at full load."""
        return self.world.board_c(self.number) + 15 * self._share()

    def board_c(self) -> float:
        """Temperature of its boards."""
        return self.world.board_c(self.number)

    def fan_rpms(self) -> list[int]:
        """Its own fans."""
        return [round(4200 * (1 + 0.01 * normal(self._key, -1 - at))) for at in range(self.fans)]

    def uptime_s(self) -> float:
        """Seconds since its firmware came up."""
        return max(0.0, self.world.now_s - self.booted_s)

    def shares(self) -> tuple[int, int, int]:
        """Accepted, rejected and stale ones; a poor line costs some."""
        found = int(self.world.boards.miner_kwh(self.number) / SHARE_KWH)
        rejected, stale = (found + 37 * self.number % 300) // 300, (found + 53 * self.number % 500) // 500
        return max(0, found - rejected - stale), rejected, stale  # no two lose theirs at the same moment

    def wall_s(self) -> int:
        """Its own clock."""
        return self.world.start_wall_s + int(self.world.now_s)


class Container(World):
    """`source` feeds it. `links` are its uplinks; `internet` is what lies behind all of them."""

    def __init__(
        self,
        seed: int,
        start_wall_s: int,
        pools: dict[str, tuple[str, str]],
        *,
        miners: int = 160,
        fans: int = 6,
        weather: str = "savanna",
        zone: str = "UTC",
        plant: str = "diesel",
    ) -> None:
        super().__init__(seed, start_wall_s, miners=miners, fans=fans, weather=weather, zone=zone)
        self.fans: MainsFans = MainsFans(fans, seed)
        self.source = Source(seed, start_wall_s, zone, plant=plant, scale=miners / 160)
        self.links = dict.fromkeys(LINKS, True)
        self.internet = True
        self.holding_open, self.holding_lives = False, True
        self.wall_wet = False  # the evaporative wall, wetted by its own thermostat
        self.pump_on, self.tank_full = False, True  # its pump, by the first relay beyond the fans
        self.wetness = 0.0  # of its cloth, 0 to 1
        self._pools = pools
        self.seats = [Seat(self, i, list(pools.values())) for i in range(miners)]
        self.fleet.outlet_on = [True] * miners  # nothing here can switch a miner's mains but the source itself
        self.fed = True
        self.lost: set[int] = set()  # phases of the feed; a third of the miners hangs on each
        self.reroute()

    def _truth(self, ambient_c: float, hot_c: float) -> Shown:
        """The probe outside stands before the wall, in air that it does not cool."""
        outside_c = self.weather.ambient_c(self.now_s) if self.now_s else ambient_c
        found = super()._truth(outside_c, hot_c)
        wetness = getattr(self, "wetness", 0.0)  # the world's first look is before the wall stands
        if wetness < DAMP:
            return found
        dew_c = self.weather.dew_c(self.now_s)
        taken_hpa = saturation_hpa(wet_bulb_c(outside_c, dew_c)) - saturation_hpa(dew_c)
        vapour_hpa = saturation_hpa(dew_c) + WALL_EFFECT * wetness * taken_hpa
        return found._replace(humidity_pct=min(100.0, 100 * vapour_hpa / saturation_hpa(self.inlet_c)))

    # ---------------------------------------------------------------- pools

    @property
    def online(self) -> bool:
        """Whether anything of the internet can be reached."""
        return self.internet and any(self.links.values())

    @property
    def holding(self) -> bool:
        """Whether the holding pool takes miners."""
        return self.holding_lives and self.holding_open

    def _there(self) -> frozenset[str]:
        """The pools that can be reached now."""
        return frozenset(
            url for name, (url, _) in self._pools.items() if (self.holding if name == HOLDING else self.online)
        )

    def holding_at(self, url: str) -> None:
        """Where the holding pool listens: the last one in every miner's list."""
        self._pools = {**self._pools, HOLDING: (url, self._pools[HOLDING][1])}
        for seat in self.seats:
            seat.pools = list(self._pools.values())
        self.reroute()

    def reroute(self) -> None:
        """What can be reached has changed: every miner looks for a pool anew."""
        there, holding = self._there(), self._pools[HOLDING][0]
        for seat in self.seats:
            seat.stuck = seat.sticky and holding in there and seat.url_in_use() == holding
            seat.reachable = frozenset((holding,)) if seat.stuck else there
            self.route(seat)

    def route(self, seat: Seat) -> None:
        """Hash where a pool is reached, idle where none is."""
        works, mode = seat.pool_in_use() is not None, self.boards.mode(seat.number)
        if not works and mode in (boards.STARTING, boards.RUNNING):
            self.schedule(self.now_s + COAST_S, Action("miner", seat.number, "starve"))
        elif works and seat.idle:
            seat.idle = False
            if mode in (boards.STANDBY, boards.STOPPING) and not self.fleet.asleep[seat.number]:
                self.boards.move([seat.number], boards.STARTING, self.now_s)
                self.touch()

    def _starve(self, seat: Seat) -> None:
        """Its work has run out: without a pool it idles."""
        mode = self.boards.mode(seat.number)
        if seat.pool_in_use() is None and mode in (boards.STARTING, boards.RUNNING):
            seat.idle = True
            self.boards.move([seat.number], boards.STOPPING, self.now_s, tau_s=self.stop_tau_s[seat.number])

    # ---------------------------------------------------------------- miners

    def tell(self, number: int, verb: str, at_s: float | None) -> None:
        """run, stop or restart, at that second."""
        self.schedule(self.now_s if at_s is None else at_s, Action("miner", number, verb))

    def booting(self, i: int) -> bool:
        """Whether its firmware is not up yet."""
        lot = self.boards.lot(i)
        return lot.lead_s > 0 and lot.mode == boards.STARTING and self.now_s < lot.since_s + lot.lead_s

    def _miner(self, i: int, verb: str) -> None:
        if verb == "starve":
            self._starve(self.seats[i])
        elif verb != "restart":
            super()._miner(i, verb)
        elif self.boards.mode(i) != boards.OFF and not self.fleet.mute[i]:
            self._boot(i)

    def _boot(self, i: int) -> None:
        seat = self.seats[i]
        seat.idle, seat.booted_s = False, self.now_s
        seat.stuck, seat.reachable, seat.first_pool = False, self._there(), 0  # the order in its own file
        super()._boot(i)
        self.route(seat)

    def _wake(self, i: int) -> None:
        super()._wake(i)
        self.route(self.seats[i])

    def begin(self, fans_on: int) -> None:
        """In full swing: as many miners as the source feeds with a margin, the others asleep."""
        self.fans.on = [i < fans_on for i in range(len(self.fans.on))]
        self.fans.speed = [float(on) for on in self.fans.on]
        room = int((0.95 * self.source.available_w - self.fans.total_w()) / (1.06 * self.nominal_w))
        count = len(self.seats)
        running = max(0, min(count, room))
        self.boards.move(list(range(running)), boards.RUNNING, self.now_s)
        self.boards.move(list(range(running, count)), boards.STANDBY, self.now_s)
        self.fleet.asleep = [i >= running for i in range(count)]
        self.settle()
        self.source.load_w = self.power_w()

    # ---------------------------------------------------------------- the source

    def _step(self, dt_s: float, ambient_c: float | None = None) -> None:
        resting = ambient_c is not None  # `settle`: no time passes
        if ambient_c is None:
            ambient_c = self._intake_c(dt_s)
        self.cap_w = max(0.0, self.source.available_w - self.fans.total_w())
        super()._step(dt_s, ambient_c)
        if not resting:
            self.source.step(self.now_s, dt_s, self.power_w(), self.weather.ambient_c(self.now_s))
            self._feed()

    def _intake_c(self, dt_s: float) -> float:
        """The air at the intake: outside's, cooled towards its wet bulb as far as the wall is wet."""
        at_s = self.now_s + dt_s / 2
        ambient_c = self.weather.ambient_c(at_s)
        watered = self.tank_full and (self.wall_wet or (self.pump_on and self.fed))
        goal, tau_s = (1.0, SOAK_TAU_S) if watered else (0.0, DRY_TAU_S)
        self.wetness = goal + (self.wetness - goal) * math.exp(-dt_s / tau_s)
        if self.wetness < DAMP:
            return ambient_c
        wet_c = wet_bulb_c(ambient_c, self.weather.dew_c(at_s))
        return ambient_c - WALL_EFFECT * self.wetness * (ambient_c - wet_c)

    def spare(self, relay: int, on: bool, at_s: float) -> None:
        """The first relay beyond the fans is the pump of the wall."""
        if relay == len(self.fans.on):
            self.schedule(at_s, Action("pump", 0, "on" if on else "off"))

    def do(self, action: Action) -> None:
        """Do it now."""
        if action.kind == "pump":
            self.pump_on = action.verb == "on"
        else:
            super().do(action)

    def _feed(self) -> None:
        """Follow the source into the dark and out of it."""
        fed = not self.source.is_dark(self.now_s)
        if fed == self.fed:
            return
        self.fed = fed
        self.fans.dark = not fed
        self._wire()

    def lose(self, phase: int, *, lost: bool) -> None:
        """A phase of the feed is lost, or back. The fans turn on: they are small, and on all three."""
        (self.lost.add if lost else self.lost.discard)(phase)
        self._wire()

    def _wire(self) -> None:
        """Who has mains now runs up, who has not is dark."""
        self.touch()
        before = list(self.fleet.outlet_on)
        self.fleet.outlet_on = [self.fed and i % 3 not in self.lost for i in range(len(self.seats))]
        self.boards.move(
            [i for i, on in enumerate(self.fleet.outlet_on) if before[i] and not on], boards.OFF, self.now_s
        )
        for i, on in enumerate(self.fleet.outlet_on):
            if on and not before[i] and not self.fleet.dead[i]:
                self._boot(i)


def wet_bulb_c(temp_c: float, dew_c: float) -> float:
    """Where air at `temp_c` cools to by evaporation (psychrometer equation at sea level, halving)."""
    vapour_hpa, low, high = saturation_hpa(dew_c), dew_c, temp_c
    while high - low > 0.02:
        middle = (low + high) / 2
        wet = saturation_hpa(middle) - 0.662 * (temp_c - middle) > vapour_hpa
        low, high = (low, middle) if wet else (middle, high)
    return (low + high) / 2
