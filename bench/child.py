"""One child process and what it cost: shared by the benches that compare whole processes.

Both sides run in a fresh environment, as an installation is one. What an environment for tests hooks into the start of
every Python (by it the checkout is found) doubles that of `python -c pass`, and against that a tick would look twice as
good as it is. What cron/minectl sets in the environment of a tick is set here too.
"""

import os
import re
import resource
import subprocess
import sysconfig
import tempfile
import venv
from pathlib import Path

_HERE = str(Path(__file__).parent.parent)
_PACKAGES = sysconfig.get_paths()["purelib"]
_START = f"import sys; sys.path[:1] = [{_HERE!r}, {_PACKAGES!r}]; from mine_controller.cli.start import main; main()"
_fresh = tempfile.TemporaryDirectory(prefix="minectl-fresh-")
venv.create(_fresh.name, symlinks=True)
_PYTHON = f"{_fresh.name}/bin/python"
_CRON = re.findall(r"^(MALLOC_\w+)=(.*)$", (Path(_HERE) / "cron" / "minectl").read_text(encoding="utf-8"), re.MULTILINE)
BARE = [_PYTHON, "-c", "pass"]


def minectl(*words: str) -> list[str]:
    """The command line with these words, on the interpreter of BARE."""
    return [_PYTHON, "-c", _START, *words]


def environment() -> dict[str, str]:
    """What a child gets: byte code is kept, as an installation has it, and memory given out as cron's tick has it."""
    usual = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return usual | dict(_CRON)


def cpu_s(command: list[str]) -> float:
    """CPU seconds (user and system) of one child."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True, env=environment())
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
