"""Before any path is looked at: whose request it is, whether it may, how large it is, how often. Behind it: headers.

No cookie is ever set or read, so no page of somebody else's can ask in a person's name; and a page that had its name
pointed at this machine (DNS rebinding) fails at the Host header, which must be an address, or a name that is ours.
"""

import asyncio
import ipaddress
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mine_controller.api.asks import Ascii, Caller, Problem, file
from mine_controller.api.limits import Limit, neighbourhood
from mine_controller.api.pages import OPEN, shell
from mine_controller.api.site import Site
from mine_controller.config.edit import problem_lines
from mine_controller.config.model import ConfigError
from mine_controller.ops.replies import Wanted
from mine_controller.ops.tokens import TokenError, may
from mine_controller.record import NamedTuple
from mine_controller.store.db import StoreTrouble

SAFE = ("GET", "HEAD", "OPTIONS")
HEADER = "minectl-token"  # the same as a bearer token, for pages behind a web server that wants a password of its own
STOP = "/api/debug/emergency-shutdown"  # never too often, and whatever its body is
TRIES = (  # these change nothing, and are asked while a person types
    "/api/debug/preview", "/api/config/check", "/api/settings/agile-solo-strategy/bands/preview",
)  # fmt: skip
BODY_MOST = 64 * 1024
BODY_S = 10  # a body that takes longer is a line held open, not a request
DENIED_S = 60  # between rows of the audit log about those who may not
POLICY = b"default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
HEADERS = (
    (b"content-security-policy", POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)  # fmt: skip


class Terms(NamedTuple):
    """On what terms it serves. `names`: names of this machine beside its own; addresses always do."""

    read_token: bool = False
    names: tuple[str, ...] = ()


class Guard:
    """The ASGI application around the paths. `counts` are the answers by method, path and status."""

    def __init__(self, app: ASGIApp, site: Site, terms: Terms, now: Callable[[], float] = time.monotonic) -> None:
        self.app, self.site, self.terms = app, site, terms
        self.counts: Counter[tuple[str, str, int]] = Counter()
        self.denials = Denials(site, now)
        host = socket.gethostname().lower()
        self._names = {"localhost", host, f"{host.partition('.')[0]}.local", *(one.lower() for one in terms.names)}
        self._reads, self._writes = Limit(240, 600, now), Limit(30, 60, now)
        self._tries, self._strangers = Limit(40, 180, now), Limit(10, 10, now)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; anything but HTTP is closed."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        asked = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
        counted = self._counted(asked, _bodiless(send) if asked is not scope else send, scope["method"])
        try:
            asked["minectl"] = await self._admitted(scope)
            body = await (_stop_body if scope["path"] == STOP else _body)(scope, receive)
        except Problem as problem:
            await _denied(problem, asked)(asked, receive, counted)
            return
        await self.app(asked, _again(body, receive), counted)

    def _counted(self, scope: Scope, send: Send, asked: str) -> Send:
        """What is sent, counted by its method, path and status, with the headers that every answer has."""

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name.lower() for name, _ in message.get("headers", ())}
                added = [one for one in HEADERS if one[0] not in own]
                message = {**message, "headers": [*message.get("headers", ()), *added]}
                method = asked if asked in (*SAFE, "POST", "PATCH", "DELETE", "PUT") else "other"
                path = getattr(scope.get("route"), "path", "") or "other"
                self.counts[method, path, message["status"]] += 1
            await send(message)

        return counted

    async def _admitted(self, scope: Scope) -> Caller:
        """Who it is. Problem: 421 for a name that is not ours, 401 without a token, 403 when it is not enough, 429."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        peer = scope["client"][0] if scope.get("client") else ""
        address = _address(peer, headers)
        caller = self._caller(headers, address)
        await self.denials.tell_rest()
        self._check_host(headers)
        if scope["method"] in SAFE:
            return self._reader(scope, headers, caller, peer)
        try:
            return self._writer(scope, headers, caller)
        except Problem as problem:
            if problem.status in (401, 403, 503):
                wait_s = self._strangers.take(neighbourhood(address))
                if wait_s:
                    raise _too_often(wait_s) from None
                await self.denials.tell(caller, f"{scope['method']} {scope['path']}: {problem.status}")
            raise

    def _caller(self, headers: dict[str, str], address: str) -> Caller:
        text = _sent(headers)
        try:
            token = self.site.token_of(text) if text else None
        except ConfigError:
            token = None  # without a config there are no paths, and no tokens
        return Caller(token.name, token.role, address) if token is not None else Caller("", "", address)

    def _check_host(self, headers: dict[str, str]) -> None:
        name = (urlsplit(f"//{headers.get('host', '')}").hostname if _is_host(headers.get("host", "")) else "") or ""
        if not _is_address(name) and name.rstrip(".") not in self._names:
            raise Problem(421, f"{name[:60]!r} is no name of this machine; minectl serve --name NAME adds one")

    def _nobody(self, headers: dict[str, str], needs: str) -> Problem:
        """Why nobody in particular asks: who sent a token is told what is wrong with that, or with all of them."""
        if not _sent(headers):
            return Problem(401, needs)
        try:
            self.site.tokens()
        except TokenError as error:
            return Problem(401, str(error))
        except ConfigError as error:
            told = problem_lines(error.problems)
            return Problem(503, f"config.txt can't be read, so no token counts: {told[0]}", problems=told)
        return Problem(401, "nobody has this token: mistyped, or revoked; `minectl tokens` lists those that count")

    def _reader(self, scope: Scope, headers: dict[str, str], caller: Caller, peer: str) -> Caller:
        wait_s = self._reads.take(neighbourhood(caller.address))
        if wait_s:
            raise _too_often(wait_s)
        closed = self.terms.read_token or not _is_loopback(peer)
        if closed and not caller.role and scope["path"] not in OPEN:
            raise self._nobody(headers, "reading needs a token here: Authorization: Bearer TOKEN")
        return caller

    def _writer(self, scope: Scope, headers: dict[str, str], caller: Caller) -> Caller:
        origin = headers.get("origin")
        foreign = origin is not None and origin.partition("://")[2].lower() != headers.get("host", "").lower()
        if foreign or headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            raise Problem(403, "a page of another place may ask for nothing here")
        if not caller.role:
            needs = "this needs a token: Authorization: Bearer TOKEN; `minectl tokens add NAME` makes one"
            raise self._nobody(headers, needs)
        if not may(caller.role, "operate"):
            raise Problem(403, f"token {caller.name} may only read")
        limit = self._tries if scope["path"] in TRIES else self._writes
        wait_s = 0 if scope["path"] == STOP else limit.take(caller.name)
        if wait_s:
            raise _too_often(wait_s)
        return caller


class Denials:
    """Rows of the audit log about who may not: the first at once, then one a minute with how many there were."""

    def __init__(self, site: Site, now: Callable[[], float]) -> None:
        self._site, self._now = site, now
        self._next_s, self._more = 0.0, 0
        self._last: tuple[Caller, str] | None = None

    async def tell(self, caller: Caller, what: str) -> None:
        """One more was sent away."""
        self._more += 1
        self._last = (caller, what)
        await self.tell_rest()

    async def tell_rest(self, *, over: bool = False) -> None:
        """File what waits, when it is time; at the end whatever the time."""
        if self._last is None or (self._now() < self._next_s and not over):
            return
        (caller, what), more = self._last, self._more
        self._last, self._more, self._next_s = None, 0, self._now() + DENIED_S
        reason = what if more == 1 else f"{what}, and {more - 1} more"
        try:
            await asyncio.to_thread(lambda: file(self._site.config().paths, caller, [Wanted("denied", (), reason)]))
        except (StoreTrouble, ConfigError):
            self._last, self._more = (caller, what), more  # nobody gets in for that; it is tried again later


def _too_often(wait_s: int) -> Problem:
    return Problem(429, f"too often: again in {wait_s} s", retry_after_s=wait_s)


def _denied(problem: Problem, scope: Scope) -> Response:
    """One sentence; for a browser that may not see a page without a token, the page where it is asked for."""
    wanted = next((value for name, value in scope["headers"] if name == b"accept"), b"")
    if problem.status == 401 and scope["method"] in SAFE and b"text/html" in wanted:
        return HTMLResponse(shell("locked"), 401, _headers_of(problem))
    return Ascii(problem.body, problem.status, _headers_of(problem))


def _bodiless(send: Send) -> Send:
    """HEAD is GET whose body is not sent."""

    async def bodiless(message: Message) -> None:
        if message["type"] == "http.response.body":
            if message.get("more_body", False):
                return
            message = {**message, "body": b""}
        await send(message)

    return bodiless


def _headers_of(problem: Problem) -> dict[str, str]:
    if problem.status == 401:
        return {"WWW-Authenticate": 'Bearer realm="minectl"'}
    return {"Retry-After": str(problem.body["retry_after_s"])} if problem.status == 429 else {}


def _sent(headers: dict[str, str]) -> str:
    """The token that was sent, "" for none."""
    scheme, _, text = headers.get("authorization", "").partition(" ")
    return headers.get(HEADER, text if scheme.lower() == "bearer" else "").strip()


def _address(peer: str, headers: dict[str, str]) -> str:
    """Where it comes from: what the web server on this machine says, else the other end of the line."""
    said = headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    return said if said and _is_loopback(peer) and _is_address(said) else peer


def _is_loopback(text: str) -> bool:
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_loopback


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return True


def _is_host(text: str) -> bool:
    try:
        return bool(urlsplit(f"//{text}").hostname) and not set(text) & set("/?#@\\")
    except ValueError:
        return False


async def _body(scope: Scope, receive: Receive) -> bytes:
    """All of it. Problem 413 when it is too large, 408 when it does not come."""
    if scope["method"] in SAFE:
        return b""
    told = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    if not told.isdigit() or int(told[:12]) > BODY_MOST:
        raise Problem(413, f"a body has at most {BODY_MOST // 1024} kB")
    try:
        async with asyncio.timeout(BODY_S):
            return await _whole(receive)
    except TimeoutError:
        raise Problem(408, "the body did not come in time") from None


async def _stop_body(scope: Scope, receive: Receive) -> bytes:
    """Of a stop what is there of it: whoever asks may, and it does not hang on the words beside it."""
    try:
        return await _body(scope, receive)
    except Problem:
        return b""


async def _whole(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Problem(400, "the line was closed before the body was there")
        body += message.get("body", b"")
        if len(body) > BODY_MOST:
            raise Problem(413, f"a body has at most {BODY_MOST // 1024} kB")
        if not message.get("more_body", False):
            return bytes(body)


def _again(body: bytes, receive: Receive) -> Receive:
    """The body once more for whoever reads it, then what the line says."""
    waiting = [body]

    async def again() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return again


def samples(counts: Counter[tuple[str, str, int]]) -> Iterable[str]:
    """The service's own requests as exposition lines."""
    yield "# HELP minectl_serve_requests_total Answers of the service by method, path and status."
    yield "# TYPE minectl_serve_requests_total counter"
    for (method, path, status), count in sorted(counts.items()):
        yield f'minectl_serve_requests_total{{method="{method}",path="{path}",status="{status}"}} {count}'


def caller_of(request: Any) -> Caller:
    """Who the guard found."""
    found: Caller = request.scope["minectl"]
    return found
