"""[wiring]: relays and outlets that drive neither a fan nor a miner.

* wall = controlbyweb fans/8: the pump of the evaporative wall
* lamp = controlbyweb fans/9: a lamp or siren at the site, on a relay or outlet of its own

What it checks of them holds for the fans' relays and the miners' outlets too: no two share one, and each is there.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

from mine_controller.config.catalogue import declared
from mine_controller.config.fleet import FILE, Row
from mine_controller.config.lines import Entry, Section
from mine_controller.config.work import Work
from mine_controller.core.model.wiring import Wiring
from mine_controller.record import NamedTuple

WORDS = ("wall", "lamp")
LAMP = "lamp"
WHERE = ("url", "on_url", "on_body", "path", "pdu")  # by these the same thing is known behind two sections
_END = ":switch"


class Wired(Protocol):
    """An endpoint section, as far as it matters here."""

    @property
    def section(self) -> Section:
        """As written."""

    @property
    def module(self) -> Any:
        """What serves it."""

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


class _Output(NamedTuple):
    """A line of [wiring] that switches something."""

    entry: Entry
    what: str  # "the switch of fan 1"
    channel: str


def check(
    section: Section | None, channels: Mapping[str, Any], kinds: Mapping[str, Wired], wiring: Wiring, work: Work
) -> None:
    """No two outputs on one relay, however it is written: one would be switched by what is decided of the other."""
    if section is None:
        return
    first: dict[tuple[str, ...], _Output] = {}
    for one in sorted(_outputs(section, wiring), key=lambda one: one.entry.line):
        there = place(one.channel, kinds)
        other = first.setdefault(there, one)
        text = f"{other.what} already (line {other.entry.line})" if other.channel != one.channel else ""
        taken = _taken(one, channels, wiring)
        text = text or next((f"{what} already" for what, channel in taken if place(channel, kinds) == there), "")
        if text:
            own = "a lamp has" if one.entry.key == LAMP else "each output has"
            text = f"{one.channel} is {text}: {own} a relay or outlet of its own"
            work.tell(one.entry.line, section.title, one.entry.key, text)
        elif gone := _gone(one.channel, kinds):  # a lamp that its board does not have is dark in the emergency
            work.tell(one.entry.line, section.title, one.entry.key, gone)
    _pulsed(section, channels, kinds, wiring, work)


def _pulsed(
    section: Section, channels: Mapping[str, Any], kinds: Mapping[str, Wired], wiring: Wiring, work: Work
) -> None:
    """The permissive relay is on while all is well: read as the emergency stop, it would keep everything off."""
    held = {place(relay, kinds): title for title, some in channels.items() if (relay := getattr(some, "relay", ""))}
    for what, channel in _read(wiring):
        role = what.removeprefix("read as ")
        if role in section.entries and (title := held.get(place(channel, kinds))):
            text = f"{channel} is the relay of [{title}]: each good tick turns it on, and that would read as {role}"
            work.tell(section.entries[role].line, section.title, role, text)


def outlets(
    rows: Iterable[Row], section: Section | None, kinds: Mapping[str, Wired], wiring: Wiring, work: Work
) -> None:
    """No two miners on one outlet however it is written, none on that of a fan or the pump, none that is not there."""
    known = {miner.outlet for miner in wiring.miners if miner.outlet}
    if section is None or not known:
        return
    outputs = {place(one.channel, kinds): one for one in _outputs(section, wiring) if one.entry.key != LAMP}
    titles = {channel.partition("/")[0] for channel in known}
    units = {title: _unit(title, kinds) for title in titles}  # a fleet has few of them: this is part of every tick
    there = {title: _addresses(kinds[title].endpoint.options) for title in titles}
    first: dict[tuple[str, ...], Row] = {}
    for row in rows:
        if row.outlet not in known:
            continue  # none, or told already
        title, _, address = row.outlet.partition("/")
        where = (*units[title], _written(address))
        other, output = first.setdefault(where, row), outputs.get(where)
        text = _gone(row.outlet, kinds) if there[title] is not None else ""
        if other.outlet != row.outlet:
            text = f"{row.outlet} is {other.outlet} of {other.id} (line {other.line}): each miner has its own"
        elif output is not None:
            text = f"{row.outlet} is {output.what} already (config.txt, line {output.entry.line})"
        if text:
            work.tell(row.line, "", "outlet", text, FILE)


def _outputs(section: Section, wiring: Wiring) -> Iterator[_Output]:
    """Fans, wall and lamp. Two of them with the very same text were told when their lines were read."""
    lines = [(f"fan {fan.name}", f"the switch of fan {fan.name}", fan.switch) for fan in wiring.fans]
    lines += [("wall", "the wall's pump", wiring.wall), (LAMP, "the lamp", wiring.lamp)]
    yield from (_Output(section.entries[key], what, channel) for key, what, channel in lines if channel)


def _taken(one: _Output, channels: Mapping[str, Any], wiring: Wiring) -> Iterator[tuple[str, str]]:
    """What else is switched or read, by what it is. A lamp goes on in an emergency, and off when somebody acks it: no
    miner may hang on its relay either.
    """
    pulsed = ((title, getattr(options, "relay", "")) for title, options in channels.items())
    fan = one.entry.key not in WORDS  # the very same text beside a fan is told by [permissive]
    yield from ((f"the relay of [{title}]", relay) for title, relay in pulsed if not (fan and relay == one.channel))
    if one.entry.key == LAMP:
        yield from ((f"the outlet of {miner.id}", miner.outlet) for miner in wiring.miners)
    yield from _read(wiring)


def _read(wiring: Wiring) -> Iterator[tuple[str, str]]:
    """Relays that are looked at as a switch, the emergency stop's: one that we switch would stop the mine by itself."""
    for role in wiring.roles.values():
        yield from ((f"read as {role.name}", key.removesuffix(_END)) for key in role.keys if key.endswith(_END))


