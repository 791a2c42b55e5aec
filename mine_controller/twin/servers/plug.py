"""A metered smart plug: Shelly's `Switch.GetStatus` and `Switch.Set`, as its second generation answers them.

It measures to 2 % and looks every ten seconds. Forms after the maker's published interface.
"""

from typing import Any, Final

from mine_controller.twin.answer import Answer, Asked, json_answer, not_found
from mine_controller.twin.noise import key_of, normal
from mine_controller.twin.rig import Rig

LOOKS_S: Final = 10
ERROR: Final = 0.02 / 2
GET, SET = "/rpc/Switch.GetStatus", "/rpc/Switch.Set"


class Unit:
    """The plug that feeds one miner."""

    def __init__(self, rig: Rig, seed: int) -> None:
        self.rig = rig
        self._key = key_of(seed, f"plug {rig.name}")

    def answer(self, asked: Asked, at_s: float) -> Answer:
        """One call; its one switch is number 0."""
        self.rig.advance(at_s)
        if asked.path not in (GET, SET) or asked.query.get("id") != "0":
            return not_found()
        if asked.path == GET:
            return json_answer(self._status(at_s))
        was_on, to = self.rig.powered, asked.query.get("on")
        if to not in ("true", "false"):
            return json_answer({"code": -103, "message": "Invalid argument 'on'!"}, 500)
        self.rig.do("on" if to == "true" else "off", at_s=at_s)
        return json_answer({"was_on": was_on})

    def _status(self, at_s: float) -> dict[str, Any]:
        watts = self.rig.power_w() * (1 + ERROR * normal(self._key, int(at_s // LOOKS_S)))
        return {
            "id": 0,
            "source": "HTTP_in",
            "output": self.rig.powered,
            "apower": round(watts, 1),
            "voltage": 230.4,
            "aenergy": {"total": round(self.rig.energy_kwh() * 1000, 3)},
        }
