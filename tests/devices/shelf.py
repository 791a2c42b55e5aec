"""A shelf of boards without sockets: a function answers for each address, a clock moves once a volley."""

import json

from devices.scripted import order

from mine_controller.wire.door import Wire, WireError, in_rounds

HOSTS = ("10.0.0.1", "10.0.0.2", "10.0.0.3")


class Shelf:
    """`answer(host, method, path, body)` gives a JSON tree (status 200), raw bytes, or a WireError for each request.

    `asked` has "GET 10.0.0.1 /path" for each, `raw` the bytes sent, `volleys` how many requests went out at once.
    """

    def __init__(self, answer, budget_s=30.0, volley_s=0.5):
        self.answer, self.volley_s, self.clock = answer, volley_s, 1000.0
        self.asked, self.raw, self.volleys = [], [], []
        until = self.clock + budget_s
        self.wire = Wire(self._call, lambda: self.clock, self._sleep, until, self._many)

    def _call(self, request, until):
        raise AssertionError(f"{request.url} asked alone, until {until}")

    def _sleep(self, seconds):
        self.clock += seconds

    def _many(self, batch, until):
        assert batch
        return in_rounds(batch, lambda exchanges: self._volley(exchanges, until))

    def _volley(self, batch, until):
        self.volleys.append(len(batch))
        if self.clock >= until:
            return [WireError("unreachable", "no time left to ask") for _ in batch]
        self.clock += self.volley_s
        return [self._one(each) for each in batch]

    def _one(self, exchange):
        method, path, body = opened(exchange.send)
        self.asked.append(f"{method} {exchange.host} {path}")
        self.raw.append(exchange.send)
        told = self.answer(exchange.host, method, path, body)
        return told if isinstance(told, bytes | WireError) else http(told)

    def sent(self):
        """What went out beside reads."""
        return [one for one in self.asked if not one.startswith("GET ")]


def opened(raw):
    head, _, body = raw.partition(b"\r\n\r\n")
    method, path, _ = head.split(b"\r\n")[0].decode().split(" ")
    return method, path, json.loads(body) if body else None


def http(tree, status=200, reason=b"OK"):
    body = tree if isinstance(tree, bytes) else json.dumps(tree).encode()
    head = b"HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    return head % (status, reason, len(body)) + body


def known(address, verb, unit, at=1):
    """A command that carries whom it is for."""
    return order(f"{address} {unit}", verb, at)
