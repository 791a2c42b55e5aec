"""What was pushed to this machine, as `wire.collected` and `wire.mqtt` answer it, without trusting any of it."""

from typing import Any

from mine_controller.devices import _answer
from mine_controller.devices.kind import BadReply, Reply
from mine_controller.record import NamedTuple
from mine_controller.wire.door import Request, Wire

COLLECTED, ASKED = "collected", "asked"  # names of replies: by way of collect, or a short look of our own
PULSE_S = 60  # collect gives a sign of life every 10 s


class Arrival(NamedTuple):
    """One message. `age_s` None: not told. Of a retained one it is the arrival's age, never the value's."""

    source: str
    retained: bool
    age_s: float | None
    body: str
    cut: bool
    note: str
    path: str


class Told(NamedTuple):
    """`at_s` is wall time. `up_s` None: not by way of collect. `line` "": the way is heard. Oldest arrival first."""

    at_s: float | None
    up_s: float | None
    line: str
    arrivals: tuple[Arrival, ...]

    def of(self, source: str, *, retained: bool, path: str = "") -> Arrival | None:
        """The newest message of a topic or sender; of a place in its JSON, where some speak of a part only, the newest
        that speaks of it."""
        these = [one for one in self.arrivals[::-1] if (one.source, one.retained) == (source, retained)]
        places = (path, "") if path else ("",)
        return next((one for place in places for one in these if one.path == place), None)

    def last(self, source: str) -> Arrival | None:
        """The newest, however it came."""
        return next((one for one in self.arrivals[::-1] if one.source == source), None)


def collected(wire: Wire) -> Reply:
    """What collect has heard for this section. Raises WireError when it never ran."""
    answer = wire.call(Request("GET", "collect:///"), wire.until)
    return Reply(COLLECTED, answer.status, {}, answer.body)


def told(reply: Reply) -> Told:
    """The answer read. Raises BadReply when it is none, or when collect has been silent for a minute."""
    tree = _answer.table(reply)
    if reply.name == COLLECTED:
        pulse_s = _answer.number(tree.get("pulse_age_s"))
        if pulse_s is None or pulse_s > PULSE_S:
            since = "" if pulse_s is None else f": no sign of life for {pulse_s:.0f} s"
            raise BadReply(f"collect does not run{since}")
    rows = tree.get("pushed")
    arrivals = tuple(_arrival(row) for row in rows if isinstance(row, dict)) if isinstance(rows, list) else ()
    line = _answer.clean(tree.get("line", ""), 100)
    return Told(_answer.number(tree.get("at")), _answer.number(tree.get("up_s")), line, arrivals)


def _arrival(row: dict[str, Any]) -> Arrival:
    body, note, path = row.get("body"), row.get("note"), row.get("path")
    return Arrival(
        str(row.get("source", "")),
        row.get("retained") is not False,  # what does not say that it is new counts as old
        _answer.number(row.get("age_s")),
        body if isinstance(body, str) else "",
        row.get("cut") is not False,
        note if isinstance(note, str) else "",
        path if isinstance(path, str) else "",
    )
