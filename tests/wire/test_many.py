"""Many exchanges at once, against servers on 127.0.0.0/8 that answer, hang, drip, break off or are not there."""

import contextlib
import resource
import socket
import struct
import subprocess
import sys
import threading
import time

import pytest
from wire.talkers import LONG_S, echo, to, until

from mine_controller.wire import http
from mine_controller.wire import many as module
from mine_controller.wire.door import Exchange, WireError
from mine_controller.wire.many import many


def error(answer):
    assert isinstance(answer, WireError), answer
    return answer.kind, answer.sent


def test_answers_come_in_the_order_of_the_questions(serve):
    server = serve(echo)
    found = many([to(server, b"%d" % at) for at in range(300)], until())
    assert found == [b"said %d\0" % at for at in range(300)]
    assert set(server.asked.values()) == {1}


def test_no_questions_are_no_answers():
    assert many([], until()) == []


def test_what_stands_behind_the_terminator_is_nobodys(serve):
    server = serve(lambda _s, peer, _h: peer.sendall(b'{"a":1}\0{"b":2}\0'))
    assert many([to(server)], until()) == [b'{"a":1}\0']


def test_a_terminator_may_come_in_pieces(serve):
    def pieces(_server, peer, _head):
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"answer<<end>>more":
            peer.send(bytes([byte]))

    assert many([to(serve(pieces), ends=b"<<end>>")], until()) == [b"answer<<end>>"]


def test_the_end_of_the_stream_is_the_end_of_an_answer_without_terminator(serve):
    server = serve(lambda _s, peer, _h: peer.sendall(b"whole"))
    assert many([to(server), to(server, ends=b"")], until()) == [b"whole", b"whole"]


def test_a_line_kept_open_without_terminator_ends_after_a_while_of_silence(serve, monkeypatch):
    monkeypatch.setattr(module, "QUIET_S", 0.05)
    monkeypatch.setattr(module, "SWEEP_S", 0.02)

    def keep(server, peer, _head):
        peer.sendall(b"all of it")
        server.over.wait(LONG_S)

    assert many([to(serve(keep))], until()) == [b"all of it"]


def test_a_large_question_and_a_large_answer_pass(serve):
    def large(_server, peer, head):
        got = len(head)
        while got < 3_000_000:
            got += len(peer.recv(65_536))
        peer.sendall(b"a" * 200_000 + b"\0")

    (answer,) = many([to(serve(large), b"q" * 3_000_000)], until())
    assert answer == b"a" * 200_000 + b"\0"


@pytest.mark.parametrize("ends", [b"\0", b""])
def test_more_than_the_cap_is_cut_off(serve, ends):
    def flood(_server, peer, _head):
        while True:
            peer.sendall(b"z" * 65_536)

    (answer,) = many([to(serve(flood), cap=100_000, ends=ends)], until())
    assert error(answer) == ("too_large", True)


def test_more_than_the_cap_is_too_large_though_all_of_it_comes_at_once(serve):
    server = serve(lambda _s, peer, _h: peer.sendall(b"z" * 40 + b"\0"))
    whole, cut = many([to(server, cap=41), to(server, cap=40)], until())
    assert whole == b"z" * 40 + b"\0"
    assert error(cut) == ("too_large", True)


def test_nobody_there_means_nothing_was_sent():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        (answer,) = many([Exchange("127.0.0.1", taken.getsockname()[1], b"x")], until())
    assert error(answer) == ("refused", False)


@pytest.mark.parametrize("host", ["localhost", "miner.lan", "", "127.1", "10.0.0.1 ", "a\0b", "::zz", "ä"])
def test_a_name_is_never_looked_up(host, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: pytest.fail("looked up"))
    (answer,) = many([Exchange(host, 80, b"x")], until())
    assert error(answer) == ("dns", False)


@pytest.mark.parametrize("port", [-1, 65_536])
def test_a_port_that_is_none_is_an_answer_too(port):
    (answer,) = many([Exchange("127.0.0.1", port, b"x")], until())
    assert error(answer) == ("dns", False)


def test_hanging_up_without_a_word_may_have_done_something(serve):
    server = serve(lambda *_: None)
    (answer,) = many([to(server)], until())
    assert error(answer) == ("closed", True)


