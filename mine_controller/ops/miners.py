"""The fleet unit by unit, as the last tick left it; who is meant by ids and filters; what is asked of them.

Nothing here touches a device: requests go to the tick, which arbitrates. What can be told beforehand is told by the
very function the tick asks.
"""

import time
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from mine_controller.config.fleet import mac_or_serial
from mine_controller.config.model import Config
from mine_controller.core.freeze import freeze
from mine_controller.core.miners.asking import take_errand
from mine_controller.core.miners.hearing import told_now
from mine_controller.core.miners.stopless import left, said
from mine_controller.core.model.book import Book
from mine_controller.core.model.clock import Clock
from mine_controller.core.model.image import Image, Request
from mine_controller.core.model.image import Miners as Columns
from mine_controller.core.model.quantity import QUANTITIES, TEXT_MAX_AGE_S
from mine_controller.core.model.reading import Value
from mine_controller.core.model.wiring import MinerSpec
from mine_controller.core.once import Once
from mine_controller.core.refusal import Refused
from mine_controller.ops.profiles import Profile
from mine_controller.ops.recall import held_keys, kept_book
from mine_controller.ops.replies import Wanted
from mine_controller.record import NamedTuple
from mine_controller.render.fleet import Unit, units
from mine_controller.store import query
from mine_controller.store.answered import asked_before

ALL = "--all"
HELD = ("miner", "mode", "pool")  # keys of set-state that name one miner
TOLD = 6  # miners in one note
NUMBERS = (
    "power_w", "hashrate_ths", "chip_c", "board_c", "fan_rpm", "fan_pct", "frequency_mhz", "core_voltage_mv", "limit_w",
    "uptime_s", "accepted_n", "rejected_n", "stale_n",
)  # fmt: skip
TEXTS = ("model", "firmware", "hashrate")
TOO_OLD = "too old"
PLUG = "pull its plug, or write the outlet it hangs on into fleet.csv"
NOTHING = Value(None, 0, "", "never read")
_spec_by = Once(lambda miners: {spec.id: spec for spec in miners})


class PickError(ValueError):
    """Nobody is meant, or nobody by that name; the text is one sentence with the remedy."""


class Miners(NamedTuple):
    """Every listed miner with what is known of it. `tick_at` 0: no tick has run; `book` holds the frozen image."""

    rows: tuple[dict[str, Any], ...]
    tick_at: int
    book: Book


class Filters(NamedTuple):
    """Who is meant: ids (a mac, a serial or an address will do), or everybody that fits all of the rest."""

    ids: tuple[str, ...] = ()
    model: str = ""
    row: str = ""
    group: str = ""
    everybody: bool = False

    @property
    def none(self) -> bool:
        """True when nothing was said."""
        return not (self.ids or self.model or self.row or self.group or self.everybody)


# -- what is known ---------------------------------------------------------------------------------------------------


def miners(config: Config) -> Miners:
    """The fleet as of the last tick. Raises StoreTrouble."""
    newest = query.ticks(config.paths, limit=1)
    book = seen_book(config)
    held = {one.key: f"{one.value} by {one.actor}" for one in book.state.overrides}
    stored = {str(row["id"]): row for row in query.miners(config.paths)}
    shown = units(book, config.policy.wiring)
    rows = tuple(_row(unit, book, held, stored.get(unit.spec.id, {})) for unit in shown)
    holders = _holders(book.image)  # else a word for who stands at an address goes to who stood there once
    rows = tuple(
        row if holders.get((row["group"], row["address"]), row["mac"]) == row["mac"] else row | {"address": None}
        for row in rows
    )
    return Miners(rows, newest[0].tick_at if newest else 0, book)


def _holders(image: Image | None) -> dict[tuple[str, Any], str]:
    """By section and address, the unit that answered there last, be it listed or not."""
    told = image.channels.items() if image is not None else ()
    found = [(value.at_s, key, value.value) for key, value in told if key.endswith(":address")]
    places = ((*key.removesuffix(":address").partition("/"), address) for _, key, address in sorted(found) if address)
    return {(group, address): unit for group, _, unit, address in places}


