"""[wiring]: relays and outlets that drive neither a fan nor a miner.

* wall = controlbyweb fans/8: the pump of the evaporative wall
* lamp = controlbyweb fans/9: a lamp or siren at the site, on a relay or outlet of its own
"""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from mine_controller.config.lines import Entry, Section
from mine_controller.config.work import Work
from mine_controller.core.model.wiring import Wiring

WORDS = ("wall", "lamp")
LAMP = "lamp"
WHERE = ("url", "on_url")  # by these two the same thing is known behind two sections
_END = ":switch"


class Wired(Protocol):
    """An endpoint section, as far as it matters here."""

    @property
    def section(self) -> Section:
        """As written."""

    @property
    def endpoint(self) -> Any:
        """Filled in; None: not yet active."""


class Desk(Protocol):
    """What wires the rest of the section: it checks references and takes problems."""

    def relay(self, entry: Entry, text: str, quantity: str) -> str:
        """The channel of a reference that nothing else has, "" when it is none or not active yet."""


class Lines:
    """The lines of both words, as they come."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.wall = self.lamp = ""

    def line(self, entry: Entry) -> None:
        """One of them."""
        channel = self.desk.relay(entry, " ".join(entry.value.split()), "switch")
        if entry.key == LAMP:
            self.lamp = channel
        else:
            self.wall = channel


def check(
    section: Section | None, channels: Mapping[str, Any], kinds: Mapping[str, Wired], wiring: Wiring, work: Work
) -> None:
    """A lamp goes on in an emergency, and off when somebody acks it: nothing else may hang on what switches it."""
    entry = section.entries.get(LAMP) if section is not None else None
    if not wiring.lamp or section is None or entry is None:
        return
    place = _place(wiring.lamp, kinds)
    for what, channel in _taken(channels, wiring):
        if _place(channel, kinds) == place:
            text = f"{wiring.lamp} is {what} already: a lamp has a relay or outlet of its own"
            work.tell(entry.line, section.title, LAMP, text)
            return
    title, _, address = wiring.lamp.partition("/")
    known = _addresses(kinds[title].endpoint.options)
    if known and address not in known:
        few = f"{known[0]} to {known[-1]}" if len(known) > 1 else known[0]
        work.tell(entry.line, section.title, LAMP, f"[{title}] has no {address}: it has {few}")


def _taken(channels: Mapping[str, Any], wiring: Wiring) -> Iterator[tuple[str, str]]:
    """What else is switched, or read as a switch, by what it is. Of [wiring] the very same channel was told already."""
    lines = [(f"the switch of fan {fan.name}", fan.switch) for fan in wiring.fans] + [("the wall's pump", wiring.wall)]
    yield from (one for one in lines if one[1] != wiring.lamp)
    yield from ((f"the outlet of {miner.id}", miner.outlet) for miner in wiring.miners)
    for role in wiring.roles.values():
        yield from ((f"read as {role.name}", key.removesuffix(_END)) for key in role.keys if key.endswith(_END))
    yield from ((f"the relay of [{title}]", getattr(options, "relay", "")) for title, options in channels.items())


def _place(channel: str, kinds: Mapping[str, Wired]) -> tuple[str, ...]:
    """Which relay it is, however it is written and whichever section of the same unit names it."""
    title, _, address = channel.partition("/")
    entries = kinds[title].section.entries if title in kinds else {}
    unit = tuple(entries[key].value.rstrip("/").lower() for key in WHERE if key in entries)
    return (*(unit or (title,)), address.lower().lstrip("0"))


def _addresses(options: Any) -> tuple[str, ...]:
    """The relays or outlets the section says it has; () it does not say."""
    given = getattr(options, "relays", getattr(options, "outlets", ()))
    return tuple(str(n) for n in range(1, given + 1)) if isinstance(given, int) else tuple(given)
