"""A reason is data: rule, code, numbers. The sentence is made where it is read (core/wording/words.py)."""

from typing import Any

from mine_controller.record import NamedTuple

# Layers, strongest first. A lower layer may block an increase, never a decrease asked for from above.
SAFETY, PERSON, CONTRACT, EQUIPMENT, ECONOMICS = range(5)
LAYERS = ("safety", "person", "contract", "equipment", "economics")
PART_W = 1  # a part of the load is no stop of all, which is an event and an emergency: not even of a mine at rest


class Reason(NamedTuple):
    """`numbers` are (name, value) pairs that the sentence shows."""

    rule: str
    code: str
    numbers: tuple[tuple[str, int | float | str], ...] = ()


class Limit(NamedTuple):
    """A narrowing. `what` and the unit of `amount`:

    max_power_w      miners' power may not exceed it (W); 0 = all off
    start_max_w      starts may not take miners' power above it (W)
    max_miners       no more miners than this may run
    start_miners     how many miners may be started now
    start_step_w     and of what nominal power together (W)
    fans_min, fans_max   container fans
    no_start         nothing may be started (amount 0)
    no_fan_down      no fan may be switched off (amount 0)
    ban <miner id>   this one may not start (amount 0)
    off <miner id>   this one must be off (amount 0)
    breaker <name>   watts on that branch
    phase <name>     watts on that phase
    """

    layer: int
    what: str
    amount: int
    reason: Reason
    how: str = "ladder"  # what may enforce it: cut (outlets at once) · ladder · gentle (never an outlet)


class Wish(NamedTuple):
    """A preference among what limits leave open. `what`: "mode <miner or group>", "pool <miner or group>", "fans"."""

    layer: int
    what: str
    value: int | str
    reason: Reason


class Event(NamedTuple):
    """Something worth a line in the log. severity: info warning emergency."""

    kind: str
    severity: str
    about: str
    reason: Reason


class Advice(NamedTuple):
    """What one rule says: it may narrow, wish, tell, and remember (its own memory, nobody else's)."""

    limits: tuple[Limit, ...] = ()
    wishes: tuple[Wish, ...] = ()
    events: tuple[Event, ...] = ()
    memory: dict[str, Any] = {}  # noqa: RUF012 - rules return new ones
