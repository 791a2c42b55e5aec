"""Noise without memory: the same key and moment always give the same number.

A sensor read twice in one second shows one value, and neither the order of reads nor the door they come through
can change the world. The mixer is the finaliser of splitmix64, a public-domain generator by Sebastiano Vigna.
"""

from typing import Final
from zlib import crc32

_MASK: Final = (1 << 64) - 1
_SD_OF_FOUR: Final = 37837.2  # standard deviation of the sum of four uniform 16-bit numbers


def key_of(seed: int, name: str) -> int:
    """The number a sensor hands to the functions below."""
    return (seed << 32) ^ crc32(name.encode())


def _mixed(key: int, moment: int) -> int:
    x = (key * 0x9E3779B97F4A7C15 + moment * 0xD1B54A32D192ED03 + 0x632BE59BD9B4E019) & _MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    return x ^ (x >> 31)


def normal(key: int, moment: int) -> float:
    """A nearly normal number: mean 0, standard deviation 1, never beyond 3.5."""
    x = _mixed(key, moment)
    total = (x & 0xFFFF) + ((x >> 16) & 0xFFFF) + ((x >> 32) & 0xFFFF) + (x >> 48)
    return (total - 131070) / _SD_OF_FOUR


def uniform(key: int, moment: int) -> float:
    """A number from 0 up to, but not including, 1."""
    return _mixed(key, moment) / (1 << 64)
