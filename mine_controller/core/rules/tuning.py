"""Tuning, for those who ask for it: each [tuning NAME] lists miners that look for their own best setting.

One miner of a section at a time, and only while it hashes undisturbed; the search itself is `core/miners/tuning.py`.
Boards that take a clock are stepped in MHz and mV, others by their modes. Every setting is a write to flash and keeps
to the budget of all of them, but for one that cools. A miner that is tuned is in no band's mode: its best setting takes
their place. One that is taken off the list, or whose section is taken out of the config, is put back to the setting it
had before.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from mine_controller.core.miners.errands import COOLS, seen
from mine_controller.core.miners.tuning import (
    GAP_S,
    OVERHEAT_K,
    Limits,
    Look,
    Setting,
    Step,
    can_cool,
    is_beyond,
    retreat,
    step,
    undo,
)
from mine_controller.core.miners.units import exact_w
from mine_controller.core.model.reason import ECONOMICS, Advice, Event, Reason, Wish
from mine_controller.core.model.wiring import MinerSpec
from mine_controller.core.option import option
from mine_controller.core.view import View
from mine_controller.record import NamedTuple

LAYER = ECONOMICS
NEEDS = ()
CALM_S = 1200  # a miner just started warms for some minutes more
PATIENCE_S = 3600  # one that can't be looked at for so long lets the next one go on
FRESH_S = 400
DAY_S = 86_400
MEASURED = ("nerdqaxe",)  # their page tells the voltage that is measured, not the one that is set


class Section(NamedTuple):
    """One [tuning NAME]."""

    miners: tuple[str, ...] = option((), help="miners or whole sections of them", example="bitaxe shelf")
    goal: str = option("efficiency", choices=("efficiency", "rate"), help="fewest joules per terahash, or most hashes")
    chip_max_c: int = option(65, unit="°C", low=40, high=105, help="a setting that heats chips above this is not kept")
    window_s: int = option(1500, unit="s", low=600, high=7200, help="how long each setting is looked at")
    better_pct: float = option(1.0, unit="%", low=0.2, high=20, help="less than this is no improvement")
    short_pct: float = option(5.0, unit="%", low=1, high=30, help="so much less than its clock promises is unstable")
    reject_pct: float = option(3.0, unit="%", low=0.5, high=50, help="more rejected shares are too many")
    step_mhz: int = option(25, unit="MHz", low=5, high=100, help="one step of the clock")
    step_mv: int = option(20, unit="mV", low=5, high=50, help="one step of the voltage, only ever downwards")
    lowest_mhz: int = option(400, unit="MHz", low=50, high=2000, help="no clock below this is tried")
    highest_mhz: int = option(600, unit="MHz", low=50, high=2000, help="and none above this")
    lowest_mv: int = option(1060, unit="mV", low=600, high=20_000, help="no voltage below this is tried")
    again_d: int = option(30, unit="d", low=1, high=400, help="after so many days it is looked for anew")


class Task(NamedTuple):
    """A section with its name."""

    name: str
    section: Section


class Options(NamedTuple):
    """Filled with the [tuning NAME] sections; without one nothing is ever tuned."""

    sections: tuple[Task, ...] = option((), kind="sections", help="filled with the [tuning NAME] sections")


SECTION = Section


def with_sections(options: Options, sections: Iterable[tuple[str, Section]]) -> Options:
    """The options with every section, in the order of the file."""
    return options._replace(sections=tuple(Task(name, section) for name, section in sections))


def holds(memory: dict[str, Any]) -> bool:
    """True while somebody may have to be put back: the rule is asked then also where the config has no section."""
    return bool(memory.get("books"))


def check(options: Options | Section) -> list[str]:
    """What is wrong with one section, as sentences."""
    if isinstance(options, Options) or options.lowest_mhz < options.highest_mhz:
        return []
    return ["highest_mhz: must be above lowest_mhz"]


def advise(view: View, memory: dict[str, Any], options: Options) -> Advice:
    """Settings as wishes, one miner of a section in motion at a time."""
    books: dict[str, Any] = {name: dict(book) for name, book in (memory.get("books") or {}).items()}
    turns: dict[str, Any] = dict(memory.get("turns") or {})
    tasks = _tasks(view, options) if options.sections else {}
    if not tasks and not books:
        return Advice(memory={"books": {}, "turns": {}})
    wishes: list[Wish] = []
    events: list[Event] = []
    for group in dict.fromkeys(spec.group for spec in view.wiring.miners):
        mine = [spec for spec in view.wiring.miners if spec.group == group]
        _turn(view, mine, tasks, books, turns)
        for spec in [one for one in mine if one.id in tasks or one.id in books]:
            wishes += _one(view, spec, tasks.get(spec.id), books, events, moving=turns.get(group, {}).get("id"))
    known = {spec.id for spec in view.wiring.miners}
    return Advice((), tuple(wishes), tuple(events),
                  {"books": {name: book for name, book in books.items() if name in known}, "turns": turns})  # fmt: skip


def _tasks(view: View, options: Options) -> dict[str, Section]:
    """By miner the section that lists it, its own name before that of its group; only those that can be set."""
    found: dict[str, Section] = {}
    for spec in view.wiring.miners:
        for name in (spec.group, spec.id):
            for task in options.sections:
                if name in task.section.miners and {"tune", "mode"} & set(spec.verbs):
                    found[spec.id] = task.section
    return found


def _by_clock(spec: MinerSpec) -> bool:
    return "tune" in spec.verbs


def _turn(
    view: View, mine: list[MinerSpec], tasks: dict[str, Section], books: dict[str, Any], turns: dict[str, Any]
) -> None:
    """Whose turn it is in this section: kept until it is through, or can't be looked at for too long."""
    if not mine or not any(spec.id in tasks for spec in mine):
        turns.pop(mine[0].group if mine else "", None)
        return
    group, now_s = mine[0].group, view.now_s
    listed = [spec for spec in mine if spec.id in tasks]
    warm = {spec.id: _coolable_c(view, spec, tasks[spec.id], books.get(spec.id)) for spec in listed}
    open_ = [spec for spec in listed if _is_open(books.get(spec.id), tasks[spec.id], now_s, warm[spec.id])]
    turn = turns.get(group) or {}
    steady = {spec.id for spec in open_ if _steady(view, spec)}
    if turn.get("id") in steady:
        turn = turn | {"seen_s": now_s}
    elif turn.get("id") not in {spec.id for spec in open_} or now_s - int(turn["seen_s"]) > PATIENCE_S:
        first = next((spec.id for spec in open_ if spec.id in steady), "")
        turn = {"id": first, "seen_s": now_s} if first else {}
    turns[group] = turn
    if not turn:
        turns.pop(group)


