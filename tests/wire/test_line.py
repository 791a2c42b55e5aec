"""One line out, one line back, from real sockets on this machine."""

import socket
import threading
import time

import pytest

from mine_controller.wire import http
from mine_controller.wire.door import Request, WireError

HELLO = b'{"id":1,"method":"mining.subscribe","params":["minectl"]}\n'


@pytest.fixture
def pool():
    """A socket that answers what it is told to, once for each connection; None = it hangs up."""
    server = socket.create_server(("127.0.0.1", 0))
    said, answers = [], []

    def serve():
        while True:
            try:
                line, _ = server.accept()
            except OSError:
                return
            with line:
                line.settimeout(2)
                if answers[0] is not None:
                    said.append(line.recv(4096))
                    line.sendall(answers[0])
                    if answers[0] == b"":
                        line.recv(1)

    threading.Thread(target=serve, daemon=True).start()

    def knock(answer, body=HELLO, until_s=1.0, scheme="stratum+tcp", path=""):
        answers[:] = [answer]
        wanted = Request("LINE", f"{scheme}://127.0.0.1:{server.getsockname()[1]}{path}", body=body)
        return http.live(time.monotonic() + until_s).call(wanted, time.monotonic() + until_s)

    knock.said = said
    yield knock
    server.close()


def test_the_first_line_comes_back_and_what_follows_is_not_waited_for(pool):
    answer = pool(b'{"id":1,"result":[]}\n{"id":null,"method":"mining.notify"}')
    assert (answer.status, answer.body) == (200, b'{"id":1,"result":[]}')
    assert float(answer.headers["took_ms"]) >= 0
    assert pool.said == [HELLO]


@pytest.mark.parametrize("answer", [None, b"no end of a line"])
def test_hanging_up_without_a_line_is_no_answer_but_a_connection(pool, answer):
    assert (pool(answer).status, pool(answer).body) == (204, b"")


def test_silence_ends_in_time(pool):
    began = time.monotonic()
    silent = pool(b"", until_s=0.2)
    assert (silent.status, silent.body) == (204, b"")
    assert time.monotonic() - began < 1.5


def test_a_port_behind_tls_is_only_opened(pool):
    assert pool(None, body=b"").status == 204


def test_a_port_of_stratum_v2_is_opened_too(pool):
    assert pool(None, body=b"", scheme="stratum2+tcp", path="/u95GEReVMjK6k5YqiSFNqqTnKU4ypU2Wm8awa6tm").status == 204


def test_a_closed_port_is_refused():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(WireError) as error:
        http.live(time.monotonic() + 1).call(Request("LINE", f"stratum+tcp://127.0.0.1:{port}", body=HELLO), 1e12)
    assert error.value.kind == "refused"


def test_no_time_is_no_question():
    with pytest.raises(WireError) as error:
        http.live(time.monotonic() - 1).call(Request("LINE", "stratum+tcp://127.0.0.1:9", body=HELLO), 1e12)
    assert error.value.kind == "unreachable"


class Quiet:
    """A connection on which nothing comes; it keeps what it was granted."""

    def __init__(self, granted):
        self.settimeout = granted.append

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def sendall(self, _data):
        return None

    def recv(self, _most):
        return b""


def test_all_the_time_that_is_asked_for_is_granted(monkeypatch):
    """Three seconds for the connection and two for the answer were the most: `timeout_s = 5` called slow pools down."""
    granted = []
    monkeypatch.setattr(socket, "create_connection", lambda _place, left_s: granted.append(left_s) or Quiet(granted))
    until = time.monotonic() + 60
    http.live(until).call(Request("LINE", "stratum+tcp://127.0.0.1:9", body=HELLO), until)
    assert len(granted) == 3
    assert min(granted) > 30
