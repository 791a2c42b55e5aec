"""Lines of fleet.csv come and go: whatever a person wrote stays byte for byte, the result is checked before it counts.

New lines go to the end, in the delimiter and the columns of the file as it is; the text before the edit is kept beside
it as fleet.csv.previous.
"""

import csv
import io
import stat
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from mine_controller.config.edit import PREVIOUS, EditError
from mine_controller.config.fleet import COLUMNS, FILE, LONGEST_LINE, NEEDED, Row, read, said, told_delimiter
from mine_controller.config.lastgood import lost_fleet
from mine_controller.config.lines import decode, nearest
from mine_controller.config.load import build_config
from mine_controller.config.model import Config, ConfigError
from mine_controller.config.replace import replace_file
from mine_controller.config.source import Source, read_source

Cells = Mapping[str, str]  # column -> what stands in it; id, mac and group are needed


def append(path: Path, rows: Sequence[Cells], *, whole: bool = False) -> Config:
    """Add miners to the fleet.csv beside config.txt (`path`), which is made where there never was one; gives the new
    config.

    `whole`: a person gave these cells, so one that the file has no column for is refused and not left out. EditError,
    or ConfigError with every problem of the result: then nothing has changed.
    """
    source = read_source(path)
    if source.fleet is None and (lost := lost_fleet(build_config(source, {}))) is not None:
        raise EditError(f"{FILE} {lost.text}")
    return _store(source, with_rows(source.fleet or b"", rows, whole=whole))


def remove(path: Path, ids: Collection[str]) -> tuple[Row, ...]:
    """Take miners out of fleet.csv and give their rows as they were; errors as `append`."""
    source = read_source(path)
    after, gone = without_rows(source.fleet or b"", ids)
    _store(source, after)
    return gone


def change(path: Path, name: str, cells: Cells) -> tuple[tuple[str, str, str], ...]:
    """Write some cells of one miner's line ("" empties one); gives (column, old, new). Errors as `append`."""
    source = read_source(path)
    after, changed = with_cells(source.fleet or b"", name, cells)
    if changed:
        _store(source, after)
    return changed


def with_cells(raw: bytes, name: str, cells: Cells) -> tuple[bytes, tuple[tuple[str, str, str], ...]]:
    """The file with one line changed, and what changed in it. EditError, ConfigError."""
    text, wrong = decode(raw, FILE)
    if wrong:
        raise ConfigError(wrong)
    row = next((one for one in read(text)[0] if one.id == name), None)
    if row is None:
        raise EditError(f"{FILE} lists no miner {name[:40]!r}")
    delimiter, columns = header(text)
    lines = raw.split(b"\n")
    old = lines[row.line - 1].decode("utf-8-sig")
    found = [cell.strip() for cell in next(csv.reader([old.rstrip("\r")], delimiter=delimiter))]
    found += [""] * (len(columns) - len(found))
    changed = []
    _all_in(columns, cells)
    for column, value in cells.items():
        at = columns.index(column)
        if found[at] != value:
            changed.append((column, found[at], value))
            found[at] = _cell(column, value)
    lines[row.line - 1] = (_line(found, delimiter) + ("\r" if old.endswith("\r") else "")).encode()
    return b"\n".join(lines), tuple(changed)


def with_rows(raw: bytes, rows: Sequence[Cells], *, whole: bool = False) -> bytes:
    """The file with lines added at its end; cells of columns it does not have are left out, or refused where the rows
    have to be `whole`. EditError, ConfigError."""
    text, wrong = decode(raw, FILE)
    if wrong:
        raise ConfigError(wrong)
    delimiter, columns = header(text)
    newline = "\r\n" if b"\r\n" in raw else "\n"
    out = [newline] if raw and not raw.endswith(b"\n") else []
    if not columns:
        columns = list(COLUMNS)
        out += [_line(columns, delimiter), newline]
    for row in rows:
        if whole:
            _all_in(columns, [column for column, value in row.items() if value])
        out += [_line([_cell(name, row.get(name, "")) for name in columns], delimiter), newline]
    return raw + "".join(out).encode()


def without_rows(raw: bytes, ids: Collection[str]) -> tuple[bytes, tuple[Row, ...]]:
    """The file without the lines of these miners, and those rows. EditError, ConfigError."""
    text, wrong = decode(raw, FILE)
    if wrong:
        raise ConfigError(wrong)
    rows = {row.id: row for row in read(text)[0]}
    for name in ids:
        if name not in rows:
            raise EditError(f"{FILE} lists no miner {name[:40]!r}{nearest(name, rows) if len(rows) < 30 else ''}")
    gone = tuple(rows[name] for name in dict.fromkeys(ids))
    lines = {row.line for row in gone}
    kept = (line for number, line in enumerate(raw.split(b"\n"), 1) if number not in lines)
    return b"\n".join(kept), gone


def header(text: str) -> tuple[str, list[str]]:
    """The delimiter and the columns of a fleet.csv, as `fleet.read` takes them; no columns where it names none."""
    first = next((line for _, line in said(text)), "")
    if not first:
        return told_delimiter(text) or ",", []
    delimiter = max(";,\t", key=first.count)
    columns = [cell.strip().lower() for cell in next(csv.reader([first], delimiter=delimiter))]
    if not set(NEEDED) <= set(columns):
        raise EditError(f"the first line of {FILE} names no {', '.join(NEEDED)}: `minectl config check` tells more")
    return delimiter, columns


def _all_in(columns: Collection[str], wanted: Iterable[str]) -> None:
    """EditError for what the file has no column for: an outlet or breaker lost on the way would count on nothing."""
    for column in wanted:
        if column not in columns:
            raise EditError(f"{FILE} has no column {column}: add it to its first line")


def _line(cells: Sequence[str], delimiter: str) -> str:
    """The cells as a line without its end. EditError for one that would be read as a comment, and its miner lost."""
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="").writerow(cells)
    if not any(said(f"\n{out.getvalue()}")):
        first = next(filter(None, cells), "")
        raise EditError(f"{first[:40]!r} would make its line a comment in {FILE}: begin it with another letter than #")
    return out.getvalue()


def _cell(column: str, text: str) -> str:
    if not text.isprintable() or len(text) > LONGEST_LINE // len(COLUMNS):
        raise EditError(f"{column}: {text[:40]!r} is not one short line of text")
    return text


def _store(source: Source, fleet: bytes) -> Config:
    """Check, keep the old file, replace it with mode and owner kept; a file that changed meanwhile is left alone."""
    config = build_config(source._replace(fleet=fleet), {})
    path = source.path.parent / FILE
    try:
        now = path.read_bytes() if path.exists() else None
        if now != source.fleet:
            raise EditError(f"{FILE} was changed by somebody else meanwhile: look at it and try again")
        info = path.stat() if now is not None else source.path.stat()
        mode = stat.S_IMODE(info.st_mode) if now is not None else 0o644
        owner = (info.st_uid, info.st_gid)
        if source.fleet is not None:
            replace_file(path.with_name(FILE + PREVIOUS), source.fleet, mode, owner)
        replace_file(path, fleet, mode, owner)
    except OSError as error:
        raise EditError(f"{FILE} can't be replaced: {error.strerror}") from None
    return config
