"""The co-op container as a twin: one world, its devices by config section, its story, and the config that fits it."""

import re
from collections.abc import Mapping
from typing import Final

from mine_controller.twin import site
from mine_controller.twin import story as stories
from mine_controller.twin.answer import Server
from mine_controller.twin.faults import OK, Fault
from mine_controller.twin.mains import Metered
from mine_controller.twin.pdu import Pdu
from mine_controller.twin.sensors import Sensors
from mine_controller.twin.servers import controlbyweb, foreman, iotawatt, power_signal, redfish, roomalert
from mine_controller.twin.site import Served
from mine_controller.twin.world import World

ZONE: Final = "America/Chicago"
FOREMAN_KEY: Final = "twin-foreman-key"
PDU_USER: Final = "minectl"
PDU_PASSWORD: Final = "twin-pdu-password"  # noqa: S105 - opens nothing but the twin
PAGE: Final = "power_signal coop"
_DEEDS: Final = (
    "signal", "page", "weather", "fan", "relay", "miner", "outlet", "sensor", "device", "filter",
    "smoke", "water", "door", "mains", "pdu", "meter",
)  # fmt: skip
_FAULTS: Final = ("mute", "liar", "dead", "slow_boot", "api_dies")


class Site(site.Site):
    """The container. Each config section is one device; where two of them listen, they differ by port."""

    kind = "coop-container"

    def __init__(
        self, world: World, servers: dict[str, Server], pdus: list[Pdu], story: stories.Story, zone: str
    ) -> None:
        self.world, self.pdus = world, pdus
        self._masked = ""  # what the page shows instead of the truth
        self._true_signal = "run"
        self._changed_s = 0.0
        self._servers = servers
        super().__init__(world, story, zone)

    def place(self, ports: Mapping[str, int]) -> None:
        """Say on which port each section is found; the rest gets names only."""
        named = enumerate(self._servers.items(), site.FIRST_PORT)
        self.put([Served(name, server, ports.get(name, n)) for n, (name, server) in named])

    @property
    def page(self) -> power_signal.Page:
        """The utility's page."""
        server = self._servers[PAGE]
        assert isinstance(server, power_signal.Page)
        return server

    @property
    def true_signal(self) -> str:
        """What the utility truly says, whatever its page shows."""
        return self._true_signal

    def starts(self) -> list[int]:
        """How often each miner truly began to start."""
        return [self.world.starts(i) for i in range(len(self.world.boards.sizes))]

    @property
    def metered(self) -> bool:
        """Whether a meter on its feed shows what is drawn in all."""
        return isinstance(self.world, Metered)

    # ---------------------------------------------------------------- what a story can do

    def deeds(self) -> Mapping[str, site.Deed]:
        """All but what only a LAN site has."""
        return {what: getattr(self, f"_{what}") for what in _DEEDS} | {"person": self.person}

    def has(self, what: str, words: list[str]) -> bool:
        """Whether that fan, miner, device or outlet is there."""
        if what in ("fan", "relay"):
            return 1 <= int(words[0]) <= len(self.world.fans.on)
        if what == "miner":
            number = words[0].removeprefix("a")
            there = number.isdigit() and 1 <= int(number) <= len(self.world.boards.sizes)
            return there and words[1] in (*_FAULTS, "well")
        if what == "device":
            return " ".join(words[:2]) in self._servers
        if what == "sensor":
            return 1 <= int(words[0]) < len(roomalert.LABELS)  # the last slot is empty
        if what == "meter":
            return self.metered
        if what == "pdu":
            return f"redfish {words[0]}" in self._servers
        return what != "outlet" or self._outlet_of(words[0]) is not None

    def _outlet_of(self, name: str) -> tuple[Pdu, int] | None:
        """The outlet called "pdu1/A3" as a PDU and a 0-based outlet."""
        found = re.fullmatch(r"pdu(\d+)/A(\d+)", name)
        if not found or not 1 <= int(found[1]) <= len(self.pdus):
            return None
        pdu, number = self.pdus[int(found[1]) - 1], int(found[2]) - 1
        return (pdu, number) if 0 <= number < pdu.count else None

    def _signal(self, words: list[str]) -> None:
        self.world.signal = "off" if words[0] == "off" else "run"  # a forecast is no order
        self._true_signal = words[0]
        self._changed_s = self.world.now_s
        self._show()

    def _page(self, words: list[str]) -> None:
        self._masked = {"blank": "blank", "mangled": "garbage"}.get(words[0], "")
        server_fault = words[0] if not self._masked else "ok"
        self.faults.put(PAGE, Fault(server_fault, float(words[1]) if len(words) > 1 else 0.0))
        self._show()

    def _show(self) -> None:
        page = self.page
        page.signal = self._masked or self._true_signal
        page.changed = stories.local_words(self.world.start_wall_s, self._changed_s, self.zone)

    def _weather(self, words: list[str]) -> None:
        self.world.weather.turn(self.world.now_s, words[0])

    def _fan(self, words: list[str]) -> None:
        self.world.fans.broken[int(words[0]) - 1] = words[1] == "break"

    def _relay(self, words: list[str]) -> None:
        self.world.fans.welded[int(words[0]) - 1] = words[1] == "weld"

    def _miner(self, words: list[str]) -> None:
        fleet, i = self.world.fleet, int(words[0].removeprefix("a")) - 1
        for name in _FAULTS:
            getattr(fleet, name)[i] = words[1] == name
        self.world.check(i)

    def _outlet(self, words: list[str]) -> None:
        found = self._outlet_of(words[0])
        assert found is not None
        pdu, number = found
        (pdu.jams.add if words[1] == "jam" else pdu.jams.discard)(number)
        self.world.weld(pdu.first + number, words[1] == "weld")

    def _pdu(self, words: list[str]) -> None:
        self.pdus[int(words[0].removeprefix("pdu")) - 1].lie = "" if words[1] == "true" else words[1]

    def _meter(self, words: list[str]) -> None:
        assert isinstance(self.world, Metered)
        self.world.meter.turn(words)

    def _sensor(self, words: list[str]) -> None:
        unit = self._servers["roomalert intake"]
        assert isinstance(unit, roomalert.Unit)
        number = int(words[0])
        unit.stuck.pop(number, None)
        unit.unplugged.discard(number)
        if words[1] == "stick":
            unit.stuck[number] = float(words[2])
        elif words[1] == "unplug":
            unit.unplugged.add(number)

    def _device(self, words: list[str]) -> None:
        self.faults.put(" ".join(words[:2]), Fault(words[2], float(words[3])) if len(words) > 3 else Fault(words[2]))

    def _filter(self, words: list[str]) -> None:
        self.world.fans.derate = 0.85 if words[0] == "dirty" else 1.0

    def _smoke(self, words: list[str]) -> None:
        self.world.smoke = words[0] == "on"

    def _water(self, words: list[str]) -> None:
        self.world.water = words[0] == "on"

    def _door(self, words: list[str]) -> None:
        self.world.door_open = words[0] == "on"

    def _mains(self, words: list[str]) -> None:
        self.world.mains = words[0] == "on"


