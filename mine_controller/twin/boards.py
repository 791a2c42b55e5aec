"""The fleet's boards: power and heat of every miner, computed for lots of miners with one history.

A miner's board is one heat store: C = 6 kJ/K, R = 8.8 K/kW with its own fans, 4.5 times that without. That is
linear in the miner's size, so a lot of miners that were switched together shares two numbers: the temperature a
miner of size 0 would have (`a_c`) and the rise of a miner of size 1 (`b_k`). Miner i is at a_c + size_i x b_k,
exactly, and 280 miners cost as much as the few lots they form.
"""

import math
from typing import Final

from mine_controller.record import NamedTuple

BOARD_KJ_K: Final = 6.0
BLOWN_K_KW: Final = 8.8
DARK_K_KW: Final = 8.8 * 4.5
STANDBY_W: Final = 25.0
INIT_W: Final = 150.0
BOOT_S: Final = 50.0
SLOW_BOOT_S: Final = 420.0
INIT_S: Final = 30.0
RAMP_S: Final = 90.0
PER_K: Final = 0.0012  # power against inlet: 7 % from the coolest to the hottest hour
STOPPED: Final = 0.004  # a stop is over below this share of full power

OFF, STARTING, RUNNING, STOPPING, STANDBY = "off", "starting", "running", "stopping", "standby"


class Level(NamedTuple):
    """Power now: `share` of the size-dependent part plus `fixed_w`."""

    share: float
    fixed_w: float


class Lot:
    """Miners with one history. `lead_s`: seconds at standby before the firmware is up; `tau_s`: of the stop."""

    __slots__ = (
        "a_c",
        "b_k",
        "fixed_kj",
        "lead_s",
        "members",
        "mode",
        "share_0",
        "since_s",
        "size_kj",
        "size_max",
        "size_sum",
        "tau_s",
    )

    def __init__(self, mode: str, since_s: float, a_c: float, b_k: float) -> None:
        self.mode, self.since_s, self.a_c, self.b_k = mode, since_s, a_c, b_k
        self.members: list[int] = []
        self.size_sum = self.size_max = self.lead_s = 0.0
        self.share_0 = self.tau_s = 1.0
        self.size_kj = self.fixed_kj = 0.0  # energy since the lot began, of a miner of size 1 and of any

    def level(self, at_s: float) -> Level:
        """The power level at that moment of the mode."""
        if self.mode == RUNNING:
            return Level(1.0, 0.0)
        if self.mode == STANDBY:
            return Level(0.0, STANDBY_W)
        if self.mode == OFF:
            return Level(0.0, 0.0)
        age = at_s - self.since_s
        if self.mode == STOPPING:
            return Level(self.share_0 * math.exp(-age / self.tau_s), STANDBY_W)
        return _starting(age - self.lead_s)


def _starting(age_s: float) -> Level:
    """From the end of the boot: 30 s at 150 W, then straight up in 90 s."""
    if age_s < 0:
        return Level(0.0, STANDBY_W)
    if age_s < INIT_S:
        return Level(0.0, INIT_W)
    return Level(min(1.0, (age_s - INIT_S) / RAMP_S), 0.0)


