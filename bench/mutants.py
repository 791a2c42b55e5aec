"""Mutation testing of a room: one small change at a time, drawn by a seed, and whether the suite notices.

    python bench/mutants.py --seed 7 --count 400                 # core/
    python bench/mutants.py --room wire --seed 7 --count 100

The project itself is not touched: tests run on a copy of the tree, a mutant lives in the memory of one child process.
First each test file runs once without a mutant, which tells what lines of the room each test runs. Then every mutant
meets the tests that run its line, the closest first, until one fails, hangs, or `--budget` seconds of tests have
passed. What survives is printed with its line, for a person to kill or to explain: docs/mutants.md lists those that no
test could tell from the original, and they count neither way. `--keep FOLDER` keeps the map between runs, `--again`
tries only what survived there the last time. bench/mutant_sites.py tells what is changed, bench/mutant_tests.py how.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from mutant_sites import PROGRAM, Site, draw, made_of, modules, planted, reach, sites, tally
from mutant_tests import Ran, Verdict, attempt, chosen, fork, limit_s, near, preload, watch

ROOT = Path(__file__).resolve().parents[1]
LIST = ROOT / "docs/mutants.md"
TREE = (
    "mine_controller", "tests", "templates", "www", "sites", "bench", "cron", "docs", "pyproject.toml", "config.txt",
    "README.md", "CHANGELOG.md", "LICENSE", "install.sh",
)  # fmt: skip
JUDGES = {  # the tests that judge a room: folders, and single files; another room has the folder of its name
    "core": (
        "core", "laws", "planted", "config", "render", "test_tick.py", "test_bests.py", "play/test_replay.py",
        "notify/test_words.py", "store/test_units.py",
    ),
    "wire": (
        "wire", "devices/test_asic.py", "notify/test_homeassistant.py", "notify/test_homeassistant_broker.py",
        "collect", "ops/test_discover.py",
    ),
    "devices": ("devices", "hostile"),
    "devices/act": ("devices/test_act.py",),
    "api/guard": ("api/test_guard.py", "api/test_stop.py"),
    "store": ("store", "damage", "ops/test_costs.py"),
    "ops": ("ops", "cli"),
    "tick": ("test_tick.py", "ports", "planted"),
    "record": ("test_record.py", "core/test_columns.py", "store/test_codec.py"),
}  # fmt: skip
FEWEST_TESTS = 500  # of core/, whose suite is large: fewer mean that the copy does not run
MAP_S = 600.0  # a test file that takes longer under the tracer judges nothing
NEAR_S = 10.0  # seconds of tests in the first look
LEFT_OUT = ("_browser.py", "laws/test_machine.py")  # a browser, and stories that run for long
ROW = re.compile(r"^\| `([^`]+)` `([^`]*)` \| `(.+)` \| `(.+)` → `(.+)` \| (.+) \|$")


class Work(NamedTuple):
    """What a child does, where it leaves its finding, and how long it may take."""

    at: int
    out: Path
    limit_s: float
    do: Callable[[], None]


def listed(text: str) -> dict[tuple[str, str, str, str, str], str]:
    """The mutants that no test can tell from the original, by their key, with the reason; from the document."""
    rows = text.partition("\n## Equivalent")[2].partition("\n## ")[0].splitlines()
    found = (ROW.match(row.replace("\\|", "|")) for row in rows)
    return {(_file(row[1]), row[2], row[3], row[4], row[5]): row[6] for row in found if row}


def _file(said: str) -> str:
    """The file a row of the document speaks of: `bands.py` and `rules/air.py` stand in core/, `/wire/udp.py` tells its
    room."""
    return f"{PROGRAM}{said}" if said.startswith("/") else f"{PROGRAM}/core/{said}"


def copied(to: Path) -> Path:
    """A copy of the tree."""
    shutil.rmtree(to, ignore_errors=True)
    to.mkdir(parents=True)
    for name in TREE:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, to / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy(source, to / name)
    return to


def together(work: Iterable[Work], jobs: int) -> Iterator[tuple[Work, bool]]:
    """Each piece of work in a child, so many at once; yields those that ended, and whether they had to be ended."""
    active: dict[int, tuple[Work, float]] = {}
    waiting = iter(work)
    more = True
    while more or active:
        while more and len(active) < jobs:
            one = next(waiting, None)
            more = one is not None
            if one is not None:
                active[fork(one.do, one.out.with_suffix(".log"))] = (one, time.monotonic() + one.limit_s)
        for child, (one, ends) in list(active.items()):
            late = time.monotonic() > ends
            if late:
                os.killpg(child, signal.SIGKILL)
            if os.waitpid(child, 0 if late else os.WNOHANG)[0]:
                del active[child]
                shutil.rmtree(one.out.with_suffix(".base"), ignore_errors=True)
                yield one, late
        time.sleep(0.02)


def judges(tree: Path, room: str) -> list[str]:
    """The test files that judge a room."""
    named = [tree / "tests" / name for name in JUDGES.get(room, (room,))]
    files = [path for one in named for path in ([one] if one.suffix else sorted(one.glob("test_*.py")))]
    return [str(path.relative_to(tree)) for path in files if not str(path).endswith(LEFT_OUT)]


def mapped(tree: Path, room: str, keep: Path, jobs: int) -> dict[str, Ran]:
    """Every test that judges the room, with the lines it runs; from `keep` where the room and it are unchanged."""
    files, outs = judges(tree, room), {}
    ours = hashlib.sha256(room.encode() + b"".join(path.read_bytes() for path in modules(tree, room)))
    for file in files:
        about = ours.copy()
        about.update((tree / file).read_bytes())
        outs[file] = keep / f"map-{Path(file).parent.name}-{Path(file).stem}-{about.hexdigest()[:16]}.json"
    work = (
        Work(at, out, MAP_S, partial(watch, tree, room, file, out))
        for at, (file, out) in enumerate(outs.items())
        if not out.exists()
    )
    for one, late in together(work, jobs):
        if late or not one.out.exists():
            print(f"not used: {files[one.at]} (see {one.out.with_suffix('.log')})", flush=True)
    ran: dict[str, Ran] = {}
    for out in outs.values():
        if out.exists():
            ran |= {name: Ran(*found) for name, found in json.loads(out.read_text(encoding="utf-8")).items()}
    return ran


def at_import(tree: Path, room: str, site: Site, names: set[str]) -> Callable[[str, Ran], bool]:
    """Which tests meet a number that stands outside of functions: those that run a line of the room which names it or
    what is made of it, those whose own file does, and those of the config, which reads every declaration."""
    names = made_of((tree / site.file).read_text(encoding="utf-8"), names)
    word = re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(names)))})\b") if names else re.compile(r"(?!)")
    lines: dict[str, set[int]] = {}
    for path in modules(tree, room):
        text = path.read_text(encoding="utf-8").splitlines()
        lines[str(path.relative_to(tree))] = {at for at, line in enumerate(text, 1) if word.search(line)}
    speak = {
        str(path.relative_to(tree))
        for path in (tree / "tests").rglob("test_*.py")
        if word.search(path.read_text(encoding="utf-8"))
    }

    def meets(name: str, ran: Ran) -> bool:
        file = name.partition("::")[0]
        if file in speak or file.startswith("tests/config/") or ran.lines.get(site.file):
            return True
        return any(not lines.get(one, set()).isdisjoint(found) for one, found in ran.lines.items())

    return meets


class Trial:
    """Mutants against tests."""

    def __init__(self, tree: Path, room: str, keep: Path, ran: dict[str, Ran], jobs: int) -> None:
        self.tree, self.room, self.keep, self.ran, self.jobs = tree, room, keep, ran, jobs
        self.killers = keep / "killers.json"

    def meets(self, site: Site) -> dict[str, float]:
        """The tests that meet a mutant, with their lengths."""
        lines, names = reach((self.tree / site.file).read_text(encoding="utf-8"), site)
        if lines:
            ran = self.ran.items()
            return {name: one.took_s for name, one in ran if not lines.isdisjoint(one.lines.get(site.file, ()))}
        imports = at_import(self.tree, self.room, site, names)
        return {name: one.took_s for name, one in self.ran.items() if imports(name, one)}

    def run(self, mutants: list[Site], budget_s: float) -> Iterator[tuple[Site, Verdict]]:
        """Each mutant with what became of it: first against the test that killed it the last time, then against the
        tests near it, then against all that meet it."""
        known = self._killers()
        found = [self.meets(site) for site in mutants]
        hint = {
            at: {by: found[at][by]} for at, site in enumerate(mutants) if (by := known.get(_name(site))) in found[at]
        }
        close = {at: chosen(near(some, self.ran, mutants[at].file), NEAR_S, self.ran) for at, some in enumerate(found)}
        rest = {
            at: chosen({name: took_s for name, took_s in some.items() if name not in close[at]}, budget_s, self.ran)
            for at, some in enumerate(found)
        }
        left = set(range(len(mutants)))
        for tests in (hint, close, rest):
            for at, verdict in self._try(mutants, {at: tests[at] for at in sorted(left) if tests.get(at)}):
                if verdict.by:
                    left.discard(at)
                    known[_name(mutants[at])] = verdict.by
                    self.killers.write_text(json.dumps(known), encoding="utf-8")
                    yield mutants[at], verdict
        for at in sorted(left):
            yield mutants[at], Verdict("", len(close[at]) + len(rest[at]), 0)

    def _killers(self) -> dict[str, str]:
        found: dict[str, str] = json.loads(self.killers.read_text(encoding="utf-8")) if self.killers.exists() else {}
        return found

    def _try(self, mutants: list[Site], tests: Mapping[int, dict[str, float]]) -> Iterator[tuple[int, Verdict]]:
        works = (self._work(at, mutants[at], found) for at, found in tests.items())
        for one, late in together(works, self.jobs):
            if late:
                yield one.at, Verdict("hung", 0, one.limit_s)
            elif one.out.exists():
                yield one.at, Verdict(*json.loads(one.out.read_text(encoding="utf-8")))
            else:
                yield one.at, Verdict("the child ended at once", 0, 0)

    def _work(self, at: int, site: Site, wanted: dict[str, float]) -> Work:
        code = planted((self.tree / site.file).read_text(encoding="utf-8"), str(self.tree / site.file), site)
        module = site.file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        out = self.keep / f"mutant-{at}.json"
        out.unlink(missing_ok=True)
        return Work(at, out, limit_s(wanted), partial(attempt, self.tree, module, code, wanted, out))


def _name(site: Site) -> str:
    return " ".join((site.file, site.scope, site.was, site.becomes, str(site.nth)))


def said(site: Site, verdict: Verdict) -> str:
    """One line of a mutant."""
    how = f"killed   {verdict.took_s:5.1f} s" if verdict.by else f"SURVIVED {verdict.tests:4d} tests"
    where = f"{site.file.removeprefix(PROGRAM + '/')}:{site.line} {site.scope}"
    return f"{how}  {where}  [{site.operator}] {site.was} → {site.becomes}" + (
        f"  by {verdict.by}" if verdict.by else ""
    )


def words() -> argparse.Namespace:
    """The command line."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--room", default="core", help="a folder of mine_controller, or one module")
    asked.add_argument("--seed", type=int, default=7)
    asked.add_argument("--count", type=int, default=400)
    asked.add_argument("--jobs", type=int, default=2)
    asked.add_argument("--budget", type=float, default=40.0, help="seconds of tests a mutant has to outlive")
    asked.add_argument("--keep", type=Path, help="a folder for the copy, the map and the results, kept between runs")
    asked.add_argument("--again", action="store_true", help="only what survived in --keep the last time")
    asked.add_argument("--prove", action="store_true", help="try those listed as equivalent, too: none may die")
    asked.add_argument("--least", type=float, default=0.0, help="exit 1 under this share of killed ones, in percent")
    return asked.parse_args()


