"""An off-grid plant of plain numbers: a source that droops, miners on the LAN, uplinks, a local pool. No physics."""

from typing import Any

from core.plant import Plant

from mine_controller.core import rules
from mine_controller.core.model.clock import Local
from mine_controller.core.model.command import Command
from mine_controller.core.model.decision import Decision
from mine_controller.core.model.policy import Policy, PoolFacts, SiteOptions
from mine_controller.core.model.quantity import ROLES
from mine_controller.core.model.reading import Reading
from mine_controller.core.model.wiring import (
    BreakerSpec,
    EndpointSpec,
    Lane,
    MinerSpec,
    Path,
    Role,
    UplinkSpec,
    Wiring,
)
from mine_controller.core.option import fill

ROW = "whatsminer row_a"
METER, SOURCE, DUMMY = "sel735 meter", "mqtt source", "dummy_pool local"
LINKS = ("starlink", "lte")
DAY_S = 86_400
POOLS = ("main", "reserve", "local")
PHASES = ("L1", "L2", "L3")
KEYS = {
    "grid_hz": (f"{METER}:grid_hz",),
    "voltage_v": tuple(f"{METER}/{phase}:voltage_v" for phase in PHASES),
    "site_power_w": (f"{METER}:power_w",),
    "supply_kw": (f"{SOURCE}/possible:supply_kw",),
    "battery_soc_pct": (f"{SOURCE}/battery:charge_pct",),
    "generator_load_pct": (f"{SOURCE}/generator:load_pct",),
}
USED = ("override", "cap", "grid", "voltage", "supply", "demand", "boot", "wear", "ramp", "uplinks", "failover")


def wiring(count: int = 40, *, roles: tuple[str, ...] = ("grid_hz", "supply_kw"), **more: Any) -> Wiring:
    """`count` miners of 3.4 kW in one group that is told in a batch, spread over three phases."""
    units = tuple(
        MinerSpec(
            f"w{at:03}",
            f"02:00:00:01:{at // 256:02x}:{at % 256:02x}",
            ROW,
            3400,
            25,
            paths=(Path(ROW, 20, gentle=True),),
            phase=PHASES[at % 3],
            verbs=("run", "stop", "restart", "pool"),
            pools=POOLS,
            settle_s=60,
        )
        for at in range(count)
    )
    keys = {"stop": ("stop:switch",), **{name: KEYS[name] for name in roles}}
    ends = (ROW, METER, SOURCE, DUMMY, *(f"uplink {name}" for name in LINKS))
    every_s = more.get("every_s", {})
    return Wiring(
        roles={name: Role(name, channels, ROLES[name].vote, 240) for name, channels in keys.items()},
        fans=(),
        miners=units,
        breakers=(),
        lanes={ROW: Lane(ROW, call_s=0.1), DUMMY: Lane(DUMMY, call_s=0.1)},
        endpoints={name: EndpointSpec(name, every_s.get(name, 0), name == ROW) for name in ends},
        phases=tuple(BreakerSpec(name, more["phase_w"], name) for name in PHASES) if "phase_w" in more else (),
        uplinks=tuple(UplinkSpec(name, f"uplink {name}") for name in more.get("uplinks", ())),
        dummy_pool=more.get("dummy_pool", ""),
    )


def policy(wires: Wiring, **options: dict[str, Any]) -> Policy:
    """Only what an off-grid site of numbers needs; options by rule."""
    filled = {name: fill(rules.load(name).Options, options.get(name)) for name in USED}
    site = SiteOptions("off-grid", 0, live=True, nominal_hz=50, nominal_v=230)
    return Policy(site, filled, wires, tuple(PoolFacts(name) for name in POOLS))


