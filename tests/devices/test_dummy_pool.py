"""The holding pool as the tick sees it, against the real one on loopback."""

import asyncio
import socket
import threading
import time
from contextlib import contextmanager

import pytest
from devices.kinds import build
from devices.scripted import order

from mine_controller.core.model.command import APPLIED, UNREACHABLE
from mine_controller.devices import dummy_pool
from mine_controller.devices.kind import Ask, BadReply
from mine_controller.stratum.server import Place, Pool
from mine_controller.wire import http


@contextmanager
def running(**more):
    """A pool in a thread of its own; gives the options that find it."""
    loop, started = asyncio.new_event_loop(), threading.Event()
    pools = []

    async def run():
        pool = Pool(Place("127.0.0.1", 0, 0, **more))
        await pool.start()
        pools.append(pool)
        started.set()
        await pool.run()

    def work():
        asyncio.set_event_loop(loop)
        loop.run_until_complete(run())
        loop.run_until_complete(asyncio.sleep(0.01))  # what was closed says goodbye
        loop.close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert started.wait(10)
    (pool,) = pools
    try:
        yield build("dummy_pool", "http://127.0.0.1")._replace(port=pool.port, control_port=pool.control_port)
    finally:
        loop.call_soon_threadsafe(pool.ended.set)
        thread.join(10)


def read(options):
    found = dummy_pool.parse(dummy_pool.fetch(http.live(time.monotonic() + 5), options, Ask()), options)
    return {each.quantity: each.value for each in found}


def apply(options, verb):
    outcomes = []
    dummy_pool.apply(http.live(time.monotonic() + 5), options, [order("", verb)], outcomes.append)
    return outcomes[0].verdict


def test_an_open_pool_gives_a_job_to_whoever_asks():
    with running(open=True) as options:
        assert read(options)["switch"] == "on"
        assert read(options)["link"] == "up"


def test_a_closed_pool_is_alive_and_gives_no_work():
    with running(open=False) as options:
        found = read(options)
    assert (found["switch"], found["link"]) == ("off", None)


@contextmanager
def miner(options, greeting=dummy_pool.GREETING):
    """A line to the pool; with the greeting it is a miner that was given work."""
    with socket.create_connection(("127.0.0.1", options.port), timeout=5) as line:
        line.sendall(greeting)
        if greeting:
            said = b""
            while b'mining.notify","params' not in said:
                said += line.recv(65_536)
        yield line


def test_a_pool_whose_last_place_a_miner_has_gives_work_although_nobody_else_gets_in():
    """With `most` the number of miners the tick's own look is turned away: they must not be put to sleep for it."""
    with running(open=True, most=2) as options, miner(options), miner(options):
        found = read(options)
    assert (found["switch"], found["link"], found["clients_n"]) == ("on", "up", 2)


def test_a_pool_full_of_lines_that_are_no_miners_gives_no_work():
    with running(open=True, most=2) as options, miner(options, b""), miner(options, b""):
        time.sleep(0.1)
        found = read(options)
    assert (found["switch"], found["link"]) == ("on", "down")


def test_it_is_opened_and_closed_and_says_so():
    with running(open=False) as options:
        assert apply(options, "on") == APPLIED
        assert read(options)["link"] == "up"
        assert apply(options, "off") == APPLIED
        assert read(options)["switch"] == "off"


@pytest.mark.parametrize("moved", [{"port": 9}, {"host": "127.0.0.9"}])
def test_a_pool_that_still_listens_where_an_older_config_said_is_told_before_it_is_needed(moved):
    with running(open=False) as options, pytest.raises(BadReply, match="systemctl restart minectl-dummy-pool"):
        read(options._replace(**moved))


def test_a_pool_that_does_not_run_is_unreachable_and_says_how_to_start_it():
    with running() as options:
        pass
    assert apply(options, "on") == UNREACHABLE
    with pytest.raises(http.WireError, match="refused") as told:
        read(options)
    assert "systemctl restart minectl-dummy-pool" in told.value.why


@pytest.mark.parametrize(("host", "good"), [("127.0.0.1", True), ("10.0.1.5", True), ("mine.lan", False)])
def test_a_host_by_its_name_is_told_because_nobody_looks_it_up(host, good):
    """The pool listened, the tick could not knock at it, and so nobody was sent there in an outage."""
    found = dummy_pool.faults(build("dummy_pool", "http://127.0.0.1:9", host=host))
    assert [text.partition(":")[0] for text in found] == ([] if good else ["host"])
