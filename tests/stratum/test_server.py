"""The holding pool on real sockets of 127.0.0.1. Protocol time is squeezed: a job every 50 ms instead of 30 s."""

import asyncio
import json
import re
import socket
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from mine_controller.stratum import server
from mine_controller.stratum.server import Place, Pool

WAITING = [
    {"id": 1, "method": "mining.subscribe", "params": ["cgminer/4.12"]},
    {"id": 2, "method": "mining.authorize", "params": ["acct.w1", "x"]},
]
AT_ONCE = [
    {"id": 1, "method": "mining.configure", "params": [["version-rolling"], {"version-rolling.mask": "ffffffff"}]},
    {"id": 2, "method": "mining.subscribe", "params": ["bitaxe/BM1370/v2.9.0"]},
    {"id": 3, "method": "mining.authorize", "params": ["bc1q.rig1", "x"]},
]


def line(tree):
    return json.dumps(tree).encode() + b"\n"


class Guests(Pool):
    """A pool that remembers who came, so that every socket is closed at the end of a story."""

    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        self.writers = []

    async def connect(self, port=0):
        reader, writer = await asyncio.open_connection("127.0.0.1", port or self.port)
        self.writers.append(writer)
        return reader, writer

    async def end(self):
        for writer in self.writers:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


@asynccontextmanager
async def pool(tmp_path, notify_s=0.05, **more):
    one = Guests(Place("127.0.0.1", 0, 0, status=tmp_path / "pool.json", **more), notify_s=notify_s)
    await one.start()
    running = asyncio.create_task(one.run())
    try:
        yield one
    finally:
        await one.end()
        one.ended.set()
        await running


async def read_to_the_end(reader):
    """What still came; a reset is an end too."""
    try:
        return await asyncio.wait_for(reader.read(), 20)
    except ConnectionError:
        return b""


async def joined(one, style):
    reader, writer = await one.connect()
    if style == "at once":
        writer.write(b"".join(map(line, AT_ONCE)))
    else:
        for request in WAITING:
            writer.write(line(request))
            await reader.readline()
    return reader, writer


async def next_job(reader):
    while True:
        tree = json.loads(await asyncio.wait_for(reader.readline(), 20))
        if tree.get("method") == "mining.notify":
            return tree["params"]


async def control(one, word):
    reader, writer = await one.connect(one.control_port)
    writer.write(word + b"\n")
    return json.loads(await asyncio.wait_for(reader.read(), 20))


async def mine(one, style, jobs):
    """Stay for that many jobs, a share for each; the ids that were seen."""
    reader, writer = await joined(one, style)
    seen = []
    for number in range(jobs):
        params = await next_job(reader)
        seen.append(params[0])
        writer.write(
            line(
                {
                    "id": 100 + number,
                    "method": "mining.submit",
                    "params": ["w", params[0], "00" * 8, "68000005", "1a2b3c4d"],
                }
            )
        )
    return seen


def test_a_thousand_miners_of_both_styles_stay_for_ten_minutes_of_protocol_time(tmp_path):
    async def story():
        async with pool(tmp_path, notify_s=0.3) as one:
            styles = ["at once", "one by one"] * 500
            return await asyncio.gather(*(mine(one, style, 20) for style in styles)), one.status()

    seen, status = asyncio.run(story())
    assert all(len(set(ids)) == 20 for ids in seen)
    assert status["dropped"] == status["rejected"] == 0
    assert status["accepted"] >= 1000 * 18  # the last ones may be on their way


@pytest.mark.parametrize("bad", [b"\x16\x03\x01\x02\x00\n", b"x" * 1_000_000, b"{\n", b"[" * 5000 + b"\n"])
def test_a_line_that_is_no_miners_ends_that_connection_and_no_other(tmp_path, bad):
    async def story():
        async with pool(tmp_path) as one:
            good, _ = await joined(one, "at once")
            reader, writer = await one.connect()
            writer.write(bad)
            ended = await read_to_the_end(reader)
            await next_job(good)
            await next_job(good)
            return ended, one.status()

    ended, status = asyncio.run(story())
    assert ended == b""
    assert (status["dropped"], status["clients"]) == (1, 1)
    assert sum(status["why_dropped"].values()) == 1


