"""Avalon: A10, A13, A15, Q, Nano 3 and 3S behind the CGMiner API, their state in one long text of KEY[value] pairs.

A13 and later sleep by `softoff` and wake by `softon`, most of them at a moment of their own clock. An A10 only cuts its
hash boards (`hashpower`) and comes back by a reboot, a Nano 3S has no stop at all. Work modes go by number. A new pool
waits for a reboot, whose request is answered by hanging up. Keys and supply layouts after Canaan's A10 manual, the
Nano 3S source, and captures of an A1047, an A15, a Q and a Nano 3S.
"""

import re
from hashlib import sha256
from typing import Any, Final

from mine_controller.record import NamedTuple
from mine_controller.twin.rig import BOOTING, HOT, STARTING, Habits, Heat, Mode, Rig
from mine_controller.twin.servers.cgminer import Api, Call, Tree, fields

LOGIN: Final = ("root", "root")
HOME_LOGIN: Final = ("admin", "admin")  # of a Q and a Nano 3S
HASHED: Final = ("root", "ff0000ff" + sha256(b"root").hexdigest()[:24])  # as old Nano 3 firmware wants it
COMMANDS_A: Final = "help|hashpower|fan-spd|led|setpool|workmode|reboot|softon|softoff|time|"
COMMANDS_Q: Final = (
    "help|voltage|fan-spd|lcd|hash-sn-read|hash-sn-write|volt-tuning|workmode|worklevel|work_mode_lvl|reboot|softon|"
    "softoff|filter-clean|facopts|faclock|activate|solo-allowed|frequency|loop|password|qr_auth|time|"
)
COMMANDS_NANO: Final = "help|voltage|fan-spd|lcd|ledset|workmode|worklevel|work_mode_lvl|reboot|frequency|time|"
_STATES: Final = {"Init": 0, "Work": 1, "Idle": 2, "Fault": 3}


class Family(NamedTuple):
    """How one model speaks. `stop`: softoff_at, softoff, hashpower or none. `values` of the supply: 6 or 7."""

    product: str
    version: str  # of its firmware, in front of the date
    date: str  # and the date, where the rig has none
    modes: dict[str, Mode]  # from number 0 on
    mode: str
    commands: str
    stop: str
    boards: int = 1
    values: int = 7
    colons: bool = False  # in its mac
    wall: bool = False  # tells WALLPOWER
    lite: bool = False  # has litestats, and keeps its text under "MM ID0:Summary"
    level: bool = False  # a Nano 3: its mode is WORKLEVEL, its supply tells watts one value earlier, its name is HDNA


