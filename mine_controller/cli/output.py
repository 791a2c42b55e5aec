"""How rows leave the command line: a table for people, CSV for spreadsheets, JSON for programs."""

import csv
import io
import json
import re
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import click

from mine_controller.cli.options import seconds

FORMULA = "=+\\-@＝＋－＠"  # noqa: RUF001 - what begins a formula, also as East Asian keyboards write it
# In a spreadsheet that separates cells by semicolons one begins a cell, also within our quotes.
_FORMULA = re.compile(rf"(^|;)([\s\"']*)(?=[{FORMULA}])")
LONGEST = 300


def safe(value: object, most: int = LONGEST) -> str:
    """A text for a terminal: no control, bidi or invisible characters, so that no device writes on the screen."""
    text = "" if value is None else str(value)[: 4 * most]
    text = text.replace("\u00a0", " ")
    if not text.isprintable():
        text = "".join(letter if letter.isprintable() else " " for letter in text)
    return text if len(text) <= most else text[: most - 1] + "…"


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Columns as wide as their widest cell; numbers to the right, unknown as "-"."""
    body = [list(row) for row in rows]
    cells = [["-" if value is None else safe(value) for value in row] for row in body]
    widths = [max(len(row[at]) for row in [list(header), *cells]) for at in range(len(header))]
    right = [
        bool(body) and all(isinstance(row[at], int | float | None) and not isinstance(row[at], bool) for row in body)
        for at in range(len(header))
    ]
    return "\n".join(_line(row, widths, right) for row in [list(header), *cells])


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = [
        cell.rjust(width) if on_right else cell.ljust(width)
        for cell, width, on_right in zip(cells, widths, right, strict=True)
    ]
    return "  ".join(padded).rstrip()


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """RFC 4180 lines. A text that a spreadsheet would run as a formula gets an apostrophe in front; numbers stay."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return out.getvalue().rstrip("\n")


def _cell(value: object) -> object:
    if value is None:
        return ""
    if not isinstance(value, str):
        return value
    plain = "".join(letter if letter.isprintable() else " " for letter in value)
    return _FORMULA.sub(r"\1'\2", plain)


def json_text(value: Any) -> str:
    """Indented; everything outside ASCII escaped, so that no byte of a device reaches the terminal raw."""
    return json.dumps(value, indent=2)


def print_rows(
    header: Sequence[str], rows: Sequence[Sequence[object]], *, as_csv: bool, as_json: bool, none: str
) -> None:
    """The rows in the form asked for; `none` is what people read when there are no rows."""
    if as_json:
        click.echo(json_text([dict(zip(header, row, strict=True)) for row in rows]))
    elif as_csv:
        click.echo(csv_text(header, rows))
    elif rows:
        click.echo(table(header, rows))
    else:
        click.echo(none)


def moment(context: click.Context, parameter: click.Parameter, text: str | None) -> int | None:
    """Wall seconds of an ISO time, or of so long ago (2h, 30m, 7d): for click options."""
    del context, parameter
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        pass
    else:
        return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())
    try:
        return int(time.time()) - seconds(text)
    except click.BadParameter:
        wrong = f"{text!r} is no time; write 2026-07-15T14:00 (UTC) or how long ago: 2h, 30m"
        raise click.BadParameter(wrong) from None
