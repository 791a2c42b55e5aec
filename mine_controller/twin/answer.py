"""What a twin's server is asked and what it answers, the same with and without sockets."""

import json
from base64 import b64encode
from http import HTTPStatus
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

from mine_controller.record import NamedTuple

JSON: Final = "application/json"
_PHRASES: Final = {status.value: status.phrase for status in HTTPStatus}


class Asked(NamedTuple):
    """One request. Header names are lower case; `query` keeps names that stand without a value."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""

    def tree(self) -> Any:
        """The body as JSON; an empty dict when it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return {}


class Answer(NamedTuple):
    """`raw`: `body` is all that goes over the wire, without status line or headers (very old firmware; with b"" it
    hangs up without a word). `took_s`: how long the device thinks before it answers."""

    status: int
    headers: dict[str, str]
    body: bytes
    raw: bool = False
    took_s: float = 0.0


class Server(Protocol):
    """A unit that can be asked. `at_s` is plant time; the world has been advanced to it or stands a little before."""

    def answer(self, asked: Asked, at_s: float) -> Answer:
        """Answer in the device's own format."""


class Talker(Protocol):
    """A unit behind a bare connection: one request in, one answer out, and the line is closed."""

    def talk(self, request: bytes, at_s: float) -> bytes:
        """Answer in the device's own bytes; b"" = hang up without a word."""


def asked(method: str, url: str, headers: dict[str, str], body: bytes = b"") -> Asked:
    """Make an `Asked` of an absolute URL or a request target."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    return Asked(method.upper(), unquote(parts.path) or "/", query, {k.lower(): v for k, v in headers.items()}, body)


def heard(raw: bytes) -> Asked | None:
    """The `Asked` in the bytes of one HTTP request; None when they are none."""
    head, gap, body = raw.partition(b"\r\n\r\n")
    first, _, lines = head.decode("latin-1").partition("\r\n")
    words = first.split(" ")
    if not gap or len(words) != 3 or not words[2].startswith("HTTP/"):
        return None
    pairs = (line.partition(":") for line in lines.split("\r\n") if line)
    return asked(words[0], words[1], {name.strip(): value.strip() for name, _, value in pairs}, body)


def spoken(answer: Answer, *, bodiless: bool = False) -> bytes:
    """An answer as the bytes of HTTP; `bodiless` for HEAD."""
    if answer.raw:
        return answer.body
    headers = dict(answer.headers)
    if answer.status not in (204, 304):
        headers["Content-Length"] = str(len(answer.body))
    lines = [f"HTTP/1.1 {answer.status} {_PHRASES.get(answer.status, '')}".rstrip()]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + (b"" if bodiless else answer.body)


def json_answer(tree: Any, status: int = 200, **headers: str) -> Answer:
    """A JSON reply."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, {"Content-Type": JSON, **named}, json.dumps(tree, separators=(",", ":")).encode())


def text_answer(text: str, status: int = 200, kind: str = "text/html; charset=utf-8", **headers: str) -> Answer:
    """A page, XML or plain text."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, {"Content-Type": kind, **named}, text.encode())


def not_found() -> Answer:
    """404, as small web servers say it."""
    return text_answer("<html><body><h1>404 Not Found</h1></body></html>", 404)


def basic_ok(request: Asked, user: str, password: str) -> bool:
    """True when no password is set or the Basic credentials fit."""
    if not password:
        return True
    return request.headers.get("authorization") == "Basic " + b64encode(f"{user}:{password}".encode()).decode()


def denied(realm: str) -> Answer:
    """401 asking for Basic credentials."""
    return text_answer("Unauthorized", 401, "text/plain", WWW_Authenticate=f'Basic realm="{realm}"')
