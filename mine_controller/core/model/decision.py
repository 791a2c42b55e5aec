"""What `decide` returns: everything the shell needs, and nothing it may change."""

from typing import Any

from mine_controller.core.model.alarm import Telling
from mine_controller.core.model.command import Command
from mine_controller.core.model.reason import Event, Limit, Reason, Wish
from mine_controller.core.model.state import State
from mine_controller.record import NamedTuple


class Look(NamedTuple):
    """When and at what to look again. `what` names endpoints ("redfish pdu1"), "once:<endpoint>" (even though it
    rests) and "ticket:<lane>/<id>"."""

    at_s: int
    what: tuple[str, ...]


class Envelope(NamedTuple):
    """The tightest of every limit. None = not limited. `binding` names what bites, strongest layer first."""

    max_power_w: int | None = None
    start_max_w: int | None = None
    max_miners: int | None = None
    start_miners: int | None = None
    start_step_w: int | None = None  # nominal watts that may be started now
    fans_min: int = 0
    fans_max: int | None = None
    no_start: Reason | None = None
    no_fan_down: Reason | None = None
    bans: dict[str, Reason] = {}  # noqa: RUF012
    offs: dict[str, Reason] = {}  # noqa: RUF012
    breakers: dict[str, int] = {}  # noqa: RUF012
    phases: dict[str, int] = {}  # noqa: RUF012
    phases_apart_w: int | None = None  # how far a start may put a phase above the least loaded one
    how: str = "ladder"
    binding: tuple[Limit, ...] = ()
    wishes: tuple[Wish, ...] = ()
    reasons: tuple[Limit, ...] = ()  # every limit given, binding or not


class Plan(NamedTuple):
    """What was chosen, for commands and for the page."""

    run: tuple[bool, ...]  # by miner, in wiring order: may it run
    starts: tuple[int, ...]  # indexes to start now
    stops: tuple[int, ...]  # indexes to stop now
    skip: dict[str, Reason]  # off and not started: why
    fans_on: tuple[str, ...]  # names of the fans wanted on
    miners_w: int  # best estimate of miners' power, unknown ones at nominal x 1.10
    measured_w: int | None  # sum of known miner watts; None when none is known
    permitted_w: int  # what the envelope lets the miners draw


class Verdict(NamedTuple):
    """What became of a request."""

    request: int
    verdict: str  # done refused
    why: str


class Decision(NamedTuple):
    """One round's decision. Same inputs, same bytes."""

    state: State
    commands: tuple[Command, ...]
    look: Look | None
    mode: str
    why: Reason
    envelope: Envelope
    plan: Plan
    events: tuple[Event, ...]
    verdicts: tuple[Verdict, ...] = ()
    forecast: dict[str, Any] = {}  # noqa: RUF012 - time_to_obey and its parts
    tellings: tuple[Telling, ...] = ()  # letters about alarms that this round makes
