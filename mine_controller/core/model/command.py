"""A command is an absolute wish to one unit through one lane; an outcome is what came back. Neither is a fact."""

from mine_controller.core.model.reason import Reason
from mine_controller.record import NamedTuple

# The verbs a driver may be handed. Absolute and idempotent; there is no toggle.
VERBS = (
    "run",  # run/stop: a miner by its own or its fleet's word
    "stop",
    "on",  # on/off: a relay or an outlet
    "off",
    "pulse",  # value: seconds; a relay that is on for so long, from now
    "restart",  # a miner's board, once
    "mode",  # value: a word of the kind's MODES, like "eco"
    "pool",  # value: the name of a [pool] section
    "limit",  # value: watts
    "tune",  # value: "frequency_mhz=525 core_voltage_mv=1150": exactly these settings
    "fan",  # value: "auto" or percent
    "locate",  # value: "on" or "off": its light
)
ERRANDS = ("restart", "mode", "pool", "limit", "tune", "fan", "locate")  # what a miner is told beside run and stop

APPLIED = "applied"  # the device says it is done (never proof)
ACCEPTED = "accepted"  # taken, asynchronous: see ticket
UNKNOWN = "unknown"  # sent, no usable answer
REFUSED = "refused"  # answered no; `why` says what helps
UNREACHABLE = "unreachable"  # nothing was sent or could be
UNSUPPORTED = "unsupported"
WITHHELD = "withheld"  # shadow mode or `live = no`
NOT_SENT = "not_sent"  # the lane's time was over before its turn

VERDICTS = (APPLIED, ACCEPTED, UNKNOWN, REFUSED, UNREACHABLE, UNSUPPORTED, WITHHELD, NOT_SENT)


class Command(NamedTuple):
    """`id` is "<tick wall_s>.<round>.<n>": the dedupe key everywhere. `target` is "miner a017" or "fan 3"."""

    id: str
    target: str
    verb: str
    lane: str  # "foreman mine", "redfish pdu1", "controlbyweb fans"
    address: str  # how that lane calls the unit: "1234", "A1", "3"
    rung: int
    reason: Reason
    unit: str = ""  # the identity that must answer at the address: a mac or a serial; "" = nothing to compare
    value: str = ""  # what the verb takes; never a secret


class Outcome(NamedTuple):
    """What became of one command. `at_s` is plant time of the answer; `ticket` names an asynchronous job."""

    command: str
    verdict: str
    why: str = ""
    ticket: str | None = None
    at_s: int = 0
