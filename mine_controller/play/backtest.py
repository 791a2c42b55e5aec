"""Another config on the twin, under the outside that was recorded.

The corridor of a real tick runs on a world sized by the wiring (`play/ground.py`); nothing is written or sent. The
recorded config goes first: how far that run is from what was recorded is the twin's own error, and stands beside every
figure. What a config changes is the difference between two runs of the twin, never between the twin and the record.
"""

import time
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from itertools import pairwise
from typing import Any

from mine_controller.core.fleet import floor_of
from mine_controller.core.model.book import Book
from mine_controller.core.model.image import Request
from mine_controller.core.model.policy import Policy
from mine_controller.core.model.round import Round
from mine_controller.core.model.state import State
from mine_controller.core.settle import settle
from mine_controller.play.audit import Record, audit
from mine_controller.play.ground import Ground, Start
from mine_controller.play.outside import HOLE_S, Begin, Outside, Seen
from mine_controller.record import NamedTuple
from mine_controller.tick import Ports, tick

OBEY_WITHIN_S = 300
POINTS = 720  # of a curve: more than a drawing has pixels
SENTENCES = 20
WS_A_KWH = 3_600_000

# name -> (unit, decimals, what it is). The order is that of the table.
FIGURES: dict[str, tuple[str, int, str]] = {
    "energy_kwh": ("kWh", 1, "Energy of the miners"),
    "cost": ("money", 2, "What that energy cost"),
    "starts": ("", 0, "Starts"),
    "curtailed_h": ("h", 2, "Hours with the signal off"),
    "late_s": ("s", 0, "Seconds over the floor after the time to obey"),
    "over_cap_s": ("s", 0, "Seconds over the power cap"),
    "inlet_max_c": ("°C", 1, "Hottest inlet"),
    "margin_k": ("K", 1, "Least margin below load shedding"),
    "hot_s": ("s", 0, "Seconds above the inlet's warning"),
    "guards": ("", 0, "Guard violations"),
}

Figures = dict[str, float | None]


class Run(NamedTuple):
    """One run as a process is handed it."""

    name: str
    policy: Policy
    zone: str
    tick_s: int
    outside: Outside
    start: Start


class Ran(NamedTuple):
    """What came of it. `curve`: (wall second, miners' watts, inlet)."""

    name: str
    figures: Figures
    curve: tuple[tuple[int, int | None, float | None], ...]
    violations: tuple[str, ...]
    ticks: int
    seconds: float


class Memory:
    """The store of a run: nothing outlives it, and every round is held against the guards."""

    def __init__(
        self, policy: Policy, state: State, requests: Iterable[tuple[int, Request]], wall_s: Callable[[], float]
    ) -> None:
        self.policy, self.wall_s = policy, wall_s
        self.book = Book(state)
        self.waiting = list(requests)
        self.violations: list[str] = []
        self.guards = 0

    def load(self) -> Book:
        """Where the last tick left off."""
        return self.book

    def requests(self) -> tuple[Request, ...]:
        """What persons asked for then, each once."""
        now_s = self.wall_s()
        due = tuple(request for at_s, request in self.waiting if at_s <= now_s)
        self.waiting = [one for one in self.waiting if one[0] > now_s]
        return due

    def journal(self, rounds: tuple[Round, ...]) -> bool:
        """Always written."""
        del rounds
        return True

    def save(self, book: Book, rounds: tuple[Round, ...]) -> None:
        """Keep the book, and hold every round against the guards."""
        state = self.book.state
        for this in rounds:
            found = audit(Record(this.image, state, this.decision, self.policy), again=False)
            self.guards += len(found)
            if len(self.violations) < SENTENCES:
                self.violations += [f"{one.guard} at {one.tick_at}: {one.sentence}" for one in found]
            state = settle(this.decision.state, this.decision.commands, this.outcomes, this.clock.plant_s)
        self.book = book


def run(task: Run) -> Ran:
    """Tick after tick over the recorded time; a time nobody saw is passed over."""
    began = time.monotonic()
    task = task._replace(policy=task.policy._replace(site=task.policy.site._replace(live=True)))
    ground = Ground(task.policy, task.outside, task.start, task.zone, task.tick_s)
    memory = Memory(task.policy, task.start.state, task.outside.requests, ground.wall_s)
    ports = Ports(
        nullcontext,
        ground.clocks,
        ground.ask,
        ground.act,
        memory,
        lambda _book, until: ground.until(until),
        *[_idle] * 3,
    )
    holes, seen = list(task.outside.holes()), list[Seen]()
    end_s, starts = task.outside.until - task.outside.since, 0
    while ground.now_s <= end_s:
        tick_began = ground.now_s
        tick(ports, task.policy)
        now = sum(ground.world.boards.starts)
        seen.append(_seen(ground, now - starts))
        starts = now
        ground.now_s = max(ground.now_s, tick_began + task.tick_s)
        while holes and ground.wall_s() > holes[0][0]:
            ground.now_s = max(ground.now_s, float(holes.pop(0)[1] - task.outside.since))
        ground.advance(ground.now_s)
    found = figures(seen, task.policy)
    found["guards"] = memory.guards
    return Ran(task.name, found, curve(seen), tuple(memory.violations), len(seen), round(time.monotonic() - began, 2))


def _idle(_book: Book) -> None:
    """A run draws no page and tells nobody."""


