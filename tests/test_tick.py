"""The corridor: rounds, the order of ports, and a kill at every call through them."""

from collections import Counter
from contextlib import contextmanager

import pytest
from core.plant import LOCAL, WALL, Plant, wiring

from mine_controller.core.model.book import Book
from mine_controller.core.model.clock import Clock
from mine_controller.core.model.command import Command
from mine_controller.core.model.image import Request
from mine_controller.core.model.reason import Reason
from mine_controller.core.model.state import State
from mine_controller.tick import Ports, permitted, tick


class Killed(BaseException):
    """The process dies here."""


class Shell:
    """Ports over the numbers-only plant, with a journal that survives kills, and a kill at call number `kill_at`."""

    def __init__(self, plant: Plant) -> None:
        self.plant = plant
        self.committed = Book(State())
        self.events: list[str] = []
        self.calls: list[str] = []
        self.kill_at = -1
        self.journal_fails = False
        self.written: set[tuple[int, int]] = set()
        self.inbox: tuple[Request, ...] = ()

    def call(self, name: str) -> None:
        self.calls.append(name)
        if len(self.calls) == self.kill_at:
            raise Killed(name)

    def ports(self) -> Ports:
        return Ports(
            self.lock,
            self.clock,
            self.ask,
            self.act,
            self,
            self.wait,
            self.says("show"),
            self.says("tell"),
            self.says("ping"),
        )

    @contextmanager
    def lock(self):
        self.call("lock")
        yield

    def clock(self, state, former):
        self.call("clock")
        now = self.plant.now
        if former is None:
            return Clock(now, WALL + now, began_s=now, soft_end_s=now + 90, local=LOCAL)
        return former._replace(plant_s=now, wall_s=WALL + now, opening=False)

    def ask(self, asked, image, clock):
        self.call("ask")
        return tuple(self.plant.readings({one.endpoint for one in asked}))

    def act(self, commands, clock):
        self.call("act")

        class Batch:
            pass

        batch = Batch()
        batch.commands = commands
        return self.plant.act(batch)

    def load(self):
        self.call("load")
        return self.committed

    def requests(self):
        return self.inbox

    def journal(self, rounds):
        self.call("journal")
        if self.journal_fails:
            return False
        self.committed = Book(rounds[-1].decision.state, rounds[-1].image)
        self.write(rounds)
        self.call("journalled")
        return True

    def save(self, book, rounds):
        self.call("save")
        self.outcomes = [one for this in rounds for one in this.outcomes]
        if not self.journal_fails:
            self.committed = book._replace(decision=None)
            self.write(rounds)
        self.call("saved")

    def write(self, rounds):
        began = rounds[0].clock.plant_s
        for this in rounds:
            if (began, this.number) not in self.written:
                self.written.add((began, this.number))
                answered = {verdict.request for verdict in this.decision.verdicts}
                self.inbox = tuple(one for one in self.inbox if one.id not in answered)
                self.events += [event.kind for event in this.decision.events]

    def wait(self, book, until_s):
        self.call("wait")
        self.plant.now = max(self.plant.now, until_s)
        self.plant._grow()

    def says(self, name):
        return lambda book: self.call(name)

    def tick(self) -> bool:
        began = self.plant.now
        try:
            tick(self.ports(), self.plant.policy)
            whole = True
        except Killed:
            whole = False
        self.plant.now = max(began + 120, self.plant.now)
        self.plant._grow()
        return whole


def running(miners: int = 24) -> Shell:
    shell = Shell(Plant(wiring(miners)))
    for _ in range(4):
        shell.tick()
    shell.calls = []
    shell.events = []
    return shell


def started(shell: Shell) -> list[str]:
    return [target for _, target, verb, _ in shell.plant.sent if target.startswith("miner ") and verb in ("run", "on")]


def curtailed_calls() -> int:
    shell = running()
    shell.plant.mute = {"m001"}
    shell.plant.signal = "off"
    shell.tick()
    return len(shell.calls)


def test_a_quiet_tick_walks_the_corridor_once_and_journals_nothing():
    shell = running()
    shell.tick()
    assert shell.calls == ["lock", "load", "clock", "ask", "save", "saved", "show", "tell", "ping"]


def test_the_intent_is_journalled_before_anything_is_sent():
    shell = running()
    shell.plant.signal = "off"
    shell.tick()
    acts = [at for at, name in enumerate(shell.calls) if name == "act"]
    assert acts
    assert [shell.calls[at - 2 : at] for at in acts] == [["journal", "journalled"]] * len(acts)


