"""The rules: one file each, one function `advise(view, memory, options) -> Advice`.

A rule file declares LAYER, NEEDS (roles without which it does not exist; empty = always) and `Options`; it may declare
`check(options)` for its own cross-checks. A rule of named sections ([schedule night]) declares SECTION, the options of
one of them, and `with_sections(options, sections)`; without a section it does not exist. One that latches what only a
person frees, or has something to take back, declares `holds(memory)`: as long as it does, it is asked although the
config has lost its inputs or sections. Rules never meet: order can't matter, each sees the same view and its own
memory.
"""

from functools import cache
from types import ModuleType
from typing import Any

# Fixed so that reasons appear in one order everywhere; the result does not depend on it (a test shuffles them).
NAMES = (
    "override", "hazard", "temperature", "air", "cap", "branch",
    "signal", "grid", "voltage", "supply", "demand",
    "boot", "cold", "wear", "ramp", "run_on", "wall", "uplinks",
    "schedule", "solar", "band", "profit", "failover", "tuning",
)  # fmt: skip


@cache  # asked for by every rule of every round
def load(name: str) -> ModuleType:
    """The rule's module; imported when a policy uses it."""
    from importlib import import_module  # noqa: PLC0415 - start-up is part of every tick

    return import_module(f"mine_controller.core.rules.{name}")


def holds(name: str, memory: dict[str, Any]) -> bool:
    """True when the rule's memory holds what only a person frees, or what has to be taken back."""
    latched = getattr(load(name), "holds", None)
    return latched is not None and bool(latched(memory))
