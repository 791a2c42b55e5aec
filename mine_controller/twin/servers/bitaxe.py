"""Bitaxe (AxeOS): the board's own web interface, by firmware.

Flags are 0/1 and difficulties texts before 2.14, true/false and numbers from then on, with pause, resume and the rate
of the last minute. Before 2.6 a new clock, before 2.15 a new pool waits for a restart; from 2.15 on pools are a list
and their flat keys only tell. A board that found itself too hot says `overheat_mode` until it has cooled. Keys after a
recorded 2.4.5 and the firmware's own API document. What is stored is shown at once, also where it waits for a restart.
"""

import re
from typing import Any, Final

from mine_controller.twin.answer import Answer, Asked, json_answer, not_found, text_answer
from mine_controller.twin.rig import HOT, Habits, Heat, Mode, Rig
from mine_controller.twin.settings import Settings

HI_S: Final = 30.0  # how long an identified board says so
PAUSES, TUNES_LIVE, POOL_LIST = (2, 14), (2, 6), (2, 15)
PAGE: Final = "<!doctype html><html><head><title>AxeOS</title></head><body><app-root></app-root></body></html>"
# The clocks its own page offers, MHz and mV, by chip; the second one is what it leaves the factory with.
CLOCKS: Final = {
    "BM1366": {"eco": (400, 1100), "standard": (485, 1200), "turbo": (525, 1250), "overclock": (575, 1300)},
    "BM1368": {"eco": (400, 1100), "standard": (490, 1166), "turbo": (525, 1200), "overclock": (575, 1250)},
    "BM1370": {"eco": (400, 1000), "standard": (525, 1150), "turbo": (600, 1150), "overclock": (625, 1200)},
}
FACTS: Final[dict[str, Any]] = {
    "kind": "bitaxe",
    "model": "BM1370",
    "firmware": "v2.14.1",
    "nominal_w": 17.0,
    "standby_w": 2.4,
    "rate_ths": 1.2,
    "boot_s": 8.0,
    "ramp_s": 12.0,
    "fan_rpm": 7200.0,
    "heat": Heat(pins_fan=True),
    "habits": Habits(needs_pool=True),
}


