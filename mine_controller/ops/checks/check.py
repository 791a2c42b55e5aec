"""What a check of the doctor is, and where it looks."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from mine_controller.ports.clock import REAL, Sources
from mine_controller.record import NamedTuple

OK, WARN, FAIL = "ok", "warn", "fail"
MB = 1_000_000


class Check(NamedTuple):
    """One line of doctor. `remedy` "" where there is nothing to do."""

    name: str
    verdict: str  # ok warn fail
    text: str
    remedy: str = ""


def said(line: tuple[str, ...]) -> str:
    """What a short command prints; "" when it is missing, fails or hangs."""
    found = shutil.which(line[0])
    if found is None:
        return ""
    try:
        done = subprocess.run([found, *line[1:]], capture_output=True, timeout=5, check=False)  # noqa: S603 - fixed lines
    except (OSError, subprocess.TimeoutExpired):
        return ""  # as good as not there: the caller says what it could not find
    return done.stdout.decode("utf-8", "replace")


class Machine(NamedTuple):
    """Where doctor looks; tests hand in their own."""

    root: Path = Path("/")
    sources: Sources = REAL
    run: Callable[[tuple[str, ...]], str] = said


def read(path: Path) -> str:
    """What a file of the system says; "" where it can't be read."""
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""  # this machine does not tell
