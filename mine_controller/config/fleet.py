"""fleet.csv: what a person knows of each miner and software can't find out. A spreadsheet may write it.

Columns by name in the first line, in any order: id, mac, group (needed), name, outlet, breaker, phase, row, nominal_w,
flags, note. Commas, semicolons or tabs; a byte order mark is fine; lines that begin with # are comments, and so is a
first line `sep=;`, in which a spreadsheet is told the delimiter.
"""

import re
from collections.abc import Iterable, Iterator
from sys import intern

from mine_controller.config.lines import nearest
from mine_controller.config.model import Problem
from mine_controller.record import NamedTuple

FILE = "fleet.csv"
COLUMNS = ("id", "mac", "group", "name", "outlet", "breaker", "phase", "row", "nominal_w", "flags", "note")
NEEDED = ("id", "mac", "group")
PLUG = "plug"  # its outlet is how it is stopped, by anybody
FLAGS = ("protected", "maintenance", "spare", PLUG)
HIGHEST_W = 20_000

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_BARE_MAC = re.compile(r"[0-9a-f]{12}|[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}")  # the latter as switches write it
_NUMBER = re.compile(r"[0-9]+(?:[.,][0-9]+)?e\+[0-9]+", re.IGNORECASE)
_SERIAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{3,39}")
_SHORTENED = re.compile(r"[0-9]{8,11}")
_WATTS = re.compile(r"[0-9]{1,5}")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_SEP = re.compile(r'\s*"?sep=([;,\t]?)"?[;,\t ]*', re.IGNORECASE)
LONGEST_LINE = 2000
_WORD = re.compile(r"[A-Za-z0-9_.-]{1,20}")


class Row(NamedTuple):
    """One miner as a person listed it. nominal_w 0 = as its group says."""

    line: int
    id: str
    mac: str
    group: str
    name: str = ""
    outlet: str = ""
    breaker: str = ""
    phase: str = ""
    row: str = ""
    nominal_w: int = 0
    flags: tuple[str, ...] = ()
    note: str = ""


def read(text: str) -> tuple[tuple[Row, ...], tuple[Problem, ...]]:
    """Every listed miner and everything wrong with the table in itself."""
    reader = _Reader()
    body = [(number, line) for number, line in said(text) if reader.plain(number, line)]
    if not body:
        return (), tuple(reader.problems)
    first, header = body[0]
    delimiter = max(";,\t", key=header.count)
    columns = reader.header(first, [cell.strip().lower() for cell in next(_cells([header], delimiter))])
    if columns:
        for (number, _), cells in zip(body[1:], _cells((line for _, line in body[1:]), delimiter), strict=False):
            reader.row(number, columns, [cell.strip() for cell in cells])
    return tuple(reader.rows), tuple(reader.problems)


def said(text: str) -> Iterator[tuple[int, str]]:
    """The lines that are neither empty nor a comment, with their numbers; the first of them names the columns."""
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.rstrip("\r")
        if line.strip(" \t;,") and line.lstrip(' \t"')[:1] != "#" and not (number == 1 and _SEP.fullmatch(line)):
            yield number, line


def told_delimiter(text: str) -> str:
    """What a first line `sep=;` says, "" where there is none."""
    found = _SEP.fullmatch(text.partition("\n")[0].rstrip("\r"))
    return found[1] if found else ""


def _cells(lines: Iterable[str], delimiter: str) -> Iterator[list[str]]:
    """Cells line by line; a quoted cell never runs over the end of its line."""
    import csv  # noqa: PLC0415 - only sites with listed miners pay for it

    for line in lines:
        yield next(csv.reader([line], delimiter=delimiter), [])


def mac_or_serial(text: str) -> str:
    """The identity in the one way it is written (a serial in capitals, as drivers report it), or "" when it is none."""
    plain = text.lower().replace("-", ":")
    if _BARE_MAC.fullmatch(plain):
        plain = plain.replace(".", "")
        plain = ":".join(plain[at : at + 2] for at in range(0, 12, 2))
    if _MAC.fullmatch(plain):
        nobody = plain in ("00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff") or int(plain[:2], 16) & 1
        return "" if nobody else plain
    return text.upper() if _SERIAL.fullmatch(text) else ""


def doubts(rows: Iterable[Row]) -> tuple[Problem, ...]:
    """A note on serials that may be macs without colons, of which a spreadsheet made numbers without leading zeros."""
    found = [(row, mac) for row in rows if _SHORTENED.fullmatch(row.mac) and (mac := mac_or_serial(row.mac.zfill(12)))]
    if not found:
        return ()
    (row, mac), *others = found
    more = f" (as in {len(others)} more line{'s' if others[1:] else ''})" if others else ""
    text = f"{row.mac} is taken for a serial number{more}; was it {mac} before a spreadsheet took its leading zeros?"
    return (Problem(row.line, "", "mac", f"{text} Then write it anew, with colons", FILE),)


