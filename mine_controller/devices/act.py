"""Send commands: a lane an endpoint, lanes side by side, each until its deadline. Exactly one outcome a command.

An outcome is what came back, never proof. What can't be said for certain is `unknown`.
"""

import threading
from collections.abc import Container, Mapping, Sequence
from types import ModuleType
from typing import Any

from mine_controller.core.model.command import (
    NOT_SENT,
    UNKNOWN,
    UNSUPPORTED,
    VERDICTS,
    WITHHELD,
    Command,
    Outcome,
)
from mine_controller.devices._blame import Faults, nobody, where
from mine_controller.devices.ask import SLACK_S, ClockAt, Endpoint, WireFor, kind_named, plain, secrets_of
from mine_controller.wire.door import Exchange, Job, Request, Response, Wire, WireError, in_rounds


class _Every:
    def __contains__(self, section: object) -> bool:
        return True


EVERY: Container[str] = _Every()  # `withheld` of a site in shadow mode


def act(
    commands: Sequence[Command],
    endpoints: Mapping[str, Endpoint],
    withheld: Container[str],
    clock_at: ClockAt,
    wire_for: WireFor,
    until: float,
    threads: bool = True,
    faults: Faults = nobody,
) -> tuple[Outcome, ...]:
    """One outcome a command, in the order of the commands; raises nothing that a device could cause.

    Lanes in `withheld` (`EVERY` in shadow mode) and endpoints with `live = no` are not touched. `until` and `clock_at`
    are in the wire's seconds; `at_s` is 0 where nothing was attempted. A lane not done by `until` is left behind with
    its wire shut: what it has reported counts, nothing it reports later does. `faults` is told where a driver itself
    went wrong.
    """
    outcomes: dict[str, Outcome] = {}
    lanes: list[_Lane] = []
    for section, batch in _by_lane(commands).items():
        module, refusal = _who(section, endpoints, withheld)
        if module is None:
            outcomes |= {command.id: Outcome(command.id, *refusal) for command in batch}
            continue
        parts = _parts(batch, module.LANE.width)
        options = endpoints[section].options
        lanes += [_Lane(module, options, part, wire_for(section, until), clock_at, until) for part in parts]
    for lane in lanes:
        _start(lane) if threads else lane.run()
    for lane in lanes:
        outcomes |= lane.end()
        if lane.fault:
            faults(lane.section, lane.fault)
    return tuple(outcomes[command.id] for command in commands)


def _by_lane(commands: Sequence[Command]) -> dict[str, list[Command]]:
    lanes: dict[str, list[Command]] = {}
    for command in commands:
        lanes.setdefault(command.lane, []).append(command)
    return lanes


def _who(
    section: str, endpoints: Mapping[str, Endpoint], withheld: Container[str]
) -> tuple[ModuleType | None, tuple[str, str]]:
    """The driver that will do it, or the verdict and why nobody will."""
    endpoint = endpoints.get(section)
    if section in withheld or (endpoint is not None and getattr(endpoint, "live", True) is False):
        return None, (WITHHELD, "not live: nothing was sent")
    if endpoint is None:
        return None, (UNSUPPORTED, "no such endpoint")
    try:
        module = kind_named(endpoint.kind)
    except ImportError:
        return None, (UNSUPPORTED, f"no driver for {endpoint.kind[:40]!r}")
    if not hasattr(module, "apply"):
        return None, (UNSUPPORTED, f"{endpoint.kind} takes no commands")
    return module, ("", "")


def _parts(batch: list[Command], width: int) -> list[list[Command]]:
    """The batch dealt out to at most `width` threads, so that the first commands of the batch go first."""
    return [part for start in range(max(1, width)) if (part := batch[start :: max(1, width)])]


