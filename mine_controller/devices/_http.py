"""HTTP/1.1 by hand for small boards: a request as bytes, an answer out of bytes. Pure; `Wire.many` carries the bytes.

An ESP32 board closes nothing: the web server of its SDK ignores `Connection: close` (espressif/esp-idf issue 15162), so
`complete` says when an answer is whole and nothing more need be waited for.
"""

import json
import re
from typing import Any

from mine_controller.wire.door import BODY_CAP, Response, WireError

INTERIM = 3  # "100 Continue" and its like before the answer: more than these is no device
HEAD_CAP = 32 * 1024  # a head that has not ended by then never will
VALUE_LENGTH = 4096
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [^\r\n]*)?\r?\n")
_GAP = re.compile(rb"\r?\n\r?\n")
_LENGTH = re.compile(r"[0-9]{1,9}")
_CHUNK = re.compile(rb"([0-9a-fA-F]{1,8})[ \t]*(?:;[^\r\n]{0,200})?\r?\n")
_LINE = re.compile(rb"[^\r\n]{0,1000}\r?\n")
_TOKEN = re.compile(r"[!-~]{1,2000}")
_EMPTY = (204, 304)


class _Head:
    """Status line and headers of one answer; `at` is where its body begins."""

    def __init__(self, status: int, headers: dict[str, str], at: int) -> None:
        self.status, self.headers, self.at = status, headers, at

    @property
    def chunked(self) -> bool:
        """The body comes in chunks, and nothing else was done to it."""
        return self.headers.get("transfer-encoding", "").lower() == "chunked"

    @property
    def length(self) -> int | None:
        """Bytes of the body as promised; None: until the device closes. Raises WireError."""
        if self.status in _EMPTY:
            return 0
        told = self.headers.get("content-length")
        if told is None:
            return None
        if not _LENGTH.fullmatch(told):
            raise WireError("bad_http", "its content-length is no number")
        return int(told)


def pack(method: str, host: str, path: str, body: Any = None, **headers: str) -> bytes:
    """One request with Host, Connection: close and, where `body` is a JSON tree, Content-Type and Content-Length.

    `headers` are named with underscores (`authorization="Bearer ..."`). ValueError for a path or value that would start
    a line of its own: those come from the config, never from a device.
    """
    raw = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    if not _TOKEN.fullmatch(path) or any(not value.isprintable() for value in given.values()):
        raise ValueError("no path or header of a request")
    if body is not None:
        given["content-type"] = "application/json"
    if body is not None or method != "GET":
        given["content-length"] = str(len(raw))
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", "Accept: application/json", "Connection: close"]
    lines += [f"{name.title()}: {value}" for name, value in given.items()]
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "replace") + raw


def unpack(data: bytes, cap: int = BODY_CAP) -> Response:
    """The answer in these bytes; what follows it is dropped. A redirect is an answer like any other and never followed.

    Raises WireError (bad_http closed too_large).
    """
    if not data:
        raise WireError("closed", "closed without an answer")
    head = _head(data)
    if head is None:
        raise WireError("closed", "answer was cut short")
    if head.headers.get("content-encoding", "identity").lower() != "identity":
        raise WireError("bad_http", "packed in a way that was not asked for")
    body = _body(data, head)
    if body is None:
        raise WireError("closed", "answer was cut short")
    if len(body) > cap:
        raise WireError("too_large", f"answer is larger than {cap // 1024} KiB")
    return Response(head.status, head.headers, body)


def complete(data: bytes) -> bool:
    """True when the whole answer is there, or when it can't become one: nothing more need be read."""
    try:
        head = _head(data)
        if head is None:
            return False
        framed = head.chunked or head.length is not None
        return _body(data, head) is not None and framed
    except WireError:
        return True


def _head(data: bytes) -> _Head | None:
    """The head of the answer itself, behind interim ones; None while it has not all come. Raises WireError."""
    at = 0
    for _ in range(INTERIM + 1):
        gap = _GAP.search(data, at, at + HEAD_CAP)
        if gap is None:
            _plausible(data[at : at + HEAD_CAP + 1])
            return None
        found = _STATUS_LINE.match(data, at)
        if found is None:
            raise WireError("bad_http", "answer is not HTTP")
        if not found[1].startswith(b"1"):
            return _Head(int(found[1]), _headers(data[found.end() : gap.start()]), gap.end())
        at = gap.end()
    raise WireError("bad_http", "only interim answers")


def _plausible(start: bytes) -> None:
    """WireError when these bytes can't become a head any more."""
    if len(start) > HEAD_CAP:
        raise WireError("bad_http", "headers without an end")
    if start[:5] != b"HTTP/"[: len(start)]:
        raise WireError("bad_http", "answer is not HTTP")


def _headers(lines: bytes) -> dict[str, str]:
    """Lower-case names; of a header given twice the last counts, but two lengths are a lie. Raises WireError."""
    headers: dict[str, str] = {}
    for line in lines.decode("latin-1").split("\n"):
        name, colon, value = line.partition(":")
        key, value = name.strip().lower(), value.strip()[:VALUE_LENGTH]
        if not colon or not key:
            continue
        if key == "content-length" and headers.get(key, value) != value:
            raise WireError("bad_http", "two lengths for one answer")
        headers[key] = value
    return headers


def _body(data: bytes, head: _Head) -> bytes | None:
    """The body; None when it was cut short. Raises WireError."""
    if head.chunked:
        return _joined(data, head.at)
    if head.headers.get("transfer-encoding", "identity").lower() != "identity":
        raise WireError("bad_http", "packed in a way that was not asked for")
    length = head.length
    if length is None:
        return data[head.at :]
    return data[head.at : head.at + length] if len(data) - head.at >= length else None


def _joined(data: bytes, at: int) -> bytes | None:
    """The chunks from `at` on as one body; None while the closing one has not come. Raises WireError."""
    pieces: list[bytes] = []
    while True:
        size = _CHUNK.match(data, at)
        if size is None:
            if b"\n" in data[at : at + 300]:
                raise WireError("bad_http", "chunks that can't be read")
            return None
        length, at = int(size[1], 16), size.end()
        if length == 0:
            return b"".join(pieces) if _trailed(data, at) else None
        end = _LINE.match(data, at + length)
        if end is None or end.end() - end.start() > len(b"\r\n"):
            if end is not None or len(data) > at + length + 1:
                raise WireError("bad_http", "chunks that can't be read")
            return None
        pieces.append(data[at : at + length])
        at = end.end()


def _trailed(data: bytes, at: int) -> bool:
    """Whether the empty line after the last chunk (and its trailers) has come."""
    while (line := _LINE.match(data, at)) is not None:
        if not line[0].strip():
            return True
        at = line.end()
    return False
