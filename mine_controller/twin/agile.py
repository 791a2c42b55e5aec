"""A home that mines by the half-hour price as a twin: eleven small boards, two smart plugs, one price server.

Six Bitaxe, a NerdQaxe++, an Avalon Nano 3S and a Nano 3 (neither can be stopped by word, so each stands on a metered
plug), a computer with XMRig and an NMMiner share one room and one circuit. The world keeps the true account: what was
used in which slot at which price, and what always on would have cost.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Final

from mine_controller.record import NamedTuple
from mine_controller.twin import home, site
from mine_controller.twin import story as stories
from mine_controller.twin.faults import OK, Fault
from mine_controller.twin.home import API, NET, WEB, Kit, Lot, Side, rig_of
from mine_controller.twin.rig import Rig
from mine_controller.twin.servers import plug
from mine_controller.twin.servers.prices import Octopus
from mine_controller.twin.site import Door, Served
from mine_controller.twin.tariff import SLOT_S, VAT, ZONE, Tariff
from mine_controller.twin.weather import Weather

__all__ = ["KITS", "OFF_P", "OWNED", "PLUGS", "PRICES", "Account", "House", "Site", "build"]

PRICES: Final = "octopus agile"
OFF_P: Final = 20.0  # at this price and above nothing is to be mined: the dearest of the default bands
# What they may work for: coin, URL and user, by the name of its [pool] section. Nobody connects there.
OWNED: Final = {
    "dgb": ("DGB", "stratum+tcp://dgb.pool.example:3333", "dgb-wallet"),
    "bch": ("BCH", "stratum+tcp://bch.pool.example:3333", "bch-wallet"),
    "btc": ("BTC", "stratum+tcp://btc.pool.example:3333", "btc-wallet"),
    "xmr": ("XMR", "stratum+tcp://xmr.pool.example:3333", "xmr-wallet"),
    "xmr2": ("XMR", "stratum+tcp://spare.pool.example:5555", "xmr-wallet"),
}
_CLOCKS: Final = "NerdQAxe++ eco 480 1080, NerdQAxe++ overclock 680 1200"
LOTS: Final = (
    Lot("bitaxe shelf", f"{NET}11-18", more="every_s = 60\n"),
    Lot("nerdqaxe shelf", f"{NET}21-22", more=f"every_s = 60\nhighest_mhz = 700\nmodes = {_CLOCKS}\n"),
    Lot("avalon desk", f"{NET}31-34", (API,), "nominal_w = 140\nstandby_w = 5\n"),
    Lot("xmrig office", f"{NET}61", (Side("port", 8080),), "nominal_w = 120\nstandby_w = 45\n"),
    Lot("nmminer desk", f"{NET}71-72", (WEB,), "every_s = 60\n"),
)
_ULTRA: Final = {"model": "BM1366", "nominal_w": 12.0, "rate_ths": 0.5}
KITS: Final = (
    *(Kit(f"a0{n}", "bitaxe shelf", 10 + n, _ULTRA if n == 4 else {}) for n in range(1, 7)),
    Kit("a07", "nerdqaxe shelf", 21, {}),
    Kit("a08", "avalon desk", 31, {"model": "Nano3s"}),
    Kit("a09", "avalon desk", 32, {"model": "Nano3"}),
    Kit("a10", "xmrig office", 61, {}),
    Kit("a11", "nmminer desk", 71, {}),
)
PLUGS: Final = {"a08": "http_pdu plug1", "a09": "http_pdu plug2"}  # the miners that stand on one
# Nothing stops these, neither a word nor a plug: what they draw counts as standby.
ENDLESS: Final = frozenset(kit.id for kit in KITS if kit.section.startswith("nmminer "))


class Account(NamedTuple):
    """What truly happened, by the tariff and not by what anybody read of it. Money in pence with VAT.

    above_kwh: used above standby while the price was OFF_P or more, by those that can be stopped · always_*: all
    listed ones at nominal power.
    """

    kwh: float = 0.0
    cost_p: float = 0.0
    above_kwh: float = 0.0
    always_kwh: float = 0.0
    always_p: float = 0.0


class House(home.House):
    """The room under a tariff. Steps end where slots do."""

    def __init__(self, seed: int, start_wall_s: int, rigs: Mapping[str, Rig], climate: str, tariff: Tariff) -> None:
        super().__init__(seed, start_wall_s, rigs, frozenset(rigs), climate)
        self.weather = Weather(seed, start_wall_s, climate, ZONE)
        self.tariff = tariff
        self.account = Account()

    def price_p(self) -> float:
        """What a kWh costs now, with VAT, whether anybody has been told or not."""
        return self.tariff.price(self._slot_s()) * VAT

    def _slot_s(self) -> int:
        return int(self.start_wall_s + self.now_s) // SLOT_S * SLOT_S

    def let_w(self) -> float:
        """Nothing is permitted where the price says off."""
        return 0.0 if self.price_p() >= OFF_P else self.allowed_w

    def _step(self, dt_s: float) -> None:
        """One stretch, cut at the edge of a slot."""
        left_s = self._slot_s() + SLOT_S - self.start_wall_s - self.now_s
        for part_s in (min(dt_s, left_s), dt_s - left_s):
            if part_s > 0:
                self._book(part_s)

    def _book(self, dt_s: float) -> None:
        price, before_kwh, before_w = self.price_p(), self.energy_kwh(), self.working_w()
        super()._step(dt_s)
        used, was = self.energy_kwh() - before_kwh, self.account
        above = (before_w + self.working_w()) / 2 * dt_s / 3.6e6 if price >= OFF_P else 0.0
        always = sum(self.rigs[name].nominal_w for name in sorted(self.listed)) * dt_s / 3.6e6
        more = (used, used * price, above, always, always * price)
        self.account = Account(*(one + other for one, other in zip(was, more, strict=True)))

    def working_w(self) -> float:
        """What they draw above standby, those that can be stopped."""
        able = (rig for name, rig in self.rigs.items() if name not in ENDLESS)
        return sum(max(0.0, rig.power_w() - rig.standby_w) for rig in able)


class Site(home.Site):
    """The house, its plugs, and the line to the price server."""

    kind = "agile-home"
    house: House

    def __init__(self, house: House, kits: tuple[Kit, ...], story: stories.Story) -> None:
        self.prices = Octopus(house.tariff, house.start_wall_s)
        fixed = (PRICES, *(PLUGS[kit.id] for kit in kits if kit.id in PLUGS))
        self._fixed = {name: site.FIRST_PORT + number for number, name in enumerate(fixed)}
        self._plugs = {PLUGS[kit.id]: plug.Unit(house.rigs[kit.id], house.seed) for kit in kits if kit.id in PLUGS}
        super().__init__(house, kits, story, LOTS, ZONE)

    @property
    def ports(self) -> dict[str, int]:
        """The port of each section, of the price server and the plugs too."""
        return super().ports | self._fixed

    def place(self, ports: Mapping[str, int]) -> None:
        """Say on which port each section is found."""
        self._fixed |= {name: port for name, port in ports.items() if name in self._fixed}
        super().place({name: port for name, port in ports.items() if name not in self._fixed})
        rows = [Served(name, self._plugs.get(name, self.prices), port) for name, port in self._fixed.items()]
        self.put([*self.served.values(), *rows])

    def doors(self) -> tuple[Door, ...]:
        """Every place where something listens or may come to listen."""
        return (*super().doors(), *(Door(name) for name in self._fixed))

    def reach(self, served: Served, at_s: float) -> None:
        """A miner goes along with the lane that asks it."""
        if served.section not in self._fixed:
            super().reach(served, at_s)

    def fault_of(self, served: Served) -> Fault:
        """Plugs and the price server have no trouble but that of their line."""
        return self.faults.of(served.section) if served.section in self._fixed else super().fault_of(served)

    def deeds(self) -> Mapping[str, Callable[[list[str]], None]]:
        """What there is to do here beside what any house knows."""
        return {**super().deeds(), "internet": self._internet, "publication": self._publication}

    def has(self, what: str, words: list[str]) -> bool:
        """Whether that miner or section is there."""
        return (what == "device" and " ".join(words[:2]) in self._fixed) or super().has(what, words)

    def _internet(self, words: list[str]) -> None:
        """The line of the house: prices and pools alike."""
        up = words[0] == "up"
        self.faults.put(PRICES, OK if up else Fault("gone"))
        for rig in self.house.rigs.values():
            rig.reachable = None if up else frozenset()

    def _publication(self, words: list[str]) -> None:
        """This day's afternoon brings no prices; they come in the evening of the next one."""
        tariff, now_s = self.house.tariff, self.house.start_wall_s + self.house.now_s
        today = frozenset({dt.datetime.fromtimestamp(now_s, tariff.zone).date()})
        tariff.missed = tariff.missed | today if words[0] == "missed" else tariff.missed - today


def build(
    seed: int,
    start_wall_s: int | None = None,
    ports: Mapping[str, int] | None = None,
    *,
    story: stories.Story | None = None,
    only: tuple[str, ...] = (),
) -> Site:
    """Build the house. `start_wall_s` None: midnight of the story's day. `only`: these miners, in place of all."""
    story = story or stories.packaged("agile-day")
    start = story.start_wall_s(ZONE) if start_wall_s is None else start_wall_s
    kits = tuple(kit for kit in KITS if not only or kit.id in only)
    rigs = {kit.id: rig_of(kit, seed, start, _pools(kit)) for kit in kits}
    house = House(seed, start, rigs, story.weather, Tariff(seed))
    made = Site(house, kits, story)
    if ports:
        made.place(ports)
    return made


def _pools(kit: Kit) -> list[tuple[str, str]]:
    """What is written in a unit when the story begins."""
    kind = kit.section.partition(" ")[0]
    names = {"xmrig": ("xmr", "xmr2"), "avalon": ("dgb", "bch", "btc")}.get(kind, ("dgb", "bch"))
    return [OWNED[name][1:] for name in names]