def seen_book(config: Config) -> Book:
    """The kept book with its columns made anew: they are not kept. Raises StoreTrouble."""
    book = kept_book(config.paths)
    if book.image is None:
        return book
    wiring, clock = config.policy.wiring, book.image.clock._replace(rebooted=False)
    return book._replace(image=freeze(book.image, (), wiring, clock))


def _row(unit: Unit, book: Book, held: Mapping[str, str], stored: Mapping[str, Any]) -> dict[str, Any]:
    spec, image = unit.spec, book.image
    texts = {name: _text(image, spec, name) or stored.get(name) for name in TEXTS}
    row: dict[str, Any] = {
        "id": spec.id,
        "name": spec.name or None,
        "model": texts["model"],
        "firmware": texts["firmware"],
        "mac": spec.mac,
        "group": spec.group,
        "row": spec.row or None,
        "address": unit.address or stored.get("ip"),
        "state": unit.state,
        "word": unit.word,
    }
    row |= {name: channel(image, spec, name).value for name in NUMBERS}
    row["hashrate_ths"] = row["hashrate_ths"] if _tells_now(image, unit, ":hashrate_ths") else None
    row |= {name: channel(image, spec, name).value for name in ("mode", "pool")}
    return row | {
        "power_w": unit.power_w,
        "hashrate": texts["hashrate"] if _tells_now(image, unit, " hashrate:text") else None,
        "outlet": spec.outlet or None,
        "outlet_on": {"on": True, "off": False}.get(unit.outlet or ""),
        "nominal_w": spec.nominal_w,
        "starts": unit.book.starts,
        "hours": round(unit.book.run_s / 3600, 1),
        "flags": list(spec.flags),
        "quarantine": unit.book.quarantined or None,
        "held": {key: told for key in HELD if (told := held_as(key, spec, held))},
        "open_command": unit.chase or None,
        "takes": list(spec.verbs),
        "modes": list(spec.modes),
        "pools": list(spec.pools),
    }


def _tells_now(image: Image | None, unit: Unit, what: str) -> bool:
    """What a unit told before it fell silent is not what it does now; `miners show` has it with its age."""
    place = f"{unit.spec.group}/{unit.spec.mac}"
    return image is not None and not unit.lost and told_now(image.channels, place, what)


def held_as(key: str, spec: MinerSpec, held: Mapping[str, str]) -> str:
    """By whom it is held itself, else with its group or with everybody."""
    return (
        held.get(f"{key}.{spec.id}")
        or held.get(f"{key}.{spec.group}")
        or (held.get("miners", "") if key == "miner" else "")
    )


def channel(image: Image | None, spec: MinerSpec, quantity: str) -> Value:
    """What its own section says of a quantity; value None with the reason when that is not known or too old."""
    found = NOTHING if image is None else image.channels.get(f"{spec.group}/{spec.mac}:{quantity}", NOTHING)
    row = QUANTITIES.get(quantity)
    if image is None or image.clock.plant_s - found.at_s <= (TEXT_MAX_AGE_S if row is None else row.max_age_s):
        return found
    return found._replace(value=None, why=found.why or TOO_OLD)


def _text(image: Image | None, spec: MinerSpec, word: str) -> Any:
    """A text of the unit, however old: what it is does not change; its hash rate in words counts while it is heard."""
    found = NOTHING if image is None else image.channels.get(f"{spec.group}/{spec.mac} {word}:text", NOTHING)
    old = image is not None and word == "hashrate" and image.clock.plant_s - found.at_s > TEXT_MAX_AGE_S
    return None if old else found.value


def everything(config: Config, found: Miners, name: str) -> dict[str, Any]:
    """All of one miner: its row, and every reading of it with its age and reason. PickError."""
    row = picked(found, Filters((name,)))[0]
    spec = next(spec for spec in config.policy.wiring.miners if spec.id == row["id"])
    image = found.book.image
    prefixes = [f"{spec.group}/{spec.mac}", *([spec.outlet] if spec.outlet else [])]
    readings = {
        key: {"value": value.value, "age_s": _age_s(image, value), "why": value.why or None}
        for key, value in sorted(image.channels.items() if image is not None else ())
        if any(key.startswith((f"{prefix}:", f"{prefix} ")) for prefix in prefixes)
    }
    able = left(spec, said(found.book.state.last))
    paths = [
        {"lane": path.lane, "gentle": path.gentle, "proof_s": path.proof_s, "says_none": path not in able}
        for path in spec.paths
    ]
    return row | {"breaker": spec.breaker or None, "phase": spec.phase or None, "ways": paths, "readings": readings}


