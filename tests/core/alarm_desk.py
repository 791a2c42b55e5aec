"""A machine of alarms with its memory, a tick at a time: what the tests of its life share."""

from core.plant import wiring

from mine_controller.core.alarms.asked import ask
from mine_controller.core.alarms.catalogue import KINDS, default_ways
from mine_controller.core.alarms.machine import Given, step
from mine_controller.core.model.alarm import AlarmPolicy
from mine_controller.core.model.clock import Clock
from mine_controller.core.model.image import Image, Miners, Request
from mine_controller.core.model.reason import Event, Reason
from mine_controller.core.model.state import State

TICK_S = 120
WALL_S = 1_789_000_000
WIRES = wiring(4)


def event(kind, about="x", severity="", **numbers):
    return Event(kind, severity or KINDS[kind].severity, about, Reason("test", kind, tuple(numbers.items())))


def over(kind, about="x"):
    return Event(kind, "info", about, Reason("test", kind))


class Desk:
    """The machine with its memory, a tick at a time."""

    def __init__(self, wires=WIRES, **kinds):
        given = {name: default_ways(name)._replace(**changes) for name, changes in kinds.items()}
        self.policy, self.alarms, self.book, self.now = AlarmPolicy(kinds=given), {}, {}, 10_000
        self.told, self.log, self.wall, self.wires = [], [], WALL_S, wires
        self.works = {}  # miner -> the pool it names

    def tick(self, *events, levels=(), unknown=(), passed_s=TICK_S, judged=True, limits=(), standing=()):
        self.now += passed_s
        given = Given(
            self.now, self.wall + self.now, events, tuple(levels), frozenset(unknown), judged, tuple(limits), standing
        )._replace(works=self.works)
        kept = step(self.alarms, self.book, given, self.policy, self.wires)
        self.alarms, self.book = kept.alarms, kept.book
        self.told += kept.tellings
        self.log += kept.events
        return kept.tellings

    def ticks(self, count, *events, levels=()):
        return [one for _ in range(count) for one in self.tick(*events, levels=levels)]

    def ask(self, verb, *args, reason="seen", source="cli"):
        image = Image(Clock(self.now, WALL_S + self.now), {}, {}, (), Miners(), {})
        state = State(alarms=self.alarms, last={"alarm_book": self.book})
        state, why = ask(Request(1, 0, source, "owner", verb, args, reason), image, state)
        self.alarms, self.book = state.alarms, state.last["alarm_book"]
        return state, why

    def only(self):
        [alarm] = self.alarms.values()
        return alarm


def said(tellings):
    return [(one.what, one.kind) for one in tellings]


HEAT = event("temperature_warning", "inlet")
FAN = event("fan_fault", "fan 3")
STOP = event("heat_stop", "inlet")
