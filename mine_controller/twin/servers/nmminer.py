"""NMMiner (ESP32 lottery miner): HTTP from firmware 2 on; before that a datagram every 5 s and one page of texts.

It has no stop. Settings of pools count from the next start, which comes 0.6 s after its answer. Shapes after the
vendor's documentation; datagrams after the fields its clients read.
"""

import json
from collections.abc import Callable
from typing import Any, Final

from mine_controller.twin.answer import Answer, Asked, json_answer, not_found, text_answer
from mine_controller.twin.rig import Heat, Mode, Rig
from mine_controller.twin.servers.bitaxe import wrong

PORT_UDP: Final = 12345  # where it sends its telemetry to
PORT_UDP_SETTINGS: Final = 12347  # where an old one hears settings
EVERY_S: Final = 5.0
RESTARTS_AFTER_S: Final = 0.6
EVER_S: Final = 54_411  # hours it had run before this start
_SLOTS: Final = ("Primary", "Secondary")
FACTS: Final[dict[str, Any]] = {
    "kind": "nmminer",
    "model": "NMMiner",
    "firmware": "v2.0.04",
    "nominal_w": 1.0,
    "standby_w": 0.5,
    "rate_hs": 956_432.0,
    "fans": 0,
    "boot_s": 6.0,
    "ramp_s": 4.0,
    "modes": {"standard": Mode()},
    "heat": Heat(rise_k=26),
}


Page = Callable[[], dict[str, Any]]


