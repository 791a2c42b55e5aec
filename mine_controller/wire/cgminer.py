"""The CGMiner API's words: requests as bytes, answers as trees, whatever dialect they come in. Pure.

One request a connection, JSON or text (port 4028 as a rule); the answer ends with a NUL or the connection. Firmware
leaves commas out, adds some, writes nan, doubles keys, or breaks lines inside texts; all of that is read. What is cut
off is refused, because what is missing can't be known. Grammar after the API-READMEs of cgminer and bfgminer; the
damages were seen on Antminer S9, Whatsminer 2.0.4, Hammer D10 and Avalon units.
"""

import json
import re
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from itertools import count
from typing import Any

from mine_controller.record import NamedTuple

PORT = 4028
ENDS = b"\0"
SUCCESS = ("S", "I", "W")  # letters of an answer that was not refused; E and F are
ACCESS_DENIED, INVALID_COMMAND = 45, 14
# Of what a program or its driver has no function for; all but the first come with the letter of a warning (api.c).
CAN_NOT = (INVALID_COMMAND, 81, 90, 102, 114, 117)
HUGE = 1e18  # beyond this no counter or rate counts
SHOWN = 40
CLOSING = ("}", "]")
FEW = 64  # answers that are read before orjson is worth its import

_answers = count(1)

Tree = dict[str, Any]


class UnreadableError(Exception):
    """An answer of which nothing can be read for certain. The text is the reason, without the answer's secrets."""


class DownError(UnreadableError):
    """The board answers, but says that its miner process does not run."""


class Status(NamedTuple):
    """How the device took a request: a letter (S I W E F, "" unknown), a code (None: none), its text, its clock."""

    letter: str
    code: int | None
    text: str
    when: int | None = None  # epoch seconds by the device's own clock, or seconds since its start

    @property
    def good(self) -> bool:
        """Not refused. The letter decides: there is firmware that sends E with the code of a success."""
        return self.letter in SUCCESS


@lru_cache(maxsize=64)  # a fleet is asked the same thing thousands of times
def request(command: str, parameter: str = "") -> bytes:
    """A request in JSON; several reads joined with plus ("summary+stats") come back as sections of one answer."""
    tree = {"command": command, "parameter": parameter} if parameter else {"command": command}
    return json.dumps(tree, separators=(",", ":")).encode()


def text_request(command: str, parameter: str = "") -> bytes:
    """A request as text, which is answered as text."""
    return (f"{command}|{parameter}" if parameter else command).encode()


def escaped(parameter: str) -> str:
    """One value among several in a parameter: its commas and backslashes are not separators."""
    return parameter.replace("\\", "\\\\").replace(",", "\\,")


def read(raw: bytes) -> Tree:
    """An answer as a tree like {"STATUS": [{...}], "SUMMARY": [{...}]}. UnreadableError.

    Of a key that occurs twice the last counts. nan and inf are None. Values of text answers stay texts: see `number`.
    """
    bare = raw.removesuffix(ENDS)
    if bare[:1] == b"{" and next(_answers) > FEW and (tree := _quickly(bare)) is not None:
        return tree
    text = (bare.replace(ENDS, b"") if ENDS in bare else bare).decode("utf-8", "replace").strip()
    if text[:1] in ("{", ",", "["):
        return _object(text)
    if text.startswith("STATUS="):
        return _of_text(text)
    if not text:
        raise UnreadableError("an empty answer")
    if text.startswith("Socket connect failed"):
        raise DownError("its miner process does not run")
    raise UnreadableError(f"no CGMiner answer but {_shown(text)!r}")


def _quickly(bare: bytes) -> Tree | None:
    """What orjson makes of an object, which it reads in less than half the time; None: the usual way has to.

    It refuses whatever is not JSON to the letter, and such answers are read the usual way. What it takes it gives
    alike, but for whole numbers of more than 64 bits, which are floats then and beyond HUGE either way.
    """
    loads = _orjson()
    try:
        return loads(bare) if loads is not None else None
    except ValueError:
        return None


