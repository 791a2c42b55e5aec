"""Price bands: which one holds now, which will hold in each published slot, and who can mine what in it. Pure.

Bands stand from dear to cheap. A price belongs to the cheapest band whose `max_price` lies above it, so a price on an
edge is the dearer band's. Towards dearer or off it goes at once, even a little before the slot begins; towards cheaper
only when the slot after this one qualifies too and the band has been held over `dwell_slots` edges. What is not known
is the default band. A slot of many hours, as a contract's night has, counts as half hours in a row: the dear day after
it is no reason to sleep through it. Moments are wall time in epoch seconds, prices minor units (pence, cents) per kWh.
"""

from collections.abc import Sequence

from mine_controller.core.model.policy import PoolFacts
from mine_controller.core.model.wiring import MinerSpec
from mine_controller.core.money.prices import MOST, Price, Slot, edges, part_at
from mine_controller.core.option import option
from mine_controller.record import NamedTuple

OFF = "off"
BEST = "best"  # the coin that [profit] says pays most

# What a coin is mined with; a coin that is not named here may be mined by whoever may use its pool.
ALGORITHM = {
    **dict.fromkeys(("BTC", "BCH", "BSV", "BC2", "DGB", "XEC", "NMC", "FB", "PPC"), "sha256"),
    **dict.fromkeys(("XMR", "ZEPH", "SAL", "WOW"), "randomx"),
    **dict.fromkeys(("LTC", "DOGE"), "scrypt"),
    "RVN": "kawpow", "RTM": "ghostrider", "KAS": "kheavyhash", "DASH": "x11", "ZEC": "equihash",
}  # fmt: skip
# What kinds of section mine; every other one is of SHA-256 machines. XMRig's own page lists its algorithms.
MINES = {"xmrig": ("randomx", "kawpow", "ghostrider")}
MINES_ELSE = ("sha256",)


class Section(NamedTuple):
    """One [band NAME]."""

    max_price: float = option(
        MOST, unit="p/kWh", low=-MOST, high=MOST, help="prices below this are its; left out: any price", example="12"
    )
    coin: str = option("", help="what is mined: off, best ([profit] says which), or a coin; empty = stays as it is")
    pool: str = option("", help="the [pool] it is mined at; empty = the first one of that coin")
    modes: tuple[str, ...] = option(
        (), help="the mode of each kind (or section) of miners", example="bitaxe eco, nerdqaxe eco, avalon low"
    )
    champion: int = option(
        0, low=0, high=10_000, help="only so many run that can mine its coin, those with the fewest joules; 0 = all"
    )


class Band(NamedTuple):
    """A band with its name."""

    name: str
    section: Section

    @property
    def off(self) -> bool:
        """True when nothing is mined in it."""
        return self.section.coin.lower() == OFF


def _section(max_price: float, coin: str, small: str = "", avalon: str = "") -> Section:
    modes = (f"bitaxe {small}", f"nerdqaxe {small}", f"avalon {avalon}") if small else ()
    return Section(max_price, coin, "", modes, 0)


NOTHING = Band(OFF, Section(MOST, OFF, "", (), 0))  # the band "off" where the owner has none of that name
DEFAULTS = (
    Band("1", _section(MOST, OFF)),
    Band("2", _section(20.0, "DGB", "eco", "low")),
    Band("3", _section(12.0, "DGB", "standard", "medium")),
    Band("4", _section(7.0, "BCH", "overclock", "high")),
    Band("5", _section(4.0, "BTC", "overclock", "high")),
)


class Held(NamedTuple):
    """The band in force, and from which slot on: `from_s` is where that slot begins; 0: a person set it, so that no
    price has to wait until it was held."""

    name: str
    from_s: int


class Pace(NamedTuple):
    """`lead_s`: a dearer slot that begins sooner than this counts already. `lift`: a person wants it on: no band is
    off, the dearest that mines takes its place."""

    default: str = OFF
    dwell_slots: int = 1
    lead_s: int = 180
    lift: bool = False


