"""Short event stories of the co-op container: `python bench/stories.py --count 3000 --seed 1`; `--year`: a year of it.

All 280 miners, the real drivers and ticks against the twin. Every single fault comes at every moment, the rest is
drawn; a story is made from the seed and its number alone, so that `--only N` lives one of them again. `--metered`:
those of a site with a meter on its feed. `--minutes` ends it in time. Prints figures as `bench/figures.py` has them,
each story that was not kept, and one line of JSON.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from figures import say

from mine_controller.config.model import Config
from mine_controller.play import months
from mine_controller.play.sweep import jobs_here, spread
from mine_controller.play.tales import Tale, Told, catalogue, live, on_the_feed, settle_in, tales

BATCH = 10
FOLDER: list[tempfile.TemporaryDirectory[str]] = []


@cache
def config(metered: bool = False) -> Config:
    """The site's config, once a process."""
    FOLDER.append(tempfile.TemporaryDirectory(prefix="minectl-stories-"))
    return settle_in(Path(FOLDER[-1].name), metered=metered)


def lived(batch: Sequence[Tale]) -> list[Told]:
    """What came of these."""
    return [live(tale, config(tale.metered)) for tale in batch]


def played(todo: Sequence[Tale], jobs: int, ends_s: float) -> Iterator[Told]:
    """Every tale until time is up."""
    batches = [todo[at : at + BATCH] for at in range(0, len(todo), BATCH)]
    began, done = time.monotonic(), 0
    for _, found in spread(lived, batches, jobs):
        yield from found
        done += len(found)
        show(done, len(todo), began)
        if time.monotonic() > ends_s:
            break


