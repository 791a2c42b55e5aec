"""Reading and stopping a whole fleet: `python bench/fleet.py [PART...]`, parts read delay tarpit mad stop whole.

At 160, 1,000 and 10,000 miners (`--miners` for others), on a farm in a process of its own, against one epoll loop of C
on the same farm in the same run (see farm.py; without a compiler against 64 threads, whose CPU is 1.9 times that of a
Python epoll loop). What is measured is `ask`, from the question to the stamped readings, as a tick does it.
"""

import argparse
import contextlib
import gc
import json
import os
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import farm
from child import BARE, environment, minectl
from farm import Farm, Tools
from figures import ratio, say

from mine_controller.config.model import Endpoint
from mine_controller.core.columns import Readings
from mine_controller.core.due import Asked
from mine_controller.core.model.command import Command
from mine_controller.core.model.reading import Value
from mine_controller.core.model.reason import Reason
from mine_controller.core.option import fill
from mine_controller.devices import _cgminer, avalon, cgminer
from mine_controller.devices import act as acting
from mine_controller.devices import ask as asking
from mine_controller.wire import cgminer as words
from mine_controller.wire import http
from mine_controller.wire.door import Exchange
from mine_controller.wire.many import many

DELAY_MS = (20, 40)
TARPIT_S = 2.0
TARPIT_TICKS = 16
LONGEST_S = 20.0
TICK_S = 120
KINDS = {"cgminer": cgminer, "avalon": avalon}
PARTS = ("read", "delay", "tarpit", "mad", "stop", "whole")
ROUNDS = {160: 9, 1000: 7, 10_000: 5}


class Cost(NamedTuple):
    """Milliseconds, and what came back."""

    wall_ms: float
    cpu_ms: float
    result: Any


def cost(call: Callable[[], Any]) -> Cost:
    """Wall and CPU of this process for one call, without a search for cycles: a tick never makes one."""
    gc.collect()
    gc.disable()
    try:
        cpu, wall = time.process_time(), time.monotonic()
        result = call()
        return Cost((time.monotonic() - wall) * 1e3, (time.process_time() - cpu) * 1e3, result)
    finally:
        gc.enable()


class Reader:
    """One fleet section as ticks read it: what they remember between them is handed on."""

    def __init__(self, hosts: tuple[str, ...], port: int, kind: str = "cgminer") -> None:
        options = fill(KINDS[kind].Options, {"hosts": hosts, "port": port})
        self.section = f"{kind} rack"
        self.endpoints = {self.section: Endpoint(kind, "rack", options, True, 0, 1)}
        self.channels: dict[str, Value] = {}
        self.ticks = 0

    def read(self, within_s: float = LONGEST_S) -> Readings:
        """One tick's reading, and what the next one needs of it."""
        found = self.ask(within_s)
        self.keep(found)
        return found

    def timed(self) -> Cost:
        """The same; the cost is that of `ask`."""
        told = cost(self.ask)
        self.keep(told.result)
        return told

    def ask(self, within_s: float = LONGEST_S) -> Readings:
        """From the question to the stamped readings."""
        began, at_s = time.monotonic(), 1_000_000 + TICK_S * self.ticks
        self.ticks += 1
        return asking.ask(
            (Asked(self.section),),
            self.endpoints,
            self.channels,
            lambda moment: at_s + int(moment - began),
            lambda section, until: http.live(until, section),
            began + within_s,
        )

    def keep(self, found: Readings) -> None:
        """What a tick's image hands on to the next; `freeze` does that there."""
        rows = zip(found.keys, found.values, found.ats, strict=True)
        self.channels |= {key: Value(value, at_s) for key, value, at_s in rows if key.endswith(":memory")}

    def good(self, found: Readings) -> int:
        """How many miners told what they do."""
        rows = zip(found.keys, found.values, strict=True)
        return sum(key.endswith(":word") and value is not None for key, value in rows)


def floor(made: Tools, up: Farm, request: bytes, within_s: float = LONGEST_S) -> Cost:
    """The C loop; without a compiler 64 threads."""
    if made.c:
        told = made.limit(up, request, within_s)
        return Cost(told.wall_ms, told.cpu_ms, told.answered)
    hosts = [farm.address(up.first, at) for at in range(up.size)]
    with ThreadPoolExecutor(64) as pool:
        return cost(lambda: sum(pool.map(lambda host: _blocking(host, up.port, request, within_s), hosts)))


