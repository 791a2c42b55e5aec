"""The fleet unit by unit, as the last tick left it; who is meant by ids and filters; what is asked of them.

Nothing here touches a device: requests go to the tick, which arbitrates. What can be told beforehand is told by the
very function the tick asks.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from difflib import get_close_matches
from typing import Any, NamedTuple

from mine_controller.config.fleet import mac_or_serial
from mine_controller.config.model import Config
from mine_controller.core.asking import take_errand
from mine_controller.core.errands import LASTS_S
from mine_controller.core.freeze import freeze
from mine_controller.core.model.book import Book
from mine_controller.core.model.clock import Clock
from mine_controller.core.model.command import UNKNOWN as UNANSWERED
from mine_controller.core.model.command import Command, Outcome
from mine_controller.core.model.image import Image, Request
from mine_controller.core.model.image import Miners as Columns
from mine_controller.core.model.quantity import QUANTITIES, TEXT_MAX_AGE_S
from mine_controller.core.model.reading import Value
from mine_controller.core.model.wiring import MinerSpec
from mine_controller.core.refusal import Refused
from mine_controller.ops.profiles import Profile
from mine_controller.ops.recall import kept_book
from mine_controller.ops.replies import Wanted
from mine_controller.render.fleet import Unit, units
from mine_controller.store import query

NO_ANSWER = "the tick ended before its answer"
WAITS = "waits"
ALL = "--all"
FOR_EVER_S = 253_402_300_799  # the end of the year 9999
HELD = ("miner", "mode", "pool")  # keys of set-state that name one miner
NUMBERS = (
    "power_w", "hashrate_ths", "chip_c", "board_c", "fan_rpm", "fan_pct", "frequency_mhz", "core_voltage_mv", "limit_w",
    "uptime_s", "accepted_n", "rejected_n", "stale_n",
)  # fmt: skip
TEXTS = ("model", "firmware", "hashrate")
NOTHING = Value(None, 0, "", "never read")


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
    book = kept_book(config.paths)
    policy = config.policy
    if book.image is not None:
        image = freeze(book.image, (), policy.wiring, book.image.clock._replace(rebooted=False))
        book = book._replace(image=image)
    held = {one.key: f"{one.value} by {one.actor}" for one in book.state.overrides}
    stored = {str(row["id"]): row for row in query.miners(config.paths)}
    rows = tuple(_row(unit, book, held, stored.get(unit.spec.id, {})) for unit in units(book, policy.wiring))
    return Miners(rows, newest[0].tick_at if newest else 0, book)


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
    row |= {name: channel(image, spec, name).value for name in ("mode", "pool")}
    return row | {
        "power_w": unit.power_w,
        "hashrate": texts["hashrate"],
        "outlet": spec.outlet or None,
        "outlet_on": {"on": True, "off": False}.get(unit.outlet or ""),
        "nominal_w": spec.nominal_w,
        "starts": unit.book.starts,
        "hours": round(unit.book.run_s / 3600, 1),
        "flags": list(spec.flags),
        "quarantine": unit.book.quarantined or None,
        "held": {key: told for key in HELD if (told := _held(key, spec, held))},
        "open_command": unit.chase or None,
        "takes": list(spec.verbs),
        "modes": list(spec.modes),
        "pools": list(spec.pools),
    }


def _held(key: str, spec: MinerSpec, held: Mapping[str, str]) -> str:
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
    return found._replace(value=None, why=found.why or "too old")


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
    paths = [{"lane": path.lane, "gentle": path.gentle, "proof_s": path.proof_s} for path in spec.paths]
    return row | {"breaker": spec.breaker or None, "phase": spec.phase or None, "ways": paths, "readings": readings}


def _age_s(image: Image | None, value: Value) -> int | None:
    return image.clock.plant_s - value.at_s if image is not None and value.at_s else None


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
    """The row of an id, a mac, a serial or an address. PickError."""
    unit = mac_or_serial(name) or name
    for key, value in (("id", name), ("mac", unit), ("address", name)):
        for row in rows:
            if row[key] == value:
                return row
    raise PickError(f"there is no miner {name[:40]!r}{_near(name, [row['id'] for row in rows])}")


def _near(name: str, known: Sequence[str]) -> str:
    close = get_close_matches(name, known, 3, 0.6)
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
    """Requests to file, and by unit why it can't take what is asked ("" = it can)."""

    wanted: tuple[Wanted, ...]
    cannot: dict[str, str]


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
    return Asking(wanted, cannot)


def cannot_take(config: Config, found: Miners, name: str, what: tuple[str, str]) -> str:
    """Why the tick would refuse this errand to this miner whether it answers or not; "" when it would not."""
    wiring = config.policy.wiring
    image = found.book.image or Image(Clock(1, int(time.time())), {}, {}, (), Columns(), {})
    there = tuple("?" for _ in wiring.miners)  # who does not answer now may answer in the tick: it judges that
    image = image._replace(miners=image.miners._replace(address=there))
    request = Request(0, image.clock.wall_s, "cli", "", "errand", (name, *(word for word in what if word)))
    try:
        take_errand(request, image, found.book.state, config.policy)
    except Refused as refused:
        return str(refused)
    return ""


def hold(found: Miners, filters: Filters, pair: tuple[str, str], reason: str, until: int) -> Asking:
    """set-state of those meant; `pair` is ("miner", "stop"), ("mode", "eco") or ("pool", "main"). PickError."""
    key, value = pair
    chosen = picked(found, filters)
    names = _whole(key, filters, chosen) or tuple(f"{key}.{row['id']}" for row in chosen)
    wanted = tuple(Wanted("set-state", (name, value), reason, until) for name in names)
    return Asking(wanted, dict.fromkeys((row["id"] for row in chosen), ""))


