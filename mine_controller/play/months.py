"""A year of the co-op container, fault-free, month by month: all 280 miners, every tick, the truth each ten seconds.

The weather of each month with its spells, and the utility's word five times a month, on hot afternoons and cold
mornings. The real program decides and proves; readings come from the twin's world without a wire format (`ground.py`),
which is what makes a year affordable. A month is made from its seed and number alone.

Permitted is what healthy miners could use while the utility says run and the inlet's window is open. A dark container
below `start_min_c` may not start, and nothing in it can warm it: those hours stand apart, as `cold_h`.
"""

import time
from calendar import monthrange
from contextlib import nullcontext
from datetime import datetime
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

from mine_controller.config.model import Config
from mine_controller.core.model.policy import Policy
from mine_controller.play import outside as outer
from mine_controller.play.backtest import Memory
from mine_controller.play.ground import Ground, Start
from mine_controller.play.outcomes import OBEY_S
from mine_controller.play.stage import Stage
from mine_controller.play.tales import FANS, MINERS, PDUS, template
from mine_controller.play.truth import EVERY_S, facts
from mine_controller.record import NamedTuple
from mine_controller.tick import Ports, tick
from mine_controller.twin import coop
from mine_controller.twin.weather import Weather
from mine_controller.twin.world import World

YEAR, DAY_S, HOUR_S = 2026, 86_400, 3600
EVENTS, LEAD_TICKS = 5, 4
NEAR: Final = 0.98  # of the cap
SIZES: Final = 0.05  # miners differ by so much
# By month: the usual weather, spells of another as (day, days, weather), and the hours in which the utility calls.
SEASONS: Final = (
    ("january", ((9, 3, "cold_spell"),), (6, 8)), ("january", (), (6, 8)), ("harvest", (), (6, 8)),
    ("harvest", (), (14, 17)), ("harvest", ((24, 4, "july"),), (14, 17)), ("july", ((18, 2, "tropical"),), (13, 17)),
    ("july", ((13, 3, "heat_wave"),), (13, 17)), ("july", ((4, 5, "hot"),), (13, 17)), ("july", (), (14, 17)),
    ("harvest", (), (17, 19)), ("harvest", ((22, 3, "january"),), (6, 8)), ("january", (), (6, 8)),
)  # fmt: skip


class Month(NamedTuple):
    """One of twelve; `days` 0 = all of them. `start_min_c`: what the owner wrote of it, None = as it comes."""

    number: int
    seed: int
    days: int = 0
    start_min_c: float | None = None


class Lived(NamedTuple):
    """What came of it. Powers in watts; `late`: events that were not under X after 300 s; `spread`: of starts.

    `cold_h`: hours in which all was dark, the utility said run, and it was too cold to start; not permitted.
    """

    month: Month
    ticks: int
    samples: int
    over_cap: int
    near_cap: int
    most_w: int
    used_kwh: float
    permitted_kwh: float
    cold_h: float
    events: int
    late: int
    slowest_s: float
    spread: int
    violations: tuple[str, ...]
    seconds: float


def events(month: Month, start_s: int, days: int) -> tuple[tuple[int, int], ...]:
    """(from, to) of each word of the utility, in wall seconds: 2 to 6 hours, on different days."""
    draw = Random(f"events {month.seed} {month.number}")  # noqa: S311 - a model, not a secret
    first, last = SEASONS[month.number - 1][2]
    found = []
    for day in sorted(draw.sample(range(1, days), min(EVENTS, days - 1))):
        begin = start_s + day * DAY_S + round(draw.uniform(first, last) * HOUR_S)
        found.append((begin, begin + round(draw.uniform(2, 6) * HOUR_S)))
    return tuple(found)


