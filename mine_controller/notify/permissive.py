"""A relay that has to be pulsed again and again: the dead-man in hardware, with the site's contactor behind it.

Each good tick pulses it for `pulse_s`; a pulse begins its time anew. When good ticks stay away (the controller is dead,
can't trust itself, or doesn't know its inputs) the relay falls by itself and the contactor with it.
"""

import re

from mine_controller.core.option import option
from mine_controller.record import NamedTuple

_RELAY = re.compile(r"([a-z][a-z0-9_]* [A-Za-z0-9_.-]+)/([0-9]{1,2})")


class Options(NamedTuple):
    """Which relay [permissive] is, and for how long one pulse holds."""

    relay: str = option("", help="the relay, of a board that can pulse", example="controlbyweb fans/9")
    pulse_s: int = option(600, unit="s", low=300, high=3600, help="how long it holds after the last good tick")
    trip_on_unproven: bool = option(
        False, help="yes = not pulsed while a curtailment stays unproven: the contactor does what the outlets did not"
    )


def check(options: Options) -> tuple[str, ...]:
    """A channel of a section."""
    good = _RELAY.fullmatch(options.relay)
    return () if good else (f"relay: {options.relay[:60]!r} is not a relay like controlbyweb fans/9",)


def lane_of(options: Options) -> tuple[str, str]:
    """The section and the number of the relay, which may be written 02 and is read as 2."""
    section, _, number = options.relay.rpartition("/")
    return section, number.lstrip("0") or "0"
