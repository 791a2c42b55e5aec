"""Servers on 127.0.0.0/8 that say what a test has them say, and exchanges with them."""

import contextlib
import socket
import threading
import time
from collections import Counter

from mine_controller.wire.door import Exchange

LONG_S = 20.0  # a deadline that no good answer comes near


class Server:
    """`talk(peer, head)` says what comes back; `asked` counts the requests."""

    def __init__(self, talk, host="127.0.0.1", port=0):
        self.talk, self.asked = talk, Counter()
        self.over = threading.Event()
        self.listener = socket.create_server((host, port), backlog=512)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer):
        with peer, contextlib.suppress(OSError):
            head = peer.recv(65_536)
            self.asked[head] += 1
            self.talk(self, peer, head)

    def close(self):
        self.over.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()


def echo(_server, peer, head):
    peer.sendall(b"said " + head + b"\0")


def to(server, send=b"x", host="127.0.0.1", **more):
    return Exchange(host, server.port, send, **{"ends": b"\0", **more})


def until(seconds=LONG_S):
    return time.monotonic() + seconds
