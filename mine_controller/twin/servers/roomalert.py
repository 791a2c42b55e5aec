"""AVTECH Room Alert: getData.json as firmware v3 sends it, getData.htm without any HTTP header as old firmware does.

Values are texts, flags are numbers, the unit's clock is wrong by decades, and an empty slot reads 0.00 degC: all
seen in dumps of real units.
"""

import re
from typing import Any, Final

from mine_controller.twin.answer import Answer, Asked, json_answer, not_found, text_answer
from mine_controller.twin.sensors import Sensors
from mine_controller.twin.weather import saturation_hpa

LABELS: Final = ("Inlet left", "Inlet middle", "Inlet right", "Hot aisle", "Outside", "Spare")
SWITCHES: Final = ("Smoke", "Water", "Door", "Mains failure")
_BOOTED_S: Final = 7_697_093  # 89 days and a bit before the story begins


class Unit:
    """Six slots: three inlet (the first with humidity), hot aisle, outside, one empty; four switch inputs, 0 = normal.

    `old`: firmware that speaks the header-less form only. `stuck`: slot number -> degC it repeats for ever.
    `unplugged`: slots whose probe was pulled out.
    """

    def __init__(self, sensors: Sensors, *, old: bool = False) -> None:
        self.sensors, self.old = sensors, old
        self.stuck: dict[int, float] = {}
        self.unplugged: set[int] = set()

    def answer(self, asked: Asked, at_s: float) -> Answer:
        """The whole dump; there is nothing else."""
        if asked.path == "/getData.json" and not self.old:
            return json_answer(self._tree(at_s))
        if asked.path == "/getData.htm" and self.old:
            return Answer(200, {}, _unquoted(self._tree(at_s)), raw=True)
        if self.old:
            return text_answer("<html><body>404 ERROR</body></html>", 404)
        return not_found()

    def _tree(self, at_s: float) -> dict[str, Any]:
        return {
            "name": "RA12-000001",
            "date": "03/31/00 02:04:53",
            "uptime": _uptime(int(at_s) + _BOOTED_S),
            "scale": 0,
            "macaddr": "00:80:A3:00:00:01",
            "devtype": "12",
            "refresh": "60",
            "interval": "60",
            "version": "v1.4.0" if self.old else "v3.2.5",
            "port": 80,
            "ip": "192.0.2.10",
            "serial": "RA12-000001",
            "sensor": [self._slot(n, at_s) for n in range(1, len(LABELS) + 1)],
            "relay": [{"lab": "Relay Output", "stat": 0, "relay_id": 1}],
            "s_sen": [_switch(label, closed) for label, closed in zip(SWITCHES, self._switches(), strict=True)],
        }

    def _switches(self) -> tuple[bool, ...]:
        world = self.sensors.world
        return world.smoke, world.water, world.door_open, not world.mains

    def _slot(self, number: int, at_s: float) -> dict[str, Any]:
        label = LABELS[number - 1]
        if label == "Spare" or number in self.unplugged:
            return _sensor(label, 0.0, 0, 0)
        if number <= 3:
            true = self.sensors.temp_c("inlet_c", number, at_s)
        else:
            true = self.sensors.temp_c("hot_aisle_c" if number == 4 else "ambient_c", number, at_s)
        temp_c = round(self.stuck.get(number, true), 1)
        if number > 1:
            return _sensor(label, temp_c, 16, 1)
        humid = self.sensors.humidity_pct(number, at_s)
        return _sensor(label, temp_c, 38, 1) | _humid(temp_c, humid)


def _sensor(label: str, temp_c: float, kind: int, enabled: int) -> dict[str, Any]:
    shown = {name: f"{c:.2f}" for name, c in (("tc", temp_c), ("hc", temp_c + 8), ("lc", temp_c - 8))}
    shown |= {name[0] + "f": f"{float(c) * 9 / 5 + 32:.2f}" for name, c in shown.items()}
    return {"lab": label, **shown, "ala": 0, "profile": 1, "t": kind, "en": enabled}


def _humid(temp_c: float, humid: float) -> dict[str, Any]:
    dew_hpa = saturation_hpa(temp_c) * humid / 100
    low, high = -60.0, 60.0
    while high - low > 0.005:
        middle = (low + high) / 2
        low, high = (middle, high) if saturation_hpa(middle) < dew_hpa else (low, middle)
    dew = {"dpc": f"{low:.2f}", "dpf": f"{low * 9 / 5 + 32:.2f}"}
    return {"h": f"{humid:.2f}", "hh": "96.10", "lh": "18.40", "hen": 0, **dew}


def _switch(label: str, closed: bool) -> dict[str, Any]:
    return {"lab": label, "en": 1, "ala": 1, "profile": 1, "stat": int(closed)}


def _uptime(seconds: int) -> str:
    days, rest = divmod(seconds, 86_400)
    return f"{days}d {rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"


def _unquoted(tree: dict[str, Any]) -> bytes:
    """The old firmware writes keys without quotes."""
    return re.sub(rb'"([A-Za-z_]\w*)":', rb"\1:", json_answer(tree).body)
