"""The power contract in figures: the signal, the curtailment in progress or last ended, how fast it would obey."""

from collections.abc import Mapping
from typing import Any

from mine_controller.core.model.book import Book
from mine_controller.core.model.reading import Value
from mine_controller.core.model.state import Chase, Shed
from mine_controller.core.model.wiring import Wiring
from mine_controller.core.shed import is_blind
from mine_controller.render.given import History
from mine_controller.render.text import clean
from mine_controller.render.times import Moments

STRAGGLERS_SHOWN = 24
NEVER = Value(None, 0, "", "never read")


def signal(book: Book, wiring: Wiring, history: History, moments: Moments) -> dict[str, Any]:
    """The word, how old it is, where it came from, since when it holds, and a snippet of what the page said."""
    value = book.image.site.get("signal", NEVER) if book.image is not None else NEVER
    role = wiring.roles.get("signal")
    word = None if value.value is None else clean(value.value, 12)
    return {
        "configured": role is not None,
        "value": word,
        "age_s": moments.age_s(value.at_s),
        "source": clean(value.source) or None,
        "since": _since(book, history, moments, word),
        "why": clean(value.why),
        "text": _snippet(book, role.keys if role is not None else ()),
    }


def _since(book: Book, history: History, moments: Moments, word: str | None) -> int | None:
    """When the present word began: from the rule's memory, else where the last 24 h show the change."""
    memory = book.state.memory.get("signal", {})
    said_s = memory.get("word_s") if word == memory.get("word") else None
    began_s = said_s or (memory.get("off_s") if word == "off" else None)
    if isinstance(began_s, int) and began_s:
        return moments.wall(began_s)
    if word is None or word not in history.signal or len(history.signal) != len(history.wall_s):
        return None
    first = None
    for at, said in zip(reversed(history.wall_s), reversed(history.signal), strict=True):
        if said is not None and said != word:
            return first
        if said == word:
            first = at
    return first  # it holds for longer than the history: at least since then


def _snippet(book: Book, keys: tuple[str, ...]) -> str | None:
    if book.image is None:
        return None
    for key in keys:
        said = book.image.channels.get(key.rpartition(":")[0] + ":text")
        if said is not None and said.value is not None:
            return clean(said.value)
    return None


def last_event(book: Book, history: History, moments: Moments) -> dict[str, Any] | None:
    """The curtailment in progress, else the last one finished. Seconds count from the signal; None = not yet, never."""
    shed = book.state.shed
    if shed is not None:
        return _running(shed, book.state.chases, moments) | {"blind": is_blind(shed, book.state.memory)}
    return _finished(history.report) if history.report else None


def _running(shed: Shed, chases: Mapping[str, Chase], moments: Moments) -> dict[str, Any]:
    def since(at_s: int | None) -> int | None:
        return None if at_s is None else at_s - shed.signal_s

    left = [
        {"miner": clean(target[6:], 40), "rung": chase.rung}
        for target, chase in sorted(chases.items())
        if chase.want == "stop" and target.startswith("miner ")
    ]
    return {
        "in_progress": shed.ended_s is None,
        "cause": clean(shed.cause, 40),
        "signal_at": moments.wall(shed.signal_s),
        "ended_at": None if shed.ended_s is None else moments.wall(shed.ended_s),
        "first_command_s": since(shed.first_command_s),
        "shed_50_s": since(shed.shed_50_s),
        "shed_90_s": since(shed.shed_90_s),
        "shed_100_s": since(shed.shed_100_s),
        "power_before_w": shed.before_w,
        "power_confirmed_w": shed.confirmed_w,
        "floor_w": shed.floor_w,
        "gentle": shed.gentle,
        "hard": shed.hard,
        "stragglers": left[:STRAGGLERS_SHOWN],
        "stragglers_n": len(left),
        "emergency": clean(shed.emergency, 40),
    }


def _finished(report: Mapping[str, int | float | str]) -> dict[str, Any]:
    def number(name: str) -> int | None:
        value = report.get(name)
        return round(value) if isinstance(value, int | float) else None

    ended, lasted = number("ended_at"), number("lasted_s")
    left = [one.rpartition(":") for one in str(report.get("stragglers", "")).split()]
    return {
        "in_progress": False,
        "cause": clean(report.get("cause", ""), 40),
        "blind": bool(report.get("blind")),
        "signal_at": ended - lasted if ended is not None and lasted is not None else None,
        "ended_at": ended,
        "first_command_s": number("first_command_s"),
        "shed_50_s": number("shed_50_s"),
        "shed_90_s": number("shed_90_s"),
        "shed_100_s": number("shed_100_s"),
        "power_before_w": number("before_w"),
        "power_confirmed_w": number("confirmed_w"),
        "floor_w": number("floor_w"),
        "gentle": number("gentle"),
        "hard": number("hard"),
        "stragglers": [
            {"miner": clean(miner or rung, 40), "rung": int(rung) if miner and rung.isdecimal() else 0}
            for miner, _, rung in left[:STRAGGLERS_SHOWN]
        ],
        "stragglers_n": len(left),
        "emergency": clean(report.get("emergency", ""), 40),
    }


def time_to_obey(book: Book) -> dict[str, Any] | None:
    """What a stop of everything now running would take, as the decision worked it out; None when it did not."""
    forecast = book.decision.forecast if book.decision is not None else {}
    if "seconds" not in forecast:
        return None
    return {
        "seconds": int(forecast["seconds"]),
        "within_s": int(forecast.get("within_s", 0)),
        "gentle": int(forecast.get("gentle", 0)),
        "hard": int(forecast.get("hard", 0)),
        "unreachable": int(forecast.get("unreachable", 0)),
        "lanes": {clean(lane, 60): int(count) for lane, count in sorted(dict(forecast.get("lanes") or {}).items())},
    }
