"""DNS1: services outside are reached while no name can be looked up: at the address where they answered last.

Only what lies outside is remembered: an address in the plant may be another device's tomorrow. TLS is judged by the
name as ever, whatever address is connected to; without TLS such an address is only read from, and its 24 hours count
from when the name itself last led there. Libraries that look names up themselves are `lent` what is known.
"""

import json
import socket
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import zip_longest
from pathlib import Path
from typing import Any, TypeVar

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError
from urllib3.util.connection import allowed_gai_family, create_connection

from mine_controller.record import NamedTuple
from mine_controller.wire.blame import CONNECT_S
from mine_controller.wire.session import is_literal

NAME = "names.json"
LOOKUP_S = 2.0  # and a third of the time there is: so long a name has, where another way is known
KEPT_S = 24 * 3600
RENEW_S = 3600  # what was confirmed less than this ago is not written down again
MOST = 64
LEAST_S = 0.05
TLS_PORT = 443
T = TypeVar("T")
Row = tuple[Any, ...]  # of getaddrinfo: the kind of address first


class Known(NamedTuple):
    """Where a host answered. `at`: when that was last confirmed, wall time; `told`: the log has its line."""

    address: str = ""
    at: int = 0
    told: bool = False


class Names:
    """What this process knows: read from `path` at the first name, written by `keep`. Threads share it."""

    def __init__(self, path: Path, wall_s: Callable[[], float]) -> None:
        self._path, self._wall_s, self._lock = path, wall_s, threading.Lock()
        self._lines: list[str] = []
        try:
            told: Any = json.loads(path.read_bytes())
            known = {str(host): Known(str(one[0]), int(one[1]), bool(one[2])) for host, one in told.items()}
        except (OSError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError):
            known = {}  # none yet, or none that can be read: every name has to be looked up
        self._known = {host: one for host, one in known.items() if is_literal(one.address)}
        self._before = dict(self._known)

    def of(self, host: str) -> str:
        """The address where `host` answered within 24 h, or ""."""
        kept = self._known.get(host, Known())
        return kept.address if 0 <= self._wall_s() - kept.at <= KEPT_S else ""

    def used(self, host: str, why: str) -> None:
        """The name leads nowhere and its address is used: a line for the log, once until it leads somewhere again."""
        with self._lock:
            kept = self._known[host]
            if not kept.told:
                ago_h = (self._wall_s() - kept.at) / 3600
                self._lines.append(f"{host}: {why}; asked at {kept.address}, where it answered {ago_h:.1f} h ago")
            self._known[host] = kept._replace(told=True)

    def worked(self, host: str, address: str, *, looked_up: bool) -> None:
        """It answered there."""
        import ipaddress  # noqa: PLC0415 - a tick without names does not pay for it

        with self._lock:
            kept, told = self._known.get(host, Known()), not looked_up
            new = address != kept.address or told < kept.told or not 0 <= self._wall_s() - kept.at < RENEW_S
            if new and ipaddress.ip_address(address.partition("%")[0]).is_global:
                self._known[host] = Known(address, int(self._wall_s()), told)

    def keep(self) -> tuple[str, ...]:
        """Write down what has changed; gives what is to be said in the log."""
        with self._lock:
            lines, self._lines = self._lines, []
            newest = dict(sorted(self._known.items(), key=lambda one: one[1].at)[-MOST:])
        if newest != self._before:
            draft = self._path.with_name(f".{NAME}")
            try:
                draft.parent.mkdir(parents=True, exist_ok=True)
                draft.write_text(json.dumps(newest), encoding="ascii")
                draft.replace(self._path)
            except OSError as error:
                lines.append(f"{self._path} can't be written: {error.strerror or error}")
        return tuple(lines)


