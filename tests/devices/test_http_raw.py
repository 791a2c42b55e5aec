import contextlib
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mine_controller.devices._http import Watch, pack, unpack
from mine_controller.wire.door import Response, WireError

PLAIN = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n{"a": 1}'
CHUNKED = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{"a"\r\n4;x=y\r\n: 1}\r\n0\r\n\r\n'
OPEN = b'HTTP/1.0 200 OK\n\n{"a": 1}'


def complete(data):
    return Watch()(data)


def refused(data, **more):
    with pytest.raises(WireError) as error:
        unpack(data, **more)
    assert 0 < len(error.value.why) <= 120
    return error.value.kind


def test_a_read_names_its_host_and_asks_for_the_end_of_the_line():
    lines = pack("GET", "10.0.0.1", "/api/system/info").decode().split("\r\n")
    assert lines[0] == "GET /api/system/info HTTP/1.1"
    assert {"Host: 10.0.0.1", "Connection: close"} <= set(lines)
    assert lines[-2:] == ["", ""]
    assert not [line for line in lines if line.startswith("Content-")]


def test_a_body_is_json_with_its_length():
    head, _, body = pack("POST", "10.0.0.1", "/json_rpc", {"id": 1}, authorization="Bearer x").partition(b"\r\n\r\n")
    assert body == b'{"id":1}'
    assert {b"Content-Length: 8", b"Content-Type: application/json", b"Authorization: Bearer x"} <= set(
        head.split(b"\r\n")
    )


def test_a_command_without_a_body_says_that_it_has_none():
    assert b"Content-Length: 0\r\n" in pack("POST", "10.0.0.1", "/api/system/pause")


@pytest.mark.parametrize("path", ["/a b", "/a\r\nX: y", "", "/ä"])
def test_a_path_never_starts_a_line_of_its_own(path):
    with pytest.raises(ValueError, match="no path or header"):
        pack("GET", "10.0.0.1", path)


def test_a_header_never_starts_a_line_of_its_own():
    with pytest.raises(ValueError, match="no path or header"):
        pack("GET", "10.0.0.1", "/", authorization="Bearer x\r\nX: y")


@pytest.mark.parametrize("data", [PLAIN, CHUNKED, OPEN])
def test_one_answer_however_it_is_framed(data):
    answer = unpack(data)
    assert (answer.status, answer.body) == (200, b'{"a": 1}')


def test_header_names_are_lower_case():
    assert unpack(PLAIN).headers["content-type"] == "application/json"


def test_what_follows_an_answer_is_not_part_of_it():
    assert unpack(PLAIN + b"HTTP/1.1 400 Bad").body == b'{"a": 1}'


def test_interim_answers_are_passed_over():
    assert unpack(b"HTTP/1.1 100 Continue\r\n\r\n" + PLAIN) == unpack(PLAIN)


def test_only_interim_answers_are_none():
    assert refused(b"HTTP/1.1 100 Continue\r\n\r\n" * 9) == "bad_http"


def test_an_empty_answer_without_length_is_empty():
    assert unpack(b"HTTP/1.1 204 No Content\r\n\r\n") == Response(204, {}, b"")


def test_a_redirect_is_an_answer_and_not_followed():
    assert unpack(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n").status == 302


@pytest.mark.parametrize("data", [b"", PLAIN[:-1], CHUNKED[:-6], CHUNKED[:-2], PLAIN[:30], b"HTTP/1.1 200"])
def test_an_answer_cut_short_is_none(data):
    assert refused(data) == "closed"
    assert not complete(data)


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x01 garbage without end",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 9000,
    ],
)
def test_what_is_no_http_is_refused_and_not_waited_for(data):
    assert refused(data) == "bad_http"
    assert complete(data)


def test_a_packed_answer_was_not_asked_for():
    assert refused(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b") == "bad_http"


def test_a_large_answer_is_cut_off_by_its_cap():
    assert refused(OPEN + b" " * 100, cap=50) == "too_large"


@pytest.mark.parametrize("data", [PLAIN, CHUNKED])
def test_an_answer_is_whole_with_its_last_byte_and_not_before(data):
    assert [at for at in range(len(data) + 1) if complete(data[:at])] == [len(data)]


def test_an_answer_without_length_is_whole_when_the_device_closes():
    assert not complete(OPEN)


@given(st.binary(max_size=120) | st.builds(lambda a, b: PLAIN[:a] + b + PLAIN[a:], st.integers(0, 70), st.binary()))
@example(CHUNKED.replace(b"4\r\n", b"ffffffff\r\n"))
def test_no_bytes_make_it_raise_anything_else(data):
    complete(data)
    with contextlib.suppress(WireError):
        assert isinstance(unpack(data), Response)


DRIPPED_S = 2.0  # of this process; looking at everything anew with each piece took 6 to 60
TINY = b"1\r\na\r\n" * 40_000
MANY = b"a:\r\n" * 7900


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + TINY,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"a:b\r\n" * 50_000,
        b"HTTP/1.1 200 OK\r\nContent-Length: 250000\r\n" + MANY + b"\r\n" + b"x" * 220_000,
        b"HTTP/1.1 103 Soon\r\n" + MANY + b"\r\nHTTP/1.1 200 OK\r\n" + MANY,
    ],
    ids=["chunks", "trailers", "headers", "a head"],
)
def test_an_answer_that_drips_is_looked_at_once(data):
    watch, came = Watch(), bytearray()
    began = time.process_time()
    for at in range(0, len(data), 40):
        came += data[at : at + 40]
        assert not watch(came)
        assert time.process_time() - began < DRIPPED_S


@given(
    st.binary(max_size=120)
    | st.builds(
        lambda a, b, of: of[:a] + b + of[a:], st.integers(0, 100), st.binary(), st.sampled_from([PLAIN, CHUNKED])
    ),
    st.lists(st.integers(1, 9), max_size=40),
)
@example(CHUNKED, [1] * 99)
@example(b"HTTP/1.1 100 Continue\r\n\r\n" + CHUNKED[:-2] + b"X: y\r\n\r\n", [3] * 50)
def test_whatever_pieces_it_comes_in_an_answer_is_whole_at_the_same_byte(data, pieces):
    watch, at = Watch(), 0
    for piece in (*pieces, len(data)):
        at += piece
        said = watch(data[:at])
        assert said == complete(data[:at])
        if said:
            break
