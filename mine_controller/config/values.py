"""One value out of its text, by its declaration; a wrong one raises `WrongValueError` with a sentence for the owner.

Numbers follow one strict pattern: no 1_000, no nan, no exponent, no full-width digits, no unit behind it.
"""

import os
import re
import stat
from collections.abc import Callable
from ipaddress import AddressValueError, IPv6Address
from pathlib import Path
from typing import Any

from mine_controller.config.lines import has_tail, nearest
from mine_controller.config.zone import known_zone
from mine_controller.core.option import Option, Secret
from mine_controller.record import NamedTuple

_WHOLE = re.compile(r"-?[0-9]{1,15}")
_NUMBER = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,9})?")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
_CREDENTIALS = "it carries a user or password: write those as options of their own"
_HOST = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*\.?|\[([0-9A-Fa-f:.]{{2,45}})\])(?::([0-9]{{1,5}}))?")
_STRATUM = re.compile(
    r"(?:(stratum2?\+(?:tcp|ssl|tls|wss?))://)?([^/?#\s@:]+|\[[0-9A-Fa-f:.]{2,45}\]):([0-9]{1,5})(/[!-~]*)?",
    re.IGNORECASE,
)
_NUMERIC_HOST = re.compile(r"[0-9.]+(?::[0-9]+)?")
_URL = re.compile(r"(https?)://([^/?#\s]+)([/?][!-~]*)?")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,60}")
SECRET_LARGEST = 8192
SOURCES = ("file", "env", "cred")
LONGEST_REPR = 60


class WrongValueError(ValueError):
    """The text is not what the option takes; the message is the sentence for the owner."""


class Place(NamedTuple):
    """Where the config stands: `private` = only its owner can read it, so that literal secrets may stand in it."""

    folder: Path
    private: bool


def convert(annotation: Any, declared: Option, text: str, place: Place) -> Any:
    """The typed value of `text`; raises WrongValueError."""
    if annotation is Secret:
        return secret(text, place)
    if declared.kind not in ("regex", "selector") and has_tail(text):
        raise WrongValueError("has something behind the value: comments stand on their own lines")
    make = _list if declared.kind == "pools" else _MAKE.get(annotation)  # names; load puts the pools in their place
    if make is None:
        raise TypeError(f"an option can't be declared as {annotation!r}")
    value = make(declared, text)
    if declared.kind == "path":
        _no_home(text)
    # A tick under cron has another working directory than its owner had: files are meant from where config.txt is.
    return str(place.folder / text) if declared.kind == "path" else value


def _no_home(text: str) -> None:
    """Raises for ~: nothing puts a home in its place here, and cron's is another one than its owner's."""
    if text.startswith("~"):
        raise WrongValueError(f"{_quote(text)} begins with ~, and no home is put there: write the whole path")


def _quote(text: str) -> str:
    return repr(text if len(text) <= LONGEST_REPR else text[:LONGEST_REPR] + "...")


def _range(declared: Option) -> str:
    low, high = declared.low, declared.high
    bounds = f"{low:g} to {high:g}" if low is not None and high is not None else ""
    if not bounds and (low is not None or high is not None):
        bounds = f"at least {low:g}" if low is not None else f"at most {high:g}"
    return " ".join(part for part in (bounds, declared.unit) if part)


def _in_range(declared: Option, value: float, text: str) -> None:
    low, high = declared.low, declared.high
    if (low is not None and value < low) or (high is not None and value > high):
        raise WrongValueError(f"{text} is outside {_range(declared)}")


def _hint(declared: Option) -> str:
    told = _range(declared)
    return f" ({told})" if told else ""


