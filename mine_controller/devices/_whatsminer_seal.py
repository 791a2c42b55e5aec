"""How Whatsminers are told that a command is from their owner: tokens, and a cipher for what must not be read. Pure.

API 2 (MicroBT's manual 2.0): md5-crypt of the password with two salts gives a key and a signature, every command is
encrypted with AES-256-ECB. API 3 (MicroBT's own client): a sha256 over command, password, salt and time gives a short
token, and the cipher key for the few parameters that are encrypted. Both are what the units speak, weak as they are.
"""

import base64
import binascii
import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.modes import ECB

ITOA = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
TRIPLES = ((0, 6, 12), (1, 7, 13), (2, 8, 14), (3, 9, 15), (4, 10, 5))
TURNS = 1000
SALT, BLOCK = 8, 16


def md5_crypt(password: str, salt: str) -> str:
    """The hash part of `$1$salt$hash` (Poul-Henning Kamp's md5-crypt)."""
    word, grain = password.encode(), salt[:SALT].encode()
    inner = _md5(word + grain + word)
    start = word + b"$1$" + grain + (inner * (len(word) // len(inner) + 1))[: len(word)]
    bits = len(word)
    while bits:
        start += b"\0" if bits & 1 else word[:1]
        bits >>= 1
    digest = _md5(start)
    for turn in range(TURNS):
        odd = turn & 1
        mixed = (word if odd else digest) + (grain if turn % 3 else b"") + (word if turn % 7 else b"")
        digest = _md5(mixed + (digest if odd else word))
    spelled = [_spelled(digest[a] << 16 | digest[b] << 8 | digest[c], 4) for a, b, c in TRIPLES]
    return "".join([*spelled, _spelled(digest[11], 2)])


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def _spelled(value: int, letters: int) -> str:
    return "".join(ITOA[value >> 6 * at & 0x3F] for at in range(letters))


def key_v2(password: str, salt: str) -> str:
    """What stands for the password of API 2."""
    return md5_crypt(password, salt)


def sign_v2(key: str, time: str, newsalt: str) -> str:
    """The token of one command of API 2; `time` is the last four characters of what the unit told."""
    return md5_crypt(key + time, newsalt)


def cipher_v2(key: str) -> bytes:
    """The cipher's key of API 2."""
    return hashlib.sha256(key.encode()).digest()


def digest_v3(command: str, password: str, salt: str, ts: int) -> bytes:
    """The digest of one command of API 3: the cipher's key, and the token is made of it."""
    return hashlib.sha256(f"{command}{password}{salt}{ts}".encode()).digest()


def token_v3(digest: bytes) -> str:
    """The token of one command of API 3."""
    return base64.b64encode(digest).decode()[:8]


def sealed(key: bytes, text: str) -> str:
    """A text encrypted with AES-256-ECB and padded after PKCS#7, in base64 without line breaks."""
    raw = text.encode()
    left = BLOCK - len(raw) % BLOCK
    encryptor = _cipher(key).encryptor()
    return base64.b64encode(encryptor.update(raw + bytes([left]) * left) + encryptor.finalize()).decode()


def opened(key: bytes, data: str) -> str | None:
    """The text of an encrypted answer without its padding (NUL or PKCS#7); None when it is none."""
    try:
        raw = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return None
    if not raw or len(raw) % BLOCK:
        return None
    decryptor = _cipher(key).decryptor()
    plain = decryptor.update(raw) + decryptor.finalize()
    last = plain[-1]
    if 0 < last <= BLOCK and plain.endswith(bytes([last]) * last):
        plain = plain[:-last]
    return plain.rstrip(b"\0").decode("utf-8", "replace")


def _cipher(key: bytes) -> "Cipher[ECB]":
    from cryptography.hazmat.primitives.ciphers import Cipher  # noqa: PLC0415 - only a command to API 2 needs it
    from cryptography.hazmat.primitives.ciphers.algorithms import AES  # noqa: PLC0415
    from cryptography.hazmat.primitives.ciphers.modes import ECB  # noqa: PLC0415

    return Cipher(AES(key), ECB())  # noqa: S305 - it is what the units speak
