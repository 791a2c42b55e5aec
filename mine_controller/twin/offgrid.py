"""The off-grid container as a twin: 160 miners on the LAN, a weak source, two uplinks, a holding pool.

Every miner stands at an address of its own (127.0.2.x) and is told by its own API; nothing can switch its mains but the
source itself. The rest (room monitor, fan meter, relays) is the co-op container's.
"""

from collections.abc import Mapping
from functools import partial
from typing import Final

from mine_controller.twin import boards, coop, site
from mine_controller.twin import story as stories
from mine_controller.twin.answer import Server, Talker
from mine_controller.twin.container import HOLDING, PUBLIC, Container, Seat
from mine_controller.twin.faults import Fault
from mine_controller.twin.sensors import Sensors
from mine_controller.twin.servers import (
    cgminer,
    controlbyweb,
    dummy_pool,
    iotawatt,
    modbus,
    mqtt,
    openmptcprouter,
    roomalert,
)
from mine_controller.twin.site import Door, Served

ZONE: Final = "Africa/Nairobi"
ROWS: Final = "cgminer rows"
METER: Final = "sel735 meter"
SUPPLY: Final = "mqtt supply"
ROUTER: Final = "openmptcprouter router"
POOL: Final = "dummy_pool local"
CONTROL: Final = f"{POOL} control_port"
POOLS: Final = {PUBLIC: ("stratum+tcp://pool.example:3333", "wallet.rig"), HOLDING: ("", "holding")}
_BARE: Final = (METER, SUPPLY, ROWS, POOL)
_STAYS: Final = (METER, SUPPLY)  # request after request on one line
_OF_COOP: Final = ("weather", "fan", "relay", "miner", "sensor", "device", "filter", "smoke", "water", "door", "mains")
_OWN: Final = ("supply", "source", "generator", "uplink", "internet", "holding", "wall", "tank", "readings", "phase")


class Site(coop.Site):
    """The container. What stands on 127.0.0.1 differs by port, the miners by address."""

    kind = "offgrid-container"
    world: Container

    def __init__(self, world: Container, servers: dict[str, Server], story: stories.Story) -> None:
        self._units = {seat.name: cgminer.Unit(seat) for seat in world.seats}  # type: ignore[arg-type]  # a seat is what a unit asks of a rig
        self._doors: dict[str, Server | Talker] = {POOL: dummy_pool.Unit(world), CONTROL: dummy_pool.Control(world)}
        lots = [*servers, *self._doors, ROWS]
        self._ports = {name: site.FIRST_PORT + number for number, name in enumerate(lots)}
        super().__init__(world, servers, [], story, ZONE)

    @property
    def ports(self) -> dict[str, int]:
        """The port of each section, and of the holding pool's control door."""
        return dict(self._ports)

    def place(self, ports: Mapping[str, int]) -> None:
        """Say on which port each section is found."""
        self._ports |= ports
        rows = [Served(name, server, self._ports[name], bare=name in _BARE) for name, server in self._servers.items()]
        rows += [Served(POOL, self._doors[POOL], self._ports[POOL], bare=True)]
        rows += [Served(POOL, self._doors[CONTROL], self._ports[CONTROL], side="control_port", bare=True)]
        rows += [
            Served(ROWS, self._units[seat.name], self._ports[ROWS], seat.host, seat.name, bare=True)
            for seat in self.world.seats
        ]
        self.put(rows)
        self._name_pools()

    def _name_pools(self) -> None:
        """The holding pool's address in every miner's list is the one it listens on."""
        url = f"stratum+tcp://{site.LOOPBACK}:{self._ports[POOL]}"
        self.world.holding_at(url)

    def doors(self) -> tuple[Door, ...]:
        """Every place where a device listens."""
        fixed = [
            Door(name, bare=name in _BARE or name == CONTROL, stays=name in _STAYS)
            for name in (*self._servers, *self._doors)
        ]
        return (*fixed, *(Door(ROWS, seat.host, 4028, bare=True) for seat in self.world.seats))

    def fault_of(self, served: Served) -> Fault:
        """A miner without power or with its firmware not up is not there."""
        if served.section == ROWS and self._seat(served.unit).api() == "silent":
            return Fault("gone" if self.world.boards.mode(self._seat(served.unit).number) == boards.OFF else "refuse")
        if served.section == POOL and not self.world.holding_lives:
            return Fault("refuse")
        return super().fault_of(served)

    def _seat(self, name: str) -> Seat:
        return self.world.seats[int(name.removeprefix("a")) - 1]

    # ---------------------------------------------------------------- what a story can do

    def deeds(self) -> Mapping[str, site.Deed]:
        """The co-op's without its page and outlets, and what only a weak source and uplinks have."""
        return {what: getattr(self, f"_{what}") for what in (*_OF_COOP, *_OWN)} | {"person": self.person}

    def has(self, what: str, words: list[str]) -> bool:
        """Whether that unit is there."""
        if what == "uplink":
            return words[0] in self.world.links
        if what == "miner" and words[1] == "sticky":
            return super().has(what, [words[0], "well"])
        if what == "device":
            return " ".join(words[:2]) in (*self._servers, ROWS, POOL)
        return super().has(what, words)

    def _miner(self, words: list[str]) -> None:
        super()._miner(words)
        self._seat(words[0]).sticky = words[1] == "sticky"

    def _supply(self, words: list[str]) -> None:
        self.world.source.share = 1.0 if words[0] == "steady" else float(words[0]) / 100

    def _source(self, words: list[str]) -> None:
        self.world.source.name = words[0]

    def _generator(self, words: list[str]) -> None:
        source = self.world.source
        if words[0] == "trip":
            source.trip(self.world.now_s)
        else:
            source.engines_fail = words[0] == "fail"

    def _uplink(self, words: list[str]) -> None:
        self.world.links[words[0]] = words[1] == "up"
        self.world.reroute()

    def _internet(self, words: list[str]) -> None:
        self.world.internet = words[0] == "up"
        self.world.reroute()

    def _holding(self, words: list[str]) -> None:
        self.world.holding_lives = words[0] == "up"
        self.world.reroute()

    def _wall(self, words: list[str]) -> None:
        self.world.wall_wet = words[0] == "wet"

    def _tank(self, words: list[str]) -> None:
        self.world.tank_full = words[0] == "full"

    @property
    def readings(self) -> str:
        """What is wrong with what the source's sensor says, "" nothing."""
        return self._supply_unit.mangled

    @property
    def _supply_unit(self) -> mqtt.Unit:
        unit = self._servers[SUPPLY]
        assert isinstance(unit, mqtt.Unit)
        return unit

    def _readings(self, words: list[str]) -> None:
        self._supply_unit.mangled = "" if words[0] == "well" else words[0]

    def _phase(self, words: list[str]) -> None:
        self.world.lose(int(words[0]) - 1, lost=words[1] == "lost")


