"""Reading a farm: `python bench/poll.py [miners]` (160 by default, 2,000 at most). CPU of this process, best of five.

N miners of the CGMiner API on addresses of their own (127.1.0.1 ...), all in another process. The same joined question
goes to all of them through the batch door and through a bare pool of 64 threads, in turns; then the driver reads the
answers. A last round has 5 % tarpits, which answer nothing for the two seconds the round is given.
"""

import contextlib
import json
import multiprocessing
import resource
import select
import socket
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import Any

from mine_controller.core.option import fill
from mine_controller.devices import cgminer as driver
from mine_controller.devices.kind import Ask
from mine_controller.wire import http
from mine_controller.wire.door import Exchange
from mine_controller.wire.many import many

ROUNDS, THREADS, MOST = 5, 64, 2000
TARPIT_EVERY, TARPIT_S = 20, 2.0
LONGEST_S = 20.0


def answer(index: int) -> bytes:
    """One miner's joined answer, about 1.3 KiB."""
    status = [{"STATUS": "S", "When": 1_700_000_000, "Code": 11, "Msg": "ok", "Description": "cgminer 4.12.0"}]
    board = {"Enabled": "Y", "Status": "Alive", "Temperature": 70.5, "MHS 5s": 31_000_000.0, "Accepted": 900}
    heats = {f"temp{at}": 60 + at for at in range(1, 10)}
    tables: dict[str, list[dict[str, Any]]] = {
        "version": [{"CGMiner": "4.12.0", "API": "3.7", "PROD": "Bench", "MAC": f"0200{index:08x}"}],
        "summary": [{"Elapsed": 9000, "MHS 5s": 95e6, "MHS 1m": 95e6, "MHS av": 94e6, "Accepted": 4057, "Power": 3250}],
        "stats": [{"STATS": 0, "ID": "B0", "Elapsed": 9000, "fan1": 5880, "fan2": 4320, "temp_max": 71, **heats}],
        "devs": [{"ASC": at, **board} for at in range(3)],
    }
    parts = {name: [{"STATUS": status, name.upper(): rows, "id": 1}] for name, rows in tables.items()}
    return json.dumps({**parts, "id": 1}).encode() + b"\0"


def address(index: int) -> str:
    """127.1.0.1 and up, 250 a network."""
    return f"127.1.{index // 250}.{index % 250 + 1}"