class Offgrid(Plant):
    """Every attribute may be set by a test. `source_w` is the truth, `possible_kw` what the source says of it."""

    def __init__(self, wires: Wiring | None = None, *, running: bool = True, **options: dict[str, Any]) -> None:
        wires = wires or wiring()
        super().__init__(wires, policy(wires, **options), running=running)
        self.possible_kw: float | None = 130.0
        self.hz: float | None = 50.0
        self.volts: tuple[float | None, ...] = (230.0, 230.0, 230.0)
        self.soc: float | None = 90.0
        self.load_pct: float | None = 60.0
        self.beside_w = 0  # what hangs on the source and is no miner
        self.links = dict.fromkeys(LINKS, "up")
        self.loss = dict.fromkeys(LINKS, 0.0)
        self.pool_open, self.pool_works = False, True
        self.pool = {spec.id: "main" for spec in wires.miners}
        self.stays: set[str] = set()  # miners that say yes to a pool and stay where they are, until restarted
        self.told: list[tuple[int, str, str, str]] = []
        self.shares = [0, 0]
        self.asked: list[tuple[int, frozenset[str]]] = []

    def tick(self, rounds: int = 20, **more: bool) -> Decision:
        self.local = Local(f"2026-07-{1 + self.now // DAY_S:02}", self.now % DAY_S // 60, self.now // DAY_S % 7)
        return super().tick(rounds, **more)

    def readings(self, asked: set[str]) -> list[Reading]:
        self.asked.append((self.now, frozenset(asked)))
        out = [Reading("stop:switch", self.stop, self.now)]
        for end in sorted(asked):
            gone = end in self.dead
            why = "no answer in 2.0 s" if gone else ""
            out.append(Reading(f"{end}:health", None if gone else "ok", self.now, why))
            if not gone:
                out += [Reading(key, self.garbage.get(key, value), self.now) for key, value in self._keyed(end)]
        return out

    def _keyed(self, end: str) -> list[tuple[str, Any]]:
        return [(f"{end}{key}", value) for key, value in self._of(end)]

    def _of(self, end: str) -> list[tuple[str, Any]]:
        if end == ROW:
            return [one for spec in self.wiring.miners for one in self._miner(spec)]
        if end == METER:
            volts = [(f"/{phase}:voltage_v", volt) for phase, volt in zip(PHASES, self.volts, strict=True)]
            return [(":grid_hz", self.hz), (":power_w", self.total + self.beside_w), *volts]
        if end == SOURCE:
            battery = ("/battery:charge_pct", self.soc)
            return [("/possible:supply_kw", self.possible_kw), battery, ("/generator:load_pct", self.load_pct)]
        if end == DUMMY:
            link = "up" if self.pool_open and self.pool_works else "down" if self.pool_open else None
            return [(":switch", "on" if self.pool_open else "off"), (":link", link)]
        name = end.removeprefix("uplink ")
        return [(":link", self.links[name]), (":loss_pct", self.loss[name])]

    def _miner(self, spec: MinerSpec) -> list[tuple[str, Any]]:
        own, drawn = f"/{spec.mac}", self.power[spec.id]
        return [
            (f"{own}:address", f"10.0.1.{spec.id[1:]}"),
            (f"{own}:power_w", drawn - self.flutter(int(spec.id[1:])) if drawn > 200 else drawn),
            (f"{own}:word", "hashing" if drawn > 500 else "sleeping"),
            (f"{own}:pool", self.pool[spec.id]),
            *zip((f"{own}:accepted_n", f"{own}:rejected_n", f"{own}:stale_n"), self.shares, strict=False),
        ]

    def _do(self, name: str, command: Command) -> str:
        if command.lane in self.dead:
            return "unreachable"
        if command.target.startswith("pool "):
            self.pool_open = command.verb == "on"
            self.told.append((self.now, "pool", command.verb, ""))
            return "applied"
        if command.verb in ("pool", "restart"):
            self.told.append((self.now, name, command.verb, command.value))
            if command.verb == "restart":
                self.stays.discard(name)
            elif name not in self.stays:
                self.pool[name] = command.value
            return "applied"
        verdict: str = super()._do(name, command)
        return verdict

    def orders(self, verb: str) -> list[tuple[str, str]]:
        return [(name, value) for _, name, what, value in self.told if what == verb]

    @property
    def all_w(self) -> int:
        return int(self.total) + self.beside_w
