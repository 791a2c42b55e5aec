"""Obeying over real sockets in real time: `python bench/obey.py [--miners 280] [--silent 10]`; takes about six minutes.

280 miners behind Foreman (1 call/s) and seven PDUs, a tenth of the devices silent; the signal goes off, whole ticks run
on real sockets, and the twin's own truth says when power was under X. Prints one JSON object.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from mine_controller.play import demo
from mine_controller.ports.journal import Journal
from mine_controller.ports.live import Live, ports_of
from mine_controller.tick import tick
from mine_controller.twin import coop, story

TEXT = "title obey\ndate 2026-07-15\nweather july\n\n{faults}14:00 signal off for 3h\n"
LEAD_S = 300


def faults(miners: int, silent_pct: int) -> str:
    """Every tenth miner mute, one PDU in ten of the fleet's silent from the start."""
    mute = [f"00:00 miner a{i:03} mute\n" for i in range(1, miners + 1, 100 // silent_pct)] if silent_pct else []
    return "".join(mute)


def run(folder: Path, miners: int, silent_pct: int) -> dict[str, Any]:
    """Ticks until the event is proven or told; the figures."""
    told = story.parse(TEXT.format(faults=faults(miners, silent_pct)))
    start = told.start_wall_s() + 14 * 3600 - LEAD_S
    site = coop.build(1, start, story=told, miners=miners, extras=False)
    with demo.on_sockets(site) as servers:
        config = demo.write_config(folder, site)
        sources = demo.go_on(site, servers)
        ticks: list[float] = []
        shed = None
        for _ in range(8):
            began = time.monotonic()
            live = Live(config, sources=sources)
            book = tick(ports_of(live, Journal(config, live.clocks, live.log)), config.policy)
            ticks.append(round(time.monotonic() - began, 1))
            shed = book.state.shed or shed
            said = f"{book.state.mode}: tick {ticks[-1]} s, truth {site.world.miners_w() / 1000:.0f} kW"
            print(said, file=sys.stderr)
            if shed is not None and (shed.shed_100_s is not None or shed.emergency):
                break
            time.sleep(max(0.0, config.site.tick_s - (time.monotonic() - began)))
    stopped = shed.gentle + shed.hard if shed else 0
    return {
        "miners": miners,
        "silent_pct": silent_pct,
        "under_x_s": shed.shed_100_s - shed.signal_s if shed and shed.shed_100_s else None,
        "emergency": shed.emergency if shed else None,
        "before_w": shed.before_w if shed else None,
        "confirmed_w": shed.confirmed_w if shed else None,
        "floor_w": shed.floor_w if shed else None,
        "gentle_share": round(shed.gentle / stopped, 3) if shed and stopped else None,
        "truth_w": round(site.world.miners_w()),
        "ticks_s": ticks,
    }


def main() -> None:
    """Parse, run in a folder of its own, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--miners", type=int, default=280)
    parser.add_argument("--silent", type=int, default=10)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="minectl-obey-"))
    try:
        print(json.dumps(run(folder, given.miners, given.silent), indent=1))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
