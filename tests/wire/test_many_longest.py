"""An exchange that is known to take long has its time, and a shorter one still ends early."""

import socket
import time

import pytest

from mine_controller.wire import many
from mine_controller.wire.door import Exchange


@pytest.mark.parametrize(("about", "granted_s"), [({}, 8), ({"longest_s": 35}, 35), ({"longest_s": 3}, 8)])
def test_a_known_slow_call_is_not_cut_at_the_usual_seconds(about, granted_s):
    exchange = Exchange("127.0.0.1", 80, b"", **about)
    now = time.monotonic()
    with socket.socket() as sock:
        talk = many._Talk(0, exchange, sock, now)
        talk.up = True
        assert many._Round([exchange], now + 60)._granted_s(talk) == granted_s
