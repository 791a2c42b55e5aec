"""emonCMS: feeds and inputs of one user. Numbers come as texts (its cache does that); errors often as HTTP 200.

A feed keeps its last value for ever: `stopped_at_s` freezes values and times, as when the sender died.
"""

from typing import Any, Final

from mine_controller.twin.answer import Answer, Asked, json_answer, text_answer
from mine_controller.twin.sensors import Sensors

INTERVAL_S: Final = 10


class Unit:
    """Feeds 1..n are the fans' watts (fan1..fann), n+1 their sum. `prefix`: "" or "/emoncms"."""

    def __init__(self, sensors: Sensors, key: str, *, prefix: str = "") -> None:
        self.sensors, self.key, self.prefix = sensors, key, prefix
        self.stopped_at_s: float | None = None
        self.names = [f"fan{i + 1}" for i in range(len(sensors.world.fans.on))] + ["fans_total"]

    def answer(self, asked: Asked, at_s: float) -> Answer:
        """One call."""
        if not asked.path.startswith(self.prefix + "/"):
            return text_answer("404 Not Found", 404, "text/plain")
        path = asked.path.removeprefix(self.prefix + "/").removesuffix(".json")
        if path == "version":
            return text_answer("11.6.1", kind="text/plain")
        given = asked.query.get("apikey") or asked.headers.get("authorization", "").removeprefix("Bearer ")
        if not given:
            return json_answer(False)
        if given != self.key:
            return text_answer("Invalid API key", 401, "text/plain")
        return self._route(path, asked.query, at_s if self.stopped_at_s is None else self.stopped_at_s)

    def _route(self, path: str, query: dict[str, str], at_s: float) -> Answer:
        number = int(query["id"]) if query.get("id", "").isdigit() else 0
        known = 1 <= number <= len(self.names)
        if path == "feed/list":
            return json_answer([self._feed(n, at_s) for n in range(1, len(self.names) + 1)])
        if path == "feed/fetch":
            ids = query.get("ids", "").split(",")
            return json_answer([self._value(int(n), at_s) if self._has(n) else False for n in ids])
        if path in ("feed/timevalue", "feed/value", "feed/data"):
            if not known:
                return json_answer({"success": False, "message": "Feed does not exist"})
            return json_answer(self._one(path, number, query, at_s))
        if path.startswith("input/get"):
            return json_answer(self._inputs(path.split("/")[2:], at_s))
        if path == "input/post":
            return json_answer({"success": True}) if "fulljson" in query else text_answer("ok", kind="text/plain")
        return text_answer("Not acceptable", 406, "text/plain")

    def _has(self, text: str) -> bool:
        return text.isdigit() and 1 <= int(text) <= len(self.names)

    def _time(self, at_s: float) -> int:
        wall = self.sensors.world.start_wall_s + int(at_s)
        return wall - wall % INTERVAL_S

    def _value(self, number: int, at_s: float) -> int:
        fans = range(len(self.names) - 1)
        return round(sum(self.sensors.fan_w(i, at_s) for i in (fans if number > len(fans) else (number - 1,))))

    def _feed(self, number: int, at_s: float) -> dict[str, Any]:
        head = {"id": str(number), "userid": "1", "name": self.names[number - 1], "tag": "mine", "public": ""}
        tail = {"size": "8640", "engine": "5", "unit": "W", "time": self._time(at_s)}
        return {**head, **tail, "value": str(self._value(number, at_s))}

    def _one(self, path: str, number: int, query: dict[str, str], at_s: float) -> Any:
        value = self._value(number, at_s)
        if path == "feed/value":
            return value
        if path == "feed/timevalue":
            return {"time": self._time(at_s), "value": value}
        times = [self._time(at_s) - INTERVAL_S * i for i in range(5, -1, -1)]
        scale = 1 if query.get("timeformat") == "unix" else 1000
        return [[t * scale, value] for t in times]

    def _inputs(self, rest: list[str], at_s: float) -> Any:
        stamp = self._time(at_s)
        node = {
            name: {"time": stamp, "value": self._value(n, at_s), "processList": f"1:{n}"}
            for n, name in enumerate(self.names, 1)
        }
        if not rest:
            return {"mine": node}
        if rest[0] != "mine":
            return {"success": False, "message": "Node does not exist"}
        return node if len(rest) == 1 else node.get(rest[1], {"success": False, "message": "Input does not exist"})
