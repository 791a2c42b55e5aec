"""The twin without sockets: each lane has its own clock, calls cost time that nobody waits for.

A stage (asking everything, sending one round of commands) opens a lane per endpoint. The world stands at the
stage's start while its lanes run ahead, each call taking a latency drawn from the seed; commands go into the world at
the second they were sent, and become true when the next stage begins. Miners on a LAN keep a clock each and go along
with the lane that asks them; `many` asks all of them in the time of the slowest.
"""

import math
from base64 import b64encode
from collections.abc import Sequence
from typing import Final, NoReturn
from urllib.parse import urlsplit

from mine_controller.record import NamedTuple
from mine_controller.twin.answer import Answer, asked, heard, spoken
from mine_controller.twin.faults import BOMB_BYTES, Fault
from mine_controller.twin.noise import key_of, normal
from mine_controller.twin.site import Served, Site
from mine_controller.wire.door import Exchange, Request, Response, Wire, WireError, in_rounds

MEDIAN_S: Final = 0.15
SPREAD: Final = 1.11  # log-normal: the 99th percentile is 2 s
SLOWEST_S: Final = 2.5
LAN_MEDIAN_S: Final = 0.05  # small boards: 99 % under half a second, and 3 s while busy with shares
LAN_SPREAD: Final = 1.0
LAN_SLOWEST_S: Final = 3.0
EXCHANGE_S: Final = 8.0  # what `wire.many` gives one exchange, and its connection
CONNECT_S: Final = 2.0


class Direct:
    """The door. `end_of_lanes` is where the slowest lane of all came to, in plant seconds."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.end_of_lanes = site.plant.now_s
        self.calls = 0
        self._key, self._lan_key = key_of(site.plant.seed, "latency"), key_of(site.plant.seed, "lan")
        self._exchanges = 0

    def lane(self, start_s: float, until_s: float) -> Wire:
        """A wire whose clock begins at `start_s`; the world is moved there first. Use one lane after another."""
        self.site.advance(start_s)
        lane = _Lane(self, start_s, until_s)
        self.end_of_lanes = max(self.end_of_lanes, start_s)
        return Wire(lane.call, lane.now, lane.sleep, until_s, lane.many)

    def latency_s(self) -> float:
        """The next call's time: median 0.15 s, 99 % under 2 s."""
        self.calls += 1
        return min(SLOWEST_S, MEDIAN_S * math.exp(SPREAD * normal(self._key, self.calls)))

    def lan_s(self) -> float:
        """The next exchange's time on a LAN."""
        self._exchanges += 1
        return min(LAN_SLOWEST_S, LAN_MEDIAN_S * math.exp(LAN_SPREAD * normal(self._lan_key, self._exchanges)))


class _Took(NamedTuple):
    """What came of one exchange, and how long it was waited for."""

    answer: bytes | WireError
    seconds: float


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
        fault = site.fault_of(served)
        self._meet(fault, left_s)
        took_s = self._door.latency_s() + (fault.seconds if fault.kind == "slow" else 0.0)
        answer = self._ask(served, request)
        took_s += answer.took_s
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
        if fault.kind == "gone":
            self._fail("unreachable", "no connection", min(CONNECT_S, left_s))

    def _fail(self, kind: str, why: str, took_s: float) -> NoReturn:
        self._pass(took_s)
        raise WireError(kind, why)

    # ---------------------------------------------------------------- a whole fleet at once

    def many(self, batch: Sequence[Exchange], many_until_s: float) -> list[bytes | WireError]:
        return in_rounds(batch, lambda exchanges: self._volley(exchanges, many_until_s))

    def _volley(self, batch: Sequence[Exchange], until_s: float) -> list[bytes | WireError]:
        left_s = min(until_s, self._until_s) - self._at_s
        if left_s <= 0:
            return [WireError("unreachable", "no time left to ask") for _ in batch]
        took = [self._exchange(each, min(_granted_s(each), left_s)) for each in batch]
        self._pass(max((one.seconds for one in took), default=0.0))
        return [one.answer for one in took]

    def _exchange(self, each: Exchange, left_s: float) -> _Took:
        site = self._door.site
        served, latency_s = site.by_netloc.get(f"{each.host}:{each.port}"), self._door.lan_s()
        fault = site.fault_of(served) if served is not None else self._nobody(each.host)
        if served is None or fault.kind in ("gone", "refuse", "silent", "drip"):
            return _unanswered(fault.kind, left_s)
        said, thought_s = self._say(served, each.send, self._at_s + latency_s)
        took_s = latency_s + thought_s + (fault.seconds if fault.kind == "slow" else 0.0)
        if took_s > left_s:
            return _Took(WireError("timeout", f"no answer in {left_s:.1f} s"), left_s)
        return _Took(_trimmed(said[: len(said) // 2] if fault.kind == "cut" else said, each), took_s)

    def _nobody(self, host: str) -> Fault:
        """A closed port of a machine that is up refuses; where no machine is, nothing comes back."""
        site = self._door.site
        up = any(row.host == host and site.fault_of(row).kind != "gone" for row in site.served.values())
        return Fault("refuse" if up else "gone")

    def _say(self, served: Served, sent: bytes, at_s: float) -> tuple[bytes, float]:
        """The unit's bytes and how long it thought; b"" when it hangs up on what it does not understand."""
        site = self._door.site
        if served.bare:
            return site.talk(served, sent, at_s), 0.0
        question = heard(sent)
        if question is None:
            return b"", 0.0
        answer = site.answer(served, question, at_s)
        return spoken(answer), answer.took_s


def _granted_s(each: Exchange) -> float:
    usual_s = max(EXCHANGE_S, each.longest_s)
    return min(usual_s, each.within_s or usual_s)


def _unanswered(kind: str, left_s: float) -> _Took:
    """What `wire.many` says of an address that does not answer, and after how long."""
    if kind == "refuse":
        return _Took(WireError("refused", "refused the connection"), 0.001)
    if kind == "gone":
        waited_s = min(CONNECT_S, left_s)
        return _Took(WireError("unreachable", f"no connection in {waited_s:.1f} s"), waited_s)
    why = "still sending after" if kind == "drip" else "no answer in"
    return _Took(WireError("timeout", f"{why} {left_s:.1f} s"), left_s)


def _trimmed(said: bytes, each: Exchange) -> bytes | WireError:
    """As far as an answer is read: to its terminator, to the end, never beyond the cap."""
    if not said:
        return WireError("closed", "hung up without an answer")
    at = said.find(each.ends) if each.ends else -1
    whole = said[: at + len(each.ends)] if at >= 0 else said
    return WireError("too_large", f"more than {each.cap // 1024} KiB") if len(whole) > each.cap else whole


def _received(answer: Answer, request: Request, fault: Fault) -> Response:
    if fault.kind == "cut":
        raise WireError("closed", "the connection ended in the middle of the answer")
    if answer.raw and not request.tolerant:
        raise WireError("bad_http", "the answer has no status line")
    size = BOMB_BYTES if fault.kind == "bomb" else len(answer.body)
    if size > request.cap:
        raise WireError("too_large", f"the answer is larger than {request.cap} bytes")
    return Response(answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.body)
