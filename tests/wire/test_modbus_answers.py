"""What stands for registers in an answer, and what is the answer to something else."""

import json
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