def _age_s(image: Image | None, value: Value) -> int | None:
    return max(0, image.clock.plant_s - value.at_s) if image is not None and value.at_s else None


# -- who is meant ----------------------------------------------------------------------------------------------------


def picked(found: Miners, filters: Filters) -> tuple[dict[str, Any], ...]:
    """The rows meant, in the order of fleet.csv. PickError."""
    rows = found.rows
    if filters.ids:
        wanted = {_called(rows, name)["id"] for name in filters.ids}
        if filters.model or filters.row or filters.group or filters.everybody:
            raise PickError("name miners, or say --model, --row, --group or --all, but not both")
        return tuple(row for row in rows if row["id"] in wanted)
    if filters.none:
        raise PickError("name a miner, or say --model, --row, --group or --all")
    chosen = tuple(row for row in rows if _fits(row, filters))
    if not chosen:
        raise PickError(f"no miner fits {_said(filters)}; `minectl miners list` shows what there is")
    return chosen


def _called(rows: Sequence[dict[str, Any]], name: str) -> dict[str, Any]:
    """The row of an id, a mac, a serial or an address, whatever its case. PickError."""
    unit = mac_or_serial(name) or name
    for key, value in (("id", name), ("mac", unit), ("address", name)):
        for row in rows:
            if row[key] and row[key].casefold() == value.casefold():
                return row
    raise PickError(f"there is no miner {name[:40]!r}{_near(name, [row['id'] for row in rows])}")


def _near(name: str, known: Sequence[str]) -> str:
    ids = {one.casefold(): one for one in known}
    close = [ids[one] for one in get_close_matches(name.casefold(), ids, 3, 0.6)]
    return f"; did you mean {' or '.join(close)}?" if close else "; `minectl miners list` shows them"


def _fits(row: Mapping[str, Any], filters: Filters) -> bool:
    if filters.model and filters.model.casefold() not in str(row["model"] or "").casefold():
        return False
    group = " ".join(filters.group.split())
    return (not filters.row or row["row"] == filters.row) and (not group or row["group"] == group)


def _said(filters: Filters) -> str:
    parts = [("--model", filters.model), ("--row", filters.row), ("--group", filters.group)]
    return " ".join(f"{option} {value}" for option, value in parts if value) or ALL


