"""What is set in a miner: work modes, tuning, limit, fan, light, pools; and which pool that makes it work for. Pure."""

from collections.abc import Iterable, Mapping

from mine_controller.core.model.command import VERBS
from mine_controller.record import NamedTuple

SET = ("mode", "pool", "limit", "tune", "fan")  # verbs that only change settings


class Mode(NamedTuple):
    """A work mode: shares of the nominal power and rate, and the chips' settings where the firmware tells them."""

    power: float = 1.0
    rate: float = 1.0
    frequency_mhz: float = 0.0
    core_voltage_mv: float = 0.0


class Settings:
    """The settings of one miner.

    `mode` is the name of its mode, "" when it is tuned otherwise; `tuned` is what holds. `pools` are (URL, user);
    `first_pool` is the one wanted. `reachable`: the pools that can be reached, each as its URL, "host:port" or host;
    None = all. `fan_set` is percent, None = automatic.
    """

    def __init__(self, modes: Mapping[str, Mode] | None, mode: str, pools: Iterable[tuple[str, str]]) -> None:
        self.modes = dict(modes) if modes else {"standard": Mode()}
        self.mode = mode or ("standard" if "standard" in self.modes else next(iter(self.modes)))
        self.tuned = self.modes[self.mode]
        self.limit_w: float | None = None
        self.fan_set: float | None = None
        self.light = False
        self.pools = list(pools)
        self.first_pool = 0
        self.reachable: frozenset[str] | None = None

    def offer(self, modes: Mapping[str, Mode], mode: str) -> None:
        """The modes its make has, where it was made with none of its own; it is in `mode`."""
        if list(self.modes.values()) == [Mode()]:
            self.modes, self.mode, self.tuned = dict(modes), mode, modes[mode]

    def takes(self, verb: str, value: str) -> bool:
        """Whether this verb with this value can be done at all."""
        if verb == "mode":
            return value in self.modes
        if verb == "pool":
            return self._slot(value) is not None
        if verb == "limit":
            return (_number(value) or 0) > 0
        if verb == "tune":
            return _tuning(value) is not None
        if verb == "fan":
            pct = _number(value)
            return value == "auto" or (pct is not None and 0 <= pct <= 100)
        return verb in VERBS and (verb != "locate" or value in ("on", "off"))

    def _slot(self, value: str) -> tuple[int, tuple[str, str] | None] | None:
        """The number of a pool and, where one is to be written, its URL and user."""
        number, _, rest = value.partition(" ")
        url, _, user = rest.partition(" ")
        if not number.isdecimal() or int(number) > len(self.pools) - (not url):
            return None
        return int(number), (url, user) if url else None

    def change(self, verb: str, value: str) -> None:
        """Set it; the value is one that `takes` takes.

        pool: "1" works for the second of its pools, "1 URL USER" writes that one.
        """
        if verb == "mode":
            self.mode, self.tuned = value, self.modes[value]
        elif verb == "pool" and (slot := self._slot(value)):
            number, given = slot
            if given:
                self.pools[number : number + 1] = [given]
            else:
                self.first_pool = number
        elif verb == "limit":
            self.limit_w = float(value)
        elif verb == "fan":
            self.fan_set = None if value == "auto" else float(value)
        elif verb == "tune" and (tuning := _tuning(value)):
            self.tune(tuning.get("frequency_mhz", 0.0), tuning.get("core_voltage_mv", 0.0))

    def tune(self, mhz: float, millivolts: float) -> None:
        """Other settings, 0 = as it is: a known mode where they are one's, else scaled from what holds."""
        mhz, millivolts = mhz or self.tuned.frequency_mhz, millivolts or self.tuned.core_voltage_mv
        for name, mode in self.modes.items():
            if (mode.frequency_mhz, mode.core_voltage_mv) == (mhz, millivolts):
                self.mode, self.tuned = name, mode
                return
        faster = mhz / (self.tuned.frequency_mhz or mhz) if mhz else 1.0
        squeeze = (millivolts / (self.tuned.core_voltage_mv or millivolts)) ** 2 if millivolts else 1.0
        self.mode = ""
        self.tuned = Mode(self.tuned.power * faster * squeeze, self.tuned.rate * faster, mhz, millivolts)

    def pool_in_use(self) -> int | None:
        """Which of its pools it works for: the one wanted, else the first that is reached; None: none."""
        there = [at for at, (url, _) in enumerate(self.pools) if url and self.reaches(url)]
        return self.first_pool if self.first_pool in there else min(there, default=None)

    def pool_shown(self) -> int:
        """The pool it names where it has to name one."""
        used = self.pool_in_use()
        return self.first_pool if used is None else used

    def reaches(self, url: str) -> bool:
        """Whether that pool can be reached from here."""
        place = url.rpartition("://")[2].partition("/")[0]
        return self.reachable is None or not self.reachable.isdisjoint((url, place, place.rpartition(":")[0]))


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _tuning(value: str) -> dict[str, float] | None:
    """Settings out of "frequency_mhz=525 core_voltage_mv=1150"; None when they are none."""
    pairs = [piece.partition("=") for piece in value.split()]
    found = {name: number for name, _, text in pairs if (number := _number(text)) is not None and number > 0}
    good = found and len(found) == len(pairs) and found.keys() <= {"frequency_mhz", "core_voltage_mv"}
    return found if good else None