@pytest.mark.parametrize("boundary", range(1, curtailed_calls() + 1))
def test_pro3_a_kill_at_any_port_call_loses_nothing_and_repeats_no_harm(boundary):
    shell = running()
    shell.plant.mute = {"m001"}
    shell.plant.signal = "off"
    began = shell.plant.now
    shell.kill_at = boundary
    shell.tick()
    shell.kill_at = -1
    for _ in range(3):
        shell.tick()
    assert shell.plant.total < 24 * 50
    cut = {target for _, target, verb, _ in shell.plant.sent if verb == "off" and target.startswith("miner")}
    assert cut <= {"miner m001"}
    stops = [target for _, target, verb, _ in shell.plant.sent if verb == "stop" and target != "miner m001"]
    assert max(Counter(stops).values()) <= 2, "once more, where the answer was lost"
    assert "curtail" in shell.events
    assert "curtailed" in shell.events
    assert shell.plant.now - began <= 480


def test_db1_without_a_journal_decreases_are_sent_and_increases_never():
    shell = running()
    shell.journal_fails = True
    shell.plant.signal = "off"
    shell.tick()
    assert shell.plant.total < 24 * 50
    off = Shell(Plant(wiring(), running=False))
    while not started(off):
        off.tick()
        assert off.plant.now < 12_000
    before = len(started(off))
    assert before < 24, "there is still somebody to start"
    off.journal_fails = True
    for _ in range(8):
        off.tick()
    assert len(started(off)) == before
    off.journal_fails = False
    for _ in range(8):
        off.tick()
    assert len(started(off)) > before


def test_what_may_be_sent_unwritten_is_only_what_lowers_the_load_or_adds_air():
    def command(target, verb, code="x"):
        return Command("1", target, verb, "lane", "a", 0, Reason("choose", code))

    allowed = [
        command("miner a", "stop"),
        command("miner a", "off"),
        command("fan 1", "on"),
        command("fan 1", "off", "need"),
    ]
    refused = [command("miner a", "run"), command("miner a", "on"), command("fan 1", "off", "fan_down")]
    assert permitted(tuple(allowed + refused), written=False) == tuple(allowed)


def test_a_lamp_is_told_what_can_not_be_written_down_and_no_other_relay_is():
    """The disk that takes nothing is the emergency it is lit for; it moves no load."""
    lamp = [Command("1", "lamp relay", verb, "lane", "a", 0, Reason("lamp", "x")) for verb in ("on", "off")]
    others = [Command("1", name, "on", "lane", "a", 0, Reason("x", "x")) for name in ("wall pump", "pool ckpool local")]
    assert permitted((*lamp, *others), written=False) == tuple(lamp)


def test_a_command_that_may_not_be_sent_unwritten_is_told_as_not_sent_and_says_why():
    off = Shell(Plant(wiring(), running=False))
    off.tick()
    off.journal_fails = True
    held = []
    for _ in range(8):
        off.tick()
        held += [one for one in off.outcomes if one.why.startswith("held back: the record can't be written")]
    assert held
    assert {one.verdict for one in held} == {"not_sent"}


def test_a_tick_ends_by_its_soft_end_however_much_is_open():
    shell = running(120)
    shell.plant.mute = shell.plant.welded = set(shell.plant.power)
    shell.plant.signal = "off"
    began = shell.plant.now
    tick(shell.ports(), shell.plant.policy)
    assert shell.plant.now - began <= 90 + 25
    assert shell.calls.count("act") <= 6


def test_who_is_shown_a_tick_that_is_over_is_promised_no_further_look_of_it():
    shell, seen = running(120), []
    shell.plant.mute = shell.plant.welded = set(shell.plant.power)
    shell.plant.signal = "off"
    tick(shell.ports()._replace(show=seen.append), shell.plant.policy)
    [book] = seen
    assert book.state.chases
    assert (book.decision.mode, book.decision.look) == ("CURTAILING", None)
    assert Book(State()).ended() == Book(State())


def test_a_request_that_comes_while_a_tick_waits_is_judged_once_though_its_looks_have_nothing_to_journal():
    """What is answered in a round that sends nothing is written with a later one; until then it is no new request."""
    shell = running()
    shell.plant.mute = {"m001"}
    shell.plant.signal = "off"

    def asked(book, until_s):
        if "wait" not in shell.calls:
            shell.inbox = (Request(7, 0, "cli", "al", "config", ("site.name", "x"), "by hand"),)
        shell.wait(book, until_s)

    tick(shell.ports()._replace(wait=asked), shell.plant.policy)
    assert "wait clock ask wait clock ask" in " ".join(shell.calls)
    assert (shell.events.count("request"), shell.inbox) == (1, ())
