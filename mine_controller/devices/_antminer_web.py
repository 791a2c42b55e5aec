"""The web side of Antminer boards, all units at once: digest calls of stock firmware, REST of Braiins OS and VNish.

Stock boards ask for a digest login (realm "antMiner Configuration"); the challenge costs one call more. A login token
of Braiins OS is used within one reading and kept nowhere.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from mine_controller.core.option import Secret
from mine_controller.devices import _http
from mine_controller.record import NamedTuple
from mine_controller.wire.door import Exchange, Response, Wire, WireError

READ_S = 5.0
INFO, CONF, SET = "/cgi-bin/get_system_info.cgi", "/cgi-bin/get_miner_conf.cgi", "/cgi-bin/set_miner_conf.cgi"
BLINK = "/cgi-bin/blink.cgi"
PAGE = "/cgi-bin/minerConfiguration.cgi"  # the settings page of the 9 to 17 series
REALM = "antminer"  # in the realm of stock firmware, lower case
DELIVERED = "root"  # the password every unit leaves the maker with
BRAIINS_LOGIN = "/api/v1/auth/login"
BRAIINS = {
    "details": "/api/v1/miner/details",
    "stats_web": "/api/v1/miner/stats",
    "cooling": "/api/v1/cooling/state",
    "boards": "/api/v1/miner/hw/hashboards",
    "tuner": "/api/v1/performance/tuner-state",
    "pools_web": "/api/v1/pools/",
}
VNISH = {"board": "/api/v1/summary", "info": "/api/v1/info", "status": "/api/v1/status"}
POWER_PORT, POWER_PATH = 6060, "/miner_power"
_QUOTABLE = re.compile(r"[ !#-\[\]-~]{0,256}")  # printable, no quote and no backslash
_HASHES = {"": "md5", "MD5": "md5", "SHA-256": "sha256"}

Answer = Response | WireError


class Reached(Protocol):
    """The options these calls need."""

    @property
    def web_port(self) -> int:
        """Port of the web interface."""

    @property
    def user(self) -> str:
        """User of the web interface."""

    @property
    def password(self) -> Secret:
        """Its password."""


class Call(NamedTuple):
    """One request to one unit; `body` None is a GET, a text a form that is ready, anything else a tree; `kind` is its
    type where that is not the usual one."""

    host: str
    path: str
    body: Any = None
    kind: str = ""


Again = Callable[[Call, Response], Call | None]


def volley(wire: Wire, port: int, wanted: Sequence[tuple[str, bytes]], longest_s: float) -> list[Answer]:
    """One request to each address, all at once; an answer or why there is none, in order. Raises nothing."""
    if not wanted:
        return []
    batch = [_exchange(host, port, send, longest_s) for host, send in wanted]
    return [_opened(raw) for raw in wire.many(batch, min(wire.until, wire.now() + longest_s))]


def _exchange(host: str, port: int, send: bytes, longest_s: float) -> Exchange:
    return Exchange(host, port, send, whole=_http.Watch, longest_s=longest_s if longest_s > READ_S else 0.0)


def _opened(raw: bytes | WireError) -> Answer:
    if isinstance(raw, WireError):
        return raw
    try:
        return _http.unpack(raw)
    except WireError as error:
        return error


def packed(host: str, path: str, body: Any, authorization: str, kind: str = "") -> bytes:
    """A request as the vendor's own page sends it: a tree as text/plain, which is all that some builds of 2022 take, a
    text as a form; or as `kind`, to the letter."""
    is_form = isinstance(body, str)
    raw = b"" if body is None else body.encode() if is_form else json.dumps(body, separators=(",", ":")).encode()
    lines = [
        f"{'GET' if body is None else 'POST'} {path} HTTP/1.1",
        f"Host: {host}",
        "Accept: application/json",
        "Connection: close",
        "X-Requested-With: XMLHttpRequest",
    ]
    if authorization:
        lines.append(f"Authorization: {authorization}")
    if body is not None:
        usual = f"{'application/x-www-form-urlencoded' if is_form else 'text/plain'};charset=UTF-8"
        lines += [f"Content-Type: {kind or usual}", f"Content-Length: {len(raw)}"]
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "replace") + raw


class Digest:
    """Calls to stock boards; remembers each board's challenge for as long as it lives."""

    def __init__(self, wire: Wire, options: Reached) -> None:
        self._wire, self._options = wire, options
        self._challenges: dict[str, dict[str, str]] = {}
        self._counts: dict[str, int] = {}

    def calls(self, wanted: Sequence[Call], longest_s: float = READ_S) -> list[Answer]:
        """Every call, all at once; those of boards seen first take a challenge before. Raises nothing."""
        port = self._options.web_port
        lost = self.meet([call.host for call in wanted])
        going = [call for call in wanted if call.host not in lost]
        answers = iter(volley(self._wire, port, [(call.host, self._signed(call)) for call in going], longest_s))
        return [lost[call.host] if call.host in lost else next(answers) for call in wanted]

    def talks(self, wanted: Sequence[Call], longest_s: float, again: Again) -> list[Answer]:
        """The same, where `again` may make another call of an answer: its board is asked that at once, while others are
        still awaited, and the last answer stands."""
        lost = self.meet([call.host for call in wanted])
        told: dict[int, Answer] = {at: lost[call.host] for at, call in enumerate(wanted) if call.host in lost}
        going = [at for at in range(len(wanted)) if at not in told]

        def asked(at: int, call: Call) -> Exchange:
            def then(raw: bytes | WireError) -> Exchange | None:
                told[at] = answer = _opened(raw)
                following = None if isinstance(answer, WireError) else again(call, answer)
                return None if following is None else asked(at, following)

            sent = _exchange(call.host, self._options.web_port, self._signed(call), longest_s)
            return sent._replace(then=then)

        until = min(self._wire.until, self._wire.now() + longest_s)
        raws = self._wire.many([asked(at, wanted[at]) for at in going], until) if going else []
        for at, raw in zip(going, raws, strict=True):
            told.setdefault(at, _opened(raw))
        return [told[at] for at in range(len(wanted))]

    def meet(self, hosts: Sequence[str]) -> dict[str, WireError]:
        """Ask boards seen first for their challenge; those that gave none, and why."""
        new = [host for host in dict.fromkeys(hosts) if host not in self._challenges]
        sends = [(host, packed(host, INFO, None, "")) for host in new]
        asked = volley(self._wire, self._options.web_port, sends, READ_S)
        return {host: fault for host, answer in zip(new, asked, strict=True) if (fault := self._learn(host, answer))}

    def _learn(self, host: str, answer: Answer) -> WireError | None:
        """Keep the challenge in an answer; a board that asks for none has an empty one."""
        if isinstance(answer, WireError):
            return WireError("unreachable", answer.why)  # the call itself was not sent
        from urllib.request import parse_http_list  # noqa: PLC0415 - 17 ms, and a login is seldom asked for

        told = answer.headers.get("www-authenticate", "") if answer.status == 401 else ""
        if answer.status == 401 and not told.lower().startswith("digest "):
            return WireError("unreachable", "its web interface asks for another kind of login")
        pairs = (part.partition("=") for part in parse_http_list(told[7:]))
        found = {name.strip().lower(): value.strip().strip('"') for name, _, value in pairs}
        if not all(_QUOTABLE.fullmatch(value) for value in found.values()):
            return WireError("unreachable", "its login can't be read")
        if found.get("algorithm", "").upper() not in _HASHES:
            return WireError("unreachable", "its web interface asks for another kind of login")
        self._challenges[host] = found
        return None

    def forget(self, hosts: Iterable[str]) -> None:
        """Whoever may have started anew gives a new challenge."""
        for host in hosts:
            self._challenges.pop(host, None)

    def is_stock(self, host: str) -> bool:
        """Whether the board asked for a login as stock firmware does."""
        return REALM in self._challenges.get(host, {}).get("realm", "").lower()

    def _signed(self, call: Call) -> bytes:
        challenge = self._challenges[call.host]
        self._counts[call.host] = self._counts.get(call.host, 0) + 1
        options, method = self._options, "GET" if call.body is None else "POST"
        login = (options.user, options.password.reveal() or DELIVERED)
        header = authorization(challenge, method, call.path, login, self._counts[call.host]) if challenge else ""
        return packed(call.host, call.path, call.body, header, call.kind)