def room() -> None:
    """As many descriptors as this system lets one process have."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def farm(miners: int, pipe: Connection) -> None:
    """Serve until told to stop (the pipe closes); a message True or False turns the tarpits on or off."""
    room()
    watch = select.epoll()
    listeners, peers = _listeners(miners, pipe, watch)
    mud = False
    while True:
        for fd, _ in watch.poll(1.0):
            if fd == pipe.fileno():
                try:
                    mud = pipe.recv()
                except EOFError:
                    return
                pipe.send(True)
            elif fd in listeners:
                index, listener = listeners[fd]
                with contextlib.suppress(BlockingIOError):
                    while True:
                        peer = listener.accept()[0]
                        peer.setblocking(False)
                        peers[peer.fileno()] = (index, peer)
                        watch.register(peer, select.EPOLLIN)
            elif fd in peers:
                _serve(fd, peers, mud=mud)


def _listeners(
    miners: int, pipe: Connection, watch: "select.epoll"
) -> tuple[dict[int, tuple[int, socket.socket]], dict[int, tuple[int, socket.socket]]]:
    first = socket.create_server((address(0), 0), backlog=128)
    port = first.getsockname()[1]
    every = [first, *(socket.create_server((address(at), port), backlog=128) for at in range(1, miners))]
    for one in every:
        one.setblocking(False)
        watch.register(one, select.EPOLLIN)
    watch.register(pipe.fileno(), select.EPOLLIN)
    pipe.send(port)
    return {one.fileno(): (at, one) for at, one in enumerate(every)}, {}


def _serve(fd: int, peers: dict[int, tuple[int, socket.socket]], *, mud: bool) -> None:
    index, peer = peers[fd]
    try:
        asked = peer.recv(4096)
        if asked and mud and index % TARPIT_EVERY == 0:
            return
        if asked:
            peer.sendall(answer(index))
    except OSError:
        pass  # the reader hung up first
    del peers[fd]
    peer.close()


def by_threads(batch: list[Exchange]) -> list[bytes]:
    """What one writes first: a pool, a blocking socket each."""
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(_blocking, batch))


def _blocking(one: Exchange) -> bytes:
    with socket.create_connection((one.host, one.port), timeout=5) as sock:
        sock.sendall(one.send)
        got = b""
        while not got.endswith(b"\0"):
            piece = sock.recv(65_536)
            if not piece:
                break
            got += piece
        return got


def cost(call: Callable[[], Any]) -> tuple[float, float, Any]:
    """Milliseconds of CPU and of wall, and what came back."""
    cpu, wall = time.process_time(), time.monotonic()
    result = call()
    return (time.process_time() - cpu) * 1e3, (time.monotonic() - wall) * 1e3, result


def main() -> None:
    """Print CPU a miner, the ratio, and the tarpit round."""
    miners = max(1, min(MOST, int(sys.argv[1]) if len(sys.argv) > 1 else 160))
    room()
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=farm, args=(miners, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        if not ours.poll(LONGEST_S):
            raise SystemExit("the farm did not start")
        measure(miners, ours.recv(), ours)
    finally:
        ours.close()
        process.join(5)
        process.terminate()


def measure(miners: int, port: int, pipe: Connection) -> None:
    """All rounds against a farm that is up."""
    batch = [Exchange(address(at), port, driver.JOINED, b"\0") for at in range(miners)]
    options = fill(driver.Options, {"hosts": tuple(one.host for one in batch), "port": port})
    batched, pooled, read = [], [], []
    for _ in range(ROUNDS):
        batched.append(cost(lambda: many(batch, time.monotonic() + LONGEST_S)))
        pooled.append(cost(lambda: by_threads(batch)))
        read.append(cost(lambda: poll(options, LONGEST_S)))
        whole = sum(isinstance(one, bytes) and one.endswith(b"\0") for one in batched[-1][2])
        if whole != miners or len(read[-1][2]) < miners:
            raise SystemExit(f"{whole} of {miners} answered")
    cpu, wall = min(one[0] for one in batched), min(one[1] for one in batched)
    pool, pool_wall = min(one[0] for one in pooled), min(one[1] for one in pooled)
    print(f"{miners} miners, answers of {len(answer(0))} bytes, CPU and wall of the reader, best of {ROUNDS}")
    print(f"a bare pool of {THREADS} threads    {line(pool, pool_wall, miners)}  {pool / cpu:4.1f} x")
    print(f"the batch door             {line(cpu, wall, miners)}   1.0 x")
    full = min(one[0] for one in read)
    print(f"the driver, read and parsed{line(full, min(one[1] for one in read), miners)}  {full / cpu:4.1f} x")
    pipe.send(True)
    pipe.recv()
    found = cost(lambda: many(batch, time.monotonic() + TARPIT_S))
    good = sum(isinstance(one, bytes) for one in found[2])
    muddy = len(range(0, miners, TARPIT_EVERY))
    print(
        f"{muddy} tarpits, {TARPIT_S:.0f} s       {line(found[0], found[1], miners)}  {good} of {miners - muddy} good"
    )


def poll(options: Any, seconds: float) -> list[Any]:
    """One read of the fleet as a tick does it: addresses of all miners found."""
    found = driver.parse(driver.fetch(http.live(time.monotonic() + seconds), options, Ask()), options)
    return [one for one in found if one.quantity == "address"]


def line(cpu_ms: float, wall_ms: float, miners: int) -> str:
    """Figures of one way."""
    return f"{cpu_ms:9.1f} ms CPU {wall_ms:9.1f} ms wall {cpu_ms / miners * 1e3:7.0f} us CPU a miner"


if __name__ == "__main__":
    main()