def _blocking(host: str, port: int, request: bytes, within_s: float) -> bool:
    got = b""
    try:
        with socket.create_connection((host, port), timeout=within_s) as sock:
            sock.sendall(request)
            while not got.endswith(b"\0") and (piece := sock.recv(65_536)):
                got += piece
    except OSError:
        return False
    return got.endswith(b"\0")


def word(made: Tools) -> str:
    """What the floor is called."""
    return "C epoll, no parsing" if made.c else "64 threads"


def side_by_side(made: Tools, up: Farm, rounds: int, within_s: float = LONGEST_S) -> tuple[list[Cost], list[Cost]]:
    """Ours and the floor in turns; every miner has to be read each time."""
    reader = Reader(up.hosts(), up.port)
    reader.read()
    ours, least = [], []
    for _ in range(rounds):
        least.append(floor(made, up, cgminer.JOINED, within_s))
        ours.append(reader.timed())
        if reader.good(ours[-1].result) != up.size:
            raise SystemExit(f"{reader.good(ours[-1].result)} of {up.size} were read")
    return ours, least


def reading(made: Tools, miners: int) -> None:
    """CPU of reading, devices that answer at once."""
    with farm.up(made, miners) as up:
        ours, least = side_by_side(made, up, ROUNDS.get(miners, 5))
        cpu = ratio([one.cpu_ms for one in ours], [one.cpu_ms for one in least])
        mine = statistics.median(one.cpu_ms for one in ours) / miners * 1e3
        theirs = statistics.median(one.cpu_ms for one in least) / miners * 1e3
        note = f"{mine:.0f} us a miner, floor {theirs:.0f} us"
        say(f"reading {miners:,} miners, joined, to readings: CPU", cpu, "x", goal=3.0 if made.c else 0.0,
            floor=word(made), note=note)  # fmt: skip


def delayed(made: Tools, miners: int) -> None:
    """Wall of reading, devices that take their time."""
    with farm.up(made, miners, delay_ms=DELAY_MS) as up:
        ours, least = side_by_side(made, up, ROUNDS.get(miners, 5))
        walls = [one.wall_ms for one in least]
        wall = ratio([one.wall_ms for one in ours], walls)
        goal = (1.5 if miners >= 10_000 else 1.15) if made.c else 0.0
        say(f"the same, devices take 20-40 ms, {miners:,}: wall", wall, "x", goal=goal, floor=word(made),
            note=f"{statistics.median(one.wall_ms for one in ours):.0f} ms")  # fmt: skip
        batch = [Exchange(farm.address(up.first, at), up.port, cgminer.JOINED, b"\0") for at in range(miners)]
        walls, bare = [], []
        for _ in range(ROUNDS.get(miners, 5)):
            walls.append(floor(made, up, cgminer.JOINED).wall_ms)
            bare.append(cost(lambda: many(batch, time.monotonic() + LONGEST_S)).wall_ms)
        say(f"  of which question to last byte, {miners:,}: wall", ratio(bare, walls), "x", floor=word(made),
            note=f"{statistics.median(bare):.0f} ms")  # fmt: skip


def tarpits(made: Tools, miners: int) -> None:
    """5 % take the question and never answer: unknown ones, then known ones over the ticks that follow."""
    healthy = miners - len(range(0, miners, farm.EVERY))
    with (
        farm.up(made, miners, delay_ms=DELAY_MS) as sane,
        farm.up(made, miners, delay_ms=DELAY_MS, mode="tarpit", first="127.62.0.1") as muddy,
    ):
        least = floor(made, muddy, cgminer.JOINED, TARPIT_S)
        reader, free = Reader(muddy.hosts(), muddy.port), Reader(sane.hosts(), sane.port)
        with tarpit_time():
            first = reader.timed()
        say(f"5 % tarpits, unknown, 2 s, {miners:,}: wall", first.wall_ms / least.wall_ms, "x", goal=1.15,
            floor=word(made), note=f"{reader.good(first.result)} of {healthy} healthy read")  # fmt: skip
        free.read()
        pairs = [(free.timed(), reader.timed()) for _ in range(TARPIT_TICKS)]
    fewest = min(reader.good(known.result) for _, known in pairs)
    waits = [known.wall_ms / 1e3 for other, known in pairs if known.wall_ms > 2 * other.wall_ms + 500]
    wall = ratio([known.wall_ms for _, known in pairs], [other.wall_ms for other, _ in pairs])
    note = f"median of {TARPIT_TICKS} ticks, {fewest} of {healthy} healthy each time; {len(waits)} ask again and wait"
    say(f"5 % tarpits, known, {miners:,}: wall", wall, "x", goal=1.3, floor="fault-free reading",
        note=f"{note}, {max(waits, default=0):.1f} s at most")  # fmt: skip


