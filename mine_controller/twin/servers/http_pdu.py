"""A Tasmota-like box of metered sockets: /cm?cmnd=Power3%20On, Power3, Status%208. Replies as on its console."""

import re
from typing import Any

from mine_controller.twin.answer import Answer, Asked, json_answer, not_found
from mine_controller.twin.pdu import Pdu


class Unit:
    """One box. With one socket it says POWER, with several POWER1, POWER2 and so on. `password`: user and password
    stand in the query, and a wrong one is an HTTP 200 with a warning."""

    def __init__(self, pdu: Pdu, user: str = "", password: str = "") -> None:
        self.pdu, self.user, self.password = pdu, user, password

    def answer(self, asked: Asked, at_s: float) -> Answer:
        """One console command."""
        if asked.path != "/cm":
            return not_found()
        if self.password and (asked.query.get("user"), asked.query.get("password")) != (self.user, self.password):
            return json_answer({"WARNING": "Need user=<username>&password=<password>"})
        return json_answer(self._command(asked.query.get("cmnd", "").strip().lower(), at_s))

    def _command(self, text: str, at_s: float) -> dict[str, Any]:
        if text in ("status 8", "status 10", "status0 8"):
            return {"StatusSNS": {"Time": "1970-01-01T00:00:00", "ENERGY": self._energy(at_s)}}
        if text in ("state", "status 11"):
            words = {self._name(i): self._word(i) for i in range(self.pdu.count)}
            return words if text == "state" else {"StatusSTS": words}
        found = re.fullmatch(r"power(\d*)(?: (on|off|1|0))?", text)
        if not found or not 0 <= int(found[1] or 1) - 1 < self.pdu.count:
            return {"Command": "Unknown"}
        socket = int(found[1] or 1) - 1
        if not found[2]:
            return {self._name(socket): self._word(socket)}
        on = found[2] in ("on", "1")
        done = self.pdu.switch(socket, on, at_s)
        return {self._name(socket): ("ON" if on else "OFF") if done else self._word(socket)}

    def _name(self, socket: int) -> str:
        return "POWER" if self.pdu.count == 1 else f"POWER{socket + 1}"

    def _word(self, socket: int) -> str:
        return "ON" if self.pdu.shown_on(socket) else "OFF"

    def _energy(self, at_s: float) -> dict[str, Any]:
        watts = [round(self.pdu.watts(i, at_s)) for i in range(self.pdu.count)]
        total = round(sum(self.pdu.energy_kwh(i) for i in range(self.pdu.count)), 3)
        return {"Total": total, "Power": watts[0] if len(watts) == 1 else watts, "Voltage": 277, "Factor": 0.99}
