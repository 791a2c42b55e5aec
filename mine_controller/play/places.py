"""What is true at one moment of a weak source, of a home's miners, and under a tariff; what persons asked for."""

from mine_controller.record import NamedTuple


class Weak(NamedTuple):
    """A weak source, the miners on it that can be told something, and the lines out."""

    given_w: float  # what it can give now
    hz: float = 50.0
    phases: int = 3  # that are alive
    lost: frozenset[int] = frozenset()  # the others, from 0
    fed: bool = True
    said: bool = True  # what it can give is told to whoever asks
    lies: bool = False  # something that was true once is told for ever
    measured: bool = True  # the meter on its feed answers, and tells the truth
    heard: bool = True  # the miners' line works
    could_w: float = 0.0  # drawn by those that obey
    online: bool = True
    linked: bool = True  # the router tells the truth about the lines
    lends: bool = True  # the holding pool lives, and does as it is told
    idle_n: int = 0  # awake and well, and without work
    lent_n: int = 0  # at work for the holding pool
    ill: frozenset[int] = frozenset()  # miners with something wrong


class Household(NamedTuple):
    """The miners of a home, in the order of the history's names."""

    works: tuple[bool, ...]  # hashes truly
    fit: tuple[bool, ...]  # nothing is wrong with it, it can be reached, and stands where its owner looks for it
    modes: tuple[str, ...]
    told: tuple[int, ...]  # commands that reached it, of whatever sort
    stops: tuple[int, ...]  # those of them that stop it
    room_c: float = 20.0
    has: tuple[frozenset[str], ...] = ()  # the modes of each


class Priced(NamedTuple):
    """A home that mines by the price, its boards in the order of the history's names. Prices: pence a kWh with VAT."""

    price: float
    then: float  # the price of the next slot
    told: bool  # both are published, and whoever asks is told them
    kinds: tuple[str, ...]  # of the boards' sections
    draws: tuple[bool, ...]  # more than at standby
    works: tuple[bool, ...]  # hashes truly
    fit: tuple[bool, ...]  # nothing is wrong with it, its line or that of its plug, and a pool is within its reach
    modes: tuple[str, ...]
    pools: tuple[str, ...]  # the section of the pool each works for, "" none
    writes: tuple[int, ...]  # modes and pools that were written into it so far
    room_c: float = 20.0


class Wish(NamedTuple):
    """What a person asked for: `words` as typed behind `minectl`, options left out."""

    at_s: float
    words: tuple[str, ...]
