"""A home fleet as a twin: twelve miners of many makes on one LAN, one room, no meter, no outlet, no fan.

Each stands at an address of its own and is read and told by its own firmware alone. The room warms with what they
draw (400 kJ/K; walls 60 W/K, and 1800 W/K while the fan in its window runs); a person of the household asks for things
too.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from random import Random
from types import ModuleType
from typing import Any, Final

from mine_controller.record import NamedTuple
from mine_controller.twin import site
from mine_controller.twin import story as stories
from mine_controller.twin.answer import Server, Talker
from mine_controller.twin.faults import OK, Fault
from mine_controller.twin.rig import BOOTING, OFF, Rig
from mine_controller.twin.site import Door, Served
from mine_controller.twin.weather import Weather

ZONE: Final = "America/Denver"
ROOM_KJ_K: Final = 400.0
WALLS_W_K: Final = 60.0
WINDOW_W_K: Final = 1800.0
HOTTEST_ROOM_C: Final = 45.0  # above it nobody would say that they may run
STEP_S: Final = 30.0
FAULTS: Final = ("silent", "liar", "slow_boot", "api_dies", "mute", "garbage", "tarpit", "refuses")
# What the units work for, as the owner names it: nobody connects there.
OWNED: Final = {
    "solo": ("stratum+tcp://solo.pool.example:3333", "wallet"),
    "backup": ("stratum+tcp://pool.example:21496", "wallet"),
    "monero": ("stratum+tcp://monero.pool.example:3333", "wallet"),
}


class Side(NamedTuple):
    """A port of a make: the option that holds it, the one it has in real life, and whether it speaks HTTP."""

    option: str
    usual: int
    bare: bool = False


WEB: Final = Side("port", 80)
API: Final = Side("port", 4028, bare=True)


class Lot(NamedTuple):
    """A config section: where it looks and on which ports. Its first word names the server that speaks for its rigs."""

    section: str
    hosts: str
    sides: tuple[Side, ...] = (WEB,)
    more: str = ""  # further lines of its section

    @property
    def kind(self) -> str:
        """The first word of its section."""
        return self.section.partition(" ")[0]

    @property
    def unit(self) -> Callable[[Rig], Server | Talker]:
        """The server's class."""
        unit: Callable[[Rig], Server | Talker] = _server(self.kind).Unit
        return unit

    def name_of(self, side: Side) -> str:
        """How a side is called among the ports: the first one like its section."""
        return self.section if side == self.sides[0] else f"{self.section} {side.option}"


def _server(kind: str) -> ModuleType:
    """Imported when it is used: the container's twin needs none of them."""
    return import_module(f"mine_controller.twin.servers.{kind}")


class Kit(NamedTuple):
    """One miner: its place, and how it differs from the usual unit of its kind (`Rig`'s arguments).

    `listed`: fleet.csv knows it.
    """

    id: str
    section: str
    host: int  # the last part of its address
    about: Mapping[str, Any]
    listed: bool = True


NET: Final = "127.0.1."
LOTS: Final = (
    Lot("bitaxe shelf", f"{NET}11-18"),
    Lot("nerdqaxe shelf", f"{NET}21-22"),
    Lot("avalon desk", f"{NET}31-34", (API,), "nominal_w = 140\nstandby_w = 5\n"),
    Lot("avalon garage", f"{NET}36-37", (API,), "nominal_w = 1674\nstandby_w = 146\n"),
    Lot("antminer garage", f"{NET}41-42", (API, Side("web_port", 80)), "nominal_w = 3250\n"),
    Lot("cgminer garage", f"{NET}46-47", (API,), "nominal_w = 1320\n"),
    Lot("whatsminer garage", f"{NET}51-52", (API,)),
    Lot("xmrig office", f"{NET}61", (Side("port", 8080),)),
    Lot("nmminer desk", f"{NET}71-72"),
)
_ULTRA: Final = {"model": "BM1366", "nominal_w": 12.0, "rate_ths": 0.5}
_NANO: Final = {"model": "Nano3s"}
_S9: Final = {"model": "Antminer S9", "nominal_w": 1320.0, "rate_ths": 13.5}
KITS: Final = (
    Kit("a01", "bitaxe shelf", 11, {}),
    Kit("a02", "bitaxe shelf", 12, {}),
    Kit("a03", "bitaxe shelf", 13, {"firmware": "v2.15.0"}),
    Kit("a04", "bitaxe shelf", 14, _ULTRA),
    Kit("a05", "nerdqaxe shelf", 21, {}),
    Kit("a06", "avalon desk", 31, _NANO),
    Kit("a07", "antminer garage", 41, {}),
    Kit("a08", "avalon garage", 36, {"model": "Q"}),
    Kit("a09", "cgminer garage", 46, _S9),
    Kit("a10", "whatsminer garage", 51, {}),
    Kit("a11", "xmrig office", 61, {}),
    Kit("a12", "nmminer desk", 71, {}),
    Kit("x01", "bitaxe shelf", 17, {}, listed=False),  # a neighbour's, plugged in one afternoon
)