def build(  # noqa: PLR0913 - the facts of a site, all with defaults
    seed: int,
    start_wall_s: int | None = None,
    ports: dict[str, int] | None = None,
    *,
    miners: int = 280,
    pdus: int = 7,
    fans: int = 9,
    story: stories.Story | None = None,
    running: bool = True,
    extras: bool = True,
    metered: bool = False,
) -> Site:
    """Build the container. `start_wall_s` None: midnight of the story's day. `running`: it begins in full swing.

    `extras`: the seed adds faults of its own: mute and lying miners, a jammed outlet, slow boots. `metered`: the feed
    has a meter, and lamps and the controller hang on it too.
    """
    story = story or stories.packaged("coop-day")
    start = story.start_wall_s(ZONE) if start_wall_s is None else start_wall_s
    kind = Metered if metered else World
    world = kind(seed, start, miners=miners, fans=fans, weather=story.weather, zone=ZONE)
    sensors = Sensors(world)
    share = -(-miners // pdus)
    units = [Pdu(sensors, n * share, min(share, miners - n * share)) for n in range(pdus) if n * share < miners]
    if running:
        world.run_all(needed_fans(miners, fans))
    servers: dict[str, Server] = {
        PAGE: power_signal.Page(start),
        "roomalert intake": roomalert.Unit(sensors),
        "iotawatt fans": iotawatt.Unit(sensors, mains=world.meter if isinstance(world, Metered) else None),
        "controlbyweb fans": controlbyweb.Unit(world),
        "foreman mine": foreman.Unit(world, FOREMAN_KEY),
    }
    servers |= {f"redfish pdu{n}": redfish.Unit(unit, PDU_USER, PDU_PASSWORD) for n, unit in enumerate(units, 1)}
    made = Site(world, servers, units, story, ZONE)
    if extras:
        _spoil(made)
    if ports:
        made.place(ports)
    return made


def needed_fans(miners: int, fans: int) -> int:
    """Fans for that many miners with a margin: never more than there are."""
    return min(fans, int(1.15 * 0.13 * miners / 5.5) + 2)


def _spoil(made: Site) -> None:
    world = made.world
    for i in range(len(world.boards.sizes)):
        draw = world.random.random()
        world.fleet.mute[i] = draw < 0.01
        world.fleet.liar[i] = 0.01 <= draw < 0.013
        world.fleet.slow_boot[i] = 0.02 <= draw < 0.04
        if 0.05 <= draw < 0.055:
            pdu = next(p for p in made.pdus if p.first <= i < p.first + p.count)
            pdu.jams.add(i - pdu.first)


def fault(made: Site, section: str, kind: str, seconds: float = 0.0) -> None:
    """Give a device a fault by hand; kind "ok" ends it."""
    made.faults.put(section, Fault(kind, seconds) if kind != "ok" else OK)
