"""A rack PDU without a language: outlets, meters, a switch. The servers put words to it."""

from typing import Final

from mine_controller.twin.sensors import Sensors
from mine_controller.twin.world import Action

BEFORE_KWH: Final = 36_166.0  # what each outlet had counted before the story


class Pdu:
    """Outlets `first` .. `first + count - 1` of the world, addressed 0-based. `jams`: outlets whose command fails.

    `lie`: "zero", it shows 0 W of every outlet; "off", and each of them as switched off; "" the truth.
    """

    def __init__(self, sensors: Sensors, first: int, count: int, *, metered: bool = True) -> None:
        self.sensors, self.first, self.count, self.metered = sensors, first, count, metered
        self.world = sensors.world
        self.jams: set[int] = set()
        self.lie = ""

    def shown_on(self, outlet: int) -> bool:
        """What the PDU believes; a welded contact makes it wrong."""
        return self.lie != "off" and self.world.fleet.outlet_on[self.first + outlet]

    def watts(self, outlet: int, at_s: float) -> float:
        """Measured watts of one outlet."""
        return 0.0 if self.lie else self.sensors.outlet_w(self.first + outlet, at_s)

    def total_w(self, at_s: float) -> float:
        """Measured watts of all its outlets."""
        return sum(self.watts(i, at_s) for i in range(self.count))

    def energy_kwh(self, outlet: int) -> float:
        """The outlet's counter: it stands still without power."""
        return BEFORE_KWH + self.world.boards.miner_kwh(self.first + outlet)

    def switch(self, outlet: int, on: bool, at_s: float) -> bool:
        """Drive the contact at `at_s`; False when the relay board refuses."""
        if outlet in self.jams:
            return False
        self.world.schedule(at_s, Action("outlet", self.first + outlet, "on" if on else "off"))
        return True
