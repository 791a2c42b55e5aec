"""A home of a few boards for the command line's tests: they obey at once, and say what they are in readings."""

import time
from pathlib import Path
from typing import Any

from cli.place import Place

from mine_controller.config.load import load
from mine_controller.core.model.command import Outcome
from mine_controller.core.model.reading import Reading

SHELF, TOP = "bitaxe shelf", "nmminer top"
TEXT = """\
# the shelf
[site]
name = Home test
profile = home-fleet
live = yes

[bitaxe shelf]
hosts = 127.77.1.1-20
every_s = 0

[nmminer top]
hosts = 127.77.2.1

[pool main]
url = stratum+tcp://pool.test:3333
user = nobody

[pool solo]
url = stratum+tcp://solo.test:3333
user = nobody

[wiring]

[end]
"""
FLEET = """\
id,mac,group,name,row,note
b01,02:77:00:00:00:01,bitaxe shelf,Left,a,
b02,02:77:00:00:00:02,bitaxe shelf,,a,
b03,02:77:00:00:00:03,bitaxe shelf,,b,
n01,NM-CYD-000001,nmminer top,,b,
"""


class Shelf:
    """The boards: watts, modes, and what was sent."""

    def __init__(self) -> None:
        self.now = 10_000
        self.power = {f"b0{at}": 18 for at in (1, 2, 3)}
        self.mode = dict.fromkeys(self.power, "standard")
        self.silent: set[str] = set()
        self.sent: list[tuple[str, str, str]] = []

    def _grow(self) -> None:
        """Everything here happens at once."""


class Home(Place):
    """The folder, its boards, and ticks over them."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "config.txt"
        self.path.write_text(TEXT)
        self.path.chmod(0o600)
        self.fleet = folder / "fleet.csv"
        self.fleet.write_text(FLEET)
        self.config = load(self.path)
        self.plant: Any = Shelf()
        self.began = 0

    def later(self) -> None:
        """The config as it is now counts for the next tick."""
        self.config = load(self.path)

    def _ask(self, asked: Any, image: Any, clock: Any) -> Any:
        del asked, image, clock
        return tuple(self._readings())

    def _readings(self) -> list[Reading]:
        shelf, now = self.plant, self.plant.now
        out = [Reading("stop:switch", "on" if self.config.paths.stop.exists() else "off", now)]
        out += [Reading(f"{section}:health", "ok", now) for section in (SHELF, TOP)]
        for spec in self.config.policy.wiring.miners:
            if spec.group != SHELF or spec.id in shelf.silent:
                continue
            watts = shelf.power.setdefault(spec.id, 18)
            values = {
                "address": f"127.77.1.{int(spec.id[1:])}",
                "word": "hashing" if watts > 3 else "sleeping",
                "power_w": watts,
                "chip_c": 58.5,
                "hashrate_ths": 1.21 if watts > 3 else 0.0,
                "frequency_mhz": 525,
                "core_voltage_mv": 1150,
                "fan_pct": 61,
                "mode": shelf.mode.setdefault(spec.id, "standard"),
                "pool": "main",
            }
            out += [Reading(f"{SHELF}/{spec.mac}:{name}", value, now) for name, value in values.items()]
            out += [Reading(f"{SHELF}/{spec.mac} model:text", "Gamma 601" if spec.id != "b03" else "Ultra 204", now)]
        top = f"{TOP}/NM-CYD-000001"
        out += [Reading(f"{top}:address", "127.77.2.1", now), Reading(f"{top}:word", "hashing", now)]
        return [*out, Reading(f"{top} hashrate:text", "956.4 kH/s", now)]

    def _act(self, commands: Any, clock: Any) -> Any:
        del clock
        return tuple(self._told(command) for command in commands)

    def _told(self, command: Any) -> Outcome:
        name = command.target.removeprefix("miner ")
        self.plant.sent.append((name, command.verb, command.value))
        if command.verb in ("run", "stop"):
            self.plant.power[name] = 18 if command.verb == "run" else 2
        if command.verb == "mode":
            self.plant.mode[name] = command.value
        return Outcome(command.id, "applied", "", None, self.plant.now)

    def run_now(self, *words: str, **about: Any) -> Any:
        """`run`, with a tick of the shelf just behind."""
        self.ticks()
        assert self.wall <= time.time() + 1
        return self.run(*words, **about)
