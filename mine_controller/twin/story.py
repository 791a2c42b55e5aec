"""A story: weather, signals and faults by the time of day, as text.

    title A July day at the co-op
    date 2026-07-15            the local day it begins, where nobody says another
    weather july
    14:00 signal off for 3h
    09:40 fan 4 break for 8h
    00:00 device redfish pdu3 silent for 30m

One event a line, at a local time, repeated every day. `for` ends it again. `#` begins a remark. `pdu pdu1 zero` is a
PDU that shows 0 W whatever is drawn, `pdu pdu1 off` shows its outlets as off too; `meter late 60` is of the main meter.

Sites on a LAN know besides: `swap a07 127.0.1.40` (another address; who lives there takes the old one), `window open`
and `person max_power_kw 2.5` (somebody types set-state). Off-grid ones know `supply 60` (percent of what the source
gives), `generator fail`, `phase 2 lost`, `uplink LTE down`, `internet down`, `holding down`, `miner a005 sticky` (it
does not leave the holding pool), `wall wet`, `tank empty` and `readings nan` (of the source's sensor). A home with
prices knows `internet down` and `publication missed` (of tomorrow's prices, that day). What a site does not have
changes nothing, and `minectl demo` says so.
"""

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from heapq import heappop, heappush
from importlib import resources
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from mine_controller.record import NamedTuple
from mine_controller.twin.faults import KINDS
from mine_controller.twin.weather import DAY_S, PRESETS, utc_offset_s

_SWITCHED: Final = ("smoke", "water", "door", "mains")
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": DAY_S}
_MINER: Final = (
    "mute",
    "liar",
    "dead",
    "slow_boot",
    "api_dies",
    "silent",
    "garbage",
    "tarpit",
    "refuses",
    "sticky",
    "well",
)

# what -> (what its words must look like, an example, the words that end it)
GRAMMAR: Final[dict[str, tuple[str, str, str]]] = {
    "signal": (r"(run|off|warn)", "signal off", "run"),
    "page": (rf"(ok|blank|mangled|{'|'.join(KINDS[1:])})(?: \d+)?", "page blank", "ok"),
    "weather": (rf"({'|'.join(PRESETS)})", "weather heat_wave", ""),
    "fan": (r"(\d+) (break|mend)", "fan 4 break", r"\1 mend"),
    "relay": (r"(\d+) (weld|mend)", "relay 4 weld", r"\1 mend"),
    "miner": (rf"(\w+) ({'|'.join(_MINER)})", "miner a017 mute", r"\1 well"),
    "outlet": (r"(\S+/\w+) (weld|jam|mend)", "outlet pdu1/A3 weld", r"\1 mend"),
    "pdu": (r"(\w+) (zero|off|true)", "pdu pdu1 zero", r"\1 true"),
    "meter": (r"(well|still|silent|scaled \d+(?:\.\d+)?|late \d+)", "meter scaled 10", "well"),
    "sensor": (r"(\d) (unplug|stick -?\d+(?:\.\d+)?|well)", "sensor 2 stick 21.5", r"\1 well"),
    "device": (rf"([a-z_0-9]+ \w+) ({'|'.join(KINDS)})(?: \d+)?", "device redfish pdu1 silent", r"\1 ok"),
    "filter": (r"(dirty|clean)", "filter dirty", "clean"),
    "swap": (r"(\w+) (home|127(?:\.\d{1,3}){3})", "swap a07 127.0.1.40", r"\1 home"),
    "window": (r"(open|shut)", "window open", "shut"),
    "supply": (r"(steady|\d{1,3})", "supply 60", "steady"),
    "source": (r"(diesel|solar|hybrid)", "source solar", "diesel"),
    "generator": (r"(trip|fail|mend)", "generator fail", "mend"),
    "phase": (r"([123]) (lost|back)", "phase 2 lost", r"\1 back"),
    "uplink": (r"(\w+) (up|down)", "uplink LTE down", r"\1 up"),
    "internet": (r"(up|down)", "internet down", "up"),
    "publication": (r"(missed|made)", "publication missed", "made"),
    "holding": (r"(up|down)", "holding down", "up"),
    "wall": (r"(wet|dry)", "wall wet", "dry"),
    "tank": (r"(empty|full)", "tank empty", "full"),
    "readings": (r"(well|nan|watts|text|gone)", "readings nan", "well"),
    "person": (r"([a-z_]+(?:\.\w+)?) (\S+)", "person max_power_kw 2.5", r"\1 clear"),
    **{what: (r"(on|off)", f"{what} on", "on" if what == "mains" else "off") for what in _SWITCHED},
}


class StoryError(Exception):
    """Every line that can't be read: (number, what is wrong)."""

    def __init__(self, problems: tuple[tuple[int, str], ...]) -> None:
        super().__init__("; ".join(f"line {number}: {text}" for number, text in problems))
        self.problems = problems


class Event(NamedTuple):
    """`at_s` after local midnight; `for_s` 0 = until something else; `words` follow `what`."""

    at_s: int
    what: str
    words: str
    for_s: int = 0
    line: int = 0


class Story(NamedTuple):
    """A parsed story, events in the order of the day."""

    title: str
    day: date
    weather: str
    events: tuple[Event, ...]

    def start_wall_s(self, zone: str = "America/Chicago") -> int:
        """Midnight of its day in `zone`, UTC seconds."""
        midnight = datetime(self.day.year, self.day.month, self.day.day, tzinfo=ZoneInfo(zone))
        return int(midnight.timestamp())


