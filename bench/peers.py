"""Beside other libraries on the same farm: `python bench/peers.py PYTHON [--miners 160] [--plain]`.

PYTHON is the interpreter of an environment with requirements-peers.txt. Each peer finds and reads the farm in a process
of its own, as a job started by a timer has to; beside it `minectl tick`, which also decides, records and shows. The
miners listen on port 4028 (127.63.0.1 and up), because the peers ask no other. Seven of ten are Antminers with the
vendor's web pages behind a digest login on port 80, which only root can open here; `--plain`, and who is not root, has
Avalon units alone, which have no pages.
"""

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import farm
import fleet
from child import minectl
from figures import ratio, say

from mine_controller.twin.answer import Asked, spoken
from mine_controller.twin.rig import Rig
from mine_controller.twin.servers import antminer

PORT, WEB, FIRST, ROUNDS = 4028, 80, "127.63.0.1", 5
PEERS = {"pyasic": 20.0, "asic_rs": 10.0}
SHOWN = {"pyasic": "pyasic", "asic_rs": "asic-rs"}
LONGEST_S = 300


def peer(python: str, name: str, up: "Fleet") -> tuple[float, dict[str, Any]]:
    """Seconds of the whole process, and what it told."""
    child = Path(__file__).parent / "peer_child.py"
    began = time.monotonic()
    told = subprocess.run(
        [python, str(child), name, up.first, str(up.size)], check=True, capture_output=True, timeout=LONGEST_S
    ).stdout
    took_s = time.monotonic() - began
    found: dict[str, Any] = json.loads(told.splitlines()[-1])
    return took_s, found


class Open(antminer.Unit):
    """One that takes every digest for the right one: the farm's answers are made once, for all nonces."""

    def _known(self, asked: Asked) -> bool:
        return "authorization" in asked.headers


def s19() -> tuple[farm.Table, farm.Table]:
    """What an S19j Pro answers on port 4028, and on port 80 by the page that a login names."""
    about = {"name": "a", "mac": "06:00:00:00:00:01", "serial": "TWIN0001"}
    unit = Open(Rig(**{**antminer.FACTS, **about, "pools": [("stratum+tcp://pool.example:3333", "wallet.one")]}))

    def marked(said: bytes) -> bytes:
        return said.replace(b"06:00:00:00:00:01", b"06:@@:@@:@@:@@:@@")

    def page(path: str, headers: dict[str, str]) -> bytes:
        answer = unit.answer(Asked("GET", path, {}, headers), 3600.0)
        return marked(spoken(answer._replace(headers={**answer.headers, "Connection": "close"})))

    asked = [(b"+", b'{"command":"summary+stats"}'), (b"new_api", b'{"command":"stats","new_api":true}')]
    asked += [(f'"{name}"'.encode(), f'{{"command":"{name}"}}'.encode()) for name in antminer.READS]
    api = [(text, unit.talk(question, 3600.0)) for text, question in [*asked, (b"", b'{"command":"nothing"}')]]
    names = ("get_system_info", "get_miner_conf", "stats", "summary", "pools", "get_blink_status")
    paths = ["/", *(f"/cgi-bin/{name}.cgi" for name in names)]
    pages = [(f'uri="{path}"'.encode(), page(path, {"authorization": "Digest"})) for path in paths]
    gone = (b'uri="', page("/cgi-bin/miner_type.cgi", {"authorization": "Digest"}))  # asked for by asic-rs
    return api, [*pages, gone, (b"", page("/", {}))]


class Fleet(NamedTuple):
    """What is asked: `up` from its first address on, and the config that has ours ask the same."""

    first: str
    size: int
    config: Path


@contextlib.contextmanager
def plain(made: farm.Tools, miners: int, folder: Path) -> Iterator[Fleet]:
    """Avalon units."""
    with farm.up(made, miners, delay_ms=fleet.DELAY_MS, first=FIRST, port=PORT) as up:
        yield Fleet(up.first, up.size, fleet.site(folder, up))


@contextlib.contextmanager
def mixed(made: farm.Tools, miners: int, folder: Path) -> Iterator[Fleet]:
    """Antminers with pages, and behind them Avalon units."""
    ants = miners * 7 // 10
    after = farm.address(FIRST, ants)
    api, web = s19()
    with (
        farm.up(made, ants, delay_ms=fleet.DELAY_MS, table=api, first=FIRST, port=PORT) as rack,
        farm.up(made, ants, delay_ms=fleet.DELAY_MS, table=web, first=FIRST, port=WEB),
        farm.up(made, miners - ants, delay_ms=fleet.DELAY_MS, first=after, port=PORT) as shed,
    ):
        path = fleet.site(folder, shed)
        text = path.read_text(encoding="utf-8")
        section = f"[antminer hall]\nhosts = {rack.hosts()[0]}\nnominal_w = 3400\n\n[wiring]"
        path.write_text(text.replace("[wiring]", section), encoding="utf-8")
        rows = "".join(f"s{at:05},{fleet.mac(at).replace('02', '06', 1)},antminer hall\n" for at in range(ants))
        with (folder / "fleet.csv").open("a", encoding="utf-8") as file:
            file.write(rows)
        yield Fleet(FIRST, miners, path)


def compare(python: str, miners: int, *, pages: bool) -> None:
    """Both peers and ours in turns, as whole processes."""
    folder = Path(tempfile.mkdtemp(prefix="minectl-peers-"))
    try:
        with farm.tools() as made, (mixed if pages else plain)(made, miners, folder) as asked:
            tick = minectl("tick", "--config", str(asked.config))
            for _ in range(3):
                fleet.run(tick)
            known = fleet.read_miners(folder)
            for name, goal in PEERS.items():
                whole, ticks, cpu = [], [], []
                told: dict[str, Any] = {}
                for _ in range(ROUNDS):
                    took_s, told = peer(python, name, asked)
                    whole.append(took_s)
                    cpu.append(told["find_cpu_s"] + told["read_cpu_s"])
                    ticks.append(fleet.run(tick).wall_s)
                note = f"{statistics.median(whole):.2f} s against {statistics.median(ticks):.2f} s, {told['read']} read"
                note += f" against {known}; {statistics.median(cpu) / miners * 1e3:.1f} ms CPU a miner"
                what = f"{SHOWN[name]} import + find + read, {miners:,}, {70 if pages else 0} % with web pages"
                held = goal if miners == 160 and pages else 0.0
                say(f"{what}: wall over a tick", ratio(whole, ticks), "x", goal=held, least=True, floor="minectl tick",
                    note=note)  # fmt: skip
    finally:
        shutil.rmtree(folder)


def main() -> None:
    """For each size asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("python", help="the interpreter of an environment with requirements-peers.txt")
    parser.add_argument("--miners", type=int, nargs="+", default=[160])
    parser.add_argument("--plain", action="store_true", help="no web pages, as for whoever is not root")
    given = parser.parse_args()
    for miners in given.miners:
        compare(given.python, miners, pages=not given.plain and os.geteuid() == 0)


if __name__ == "__main__":
    main()
