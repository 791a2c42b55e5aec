"""Addresses of this machine that answer nothing, as empty addresses of a LAN do; without being root.

A listener whose queue is full drops every further connect, and Linux prefers a listener on an address of its own: one
on all addresses, its queue filled, makes a port of all 127.x.y.z silent but where somebody else listens.
"""

import contextlib
import socket
from collections.abc import Iterator


def listener(host: str, port: int = 0, backlog: int = 64) -> socket.socket:
    """A listening socket that may share its port with others of this user."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind((host, port))
    sock.listen(backlog)
    return sock


@contextlib.contextmanager
def silent_port() -> Iterator[int]:
    """A port on which no address of this machine answers."""
    with listener("0.0.0.0", backlog=0) as sock:
        port = sock.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            yield port