class House:
    """The room and its miners; its clock is plant seconds from 0. `allowed_w`: what a person lets them draw."""

    def __init__(
        self, seed: int, start_wall_s: int, rigs: Mapping[str, Rig], listed: frozenset[str], climate: str
    ) -> None:
        self.seed, self.start_wall_s = seed, start_wall_s
        self.rigs, self.listed = dict(rigs), listed
        self.weather = Weather(seed, start_wall_s, climate, ZONE)
        self.now_s = 0.0
        self.window = True
        self.allowed_w = math.inf
        self.dead: set[str] = set()
        self.room_c = self._rest_c()
        self._permitted_kj = 0.0

    def _rest_c(self) -> float:
        return self.weather.ambient_c(self.now_s) + self.power_w() / self._loss_w_k()

    def _loss_w_k(self) -> float:
        return WALLS_W_K + (WINDOW_W_K if self.window else 0.0)

    def advance(self, to_s: float) -> None:
        """Move to plant second `to_s`; going back does nothing."""
        while self.now_s < to_s:
            self._step(min(STEP_S, to_s - self.now_s))

    def _step(self, dt_s: float) -> None:
        warm_c = self.weather.ambient_c(self.now_s + dt_s / 2) + self.power_w() / self._loss_w_k()
        self.room_c = warm_c + (self.room_c - warm_c) * math.exp(-dt_s * self._loss_w_k() / (ROOM_KJ_K * 1000))
        if self.room_c <= HOTTEST_ROOM_C:
            healthy_w = sum(self.rigs[name].nominal_w for name in sorted(self.listed - self.dead))
            self._permitted_kj += min(healthy_w, self.let_w()) / 1000 * dt_s
        self.now_s += dt_s
        for rig in self.rigs.values():
            rig.ambient_c = self.room_c
            rig.advance(self.now_s)

    def let_w(self) -> float:
        """What the miners may draw at this moment, by whatever lets them."""
        return self.allowed_w

    def touch(self) -> None:
        """Nothing here is looked at more finely."""

    def power_w(self) -> float:
        """True watts of everything plugged in."""
        return math.fsum(rig.power_w() for rig in self.rigs.values())

    def miners_w(self) -> float:
        """True watts of the owner's miners."""
        return math.fsum(self.rigs[name].power_w() for name in sorted(self.listed))

    def energy_kwh(self) -> float:
        """What the owner's miners used since second 0."""
        return math.fsum(self.rigs[name].energy_kwh() for name in sorted(self.listed))

    def permitted_kwh(self) -> float:
        """Nominal energy of the healthy ones while the household let them and the room was no oven."""
        return self._permitted_kj / 3600


class Site(site.Site):
    """The house. A section serves several units, each at an address of its own; addresses may change."""

    kind = "home-fleet"

    def __init__(
        self, house: House, kits: tuple[Kit, ...], story: stories.Story, known: tuple[Lot, ...] = LOTS, zone: str = ZONE
    ) -> None:
        self.house, self.kits = house, kits
        lots = {lot.section: lot for lot in known if any(kit.section == lot.section for kit in kits)}
        self.lots = tuple(lots.values())
        self._ports = {lot.name_of(side): side.usual for lot in self.lots for side in lot.sides}
        self._units = {kit.id: lots[kit.section].unit(house.rigs[kit.id]) for kit in kits}
        super().__init__(house, story, zone)

    def place(self, ports: Mapping[str, int]) -> None:
        """Say on which port the units of a section are; the rest has the port of the real device."""
        self._ports |= ports
        self.put([row for kit in self.kits for row in self._sides(kit)])

    def _sides(self, kit: Kit) -> list[Served]:
        """A unit at each of its ports."""
        [lot] = [lot for lot in self.lots if lot.section == kit.section]
        unit, host = self._units[kit.id], self.house.rigs[kit.id].host
        names = ["", *(side.option for side in lot.sides[1:])]
        return [
            Served(kit.section, unit, self._ports[lot.name_of(side)], host, kit.id, name, side.bare)
            for side, name in zip(lot.sides, names, strict=True)
        ]

    @property
    def ports(self) -> dict[str, int]:
        """The port of each section, and of "SECTION OPTION" where its units have more than one."""
        return dict(self._ports)

    def doors(self) -> tuple[Door, ...]:
        """Every address of every section: where nobody stands now, somebody may move in."""
        return tuple(
            Door(lot.name_of(side), host, side.usual, side.bare)
            for lot in self.lots
            for side in lot.sides
            for host in addresses(lot.hosts)
        )

    def starts(self) -> list[int]:
        """How often each of the owner's miners truly began to start."""
        return [self.house.rigs[kit.id].starts for kit in self.kits if kit.listed]

    def reach(self, served: Served, at_s: float) -> None:
        """The unit goes along with the lane that asks it."""
        self.house.rigs[served.unit].advance(at_s)

    def fault_of(self, served: Served) -> Fault:
        """Its own trouble first, then that of its section."""
        rig = self.house.rigs[served.unit]
        if rig.phase in (OFF, BOOTING):
            return Fault("gone")
        word = rig.api()
        if word == "silent":
            return Fault("silent" if rig.silent else "refuse")  # the others' firmware has ended
        return Fault("drip") if word == "tarpit" else self.faults.of(served.section)

    # ---------------------------------------------------------------- what a story can do

    def deeds(self) -> Mapping[str, site.Deed]:
        """What there is to do in a house."""
        return {
            "weather": self._weather,
            "miner": self._miner,
            "swap": self._swap,
            "device": self._device,
            "window": self._window,
            "person": self._person,
        }

    def has(self, what: str, words: list[str]) -> bool:
        """Whether that miner or section is there."""
        if what in ("miner", "swap"):
            return words[0] in self._units and "sticky" not in words
        return what != "device" or " ".join(words[:2]) in self._ports

    def _weather(self, words: list[str]) -> None:
        self.house.weather.turn(self.house.now_s, words[0])

    def _miner(self, words: list[str]) -> None:
        name, wrong = words
        rig, dead = self.house.rigs[name], wrong == "dead"
        for fault in FAULTS:
            setattr(rig, fault, fault == wrong)
        (self.house.dead.add if dead else self.house.dead.discard)(name)
        rig.do("off" if dead else "on")

    def _swap(self, words: list[str]) -> None:
        rigs, homes = self.house.rigs, {kit.id: f"{NET}{kit.host}" for kit in self.kits}
        rig, to = rigs[words[0]], homes[words[0]] if words[1] == "home" else words[1]
        for other in rigs.values():
            if other.host == to:
                other.host = rig.host
        rig.host = to
        self.place({})

    def _device(self, words: list[str]) -> None:
        fault = OK if words[2] == "ok" else Fault(words[2], float(words[3]) if len(words) > 3 else 0.0)
        self.faults.put(" ".join(words[:2]), fault)

    def _window(self, words: list[str]) -> None:
        self.house.window = words[0] == "open"

    def _person(self, words: list[str]) -> None:
        self.person(words)
        key, value = words
        if key == "max_power_kw":
            self.house.allowed_w = math.inf if value == "clear" else float(value) * 1000
        elif key == "miners":
            self.house.allowed_w = 0.0 if value == "stop" else math.inf


