"""Sections whose `hosts` share an address: both would ask the unit there. A note, no error, for it may be on purpose.

Ranges are compared by their ends and never written out: this is part of every tick.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address

from mine_controller.config.model import Endpoint
from mine_controller.config.wiring import Wired
from mine_controller.config.work import Work
from mine_controller.devices import _hosts

COMPUTERS = ("xmrig",)  # a program on a computer, which may run or feed another miner besides


def note(kinds: dict[str, Wired], work: Work) -> None:
    """One note for each two sections, with the first address they share."""
    found = [one.endpoint for one in kinds.values() if one.endpoint is not None and one.module.CAN.fleet]
    sections = [one for one in found if hasattr(one.options, "hosts")]
    for (early, late), number in shared(sections).items():
        entry = kinds[late].section.entries.get("hosts")
        line = entry.line if entry is not None else kinds[late].section.line
        text = f"{IPv4Address(number)} is among those of [{early}] too, so both would ask that unit"
        work.note(line, late, "hosts", text)


def shared(sections: Iterable[Endpoint]) -> dict[tuple[str, str], int]:
    """The first shared address of each two sections, as a number; of the two the one written first comes first."""
    listed = list(sections)
    if len(listed) < 2:
        return {}
    spans = sorted((low, high, at) for at, one in enumerate(listed) for low, high in _hosts.spans(one.options.hosts))
    found: dict[tuple[str, str], int] = {}
    ends: dict[int, int] = {}  # how far each section reaches from where it was met last
    for low, high, at in spans:
        for other, end in ends.items():
            if other != at and end >= low and _same_unit(listed[other], listed[at]):
                first, second = sorted((other, at))
                found.setdefault((listed[first].section, listed[second].section), low)
        ends[at] = max(high, ends.get(at, high))
    return found


def _same_unit(one: Endpoint, other: Endpoint) -> bool:
    """Whether one address means one unit to both: another port of the same kind is another unit behind it."""
    if one.kind == other.kind:
        return bool(getattr(one.options, "port", 0) == getattr(other.options, "port", 0))
    return one.kind not in COMPUTERS and other.kind not in COMPUTERS
