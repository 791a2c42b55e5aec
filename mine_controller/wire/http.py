"""HTTP on real sockets: `live` makes the `Wire` that drivers get in production.

This file is only the door; the sockets are in `wire.session` (requests) and `wire.raw`, imported at the first call,
so that a tick with nothing to ask never pays for them.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mine_controller.wire.door import Exchange, Job, Request, Response, Wire, WireError

if TYPE_CHECKING:
    from mine_controller.wire.names import Names, Way
    from mine_controller.wire.session import Session

Sessions = dict[tuple[str, str, bool], "Session"]


def live(
    until: float, section: str = "", collect: Path | None = None, names: "Callable[[], Names] | None" = None
) -> Wire:
    """A wire on real sockets for one endpoint and one thread; `until` and its clock are `time.monotonic` seconds.

    `call(request, until)` raises nothing but WireError and ends by the earlier of both deadlines, whatever drips:
    only a name server (without `names`) or an answer's header lines that drip can hold it longer, and those `ask` and
    `act` abandon. `names` gives what is known of hosts by name; it is called when the first one is met.
    Connections are kept between calls of the same wire. It never retries: see `wire.retry`. `many` is `wire.many`.
    `collect:` is answered with what the file `collect` holds for `section`, and with nothing of other sections.
    `udp://address:port` sends the body as one datagram; nothing answers.
    """
    sessions: Sessions = {}

    def call(request: Request, call_until: float) -> Response:
        if request.url.startswith("collect:"):
            from mine_controller.wire import collected  # noqa: PLC0415 - see the module's docstring

            return collected.exchange(collect, section)
        if request.url.startswith("udp:"):
            from mine_controller.wire import udp  # noqa: PLC0415 - the same

            return udp.send(request)
        return _exchange(sessions, request, min(call_until, until), names)

    def sleep(seconds: float) -> None:
        time.sleep(max(0.0, min(seconds, until - time.monotonic())))

    def many(batch: Sequence[Exchange], many_until: float) -> list[bytes | WireError]:
        from mine_controller.wire import many as fleet  # noqa: PLC0415 - see the module's docstring

        return fleet.many(batch, min(many_until, until))

    def library(batch: Sequence[Job], library_until: float) -> list[dict[str, Any] | WireError]:
        from mine_controller.wire import asic_rs  # noqa: PLC0415 - see the module's docstring

        return asic_rs.run(batch, min(library_until, until))

    return Wire(call, time.monotonic, sleep, until, many, library)


def _exchange(
    sessions: Sessions, request: Request, until: float, names: "Callable[[], Names] | None" = None
) -> Response:
    if until <= time.monotonic():
        raise WireError("unreachable", "no time left to ask")
    if request.url.startswith("modbus://"):
        from mine_controller.wire import modbus  # noqa: PLC0415 - see the module's docstring

        return modbus.exchange(request, until)
    if request.url.startswith(("mqtt://", "mqtts://")):
        from mine_controller.wire import mqtt  # noqa: PLC0415 - see the module's docstring

        return mqtt.exchange(request, until)
    if request.url.startswith(("stratum+", "stratum2+")):
        from mine_controller.wire import line  # noqa: PLC0415 - see the module's docstring

        return line.exchange(request, until)
    if request.tolerant and request.url.startswith("http://"):  # a unit that speaks TLS also speaks proper HTTP
        from mine_controller.wire import raw  # noqa: PLC0415 - see the module's docstring

        return raw.exchange(request, until)
    from mine_controller.wire.session import Session, is_named  # noqa: PLC0415 - see the module's docstring

    key = (request.pin, request.ca_file, names is not None and is_named(request.url))
    if key not in sessions:
        sessions[key] = Session(request.pin, request.ca_file, _way(names) if key[2] else None)
    return sessions[key].exchange(request, until)


def _way(names: "Callable[[], Names] | None") -> "Way | None":
    from mine_controller.wire.names import Way  # noqa: PLC0415 - where everything has an address nobody needs it

    return None if names is None else Way(names())
