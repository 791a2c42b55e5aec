"""Drivers on twin units without sockets: a wire whose exchanges are the units' own answers, and what is read there."""

from mine_controller.core.model.command import Command
from mine_controller.core.model.pool import Pool
from mine_controller.core.model.reason import Reason
from mine_controller.core.option import fill
from mine_controller.devices.kind import Ask
from mine_controller.twin.answer import heard, spoken
from mine_controller.twin.rig import Rig
from mine_controller.wire.door import Wire, WireError, in_rounds

HOST, MAC, SERIAL = "127.0.1.11", "02:4d:48:00:00:0b", "TWIN0001"
MAIN = ("stratum+tcp://main.pool.example:3333", "wallet.one")
SPARE = ("stratum+tcp://spare.pool.example:4444", "wallet.two")
POOLS = (Pool("main", *MAIN), Pool("spare", *SPARE))


def rig_of(facts, **about):
    """A typical unit of these facts."""
    return Rig(**{**facts, "name": "a01", "mac": MAC, "serial": SERIAL, "host": HOST, "pools": [MAIN, SPARE], **about})


class Lan:
    """One unit at HOST; its clock is the lane's and moves half a second an exchange, and by what an answer takes.

    `others`: what else listens there, on ports of its own.
    """

    def __init__(self, unit, *others, at_s=0.0):
        self.unit, self.others, self.clock = unit, others, at_s
        self.wire = Wire(self._call, lambda: self.clock, self._sleep, at_s + 1e6, self._many)

    def _call(self, request, until):
        raise AssertionError(f"{request.url} asked alone, until {until}")

    def _sleep(self, seconds):
        self.clock += seconds

    def _many(self, batch, until):
        return in_rounds(batch, self._volley)

    def _volley(self, batch):
        self.clock += 0.5
        return [self._one(each) for each in batch]

    def _one(self, each):
        if each.host != self.unit.rig.host:
            return WireError("unreachable", "no connection in 2.0 s")
        said = self._said(each)
        return said or WireError("closed", "hung up without an answer")

    def _said(self, each):
        """By port where the unit has several."""
        by_port = {getattr(unit, "PORT", 0): unit.talk for unit in (self.unit, *self.others) if hasattr(unit, "talk")}
        if each.port in by_port:
            return by_port[each.port](each.send, self.clock)
        ask = self.unit.power if each.port == 6060 else getattr(self.unit, "answer", None)
        if ask is None:
            return WireError("refused", "refused the connection")
        answer = ask(heard(each.send), self.clock)
        self.clock += answer.took_s
        return spoken(answer)

    def wait(self, seconds):
        self.clock += seconds
        self.unit.rig.advance(self.clock)

    def read(self, driver, options, **memory):
        """What the driver finds: {(channel, quantity): value}; texts by their own channel."""
        found = driver.parse(driver.fetch(self.wire, options, Ask(memory=memory, at_s=int(self.clock))), options)
        return {(each.channel, each.quantity): each.value for each in found}

    def tell(self, driver, options, verb, value="", unit=MAC):
        """The outcome of one command."""
        told = []
        command = Command("1.0.1", "miner a01", verb, "kind x", HOST, 1, Reason("test", "asked"), unit, value)
        driver.apply(self.wire, options, [command], told.append)
        assert [outcome.command for outcome in told] == ["1.0.1"]
        return told[0]


def options(driver, **about):
    """Its section for HOST, with the pools where it knows them."""
    given = {"hosts": (HOST,), "pools": POOLS, **about}
    return fill(driver.Options, {name: value for name, value in given.items() if name in driver.Options._fields})
