"""Does mining pay? Each [profit COIN] says what a coin earns; whoever costs more than it earns rests (economics only).

What a coin earns is written as pence per TH/s and day, or follows from its difficulty, reward and price, which may be
numbers or channels of any endpoint. A difficulty counts 2^32 hashes a share of one (SHA-256 and Scrypt coins), and one
hash a share of one where the coin is mined by RandomX, as Monero and its kin count. A miner is judged by its learned
joules per terahash; of whom nothing was learned nothing is said, and so it is while the price of power, or what the
coin earns, is not known: who rests then rests on, and nobody else is stopped.
With `choose = yes` miners go to the coin that pays most, where no band names one, and stay with it while it is unknown.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from mine_controller.core.model.reading import Value
from mine_controller.core.model.reason import ECONOMICS, Advice, Event, Limit, Reason, Wish
from mine_controller.core.model.wiring import MinerSpec
from mine_controller.core.money.bands import ALGORITHM, can_mine
from mine_controller.core.money.prices import NOW, ROLE
from mine_controller.core.option import option
from mine_controller.core.view import View
from mine_controller.record import NamedTuple

LAYER = ECONOMICS
NEEDS = ()
HASHES = 1 << 32  # a share of difficulty one, on average
DAY_S = 86_400
HOURS = 24
TERA = 10**12
MINOR = 100  # pence of a pound, cents of a euro
FRESH_S = DAY_S


class Section(NamedTuple):
    """One [profit COIN]."""

    value: float = option(0.0, unit="p per TH/s and day", low=0, high=1e15, help="what it earns; 0 = by the others")
    difficulty: float = option(0.0, low=0, high=1e15, help="of the network")
    difficulty_from: str = option("", help="or the channel that tells it", example="ckpool main:difficulty")
    reward: float = option(0.0, low=0, high=1e9, help="coins a block", example="3.125")
    price: float = option(0.0, low=0, high=1e9, help="of a coin, in pounds or euros")
    price_from: str = option("", help="or the channel that tells it")
    fee_pct: float = option(0.0, unit="%", low=0, high=100, help="what the pool keeps")


class Coin(NamedTuple):
    """A coin and what is written of it."""

    name: str
    section: Section


class Options(NamedTuple):
    """[profit] itself."""

    guard: bool = option(True, help="a miner that costs more than it earns rests")
    margin_pct: int = option(5, unit="%", low=0, high=100, help="it must earn so much more before it comes back")
    choose: bool = option(False, help="miners go to the coin that pays most, where no band names one")
    better_pct: int = option(10, unit="%", low=0, high=1000, help="a coin must pay so much more to be gone over to")
    sections: tuple[Coin, ...] = option((), kind="sections", help="filled with the [profit COIN] sections")


SECTION = Section


def with_sections(options: Options, sections: Iterable[tuple[str, Section]]) -> Options:
    """The options with every coin, in the order of the file."""
    return options._replace(sections=tuple(Coin(name, section) for name, section in sections))


def check(options: Options | Section) -> list[str]:
    """What is wrong with one section, as sentences."""
    if isinstance(options, Options) or options.value:
        return []
    missing = [] if options.difficulty or options.difficulty_from else ["difficulty"]
    missing += [] if options.reward else ["reward"]
    missing += [] if options.price or options.price_from else ["price"]
    return [f"says nothing of what it earns: write value, or {', '.join(missing)}"] if missing else []


def value_of(section: Section, channels: dict[str, Value], now_s: int, coin: str = "") -> float | None:
    """Minor units per TH/s and day; None while something of it is not known."""
    if section.value:
        return section.value
    difficulty = _told(section.difficulty_from, channels, now_s) if section.difficulty_from else section.difficulty
    price = _told(section.price_from, channels, now_s) if section.price_from else section.price
    if not difficulty or price is None or difficulty < 0 or price < 0:
        return None
    hashes = 1 if ALGORITHM.get(coin.upper()) == "randomx" else HASHES
    coins = TERA * DAY_S / (difficulty * hashes) * section.reward
    return coins * price * MINOR * (100 - section.fee_pct) / 100


def _told(key: str, channels: dict[str, Value], now_s: int) -> float | None:
    found = channels.get(key)
    if found is None or not isinstance(found.value, int | float) or now_s - found.at_s > FRESH_S:
        return None
    return float(found.value)


def values(options: Options, channels: dict[str, Value], now_s: int) -> dict[str, float]:
    """What each coin earns, of which that is known: minor units per TH/s and day."""
    told = ((coin.name.upper(), value_of(coin.section, channels, now_s, coin.name)) for coin in options.sections)
    return {name: value for name, value in told if value is not None}


def advise(view: View, memory: dict[str, Any], options: Options) -> Advice:
    """Who rests, and where the others go."""
    if not options.sections:
        return Advice(memory=dict(memory))
    known = values(options, view.image.channels, view.now_s)
    price = view.number(NOW)
    was = set(memory.get("resting") or ())
    poor: dict[str, Reason] = {}
    if options.guard and price is not None:
        for spec in view.wiring.miners:
            reason = _poor(view, spec, known, price, options.margin_pct if spec.id in was else 0)
            if reason is None and spec.id in was:
                reason = _worth_unknown(view, spec, options, known)
            if reason is not None:
                poor[spec.id] = reason
    elif options.guard and view.wired(ROLE):
        poor = {name: _unknown(name, "what power costs") for name in sorted(was)}  # not knowing frees nobody
    limits = [
        Limit(ECONOMICS, f"{what} {name}", 0, reason, "gentle")
        for name, reason in poor.items()
        for what in ("off", "ban")
    ]
    kept = {"resting": sorted(poor)}
    wishes, chosen = _wishes(view, memory, options, known) if options.choose else ([], {})
    return Advice(
        tuple(limits), tuple(wishes), tuple(_events(was, poor, price, guard=options.guard)), kept | {"coins": chosen}
    )


def _poor(view: View, spec: MinerSpec, known: dict[str, float], price: float, margin_pct: int) -> Reason | None:
    """Why this miner rests, None when it pays or can't be judged. Pence an hour for each TH/s."""
    unit = view.state.units.get(spec.id)
    coin = _coin_of(view, spec, known)
    if unit is None or not unit.dj_th or coin is None:
        return None
    costs = unit.dj_th / 10 / 1000 * price
    earns = known[coin] / HOURS
    if costs * (100 + margin_pct) / 100 <= earns:
        return None
    numbers = (("miner", spec.id), ("earns", round(earns, 4)), ("costs", round(costs, 4)), ("coin", coin))
    return Reason("profit", "low", numbers)


