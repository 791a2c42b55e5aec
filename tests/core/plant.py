"""A plant of plain numbers for core tests: wiring, readings, and devices that obey, lie or stay mute. No physics."""

from typing import Any

from mine_controller.core import rules
from mine_controller.core.decide import decide
from mine_controller.core.due import due
from mine_controller.core.freeze import freeze
from mine_controller.core.model.clock import Clock, Local
from mine_controller.core.model.command import Outcome
from mine_controller.core.model.decision import Decision
from mine_controller.core.model.image import Image, Request
from mine_controller.core.model.policy import Policy, SiteOptions
from mine_controller.core.model.quantity import ROLES
from mine_controller.core.model.reading import Reading
from mine_controller.core.model.state import State
from mine_controller.core.model.wiring import EndpointSpec, FanSpec, Lane, MinerSpec, Path, Role, Wiring
from mine_controller.core.option import fill
from mine_controller.core.settle import settle
from mine_controller.play.audit import Record, audit

PER_PDU = 40
OUTSIDE = ("power_signal coop", "foreman mine")
WALL = 1_789_000_000
LOCAL = Local("2026-07-15", 720, 2)


def wiring(
    miners: int = 24, fans: int = 9, *, meter: bool = False, humidity: bool = True, outlets: bool = True, **more: Any
) -> Wiring:
    roles = {
        "signal": ("power_signal coop:signal",),
        "stop": ("stop:switch",),
        "smoke": ("roomalert intake/switch 1:contact",),
    }
    roles["inlet_c"] = tuple(f"roomalert intake/{n}:temp_c" for n in (1, 2, 3))
    roles["ambient_c"] = ("roomalert intake/5:temp_c",)
    if humidity:
        roles["humidity_pct"] = ("roomalert intake/1:humidity_pct",)
    if meter:
        roles["site_power_w"] = ("sel735 meter:power_w",)
    units = tuple(miner(at, outlets) for at in range(miners))
    pdus = sorted({unit.outlet.partition("/")[0] for unit in units if unit.outlet})
    ends = ["power_signal coop", "roomalert intake", "iotawatt fans", "controlbyweb fans", "foreman mine", *pdus]
    ends += ["sel735 meter"] if meter else []
    lanes = {
        "foreman mine": Lane("foreman mine", call_s=1.0),
        "controlbyweb fans": Lane("controlbyweb fans", call_s=0.3),
    }
    lanes |= {pdu: Lane(pdu, call_s=0.5) for pdu in pdus}
    return Wiring(
        roles={name: Role(name, keys, ROLES[name].vote, 240) for name, keys in roles.items()},
        fans=tuple(
            FanSpec(str(n), f"controlbyweb fans/{n}", f"iotawatt fans/Fan_{n}", 1500) for n in range(1, fans + 1)
        ),
        miners=units,
        breakers=more.get("breakers", ()),
        lanes=lanes,
        endpoints={name: EndpointSpec(name, outside=name in more.get("outside", OUTSIDE)) for name in ends},
    )


def miner(at: int, outlets: bool = True) -> MinerSpec:
    outlet = f"redfish pdu{at // PER_PDU + 1}/A{at % PER_PDU + 1}" if outlets else ""
    paths = [Path("foreman mine", 30, gentle=True)]
    if outlet:
        paths.append(Path(outlet.partition("/")[0], 10, gentle=False))
    mac = f"00:11:22:33:{at // 256:02x}:{at % 256:02x}"
    return MinerSpec(f"m{at:03}", mac, "foreman mine", 3400, 25, outlet, paths=tuple(paths))


def policy(wires: Wiring, *, live: bool = True, cap_kw: int = 1000, **options: dict[str, Any]) -> Policy:
    filled = {name: fill(rules.load(name).Options, options.get(name)) for name in rules.NAMES}
    return Policy(SiteOptions("test", cap_kw * 1000, live), filled, wires)


