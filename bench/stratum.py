"""The holding pool under load: `python bench/stratum.py [miners] [jobs]` (10,000 and 10 by default), all on 127.x.y.z.

The pool runs in a process of its own. N miners connect in both handshake styles, each answers every job with a share.
Printed: how many stayed, CPU of the pool a job and miner, its memory, and how long a job took to reach the last one.
"""

import asyncio
import json
import multiprocessing
import resource
import sys
import time
from multiprocessing.connection import Connection

from mine_controller.stratum.server import Place, Pool, room_for

GREETING = (
    b'{"id":1,"method":"mining.subscribe","params":["S19/1"]}\n'
    b'{"id":2,"method":"mining.authorize","params":["a.b","x,d=1"]}\n'
)
CONFIGURE = b'{"id":0,"method":"mining.configure","params":[["version-rolling"],{"version-rolling.mask":"ffffffff"}]}\n'


def serve(most: int, pipe: Connection) -> None:
    """The pool; each message is an order for one job, answered when it has been written to all."""

    async def run() -> None:
        pool = Pool(Place("127.0.0.1", 0, 0, most=most), notify_s=3600)
        await pool.start()
        pipe.send(pool.port)
        loop = asyncio.get_running_loop()
        while await loop.run_in_executor(None, pipe.recv) == "job":
            began = time.monotonic()
            await pool.notify()
            pipe.send(time.monotonic() - began)
        usage = resource.getrusage(resource.RUSAGE_SELF)
        pipe.send((usage.ru_utime + usage.ru_stime, usage.ru_maxrss, pool.status()))
        pool.close()

    asyncio.run(run())


class Miner(asyncio.Protocol):
    """One client: shares for every job, counted by its farm."""

    def __init__(self, farm: "Farm", *, at_once: bool) -> None:
        self.farm, self.at_once = farm, at_once
        self.transport: asyncio.Transport | None = None
        self.rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write((CONFIGURE if self.at_once else b"") + GREETING)

    def data_received(self, data: bytes) -> None:
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            if b"mining.notify" in line and b'"params"' in line:
                self.farm.jobs += 1
                params = ["a.b", json.loads(line)["params"][0], "00" * 8, "68000000", "1a2b3c4d"]
                share = {"id": 9, "method": "mining.submit", "params": params}
                assert self.transport is not None
                self.transport.write(json.dumps(share).encode() + b"\n")
            elif b'"id":9' in line and b"true" in line:
                self.farm.shares += 1

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.farm.lost += 1


class Farm:
    """All clients."""

    jobs = shares = lost = 0

    async def until(self, name: str, count: int, limit_s: float = 60.0) -> float:
        began = time.monotonic()
        while getattr(self, name) < count and time.monotonic() - began < limit_s:  # noqa: ASYNC110 - see below
            await asyncio.sleep(0.01)  # ten thousand callers count, one looks
        return time.monotonic() - began


async def mine(miners: int, jobs: int, pipe: Connection) -> None:
    port = pipe.recv()
    farm, loop = Farm(), asyncio.get_running_loop()
    for first in range(0, miners, 250):
        await asyncio.gather(
            *(
                loop.create_connection(lambda at=at: Miner(farm, at_once=bool(at % 2)), "127.0.0.1", port,  # type: ignore[misc]
                    local_addr=(f"127.2.{at // 250}.1", 0))
                for at in range(first, min(first + 250, miners))
            )
        )  # fmt: skip
    await farm.until("jobs", miners)
    waits = []
    for number in range(jobs):
        pipe.send("job")
        waits.append(await farm.until("jobs", miners * (number + 2)))
        pipe.recv()
    await farm.until("shares", miners * (jobs + 1))
    pipe.send("end")
    cpu_s, kib, status = pipe.recv()
    print(f"miners {miners}, stayed {miners - farm.lost}, jobs given {farm.jobs}, shares taken {status['accepted']}")
    print(f"a job reached the last miner after {sorted(waits)[len(waits) // 2]:.2f} s (median of {jobs})")
    print(f"CPU of the pool {cpu_s / (miners * (jobs + 1)) * 1e6:.0f} us a job and share, memory {kib / 1024:.0f} MB")


def main() -> None:
    miners, jobs = (int(sys.argv[at]) if len(sys.argv) > at else default for at, default in ((1, 10_000), (2, 10)))
    miners = min(miners, room_for(miners))
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=serve, args=(miners, theirs), daemon=True)
    process.start()
    asyncio.run(mine(miners, jobs, ours))
    process.join(10)


if __name__ == "__main__":
    main()