class Choice(NamedTuple):
    """The band, from when, and why: price (it asks for it), ahead (the next slot does), unknown, next (a cheaper one
    waits: the slot after this is dearer), blind (the same: it is not published), dwell (a cheaper one waits)."""

    band: Band
    from_s: int
    code: str
    price: Price | None


class Planned(NamedTuple):
    """One published slot (of one of many hours a part), the band that will hold in it, and the one its price alone
    would ask for."""

    start_s: int
    end_s: int
    price: Price
    band: Band
    asked: Band


def named(bands: Sequence[Band], name: str) -> Band:
    """The band of this name; off where there is none."""
    return next((band for band in bands if band.name == name), NOTHING)


def band_of(bands: Sequence[Band], price: Price) -> Band:
    """The band a price belongs to."""
    return next((band for band in reversed(bands) if price < band.section.max_price), bands[0] if bands else NOTHING)


def rank(bands: Sequence[Band], band: Band) -> int:
    """How cheap the power is in it: a higher number is cheaper, every band that is off is -1."""
    return -1 if band.off or band not in bands else bands.index(band)


def _lifted(bands: Sequence[Band], band: Band, pace: Pace) -> Band:
    return next((one for one in bands if not one.off), band) if pace.lift and band.off else band


def choose(bands: Sequence[Band], slots: Sequence[Slot], wall_s: int, held: Held | None, pace: Pace) -> Choice:
    """The band for this moment. `held` None: nothing is remembered, so only the dearer of now and next counts."""

    def rank_of(band: Band) -> int:
        return rank(bands, band)

    held = None if held is not None and _is_gone(bands, held) else held
    slot, default = part_at(slots, wall_s), _lifted(bands, named(bands, pace.default), pace)
    if slot is None:
        return _settled(bands, Choice(default, wall_s, "unknown", None), held, pace, True)
    if held is not None and held.from_s > slot.end_s:  # the clock has gone back: nobody knows since when it is held
        held = held._replace(from_s=slot.start_s)
    following = part_at(slots, slot.end_s)
    now = _lifted(bands, band_of(bands, slot.price), pace)
    then = _lifted(bands, band_of(bands, following.price), pace) if following is not None else default
    if slot.end_s - wall_s < pace.lead_s and rank_of(then) < rank_of(now):
        price = following.price if following is not None else None
        code = "ahead" if following is not None else "unknown"
        return _settled(bands, Choice(then, slot.end_s, code, price), held, pace, True)
    cheaper = held is not None and rank_of(now) > rank_of(named(bands, held.name))
    may = not held or not cheaper or not held.from_s or edges(slots, held.from_s, slot.start_s) >= pace.dwell_slots
    if rank_of(then) >= rank_of(now):
        return _settled(bands, Choice(now, slot.start_s, "price", slot.price), held, pace, may)
    waits = "next" if following is not None else "blind"
    return _settled(bands, Choice(then, slot.start_s, waits, slot.price), held, pace, may, now)


def _is_gone(bands: Sequence[Band], held: Held) -> bool:
    """Taken out of the config since, or renamed: it can't be held, and is no reason to be off."""
    return held.name != OFF and held.name not in (band.name for band in bands)


def _settled(
    bands: Sequence[Band], wanted: Choice, held: Held | None, pace: Pace, may: bool, asked: Band | None = None
) -> Choice:
    """What is wanted, as far as it may be had now. `wanted.band` is the dearer of this slot's and the next one's;
    `asked` is what this slot's price alone would ask for, where that is cheaper."""
    if held is None:
        return wanted
    was = _lifted(bands, named(bands, held.name), pace)
    now = wanted.band if asked is None else asked
    if rank(bands, now) <= rank(bands, was):  # dearer, or as it is: never refused
        from_s = held.from_s if held.from_s and now.name == held.name else wanted.from_s
        code = wanted.code if asked is None else "price"
        return Choice(now, from_s, code, wanted.price)
    if not may:
        return Choice(was, held.from_s, "dwell", wanted.price)
    if rank(bands, wanted.band) <= rank(bands, was):
        return Choice(was, held.from_s, wanted.code, wanted.price)
    return wanted


