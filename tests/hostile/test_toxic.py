"""Slow, endless and sliced answers of every kind at once, and how long a tick may take of it (MIN1, PRO2).

Refused, silent, cut, reset, header-less, redirecting, huge and exploding answers: tests/devices/test_contract.py.
"""

import statistics
import time

import pytest
from devices import faults
from devices.kinds import KINDS, SUBJECTS, WHOLE, address, build, variant
from devices.test_contract import ASKING, BY_STATUS, COMMANDING, Section
from play.days import HEAD

from mine_controller.core.due import Asked
from mine_controller.core.model.command import APPLIED, NOT_SENT, Command
from mine_controller.core.model.reason import Reason
from mine_controller.devices import _turns
from mine_controller.devices.act import act
from mine_controller.devices.ask import BOOKKEEPING, ask
from mine_controller.play import demo
from mine_controller.play.twin import Virtual
from mine_controller.ports.journal import Journal
from mine_controller.ports.live import ports_of
from mine_controller.tick import tick
from mine_controller.twin import coop, offgrid, story
from mine_controller.twin.faults import Fault
from mine_controller.wire import http, retry
from mine_controller.wire import session as _warm  # noqa: F401 - its import is start-up, not part of any deadline
from mine_controller.wire.door import Wire, WireError, in_rounds

BUDGET_S, SLACK_S = 1.0, 4.0
MOST_S, USUAL_S = 110, 30  # a tick's, always and for 95 of 100 with a tenth of the miners hung


class Toxic(faults.Fault):
    """Faults of the way, not of the device: what comes is whole, but late, without an end, or byte by byte."""

    def _latency(self, peer, head):
        if not self.closing.wait(BUDGET_S + SLACK_S):
            self._send(peer, faults.answer(faults.OTHER))

    def _slow_close(self, peer, head):
        self._send(peer, b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + faults.OTHER)
        self.closing.wait(60)

    def _slicer(self, peer, head):
        for one in faults.answer(faults.OTHER):
            peer.sendall(bytes((one,)))
            self.closing.wait(0.001)


TOXICS = ("latency", "slow_close", "slicer")


@pytest.fixture(scope="module")
def toxics():
    servers = {name: Toxic(name) for name in TOXICS}
    yield servers
    for server in servers.values():
        server.close()


@pytest.fixture(autouse=True)
def _hasty(monkeypatch):
    monkeypatch.setattr(_turns, "LEAST_S", 0.0)
    retry.set_active(False)
    yield
    retry.set_active(True)


def sections(subjects, url):
    """One section a subject, all at the same address."""
    out = {}
    for number, subject in enumerate(subjects):
        kind, more = variant(subject)
        out[f"{kind} x{number}"] = Section(kind, build(kind, url, **{**WHOLE.get(kind, {}), **more}))
    return out


@pytest.mark.parametrize("toxic", TOXICS)
def test_every_kind_at_once_over_a_bad_line_is_unknown_with_a_reason_and_in_time(toxic, toxics):
    all_of_them = sections(ASKING, toxics[toxic].url)
    began = time.monotonic()
    ends = began + BUDGET_S
    readings = ask([Asked(name) for name in all_of_them], all_of_them, {}, int, lambda _, u: http.live(u), ends)
    assert time.monotonic() - began < BUDGET_S + SLACK_S
    values = [one for one in readings if one.quantity not in BOOKKEEPING]
    assert [one for one in values if one.value is not None] == []
    assert all(one.why for one in readings if one.value is None)
    assert len([one for one in readings if one.quantity == "health"]) == len(all_of_them) == len(SUBJECTS) - 1


@pytest.mark.parametrize("toxic", TOXICS)
def test_a_command_to_every_kind_at_once_over_a_bad_line_is_never_applied(toxic, toxics):
    all_of_them = sections(COMMANDING, toxics[toxic].url)
    why = Reason("test", "test")
    batch = [
        Command(f"1.0.{at}", f"miner a{at:03}", KINDS[one.kind].CAN.verbs[-1], name, address(one.kind), 0, why)
        for at, (name, one) in enumerate(all_of_them.items())
    ]
    began = time.monotonic()
    outcomes = act(batch, all_of_them, frozenset(), int, lambda _, u: http.live(u), began + BUDGET_S)
    assert time.monotonic() - began < BUDGET_S + SLACK_S
    assert len(outcomes) == len(batch)
    kinds = {command.id: command.lane.partition(" ")[0] for command in batch}
    applied = {kinds[one.command] for one in outcomes if one.verdict == APPLIED}
    assert applied <= (set() if toxic == "latency" else BY_STATUS)
    assert all(one.why for one in outcomes if one.verdict != APPLIED)
    assert NOT_SENT not in {one.verdict for one in outcomes}