def authorization(
    challenge: Mapping[str, str], method: str, path: str, login: tuple[str, str], count: int, cnonce: str = ""
) -> str:
    """The Authorization header for one call (RFC 7616, qop auth or none)."""
    import hashlib  # noqa: PLC0415 - OpenSSL loads when it is needed
    import secrets  # noqa: PLC0415 - the same

    def hashed(text: str) -> str:
        return hashlib.new(_HASHES[challenge.get("algorithm", "").upper()], text.encode()).hexdigest()

    realm, nonce = challenge.get("realm", ""), challenge.get("nonce", "")
    cnonce = cnonce or secrets.token_hex(8)
    middle = f"{count:08x}:{cnonce}:auth:" if "auth" in challenge.get("qop", "") else ""
    secret, what = hashed(f"{login[0]}:{realm}:{login[1]}"), hashed(f"{method}:{path}")
    user = login[0].replace("\\", "").replace('"', "")
    parts = [f'username="{user}"', f'realm="{realm}"', f'nonce="{nonce}"', f'uri="{path}"']
    parts.append(f'response="{hashed(f"{secret}:{nonce}:{middle}{what}")}"')
    parts += [f'{name}="{challenge[name]}"' for name in ("opaque",) if challenge.get(name)]
    parts += [f"algorithm={challenge['algorithm']}"] if challenge.get("algorithm") else []
    parts += [f"qop=auth, nc={count:08x}", f'cnonce="{cnonce}"'] if middle else []
    return "Digest " + ", ".join(parts)


