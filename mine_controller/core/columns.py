"""The readings of a round by quantity: what their keys say by themselves, taken apart once.

A site asks the same things tick after tick, so the hundreds of readings of a round are judged by the column.
"""

from typing import NamedTuple

from mine_controller.core import prices
from mine_controller.core.model.quantity import QUANTITIES, WORDS

BOOKKEEPING = frozenset({"fails", "memory", "health", "tried", "again"})
# Quantities of which a plausible number is taken as it is: (low, high, decimals). A fall of temp_c is looked at closer.
_PLAIN = {name: (row.low, row.high, row.decimals) for name, row in QUANTITIES.items() if name != "temp_c"}
_CLOSER = BOOKKEEPING | {prices.QUANTITY}
NUMBERS = frozenset({int, float})


class Column(NamedTuple):
    """Readings of one quantity, by place. `plain`: low, high, decimals of a number; else `words` may be, () = any."""

    places: tuple[int, ...]
    plain: tuple[float, float, int] | None
    words: tuple[str, ...]


class Shape(NamedTuple):
    """What the keys of a round's readings say by themselves. A site asks the same things tick after tick.

    `columns` of what is taken as it is if it is plausible; `closer`: places of the rest. `watts`: endpoints and the
    places of their outlets' watts. `addresses`: (place, group, unit).
    """

    columns: tuple[Column, ...]
    closer: tuple[int, ...]
    watts: tuple[tuple[str, tuple[int, ...]], ...]
    addresses: tuple[tuple[int, str, str], ...]


_shapes: dict[tuple[str, ...], Shape] = {}
SHAPES = 32  # kept; garbage must not fill the memory


def shape_of(keys: tuple[str, ...]) -> Shape:
    """Taken apart once: opening rounds and proofs ask for the same keys again and again."""
    shape = _shapes.get(keys)
    if shape is None:
        if len(_shapes) >= SHAPES:
            _shapes.clear()
        shape = _shapes[keys] = _shape(keys)
    return shape


def _shape(keys: tuple[str, ...]) -> Shape:
    columns: dict[str, list[int]] = {}
    watts: dict[str, list[int]] = {}
    addresses, closer, seen = [], [], set[str]()
    for at, key in enumerate(keys):
        endpoint, slash, rest = key.partition("/")
        quantity = key.rpartition(":")[2]
        plain = quantity in _PLAIN or not (quantity in QUANTITIES or quantity in _CLOSER or quantity[-1:] == "?")
        if plain and key not in seen:
            columns.setdefault(quantity, []).append(at)
        else:  # told twice: the newer counts, and one by one that is seen
            closer.append(at)
        seen.add(key)
        if quantity == "power_w" and slash and ":" in key:
            watts.setdefault(endpoint, []).append(at)
        if quantity == "address" and ":" in key:
            addresses.append((at, endpoint, rest.removesuffix(":address")))
    found = (Column(tuple(at), _PLAIN.get(quantity), WORDS.get(quantity, ())) for quantity, at in columns.items())
    places = tuple((endpoint, tuple(at)) for endpoint, at in watts.items())
    return Shape(tuple(found), tuple(closer), places, tuple(addresses))
