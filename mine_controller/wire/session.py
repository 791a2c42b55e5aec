"""One endpoint's HTTP connections, through requests' adapter.

The adapter is used without a `requests.Session`: a session reads proxies, .netrc and cookies from its surroundings and
consumes the body of a redirect without any limit. Here the body is read piece by piece against one wall deadline and
one cap that counts decoded bytes, so neither a drip nor a gzip bomb gets past them (requests' time-outs bound one
`recv`, not an answer). Nothing an exception of requests says is passed on: it holds the whole URL.
"""

import re
import socket
import ssl
import time
import zlib
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urljoin, urlsplit
from urllib.request import parse_http_list

import requests
from certifi import where
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth, HTTPDigestAuth
from urllib3.exceptions import HTTPError

from mine_controller.wire.blame import CONNECT_S, blame
from mine_controller.wire.door import Request, Response, WireError

if TYPE_CHECKING:
    from urllib3.response import BaseHTTPResponse

    from mine_controller.wire.names import Way

MAX_REDIRECTS = 2
REDIRECTS = frozenset({301, 302, 303, 307, 308})
FINAL = 200  # what is less promises another answer; of those the library passes over 100 alone
PIECE = 16 * 1024
SHA256_HEX = 64
_KIND = re.compile(r'"(?:[^"\\]|\\.)*"|(?:^|,)\s*digest\s+', re.IGNORECASE)  # what is quoted is no challenge
HEADERS = {"User-Agent": "minectl", "Accept": "*/*", "Accept-Encoding": "gzip, deflate"}


class Session:
    """Connections with one `pin` (sha256 of the certificate, hex, colons allowed) or one `ca_file`.

    `way`: how hosts are found by their names; None leaves that to the system, which may take longer than `until`.
    """

    def __init__(self, pin: str = "", ca_file: str = "", way: "Way | None" = None) -> None:
        self._pin = pin.replace(":", "").replace(" ", "").lower()
        self._adapter = _Adapter(self._pin, ca_file)
        self._way = way
        if way is not None:
            self._adapter.poolmanager.pool_classes_by_scheme = way.pools()
        self._challenge: dict[str, str] = {}
        self._digest: Any = None

    def exchange(self, request: Request, until: float) -> Response:
        """One answer, redirects on the same host followed at most twice. Raises only WireError."""
        began = time.monotonic()
        if self._pin and (len(self._pin) != SHA256_HEX or not set(self._pin) <= set("0123456789abcdef")):
            raise WireError("tls", "the pin is not a sha256 fingerprint")
        try:
            response = self._follow(request, until)
        except (requests.RequestException, HTTPError, OSError, UnicodeError, zlib.error) as error:
            fault = blame(error, time.monotonic() - began)
        else:
            if self._way is not None:
                self._way.worked(tls=request.url.startswith("https:"))
            return response
        raise fault  # outside the handler: the original holds the URL and must not travel as its context

    def _follow(self, request: Request, until: float) -> Response:
        for _ in range(MAX_REDIRECTS + 1):
            raw = self._authorised(request, until)
            try:
                target = _redirected(request, raw)
                if target is None:
                    return _read(raw, request.cap, until)
            except BaseException:  # whatever it was goes on up; the connection must not stay open
                raw.close()
                raise
            raw.close()
            request = request._replace(url=target)
        raise WireError("redirect", f"redirected more than {MAX_REDIRECTS} times")

    def _authorised(self, request: Request, until: float) -> "BaseHTTPResponse":
        """A digest challenge is answered once; the command behind a 401 was not carried out, so it may be repeated."""
        raw = self._send(request, until)
        if raw.status != 401 or request.auth is None or request.auth[0] != "digest":
            return raw
        challenge = _digest(raw.headers.get("www-authenticate", ""))
        if not challenge:
            return raw
        raw.close()
        self._challenge = _pairs(challenge)
        self._digest = HTTPDigestAuth(*request.auth[1:])
        return self._send(request, until)

    def _send(self, request: Request, until: float) -> "BaseHTTPResponse":
        left = until - time.monotonic()
        if left <= 0:
            raise WireError("timeout", "no time left to ask")
        if self._way is not None:
            safe = request.url.startswith("https:") or request.method in ("GET", "HEAD")
            self._way.until, self._way.trusted = until, safe
        prepared = requests.Request(
            request.method, request.url, {**HEADERS, **request.headers}, data=request.body or None
        ).prepare()
        self._authorise(prepared, request)
        answer = self._adapter.send(prepared, stream=True, timeout=(min(CONNECT_S, left), left))
        raw: BaseHTTPResponse = answer.raw
        if raw.status < FINAL:  # the real one comes behind it, and would be the next question's on this connection
            raw.close()
            raise WireError("bad_http", "an interim answer that was not asked for")
        return raw

    def _authorise(self, prepared: requests.PreparedRequest, request: Request) -> None:
        if request.auth is None:
            return
        how, user, password = request.auth
        if how == "basic":
            prepared.prepare_auth(HTTPBasicAuth(user.encode(), password.encode()))
        elif self._digest is not None:
            prepared.headers["Authorization"] = self._answer(prepared)

    def _answer(self, prepared: requests.PreparedRequest) -> str:
        # requests takes a challenge only in a response hook, which reads the 401's body without a limit
        self._digest.init_per_thread_state()
        self._digest._thread_local.chal = self._challenge  # noqa: SLF001 - the one way round that hook
        try:
            header = self._digest.build_digest_header(str(prepared.method), str(prepared.url))
        except KeyError:
            header = None
        if not header:
            raise WireError("bad_http", "asks for a kind of digest that nobody knows")
        return str(header)


