"""What a watch may see of a round, and how it tells what is wrong. Pure."""

from collections.abc import Iterator

from mine_controller.core.alarms.catalogue import KINDS, ways_of
from mine_controller.core.model.alarm import AlarmPolicy
from mine_controller.core.model.reading import Value
from mine_controller.core.model.reason import Event, Reason
from mine_controller.core.view import View
from mine_controller.record import NamedTuple


class Look(NamedTuple):
    """What a watch may see."""

    view: View
    policy: AlarmPolicy
    events: tuple[Event, ...]  # this round's

    def stands(self, kind: str, about: str) -> bool:
        """True while this alarm is open: its dead-band counts."""
        return f"{kind} {about}" in self.view.state.alarms

    def off_limits(self, kind: str, about: str, value: float, limit: tuple[float, float] | None = None) -> bool:
        """True when a figure is past its mark; a standing alarm ends at the other one."""
        ways = ways_of(self.policy, kind)
        threshold, clear = limit or (ways.threshold, ways.clear)
        mark = clear if self.stands(kind, about) else threshold
        return value < mark if KINDS[kind].low else value > mark


Found = Iterator[Event | str]  # an event, or the key of what is unknown


def event(kind: str, about: str, *numbers: tuple[str, float | int | str]) -> Event:
    """What is wrong, in the words of the catalogue."""
    return Event(kind, KINDS[kind].severity, about, Reason("alarm", kind, tuple(numbers)))


def hot(kind: str, about: str, heat_c: float, marks_c: tuple[float, float], *numbers: tuple[str, float | str]) -> Event:
    """A heat over its mark; or no longer, where the alarm stands on until the lower one. `marks_c`: (from, until)."""
    from_c, until_c = marks_c
    if heat_c > from_c:
        return event(kind, about, *numbers, ("limit_c", from_c))
    reason = Reason("alarm", f"{kind.partition('_')[0]}_eased", (*numbers, ("limit_c", from_c), ("clear_c", until_c)))
    return Event(kind, KINDS[kind].severity, about, reason)


def number(value: Value | None, oldest_s: int) -> float | None:
    """A channel's number when it is known and not older than that."""
    if value is None or not isinstance(value.value, int | float) or value.at_s < oldest_s:
        return None
    return float(value.value)
