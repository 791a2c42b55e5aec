"""config.txt as lines: sections, keys, values, and everything wrong with the form, with line numbers.

The grammar is smaller than any INI library's, on purpose: `[kind name]`, `key = value`, whole-line comments, `[end]` as
the last non-blank line. No interpolation, no continuation lines, no default section, no meaning for a repeated key.
"""

import re
from collections.abc import Iterable, Mapping

from mine_controller.config.model import Problem
from mine_controller.record import NamedTuple

UNFILLED = "CHANGE-ME"  # stands in a template where only the owner knows the value
LARGEST = 4 * 1024 * 1024
END = "end"

_TITLE = re.compile(r"\[([a-z][a-z0-9_]{0,39})(?: ([A-Za-z0-9_.-]{1,40}))?\]")
_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}(?: [A-Za-z0-9_.-]{1,40})?")
_TAIL = re.compile(r"[ \t][;#]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x85\u2028\u2029]")
_UNSEEN = re.compile(r"[\xad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\ufeff]|^\xa0|\xa0$")  # copied along
_WIDE = (b"\xff\xfe", b"\xfe\xff")


class Entry(NamedTuple):
    """One `key = value` line. `trusted`: it did not come out of the file (demo and backtest put values over it)."""

    line: int
    key: str
    value: str
    trusted: bool = False


class Section(NamedTuple):
    """One section as written."""

    line: int
    kind: str
    name: str
    entries: dict[str, Entry]

    @property
    def title(self) -> str:
        """Its name everywhere: "kind name"."""
        return f"{self.kind} {self.name}" if self.name else self.kind


class Document(NamedTuple):
    """The file in order of writing; `problems` are those of the form alone."""

    sections: dict[str, Section]
    problems: tuple[Problem, ...] = ()


Over = Mapping[str, Mapping[str, str]]


def decode(raw: bytes, file: str = "") -> tuple[str, tuple[Problem, ...]]:
    """The text of a UTF-8 file (a byte order mark is fine); bytes that are not UTF-8 are a problem with their line.

    "" and a problem: nothing in it can be read, so nothing more is to be told of it.
    """
    if whole := _unreadable(raw):
        return "", (Problem(0, "", "", whole, file),)
    try:
        return raw.decode("utf-8-sig"), ()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        return raw.decode("utf-8", "replace"), (Problem(line, "", "", "is not UTF-8: save the file as UTF-8", file),)


def _unreadable(raw: bytes) -> str:
    """Why no line of these bytes can be read, "" when they can."""
    if len(raw) > LARGEST:
        return f"is larger than {LARGEST // 1024 // 1024} MB"
    if raw.startswith(_WIDE) or raw[1:2] == b"\0" or raw[:1] == b"\0":
        return "is UTF-16, which Windows calls Unicode: save the file as UTF-8"
    if b"\r" in raw and b"\n" not in raw:
        return "has lines that end in CR alone: save the file with the line ends of Linux or Windows"
    return ""


def read(text: str) -> Document:
    """Every section and every problem of the form."""
    reader = _Reader()
    lines = text.split("\n")
    for number, raw in enumerate(lines, 1):
        line = raw.strip(" \t\r")
        if line and line[0] not in "#;":
            reader.take(number, line)
        elif line and reader.end_line:
            reader.tell(number, "", "nothing may stand behind [end]")
    if not reader.end_line:
        reader.tell(len(lines), "", "the last line must be [end]: without it the file may have been cut off")
    return Document(reader.sections, tuple(reader.problems))


class _Reader:
    """What `read` has gathered so far."""

    def __init__(self) -> None:
        self.sections: dict[str, Section] = {}
        self.problems: list[Problem] = []
        self.now: Section | None = None
        self.end_line = 0

    def tell(self, line: int, option: str, text: str) -> None:
        """One more problem, in the section being read."""
        self.problems.append(Problem(line, self.now.title if self.now else "", option, text))

    def take(self, number: int, line: str) -> None:
        """One line that is neither blank nor a comment."""
        if self.end_line:
            self.tell(number, "", "nothing may stand behind [end]")
        elif _CONTROL.search(line):
            self.tell(number, "", "holds a control character")
        elif line[0] == "[":
            self._title(number, line)
        else:
            self._entry(number, line)

    def _title(self, number: int, line: str) -> None:
        found = _TITLE.fullmatch(line)
        if not found:
            self.now = Section(number, "", "", {})  # its keys are told nothing more about
            self.tell(number, "", f"{line[:60]!r} is not a section: write [kind] or [kind name] and nothing else")
            return
        section = Section(number, found[1], found[2] or "", {})
        if section.title == END:
            self.now, self.end_line = None, number
            return
        self.now = section
        first = self.sections.setdefault(section.title, section)
        if first is not section:
            self.tell(number, "", f"[{section.title}] stands twice (first at line {first.line})")

    def _entry(self, number: int, line: str) -> None:
        key, equals, value = (part.strip(" \t") for part in line.partition("="))
        if not equals:
            self.tell(number, "", "is neither [section] nor key = value; a comment begins with #")
        elif not _KEY.fullmatch(key):
            self.tell(number, "", f"{key[:60]!r} is not a key: lower case letters, digits and _")
        elif not value:
            self.tell(number, key, "has no value: give it one or take the line out")
        elif found := _UNSEEN.search(value):
            text = f"holds a character that can't be seen (U+{ord(found[0]):04X}): type the value instead of copying it"
            self.tell(number, key, text)
        elif self.now is None:
            self.tell(number, key, "stands before the first [section]")
        elif key in self.now.entries:
            self.tell(number, key, f"stands twice (first at line {self.now.entries[key].line})")
        else:
            self.now.entries[key] = Entry(number, key, value)


def is_key(text: str) -> bool:
    """True for what may stand before the equals sign."""
    return _KEY.fullmatch(text) is not None


def has_tail(value: str) -> bool:
    """True when something like a comment stands behind the value."""
    return _TAIL.search(value) is not None


def put_over(document: Document, over: Over) -> Document:
    """The document with values replaced or added, for plays that run a site's config against other addresses."""
    sections = dict(document.sections)
    for title, values in over.items():
        kind, _, name = title.partition(" ")
        old = sections.get(title, Section(0, kind, name, {}))
        entries = dict(old.entries)
        for key, value in values.items():
            entries[key] = Entry(entries[key].line if key in entries else 0, key, value, trusted=True)
        sections[title] = old._replace(entries=entries)
    return document._replace(sections=sections)


def nearest(word: str, known: Iterable[str]) -> str:
    """What to append to a problem: the one near word, or every known one in brackets."""
    from difflib import get_close_matches  # noqa: PLC0415 - a good config never needs it

    names = sorted(known)
    close = get_close_matches(word, names, 1, 0.6)
    if close:
        return f" (did you mean {close[0]}?)"
    return f" (known: {', '.join(names)})" if names else ""