def braiins(wire: Wire, options: Reached, hosts: Sequence[str]) -> list[tuple[str, Answer]]:
    """(name, answer) like ("10.0.0.1 details", ...) of boards with the REST interface; ("10.0.0.1 login", why) else."""
    login = {"username": options.user, "password": options.password.reveal() or DELIVERED}
    wanted = [(host, _http.pack("POST", host, BRAIINS_LOGIN, login)) for host in hosts]
    logins = list(zip(hosts, volley(wire, options.web_port, wanted, READ_S), strict=True))
    tokens = {host: token for host, answer in logins if (token := token_of(answer))}
    refused = [(f"{host} login", answer) for host, answer in logins if host not in tokens]
    reads = [(host, name, path) for host in tokens for name, path in BRAIINS.items()]
    sends = [(host, _http.pack("GET", host, path, authorization=tokens[host])) for host, _, path in reads]
    answers = volley(wire, options.web_port, sends, READ_S)
    named = [f"{host} {name}" for host, name, _ in reads]
    return [*refused, *zip(named, answers, strict=True)]


def token_of(answer: Answer) -> str:
    """The token of a login's answer, "" when there is none that can be sent back."""
    if isinstance(answer, WireError) or answer.status != 200:
        return ""
    try:
        tree = json.loads(answer.body)
    except (ValueError, RecursionError):
        return ""
    token = tree.get("token") if isinstance(tree, dict) else None
    return token if isinstance(token, str) and len(token) < 4096 and re.fullmatch(r"[!-~]+", token) else ""


def vnish(wire: Wire, options: Reached, hosts: Sequence[str]) -> list[tuple[str, Answer]]:
    """(name, answer) like ("10.0.0.1 board", ...): what VNish tells without a login."""
    reads = [(host, name, path) for host in hosts for name, path in VNISH.items()]
    sends = [(host, _http.pack("GET", host, path)) for host, _, path in reads]
    answers = volley(wire, options.web_port, sends, READ_S)
    return list(zip([f"{host} {name}" for host, name, _ in reads], answers, strict=True))


def watts(wire: Wire, hosts: Sequence[str]) -> list[bytes | WireError]:
    """The answers of the power service that some stock boards have beside."""
    sends = [(host, _http.pack("GET", host, POWER_PATH)) for host in hosts]
    answers = volley(wire, POWER_PORT, sends, READ_S)
    return [answer if isinstance(answer, WireError) else answer.body for answer in answers]


def modes_only(body: bytes) -> bytes:
    """A board's configuration without its pools, which hold passwords: what may be recorded of it."""
    try:
        tree = json.loads(body)
    except (ValueError, RecursionError):
        return b""
    kept = (
        "bitmain-work-mode",
        "miner-mode",
        "bitmain-freq-level",
        "bitmain-pwth",
        "bitmain-fan-ctrl",
        "bitmain-fan-pwm",
    )
    return json.dumps({name: tree[name] for name in kept if name in tree}).encode() if isinstance(tree, dict) else b""