def main() -> int:
    """Draw, try, tell."""
    given = words()
    keep = given.keep or Path(tempfile.mkdtemp(prefix="minectl-mutants-"))
    tree, result = (
        copied(keep / "tree"),
        keep / f"result-{given.room.replace('/', '-')}-{given.seed}-{given.count}.json",
    )
    preload()
    ran = mapped(tree, given.room, keep, given.jobs)
    if len(ran) < (FEWEST_TESTS if given.room == "core" else 1):
        print(f"only {len(ran)} tests of {given.room} pass without a mutant")
        return 2
    mutants = draw(tree, given.room, given.seed, given.count)
    same = listed(LIST.read_text("utf-8") if LIST.exists() else "")
    before: dict[str, list[list[object]]] = json.loads(result.read_text("utf-8")) if given.again else {}
    if given.again:
        left = {tuple(key) for key in before["survived"]}
        mutants = [one for file in {str(key[0]) for key in left} for one in sites(tree, file) if one.key in left]
    tried = [site for site in mutants if given.prove or site.key not in same]
    print(f"seed {given.seed}: {len(mutants)} mutants of {given.room} {tally(mutants)}, {len(ran)} tests", flush=True)
    survived: list[Site] = []
    wrong: list[Site] = []
    for site, verdict in Trial(tree, given.room, keep, ran, given.jobs).run(tried, given.budget):
        print(said(site, verdict), flush=True)
        if site.key in same:
            wrong += [site] if verdict.by else []
        elif not verdict.by:
            survived.append(site)
    equal = sum(site.key in same for site in mutants)
    share = 100 * (1 - len(survived) / max(1, len(mutants) - equal))
    print("\n".join(["", *(said(site, Verdict("", 0, 0)) for site in sorted(survived))]))
    for site in wrong:
        print(f"listed as equivalent and yet killed: {site.file}:{site.line} {site.was} → {site.becomes}")
    if not given.again:
        result.write_text(json.dumps({"survived": [site.key for site in survived]}), encoding="utf-8")
    if not given.keep:
        shutil.rmtree(keep)
    print(json.dumps({"room": given.room, "seed": given.seed, "mutants": len(mutants), "equivalent": equal,
                      "survived": len(survived), "score_pct": round(share, 1)}))  # fmt: skip
    return int(share < given.least or bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
