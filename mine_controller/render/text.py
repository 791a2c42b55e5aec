"""How numbers, times and strangers' texts are written on the page. Pure."""

import re
import time
from collections.abc import Sequence

from mine_controller.core.wording.words import aged
from mine_controller.record import NamedTuple

UNKNOWN = "unknown"
A_PERSON = "a person"
CAP = 120  # characters of a text that a device or a web page supplied
NBSP = "\u00a0"
_SECRET = re.compile(
    r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b"  # an IPv4 address
    r"|\b(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}\b"  # a MAC
    r"|\b(?:[0-9A-Fa-f]{0,4}:){3,7}[0-9A-Fa-f]{1,4}\b"  # an IPv6 address
    r"|\bhttps?://\S+"
    r"|\b[\w.+-]+@[\w.-]+\b"
    r"|\b(?:bc1|tb1|ltc1|dgb1|[13])[0-9A-Za-z]{25,87}\b"  # a wallet
    r"|\b[qp][02-9ac-hj-np-z]{41}\b"  # one of Bitcoin Cash
    r"|\b[48DLM](?=\w*\d)[1-9A-HJ-NP-Za-km-z]{25,105}\b"  # of Monero, DigiByte, Litecoin
)


def clean(text: object, cap: int = CAP) -> str:
    """A stranger's text on one line: no control, bidi or invisible characters, at most `cap` characters. How old what
    was known last is stands in it as everywhere on the page, in minutes and hours."""
    raw = aged(str(text))[: 4 * cap]
    if not raw.isprintable():
        raw = "".join(char if char.isprintable() else " " for char in raw)
    raw = " ".join(raw.split())
    return raw if len(raw) <= cap else raw[: cap - 1] + "…"


def masked(text: str, people: Sequence[str] = ()) -> str:
    """The text without addresses, links and wallets; whoever of `people` it names is a person."""
    for name in people:
        if name in text:
            text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", A_PERSON, text)
    return _SECRET.sub("[hidden]", text)


def watts(power_w: float | None, beside_w: float = 0) -> str:
    """951.6 kW · 3,401 W · unknown; in the unit of what stands beside it, where that is the greater one."""
    if power_w is None:
        return UNKNOWN
    if max(abs(power_w), beside_w) >= 9_995:
        return f"{power_w / 1000:z,.{1 if abs(power_w) >= 100 or not power_w else 2}f}{NBSP}kW"
    return f"{power_w:z,.0f}{NBSP}W"


def rated(power_w: float | None) -> str:
    """1,000 kW: a figure that somebody configured, without a decimal that says nothing."""
    return watts(power_w).replace(f".0{NBSP}kW", f"{NBSP}kW")


def seconds(count: int) -> str:
    """118 s: where a minute more or less is the point; from 1000 s on as a span."""
    return f"{count}{NBSP}s" if count < 1000 else span(count)


def share(part: float, whole: float) -> int:
    """Whole percent; 0 for nothing of nothing."""
    return round(100 * part / whole) if whole else 0


def degrees(temp_c: float, unit: str) -> float:
    """The temperature in the owner's unit."""
    return round(temp_c * 9 / 5 + 32, 1) if unit == "F" else temp_c


def temperature(temp_c: float | None, unit: str) -> str:
    """31.2 °C · 88.2 °F · unknown; nought has no minus."""
    return UNKNOWN if temp_c is None else f"{degrees(temp_c, unit):z.1f}{NBSP}°{unit}"


def span(seconds: float | None) -> str:
    """12 s · 4 min · 1 h 20 min · 3 d 4 h."""
    if seconds is None:
        return UNKNOWN
    whole = max(0, round(seconds))
    if whole < 100:
        return f"{whole}{NBSP}s"
    minutes = round(whole / 60)
    if minutes < 100:
        return f"{minutes}{NBSP}min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours}{NBSP}h {minutes}{NBSP}min" if minutes else f"{hours}{NBSP}h"
    return f"{hours // 24}{NBSP}d {hours % 24}{NBSP}h"


class Fold(NamedTuple):
    """The clocks change at this moment. Where they go back, the hours before and after it have the same times."""

    at: int
    before: tuple[int, str]  # offset in seconds and short name
    after: tuple[int, str]


class Zone(NamedTuple):
    """Wall time as it is shown where the mine stands. In the hour that comes twice the short name tells which it is."""

    offset_s: int
    name: str
    fold: Fold | None = None  # of what a page tells; None: the offset holds in all of it

    def clock(self, at: int | None) -> str:
        """14:02:10."""
        return UNKNOWN if at is None else self._format(at, "%H:%M:%S") + self._which(at)

    def minute(self, at: int | None) -> str:
        """14:02."""
        return UNKNOWN if at is None else self._format(at, "%H:%M") + self._which(at)

    def clock_named(self, at: int) -> str:
        """14:02:10 CDT."""
        return f"{self._format(at, '%H:%M:%S')} {self._side(at)[1]}"

    def minute_named(self, at: int) -> str:
        """14:02 CDT."""
        return f"{self._format(at, '%H:%M')} {self._side(at)[1]}"

    def day(self, at: int) -> str:
        """Tue 14 Jul."""
        parts = time.gmtime(at + self.offset_at(at))
        return f"{time.strftime('%a', parts)} {parts.tm_mday} {time.strftime('%b', parts)}"

    def near(self, at: int, now: int) -> str:
        """14:02:10 today, "Tue 14 Jul 14:02" on another day."""
        same = (at + self.offset_at(at)) // 86_400 == (now + self.offset_at(now)) // 86_400
        return self.clock(at) if same else f"{self.day(at)} {self.minute(at)}"

    def iso(self, at: int) -> str:
        """2026-07-14T14:02:10-05:00, for machines."""
        offset_s = self.offset_at(at)
        hours, minutes = divmod(abs(offset_s) // 60, 60)
        sign = "-" if offset_s < 0 else "+"
        return self._format(at, "%Y-%m-%dT%H:%M:%S") + f"{sign}{hours:02}:{minutes:02}"

    def offset_at(self, at: int) -> int:
        """Seconds east of UTC at that moment."""
        return self._side(at)[0]

    def _side(self, at: int) -> tuple[int, str]:
        if self.fold is None:
            return self.offset_s, self.name
        return self.fold.before if at < self.fold.at else self.fold.after

    def _which(self, at: int) -> str:
        if self.fold is None:
            return ""
        wide_s = self.fold.before[0] - self.fold.after[0]
        return f" {self._side(at)[1]}" if -wide_s <= at - self.fold.at < wide_s else ""

    def _format(self, at: int, how: str) -> str:
        return time.strftime(how, time.gmtime(at + self.offset_at(at)))