def _whole(key: str, filters: Filters, chosen: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The keys that mean all of a group, or everybody, in one; () where only some are meant."""
    if filters.ids or filters.model or filters.row:
        return ()
    groups = tuple(dict.fromkeys(f"{key}.{row['group']}" for row in chosen))
    if key == "miner":
        return ("miners",) if not filters.group else ()
    return groups


def freed(found: Miners, filters: Filters, reason: str) -> Asking:
    """clear-state of everything a person holds of those meant. PickError."""
    chosen = picked(found, filters)
    keys = {one.key for one in found.book.state.overrides}
    mine = [f"{key}.{row['id']}" for row in chosen for key in HELD]
    mine += [name for key in HELD for name in _whole(key, filters, chosen)]
    wanted = tuple(Wanted("clear-state", (key,), reason) for key in mine if key in keys)
    return Asking(wanted, dict.fromkeys((row["id"] for row in chosen), ""))


def quarantine(found: Miners, filters: Filters, reason: str, *, release: bool) -> Asking:
    """Put those meant into quarantine, or let them out. PickError."""
    chosen = picked(found, filters)
    verb = "release" if release else "quarantine"
    wanted = tuple(Wanted(verb, (row["id"],), reason) for row in chosen if bool(row["quarantine"]) == release)
    return Asking(wanted, dict.fromkeys((row["id"] for row in chosen), ""))


def with_profile(config: Config, found: Miners, filters: Filters, profile: Profile, reason: str) -> Asking:
    """Each setting of the profile to each one meant that is of its kind and takes all of it. PickError."""
    chosen = picked(found, filters)
    cannot = {row["id"]: _no_profile(config, found, row, profile) for row in chosen}
    able = [name for name, why in cannot.items() if not why]
    wanted = tuple(Wanted("errand", (name, *pair), reason) for name in able for pair in profile.errands())
    return Asking(wanted, cannot)


def _no_profile(config: Config, found: Miners, row: Mapping[str, Any], profile: Profile) -> str:
    kind = row["group"].partition(" ")[0]
    if kind != profile.kind:
        return f"{row['id']} is a {kind}, and profile {profile.name} is for {profile.kind}"
    return next(filter(None, (cannot_take(config, found, row["id"], pair) for pair in profile.errands())), "")


# -- what came of it -------------------------------------------------------------------------------------------------


def outcomes(config: Config, after: int, ids: Sequence[str]) -> list[dict[str, Any]]:
    """What the ticks after `after` (wall seconds) sent to these miners: the last outcome by miner, verb and lane."""
    meant = {f"miner {name}" for name in ids}
    told: dict[tuple[str, str, str], dict[str, Any]] = {}
    with suppress(ValueError):  # a damaged record: `minectl doctor` and `audit-ticks` tell; the verdicts stand without
        for recorded in query.records(config.paths, after + 1, FOR_EVER_S):
            answers = {one.command: one for one in recorded.outcomes}
            for command in recorded.commands:
                if command.target in meant:
                    told[command.target, command.verb, command.lane] = _outcome(command, answers.get(command.id))
    return [*told.values(), *_waiting(config, ids, {(one["miner"], one["verb"]) for one in told.values()})]


def _waiting(config: Config, ids: Sequence[str], told: set[tuple[str, str]]) -> list[dict[str, Any]]:
    """Errands of these miners that a person asked for and nobody has sent yet, each with what it waits for."""
    book = kept_book(config.paths)
    specs = {spec.id: spec for spec in config.policy.wiring.miners}
    open_ones = [one for one in book.state.errands if one.request and one.sent_s is None and one.miner in ids]
    return [
        {
            "miner": one.miner,
            "verb": one.verb,
            "value": one.value or None,
            "lane": specs[one.miner].group,
            "verdict": WAITS,
            "why": one.why or _waits_for(book, specs[one.miner], config),
        }
        for one in open_ones
        if one.miner in specs and (one.miner, one.verb) not in told
    ]


def _waits_for(book: Book, spec: MinerSpec, config: Config) -> str:
    """What stands in an errand's way, as far as the last tick shows it."""
    image, state = book.image, book.state
    rest_s = config.policy.wiring.endpoints[spec.group].rest_s if spec.group in config.policy.wiring.endpoints else 0
    if f"miner {spec.id}" in state.chases:
        return "its start or stop is under way"
    if image is not None and state.settling.get(spec.id, 0) > image.clock.plant_s:
        return f"it settles for {state.settling[spec.id] - image.clock.plant_s} s more"
    if image is not None and dict(zip(image.miners.ids, image.miners.address, strict=True)).get(spec.id) is None:
        rests = f"it is read once in {rest_s} s, and is told when it answers" if rest_s else "it does not answer"
        return f"{rests}; given up after {LASTS_S // 60} min"
    return f"it has to be awake, and within what its memory and the power allow; given up after {LASTS_S // 60} min"


def _outcome(command: Command, answer: Outcome | None) -> dict[str, Any]:
    return {
        "miner": command.target.removeprefix("miner "),
        "verb": command.verb,
        "value": command.value or None,
        "lane": command.lane,
        "verdict": answer.verdict if answer is not None else UNANSWERED,
        "why": answer.why if answer is not None else NO_ANSWER,
    }