def _whole(declared: Option, text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise WrongValueError(f"{_quote(text)} is not a whole number{_hint(declared)}")
    value = int(text)
    _in_range(declared, value, text)
    return value


def _number(declared: Option, text: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise WrongValueError(f"{_quote(text)} is not a number like 12 or 12.5{_hint(declared)}")
    value = float(text)
    _in_range(declared, value, text)
    return value


def _yes(_declared: Option, text: str) -> bool:
    if text not in ("yes", "no"):
        raise WrongValueError(f"{_quote(text)} is neither yes nor no")
    return text == "yes"


def _text(declared: Option, text: str) -> str:
    if declared.choices and text not in declared.choices:
        raise WrongValueError(f"{_quote(text)} is none of {', '.join(declared.choices)}{_near(text, declared)}")
    finer = _FINER.get(declared.kind)
    return finer(text) if finer else text


def _near(text: str, declared: Option) -> str:
    found = nearest(text, declared.choices)
    return found if "did you mean" in found else ""


def _list(declared: Option, text: str) -> tuple[str, ...]:
    parts = tuple(part.strip(" \t") for part in text.split(","))
    if "" in parts:
        raise WrongValueError("has an empty place between commas")
    if len(set(parts)) < len(parts):
        raise WrongValueError("names something twice")
    return tuple(_text(declared, part) for part in parts)


_MAKE: dict[Any, Callable[[Option, str], Any]] = {
    int: _whole,
    float: _number,
    bool: _yes,
    str: _text,
    tuple[str, ...]: _list,
}


def host(text: str) -> str:
    """A host name or address, with :port if need be."""
    if "@" in text:
        raise WrongValueError(_CREDENTIALS)
    found = _HOST.fullmatch(text)
    if not found or (found[2] and not 0 < int(found[2]) < 65536):
        raise WrongValueError(f"{_quote(text)} is not a host or address like 192.168.1.100 or meter.lan:8080")
    if found[1] is not None and not _is_ipv6(found[1]):
        raise WrongValueError(f"{_quote(text)} is not an IPv6 address")
    if _NUMERIC_HOST.fullmatch(text):
        octets = text.partition(":")[0].split(".")
        if len(octets) != 4 or not all(part.isdigit() and len(part) <= 3 and int(part) < 256 for part in octets):
            raise WrongValueError(f"{_quote(text)} is not an IPv4 address")
        if any(len(part) > 1 and part[0] == "0" for part in octets):  # 192.168.010.050 would be asked as 192.168.8.40
            meant = ".".join(str(int(part)) for part in octets)
            raise WrongValueError(f"{_quote(text)} has leading zeros, which count as octal: write {meant}")
    return text


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except AddressValueError:
        return False
    return True


def url(text: str) -> str:
    """An http or https address; credentials have options of their own and never stand in it."""
    found = _URL.fullmatch(text)
    if not found:
        raise WrongValueError(f"{_quote(text.rpartition('@')[2])} is not an address like https://host/path")
    if "@" in found[2]:
        raise WrongValueError(_CREDENTIALS)
    try:
        host(found[2])
    except WrongValueError:
        if "@" in text:  # a / ends the host, also one in a password
            raise WrongValueError(_CREDENTIALS) from None
        raise
    return text


def stratum(text: str) -> str:
    """Where a pool is, in lower case with its scheme; a user or password is an option of its own."""
    if "@" in text:
        raise WrongValueError(_CREDENTIALS)
    found = _STRATUM.fullmatch(text)
    if not found or not 0 < int(found[3]) < 65536:
        raise WrongValueError(f"{_quote(text)} is not a pool's address like stratum+tcp://pool.example:3333")
    host(found[2])
    scheme = (found[1] or "stratum+tcp").lower()
    return f"{scheme}://{found[2].lower()}:{int(found[3])}{found[4] or ''}"


def _regex(text: str) -> str:
    try:
        re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:  # a{9999999999}, and a thousand brackets
        raise WrongValueError(f"is not a pattern: {error}") from None
    return text


def _zone(text: str) -> str:
    if not known_zone(text):
        raise WrongValueError(f"there is no time zone {_quote(text)}; they are called like America/Chicago")
    return text


_FINER: dict[str, Callable[[str], str]] = {
    "url": url,
    "host": host,
    "regex": _regex,
    "zone": _zone,
    "stratum": stratum,
}


def secret(text: str, place: Place) -> Secret:
    """A secret by file:PATH, env:NAME or cred:NAME (systemd), or as it stands where only the owner can read it."""
    source, colon, rest = text.partition(":")
    rest = rest.strip(" \t")
    if colon and source.lower() in SOURCES and source not in SOURCES:
        raise WrongValueError(f"write {source.lower()}: in lower case")
    if colon and source == "file":
        if not rest:
            raise WrongValueError("file: takes the path of a file")
        _no_home(rest)
        return _from_file(place.folder / rest, f"file {rest}")
    if colon and source == "env":
        return _from_environment(rest)
    if colon and source == "cred":
        return _from_credential(rest)
    if has_tail(text):
        raise WrongValueError(
            "has something behind the value; a secret that holds ` #` or ` ;` goes into a file: file:PATH"
        )
    if not place.private:
        raise WrongValueError(
            "is a secret in a file that others can read: chmod 600 it, or use file:PATH, env:NAME or cred:NAME"
        )
    return Secret(text)


def is_literal(text: str) -> bool:
    """True when the secret itself stands in the file."""
    return text.partition(":")[0] not in SOURCES or ":" not in text


def _from_environment(name: str) -> Secret:
    if not _NAME.fullmatch(name):
        raise WrongValueError("env: takes the name of an environment variable")
    value = os.environ.get(name, "")
    if not value:
        raise WrongValueError(f"the environment has no {name}")
    return Secret(value)


def _from_credential(name: str) -> Secret:
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    if not _NAME.fullmatch(name):
        raise WrongValueError("cred: takes the name of a systemd credential")
    if not folder:
        raise WrongValueError("there are no credentials: the unit needs LoadCredential= (and cron has none)")
    return _from_file(Path(folder) / name, f"credential {name}")


def _from_file(path: Path, told: str) -> Secret:
    try:
        mode = path.stat().st_mode
        raw = path.read_bytes()[: SECRET_LARGEST + 1] if stat.S_ISREG(mode) else None
    except (OSError, ValueError) as error:
        raise WrongValueError(f"{told}: {getattr(error, 'strerror', None) or 'not a path'}") from None
    if raw is None:
        raise WrongValueError(f"{told} is not a file")
    if stat.S_IMODE(mode) & 0o077:
        raise WrongValueError(f"{told} can be read by others: chmod 600 it")
    try:
        value = raw.decode("utf-8-sig").rstrip("\r\n")  # Windows writes a byte order mark, which no device expects
    except UnicodeDecodeError:
        raise WrongValueError(f"{told} is not a text") from None
    if not value or "\n" in value or len(raw) > SECRET_LARGEST:
        raise WrongValueError(f"{told} must hold the secret on one line")
    return Secret(value)
