"""Prices out of a table that somebody else keeps: a CSV file of times and prices on this machine.

The first line names the columns. A time is ISO ("2026-03-29T00:30Z", "2026-03-29 00:30"), or seconds since 1970; one
without a zone is in `timezone`, and where an hour comes twice its second set of rows is the second one. A row holds
until the time in `end_column`, without one until the next row begins (the last one as long as the one before it); an
end by the clock of before a change is understood as that: 01:00 to 02:00 where 02:00 is left out, or comes twice.
`factor` makes the unit: 100 where the table is in pounds, 0.1 where it is in euros per MWh. Only files that end in .csv
are opened.

What was read for the next 30 days (20 in quarters of an hour) stays as it is until it is over: a file whose known
prices are others all at once is refused, since that is mostly another unit or tariff. Where you have corrected it, save
it under another name and write that into `path`: then it counts as it stands.
"""

import csv
import datetime as dt
import io
import re
from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo

from mine_controller.core.money.prices import Slot
from mine_controller.core.option import option
from mine_controller.devices import _answer, _prices
from mine_controller.devices._prices import Known
from mine_controller.devices.kind import Ask, BadReply, Can, Found, LaneSpec, Reply
from mine_controller.record import NamedTuple
from mine_controller.wire.door import Request, Wire

CAN = Can(reads=_prices.READS)
LANE = LaneSpec()
HERE = True

AHEAD_S = 30 * _prices.DAY_S
ROWS_MOST = 60_000
DAY_S = _prices.DAY_S
ENDING = ".csv"
EPOCH_LEAST = 10**9
_SEP = re.compile(r'\A[ \t]*"?sep=[;,\t]?"?[;,\t ]*\r?\n', re.IGNORECASE)  # tells a spreadsheet the delimiter
CORRECTED = "your correction? Name a new `path`"  # other options than before: nothing known is compared


class Options(NamedTuple):
    """One table."""

    path: str = option(help="the file; its name ends in .csv", kind="path")
    time_column: str = option("start", help="column of the time from which a price holds")
    end_column: str = option("", help="column of the time to which it holds; empty = until the next row")
    price_column: str = option("price", help="column of the price")
    separator: str = option("comma", choices=("comma", "semicolon", "tab"), help="between two columns")
    decimal_comma: bool = option(False, help="12,5 is a price, too")
    timezone: str = option("UTC", help="of times that name none", example="Europe/Berlin")
    factor: float = option(1.0, low=0.0001, high=10_000, help="times the price makes minor units per kWh")
    share_pct: float = _prices.SHARE_PCT
    add: float = _prices.ADD
    vat_pct: float = _prices.VAT_PCT
    every_s: int = _prices.EVERY_S
    lowest: float = _prices.LOWEST
    highest: float = _prices.HIGHEST


def faults(options: Options) -> list[str]:
    """What is wrong with these options taken together, as sentences."""
    found = [] if options.path.endswith(ENDING) else [f"path: {options.path[-40:]} does not end in {ENDING}"]
    try:
        ZoneInfo(options.timezone)
    except (LookupError, ValueError, OSError):  # ZoneInfoNotFoundError is a LookupError
        found.append(f"timezone: {options.timezone[:40]!r} is no time zone like Europe/Berlin")
    if options.decimal_comma and options.separator == "comma":
        found.append("decimal_comma: needs another separator than the comma")
    return found


def fetch(wire: Wire, options: Options, ask: Ask) -> tuple[Reply, ...]:
    """Replies "former" and "table"."""
    told = wire.call(Request("GET", f"local-csv:{options.path}"), wire.until)
    return _prices.former(ask, options), Reply("table", told.status, dict(told.headers), told.body)


def parse(replies: Sequence[Reply], options: Options) -> tuple[Found, ...]:
    """`slots` and `until`. Raises BadReply."""
    table = next((reply for reply in replies if reply.name == "table"), None)
    if table is None:
        raise BadReply("the table was not read")
    if table.status == 404:
        raise BadReply("there is no such file, or it can't be read")
    if table.status != 200:
        raise BadReply(f"the file can't be read now ({_answer.status_words(table.status)})")
    was = _prices.known(replies)._replace(way=CORRECTED)
    return tuple(_prices.tell(_slots(_rows(table, options), options, was), was, options))


class _Row(NamedTuple):
    start_s: int
    end_s: int | None
    price: float
    lasts_s: int = 0  # from start to end as they are written without a zone; 0: not so written