def _is_open(book: dict[str, Any] | None, section: Section, now_s: int, chip_c: float | None = None) -> bool:
    """Whether there is anything to be found out about it: of one that is through when that was long ago, or when its
    chips are far too hot with what was found, in another season or under another limit."""
    if not book:
        return True
    if book["phase"] == "done":
        hot = chip_c is not None and chip_c > section.chip_max_c + OVERHEAT_K
        return hot or bool(now_s - int(book["done_s"]) >= section.again_d * DAY_S)
    return bool(book["phase"] != "left")


def _coolable_c(view: View, spec: MinerSpec, section: Section, book: dict[str, Any] | None) -> float | None:
    """How warm its chips are, where a cooler setting may be tried."""
    able = book and can_cool(book, _limits(spec, section, book))
    return _number(view, spec, "chip_c") if able else None


def _one(
    view: View, spec: MinerSpec, section: Section | None, books: dict[str, Any], events: list[Event], moving: Any
) -> Iterator[Wish]:
    """One miner's look and what is wanted of it."""
    book = books.get(spec.id) or {}
    look = _look(view, spec)
    if section is None:
        taken = undo(book, look) if book else Step({}, None)
    elif is_beyond(book, _limits(spec, section, book)):
        taken = retreat(book, look)
    elif moving == spec.id:
        anew = _anew(book, section, view.now_s, _coolable_c(view, spec, section, book))
        taken = step(anew, look, _limits(spec, section, book or {"now": look.at}))
    else:
        taken = Step(book, _wanted(book))
    if taken.code:
        events.append(_event(spec, taken))
    books.pop(spec.id, None)
    if taken.book:
        books[spec.id] = taken.book
    if section is not None or taken.book:
        yield from _wishes(spec, taken)


def _wanted(book: dict[str, Any]) -> Setting | None:
    """What was asked for and not seen yet, of one that lost its turn meanwhile."""
    return (book["now"][0], book["now"][1]) if book and book["phase"] in ("set", "back") else None


def _anew(book: dict[str, Any], section: Section, now_s: int, chip_c: float | None = None) -> dict[str, Any]:
    """A search that was through begins again from its best setting; home stays home."""
    if not book or book["phase"] != "done" or not _is_open(book, section, now_s, chip_c):
        return book
    return {name: book[name] for name in ("home", "now")} | {
        "phase": "look", "move": 0, "seen_s": 0, "sum_ws": 0, "sum_mth": 0, "chip_c": 0.0, "at_s": 0, "away": 0,
        "acc": None, "rej": None, "again": 1,
    }  # fmt: skip


def _wishes(spec: MinerSpec, taken: Step) -> Iterator[Wish]:
    """A clock is asked for once; a mode is a level. Either takes the place of what a band says of its mode."""
    book = taken.book
    code = "holds" if taken.want is None else COOLS if book.get("why") == "hot" else "wants"
    if _by_clock(spec):
        value = "" if taken.want is None else clock_text(taken.want)
        yield Wish(ECONOMICS, f"tune {spec.id}", value, Reason("tuning", code, (("miner", spec.id), ("to", value))))
    elif book and book["phase"] != "left" and 0 <= book["now"][0] < len(spec.modes):
        mode = spec.modes[book["now"][0]]
        yield Wish(ECONOMICS, f"mode {spec.id}", mode, Reason("tuning", code, (("miner", spec.id), ("to", mode))))


