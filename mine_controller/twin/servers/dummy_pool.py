"""The holding pool as the tick meets it: a job for whoever greets it while it is open, and its control door.

The pool itself is real in a mine (`minectl dummy-pool`); this one stands in for it where a day passes in a minute.
"""

import json
from typing import Final

from mine_controller.twin.container import HOLDING, Container

JOB: Final = ["1", "00" * 32, "01", "02", [], "20000000", "1d00ffff", "5f5e1000", False]


class Unit:
    """The door on the miners' LAN."""

    def __init__(self, world: Container) -> None:
        self.world = world

    def talk(self, request: bytes, at_s: float) -> bytes:
        """Subscribe, authorize, work; closed it hangs up without a word."""
        del at_s
        if not self.world.holding or b"mining.subscribe" not in request:
            return b""
        lines = (
            {"id": 1, "result": [[["mining.notify", "m1"]], "00000001", 4], "error": None},
            {"id": 2, "result": True, "error": None},
            {"id": None, "method": "mining.set_difficulty", "params": [512]},
            {"id": None, "method": "mining.notify", "params": JOB},
        )
        return b"".join(json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in lines)


class Control:
    """The door on loopback: status, open, close."""

    def __init__(self, world: Container) -> None:
        self.world = world

    def talk(self, request: bytes, at_s: float) -> bytes:
        """One word in, the status out."""
        world, word = self.world, request.strip()
        if not world.holding_lives:
            return b""
        if word in (b"open", b"close") and world.holding_open != (word == b"open"):
            world.holding_open = word == b"open"
            world.reroute()
        working = sum(self._holds(i) for i in range(len(world.seats))) if world.holding else 0
        accepted = working * int(at_s // 20)
        told = {"open": world.holding_open, "clients": working, "working": working, "accepted": accepted, "rejected": 0}
        return json.dumps(told).encode() + b"\n"

    def _holds(self, number: int) -> bool:
        seat = self.world.seats[number]
        used = seat.pool_in_use()
        hashes = self.world.boards.mode(number) in ("running", "starting")
        return hashes and used is not None and HOLDING in seat.pools[used][1]