def _worth_unknown(view: View, spec: MinerSpec, options: Options, known: dict[str, float]) -> Reason | None:
    """Why a miner that rests rests on: its coin has a section, and what that says is not known now."""
    if _coin_of(view, spec, known) is not None:
        return None
    written, own = [coin.name.upper() for coin in options.sections], _coin_by_pool(view, spec)
    mine = [own] if own else [name for name in written if can_mine(spec.group, name)]
    missing = [name for name in mine if name in written and name not in known]
    return _unknown(spec.id, f"what {missing[0]} earns") if missing else None


def _unknown(name: str, what: str) -> Reason:
    return Reason("profit", "unknown", (("miner", name), ("what", what)))


def _coin_by_pool(view: View, spec: MinerSpec) -> str:
    """The coin of the pool it named last, "" where that is none of ours."""
    told = view.image.channels.get(f"{spec.group}/{spec.mac}:pool")
    name = told.value if told is not None else None
    return next((pool.coin.upper() for pool in view.pools if pool.name == name), "")


def _coin_of(view: View, spec: MinerSpec, known: dict[str, float]) -> str | None:
    """What it mines by its own pool, else the best that it could mine; None: nothing is known of that."""
    coin = _coin_by_pool(view, spec)
    if coin:
        return coin if coin in known else None
    able = [one for one in known if can_mine(spec.group, one)]
    return max(able, key=lambda one: known[one], default=None)


def _events(was: set[str], poor: dict[str, Reason], price: float | None, *, guard: bool) -> Iterator[Event]:
    numbers = (("miners", len(poor)), ("price", price if price is not None else "unknown"))
    if poor and not was:
        yield Event("profit_low", "warning", "site", Reason("profit", "all_low", numbers))
    if was and not poor:
        back = Reason("profit", "all_back", numbers) if price is not None and guard else Reason("profit", "unguarded")
        yield Event("profit_back", "info", "site", back)


def _wishes(
    view: View, memory: dict[str, Any], options: Options, known: dict[str, float]
) -> tuple[list[Wish], dict[str, str]]:
    """A pool for each section: the coin that pays most of those it can mine and has a pool for. One that was chosen and
    whose worth is not known now, as after each boot before the line is up, is not left for what is known."""
    were, wishes, chosen = dict(memory.get("coins") or {}), list[Wish](), dict[str, str]()
    written = {coin.name.upper() for coin in options.sections}
    for spec in {one.group: one for one in reversed(view.wiring.miners)}.values():
        pools = {pool.coin.upper(): pool.name for pool in reversed(view.pools) if pool.name in spec.pools}
        able = [coin for coin in known if coin in pools and can_mine(spec.group, coin)]
        was = were.get(spec.group, "")
        if was not in known and was in written and was in pools and can_mine(spec.group, was):
            chosen[spec.group] = was
            held = Reason("profit", "coin_held", (("coin", was),))
            wishes.append(Wish(ECONOMICS, f"pool {spec.group}", pools[was], held))
            continue
        if not able:
            continue
        best = max(able, key=lambda one: (known[one], one))
        if was in able and known[best] * 100 <= known[was] * (100 + options.better_pct):
            best = was
        chosen[spec.group] = best
        reason = Reason("profit", "coin", (("coin", best), ("value", round(known[best], 3))))
        wishes.append(Wish(ECONOMICS, f"pool {spec.group}", pools[best], reason))
    return wishes, chosen
