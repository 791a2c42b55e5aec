"""One line out, one line back over a plain connection to a host by name: how a stratum pool's door is knocked at.

Asked by `Request("LINE", "stratum+tcp://host:port", body=...)`. Status 200 and the first line of the answer; 204
and nothing when the connection came about and no line did, or when there is nothing to send (a port behind TLS). The
header "took_ms" is how long the connection took. A name is looked up by the system, which may take longer than `until`;
`ask` leaves a thread behind that does.
"""

import socket
import time
from urllib.parse import urlsplit

from mine_controller.wire.door import Request, Response, WireError

PIECE = 4096


def exchange(request: Request, until: float) -> Response:
    """The first line of the answer. WireError: refused, dns, unreachable."""
    place = urlsplit(request.url)
    began = time.monotonic()
    with _connected(str(place.hostname or ""), place.port or 0, until) as sock:
        took = {"took_ms": f"{(time.monotonic() - began) * 1000:.1f}"}
        data = _first_line(sock, request.body, min(request.cap, PIECE * 4), until) if request.body else b""
    return Response(200 if data else 204, took, data)


def _connected(host: str, port: int, until: float) -> socket.socket:
    left_s = until - time.monotonic()
    if left_s <= 0:
        raise WireError("unreachable", "no time left to ask")
    try:
        return socket.create_connection((host, port), left_s)
    except ConnectionRefusedError:
        why = ("refused", "connection refused")
    except (socket.gaierror, UnicodeError):
        why = ("dns", "name can't be resolved")
    except TimeoutError:
        why = ("unreachable", f"no connection in {left_s:.1f} s")
    except (OSError, OverflowError):
        why = ("unreachable", "no way to the pool")
    raise WireError(*why)


def _first_line(sock: socket.socket, body: bytes, cap: int, until: float) -> bytes:
    """What came up to the first line's end; b"" when the other side is silent, hangs up, or never ends its line."""
    data = bytearray()
    try:
        sock.settimeout(max(0.01, until - time.monotonic()))
        sock.sendall(body)
        while b"\n" not in data and len(data) < cap and (left_s := until - time.monotonic()) > 0:
            sock.settimeout(left_s)
            piece = sock.recv(PIECE)
            if not piece:
                break
            data += piece
    except OSError:  # a time-out is one: that the connection came about stands
        return b""
    return bytes(data.partition(b"\n")[0]) if b"\n" in data else b""
