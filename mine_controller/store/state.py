"""State and image as JSON trees, and back with every field checked.

`pack_state` and `unpack_state` are exact for every valid state whose leaves are JSON's own (whole numbers, finite
numbers, texts, booleans, None, lists, dicts). A field this version does not know is left out, a missing one gets its
default, and one that is of a wrong type or out of range falls to the value that permits least, each with a note.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from sys import intern
from typing import Any

from mine_controller.core.model.clock import Clock, Local
from mine_controller.core.model.image import Image, Miners
from mine_controller.core.model.reading import Value
from mine_controller.core.model.state import (
    VERSION,
    Chase,
    Errand,
    FanBook,
    MinerBook,
    Override,
    Shed,
    State,
    Unit,
)
from mine_controller.record import NamedTuple
from mine_controller.store.codec import Rows, fold, table, unfold

AHEAD_S = 86_400  # a remembered moment further ahead of plant time than this is no moment
DEEPEST = 12
NOTES_MOST = 20
_MISSING, _LEFT_OUT = " is missing", " left out"


class ClockFacts(NamedTuple):
    """What `State.last` keeps of the clocks, so that the next tick can carry plant time on.

    plant_s: plant time of the last tick · boot_id: the kernel's name of that boot · boot_s: its boot-time clock then ·
    wall_s: its wall clock then.
    """

    plant_s: int
    boot_id: str
    boot_s: int
    wall_s: int


def clock_facts(state: State) -> ClockFacts | None:
    """Give the clock facts a state carries, or None when one is missing or is no such thing."""
    last = state.last
    plant_s, boot_id, boot_s, wall_s = (last.get(name) for name in ClockFacts._fields)
    if not (_natural(plant_s) and _natural(boot_s) and _natural(wall_s) and isinstance(boot_id, str)):
        return None
    return ClockFacts(int(str(plant_s)), boot_id, int(str(boot_s)), int(str(wall_s)))


def with_clock_facts(state: State, facts: ClockFacts) -> State:
    """Give the state that remembers these clock facts."""
    return state._replace(last={**state.last, **facts._asdict()})


def pack_state(state: State) -> dict[str, Any]:
    """Give the state as a JSON tree; books as columns."""
    return {
        "version": state.version,
        "memory": state.memory,
        "miners": _books(state.miners, MinerBook._fields),
        "fans": _books(state.fans, FanBook._fields),
        "chases": _books(state.chases, Chase._fields),
        "overrides": table(state.overrides, Override._fields),
        "shed": None if state.shed is None else state.shed._asdict(),
        "mode": state.mode,
        "mode_s": state.mode_s,
        "alarms": state.alarms,
        "lanes": state.lanes,
        "last": state.last,
        "errands": table(state.errands, Errand._fields),
        "settling": state.settling,
        "units": _books(state.units, Unit._fields),
    }


def _books(books: Mapping[str, Any], fields: Sequence[str]) -> dict[str, list[Any]]:
    return {"": list(books), **table(list(books.values()), fields)}


def unpack_state(tree: Any) -> tuple[State, tuple[str, ...]]:
    """Give the state and notes on what could not be taken as it stood. Never raises for any JSON tree."""
    notes = _Notes()
    if not isinstance(tree, dict):
        return State(), ("the state is no state",)
    now_s = _plant_s(tree)
    if tree.get("version") != VERSION:
        notes.add(f"the state is of version {tree.get('version')!r}, this program writes {VERSION}")
    notes.unknown(tree, State._fields, "state")
    state = State(
        version=VERSION,
        memory=_dict_of(tree, "memory", lambda value: isinstance(value, dict) and _tree(value), notes),
        miners=_read_books(tree, "miners", _MINER, now_s, notes),
        fans=_read_books(tree, "fans", _FAN, now_s, notes),
        chases=_read_books(tree, "chases", _CHASE, now_s, notes),
        overrides=tuple(_read_rows(tree.get("overrides", {}), "overrides", _OVERRIDE, now_s, notes)),
        shed=_read_shed(tree.get("shed"), now_s, notes),
        mode=_one(tree, "mode", "INIT", lambda value: isinstance(value, str), notes),
        mode_s=_one(tree, "mode_s", 0, lambda value: _moment(value, now_s), notes),
        alarms=_dict_of(tree, "alarms", lambda value: isinstance(value, dict) and _tree(value), notes),
        lanes=_dict_of(tree, "lanes", _seconds, notes),
        last=_one(tree, "last", {}, lambda value: isinstance(value, dict) and _tree(value), notes),
        errands=tuple(_read_rows(tree.get("errands", {}), "errands", _ERRAND, now_s, notes)),
        settling=_dict_of(tree, "settling", lambda value: _moment(value, now_s), notes),
        units=_read_books(tree, "units", _UNIT, now_s, notes),
    )
    return state, tuple(notes.said)


def of_fields(note: str) -> bool:
    """Whether a note of `unpack_state` tells only that another program keeps other fields."""
    return note.endswith((_MISSING, _LEFT_OUT))


class _Notes:
    """What was odd, at most NOTES_MOST lines of it."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def add(self, note: str) -> None:
        if len(self.said) < NOTES_MOST and note not in self.said:
            self.said.append(note)

    def unknown(self, tree: Mapping[str, Any], fields: Sequence[str], about: str) -> None:
        for name in tree:
            if name not in fields and name != "":
                self.add(f"{about}: unknown field {name!r}{_LEFT_OUT}")


