"""The holding pool on sockets: one process, one thread, thousands of miners (asyncio; this is no part of a tick).

Two doors. Miners come to the LAN address. On loopback stands the control door, where the tick asks for the status and
opens or closes the pool: closed, every miner is disconnected and newcomers are turned away at once, so that all go back
to their own pools; open, they are taken in. It never connects anywhere and forwards nothing.
"""

import asyncio
import json
import resource
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from mine_controller.record import NamedTuple
from mine_controller.stratum.jobs import Job, prevhash_of
from mine_controller.stratum.session import DropError, Session

NOTIFY_S = 30.0  # cgminer calls a pool dead after 90 s without a word
IDLE_S = 600.0
GREET_S = 60.0  # a line that never became a miner's
SWEEP_S = 5.0
SEND_MOST = 64 * 1024  # a miner this far behind does not read
STEP = 500  # jobs sent between two looks at other lines
SPARE_FDS = 64
CONTROL_MOST = 4096


class Place(NamedTuple):
    """Where it listens and how many it takes. `hashrate_hs` 0: by what each miner says it is."""

    host: str
    port: int = 3333
    control_port: int = 3334
    most: int = 10_000
    hashrate_hs: float = 0.0
    status: Path | None = None
    open: bool = True


class Pool:
    """Everything of one process. Times of `now` are seconds of any steady clock."""

    def __init__(self, place: Place, now: Callable[[], float] = time.monotonic, notify_s: float = NOTIFY_S) -> None:
        self.place, self.now, self.notify_s = place, now, notify_s
        self.open = place.open
        self.lines: set[_Line] = set()
        self.most = room_for(place.most)
        self.taken = self.dropped = self.turned_away = 0
        self.why_dropped: dict[str, int] = {}
        self.gone_accepted = self.gone_rejected = 0
        self.began_s = now()
        self.prevhash = prevhash_of(int(time.time()))
        self._numbers = self._connections = 0
        self._servers: list[asyncio.Server] = []
        self.port = self.control_port = 0
        self.ended = asyncio.Event()

    # -- life ---------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Listen on both doors; OSError says which address can't be had."""
        loop = asyncio.get_running_loop()
        miners = await loop.create_server(lambda: _Line(self), self.place.host, self.place.port, backlog=1024)
        self._servers.append(miners)
        control = await loop.create_server(lambda: _Control(self), "127.0.0.1", self.place.control_port)
        self._servers.append(control)
        self.port, self.control_port = (server.sockets[0].getsockname()[1] for server in (miners, control))

    async def run(self) -> None:
        """Jobs, sweeps and the status file until `ended`."""
        jobs = asyncio.create_task(self._jobs())
        sweeps = asyncio.create_task(self._sweeps())
        await self.ended.wait()
        jobs.cancel()
        sweeps.cancel()
        await asyncio.gather(jobs, sweeps, return_exceptions=True)  # both end by being cancelled
        self.close()

    def close(self) -> None:
        """Stop listening, let everybody go."""
        for server in self._servers:
            server.close()
        self.release()

    def release(self) -> None:
        """Disconnect every miner."""
        for line in tuple(self.lines):
            line.end()

    def gate(self, *, is_open: bool) -> None:
        """Open or close the pool."""
        self.open = is_open
        if not is_open:
            self.release()
        self.write_status()

    # -- work ---------------------------------------------------------------------------------------------------------

    def next_job(self) -> Job:
        """A job nobody has had."""
        self._numbers += 1
        return Job(self._numbers, self.prevhash, int(time.time()))

    def new_session(self) -> Session:
        """A session for a new line, whether it is taken or turned away."""
        self._connections += 1
        return Session(self._connections, self.next_job, self.now(), self.place.hashrate_hs)

    async def _jobs(self) -> None:
        while True:
            await asyncio.sleep(self.notify_s)
            await self.notify()

    async def notify(self) -> None:
        """One new job for all, a few hundred at a time."""
        job = self.next_job()
        for at, line in enumerate(tuple(self.lines), 1):
            line.send(line.session.job(job, self.now()))
            if at % STEP == 0:
                await asyncio.sleep(0)

    async def _sweeps(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            self.sweep()
            self.write_status()

    def sweep(self) -> None:
        """Let go of lines that fell silent, and of those that never became a miner's."""
        now_s = self.now()
        for line in tuple(self.lines):
            session = line.session
            if now_s - session.heard_s > IDLE_S:
                line.drop("silent for ten minutes")
            elif not session.working and now_s - session.began_s > GREET_S:
                line.drop("never subscribed and authorised")

    # -- status -------------------------------------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """What the tick and the page are told."""
        working = [line.session for line in self.lines if line.session.working]
        return {
            "open": self.open,
            "host": self.place.host,
            "port": self.port,
            "most": self.most,
            "clients": len(self.lines),
            "working": len(working),
            "taken": self.taken,
            "dropped": self.dropped,
            "why_dropped": self.why_dropped,
            "turned_away": self.turned_away,
            "accepted": self.gone_accepted + sum(session.accepted for session in working),
            "rejected": self.gone_rejected + sum(session.rejected for session in working),
            "jobs": self._numbers,
            "up_s": int(self.now() - self.began_s),
            "at": int(time.time()),
        }

    def write_status(self) -> None:
        """Beside the tick's small files on tmpfs, replaced as a whole; a full tmpfs costs the file, not the pool."""
        path = self.place.status
        if path is None:
            return
        part = path.with_name(path.name + ".part")
        with suppress(OSError):
            part.write_text(json.dumps(self.status()), encoding="utf-8")
            part.replace(path)

    def count_drop(self, why: str) -> None:
        """One more line that had to go."""
        self.dropped += 1
        if why in self.why_dropped or len(self.why_dropped) < 20:
            self.why_dropped[why] = self.why_dropped.get(why, 0) + 1


class _Line(asyncio.Protocol):
    """One miner's connection."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.session = pool.new_session()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        if not self.pool.open or len(self.pool.lines) >= self.pool.most:
            self.pool.turned_away += 1
            transport.abort()
            return
        self.pool.taken += 1
        self.pool.lines.add(self)
        transport.set_write_buffer_limits(high=SEND_MOST)
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def data_received(self, data: bytes) -> None:
        try:
            self.send(self.session.feed(data, self.pool.now()))
        except DropError as error:
            self.drop(str(error))

    def pause_writing(self) -> None:
        self.drop("does not read what it is sent")

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._leave()

    def _leave(self) -> None:
        if self in self.pool.lines:
            self.pool.lines.discard(self)
            self.pool.gone_accepted += self.session.accepted
            self.pool.gone_rejected += self.session.rejected

    def send(self, lines: list[bytes]) -> None:
        if lines and self.transport is not None and not self.transport.is_closing():
            self.transport.write(b"".join(lines))

    def drop(self, why: str) -> None:
        self.pool.count_drop(why)
        self._leave()
        if self.transport is not None:
            self.transport.abort()

    def end(self) -> None:
        self._leave()
        if self.transport is None:
            return
        if self.transport.get_write_buffer_size():  # a close would wait for a miner that may never read again
            self.transport.abort()
        else:
            self.transport.close()


class _Control(asyncio.Protocol):
    """The tick's door: one line of "status", "open" or "close", answered by the status."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.transport: asyncio.Transport | None = None
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._rest += data
        if self.transport is None or (b"\n" not in self._rest and len(self._rest) < CONTROL_MOST):
            return
        word = self._rest.partition(b"\n")[0].strip()
        if word in (b"open", b"close"):
            self.pool.gate(is_open=word == b"open")
        known = word in (b"status", b"open", b"close")
        answer = self.pool.status() if known else {"error": "say status, open or close"}
        self.transport.write(json.dumps(answer).encode() + b"\n")
        self.transport.close()


def room_for(most: int) -> int:
    """As many lines as the process may hold: the limit of open files is raised as far as it goes without rights."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = most + SPARE_FDS
    top = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < top:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (top, hard))
            soft = top
    return most if soft == resource.RLIM_INFINITY else max(1, min(most, soft - SPARE_FDS))


async def serve(place: Place, started: Callable[[Pool], None]) -> None:
    """Run until SIGTERM or SIGINT; SIGUSR1 sends every miner home once. OSError: an address can't be had."""
    pool = Pool(place)
    await pool.start()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, pool.ended.set)
    loop.add_signal_handler(signal.SIGUSR1, pool.release)
    pool.write_status()
    started(pool)
    await pool.run()