def plan(
    bands: Sequence[Band], slots: Sequence[Slot], wall_s: int, held: Held | None, pace: Pace
) -> tuple[Planned, ...]:
    """Every published slot from now on with the band that will hold in it, if nothing new is published."""
    out: list[Planned] = []
    sharp, ended_s = pace._replace(lead_s=0), wall_s
    for slot in slots:
        if slot.end_s <= wall_s:
            continue
        if slot.start_s > ended_s:  # a gap: the default band holds in it
            blind = choose(bands, slots, ended_s, held, sharp)
            held = Held(blind.band.name, blind.from_s)
        ended_s = slot.end_s
        begin_s, at_s = slot.start_s, max(wall_s, slot.start_s)
        asked = _lifted(bands, band_of(bands, slot.price), pace)
        choice = choose(bands, slots, at_s, held, sharp)
        while choice.band != asked:  # inside a slot of many hours one may be waited for
            held, part = Held(choice.band.name, choice.from_s), part_at(slots, at_s)
            if part is None or part.end_s >= slot.end_s:
                break
            at_s, was = part.end_s, choice.band
            choice = choose(bands, slots, at_s, held, sharp)
            if choice.band != was:
                out.append(Planned(begin_s, at_s, slot.price, was, asked))
                begin_s = at_s
        held = Held(choice.band.name, choice.from_s)
        out.append(Planned(begin_s, slot.end_s, slot.price, choice.band, asked))
    return tuple(out)


def changes(planned: Sequence[Planned], now: str) -> tuple[Planned, ...]:
    """The slots with which another band begins; `now` is the band in force. A gap's default band is not among them."""
    found = []
    for one in planned:
        if one.band.name != now:
            found.append(one)
        now = one.band.name
    return tuple(found)


# -- who mines what ---------------------------------------------------------------------------------------------------


def can_mine(group: str, coin: str) -> bool:
    """True unless the miners of this section are known to be made for something else."""
    algorithm = ALGORITHM.get(coin.upper())
    return algorithm is None or algorithm in MINES.get(group.partition(" ")[0], MINES_ELSE)


def never_mines(group: str, coin: str) -> bool:
    """True where nobody of this section can, whoever asks: a processor's coin on other machines, any other on a
    processor. Machines of one make may be for different coins, so a coin of another machine is not judged here."""
    own, algorithm = MINES.get(group.partition(" ")[0]), ALGORITHM.get(coin.upper())
    if algorithm is None:
        return False
    return algorithm not in own if own is not None else any(algorithm in one for one in MINES.values())


def pool_of(band: Band, spec: MinerSpec, pools: Sequence[PoolFacts]) -> str:
    """The pool this miner works for in the band; "" = it stays where it is."""
    section = band.section
    if band.off or section.coin.lower() == BEST or not can_mine(spec.group, _coin(section, pools)):
        return ""
    if section.pool:
        return section.pool if section.pool in spec.pools else ""
    if not section.coin:
        return ""
    names = (pool.name for pool in pools if pool.coin.upper() == section.coin.upper())
    return next((name for name in names if name in spec.pools), "")


def _coin(section: Section, pools: Sequence[PoolFacts]) -> str:
    """The band's coin, else that of its pool."""
    if section.coin:
        return section.coin
    return next((pool.coin for pool in pools if pool.name == section.pool), "")


def mode_of(band: Band, spec: MinerSpec) -> str:
    """The mode of this miner in the band: its section's own before its kind's; "" = it stays as it is."""
    modes = dict(split_mode(text) for text in band.section.modes)
    mode = modes.get(spec.group) or modes.get(spec.group.partition(" ")[0], "")
    return mode if mode in spec.modes else ""


def split_mode(text: str) -> tuple[str, str]:
    """("bitaxe shelf", "eco") of "bitaxe shelf eco"; the first part is "" where something is missing."""
    whose, _, mode = " ".join(text.split()).rpartition(" ")
    return whose, mode
