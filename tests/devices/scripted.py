"""A wire without a world: a function answers, a clock moves only when something is asked or waited for."""

import json

from mine_controller.core.model.command import Command
from mine_controller.core.model.reason import Reason
from mine_controller.wire.door import Response, Wire, WireError


class Script:
    """`answer(request)` returns a Response or raises WireError; every request and the time it came are kept."""

    def __init__(self, answer, budget_s=30.0, call_s=0.1):
        self.answer, self.call_s, self.clock = answer, call_s, 1000.0
        self.requests, self.times, self.pauses = [], [], []
        self.wire = Wire(self._call, lambda: self.clock, self._sleep, self.clock + budget_s)

    def _call(self, request, until):
        if self.clock >= until:
            raise WireError("timeout", "no time left")
        self.requests.append(request)
        self.times.append(round(self.clock - 1000, 3))
        self.clock += self.call_s
        return self.answer(request)

    def _sleep(self, seconds):
        self.pauses.append(seconds)
        self.clock += max(0.0, seconds)

    @property
    def asked(self):
        return [f"{each.method} {each.url.partition('192.0.2.1')[2]}" for each in self.requests]


def told(tree, status=200, **headers):
    body = tree if isinstance(tree, bytes) else json.dumps(tree).encode()
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, {"content-type": "application/json", **names}, body)


def lost(kind="timeout", why="no answer in 5 s"):
    raise WireError(kind, why)


def order(address, verb, at=1):
    return Command(f"1.0.{at}", f"miner a{at:03}", verb, "lane", address, 0, Reason("test", "test"))


def errand(address, verb, value="", at=1, unit=""):
    return order(address, verb, at)._replace(value=value, unit=unit)


def orders(addresses, verb):
    return [order(address, verb, at) for at, address in enumerate(addresses, 1)]


def apply(module, script, options, batch):
    """What `apply` reported, in the order reported."""
    outcomes = []
    module.apply(script.wire, options, batch, outcomes.append)
    return outcomes


def verdicts(outcomes):
    return [each.verdict for each in outcomes]


def value(found, channel, quantity):
    (one,) = [each for each in found if (each.channel, each.quantity) == (channel, quantity)]
    return one.value
