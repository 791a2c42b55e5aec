"""What follows from the config alone is worked out once a config, not once a round. Pure: a config never changes."""

from collections.abc import Callable
from typing import Generic, TypeVar

from mine_controller.core.model.wiring import MinerSpec

Miners = tuple[MinerSpec, ...]
S = TypeVar("S")
T = TypeVar("T")


class OnceEach(Generic[S, T]):
    """`make` of a part of the config; the very same one gets what it got before."""

    def __init__(self, make: Callable[[S], T]) -> None:
        self._make = make
        self._last: tuple[S, T] | None = None

    def __call__(self, given: S) -> T:
        """What follows from it."""
        last = self._last
        if last is None or last[0] is not given:
            self._last = last = (given, self._make(given))  # in one step: other threads see both or neither
        return last[1]


class Once(OnceEach[Miners, T]):
    """The same of all miners."""


def each(make: Callable[[MinerSpec], T]) -> Callable[[Miners], tuple[T, ...]]:
    """`make` of each miner, in their order."""
    return lambda miners: tuple(map(make, miners))