class Unit:
    """One board. `refuses`: another address range asks than it lets in, so whatever changes something gets 401."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        rig.offer(_modes(rig.model), "standard")
        numbers = re.findall(r"\d+", rig.firmware) or ["0"]
        self.version = tuple(int(number) for number in numbers[:3])

    def answer(self, asked: Asked, at_s: float) -> Answer:
        """One call."""
        self.rig.advance(at_s)
        return wrong(self.rig) or self._route(asked, at_s)

    def _route(self, asked: Asked, at_s: float) -> Answer:
        what = f"{asked.method} {asked.path}"
        if what == "GET /api/system/info":
            return json_answer(self._info())
        if asked.method == "GET":
            return text_answer(PAGE) if asked.path == "/" else not_found()
        if self.rig.refuses:
            return text_answer("Unauthorized", 401, "text/plain")
        if what == "PATCH /api/system":
            return self._patch(asked)
        found = re.fullmatch(r"PUT /api/system/pools/(\d)", what)
        if found and self.version >= POOL_LIST:
            return self._pool(int(found[1]), asked.tree())
        return self._post(what, at_s)

    def _post(self, what: str, at_s: float) -> Answer:
        pauses = self.version >= PAUSES
        if what == "POST /api/system/pause" and pauses:
            self.rig.do("stop", at_s=at_s)
            return json_answer({"message": "Mining paused"})
        if what == "POST /api/system/resume" and pauses:
            self.rig.do("run", at_s=at_s)
            return json_answer({"message": "Mining resumed"})
        if what == "POST /api/system/restart":
            self.rig.do("restart", at_s=at_s + 1)
            return self._said("System will restart shortly.")
        if what == "POST /api/system/identify" and self.version >= TUNES_LIVE:
            return self._identify(at_s)
        return not_found()

    def _said(self, text: str) -> Answer:
        return json_answer({"message": text}) if self.version >= TUNES_LIVE else text_answer(text, kind="text/plain")

    def _identify(self, at_s: float) -> Answer:
        """Once more while it says so ends it."""
        on = not self.rig.light
        self.rig.do("locate", "on" if on else "off", at_s)
        if on:
            self.rig.do("locate", "off", at_s + HI_S)
        return self._said('The device says "Hi!" for 30 seconds.' if on else 'The device no longer says "Hi!".')

    # ---------------------------------------------------------------- settings

    def _patch(self, asked: Asked) -> Answer:
        tree = asked.tree()
        if not isinstance(tree, dict) or not tree:
            return text_answer("Invalid JSON", 400, "text/plain")
        wishes = self._wishes(tree)
        if wishes is None or not all(self.rig.takes(verb, value) for verb, value, _ in wishes):
            return text_answer("Wrong API input", 400, "text/plain")
        for verb, value, live in wishes:
            (self.rig.do if live else self.rig.store)(verb, value)
        if tree.get("overheat_mode") == 0 and self.rig.phase == HOT:
            self.rig.do("run")
        return Answer(200, {}, b"")

    def _wishes(self, tree: dict[str, Any]) -> list[tuple[str, str, bool]] | None:
        """Verb, value and whether it counts at once; None when a value is none. Keys it does not know pass by."""
        wishes = []
        pairs = {"frequency": "frequency_mhz", "coreVoltage": "core_voltage_mv"}
        tune = [f"{name}={tree[key]}" for key, name in pairs.items() if key in tree]
        if tune:
            wishes.append(("tune", " ".join(tune), self.version >= TUNES_LIVE))
        if tree.get("autofanspeed") in (1, True):
            wishes.append(("fan", "auto", True))
        elif "manualFanSpeed" in tree or "fanspeed" in tree:
            wishes.append(("fan", str(tree.get("manualFanSpeed", tree.get("fanspeed"))), True))
        if tree.get("overheat_mode", 0) != 0:
            return None
        return wishes + (self._listed(tree) if self.version >= POOL_LIST else self._flat(tree))

    def _flat(self, tree: dict[str, Any]) -> list[tuple[str, str, bool]]:
        """The first and the second pool by keys of their own; what is not given stays."""
        wishes = []
        for at, prefix in enumerate(("stratum", "fallbackStratum")):
            keys = [f"{prefix}{end}" for end in ("URL", "Port", "User")]
            if any(key in tree for key in keys):
                host, port, user = parts(self.rig, at)
                host, port, user = tree.get(keys[0], host), tree.get(keys[1], port), tree.get(keys[2], user)
                wishes.append(("pool", f"{at} stratum+tcp://{host}:{port} {user}", False))
        return wishes

    def _listed(self, tree: dict[str, Any]) -> list[tuple[str, str, bool]]:
        """Pools by id, and which of them is the first."""
        rows = tree.get("pools") if isinstance(tree.get("pools"), list) else []
        assert isinstance(rows, list)
        wishes = [("pool", _written(self.rig, row.get("id", at), row), True) for at, row in enumerate(rows)]
        if isinstance(tree.get("primaryPoolIndex"), int):
            wishes.append(("pool", str(tree["primaryPoolIndex"]), True))
        return wishes

    def _pool(self, at: int, tree: Any) -> Answer:
        if not isinstance(tree, dict) or not self.rig.do("pool", _written(self.rig, at, tree)):
            return text_answer("Wrong API input", 400, "text/plain")
        return Answer(200, {}, b"")

    # ---------------------------------------------------------------- state

    def _info(self) -> dict[str, Any]:
        rig, kept = self.rig, self.rig.kept()
        new = self.version >= PAUSES
        accepted, rejected, _ = rig.shares()
        rate_ghs, watts = rig.told_hs() / 1e9, rig.told_w()
        if not new and rig.uptime_s() < 10:
            rate_ghs = 1000.0  # what old firmware says before it knows
        info: dict[str, Any] = {
            "ASICModel": rig.model,
            "asicCount": 1,
            "autofanspeed": int(rig.fan_set is None),
            "bestDiff": 1_843_217 if new else "1.84M",
            "bestSessionDiff": 483_112 if new else "483k",
            "boardVersion": "601",
            "coreVoltage": round(kept.tuned.core_voltage_mv),
            "coreVoltageActual": round(rig.tuned.core_voltage_mv * 0.995),
            "current": round(watts / 5.15 * 1000, 2),
            "fanrpm": rig.fan_rpms()[0] if rig.fans else 0,
            "fanspeed": round(rig.fan_pct(), 1) if new else round(rig.fan_pct()),
            "flipscreen": 1,
            "freeHeap": 8_443_612,
            "frequency": round(kept.tuned.frequency_mhz),
            "hashRate": round(rate_ghs, 3),
            "hostname": rig.name,
            "idfVersion": "v5.5.1" if new else "v5.4",
            "invertscreen": 0,
            "macAddr": rig.mac.upper(),
            "overheat_mode": self._flag(rig.phase == HOT),
            "power": round(watts, 4),
            "runningPartition": "ota_0",
            "sharesAccepted": accepted,
            "sharesRejected": rejected,
            "smallCoreCount": 2040,
            "ssid": "twin",
            "temp": round(rig.chip_c() * 8) / 8,
            "uptimeSeconds": int(rig.uptime_s()),
            "version": rig.firmware,
            "voltage": 5150,
            "vrTemp": round(rig.chip_c() + 6),
            "wifiStatus": "Connected!",
            **self._pools(kept),
        }
        return info | (self._new(rate_ghs) if new else {})

    def _flag(self, value: bool) -> bool | int:
        return value if self.version >= PAUSES else int(value)

    def _second(self) -> int:
        """The pool that stands in."""
        return next((at for at in range(len(self.rig.pools)) if at != self.rig.first_pool), self.rig.first_pool)

    def _pools(self, kept: Settings) -> dict[str, Any]:
        """The pool wanted first and the one that stands in, whichever slots they have."""
        rig = self.rig
        (host, port, user), (host_2, port_2, user_2) = parts(kept, kept.first_pool), parts(kept, self._second())
        return {
            "stratumURL": host,
            "stratumPort": port,
            "stratumUser": user,
            "fallbackStratumURL": host_2,
            "fallbackStratumPort": port_2,
            "fallbackStratumUser": user_2,
            "isUsingFallbackStratum": self._flag(rig.pool_in_use() not in (None, rig.first_pool)),
        }

    def _new(self, rate_ghs: float) -> dict[str, Any]:
        """What 2.14 tells besides, and the list of 2.15."""
        rig = self.rig
        more: dict[str, Any] = {
            "hashRate_1m": round(rate_ghs, 3),
            "hashRate_10m": round(rate_ghs, 3),
            "miningPaused": rig.stopped,
            "poolConnectionInfo": "SV1: Connection failed" if rig.pool_in_use() is None else "IPv4",
            "power_fault": "",
            "manualFanSpeed": round(rig.fan_set or 100),
            "axeOSVersion": rig.firmware,
            "temp2": -1,
            "stratumTLS": 0,
            "fallbackStratumTLS": 0,
        }
        if self.version >= POOL_LIST:
            rows = [(at, *parts(rig, at)) for at in range(len(rig.pools))]
            keys = ("id", "stratumURL", "stratumPort", "stratumUser")
            other = {"stratumPassword": "*****", "stratumProtocol": "SV1", "stratumTLS": 0}
            more["pools"] = [{**dict(zip(keys, row, strict=True)), **other} for row in rows]
            more |= {"primaryPoolIndex": rig.first_pool, "secondaryPoolIndex": self._second()}
        return more


def _modes(chip: str) -> dict[str, Mode]:
    """Power goes with the clock and the square of the voltage, the rate with the clock."""
    clocks = CLOCKS.get(chip, CLOCKS["BM1370"])
    mhz_0, mv_0 = clocks["standard"]
    return {name: Mode(mhz / mhz_0 * (mv / mv_0) ** 2, mhz / mhz_0, mhz, mv) for name, (mhz, mv) in clocks.items()}


def wrong(rig: Rig) -> Answer | None:
    """The answer of a unit that is silent (it hangs up) or talks garbage; None when it can speak for itself."""
    if rig.api() == "silent":
        return Answer(0, {}, b"", raw=True)
    if rig.garbage:
        return Answer(200, {"Content-Type": "application/json"}, b'{"hashRate":12\xff\xfe,,"temp":]')
    return None


def parts(rig: Settings, at: int) -> tuple[str, int, str]:
    """Host, port and user of one of its pools; ("", 0, "") for none."""
    if not 0 <= at < len(rig.pools):
        return "", 0, ""
    url, user = rig.pools[at]
    host, _, port = url.rpartition("://")[2].rpartition(":")
    return host, int(port) if port.isdecimal() else 0, user


def _written(rig: Rig, at: Any, row: Any) -> str:
    """A pool of the list as the rig takes it; "" for what is none."""
    if not isinstance(row, dict) or not isinstance(at, int):
        return ""
    host, port, user = parts(rig, at)
    host, port = row.get("stratumURL", host), row.get("stratumPort", port)
    return f"{at} stratum+tcp://{host}:{port} {row.get('stratumUser', user)}"