def _natural(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**53


def _moment(value: Any, now_s: int) -> bool:
    """Plant seconds that can have been; now_s 0: plant time is not known, any natural number will do."""
    return _natural(value) and (now_s == 0 or value <= now_s + AHEAD_S)


def _seconds(value: Any) -> bool:
    return (
        not isinstance(value, bool) and isinstance(value, int | float) and math.isfinite(value) and 0 <= value < 86_400
    )


def _tree(value: Any, depth: int = 0) -> bool:
    """Whether JSON's own leaves only, finite and not absurdly deep."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return depth < DEEPEST and all(_tree(inner, depth + 1) for inner in value.values())
    if isinstance(value, list):
        return depth < DEEPEST and all(_tree(inner, depth + 1) for inner in value)
    return True


def _plant_s(tree: dict[str, Any]) -> int:
    last = tree.get("last")
    plant_s = last.get("plant_s") if isinstance(last, dict) else None
    return plant_s if isinstance(plant_s, int) and _natural(plant_s) else 0


Check = Callable[[Any, int], bool]


class _Spec(NamedTuple):
    """How the rows of one type are read. `safest(field, now_s)` is what a bad value falls to; None: the row is lost."""

    make: Callable[..., Any]
    defaults: dict[str, Any]
    fields: tuple[str, ...]
    checks: dict[str, Check]
    safest: Callable[[str, int], Any] | None


def _int(value: Any, _now_s: int) -> bool:
    return _natural(value)


def _str(value: Any, _now_s: int) -> bool:
    return isinstance(value, str)


def _bool(value: Any, _now_s: int) -> bool:
    return isinstance(value, bool)


def _moments(value: Any, now_s: int) -> bool:
    return isinstance(value, list) and all(_moment(at, now_s) for at in value)


def _or_none(check: Check) -> Check:
    return lambda value, now_s: value is None or check(value, now_s)


_BY_TYPE: dict[Any, Check] = {
    int: _int,
    str: _str,
    bool: _bool,
    tuple[int, ...]: _moments,
    int | None: _or_none(_int),
    str | None: _or_none(_str),
}


def _watts(value: Any, _now_s: int) -> bool:
    """Whole watts; a meter shows a few below nothing on what is dark."""
    return type(value) is int and abs(value) < 2**53


def _spec(kind: Any, moments: Sequence[str] = (), safest: Callable[[str, int], Any] | None = None) -> _Spec:
    """Read the checks off the type's own annotations; `moments` are fields that hold plant time, `..._w` hold watts."""
    checks = {name: _BY_TYPE[hint] for name, hint in kind.__annotations__.items()}
    for name, hint in kind.__annotations__.items():
        if name in moments:
            checks[name] = _moment if hint is int else _or_none(_moment)
        elif name.endswith("_w"):
            checks[name] = _watts if hint is int else _or_none(_watts)
    return _Spec(kind, dict(kind._field_defaults), kind._fields, checks, safest)


_LOST: Any = object()
_MINER_PLACES = {"last_start_s", "last_stop_s"}


def _miner_safest(field: str, now_s: int) -> Any:
    """A miner whose book is damaged counts as just switched: its minimum times begin now."""
    return now_s if field in _MINER_PLACES else MinerBook._field_defaults[field]


def _fan_safest(field: str, now_s: int) -> Any:
    """A fan whose book is damaged counts as never proven."""
    return now_s if field == "since_s" else FanBook._field_defaults[field]


def _unit_safest(field: str, now_s: int) -> Any:
    """A unit whose book is damaged counts as just written to."""
    return now_s if field in ("pool_s", "flash_s") else Unit._field_defaults[field]


_UNIT = _spec(Unit, ("pool_s", "flash_s"), _unit_safest)
_ERRAND = _spec(Errand, ("since_s", "sent_s"), lambda _field, _now_s: _LOST)  # a damaged one is not sent again
_MINER = _spec(MinerBook, ("last_start_s", "last_stop_s"), _miner_safest)
_FAN = _spec(FanBook, ("since_s", "proven_s"), _fan_safest)
_CHASE = _spec(Chase, ("began_s", "sent_s"))
_OVERRIDE = _spec(Override)
_SHED = _spec(Shed)


def _read_books(tree: dict[str, Any], name: str, spec: _Spec, now_s: int, notes: _Notes) -> dict[str, Any]:
    columns = tree.get(name, {})
    keys = columns.get("", []) if isinstance(columns, dict) else None
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        notes.add(f"{name}: unreadable, begun anew")
        return {}
    rows = _rows(columns, len(keys), name, spec, now_s, notes)
    return {key: row for key, row in zip(keys, rows, strict=True) if row is not None}


def _read_rows(columns: Any, name: str, spec: _Spec, now_s: int, notes: _Notes) -> list[Any]:
    if not isinstance(columns, dict) or not all(isinstance(column, list) for column in columns.values()):
        notes.add(f"{name}: unreadable, begun anew")
        return []
    count = max((len(column) for column in columns.values()), default=0)
    return [row for row in _rows(columns, count, name, spec, now_s, notes) if row is not None]


def _rows(columns: dict[str, Any], count: int, name: str, spec: _Spec, now_s: int, notes: _Notes) -> list[Any]:
    """`count` rows out of columns; None where a row is lost."""
    notes.unknown(columns, spec.fields, name)
    ready, lost = [], set[int]()
    for field in spec.fields:
        column = columns.get(field)
        if not isinstance(column, list) or len(column) != count:
            if count:
                notes.add(f"{name}: {field}{_MISSING}")
            column = [spec.defaults.get(field, _LOST)] * count
        ready.append(_checked(column, field, name, spec, now_s, notes))
    lost = {place for column in ready for place, value in enumerate(column) if value is _LOST}
    return [None if place in lost else spec.make(*row) for place, row in enumerate(zip(*ready, strict=True))]


def _checked(column: list[Any], field: str, name: str, spec: _Spec, now_s: int, notes: _Notes) -> list[Any]:
    check, default = spec.checks[field], spec.defaults.get(field, _LOST)
    out = []
    for value in column:
        if value is _LOST:
            out.append(value)
        elif isinstance(value, str) and check(value, now_s):
            out.append(intern(value))  # a fleet has a few firmwares thousands of times, and its macs from fleet.csv
        elif isinstance(value, tuple) or check(value, now_s):
            out.append(tuple(value) if isinstance(value, list) else value)
        else:
            notes.add(f"{name}: {field} holds {str(value)[:20]!r}")
            out.append(spec.safest(field, now_s) if spec.safest else default)
    return out


def _read_shed(tree: Any, now_s: int, notes: _Notes) -> Shed | None:
    if tree is None:
        return None
    if not isinstance(tree, dict):
        notes.add("shed: unreadable, begun anew")
        return None
    rows = _rows({field: [value] for field, value in tree.items()}, 1, "shed", _SHED, now_s, notes)
    shed: Shed | None = rows[0]
    return shed


def _one(tree: dict[str, Any], name: str, default: Any, check: Callable[[Any], bool], notes: _Notes) -> Any:
    value = tree.get(name, default)
    if check(value):
        return value
    notes.add(f"{name} holds {str(value)[:20]!r}")
    return default


def _dict_of(tree: dict[str, Any], name: str, check: Callable[[Any], bool], notes: _Notes) -> dict[str, Any]:
    found = _one(tree, name, {}, lambda value: isinstance(value, dict), notes)
    out = {key: value for key, value in found.items() if check(value)}
    if len(out) != len(found):
        notes.add(f"{name}: {len(found) - len(out)} entries unreadable, begun anew")
    return out


def pack_clock(clock: Clock) -> list[Any]:
    """Give a clock as a JSON list, its local time last but in its place."""
    return list(clock)


def unpack_clock(row: Any) -> Clock:
    """Undo `pack_clock`. Raises ValueError."""
    try:
        place = Clock._fields.index("local")
        fields = [*row[:place], Local(*row[place]), *row[place + 1 :]]
        return Clock(**dict(zip(Clock._fields, fields, strict=False)))
    except (TypeError, IndexError) as error:
        raise ValueError(f"unreadable clock: {error}") from error


def pack_image(image: Image) -> dict[str, Any]:
    """Give what can't be derived again: the channels, the clock and the tickets."""
    channels = image.channels
    shared = ((value.why, None if value.source == key else value.source) for key, value in channels.items())
    own = ((value.value for value in channels.values()), (value.at_s for value in channels.values()))
    folded = fold(Rows(channels, shared, own))
    return {"clock": pack_clock(image.clock), "tickets": image.tickets, "channels": folded}


def unpack_image(tree: Any) -> Image:
    """Undo `pack_image`; roles, fans and miners are empty until `freeze` derives them. Raises ValueError."""
    if not isinstance(tree, dict) or not isinstance(tree.get("tickets"), dict):
        raise ValueError("unreadable image")  # noqa: TRY004 - the content is wrong, not the caller
    channels: dict[str, Value] = {}
    same: dict[int | str, Any] = {}  # a fleet says the same moments and texts thousands of times: one object each
    for key, (why, source), (value, at_s) in unfold(tree.get("channels", {})):
        if type(at_s) is not int or isinstance(value, dict | list):
            raise ValueError(f"unreadable channel {key}")
        if type(value) is str or type(value) is int:
            value = same.setdefault(value, value)  # noqa: PLW2901 - the same value
        channels[key] = Value(value, same.setdefault(at_s, at_s), key if source is None else source, why)
    return Image(unpack_clock(tree.get("clock")), channels, {}, (), Miners(), tree["tickets"])
