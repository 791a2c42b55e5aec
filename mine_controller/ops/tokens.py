"""Bearer tokens of the local service: who may read, who may ask, who may change the configuration.

A token is 256 random bits, so its SHA-256 can be kept in its place: nobody finds a text to such a digest by trying, and
a slow hash would only make each request slow. The file lies beside the database, 0600, and belongs in no copy of it.
"""

import fcntl
import hashlib
import json
import os
import re
import secrets
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from hmac import compare_digest
from pathlib import Path

from mine_controller.config.replace import replace_file
from mine_controller.record import NamedTuple
from mine_controller.store.db import Paths

FILE = "tokens.json"
ROLES = ("read", "operate", "admin")  # each may do what stands before it, too
MOST = 100
PREFIX = "minectl_"
RANDOM_BYTES = 32
LONGEST = 200
LARGEST = 1 << 18
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


class TokenError(Exception):
    """The file or what was asked of it is wrong; the text is one sentence with the remedy."""


class Token(NamedTuple):
    """One token as it is kept. `added_at`: wall seconds."""

    name: str
    role: str
    digest: str
    added_at: int


def path_of(paths: Paths) -> Path:
    """Where the tokens of a site are kept."""
    return paths.db.parent / FILE


def load(paths: Paths) -> tuple[Token, ...]:
    """Every token, () where there is no file. TokenError: it can't be read, is damaged, or others may read it."""
    path = path_of(paths)
    try:
        with path.open("rb") as file:
            mode, raw = os.fstat(file.fileno()).st_mode, file.read(LARGEST)
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise TokenError(f"{path} can't be read: {error.strerror}") from None
    if stat.S_IMODE(mode) & 0o077:
        raise TokenError(f"{path} is open to other users, so no token counts: chmod 600 {path}")
    try:
        rows = [Token(*(row[name] for name in Token._fields)) for row in json.loads(raw)]
    except (ValueError, TypeError, LookupError):
        raise TokenError(f"{path} is damaged, so no token counts: remove it and add the tokens anew") from None
    if not all(_is_sound(one) for one in rows):
        raise TokenError(f"{path} is damaged, so no token counts: remove it and add the tokens anew")
    return tuple(rows)


def _is_sound(one: Token) -> bool:
    texts = isinstance(one.name, str) and isinstance(one.digest, str) and isinstance(one.added_at, int)
    return texts and bool(_NAME.fullmatch(one.name) and _DIGEST.fullmatch(one.digest)) and one.role in ROLES


def add(paths: Paths, name: str, role: str, now_s: int) -> str:
    """Make a token and give its text, which is kept nowhere. TokenError."""
    if not _NAME.fullmatch(name):
        raise TokenError(f"{name[:40]!r} is no name of a token: letters, digits, dot, dash and underscore")
    if role not in ROLES:
        raise TokenError(f"there is no role {role[:20]!r}; there are {', '.join(ROLES)}")
    with _alone(paths):
        known = load(paths)
        if any(one.name == name for one in known):
            raise TokenError(f"there is a token {name} already: revoke it first, or take another name")
        if len(known) >= MOST:
            raise TokenError(f"there are {MOST} tokens: revoke some first")
        text = PREFIX + secrets.token_urlsafe(RANDOM_BYTES)
        _write(paths, (*known, Token(name, role, digest_of(text), now_s)))
    return text


def revoke(paths: Paths, name: str) -> Token:
    """Take one out; it counts no more from the next request on. TokenError."""
    with _alone(paths):
        known = load(paths)
        gone = next((one for one in known if one.name == name), None)
        if gone is None:
            there = ", ".join(one.name for one in known)
            raise TokenError(f"there is no token {name[:40]!r}; there {f'are {there}' if there else 'is none'}")
        _write(paths, tuple(one for one in known if one is not gone))
    return gone


def digest_of(text: str) -> str:
    """What is kept in place of a token's text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def find(known: Sequence[Token], text: str) -> Token | None:
    """The token of this text; every one is compared, so that time tells nothing."""
    digest = digest_of(text[:LONGEST])
    found = None
    for one in known:
        if compare_digest(one.digest, digest):
            found = one
    return found


def may(role: str, needed: str) -> bool:
    """Whether a role is enough."""
    return ROLES.index(role) >= ROLES.index(needed)


@contextmanager
def _alone(paths: Paths) -> Iterator[None]:
    """From reading the file to writing it: what another one revokes meanwhile must not come back."""
    try:
        folder = os.open(path_of(paths).parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        yield  # there is none, or it is closed to this user: reading or writing tells that
        return
    try:
        with suppress(OSError):  # a disk that knows no locks
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _write(paths: Paths, known: Sequence[Token]) -> None:
    path = path_of(paths)
    body = json.dumps([one._asdict() for one in known], indent=1)
    try:
        info = path.parent.stat()  # what root adds, the service's own user must be able to read
        replace_file(path, f"{body}\n".encode(), 0o600, (info.st_uid, info.st_gid))
    except OSError as error:
        raise TokenError(f"{path} can't be written: {error.strerror}") from None
