"""The dry run: read and decide once, and no way to do anything else.

No writer is built; `act`, `show`, `tell`, `ping` raise if called; the lock is not taken; nothing on the disk changes.
What would be a line of the log is one on standard error: a log made by a dry run belongs to whoever typed it.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from mine_controller.config.model import Config
from mine_controller.core.model.book import Book
from mine_controller.core.model.image import Request as Wish
from mine_controller.core.model.round import Round
from mine_controller.core.model.wiring import EndpointSpec
from mine_controller.ports.live import Live, WireFor
from mine_controller.ports.log import Log
from mine_controller.tick import Ports, first_round
from mine_controller.wire.door import Request, Response, Wire


class UntouchableError(RuntimeError):
    """A dry run reached for a port that does something."""


def _never(*given: Any) -> NoReturn:
    raise UntouchableError(f"a dry run called {given[0] if given else 'a port'}")


class Aloud(Log):
    """The log of a dry run: its lines go to who typed it."""

    def _write(self, lines: list[str]) -> None:
        for text in lines if sys.stderr is not None else ():
            print(text, file=sys.stderr)


class Reader:
    """The store of a dry run: it loads, and drops what it is given."""

    def __init__(self, live: Live) -> None:
        self.live = live

    def load(self) -> Book:
        """The last book, read without touching a byte."""
        from mine_controller.store.query import last_book  # noqa: PLC0415

        config = self.live.config
        return last_book(config.paths, self.live.clocks.sources.boot_id(), config.sha).book

    def requests(self) -> tuple[Wish, ...]:
        """Requests are the next real tick's."""
        return ()

    def journal(self, rounds: tuple[Round, ...]) -> bool:
        """Nothing is written and nothing may follow."""
        del rounds
        return False

    def save(self, book: Book, rounds: tuple[Round, ...]) -> None:
        """Nothing is written."""


@contextmanager
def _no_lock() -> Iterator[None]:
    yield


def _listening(wire_for: WireFor) -> WireFor:
    """Wires on which a broker is only listened to: even the one message that asks for a reading is left out."""

    def made(section: str, until: float) -> Wire:
        inner = wire_for(section, until)

        def call(request: Request, call_until: float) -> Response:
            if request.url.startswith(("mqtt://", "mqtts://")):
                wanted = json.loads(request.body)
                request = request._replace(body=json.dumps({**wanted, "ask": []}).encode())
            return inner.call(request, call_until)

        return inner._replace(call=call)

    return made


def dry_tick(config: Config, *, everything: bool, wall_s: int | None = None, wire_for: WireFor | None = None) -> Book:
    """One round on the real inputs. `everything` asks every input, not only what is due."""
    live = Live(config, wall_s=wall_s, wire_for=wire_for)
    live.wire_for = _listening(live.wire_for)
    live.told_of = False
    live.log = Aloud(config.paths.log, config.site.log_level)
    policy = config.policy
    if everything:
        ends = {name: EndpointSpec(name) for name in policy.wiring.endpoints}
        policy = policy._replace(wiring=policy.wiring._replace(endpoints=ends))
    ports = Ports(
        lock=_no_lock,
        clock=live.clocks,
        ask=live.ask,
        act=_never,
        store=Reader(live),
        wait=_never,
        show=_never,
        tell=_never,
        ping=_never,
    )
    with ports.lock():
        return first_round(ports, policy)