def addresses(hosts: str) -> tuple[str, ...]:
    """The addresses of "127.0.1.11-18" or "127.0.1.61"."""
    first, _, last = hosts.partition("-")
    start, _, low = first.rpartition(".")
    return tuple(f"{start}.{n}" for n in range(int(low), int(last or low) + 1))


def identity(made: Site, kit: Kit) -> str:
    """What fleet.csv calls it: its mac, or the name its firmware tells where that knows no mac."""
    rig = made.house.rigs[kit.id]
    macless = kit.section.partition(" ")[0] in ("xmrig", "nmminer") or kit.about.get("model") == "Nano3"
    return rig.serial if macless else rig.mac


def mac(kit: Kit) -> str:
    """A unit's mac: from a range that belongs to nobody."""
    return f"02:4d:48:00:{kit.section[0].encode().hex()}:{kit.host:02x}"


def build(
    seed: int,
    start_wall_s: int | None = None,
    ports: Mapping[str, int] | None = None,
    *,
    story: stories.Story | None = None,
    extras: bool = True,
    only: tuple[str, ...] = (),
) -> Site:
    """Build the house. `start_wall_s` None: midnight of the story's day. `extras`: also the neighbour's board.

    `only`: these makes, in place of all.
    """
    story = story or stories.packaged("home-day")
    start = story.start_wall_s(ZONE) if start_wall_s is None else start_wall_s
    made_here = [kit for kit in KITS if not only or kit.section.partition(" ")[0] in only]
    kits = tuple(kit for kit in made_here if kit.listed or extras)
    rigs = {kit.id: rig_of(kit, seed, start) for kit in kits}
    house = House(seed, start, rigs, frozenset(kit.id for kit in kits if kit.listed), story.weather)
    made = Site(house, kits, story)
    if ports:
        made.place(ports)
    return made


def rig_of(kit: Kit, seed: int, start_wall_s: int, pools: Sequence[tuple[str, str]] = ()) -> Rig:
    """A kit as a running miner, a little different from every other of its make. `pools`: in place of the usual."""
    kind = kit.section.partition(" ")[0]
    server = _server(kind)
    usual = getattr(server, "MODELS", {}).get(kit.about.get("model"), server.FACTS)  # a make of many models has both
    known = {"name": kit.id, "mac": mac(kit), "serial": f"TWIN{kit.id.upper()}", "host": f"{NET}{kit.host}"}
    chance = Random(f"{seed} {kit.id}")  # noqa: S311 - a model, not a secret
    names = ("monero",) if kind == "xmrig" else ("solo", "backup")
    more = {"pools": list(pools) or [OWNED[name] for name in names], "seed": seed, "start_wall_s": start_wall_s}
    about = {**usual, **known, **more, "bias": chance.uniform(-0.03, 0.08)}
    about |= {name: value for name, value in kit.about.items() if name != "model" or usual is server.FACTS}
    about["nominal_w"] *= chance.uniform(0.96, 1.04)  # no two boards are alike
    return Rig(**about)
