"""Alarms as data: how a kind is to be treated, and what is to be told of one."""

from mine_controller.core.model.reason import Reason
from mine_controller.record import NamedTuple

SEVERITIES = ("info", "warning", "emergency")


class Ways(NamedTuple):
    """How one kind is treated: the catalogue's word, or the owner's in [alarm KIND]."""

    on: bool = True
    level: str = ""  # info warning emergency; "" = as the event says
    delay_s: int = 0  # how long it must last before it is an alarm
    off_delay_s: int = 0  # how long it must be gone before it is over
    cool_s: int = 300  # how far apart two messages of it are; emergencies don't wait
    threshold: float = 0.0
    clear: float = 0.0
    route: str = ""  # told at least to whom this level is told; "" = by its severity


class AlarmPolicy(NamedTuple):
    """The owner's numbers: `kinds` holds those with a section of their own, `channels` the sections that tell."""

    repeat_s: int = 600  # an emergency that nobody acked is told again after this, three times
    repeat_then_s: int = 3600  # and after that this far apart
    kinds: dict[str, Ways] = {}  # noqa: RUF012 - replaced, never changed
    channels: tuple[str, ...] = ()


class Telling(NamedTuple):
    """One letter to be: `what` is raise, escalate, repeat, again, clear, notice or chatter. Times are plant seconds.

    `key` names the occasion, the same after a kill. `level` is the least of whom it goes to (0 info .. 2 emergency).
    `others` are told of in the same letter; `folded` counts consequences by kind. `alarm` is the short name people
    ack it by ("" for what does not stand), `state` how it stands.
    """

    key: str
    what: str
    level: int
    kind: str
    about: str
    severity: str
    reason: Reason
    since_s: int
    for_s: int
    alarm: str = ""
    state: str = ""
    times: int = 1
    others: tuple[str, ...] = ()
    folded: tuple[tuple[str, int], ...] = ()
