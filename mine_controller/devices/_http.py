"""HTTP/1.1 by hand for small boards: a request as bytes, an answer out of bytes. Pure; `Wire.many` carries the bytes.

An ESP32 board closes nothing: the web server of its SDK ignores `Connection: close` (espressif/esp-idf issue 15162), so
a `Watch` says when an answer is whole and nothing more need be waited for.
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
    head = _Lead().head(data)
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


class Watch:
    """Says of one answer, as its bytes come, whether it is whole, or can't become one: nothing more need be read then.

    What it has seen it does not look at again: who drips an answer chunk by chunk costs the others no time.
    """

    __slots__ = ("_chunks", "_head", "_lead")

    def __init__(self) -> None:
        self._lead = _Lead()
        self._head: _Head | None = None
        self._chunks: _Chunks | None = None

    def __call__(self, data: bytes | bytearray) -> bool:
        """`data` is all of it so far."""
        try:
            return self._over(data)
        except WireError:
            return True

    def _over(self, data: bytes | bytearray) -> bool:
        head = self._head = self._head or self._lead.head(data)
        if head is None:
            return False
        if not head.chunked:
            _unpacked(head)
            return head.length is not None and len(data) - head.at >= head.length
        self._chunks = self._chunks or _Chunks(head.at)
        return self._chunks.over(data)


class _Lead:
    """Looks for the head of the answer itself, behind interim ones."""

    __slots__ = ("at", "interim", "seen")

    def __init__(self) -> None:
        self.at = 0  # where the head that is looked for begins
        self.interim = 0
        self.seen = 0  # up to here no head ends

    def head(self, data: bytes | bytearray) -> _Head | None:
        """The head; None while it has not all come. Raises WireError."""
        while (gap := _GAP.search(data, max(self.at, self.seen - 3), self.at + HEAD_CAP)) is not None:
            found = _STATUS_LINE.match(data, self.at)
            if found is None:
                raise WireError("bad_http", "answer is not HTTP")
            if not found[1].startswith(b"1"):
                return _Head(int(found[1]), _headers(data[found.end() : gap.start()]), gap.end())
            self.at = gap.end()
            self.interim += 1
            if self.interim > INTERIM:
                raise WireError("bad_http", "only interim answers")
        self.seen = len(data)
        _plausible(data[self.at : self.at + HEAD_CAP + 1])
        return None


def _plausible(start: bytes | bytearray) -> None:
    """WireError when these bytes can't become a head any more."""
    if len(start) > HEAD_CAP:
        raise WireError("bad_http", "headers without an end")
    if start[:5] != b"HTTP/"[: len(start)]:
        raise WireError("bad_http", "answer is not HTTP")


def _headers(lines: bytes | bytearray) -> dict[str, str]:
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
    _unpacked(head)
    length = head.length
    if length is None:
        return data[head.at :]
    return data[head.at : head.at + length] if len(data) - head.at >= length else None


def _unpacked(head: _Head) -> None:
    """WireError where the body was packed."""
    if head.headers.get("transfer-encoding", "identity").lower() != "identity":
        raise WireError("bad_http", "packed in a way that was not asked for")


def _joined(data: bytes, at: int) -> bytes | None:
    """The chunks from `at` on as one body; None while the closing one has not come. Raises WireError."""
    chunks, pieces = _Chunks(at), list[bytes]()
    while (place := chunks.following(data)) is not None:
        pieces.append(data[place])
    return b"".join(pieces) if chunks.over(data) else None


class _Chunks:
    """The chunks of one body, one after the other."""

    __slots__ = ("at", "last")

    def __init__(self, at: int) -> None:
        self.at = at  # all before it has been seen
        self.last = False  # the closing chunk was among it

    def following(self, data: bytes | bytearray) -> slice | None:
        """Where the next one lies; None when it has not all come, or closes the body. Raises WireError."""
        size = None if self.last else _CHUNK.match(data, self.at)
        if size is None:
            if not self.last and b"\n" in data[self.at : self.at + 300]:
                raise WireError("bad_http", "chunks that can't be read")
            return None
        length, begins = int(size[1], 16), size.end()
        if length == 0:
            self.last, self.at = True, begins
            return None
        end = _LINE.match(data, begins + length)
        if end is None or end.end() - end.start() > len(b"\r\n"):
            if end is not None or len(data) > begins + length + 1:
                raise WireError("bad_http", "chunks that can't be read")
            return None
        self.at = end.end()
        return slice(begins, begins + length)

    def over(self, data: bytes | bytearray) -> bool:
        """Whether the closing one has come, its trailers and the empty line behind them. Raises WireError."""
        while self.following(data) is not None:
            pass
        while self.last and (line := _LINE.match(data, self.at)) is not None:
            if not line[0].strip():
                return True
            self.at = line.end()
        return False
