"""Whether what a unit told of itself is of its last asking: what it told before it fell silent is old news. Pure.

A driver tells of a silent unit that its word is unknown and leaves the rest as it was read last. Until that is too old
it counts for who decides (a missed answer is no change), but nobody shows or sums it up as what is so now.
"""

from collections.abc import Mapping
from typing import Final

from mine_controller.core.model.reading import Value

APART_S: Final = 45  # values of one unit are read within so many seconds of each other
NEVER: Final = Value(None, 0)


def told_now(channels: Mapping[str, Value], unit: str, what: str) -> bool:
    """True where `unit` ("bitaxe shelf/02:..") told this (":hashrate_ths") when it was last asked. Its word shows when
    that was: an answer without one is an answer, and one with a word and not this tells that this is unknown.
    """
    value, word = channels.get(f"{unit}{what}", NEVER), channels.get(f"{unit}:word", NEVER)
    if value.why or value.value is None:
        return False
    return value.at_s > word.at_s if word.why else value.at_s >= word.at_s - APART_S
