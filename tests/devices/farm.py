"""A farm of miners without sockets: one function a host answers, a clock moves only when something is asked."""

import json

from mine_controller.wire.cgminer import request
from mine_controller.wire.door import Wire, WireError, in_rounds


class Farm:
    """`miners` maps a host to `answer(command, parameter)`, which returns bytes, a tree or a WireError.

    `asked` are (host, "command" or "command|parameter") in the order sent; `rounds` how many of them went together.
    """

    def __init__(self, miners, budget_s=60.0, step_s=0.5):
        self.miners, self.step_s, self.clock = miners, step_s, 1000.0
        self.asked, self.rounds = [], []
        self.wire = Wire(self._call, lambda: self.clock, self._sleep, self.clock + budget_s, self._many)

    def _call(self, asked, until):
        raise AssertionError("a fleet is asked all at once")

    def _sleep(self, seconds):
        self.clock += seconds

    def _many(self, batch, until):
        assert until <= self.wire.until
        return in_rounds(batch, self._volley)

    def _volley(self, batch):
        self.clock += self.step_s
        self.rounds.append(len(batch))
        return [self._one(each) for each in batch]

    def _one(self, exchange):
        command, parameter = words(exchange.send)
        self.asked.append((exchange.host, f"{command}|{parameter}" if parameter else command))
        answer = self.miners.get(exchange.host, gone)(command, parameter)
        return json.dumps(answer).encode() + b"\0" if isinstance(answer, dict) else answer

    def sent(self, host):
        return [what for at, what in self.asked if at == host]


def words(send):
    """Command and parameter of a request in JSON or text."""
    if not send.startswith(b"{"):
        command, _, parameter = send.decode().partition("|")
        return command, parameter
    tree = json.loads(send)
    assert send == request(tree["command"], tree.get("parameter", ""))
    return tree["command"], tree.get("parameter", "")


def gone(_command, _parameter):
    return WireError("unreachable", "no connection in 2.0 s")


def status(letter, code, text, when=1_700_000_000):
    return [{"STATUS": letter, "When": when, "Code": code, "Msg": text}]


def section(name, *rows):
    return {"STATUS": status("S", 11, name), name: list(rows), "id": 1}


INVALID = {"STATUS": status("E", 14, "Invalid command"), "id": 1}
DENIED = {"STATUS": status("E", 45, "Access denied to 'ascset' command"), "id": 1}
