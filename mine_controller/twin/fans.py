"""Container fans: relay, motor, air. A relay that is on proves nothing; only watts do."""

from typing import Final

from mine_controller.twin.air import FAN_M3S, LEAK_M3S, LEAK_SHUT_M3S
from mine_controller.twin.noise import key_of, uniform

FAN_W: Final = 1500.0
SPREAD: Final = 0.08  # a fan's normal watts are 1.5 kW +/- 8 %
SPIN_S: Final = 20.0  # to full speed
COAST_S: Final = 3.0  # until a fan without power moves no air against the others' pressure


class Fans:
    """`on`: the relay coil. `welded`: contacts that no longer open. `broken`: a motor that no longer turns."""

    def __init__(self, count: int, seed: int) -> None:
        self.on = [False] * count
        self.welded = [False] * count
        self.broken = [False] * count
        self.speed = [0.0] * count
        self.derate = 1.0  # 0.85 with dirty filters
        self.dampers_shut = False
        self._normal_w = [FAN_W * (1 + SPREAD * (2 * uniform(key_of(seed, f"fan {i}"), 0) - 1)) for i in range(count)]

    def turning(self, fan: int) -> bool:
        """True when the motor has power and works."""
        return (self.on[fan] or self.welded[fan]) and not self.broken[fan]

    def step(self, dt_s: float) -> None:
        """Spin up or coast down."""
        up, down = dt_s / SPIN_S, dt_s / COAST_S
        for i, now in enumerate(self.speed):
            goal = 1.0 if self.turning(i) else 0.0
            if now != goal:
                self.speed[i] = min(goal, now + up) if goal > now else max(goal, now - down)

    def settled(self) -> bool:
        """True when no fan is between speeds."""
        return all(v in (0.0, 1.0) for v in self.speed)

    def air_m3s(self) -> float:
        """Air moved, leakage included."""
        leak = LEAK_SHUT_M3S if self.dampers_shut else LEAK_M3S
        return leak + FAN_M3S * self.derate * sum(self.speed)

    def most_m3s(self) -> float:
        """Air that every healthy fan together could move."""
        return LEAK_M3S + FAN_M3S * self.derate * self.broken.count(False)

    def fan_w(self, fan: int) -> float:
        """Watts of the motor now: it draws nearly all of it as soon as it turns."""
        return self._normal_w[fan] * (0.6 + 0.4 * self.speed[fan]) if self.turning(fan) else 0.0

    def total_w(self) -> float:
        """Watts of all fans."""
        return sum(self.fan_w(i) for i in range(len(self.on)))
