"""What a tick writes: `python bench/writes.py`. Bytes given to write calls, commits, and syncs where strace is there.

Whole ticks through the store, by the process with which the tests measure the same.
"""

import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from figures import say

WORKER = Path(__file__).parent.parent / "tests" / "store" / "worker.py"
TICKS, SETTLED = 20, 8
CASES = (("quiet", 160, 60.0, 6.0), ("quiet", 280, 80.0, 6.0), ("act", 160, 300.0, 12.0))


def ticks(folder: Path, miners: int, how: str, around: tuple[str, ...] = ()) -> list[tuple[int, float]]:
    """(commits, kilobytes) of the ticks after the file has its names."""
    command = [*around, sys.executable, str(WORKER), str(folder), str(miners), str(TICKS), how]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rows = [line.split() for line in told.splitlines() if line.startswith("end")]
    return [(int(row[2]), int(row[3]) / 1000) for row in rows[SETTLED:]]


def syncs(miners: int, how: str) -> float | None:
    """Syncs a tick, or None where nobody may trace."""
    if shutil.which("strace") is None:
        return None
    with tempfile.TemporaryDirectory(prefix="minectl-writes-") as folder:
        log = Path(folder) / "calls"
        try:
            ticks(
                Path(folder),
                miners,
                how,
                ("strace", "-f", "-e", "trace=fsync,fdatasync,sync_file_range", "-o", str(log)),
            )
        except subprocess.CalledProcessError:
            return None
        return len(re.findall(r"sync", log.read_text())) / TICKS


def main() -> None:
    """Print bytes and syncs of each case."""
    for how, miners, most_kb, most_syncs in CASES:
        with tempfile.TemporaryDirectory(prefix="minectl-writes-") as folder:
            rows = ticks(Path(folder), miners, how)
        name = "a quiet tick" if how == "quiet" else "a curtail tick"
        commits = max(commit for commit, _ in rows)
        say(f"{name} writes, {miners} miners", statistics.median(kb for _, kb in rows), "kB", goal=most_kb,
            note=f"{max(kb for _, kb in rows):.0f} kB at most, commits {commits}")  # fmt: skip
        found = syncs(miners, how)
        if found is not None:
            say(f"  and syncs, {miners} miners", found, "", goal=most_syncs, note="mean, with the file's making")


if __name__ == "__main__":
    main()
