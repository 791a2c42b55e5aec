"""Whatsminer, the older API on port 4028: plain reads, sealed writes. `whatsminer_v3` is the newer one.

A write comes encrypted under a token of half an hour; with writing off, as it leaves the factory, every one is refused.
`power_off` leaves the control board up; a new limit or power mode starts mining anew, and some commands are obeyed
without a word. Fields after recorded answers of an M2x and MicroBT's manuals.
"""

import hashlib
import json
from typing import Any, Final

from mine_controller.twin.rig import STARTING, Habits, Heat, Mode, Rig
from mine_controller.twin.seal import Cipher, key_of, sign_of
from mine_controller.twin.servers.cgminer import NOISE, Api, Call, Tree

BOARDS: Final = 3
SALT: Final = "5QAHiKMb"
NEW_SALT: Final = "jbzkfQls"
TOKEN_S: Final = 1800.0
FACTS: Final[dict[str, Any]] = {
    "kind": "whatsminer",
    "model": "M30S++_VH40",
    "firmware": "20210322.22.REL",
    "nominal_w": 3400.0,
    "standby_w": 25.0,
    "rate_ths": 110.0,
    "fans": 2,
    "fan_rpm": 8500.0,
    "boot_s": 60.0,
    "ramp_s": 360.0,
    "modes": {"low": Mode(0.72, 0.78, 560), "normal": Mode(1.0, 1.0, 650), "high": Mode(1.15, 1.1, 710)},
    "mode": "normal",
    "habits": Habits(stop_word="stopped", reloads=True),
    "heat": Heat(rise_k=55, tau_s=53, trip_c=105, cool_c=50, recovers=False),
}


