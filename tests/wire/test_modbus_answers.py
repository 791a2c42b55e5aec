"""What stands for registers in an answer, and what is the answer to something else."""

import json
import os
import resource
import struct

import pytest
from wire.talkers import until

from mine_controller.wire import http
from mine_controller.wire.door import Request, WireError


def answers(pdu, unit=1):
    """A meter that says this to every question, in its transaction."""

    def talk(_server, peer, head):
        peer.sendall(head[:2] + struct.pack(">HHB", 0, len(pdu) + 1, unit) + pdu)
        peer.recv(1)

    return talk


def read(server, function=3):
    body = json.dumps([[function, 0, 2]]).encode()
    response = http.live(until(3)).call(Request("READ", f"modbus://127.0.0.1:{server.port}/1", {}, body), until(3))
    return json.loads(response.body)


@pytest.mark.parametrize("function", [3, 4])
def test_registers_are_told_as_they_came(serve, function):
    assert read(serve(answers(bytes([function, 4]) + b"abcd")), function) == [[0, b"abcd".hex()]]


def test_a_refusal_is_told_by_its_number(serve):
    assert read(serve(answers(b"\x83\x02"))) == [[2, ""]]


@pytest.mark.parametrize("pdu", [b"\x04\x04abcd", b"\x17\x04abcd", b"\x84\x02"])
def test_an_answer_to_another_question_is_none(serve, pdu):
    with pytest.raises(WireError) as error:
        read(serve(answers(pdu)))
    assert error.value.kind == "bad_http"
    assert error.value.why == "answers another question"


def test_another_unit_behind_the_same_address_does_not_answer_for_it(serve):
    with pytest.raises(WireError) as error:
        read(serve(answers(b"\x03\x04abcd", unit=7)))
    assert (error.value.kind, error.value.why) == ("timeout", "no answer in time")


@pytest.fixture
def thousand():
    """As many open files as while a large fleet is asked: the next one has a number of more than 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 1200:
        pytest.skip("this system has no 1,200 descriptors for a process")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 1200), hard))
    held = [os.open(os.devnull, os.O_RDONLY)]
    while held[-1] < 1024:
        held.append(os.dup(held[0]))
    yield
    for one in held:
        os.close(one)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_meter_is_read_while_a_large_fleet_is_asked(serve, thousand):
    """The library waits by select, which ends at 1,024 open files: the meter "closed the connection", each tick."""
    assert read(serve(answers(b"\x03\x04abcd"))) == [[0, b"abcd".hex()]]


def test_an_answer_in_pieces_is_put_together_and_half_of_one_is_none(serve):
    def talk(_server, peer, head):
        whole = head[:2] + struct.pack(">HHB", 0, 7, 1) + b"\x03\x04abcd"
        for at in range(len(whole)):
            peer.sendall(whole[at : at + 1])
        peer.recv(1)

    assert read(serve(talk)) == [[0, b"abcd".hex()]]
    with pytest.raises(WireError) as error:
        read(serve(lambda _server, peer, head: peer.sendall(head[:2] + b"\0\0\0")))
    assert (error.value.kind, error.value.why) == ("closed", "the meter closed the connection")
