"""What came of what miners were told: each outcome, and by miner what still waits and for what.

Sent is not done, and what nobody sent is not done either: whoever was asked for something and told nothing has a line.
"""

import time
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from mine_controller.config.model import Config
from mine_controller.core.miners.errands import (
    AWAKE,
    BLIND_APART_S,
    DONE,
    FLASH,
    FLASH_APART_S,
    HEAVY,
    LASTS_S,
    NEW,
    POOL_APART_S,
    raises,
)
from mine_controller.core.miners.wanted import SETTINGS
from mine_controller.core.model.book import Book
from mine_controller.core.model.command import UNKNOWN as UNANSWERED
from mine_controller.core.model.command import UNSUPPORTED, Command, Outcome
from mine_controller.core.model.image import Image
from mine_controller.core.model.reason import Reason
from mine_controller.core.model.wiring import MinerSpec
from mine_controller.core.wording.words import sentence
from mine_controller.ops.miners import NOTHING, PLUG, TOO_OLD, channel, held_as, seen_book
from mine_controller.record import NamedTuple
from mine_controller.render.fleet import Unit, units
from mine_controller.store import query

NO_ANSWER = "the tick ended before its answer"
ANSWERS_S = 60  # how long answers of a round are waited for; a stage of commands has less than that
WAITS, RESTS = "waits", "rests"  # rests: asked and in force, and it comes by itself
FOR_EVER_S = 253_402_300_799  # the end of the year 9999
OFF = ("stopped", "quarantined")  # measured, or by its own word where nothing measures it
LATER = "its turn comes in one of the next ticks"
NOBODY = "nobody answers as this unit"
GIVEN_UP = f"given up after {LASTS_S // 60} min"
Told = set[tuple[str, str]]


class _Waiting(NamedTuple):
    """Something asked of a miner that nobody has sent: until when it counts is in `ends`, "" = it is a level."""

    miner: str
    verb: str
    value: str
    ends: str = ""
    why: str = ""
    verdict: str = WAITS


def answered(
    look: Callable[[], list[dict[str, Any]]], pause: Callable[[float], None] | None = None, most_s: int = ANSWERS_S
) -> list[dict[str, Any]]:
    """What came of it, once no command waits for its answer; after `most_s` s as it stands.

    Where the round of a tick that was at work took a request, its verdict stands before its commands are answered.
    """
    came = look()
    for _ in range(most_s):
        if all(one["why"] != NO_ANSWER for one in came):
            break
        (pause or time.sleep)(1)
        came = look()
    return came


def outcomes(config: Config, after: int, ids: Sequence[str]) -> list[dict[str, Any]]:
    """What the ticks after `after` (wall seconds) sent to these miners: the last outcome by miner, verb and lane.

    Behind them what waits: errands of a person, and what a person holds them to and nobody has told them yet.
    """
    meant = {f"miner {name}" for name in ids}
    told: dict[tuple[str, str, str], dict[str, Any]] = {}
    with suppress(ValueError):  # a damaged record: `minectl doctor` and `audit-ticks` tell; the verdicts stand without
        for recorded in query.records(config.paths, after + 1, FOR_EVER_S):
            answers = {one.command: one for one in recorded.outcomes}
            for command in recorded.commands:
                if command.target in meant:
                    told[command.target, command.verb, command.lane] = _outcome(command, answers.get(command.id))
    rows = _to_unplug(config, [*told.values()])
    return [*rows, *_waiting(config, ids, {(one["miner"], one["verb"]) for one in rows})]