@cache
def _orjson() -> Callable[[bytes], Any] | None:
    try:
        from orjson import loads  # noqa: PLC0415 - 3 to 10 ms, worth it for a fleet alone
    except ImportError:  # an extra
        return None
    return loads


def _shown(text: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text[:SHOWN]).split())


def _object(text: str) -> Tree:
    try:
        tree, end = _DECODER.raw_decode(text)
    except ValueError:
        tree, end = None, 0
    except RecursionError:
        raise UnreadableError("nested too deeply") from None
    if end != len(text):
        tree = _repaired(text)
    if not isinstance(tree, dict):
        raise UnreadableError("not a JSON object")
    return tree


def _nothing(_constant: str) -> None:
    """NaN and Infinity are no values."""


_DECODER = json.JSONDecoder(strict=False, parse_constant=_nothing)  # made once: a fleet has thousands of answers


def _repaired(text: str) -> Any:
    try:
        return _DECODER.decode(repair(text))
    except ValueError as error:
        cut = isinstance(error, json.JSONDecodeError) and not text.endswith(("}", "]"))
        raise UnreadableError("the answer is cut off" if cut else "its JSON is damaged beyond repair") from None
    except RecursionError:
        raise UnreadableError("nested too deeply") from None


# Texts are matched first, so that no repair touches what stands inside quotes; an open one reaches to the end.
_TEXT = r'"[^"\\]*(?:\\(?:.|\Z)[^"\\]*)*(?:"|\Z)'
_DAMAGE = re.compile(
    rf"(?P<text>{_TEXT})(?P<joined>\s*(?=[\"{{\[]))?"
    r"|(?P<apart>[0-9}\]])\s*(?=[\"{\[])"  # a value right behind a value: the comma is missing
    r"|(?P<opening>[\[{])\s*,[\s,]*"  # [,{
    r"|(?P<commas>,[\s,]*)"  # taken whole: looked at anew from each comma, an answer of commas would take minutes
    r"|(?P<nothing>-?\b(?:nan|inf|infinity)\b)",
    re.DOTALL | re.IGNORECASE,
)
_PAIRS = re.compile(r'\[(\s*"[^"]*"\s*:[^\[\]{}]*)\]')  # a list that holds pairs: "error_code":["218":"..."]


def repair(text: str) -> str:
    """JSON with the known damages mended: missing, leading and trailing commas, nan and inf, lists of pairs."""
    if text.startswith(","):
        text = "{" + text[1:]
    return _PAIRS.sub(r"{\1}", _DAMAGE.sub(_mended, text))


def _mended(match: re.Match[str]) -> str:
    if match["text"] is not None:
        return match["text"] + ("," if match["joined"] is not None else "")
    if match["apart"] is not None:
        return match["apart"] + ","
    if match["opening"] is not None:
        return match["opening"]
    if match["commas"] is not None:
        return "" if match.string[match.end() : match.end() + 1] in CLOSING else match["commas"]
    return "null"


