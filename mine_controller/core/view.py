"""What a rule is shown: the image, the fleet summed up, the wiring and the state as it was. Read-only."""

from mine_controller.core.fleet import Fleet
from mine_controller.core.model.alarm import AlarmPolicy
from mine_controller.core.model.image import Image
from mine_controller.core.model.policy import PoolFacts, SiteOptions
from mine_controller.core.model.reading import Value
from mine_controller.core.model.state import FanBook, State
from mine_controller.core.model.wiring import Wiring
from mine_controller.record import NamedTuple

ABSENT = Value(None, 0, "", "absent")


class View(NamedTuple):
    """One round as a rule sees it. Every rule gets the same one; none can change it."""

    image: Image
    fleet: Fleet
    wiring: Wiring
    site: SiteOptions
    state: State
    fans: dict[str, FanBook]  # the fan books of this round
    pools: tuple[PoolFacts, ...] = ()
    alarms: AlarmPolicy = AlarmPolicy()  # the owner's thresholds, for what is told once

    @property
    def now_s(self) -> int:
        """Plant time of this round."""
        return self.image.clock.plant_s

    def role(self, name: str) -> Value:
        """A role's value; `wired` tells absent from unknown."""
        return self.image.site.get(name, ABSENT)

    def wired(self, name: str) -> bool:
        """True when a config section provides the role."""
        return name in self.wiring.roles

    def number(self, name: str) -> float | None:
        """A role's number, or None when unknown or absent."""
        value = self.role(name).value
        return float(value) if isinstance(value, int | float) else None

    @property
    def proven_fans(self) -> int:
        """Fans whose air is proven by fresh watts."""
        return sum(book.state == "proven" for book in self.fans.values())

    @property
    def acked(self) -> bool:
        """True in the round that took a person's `resume`, or an `ack` of everything."""
        return bool(self.state.last.get("acked_s") == self.now_s)

    @property
    def seen(self) -> bool:
        """True also where a person has but seen it, by whatever way: an `ack` of an emergency by its name."""
        return self.acked or bool(self.state.last.get("seen_s") == self.now_s)

    def lets_go(self, kind: str, about: str) -> bool:
        """True in the round that took a person's word for this alarm: `resume`, an `ack` of it or of everything."""
        one = self.state.last.get("acked_one") or {}
        return self.acked or (one.get("at_s") == self.now_s and f"{kind} {about}" in one["keys"])
