"""What follows from the wiring alone is worked out once a wiring, not once a round. Pure: a wiring never changes."""

from collections.abc import Callable
from typing import Generic, TypeVar

from mine_controller.core.model.wiring import MinerSpec

T = TypeVar("T")


class Once(Generic[T]):
    """`make` of each miner, in their order; the very same tuple of miners gets what it got before."""

    def __init__(self, make: Callable[[MinerSpec], T]) -> None:
        self._make = make
        self._last: tuple[tuple[MinerSpec, ...], tuple[T, ...]] = ((), ())

    def __call__(self, miners: tuple[MinerSpec, ...]) -> tuple[T, ...]:
        """One for each miner."""
        known, found = self._last
        if known is not miners:
            found = tuple(self._make(spec) for spec in miners)
            self._last = (miners, found)  # in one step: other threads see both or neither
        return found