def show(done: int, of: int, began: float) -> None:
    """A progress bar on a terminal, a line now and then elsewhere."""
    left_s = (time.monotonic() - began) / done * (of - done)
    bar = "#" * (30 * done // of)
    text = f"[{bar:30}] {done}/{of}, {left_s / 60:.1f} min left"
    if sys.stderr.isatty():
        print(f"\r{text}", end="\n" if done >= of else "", file=sys.stderr, flush=True)
    elif done % 200 < BATCH:
        print(text, file=sys.stderr, flush=True)


def story_figures(told: Iterable[Told]) -> dict[str, Any]:
    """The sum of it all. `missed`: late although nothing stood between the utility's word and the outlets."""
    told = list(told)
    possible = [one for one in told if one.possible]
    late = [one for one in told if not one.in_time]
    broken = [one for one in told if one.found]
    loaded = sorted(one.under_s for one in told if one.before_w > one.floor_w and one.under_s is not None)
    return {
        "stories": len(told),
        "single": sum(len(one.tale.faults) <= 1 for one in told),
        "loaded": len(loaded),
        "ticks": sum(one.ticks for one in told),
        "possible": len(possible),
        "missed": [line(one) for one in possible if not one.in_time],
        "possible_worst_s": max((one.under_s for one in possible if one.under_s is not None), default=None),
        "late": len(late),
        "late_because": Counter(because(one) for one in late),
        "late_and_nobody_told": [line(one) for one in late if not (one.told or one.hidden)],
        "neither_under_when_due_nor_told": [line(one) for one in told if not one.kept],
        "violations": Counter(name for one in broken for name in {name for name, _ in one.found}),
        "under_s_median": statistics.median(loaded) if loaded else None,
        "under_s_p99": loaded[len(loaded) * 99 // 100] if loaded else None,
        "broken": [line(one) for one in broken],
        "late_ones": [line(one) for one in late],
    }


def because(one: Told) -> str:
    """What stood in the way of a late one."""
    whys = (
        "" if one.shown else "the page did not show the word",
        "" if one.open_way else "an outlet could not be switched",
        "ticks could not run" if one.lost_s else "",
    )
    return ", ".join(why for why in whys if why) or "nothing"


def say_stories(found: dict[str, Any]) -> None:
    """The two promises, and what they rest on."""
    stories, possible = f"{found['stories']} stories, {found['single']} single", f"{found['possible']} such stories"
    told = 100 * (1 - len(found["late_and_nobody_told"]) / max(1, found["stories"]))
    say("misses of X within 300 s, page and outlets well", len(found["missed"]), "", note=possible)
    say("  the slowest of them", found["possible_worst_s"] or 0, "s", goal=300)
    say("under X within 300 s, or told", told, "%", goal=100.0, least=True, note=stories)
    say("neither under X when due nor told", len(found["neither_under_when_due_nor_told"]), "", note=stories)
    say("stories in which a law was broken", len(found["broken"]), "", note=stories)
    for why, count in sorted(found["late_because"].items()):
        say("  late all the same", count, "", note=why)
    print(json.dumps(found))


def line(one: Told) -> str:
    """One story in a line, with its number to live it again."""
    under = "never" if one.under_s is None else f"after {one.under_s:.0f} s"
    said = "; ".join(f"{name}: {text}" for name, text in one.found[:3])
    told = f", EMERGENCY {one.emergency}" if one.emergency else ""
    told += f", dead-man's service after {one.deadman_s:.0f} s" if one.deadman_s is not None else ""
    head = f"{one.tale.number}: {one.tale.name}: under X {under}, due {one.due_s:.0f} s{told}"
    return f"{head} | {said}" if said else head


def month(task: months.Month) -> months.Lived:
    """What came of a month."""
    return months.live(task, config())


def year(seed: int, jobs: int, days: int, start_min_c: float | None) -> dict[str, Any]:
    """Twelve months side by side; of each the first `days`, 0 = all."""
    found, began = [], time.monotonic()
    todo = [months.Month(number, seed, days, start_min_c) for number in range(1, 13)]
    for _, one in spread(month, todo, jobs):
        print(one, flush=True)
        found.append(one)
        show(len(found), 12, began)
    used, permitted = sum(one.used_kwh for one in found), sum(one.permitted_kwh for one in found)
    return {
        "days": sum(one.ticks for one in found) * 120 / 86_400,
        "samples": sum(one.samples for one in found),
        "over_cap": sum(one.over_cap for one in found),
        "near_cap": sum(one.near_cap for one in found),
        "most_w": max(one.most_w for one in found),
        "used_share": round(used / permitted, 4),
        "cold_h": sum(one.cold_h for one in found),
        "events": sum(one.events for one in found),
        "late": sum(one.late for one in found),
        "slowest_s": max(one.slowest_s for one in found),
        "spread": max(one.spread for one in found),
        "violations": [said for one in found for said in one.violations],
        "by_month": {one.month.number: round(one.used_kwh / max(one.permitted_kwh, 1), 4) for one in sorted(found)},
    }


def say_year(found: dict[str, Any]) -> None:
    """Its figures against their goals."""
    say("a year: samples over the cap", found["over_cap"], "", note=f"{found['samples']} of 10 s")
    say("a year: energy used of what was permitted", 100 * found["used_share"], "%", goal=95.0, least=True)
    say("a year: events not under X within 300 s", found["late"], "", note=f"{found['events']} events")
    print(json.dumps(found))


def main() -> None:
    """Live them, print the figures."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--count", type=int, default=3000)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--jobs", type=int, default=jobs_here())
    asked.add_argument("--minutes", type=float, default=0.0, help="stop after so many (0: when all are done)")
    asked.add_argument("--only", type=int, nargs="*", help="these numbers alone, each told in a line")
    asked.add_argument("--metered", action="store_true", help="those of a site with a meter on its feed")
    asked.add_argument("--year", action="store_true", help="a year of ticks instead of the stories")
    asked.add_argument("--days", type=int, default=0, help="with --year: only the first days of every month")
    asked.add_argument("--start-min-c", type=float, help="with --year: the inlet below which nothing starts")
    given = asked.parse_args()
    if given.year:
        say_year(year(given.seed, given.jobs, given.days, given.start_min_c))
        return
    todo = tales(given.seed, given.count, metered=given.metered)
    if given.only:
        todo = tuple(todo[number] for number in given.only)
    ends_s = time.monotonic() + 60 * given.minutes if given.minutes else float("inf")
    faults = on_the_feed() if given.metered else catalogue()
    print(f"seed {given.seed}, {len(todo)} stories, {len(faults)} single faults", file=sys.stderr)
    told = []
    for one in played(todo, given.jobs, ends_s):
        told.append(one)
        if given.only or one.found or not one.in_time:
            print(line(one), flush=True)
    say_stories(story_figures(told))


if __name__ == "__main__":
    main()