def mad(made: Tools, miners: int = 1000) -> None:
    """Drips, garbage, 64 MB, hung up, shut: no healthy one lost, and what that weighs beside a sane farm of the same
    size, read by the same child before."""
    with (
        farm.up(made, miners, delay_ms=DELAY_MS) as sane,
        farm.up(made, miners, delay_ms=DELAY_MS, mode="mad", first="127.62.0.1") as insane,
    ):
        given = [f"{up.first},{up.size},{up.port}" for up in (sane, insane)]
        weigher = [sys.executable, "-I", "-S", "-c", BETWEEN, sys.executable, __file__, "--weigh", *given]
        told = subprocess.run(weigher, check=True, capture_output=True).stdout
    (_, before_kib), (good, after_kib) = json.loads(told)
    healthy = sum(at % 100 >= 20 for at in range(miners))
    say(f"mad devices, {miners:,}: healthy ones lost", healthy - good, "", note=f"{good} of {healthy} read")
    say(f"mad devices, {miners:,}: resident size on top", (after_kib - before_kib) / 1024, "MB", goal=4.0,
        floor="a sane farm", note=f"{before_kib / 1024:.0f} MB before")  # fmt: skip


@contextlib.contextmanager
def tarpit_time() -> Iterator[None]:
    """A step of the fleet's reading is over after two seconds, as the floor's is; as delivered it has six."""
    usual, _cgminer.STEP_S = _cgminer.STEP_S, TARPIT_S
    try:
        yield
    finally:
        _cgminer.STEP_S = usual


def weigh(farms: Sequence[str]) -> None:
    """Read each farm twice and tell how many answered and the largest resident size so far, in KiB."""
    told = []
    for one in farms:
        first, count, port = one.split(",")
        reader = Reader((f"{first}-{farm.address(first, int(count) - 1)}",), int(port))
        good = [reader.good(reader.read()) for _ in range(2)]
        told.append((min(good), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))
    print(json.dumps(told))


def stopping(made: Tools, miners: int) -> None:
    """Everybody told to stop: who it is, what it can, the command; the C loop has as many questions to ask."""
    asked = [words.request("version"), *(words.request("ascset", f"0,{what}") for what in ("help", "softoff,1:1"))]
    with farm.up(made, miners, delay_ms=DELAY_MS) as up:
        ours, least, sent = [], [], []
        for _ in range(ROUNDS.get(miners, 5)):
            least.append(sum(floor(made, up, request).wall_ms for request in asked))
            up.asked()
            ours.append(cost(lambda: stop_all(up)))
            sent.append(up.asked()[0])
        taken = [sum(one.verdict in ("applied", "accepted") for one in round_.result) for round_ in ours]
        took = f"{statistics.median(one.wall_ms for one in ours):.0f} ms"
        note = f"{took}, {min(sent)} to {max(sent)} commands arrived, {min(taken)} taken"
        wall = ratio([one.wall_ms for one in ours], least)
        say(f"{miners:,} miners told to stop (3 exchanges each): wall", wall, "x", goal=1.2 if made.c else 0.0,
            floor=f"{word(made)}, as many exchanges", note=note)  # fmt: skip


def stop_all(up: Farm) -> tuple[Any, ...]:
    """What act does with a stop for each miner of the farm."""
    reader = Reader(up.hosts(), up.port, "avalon")
    why = Reason("bench", "stop")
    commands = [
        Command(f"1.0.{at}", f"miner m{at}", "stop", reader.section, farm.address(up.first, at), 0, why, mac(at))
        for at in range(up.size)
    ]
    began = time.monotonic()
    return acting.act(
        commands, reader.endpoints, (), lambda moment: int(moment - began), lambda name, until: http.live(until, name),
        began + 25,
    )  # fmt: skip


