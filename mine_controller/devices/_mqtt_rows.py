"""How the owner writes which topic is what: one row a value.

    CHANNEL QUANTITY TOPIC [json PATH] [x1000] [/10] [40..70] [age 300] [time PATH] [alive TOPIC] [ask TOPIC 10]
    CHANNEL contact|switch|link TOPIC [json PATH] OFF=ok ON=alarm ...

Channel `-` is the endpoint itself. A blank or comma inside a topic is written %20 or %2C.
"""

import re
from collections.abc import Iterable
from urllib.parse import unquote

from mine_controller.core.model.quantity import QUANTITIES, WORDS
from mine_controller.devices import _answer
from mine_controller.record import NamedTuple

TEXTS = ("contact", "switch", "link")
NUMBERS = (
    "temp_c", "humidity_pct", "power_w", "energy_kwh", "voltage_v", "current_a", "grid_hz", "supply_kw", "charge_pct",
    "runtime_s", "load_pct", "fan_rpm", "uptime_s",
)  # fmt: skip
QUANTITIES_READ = (*NUMBERS, *TEXTS)
MOST = 64
AGE_LOW_S, AGE_HIGH_S = 10, 3600
OWN = "collect"  # the channel that tells of the collector
_CHANNEL = re.compile(r"-|[A-Za-z0-9_.-]{1,40}")
_FACTOR = re.compile(r"([x/])(-?[0-9]{1,9}(?:\.[0-9]{1,6})?)")
_WINDOW = re.compile(r"(-?[0-9]{1,9}(?:\.[0-9]{1,6})?)\.\.(-?[0-9]{1,9}(?:\.[0-9]{1,6})?)")
_WORD = re.compile(r"([^\s=]{1,40})=([a-z]{1,20})")
_PATH = re.compile(r"[^\s.]{1,60}(?:\.[^\s.]{1,60}){0,9}")
_TAKES = {"json": 1, "time": 1, "alive": 1, "age": 1, "ask": 2}


class Row(NamedTuple):
    """One value. `ask`: what is published to be told it; `words`: what a text means."""

    channel: str
    quantity: str
    topic: str
    path: str = ""
    factor: float = 1.0
    low: float = 0.0
    high: float = 0.0
    age_s: int = 0  # 0 = as the section says
    time: str = ""
    alive: str = ""
    ask: tuple[str, str] | None = None
    words: tuple[tuple[str, str], ...] = ()

    @property
    def is_text(self) -> bool:
        """Whether its value is a word."""
        return self.quantity in TEXTS


class BadRowError(ValueError):
    """A row that can't be read; the text is for the owner."""


def row(text: str) -> Row:
    """One row. BadRowError."""
    channel, quantity, topic, *rest = [*text.split(), "", "", ""][: max(3, len(text.split()))]
    if not topic or not _CHANNEL.fullmatch(channel):
        raise BadRowError(
            f"topics: {_answer.clean(text)!r} is not CHANNEL QUANTITY TOPIC, like solar power_w tele/ina1/SENSOR"
        )
    if quantity not in QUANTITIES_READ:
        raise BadRowError(f"topics: {_answer.clean(quantity, 20)!r} is no quantity like power_w, voltage_v or temp_c")
    limits = QUANTITIES.get(quantity)
    low, high = (limits.low, limits.high) if limits else (0.0, 0.0)
    made = Row("" if channel == "-" else channel, quantity, _topic(topic), low=low, high=high)
    words = iter(rest)
    for word in words:
        made = _with(made, word, [next(words, "") for _ in range(_TAKES.get(word, 0))])
    return _whole(made)


def _topic(text: str) -> str:
    topic = unquote(text)
    if not topic or len(topic.encode()) > 256 or any(sign in topic for sign in "+#\0"):
        raise BadRowError(f"topics: {_answer.clean(text)!r} is no single topic: + and # stand for many")
    return topic