def test_a_broken_connection_is_closed(serve):
    def reset(_server, peer, _head):
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    (answer,) = many([to(serve(reset))], until())
    assert error(answer) == ("closed", True)


def hang(server, _peer, _head):
    server.over.wait(LONG_S)


def drip(server, peer, _head):
    while not server.over.wait(0.01):
        peer.sendall(b" ")


def test_tarpits_end_at_the_deadline_and_lose_nobody_else(serve):
    good, bad, slow = serve(echo), serve(hang), serve(drip)
    began = time.monotonic()
    found = many([to((good, bad, slow)[at % 3], b"%d" % at) for at in range(90)], until(1.0))
    assert time.monotonic() - began < 3
    assert found[0::3] == [b"said %d\0" % at for at in range(0, 90, 3)]
    assert {error(each) for each in (*found[1::3], *found[2::3])} == {("timeout", True)}


def test_one_exchange_has_a_limit_of_its_own_so_that_others_get_a_turn(serve, monkeypatch):
    monkeypatch.setattr(module, "EXCHANGE_S", 0.6)
    monkeypatch.setattr(module, "SWEEP_S", 0.02)
    monkeypatch.setattr(module, "WINDOW", 2)
    good, bad = serve(echo), serve(hang)
    found = many([to(bad), to(bad), to(good, b"1"), to(good, b"2")], until())
    assert [error(each) for each in found[:2]] == [("timeout", True)] * 2
    assert found[2:] == [b"said 1\0", b"said 2\0"]


def test_who_is_behind_a_full_window_shares_the_time_there_is(serve, monkeypatch):
    monkeypatch.setattr(module, "WINDOW", 1)
    monkeypatch.setattr(module, "SWEEP_S", 0.02)
    good, bad = serve(echo), serve(hang)
    found = many([to(bad), to(good, b"1")], until(1.6))
    assert error(found[0]) == ("timeout", True)
    assert found[1] == b"said 1\0"


def test_without_time_nothing_is_sent(serve):
    server = serve(echo)
    found = many([to(server), to(server)], until(-1))
    assert [error(each) for each in found] == [("unreachable", False)] * 2
    assert not server.asked


@contextlib.contextmanager
def full_queue():
    """Where connections are taken by nobody."""
    with socket.socket() as full, contextlib.ExitStack() as held:
        full.bind(("127.0.0.1", 0))
        full.listen(0)  # a queue that takes one and lets the rest wait for it
        for _ in range(4):
            peer = held.enter_context(socket.socket())
            peer.setblocking(False)
            peer.connect_ex(full.getsockname())
        yield full.getsockname()


def test_no_connection_is_unreachable(monkeypatch):
    monkeypatch.setattr(module, "CONNECT_S", 0.1)
    monkeypatch.setattr(module, "SWEEP_S", 0.02)
    with full_queue() as place:
        (answer,) = many([Exchange(*place, b"x")], until())
    assert error(answer) == ("unreachable", False)
    assert answer.why.startswith("no connection in ")


def test_it_speaks_from_the_address_asked_for(serve):
    server = serve(lambda _s, peer, _h: peer.sendall(peer.getpeername()[0].encode() + b"\0"))
    assert many([to(server, source="127.0.0.9")], until()) == [b"127.0.0.9\0"]


def test_no_socket_is_left_open(serve, monkeypatch):
    made = []
    talk = module._Talk

    def kept(index, exchange, sock, began):
        made.append(sock)
        return talk(index, exchange, sock, began)

    server, bad = serve(echo), serve(hang)
    monkeypatch.setattr(module, "_Talk", kept)
    many([to(server)] * 20 + [to(bad)] * 5 + [to(server, b"a", cap=1)], until(0.2))
    assert len(made) == 26
    assert [each for each in made if each.fileno() >= 0] == []


def test_the_wire_on_real_sockets_has_the_batch_door_and_its_own_deadline(serve):
    server, bad = serve(echo), serve(hang)
    wire = http.live(until(0.8))
    found = wire.many([to(server, b"1"), to(bad)], until())
    assert found[0] == b"said 1\0"
    assert error(found[1]) == ("timeout", True)


