"""A mine as its wiring says it is, on the twin's physics: what a backtest's ticks read and switch.

No wire format is spoken here. Every channel a wiring names is answered from the world or from what was recorded of the
outside, and a command takes effect at the second at which its lane would have sent it. Miners draw what was measured
of them; a mine without wired fans stands in free air. What is not modelled: modes, limits and tuning (they are
accepted and change nothing), and pools.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from statistics import fmean

from mine_controller.core.due import Asked
from mine_controller.core.fleet import on_above_w
from mine_controller.core.model.clock import Clock
from mine_controller.core.model.command import APPLIED, NOT_SENT, UNREACHABLE, Command, Outcome
from mine_controller.core.model.image import Image
from mine_controller.core.model.policy import Policy
from mine_controller.core.model.quantity import ROLES
from mine_controller.core.model.reading import Reading, Scalar
from mine_controller.core.model.state import State
from mine_controller.core.money import prices
from mine_controller.play import outside as outer
from mine_controller.ports.clock import Clocks, Sources
from mine_controller.record import NamedTuple
from mine_controller.twin import boards
from mine_controller.twin.fans import Fans
from mine_controller.twin.noise import key_of, normal
from mine_controller.twin.weather import Weather
from mine_controller.twin.world import Action, World

ASK_S = 2.0  # what asking everything side by side takes
ACT_S = 25.0
USUAL_C, USUAL_DEW_C = 20.0, 10.0  # where nothing of the air is recorded
PROBE_K = 0.05
WATTS_APART = 7  # a meter's last digit moves: the very same watts thrice mean a frozen meter
FREE_M3S = 1000.0
LIT_W = 100
ASLEEP = ("sleeping", "stopped")

Answer = Callable[[], outer.Known]


class _Air(Weather):
    """The recorded air, in place of a preset."""

    def __init__(self, seed: int, outside: outer.Outside) -> None:
        super().__init__(seed, outside.since)
        tracks = outside.tracks
        self._start, self._dew = outside.since, tracks.get("dew", outer.Track())
        self._ambient = next((tracks[name] for name in ("role ambient_c", "inlet") if name in tracks), outer.Track())
        self._shift_k = outer.ambient_shift_k(outside)

    def ambient_c(self, at_s: float) -> float:
        """Temperature outside at plant second `at_s`."""
        value = self._ambient.at(self._start + at_s)[0]
        return value + self._shift_k if isinstance(value, int | float) else USUAL_C

    def dew_c(self, at_s: float) -> float:
        """Dew point; never above the air itself."""
        value = self._dew.at(self._start + at_s)[0]
        dew_c = float(value) if isinstance(value, int | float) else USUAL_DEW_C
        return min(dew_c, self.ambient_c(at_s))


class _FreeAir(Fans):
    """No container: as much air as anybody pulls."""

    def air_m3s(self) -> float:
        """Air moved."""
        return FREE_M3S

    def most_m3s(self) -> float:
        """Air that could be moved."""
        return FREE_M3S


class Start(NamedTuple):
    """What the ground begins with: the recorded state and image, and the world's seed."""

    state: State
    image: Image
    seed: int = 1


