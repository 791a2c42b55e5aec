"""An OpenMPTCProuter: ubus over HTTP, its own object's `status` and `statusinterfaces`. Refusals come with status 200.

Forms after OpenMPTCProuter's Lua source: OK, WARNING or ERROR a WAN, latency a text in ms that may be empty.
"""

from typing import Any, Final

from mine_controller.twin.answer import Answer, Asked, json_answer, not_found
from mine_controller.twin.container import LINKS, Container
from mine_controller.twin.noise import key_of, normal

NOBODY: Final = "0" * 32
SID: Final = "0123456789abcdef" * 2
MEASURES_S: Final = 1.5  # `status` pings while one waits


class Unit:
    """The router of one container: its uplinks, and the tunnel that bonds them."""

    def __init__(self, world: Container, user: str = "minectl", password: str = "twin-router") -> None:  # noqa: S107 - opens nothing but the twin
        self.world, self.user, self.password = world, user, password

    def answer(self, asked: Asked, at_s: float) -> Answer:
        """One call of ubus."""
        tree = asked.tree()
        params = tree.get("params") if isinstance(tree, dict) else None
        if asked.path != "/ubus" or not isinstance(params, list) or len(params) != 4:
            return not_found()
        sid, thing, method, arguments = params
        if (thing, method) == ("session", "login"):
            return _result(*self._login(arguments))
        if sid != SID:
            return json_answer({"jsonrpc": "2.0", "id": 1, "error": {"code": -32002, "message": "Access denied"}})
        if thing == "session":
            return _result(0)
        if thing != "openmptcprouter" or method not in ("status", "statusinterfaces"):
            return _result(4 if thing != "openmptcprouter" else 3)
        whole = method == "status"
        told = {"wans": self._wans(at_s)} | ({"openmptcprouter": self._whole()} if whole else {})
        return _result(0, told)._replace(took_s=MEASURES_S if whole else 0.0)

    def _login(self, arguments: Any) -> tuple[int, dict[str, Any] | None]:
        given = (arguments.get("username"), arguments.get("password")) if isinstance(arguments, dict) else ()
        return (0, {"ubus_rpc_session": SID, "timeout": 300}) if given == (self.user, self.password) else (6, None)

    def _wans(self, at_s: float) -> list[dict[str, Any]]:
        return [self._wan(number, name, up, at_s) for number, (name, up) in enumerate(self.world.links.items(), 1)]

    def _wan(self, number: int, name: str, up: bool, at_s: float) -> dict[str, Any]:
        good = up and self.world.internet
        noise = normal(key_of(self.world.seed, f"link {name}"), int(at_s // 60))
        latency = f"{max(5.0, LINKS[name] * (1 + 0.2 * noise)):.0f}" if good else ""
        about = {"label": name, "name": f"wan{number}", "ifname": f"eth{number}"}
        about["multipath"] = "master" if number == 1 else "on"
        return about | {"status": "OK" if good else "ERROR", "latency": latency, "state": "up" if up else "down"}

    def _whole(self) -> dict[str, Any]:
        state = "UP" if self.world.online else "DOWN"
        return {"version": "0.61", "vps_status": state, "vps_admin": True, "tun_state": state, "dns": True}


def _result(code: int, data: dict[str, Any] | None = None) -> Answer:
    return json_answer({"jsonrpc": "2.0", "id": 1, "result": [code] if data is None else [code, data]})