class Plant:
    """State of the pretended site. Every attribute may be set by a test."""

    def __init__(self, wires: Wiring, rules_policy: Policy | None = None, *, running: bool = True) -> None:
        self.wiring = wires
        self.policy = rules_policy or policy(wires)
        self.now = 10_000
        self.signal: str | None = "run"
        self.inlet: float | None = 25.0
        self.inlets: tuple[float | None, ...] | None = None
        self.ambient: float | None = 22.0
        self.humidity: float | None = 50.0
        self.smoke = "ok"
        self.stop = "off"
        self.meter: int | None = None
        self.fan_on = {spec.name: running for spec in wires.fans}
        self.broken: set[str] = set()
        self.fan_meter = True
        self.power = {spec.id: (3400 if running else 25) for spec in wires.miners}
        self.outlet = {spec.id: True for spec in wires.miners}
        self.mute: set[str] = set()  # API answers nothing
        self.liars: set[str] = set()  # API says yes and does nothing
        self.welded: set[str] = set()
        self.sleepers: set[str] = set()  # whose sleep outlives their outlet
        self.dead: set[str] = set()  # endpoints that do not answer
        self.garbage: dict[str, Any] = {}
        self.requests: tuple[Request, ...] = ()
        self.image: Image | None = None
        self.state = State()
        self.decisions: list[Decision] = []
        self.sent: list[tuple[int, str, str, str]] = []  # (second, target, verb, lane)
        self.start_s = 90  # seconds from run to full power
        self.starting: dict[str, int] = {}
        self.audited = True
        self.frozen = False  # PDUs that show the same watts for ever
        self.violations: list[Any] = []
        self.tick_s = 120
        self.local = LOCAL

    # -- one tick ---------------------------------------------------------------------------------------------------

    def tick(self, rounds: int = 20, *, rebooted: bool = False, stepped: bool = False) -> Decision:
        began, look = self.now, None
        soft_s = 90 if self.tick_s >= 120 else max(5, self.tick_s * 3 // 4)
        commanding = 0
        for number in range(rounds):
            day_s = (WALL + self.now) // 86_400 * 86_400
            clock = Clock(self.now, WALL + self.now, began_s=began, soft_end_s=began + soft_s, opening=number == 0,
                          rebooted=rebooted and number == 0, stepped=stepped,
                          local=self.local, tick_s=self.tick_s, day_s=day_s, day_end_s=day_s + 86_400)  # fmt: skip
            asked = {one.endpoint for one in due(self.image, look, self.wiring, clock)}
            self.image = freeze(self.image, self.readings(asked), self.wiring, clock, self.requests)
            self.requests = ()
            before = self.state
            decision = decide(self.image, before, self.policy)
            if self.audited:
                self.violations += audit(Record(self.image, before, decision, self.policy))
            outcomes = self.act(decision)
            self.state = settle(decision.state, decision.commands, outcomes)
            self.decisions.append(decision)
            commanding += bool(decision.commands)
            look = decision.look
            if look is None or look.at_s > began + soft_s or commanding >= 6:
                break
            self.now = max(self.now, look.at_s)
            self._grow()
        self.now = max(self.now + 1, began + self.tick_s)
        self._grow()
        return self.decisions[-1]

    def ticks(self, count: int) -> Decision:
        for _ in range(count):
            decision = self.tick()
        return decision

    # -- the world --------------------------------------------------------------------------------------------------

    def readings(self, asked: set[str]) -> list[Reading]:
        out: list[Reading] = [Reading("stop:switch", self.stop, self.now)]

        def add(end: str, channel: str, quantity: str, value: Any) -> None:
            if end in asked and end not in self.dead:
                key = f"{end}/{channel}:{quantity}" if channel else f"{end}:{quantity}"
                out.append(
                    Reading(key, self.garbage.get(key, value), self.now, "" if value is not None else "no answer")
                )

        for end in asked:
            why = "no answer in 6.0 s" if end in self.dead else ""
            out.append(Reading(f"{end}:health", None if why else "ok", self.now, why))
        add("power_signal coop", "", "signal", self.signal)
        for n in (1, 2, 3):
            add("roomalert intake", str(n), "temp_c", self.inlets[n - 1] if self.inlets else self.inlet)
        add("roomalert intake", "5", "temp_c", self.ambient)
        add("roomalert intake", "1", "humidity_pct", self.humidity)
        add("roomalert intake", "switch 1", "contact", self.smoke)
        for spec in self.wiring.fans:
            on = self.fan_on[spec.name]
            add("controlbyweb fans", spec.name, "switch", "on" if on else "off")
            air = 1500 + self.flutter(int(spec.name)) if on and spec.name not in self.broken else 0
            add("iotawatt fans", f"Fan_{spec.name}", "power_w", air if self.fan_meter else None)
        for unit in self.wiring.miners:
            pdu, _, socket = unit.outlet.partition("/")
            drawn = self.power[unit.id]
            add(pdu, socket, "power_w", drawn - self.flutter(int(socket[1:])) if drawn > 200 and pdu else drawn)
            add(pdu, socket, "switch", "on" if self.outlet[unit.id] else "off")
            add("foreman mine", unit.mac, "address", str(hash(unit.id) % 9999))
            add("foreman mine", unit.mac, "word", "hashing" if self.power[unit.id] > 500 else "sleeping")
        if self.meter is not None:
            add("sel735 meter", "", "power_w", self.meter)
        return out

    def flutter(self, unit: int) -> int:
        """A watt or two of noise, as every real meter shows; none when the meters are frozen."""
        return 0 if self.frozen else (self.now // 7 + unit) % 3

    def act(self, decision: Decision) -> tuple[Outcome, ...]:
        outcomes, spent = [], {}
        for command in decision.commands:
            lane = self.wiring.lanes[command.lane]
            if spent.setdefault(command.lane, 0.0) + lane.call_s > 25:
                outcomes.append(Outcome(command.id, "not_sent", "", None, self.now))
                continue
            spent[command.lane] += lane.call_s
            self.sent.append((self.now + int(spent[command.lane]), command.target, command.verb, command.lane))
            verdict = self._do(command.target.split(" ")[1], command)
            outcomes.append(Outcome(command.id, verdict, "", None, self.now))
        self.now += int(max(spent.values(), default=0))
        return tuple(outcomes)

    def _do(self, name: str, command: Any) -> str:
        if command.lane in self.dead:
            return "unreachable"
        if command.target.startswith("fan "):
            self.fan_on[name] = command.verb == "on"
        elif command.verb == "stop":
            if name in self.mute:
                return "unknown"
            if name not in self.liars:
                self.power[name] = 25 if self.outlet[name] else 0
                self.starting.pop(name, None)
            return "accepted"
        elif command.verb == "off":
            if name not in self.welded:
                self.outlet[name], self.power[name] = False, 0
                self.starting.pop(name, None)
        elif command.verb == "on":
            self._switch_on(name)
        elif command.verb == "run" and name not in self.mute and name not in self.liars:
            self.starting.setdefault(name, self.now)
        return "applied"

    def _switch_on(self, name: str) -> None:
        self.outlet[name] = True
        if name in self.sleepers:
            self.power[name] = 25
        else:
            self.starting[name] = self.now + 80

    def _grow(self) -> None:
        for name, since in list(self.starting.items()):
            if self.now - since >= self.start_s:
                self.power[name] = 3400
                del self.starting[name]

    # -- reading it -------------------------------------------------------------------------------------------------

    @property
    def total(self) -> int:
        return sum(self.power.values())

    @property
    def fans_up(self) -> int:
        return sum(on and name not in self.broken for name, on in self.fan_on.items())

    def events(self, kind: str) -> list[Any]:
        return [event for decision in self.decisions for event in decision.events if event.kind == kind]


def request(
    verb: str, *args: str, until: int = 0, flags: tuple[str, ...] = (), reason: str = "testing", number: int = 1
) -> Request:
    return Request(number, WALL, "cli", "owner", verb, args, reason, until, flags)