# -- a tick's time ----------------------------------------------------------------------------------------------------


class Hung(Virtual):
    """Every device takes the connection and says nothing from plant time `from_s` on; `verbs` alone when told so."""

    hangs = ("GET", "POST", "PUT", "PATCH", "many")
    from_s = float("inf")

    def _wire(self, section, until):
        inner = super()._wire(section, until)
        if self.now_s < self.from_s:
            return inner

        def gone(end):
            inner.sleep(max(0.0, end - inner.now()))
            return WireError("timeout", "no answer in time")

        def call(request, end):
            if request.method in self.hangs:
                raise gone(end)
            return inner.call(request, end)

        def many(batch, end):
            if "many" not in self.hangs:
                return inner.many(batch, end)
            wrong = gone(end)
            return in_rounds(batch, lambda exchanges: [wrong for _ in exchanges])

        return Wire(call, inner.now, inner.sleep, until, many)


def lasted(live, ticks):
    """Seconds each of so many ticks took, in virtual time."""
    out = []
    for _ in range(ticks):
        ports = ports_of(live, Journal(live.config, live.clocks, live.log))
        began = live.now_s
        tick(ports, live.config.policy)
        out.append(live.now_s - began)
        live.until_next(began)
    return out


def coop_of(folder, text, kind, **more):
    told = story.parse(HEAD + text)
    site = coop.build(1, told.start_wall_s() + 13 * 3600 + 1800, story=told, **more)
    return kind(demo.write_config(folder, site), site)


@pytest.mark.parametrize("hangs", [Hung.hangs, ("GET", "many"), ("POST", "PUT", "PATCH")])
def test_a_tick_ends_in_time_when_every_device_hangs_just_as_all_must_stop(tmp_path, hangs):
    """PRO2, MIN1."""
    live = coop_of(tmp_path, "13:35 signal off for 1h\n", Hung, miners=60, pdus=2, extras=False)
    live.hangs = hangs
    assert max(lasted(live, 2)) <= MOST_S
    live.from_s = live.now_s + (120 if "GET" not in hangs else 130)
    taken = lasted(live, 5)
    assert max(taken) <= MOST_S
    assert max(taken) > 10, "they did hang"


def test_with_a_tenth_of_280_miners_hung_ticks_stay_short(tmp_path):
    """MIN1."""
    hung = "".join(f"00:00 miner a{at:03} mute\n" for at in range(5, 280, 10))
    live = coop_of(tmp_path, hung + "13:58 signal off for 10m\n", Virtual, miners=280, extras=False)
    opening, quiet, curtailed = lasted(live, 3), lasted(live, 11), lasted(live, 4)
    assert max(*opening, *quiet, *curtailed) <= MOST_S
    assert statistics.quantiles(quiet, n=20)[-1] <= USUAL_S
    assert max(curtailed) > USUAL_S, "it did have to wait for the deaf ones"


def test_with_a_tenth_of_a_lan_of_miners_hung_ticks_stay_short(tmp_path, monkeypatch):
    """MIN1: each is asked by its own address, and a hung one takes its whole time."""
    told = story.parse(HEAD)
    site = offgrid.build(1, told.start_wall_s() + 13 * 3600, story=told)
    usual = site.fault_of

    def fault_of(served):
        number = served.unit.removeprefix("a")
        return Fault("silent") if number.isdigit() and int(number) % 10 == 4 else usual(served)

    monkeypatch.setattr(site, "fault_of", fault_of)
    live = Virtual(demo.write_config(tmp_path, site), site)
    taken = lasted(live, 24)
    assert max(taken) <= MOST_S
    assert statistics.quantiles(taken, n=20)[-1] <= USUAL_S
    assert max(taken) > 5, "they did hang"
