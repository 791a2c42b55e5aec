"""Taking out of raw answers what nobody else may see: secrets, tokens, sessions, and miners' hardware addresses."""

import base64
import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus, unquote

from mine_controller.devices.ask import secrets_of
from mine_controller.devices.kind import Reply

STARS = "***"
_PRIVATE = r"pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|key|auth|session|sid|csrf|nonce|wallet"
_QUERY = re.compile(rf"([?&](?:{_PRIVATE})=)[^&#\s]*", re.IGNORECASE)
_MEMBER = re.compile(
    rb'("[^"\n]{0,40}(?:pass(?:word|wd|phrase)|pwd|secret|token|api[_-]?key|session[_-]?id|csrf|nonce|wallet)[^"\n]{0,40}"'
    rb'\s*:\s*)(?:"(?:[^"\\]|\\.)*"|-?[0-9.]+)',
    re.IGNORECASE,
)
_INPUT = re.compile(rb"<input\b[^>]{0,800}>", re.IGNORECASE)
_TELLING = re.compile(rb"pass|pwd|secret|token|csrf|nonce|session|api[_-]?key", re.IGNORECASE)
_VALUE = re.compile(rb"(\bvalue\s*=\s*)(\"[^\"]*\"|'[^']*'|[^\s>]+)", re.IGNORECASE)
_MAC = re.compile(rb"(?<![0-9A-Fa-f:-])[0-9A-Fa-f]{2}(?:([:-])[0-9A-Fa-f]{2})(?:\1[0-9A-Fa-f]{2}){4}(?![0-9A-Fa-f:-])")
_HEADERS = frozenset(
    {"set-cookie", "cookie", "authorization", "www-authenticate", "x-auth-token", "authentication-info"}
)


def forms_of(options: object) -> tuple[bytes, ...]:
    """Every way the options' secrets may appear in an answer: plain, in JSON, in an address, in a Basic header."""
    forms: set[str] = set()
    user = str(getattr(options, "user", ""))
    for secret in secrets_of(options):
        forms |= {secret, json.dumps(secret)[1:-1], quote(secret, safe=""), quote_plus(secret)}
        forms |= {base64.b64encode(text.encode()).decode() for text in (secret, f"{user}:{secret}")}
    return tuple(form.encode() for form in sorted(forms, key=len, reverse=True))


def url(text: str, secrets: Iterable[bytes] = ()) -> str:
    """An address as it may be shown: secrets and the values of telling query names are stars."""
    for secret in secrets:
        text = text.replace(secret.decode(), STARS)
        text = STARS if secret.decode() in unquote(text) else text
    return _QUERY.sub(rf"\g<1>{STARS}", text)


def reply(raw: Reply, secrets: Iterable[bytes], macs: dict[bytes, bytes] | None) -> Reply:
    """The same answer without them. `macs` collects a stand-in for each hardware address; None keeps them."""
    body = _MEMBER.sub(rb'\1"***"', raw.body)
    body = _INPUT.sub(_field, body)
    headers = {name: STARS if name in _HEADERS else url(value) for name, value in raw.headers.items()}
    for secret in secrets:
        body = body.replace(secret, STARS.encode())
        headers = {name: value.replace(secret.decode(), STARS) for name, value in headers.items()}
    if macs is not None:
        body = _MAC.sub(lambda found: _stand_in(found, macs), body)
    return raw._replace(headers=headers, body=body)


def _field(found: re.Match[bytes]) -> bytes:
    """A form's field by whose name nobody else should know its value."""
    return _VALUE.sub(rb'\1"***"', found[0]) if _TELLING.search(found[0]) else found[0]


def _stand_in(found: re.Match[bytes], macs: dict[bytes, bytes]) -> bytes:
    """The n-th hardware address met becomes 02:00:00:00:00:nn, the same one each time, written the way it was."""
    key = found[0].lower().replace(found[1], b":")
    number = len(macs) + 1
    stand_in = macs.setdefault(key, b"02:00:00:00:%02x:%02x" % (number >> 8 & 255, number & 255))
    written = stand_in.replace(b":", found[1])
    return written.upper() if found[0] == found[0].upper() else written
