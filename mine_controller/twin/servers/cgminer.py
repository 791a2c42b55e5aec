"""The CGMiner API on port 4028: requests in JSON or text, answers in the same, one a connection, a NUL at the end.

`Api` is the protocol with its tables; `Unit` is a generic cgminer board. Avalon, Antminer and Whatsminer build on it.
Envelopes, codes and fields after the API-READMEs of cgminer and bfgminer and recorded replies.
"""

import json
from collections.abc import Callable
from typing import Any, Final

from mine_controller.record import NamedTuple
from mine_controller.twin.rig import HOT, Habits, Heat, Mode, Rig

NUL: Final = b"\0"
NOISE: Final = b'{"STATUS":[{"STATUS":"S","Code":11,\xff\x00\x17"Msg":SUMMARY[\xfe'
TEXT_NAMES: Final = {"POOLS": "POOL", "DEVS": "ASC", "STATS": "STATS", "DEVDETAILS": "DEVDETAILS"}
FACTS: Final[dict[str, Any]] = {
    "kind": "cgminer",
    "model": "Bitmine Coincraft",
    "firmware": "4.11.1",
    "nominal_w": 1200.0,
    "standby_w": 25.0,
    "rate_ths": 12.0,
    "fans": 2,
    "boot_s": 45.0,
    "ramp_s": 60.0,
    "modes": {"standard": Mode(1.0, 1.0, 600)},
    "heat": Heat(rise_k=38, tau_s=53, trip_c=90, recovers=False),
    "habits": Habits(stop_word="stopped"),
}

Tree = dict[str, Any]


class Call(NamedTuple):
    """One request: command, parameter, whether it came as text, and everything else its JSON held."""

    command: str
    parameter: str
    text: bool
    tree: Tree


Say = Callable[[Call], Tree | None]


def call(request: bytes) -> Call | None:
    """A request in either dialect, with "command" or "cmd"; None for what is none."""
    raw = request.strip(b"\0\r\n ").decode("utf-8", "replace")
    if not raw.startswith("{"):
        command, _, parameter = raw.partition("|")
        return Call(command, parameter, True, {}) if command else None
    try:
        tree = json.loads(raw)
    except ValueError:
        return None
    command = tree.get("command", tree.get("cmd"))
    return Call(command, str(tree.get("parameter", "")), False, tree) if isinstance(command, str) else None


