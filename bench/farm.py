"""A farm of miners for the benches: a process of its own on 127.x.y.z, and what C can do at most on the same farm.

With a C compiler the farm is `c/farm.c` and the limit `c/limit.c`, built once a run. Without one the farm is this file
run as a program, which is slower than what it measures, and there is no limit: whoever compares says so. Every miner is
an Avalon 1246 of the CGMiner API with a mac of its own; what it answers comes from the twin's server.
"""

import contextlib
import os
import select
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
MARK = b"@@@@@@@@@@"  # the miner's number in ten hex digits stands there
MAC = "02" + MARK.decode()
FIRST = "127.61.0.1"
WINDOW = 4000  # as many sockets at a time as the reader has
DRIP_S, HUGE_BODY, EVERY = 0.2, 64 << 20, 20
UP_S = 30.0

Table = Sequence[tuple[bytes, bytes]]


class Farm(NamedTuple):
    """A farm that is up: `size` miners from `first` on, all on one port."""

    first: str
    size: int
    port: int
    process: "subprocess.Popen[bytes]"
    tools: "Tools"

    def hosts(self) -> tuple[str, ...]:
        """Their addresses as `hosts` of a section has them."""
        return (f"{self.first}-{address(self.first, self.size - 1)}",)

    def asked(self) -> list[int]:
        """How often each entry of the table was asked for since the last time."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(b"c")
        self.process.stdin.flush()
        return [int(word) for word in self.process.stdout.readline().split()]


class Limit(NamedTuple):
    """One round of the C loop: answers with a NUL, milliseconds of wall and CPU."""

    answered: int
    wall_ms: float
    cpu_ms: float


class Tools:
    """The compiled programs; `c` is False where there is no compiler."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        compiler = shutil.which("cc") or shutil.which("gcc")
        self.c = compiler is not None
        for name in ("farm", "limit"):
            if compiler is not None:
                subprocess.run([compiler, "-O2", "-o", folder / name, HERE / "c" / f"{name}.c"], check=True)

    def limit(self, farm: Farm, request: bytes, limit_s: float = 20.0) -> Limit:
        """What one epoll of C takes to ask everybody; only where there is a compiler."""
        asked = self.folder / "request"
        asked.write_bytes(request)
        given = [farm.first, str(farm.size), str(farm.port), str(asked), str(round(limit_s * 1000)), str(WINDOW)]
        told = subprocess.run([self.folder / "limit", *given], check=True, capture_output=True).stdout.split()
        return Limit(int(told[0]), int(told[1]) / 1000, int(told[2]) / 1000)


@contextlib.contextmanager
def tools() -> Iterator[Tools]:
    """Compile into a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="minectl-farm-") as folder:
        yield Tools(Path(folder))


@contextlib.contextmanager
def up(
    made: Tools,
    count: int,
    *,
    mode: str = "clean",
    delay_ms: tuple[int, int] = (0, 0),
    table: Table = (),
    first: str = FIRST,
    port: int = 0,
) -> Iterator[Farm]:
    """A farm of `count` miners until the block is left. `mode`: clean, tarpit or mad, as c/farm.c has it."""
    path = made.folder / "table"
    path.write_bytes(b"".join(struct.pack("=I", len(part)) + part for row in table or avalon() for part in row))
    program = [str(made.folder / "farm")] if made.c else [sys.executable, __file__]
    given = [first, str(count), str(port), str(path), str(delay_ms[0]), str(delay_ms[1]), mode]
    process = subprocess.Popen([*program, *given], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        apart(process.pid)
        assert process.stdout is not None
        if not select.select([process.stdout], [], [], UP_S)[0]:
            raise SystemExit("the farm did not start")
        yield Farm(first, count, int(process.stdout.readline().split()[1]), process, made)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(10)


def apart(other: int) -> None:
    """The other process on one core, this one and its children on another, where there are two."""
    cores = sorted(os.sched_getaffinity(0) | os.sched_getaffinity(other))
    if len(cores) > 1:
        os.sched_setaffinity(other, {cores[-1]})
        os.sched_setaffinity(0, {cores[0]})


def address(first: str, at: int) -> str:
    """So many further on."""
    return str(IPv4Address(first) + at)


def avalon() -> Table:
    """What such a unit answers, by a piece of the request; softoff and joined questions first."""
    from mine_controller.twin.rig import Rig  # noqa: PLC0415 - not in a farm without a compiler
    from mine_controller.twin.servers import avalon  # noqa: PLC0415 - the same

    facts = avalon.MODELS["1346"]
    pools = [(f"stratum+tcp://pool{at}.example:3333", "wallet.one") for at in range(3)]
    about = {"name": "a", "mac": "02:00:00:00:00:01", "serial": "TWIN0001", "pools": pools}
    unit = avalon.Unit(Rig(**{**facts, **about}))
    unit.joins = True

    def said(command: str, parameter: str = "") -> bytes:
        tree = f'{{"command":"{command}","parameter":"{parameter}"}}'
        text = unit.talk(tree.encode(), 3600.0).replace(b"AvalonMiner 1346", b"AvalonMiner 1246")
        text = text.replace(b'"MODEL":"1346"', b'"MODEL":"1246"').replace(b"020000000001", MAC.encode())
        return text.replace(b"ECMM[0]", b"ECMM[0] " + chips())

    singles = ("version", "summary", "estats", "stats", "devdetails", "devs", "pools", "config", "coin")
    rows = [(b"0,softoff", said("ascset", f"0,softoff,1:{int(time.time()) + 5}"))]
    rows += [(b"0,help", said("ascset", "0,help")), (b"version+", said("version+summary+stats+devs"))]
    rows += [(f'"{name}"'.encode(), said(name)) for name in singles]
    return [*rows, (b"", said("nothing"))]


def chips() -> bytes:
    """The tables by chip that end such a unit's status text: degrees, volts and work of 120 chips a board."""
    values = (("PVT_T", "  68"), ("PVT_V", " 301"), ("MW", " 4521"))
    return " ".join(f"{name}{board}[{one * 120}]" for board in range(3) for name, one in values).encode()