def build(
    seed: int,
    start_wall_s: int | None = None,
    ports: dict[str, int] | None = None,
    *,
    miners: int = 160,
    fans: int = 0,
    story: stories.Story | None = None,
    plant: str = "diesel",
    extras: bool = True,
) -> Site:
    """Build the container, in full swing. `fans` 0: as many as so many miners need, and one more.

    `start_wall_s` None: midnight of the story's day. `extras`: the seed adds mute miners, slow boots, sticky pools.
    """
    story = story or stories.packaged("offgrid-day")
    start = story.start_wall_s(ZONE) if start_wall_s is None else start_wall_s
    fans = fans or coop.needed_fans(miners, 99) + 1
    world = Container(seed, start, POOLS, miners=miners, fans=fans, weather=story.weather, zone=ZONE, plant=plant)
    world.begin(coop.needed_fans(miners, fans))
    sensors = Sensors(world)
    servers: dict[str, Server] = {
        "roomalert intake": roomalert.Unit(sensors),
        "iotawatt fans": iotawatt.Unit(sensors),
        "controlbyweb fans": controlbyweb.Unit(world),
        METER: modbus.Unit(partial(_measured, world)),
        SUPPLY: mqtt.Unit(world),
        ROUTER: openmptcprouter.Unit(world),
    }
    made = Site(world, servers, story)
    if extras:
        _spoil(world)
    if ports:
        made.place(ports)
    return made


def _measured(world: Container, at_s: float) -> modbus.Supply:
    """What the meter on the feed sees."""
    source, alive = world.source, [phase not in world.lost for phase in range(3)]
    volts = [source.phase_v if on else 0.0 for on in alive]
    watts = [world.power_w() / sum(alive) if on else 0.0 for on in alive]
    amps = [power / volt / 0.98 if volt else 0.0 for power, volt in zip(watts, volts, strict=True)]
    return modbus.Supply(source.shown_hz(at_s), tuple(volts), tuple(amps), tuple(watts), source.energy_kwh)


def _spoil(world: Container) -> None:
    for i, seat in enumerate(world.seats):
        draw = world.random.random()
        world.fleet.mute[i] = draw < 0.01
        world.fleet.slow_boot[i] = 0.02 <= draw < 0.04
        seat.sticky = 0.05 <= draw < 0.07
