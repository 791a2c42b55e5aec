"""Obeying over real sockets in real time: `python bench/obey.py [--miners 280] [--silent 10] [--silent-pdus 0]`.

280 miners behind Foreman (1 call/s) and seven PDUs, a tenth of the miners mute, on request some PDUs silent; the signal
goes off, whole ticks run on real sockets, and the twin's own truth is printed beside what was proven. Takes about eight
minutes. Prints one JSON object.
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


def faults(miners: int, silent_pct: int, silent_pdus: int) -> str:
    """So many miners mute from the start, and the first PDUs silent."""
    pdus = [f"00:00 device redfish pdu{n} silent\n" for n in range(1, silent_pdus + 1)]
    mute = [f"00:00 miner a{i:03} mute\n" for i in range(1, miners + 1, 100 // silent_pct)] if silent_pct else []
    return "".join(mute + pdus)


def run(folder: Path, miners: int, silent_pct: int, silent_pdus: int) -> dict[str, Any]:
    """Ticks until the event is proven or told; the figures."""
    told = story.parse(TEXT.format(faults=faults(miners, silent_pct, silent_pdus)))
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
        "silent_pdus": silent_pdus,
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
    parser.add_argument("--silent", type=int, default=10, help="per cent of the miners that are mute")
    parser.add_argument("--silent-pdus", type=int, default=0, help="PDUs that answer nothing")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="minectl-obey-"))
    try:
        print(json.dumps(run(folder, given.miners, given.silent, given.silent_pdus), indent=1))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