class Way:
    """How one session connects to hosts by name; of one thread. For each request are set `until` (monotonic) and
    `trusted`: whether the address that worked last will do."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self.until, self.trusted = 0.0, False
        self._reached: tuple[str, str, bool] | None = None

    def worked(self, *, tls: bool) -> None:
        """The exchange came to a good end: the host is where it was connected to."""
        if self._reached is not None:
            host, address, looked_up = self._reached
            if looked_up or tls:
                self._names.worked(host, address, looked_up=looked_up)
            self._reached = None

    def connect(self, host: str, of: HTTPConnection) -> socket.socket:
        """A connection to one of the host's addresses. Raises OSError, urllib3's where it took too long."""
        fault: OSError = socket.gaierror(socket.EAI_NONAME, "no address")
        addresses, looked_up = self._addresses(host.lower(), int(of.port or 0))
        for address in addresses:
            most_s = max(LEAST_S, min(float(of.timeout or 0), self.until - time.monotonic()))
            try:
                sock = create_connection((address, of.port or 0), most_s, None, of.socket_options)
            except OSError as error:
                fault = error
            else:
                self._reached = (host.lower(), address, looked_up)
                return sock
        if isinstance(fault, TimeoutError):
            raise ConnectTimeoutError(of, "no connection") from fault
        raise fault

    def _addresses(self, host: str, port: int) -> tuple[list[str], bool]:
        left_s = max(0.0, self.until - time.monotonic())
        kept = self._names.of(host) if self.trusted else ""
        try:
            return look_up(host, port, min(LOOKUP_S, left_s / 3) if kept else left_s), True
        except OSError as error:
            if not kept:
                raise
            self._names.used(host, f"its name can't be looked up ({error.strerror})")
            return [kept], False

    def pools(self) -> dict[str, type[HTTPConnectionPool]]:
        """The pools of urllib3, with connections that go this way; all else in them is as it was."""
        way = self

        class Plain(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                return way.connect(self._dns_host, self)

        class Safe(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                return way.connect(self._dns_host, self)

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class SafePool(HTTPSConnectionPool):
            ConnectionCls = Safe

        return {"http": PlainPool, "https": SafePool}


@contextmanager
def lent(names: Names, hosts: Collection[str]) -> Iterator[None]:
    """While this lasts, whoever in this process looks up one of these `hosts` in vain, or for more than LOOKUP_S, is
    given the address it had last: for libraries that look names up themselves. Only for hosts that TLS judges. Both
    kinds of addresses come by turns."""
    real, lost = socket.getaddrinfo, set[str]()

    def look(host: Any, *rest: Any, **more: Any) -> Any:
        name = str(host.decode("ascii", "replace") if isinstance(host, bytes) else host).lower()
        if name not in hosts:
            return real(host, *rest, **more)
        kept = names.of(name)
        if not kept:
            return by_turns(real(host, *rest, **more))
        if name not in lost:
            try:
                return by_turns(_within(lambda: real(host, *rest, **more), LOOKUP_S, name))
            except OSError as error:
                lost.add(name)
                names.used(name, f"its name can't be looked up ({error.strerror})")
        return real(kept, *rest, **more)

    setattr(socket, "getaddrinfo", look)  # noqa: B010 - the one door that all of them go through
    try:
        yield
    finally:
        setattr(socket, "getaddrinfo", real)  # noqa: B010 - see above


def renew(names: Names, hosts: Collection[str], until: float, hurried: Callable[[], str] = lambda: "") -> None:
    """Look these up, so that it is known where they were should it be needed. `until` is monotonic; `hurried` says why
    to look up no more of them, "" to go on.

    Which of a host's addresses will answer is not known here: one of IPv4, where it has any, is the likelier.
    """
    for host in sorted(hosts):
        left_s = until - time.monotonic()
        if left_s > 0 and not is_literal(host) and not hurried():
            with suppress(OSError, UnicodeError):  # what was known stays
                found = look_up(host, TLS_PORT, min(LOOKUP_S, left_s))
                names.worked(host, min(found, key=lambda one: ":" in one), looked_up=True)


def look_up(host: str, port: int, wait_s: float) -> list[str]:
    """The host's addresses, both kinds by turns. Raises gaierror."""
    rows = _within(lambda: socket.getaddrinfo(host, port, allowed_gai_family(), socket.SOCK_STREAM), wait_s, host)
    return list(dict.fromkeys(str(row[4][0]) for row in by_turns(rows)))


def by_turns(rows: Sequence[Row]) -> list[Row]:
    """What a look-up gave, in the system's own order, but IPv4 and IPv6 by turns: where one of them leads nowhere, its
    addresses before the first of the other would take all the time there is."""
    first = [row for row in rows if row[0] == rows[0][0]]
    other = [row for row in rows if row[0] != rows[0][0]]
    return [row for turn in zip_longest(first, other) for row in turn if row is not None]


def reached(host: str, port: int, timeout_s: float) -> socket.socket:
    """A connection to one of the host's addresses, of which only the last may use up all the time. Raises OSError."""
    ends = time.monotonic() + timeout_s
    addresses = look_up(host, port, timeout_s)
    for at, address in enumerate(addresses):
        left_s = max(LEAST_S, ends - time.monotonic())
        is_last = at == len(addresses) - 1
        try:
            sock = create_connection((address, port), left_s if is_last else min(CONNECT_S, left_s / 3))
        except OSError:
            if is_last:
                raise
        else:
            sock.settimeout(max(LEAST_S, ends - time.monotonic()))
            return sock
    raise socket.gaierror(socket.EAI_NONAME, "no address")


def _within(look: Callable[[], T], wait_s: float, host: str) -> T:
    """What `look` gives. Nothing ends a resolver that hangs, so a thread is left behind with it. Raises OSError."""
    found: list[T] = []
    faults: list[Exception] = []

    def run() -> None:
        try:
            found.append(look())
        except (OSError, UnicodeError) as error:
            faults.append(error)

    thread = threading.Thread(target=run, name=f"look up {host}", daemon=True)
    with suppress(RuntimeError):  # the machine has no thread left; then there is no answer either
        thread.start()
        thread.join(wait_s)
    if not found:
        raise faults[0] if faults else socket.gaierror(socket.EAI_AGAIN, f"no answer in {wait_s:.1f} s")
    return found[0]