_A: Final = {"normal": Mode(1.0, 1.0, 410), "high": Mode(1.1, 1.06, 440)}
_Q: Final = {"eco": Mode(0.48, 0.58, 283), "standard": Mode(0.78, 0.84, 410), "super": Mode(1.0, 1.0, 490)}
_NANO: Final = {"low": Mode(0.5, 0.55, 300), "medium": Mode(0.75, 0.8, 390), "high": Mode(1.0, 1.0, 465)}
# By the end of `rig.model`: "Avalon Q" is a Q.
FAMILIES: Final = {
    "1066": Family(
        "AvalonMiner 10xx", "1066", "19101244_fe411a8_71edeca", _A, "normal", "", "hashpower", boards=3, values=6
    ),
    "1346": Family(
        "AvalonMiner 1346", "1346-110", "24041001_08b0955_0196aba", _A, "normal", COMMANDS_A, "softoff", boards=3
    ),
    "15-194": Family(
        "AvalonMiner 15-194",
        "15-194",
        "24102401_25462b2_9ddf522",
        _A,
        "normal",
        COMMANDS_A,
        "softoff_at",
        boards=3,
        wall=True,
    ),
    "Q": Family("Avalon Q", "Q", "25052801_14a19a2", _Q, "super", COMMANDS_Q, "softoff_at", colons=True, lite=True),
    "Nano3s": Family("Avalon Nano3s", "Nano3s", "25021401_56abae7", _NANO, "high", COMMANDS_NANO, "none"),
    "Nano3": Family("Avalonnano", "nano3", "24071801_42c628d", _NANO, "high", COMMANDS_NANO, "none", level=True),
}
FACTS: Final[dict[str, Any]] = {
    "kind": "avalon",
    "model": "Avalon Nano3s",
    "nominal_w": 140.0,
    "standby_w": 5.0,
    "rate_ths": 6.6,
    "fan_rpm": 4600.0,
    "boot_s": 45.0,
    "ramp_s": 60.0,
    "heat": Heat(rise_k=50, tau_s=40, trip_c=105, cool_c=50, recovers=False),
}
_PLACE: Final = {"nominal_w": 3300.0, "standby_w": 60.0, "fans": 4, "boot_s": 60.0, "ramp_s": 90.0}
MODELS: Final[dict[str, dict[str, Any]]] = {
    "1066": FACTS | _PLACE | {"model": "AvalonMiner 1066", "rate_ths": 50.0, "habits": Habits(stop_word="stopped")},
    "1346": FACTS | _PLACE | {"model": "AvalonMiner 1346", "rate_ths": 110.0},
    "15-194": FACTS | _PLACE | {"model": "AvalonMiner 15-194", "rate_ths": 194.0, "nominal_w": 3650.0, "fans": 2},
    "Q": FACTS | _PLACE | {"model": "Avalon Q", "nominal_w": 1674.0, "standby_w": 146.0, "rate_ths": 90.0},
    "Nano3s": FACTS,
    "Nano3": FACTS | {"model": "Avalon Nano3", "rate_ths": 4.0},
}


