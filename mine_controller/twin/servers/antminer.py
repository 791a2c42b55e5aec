"""Antminer with stock firmware: reads on port 4028, everything else by the web with a digest login.

Its API lets everybody read five commands and denies the rest. `set_miner_conf.cgi` answers after about 21 s and only
then does what it was told; sleep is work mode 1, and it outlasts a restart and a power cut. Firmware of 2022 needs both
keys of the mode, and some of it a reboot besides. Shapes after recorded answers of an S19 Pro and an S21, and the
vendor's own pages.
"""

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any, Final
from urllib.request import parse_http_list
from zlib import crc32

from mine_controller.twin.answer import Answer, Asked, json_answer, not_found, text_answer
from mine_controller.twin.rig import Habits, Heat, Mode, Rig
from mine_controller.twin.servers.bitaxe import wrong
from mine_controller.twin.servers.cgminer import Api, Call, Tree

REALM: Final = "antMiner Configuration"
SETS_S: Final = 21.0  # how long it takes over a new configuration
SLEEP: Final = 1
NUMBERS: Final = {"normal": 0, "high": 2, "low": 3}
BOARDS: Final = 3
READS: Final = ("stats", "pools", "devs", "summary", "version")
FACTS: Final[dict[str, Any]] = {
    "kind": "antminer",
    "model": "Antminer S19j Pro",
    "firmware": "Fri Sep 15 14:39:20 CST 2023",
    "nominal_w": 3050.0,
    "standby_w": 30.0,
    "rate_ths": 100.0,
    "fans": 4,
    "fan_rpm": 7000.0,
    "boot_s": 60.0,
    "ramp_s": 120.0,
    "modes": {"low": Mode(0.75, 0.8, 440), "normal": Mode(1.0, 1.0, 545), "high": Mode(1.12, 1.08, 590)},
    "mode": "normal",
    "heat": Heat(rise_k=45, tau_s=53, trip_c=95, cool_c=50, recovers=False),
    "habits": Habits(sleep_lasts=True, reloads=True),
}


Page = Callable[[Asked], Answer]


