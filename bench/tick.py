"""A full tick of the co-op site over loopback: `python bench/tick.py`. CPU as a multiple of `python -c pass`.

The twin (280 miners, seven PDUs, every device of the site) answers in a process of its own; `minectl tick` runs in
shadow mode (`live = no`), so that nothing changes between runs; the signal page's bytes stay the same. Both commands
alternate.
"""

import multiprocessing
import resource
import shutil
import statistics
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path

from child import BARE, cpu_s, minectl
from figures import say

RUNS = 9


def serve(folder: str, pipe: Connection) -> None:
    """The twin on sockets until told to stop."""
    from mine_controller.play import demo  # noqa: PLC0415 - in its own process

    site = demo.build(1, 1, None, ending_now=True)
    with demo.on_sockets(site) as servers:
        demo.write_config(Path(folder), site)
        demo.go_on(site, servers)
        pipe.send("up")
        pipe.recv()


TIMED = """
import time
from pathlib import Path
from mine_controller.devices import ask as room
real, spent = room.ask, []
def ask(*given, meanwhile=lambda: None, **more):
    def apart():
        began = time.thread_time()
        meanwhile()
        spent.append(began - time.thread_time())
    began = time.process_time()
    try:
        return real(*given, meanwhile=apart, **more)
    finally:
        spent.append(time.process_time() - began)
        Path({path!r}).write_text(str(sum(spent)), encoding="utf-8")
room.ask = ask
"""


def device_calls_s(folder: Path, tick: list[str]) -> float:
    """CPU of one tick between its first question and its last reading, libraries that are loaded for it among it; what
    the tick does meanwhile for its page is not."""
    path = folder / "spent"
    *start, code, command, option, config = tick
    cpu_s(
        [
            *start,
            code.replace("; from ", f"; exec({TIMED.format(path=str(path))!r}); from ", 1),
            command,
            option,
            config,
        ]
    )
    return float(path.read_text(encoding="utf-8"))


def main() -> None:
    """Print the ratio and the memory."""
    folder = Path(tempfile.mkdtemp(prefix="minectl-tick-"))
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(str(folder), there), daemon=True)
    server.start()
    try:
        here.recv()
        path = folder / "config.txt"
        path.write_text(path.read_text(encoding="utf-8").replace("live = yes", "live = no"), encoding="utf-8")
        tick = minectl("tick", "--config", str(path))
        cpu_s(tick)
        pairs = [(cpu_s(BARE), cpu_s(tick)) for _ in range(RUNS)]
        asking_s = statistics.median(device_calls_s(folder, tick) for _ in range(RUNS))
        ratio = statistics.median((tick_s - asking_s) / bare_s for bare_s, tick_s in pairs)
        everything = statistics.median(tick_s / bare_s for bare_s, tick_s in pairs)
        whole = statistics.median(tick_s for _, tick_s in pairs)
        note = f"{whole * 1000:.0f} ms, {everything:.1f} x with the {asking_s * 1000:.0f} ms of the device calls"
        say("full tick of the co-op site, 280 miners: CPU", ratio, "x", goal=25.0, floor="python -c pass", note=note)
        most_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
        say("resident size of that tick", most_mb, "MB", goal=60.0)
        here.send("stop")
    finally:
        server.join(5)
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
