"""How values become bytes: one canonical form for hashes, one compact form for keeping.

JSON throughout: it keeps whole numbers, rounded numbers, texts and None exactly, and a person can read it with
`zlib-flate` and `jq`. Names of channels repeat in every reading, so readings are kept as columns by endpoint and
quantity.
"""

import hashlib
import json
import math
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate, chain, islice, pairwise, repeat
from operator import gt, itemgetter
from typing import Any, TypeVar

from mine_controller.record import NamedTuple

COUNTED_FROM = 4  # shorter columns are left as they are
T = TypeVar("T")
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False, check_circular=False)
_COMPACT = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
LONG = 8192  # rows: of more than these no memory is kept; a process that reads thousands of miners is over soon
LEVEL = 6  # zlib: 9 saves 1 % and costs three times the time


def canonical(obj: Any) -> bytes:
    """Give the one byte form of a value that hashes are taken of: sorted keys, no spaces, ASCII.

    Raises ValueError for NaN and infinities.
    """
    return _CANONICAL.encode(obj).encode("ascii")


def sha(obj: Any) -> str:
    """SHA-256 of the canonical form, in hex; NaN and infinities count as null."""
    try:
        return hashlib.sha256(canonical(obj)).hexdigest()
    except ValueError:
        return hashlib.sha256(canonical(_finite(obj))).hexdigest()


def squeeze(obj: Any, rows: int = 0) -> bytes:
    """Give compressed JSON with the order of keys kept. NaN and infinities become null.

    `rows` in it: of more than LONG the text never stands whole in memory, which takes thrice the time.
    """
    if rows <= LONG:
        return zlib.compress(text(obj).encode("ascii"), LEVEL)
    packer = zlib.compressobj(LEVEL)
    return b"".join((*(packer.compress(piece.encode("ascii")) for piece in _pieces(obj)), packer.flush()))


def _pieces(obj: Any) -> Iterator[str]:
    """What `text` gives, bit by bit: as one text the columns of a fleet are many megabytes."""
    if isinstance(obj, dict) and all(isinstance(key, str) for key in obj):
        sign = "{"
        for key, value in obj.items():
            yield f"{sign}{text(key)}:"
            yield from _pieces(value)
            sign = ","
        yield "}" if obj else "{}"
    elif isinstance(obj, list) and obj and isinstance(obj[0], list):
        sign = "["
        for value in obj:
            yield sign
            yield from _pieces(value)
            sign = ","
        yield "]"
    else:
        yield text(obj)


def unsqueeze(body: bytes) -> Any:
    """Undo `squeeze`. Raises ValueError for anything that is not its output."""
    try:
        return json.loads(zlib.decompress(body).decode("utf-8", "surrogatepass"))  # as text: its bytes are let go
    except (zlib.error, TypeError, RecursionError) as error:
        raise ValueError(f"unreadable body: {error}") from error


def text(obj: Any) -> str:
    """Compact JSON in ASCII with the order of keys kept. NaN and infinities become null."""
    try:
        return _COMPACT.encode(obj)
    except ValueError:
        return _COMPACT.encode(_finite(obj))


def _finite(obj: Any) -> Any:
    if isinstance(obj, float):
        return obj if math.isfinite(obj) else None
    if isinstance(obj, dict):
        return {key: _finite(value) for key, value in obj.items()}
    if isinstance(obj, list | tuple):
        return [_finite(value) for value in obj]
    return obj


class Rows(NamedTuple):
    """What to fold, by the column: the key of each row, what it shares with its neighbours, columns of its own."""

    keys: Collection[str]
    shared: Iterable[tuple[Any, ...]]
    own: Sequence[Iterable[Any]]


Code = Callable[[str], "int | str"]
Name = Callable[["int | str"], str]


def _same(name: int | str) -> int | str:
    return name


def _split(key: str) -> tuple[str | None, str, str | None]:
    """Endpoint, quantity and channel of "kind name/channel:quantity"; endpoint None: the key has another shape."""
    source, colon, quantity = key.rpartition(":")
    if not colon:
        return None, "", key
    endpoint, slash, channel = source.partition("/")
    return endpoint, quantity, channel if slash else None