class Unit(Api):
    """One unit; its family goes by the end of `rig.model`. `calibrating`: its mode can't be changed now."""

    escapes = False

    def __init__(self, rig: Rig) -> None:
        super().__init__(rig)
        self.family = next(family for end, family in FAMILIES.items() if rig.model.endswith(end))
        rig.firmware = rig.firmware or self.family.date
        rig.offer(self.family.modes, self.family.mode)
        self.calibrating = False
        self.joins = False  # the vendor asks for one command a connection
        self.reads |= {"estats": self._stats}
        if self.family.lite:
            self.reads["litestats"] = self._litestats
        self.writes["ascset"] = self._ascset
        if not self.family.commands.startswith("help|hashpower") and self.family.commands:
            self.writes["setpool"] = self._own_setpool
            del self.writes["restart"]

    # ---------------------------------------------------------------- reads

    def _version(self, _asked: Call) -> Tree:
        rig, family = self.rig, self.family
        mac = rig.mac if family.colons else rig.mac.replace(":", "")
        row = {"CGMiner": "4.11.1", "API": "3.7", "PROD": family.product, "MODEL": family.product.rpartition(" ")[2]}
        row |= {"HWTYPE": "MM3v2", "SWTYPE": "MM319"}
        if family.level:  # names nobody: two of one owner answer the same
            row |= {"MODEL": family.version, "VERSION": rig.firmware}
            return self.section("VERSION", 22, "CGMiner versions", [row])
        version = {"VERSION": rig.firmware} if not family.commands else {"LVERSION": rig.firmware}
        if family.commands:
            version |= {"BVERSION": rig.firmware, "CGVERSION": rig.firmware}
        return self.section("VERSION", 22, "CGMiner versions", [row | version | {"DNA": self._dna(), "MAC": mac}])

    def _dna(self) -> str:
        return self.rig.serial or "0201" + self.rig.mac.replace(":", "").ljust(12, "0")

    def rates(self) -> Tree:
        """The A series keeps half a minute where the others keep 5 s; an A10 tells nothing shorter than a minute."""
        rates = super().rates()
        if self.family.boards > 1:
            rates["MHS 30s"] = rates.pop("MHS 5s")
        return rates

    def _devs(self, asked: Call) -> Tree:
        tree = super()._devs(asked)
        tree["DEVS"][0] |= {
            "Name": "AVALON",
            "Temperature": -273.0 if self.rig.stopped else round(self.rig.chip_c(), 1),
        }
        return tree

    def pool_row(self, at: int, url: str, user: str) -> Tree:
        """A Q tells the password of its pools too."""
        row = super().pool_row(at, url, user)
        return row | {"Password": "x"} if self.family.lite else row

    def _devdetails(self, _asked: Call) -> Tree:
        row = {
            "DEVDETAILS": 0,
            "Name": "AVALON",
            "ID": 0,
            "Driver": "avalon",
            "Kernel": "",
            "Model": "",
            "Device Path": "",
        }
        return self.section("DEVDETAILS", 69, "Device Details", [row])

    def _litestats(self, _asked: Call) -> Tree:
        return self.section("STATS", 70, "CGMiner stats", [{"MM ID0:Summary": f"'STATS':{{{self._pairs()}}}"}])

    def _stats(self, _asked: Call) -> Tree:
        up_s = int(self.rig.uptime_s())
        row = {"STATS": 0, "ID": "AVA100", "Elapsed": up_s, "Calls": 0, "Wait": 0.0, "Max": 0.0, "Min": 99999999.0}
        if self.family.lite:
            told: Tree = {"MM ID0:Summary": f"'STATS':{{{self._pairs()}}}", "HBinfo": "'HB0':{PVT_T0[ 58  59  60]}"}
        else:
            told = {"MM ID0": self._pairs(), "MM Count": 1, "Smart Speed": 1}
        pool = {"STATS": 1, "ID": "POOL0", "Elapsed": up_s, "Calls": 0, "Wait": 0.0, "Pool Calls": 0}
        return self.section("STATS", 70, "CGMiner stats", [row | told, pool])

    # ---------------------------------------------------------------- the long text

    def _work(self) -> str:
        rig = self.rig
        if rig.phase == HOT:
            return "Fault"
        if rig.stopped:
            return "Idle"
        return "Init" if rig.phase in (BOOTING, STARTING) and not rig.hashing else "Work"

    def _pairs(self) -> str:
        rig, family = self.rig, self.family
        work = self._work()
        pairs = {
            "Ver": f"{family.version}-{rig.firmware}",
            **({"DNA": "0" * 16, "HDNA": self._dna()} if family.level else {"DNA": self._dna()}),
            "NETFAIL": "0 0 0 0 0 0 0 0",
            "SYSTEMSTATU": f"Work: In {work}, Hash Board: {family.boards}",
            **({"STATE": str(_STATES[work])} if family.lite else {}),
            "Elapsed": str(int(rig.uptime_s())),
            "LW": "4330705",
            "HW": "2",
            "DH": "1.299%",
            **self._heat(idle=work == "Idle"),
            **{f"Fan{n}": str(0 if family.lite and rig.stopped else rpm) for n, rpm in enumerate(rig.fan_rpms(), 1)},
            "FanR": f"{rig.fan_pct():.0f}%",
            "PS": self._supply(),
            **({"WALLPOWER": f"{rig.told_w():.0f}"} if family.wall else {}),
            **self._rate_pairs(),
            "Freq": f"{rig.tuned.frequency_mhz:.2f}",
            "PING": "17",
            **self._settings(),
            "ECHU": " ".join(["0"] * family.boards),
            "ECMM": "0",
            "Nonce Mask": "25",
        }
        return " ".join(f"{key}[{value}]" for key, value in pairs.items())

    def _heat(self, *, idle: bool) -> dict[str, str]:
        rig, family = self.rig, self.family
        chip_c = 0 if family.lite and idle else rig.chip_c()
        inlet = "Temp" if family.boards > 1 else "ITemp"
        told = {inlet: "-273" if family.stop == "none" else f"{rig.ambient_c:.0f}"}
        if family.boards == 1:
            told |= {"HBITemp": f"{rig.ambient_c + 1:.0f}", "HBOTemp": f"{rig.board_c():.0f}"}
        told |= {"TMax": f"{chip_c:.0f}", "TAvg": f"{max(0.0, chip_c - 6):.0f}"}
        return told | {"MTmax": " ".join([f"{chip_c:.0f}"] * family.boards)}

    def _supply(self) -> str:
        """Error, control, hash voltage, current, hash watts, voltage set, and from A11 on watts at the wall."""
        watts = self.rig.told_w()
        volts = 0 if self.rig.stopped else 1187
        if self.family.level:
            return f"0 0 0 4 2753 {round(watts)} 443"
        values = [0, 1221, volts or 4, round(watts * 0.09), round(watts * 0.94) if volts else 0, 2245]
        return " ".join(str(value) for value in (values if self.family.values == 6 else [*values, round(watts)]))

    def _rate_pairs(self) -> dict[str, str]:
        rig, family = self.rig, self.family
        now_ghs, mean_ghs, boards = rig.told_hs() / 1e9, rig.mean_hs() / 1e9, family.boards
        told = {} if family.stop == "hashpower" else {"GHSspd": f"{now_ghs:.2f}"}
        told |= {"GHSmm": f"{rig.full_hs * rig.tuned.rate / 1e9:.2f}", "GHSavg": f"{mean_ghs:.2f}"}
        return told | {"MGHS": " ".join([f"{mean_ghs / boards:.2f}"] * boards)}

    def _settings(self) -> dict[str, str]:
        rig, family = self.rig, self.family
        if not family.commands:
            return {"Led": str(int(rig.light)), "WORKMODE": self._mode_number()}
        told = {"SoftOFF": "4" if rig.stopped and family.stop != "none" else "0"}
        if family.boards > 1:
            told["Led"] = str(int(rig.light))
        setpoint_w = rig.nominal_w * rig.tuned.power
        number = self._mode_number()
        mode = {"WORKLEVEL": number} if family.level else {"WORKMODE": number, "WORKLEVEL": "0"}
        return told | mode | {"MPO": f"{setpoint_w:.0f}"}

    def _mode_number(self) -> str:
        names = list(self.rig.modes)
        return str(names.index(self.rig.mode) if self.rig.mode in names else 0)

    # ---------------------------------------------------------------- ascset

    def _ascset(self, asked: Call) -> Tree | None:
        values = fields(asked.parameter)
        if values[0] != "0":
            return self.said("E", 107, f"Invalid ASC id {values[0]} - range is 0 - 0")
        option, rest = (values[1] if len(values) > 1 else ""), values[2:]
        if option == "help" and self.family.commands:
            return self._info(self.family.commands)
        known = (self.family.commands or "hashpower|fan-spd|led|setpool|workmode|reboot|").split("|")
        does = {
            "softoff": self._soft,
            "softon": self._soft,
            "hashpower": self._hashpower,
            ("worklevel" if self.family.level else "workmode"): self._workmode,
            "fan-spd": self._fan,
            "led": self._led,
            "setpool": self._setpool,
        }
        if option == "reboot":
            self.rig.do("restart", at_s=self.at_s + (float(rest[0]) if rest and rest[0].isdecimal() else 0.0))
            return None  # it goes without a word
        if option not in known or option not in does:
            return self._failed(f"Unknown option: {option}")
        return does[option](option, rest)

    def _info(self, text: str) -> Tree:
        return self.said("I", 118, f"ASC 0 set info: {text}")

    def _ok(self) -> Tree:
        return self.said("S", 119, "ASC 0 set OK")

    def _failed(self, text: str) -> Tree:
        return self.said("E", 120, f"ASC 0 set failed: {text}")

    def _soft(self, option: str, rest: list[str]) -> Tree:
        """At once, or at a moment of its own clock; one that is past is now."""
        verb = "stop" if option == "softoff" else "run"
        stamp = re.fullmatch(r"1:(\d{1,12})", rest[0]) if rest else None
        if not stamp:
            if rest or self.family.stop != "softoff":
                return self._failed("error:2 parameter error")
            self.rig.do(verb, at_s=self.at_s)
            return self._ok()
        self.rig.do(verb, at_s=float(int(stamp[1]) - self.rig.start_wall_s))
        return self._info(f"success {option}:{stamp[1]}")

    def _hashpower(self, _option: str, rest: list[str]) -> Tree:
        if not rest:
            return self._info(f"PS[{self._supply()}]")
        if rest[0] != "0":
            return self._failed("error:2 parameter error")
        self.rig.do("stop", at_s=self.at_s)
        return self._info("Power off hash now ...")

    def _workmode(self, _option: str, rest: list[str]) -> Tree:
        names, simple = list(self.rig.modes), self.family.boards > 1
        if rest in (["get"], ["255"]):
            return self._info(f"WORKMODE[{self._mode_number()}]" if simple else f"workmode {self._mode_number()}")
        number = rest[-1] if len(rest) == (1 if simple else 2) and (simple or rest[0] == "set") else ""
        if not number.isdecimal():
            return self._failed("error:2 parameter error")
        if int(number) >= len(names):
            return self._failed(f"error:1 not support set workmode max_mode[{len(names) - 1}]")
        if self.calibrating:
            return self._failed(f"current mode {self._mode_number()} is caling Don't permit switch mode")
        if simple:
            self.rig.store("mode", names[int(number)])
            return self._info(f"WORKMODE[{number}]")
        self.rig.do("mode", names[int(number)], self.at_s)
        return self._ok()

    def _fan(self, _option: str, rest: list[str]) -> Tree:
        value = rest[0] if rest else ""
        if value == "-1":
            self.rig.do("fan", "auto", self.at_s)
        elif not (value.isdecimal() and 15 <= int(value) <= 100) or not self.rig.do("fan", value, self.at_s):
            return self._failed("error:2 parameter error")
        return self._ok()

    def _led(self, _option: str, rest: list[str]) -> Tree:
        if rest and rest[0] in ("1-0", "1-1"):
            self.rig.do("locate", "on" if rest[0] == "1-1" else "off", self.at_s)
        elif rest != ["1-255"]:
            return self._failed("error:2 parameter error")
        return self._info(f"LED[{int(self.rig.light)}]")

    # ---------------------------------------------------------------- pools

    def _setpool(self, _option: str, rest: list[str]) -> Tree:
        """An A10 has one pool to write, later ones three by their number."""
        at = ["0"] if not self.family.commands else []
        values = [*rest[:2], *at, *rest[2:]]
        if tuple(values[:2]) != LOGIN:
            return self.said("E", 132, "Auth Failed! password invalid!")
        return self._written(values, "I", 118, "ASC 0 set info:\n")

    def _own_setpool(self, asked: Call) -> Tree:
        values = fields(asked.parameter)
        if self.family.level and tuple(values[:2]) != HASHED:
            return self.said("E", 132, "Auth Failed! password invalid!")
        if not self.family.level and tuple(values[:2]) != HOME_LOGIN:
            wrong = "userpass" if values[:1] == [HOME_LOGIN[0]] else "username"
            return self.said("E", 132, f"Pool set error: {wrong} err")
        return self._written(values, "S", 133, "")

    def _written(self, values: list[str], letter: str, code: int, before: str) -> Tree:
        if len(values) != 6 or not values[2].isdecimal() or int(values[2]) > 2:
            return self.said("E", 132, "Pool set error: wrong parameters")
        at, url, user, password = values[2:]
        self.rig.store("pool", f"{at} {url} {user}")
        told = f"pool success set to {url}\nworker is {user}\nworkerpassword is {password}\n"
        return self.said(letter, code, f"{before}{told}Please reboot miner to make config work.\n")