class Ground:
    """The ports of a tick that touch the mine: clock, ask, act, wait. `now_s` is the world's second, from 0."""

    def __init__(self, policy: Policy, outside: outer.Outside, start: Start, zone: str, tick_s: int) -> None:
        self.policy, self.wiring, self.outside = policy, policy.wiring, outside
        self.begin_s = outside.since
        self.now_s = 0.0
        self.index = {spec.id: at for at, spec in enumerate(self.wiring.miners)}
        self.lane_s = start.state.lanes
        self.world = self._world(start)
        self.base_w = _base_w(start.image)
        self.fails: dict[str, int] = {}
        self._addresses = [
            getattr(start.state.units.get(spec.id), "address", "") or str(at + 1)
            for at, spec in enumerate(self.wiring.miners)
        ]
        self._noise = key_of(start.seed, "probes")
        self._answers = self._channels()
        last = start.state.last
        boot_s, wall_s = int(last.get("boot_s") or 0), int(last.get("wall_s") or self.begin_s)
        ahead_s = boot_s + max(0, self.begin_s - wall_s)
        boot_id = str(last.get("boot_id") or "twin")
        sources = Sources(lambda: ahead_s + self.now_s, self.wall_s, lambda: boot_id, lambda: True)
        self.clocks = Clocks(zone, tick_s, sources)

    def wall_s(self) -> float:
        """The wall clock there."""
        return self.begin_s + self.now_s

    # -- the world --------------------------------------------------------------------------------------------------

    def _world(self, start: Start) -> World:
        specs = self.wiring.miners
        watts = outer.sizes(self.outside, specs)
        nominal_w = fmean(watts.values()) if watts else 1.0
        cap_w = float(self.policy.site.power_cap_w or math.inf)
        count = len(self.wiring.fans)
        world = World(start.seed, self.begin_s, miners=len(specs), fans=count, nominal_w=nominal_w, cap_w=cap_w)
        world.weather = _Air(start.seed, self.outside)
        world.inlet_c = world.wall_c = world.weather.ambient_c(0)
        world.boards = boards.Boards([watts[spec.id] / nominal_w for spec in specs], nominal_w, world.inlet_c)
        if not count:
            world.fans = _FreeAir(0, start.seed)
        self._as_it_stood(world, start.image)
        world.settle()
        return world

    def _as_it_stood(self, world: World, image: Image) -> None:
        """Fans and miners as the first image shows them; what it does not know runs."""
        on = {fan.name: fan.on is not False for fan in image.fans}
        world.fans.on = [on.get(spec.name, True) for spec in self.wiring.fans]
        world.fans.speed = [float(turns) for turns in world.fans.on]
        known = {name: at for at, name in enumerate(image.miners.ids)}
        for i, spec in enumerate(self.wiring.miners):
            at = known.get(spec.id)
            watts = None if at is None else image.miners.power_w[at]
            word = None if at is None else image.miners.word[at]
            fed = at is None or image.miners.outlet[at] != "off"
            world.fleet.outlet_on[i] = fed
            world.fleet.asleep[i] = word in ASLEEP
            runs = word not in ASLEEP if watts is None else watts > on_above_w(spec)
            mode = boards.OFF if not fed else boards.RUNNING if runs else boards.STANDBY
            world.boards.move([i], mode, 0.0)
        world.boards.starts = [0] * len(self.wiring.miners)

    def advance(self, to_s: float) -> None:
        """The world goes on, with the faults it had by then."""
        wall_s, tracks, world = self.begin_s + to_s, self.outside.tracks, self.world
        for i, spec in enumerate(self.wiring.miners):
            track = tracks.get(f"miner {spec.id}")
            if track is not None and world.fleet.dead[i] != _has_died(track, wall_s):
                world.fleet.dead[i] = not world.fleet.dead[i]
                world.touch()
                world.check(i)
        for i, fan in enumerate(self.wiring.fans):
            track = tracks.get(f"fan {fan.name}")
            if track is not None:
                world.fans.broken[i] = _has_died(track, wall_s)
        world.signal = "off" if self._role("signal")[0] == "off" else "run"
        world.advance(to_s)

    # -- asking -----------------------------------------------------------------------------------------------------

    def _channels(self) -> dict[str, list[tuple[str, Answer]]]:
        """By endpoint: every channel that somebody wired, and what answers for it."""
        found: dict[str, list[tuple[str, Answer]]] = {name: [] for name in self.wiring.endpoints}
        for key, answer in (*self._roles(), *self._links(), *self._relays(), *self._units()):
            found.setdefault(key.rpartition(":")[0].partition("/")[0], []).append((key, answer))
        return {name: list(dict(rows).items()) for name, rows in found.items()}

    def _role(self, name: str) -> outer.Known:
        track = self.outside.tracks.get(f"role {name}")
        return (None, "never recorded") if track is None else track.at(self.wall_s())

    def _roles(self) -> Iterator[tuple[str, Answer]]:
        inner: dict[str, Callable[[], float]] = {
            "inlet_c": lambda: self.world.shown.inlet_c,
            "outlet_c": lambda: self.world.shown.hot_aisle_c,
            "ambient_c": lambda: self.world.shown.ambient_c,
            "humidity_pct": lambda: self.world.shown.humidity_pct,
            "site_power_w": self.site_w,
        }
        for name, role in self.wiring.roles.items():
            for n, key in enumerate(role.keys):
                if name == prices.ROLE:
                    yield key, partial(self._price, key)
                elif name in inner:
                    probe = n if ROLES[name].quantity == "temp_c" else None
                    yield key, partial(self._inner, inner[name], probe)
                else:
                    yield key, partial(self._role, name)

    def _inner(self, tell: Callable[[], float], probe: int | None) -> outer.Known:
        return tell() + (0.0 if probe is None else self._flicker(probe)), ""

    def _flicker(self, probe: int) -> float:
        return PROBE_K * normal(self._noise + probe, int(self.now_s // 60))

    def _price(self, key: str) -> outer.Known:
        """The recorded slots of that channel; of any channel where another config names it otherwise."""
        tracks = self.outside.tracks
        name = f"price {key}"
        if name not in tracks:
            name = next((one for one in tracks if one.startswith("price ")), name)
        return tracks[name].at(self.wall_s()) if name in tracks else (None, "never recorded")

    def _links(self) -> Iterator[tuple[str, Answer]]:
        for link in self.wiring.uplinks:
            track = self.outside.tracks.get(f"link {link.name}", outer.Track())
            yield f"{link.channel}:link", partial(self._track, track)

    def _track(self, track: outer.Track) -> outer.Known:
        return track.at(self.wall_s())

    def _relays(self) -> Iterator[tuple[str, Answer]]:
        for i, spec in enumerate(self.wiring.fans):
            yield f"{spec.switch}:switch", partial(self._relay, i)
            if spec.watts:
                yield f"{spec.watts}:power_w", partial(self._fan_w, i)

    def _relay(self, i: int) -> outer.Known:
        return _word(self.world.fans.on[i] != self.wiring.fans[i].active_low), ""

    def _fan_w(self, i: int) -> outer.Known:
        fans, normal_w = self.world.fans, self.wiring.fans[i].normal_w
        return self._shown_w(i, normal_w * (0.6 + 0.4 * fans.speed[i]) if fans.turning(i) else 0.0), ""

    def _units(self) -> Iterator[tuple[str, Answer]]:
        for i, spec in enumerate(self.wiring.miners):
            own = f"{spec.group}/{spec.mac}"
            metered = bool(spec.outlet) and spec.outlet_metered
            if spec.outlet:
                yield f"{spec.outlet}:switch", partial(self._outlet, i)
            yield f"{spec.outlet if metered else own}:power_w", partial(self._miner_w, i)
            yield f"{own}:word", partial(self._said, i)
            for lane in dict.fromkeys((spec.group, *(path.lane for path in spec.paths if path.gentle))):
                yield f"{lane}/{spec.mac}:address", partial(self._address, i)

    def _outlet(self, i: int) -> outer.Known:
        return _word(self.world.fleet.outlet_on[i]), ""

    def _miner_w(self, i: int) -> outer.Known:
        lot = self.world.boards.lot(i)
        fixed_w = lot.level(self.world.now_s).fixed_w  # a large miner's: this one may be a board of 15 W
        own_w = self.wiring.miners[i].standby_w if fixed_w else 0
        return self._shown_w(i, self.world.miner_w(i) - fixed_w + own_w), ""

    def miners_w(self) -> float:
        """What all miners draw, each with its own standby."""
        world, specs = self.world, self.wiring.miners
        total_w = world.miners_w()
        for lot in world.boards.lots:
            fixed_w = lot.level(world.now_s).fixed_w
            if fixed_w:
                total_w += sum(specs[i].standby_w for i in lot.members) - len(lot.members) * fixed_w
        return total_w

    def site_w(self) -> float:
        """What the whole site draws."""
        return self.miners_w() + self.world.fans.total_w() + self.base_w

    def _shown_w(self, i: int, watts: float) -> float:
        digit = (i * 5 + int(self.now_s) // 30) % WATTS_APART - WATTS_APART // 2
        return watts + digit if watts > LIT_W else watts

    def _said(self, i: int) -> outer.Known:
        return self.world.word(i), ""

    def _address(self, i: int) -> outer.Known:
        return self._addresses[i], ""

    def health(self, endpoint: str) -> outer.Known:
        """Whether it answers now: as the endpoint of that name did then."""
        track = self.outside.tracks.get(f"health {endpoint}")
        return ("ok", "") if track is None else track.at(self.wall_s())

    def ask(self, asked: tuple[Asked, ...], image: Image | None, clock: Clock) -> tuple[Reading, ...]:
        """Everything asked, side by side."""
        del image
        self.advance(self.now_s)
        at_s = self.plant_s(self.now_s)
        out = [Reading("stop:switch", self._stop(), at_s)]
        for one in asked:
            if "-" not in one.channels:  # only a ticket was asked for
                out += self._answered(one.endpoint, at_s)
        self.now_s += ASK_S if clock.opening else ASK_S / 4
        return tuple(out)

    def _stop(self) -> str:
        return "on" if self._role("stop")[0] == "on" else "off"

    def _answered(self, endpoint: str, at_s: int) -> Iterator[Reading]:
        health, why = self.health(endpoint)
        rows = self._answers.get(endpoint, ())
        if health is None:
            self.fails[endpoint] = self.fails.get(endpoint, 0) + 1
            yield from (Reading(key, None, at_s, why or "no answer") for key, _ in rows)
        else:
            self.fails[endpoint] = 0
            for key, answer in rows:
                value, unknown = answer()
                yield Reading(key, value, at_s, unknown)
        yield Reading(f"{endpoint}:health", health, at_s, why)
        yield Reading(f"{endpoint}:fails", self.fails[endpoint], at_s)

    def plant_s(self, world_s: float) -> int:
        """Plant time at a second of the world."""
        return int(self.clocks.sources.boot_s() - self.now_s + world_s) + self.clocks.offset_s

    # -- acting -----------------------------------------------------------------------------------------------------

    def act(self, commands: Iterable[Command], clock: Clock) -> tuple[Outcome, ...]:
        """Every lane at its pace, side by side."""
        del clock
        sent: dict[str, int] = {}
        out, ends_s = [], self.now_s
        for command in commands:
            sent[command.lane] = sent.get(command.lane, 0) + 1
            at_s = self.now_s + self._takes_s(command.lane, sent[command.lane])
            down, why = self.health(command.lane)
            if down is None:
                out.append(Outcome(command.id, UNREACHABLE, why, None, self.plant_s(self.now_s + ASK_S)))
            elif at_s > self.now_s + ACT_S:
                out.append(Outcome(command.id, NOT_SENT, "no time left", None, self.plant_s(self.now_s + ACT_S)))
            else:
                self._schedule(command, at_s)
                out.append(Outcome(command.id, APPLIED, "", None, self.plant_s(at_s)))
                ends_s = max(ends_s, at_s)
        self.now_s = ends_s
        return tuple(out)

    def _takes_s(self, name: str, nth: int) -> float:
        lane = self.wiring.lanes.get(name)
        if lane is None:
            return float(nth)
        call_s = self.lane_s.get(name, lane.call_s)
        return call_s if lane.batch else -(-nth // max(1, lane.width)) * call_s

    def _schedule(self, command: Command, at_s: float) -> None:
        what, _, name = command.target.partition(" ")
        if what == "fan":
            at = [spec.name for spec in self.wiring.fans].index(name)
            verb = _word((command.verb == "on") != self.wiring.fans[at].active_low)
            self.world.schedule(at_s, Action("fan", at, verb))
        elif what == "miner" and command.verb in ("run", "stop"):
            self.world.schedule(at_s, Action("miner", self.index[name], command.verb))
        elif what == "miner" and command.verb in ("on", "off"):
            self.world.schedule(at_s, Action("outlet", self.index[name], command.verb))
        # Whatever else is told (a mode, a pool, the holding pool's door) is accepted and changes nothing here.

    def until(self, plant_s: int) -> None:
        """Time passes at once."""
        self.now_s = max(self.now_s, self.now_s + plant_s - self.plant_s(self.now_s))


def _word(on: bool) -> str:
    return "on" if on else "off"


def _has_died(track: outer.Track, wall_s: float) -> bool:
    return wall_s >= track.at_s[0] and track.at(wall_s)[0] == "dead"


def _base_w(image: Image) -> float:
    """What the site draws beside miners and fans, as far as the first image can tell."""
    meter = image.site.get("site_power_w")
    value: Scalar = None if meter is None else meter.value
    known = [watts for watts in image.miners.power_w if watts is not None]
    if not isinstance(value, int | float) or len(known) < len(image.miners.ids):
        return 0.0
    return max(0.0, value - sum(known) - sum(fan.watts or 0 for fan in image.fans))
