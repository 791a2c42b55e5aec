"""Raritan / Xerus JSON-RPC: a path names the object, the body the method; outlets count from 0; /bulk takes many.

Three ways to fail: HTTP 401, a JSON-RPC error object with HTTP 200, and a `_ret_` other than 0 with HTTP 200.
"""

import re
from typing import Any, Final

from mine_controller.twin.answer import Answer, Asked, basic_ok, denied, json_answer, not_found
from mine_controller.twin.pdu import Pdu

_OUTLET: Final = re.compile(r"/model/(?:pdu/0/)?outlet/(\d+)(?:/(\w+))?")
_INLET: Final = re.compile(r"/model/pdu/0/inlet/0/(\w+)")
_CALM: Final = {
    "aboveUpperCritical": False,
    "aboveUpperWarning": False,
    "belowLowerWarning": False,
    "belowLowerCritical": False,
}
_DISABLED: Final = 3


class RpcError(Exception):
    """A JSON-RPC error object."""


class Unit:
    """One PDU."""

    def __init__(self, pdu: Pdu, user: str, password: str) -> None:
        self.pdu, self.user, self.password = pdu, user, password

    def answer(self, asked: Asked, at_s: float) -> Answer:
        """One call, or a bulk of them."""
        if not basic_ok(asked, self.user, self.password):
            return denied("Raritan PDU")
        if asked.method != "POST":
            return not_found()
        call = asked.tree()
        if asked.path == "/bulk":
            rows = call.get("params", {}).get("requests", [])
            parts = [{"json": self._call(row["rid"], row["json"], at_s), "statcode": 200} for row in rows]
            return json_answer({"jsonrpc": "2.0", "result": {"responses": parts}, "id": call.get("id")})
        return json_answer(self._call(asked.path, call, at_s))

    def _call(self, path: str, call: dict[str, Any], at_s: float) -> dict[str, Any]:
        head = {"jsonrpc": "2.0", "id": call.get("id")}
        try:
            return {**head, "result": self._result(path, call.get("method", ""), call.get("params") or {}, at_s)}
        except RpcError as error:
            return {**head, "error": {"code": -32601, "message": str(error)}}

    def _result(self, path: str, method: str, params: dict[str, Any], at_s: float) -> dict[str, Any]:
        outlet, inlet = _OUTLET.fullmatch(path), _INLET.fullmatch(path)
        if inlet and method == "getReading":
            return {"_ret_": self._reading(self._unit_value(inlet[1], at_s), at_s)}
        if not outlet or int(outlet[1]) >= self.pdu.count:
            raise RpcError("Method not found")
        number = int(outlet[1])
        if outlet[2] and method == "getReading":
            return {"_ret_": self._reading(self._outlet_value(number, outlet[2], at_s), at_s)}
        if method == "getState":
            return {"_ret_": self._state(number)}
        if method == "setPowerState":
            done = self.pdu.switch(number, params.get("pstate") == 1, at_s)
            return {"_ret_": 0 if done else _DISABLED}
        raise RpcError("Method not found")

    def _reading(self, value: float | None, at_s: float) -> dict[str, Any]:
        known = value is not None
        stamp = self.pdu.world.start_wall_s + int(at_s)
        head = {"timestamp": stamp, "available": known, "status": _CALM, "valid": known}
        return {**head, "value": round(value, 1) if value is not None else 0.0}

    def _unit_value(self, sensor: str, at_s: float) -> float | None:
        watts = self.pdu.total_w(at_s)
        wh = 1000 * sum(self.pdu.energy_kwh(i) for i in range(self.pdu.count))
        return _of(sensor, watts, wh)

    def _outlet_value(self, number: int, sensor: str, at_s: float) -> float | None:
        if not self.pdu.metered:
            return None
        return _of(sensor, self.pdu.watts(number, at_s), 1000 * self.pdu.energy_kwh(number))

    def _state(self, number: int) -> dict[str, Any]:
        on = int(self.pdu.shown_on(number))
        quiet = {"switchOnInProgress": False, "cycleInProgress": False, "isLoadShed": False}
        led = {"red": bool(on), "green": False, "blinking": False}
        return {"available": True, "powerState": on, **quiet, "ledState": led, "lastPowerStateChange": 0}


def _of(sensor: str, watts: float, wh: float) -> float | None:
    amps = watts / 277.1
    table = {"activePower": watts, "activeEnergy": wh, "voltage": 277.1, "lineFrequency": 60.0, "current": amps}
    if sensor not in table:
        raise RpcError("Method not found")
    return table[sensor]
