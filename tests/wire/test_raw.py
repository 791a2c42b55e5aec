import time

import pytest
from devices.faults import Fault
from wire.serve import ok, serving

from mine_controller.wire import http, raw
from mine_controller.wire.door import Request, WireError


def ask(url, until_s=5.0, **about):
    until = time.monotonic() + until_s
    return http.live(until).call(Request("GET", url, tolerant=True, **about), until)


def test_an_answer_without_a_head_is_all_body():
    with serving(lambda head: b'{name:"RA",sensor:[]}', keep=False) as server:
        assert ask(server.url + "/getData.htm") == (200, {}, b'{name:"RA",sensor:[]}')
    assert server.heads[0].startswith(b"GET /getData.htm HTTP/1.0\r\nHost: 127.0.0.1:")


def test_a_proper_answer_ends_at_its_length_though_the_unit_keeps_the_line_open():
    with serving(lambda head: ok(b"<a>1</a>", "X-Unit: relay\r\n")) as server:
        response = ask(server.url)
    assert (response.status, response.headers["x-unit"], response.body) == (200, "relay", b"<a>1</a>")


def test_a_head_that_never_ends_leaves_the_body_behind_its_first_line():
    with serving(lambda head: b"HTTP/1.1 200 OK\r\nbroken <a>1</a>", keep=False) as server:
        assert b"<a>1</a>" in ask(server.url).body


def test_a_head_without_a_length_on_a_line_kept_open_ends_with_a_while_of_silence(monkeypatch):
    monkeypatch.setattr(raw, "IDLE_S", 0.05)
    began = time.monotonic()
    with serving(lambda head: b"HTTP/1.1 200 OK\r\n\r\n<a>1</a>") as server:
        assert ask(server.url) == (200, {}, b"<a>1</a>")
    assert time.monotonic() - began < 3


def test_a_status_line_needs_no_words_behind_its_number():
    with serving(lambda head: b"HTTP/1.1 401\r\n\r\nno", keep=False) as server:
        assert ask(server.url) == (401, {}, b"no")


@pytest.mark.parametrize("head", [b"HTTP/1.1 \r\n\r\nx", b"HTTP/1.1 999999 x\r\n\r\nx", b"HTTP/\r\n\r\n"])
def test_a_status_line_that_makes_no_sense_is_bad_http(head):
    with serving(lambda _: head, keep=False) as server, pytest.raises(WireError) as error:
        ask(server.url)
    assert error.value.kind == "bad_http"


def test_a_cut_answer_is_no_answer():
    with serving(lambda head: ok(b"<a>1</a>")[:-3], keep=False) as server, pytest.raises(WireError) as error:
        ask(server.url)
    assert error.value.kind == "closed"


def test_a_redirect_is_not_followed():
    said = ok(status="302 Found", head="Location: /b\r\n")
    with serving(lambda head: said) as server, pytest.raises(WireError) as error:
        ask(server.url)
    assert (error.value.kind, len(server.heads)) == ("redirect", 1)


def test_basic_credentials_go_along():
    with serving(lambda head: b"x", keep=False) as server:
        ask(server.url, auth=("basic", "none", "webrelay"))
    assert b"Authorization: Basic bm9uZTp3ZWJyZWxheQ==\r\n" in server.heads[0]


def test_no_option_can_smuggle_a_line_into_the_head():
    with serving(lambda head: b"x", keep=False) as server:
        ask(server.url + "/a?b=1 HTTP/1.0%0d%0aX: y", headers={"X-Bad": "a\r\nEvil: 1"})
    assert b"Evil" not in server.heads[0]
    assert server.heads[0].count(b" HTTP/1.0\r\n") == 1


@pytest.mark.parametrize(
    ("name", "kind"),
    [("refusing", "refused"), ("silent", "timeout"), ("nothing", "closed"), ("reset", "closed"), ("huge", "too_large"),
     ("drip", "timeout"), ("drip_head", "timeout")],
)  # fmt: skip
def test_each_fault_has_its_name_and_ends_in_time(name, kind):
    fault, began = Fault(name), time.monotonic()
    try:
        with pytest.raises(WireError) as error:
            ask(fault.url + "/a?key=canary", 0.3)
    finally:
        fault.close()
    assert error.value.kind == kind
    assert time.monotonic() - began < 2
    assert "canary" not in str(error.value)


@pytest.mark.parametrize("end", [b"", b"\r\n"], ids=["a head without an end", "a long head"])
def test_a_head_that_drips_is_looked_at_once(end):
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n" + b"a:\r\n" * 50_000 + end

    class Dripping:
        def __init__(self):
            self.at = 0

        def settimeout(self, seconds):
            pass

        def recv(self, most):
            self.at += 40
            return (head + b"x" * 40_000)[self.at - 40 : self.at] if end else head[self.at - 40 : self.at]

    began = time.process_time()
    data = raw._receive(Dripping(), 256 * 1024, time.monotonic() + 60)
    assert len(data) >= len(head)
    assert time.process_time() - began < 3.0  # looking at all of it with each piece took 20 and more