def _gone(channel: str, kinds: Mapping[str, Wired]) -> str:
    """What is wrong with a relay or outlet that its section does not have, "" where it has it or does not say."""
    title, _, address = channel.partition("/")
    known = _addresses(kinds[title].endpoint.options)
    if known is None or address in known:
        why = never(kinds[title], address, "on")
        return f"{channel} can't be switched: {why}" if why else ""
    few = f"{known[0]} to {known[-1]}" if len(known) > 2 else " and ".join(known) or "none at all"
    return f"[{title}] has no {address}: it has {few}"


def never(wired: Wired, address: str, verb: str) -> str:
    """Why a relay never takes a verb, "" where it may: its driver knows, from the options of its section."""
    asked = getattr(wired.module, "never", None)
    return "" if asked is None else str(asked(wired.endpoint.options, address, verb))


def place(channel: str, kinds: Mapping[str, Wired]) -> tuple[str, ...]:
    """Which relay it is, however it is written and whichever section of the same unit names it."""
    title, _, address = channel.partition("/")
    return (*_unit(title, kinds), _written(address))


def _unit(title: str, kinds: Mapping[str, Wired]) -> tuple[str, ...]:
    """By what is written; a default that is written says no more than one that is left out."""
    entries = kinds[title].section.entries if title in kinds else {}
    said = {key: entries[key].value for key in WHERE if key in entries}
    if title in kinds and kinds[title].endpoint is not None:
        options = kinds[title].endpoint.options
        usual: Any = type(options)
        known = {key: about.default for key, (_, about) in declared(usual).items() if key in said}
        said = {key: str(getattr(options, key)) for key in known if getattr(options, key) != known[key]}
    return tuple(said[key].rstrip("/").lower() for key in WHERE if key in said) or (title,)


def _written(address: str) -> str:
    return address.lower().lstrip("0")


def _addresses(options: Any) -> tuple[str, ...] | None:
    """The relays or outlets the section says it has; None: it does not say."""
    given = getattr(options, "relays", getattr(options, "outlets", None))
    return tuple(str(n) for n in range(1, given + 1)) if isinstance(given, int) else given