split_key = lru_cache(maxsize=LONG)(_split)  # a demo has thousands of ticks, each with the same keys


def join_key(endpoint: str | None, quantity: str, channel: str | None) -> str:
    """Undo `split_key`."""
    if endpoint is None:
        return channel or ""
    return f"{endpoint}:{quantity}" if channel is None else f"{endpoint}/{channel}:{quantity}"


def fold(rows: Rows, code: Code = _same) -> dict[str, Any]:
    """Rows as columns: "g" groups (endpoint, quantity, shared), "c" channel lists, "v" columns of values.

    "n" holds each distinct channel list once; "o" names the group of every row, only where groups are interleaved.
    `code` may shorten a channel's name.
    """
    places: dict[tuple[Any, ...], int] = {}
    groups: list[list[Any]] = []
    names: list[list[int | str | None]] = []
    order: list[int] = []
    coded: dict[str, int | str] = {}  # a unit's channels have its name: one text, not a dozen
    split = _split if len(rows.keys) > LONG else split_key
    for key, shared in zip(rows.keys, rows.shared, strict=True):
        endpoint, quantity, channel = split(key)
        # The types beside the values: 1, 1.0 and True are equal to Python, different to a record that must be exact.
        place = places.setdefault((endpoint, quantity, *shared, *map(type, shared)), len(groups))
        if place == len(groups):
            groups.append([endpoint, quantity, *shared])
            names.append([])
        if channel is not None and channel not in coded:
            coded[channel] = code(channel)
        names[place].append(None if channel is None else coded[channel])
        order.append(place)
    lists: dict[tuple[Any, ...], int] = {}
    channels = [lists.setdefault(tuple(each), len(lists)) for each in _emptied(names)]
    values: list[list[Any]] = [[] for _ in groups]
    for column in rows.own:
        for own, part in zip(values, _emptied(_parted(column, order, len(groups))), strict=True):
            own.append(_column(part))
    out: dict[str, Any] = {"g": groups, "n": [_column(list(each)) for each in lists], "c": channels, "v": values}
    if any(map(gt, order, islice(order, 1, None))):
        out["o"] = order
    return out


def _emptied(parts: list[list[T]]) -> Iterator[list[T]]:
    """Each in its turn, and let go: the columns of thousands of miners never all stand twice."""
    for place, part in enumerate(parts):
        parts[place] = []
        yield part


def _parted(column: Iterable[Any], order: Sequence[int], groups: int) -> list[list[Any]]:
    """A column taken apart by group."""
    parts: list[list[Any]] = [[] for _ in range(groups)]
    for place, value in zip(order, column, strict=True):
        parts[place].append(value)
    return parts


def _column(column: list[Any]) -> list[Any] | dict[str, Any]:
    """Give the column, or its steps {"d": [first, step, ...]} where whole numbers mostly count on or stay as they are.

    Numbers given to names in the order they came compress to nothing that way.
    """
    if len(column) < COUNTED_FROM or not all(type(value) is int for value in column):
        return column
    steps = [right - left for left, right in pairwise(column)]
    if 2 * (steps.count(0) + steps.count(1)) < len(steps):
        return column
    return {"d": [column[0], *steps]}


def _opened(column: Any) -> list[Any]:
    return list(accumulate(column["d"])) if isinstance(column, dict) else list(column)


class Group(NamedTuple):
    """Neighbours as columns: their keys, what they share, and a column for each of their own values."""

    keys: Sequence[str]
    shared: tuple[Any, ...]
    own: list[list[Any]]


