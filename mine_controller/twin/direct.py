"""The twin without sockets: each lane has its own clock, calls cost time that nobody waits for.

A stage (asking everything, sending one round of commands) opens a lane per endpoint. The world stands at the
stage's start while its lanes run ahead, each call taking a latency drawn from the seed; commands go into the world at
the second they were sent, and become true when the next stage begins.
"""

import math
from base64 import b64encode
from typing import Final, NoReturn
from urllib.parse import urlsplit

from mine_controller.twin.answer import Answer, asked
from mine_controller.twin.coop import Served, Site
from mine_controller.twin.faults import BOMB_BYTES, Fault
from mine_controller.twin.noise import key_of, normal
from mine_controller.wire.door import Request, Response, Wire, WireError

MEDIAN_S: Final = 0.15
SPREAD: Final = 1.11  # log-normal: the 99th percentile is 2 s
SLOWEST_S: Final = 2.5


class Direct:
    """The door. `end_of_lanes` is where the slowest lane of all came to, in plant seconds."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.end_of_lanes = site.world.now_s
        self.calls = 0
        self._key = key_of(site.world.seed, "latency")

    def lane(self, start_s: float, until_s: float) -> Wire:
        """A wire whose clock begins at `start_s`; the world is moved there first. Use one lane after another."""
        self.site.advance(start_s)
        lane = _Lane(self, start_s, until_s)
        self.end_of_lanes = max(self.end_of_lanes, start_s)
        return Wire(lane.call, lane.now, lane.sleep, until_s)

    def latency_s(self) -> float:
        """The next call's time: median 0.15 s, 99 % under 2 s."""
        self.calls += 1
        return min(SLOWEST_S, MEDIAN_S * math.exp(SPREAD * normal(self._key, self.calls)))


class _Lane:
    def __init__(self, door: Direct, start_s: float, until_s: float) -> None:
        self._door, self._at_s, self._until_s = door, start_s, until_s

    def now(self) -> float:
        return self._at_s

    def sleep(self, for_s: float) -> None:
        self._pass(max(0.0, min(for_s, self._until_s - self._at_s)))

    def _pass(self, for_s: float) -> None:
        self._at_s += for_s
        self._door.end_of_lanes = max(self._door.end_of_lanes, self._at_s)

    def call(self, request: Request, call_until_s: float) -> Response:
        left_s = min(call_until_s, self._until_s) - self._at_s
        if left_s <= 0:
            raise WireError("unreachable", "no time was left to ask")
        site = self._door.site
        served = site.by_netloc.get(urlsplit(request.url).netloc)
        if served is None:
            self._fail("refused", "connection refused", 0.001)
        fault = site.faults.of(served.section)
        self._meet(fault, left_s)
        took_s = self._door.latency_s() + (fault.seconds if fault.kind == "slow" else 0.0)
        answer = self._ask(served, request)
        if took_s > left_s:
            self._fail("timeout", f"no answer within {left_s:.0f} s", left_s)
        self._pass(took_s)
        return _received(answer, request, fault)

    def _ask(self, served: Served, request: Request) -> Answer:
        headers = dict(request.headers)
        if request.auth and request.auth[0] == "basic":
            text = f"{request.auth[1]}:{request.auth[2]}"
            headers["Authorization"] = "Basic " + b64encode(text.encode()).decode()
        question = asked(request.method, request.url, headers, request.body)
        return self._door.site.answer(served, question, self._at_s)

    def _meet(self, fault: Fault, left_s: float) -> None:
        """Faults that leave no answer at all."""
        if fault.kind in ("silent", "drip"):
            self._fail("timeout", f"no answer within {left_s:.0f} s", left_s)
        if fault.kind == "refuse":
            self._fail("refused", "connection refused", 0.001)

    def _fail(self, kind: str, why: str, took_s: float) -> NoReturn:
        self._pass(took_s)
        raise WireError(kind, why)


def _received(answer: Answer, request: Request, fault: Fault) -> Response:
    if fault.kind == "cut":
        raise WireError("closed", "the connection ended in the middle of the answer")
    if answer.raw and not request.tolerant:
        raise WireError("bad_http", "the answer has no status line")
    size = BOMB_BYTES if fault.kind == "bomb" else len(answer.body)
    if size > request.cap:
        raise WireError("too_large", f"the answer is larger than {request.cap} bytes")
    return Response(answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.body)
