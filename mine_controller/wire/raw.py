"""HTTP for units that speak it badly: one GET over a plain socket, read until the unit closes.

Old Room Alert firmware answers `/getData.htm` without status line and headers; a single WebRelay sends headers that no
HTTP library accepts. Here everything after an optional, possibly broken head is the body; reading it is the driver's.
"""

import base64
import socket
import time
from urllib.parse import SplitResult, quote, urlsplit

from mine_controller.wire.door import Request, Response, WireError

CONNECT_S = 3.0
IDLE_S = 1.0  # such a unit may never close: this much silence after some bytes ends its answer
PIECE = 16 * 1024
SAFE = "/?#[]@!$&'()*+,;=:%~-._"


def exchange(request: Request, until: float) -> Response:
    """One answer over http://. Raises only WireError. A 3xx is not followed."""
    began = time.monotonic()
    address = _address(request.url)
    try:
        with _connect(str(address.hostname), address.port or 80, until) as sock:
            sock.sendall(_head(request, address) + request.body)
            data = _receive(sock, request.cap, until)
    except TimeoutError:
        raise WireError("timeout", f"no answer in {time.monotonic() - began:.1f} s") from None
    except OSError:
        raise WireError("closed", "connection was cut") from None
    response = _split(data)
    if 300 <= response.status < 400 and "location" in response.headers:
        raise WireError("redirect", "redirected")
    return response


def _address(url: str) -> SplitResult:
    try:
        address = urlsplit(url)
        usable = bool(address.hostname) and (address.port or 80) > 0
    except ValueError:
        usable = False
    if not usable:
        raise WireError("unreachable", "address is not usable")
    return address


def _connect(host: str, port: int, until: float) -> socket.socket:
    timeout_s = min(CONNECT_S, until - time.monotonic())
    if timeout_s <= 0:
        raise WireError("unreachable", "no time left to ask")
    try:
        return socket.create_connection((host, port), timeout_s)
    except ConnectionRefusedError:
        why = ("refused", "connection refused")
    except (socket.gaierror, UnicodeError):
        why = ("dns", "name can't be resolved")
    except TimeoutError:
        why = ("unreachable", f"no connection in {timeout_s:.1f} s")
    except (OSError, OverflowError):
        why = ("unreachable", "no route to the device")
    raise WireError(*why)


def _head(request: Request, address: SplitResult) -> bytes:
    target = (address.path or "/") + (f"?{address.query}" if address.query else "")
    lines = [f"{request.method} {quote(target, safe=SAFE)} HTTP/1.0", f"Host: {address.netloc.rpartition('@')[2]}"]
    lines += [f"{name}: {value}" for name, value in request.headers.items() if "\n" not in value and "\r" not in value]
    if request.auth is not None and request.auth[0] == "basic":
        lines.append("Authorization: Basic " + base64.b64encode(":".join(request.auth[1:]).encode()).decode())
    if request.body:
        lines.append(f"Content-Length: {len(request.body)}")
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode("utf-8", "replace")


def _receive(sock: socket.socket, cap: int, until: float) -> bytes:
    data, due = bytearray(), None
    while due is None or len(data) < due:
        left = until - time.monotonic()
        if left <= 0:
            raise WireError("timeout", "answer came too slowly")
        sock.settimeout(min(left, IDLE_S) if data else left)
        try:
            piece = sock.recv(PIECE)
        except TimeoutError:
            if data and time.monotonic() < until:
                break
            raise
        if not piece:
            break
        data += piece
        if len(data) > cap:
            raise WireError("too_large", f"answer is larger than {cap // 1024} KiB")
        if due is None:
            due = _due(data, len(data) - len(piece), cap)
    if not data:
        raise WireError("closed", "closed without an answer")
    return bytes(data)


def _due(data: bytearray, before: int, cap: int) -> int | None:
    """How many bytes a proper head promises, more than `cap` where it does not say; None: none has ended. `before`: so
    many were looked through already."""
    gap = data.find(b"\r\n\r\n", max(0, before - 3)) if data.startswith(b"HTTP/") else -1
    if gap < 0:
        return None
    length = _headers(bytes(data[:gap])).get("content-length", "")
    return gap + 4 + int(length[:9]) if length.isascii() and length.isdigit() else cap + 1


def _split(data: bytes) -> Response:
    if not data.startswith(b"HTTP/"):
        return Response(200, {}, data)
    head, gap, body = data.partition(b"\r\n\r\n")
    if not gap:
        head, gap, body = data.partition(b"\n\n")
    if not gap:  # headers that never end: what follows the status line may still hold the answer
        head, _, body = data.partition(b"\n")
    words = head.split(b"\n", 1)[0].split()
    if len(words) < 2 or not words[1].isdigit() or len(words[1]) != 3:
        raise WireError("bad_http", "answer is not HTTP")
    headers = _headers(head)
    if "transfer-encoding" in headers or headers.get("content-encoding", "identity") != "identity":
        raise WireError("bad_http", "packed in a way that was not asked for")
    length = headers.get("content-length", "")
    if length.isascii() and length.isdigit():
        if len(body) < int(length[:9]):
            raise WireError("closed", "answer was cut short")
        body = body[: int(length[:9])]
    return Response(int(words[1]), headers, body)


def _headers(head: bytes) -> dict[str, str]:
    lines = head.decode("latin-1").splitlines()[1:]
    pairs = (line.partition(":") for line in lines)
    return {name.strip().lower(): value.strip()[:4096] for name, colon, value in pairs if colon}
