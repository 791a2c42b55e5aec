"""Where a miner belongs while it works elsewhere, by what the three rules remember that put miners on pools. Pure.

`memory` is that of all rules, as the round found it: the same for each of them, in whatever order they are asked.
"""

from collections.abc import Mapping
from typing import Any

from mine_controller.core.model.wiring import MinerSpec


def own_pool(memory: Mapping[str, Any], spec: MinerSpec, told: str) -> str:
    """The pool of a miner that says it is on `told`: what `uplinks` lent it, or `failover` put in its own one's place,
    is not its own."""
    line, failover = memory.get("uplinks") or {}, memory.get("failover") or {}
    if told in (line.get("lent") or ()):
        homes = line.get("home") or {}
        return str(homes.get(spec.id) or homes.get(spec.group) or told)
    return str((failover.get("moved") or {}).get(spec.id) or told)


def before_window(memory: Mapping[str, Any]) -> dict[str, str]:
    """By miner the pool that a window of [schedule] found it on, where that is over and it is not back yet."""
    rows = ((memory.get("schedule") or {}).get("before") or {}).get("pool") or {}
    return {name: str(row["was"]) for name, row in rows.items() if row["shut_s"]}