class _Adapter(HTTPAdapter):
    """Requests' adapter with our own TLS contexts: one a process for each way to trust, not one a connection."""

    def __init__(self, pin: str, ca_file: str) -> None:
        self._pin = pin
        self._ca_file = ca_file
        super().__init__(pool_connections=2, pool_maxsize=1, max_retries=0)

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> tuple[Any, Any]:
        """Where to connect, and how TLS is judged there."""
        host, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        if host["scheme"] != "https":
            return host, {}
        tls: dict[str, Any] = {"ssl_context": _context(bool(self._pin), self._ca_file)}
        tls["cert_reqs"] = "CERT_NONE" if self._pin else "CERT_REQUIRED"
        if self._pin:
            tls["assert_fingerprint"] = self._pin
        return host, tls

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Nothing to do: what is trusted stands in the context. (The original reads the CA bundle a connection.)"""


@cache
def _context(pinned: bool, ca_file: str) -> ssl.SSLContext:
    """The TLS context of this process. Pinned: the certificate itself is compared, who signed it says nothing."""
    context = ssl.create_default_context() if pinned else _trusting(ca_file or where())
    if context is None:
        raise WireError("tls", "CA file can't be read")
    if pinned:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # makers of PDUs sign with what later rules call incomplete
    return context


def _trusting(ca_file: str) -> ssl.SSLContext | None:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError:
        return None  # told by the caller, without the path that the error holds


def is_named(url: str) -> bool:
    """True when a name has to be looked up to get there."""
    with suppress(ValueError):
        host = urlsplit(url).hostname
        return bool(host) and not is_literal(str(host))
    return False


def is_literal(host: str) -> bool:
    """True for an address."""
    for family in (socket.AF_INET, socket.AF_INET6):
        with suppress(OSError, UnicodeError, ValueError):
            socket.inet_pton(family, host.partition("%")[0])
            return True
    return False


def _digest(challenges: str) -> str:
    """What a digest challenge says, which may stand behind others (Basic, NTLM); "" where there is none."""
    found = next((one for one in _KIND.finditer(challenges) if one[0][0] != '"'), None)
    return challenges[found.end() :] if found else ""


def _pairs(challenge: str) -> dict[str, str]:
    parts = (part.partition("=") for part in parse_http_list(challenge))
    return {name.strip().lower(): value.strip().strip('"') for name, _, value in parts}


def _redirected(request: Request, raw: "BaseHTTPResponse") -> str | None:
    """The next URL when this answer is a redirect. Only a read may follow it, only where it was sent to, or from http
    to https at their usual ports: whatever else answers on that host, the login is not for it."""
    location = raw.headers.get("location", "")
    if raw.status not in REDIRECTS or not location:
        return None
    if request.method not in ("GET", "HEAD"):
        raise WireError("redirect", "redirected where only an answer will do")
    places = _places(request.url, location)
    if places is None:
        raise WireError("redirect", "redirected to what is no address")
    old, new, target = places
    if request.changes and (old.scheme == new.scheme or old[2:] != new[2:]):  # a page for logging in is no answer
        raise WireError("redirect", "redirected where only an answer will do")
    if new.hostname != old.hostname:
        raise WireError("redirect", "redirected to another host")
    if new.scheme not in ("http", "https") or (old.scheme == "https" and new.scheme == "http"):
        raise WireError("redirect", "redirected away from TLS")
    if _port(new) != _port(old) and (new.scheme, _port(old), _port(new)) != ("https", 80, 443):
        raise WireError("redirect", "redirected to another port")
    return target


def _places(url: str, location: str) -> tuple[SplitResult, SplitResult, str] | None:
    """Where a request went, where it is sent on to, and that written out; None where it can't be sent."""
    with suppress(ValueError):
        target = urljoin(url, location)
        old, new = urlsplit(url), urlsplit(target)
        return (old, new, target) if _port(old) and _port(new) else None
    return None


def _port(url: SplitResult) -> int:
    """ValueError for one that is none."""
    return url.port or (443 if url.scheme == "https" else 80)


def _read(raw: "BaseHTTPResponse", cap: int, until: float) -> Response:
    headers = {str(name).lower(): str(value)[:4096] for name, value in raw.headers.items()}
    return Response(raw.status, headers, _body(raw, headers, cap, until))


def _body(raw: "BaseHTTPResponse", headers: dict[str, str], cap: int, until: float) -> bytes:
    """The decoded body. Ends at the deadline and at `cap` bytes, decoded or as they come: packed ones may decode to
    nothing, and what follows the end of a packed answer is kept by zlib."""
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "", "gzip", "x-gzip", "deflate"):
        raise WireError("bad_http", "packed in a way that was not asked for")
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 32) if encoding not in ("identity", "") else None
    out, came = bytearray(), 0
    while True:
        piece = _piece(raw, until)
        if not piece:
            break
        came += len(piece)
        out += inflate.decompress(piece, cap + 1 - len(out)) if inflate else piece
        if max(len(out), came) > cap:
            raise WireError("too_large", f"answer is larger than {cap // 1024} KiB")
    if inflate is not None and out and not inflate.eof:
        raise WireError("closed", "answer was cut short")
    return bytes(out)


def _piece(raw: "BaseHTTPResponse", until: float) -> bytes:
    left = until - time.monotonic()
    if left <= 0:
        raise WireError("timeout", "answer came too slowly")
    sock = getattr(raw.connection, "sock", None)
    if sock is not None:  # gone when the answer ends with the connection; then the time-out of `_send` counts
        sock.settimeout(left)
    return raw.read1(PIECE, decode_content=False)