class Keys:
    """Spells the keys of folded columns. What was spelled once is kept: ticks repeat the same lists all year."""

    MOST = 4096  # lists kept; a record of garbage must not fill the memory

    def __init__(self, name: Name | None = None) -> None:
        self.name = name
        self._lists: dict[tuple[Any, ...], int] = {}
        self._spelled: dict[tuple[Any, Any, int], tuple[str, ...]] = {}

    def groups(self, body: dict[str, Any]) -> list[Group]:
        """The groups of a folded body, in their order. KeyError, IndexError, TypeError: it was never folded."""
        if len(self._lists) + len(self._spelled) > self.MOST:
            self._lists, self._spelled = {}, {}
        lists = [_opened(column) for column in body["n"]]
        numbers = [self._lists.setdefault((*names, *map(type, names)), len(self._lists)) for names in lists]
        groups = []
        for (endpoint, quantity, *shared), place, columns in zip(body["g"], body["c"], body["v"], strict=True):
            keys = self._spelled.get((endpoint, quantity, numbers[place]))
            if keys is None:
                keys = self._spell(endpoint, quantity, lists[place])
                self._spelled[endpoint, quantity, numbers[place]] = keys
            groups.append(Group(keys, tuple(shared), [_opened(column) for column in columns]))
        return groups

    def _spell(self, endpoint: str | None, quantity: str, channels: Sequence[Any]) -> tuple[str, ...]:
        name = self.name
        return tuple(
            join_key(endpoint, quantity, channel if channel is None or name is None else name(channel))
            for channel in channels
        )


_NEVER_FOLDED = (KeyError, IndexError, TypeError, AttributeError, StopIteration)


class Order(NamedTuple):
    """The first order of what lies in groups: `of` picks it out of all groups one after the other, `whose` is the
    group of each."""

    of: Callable[[Sequence[Any]], Sequence[Any]]
    whose: tuple[int, ...]


def order_of(body: dict[str, Any], lengths: Iterable[int]) -> Order:
    """The first order of a folded body, by the lengths of its groups. IndexError: it names more than there are."""
    given, sizes = body.get("o"), tuple(lengths)
    order = None if given is None else tuple(given)
    return _order(order, sizes) if sum(sizes) > LONG else _kept_order(order, sizes)


def _order(order: tuple[int, ...] | None, lengths: tuple[int, ...]) -> Order:
    whose = order if order is not None else tuple(group for group, length in enumerate(lengths) for _ in range(length))
    from array import array  # noqa: PLC0415 - start-up is part of every tick

    turns = [iter(range(end - length, end)) for length, end in zip(lengths, accumulate(lengths), strict=True)]
    try:
        places = array("q", (next(turns[group]) for group in whose))
    except (StopIteration, RuntimeError) as error:
        raise IndexError("it names more rows than there are") from error
    if len(places) > LONG:
        return Order(lambda column: list(map(column.__getitem__, places)), whose)
    picked = itemgetter(*places) if len(places) > 1 else itemgetter(slice(len(places)))  # the one there is, or none
    return Order(picked, whose)


_kept_order = lru_cache(maxsize=64)(_order)  # devices answer in the same order all year


Row = tuple[str, tuple[Any, ...], tuple[Any, ...]]


def unfold(body: dict[str, Any], name: Name | None = None) -> Iterator[Row]:
    """Undo `fold`: (key, shared, own) of each row, in their first order, made one after the other.

    Raises ValueError for a body that was never folded.
    """
    try:
        groups = Keys(name).groups(body)
        rows = [zip(keys, repeat(shared), zip(*columns, strict=True)) for keys, shared, columns in groups]
        if any(len(column) != len(keys) for keys, _, columns in groups for column in columns):
            raise IndexError("a column is longer or shorter than its names")
        order = body.get("o")
        yield from chain.from_iterable(rows) if order is None else (next(rows[group]) for group in order)
        if order is not None and len(order) != sum(len(group.keys) for group in groups):
            raise IndexError("rows without a place")
    except (*_NEVER_FOLDED, RuntimeError) as error:
        raise ValueError(f"unreadable columns: {error!r}") from error


def table(rows: Sequence[Any], fields: Sequence[str]) -> dict[str, list[Any]]:
    """NamedTuples as columns by field name."""
    if not rows:
        return {field: [] for field in fields}
    return dict(zip(fields, map(list, zip(*rows, strict=True)), strict=True))
