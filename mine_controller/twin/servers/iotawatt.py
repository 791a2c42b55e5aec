"""IotaWatt: /status and /query, as the firmware's serialiser writes them.

Watts of an input are text, below 2 W "0"; a query needs begin, end and group; its errors are 400 in text/plain with
a JSON body. Input 0 is the voltage reference, inputs 1..n the fans, named Fan_1..Fan_n; the next one, where the site
has a meter on its feed, is "Mains".
"""

from typing import Any, Final

from mine_controller.twin.answer import Answer, Asked, json_answer, not_found, text_answer
from mine_controller.twin.mains import Meter
from mine_controller.twin.noise import key_of, normal
from mine_controller.twin.sensors import METER_S, Sensors

_NEEDED: Final = ("begin", "end", "group")
_LIMIT: Final = 1000
MAINS: Final = "Mains"


class QueryError(Exception):
    """A query the firmware refuses; the text is its own."""


class Unit:
    """The fan meter. `start_wall_s` is the wall time of plant second 0; `no_clock`: time was never set."""

    def __init__(self, sensors: Sensors, *, no_clock: bool = False, mains: Meter | None = None) -> None:
        self.sensors, self.no_clock, self.mains = sensors, no_clock, mains
        self.names = [f"Fan_{i + 1}" for i in range(len(sensors.world.fans.on))]

    def answer(self, asked: Asked, at_s: float) -> Answer:
        """/status or /query."""
        if asked.path == "/status":
            return json_answer(self._status(asked.query, at_s))
        if asked.path != "/query":
            return not_found()
        if asked.query.get("show") == "series":
            return json_answer({"series": self._series()})
        try:
            return json_answer(self._query(asked.query, at_s))
        except QueryError as error:
            return text_answer(f'{{"error":"invalid query. {error}"}}', 400, "text/plain")

    def _wall_s(self, at_s: float) -> int:
        return 0 if self.no_clock else self.sensors.world.start_wall_s + int(at_s)

    def _hz(self, at_s: float) -> float:
        return 60 + 0.02 * normal(key_of(self.sensors.world.seed, "grid"), int(at_s // 10))

    def _status(self, query: dict[str, str], at_s: float) -> dict[str, Any]:
        out: dict[str, Any] = {}
        now = self._wall_s(at_s)
        if "stats" in query:
            out["stats"] = {
                "cyclerate": 28.4,
                "chanrate": 31.1,
                "starttime": max(0, now - 3600),
                "currenttime": now,
                "runseconds": 3600,
                "stack": 22800,
                "version": "02_08_03",
                "frequency": round(self._hz(at_s), 2),
                "lowbat": False,
            }
        if "inputs" in query:
            out["inputs"] = [{"channel": 0, "Vrms": 121.7, "Hz": round(self._hz(at_s), 2), "phase": 1.8}]
            out["inputs"] += [self._input(n, self.sensors.fan_w(n, at_s)) for n in range(len(self.names))]
            watts = None if self.mains is None else self.mains.watts(at_s, METER_S)
            out["inputs"] += [] if watts is None else [self._input(len(self.names), watts)]
        if "outputs" in query:
            out["outputs"] = [{"name": "fans_total", "units": "Watts", "value": round(self._total_w(at_s), 1)}]
        if "wifi" in query:
            out["wifi"] = {"connecttime": now, "SSID": "mine", "IP": "192.0.2.11", "channel": 6, "RSSI": -61}
        return out

    def _input(self, number: int, watts: float) -> dict[str, Any]:
        text = "0" if watts < 2 else f"{watts:.0f}"
        return {"channel": number + 1, "Watts": text, "Pf": 0.98 if watts >= 2 else 0.0, "phase": 2.1, "lastphase": 0.4}

    def _total_w(self, at_s: float) -> float:
        return sum(self.sensors.fan_w(i, at_s) for i in range(len(self.names)))

    def _series(self) -> list[dict[str, str]]:
        names = [*self.names, *([] if self.mains is None else [MAINS]), "fans_total"]
        return [{"name": "voltage", "unit": "Volts"}, *({"name": name, "unit": "Watts"} for name in names)]

    def _query(self, query: dict[str, str], at_s: float) -> Any:
        missing = [name for name in (*_NEEDED, "select") if name not in query]
        if missing:
            raise QueryError(f"Missing parameter: {missing[0]}")
        columns = query["select"].strip("[] ").split(",")
        end = int(self._wall_s(at_s) // METER_S * METER_S)
        begin = end - _back_s(query["begin"], query["end"])
        step = max(METER_S, end - begin) if query["group"] == "all" else METER_S
        ends = range(begin + step, end + 1, step)
        rows = [[self._cell(column.strip(), e - step, at_s - (end - e), step) for column in columns] for e in ends]
        rows = rows[:_LIMIT]
        if query.get("header") != "yes":
            return rows
        return {"range": [begin, end], "labels": [c.strip().split(".")[0] for c in columns], "data": rows}

    def _cell(self, column: str, begin: int, at_s: float, over_s: int) -> float | None:
        name, *rest = column.split(".")
        if name == "time":
            return begin
        decimals = int(rest[-1][1:]) if rest and rest[-1][:1] == "d" and rest[-1][1:].isdigit() else 1
        if self.mains is not None and name == MAINS:
            watts = self.mains.watts(at_s, over_s)
            return None if watts is None else round(watts)
        value = self._value(name, rest[0] if rest else "watts", at_s)
        return round(value, decimals) if decimals else round(value)

    def _value(self, name: str, unit: str, at_s: float) -> float:
        if name == "voltage":
            return self._hz(at_s) if unit == "hz" else 121.7
        if name == "fans_total":
            return self._total_w(at_s)
        if name not in self.names:
            raise QueryError(f"Invalid series: {name[:40]}")
        if unit == "amps":
            return self.sensors.fan_w(self.names.index(name), at_s) / 121.7
        return self.sensors.fan_w(self.names.index(name), at_s)


def _back_s(begin: str, end: str) -> int:
    """Seconds between "s-30s" and "s": the forms a tick asks for."""
    if end.strip() != "s" or not begin.startswith("s-"):
        raise QueryError("Invalid begin time")
    count, unit = begin[2:-1], begin[-1:]
    if not count.isdigit() or unit not in ("s", "m", "h"):
        raise QueryError("Invalid begin time")
    return min(int(count) * {"s": 1, "m": 60, "h": 3600}[unit], 86_400)
