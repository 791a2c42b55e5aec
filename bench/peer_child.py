"""One peer on the farm: `python bench/peer_child.py pyasic|asic_rs FIRST COUNT`, run by the peers' own interpreter.

Finds out what each address is, reads every field, and prints one JSON object: how many were read, seconds of wall and
CPU of both steps. It imports nothing of minectl. The process ends without taking the interpreter apart, because one of
the peers was seen to abort there after its work was done.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address
from typing import Any

Find = Callable[[str], Awaitable[Any]]


def finder(peer: str) -> Find:
    """How this peer makes a miner of an address."""
    if peer == "pyasic":
        from pyasic import get_miner  # type: ignore[import-not-found]  # noqa: PLC0415 - only the one asked for

        found: Find = get_miner
        return found
    from pyasic_rs import MinerFactory  # noqa: PLC0415 - only the one asked for

    factory = MinerFactory()
    return factory.get_miner


async def work(find: Find, hosts: list[str]) -> dict[str, Any]:
    """Find, then read; wall and CPU of each."""
    marks = [(time.monotonic(), time.process_time())]
    miners = [
        one for one in await asyncio.gather(*map(find, hosts), return_exceptions=True) if hasattr(one, "get_data")
    ]
    marks.append((time.monotonic(), time.process_time()))
    told = await asyncio.gather(*(one.get_data() for one in miners), return_exceptions=True)
    marks.append((time.monotonic(), time.process_time()))
    (wall_0, cpu_0), (wall_1, cpu_1), (wall_2, cpu_2) = marks
    return {
        "read": sum(getattr(one, "mac", None) is not None for one in told),
        "find_s": wall_1 - wall_0,
        "find_cpu_s": cpu_1 - cpu_0,
        "read_s": wall_2 - wall_1,
        "read_cpu_s": cpu_2 - cpu_1,
    }


def main() -> None:
    """Import, find, read, tell."""
    peer, first, count = sys.argv[1], IPv4Address(sys.argv[2]), int(sys.argv[3])
    find = finder(peer)
    told = asyncio.run(work(find, [str(first + at) for at in range(count)]))
    print(json.dumps(told), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