FEW = """
import resource, socket, sys, threading, time
resource.setrlimit(resource.RLIMIT_NOFILE, (64, int(sys.argv[1])))
from mine_controller.wire.door import Exchange
from mine_controller.wire.many import many
found = many([Exchange("127.0.0.1", int(sys.argv[2]), b"%d" % at, b"\\0") for at in range(400)], time.monotonic() + 30)
print(sum(each == b"said %d\\0" % at for at, each in enumerate(found)), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


@pytest.mark.parametrize(("hard", "raised"), [(64, 64), (300, 300), (4096, 528)])
def test_the_limit_of_descriptors_is_raised_as_far_as_allowed_and_kept_to(serve, hard, raised):
    server = serve(echo)
    told = subprocess.run(
        [sys.executable, "-c", FEW, str(hard), str(server.port)], capture_output=True, text=True, check=True, timeout=60
    )
    assert told.stdout.split() == ["400", str(raised)]
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= 64


def test_one_that_may_take_less_time_than_the_others_is_given_up_alone(serve, monkeypatch):
    monkeypatch.setattr(module, "SWEEP_S", 0.02)
    given_up = threading.Event()
    hung = serve(lambda _s, peer, _h: (peer.recv(1), given_up.set()))
    good = serve(lambda _s, peer, _h: (given_up.wait(LONG_S), peer.sendall(b"ok\0")))
    first, second = many([to(hung, within_s=0.05), to(good)], until())
    assert (error(first)[0], second) == ("timeout", b"ok\0")


def test_a_connection_may_be_granted_less_time_than_the_others(monkeypatch):
    monkeypatch.setattr(module, "SWEEP_S", 0.02)
    with full_queue() as place:
        (answer,) = many([Exchange(*place, b"x", connect_s=0.1)], until())
    assert error(answer) == ("unreachable", False)
    assert float(answer.why.split()[-2]) < module.CONNECT_S


def test_a_connection_may_be_granted_more_time_than_the_others(monkeypatch):
    """Two seconds were the most, whatever was asked for: a slow line was down by it."""
    monkeypatch.setattr(module, "CONNECT_S", 0.05)
    monkeypatch.setattr(module, "SWEEP_S", 0.02)
    with full_queue() as place:
        (answer,) = many([Exchange(*place, b"x", connect_s=0.5)], until())
    assert error(answer) == ("unreachable", False)
    assert float(answer.why.split()[-2]) >= 0.5


def test_a_limit_of_the_connection_does_not_hurry_the_answer(serve, monkeypatch):
    monkeypatch.setattr(module, "SWEEP_S", 0.02)
    given_up = threading.Event()
    hung = serve(lambda _s, peer, _h: (peer.recv(1), given_up.set()))
    good = serve(lambda _s, peer, _h: (given_up.wait(LONG_S), peer.sendall(b"ok\0")))
    assert many([to(hung, within_s=0.2), to(good, connect_s=0.1)], until())[1] == b"ok\0"


def test_those_that_ride_along_are_over_with_the_others(serve):
    hung = serve(lambda server, _peer, _head: server.over.wait(LONG_S))
    began = time.monotonic()
    first, second = many([to(hung, rides=True), to(serve(echo))], until())
    assert (error(first)[0], second) == ("timeout", b"said x\0")
    assert time.monotonic() - began < LONG_S / 4


def test_one_that_rides_along_and_answers_is_heard(serve):
    heard = threading.Event()
    rider = serve(lambda _s, peer, _h: (peer.sendall(b"me too\0"), heard.set()))
    other = serve(lambda _s, peer, _h: (heard.wait(LONG_S), peer.sendall(b"ok\0")))
    assert many([to(rider, rides=True), to(other)], until()) == [b"me too\0", b"ok\0"]


def test_when_everybody_rides_along_everybody_is_waited_for(serve):
    assert many([to(serve(echo), rides=True), to(serve(echo), rides=True)], until()) == [b"said x\0"] * 2


def test_others_that_can_not_even_begin_do_not_hold_up_those_that_ride(serve):
    hung = serve(lambda server, _peer, _head: server.over.wait(LONG_S))
    began = time.monotonic()
    found = many([to(hung, rides=True), Exchange("no-address", 80, b"x")], until())
    assert [error(one)[0] for one in found] == ["timeout", "dns"]
    assert time.monotonic() - began < LONG_S / 4
