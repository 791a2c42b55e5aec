"""Whatsminer, the newer API on port 4433: frames with their length in front, both ways.

Reads take no token. A write carries one made of its name, the password, the unit's salt and a time; of all parameters
only new pools come encrypted. Fields after recorded answers of an M60S and the maker's own client.
"""

import hashlib
import json
from base64 import b64encode
from typing import Any, Final

from mine_controller.twin.rig import STARTING, Rig
from mine_controller.twin.seal import Cipher
from mine_controller.twin.servers.cgminer import NOISE, Tree, damaged
from mine_controller.twin.servers.whatsminer import BOARDS, SALT, anew, chip_heats, limit_w

ACCOUNT: Final = "super"
OK, FAILED, INVALID, DENIED = 0, -1, -2, -4
LENGTH: Final = 4  # bytes in front of a frame
FRAME_MOST: Final = 1 << 20


class Unit:
    """One unit on port 4433. `password` of the account "super"; `rig.refuses`: writing is off."""

    PORT = 4433

    def __init__(self, rig: Rig, *, password: str = "super") -> None:  # noqa: S107 - the factory's
        self.rig, self.password = rig, password

    def talk(self, request: bytes, at_s: float) -> bytes:
        """One frame, one frame; b"": it hangs up on what is no frame."""
        self.rig.advance(at_s)
        length = int.from_bytes(request[:LENGTH], "little")
        if self.rig.api() == "silent" or len(request) < LENGTH or not 0 < length <= FRAME_MOST:
            return b""
        if self.rig.garbage:
            return framed(NOISE)
        try:
            tree = json.loads(request[LENGTH : LENGTH + length])
        except ValueError:
            return b""
        code, message = self._said(tree, at_s) if isinstance(tree, dict) else (INVALID, "invalid command")
        command = tree.get("cmd", "") if isinstance(tree, dict) else ""
        told = {"code": code, "when": self.rig.wall_s(), "msg": message, "desc": command}
        raw = json.dumps(told, separators=(",", ":"))
        return framed((damaged(raw) if self.rig.quirky else raw).encode())

    def _said(self, tree: Tree, at_s: float) -> tuple[int, Any]:
        command, parameter = tree.get("cmd"), tree.get("param")
        if command == "get.device.info":
            return OK, self._info(str(parameter or ""))
        if command == "get.miner.status":
            return self._status(str(parameter or ""))
        if command == "get.miner.setting":
            return OK, self._setting()
        if not isinstance(command, str) or not command.startswith("set."):
            return INVALID, "invalid command"
        if self.rig.refuses or not self._allowed(command, tree):
            return DENIED, "no permission"
        return self._write(command, tree, at_s)

    def _allowed(self, command: str, tree: Tree) -> bool:
        """The token fits. How near the time must be to the unit's own is not known, so any will do."""
        token = b64encode(self._digest(command, tree)).decode()[:8]
        return tree.get("account") == ACCOUNT and tree.get("token") == token

    def _digest(self, command: str, tree: Tree) -> bytes:
        return hashlib.sha256(f"{command}{self.password}{SALT}{tree.get('ts')}".encode()).digest()

    # ---------------------------------------------------------------- writes

    def _write(self, command: str, tree: Tree, at_s: float) -> tuple[int, Any]:
        rig, parameter = self.rig, tree.get("param")
        verbs = {"stop": "stop", "disable": "stop", "start": "run", "enable": "run"}
        if command == "set.miner.service" and parameter in (*verbs, "restart"):
            done = anew(rig, at_s) if parameter == "restart" else rig.do(verbs[parameter], at_s=at_s)
        elif command in ("set.miner.power_mode", "set.miner.mode"):
            done = rig.do("mode", str(parameter), at_s) and anew(rig, at_s)
        elif command == "set.miner.power_limit":
            done = rig.do("limit", str(parameter), at_s) and anew(rig, at_s)
        elif command == "set.system.reboot":
            done = rig.do("restart", at_s=at_s)
        elif command == "set.system.led":
            done = rig.do("locate", "off" if parameter == "auto" else "on", at_s)
        elif command == "set.miner.pools":
            done = self._pooled(str(parameter), tree, at_s)
        else:
            return INVALID, "invalid command"
        return (OK, "ok") if done else (FAILED, "invalid param")

    def _pooled(self, data: str, tree: Tree, at_s: float) -> bool:
        """The one parameter that comes encrypted, under the digest its token is made of."""
        try:
            rows = json.loads(Cipher(self._digest("set.miner.pools", tree)).decrypted(data))
        except ValueError:
            return False
        if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) and row.get("pool") for row in rows):
            return False
        for at, row in enumerate(rows):
            self.rig.do("pool", f"{at} {row['pool']} {row.get('worker', '')}", at_s)
        return self.rig.do("pool", "0", at_s)

    # ---------------------------------------------------------------- reads

    def _info(self, parameter: str) -> Tree:
        rig = self.rig
        net = {"ip": rig.host, "proto": "dhcp", "netmask": "255.255.255.0", "gateway": "", "dns": ""}
        whole: Tree = {
            "miner": {
                "working": str(not rig.stopped).lower(),
                "type": rig.model,
                "hash-board": "K40",
                "board-num": str(BOARDS),
                "miner-sn": rig.serial,
                "fast-boot": "disable",
                "hash-percent": "0",
                "pool-strategy": "FAILOVER",
            },
            "network": net | {"hostname": "WhatsMiner", "mac": rig.mac.upper()},
            "power": {"type": "P221B", "mode": "1", "model": "P221B", "fanspeed": 6344, "vendor": "1"},
            "salt": SALT,
            "system": {
                "api": "3.0.2",
                "apiswitch": "0" if rig.refuses else "1",
                "fwversion": rig.firmware,
                "ledstatus": "manual" if rig.light else "auto",
                "platform": "H616",
            },
            "error-code": [],
        }
        return {parameter: whole[parameter]} if parameter in whole else whole

    def _status(self, parameter: str) -> tuple[int, Any]:
        """Parts joined with a plus. A stopped unit has no word for its pools."""
        parts = {"summary": self._summary, "edevs": self._edevs, "pools": self._pools}
        names = parameter.split("+")
        if any(name not in parts for name in names):
            return FAILED, "invalid param"
        if names == ["pools"] and self.rig.stopped:
            return FAILED, "btminer is not running"
        return OK, {name: parts[name]() for name in names}

    def _summary(self) -> Tree:
        rig, heats, fans = self.rig, chip_heats(self.rig), self.rig.fan_rpms()
        now, mean, watts = rig.told_hs() / 1e12, rig.mean_hs() / 1e12, rig.told_w()
        return {
            "elapsed": int(rig.uptime_s()),
            "bootup-time": 1323,
            "freq-avg": round(rig.tuned.frequency_mhz),
            **{f"hash-{span}": round(now, 3) for span in ("realtime", "1min")},
            **{f"hash-{span}": round(mean, 3) for span in ("average", "15min")},
            "factory-hash": round(rig.full_hs / 1e12, 3),
            "power-rate": round(watts / now, 1) if now else 0.0,
            "power-realtime": round(watts, 1),
            "power-5min": round(watts, 1),
            "power-limit": round(limit_w(rig)),
            "chip-temp-max": heats[0],
            "chip-temp-avg": heats[1],
            "chip-temp-min": heats[2],
            "board-temperature": [round(rig.board_c() - at, 1) for at in range(BOARDS)],
            "environment-temperature": round(rig.ambient_c, 1),
            "fan-speed-in": fans[0],
            "fan-speed-out": fans[-1],
            "up-freq-finish": int(rig.phase != STARTING),
        }

    def _setting(self) -> Tree:
        return {"power-limit": round(limit_w(self.rig)), "power-mode": self.rig.mode or "normal", "power-percent": 0}

    def _edevs(self) -> list[Tree]:
        rig, heats = self.rig, chip_heats(self.rig)
        own = {"status": "alive", "effective-chips": 75, "freq": rig.tuned.frequency_mhz}
        own |= {"factory-hash": round(rig.full_hs / 1e12 / BOARDS, 3)}
        own |= {"hash-realtime": round(rig.told_hs() / 1e12 / BOARDS, 3)}
        own |= {"hash-average": round(rig.mean_hs() / 1e12 / BOARDS, 3)}
        temps = dict(zip(("chip-temp-max", "chip-temp-avg", "chip-temp-min"), heats, strict=True))
        return [{"id": at, **own, **temps} for at in range(BOARDS)]

    def _pools(self) -> list[Tree]:
        rig = self.rig
        return [
            {
                "url": url,
                "account": user,
                "status": "alive" if rig.reaches(url) else "dead",
                "pool-priority": at,
                "stratum-active": rig.pool_in_use() == at,
            }
            for at, (url, user) in enumerate(rig.pools)
        ]


def framed(raw: bytes) -> bytes:
    """A frame: the length in four bytes, lowest first, and what it holds."""
    return len(raw).to_bytes(LENGTH, "little") + raw