# -- without a compiler ----------------------------------------------------------------------------------------------


class Peer:
    """One connection of the farm in Python."""

    def __init__(self, index: int, sock: socket.socket) -> None:
        self.index, self.sock, self.left = index, sock, memoryview(b"")


class Plain:
    """The same farm as c/farm.c, for machines without a compiler."""

    def __init__(self, first: str, count: int, port: int, table: Table, delay_ms: tuple[int, int], mode: str) -> None:
        self.table, self.delay_ms, self.mode = table, delay_ms, mode
        self.counts = [0] * len(table)
        self.endless = b""
        self.poll = select.epoll()
        self.listeners: dict[int, tuple[int, socket.socket]] = {}
        self.peers: dict[int, Peer] = {}
        self.due: list[tuple[float, Peer]] = []
        for at in range(count):
            if self.how(at) != "shut":
                port = self.listen(at, address(first, at), port)
        self.poll.register(0, select.EPOLLIN)
        print(f"port {port}", flush=True)

    def listen(self, at: int, host: str, port: int) -> int:
        sock = socket.create_server((host, port), backlog=128)
        sock.setblocking(False)
        self.listeners[sock.fileno()] = (at, sock)
        self.poll.register(sock, select.EPOLLIN)
        found: int = sock.getsockname()[1]
        return found

    def how(self, index: int) -> str:
        if self.mode == "tarpit":
            return "silent" if index % EVERY == 0 else ""
        bands = ((5, "shut"), (10, "drip"), (15, "garbage"), (17, "endless"), (20, "hangup"))
        return next((name for end, name in bands if index % 100 < end), "") if self.mode == "mad" else ""

    def run(self) -> None:
        while True:
            for fd, _ in self.poll.poll(0.001 if self.due else 1.0):
                if fd == 0:
                    if not os.read(0, 1):
                        return
                    print(*self.counts, flush=True)
                    self.counts = [0] * len(self.counts)
                elif fd in self.listeners:
                    self.take(*self.listeners[fd])
                elif fd in self.peers:
                    self.heard(self.peers[fd])
            now = time.monotonic()
            ready = [peer for at, peer in self.due if at <= now]
            self.due = [(at, peer) for at, peer in self.due if at > now]
            for peer in ready:
                self.send(peer)

    def take(self, index: int, listener: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                sock = listener.accept()[0]
                sock.setblocking(False)
                self.peers[sock.fileno()] = Peer(index, sock)
                self.poll.register(sock, select.EPOLLIN)

    def heard(self, peer: Peer) -> None:
        if peer.left:
            self.send(peer)
            return
        try:
            request = peer.sock.recv(8192)
        except BlockingIOError:
            return  # an event of a connection that had this number before
        except OSError:
            request = b""
        how = self.how(peer.index)
        if not request or how == "hangup":
            self.end(peer)
            return
        at = next(at for at, (text, _) in enumerate(self.table) if text in request)
        self.counts[at] += 1
        if how == "silent":
            return
        body = self.table[at][1].replace(MARK, f"{peer.index:010x}".encode())
        if how == "garbage":
            body = b"#" * len(body)
        elif how == "endless":
            body = self.endless = self.endless or b"#" * HUGE_BODY
        peer.left = memoryview(body)
        low, high = self.delay_ms
        if high:
            self.due.append((time.monotonic() + (low + os.urandom(1)[0] / 255 * (high - low)) / 1000, peer))
        else:
            self.send(peer)

    def send(self, peer: Peer) -> None:
        drips = self.how(peer.index) == "drip"
        try:
            sent = peer.sock.send(peer.left[:1] if drips else peer.left)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.end(peer)
            return
        peer.left = peer.left[sent:]
        if not peer.left:
            self.end(peer)
        elif drips:
            self.due.append((time.monotonic() + DRIP_S, peer))
        else:
            self.poll.modify(peer.sock, select.EPOLLOUT)

    def end(self, peer: Peer) -> None:
        if self.peers.pop(peer.sock.fileno(), None) is not None:
            peer.sock.close()


def main() -> None:
    """The farm without a compiler: the words of c/farm.c."""
    import resource  # noqa: PLC0415 - only here

    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    first, count, port, path, low, high, mode = sys.argv[1:]
    rest, parts = Path(path).read_bytes(), []
    while rest:
        (length,) = struct.unpack_from("=I", rest)
        parts.append(rest[4 : 4 + length])
        rest = rest[4 + length :]
    table = list(zip(parts[::2], parts[1::2], strict=True))
    Plain(first, int(count), int(port), table, (int(low), int(high)), mode).run()


if __name__ == "__main__":
    main()
