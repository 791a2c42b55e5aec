"""Searching a /24: `python bench/discover.py`. Wall from the first knock to the last judged answer, best of five.

20 live units of mixed kinds and 234 silent addresses on 127.90.0.1-254. The units run in another process. The silent
ones drop every connect, as empty addresses of a LAN do: one listener on all addresses of this machine with a full queue
stands behind each port, and the units have listeners of their own before it. Ports are free ones, so nobody need be
root. The goal is one connect time-out (1.2 s) and 200 ms.
"""

import contextlib
import json
import multiprocessing
import selectors
import socket
import time
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection

from figures import say

from mine_controller.ops import discover
from mine_controller.ops.discover import Looked, Plan, Ports
from mine_controller.ops.fleet_file import compared, fleet
from mine_controller.wire.scan import CONNECT_S

NET, LAST, ROUNDS, SPARE_S = "127.90.0", 254, 5, 0.2
DELAY_S = 0.03  # how long a unit takes to answer
Answer = Callable[[bytes], bytes]


def _page(tree: object, path: str = "/api/system/info", title: str = "") -> Answer:
    pages = {"/": f"<html><title>{title}</title></html>".encode(), path: json.dumps(tree).encode()}

    def answer(asked: bytes) -> bytes:
        words = asked.split(b" ")
        body = pages.get(words[1].decode() if len(words) > 1 else "")
        status = "404 Not Found" if body is None else "200 OK"
        return f"HTTP/1.1 {status}\r\nContent-Length: {len(body or b'')}\r\n\r\n".encode() + (body or b"")

    return answer


def _api(**rows: Mapping[str, object]) -> Answer:
    status = {"STATUS": "S", "When": 1_700_000_000, "Code": 22, "Msg": "ok", "Description": "cgminer 4.12.0"}

    def answer(asked: bytes) -> bytes:
        command = json.loads(asked).get("command", "")
        if command not in rows:
            refused = {"STATUS": "E", "Code": 14, "Msg": "Invalid command", "Description": ""}
            return json.dumps({"STATUS": [refused], "id": 1}).encode() + b"\0"
        return json.dumps({"STATUS": [status], command.upper(): [rows[command]], "id": 1}).encode() + b"\0"

    return answer


def units() -> dict[str, tuple[str, str, Answer]]:
    """Address -> (kind expected, which port, what it answers): five of each of four makes."""
    found: dict[str, tuple[str, str, Answer]] = {}
    for at in range(5):
        mac = f"02:90:00:00:00:{at:02x}"
        board = {"ASICModel": "BM1370", "boardVersion": "601", "version": "v2.9.0", "macAddr": mac, "hashRate": 1200.0}
        nerd = {"deviceModel": "NerdQAxe++", "ASICModel": "BM1370", "macAddr": mac.replace("00:00", "00:01", 1)}
        avalon = {"CGMiner": "4.11.1", "PROD": "AvalonMiner 1246", "MODEL": "1246", "MAC": f"0290000002{at:02x}"}
        probe = {"model": "NMMiner", "hostname": f"nm-cyd-{at:06d}", "ver": "v2.0.04", "hr": 956_432, "ut": 4321}
        found[f"{NET}.{10 + at}"] = ("bitaxe", "web", _page(board, title="AxeOS"))
        found[f"{NET}.{60 + at}"] = ("nerdqaxe", "web", _page({**nerd, "version": "v1.0.34"}, title="NerdQAxe"))
        found[f"{NET}.{120 + at}"] = ("avalon", "api", _api(version=avalon, stats={"MM ID0": "Ver[1246-83-21]"}))
        found[f"{NET}.{200 + at}"] = ("nmminer", "web", _page(probe, "/probe"))
    return found


def farm(pipe: Connection) -> None:
    """Silence on three ports but for the units; tells the ports and serves until the pipe closes."""
    watch = selectors.DefaultSelector()
    kept, ports = [], {}
    for name in ("api", "web", "frame"):
        sock = _listener("0.0.0.0", 0, 0)  # noqa: S104 - behind it stand the silent addresses of this machine
        ports[name] = sock.getsockname()[1]
        kept += [sock, socket.create_connection(("127.0.0.1", ports[name]))]
    for host, (_, name, answer) in units().items():
        watch.register(_listener(host, ports[name], 64), selectors.EVENT_READ, answer)
    watch.register(pipe, selectors.EVENT_READ, None)
    pipe.send(ports)
    due: list[tuple[float, socket.socket, bytes]] = []
    while True:
        for key, _ in watch.select(DELAY_S / 4):
            if key.data is None:
                return
            _step(watch, key, due)
        while due and due[0][0] <= time.monotonic():
            _, peer, reply = due.pop(0)
            with contextlib.suppress(OSError), peer:
                peer.sendall(reply)


def _step(
    watch: selectors.BaseSelector, key: selectors.SelectorKey, due: list[tuple[float, socket.socket, bytes]]
) -> None:
    sock = key.fileobj
    assert isinstance(sock, socket.socket)
    if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        watch.register(sock.accept()[0], selectors.EVENT_READ, key.data)
        return
    watch.unregister(sock)
    data = sock.recv(4096)
    if data:
        due.append((time.monotonic() + DELAY_S, sock, key.data(data)))
    else:
        sock.close()


def _listener(host: str, port: int, backlog: int) -> socket.socket:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind((host, port))
    sock.listen(backlog)
    return sock


def main() -> None:
    """Print wall, goal, and who was found."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=farm, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    try:
        if not ours.poll(20):
            raise SystemExit("the farm did not start")
        measure(ours.recv())
    finally:
        ours.close()
        process.join(5)
        process.terminate()


def measure(ports: dict[str, int]) -> None:
    """Best of some searches, and what the last one made of the units."""
    hosts = tuple(f"{NET}.{at}" for at in range(1, LAST + 1))
    plan = Plan(hosts, Ports((ports["api"],), (ports["web"],), (ports["frame"],)))
    walls = []
    for _ in range(ROUNDS):
        began = time.monotonic()
        looked = discover.look(plan, lambda _done, _all: None)
        kinds = _named(looked, ports["api"])
        walls.append(time.monotonic() - began)
    expected = {host: kind for host, (kind, _, _) in units().items()}
    right = sum(kinds.get(host, ("", ""))[0] == kind for host, kind in expected.items())
    models = sum(bool(kinds.get(host, ("", ""))[1]) for host in expected)
    goal_s = CONNECT_S + SPARE_S
    silent = len(hosts) - len({seen.host for seen in looked.seen})
    kinds_right = f"{right} of {len(expected)} with the right kind, {models} with a model"
    note = f"worst {max(walls):.3f} s; {kinds_right}"
    what = f"a /24 searched, {len(looked.seen)} live, {silent} silent: wall"
    say(what, min(walls), "s", goal=goal_s, floor="one connect time-out and 200 ms", note=note)
    for host, kind in expected.items():
        if kinds.get(host, ("", ""))[0] != kind:
            print(f"  {host}: {kinds.get(host) or 'nobody knows it'}, is {kind}")


def _named(looked: Looked, api: int) -> dict[str, tuple[str, str]]:
    """Address -> (kind, model)."""
    finds = compared(
        looked.seen, lambda seen: discover.guess(seen, looked.kinds), fleet(None, (), {}), miner_ports=(api,)
    )
    return {find.address: (find.kind, find.model) for find in finds}


if __name__ == "__main__":
    main()
