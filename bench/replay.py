"""Replay and backtest of a year of 160 miners: `python bench/replay.py [--days N]`. Figures as `bench/figures.py` has
them.

One day of the co-op container is lived through on the twin and recorded by the real store; its ticks are then decided
again, over and over, until they make `--days` (365: all of them; fewer are counted up), in as many processes as there
are processors. Floor: one `json.loads` of every record's JSON, measured in the same run.
"""

import argparse
import json
import os
import shutil
import sqlite3
import tempfile
import time
import zlib
from collections.abc import Sequence
from operator import itemgetter
from pathlib import Path

from figures import say

from mine_controller.play import backtest, demo, outside, replay
from mine_controller.play.ground import Start
from mine_controller.play.sweep import jobs_here, spread
from mine_controller.store.db import Paths
from mine_controller.twin import coop

MINERS, PDUS, FANS, HOURS = 160, 4, 6, 24
YEAR_DAYS = 365
TURNS = 3  # others are on the machine: the least of them counts
FOR_EVER_S = 1 << 36


def record(folder: Path) -> tuple[Paths, str]:
    """A recorded day, and where the mine stands."""
    site = coop.build(1, None, miners=MINERS, pdus=PDUS, fans=FANS)
    config = demo.write_config(folder, site)
    demo.live_through(site, config, 1, HOURS, lambda _done, _of: None, guard=False)
    return config.paths, config.site.timezone


def floor_s(paths: Paths) -> float:
    """CPU seconds of reading every record's JSON once."""
    with sqlite3.connect(paths.db) as db:
        bodies = [body for (body,) in db.execute("SELECT body FROM records")]
    db.close()
    began = time.process_time()
    for body in bodies:
        json.loads(zlib.decompress(body))
    return time.process_time() - began


def main() -> None:
    """Print the figures."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--days", type=int, default=4, help="so many days are replayed; %(default)s")
    days: int = asked.parse_args().days
    folder = Path(tempfile.mkdtemp(prefix="minectl-replay-"))
    try:
        paths, zone = record(folder / "site")
        _replay(paths, days)
        _backtest(paths, zone)
    finally:
        shutil.rmtree(folder)


def _replay(paths: Paths, days: int) -> None:
    [*parts] = replay.parts(paths, 0, FOR_EVER_S)
    floor, spent, alone = min((_once(paths, parts) for _ in range(TURNS)), key=itemgetter(1))
    ticks = sum(one.ticks for one in alone)
    what = f"least of {TURNS}: {ticks} ticks, {sum(one.rounds for one in alone)} rounds"
    what += f", {sum(one.differ for one in alone)} differ; load average {os.getloadavg()[0]:.1f}"
    floor_text = f"{spent / floor:.1f} x reading the JSON"
    say("replay, CPU a recorded tick of 160 miners", 1000 * spent / ticks, "ms", goal=2.0, floor=floor_text, note=what)
    cpu_min = spent * YEAR_DAYS * 24 / HOURS / jobs_here() / 60
    say("replay, CPU of a year over the processors", cpu_min, "min", note=f"{jobs_here()} processors, if they are ours")
    began = time.monotonic()
    for _ in spread(replay.replay, parts * days, jobs_here()):
        pass
    year_min = (time.monotonic() - began) / days * YEAR_DAYS / 60
    said = f"{jobs_here()} processes, {days} days measured, load average {os.getloadavg()[0]:.1f}"
    say("replay, wall of a year of 160 miners", year_min, "min", goal=5.0, note=said)


def _once(paths: Paths, parts: Sequence[replay.Part]) -> tuple[float, float, list[replay.Replayed]]:
    """CPU seconds of the floor and of a day decided again, beside each other, and what came of it."""
    floor, began = floor_s(paths), time.process_time()
    alone = [replay.replay(part) for part in parts]
    return floor, time.process_time() - began, alone


def _backtest(paths: Paths, zone: str) -> None:
    whole = replay.Part(str(paths.db), 0, FOR_EVER_S)
    began = time.process_time()
    seen, begun = outside.recorded(whole), outside.begin(whole, FOR_EVER_S)
    spent = time.process_time() - began
    assert begun is not None
    say("backtest, CPU of reading a recorded tick's outside", 1000 * spent / len(seen.seen), "ms")
    task = backtest.Run("same", begun.policy, zone, begun.tick_s, seen, Start(begun.state, begun.image))
    began = time.process_time()
    ran = backtest.run(task)
    say("backtest, CPU a tick of 160 miners on the twin", 1000 * (time.process_time() - began) / ran.ticks, "ms")
    for row in backtest.compared(backtest.figures(seen.seen, begun.policy), ran, []):
        if row["figure"] == "energy_kwh":
            say("backtest, the twin's error in energy", abs(row["error_pct"]), "%", goal=2.0)


if __name__ == "__main__":
    main()
