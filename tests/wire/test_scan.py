"""Knocking at many doors at once, and listening."""

import errno
import resource
import socket
import time

import pytest
from wire.silence import listener, silent_port

from mine_controller.wire import scan
from mine_controller.wire.scan import Door, Tally, ear, hear, knock

SOON_S = 0.3


def knocked(doors, wait_s=SOON_S):
    tally = Tally()
    began = time.monotonic()
    found = [door for batch in knock(doors, tally, wait_s) for door in batch]
    return found, tally, time.monotonic() - began


def test_open_refused_and_silent_doors_are_told_apart():
    with silent_port() as port, listener("127.9.1.2", port), listener("127.9.1.3") as other:
        closed = other.getsockname()[1]
        doors = [Door("127.9.1.1", port), Door("127.9.1.2", port), Door("127.9.1.4", closed)]
        found, tally, _ = knocked(doors)
    assert found == [Door("127.9.1.2", port)]
    assert (tally.done, tally.refused, tally.silent, tally.failed) == (3, 1, 1, {})


def test_two_hundred_silent_addresses_cost_one_time_out():
    with silent_port() as port, listener("127.9.2.9", port):
        found, tally, took_s = knocked([Door(f"127.9.2.{n}", port) for n in range(1, 255)])
    assert found == [Door("127.9.2.9", port)]
    assert tally.silent == 253
    assert took_s < 3 * SOON_S  # one after the other it would be 76 s


def test_doors_that_open_are_handed_on_before_the_silent_ones_are_given_up():
    with silent_port() as port, listener("127.9.3.2", port):
        began = time.monotonic()
        for batch in knock([Door("127.9.3.1", port), Door("127.9.3.2", port)], Tally(), 30.0):
            if batch:
                break
    assert batch == [Door("127.9.3.2", port)]
    assert time.monotonic() - began < 10


def test_a_small_window_only_takes_longer(monkeypatch):
    monkeypatch.setattr(scan, "WINDOW", 4)
    with silent_port() as port, listener("127.9.4.9", port):
        found, tally, _ = knocked([Door(f"127.9.4.{n}", port) for n in range(1, 12)], 0.05)
    assert found == [Door("127.9.4.9", port)]
    assert tally.done == 11


def test_without_descriptors_left_the_next_door_waits_for_a_place(monkeypatch):
    real, denied = socket.socket, []

    class Scarce(real):
        def __init__(self, *words):
            if not denied and opened:
                denied.append(1)
                raise OSError(errno.EMFILE, "too many")
            opened.append(1)
            super().__init__(*words)

    opened = []
    with silent_port() as port, listener("127.9.5.3", port):
        monkeypatch.setattr(scan.socket, "socket", Scarce)
        found, tally, _ = knocked([Door(f"127.9.5.{n}", port) for n in range(1, 4)], 0.1)
        monkeypatch.undo()
    assert found == [Door("127.9.5.3", port)]
    assert (len(denied), tally.done, tally.failed) == (1, 3, {})


def test_what_fails_on_this_side_is_counted_by_its_reason(monkeypatch):
    class Nowhere(socket.socket):
        def connect(self, address):
            raise OSError(errno.ENETUNREACH, "x")

    monkeypatch.setattr(scan.socket, "socket", Nowhere)
    _, tally, _ = knocked([Door("127.9.6.1", 80), Door("127.9.6.2", 80)])
    assert tally.failed == {"network is unreachable": 2}


def test_a_scan_left_half_way_leaves_no_socket_open():
    with silent_port() as port:
        walk = knock([Door("127.9.7.1", port)], Tally(), 30.0)
        next(walk)
        walk.close()  # an unclosed socket would be a ResourceWarning, which is an error here


def test_the_limit_of_descriptors_leaves_room_for_those_who_talk(monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda _what: (1024, 1024))
    monkeypatch.setattr(resource, "setrlimit", lambda _what, _limits: None)
    assert scan._room() == 1024 - scan.SPARE
    monkeypatch.setattr(resource, "getrlimit", lambda _what: (256, 256))
    assert scan._room() == scan.LEAST
    monkeypatch.setattr(resource, "getrlimit", lambda _what: (1024, 65_536))
    assert scan._room() == scan.WINDOW


def test_a_system_without_epoll_says_so(monkeypatch):
    monkeypatch.delattr(scan.select, "epoll")
    found, tally, _ = knocked([Door("127.9.8.1", 80)])
    assert (found, tally.failed) == ([], {"this system has no epoll": 1})


def test_only_wanted_senders_are_heard_and_the_newest_datagram_counts():
    sock = ear(0, "127.0.0.1")
    port = sock.getsockname()[1]
    for host, text in (("127.9.9.1", b"old"), ("127.9.9.1", b"new"), ("127.8.0.1", b"stranger")):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.bind((host, 0))
            one.sendto(text, ("127.0.0.1", port))
    heard = hear(sock, time.monotonic() + 0.1, lambda host: host.startswith("127.9."))
    assert heard == {"127.9.9.1": b"new"}


def test_two_ears_may_share_a_port():
    with ear(0, "127.0.0.1") as first, ear(first.getsockname()[1], "127.0.0.1"):
        pass


NEIGHBOURS = """\
IP address  HW type  Flags  HW address         Mask  Device
10.0.0.7    0x1      0x2    02:AA:00:00:00:07  *     eth0
10.0.0.8    0x1      0x0    00:00:00:00:00:00  *     eth0
"""


@pytest.mark.parametrize(
    ("text", "found"), [(NEIGHBOURS, {"10.0.0.7": "02:aa:00:00:00:07"}), ("IP address\n", {}), (None, {})]
)
def test_neighbours_are_those_that_answered(tmp_path, monkeypatch, text, found):
    path = tmp_path / "arp"
    if text is not None:
        path.write_text(text)
    monkeypatch.setattr(scan, "_ARP", path)
    assert scan.neighbours() == found
