"""How a device with a web address is reached: the options every such kind shares, its requests and its raw answers."""

import json
import re
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

from mine_controller.core.option import Secret, option
from mine_controller.devices.kind import Reply
from mine_controller.wire.door import BODY_CAP, Request, Wire, WireError

READ_S = 5.0  # one read, whatever is left of the stage
COMMAND_S = 10.0  # one command; units of this class take 1 to 5 s for a call
SILENT = 0  # the status of a Reply that never came
NO_LOGIN = 401  # after it nothing more is asked: units block a user after some wrong logins

URL: str = option(help="address of the unit", kind="url", example="https://192.168.1.60")
USER: str = option("", help="user name, where the unit asks for one")
PASSWORD: Secret = option(Secret(""), help="its password")
PIN: str = option("", help="sha256 fingerprint of the unit's own certificate; empty = a signed one is needed")
CA_FILE: str = option("", kind="path", help="certificate file to trust instead of the public ones")
ON_PAUSE_S: float = option(
    0.5, low=0, high=10, unit="s", help="pause between two outlets switched on, against the inrush of many at once"
)

METERED: bool = option(True, help="its outlets have meters; no = their watts prove nothing")

_KEY = re.compile(r"[!-~]+")  # what a header carries as it is
_PATH = re.compile(r"/(?!/)[!-~]{0,400}")  # one slash first (two would name another host), printable, no blank


class Reached(Protocol):
    """The options that `request` uses."""

    @property
    def user(self) -> str:
        """User name or ""."""

    @property
    def password(self) -> Secret:
        """Its password."""

    @property
    def pin(self) -> str:
        """Fingerprint or ""."""

    @property
    def ca_file(self) -> str:
        """File or ""."""


def key_faults(name: str, key: Secret) -> list[str]:
    """A key that goes in a header and that none can carry, as a sentence for the owner."""
    if not key.reveal_length() or _KEY.fullmatch(key.reveal()):
        return []
    return [f"{name}: holds a blank or a letter that no such key has: was it copied whole, and nothing else?"]


def place(host: str) -> tuple[str, str]:
    """A `host` option as the address and the port behind it, "" where none is: "[fd00::5]:502" is fd00::5 and 502."""
    address, _, port = host.rpartition("]") if host.startswith("[") else host.partition(":")
    return address.removeprefix("["), port.removeprefix(":")


def request(options: Reached, method: str, url: str, body: Any = None, *, cap: int = BODY_CAP) -> Request:
    """A request for JSON with basic authentication where a user is configured; `body` is any JSON tree."""
    headers = {"accept": "application/json"}
    if body is not None:
        headers["content-type"] = "application/json"
    auth = ("basic", options.user, options.password.reveal()) if options.user else None
    raw = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
    return Request(method, url, headers, raw, auth, pin=options.pin, ca_file=options.ca_file, cap=cap)


def under(url: str, path: str) -> str:
    """`path` below the base address `url`."""
    return url.rstrip("/") + "/" + path.lstrip("/")


def on_host(url: str, path: str) -> str | None:
    """`path`, as a device named it, on the device's own host; None when it is no plain path there."""
    if not _PATH.fullmatch(path):
        return None
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{path}"


def part(text: str) -> str:
    """A text as one part of a path."""
    return quote(text, safe="")


def ask(wire: Wire, name: str, wanted: Request, longest_s: float = READ_S) -> Reply:
    """One answer under its name. Raises WireError."""
    answer = wire.call(wanted, min(wire.until, wire.now() + longest_s))
    return Reply(name, answer.status, dict(answer.headers), answer.body)


def ask_beside(wire: Wire, name: str, wanted: Request, longest_s: float = READ_S) -> Reply:
    """One answer of several: when it does not come the others still count, and this one says why it is missing."""
    if wire.now() >= wire.until:
        return Reply(name, SILENT, {"why": "not asked: out of time"}, b"")
    try:
        return ask(wire, name, wanted, longest_s)
    except WireError as error:
        return Reply(name, SILENT, {"why": error.why}, b"")