class _Reader:
    """Rows and problems so far."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.problems: list[Problem] = []
        self.seen: dict[tuple[str, str], int] = {}

    def tell(self, line: int, column: str, text: str) -> None:
        """One more problem."""
        self.problems.append(Problem(line, "", column, text, FILE))

    def plain(self, line: int, text: str) -> bool:
        """False, and told, for a line no spreadsheet writes."""
        if len(text) > LONGEST_LINE or _CONTROL.search(text):
            self.tell(line, "", "holds a control character" if len(text) <= LONGEST_LINE else "is too long for a miner")
            return False
        return True

    def header(self, line: int, cells: list[str]) -> list[str]:
        """The columns, or nothing when rows can't be read by them."""
        before = len(self.problems)
        while cells and not cells[-1]:  # a spreadsheet goes on writing columns that were emptied
            cells = cells[:-1]
        for cell in cells:
            if cell not in COLUMNS:
                self.tell(line, cell[:40], f"is not a column{nearest(cell, COLUMNS)}")
            elif cells.count(cell) > 1:
                self.tell(line, cell, "stands twice")
        for name in NEEDED:
            if name not in cells:
                self.tell(line, name, "is missing from the first line, which names the columns")
        return cells if len(self.problems) == before else []

    def row(self, line: int, columns: list[str], cells: list[str]) -> None:
        """One miner."""
        if any(cells[len(columns) :]):
            self.tell(line, "", f"has {len(cells)} cells for {len(columns)} columns: quote a cell with a comma in it")
            return
        values = {name: cell for name, cell in zip(columns, cells, strict=False) if cell}
        row = Row(
            line,
            self._id(line, values.get("id", "")),
            self._mac(line, values.get("mac", "")),
            intern(" ".join(values.get("group", "").split())),  # one text for all of a group
            values.get("name", "")[:60],
            " ".join(values.get("outlet", "").split()),
            values.get("breaker", ""),
            self._word(line, "phase", values.get("phase", "")),
            self._word(line, "row", values.get("row", "")),
            self._watts(line, values.get("nominal_w", "")),
            self._flags(line, values.get("flags", "")),
            values.get("note", "")[:200],
        )
        if not row.group:
            self.tell(line, "group", "is empty: name the section that serves this miner, like `foreman mine`")
        if PLUG in row.flags and not row.outlet:
            self.tell(line, "flags", "plug says that its outlet stops it, and no outlet is written")
        for column, value in (("id", row.id.lower()), ("mac", row.mac.lower()), ("outlet", row.outlet)):
            self._once(line, column, value)
        self.rows.append(row)

    def _once(self, line: int, column: str, value: str) -> None:
        first = self.seen.setdefault((column, value), line)
        if value and first != line:
            self.tell(line, column, f"{value} stands twice (first at line {first})")

    def _id(self, line: int, text: str) -> str:
        if not _ID.fullmatch(text):
            self.tell(line, "id", f"{text[:40]!r} is not a short name like a017")
        return text

    def _mac(self, line: int, text: str) -> str:
        found = mac_or_serial(text)
        if _NUMBER.fullmatch(text):
            told = "is a number that a spreadsheet made of it: format the column as text and write it anew, with colons"
            self.tell(line, "mac", f"{text[:40]!r} {told}")
        elif not found:
            self.tell(line, "mac", f"{text[:40]!r} is neither a MAC address nor a serial number")
        return found

    def _word(self, line: int, column: str, text: str) -> str:
        if text and not _WORD.fullmatch(text):
            self.tell(line, column, f"{text[:40]!r} is not one word")
        return text

    def _watts(self, line: int, text: str) -> int:
        watts = int(text) if _WATTS.fullmatch(text) else 0
        if text and not 0 < watts <= HIGHEST_W:
            self.tell(line, "nominal_w", f"{text[:40]!r} is not a whole number of watts from 1 to {HIGHEST_W}")
        return watts

    def _flags(self, line: int, text: str) -> tuple[str, ...]:
        words = tuple(dict.fromkeys(text.lower().replace("|", " ").replace(",", " ").replace("+", " ").split()))
        for word in words:
            if word not in FLAGS:
                self.tell(line, "flags", f"{word[:40]!r} is not a flag{nearest(word, FLAGS)}")
        return words
