"""NerdQaxe++ and relatives: the v2 interface with the v1 beside it, or the v1 alone on older firmware.

`shutdown` ends hashing until a restart, which comes about a second after it was asked for. With one-time codes on,
changing settings takes a code, restart and shutdown do not: that is the firmware's source, not its document. Shapes
after that document; keys of the v1 as its clients read them.
"""

from typing import Any, Final

from mine_controller.twin.answer import Answer, Asked, json_answer, text_answer
from mine_controller.twin.rig import HOT, Habits, Heat, Mode, Rig
from mine_controller.twin.servers.bitaxe import parts, wrong

RESTARTS_AFTER_S: Final = 1.0
OVERHEATED: Final = 1  # boardError
PAGE: Final = "<!doctype html><html><head><title>NerdOS</title></head><body>NerdQAxe</body></html>"
FACTS: Final[dict[str, Any]] = {
    "kind": "nerdqaxe",
    "model": "NerdQAxe++",
    "firmware": "v1.0.36",
    "nominal_w": 75.0,
    "standby_w": 5.0,
    "rate_ths": 4.8,
    "fans": 2,
    "fan_rpm": 4400.0,
    "boot_s": 12.0,
    "ramp_s": 16.0,
    "modes": {
        "eco": Mode(0.72, 0.8, 480, 1080),
        "standard": Mode(1.0, 1.0, 600, 1150),
        "turbo": Mode(1.22, 1.13, 680, 1200),
    },
    "heat": Heat(),
    "habits": Habits(stop_word="stopped"),
}


