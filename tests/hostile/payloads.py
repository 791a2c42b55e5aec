"""Answers no device should give: real ones with their tree or their bytes changed. About half still decode."""
# ruff: noqa: RUF001 - letters that look like others are what is tried here

import json
import random
from copy import deepcopy

from devices.kinds import CASES

BESIDE = ("options.json", "expected.json", "replies.json")
HUGE = "9" * 400
LEAVES = (
    None,
    True,
    False,
    0,
    -0.0,
    -1,
    1e308,
    -1e308,
    2**53,
    2**63,
    2**64,
    -(2**63),
    10**30,
    1e-308,
    65536,
    1e9,
    "",
    " ",
    "\x00",
    "nan",
    "NaN",
    "inf",
    "-inf",
    "1e999",
    HUGE,
    "0x1F",
    "1_000",
    "１２",
    "12.5 kW",
    "-",
    "--",
    "true",
    "null",
    "[]",
    "{}",
    "\u202eoff",
    "\x1b[2J",
    "\ud83d\ude00" * 20,
    "A" * 5000,
    "<img src=x onerror=alert(1)>",
    "${jndi:ldap://x}",
    "../../etc/passwd",
    "'; DROP TABLE state; --",
    "%s%n%x",
    "=cmd()",
    "\r\nSet-Cookie: x",
    [],
    {},
    [[]],
    [None],
    {"": None},
    {"a": {"a": {}}},
    [1] * 2000,
    ["x"] * 500,
)
RAW = (
    b"\x00",
    b"\xff\xfe",
    b"\r\n\r\n",
    b"}",
    b"]",
    b'"',
    b"\\",
    b"<",
    b">",
    b"&",
    b"nan",
    b"1e999",
    b"\xf0\x9f",
    b"," * 50,
)


def cases(kind):
    """Folders of recorded answers of this kind, each with at least one answer."""
    folders = sorted(path for path in (CASES / kind).glob("*") if path.is_dir())
    return [folder for folder in folders if answers(folder)]


def answers(folder):
    return sorted(path for path in folder.glob("*") if path.name not in BESIDE and path.is_file())


def payload(dice: random.Random, body: bytes) -> bytes:
    """The body, changed: as a tree where it is one and chance wants it so, else as bytes."""
    if dice.random() < 0.65:
        tree = _tree(body)
        if tree is not None:
            for _ in range(dice.choice((1, 1, 2, 3, 8))):
                tree = _grown(dice, tree)
            return json.dumps(tree).encode() + (b"\0" if body.endswith(b"\0") else b"")
        return _words(dice, body)
    raw = bytearray(body or b" ")
    for _ in range(dice.choice((1, 1, 2, 5, 20))):
        _damage(dice, raw)
    return bytes(raw)


def decodes(body: bytes) -> bool:
    """True for a tree or a text that is one."""
    try:
        text = body.rstrip(b"\0").decode()
        return text.lstrip()[:1] not in ("{", "[") or json.loads(text) is not None
    except (ValueError, RecursionError):
        return False


def _tree(body):
    try:
        tree = json.loads(body.rstrip(b"\0"))
    except ValueError:
        return None
    return tree if isinstance(tree, dict | list) else None


def _spots(tree):
    """Every (container, key) in the tree."""
    found, todo = [], [tree]
    while todo:
        one = todo.pop()
        pairs = one.items() if isinstance(one, dict) else enumerate(one) if isinstance(one, list) else ()
        for key, value in pairs:
            found.append((one, key))
            todo.append(value)
    return found


def _grown(dice, tree):
    spots = _spots(tree)
    if not spots or dice.random() < 0.02:
        return deepcopy(dice.choice(LEAVES))
    holder, key = dice.choice(spots)
    what = dice.randrange(8)
    if what < 4:
        holder[key] = deepcopy(dice.choice(LEAVES))
    elif what == 4:
        holder.pop(key)
    elif what == 5:
        holder[key] = [holder[key]] if dice.random() < 0.5 else {"value": holder[key]}
    elif what == 6 and isinstance(holder, dict):
        holder[dice.choice(("", key + "x", key.upper(), "id", "name"))] = holder.pop(key)
    else:
        other, place = dice.choice(spots)
        taken = holder[key]
        if not isinstance(taken, dict | list) and (isinstance(other, dict) or place < len(other)):
            other[place] = taken
    return tree


def _words(dice, body):
    """A page or a line: one of its words is another one."""
    text = body.decode("utf-8", "replace")
    words = [at for at in range(len(text)) if text[at].isalnum() and not text[at - 1 : at].isalnum()]
    if not words:
        return body
    at = dice.choice(words)
    end = next((end for end in range(at, len(text)) if not text[end].isalnum()), len(text))
    leaf = dice.choice(LEAVES)
    return (text[:at] + (leaf if isinstance(leaf, str) else json.dumps(leaf)) + text[end:]).encode("utf-8", "replace")


def _damage(dice, raw):
    at, what = dice.randrange(len(raw) + 1), dice.randrange(5)
    if what == 0:
        del raw[at:]
    elif what == 1:
        raw[at:at] = dice.choice(RAW)
    elif what == 2 and at < len(raw):
        raw[at] ^= 1 << dice.randrange(8)
    elif what == 3:
        raw[at : at + dice.choice((1, 4, 30))] = b""
    else:
        raw[at:at] = raw[: dice.choice((10, 100, 1000))]
