"""A cold `minectl tick --dry-run` with nothing due: `python bench/cold.py [CONFIG]`, CPU over `python -c pass`.

Without CONFIG a 280-miner folder is made whose devices are shut ports of this machine, one real tick is run on it, and
every input has `every_s = 240`, so that nothing is due afterwards. Both commands alternate in one run; the figures are
medians of user and system seconds, with byte code kept as an installation has it.
"""

import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from child import BARE, cpu_s, minectl
from figures import say

RUNS = 15


def site(folder: Path) -> Path:
    """A twin's folder that nobody answers for, after one real tick."""
    from mine_controller.play import demo  # noqa: PLC0415 - only without CONFIG

    demo.write_config(folder, demo.build(1, 1, None, ending_now=True))
    path = folder / "config.txt"
    text = re.sub(r"(\[\w+ \w+\]\n)", r"\1every_s = 240\n", path.read_text(encoding="utf-8"))
    path.write_text(text, encoding="utf-8")
    subprocess.run(minectl("tick", "--config", str(path)), check=True, capture_output=True)
    return path


def main() -> None:
    """Print the ratio."""
    folder = Path(tempfile.mkdtemp(prefix="minectl-cold-"))
    try:
        config = Path(sys.argv[1]) if len(sys.argv) > 1 else site(folder)
        tick = minectl("tick", "--dry-run", "--config", str(config))
        cpu_s(tick)
        pairs = [(cpu_s(BARE), cpu_s(tick)) for _ in range(RUNS)]
        floor, cold = statistics.median(pair[0] for pair in pairs), statistics.median(pair[1] for pair in pairs)
        ratio = statistics.median(pair[1] / pair[0] for pair in pairs)
        note = f"{cold * 1000:.0f} ms against {floor * 1000:.1f} ms"
        say("cold tick --dry-run, nothing due: CPU", ratio, "x", goal=6.0, floor="python -c pass", note=note)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
