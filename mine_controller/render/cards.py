"""Each miner of a small site by itself, and what they add up to: straight from the book. Pure.

Values are the channels of its group: "<group>/<mac>:<quantity>" and "<group>/<mac> model:text". What is older than its
quantity allows is unknown. Hash rates of different algorithms are never added.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from mine_controller.core.fleet import unlisted
from mine_controller.core.miners.hearing import told_now
from mine_controller.core.model.book import Book
from mine_controller.core.model.quantity import QUANTITIES, TEXT_MAX_AGE_S
from mine_controller.core.model.reading import Scalar, Value
from mine_controller.core.model.wiring import Wiring
from mine_controller.record import NamedTuple
from mine_controller.render.fleet import Unit, online
from mine_controller.render.text import clean
from mine_controller.render.times import Moments

SMALL: Final = 60  # a larger fleet is shown as a wall and a table only
SHA256: Final = "SHA-256"
NUMBERS: Final = (
    "hashrate_ths", "chip_c", "board_c", "fan_rpm", "fan_pct", "uptime_s", "accepted_n", "rejected_n", "limit_w",
)  # fmt: skip
_RATE: Final = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)(?: / [0-9.?]{1,20}){0,2} ([kMGT]?)H/s(?: ([\w./-]{1,20}))?")
_FACTOR: Final = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_THS: Final = 1e12
_NEVER: Final = Value(None, 0)


def cards(book: Book, fleet: Iterable[Unit], when: Moments) -> list[dict[str, Any]]:
    """Every listed miner: what it says of itself, what is known of it, when it was last heard."""
    channels = book.image.channels if book.image is not None else {}
    now_s = book.image.clock.plant_s if book.image is not None else 0
    return [_card(unit, _Own(channels, unit.spec.group, unit.spec.mac, now_s), when) for unit in fleet]


class _Own:
    """The channels of one unit."""

    def __init__(self, channels: Mapping[str, Value], group: str, name: str, now_s: int) -> None:
        self.channels, self.place, self.now_s = channels, f"{group}/{name}", now_s

    def value(self, quantity: str, max_age_s: int | None = None) -> Value:
        """The value of a quantity; unknown when it is too old."""
        found = self.channels.get(f"{self.place}:{quantity}", _NEVER)
        row = QUANTITIES.get(quantity)
        oldest_s = max_age_s or (row.max_age_s if row is not None else TEXT_MAX_AGE_S)
        return found if self.now_s - found.at_s <= oldest_s else found._replace(value=None)

    def number(self, quantity: str) -> int | float | None:
        """A number, or None."""
        found = self.value(quantity).value
        return found if isinstance(found, int | float) else None

    def said(self, word: str, *, lasting: bool = False) -> str:
        """A text of the unit ("model"); `lasting`: however old it is. "" for none."""
        found = self.channels.get(f"{self.place} {word}:text", _NEVER)
        fresh = lasting or self.now_s - found.at_s <= TEXT_MAX_AGE_S
        return _text(found.value) if fresh else ""

    def newest_s(self) -> int:
        """When it was last heard, plant time; 0 = never."""
        heard = (self.channels.get(f"{self.place}:{what}", _NEVER) for what in ("address", "word", "power_w"))
        return max((value.at_s for value in heard if value.value is not None), default=0)

    def why(self) -> str:
        """Why its word is not known."""
        return _text(self.channels.get(f"{self.place}:word", _NEVER).why)

    def last_rate(self) -> "_Rate":
        """The rate it told last and what is hashed. A text of the unit is finer than TH/s; unsaid it is SHA-256."""
        text = self.channels.get(f"{self.place} hashrate:text", _NEVER)
        told = told_rate(_text(text.value))
        algorithm = (told[1] if told else "") or SHA256
        if told and self.now_s - text.at_s <= TEXT_MAX_AGE_S:
            return _Rate(algorithm, told[0], text.at_s, told_now(self.channels, self.place, " hashrate:text"))
        ths = self.value("hashrate_ths")
        if algorithm != SHA256 or not isinstance(ths.value, int | float):
            return _Rate(algorithm)
        return _Rate(algorithm, ths.value * _THS, ths.at_s, told_now(self.channels, self.place, ":hashrate_ths"))


class _Rate(NamedTuple):
    """What a unit told of its hash rate. `now`: it did so when it was last asked."""

    algorithm: str
    hashes_per_s: float | None = None
    at_s: int = 0
    now: bool = False


def _text(value: Scalar) -> str:
    return clean(value, 60) if isinstance(value, str) else ""


def _card(unit: Unit, own: _Own, when: Moments) -> dict[str, Any]:
    spec, there = unit.spec, online(unit)
    rate = own.last_rate()
    return {
        "id": clean(spec.id, 40),
        "name": clean(spec.name, 40),
        "group": clean(spec.group, 60),
        "kind": clean(spec.group.partition(" ")[0], 30),
        "model": own.said("model", lasting=True),
        "firmware": own.said("firmware", lasting=True),
        "online": there,
        "state": unit.state,
        "word": clean(unit.word, 20) if unit.word is not None and there else None,
        "power_w": unit.power_w,
        "hashes_per_s": rate.hashes_per_s if rate.now and not unit.lost else None,
        "last_hashes_per_s": rate.hashes_per_s,
        "rate_at": when.wall(rate.at_s or None),
        "algorithm": rate.algorithm,
        **{name: own.number(name) for name in NUMBERS if name != "hashrate_ths"},
        "fan": own.said("fan"),
        "mode": _text(own.value("mode").value) or own.said("mode"),
        "pool": _text(own.value("pool").value) or own.said("pool"),
        "trouble": "" if own.said("trouble") == "none" else own.said("trouble"),
        "address": clean(unit.address or "", 40),
        "seen_at": when.wall(own.newest_s() or None),
        "why": "" if there else own.why() or ("never seen" if not own.newest_s() else ""),
    }


def told_rate(text: str) -> tuple[float, str] | None:
    """Hashes a second and the algorithm ("" = it does not say) in a unit's own words like "1.25 / 1.2 kH/s rx/0"."""
    found = _RATE.fullmatch(text)
    return (float(found[1]) * _FACTOR[found[2]], found[3] or "") if found else None


