"""Thirty simulated days of the off-grid container: `python bench/offgrid.py [--days N] [--dir FOLDER]`.

160 miners on a source that gives less three times a day, and an hour later all of it again; every evening the internet
is gone for half an hour. The real drivers and rules on virtual time, a tick every two minutes, the guards over each.
The book stays in memory. After each day the world and the book are kept (`kept` in the folder): a run that was ended
goes on where it was when the same words are typed again. A line a day goes to `log`, the figures to the terminal; the
exit code is 1 when one of them misses its goal, 3 while days are missing.
"""

import argparse
import os
import pickle
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from figures import say

from mine_controller.config.load import load
from mine_controller.core.model.book import Book
from mine_controller.play import demo
from mine_controller.play.twin import Remembered, Virtual
from mine_controller.ports.live import ports_of
from mine_controller.tick import tick
from mine_controller.twin import offgrid, story
from mine_controller.twin.weather import DAY_S

TOLD = """title Brown-outs
date 2026-02-10
weather savanna

02:30 supply 80 for 40m
11:10 supply 75 for 1h
16:00 supply 85 for 2h
20:00 internet down for 30m
"""
NONE = 1e-6  # a goal of nothing, for figures that count


class Kept(NamedTuple):
    """The site at the end of a day. `there_w`: what the source gave at the end of the last tick."""

    days: int
    site: offgrid.Site
    book: Book | None = None
    there_w: float | None = None
    over: tuple[tuple[float, float, float], ...] = ()  # (second, watts used, watts there)
    lowered: int = 0  # ticks within which the source stepped down
    violations: tuple[str, ...] = ()
    ticks: int = 0


def begin(words: argparse.Namespace) -> Kept:
    """An empty book, and the container at midnight in full swing."""
    told = story.parse(TOLD)
    site = offgrid.build(words.seed, told.start_wall_s(offgrid.ZONE), miners=words.miners, story=told, extras=False)
    demo.write_config(words.dir, site)
    return Kept(0, site)


def kept_of(words: argparse.Namespace) -> Kept:
    """Where it was ended."""
    at = words.dir / "kept"
    return Kept(*pickle.loads(at.read_bytes())) if at.exists() else begin(words)  # noqa: S301 - written by this bench


def keep(folder: Path, kept: Kept) -> None:
    """The old one counts until the new one is whole."""
    (folder / "kept.new").write_bytes(pickle.dumps(tuple(kept)))
    (folder / "kept.new").replace(folder / "kept")


def a_day(folder: Path, kept: Kept) -> Kept:
    """The ticks of one more day; over: more is used at a tick's end than there is, unless it stepped down within."""
    site, config = kept.site, load(folder / "config.txt")
    virtual = Virtual(config, site)
    journal = Remembered(virtual, kept.book)
    ports, end_s = ports_of(virtual, journal), (kept.days + 1) * DAY_S
    over, was_w, ticks, lowered = list(kept.over), kept.there_w, kept.ticks, kept.lowered
    while virtual.now_s < end_s:
        began_s = virtual.now_s
        tick(ports, config.policy)
        journal.ticks.clear()
        used_w, there_w = site.world.power_w(), site.world.source.available_w
        stepped = was_w is not None and there_w < was_w
        lowered += stepped
        if used_w > there_w and not stepped:
            over.append((began_s, used_w, there_w))
        was_w, ticks = there_w, ticks + 1
        virtual.until_next(began_s)
    found = (*kept.violations, *(f"{one.guard}: {one.sentence}" for one in journal.violations))
    return Kept(kept.days + 1, site, journal.book, was_w, tuple(over), lowered, found, ticks)


def share(kept: Kept) -> float:
    """Percent used of what was there."""
    return 100 * kept.site.world.energy_kwh() / kept.site.world.permitted_kwh()


def line(kept: Kept, spent_s: float) -> str:
    """One day for whoever waits."""
    starts = kept.site.starts()
    return (
        f"{kept.days} days: {share(kept):.2f} % used, {len(kept.over)} over, {len(kept.violations)} violations, "
        f"{kept.site.world.source.trips} trips, {min(starts)} to {max(starts)} starts, {spent_s:.0f} s CPU, "
        f"load {os.getloadavg()[0]:.1f}"
    )


def live(words: argparse.Namespace) -> Kept:
    """Day after day, until all are through or time is up."""
    words.dir.mkdir(parents=True, exist_ok=True)
    kept, ends = kept_of(words), time.monotonic() + words.minutes * 60
    while kept.days < words.days and time.monotonic() < ends:
        began = time.process_time()
        kept = a_day(words.dir, kept)
        keep(words.dir, kept)
        with (words.dir / "log").open("a", encoding="utf-8") as log:
            log.write(line(kept, time.process_time() - began) + "\n")
    return kept


def say_all(kept: Kept) -> bool:
    """The figures so far; True when all goals are met."""
    starts, world = kept.site.starts(), kept.site.world
    days = f"{kept.days} days, {kept.ticks} ticks"
    kwh = f"{world.energy_kwh():.0f} of {world.permitted_kwh():.0f} kWh; {days}"
    for what in (*kept.over, *kept.violations)[:10]:
        print(f"  {what}")
    figures = (
        say("off-grid: used of what the source could give", share(kept), "%", goal=93.0, least=True, note=kwh),
        say("ticks that ended over it", len(kept.over), "", goal=NONE, note=f"{kept.lowered} with a step down in them"),
        say("trips of the source", world.source.trips, "", goal=NONE),
        say("most starts of a miner less the fewest", max(starts) - min(starts), "", goal=3.0,
            note=f"{min(starts)} to {max(starts)}"),
        say("guards that were not kept", len(kept.violations), "", goal=NONE),
    )  # fmt: skip
    return all(one.holds is not False for one in figures)


def main() -> int:
    """Run what is missing, say what there is."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    asked.add_argument("--days", type=int, default=30)
    asked.add_argument("--miners", type=int, default=160)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--minutes", type=float, default=600.0, help="how long to run at most; go on by the same words")
    asked.add_argument("--dir", type=Path, default=Path(tempfile.gettempdir()) / "minectl-offgrid")
    words = asked.parse_args()
    kept = live(words)
    if not kept.days:
        return 3
    held = say_all(kept)
    if kept.days < words.days:
        print(f"{words.days - kept.days} days are not through yet: the same words go on with them")
        return 3
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
