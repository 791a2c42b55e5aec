"""The one retry policy: a read that failed on its way is asked once more. Commands never come through here.

`ask` lays it over the wire it hands to `fetch`; `act` does not. Tests and drills turn it off with `set_active(False)`.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from mine_controller.wire.door import Request, Response, Wire, WireError

if TYPE_CHECKING:
    from tenacity import Retrying

ATTEMPTS = 2
PAUSE_S = 0.2
WORTH = frozenset({"refused", "unreachable", "closed", "timeout"})  # the rest says the same the second time
_switch = {"active": True}


def set_active(active: bool) -> None:
    """Turn retries on or off in this process."""
    _switch["active"] = active


def is_active() -> bool:
    """Whether failed reads are asked once more."""
    return _switch["active"]


def reads(wire: Wire) -> Wire:
    """The same wire for reading only: a failed exchange is repeated once while there is time for it."""
    return wire._replace(call=_repeating(wire)) if is_active() else wire


def _repeating(wire: Wire) -> Callable[[Request, float], Response]:
    policies: list[Retrying] = []
    ends = [wire.until]

    def call(request: Request, until: float) -> Response:
        if not policies:
            policies.append(_policy(wire, ends))
        ends[0] = min(until, wire.until)
        return policies[0](_once, wire, request, until)

    return call


def _once(wire: Wire, request: Request, until: float) -> Response:
    return wire.call(request, until)


def _policy(wire: Wire, ends: list[float]) -> "Retrying":
    import tenacity  # noqa: PLC0415 - a tick with nothing to ask does not pay for it

    def again(error: BaseException) -> bool:
        return isinstance(error, WireError) and error.kind in WORTH and wire.now() + PAUSE_S < ends[0]

    return tenacity.Retrying(
        stop=tenacity.stop_after_attempt(ATTEMPTS),
        wait=tenacity.wait_fixed(PAUSE_S),
        retry=tenacity.retry_if_exception(again),
        sleep=wire.sleep,
        reraise=True,
    )
