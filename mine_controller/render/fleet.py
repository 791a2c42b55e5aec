"""What each miner is doing, in one word, and how many do. Pure."""

from typing import Any

from mine_controller.core.fleet import ASLEEP, on_above_w
from mine_controller.core.model.book import Book
from mine_controller.core.model.image import Miners
from mine_controller.core.model.state import MinerBook
from mine_controller.core.model.wiring import MinerSpec, Wiring
from mine_controller.record import NamedTuple

# A miner is in exactly one of these, so they add up to the total.
STATES = ("running", "starting", "stopping", "stopped", "quarantined", "unknown")
SLACK_S = 45  # units of one group are read within so many seconds of each other
_NEW = MinerBook()


class Unit(NamedTuple):
    """One miner as it is shown. `power_w` None: unknown."""

    spec: MinerSpec
    state: str
    power_w: int | None
    seen_s: int | None  # plant time at which its watts were last known
    word: str | None
    outlet: str | None
    address: str | None
    book: MinerBook
    chase: str  # "stop, 2 tries at the outlet" while a command is unproven
    lost: bool = False  # no outlet tells of it, and it did not answer when it was last asked
    by_word: bool = False  # what it does is known by its own word alone: nothing measures it


def units(book: Book, wiring: Wiring) -> tuple[Unit, ...]:
    """Every miner of the wiring, in its order."""
    rows = _rows(book.image.miners if book.image is not None else None, wiring)
    return tuple(_unit(book, spec, rows[spec.id]) for spec in wiring.miners)


Row = tuple[int | None, int | None, str | None, str | None, str | None]
_NOTHING: Row = (None, None, None, None, None)


def _rows(miners: Miners | None, wiring: Wiring) -> dict[str, Row]:
    """By id, because a page may be drawn from an image older than the wiring."""
    rows: dict[str, Row] = dict.fromkeys((spec.id for spec in wiring.miners), _NOTHING)
    if miners is not None:
        columns = zip(
            miners.power_w,
            (at or None for at in miners.power_at),
            miners.word,
            miners.outlet,
            miners.address,
            strict=True,
        )
        rows.update((name, row) for name, row in zip(miners.ids, columns, strict=True) if name in rows)
    return rows


def _unit(book: Book, spec: MinerSpec, row: Row) -> Unit:
    power_w, seen_s, word, outlet, address = row
    chase = book.state.chases.get(f"miner {spec.id}")
    worn = book.state.miners.get(spec.id, _NEW)
    want = chase.want if chase is not None else ""
    told = ""
    if chase is not None:
        lane = spec.paths[chase.rung].lane if chase.rung < len(spec.paths) else "?"
        told = f"told to {chase.want} by {lane}, try {chase.tries}" + (f": {chase.answer}" if chase.answer else "")
    lost = _lost(book, spec)
    metered = seen_s is not None or bool(spec.outlet and spec.outlet_metered)
    own = None if metered or lost else word
    state = _state(spec, power_w, want, worn) if own is None else _said(own, want, worn)
    by_word = own is not None and state != "unknown"
    return Unit(spec, state, power_w, seen_s, word, outlet, address, worn, told, lost, by_word)


def _lost(book: Book, spec: MinerSpec) -> bool:
    """Heard before, and not when its group was last asked: its old values need not wait for their age."""
    channels = book.image.channels if book.image is not None else {}
    tried = channels.get(f"{spec.group}:tried")
    if spec.outlet or tried is None:
        return False
    heard = [channels[key] for what in ("word", "address") if (key := f"{spec.group}/{spec.mac}:{what}") in channels]
    return bool(heard) and max(value.at_s for value in heard) < tried.at_s - SLACK_S


def heard_s(book: Book, spec: MinerSpec) -> int | None:
    """Plant time at which it last said anything of itself, None: never."""
    channels = book.image.channels if book.image is not None else {}
    said = (channels.get(f"{spec.group}/{spec.mac}:{what}") for what in ("word", "address"))
    return max((value.at_s for value in said if value is not None and value.value is not None), default=0) or None


def silent_since_s(book: Book, spec: MinerSpec) -> int | None:
    """Plant time at which it last gave its word, where it gave none when it was last asked; else None."""
    word = book.image.channels.get(f"{spec.group}/{spec.mac}:word") if book.image is not None else None
    return word.at_s or None if word is not None and word.why else None


def _state(spec: MinerSpec, power_w: int | None, want: str, worn: MinerBook) -> str:
    if power_w is None:
        return "unknown"
    if power_w > on_above_w(spec):
        return "stopping" if want == "stop" else "running"
    if want == "run":
        return "starting"
    return "quarantined" if worn.quarantined else "stopped"


def _said(word: str, want: str, worn: MinerBook) -> str:
    """The state of a unit that no meter was ever seen for: absent is not unknown, its own word tells."""
    if word == "hashing":
        return "stopping" if want == "stop" else "running"
    if word in ASLEEP:
        return "starting" if want == "run" else "quarantined" if worn.quarantined else "stopped"
    return "starting" if word == "booting" else "unknown"


def counts(fleet: tuple[Unit, ...]) -> dict[str, Any]:
    """How many are in each state, beside the words they say of themselves and what was measured of their power."""
    known = [unit.power_w for unit in fleet if unit.power_w is not None]
    said = [unit.word for unit in fleet if _says(unit)]
    seen = bool(known) or any(unit.word is not None for unit in fleet)
    return {
        "total": len(fleet),
        "online": sum(online(unit) for unit in fleet) if seen else None,
        "hashing": said.count("hashing") if said else None,
        "words_known": len(said),
        "power_known": len(known),
        "power_w": sum(known) if known else None,
        "by_word": sum(unit.by_word for unit in fleet),
        **_by_state(fleet),
    }


def _by_state(fleet: tuple[Unit, ...]) -> dict[str, int | None]:
    """Where nothing is known, nobody is known to run or to stand: only "unknown" has a number."""
    known = any(unit.state != "unknown" for unit in fleet)
    out: dict[str, int | None] = dict.fromkeys(STATES, 0 if known or not fleet else None)
    for unit in fleet:
        out[unit.state] = (out[unit.state] or 0) + 1
    return out


def _says(unit: Unit) -> bool:
    """It says a word of itself, now: "offline" is what others say of it, and the word of a lost one is an old one."""
    return not unit.lost and unit.word not in (None, "offline")


def online(unit: Unit) -> bool:
    """It answers for itself, or its outlet shows that it works."""
    if unit.lost:
        return False
    if unit.word is not None:
        return unit.word != "offline"
    return unit.power_w is not None and unit.power_w > on_above_w(unit.spec)
