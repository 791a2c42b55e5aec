"""Values by hours or days as one short text, so that a roll-up is a plain reading: "489724 3 120 - 118 121". Pure.

First the number of the newest slot (epoch seconds by its length), then how many samples the newest value stands for,
then the values, oldest first; "-" is a slot of which nothing is known.
"""

import re

from mine_controller.record import NamedTuple

HOUR_S = 3600
DAY_S = 86_400
_WHOLE = re.compile(r"[0-9]{1,25}")


class Series(NamedTuple):
    """`slot` numbers the newest value, which is the last of `values`. Empty: slot 0 and no values."""

    slot: int = 0
    samples: int = 0
    values: tuple[int | None, ...] = ()

    def at(self, slot: int) -> int | None:
        """The value of a slot; None when it is not known or not kept."""
        back = self.slot - slot
        return self.values[-1 - back] if 0 <= back < len(self.values) else None


def read(text: object) -> Series:
    """The series of a text; the empty one for anything else."""
    words = text.split() if isinstance(text, str) and len(text) < 4000 else []
    if len(words) < 3 or not all(_WHOLE.fullmatch(word) for word in words[:2]):
        return Series()
    values = tuple(int(word) if _WHOLE.fullmatch(word) else None for word in words[2:])
    return Series(int(words[0]), max(1, int(words[1])), values)


def write(series: Series) -> str:
    """The text that `read` understands."""
    return " ".join(
        (str(series.slot), str(series.samples), *("-" if one is None else str(one) for one in series.values))
    )


def put(series: Series, slot: int, value: int, most: int, *, mean: bool = False) -> Series:
    """The series with one more sample: the mean of its slot, or the last one. A clock that ran back changes nothing
    but the newest value."""
    gap = slot - series.slot
    if not series.values or gap >= most:
        return Series(slot, 1, (value,))
    if gap > 0:
        return Series(slot, 1, (*series.values, *(None,) * (gap - 1), value)[-most:])
    newest = series.values[-1]
    count = series.samples + 1 if mean else 1
    if mean and newest is not None:
        value = newest + (value - newest) // count
    return Series(series.slot, count, (*series.values[:-1], value))
