"""160 units told to stop through the asic-rs process: `python bench/asic.py [--miners 160]`.

Seconds from the batch of commands to the last outcome, with the process's own start. The units are VNish boards as far
as asic-rs looks at them: it recognises each by its page, logs in, reads who it is, and sends one stop. They take 20 to
40 ms for an answer and stand on port 80 of 127.64.0.1 and up, which only root can open; others are told so.
"""

import argparse
import importlib.util
import json
import os
import statistics
import sys
import time

import farm
import fleet
from figures import say

from mine_controller.config.model import Endpoint
from mine_controller.core.model.command import ACCEPTED, Command, Outcome
from mine_controller.core.model.reason import Reason
from mine_controller.core.option import Secret, fill
from mine_controller.devices import act, asic
from mine_controller.wire import http

FIRST, WEB, ROUNDS, LONGEST_S = "127.64.0.1", 80, 5, 60.0
SECTION = "asic hall"
STOP = b"POST /api/v1/mining/stop"
MAC = "02:@@:@@:@@:@@:@@"  # the farm writes the unit's number there


def boards() -> farm.Table:
    """What such a unit answers, by how the request begins; the stop first."""
    about = {"miner": "Antminer S19", "fw_version": "1.2.6", "hr_measure": "GH/s", "platform": "xil"}
    info = {**about, "system": {"network_status": {"mac": MAC, "hostname": "v"}}}
    return [
        (STOP, _answer("{}")),
        (b"POST /api/v1/unlock", _answer(json.dumps({"token": "token-of-the-farm"}))),
        (b"GET /api/v1/info", _answer(json.dumps(info))),
        (b"GET / ", _answer("<html>AnthillOS</html>", kind="text/html")),
        (b"", _answer(json.dumps({"err": "not here"}), status="500 Internal Server Error")),
    ]


def _answer(body: str, *, status: str = "200 OK", kind: str = "application/json") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return (head + body).encode()


def stop_all(hosts: tuple[str, ...]) -> tuple[Outcome, ...]:
    """What act does with a stop for each of them, as for kind asic."""
    options = fill(asic.Options, {"hosts": hosts, "password": Secret("admin")})
    endpoint = Endpoint("asic", SECTION.partition(" ")[2], options, True, 0, 1)
    why = Reason("bench", "stop")
    units = [
        f"02:00:{at >> 24:02x}:{at >> 16 & 255:02x}:{at >> 8 & 255:02x}:{at & 255:02x}" for at in range(len(hosts))
    ]
    commands = [
        Command(f"1.0.{at}", f"miner m{at}", "stop", SECTION, host, 0, why, unit)
        for at, (host, unit) in enumerate(zip(hosts, units, strict=True))
    ]
    began = time.monotonic()
    return act.act(
        commands, {SECTION: endpoint}, (), lambda moment: int(moment - began),
        lambda name, until: http.live(until, name), began + LONGEST_S,
    )  # fmt: skip


def main() -> None:
    """Print the seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--miners", type=int, default=160)
    miners = parser.parse_args().miners
    if importlib.util.find_spec("pyasic_rs") is None or os.geteuid() != 0:
        print("not measured: it needs pyasic-rs and, for port 80, root", file=sys.stderr)
        return
    with (
        farm.tools() as made,
        farm.up(made, miners, delay_ms=fleet.DELAY_MS, table=boards(), first=FIRST, port=WEB) as up,
    ):
        hosts = tuple(farm.address(up.first, at) for at in range(miners))
        walls, sent, taken = [], [], []
        for _ in range(ROUNDS):
            began = time.monotonic()
            told = stop_all(hosts)
            walls.append(time.monotonic() - began)
            sent.append(up.asked()[0])
            taken.append(sum(one.verdict == ACCEPTED for one in told))
        note = f"{min(sent)} to {max(sent)} commands arrived, {min(taken)} taken; longest {max(walls):.2f} s"
        goal = 5.0 if miners == 160 else 0.0
        say(f"{miners:,} told to stop through asic-rs: wall", statistics.median(walls), "s", goal=goal, note=note)


if __name__ == "__main__":
    main()
