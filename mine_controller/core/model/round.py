"""One round as it happened: what a record holds and what a tick hands to its store."""

from collections.abc import Sequence

from mine_controller.core.model.clock import Clock
from mine_controller.core.model.command import Outcome
from mine_controller.core.model.decision import Decision
from mine_controller.core.model.image import Image, Request
from mine_controller.core.model.reading import Reading
from mine_controller.record import NamedTuple


class Round(NamedTuple):
    """`number` 0 is the opening; `outcomes` is empty while its commands are under way."""

    number: int
    clock: Clock
    readings: Sequence[Reading]
    requests: tuple[Request, ...]
    image: Image
    decision: Decision
    outcomes: tuple[Outcome, ...] = ()
