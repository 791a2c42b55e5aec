"""Beside other libraries on the same farm: `python bench/peers.py PYTHON [--miners 160]`.

PYTHON is the interpreter of an environment with requirements-peers.txt. Each peer finds and reads the farm in a process
of its own, as a job started by a timer has to; beside it `minectl tick`, which also decides, records and shows. The
miners listen on port 4028 (127.63.0.1 and up), because the peers ask no other. They have no web pages: a fleet of
Antminers, whose every page costs the peers a login, is dearer for them than this one.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import farm
import fleet
from child import minectl
from figures import ratio, say

from mine_controller.devices import cgminer

PORT, FIRST, ROUNDS = 4028, "127.63.0.1", 5
PEERS = {"pyasic": 20.0, "asic_rs": 10.0}
SHOWN = {"pyasic": "pyasic", "asic_rs": "asic-rs"}
LONGEST_S = 300


def peer(python: str, name: str, up: farm.Farm) -> tuple[float, dict[str, Any]]:
    """Seconds of the whole process, and what it told."""
    child = Path(__file__).parent / "peer_child.py"
    began = time.monotonic()
    told = subprocess.run(
        [python, str(child), name, up.first, str(up.size)], check=True, capture_output=True, timeout=LONGEST_S
    ).stdout
    took_s = time.monotonic() - began
    found: dict[str, Any] = json.loads(told.splitlines()[-1])
    return took_s, found


def compare(python: str, miners: int) -> None:
    """Both peers and ours in turns: whole processes, and the CPU of reading alone."""
    folder = Path(tempfile.mkdtemp(prefix="minectl-peers-"))
    try:
        with farm.tools() as made, farm.up(made, miners, delay_ms=fleet.DELAY_MS, first=FIRST, port=PORT) as up:
            tick = minectl("tick", "--config", str(fleet.site(folder, up)))
            for _ in range(2):
                fleet.run(tick)
            reader = fleet.Reader(up.hosts(), up.port)
            reader.read()
            for name, goal in PEERS.items():
                whole, ticks, theirs, ours, least = [], [], [], [], []
                told: dict[str, Any] = {}
                for _ in range(ROUNDS):
                    took_s, told = peer(python, name, up)
                    whole.append(took_s)
                    ticks.append(fleet.run(tick).wall_s)
                    theirs.append(told["read_cpu_s"] * 1e3)
                    ours.append(fleet.cost(reader.read).cpu_ms)
                    least.append(fleet.floor(made, up, cgminer.JOINED).cpu_ms)
                note = f"{statistics.median(whole):.2f} s against {statistics.median(ticks):.2f} s, {told['read']} read"
                say(f"{SHOWN[name]} import + find + read, {miners:,}: wall over a tick", ratio(whole, ticks), "x",
                    goal=goal if miners == 160 else 0.0, least=True, floor="minectl tick", note=note)  # fmt: skip
                note = f"{ratio(theirs, least):.0f} x {fleet.word(made)}, ours {ratio(ours, least):.1f} x"
                say(f"  {SHOWN[name]} reading alone, {miners:,}: CPU over ours", ratio(theirs, ours), "x",
                    floor="ask, to readings", note=note)  # fmt: skip
    finally:
        shutil.rmtree(folder)


def main() -> None:
    """For each size asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("python", help="the interpreter of an environment with requirements-peers.txt")
    parser.add_argument("--miners", type=int, nargs="+", default=[160])
    given = parser.parse_args()
    for miners in given.miners:
        compare(given.python, miners)


if __name__ == "__main__":
    main()
