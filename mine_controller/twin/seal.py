"""What a Whatsminer does with a sealed command: md5-crypt, its tokens, and AES-256-ECB from both sides. Pure.

Written for the unit's side alone, so that a driver that seals wrongly is not understood; texts are padded with NULs,
which is what the units send.
"""

import hashlib
from base64 import b64decode, b64encode
from typing import Final

ALPHABET: Final = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
BLOCK: Final = 16


def md5_crypt(word: bytes, salt: bytes) -> str:
    """The last field of `$1$salt$hash`."""
    start, twice = hashlib.md5(usedforsecurity=False), _md5(word + salt + word)
    start.update(word + b"$1$" + salt + (twice * len(word))[: len(word)])
    rest = len(word)
    while rest:
        start.update(b"\0" if rest % 2 else word[:1])
        rest //= 2
    now = start.digest()
    for n in range(1000):
        first, last = (word, now) if n % 2 else (now, word)
        now = _md5(first + (salt if n % 3 else b"") + (word if n % 7 else b"") + last)
    groups = [int.from_bytes(bytes((now[n], now[n + 6], now[12 + n if n < 4 else 5]))) for n in range(5)]
    return "".join([*(_letters(group, 4) for group in groups), _letters(now[11], 2)])


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def _letters(number: int, count: int) -> str:
    return "".join(ALPHABET[number >> (6 * n) & 63] for n in range(count))


def key_of(password: str, salt: str) -> str:
    """What stands for the password."""
    return md5_crypt(password.encode(), salt.encode())


def sign_of(key: str, time: str, salt: str) -> str:
    """The token that goes with a time, of which four digits count."""
    return md5_crypt((key + time[-4:]).encode(), salt.encode())


class Cipher:
    """AES-256-ECB with one key of 32 bytes."""

    def __init__(self, key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers import Cipher as Both  # noqa: PLC0415 - only sealed commands need it
        from cryptography.hazmat.primitives.ciphers.algorithms import AES  # noqa: PLC0415
        from cryptography.hazmat.primitives.ciphers.modes import ECB  # noqa: PLC0415

        self._both = Both(AES(key), ECB())  # noqa: S305 - it is what the units speak

    def encrypted(self, text: bytes) -> str:
        """Padded with NULs, in base64."""
        encryptor = self._both.encryptor()
        return b64encode(encryptor.update(text + bytes(-len(text) % BLOCK)) + encryptor.finalize()).decode()

    def decrypted(self, data: str) -> bytes:
        """Without its padding, NUL or counted. ValueError."""
        raw = b64decode(data, validate=True)
        if not raw or len(raw) % BLOCK:
            raise ValueError("no whole blocks")
        decryptor = self._both.decryptor()
        plain = decryptor.update(raw) + decryptor.finalize()
        count = plain[-1]
        counted = 0 < count <= BLOCK and plain.endswith(bytes([count]) * count)
        return plain[:-count] if counted else plain.rstrip(b"\0")