def test_a_miner_that_does_not_read_is_let_go(tmp_path, monkeypatch):
    monkeypatch.setattr(server, "SEND_MOST", 2000)

    async def story():
        async with pool(tmp_path, notify_s=30) as one:
            raw = socket.socket()
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            raw.setblocking(False)
            await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", one.port))
            await asyncio.get_running_loop().sock_sendall(raw, b"".join(map(line, AT_ONCE)))
            for _ in range(20_000):
                await one.notify()
                await asyncio.sleep(0)
                if one.dropped:
                    break
            raw.close()
            return one.status()["why_dropped"]

    assert asyncio.run(story()) == {"does not read what it is sent": 1}


def test_closed_every_miner_goes_home_and_newcomers_are_turned_away(tmp_path):
    async def story():
        async with pool(tmp_path) as one:
            reader, _ = await joined(one, "one by one")
            closed = await control(one, b"close")
            await read_to_the_end(reader)
            late, _ = await one.connect()
            refused = await read_to_the_end(late)
            opened = await control(one, b"open")
            again, _ = await joined(one, "at once")
            await next_job(again)
            return closed, refused, opened, await control(one, b"status")

    closed, refused, opened, status = asyncio.run(story())
    assert (closed["open"], opened["open"], refused) == (False, True, b"")
    assert (status["clients"], status["turned_away"]) == (1, 1)
    assert status["taken"] == 2, "who was turned away was not taken"


def open_files():
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_closed_it_also_lets_go_of_a_miner_that_does_not_read(tmp_path):
    """Its line would stay half closed for ever, and with it an open file of the pool."""

    async def story():
        async with pool(tmp_path, notify_s=30) as one:
            before = open_files()
            raw = socket.socket()
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            raw.setblocking(False)
            await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", one.port))
            await asyncio.get_running_loop().sock_sendall(raw, b"".join(map(line, AT_ONCE)))
            while not any(found.transport.get_write_buffer_size() for found in one.lines):
                await one.notify()
                await asyncio.sleep(0)
            one.gate(is_open=False)
            await asyncio.sleep(0.1)
            left = open_files() - before
            raw.close()
            return left

    assert asyncio.run(story()) == 1, "our own end alone"


def test_the_control_door_takes_three_words_only(tmp_path):
    async def story():
        async with pool(tmp_path) as one:
            return await control(one, b"drop all"), await control(one, b"status")

    wrong, status = asyncio.run(story())
    assert wrong == {"error": "say status, open or close"}
    assert status["open"] is True


def test_a_line_that_never_becomes_a_miners_and_one_that_falls_silent_are_swept(tmp_path):
    async def story():
        now = [0.0]
        one = Guests(Place("127.0.0.1", 0, 0), lambda: now[0])
        await one.start()
        await one.connect()
        miner, _ = await joined(one, "at once")
        await next_job(miner)
        now[0] = 61.0
        one.sweep()
        first = dict(one.why_dropped)
        now[0] = 700.0
        one.sweep()
        await one.end()
        one.close()
        return first, one.why_dropped

    first, both = asyncio.run(story())
    assert first == {"never subscribed and authorised": 1}
    assert both == {**first, "silent for ten minutes": 1}


def test_the_most_it_takes_is_a_limit(tmp_path):
    async def story():
        async with pool(tmp_path, most=2) as one:
            for _ in range(2):
                await next_job((await joined(one, "at once"))[0])
            reader, _ = await one.connect()
            assert await read_to_the_end(reader) == b""
            return one.status()

    assert asyncio.run(story())["turned_away"] == 1


def test_the_status_file_is_whole_and_says_what_the_control_door_says(tmp_path):
    async def story():
        async with pool(tmp_path) as one:
            one.write_status()
            return json.loads((tmp_path / "pool.json").read_text()), await control(one, b"status")

    file, door = asyncio.run(story())
    assert file.keys() == door.keys()


def test_no_address_of_the_outside_is_ever_connected_to():
    text = "".join(path.read_text() for path in sorted(server.Path(server.__file__).parent.glob("*.py")))
    assert not re.search(r"open_connection|create_connection|\.connect\(", text)