class Unit:
    """One board. `v2` False: older firmware, whose page answers for any path it does not know. `otp`: codes are on."""

    def __init__(self, rig: Rig, *, v2: bool = True, otp: bool = False) -> None:
        self.rig, self.v2, self.otp = rig, v2, otp

    def answer(self, asked: Asked, at_s: float) -> Answer:
        """One call."""
        self.rig.advance(at_s)
        return wrong(self.rig) or self._route(asked, at_s)

    def _route(self, asked: Asked, at_s: float) -> Answer:
        if asked.method == "GET":
            return self._get(asked.path)
        what = f"{asked.method} {asked.path}"
        if self.rig.refuses:
            return text_answer("Unauthorized", 401, "text/plain")
        if what == "POST /api/system/shutdown":
            self.rig.do("stop", at_s=at_s)
            return text_answer("System will shut down shortly.", kind="text/plain")
        if what == "POST /api/system/restart":
            self.rig.do("restart", at_s=at_s + RESTARTS_AFTER_S)
            return text_answer("System will restart shortly.", kind="text/plain")
        if what == "PATCH /api/system" or (what == "PATCH /api/v2/settings" and self.v2):
            return self._patch(asked)
        return text_answer(PAGE)

    def _get(self, path: str) -> Answer:
        if path == "/api/system/info":
            return json_answer(self._info())
        pages = {
            "/api/v2/dashboard": self._dashboard,
            "/api/v2/system": self._system,
            "/api/v2/settings": self._settings,
            "/api/v2/identify": self._identify,
        }
        return json_answer(pages[path]()) if self.v2 and path in pages else text_answer(PAGE)

    # ---------------------------------------------------------------- settings

    def _patch(self, asked: Asked) -> Answer:
        if self.otp and not asked.headers.get("x-totp") and not asked.headers.get("x-otp-session"):
            return text_answer("Unauthorized", 401, "text/plain")
        tree = asked.tree()
        if not isinstance(tree, dict) or not tree:
            return text_answer("Invalid JSON", 400, "text/plain")
        wishes = self._wishes(tree)
        if not all(self.rig.takes(verb, value) for verb, value in wishes):
            return text_answer("Wrong API input", 400, "text/plain")
        for verb, value in wishes:
            self.rig.do(verb, value)
        return Answer(200, {}, b"")

    def _wishes(self, tree: dict[str, Any]) -> list[tuple[str, str]]:
        pairs = {"frequency": "frequency_mhz", "coreVoltage": "core_voltage_mv"}
        tune = [f"{name}={tree[key]}" for key, name in pairs.items() if key in tree]
        wishes = [("tune", " ".join(tune))] if tune else []
        fans = tree.get("fans")
        first = fans[0] if isinstance(fans, list) and fans and isinstance(fans[0], dict) else tree
        mode, speed = first.get("mode", tree.get("autofanspeed")), first.get("manualSpeed", tree.get("manualFanSpeed"))
        if mode not in (None, 0):
            wishes.append(("fan", "auto"))
        elif speed is not None:
            wishes.append(("fan", str(speed)))
        return wishes + self._pool_wishes(tree)

    def _pool_wishes(self, tree: dict[str, Any]) -> list[tuple[str, str]]:
        """Pools by the list of the v2 or the flat keys of the v1; they count at once, by reconnecting."""
        rows = tree.get("pools") if isinstance(tree.get("pools"), list) else []
        assert isinstance(rows, list)
        given: dict[int, tuple[Any, ...]] = {
            at: (row.get("url"), row.get("port"), row.get("user"))
            for at, row in enumerate(rows)
            if isinstance(row, dict) and row
        }
        for at, prefix in enumerate(("stratum", "fallbackStratum")):
            flat = tuple(tree.get(f"{prefix}{end}") for end in ("URL", "Port", "User"))
            if any(flat):
                given[at] = flat
        wishes = []
        for at, new in given.items():
            host, port, user = (
                one if one is not None else old for one, old in zip(new, parts(self.rig, at), strict=True)
            )
            wishes.append(("pool", f"{at} stratum+tcp://{host}:{port} {user}"))
        return wishes

    # ---------------------------------------------------------------- state

    def _error(self) -> int:
        return OVERHEATED if self.rig.phase == HOT else 0

    def _chips(self) -> list[float]:
        """Four chips; the first is the hottest."""
        return [round(self.rig.chip_c() - less, 1) for less in (0.0, 0.6, 1.1, 0.4)]

    def _identify(self) -> dict[str, Any]:
        return {
            "deviceModel": self.rig.model,
            "defaultTheme": "default",
            "otp": self.otp,
            "apActive": False,
            "coreDumpDownload": False,
            "can": {"enabled": False},
        }

    def _system(self) -> dict[str, Any]:
        rig = self.rig
        return {
            "deviceModel": rig.model,
            "asicModel": "BM1370",
            "version": rig.firmware,
            "uptimeSeconds": int(rig.uptime_s()),
            "lastResetReason": "RESET_POWERON" if not rig.restarts else "RESET_SW",
            "network": {
                "hostname": rig.name,
                "ssid": "twin",
                "macAddr": rig.mac.upper(),
                "ipAddr": rig.host,
                "wifiStatus": "SYSTEM.WIFI_CONNECTED",
                "wifiRSSI": -55,
            },
            "memory": {"freeHeap": 4_000_000, "freeHeapInt": 120_000},
        }

    def _dashboard(self) -> dict[str, Any]:
        rig = self.rig
        rate = round(rig.told_hs() / 1e9, 1)
        accepted, rejected, _ = rig.shares()
        watts, chips = rig.told_w(), self._chips()
        return {
            "system": {
                "uptime": int(rig.uptime_s()),
                "shutdown": rig.stopped,
                "boardError": self._error(),
                "overheatTemp": round(rig.heat.trip_c),
            },
            "performance": {
                "hashRateTimestamp": rig.wall_s() * 1000,
                **dict.fromkeys(("hashRate", "hashRate1m", "hashRate10m"), rate),
                **dict.fromkeys(("hashRate1h", "hashRate1d"), round(rig.mean_hs() / 1e9, 1)),
                "bestDiff": 1234567.89,
                "bestSessionDiff": 234567.89,
                "sharesAccepted": accepted,
                "sharesRejected": rejected,
                "frequency": round(rig.tuned.frequency_mhz),
                "asicCount": len(chips),
                "smallCoreCount": 2040,
            },
            "power": {
                "watts": round(watts, 1),
                "min": 0,
                "max": 140,
                "voltage": 12.1,
                "voltageMin": 11.0,
                "voltageMax": 13.0,
                "currentA": round(watts / 12.1, 2),
                "currentAMin": 0,
                "currentAMax": 12.0,
                "coreVoltageActual": round(rig.tuned.core_voltage_mv / 1000, 3),
            },
            "thermal": {
                "asicTemp": chips[0],
                "vrTemp": round(rig.board_c(), 1),
                "vrTempInt": round(rig.board_c() + 7, 1),
                "asicTemps": chips,
                "fans": [{"speed": round(rig.fan_pct()), "rpm": rpm} for rpm in rig.fan_rpms()],
            },
            "stratum": self._stratum(),
        }

    def _stratum(self) -> dict[str, Any]:
        rig = self.rig
        used = rig.pool_in_use()
        accepted, rejected, _ = rig.shares()
        pools = [
            {
                **dict(zip(("host", "port", "user"), parts(rig, at), strict=True)),
                "connected": at == used,
                "activeProtocol": 0,
                "encrypted": False,
                "accepted": accepted if at == used else 0,
                "rejected": rejected if at == used else 0,
                "bestDiff": 1234567.89,
                "pingRtt": 42,
                "pingLoss": 0,
                "poolDifficulty": 10000,
                "networkDifficulty": 88_000_000_000_000,
            }
            for at in range(len(rig.pools))
        ]
        return {
            "poolMode": 0,
            "activePoolMode": 0,
            "usingFallback": used not in (None, rig.first_pool),
            "totalBestDiff": 1234567.89,
            "poolBalance": 0,
            "pools": pools,
        }

    def _settings(self) -> dict[str, Any]:
        rig = self.rig
        clocks = sorted({round(mode.frequency_mhz) for mode in rig.modes.values()})
        volts = sorted({round(mode.core_voltage_mv) for mode in rig.modes.values()})
        pools = [
            {**dict(zip(("url", "port", "user"), parts(rig, at), strict=True)), "tls": False, "protocol": 0}
            for at in range(len(rig.pools))
        ]
        fan = {"label": "ASIC", "mode": int(rig.fan_set is None), "manualSpeed": round(rig.fan_set or 75)}
        return {
            "asicModel": "BM1370",
            "deviceModel": rig.model,
            "version": rig.firmware,
            "otp": self.otp,
            "frequency": round(rig.tuned.frequency_mhz),
            "coreVoltage": round(rig.tuned.core_voltage_mv),
            "frequencyOptions": clocks,
            "voltageOptions": volts,
            "pools": pools,
            "fans": [{**fan, "overheatTemp": round(rig.heat.trip_c)}] * rig.fans,
            "hostname": rig.name,
        }

    def _info(self) -> dict[str, Any]:
        """Without a word for a board that found itself too hot: the rate stays as the last shares left it."""
        rig = self.rig
        rate_hs = rig.full_hs if rig.phase == HOT else rig.told_hs()
        rpms = [*rig.fan_rpms(), 0, 0]
        accepted, rejected, _ = rig.shares()
        (host, port, user), (host_2, port_2, user_2) = parts(rig, 0), parts(rig, 1)  # as set, whichever is in use
        return {
            "deviceModel": rig.model,
            "ASICModel": "BM1370",
            "version": rig.firmware,
            "hostname": rig.name,
            "macAddr": rig.mac.upper(),
            "hashRate": round(rate_hs / 1e9, 1),
            "hashRate_1m": round(rate_hs / 1e9, 1),
            "temp": self._chips()[0],
            "asicTemps": self._chips(),
            "vrTemp": round(rig.board_c(), 1),
            "power": round(rig.told_w(), 2),
            "frequency": round(rig.tuned.frequency_mhz),
            "coreVoltage": round(rig.tuned.core_voltage_mv),
            "coreVoltageActual": 0 if rig.stopped or rig.phase == HOT else round(rig.tuned.core_voltage_mv),
            "fanspeed": round(rig.fan_pct()),
            "manualFanSpeed": round(rig.fan_set or 75),
            "fanrpm": rpms[0],
            "fanrpm2": rpms[1],
            "autofanspeed": int(rig.fan_set is None),
            "uptimeSeconds": int(rig.uptime_s()),
            "sharesAccepted": accepted,
            "sharesRejected": rejected,
            "stratumURL": host,
            "stratumPort": port,
            "stratumUser": user,
            "fallbackStratumURL": host_2,
            "fallbackStratumPort": port_2,
            "fallbackStratumUser": user_2,
            "stratum": self._stratum(),
            "shutdown": rig.stopped,
            "otp": self.otp,
        }
