"""What follows from the wiring alone is worked out once a wiring, not once a round. Pure: a wiring never changes."""

from collections.abc import Callable
from typing import Generic, TypeVar

from mine_controller.core.model.wiring import MinerSpec

Miners = tuple[MinerSpec, ...]
T = TypeVar("T")


class Once(Generic[T]):
    """`make` of all miners; the very same tuple of miners gets what it got before."""

    def __init__(self, make: Callable[[Miners], T]) -> None:
        self._make = make
        self._last: tuple[Miners, T] | None = None

    def __call__(self, miners: Miners) -> T:
        """What follows from them."""
        last = self._last
        if last is None or last[0] is not miners:
            self._last = last = (miners, self._make(miners))  # in one step: other threads see both or neither
        return last[1]


def each(make: Callable[[MinerSpec], T]) -> Callable[[Miners], tuple[T, ...]]:
    """`make` of each miner, in their order."""
    return lambda miners: tuple(map(make, miners))
