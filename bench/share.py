"""How much of a computer a fast off-grid site takes: `python bench/share.py`. CPU of one tick over its ten seconds.

The twin (160 miners on the LAN by their own API, meter, broker, router, pool) answers in a process of its own;
`minectl tick` runs in shadow mode from a cold start, as a timer starts it. Two sites: every input asked in each tick;
and miners, router and room asked once a minute, the rest in each tick, which is one full tick in six.
"""

import multiprocessing
import re
import shutil
import statistics
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path

from child import BARE, cpu_s, minectl
from figures import say

EVERY_S = 10
RUNS = 12
SLOW = ("cgminer rows", "openmptcprouter router", "roomalert intake")


def serve(folder: str, pipe: Connection) -> None:
    """The twin on sockets until told to stop."""
    from mine_controller.play import demo  # noqa: PLC0415 - in its own process

    site = demo.build(1, 1, None, ending_now=True, kind="offgrid-container")
    with demo.on_sockets(site) as servers:
        demo.write_config(Path(folder), site)
        demo.go_on(site, servers)
        pipe.send("up")
        pipe.recv()


def measured_s(path: Path, config: str) -> float:
    """CPU of a tick, the median of several close upon each other: what has an `every_s` is due in none of them."""
    path.write_text(config, encoding="utf-8")
    tick = minectl("tick", "--config", str(path))
    cpu_s(tick)
    return statistics.median(cpu_s(tick) for _ in range(RUNS))


def tell(what: str, spent_s: float, floor_s: float) -> None:
    """One figure: the share of a core."""
    note = f"{spent_s * 1000:.0f} ms a tick, {spent_s / floor_s:.0f} x python -c pass"
    say(f"10 s timer, 160 miners, {what}: of a core", 100 * spent_s / EVERY_S, "%", note=note)


def main() -> None:
    """Print the share of one core for both."""
    folder = Path(tempfile.mkdtemp(prefix="minectl-share-"))
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(str(folder), there), daemon=True)
    server.start()
    try:
        here.recv()
        path = folder / "config.txt"
        text = path.read_text(encoding="utf-8").replace("live = yes", "live = no")
        text = re.sub(r"tick_s = \d+", f"tick_s = {EVERY_S}", text)
        floor_s = statistics.median(cpu_s(BARE) for _ in range(RUNS))
        slow = text
        for section in SLOW:
            slow = slow.replace(f"[{section}]\n", f"[{section}]\nevery_s = 60\n")
        full_s, least_s = measured_s(path, text), measured_s(path, slow)
        tell("everything each time", full_s, floor_s)
        tell("miners once a minute", (full_s + 5 * least_s) / 6, floor_s)
        here.send("stop")
    finally:
        server.join(5)
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