def _to_unplug(config: Config, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same; of a stop that a unit does not know and nothing else can do, what a person can."""
    none = {(one["miner"], one["lane"]) for one in rows if (one["verb"], one["verdict"]) == ("stop", UNSUPPORTED)}
    if not none:
        return [*rows]
    specs = [spec for spec in config.policy.wiring.miners if spec.paths]
    alone = {spec.id for spec in specs if all((spec.id, path.lane) in none for path in spec.paths)}
    return [
        one | {"why": f"{one['why'] or 'it knows no stop'}; nothing else can stop it: {PLUG}"}
        if one["miner"] in alone and one["verb"] == "stop"
        else one
        for one in rows
    ]


def _outcome(command: Command, answer: Outcome | None) -> dict[str, Any]:
    return {
        "miner": command.target.removeprefix("miner "),
        "verb": command.verb,
        "value": command.value or None,
        "lane": command.lane,
        "verdict": answer.verdict if answer is not None else UNANSWERED,
        "why": answer.why if answer is not None else NO_ANSWER,
    }


# -- what waits ------------------------------------------------------------------------------------------------------


def _waiting(config: Config, ids: Sequence[str], told: Told) -> list[dict[str, Any]]:
    """What a person asked of these miners and nobody has sent, each with what it waits for."""
    book, meant = seen_book(config), set(ids)
    held = {one.key: one.value for one in book.state.overrides}
    took = {(one.miner, one.verb, one.value) for one in book.state.errands if one.answer in DONE}
    shown = [unit for unit in units(book, config.policy.wiring) if unit.spec.id in meant]
    asked = {
        unit.spec.id: [
            *_stops(unit, held, told),
            *_starts(config, book.image, unit, held),
            *_settings(book, unit, held, took),
        ]
        for unit in shown
    }
    for one in book.state.errands:
        if one.request and one.sent_s is None and one.miner in asked:
            asked[one.miner].insert(0, _Waiting(one.miner, one.verb, one.value, GIVEN_UP, one.why))
    return [
        {
            "miner": one.miner,
            "verb": one.verb,
            "value": one.value or None,
            "lane": unit.spec.group,
            "verdict": one.verdict,
            "why": one.why or _waits_for(book, unit, one, config),
        }
        for unit in shown
        for one in asked[unit.spec.id]
        if (one.miner, one.verb) not in told
    ]


def _stops(unit: Unit, held: Mapping[str, str], told: Told) -> Iterator[_Waiting]:
    """A stop, or quarantine, that neither the unit nor its outlet was told of, and that is not seen done."""
    name = unit.spec.id
    wanted = held_as("miner", unit.spec, held) == "stop" or bool(unit.book.quarantined)
    cut = unit.power_w is None and unit.outlet == "off"  # all that can be known behind an outlet without a meter
    if wanted and unit.state not in OFF and not cut and (name, "off") not in told:
        yield _Waiting(name, "stop", "")


def _starts(config: Config, image: Image | None, unit: Unit, held: Mapping[str, str]) -> Iterator[_Waiting]:
    """A start of a unit that nobody can tell, or that has to rest first. One that another limit holds back has no line:
    it is a wish, and counts.
    """
    if held_as("miner", unit.spec, held) == "run" and unit.state != "running":
        why = _unheard(config, image, unit.spec)
        if why:
            yield _Waiting(unit.spec.id, "run", "", why=f"{why}; it may start when it does")
        elif image is not None and unit.state == "stopped":
            left_s = _rests_s(config, image.clock.plant_s, unit)
            if left_s > 0:
                why = sentence(Reason("wear", "min_off", (("left_s", left_s),)))
                yield _Waiting(unit.spec.id, "run", "", why=why, verdict=RESTS)


def _rests_s(config: Config, now_s: int, unit: Unit) -> int:
    """How long the wear rule keeps it off after its last stop, as of the last tick; other reasons `explain` tells."""
    rest_s = int(getattr(config.policy.rules.get("wear"), "min_off_s", 0))
    return unit.book.last_stop_s + rest_s - now_s if unit.book.last_stop_s else 0


def _settings(
    book: Book, unit: Unit, held: Mapping[str, str], took: Container[tuple[str, str, str]]
) -> Iterator[_Waiting]:
    """A mode or pool it is held to that it neither shows, nor was told lately where it tells nobody."""
    spec, known = unit.spec, book.state.units.get(unit.spec.id, NEW)
    for verb, words in zip(SETTINGS, (spec.modes, spec.pools), strict=True):
        value = held_as(verb, spec, held)
        if verb not in spec.verbs or value not in words or book.image is None:
            continue
        now = channel(book.image, spec, verb).value
        if (spec.id, verb, value) in took:
            continue  # and was not read since
        sent_s = known.flash_s if verb == "mode" else known.pool_s
        if now == value or (now is None and sent_s and book.image.clock.plant_s - sent_s < BLIND_APART_S):
            continue
        yield _Waiting(spec.id, verb, value)


def _waits_for(book: Book, unit: Unit, asked: _Waiting, config: Config) -> str:
    """What stands in the way, as far as the last tick shows it, and what becomes of it."""
    if asked.verb == "stop":
        return stop_waits(config, book.image, unit.spec) or unit.chase or LATER
    ends = asked.ends or "told when that is over"
    if f"miner {unit.spec.id}" in book.state.chases:
        return f"its start or stop is under way; {ends}"
    why = silent(config, book.image, unit.spec)
    if why:
        return f"{why}; {asked.ends or 'told when it does'}"
    return f"{_in_the_way(book, unit, asked)}; {ends}"


def silent(config: Config, image: Image | None, spec: MinerSpec) -> str:
    """Why it can't be spoken to, "" when it can: commands go to where it answered last, some minutes long."""
    endpoint = config.policy.wiring.endpoints.get(spec.group)
    found = channel(image, spec, "address")
    if found.value is not None:
        return ""
    if found.why not in ("", NOTHING.why, TOO_OLD):
        return f"{NOBODY} ({found.why})"
    if endpoint is not None and endpoint.rest_s and found.why == NOTHING.why:
        return f"nobody answered as this unit yet, and it is asked once in {endpoint.rest_s} s"
    return NOBODY


def stop_waits(config: Config, image: Image | None, spec: MinerSpec) -> str:
    """What a stop of it waits for where nobody answers and nothing else can cut it; "" where it can be told."""
    why = _unheard(config, image, spec)
    return f"{why}; it is stopped when it does" if why else ""


def _unheard(config: Config, image: Image | None, spec: MinerSpec) -> str:
    """Why nobody can tell it to run or to stop: it does not answer, and nothing else reaches it. "" where it can."""
    alone = all(path.lane == spec.group for path in spec.paths)
    return silent(config, image, spec) if alone else ""


def _in_the_way(book: Book, unit: Unit, asked: _Waiting) -> str:
    """What an answering miner waits for: the rules that `core/errands` sends by, as far as they are cheap to tell."""
    image, state, spec = book.image, book.state, unit.spec
    now_s = image.clock.plant_s if image is not None else 0
    known = state.units.get(spec.id, NEW)
    settles_s = state.settling.get(spec.id, 0) - now_s
    if settles_s > 0:
        return f"it settles for {settles_s} s more"
    if asked.verb in HEAVY and (unit.state in OFF or unit.word not in (*AWAKE, None)):
        return f"it is {unit.word if unit.word not in (*AWAKE, None) else 'off'}, and this needs it awake"
    if asked.verb == "pool" and known.pool_s and now_s - known.pool_s < POOL_APART_S:
        return f"its pool was changed a moment ago: {POOL_APART_S - now_s + known.pool_s} s more"
    spared_s = FLASH_APART_S - now_s + known.flash_s if known.flash_s and asked.verb in FLASH else 0
    if spared_s > 0 and not _lowers(image, spec, asked, known.wrote):
        return f"its flash memory is written at most every {FLASH_APART_S // 60} min: {spared_s} s more"
    lately = channel(image, spec, "address").why
    if lately:
        return f"it did not answer when it was last asked ({lately})"
    first = next((one for one in state.errands if (one.miner, one.sent_s) == (spec.id, None) and one.request), None)
    if first is not None and (first.verb, first.value) != (asked.verb, asked.value) and asked.verb in HEAVY:
        return f"{first.verb} {first.value}".strip() + " was asked for before it and goes first"
    return "its turn comes within what the step, its lane and the power allow"


def _lowers(image: Image | None, spec: MinerSpec, asked: _Waiting, wrote: str) -> bool:
    """A lower mode does not wait for the flash memory, once."""
    now = channel(image, spec, "mode").value
    return asked.verb == "mode" and wrote != f"mode {asked.value}" and not raises(spec, "mode", asked.value, now)
