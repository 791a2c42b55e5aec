"""Which tests run which lines of a room, how long each takes, and a chosen few of them run against one mutant.

Both happen in a forked child of a process that has pytest and the slow libraries imported already: the child imports
the tree's copy for itself, so that a mutant may stand anywhere in a module, in a constant as well as in a function.
"""

import contextlib
import importlib
import importlib.machinery
import json
import os
import sys
import threading
import time
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple

import pytest

LEAST_S, TIMES, START_S = 20.0, 25.0, 60.0  # a test has this many times its own length before it counts as hung
SLOWEST_S = 12.0
DULL_CALLS, LOOK_S = 100, 2.5
PRELOADED = (
    "hypothesis", "hypothesis.stateful", "requests", "jinja2", "sqlite3", "sqlite_utils", "cryptography.fernet",
    "click.testing", "tenacity", "bs4", "zoneinfo", "paho.mqtt.client", "html.parser", "xml.etree.ElementTree",
)  # fmt: skip
UNREWRITTEN = "ignore::pytest.PytestAssertRewriteWarning"  # Hypothesis is here before pytest; it asserts for itself


class Ran(NamedTuple):
    """A test that passed: its length, and the lines it ran, `{file: [line]}`."""

    took_s: float
    lines: dict[str, list[int]]


class Verdict(NamedTuple):
    """`by`: the test that failed, or what else ended it; "" where all of them passed."""

    by: str
    tests: int
    took_s: float


def preload() -> None:
    """What every child needs and no mutant touches."""
    for name in PRELOADED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


class Tracer:
    """Lines of a room as they are run. A function is not looked at again in a test once all its lines were met, nor
    after many calls that brought no new line, and no test is looked at for long: a rare line may be missed then, and
    its mutants get fewer tests."""

    def __init__(self, root: Path, room: str) -> None:
        self.prefixes = tuple(str(root / "mine_controller" / room) + end for end in (os.sep, ".py"))
        self.cut = len(str(root)) + 1
        self.left: dict[CodeType, set[int]] = {}
        self.dull: dict[CodeType, int] = {}
        self.lines: dict[str, set[int]] = defaultdict(set)
        self.calls, self.ends = 0, 0.0

    def start(self) -> None:
        self.left, self.dull, self.lines = {}, {}, defaultdict(set)
        self.calls, self.ends = 0, time.process_time() + LOOK_S
        threading.settrace(self._call)
        sys.settrace(self._call)

    def stop(self) -> dict[str, list[int]]:
        sys.settrace(None)
        threading.settrace(None)
        return {file: sorted(lines) for file, lines in self.lines.items()}

    def _call(self, frame: FrameType, _event: str, _arg: Any) -> Any:
        code = frame.f_code
        self.calls += 1
        if not self.calls % 5000 and time.process_time() > self.ends:
            self.stop()
            return None
        left = self.left.get(code)
        if left is None:
            ours = code.co_filename.startswith(self.prefixes)
            left = self.left[code] = {line for _, _, line in code.co_lines() if line} if ours else set()
            self.dull[code] = 0
        if not left:
            return None
        if self.dull[code] > DULL_CALLS:
            left.clear()
            return None
        self.dull[code] += 1
        lines = self.lines[code.co_filename[self.cut :]]

        def met(frame: FrameType, _event: str, _arg: Any) -> Any:
            line = frame.f_lineno
            if line in left:
                left.discard(line)
                lines.add(line)
                self.dull[code] = 0
            return met

        return met(frame, "", None)


class Watching:
    """The plug-in of a run without a mutant: what each test that passes runs."""

    def __init__(self, root: Path, room: str) -> None:
        self.tracer = Tracer(root, room)
        self.ran: dict[str, Ran] = {}

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        began = time.process_time()
        self.tracer.start()
        yield
        self.ran[item.nodeid] = Ran(time.process_time() - began, self.tracer.stop())

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not report.passed:
            self.ran[report.nodeid + "\0"] = Ran(0, {})