class Unit(Api):
    """One unit. `both`: its firmware wants both keys of the mode. `lazy`: a new mode waits for a reboot.

    `meter`: port 6060 tells watts; without, it says `error 6060 cmd`. A wrong login and `rig.refuses` are a 401.
    """

    description = "cgminer 1.0.0"
    joins = False

    def __init__(self, rig: Rig, user: str = "root", password: str = "root", *, meter: bool = False) -> None:  # noqa: S107 - the factory's
        super().__init__(rig)
        self.user, self.password, self.meter = user, password, meter
        self.both = self.lazy = False
        self._late: list[str] = []  # verbs that wait for a reboot
        self._soon = (0.0, 0)  # until when a work mode is kept but not followed yet, and which
        self.reads = {name: say for name, say in self.reads.items() if name in READS}
        self.writes = {}

    # ---------------------------------------------------------------- port 4028

    def one(self, asked: Call) -> Tree | None:
        """Five commands for everybody; the rest is denied."""
        if asked.command == "stats" and asked.tree.get("new_api") is True:
            return self._new_stats()
        return super().one(asked) if asked.command in self.reads else self.denied(asked.command)

    def version_row(self) -> Tree:
        """The row of `version`."""
        about = {"API": "3.1", "BMMiner": "1.0.0", "CompileTime": self.rig.firmware, "Miner": "49.0.1.3"}
        return about | {"Type": self.rig.model}

    def rates(self) -> Tree:
        """GH/s, and `av` from the start."""
        now, mean = round(self.rig.told_hs() / 1e9, 2), round(self.rig.mean_hs() / 1e9, 2)
        return {"GHS 5s": now, "GHS av": mean, "GHS 30m": mean}

    def _devs(self, asked: Call) -> Tree:
        """Of no use: every rate is 0."""
        tree = super()._devs(asked)
        row = {name: value for name, value in tree["DEVS"][0].items() if not name.startswith(("GHS", "Temp"))}
        tree["DEVS"] = [row | {"Name": "BTM_SOC", "MHS 5s": 0.0, "MHS av": 0.0, "Tenperature": 0.0, "Enabled": "Y"}]
        return tree

    def _chains(self) -> list[list[int]]:
        """Four corners of each board's chips."""
        hottest = round(self.rig.chip_c())
        return [[hottest - less - at for less in (0, 7, 4, 2)] for at in range(BOARDS)]

    def _stats(self, _asked: Call) -> Tree:
        rig = self.rig
        info = {key: value for key, value in self.version_row().items() if key != "API"}
        row: Tree = {"STATS": 0, "ID": "BTM_SOC0", "Elapsed": int(rig.uptime_s()), "Calls": 0, "Wait": 0, "Max": 0}
        row |= {
            "Min": 99999999,
            **self.rates(),
            "rate_30m": round(rig.mean_hs() / 1e9, 2),
            "Mode": 2,
            "rate_unit": "GH",
        }
        row |= {"miner_count": BOARDS, "frequency": round(rig.tuned.frequency_mhz), "fan_num": rig.fans}
        row |= {f"fan{n}": rpm for n, rpm in enumerate(rig.fan_rpms(), 1)}
        for n, chips in enumerate(self._chains(), 1):
            row[f"temp_pcb{n}"] = "-".join(str(heat - 6) for heat in chips)
            row[f"temp_chip{n}"] = "-".join(map(str, chips))
            row[f"chain_acn{n}"] = 114
            row[f"chain_rate{n}"] = f"{rig.told_hs() / 1e9 / BOARDS:.2f}"
        row |= {"temp_pcb4": "0-0-0-0", "temp_chip4": "0-0-0-0", "chain_acn4": 0, "chain_rate4": "", "temp_num": BOARDS}
        row["total_rateideal"] = round(rig.full_hs / 1e9, 1)
        return self.section("STATS", 70, "CGMiner stats", [info, row])

    # ---------------------------------------------------------------- port 6060

    def power(self, _asked: Asked, at_s: float) -> Answer:
        """The power service of some models, on a port of its own."""
        self.rig.advance(at_s)
        text = f"miner power:{round(self.rig.told_w())}" if self.meter else "error 6060 cmd"
        return wrong(self.rig) or text_answer(text, kind="text/plain")

    # ---------------------------------------------------------------- the web

    def answer(self, asked: Asked, at_s: float) -> Answer:
        """One call of the vendor's page."""
        self.rig.advance(at_s)
        self.at_s = at_s
        return wrong(self.rig) or self._web(asked)

    def _web(self, asked: Asked) -> Answer:
        if not self._known(asked):
            realm = f'Digest realm="{REALM}", nonce="{self._nonce()}", qop="auth"'
            return text_answer("Unauthorized", 401, "text/html", WWW_Authenticate=realm)
        pages = self._pages()
        return pages[asked.path](asked) if asked.path in pages else not_found()

    def _pages(self) -> dict[str, Page]:
        return {
            "/": lambda _: text_answer("<html><title>Antminer</title></html>"),
            "/cgi-bin/get_system_info.cgi": lambda _: json_answer(self._info()),
            "/cgi-bin/get_miner_conf.cgi": lambda _: json_answer(self._conf()),
            "/cgi-bin/stats.cgi": lambda _: json_answer(self._new_stats()),
            "/cgi-bin/summary.cgi": lambda _: json_answer(self._new_summary()),
            "/cgi-bin/pools.cgi": lambda _: json_answer(self._new_pools()),
            "/cgi-bin/get_blink_status.cgi": lambda _: json_answer({"blink": self.rig.light}),
            "/cgi-bin/blink.cgi": self._blink,
            "/cgi-bin/reboot.cgi": self._reboot,
            "/cgi-bin/set_miner_conf.cgi": self._set,
        }

    def _nonce(self) -> str:
        """One for each start of the firmware."""
        return f"{crc32(f'{self.rig.name} {self.rig.starts} {self.rig.restarts}'.encode()):08x}"

    def _known(self, asked: Asked) -> bool:
        scheme, _, rest = asked.headers.get("authorization", "").partition(" ")
        pairs = (piece.partition("=") for piece in parse_http_list(rest))
        given = {name.strip(): value.strip().strip('"') for name, _, value in pairs}
        if scheme != "Digest" or given.get("nonce") != self._nonce() or self.rig.refuses:
            return False
        secret, what = _md5(f"{self.user}:{REALM}:{self.password}"), _md5(f"{asked.method}:{given.get('uri', '')}")
        middle = f"{given.get('nc', '')}:{given.get('cnonce', '')}:{given.get('qop', '')}"
        fits = given.get("uri", "").partition("?")[0] == asked.path and given.get("username") == self.user
        return fits and given.get("response") == _md5(f"{secret}:{self._nonce()}:{middle}:{what}")

    def _blink(self, asked: Asked) -> Answer:
        tree = asked.tree()
        on = isinstance(tree, dict) and str(tree.get("blink")).lower() == "true"
        self.rig.do("locate", "on" if on else "off", self.at_s)
        return json_answer({"code": "B000" if on else "B100"})

    def _reboot(self, _asked: Asked) -> Answer:
        """The connection closes without an answer; what waited for it counts from then on."""
        for verb in self._late:
            self.rig.do(verb, at_s=self.at_s)
        self._late.clear()
        self.rig.do("restart", at_s=self.at_s)
        return Answer(0, {}, b"", raw=True)

    # ---------------------------------------------------------------- configuration

    def _stored_mode(self) -> int:
        """The work mode it keeps, whether or not it follows it yet."""
        until_s, number = self._soon
        if self.at_s < until_s:
            return number
        if self._late:
            return SLEEP if self._late[-1] == "stop" else NUMBERS.get(self.rig.mode, 0)
        return SLEEP if self.rig.stopped else NUMBERS.get(self.rig.mode, 0)

    def _conf(self) -> Tree:
        rig = self.rig
        pools = [*rig.pools, *[("", "")] * 3][:3]
        return {
            "pools": [{"url": url, "user": user, "pass": "123" if url else ""} for url, user in pools],
            "api-listen": True,
            "api-network": True,
            "api-groups": "A:" + ":".join(READS),
            "api-allow": "A:0/0,W:*",
            "bitmain-fan-ctrl": rig.fan_set is not None,
            "bitmain-fan-pwm": f"{round(100 if rig.fan_set is None else rig.fan_set)}",
            "bitmain-use-vil": True,
            "bitmain-freq": f"{round(rig.tuned.frequency_mhz)}",
            "bitmain-voltage": "1400",
            "bitmain-ccdelay": "0",
            "bitmain-pwth": "0",
            "bitmain-work-mode": f"{self._stored_mode()}",
            "bitmain-freq-level": "100",
        }

    def _set(self, asked: Asked) -> Answer:
        try:
            tree = json.loads(asked.body)
        except ValueError:
            tree = None
        pools = tree.get("pools") if isinstance(tree, dict) else None
        if pools is not None and not _good(pools):
            return json_answer({"stats": "error", "code": "M001", "msg": "Invalid pool!"})._replace(took_s=SETS_S)
        if not isinstance(tree, dict):
            return json_answer({"stats": "error", "code": "M001", "msg": "Invalid input!"})
        self._take(tree, pools or [])
        return json_answer({"stats": "success", "code": "M000", "msg": "OK!"})._replace(took_s=SETS_S)

    def _take(self, tree: Tree, pools: list[Tree]) -> None:
        """It says OK whatever it makes of it, and does it when it has answered."""
        then_s = self.at_s + SETS_S
        for at, row in enumerate(pools):
            if row.get("url"):
                self.rig.do("pool", f"{at} {row['url']} {row.get('user', '')}", then_s)
        if pools:
            self.rig.do("pool", "0", then_s)
        if tree.get("bitmain-fan-ctrl") is False:
            self.rig.do("fan", "auto", then_s)
        elif tree.get("bitmain-fan-ctrl") is True:
            self.rig.do("fan", str(tree.get("bitmain-fan-pwm", "")), then_s)
        modes = [tree[key] for key in ("miner-mode", "bitmain-work-mode") if key in tree]
        good = modes and re.fullmatch(r"\d", str(modes[-1])) and not (self.both and len(modes) < 2)
        if good and not self.rig.mute:
            self._mode(int(modes[-1]), then_s)

    def _mode(self, number: int, then_s: float) -> None:
        verb = "stop" if number == SLEEP else "run"
        self._soon = then_s, number
        name = next((name for name, own in NUMBERS.items() if own == number and name in self.rig.modes), "")
        if name:
            self.rig.do("mode", name, then_s)
        if self.lazy:
            self._late.append(verb)
        else:
            self.rig.do(verb, at_s=then_s)

    # ---------------------------------------------------------------- newer shapes

    def _info(self) -> Tree:
        rig = self.rig
        return {
            "minertype": rig.model,
            "nettype": "DHCP",
            "netdevice": "eth0",
            "macaddr": rig.mac.upper(),
            "hostname": "Antminer",
            "ipaddress": rig.host,
            "netmask": "255.255.255.0",
            "gateway": "",
            "dnsservers": "",
            "system_mode": "GNU/Linux",
            "system_kernel_version": "Linux 4.9.113",
            "system_filesystem_version": rig.firmware,
            "firmware_type": "Release",
            "serinum": rig.serial,
        }

    def _enveloped(self, name: str, what: str, rows: list[Tree]) -> Tree:
        status = {"STATUS": "S", "when": float(self.rig.wall_s()), "Msg": what, "api_version": "1.0.0"}
        info = {"miner_version": "49.0.1.3", "CompileTime": self.rig.firmware, "type": self.rig.model}
        return {"STATUS": status, "INFO": info, name: rows}

    def _new_stats(self) -> Tree:
        rig = self.rig
        rate = round(rig.told_hs() / 1e9, 1)
        chains = [
            {
                "index": at,
                "freq_avg": round(rig.tuned.frequency_mhz),
                "rate_ideal": round(rig.full_hs / 1e9 / BOARDS, 1),
                "rate_real": round(rate / BOARDS, 1),
                "asic_num": 126,
                "temp_pic": [heat - 15 for heat in chips],
                "temp_pcb": [heat - 6 for heat in chips],
                "temp_chip": chips,
                "hw": 0,
                "sn": f"{rig.serial or 'SN'}{at}",
            }
            for at, chips in enumerate(self._chains())
        ]
        mean = round(rig.mean_hs() / 1e9, 1)
        row: Tree = {"elapsed": int(rig.uptime_s()), "rate_5s": rate, "rate_30m": mean, "rate_avg": mean}
        row |= {"rate_ideal": round(rig.full_hs / 1e9, 1), "rate_unit": "GH/s", "chain_num": BOARDS}
        row |= {"fan_num": rig.fans, "fan": rig.fan_rpms(), "hwp_total": 0.0, "miner-mode": self._stored_mode()}
        return self._enveloped("STATS", "stats", [row | {"freq-level": 100, "chain": chains}])

    def _new_summary(self) -> Tree:
        rig = self.rig
        accepted, rejected, stale = rig.shares()
        now, mean = round(rig.told_hs() / 1e9, 1), round(rig.mean_hs() / 1e9, 1)
        checks = [{"type": name, "status": "s", "code": 0, "msg": ""} for name in ("rate", "network", "fans", "temp")]
        row = {"elapsed": int(rig.uptime_s()), "rate_5s": now, "rate_30m": mean, "rate_avg": mean, "rate_unit": "GH/s"}
        row |= {"accepted": accepted, "rejected": rejected, "stale": stale, "status": checks}
        return self._enveloped("SUMMARY", "summary", [row])

    def _new_pools(self) -> Tree:
        rows = [self.pool_row(at, url, user) for at, (url, user) in enumerate(self.rig.pools)]
        names = ("URL", "User", "Status", "Priority", "Accepted", "Rejected", "Stale")
        told = [{"index": at, **{name.lower(): row[name] for name in names}} for at, row in enumerate(rows)]
        return self._enveloped("POOLS", "pools", told)


def _good(pools: Any) -> bool:
    """Whether these are pools of which one can be used."""
    rows = pools if isinstance(pools, list) else []
    return bool(rows) and all(isinstance(row, dict) for row in rows) and any(row.get("url") for row in rows)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()  # noqa: S324 - what digest login of these boards is made of
