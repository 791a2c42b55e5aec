"""A shelf of boards on the LAN: no outlets, their own words, modes and pools. They obey, refuse, or stay silent."""

from typing import Any

from core.plant import Plant, policy

from mine_controller.core.model.command import Command
from mine_controller.core.model.decision import Decision
from mine_controller.core.model.reading import Reading
from mine_controller.core.model.wiring import EndpointSpec, Lane, MinerSpec, Path, Role, Wiring
from mine_controller.core.rules import load

SHELF = "bitaxe shelf"
MODES = ("eco", "standard", "turbo")
POOLS = ("main", "reserve")
VERBS = ("run", "stop", "restart", "mode", "pool", "limit", "tune", "fan", "locate")
WATTS = {"eco": 12, "standard": 18, "turbo": 25}


def boards(count: int = 4, *, rest_s: int = 0, **spec: Any) -> Wiring:
    units = tuple(
        MinerSpec(
            f"b{at}",
            f"02:00:00:00:00:{at:02x}",
            SHELF,
            30,
            3,
            paths=(Path(SHELF, 20, gentle=True),),
            ramp_patience_s=60,
            verbs=VERBS,
            modes=MODES,
            pools=POOLS,
            settle_s=60,
        )._replace(**spec)
        for at in range(count)
    )
    ends = {
        SHELF: EndpointSpec(SHELF, fleet=True, rest_s=rest_s),
        "power_signal coop": EndpointSpec("power_signal coop"),
    }
    roles = {"stop": ("stop:switch",), "signal": ("power_signal coop:signal",)}
    return Wiring(
        roles={name: Role(name, keys, "worst", 240) for name, keys in roles.items()},
        fans=(),
        miners=units,
        breakers=(),
        lanes={SHELF: Lane(SHELF, call_s=5.0, batch=True)},
        endpoints=ends,
    )


class Shelf(Plant):
    """Boards with a mode and a pool each. Every attribute may be set by a test."""

    def __init__(self, wires: Wiring | None = None, *, live: bool = True, running: bool = True, **site: Any) -> None:
        wires = wires or boards()
        rules = policy(wires, live=live, cap_kw=0)
        wired = {name: one for name, one in rules.rules.items() if not (needs := load(name).NEEDS) or "signal" in needs}
        rules = rules._replace(rules=wired)
        super().__init__(wires, rules._replace(site=rules.site._replace(**site)), running=running)
        names = [spec.id for spec in wires.miners]
        self.mode: dict[str, str | None] = dict.fromkeys(names, "standard")
        self.pool: dict[str, str | None] = dict.fromkeys(names, "main")
        self.word: dict[str, str] = {}
        self.at = {name: f"10.0.0.{number + 1}" for number, name in enumerate(names)}
        self.silent: set[str] = set()
        self.metered = True
        self.verdicts: dict[str, str] = {}  # by verb: what the board answers instead of doing it
        self.told: list[tuple[int, str, str, str]] = []  # (second, miner, verb, value) of errands
        self.asked_at: list[int] = []
        self.more: list[tuple[str, Any]] = []  # further readings of the shelf
        self.start_s = 20
        for name in names:
            self.power[name] = 18 if running else 3

    def readings(self, asked: set[str]) -> list[Reading]:
        out = [Reading("stop:switch", self.stop, self.now)]
        out += [Reading(f"{end}:health", "ok", self.now) for end in asked]
        if "power_signal coop" in asked:
            out.append(Reading("power_signal coop:signal", self.signal, self.now))
        if SHELF not in asked:
            return out
        self.asked_at.append(self.now)
        for spec in self.wiring.miners:
            if spec.id not in self.silent:
                out += [Reading(f"{SHELF}/{spec.mac}{key}", value, self.now) for key, value in self._of(spec.id)]
        return out + [Reading(f"{SHELF}/{key}", value, self.now) for key, value in self.more]

    def _of(self, name: str) -> list[tuple[str, Any]]:
        lit = self.power[name] > 6
        found: list[tuple[str, Any]] = [
            (":address", self.at[name]),
            (":word", self.word.get(name, "hashing" if lit else "sleeping")),
        ]
        found += [(":mode", self.mode[name])] if self.mode[name] else []
        found += [(":pool", self.pool[name])] if self.pool[name] else []
        return [*found, (":power_w", self.power[name])] if self.metered else found

    def _do(self, name: str, command: Command) -> str:
        if command.verb not in VERBS[2:]:
            verdict = super()._do(name, command)
            if command.verb == "stop" and name not in self.mute | self.liars:
                self.power[name] = 3
            return verdict
        self.told.append((self.now, name, command.verb, command.value))
        if command.verb in self.verdicts:
            return self.verdicts[command.verb]
        if command.verb == "mode":
            self.mode[name] = command.value if self.mode[name] else None
            self.power[name] = WATTS[command.value]
        if command.verb == "pool":
            self.pool[name] = command.value if self.pool[name] else None
        return "applied"

    def _grow(self) -> None:
        for name, since in list(self.starting.items()):
            if self.now - since >= self.start_s:
                self.power[name] = 18
                del self.starting[name]

    def errands(self, *verbs: str) -> list[tuple[str, str, str]]:
        return [(name, verb, value) for _, name, verb, value in self.told if not verbs or verb in verbs]

    def outcome(self) -> dict[str, Any]:
        """The numbers of the last outcome told."""
        told = [event for kind in ("errand_done", "errand_failed") for event in self.events(kind)]
        return dict(told[-1].reason.numbers)

    def last(self) -> Decision:
        return self.decisions[-1]