def _with(made: Row, word: str, behind: list[str]) -> Row:
    if factor := _FACTOR.fullmatch(word):
        number = float(factor[2])
        if number:
            return made._replace(factor=number if factor[1] == "x" else 1 / number)
    if window := _WINDOW.fullmatch(word):
        return made._replace(low=float(window[1]), high=float(window[2]))
    if pair := _WORD.fullmatch(word):
        return made._replace(words=(*made.words, (unquote(pair[1]), pair[2])))
    if word in ("json", "time") and _PATH.fullmatch(behind[0]):
        return made._replace(path=behind[0]) if word == "json" else made._replace(time=behind[0])
    if word == "alive":
        return made._replace(alive=_topic(behind[0]))
    if word == "age" and re.fullmatch(r"[0-9]{2,4}", behind[0]):
        return made._replace(age_s=int(behind[0]))
    if word == "ask":
        return made._replace(ask=(_topic(behind[0]), behind[1]))
    raise BadRowError(
        f"topics: {_answer.clean(word, 20)!r} is none of json PATH, x1000, /10, 40..70, age 300, time PATH, "
        "alive TOPIC, ask TOPIC 10, ON=on"
    )


def _whole(made: Row) -> Row:
    """What only the whole row shows."""
    name = f"topics: {made.channel or '-'} {made.quantity}"
    if made.is_text:
        meant = {word for _, word in made.words} - set(WORDS[made.quantity])
        if meant or not made.words:
            raise BadRowError(f"{name} needs what its texts mean, like {_example(made.quantity)}")
    elif made.words:
        raise BadRowError(f"{name} is a number: texts mean nothing there")
    elif made.low >= made.high:
        raise BadRowError(f"{name}: {made.low:g}..{made.high:g} runs backwards")
    if made.age_s and not AGE_LOW_S <= made.age_s <= AGE_HIGH_S:
        raise BadRowError(f"{name}: age is {AGE_LOW_S} to {AGE_HIGH_S} s")
    if made.time and not made.path:
        raise BadRowError(f"{name}: time needs json: a bare number carries no time")
    if made.ask and not _is_reading(*made.ask):
        raise BadRowError(f"{name}: ask takes cmnd/.../Status 10 (or 8) and nothing else: nothing here may command")
    if made.channel == OWN:
        raise BadRowError(f"{name}: the channel {OWN} tells of the collector; name it otherwise")
    return made


def _example(quantity: str) -> str:
    return " ".join(f"{text}={word}" for text, word in zip(("ON", "OFF"), WORDS[quantity], strict=False))


def rows(texts: Iterable[str]) -> tuple[Row, ...]:
    """Every row that can be read; `faults` tells of the others when the config is read."""
    made = []
    for text in texts:
        try:
            made.append(row(text))
        except BadRowError:
            continue
    return tuple(made)


def faults(texts: Iterable[str]) -> list[str]:
    """What is wrong with the rows, as sentences for the owner."""
    found, named, heard = [], set[tuple[str, str]](), set[str]()
    for text in texts:
        try:
            made = row(text)
        except BadRowError as error:
            found.append(str(error))
            continue
        if (made.channel, made.quantity) in named:
            found.append(f"topics: {made.channel or '-'} {made.quantity} stands twice")
        named.add((made.channel, made.quantity))
        heard |= {made.topic, made.alive} - {""}
    if len(heard) > MOST:
        found.append(f"topics: {len(heard)} topics, and {MOST} are the most of one section")
    return found


def heard(made: Iterable[Row]) -> tuple[str, ...]:
    """Every topic to hear, once."""
    return tuple(dict.fromkeys(topic for one in made for topic in (one.topic, one.alive) if topic))


def parts(made: Iterable[Row]) -> tuple[tuple[str, str], ...]:
    """Each topic with a place in its JSON that a row looks at, once."""
    return tuple(dict.fromkeys((one.topic, one.path) for one in made if one.path))


def _is_reading(topic: str, payload: str) -> bool:
    from mine_controller.wire.mqtt import is_reading  # noqa: PLC0415 - TLS with it, and few rows ask

    return is_reading(topic, payload)
