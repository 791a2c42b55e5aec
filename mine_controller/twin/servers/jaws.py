"""Server Technology PRO2 (JAWS REST): outlets AA1..AAn, one cord, PATCH to switch; W, VA, kWh and Hz.

`active_power` of an outlet is there on metered ("POPS") models only, else the cord has the sum.
"""

import re
from typing import Any

from mine_controller.twin.answer import Answer, Asked, basic_ok, denied, json_answer, not_found
from mine_controller.twin.pdu import Pdu


class Unit:
    """One PDU."""

    def __init__(self, pdu: Pdu, user: str, password: str) -> None:
        self.pdu, self.user, self.password = pdu, user, password

    def answer(self, asked: Asked, at_s: float) -> Answer:
        """One call."""
        if not basic_ok(asked, self.user, self.password):
            return denied("JAWS")
        found = re.fullmatch(r"/jaws/(monitor|control)/outlets(?:/AA(\d+))?", asked.path)
        if found:
            return self._outlets(found[1], int(found[2]) - 1 if found[2] else None, asked, at_s)
        if asked.path in ("/jaws/monitor/cords", "/jaws/monitor/cords/AA"):
            return json_answer([self._cord(at_s)])
        if asked.path == "/jaws/monitor/system":
            return json_answer({"firmware": "Version 8.0v", "id": "twin", "uptime": int(at_s)})
        if asked.path == "/jaws/monitor/sensors/temp":
            return json_answer([{"id": "A1", "name": "Temp_Sensor_A1", "status": "Not Found"}])
        return not_found()

    def _outlets(self, side: str, number: int | None, asked: Asked, at_s: float) -> Answer:
        if number is not None and not 0 <= number < self.pdu.count:
            return not_found()
        if side == "monitor":
            if number is not None:
                return json_answer(self._outlet(number, at_s))
            return json_answer([self._outlet(i, at_s) for i in range(self.pdu.count)])
        action = asked.tree().get("control_action")
        if asked.method != "PATCH" or number is None or action not in ("on", "off"):
            return json_answer({"error": "bad control action"}, 400)
        done = self.pdu.switch(number, action == "on", at_s)
        return Answer(204, {}, b"") if done else json_answer({"error": "control failed"}, 500)

    def _outlet(self, i: int, at_s: float) -> dict[str, Any]:
        on = self.pdu.shown_on(i)
        watts = {"active_power": round(self.pdu.watts(i, at_s)), "active_power_status": "Normal"}
        energy = {"energy": round(self.pdu.energy_kwh(i), 1)}
        return {
            "id": f"AA{i + 1}",
            "name": f"Master_Outlet_{i + 1}",
            "branch_id": f"AA{1 + i // 8}",
            "control_state": "Idle On" if on else "Idle Off",
            "current_capacity": 16,
            "socket_type": "C19",
            "state": "On" if on else "Off",
            "status": "Normal",
            **(watts | energy if self.pdu.metered else {}),
        }

    def _cord(self, at_s: float) -> dict[str, Any]:
        watts = round(self.pdu.total_w(at_s))
        return {
            "id": "AA",
            "name": "Master_Cord_A",
            "active_power": watts,
            "active_power_status": "Normal",
            "apparent_power": round(watts / 0.99),
            "energy": round(sum(self.pdu.energy_kwh(i) for i in range(self.pdu.count)), 1),
            "frequency": 60,
            "power_factor": 0.99,
            "state": "On",
            "status": "Normal",
        }
