"""Every kind of twin miner with its real driver, and raw questions to a unit."""

import json

from twin.lan import MAC, SERIAL, Lan, options, rig_of

from mine_controller.core.option import Secret
from mine_controller.devices import antminer as antminer_driver
from mine_controller.devices import avalon as avalon_driver
from mine_controller.devices import bitaxe as bitaxe_driver
from mine_controller.devices import cgminer as cgminer_driver
from mine_controller.devices import nerdqaxe as nerdqaxe_driver
from mine_controller.devices import nmminer as nmminer_driver
from mine_controller.devices import whatsminer as whatsminer_driver
from mine_controller.devices import xmrig as xmrig_driver
from mine_controller.twin.answer import asked
from mine_controller.twin.servers import (
    antminer,
    antminer_old,
    avalon,
    bitaxe,
    cgminer,
    nerdqaxe,
    nmminer,
    whatsminer,
    whatsminer_v3,
    xmrig,
)
from mine_controller.wire import cgminer as words


class Case:
    """A driver, how its unit is made, the identity it goes by, and what its driver's section says besides."""

    def __init__(self, driver, unit, facts, section=None, name=MAC, **about):
        self.driver, self.unit, self.facts, self.name, self.about = driver, unit, facts, name, about
        self.section = section or {}

    def lan(self, **about):
        return Lan(self.unit(rig_of(self.facts, **{**self.about, **about})))

    @property
    def options(self):
        return options(self.driver, **self.section)


def bare_nerdqaxe(rig):
    return nerdqaxe.Unit(rig, v2=False)


def metered_antminer(rig):
    return antminer.Unit(rig, meter=True)


def guarded_xmrig(rig):
    return xmrig.Unit(rig, token="word")


TOKEN = {"token": Secret("word")}
STOPS = {"stop_command": "ascdisable|0", "run_command": "ascenable|0"}
CASES = {
    "bitaxe": Case(bitaxe_driver, bitaxe.Unit, bitaxe.FACTS),
    "bitaxe 2.4": Case(bitaxe_driver, bitaxe.Unit, bitaxe.FACTS, firmware="v2.4.5", model="BM1368"),
    "bitaxe 2.15": Case(bitaxe_driver, bitaxe.Unit, bitaxe.FACTS, firmware="v2.15.0"),
    "nerdqaxe": Case(nerdqaxe_driver, nerdqaxe.Unit, nerdqaxe.FACTS),
    "nerdqaxe v1": Case(nerdqaxe_driver, bare_nerdqaxe, nerdqaxe.FACTS),
    "avalon 1066": Case(avalon_driver, avalon.Unit, avalon.MODELS["1066"], {"dialect": "text"}),
    "avalon 1346": Case(avalon_driver, avalon.Unit, avalon.MODELS["1346"]),
    "avalon 15-194": Case(avalon_driver, avalon.Unit, avalon.MODELS["15-194"]),
    "avalon Q": Case(avalon_driver, avalon.Unit, avalon.MODELS["Q"]),
    "avalon Q text": Case(avalon_driver, avalon.Unit, avalon.MODELS["Q"], {"dialect": "text"}),
    "avalon Nano3s": Case(avalon_driver, avalon.Unit, avalon.MODELS["Nano3s"]),
    "cgminer": Case(cgminer_driver, cgminer.Unit, cgminer.FACTS, STOPS),
    "whatsminer": Case(whatsminer_driver, whatsminer.Unit, whatsminer.FACTS),
    "whatsminer v3": Case(whatsminer_driver, whatsminer_v3.Unit, whatsminer.FACTS),
    "antminer": Case(antminer_driver, metered_antminer, antminer.FACTS),
    "antminer T17+": Case(antminer_driver, antminer_old.Unit, antminer_old.FACTS, {"old_sleep": True}),
    "antminer S9": Case(antminer_driver, antminer_old.Unit, antminer_old.S9),
    "nmminer": Case(nmminer_driver, nmminer.Unit, nmminer.FACTS, name=SERIAL),
    "xmrig": Case(xmrig_driver, guarded_xmrig, xmrig.FACTS, TOKEN, name=SERIAL),
}
NO_WATTS = ("avalon 1066", "nmminer", "xmrig", "antminer T17+", "antminer S9")  # these measure none
NO_CHIP = ("xmrig",)
NO_RATE = ("xmrig",)  # its rate is of another algorithm, and a text
STOPPABLE = [name for name in CASES if name not in ("bitaxe 2.4", "avalon Nano3s", "nmminer", "antminer S9")]


def get(unit, target, at_s=0.0, method="GET", body=None, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return unit.answer(asked(method, target, named, b"" if body is None else json.dumps(body).encode()), at_s)


def tree(answer):
    return json.loads(answer.body)


def cg(unit, command, parameter="", at_s=0.0):
    """One JSON command of the CGMiner API as a tree."""
    return words.read(unit.talk(words.request(command, parameter), at_s))
