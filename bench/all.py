"""Every figure in one run: `python bench/all.py [--quick] [--peers PYTHON] [--write docs/figures.md]`.

Each bench runs in a process of its own, one after the other, and says ratios to a floor that it measured beside itself.
At the end stands one table; goals missed are named, and the exit code is 0 all the same: a shared machine is no judge.
`--quick` leaves out 10,000 miners, the year's file and the obeying that takes eight minutes. `--peers`: the interpreter
of an environment with requirements-peers.txt.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from figures import COLLECT, Figure, number

HERE = Path(__file__).parent
ROOT = HERE.parent
LONGEST_S = 3600


class Part(NamedTuple):
    """One bench: its heading, its words, and how it is shortened."""

    heading: str
    words: tuple[str, ...]
    quick: tuple[str, ...] | None = ()  # words that are added in a quick run; None: left out


PARTS = (
    Part("The core", ("decide.py",)),
    Part("Replay", ("replay.py",)),
    Part("Fleets", ("fleet.py",), ("--miners", "160", "1000")),
    Part("Through asic-rs", ("asic.py",)),
    Part("Processes", ("cold.py",)),
    Part("The co-op site", ("tick.py",)),
    Part("The disk", ("writes.py",)),
    Part("A year's file", ("keep.py",), None),
    Part("Searching", ("discover.py",)),
    Part("The page", ("page.py",)),
    Part("The holding pool", ("stratum.py",), ("1000", "5")),
)


class Done(NamedTuple):
    """What one bench said."""

    heading: str
    command: str
    code: int
    took_s: float
    figures: tuple[Figure, ...]


def run(part: Part, added: Sequence[str]) -> Done:
    """One bench; its own lines go to the terminal."""
    words = [str(HERE / part.words[0]), *part.words[1:], *added]
    print(f"\n== {part.heading}: {' '.join([f'bench/{part.words[0]}', *words[1:]])}", flush=True)
    with tempfile.TemporaryDirectory(prefix="minectl-figures-") as folder:
        kept = Path(folder) / "figures"
        began = time.monotonic()
        code = subprocess.run(
            [sys.executable, *words], cwd=ROOT, env={**os.environ, COLLECT: str(kept)}, check=False, timeout=LONGEST_S
        ).returncode
        took_s = time.monotonic() - began
        rows = kept.read_text(encoding="utf-8").splitlines() if kept.exists() else []
    shown = ["PYTHON" if word.startswith("/") else word for word in words[1:]]
    command = " ".join(["python", f"bench/{part.words[0]}", *shown])
    return Done(part.heading, command, code, took_s, tuple(Figure(**json.loads(row)) for row in rows))


def machine() -> str:
    """What it ran on, in a line."""
    cores = len(os.sched_getaffinity(0))
    return f"{platform.machine()}, {cores} cores, Linux {platform.release()}, Python {platform.python_version()}"


def page(done: Sequence[Done], load: tuple[float, float]) -> str:
    """The table as Markdown. `load`: what else there was to do, when it began and when it ended."""
    lines = [
        "# Figures",
        "",
        "Made by `python bench/all.py --write docs/figures.md`. Each value is a median beside a floor of the same run",
        "on a shared machine, so the ratios say more than the milliseconds. A goal that was missed is named as such.",
        "",
        f"Machine: {machine()}. Date: {time.strftime('%Y-%m-%d', time.gmtime())}.",
        f"Load average {load[0]:.1f} when it began, {load[1]:.1f} when it ended: above the number of cores, wall time",
        "is others' as much as ours.",
    ]
    for one in done:
        lines += ["", f"## {one.heading}", "", f"`{one.command}`", ""]
        if one.code:
            lines.append(f"It ended with {one.code}: what follows is not complete.\n")
        lines += ["| what | measured | goal | floor | |", "| --- | --- | --- | --- | --- |"] if one.figures else []
        lines += [_row(figure) for figure in one.figures]
        lines += [] if one.figures else ["It prints its figures itself; none of them has a goal."]
    return "\n".join(lines) + "\n"


def _row(figure: Figure) -> str:
    sign = ("≥ " if figure.least else "≤ ") if figure.goal else ""
    goal = f"{sign}{number(figure.goal)} {figure.unit}" if figure.goal else ""
    verdict = {True: "holds", False: "**missed**", None: ""}[figure.holds]
    told = "; ".join(word for word in (verdict, figure.note) if word)
    return f"| {figure.what.strip()} | {number(figure.value)} {figure.unit} | {goal} | {figure.floor} | {told} |"


def summary(done: Sequence[Done]) -> str:
    """How many hold, and which do not."""
    figures = [figure for one in done for figure in one.figures if figure.holds is not None]
    missed = [figure for figure in figures if not figure.holds]
    lines = [f"\n{len(figures) - len(missed)} of {len(figures)} goals hold."]
    lines += [
        f"  missed: {one.what.strip()}: {number(one.value)} {one.unit}, goal {number(one.goal)}" for one in missed
    ]
    lines += [f"  not complete: {one.command} ended with {one.code}" for one in done if one.code]
    return "\n".join(lines)


def main() -> None:
    """Run what is asked for, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="without what takes long")
    parser.add_argument("--peers", metavar="PYTHON", help="also beside other libraries")
    parser.add_argument("--obey", action="store_true", help="also obeying in real time, eight minutes")
    parser.add_argument("--write", metavar="FILE", type=Path, help="the table as Markdown")
    given = parser.parse_args()
    parts = [part for part in PARTS if (HERE / part.words[0]).exists() and not (given.quick and part.quick is None)]
    if given.peers:
        parts.append(Part("Other libraries", ("peers.py", given.peers)))
    if given.obey and not given.quick:
        parts.append(Part("Obeying", ("obey.py",)))
    began = os.getloadavg()[1]
    done = [run(part, part.quick or () if given.quick else ()) for part in parts]
    print(summary(done))
    if given.write:
        given.write.write_text(page(done, (began, os.getloadavg()[1])), encoding="utf-8")


if __name__ == "__main__":
    main()