class Step(NamedTuple):
    """Something to change at plant second `at_s`."""

    at_s: float
    what: str
    words: str


def names() -> tuple[str, ...]:
    """The packaged stories."""
    folder = resources.files("mine_controller.twin") / "stories"
    return tuple(sorted(item.name.removesuffix(".txt") for item in folder.iterdir() if item.name.endswith(".txt")))


def packaged(name: str) -> Story:
    """A packaged story by name ("coop-day"). FileNotFoundError if there is none."""
    return parse((resources.files("mine_controller.twin") / "stories" / f"{name}.txt").read_text("utf-8"))


def read(path: Path) -> Story:
    """A story's file, with or without the mark that some editors put before it. OSError, StoryError."""
    try:
        return parse(path.read_text("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise StoryError(((line, "no UTF-8 text"),)) from None


def parse(text: str) -> Story:
    """Read a story; StoryError lists every bad line."""
    title, day, weather = "", date(2026, 7, 15), "july"
    events: list[Event] = []
    problems: list[tuple[int, str]] = []
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.partition("#")[0].strip()
        word, _, rest = line.partition(" ")
        rest = " ".join(rest.split())
        try:
            if word == "title":
                title = rest
            elif word == "date":
                day = date.fromisoformat(rest)
            elif word == "weather":
                weather = _checked("weather", rest)
            elif line:
                events.append(_event(word, rest, number))
        except ValueError as error:
            problems.append((number, str(error)))
    if problems:
        raise StoryError(tuple(problems))
    return Story(title, day, weather, tuple(sorted(events, key=lambda e: (e.at_s, e.line))))


def _event(clock: str, rest: str, line: int) -> Event:
    found = re.fullmatch(r"(\d{1,2}):(\d\d)(?::(\d\d))?", clock)
    if not found or int(found[1]) > 23 or int(found[2]) > 59 or int(found[3] or 0) > 59:
        raise ValueError(f"{clock!r} is no time; a line begins like 14:00")
    body, _, how_long = rest.partition(" for ")
    what, _, words = body.partition(" ")
    at_s = int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3] or 0)
    for_s = seconds(how_long) if how_long else 0
    if how_long and not for_s:
        raise ValueError(f"{how_long!r} is no time at all; without `for` it lasts until something else is said")
    return Event(at_s, what, _checked(what, words), for_s, line)


def _checked(what: str, words: str) -> str:
    if what not in GRAMMAR:
        raise ValueError(f"{what!r} is nothing a story can change; known: {', '.join(GRAMMAR)}")
    pattern, example, _ = GRAMMAR[what]
    if not re.fullmatch(pattern, words):
        raise ValueError(f"{words!r} does not fit {what!r}; for example: {example}")
    return words


def seconds(text: str) -> int:
    """90m, 2h, 1h30m, 45s or 3d in seconds. ValueError for anything else, and for nothing."""
    parts = re.findall(r"(\d+)([smhd])", text)
    if not parts or "".join(a + b for a, b in parts) != text.replace(" ", ""):
        raise ValueError(f"{text!r} is no length of time; for example 90m or 2h")
    return sum(int(count) * _UNITS[unit] for count, unit in parts)


class Script:
    """A story laid over plant time: `due(to_s)` hands out its steps in order, day after day."""

    def __init__(self, story: Story, start_wall_s: int, zone: str = "UTC") -> None:
        self._story = story
        self._midnight_s = -((start_wall_s + utc_offset_s(zone, start_wall_s)) % DAY_S)
        self._heap: list[tuple[float, int, Step]] = []
        self._count = 0
        self._laid = 0
        self._lay_day()

    def _lay_day(self) -> None:
        base = self._midnight_s + self._laid * DAY_S
        for event in self._story.events:
            end_s = base + event.at_s + event.for_s
            if event.for_s and end_s <= 0:
                continue
            self._push(max(0, base + event.at_s), event.what, event.words)
            if event.for_s:
                self._push(end_s, event.what, self._end_of(event))
        self._laid += 1

    def _end_of(self, event: Event) -> str:
        pattern, _, ending = GRAMMAR[event.what]
        found = re.fullmatch(pattern, event.words)
        return self._story.weather if event.what == "weather" else found.expand(ending) if found else ending

    def add(self, step: Step) -> None:
        """One more step, once."""
        self._push(step.at_s, step.what, step.words)

    def _push(self, at_s: float, what: str, words: str) -> None:
        self._count += 1
        heappush(self._heap, (at_s, self._count, Step(at_s, what, words)))

    def due(self, to_s: float) -> Iterator[Step]:
        """Every step up to and including plant second `to_s` not handed out before."""
        while self._midnight_s + self._laid * DAY_S <= to_s:
            self._lay_day()
        while self._heap and self._heap[0][0] <= to_s:
            yield heappop(self._heap)[2]


def local_words(start_wall_s: int, at_s: float, zone: str) -> str:
    """A moment as a page would print it: July 15, 2026 2:05 PM."""
    wall = start_wall_s + int(at_s)
    moment = datetime(1970, 1, 1) + timedelta(seconds=wall + utc_offset_s(zone, wall))  # noqa: DTZ001 - shifted by hand
    return f"{moment:%B} {moment.day}, {moment.year} {moment.hour % 12 or 12}:{moment:%M %p}"