# Sections of a text answer are parted by |, fields by comma; a backslash takes the meaning from what follows.
_SECTION = re.compile(r"(?:[^|\\]+|\\.?)+", re.DOTALL)
_FIELD = re.compile(r"(?:[^,\\]+|\\.?)+", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
# In a text answer a row names itself (POOL=0); in JSON its section has the plural.
_PLURAL = {"POOL": "POOLS", "ASC": "DEVS", "PGA": "DEVS", "PROC": "DEVS", "NOTIFY": "NOTIFY"}


def _of_text(text: str) -> Tree:
    if not text.endswith("|"):
        raise UnreadableError("the answer is cut off")
    tree: dict[str, Any] = {}
    for section in _SECTION.findall(text):
        fields = _fields(section)
        name = next(iter(fields), "").strip()
        if name == "STATUS":
            tree.setdefault("STATUS", []).append(fields)
        elif name:
            head = fields.get(name)
            row = fields if head else {key: value for key, value in fields.items() if key != name}
            tree.setdefault(_PLURAL.get(name, name), []).append(row)
    return tree


def _fields(section: str) -> dict[str, str]:
    """Keys and values. A piece without "=" belongs to the value before it: Avalon does not escape its commas."""
    fields: dict[str, str] = {}
    key, more = "", list[str]()
    for piece in _FIELD.findall(section):
        name, sign, value = piece.partition("=")
        if fields and not sign:
            more.append(_plain(piece))
            continue
        if more:
            fields[key], more = ",".join((fields[key], *more)), []
        key = _plain(name).strip() if not fields else _plain(name)
        fields[key] = _plain(value)
    if more:
        fields[key] = ",".join((fields[key], *more))
    return fields


def _plain(text: str) -> str:
    return _ESCAPED.sub(r"\1", text) if "\\" in text else text


def status(tree: Tree) -> Status:
    """The answer's status in any shape: a list of one object, an object, a letter, or the word RESTART or BYE."""
    given = tree.get("STATUS")
    if isinstance(given, list):
        given = given[0] if given else None
    if isinstance(given, dict):
        row, letter = given, given.get("STATUS")
    else:
        row, letter = tree, given
    if isinstance(letter, str) and len(letter) > 1:
        return Status("S" if letter in ("RESTART", "BYE") else "", None, letter[:SHOWN])
    text = row.get("Msg")
    return Status(
        letter if isinstance(letter, str) else "",
        _whole(row.get("Code")),
        text if isinstance(text, str) else "",
        _whole(row["When"] if "When" in row else row.get("when")),
    )


def _whole(value: Any) -> int | None:
    if type(value) is int:  # as nearly always
        return value if -HUGE < value < HUGE else None
    told = number(value)
    return int(told) if told is not None else None


def refused(tree: Tree) -> Status | None:
    """How it was refused; None where it was not, or does not say."""
    given = tree.get("STATUS")
    first = given[0] if type(given) is list and given else given
    if type(first) is dict and first.get("STATUS") in SUCCESS:
        return None
    told = status(tree)
    return told if told.letter and not told.good else None


def sections(tree: Tree) -> dict[str, Tree]:
    """The answers inside a joined answer by command ("summary", "stats"); {} when it is none. Both shapes of a section
    are read: a list of one answer (the source) and a plain object (the documents)."""
    found: dict[str, Tree] = {}
    for name, part in tree.items():
        inner = part[0] if type(part) is list and part else part
        if type(inner) is dict and "STATUS" in inner and name.islower():
            found[name] = inner
    return found


def rows(tree: Mapping[str, Any], name: str) -> list[Tree]:
    """The objects of a section ("SUMMARY", "STATS"), also where it is a plain object; [] when there is none."""
    given = tree.get(name)
    if type(given) is list:
        return given if len(given) == 1 and type(given[0]) is dict else [row for row in given if type(row) is dict]
    return [given] if type(given) is dict else []


def row(tree: Mapping[str, Any], name: str) -> Tree:
    """The first object of a section, or {}."""
    found = rows(tree, name)
    return found[0] if found else {}


_NUMBER = re.compile(
    r"\s*([-+]?[0-9]{1,18}(?:\.[0-9]{0,18})?(?:[eE][-+]?[0-9]{1,2})?)\s*(?:[A-Za-z%°][A-Za-z/%°]{0,7})?\s*"
)


def number(value: Any) -> float | None:
    """A finite number out of a number or of a text such as "13500.12", "58.94 W" or "49%"; None for anything else."""
    if type(value) is float:
        return value if -HUGE < value < HUGE else None
    if type(value) is int:  # a bool is an int of its own, and no number
        return float(value) if -HUGE < value < HUGE else None
    if type(value) is str and len(value) < SHOWN and (match := _NUMBER.fullmatch(value)):
        told = float(match[1])
        return told if -HUGE < told < HUGE else None
    return None


_POWER = re.compile(rb"\s*miner power:\s*([0-9]{1,5})\s*\0?\s*")


def port_6060_power_w(raw: bytes) -> int | None:
    """Watts out of the answer of the power service some boards run on port 6060; None on firmware without it."""
    match = _POWER.fullmatch(raw)
    return int(match[1]) if match else None