class Unit(Api):
    """One unit on port 4028: what cgminer asks ends with a NUL, what is Whatsminer's own does not.

    `password` of the account "admin"; `rig.refuses`: its owner never switched writing on.
    """

    description = "cgminer 4.9.2"
    joins = False

    def __init__(self, rig: Rig, *, password: str = "admin") -> None:  # noqa: S107 - the factory's
        super().__init__(rig)
        self.password = password
        self._token_s = -TOKEN_S  # when it last gave one
        self.own = {
            "get_version": self._get_version,
            "status": self._state,
            "get_psu": self._psu,
            "get_miner_info": self._miner_info,
            "get_error_code": self._errors,
        }
        self.reads |= {"edevs": self._devs}
        del self.reads["check"], self.reads["version"], self.reads["stats"]
        self.writes = {}

    def talk(self, request: bytes, at_s: float) -> bytes:
        """One request, one answer."""
        sealed = _sealed(request)
        if sealed is not None:
            self.rig.advance(at_s)
            self.at_s = at_s
            deaf = self.rig.api() == "silent"
            return b"" if deaf else NOISE if self.rig.garbage else self._opened(sealed)
        said = super().talk(request, at_s)
        return said if b'"STATUS":[' in said else said.removesuffix(b"\0")

    # ---------------------------------------------------------------- sealed writes

    def _token(self) -> Tree:
        if self.rig.refuses:
            return self._message("E", 45, "can't access write cmd")
        self._token_s = self.at_s
        return self._message("S", 134, {"time": str(self.rig.wall_s() % 100_000), "salt": SALT, "newsalt": NEW_SALT})

    def _opened(self, data: str) -> bytes:
        """Decipher, check the token, do it, and answer under the same key; b"" is the answer to some."""
        if self.rig.refuses:
            return _plain(self._message("E", 45, "can't access write cmd"))
        key = key_of(self.password, SALT)
        cipher = Cipher(hashlib.sha256(key.encode()).digest())
        try:
            tree = json.loads(cipher.decrypted(data))
        except ValueError:
            return _plain(self._message("E", 23, "json error"))
        if not isinstance(tree, dict) or not self._fits(tree.get("token"), key):
            return _plain(self._message("E", 135, "check token error"))
        told = self._do(tree)
        return b"" if told is None else _plain({"enc": cipher.encrypted(_plain(told))})

    def _fits(self, token: Any, key: str) -> bool:
        """Of the last token it gave, within its half hour."""
        given = str((self.rig.start_wall_s + int(self._token_s)) % 100_000)
        fresh = 0 <= self.at_s - self._token_s < TOKEN_S
        return fresh and token == sign_of(key, given, NEW_SALT)

    def _do(self, tree: Tree) -> Tree | None:
        command, at_s = str(tree.get("cmd")), self.at_s
        modes = {f"set_{mode}_power": mode for mode in ("low", "normal", "high")}
        if command in ("power_off", "power_on"):
            done = self.rig.do("stop" if command == "power_off" else "run", at_s=at_s)
        elif command in modes:
            self.rig.do("mode", modes[command], at_s)
            anew(self.rig, at_s)
            return None
        elif command == "reboot":
            self.rig.do("restart", at_s=at_s)
            return None
        elif command == "restart_btminer":
            done = anew(self.rig, at_s)
        elif command == "adjust_power_limit":
            done = self.rig.do("limit", str(tree.get("power_limit")), at_s) and anew(self.rig, at_s)
        elif command == "update_pools":
            done = self._pooled(tree)
        elif command == "set_led":
            done = self.rig.do("locate", "off" if tree.get("param") == "auto" else "on", at_s)
        else:
            return self._message("E", 14, "invalid cmd")
        return self._message("S", 131, "API command OK") if done else self._message("E", 132, "API command ERROR")

    def _pooled(self, tree: Tree) -> bool:
        """All three places, and all nine values of them."""
        rows = [[tree.get(f"{name}{at}") for name in ("pool", "worker", "passwd")] for at in (1, 2, 3)]
        if not all(isinstance(value, str) for row in rows for value in row):
            return False
        for at, (url, user, _) in enumerate(rows):
            if url:
                self.rig.do("pool", f"{at} {url} {user}", self.at_s)
        return self.rig.do("pool", "0", self.at_s)

    def one(self, asked: Call) -> Tree | None:
        """The answer to one command."""
        if asked.command in self.own:
            return self._message("S", 131, self.own[asked.command]())
        if asked.command in self.reads:
            return super().one(asked)
        if asked.command == "get_token":
            return self._token()
        return self._message("E", 14, "invalid cmd")

    def said(self, letter: str, code: int, text: str) -> Tree:
        """An answer that is only a status: a letter here, not a list."""
        return self._message(letter, code, text)

    def _message(self, letter: str, code: int, message: Any) -> Tree:
        told = {"STATUS": letter, "When": self.rig.wall_s(), "Code": code, "Msg": message}
        return told | {"Description": "whatsminer v1.4.0" if letter == "S" else ""}

    # ---------------------------------------------------------------- reads

    def rates(self) -> Tree:
        """MH/s over many windows, and the current one."""
        return super().rates() | {"HS RT": round(self.rig.told_hs() / 1e6, 2)}

    def summary_row(self) -> Tree:
        """Its summary tells nearly everything."""
        rig, heats = self.rig, chip_heats(self.rig)
        fans = rig.fan_rpms()
        return super().summary_row() | {
            "Uptime": int(rig.uptime_s()) + 60,
            "Temperature": round(rig.board_c(), 1),
            "Chip Temp Min": heats[2],
            "Chip Temp Max": heats[0],
            "Chip Temp Avg": heats[1],
            "Env Temp": round(rig.ambient_c, 1),
            "Fan Speed In": fans[0],
            "Fan Speed Out": fans[-1],
            "Power": round(rig.told_w()),
            "Power_RT": round(rig.told_w()),
            "Power Limit": round(limit_w(rig)),
            "Power Mode": rig.mode.capitalize() or "Normal",
            "Power Fanspeed": 9060,
            "Voltage": 1180,
            "Factory GHS": round(rig.full_hs / 1e9),
            "Target Freq": round(rig.tuned.frequency_mhz),
            "freq_avg": round(rig.tuned.frequency_mhz),
            "Hash Stable": not rig.stopped,
            "Upfreq Complete": int(rig.phase != STARTING),
            "Error Code Count": 0,
            "Factory Error Code Count": 0,
            "Security Mode": 0,
            "Liquid Cooling": False,
            "MAC": rig.mac.upper(),
            "Firmware Version": f"'{rig.firmware}'",
        }

    def _devs(self, _asked: Call) -> Tree:
        rig, heats = self.rig, chip_heats(self.rig)
        share = {name: round(rate / BOARDS, 2) for name, rate in self.rates().items() if name.startswith("MHS")}
        rows = [
            {
                "ASC": at,
                "Slot": at,
                "Name": "SM",
                "ID": at,
                "Enabled": "Y",
                "Status": "Alive",
                "Temperature": round(rig.board_c() - at, 1),
                "Chip Frequency": round(rig.tuned.frequency_mhz),
                **share,
                "Accepted": rig.shares()[0] // BOARDS,
                "Rejected": rig.shares()[1] // BOARDS,
                "Chip Temp Min": heats[2] - at,
                "Chip Temp Max": heats[0] - at,
                "Chip Temp Avg": heats[1] - at,
                "Effective Chips": 105,
                "Fan Speed In": rig.fan_rpms()[0],
                "Fan Speed Out": rig.fan_rpms()[-1],
                "Upfreq Complete": int(rig.phase != STARTING),
                "PCB SN": f"{rig.serial or 'SN'}{at}",
                "Device Elapsed": int(rig.uptime_s()),
            }
            for at in range(BOARDS)
        ]
        return self.section("DEVS", 9, f"{BOARDS} ASC(s)", rows)

    def pool_row(self, at: int, url: str, user: str) -> Tree:
        """Pools count from 1."""
        return super().pool_row(at, url, user) | {"POOL": at + 1}

    def _devdetails(self, _asked: Call) -> Tree:
        model = self.rig.model.replace("_", "")
        rows = [
            {"DEVDETAILS": at, "Name": "SM", "ID": at, "Driver": "bitmicro", "Kernel": "", "Model": model}
            for at in range(BOARDS)
        ]
        return self.section("DEVDETAILS", 69, "Device Details", rows)

    def _get_version(self) -> Tree:
        return {"api_ver": "whatsminer v1.4.0", "fw_ver": self.rig.firmware, "platform": "H3", "chip": "K36"}

    def _state(self) -> Tree:
        return {"btmineroff": str(self.rig.stopped).lower(), "Firmware Version": f"'{self.rig.firmware}'"}

    def _psu(self) -> Tree:
        fan = str(9060 if self.rig.powered else 0)
        return {"name": "P21", "model": "P21-12-3600-E", "hw_version": "", "sw_version": "102220.009", "fan_speed": fan}

    def _errors(self) -> Tree:
        return {"error_code": []}

    def _miner_info(self) -> Tree:
        light = "auto" if not self.rig.light else "red"
        return {"ip": self.rig.host, "mac": self.rig.mac.upper(), "hostname": "WhatsMiner", "ledstat": light}


def anew(rig: Rig, at_s: float) -> bool:
    """The miner process starts again, where it was not stopped."""
    return rig.stopped or (rig.do("stop", at_s=at_s) and rig.do("run", at_s=at_s))


def _sealed(request: bytes) -> str | None:
    """The data of a sealed command; None for a request that is none."""
    try:
        tree = json.loads(request.strip(b"\0"))
    except ValueError:
        return None
    data = tree.get("data") if isinstance(tree, dict) and tree.get("enc") == 1 else None
    return data if isinstance(data, str) else None


def _plain(tree: Tree) -> bytes:
    return json.dumps(tree, separators=(",", ":")).encode()


def chip_heats(rig: Rig) -> tuple[float, float, float]:
    """Highest, mean and lowest of the chips."""
    chip_c = rig.chip_c()
    return round(chip_c, 2), round(chip_c - 6, 2), round(chip_c - 14, 2)


def limit_w(rig: Rig) -> float:
    """The watts it is held to."""
    return rig.nominal_w * rig.tuned.power * 1.03 if rig.limit_w is None else rig.limit_w