class _Container(Ground):
    """The ground with weather of its own, looked at every ten seconds."""

    def __init__(self, policy: Policy, outside: outer.Outside, start: Start, season: tuple[str, int]) -> None:
        self.season = season
        self.samples = self.over = self.near = 0
        self.most_w, self.floor_w = 0.0, 0.0
        self.start_min_c = getattr(policy.rules.get("cold"), "start_min_c", -273.0)
        self.permitted_kwh, self.cold_s, self._permitted_kwh = 0.0, 0.0, 0.0
        self.called_s: float | None = None
        self.under: list[float | None] = []
        super().__init__(policy, outside, start, coop.ZONE, 120)

    def _world(self, start: Start) -> World:
        world = super()._world(start)
        preset, start_s = self.season
        world.weather = Weather(start.seed, start_s, preset, coop.ZONE)
        world.inlet_c = world.wall_c = world.weather.ambient_c(0)
        world.settle()
        return world

    def advance(self, to_s: float) -> None:
        """The world goes on, in steps of ten seconds."""
        world = self.world
        while world.now_s < to_s:
            next_s = (world.now_s // EVERY_S + 1) * EVERY_S
            for at_s, preset in self.spells:
                if world.now_s <= at_s < next_s:
                    world.weather.turn(at_s, preset)
            word = self.outside.tracks["role signal"].at(self.begin_s + world.now_s)[0]
            world.signal = "off" if word == "off" else "run"
            world.advance(min(to_s, next_s))
            if world.now_s >= next_s:
                self._look()

    spells: tuple[tuple[float, str], ...] = ()

    def _look(self) -> None:
        miners_w = self.world.miners_w()
        total_w, cap_w = miners_w + self.world.fans.total_w(), self.policy.site.power_cap_w
        self.samples += 1
        self.over += total_w > cap_w
        self.near += total_w > cap_w * NEAR
        self.most_w = max(self.most_w, total_w)
        permitted_kwh = self.world.permitted_kwh()
        if miners_w < self.floor_w and self.world.inlet_c < self.start_min_c and permitted_kwh > self._permitted_kwh:
            self.cold_s += EVERY_S
        else:
            self.permitted_kwh += permitted_kwh - self._permitted_kwh
        self._permitted_kwh = permitted_kwh
        if self.world.signal == "run":
            self.called_s = None
        elif self.called_s is None:
            self.called_s = self.world.now_s - EVERY_S
            self.under.append(None)
        if self.called_s is not None and self.under[-1] is None and miners_w < self.floor_w:
            self.under[-1] = self.world.now_s - self.called_s


def live(month: Month, config: Config) -> Lived:
    """Tick after tick to the month's end."""
    began = time.monotonic()
    zone = ZoneInfo(coop.ZONE)
    start_s = int(datetime(YEAR, month.number, 1, tzinfo=zone).timestamp())
    days = month.days or monthrange(YEAR, month.number)[1]
    ground, memory, policy = _begun(month, config, start_s, days)
    ports = Ports(
        nullcontext, ground.clocks, ground.ask, ground.act, memory,
        lambda _book, until: ground.until(until), *[lambda _book: None] * 3,
    )  # fmt: skip
    count = 0
    while ground.now_s < days * DAY_S:
        tick_began = ground.now_s
        tick(ports, policy)
        count += 1
        ground.now_s = max(ground.now_s, tick_began + config.site.tick_s)
        ground.advance(ground.now_s)
    return _lived(month, ground, memory, count, time.monotonic() - began)


def _begun(month: Month, config: Config, start_s: int, days: int) -> tuple[_Container, Memory, Policy]:
    """The ground as a few real ticks on the real drivers left it."""
    preset, spells, _ = SEASONS[month.number - 1]
    lead_s = LEAD_TICKS * config.site.tick_s
    seed = 100 * month.seed + month.number
    site = coop.build(seed, start_s - lead_s, story=template(preset), miners=MINERS, pdus=PDUS, fans=FANS, extras=False)
    stage, policy = Stage(config, site).run(LEAD_TICKS), _policy(month, config.policy)
    assert stage.book.image is not None
    ground = _Container(
        policy,
        _outside(month, policy, start_s, days),
        Start(stage.book.state, stage.book.image, seed),
        (preset, start_s),
    )
    ground.floor_w = facts(site, config).floor_w
    ground.spells = tuple(
        (float((day - 1 + (length if ends else 0)) * DAY_S), preset if ends else kind)
        for day, length, kind in spells
        for ends in (False, True)
    )
    return ground, Memory(policy, stage.book.state, (), ground.wall_s), policy


def _policy(month: Month, policy: Policy) -> Policy:
    if month.start_min_c is None:
        return policy
    return policy._replace(rules={**policy.rules, "cold": policy.rules["cold"]._replace(start_min_c=month.start_min_c)})


def _outside(month: Month, policy: Policy, start_s: int, days: int) -> outer.Outside:
    """Contacts that are well, the utility's word, and how much each miner truly draws."""
    words: list[tuple[int, str]] = [(0, "run")]
    for begin, end in events(month, start_s, days):
        words += [(begin, "off"), (end, "run")]
    tracks = {
        "role signal": outer.Track(tuple(at for at, _ in words), tuple((word, "") for _, word in words)),
        "role stop": outer.Track((0,), (("off", ""),)),
    }
    tracks |= {f"role {name}": outer.Track((0,), (("ok", ""),)) for name in ("smoke", "water", "door", "mains")}
    draw = Random(f"sizes {month.seed}")  # noqa: S311 - a model, not a secret
    watts: dict[str, tuple[int, ...]] = {
        spec.id: (round(10 * spec.nominal_w * (1 + draw.uniform(-SIZES, SIZES))),) for spec in policy.wiring.miners
    }
    ends = [outer.Seen(at, None, None, "run", None, None, 0) for at in (start_s, start_s + days * DAY_S)]
    return outer.Outside(tracks, tuple(ends), (), watts)


def _lived(month: Month, ground: _Container, memory: Memory, count: int, seconds: float) -> Lived:
    world, starts = ground.world, ground.world.boards.starts
    slow = [OBEY_S * 10.0 if one is None else one for one in ground.under]
    return Lived(
        month,
        count,
        ground.samples,
        ground.over,
        ground.near,
        round(ground.most_w),
        round(world.energy_kwh(), 1),
        round(ground.permitted_kwh, 1),
        round(ground.cold_s / HOUR_S, 1),
        len(slow),
        sum(one > OBEY_S for one in slow),
        max(slow, default=0.0),
        max(starts) - min(starts),
        tuple(memory.violations),
        round(seconds, 1),
    )
