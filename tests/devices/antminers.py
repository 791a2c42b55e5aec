"""Antminers of every firmware for a rack, and what they were told."""

import json
from pathlib import Path

from devices.racks import Api, StockWeb

from mine_controller.core.model.pool import Pool
from mine_controller.core.option import Secret, fill
from mine_controller.devices import antminer

CASES = Path(__file__).resolve().parents[1] / "cases" / "antminer"
A, B = "10.0.1.1", "10.0.1.2"
MAC, OTHER = "02:00:00:00:00:01", "02:00:00:00:00:99"
NORTH = Pool("north", "stratum+tcp://north.example:3333", "acct.w1", Secret("x"), fallback="south")
SOUTH = Pool("south", "stratum+tcp://south.example:443", "acct.w1", Secret("y"))
COMMANDS = CASES / "stock_commands"
OK = (COMMANDS / "set_miner_conf_ok.json").read_bytes()
NO = (COMMANDS / "set_miner_conf_refused.json").read_bytes()
CONF = json.loads((COMMANDS / "get_miner_conf.json").read_bytes())
CONF["pools"][0]["pass"] = "secret-123"


def recorded(name):
    return (CASES / name).read_bytes()


def summary(rate=110566.89, elapsed=50474):
    return {"STATUS": [{"STATUS": "S"}], "SUMMARY": [{"Elapsed": elapsed, "GHS 5s": rate, "GHS av": 111000.0}]}


def stock_api(**more):
    stats = {"STATUS": [{"STATUS": "S"}], "STATS": [{"Type": "Antminer S19 Pro", "CompileTime": "x"}, {"fan_num": 0}]}
    version = {"STATUS": [{"STATUS": "S"}], "VERSION": [{"Type": "Antminer S19 Pro", "BMMiner": "1.0.0"}]}
    return Api(joins=False, **{"version": version, "summary": summary(), "stats": stats, **more})


class Board:
    """A stock board whose configuration is kept, unless `keeps` says it only pretends."""

    def __init__(self, conf=CONF, keeps=lambda body: True, api=None, answer=OK, **web):
        self.conf, self.keeps, self.answer = dict(conf), keeps, answer
        info = {"macaddr": MAC.upper(), "minertype": "Antminer S19 Pro", "serinum": "SN1"}
        pages = {"get_system_info": info, "get_miner_conf": lambda _: self.conf, "set_miner_conf": self._set}
        self.web = StockWeb(**{**pages, **web})
        self.ports = {4028: api or stock_api(), 80: self.web}

    def _set(self, body):
        if self.keeps(body):
            self.conf["bitmain-work-mode"] = body["bitmain-work-mode"]
        return self.answer

    @property
    def bodies(self):
        return [body for _, path, _, body in self.web.calls if path.endswith("set_miner_conf.cgi")]


def options(**more):
    return fill(antminer.Options, {"hosts": (A,), "pools": (NORTH, SOUTH), **more})


def lux_api(**more):
    names = ("version", "summary", "stats", "pools", "config", "power", "fans", "temps", "profiles")
    return Api(**{name: (CASES / "luxos" / f"{name}.json").read_bytes() for name in names}, **more)


def bos_api():
    version = {"STATUS": [{"STATUS": "S", "Description": "BOSer"}], "VERSION": [{"BOSer": "boser-openwrt 0.1.0"}]}
    return Api(version=version, summary=summary(), pools={"STATUS": [{"STATUS": "S"}], "POOLS": []})


class LuxOs(Api):
    """LuxOS with its session lock and its recorded answers to commands."""

    def __init__(self, busy=False):
        super().__init__(**lux_api(atm={"STATUS": [{"STATUS": "S"}], "ATM": [{"Enabled": False}], "id": 1}).tables)
        self.busy, self.orders = busy, []

    def __call__(self, raw):
        tree = json.loads(raw)
        name, told = tree["command"], tree.get("parameter", "")
        good = {"STATUS": [{"STATUS": "S", "Code": 1, "Msg": "done"}], "id": 1}
        if name == "logon":
            return recorded(f"luxos_commands/logon_{'busy' if self.busy else 'ok'}.json")
        if name in self.tables:
            return super().__call__(raw)
        self.orders.append(f"{name}|{told}")
        return recorded("luxos_commands/curtail_sleep.json") if name == "curtail" else good


LUX = "02:00:00:00:00:06"