def mac(at: int) -> str:
    """The mac of one miner of the farm."""
    digits = f"02{at:010x}"
    return ":".join(digits[place : place + 2] for place in range(0, 12, 2))


def whole(made: Tools, miners: int) -> None:
    """`minectl tick` as cron starts it, over a bare interpreter; and what it weighs."""
    folder = Path(tempfile.mkdtemp(prefix="minectl-fleet-"))
    try:
        with farm.up(made, miners, delay_ms=DELAY_MS) as up:
            path = site(folder, up)
            tick, bare = minectl("tick", "--config", str(path)), BARE
            for _ in range(2):
                run(tick)
            pairs = [(run(bare), run(tick)) for _ in range(ROUNDS.get(miners, 5))]
            known = read_miners(folder)
            wall = ratio([one.wall_s for _, one in pairs], [one.wall_s for one, _ in pairs])
            cpu = ratio([one.cpu_s for _, one in pairs], [one.cpu_s for one, _ in pairs])
            took = f"{statistics.median(one.wall_s for _, one in pairs) * 1e3:.0f} ms"
            note = f"{took}, CPU {cpu:.1f} x, {known} miners read"
            say(f"whole tick process, {miners:,} devices of 20-40 ms: wall", wall, "x",
                goal=12.0 if miners == 160 else 0.0, floor="python -c pass", note=note)  # fmt: skip
            say(f"resident size of that tick, {miners:,}", resident_mb(tick), "MB",
                note=f"bare {resident_mb(bare):.0f} MB", goal={160: 60.0, 10_000: 120.0}.get(miners, 0.0))  # fmt: skip
    finally:
        shutil.rmtree(folder)


class Run(NamedTuple):
    """One child process."""

    wall_s: float
    cpu_s: float


def run(command: Sequence[str]) -> Run:
    """Start, wait, and what it took."""
    began = time.monotonic()
    child = os.posix_spawnp(command[0], list(command), environment())
    _, status, usage = os.wait4(child, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    return Run(time.monotonic() - began, usage.ru_utime + usage.ru_stime)


BETWEEN = "import subprocess, sys; subprocess.run(sys.argv[1:], check=True)"  # see resident_mb
SMALL = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def resident_mb(command: Sequence[str]) -> float:
    """The largest resident size of a process. One in between starts it, because it inherits that of who starts it."""
    between = [sys.executable, "-I", "-S", "-c", SMALL, *command]
    told = subprocess.run(between, check=True, capture_output=True, env=environment()).stdout
    return int(told) / 1024


def site(folder: Path, up: Farm) -> Path:
    """A home fleet of one section."""
    path = folder / "config.txt"
    head = "[site]\nname = Bench\nprofile = home-fleet\nlive = yes\n"
    section = f"[cgminer rack]\nhosts = {up.hosts()[0]}\nport = {up.port}\nnominal_w = 3400\n"
    path.write_text(f"{head}\n{section}\n[wiring]\n\n[end]\n", encoding="utf-8")
    path.chmod(0o600)
    rows = "".join(f"m{at:05},{mac(at)},cgminer rack\n" for at in range(up.size))
    (folder / "fleet.csv").write_text(f"id,mac,group\n{rows}", encoding="utf-8")
    return path


def read_miners(folder: Path) -> int:
    """Of how many the newest tick knows their word, as its page says."""
    status = json.loads((folder / "www" / "status.json").read_text(encoding="utf-8"))
    known: int = status["miners"]["words_known"]
    return known


def main() -> None:
    """The parts asked for."""
    if sys.argv[1:2] == ["--weigh"]:
        weigh(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all without any")
    parser.add_argument("--miners", type=int, nargs="+", default=[160, 1000, 10_000])
    given = parser.parse_args()
    parts = given.parts or PARTS
    each = {"read": reading, "delay": delayed, "tarpit": tarpits, "stop": stopping, "whole": whole}
    with farm.tools() as made:
        for part in parts:
            if part == "mad":
                mad(made)
            for miners in given.miners if part in each else ():
                each[part](made, miners)


if __name__ == "__main__":
    main()
