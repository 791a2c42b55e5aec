"""The readings of a round by quantity: what their keys say by themselves, taken apart once.

A site asks the same things tick after tick, so the hundreds of readings of a round are judged by the column.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Any, overload

from mine_controller.core.model.quantity import QUANTITIES, WORDS
from mine_controller.core.model.reading import Reading, Scalar
from mine_controller.core.money import prices
from mine_controller.record import NamedTuple

BOOKKEEPING = frozenset({"fails", "memory", "health", "tried", "again"})
# Quantities of which a plausible number is taken as it is: (low, high, decimals). A fall of temp_c is looked at closer.
_PLAIN = {name: (row.low, row.high, row.decimals) for name, row in QUANTITIES.items() if name != "temp_c"}
_CLOSER = BOOKKEEPING | {prices.QUANTITY}
NUMBERS = frozenset({int, float})
MEASURED = Reading._field_defaults["trust"]


class Readings(Sequence[Reading]):
    """A round's readings in their order, as columns; each is made when somebody looks at it.

    `shared`: (why, trust) by group, `whose`: the group of each. `made`: they were readings before.
    """

    __slots__ = ("ats", "keys", "made", "shared", "values", "whose")

    def __init__(
        self,
        keys: tuple[str, ...],
        values: Sequence[Scalar],
        ats: Sequence[int],
        whose: Sequence[int] = (),
        shared: Sequence[tuple[str, str]] = (),
        made: Sequence[Reading] | None = None,
    ) -> None:
        self.keys, self.values, self.ats = keys, values, ats
        self.whose, self.shared, self.made = whose, shared, made

    def __len__(self) -> int:
        return len(self.keys)

    @overload
    def __getitem__(self, at: int) -> Reading: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Reading]: ...
    def __getitem__(self, at: int | slice) -> Reading | Sequence[Reading]:
        if isinstance(at, slice):
            return tuple(self)[at]
        if self.made is not None:
            return self.made[at]
        return Reading(self.keys[at], self.values[at], self.ats[at], *self.shared[self.whose[at]])

    def __iter__(self) -> Iterator[Reading]:
        return iter(self.made) if self.made is not None else (self[at] for at in range(len(self.keys)))

    def __eq__(self, other: object) -> bool:
        return tuple(self) == tuple(other) if isinstance(other, Sequence) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # a column may be a list

    def __repr__(self) -> str:
        return repr(tuple(self))

    def marks(self) -> Iterator[tuple[str, str]]:
        """(why, trust) of each."""
        if self.made is not None:
            return ((one.why, one.trust) for one in self.made)
        return map(self.shared.__getitem__, self.whose)


class Gathered:
    """Readings as they come in, kept as columns: a fleet's are more than a hundred thousand."""

    __slots__ = ("_groups", "ats", "keys", "values", "whose")

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.values: list[Scalar] = []
        self.ats: list[int] = []
        self.whose: list[int] = []
        self._groups: dict[tuple[str, str], int] = {}

    def group(self, why: str, trust: str = MEASURED) -> int:
        """The number to stand in `whose` for readings of which this holds."""
        return self._groups.setdefault((why, trust), len(self._groups))

    def add(self, readings: Iterable[Reading]) -> None:
        """More of them."""
        told = columned(readings)
        self.keys += told.keys
        self.values += told.values
        self.ats += told.ats
        if told.made is not None:
            self.whose += [self.group(one.why, one.trust) for one in told.made]
        else:
            places = [self.group(why, trust) for why, trust in told.shared]
            self.whose += map(places.__getitem__, told.whose)

    def all(self) -> Readings:
        """All of them, in the order they came; nothing is added after."""
        return Readings(tuple(self.keys), self.values, self.ats, self.whose, tuple(self._groups))


def joined(*parts: Iterable[Reading]) -> Readings:
    """One after the other; what stands alone is not copied."""
    told = [readings for readings in map(columned, parts) if readings]
    if len(told) == 1:
        return told[0]
    gathered = Gathered()
    for part in told:
        gathered.add(part)
    return gathered.all()


def columned(readings: Iterable[Reading]) -> Readings:
    """Readings as columns, which they may be already."""
    if isinstance(readings, Readings):
        return readings
    made = tuple(readings)
    return Readings(tuple([one[0] for one in made]), [one[1] for one in made], [one[2] for one in made], made=made)


Picked = Callable[[Sequence[Any]], Sequence[Any]]


class Column(NamedTuple):
    """Readings of one quantity, by place; `of` picks them out of a column of all. `plain`: low, high, decimals of a
    number; else `words` may be, () = any."""

    quantity: str
    keys: tuple[str, ...]
    places: tuple[int, ...]
    of: Picked
    plain: tuple[float, float, int] | None
    words: tuple[str, ...]


class Shape(NamedTuple):
    """What the keys of a round's readings say by themselves. A site asks the same things tick after tick.

    `columns` of what is taken as it is if it is plausible; `closer`: places of the rest. `watts`: endpoints, and what
    picks their outlets' watts. `addresses`: (place, group, unit). `tickets`: whether there are any.
    """

    columns: tuple[Column, ...]
    closer: tuple[int, ...]
    watts: tuple[tuple[str, Picked], ...]
    addresses: tuple[tuple[int, str, str], ...]
    tickets: bool


_shapes: dict[tuple[str, ...], Shape] = {}
SHAPES, LONGEST = 32, 8192  # kept, and keys of each at most; neither garbage nor a huge fleet may fill the memory


def _picked(places: Sequence[int]) -> Picked:
    """Picks what stands at these places, at once."""
    if len(places) > 1:
        return itemgetter(*places)
    (place,) = places
    return itemgetter(slice(place, place + 1))


def shape_of(keys: tuple[str, ...]) -> Shape:
    """Taken apart once: opening rounds and proofs ask for the same keys again and again."""
    if len(keys) > LONGEST:
        return _shape(keys)
    shape = _shapes.get(keys)
    if shape is None:
        if len(_shapes) >= SHAPES:
            _shapes.clear()
        shape = _shapes[keys] = _shape(keys)
    return shape


def _shape(keys: tuple[str, ...]) -> Shape:
    columns: dict[str, list[int]] = {}
    watts: dict[str, list[int]] = {}
    addresses, closer = [], []
    for at, key in enumerate(keys):
        endpoint, slash, rest = key.partition("/")
        quantity = key.rpartition(":")[2]
        if quantity in _PLAIN or not (quantity in QUANTITIES or quantity in _CLOSER or quantity[-1:] == "?"):
            columns.setdefault(quantity, []).append(at)
        else:
            closer.append(at)
        if quantity == "power_w" and slash and ":" in key:
            watts.setdefault(endpoint, []).append(at)
        if quantity == "address" and ":" in key:
            addresses.append((at, endpoint, rest.removesuffix(":address")))
    found = []
    for quantity, every in columns.items():
        places = list({keys[at]: at for at in reversed(every)}.values())[::-1]
        if len(places) < len(every):  # told twice: the newer counts, and one by one that is seen
            closer += sorted(set(every) - set(places))
        found.append(_column(quantity, keys, places))
    meters = tuple((endpoint, _picked(at)) for endpoint, at in watts.items())
    closer.sort()
    return Shape(tuple(found), tuple(closer), meters, tuple(addresses), any(key.endswith(":ticket") for key in keys))


def _column(quantity: str, keys: tuple[str, ...], places: Sequence[int]) -> Column:
    named = tuple([keys[at] for at in places])
    return Column(quantity, named, tuple(places), _picked(places), _PLAIN.get(quantity), WORDS.get(quantity, ()))