def _slots(rows: list[_Row], options: Options, was: Known) -> Iterator[Slot]:
    """The rows of yesterday to a month ahead; a table may hold years."""
    del options
    begin_s, end_s = (_prices.since_s(was.wall_s), was.wall_s + AHEAD_S) if was.wall_s else (0, 1 << 60)
    for at, row in enumerate(rows):
        last_s = row.end_s
        next_s = rows[at + 1].start_s if at + 1 < len(rows) else row.start_s + _step_s(rows)
        if last_s is None or (row.lasts_s and row.start_s + row.lasts_s == next_s < last_s):
            last_s = next_s
        if not 0 < last_s - row.start_s <= 400 * DAY_S:
            raise BadReply(f"row {at + 2} ends before it begins, or never")
        if last_s > begin_s and row.start_s < end_s:
            yield Slot(row.start_s, last_s, row.price)


def _step_s(rows: list[_Row]) -> int:
    return rows[-1].start_s - rows[-2].start_s if len(rows) > 1 else 3600


def _rows(table: Reply, options: Options) -> list[_Row]:
    """Every row, in the order of time. Raises BadReply with the line's number."""
    delimiter = {"comma": ",", "semicolon": ";", "tab": "\t"}[options.separator]
    text, above = _SEP.subn("", table.body.decode("utf-8-sig", errors="replace"), count=1)
    reader = csv.DictReader(io.StringIO(text), delimiter=delimiter)
    wanted = [name for name in (options.time_column, options.price_column, options.end_column) if name]
    clock = _Clock(options.timezone)
    rows: list[_Row] = []
    try:
        names = [name.strip() for name in reader.fieldnames or ()]
        missing = [name for name in wanted if name not in names]
        if missing:
            raise BadReply(
                f"no column {missing[0][:30]!r}: the first line names {_answer.clean(', '.join(names), 50)!r}"
            )
        reader.fieldnames = names
        for line in reader:
            told = {name: line.get(name) or "" for name in wanted}
            if "".join(told.values()).strip():  # a spreadsheet goes on saving rows that were emptied
                rows.append(_row(told, options, clock, reader.line_num + above))
            if len(rows) > ROWS_MOST:
                raise BadReply(f"more than {ROWS_MOST} rows")
    except csv.Error as error:
        raise BadReply(f"no table: {_answer.clean(error, 60)}") from None
    return sorted(rows, key=lambda row: row.start_s)  # an end may be None, and compares with nothing


def _row(line: dict[str, str], options: Options, clock: "_Clock", number: int) -> _Row:
    text = line[options.price_column].strip()
    value = _answer.number(text.replace(",", ".") if options.decimal_comma else text)
    start_s = clock.moment_s(line[options.time_column].strip())
    end = line[options.end_column].strip() if options.end_column else ""
    end_s = _Clock(options.timezone, start_s or 0).moment_s(end) if end else None
    lasts_s = _lasts_s(line[options.time_column].strip(), end)
    if end_s is None and start_s is not None and lasts_s:
        end_s = start_s + lasts_s
    if value is None or start_s is None or (end and end_s is None):
        raise BadReply(f"line {number}: {_answer.clean(', '.join(line.values()), 50)!r} is no time and price")
    try:
        return _Row(start_s, end_s, _prices.retail(value * options.factor, options), lasts_s)
    except (ValueError, OverflowError):
        raise BadReply(f"line {number}: {_answer.clean(text, 20)} is no price") from None


def _lasts_s(start: str, end: str) -> int:
    """Seconds between two times as a wall shows them; 0 where one of them names a zone, or is none."""
    try:
        both = [dt.datetime.fromisoformat(text) for text in (start, end)]
    except ValueError:
        return 0
    return 0 if any(one.tzinfo is not None for one in both) else max(0, int((both[1] - both[0]).total_seconds()))


class _Clock:
    """Times as rows give them. Rows come in the order of time, so an hour that comes twice is told apart."""

    def __init__(self, timezone: str, after_s: int = 0) -> None:
        try:
            self.zone = ZoneInfo(timezone)
        except (LookupError, ValueError, OSError):
            raise BadReply(f"no time zone {timezone[:30]!r}") from None
        self.former_s = after_s

    def moment_s(self, text: str) -> int | None:
        """Epoch seconds, or None for no time (or one the clock on the wall never showed)."""
        if text.isascii() and text.isdecimal() and len(text) < 12:
            return int(text) if int(text) >= EPOCH_LEAST else None
        try:
            when = dt.datetime.fromisoformat(text)
        except ValueError:
            return None
        moment_s = int(when.timestamp()) if when.tzinfo is not None else self._local_s(when)
        if moment_s is not None:
            self.former_s = moment_s
        return moment_s

    def _local_s(self, when: dt.datetime) -> int | None:
        first, second = (int(when.replace(tzinfo=self.zone, fold=fold).timestamp()) for fold in (0, 1))
        if first > second:  # the clock jumped over it
            return None
        return second if first <= self.former_s < second else first