class Api:
    """The protocol of one unit. A family adds commands (`reads`, `writes`: name -> answer of a call) and its words."""

    description = "cgminer 4.11.1"
    joins = True  # "summary+devs" is one request
    escapes = True  # the rows of a text answer escape their separators; its status always does
    PORT = 4028

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.at_s = 0.0
        self.reads: dict[str, Say] = {
            "version": self._version,
            "summary": self._summary,
            "devs": self._devs,
            "pools": self._pools,
            "stats": self._stats,
            "devdetails": self._devdetails,
            "check": self._check,
        }
        self.writes: dict[str, Say] = {
            "switchpool": self._switchpool,
            "addpool": self._addpool,
            "restart": self._restart,
        }

    # ---------------------------------------------------------------- protocol

    def talk(self, request: bytes, at_s: float) -> bytes:
        """One request, one answer; b"": it hangs up without a word."""
        self.rig.advance(at_s)
        self.at_s = at_s
        if self.rig.api() == "silent":
            return b""
        if self.rig.garbage:
            return NOISE
        asked = call(request)
        tree = self.said("E", 23, "Invalid JSON") if asked is None else self._asked(asked)
        if tree is None:
            return b""
        if asked is not None and asked.text:
            return self._as_text(tree) + NUL
        raw = json.dumps(tree, separators=(",", ":"))
        return (damaged(raw) if self.rig.quirky else raw).encode() + NUL

    def _asked(self, asked: Call) -> Tree | None:
        names = asked.command.split("+")
        if len(names) == 1:
            return self.one(asked)
        if not self.joins or asked.parameter or any(name not in self.reads for name in names):
            return self.said("E", 14, "Invalid command")
        return {name: [self.one(asked._replace(command=name))] for name in names} | {"id": 1}

    def one(self, asked: Call) -> Tree | None:
        """The answer to one command; None: it hangs up."""
        if asked.command in self.reads:
            return self.reads[asked.command](asked)
        if asked.command not in self.writes:
            return self.said("E", 14, "Invalid command")
        if self.rig.refuses:
            return self.denied(asked.command)
        return self.writes[asked.command](asked)

    def said(self, letter: str, code: int, text: str) -> Tree:
        """An answer that is only a status."""
        return {"STATUS": [self._status(letter, code, text)], "id": 1}

    def denied(self, command: str) -> Tree:
        """Only reading is allowed."""
        return self.said("E", 45, f"Access denied to '{command}' command")

    def section(self, name: str, code: int, text: str, rows: list[Tree]) -> Tree:
        """An answer with rows."""
        return {"STATUS": [self._status("S", code, text)], name: rows, "id": 1}

    def _status(self, letter: str, code: int, text: str) -> Tree:
        return {
            "STATUS": letter,
            "When": self.rig.wall_s(),
            "Code": code,
            "Msg": text,
            "Description": self.description,
        }

    def _as_text(self, tree: Tree) -> bytes:
        if isinstance(tree.get("STATUS"), str):
            return str(tree["STATUS"]).encode()  # RESTART, and nothing else
        pieces: list[str] = []
        for name, rows in tree.items():
            if isinstance(rows, list):
                pieces += [self._section_text(name, at, row) for at, row in enumerate(rows)]
        return ("|".join(pieces) + "|").encode()

    def _section_text(self, name: str, at: int, row: Tree) -> str:
        own = TEXT_NAMES.get(name)
        head = [] if name == "STATUS" else [name] if own is None else [f"{own}={row.get(own, at)}"]
        escapes = self.escapes or name == "STATUS"
        return ",".join([*head, *(f"{key}={plain(value, escapes)}" for key, value in row.items() if key != own)])

    # ---------------------------------------------------------------- reads

    def _version(self, _asked: Call) -> Tree:
        return self.section("VERSION", 22, "CGMiner versions", [self.version_row()])

    def version_row(self) -> Tree:
        """The row of `version`."""
        return {"CGMiner": self.rig.firmware, "API": "3.7"}

    def rates(self) -> Tree:
        """Hash rates over the windows this program keeps; `av` is stale after a stop."""
        now = round(self.rig.told_hs() / 1e6, 2)
        return {
            "MHS av": round(self.rig.mean_hs() / 1e6, 2),
            "MHS 5s": now,
            "MHS 1m": now,
            "MHS 5m": now,
            "MHS 15m": round(self.rig.mean_hs() / 1e6, 2),
        }

    def summary_row(self) -> Tree:
        """The row of `summary`."""
        up_s = int(self.rig.uptime_s())
        accepted, rejected, stale = self.rig.shares()
        found = max(1, accepted + rejected + stale)
        return {
            "Elapsed": up_s,
            **self.rates(),
            "Found Blocks": 0,
            "Getworks": up_s // 55,
            "Accepted": accepted,
            "Rejected": rejected,
            "Hardware Errors": up_s // 90,
            "Utility": round(60 * accepted / max(1, up_s), 2),
            "Discarded": 0,
            "Stale": stale,
            "Get Failures": 0,
            "Local Work": up_s * 5,
            "Remote Failures": 0,
            "Network Blocks": up_s // 600,
            "Total MH": round(self.rig.mean_hs() / 1e6 * up_s, 4),
            "Work Utility": 702568.7,
            "Difficulty Accepted": accepted * 65536.0,
            "Difficulty Rejected": rejected * 65536.0,
            "Difficulty Stale": stale * 65536.0,
            "Best Share": 354914572,
            "Device Hardware%": 0.011,
            "Device Rejected%": round(100 * rejected / found, 4),
            "Pool Rejected%": round(100 * rejected / found, 4),
            "Pool Stale%": round(100 * stale / found, 4),
            "Last getwork": 0,
        }

    def _summary(self, _asked: Call) -> Tree:
        return self.section("SUMMARY", 11, "Summary", [self.summary_row()])

    def _devs(self, _asked: Call) -> Tree:
        accepted, rejected, _ = self.rig.shares()
        row = {
            "ASC": 0,
            "Name": "BMM",
            "ID": 0,
            "Enabled": "N" if self.rig.stopped else "Y",
            "Status": "Sick" if self.rig.phase == HOT else "Alive",
            "Temperature": round(self.rig.chip_c(), 2),
            **self.rates(),
            "Accepted": accepted,
            "Rejected": rejected,
            "Hardware Errors": 0,
            "Last Share Pool": self.rig.pool_shown(),
            "Last Share Time": self.rig.wall_s(),
            "Device Elapsed": int(self.rig.uptime_s()),
        }
        return self.section("DEVS", 9, "1 ASC(s)", [row])

    def _pools(self, _asked: Call) -> Tree:
        rows = [self.pool_row(at, url, user) for at, (url, user) in enumerate(self.rig.pools)]
        return self.section("POOLS", 7, f"{len(rows)} Pool(s)", rows)

    def pool_row(self, at: int, url: str, user: str) -> Tree:
        """One pool; the wanted one has the highest priority."""
        rig, used = self.rig, self.rig.pool_in_use() == at
        accepted, rejected, stale = rig.shares() if used else (0, 0, 0)
        first = rig.first_pool
        return {
            "POOL": at,
            "URL": url,
            "Status": "Alive" if rig.reaches(url) else "Dead",
            "Priority": 0 if at == first else at + 1 if at < first else at,
            "Quota": 1,
            "Long Poll": "N",
            "Getworks": 654,
            "Accepted": accepted,
            "Rejected": rejected,
            "Works": 204480 if used else 0,
            "Discarded": 0,
            "Stale": stale,
            "Get Failures": 0,
            "Remote Failures": 0,
            "User": user,
            "Last Share Time": rig.wall_s() if used else 0,
            "Diff1 Shares": accepted * 65536,
            "Proxy Type": "",
            "Proxy": "",
            "Has Stratum": True,
            "Stratum Active": used,
            "Stratum URL": url.rpartition("://")[2].rpartition(":")[0] if used else "",
            "Has GBT": False,
            "Best Share": 459832747 if used else 0,
            "Pool Rejected%": 0.0953 if used else 0.0,
            "Pool Stale%": 0.0,
        }

    def _stats(self, _asked: Call) -> Tree:
        rig = self.rig
        row = {"STATS": 0, "ID": "BMM0", "Elapsed": int(rig.uptime_s()), "Calls": 0, "Wait": 0.0}
        row |= {"Type": rig.model}
        row |= {"fan_num": rig.fans, **{f"fan{n}": rpm for n, rpm in enumerate(rig.fan_rpms(), 1)}}
        heat = {"temp1": round(rig.board_c(), 1), "temp2_1": round(rig.chip_c(), 1)}
        row |= {"frequency": round(rig.tuned.frequency_mhz), **heat, "Power": round(rig.told_w(), 1)}
        return self.section("STATS", 70, "CGMiner stats", [row])

    def _devdetails(self, _asked: Call) -> Tree:
        row = {"DEVDETAILS": 0, "Name": "BMM", "ID": 0, "Driver": "bmm", "Kernel": "", "Model": self.rig.model}
        return self.section("DEVDETAILS", 69, "Device Details", [row])

    def _check(self, asked: Call) -> Tree:
        there = asked.parameter in self.reads or asked.parameter in self.writes
        allowed = there and not (self.rig.refuses and asked.parameter in self.writes)
        row = {"Exists": "Y" if there else "N", "Access": "Y" if allowed else "N"}
        return self.section("CHECK", 72, "Check command", [row])

    # ---------------------------------------------------------------- writes

    def _switchpool(self, asked: Call) -> Tree:
        if not asked.parameter.isdecimal():
            return self.said("E", 25, "Missing pool id parameter")
        if not self.rig.do("pool", asked.parameter, self.at_s):
            return self.said("E", 26, f"Invalid pool id {asked.parameter} - range is 0 - {len(self.rig.pools) - 1}")
        return self.said("S", 27, f"Switching to pool {asked.parameter}: '{self.rig.pools[int(asked.parameter)][0]}'")

    def _addpool(self, asked: Call) -> Tree:
        given = fields(asked.parameter)
        if len(given) < 3:
            return self.said("E", 53, f"Invalid addpool details '{asked.parameter}'")
        self.rig.do("pool", f"{len(self.rig.pools)} {given[0]} {given[1]}", self.at_s)
        return self.said("S", 55, f"Added pool {len(self.rig.pools) - 1}: '{given[0]}'")

    def _restart(self, _asked: Call) -> Tree:
        self.rig.do("restart", at_s=self.at_s)
        return {"STATUS": "RESTART"}