class Boards:
    """Every miner of the site: sizes, lots, and the moves between modes. Times are plant seconds, powers watts."""

    def __init__(self, sizes: list[float], nominal_w: float, inlet_c: float) -> None:
        self.sizes, self.nominal_w = sizes, nominal_w
        self.starts = [0] * len(sizes)
        self._kj = [0.0] * len(sizes)  # energy before the lot it is in now
        first = Lot(OFF, 0.0, inlet_c, 0.0)
        self.lots = [first]
        self._of = [first] * len(sizes)
        first.members = list(range(len(sizes)))
        self._weigh(first)

    def _weigh(self, lot: Lot) -> None:
        sizes = [self.sizes[i] for i in lot.members]
        lot.size_sum, lot.size_max = math.fsum(sizes), max(sizes, default=0.0)

    def lot(self, miner: int) -> Lot:
        """The lot this miner is in now."""
        return self._of[miner]

    def mode(self, miner: int) -> str:
        """off, starting, running, stopping or standby."""
        return self._of[miner].mode

    def board_c(self, miner: int) -> float:
        """Temperature of its boards."""
        lot = self._of[miner]
        return lot.a_c + self.sizes[miner] * lot.b_k

    def miner_w(self, miner: int, at_s: float, inlet_c: float) -> float:
        """What this miner draws."""
        share, fixed_w = self._of[miner].level(at_s)
        return fixed_w + self.sizes[miner] * self.nominal_w * share * factor(inlet_c)

    def miner_kwh(self, miner: int) -> float:
        """What this miner used so far."""
        lot = self._of[miner]
        return (self._kj[miner] + self.sizes[miner] * lot.size_kj + lot.fixed_kj) / 3600

    def forget_energy(self) -> None:
        """Count from 0 again."""
        self._kj = [0.0] * len(self.sizes)
        for lot in self.lots:
            lot.size_kj = lot.fixed_kj = 0.0

    def total_w(self, at_s: float, inlet_c: float) -> float:
        """What all miners draw together."""
        per_size = self.nominal_w * factor(inlet_c)
        total = 0.0
        for lot in self.lots:
            share, fixed_w = lot.level(at_s)
            total += lot.size_sum * per_size * share + len(lot.members) * fixed_w
        return total

    def move(self, miners: list[int], mode: str, at_s: float, lead_s: float = 0.0, tau_s: float = 5.0) -> None:
        """Take these miners out of their lots into new ones in `mode`. A start is counted here."""
        fresh: dict[int, Lot] = {}
        for i in miners:
            old = self._of[i]
            new = fresh.get(id(old))
            if new is None:
                new = fresh[id(old)] = Lot(mode, at_s, old.a_c, old.b_k)
                new.lead_s, new.tau_s, new.share_0 = lead_s, tau_s, old.level(at_s).share
                self.lots.append(new)
            self._kj[i] = self.miner_kwh(i) * 3600
            old.members.remove(i)
            new.members.append(i)
            self._of[i] = new
            self.starts[i] += mode == STARTING
            self._shrink(old, i)
        for new in fresh.values():
            self._weigh(new)
        self.lots = [lot for lot in self.lots if lot.members]

    def _shrink(self, lot: Lot, miner: int) -> None:
        lot.size_sum -= self.sizes[miner]
        if not lot.members:
            lot.size_sum = 0.0

    def step(self, at_s: float, dt_s: float, inlet_c: float) -> float:
        """Warm or cool all boards over `dt_s`, with powers of the middle of it. Returns kW drawn."""
        per_size_kw = self.nominal_w * factor(inlet_c) / 1000
        blown = math.exp(-dt_s / (BOARD_KJ_K * BLOWN_K_KW))
        dark = math.exp(-dt_s / (BOARD_KJ_K * DARK_K_KW))
        total_kw = 0.0
        middle_s = at_s + dt_s / 2
        for lot in self.lots:
            share, fixed_w = lot.level(middle_s)
            keep, ohm = (dark, DARK_K_KW) if lot.mode == OFF else (blown, BLOWN_K_KW)
            rise_k = per_size_kw * share * ohm
            rest_c = inlet_c + fixed_w / 1000 * ohm
            lot.a_c = rest_c + (lot.a_c - rest_c) * keep
            lot.b_k = rise_k + (lot.b_k - rise_k) * keep
            lot.size_kj += per_size_kw * share * dt_s
            lot.fixed_kj += fixed_w / 1000 * dt_s
            total_kw += lot.size_sum * per_size_kw * share + len(lot.members) * fixed_w / 1000
        return total_kw

    def settle(self, at_s: float) -> bool:
        """End starts and stops that are over and join lots that have become alike. True while something still moves."""
        seen: dict[tuple[str, float, int, int], Lot] = {}
        moving = False
        for lot in self.lots:
            self._mature(lot, at_s)
            moving = moving or lot.mode in (STARTING, STOPPING)
            begun = lot.since_s + lot.lead_s if lot.mode == STARTING else lot.tau_s if lot.mode == STOPPING else 0.0
            key = (lot.mode, begun, round(lot.a_c * 3), round(lot.b_k * 3))
            first = seen.setdefault(key, lot)
            if first is not lot:
                self._join(first, lot)
        if len(seen) < len(self.lots):
            self.lots = [lot for lot in self.lots if lot.members]
        return moving

    def _mature(self, lot: Lot, at_s: float) -> None:
        if lot.mode == STARTING and at_s - lot.since_s >= lot.lead_s + INIT_S + RAMP_S:
            lot.mode = RUNNING
        elif lot.mode == STOPPING and lot.level(at_s).share < STOPPED:
            lot.mode = STANDBY

    def _join(self, into: Lot, lot: Lot) -> None:
        n, m = len(into.members), len(lot.members)
        into.a_c = (into.a_c * n + lot.a_c * m) / (n + m)
        into.b_k = (into.b_k * n + lot.b_k * m) / (n + m)
        into.members += lot.members
        into.size_sum += lot.size_sum
        into.size_max = max(into.size_max, lot.size_max)
        for i in lot.members:
            before_kj = self.sizes[i] * into.size_kj + into.fixed_kj
            self._kj[i] = self.miner_kwh(i) * 3600 - before_kj
            self._of[i] = into
        lot.members = []

    def hotter_than(self, limit_c: float) -> list[int]:
        """Powered miners whose boards are above `limit_c`."""
        out: list[int] = []
        for lot in self.lots:
            if lot.mode in (RUNNING, STARTING) and lot.a_c + lot.size_max * lot.b_k > limit_c:
                out += [i for i in lot.members if lot.a_c + self.sizes[i] * lot.b_k > limit_c]
        return out


def factor(inlet_c: float) -> float:
    """Power against inlet temperature, 1 at 25 degC."""
    return 1 + PER_K * (inlet_c - 25)