class Unit:
    """One board. Its host name is `rig.serial`, else `rig.name`; firmware "v1..." speaks the old ways only."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.old = rig.firmware.startswith("v1.")

    def answer(self, asked: Asked, at_s: float) -> Answer:
        """One call."""
        self.rig.advance(at_s)
        return wrong(self.rig) or (self._old(asked) if self.old else self._route(asked, at_s))

    def _old(self, asked: Asked) -> Answer:
        return json_answer(self._data()) if asked.path == "/data" else not_found()

    def _route(self, asked: Asked, at_s: float) -> Answer:
        what = f"{asked.method} {asked.path}"
        if what == "POST /api/setting/mining":
            return self._set(asked.tree())
        if what == "POST /api/system/restart":
            self.rig.do("restart", at_s=at_s + RESTARTS_AFTER_S)
            return json_answer({"status": "ok"})
        if what == "POST /api/swarm/find":
            return json_answer({"status": "ok"})
        pages: dict[str, Page] = {
            "GET /probe": self._probe,
            "GET /api/system/info": self._info,
            "GET /api/setting/mining": self._settings,
            "GET /alive": self._alive,
        }
        if what in pages:
            return json_answer(pages[what]())
        return text_answer("<html><head><title>NMMiner</title></head></html>") if what == "GET /" else not_found()

    def datagram(self, at_s: float) -> bytes:
        """What old firmware sends every 5 s; b"" while it sends nothing."""
        self.rig.advance(at_s)
        if self.rig.api() == "silent" or not self.old:
            return b""
        return b'{"ip": "' + b"\xff\xfe" if self.rig.garbage else json.dumps(self._telemetry()).encode()

    def hear(self, raw: bytes, at_s: float) -> None:
        """A datagram of settings, for this one or for all; nothing answers."""
        self.rig.advance(at_s)
        try:
            tree = json.loads(raw)
        except ValueError:
            return  # as the board does: what it can't read it drops
        if self.old and isinstance(tree, dict) and tree.get("IP") in (self.rig.host, "0.0.0.0"):  # noqa: S104 - all
            self._set(tree)

    # ---------------------------------------------------------------- settings

    def _set(self, tree: Any) -> Answer:
        """Part of the pools; what is not given stays."""
        if not isinstance(tree, dict) or not tree:
            return text_answer("Bad JSON", 400, "text/plain")
        pools = self.rig.kept().pools
        for at, slot in enumerate(_SLOTS):
            old_url, old_user = pools[at] if at < len(pools) else ("", "")
            url, user = tree.get(f"{slot}Pool", old_url), tree.get(f"{slot}Address", old_user)
            if (url, user) != (old_url, old_user):
                self.rig.store("pool", f"{at} {url} {user}")
        return text_answer("OK", kind="text/plain")

    def _settings(self) -> dict[str, Any]:
        """As stored: they count from its next start on."""
        told: dict[str, Any] = {}
        pools = self.rig.kept().pools
        for at, slot in enumerate(_SLOTS):
            url, user = pools[at] if at < len(pools) else ("", "")
            told |= {f"{slot}Pool": url, f"{slot}Address": user, f"{slot}Password": "x"}
        return told

    # ---------------------------------------------------------------- state

    def _name(self) -> str:
        return self.rig.serial or self.rig.name

    def _pool(self) -> tuple[str, str]:
        """Host with port, and user, of the pool it works for."""
        url, user = self.rig.pools[self.rig.pool_shown()] if self.rig.pools else ("", "")
        return url.rpartition("://")[2], user

    def _alive(self) -> dict[str, Any]:
        return {"nodes": [self.rig.host]}

    def _probe(self) -> dict[str, Any]:
        rig = self.rig
        return {
            "model": rig.model,
            "hostname": self._name(),
            "ver": rig.firmware,
            "sw": 320,
            "sh": 240,
            "hr": round(rig.told_hs()),
            "sbd": 0.0421,
            "ebd": 1.7833,
            "ut": int(rig.uptime_s()),
        }

    def _info(self) -> dict[str, Any]:
        rig = self.rig
        accepted, rejected, _ = rig.shares()
        place, user = self._pool()
        return {
            "identity": {"hwModel": rig.model, "hostName": self._name(), "fwVersion": rig.firmware, "rssi": -52},
            "miner": {
                "hashRate": round(rig.told_hs()) / 1e9,
                "sAccepted": accepted,
                "sRejected": rejected,
                "uptimeSeconds": int(rig.uptime_s()),
                "uptimeEver": EVER_S + int(rig.uptime_s()),
                "networkDiff": "112392546849.9999",
                "poolDiff": "0.00050",
                "lastDiff": "0.00073",
                "bestDiffSession": "0.04215",
                "bestDiffEver": "1.78330",
                "blkhits": 0,
                "freeHeap": 118432,
                "minFreeHeap": 94312,
            },
            "stratum": {"url": place, "user": user},
            "temps": {"vcore": round(rig.chip_c(), 1), "asic": None},
            "storage": {"fsTotal": 1048576, "fsUsed": 262144},
        }

    def _rate_text(self) -> str:
        rate = self.rig.told_hs()
        return f"{rate / 1e6:.4f}MH/s" if rate >= 1e6 else f"{rate / 1e3:.1f}KH/s"

    def _telemetry(self) -> dict[str, Any]:
        rig = self.rig
        accepted, rejected, _ = rig.shares()
        up_s = int(rig.uptime_s())
        return {
            "ip": rig.host,
            "HashRate": self._rate_text(),
            "Share": f"{rejected}/{accepted}/{100 * accepted / max(1, accepted + rejected):.1f}%",
            "NetDiff": "126.98T",
            "PoolDiff": "0.0100",
            "LastDiff": "0.0321",
            "BestDiff": "2.417K",
            "Valid": 0,
            "Progress": 0.0,
            "Temp": 0,
            "RSSI": -58,
            "FreeHeap": 88.1,
            "Version": rig.firmware,
            "BoardType": "cyd 2.8",
            "PoolInUse": self._pool()[0],
            "Uptime": f"{_days(up_s)}\r{_days(EVER_S + up_s)}",
        }

    def _data(self) -> dict[str, Any]:
        rig = self.rig
        accepted, rejected, _ = rig.shares()
        return {
            "timeMining": _days(int(rig.uptime_s())),
            "boardtype": "cyd 2.8",
            "hashRate": self._rate_text(),
            "pool": self._pool()[0],
            "shares": f"{rejected}/{accepted} ({100 * accepted / max(1, accepted + rejected):.1f}%)",
            "netDiff": "117.0T",
            "poolDiff": "0.0035",
            "lastDiff": "0.0077",
            "bestDiff": "88.221",
            "valid": "0",
            "rssi": "-63dBm",
            "freeHeap": "63.211KB",
        }


def _days(seconds: int) -> str:
    days, rest = divmod(seconds, 86_400)
    return f"{days:03}d {rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