def totals(made: list[dict[str, Any]]) -> dict[str, Any]:
    """What the cards add up to; every sum tells of how many it knows. Offline ones count nothing."""
    there = [card for card in made if card["online"]]
    heats = [card["chip_c"] for card in there if card["chip_c"] is not None]
    watts = [card["power_w"] for card in there if card["power_w"] is not None]
    return {
        "total": len(made),
        "online": len(there),
        "offline": len(made) - len(there),
        "hashrates": [_hashrate(name, made) for name in _algorithms(made)],
        "power_w": sum(watts) if watts else None,
        "power_known": len(watts),
        "avg_chip_c": round(sum(heats) / len(heats), 1) if heats else None,
        "chip_known": len(heats),
    }


def _algorithms(made: list[dict[str, Any]]) -> list[str]:
    """SHA-256 first, then the others by name."""
    return sorted({card["algorithm"] for card in made}, key=lambda name: (name != SHA256, name))


def _hashrate(algorithm: str, made: list[dict[str, Any]]) -> dict[str, Any]:
    ours = [card for card in made if card["algorithm"] == algorithm]
    known = [card["hashes_per_s"] for card in ours if card["online"] and card["hashes_per_s"] is not None]
    return {
        "algorithm": algorithm,
        "hashes_per_s": round(sum(known), 1) if known else None,
        "known": len(known),
        "of": len(ours),
    }


def strangers(book: Book, wiring: Wiring, when: Moments) -> list[dict[str, Any]]:
    """Units that answer at the addresses of a fleet section, but stand in no line of fleet.csv."""
    found = unlisted(book.image, wiring) if book.image is not None else ()
    return [
        {
            "group": clean(one.section, 60),
            "unit": clean(one.unit, 60),
            "model": clean(one.model, 60),
            "address": clean(one.address, 60),
            "word": clean(one.word, 20) if one.word is not None else None,
            "seen_at": when.wall(one.at_s),
        }
        for one in found
    ]
