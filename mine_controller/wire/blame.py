"""What a failed exchange is called. The only words about an error that leave this room; the error itself never does."""

import errno
import socket
import ssl
import zlib
from collections.abc import Iterator
from http.client import HTTPException, IncompleteRead, RemoteDisconnected

import requests
from urllib3 import exceptions as lib

from mine_controller.wire.door import WireError
from mine_controller.wire.trust import distrusted

CONNECT_S = 3.0

_REFUSED = (errno.ECONNREFUSED,)
_FAR = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTDOWN)
_CUT = (ConnectionResetError, BrokenPipeError, ConnectionAbortedError, RemoteDisconnected, IncompleteRead)
_ADDRESS = (
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidSchema,
    lib.LocationValueError,
    UnicodeError,
)
# OpenSSL's own words for what it refuses, by what an owner has to do about it.
_OLD = frozenset({
    "TLSV1_ALERT_PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL", "VERSION_TOO_LOW", "NO_PROTOCOLS_AVAILABLE",
    "SSLV3_ALERT_HANDSHAKE_FAILURE", "TLSV1_ALERT_INSUFFICIENT_SECURITY", "DH_KEY_TOO_SMALL",
    "UNSAFE_LEGACY_RENEGOTIATION_DISABLED",
})  # fmt: skip
_PLAIN = frozenset({"WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE"})  # the last since OpenSSL 3.2
# More telling first: a chain holds several of these.
_TABLE: tuple[tuple[tuple[type[BaseException], ...], str, str], ...] = (
    (_ADDRESS, "unreachable", "address is not usable"),
    ((lib.NameResolutionError, socket.gaierror), "dns", "name can't be resolved"),
    ((requests.exceptions.SSLError, lib.SSLError, ssl.SSLError), "tls", "TLS failed"),
    ((lib.ConnectTimeoutError, requests.exceptions.ConnectTimeout), "unreachable", "no connection in {spent:.1f} s"),
    ((lib.ReadTimeoutError, requests.exceptions.ReadTimeout, TimeoutError), "timeout", "no answer in {spent:.1f} s"),
    (_CUT, "closed", "connection was cut"),
    ((lib.IncompleteRead,), "closed", "connection was cut"),
    ((HTTPException, lib.DecodeError, zlib.error), "bad_http", "answer is not HTTP"),
    ((lib.InvalidHeader, requests.exceptions.InvalidHeader), "bad_http", "header is not usable"),
)


def blame(error: BaseException, spent_s: float) -> WireError:
    """The WireError for any exception of requests, urllib3 or a socket."""
    chain = tuple(_chain(error))
    for link in chain:
        if isinstance(link, OSError) and link.errno in _REFUSED:
            return WireError("refused", "connection refused")
        if isinstance(link, OSError) and link.errno in _FAR:
            return WireError("unreachable", "no route to the device")
        if isinstance(link, ssl.SSLError | lib.SSLError) and (told := _refused(link)):
            return WireError("tls", told)
    for kinds, kind, why in _TABLE:
        if any(isinstance(link, kinds) for link in chain):
            return WireError(kind, why.format(spent=spent_s))
    return WireError("closed", "connection failed")


def _refused(error: ssl.SSLError | lib.SSLError) -> str:
    """What it was about, where that is known; "" otherwise."""
    if isinstance(error, lib.SSLError):  # its own, without one of OpenSSL in it
        is_other = str(error).startswith("Fingerprints did not match")
        return "its certificate is another one than the pin says" if is_other else ""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate {distrusted(error)}"
    if error.reason in _OLD:
        return "no TLS in common: it may speak older ones only"
    return "no TLS at this port" if error.reason in _PLAIN else ""


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and everything it was made of, each once, outermost first."""
    open_, seen = [error], set[int]()
    while open_:
        link = open_.pop(0)
        if id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        parts = (*link.args, getattr(link, "reason", None), link.__cause__, link.__context__)
        open_.extend(part for part in parts if isinstance(part, BaseException))
