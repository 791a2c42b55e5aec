"""One child process and what it cost: shared by the benches that compare whole processes."""

import os
import resource
import subprocess


def cpu_s(command: list[str]) -> float:
    """CPU seconds (user and system) of one child, with byte code kept as an installation has it."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(command, check=True, capture_output=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