def _seen(ground: Ground, starts: int) -> Seen:
    """What a perfect observer at the end of a tick sees: the same row as a recorded tick's."""
    wall_s = int(ground.wall_s())
    recorded = next_seen(ground.outside.seen, wall_s)
    world = ground.world
    inlet_c = round(world.shown.inlet_c, 1) if "inlet_c" in ground.wiring.roles else None
    miners_w, site_w = round(ground.miners_w()), round(ground.site_w())
    return Seen(wall_s, miners_w, inlet_c, recorded.signal, recorded.price, site_w, starts)


def next_seen(rows: Sequence[Seen], wall_s: int) -> Seen:
    """The newest row not after that moment, or the first."""
    at = bisect_right(rows, wall_s, key=lambda row: row.at_s)
    return rows[max(0, at - 1)]


# -- figures --------------------------------------------------------------------------------------------------------


def figures(seen: Sequence[Seen], policy: Policy) -> Figures:
    """The figures of one course of a mine, recorded or of the twin: each row holds until the next one."""
    heat = policy.rules.get("temperature")
    shed_c, warn_c = getattr(heat, "shed_c", None), getattr(heat, "warn_c", None)
    obey_s = getattr(policy.rules.get("signal"), "obey_within_s", OBEY_WITHIN_S)
    cap_w, floor_w = policy.site.power_cap_w, _floor_w(policy)
    energy = cost = 0.0
    priced, curtailed, late, over, hot = False, 0, 0, 0, 0
    off_s: int | None = None
    for row, after in pairwise(seen):
        dt_s = after.at_s - row.at_s
        off_s = None if row.signal != "off" else row.at_s if off_s is None else off_s
        if dt_s > HOLE_S:
            continue
        watts = row.miners_w or 0
        energy += watts * dt_s
        if row.price is not None:
            priced = True
            cost += watts * dt_s * row.price
        curtailed += dt_s if off_s is not None else 0
        late += dt_s if off_s is not None and row.at_s - off_s >= obey_s and watts > floor_w else 0
        over += dt_s if cap_w and max(row.site_w or 0, watts) > cap_w else 0
        hot += dt_s if warn_c is not None and row.inlet_c is not None and row.inlet_c > warn_c else 0
    hottest = max((row.inlet_c for row in seen if row.inlet_c is not None), default=None)
    return {
        "energy_kwh": round(energy / WS_A_KWH, 1),
        "cost": round(cost / WS_A_KWH / 100, 2) if priced else None,
        "starts": sum(row.starts for row in seen),
        "curtailed_h": round(curtailed / 3600, 2),
        "late_s": late,
        "over_cap_s": over if cap_w else None,
        "inlet_max_c": hottest,
        "margin_k": None if hottest is None or shed_c is None else round(shed_c - hottest, 1),
        "hot_s": None if hottest is None or warn_c is None else hot,
        "guards": None,
    }


def _floor_w(policy: Policy) -> int:
    """Below this a curtailed site counts as down."""
    nominal_w = sum(spec.nominal_w for spec in policy.wiring.miners)
    standby_w = sum(spec.standby_w for spec in policy.wiring.miners)
    return floor_of(nominal_w, nominal_w, standby_w)


def curve(seen: Sequence[Seen]) -> tuple[tuple[int, int | None, float | None], ...]:
    """The course for a drawing: at most POINTS rows."""
    step = -(-len(seen) // POINTS) or 1
    return tuple((row.at_s, row.miners_w, row.inlet_c) for row in seen[::step])


def notes(begun: Begin, outside: Outside) -> tuple[str, ...]:
    """What whoever reads the figures has to know of how they came about."""
    told = []
    if begun.configs > 1:
        told.append(f"The mine ran on {begun.configs} configs in this time; the newest of them is run again.")
    if not begun.policy.site.live:
        told.append("The mine ran in shadow mode; the twin obeys, so the record is of somebody else's control.")
    if "role ambient_c" not in outside.tracks and begun.policy.wiring.fans:
        told.append("No ambient_c is wired: the recorded inlet stands for the air outside, and margins prove little.")
    holes = outside.holes()
    if holes:
        hours = sum(to_s - from_s for from_s, to_s in holes) / 3600
        told.append(f"{len(holes)} stretches of {hours:.1f} hours in all have no tick; they are left out.")
    if any(spec.modes for spec in begun.policy.wiring.miners):
        told.append("Modes, limits and tuning change nothing in the twin: miners run at the power that was measured.")
    return tuple(told)


# -- comparing ------------------------------------------------------------------------------------------------------


def compared(recorded: Figures, same: Ran, others: Sequence[Ran]) -> list[dict[str, Any]]:
    """A row a figure: recorded, the twin with the recorded config, its error, and each other config's difference."""
    rows = []
    for name, (unit, decimals, label) in FIGURES.items():
        then, twin = recorded.get(name), same.figures.get(name)
        row = {
            "figure": name,
            "label": label,
            "unit": unit,
            "recorded": then,
            "same": twin,
            "error": _less(twin, then, decimals),
            "error_pct": _share(twin, then),
            "others": [
                {
                    "name": one.name,
                    "value": one.figures.get(name),
                    "difference": _less(one.figures.get(name), twin, decimals),
                }
                for one in others
            ],
        }
        if any(value is not None for value in (then, twin, *(one.figures.get(name) for one in others))):
            rows.append(row)
    return rows


def _less(one: float | None, other: float | None, decimals: int) -> float | None:
    return None if one is None or other is None else round(one - other, decimals or None)


def _share(one: float | None, of: float | None) -> float | None:
    return None if one is None or not of else round(100 * (one - of) / abs(of), 2)