def selectors(filters: Filters, chosen: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """How a request calls those meant: one selector where one says it, else each by id."""
    said = [("model", filters.model), ("row", filters.row), ("group", " ".join(filters.group.split()))]
    named = [f"{key}={value}" for key, value in said if value]
    if filters.everybody and not named:
        return (ALL,)
    return tuple(named) if len(named) == 1 else tuple(row["id"] for row in chosen)


# -- what is asked ---------------------------------------------------------------------------------------------------


class Asking(NamedTuple):
    """Requests to file, by unit why it can't take what is asked ("" = it can), and what to know beforehand."""

    wanted: tuple[Wanted, ...]
    cannot: dict[str, str]
    notes: tuple[str, ...] = ()


def errand(
    config: Config, found: Miners, filters: Filters, what: tuple[str, str], reason: str, only: Sequence[str] = ()
) -> Asking:
    """`what` is (verb, value). `only`: of those meant, these ids alone. PickError when nobody is meant."""
    chosen = [row for row in picked(found, filters) if not only or row["id"] in only]
    cannot = {row["id"]: cannot_take(config, found, row["id"], what) for row in chosen}
    whom = selectors(filters, chosen)
    if only or any(cannot.values()):
        whom = tuple(name for name, why in cannot.items() if not why)
    wanted = tuple(Wanted("errand", (name, *(word for word in what if word)), reason) for name in whom)
    return Asking(wanted, cannot, _goes_back([row for row in chosen if not cannot[row["id"]]], what))


def _goes_back(able: Sequence[Mapping[str, Any]], *told: tuple[str, str]) -> tuple[str, ...]:
    """What does not last on a miner that a person holds in another mode, or on another pool."""
    keys = {"mode": "mode", "tune": "mode", "pool": "pool"}
    held = [
        (row["id"], key, hold.partition(" ")[0])
        for row in able
        for verb, value in told
        if (key := keys.get(verb, "")) and (hold := row["held"].get(key)) and hold.partition(" ")[0] != value
    ]
    if not held:
        return ()
    name, key, value = held[0]
    more = f"; so with {len(held) - 1} more" if len(held) > 1 else ""
    return (f"{name} is held in {key} {value} and goes back, unless `minectl miners auto {name}` ends it{more}",)


def cannot_take(config: Config, found: Miners, name: str, what: tuple[str, str]) -> str:
    """Why the tick would refuse this errand to this miner whether it answers or not; "" when it would not."""
    spec = _spec_by(config.policy.wiring.miners)[name]
    image = found.book.image or Image(Clock(1, int(time.time())), {}, {}, (), Columns(), {})
    there = image.miners._replace(address=("?",))  # who does not answer now may answer in the tick: it judges that
    image = image._replace(miners=there)
    policy = config.policy._replace(wiring=config.policy.wiring._replace(miners=(spec,)))  # or 10,000 look at 10,000
    request = Request(0, image.clock.wall_s, "cli", "", "errand", (name, *(word for word in what if word)))
    try:
        take_errand(request, image, found.book.state, policy)
    except Refused as refused:
        return str(refused)
    return ""


def hold(config: Config, found: Miners, filters: Filters, pair: tuple[str, str], reason: str, until: int) -> Asking:
    """set-state of those meant; `pair` is ("miner", "stop"), ("mode", "eco") or ("pool", "main"). PickError.

    It is a level: who is merely silent is held as well, and told when it answers.
    """
    key, value = pair
    chosen = picked(found, filters)
    cannot = {row["id"]: _no_hold(config, found, row, pair) for row in chosen}
    able = [row for row in chosen if not cannot[row["id"]]]
    names = _whole(key, filters, able) or tuple(f"{key}.{row['id']}" for row in able)
    wanted = tuple(Wanted("set-state", (name, value), reason, until) for name in names)
    notes = _deaf(config, found, able) if pair == ("miner", "stop") else ()
    return Asking(wanted if able else (), cannot, notes)


def _no_hold(config: Config, found: Miners, row: Mapping[str, Any], pair: tuple[str, str]) -> str:
    """Why nothing could ever come of holding this miner so; "" when something can."""
    name = str(row["id"])
    if pair == ("miner", "stop"):
        return _no_stop(config, name)
    if pair == ("miner", "run"):
        return _no_start(row)
    return cannot_take(config, found, name, pair) if pair[0] in ("mode", "pool") else ""


def _no_start(row: Mapping[str, Any]) -> str:
    """What keeps it off for as long as nobody takes it away: no wish goes before these. One that runs, runs on."""
    if row["state"] == "running":
        return ""
    mark = next((flag for flag in ("maintenance", "spare") if flag in row["flags"]), "")
    if mark:
        return f"{row['id']} is marked {mark} in fleet.csv, and is not started before that is taken out"
    if row["quarantine"]:
        return f"{row['id']} is in quarantine ({row['quarantine']}): `minectl release {row['id']}` lets it out"
    return ""


def _no_stop(config: Config, name: str) -> str:
    """Why there is no way to stop it: neither its own word, nor a second gentle way, nor an outlet."""
    wiring = config.policy.wiring
    spec = _spec_by(wiring.miners)[name]
    if not spec.paths:
        return f"{name} ({spec.group}) has no stop, and fleet.csv knows no outlet of it: {PLUG}"
    if all(path.lane in wiring.lanes and not wiring.lanes[path.lane].live for path in spec.paths):
        return f"{name}: {' and '.join(f'[{path.lane}]' for path in spec.paths)} has live = no: nothing is sent"
    return ""


def _deaf(config: Config, found: Miners, rows: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Who of these has said that it knows no stop, and hangs on nothing that could cut it. It is told all the same: its
    firmware, or what was set there, may be another by now.
    """
    known, specs = said(found.book.state.last), _spec_by(config.policy.wiring.miners)
    units = [specs[row["id"]] for row in rows] if known else []
    return tuple(
        f"{spec.id} ({spec.group}) has said that it knows no stop over the network, and fleet.csv knows no outlet of "
        f"it: it is told once more, and if it still knows none, {PLUG}"
        for spec in units
        if not left(spec, known)
    )


def _whole(key: str, filters: Filters, chosen: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The keys that mean all of a group, or everybody, in one; () where only some are meant."""
    if filters.ids or filters.model or filters.row:
        return ()
    groups = tuple(dict.fromkeys(f"{key}.{row['group']}" for row in chosen))
    if key == "miner":
        return ("miners",) if not filters.group else ()
    return groups


def freed(config: Config, found: Miners, filters: Filters, reason: str, of: Sequence[str] = HELD) -> Asking:
    """clear-state of everything a person holds of those meant, or has asked to hold; `of`: of that alone ("miner": off
    or on). PickError, StoreTrouble.
    """
    chosen = picked(found, filters)
    keys = held_keys(config.paths)
    mine = [f"{key}.{row['id']}" for row in chosen for key in of]
    mine += [name for key in of for name in _whole(key, filters, chosen)]
    wanted = tuple(Wanted("clear-state", (key,), reason) for key in mine if key in keys)
    shared = sorted(keys.difference(mine))
    notes = tuple(note for key in shared if (note := _held_with_others(key, chosen, of)))
    return Asking(wanted, dict.fromkeys((row["id"] for row in chosen), ""), notes)


def _held_with_others(key: str, chosen: Sequence[Mapping[str, Any]], of: Sequence[str]) -> str:
    """Who of them stays held with a whole group, or with everybody; "" when none does."""
    names = [row["id"] for row in chosen if key in ("miners", *(f"{one}.{row['group']}" for one in of))]
    if not names:
        return ""
    whom = f"{', '.join(names[:TOLD])}{' and others' if len(names) > TOLD else ''}"
    return f'still held by {key}: {whom}; `minectl clear-state "{key}"` ends it for all that it holds'


def quarantine(config: Config, found: Miners, filters: Filters, reason: str, *, release: bool) -> Asking:
    """Put those meant into quarantine, or let them out. PickError, StoreTrouble."""
    chosen = picked(found, filters)
    cannot = {row["id"]: "" if release else _no_stop(config, row["id"]) for row in chosen}
    verb, other = ("release", "quarantine") if release else ("quarantine", "release")
    turned = {name for one in asked_before(config.paths) if one.verb == other for name in one.args}  # a moment ago
    able = [row for row in chosen if not cannot[row["id"]]]
    todo = [row["id"] for row in able if bool(row["quarantine"]) == release or turned & {row["id"], ALL}]
    notes = () if release else _deaf(config, found, [row for row in chosen if row["id"] in todo])
    return Asking(tuple(Wanted(verb, (name,), reason) for name in todo), cannot, notes)


def with_profile(config: Config, found: Miners, filters: Filters, profile: Profile, reason: str) -> Asking:
    """Each setting of the profile to each one meant that is of its kind and takes all of it. PickError."""
    chosen = picked(found, filters)
    cannot = {row["id"]: _no_profile(config, found, row, profile) for row in chosen}
    able = [name for name, why in cannot.items() if not why]
    wanted = tuple(Wanted("errand", (name, *pair), reason) for name in able for pair in profile.errands())
    return Asking(wanted, cannot, _goes_back([row for row in chosen if row["id"] in able], *profile.errands()))


def _no_profile(config: Config, found: Miners, row: Mapping[str, Any], profile: Profile) -> str:
    kind = row["group"].partition(" ")[0]
    if kind != profile.kind:
        return f"{row['id']} is a {kind}, and profile {profile.name} is for {profile.kind}"
    return next(filter(None, (cannot_take(config, found, row["id"], pair) for pair in profile.errands())), "")
