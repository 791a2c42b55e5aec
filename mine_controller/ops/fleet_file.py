"""What a search found against what is listed: known, moved, new, unknown; and the lines fleet.csv still lacks."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from mine_controller.config import catalogue
from mine_controller.config.fleet import mac_or_serial
from mine_controller.config.model import Config, Endpoint
from mine_controller.core.model.wiring import MinerSpec
from mine_controller.devices import _hosts
from mine_controller.devices.kind import Guess, Seen
from mine_controller.record import NamedTuple

KNOWN, MOVED, NEW, UNKNOWN, OTHER = "known", "moved", "new", "unknown make", "other"
STATES = (KNOWN, MOVED, NEW, UNKNOWN, OTHER)
DIGITS = 2
# Kinds that read what another kind of its own reads as well: an S9 or an Avalon under [cgminer ...], which speaks the
# API of both; under [asic ...] what asic-rs knows, but no Whatsminer, which that driver leaves alone.
GENERIC = {"cgminer": ("antminer", "avalon"), "asic": ("antminer", "avalon", "bitaxe", "nerdqaxe", "cgminer")}
_PLAIN = re.compile(r"[^A-Za-z0-9 ._/()+-]+")
_NUMBERED = re.compile(r"([a-z]+)([0-9]{1,6})")


class Find(NamedTuple):
    """One address that answered. `state`: known, moved (`was`: where the store last saw it), new (a make we know),
    unknown make (something with a miner's port), other (a web page of something else). Texts are plain ASCII."""

    address: str
    state: str
    kind: str = ""
    model: str = ""
    firmware: str = ""
    unit: str = ""  # mac or serial; "" = it does not tell
    id: str = ""  # in fleet.csv
    group: str = ""  # the section that serves it, or would
    was: str = ""
    open: tuple[int, ...] = ()
    note: str = ""
    draws: tuple[int, int] = (0, 0)  # nominal and standby W of its model, where its kind says


class Fleet(NamedTuple):
    """What is known before a search."""

    by_unit: Mapping[str, MinerSpec]
    last: Mapping[str, str]  # id -> address the store saw it at last
    sections: tuple[Endpoint, ...]  # those with hosts
    neighbours: Mapping[str, str]  # address -> mac, as this machine's network has it
    taken: frozenset[str] = frozenset()  # ids no new unit may get: listed, or with a wear book of their own


class Additions(NamedTuple):
    """Lines for fleet.csv, and who has to wait: (find, why)."""

    rows: tuple[dict[str, str], ...] = ()
    left: tuple[tuple[Find, str], ...] = ()
    commands: tuple[str, ...] = ()  # what to type, or to paste into config.txt, so that the rest can be added
    notes: tuple[str, ...] = ()  # what the check notes of the lines, once they are written, and did not before


def fleet(config: Config | None, stored: Iterable[Mapping[str, Any]], neighbours: Mapping[str, str]) -> Fleet:
    """The fleet of a site; `stored` are the rows of the store's table `miners`."""
    if config is None:
        return Fleet({}, {}, (), neighbours)
    rows = list(stored)
    return Fleet(
        {spec.mac.lower(): spec for spec in config.policy.wiring.miners},
        {str(row["id"]): str(row["ip"]) for row in rows if row["ip"]},
        tuple(one for one in config.endpoints.values() if hasattr(one.options, "hosts")),
        neighbours,
        frozenset({*(spec.id for spec in config.policy.wiring.miners), *(str(row["id"]) for row in rows)}),
    )


def compared(
    seen: Sequence[Seen], guess: Callable[[Seen], tuple[Guess | None, str]], known: Fleet, miner_ports: Sequence[int]
) -> tuple[Find, ...]:
    """Every address that answered, judged; `miner_ports` are those on which hardly anything but a miner answers."""
    finds = [_find(one, *guess(one), known, miner_ports) for one in seen]
    units = Counter(find.unit for find in finds if find.unit)
    here = {find.id for find in finds}
    gone = known._replace(last={name: at for name, at in known.last.items() if name not in here})
    return tuple(find._replace(note=_joined(find.note, _beside(find, units, gone))) for find in finds)


def _beside(find: Find, units: Mapping[str, int], gone: Fleet) -> str:
    """What the other addresses tell of it: that they are this unit too, or not the one that was here."""
    if units.get(find.unit, 0) > 1:
        return f"{units[find.unit]} addresses say they are this unit"
    return _was_here(find.address, gone) if not find.unit else ""


def _find(one: Seen, guessed: Guess | None, trouble: str, known: Fleet, miner_ports: Sequence[int]) -> Find:
    if guessed is None:
        state = UNKNOWN if set(one.open) & set(miner_ports) else OTHER
        places = ", ".join(str(port) for port in one.open)
        return Find(one.host, state, open=one.open, note=trouble or (f"answers on port {places}" if places else ""))
    told = mac_or_serial(guessed.unit)
    unit = told or mac_or_serial(known.neighbours.get(one.host, ""))
    spec = known.by_unit.get(unit.lower()) if unit else None
    group, wrong = (spec.group, "") if spec else served(guessed.kind, one.host, known.sections)
    model, firmware = _plain(guessed.model), _plain(guessed.firmware)
    find = Find(one.host, NEW, guessed.kind, model, firmware, unit, "", group, open=one.open, draws=guessed.draws)
    notes = [trouble, wrong, "" if told else _untold(find, known.sections), _another_size(find, known.sections)]
    if spec is None:
        return find._replace(note=_joined(*notes))
    was = known.last.get(spec.id, "")
    moved = bool(was) and was != one.host
    notes.append(_outside(find, known.sections))
    return find._replace(state=MOVED if moved else KNOWN, id=spec.id, was=was if moved else "", note=_joined(*notes))


def _untold(find: Find, sections: Iterable[Endpoint]) -> str:
    """What to do about a unit that names itself by nothing."""
    if not find.unit and not find.group:
        return "tells neither mac nor serial before a section of its kind reads it with its login"
    if not find.unit:
        return f'tells neither mac nor serial: `minectl probe "{find.group}"` shows why'
    section = next((one for one in sections if one.section == find.group and hasattr(one.options, "macs")), None)
    if section is None or find.kind == "nmminer":
        return "its mac is the network's word"
    return f"its mac is the network's word: write {find.address} {find.unit} into macs of [{section.section}]"


def _another_size(find: Find, sections: Iterable[Endpoint]) -> str:
    """A warning when its section takes it for a miner of another size, which may count as off while it runs."""
    own = next((one for one in sections if one.section == find.group), None)
    if own is None or _fits(own, find.draws):
        return ""
    watts, standby_w = find.draws
    return f"draws some {watts} W: give it a section with nominal_w = {watts} and standby_w = {standby_w}"


def _fits(section: Endpoint, draws: tuple[int, int]) -> bool:
    """Whether what a section says of its miners' watts is about what a unit draws; who says nothing fits."""
    nominal_w = int(getattr(section.options, "nominal_w", 0))
    return not draws[0] or not nominal_w or nominal_w / 2 <= draws[0] <= nominal_w * 2


def _was_here(host: str, known: Fleet) -> str:
    """Who answered at this address when the last tick read it with its password: most likely who is there now."""
    names = [spec.id for spec in known.by_unit.values() if known.last.get(spec.id) == host]
    return f"{' or '.join(names)} was read here last" if names else ""


def _outside(find: Find, sections: Iterable[Endpoint]) -> str:
    """A warning when its own section would not look there."""
    own = next((one for one in sections if one.section == find.group), None)
    if own is None or find.address in _hosts.expand(tuple(own.options.hosts)):
        return ""
    return f"outside the hosts of [{find.group}], which will not find it there"


def served(kind: str, address: str, sections: Iterable[Endpoint]) -> tuple[str, str]:
    """The one section whose hosts cover the address and that reads this kind, one of its own before a generic one; or
    ("", why there is none)."""
    covering = _covering(address, sections)
    able = _readers(kind, covering)
    if len(able) == 1:
        return able[0], ""
    if able:
        return "", f"hosts of {' and '.join(f'[{title}]' for title in able)} both cover it"
    others = ", ".join(f"[{one.section}]" for one in covering)
    return "", f"no [{kind} ...] section covers it" + (f", but {others} does" if others else "")


def _covering(address: str, sections: Iterable[Endpoint]) -> list[Endpoint]:
    return [one for one in sections if address in _hosts.expand(tuple(one.options.hosts))]


def _readers(kind: str, covering: Sequence[Endpoint]) -> list[str]:
    own = [one.section for one in covering if one.kind == kind]
    return own or [one.section for one in covering if kind in GENERIC.get(one.kind, ())]


def additions(finds: Sequence[Find], known: Fleet, config: Config, today: str) -> Additions:
    """The lines for every new unit that a section serves; the others with the reason and what helps."""
    rows: list[dict[str, str]] = []
    left: list[tuple[Find, str]] = []
    units = Counter(find.unit for find in finds)
    latest: dict[str, list[str]] = {}  # by letter: the id after which the next one comes; a search may find thousands
    for find in finds:
        if find.state != NEW:
            continue
        why = _why_not(find, units, known)
        if why:
            left.append((find, why))
            continue
        name = free_id(find.kind, latest.get(find.kind[:1], known.taken))
        latest[find.kind[:1]] = [name]
        about = " ".join(word for word in (find.model or find.kind, find.firmware) if word)
        cells = {"id": name, "mac": find.unit, "group": find.group, "note": f"{about} found {today}"[:120]}
        rows.append(cells)
    return Additions(tuple(rows), tuple(left), _commands([find for find, _ in left], config))


def _why_not(find: Find, units: Mapping[str, int], known: Fleet) -> str:
    if not find.unit:
        return "tells neither mac nor serial, so nobody could know it again"
    if units[find.unit] > 1:
        return "several addresses say they are this unit"
    if not find.group:
        why = served(find.kind, find.address, known.sections)[1]
        covering = _covering(find.address, known.sections)
        if not covering or _readers(find.kind, covering):
            return why
        titles = " and ".join(f"[{one.section}]" for one in covering)
        return f"{why}; take its address out of the hosts of {titles} first"
    return ""


def free_id(kind: str, taken: Iterable[str]) -> str:
    """The next id of the kind: its first letter and the number after the highest one taken (b01, b02 ... b100)."""
    letter = kind[:1]
    numbers = [found for name in taken if (found := _NUMBERED.fullmatch(name.lower())) and found[1] == letter]
    width = max([DIGITS, *(len(found[2]) for found in numbers)])
    return f"{letter}{max((int(found[2]) for found in numbers), default=0) + 1:0{width}}"


def _commands(waiting: Sequence[Find], config: Config) -> tuple[str, ...]:
    """For each kind and size without a section that covers it: lines to paste, or the command that widens the section.

    Never for an address that some section covers already: then two would ask there, and neither could be told to.
    """
    out = []
    known = [one for one in config.endpoints.values() if hasattr(one.options, "hosts")]
    titles = set(config.endpoints)
    by_sort: dict[tuple[str, tuple[int, int]], list[str]] = {}
    for find in waiting:
        if not find.group and not _covering(find.address, known):
            by_sort.setdefault((find.kind, find.draws), []).append(find.address)
    for (kind, draws), places in by_sort.items():
        sections = [one for one in known if one.kind == kind and _fits(one, draws)]
        if len(sections) == 1:
            hosts = ", ".join((*sections[0].options.hosts, *places))
            out.append(f'minectl config set "{sections[0].section}.hosts" "{hosts}"')
        else:
            title = _free_title(kind, titles)
            titles.add(title)
            size = [f"nominal_w = {draws[0]}", f"standby_w = {draws[1]}"] if draws[0] else []
            out.append("\n".join([f"[{title}]", f"hosts = {', '.join(places)}", *size, *_needed(kind)]))
    return tuple(out)


def _free_title(kind: str, taken: Iterable[str]) -> str:
    names = (f"{kind} {name}" for name in ("lan", *(f"lan{at}" for at in range(2, 100))))
    return next(title for title in names if title not in taken)


def _needed(kind: str) -> list[str]:
    """The options a section of the kind can't be without, beside its hosts."""
    module = catalogue.find("device", kind)
    declared = catalogue.declared(module.Options) if module is not None else {}
    return [f"{name} = CHANGE-ME" for name, (_, about) in declared.items() if about.required and name != "hosts"]


def _plain(text: str) -> str:
    """A device's text as a spreadsheet cell that is no formula and a terminal that is not written on."""
    return " ".join(_PLAIN.sub(" ", text).split())[:60].lstrip("+-/ ")


def _joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)