class Unit(Api):
    """A generic cgminer board that tells watts, heat and fans in `stats`, and can be stopped as ASC 0.

    `anonymous`: it tells no mac, like most of its kind.
    """

    def __init__(self, rig: Rig, *, anonymous: bool = False) -> None:
        super().__init__(rig)
        self.anonymous = anonymous
        self.writes |= {
            "ascdisable": self._ascdisable,
            "ascenable": self._ascenable,
            "save": self._save,
            "enablepool": self._enablepool,
        }

    def version_row(self) -> Tree:
        """Some forks tell their mac beside the version."""
        return super().version_row() | ({} if self.anonymous else {"MAC": self.rig.mac})

    def _save(self, _asked: Call) -> Tree:
        return self.said("S", 44, "Configuration saved to file '/config/cgminer.conf'")

    def _enablepool(self, asked: Call) -> Tree:
        return self.said("I", 49, f"Pool {asked.parameter} already enabled")

    def _ascdisable(self, asked: Call) -> Tree:
        return self._asc(asked, "stop", 111, "disabled")

    def _ascenable(self, asked: Call) -> Tree:
        return self._asc(asked, "run", 110, "enabled")

    def _asc(self, asked: Call, verb: str, code: int, word: str) -> Tree:
        if asked.parameter != "0":
            return self.said("E", 107, f"Invalid ASC id {asked.parameter} - range is 0 - 0")
        self.rig.do(verb, at_s=self.at_s)
        return self.said("S", code, f"ASC 0 set {word}")


def plain(value: Any, escapes: bool) -> str:
    """A value as a text answer writes it."""
    text = str(value).lower() if isinstance(value, bool) else f"{value:.8f}" if isinstance(value, float) else str(value)
    if escapes:
        for sign in "\\|,=":
            text = text.replace(sign, f"\\{sign}")
    return text


def fields(parameter: str) -> list[str]:
    """The values of a parameter; a comma or backslash behind a backslash is part of one."""
    values, escaped = [""], False
    for sign in parameter:
        if sign == "," and not escaped:
            values.append("")
        elif sign != "\\" or escaped:
            values[-1] += sign
        escaped = sign == "\\" and not escaped
    return values


def damaged(raw: str) -> str:
    """The same answer as careless firmware writes it: no comma between objects, one too many at the end, nan."""
    return raw.replace("},{", "}{").replace("}]", "},]").replace('"Wait":0.0', '"Wait":-nan')