class Trying:
    """The plug-in of a run with a mutant: the chosen tests in their order, each within its time, examples unshrunk."""

    def __init__(self, wanted: Mapping[str, float]) -> None:
        self.wanted = {name: at for at, name in enumerate(wanted)}
        self.length = wanted
        self.by, self.tests = "", 0

    def pytest_sessionstart(self) -> None:
        from hypothesis import Phase, settings  # noqa: PLC0415 - after the tests' own conftest

        settings.register_profile(
            "mutant", settings.get_profile("tests"), phases=(Phase.explicit, Phase.generate), report_multiple_bugs=False
        )
        settings.load_profile("mutant")

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted(
            (item for item in items if item.nodeid in self.wanted), key=lambda item: self.wanted[item.nodeid]
        )
        for item in items:
            item.add_marker(pytest.mark.timeout(LEAST_S + TIMES * self.length[item.nodeid]), append=False)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.tests += report.when == "call"
        if report.failed and not self.by:
            self.by = report.nodeid

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed and not self.by:
            self.by = f"{report.nodeid} (does not even import)"


def _pytest(root: Path, plugin: object, words: Sequence[str], base: Path) -> int:
    os.chdir(root)
    here = str(Path(__file__).parent)
    sys.path[:] = [str(root), *(path for path in sys.path if path not in (here, "", str(root)))]
    options = [
        "-x",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        f"--basetemp={base}",
        "--tb=line",
        "-W",
        UNREWRITTEN,
    ]
    return int(pytest.main([*options, *words], plugins=[plugin]))


def watch(root: Path, room: str, file: str, out: Path) -> None:
    """In a child: one test file's map of a room to `out`."""
    plugin = Watching(root, room)
    if _pytest(root, plugin, [file, "--maxfail=1000000"], out.with_suffix(".base")) > int(pytest.ExitCode.TESTS_FAILED):
        return  # it could not even be collected
    bad = {name[:-1] for name in plugin.ran if name.endswith("\0")}
    good = {name: ran for name, ran in plugin.ran.items() if not name.endswith("\0") and name not in bad}
    out.write_text(json.dumps(good), encoding="utf-8")


def attempt(root: Path, module: str, code: CodeType, wanted: Mapping[str, float], out: Path) -> None:
    """In a child: the chosen tests against one mutant, the verdict to `out`."""
    real = importlib.machinery.SourceFileLoader.get_code

    def get_code(self: importlib.machinery.SourceFileLoader, fullname: str) -> CodeType | None:
        return code if fullname == module else real(self, fullname)

    importlib.machinery.SourceFileLoader.get_code = get_code  # type: ignore[method-assign, assignment]
    began, plugin = time.monotonic(), Trying(wanted)
    files = list(dict.fromkeys(name.partition("::")[0] for name in wanted))
    ended = _pytest(root, plugin, files, out.with_suffix(".base"))
    by = plugin.by or ("" if ended in (0, 5) else f"pytest ended with {ended}")
    out.write_text(json.dumps(Verdict(by, plugin.tests, time.monotonic() - began)), encoding="utf-8")


def fork(work: Callable[[], None], log: Path) -> int:
    """`work` in a child of its own session, its words to `log`."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    try:
        os.setsid()
        told = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for at in (1, 2):
            os.dup2(told, at)
        work()
    except BaseException:  # noqa: BLE001 - whatever it was, it must not go on as the parent
        traceback.print_exc()
        os._exit(9)
    finally:
        sys.stdout.flush()
        os._exit(0)


def limit_s(wanted: Mapping[str, float]) -> float:
    """How long a child may take in all before it counts as hung."""
    return START_S + LEAST_S + TIMES / 2 * sum(wanted.values())


def near(found: Mapping[str, float], ran: Mapping[str, Ran], file: str) -> dict[str, float]:
    """Of the tests that meet a mutant, those of the three test files that run most lines of its module: most mutants
    die there, and few files are soon imported."""
    width: dict[str, set[int]] = defaultdict(set)
    for name in found:
        width[name.partition("::")[0]].update(ran[name].lines.get(file, ()))
    files = sorted(width, key=lambda test: (-len(width[test]), test))[:3]
    return {name: took_s for name, took_s in found.items() if name.partition("::")[0] in files}


def chosen(found: Mapping[str, float], budget_s: float, ran: Mapping[str, Ran]) -> dict[str, float]:
    """Those that run least of the room first, as they look at it most closely; as many as fit into the budget."""

    def breadth(pair: tuple[str, float]) -> tuple[int, float, str]:
        name, took_s = pair
        return sum(map(len, ran[name].lines.values())), took_s, name

    out: dict[str, float] = {}
    for name, took_s in sorted(found.items(), key=breadth):
        if took_s > SLOWEST_S or (out and took_s > budget_s):
            continue
        budget_s -= took_s
        out[name] = took_s
    return out
