"""The core's speed: `python bench/decide.py`. Medians of many calls, on the plain plant of the tests.

Prints decide at 160 miners (quiet, and with every miner open), freeze at 280, each also as a multiple of one pass of
json.dumps over the same image, so that a noisy machine shows as such.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from core.plant import Plant, wiring
from figures import say

from mine_controller.core.decide import decide
from mine_controller.core.freeze import freeze

CALLS = 300


def median_ms(call: Callable[[], object]) -> float:
    """Median milliseconds of CPU a call."""
    spent = []
    for _ in range(CALLS):
        began = time.process_time_ns()
        call()
        spent.append(time.process_time_ns() - began)
    return statistics.median(spent) / 1e6


def plant(miners: int) -> Plant:
    """A plant that has run quietly for a few ticks."""
    site = Plant(wiring(miners))
    site.audited = False
    site.ticks(5)
    return site


def main() -> None:
    """Print the three figures."""
    quiet = plant(160)
    floor = median_ms(lambda: json.dumps(quiet.image.channels))
    quiet_ms = median_ms(lambda: decide(quiet.image, quiet.state, quiet.policy))
    storm = plant(160)
    storm.mute = set(storm.power)
    storm.signal = "off"
    storm.tick(rounds=1)
    open_ms = median_ms(lambda: decide(storm.image, storm.state, storm.policy))
    big = plant(280)
    readings = big.readings(set(big.wiring.endpoints))
    freeze_ms = median_ms(lambda: freeze(big.image, readings, big.wiring, big.image.clock))
    rows = (
        ("decide, 160 miners, quiet", quiet_ms, 0.5),
        ("decide, 160 miners, every one open", open_ms, 1.5),
        (f"freeze, 280 miners, {len(readings)} readings", freeze_ms, 2.0),
    )
    for what, took_ms, goal_ms in rows:
        note = f"{took_ms / floor:.1f} x json.dumps of the 160-miner channels, {floor:.2f} ms"
        say(what, took_ms, "ms", goal=goal_ms, note=note)


if __name__ == "__main__":
    main()
