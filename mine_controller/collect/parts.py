"""Which parts of a JSON message tell something, where a sender may tell one part of what it knows at a time.

A Tasmota publishes its energy alone on the topic of all its sensors when the power jumps or passes a margin
(arendst/Tasmota, issue 4950, and EnergyMqttShow of its energy driver); a Shelly's NotifyStatus holds what changed
(its API's page on notifications). What such a message is silent about stands as it was, with its own age.
"""

import json
from collections.abc import Sequence
from typing import Any


def told(body: bytes, paths: Sequence[str]) -> tuple[str, ...]:
    """Those of the dotted paths that a message speaks of: a null is a word too, what is no such JSON ends them all."""
    if not paths:
        return ()
    try:
        tree = json.loads(body)
    except (ValueError, RecursionError):
        return tuple(paths)
    return tuple(path for path in paths if _speaks(tree, path))


def _speaks(tree: Any, path: str) -> bool:
    for key in path.split("."):
        if not isinstance(tree, dict):
            return True  # something else stands there now
        if key not in tree:
            return False
        tree = tree[key]
    return True