def clock_text(setting: Setting) -> str:
    """The value of the verb `tune`."""
    volts = f" core_voltage_mv={setting[1]}" if setting[1] else ""
    return f"frequency_mhz={setting[0]}{volts}"


def _event(spec: MinerSpec, taken: Step) -> Event:
    book = taken.book
    now = book.get("now") or [0, 0]
    shown = clock_text((now[0], now[1])) if _by_clock(spec) else spec.modes[now[0]] if now[0] < len(spec.modes) else "?"
    numbers: tuple[tuple[str, int | float | str], ...] = (("miner", spec.id), ("to", shown), ("why", taken.why))
    numbers += (("was", round(int(book.get("dj0") or 0) / 1000, 1)), ("now", round(int(book.get("dj") or 0) / 1000, 1)))
    code = "tries_after" if taken.code == "tries" and taken.why else taken.code
    kind = {"done": "tuning_done", "left": "tuning_left"}.get(taken.code, "tuning_step")
    severity = "warning" if taken.code == "left" else "info"
    return Event(kind, severity, spec.id, Reason("tuning", code, numbers))


# -- what is seen -----------------------------------------------------------------------------------------------------


def _number(view: View, spec: MinerSpec, quantity: str) -> float | None:
    told = view.image.channels.get(f"{spec.group}/{spec.mac}:{quantity}")
    if told is None or told.why or not isinstance(told.value, int | float) or view.now_s - told.at_s > FRESH_S:
        return None
    return float(told.value)


def _count(view: View, spec: MinerSpec, quantity: str) -> int | None:
    found = _number(view, spec, quantity)
    return None if found is None else int(found)


def _steady(view: View, spec: MinerSpec) -> bool:
    """It runs for a while, hashes by its own word, and nothing is under way with it."""
    at, state = _column(view, spec), view.state
    book = state.miners.get(spec.id)
    if at is None or not view.fleet.on[at] or view.image.miners.word[at] != "hashing" or book is None:
        return False
    if f"miner {spec.id}" in state.chases or state.settling.get(spec.id, 0) > view.now_s:
        return False
    return not book.last_start_s or view.now_s - book.last_start_s >= CALM_S


def _column(view: View, spec: MinerSpec) -> int | None:
    return next((at for at, one in enumerate(view.wiring.miners) if one.id == spec.id), None)


def _look(view: View, spec: MinerSpec) -> Look:
    column = _column(view, spec)
    watts = exact_w(view.image, spec, column) if column is not None else None
    return Look(
        view.now_s,
        _setting(view, spec),
        _steady(view, spec),
        watts,
        _number(view, spec, "hashrate_ths"),
        _number(view, spec, "chip_c"),
        _count(view, spec, "accepted_n"),
        _count(view, spec, "rejected_n"),
        max(GAP_S, 2 * view.image.clock.tick_s),
        column is not None and not view.fleet.on[column],
    )


def _setting(view: View, spec: MinerSpec) -> Setting | None:
    if _by_clock(spec):
        mhz = _count(view, spec, "frequency_mhz")
        measured = spec.group.partition(" ")[0] in MEASURED
        return None if mhz is None else (mhz, 0 if measured else _count(view, spec, "core_voltage_mv") or 0)
    mode = seen(view, spec, "mode")
    return (spec.modes.index(mode), 0) if isinstance(mode, str) and mode in spec.modes else None


def _limits(spec: MinerSpec, section: Section, book: dict[str, Any]) -> Limits:
    """What may be tried with it; voltage never goes above what it had."""
    rate = section.goal == "rate"
    common = {
        "goal": section.goal, "chip_c": float(section.chip_max_c), "window_s": section.window_s,
        "better_pct": section.better_pct, "reject_pct": section.reject_pct,
    }  # fmt: skip
    if not _by_clock(spec):
        up, down = (1, 0), (-1, 0)
        return Limits((up if rate else down,), (0, 0), (len(spec.modes) - 1, 0), down, short_pct=0.0, **common)  # type: ignore[arg-type]  # plain options
    home = book.get("home") or book.get("now") or (0, 0)
    slower, lower = (-section.step_mhz, 0), (0, -section.step_mv)
    moves = ((section.step_mhz, 0) if rate else slower, *((lower,) if home[1] else ()))
    low = (section.lowest_mhz, min(section.lowest_mv, home[1]))
    high = (max(section.highest_mhz, home[0]), home[1])
    return Limits(moves, low, high, slower, short_pct=section.short_pct, **common)  # type: ignore[arg-type]  # the same