class _Lane:
    """A batch on its way. Everything shared with its thread is under `lock`."""

    def __init__(
        self, module: ModuleType, options: Any, batch: list[Command], wire: Wire, clock_at: ClockAt, until: float
    ) -> None:
        self._module = module
        self._options = options
        self._batch = tuple(batch)
        self._wire = wire
        self._clock_at = clock_at
        self._until = until
        self._secrets = secrets_of(options)
        self._lock = threading.Lock()
        self._outcomes: dict[str, Outcome] = {}
        self._begun = False  # a call went out since the last report
        self._out = 0  # doors that are open: whatever is reported, what went out by them may be done
        self._over = False
        self.section = batch[0].lane
        self.why, self.fault = "its driver said nothing", ""
        self.done = threading.Event()

    def run(self) -> None:
        """Apply the batch."""
        slack_s = min(SLACK_S, (self._until - self._wire.now()) / 10)
        wire = self._wire._replace(call=self._call, many=self._many, library=self._library, until=self._until - slack_s)
        try:
            self._module.apply(wire, self._options, self._batch, self._report)
        except WireError as error:
            self.why = plain(error.why, self._secrets)
        except Exception as error:  # noqa: BLE001
            # The place for bugs of drivers that command: the lane ends here, its open commands are told as unknown or
            # not sent, and the other lanes go on. Of one unit's conversation among many: `_talks`.
            self.why, self.fault = f"driver error: {type(error).__name__}", where(error)
        finally:
            self.done.set()

    def _call(self, request: Request, until: float) -> Response:
        if not self._open():
            raise WireError("timeout", "the lane's time is over")
        try:
            return self._wire.call(request, min(until, self._until))
        finally:
            self._close()

    def _many(self, batch: Sequence[Exchange], until: float) -> list[bytes | WireError]:
        if not self._open():
            return in_rounds(batch, lambda each: [WireError("timeout", "the lane's time is over") for _ in each])
        try:
            return self._wire.many(batch, min(until, self._until))
        finally:
            self._close()

    def _library(self, batch: Sequence[Job], until: float) -> list[dict[str, Any] | WireError]:
        if not self._open():
            return [WireError("timeout", "the lane's time is over") for _ in batch]
        try:
            return self._wire.library(batch, min(until, self._until))
        finally:
            self._close()

    def _open(self) -> bool:
        """False once the lane is over: a thread left behind must not click a relay after its outcome has been told."""
        with self._lock:
            if not self._over:
                self._begun = True
                self._out += 1
            return not self._over

    def _close(self) -> None:
        with self._lock:
            self._out -= 1

    def _report(self, outcome: Outcome) -> None:
        at_s = self._clock_at(self._wire.now())
        known = outcome.verdict in VERDICTS
        verdict = outcome.verdict if known else UNKNOWN
        why = plain(outcome.why if known else "driver error: no such verdict", self._secrets)
        ticket = plain(outcome.ticket, self._secrets) if outcome.ticket else None
        with self._lock:
            self._begun = self._out > 0
            if not self._over:
                self._outcomes.setdefault(outcome.command, Outcome(outcome.command, verdict, why, ticket, at_s))

    def end(self) -> dict[str, Outcome]:
        """Wait for the thread, at the deadline leave it behind; the outcomes of the batch by command."""
        if not self.done.wait(max(0.0, self._until - self._wire.now())):
            self.why = "no answer before the lane's time was over"
        at_s = self._clock_at(self._wire.now())
        with self._lock:
            self._over = True
            # A driver reports after each command, so what has not been reported was in the one call that went out
            # since the last report, if there was one. Which commands that call carried only the driver knows: all
            # still open are unknown then. Without such a call nothing of them can have left.
            rest = Outcome("", UNKNOWN if self._begun else NOT_SENT, self.why, None, at_s)
            return {each.id: self._outcomes.get(each.id, rest._replace(command=each.id)) for each in self._batch}


def _start(lane: _Lane) -> None:
    try:
        threading.Thread(target=lane.run, name="act", daemon=True).start()
    except RuntimeError:  # the machine has no thread left: sending in this one could hold up every other lane
        lane.why = "no thread left to send in"
        lane.done.set()
