"""One tick: the corridor. No `if` about mining in here; everything it does goes through `Ports`."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from mine_controller.core.decide import decide
from mine_controller.core.due import Asked, due
from mine_controller.core.freeze import freeze
from mine_controller.core.model.book import Book
from mine_controller.core.model.clock import Clock
from mine_controller.core.model.command import NOT_SENT, Command, Outcome
from mine_controller.core.model.image import Image, Request
from mine_controller.core.model.policy import Policy
from mine_controller.core.model.reading import Reading
from mine_controller.core.model.round import Round
from mine_controller.core.model.state import State
from mine_controller.core.outputs.lamp import TARGET as LAMP
from mine_controller.core.settle import settle
from mine_controller.record import NamedTuple

COMMANDING_ROUNDS = 6
NOT_WRITTEN = "held back: the record can't be written, so nothing is sent that may raise the load"


class Journal(Protocol):
    """What the tick needs of the store."""

    def load(self) -> Book:
        """Where the last tick left off."""

    def requests(self) -> tuple[Request, ...]:
        """What people asked for since."""

    def journal(self, rounds: tuple[Round, ...]) -> bool:
        """Commit the newest round's intent before anything is sent, and the quiet rounds before it with their events.

        False: it could not be written down at all.
        """

    def save(self, book: Book, rounds: tuple[Round, ...]) -> None:
        """Close the tick."""


class Ports(NamedTuple):
    """The only seam. Tests, demo, dry run, shadow and live differ in these alone."""

    lock: Callable[[], AbstractContextManager[object]]
    clock: Callable[[State, Clock | None], Clock]  # once a round; the former round's clock, None at the opening
    ask: Callable[[tuple[Asked, ...], Image | None, Clock], Sequence[Reading]]
    act: Callable[[tuple[Command, ...], Clock], tuple[Outcome, ...]]
    store: Journal
    wait: Callable[[Book, int], None]  # until plant time; renders, delivers, watches the stop file meanwhile
    show: Callable[[Book], None]
    tell: Callable[[Book], None]
    ping: Callable[[Book], None]


def tick(ports: Ports, policy: Policy) -> Book:
    """Lock, load, then rounds of read, freeze, decide, journal, act, settle; then save, show, tell, ping."""
    with ports.lock():
        book = ports.store.load()
        rounds: tuple[Round, ...] = ()
        clock = ports.clock(book.state, None)
        while not rounds or clock.plant_s <= clock.soft_end_s:
            this = _round(ports, policy, book, clock, rounds)
            rounds = (*rounds, this)
            state = settle(this.decision.state, this.decision.commands, this.outcomes, clock.plant_s)
            book = book.after(this.image, state, this.decision)
            look = this.decision.look
            if look is None or look.at_s > clock.soft_end_s or _commanded(rounds) >= COMMANDING_ROUNDS:
                break
            ports.wait(book, look.at_s)
            clock = ports.clock(book.state, clock)
        ports.store.save(book, rounds)
        del rounds, this  # nothing that follows looks at them, and a huge fleet's readings are many megabytes
        book = book.ended()
        ports.show(book)
        ports.tell(book)
        ports.ping(book)
    return book


def first_round(ports: Ports, policy: Policy) -> Book:
    """The opening round as far as its decision: what a dry run is."""
    book = ports.store.load()
    this = _decided(ports, policy, book, ports.clock(book.state, None), ())
    return book.after(this.image, this.decision.state, this.decision)


def _round(ports: Ports, policy: Policy, book: Book, clock: Clock, before: tuple[Round, ...]) -> Round:
    this = _decided(ports, policy, book, clock, before)
    if not this.decision.commands:
        return this
    commands = this.decision.commands
    let = permitted(commands, ports.store.journal((*before, this)))
    sent = {command.id for command in let}
    held = (_dropped(command, clock) for command in commands if command.id not in sent)
    return this._replace(outcomes=(*ports.act(let, clock), *held))


def _dropped(command: Command, clock: Clock) -> Outcome:
    """What was not permitted was not sent, and its errand or chase is told so."""
    return Outcome(command.id, NOT_SENT, NOT_WRITTEN, None, clock.plant_s)


def _decided(ports: Ports, policy: Policy, book: Book, clock: Clock, before: tuple[Round, ...]) -> Round:
    look = before[-1].decision.look if before else None
    asked = due(book.image, look, policy.wiring, clock, book.state.chases)
    readings = ports.ask(asked, book.image, clock)
    # What a round answered that sent nothing is written with a later one: until then the store gives it once more.
    answered = {verdict.request for this in before for verdict in this.decision.verdicts}
    requests = tuple(one for one in ports.store.requests() if one.id not in answered)
    image = freeze(book.image, readings, policy.wiring, clock, requests)
    return Round(len(before), clock, readings, requests, image, decide(image, book.state, policy))


def permitted(commands: tuple[Command, ...], written: bool) -> tuple[Command, ...]:
    """No journal, no increase: what can't be written down may only lower the load, add air, or call for people."""
    if written:
        return commands
    return tuple(
        command
        for command in commands
        if command.verb == "stop"
        or (command.target.startswith("miner ") and command.verb == "off")
        or (command.target.startswith("fan ") and command.reason.code != "fan_down")
        or command.target == LAMP
    )


def _commanded(rounds: tuple[Round, ...]) -> int:
    return sum(bool(this.decision.commands) for this in rounds)
