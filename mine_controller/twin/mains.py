"""The main feed of a container: all that hangs on it, and the meter that the bill is made from.

The meter shows a mean, as a real one does, `late_s` after the fact. It may be ill: silent (it knows nothing), still
(one figure for ever), scaled (a factor too large or too small), late.
"""

from bisect import bisect_right
from typing import Any, Final

from mine_controller.twin.noise import key_of, normal, uniform
from mine_controller.twin.world import World

BESIDE_W: Final = 2500.0  # lamps and the controller
GAIN: Final = 0.005  # what the meter may be off by, and a fifth of it as noise
KEPT_S: Final = 1200.0  # how much of the past a late meter may show
EVERY_S: Final = 5  # how often it shows something new


class Meter:
    """`fault`: "", silent, still or scaled; `factor` of a scaled one. What it shows is of `late_s` ago."""

    def __init__(self, seed: int) -> None:
        self.fault, self.factor, self.late_s = "", 1.0, 0.0
        self._key = key_of(seed, "main meter")
        self._gain = 1 + GAIN * (2 * uniform(self._key, 0) - 1)
        self._at_s, self._joules = [0.0], [0.0]
        self._held_w: float | None = None

    @property
    def true(self) -> bool:
        """Whether it shows what is drawn, now."""
        return not self.fault and not self.late_s

    def note(self, at_s: float, watts: float) -> None:
        """So much was drawn from the last note until now."""
        self._joules.append(self._joules[-1] + watts * (at_s - self._at_s[-1]))
        self._at_s.append(at_s)
        if at_s - self._at_s[0] > 2 * KEPT_S:
            old = bisect_right(self._at_s, at_s - KEPT_S) - 1
            del self._at_s[:old], self._joules[:old]

    def turn(self, words: list[str]) -> None:
        """A word of a story: well, silent, still, scaled N or late N (seconds)."""
        self.fault = words[0] if words[0] in ("silent", "still", "scaled") else ""
        self.factor = float(words[1]) if words[0] == "scaled" else 1.0
        self.late_s = min(KEPT_S, float(words[1])) if words[0] == "late" else 0.0
        self._held_w = None

    def watts(self, at_s: float, over_s: float) -> float | None:
        """What it shows at that moment as the mean of so many seconds; None: nothing."""
        if self.fault == "silent":
            return None
        shown = self._mean(at_s - self.late_s, over_s) * self._gain * self.factor
        shown *= 1 + GAIN / 5 * normal(self._key, int(at_s // EVERY_S))
        if self.fault == "still":
            self._held_w = shown = shown if self._held_w is None else self._held_w
        return shown

    def _mean(self, until_s: float, over_s: float) -> float:
        until_s = min(until_s, self._at_s[-1])  # nobody knows more than has happened
        return (self._energy(until_s) - self._energy(until_s - over_s)) / over_s

    def _energy(self, at_s: float) -> float:
        """Joules until then; before the first note it is taken to have been as it was in that."""
        if len(self._at_s) < 2:
            return 0.0
        at = min(max(1, bisect_right(self._at_s, at_s)), len(self._at_s) - 1)
        (from_s, to_s), (low, high) = self._at_s[at - 1 : at + 1], self._joules[at - 1 : at + 1]
        return low + (high - low) * (at_s - from_s) / (to_s - from_s)


class Metered(World):
    """A container with a meter on its feed. `beside_w`: what is neither a miner nor a fan."""

    def __init__(self, seed: int, start_wall_s: int, *, beside_w: float = BESIDE_W, **more: Any) -> None:
        self.beside_w, self.meter = beside_w, Meter(seed)
        super().__init__(seed, start_wall_s, **more)

    def power_w(self) -> float:
        """True watts of the site: miners, fans, and what hangs beside them."""
        return super().power_w() + self.beside_w

    def _step(self, dt_s: float, ambient_c: float | None = None) -> None:
        super()._step(dt_s, ambient_c)
        if ambient_c is None:  # else it only comes to rest, and no time passes
            self.meter.note(self.now_s, self.power_w())
